"""RFC 6120 §4: how a stream begins, and how it ends when somebody breaks the rules."""

import _path  # noqa: F401
from harness import NS, StreamClosed, ping, run, sealed, story, with_id, word_from
from harness.scram import Scram


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
    for domain in ("nowhere.example", "localhost.example", "localhost/room"):
        stream = await town.stream().connect()
        stream.expects_header()
        await stream.sends(stream.header(to=domain))
        await stream.fails_with("host-unknown")


@story("RFC 6120 §4.7.1")
async def the_servers_header_says_from_whom_it_is_whatever_the_client_wanted(town):
    for header in ({"to": "nowhere.example"}, {"to": ""}, {"to": "@"}, {"version": ""}, {"xmlns": "jabber:server"},
                   {"from": "@"}):
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


@story("RFC 6120 §4.8.5, §4.9.3.2")
async def another_prefix_for_the_stream_is_refused(town):
    for prefix in ("foobar:", ""):
        stream = await town.stream().connect()
        stream.expects_header()
        name = f"xmlns{':' if prefix else ''}{prefix.rstrip(':')}"
        await stream.sends(f"<?xml version='1.0'?><{prefix}stream to='localhost' version='1.0' "
                           f"{name}='http://etherx.jabber.org/streams'{' xmlns=' + chr(39) + 'jabber:client' + chr(39) if prefix else ''}>")
        await stream.fails_with("bad-namespace-prefix" if prefix else "invalid-namespace")


@story("RFC 6120 §4.9.3.1")
async def a_root_that_is_no_stream_has_a_bad_format(town):
    stream = await town.stream().connect()
    stream.expects_header()
    await stream.sends(stream.header().replace("<stream:stream", "<stream:flow"))
    await stream.fails_with("bad-format")


@story("RFC 6120 §4.9.3.13")
async def broken_xml_ends_the_stream(town):
    for broken in ("<a><b></a>", "<iq type=get/>", "<message a='1' a='2'/>", "</nothing>", "<a b='<'/>",
                   "<message xmlns:x=''><x:y/></message>", "<1/>", "\x01>", "<a>\x00</a>", "<x:y/>"):
        stream = await town.stream().connect()
        await stream.opens()
        await stream.sends(broken)
        await stream.fails_with("not-well-formed")


@story("RFC 6120 §4.9.2")
async def a_stream_error_is_one_condition_and_a_text_with_its_language(town):
    stream = await town.stream().connect()
    await stream.opens()
    await stream.sends("<a></b>")
    error = await stream.fails_with("not-well-formed")
    assert [child.tag for child in error] == [NS.STREAM_ERROR + "not-well-formed", NS.STREAM_ERROR + "text"]
    assert error[1].get(NS.XML + "lang") == "en" and error[1].text


@story("RFC 6120 §4.4")
async def whoever_closes_says_so_to_tls_and_hears_the_other_out(town):
    for said in ("</stream:stream>", "<a></b>"):
        [alice] = await town.devices("alice")
        await alice.sends(said)
        await alice.stream.wait_for(lambda event: isinstance(event, StreamClosed), "</stream:stream>")
        await alice.stream.is_disconnected()
        assert alice.stream.tls.was_closed, "no close_notify"
        for _ in range(3):  # the server's end still reads: nothing is reset
            await alice.sends("<presence/>")


@story("RFC 6120 §4.9.1.1")
async def a_stream_error_from_the_client_ends_its_stream_without_another(town):
    known = "<connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
    text = "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>see-other-host</text>"
    for inner in (known, known + text, known + text + "<odd xmlns='urn:example:app'/>", "<unheard-of xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"):
        clear, secured = await town.stream().connect(), await town.stream().reaches_tls()
        await clear.opens()
        [alice] = await town.devices("alice")
        for stream in (clear, secured, alice.stream):
            await stream.sends(f"<stream:error>{inner}</stream:error>")
            assert isinstance(await stream.next(), StreamClosed), inner
            await stream.is_disconnected()


@story("RFC 6120 §4.8.3")
async def a_stanza_of_the_servers_namespace_is_refused(town):
    alice, bob = await town.devices("alice", "bob")
    desk = await alice.account.device()
    clear = await town.stream().connect()
    await clear.opens()
    for stream in (clear, alice.stream):
        await stream.sends(f"<message xmlns='jabber:server' to='{bob.full}' id='s2s' type='chat'>{sealed()}</message>")
        await stream.fails_with("invalid-namespace")
    await word_from(desk)(bob)
    assert not bob.stream.waiting(with_id("s2s"))


