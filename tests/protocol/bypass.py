"""docs/sealed.md: every attempt of tests/corpus/bypass, over a real stream, on its path, and some of each over what
browsers speak. Nothing of its text reaches anybody, the store, the log or the record, and its sender hears what the file
says."""

import re
import xml.etree.ElementTree as ET

import _path  # noqa: F401
from _pep import AVATAR, NICK, items, owner, wants
from harness import NS, ping, run, story, word_from
from harness.bypass import MARKER, attempts, filled, folders, found_in
from harness.device import Device
from harness.stream import Stream, show
from harness.web import BoshStream, WebSocketStream, alone

QUESTIONS = {"version": "<query xmlns='jabber:iq:version'/>", "last": "<query xmlns='jabber:iq:last'/>",
             "time": "<time xmlns='urn:xmpp:time'/>", "ping": "<ping xmlns='urn:xmpp:ping'/>",
             "card": "<vCard xmlns='vcard-temp'/>", "info": "<query xmlns='http://jabber.org/protocol/disco#info'/>",
             "items": "<query xmlns='http://jabber.org/protocol/disco#items'/>"}
NODES = (NICK, AVATAR, "urn:xmpp:vcard4", "urn:xmpp:avatar:data", "eu.siacs.conversations.axolotl.devicelist",
         "eu.siacs.conversations.axolotl.bundles:7", "eu.siacs.conversations.axolotl.verification:27183",
         "urn:xmpp:omemo:2:devices")
OWN_NODES = ("urn:xmpp:bookmarks:1", "storage:bookmarks", "urn:xmpp:mds:displayed:0")


# The server's question about what somebody's presence announces, in his own words (XEP-0115 §6.2). It comes when it comes.
_ABOUT_ITSELF = re.compile(rb"<query xmlns='http://jabber.org/protocol/disco#info' node='[^']*'/>")


class Trial:
    """Who sends (over `make`), who might hear of it, and what of all that is looked through."""

    def __init__(self, town, make=Stream):
        self.town, self.make, self.wrong = town, make, []
        self.looks_into_store = town.store == "sqlite"  # behind each attempt, so that a finding has a name; quick there

    async def begin(self):
        [self.alice] = await self.town.devices("alice", make=self.make)
        [self.bob] = await self.town.devices("bob")
        await self.alice.is_friends_with(self.bob)
        await wants(self.bob, *NODES)
        self.tablet = await self.alice.account.device("tablet")
        await self.tablet.sets("<enable xmlns='urn:xmpp:carbons:2'/>")
        return self

    async def tries(self, attempt):
        heard = {}
        try:
            heard = await self.heard_of(attempt)
            leaks = {who: found for who, what in heard.items() if (found := found_in(what))}
            assert not leaks, f"it was heard: {leaks}"
        except (AssertionError, OSError) as error:
            self.wrong.append(f"{attempt.name}: {error}")
            await self.begins_again(attempt)
        if self.looks_into_store and (found := found_in(self.town.stored_bytes(), quickly=True)):
            self.wrong.append(f"{attempt.name}: it is written down: {found}")
            self.looks_into_store = False  # from now on it is there for all that follow

    async def begins_again(self, attempt):
        """So that what follows is not about this one: a stream that may be gone, nodes that hold what they should not."""
        await self.alice.drops()
        self.alice = await self.alice.account.device(make=self.make)
        await word_from(self.alice)(self.bob)
        if attempt.name.startswith(("publish", "card")):
            for node in NODES + OWN_NODES:
                await self.alice.tries(owner("delete", node), "set")
            await self.alice.tries("<vCard xmlns='vcard-temp'/>", "set")
            await word_from(self.alice)(self.bob)

    async def heard_of(self, attempt):
        """Sends it, and waits until all that could come of it has come; what each has heard of it."""
        kind, *more = attempt.outcome
        if kind == "binds":
            return await self.heard_of_its_name(attempt)
        sender = await self.alice.account.device(make=self.make) if kind == "stream" else self.alice
        receiver = self.bob
        name = attempt.name.replace("/", "-")  # or two of them are one message, sent again (D2)
        people = {"id": name, "alice": sender.full, "alice_bare": sender.bare, "bob": self.bob.bare,
                  "bob_full": self.bob.full, "tablet": self.tablet.full}
        if more[:1] == ["at"] or "{carol}" in attempt.stanza:
            [receiver] = await self.town.devices("carol")
            people["carol"] = receiver.bare
        if "{away}" in attempt.stanza:
            away = await self.town.account("away")
            people["away"] = away.bare
        if more[:1] == ["asked"]:
            people["asked"] = name
            await self.bob.sends(f"<iq type='get' id='{name}' to='{self.alice.full}'>{QUESTIONS[more[1]]}</iq>")
            await self.alice.receives("iq", id=name, type_="get")
        stanza = filled(attempt.stanza, people)
        identity = MARKER if f" id='{MARKER}'" in stanza.partition(">")[0] else name
        devices = [sender, self.tablet, receiver]
        begins = [len(bytes_of(device)) for device in devices]
        taken = receiver.stream.waiting(lambda event: isinstance(event, ET.Element))
        await sender.sends(stanza)
        await self.is_told(sender, stanza, identity, attempt.outcome)
        if kind != "stream":
            await ping(sender)
            await word_from(sender)(self.tablet)
        await word_from(sender if kind != "stream" else self.alice)(receiver)
        arrived = [event for event in receiver.stream.waiting(lambda event: is_from(event, sender)) if event not in taken
                   and not (kind == "stream" and event.tag == NS.CLIENT + "presence")]
        assert bool(arrived) == (kind == "arrives" and more[:1] != ["later"]), f"{len(arrived)} arrived"
        await self.reads(attempt)
        heard = {device.full: bytes_of(device)[begin:] for device, begin in zip(devices, begins)}
        if more[:1] == ["later"]:
            late = await away.device()
            await late.receives("message", id=name)
            heard[late.full] = late.stream.heard
            await late.leaves()
        for device in devices:
            for past in device.stream.waiting(lambda event: is_from(event, sender)):
                await device.stream.wait_for(lambda event, past=past: event is past, "what has come")
        if "type='unavailable'" in stanza and " to=" not in stanza:
            await self.alice.becomes_available()
        heard[sender.full] = _ABOUT_ITSELF.sub(b"", heard[sender.full])
        if "echo" in more:
            del heard[sender.full]
        return heard

    async def heard_of_its_name(self, attempt):
        """Binds another device with it, which then shows itself and writes."""
        others = [self.bob, self.tablet]
        begins = [len(bytes_of(device)) for device in others]
        stream = self.town.stream(self.make)
        await stream.reaches_tls()
        await stream.authenticates(self.alice.account.name, self.alice.account.password)
        await stream.sends(filled(attempt.stanza, {"id": "bind"}))
        answer = await stream.wait_for(lambda event: is_answer(event, "bind"), "an answer to bind")
        full = answer.findtext(f"{NS.BIND}bind/{NS.BIND}jid")
        assert full and full.startswith(self.alice.bare + "/"), show(answer)
        device = Device(self.alice.account, stream, full)
        await device.becomes_available()
        for other in others:
            await word_from(device)(other)
        heard = {other.full: bytes_of(other)[begin:] for other, begin in zip(others, begins)}
        heard["the device"] = bytes_of(device)
        await device.drops()
        return heard

    async def reads(self, attempt):
        """What is published, and cards, are read by everybody who may."""
        folder = attempt.name.partition("/")[0]
        if folder in ("publish", "card", "private"):
            for reader, nodes in ((self.bob, NODES), (self.tablet, NODES + OWN_NODES)):
                for node in nodes:
                    await reader.tries(items(node), to=self.alice.bare)
                await reader.tries("<vCard xmlns='vcard-temp'/>", to=self.alice.bare)
                await reader.tries("<query xmlns='http://jabber.org/protocol/disco#items'/>", to=self.alice.bare)
                await reader.tries(f"<query xmlns='http://jabber.org/protocol/disco#info' node='{NICK}'/>", to=self.alice.bare)
            await self.tablet.tries("<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>")

    @staticmethod
    async def is_told(sender, stanza, identity, outcome):
        """What the file says that the sender hears, and the end of what is being committed."""
        kind, *more = outcome
        if kind == "stream":
            error = await sender.stream.wait_for(lambda event: getattr(event, "tag", "") == NS.STREAM + "error", "a stream error")
            assert error[0].tag.endswith("}" + more[0]), show(error)
        elif kind == "refused":
            error = await sender.gets_error("message", identity, "policy-violation", "modify")
            reason = error.find(f".//{NS.POLICY}sealed-required").get("reason")
            assert reason == more[0], f"it is {reason}"
        elif kind in ("error", "result") or stanza.startswith(("<iq type='set'", "<iq type='get'")):
            answer = await sender.stream.wait_for(lambda event: is_answer(event, identity), f"an answer to {identity}")
            if kind in ("error", "result"):
                assert answer.get("type") == kind, show(answer)
            if kind == "error":
                assert answer.find(f"{NS.CLIENT}error")[0].tag == NS.STANZA_ERROR + more[0], show(answer)


