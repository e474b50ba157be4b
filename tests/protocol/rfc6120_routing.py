"""RFC 6120 §8 and §10: addresses are the server's word, every request has an answer."""

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, word_from
from harness.device import expect_error
from harness.stream import _is_answer


@story("RFC 6120 §8.1.2.1")
async def from_is_stamped_with_the_full_jid(town):
    alice, bob = await town.devices("alice", "bob")
    for claim in ("", f"from='{alice.full}'", f"from='{alice.bare}'"):
        await alice.sends(f"<message {claim} to='{bob.full}' id='f{len(claim)}' type='chat'>{sealed()}</message>")
        arrived = await bob.receives("message", id=f"f{len(claim)}")
        assert arrived.get("from") == alice.full


@story("RFC 6120 §4.9.3.9")
async def a_forged_from_ends_the_stream(town):
    for claim in ("bob@localhost", "localhost", "alice@elsewhere.example/r", "@@"):
        alice, bob = await town.devices("alice", "bob")
        desk = await alice.account.device()  # of the same account: the same way
        await alice.sends(f"<message from='{claim}' to='{bob.full}' id='forged' type='chat'>{sealed()}</message>")
        await alice.stream.fails_with("invalid-from")
        await bob.receives_no("message", before=word_from(desk), id="forged")


@story("RFC 6120 §8.2.3")
async def every_request_is_answered_even_an_unknown_one(town):
    alice, bob = await town.devices("alice", "bob")
    for to in (None, alice.bare, "localhost", bob.bare, "nobody@localhost"):
        for kind in ("get", "set"):
            answer = await alice.tries("<strange xmlns='urn:example:strange'/>", kind, to)
            assert answer.get("type") == "error" and answer.get("from") in (to, alice.bare, None), to


@story("RFC 6121 §8.5.1")
async def a_stranger_and_nobody_look_the_same(town):
    alice, = await town.devices("alice")
    bob = await town.account("bob")  # exists, is not online
    answers = []
    for to in (bob.bare, "nobody@localhost"):
        answer = await alice.tries("<query xmlns='jabber:iq:version'/>", "get", to)
        answers.append([child.tag for child in answer.find(NS.CLIENT + "error")] + [answer.find(NS.CLIENT + "error").get("type")])
    assert answers[0] == answers[1], answers


@story("RFC 6120 §8.2.3")
async def a_request_to_a_full_jid_reaches_it_and_its_answer_comes_back(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)  # or the server answers in his place (RFC 6121 §8.5.3.1)
    await alice.sends(f"<iq type='get' id='v1' to='{bob.full}'><query xmlns='jabber:iq:version'/></iq>")
    asked = await bob.receives("iq", id="v1", from_=alice.full, type_="get")
    await bob.answers(asked, "<query xmlns='jabber:iq:version'><name>x</name></query>")
    answer = await alice.stream.wait_for(lambda event: _is_answer(event, "v1"), "the answer")
    assert answer.get("from") == bob.full and answer.get("type") == "result"


@story("RFC 6120 §10.1")
async def nothing_overtakes_a_subscription_that_is_being_stored(town):
    alice, bob = await town.devices("alice", "bob")
    for number in range(10):
        sent = [f"s{number}", f"m{number}", f"q{number}"]
        await alice.sends(f"<presence to='{bob.bare}' id='{sent[0]}' type='subscribe'/>"
                          f"<message to='{bob.bare}' id='{sent[1]}' type='chat'>{sealed()}</message>"
                          f"<iq to='nobody@localhost' id='{sent[2]}' type='get'><query xmlns='jabber:iq:version'/></iq>")
        came = [(await bob.stream.wait_for(lambda event: getattr(event, "get", {}.get)("id") in sent, "what alice sent")).get("id")
                for _ in range(2)]
        assert came == sent[:2], came
        await alice.receives("iq", id=sent[2], type_="error")
        await alice.sends(f"<presence to='{bob.bare}' type='unsubscribe'/>")


