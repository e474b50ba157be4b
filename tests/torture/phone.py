"""A device as people carry it: its connection breaks, its session (XEP-0198) may outlive that, its memory outlives both.

It knows messages as Conversations does: from what comes live, from copies (XEP-0280), and, with each new session, from its
archive (XEP-0313) behind the last one that it knows; a message that comes again is known by its stanza-id. What was not
acknowledged it sends again, the same bytes.
"""

import asyncio
import traceback
from collections import deque

import _path  # noqa: F401
from harness import NS, Disconnected, Stream, sealed
from harness.forwarded import CARBONS, ENABLE_CARBONS, MAM, Page, copied, page, query
from harness.sasl2 import agent, authenticates, bind, new_agent, token_of, uses_token
from harness.ns import STANZAS

SM = NS.SM
R = "<r xmlns='urn:xmpp:sm:3'/>"
ENABLE = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
WANTS_TOKEN = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>"


class Cut(Exception):
    """The connection is gone, as connections go."""


class Wire(Stream):
    """A connection that may break at any moment, and hands what comes to one reader."""

    def __init__(self, place):
        super().__init__(place)
        self.answers_pings = False  # what its session sends is counted there
        self.is_over = self.is_left = False  # ended; by our own will
        self._reader = None

    def keeps(self, event):
        self.is_over |= isinstance(event, Disconnected)
        (self._reader or super().keeps)(event)

    def is_read_by(self, reader):
        """`reader` gets each event from now on, those that came meanwhile first."""
        for event in self.takes(lambda _: True):
            reader(event)
        self._reader = reader

    def breaks(self):
        """Without a word to the server; nothing more is read."""
        self.is_left = True
        self.lets_go()
        if self._handshake_done and not self._handshake_done.done():
            self._handshake_done.set_exception(ConnectionError("cut"))
            self._handshake_done.exception()  # somebody may wait for it, or nobody
        if not self.is_over:
            self.keeps(Disconnected("cut"))
            asyncio.ensure_future(self._notify())


class Letter:
    """A message that somebody wrote; `number` counts those of its device."""

    def __init__(self, device, number, to):
        self.identity, self.device, self.number, self.to = f"{device.name}-{number}", device, number, to
        self.bytes = (f"<message to='{to.bare}' id='{self.identity}' type='chat'>{sealed()}"
                      f"<origin-id xmlns='urn:xmpp:sid:0' id='{self.identity}'/></message>")
        self.is_acknowledged = False
        self.story = []   # what happened to it, for who looks for a fault


class Session:
    """What XEP-0198 keeps of a session, whatever its connection."""

    def __init__(self, identity):
        self.identity = identity
        self.has_begun = False
        self.handled = 0            # stanzas that came
        self.acknowledged = 0       # of those that were sent
        self.sent = deque()         # what is not acknowledged: (bytes, letter or None)
        self.answers = {}           # iq's id -> future
        self.results = {}           # query's id -> results that came
        self.seen = set()           # (how, id) of the messages that came
        self.newest = {}            # (sender's device, recipient, how it came) -> number of the newest message


