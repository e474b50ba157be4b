"""XEP-0402 beside XEP-0048 in PEP and in private XML: one set of bookmarks, whichever form a client speaks."""

import xml.etree.ElementTree as ET

import _path  # noqa: F401
from _pep import PLAIN, configure, create, event_of, ids, items, owner, publish, retract, retraction_of, wants
from harness import NS, ping, run, story, with_id

NATIVE = "urn:xmpp:bookmarks:1"
LIST = "storage:bookmarks"
ROOM, OTHER = "room@rooms.localhost", "other@rooms.localhost"
OPTIONS = {"persist_items": "true", "max_items": "max", "send_last_published_item": "never", "access_model": "whitelist"}
PRIVATE = "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>"


def bookmark(name=None, inner="", autojoin="true"):
    named = f" name='{name}'" if name else ""
    return f"<conference xmlns='{NATIVE}'{named} autojoin='{autojoin}'>{inner}</conference>"


def conference(jid, name=None, inner="", autojoin="true"):
    named = f" name='{name}'" if name else ""
    return f"<conference jid='{jid}'{named} autojoin='{autojoin}'>{inner}</conference>"


def rooms_list(*conferences):
    return f"<storage xmlns='{LIST}'>{''.join(conferences)}</storage>"


def private(*conferences):
    return f"<query xmlns='jabber:iq:private'>{rooms_list(*conferences)}</query>"


def said_of(element, ns):
    return {"name": element.get("name"), "autojoin": element.get("autojoin") in ("true", "1"),
            "nick": element.findtext(f"{{{ns}}}nick"), "password": element.findtext(f"{{{ns}}}password")}


async def native(device):
    """room -> what its item says."""
    answer = await device.tries(items(NATIVE))
    return {item.get("id"): said_of(item[0], NATIVE) for item in answer.iter(NS.PUBSUB + "item")}


def listed(element):
    return {room.get("jid"): said_of(room, LIST) for room in element.iter(f"{{{LIST}}}conference")}


async def in_pep(device):
    return listed(await device.tries(items(LIST)))


async def in_private(device):
    return listed(await device.asks(PRIVATE))


async def all_say(device, rooms):
    """The three forms name the same rooms; returns what they say of them."""
    forms = [await native(device), await in_pep(device), await in_private(device)]
    assert forms[0] == forms[1] == forms[2], forms
    assert set(forms[0]) == set(rooms), forms
    return forms[0]


@story("XEP-0402 §6, XEP-0411 §2")
async def an_account_says_that_its_bookmarks_are_one(town):
    [alice] = await town.devices("alice")
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=alice.bare)
    for feature in (f"{NATIVE}#compat", f"{NATIVE}#compat-pep", "urn:xmpp:bookmarks-conversion:0"):
        assert info.find(f".//{NS.DISCO_INFO}feature[@var='{feature}']") is not None, feature


@story("XEP-0402 §5.3.1")
async def an_item_is_in_the_list_of_both_older_forms(town):
    [alice] = await town.devices("alice")
    await alice.sets(publish(NATIVE, bookmark("The Play", "<nick>JC</nick><password>sesame</password>"), ROOM, OPTIONS))
    await alice.sets(publish(NATIVE, bookmark(autojoin="0"), OTHER, OPTIONS))
    said = await all_say(alice, [ROOM, OTHER])
    assert said[ROOM] == {"name": "The Play", "autojoin": True, "nick": "JC", "password": "sesame"}
    assert said[OTHER] == {"name": None, "autojoin": False, "nick": None, "password": None}
    await town.restart()
    await all_say(await alice.account.device(), [ROOM, OTHER])


@story("XEP-0402 §5.3.1")
async def an_item_that_changes_or_goes_does_so_everywhere(town):
    [alice] = await town.devices("alice")
    for room in (ROOM, OTHER):
        await alice.sets(publish(NATIVE, bookmark("one"), room, OPTIONS))
    await alice.sets(publish(NATIVE, bookmark("two"), ROOM, OPTIONS))
    assert (await all_say(alice, [ROOM, OTHER]))[ROOM]["name"] == "two"
    await alice.sets(retract(NATIVE, ROOM))
    await all_say(alice, [OTHER])
    await alice.sets(owner("purge", NATIVE))
    await all_say(alice, [])
    await alice.sets(publish(NATIVE, bookmark("three"), OTHER, OPTIONS))
    await all_say(alice, [OTHER])
    await alice.sets(owner("delete", NATIVE))
    assert await native(alice) == await in_pep(alice) == await in_private(alice) == {}
    await alice.sets(publish(NATIVE, bookmark("four"), ROOM, OPTIONS))
    await all_say(alice, [ROOM])


