"""mariadbd is killed and started again under load: sessions live on, what was answered is there, nothing comes twice.

Five people write without pause, each to one who is away, and change contacts and nicknames; VALISE_TORTURE_MINUTES
goes on with other people for so long."""

import asyncio
import os
import sys
import time

import _path  # noqa: F401
from harness import Town, ping, word_from
from harness.mariadb import Mariadb
from ledger import Reader, Sender, check

ROUNDS = 3
WRITERS = 5
NICK = "http://jabber.org/protocol/nick"
PUBSUB = "http://jabber.org/protocol/pubsub"


class Writer:
    """Writes until it is told to stop, and knows what it was promised."""

    def __init__(self, account, reader):
        self.account, self.reader = account, reader
        self.promised, self.refused, self.contacts = [], set(), []
        self.nick = self.tried_nick = 0
        self._messages = 0

    async def logs_in(self):
        return await Sender(await self.account.device()).starts_counting()

    async def writes(self, sender, stop):
        while not stop.is_set():
            for _ in range(4):
                self._messages += 1
                await sender.says(self.reader.bare, f"{self.account.name}-{self._messages}")
            contact = f"contact{self._messages}@localhost"
            if await self._is_granted(sender, f"<query xmlns='jabber:iq:roster'><item jid='{contact}'/></query>"):
                self.contacts.append(contact)
            self.tried_nick += 1
            if await self._is_granted(
                    sender, f"<pubsub xmlns='{PUBSUB}'><publish node='{NICK}'><item id='current'>"
                            f"<nick xmlns='{NICK}'>{self.tried_nick}</nick></item></publish></pubsub>"):
                self.nick = self.tried_nick
        await sender.device.sends("<r xmlns='urn:xmpp:sm:3'/>")
        if not await sender.is_acknowledged_or_cut():
            raise AssertionError("the sender's session did not outlive the database")
        await ping(sender.device)
        self.refused |= sender.refused()
        self.promised += [identity for identity in sender.promised() if identity and identity not in self.refused]
        await sender.device.leaves()

    @staticmethod
    async def _is_granted(sender, payload):
        sender.sent.append((None, None, None))
        return (await sender.device.tries(payload, "set")).get("type") == "result"

    async def is_checked(self):
        device = await self.account.device()
        kept = {item.get("jid") for item in (await device.asks("<query xmlns='jabber:iq:roster'/>"))[0]}
        if not set(self.contacts) <= kept:
            raise AssertionError(f"contacts answered and lost: {set(self.contacts) - kept}")
        answer = await device.asks(f"<pubsub xmlns='{PUBSUB}'><items node='{NICK}'/></pubsub>")
        nick = int(next(answer.iter(f"{{{NICK}}}nick")).text)
        if not self.nick <= nick <= self.tried_nick:
            raise AssertionError(f"nickname {self.nick} was answered, {nick} is kept")
        phone = await self.reader.device()
        await word_from(device)(phone)  # comes behind all that waited
        reader = Reader()
        reader.takes(phone)
        check(self.promised, Reader(), reader, f"{self.account.name}, after all rounds")
        ghosts = self.refused & set(reader.arrivals)
        if ghosts:
            raise AssertionError(f"refused and yet delivered: {sorted(ghosts)}")


async def one_round(mariadb, writers, watcher, number):
    stop = asyncio.Event()
    senders = [await writer.logs_in() for writer in writers]
    working = [asyncio.ensure_future(writer.writes(sender, stop)) for writer, sender in zip(writers, senders)]
    for _ in range(5 + 3 * number):  # a different moment each time; every answer is a commit of its own
        await watcher.sets(f"<query xmlns='jabber:iq:roster'><item jid='fence{number}@localhost'/></query>")
    await asyncio.to_thread(mariadb.kill)
    await ping(watcher)  # sessions live without the store
    await asyncio.to_thread(mariadb.start)
    await watcher.sets(f"<query xmlns='jabber:iq:roster'><item jid='after{number}@localhost'/></query>")
    stop.set()
    await asyncio.gather(*working)
    print(f"ok   round {number}: {sum(len(writer.promised) for writer in writers)} messages acknowledged, "
          f"{sum(len(writer.refused) for writer in writers)} refused, "
          f"{sum(len(writer.contacts) for writer in writers)} contacts answered", flush=True)


async def main():
    mariadb = Mariadb.fresh()
    town = Town({"shards": 3, "limits.offline": 100_000, "limits.roster_items": 100_000}, store="mariadb", name="torture")
    town.mariadb = mariadb
    try:
        await town.start()
        [watcher] = await town.devices("watcher")
        until = time.monotonic() + 60 * float(os.environ.get("VALISE_TORTURE_MINUTES", "0"))
        crashes = 0
        while crashes == 0 or time.monotonic() < until:
            writers = [Writer(await town.account("alice"), await town.account("carol")) for _ in range(WRITERS)]
            for number in range(ROUNDS):
                await one_round(mariadb, writers, watcher, number)
            for writer in writers:
                await writer.is_checked()
            crashes += ROUNDS
            print(f"ok   after {crashes} crashes of the database all that was answered is there, nothing twice", flush=True)
        await town.audit_is_sound()
    except Exception:
        print(town.log()[-4000:])
        raise
    finally:
        await town.close()
        mariadb.stop()


asyncio.run(main())
sys.stdout.flush()
