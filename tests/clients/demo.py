"""What `./dev run` shows: two OMEMO clients, a sealed message that arrives, a message in the clear that does not."""

import asyncio

from omemo_client import Person, quiet_logs
from place import place_from_command_line


async def main():
    quiet_logs()
    place = place_from_command_line(__doc__)
    alice, bob = (Person(f"{place.jid(name)}/demo", place.password(name), place.ca) for name in ("alice", "bob"))
    for person in (alice, bob):
        await person.goes_online(place.host, place.port)
        print(f"  {person.boundjid.bare} is online, OMEMO keys published")

    await alice.says(place.jid("bob"), "Bonjour Bob, the bag is sealed.")
    print(f"  alice sends a sealed message    -> bob reads:   {await bob.hears(place.jid('alice'))}")
    await bob.says(place.jid("alice"), "Merci Alice, it arrived sealed.")
    print(f"  bob answers, sealed             -> alice reads: {await alice.hears(place.jid('bob'))}")

    await alice.says_in_the_clear(place.jid("bob"), "This one is written on a postcard.")
    _, _, text = await alice.is_refused()
    await alice.says(place.jid("bob"), "Sealed again.")
    after = await bob.hears(place.jid("alice"))
    if after != "Sealed again.":
        raise AssertionError(f"a message in the clear reached bob: {after!r}")
    print(f"  alice forgets to switch OMEMO on -> alice reads: {text}")
    print("                                      bob reads:   nothing")
    print(f"  alice switches it on again       -> bob reads:   {after}")
    await alice.goes_offline()
    await bob.goes_offline()


asyncio.run(main())
