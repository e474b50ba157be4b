"""XEP-0388, XEP-0386: log-in without a new stream, and what is asked for with it."""

import base64
import hashlib

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, word_from
from harness.device import Device
from harness.exporter import connect_with_exporter
from harness.scram import Scram
from harness.sasl2 import (XMLNS, agent, answer, arrives, authenticates, begins, bind, device, fails_with, features,
                           identifier, new_agent, proves)
from harness.stream import StreamOpened

SM = "{urn:xmpp:sm:3}"
RESUME = "<resume xmlns='urn:xmpp:sm:3' h='{}' previd='{}'/>"
ENABLE = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
PLAIN = {"scram.mechanisms": ["SCRAM-SHA-256", "PLAIN"]}


def plain(account, password=None):
    return base64.b64encode(f"\0{account.name}\0{password or account.password}".encode()).decode()


async def reaches(town):
    return await town.stream().reaches_tls()


# ---- XEP-0388 §2.1


@story("XEP-0388 §2.1")
async def it_is_offered_inside_tls_only_with_the_mechanisms_of_the_other_profile(town):
    stream = await town.stream().connect()
    await stream.opens()
    assert stream.features.find(NS.SASL2 + "authentication") is None
    await stream.starts_tls()
    await stream.opens()
    offered = stream.features.find(NS.SASL2 + "authentication")
    assert [one.text for one in offered.findall(NS.SASL2 + "mechanism")] == stream.mechanisms()
    inline = offered.find(NS.SASL2 + "inline")
    assert inline.find(SM + "sm") is not None
    inner = inline.find(f"{NS.BIND2}bind/{NS.BIND2}inline")
    assert "urn:xmpp:sm:3" in [one.get("var") for one in inner]


@story("XEP-0388 §2.1")
async def the_clear_knows_no_such_log_in(town):
    stream = await town.stream().connect()
    await stream.opens()
    await stream.sends(f"<authenticate {XMLNS} mechanism='SCRAM-SHA-256'/>")
    await stream.fails_with("not-authorized")


@story("XEP-0388 §2.1")
async def a_from_of_another_domain_is_invalid(town):
    stream = await town.stream().connect()
    await stream.opens()
    await stream.starts_tls()
    stream.expects_header()
    await stream.sends(stream.header(**{"from": "alice@elsewhere.example"}))
    await stream.fails_with("invalid-from")


# ---- §2.3 to §2.6


@story("XEP-0388 §2.6.1")
async def every_scram_hash_logs_in_and_the_stream_goes_on(town):
    alice = await town.account("alice")
    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        stream = await reaches(town)
        success = await authenticates(stream, alice.name, alice.password, mechanism=mechanism)
        assert identifier(success) == alice.bare
        await features(stream)
        assert not stream.waiting(lambda event: isinstance(event, StreamOpened))
        assert stream.features.find(NS.BIND + "bind") is not None
        assert stream.features.find(NS.SASL2 + "authentication") is None
        full = await stream.binds("balcony")
        assert full == alice.bare + "/balcony"
        await ping(Device(alice, stream, full))


@story("XEP-0388 §2.3: the exchange without an initial response")
async def the_client_may_wait_for_an_empty_challenge(town):
    alice = await town.account("alice")
    stream = await reaches(town)
    scram = Scram("SCRAM-SHA-256", alice.name, alice.password)
    await stream.sends(f"<authenticate {XMLNS} mechanism='SCRAM-SHA-256'/>")
    assert not (await answer(stream, "challenge")).text
    await stream.sends(f"<response {XMLNS}>{scram.first()}</response>")
    await proves(stream, scram)
    scram.verify((await answer(stream, "success")).findtext(NS.SASL2 + "additional-data"))


@story("XEP-0388 §2.1, XEP-0474 §5.1, XEP-0515 §5.1")
async def with_channel_binding_and_what_was_offered_and_the_tls_version_in_the_hash(town):
    alice = await town.account("alice")
    stream, binding = await connect_with_exporter(town)
    scram = await begins(stream, alice.name, alice.password, mechanism="SCRAM-SHA-256-PLUS", binding=binding)
    challenge = await answer(stream, "challenge")
    assert ",t=0304" in base64.b64decode(challenge.text).decode()
    await stream.sends(f"<response {XMLNS}>{scram.final(challenge.text)}</response>")
    offered = stream.features.find(NS.SASL2 + "authentication").findall(NS.SASL2 + "mechanism")
    types = stream.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")
    text = "\x1e".join(sorted(one.text for one in offered)) + "\x1f" + "\x1e".join(sorted(one.get("type") for one in types))
    assert scram.downgrade_hash == base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    scram.verify((await answer(stream, "success")).findtext(NS.SASL2 + "additional-data"))


