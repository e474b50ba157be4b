"""mariadbd is killed and started again under load: sessions live on, what was answered is there, nothing comes twice."""

import asyncio
import os
import sys
import tempfile

import _path  # noqa: F401
from harness import Town, ping, word_from
from harness.mariadb import Mariadb
from ledger import Reader, Sender, check

ROUNDS = 3


async def one_round(town, mariadb, alice, carol, number):
    sender = await Sender(await alice.device()).starts_counting()
    for message in range(20):
        await sender.says(carol.bare, f"r{number}-{message}")
    await asyncio.to_thread(mariadb.kill)
    for message in range(20, 40):
        await sender.says(carol.bare, f"r{number}-{message}")
    await ping(sender.device)  # the session lives without the store
    sender.sent.append((None, None, None))
    await asyncio.to_thread(mariadb.start)
    if not await sender.is_acknowledged_or_cut():
        raise AssertionError("the sender's session did not outlive the database")
    refused = [event.get("id") for event in sender.device.stream.waiting(
        lambda event: getattr(event, "tag", "").endswith("}message") and event.get("type") == "error")]
    await sender.device.leaves()
    return [identity for identity in sender.promised() if identity and identity not in refused], refused


async def main():
    folder = tempfile.mkdtemp(prefix="valise-mariadb-")
    mariadb = Mariadb(folder)
    mariadb.create()
    mariadb.start()
    os.environ["VALISE_TEST_MARIADB"] = folder
    town = Town(store="mariadb", name="torture")
    town.mariadb = mariadb
    try:
        await town.start()
        alice, carol = await town.account("alice"), await town.account("carol")
        promised = []
        for number in range(ROUNDS):
            kept, refused = await one_round(town, mariadb, alice, carol, number)
            promised += kept
            print(f"ok   round {number}: {len(kept)} acknowledged, {len(refused)} refused with an error", flush=True)
        phone = await carol.device()
        await word_from(await alice.device())(phone)  # comes behind all that waited
        reader = Reader()
        reader.takes(phone)
        check(promised, Reader(), reader, "after three crashes of the database")
        await town.audit_is_sound()
        print(f"ok   {len(promised)} acknowledged messages are all there, none twice", flush=True)
    except Exception:
        print(town.log()[-4000:])
        raise
    finally:
        await town.close()
        mariadb.stop()


asyncio.run(main())
sys.stdout.flush()
