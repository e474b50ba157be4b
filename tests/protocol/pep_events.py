"""XEP-0163 §4, XEP-0060 §9: who hears of what without having subscribed; and what goes by itself."""

import sqlite3

import _path  # noqa: F401
from _pep import (AVATAR, NICK, affiliations, configure, create, event, event_of, ids, is_refused, items, nick, owner, publish, wants)
from harness import NS, ping, run, story
from harness.corpus import published, write

ADDRESSES = "{http://jabber.org/protocol/address}"
LIST = "eu.siacs.conversations.axolotl.devicelist"
LIST2 = "urn:xmpp:omemo:2:devices"
BUNDLES2 = "urn:xmpp:omemo:2:bundles"
WEEK_MS = 7 * 24 * 3600 * 1000


@story("XEP-0163 §4.3.4: a subscription is approved while the contact is online")
async def a_new_contact_gets_the_last_items_at_once(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(publish(NICK, nick("Ali")))
    await wants(bob, NICK)
    await bob.receives_no("message", before=ping, child=event_of(NICK))
    await bob.sends(f"<presence type='subscribe' to='{alice.bare}'/>")
    await alice.receives("presence", type_="subscribe", from_=bob.bare)
    await alice.sends(f"<presence type='subscribed' to='{bob.bare}'/>")
    last = await bob.receives("message", child=event_of(NICK), from_=alice.bare)
    assert last.findtext(f".//{{{NICK}}}nick") == "Ali" and last.find(NS.DELAY + "delay") is not None
    await bob.receives_no("message", before=ping, child=event_of(NICK))  # once


@story("XEP-0163 §4.3.4: the filter is taken back and set again")
async def who_asks_again_is_told_again_and_who_goes_on_asking_is_not(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(publish(NICK, nick("Ali")))
    await wants(bob, NICK)
    await bob.receives("message", child=event_of(NICK), from_=alice.bare)
    await wants(bob, NICK, AVATAR)
    await bob.receives_no("message", before=ping, child=event_of(NICK))
    await wants(bob, AVATAR)
    await wants(bob, NICK)
    await bob.receives("message", child=event_of(NICK), from_=alice.bare)


@story("XEP-0163 §4.3.4: only what it asked for and may read")
async def a_new_contact_gets_nothing_else(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NICK, access_model="whitelist"))
    await alice.sets(publish(NICK, nick("Ali")))
    await alice.sets(publish(AVATAR, "<metadata xmlns='urn:xmpp:avatar:metadata'/>"))
    await wants(bob, NICK)
    for device in (bob, carol):  # NICK is for neither; of the avatar they want to know nothing
        await alice.is_friends_with(device)
    laptop = await bob.account.device(present=False)
    await wants(laptop, NICK)
    for device in (bob, carol, laptop):
        await device.asks("<query xmlns='http://jabber.org/protocol/disco#items'/>", to=alice.bare)
        for node in (NICK, AVATAR):
            await device.receives_no("message", before=ping, child=event_of(node))


@story("XEP-0060 §4.5, XEP-0163 §4.3.4: roster groups")
async def who_comes_into_the_group_gets_the_last_item(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(create(NICK, access_model="roster", roster_groups_allowed="Friends"))
    await alice.sets(publish(NICK, nick("Ali")))
    await wants(bob, NICK)
    await bob.receives_no("message", before=ping, child=event_of(NICK))
    await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='{bob.bare}'><group>Friends</group></item></query>")
    await bob.receives("message", child=event_of(NICK), from_=alice.bare)
    await alice.sets(publish(NICK, nick("Alice")))
    await bob.receives("message", child=event_of(NICK))


@story("XEP-0060 §9.1.2: whitelist")
async def a_contact_hears_of_what_it_may_read_only(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NICK, access_model="whitelist"))
    for device in (bob, carol):
        await alice.is_friends_with(device)
        await wants(device, NICK)
    await alice.sets(affiliations(NICK, (bob.bare, "member")))
    await alice.sets(publish(NICK, nick("Ali")))
    await bob.receives("message", child=event_of(NICK))
    await carol.receives_no("message", before=ping, child=event_of(NICK))


@story("XEP-0163 §4.3.1")
async def contacts_see_which_device_published_others_do_not(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.is_friends_with(bob)
    await alice.sets(create(NICK, access_model="open"))
    await wants(bob, NICK)
    await carol.sets(f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='{NICK}' jid='{carol.bare}'/></pubsub>",
                     to=alice.bare)
    await alice.sets(publish(NICK, nick("Ali")))
    message = await bob.receives("message", child=event_of(NICK), from_=alice.bare)
    address = message.find(f"{ADDRESSES}addresses/{ADDRESSES}address")
    assert address.get("type") == "replyto" and address.get("jid") == alice.full
    message = await carol.receives("message", child=event_of(NICK), from_=alice.bare)
    assert message.find(f"{ADDRESSES}addresses") is None and alice.full.encode() not in bytes(carol.stream.heard)


@story("XEP-0060 §16.4.4: pubsub#send_last_published_item")
async def the_owner_says_whether_the_last_item_comes(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(create(NICK, access_model="open", send_last_published_item="never"))
    await alice.sets(publish(NICK, nick("Ali")))
    join = f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><%s node='{NICK}' jid='{bob.bare}'/></pubsub>"
    for when, on_sub, on_presence in (("never", False, False), ("on_sub", True, False), ("on_sub_and_presence", True, True)):
        await alice.sets(configure(NICK, send_last_published_item=when))
        await bob.sets(join % "subscribe", to=alice.bare)
        if on_sub:
            await bob.receives("message", child=event_of(NICK))
        await bob.receives_no("message", before=ping, child=event_of(NICK))
        await bob.sets(join % "unsubscribe", to=alice.bare)
        laptop = await bob.account.device(present=False)
        await wants(laptop, NICK)
        if on_presence:
            await laptop.receives("message", child=event_of(NICK))
        await laptop.asks(items(NICK), to=alice.bare)
        await laptop.receives_no("message", before=ping, child=event_of(NICK))
        await laptop.leaves()


# ---- what goes by itself. The clock of a stored row is turned back while the server is away.

def turn_back(town, node, field, by_ms):
    """Makes `field` of the node's stored configuration, a time in milliseconds, older. False: not with this store."""
    if town.store != "sqlite":
        return False
    connection = sqlite3.connect(town.folder / "valise.db", isolation_level=None)
    [[stored]] = connection.execute("SELECT config FROM pep_node WHERE node = ?", (node,)).fetchall()
    at = stored.index(field.encode()) + len(field)
    digits = next(i for i in range(at, len(stored)) if stored[i:i + 13].isdigit())
    older = str(int(stored[digits:digits + 13]) - by_ms).encode()
    connection.execute("UPDATE pep_node SET config = ? WHERE node = ?", (stored[:digits] + older + stored[digits + 13:], node))
    connection.close()
    return True


@story("docs/sealed.md 2.7: a probe that outlives a restart", alone=True)
async def an_old_probe_is_gone_when_its_account_is_asked(town):
    alice, bob = await town.devices("alice", "bob")
    old, new = (f"eu.siacs.conversations.axolotl.3f2504e0-4f89-11d3-9a0c-0305e82c330{i}" for i in "12")
    for node in (old, new):
        await alice.sets(publish(node, "<bundle xmlns='eu.siacs.conversations.axolotl'/>", item=None))
    await town.stop()
    turned = turn_back(town, old, "valise#created", 11 * 60 * 1000)
    await town.start()
    bob = await bob.account.device()
    await bob.asks(items(new), to=alice.bare)
    if turned:
        await bob.is_refused("item-not-found", items(old), to=alice.bare)
        await town.restart()  # it went for good
        bob = await bob.account.device()
        await bob.is_refused("item-not-found", items(old), to=alice.bare)


@story("XEP-0060 §16.4.4: pubsub#item_expire", alone=True)
async def an_item_whose_time_is_over_is_gone(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open", max_items="9", item_expire="3600"))
    for item in "ab":
        await alice.sets(publish(NICK, nick("Ali"), item=item))
    await town.stop()
    if town.store == "sqlite":
        connection = sqlite3.connect(town.folder / "valise.db", isolation_level=None)
        hours = 2 * 3600 * 1000 << 22  # ids count milliseconds
        connection.execute("UPDATE pep_item SET version = version - ? WHERE id = 'a'", (hours,))
        connection.close()
    await town.start()
    alice, bob = [await device.account.device() for device in (alice, bob)]
    expected = ["b"] if town.store == "sqlite" else ["b", "a"]
    assert ids(await bob.asks(items(NICK), to=alice.bare)) == expected
    assert ids(await bob.asks(items(NICK, "<item id='a'/><item id='b'/>"), to=alice.bare)) == expected[::-1]
    listed = await bob.asks(f"<query xmlns='http://jabber.org/protocol/disco#items' node='{NICK}'/>", to=alice.bare)
    assert [item.get("name") for item in listed.iter(NS.DISCO_ITEMS + "item")] == expected
    await alice.sets(publish(NICK, nick("Ali"), item="c"))  # takes what is over with it
    await alice.sets(configure(NICK, item_expire="max"))
    assert ids(await bob.asks(items(NICK), to=alice.bare)) == ["c", *expected]


def device_list(*devices):
    return "<list xmlns='eu.siacs.conversations.axolotl'>" + "".join(f"<device id='{i}'/>" for i in devices) + "</list>"


async def publishes_keys(alice):
    """A bundle of each version; returns (legacy node, its device, the other device)."""
    node, item = published("correct--dino-alice9x0", "eu.siacs.conversations.axolotl.bundles:")
    await alice.sets(publish(node, write(item[0])))
    _, newer = published("pair_profanity_bot--bot-carol1x0", BUNDLES2)
    await alice.sets(publish(BUNDLES2, write(newer[0]), item=newer.get("id")))
    return node, node.partition(":")[2], newer.get("id")


@story("README of modules/pep: bundles that no list names", alone=True)
async def a_bundle_that_no_list_has_named_for_a_week_goes(town):
    alice, bob = await town.devices("alice", "bob")
    node, legacy, newer = await publishes_keys(alice)
    await alice.sets(publish(LIST, device_list(4711)))
    await alice.asks(items(LIST))
    for days, gone in ((6, False), (2, True)):
        await town.stop()
        if not turn_back(town, node, f"valise#unlisted:{legacy}", days * WEEK_MS // 7):
            return
        turn_back(town, BUNDLES2, f"valise#unlisted:{newer}", days * WEEK_MS // 7)
        await town.start()
        alice = await alice.account.device()
        bob = await bob.account.device()
        await alice.tries("<ping xmlns='urn:xmpp:ping'/>")
        if not gone:
            await bob.asks(items(node), to=alice.bare)
            read = await bob.asks(items(BUNDLES2), to=alice.bare)
            assert len(list(read.iter(NS.PUBSUB + "item"))) == 1
            continue
        await alice.receives("message", child=event("delete", node))
        await bob.is_refused("item-not-found", items(node), to=alice.bare)
        read = await bob.asks(items(BUNDLES2), to=alice.bare)
        assert not list(read.iter(NS.PUBSUB + "item"))


@story("README of modules/pep: bundles that a list names", alone=True)
async def a_bundle_that_is_named_again_stays(town):
    alice, bob = await town.devices("alice", "bob")
    node, legacy, newer = await publishes_keys(alice)
    await alice.sets(publish(LIST, device_list(4711)))
    await alice.asks(items(LIST))
    await town.stop()
    turned = turn_back(town, node, f"valise#unlisted:{legacy}", 6 * WEEK_MS // 7)
    await town.start()
    alice = await alice.account.device()
    await alice.sets(publish(LIST, device_list(legacy, newer)))  # either version's list will do
    await alice.asks(items(LIST))
    await town.restart()
    alice, bob = [await device.account.device() for device in (alice, bob)]
    await bob.asks(items(node), to=alice.bare)
    if turned:
        connection = sqlite3.connect(town.folder / "valise.db")
        stored = [config for [config] in connection.execute("SELECT config FROM pep_node")]
        assert not any(b"valise#unlisted" in config for config in stored)
    read = await bob.asks(items(BUNDLES2), to=alice.bare)
    assert len(list(read.iter(NS.PUBSUB + "item"))) == 1


if __name__ == "__main__":
    run()
