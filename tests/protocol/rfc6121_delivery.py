"""RFC 6121 §8.5, every combination: kind and type of stanza × form of the address × who is there."""

import itertools

import _path  # noqa: F401
from harness import NS, refusals_of, run, sealed, story, word_from
from harness.device import expect_error

PLAIN = {"sealed.mode": "off"}  # a sealed host refuses some types before delivery, for what they are
ERROR = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
GONE = "no-such-resource"

# Who is there: the presence of each of the recipient's devices. None: connected, never sent presence.
CONDITIONS = {
    "no account": None,
    "no device": [],
    "connected only": [None],
    "one negative": ["-1"],
    "two negative, one connected": ["-1", "-128", None],
    "one at zero": ["0"],
    "several": ["0", "5", "127"],
    "several and a negative": ["0", "5", "-1"],
    "one and a connected": ["1", None],
}

# Table 1 of §8.5.4, its letters as there; the condition's first column is ours. "D/A" of a full match is only D for a
# server where nobody can opt in to all chats.
TABLE = {
    "nobody": {"bare": ("S/E", "S/E", "E", "S"), "gone": ("S/E", "S/E", "S/E", "S/E")},
    "none active": {"bare": ("O/E", "O/E", "E", "S"), "gone": ("S/E", "O/E", "S/E", "S/E"), "match": ("D", "D", "D", "D")},
    "active": {"bare": ("M/A", "M/A", "E", "A"), "gone": ("S/E", "M/A", "S/E", "S/E"), "match": ("D", "D", "D", "D")},
}
# What this server takes where the table leaves a choice, the first that is allowed: nothing is lost while it can be
# kept, nobody takes for delivered what is not (§8.1), and each device that wants messages is equally "most available".
PREFERENCE = "DOAES"
COLUMNS = {"normal": 0, None: 0, "strange": 0, "chat": 1, "groupchat": 2, "headline": 3}  # §5.2.2: unknown is normal


def outcome(condition, address, kind):
    """One letter of Table 1."""
    priorities = CONDITIONS[condition]
    if priorities is None:
        row = "nobody"
    else:
        row = "active" if any(priority is not None and int(priority) >= 0 for priority in priorities) else "none active"
    if kind == "error":  # §8.5.2.1.1, §8.5.2.2.1, §8.5.3.1, §8.5.3.2.1
        return "D" if address == "match" else "S"
    allowed = TABLE[row][address][COLUMNS[kind]].split("/")
    return next(letter for letter in PREFERENCE if letter in allowed)


class Place:
    """A recipient in one of the conditions, and what of a series of stanzas reached whom."""

    def __init__(self, town, condition):
        self.town, self.condition = town, condition
        self.devices, self.priorities = [], CONDITIONS[condition] or []

    async def begins(self, sender):
        self.sender = sender
        if CONDITIONS[self.condition] is None:
            self.bare, self.account = f"{sender.account.name}-nobody@localhost", None
            return self
        self.account = await self.town.account("bob")
        self.bare = self.account.bare
        for priority in self.priorities:
            device = await self.account.device(present=False)
            if priority is not None:
                await device.becomes_available(f"<priority>{priority}</priority>")
            self.devices.append(device)
        return self

    def addresses(self):
        """(form, address, the device that it names)."""
        yield "bare", self.bare, None
        yield "gone", f"{self.bare}/{GONE}", None
        for device in self.devices:
            yield "match", device.full, device

    def wanting(self):
        return [device for device, priority in zip(self.devices, self.priorities) if priority is not None and int(priority) >= 0]

    def available(self):
        return [device for device, priority in zip(self.devices, self.priorities) if priority is not None]

    async def fence(self):
        """What the sender sent before this has arrived, and its errors too."""
        for device in self.devices:
            await word_from(self.sender)(device)
        # Refused whoever is there, and behind all that is refused for the same account.
        await self.sender.sends(f"<message to='{self.bare}/{GONE}' id='last' type='normal'>{sealed()}</message>")
        await self.sender.gets_error("message", "last", "service-unavailable")
        await self.sender.tries("<x xmlns='urn:example:last'/>", to=f"{self.bare}/{GONE}")

    def came(self, device, name):
        """{id: stanza} of what came to the device since the last call."""
        return {event.get("id"): event for event in device.stream.takes(
            lambda event: getattr(event, "tag", None) == NS.CLIENT + name and event.get("from") == self.sender.full)}

    def errors(self, name):
        """{id: stanza} of the errors that came back."""
        return {event.get("id"): event for event in self.sender.stream.takes(
            lambda event: getattr(event, "tag", None) == NS.CLIENT + name and event.get("type") == "error")}


