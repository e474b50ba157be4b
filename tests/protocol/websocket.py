"""XMPP over WebSocket (RFC 7395, RFC 6455): a browser's stream obeys the rules of every other, and its frames theirs."""

import asyncio
import ssl

import _path  # noqa: F401
from _managed import Managed, resumes_over
from harness.certificates import make_certificate
from harness.device import ping
from harness.ns import NS
from harness.sealed import sealed
from harness.stories import run, story
from harness.stream import Disconnected, StreamClosed
from harness.web import BINARY, CLOSE, FRAMING, PING, PONG, TEXT, Pong, WebSocketClosed, WebSocketStream, frame

MANY = {"limits.stanza": 65536}


async def opened(town, **how):
    """A stream before log-in."""
    stream = await town.stream(WebSocketStream).connect_web(**how)
    await stream.opens()
    return stream


@story("RFC 7395 §3.1")
async def the_handshake_agrees_on_xmpp(town):
    stream = await town.stream(WebSocketStream).connect_web(protocol="chat, xmpp")
    assert stream.accepted.status == 101 and stream.accepted.fields["sec-websocket-protocol"] == "xmpp"
    assert "sec-websocket-extensions" not in stream.accepted.fields
    asks = await town.stream(WebSocketStream).connect_web(Sec_WebSocket_Extensions="permessage-deflate")
    assert asks.accepted.status == 101 and "sec-websocket-extensions" not in asks.accepted.fields, "nothing is compressed"


@story("RFC 7395 §3.1")
async def a_handshake_without_xmpp_or_with_faults_is_refused(town):
    for status, how in ((400, {"protocol": "chat"}), (400, {"protocol": None}), (426, {"Sec_WebSocket_Version": "8"}),
                        (400, {"Sec_WebSocket_Key": "c2hvcnQ="}), (426, {"Upgrade": "h2c"}), (404, {"path": "/xmpp"})):
        stream = await town.stream(WebSocketStream).connect_web(**how)
        assert stream.accepted.status == status, (how, stream.accepted)