@story("RFC 6121 §8.5.3.2.3")
async def a_request_to_a_resource_that_is_gone_is_unavailable(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_refused("service-unavailable", "<query xmlns='jabber:iq:version'/>", to=f"{bob.bare}/gone", type_="cancel")


@story("RFC 6120 §8.2.3")
async def a_request_without_exactly_one_child_or_without_id_or_with_a_strange_type_is_bad(town):
    [alice] = await town.devices("alice")
    expect_error(await alice.tries(""), "bad-request", "modify")
    expect_error(await alice.tries("<a xmlns='urn:example:a'/><b xmlns='urn:example:b'/>"), "bad-request", "modify")
    await alice.sends("<iq type='whatever' id='w1'><ping xmlns='urn:xmpp:ping'/></iq>")
    await alice.gets_error("iq", "w1", "bad-request", "modify")
    await alice.sends("<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>")
    expect_error(await alice.receives("iq", type_="error", id=None), "bad-request", "modify")


@story("RFC 6120 §8.3.1")
async def an_error_is_never_answered_by_an_error(town):
    [alice] = await town.devices("alice")
    known = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
    text = "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>retry, modify, not-authorized</text>"
    for inner in (known, known + text, known + text + "<odd xmlns='urn:example:app'/>", "<unheard-of xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"):
        error = f"<error type='cancel'>{inner}</error>"
        await alice.sends(f"<message type='error' id='e1' to='nobody@localhost'>{error}</message>"
                          f"<iq type='error' id='e2' to='nobody@localhost'>{error}</iq>"
                          "<iq type='result' id='e3' to='nobody@localhost'/>"
                          f"<presence type='error' id='e4' to='nobody@localhost'>{error}</presence>")
        # What comes last to the same address is answered.
        await alice.is_refused("service-unavailable", "<a xmlns='urn:example:a'/>", to="nobody@localhost", type_="cancel")
        await alice.sends(f"<message id='last' to='nobody@localhost' type='chat'>{sealed()}</message>")
        await alice.gets_error("message", "last", "service-unavailable")
        answers = alice.stream.waiting(lambda event: getattr(event, "get", lambda _: None)("id") in ("e1", "e2", "e3", "e4"))
        assert not answers, answers


@story("RFC 6120 §8.3.3.8")
async def an_address_that_is_none_is_malformed(town):
    [alice] = await town.devices("alice")
    for to in ("@localhost", "a@b@c", "a b@localhost", "x" * 1025 + "@localhost", "bob@localhost/" + "r" * 1025):
        await alice.sends(f"<message to='{to}' id='bad' type='chat'>{sealed()}</message>")
        await alice.gets_error("message", "bad", "jid-malformed", "modify")


@story("RFC 6120 §10.5.2")
async def another_domain_cannot_be_reached_yet(town):
    [alice] = await town.devices("alice")
    await alice.is_refused("remote-server-not-found", "<ping xmlns='urn:xmpp:ping'/>", to="elsewhere.example")
    await alice.sends(f"<message to='bob@elsewhere.example' id='far' type='chat'>{sealed()}</message>")
    await alice.gets_error("message", "far", "remote-server-not-found", "cancel")


@story("RFC 6122 §2")
async def addresses_are_compared_in_their_prepared_form(town):
    alice, bob = await town.devices("alice", "bob")
    local, _, domain = bob.bare.partition("@")
    await alice.sends(f"<message to='{local.upper()}@{domain.upper()}' id='big' type='chat'>{sealed()}</message>")
    await bob.receives("message", id="big", to=bob.bare)


@story("RFC 6120 §10.1")
async def stanzas_of_a_pair_keep_their_order(town):
    alice, bob = await town.devices("alice", "bob")
    for number in range(50):
        for to, kind in ((bob.full, "f"), (bob.bare, "b")):
            await alice.sends(f"<message to='{to}' id='o{kind}{number}' type='chat'>{sealed()}</message>")
            await alice.sends(f"<message to='{to}' id='s{kind}{number}' type='chat'>"
                              "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
    expected = [f"{what}{kind}{number}" for number in range(50) for kind in "fb" for what in "os"]
    arrived = [(await bob.receives("message")).get("id") for _ in expected]
    assert arrived == expected, arrived


@story("RFC 6120 §8.1.1.1")
async def a_stanza_without_to_is_for_the_own_account(town):
    [alice] = await town.devices("alice")
    answer = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>")
    assert answer.get("from") in (None, alice.bare)
    assert answer.find(f"{NS.DISCO_INFO}query/{NS.DISCO_INFO}identity[@category='account']") is not None


@story("RFC 6120 §8.1.5")
async def what_one_person_sends_reaches_nobody_else(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sends(f"<message to='{bob.bare}' id='only-bob' type='chat'>{sealed()}</message>")
    await bob.receives("message", id="only-bob")
    await carol.receives_no("message", before=word_from(alice), id="only-bob")


run()
