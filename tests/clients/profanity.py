"""Profanity and a slixmpp bot: the refusal is shown when OMEMO is off; sealed messages pass both ways."""

import asyncio

from omemo_client import Person, quiet_logs
from place import place_from_command_line
from profanity_client import Profanity

REFUSAL = "Not delivered: this server only carries encrypted messages. Switch on OMEMO (the padlock) in this chat and send again."


async def main():
    quiet_logs()
    place = place_from_command_line(__doc__)
    bob = Person(f"{place.jid('bob')}/bot", place.password("bob"), place.ca)
    await bob.goes_online(place.host, place.port)
    with Profanity(place, "alice") as profanity:
        at_keyboard = lambda call, *arguments: asyncio.to_thread(call, *arguments)  # noqa: E731 (bob goes on living)
        await at_keyboard(profanity.goes_online)
        await at_keyboard(profanity.makes_omemo_keys)
        await at_keyboard(profanity.opens_chat, place.jid("bob"))

        await at_keyboard(profanity.types, "this is in the clear")
        print("ok   refused, on the screen:", await at_keyboard(profanity.sees, REFUSAL))

        await at_keyboard(profanity.types, "/omemo start")
        await at_keyboard(profanity.sees, "[OMEMO]")
        await at_keyboard(profanity.types, "sealed by Profanity")
        heard = await bob.hears(place.jid("alice"))
        if heard != "sealed by Profanity":
            raise AssertionError(f"the bot heard {heard!r}")
        print("ok   Profanity -> bot, decrypted")

        for setting in ("/receipts send on", "/correction on"):
            await at_keyboard(profanity.types, setting)
        identity = await bob.says(place.jid("alice"), "sealed by the bot", asks_receipt=True)
        print("ok   bot -> Profanity:", await at_keyboard(profanity.sees, "sealed by the bot"))
        await bob.gets_receipt(identity)
        print("ok   Profanity's receipt reaches the bot")

        await at_keyboard(profanity.types, "/correct sealed by Profanity, corrected")
        await bob.hears(place.jid("alice"))
        if bob.ids["sealed by Profanity, corrected"][1] != bob.ids["sealed by Profanity"][0]:
            raise AssertionError(f"the correction names another message: {bob.ids}")
        print("ok   Profanity corrects, and the bot is told which message")
    await bob.goes_offline()


asyncio.run(main())
