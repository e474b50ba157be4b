"""RFC 6121 §4.3 and §4.6: who is there, asked; and presence that is sent to one address."""

import _path  # noqa: F401
from harness import NS, answer_of, run, saved_word_from, story, word_from

PLAIN = {"sealed.mode": "off"}  # where a status text and what nobody knows may pass
ROSTER = "<query xmlns='jabber:iq:roster'/>"
DETAILS = ("<show>dnd</show><status>busy!</status><priority>3</priority>"
           "<x xmlns='urn:example:unknown'>of mine</x>")


async def watches(asking, granting):
    """One-way: `asking` may see `granting`."""
    await asking.sends(f"<presence type='subscribe' to='{granting.bare}'/>")
    await granting.receives("presence", type_="subscribe", from_=asking.bare)
    await granting.sends(f"<presence type='subscribed' to='{asking.bare}'/>")
    await asking.receives("presence", type_="subscribed", from_=granting.bare)
    await asking.receives("presence", type_=None, from_=granting.full)


def presence_from(device, bare):
    """What came from anybody of that account; taken."""
    return device.stream.takes(lambda event: getattr(event, "tag", None) == NS.CLIENT + "presence"
                               and (event.get("from") or "").split("/")[0] == bare)


@story("RFC 6121 §4.3.2, §4.3.2.1, §4.4.2", options=PLAIN)
async def a_probe_brings_the_last_presence_of_each_device_with_its_own_id(town):
    alice, bob = await town.devices("alice", "bob")
    laptop = await alice.account.device()
    other = await bob.account.device()
    quiet = await alice.account.device(present=False)
    await watches(bob, alice)
    await alice.sends(f"<presence id='first'><show>away</show></presence><presence id='pres1' xml:lang='fr'>{DETAILS}</presence>")
    await laptop.sends("<presence id='pres2'/>")
    for device in (bob, other):
        await device.receives("presence", id="pres1")
        await device.receives("presence", id="pres2")
        presence_from(device, alice.bare)
    await bob.sends(f"<presence type='probe' to='{alice.bare}' id='probe1'/>")
    full = await bob.receives("presence", from_=alice.full, id="pres1", to=bob.full)
    assert [child.tag for child in full] == [NS.CLIENT + "show", NS.CLIENT + "status", NS.CLIENT + "priority",
                                             "{urn:example:unknown}x"], [child.tag for child in full]
    assert full.get(NS.XML + "lang") == "fr" and full.findtext(NS.CLIENT + "status") == "busy!"
    await bob.receives("presence", from_=laptop.full, id="pres2", to=bob.full)
    await bob.receives_no("presence", before=word_from(alice), from_=quiet.full)
    await other.receives_no("presence", before=word_from(alice), from_=alice.full)  # who did not ask


def the_item(answer):
    [item] = list(answer.iter(NS.ROSTER + "item"))
    return item.get("subscription"), item.get("approved")


@story("RFC 6121 §4.3.2, §4.3.2.1: the two sides differ, as after a backup of one", alone=True)
async def who_lost_his_subscription_is_told_unsubscribed_by_the_bare_address_whatever_he_probes(town):
    """Also by the probe of a log-in. An approval beforehand stays (§3.4)."""
    pairs = {}
    for asked in ("the account", "a device", "a device that is gone", "nothing: he logs in", "the account, approved"):
        asker, contact = await town.devices("asker", "contact")
        await watches(asker, contact)
        pairs[asked] = asker.account, contact.account
        for device in (asker, contact):
            await device.drops()
    await town.stop()
    for asked, (asker, contact) in pairs.items():
        where = f"WHERE owner = '{contact.bare}' AND jid = '{asker.bare}'"
        assert town.sql(f"SELECT subscription FROM roster {where}") == [("2",)], "from"
        town.sql(f"UPDATE roster SET subscription = 0, approved = {1 if 'approved' in asked else 0} {where}")
    await town.start()
    for asked, (account, contact) in pairs.items():
        contact = await contact.device("here")
        asker = await account.device(present="logs in" in asked)
        if "logs in" not in asked:
            assert the_item(await asker.asks(ROSTER)) == ("to", None), asked
            to = contact.bare if "account" in asked else contact.full if asked == "a device" else f"{contact.bare}/gone"
            await asker.sends(f"<presence type='probe' to='{to}' id='probe'/>")
        answer = await asker.receives("presence", from_=contact.bare, to=asker.bare, type_="unsubscribed")
        assert len(answer) == 0 and answer.get("id") == (None if "logs in" in asked else "probe"), (asked, answer.attrib)
        await asker.receives_no("presence", before=answer_of(contact), from_=contact.full)
        assert not presence_from(asker, contact.bare), asked
        assert the_item(await asker.asks(ROSTER)) == ("none", None), asked
        assert the_item(await contact.asks(ROSTER)) == ("none", "true" if "approved" in asked else None), asked


