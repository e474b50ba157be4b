"""RFC 6120 §6.4: what may follow what. Each element at each moment, also while the server still reads the account: an
exchange that was given up leaves nothing behind for the next one."""

import base64
import itertools
import random

import _path  # noqa: F401
from harness import NS, run, story
from harness.scram import Scram
from harness.stream import show

SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
ABORT = f"<abort {SASL}/>"
MANY = {"limits.passwords_per_stream": 100}
_addresses = itertools.count(1)


async def stream_of(town):
    """From a loopback address that nobody has guessed from yet: wrong passwords make a network wait."""
    number = next(_addresses)
    return await town.stream().reaches_tls(source=f"127.2.{number >> 8}.{number & 255}")


def auth(scram):
    return f"<auth {SASL} mechanism='SCRAM-SHA-256'>{scram.first()}</auth>"


def response(text):
    return f"<response {SASL}>{text}</response>"


def scram_for(account, password=None):
    return Scram("SCRAM-SHA-256", account.name, password or account.password)


async def fails(stream, *conditions):
    for condition in conditions:
        await stream.sasl_fails_with(condition)


async def nothing_waits(stream):
    """A fence: an element that no state allows is answered by exactly this, and by nothing before it."""
    await stream.sends(f"<foo {SASL}/>")
    await stream.sasl_fails_with("malformed-request")
    assert not stream.waiting(lambda event: True), [show(event) for event in stream.waiting(lambda event: True)]


@story("RFC 6120 §6.4.4: an exchange given up", options=MANY)
async def the_keys_of_an_exchange_that_was_given_up_prove_nothing_about_another_account(town):
    mallory, victim = await town.account("mallory"), await town.account("victim")
    salts = {}
    for account in (mallory, victim):
        stream = await stream_of(town)
        scram = scram_for(account)
        await stream.sends(auth(scram))
        scram.final((await stream.sasl_answer("challenge")).text)
        salts[account] = scram.salt
    stream = await stream_of(town)
    as_victim = scram_for(victim, password=mallory.password)
    # In one write: the server still reads mallory's row when victim's name comes.
    await stream.sends(auth(scram_for(mallory)) + ABORT + auth(as_victim))
    await fails(stream, "aborted")
    final = as_victim.final((await stream.sasl_answer("challenge")).text)
    assert as_victim.salt == salts[victim] and salts[victim] != salts[mallory]
    await stream.sends(response(final))
    await fails(stream, "not-authorized")
    await nothing_waits(stream)
    await stream.authenticates(victim.name, victim.password)
    assert (await stream.binds("r")) == f"{victim.bare}/r"


@story("RFC 6120 §6.4: out of order", options=MANY)
async def each_element_while_the_account_is_being_read(town):
    alice = await town.account("alice")
    for follower, condition in ((ABORT, "aborted"), (response("biws"), "malformed-request"), (response("%%%"), "malformed-request"),
                                (f"<foo {SASL}/>", "malformed-request"), (f"<success {SASL}/>", "malformed-request")):
        stream = await stream_of(town)
        await stream.sends(auth(scram_for(alice)) + follower)
        await fails(stream, condition)
        await nothing_waits(stream)
        await stream.authenticates(alice.name, alice.password)
        await stream.binds()


@story("RFC 6120 §6.4.2", options=MANY)
async def a_second_auth_takes_the_place_of_the_first(town):
    alice, bob = await town.account("alice"), await town.account("bob")
    for waits in (False, True):  # the first one's account is still being read; its challenge is there
        stream = await stream_of(town)
        first, second = scram_for(bob), scram_for(alice)
        await stream.sends(auth(first) + ("" if waits else auth(second)))
        if waits:
            old = first.final((await stream.sasl_answer("challenge")).text)
            await stream.sends(auth(second))
        challenge = (await stream.sasl_answer("challenge")).text
        assert base64.b64decode(challenge).startswith(b"r=" + second._nonce.encode())
        await nothing_waits(stream)
        await stream.sends(auth(second))
        challenge = (await stream.sasl_answer("challenge")).text
        if waits:
            await stream.sends(response(old))  # the proof of the discarded one
            await stream.sasl_answer("failure")
            await stream.sends(auth(second))
            challenge = (await stream.sasl_answer("challenge")).text
        await stream.sends(response(second.final(challenge)))
        second.verify((await stream.sasl_answer("success")).text)
        await stream.opens()
        assert (await stream.binds("r")) == f"{alice.bare}/r"


