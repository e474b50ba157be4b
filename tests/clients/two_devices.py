"""What two devices of one account have to show, whatever clients they are. A device says and sees texts in its chat with bob,
tells how many times it shows one, leaves and returns; `wire` is what it hangs on."""

import asyncio
import contextlib
import json

from contacts import Introduced, befriend, holds, same
from slixmpp_device import Slixmpp
from wire import Wire


def word_for(device):
    return type(device).__name__


@contextlib.asynccontextmanager
async def beside_slixmpp(place, port):
    """bob, alice at slixmpp, whom he knows, and a wire to that port for her other device."""
    bob = await Introduced(place, "bob").goes_online(place.host, place.port)
    second = await Slixmpp(place, "alice", place.jid("bob")).comes()
    await befriend(second.person, bob)
    wire = Wire((place.host, port), (place.host, place.wire_port))
    await wire.opens()
    yield bob, second, wire
    await wire.closes()
    await bob.goes_offline()


async def both_chat(device, second, bob):
    holds("both devices are online, and bob has the keys of both")
    await received_on_both((device, second), bob)
    await sent_shows_on_both(device, second, bob)


async def received_on_both(devices, bob):
    await bob.says(devices[0].jid, "read this when you are back")
    for device in devices:
        await device.sees("read this when you are back")
        holds(f"received: {word_for(device)} shows what bob sent to both")


async def sent_shows_on_both(one, two, bob):
    for device, other in ((one, two), (two, one)):
        words = f"sealed for bob by {word_for(device)}"
        await device.says(words)
        same(await bob.hears(device.jid), words, f"sent: bob reads what {word_for(device)} seals")
        await other.sees(words)
        holds(f"sent: {word_for(other)} shows what {word_for(device)} sent")


async def history(device, other, bob):
    """The device is away while `other` is there: nothing waits for it at the server (RFC 6121 §8.5.2), it is in the archive."""
    await device.leaves()
    await bob.sees_device(device.full, "unavailable")
    missed = f"sealed for {word_for(device)}, who is away"
    await bob.says(device.jid, missed)
    await other.sees(missed)
    answer = f"sealed for bob while {word_for(device)} is away"
    await other.says(answer)
    same(await bob.hears(device.jid), answer, f"history: bob reads what {word_for(other)} answers")
    await device.returns()
    for words in (missed, answer):
        await device.sees(words)
    holds(f"history: {word_for(device)} is back and shows, from the archive, what bob sent and {word_for(other)} answered")


async def resumes(device, bob):
    """The wire is cut and bob goes on writing; the device comes back to the same session (XEP-0198 §5)."""
    name, before = word_for(device), await resumptions(device)
    device.wire.cuts()
    bob.forgets(device.full)
    await bob.says(device.jid, f"sealed for {name} at the cut")
    await device.wire.opens()
    await device.sees(f"sealed for {name} at the cut")
    await bob.says(device.jid, f"sealed for {name} behind the cut")
    await device.sees(f"sealed for {name} behind the cut")  # the record of the resumption came before that of this message
    same(await resumptions(device), before + 1, f"a cut: {name} resumed its session (the server's record)")
    same(await device.times(f"sealed for {name} at the cut"), 1, f"a cut: {name} shows it once")
    same(bob.told(device.full).count("unavailable"), 0, f"a cut: bob was not told that {name} left")


async def resumptions(device):
    """How many the server has recorded of this device."""
    process = await asyncio.create_subprocess_exec(
        device.place.valisectl, "--json", "audit", "show", device.place.audit, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    records = [json.loads(line) for line in out.splitlines()]
    return sum(record.get("reason") == "resumed" and (record["from"], record["resource"]) == (device.jid, device.resource)
               for record in records)
