"""XEP-0060 §6.1.4, §8.6: nodes whose subscriptions the owner approves."""

import _path  # noqa: F401
from _pep import (APPROVAL, NICK, affiliations, approval, asks_for, configure, create, event, event_of, fields_of, form,
                  is_refused, items, nick, owner, publish, state_of, subscribe, subscriptions)
from harness import NS, ping, run, story


async def asked(town, *names):
    alice, *others = await town.devices("alice", *names)
    await alice.sets(create(NICK, access_model="authorize"))
    await alice.sets(publish(NICK, nick("Ali")))
    return alice, *others


async def told(device, owner_device):
    message = await device.receives("message", child=event("subscription", NICK), from_=owner_device.bare)
    return message.find(event("subscription", NICK)).get("subscription")


@story("XEP-0060 §6.1.4, §8.6: approved")
async def who_is_approved_reads_and_gets_events(town):
    alice, bob = await asked(town, "bob")
    request = await asks_for(alice, bob, NICK)
    fields = fields_of(request)
    assert request.get("from") == alice.bare and request.get("id")
    assert fields["node"] == [NICK] and fields["subscriber_jid"] == [bob.bare] and fields["allow"] == ["false"]
    assert fields["FORM_TYPE"] == [APPROVAL]
    await alice.sends(approval(request, "true"))
    assert await told(bob, alice) == "subscribed"
    assert (await bob.receives("message", child=event_of(NICK))).findtext(f".//{{{NICK}}}nick") == "Ali"  # §13.10
    await bob.asks(items(NICK), to=alice.bare)
    await alice.sets(publish(NICK, nick("Alice")))
    await bob.receives("message", child=event_of(NICK))
    [record] = await town.records(kind="message", stanza=request.get("id"))
    assert record["from"] == alice.bare and record["to"] == alice.bare and record["verdict"] == "delivered", record


@story("XEP-0060 §4.2, §6.1.3.7, §6.5.9.3: pending")
async def who_waits_gets_nothing(town):
    alice, bob = await asked(town, "bob")
    await is_refused(bob, "not-authorized", items(NICK), "not-subscribed", kind="get", to=alice.bare, type_="auth")
    await asks_for(alice, bob, NICK)
    await is_refused(bob, "not-authorized", subscribe(NICK, bob.bare), "pending-subscription", to=alice.bare, type_="auth")
    await is_refused(bob, "not-authorized", items(NICK), "not-subscribed", kind="get", to=alice.bare, type_="auth")
    await alice.sets(publish(NICK, nick("Alice")))
    await bob.receives_no("message", before=ping, child=event_of(NICK))
    mine = await bob.asks("<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/></pubsub>", to=alice.bare)
    assert [one.get("subscription") for one in mine.iter(NS.PUBSUB + "subscription")] == ["pending"]
    answer = await alice.asks(owner("subscriptions", NICK))  # §8.8.1.2: the list is of subscribers
    assert not list(answer.iter(NS.PUBSUB_OWNER + "subscription"))


@story("XEP-0060 §8.6: denied")
async def who_is_denied_is_told_and_gets_nothing(town):
    alice, bob = await asked(town, "bob")
    await alice.sends(approval(await asks_for(alice, bob, NICK), "0"))
    assert await told(bob, alice) == "none"
    await is_refused(bob, "not-authorized", items(NICK), "not-subscribed", kind="get", to=alice.bare)
    await alice.sets(publish(NICK, nick("Alice")))
    await bob.receives_no("message", before=ping, child=event_of(NICK))
    await asks_for(alice, bob, NICK)  # may ask again


@story("XEP-0060 §8.6: cancelled")
async def a_cancelled_form_leaves_the_request_waiting(town):
    alice, bob = await asked(town, "bob")
    request = await asks_for(alice, bob, NICK)
    await alice.sends(approval(request, "true", kind="cancel"))
    await is_refused(bob, "not-authorized", subscribe(NICK, bob.bare), "pending-subscription", to=alice.bare)
    await alice.sends(approval(request, "true"))
    assert await told(bob, alice) == "subscribed"


