"""XEP-0386 §3: what a client asks for with its bind, and what it is told of its archive."""

import asyncio
import itertools

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, word_from
from harness.device import Device
from harness.sasl2 import answer, authenticates, arrives, begins, bind, device, fails_with, identifier, new_agent, proves
from _archive import MAM, stanza_id, writes
from _carbons import ENABLE as CARBONS, carries, inner_of
from _managed import SM, XMLNS as MANAGED, message

ACTIVE = "<active xmlns='urn:xmpp:csi:0'/>"
INACTIVE = "<inactive xmlns='urn:xmpp:csi:0'/>"
METADATA = f"{NS.BIND2}bound/{MAM}metadata"
_numbers = itertools.count(1)


def offered(stream):
    inline = stream.features.find(f"{NS.SASL2}authentication/{NS.SASL2}inline/{NS.BIND2}bind/{NS.BIND2}inline")
    return [one.get("var") for one in inline]


def ends_of(metadata):
    """(start, end) of an archive that holds something: ids."""
    return tuple(metadata.find(MAM + name).get("id") for name in ("start", "end"))


async def shows(sender, watcher, *words):
    """What the watcher has got of them when a message of the same sender came."""
    watcher.stream.takes(lambda event: True)
    for word in words:
        await sender.becomes_available(f"<show>{word}</show>")
    await word_from(sender)(watcher)
    return [one.findtext(NS.CLIENT + "show") for one in watcher.stream.takes(lambda e: getattr(e, "tag", "") == NS.CLIENT + "presence")]


async def sees_copies(watcher, sender, receiver):
    """Whether `watcher` gets a copy of what comes for `receiver`, another device of its account."""
    identity = f"copied-{next(_numbers)}"
    await sender.sends(message(receiver.full, identity))
    await receiver.receives("message", id=identity)
    await ping(watcher)
    return bool(watcher.stream.takes(carries("received", identity)))


# ---- §3.1


@story("XEP-0386 §3.1")
async def each_feature_is_named_once(town):
    stream = await town.stream().reaches_tls()
    assert sorted(offered(stream)) == ["urn:xmpp:carbons:2", "urn:xmpp:csi:0", "urn:xmpp:sm:3"]


@story("XEP-0386 §3.1", options={"csi.enabled": False})
async def what_an_administrator_has_switched_off_is_not_named(town):
    stream = await town.stream().reaches_tls()
    assert sorted(offered(stream)) == ["urn:xmpp:carbons:2", "urn:xmpp:sm:3"]


# ---- XEP-0280


@story("XEP-0386 §3.2, XEP-0280")
async def carbons_are_on_from_the_beginning_and_nothing_answers(town):
    [bob, phone] = await town.devices("bob", "alice")
    laptop = await device(town, phone.account, new_agent(), inner=CARBONS)
    bound = laptop.success.find(NS.BIND2 + "bound")
    assert not [one for one in bound if one.tag.startswith("{urn:xmpp:carbons:2}")]
    assert await sees_copies(laptop, bob, phone)
    await phone.sends(message(bob.full, "sent"))
    await laptop.stream.wait_for(carries("sent", "sent"), "a copy")
    await laptop.sets("<disable xmlns='urn:xmpp:carbons:2'/>")
    assert not await sees_copies(laptop, bob, phone)


@story("XEP-0386 §3.2, XEP-0280: who does not ask")
async def without_it_they_are_off_and_what_is_no_request_is_ignored(town):
    [bob, phone] = await town.devices("bob", "alice")
    for inner in ("", "<disable xmlns='urn:xmpp:carbons:2'/>", "<enable xmlns='urn:xmpp:carbons:1'/>",
                  f"<x xmlns='urn:example:x'>{CARBONS}</x>", "<private xmlns='urn:xmpp:carbons:2'/>"):
        laptop = await device(town, phone.account, new_agent(), inner=inner)
        assert not await sees_copies(laptop, bob, phone), inner
        await laptop.leaves()


@story("XEP-0386 §3.2: carbons outside of the bind")
async def beside_the_bind_it_is_no_request(town):
    [bob, phone] = await town.devices("bob", "alice")
    laptop = await device(town, phone.account, new_agent(), more=CARBONS)
    assert not await sees_copies(laptop, bob, phone)


@story("XEP-0386 §3.2: a failed attempt")
async def what_a_failed_attempt_asked_for_counts_for_nothing(town):
    [bob, phone] = await town.devices("bob", "alice")
    await phone.is_friends_with(bob)
    stream = await town.stream().reaches_tls(source="127.3.0.9")
    await proves(stream, await begins(stream, phone.account.name, "wrong", bind(inner=CARBONS + INACTIVE)))
    await fails_with(stream, "not-authorized")
    laptop = await arrives(stream, phone.account,
                           await authenticates(stream, phone.account.name, phone.account.password, bind()))
    assert not await sees_copies(laptop, bob, phone)
    assert await shows(bob, laptop, "away", "dnd") == ["away", "dnd"]


# ---- XEP-0352


@story("XEP-0386 §3.2, XEP-0352")
async def a_session_begins_in_the_state_that_was_asked_for(town):
    [bob, alice] = await town.devices("bob", "alice")
    await alice.is_friends_with(bob)
    for inner, seen in ((INACTIVE, ["dnd"]), (ACTIVE, ["away", "dnd"]), ("", ["away", "dnd"]),
                        (INACTIVE + ACTIVE, ["away", "dnd"]), (ACTIVE + INACTIVE, ["dnd"]),
                        ("<absent xmlns='urn:xmpp:csi:0'/>", ["away", "dnd"])):
        phone = await device(town, alice.account, new_agent(), inner=inner)
        await ping(phone)
        assert await shows(bob, phone, "away", "dnd") == seen, inner
        await phone.sends(ACTIVE)
        assert await shows(bob, phone, "xa", "chat") == ["xa", "chat"]
        await phone.leaves()