async def messages(town, condition, types):
    """All types to all forms of address, and what Table 1 says came of it."""
    [alice] = await town.devices("alice")
    place = await Place(town, condition).begins(alice)
    delivered = {device.full: {} for device in place.devices}  # id: its address
    refused, stored = set(), set()
    numbers = itertools.count()
    for (form, address, named), kind in itertools.product(list(place.addresses()), types):
        identity = f"{form}-{kind}-{next(numbers)}"
        letter = outcome(condition, form, kind)
        receivers = {"D": [named], "A": place.wanting()}.get(letter, [])
        for device in receivers:
            delivered[device.full][identity] = address  # and never rewritten (§8.5.2.1.1)
        if letter == "E":
            refused.add(identity)
        if letter == "O":
            stored.add(identity)
        type_ = f" type='{kind}'" if kind else ""
        await alice.sends(f"<message to='{address}' id='{identity}'{type_}>{ERROR if kind == 'error' else sealed()}</message>")
    await place.fence()
    for device in place.devices:
        found = {identity: event.get("to") for identity, event in place.came(device, "message").items()}
        assert found == delivered[device.full], f"{condition}, {device.full}: {found} and not {delivered[device.full]}"
    errors = place.errors("message")
    assert set(errors) == refused, f"{condition}: errors {set(errors)} and not {refused}"
    for error in errors.values():
        expect_error(error, "service-unavailable", "cancel")
    if place.account:
        heir = await place.account.device()
        await word_from(alice)(heir)
        found = set(place.came(heir, "message"))
        assert found == stored, f"{condition}: stored {found} and not {stored}"
    return refused, stored, delivered


@story("RFC 6121 §8.5.4, Table 1", options=PLAIN)
async def every_type_of_message_goes_where_the_table_of_delivery_rules_says(town):
    letters = set()
    for condition in CONDITIONS:
        await messages(town, condition, [*COLUMNS, "error"])
        letters |= {outcome(condition, form, kind) for form, kind in itertools.product(
            ("bare", "gone"), [*COLUMNS, "error"])}
    assert letters == set("OASE"), letters  # D is a full match


@story("RFC 6121 §8.5.4, Table 1; docs/sealed.md")
async def sealed_messages_go_where_the_table_of_delivery_rules_says(town):
    for condition in CONDITIONS:
        await messages(town, condition, ["normal", None, "strange", "chat", "groupchat"])


@story("RFC 6121 §8.5.2.1.1, §8.5.2.2.1; docs/sealed.md 3.4")
async def a_sealed_host_refuses_headlines_of_people_whoever_is_there(town):
    [alice] = await town.devices("alice")
    for condition in CONDITIONS:
        place = await Place(town, condition).begins(alice)
        for form, address, _ in list(place.addresses()):
            await alice.sends(f"<message to='{address}' id='{form}' type='headline'>{sealed()}</message>")
            await alice.gets_error("message", form, "policy-violation")
        await place.fence()
        for device in place.devices:
            assert not place.came(device, "message")


@story("RFC 6121 §8.5.1, §8.5.2.1.2, §8.5.2.2.2, §8.5.3.1, §8.5.3.2.2", options=PLAIN)
async def every_type_of_presence_goes_where_section_8_says(town):
    await presences(town)


