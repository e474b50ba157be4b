"""What people have done before a story begins: two of them see each other's presence."""

import asyncio
import base64
import hashlib

from omemo_client import WAIT_SECONDS, Person, quiet_logs
from place import place_from_command_line
from slixmpp.exceptions import IqError

AXOLOTL = "eu.siacs.conversations.axolotl"

REFUSAL = "Not delivered: this server only carries encrypted messages. Switch on OMEMO (the padlock) in this chat and send again."

PIXEL = base64.b64decode(b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")  # a PNG

CONTACT = "Bob Martin"  # the name that the roster has for the bot


def holds(what):
    print(f"ok   {what}", flush=True)


def same(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")
    holds(what)


class Introduced(Person):
    """A person who takes every subscription and asks for one in return, as slixmpp does if it is let."""

    def __init__(self, place, name, resource="bot"):
        super().__init__(f"{place.jid(name)}/{resource}", place.password(name), place.ca)
        self.auto_authorize = self.auto_subscribe = True
        self.seen = {}  # full address -> type or show of the last presence
        self._told = {}  # full address -> all of them since forgets()
        self.news = asyncio.Condition()
        self.add_event_handler("presence", self._note)

    async def _note(self, stanza):
        async with self.news:
            self.seen[str(stanza["from"])] = stanza["type"]
            self._told.setdefault(str(stanza["from"]), []).append(stanza["type"])
            self.news.notify_all()

    async def sees(self, bare, kind):
        """Waits until a device of `bare` is `kind` ("available", "away", "unavailable" …)."""
        def holds():
            return any(who.partition("/")[0] == bare and "/" in who and now == kind for who, now in self.seen.items())
        async with self.news:
            await asyncio.wait_for(self.news.wait_for(holds), 2 * WAIT_SECONDS)

    async def sees_device(self, full, kind):
        async with self.news:
            await asyncio.wait_for(self.news.wait_for(lambda: self.seen.get(full) == kind), 2 * WAIT_SECONDS)

    async def sees_keys(self, bare, devices):
        """Waits until the list of `bare` names so many devices and the bundle of each can be had."""
        async with asyncio.timeout(4 * WAIT_SECONDS):
            while not await self._has_keys(bare, devices):
                await asyncio.sleep(0.2)

    async def _has_keys(self, bare, devices):
        pubsub = self.plugin["xep_0060"]
        try:
            items = (await pubsub.get_items(bare, f"{AXOLOTL}.devicelist"))["pubsub"]["items"]
            numbers = [device.get("id") for item in items for device in item.xml.iter(f"{{{AXOLOTL}}}device")]
            for number in numbers:
                await pubsub.get_items(bare, f"{AXOLOTL}.bundles:{number}")
        except IqError:
            return False
        return len(numbers) == devices

    def forgets(self, full):
        self.seen.pop(full, None)
        self._told.pop(full, None)

    def told(self, full):
        """The types and shows of presence that came since forgets()."""
        return self._told.get(full, [])


async def bob_and_alice(description):
    """What the command line says of the town, and the bot bob, online, whom the account alice has among her contacts."""
    quiet_logs()
    place = place_from_command_line(description)
    bob = await Introduced(place, "bob").goes_online(place.host, place.port)
    await make_contacts(place, bob, "alice")
    return place, bob


async def shows_a_picture(client, bob, folder):
    """Bob publishes an avatar (XEP-0084); the client fetches it into that folder of its home, under its SHA-1."""
    bob.register_plugin("xep_0084")
    await bob.plugin["xep_0084"].publish_avatar(PIXEL)
    digest = hashlib.sha1(PIXEL).hexdigest()
    await bob.plugin["xep_0084"].publish_avatar_metadata(
        [{"id": digest, "type": "image/png", "bytes": str(len(PIXEL)), "width": "1", "height": "1"}])

    async def is_there():
        file = client.home / folder / digest
        return file.exists() and file.read_bytes() == PIXEL
    await client.until("bob's avatar in its cache", is_there)
    holds(f"avatar: {type(client).__name__} has fetched bob's picture")


async def talk_sealed(client, bob):
    """Both ways; what the window shows of the bot's message."""
    name = type(client).__name__
    await client.seals()
    await client.says(f"sealed by {name}")
    same(await bob.hears(client.jid), f"sealed by {name}", f"{name} -> bot, decrypted")
    await client.corrects(f"sealed by {name}, corrected")
    await bob.hears(client.jid)
    same(bob.ids[f"sealed by {name}, corrected"][1], bob.ids[f"sealed by {name}"][0], f"{name} corrects, and the bot is told which message")
    identity = await bob.says(client.jid, "sealed by the bot", asks_receipt=True)
    shown = await client.sees("sealed by the bot")
    await bob.gets_receipt(identity)
    holds(f"{name}'s receipt reaches the bot")
    return shown


async def befriend(device, bot):
    """`bot` and the account of `device` subscribe to each other."""
    await device.update_roster(bot.boundjid.bare, name=CONTACT)
    device.send_presence_subscription(bot.boundjid.bare)
    await bot.sees(device.boundjid.bare, "available")
    await device.sees(bot.boundjid.bare, "available")


async def make_contacts(place, bot, name):
    """`bot` and the account `name` subscribe to each other; `name` does it with a device that then leaves."""
    other = Introduced(place, name, "before")
    gone = asyncio.get_running_loop().create_future()
    other.add_event_handler("disconnected", lambda _: gone.done() or gone.set_result(None))
    started = asyncio.Event()
    other.add_event_handler("session_start", lambda _: started.set())
    other.connect(place.host, place.port)
    await asyncio.wait_for(started.wait(), WAIT_SECONDS)
    await befriend(other, bot)
    await other.goes_offline()
    await bot.sees(place.jid(name), "unavailable")
