"""People and their devices: a logged-in stream with the verbs that stories use."""

import itertools
import xml.etree.ElementTree as ET

from .ns import NS
from .stream import Stream, _is_answer, show

_numbers = itertools.count(1)


class Account:
    def __init__(self, town, name, password):
        self.town, self.name, self.password = town, name, password
        self.bare = f"{name}@{town.place.domain}"

    async def device(self, resource=None, present=True, lang="en", mechanism="SCRAM-SHA-256", interested=True, make=Stream):
        """Logs in. `interested` asks for the roster, as clients do (RFC 6121 §2.2: only then pushes and answers to
        subscription requests come); `present` sends initial presence and waits until it is back; `make`: over what."""
        stream = self.town.stream(make)
        await stream.reaches_tls(lang=lang)
        await stream.authenticates(self.name, self.password, mechanism)
        device = Device(self, stream, await stream.binds(resource))
        if interested:
            await device.asks("<query xmlns='jabber:iq:roster'/>")
        if present:
            await device.becomes_available()
        return device

    async def sleeper(self, present=True):
        """A device whose kernel takes little: with stream.stops_reading() what is sent to it soon waits in the server."""
        stream = self.town.stream()
        await stream.connect(receive_buffer=4096)
        await stream.opens()
        await stream.starts_tls()
        await stream.opens()
        await stream.authenticates(self.name, self.password)
        device = Device(self, stream, await stream.binds("sleeper"))
        if present:
            await device.becomes_available()
        return device


class Device:
    def __init__(self, account, stream, full):
        self.account, self.stream, self.full, self.bare = account, stream, full, account.bare

    async def becomes_available(self, inner=""):
        """Sends presence and waits until the server has handled it (its own copy comes back, RFC 6121 §4.2.2)."""
        await self.sends(f"<presence>{inner}</presence>")
        await self.receives("presence", from_=self.full, type_=None)

    async def sends(self, stanza):
        await self.stream.sends(stanza)

    async def receives(self, name, child=None, **attributes):
        """The next stanza of that name with these attributes (None: absent) and that child; others stay untouched."""
        return await self.stream.wait_for(
            matcher(name, child, attributes), f"{self.full}: <{name}> {attributes} {child or ''}")

    async def receives_no(self, name, before, child=None, **attributes):
        """Proves an absence: `before` is a fence (ping, word_from) that comes the same way, later."""
        await before(self)
        found = self.stream.waiting(matcher(name, child, attributes))
        if found:
            raise AssertionError(f"{self.full} should not have received {show(found[0])}")

    async def asks(self, payload, kind="get", to=None):
        """Sends an iq and returns its result; an error fails the story."""
        answer = await self.tries(payload, kind, to)
        if answer.get("type") != "result":
            raise AssertionError(f"{self.full}: {payload} to {to} was refused: {show(answer)}")
        return answer

    async def sets(self, payload, to=None):
        return await self.asks(payload, "set", to)

    async def tries(self, payload, kind="get", to=None, extra=""):
        """Sends an iq and returns its answer, result or error."""
        identity = f"iq-{next(_numbers)}"
        address = f"to='{to}' " if to else ""
        await self.sends(f"<iq type='{kind}' id='{identity}' {address}{extra}>{payload}</iq>")
        return await self.stream.wait_for(lambda event: _is_answer(event, identity), f"the answer to {payload[:200]}")

    async def features_of(self, to="localhost"):
        """What disco#info of that address names (XEP-0030 §3.1)."""
        answer = await self.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=to)
        return {feature.get("var") for feature in answer.iter(NS.DISCO_INFO + "feature")}

    async def roster(self):
        """Its account's contacts: bare JID -> <item/> (RFC 6121 §2.1.2)."""
        answer = await self.asks("<query xmlns='jabber:iq:roster'/>")
        return {item.get("jid"): item for item in answer.iter(NS.ROSTER + "item")}

    async def is_refused(self, condition, payload, kind="get", to=None, type_=None):
        """The iq is answered by an error with that condition (and type)."""
        return expect_error(await self.tries(payload, kind, to), condition, type_)

    async def gets_error(self, name, identity, condition, type_=None):
        """The stanza `identity` comes back as an error."""
        return expect_error(await self.receives(name, id=identity, type_="error"), condition, type_)

    async def answers(self, iq, payload=""):
        await self.sends(f"<iq type='result' id='{iq.get('id')}' to='{iq.get('from')}'>{payload}</iq>")

    async def is_friends_with(self, other):
        """Mutual presence subscription (RFC 6121 §3), both sides done when it returns."""
        for asking, granting in ((self, other), (other, self)):
            await asking.sends(f"<presence type='subscribe' to='{granting.bare}'/>")
            await granting.receives("presence", type_="subscribe", from_=asking.bare)
            await granting.sends(f"<presence type='subscribed' to='{asking.bare}'/>")
            await asking.receives("presence", type_="subscribed", from_=granting.bare)
        for one, another in ((self, other), (other, self)):
            await one.receives("presence", from_=another.full, type_=None)

    async def leaves(self):
        """A polite end: unavailable, </stream:stream>, and the server's."""
        await self.sends("<presence type='unavailable'/></stream:stream>")
        await self.stream.is_disconnected()

    async def drops(self):
        await self.stream.drops()