@story("RFC 6121 §8.5.1, §8.5.2.1.2, §8.5.2.2.2, §8.5.3.1, §8.5.3.2.2; docs/sealed.md")
async def so_does_presence_on_a_sealed_host(town):
    await presences(town)


async def presences(town):
    for condition in CONDITIONS:
        receiver = await Place(town, condition).begins((await town.devices("alice"))[0])
        for form, address, named in list(receiver.addresses()):
            [stranger] = await town.devices("stranger")
            receiver.sender = stranger
            for kind in ("", "unavailable", "error", "probe", "subscribed", "unsubscribed", "unsubscribe", "subscribe"):
                type_ = f" type='{kind}'" if kind else ""
                await stranger.sends(f"<presence to='{address}' id='p-{kind}'{type_}>{ERROR if kind == 'error' else ''}</presence>")
            await stranger.asks("<query xmlns='jabber:iq:roster'/>")  # behind what is being saved: it has been sent on
            await receiver.fence()
            for device in receiver.devices:
                to_it = device is named or (form == "bare" and device in receiver.available())
                expected = {f"p-{kind}": address for kind in ("", "unavailable", "error")} if to_it else {}
                found = {identity: event.get("to") for identity, event in receiver.came(device, "presence").items()}
                assert found == expected, f"{condition}, {form}, {device.full}: {found} and not {expected}"
                # §3.1.3: as if to the bare address, to all available resources; the rest has nothing to end.
                asked = [(event.get("type"), event.get("to")) for event in device.stream.takes(
                    lambda event: getattr(event, "tag", None) == NS.CLIENT + "presence" and event.get("from") == stranger.bare)]
                assert asked == ([("subscribe", receiver.bare)] if device in receiver.available() else []), asked
            assert not receiver.errors("presence"), f"{condition}, {form}: presence is never refused"
            assert not stranger.stream.takes(lambda event: getattr(event, "tag", None) == NS.CLIENT + "presence"
                                             and (event.get("from") or "").startswith(receiver.bare))
            if receiver.account and not receiver.available():  # it waits (§8.5.2.2.2, §3.1.3), nothing else does
                heir = await receiver.account.device()
                await word_from(stranger)(heir)
                waited = [event.get("type") for event in heir.stream.takes(
                    lambda event: getattr(event, "tag", None) == NS.CLIENT + "presence"
                    and (event.get("from") or "").startswith(stranger.bare))]
                assert waited == ["subscribe"], waited
                await heir.sends(f"<presence type='unsubscribed' to='{stranger.bare}'/>")
                await heir.leaves()


RELATIONS = ("stranger", "subscriber", "told by directed presence", "own device")


async def relates(relation, place):
    """A device that stands in that relation to all of the recipient's devices."""
    if relation == "own device" and place.account:
        return await place.account.device(present=False)
    [asker] = await place.town.devices("asker")
    if relation == "subscriber" and place.account:
        helper = await place.account.device(present=False)
        await asker.sends(f"<presence type='subscribe' to='{place.bare}'/>")
        await helper.sends(f"<presence type='subscribed' to='{asker.bare}'/>")
        await asker.receives("presence", type_="subscribed", from_=place.bare)
        await helper.leaves()
    if relation == "told by directed presence":
        for device in place.devices:
            await device.sends(f"<presence to='{asker.full}'/>")
            await asker.receives("presence", from_=device.full, to=asker.full)
    return asker


@story("RFC 6121 §8.5.1, §8.5.2.1.3, §8.5.2.2.3, §8.5.3.1, §8.5.3.2.3", options=PLAIN)
async def every_type_of_iq_goes_where_section_8_says(town):
    await requests(town, "<x xmlns='urn:example:unknown'/>", ("get", "set", "result", "error"))


