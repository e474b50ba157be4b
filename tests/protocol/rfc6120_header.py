"""RFC 6120 §4.2, §4.3, §4.7: the two headers and the features; nothing of a stream outlives its restart."""

import re

import _path  # noqa: F401
from harness import NS, StreamClosed, run, story
from harness.scram import Scram

SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
LANG = NS.XML + "lang"


def is_header(event):
    return hasattr(event, "attributes")


async def answered(town, **header):
    """The attributes of the server's header to a stream with these, and the stream."""
    stream = await town.stream().connect()
    stream.expects_header()
    await stream.sends(stream.header(**header))
    return (await stream.wait_for(is_header, "the server's header")).attributes, stream


@story("RFC 6120 §4.3.2, §4.7, §11.5, §11.6")
async def a_declaration_a_header_and_features_come_first(town):
    stream = await town.stream().connect()
    await stream.opens()
    assert stream.heard.startswith(b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
                                   b"xmlns:stream='http://etherx.jabber.org/streams' "), stream.heard
    assert stream.heard.endswith(b"</stream:features>") and not stream.waiting(lambda event: True)


@story("RFC 6120 §4.3.3, §4.3.4, §4.7.3, §5.4.3.3, §6.4.6")
async def each_restart_has_a_new_id_new_features_and_no_end_before_it(town):
    alice = await town.account("alice")
    seen = []
    for _ in range(2):
        stream = await town.stream().connect()
        for step in (stream.opens, stream.starts_tls, stream.opens, stream.authenticates):
            await (step(alice.name, alice.password) if step == stream.authenticates else step())
            seen.append((stream.attributes["id"], [child.tag for child in stream.features]))
        assert not stream.waiting(lambda event: isinstance(event, StreamClosed))
        assert b"</stream:stream>" not in stream.heard
        assert stream.heard.count(b"<?xml version='1.0'?><stream:stream ") == 3, "a declaration before each"
        await stream.binds()
    ids = {identity for identity, _ in seen}
    assert len(ids) == 6 and all(re.fullmatch("[0-9a-f]{32}", identity) for identity in ids), ids
    plain, _, secured, authenticated = [features for _, features in seen[:4]]
    assert plain == [NS.TLS + "starttls"]
    assert NS.SASL + "mechanisms" in secured and NS.TLS + "starttls" not in secured and NS.BIND + "bind" not in secured
    assert NS.BIND + "bind" in authenticated and NS.SASL + "mechanisms" not in authenticated


@story("RFC 6120 §4.7.3")
async def an_id_that_a_client_sends_means_nothing(town):
    attributes, stream = await answered(town, id="mine")
    assert attributes["id"] != "mine"
    await stream.wait_for(lambda event: getattr(event, "tag", None) == NS.STREAM + "features", "features")


@story("RFC 6120 §4.7.1, §4.7.2")
async def the_answer_is_addressed_to_whom_the_header_came_from(town):
    for sender, to in ((None, None), ("alice@localhost", "alice@localhost"), ("Alice@LOCALHOST/phone", "alice@localhost")):
        attributes, _ = await answered(town, **{"from": sender})
        assert attributes.get("to") == to and attributes["from"] == "localhost", attributes


@story("RFC 6120 §4.9.3.7")
async def a_header_that_is_improperly_addressed_is_refused(town):
    for header in ({"to": ""}, {"to": "@"}, {"to": "a" * 300}, {"to": "a..b"}, {"from": "@@"}, {"from": "a b@localhost"}):
        attributes, stream = await answered(town, **header)
        assert attributes["from"] == "localhost" and "to" not in attributes, attributes
        await stream.fails_with("improper-addressing")
        assert not stream.takes(lambda event: getattr(event, "tag", None) == NS.STREAM + "features")


async def speaks(town, default):
    for wanted, got in (("fr", "fr"), ("fr-CA", "fr"), ("FR", "fr"), ("en", "en"), ("en-GB", "en"), ("de", default),
                        ("de-CH", default), ("frr", default), ("x", default), ("--", default), ("fr" * 40, default)):
        attributes, _ = await answered(town, lang=wanted)
        assert attributes[LANG] == got, (wanted, attributes)
    attributes, _ = await answered(town, **{"xml:lang": ""})
    assert attributes[LANG] == default, attributes


