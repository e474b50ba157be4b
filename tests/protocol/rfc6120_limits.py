"""docs/security.md §3, RFC 6120 §13.12: every limit, one below and above. Where the id is known the stream goes on."""

import asyncio
import time

import _path  # noqa: F401
from harness import NS, Disconnected, run, sealed, story, word_from
from harness.device import expect_error
from harness.stream import WAIT_SECONDS
from harness.town import PROGRAMS

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


@story("RFC 6120 §13.12")
async def no_limit_of_a_stanza_is_below_10000_bytes(town):
    good = town.config_file.read_text()
    for option, least in (("limits.stanza", 10_240), ("limits.stanza_before_login", 10_000)):
        for size, holds in ((least - 1, False), (least, True)):
            file = town.folder / "limits.lua"
            town.write_file(file, good + f"{option} = {size}\n")
            process = await asyncio.create_subprocess_exec(
                str(PROGRAMS["valised"]), "--config", str(file), "--check-config", stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT)
            out, _ = await process.communicate()
            assert (process.returncode == 0) == holds and (holds or option in out.decode()), (option, size, out)


async def passes_is_bounced_or_ends(town, inner_of, limit):
    """At the limit it passes, up to twice the limit it is bounced by its id, beyond that the stream ends."""
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.full, "fits", sealed() + inner_of(limit)))
    await bob.receives("message", id="fits")
    for count in (limit + 1, 2 * limit):
        await alice.sends(message(bob.full, f"more{count}", sealed() + inner_of(count)))
        await alice.gets_error("message", f"more{count}", "policy-violation", "modify")
        await bob.receives_no("message", before=word_from(alice), id=f"more{count}")
    await alice.sends(message(bob.full, "most", sealed() + inner_of(2 * limit + 1)))
    await alice.stream.fails_with("policy-violation")


@story("docs/security.md §3: depth 64")
async def depth_64_passes_65_is_bounced_and_129_ends_the_stream(town):
    await passes_is_bounced_or_ends(
        town, lambda depth: "<x xmlns='urn:example:nest'>" + "<x>" * (depth - 2) + "</x>" * (depth - 2) + "</x>", 64)


@story("docs/security.md §3: 64 attributes")
async def attributes_64_pass_65_are_bounced_and_129_end_the_stream(town):
    await passes_is_bounced_or_ends(
        town, lambda count: "<x " + " ".join(f"a{number}='1'" for number in range(count)) + "/>", 64)


@story("docs/security.md §3: 10,000 children")
async def a_stanza_of_very_many_children_is_bounced_and_of_twice_as_many_ends_the_stream(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.full, "many", sealed() + "<x/>" * 5000))
    await bob.receives("message", id="many")
    await alice.sends(message(bob.full, "more", sealed() + "<x/>" * 10001))
    await alice.gets_error("message", "more", "policy-violation", "modify")
    await alice.sends(message(bob.full, "most", sealed() + "<x/>" * 20001))
    await alice.stream.fails_with("policy-violation")


@story("RFC 6120 §8.3: a request")
async def a_request_with_too_much_in_it_is_answered_by_an_error(town):
    [alice] = await town.devices("alice")
    answer = await alice.tries("<query xmlns='jabber:iq:private'>" + "<a>" * 70 + "</a>" * 70 + "</query>", "set")
    expect_error(answer, "policy-violation")
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("decision 3: quadratic tokens (CVE-2023-52425)")
async def a_long_token_in_small_pieces_costs_no_quadratic_time(town):
    [alice] = await town.devices("alice")
    began = town.processor_seconds()
    await alice.sends("<message a='")
    try:
        for _ in range(4096):
            await alice.sends("x" * 256)
    except (ConnectionError, OSError):
        pass
    await alice.stream.fails_with("policy-violation")
    assert town.processor_seconds() - began < 10


@story("docs/security.md §3: TLS within 10 s", options={"timeouts.tls": 1})
async def who_never_starts_tls_is_disconnected(town):
    stream = await town.stream().connect()
    await stream.wait_for(lambda event: isinstance(event, Disconnected), "the end")


@story("docs/security.md §3: log-in within 60 s", options={"timeouts.login": 5})
async def who_never_logs_in_is_disconnected(town):
    stream = await town.stream().reaches_tls()
    await stream.fails_with("policy-violation")