@story("XEP-0060 §8.6: at any time")
async def a_request_waits_for_its_owner_also_over_a_restart(town):
    alice, bob = await asked(town, "bob")
    await alice.leaves()
    assert state_of(await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)) == "pending"
    await town.restart()
    bob = await bob.account.device()
    phone = await alice.account.device()
    request = await phone.receives("message", child=NS.FORM + "x")
    await phone.sends(approval(request, "1"))
    assert await told(bob, phone) == "subscribed"
    laptop = await alice.account.device()
    await laptop.receives_no("message", before=ping, child=NS.FORM + "x")


@story("XEP-0060 §8.6: asked again and again")
async def who_takes_a_request_back_and_asks_again_is_shown_once(town):
    alice, bob = await asked(town, "bob")
    laptop = await bob.account.device()
    request = await asks_for(alice, bob, NICK)
    for _ in range(5):
        await bob.sets(subscribe(NICK, bob.bare, "unsubscribe"), to=alice.bare)
        assert state_of(await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)) == "pending"
    for device in (bob, laptop):  # another address of the same person is no other request
        assert state_of(await device.sets(subscribe(NICK, device.full), to=alice.bare)) == "pending"
    await alice.receives_no("message", before=ping, child=NS.FORM + "x")
    mine = await bob.asks("<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscriptions/></pubsub>", to=alice.bare)
    assert [one.get("jid") for one in mine.iter(NS.PUBSUB + "subscription")] == [laptop.full], "one address waits"
    phone = await alice.account.device()
    assert fields_of(await phone.receives("message", child=NS.FORM + "x"))["subscriber_jid"] == [laptop.full]
    await phone.receives_no("message", before=ping, child=NS.FORM + "x")
    await alice.sends(approval(request, "true"))  # the form of before: it is bob who is let in
    assert await told(laptop, alice) == "subscribed"
    await alice.sets(publish(NICK, nick("Alice")))
    await laptop.receives("message", child=event_of(NICK))
    carol = await (await town.account("carol")).device()
    await asks_for(alice, carol, NICK)


@story("XEP-0060 §8.6: a node that is made anew")
async def who_asked_for_a_node_that_is_gone_is_shown_for_the_next(town):
    alice, bob = await asked(town, "bob")
    await asks_for(alice, bob, NICK)
    await alice.sets(owner("delete", NICK))
    await alice.sets(create(NICK, access_model="authorize"))
    await asks_for(alice, bob, NICK)


@story("XEP-0060 §8.8.4, notify_sub")
async def a_request_that_is_taken_back_is_no_news_of_a_subscription(town):
    alice, bob = await asked(town, "bob")
    await alice.sets(configure(NICK, notify_sub="1"))
    request = await asks_for(alice, bob, NICK)
    await bob.sets(subscribe(NICK, bob.bare, "unsubscribe"), to=alice.bare)
    await alice.receives_no("message", before=ping, child=event("subscription", NICK))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await alice.sends(approval(request, "true"))
    assert await told(alice, alice) == "subscribed"
    await bob.sets(subscribe(NICK, bob.bare, "unsubscribe"), to=alice.bare)
    assert await told(alice, alice) == "none"