@story("RFC 6455 §4.1")
async def what_comes_right_behind_the_handshake_is_read_in_order(town):
    early = frame(TEXT, f"<open xmlns='{FRAMING[1:-1]}' to='localhost' version='1.0'/>") + \
        frame(TEXT, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'/>")
    stream = await town.stream(WebSocketStream).connect_web(early=early)
    await stream.sasl_fails_with("invalid-mechanism")


@story("RFC 7395 §3.3.2, §3.4")
async def a_stream_opens_and_offers_no_starttls(town):
    stream = await opened(town)
    assert stream.attributes["from"] == town.place.domain and stream.attributes["version"] == "1.0"
    assert len(stream.attributes["id"]) >= 16
    assert stream.features.find(NS.TLS + "starttls") is None  # §3.9
    assert stream.features.find(NS.SASL + "mechanisms") is not None


@story("RFC 7395 §3.4, §3.5")
async def what_opens_wrongly_gets_open_and_then_the_error(town):
    for header, condition in (
            ("<open xmlns='jabber:client' to='localhost' version='1.0'/>", "invalid-namespace"),
            ("<message xmlns='jabber:client'/>", "bad-format"),
            (f"<open xmlns='{FRAMING[1:-1]}' to='other.example' version='1.0'/>", "host-unknown"),
            (f"<open xmlns='{FRAMING[1:-1]}' version='1.0'/>", "improper-addressing"),
            (f"<open xmlns='{FRAMING[1:-1]}' to='localhost'/>", "unsupported-version")):
        stream = await town.stream(WebSocketStream).connect_web()
        await stream.sends(header)
        first = await stream.next("<open/>")
        assert getattr(first, "attributes", {}).get("id"), first
        await stream.fails_with(condition)


@story("RFC 7395 §3.3.3")
async def a_message_is_one_whole_element_that_stands_alone(town):
    for text, condition in (
            (" ", "bad-format"), ("", "not-well-formed"), ("\n<presence xmlns='jabber:client'/>", "bad-format"),
            ("<iq xmlns='jabber:client' id='a' type='get'/><presence xmlns='jabber:client'/>", "not-well-formed"),
            ("<message xmlns='jabber:client'>", "not-well-formed"), ("<iq xmlns='jabber:client'/>text", "invalid-xml"),
            ("</messages>", "not-well-formed"), ("<!-- --><iq/>", "restricted-xml"), ("<!DOCTYPE a><a/>", "restricted-xml"),
            ("<a:iq xmlns='jabber:client'/>", "not-well-formed"), ("<iq id='a'><b></iq>", "not-well-formed")):
        stream = await opened(town)
        await stream.sends(frame(TEXT, text))
        await stream.fails_with(condition)


@story("RFC 7395 §3.3.3")
async def a_stanza_without_its_namespace_is_no_stanza(town):
    device = await (await town.account("alice")).device(make=WebSocketStream)
    await device.stream.sends(frame(TEXT, "<message to='bob@localhost'><body>a</body></message>"))
    await device.stream.fails_with("unsupported-stanza-type")


@story("RFC 7395 §3.3.3")
async def an_xml_declaration_is_allowed_and_must_be_utf_8(town):
    stream = await town.stream(WebSocketStream).connect_web()
    await stream.opens(f"<?xml version='1.0' encoding='UTF-8'?><open xmlns='{FRAMING[1:-1]}' to='localhost' version='1.0'/>")
    await stream.sends("<?xml version='1.0' encoding='ISO-8859-1'?><auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
    await stream.fails_with("unsupported-encoding")


@story("RFC 7395 §3.7")
async def a_person_logs_in_talks_and_hears(town):
    alice = await (await town.account("alice")).device(make=WebSocketStream)
    bob, = await town.devices("bob")
    await alice.sends(f"<message to='{bob.full}' id='m1' type='chat'>{sealed()}</message>")
    await bob.receives("message", id="m1", from_=alice.full)
    await bob.sends(f"<message to='{alice.full}' id='m2' type='chat'>{sealed()}</message>")
    heard = await alice.receives("message", id="m2", from_=bob.full)
    assert heard.find("{eu.siacs.conversations.axolotl}encrypted") is not None
    login, = [record for record in await town.records(kind="login") if record.get("from", "").startswith(alice.bare)]
    assert login["tls"].startswith("TLSv1"), login


@story("docs/security.md §2: same rules")
async def content_in_the_clear_is_refused_as_anywhere(town):
    alice = await (await town.account("alice")).device(make=WebSocketStream)
    bob, = await town.devices("bob")
    await alice.sends(f"<message to='{bob.full}' id='m1' type='chat'><body>in the clear</body></message>")
    await alice.gets_error("message", "m1", "policy-violation")
    await bob.receives_no("message", before=ping, id="m1")
    await alice.sends(f"<message xmlns='jabber:client' to='{bob.full}' from='mallory@localhost/x' id='m2'/>")
    await alice.stream.fails_with("invalid-from")


@story("RFC 7395 §3.7")
async def behind_log_in_a_stream_opens_anew(town):
    account = await town.account("alice")
    stream = await opened(town)
    original = stream.opens

    async def not_at_all():
        stream.opens = original
    stream.opens = not_at_all
    await stream.authenticates(account.name, account.password)
    await stream.sends("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    await stream.fails_with("bad-format")


@story("RFC 9266, XEP-0440")
async def tls_exporter_binds_a_web_socket_to_its_tls(town):
    stream = await opened(town)
    types = [one.get("type") for one in stream.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")]
    assert "tls-exporter" in types and any(name.endswith("-PLUS") for name in stream.mechanisms())


@story("RFC 7395 §3.6")
async def either_side_closes_first(town):
    stream = await opened(town)
    await stream.sends(f"<close xmlns='{FRAMING[1:-1]}'/>")
    await stream.wait_for(lambda event: isinstance(event, StreamClosed), "<close/>")
    await stream.is_closed_with(1000)
    device = await (await town.account("alice")).device(make=WebSocketStream)
    await town.ctl("session", "kick", device.bare)
    await device.stream.wait_for(lambda event: isinstance(event, StreamClosed), "<close/>")
    await device.stream.is_closed_with(1000)


@story("RFC 6455 §5.5.1, RFC 7395 §3.6")
async def a_close_frame_alone_ends_the_session(town):
    alice = await (await town.account("alice")).device(make=WebSocketStream)
    bob, = await town.devices("bob")
    await alice.is_friends_with(bob)
    await alice.stream.sends(frame(CLOSE, (1001).to_bytes(2, "big") + b"bye"))
    await bob.receives("presence", from_=alice.full, type_="unavailable")
    closed = await alice.stream.wait_for(lambda event: isinstance(event, WebSocketClosed), "a close frame")
    assert closed.code == 1001, closed
    await alice.stream.is_disconnected()


@story("RFC 6455 §5, §7.4: each forbidden frame has its code")
async def forbidden_frames_fail_the_connection_with_their_code(town):
    element = "<presence xmlns='jabber:client'/>"
    for code, what, data in (
            (1002, "not masked", frame(TEXT, element, mask=None)),
            (1002, "RSV1, as if compressed", frame(TEXT, element, rsv=4)),
            (1002, "an unknown opcode", frame(3, element)), (1002, "an unknown control frame", frame(11)),
            (1002, "a continuation of nothing", frame(0, element)),
            (1002, "a message in a message", frame(TEXT, "<a", final=False) + frame(TEXT, "/>")),
            (1002, "a ping in fragments", frame(PING, "a", final=False)), (1002, "a long ping", frame(PING, "a" * 126)),
            (1002, "half a close code", frame(CLOSE, b"\x03")), (1002, "1005 on the wire", frame(CLOSE, b"\x03\xed")),
            (1002, "a length written too long", bytes([0x81, 0xfe, 0, 5]) + b"\0\0\0\0<a b>"),
            (1003, "binary", frame(BINARY, element)), (1003, "binary in fragments", frame(BINARY, b"\0", final=False)),
            (1007, "no UTF-8", frame(TEXT, b"<a b='\xff'/>")), (1007, "a surrogate", frame(TEXT, b"<a b='\xed\xa0\x80'/>")),
            (1007, "half a letter at the end", frame(TEXT, b"<a/>\xc3")),
            (1007, "a close reason that is none", frame(CLOSE, b"\x03\xe8\xff")),
            (1009, "a length of 2^62", bytes([0x81, 0xff]) + (1 << 62).to_bytes(8, "big") + b"\1\2\3\4")):
        stream = await opened(town)
        await stream.sends(data)
        try:
            await stream.is_closed_with(code)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from None


@story("RFC 6455 §5.4, §5.5.2")
async def fragments_are_one_message_and_pings_may_stand_between(town):
    alice = await (await town.account("alice")).device(make=WebSocketStream)
    text = "<iq xmlns='jabber:client' type='get' id='f1'><ping xmlns='urn:xmpp:ping'/></iq>".encode()
    wire = frame(TEXT, text[:1], final=False) + frame(PING, "still?") + frame(0, text[1:20], final=False) + \
        frame(0, b"", final=False) + frame(0, text[20:])
    for byte in range(0, len(wire), 7):
        await alice.stream.sends(wire[byte:byte + 7])
    pong = await alice.stream.wait_for(lambda event: isinstance(event, Pong), "a pong")
    assert pong.payload == b"still?"
    await alice.receives("iq", id="f1", type_="result")
    await alice.stream.sends(frame(PONG, "nobody asked"))
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("docs/security.md §3: limits", options=MANY)
async def the_limits_are_those_of_every_stream(town):
    stream = await opened(town)  # before log-in: 10 KiB, bounced for nobody; twice that is no message any more
    await stream.sends(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{'A' * 11_000}</auth>")
    await stream.fails_with("policy-violation")
    stream = await opened(town)
    await stream.sends(frame(TEXT, b"<a>" + b"a" * 30_000)[:400])
    await stream.is_closed_with(1009)
    alice = await (await town.account("alice")).device(make=WebSocketStream)
    await alice.sends(f"<message to='bob@localhost' id='big'><body>{'a' * 70_000}</body></message>")
    await alice.gets_error("message", "big", "policy-violation")
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")  # and the stream goes on
    await alice.stream.sends(frame(TEXT, b"<a>" + b"a" * 140_000)[:400])
    await alice.stream.is_closed_with(1009)


@story("RFC 7395 §3.8", options={"timeouts.ping": 1, "timeouts.answer": 1})
async def a_silent_browser_is_asked_and_then_ended(town):
    alice = await (await town.account("alice")).device(make=WebSocketStream)
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    alice.stream.answers_pings = False
    await alice.receives("iq", "{urn:xmpp:ping}ping", type_="get")
    await alice.stream.fails_with("connection-timeout")


@story("XEP-0198 §5, RFC 7395 §3.6")
async def a_session_is_resumed_over_another_web_socket(town):
    account = await town.account("alice")
    alice = await Managed.of(await account.device(make=WebSocketStream))
    bob, = await town.devices("bob")
    await alice.stream.drops()
    await bob.sends(f"<message to='{alice.full}' id='m1' type='chat'>{sealed()}</message>")
    again = await resumes_over(town, WebSocketStream, account, alice.full, alice.id)
    await again.receives("message", id="m1")


@story("docs/security.md §2: origins", options={'host["localhost"].http.origins': ["https://chat.example.org"]})
async def pages_of_other_origins_are_refused(town):
    for origin in ("https://localhost", "https://chat.example.org", "https://CHAT.example.org:443"):
        await opened(town, origin=origin)
    for origin in ("https://evil.example", "http://localhost", "https://localhost:8443", "null", "https://chat.example.org.evil"):
        stream = await town.stream(WebSocketStream).connect_web(origin=origin)
        assert stream.accepted.status == 403, (origin, stream.accepted)


@story("docs/security.md §2: origins", alone=True)
async def an_origin_is_allowed_for_its_host_only(town):
    folder = town.options['host["localhost"].tls.key'].parent
    make_certificate(folder, "other.localhost")
    town.options['host["other.localhost"].tls.certificate'] = folder / "other.localhost.pem"
    town.options['host["other.localhost"].tls.key'] = folder / "other.localhost.key"
    town.write_config()
    await town.restart()
    stream = await town.stream(WebSocketStream).connect_web(origin="https://other.localhost")
    await stream.sends(f"<open xmlns='{FRAMING[1:-1]}' to='localhost' version='1.0'/>")
    await stream.fails_with("policy-violation")
    stream = await town.stream(WebSocketStream).connect_web(origin="https://other.localhost")
    await stream.opens(to="other.localhost")


PROXY = {"http.proxies": ["127.0.0.0/8"]}


@story("docs/security.md §2: proxies", options=PROXY)
async def behind_a_declared_proxy_the_client_is_who_it_names(town):
    account = await town.account("alice")
    stream = await town.stream(WebSocketStream).connect_web(
        plain=True, X_Forwarded_For="192.0.2.1, 203.0.113.9", X_Forwarded_Proto="https")
    await stream.opens()
    assert not [name for name in stream.mechanisms() if name.endswith("-PLUS")], "no TLS of ours binds it"
    await stream.authenticates(account.name, account.password)
    await stream.binds()
    login, = [record for record in await town.records(kind="login") if record.get("from", "").startswith(account.bare)]
    assert login["source"] == "203.0.113.9" and "tls" not in login, login


@story("docs/security.md §2: proxies", options=PROXY)
async def who_came_to_the_proxy_without_tls_is_refused(town):
    stream = await town.stream(WebSocketStream).connect_web(plain=True, X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="http")
    assert stream.accepted.status == 403


@story("docs/security.md §2: proxies", options={"http.proxies": ["192.0.2.1"]})
async def without_tls_nobody_else_is_heard(town):
    extra = await town.stream().connect(port=town.place.http_port)
    extra.expects_header()
    assert isinstance(await extra.next(), Disconnected)


@story("docs/security.md §2: proxies")
async def what_a_stranger_says_of_his_address_counts_for_nothing(town):
    account = await town.account("alice")
    stream = await town.stream(WebSocketStream).connect_web(X_Forwarded_For="203.0.113.9")
    await stream.opens()
    await stream.authenticates(account.name, account.password)
    await stream.binds()
    login, = [record for record in await town.records(kind="login") if record.get("from", "").startswith(account.bare)]
    assert login["source"].startswith(town.place.address.split(".")[0] + "."), login


@story("RFC 7301")
async def the_web_port_speaks_http_and_the_xmpp_port_does_not(town):
    for port, protocol in ((town.place.web_port, "xmpp-client"), (town.place.tls_port, "http/1.1")):
        stream = await town.stream().connect(port)
        try:
            await stream.secure(alpn=[protocol])
        except (ConnectionError, ssl.SSLError):
            continue
        raise AssertionError(f"{protocol} is spoken on {port}")


@story("RFC 6120 §4.9.3.20", alone=True)
async def a_server_that_stops_says_that_it_goes_away(town):
    alice = await (await town.account("alice")).device(make=WebSocketStream)
    stopped = asyncio.ensure_future(town.stop())
    await alice.stream.fails_with("system-shutdown", code=1001)
    await stopped


run()
