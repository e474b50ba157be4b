"""RFC 6121 §3 and appendix A: who may see whom."""

import _path  # noqa: F401
from harness import NS, ping, run, story
from harness.device import expect_error

ROSTER = "<query xmlns='jabber:iq:roster'/>"


async def state(device, contact):
    """(subscription, ask) of the contact in the device's roster; None where it is not shown."""
    answer = await device.asks(ROSTER)
    for entry in answer.iter(NS.ROSTER + "item"):
        if entry.get("jid") == contact.bare:
            return entry.get("subscription"), entry.get("ask")
    return None


async def asks_for(asking, contact):
    await asking.sends(f"<presence type='subscribe' to='{contact.bare}'/>")
    return await contact.receives("presence", type_="subscribe", from_=asking.bare)


async def grants(granting, contact):
    await granting.sends(f"<presence type='subscribed' to='{contact.bare}'/>")
    return await contact.receives("presence", type_="subscribed", from_=granting.bare)


@story("RFC 6121 §3.1")
async def a_request_that_is_granted_shows_presence_one_way(town):
    alice, bob = await town.devices("alice", "bob")
    await asks_for(alice, bob)
    assert await state(alice, bob) == ("none", "subscribe")
    assert await state(bob, alice) is None, "a request must not show as a contact (RFC 6121 §3.1.3)"
    await grants(bob, alice)
    await alice.receives("presence", from_=bob.full, type_=None)
    assert await state(alice, bob) == ("to", None)
    assert await state(bob, alice) == ("from", None)
    await bob.receives_no("presence", before=ping, from_=alice.full)


