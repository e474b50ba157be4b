"""XEP-0198 §4 and ARCHITECTURE.md, the life of a unit: what a session did not bring to its client goes on, once."""

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, word_from
from harness.town import Raw
from _managed import XMLNS, Managed, device, is_sm, message, messages_of, resume

ARCHIVE = {'host["localhost"].archive.enabled': True}
NO_ARCHIVE = {'host["localhost"].archive.enabled': False}
SHORT = {"timeouts.resumption": 1}
FAST = {"limits.rate_burst": Raw("GiB")}
MANY = 40


def ids(count, first=0):
    return [f"m{number}" for number in range(first, first + count)]


async def acknowledged(alice, count):
    """alice, who counts, has sent so many stanzas since and the server has handled them all."""
    while await alice.asks_for_h() < count:
        pass


async def waiting_for(town, bob):
    return int(town.sql(f"SELECT count(*) FROM undelivered WHERE owner = '{bob.bare}'")[0][0])


async def next_log_in(alice, bob, expected):
    """bob's next device gets exactly these, in order, and a third nothing."""
    again = await Managed.of(await bob.account.device(present=False), "")
    await again.becomes_available()
    await word_from(alice)(again)
    got = messages_of(again)
    assert got[:-1] == expected, got
    await again.acks()
    await ping(again)
    await again.leaves()
    third = await bob.account.device()
    await word_from(alice)(third)
    assert len(messages_of(third)) == 1, messages_of(third)
    return again


@story("XEP-0198 §4: acknowledged means durable", options=NO_ARCHIVE, alone=True)
async def a_message_to_a_detached_session_is_acknowledged_and_survives_kill_9(town):
    alice, bob = await device(town, "alice"), await device(town, "bob")
    await bob.is_cut()
    for name in ids(4):
        await alice.sends(message(bob.bare, name))
    await acknowledged(alice, 4)
    await town.kill()
    await town.start()
    stream = await bob.logs_in()
    await stream.sends(f"<resume {XMLNS} previd='{bob.id}' h='0'/>")
    assert (await stream.wait_for(is_sm("failed"), "<failed/>")).get("h") is None
    alice = await device(town, "alice")
    await next_log_in(alice, bob, ids(4))


@story("XEP-0198 §4: acknowledged means durable, with an archive", options=ARCHIVE, alone=True)
async def with_an_archive_it_survives_once(town):
    await a_message_to_a_detached_session_is_acknowledged_and_survives_kill_9(town)
    bodies = town.sql("SELECT stanza_id, count(*) FROM msg WHERE stanza_id LIKE 'm%' GROUP BY stanza_id")
    assert sorted(bodies) == [(name, "1") for name in ids(4)], bodies


@story("XEP-0198 §4: what was sent and not acknowledged when the connection went", options=NO_ARCHIVE, alone=True)
async def what_was_on_its_way_when_the_connection_went_survives_kill_9(town):
    alice, bob = await device(town, "alice"), await device(town, "bob")
    for name in ids(3):
        await alice.sends(message(bob.bare, name))
        await bob.receives("message", id=name)
    await bob.acks(1)
    await ping(bob)
    await bob.is_cut()
    while await waiting_for(town, bob) < 2:
        pass
    await town.kill()
    await town.start()
    alice = await device(town, "alice")
    await next_log_in(alice, bob, ids(2, 1))


@story("XEP-0198 §4: the same with an archive", options=ARCHIVE, alone=True)
async def what_is_archived_waits_again_and_is_not_stored_twice(town):
    await what_was_on_its_way_when_the_connection_went_survives_kill_9(town)
    bodies = town.sql("SELECT stanza_id, count(*) FROM msg WHERE stanza_id LIKE 'm%' GROUP BY stanza_id")
    assert sorted(bodies) == [(name, "1") for name in ids(3)], bodies
    assert len(town.sql("SELECT * FROM undelivered")) == 0


@story("XEP-0198 §5: the time runs out", options={**SHORT, **NO_ARCHIVE})
async def when_the_time_runs_out_messages_wait_for_the_next_log_in(town):
    alice, bob = await device(town, "alice"), await device(town, "bob")
    await alice.sends(message(bob.bare, "m0"))
    await bob.receives("message", id="m0")
    await bob.is_cut()
    await alice.sends(message(bob.bare, "m1"))
    await bob.has_ended()
    again = await next_log_in(alice, bob, ids(2))
    for name in ids(2):
        late = next(e for e in again.stream._parser.elements if e.get("id") == name)
        assert len(late.findall(NS.DELAY + "delay")) == 1, name