@story("XEP-0402 §5.3.2, XEP-0411 §3")
async def private_xml_changes_the_items_and_tells_what_changed_alone(town):
    alice = await (await town.account("alice")).device(present=False)
    laptop = await alice.account.device(present=False)
    await wants(laptop, NATIVE, LIST)
    await alice.sets(private(conference(ROOM, "one", "<nick>Ali</nick>"), conference(OTHER, "other")))
    first = await laptop.receives("message", child=event_of(NATIVE))
    second = await laptop.receives("message", child=event_of(NATIVE))
    assert {next(e.iter(NS.PUBSUB_EVENT + "item")).get("id") for e in (first, second)} == {ROOM, OTHER}
    told = await laptop.receives("message", child=event_of(LIST))
    assert set(listed(told)) == {ROOM, OTHER} and told.get("from") == alice.bare
    await all_say(alice, [ROOM, OTHER])

    await alice.sets(private(conference(ROOM, "two", "<nick>Ali</nick>"), conference(OTHER, "other")))
    event = await laptop.receives("message", child=event_of(NATIVE))
    [item] = event.iter(NS.PUBSUB_EVENT + "item")
    assert item.get("id") == ROOM and said_of(item[0], NATIVE)["name"] == "two"
    await laptop.receives("message", child=event_of(LIST))
    await laptop.receives_no("message", before=ping, child=event_of(NATIVE))  # of what stayed as it was

    await alice.sets(private(conference(OTHER, "other")))
    gone = await laptop.receives("message", child=retraction_of(NATIVE))
    assert [one.get("id") for one in gone.iter(NS.PUBSUB_EVENT + "retract")] == [ROOM]
    assert set(listed(await laptop.receives("message", child=event_of(LIST)))) == {OTHER}
    await all_say(alice, [OTHER])
    await alice.sets(private())
    await all_say(alice, [])


@story("XEP-0402 §5.3.2")
async def a_list_published_changes_the_items_too(town):
    [alice] = await town.devices("alice")
    laptop = await alice.account.device(present=False)
    await wants(laptop, NATIVE)
    await alice.sets(publish(NATIVE, bookmark("native"), ROOM, OPTIONS))
    await laptop.receives("message", child=event_of(NATIVE))
    await alice.sets(publish(LIST, rooms_list(conference(ROOM, "native"), conference(OTHER, "new")),
                             options={"persist_items": "true", "access_model": "whitelist"}))
    event = await laptop.receives("message", child=event_of(NATIVE))
    assert [item.get("id") for item in event.iter(NS.PUBSUB_EVENT + "item")] == [OTHER]
    await laptop.receives_no("message", before=ping, child=event_of(NATIVE))
    await all_say(alice, [ROOM, OTHER])
    await alice.sets(publish(LIST, rooms_list()))
    await all_say(alice, [])


@story("XEP-0402 §3.4")
async def what_the_list_has_no_place_for_stays_with_the_item(town):
    [alice] = await town.devices("alice")
    pinned = "<extensions><pinned xmlns='urn:xmpp:bookmarks-pinning:0'/></extensions>"
    await alice.sets(publish(NATIVE, bookmark("one", pinned), ROOM, OPTIONS))
    await alice.sets(private(conference(ROOM, "two")))
    answer = await alice.asks(items(NATIVE))
    [item] = answer.iter(NS.PUBSUB + "item")
    assert item[0].get("name") == "two"
    assert item[0].find(f"{{{NATIVE}}}extensions/{{urn:xmpp:bookmarks-pinning:0}}pinned") is not None
    assert "pinned" not in ET.tostring(await alice.asks(items(LIST)), encoding="unicode")


@story("XEP-0402 §5.3.2: whoever deletes the old list")
async def a_list_that_is_taken_away_takes_no_room_away(town):
    [alice] = await town.devices("alice")
    await alice.sets(publish(NATIVE, bookmark("one"), ROOM, OPTIONS))
    for gone in (retract(LIST, "current"), owner("purge", LIST), owner("delete", LIST)):
        await alice.sets(gone)
        assert set(await native(alice)) == {ROOM}
        assert not await in_pep(alice)
        await alice.sets(publish(NATIVE, bookmark("again"), ROOM, OPTIONS))
        await all_say(alice, [ROOM])
    # A client that has not seen a room does not remove it either.
    await alice.sets(owner("delete", LIST))
    await alice.sets(publish(LIST, rooms_list(conference(OTHER))))
    await all_say(alice, [ROOM, OTHER])