@story("RFC 6120 §4.7.4")
async def the_header_says_which_language_will_be_spoken(town):
    await speaks(town, "en")


@story("RFC 6120 §4.7.4", options={"default_language": "fr"})
async def who_speaks_another_language_gets_the_servers_default(town):
    await speaks(town, "fr")


@story("RFC 6120 §4.7.5")
async def versions_are_compared_as_numbers(town):
    for version in ("1.0", "1.1", "01.0", "1.00", "2.13", "12.3", "10.0", "4294967297.0"):
        attributes, stream = await answered(town, version=version)
        assert attributes["version"] == "1.0", (version, attributes)
        await stream.wait_for(lambda event: getattr(event, "tag", None) == NS.STREAM + "features", f"features for {version}")


@story("RFC 6120 §4.7.5, §4.9.3.25")
async def a_version_that_is_lower_absent_or_none_is_not_supported(town):
    for version, answer in (("0.9", "0.9"), ("0.12", "0.12"), ("00.010", "0.10"), ("", None), ("1", "1.0"), ("one.two", "1.0"),
                            ("-1.0", "1.0"), ("+1.0", "1.0"), ("1.0.0", "1.0"), (" 1.0", "1.0"), (".", "1.0")):
        attributes, stream = await answered(town, version=version)
        assert attributes.get("version") == answer, (version, attributes)
        await stream.fails_with("unsupported-version")
        assert not stream.takes(lambda event: getattr(event, "tag", None) == NS.STREAM + "features")


@story("RFC 6120 §5.4.3.3")
async def what_was_said_in_the_clear_is_forgotten_inside_tls(town):
    stream = await town.stream().connect()
    await stream.opens(lang="fr", **{"from": "eve@localhost"})
    assert stream.attributes["to"] == "eve@localhost" and stream.attributes[LANG] == "fr"
    await stream.starts_tls()
    await stream.opens(**{"xml:lang": ""})
    assert "to" not in stream.attributes and stream.attributes[LANG] == "en", stream.attributes
    alice = await town.account("alice")
    await stream.authenticates(alice.name, alice.password)  # eve is nobody any more
    await stream.binds()


@story("RFC 6120 §6.4.6, §4.9.3.9")
async def who_logs_in_is_who_the_header_said(town):
    alice, bob = await town.account("alice"), await town.account("bob")
    for claim in (alice.bare, alice.bare.upper(), alice.bare + "/phone"):
        stream = await town.stream().connect_tls()
        await stream.opens(**{"from": claim})
        await stream.authenticates(alice.name, alice.password)
        await stream.binds()
    for claim in (bob.bare, "localhost"):
        stream = await town.stream().connect_tls()
        await stream.opens(**{"from": claim})
        scram = Scram("SCRAM-SHA-256", alice.name, alice.password)
        await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-256'>{scram.first()}</auth>")
        await stream.sends(f"<response {SASL}>{scram.final((await stream.sasl_answer('challenge')).text)}</response>")
        await stream.fails_with("invalid-from")
        assert not stream.takes(lambda event: getattr(event, "tag", "").startswith(NS.SASL)), claim
    failed = await town.records(kind="login-failed", reason="from-differs", from_=alice.bare)
    assert len(failed) == 2, failed


@story("RFC 6120 §4.3.5, §7.3.2")
async def after_bind_the_negotiation_is_over(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    await stream.authenticates(alice.name, alice.password)
    await stream.sends("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
                       "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert [(await stream.next()).get("id") for _ in "bp"] == ["b", "p"]  # neither a header nor features


@story("RFC 6120 §5.3.3, §6.3.5")
async def no_white_space_stands_between_elements_of_a_negotiation(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    await stream.authenticates(alice.name, alice.password)
    await stream.binds()
    assert not re.search(rb">\s|\s<", bytes(stream.heard)), stream.heard


@story("RFC 6120 §11.5")
async def a_standalone_declaration_is_ignored(town):
    for value in ("no", "yes"):
        stream = await town.stream().connect()
        await stream.opens(header=stream.header().replace("?>", f" standalone='{value}'?>", 1))


run()
