"""RFC 6121 §3 and appendix A: who may see whom."""

import _path  # noqa: F401
from harness import NS, refusals_of, run, saved_word_from, story, word_from
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
    await bob.receives_no("presence", before=word_from(alice), from_=alice.full)


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
    await again.receives_no("presence", before=saved_word_from(alice), type_="subscribe")


@story("RFC 6121 §3.1.3")
async def a_repeated_request_to_who_granted_asks_nobody(town):
    """Bob's side answers "subscribed" by itself, and Alice's side, which knows, does not deliver it (A.3.2)."""
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/>")
    await bob.receives_no("presence", before=saved_word_from(alice), type_="subscribe")
    await alice.receives_no("presence", before=saved_word_from(bob), type_="subscribed")


@story("RFC 6121 §3.2.1")
async def a_refusal_reaches_the_asker(town):
    alice, bob = await town.devices("alice", "bob")
    await asks_for(alice, bob)
    await bob.sends(f"<presence type='unsubscribed' to='{alice.bare}'/>")
    await alice.receives("presence", type_="unsubscribed", from_=bob.bare)
    assert await state(alice, bob) == ("none", None)
    again = await bob.account.device()
    await again.receives_no("presence", before=saved_word_from(alice), type_="subscribe")


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
    await desk.receives_no("presence", before=saved_word_from(alice), type_="subscribe")


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
    await alice.receives_no("presence", before=saved_word_from(bob), type_="subscribed")
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/>")
    await alice.receives("presence", type_="subscribed", from_=bob.bare)
    await bob.receives_no("presence", before=saved_word_from(alice), type_="subscribe")


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
    await alice.asks(ROSTER)  # the request is on its way
    await alice.receives_no("presence", before=refusals_of("nobody@localhost/r"), type_="subscribed")


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
    await alice.receives_no("presence", before=refusals_of(f"{bob.bare}/gone", "nobody@localhost/r"), type_="error")


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


