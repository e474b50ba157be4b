"""slixmpp as one of the devices of an account, in the words that all devices have (two_devices.py)."""

from contacts import AXOLOTL, Introduced
from slixmpp import JID


class Reader(Introduced):
    """Takes carbons as well, and each stanza once: a second look at a sealed message opens nothing (the ratchet has moved on)."""

    def __init__(self, place, name, resource, read):
        super().__init__(place, name, resource)
        self.read = read  # ids of stanzas
        self.register_plugin("xep_0313")
        self.add_event_handler("carbon_received", self._on_received_elsewhere)
        self.add_event_handler("carbon_sent", self._on_sent_elsewhere)

    async def _on_received_elsewhere(self, stanza):
        await self._on_message(stanza["carbon_received"])

    async def _on_sent_elsewhere(self, stanza):
        await self._on_message(stanza["carbon_sent"])

    async def _on_message(self, stanza):
        # Without a payload it only sets a session up, with another device as often as with this one.
        if stanza["id"] not in self.read and stanza.xml.find(f".//{{{AXOLOTL}}}payload") is not None:
            self.read.add(stanza["id"])
            await super()._on_message(stanza)

    async def reads_archive(self, peer):
        async for result in self.plugin["xep_0313"].iterate(with_jid=JID(peer)):
            await self._on_message(result["mam_result"]["forwarded"]["stanza"])


class Slixmpp:
    """`peer` is with whom it talks. It keeps its keys, and what it has read, while it is away."""

    resource = "second"

    def __init__(self, place, name, peer):
        self.place, self.name, self.peer = place, name, peer
        self.jid = place.jid(name)
        self.full = f"{self.jid}/{self.resource}"
        self.person = None
        self._keys, self._read, self._texts = None, set(), []

    async def comes(self):
        self.person = Reader(self.place, self.name, self.resource, self._read)
        omemo = self.person.plugin["xep_0384"]
        self._keys = omemo._storage = self._keys or omemo.storage
        await self.person.goes_online(self.place.host, self.place.port)
        await self.person.plugin["xep_0280"].enable()
        return self

    async def says(self, text):
        self._read.add(await self.person.says(self.peer, text))

    async def sees(self, text):
        while text not in self._texts:
            self._texts.append(await self.person.hears())

    async def leaves(self):
        await self.person.goes_offline()

    async def returns(self):
        await self.comes()
        await self.person.reads_archive(self.peer)
