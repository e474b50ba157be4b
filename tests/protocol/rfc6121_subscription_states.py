"""RFC 6121 appendix A over the wire: all states × all stanzas, then long random histories, against the tables as a model."""

import random
from dataclasses import dataclass, field

import _path  # noqa: F401
from harness import NS, run, story, word_from

ROSTER = "<query xmlns='jabber:iq:roster'/>"
STEPS = ("subscribe", "unsubscribe", "subscribed", "unsubscribed")

# The nine states of A.1 in the order of the tables. PO, PI: pending out, in.
STATES = ("None", "None+PO", "None+PI", "None+PO+PI", "To", "To+PI", "From", "From+PO", "Both")


def table(*rows):
    """One column of the table a line: (yes or no, the next state), in the order of STATES."""
    return dict(zip(STATES, rows, strict=True))


Y, N = True, False
# A.2: is it routed; the state behind it. PRE: as before, and pre-approved (§3.4.2).
PRE = "pre-approval"
OUTBOUND = {
    "subscribe": table((Y, "None+PO"), (Y, "None+PO"), (Y, "None+PO+PI"), (Y, "None+PO+PI"), (Y, "To"), (Y, "To+PI"),
                       (Y, "From+PO"), (Y, "From+PO"), (Y, "Both")),
    "unsubscribe": table((Y, "None"), (Y, "None"), (Y, "None+PI"), (Y, "None+PI"), (Y, "None"), (Y, "None+PI"),
                         (Y, "From"), (Y, "From"), (Y, "From")),
    "subscribed": table((N, PRE), (N, PRE), (Y, "From"), (Y, "From+PO"), (N, PRE), (Y, "Both"),
                        (N, "From"), (N, "From+PO"), (N, "Both")),
    "unsubscribed": table((N, "None"), (N, "None+PO"), (Y, "None"), (Y, "None+PO"), (N, "To"), (Y, "To"),
                          (Y, "None"), (Y, "None+PO"), (Y, "To")),
}
# A.3: is it delivered; the state behind it.
INBOUND = {
    "subscribe": table((Y, "None+PI"), (Y, "None+PO+PI"), (N, "None+PI"), (N, "None+PO+PI"), (Y, "To+PI"), (N, "To+PI"),
                       (N, "From"), (N, "From+PO"), (N, "Both")),
    "unsubscribe": table((N, "None"), (N, "None+PO"), (Y, "None"), (Y, "None+PO"), (N, "To"), (Y, "To"),
                         (Y, "None"), (Y, "None+PO"), (Y, "To")),
    "subscribed": table((N, "None"), (Y, "To"), (N, "None+PI"), (Y, "To+PI"), (N, "To"), (N, "To+PI"),
                        (N, "From"), (Y, "Both"), (N, "Both")),
    "unsubscribed": table((N, "None"), (Y, "None"), (N, "None+PI"), (Y, "None+PI"), (Y, "None"), (Y, "None+PI"),
                          (N, "From"), (Y, "From"), (Y, "From")),
}
PREAPPROVED = {"None": "From", "None+PO": "From+PO", "To": "Both"}  # what a request makes of them (§3.4.2)
HAS_FROM = ("From", "From+PO", "Both")
HAS_TO = ("To", "To+PI", "Both")


@dataclass
class Entry:
    """What one person's server knows of one contact."""
    state: str = "None"
    approved: bool = False
    listed: bool = False  # the user put it into the roster himself, or a subscription did
    name: str = ""

    def shown(self):
        """As in the roster: (subscription, ask, approved, name); None where it is in no roster (A.1)."""
        if not self.listed:
            return None
        subscription = self.state.split("+")[0].lower()
        return (subscription, "subscribe" if "PO" in self.state else None, "true" if self.approved else None, self.name)


@dataclass
class Person:
    entries: dict = field(default_factory=dict)
    delivered: list = field(default_factory=list)  # (from, type): subscription stanzas to an available, interested device
    pushes: list = field(default_factory=list)     # (contact, shown)
    seen: list = field(default_factory=list)       # (contact, "" or "unavailable"): presence of a contact's device