@story("RFC 6120 §4.8.4")
async def what_only_looks_like_a_stanza_is_not_delivered(town):
    for name, namespace in (("message", "http://example.org/ns2"), ("message", ""), ("iq", "urn:ietf:params:xml:ns:xmpp-bind"),
                            ("presence", "jabber:component:accept"), ("ns1:foo", "http://example.org/ns1"),
                            ("stream:message", None), ("stream:features", None)):
        alice, bob = await town.devices("alice", "bob")
        desk = await alice.account.device()
        prefix = name.partition(":")[0] if ":" in name else ""
        declared = "" if namespace is None else f"xmlns{':' + prefix if prefix else ''}='{namespace}'"
        await alice.sends(f"<{name} {declared} to='{bob.full}' id='other' type='chat'>{sealed()}</{name}>")
        await alice.stream.fails_with("unsupported-stanza-type")
        await word_from(desk)(bob)
        assert not bob.stream.waiting(with_id("other")), "in whatever namespace"


@story("RFC 6120 §4.8.5, §4.9.3.2")
async def the_content_namespace_has_no_prefix(town):
    for stanza in ("<c:message xmlns:c='jabber:client' to='%s' id='c' type='chat'>%s</c:message>",
                   "<message xmlns:c='jabber:client' to='%s' id='c' type='chat'>%s<c:body>x</c:body></message>"):
        alice, bob = await town.devices("alice", "bob")
        desk = await alice.account.device()
        await alice.sends(stanza % (bob.full, sealed()))
        await alice.stream.fails_with("bad-namespace-prefix")
        await word_from(desk)(bob)
        assert not bob.stream.waiting(with_id("c"))


@story("RFC 6120 §8: a partial stanza")
async def half_a_stanza_is_none(town):
    alice, bob = await town.devices("alice", "bob")
    desk = await alice.account.device()  # of the same account: the same way
    await alice.sends(f"<message to='{bob.full}' id='half' type='chat'>{sealed()}</message")
    await bob.receives_no("message", before=word_from(desk), id="half")
    await alice.drops()
    while alice.full in await town.ctl("session", "list"):
        pass
    await bob.receives_no("message", before=word_from(desk), id="half")


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
    stream = await town.stream().connect()
    stream.expects_header()
    await stream.sends(b"\xef\xbb\xbf" + stream.header().encode())  # U+FEFF is a character, not a mark
    await stream.fails_with("not-well-formed")
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


@story("RFC 6120 §4.9.3.11")
async def text_between_stanzas_is_invalid(town):
    for text in ("x", "<![CDATA[x]]>", "&amp;", "\u00a0", "\ufeff"):
        [alice] = await town.devices("alice")
        await alice.sends(text + "<presence/>")
        await alice.stream.fails_with("invalid-xml")


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
    def stanza(position):
        return f"<message to='{bob.full}' id='split-{position:04d}' type='chat'>{sealed()}</message>".encode()
    length = len(stanza(0))
    for position in range(1, length, 7):
        whole = stanza(position)
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


@story("RFC 6120 §4.8.5, §8.4, §11.6", options={"sealed.mode": "off"})
async def prefixes_and_namespaces_of_the_header_keep_their_meaning(town):
    alice, bob = await town.account("alice"), (await town.devices("bob"))[0]
    stream = await town.stream().reaches_tls()
    declared = {"xmlns:h": "urn:example:header"}
    scram = Scram("SCRAM-SHA-256", alice.name, alice.password)
    await stream.sends(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>{scram.first()}</auth>")
    final = scram.final((await stream.sasl_answer("challenge")).text)
    await stream.sends(f"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{final}</response>")
    await stream.sasl_answer("success")
    await stream.opens(**declared)
    await stream.binds("prefix")
    await stream.sends(f"<message xmlns:s='http://jabber.org/protocol/chatstates' to='{bob.full}' id='p1' type='chat'>"
                       "<s:active h:mood='calm'/><h:note>\ufeffx\ufeff</h:note></message>")
    message = await bob.receives("message", id="p1", child=NS.CHAT_STATES + "active")
    assert message.find(NS.CHAT_STATES + "active").get("{urn:example:header}mood") == "calm"
    assert message.findtext("{urn:example:header}note") == "\ufeffx\ufeff"


run()
