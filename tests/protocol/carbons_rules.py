"""XEP-0280 §6.1: which messages the other devices of an account see, and which they must not."""

import itertools

import _path  # noqa: F401
from harness import NS, run, sealed, story, word_from
from harness.device import expect_error
from _carbons import (OPEN, CARBONS, PRIVATE, NO_COPY, NO_STORE, COMPOSING, DISPLAYED, ERROR,
                      message, watching, with_a_laptop, sees, seen, knows_nothing_of, round_trip, children)


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
    for identity in ids:
        await phone.sends(message(bob.bare, identity, sealed(payload_bytes=20_000)))
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
