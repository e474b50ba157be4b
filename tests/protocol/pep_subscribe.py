"""XEP-0060 §6.1, §6.2, §5.6, §5.7: who may subscribe to a node of an account, and how it ends."""

import _path  # noqa: F401
from _pep import (NICK, NODE, PLAIN, PUBSUB, affiliations, create, configure, event, event_of, is_refused, items, nick,
                  note, owner, publish, state_of, subscribe, subscriptions)
from harness import NS, ping, run, story


def subscriptions_of(answer):
    return {(one.get("node"), one.get("jid"), one.get("subscription")) for one in answer.iter(NS.PUBSUB + "subscription")}


MINE = f"<pubsub {PUBSUB}><subscriptions/></pubsub>"


@story("XEP-0060 §6.1.2, §6.1.7: and the last item comes with its date")
async def a_subscriber_is_told_and_gets_the_last_item(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open"))
    await alice.sets(publish(NICK, nick("Ali")))
    assert state_of(await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)) == "subscribed"
    last = await bob.receives("message", child=event_of(NICK), from_=alice.bare)
    assert last.find(NS.DELAY + "delay") is not None
    await alice.sets(publish(NICK, nick("Alice")))
    new = await bob.receives("message", child=event_of(NICK), from_=alice.bare)
    assert new.findtext(f".//{{{NICK}}}nick") == "Alice" and new.find(NS.DELAY + "delay") is None
    assert new.get("id") and new.get("id") != last.get("id")  # §7.1.2, §13.4


@story("XEP-0060 §6.1.6")
async def asking_again_tells_the_state(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open"))
    for _ in range(2):
        assert state_of(await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)) == "subscribed"
    answer = await alice.asks(owner("subscriptions", NICK))
    assert [one.get("jid") for one in answer.iter(NS.PUBSUB_OWNER + "subscription")] == [bob.bare]


@story("XEP-0060 §6.1.3.1")
async def nobody_subscribes_another(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NICK, access_model="open"))
    for jid in (carol.bare, carol.full, "", "@"):
        await is_refused(bob, "bad-request", subscribe(NICK, jid), "invalid-jid", to=alice.bare, type_="modify")
    assert not list((await alice.asks(owner("subscriptions", NICK))).iter(NS.PUBSUB_OWNER + "subscription"))


@story("XEP-0060 §6.1.3.2, §6.1.3.3, §6.1.3.4, §6.1.3.8, §6.1.3.10, §6.1.3.12")
async def each_model_refuses_in_its_own_words(town):
    alice, bob = await town.devices("alice", "bob")
    for fields, condition, pubsub, type_ in (
            ({"access_model": "presence"}, "not-authorized", "presence-subscription-required", "auth"),
            ({"access_model": "roster", "roster_groups_allowed": "Friends"}, "not-authorized", "not-in-roster-group", "auth"),
            ({"access_model": "whitelist"}, "not-allowed", "closed-node", "cancel")):
        await alice.sets(create(NICK, **fields))
        await is_refused(bob, condition, subscribe(NICK, bob.bare), pubsub, to=alice.bare, type_=type_)
        await is_refused(bob, condition, items(NICK), pubsub, kind="get", to=alice.bare, type_=type_)  # §6.5.9
        await alice.sets(owner("delete", NICK))
    await alice.sets(create(NICK, access_model="open", subscribe="0"))
    await is_refused(bob, "feature-not-implemented", subscribe(NICK, bob.bare), "unsupported", to=alice.bare,
                     type_="cancel", feature="subscribe")
    await alice.sets(affiliations(NICK, (bob.bare, "outcast")))
    await is_refused(bob, "forbidden", subscribe(NICK, bob.bare), None, to=alice.bare, type_="auth")
    await is_refused(bob, "item-not-found", subscribe("urn:xmpp:avatar:data", bob.bare), None, to=alice.bare, type_="cancel")
    await is_refused(bob, "bad-request", f"<pubsub {PUBSUB}><subscribe jid='{bob.bare}'/></pubsub>", "nodeid-required",
                     to=alice.bare)