def bytes_of(device):
    return bytes(getattr(device.stream, "bodies", device.stream.heard))


def is_from(event, sender):
    """But for the fence, and for what the server says in his name to his other devices."""
    return (isinstance(event, ET.Element) and event.get("from") in (sender.full, sender.bare)
            and not event.get("id", "").startswith("fence") and event.find(NS.PUBSUB_EVENT + "event") is None)


def is_answer(event, identity):
    return isinstance(event, ET.Element) and event.get("id") == identity and event.get("type") in ("result", "error")


OPTIONS = {"archive.enabled": True, "labels.catalogue": ["fr"]}


def of(folder):
    @story(f"tests/corpus/bypass/{folder}", options=OPTIONS, alone=True)
    async def nothing_gets_past(town):
        trial = await Trial(town).begin()
        count = 0
        for attempt in attempts(folder):
            await trial.tries(attempt)
            count += 1
        assert count > 3, count
        assert not trial.wrong, "\n" + "\n".join(trial.wrong)
        assert not found_in(town.stored_bytes())
    return nothing_gets_past


def goes_over_web(attempt):
    """What is one element, and not about the stream: RFC 7395 has frames, XEP-0124 bodies of its own."""
    if attempt.outcome[0] == "stream":
        return False
    try:
        ET.fromstring(alone(filled(attempt.stanza, {})))
    except ET.ParseError:
        return False
    return True


def over(make):
    @story("tests/corpus/bypass, RFC 7395" if make is WebSocketStream else "tests/corpus/bypass, XEP-0206",
           options=OPTIONS, alone=True)
    async def nothing_gets_past_over(town):
        trial = await Trial(town, make).begin()
        count = 0
        for folder in folders():
            able = [attempt for attempt in attempts(folder) if goes_over_web(attempt)]
            for attempt in able[::-(-len(able) // 12) or 1]:
                await trial.tries(attempt)
                count += 1
        assert count > 80, count
        assert not trial.wrong, "\n" + "\n".join(trial.wrong)
        assert not found_in(town.stored_bytes())
    return nothing_gets_past_over


nothing_gets_past_over_websocket = over(WebSocketStream)
nothing_gets_past_over_bosh = over(BoshStream)
for name in folders():
    globals()[f"nothing_gets_past_in_{name}"] = of(name)

if __name__ == "__main__":
    run()
