"""What a sender was promised, and whether it holds: the bookkeeping of the torture tests.

A Sender speaks XEP-0198: a message counts as acknowledged when <a h=…/> covers it. A Reader collects what arrives, with
the stanza-id (XEP-0359) that the server gave, so that a second delivery of the same message can be told from a second
message.
"""

from collections import Counter

import _path  # noqa: F401
from harness import NS, sealed

SM = NS.SM


class Sender:
    def __init__(self, device):
        self.device = device
        self.sent = []            # (id, to, bytes) in order; None for other stanzas
        self.acknowledged = 0     # stanzas that <a/> covered

    async def starts_counting(self):
        await self.device.sends("<enable xmlns='urn:xmpp:sm:3'/>")
        await self.device.stream.wait_for(lambda event: _tag(event) == SM + "enabled", "<enabled/>")
        return self

    async def says(self, to, identity):
        await self.counts(f"<message to='{to}' id='{identity}' type='chat'>{sealed()}</message>", identity, to)

    async def counts(self, stanza, identity, to):
        self.sent.append((identity, to, stanza))
        await self.device.sends(stanza + "<r xmlns='urn:xmpp:sm:3'/>")

    def read_acknowledgements(self):
        for event in self.device.stream.takes(lambda event: _tag(event) == SM + "a"):
            self.acknowledged = max(self.acknowledged, int(event.get("h")))

    async def is_acknowledged_or_cut(self):
        """Waits until everything sent is acknowledged, or the connection is gone. True if all is acknowledged."""
        while True:
            self.read_acknowledgements()
            if self.acknowledged >= len(self.sent):
                return True
            if self.device.stream.is_cut():
                return False
            try:
                event = await self.device.stream.wait_for(lambda event: _tag(event) == SM + "a", "<a/>")
            except AssertionError:
                if self.device.stream.is_cut():
                    return False
                raise
            self.acknowledged = max(self.acknowledged, int(event.get("h")))

    def promised(self):
        """Ids of the messages that were acknowledged."""
        return [entry[0] for entry in self.sent[:self.acknowledged]]

    def refused(self):
        """Ids of those that came back as errors: nobody may have them."""
        return {event.get("id") for event in self.device.stream.waiting(
            lambda event: _tag(event) in (NS.CLIENT + "message", NS.CLIENT + "presence") and event.get("type") == "error")}

    def unpromised(self):
        return self.sent[self.acknowledged:]


class Reader:
    """Takes every message that a device has been given so far."""

    def __init__(self):
        self.arrivals = Counter()   # id -> how often
        self.marks = {}             # id -> the stanza-ids it came with

    def takes(self, device):
        for event in device.stream.takes(lambda event: _tag(event) == NS.CLIENT + "message" and event.get("type") != "error"):
            identity = event.get("id")
            self.arrivals[identity] += 1
            marks = self.marks.setdefault(identity, set())
            for mark in event.findall(NS.STANZA_ID + "stanza-id"):
                if mark.get("by") == device.bare:
                    marks.add(mark.get("id"))


def check(promised, before, after, where, acknowledged=()):
    """`before`: a Reader of the life before the crash, `after`: of the life after it (one session)."""
    lost = [identity for identity in promised if not before.arrivals[identity] and not after.arrivals[identity]]
    if lost:
        raise AssertionError(f"{where}: acknowledged and lost: {lost}")
    twice = [identity for identity, count in after.arrivals.items() if count > 1]
    twice += [identity for identity, count in before.arrivals.items() if count > 1]
    if twice:
        raise AssertionError(f"{where}: delivered twice to one session: {twice}")
    # What was not acknowledged is sent again by its sender; a reader who has had it may then get it again.
    for identity in set(acknowledged) & set(before.marks) & set(after.marks):
        if before.marks[identity] != after.marks[identity]:
            raise AssertionError(f"{where}: {identity} came back under another stanza-id: "
                                 f"{before.marks[identity]} then {after.marks[identity]}")


def _tag(event):
    return getattr(event, "tag", None)
