"""RFC 6120 §4: how a stream begins, and how it ends when somebody breaks the rules."""

import _path  # noqa: F401
from harness import NS, Stream, StreamClosed, run, sealed, story


@story("RFC 6120 §4.7")
async def the_server_answers_with_its_own_header(town):
    first = await town.stream().connect()
    await first.opens(lang="fr")
    second = await town.stream().connect()
    await second.opens()
    assert first.attributes["from"] == "localhost"
    assert first.attributes["version"] == "1.0"
    assert first.attributes[NS.XML + "lang"] == "fr"
    assert len(first.attributes["id"]) >= 16
    assert first.attributes["id"] != second.attributes["id"]


@story("RFC 6120 §4.9.1.2")
async def an_error_during_setup_still_has_a_header_before_it(town):
    stream = await town.stream().connect()
    stream.expects_header()
    await stream.sends(stream.header(to="nowhere.example"))
    await stream.wait_for(lambda event: hasattr(event, "attributes"), "the server's header")
    await stream.fails_with("host-unknown")


@story("RFC 6120 §4.9.3.6")
async def another_domain_is_unknown_here(town):
    for domain in ("nowhere.example", "localhost.example", "xn--nowhere", "a" * 300):
        stream = await town.stream().connect()
        stream.expects_header()
        await stream.sends(stream.header(to=domain))
        await stream.fails_with("host-unknown")


@story("RFC 6120 §4.7.1")
async def the_servers_header_says_from_whom_it_is_whatever_the_client_wanted(town):
    for header in ({"to": "nowhere.example"}, {"to": ""}, {"to": "@"}, {"version": ""}, {"xmlns": "jabber:server"}):
        stream = await town.stream().connect()
        stream.expects_header()
        await stream.sends(stream.header(**header))
        opened = await stream.wait_for(lambda event: hasattr(event, "attributes"), "the server's header")
        assert opened.attributes.get("from") == "localhost", (header, opened)
        assert opened.attributes.get("id"), opened
    stream = await town.stream().connect()
    stream.expects_header()
    await stream.sends("<?xml version='1.0'?><stream:stream xmlns:stream='x' to=>")
    opened = await stream.wait_for(lambda event: hasattr(event, "attributes"), "the server's header")
    assert opened.attributes.get("from") == "localhost", opened
    await stream.fails_with("not-well-formed")


@story("RFC 6120 §4.9.3.10")
async def another_namespace_is_refused(town):
    for wrong in ({"xmlns": "jabber:server"}, {"xmlns": "jabber:nonsense"},
                  {"xmlns:stream": "http://example.org/streams"}):
        stream = await town.stream().connect()
        stream.expects_header()
        await stream.sends(stream.header(**wrong))
        await stream.fails_with("invalid-namespace")


@story("RFC 6120 §4.9.3.25")
async def a_version_below_1_is_refused(town):
    stream = await town.stream().connect()
    stream.expects_header()
    await stream.sends(stream.header(version="0.9"))
    await stream.fails_with("unsupported-version")


@story("RFC 6120 §4.9.3.13")
async def broken_xml_ends_the_stream(town):
    for broken in ("<a><b></a>", "<iq type=get/>", "<message a='1' a='2'/>", "</nothing>", "<a b='<'/>",
                   "<message xmlns:x=''><x:y/></message>", "<1/>", "\x01>", "<a>\x00</a>", "<x:y/>"):
        stream = await town.stream().connect()
        await stream.opens()
        await stream.sends(broken)
        await stream.fails_with("not-well-formed")


@story("RFC 6120 §11.1")
async def comments_instructions_and_dtds_are_restricted(town):
    for restricted in ("<!-- a comment -->", "<a>&bad;</a>", "<message><!-- inside --></message>", "<?php echo 1 ?>"):
        stream = await town.stream().connect()
        await stream.opens()
        await stream.sends(restricted)
        await stream.fails_with("restricted-xml")
    bomb = "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
    stream = await town.stream().connect()
    stream.expects_header()
    await stream.sends(bomb + stream.header().partition("?>")[2])
    await stream.fails_with("restricted-xml")


