"""XEP-0060 §8.1–§8.5, §8.9: what an owner does with nodes and whom he lets in."""

import _path  # noqa: F401
from _pep import (AVATAR, NICK, NODE, OWNER, PLAIN, PUBSUB, affiliations, configure, create, event, event_of, fields_of, form, ids,
                  is_refused, items, nick, owner, publish, subscribe)
from harness import NS, ping, run, story


# ---- creating (§8.1)

@story("XEP-0060 §8.1.2, §8.1.3")
async def a_node_is_made_as_asked(town):
    [alice] = await town.devices("alice")
    answer = await alice.sets(create(NICK, access_model="whitelist", max_items="max"))
    assert answer.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}create").get("node") == NICK
    fields = fields_of(await alice.asks(owner("configure", NICK)))
    assert fields["access_model"] == ["whitelist"] and fields["max_items"] == ["max"] and fields["persist_items"] == ["1"]
    await is_refused(alice, "conflict", create(NICK), None, type_="cancel")


@story("XEP-0060 §8.1.1, §8.1.2, §8.1.3", options=PLAIN)
async def a_node_that_can_not_be_made_is_not_made(town):
    [alice] = await town.devices("alice")
    await is_refused(alice, "not-acceptable", f"<pubsub {PUBSUB}><create/></pubsub>", "nodeid-required", type_="modify")
    await is_refused(alice, "not-acceptable", create(NICK, access_model="friends"), "unsupported-access-model", type_="modify")
    await is_refused(alice, "feature-not-implemented", create(NICK, node_type="collection"), "unsupported", feature="collections")
    await is_refused(alice, "not-acceptable", create("n" * 513), None)
    wish = form({"access_model": "open"})
    await is_refused(alice, "bad-request", f"<pubsub {PUBSUB}><create node='{NICK}'/><configure node='{NICK}'>{wish}</configure></pubsub>", None)
    await is_refused(alice, "bad-request", f"<pubsub {PUBSUB}><configure>{wish}</configure><create node='{NICK}'/></pubsub>", None)
    await alice.is_refused("item-not-found", items(NICK))


# ---- configuring (§8.2, §8.3)

@story("XEP-0060 §8.2, §8.3")
async def each_field_is_shown_and_set(town):
    [alice] = await town.devices("alice")
    default = fields_of(await alice.asks(f"<pubsub {OWNER}><default/></pubsub>"))
    await alice.sets(create(NICK))
    assert fields_of(await alice.asks(owner("configure", NICK))) == default
    assert default["send_last_published_item"] == ["on_sub_and_presence"] and default["access_model"] == ["presence"]
    wishes = {"access_model": "roster", "roster_groups_allowed": ["Friends", "Work"], "persist_items": "0", "max_items": "3",
              "publish_node_full": "reject", "item_expire": "3600", "max_payload_size": "1000", "itemreply": "publisher",
              "send_last_published_item": "never", "deliver_notifications": "0", "deliver_payloads": "0", "notify_config": "1",
              "notification_type": "normal", "notify_delete": "0", "notify_retract": "0", "notify_sub": "1", "subscribe": "0"}
    for name, wish in wishes.items():  # one at a time: what is not named stays (XEP-0004 §3.2)
        await alice.sets(configure(NICK, **{name: wish}))
    expected = default | {name: wish if isinstance(wish, list) else [wish] for name, wish in wishes.items()}
    assert fields_of(await alice.asks(owner("configure", NICK))) == expected
    await town.restart()
    alice = await alice.account.device()
    assert fields_of(await alice.asks(owner("configure", NICK))) == expected
    back = "".join(f"<field var='{'FORM_TYPE' if name == 'FORM_TYPE' else 'pubsub#' + name}'>"
                   + "".join(f"<value>{value}</value>" for value in values) + "</field>" for name, values in expected.items())
    await alice.sets(owner("configure", NICK, f"<x xmlns='jabber:x:data' type='submit'>{back}</x>"))
    assert fields_of(await alice.asks(owner("configure", NICK))) == expected


