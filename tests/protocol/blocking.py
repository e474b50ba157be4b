"""XEP-0191: whom a person blocks is silent to them, and they are gone to him."""

import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness import NS, announced, ping, run, saved_word_from, sealed, story, with_id, word_from
from _pep import NICK, event_of, items, nick, publish, subscriptions, wants

BLOCKING = "xmlns='urn:xmpp:blocking'"
NS_BLOCKING = "{urn:xmpp:blocking}"
OPEN = {"sealed.mode": "off"}


def command(name, *jids):
    return f"<{name} {BLOCKING}>" + "".join(f"<item jid='{jid}'/>" for jid in jids) + f"</{name}>"


async def blocks(device, *jids):
    await device.sets(command("block", *jids))


async def unblocks(device, *jids):
    await device.sets(command("unblock", *jids))


async def blocklist(device):
    answer = await device.asks(command("blocklist"))
    return [item.get("jid") for item in answer.find(NS_BLOCKING + "blocklist")]


async def push(device, name):
    pushed = await device.receives("iq", type_="set", child=NS_BLOCKING + name)
    await device.answers(pushed)
    assert pushed.get("from") in (None, device.bare) and pushed.get("to") == device.full
    return [item.get("jid") for item in pushed.find(NS_BLOCKING + name)]


def message(to, identity, type_="chat", inner=None):
    return f"<message to='{to}' id='{identity}' type='{type_}'>{inner or sealed()}</message>"


def error_of(stanza):
    """What the error says, without ids and addresses."""
    return ET.tostring(stanza.find(NS.CLIENT + "error"))


def refused_word(sender):
    """A fence for what a blocked sender causes: a later message of his, which comes back, then the device's own word."""
    async def fence(device):
        await sender.sends(message(device.full, "refused-word"))
        await sender.gets_error("message", "refused-word", "service-unavailable", "cancel")
        await ping(device)
    return fence


def word_after_unblocking(sender, *jids):
    """A fence for what `sender` sent to somebody he has blocked."""
    async def fence(device):
        await unblocks(sender, *jids)
        await word_from(sender)(device)
    return fence


async def is_blocked_by_you(device, stanza):
    answer = await device.gets_error(stanza, "out", "not-acceptable", "cancel")
    assert answer.find(f"{NS.CLIENT}error/{{urn:xmpp:blocking:errors}}blocked") is not None


# ---- the list (§3.1, §3.2)

the_server_says_that_it_can = announced("XEP-0191 §3.1", "urn:xmpp:blocking")


@story("XEP-0191 §3.2")
async def the_list_is_empty_then_holds_what_was_blocked(town):
    [alice] = await town.devices("alice")
    assert await blocklist(alice) == []
    await blocks(alice, "romeo@montague.net", "Iago@Shakespeare.lit")
    assert sorted(await blocklist(alice)) == ["iago@shakespeare.lit", "romeo@montague.net"]


@story("XEP-0191 §3.3")
async def a_block_is_pushed_to_devices_that_asked_for_the_list_only(town):
    alice = await town.account("alice")
    phone, laptop, silent = [await alice.device() for _ in range(3)]
    for device in (phone, laptop):
        await blocklist(device)
    await blocks(phone, "a@example.org", "b@example.org")
    for device in (phone, laptop):
        assert await push(device, "block") == ["a@example.org", "b@example.org"]
    await silent.receives_no("iq", before=ping, type_="set")


@story("XEP-0191 §3.3")
async def a_malformed_command_is_refused_and_changes_nothing(town):
    [alice] = await town.devices("alice")
    await blocks(alice, "a@example.org")
    await alice.is_refused("bad-request", command("block"), "set", type_="modify")
    for name in ("block", "unblock"):
        for inner in ("<item/>", "<jid>b@example.org</jid>", f"<item jid='b@example.org'/><other {BLOCKING}/>"):
            await alice.is_refused("bad-request", f"<{name} {BLOCKING}>{inner}</{name}>", "set", type_="modify")
        await alice.is_refused("jid-malformed", command(name, "b@example.org", "@example.org"), "set", type_="modify")
        long = f"{'b' * 1023}@{'.'.join(['d' * 60] * 4)}/{'r' * 1000}"  # no store keeps it as a name
        await alice.is_refused("not-acceptable", command(name, long), "set", type_="modify")
    assert await blocklist(alice) == ["a@example.org"]


