"""docs/security.md §3: memory as a whole. A limit that a reload puts below what the server takes anyway shows each state
without filling anything."""

import asyncio
import functools
import time

import _path  # noqa: F401
from harness import NS, Disconnected, ping, run, sealed, story, word_from
from harness.device import expect_error
from _managed import device


async def comes_to(town, state, percent):
    """As if the server took so many percent of its limit."""
    for _ in range(3):
        await is_limited(town, 0)  # the first reloads take some memory for good
    for _ in range(20):
        memory = (await town.ctl_json("status"))["memory"]
        await is_limited(town, memory["resident"] * 100 // percent)
        if (await town.ctl_json("status"))["memory"]["state"] == state:
            return
    raise AssertionError(f"never {state}: {memory}")


def unlimited_in_the_end(function):
    """The next story in this town must be let in."""
    @functools.wraps(function)
    async def wrapped(town):
        try:
            await function(town)
        finally:
            await is_limited(town, 0)
    return wrapped


async def is_limited(town, limit):
    town.options["limits.memory"] = limit
    town.write_config()
    status, out, err = await town.reload()
    assert status == 0, out + err


async def binds_nothing(stream):
    await stream.sends("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    answer = await stream.wait_for(lambda event: getattr(event, "tag", None) == NS.CLIENT + "iq", "the answer to bind")
    expect_error(answer, "resource-constraint", "wait")


async def talk(alice, bob, identity):
    await alice.sends(f"<message to='{bob.bare}' id='{identity}' type='chat'>{sealed()}</message>")
    await bob.receives("message", id=identity)


@story("docs/security.md §3: at 80 % of limits.memory nobody is let in", options={"limits.memory": 0})
@unlimited_in_the_end
async def at_80_percent_nobody_connects_or_binds_and_those_inside_go_on(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    carol = await town.account("carol")
    waiting = await town.stream().reaches_tls()
    await waiting.authenticates(carol.name, carol.password)
    await comes_to(town, "high", 82)
    await town.turns_a_connection_away()
    await binds_nothing(waiting)
    await talk(alice, bob, "m1")
    await alice.sends("<presence><show>away</show></presence>")
    await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")
    await is_limited(town, 0)
    await waiting.binds()  # the stream had gone on
    await carol.device()


async def strangers(town, count):
    """Connections that are encrypted and then say nothing, the oldest first."""
    gate = asyncio.Semaphore(16)

    async def one():
        async with gate:
            return await town.stream().reaches_tls()
    return [await one()] + await asyncio.gather(*(one() for _ in range(count - 1)))


async def held_by(town, count):
    """Waits until the server has counted what so many strangers hold."""
    while (await town.ctl_json("status"))["memory"]["strangers"] < count * 14 * 1024:
        await asyncio.sleep(0.01)  # the only way to learn of it


STRANGERS = 400


@story("docs/security.md §3: strangers shut nobody out", options={"limits.memory": 0}, alone=True, measures=True)
@unlimited_in_the_end
async def at_80_percent_strangers_are_ended_the_oldest_first_and_people_log_in(town):
    alice, bob = await town.devices("alice", "bob")
    crowd = await strangers(town, STRANGERS)
    await held_by(town, STRANGERS)
    memory = (await town.ctl_json("status"))["memory"]
    await is_limited(town, memory["resident"] * 100 // 85)
    carol = await alice.account.device()  # without the strangers it is enough
    await talk(carol, bob, "m1")
    await crowd[0].fails_with("resource-constraint")
    assert (await town.ctl_json("status"))["memory"]["state"] == "enough"
    await carol.account.device()


@story("docs/security.md §3: unauthenticated in all", alone=True,
       options={"limits.connections": 160, "limits.unauthenticated": 10, "shards": 1})  # each knows its own oldest
async def who_does_not_log_in_makes_room_for_who_comes(town):
    alice = await town.account("alice")
    began = time.monotonic()
    crowd = await strangers(town, 16)
    if time.monotonic() - began < 4:
        await town.turns_a_connection_away()  # those who have just come may stay
    while True:
        stream = town.stream()
        try:
            await stream.connect()
            stream.expects_header()
            await stream.sends(stream.header())
            if not isinstance(await stream.next(), Disconnected):
                break
        except OSError:
            pass  # it was quicker
        await asyncio.sleep(0.1)  # who comes too often is not looked at
    await crowd[0].fails_with("resource-constraint")
    await crowd[15].authenticates(alice.name, alice.password)
    await crowd[15].binds()


@story("docs/security.md §3: at 90 % strangers are ended", options={"limits.memory": 0})
@unlimited_in_the_end
async def at_90_percent_strangers_are_ended_and_presence_is_left_out_but_no_message(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    stranger = await town.stream().reaches_tls()
    await comes_to(town, "critical", 97)
    await stranger.fails_with("resource-constraint")
    await town.turns_a_connection_away()
    await alice.sends("<presence id='shed'><show>away</show></presence>")
    await alice.receives("presence", id="shed")  # her own devices are told
    await bob.receives_no("presence", before=word_from(alice), id="shed")
    await talk(alice, bob, "m1")
    await alice.leaves()
    await bob.receives("presence", from_=alice.full, type_="unavailable")  # nobody stays who is gone
    await is_limited(town, 0)
    assert (await town.ctl_json("status"))["memory"]["state"] == "enough"
    await ping(bob)
    await alice.account.device()


@story("docs/security.md §3: at 80 % sessions without a connection end, and their messages wait", options={"limits.memory": 0})
@unlimited_in_the_end
async def at_80_percent_detached_sessions_make_room_and_lose_nothing(town):
    (alice,) = await town.devices("alice")
    bob, carol = await device(town, "bob"), await device(town, "carol")
    await bob.is_cut()
    await alice.sends(f"<message to='{bob.bare}' id='m1' type='chat'>{sealed()}</message>")
    await ping(alice)
    await comes_to(town, "high", 82)
    await bob.has_ended()
    assert await carol.state() is not None
    await is_limited(town, 0)
    again = await bob.account.device()
    await again.receives("message", id="m1")


run()