@story("RFC 6121 §3.1")
async def both_ways_makes_both(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    assert await state(alice, bob) == ("both", None)
    assert await state(bob, alice) == ("both", None)


@story("RFC 6121 §3.1.2")
async def the_request_comes_from_the_bare_address_and_its_status_text_is_cut(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<presence type='subscribe' to='{bob.full}' id='s1'><status>please, it is about the merger</status></presence>")
    request = await bob.receives("presence", type_="subscribe")
    assert request.get("from") == alice.bare and request.get("to") == bob.bare
    assert request.find(NS.CLIENT + "status") is None


@story("RFC 6121 §3.1.3")
async def a_request_waits_for_who_is_away_and_for_every_log_in_until_answered(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/>")
    for _ in range(2):
        desk = await bob.device()
        await desk.receives("presence", type_="subscribe", from_=alice.bare)
        await desk.leaves()
    desk = await bob.device()
    await desk.receives("presence", type_="subscribe", from_=alice.bare)
    await grants(desk, alice)
    await desk.leaves()
    again = await bob.device()
    await again.receives_no("presence", before=ping, type_="subscribe")


@story("RFC 6121 §3.1.3")
async def a_repeated_request_to_who_granted_asks_nobody(town):
    """Bob's side answers "subscribed" by itself, and Alice's side, which knows, does not deliver it (A.3.2)."""
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/>")
    await alice.receives_no("presence", before=ping, type_="subscribed")
    await bob.receives_no("presence", before=ping, type_="subscribe")


@story("RFC 6121 §3.2.1")
async def a_refusal_reaches_the_asker(town):
    alice, bob = await town.devices("alice", "bob")
    await asks_for(alice, bob)
    await bob.sends(f"<presence type='unsubscribed' to='{alice.bare}'/>")
    await alice.receives("presence", type_="unsubscribed", from_=bob.bare)
    assert await state(alice, bob) == ("none", None)
    again = await bob.account.device()
    await again.receives_no("presence", before=ping, type_="subscribe")


@story("RFC 6121 §3.2")
async def a_withdrawn_grant_ends_what_the_other_sees(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await bob.sends(f"<presence type='unsubscribed' to='{alice.bare}'/>")
    await alice.receives("presence", type_="unsubscribed", from_=bob.bare)
    await alice.receives("presence", type_="unavailable", from_=bob.full)
    assert await state(alice, bob) == ("from", None)
    assert await state(bob, alice) == ("to", None)


@story("RFC 6121 §3.3")
async def who_unsubscribes_sees_no_more_but_is_still_seen(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sends(f"<presence type='unsubscribe' to='{bob.bare}'/>")
    await bob.receives("presence", type_="unsubscribe", from_=alice.bare)
    await alice.receives("presence", type_="unavailable", from_=bob.full)
    assert await state(alice, bob) == ("from", None)
    assert await state(bob, alice) == ("to", None)


@story("RFC 6121 §3.3.2")
async def a_request_taken_back_leaves_nothing(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/><presence type='unsubscribe' to='{bob.bare}'/>")
    assert await state(alice, bob) == ("none", None)
    desk = await bob.device()
    await desk.receives_no("presence", before=ping, type_="subscribe")


@story("RFC 6121 §2.5.1")
async def removing_a_contact_ends_both_subscriptions(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='{bob.bare}' subscription='remove'/></query>")
    await bob.receives("presence", type_="unsubscribe", from_=alice.bare)
    await bob.receives("presence", type_="unsubscribed", from_=alice.bare)
    await bob.receives("presence", type_="unavailable", from_=alice.full)
    assert await state(bob, alice) == ("none", None)
    assert await state(alice, bob) is None


@story("RFC 6121 §3.4")
async def who_is_approved_beforehand_gets_in_without_a_question(town):
    alice, bob = await town.devices("alice", "bob")
    await bob.sends(f"<presence type='subscribed' to='{alice.bare}'/>")
    await bob.asks("<ping xmlns='urn:xmpp:ping'/>")
    await alice.receives_no("presence", before=ping, type_="subscribed")
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/>")
    await alice.receives("presence", type_="subscribed", from_=bob.bare)
    await bob.receives_no("presence", before=ping, type_="subscribe")


@story("RFC 6121 §3.1.1")
async def every_step_is_pushed_to_the_own_devices(town):
    alice, bob = await town.devices("alice", "bob")
    laptop = await alice.account.device()
    for device in (alice, laptop, bob):
        await device.asks(ROSTER)
    await asks_for(alice, bob)
    for device in (alice, laptop):
        pushed = await device.receives("iq", type_="set", child=NS.ROSTER + "query")
        entry = pushed.find(f"{NS.ROSTER}query/{NS.ROSTER}item")
        assert (entry.get("jid"), entry.get("ask")) == (bob.bare, "subscribe")
    await grants(bob, alice)
    for device, contact, expected in ((alice, bob, "to"), (laptop, bob, "to"), (bob, alice, "from")):
        pushed = await device.receives("iq", type_="set", child=NS.ROSTER + "query")
        entry = pushed.find(f"{NS.ROSTER}query/{NS.ROSTER}item")
        assert (entry.get("jid"), entry.get("subscription"), entry.get("ask")) == (contact.bare, expected, None)


@story("RFC 6121 §3.1.3")
async def a_request_to_nobody_is_not_told_apart(town):
    [alice] = await town.devices("alice")
    await alice.sends("<presence type='subscribe' to='nobody@localhost'/>")
    await alice.receives_no("presence", before=ping, type_="subscribed")


@story("RFC 6121 §3")
async def subscriptions_outlive_the_server(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await town.restart()
    alice, bob = await alice.account.device(), await bob.account.device()
    await alice.receives("presence", from_=bob.full)
    assert await state(alice, bob) == ("both", None)


@story("RFC 6121 §3.1.2, RFC 6120 §10.4")
async def a_request_to_another_domain_is_an_error_and_leaves_no_contact(town):
    [alice] = await town.devices("alice")
    for to in ("bob@elsewhere.example", "elsewhere.example"):
        await alice.sends(f"<presence type='subscribe' to='{to}' id='far'/>")
        expect_error(await alice.receives("presence", id="far", type_="error"), "remote-server-not-found", "cancel")
    await alice.sends("<presence type='subscribe' to='localhost' id='server'/>")
    expect_error(await alice.receives("presence", id="server", type_="error"), "service-unavailable", "cancel")
    assert not list((await alice.asks(ROSTER)).iter(NS.ROSTER + "item"))


@story("RFC 6121 §3.1.3, §8.5.1")
async def a_request_to_nobody_looks_like_one_to_who_is_away(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    for to in (bob.bare, "nobody@localhost"):
        await alice.sends(f"<presence type='subscribe' to='{to}'/>")
    items = {item.get("jid"): (item.get("subscription"), item.get("ask"))
             for item in (await alice.asks(ROSTER)).iter(NS.ROSTER + "item")}
    assert items == {bob.bare: ("none", "subscribe"), "nobody@localhost": ("none", "subscribe")}, items
    await alice.receives_no("presence", before=ping, type_="error")


@story("XEP-0198 §4: acknowledged means durable", alone=True)
async def an_acknowledged_subscription_outlives_kill_9_on_both_sides(town):
    alice, bob = await town.devices("alice", "bob")

    async def acknowledged(device, stanza, count):
        await device.sends(stanza + "<r xmlns='urn:xmpp:sm:3'/>")
        ack = await device.stream.wait_for(lambda event: getattr(event, "tag", "") == "{urn:xmpp:sm:3}a", "<a/>")
        assert ack.get("h") == str(count), ack.get("h")

    for device in (alice, bob):
        await device.sends("<enable xmlns='urn:xmpp:sm:3'/>")
    await acknowledged(alice, f"<presence type='subscribe' to='{bob.bare}'/>", 1)
    await town.kill()
    await town.start()
    desk = await alice.account.device()
    assert await state(desk, bob) == ("none", "subscribe")
    bob = await bob.account.device()
    await bob.receives("presence", type_="subscribe", from_=alice.bare)
    await bob.sends("<enable xmlns='urn:xmpp:sm:3'/>")
    await acknowledged(bob, f"<presence type='subscribed' to='{alice.bare}'/>", 1)
    await town.kill()
    await town.start()
    desk, bob = await alice.account.device(), await bob.account.device()
    assert await state(desk, bob) == ("to", None)
    assert await state(bob, desk) == ("from", None)
    await town.audit_is_sound()


run()