@story("XEP-0060 §4.5: roster")
async def a_group_of_the_contact_list_may_read(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(create(NICK, access_model="roster", roster_groups_allowed=["Amis", "Friends"]))
    await is_refused(bob, "not-authorized", items(NICK), "not-in-roster-group", kind="get", to=alice.bare)
    await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='{bob.bare}'><group>Amis</group></item></query>")
    await bob.asks(items(NICK), to=alice.bare)
    assert state_of(await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)) == "subscribed"


@story("XEP-0060 §6.3.4.6, §6.4.3.1")
async def subscription_options_are_not_offered(town):
    [alice] = await town.devices("alice")
    await alice.sets(create(NICK))
    for kind, inner in (("get", f"<options node='{NICK}' jid='{alice.bare}'/>"), ("get", f"<default node='{NICK}'/>"),
                        ("set", f"<options node='{NICK}' jid='{alice.bare}'/>")):
        await is_refused(alice, "feature-not-implemented", f"<pubsub {PUBSUB}>{inner}</pubsub>", "unsupported", kind=kind,
                         type_="cancel", feature="subscription-options")


@story("XEP-0060 §6.1.3.9")
async def a_node_has_so_many_subscribers(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open"))
    devices = [bob] + [await bob.account.device() for _ in range(4)]
    for device in devices:  # of one person the newest three
        await device.sets(subscribe(NICK, device.full), to=alice.bare)
    answer = await alice.asks(owner("subscriptions", NICK))
    assert len(list(answer.iter(NS.PUBSUB_OWNER + "subscription"))) == 3


@story("XEP-0060 §6.2.2, §6.2.3")
async def a_subscription_ends_when_its_person_says_so(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NICK, access_model="open"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await is_refused(carol, "forbidden", subscribe(NICK, bob.bare, "unsubscribe"), None, to=alice.bare, type_="auth")
    await is_refused(bob, "unexpected-request", subscribe(NICK, bob.full, "unsubscribe"), "not-subscribed", to=alice.bare,
                     type_="cancel")
    await is_refused(bob, "item-not-found", subscribe("urn:xmpp:avatar:data", bob.bare, "unsubscribe"), None, to=alice.bare)
    # A SubID that nobody gave is ignored (§6.2.3.5).
    answer = await bob.sets(f"<pubsub {PUBSUB}><unsubscribe node='{NICK}' jid='{bob.bare}' subid='x'/></pubsub>", to=alice.bare)
    assert state_of(answer) == "none"
    await alice.sets(publish(NICK, nick("Ali")))
    await bob.receives_no("message", before=ping, child=event_of(NICK))
    await is_refused(bob, "unexpected-request", subscribe(NICK, bob.bare, "unsubscribe"), "not-subscribed", to=alice.bare)


@story("XEP-0060 §5.6")
async def one_sees_all_of_ones_own_subscriptions_and_no_others(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    laptop = await bob.account.device()
    for node in (NICK, "urn:xmpp:avatar:metadata"):
        await alice.sets(create(node, access_model="open"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await laptop.sets(subscribe("urn:xmpp:avatar:metadata", laptop.full), to=alice.bare)
    await carol.sets(subscribe(NICK, carol.bare), to=alice.bare)
    everything = {(NICK, bob.bare, "subscribed"), ("urn:xmpp:avatar:metadata", laptop.full, "subscribed")}
    for device in (bob, laptop):
        assert subscriptions_of(await device.asks(MINE, to=alice.bare)) == everything
    one = await bob.asks(f"<pubsub {PUBSUB}><subscriptions node='{NICK}'/></pubsub>", to=alice.bare)
    assert subscriptions_of(one) == {(NICK, bob.bare, "subscribed")}
    empty = await alice.asks(MINE)
    assert empty.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}subscriptions") is not None and not subscriptions_of(empty)


@story("XEP-0060 §5.7")
async def one_sees_ones_own_affiliations(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NICK))
    await alice.sets(affiliations(NICK, (bob.bare, "member"), (carol.bare, "outcast")))
    for device, to, expected in ((alice, None, "owner"), (bob, alice.bare, "member"), (carol, alice.bare, "outcast")):
        answer = await device.asks(f"<pubsub {PUBSUB}><affiliations/></pubsub>", to=to)
        assert [(one.get("node"), one.get("affiliation")) for one in answer.iter(NS.PUBSUB + "affiliation")] == [(NICK, expected)]
    other = await bob.asks(f"<pubsub {PUBSUB}><affiliations node='urn:xmpp:avatar:data'/></pubsub>", to=alice.bare)
    assert not list(other.iter(NS.PUBSUB + "affiliation"))


# ---- devices

@story("XEP-0060 §13.5, XEP-0163 §4.3.2: subscribed with a full address")
async def a_devices_subscription_ends_with_its_session(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open"))
    laptop = await bob.account.device(resource="laptop", present=False)
    await laptop.sets(subscribe(NICK, laptop.full), to=alice.bare)
    await bob.sets(subscribe(NICK, bob.full), to=alice.bare)
    await alice.sets(publish(NICK, nick("Ali")))
    for device in (laptop, bob):  # the one address, whether or not it has sent presence
        await device.receives("message", child=event_of(NICK))
    await laptop.leaves()
    await bob.tries("<ping xmlns='urn:xmpp:ping'/>")
    await town.ctl("status")
    # What bob asks of alice's account comes behind what his other session left.
    await bob.asks(MINE, to=alice.bare)
    answer = await bob.asks(MINE, to=alice.bare)
    assert subscriptions_of(answer) == {(NICK, bob.full, "subscribed")}
    again = await bob.account.device(resource="laptop")
    await alice.sets(publish(NICK, nick("Alice")))
    await bob.receives("message", child=event_of(NICK))
    await again.receives_no("message", before=ping, child=event_of(NICK))


@story("XEP-0060 §13.5: what a restart left over")
async def a_device_that_is_gone_loses_its_subscription_with_the_next_event(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open"))
    await bob.sets(subscribe(NICK, bob.full), to=alice.bare)
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await town.kill()
    await town.start()
    alice = await alice.account.device()
    phone = await bob.account.device()
    assert len(subscriptions_of(await phone.asks(MINE, to=alice.bare))) == 2
    await alice.sets(publish(NICK, nick("Ali")))
    await phone.receives("message", child=event_of(NICK))
    await phone.asks(MINE, to=alice.bare)
    assert subscriptions_of(await phone.asks(MINE, to=alice.bare)) == {(NICK, phone.bare, "subscribed")}


# ---- what a change of access does to those who are in (XEP-0163 §7.1)

@story("XEP-0163 §7.1: presence subscription")
async def who_loses_the_presence_loses_the_subscription(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(create(NICK))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await alice.sends(f"<presence type='unsubscribed' to='{bob.bare}'/>")
    ended = await bob.receives("message", child=event("subscription", NICK), from_=alice.bare)
    assert ended.find(event("subscription", NICK)).get("subscription") == "none"
    answer = await alice.asks(owner("subscriptions", NICK))
    assert not list(answer.iter(NS.PUBSUB_OWNER + "subscription"))
    await alice.sets(publish(NICK, nick("Ali")))
    await bob.receives_no("message", before=ping, child=event_of(NICK))


@story("XEP-0163 §7.1: groups")
async def who_leaves_the_group_loses_the_subscription(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    group = f"<query xmlns='jabber:iq:roster'><item jid='{bob.bare}'>%s</item></query>"
    await alice.sets(group % "<group>Friends</group>")
    await alice.sets(create(NICK, access_model="roster", roster_groups_allowed="Friends"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await alice.sets(group % "<group>Work</group>")
    ended = await bob.receives("message", child=event("subscription", NICK), from_=alice.bare)
    assert ended.find(event("subscription", NICK)).get("subscription") == "none"


@story("XEP-0163 §7.1: access model")
async def who_a_new_model_shuts_out_loses_the_subscription(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.is_friends_with(carol)
    await alice.sets(create(NICK, access_model="open"))
    for device in (bob, carol):
        await device.sets(subscribe(NICK, device.bare), to=alice.bare)
    await alice.sets(configure(NICK, access_model="presence"))
    await bob.receives("message", child=event("subscription", NICK), from_=alice.bare)
    answer = await alice.asks(owner("subscriptions", NICK))
    assert [one.get("jid") for one in answer.iter(NS.PUBSUB_OWNER + "subscription")] == [carol.bare]
    await carol.receives_no("message", before=ping, child=event("subscription", NICK))


@story("XEP-0163 §7.1: affiliation")
async def an_outcast_loses_the_subscription(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await alice.sets(affiliations(NICK, (bob.bare, "outcast")))
    await bob.receives("message", child=event("subscription", NICK), from_=alice.bare)
    await alice.sets(publish(NICK, nick("Ali")))
    await bob.receives_no("message", before=ping, child=event_of(NICK))


# ---- the owner's list (§8.8)

@story("XEP-0060 §8.8.2, §8.8.3, §8.8.4")
async def the_owner_adds_a_contact_and_removes_it(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(create(NICK))
    await alice.sets(subscriptions(NICK, (bob.bare, "subscribed")))
    told = await bob.receives("message", child=event("subscription", NICK), from_=alice.bare)
    assert told.find(event("subscription", NICK)).get("subscription") == "subscribed"
    await alice.sets(publish(NICK, nick("Ali")))
    await bob.receives("message", child=event_of(NICK))
    await alice.sets(subscriptions(NICK, (bob.bare, "none")))
    told = await bob.receives("message", child=event("subscription", NICK), from_=alice.bare)
    assert told.find(event("subscription", NICK)).get("subscription") == "none"
    assert not list((await alice.asks(owner("subscriptions", NICK))).iter(NS.PUBSUB_OWNER + "subscription"))


@story("XEP-0060 §8.8.2.4")
async def what_can_not_be_changed_comes_back_and_the_rest_is_done(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NICK, access_model="open"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    wish = subscriptions(NICK, (bob.bare, "none"), (carol.bare, "subscribed"), ("@", "subscribed"))
    error = await alice.is_refused("not-acceptable", wish, "set", type_="modify")
    left = {one.get("jid"): one.get("subscription") for one in error.iter(NS.PUBSUB_OWNER + "subscription")}
    assert left == {carol.bare: "none", "@": "none"}  # a stranger who never asked
    assert not list((await alice.asks(owner("subscriptions", NICK))).iter(NS.PUBSUB_OWNER + "subscription"))
    await carol.receives_no("message", before=ping, child=event("subscription", NICK))


@story("XEP-0060 §8.8.1.3, §8.8.2.3")
async def nobody_else_sees_or_changes_the_list(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open"))
    for kind in ("get", "set"):
        answer = await bob.tries(subscriptions(NICK, (bob.bare, "subscribed")) if kind == "set" else owner("subscriptions", NICK),
                                 kind, to=alice.bare)
        assert answer.get("type") == "error"
        await alice.is_refused("item-not-found", owner("subscriptions", "urn:xmpp:avatar:data"), kind)
    assert not list((await alice.asks(owner("subscriptions", NICK))).iter(NS.PUBSUB_OWNER + "subscription"))


@story("XEP-0060 §8.8.2.3.2", options=PLAIN)
async def a_stranger_is_no_owner(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NODE, access_model="open"))
    for payload, kind in ((owner("subscriptions", NODE), "get"), (subscriptions(NODE, (bob.bare, "subscribed")), "set"),
                          (owner("affiliations", NODE), "get"), (affiliations(NODE, (bob.bare, "publisher")), "set"),
                          (owner("configure", NODE), "get"), (configure(NODE, access_model="open"), "set"),
                          (owner("purge", NODE), "set"), (owner("delete", NODE), "set"), (create("urn:example:other"), "set")):
        await is_refused(bob, "forbidden", payload, None, kind=kind, to=alice.bare, type_="auth")
    await alice.sets(publish(NODE, note()))


@story("XEP-0060 §16.4.4: pubsub#notify_sub")
async def the_owner_hears_of_subscribers_where_he_wants_to(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open", notify_sub="1"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    told = await alice.receives("message", child=event("subscription", NICK))
    assert told.find(event("subscription", NICK)).get("jid") == bob.bare
    await bob.sets(subscribe(NICK, bob.bare, "unsubscribe"), to=alice.bare)
    told = await alice.receives("message", child=event("subscription", NICK))
    assert told.find(event("subscription", NICK)).get("subscription") == "none"


if __name__ == "__main__":
    run()
