"""XEP-0490: the devices of a person agree on what was read; in a node of its own, or with a chat marker."""

import xml.etree.ElementTree as ET

import _path  # noqa: F401
from _pep import PLAIN, event_of, ids, items, publish, retract, retraction_of, wants
from harness import NS, ping, run, sealed, story

MDS = "urn:xmpp:mds:displayed:0"
MARKERS = "{urn:xmpp:chat-markers:0}"
OPTIONS = {"persist_items": "true", "max_items": "max", "send_last_published_item": "never", "access_model": "whitelist"}


def displayed(by, identity, inner=""):
    return f"<displayed xmlns='{MDS}'><stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='{identity}'/>{inner}</displayed>"


def marker(identity="m1"):
    return f"<displayed xmlns='urn:xmpp:chat-markers:0' id='{identity}'/>"


def said(answer):
    """chat -> the id up to which it was read."""
    return {item.get("id"): item.find(f"{{{MDS}}}displayed/{NS.STANZA_ID}stanza-id").get("id")
            for item in answer.iter(NS.PUBSUB + "item")}


@story("XEP-0490 §4.5.2")
async def an_account_says_that_the_server_helps(town):
    [alice] = await town.devices("alice")
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=alice.bare)
    for feature in ("urn:xmpp:mds:server-assist:0", "http://jabber.org/protocol/pubsub#publish-options"):
        assert info.find(f".//{NS.DISCO_INFO}feature[@var='{feature}']") is not None, feature


@story("XEP-0490 §4.1–§4.4")
async def each_chat_has_an_item_that_the_other_devices_hear_of(town):
    [alice] = await town.devices("alice")
    phone = await alice.account.device(present=False)
    await wants(phone, MDS)
    chats = ["bob@localhost", "room@rooms.localhost", "room@rooms.localhost/Some Nick"]
    for number, chat in enumerate(chats):
        await alice.sets(publish(MDS, displayed(alice.bare, f"{number}"), chat, OPTIONS))
        event = await phone.receives("message", child=event_of(MDS))
        assert [item.get("id") for item in event.iter(NS.PUBSUB_EVENT + "item")] == [chat]
    await alice.sets(publish(MDS, displayed(alice.bare, "later"), chats[0], OPTIONS))
    await phone.receives("message", child=event_of(MDS))
    await town.restart()
    again = await alice.account.device()
    assert said(await again.asks(items(MDS))) == {chats[0]: "later", chats[1]: "1", chats[2]: "2"}
    tablet = await alice.account.device(present=False)
    await wants(tablet, MDS)  # nothing by itself: it asks for all (§4.4)
    await tablet.receives_no("message", before=ping, child=event_of(MDS))
    await wants(again, MDS)
    await tablet.sets(retract(MDS, chats[0], " notify='true'"))
    await again.receives("message", child=retraction_of(MDS))


