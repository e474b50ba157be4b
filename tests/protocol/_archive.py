"""What stories about archives share."""

import itertools
import xml.etree.ElementTree as ET

from harness import NS
from harness.device import _numbers, expect_error
from harness.forwarded import FORWARD, MAM, RSM, Page, form, page, query  # noqa: F401

OPEN = {"sealed.mode": "off"}
_ids = itertools.count(1)


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
    """Messages that arrive, so that they are in both archives when it returns. `inner`: of each, or what makes it."""
    for identity in ids:
        await sender.sends(f"<message to='{to or receiver.bare}' id='{identity}' type='chat'>{inner() if callable(inner) else inner or f'<body>{identity}</body>'}</message>")
    return [await receiver.receives("message", id=identity, from_=sender.full) for identity in ids]


def new_ids(count, letter="m"):
    return [f"{letter}{next(_ids)}" for _ in range(count)]


def stanza_id(message):
    """The one that the recipient's server gave it, or None."""
    found = message.findall(NS.STANZA_ID + "stanza-id")
    assert len(found) <= 1, ET.tostring(message)
    return found[0].get("id") if found else None
