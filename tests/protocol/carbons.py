"""XEP-0280: what one device of an account gets or sends, its others see."""

import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, word_from
from _carbons import (OPEN, ARCHIVED, ENABLE, DISABLE, PRIVATE, NO_STORE, COMPOSING, DISPLAYED,
                      _numbers, message, watching, with_a_laptop, sees, seen, knows_nothing_of, round_trip, children)


# -- switching it on and off -----------------------------------------------------------------------------------------
@story("XEP-0280 §3, §6.2")
async def the_server_says_that_it_copies_and_by_which_rules(town):
    [alice] = await town.devices("alice")
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
    features = {feature.get("var") for feature in info.iter(NS.DISCO_INFO + "feature")}
    assert {"urn:xmpp:carbons:2", "urn:xmpp:carbons:rules:0"} <= features


@story("XEP-0280 §4, §5, §10.1")
async def a_client_turns_it_on_and_off_as_often_as_it_likes(town):
    alice, bob = await town.devices("alice", "bob")
    laptop = await alice.account.device("laptop")
    for number, (command, to, on) in enumerate([(ENABLE, None, True), (ENABLE, None, True), (DISABLE, None, False), (DISABLE, laptop.bare, False),
                                                (ENABLE, laptop.bare, True), (DISABLE, None, False), (ENABLE, None, True)]):
        answer = await laptop.sets(command, to=to)
        assert len(answer) == 0 and answer.get("from") in (None, laptop.bare), ET.tostring(answer)
        await alice.sends(message(bob.full, f"m{number}"))
        if on:
            await sees(laptop, "sent", f"m{number}")
        else:
            await knows_nothing_of(laptop, f"m{number}", round_trip(alice, bob))


@story("XEP-0280 §4.1, §5.1", options=OPEN)
async def nobody_turns_it_on_or_off_for_somebody_else(town):
    alice, laptop, bob = [*await with_a_laptop(town, "alice"), *await town.devices("bob")]
    for command in (ENABLE, DISABLE):
        await bob.is_refused("not-allowed", command, "set", to=alice.bare, type_="cancel")
    await laptop.is_refused("service-unavailable", ENABLE, "get")
    await alice.sends(message(bob.full, "m1"))
    await sees(laptop, "sent", "m1")


@story("XEP-0280 §4.1 and docs/sealed.md 3.5")
async def between_people_the_sealed_gate_does_not_know_the_request(town):
    alice, bob = await town.devices("alice", "bob")
    await bob.is_refused("service-unavailable", ENABLE, "set", to=alice.bare)


# -- what is received (§7) --------------------------------------------------------------------------------------------
@story("XEP-0280 §7")
async def a_message_to_one_device_is_seen_by_the_others_that_want_to(town):
    alice, phone, laptop = [*await town.devices("alice"), *await with_a_laptop(town, "bob")]
    watch = await phone.account.device("watch")
    await alice.sends(message(phone.full, "m1"))
    itself = await phone.receives("message", id="m1")
    inner = await sees(laptop, "received", "m1")
    assert inner.attrib == itself.attrib and (inner.get("from"), inner.get("to")) == (alice.full, phone.full)
    assert children(inner) == children(itself) and inner.find(NS.STANZA_ID + "stanza-id").get("by") == phone.bare
    assert inner.find(NS.DELAY + "delay") is None
    await knows_nothing_of(watch, "m1", word_from(alice))
    await word_from(alice)(phone)
    assert seen(phone) == []  # §7: whom it was addressed to gets it once


@story("XEP-0280 §7")
async def a_message_to_the_account_is_seen_by_whom_rfc_6121_leaves_out(town):
    alice, phone, laptop = [*await town.devices("alice"), *await with_a_laptop(town, "bob")]
    negative = await watching(phone.account, "negative", "<priority>-1</priority>")
    silent = await watching(phone.account, "silent", present=False)
    off = await phone.account.device("off", present=False)
    await off.becomes_available("<priority>-1</priority>")
    await alice.sends(message(phone.bare, "m1"))
    for device in (phone, laptop):
        await device.receives("message", id="m1", from_=alice.full)
    for device in (negative, silent):
        assert (await sees(device, "received", "m1")).get("to") == phone.bare
    for device in (phone, laptop, off):
        await knows_nothing_of(device, "m1", word_from(alice))