@story("RFC 6121 §8.5.1, §8.5.2.1.3, §8.5.2.2.3, §8.5.3.1, §8.5.3.2.3; docs/sealed.md 3.5")
async def what_a_sealed_host_lets_people_ask_goes_there_too(town):
    await requests(town, "<query xmlns='jabber:iq:version'/>", ("get",))


async def requests(town, inner_of_requests, kinds):
    for condition, relation in itertools.product(CONDITIONS, RELATIONS):
        place = await Place(town, condition).begins((await town.devices("alice"))[0])
        place.sender = asker = await relates(relation, place)
        knows = relation != "stranger"
        expected = {device.full: set() for device in place.devices}
        refused = set()
        for (number, (form, address, named)), kind in itertools.product(enumerate(place.addresses()), kinds):
            identity = f"{number}-{form}-{kind}"
            if form == "match" and (knows or kind in ("result", "error")):
                expected[named.full].add(identity)
            elif kind in ("get", "set"):
                refused.add(identity)
            inner = {"result": "", "error": ERROR}.get(kind, inner_of_requests)
            await asker.sends(f"<iq to='{address}' id='{identity}' type='{kind}'>{inner}</iq>")
        await place.fence()
        for device in place.devices:
            found = set(place.came(device, "iq"))
            assert found == expected[device.full], f"{condition}, {relation}, {device.full}: {found} and not {expected[device.full]}"
        errors = {identity: event for identity, event in place.errors("iq").items() if identity[0].isdigit()}
        assert set(errors) == refused, f"{condition}, {relation}: errors {set(errors)} and not {refused}"
        for error in errors.values():
            expect_error(error, "service-unavailable", "cancel")
        texts = {"".join(error.itertext()) for error in errors.values()}
        assert len(texts) <= 1, "who may not know can't tell a device that is there from one that is not"


@story("RFC 6121 §8.5.2.1.3, §8.5.2.2.3")
async def the_server_answers_for_a_person_whether_he_is_there_or_not(town):
    """disco#info defines a reply that the server can give (XEP-0030); the devices are not asked."""
    alice, phone = await town.devices("alice", "bob")
    away = await town.account("carol")
    for person in (phone, away):
        answer = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=person.bare)
        assert answer.get("from") == person.bare and answer.get("to") == alice.full
        await alice.is_refused("service-unavailable", "<x xmlns='urn:example:unknown'/>", "set", to=person.bare)
    await phone.receives_no("iq", before=word_from(alice), from_=alice.full)


@story("RFC 6121 §8.4, RFC 6120 §10.5.1", options=PLAIN)
async def what_is_addressed_to_the_domain_is_the_servers(town):
    [alice] = await town.devices("alice")
    for to in ("localhost", "localhost/resource"):
        answer = await alice.asks("<ping xmlns='urn:xmpp:ping'/>", to=to)
        assert answer.get("from") == to
        await alice.is_refused("service-unavailable", "<x xmlns='urn:example:unknown'/>", to=to)
        for kind in (None, "normal", "chat", "groupchat", "headline"):
            type_ = f" type='{kind}'" if kind else ""
            await alice.sends(f"<message to='{to}' id='d-{kind}'{type_}>{sealed()}</message>")
            await alice.gets_error("message", f"d-{kind}", "service-unavailable", "cancel")
        for kind in ("", "unavailable", "probe", "subscribed", "unsubscribe", "unsubscribed", "error"):
            type_ = f" type='{kind}'" if kind else ""
            await alice.sends(f"<presence to='{to}' id='d'{type_}>{ERROR if kind == 'error' else ''}</presence>")
        await alice.sends(f"<message to='{to}' id='d' type='error'>{ERROR}</message>"
                          f"<iq to='{to}' id='d' type='error'>{ERROR}</iq><iq to='{to}' id='d' type='result'/>")
        for name in ("presence", "message", "iq"):
            await alice.receives_no(name, before=refusals_of(to), id="d")


run()