@story("RFC 6121 §3.1.1, §3.1.2")
async def a_roster_set_and_a_request_come_in_either_order(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    named = "<query xmlns='jabber:iq:roster'><item jid='{}' name='Nurse'><group>Servants</group></item></query>"
    await alice.sets(named.format(bob.bare))
    await asks_for(alice, bob)
    await asks_for(alice, carol)
    await alice.sets(named.format(carol.bare))
    for entry in (await alice.asks(ROSTER)).iter(NS.ROSTER + "item"):
        assert (entry.get("name"), entry.get("ask"), entry.findtext(NS.ROSTER + "group")) == ("Nurse", "subscribe", "Servants")


@story("RFC 6121 §3.1.3")
async def many_requests_of_one_person_are_delivered_as_one(town):
    alice, eve = await town.devices("alice", "eve")
    bob = await town.account("bob")
    laptop = await alice.account.device()
    for number in range(4):
        await (alice, laptop)[number % 2].sends(f"<presence type='subscribe' to='{bob.bare}' id='s{number}'/>")
        await alice.asks(ROSTER)
    await eve.sends(f"<presence type='subscribe' to='{bob.bare}'/>")
    await eve.asks(ROSTER)
    desk = await bob.device()
    await desk.receives("presence", type_="subscribe", from_=eve.bare)
    await desk.receives("presence", type_="subscribe", from_=alice.bare)
    for asker in (alice, eve):
        await desk.receives_no("presence", before=saved_word_from(asker), type_="subscribe")
    await laptop.sends(f"<presence type='subscribe' to='{bob.bare}' id='again'/>")
    await desk.receives_no("presence", before=saved_word_from(laptop), type_="subscribe")


@story("RFC 6121 §3.1.3", options={"sealed.mode": "off"})
async def a_request_that_waited_is_complete(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    inner = "<status>Hi, Juliet told me</status><nick xmlns='http://jabber.org/protocol/nick'>Romeo</nick><x xmlns='urn:example:x'><y a='b'/></x>"
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}' id='s1' xml:lang='fr'>{inner}</presence>")
    await alice.asks(ROSTER)
    for again in (False, True):
        if again:
            await town.restart()
        desk = await bob.device()
        request = await desk.receives("presence", type_="subscribe", from_=alice.bare)
        assert (request.get("id"), request.get("to"), request.get(NS.XML + "lang")) == ("s1", bob.bare, "fr"), request.attrib
        assert request.findtext(NS.CLIENT + "status") == "Hi, Juliet told me"
        assert request.find("{urn:example:x}x/{urn:example:x}y").get("a") == "b" and len(request) == 3


@story("RFC 6121 appendix A.1, §3.1.3: a request that nobody has answered", alone=True)
async def a_request_is_asked_again_after_each_restart_until_it_is_answered(town):
    """Of who is in no roster, of who was put there, and of who is seen already (None + PI twice, To + PI)."""
    bob, *askers = await town.devices("bob", "alice", "carol", "dave")
    alice, carol, dave = askers
    await bob.sets(f"<query xmlns='jabber:iq:roster'><item jid='{carol.bare}' name='Carol'/></query>")
    await asks_for(bob, dave)
    await grants(dave, bob)
    for number, asker in enumerate(askers):
        await asker.sends(f"<presence type='subscribe' to='{bob.bare}' id='request{number}'/>")
        await bob.receives("presence", type_="subscribe", from_=asker.bare)

    async def restarted():
        for device in (bob, *askers):
            await device.drops()  # or the server waits for the ends of their streams
        await town.restart()
        return [await device.account.device() for device in (bob, *askers)]

    for _ in range(2):
        bob, *askers = await restarted()
        for number, asker in enumerate(askers):
            await bob.receives("presence", type_="subscribe", from_=asker.bare, to=bob.bare, id=f"request{number}")
            await bob.receives_no("presence", before=saved_word_from(asker), type_="subscribe", from_=asker.bare)  # once
        shown = {item.get("jid"): (item.get("subscription"), item.get("ask"), item.get("name"))
                 for item in (await bob.asks(ROSTER)).iter(NS.ROSTER + "item")}
        assert shown == {carol.bare: ("none", None, "Carol"), dave.bare: ("to", None, None)}, shown
        assert [(await state(asker, bob))[1] for asker in askers] == ["subscribe"] * 3
    alice, carol, dave = askers
    await grants(bob, alice)
    await bob.sends(f"<presence type='unsubscribed' to='{carol.bare}'/>")
    await carol.receives("presence", type_="unsubscribed", from_=bob.bare)
    await grants(bob, dave)
    bob, *askers = await restarted()
    for asker in askers:
        await bob.receives_no("presence", before=saved_word_from(asker), type_="subscribe")
    assert [await state(asker, bob) for asker in askers] == [("to", None), ("none", None), ("both", None)]
    assert [await state(bob, asker) for asker in askers] == [("from", None), ("none", None), ("both", None)]


@story("RFC 6121 §3.1.3, §2.2")
async def a_request_goes_to_available_devices_and_every_answer_to_interested_ones(town):
    """Whatever the priority. Pushes and answers need no presence; a request needs no roster."""
    alice, bob = await town.devices("alice", "bob")
    shy = await bob.account.device(present=False, interested=False)
    await shy.becomes_available("<priority>-1</priority>")
    quiet = await bob.account.device(present=False)
    hidden = await alice.account.device(present=False)
    deaf = await alice.account.device(interested=False)
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/>")
    for device in (bob, shy):
        await device.receives("presence", type_="subscribe", from_=alice.bare, to=bob.bare)
    await quiet.receives_no("presence", before=saved_word_from(alice), type_="subscribe")
    await bob.sends(f"<presence type='subscribed' to='{alice.bare}'/>")
    for device in (alice, hidden):
        await device.receives("presence", type_="subscribed", from_=bob.bare, to=alice.bare)
    await deaf.receives("presence", from_=bob.full, type_=None)  # it is available
    await hidden.receives_no("presence", before=word_from(bob), from_=bob.full)
    await deaf.receives_no("presence", before=saved_word_from(bob), type_="subscribed")
    await deaf.receives_no("iq", before=word_from(bob), type_="set")


def order(device, contact):
    """What came of that contact, in order: presence types and pushed subscription states."""
    came = []
    for event in device.stream.takes(lambda event: getattr(event, "tag", None) in (NS.CLIENT + "presence", NS.CLIENT + "iq")):
        pushed = event.find(f"{NS.ROSTER}query/{NS.ROSTER}item")
        if pushed is not None and event.get("type") == "set" and pushed.get("jid") == contact.bare:
            came.append("push " + pushed.get("subscription"))
        elif event.tag == NS.CLIENT + "presence" and (event.get("from") or "").split("/")[0] == contact.bare:
            came.append(event.get("type") or "available")
    return came


@story("RFC 6121 §3.1.6, §3.2.2, §3.2.3, §3.3.3, §2.5.2")
async def a_stanza_comes_before_the_push_that_it_explains_and_presence_ends_before_the_grant(town):
    async def settled(alice, bob):
        for _ in range(2):
            for one, other in ((alice, bob), (bob, alice)):
                await one.asks(ROSTER)
                await word_from(one)(other)

    alice, bob = await town.devices("alice", "bob")
    phone = await bob.account.device()
    await asks_for(alice, bob)
    await settled(alice, bob)
    order(alice, bob), order(bob, alice)
    await bob.sends(f"<presence type='subscribed' to='{alice.bare}'/>")
    await settled(alice, bob)
    assert order(alice, bob) == ["subscribed", "push to", "available", "available"]
    assert order(bob, alice) == ["push from"]
    await bob.sends(f"<presence type='unsubscribed' to='{alice.bare}'/>")
    await settled(alice, bob)
    assert order(alice, bob) == ["unavailable", "unavailable", "unsubscribed", "push none"]
    await asks_for(alice, bob)
    await bob.sends(f"<presence type='subscribed' to='{alice.bare}'/>")
    await settled(alice, bob)
    order(alice, bob), order(bob, alice), order(phone, alice)
    await alice.sends(f"<presence type='unsubscribe' to='{bob.bare}'/>")
    await settled(alice, bob)
    assert order(bob, alice) == order(phone, alice) == ["unsubscribe", "push none"]
    assert order(alice, bob) == ["push none", "unavailable", "unavailable"]
    await alice.is_friends_with(bob)
    await settled(alice, bob)
    order(alice, bob), order(bob, alice)
    await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='{bob.bare}' subscription='remove'/></query>")
    await settled(alice, bob)
    assert order(bob, alice) == ["unsubscribe", "push to", "unavailable", "unsubscribed", "push none"]


@story("RFC 6121 §3, §3.1.5, §3.2.2, §3.3.2")
async def every_subscription_stanza_goes_from_bare_to_bare_address(town):
    alice, bob = await town.devices("alice", "bob")
    for sender, receiver, step in ((alice, bob, "subscribe"), (bob, alice, "subscribed"), (alice, bob, "unsubscribe"),
                                   (alice, bob, "subscribe"), (bob, alice, "unsubscribed")):
        for to in (f"{receiver.bare}/gone",):
            await sender.sends(f"<presence type='{step}' to='{to}' id='{step}' from='{sender.full}'/>")
        arrived = await receiver.receives("presence", type_=step)
        assert (arrived.get("from"), arrived.get("to"), arrived.get("id")) == (sender.bare, receiver.bare, step)


@story("RFC 6121 §3.2.2, §3.4.2")
async def a_pre_approval_is_pushed_kept_over_a_restart_and_taken_back_unseen(town):
    alice, bob = await town.devices("alice", "bob")

    async def approved(device):
        pushed = await device.receives("iq", type_="set", child=NS.ROSTER + "query")
        return pushed.find(f"{NS.ROSTER}query/{NS.ROSTER}item").get("approved")

    await bob.sends(f"<presence type='subscribed' to='{alice.bare}'/>")
    assert await approved(bob) == "true"
    await town.restart()
    alice, bob = await alice.account.device(), await bob.account.device()
    [entry] = list((await bob.asks(ROSTER)).iter(NS.ROSTER + "item"))
    assert entry.attrib == {"jid": alice.bare, "subscription": "none", "approved": "true"}, entry.attrib
    await bob.sends(f"<presence type='unsubscribed' to='{alice.bare}'/>")
    assert await approved(bob) is None
    await alice.receives_no("presence", before=saved_word_from(bob))  # neither stanza, nor unavailable
    await asks_for(alice, bob)


@story("RFC 6121 §3.1.2")
async def a_request_without_an_address_or_to_none_is_an_error(town):
    [alice] = await town.devices("alice")
    await alice.sends("<presence type='subscribe' id='s1'/>")
    expect_error(await alice.receives("presence", id="s1", type_="error"), "bad-request", "modify")
    await alice.sends("<presence type='subscribe' to='not a jid' id='s2'/>")
    expect_error(await alice.receives("presence", id="s2", type_="error"), "jid-malformed", "modify")
    assert not list((await alice.asks(ROSTER)).iter(NS.ROSTER + "item"))


run()