class Model:
    """Two or more people on one server; each stanza is carried out to its end before the next."""

    def __init__(self, *names):
        self.people = {name: Person() for name in names}

    def entry(self, owner, contact):
        return self.people[owner].entries.setdefault(contact, Entry())

    def _becomes(self, owner, contact, state, approved):
        entry = self.entry(owner, contact)
        before = entry.shown()
        entry.state, entry.approved = state, approved
        entry.listed = entry.listed or approved or "PO" in state or state in HAS_FROM + HAS_TO
        if entry.shown() != before:
            self.people[owner].pushes.append((contact, entry.shown()))

    def sends(self, owner, contact, step):
        entry = self.entry(owner, contact)
        before = entry.state
        routed, after = OUTBOUND[step][before]
        approved = entry.approved and step != "unsubscribed"
        if after == PRE:
            after, approved = before, True
        if before in HAS_FROM and after not in HAS_FROM:  # §3.2.2
            self.people[contact].seen.append((owner, "unavailable"))
        self._becomes(owner, contact, after, approved and after not in HAS_FROM)
        if routed:
            self._arrives(contact, owner, step)
        if before not in HAS_FROM and after in HAS_FROM:  # §3.1.5
            self.people[contact].seen.append((owner, ""))

    def _arrives(self, owner, contact, step):
        entry = self.entry(owner, contact)
        before = entry.state
        delivered, after = INBOUND[step][before]
        approved = entry.approved
        answer = step == "subscribe" and before in HAS_FROM  # [2] of A.3.1
        if step == "subscribe" and approved:
            delivered, after, approved, answer = False, PREAPPROVED[before], False, True
        if delivered:
            self.people[owner].delivered.append((contact, step))
        self._becomes(owner, contact, after, approved)
        if answer:
            self._arrives(contact, owner, "subscribed")
            self.people[contact].seen.append((owner, ""))
        if before in HAS_FROM and after not in HAS_FROM:  # §3.3.3
            self.people[contact].seen.append((owner, "unavailable"))

    def sets(self, owner, contact, name):
        entry = self.entry(owner, contact)
        entry.listed, entry.name = True, name
        self.people[owner].pushes.append((contact, entry.shown()))

    def removes(self, owner, contact):
        """§2.5.2. False: there is none."""
        entry = self.entry(owner, contact)
        if not entry.listed:
            return False
        state = entry.state
        self.people[owner].entries[contact] = Entry()
        self.people[owner].pushes.append((contact, None))
        if state in HAS_TO or "PO" in state:
            self._arrives(contact, owner, "unsubscribe")
        if state in HAS_FROM:
            self.people[contact].seen.append((owner, "unavailable"))
        if state in HAS_FROM or "PI" in state:
            self._arrives(contact, owner, "unsubscribed")
        return True

    def requests_of(self, owner):
        return {contact for contact, entry in self.people[owner].entries.items() if "PI" in entry.state}


