"""Many people with two devices each, whose connections break and whose server is killed, again and again: see README.md.

    many_devices.py [--accounts N] [--rounds N | --minutes N] [--seed N] [--store sqlite|mariadb]

A round is one life of the server, from its start to kill -9. Nothing waits for a clock: a tick is something that a device
does, a turn as many ticks as there are devices, and cuts, absences and kills come after so many turns.
Devices ask their archive when their session is new; one that is resumed has to get all that it missed.
"""

import argparse
import asyncio
import contextlib
import heapq
import itertools
import os
import random
import sys
import time
from collections import Counter

import _path  # noqa: F401
from harness import Town
from harness.mariadb import Mariadb
from harness.stream import WAIT_SECONDS
from harness.town import STORE
from phone import Phone
from verdict import Verdict

PEERS = 4           # whom each person writes to
DOORS = 24          # log-ins at once: their time-outs are not about how slow this machine is
STALLED = 8 * WAIT_SECONDS
MOST_FAULTS = 10
CROWD = 0.05        # a crowd: so many of all devices want to log in. Then the others hold back,
EAGER = 5           # after so much: an identical re-send is known among the newest 128 messages (modules/archive)


class World:
    """The server, who uses it, and the ticks after which things happen to them."""

    def __init__(self, arguments):
        self.seed, self.life, self.is_over = arguments.seed, 0, False
        self.town = Town({"shards": 3, "timeouts.tls": 120, "timeouts.login": 600, "audit.segment": 4 * 1024 * 1024,
                          "limits.archive_queries": 16}, store=arguments.store, name="torture")
        self.counts, self.letters, self.faults = Counter(), {}, []
        self.peers = {}
        self.is_up, self.door = asyncio.Event(), asyncio.Semaphore(DOORS)
        self.most_are_back, self._back = asyncio.Event(), 0
        self.door_is_free, self.at_door = asyncio.Event(), 0
        self.ended = asyncio.Event()   # by a fault
        self.tick, self._due, self._order, self._idle = 0, [], itertools.count(), 0

    def chance(self, name):
        return random.Random(f"{self.seed} {name}")

    async def is_peopled(self, count):
        await self.town.start()
        accounts = []
        for first in range(0, count, 8):
            accounts += await asyncio.gather(*(self.town.account("person") for _ in range(min(8, count - first))))
        chance = self.chance("peers")
        away = chance.sample(range(1, count), min(PEERS, count - 1))
        for number, account in enumerate(accounts):  # as many write to each
            self.peers[account.bare] = [accounts[(number + one) % count] for one in away]
        self.phones = [Phone(self, account, name, is_modern) for account in accounts
                       for name, is_modern in (("phone", True), ("tablet", chance.random() < 0.5))]
        self.is_up.set()

    # -- time --------------------------------------------------------------------------------------------------------
    async def ticks(self, phone):
        phone.eager = phone.eager + 1 if self.at_door > CROWD * len(self.phones) else 0
        if phone.eager > EAGER and not self.is_over:
            self.door_is_free.clear()
            await self._idles(self.door_is_free.wait())
        self.tick += 1
        self._what_is_due()
        await asyncio.sleep(0)  # others have their turn

    def at(self, turns, act):
        heapq.heappush(self._due, (self.tick + int(turns * len(self.phones)), next(self._order), act))

    def _what_is_due(self):
        while self._due and self._due[0][0] <= self.tick:
            heapq.heappop(self._due)[2]()

    async def later(self, turns):
        came = asyncio.Event()
        self.at(turns, came.set)
        await self._idles(came.wait())

    async def _idles(self, wait):
        """Where everybody does, time passes quickly."""
        self._idle += 1
        if self._idle == len(self.phones) and self._due:
            self.tick = max(self.tick, self._due[0][0])
            self._what_is_due()
        try:
            await wait
        finally:
            self._idle -= 1

    @contextlib.asynccontextmanager
    async def through_the_door(self):
        self.at_door += 1
        try:
            async with self.door:
                await self.is_up.wait()
                yield
        finally:
            self.at_door -= 1
            if self.at_door <= CROWD * len(self.phones):
                self.door_is_free.set()

    def breaks_later(self, phone):
        wire = phone.wire
        self.at(phone.chance.uniform(0.05, 4), lambda: wire.is_over or self.is_over or wire.breaks())

    # -- the server --------------------------------------------------------------------------------------------------
    async def is_killed_again_and_again(self, goes_on):
        chance = self.chance("kills")
        while goes_on(self.life):
            if chance.random() < 0.7:  # else while they come back
                await self.most_are_back.wait()
            await self._passes(chance.uniform(0.1, 4))
            self.is_up.clear()
            self.most_are_back.clear()
            self._back = 0
            self.life += 1
            await self.town.kill()
            print(f"ok   life {self.life} ends at tick {self.tick}: {len(self.letters)} messages, {self.counts['resumed']} resumptions",
                  flush=True)
            await self.town.start()
            self.is_up.set()
        self.is_over = True
        self.door_is_free.set()
        while self._due:
            heapq.heappop(self._due)[2]()  # everybody comes back, nobody is cut any more

    async def _passes(self, turns):
        came = asyncio.Event()
        self.at(turns, came.set)
        await came.wait()

    def is_back(self):
        """One more that has a session with this life of the server."""
        self._back += 1
        if self._back >= 0.75 * len(self.phones):
            self.most_are_back.set()

    # -- faults ------------------------------------------------------------------------------------------------------
    def fault(self, text, *identities):
        about = "".join(f"\n      {one}: {', '.join(self.letters[one].story)}" for one in identities if one in self.letters)
        self.faults.append(f"life {self.life}, tick {self.tick}: {text}{about}")
        if len(self.faults) <= MOST_FAULTS:
            print(f"FAULT {self.faults[-1]}", flush=True)
        self.ended.set()

    async def stalls(self):
        """Returns when nothing at all has happened for long."""
        before = None
        while before != (now := (self.tick, self.life, sum(self.counts.values()))):
            before = now
            await asyncio.sleep(STALLED)
        waiting = [f"{phone.name} ({len(phone.outbox)} unacknowledged{'' if phone.is_caught_up else ', reads its archive'})"
                   for phone in self.phones if phone.outbox or not phone.is_caught_up]
        self.fault(f"nothing happens; these wait: {', '.join(waiting[:20])}")


