"""RFC 6120 §7: resources."""

import re

import _path  # noqa: F401
from harness import NS, run, sealed, story, word_from
from harness.device import expect_error
from harness.stream import _is_answer

BIND = "xmlns='urn:ietf:params:xml:ns:xmpp-bind'"


async def authenticated(town, account):
    stream = await town.stream().reaches_tls()
    await stream.authenticates(account.name, account.password)
    return stream


async def bind_answer(stream, resource):
    await stream.sends(f"<iq type='set' id='b1'><bind {BIND}><resource>{resource}</resource></bind></iq>")
    return await stream.wait_for(lambda event: _is_answer(event, "b1"), "the answer to bind")


@story("RFC 6120 §7.6")
async def the_server_makes_a_resource_for_who_names_none(town):
    alice = await town.account("alice")
    first, second = [await (await authenticated(town, alice)).binds() for _ in range(2)]
    assert first.startswith(alice.bare + "/") and second.startswith(alice.bare + "/")
    assert first != second and len(first.partition("/")[2]) >= 8


@story("RFC 6120 §7.7")
async def a_wished_resource_is_given_even_an_emoji(town):
    alice = await town.account("alice")
    for resource in ("balcony", "poste-n°4", "📱", "🏔️.📱", "Gajim.ABC123", "profanity.x1y2", "Conversations.aB3_", "dino.1a2b3c4d",
                     "converse.js-123456789", "slixmpp", "a" * 64):
        prepared = resource.replace("\ufe0f", "")  # RFC 3920 appendix B.3: a variation selector is mapped to nothing
        assert await (await authenticated(town, alice)).binds(resource) == f"{alice.bare}/{prepared}"


@story("RFC 6120 §7.7: where content may pass in the clear", options={"sealed.mode": "off"})
async def any_other_resource_is_given_too(town):
    alice = await town.account("alice")
    for resource in ("poste n° 4", "a" * 100, "r" * 128):
        assert await (await authenticated(town, alice)).binds(resource) == f"{alice.bare}/{resource}"


