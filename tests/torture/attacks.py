"""Attacks on one server. Each says how often it is done (short, long), how much memory it may take in all, in MiB, and
fails unless the server answers as it should."""

import asyncio
import base64
import hashlib
import itertools
import math
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Callable

import _path  # noqa: F401
from harness import NS, Disconnected, sealed

KIB = 1024
SESSIONS = 20  # of an account: limits.resources
CAPS = 6    # MiB: what modules/caps keeps of client versions, with malloc's part
WAITS = 32  # MiB: what waits for the store before its senders are read more slowly, an eighth of commit.queue_bytes
DISCO = "{http://jabber.org/protocol/disco#info}query"
ATTACKS = []


@dataclass
class Attack:
    title: str
    answer: str      # what it must end in, for the table
    short: int
    long: int
    bound: Callable  # count -> MiB over the base
    run: Callable
    stays: int       # MiB that may stay of it
    people: Callable  # count -> accounts of attackers, which are there before it begins


def attack(title, answer, short, long, bound, stays=6, people=lambda count: 1):
    def register(run):
        ATTACKS.append(Attack(title, answer, short, long, bound if callable(bound) else lambda _: bound, run, stays,
                              people))
        return run
    return register


class Stage:
    """The town and who attacks it. `close` drops all that attackers have left. `per_second`: how many may connect in a
    second; None: as many as can."""

    def __init__(self, town, per_second=None):
        self.town, self._per_second = town, per_second
        self.is_paced = per_second is not None
        self._idle, self._account, self._used = [], None, 0

    async def each(self, count, work, at_once=16):
        """work() so often, some at a time; returns the results."""
        gate, began = asyncio.Semaphore(at_once), time.monotonic()

        async def one(number):
            async with gate:
                if self.is_paced:
                    await asyncio.sleep(began + number / self._per_second - time.monotonic())
                return await work()
        return await asyncio.gather(*(one(number) for number in range(count)))

    async def prepare(self, people):
        """So many accounts wait for person()."""
        while len(self._idle) < people:
            self._idle.append(await self.town.account("mallory"))

    async def person(self):
        await self.prepare(1)
        return self._idle.pop()

    async def session(self, present=False):
        """A session of an attacker; as many a person as the server allows."""
        if self._used % SESSIONS == 0:
            self._account = await self.person()
        self._used += 1
        return await self._account.device(present=present, interested=False)

    async def secured(self):
        return await self.town.stream().reaches_tls()

    async def close(self):
        for stream in self.town.streams:
            await stream.drops()
        self.town.streams.clear()
        self._used = 0  # each attack has people of its own


async def sends_until_cut(stream, pieces):
    """Goes on although the server may have had enough already."""
    try:
        for piece in pieces:
            await stream.sends(piece)
    except OSError:
        pass


async def ends(stream, condition, *pieces):
    await sends_until_cut(stream, pieces)
    await stream.fails_with(condition, and_closes=False)
    await stream.drops()


