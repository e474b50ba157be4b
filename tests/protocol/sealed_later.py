"""docs/sealed.md 3.6: what was kept while content did not have to be sealed is not shown once it has to be."""

import _path  # noqa: F401
from _managed import Managed
from _pep import AVATAR, NICK, NODE, create, event, event_of, ids, items, nick, owner, publish, retract, subscribe, wants
from harness import NS, ping, run, sealed, story, word_from

OPEN = {"sealed.mode": "off"}
CANARY = "the merger is on friday"
VCARD4 = "urn:xmpp:vcard4"
SUBSCRIPTIONS = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/></pubsub>"
AFFILIATIONS = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><affiliations/></pubsub>"
DISCO_ITEMS = "xmlns='http://jabber.org/protocol/disco#items'"
DISCO_INFO = "xmlns='http://jabber.org/protocol/disco#info'"


async def has_to_be_sealed(town):
    town.options["sealed.mode"] = "required"
    town.write_config()
    assert (await town.reload())[0] == 0
    await town.ctl("session", "list")  # a fence: every shard has run what a reload left it to do


def hears_nothing(*devices):
    for device in devices:
        assert CANARY.encode() not in bytes(device.stream.heard), device.full


def vcard4(inner):
    return f"<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'>{inner}</vcard>"


@story("docs/sealed.md 3.6: published items", options=OPEN, alone=True)
async def items_are_read_by_the_rules_of_now(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    some = {"access_model": "open", "max_items": "10"}
    for item, payload in (("good", nick("Ali")), ("prose", nick(f"{CANARY} {'x' * 64}")), (CANARY, nick("Ali")),
                          ("other", f"<note xmlns='urn:example:x'>{CANARY}</note>")):
        await alice.sets(publish(NICK, payload, item, some))
    await alice.sets(publish(VCARD4, vcard4(f"<fn><text>Alice</text></fn><note><text>{CANARY}</text></note>"), options={"access_model": "open"}))
    await has_to_be_sealed(town)
    bob, phone = await bob.account.device(), await alice.account.device()
    for reader in (bob, phone):
        assert ids(await reader.asks(items(NICK), to=alice.bare)) == ["good"]
        asked = ["good", "prose", "other"] + ([CANARY] if reader is phone else [])  # a question is sealed, too
        named = "".join(f"<item id='{item}'/>" for item in asked)
        assert ids(await reader.asks(items(NICK, named), to=alice.bare)) == ["good"]
        card = await reader.asks(items(VCARD4), to=alice.bare)
        assert card.findtext(".//{urn:ietf:params:xml:ns:vcard-4.0}fn/{urn:ietf:params:xml:ns:vcard-4.0}text") == "Alice"
        await reader.asks(f"<query {DISCO_ITEMS} node='{NICK}'/>", to=alice.bare)
    await wants(bob, NICK)
    await phone.sets(retract(NICK, CANARY, " notify='true'"))  # deleted all the same, and not told
    await phone.sets(publish(NICK, nick("Alice"), "good"))
    assert (await bob.receives("message", child=event_of(NICK))).findtext(f".//{{{NICK}}}nick") == "Alice"
    hears_nothing(bob, phone)


@story("docs/sealed.md 3.6: last items", options=OPEN, alone=True)
async def a_last_item_is_sent_by_the_rules_of_now(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(publish(VCARD4, vcard4(f"<fn><text>Alice</text></fn><note><text>{CANARY}</text></note>")))
    await alice.sets(publish(AVATAR, f"<note xmlns='urn:example:x'>{CANARY}</note>"))
    await alice.sets(publish(NICK, f"<note xmlns='urn:example:x'>{CANARY}</note>", CANARY))
    await has_to_be_sealed(town)
    for account in (alice.account, bob.account):
        device = await account.device(present=False)
        await wants(device, AVATAR, NICK, VCARD4)
        told = await device.receives("message", child=event_of(VCARD4), from_=alice.bare)
        assert told.findtext(".//{urn:ietf:params:xml:ns:vcard-4.0}text") == "Alice"
        await device.receives_no("message", before=word_from(alice), child=f"{NS.PUBSUB_EVENT}event")
        hears_nothing(device)


@story("docs/sealed.md 3.6: nodes that may not be there", options=OPEN, alone=True)
async def of_a_node_that_may_not_be_there_nothing_is_told(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    spoken = f"{NODE}:{CANARY}"
    await alice.sets(create(NICK, access_model="open", title=CANARY))
    for node in (NODE, spoken):
        await alice.sets(create(node, access_model="open", title=CANARY, max_items="10"))
        await alice.sets(publish(node, f"<note xmlns='{NODE}'>x</note>", CANARY))
        await alice.sets(owner("affiliations", node, f"<affiliation jid='{bob.bare}' affiliation='member'/>"))
        await bob.sets(subscribe(node, bob.bare), to=alice.bare)
    await has_to_be_sealed(town)
    bob, carol, phone = await bob.account.device(), await (await town.account("carol")).device(), await alice.account.device()
    for reader in (bob, carol):
        for question in (SUBSCRIPTIONS, AFFILIATIONS, f"<query {DISCO_ITEMS}/>"):
            answer = await reader.asks(question, to=alice.bare)
            assert not {NODE, spoken} & {one.get("node") for one in answer.iter()}
        for question, kind in ((items(NODE), "get"), (f"<query {DISCO_ITEMS} node='{NODE}'/>", "get"), (f"<query {DISCO_INFO} node='{NODE}'/>", "get"),
                               (subscribe(NODE, reader.bare), "set")):
            await reader.is_refused("item-not-found", question, kind, to=alice.bare)
    answer = await phone.asks(owner("configure", NICK))
    assert CANARY not in [value.text for value in answer.iter(NS.FORM + "value")], "a title from before"
    for node in (NODE, spoken):
        await phone.sets(retract(node, CANARY, " notify='true'"))  # its owner may clear it away
        await phone.sets(owner("purge", node))
        await phone.sets(owner("delete", node))
    await bob.receives_no("message", before=word_from(phone), child=f"{NS.PUBSUB_EVENT}event")
    hears_nothing(bob, carol)


@story("docs/sealed.md 3.6: messages that wait", options=OPEN, alone=True)
async def a_message_that_waits_is_delivered_by_the_rules_of_now(town):
    alice, _ = await town.devices("alice", "nobody")
    bob = await town.account("bob")
    for identity, inner in (("clear", f"<body>{CANARY}</body>"), ("sealed", sealed(fallback=CANARY)),
                            ("beside", f"{sealed()}<subject>{CANARY}</subject>"), ("shape", f"<encrypted xmlns='eu.siacs.conversations.axolotl'>{CANARY}</encrypted><store xmlns='urn:xmpp:hints'/>")):
        await alice.sends(f"<message to='{bob.bare}' id='{identity}' type='chat'>{inner}</message>")
        await ping(alice)
    await has_to_be_sealed(town)
    phone = await bob.device()
    for identity in ("sealed", "beside"):
        came = await phone.receives("message")
        assert came.get("id") == identity and came.find(NS.DELAY + "delay") is not None
        assert came.findtext(NS.CLIENT + "body") == "Message chiffré OMEMO / OMEMO-encrypted message"
    await phone.receives_no("message", before=word_from(alice), id="clear")
    hears_nothing(phone)
    await alice.receives_no("message", before=ping, type_="error")  # it would say when he came back
    denied = await town.records(kind="denied", to=bob.bare)
    assert [(record["stanza"], record["reason"], record["from"]) for record in denied] == [
        ("clear", "plaintext", alice.bare), ("shape", "malformed", alice.bare)], denied
    await phone.leaves()
    laptop = await bob.device()  # they do not come back
    await laptop.receives_no("message", before=word_from(alice), from_=alice.full)


@story("docs/sealed.md 3.6: presence and requests for a subscription", options=OPEN, alone=True)
async def presence_and_requests_are_shown_by_the_rules_of_now(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.is_friends_with(bob)
    await bob.becomes_available(f"<show>dnd</show><status>{CANARY}</status>")
    await alice.receives("presence", from_=bob.full, child=NS.CLIENT + "status")
    account = await town.account("dave")
    await carol.sends(f"<presence type='subscribe' to='{account.bare}'><status>{CANARY}</status></presence>")
    await word_from(carol)(alice)
    await has_to_be_sealed(town)
    dave, phone, tablet = await account.device(), await alice.account.device(), await bob.account.device()
    asked = await dave.receives("presence", type_="subscribe", from_=carol.bare)
    assert len(asked) == 0
    for device in (phone, tablet):
        shown = await device.receives("presence", from_=bob.full)
        assert [child.tag for child in shown] == [NS.CLIENT + "show"], "the rest of it stays"
    await dave.sends(f"<presence type='subscribed' to='{carol.bare}'/>")
    hears_nothing(dave, phone, tablet)


@story("docs/sealed.md 3.6: presence of a device whose connection is gone", options=OPEN, alone=True)
async def the_presence_of_who_is_away_for_a_while_is_shown_by_the_rules_of_now(town):
    [alice] = await town.devices("alice")
    phone = await Managed.of(await alice.account.device())
    await phone.becomes_available(f"<show>xa</show><status>{CANARY}</status>")
    await alice.receives("presence", from_=phone.full, child=NS.CLIENT + "status")
    await ping(phone)
    await phone.acks()
    await phone.asks_for_h()
    await phone.is_cut()
    before = await alice.account.device()
    shown = await before.receives("presence", from_=phone.full)
    assert [child.tag for child in shown] == [NS.CLIENT + "show", NS.CLIENT + "status"], "all of it is kept"
    await has_to_be_sealed(town)
    tablet = await alice.account.device()
    shown = await tablet.receives("presence", from_=phone.full)
    assert [child.tag for child in shown] == [NS.CLIENT + "show"], "the rest of it stays"
    hears_nothing(tablet)


@story("docs/sealed.md 3.6: cards and private XML", options=OPEN, alone=True)
async def cards_and_private_xml_are_read_by_the_rules_of_now(town):
    alice, bob = await town.devices("alice", "bob")
    private = "<query xmlns='jabber:iq:private'>%s</query>"
    await alice.sets(f"<vCard xmlns='vcard-temp'><FN>Alice</FN><NOTE>{CANARY}</NOTE></vCard>")
    await alice.sets(private % f"<storage xmlns='storage:rosternotes'><note jid='{bob.bare}'>{CANARY}</note></storage>")
    await alice.sets(private % f"<storage xmlns='storage:bookmarks'><conference jid='r@m.localhost' name='Room'/><url name='{CANARY}' url='x'/></storage>")
    await has_to_be_sealed(town)
    bob, phone = await bob.account.device(), await alice.account.device()
    for device in (bob, phone):
        card = (await device.asks("<vCard xmlns='vcard-temp'/>", to=alice.bare))[0]
        assert [child.tag for child in card] == ["{vcard-temp}FN"]
    assert len((await phone.asks(private % "<storage xmlns='storage:rosternotes'/>"))[0][0]) == 0
    marks = (await phone.asks(private % "<storage xmlns='storage:bookmarks'/>"))[0][0]
    assert [(mark.tag, mark.get("name")) for mark in marks] == [("{storage:bookmarks}conference", "Room")]
    hears_nothing(bob, phone)


run()