@story("XEP-0490 §7, docs/sealed.md 3.5")
async def nobody_else_learns_what_was_read(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await wants(bob, MDS)
    for options in (None, OPTIONS):  # whatever the client asks for
        await alice.sets(publish(MDS, displayed(alice.bare, "secret1"), bob.bare, options))
        await alice.sets(f"<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><delete node='{MDS}'/></pubsub>")
    await alice.sets(publish(MDS, displayed(alice.bare, "secret1"), bob.bare))
    await bob.is_refused("not-allowed", items(MDS), to=alice.bare, type_="cancel")
    await bob.receives_no("message", before=ping, child=event_of(MDS))
    await alice.is_refused("conflict", publish(MDS, displayed(alice.bare, "2"), bob.bare, {"access_model": "open"}), "set")
    assert b"secret1" not in bytes(bob.stream.heard)


@story("docs/sealed.md 3.5: last displayed")
async def an_item_holds_an_id_and_nothing_else(town):
    [alice] = await town.devices("alice")
    secret = "meet me at the old bridge"
    await alice.sets(publish(MDS, displayed(alice.bare, "1", f"<note>{secret}</note>"), "bob@localhost", OPTIONS))
    assert secret not in ET.tostring(await alice.asks(items(MDS)), encoding="unicode")
    for bad, chat in ((displayed(alice.bare, secret), "bob@localhost"), (displayed(alice.bare, "x" * 129), "bob@localhost"),
                      (f"<displayed xmlns='{MDS}'/>", "bob@localhost"), (displayed("not a@jid@", "1"), "bob@localhost"),
                      (f"<x xmlns='{MDS}'>{secret}</x>", "bob@localhost"), (displayed(alice.bare, "1"), "a b@c d")):
        await alice.is_refused("policy-violation", publish(MDS, bad, chat, OPTIONS), "set", type_="modify")
    assert said(await alice.asks(items(MDS))) == {"bob@localhost": "1"}


# ---- with a message (§4.5)

@story("XEP-0490 §4.5.3, §6.2")
async def a_marker_tells_the_own_devices_too_and_the_other_side_no_id(town):
    alice, bob = await town.devices("alice", "bob")
    phone = await alice.account.device(present=False)
    await wants(phone, MDS)
    await alice.sends(f"<message to='{bob.bare}' type='chat' id='x'>{marker()}{displayed(alice.bare, 'archive-1')}</message>")
    event = await phone.receives("message", child=event_of(MDS))
    [item] = event.iter(NS.PUBSUB_EVENT + "item")
    assert item.get("id") == bob.bare and event.get("from") == alice.bare
    heard = await bob.receives("message", id="x")
    assert heard.find(MARKERS + "displayed") is not None and heard.find(f"{{{MDS}}}displayed") is None
    assert said(await alice.asks(items(MDS))) == {bob.bare: "archive-1"}
    await alice.sends(f"<message to='{bob.bare}' type='chat' id='y'>{sealed()}{displayed(alice.bare, 'archive-2')}</message>")
    await phone.receives("message", child=event_of(MDS))
    assert (await bob.receives("message", id="y")).find(f"{{{MDS}}}displayed") is None
    assert b"archive-" not in bytes(bob.stream.heard)
    assert said(await alice.asks(items(MDS))) == {bob.bare: "archive-2"}
    await bob.is_refused("not-allowed", items(MDS), to=alice.bare)  # the node that was made for it is private
    await town.restart()
    assert said(await (await alice.account.device()).asks(items(MDS))) == {bob.bare: "archive-2"}


@story("XEP-0490 §4.5.3: a message that does not pass")
async def what_is_refused_changes_nothing(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<message to='{bob.bare}' type='chat' id='x'><body>plain</body>{displayed(alice.bare, '1')}</message>")
    await alice.gets_error("message", "x", "policy-violation")
    await alice.sends(f"<message to='{bob.bare}' type='chat' id='y'>{displayed(alice.bare, '1')}</message>")  # otherwise empty
    await alice.gets_error("message", "y", "policy-violation")
    await alice.is_refused("item-not-found", items(MDS))
    await alice.sends(f"<message to='{bob.bare}' id='z'>{marker()}{displayed('no jid @', 'two words')}</message>")
    assert (await bob.receives("message", id="z")).find(f"{{{MDS}}}displayed") is None
    await alice.is_refused("item-not-found", items(MDS))


@story("XEP-0490 §4.5.3", options=PLAIN)
async def an_ordinary_server_strips_it_as_well(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<message to='{bob.bare}' type='chat' id='x'><body>read &amp; done</body><note xmlns='urn:example:n'>n</note>"
                      f"{displayed(alice.bare, 'archive-1')}{marker()}</message>")
    heard = await bob.receives("message", id="x")
    assert heard.findtext(NS.CLIENT + "body") == "read & done" and heard.findtext("{urn:example:n}note") == "n"
    assert heard.find(MARKERS + "displayed") is not None and b"archive-1" not in bytes(bob.stream.heard)
    await ping(alice)
    assert ids(await alice.asks(items(MDS))) == [bob.bare]


if __name__ == "__main__":
    run()