@story("XEP-0388 §2.1: channel binding of another connection")
async def a_wrong_binding_is_not_authorized(town):
    alice = await town.account("alice")
    stream, _ = await connect_with_exporter(town, source="127.3.0.4")
    scram = await begins(stream, alice.name, alice.password, mechanism="SCRAM-SHA-256-PLUS", binding=b"x" * 32)
    await proves(stream, scram)
    await fails_with(stream, "not-authorized")


@story("XEP-0388 §2.6.2")
async def a_wrong_password_fails_and_the_next_attempt_may_succeed(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls(source="127.3.0.1")
    await proves(stream, await begins(stream, alice.name, "wrong", bind()))
    failure = await fails_with(stream, "not-authorized")
    assert failure.findtext(NS.SASL2 + "text")
    await authenticates(stream, alice.name, alice.password)


@story("XEP-0388 §2.6.2: inline features of a failed attempt")
async def a_failed_attempt_binds_nothing(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls(source="127.3.0.2")
    await proves(stream, await begins(stream, alice.name, "wrong", bind()))
    await fails_with(stream, "not-authorized")
    assert not [one for one in await town.ctl_json("session", "list") if one["jid"].startswith(alice.bare + "/")]


@story("XEP-0388 §2.3")
async def what_was_not_offered_is_an_invalid_mechanism(town):
    stream = await reaches(town)
    for mechanism in ("PLAIN", "HT-SHA-256-NONE", "NONSENSE", ""):
        await stream.sends(f"<authenticate {XMLNS} mechanism='{mechanism}'/>")
        await fails_with(stream, "invalid-mechanism")


@story("XEP-0388 §2.3")
async def a_user_agents_id_is_a_uuid_v4(town):
    stream = await reaches(town)
    for identity in ("phone", "d4565fa7-4d72-1749-b3d3-740edbf87770", "d4565fa74d724749b3d3740edbf87770"):
        await stream.sends(f"<authenticate {XMLNS} mechanism='SCRAM-SHA-256'>{agent(identity)}</authenticate>")
        await fails_with(stream, "malformed-request")


@story("XEP-0388 §4.5")
async def an_abort_ends_the_exchange_alone(town):
    alice = await town.account("alice")
    stream = await reaches(town)
    await begins(stream, alice.name, alice.password)
    await answer(stream, "challenge")
    await stream.sends(f"<abort {XMLNS}><text>no</text></abort>")
    await fails_with(stream, "aborted")
    await authenticates(stream, alice.name, alice.password)


@story("XEP-0388 §2.4")
async def nothing_else_may_come_while_it_is_under_way(town):
    alice = await town.account("alice")
    for intruder in ("<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>", "<presence/>",
                     "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'/>",
                     f"<authenticate {XMLNS} mechanism='SCRAM-SHA-256'/>", f"<next {XMLNS} task='UPGR-SCRAM-SHA-256'/>",
                     "<r xmlns='urn:xmpp:sm:3'/>"):
        stream = await reaches(town)
        await begins(stream, alice.name, alice.password)
        await answer(stream, "challenge")
        await stream.sends(intruder)
        await stream.fails_with("policy-violation")


@story("XEP-0388 §4.10")
async def after_success_there_is_no_second_one(town):
    alice = await town.account("alice")
    stream = await reaches(town)
    await authenticates(stream, alice.name, alice.password)
    await features(stream)
    await stream.sends(f"<authenticate {XMLNS} mechanism='SCRAM-SHA-256'/>")
    await stream.fails_with("unsupported-stanza-type")


@story("XEP-0388 §2.3, §4.4")
async def another_account_than_the_streams_from_fails(town):
    alice, bob = await town.account("alice"), await town.account("bob")
    stream = await town.stream().connect()
    await stream.opens()
    await stream.starts_tls()
    await stream.opens(**{"from": bob.bare})
    scram = await begins(stream, alice.name, alice.password)
    await proves(stream, scram)
    await fails_with(stream, "invalid-authzid")


@story("XEP-0388, RFC 4616", options=PLAIN)
async def plain_where_it_is_offered_takes_one_round_trip_and_has_no_additional_data(town):
    alice = await town.account("alice")
    stream = await reaches(town)
    await stream.sends(f"<authenticate {XMLNS} mechanism='PLAIN'><initial-response>{plain(alice)}</initial-response>"
                       f"{bind()}</authenticate>")
    success = await answer(stream, "success")
    assert success.find(NS.SASL2 + "additional-data") is None
    await ping(await arrives(stream, alice, success, present=False))


@story("XEP-0388, RFC 4616", options=PLAIN)
async def plain_with_a_wrong_password_is_not_authorized(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls(source="127.3.0.3")
    await stream.sends(f"<authenticate {XMLNS} mechanism='PLAIN'><initial-response>{plain(alice, 'wrong')}"
                       f"</initial-response>{bind()}</authenticate>")
    await fails_with(stream, "not-authorized")


# ---- XEP-0386


@story("XEP-0386 §3.2")
async def a_session_is_bound_with_the_log_in(town):
    alice = await town.account("alice")
    phone = await device(town, alice, new_agent(), tag="Phone")
    assert phone.full.startswith(alice.bare + "/Phone/"), phone.full
    assert phone.success.find(NS.BIND2 + "bound") is not None
    assert phone.stream.features.find(NS.BIND + "bind") is None
    (bob,) = await town.devices("bob")
    await bob.sends(f"<message to='{alice.bare}' id='m1' type='chat'>{sealed()}</message>")
    await phone.receives("message", id="m1")


@story("XEP-0386 §3.2.1")
async def the_same_client_gets_the_same_resource_and_another_one_another(town):
    alice, identity, other = await town.account("alice"), new_agent(), new_agent()
    first = await device(town, alice, identity)
    await first.leaves()
    again = await device(town, alice, identity.upper())
    different = await device(town, alice, other)
    nameless = await device(town, alice, None)
    assert first.full == again.full
    assert len({first.full, different.full, nameless.full}) == 3
    assert identity.split("-")[0] not in first.full


@story("XEP-0386 §3.2.1")
async def a_tag_that_is_no_part_of_an_address_or_long_is_left_out(town):
    alice = await town.account("alice")
    for tag in ("x" * 65, "", "the merger is on friday", "the\u00a0merger", "x" * 48):  # docs/sealed.md D12: 64 bytes in all
        made = await device(town, alice, new_agent(), tag=tag, present=False)
        assert "/" not in made.full.split("/", 1)[1]


@story("XEP-0386 §3.2")
async def an_earlier_session_of_the_same_client_ends(town):
    alice, identity = await town.account("alice"), new_agent()
    first = await device(town, alice, identity, tag="One")
    laptop = await device(town, alice, new_agent())
    await device(town, alice, identity, tag="Two")
    await first.stream.fails_with("conflict")
    await ping(laptop)


@story("XEP-0386 §3.2, XEP-0198 §9.1")
async def stream_management_is_enabled_with_the_bind(town):
    alice = await town.account("alice")
    phone = await device(town, alice, new_agent(), inner=ENABLE, present=False)
    enabled = phone.success.find(f"{NS.BIND2}bound/{SM}enabled")
    assert enabled.get("id") and enabled.get("resume") == "true"
    assert phone.stream.features.find(SM + "sm") is None
    await ping(phone)
    await phone.sends("<r xmlns='urn:xmpp:sm:3'/>")
    ack = await phone.stream.wait_for(lambda event: getattr(event, "tag", "") == SM + "a", "<a/>")
    assert ack.get("h") == "1"


@story("XEP-0198 §9.1.1")
async def what_can_not_be_enabled_is_said_inside_the_bound(town):
    alice = await town.account("alice")
    phone = await device(town, alice, new_agent(), inner="<enable xmlns='urn:xmpp:sm:3' max='0'/>", present=False)
    assert phone.success.find(f"{NS.BIND2}bound/{SM}failed/{NS.STANZA_ERROR}bad-request") is not None
    await ping(phone)


async def cut(phone):
    """Its connection goes, its session stays; the server knows."""
    await phone.drops()
    town = phone.account.town
    while [one for one in await town.ctl_json("session", "list") if one["jid"] == phone.full and one["connected"]]:
        pass


def id_of(phone):
    return phone.success.find(f"{NS.BIND2}bound/{SM}enabled").get("id")


@story("XEP-0198 §9.2")
async def a_session_is_resumed_with_the_log_in_and_no_features_follow(town):
    alice, identity = await town.account("alice"), new_agent()
    (bob,) = await town.devices("bob")
    phone = await device(town, alice, identity, inner=ENABLE)
    await cut(phone)
    await bob.sends(f"<message to='{alice.bare}' id='m1' type='chat'>{sealed()}</message>")
    await ping(bob)
    stream = await reaches(town)
    success = await authenticates(stream, alice.name, alice.password,
                                  agent(identity) + RESUME.format(1, id_of(phone)) + bind())
    assert success.find(SM + "resumed").get("previd") == id_of(phone)
    assert success.find(NS.BIND2 + "bound") is None and identifier(success) == phone.full
    again = Device(alice, stream, phone.full)
    await again.receives("message", id="m1")
    await word_from(bob)(again)
    assert not stream.waiting(lambda event: getattr(event, "tag", "") == NS.STREAM + "features")


@story("XEP-0198 §9.2.3, XEP-0386 §3.2")
async def where_resumption_fails_a_session_is_bound(town):
    alice = await town.account("alice")
    phone = await device(town, alice, new_agent(), more=RESUME.format(0, "f" * 32))
    failed = phone.success.find(SM + "failed")
    assert failed.find(NS.STANZA_ERROR + "item-not-found") is not None
    assert phone.success.find(NS.BIND2 + "bound") is not None
    await ping(phone)


@story("XEP-0198 §9.2.3")
async def where_resumption_fails_and_no_bind_is_asked_the_client_binds_later(town):
    alice = await town.account("alice")
    stream = await reaches(town)
    success = await authenticates(stream, alice.name, alice.password, RESUME.format(0, "f" * 32))
    assert success.find(SM + "failed") is not None and identifier(success) == alice.bare
    await features(stream)
    await ping(Device(alice, stream, await stream.binds()))


@story("XEP-0198 §9.2: another account's session")
async def nobody_resumes_what_is_not_his(town):
    alice, mallory = await town.account("alice"), await town.account("mallory")
    phone = await device(town, alice, new_agent(), inner=ENABLE)
    thief = await device(town, mallory, new_agent(), more=RESUME.format(0, id_of(phone)))
    assert thief.success.find(f"{SM}failed/{NS.STANZA_ERROR}item-not-found") is not None
    await ping(phone)


@story("XEP-0388 §2.6.1: what comes behind")
async def stanzas_behind_the_last_response_are_handled_in_order_after_success(town):
    alice, (bob,) = await town.account("alice"), await town.devices("bob")
    stream = await reaches(town)
    scram = await begins(stream, alice.name, alice.password, bind())
    challenge = await answer(stream, "challenge")
    messages = "".join(f"<message to='{bob.bare}' id='m{n}' type='chat'>{sealed()}</message>" for n in range(5))
    half = len(messages) // 2
    await stream.sends(f"<response {XMLNS}>{scram.final(challenge.text)}</response>" + messages[:half])
    await stream.sends(messages[half:])
    made = await arrives(stream, alice, await answer(stream, "success"), present=False)
    for n in range(5):
        assert (await bob.receives("message")).get("id") == f"m{n}"
    await ping(made)


@story("XEP-0386 §3.2", options={"limits.resources": 1})
async def who_has_too_many_sessions_is_bound_to_none(town):
    alice = await town.account("alice")
    await device(town, alice, new_agent())
    stream = await reaches(town)
    await proves(stream, await begins(stream, alice.name, alice.password, agent(new_agent()) + bind()))
    await stream.fails_with("resource-constraint")


# ---- XEP-0509


def config_version(stream):
    return stream.features.find("{urn:xmpp:iap:0}config-version").get("value")


@story("XEP-0509 §2")
async def with_the_features_known_a_client_need_not_wait_for_them(town):
    alice = await town.account("alice")
    known = config_version(await reaches(town))
    stream = await town.stream().connect()
    await stream.opens()
    await stream.starts_tls()
    scram = Scram("SCRAM-SHA-256", alice.name, alice.password)
    stream.expects_header()
    await stream.sends(stream.header() + f"<authenticate {XMLNS} mechanism='SCRAM-SHA-256'><initial-response>"
                       f"{scram.first()}</initial-response><config-version xmlns='urn:xmpp:iap:0' scheme='opaque' "
                       f"value='{known}'/>{bind()}</authenticate>")
    await features(stream)
    await proves(stream, scram)
    await ping(await arrives(stream, alice, await answer(stream, "success"), present=False))


@story("XEP-0509 §2.2", options={"limits.passwords_per_stream": 2})
async def with_other_features_it_is_refused_without_prejudice(town):
    alice = await town.account("alice")
    stream = await reaches(town)
    for _ in range(4):
        await begins(stream, alice.name, alice.password, "<config-version xmlns='urn:xmpp:iap:0' value='old'/>")
        failure = await fails_with(stream, "aborted")
        assert failure.find("{urn:xmpp:iap:0}config-version-mismatch") is not None
    await authenticates(stream, alice.name, alice.password)
    assert not [one for one in await town.records(kind="login-failed")]


run()
