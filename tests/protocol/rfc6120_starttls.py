"""RFC 6120 §5 and XEP-0368: nothing is said in the clear."""

import ssl

import _path  # noqa: F401
from OpenSSL import SSL
from harness import NS, Disconnected, StreamClosed, run, story
from harness.exporter import ExportingTls, negotiates_anew


@story("RFC 6120 §5.3.1")
async def before_tls_only_tls_is_offered_and_required(town):
    stream = await town.stream().connect()
    features = await stream.opens()
    assert [child.tag for child in features] == [NS.TLS + "starttls"]
    assert features[0].find(NS.TLS + "required") is not None


@story("RFC 6120 §5.3.1")
async def nothing_but_starttls_is_served_before_tls(town):
    for impatient in (
            "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
            "<message to='bob@localhost' id='1'><body>clear</body></message>",
            "<presence/>",
            "<iq type='get' id='1' to='localhost'><query xmlns='jabber:iq:register'/></iq>"):
        stream = await town.stream().connect()
        await stream.opens()
        await stream.sends(impatient)
        await stream.fails_with("not-authorized")
        assert not stream.waiting(lambda event: True), "it was answered"


@story("RFC 6120 §6.5.4")
async def a_log_in_before_tls_is_told_that_it_needs_encryption(town):
    stream = await town.stream().connect()
    await stream.opens()
    for mechanism in ("SCRAM-SHA-1", "PLAIN", "X"):
        await stream.sends(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>biwsbj1hLHI9YQ==</auth>")
        await stream.sasl_fails_with("encryption-required")
    await stream.starts_tls()
    await stream.opens()
    assert stream.mechanisms()


@story("RFC 6120 §5.4.3.3")
async def after_tls_the_features_come_anew(town):
    stream = await town.stream().reaches_tls()
    assert stream.mechanisms(), "no mechanism is offered inside TLS"
    assert stream.features.find(NS.TLS + "starttls") is None


@story("RFC 6120 §5.4.3.3 (CVE-2011-0411)")
async def what_is_injected_behind_starttls_is_not_believed(town):
    stream = await town.stream().connect()
    await stream.opens()
    evil = stream.header() + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>"
    await stream.sends("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" + evil)
    await stream.wait_for(lambda event: getattr(event, "tag", None) == NS.TLS + "proceed", "<proceed/>")
    try:
        await stream.secure()
    except ConnectionError:
        return  # taken for a broken TLS hello: as good
    await stream.opens()
    assert stream.mechanisms()
    assert not stream.waiting(lambda event: not isinstance(event, Disconnected)), "the injected stream was answered"


@story("XEP-0368 §3")
async def direct_tls_speaks_xmpp_client_by_alpn(town):
    stream = await town.stream().connect_tls()
    assert stream.tls.object.selected_alpn_protocol() == "xmpp-client"
    await stream.opens()
    assert stream.mechanisms()


@story("XEP-0368 §3")
async def direct_tls_works_without_alpn_too(town):
    stream = town.stream()
    await stream.connect(town.place.tls_port)
    await stream.secure()
    await stream.opens()
    assert stream.mechanisms()


@story("RFC 6120 §13.8, ANSSI SDE-NT-35")
async def tls_1_3_and_1_2_are_spoken_and_nothing_older(town):
    for version, name in ((ssl.TLSVersion.TLSv1_3, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")):
        stream = await town.stream().connect()
        await stream.opens()
        await stream.starts_tls(version=version)
        assert stream.tls.object.version() == name
        cipher = stream.tls.object.cipher()[0]
        assert "GCM" in cipher or "CHACHA20" in cipher, cipher
    stream = await town.stream().connect()
    await stream.opens()
    await stream.sends("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await stream.wait_for(lambda event: getattr(event, "tag", None) == NS.TLS + "proceed", "<proceed/>")
    await stream.sends(b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x02" + b"\x07" * 32 + b"\x00\x00\x02\xc0\x13\x01\x00")  # TLS 1.1
    await stream.is_disconnected()


@story("RFC 6120 §5.4.2.2")
async def noise_instead_of_a_handshake_ends_the_connection(town):
    stream = await town.stream().connect()
    await stream.opens()
    await stream.sends("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await stream.wait_for(lambda event: getattr(event, "tag", None) == NS.TLS + "proceed", "<proceed/>")
    await stream.sends(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await stream.is_disconnected()
    assert b"</stream:stream>" not in stream.heard and b"stream:error" not in stream.heard, stream.heard


@story("RFC 6120 §5.4.2.2")
async def starttls_inside_tls_fails_and_ends_the_stream(town):
    secured = await town.stream().reaches_tls()
    direct = await town.stream().connect_tls()
    await direct.opens()
    [alice] = await town.devices("alice")
    for stream in (secured, direct, alice.stream):
        await stream.sends("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        assert (await stream.next()).tag == NS.TLS + "failure"
        assert isinstance(await stream.next(), StreamClosed)
        await stream.is_disconnected()


@story("RFC 6120 §5.4.2.1")
async def starttls_of_another_namespace_is_none(town):
    for namespace in ("urn:ietf:params:xml:ns:xmpp-tls:1", "jabber:client"):
        stream = await town.stream().connect()
        await stream.opens()
        await stream.sends(f"<starttls xmlns='{namespace}'/>")
        await stream.fails_with("not-authorized")


@story("RFC 6120 §5.3.5, §13.9.5")
async def who_wants_to_negotiate_tls_anew_is_cut_off(town):
    stream = town.stream()
    await stream.connect(town.place.tls_port)
    await stream.secure(make=ExportingTls, version=SSL.TLS1_2_VERSION)
    await stream.opens()
    heard = await negotiates_anew(stream)
    assert heard[0] == 21 and int.from_bytes(heard[3:5], "big") == len(heard) - 5, heard  # one alert, no stream error


run()
