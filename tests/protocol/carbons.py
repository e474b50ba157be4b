"""XEP-0280: what one device of an account gets or sends, its others see."""

import itertools
import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, word_from
from harness.device import expect_error

OPEN = {"sealed.mode": "off"}
ARCHIVED = {"archive.enabled": True}
CARBONS = "{urn:xmpp:carbons:2}"
FORWARDED = "{urn:xmpp:forward:0}forwarded"
ENABLE = "<enable xmlns='urn:xmpp:carbons:2'/>"
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


def inner_of(event, how):
    """The message that a carbon carries, or None."""
    if getattr(event, "tag", None) != NS.CLIENT + "message":
        return None
    return event.find(f"{CARBONS}{how}/{FORWARDED}/{NS.CLIENT}message")


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


# -- switching it on and off -----------------------------------------------------------------------------------------
@story("XEP-0280 §3, §6.2")
async def the_server_says_that_it_copies_and_by_which_rules(town):
    [alice] = await town.devices("alice")
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
    features = {feature.get("var") for feature in info.iter(NS.DISCO_INFO + "feature")}
    assert {"urn:xmpp:carbons:2", "urn:xmpp:carbons:rules:0"} <= features


@story("XEP-0280 §4, §5, §10.1")
async def a_client_turns_it_on_and_off_as_often_as_it_likes(town):
    alice, bob = await town.devices("alice", "bob")
    laptop = await alice.account.device("laptop")
    for number, (command, to, on) in enumerate([(ENABLE, None, True), (ENABLE, None, True), (DISABLE, None, False), (DISABLE, laptop.bare, False),
                                                (ENABLE, laptop.bare, True), (DISABLE, None, False), (ENABLE, None, True)]):
        answer = await laptop.sets(command, to=to)
        assert len(answer) == 0 and answer.get("from") in (None, laptop.bare), ET.tostring(answer)
        await alice.sends(message(bob.full, f"m{number}"))
        if on:
            await sees(laptop, "sent", f"m{number}")
        else:
            await knows_nothing_of(laptop, f"m{number}", round_trip(alice, bob))


@story("XEP-0280 §4.1, §5.1", options=OPEN)
async def nobody_turns_it_on_or_off_for_somebody_else(town):
    alice, laptop, bob = [*await with_a_laptop(town, "alice"), *await town.devices("bob")]
    for command in (ENABLE, DISABLE):
        await bob.is_refused("not-allowed", command, "set", to=alice.bare, type_="cancel")
    await laptop.is_refused("service-unavailable", ENABLE, "get")
    await alice.sends(message(bob.full, "m1"))
    await sees(laptop, "sent", "m1")


@story("XEP-0280 §4.1 and docs/sealed.md 3.5")
async def between_people_the_sealed_gate_does_not_know_the_request(town):
    alice, bob = await town.devices("alice", "bob")
    await bob.is_refused("service-unavailable", ENABLE, "set", to=alice.bare)


# -- what is received (§7) --------------------------------------------------------------------------------------------
@story("XEP-0280 §7")
async def a_message_to_one_device_is_seen_by_the_others_that_want_to(town):
    alice, phone, laptop = [*await town.devices("alice"), *await with_a_laptop(town, "bob")]
    watch = await phone.account.device("watch")
    await alice.sends(message(phone.full, "m1"))
    itself = await phone.receives("message", id="m1")
    inner = await sees(laptop, "received", "m1")
    assert inner.attrib == itself.attrib and (inner.get("from"), inner.get("to")) == (alice.full, phone.full)
    assert children(inner) == children(itself) and inner.find(NS.STANZA_ID + "stanza-id").get("by") == phone.bare
    assert inner.find(NS.DELAY + "delay") is None
    await knows_nothing_of(watch, "m1", word_from(alice))
    await word_from(alice)(phone)
    assert seen(phone) == []  # §7: whom it was addressed to gets it once


@story("XEP-0280 §7")
async def a_message_to_the_account_is_seen_by_whom_rfc_6121_leaves_out(town):
    alice, phone, laptop = [*await town.devices("alice"), *await with_a_laptop(town, "bob")]
    negative = await watching(phone.account, "negative", "<priority>-1</priority>")
    silent = await watching(phone.account, "silent", present=False)
    off = await phone.account.device("off", present=False)
    await off.becomes_available("<priority>-1</priority>")
    await alice.sends(message(phone.bare, "m1"))
    for device in (phone, laptop):
        await device.receives("message", id="m1", from_=alice.full)
    for device in (negative, silent):
        assert (await sees(device, "received", "m1")).get("to") == phone.bare
    for device in (phone, laptop, off):
        await knows_nothing_of(device, "m1", word_from(alice))