@story("docs/security.md §3", options={"limits.blocked": 3})
async def a_list_has_a_bound(town):
    [alice] = await town.devices("alice")
    await blocks(alice, "a@example.org", "b@example.org", "b@example.org")
    await alice.is_refused("resource-constraint", command("block", "c@example.org", "d@example.org"), "set")
    await blocks(alice, "a@example.org", "c@example.org")  # one of them was there
    assert await blocklist(alice) == ["a@example.org", "b@example.org", "c@example.org"]
    await unblocks(alice)
    await blocks(alice, "d@example.org")


@story("XEP-0191 §3.2, §3.3", options=OPEN)
async def nobody_reads_or_changes_the_list_of_another(town):
    alice, bob = await town.devices("alice", "bob")
    for payload, kind in ((command("blocklist"), "get"), (command("block", bob.bare), "set"), (command("unblock"), "set")):
        unknown = await alice.tries(payload, kind, to="nobody@localhost")
        answer = await alice.tries(payload, kind, to=bob.bare)
        assert answer.get("type") == "error" and error_of(answer) == error_of(unknown)
    assert await blocklist(bob) == []


@story("XEP-0191 §3.3")
async def a_block_is_durable_when_it_is_answered(town):
    [alice] = await town.devices("alice")
    async with town.store_is_paused("account_data"):
        await alice.sends(f"<iq type='set' id='b1'>{command('block', 'a@example.org')}</iq>")
        await town.waits_for_the_store(1)
        assert not alice.stream.waiting(with_id("b1"))
    assert (await alice.receives("iq", id="b1")).get("type") == "result"
    await town.kill()
    await town.start()
    assert await blocklist(await alice.account.device()) == ["a@example.org"]


# ---- what a blocked address sends (§3.3)

@story("XEP-0191 §3.3")
async def messages_of_a_blocked_address_come_back_as_from_an_address_that_nobody_has(town):
    alice, bob = await town.devices("alice", "bob")
    await blocks(bob, alice.bare)
    for number, type_ in enumerate(("chat", "normal")):
        for to, known in ((bob.bare, bob), (bob.full, bob), ("nobody@localhost", None)):
            await alice.sends(message(to, f"m{number}-{to}", type_))
            answer = await alice.gets_error("message", f"m{number}-{to}", "service-unavailable", "cancel")
            if known is None:
                assert all(error_of(answer) == error for error in errors), "the errors tell a block from an unknown address"
                continue
            errors = [error_of(answer)]
    await bob.receives_no("message", before=ping, from_=alice.full)
    denied = await town.records(kind="denied", to=bob.bare)
    assert len(denied) == 4 and all(record["reason"] == "blocked" for record in denied), denied


@story("XEP-0191 §3.3, RFC 6120 §8.3.1", options=OPEN)
async def an_error_of_a_blocked_address_is_dropped_and_a_headline_comes_back(town):
    alice, bob = await town.devices("alice", "bob")
    await blocks(bob, alice.bare)
    error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    await alice.sends(message(bob.full, "e1", "error", error))
    await alice.sends(message(bob.bare, "h1", "headline", "<body>news</body>"))
    await alice.gets_error("message", "h1", "service-unavailable", "cancel")
    await alice.receives_no("message", before=ping, id="e1")
    await bob.receives_no("message", before=ping, from_=alice.full)