@story("XEP-0402, XEP-0049 §2.3: one unit")
async def several_elements_of_one_request_are_kept_together_or_not_at_all(town):
    [alice] = await town.devices("alice")
    delimiter = "<roster xmlns='roster:delimiter'>::</roster>"
    both = f"<query xmlns='jabber:iq:private'>{delimiter}{rooms_list(conference(ROOM))}{rooms_list(conference(OTHER))}</query>"
    await alice.sets(both)
    await all_say(alice, [ROOM, OTHER])
    answer = await alice.asks("<query xmlns='jabber:iq:private'><roster xmlns='roster:delimiter'/></query>")
    assert answer.findtext(".//{roster:delimiter}roster") == "::"
    bad = f"<query xmlns='jabber:iq:private'>{rooms_list()}<x xmlns='storage:rosternotes'/></query>"
    await alice.is_refused("policy-violation", bad, "set", type_="modify")
    await all_say(alice, [ROOM, OTHER])


@story("XEP-0402 §3.3: durable when it is answered")
async def a_change_of_one_form_waits_until_both_are_durable(town):
    [alice] = await town.devices("alice")
    await alice.sets(publish(NATIVE, bookmark("one"), ROOM, OPTIONS))
    async with town.store_is_paused("pep_item"):
        await alice.sends(f"<iq type='set' id='s1'>{private(conference(ROOM, 'two'))}</iq>")
        await town.waits_for_the_store(1)
        assert not alice.stream.waiting(with_id("s1"))
    assert (await alice.receives("iq", id="s1")).get("type") == "result"
    assert (await all_say(alice, [ROOM]))[ROOM]["name"] == "two"


@story("docs/sealed.md 3.5: bookmarks")
async def of_no_form_more_is_kept_than_a_room_needs(town):
    [alice] = await town.devices("alice")
    secret = "meet me at the old bridge"
    await alice.sets(private(f"<url name='{secret}' url='http://example.org/'/>",
                             conference(ROOM, "one", f"<note>{secret}</note>")))
    await alice.sets(publish(NATIVE, bookmark("two", f"<extensions><x xmlns='urn:example:x'>{secret}</x></extensions>"), OTHER,
                             OPTIONS))
    await all_say(alice, [ROOM, OTHER])
    for answer in (await alice.asks(items(NATIVE)), await alice.asks(items(LIST)), await alice.asks(PRIVATE)):
        assert secret not in ET.tostring(answer, encoding="unicode")
    assert secret.encode() not in town.stored_bytes()
    long = "x" * 129
    await alice.is_refused("policy-violation", private(conference(ROOM, long)), "set", type_="modify")
    await alice.is_refused("policy-violation", publish(LIST, rooms_list(conference(ROOM, long))), "set", type_="modify")
    await alice.is_refused("policy-violation", publish(NATIVE, bookmark(long), ROOM, OPTIONS), "set", type_="modify")
    await all_say(alice, [ROOM, OTHER])


@story("XEP-0411 §5", options=PLAIN)
async def nodes_that_others_could_read_are_closed_before_bookmarks_come_into_them(town):
    alice, bob = await town.devices("alice", "bob")
    for node in (LIST, NATIVE):
        await alice.sets(create(node, access_model="open"))
    await bob.asks(items(LIST), to=alice.bare)
    await alice.sets(private(conference(ROOM, "secret room")))
    for node in (LIST, NATIVE):
        await bob.is_refused("not-allowed", items(node), to=alice.bare, type_="cancel")
    await all_say(alice, [ROOM])


@story("XEP-0402 §3.3: a node that was made for one item", options=PLAIN)
async def all_rooms_of_a_list_become_items(town):
    [alice] = await town.devices("alice")
    await alice.sets(create(NATIVE, access_model="whitelist", max_items="1"))
    await alice.sets(private(conference(ROOM), conference(OTHER)))
    await all_say(alice, [ROOM, OTHER])