@story("RFC 6121 §4.3.2, §4.3.2.1, XEP-0203")
async def a_probe_of_who_is_away_says_so_with_the_id_of_the_probe_and_since_when(town):
    alice, bob = await town.devices("alice", "bob")
    quiet = await alice.account.device(present=False)
    await watches(bob, alice)
    await alice.sends("<presence type='unavailable'/>")
    await bob.receives("presence", type_="unavailable", from_=alice.full)
    for identity in ("probe1", "probe2"):
        await bob.sends(f"<presence type='probe' to='{alice.bare}' id='{identity}'/>")
        answer = await bob.receives("presence", type_="unavailable", from_=alice.bare, id=identity, to=bob.full)
        assert [child.tag for child in answer] == [NS.DELAY + "delay"], [child.tag for child in answer]
        assert answer.find(NS.DELAY + "delay").get("stamp").endswith("Z")
    await quiet.receives_no("presence", before=word_from(bob), type_="probe")  # the server answers, no device is asked


@story("RFC 6121 §4.3.2, XEP-0203: a restart", alone=True)
async def since_when_somebody_is_away_outlives_the_server(town):
    alice, bob = await town.devices("alice", "bob")
    await watches(bob, alice)
    await alice.leaves()
    await bob.receives("presence", type_="unavailable", from_=alice.full)

    async def is_told(device):
        await device.sends(f"<presence type='probe' to='{alice.bare}' id='probe'/>")
        answer = await device.receives("presence", type_="unavailable", id="probe", from_=alice.bare)
        return answer.find(NS.DELAY + "delay").get("stamp")
    before = await is_told(bob)
    await town.restart()
    assert await is_told(await bob.account.device()) == before


@story("RFC 6121 §4.3.2", options=PLAIN)
async def a_probe_of_one_device_tells_of_that_one_and_only_whether_it_is_there(town):
    alice, bob = await town.devices("alice", "bob")
    laptop = await alice.account.device()
    quiet = await alice.account.device(present=False)
    await watches(bob, alice)
    await alice.sends(f"<presence id='pres1'>{DETAILS}</presence>")
    await bob.receives("presence", id="pres1")
    presence_from(bob, alice.bare)
    await bob.sends(f"<presence type='probe' to='{alice.full}' id='probe1'/>")
    answer = await bob.receives("presence", from_=alice.full)
    assert (answer.get("type"), answer.get("id"), answer.get("to")) == (None, "pres1", bob.full) and len(answer) == 0
    for gone in (quiet.full, f"{alice.bare}/gone"):
        await bob.sends(f"<presence type='probe' to='{gone}' id='probe2'/>")
        answer = await bob.receives("presence", from_=gone)
        assert (answer.get("type"), answer.get("id")) == ("unavailable", "probe2") and len(answer) == 0
    await bob.receives_no("presence", before=word_from(laptop), from_=laptop.full)
    # With nobody available, and after a change: what is told is what holds now, of that one, to that one.
    other = await bob.account.device()
    await alice.sends("<presence type='unavailable'/>")
    await laptop.sends("<presence type='unavailable'/>")
    await quiet.sends(f"<presence id='pres2'>{DETAILS}</presence>")
    for device in (bob, other):
        await device.receives("presence", id="pres2", from_=quiet.full)
        await word_from(laptop)(device)
        presence_from(device, alice.bare)
    for asked, expected in ((alice.full, ("unavailable", "probe3")), (laptop.full, ("unavailable", "probe3")), (quiet.full, (None, "pres2"))):
        await bob.sends(f"<presence type='probe' to='{asked}' id='probe3'/>")
        answer = await bob.receives("presence", from_=asked, to=bob.full)
        assert (answer.get("type"), answer.get("id")) == expected and len(answer) == 0, (asked, answer.attrib)
    for device in (bob, other):
        await word_from(quiet)(device)
        assert not presence_from(device, alice.bare)


