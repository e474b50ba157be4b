"""RFC 6120 §4.4: who closes a stream waits for the other's end, and not for ever."""

import asyncio

import _path  # noqa: F401
from harness import StreamClosed, run, sealed, story
from harness.stream import WAIT_SECONDS

GOODBYE, BROKEN = "</stream:stream>", "<a></b>"


async def connections(town, wanted):
    """Waits until the server holds so many."""
    async def count():
        while (await town.ctl_json("status"))["connections"] != wanted:
            await asyncio.sleep(0.05)  # the only way to learn of it
    await asyncio.wait_for(count(), WAIT_SECONDS)


async def closes(stream, said):
    """The server's own end: its closing tag, then close_notify where there is TLS, then nothing more of TCP."""
    await stream.sends(said)
    await stream.wait_for(lambda event: isinstance(event, StreamClosed), "</stream:stream>")
    await stream.is_disconnected()
    assert stream.heard.endswith(b"</stream:stream>")
    assert not stream.tls or stream.tls.was_closed, "no close_notify"


async def still_reads(stream):
    """The server's socket is there: what is sent to one that is gone is reset, and the next write fails."""
    try:
        for _ in range(3):
            await stream.sends(" ")
    except OSError:
        return False
    return True


@story("RFC 6120 §4.4: a bounded time", alone=True)
async def a_client_that_never_closes_is_waited_for_and_then_cut(town):
    """Whether it had said goodbye or broke a rule, inside TLS or before it. Nothing reaches it meanwhile."""
    alice, bob = await town.devices("alice", "bob")
    secured, clear = await town.stream().reaches_tls(), await town.stream().connect()
    await clear.opens()
    await connections(town, 4)
    streams = {alice.stream: GOODBYE, secured: BROKEN, clear: GOODBYE}
    for stream, said in streams.items():
        await closes(stream, said)
    await bob.sends(f"<message to='{alice.full}' id='late' type='chat'>{sealed()}</message><presence to='{alice.full}'/>")
    await connections(town, 1)  # bob's
    for stream in streams:
        assert not await still_reads(stream)
        assert stream.heard.endswith(b"</stream:stream>"), "something came behind the end"
    await bob.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("RFC 6120 §4.4, RFC 8446 §6.1: the peer's close_notify", alone=True)
async def the_other_ends_close_notify_is_waited_for_and_ends_the_connection(town):
    """The first of two never answers, the second does: it goes at once, the first not before its time is over."""
    for said in (GOODBYE, BROKEN):
        for _ in range(5):
            silent, answering = await town.devices("alice", "bob")
            await connections(town, 2)
            await closes(silent.stream, said)
            await closes(answering.stream, said)
            answering.stream.tls.close()
            await answering.stream._flush()  # close_notify, and TCP stays open
            while await still_reads(silent.stream) and (await town.ctl_json("status"))["connections"] == 2:
                pass
            if await still_reads(silent.stream):
                break  # a slow machine may take as long as the server waits: that says nothing
            await connections(town, 0)
        else:
            raise AssertionError("the first was never there when the second was gone")
        await silent.drops()
        await connections(town, 0)


run()
