"""RFC 6120 §6, RFC 5802, RFC 7677: who you are. A stranger learns nothing."""

import base64
import hashlib
import itertools
import time

import _path  # noqa: F401
from cryptography.hazmat.primitives import serialization
from harness import NS, run, story
from harness.exporter import connect_with_exporter
from harness.scram import Scram

SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"


_addresses = itertools.count(1)


def elsewhere():
    """A loopback address that nobody has guessed from yet: wrong passwords make a network wait."""
    number = next(_addresses)
    return f"127.1.{number >> 8}.{number & 255}"


async def starts(stream, mechanism, name, password, **how):
    scram = Scram(mechanism, name, password, **how)
    await stream.sends(f"<auth {SASL} mechanism='{mechanism}'>{scram.first()}</auth>")
    return scram


async def answers(stream, scram, **how):
    challenge = await stream.sasl_answer("challenge")
    await stream.sends(f"<response {SASL}>{scram.final(challenge.text, **how)}</response>")


@story("RFC 6120 §6.4, RFC 5802")
async def every_scram_hash_logs_in(town):
    alice = await town.account("alice")
    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        device = await alice.device(mechanism=mechanism)
        await device.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("RFC 6120 §6.3.3")
async def the_strongest_mechanism_is_offered_first_and_plain_not_at_all(town):
    stream = await town.stream().reaches_tls()
    offered = stream.mechanisms()
    hashes = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"]
    assert offered == [name + "-PLUS" for name in hashes] + hashes, offered


