"""Gajim: log-in, contacts, presence, the refusal in its window, sealed messages both ways, a contact's picture,
blocking."""

import asyncio

import _path  # noqa: F401
from contacts import AXOLOTL, CONTACT, REFUSAL, bob_and_alice, holds, same, shows_a_picture, talk_sealed
from gajim_client import Gajim
from slixmpp.exceptions import IqError


async def contacts_and_presence(gajim, bob):
    async def shown():
        return (await gajim.contacts()).get(bob.boundjid.bare)

    await bob.sees(gajim.jid, "available")
    holds("presence: the bot sees that Gajim is there")
    same(await gajim.until("bob online", shown), (CONTACT, "online"), "contacts: Gajim lists bob by the roster's name, online")
    bob.send_presence(pshow="away")

    async def away():
        return (await shown())[1] == "away"
    await gajim.until("bob away", away)
    holds("presence: Gajim sees that bob is away")
    bob.send_presence()


async def refused(gajim):
    await gajim.says("this is in the clear")
    warning = await gajim.sees("Warning", role="icon")
    await gajim.points(warning["at"])
    tip = await gajim.sees(REFUSAL, role="label")
    holds(f"refused, in Gajim's window: {tip['words']}")
    holds(f"refused, from the server: {(await gajim.sees('localhost', role='label', exact=True))['words']}")


async def talk(gajim, bob):
    await talk_sealed(gajim, bob)
    mark = await gajim.sees("Encrypted (OMEMO)", role="icon")
    holds(f"bot -> Gajim: sealed by the bot [{mark['words'].splitlines()[0]}]")


async def blocks(gajim, bob):
    """With Gajim's own dialog; to bob alice is as nobody, her keys included, until she unblocks him."""
    await gajim.blocks_or_unblocks(bob.boundjid.bare)
    await gajim.acts("Block", role="push button", exact=True)
    await bob.sees_device(gajim.full, "unavailable")
    holds("blocking: bob sees that Gajim has gone")
    try:
        condition = await bob.plugin["xep_0060"].get_items(gajim.jid, f"{AXOLOTL}.devicelist") and None
    except IqError as error:
        condition = error.condition
    same(condition, "service-unavailable", "blocking: bob is told of no keys")
    await gajim.unblocks(bob.boundjid.bare, lambda: bob.seen.get(gajim.full) == "available")
    holds("blocking: unblocked, bob sees that Gajim is there")
    await gajim.opens_chat(bob.boundjid.bare, CONTACT)
    await bob.says(gajim.jid, "sealed for alice once more")
    await gajim.sees("sealed for alice once more")
    holds("blocking: unblocked, bob's message is shown")


async def main():
    place, bob = await bob_and_alice(__doc__)
    async with Gajim(place, "alice", [place.jid("bob")]) as gajim:
        holds("log-in: Gajim is online, its system trusts the town's CA alone")
        await contacts_and_presence(gajim, bob)
        await gajim.opens_chat(place.jid("bob"), CONTACT)
        await refused(gajim)
        await talk(gajim, bob)
        await shows_a_picture(gajim, bob, "cache/gajim/avatars")
        await blocks(gajim, bob)
        await gajim.leaves()
        await bob.sees_device(gajim.full, "unavailable")
        holds("presence: Gajim has gone")
    await bob.goes_offline()


asyncio.run(main())
