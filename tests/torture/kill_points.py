"""kill -9 at every write, sync and hand-over of the commit protocol: nothing acknowledged is lost, nothing comes twice.

valised is built with VALISE_FAULTS: VALISE_FAULT_COUNT lists the points that a run passes, VALISE_FAULT_AT=point:n kills
it at the n-th passing. One undisturbed run finds the points; then each point is killed at its first, a middle and its
last passing, and the server started again. With VALISE_TORTURE_MINUTES it goes on with random passings.
"""

import asyncio
import os
import random
import sys
import time

import _path  # noqa: F401
from harness import Town, word_from
from harness.town import STORE, ServerDied
from ledger import Reader, Sender, check

MESSAGES = 12


class Life:
    """Three people and what they did: alice writes to bob, who reads, and to carol, who is away."""

    def __init__(self, environment):
        self.town = Town(environment=environment, name="torture")
        self.readers = {"bob": Reader(), "carol": Reader()}
        self.sender = None
        self.accounts = {}
        self.contacts = []  # roster items whose set was answered

    async def goes_on_until_it_dies(self):
        """True if the server was killed underway, False if it lived to the end."""
        try:
            await self.town.start()
            for name in ("alice", "bob", "carol"):
                self.accounts[name] = await self.town.account(name)
            bob = await self.accounts["bob"].device()
            alice = await self.accounts["alice"].device("phone")
            self.sender = await Sender(alice).starts_counting()
            try:
                await self._everybody_acts(alice)
            finally:
                self.sender.read_acknowledgements()
                self.readers["bob"].takes(bob)
        except (ServerDied, ConnectionError, OSError, AssertionError):
            if self.town.is_alive():
                try:
                    await asyncio.wait_for(self.town.dies(), 2)
                except asyncio.TimeoutError:
                    raise  # the server lives: whatever went wrong is a fault of its own
            return True
        return False

    async def _everybody_acts(self, alice):
        for number in range(MESSAGES):
            await self.sender.says(self.accounts["bob"].bare, f"b{number}")
            await self.sender.says(self.accounts["carol"].bare, f"c{number}")
            if number % 4 == 1:
                if not await self.sender.is_acknowledged_or_cut():
                    raise ServerDied("cut")
                contact = f"contact{number}@localhost"
                self.sender.sent.append((None, None, None))
                await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='{contact}'/></query>")
                self.contacts.append(contact)
        if not await self.sender.is_acknowledged_or_cut():
            raise ServerDied("cut")

    async def is_checked(self, where):
        """Starts the server without faults and holds it to what was promised."""
        await self.town.restart(environment={})
        await self.town.audit_is_sound()
        if self.sender is None:
            return  # killed before anybody was promised anything
        promised = self.sender.promised()
        alice = await self.accounts["alice"].device("phone")
        again = await Sender(alice).starts_counting()
        for identity, to, stanza in self.sender.unpromised():
            if identity:  # a client re-sends what was not acknowledged
                again.sent.append((identity, to, stanza))
                await alice.sends(stanza + "<r xmlns='urn:xmpp:sm:3'/>")
        if not await again.is_acknowledged_or_cut():
            raise AssertionError(f"{where}: the re-sent messages were not acknowledged")
        for name, letter in (("bob", "b"), ("carol", "c")):
            device = await self.accounts[name].device()
            await word_from(alice)(device)  # comes behind all that waited
            after = Reader()
            after.takes(device)
            wanted = [entry[0] for entry in self.sender.sent if entry[0] and entry[0].startswith(letter)]
            check([identity for identity in promised + wanted if identity and identity.startswith(letter)],
                  self.readers[name], after, f"{where}, {name}", acknowledged=promised)
        roster = await alice.asks("<query xmlns='jabber:iq:roster'/>")
        kept = {item.get("jid") for item in roster[0]}
        if not set(self.contacts) <= kept:
            raise AssertionError(f"{where}: answered and lost: {set(self.contacts) - kept}")
        await self.town.audit_is_sound()
        for identity in filter(None, promised):
            records = [record for record in await self.town.records(stanza=identity) if record["kind"] in ("message", "recovered")]
            if not records:
                raise AssertionError(f"{where}: {identity} was acknowledged and has no record")


async def find_points():
    """name -> passings, of an undisturbed life."""
    life = Life({})
    counts = life.town.folder / "points"
    life.town.environment = {"VALISE_FAULT_COUNT": str(counts)}
    try:
        if await life.goes_on_until_it_dies():
            raise AssertionError(f"the server died without a fault:\n{life.town.log()[-3000:]}")
        await life.town.stop()
        if not counts.exists():
            sys.exit("no fault points: build with -DVALISE_FAULTS=ON (./dev build faults)")
        lines = [line.rsplit(" ", 1) for line in counts.read_text().splitlines()]
        await life.is_checked("undisturbed")
        return {name: int(count) for name, count in lines}
    finally:
        await life.town.close()


async def one_kill(point, number):
    where = f"{STORE}, killed at {point}:{number}"
    life = Life({"VALISE_FAULT_AT": f"{point}:{number}"})
    try:
        if not await life.goes_on_until_it_dies():
            # Batches form by chance: this life passed the point less often. It still has to stop cleanly.
            await life.town.stop()
        await life.is_checked(where)
        print(f"ok   {where}", flush=True)
        return True
    except Exception as error:
        print(f"FAIL {where}: {type(error).__name__}: {error}\n   the log's end:\n{life.town.log()[-3000:]}", flush=True)
        return False
    finally:
        await life.town.close()


async def main():
    points = await find_points()
    print("points:", ", ".join(f"{name} ×{count}" for name, count in sorted(points.items())), flush=True)
    kills = [(name, number) for name, count in sorted(points.items()) for number in sorted({1, count // 2 or 1, count})]
    good = [await one_kill(*kill) for kill in kills]
    until = time.monotonic() + 60 * float(os.environ.get("VALISE_TORTURE_MINUTES", "0"))
    while time.monotonic() < until:
        name = random.choice(list(points))
        good.append(await one_kill(name, random.randint(1, points[name])))
    print(f"{sum(good)} of {len(good)} kills survived on {STORE}", flush=True)
    sys.stdout.flush()
    os._exit(0 if all(good) else 1)


asyncio.run(main())