@story("XEP-0048 §2.2", options=PLAIN)
async def an_ordinary_server_keeps_what_else_stands_in_a_list(town):
    [alice] = await town.devices("alice")
    page = "<url name='Works' url='http://example.org/'/>"
    await alice.sets(private(page, conference(ROOM), "<conference name='no address'/>"))
    await alice.sets(publish(NATIVE, bookmark("native", "<extensions><x xmlns='urn:example:x'>kept</x></extensions>"), OTHER,
                             OPTIONS))
    for answer in (await alice.asks(PRIVATE), await alice.asks(items(LIST))):
        assert answer.find(f".//{{{LIST}}}url").get("name") == "Works"
        assert [room.get("jid") for room in answer.iter(f"{{{LIST}}}conference")] == [ROOM, OTHER, None] or \
            {room.get("jid") for room in answer.iter(f"{{{LIST}}}conference")} == {ROOM, OTHER, None}
    await alice.sets(private(conference(OTHER, "renamed")))
    assert set(await native(alice)) == {OTHER}
    assert "kept" in ET.tostring(await alice.asks(items(NATIVE)), encoding="unicode")
    # An item that is no room is in no list, and stays.
    await alice.sets(publish(NATIVE, "<other xmlns='urn:example:other'/>", "not a room/at all"))
    assert ids(await alice.asks(items(NATIVE))) == ["not a room/at all", OTHER]
    assert set(await in_private(alice)) == {OTHER}


@story("docs/security.md §3", options={"limits.node_items": 2})
async def there_are_no_more_rooms_than_a_node_keeps_items(town):
    [alice] = await town.devices("alice")
    three = [conference(f"room{number}@rooms.localhost") for number in range(3)]
    await alice.sets(private(*three[:2]))
    await alice.is_refused("resource-constraint", private(*three), "set", type_="wait")
    await alice.is_refused("resource-constraint", publish(LIST, rooms_list(*three)), "set", type_="wait")
    await all_say(alice, ["room0@rooms.localhost", "room1@rooms.localhost"])
    await alice.sets(private(three[2], three[1]))
    await all_say(alice, ["room2@rooms.localhost", "room1@rooms.localhost"])
    await alice.sets(publish(NATIVE, bookmark(), ROOM))  # the oldest item goes (XEP-0060 §7.1.2), and so from the list
    rooms = await all_say(alice, await native(alice))
    assert len(rooms) == 2 and ROOM in rooms


@story("docs/security.md §3", options={"limits.item": 4096})
async def a_list_is_no_longer_than_an_item_may_be(town):
    [alice] = await town.devices("alice")
    for number in range(100):
        answer = await alice.tries(publish(NATIVE, bookmark("x" * 120), f"room{number}@rooms.localhost"), "set")
        if answer.get("type") == "error":
            break
    assert answer.find(f"{NS.CLIENT}error/{NS.STANZA_ERROR}resource-constraint") is not None, ET.tostring(answer)
    assert 10 < number < 30
    await all_say(alice, [f"room{n}@rooms.localhost" for n in range(number)])


@story("XEP-0402: what an earlier build kept apart")
async def older_private_bookmarks_join_the_others(town):
    [alice] = await town.devices("alice")
    old = rooms_list(conference(ROOM, "old", "<nick>Ali</nick>")).replace("'", "''")
    town.sql(f"INSERT INTO account_data (owner, kind, name, value) VALUES ('{alice.bare}', 1, "
             f"'{{storage:bookmarks}}storage', '{old}')")
    assert (await in_private(alice))[ROOM]["name"] == "old"
    await alice.sets(publish(NATIVE, bookmark("new"), OTHER, OPTIONS))
    assert (await all_say(alice, [ROOM, OTHER]))[ROOM]["nick"] == "Ali"
    assert town.sql(f"SELECT count(*) FROM account_data WHERE owner = '{alice.bare}' AND kind = 1") == [("0",)]


@story("XEP-0402 §5, docs/sealed.md 3.5")
async def nobody_elses_list_is_read_or_changed(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(private(conference(ROOM, "the old bridge")))
    for node in (LIST, NATIVE):
        await bob.is_refused("not-allowed", items(node), to=alice.bare)
    await bob.is_refused("forbidden", private(), "set", to=alice.bare, type_="auth")
    answer = await bob.tries(publish(LIST, rooms_list()), "set", to=alice.bare)
    assert answer.get("type") == "error"
    assert b"old bridge" not in bytes(bob.stream.heard)
    await all_say(alice, [ROOM])
    await alice.sets(configure(NATIVE, access_model="whitelist"))


if __name__ == "__main__":
    run()
