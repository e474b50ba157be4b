"""Hundreds of sessions whose clients went away without a word (XEP-0198 §5): bounded, and what they held goes on."""

import asyncio
import base64
import os

import _path  # noqa: F401
from harness import NS, run, sealed, story, word_from
from harness.sasl2 import XMLNS as SASL2, answer, bind, identifier
from _managed import SM, XMLNS, Managed, expect_failed, message, resume

LIMIT, EACH = 400, 8  # sessions in all that may wait for their clients; of an account
OPTIONS = {"limits.detached": LIMIT, "limits.connections_new_per_s": 1_000_000, "limits.connections_per_address": 1_000_000,
           "scram.iterations": 4096, "scram.mechanisms": ["SCRAM-SHA-256", "PLAIN"],
           "shards": 1}  # each counts its share of the limit
ENABLE = f"<enable {XMLNS} resume='true'/>"


async def comes(town, account):
    """A session that can be resumed, in as few steps as there can be."""
    stream = await town.stream().reaches_tls()
    secret = base64.b64encode(f"\0{account.name}\0{account.password}".encode()).decode()
    await stream.sends(f"<authenticate {SASL2} mechanism='PLAIN'><initial-response>{secret}</initial-response>"
                       f"{bind(inner=ENABLE)}</authenticate>")
    success = await answer(stream, "success")
    made = Managed(account, stream, identifier(success))
    made.id = success.find(f"{NS.BIND2}bound/{SM}enabled").get("id")
    return made


async def come_and_go(town, accounts):
    """EACH sessions of every account, each cut as soon as it is there; in the order in which they were cut."""
    gate, gone = asyncio.Semaphore(4), []

    async def one(account):
        async with gate:
            session = await comes(town, account)
            await session.drops()
            town.streams.remove(session.stream)  # what it has seen is of no use any more
            gone.append(session)
    await asyncio.gather(*(one(account) for _ in range(EACH) for account in accounts))
    return gone


async def status_when(town, connections, detached):
    """Waits until the server knows of all that went."""
    while True:
        status = await town.ctl_json("status")
        if (status["connections"], status["detached"]) == (connections, detached):
            return status
        await asyncio.sleep(0.01)  # the only way to learn of it


@story("XEP-0198 §5: limits.detached", options=OPTIONS, alone=True)
async def above_the_limit_the_oldest_end_cost_nothing_and_lose_nothing(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    oldest = await comes(town, bob)
    await oldest.becomes_available()
    handled = await oldest.asks_for_h()
    await oldest.is_cut()
    await alice.sends(message(bob.bare, "waits"))
    await alice.sends(message(oldest.full, "never", "chat", "<no-store xmlns='urn:xmpp:hints'/>"))
    crowd = [await town.account("crowd") for _ in range(LIMIT // EACH)]
    await come_and_go(town, crowd[:-1])
    assert await oldest.state() is not None, "the limit is not reached"
    assert (await town.ctl_json("session", "list"))
    before = (await status_when(town, 1, LIMIT - EACH + 1))["memory"]["resident"]
    await come_and_go(town, crowd[-1:])
    await status_when(town, 1, LIMIT)
    assert await oldest.state() is None, "one too many: the oldest ended"
    last = await come_and_go(town, [await town.account("more") for _ in crowd])
    status = await status_when(town, 1, LIMIT)
    assert status["sessions"] == LIMIT + 1, status
    more = status["memory"]["resident"] - before
    if "VALISE_TEST_SANITIZED" not in os.environ:  # a sanitizer keeps what was freed
        assert more < LIMIT * 4096, f"as many again took {more} bytes"

    # It ended as one that nobody came back to in time: its messages wait for the next device, and h is known.
    stream = await oldest.logs_in()
    expect_failed(await resume(stream, oldest.id, 0), "item-not-found", str(handled))
    phone = await bob.device()
    await phone.receives("message", id="waits")
    await phone.receives_no("message", before=word_from(alice), id="never")
    await phone.receives_no("message", before=word_from(alice), id="waits")
    again = await last[-1].resumes(h=0)
    await alice.sends(f"<message to='{again.full}' id='there' type='chat'>{sealed()}</message>")
    await again.receives("message", id="there")


run()
