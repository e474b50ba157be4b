"""One account at Gajim and at Dino: what one device sends or gets, the other shows; Gajim resumes after a cut."""

import asyncio

import _path  # noqa: F401
from contacts import CONTACT, bob_and_alice, holds, same
from dino_client import Dino
from gajim_client import Gajim


async def opens_sealed_chats(gajim, dino, bob):
    for device in (gajim, dino):
        await bob.sees_device(f"{device.jid}/{device.resource}", "available")
        await device.opens_chat(bob.boundjid.bare, CONTACT)
        await device.seals()


async def received_on_both(gajim, dino, bob):
    await bob.says(gajim.jid, "read this when you are back")
    for device in (gajim, dino):
        await device.sees("read this when you are back")
        holds(f"received: {type(device).__name__} shows what bob sent to both")


async def sent_shows_on_both(gajim, dino, bob):
    for device, other in ((gajim, dino), (dino, gajim)):
        words = f"sealed for bob by {type(device).__name__}"
        await device.says(words)
        same(await bob.hears(device.jid), words, f"sent: bob reads what {type(device).__name__} seals")
        await other.sees(words)
        holds(f"sent: {type(other).__name__} shows what {type(device).__name__} sent")


async def resumes(device, bob):
    """The wire is cut and bob goes on writing; the device comes back to the same session (XEP-0198 §5)."""
    who = f"{device.jid}/{device.resource}"
    before, name = device.wire.connections, type(device).__name__
    device.wire.cuts()
    bob.forgets(who)
    await bob.says(device.jid, f"sealed for {name} at the cut")
    await device.wire.opens()
    await device.sees(f"sealed for {name} at the cut")
    same(device.wire.connections > before, True, f"a cut: {name} is back and shows what was sent meanwhile")
    same("unavailable" in bob.told(who), False, f"a cut: bob was not told that {name} left")
    return bob.told(who)


async def main():
    place, bob = await bob_and_alice(__doc__)
    async with Dino(place, "alice") as dino:
        # Dino tells of its device before its keys are there; a Gajim that is told in between asks for them just once.
        await bob.sees_keys(dino.jid, devices=2)  # Dino's, and what make_contacts() left
        async with Gajim(place, "alice", [place.jid("bob")]) as gajim:
            await bob.sees_keys(dino.jid, devices=3)
            await opens_sealed_chats(gajim, dino, bob)
            await received_on_both(gajim, dino, bob)
            await sent_shows_on_both(gajim, dino, bob)
            same(await resumes(gajim, bob), [], "a cut: Gajim resumed its session; bob saw no new log-in either")
    await bob.goes_offline()


asyncio.run(main())
