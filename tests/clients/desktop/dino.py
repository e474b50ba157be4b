"""Dino: log-in, contacts, presence, the refusal in its window, sealed messages both ways, a contact's picture."""

import asyncio

import _path  # noqa: F401
from contacts import CONTACT, REFUSAL, bob_and_alice, holds, shows_a_picture, talk_sealed
from dino_client import Dino


async def refused(dino):
    await dino.says("this is in the clear")
    failed = await dino.sees("delivery failed")
    holds(f"refused, in Dino's window: {failed['words']}")
    notice = await dino.sees(REFUSAL, role="label")
    holds(f"refused, from the server: {notice['words']}")


async def main():
    place, bob = await bob_and_alice(__doc__)
    async with Dino(place, "alice") as dino:
        await bob.sees(dino.jid, "available")
        holds("log-in and presence: the bot sees that Dino is there; its system trusts the town's CA alone")
        await dino.opens_chat(place.jid("bob"), CONTACT)
        holds(f"contacts: Dino shows bob by the name that the roster has for him: {CONTACT}")
        await refused(dino)
        holds(f"bot -> Dino: {(await talk_sealed(dino, bob))['words']}")
        await shows_a_picture(dino, bob, "data/dino/avatars")
        await dino.leaves()
        await bob.sees_device(dino.full, "unavailable")
        holds("presence: Dino has gone")
    await bob.goes_offline()


asyncio.run(main())