@story("RFC 6120 §6.4: out of order", options=MANY)
async def what_is_no_sasl_while_the_account_is_being_read_ends_the_stream_and_nothing_else(town):
    alice = await town.account("alice")
    for follower in ("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "<foo/>", "text"):
        stream = await stream_of(town)
        await stream.sends(auth(scram_for(alice)) + follower)
        await stream.is_disconnected()
    stream = await stream_of(town)
    await stream.sends(auth(scram_for(alice)) + "</stream:stream>")
    await stream.is_disconnected()
    stream = await stream_of(town)
    await stream.sends(auth(scram_for(alice)))
    await stream.drops()
    await alice.device()


@story("RFC 6120 §6.4.4, §6.5.8", options=MANY)
async def without_an_exchange_there_is_nothing_to_abort_or_to_answer(town):
    alice = await town.account("alice")
    stream = await stream_of(town)
    for element in (ABORT, response("biws"), response("="), response("%%%")):
        await stream.sends(element)
        await fails(stream, "malformed-request")
    await stream.authenticates(alice.name, alice.password)


@story("RFC 6120 §6.4.2", options=MANY)
async def an_auth_without_a_message_is_asked_for_one_and_may_be_given_up(town):
    alice = await town.account("alice")
    stream = await stream_of(town)
    await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-256'/>")
    assert not (await stream.sasl_answer("challenge")).text
    await stream.sends(ABORT)
    await fails(stream, "aborted")
    await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-256'/>")
    await stream.sasl_answer("challenge")
    scram = scram_for(alice)
    await stream.sends(response(scram.first()))
    await stream.sends(response(scram.final((await stream.sasl_answer("challenge")).text)))
    scram.verify((await stream.sasl_answer("success")).text)


@story("RFC 6120 §6.4.2", options=MANY)
async def an_equals_sign_is_an_empty_first_message_and_no_missing_one(town):
    stream = await stream_of(town)
    await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-256'>=</auth>")
    await fails(stream, "malformed-request")
    await nothing_waits(stream)


@story("docs/security.md §2: guessing", options={"limits.passwords_per_stream": 3})
async def giving_up_counts_like_a_wrong_password_and_is_not_recorded(town):
    alice = await town.account("alice")
    before = len(await town.records(kind="login-failed"))
    for elements, answered in (((auth(scram_for(alice)) + ABORT) * 4, 3), (ABORT * 4, 3), (f"<foo {SASL}/>" * 4, 3),
                               (auth(scram_for(alice)) * 4, 0)):
        stream = await stream_of(town)
        await stream.sends(elements)
        await stream.fails_with("policy-violation")
        failures = stream.takes(lambda event: getattr(event, "tag", None) == NS.SASL + "failure")
        assert len(failures) == answered, [show(failure) for failure in failures]
    await alice.device()
    records = (await town.records(kind="login-failed"))[before:]
    assert not [record for record in records if record.get("reason") == "aborted"], records
    assert len(records) <= 6, records


@story("the record names who tried", options=MANY)
async def a_failure_is_recorded_for_the_account_of_its_own_exchange(town):
    alice = await town.account("alice")
    stream = await stream_of(town)
    scram = scram_for(alice, "wrong")
    await stream.sends(auth(scram))
    await stream.sends(response(scram.final((await stream.sasl_answer("challenge")).text)))
    await fails(stream, "not-authorized")
    await stream.sends(f"<auth {SASL} mechanism='NO-SUCH'>biws</auth>")
    await fails(stream, "invalid-mechanism")
    await stream.sends(response("biws"))
    await fails(stream, "malformed-request")
    await alice.device()  # its record comes behind theirs
    mine = [record for record in await town.records(kind="login-failed") if f":{port_of(stream)}" in record["source"]]
    assert [record.get("from") for record in mine] == [alice.bare, None, None], mine


def port_of(stream):
    return stream._socket.getsockname()[1]


@story("RFC 6120 §6.4.6: the password is changed meanwhile", options=MANY)
async def an_old_password_opens_no_session_after_it_was_changed(town):
    alice = await town.account("alice")
    for bound_when_changed in (False, True):  # during the exchange; between <success/> and bind
        stream = await stream_of(town)
        scram = scram_for(alice)
        await stream.sends(auth(scram))
        final = response(scram.final((await stream.sasl_answer("challenge")).text))
        if bound_when_changed:
            await stream.sends(final)
            await stream.sasl_answer("success")
            await stream.opens()
        alice.password += " new"
        await town.ctl("user", "passwd", alice.bare, stdin=alice.password + "\n")
        if not bound_when_changed:
            await stream.sends(final)
            await stream.sasl_answer("success")
            await stream.opens()
        await stream.sends("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        await stream.fails_with("not-authorized")
        await alice.device()


@story("docs/security.md §2: guessing", alone=True)
async def who_shares_a_network_with_a_guesser_gets_in_after_a_restart(town):
    alice, bob = await town.account("alice"), await town.account("bob")
    shared = "127.3.0.1"
    await logs_in(town, bob, shared)
    await town.restart()
    for number in range(65):  # more than the network may
        stream = await town.stream().reaches_tls(source=shared)
        scram = scram_for(alice, f"guess {number}")
        await stream.sends(auth(scram))
        # What follows the proof ends the exchange: counted, but nobody waits for the brake's delay.
        await stream.sends(response(scram.final((await stream.sasl_answer("challenge")).text)) + f"<foo {SASL}/>")
        await stream.sasl_answer("failure")
        await stream.drops()
    stream = await town.stream().reaches_tls(source=shared)
    scram = scram_for(alice)
    await stream.sends(auth(scram))
    await stream.sends(response(scram.final((await stream.sasl_answer("challenge")).text)))
    await fails(stream, "temporary-auth-failure")  # alice has never been there
    await logs_in(town, bob, shared)


async def logs_in(town, account, source):
    stream = await town.stream().reaches_tls(source=source)
    await stream.authenticates(account.name, account.password)
    await stream.binds()
    await stream.drops()


# ---- whole sequences, against a model

class Model:
    """What the server must answer to elements that arrive in one write. `busy`: the row is still being read."""

    def __init__(self):
        self.state = "none"

    def take(self, what):
        if what == "auth":  # the one under way is discarded without a word (§6.4.2)
            self.state = "busy"
            return []
        if what in ("unknown mechanism", "bad first", "bad base64"):
            self.state = "none"
            return [{"unknown mechanism": "invalid-mechanism", "bad first": "malformed-request",
                     "bad base64": "incorrect-encoding"}[what]]
        had, self.state = self.state, "none"
        if what == "abort" and had != "none":
            return ["aborted"]
        if had == "challenged" and what == "response":
            return ["not-authorized"]
        if had == "challenged" and what == "bad response":
            return ["malformed-request"]
        return ["malformed-request"]

    def write_ends(self):
        if self.state != "busy":
            return []
        self.state = "challenged"
        return ["challenge"]


def name_of(event):
    return "challenge" if event.tag == NS.SASL + "challenge" else event[0].tag.removeprefix(NS.SASL)


@story("RFC 6120 §6.4: any sequence", options=MANY)
async def any_sequence_of_elements_is_answered_as_the_model_says(town):
    people = [await town.account(name) for name in ("alice", "bob")]
    seed = random.SystemRandom().randrange(1 << 32)
    choose = random.Random(seed)
    wire = {"abort": lambda: ABORT, "unknown": lambda: f"<foo {SASL}/>",
            "bad response": lambda: response("biws"),
            "unknown mechanism": lambda: f"<auth {SASL} mechanism='X'>biws</auth>",
            "bad first": lambda: f"<auth {SASL} mechanism='SCRAM-SHA-256'>biws</auth>",
            "bad base64": lambda: f"<auth {SASL} mechanism='SCRAM-SHA-256'>%%%</auth>"}
    for _ in range(60):
        stream, model, trail = await stream_of(town), Model(), []
        scram = challenge = None
        for _ in range(choose.randrange(1, 6)):
            write, expected = "", []
            for _ in range(choose.randrange(1, 5)):
                what = choose.choice(["auth", "auth", "abort", "response", *wire])
                if what == "auth":
                    scram = scram_for(choose.choice(people), "wrong")
                    write += auth(scram)
                elif what == "response":
                    write += response(scram.final(challenge) if model.state == "challenged" else "biws")
                else:
                    write += wire[what]()
                trail.append(what)
                expected += model.take(what)
            expected += model.write_ends()
            trail.append("|")
            await stream.sends(write)
            answers = []
            for _ in expected:
                answers.append(await stream.next())
            assert [name_of(answer) for answer in answers] == expected, (seed, trail, expected, [show(a) for a in answers])
            if expected[-1:] == ["challenge"]:
                challenge = answers[-1].text
                assert base64.b64decode(challenge).startswith(b"r=" + scram._nonce.encode()), (seed, trail)
        if model.state != "none":
            await stream.sends(ABORT)
            await fails(stream, "aborted")
        await nothing_waits(stream)
        last = choose.choice(people)
        await stream.authenticates(last.name, last.password)
        assert (await stream.binds("r")) == f"{last.bare}/r"
        await stream.drops()


run()