@story("XEP-0191 §3.3")
async def requests_of_a_blocked_address_are_answered_as_by_an_address_that_nobody_has(town):
    alice, bob = await town.devices("alice", "bob")
    await bob.sets(publish(NICK, nick("Bob"), options={"access_model": "open"}))
    await blocks(bob, alice.bare)
    for payload, kind in (("<ping xmlns='urn:xmpp:ping'/>", "get"), (items(NICK), "get"),
                          ("<query xmlns='http://jabber.org/protocol/disco#info'/>", "get"),
                          (f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='{NICK}' jid='{alice.bare}'/></pubsub>", "set")):
        unknown = await alice.tries(payload, kind, to="nobody@localhost")
        answer = await alice.is_refused("service-unavailable", payload, kind, to=bob.bare, type_="cancel")
        assert error_of(answer) == error_of(unknown)
    await alice.is_refused("service-unavailable", "<ping xmlns='urn:xmpp:ping'/>", to=bob.full)
    await bob.receives_no("iq", before=refused_word(alice), from_=alice.full)


@story("XEP-0191 §3.3")
async def an_answer_of_a_blocked_address_is_dropped(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await bob.sends(f"<iq type='get' id='q1' to='{alice.full}'><query xmlns='jabber:iq:version'/></iq>")
    question = await alice.receives("iq", id="q1")
    await blocks(bob, alice.bare)
    await alice.answers(question)
    await bob.receives_no("iq", before=refused_word(alice), id="q1")
    await alice.receives_no("iq", before=ping, id="q1", type_="error")


@story("XEP-0191 §3.3")
async def presence_of_a_blocked_address_is_neither_delivered_nor_answered(town):
    alice, bob = await town.devices("alice", "bob")
    await blocks(bob, alice.bare)
    for type_ in ("", "type='unavailable'", "type='subscribe'", "type='probe'", "type='unsubscribe'"):
        await alice.sends(f"<presence {type_} to='{bob.bare}'/>")
    await alice.asks("<query xmlns='jabber:iq:roster'/>")  # what had to be saved has been sent on
    await bob.receives_no("presence", before=refused_word(alice), from_=alice.full)
    await bob.receives_no("presence", before=ping, from_=alice.bare)
    await alice.receives_no("presence", before=ping, from_=bob.bare)
    await alice.receives_no("presence", before=ping, type_="error")
    laptop = await bob.account.device()
    await laptop.receives_no("presence", before=ping, type_="subscribe")


@story("XEP-0191 §3.3")
async def a_probe_of_a_blocked_contact_is_not_answered(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await blocks(bob, alice.bare)
    await alice.receives("presence", from_=bob.full, type_="unavailable")
    await alice.sends(f"<presence type='probe' to='{bob.bare}'/>")
    await refused_word(alice)(bob)
    laptop = await alice.account.device()  # its log-in asks, too
    await refused_word(laptop)(bob)
    for device in (alice, laptop):
        for address in (bob.full, bob.bare):
            await device.receives_no("presence", before=ping, from_=address)


@story("XEP-0191 §3.3, RFC 6121 §3.1.3")
async def a_request_that_waits_is_not_shown_while_its_sender_is_blocked(town):
    [alice] = await town.devices("alice")
    bob = await (await town.account("bob")).device(present=False)
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/>")
    await saved_word_from(alice)(bob)
    await blocks(bob, alice.bare)
    await bob.becomes_available()
    await bob.receives_no("presence", before=ping, type_="subscribe")
    await unblocks(bob, alice.bare)
    laptop = await bob.account.device()
    await laptop.receives("presence", type_="subscribe", from_=alice.bare)


@story("XEP-0191 §3.3")
async def what_waited_from_an_address_that_is_blocked_now_is_not_delivered(town):
    alice, carol = await town.devices("alice", "carol")
    bob = await town.account("bob")
    for sender, identity in ((alice, "old1"), (carol, "old2"), (alice, "old3")):
        await sender.sends(message(bob.bare, identity))
        await ping(sender)
    phone = await bob.device(present=False)
    await blocks(phone, alice.bare)
    await phone.becomes_available()
    assert (await phone.receives("message")).get("id") == "old2"
    await phone.receives_no("message", before=word_from(carol), from_=alice.full)
    await alice.receives_no("message", before=ping, type_="error")
    denied = await town.records(kind="denied", reason="blocked", to=phone.bare)
    assert sorted(record["stanza"] for record in denied) == ["old1", "old3"], denied
    assert all(record["from"] == alice.bare for record in denied), denied
    await unblocks(phone, alice.bare)
    await phone.leaves()
    laptop = await bob.device()  # they do not come back
    await laptop.receives_no("message", before=word_from(carol), from_=alice.full)


@story("XEP-0191 §3.3, ARCHITECTURE.md: blocking, then policy_in", policy="""
rule{
  name = "bob gets no letters",
  match = Kind("message") * Direction("in") * To("bob*@localhost"),
  action = Deny{ "forbidden" },
}
""")
async def who_is_blocked_is_refused_as_such_before_any_rule_about_the_recipient(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "m1"))
    await alice.gets_error("message", "m1", "forbidden")
    await blocks(bob, alice.bare)
    await alice.sends(message(bob.bare, "m2"))
    await alice.gets_error("message", "m2", "service-unavailable", "cancel")
    [record] = await town.records(kind="denied", stanza="m2")
    assert record["reason"] == "blocked" and not record.get("rule"), record
    [rule] = await town.ctl_json("policy", "list")
    assert rule["hits"] == 1, "the rule was asked about what was blocked"


# ---- what is sent to a blocked address (§3.3)

@story("XEP-0191 §3.3")
async def nothing_is_sent_to_a_blocked_address(town):
    alice, bob = await town.devices("alice", "bob")
    await blocks(alice, bob.bare)
    for to in (bob.bare, bob.full):
        await alice.sends(message(to, "out"))
        await is_blocked_by_you(alice, "message")
        await alice.sends(message(to, "out", inner="<body>plain</body>"))  # said first, whatever is in it
        await is_blocked_by_you(alice, "message")
        for type_ in ("", "type='unavailable'", "type='subscribe'", "type='subscribed'", "type='probe'"):
            await alice.sends(f"<presence id='out' {type_} to='{to}'/>")
            await is_blocked_by_you(alice, "presence")
        await alice.sends(f"<iq type='get' id='out' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>")
        await is_blocked_by_you(alice, "iq")
    for name in ("message", "presence", "iq"):
        await bob.receives_no(name, before=word_after_unblocking(alice, bob.bare), from_=alice.full, id="out")
    roster = await alice.asks("<query xmlns='jabber:iq:roster'/>")
    assert roster.find(f".//{NS.ROSTER}item") is None, "a refused subscription stanza changed the contact list"
    denied = await town.records(kind="denied", reason="blocked-by-sender", to=bob.bare)
    assert len(denied) == 16, denied


@story("XEP-0191 §3.3")
async def a_french_client_reads_why_in_french(town):
    bob = await (await town.account("bob")).device()
    alice = await (await town.account("alice")).device(lang="fr")
    await blocks(alice, bob.bare)
    await alice.sends(message(bob.bare, "out"))
    answer = await alice.gets_error("message", "out", "not-acceptable")
    assert answer.find(f".//{NS.STANZA_ERROR}text").text == "Vous avez bloqué cette adresse."


# ---- presence at block and unblock (§3.3, §3.4)

async def told(town, device, other):
    """Types of the device's presence to that account, as the log has them."""
    records = await town.records(kind="presence", from_=device.bare, resource=device.full.split("/")[1], to=other.bare)
    return [record.get("type") for record in records if "subscribe" not in record.get("type", "")]


@story("XEP-0191 §3.3, §3.4")
async def a_contact_sees_the_blocker_go_and_come_back_and_neither_hears_of_the_other_meanwhile(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await blocks(alice, bob.bare)
    await bob.receives("presence", from_=alice.full, type_="unavailable")
    assert await told(town, alice, bob) == ["unavailable"]
    await alice.becomes_available("<show>away</show>")
    laptop = await alice.account.device()
    await bob.becomes_available("<show>dnd</show>")
    await bob.sends(f"<presence to='{alice.bare}' id='d1'/>")
    await alice.receives_no("presence", before=refused_word(bob), from_=bob.full)
    await laptop.receives_no("presence", before=ping, from_=bob.full)

    await unblocks(alice, bob.bare)
    shown = await bob.receives("presence", from_=alice.full)  # the first since it went
    assert shown.get("type") is None and shown.findtext(NS.CLIENT + "show") == "away"
    await bob.receives("presence", from_=laptop.full, type_=None)
    assert await told(town, alice, bob) == ["unavailable", None] and await told(town, laptop, bob) == [None]
    seen = await alice.receives("presence", from_=bob.full)
    assert seen.findtext(NS.CLIENT + "show") == "dnd", "the current presence of the contact is asked for"


@story("XEP-0191 §3.3")
async def who_may_not_see_the_account_is_not_told_of_a_block(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/>")  # she sees him, he does not see her
    await bob.receives("presence", type_="subscribe")
    await bob.sends(f"<presence type='subscribed' to='{alice.bare}'/>")
    await alice.receives("presence", from_=bob.full)
    for other in (bob, carol):
        await blocks(alice, other.bare)
        await unblocks(alice, other.bare)
        await other.receives_no("presence", before=word_from(alice), from_=alice.full)


@story("XEP-0191 §3.3, RFC 6121 §4.6.3")
async def who_was_told_by_directed_presence_sees_it_end_once(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<presence to='{bob.full}'/>")
    await bob.receives("presence", from_=alice.full, type_=None)
    await blocks(alice, bob.bare)
    await bob.receives("presence", from_=alice.full, type_="unavailable")
    assert await told(town, alice, bob) == [None, "unavailable"]
    await alice.sends("<presence type='unavailable'/>")
    await bob.receives_no("presence", before=word_after_unblocking(alice, bob.bare), from_=alice.full)


# ---- addresses (§4, §5)

@story("XEP-0191 §5")
async def a_full_address_blocks_that_resource_only(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    phone, laptop = await bob.device(), await bob.device()
    await blocks(alice, phone.full)
    await phone.sends(message(alice.bare, "m1"))
    await phone.gets_error("message", "m1", "service-unavailable")
    await laptop.sends(message(alice.bare, "m2"))
    await alice.receives("message", id="m2")
    await alice.sends(message(phone.full, "out"))
    await is_blocked_by_you(alice, "message")
    await alice.sends(message(laptop.full, "m3"))
    await laptop.receives("message", id="m3")
    await alice.receives_no("message", before=ping, id="m1")


@story("XEP-0191 §5, §4")
async def a_domain_blocks_everybody_there_but_not_oneself_and_not_the_own_server(town):
    alice, bob = await town.devices("alice", "bob")
    tablet = await alice.account.device()
    await blocks(alice, "localhost", alice.bare)
    await bob.sends(message(alice.bare, "m1"))
    await bob.gets_error("message", "m1", "service-unavailable")
    await alice.sends(message(bob.bare, "out"))
    await is_blocked_by_you(alice, "message")
    await alice.sends(message(tablet.full, "m2"))
    await tablet.receives("message", id="m2")
    await alice.sends(f"<iq type='get' id='q1' to='{tablet.full}'><ping xmlns='urn:xmpp:ping'/></iq>")
    await tablet.receives("iq", id="q1", from_=alice.full)
    await alice.becomes_available("<show>away</show>")
    await tablet.receives("presence", from_=alice.full)
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>", to="localhost")
    await alice.asks("<query xmlns='jabber:iq:roster'/>", to=alice.bare)


@story("XEP-0191 §5")
async def an_unblocked_resource_stays_blocked_by_its_domain(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await blocks(alice, "localhost", bob.bare, bob.full)
    await bob.receives("presence", from_=alice.full, type_="unavailable")
    await unblocks(alice, bob.bare)
    await bob.sends(message(alice.bare, "m1"))
    await bob.gets_error("message", "m1", "service-unavailable")
    await bob.receives_no("presence", before=ping, from_=alice.full)


# ---- unblocking (§3.4, §3.5)

@story("XEP-0191 §3.4")
async def an_unblocked_address_is_heard_again(town):
    alice, bob = await town.devices("alice", "bob")
    await blocklist(alice)
    await blocks(alice, bob.bare, "other@example.org")
    await push(alice, "block")
    await unblocks(alice, bob.bare)
    assert await push(alice, "unblock") == [bob.bare]
    assert await blocklist(alice) == ["other@example.org"]
    await bob.sends(message(alice.bare, "m1"))
    await alice.receives("message", id="m1")
    await unblocks(alice, "never@example.org")


@story("XEP-0191 §3.5")
async def all_are_unblocked_at_once_and_the_push_is_empty(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await blocklist(alice)
    # Sent without waiting: the second holds for what the first did.
    await alice.sends(f"<iq type='set' id='b1'>{command('block', bob.bare, carol.bare)}</iq>"
                      f"<iq type='set' id='b2'>{command('unblock')}</iq>")
    for identity in ("b1", "b2"):
        assert (await alice.receives("iq", id=identity)).get("type") == "result"
    assert await push(alice, "block") == [bob.bare, carol.bare]
    assert await push(alice, "unblock") == []
    assert await blocklist(alice) == []
    for sender in (bob, carol):
        await word_from(sender)(alice)
    await town.restart()
    assert await blocklist(await alice.account.device()) == []


# ---- what an account publishes

@story("XEP-0191 §3.3, XEP-0163 §4.3")
async def neither_is_told_what_the_other_publishes(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await blocks(alice, bob.bare)
    await wants(alice, NICK)
    await wants(bob, NICK)
    for device, name in ((alice, "Ali"), (bob, "Bobby")):
        await device.sets(publish(NICK, nick(name)))
        await device.receives("message", child=event_of(NICK), from_=device.bare)
    await alice.receives_no("message", before=refused_word(bob), child=event_of(NICK), from_=bob.bare)
    await bob.receives_no("message", before=ping, child=event_of(NICK), from_=alice.bare)
    for account, other in ((alice.account, bob), (bob.account, alice)):  # nor at a log-in
        laptop = await account.device(present=False)
        await wants(laptop, NICK)
        await laptop.receives("message", child=event_of(NICK), from_=laptop.bare)
        await laptop.receives_no("message", before=ping, child=event_of(NICK), from_=other.bare)
    await alice.is_refused("not-acceptable", items(NICK), to=bob.bare)
    await bob.is_refused("service-unavailable", items(NICK), to=alice.bare)


@story("XEP-0191 §3.3, XEP-0060 §8.8.2: a subscription that the publisher sets")
async def who_is_blocked_tells_nothing_by_subscribing_the_other(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await bob.sets(publish(NICK, nick("Bobby")))
    await bob.sets(subscriptions(NICK, (alice.bare, "subscribed")))
    await alice.receives("message", child="{http://jabber.org/protocol/pubsub#event}event", from_=bob.bare)
    await blocks(alice, bob.bare)
    await alice.receives_no("message", before=ping, id="nothing")  # what came before the block is here
    alice.stream.takes(lambda event: getattr(event, "tag", "") == NS.CLIENT + "message")
    for state in ("none", "subscribed", "none", "subscribed"):
        await bob.sets(subscriptions(NICK, (alice.bare, state)))
    await alice.receives_no("message", before=refused_word(bob), from_=bob.bare)


@story("XEP-0191 §3.3, RFC 6120 §13.10.2")
async def a_question_for_the_last_activity_does_not_tell_a_block_from_nobody(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await blocks(alice, bob.bare)
    for to in (alice.bare, "nobody@localhost"):
        await bob.is_refused("forbidden", "<query xmlns='jabber:iq:last'/>", to=to)


run()
