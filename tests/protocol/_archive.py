"""What stories about archives share."""

import itertools
import xml.etree.ElementTree as ET

from harness import NS
from harness.device import _numbers, expect_error

MAM = "{urn:xmpp:mam:2}"
FORWARD = "{urn:xmpp:forward:0}"
RSM = "{http://jabber.org/protocol/rsm}"
OPEN = {"sealed.mode": "off"}
_ids = itertools.count(1)


def form(**fields):
    """A submitted form; `_` stands for `-`, a list for several values."""
    out = "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>"
    for name, values in fields.items():
        values = values if isinstance(values, (list, tuple)) else [values]
        out += f"<field var='{name.rstrip('_').replace('_', '-')}'>" + "".join(f"<value>{value}</value>" for value in values) + "</field>"
    return out + "</x>"


def page(inner):
    return f"<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>"


def query(inner="", queryid=""):
    return f"<query xmlns='urn:xmpp:mam:2'{f' queryid={queryid!r}' if queryid else ''}>{inner}</query>"


class Page:
    """What a query gave: `results` as they came, and what <fin/> says."""

    def __init__(self, results, fin):
        self.results, self.fin = results, fin
        self.complete = fin.get("complete") == "true"
        rsm = fin.find(RSM + "set")
        self.first, self.last, self.count = (rsm.findtext(RSM + name) for name in ("first", "last", "count"))
        self.index = rsm.find(RSM + "first").get("index") if self.first else None

    @property
    def ids(self):
        return [result.get("id") for result in self.results]

    @property
    def messages(self):
        return [result.find(f"{FORWARD}forwarded/{NS.CLIENT}message") for result in self.results]

    @property
    def words(self):
        """The senders' ids of the messages, in the order they came."""
        return [message.get("id") for message in self.messages]


def is_result(event):
    return isinstance(event, ET.Element) and event.find(MAM + "result") is not None


async def asks(device, inner="", queryid=""):
    """Asks the own archive; the results have to come before the answer."""
    identity = f"mam-{next(_numbers)}"
    await device.sends(f"<iq type='set' id='{identity}'>{query(inner, queryid)}</iq>")
    answer = await device.stream.wait_for(
        lambda event: getattr(event, "tag", "") == NS.CLIENT + "iq" and event.get("id") == identity, "the end of a query")
    assert answer.get("type") == "result", ET.tostring(answer)
    results = device.stream.takes(is_result)
    for message in results:
        assert message.get("from") == device.bare and message.get("to") == device.full, ET.tostring(message)
    return Page([message.find(MAM + "result") for message in results], answer.find(MAM + "fin"))


async def is_refused(device, condition, inner="", type_=None, **how):
    answer = await device.tries(query(inner, **how), "set")
    assert not device.stream.waiting(is_result), "a refused query shows nothing"
    return expect_error(answer, condition, type_)


def text(device, to, identity=None, body="x", extra=""):
    return f"<message to='{to}' id='{identity}' type='chat'><body>{body}</body>{extra}</message>"


async def writes(sender, receiver, *ids, to=None, inner=None):
    """Messages that arrive, so that they are in both archives when it returns."""
    for identity in ids:
        await sender.sends(f"<message to='{to or receiver.bare}' id='{identity}' type='chat'>{inner or f'<body>{identity}</body>'}</message>")
    return [await receiver.receives("message", id=identity, from_=sender.full) for identity in ids]


def new_ids(count, letter="m"):
    return [f"{letter}{next(_ids)}" for _ in range(count)]


def stanza_id(message):
    """The one that the recipient's server gave it, or None."""
    found = message.findall(NS.STANZA_ID + "stanza-id")
    assert len(found) <= 1, ET.tostring(message)
    return found[0].get("id") if found else None