def matcher(name, child, attributes):
    wanted = {key.rstrip("_"): value for key, value in attributes.items()}

    def matches(event):
        return (isinstance(event, ET.Element) and event.tag == NS.CLIENT + name
                and all(event.get(key) == value for key, value in wanted.items())
                and (child is None or event.find(child) is not None))
    return matches


def expect_error(stanza, condition, type_=None):
    """Fails unless `stanza` is an error with this condition first (RFC 6120 §8.3) and this type."""
    error = stanza.find(NS.CLIENT + "error")
    if stanza.get("type") != "error" or error is None:
        raise AssertionError(f"expected the error {condition}, got {show(stanza)}")
    if len(error) == 0 or error[0].tag != NS.STANZA_ERROR + condition:
        raise AssertionError(f"expected the condition {condition}, got {show(stanza)}")
    if type_ and error.get("type") != type_:
        raise AssertionError(f"expected error type {type_}, got {show(stanza)}")
    return stanza


async def ping(device):
    """A fence for what the server sends to this device on its own account's behalf: nothing of another account's, which
    may live on another shard."""
    await device.tries("<ping xmlns='urn:xmpp:ping'/>")


def word_from(sender):
    """A fence for what `sender` causes at the device: a later stanza of the same pair (RFC 6120 §10.1, in order)."""
    async def fence(device):
        identity = f"fence-{next(_numbers)}"
        from .sealed import sealed
        await sender.sends(f"<message to='{device.full}' id='{identity}' type='chat'>{sealed()}</message>")
        await device.receives("message", id=identity)
    return fence


def saved_word_from(sender):
    """The same for subscription stanzas: one goes out when the sender's side of it is saved, a message at once."""
    async def fence(device):
        await sender.asks("<query xmlns='jabber:iq:roster'/>")  # behind what is being saved
        await word_from(sender)(device)
    return fence


def answer_of(other):
    """A fence for what the account of `other` (or its server for it) answers: the device's word there, and one back."""
    async def fence(device):
        await word_from(device)(other)
        await word_from(other)(device)
    return fence


def refusals_of(*addresses):
    """A fence for errors from these addresses, at which nobody is (a resource that is gone, nobody's account, a domain):
    later stanzas to each that are refused, both those whose refusal is recorded first and those answered at once."""
    async def fence(device):
        from .sealed import sealed
        for address in addresses:
            identity = f"fence-{next(_numbers)}"
            await device.sends(f"<message to='{address}' id='{identity}' type='normal'>{sealed()}</message>")
            await device.receives("message", id=identity, type_="error")
            await device.tries("<x xmlns='urn:example:last'/>", to=address)
    return fence
