"""docs/sealed.md 3.7-4, 3.7-11, D2, D3: a header serves one payload, under one id and to one address; what is sent again as
it was is accepted in silence."""

import base64
import re

import _path  # noqa: F401
from harness import NS, ping, run, sealed, sealed_empty, story, word_from
from harness.sealed import encrypted, encrypted_2

NO_ARCHIVE = {"archive.enabled": False}


def message(to, identity, inner):
    named = f" id='{identity}'" if identity else ""
    return f"<message to='{to}'{named} type='chat'>{inner}</message>"


async def passes(sender, receiver, identity, inner):
    await sender.sends(message(receiver.bare, identity, inner))
    return await receiver.receives("message", id=identity, child=NS.OMEMO + "encrypted")


async def is_refused(town, sender, receiver, identity, inner):
    """As malformed; nothing arrives, and a record says so."""
    await sender.sends(message(receiver.bare, identity, inner))
    error = await sender.gets_error("message", identity, "policy-violation", "modify")
    assert error.find(f".//{NS.POLICY}sealed-required").get("reason") == "malformed"
    await receiver.receives_no("message", before=word_from(sender), id=identity)
    assert await town.records(kind="denied", reason="malformed", from_=sender.bare, stanza=identity)


def second_for(receiver):
    return encrypted_2({receiver.bare: (230140052,)})


def another(what, old, new):
    """`old` with the element of `new`."""
    shape = re.compile(rf"<{what}[ >].*?</{what}>", re.S)
    return shape.sub(lambda _: shape.search(new).group(0), old)


@story("docs/sealed.md D3")
async def a_header_that_was_used_carries_no_second_payload(town):
    alice, bob = await town.devices("alice", "bob")
    first = encrypted(rids=(1, 2, 3))
    await passes(alice, bob, "first", first)
    await is_refused(town, alice, bob, "second", another("payload", first, encrypted()))
    await is_refused(town, alice, bob, "first", another("payload", first, encrypted()))
    other_iv = another("iv", another("payload", first, encrypted()), encrypted())
    await is_refused(town, alice, bob, "third", other_iv)
    await passes(alice, bob, "fourth", encrypted(rids=(1, 2, 3)))


@story("docs/sealed.md D3: any of its keys")
async def one_key_among_new_ones_is_enough(town):
    alice, bob = await town.devices("alice", "bob")
    first = encrypted(rids=(7,))
    await passes(alice, bob, "first", first)
    key = re.search("<key .*?</key>", first).group(0)
    await is_refused(town, alice, bob, "behind", encrypted(rids=range(10, 40)).replace("<iv>", key + "<iv>"))
    await is_refused(town, alice, bob, "before", re.sub("(<header[^>]*>)", rf"\1{key}", encrypted(rids=range(10, 40))))
    await passes(alice, bob, "without", encrypted(rids=range(10, 40)))


@story("docs/sealed.md D3: of a device, on whatever connection")
async def another_session_may_not_use_it_either(town):
    alice, bob = await town.devices("alice", "bob")
    first = encrypted()
    await passes(alice, bob, "first", first)
    laptop = await alice.account.device()
    await is_refused(town, laptop, bob, "second", another("payload", first, encrypted()))
    await passes(laptop, bob, "third", another("payload", encrypted(sid=4711), first))


@story("docs/sealed.md D3: OMEMO 2, and both versions in one message")
async def each_of_two_seals_counts(town):
    alice, bob = await town.devices("alice", "bob")
    legacy, second = encrypted(), second_for(bob)
    await passes(alice, bob, "both", legacy + second)
    await is_refused(town, alice, bob, "m2", encrypted() + another("payload", second, second_for(bob)))
    await is_refused(town, alice, bob, "m3", another("payload", legacy, encrypted()) + second_for(bob))
    await passes(alice, bob, "m4", encrypted() + second_for(bob))


@story("docs/sealed.md 3.7-4")
async def an_iv_is_used_once(town):
    alice, bob = await town.devices("alice", "bob")
    first = encrypted()
    await passes(alice, bob, "first", first)
    await is_refused(town, alice, bob, "second", another("iv", encrypted(), first))
    await passes(alice, bob, "third", encrypted())


@story("docs/sealed.md 3.7-4")
async def ivs_spell_nothing(town):
    alice, bob = await town.devices("alice", "bob")

    def spelling(text):
        return re.sub("<iv>[^<]*", "<iv>" + base64.b64encode(text).decode(), encrypted())
    await passes(alice, bob, "by-chance", spelling(b"the merger i"))
    await passes(alice, bob, "and-again", spelling(b"s on friday,"))
    await is_refused(town, alice, bob, "third", spelling(b" tell nobody"))
    await passes(alice, bob, "true", re.sub("<iv>[^<]*", "<iv>" + base64.b64encode(bytes(range(12))).decode(), encrypted()))
    await passes(alice, bob, "anew", spelling(b" tell nobody"))