@story("RFC 6121 §4.3, §4.3.2, §11")
async def a_probe_of_a_stranger_is_no_error_and_tells_nothing(town):
    """The "unsubscribed" of §4.3.2 changes nothing of what a stranger has, so that his side ignores it (§3.2.3)."""
    alice, eve = await town.devices("alice", "eve")
    away = await town.account("away")
    for to in (alice.bare, alice.full, away.bare, "nobody@localhost", "nobody@localhost/r", "localhost", "a@elsewhere.example"):
        await eve.sends(f"<presence type='probe' to='{to}' id='probe'/>")
    await eve.sends("<presence type='probe'/>")
    await eve.receives_no("presence", before=word_from(alice), id="probe")
    assert not presence_from(eve, alice.bare)
    await eve.asks(ROSTER)  # the stream lives on
    # Who shows himself to eve is not shown by what eve shows to him (one-way).
    await watches(alice, eve)
    await eve.sends(f"<presence type='probe' to='{alice.bare}' id='probe'/>")
    await eve.receives_no("presence", before=word_from(alice), from_=alice.full)


@story("RFC 6121 §4.3.2, §3.1.3")
async def a_probe_does_not_end_a_request_that_waits(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<presence type='probe' to='{bob.bare}'/><presence type='subscribe' to='{bob.bare}'/>"
                      f"<presence type='probe' to='{bob.bare}'/><presence type='probe' to='{bob.full}'/>")
    await bob.receives("presence", type_="subscribe", from_=alice.bare)
    await alice.receives_no("presence", before=saved_word_from(bob), type_="unsubscribed")
    [item] = list((await alice.asks(ROSTER)).iter(NS.ROSTER + "item"))
    assert (item.get("subscription"), item.get("ask")) == ("none", "subscribe")


@story("RFC 6121 §4.6.6")
async def a_probe_by_who_was_told_by_directed_presence_learns_of_that_device_only(town):
    alice, room = await town.devices("alice", "room")
    laptop = await alice.account.device()
    other = await room.account.device()
    await alice.sends(f"<presence to='{room.full}'><show>away</show></presence>")
    await room.receives("presence", from_=alice.full)
    for to in (alice.full, alice.bare):
        await room.sends(f"<presence type='probe' to='{to}'/>")
        answer = await room.receives("presence", from_=alice.full)
        assert answer.get("type") is None and answer.get("to") == room.full and len(answer) == 0
    await room.sends(f"<presence type='probe' to='{laptop.full}'/>")
    await room.receives_no("presence", before=word_from(laptop), from_=laptop.full)
    await other.sends(f"<presence type='probe' to='{alice.full}'/>")  # another device was not told
    await other.receives_no("presence", before=word_from(alice), from_=alice.full)
    await alice.sends(f"<presence to='{room.full}' type='unavailable'/>")
    await room.receives("presence", from_=alice.full, type_="unavailable")
    await room.sends(f"<presence type='probe' to='{alice.full}'/>")
    await room.receives_no("presence", before=word_from(alice), from_=alice.full)


# -- directed presence -------------------------------------------------------------------------------------------------

@story("RFC 6121 §4.6.3, §11", options=PLAIN)
async def directed_presence_reaches_its_address_as_it_is_and_makes_nobody_a_subscriber(town):
    alice, bob = await town.devices("alice", "bob")
    second = await bob.account.device()
    await alice.sends(f"<presence to='{bob.full}' id='d1'>{DETAILS}</presence>")
    arrived = await bob.receives("presence", id="d1", from_=alice.full, to=bob.full)
    assert len(arrived) == 4 and arrived.findtext(NS.CLIENT + "status") == "busy!"
    await alice.sends("<presence><show>xa</show></presence>")
    await bob.receives_no("presence", before=word_from(alice), from_=alice.full)
    await alice.sends("<presence type='unavailable'><status>gone home</status></presence>")
    ended = await bob.receives("presence", from_=alice.full, type_="unavailable", to=bob.full)
    assert ended.findtext(NS.CLIENT + "status") == "gone home"
    await second.receives_no("presence", before=word_from(alice), from_=alice.full)


