"""A day of two people at slixmpp: contacts, presence, sealed talk, vCard, blocking, pings; each step is printed."""

import asyncio
import base64

from omemo_client import WAIT_SECONDS, Person, quiet_logs
from place import place_from_command_line
from slixmpp.exceptions import IqError

PLUGINS = ("xep_0054", "xep_0092", "xep_0191")
# The smallest PNG that decoders take: one grey pixel.
PICTURE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")


def holds(condition, what):
    if not condition:
        raise AssertionError(what)
    print(f"ok   {what}", flush=True)


class Neighbour(Person):
    """A person who notes what presence tells."""

    def __init__(self, place, name):
        super().__init__(f"{place.jid(name)}/everyday", place.password(name), place.ca)
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self.auto_authorize = self.auto_subscribe = None
        self.seen = []  # (bare address, type or show), not yet taken
        self._news = asyncio.Condition()
        self.add_event_handler("presence", self._note)

    async def _note(self, stanza):
        async with self._news:
            self.seen.append((stanza["from"].bare, stanza["type"]))
            self._news.notify_all()

    async def sees(self, whom, what):
        wanted = (whom.boundjid.bare, what)
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(lambda: wanted in self.seen), WAIT_SECONDS)
            self.seen.remove(wanted)


async def refusal(answer):
    try:
        await answer
    except IqError as error:
        return error.iq["error"]["condition"]
    return None


async def contacts(alice, bob):
    await alice.update_roster(bob.boundjid.bare, name="Bob", groups=["Cabinet"])
    alice.send_presence_subscription(bob.boundjid.bare)
    await bob.sees(alice, "subscribe")
    bob.send_presence(pto=alice.boundjid.bare, ptype="subscribed")
    bob.send_presence_subscription(alice.boundjid.bare)
    await alice.sees(bob, "subscribe")
    alice.send_presence(pto=bob.boundjid.bare, ptype="subscribed")
    await alice.sees(bob, "available")
    await bob.sees(alice, "available")
    item = alice.client_roster[bob.boundjid.bare]
    holds((item["subscription"], item["name"], item["groups"]) == ("both", "Bob", ["Cabinet"]),
          "contacts: each sees the other, with name and group")
    bob.send_presence(pshow="away")
    await alice.sees(bob, "away")
    holds(True, "presence: bob is away, and alice sees it")
    bob.send_presence()
    await alice.sees(bob, "available")


async def talk(alice, bob):
    for one, other in ((alice, bob), (bob, alice)):
        await one.says(other.boundjid.bare, f"sealed for {other.boundjid.user}")
        holds(await other.hears(one.boundjid.bare) == f"sealed for {other.boundjid.user}",
              f"OMEMO: {other.boundjid.user} decrypts")


async def vcards(alice, bob):
    card = alice.plugin["xep_0054"].make_vcard()
    card["FN"] = "Alice Martin"
    card["NOTE"] = "what people say about themselves at length"
    card["PHOTO"]["TYPE"] = "image/png"
    card["PHOTO"]["BINVAL"] = PICTURE
    await alice.plugin["xep_0054"].publish_vcard(card)
    read = (await bob.plugin["xep_0054"].get_vcard(alice.boundjid.bare))["vcard_temp"]
    holds((read["FN"], read["PHOTO"]["BINVAL"]) == ("Alice Martin", PICTURE), "vCard: bob reads alice's name and picture")
    holds(read.xml.find("{vcard-temp}NOTE") is None, "vCard: free text does not pass")


async def blocking(alice, bob):
    await alice.plugin["xep_0191"].block(bob.boundjid.bare)
    await bob.sees(alice, "unavailable")
    holds(await alice.plugin["xep_0191"].get_blocked_jids() == {bob.boundjid.bare}, "blocking: the list names bob")
    holds(await refusal(bob.plugin["xep_0054"].get_vcard(alice.boundjid.bare)) == "service-unavailable",
          "blocking: to bob alice is as nobody")
    holds(await refusal(alice.plugin["xep_0054"].get_vcard(bob.boundjid.bare)) == "not-acceptable",
          "blocking: alice asks nothing of whom she blocks")
    await alice.plugin["xep_0191"].unblock(bob.boundjid.bare)
    await bob.sees(alice, "available")
    await talk(alice, bob)


async def questions(alice, bob):
    domain = alice.boundjid.domain
    await alice.plugin["xep_0199"].send_ping(domain)
    holds(True, "ping: the server answers")
    version = await alice.plugin["xep_0092"].get_version(domain)
    holds(version["software_version"]["name"] == "Valise", "version: the server has a name")
    info = await alice.plugin["xep_0030"].get_info(domain)
    features = info["disco_info"]["features"]
    for feature in ("urn:xmpp:blocking", "vcard-temp", "urn:xmpp:ping", "jabber:iq:version"):
        holds(feature in features, f"disco: {feature}")


async def main():
    quiet_logs()
    place = place_from_command_line(__doc__)
    alice, bob = Neighbour(place, "alice"), Neighbour(place, "bob")
    for person in (alice, bob):
        await person.goes_online(place.host, place.port)
    for chapter in (contacts, talk, vcards, blocking, questions):
        await chapter(alice, bob)
    for person in (alice, bob):
        await person.goes_offline()


asyncio.run(main())