@story("RFC 6120 §11.6")
async def only_utf_8_is_spoken(town):
    stream = await town.stream().connect()
    stream.expects_header()
    await stream.sends(stream.header().replace("version='1.0'?>", "version='1.0' encoding='UTF-16'?>").encode("utf-16"))
    await stream.fails_with("unsupported-encoding")
    stream = await town.stream().connect()
    stream.expects_header()
    await stream.sends(stream.header().replace("version='1.0'?>", "version='1.0' encoding='ISO-8859-1'?>"))
    await stream.fails_with("unsupported-encoding")
    for bad in (b"<a>\xff</a>", b"<a>\xc0\xaf</a>", b"<a>\xed\xa0\x80</a>", b"<a b='\xf5\x80\x80\x80'/>"):
        stream = await town.stream().connect()
        await stream.opens()
        await stream.sends(bad)
        await stream.fails_with("not-well-formed")


@story("RFC 6120 §4.4")
async def a_polite_end_is_answered_politely(town):
    [alice] = await town.devices("alice")
    await alice.sends("</stream:stream>")
    await alice.stream.wait_for(lambda event: isinstance(event, StreamClosed), "</stream:stream>")
    await alice.stream.is_disconnected()


@story("RFC 6120 §4.6.1")
async def white_space_between_stanzas_means_nothing(town):
    [alice] = await town.devices("alice")
    await alice.sends("  \n\r\n\t ")
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("RFC 6120 §4.9.3.24")
async def what_is_no_stanza_ends_the_stream(town):
    [alice] = await town.devices("alice")
    await alice.sends("<letter to='bob@localhost'/>")
    await alice.stream.fails_with("unsupported-stanza-type")


@story("RFC 6120 §4.9.3.13")
async def broken_xml_after_log_in_ends_only_that_stream(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends("<message><body></message>")
    await alice.stream.fails_with("not-well-formed")
    await bob.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("RFC 6120 §11.3")
async def a_stanza_split_at_any_byte_arrives_once(town):
    alice, bob, clock = await town.devices("alice", "bob", "clock")
    stanza = f"<message to='{bob.full}' id='split-%04d' type='chat'>{sealed()}</message>"
    length = len((stanza % 0).encode())
    for position in range(1, length, 7):
        whole = (stanza % position).encode()
        await alice.sends(whole[:position])
        await clock.asks("<ping xmlns='urn:xmpp:ping'/>")  # the server has been round its loop with half a stanza
        await alice.sends(whole[position:])
    for position in range(1, length, 7):
        await bob.receives("message", id=f"split-{position:04d}")
    assert not bob.stream.waiting(lambda event: True), "something arrived twice"


@story("RFC 6120 §11.3")
async def a_stanza_byte_by_byte_arrives_once(town):
    alice, bob = await town.devices("alice", "bob")
    for byte in f"<message to='{bob.full}' id='drip' type='chat'>{sealed()}</message>".encode():
        await alice.sends(bytes([byte]))
    await bob.receives("message", id="drip")
    assert not bob.stream.waiting(lambda event: True), "something arrived twice"


@story("RFC 6120 §4.1")
async def many_stanzas_in_one_write_all_arrive_in_order(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends("".join(f"<message to='{bob.full}' id='m{number}' type='chat'>{sealed()}</message>"
                              for number in range(200)))
    for number in range(200):
        arrived = await bob.receives("message")
        assert arrived.get("id") == f"m{number}", f"m{number} expected, {arrived.get('id')} came"


@story("RFC 6120 §4.8.5")
async def other_prefixes_and_inherited_namespaces_keep_their_meaning(town):
    alice, bob = await town.account("alice"), (await town.devices("bob"))[0]
    stream = Stream(town.place)
    town.streams.append(stream)
    await stream.reaches_tls()
    await stream.authenticates(alice.name, alice.password)
    await stream.binds("prefix")
    await stream.sends(f"<c:message xmlns:c='jabber:client' xmlns:s='http://jabber.org/protocol/chatstates' "
                       f"to='{bob.full}' id='p1' type='chat'><s:active/></c:message>")
    await bob.receives("message", id="p1", child=NS.CHAT_STATES + "active")


run()
