"""XEP-0198 §5: a session that goes on on another connection, and what must not."""

import random

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, word_from
from _managed import SM, XMLNS, Managed, device, ends_with, expect_failed, is_sm, message, messages_of, resume

ARCHIVE = {'host["localhost"].archive.enabled': True}
NO_ARCHIVE = {'host["localhost"].archive.enabled': False}


def ids(count, first=0):
    return [f"m{number}" for number in range(first, first + count)]


async def sends_all(alice, to, names):
    for name in names:
        await alice.sends(message(to, name))


@story("XEP-0198 §5", options=NO_ARCHIVE)
async def what_was_lost_and_what_came_meanwhile_follows_in_order_and_nothing_comes_twice(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob")
    await sends_all(alice, bob.bare, ids(3))
    await bob.receives("message", id="m2")
    await bob.is_cut()
    await sends_all(alice, bob.bare, ids(3, 3))
    await ping(alice)
    bob = await bob.resumes(h=1)
    await word_from(alice)(bob)
    came = messages_of(bob)
    assert came[:5] == ids(5, 1) and len(came) == 6, came
    assert await bob.state() is not None
    await bob.acks()
    await ping(bob)
    other = await bob.account.device()
    await other.receives_no("message", before=word_from(alice), id="m5")


@story("XEP-0198 §5", options=ARCHIVE)
async def with_an_archive_nothing_comes_twice_either(town):
    await what_was_lost_and_what_came_meanwhile_follows_in_order_and_nothing_comes_twice(town)
    assert town.sql("SELECT count(*) FROM undelivered")[0][0] == "0"


@story("XEP-0198 §5")
async def the_counts_go_on_where_they_were(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob")
    for _ in range(3):
        await ping(bob)
    await bob.is_cut()
    bob = await bob.resumes()
    assert bob.resumed.get("h") == "3"
    await ping(bob)
    assert await bob.asks_for_h() == 4
    await word_from(alice)(bob)
    await bob.acks(bob.h + 1)
    error = await ends_with(bob.stream, "undefined-condition")
    assert error.find(SM + "handled-count-too-high").get("send-count") == "5"


@story("XEP-0198 §5")
async def late_messages_say_since_when_and_answers_do_not(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob")
    laptop = await bob.account.device()
    await bob.is_cut()
    await alice.sends(message(bob.full, "late"))
    await alice.sends(f"<iq type='get' id='q' to='{bob.full}'><query xmlns='jabber:iq:version'/></iq>")
    await word_from(alice)(laptop)  # comes behind them: they wait
    bob = await bob.resumes()
    late = await bob.receives("message", id="late")
    assert late.find(NS.DELAY + "delay").get("from") == "localhost"
    await alice.gets_error("iq", "q", "service-unavailable")  # they are no friends: it did not go to him


@story("XEP-0198 §5: 'conflict' for the old stream")
async def a_connection_that_is_still_there_ends_and_the_session_goes_on(town):
    alice, carol = await town.devices("alice", "carol")
    await alice.is_friends_with(carol)
    carol = await Managed.of(carol)
    old = carol.stream
    again = await carol.resumes()
    await ends_with(old, "conflict")
    await word_from(alice)(again)
    await alice.receives_no("presence", before=word_from(again), type_="unavailable")


@story("XEP-0198 §5, §10: ids that nobody was given, or somebody else")
async def a_wrong_id_is_not_found_and_the_stream_may_bind(town):
    alice, bob = await device(town, "alice"), await device(town, "bob")
    gone = await device(town, "bob")
    await alice.is_cut()
    for identity in ("", "x", alice.id[:-1], alice.id.upper() + "0", gone.id):
        stream = await bob.logs_in()
        expect_failed(await resume(stream, identity, 0), "item-not-found")
        expect_failed(await resume(stream, alice.id, 0), "item-not-found")
        assert (await stream.binds()).startswith(bob.bare)
    assert not (await alice.state())["connected"]  # untouched
    alice = await alice.resumes()
    await ping(alice)


@story("XEP-0198 §5, §6")
async def a_resume_without_its_attributes_is_a_bad_request(town):
    alice = await device(town, "alice")
    await alice.is_cut()
    stream = await alice.logs_in()
    for attributes in (f"previd='{alice.id}'", "h='0'", f"previd='{alice.id}' h='x'", f"previd='{alice.id}' h='-1'",
                       f"previd='{alice.id}' h='4294967296'"):
        await stream.sends(f"<resume {XMLNS} {attributes}/>")
        expect_failed(await stream.wait_for(is_sm("failed"), "<failed/>"), "bad-request")
    await alice.resumes(stream=stream)


@story("XEP-0198 §6")
async def a_resume_from_the_future_ends_the_stream_and_leaves_the_session_alone(town):
    alice = await device(town, "alice")
    stream = await alice.logs_in()
    await stream.sends(f"<resume {XMLNS} previd='{alice.id}' h='9'/>")
    error = await ends_with(stream, "undefined-condition")
    assert error.find(SM + "handled-count-too-high").get("h") == "9"
    await ping(alice)  # its own connection did not notice


@story("XEP-0198 §5", options={"timeouts.resumption": 1})
async def whose_time_has_run_out_is_told_what_was_handled(town):
    alice = await device(town, "alice")
    carol = await device(town, "carol")
    await carol.is_friends_with(alice)
    for _ in range(2):
        await ping(alice)
    handled = await alice.asks_for_h()
    await alice.is_cut()
    await carol.receives_no("presence", before=ping, type_="unavailable", from_=alice.full)
    await alice.has_ended()
    await carol.receives("presence", type_="unavailable", from_=alice.full)
    stream = await alice.logs_in()
    expect_failed(await resume(stream, alice.id, 0), "item-not-found", str(handled))
    other = await carol.logs_in()
    expect_failed(await resume(other, alice.id, 0), "item-not-found")  # not hers: she learns nothing
    await stream.binds()


@story("XEP-0198 §7")
async def a_clean_end_ends_the_session_at_once_and_a_cut_does_not(town):
    (carol,) = await town.devices("carol")
    alice, bob = await device(town, "alice"), await device(town, "bob")
    for one in (alice, bob):
        await carol.is_friends_with(one)
    await bob.is_cut()
    await alice.sends("</stream:stream>")
    await carol.receives("presence", type_="unavailable", from_=alice.full)
    assert await alice.state() is None
    await carol.receives_no("presence", before=ping, type_="unavailable", from_=bob.full)
    await bob.resumes()


@story("XEP-0198 §7", options={"timeouts.resumption": 300})
async def a_session_that_cannot_be_resumed_ends_with_its_connection(town):
    alice = await device(town, "alice", "")
    await alice.drops()
    await alice.has_ended()


@story("XEP-0198 §5: cut in the middle of a stanza")
async def half_a_stanza_was_never_sent(town):
    (bob,) = await town.devices("bob")
    alice = await device(town, "alice")
    await alice.sends(message(bob.full, "m0"))
    whole = message(bob.full, "m1")
    await alice.sends(whole[:len(whole) // 2])
    await bob.receives("message", id="m0")
    await alice.is_cut()
    alice = await alice.resumes()
    assert alice.resumed.get("h") == "1"
    await alice.sends(whole)
    await word_from(alice)(bob)
    got = messages_of(bob)
    assert got[:2] == ["m0", "m1"] and len(got) == 3, got


@story("XEP-0198 §5: what is being written when the connection goes")
async def resumed_waits_until_what_came_is_handled_so_that_nothing_is_sent_twice(town):
    alice = await device(town, "alice")
    carol = await town.account("carol")
    stream = await alice.logs_in()
    async with town.store_is_paused("msg"):
        await alice.sends(message(carol.bare, "m0"))
        await ping(alice)
        await alice.is_cut()
        await stream.sends(f"<resume {XMLNS} previd='{alice.id}' h='{alice.h}'/>")
        await alice.is_detached()
        assert not stream.waiting(is_sm("resumed")) and not stream.waiting(is_sm("failed"))
    answer = await stream.wait_for(is_sm("resumed"), "<resumed/>")
    assert answer.get("h") == "2", answer.attrib
    there = await carol.device()
    await there.receives("message", id="m0")


@story("XEP-0198 §5: two at once")
async def of_two_that_resume_the_later_has_it_and_the_earlier_ends(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob")
    await bob.is_cut()
    await sends_all(alice, bob.full, ids(2))
    await ping(alice)
    one, two = await bob.logs_in(), await bob.logs_in()
    await one.sends(f"<resume {XMLNS} previd='{bob.id}' h='{bob.h}'/>")
    await one.wait_for(is_sm("resumed"), "<resumed/>")  # it is the earlier one
    again = await bob.resumes(stream=two)
    await ends_with(one, "conflict")
    await word_from(alice)(again)
    assert messages_of(again)[:2] == ids(2)
    assert (await bob.state())["connected"]


@story("XEP-0198 §5: across shards", options={"shards": 4})
async def whoever_accepts_the_connection_the_session_is_found(town):
    (alice,) = await town.devices("alice")
    for _ in range(4):
        bob = await device(town, "bob")
        for round_ in range(3):
            await bob.is_cut()
            await alice.sends(message(bob.bare, f"r{round_}"))
            bob = await bob.resumes()
            await bob.receives("message", id=f"r{round_}")


@story("XEP-0198 §5: from another address", alone=True)
async def the_record_and_the_list_name_the_new_address(town):
    alice = await device(town, "alice")
    session = (await town.records(kind="login", resource=alice.full.partition("/")[2]))[-1]["session"]
    await alice.is_cut()
    alice = await alice.resumes(source="127.44.0.9")
    assert (await alice.state())["address"] == "127.44.0.9"
    (login,) = await town.records(kind="login", reason="resumed")
    assert login["session"] == session and login["source"].startswith("127.44.0.9:"), login
    bob = (await town.devices("bob"))[0]
    await alice.sends(message(bob.full, "m"))
    await bob.receives("message", id="m")
    (sent,) = await town.records(stanza="m")
    assert sent["source"].startswith("127.44.0.9:")
    await alice.leaves()
    assert len(await town.records(kind="logout", session=session)) == 1


@story("XEP-0198 §5: the account has changed meanwhile", alone=True)
async def an_account_that_was_disabled_or_got_another_password_resumes_nothing(town):
    alice = await device(town, "alice")
    await alice.is_cut()
    stream = await alice.logs_in()
    await town.ctl("user", "disable", alice.bare)
    await stream.sends(f"<resume {XMLNS} previd='{alice.id}' h='0'/>")
    await ends_with(stream, "not-authorized")
    bob = await device(town, "bob")
    await bob.is_cut()
    stream = await bob.logs_in()
    await town.ctl("user", "passwd", bob.bare, stdin="another word for bob\n")
    await stream.sends(f"<resume {XMLNS} previd='{bob.id}' h='0'/>")
    await ends_with(stream, "not-authorized")


@story("XEP-0198 §5", options={"limits.detached_per_account": 2})
async def of_too_many_the_oldest_ends(town):
    bob = await town.account("bob")
    all_ = [await Managed.of(await bob.device()) for _ in range(3)]
    for one in all_:
        await one.drops()
        await one.is_detached() if one is not all_[2] else await all_[0].has_ended()
    for one in all_[1:]:
        await one.resumes()


@story("XEP-0198 §5", options={"limits.resources": 2})
async def a_new_session_takes_the_place_of_the_oldest_that_nobody_carries(town):
    bob = await town.account("bob")
    one, two = [await Managed.of(await bob.device()) for _ in range(2)]
    await two.is_cut()
    await bob.device()
    assert await two.state() is None and await one.state() is not None


@story("XEP-0198 §5", options={"limits.unacknowledged": 10})
async def a_session_for_which_too_much_waits_ends_and_its_messages_wait_on(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob")
    await bob.is_cut()
    await sends_all(alice, bob.bare, ids(11))
    await bob.has_ended()
    again = await bob.account.device()
    await word_from(alice)(again)
    got = messages_of(again)
    assert got[:11] == ids(11) and len(got) == 12, got


@story("XEP-0198 §5, RFC 6120 §7.7.2.2")
async def a_new_session_with_the_same_resource_gets_what_the_old_one_held(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob", resource="phone")
    await sends_all(alice, bob.bare, ids(2))
    await bob.receives("message", id="m1")
    await bob.is_cut()
    await sends_all(alice, bob.full, ids(1, 2))
    await ping(alice)
    again = await Managed.of(await bob.account.device("phone", present=False))
    assert again.full == bob.full
    stream = await bob.logs_in()
    expect_failed(await resume(stream, bob.id, 0), "item-not-found", "0")
    await again.becomes_available()
    await word_from(alice)(again)
    assert messages_of(again)[:-1] == ids(3), messages_of(again)


@story("XEP-0198 §5: an administrator ends it")
async def a_detached_session_that_is_kicked_is_gone(town):
    bob = await device(town, "bob")
    await bob.is_cut()
    await town.ctl("session", "kick", bob.full)
    assert await bob.state() is None
    expect_failed(await resume(await bob.logs_in(), bob.id, 0), "item-not-found", "0")


@story("XEP-0198 §5: the rules are asked about the session again", policy='''
rule{ name = "not there", match = Kind("session") * function(m) return m.ip:match("^127%.45%.") ~= nil end,
      action = Deny{ "not-allowed", fr = "Pas de là.", en = "Not from there." } }
''')
async def who_comes_back_from_where_no_session_may_be_resumes_nothing_and_loses_nothing(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob")
    await bob.is_cut()
    await alice.sends(message(bob.full, "m"))
    await ping(alice)
    stream = await bob.logs_in(source="127.45.0.7")
    answer = await resume(stream, bob.id, bob.h)
    expect_failed(answer, "not-allowed")
    assert len(await town.records(kind="denied", rule="not there")) == 1
    bob = await bob.resumes()
    await bob.receives("message", id="m")


@story("XEP-0198 §5: much waits", options={"limits.queue": 262_144})
async def what_waits_comes_in_slices_each_behind_an_acknowledgement(town):
    alice, bob = await device(town, "alice"), await device(town, "bob")
    await bob.is_cut()
    for name in ids(30):
        await alice.sends(f"<message to='{bob.full}' id='{name}' type='chat'>{sealed(payload_bytes=20_000)}</message>")
    assert await alice.asks_for_h() == 30
    bob = await bob.resumes()
    slices = 0
    while len(messages_of(bob)) < 30:
        await bob.is_asked()
        slices += 1
        await bob.acks()
    assert messages_of(bob) == ids(30) and slices >= 4, (slices, messages_of(bob))
    await ping(bob)


@story("XEP-0198 §5: many cuts", options={"shards": 4})
async def through_many_cuts_everything_comes_once_and_in_order(town):
    chance = random.Random(198)
    alice, bob = await device(town, "alice"), await device(town, "bob")
    said, heard, cuts = [], [], 0
    for number in range(150):
        said.append(message(bob.bare, f"m{number}"))
        if chance.random() < 0.15:
            await alice.sends(said[-1][:chance.randrange(1, len(said[-1]))])
            await alice.drops()
            alice = await alice.resumes()
            for stanza in said[int(alice.resumed.get("h")):]:
                await alice.sends(stanza)
            cuts += 1
        else:
            await alice.sends(said[-1])
        if chance.random() < 0.15:
            await bob.drops()
            heard += messages_of(bob)
            bob = await bob.resumes()
            cuts += 1
        elif chance.random() < 0.3:
            await bob.acks()
    await bob.receives("message", id="m149")
    assert heard + messages_of(bob) == ids(150), (cuts, heard + messages_of(bob))
    assert cuts > 30


run()
