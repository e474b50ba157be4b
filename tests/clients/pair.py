"""Two real OMEMO clients talk both ways, also to somebody who was away; what is not sealed does not pass."""

import asyncio

from omemo_client import Person, quiet_logs
from place import place_from_command_line


async def person(place, name, resource="test"):
    jid = f"{place.jid(name)}/{resource}"
    return await Person(jid, place.password(name), place.ca).goes_online(place.host, place.port)


def same(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")
    print(f"ok   {what}")


async def both_ways(alice, bob, place):
    await alice.says(place.jid("bob"), "Bonjour Bob, the bag is sealed.")
    same(await bob.hears(place.jid("alice")), "Bonjour Bob, the bag is sealed.", "alice's sealed message is decrypted by bob")
    await bob.says(place.jid("alice"), "Received, thank you 🕊")
    same(await alice.hears(place.jid("bob")), "Received, thank you 🕊", "bob's sealed answer is decrypted by alice")
    for number in range(20):
        await alice.says(place.jid("bob"), f"line {number}")
    heard = [await bob.hears(place.jid("alice")) for _ in range(20)]
    same(heard, [f"line {number}" for number in range(20)], "twenty messages arrive once each, in order")


async def refused_in_the_clear(alice, bob, place):
    await alice.says_in_the_clear(place.jid("bob"), "this must not arrive")
    peer, condition, text = await alice.is_refused()
    same((peer, condition), (place.jid("bob"), "policy-violation"), "a message in the clear is refused")
    same(text.startswith("Not delivered: this server only carries encrypted messages."), True, "the refusal says what to do")
    await alice.says(place.jid("bob"), "fence")  # same pair, same order: the refused one would have come before
    same(await bob.hears(place.jid("alice")), "fence", "the refused message was not delivered")


async def waits_for_bob(alice, bob, place):
    storage = bob.plugin["xep_0384"].storage
    await bob.goes_offline()
    await alice.says(place.jid("bob"), "read this when you are back")
    back = Person(f"{place.jid('bob')}/test", place.password("bob"), place.ca)
    back.plugin["xep_0384"]._storage = storage  # the same device comes back
    await back.goes_online(place.host, place.port)
    same(await back.hears(place.jid("alice")), "read this when you are back", "a message sent while bob was away waits for him")
    return back


async def main():
    quiet_logs()
    place = place_from_command_line(__doc__)
    alice, bob = await person(place, "alice"), await person(place, "bob")
    await both_ways(alice, bob, place)
    await refused_in_the_clear(alice, bob, place)
    bob = await waits_for_bob(alice, bob, place)
    await alice.goes_offline()
    await bob.goes_offline()


asyncio.run(main())
