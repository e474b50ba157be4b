"""Profanity and slixmpp: blocking, room bookmarks in private storage, and a vCard with a picture."""

import asyncio
import base64

from omemo_client import Person, quiet_logs
from place import place_from_command_line
from profanity_client import Profanity
from slixmpp.exceptions import IqError

# One grey pixel.
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")
ROOM = "chiffre@rooms.localhost"


async def goes_online(place, name):
    person = Person(f"{place.jid(name)}/bot", place.password(name), place.ca)
    for plugin in ("xep_0048", "xep_0049", "xep_0054", "xep_0191"):
        person.register_plugin(plugin)
    return await person.goes_online(place.host, place.port)


async def condition_of(request):
    try:
        await request
    except IqError as error:
        return error.condition
    return None


async def main():
    quiet_logs()
    place = place_from_command_line(__doc__)
    alice, bob = await goes_online(place, "alice"), await goes_online(place, "bob")

    card = bob.plugin["xep_0054"].make_vcard()
    card["FN"] = "Bob Martin"
    card["PHOTO"]["TYPE"] = "image/png"
    card["PHOTO"]["BINVAL"] = PNG
    await bob.plugin["xep_0054"].publish_vcard(card)
    read = (await alice.plugin["xep_0054"].get_vcard(place.jid("bob")))["vcard_temp"]
    if read["FN"] != "Bob Martin" or read["PHOTO"]["BINVAL"] != PNG:
        raise AssertionError(f"the card was read as {read}")
    print("ok   a card with a picture, slixmpp -> slixmpp")

    with Profanity(place, "alice") as profanity:
        at_keyboard = lambda call, *arguments: asyncio.to_thread(call, *arguments)  # noqa: E731 (the bots go on living)
        await at_keyboard(profanity.goes_online)
        await at_keyboard(profanity.types, f"/bookmark add {ROOM}")
        await at_keyboard(profanity.sees, "Bookmark added")
        await at_keyboard(profanity.types, f"/blocked add {place.jid('bob')}")
        print("ok   Profanity:", await at_keyboard(profanity.sees, "successfully blocked"))
        if await condition_of(bob.plugin["xep_0054"].get_vcard(place.jid("alice"))) != "service-unavailable":
            raise AssertionError("who is blocked is not told that nobody is there")
        blocked = (await alice.plugin["xep_0191"].get_blocked())["blocklist"]["items"]
        if [str(item["jid"]) for item in blocked] != [place.jid("bob")]:
            raise AssertionError(f"the other device reads as blocked: {blocked}")
        await at_keyboard(profanity.types, f"/blocked remove {place.jid('bob')}")
        print("ok   Profanity:", await at_keyboard(profanity.sees, "successfully unblocked"))
        bookmarks = (await alice.plugin["xep_0048"].get_bookmarks(method="xep_0049"))["private"]["bookmarks"]
        if [str(room["jid"]) for room in bookmarks["conferences"]] != [ROOM]:
            raise AssertionError(f"Profanity's bookmark was read as {bookmarks}")
        print("ok   a bookmark, Profanity -> slixmpp")
    for person in (alice, bob):
        await person.goes_offline()


asyncio.run(main())