async def happens(world, goes_on):
    """Everything, until it is over or a fault is found."""
    tasks = [asyncio.ensure_future(phone.lives()) for phone in world.phones]
    tasks.append(asyncio.ensure_future(world.is_killed_again_and_again(goes_on)))
    whole = asyncio.ensure_future(asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION))
    guards = [whole, asyncio.ensure_future(world.ended.wait()), asyncio.ensure_future(world.stalls())]
    await asyncio.wait(guards, return_when=asyncio.FIRST_COMPLETED)
    pending = {*guards, *tasks}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1)  # asyncio.wait_for may swallow it
    for task in tasks:
        if not task.cancelled() and task.exception():
            raise task.exception()


async def main(arguments):
    began = time.monotonic()
    mariadb = Mariadb.fresh() if arguments.store == "mariadb" and "VALISE_TEST_MARIADB" not in os.environ else None
    world = World(arguments)
    print(f"seed {world.seed}, {arguments.accounts} accounts on {arguments.store}", flush=True)
    until = began + 60 * arguments.minutes
    try:
        await world.is_peopled(arguments.accounts)
        await happens(world, lambda life: time.monotonic() < until if arguments.minutes else life < arguments.rounds)
        if not world.faults:
            print(f"     {world.life} kills, {len(world.letters)} messages, {world.tick} ticks in "
                  f"{time.monotonic() - began:.0f} s: {', '.join(f'{count} {what}' for what, count in sorted(world.counts.items()))}",
                  flush=True)
            await Verdict(world).is_spoken()
    except BaseException:
        print(world.town.log()[-3000:], flush=True)
        raise
    finally:
        for phone in world.phones:
            if phone.wire:
                phone.wire.breaks()
        await world.town.close()
        if mariadb:
            mariadb.stop()
    print(f"{'FAILED' if world.faults else 'ok  '} {len(world.faults)} faults, seed {world.seed}, "
          f"{time.monotonic() - began:.0f} s", flush=True)
    return 1 if world.faults else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("VALISE_TORTURE_MINUTES", "0")))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--store", choices=("sqlite", "mariadb"), default=STORE)
    status = asyncio.run(main(parser.parse_args()))
    sys.stdout.flush()
    os._exit(status)
