"""XEP-0060 §7: publishing and retracting, by the owner and by whom a node lets."""

import _path  # noqa: F401
from _pep import (NICK, NODE, PLAIN, PUBSUB, affiliations, configure, create, event_of, ids, is_refused, items, nick, note, owner,
                  publish, retract, retraction_of, subscribe)
from harness import NS, ping, run, story


def bare_publish(node, inner=""):
    return f"<pubsub {PUBSUB}><publish node='{node}'>{inner}</publish></pubsub>"


# ---- what an item is (§4.3, §7.1.3)

@story("XEP-0060 §7.1.3.6, §7.1.3.7", options=PLAIN)
async def an_item_has_one_payload(town):
    [alice] = await town.devices("alice")
    await is_refused(alice, "bad-request", bare_publish(NODE), "item-required", type_="modify")
    await is_refused(alice, "bad-request", bare_publish(NODE, "<x/>"), "item-required", type_="modify")
    await is_refused(alice, "bad-request", bare_publish(NODE, "<item id='a'/>"), "payload-required", type_="modify")
    await is_refused(alice, "bad-request", bare_publish(NODE, f"<item id='a'>{note()}{note()}</item>"), "invalid-payload",
                     type_="modify")
    await is_refused(alice, "bad-request", bare_publish(NODE, f"<item id='a'>text{note()}</item>"), "invalid-payload")
    await is_refused(alice, "bad-request", bare_publish(NODE, f"<item>{note()}</item><item>{note()}</item>"), "max-items-exceeded")
    await is_refused(alice, "bad-request", f"<pubsub {PUBSUB}><publish><item>{note()}</item></publish></pubsub>", "nodeid-required")
    await is_refused(alice, "bad-request", f"<pubsub {PUBSUB}/>", None)
    await alice.is_refused("item-not-found", items(NODE))  # nothing of it made a node


@story("XEP-0060 §7.1.3.5")
async def a_payload_is_no_larger_than_its_node_wants(town):
    [alice] = await town.devices("alice")
    await alice.sets(create(NICK, max_payload_size="80"))
    await alice.sets(publish(NICK, nick("Ali")))
    error = await is_refused(alice, "not-acceptable", publish(NICK, nick("x" * 60)), "payload-too-big", type_="modify")
    assert error is not None
    assert (await alice.asks(items(NICK))).findtext(f".//{{{NICK}}}nick") == "Ali"


@story("XEP-0060 §7.1.2, §7.1.3: the same id again", options=PLAIN)
async def an_item_published_again_is_another_version(town):
    [alice] = await town.devices("alice")
    await alice.sets(create(NODE, max_items="5"))
    for text in ("one", "two"):
        await alice.sets(publish(NODE, note(text), item="a"))
        assert (await alice.receives("message", child=event_of(NODE))).findtext(f".//{{{NODE}}}note") == text
    assert ids(await alice.asks(items(NODE))) == ["a"]


@story("XEP-0060 §4.3, §7.1.2.2: persistent, without payloads", options=PLAIN)
async def a_notification_only_node_tells_that_there_is_something(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NODE, access_model="open", deliver_payloads="0"))
    await bob.sets(subscribe(NODE, bob.bare), to=alice.bare)
    await alice.sets(publish(NODE, note("secret"), item="a"))
    message = await bob.receives("message", child=event_of(NODE))
    [item] = list(message.iter(NS.PUBSUB_EVENT + "item"))
    assert item.get("id") == "a" and len(item) == 0
    assert (await bob.asks(items(NODE), to=alice.bare)).findtext(f".//{{{NODE}}}note") == "secret"
    await alice.sets(bare_publish(NODE, "<item id='b'/>"))  # may be empty
    await bob.receives("message", child=event_of(NODE))
    await is_refused(alice, "bad-request", bare_publish(NODE), "item-required")


