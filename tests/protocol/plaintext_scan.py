"""docs/security.md §6: what somebody types where it does not pass is nowhere in the server once he has gone: not in its memory,
freed or not, its store, log or record. Typed is every attempt of tests/corpus/bypass, over all that clients speak."""

import asyncio

import _path  # noqa: F401
from bypass import OPTIONS, Trial, goes_over_web
from harness import run, story
from harness.bypass import MARKER, attempts, folders, found_in, pattern
from harness.memory_scan import excerpts, is_readable
from harness.stream import Stream
from harness.web import BoshStream, WebSocketStream


async def everybody_leaves(town):
    for stream in town.streams:
        await stream.drops()
    for session in await town.ctl_json("session", "list"):
        await town.ctl_result("session", "kick", session["jid"])  # BOSH outlives its connections
    while (await town.ctl_json("status"))["sessions"]:
        await asyncio.sleep(0.01)  # the only way to learn of it


async def types_everything(town, make):
    trial = await Trial(town, make).begin()
    trial.looks_into_store = False  # the story does, at the end
    count = 0
    for folder in folders():
        for attempt in attempts(folder):
            if make is Stream or goes_over_web(attempt):
                await trial.tries(attempt)
                count += 1
    assert not trial.wrong, "\n" + "\n".join(trial.wrong)
    return count


def over(make, least):
    @story("docs/security.md §6", options=OPTIONS, alone=True, measures=True)
    async def nothing_that_was_typed_is_left(town):
        count = await types_everything(town, make)
        assert count > least, count
        await everybody_leaves(town)
        assert not found_in(town.stored_bytes()), "it is written down"
        if not is_readable(town.pid):
            print("     (memory was not looked at: this user may not read it)")
            return
        found = excerpts(town.pid, pattern())
        assert not found, "it is in memory:\n" + "\n".join(f"{name}: {text}" for text, name in found.items())
    return nothing_that_was_typed_is_left


@story("docs/security.md §6: the scan sees what is there", alone=True, measures=True)
async def what_is_kept_is_found(town):
    """The forbidden twin: a name among one's own contacts is kept, and so in memory as long as somebody is there."""
    [alice] = await town.devices("alice")
    await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='bob@localhost' name='{MARKER}'/></query>")
    assert found_in(town.stored_bytes())
    assert not is_readable(town.pid) or excerpts(town.pid, pattern())


nothing_that_was_typed_is_left_over_tcp = over(Stream, 400)
nothing_that_was_typed_is_left_over_websocket = over(WebSocketStream, 400)
nothing_that_was_typed_is_left_over_bosh = over(BoshStream, 400)

run()