class Couple:
    """People of the model and their devices: what the model says is compared with what comes."""

    def __init__(self, devices):
        self.devices = devices
        self.model = Model(*devices)
        self.names = {device.bare: name for name, device in devices.items()}

    async def settles(self):
        """All that was sent is carried out on all sides, answers of servers included."""
        for _ in range(2):
            for device in self.devices.values():
                await device.asks(ROSTER)  # behind what is being saved of this roster
                for other in self.devices.values():
                    if other is not device:
                        await word_from(device)(other)

    async def agrees(self, why):
        await self.settles()
        for name, device in self.devices.items():
            person = self.model.people[name]
            roster = {self.names[item.get("jid")]: shown(item) for item in (await device.asks(ROSTER)).iter(NS.ROSTER + "item")}
            expected = {contact: entry.shown() for contact, entry in person.entries.items() if entry.listed}
            assert roster == expected, f"{why}: the roster of {name} is {roster} and not {expected}"
            came = device.stream.takes(lambda event: getattr(event, "tag", None) == NS.CLIENT + "presence")
            came = [(self.names[event.get("from").split("/")[0]], event) for event in came]
            for sender, event in came:  # §3: subscription stanzas from the bare address, presence from the full one
                assert ("/" not in event.get("from")) == (event.get("type") in STEPS), event.attrib
            stanzas = [(sender, event.get("type")) for sender, event in came if event.get("type") in STEPS]
            assert stanzas == person.delivered, f"{why}: {name} got {stanzas} and not {person.delivered}"
            seen = [(sender, event.get("type") or "") for sender, event in came if event.get("type") not in STEPS]
            assert seen == person.seen, f"{why}: {name} saw {seen} and not {person.seen}"
            pushed = device.stream.takes(lambda event: getattr(event, "tag", None) == NS.CLIENT + "iq" and event.get("type") == "set")
            items = [event.find(f"{NS.ROSTER}query/{NS.ROSTER}item") for event in pushed]
            pushes = [(self.names[item.get("jid")], shown(item)) for item in items]
            assert pushes == person.pushes, f"{why}: {name} was pushed {pushes} and not {person.pushes}"
            person.delivered, person.seen, person.pushes = [], [], []


def shown(item):
    if item.get("subscription") == "remove":
        return None
    return item.get("subscription"), item.get("ask"), item.get("approved"), item.get("name") or ""


async def couple(town, *names):
    devices = await town.devices(*names)
    return Couple(dict(zip(names, devices, strict=True)))


# How alice comes into each state: (who, step) …
HISTORY = {
    "None": [],
    "None+PO": [("alice", "subscribe")],
    "None+PI": [("bob", "subscribe")],
    "None+PO+PI": [("alice", "subscribe"), ("bob", "subscribe")],
    "To": [("alice", "subscribe"), ("bob", "subscribed")],
    "To+PI": [("alice", "subscribe"), ("bob", "subscribed"), ("bob", "subscribe")],
    "From": [("bob", "subscribe"), ("alice", "subscribed")],
    "From+PO": [("bob", "subscribe"), ("alice", "subscribed"), ("alice", "subscribe")],
    "Both": [("bob", "subscribe"), ("alice", "subscribed"), ("alice", "subscribe"), ("bob", "subscribed")],
}


async def carry_out(pair, who, step):
    other = "bob" if who == "alice" else "alice"
    await pair.devices[who].sends(f"<presence type='{step}' to='{pair.devices[other].bare}'/>")
    pair.model.sends(who, other, step)


async def in_state(town, state, approved=False):
    pair = await couple(town, "alice", "bob")
    if approved:
        await carry_out(pair, "alice", "subscribed")
    for who, step in HISTORY[state]:
        await carry_out(pair, who, step)
        await pair.agrees(f"on the way to {state}")
    assert pair.model.entry("alice", "bob").state == state
    return pair


@story("RFC 6121 appendix A, Tables 2 to 9")
async def each_stanza_in_each_state_does_what_the_tables_say_on_both_sides(town):
    for state in STATES:
        for step in STEPS:
            pair = await in_state(town, state)
            await carry_out(pair, "alice", step)
            await pair.agrees(f"{step} in {state}")
            requested = pair.model.requests_of("alice"), pair.model.requests_of("bob")
            for name, waiting in zip(("alice", "bob"), requested, strict=True):  # what no roster shows (§3.1.3)
                later = await pair.devices[name].account.device()
                await word_from(pair.devices["bob" if name == "alice" else "alice"])(later)
                asked = {pair.names[event.get("from")] for event in later.stream.takes(
                    lambda event: getattr(event, "tag", None) == NS.CLIENT + "presence" and event.get("type") == "subscribe")}
                assert asked == waiting, f"{step} in {state}: {asked} ask {name}, and not {waiting}"
                await later.drops()