@story("XEP-0198 §5: the time runs out, with an archive", options={**SHORT, **ARCHIVE})
async def when_the_time_runs_out_archived_messages_wait_too(town):
    await when_the_time_runs_out_messages_wait_for_the_next_log_in(town)


@story("XEP-0198 §4: an alternate resource", options=SHORT)
async def another_device_gets_what_was_for_the_one_that_is_gone_and_nothing_twice(town):
    alice = await device(town, "alice")
    phone = await device(town, "bob")
    laptop = await Managed.of(await phone.account.device())
    await alice.sends(message(phone.bare, "both"))
    for one in (phone, laptop):
        await one.receives("message", id="both")
    await laptop.acks()
    await ping(laptop)
    await alice.sends(message(phone.full, "phone"))
    await phone.receives("message", id="phone")
    await phone.is_cut()
    await alice.sends(message(phone.full, "later"))
    await acknowledged(alice, 3)
    await phone.has_ended()
    await laptop.receives("message", id="phone")
    await laptop.receives("message", id="later")
    await word_from(alice)(laptop)
    assert sorted(messages_of(laptop)[:-1]) == ["both", "later", "phone"], messages_of(laptop)
    await laptop.acks()
    while await waiting_for(town, phone) > 0:
        pass


async def one_asks_a_device_that_is_cut(town):
    (alice,) = await town.devices("alice")
    (bob,) = await town.devices("bob")
    await alice.is_friends_with(bob)
    bob = await Managed.of(bob)
    await bob.is_cut()
    await alice.sends(f"<iq type='get' id='q' to='{bob.full}'><query xmlns='jabber:iq:version'/></iq>")
    return alice, bob


@story("XEP-0198 §4: errors", options=SHORT)
async def who_asked_a_device_that_does_not_come_back_gets_an_error(town):
    alice, bob = await one_asks_a_device_that_is_cut(town)
    await bob.has_ended()
    await alice.gets_error("iq", "q", "service-unavailable")


@story("XEP-0198 §5")
async def a_question_to_a_detached_device_is_answered_when_it_is_back(town):
    alice, bob = await one_asks_a_device_that_is_cut(town)
    await ping(alice)
    bob = await bob.resumes()
    await bob.answers(await bob.receives("iq", id="q"), "<query xmlns='jabber:iq:version'><name>x</name></query>")
    await alice.receives("iq", id="q", type_="result")


@story("XEP-0198 §5: presence")
async def of_a_contacts_presence_only_the_last_waits(town):
    (alice,) = await town.devices("alice")
    (bob,) = await town.devices("bob")
    await alice.is_friends_with(bob)
    bob = await Managed.of(bob)
    await bob.is_cut()
    for show in ("away", "dnd", "xa"):
        await alice.sends(f"<presence><show>{show}</show></presence>")
    await ping(alice)
    bob = await bob.resumes()
    await word_from(alice)(bob)
    shown = [e.findtext(NS.CLIENT + "show") for e in bob.stream._parser.elements if e.tag == NS.CLIENT + "presence"]
    assert shown == ["xa"], shown