@story("XEP-0280 §7, RFC 6121 §8.5.2.2.1")
async def a_message_that_waits_is_seen_too_and_collected_later(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    negative = await watching(bob, "negative", "<priority>-1</priority>")
    await alice.sends(message(bob.bare, "m1"))
    inner = await sees(negative, "received", "m1")
    await word_from(alice)(negative)
    assert seen(negative) == []
    phone = await bob.device("phone")
    kept = await phone.receives("message", id="m1")
    assert kept.find(NS.STANZA_ID + "stanza-id").attrib == inner.find(NS.STANZA_ID + "stanza-id").attrib
    assert kept.find(NS.DELAY + "delay") is not None


@story("XEP-0280 §7")
async def presence_does_not_matter_to_copies(town):
    alice, phone, laptop = [*await town.devices("alice"), *await with_a_laptop(town, "bob")]
    await laptop.sends("<presence type='unavailable'/>")
    await laptop.receives("presence", type_="unavailable", from_=laptop.full)
    await alice.sends(message(phone.bare, "m1"))
    await sees(laptop, "received", "m1")
    await phone.sends("<presence type='unavailable'/>")
    await phone.receives("presence", type_="unavailable", from_=phone.full)
    await alice.sends(message(phone.bare, "m2", COMPOSING + NO_STORE))  # nobody takes it, nothing keeps it
    await sees(laptop, "received", "m2")
    await alice.sends(message(phone.bare, "m3", COMPOSING + NO_STORE + PRIVATE))
    await knows_nothing_of(laptop, "m3", word_from(alice))


# -- what is sent (§8) ------------------------------------------------------------------------------------------------
@story("XEP-0280 §8", options={"archive.enabled": False})
async def what_one_device_sends_the_others_see_whether_it_wants_copies_or_not(town):
    phone, laptop, bob = [*await with_a_laptop(town, "alice"), *await town.devices("bob")]
    watch = await phone.account.device("watch")
    for sender, others in ((phone, [laptop]), (laptop, []), (watch, [laptop])):
        identity = f"m{next(_numbers)}"
        await sender.sends(message(bob.bare, identity))
        itself = await bob.receives("message", id=identity)
        for device in others:
            inner = await sees(device, "sent", identity)
            assert (inner.get("from"), inner.get("to")) == (sender.full, bob.bare)
            # No archive of alice's has it, so there is no id by which she would find it.
            assert children(inner) == [child for child in children(itself) if b"stanza-id" not in child]
        for device in {phone, laptop, watch} - set(others):
            await knows_nothing_of(device, identity, round_trip(sender, bob))


@story("XEP-0280 §8, XEP-0359 §3.1, XEP-0313 §5.1", options=ARCHIVED)
async def a_copy_of_what_was_sent_carries_the_id_under_which_the_own_archive_has_it(town):
    phone, laptop, bob = [*await with_a_laptop(town, "alice"), *await town.devices("bob")]
    await phone.sends(message(bob.bare, "m1"))
    itself = (await bob.receives("message", id="m1")).find(NS.STANZA_ID + "stanza-id")
    [stamp] = (await sees(laptop, "sent", "m1")).findall(NS.STANZA_ID + "stanza-id")
    assert stamp.get("by") == phone.bare and stamp.get("id") == itself.get("id") and itself.get("by") == bob.bare
    await phone.sends(message(bob.bare, "m2", sealed() + NO_STORE))
    assert (await sees(laptop, "sent", "m2")).find(NS.STANZA_ID + "stanza-id") is None


@story("XEP-0280 §8, ARCHITECTURE.md: the life of a unit")
async def nobody_sees_a_message_before_it_is_durable(town):
    phone, laptop = await with_a_laptop(town, "alice")
    bob = await town.account("bob")
    negative = await watching(bob, "negative", "<priority>-1</priority>")
    async with town.store_is_paused("msg"):
        await phone.sends(message(bob.bare, "m1"))
        await town.waits_for_the_store(1)
        await ping(laptop)
        assert seen(laptop) == [] and seen(negative) == []
    await sees(laptop, "sent", "m1")
    await sees(negative, "received", "m1")
    assert len(await town.records(stanza="m1", from_=phone.bare)) == 1  # a copy is no message of its own


@story("XEP-0280 §8, ARCHITECTURE.md: the life of a unit")
async def who_begins_to_watch_while_a_message_waits_for_the_store_sees_it(town):
    [phone] = await town.devices("alice")
    bob = await town.account("bob")
    laptop = await phone.account.device("laptop")
    async with town.store_is_paused("msg"):
        await phone.sends(message(bob.bare, "m1"))
        await town.waits_for_the_store(1)
        await laptop.sets(ENABLE)
    await sees(laptop, "sent", "m1")


@story("XEP-0280 §8, RFC 6121 §8.5.2.2.1")
async def a_marker_is_seen_by_the_own_devices_when_its_reader_is_away(town):
    phone, laptop = await with_a_laptop(town, "alice")
    bob = await town.account("bob")
    await phone.sends(message(bob.bare, "m1", DISPLAYED))
    inner = await sees(laptop, "sent", "m1")
    assert inner.find("{urn:xmpp:chat-markers:0}displayed") is not None


@story("XEP-0280 §7, §8: to oneself")
async def a_message_to_oneself_reaches_each_device_once(town):
    phone, laptop = await with_a_laptop(town, "alice")
    negative = await watching(phone.account, "negative", "<priority>-1</priority>")
    devices = {"phone": phone, "laptop": laptop, "negative": negative}
    for to, receivers, watchers in ((phone.bare, "phone laptop", "negative"), (laptop.full, "laptop", "negative"),
                                    (phone.full, "phone", "laptop negative"), (negative.full, "negative", "laptop")):
        identity = f"m{next(_numbers)}"
        await phone.sends(message(to, identity))
        for name in receivers.split():
            await devices[name].receives("message", id=identity)
        for name in watchers.split():
            await sees(devices[name], "sent", identity)
        for device in devices.values():
            await knows_nothing_of(device, identity, word_from(phone))


@story("RFC 6120 §10.1")
async def copies_keep_the_order_of_the_messages(town):
    phone, laptop, bob, tablet = await with_a_laptop(town, "alice", "bob")
    ids = [f"o{number}" for number in range(40)]
    await phone.sends("".join(message(bob.full, identity, COMPOSING + NO_STORE if number % 3 == 2 else None)
                              for number, identity in enumerate(ids)))
    await sees(tablet, "received", ids[-1])
    assert seen(tablet) == [("received", identity) for identity in ids[:-1]]
    await round_trip(phone, bob)(laptop)
    stored = [identity for number, identity in enumerate(ids) if number % 3 != 2]
    assert [identity for _, identity in seen(laptop) if identity in stored] == stored
    assert sorted(seen(laptop)) == sorted(("sent", identity) for identity in ids)


# -- which messages (§6.1) --------------------------------------------------------------------------------------------
KINDS = [
    ("chat", "<body>x</body>", True),
    ("chat", "<x xmlns='urn:example:x'/>", True),
    ("normal", "<body>x</body>", True),
    (None, "<body>x</body>", True),
    ("strange", "<body>x</body>", True),
    ("normal", "<x xmlns='urn:example:x'/>", False),
    ("normal", "<encrypted xmlns='urn:xmpp:omemo:2'/>", True),
    ("normal", COMPOSING, True),
    ("normal", "<received xmlns='urn:xmpp:receipts' id='m0'/>", True),
    ("normal", DISPLAYED, True),
    ("normal", "<propose xmlns='urn:xmpp:jingle-message:0' id='c1'/>", True),
    ("normal", "<x xmlns='jabber:x:conference' jid='room@localhost'/>", True),
    ("headline", "<body>x</body>", False),
    ("groupchat", "<body>x</body>", False),
    ("groupchat", COMPOSING, False),
    ("chat", f"<body>x</body>{PRIVATE}{NO_COPY}", False),
    ("chat", f"<body>x</body>{PRIVATE}", False),
    ("chat", f"<body>x</body>{NO_COPY}", False),
    ("chat", f"<body>x</body>{NO_STORE}", True),
    # Said by a person it marks no room's message, and hides nothing from his friend's devices.
    ("chat", "<body>x</body><x xmlns='http://jabber.org/protocol/muc#user'/>", True),
]


@story("XEP-0280 §6.1, XEP-0334 §4.3", options=OPEN)
async def the_recommended_rules_say_what_is_copied(town):
    phone, laptop, bob, tablet = await with_a_laptop(town, "alice", "bob")
    for number, (type_, inner, copied) in enumerate(KINDS):
        identity = f"k{number}"
        await phone.sends(message(bob.full, identity, inner, type_))
        itself = await bob.receives("message", id=identity)
        if copied:
            assert children(await sees(tablet, "received", identity)) == children(itself)
            await sees(laptop, "sent", identity)
        else:
            await knows_nothing_of(tablet, identity, word_from(phone))
            await knows_nothing_of(laptop, identity, round_trip(phone, bob))


@story("XEP-0280 §9")
async def a_private_message_reaches_its_device_as_it_is_and_no_other(town):
    phone, laptop, bob, tablet = await with_a_laptop(town, "alice", "bob")
    await phone.sends(message(bob.full, "m1", sealed() + PRIVATE + NO_COPY))
    itself = await bob.receives("message", id="m1")
    assert itself.find(CARBONS + "private") is not None and itself.find(NS.HINTS + "no-copy") is not None
    await knows_nothing_of(tablet, "m1", word_from(phone))
    await knows_nothing_of(laptop, "m1", round_trip(phone, bob))


@story("XEP-0280 §6.1: errors")
async def an_error_is_copied_if_it_answers_what_was_copied(town):
    phone, laptop, bob, tablet = await with_a_laptop(town, "alice", "bob")
    await phone.sends(message(bob.bare, "m1") + message(bob.full, "m2", sealed() + PRIVATE))
    for identity in ("m1", "m2"):
        await bob.receives("message", id=identity)
    await sees(laptop, "sent", "m1")
    await bob.sends("".join(message(phone.full, identity, ERROR, "error") for identity in ("m2", "m3", "m1")))
    for identity in ("m1", "m2", "m3"):
        await phone.receives("message", id=identity, type_="error")
    for device, how in ((laptop, "received"), (tablet, "sent")):
        inner = await sees(device, how, "m1")
        assert (inner.get("type"), inner.get("from"), inner.get("to")) == ("error", bob.full, phone.full)
        expect_error(inner, "item-not-found", "cancel")
    await word_from(bob)(laptop)
    await round_trip(bob, phone)(tablet)
    assert seen(laptop) == [] and seen(tablet) == []


@story("XEP-0280 §6.1, §7: errors")
async def an_error_for_a_device_that_has_gone_reaches_those_that_saw_the_message(town):
    phone, laptop, bob = [*await with_a_laptop(town, "alice"), *await town.devices("bob")]
    await phone.sends(message(bob.full, "m1"))
    await bob.receives("message", id="m1")
    await sees(laptop, "sent", "m1")
    await phone.leaves()
    await bob.sends(message(phone.full, "m2", ERROR, "error") + message(phone.full, "m1", ERROR, "error"))
    expect_error(await sees(laptop, "received", "m1"), "item-not-found")
    assert seen(laptop) == []


@story("XEP-0280 §10.3")
async def what_bounces_of_a_copy_reaches_nobody(town):
    alice, phone, laptop = [*await town.devices("alice"), *await with_a_laptop(town, "bob")]
    await alice.sends(message(phone.full, "m1"))
    await sees(laptop, "received", "m1")
    await laptop.sends(f"<message type='error' to='{laptop.bare}'>{ERROR}</message>" + message(laptop.bare, "m1", ERROR, "error"))
    await knows_nothing_of(alice, "m1", word_from(laptop))
    await word_from(laptop)(phone)
    assert not phone.stream.waiting(lambda event: getattr(event, "get", lambda _: None)("type") == "error") and seen(phone) == []


# -- what is not delivered is not copied ------------------------------------------------------------------------------
@story("docs/sealed.md 3.3")
async def what_is_refused_is_seen_by_nobody_nor_is_its_error(town):
    phone, laptop, bob, tablet = await with_a_laptop(town, "alice", "bob")
    refused = [(message(bob.bare, "r1", "<body>in the clear</body>"), "policy-violation"),
               (message("nobody-at-all@localhost", "r2"), "service-unavailable"),
               (message(f"{bob.bare}/gone", "r3", type_="normal"), "service-unavailable"),
               (message("bob@elsewhere.example", "r4"), "remote-server-not-found")]
    for stanza, _ in refused:
        await phone.sends(stanza)
    for number, (_, condition) in enumerate(refused, 1):
        await phone.gets_error("message", f"r{number}", condition)
    for number in range(1, 5):
        await knows_nothing_of(laptop, f"r{number}", round_trip(phone, bob))
        await knows_nothing_of(tablet, f"r{number}", word_from(phone))
    assert b"in the clear" not in bytes(laptop.stream.heard) + bytes(tablet.stream.heard)


@story("docs/sealed.md 3.2")
async def a_copy_holds_only_what_the_sealed_stage_lets_through(town):
    phone, laptop, bob, tablet = await with_a_laptop(town, "alice", "bob")
    await phone.sends(message(bob.full, "m1", sealed("canary in the body") + "<x xmlns='urn:example:x'>canary beside it</x>"))
    itself = await bob.receives("message", id="m1")
    assert children(await sees(tablet, "received", "m1")) == children(itself)
    await sees(laptop, "sent", "m1")
    assert b"canary" not in bytes(laptop.stream.heard) + bytes(tablet.stream.heard)


@story("XEP-0280 §11, CVE-2017-5589", options=OPEN)
async def a_forged_copy_is_taken_out_wherever_a_client_says_it(town):
    phone, laptop, bob, tablet = await with_a_laptop(town, "alice", "bob")
    forged = ("<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='boss@localhost' id='forged' type='chat'>"
              "<body>pay</body></message></forwarded>")
    for number, (how, to) in enumerate(itertools.product(("received", "sent"), (bob.bare, bob.full, tablet.full, phone.bare, laptop.full))):
        identity = f"f{number}"
        await phone.sends(message(to, identity, f"<{how} xmlns='urn:xmpp:carbons:2'>{forged}</{how}><body>x</body>" * 2))
    await round_trip(phone, bob)(laptop)
    await word_from(phone)(tablet)
    for device in (phone, laptop, bob, tablet):
        assert b"forged" not in bytes(device.stream.heard) and b"boss@" not in bytes(device.stream.heard)
    assert seen(laptop) and seen(tablet)  # what is left of them is copied like any other


FLOOD = 250  # messages of 27 KB: more than the kernel takes, less than limits.queue


@story("ARCHITECTURE.md, the life of a unit: nothing accepted is ever lost", options={"shards": 4, "limits.queue": 16 * 1024 * 1024})
async def what_a_broken_connection_gives_back_is_not_copied_again(town):
    phone, laptop = await with_a_laptop(town, "alice")
    bob = await town.account("bob")
    negative = await watching(bob, "negative", "<priority>-1</priority>")
    slow = await bob.sleeper()
    slow.stream.stops_reading()
    ids = [f"f{number}" for number in range(FLOOD)]
    body = sealed(payload_bytes=20_000)
    for identity in ids:
        await phone.sends(message(bob.bare, identity, body))
    for identity in ids:
        await sees(negative, "received", identity)
        await sees(laptop, "sent", identity)
    await slow.drops()
    again = await bob.device("again")
    await word_from(phone)(again)
    given_back = again.stream.waiting(lambda event: getattr(event, "get", lambda _: None)("id") in ids)
    assert given_back, "nothing had to wait: this story shows nothing"
    await round_trip(phone, again)(laptop)
    await word_from(phone)(negative)
    assert not set(seen(laptop) + seen(negative)) & {(how, identity) for how in ("received", "sent") for identity in ids}


@story("XEP-0280 §7, XEP-0160: a device that collects what waited", options=OPEN)
async def a_device_that_collects_what_waited_gets_new_messages_in_their_turn_and_once(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    ids = [f"w{number}" for number in range(300)]
    for identity in ids:
        await alice.sends(message(bob.bare, identity, f"<body>{'x' * 2000}</body>"))
    await alice.sends(f"<message to='{bob.bare}/gone' id='last' type='normal'/>")
    await alice.gets_error("message", "last", "service-unavailable")
    phone = await watching(bob, "phone", present=False)
    phone.stream.answers_pings = False  # so that what waited stops behind its first slice
    await phone.becomes_available()
    asked = await phone.receives("iq", type_="get", child="{urn:xmpp:ping}ping")
    more = [f"n{number}" for number in range(40)]
    for identity in more:
        await alice.sends(message(bob.bare, identity, "<body>x</body>"))
    await alice.sends(f"<message to='{bob.bare}/gone' id='last' type='normal'/>")
    await alice.gets_error("message", "last", "service-unavailable")
    phone.stream.answers_pings = True
    await phone.answers(asked)
    await phone.receives("message", id=more[-1])
    got = [event.get("id") for event in phone.stream.waiting(lambda event: getattr(event, "tag", None) == NS.CLIENT + "message")]
    assert seen(phone) == [] and got == ids + more[:-1], (seen(phone), got)


run()
