"""One account at Gajim and at Dino: what one device sends or gets, the other shows; what one missed comes from the archive;
both resume after a cut."""

import asyncio

import _path  # noqa: F401
from contacts import CONTACT, bob_and_alice, same
from dino_client import Dino
from gajim_client import Gajim
from two_devices import history, received_on_both, resumes, sent_shows_on_both


async def opens_sealed_chats(gajim, dino, bob):
    for device in (gajim, dino):
        await bob.sees_device(device.full, "available")
        await device.opens_chat(bob.boundjid.bare, CONTACT)
        await device.seals()


async def main():
    place, bob = await bob_and_alice(__doc__)
    async with Dino(place, "alice") as dino:
        # Dino tells of its device before its keys are there; a Gajim that is told in between asks for them just once.
        await bob.sees_keys(dino.jid, devices=2)  # Dino's, and what make_contacts() left
        async with Gajim(place, "alice", [place.jid("bob")]) as gajim:
            await bob.sees_keys(dino.jid, devices=3)
            await opens_sealed_chats(gajim, dino, bob)
            await received_on_both((gajim, dino), bob)
            await sent_shows_on_both(gajim, dino, bob)
            for device, other in ((gajim, dino), (dino, gajim)):
                await history(device, other, bob)
            await resumes(gajim, bob)
            same(bob.told(gajim.full), [], "a cut: bob saw no new log-in of Gajim either")
            await resumes(dino, bob)  # it tells bob once more that it is there
    await bob.goes_offline()


asyncio.run(main())