@story("docs/sealed.md D3: as it was")
async def what_is_sent_again_passes_and_under_another_name_does_not(town):
    alice, bob = await town.devices("alice", "bob")
    [carol] = await town.devices("carol")
    inner = sealed()
    await passes(alice, bob, "one", inner)
    laptop = await alice.account.device()  # after a lost connection
    for device in (alice, laptop):
        await device.sends(message(bob.bare, "one", inner))
        await bob.receives_no("message", before=word_from(device), id="one")
        await device.receives_no("message", before=ping, id="one", type_="error")
    await is_refused(town, alice, bob, "two", inner)
    await is_refused(town, alice, carol, "one", inner)
    assert len(await town.records(kind="denied", from_=alice.bare)) == 2


@story("docs/sealed.md D2: delivered and kept nowhere", options=NO_ARCHIVE)
async def what_was_delivered_is_not_delivered_again(town):
    alice, bob = await town.devices("alice", "bob")
    inner = sealed()
    await passes(alice, bob, "one", inner)
    laptop = await alice.account.device()
    for device in (alice, laptop):
        await device.sends(message(bob.bare, "one", inner))
        await bob.receives_no("message", before=word_from(device), id="one")
    await passes(alice, bob, "one", sealed())  # another content is another message


@story("docs/sealed.md D2: without an id", options=NO_ARCHIVE)
async def a_seal_without_an_id_is_known_by_itself(town):
    alice, bob = await town.devices("alice", "bob")
    away = await town.account("away")
    inner = sealed()
    for _ in range(2):
        await alice.sends(message(bob.bare, "", inner))
    await bob.receives("message", child=NS.OMEMO + "encrypted", from_=alice.full)
    await bob.receives_no("message", before=word_from(alice), child=NS.OMEMO + "encrypted", from_=alice.full)
    other = sealed()
    for _ in range(2):
        await alice.sends(message(away.bare, "", other))
        await ping(alice)
    phone = await away.device()
    await phone.receives("message", child=NS.OMEMO + "encrypted", from_=alice.full)
    await phone.receives_no("message", before=word_from(alice), child=NS.OMEMO + "encrypted", from_=alice.full)


@story("docs/sealed.md D3: without payload, as twomemo sends them")
async def an_empty_message_may_come_under_two_ids_but_not_with_a_payload(town):
    alice, bob = await town.devices("alice", "bob")
    [carol] = await town.devices("carol")
    inner = sealed_empty()
    await passes(alice, bob, "one", inner)
    await passes(alice, bob, "two", inner)
    await is_refused(town, alice, carol, "three", inner)
    payload = re.search("<payload>.*?</payload>", encrypted()).group(0)
    await is_refused(town, alice, bob, "four", inner.replace("</header>", "</header>" + payload))


@story("docs/sealed.md 3.5, D3: sealed requests")
async def a_request_does_not_use_a_header_again(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)  # or the server answers in his place (RFC 6121 §8.5.3.1)
    first = second_for(bob)
    await alice.sends(f"<iq type='set' id='q1' to='{bob.full}'>{first}</iq>")
    await bob.answers(await bob.receives("iq", id="q1", type_="set"))
    await alice.receives("iq", id="q1", type_="result")
    await alice.sends(f"<iq type='set' id='q2' to='{bob.full}'>{another('payload', first, second_for(bob))}</iq>")
    await alice.gets_error("iq", "q2", "service-unavailable")
    await bob.receives_no("iq", before=word_from(alice), id="q2")
    await is_refused(town, alice, bob, "m1", another("payload", first, second_for(bob)))
    await alice.sends(f"<iq type='set' id='q3' to='{bob.full}'>{second_for(bob)}</iq>")
    await bob.receives("iq", id="q3", type_="set")
    assert await town.records(kind="denied", reason="request-not-offered", from_=alice.bare)


@story("docs/sealed.md D3: in memory alone", alone=True)
async def a_restart_forgets_what_devices_have_sent(town):
    alice, bob = await town.devices("alice", "bob")
    first = encrypted()
    await passes(alice, bob, "first", first)
    await is_refused(town, alice, bob, "second", another("payload", first, encrypted()))
    await town.restart()
    alice, bob = await alice.account.device(), await bob.account.device()
    await passes(alice, bob, "third", another("payload", first, encrypted()))


run()