@story("XEP-0060 §8.6: what is no answer")
async def an_answer_to_no_request_is_refused(town):
    alice, bob, carol = await asked(town, "bob", "carol")
    request = await asks_for(alice, bob, NICK)

    def answer(identity, **fields):
        return f"<message id='{identity}' to='{alice.bare}'>{form(fields, APPROVAL)}</message>"
    await alice.sends(answer("a1", node=NICK, subscriber_jid=carol.bare, allow="1"))
    await alice.gets_error("message", "a1", "item-not-found", type_="cancel")
    await alice.sends(answer("a2", node=NICK, subscriber_jid=bob.bare, allow="perhaps"))
    await alice.gets_error("message", "a2", "bad-request", type_="modify")
    await alice.sends(answer("a3", node=NICK, subscriber_jid="@", allow="1"))
    await alice.gets_error("message", "a3", "bad-request", type_="modify")
    # Nobody else answers: on a sealed host a form to a person is plain text.
    await bob.sends(f"<message id='b1' to='{alice.bare}'>{form({'node': NICK, 'subscriber_jid': bob.bare, 'allow': '1'}, APPROVAL)}</message>")
    await bob.gets_error("message", "b1", "policy-violation")
    await is_refused(bob, "not-authorized", items(NICK), "not-subscribed", kind="get", to=alice.bare)
    await alice.sends(approval(request, "true"))
    assert await told(bob, alice) == "subscribed"
    await alice.sends(approval(request, "true"))
    await alice.gets_error("message", request.get("id"), "item-not-found")


@story("docs/sealed.md 3.5: the answer is a node, an address, and yes or no")
async def nothing_else_of_an_answer_goes_anywhere(town):
    alice, bob = await asked(town, "bob")
    request = await asks_for(alice, bob, NICK)
    canary = "the merger is on friday"
    await alice.sends(approval(request, "true").replace("</message>", f"<body>{canary}</body></message>"))
    assert await told(bob, alice) == "subscribed"
    await bob.receives_no("message", before=ping, child=NS.CLIENT + "body")
    assert canary.encode() not in bytes(bob.stream.heard)


@story("XEP-0060 §6.1.4: members need no approval")
async def a_member_is_subscribed_at_once(town):
    alice, bob = await asked(town, "bob")
    await alice.sets(affiliations(NICK, (bob.bare, "member")))
    assert state_of(await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)) == "subscribed"
    await alice.receives_no("message", before=ping, child=NS.FORM + "x")


@story("XEP-0060 §8.7.4: affiliations decide what waits")
async def a_request_ends_when_the_owner_lets_in_or_shuts_out(town):
    alice, bob, carol = await asked(town, "bob", "carol")
    for device in (bob, carol):
        await asks_for(alice, device, NICK)
    await alice.sets(affiliations(NICK, (bob.bare, "member"), (carol.bare, "outcast")))
    assert await told(bob, alice) == "subscribed"
    assert await told(carol, alice) == "none"


@story("XEP-0060 §8.8.2: the owner's list approves, too")
async def a_request_is_granted_through_the_list(town):
    alice, bob = await asked(town, "bob")
    await asks_for(alice, bob, NICK)
    await alice.sets(subscriptions(NICK, (bob.bare, "subscribed")))
    assert await told(bob, alice) == "subscribed"
    await bob.asks(items(NICK), to=alice.bare)


@story("XEP-0060 §8.2: another model")
async def what_waits_is_granted_when_the_node_opens(town):
    alice, bob = await asked(town, "bob")
    await asks_for(alice, bob, NICK)
    await alice.sets(configure(NICK, access_model="open"))
    assert await told(bob, alice) == "subscribed"


@story("XEP-0060 §8.4.2")
async def who_waits_is_told_that_the_node_is_gone(town):
    alice, bob = await asked(town, "bob")
    await asks_for(alice, bob, NICK)
    await alice.sets(owner("delete", NICK))
    await bob.receives("message", child=event("delete", NICK), from_=alice.bare)


@story("XEP-0163 §6.2")
async def a_node_that_one_may_ask_for_is_listed_but_not_its_items(town):
    alice, bob = await asked(town, "bob")
    nodes = await bob.asks("<query xmlns='http://jabber.org/protocol/disco#items'/>", to=alice.bare)
    assert [item.get("node") for item in nodes.iter(NS.DISCO_ITEMS + "item")] == [NICK]
    await bob.is_refused("item-not-found", f"<query xmlns='http://jabber.org/protocol/disco#items' node='{NICK}'/>", to=alice.bare)


if __name__ == "__main__":
    run()