@story("XEP-0334 §4.3, XEP-0198 §5")
async def what_must_not_be_stored_waits_in_memory_only(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob")
    await bob.is_cut()
    await alice.sends(message(bob.full, "secret", inner="<no-store xmlns='urn:xmpp:hints'/>"))
    await ping(alice)
    assert await waiting_for(town, bob) == 0
    bob = await bob.resumes()
    await bob.receives("message", id="secret")


@story("XEP-0160, XEP-0198 §5")
async def a_drain_that_is_cut_goes_on_where_it_was_and_nothing_passes_it(town):
    alice = await device(town, "alice")
    bob = await town.account("bob")
    body = 30
    for name in ids(body):
        await alice.sends(message(bob.bare, name))
    await acknowledged(alice, body)
    one = await Managed.of(await bob.device(present=False))
    await one.becomes_available()
    await one.receives("message", id="m5")
    await one.is_cut()
    await alice.sends(message(one.full, "new"))
    await alice.sends(message(one.bare, "newer"))
    await acknowledged(alice, body + 2)
    before = messages_of(one)
    again = await one.resumes()
    await again.receives("message", id="newer")
    await word_from(alice)(again)
    got = before + messages_of(again)
    assert got[:-1] == ids(body) + ["new", "newer"], got
    await again.acks()
    await ping(again)
    while await waiting_for(town, one) > 1:
        pass


@story("docs/security.md §6: the server is stopped", alone=True)
async def what_no_client_has_acknowledged_is_stored_before_the_server_ends(town):
    alice, bob = await device(town, "alice"), await device(town, "bob")
    carol = await device(town, "carol")
    for name in ids(3):
        await alice.sends(message(bob.bare, name))
        await bob.receives("message", id=name)
        await alice.sends(message(carol.bare, name))
        await carol.receives("message", id=name)
    await bob.acks(1)
    await ping(bob)
    await carol.is_cut()
    await town.restart()
    alice = await device(town, "alice")
    await next_log_in(alice, bob, ids(2, 1))
    await next_log_in(alice, carol, ids(3))


async def owes_many(town, alice):
    """bob's device, with messages of 27 KB that it has not acknowledged; it can't be resumed, so that its end is one."""
    phone = await device(town, "bob", "")
    for name in ids(MANY):
        await alice.sends(f"<message to='{phone.full}' id='{name}' type='chat'>{sealed(payload_bytes=20_000)}</message>")
    await phone.receives("message", id=ids(MANY)[-1])
    return phone


@story("ARCHITECTURE.md, Order", options={**FAST, **NO_ARCHIVE})
async def what_a_device_owes_goes_to_another_in_order_and_once_while_more_arrives(town):
    alice = await device(town, "alice")
    phone = await owes_many(town, alice)
    laptop = await Managed.of(await phone.account.device())
    late = [f"late{number}" for number in range(60)]
    for name in late[:10]:
        await alice.sends(message(laptop.full, name))
    await phone.drops()
    for name in late[10:]:
        await alice.sends(message(laptop.full, name))
    await phone.has_ended()
    await word_from(alice)(laptop)
    got = messages_of(laptop)[:-1]
    assert [name for name in got if name in late] == late, got
    assert [name for name in got if name not in late] == ids(MANY), got
    await laptop.acks()
    await ping(laptop)
    assert await waiting_for(town, phone) == 0


@story("ARCHITECTURE.md, Order, with an archive", options={**FAST, **ARCHIVE})
async def it_does_so_with_an_archive(town):
    await what_a_device_owes_goes_to_another_in_order_and_once_while_more_arrives(town)
    bodies = town.sql("SELECT count(*) FROM msg WHERE stanza_id LIKE 'm%' OR stanza_id LIKE 'late%'")
    assert bodies == [(str(MANY + 60),)], bodies


@story("docs/security.md §6: the server is stopped as a device with much ends", options={**FAST, **NO_ARCHIVE}, alone=True)
async def what_a_device_owes_is_stored_where_the_server_is_stopped_right_behind_its_end(town):
    alice = await device(town, "alice")
    phone = await owes_many(town, alice)
    await phone.drops()
    await town.restart()
    alice = await device(town, "alice")
    await next_log_in(alice, phone, ids(MANY))


@story("docs/security.md §6: the same with an archive", options={**FAST, **ARCHIVE}, alone=True)
async def what_is_archived_waits_where_the_server_is_stopped_right_behind_its_end(town):
    await what_a_device_owes_is_stored_where_the_server_is_stopped_right_behind_its_end(town)
    bodies = town.sql("SELECT stanza_id, count(*) FROM msg WHERE stanza_id LIKE 'm%' GROUP BY stanza_id")
    assert sorted(bodies) == sorted((name, "1") for name in ids(MANY)), bodies


@story("XEP-0198 §5: two detached devices")
async def what_one_of_two_has_acknowledged_the_other_still_gets_and_a_third_does_not(town):
    alice = await device(town, "alice")
    phone = await device(town, "bob")
    laptop = await Managed.of(await phone.account.device())
    for one in (phone, laptop):
        await one.is_cut()
    await alice.sends(message(phone.bare, "m"))
    await acknowledged(alice, 1)
    phone = await phone.resumes()
    await phone.receives("message", id="m")
    await phone.acks()
    while await waiting_for(town, phone) > 0:
        pass
    third = await phone.account.device()
    await word_from(alice)(third)
    assert "m" not in messages_of(third)
    laptop = await laptop.resumes()
    await laptop.receives("message", id="m")


run()
