"""RFC 6120 §8.1.3, §8.4, §11.1: what the server knows beside what it does not, and what it writes itself."""

import re
import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, word_from

PLAIN = {"sealed.mode": "off"}
ROSTER = "<query xmlns='jabber:iq:roster'/>"
ODD = "<x xmlns='urn:example:odd' a='1'>text<y/></x>"
UNKNOWN = "odd='1' xmlns:u='urn:example:u' u:odd='2'"
STANZAS = {NS.CLIENT + name for name in ("message", "presence", "iq")}
COMMON = {"from", "to", "id", "type", NS.XML + "lang"}  # §8.1


def stanzas(device):
    """All that ever came, taken or not."""
    return [element for parser in device.stream._parsers for element in parser.elements if element.tag in STANZAS]


@story("RFC 6120 §8.4: known beside unknown", options=PLAIN)
async def what_the_server_knows_counts_whatever_stands_beside_it_and_the_rest_passes(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    for identity, inner in (("m1", f"<show>dnd</show>{ODD}<priority>-1</priority>"), ("m2", f"{ODD}<priority>-1</priority><show>dnd</show>")):
        bob.stream.heard.clear()
        await alice.sends(f"<presence id='p'>{inner}</presence>")
        arrived = await bob.receives("presence", id="p")
        assert len(arrived) == 3 and ODD.encode() in bob.stream.heard
        await bob.sends(f"<message to='{alice.bare}' id='{identity}' type='chat'><body>x</body></message>")
        await alice.receives_no("message", before=word_from(bob), id=identity)  # the priority counts (RFC 6121 §8.5.2.1.1)
        await alice.sends("<presence id='back'/>")
        await alice.receives("message", id=identity)
        await bob.receives("presence", id="back")
    carol = await town.account("carol")
    hint = "<no-store xmlns='urn:xmpp:hints'/>"
    for identity, inner in (("kept", "<body>x</body>" + ODD), ("lost", "<body>x</body>" + ODD + hint), ("lost", hint + ODD + "<body>x</body>")):
        await alice.sends(f"<message to='{carol.bare}' id='{identity}' type='chat'>{inner}</message>")
    await alice.sends(f"<message to='{bob.full}' id='all' type='chat'>{ODD}<body>x</body>{hint}</message>")
    bob.stream.heard.clear()
    arrived = await bob.receives("message", id="all")
    assert {child.tag for child in arrived} >= {"{urn:example:odd}x", NS.CLIENT + "body", "{urn:xmpp:hints}no-store"}
    desk = await carol.device()
    await desk.receives("message", id="kept", child="{urn:example:odd}x")
    await desk.receives_no("message", before=word_from(alice), id="lost")


@story("RFC 6120 §8.4: attributes", options=PLAIN)
async def an_unknown_attribute_is_ignored_and_passes_only_inside_what_is_for_somebody_else(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    laptop = await alice.account.device()
    # For the server: as if it were not there.
    await alice.sends(f"<iq type='set' id='s' {UNKNOWN}><query xmlns='jabber:iq:roster' {UNKNOWN}>"
                      f"<item jid='nurse@localhost' name='Nurse' {UNKNOWN}><group {UNKNOWN}>Servants</group></item></query></iq>")
    await alice.receives("iq", id="s", type_="result")
    [item] = [item for item in (await alice.asks(ROSTER)).iter(NS.ROSTER + "item") if item.get("jid") == "nurse@localhost"]
    assert item.attrib == {"jid": "nurse@localhost", "name": "Nurse", "subscription": "none"} and len(item) == 1, item.attrib
    assert item[0].text == "Servants" and not item[0].attrib
    await alice.sends(f"<presence id='p' {UNKNOWN}><show {UNKNOWN}>xa</show></presence>")
    # For somebody else: his, but for what stands on the stanza itself.
    inner = f"<x xmlns='urn:example:odd' {UNKNOWN}/>"
    await alice.sends(f"<message to='{bob.full}' id='m' type='chat' {UNKNOWN}>{inner}</message>"
                      f"<iq type='get' to='{bob.full}' id='i' {UNKNOWN}>{inner}</iq>")
    for name, identity, child in (("presence", "p", NS.CLIENT + "show"), ("message", "m", "{urn:example:odd}x"), ("iq", "i", "{urn:example:odd}x")):
        arrived = await bob.receives(name, id=identity, from_=alice.full)
        inside = arrived.find(child)
        assert inside is not None and inside.attrib == {"odd": "1", "{urn:example:u}odd": "2"}, ET.tostring(arrived)
        assert set(arrived.attrib) <= COMMON, arrived.attrib
    assert (await laptop.receives("presence", id="p")).findtext(NS.CLIENT + "show") == "xa"


async def much_happens(town):
    """Of each kind that the server writes: answers, errors, pushes, events, what waited, copies, ends."""
    alice, bob = await town.devices("alice", "bob")
    laptop = await alice.account.device()
    await laptop.sets("<enable xmlns='urn:xmpp:carbons:2'/>")
    await alice.is_friends_with(bob)
    nick = "http://jabber.org/protocol/nick"
    tricky = "&lt;!-- no comment --&gt; &lt;?no instruction?&gt; &lt;!DOCTYPE x&gt; &amp;bomb; ]]&gt; &quot;&apos;&#x26;lt;&#10;&#9;é\U0001f642"
    await alice.asks("<blocklist xmlns='urn:xmpp:blocking'/>")
    for number in range(4):
        await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='contact{number}@localhost' name='{tricky}'><group>{tricky}</group></item></query>")
        await alice.sets(f"<block xmlns='urn:xmpp:blocking'><item jid='nobody{number}@localhost'/></block>")
        await bob.sets(f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='{nick}'><item id='current'>"
                       f"<nick xmlns='{nick}'>{tricky}</nick></item></publish></pubsub>")
    await alice.asks(ROSTER)
    await alice.tries("<a xmlns='urn:a'/>", to="nobody@localhost")
    await alice.sends(f"<message to='nobody@localhost' id='none' type='chat'>{sealed()}</message><presence to='a@far.example' id='far'/>")
    for name, identity in (("message", "none"), ("presence", "far")):
        await alice.receives(name, id=identity, type_="error")
    raw = "<![CDATA[<!-- no comment --><?no instruction?>&bomb;]]>"
    body = f"<body xml:lang='en'>{tricky}{raw}</body><x:y xmlns:x='urn:example:x' x:z='{tricky}'><![CDATA[]]></x:y>"
    await bob.sends(f"<message to='{alice.bare}' id='live' type='chat'>{body}</message>")
    for device in (alice, laptop):
        assert "<!-- no comment --><?no instruction?>&bomb;" in (await device.receives("message", id="live")).findtext(NS.CLIENT + "body")
    await alice.sends(f"<message to='{bob.bare}' id='copied' type='chat'>{body}</message>")
    await laptop.receives("message", child="{urn:xmpp:carbons:2}sent")
    carol = await town.account("carol")
    await bob.sends(f"<message to='{carol.bare}' id='waits' type='chat'>{body}</message>")
    desk = await carol.device()
    await desk.receives("message", id="waits")
    caps = f"<query xmlns='http://jabber.org/protocol/disco#info'><feature var='{nick}+notify'/></query>"
    watcher = await alice.account.device(present=False)
    await watcher.sends("<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.org/c' "
                        "ver='0000000000000000000000000000'/></presence>")
    await watcher.answers(await watcher.receives("iq", type_="get"), caps)
    await bob.leaves()
    await alice.receives("presence", type_="unavailable", from_=bob.full)
    for device in (alice, laptop, desk, watcher):
        await ping(device)
    return alice, laptop, bob, desk, watcher


@story("RFC 6120 §11.1, §8.4", options=PLAIN)
async def what_the_server_writes_has_no_comment_instruction_dtd_or_reference_and_only_the_common_attributes(town):
    for device in await much_happens(town):
        came = bytes(device.stream.heard)
        assert came.count(b"<?xml version='1.0'?>") == 3 and not re.search(rb"<\?(?!xml version='1\.0'\?>)", came)
        assert b"<!" not in came
        references = set(re.findall(rb"&[^;]*;?", came))
        assert references <= {b"&amp;", b"&lt;", b"&gt;", b"&quot;", b"&apos;"} | {b"&#%d;" % code for code in (9, 10, 13)} | {
            b"&#x%s;" % code for code in (b"9", b"A", b"D", b"a", b"d")}, references
        for stanza in stanzas(device):
            assert set(stanza.attrib) <= COMMON, stanza.attrib


@story("RFC 6120 §8.1.3, §8.2.3", options=PLAIN | {"timeouts.ping": 1})
async def what_the_server_asks_and_pushes_has_an_id_that_no_other_has_on_that_stream(town):
    devices = await much_happens(town)
    for _ in range(2):  # behind a silence
        await devices[0].receives("iq", type_="get", child="{urn:xmpp:ping}ping")
    kinds = set()
    for device in devices:
        asked = [stanza for stanza in stanzas(device) if stanza.tag == NS.CLIENT + "iq" and stanza.get("type") in ("get", "set")]
        ids = [stanza.get("id") for stanza in asked]
        assert all(ids) and len(set(ids)) == len(ids), ids
        kinds |= {stanza[0].tag for stanza in asked}
        events = [stanza.get("id") for stanza in stanzas(device) if stanza.find("{http://jabber.org/protocol/pubsub#event}event") is not None]
        assert all(events) and len(set(events)) == len(events), events
    assert kinds >= {NS.ROSTER + "query", "{urn:xmpp:blocking}block", "{urn:xmpp:ping}ping", NS.DISCO_INFO + "query"}, kinds


run()