@story("XEP-0060 §8.2.3, §8.2.4, §8.2.5.2")
async def a_configuration_that_can_not_be_leaves_the_old_one(town):
    [alice] = await town.devices("alice")
    await alice.sets(create(NICK))
    before = fields_of(await alice.asks(owner("configure", NICK)))
    for name, value in (("persist_items", "yes"), ("max_items", "0"), ("max_items", "9999999"), ("item_expire", "0"),
                        ("max_payload_size", "999999999"), ("publish_model", "nobody"), ("send_last_published_item", "always"),
                        ("notification_type", "chat"), ("publish_node_full", "grow"), ("itemreply", "all"), ("tempsub", "1"),
                        ("purge_offline", "1"), ("presence_based_delivery", "0"), ("notify_config", "")):
        await is_refused(alice, "not-acceptable", configure(NICK, **{"access_model": "open", name: value}), None, type_="modify")
    await is_refused(alice, "not-acceptable", configure(NICK, access_model="friends"), "unsupported-access-model")
    await alice.sets(owner("configure", NICK, form({"access_model": "open"}, kind="cancel")))
    await is_refused(alice, "bad-request", owner("configure", NICK), None)
    await is_refused(alice, "bad-request", owner("configure", NICK, form({"access_model": "open"}, "urn:example:other")), None)
    await is_refused(alice, "bad-request", f"<pubsub {OWNER}><configure/></pubsub>", "nodeid-required", kind="get")
    await is_refused(alice, "item-not-found", owner("configure", AVATAR), None, kind="get", type_="cancel")
    await is_refused(alice, "feature-not-implemented", f"<pubsub {OWNER}><default type='collection'/></pubsub>", "unsupported",
                     kind="get", feature="collections")
    assert fields_of(await alice.asks(owner("configure", NICK))) == before


@story("XEP-0060 §8.2.5.3: pubsub#notify_config", options=PLAIN)
async def a_change_is_told_where_the_node_says_so(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NODE, access_model="open"))
    await bob.sets(subscribe(NODE, bob.bare), to=alice.bare)
    await alice.sets(configure(NODE, title="One", roster_groups_allowed="Secret"))
    await bob.receives_no("message", before=ping, child=event("configuration", NODE))
    await alice.sets(configure(NODE, notify_config="1"))
    await bob.receives("message", child=event("configuration", NODE))
    await alice.sets(configure(NODE, title="Two"))
    message = await bob.receives("message", child=event("configuration", NODE))
    fields = fields_of(message)
    assert fields["title"] == ["Two"] and fields["FORM_TYPE"] == ["http://jabber.org/protocol/pubsub#node_config"]
    assert "roster_groups_allowed" not in fields  # how the owner sorts people is the owner's
    await alice.sets(configure(NODE, deliver_payloads="0"))
    message = await bob.receives("message", child=event("configuration", NODE))
    assert len(message.find(event("configuration", NODE))) == 0