@story("docs/security.md §3: one stanza within 60 s", options={"timeouts.stanza": 1})
async def a_stanza_that_never_ends_is_given_up(town):
    [alice] = await town.devices("alice")
    await alice.sends("<message to='localhost'><body>drip")
    await alice.stream.fails_with("policy-violation")


@story("docs/security.md §3: one stanza within 60 s", options={"timeouts.stanza": 1})
async def a_stanza_that_comes_byte_by_byte_is_given_up_too(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<message to='{bob.full}' id='drip' type='chat'><body>")

    async def drips():
        while not alice.stream.is_cut():
            try:
                await alice.sends("a")
            except OSError:
                return
            await bob.asks("<ping xmlns='urn:xmpp:ping'/>")  # its answer paces

    await asyncio.wait_for(drips(), WAIT_SECONDS)
    await alice.stream.fails_with("policy-violation")


@story("docs/security.md §3: one stanza within 60 s", options={"timeouts.stanza": 6})
async def stanzas_that_follow_each_other_without_a_gap_are_each_timed_for_themselves(town):
    alice, bob = await town.devices("alice", "bob")
    began, sent, rest = time.monotonic(), 0, ""
    while time.monotonic() - began < 10:  # longer than the limit: in every read one ends and the next begins
        stanza = message(bob.full, f"s{sent}", sealed())
        await alice.sends(rest + stanza[:len(stanza) // 2])
        rest = stanza[len(stanza) // 2:]
        sent += 1
        gap = time.monotonic()
        while time.monotonic() - gap < 1.2:  # long enough for the server to look at its clock
            await bob.asks("<ping xmlns='urn:xmpp:ping'/>")
    await alice.sends(rest)
    await bob.receives("message", id=f"s{sent - 1}")


@story("RFC 6120 §4.6.1", options={"timeouts.stanza": 1, "timeouts.ping": 8})
async def a_white_space_keepalive_begins_no_stanza(town):
    [alice] = await town.devices("alice")
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    await alice.sends(" ")
    await alice.answers(await alice.receives("iq", type_="get", child="{urn:xmpp:ping}ping"))  # after the stanza's time
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("docs/security.md §3: one element before log-in", options={"timeouts.stanza_before_login": 1})
async def an_element_before_log_in_that_never_ends_is_given_up(town):
    stream = await town.stream().reaches_tls()
    await stream.sends("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>")
    await stream.fails_with("policy-violation")
    stream = await town.stream().connect()
    await stream.opens()
    await stream.sends("<starttls")
    await stream.fails_with("policy-violation")


@story("RFC 6120 §4.6, XEP-0199", options={"timeouts.ping": 1})
async def silence_is_asked_about_and_an_answer_keeps_the_session(town):
    [alice] = await town.devices("alice")
    ping = await alice.receives("iq", type_="get", child="{urn:xmpp:ping}ping")
    await alice.answers(ping)
    again = await alice.receives("iq", type_="get", child="{urn:xmpp:ping}ping")
    assert again.get("id") != ping.get("id")


@story("RFC 6120 §4.6.2, §4.9.3.4", options={"timeouts.ping": 1, "timeouts.answer": 4})
async def who_does_not_answer_is_given_up(town):
    alice, bob = await town.devices("alice", "bob")
    alice.stream.answers_pings = False
    await alice.receives("iq", type_="get", child="{urn:xmpp:ping}ping")
    await alice.stream.fails_with("connection-timeout")
    await bob.asks("<ping xmlns='urn:xmpp:ping'/>")  # who answers stays


@story("RFC 6120 §4.6.4")
async def by_default_nobody_is_asked_more_often_than_every_five_minutes(town):
    process = await asyncio.create_subprocess_exec(str(PROGRAMS["valised"]), "--describe-options", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    [row] = [line for line in out.decode().splitlines() if line.startswith("| `timeouts.ping`")]
    assert row.split("|")[4].strip() == "5 min", row


@story("RFC 6120 §13.12", options={"limits.rate": 64 * KIB, "limits.rate_burst": 64 * KIB})
async def bytes_above_the_rate_are_read_later(town):
    [alice] = await town.devices("alice")
    began = time.monotonic()
    for _ in range(10):
        await alice.asks(f"<ping xmlns='urn:xmpp:ping'/>{' ' * 32 * KIB}")
    assert time.monotonic() - began > 2, "320 KiB at 64 KiB a second and a burst of as much"


@story("RFC 6120 §13.12", options={"limits.stanzas_per_s": 5, "limits.stanzas_burst": 10})
async def stanzas_above_the_rate_are_read_later(town):
    [alice] = await town.devices("alice")
    began = time.monotonic()
    for _ in range(25):
        await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    assert time.monotonic() - began > 2, "25 stanzas at 5 a second and a burst of 10"


@story("RFC 6120 §13.12", options={"limits.connections_new_per_s": 1})
async def one_address_opens_a_bounded_number_of_connections_a_second(town):
    streams = [await town.stream().connect() for _ in range(8)]
    served = 0
    for stream in streams:
        stream.expects_header()
        try:
            await stream.sends(stream.header())
        except OSError:
            continue  # it was quicker
        served += not isinstance(await stream.next(), Disconnected)
    assert 1 <= served < len(streams), served


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


@story("docs/security.md §3: connections in all", options={"limits.connections": 16, "limits.unauthenticated": 100})
async def the_server_gets_a_bounded_number_of_connections(town):
    accounts = [await town.account("alice") for _ in range(4)]
    devices = [await accounts[number % 4].device(interested=False) for number in range(16)]
    await town.turns_a_connection_away()
    await devices[0].asks("<ping xmlns='urn:xmpp:ping'/>")
    await devices[1].drops()
    for _ in range(100):  # the place is free as soon as the server has seen the end
        again = await town.stream().connect()
        again.expects_header()
        await again.sends(again.header())
        if not isinstance(await again.next(), Disconnected):
            return
    raise AssertionError("the place of a closed connection was never free again")


@story("docs/security.md §2: queues of dead readers", options={"limits.queue": 256 * KIB})
async def a_client_that_never_reads_is_ended_and_slows_nobody(town):
    alice, carol = await town.devices("alice", "carol")
    bob = await town.account("bob")
    sleeper = await bob.sleeper()
    full = sleeper.full
    sleeper.stream.stops_reading()
    sent = most = 0
    while sent < 8000:
        if sent % 5 == 0:
            held = [session["memory_kib"] for session in await sessions(town) if session["jid"] == full]
            if not held:
                break
            most = max(most, *held)
        await alice.sends(message(full, f"s{sent}", sealed(payload_bytes=3000)))
        sent += 1
        if sent % 50 == 0:
            await carol.asks("<ping xmlns='urn:xmpp:ping'/>")
            await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    assert sent < 8000, "the session of a client that does not read lives for ever"
    assert 64 < most <= 256 + 80, f"{most} KiB: its queue, and what a session takes anyway"


async def most_of_a_stranger_who_does_not_read(town):
    """Asks until he is ended for that; returns the most bytes that the server was seen to keep for him."""
    base, said = (await town.ctl_json("status"))["memory"]["connections"], len(town.log())
    stream = await town.stream().connect(receive_buffer=4096)
    await stream.opens()
    stream.stops_reading()
    most, refused = 0, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>" * 500
    try:
        for _ in range(2000):
            await stream.sends(refused)
            most = max(most, (await town.ctl_json("status"))["memory"]["connections"] - base)
    except OSError:  # ended
        await town.ctl("status")  # behind its end
        assert "it reads too slowly" in town.log()[said:], "ended, but not for that"
        return most
    raise AssertionError("a stranger that does not read lives for ever")


@story("docs/security.md §3: memory before log-in 64 KiB")
async def a_stranger_who_does_not_read_is_ended_soon(town):
    most = await most_of_a_stranger_who_does_not_read(town)
    assert 0 < most < 160 * KIB, most  # it fills between two looks: how full it was at its end is seldom seen


@story("docs/security.md §3: limits.memory_before_login", options={"limits.memory_before_login": 2048 * KIB})
async def a_stranger_who_does_not_read_has_what_is_configured(town):
    most = await most_of_a_stranger_who_does_not_read(town)
    assert 160 * KIB < most < 3072 * KIB, most  # more than by default, and above its own only what one turn adds


async def sessions(town):
    answer = await town.ctl_json("session", "list")
    return answer["sessions"] if isinstance(answer, dict) else answer


run()
