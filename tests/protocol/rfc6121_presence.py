"""RFC 6121 §4: who is there."""

import _path  # noqa: F401
from harness import NS, ping, run, story, word_from
from harness.device import expect_error


@story("RFC 6121 §4.2.2")
async def initial_presence_reaches_contacts_and_the_own_other_devices(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    laptop = await alice.account.device(present=False)
    await laptop.sends("<presence><show>away</show><priority>5</priority></presence>")
    for device in (alice, bob, laptop):
        arrived = await device.receives("presence", from_=laptop.full)
        assert arrived.findtext(NS.CLIENT + "show") == "away"
        assert arrived.findtext(NS.CLIENT + "priority") == "5"


@story("RFC 6121 §4.3.1")
async def who_comes_online_learns_who_is_there(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await bob.sends("<presence><show>dnd</show></presence>")
    await alice.receives("presence", from_=bob.full, child=NS.CLIENT + "show")
    laptop = await alice.account.device()
    seen = await laptop.receives("presence", from_=bob.full)
    assert seen.findtext(NS.CLIENT + "show") == "dnd"
    await laptop.receives("presence", from_=alice.full)


@story("RFC 6121 §4.2.2")
async def a_stranger_sees_nothing(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends("<presence><show>chat</show></presence>")
    await bob.receives_no("presence", before=ping, from_=alice.full)


@story("RFC 6121 §4.5.2")
async def a_goodbye_reaches_contacts(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.leaves()
    await bob.receives("presence", type_="unavailable", from_=alice.full)


@story("RFC 6121 §4.5.3")
async def a_cut_line_is_a_goodbye_too(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.drops()
    await bob.receives("presence", type_="unavailable", from_=alice.full)


@story("RFC 6121 §4.5.2")
async def who_goes_unavailable_stays_connected_and_may_come_back(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sends("<presence type='unavailable'/>")
    await bob.receives("presence", type_="unavailable", from_=alice.full)
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    await alice.sends("<presence/>")
    await bob.receives("presence", type_=None, from_=alice.full)


@story("RFC 6121 §4.6")
async def directed_presence_reaches_a_stranger_and_its_end_too(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<presence to='{bob.full}'><show>away</show></presence>")
    await bob.receives("presence", from_=alice.full, type_=None)
    await alice.drops()
    await bob.receives("presence", from_=alice.full, type_="unavailable")


@story("RFC 6121 §4.7.2.2, docs/sealed.md 3.5")
async def a_status_text_is_content_and_does_not_pass(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sends("<presence><show>away</show><status>meeting about the merger</status>"
                      "<x xmlns='urn:example:unknown'>text</x></presence>")
    arrived = await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")
    assert [child.tag for child in arrived] == [NS.CLIENT + "show"], [child.tag for child in arrived]


@story("XEP-0115 §5")
async def capabilities_pass(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    caps = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.org/c' ver='q07IKJEyjvHSyhy//CH0CxmKi8w='/>"
    await alice.sends(f"<presence><show>chat</show>{caps}</presence>")
    arrived = await bob.receives("presence", from_=alice.full, child=NS.CAPS + "c")
    assert arrived.find(NS.CAPS + "c").get("ver") == "q07IKJEyjvHSyhy//CH0CxmKi8w="


@story("RFC 6121 §4.7.2.3")
async def a_bad_priority_or_show_is_not_passed_on(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    for bad in ("<priority>200</priority>", "<priority>high</priority>", "<show>nonsense</show>"):
        await alice.sends(f"<presence id='bad'>{bad}</presence>")
        await alice.sends("<presence><show>xa</show></presence>")
        await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")
    await bob.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("RFC 6121 §4.3.2")
async def a_probe_by_a_stranger_is_not_answered_with_presence(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<presence type='probe' to='{bob.bare}'/>")
    await alice.receives_no("presence", before=ping, from_=bob.full)


@story("RFC 6121 §4.5.4")
async def many_devices_come_and_go_one_by_one(town):
    [bob] = await town.devices("bob")
    [alice] = await town.devices("alice")
    await alice.is_friends_with(bob)
    others = [await alice.account.device() for _ in range(5)]
    for other in others:
        await bob.receives("presence", from_=other.full, type_=None)
    for other in others:
        await other.drops()
        await bob.receives("presence", from_=other.full, type_="unavailable")
    await alice.sends("<presence><show>chat</show></presence>")
    await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")


@story("RFC 6120 §10.4, RFC 6121 §4.6")
async def presence_addressed_to_another_domain_is_an_error_a_broadcast_is_none(town):
    [alice] = await town.devices("alice")
    await alice.sets("<query xmlns='jabber:iq:roster'><item jid='bob@elsewhere.example'/></query>")
    for type_ in ("", "type='unavailable'"):
        await alice.sends(f"<presence to='bob@elsewhere.example/r' id='far' {type_}/>")
        error = expect_error(await alice.receives("presence", id="far", type_="error"), "remote-server-not-found", "cancel")
        assert error.get("from") == "bob@elsewhere.example/r"
    await alice.sends("<presence><show>xa</show></presence>")
    await alice.receives_no("presence", before=ping, type_="error")


@story("RFC 6121 §8.5.1, §8.5.3.2.2")
async def presence_to_nobody_or_to_a_resource_that_is_gone_is_ignored(town):
    alice, bob = await town.devices("alice", "bob")
    for to in ("nobody@localhost", "nobody@localhost/r", f"{bob.bare}/gone"):
        for type_ in ("", "type='unavailable'", "type='unsubscribe'", "type='unsubscribed'"):
            await alice.sends(f"<presence to='{to}' {type_}/>")
    await alice.receives_no("presence", before=ping, type_="error")
    await bob.receives_no("presence", before=word_from(alice), from_=alice.full)


@story("RFC 6121 §8.5.2.1.2")
async def presence_to_a_bare_jid_reaches_every_available_device_whatever_its_priority(town):
    alice, phone = await town.devices("alice", "bob")
    shy = await phone.account.device(present=False)
    await shy.becomes_available("<priority>-1</priority>")
    quiet = await phone.account.device(present=False)
    await alice.sends(f"<presence to='{phone.bare}'/>")
    for device in (phone, shy):
        await device.receives("presence", from_=alice.full)
    await quiet.receives_no("presence", before=word_from(alice), from_=alice.full)


run()