@story("XEP-0060 §16.4.4: pubsub#notification_type, pubsub#deliver_notifications")
async def the_owner_says_how_events_come(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open", notification_type="normal"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await alice.sets(publish(NICK, nick("Ali")))
    assert (await bob.receives("message", child=event_of(NICK))).get("type") == "normal"
    await alice.sets(configure(NICK, deliver_notifications="0"))
    await alice.sets(publish(NICK, nick("Alice")))
    await bob.receives_no("message", before=ping, child=event_of(NICK))


# ---- deleting and purging (§8.4, §8.5)

@story("XEP-0060 §8.4.2, §8.5.2")
async def subscribers_hear_that_a_node_is_emptied_and_deleted(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open", max_items="9"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    for item in "ab":
        await alice.sets(publish(NICK, nick("Ali"), item=item))
        await bob.receives("message", child=event_of(NICK))
    await alice.sets(owner("purge", NICK))
    await bob.receives("message", child=event("purge", NICK), from_=alice.bare)
    await bob.receives_no("message", before=ping, child=f"{event('items', NICK)}/{NS.PUBSUB_EVENT}retract")
    await alice.sets(owner("delete", NICK, "<redirect uri='xmpp:evil.example?;node=x'/>"))
    message = await bob.receives("message", child=event("delete", NICK), from_=alice.bare)
    assert len(message.find(event("delete", NICK))) == 0  # the redirect is not passed on
    await is_refused(bob, "item-not-found", items(NICK), None, kind="get", to=alice.bare)
    await alice.sets(create(NICK, access_model="open"))
    assert not ids(await alice.asks(items(NICK)))  # nothing of the old one


@story("XEP-0060 §8.4.3, §8.5.3")
async def what_is_not_there_is_neither_emptied_nor_deleted(town):
    [alice] = await town.devices("alice")
    for verb in ("purge", "delete"):
        await is_refused(alice, "item-not-found", owner(verb, NICK), None, type_="cancel")
        await is_refused(alice, "bad-request", f"<pubsub {OWNER}><{verb}/></pubsub>", "nodeid-required")
    await alice.sets(create(NICK))
    await is_refused(alice, "feature-not-implemented", owner("dance", NICK), None, type_="cancel")


@story("XEP-0060 §16.4.4: pubsub#notify_delete, pubsub#notify_retract")
async def an_owner_may_do_it_quietly(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open", notify_delete="0", notify_retract="0"))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await alice.sets(publish(NICK, nick("Ali")))
    await alice.sets(owner("purge", NICK))
    await alice.sets(owner("delete", NICK))
    await bob.receives("message", child=event_of(NICK))
    for what in ("purge", "delete"):
        await bob.receives_no("message", before=ping, child=event(what, NICK))


# ---- affiliations (§8.9)

def affiliations_of(answer):
    return {one.get("jid"): one.get("affiliation") for one in answer.iter(NS.PUBSUB_OWNER + "affiliation")}


@story("XEP-0060 §8.9.1, §8.9.2, §8.9.3")
async def the_owner_lets_people_in_and_out(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NICK, access_model="whitelist"))
    await alice.sets(affiliations(NICK, (bob.full, "member"), (carol.bare, "outcast")))
    assert affiliations_of(await alice.asks(owner("affiliations", NICK))) == {
        alice.bare: "owner", bob.bare: "member", carol.bare: "outcast"}  # bare addresses (§4.1)
    await bob.asks(items(NICK), to=alice.bare)
    await is_refused(carol, "forbidden", items(NICK), None, kind="get", to=alice.bare)
    await alice.sets(owner("affiliations", NICK, f"<affiliation jid='{bob.bare}'/>"))  # not to be changed
    await alice.sets(affiliations(NICK, (carol.bare, "none")))
    assert affiliations_of(await alice.asks(owner("affiliations", NICK))) == {alice.bare: "owner", bob.bare: "member"}
    await alice.sets(affiliations(NICK, (bob.bare, "none")))
    await is_refused(bob, "not-allowed", items(NICK), "closed-node", kind="get", to=alice.bare, type_="cancel")


@story("XEP-0060 §8.9.2.4")
async def what_can_not_be_comes_back_as_it_is(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NICK, access_model="whitelist"))
    await alice.sets(affiliations(NICK, (carol.bare, "member")))
    wish = affiliations(NICK, (bob.bare, "member"), (alice.bare, "none"), (carol.bare, "owner"), ("@", "member"))
    error = await alice.is_refused("not-acceptable", wish, "set", type_="modify")
    assert affiliations_of(error) == {alice.bare: "owner", carol.bare: "member", "@": "none"}
    assert affiliations_of(await alice.asks(owner("affiliations", NICK))) == {
        alice.bare: "owner", bob.bare: "member", carol.bare: "member"}
    await is_refused(alice, "bad-request", affiliations(NICK, (bob.bare, "outcast"), (bob.bare, "member")), None, type_="modify")
    await is_refused(alice, "item-not-found", affiliations(AVATAR, (bob.bare, "member")), None)
    await bob.asks(items(NICK), to=alice.bare)


@story("XEP-0060 §8: an account's nodes outlive the server")
async def people_outlive_the_server(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(create(NICK, access_model="open"))
    await alice.sets(affiliations(NICK, (carol.bare, "outcast")))
    await bob.sets(subscribe(NICK, bob.bare), to=alice.bare)
    await town.restart()
    alice, bob, carol = [await device.account.device() for device in (alice, bob, carol)]
    await alice.sets(publish(NICK, nick("Ali")))
    await bob.receives("message", child=event_of(NICK))
    await is_refused(carol, "forbidden", items(NICK), None, kind="get", to=alice.bare)


if __name__ == "__main__":
    run()
