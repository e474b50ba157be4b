"""docs/security.md §3, RFC 6120 §13.12: every limit, one below and above. Where the id is known the stream goes on."""

import time

import _path  # noqa: F401
from harness import NS, Disconnected, run, sealed, story, word_from
from harness.device import expect_error

KIB = 1024


def message(to, identity, inner):
    return f"<message to='{to}' id='{identity}' type='chat'>{inner}</message>"


def padded(to, identity, size):
    """A sealed message of exactly `size` bytes: the fallback body, which the server replaces, makes up the length."""
    bare = message(to, identity, sealed(fallback=""))
    return message(to, identity, sealed(fallback="x" * (size - len(bare)))) if size > len(bare) else bare


@story("docs/security.md §3: stanza 256 KiB")
async def a_stanza_at_the_limit_passes_and_one_above_is_bounced_by_its_id(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(padded(bob.full, "fits", 256 * KIB))
    await bob.receives("message", id="fits")
    await alice.sends(padded(bob.full, "large", 256 * KIB + 1))
    error = await alice.gets_error("message", "large", "policy-violation", "modify")
    assert error.get("from") == bob.full
    await bob.receives_no("message", before=word_from(alice), id="large")  # and the stream goes on


@story("docs/security.md §3: stanza 256 KiB")
async def a_large_request_is_answered_by_an_error(town):
    [alice] = await town.devices("alice")
    answer = await alice.tries(f"<query xmlns='jabber:iq:private'>{'y' * 300 * KIB}</query>", "set")
    expect_error(answer, "policy-violation")
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("docs/security.md §3: twice the limit")
async def twice_the_limit_ends_the_stream(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<message to='{bob.full}' id='huge'><body>{'x' * (513 * KIB)}")
    await alice.stream.fails_with("policy-violation")
    await bob.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("RFC 6120 §13.12: 10,000 bytes before log-in")
async def before_log_in_10000_bytes_pass_and_twice_that_does_not(town):
    stream = await town.stream().reaches_tls()
    await stream.sends(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>{'A' * 9000}</auth>")
    await stream.sasl_answer("failure")
    stream = await town.stream().reaches_tls()
    await stream.sends(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>{'A' * 30000}</auth>")
    await stream.fails_with("policy-violation")


@story("docs/security.md §3: depth 64")
async def depth_64_passes_and_65_ends_the_stream(town):
    for depth, passes in ((64, True), (65, False)):
        alice, bob = await town.devices("alice", "bob")
        inner = "<x xmlns='urn:example:nest'>" + "<x>" * (depth - 2) + "</x>" * (depth - 2) + "</x>"
        await alice.sends(message(bob.full, "deep", sealed() + inner))
        if passes:
            await bob.receives("message", id="deep")
        else:
            await alice.stream.fails_with("policy-violation")


@story("docs/security.md §3: 64 attributes")
async def attributes_64_pass_and_65_end_the_stream(town):
    for count, passes in ((64, True), (65, False)):
        alice, bob = await town.devices("alice", "bob")
        attributes = " ".join(f"a{number}='1'" for number in range(count))
        await alice.sends(message(bob.full, "wide", sealed() + f"<x {attributes}/>"))
        if passes:
            await bob.receives("message", id="wide")
        else:
            await alice.stream.fails_with("policy-violation")


@story("docs/security.md §3: 10,000 children")
async def a_stanza_of_very_many_children_ends_the_stream(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.full, "many", sealed() + "<x/>" * 5000))
    await bob.receives("message", id="many")
    await alice.sends(message(bob.full, "more", sealed() + "<x/>" * 10001))
    await alice.stream.fails_with("policy-violation")


@story("docs/security.md §2: quadratic tokens (CVE-2023-52425)")
async def a_long_token_in_small_pieces_costs_no_quadratic_time(town):
    [alice] = await town.devices("alice")
    began = time.monotonic()
    await alice.sends("<message a='")
    try:
        for _ in range(4096):
            await alice.sends("x" * 256)
    except (ConnectionError, OSError):
        pass
    await alice.stream.fails_with("policy-violation")
    assert time.monotonic() - began < 10


@story("docs/security.md §3: TLS within 10 s", options={"timeouts.tls": 1})
async def who_never_starts_tls_is_disconnected(town):
    stream = await town.stream().connect()
    await stream.wait_for(lambda event: isinstance(event, Disconnected), "the end")


@story("docs/security.md §3: log-in within 60 s", options={"timeouts.login": 1})
async def who_never_logs_in_is_disconnected(town):
    stream = await town.stream().reaches_tls()
    await stream.fails_with("connection-timeout")


@story("docs/security.md §3: one stanza within 60 s", options={"timeouts.stanza": 1})
async def a_stanza_that_never_ends_is_given_up(town):
    [alice] = await town.devices("alice")
    await alice.sends("<message to='localhost'><body>drip")
    await alice.stream.fails_with("connection-timeout")


@story("RFC 6120 §4.6, XEP-0199", options={"timeouts.ping": 1})
async def silence_is_asked_about_and_an_answer_keeps_the_session(town):
    [alice] = await town.devices("alice")
    ping = await alice.receives("iq", type_="get", child="{urn:xmpp:ping}ping")
    await alice.answers(ping)
    again = await alice.receives("iq", type_="get", child="{urn:xmpp:ping}ping")
    assert again.get("id") != ping.get("id")


@story("docs/security.md §3: connections of an address", options={"limits.connections_per_address": 8})
async def one_address_gets_a_bounded_number_of_connections(town):
    streams = [await town.stream().connect() for _ in range(8)]
    for stream in streams:
        await stream.opens()
    extra = await town.stream().connect()
    await extra.is_disconnected()
    await streams[0].drops()
    for _ in range(100):  # the place is free as soon as the server has seen the end
        again = await town.stream().connect()
        again.expects_header()
        await again.sends(again.header())
        event = await again.next()
        if not isinstance(event, Disconnected):
            return
    raise AssertionError("the place of a closed connection was never free again")


@story("docs/security.md §2: queues of dead readers", options={"limits.queue": 256 * KIB})
async def a_client_that_never_reads_is_ended_and_slows_nobody(town):
    alice, carol = await town.devices("alice", "carol")
    bob = await town.account("bob")
    sleeper = town.stream()
    await sleeper.connect(receive_buffer=4096)
    await sleeper.opens()
    await sleeper.starts_tls()
    await sleeper.opens()
    await sleeper.authenticates(bob.name, bob.password)
    full = await sleeper.binds("sleeper")
    await sleeper.sends("<presence/>")
    await sleeper.wait_for(lambda event: getattr(event, "tag", "") == NS.CLIENT + "presence", "own presence")
    sleeper.stops_reading()
    sent = 0
    while sent < 8000 and (sent % 100 or any(session["jid"] == full for session in await sessions(town))):
        await alice.sends(message(full, f"s{sent}", sealed(payload_bytes=3000)))
        sent += 1
        if sent % 50 == 0:
            await carol.asks("<ping xmlns='urn:xmpp:ping'/>")
            await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    assert sent < 8000, "the session of a client that does not read lives for ever"


async def sessions(town):
    answer = await town.ctl_json("session", "list")
    return answer["sessions"] if isinstance(answer, dict) else answer


run()