@story("XEP-0386 §3.2, XEP-0352", options={"csi.enabled": False})
async def who_asks_for_what_is_not_offered_gets_everything(town):
    [bob, alice] = await town.devices("bob", "alice")
    await alice.is_friends_with(bob)
    phone = await device(town, alice.account, new_agent(), inner=INACTIVE)
    assert await shows(bob, phone, "away", "dnd") == ["away", "dnd"]


@story("XEP-0386 §3.2: resumption goes first")
async def with_a_resumption_the_whole_bind_is_ignored(town):
    [bob, desk] = await town.devices("bob", "alice")
    identity = new_agent()
    phone = await device(town, desk.account, identity, inner=f"<enable {MANAGED} resume='true'/>")
    previous = phone.success.find(f"{NS.BIND2}bound/{SM}enabled").get("id")
    await phone.drops()
    stream = await town.stream().reaches_tls()
    success = await authenticates(stream, desk.account.name, desk.account.password,
                                  f"<resume {MANAGED} h='0' previd='{previous}'/>{bind(inner=CARBONS + INACTIVE)}")
    assert success.find(SM + "resumed") is not None and success.find(NS.BIND2 + "bound") is None
    again = Device(desk.account, stream, identifier(success))
    assert again.full == phone.full
    assert not await sees_copies(again, bob, desk)


# ---- XEP-0313


@story("XEP-0386 §3.2, XEP-0313 §5")
async def the_bound_tells_how_the_own_archive_begins_and_ends(town):
    alice, bob = await town.devices("alice", "bob")
    empty = (await device(town, alice.account, new_agent(), present=False)).success.find(METADATA)
    assert empty is not None and len(empty) == 0
    ids = [stanza_id(one) for one in await writes(bob, alice, "a1", "a2", "a3", inner=sealed)]
    for account in (alice.account, bob.account):
        made = await device(town, account, new_agent(), present=False)
        told = made.success.find(METADATA)
        assert ends_of(told) == (ids[0], ids[2])
        asked = (await made.asks("<metadata xmlns='urn:xmpp:mam:2'/>")).find(MAM + "metadata")
        assert [(one.tag, one.attrib) for one in told] == [(one.tag, one.attrib) for one in asked]
    carol = await device(town, await town.account("carol"), new_agent(), present=False)
    assert len(carol.success.find(METADATA)) == 0, "of somebody else's archive nothing is said"


@story("XEP-0386 §3.2", options={"archive.enabled": False})
async def without_an_archive_nothing_is_said_of_one(town):
    alice, bob = await town.devices("alice", "bob")
    await writes(bob, alice, "a1", inner=sealed())
    made = await device(town, alice.account, new_agent(), present=False)
    assert made.success.find(NS.BIND2 + "bound") is not None and made.success.find(METADATA) is None


@story("XEP-0386 §3.2: the metadata of the very time of the bind",
       options={"limits.stanzas_per_s": 1_000_000, "limits.stanzas_burst": 1_000_000, "limits.rate": 1 << 30, "limits.rate_burst": 1 << 30})
async def what_comes_while_a_client_binds_is_in_the_archive_it_is_told_of_or_follows(town):
    """What the end does not cover comes as a copy, so that no message is between the two."""
    bob, phone = await town.devices("bob", "alice")
    await writes(bob, phone, "first", inner=sealed())
    ids, laptops = [], []

    async def chats():
        while len(laptops) < 12:
            some = [f"race-{len(ids) + number}" for number in range(20)]
            ids.extend(some)
            await bob.sends("".join(message(phone.full, identity) for identity in some))
            await phone.receives("message", id=some[-1])
    chat = asyncio.create_task(chats())
    while len(laptops) < 12:
        laptops.append(await device(town, phone.account, new_agent(), inner=CARBONS, present=False))
    await chat
    archived = dict(town.sql("SELECT msg.stanza_id, msg.id FROM msg JOIN box ON box.id = msg.id "
                             f"WHERE box.owner = '{phone.bare}'"))
    assert set(ids) <= set(archived)
    for laptop in laptops:
        await word_from(bob)(laptop)
        elements = laptop.stream._parser.elements
        told = elements.index(laptop.success)
        assert not [one for one in elements[:told] if one.tag.startswith(NS.CLIENT)], "nothing comes before <success/>"
        end = int(ends_of(laptop.success.find(METADATA))[1])
        copies = {inner.get("id") for one in elements[told:] if (inner := inner_of(one, "received")) is not None}
        assert {one for one in ids if int(archived[one]) > end} <= copies


@story("XEP-0386 §3.2: what is sent ahead")
async def what_the_client_sends_ahead_is_answered_behind_the_success(town):
    bob, phone = await town.devices("bob", "alice")
    await writes(bob, phone, "first", inner=sealed())
    for _ in range(5):
        stream = await town.stream().reaches_tls()
        scram = await begins(stream, phone.account.name, phone.account.password, bind(inner=CARBONS))
        challenge = await answer(stream, "challenge")
        await stream.sends(f"<response xmlns='urn:xmpp:sasl:2'>{scram.final(challenge.text)}</response>"
                           "<iq type='get' id='ahead'><ping xmlns='urn:xmpp:ping'/></iq>")
        made = await arrives(stream, phone.account, await answer(stream, "success"), present=False)
        assert made.success.find(METADATA) is not None
        await made.receives("iq", id="ahead")


run()