def from_both_sides(condition, *pieces):
    """The same bytes before log-in and in a session; each must end its stream with `condition`."""
    async def run(stage, count):
        async def before():
            await ends(await stage.secured(), condition, *pieces)

        async def inside():
            await ends((await stage.session()).stream, condition, *pieces)
        await stage.each(count // 2, before)
        await stage.each(count // 2, inside)
    return run


def pieces_of(text, size=4096):
    return [text[at:at + size] for at in range(0, len(text), size)]


def of_sessions(count):
    return math.ceil(count / SESSIONS)


DEEP = "<message to='a@localhost' id='d'>" + "<a>" * 10_000
WIDE = "<message to='a@localhost' id='w'>" + "<x/>" * 60_000
ATTRIBUTES = [f" a{number}='{'x' * 240}'" for number in range(4096)]  # 1 MiB
ENTITIES = ("<!DOCTYPE x [<!ENTITY a0 'ha'>" +
            "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(9)) + "]>")

attack("10,000 open elements", "policy-violation", 20, 400, 16, people=of_sessions)(from_both_sides("policy-violation", *pieces_of(DEEP)))
attack("60,000 children", "policy-violation", 20, 400, 24, people=of_sessions)(from_both_sides("policy-violation", *pieces_of(WIDE, 16384)))
attack("1 MiB of attributes, piece by piece", "policy-violation", 20, 400, 16, people=of_sessions)(
    from_both_sides("policy-violation", "<message", *ATTRIBUTES))
attack("a comment of 1 MiB", "restricted-xml", 20, 400, 16, people=of_sessions)(
    from_both_sides("restricted-xml", "<!--", *pieces_of("x" * KIB * KIB, 1024)))


@attack("entities that unfold to 2 GB", "restricted-xml", 20, 400, 16)
async def entities(stage, count):
    numbers = itertools.count()

    async def one():
        stream = await stage.town.stream().connect()
        if next(numbers) % 2:
            await stream.opens()
            await stream.starts_tls()
        stream.expects_header()
        await ends(stream, "restricted-xml", stream.header().replace("?>", "?>" + ENTITIES, 1) + "<x>&a9;</x>")
    await stage.each(count, one)


@attack("UTF-16", "unsupported-encoding", 20, 400, 16)
async def utf_16(stage, count):
    async def one():
        stream = await stage.town.stream().connect()
        stream.expects_header()
        header = stream.header().replace("version='1.0'?>", "version='1.0' encoding='UTF-16'?>")
        await ends(stream, "unsupported-encoding", header.encode("utf-16"))
    await stage.each(count, one)


async def all_begin(stage, count, opens, beginning):
    """So many streams begin what they do not end; the server must end them all."""
    async def begins():
        stream = await opens()
        await sends_until_cut(stream, beginning)
        return stream
    streams = await stage.each(count, begins)

    async def all_end():
        while not all(stream.is_cut() for stream in streams):
            await asyncio.sleep(0.1)  # the server's time-out is longer than a stream waits by itself
    await asyncio.wait_for(all_end(), 600)
    for stream in streams:
        await stream.fails_with("policy-violation", and_closes=False)


@attack("connections that begin an element before log-in", "policy-violation", 150, 1_000,
        lambda count: 16 + count * 128 / KIB)
async def half_open_before(stage, count):
    await all_begin(stage, count, stage.secured,
                    ["<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>" + "A" * 8000])


# Twice limits.stanza, in which a stanza of 200 KiB is being read, and the session.
@attack("sessions that begin a message of 200 KiB", "policy-violation", 60, 1_000,
        lambda count: 16 + count * (2 * 256 + 64) / KIB, people=of_sessions)
async def half_open_inside(stage, count):
    async def opens():
        return (await stage.session()).stream
    await all_begin(stage, count, opens,
                    ["<message to='a@localhost' id='h'><body>", *pieces_of("x" * 200 * KIB, 16384)])


# limits.queue, 1 MiB, for unsent bytes and the messages that are kept for them; and, when the session has ended, those
# once more on their way into the store.
@attack("readers that stop", "the session ends", 10, 50, lambda count: 16 + count * 2 + WAITS,
        people=lambda count: count + of_sessions(count))
async def dead_readers(stage, count):
    async def sleeper():
        return await (await stage.person()).sleeper()
    sleepers = await stage.each(count, sleeper)
    for sleeper in sleepers:
        sleeper.stream.stops_reading()
    alive = {sleeper.full for sleeper in sleepers}

    async def writes(writer, addresses):
        for number in range(2000):
            for address in alive.intersection(addresses):
                body = sealed(payload_bytes=20_000)
                await writer.sends(f"<message to='{address}' id='r{number}' type='chat'>{body}</message>")
            await writer.asks("<ping xmlns='urn:xmpp:ping'/>")
            writer.stream.takes(lambda event: not isinstance(event, Disconnected))
            if alive.isdisjoint(addresses):
                return
        raise AssertionError("a session that does not read lives for ever")

    async def watches():
        while alive:
            alive.intersection_update({row["jid"] for row in await stage.town.ctl_json("session", "list")})
            await asyncio.sleep(1)
    writers = await stage.each(count if stage.is_paced else 1, stage.session)
    await asyncio.gather(watches(), *(writes(writer, sorted(alive)[number::len(writers)])
                                      for number, writer in enumerate(writers)))


@attack("one account asks so many for their presence", "resource-constraint", 4_000, 5_000, 24)
async def subscriptions(stage, count):
    mallory = await stage.session(present=True)
    refused = 0
    for first in range(0, count, 100):
        for number in range(first, first + 100):
            await mallory.sends(f"<presence type='subscribe' id='s{number}' to='nobody{number}@localhost'/>")
        await mallory.asks("<ping xmlns='urn:xmpp:ping'/>")
        events = mallory.stream.takes(lambda event: not isinstance(event, Disconnected))
        refused += sum(1 for event in events if isinstance(event, ET.Element) and event.get("type") == "error"
                       and event.find(f".//{NS.STANZA_ERROR}resource-constraint") is not None)
    if not 0 < refused <= count - 3000:
        raise AssertionError(f"{refused} of {count} requests were refused; a roster holds 3,000")


def caps(ver):
    return ("<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:example:client' "
            f"ver='{ver}'/></presence>")


@attack("a new client version with each presence, no answers", "asked once", 2_000, 3_000, 16)
async def caps_unanswered(stage, count):
    mallory = await stage.session(present=True)
    asked, began = 0, time.monotonic()
    for number in range(count):
        await mallory.sends(caps(base64.b64encode(hashlib.sha1(b"%d" % number).digest()).decode()))
        if number % 100 == 99:
            await mallory.asks("<ping xmlns='urn:xmpp:ping'/>")
            events = mallory.stream.takes(lambda event: not isinstance(event, Disconnected))
            asked += sum(1 for event in events if isinstance(event, ET.Element) and event.find(DISCO) is not None)
    if not 0 < asked <= 1 + (time.monotonic() - began) / 30:  # given up after 30 s, and asked again
        raise AssertionError(f"asked {asked} times while no answer came")


@attack("the same with answers of 400 features each", "kept within bounds", 400, 200, 32, stays=6 + CAPS)
async def caps_answered(stage, count):
    mallory = await stage.session(present=True)
    for number in range(count):
        features = sorted(f"urn:example:{number}:{feature}:{'x' * 100}" for feature in range(400))
        text = "client/pc//m<" + "".join(feature + "<" for feature in features)
        await mallory.sends(caps(base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()))
        question = await mallory.receives("iq", child=DISCO, type_="get")
        await mallory.answers(question, f"<query xmlns='{DISCO[1:-6]}' node='{question.find(DISCO).get('node')}'>"
                              "<identity category='client' type='pc' name='m'/>"
                              + "".join(f"<feature var='{feature}'/>" for feature in features) + "</query>")
        mallory.stream.takes(lambda event: not isinstance(event, Disconnected))


@attack("log-ins with a roster of 3,000 contacts", "the roster comes", 40, 600, 32)
async def large_rosters(stage, count):
    mallory = await stage.session(present=True)
    for first in range(0, 3000, 100):
        for number in range(first, first + 100):
            await mallory.sends(f"<iq type='set' id='c{number}'><query xmlns='jabber:iq:roster'>"
                                f"<item jid='contact{number}@localhost' name='{'n' * 60}'/></query></iq>")
        await mallory.asks("<ping xmlns='urn:xmpp:ping'/>")
        mallory.stream.takes(lambda event: not isinstance(event, Disconnected))

    async def log_in():
        device = await mallory.account.device(interested=False)
        roster = await device.asks("<query xmlns='jabber:iq:roster'/>")
        if len(roster[0]) != 3000:
            raise AssertionError(f"a roster of {len(roster[0])} contacts")
        await device.drops()
    await stage.each(count, log_in, at_once=4)


@attack("strangers who connect and go", "nothing", 500, 1_000, 16)
async def connects(stage, count):
    async def one():
        await (await stage.town.stream().connect()).drops()
    await stage.each(count, one)


@attack("strangers who send garbage in place of TLS", "the connection ends", 300, 1_000, 24)
async def garbage(stage, count):
    numbers = itertools.count()

    async def one():
        stream = stage.town.stream()
        if next(numbers) % 2 == 0:
            await stream.connect()
            await stream.opens()
            await sends_until_cut(stream, ["<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"])
            await stream.wait_for(lambda event: getattr(event, "tag", None) == NS.TLS + "proceed", "<proceed/>")
        else:
            await stream.connect(stage.town.place.tls_port)
        await sends_until_cut(stream, [b"\x16\x03\x01\xff\xff" + b"\xa5" * 8192])
        await stream.is_disconnected()
        await stream.drops()
    await stage.each(count, one)


@attack("strangers who begin TLS and leave", "nothing", 200, 1_000, 32)
async def handshakes(stage, count):
    async def one():
        stream = await stage.secured()
        await stream.drops()
        stage.town.streams.remove(stream)
    await stage.each(count, one)
