"""A device whose client speaks XEP-0198: it counts what it gets, loses its connection and comes back."""

import asyncio
import xml.etree.ElementTree as ET

from harness import NS, sealed
from harness.device import Device
from harness.ns import STANZAS
from harness.stream import Disconnected

SM = NS.SM
XMLNS = "xmlns='urn:xmpp:sm:3'"


def is_named(name):
    return lambda event: getattr(event, "tag", "") == name


def is_sm(name):
    return is_named(SM + name)


class Managed(Device):
    """`id`: of its session, for <resume/>."""

    id = None
    _before = 0  # handled on earlier streams

    @classmethod
    async def of(cls, device, attributes="resume='true'"):
        self = cls(device.account, device.stream, device.full)
        await self.sends(f"<enable {XMLNS} {attributes}/>")
        self.enabled = await self.stream.wait_for(is_sm("enabled"), "<enabled/>")
        self.id = self.enabled.get("id")
        return self

    @property
    def h(self):
        """How many stanzas came since <enabled/>."""
        elements = self.stream._parser.elements
        begin = max(i for i, element in enumerate(elements) if element.tag in (SM + "enabled", SM + "resumed"))
        return self._before + sum(element.tag in STANZAS for element in elements[begin:])

    async def acks(self, h=None):
        await self.sends(f"<a {XMLNS} h='{self.h if h is None else h}'/>")

    async def is_asked(self):
        return await self.stream.wait_for(is_sm("r"), "<r/>")

    async def asks_for_h(self):
        await self.sends(f"<r {XMLNS}/>")
        return int((await self.stream.wait_for(is_sm("a"), "<a/>")).get("h"))

    async def is_cut(self):
        """The connection goes without a word; the server knows it when this returns."""
        await self.drops()
        await self.is_detached()

    async def state(self):
        """This session as `valisectl session list` shows it, or None."""
        rows = await self.account.town.ctl_json("session", "list")
        return next((row for row in rows if row["jid"] == self.full), None)

    async def is_detached(self):
        while (await self.state())["connected"]:
            await asyncio.sleep(0.01)  # the only way to learn of it

    async def has_ended(self):
        while await self.state() is not None:
            await asyncio.sleep(0.01)  # the only way to learn of it

    async def logs_in(self, source=None):
        """A new stream of the account, without a resource."""
        stream = self.account.town.stream()
        await stream.reaches_tls(source=source)
        await stream.authenticates(self.account.name, self.account.password)
        return stream

    async def resumes(self, source=None, h=None, stream=None):
        """The same device on a new connection."""
        handled = self.h if h is None else h
        stream = stream or await self.logs_in(source)
        answer = await resume(stream, self.id, handled)
        assert answer.tag == SM + "resumed" and answer.get("previd") == self.id, ET.tostring(answer)
        again = Managed(self.account, stream, self.full)
        again.id, again._before, again.resumed = self.id, handled, answer
        return again


async def resume(stream, identity, h):
    """Sends <resume/>; returns <resumed/> or <failed/>."""
    await stream.sends(f"<resume {XMLNS} previd='{identity}' h='{h}'/>")
    return await stream.wait_for(lambda e: getattr(e, "tag", "") in (SM + "resumed", SM + "failed"), "<resumed/> or <failed/>")


async def resumes_over(town, make, account, full, identity):
    """The device comes back over another kind of connection, having handled nothing."""
    stream = town.stream(make)
    await stream.reaches_tls()
    await stream.authenticates(account.name, account.password)
    answer = await resume(stream, identity, 0)
    assert answer.tag == SM + "resumed", ET.tostring(answer)
    return Device(account, stream, full)


def expect_failed(answer, condition, h=None):
    assert answer.tag == SM + "failed" and answer[0].tag == NS.STANZA_ERROR + condition, ET.tostring(answer)
    assert answer.get("h") == h, ET.tostring(answer)


async def ends_with(stream, condition):
    """A stream error with that condition, </stream:stream> and the end; returns the error."""
    error = await stream.wait_for(is_named(NS.STREAM + "error"), f"the stream error {condition}")
    assert error[0].tag == NS.STREAM_ERROR + condition, ET.tostring(error)
    await stream.wait_for(lambda event: isinstance(event, Disconnected), "the end")
    return error


def message(to, identity, type_="chat", inner=""):
    return f"<message to='{to}' id='{identity}' type='{type_}'>{sealed()}{inner}</message>"


def messages_of(device):
    """Ids of the messages that came on its connection, in order."""
    return [e.get("id") for e in device.stream._parser.elements if e.tag == NS.CLIENT + "message"]


async def device(town, name, attributes="resume='true'", **how):
    return await Managed.of(await (await town.account(name)).device(**how), attributes)