@story("docs/sealed.md D12, RFC 6120 §7.7.1")
async def a_resource_that_may_be_prose_is_replaced(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    made = set()
    for wish in ("the merger is on friday", "the&#xa0;merger", "the&#x3000;merger", "merger " + "m" * 100, "merger" * 11):
        device = await alice.account.device(wish)
        assert re.fullmatch(re.escape(alice.bare) + "/[0-9a-f]{16}", device.full), (wish, device.full)
        made.add(device.full)
        await word_from(device)(bob)
        again = await alice.account.device(wish)  # as a client comes back that has lost its connection
        assert again.full == device.full
        await device.stream.fails_with("conflict")
    assert len(made) == 5, made
    other = await (await town.account("carol")).device("the merger is on friday")
    assert other.full.partition("/")[2] not in {full.partition("/")[2] for full in made}
    assert b"merger" not in bytes(bob.stream.heard) and b"merger" not in town.stored_bytes()


@story("RFC 6120 §7.7.2.2")
async def the_same_resource_twice_ends_the_older_session(town):
    alice = await town.account("alice")
    old = await alice.device("phone")
    new = await alice.device("phone")
    await old.stream.fails_with("conflict")
    await new.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("RFC 6120 §7.7.2.1")
async def a_bad_resource_is_replaced_by_a_good_one(town):
    alice = await town.account("alice")
    for bad in ("", "a" * 1200, "&#xe000;", "&#x200e;"):
        stream = await authenticated(town, alice)
        full = (await bind_answer(stream, bad)).findtext(f"{NS.BIND}bind/{NS.BIND}jid")
        assert re.fullmatch(re.escape(alice.bare) + "/[0-9a-f]{16}", full), (bad, full)
    stream = await authenticated(town, alice)
    full = (await bind_answer(stream, "&#xff30;hone")).findtext(f"{NS.BIND}bind/{NS.BIND}jid")
    assert full == f"{alice.bare}/Phone", full  # prepared (RFC 6122 §2.4: NFKC)


@story("RFC 6120 §7.7.3", options={"limits.resources": 1})
async def five_failed_binds_may_be_mended_the_sixth_ends_the_stream(town):
    alice = await town.account("alice")
    first = await alice.device()
    stream = await authenticated(town, alice)
    for _ in range(5):
        expect_error(await bind_answer(stream, "second"), "resource-constraint", "wait")
    await first.leaves()
    while alice.bare in await town.ctl("session", "list"):
        pass
    assert await stream.binds("second") == f"{alice.bare}/second"
    stream = await authenticated(town, alice)
    for _ in range(6):
        expect_error(await bind_answer(stream, "third"), "resource-constraint", "wait")
    await stream.fails_with("policy-violation")


@story("RFC 6120 §7.7.3: configured", options={"limits.resources": 1, "limits.bind_retries": 7})
async def as_many_failed_binds_may_be_mended_as_the_administrator_says(town):
    alice = await town.account("alice")
    await alice.device()
    stream = await authenticated(town, alice)
    for _ in range(8):
        expect_error(await bind_answer(stream, "third"), "resource-constraint", "wait")
    await stream.fails_with("policy-violation")


@story("RFC 6120 §10.1")
async def what_is_sent_ahead_behind_bind_is_processed_behind_it(town):
    stream = await authenticated(town, await town.account("alice"))
    await stream.sends(f"<iq type='set' id='b'><bind {BIND}/></iq>"
                       "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='bob@localhost'/></query></iq>"
                       "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>")
    answers = {}
    for _ in "brg":
        answer = await stream.wait_for(lambda event: event.get("type") == "result", "a result")
        answers[answer.get("id")] = answer
    assert list(answers) == ["b", "r", "g"], list(answers)
    assert [item.get("jid") for item in answers["g"].iter(NS.ROSTER + "item")] == ["bob@localhost"]


@story("RFC 6120 §7.1")
async def no_stanza_is_served_before_bind(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    to = f"to='{bob.full}' id='early'"
    for early in ("<presence/>", f"<presence {to}/>", f"<message {to} type='chat'>{sealed()}</message>", f"<iq type='get' {to}><a xmlns='b'/></iq>",
                  "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>", "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
                  "<item jid='early@localhost'/></query></iq>"):
        stream = await authenticated(town, alice.account)
        await stream.sends(early)
        await stream.fails_with("not-authorized")
        assert not stream.waiting(lambda event: True), "it was answered"
    await word_from(alice)(bob)
    news = bob.stream.waiting(lambda event: getattr(event, "get", lambda _: None)("id") == "early"
                              or str(getattr(event, "get", lambda _: "")("from")).startswith(alice.bare) and event.get("from") != alice.full)
    assert not news, news
    assert "early@localhost" not in [item.get("jid") for item in (await alice.asks("<query xmlns='jabber:iq:roster'/>"))[0]]


@story("RFC 6120 §6.3.1, §7.1: encrypted, and nobody yet")
async def no_stanza_is_served_before_log_in(town):
    [bob] = await town.devices("bob")
    carol = (await town.devices("carol"))[0]
    for early in ("<presence/>", f"<message to='{bob.full}' id='early' type='chat'>{sealed()}</message>", f"<iq type='set' id='b'><bind {BIND}/></iq>",
                  "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>", f"<iq type='get' id='1' to='{bob.full}'><a xmlns='b'/></iq>"):
        stream = await town.stream().reaches_tls()
        await stream.sends(early)
        await stream.fails_with("not-authorized")
        assert not stream.waiting(lambda event: True), "it was answered"
    await word_from(carol)(bob)
    assert not bob.stream.waiting(lambda event: getattr(event, "get", lambda _: None)("id") in ("early", "1"))


@story("RFC 6120 §7.3.2")
async def bind_is_offered_after_log_in_only(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    assert stream.features.find(NS.BIND + "bind") is None
    await stream.authenticates(alice.name, alice.password)
    assert stream.features.find(NS.BIND + "bind") is not None
    assert not stream.mechanisms()


@story("RFC 6120 §7.7.2.1", options={"limits.resources": 3})
async def an_account_has_a_bounded_number_of_sessions(town):
    alice = await town.account("alice")
    for _ in range(3):
        await (await authenticated(town, alice)).binds()
    answer = await bind_answer(await authenticated(town, alice), "fourth")
    expect_error(answer, "resource-constraint", "wait")


@story("RFC 6120 §7.7: the server may choose another one", options={"sealed.mode": "off"})
async def a_resource_of_more_than_128_bytes_is_replaced(town):
    alice = await town.account("alice")
    stream = await authenticated(town, alice)
    full = await stream.binds("the bag holds " + "r" * 128)
    assert full.startswith(alice.bare + "/") and "bag" not in full, full


@story("RFC 6121 §1.4 (RFC 3921 §3)")
async def an_old_style_session_request_is_answered(town):
    [alice] = await town.devices("alice")
    await alice.sets("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>")


@story("RFC 6120 §8.2.3: the id is REQUIRED")
async def bind_and_session_without_an_id_are_bad_requests(town):
    stream = await authenticated(town, await town.account("alice"))
    for identity in ("", " id=''"):
        await stream.sends(f"<iq type='set'{identity}><bind {BIND}/></iq>")
        answer = await stream.next()
        assert answer.get("id") is None, answer.attrib
        expect_error(answer, "bad-request", "modify")
    await stream.binds()
    for identity in ("", " id=''"):
        await stream.sends(f"<iq type='set'{identity}><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
        expect_error(await stream.next(), "bad-request", "modify")


@story("XEP-0198 §3")
async def stream_management_before_bind_fails_and_the_stream_goes_on(town):
    alice = await town.account("alice")
    stream = await authenticated(town, alice)
    for element, condition in (("<enable xmlns='urn:xmpp:sm:3'/>", "unexpected-request"),
                               ("<resume xmlns='urn:xmpp:sm:3' h='1' previd='x'/>", "item-not-found")):
        await stream.sends(element)
        failed = await stream.next()
        assert failed.tag == "{urn:xmpp:sm:3}failed" and failed[0].tag == NS.STANZA_ERROR + condition, failed
    await stream.binds()
    await stream.sends("<enable xmlns='urn:xmpp:sm:3'/>")
    assert (await stream.next()).tag == "{urn:xmpp:sm:3}enabled"


run()
