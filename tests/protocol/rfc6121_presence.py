"""RFC 6121 §4: who is there."""

import _path  # noqa: F401
from harness import NS, answer_of, refusals_of, run, sealed, story, word_from
from harness.device import expect_error

PLAIN = {"sealed.mode": "off"}


@story("RFC 6121 §4.2.2")
async def initial_presence_reaches_contacts_and_the_own_other_devices(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    laptop = await alice.account.device(present=False)
    await laptop.sends("<presence><show>away</show><priority>5</priority></presence>")
    for device in (alice, bob, laptop):
        arrived = await device.receives("presence", from_=laptop.full)
        assert arrived.findtext(NS.CLIENT + "show") == "away"
        assert arrived.findtext(NS.CLIENT + "priority") == "5"


@story("RFC 6121 §4.3.1")
async def who_comes_online_learns_who_is_there(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await bob.sends("<presence><show>dnd</show></presence>")
    await alice.receives("presence", from_=bob.full, child=NS.CLIENT + "show")
    laptop = await alice.account.device()
    seen = await laptop.receives("presence", from_=bob.full)
    assert seen.findtext(NS.CLIENT + "show") == "dnd"
    await laptop.receives("presence", from_=alice.full)


@story("RFC 6121 §4.2.2")
async def a_stranger_sees_nothing(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends("<presence><show>chat</show></presence>")
    await bob.receives_no("presence", before=word_from(alice), from_=alice.full)


@story("RFC 6121 §4.5.2")
async def a_goodbye_reaches_contacts(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.leaves()
    await bob.receives("presence", type_="unavailable", from_=alice.full)


@story("RFC 6121 §4.5.3")
async def a_cut_line_is_a_goodbye_too(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.drops()
    await bob.receives("presence", type_="unavailable", from_=alice.full)


@story("RFC 6121 §4.5.2")
async def who_goes_unavailable_stays_connected_and_may_come_back(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sends("<presence type='unavailable'/>")
    await bob.receives("presence", type_="unavailable", from_=alice.full)
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    await alice.sends("<presence/>")
    await bob.receives("presence", type_=None, from_=alice.full)


@story("RFC 6121 §4.6")
async def directed_presence_reaches_a_stranger_and_its_end_too(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<presence to='{bob.full}'><show>away</show></presence>")
    await bob.receives("presence", from_=alice.full, type_=None)
    await alice.drops()
    await bob.receives("presence", from_=alice.full, type_="unavailable")


@story("RFC 6121 §4.7.2.2, docs/sealed.md 3.5")
async def a_status_text_is_content_and_does_not_pass(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sends("<presence><show>away</show><status>meeting about the merger</status>"
                      "<x xmlns='urn:example:unknown'>text</x></presence>")
    arrived = await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")
    assert [child.tag for child in arrived] == [NS.CLIENT + "show"], [child.tag for child in arrived]


@story("XEP-0115 §5")
async def capabilities_pass(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    caps = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.org/c' ver='q07IKJEyjvHSyhy//CH0CxmKi8w='/>"
    await alice.sends(f"<presence><show>chat</show>{caps}</presence>")
    arrived = await bob.receives("presence", from_=alice.full, child=NS.CAPS + "c")
    assert arrived.find(NS.CAPS + "c").get("ver") == "q07IKJEyjvHSyhy//CH0CxmKi8w="


@story("RFC 6121 §4.7.2.3")
async def a_bad_priority_or_show_is_not_passed_on(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    for bad in ("<priority>200</priority>", "<priority>high</priority>", "<show>nonsense</show>"):
        await alice.sends(f"<presence id='bad'>{bad}</presence>")
        await alice.sends("<presence><show>xa</show></presence>")
        await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")
    await bob.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("RFC 6121 §4.3.2")
async def a_probe_by_a_stranger_is_not_answered_with_presence(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<presence type='probe' to='{bob.bare}'/>")
    await alice.receives_no("presence", before=answer_of(bob), from_=bob.full)


@story("RFC 6121 §4.5.4")
async def many_devices_come_and_go_one_by_one(town):
    [bob] = await town.devices("bob")
    [alice] = await town.devices("alice")
    await alice.is_friends_with(bob)
    others = [await alice.account.device() for _ in range(5)]
    for other in others:
        await bob.receives("presence", from_=other.full, type_=None)
    for other in others:
        await other.drops()
        await bob.receives("presence", from_=other.full, type_="unavailable")
    await alice.sends("<presence><show>chat</show></presence>")
    await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")


@story("RFC 6120 §10.4, RFC 6121 §4.6")
async def presence_addressed_to_another_domain_is_an_error_a_broadcast_is_none(town):
    [alice] = await town.devices("alice")
    await alice.sets("<query xmlns='jabber:iq:roster'><item jid='bob@elsewhere.example'/></query>")
    for type_ in ("", "type='unavailable'"):
        await alice.sends(f"<presence to='bob@elsewhere.example/r' id='far' {type_}/>")
        error = expect_error(await alice.receives("presence", id="far", type_="error"), "remote-server-not-found", "cancel")
        assert error.get("from") == "bob@elsewhere.example/r"
    await alice.sends("<presence><show>xa</show></presence>")
    await alice.receives_no("presence", before=refusals_of("bob@elsewhere.example"), type_="error")


@story("RFC 6121 §8.5.1, §8.5.3.2.2")
async def presence_to_nobody_or_to_a_resource_that_is_gone_is_ignored(town):
    alice, bob = await town.devices("alice", "bob")
    for to in ("nobody@localhost", "nobody@localhost/r", f"{bob.bare}/gone"):
        for type_ in ("", "type='unavailable'", "type='unsubscribe'", "type='unsubscribed'"):
            await alice.sends(f"<presence to='{to}' {type_}/>")
    gone = refusals_of("nobody@localhost/r", f"{bob.bare}/gone")
    await alice.receives_no("presence", before=gone, type_="error")
    await bob.receives_no("presence", before=word_from(alice), from_=alice.full)


@story("RFC 6120 §10.5.3.2, RFC 6121 §8.5.2.2.2")
async def presence_to_an_account_without_an_available_device_is_ignored_and_does_not_wait(town):
    [alice] = await town.devices("alice")
    away, connected = await town.account("away"), await town.account("connected")
    quiet = await connected.device(present=False)
    ended = await connected.device()
    await ended.sends("<presence type='unavailable'/>")
    await ended.receives("presence", from_=ended.full, type_="unavailable")
    for to in (away.bare, connected.bare):
        for type_ in ("", "type='unavailable'"):
            await alice.sends(f"<presence to='{to}' {type_}/>")
    gone = refusals_of(f"{away.bare}/gone", f"{connected.bare}/gone")
    await alice.receives_no("presence", before=gone, from_=away.bare)
    await alice.receives_no("presence", before=gone, type_="error")
    for device in (quiet, ended):
        await device.receives_no("presence", before=word_from(alice), from_=alice.full)
    for device in (await away.device(), await connected.device(), quiet):
        if device is quiet:
            await device.becomes_available()
        await device.receives_no("presence", before=word_from(alice), from_=alice.full)


@story("RFC 6121 §8.5.2.1.2")
async def presence_to_a_bare_jid_reaches_every_available_device_whatever_its_priority(town):
    alice, phone = await town.devices("alice", "bob")
    shy = await phone.account.device(present=False)
    await shy.becomes_available("<priority>-1</priority>")
    quiet = await phone.account.device(present=False)
    await alice.sends(f"<presence to='{phone.bare}'/>")
    for device in (phone, shy):
        await device.receives("presence", from_=alice.full)
    await quiet.receives_no("presence", before=word_from(alice), from_=alice.full)




@story("RFC 6121 §4.2.2, §4.2.3, §4.4.2, §4.4.3, §4.5.2, §4.5.3, §11", options=PLAIN)
async def a_broadcast_goes_to_from_and_both_and_to_nobody_else(town):
    """To all available devices of each, as it came, addressed to the bare address; alice's own devices too."""
    alice, none, to, from_, both = await town.devices("alice", "none", "to", "from", "both")
    await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='{none.bare}'/></query>")
    await alice.is_friends_with(both)
    for asking, granting in ((alice, to), (from_, alice)):
        await asking.sends(f"<presence type='subscribe' to='{granting.bare}'/>")
        await granting.receives("presence", type_="subscribe", from_=asking.bare)
        await granting.sends(f"<presence type='subscribed' to='{asking.bare}'/>")
        await asking.receives("presence", type_="subscribed", from_=granting.bare)
        await asking.receives("presence", from_=granting.full)
    subscribers = [from_, both, await both.account.device(), alice, await alice.account.device()]
    shy = await from_.account.device(present=False)
    await shy.becomes_available("<priority>-1</priority>")
    subscribers.append(shy)
    quiet = await both.account.device(present=False)
    details = "<show>dnd</show><status xml:lang='cs'>Dvořák</status><priority>1</priority><x xmlns='urn:example:x' a='b'><y/></x>"
    for identity, type_ in (("update", None), ("bye", "unavailable"), ("again", None)):
        kind = f" type='{type_}'" if type_ else ""
        inner = details if not type_ else "<status>gone</status>"
        await alice.sends(f"<presence id='{identity}' xml:lang='en'{kind}>{inner}</presence>")
        for device in subscribers:
            arrived = await device.receives("presence", id=identity, from_=alice.full, to=device.bare, type_=type_)
            assert len(arrived) == (1 if type_ else 4) and arrived.get(NS.XML + "lang") == "en"
        for device in (none, to, quiet):
            await device.receives_no("presence", before=word_from(alice), id=identity)


@story("RFC 6121 §4.2.2")
async def initial_presence_comes_back_to_who_sent_it(town):
    [alice] = await town.devices("alice", present=False)
    await alice.sends("<presence id='me'><show>chat</show></presence>")
    await alice.receives("presence", id="me", from_=alice.full, to=alice.bare)


@story("RFC 6121 §4.7.1, §4.7.2.1, §4.7.2.3")
async def what_presence_cannot_say_is_a_bad_request_and_changes_nothing(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    for number, (type_, inner) in enumerate((
            ("available", ""), ("Unavailable", ""), ("invisible", ""), (None, "<show>busy</show>"), (None, "<show/>"),
            (None, "<show>away</show><show>xa</show>"), (None, "<priority>128</priority>"), (None, "<priority>-129</priority>"),
            (None, "<priority/>"), (None, "<priority>1.5</priority>"), (None, "<priority>1</priority><priority>1</priority>"))):
        kind = f" type='{type_}'" if type_ else ""
        await alice.sends(f"<presence id='bad{number}'{kind}>{inner}</presence>")
        await alice.gets_error("presence", f"bad{number}", "bad-request", "modify")
        await bob.receives_no("presence", before=word_from(alice), from_=alice.full)


@story("RFC 6121 §4.7.2.3, §8.5.2.1.1")
async def a_presence_without_a_priority_has_priority_zero(town):
    alice, bob = await town.devices("alice", "bob")
    await bob.sends("<presence><priority>-1</priority></presence><presence/>")
    await alice.sends(f"<message to='{bob.bare}' id='m1' type='chat'>{sealed()}</message>")
    await bob.receives("message", id="m1")
    for limit in ("-128", "+127", "127", " 5 "):
        await bob.sends(f"<presence id='p'><priority>{limit}</priority></presence>")
        await bob.receives("presence", id="p", type_=None)


run()
