"""What the attacks cost: the server's memory and what its other users waited, measured from outside."""

import asyncio
import json
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
MIB = 1024 * 1024


def resident(pid):
    """Bytes of the process in memory: proc(5), VmRSS."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has ended")


class Peak:
    """The most that a process had in memory within the block."""

    def __init__(self, pid):
        self._pid, self.bytes = pid, resident(pid)

    async def __aenter__(self):
        self._task = asyncio.create_task(self._watch())
        return self

    async def _watch(self):
        while True:
            self.bytes = max(self.bytes, resident(self._pid))
            await asyncio.sleep(0.02)

    async def __aexit__(self, *_):
        self._task.cancel()
        self.bytes = max(self.bytes, resident(self._pid))


class Busy:
    """A process that does nothing to the server and takes a processor, at our own priority, within the block: what others
    wait because attackers share the machine is not the attack's doing."""

    async def __aenter__(self):
        self._process = await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")

    async def __aexit__(self, *_):
        self._process.kill()
        await self._process.wait()


class Neighbours:
    """The pairs of neighbours.py."""

    def __init__(self, town, pairs):
        self._town, self._pairs, self._waits = town, pairs, []

    async def start(self):
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "neighbours.py"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            start_new_session=True)  # which the kernel gives a share of its own; it ends with its input
        people = [await self._town.account("neighbour") for _ in range(2 * self._pairs)]
        names = [(person.name, person.password) for person in people]
        self._process.stdin.write(json.dumps({"place": asdict(self._town.place),
                                              "pairs": list(zip(names[::2], names[1::2]))}).encode() + b"\n")
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        async for line in self._process.stdout:
            self._waits.append(tuple(map(float, line.split())))

    async def chat(self, messages):
        """Until so many more have arrived."""
        wanted = len(self._waits) + messages
        while len(self._waits) < wanted:
            if self._process.returncode is not None:
                raise AssertionError("a neighbour's message was lost")
            await asyncio.sleep(0.02)

    def p99(self, *windows):
        """(milliseconds, messages) of those that were sent within the windows, each since and until."""
        waits = sorted(wait for began, wait in self._waits if any(since <= began < until for since, until in windows))
        return (waits[math.ceil(0.99 * len(waits)) - 1] if waits else float("nan")), len(waits)

    async def stop(self):
        if self._process.returncode is None:
            self._process.stdin.close()
        if await asyncio.wait_for(self._process.wait(), 60) != 0:
            raise AssertionError("a neighbour's message was lost")
        await self._reading


def seconds():
    return time.monotonic()