class Phone:
    def __init__(self, world, account, name, is_modern):
        self.world, self.account, self.name, self.is_modern = world, account, f"{account.name}.{name}", is_modern
        self.bare = account.bare
        self.chance = world.chance(self.name)
        self.agent, self.token = new_agent(), None
        self.known = {}         # message's id -> its stanza-id; None for an own one whose stanza-id nobody told
        self.last = None        # stanza-id: all up to here is known
        self.live = None        # of the newest that came live while the archive is being read
        self.outbox = {}        # id -> letter, in order: not acknowledged
        self.written = 0
        self.wire = self.session = None
        self.is_caught_up = self._has_carbons = False
        self._asked, self._life = 0, -1
        self.eager = 0          # what it did while others wanted to log in
        self._bell = asyncio.Event()

    # -- log-in ------------------------------------------------------------------------------------------------------
    async def comes_back(self):
        """Over a new connection: with the old session, if both sides have it, else with a new one."""
        async with self.world.through_the_door():
            wire = self.wire = Wire(self.world.town.place)
            wire.life = self.world.life
            self.world.breaks_later(self)
            try:
                await (self._logs_in_at_once if self.is_modern else self._logs_in)(wire)
            except (AssertionError, OSError, EOFError, asyncio.TimeoutError) as error:
                if not wire.is_over and wire.life == self.world.life:
                    self.world.fault(f"{self.name} can't log in: {''.join(traceback.format_exception(error))}")
                wire.breaks()
                raise Cut from error

    async def _logs_in_at_once(self, wire):
        """XEP-0388 with XEP-0386 or XEP-0198 §9.2 inside, by token (XEP-0484) as soon as there is one."""
        await wire.connect_tls()
        await wire.opens()
        inline = wire.features.find(f"{NS.SASL2}authentication/{NS.SASL2}inline/{NS.BIND2}bind/{NS.BIND2}inline")
        self._has_carbons = CARBONS.strip("{}") in {feature.get("var") for feature in inline}
        inner = (self._resume() if self.session else "") + bind(self.name, ENABLE + (ENABLE_CARBONS if self._has_carbons else ""))
        name, password = self.account.name, self.account.password
        if self.token:
            success = await uses_token(wire, name, self.token, self.agent, inner)
        else:
            success = await authenticates(wire, name, password, agent(self.agent) + WANTS_TOKEN + inner)
        self.token = token_of(success) or self.token
        if (resumed := success.find(SM + "resumed")) is not None:
            return await self._goes_on(wire, resumed)
        self._is_bound(wire, success.find(f"{NS.BIND2}bound/{SM}enabled"), success.find(SM + "failed"))

    async def _logs_in(self, wire):
        """RFC 6120 and XEP-0198 §3, §5: a step after the other."""
        await wire.reaches_tls()
        await wire.authenticates(self.account.name, self.account.password)
        answer, self._has_carbons = None, False
        if self.session:
            await wire.sends(self._resume())
            answer = await wire.wait_for(lambda event: getattr(event, "tag", "") in (SM + "resumed", SM + "failed"), "<resumed/>")
            if answer.tag == SM + "resumed":
                return await self._goes_on(wire, answer)
        await wire.binds(self.name)
        await wire.sends(ENABLE)
        self._is_bound(wire, await wire.wait_for(lambda event: getattr(event, "tag", "") == SM + "enabled", "<enabled/>"), answer)

    def _resume(self):
        return f"<resume xmlns='urn:xmpp:sm:3' h='{self.session.handled}' previd='{self.session.identity}'/>"

    async def _goes_on(self, wire, resumed):
        self.world.counts["resumed"] += 1
        self._acknowledges(int(resumed.get("h")))
        again = "".join(stanza for stanza, _ in self.session.sent)
        self._tell(*(letter for _, letter in self.session.sent if letter), what="again, resumed")
        wire.is_read_by(self._hears)
        await self._writes(again + R)

    def _is_bound(self, wire, enabled, failed):
        if failed is not None:
            self.world.counts["not resumed"] += 1
            if failed.get("h"):
                self._acknowledges(int(failed.get("h")))  # XEP-0198 §5: what it had handled
        self.world.counts["new sessions"] += 1
        if self._life != self.world.life:
            self._life = self.world.life
            self.world.is_back()
        for answer in self.session.answers.values() if self.session else ():
            answer.cancel()
        self.session, self.is_caught_up, self.live = Session(enabled.get("id")), False, None
        wire.is_read_by(self._hears)

    async def _begins(self):
        """A new session: carbons, presence, what was not acknowledged. A cut may come between; then it begins again."""
        if not self._has_carbons:
            await self._asks(ENABLE_CARBONS, "set")
        await self._sends("<presence/>")
        sent = {letter for _, letter in self.session.sent}
        for letter in [letter for letter in self.outbox.values() if letter not in sent]:
            self._tell(letter, what="again")
            self.world.counts["sent again"] += 1
            await self._sends(letter.bytes, letter)
        self.session.has_begun = True

    # -- what it does ------------------------------------------------------------------------------------------------
    async def lives(self):
        """Until the world is over and all that it wrote is acknowledged."""
        while True:
            try:
                if self.wire is None or self.wire.is_over:
                    await self.comes_back()
                if not self.session.has_begun:
                    await self._begins()
                if not self.is_caught_up:
                    await self.catches_up()
                while not self.world.is_over:
                    await self._does_something()
                await self.until(lambda: not self.outbox)
                return
            except Cut:
                await self._is_away()

    async def _does_something(self):
        if self.wire.is_over:
            raise Cut
        await self.world.ticks(self)
        if self.chance.random() < 0.01:
            await self._says_goodbye()
        self.written += 1
        letter = Letter(self, self.written, self.chance.choice(self.world.peers[self.bare]))
        self.world.letters[letter.identity] = self.outbox[letter.identity] = letter
        self.known[letter.identity] = None
        self._tell(letter, what="written")
        await self._sends(letter.bytes, letter)
        room = self.chance.randint(1, 6)
        await self.until(lambda: len(self.outbox) < room)

    async def _says_goodbye(self):
        self.world.counts["goodbyes"] += 1
        self.wire.is_left = True
        try:
            await self._writes("</stream:stream>")
            await self.until(lambda: False)  # until the server has ended it, too
        finally:
            self.session = None

    async def _is_away(self):
        if self.chance.random() < 0.15:
            self.session = None  # the system has ended the client: all that is left is what it stored
        long = self.chance.random() < 0.15
        self.world.counts["airplanes" if long else "cuts"] += 1
        if not self.world.is_over:
            await self.world.later(self.chance.uniform(1, 6) if long else self.chance.uniform(0, 0.3))

    async def catches_up(self):
        """Reads its archive behind the last message that it knows."""
        self.is_caught_up, self.live = False, None
        while not await self._reads_a_page():
            pass
        self.is_caught_up, self.last = True, self.live or self.last

    async def _reads_a_page(self):
        got = await self.asks_archive(self.last, self.chance.choice((5, 20, 100)))
        for identity, mark in zip(got.words, got.ids):
            self._learns(identity, mark, "archive")
        self.last = got.last or self.last
        return got.complete

    async def asks_archive(self, after, size):
        queryid = f"q{self._asked}"
        self.session.results[queryid] = []
        behind = f"<after>{after}</after>" if after else ""
        answer = await self._asks(query(page(f"<max>{size}</max>{behind}"), queryid), "set")
        return Page(self.session.results.pop(queryid), answer.find(MAM + "fin"))

    # -- what it says ------------------------------------------------------------------------------------------------
    async def _writes(self, data):
        if self.wire.is_over:
            raise Cut
        try:
            await self.wire.sends(data)
        except OSError:
            await self.until(lambda: False)  # what the kernel has still comes

    async def _sends(self, stanza, letter=None):
        """Counted, and kept until it is acknowledged."""
        self.session.sent.append((stanza, letter))
        await self._writes(stanza + R)

    async def _asks(self, payload, kind):
        self._asked += 1
        identity = f"iq{self._asked}"
        answer = self.session.answers[identity] = asyncio.get_running_loop().create_future()
        await self._sends(f"<iq type='{kind}' id='{identity}'>{payload}</iq>")
        await self.until(answer.done)
        result = answer.result()
        if result.get("type") != "result":
            self.world.fault(f"{self.name}: refused: {payload}")
            raise Cut
        return result

    async def until(self, holds):
        while not holds():
            if self.wire.is_over:
                raise Cut
            self._bell.clear()
            await self._bell.wait()

    # -- what it hears -----------------------------------------------------------------------------------------------
    def _hears(self, event):
        try:
            self._takes(event)
        except Exception:  # the stream would take it for the end of the connection
            self.world.fault(f"{self.name}: {traceback.format_exc()}")
        self._bell.set()

    def _takes(self, event):
        tag, session = getattr(event, "tag", None), self.session
        if tag in STANZAS:
            session.handled += 1
        if tag == NS.CLIENT + "message":
            self._reads(event)
        elif tag == NS.CLIENT + "iq":
            self._is_asked_or_answered(event)
        elif tag == SM + "a":
            self._acknowledges(int(event.get("h")))
        elif tag == SM + "r" and (self.world.is_over or self.chance.random() < 0.8):  # else with the next
            self._answers(f"<a xmlns='urn:xmpp:sm:3' h='{session.handled}'/>")
        elif tag == NS.STREAM + "error":
            self.world.fault(f"{self.name}: the stream ends with {[child.text or child.tag for child in event]}")
        elif isinstance(event, Disconnected) and not self.wire.is_left and self.wire.life == self.world.life:
            self.world.fault(f"{self.name}: the server left: {event}")

    def _answers(self, data):
        asyncio.ensure_future(self._writes(data)).add_done_callback(lambda task: task.exception())

    def _is_asked_or_answered(self, iq):
        answer = self.session.answers.pop(iq.get("id"), None)
        if iq.get("type") in ("result", "error"):
            if answer and not answer.done():
                answer.set_result(iq)
            return
        pong = f"<iq type='result' id='{iq.get('id')}' to='{iq.get('from')}'/>"
        self.session.sent.append((pong, None))
        self._answers(pong + R)

    def _acknowledges(self, h):
        session = self.session
        if not session.acknowledged <= h <= session.acknowledged + len(session.sent):
            return self.world.fault(f"{self.name}: <a h='{h}'/> behind {session.acknowledged} and {len(session.sent)} sent")
        for _ in range(h - session.acknowledged):
            _, letter = session.sent.popleft()
            if letter:
                letter.is_acknowledged, letter.bytes = True, None
                self._tell(letter, what="acknowledged")
                self.outbox.pop(letter.identity, None)
        session.acknowledged = h

    def _reads(self, event):
        result = event.find(MAM + "result")
        if result is not None:
            return self.session.results.get(result.get("queryid"), []).append(result)
        for how in ("sent", "received", None):
            message = copied(event, how) if how else event
            if message is not None:
                break
        identity = message.get("id")
        if message.get("type") == "error":
            return self.world.fault(f"{self.name}: {identity} came back as an error")
        marks = [mark.get("id") for mark in message.findall(NS.STANZA_ID + "stanza-id") if mark.get("by") == self.bare]
        if len(marks) != 1:
            return self.world.fault(f"{self.name}: {identity} came with the stanza-ids {marks}", identity)
        waited = message.find(NS.DELAY + "delay") is not None
        self._comes_live(identity, marks[0], how, waited)

    def _comes_live(self, identity, mark, how, waited):
        session, letter = self.session, self.world.letters[identity]
        if letter.device is self:
            return self.world.fault(f"{self.name} was shown what it wrote itself, {identity}", identity)
        if (how, identity) in session.seen:
            return self.world.fault(f"{self.name}: {identity} came twice in one session", identity)
        session.seen.add((how, identity))
        if identity not in self.known and not waited:  # what waited is told apart, and may come behind copies of newer ones
            way = letter.device, letter.to, how
            if session.newest.get(way, 0) > letter.number:
                self.world.fault(f"{self.name}: {identity} came ({how or 'itself'}) behind number {session.newest[way]}", identity)
            session.newest[way] = letter.number
        self._learns(identity, mark, how or "itself")
        if self.is_caught_up:
            self.last = mark
        else:
            self.live = mark

    def _learns(self, identity, mark, how):
        before = self.known.get(identity)
        if before not in (None, mark):
            return self.world.fault(f"{self.name}: {identity} is {mark}, by {how}, and was {before}", identity)
        self.known[identity] = mark
        self.world.counts[f"learned by {how}"] += 1

    def _tell(self, *letters, what):
        for letter in letters:
            letter.story.append(f"{what} in life {self.world.life}")
