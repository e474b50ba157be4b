"""Well-behaved pairs who chat at a modest rate, in a process of their own, so that what they wait for is the server and
not our own attackers. Reads one JSON object, then chats until its input ends; a line a message: when, milliseconds."""

import asyncio
import json
import os
import sys
import time
from types import SimpleNamespace

import _path  # noqa: F401
from harness import Account, sealed
from harness.town import Place

PAUSE = 0.1  # seconds between two messages of a pair


async def chats(town, one, other, phase, ended):
    writer, reader = await Account(town, *one).device(), await Account(town, *other).device()
    number, due = 0, time.monotonic() + phase
    while not ended.is_set():
        number += 1
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        began = time.monotonic()
        await writer.sends(f"<message to='{reader.bare}' id='n{number}' type='chat'>{sealed()}</message>")
        await reader.receives("message", id=f"n{number}")  # a lost one ends this with a failure
        print(f"{began:.4f} {(time.monotonic() - began) * 1000:.2f}", flush=True)
        due += PAUSE  # those who met in a bad moment do not stay together


async def main():
    wanted = json.loads(sys.stdin.readline())
    place = Place(**wanted["place"])
    town = SimpleNamespace(place=place, streams=[], stream=lambda make: make(place))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)  # its end
    pairs = wanted["pairs"]
    # Evenly in time: one bad moment is seen by those whom it would meet, and nobody waits for other neighbours.
    await asyncio.gather(*(chats(town, one, other, PAUSE * number / len(pairs), ended)
                           for number, (one, other) in enumerate(pairs)))


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)  # streams that nobody closes may still have tasks
