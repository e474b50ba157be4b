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


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


async def sleeper(account):
    device = await account.sleeper()
    device.stream.stops_reading()
    return device.full


async def main():
    town = Town({"limits.queue": QUEUE, "limits.offline": 100, "log.level": "warning", "limits.rate_burst": Raw("GiB")},
                name="torture")
    await town.start()
    try:
        writer, [witness] = (await town.devices("writer"))[0], await town.devices("witness")
        accounts = [await town.account("sleeper") for _ in range(SLEEPERS)]
        base = resident_kib(town.pid)
        addresses = [await sleeper(account) for account in accounts]
        slowest = peak = 0.0
        for number in range(400):
            for address in addresses:
                body = sealed(payload_bytes=20_000)
                await writer.sends(f"<message to='{address}' id='flood-{number}' type='chat'>{body}</message>")
            began = time.monotonic()
            await witness.asks("<ping xmlns='urn:xmpp:ping'/>")
            slowest = max(slowest, time.monotonic() - began)
            peak = max(peak, resident_kib(town.pid))
            writer.stream.takes(lambda event: not isinstance(event, Disconnected))  # errors of those who are gone
            if number % 20 == 19:
                awake = {row["jid"] for row in await town.ctl_json("session", "list")}
                if not awake & set(addresses):
                    break
        else:
            raise AssertionError("sleeping sessions live for ever")
        print(f"ok   {SLEEPERS} sleepers ended after {number + 1} messages each", flush=True)
        print(f"ok   a ping took {slowest * 1000:.0f} ms at worst meanwhile", flush=True)
        if slowest > 2:
            raise AssertionError(f"somebody else waited {slowest:.1f} s")
        bound = base + 4 * SLEEPERS * QUEUE / 1024 + 64 * 1024
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
