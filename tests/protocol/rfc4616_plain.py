"""RFC 4616, RFC 6120 §13.8.3: PLAIN, only where the administrator names it, and registration: what a password costs is
paid beside the thread that serves the streams."""

import asyncio
import base64
import itertools

import _path  # noqa: F401
from harness import NS, run, story

SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
PLAIN = {"scram.mechanisms": ["SCRAM-SHA-256", "PLAIN"], "limits.passwords_per_stream": 100}
# Deriving a key takes longer than anything else that these stories do.
SLOW = {**PLAIN, "scram.iterations": 400_000, "timeouts.login": 600, "registration.enabled": True,
        "limits.registrations_per_hour": 1000}
_addresses = itertools.count(1)


async def meets(town):
    number = next(_addresses)
    return await town.stream().reaches_tls(source=f"127.4.{number >> 8}.{number & 255}")


def auth(name, password, authzid=""):
    text = f"{authzid}\0{name}\0{password}".encode()
    return f"<auth {SASL} mechanism='PLAIN'>{base64.b64encode(text).decode()}</auth>"


@story("RFC 6120 §13.8.3")
async def plain_is_not_there_unless_it_was_named(town):
    alice = await town.account("alice")
    stream = await meets(town)
    assert "PLAIN" not in stream.mechanisms()
    await stream.sends(auth(alice.name, alice.password))
    await stream.sasl_fails_with("invalid-mechanism")


@story("RFC 4616 §2", options=PLAIN)
async def plain_comes_last_and_opens_with_the_right_password_only(town):
    alice = await town.account("alice")
    stream = await meets(town)
    assert stream.mechanisms() == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"], stream.mechanisms()
    answers = []
    for name, password in ((alice.name, "wrong"), ("nobody-of-this-name", alice.password), (alice.name, alice.password + " ")):
        await stream.sends(auth(name, password))
        failure = await stream.sasl_fails_with("not-authorized")
        answers.append([(child.tag, child.text) for child in failure])
    assert answers[0] == answers[1] == answers[2], answers
    await stream.sends(f"<auth {SASL} mechanism='PLAIN'/>")
    await stream.sasl_answer("challenge")
    await stream.sends(auth(alice.name, alice.password).replace("auth", "response").replace(" mechanism='PLAIN'", ""))
    await stream.sasl_answer("success")
    await stream.opens()
    assert (await stream.binds("r")) == f"{alice.bare}/r"


@story("RFC 4616 §2, RFC 6120 §6.3.8", options=PLAIN)
async def nobody_acts_for_another(town):
    alice, bob = await town.account("alice"), await town.account("bob")
    for other in (bob.bare, "localhost", f"{alice.bare}/r", alice.name):
        stream = await meets(town)
        await stream.sends(auth(alice.name, alice.password, other))
        await stream.sasl_fails_with("invalid-authzid")
    stream = await meets(town)
    await stream.sends(auth(alice.name, alice.password, alice.bare))
    await stream.sasl_answer("success")
    for broken in (b"", b"alice", b"\0alice", b"\0\0x", b"\0alice\0", b"a\0b\0c\0d", b"\0alice\0" + b"x" * 1024):
        stream = await meets(town)
        await stream.sends(f"<auth {SASL} mechanism='PLAIN'>{base64.b64encode(broken).decode() or '='}</auth>")
        await stream.sasl_fails_with("malformed-request")


@story("RFC 6120 §6.4.4: while the password is being checked", options=SLOW)
async def what_ends_an_exchange_also_ends_its_check(town):
    alice, bob = await town.account("alice"), await town.account("bob")
    for ending, condition in ((f"<abort {SASL}/>", "aborted"), (f"<response {SASL}>AAAA</response>", "malformed-request")):
        stream = await meets(town)
        await stream.sends(auth(alice.name, alice.password) + ending)
        await stream.sasl_fails_with(condition)
        # The first one's answer, which was right, must not come now.
        await stream.sends(auth(bob.name, "wrong"))
        await stream.sasl_fails_with("not-authorized")
        await stream.sends(auth(bob.name, bob.password))
        await stream.sasl_answer("success")
        await stream.opens()
        assert (await stream.binds("r")) == f"{bob.bare}/r"
    for goodbye in (lambda stream: stream.drops(), lambda stream: stream.sends("</stream:stream>")):
        gone = await meets(town)
        await gone.sends(auth(alice.name, alice.password))
        await goodbye(gone)
    await (await town.account("carol")).device()  # and the server is well


@story("XEP-0077 §3.1: several wait for a working thread", options=SLOW)
async def accounts_that_are_made_side_by_side_are_all_answered(town):
    guest, stream = await meets(town), await meets(town)
    for number in range(4):
        await guest.sends(f"<iq type='set' id='r{number}'><query xmlns='jabber:iq:register'><username>guest{number}</username>"
                          f"<password>open sesame</password></query></iq>")
    answers = [(await guest.wait_for(lambda e: getattr(e, "get", lambda _: None)("type") in ("result", "error"), "an answer")).get("id")
               for _ in range(4)]
    assert sorted(answers) == ["r0", "r1", "r2", "r3"], answers
    await guest.sends("<iq type='set' id='again'><query xmlns='jabber:iq:register'><username>guest0</username>"
                      "<password>open sesame</password></query></iq>")
    taken = await guest.wait_for(lambda e: getattr(e, "get", lambda _: None)("id") == "again", "an answer")
    assert taken.get("type") == "error"
    await stream.sends(auth("guest0", "open sesame"))
    await stream.sasl_answer("success")