@story("RFC 6120 §6.5.10")
async def a_wrong_password_is_not_authorized(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    await answers(stream, await starts(stream, "SCRAM-SHA-256", alice.name, "wrong"))
    await stream.sasl_fails_with("not-authorized")


@story("RFC 6120 §6.4.5")
async def after_a_failure_the_right_password_still_works_on_the_same_stream(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    await answers(stream, await starts(stream, "SCRAM-SHA-256", alice.name, "wrong"))
    await stream.sasl_fails_with("not-authorized")
    await stream.authenticates(alice.name, alice.password)
    assert (await stream.binds()).startswith(alice.bare)


@story("RFC 6120 §13.8.3 (CVE-2021-32921 class)")
async def an_unknown_user_is_answered_like_a_wrong_password(town):
    alice = await town.account("alice")
    stranger = await town.stream().reaches_tls()
    known = await town.stream().reaches_tls()
    seen = {}
    for stream, name in ((stranger, "nobody-of-that-name"), (known, alice.name)):
        scram = await starts(stream, "SCRAM-SHA-256", name, "wrong")
        await answers(stream, scram)
        failure = await stream.sasl_fails_with("not-authorized")
        seen[name] = (scram.iterations, len(scram.salt), [child.tag for child in failure], failure.findtext(NS.SASL + "text"))
    assert len(set(map(str, seen.values()))) == 1, seen


@story("RFC 5802 §9")
async def an_unknown_user_has_the_same_salt_every_time(town):
    salts = set()
    for _ in range(3):
        stream = await town.stream().reaches_tls()
        scram = await starts(stream, "SCRAM-SHA-1", "nobody-of-that-name", "x")
        await answers(stream, scram)
        await stream.sasl_fails_with("not-authorized")
        salts.add(scram.salt)
    other = await town.stream().reaches_tls()
    scram = await starts(other, "SCRAM-SHA-1", "somebody-else", "x")
    await answers(other, scram)
    assert len(salts) == 1 and scram.salt not in salts


@story("RFC 6120 §6.5.7")
async def an_unknown_mechanism_is_invalid(town):
    for mechanism in ("PLAIN", "CRAM-MD5", "scram-sha-1", "", "X" * 200):
        stream = await town.stream().reaches_tls()
        await stream.sends(f"<auth {SASL} mechanism='{mechanism}'>AGEAYg==</auth>")
        await stream.sasl_fails_with("invalid-mechanism")


@story("RFC 6120 §6.5.8, RFC 5802 §7")
async def a_malformed_message_fails_and_nothing_breaks(town):
    for text in ("n,,r=abc", "n,,n=a", "n,,n=,r=abc", "y,,m=ext,n=a,r=b", "p=tls-unique,,n=a,r=b", "x", "n,a=other,n=a,r=b",
                 "n,,n=a=ZZ,r=b", "\x00", "n,,n=a,r=" + "b" * 5000):
        stream = await town.stream().reaches_tls()
        await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-1'>{base64.b64encode(text.encode()).decode()}</auth>")
        failure = await stream.sasl_answer("failure")
        assert failure[0].tag in (NS.SASL + "malformed-request", NS.SASL + "not-authorized", NS.SASL + "invalid-authzid",
                                  NS.SASL + "incorrect-encoding"), (text, failure[0].tag)


@story("RFC 6120 §6.5.5")
async def what_is_no_base64_has_an_incorrect_encoding(town):
    stream = await town.stream().reaches_tls()
    await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-1'>%%%</auth>")
    await stream.sasl_fails_with("incorrect-encoding")


@story("RFC 6120 §6.4.4")
async def an_abort_is_confirmed(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    await starts(stream, "SCRAM-SHA-256", alice.name, alice.password)
    await stream.sasl_answer("challenge")
    await stream.sends(f"<abort {SASL}/>")
    await stream.sasl_fails_with("aborted")


@story("RFC 5802 §5.1")
async def a_changed_proof_or_nonce_fails(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    await answers(stream, await starts(stream, "SCRAM-SHA-256", alice.name, alice.password),
                  tamper=lambda proof: bytes([proof[0] ^ 1]) + proof[1:])
    await stream.sasl_fails_with("not-authorized")
    scram = await starts(stream, "SCRAM-SHA-256", alice.name, alice.password)
    await stream.sasl_answer("challenge")
    await stream.sends(f"<response {SASL}>{base64.b64encode(b'c=biws,r=other,p=AAAA').decode()}</response>")
    failure = await stream.sasl_answer("failure")
    assert failure[0].tag in (NS.SASL + "not-authorized", NS.SASL + "malformed-request")
    assert scram


@story("RFC 5802 §6")
async def a_client_that_was_robbed_of_plus_is_told(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    if not any(name.endswith("-PLUS") for name in stream.mechanisms()):
        raise AssertionError("no -PLUS mechanism is offered")
    # "y": I could bind to the channel, but you did not offer it. The server did: somebody in between cut it out.
    scram = await starts(stream, "SCRAM-SHA-256", alice.name, alice.password, gs2="y,,")
    answer = await stream.wait_for(lambda event: getattr(event, "tag", "").startswith(NS.SASL), "an answer")
    if answer.tag == NS.SASL + "challenge":
        await stream.sends(f"<response {SASL}>{scram.final(answer.text)}</response>")
        answer = await stream.sasl_answer("failure")
    assert answer.tag == NS.SASL + "failure", answer.tag


@story("RFC 6120 §6.4.5: the default", alone=True)  # or the others would wait at the brake
async def by_default_five_wrong_passwords_end_the_stream(town):
    await wrong_passwords_end_the_stream(town, 5)


@story("RFC 6120 §6.4.5", options={"limits.passwords_per_stream": 3})
async def too_many_wrong_passwords_end_the_stream(town):
    await wrong_passwords_end_the_stream(town, 3)


async def wrong_passwords_end_the_stream(town, count):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    for _ in range(count):
        await answers(stream, await starts(stream, "SCRAM-SHA-256", alice.name, "wrong"))
        await stream.sasl_fails_with("not-authorized")
    await stream.fails_with("policy-violation")
    await alice.device()  # and nobody is locked out


@story("docs/security.md §2: guessing", options={"limits.passwords_per_account": 5})
async def guessing_does_not_lock_the_owner_out(town):
    alice = await town.account("alice")
    for _ in range(3):
        stream = await town.stream().reaches_tls()
        for _ in range(4):
            await answers(stream, await starts(stream, "SCRAM-SHA-1", alice.name, "guess"))
            failure = await stream.sasl_answer("failure")
            if failure[0].tag == NS.SASL + "temporary-auth-failure":
                break
    began = time.monotonic()
    await alice.device()
    assert time.monotonic() - began < 30


@story("RFC 6120 §6.4.6")
async def a_name_is_prepared_before_it_is_compared(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    await stream.authenticates(alice.name.upper(), alice.password)
    assert (await stream.binds("r")) == f"{alice.bare}/r"


@story("RFC 6120 §6.3.8")
async def nobody_acts_for_another(town):
    alice, bob = await town.account("alice"), await town.account("bob")
    for other in (bob.bare, "localhost", f"{alice.bare}/phone", f"{alice.name}@elsewhere.example", "@"):
        stream = await town.stream().reaches_tls(source=elsewhere())
        await starts(stream, "SCRAM-SHA-256", alice.name, alice.password, gs2=f"n,a={other},")
        await stream.sasl_fails_with("invalid-authzid")
    stream = await town.stream().reaches_tls(source=elsewhere())
    scram = await starts(stream, "SCRAM-SHA-256", alice.name, alice.password, gs2=f"n,a={alice.bare.upper()},")
    await answers(stream, scram)
    scram.verify((await stream.sasl_answer("success")).text)
    await stream.opens()
    assert (await stream.binds("r")) == f"{alice.bare}/r"


@story("RFC 6120 §6.5.2")
async def a_disabled_account_does_not_get_in(town):
    alice = await town.account("alice")
    await town.ctl("user", "disable", alice.bare)
    stream = await town.stream().reaches_tls()
    await answers(stream, await starts(stream, "SCRAM-SHA-256", alice.name, alice.password))
    await stream.sasl_fails_with("account-disabled")
    await town.ctl("user", "enable", alice.bare)
    await alice.device()


@story("RFC 6120 §6.5.10")
async def a_disabled_account_shows_itself_only_to_the_right_password(town):
    alice = await town.account("alice")
    await town.ctl("user", "disable", alice.bare)
    stream = await town.stream().reaches_tls()
    await answers(stream, await starts(stream, "SCRAM-SHA-256", alice.name, "wrong"))
    await stream.sasl_fails_with("not-authorized")


def binding_types(stream):
    return [element.get("type") for element in stream.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")]


def hash_of_the_offer(stream, mechanism):
    """XEP-0474 §5.1, from what this client saw."""
    text = "\x1e".join(sorted(stream.mechanisms()))
    if binding_types(stream):
        text += "\x1f" + "\x1e".join(sorted(binding_types(stream)))
    name = mechanism.removesuffix("-PLUS").removeprefix("SCRAM-").replace("SHA-", "sha")
    return base64.b64encode(hashlib.new(name, text.encode()).digest()).decode()


def server_end_point(stream):
    """RFC 5929 §4.1: the certificates of the towns are signed with SHA-256."""
    return hashlib.sha256(stream.tls.object.get_peer_certificate().to_cryptography().public_bytes(
        serialization.Encoding.DER)).digest()


@story("XEP-0440 §3")
async def both_channel_binding_types_are_announced(town):
    stream = await town.stream().reaches_tls()
    assert binding_types(stream) == ["tls-exporter", "tls-server-end-point"], binding_types(stream)


@story("XEP-0440, RFC 9266, RFC 5929")
async def scram_plus_binds_to_the_tls_channel(town):
    for mechanism in ("SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"):
        for kind in ("tls-exporter", "tls-server-end-point"):
            alice = await town.account("alice")
            stream, exported = await connect_with_exporter(town, source=elsewhere())
            assert stream.tls.object.get_protocol_version_name() == "TLSv1.3"
            assert mechanism in stream.mechanisms(), stream.mechanisms()
            right = exported if kind == "tls-exporter" else server_end_point(stream)
            for wrong in (bytes(len(right)), right[:-1], right + b"\0", bytes([right[0] ^ 1]) + right[1:]):
                await answers(stream, await starts(stream, mechanism, alice.name, alice.password, binding=wrong,
                                                   gs2=f"p={kind},,"))
                await stream.sasl_fails_with("not-authorized")  # bound to another channel
            scram = await starts(stream, mechanism, alice.name, alice.password, binding=right, gs2=f"p={kind},,")
            await answers(stream, scram)
            scram.verify((await stream.sasl_answer("success")).text)


@story("RFC 9266: a binding of another connection")
async def what_one_connection_exports_opens_no_other(town):
    alice = await town.account("alice")
    _, other = await connect_with_exporter(town)
    stream, _ = await connect_with_exporter(town, source=elsewhere())
    await answers(stream, await starts(stream, "SCRAM-SHA-256-PLUS", alice.name, alice.password, binding=other))
    await stream.sasl_fails_with("not-authorized")


@story("RFC 5802 §6")
async def plus_with_a_flag_or_type_that_does_not_fit_fails(town):
    alice = await town.account("alice")
    for mechanism, gs2 in (("SCRAM-SHA-256-PLUS", "n,,"), ("SCRAM-SHA-256-PLUS", "y,,"), ("SCRAM-SHA-256", "p=tls-exporter,,"),
                           ("SCRAM-SHA-256-PLUS", "p=tls-unique,,")):
        stream = await town.stream().reaches_tls(source=elsewhere())
        await starts(stream, mechanism, alice.name, alice.password, gs2=gs2)
        await stream.sasl_fails_with("malformed-request")


@story("XEP-0474 §5.1")
async def what_was_offered_is_hashed_into_the_challenge(town):
    alice = await town.account("alice")
    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        stream = await town.stream().reaches_tls(source=elsewhere())
        scram = await starts(stream, mechanism, alice.name, alice.password)
        await answers(stream, scram)
        await stream.sasl_answer("success")
        assert scram.downgrade_hash == hash_of_the_offer(stream, mechanism), mechanism
    stream, exported = await connect_with_exporter(town, source=elsewhere())
    scram = await starts(stream, "SCRAM-SHA-256-PLUS", alice.name, alice.password, binding=exported)
    await answers(stream, scram)
    await stream.sasl_answer("success")
    assert scram.downgrade_hash == hash_of_the_offer(stream, "SCRAM-SHA-256-PLUS")


@story("XEP-0474 §5.1", options={"scram.mechanisms": ["SCRAM-SHA-256"]})
async def the_hash_follows_the_configuration(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    assert sorted(stream.mechanisms()) == ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"], stream.mechanisms()
    scram = await starts(stream, "SCRAM-SHA-256", alice.name, alice.password)
    await answers(stream, scram)
    await stream.sasl_answer("success")
    assert scram.downgrade_hash == hash_of_the_offer(stream, "SCRAM-SHA-256")


@story("XEP-0474 §5.2")
async def whoever_changes_the_hash_on_the_way_breaks_the_proof(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls(source=elsewhere())
    scram = await starts(stream, "SCRAM-SHA-256", alice.name, alice.password)
    challenge = base64.b64decode((await stream.sasl_answer("challenge")).text).decode()
    without = ",".join(part for part in challenge.split(",") if not part.startswith("h="))
    assert without != challenge
    await stream.sends(f"<response {SASL}>{scram.final(base64.b64encode(without.encode()).decode())}</response>")
    await stream.sasl_fails_with("not-authorized")


@story("RFC 6120 §6.3.3", options={"scram.mechanisms": ["SCRAM-SHA-512"]})
async def only_what_was_offered_is_accepted(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"):
        await starts(stream, mechanism, alice.name, alice.password)
        await stream.sasl_fails_with("invalid-mechanism")


@story("RFC 6120 §13.8.3: enumeration")
async def unknown_names_have_the_iterations_and_a_stable_salt_of_each_mechanism(town):
    alice = await town.account("alice")
    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        seen = {}
        for name in (alice.name, "nobody-of-this-name", "nobody-of-this-name"):
            stream = await town.stream().reaches_tls(source=elsewhere())
            scram = await starts(stream, mechanism, name, "wrong")
            await answers(stream, scram)
            await stream.sasl_fails_with("not-authorized")
            seen.setdefault(name, set()).add((scram.iterations, scram.salt))
        [(_, known_salt)], [(_, unknown_salt)] = seen.values()
        assert {i for values in seen.values() for i, _ in values} == {4096}, seen
        assert len(known_salt) == len(unknown_salt) == 16


@story("docs/security.md §2: guessing", alone=True)
async def strangers_slow_themselves_down_and_nobody_else(town):
    alice, carol = await town.account("alice"), await town.account("carol")
    await alice.device()  # from a network that the brake knows from now on
    guesses = []
    for _ in range(61):  # as many as a network may have before it is refused, all at once
        stream = await town.stream().reaches_tls(source="127.0.0.77")
        scram = await starts(stream, "SCRAM-SHA-1", alice.name, "guess")
        guesses.append((stream, scram, await stream.sasl_answer("challenge")))
    for stream, scram, challenge in guesses:
        await stream.sends(f"<response {SASL}>{scram.final(challenge.text)}</response>")
    await guesses[-1][0].sasl_fails_with("temporary-auth-failure")
    # The right password opens nothing from there, and the answer does not tell that it was right.
    stream = await town.stream().reaches_tls(source="127.0.0.77")
    await answers(stream, await starts(stream, "SCRAM-SHA-1", alice.name, alice.password))
    await stream.sasl_fails_with("temporary-auth-failure")
    # Whoever logged in from there before, gets in, and so does anybody else; the guessers still wait.
    await alice.device()
    await carol.device()
    held_back = guesses[40][0]
    assert not held_back.waiting(lambda event: getattr(event, "tag", None) == NS.SASL + "failure"), "the guess did not wait"


@story("RFC 6120 §6.4.4: an exchange that was given up is over")
async def the_keys_of_an_exchange_that_was_aborted_open_no_other(town):
    mallory, victim = await town.account("mallory"), await town.account("victim")

    def first(account):
        scram = Scram("SCRAM-SHA-1", account.name, mallory.password)
        return scram, f"<auth {SASL} mechanism='SCRAM-SHA-1'>{scram.first()}</auth>"
    salts = set()
    for between in (f"<abort {SASL}/>", f"<response {SASL}>AAAA</response>", f"<nonsense {SASL}/>"):
        for _ in range(5):
            stream = await town.stream().reaches_tls(source=elsewhere())
            _, own = first(mallory)
            scram, other = first(victim)
            await stream.sends(own + between + other)  # before the store has answered
            await stream.sasl_answer("failure")
            challenge = await stream.sasl_answer("challenge")
            # Mallory's own salt would give his password a meaning here.
            await stream.sends(f"<response {SASL}>{scram.final(challenge.text)}</response>")
            await stream.sasl_fails_with("not-authorized")
            salts.add(scram.salt)
        stream = await town.stream().reaches_tls(source=elsewhere())
        await stream.sends(own + between)  # and the answer finds nobody
        await stream.sasl_answer("failure")
        await stream.authenticates(victim.name, victim.password)
    stream = await town.stream().reaches_tls(source=elsewhere())
    scram, own = first(mallory)
    await stream.sends(own)
    scram.final((await stream.sasl_answer("challenge")).text)
    assert len(salts) == 1 and scram.salt not in salts, "the keys of somebody else were used"


run()
