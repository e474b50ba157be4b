"""XEP-0198: acknowledgements in both directions and what is wrong with them."""

import _path  # noqa: F401
from harness import NS, ping, run, story, word_from
from _managed import SM, XMLNS, Managed, device, ends_with, expect_failed, is_sm, message, messages_of, resume


@story("XEP-0198 §2")
async def the_feature_is_there_after_log_in_and_not_before(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    assert stream.features.find(SM + "sm") is None
    await stream.authenticates(alice.name, alice.password)
    assert stream.features.find(SM + "sm") is not None


@story("XEP-0198 §3")
async def before_log_in_enable_and_resume_are_unexpected_and_the_stream_goes_on(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    for element in (f"<enable {XMLNS}/>", f"<resume {XMLNS} h='0' previd='x'/>"):
        await stream.sends(element)
        expect_failed(await stream.wait_for(is_sm("failed"), "<failed/>"), "unexpected-request")
    await stream.authenticates(alice.name, alice.password)
    await stream.binds()


@story("XEP-0198 §3")
async def enabled_names_an_id_and_a_time_only_to_who_wants_to_resume(town):
    alice, bob = await town.devices("alice", "bob")
    alice, bob = await Managed.of(alice, ""), await Managed.of(bob, "resume='1' max='90'")
    assert (alice.id, alice.enabled.get("resume"), alice.enabled.get("max")) == (None, None, None)
    assert len(bob.id) == 32 and bob.enabled.get("resume") == "true" and bob.enabled.get("max") == "90"
    assert bob.enabled.get("location") is None


@story("XEP-0198 §3", options={'host["localhost"].resumption.location': "[2001:db8::1]:5299", "timeouts.resumption": 700})
async def the_server_says_where_and_how_long_and_no_client_gets_more(town):
    alice = await device(town, "alice", "resume='true' max='100000'")
    assert alice.enabled.get("location") == "[2001:db8::1]:5299" and alice.enabled.get("max") == "700"


@story("XEP-0198 §3", options={"timeouts.resumption": 0})
async def where_nothing_is_resumed_acknowledgements_still_work(town):
    alice = await device(town, "alice")
    assert alice.id is None and alice.enabled.get("resume") is None
    await ping(alice)
    assert await alice.asks_for_h() == 1


@story("XEP-0198 §3, §6")
async def enable_comes_once_and_its_max_is_a_number(town):
    (alice,) = await town.devices("alice")
    for attributes in ("max='0'", "max='-1'", "max='soon'", "max='4294967296'"):
        await alice.sends(f"<enable {XMLNS} {attributes}/>")
        expect_failed(await alice.stream.wait_for(is_sm("failed"), "<failed/>"), "bad-request")
    alice = await Managed.of(alice)
    await alice.sends(f"<enable {XMLNS}/>")
    expect_failed(await alice.stream.wait_for(is_sm("failed"), "<failed/>"), "unexpected-request")
    expect_failed(await resume(alice.stream, alice.id, 0), "unexpected-request")
    await ping(alice)


@story("XEP-0198 §4")
async def a_request_is_answered_with_what_was_handled(town):
    alice = await device(town, "alice", "")
    for number in range(3):
        assert await alice.asks_for_h() == number
        await ping(alice)
    await alice.sends("<message to='a@b@c'/><presence type='nonsense'/><iq type='get'/><iq type='set' id='s'>"
                      "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
    assert await alice.asks_for_h() == 7  # what was refused is handled, too


@story("XEP-0198 §4, §9.2")
async def the_server_asks_behind_some_stanzas_and_not_behind_each(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob")
    for number in range(40):
        await alice.sends(message(bob.full, f"m{number}"))
    await bob.receives("message", id="m39")
    asked = bob.stream.waiting(is_sm("r"))
    assert len(asked) == 1, f"{len(asked)} requests are open at once"
    await bob.acks()
    await word_from(alice)(bob)
    await bob.is_asked()


@story("XEP-0198 §4")
async def a_single_stanza_is_asked_about_too(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob")
    await alice.sends(message(bob.full, "m"))
    await bob.is_asked()


@story("XEP-0198 §6")
async def who_acknowledges_more_than_was_sent_is_told_how_many_and_loses_the_session(town):
    (alice,) = await town.devices("alice")
    for h in (2, 4_000_000_000, 4_294_967_295):
        bob = await device(town, "bob")
        await alice.sends(message(bob.full, "m"))
        await bob.receives("message", id="m")
        await bob.acks(h)
        error = await ends_with(bob.stream, "undefined-condition")
        told = error.find(SM + "handled-count-too-high")
        assert (told.get("h"), told.get("send-count")) == (str(h), "1")
        assert await bob.state() is None
        again = await bob.account.device()
        await again.receives("message", id="m")  # it was in nobody's hands


@story("XEP-0198 §4")
async def an_acknowledgement_without_a_number_ends_the_stream_and_an_old_one_changes_nothing(town):
    alice, carol = await town.devices("alice", "carol")
    bob = await device(town, "bob")
    for number in range(3):
        await alice.sends(message(bob.full, f"m{number}"))
        await bob.receives("message", id=f"m{number}")
    await bob.acks(2)
    await bob.acks(1)
    await bob.acks(3)
    await ping(bob)
    for attribute in ("", "h=''", "h='-1'", "h='4294967296'", "h='1 '"):
        dave = await device(town, "dave")
        await dave.sends(f"<a {XMLNS} {attribute}/>")
        await ends_with(dave.stream, "bad-format")


@story("XEP-0198 §4", options={"limits.unacknowledged": 10, "timeouts.answer": 1})
async def a_client_that_never_acknowledges_is_asked_then_ended_and_nothing_is_lost(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob")
    for number in range(11):
        await alice.sends(message(bob.full, f"m{number}"))
    await ends_with(bob.stream, "policy-violation")
    again = await bob.account.device()
    for number in range(11):
        await again.receives("message", id=f"m{number}")


@story("XEP-0198 §4: what was not acknowledged goes on as to a resource that is not there")
async def what_one_device_has_acknowledged_no_other_gets_and_what_it_has_not_waits_once(town):
    (alice,) = await town.devices("alice")
    bob = await device(town, "bob", "")
    for number in range(4):
        await alice.sends(message(bob.bare, f"m{number}"))
        await bob.receives("message", id=f"m{number}")
    await bob.acks(2)
    await ping(bob)
    await bob.drops()
    await bob.has_ended()
    again = await Managed.of(await bob.account.device(present=False), "")
    await again.becomes_available()
    await word_from(alice)(again)
    came = messages_of(again)
    assert came[:2] == ["m2", "m3"] and len(came) == 3, came
    stamped = again.stream._parser.elements
    assert all(e.find(NS.DELAY + "delay") is not None for e in stamped if e.get("id") in ("m2", "m3"))


@story("XEP-0160, XEP-0198 §4")
async def what_waited_is_marked_when_the_client_acknowledges_it_and_not_before(town):
    (alice,) = await town.devices("alice")
    bob = await town.account("bob")
    for number in range(3):
        await alice.sends(message(bob.bare, f"m{number}"))
    await word_from(alice)(alice)
    one = await Managed.of(await bob.device(present=False), "")
    await one.becomes_available()
    for number in range(3):
        await one.receives("message", id=f"m{number}")
    await one.acks(one.h - 1)
    await ping(one)
    await one.drops()
    await one.has_ended()
    other = await Managed.of(await bob.device(present=False), "")
    await other.becomes_available()
    await word_from(alice)(other)
    assert messages_of(other)[:-1] == ["m2"], messages_of(other)
    await other.acks()
    await ping(other)
    await other.drops()
    await other.has_ended()
    third = await bob.device()
    await third.receives_no("message", before=word_from(alice), id="m2")


run()