@story("XEP-0280 §7, RFC 6121 §8.5.2.2.1")
async def a_message_that_waits_is_seen_too_and_collected_later(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    negative = await watching(bob, "negative", "<priority>-1</priority>")
    await alice.sends(message(bob.bare, "m1"))
    inner = await sees(negative, "received", "m1")
    await word_from(alice)(negative)
    assert seen(negative) == []
    phone = await bob.device("phone")
    kept = await phone.receives("message", id="m1")
    assert kept.find(NS.STANZA_ID + "stanza-id").attrib == inner.find(NS.STANZA_ID + "stanza-id").attrib
    assert kept.find(NS.DELAY + "delay") is not None


@story("XEP-0280 §7")
async def presence_does_not_matter_to_copies(town):
    alice, phone, laptop = [*await town.devices("alice"), *await with_a_laptop(town, "bob")]
    await laptop.sends("<presence type='unavailable'/>")
    await laptop.receives("presence", type_="unavailable", from_=laptop.full)
    await alice.sends(message(phone.bare, "m1"))
    await sees(laptop, "received", "m1")
    await phone.sends("<presence type='unavailable'/>")
    await phone.receives("presence", type_="unavailable", from_=phone.full)
    await alice.sends(message(phone.bare, "m2", COMPOSING + NO_STORE))  # nobody takes it, nothing keeps it
    await sees(laptop, "received", "m2")
    await alice.sends(message(phone.bare, "m3", COMPOSING + NO_STORE + PRIVATE))
    await knows_nothing_of(laptop, "m3", word_from(alice))


# -- what is sent (§8) ------------------------------------------------------------------------------------------------
@story("XEP-0280 §8", options={"archive.enabled": False})
async def what_one_device_sends_the_others_see_whether_it_wants_copies_or_not(town):
    phone, laptop, bob = [*await with_a_laptop(town, "alice"), *await town.devices("bob")]
    watch = await phone.account.device("watch")
    for sender, others in ((phone, [laptop]), (laptop, []), (watch, [laptop])):
        identity = f"m{next(_numbers)}"
        await sender.sends(message(bob.bare, identity))
        itself = await bob.receives("message", id=identity)
        for device in others:
            inner = await sees(device, "sent", identity)
            assert (inner.get("from"), inner.get("to")) == (sender.full, bob.bare)
            # No archive of alice's has it, so there is no id by which she would find it.
            assert children(inner) == [child for child in children(itself) if b"stanza-id" not in child]
        for device in {phone, laptop, watch} - set(others):
            await knows_nothing_of(device, identity, round_trip(sender, bob))


@story("XEP-0280 §8, XEP-0359 §3.1, XEP-0313 §5.1", options=ARCHIVED)
async def a_copy_of_what_was_sent_carries_the_id_under_which_the_own_archive_has_it(town):
    phone, laptop, bob = [*await with_a_laptop(town, "alice"), *await town.devices("bob")]
    await phone.sends(message(bob.bare, "m1"))
    itself = (await bob.receives("message", id="m1")).find(NS.STANZA_ID + "stanza-id")
    [stamp] = (await sees(laptop, "sent", "m1")).findall(NS.STANZA_ID + "stanza-id")
    assert stamp.get("by") == phone.bare and stamp.get("id") == itself.get("id") and itself.get("by") == bob.bare
    await phone.sends(message(bob.bare, "m2", sealed() + NO_STORE))
    assert (await sees(laptop, "sent", "m2")).find(NS.STANZA_ID + "stanza-id") is None


@story("XEP-0280 §8, ARCHITECTURE.md: the life of a unit")
async def nobody_sees_a_message_before_it_is_durable(town):
    phone, laptop = await with_a_laptop(town, "alice")
    bob = await town.account("bob")
    negative = await watching(bob, "negative", "<priority>-1</priority>")
    async with town.store_is_paused("msg"):
        await phone.sends(message(bob.bare, "m1"))
        await town.waits_for_the_store(1)
        await ping(laptop)
        assert seen(laptop) == [] and seen(negative) == []
    await sees(laptop, "sent", "m1")
    await sees(negative, "received", "m1")
    assert len(await town.records(stanza="m1", from_=phone.bare)) == 1  # a copy is no message of its own


@story("XEP-0280 §7, XEP-0203, ARCHITECTURE.md: the life of a unit")
async def a_copy_of_what_begins_again_says_when_it_was(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    phone, negative = await bob.device("phone"), await watching(bob, "negative", "<priority>-1</priority>")
    async with town.store_is_paused("msg"):
        await alice.sends(message(bob.bare, "m1"))
        await town.waits_for_the_store(1)
        await phone.drops()
        while any(row["jid"] == phone.full for row in await town.ctl_json("session", "list")):
            pass  # until the server has seen it go
    # Others may have come before it meanwhile.
    assert (await sees(negative, "received", "m1")).find(NS.DELAY + "delay") is not None


@story("XEP-0280 §8, ARCHITECTURE.md: the life of a unit")
async def who_begins_to_watch_while_a_message_waits_for_the_store_sees_it(town):
    [phone] = await town.devices("alice")
    bob = await town.account("bob")
    laptop = await phone.account.device("laptop")
    async with town.store_is_paused("msg"):
        await phone.sends(message(bob.bare, "m1"))
        await town.waits_for_the_store(1)
        await laptop.sets(ENABLE)
    await sees(laptop, "sent", "m1")


@story("XEP-0280 §8, RFC 6121 §8.5.2.2.1")
async def a_marker_is_seen_by_the_own_devices_when_its_reader_is_away(town):
    phone, laptop = await with_a_laptop(town, "alice")
    bob = await town.account("bob")
    await phone.sends(message(bob.bare, "m1", DISPLAYED))
    inner = await sees(laptop, "sent", "m1")
    assert inner.find("{urn:xmpp:chat-markers:0}displayed") is not None


@story("XEP-0280 §7, §8: to oneself")
async def a_message_to_oneself_reaches_each_device_once(town):
    phone, laptop = await with_a_laptop(town, "alice")
    negative = await watching(phone.account, "negative", "<priority>-1</priority>")
    devices = {"phone": phone, "laptop": laptop, "negative": negative}
    for to, receivers, watchers in ((phone.bare, "phone laptop", "negative"), (laptop.full, "laptop", "negative"),
                                    (phone.full, "phone", "laptop negative"), (negative.full, "negative", "laptop")):
        identity = f"m{next(_numbers)}"
        await phone.sends(message(to, identity))
        for name in receivers.split():
            await devices[name].receives("message", id=identity)
        for name in watchers.split():
            await sees(devices[name], "sent", identity)
        for device in devices.values():
            await knows_nothing_of(device, identity, word_from(phone))


@story("RFC 6120 §10.1")
async def copies_keep_the_order_of_the_messages(town):
    phone, laptop, bob, tablet = await with_a_laptop(town, "alice", "bob")
    ids = [f"o{number}" for number in range(40)]
    await phone.sends("".join(message(bob.full, identity, COMPOSING + NO_STORE if number % 3 == 2 else None)
                              for number, identity in enumerate(ids)))
    await sees(tablet, "received", ids[-1])
    assert seen(tablet) == [("received", identity) for identity in ids[:-1]]
    await round_trip(phone, bob)(laptop)
    stored = [identity for number, identity in enumerate(ids) if number % 3 != 2]
    assert [identity for _, identity in seen(laptop) if identity in stored] == stored
    assert sorted(seen(laptop)) == sorted(("sent", identity) for identity in ids)


run()