@story("RFC 6121 §3.4.2, §3.2.2")
async def a_pre_approval_is_kept_used_and_cancelled_in_each_state(town):
    for state in ("None", "None+PO", "To"):
        for who, step in (("alice", "unsubscribed"), ("alice", "subscribed"), ("alice", "subscribe"), ("alice", "unsubscribe"),
                          ("bob", "subscribe"), ("bob", "unsubscribe"), ("bob", "subscribed"), ("bob", "unsubscribed")):
            pair = await in_state(town, state, approved=True)
            assert pair.model.entry("alice", "bob").approved
            await carry_out(pair, who, step)
            await pair.agrees(f"{who}: {step} in {state}, pre-approved")
            kept = pair.model.entry("alice", "bob").approved
            assert kept == ((who, step) not in {("alice", "unsubscribed"), ("bob", "subscribe")}), (who, step)


@story("RFC 6121 §2.5.2")
async def removing_the_contact_in_each_state_ends_on_both_sides_what_there_was(town):
    for state in STATES:
        pair = await in_state(town, state)
        jid = pair.devices["bob"].bare
        answer = await pair.devices["alice"].tries(
            f"<query xmlns='jabber:iq:roster'><item jid='{jid}' subscription='remove'/></query>", "set")
        assert (answer.get("type") == "result") == pair.model.removes("alice", "bob"), state
        await pair.agrees(f"remove in {state}")


async def wander(town, seed, steps, restarts=False):
    """A random history of three people; all of it is compared after every step."""
    chance = random.Random(seed)
    names = ("alice", "bob", "carol")
    trio = await couple(town, *names)
    for number in range(steps):
        who, whom = chance.sample(names, 2)
        device, contact = trio.devices[who], trio.devices[whom]
        kind = chance.choices(("step", "set", "remove", "visit"), (10, 1, 1, 1))[0]
        why = f"seed {seed}, step {number}: {who} {kind} {whom}"
        if kind == "step":
            step = chance.choice(STEPS)
            why += f" {step}"
            await device.sends(f"<presence type='{step}' to='{contact.bare}'/>")
            trio.model.sends(who, whom, step)
        elif kind == "set":
            name = chance.choice(("", "Nomen", "nescio"))
            await device.sets(f"<query xmlns='jabber:iq:roster'><item jid='{contact.bare}' name='{name}'/></query>")
            trio.model.sets(who, whom, name)
        elif kind == "remove":
            answer = await device.tries(
                f"<query xmlns='jabber:iq:roster'><item jid='{contact.bare}' subscription='remove'/></query>", "set")
            assert (answer.get("type") == "result") == trio.model.removes(who, whom), why
        else:  # a second device asks what waits; everybody who may sees it come and go
            await trio.agrees(why)
            visitor = await device.account.device()
            await word_from(contact)(visitor)
            asked = {trio.names[event.get("from")] for event in visitor.stream.takes(
                lambda event: getattr(event, "tag", None) == NS.CLIENT + "presence" and event.get("type") == "subscribe")}
            assert asked == trio.model.requests_of(who), why
            watching = [name for name in names if name == who or trio.model.entry(who, name).state in HAS_FROM]
            await visitor.leaves()
            for name in names:
                if name in watching:
                    trio.model.people[name].seen += [(who, ""), (who, "unavailable")]
        if restarts and chance.random() < 0.05:
            await trio.agrees(why)
            await town.restart()
            for name in names:
                trio.devices[name] = await trio.devices[name].account.device()
            await trio.settles()
            for name in names:
                trio.devices[name].stream.takes(lambda event: getattr(event, "tag", None) in (NS.CLIENT + "presence", NS.CLIENT + "iq"))
        await trio.agrees(why)


@story("RFC 6121 appendix A")
async def whatever_three_people_do_both_sides_are_where_the_tables_say(town):
    for seed in (6121, 20110301):
        await wander(town, seed, 100)


@story("RFC 6121 appendix A", alone=True)
async def so_it_is_with_a_server_that_is_restarted_again_and_again(town):
    await wander(town, 1, 60, restarts=True)


run()
