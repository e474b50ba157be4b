"""A life of a server under torture: five people, what they do, what they are promised, and whether it holds."""

import asyncio
import tempfile
from pathlib import Path

import _path  # noqa: F401
from harness import Disconnected, Town, sealed, word_from
from harness.stream import WAIT_SECONDS
from harness.town import ServerDied
from ledger import Reader, Sender, check
from points import read_counts

ROUNDS = 4  # each of a few messages, waited for, and a request of each kind
NICK = "http://jabber.org/protocol/nick"
PUBSUB = "http://jabber.org/protocol/pubsub"
OPTIONS = {"shards": 3, "audit.segment": 4096}  # several segments of the log in each life
POLICY = 'rule{ name = "later", match = Kind("message") * From("alice*@localhost") * To("frank*@localhost"), action = Delay("1h") }'
_certificates = None


def certificates():
    """One CA for all lives of this process: making keys costs more than a server's start."""
    global _certificates
    _certificates = _certificates or tempfile.TemporaryDirectory(prefix="valise-tls-")
    return Path(_certificates.name)


async def _has_word(sender, device):
    """harness.word_from, but a word that is refused because a step fails is said again."""
    for number in range(20):
        identity = f"word-{device.bare}-{number}"
        await sender.sends(f"<message to='{device.full}' id='{identity}' type='chat'>{sealed()}</message>")
        came = asyncio.ensure_future(device.receives("message", id=identity))
        refused = asyncio.ensure_future(sender.receives("message", id=identity, type_="error"))
        done, waiting = await asyncio.wait((came, refused), return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(came, refused, return_exceptions=True)
        if came in done:
            return came.result()
        refused.result()
    raise AssertionError("every word is refused")


class Life:
    """alice writes to bob, who reads, to carol, who is away and comes in the end, and to frank, for whom a rule holds it back; she asks dave for his presence,
    keeps contacts and publishes her nickname. erin asks dave as well, and her account is removed. Whatever fails underway has to be a refusal that she is told of."""

    def __init__(self, environment=None, resends_from="phone"):
        self.town = Town(OPTIONS, policy=POLICY, environment=environment, name="torture", certificates=certificates())
        self.resends_from = resends_from
        self.readers = {"bob": Reader(), "carol": Reader(), "frank": Reader()}
        self.sender = None
        self.accounts = {}       # those whose making was answered
        self.contacts = []       # roster items whose set was answered
        self.nick = self.tried_nick = 0
        self.removal = None      # of erin: None not tried, "tried", or valisectl's status
        self._devices = {}

    @property
    def counts_file(self):
        return self.town.folder / "points"

    def passed(self):
        """Points passed by the process that ended last, if it ended by itself."""
        counts = read_counts(self.counts_file)
        self.counts_file.unlink(missing_ok=True)
        return counts

    async def goes_on_until_it_dies(self, ends_well=True):
        """True if the server was killed underway, False if it lived until it was asked to end, or else was killed."""
        try:
            await self.town.start()
            for name in ("alice", "bob", "carol", "dave", "erin", "frank"):
                self.accounts[name] = await self._insists(lambda: self.town.account(name))
            self._devices["bob"] = await self._insists(lambda: self.accounts["bob"].device())
            self._devices["alice"] = await self._insists(lambda: self.accounts["alice"].device("phone"))
            self.sender = await Sender(self._devices["alice"]).starts_counting()
            await self._everybody_acts()
            await self._reads_what_is_left(is_dead=False)
            await self._goes(ends_well)
        except (ServerDied, ConnectionError, OSError, AssertionError) as error:
            if not await self._is_dying():
                raise error  # the server lives: whatever went wrong is a fault of its own
            await self._reads_what_is_left(is_dead=True)
            return True
        return False

    async def _is_dying(self):
        try:
            if self.town.is_alive():
                await asyncio.wait_for(self.town.dies(), 2)
            return True
        except asyncio.TimeoutError:
            return False

    async def _insists(self, make):
        """What make() gives. An account or a log-in that is refused because a step fails was promised to nobody: again,
        while the server lives."""
        for _ in range(10):
            try:
                return await make()
            except (ConnectionError, OSError, AssertionError) as error:
                if await self._is_dying():
                    raise
                refusal = error
        raise refusal

    async def _everybody_acts(self):
        alice, sender = self._devices["alice"], self.sender
        for number in range(ROUNDS):
            for letter, name in (("b", "bob"), ("c", "carol"), ("f", "frank"), ("b", "bob")):
                await sender.says(self.accounts[name].bare, f"{letter}{len(sender.sent)}")
            if number == 0:
                await sender.counts(f"<presence id='subscribe' type='subscribe' to='{self.accounts['dave'].bare}'/>",
                                    "subscribe", self.accounts["dave"].bare)
            if not await sender.is_acknowledged_or_cut():
                raise ServerDied("cut")
            contact = f"contact{number}@localhost"
            if await self._is_granted(f"<query xmlns='jabber:iq:roster'><item jid='{contact}'/></query>"):
                self.contacts.append(contact)
            self.tried_nick += 1
            if await self._is_granted(
                    f"<pubsub xmlns='{PUBSUB}'><publish node='{NICK}'><item id='current'>"
                    f"<nick xmlns='{NICK}'>{self.tried_nick}</nick></item></publish></pubsub>"):
                self.nick = self.tried_nick
        self._devices["carol"] = await self.accounts["carol"].device()
        await _has_word(self._devices["bob"], self._devices["carol"])  # comes behind all that waited
        self._devices["frank"] = await self.accounts["frank"].device()
        await self._frank_gets_what_is_held()
        await _has_word(self._devices["bob"], self._devices["frank"])
        await _has_word(self._devices["bob"], alice)
        await self._erin_goes()

    async def _frank_gets_what_is_held(self):
        async def gets():
            frank = self.accounts["frank"].bare
            while await self.town.ctl_json("held", "list", frank):
                await self.town.ctl_result("held", "release", frank)  # a step may fail: again
                await asyncio.sleep(0.02)
        await asyncio.wait_for(gets(), 4 * WAIT_SECONDS)

    async def _erin_goes(self):
        erin = self.accounts["erin"]
        device = await erin.device()
        await device.sends(f"<presence type='subscribe' to='{self.accounts['dave'].bare}'/>")
        await device.asks("<ping xmlns='urn:xmpp:ping'/>")
        self.removal = "tried"
        self.removal = (await self.town.ctl_result("user", "delete", erin.bare))[0]
        await device.drops()

    async def _is_granted(self, payload):
        self.sender.sent.append((None, None, None))
        return (await self._devices["alice"].tries(payload, "set")).get("type") == "result"

    async def _reads_what_is_left(self, is_dead):
        """What the kernel has still comes when the server is dead, and counts: promises and messages alike."""
        for name, device in self._devices.items():
            if is_dead and not device.stream.is_cut():
                await device.stream.wait_for(lambda event: isinstance(event, Disconnected), "the end of a connection")
            if name in self.readers:
                self.readers[name].takes(device)
        if self.sender:
            self.sender.read_acknowledgements()

    async def _goes(self, ends_well):
        for stream in self.town.streams:
            await stream.drops()  # nobody keeps the server waiting for his end of a connection
        self._devices.clear()     # all that they had was read
        await (self.town.stop() if ends_well else self.town.kill())

    async def ends(self):
        """Asked to end; a fault may be quicker."""
        try:
            await self.town.stop()
        except AssertionError:
            if self.town.is_alive():
                raise

    # -- judgement ---------------------------------------------------------------------------------------------------
    async def starts_again(self, environment=None):
        """True if the server is there, False if it was killed at its start."""
        try:
            await self.town.restart(environment={"VALISE_FAULT_COUNT": str(self.counts_file), **(environment or {})})
            return True
        except ServerDied:
            return False

    async def is_checked(self, where):
        """Starts the server without faults and holds it to what was promised."""
        if not await self.starts_again():
            raise AssertionError(f"{where}: does not start:\n{self.town.log()[-2000:]}")
        await self.town.audit_is_sound()
        for name, account in self.accounts.items():
            if name not in ("alice", "erin") and name not in self.readers:
                await (await account.device()).drops()  # its making was answered: it is there
        await self._removal_is_whole(where)
        if self.sender is None:
            return  # killed before more was promised
        sender, alice = self.sender, await self.accounts["alice"].device(self.resends_from)
        again = await Sender(alice).starts_counting()
        for identity, to, stanza in sender.unpromised():
            if identity:  # a client re-sends what was not acknowledged
                await again.counts(stanza, identity, to)
        if not await again.is_acknowledged_or_cut():
            raise AssertionError(f"{where}: what was sent again was not acknowledged")
        refused = sender.refused()
        promised = [identity for identity in sender.promised() if identity and identity not in refused]
        await self._frank_gets_what_is_held()
        bob = await self.accounts["bob"].device()
        for name, letter in (("bob", "b"), ("carol", "c"), ("frank", "f")):
            device = bob if name == "bob" else await self.accounts[name].device()
            await word_from(alice if name == "bob" else bob)(device)  # comes behind all that waited
            after = Reader()
            after.takes(device)
            wanted = [entry[0] for entry in sender.sent
                      if entry[0] and entry[0].startswith(letter) and entry[0] not in refused]
            check(wanted, self.readers[name], after, f"{where}, {name}", acknowledged=promised)
            ghosts = refused & set(after.arrivals | self.readers[name].arrivals)
            if ghosts:
                raise AssertionError(f"{where}: refused and yet delivered: {sorted(ghosts)}")
        await self._requests_are_kept(alice, where, {entry[0] for entry in sender.sent} - refused)
        await self._records_are_there(promised, where)
        await self._goes(ends_well=True)

    async def _requests_are_kept(self, alice, where, wanted):
        roster = {item.get("jid"): item for item in (await alice.asks("<query xmlns='jabber:iq:roster'/>"))[0]}
        lost = [contact for contact in self.contacts if contact not in roster]
        if lost:
            raise AssertionError(f"{where}: contacts answered and lost: {lost}")
        if "subscribe" in wanted:
            dave = self.accounts["dave"]
            if dave.bare not in roster or roster[dave.bare].get("ask") != "subscribe":
                raise AssertionError(f"{where}: the subscription request is lost to alice: {sorted(roster)}")
            await (await dave.device()).receives("presence", type_="subscribe", from_=alice.bare)
        if self.nick:
            answer = await alice.asks(f"<pubsub xmlns='{PUBSUB}'><items node='{NICK}'/></pubsub>")
            kept = int(next(answer.iter(f"{{{NICK}}}nick")).text)
            if not self.nick <= kept <= self.tried_nick:
                raise AssertionError(f"{where}: nickname {self.nick} was answered, {kept} is kept")

    async def _removal_is_whole(self, where):
        """An account is there with all that it has, or gone with all that others have of it."""
        erin = self.accounts.get("erin")
        if erin is None:
            return
        _, _, err = await self.town.ctl_result("user", "add", erin.bare, stdin="once again\n")
        is_gone = "rests" in err
        if is_gone and self.removal is None or not is_gone and self.removal == 0:
            raise AssertionError(f"{where}: the removal was {self.removal}, but: {err}")
        if not is_gone:
            return await (await erin.device()).drops()
        await asyncio.wait_for(self._is_wiped(erin), 4 * WAIT_SECONDS)

    async def _is_wiped(self, account):
        """The start goes on with what was begun; nobody is told when it is through."""
        while (self.town.sql(f"SELECT state FROM account WHERE localpart = '{account.name}'") != [("2",)]
               or self.town.rows_of(account.bare) or self.town.sql(f"SELECT owner FROM roster WHERE jid = '{account.bare}'")):
            await asyncio.sleep(0.01)

    async def _records_are_there(self, promised, where):
        await self.town.audit_is_sound()
        kept = {record.get("stanza") for record in await self.town.records() if record["kind"] in ("message", "recovered")}
        lost = [identity for identity in promised if identity != "subscribe" and identity not in kept]
        if lost:
            raise AssertionError(f"{where}: acknowledged without a record: {lost}")

    async def close(self):
        await self.town.close()

