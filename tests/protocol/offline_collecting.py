"""XEP-0160, XEP-0280: what arrives while a device collects what waited reaches every device, whoever goes on with it."""

import _path  # noqa: F401
from harness import NS, ping, run, story, word_from
from _archive import asks
from _carbons import ENABLE, OPEN, inner_of, message
from _managed import Managed, device


async def bob_collects(town):
    """alice; bob's phone, which has stopped in the middle of what waited, and his laptop, which has seen a copy of "new"."""
    alice = await device(town, "alice")
    bob = await town.account("bob")
    for number in range(150):
        await alice.sends(message(bob.bare, f"w{number}", f"<body>{'x' * 2000}</body>"))
    while await alice.asks_for_h() < 150:
        pass
    phone, laptop = [await Managed.of(await bob.device(name, present=False)) for name in ("phone", "laptop")]
    for one in (phone, laptop):
        await one.sets(ENABLE)
    phone.stream.answers_pings = False  # what waits stops behind its first slice
    await phone.becomes_available()
    phone.asked = await phone.receives("iq", type_="get", child="{urn:xmpp:ping}ping")
    await laptop.becomes_available()
    await alice.sends(message(bob.bare, "new", "<body>x</body>"))
    while await alice.asks_for_h() < 151:
        pass
    await laptop.stream.wait_for(is_copy_of("new"), "the copy")
    return alice, phone, laptop


def is_copy_of(name, how="received"):
    return lambda event: (inner := inner_of(event, how)) is not None and inner.get("id") == name


def came(phone):
    """The ids of the messages and copies that came, in order."""
    ids = []
    for event in phone.stream._parser.elements:
        inner = next((inner for how in ("sent", "received") if (inner := inner_of(event, how)) is not None), event)
        if inner.tag == NS.CLIENT + "message":
            ids.append(inner.get("id"))
    return ids


@story("XEP-0198 §5, XEP-0280 §6", options=OPEN)
async def who_is_cut_while_he_collects_sees_a_copy_of_what_another_device_took(town):
    alice, phone, laptop = await bob_collects(town)
    await phone.is_cut()
    await laptop.receives("message", id="new")  # it goes on, and has it once more: as one that waited
    await laptop.acks()
    await ping(laptop)
    again = await phone.resumes()
    copy = await again.stream.wait_for(is_copy_of("new"), "what came while it collected")
    assert inner_of(copy, "received").find("{jabber:client}body").text == "x"
    await again.receives_no("message", before=word_from(alice), id="new")


@story("XEP-0313 §6.1.1, XEP-0160", options=OPEN)
async def what_another_device_reads_in_the_archive_still_comes_to_who_collects(town):
    alice, phone, laptop = await bob_collects(town)
    page = await asks(laptop, "<set xmlns='http://jabber.org/protocol/rsm'><max>10</max><before/></set>")
    assert page.words[-1] == "new"
    await laptop.acks()
    await ping(laptop)
    await phone.is_cut()
    again = await phone.resumes()
    again.stream.answers_pings = True
    got = await again.stream.wait_for(lambda event: is_copy_of("new")(event) or getattr(event, "get", lambda _: None)("id") == "new",
                                      "what came while it collected")
    assert got is not None


async def laptop_writes_while_the_phone_collects(town):
    """bob_collects; then the laptop writes "own", of which the phone may see no copy before it has all that is older."""
    alice, phone, laptop = await bob_collects(town)
    await laptop.sends(message(alice.bare, "own", "<body>x</body>"))
    await alice.receives("message", id="own")
    await ping(laptop)
    await ping(phone)
    assert "own" not in came(phone)
    return alice, phone, laptop


@story("XEP-0280 §8, XEP-0313 §4.3: who asks his archive behind the newest message that he knows misses none", options=OPEN)
async def a_copy_of_something_newer_follows_what_the_device_is_still_to_get(town):
    alice, phone, _ = await laptop_writes_while_the_phone_collects(town)
    phone.stream.answers_pings = True
    await phone.answers(phone.asked)
    await phone.stream.wait_for(is_copy_of("own", "sent"), "the copy")
    assert came(phone) == [f"w{number}" for number in range(150)] + ["new", "own"], came(phone)


@story("XEP-0198 §5, XEP-0280 §8: the same where another device takes what waited", options=OPEN)
async def a_copy_waits_for_a_device_that_is_cut_while_it_collects_too(town):
    alice, phone, laptop = await laptop_writes_while_the_phone_collects(town)
    await phone.is_cut()
    await laptop.receives("message", id="new")
    await laptop.acks()
    await ping(laptop)
    again = await phone.resumes()
    await again.stream.wait_for(is_copy_of("own", "sent"), "the copy")
    assert came(again)[-2:] == ["new", "own"], came(again)


@story("XEP-0280 §8: what follows is bounded", options={**OPEN, "limits.queue": 600_000})
async def a_device_for_which_too_many_copies_wait_ends(town):
    alice, phone, laptop = await laptop_writes_while_the_phone_collects(town)
    for number in range(100):
        await laptop.sends(message(alice.bare, f"o{number}", f"<body>{'x' * 2000}</body>"))
    await phone.stream.wait_for(lambda event: getattr(event, "tag", None) == NS.STREAM + "error", "the end")


run()
