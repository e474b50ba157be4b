"""What the stories about XEP-0280 have in common."""

import itertools
import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness import NS, sealed, word_from
from harness.forwarded import CARBONS, ENABLE_CARBONS as ENABLE, FORWARDED, copied as inner_of  # noqa: F401

OPEN = {"sealed.mode": "off"}
ARCHIVED = {"archive.enabled": True}
DISABLE = "<disable xmlns='urn:xmpp:carbons:2'/>"
PRIVATE = "<private xmlns='urn:xmpp:carbons:2'/>"
NO_COPY = "<no-copy xmlns='urn:xmpp:hints'/>"
NO_STORE = "<no-store xmlns='urn:xmpp:hints'/>"
COMPOSING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
DISPLAYED = "<displayed xmlns='urn:xmpp:chat-markers:0' id='m0'/>"
ERROR = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
_numbers = itertools.count(1)


def message(to, identity, inner=None, type_="chat"):
    kind = f" type='{type_}'" if type_ else ""
    return f"<message to='{to}' id='{identity}'{kind}>{sealed() if inner is None else inner}</message>"


async def watching(account, resource=None, presence="", present=True):
    """One more device, with carbons on."""
    device = await account.device(resource, present=False)
    await device.sets(ENABLE)
    if present:
        await device.becomes_available(presence)
    return device


async def with_a_laptop(town, *names):
    """For each name a phone, and a laptop that watches."""
    phones = await town.devices(*names)
    return [device for phone in phones for device in (phone, await watching(phone.account, "laptop"))]


def carries(how, identity):
    def wanted(event):
        inner = inner_of(event, how)
        return inner is not None and inner.get("id") == identity
    return wanted


async def sees(device, how, identity):
    """Takes the copy, checks its wrapper (§7, §8) and returns the message that it carries."""
    carbon = await device.stream.wait_for(carries(how, identity), f"{device.full}: a copy, {how}, of {identity}")
    inner = inner_of(carbon, how)
    assert (carbon.get("from"), carbon.get("to")) == (device.bare, device.full), ET.tostring(carbon)
    assert carbon.get("type") == inner.get("type") and carbon.get("id") is None, ET.tostring(carbon)
    assert [child.tag for child in carbon] == [CARBONS + how] and len(carbon[0]) == 1 and len(carbon[0][0]) == 1, ET.tostring(carbon)
    return inner


def seen(device):
    """(how, id) of all copies that wait on the device; those of fences aside."""
    found = []
    for event in device.stream.waiting(lambda _: True):
        for how in ("received", "sent"):
            inner = inner_of(event, how)
            if inner is not None and not inner.get("id").startswith("fence-"):
                found.append((how, inner.get("id")))
    return found


async def knows_nothing_of(device, identity, before):
    await before(device)
    told = device.stream.waiting(lambda event: getattr(event, "tag", None) == NS.CLIENT + "message"
                                 and any(one.get("id") == identity for one in event.iter(NS.CLIENT + "message")))
    assert not told, ET.tostring(told[0])


def round_trip(sender, receiver):
    """A fence for what the sender's other devices see: a word of the receiver, who has all that the sender sent before."""
    async def fence(device):
        await word_from(sender)(receiver)
        await word_from(receiver)(device)
    return fence


def children(stanza):
    return [ET.tostring(child) for child in stanza]
