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


async def chats(town, one, other, ended):
    writer, reader = await Account(town, *one).device(), await Account(town, *other).device()
    number = 0
    while not ended.is_set():
        number += 1
        began = time.monotonic()
        await writer.sends(f"<message to='{reader.bare}' id='n{number}' type='chat'>{sealed()}</message>")
        await reader.receives("message", id=f"n{number}")  # a lost one ends this with a failure
        took = time.monotonic() - began
        print(f"{began:.4f} {took * 1000:.2f}", flush=True)
        await asyncio.sleep(max(0.0, PAUSE - took))


async def main():
    wanted = json.loads(sys.stdin.readline())
    place = Place(**wanted["place"])
    town = SimpleNamespace(place=place, streams=[], stream=lambda make: make(place))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)  # its end
    await asyncio.gather(*(chats(town, one, other, ended) for one, other in wanted["pairs"]))


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)  # streams that nobody closes may still have tasks