@story("docs/security.md §2: guessing", options={**SLOW, "scram.iterations": 1_000_000}, alone=True)
async def an_answer_that_has_to_wait_waits_for_the_check_too(town):
    guesser = await town.stream().reaches_tls(source="127.0.0.79")
    guess = base64.b64encode(b"c=biws,r=x,p=AAAA").decode()
    first = base64.b64encode(b"n,,n=nobody,r=x").decode()
    for _ in range(11):
        await guesser.sends(f"<auth {SASL} mechanism='SCRAM-SHA-256'>{first}</auth>")
        await guesser.sasl_answer("challenge")
        await guesser.sends(f"<response {SASL}>{guess}</response>")
        await guesser.sasl_answer("failure")
    await guesser.sends(auth("nobody", "wrong"))  # the brake's delay is over before the check is
    await guesser.sasl_fails_with("not-authorized")


async def crowd_of(town, source):
    """Guessers of one network, more than may wait and be worked at: they, and one whom there was no room for."""
    streams = [await town.stream().reaches_tls(source=source) for _ in range(8 + 4 + 1)]
    for stream in streams:
        await stream.sends(auth("nobody", "wrong"))
    tries = {asyncio.ensure_future(stream.sasl_fails_with("temporary-auth-failure")): stream for stream in streams}
    refused, others = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return streams, tries[next(iter(refused))]


def was_checked(stream):
    return stream.waiting(lambda event: getattr(event, "tag", None) == NS.SASL + "failure"
                          and event[0].tag == NS.SASL + "not-authorized") != []


@story("docs/security.md §3: passwords that wait", options={**SLOW, "scram.iterations": 1_000_000}, alone=True)
async def strangers_fill_their_own_queue_and_keep_nobody_out_who_is_known(town):
    alice, bob = await town.account("alice"), await town.account("bob")

    async def comes_home():
        home = await town.stream().reaches_tls(source="127.5.0.1")
        await home.sends(auth(alice.name, alice.password))
        await home.sasl_answer("success")
    await comes_home()  # from now on she is known there
    crowd = []
    for network in range(1, 5):
        streams, refused = await crowd_of(town, f"127.6.0.{network}")
        crowd += streams
    for _ in range(70):  # more than the brake would let pass: what there was no room for is not counted
        await refused.sends(auth("nobody", "wrong"))
        await refused.sasl_fails_with("temporary-auth-failure")
    await comes_home()
    assert sum(map(was_checked, crowd)) < 16, "she waited for the strangers who came before her"
    crowd.remove(refused)
    for stream in crowd:
        await stream.drops()

    async def is_let_in():
        await refused.sends(auth(bob.name, bob.password))
        answer = await refused.wait_for(lambda event: str(getattr(event, "tag", "")).startswith(NS.SASL), "an answer")
        if answer.tag == NS.SASL + "success":
            return True
        assert answer[0].tag == NS.SASL + "temporary-auth-failure", answer[0].tag
        return False
    while not await is_let_in():
        await comes_home()  # who has gone leaves the queue when it is their turn
    reasons = [record["reason"] for record in await town.records(kind="login-failed")]
    assert reasons.count("busy") > 70 and "braked" not in reasons, set(reasons)


@story("XEP-0077 §3.1, docs/security.md §3: passwords that wait", options={**SLOW, "limits.registrations_per_hour": 14})
async def an_account_that_there_was_no_room_for_does_not_count(town):
    guest = await meets(town)

    async def answer(number):
        return await guest.wait_for(lambda e: getattr(e, "get", lambda _: None)("id") == f"r{number}", "an answer")

    async def asks(*numbers):
        await guest.sends("".join(
            f"<iq type='set' id='r{number}'><query xmlns='jabber:iq:register'><username>host{number}</username>"
            "<password>open sesame</password></query></iq>" for number in numbers))
    await asks(*range(20))  # in one piece: nobody has been worked at for long when the last one comes
    answers = [await answer(number) for number in range(20)]
    refused = [one for one in answers if one.get("type") == "error"]
    for one in refused:
        error = one.find(NS.CLIENT + "error")
        assert error.get("type") == "wait" and error[0].tag == NS.STANZA_ERROR + "resource-constraint"
    made = 20 - len(refused)
    assert 8 <= made <= 14, "8 that wait, and those that were worked at meanwhile: none, where no thread had its turn yet"
    for number in range(20, 20 + 14 - made):  # one after the other there is room, up to what an hour allows
        await asks(number)
        assert (await answer(number)).get("type") == "result"
    await asks(99)
    assert (await answer(99)).get("type") == "error"


run()
