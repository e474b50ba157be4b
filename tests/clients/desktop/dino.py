"""Dino: log-in, contacts, presence, the refusal in its window, sealed messages both ways."""

import asyncio

import _path  # noqa: F401
from contacts import CONTACT, REFUSAL, Introduced, holds, make_contacts, same
from dino_client import Dino
from omemo_client import quiet_logs
from place import place_from_command_line


async def refused(dino):
    await dino.says("this is in the clear")
    failed = await dino.sees("delivery failed")
    holds(f"refused, in Dino's window: {failed['words']}")
    notice = await dino.sees(REFUSAL, role="label")
    holds(f"refused, from the server: {notice['words']}")


async def talk(dino, bob):
    await dino.seals()
    await dino.says("sealed by Dino")
    same(await bob.hears(dino.jid), "sealed by Dino", "Dino -> bot, decrypted")
    await bob.says(dino.jid, "sealed by the bot")
    holds(f"bot -> Dino: {(await dino.sees('sealed by the bot'))['words']}")


async def main():
    quiet_logs()
    place = place_from_command_line(__doc__)
    bob = await Introduced(place, "bob").goes_online(place.host, place.port)
    await make_contacts(place, bob, "alice")
    async with Dino(place, "alice") as dino:
        await bob.sees(dino.jid, "available")
        holds("log-in and presence: the bot sees that Dino is there; its system trusts the town's CA alone")
        await dino.opens_chat(place.jid("bob"), CONTACT)
        holds(f"contacts: Dino shows bob by the name that the roster has for him: {CONTACT}")
        await refused(dino)
        await talk(dino, bob)
    await bob.sees(place.jid("alice"), "unavailable")
    holds("presence: Dino has gone")
    await bob.goes_offline()


asyncio.run(main())