@story("RFC 6121 §4.6.3")
async def directed_presence_of_who_is_not_available_is_ended_too(town):
    """Case 3: connected, before initial presence and after unavailable presence; also for a subscriber."""
    [bob] = await town.devices("bob")
    alice = await (await town.account("alice")).device()
    await watches(bob, alice)
    await alice.sends("<presence type='unavailable'/>")
    await bob.receives("presence", from_=alice.full, type_="unavailable")
    joining = await alice.account.device(present=False)
    for device in (joining, alice):
        await device.sends(f"<presence to='{bob.bare}'/>")
        await bob.receives("presence", from_=device.full, type_=None)
        await device.sends("</stream:stream>")
        await bob.receives("presence", from_=device.full, type_="unavailable")


@story("RFC 6121 §4.6.3")
async def presence_addressed_to_a_subscriber_changes_nothing_of_what_is_broadcast(town):
    alice, bob = await town.devices("alice", "bob")
    await watches(bob, alice)
    for type_ in ("unavailable", None):
        await alice.sends(f"<presence to='{bob.bare}'{f' type={chr(39)}{type_}{chr(39)}' if type_ else ''}/>")
        await bob.receives("presence", from_=alice.full, type_=type_)
        await alice.sends("<presence><show>xa</show></presence>")
        await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")
    await alice.sends("<presence type='unavailable'/>")
    await bob.receives("presence", from_=alice.full, type_="unavailable")
    await bob.receives_no("presence", before=word_from(alice), from_=alice.full)  # the end once, not twice


@story("RFC 6121 §4.6.1")
async def who_said_goodbye_or_heard_it_is_told_nothing_more(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    for other in (bob, carol):
        await alice.sends(f"<presence to='{other.full}'/>")
        await other.receives("presence", from_=alice.full)
    await alice.sends(f"<presence to='{bob.full}' type='unavailable'/>")  # alice says it
    await bob.receives("presence", from_=alice.full, type_="unavailable")
    await carol.sends(f"<presence to='{alice.full}' type='unavailable'/>")  # or hears it
    await alice.receives("presence", from_=carol.full, type_="unavailable")
    await alice.sends("<presence type='unavailable'/>")
    for other in (bob, carol):
        await other.receives_no("presence", before=word_from(alice), from_=alice.full)


@story("RFC 6121 §4.6.1")
async def a_goodbye_that_is_broadcast_is_one_as_well(town):
    alice, carol = await town.devices("alice", "carol")
    await watches(alice, carol)  # carol's broadcasts reach alice
    await alice.sends(f"<presence to='{carol.full}'/>")
    await carol.receives("presence", from_=alice.full)
    await carol.sends("<presence type='unavailable'/>")
    await alice.receives("presence", from_=carol.full, type_="unavailable")
    await alice.sends("<presence type='unavailable'/>")
    await carol.receives_no("presence", before=word_from(alice), from_=alice.full)


@story("RFC 6121 §4.6.1")
async def a_subscription_that_comes_or_ends_counts_more_than_directed_presence(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<presence to='{bob.bare}'/>")
    await bob.receives("presence", from_=alice.full)
    await watches(bob, alice)
    await alice.sends("<presence><show>xa</show></presence>")
    await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")
    await alice.sends(f"<presence type='unsubscribed' to='{bob.bare}'/>")
    await bob.receives("presence", from_=alice.full, type_="unavailable")
    await bob.receives("presence", from_=alice.bare, type_="unsubscribed")
    await alice.sends("<presence><show>dnd</show></presence>")
    await bob.receives_no("presence", before=word_from(alice), from_=alice.full, type_=None)


run()
