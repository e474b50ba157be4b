"""Clients that never read: each is ended at its bound, nobody else waits for them, and the memory comes back."""

import asyncio
import sys
import time
from pathlib import Path

import _path  # noqa: F401
from harness import Disconnected, Town, sealed
from harness.town import Raw

SLEEPERS = 20
QUEUE = 256 * 1024
OFFLINE = 100


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


async def sleeper(account):
    device = await account.sleeper()
    device.stream.stops_reading()
    return device.full


class Flood:
    """One writes to many; only as much is under way as the store keeps up with, whatever disk it is."""

    def __init__(self, town, writer, addresses):
        self.town, self.writer, self.addresses, self.rounds = town, writer, addresses, 0

    async def writes_to_each(self):
        for address in self.addresses:
            body = sealed(payload_bytes=20_000)
            await self.writer.sends(f"<message to='{address}' id='flood-{self.rounds}' type='chat'>{body}</message>")
        self.rounds += 1
        while (await self.town.ctl_json("status"))["commit"]["waiting"] > len(self.addresses):
            pass
        # errors of those who are gone
        self.writer.stream.takes(lambda event: not isinstance(event, Disconnected))


async def memory_that_the_store_takes(town, writer):
    """KiB resident once messages for people who are not there have filled its caches."""
    flood = Flood(town, writer, [(await town.account("away")).bare for _ in range(SLEEPERS)])
    while flood.rounds < OFFLINE:
        await flood.writes_to_each()
    return resident_kib(town.pid)


async def main():
    town = Town({"limits.queue": QUEUE, "limits.offline": OFFLINE, "log.level": "warning", "limits.rate_burst": Raw("GiB")},
                name="torture")
    await town.start()
    try:
        writer, witness = await town.devices("writer", "witness")
        accounts = [await town.account("sleeper") for _ in range(SLEEPERS)]
        base = await memory_that_the_store_takes(town, writer)
        flood = Flood(town, writer, [await sleeper(account) for account in accounts])
        slowest = peak = 0.0
        for number in range(400):
            await flood.writes_to_each()
            began = time.monotonic()
            await witness.asks("<ping xmlns='urn:xmpp:ping'/>")
            slowest = max(slowest, time.monotonic() - began)
            peak = max(peak, resident_kib(town.pid))
            if number % 20 == 19:
                awake = {row["jid"] for row in await town.ctl_json("session", "list")}
                if not awake & set(flood.addresses):
                    break
        else:
            raise AssertionError("sleeping sessions live for ever")
        print(f"ok   {SLEEPERS} sleepers ended after {number + 1} messages each", flush=True)
        print(f"ok   a ping took {slowest * 1000:.0f} ms at worst meanwhile", flush=True)
        if slowest > 2:
            raise AssertionError(f"somebody else waited {slowest:.1f} s")
        bound = base + 4 * SLEEPERS * QUEUE / 1024 + 16 * 1024
        print(f"ok   memory: {base / 1024:.0f} MiB before, {peak / 1024:.0f} MiB at most (bound {bound / 1024:.0f})", flush=True)
        if peak > bound:
            raise AssertionError("queues of dead readers are not bounded")
    except Exception:
        print(town.log()[-3000:])
        raise
    finally:
        await town.close()


asyncio.run(main())
sys.stdout.flush()