@story("XEP-0060 §4.3: transient")
async def a_transient_node_keeps_nothing(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open", persist_items="0"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await alice.sets(publish(NICK, nick("Ali")))
    assert (await bob.receives("message", child=event_of(NICK))).findtext(f".//{{{NICK}}}nick") == "Ali"
    for payload, kind in ((items(NICK), "get"), (retract(NICK, "current"), "set"), (owner("purge", NICK), "set")):
        await is_refused(alice, "feature-not-implemented", payload, "unsupported", kind=kind, type_="cancel",
                         feature="persistent-items")  # §6.5.9.4, §7.2.3.5, §8.5.3.3
    await bob.sets(subscribe(NICK, bob.bare, "unsubscribe"), to=alice.bare)
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await bob.receives_no("message", before=ping, child=event_of(NICK))
    await alice.sets(configure(NICK, persist_items="1"))
    assert not ids(await alice.asks(items(NICK)))


@story("XEP-0060 §4.3, §7.1.3.7: transient, without payloads")
async def a_signal_has_no_item(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open", persist_items="0", deliver_payloads="0"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await is_refused(alice, "bad-request", publish(NICK, nick("Ali")), "item-forbidden", type_="modify")
    answer = await alice.sets(bare_publish(NICK))
    assert not ids(answer)
    message = await bob.receives("message", child=event_of(NICK))
    assert len(message.find(event_of(NICK))) == 0


@story("XEP-0060 §7.1.3.4, §7.1.2.5: pubsub#publish_node_full", options=PLAIN)
async def a_full_node_drops_the_oldest_or_refuses(town):
    [alice] = await town.devices("alice")
    await alice.sets(create(NODE, max_items="2", publish_node_full="reject"))
    for item in ("a", "b"):
        await alice.sets(publish(NODE, note(), item=item))
    await is_refused(alice, "conflict", publish(NODE, note(), item="c"), "node-full", type_="cancel")
    await alice.sets(publish(NODE, note(), item="a"))  # no other item
    assert ids(await alice.asks(items(NODE))) == ["a", "b"]
    for when in ("discard-oldest", "retract-oldest"):
        await alice.sets(configure(NODE, publish_node_full=when))
        await alice.sets(publish(NODE, note(), item=when))
    assert ids(await alice.asks(items(NODE))) == ["retract-oldest", "discard-oldest"]


@story("XEP-0060 §7.1.3.4: many at once", options=PLAIN)
async def a_full_node_counts_what_is_on_its_way(town):
    [alice] = await town.devices("alice")
    await alice.sets(create(NODE, max_items="2", publish_node_full="reject"))
    for item in "abc":
        await alice.sends(f"<iq type='set' id='{item}'>{publish(NODE, note(), item=item)}</iq>")
    answers = [(await alice.receives("iq", id=item)).get("type") for item in "abc"]
    assert answers == ["result", "result", "error"]


@story("XEP-0060 §7.1.2.3: pubsub#itemreply")
async def an_item_names_who_published_it_where_the_node_says_so(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open", itemreply="publisher"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    forged = publish(NICK, nick("Ali")).replace("<item id", f"<item publisher='{bob.bare}' id")
    await alice.sets(forged)
    message = await bob.receives("message", child=event_of(NICK))
    assert [item.get("publisher") for item in message.iter(NS.PUBSUB_EVENT + "item")] == [alice.bare]
    read = await bob.asks(items(NICK), to=alice.bare)
    assert [item.get("publisher") for item in read.iter(NS.PUBSUB + "item")] == [alice.bare]
    await alice.sets(configure(NICK, itemreply="owner"))
    read = await bob.asks(items(NICK), to=alice.bare)
    assert [item.get("publisher") for item in read.iter(NS.PUBSUB + "item")] == [None]


# ---- publish options (§7.1.5)

OPTIONS = {"access_model": ("open", "presence"), "roster_groups_allowed": ("Friends", "Work"), "persist_items": ("1", "0"),
           "max_items": ("3", "4"), "publish_node_full": ("reject", "discard-oldest"), "item_expire": ("3600", "max"),
           "max_payload_size": ("1000", "1001"), "itemreply": ("publisher", "owner"),
           "send_last_published_item": ("on_sub", "never"), "deliver_notifications": ("0", "1"), "deliver_payloads": ("0", "1"),
           "notification_type": ("normal", "headline"), "notify_config": ("1", "0"), "notify_delete": ("0", "1"),
           "notify_retract": ("0", "1"), "notify_sub": ("1", "0"), "subscribe": ("0", "1"), "publish_model": ("publishers", "open"),
           "title": ("A", "B"), "description": ("A", "B"), "type": ("A", "B"), "language": ("fr", "en")}


@story("XEP-0060 §7.1.5", options=PLAIN)
async def each_option_is_a_precondition_by_itself(town):
    [alice] = await town.devices("alice")
    await alice.sets(publish(NODE, note(), options={name: wish for name, (wish, _) in OPTIONS.items()}))
    for name, (holds, fails) in OPTIONS.items():
        await alice.sets(publish(NODE, note(), options={name: holds}))
        await is_refused(alice, "conflict", publish(NODE, note("no"), options={name: fails}), "precondition-not-met",
                         type_="cancel")
    assert (await alice.asks(items(NODE))).findtext(f".//{{{NODE}}}note") == "n"


@story("XEP-0060 §7.1.5: unknown fields")
async def an_option_that_no_node_has_is_not_met(town):
    [alice] = await town.devices("alice")
    for _ in range(2):  # neither for a new node nor for one that exists
        await is_refused(alice, "conflict", publish(NICK, nick("no"), options={"what_is_this": "1"}), "precondition-not-met")
        await alice.tries(create(NICK), "set")
    other = publish(NICK, nick("no"), options={"x": "1"}).replace("pubsub#x", "other#x")
    await is_refused(alice, "conflict", other, "precondition-not-met")
    await is_refused(alice, "bad-request", f"<pubsub {PUBSUB}><publish node='{NICK}'><item id='a'>{nick('no')}</item></publish>"
                     "<publish-options/></pubsub>", "invalid-options")
    assert not ids(await alice.asks(items(NICK)))


# ---- by others

@story("XEP-0060 §4.1: publishers", options=PLAIN)
async def a_publisher_publishes_and_deletes_what_is_its_own(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NODE, access_model="whitelist", max_items="9"))
    await is_refused(bob, "forbidden", publish(NODE, note(), item="b"), None, to=alice.bare, type_="auth")
    await alice.sets(affiliations(NODE, (bob.bare, "publisher"), (carol.bare, "publish-only")))
    await bob.sets(publish(NODE, note(), item="b"), to=alice.bare)
    message = await alice.receives("message", child=event_of(NODE))
    assert message.get("from") == alice.bare
    await carol.sets(publish(NODE, note(), item="c"), to=alice.bare)
    await alice.sets(publish(NODE, note(), item="a"))
    assert ids(await bob.asks(items(NODE), to=alice.bare)) == ["a", "c", "b"]  # §6.5.1
    await is_refused(carol, "forbidden", items(NODE), None, kind="get", to=alice.bare)
    await is_refused(carol, "forbidden", subscribe(NODE, carol.bare), None, to=alice.bare)
    for device, own, theirs in ((bob, "b", "a"), (carol, "c", "b")):
        await is_refused(device, "forbidden", retract(NODE, theirs), None, to=alice.bare, type_="auth")
        if own == "c":
            await device.sets(retract(NODE, own), to=alice.bare)
    await alice.sets(retract(NODE, "b"))
    assert ids(await alice.asks(items(NODE))) == ["a"]
    await is_refused(bob, "forbidden", owner("purge", NODE), None, to=alice.bare)


RULED = 'rule{ name = "no guests", match = Kind("publish") * From("guest*@localhost"), action = Deny{ "forbidden" } }'


@story("docs/admin.en.md: rules about publications hold for others, too", options=PLAIN, policy=RULED)
async def a_rule_about_who_publishes_holds_for_others(town):
    alice, guest = await town.devices("alice", "guest")
    desk = await alice.account.device("desk")
    double = await guest.account.device("desk")  # the same resource is no disguise
    await alice.sets(create(NODE, access_model="open", publish_model="open"))
    for device in (guest, double):
        await is_refused(device, "forbidden", publish(NODE, note()), None, to=alice.bare, type_="auth")
    await desk.sets(publish(NODE, note(), item="a"))
    assert ids(await guest.asks(items(NODE), to=alice.bare)) == ["a"]
    denied = await town.records(kind="denied", reason="policy")
    assert {record["from"] for record in denied} == {guest.bare} and {record["to"] for record in denied} == {alice.bare}, denied


@story("XEP-0060 §4.5: publish models", options=PLAIN)
async def a_model_says_who_else_publishes(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NODE, access_model="open", publish_model="subscribers"))
    await is_refused(bob, "forbidden", publish(NODE, note()), None, to=alice.bare)
    await bob.sets(subscribe(NODE, bob.bare), to=alice.bare)
    await bob.sets(publish(NODE, note()), to=alice.bare)
    await is_refused(carol, "forbidden", publish(NODE, note()), None, to=alice.bare)
    await alice.sets(configure(NODE, publish_model="open"))
    await carol.sets(publish(NODE, note()), to=alice.bare)
    await alice.sets(affiliations(NODE, (carol.bare, "outcast")))
    await is_refused(carol, "forbidden", publish(NODE, note()), None, to=alice.bare)
    await is_refused(carol, "forbidden", publish("urn:example:other", note()), None, to=alice.bare)  # makes no nodes
    await alice.is_refused("item-not-found", items("urn:example:other"))


@story("docs/sealed.md 3.5: nobody publishes for another")
async def where_content_is_sealed_only_the_owner_publishes(town):
    alice, bob = await town.devices("alice", "bob")
    await is_refused(alice, "not-acceptable", create(NICK, publish_model="open"), None, type_="modify")
    await alice.sets(create(NICK, access_model="open"))
    for who in ("publisher", "publish-only"):
        await is_refused(alice, "feature-not-implemented", affiliations(NICK, (bob.bare, who)), "unsupported", type_="cancel",
                         feature=f"{who}-affiliation")
    await bob.is_refused("service-unavailable", publish(NICK, nick("Evil")), "set", to=alice.bare)
    await bob.is_refused("service-unavailable", retract(NICK, "current"), "set", to=alice.bare)
    assert "http://jabber.org/protocol/pubsub#publisher-affiliation" not in await bob.features_of(alice.bare)


@story("XEP-0384 §5.3: keys are their owner's, also where content need not be sealed", options=PLAIN)
async def nobody_becomes_publisher_of_keys(town):
    alice, bob = await town.devices("alice", "bob")
    devices = "eu.siacs.conversations.axolotl.devicelist"
    await alice.sets(publish(devices, "<list xmlns='eu.siacs.conversations.axolotl'><device id='5'/></list>"))
    await is_refused(alice, "feature-not-implemented", affiliations(devices, (bob.bare, "publisher")), "unsupported",
                     feature="publisher-affiliation")
    await alice.sets(configure(devices, publish_model="open"))
    await is_refused(bob, "forbidden", publish(devices, "<list xmlns='eu.siacs.conversations.axolotl'/>"), None, to=alice.bare)
    await is_refused(bob, "forbidden", retract(devices, "current"), None, to=alice.bare)
    assert "http://jabber.org/protocol/pubsub#publisher-affiliation" in await alice.features_of(alice.bare)


# ---- retracting (§7.2)

@story("XEP-0060 §7.2.2")
async def a_deletion_is_told_where_node_or_request_say_so(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open", notify_retract="0"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    for attributes, told in (("", False), (" notify='0'", False), (" notify='true'", True), (" notify='1'", True)):
        await alice.sets(publish(NICK, nick("Ali")))
        await bob.receives("message", child=event_of(NICK))
        await alice.sets(retract(NICK, "current", attributes))
        if told:
            message = await bob.receives("message", child=retraction_of(NICK))
            assert message.find(retraction_of(NICK)).get("id") == "current"
        else:
            await bob.receives_no("message", before=ping, child=retraction_of(NICK))
    await alice.sets(configure(NICK, notify_retract="1"))
    await alice.sets(publish(NICK, nick("Ali")))
    await alice.sets(retract(NICK, "current"))
    await bob.receives("message", child=retraction_of(NICK))


@story("XEP-0060 §7.2.3")
async def a_deletion_names_what_is_there(town):
    [alice] = await town.devices("alice")
    await is_refused(alice, "item-not-found", retract(NICK, "current"), None, type_="cancel")
    await alice.sets(publish(NICK, nick("Ali")))
    await is_refused(alice, "item-not-found", retract(NICK, "other"), None, type_="cancel")
    await is_refused(alice, "bad-request", f"<pubsub {PUBSUB}><retract><item id='a'/></retract></pubsub>", "nodeid-required")
    for inner in ("", "<item/>", "<item id=''/>", "<item id='current'/><item id='b'/>", "<x id='current'/>"):
        await is_refused(alice, "bad-request", f"<pubsub {PUBSUB}><retract node='{NICK}'>{inner}</retract></pubsub>",
                         "item-required", type_="modify")
    assert ids(await alice.asks(items(NICK))) == ["current"]


@story("XEP-0060 §7.2: behind a publication that is on its way")
async def what_was_just_published_can_be_deleted(town):
    [alice] = await town.devices("alice")
    await alice.sets(create(NICK))
    for _ in range(20):
        await alice.sends(f"<iq type='set' id='p'>{publish(NICK, nick('Ali'))}</iq><iq type='set' id='r'>{retract(NICK, 'current')}</iq>")
        assert [(await alice.receives("iq", id=one)).get("type") for one in "pr"] == ["result", "result"]


# ---- bounds

@story("limits.queue: changes that wait", options=PLAIN | {"limits.queue": 65536, "limits.stanza": 65536})
async def changes_that_wait_are_bounded_and_none_is_lost(town):
    [alice] = await town.devices("alice")
    await alice.sets(create(NODE, max_items="max"))
    every = [f"w{i}" for i in range(12)]
    async with town.store_is_paused("pep_item"):
        for item in every:
            await alice.sends(f"<iq type='set' id='{item}'>{publish(NODE, note('x' * 8000), item=item)}</iq>")
        await town.waits_for_the_store(2)
    answers = {item: await alice.receives("iq", id=item) for item in every}
    done = [item for item in every if answers[item].get("type") == "result"]
    refused = [answer for answer in answers.values() if answer.get("type") == "error"]
    assert done and refused
    assert all(answer.find(f".//{NS.STANZA_ERROR}resource-constraint") is not None for answer in refused)
    assert ids(await alice.asks(items(NODE))) == done[::-1]
    await alice.sets(publish(NODE, note(), item="later"))


if __name__ == "__main__":
    run()
