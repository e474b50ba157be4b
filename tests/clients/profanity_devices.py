"""One account at Profanity and at slixmpp: what one device sends or gets, the other shows; slixmpp reads in the
archive what it missed; Profanity resumes after a cut."""

import asyncio

from contacts import CONTACT, holds
from omemo_client import quiet_logs
from place import place_from_command_line
from profanity_client import Profanity as Terminal
from two_devices import beside_slixmpp, both_chat, history, resumes


class Profanity:
    """Profanity in the words that all devices have; what it shows is what its chat window shows."""

    resource = "profanity"

    def __init__(self, place, name, peer, wire):
        self.place, self.peer, self.wire = place, peer, wire
        self.jid = place.jid(name)
        self.full = f"{self.jid}/{self.resource}"
        self._terminal = Terminal(place, name, place.wire_port)

    async def _does(self, what, *arguments):
        return await asyncio.to_thread(what, *arguments)  # the others go on living

    async def __aenter__(self):
        await self._does(self._terminal.__enter__)
        for setting in ("/reconnect 1", "/save"):
            await self._does(self._terminal.types, setting)
        await self._does(self._terminal.goes_online, self.resource)
        await self._does(self._terminal.makes_omemo_keys)
        return self

    async def __aexit__(self, *how):
        self._terminal.__exit__(*how)

    async def opens_sealed_chat(self):
        await self.opens_chat()
        await self._does(self._terminal.types, "/omemo start")
        await self._does(self._terminal.sees, "[OMEMO]")

    async def says(self, text):
        await self._does(self._terminal.types, text)

    async def sees(self, text):
        return await self._does(self._terminal.sees, text)

    async def times(self, text):
        return self._terminal.screen().count(text)

    async def leaves(self):
        await self._does(self._terminal.quits)

    async def returns(self):
        await self._does(self._terminal.starts)
        await self._does(self._terminal.goes_online, self.resource)
        await self.opens_chat()

    async def opens_chat(self):
        await self._does(self._terminal.opens_chat, self.peer, CONTACT)

    async def asks_for_history(self):
        """Profanity asks when a chat is opened; returns the line of its console that tells what came of it."""
        for line in ("/close", "/mam on"):
            await self._does(self._terminal.types, line)
        await self.opens_chat()
        await self._does(self._terminal.types, "/win 1")
        return await self.sees("MAM (")


async def returns_alone(profanity, second, bob):
    """Nobody is there: what bob sends waits at the server, for the first of them that comes."""
    for device in (second, profanity):
        await device.leaves()
        await bob.sees_device(device.full, "unavailable")
    await bob.says(profanity.jid, "sealed for nobody who is there")
    await profanity.returns()
    await profanity.sees("sealed for nobody who is there")
    holds("history: Profanity is back and shows what waited for it")


async def main():
    quiet_logs()
    place = place_from_command_line(__doc__)
    async with beside_slixmpp(place, place.port) as (bob, second, wire):
        async with Profanity(place, "alice", place.jid("bob"), wire) as profanity:
            await bob.sees_keys(profanity.jid, devices=2)
            await profanity.opens_sealed_chat()
            await both_chat(profanity, second, bob)
            await history(second, profanity, bob)
            await resumes(profanity, bob)
            await returns_alone(profanity, second, bob)
            holds(f"history: Profanity does not ask our archive (README.md): {await profanity.asks_for_history()}")


asyncio.run(main())
