"""What the server says of itself and of people's whereabouts: time, uptime and last activity, stream limits, contact
addresses."""

import asyncio
import datetime
import re

import _path  # noqa: F401
from harness import NS, ping, run, story
from harness.device import expect_error
from harness.town import Raw

LAST = "{jabber:iq:last}query"
TIME = "{urn:xmpp:time}"
LIMITS = "{urn:xmpp:stream-limits:0}"
ASK_LAST = "<query xmlns='jabber:iq:last'/>"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"


async def features_of(device, to):
    answer = await device.asks(INFO, to=to)
    return {feature.get("var") for feature in answer.iter(NS.DISCO_INFO + "feature")}


# ---- time

@story("XEP-0202 §2, §4")
async def the_server_tells_its_time_in_utc_and_its_offset(town):
    [alice] = await town.devices("alice")
    before = datetime.datetime.now(datetime.timezone.utc)
    time = (await alice.asks("<time xmlns='urn:xmpp:time'/>", to="localhost"))[0]
    after = datetime.datetime.now(datetime.timezone.utc)
    assert [child.tag for child in time] == [TIME + "tzo", TIME + "utc"]
    assert re.fullmatch(r"Z|[+-]\d\d:\d\d", time.findtext(TIME + "tzo"))
    told = datetime.datetime.fromisoformat(time.findtext(TIME + "utc").replace("Z", "+00:00"))
    assert before - datetime.timedelta(milliseconds=1) <= told <= after, (before, told, after)
    assert "urn:xmpp:time" in await features_of(alice, "localhost")


@story("XEP-0202 §2: a time zone", alone=True)
async def the_offset_is_that_of_the_machine(town):
    for zone, offset in (("<+0545>-05:45", "+05:45"), ("<-0330>+03:30", "-03:30"), ("UTC", "Z")):
        await town.restart({"TZ": zone})
        [alice] = await town.devices("alice")
        time = (await alice.asks("<time xmlns='urn:xmpp:time'/>", to="localhost"))[0]
        assert time.findtext(TIME + "tzo") == offset, zone
        assert time.findtext(TIME + "utc").endswith("Z")


# ---- last activity

async def seconds_of(device, to):
    query = (await device.asks(ASK_LAST, to=to)).find(LAST)
    assert not (query.text or "").strip() and len(query) == 0
    return int(query.get("seconds"))


@story("XEP-0012 §5, §6")
async def the_server_tells_how_long_it_runs(town):
    [alice] = await town.devices("alice")
    first = (await town.ctl_json("status"))["uptime_s"]
    seconds = await seconds_of(alice, "localhost")
    assert first - 1 <= seconds <= (await town.ctl_json("status"))["uptime_s"] + 1
    for to in ("localhost", alice.bare):
        assert "jabber:iq:last" in await features_of(alice, to)


@story("XEP-0012 §3", alone=True)
async def a_contact_learns_how_long_somebody_is_away_restart_or_not(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    bare = bob.bare
    assert await seconds_of(alice, bare) == 0, "connected"
    await bob.sends("<presence type='unavailable'/>")
    await bob.asks("<ping xmlns='urn:xmpp:ping'/>")
    assert await seconds_of(alice, bare) == 0, "connected, though not available"
    await bob.leaves()
    await alice.receives("presence", type_="unavailable", from_=bob.full)
    assert 0 <= await seconds_of(alice, bare) < 60
    await town.stop()
    town.sql(f"UPDATE account_data SET value = value - 7200000 WHERE owner = '{bare}' AND kind = 3")
    await town.start()
    alice = await alice.account.device()
    assert 7200 <= await seconds_of(alice, bare) < 7260
    assert await seconds_of(alice, None) == 0, "her own account, with her on it"


@story("XEP-0012 §3: a server that was killed", alone=True)
async def a_session_that_the_server_did_not_see_end_counts_from_its_begin(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    while not town.sql(f"SELECT value FROM account_data WHERE owner = '{bob.bare}' AND kind = 3"):
        await asyncio.sleep(0.05)  # gathered, then written for many: the only way to learn of it
    await town.kill()
    await town.start()
    alice = await alice.account.device()
    assert 0 <= await seconds_of(alice, bob.bare) < 600
    await town.stop()
    town.sql(f"DELETE FROM account_data WHERE owner = '{bob.bare}'")  # as of a store that is older than this room
    await town.start()
    alice = await alice.account.device()
    await alice.is_refused("item-not-found", ASK_LAST, to=bob.bare)


@story("XEP-0012 §3, §4, §8: the forbidden twins")
async def who_may_not_see_the_presence_learns_nothing(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/>")  # alice sees bob, and he does not see her
    await bob.receives("presence", type_="subscribe", from_=alice.bare)
    await bob.sends(f"<presence type='subscribed' to='{alice.bare}'/>")
    await alice.receives("presence", from_=bob.full, type_=None)
    assert await seconds_of(alice, bob.bare) == 0
    there = bob.full
    for asker, asked, full in ((carol, bob.bare, there), (bob, alice.bare, alice.full)):
        for to in (asked, full, asked + "/nobody-there"):
            expect_error(await asker.tries(ASK_LAST, to=to), "forbidden", "auth")
    await bob.receives_no("iq", before=ping, from_=carol.full)
    await bob.leaves()
    for to in (bob.bare, there):
        expect_error(await carol.tries(ASK_LAST, to=to), "forbidden", "auth")
    expect_error(await carol.tries(ASK_LAST, to="nobody@localhost"), "forbidden", "auth")
    denied = [record for record in await town.records(kind="denied", from_=carol.bare)]
    assert denied and all(record["reason"] == "not-subscribed" for record in denied), denied


@story("XEP-0012 §4, docs/sealed.md 3.5")
async def a_contacts_question_reaches_the_device_and_its_answer_carries_a_number_only(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sends(f"<iq type='get' id='idle' to='{bob.full}'>{ASK_LAST}</iq>")
    asked = await bob.receives("iq", child=LAST, from_=alice.full)
    await bob.answers(asked, "<query xmlns='jabber:iq:last' seconds='123'>reading your plans</query>")
    answer = await alice.receives("iq", id="idle", type_="result")
    assert answer.find(LAST).get("seconds") == "123" and not answer.find(LAST).text


@story("XEP-0256 §1, docs/sealed.md 3.5")
async def last_activity_in_presence_keeps_its_number_and_says_later_when_it_was_sent(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await bob.sends("<presence><show>away</show><query xmlns='jabber:iq:last' seconds='600'>at lunch</query></presence>")
    came = await alice.receives("presence", from_=bob.full, child=LAST)
    assert came.find(LAST).get("seconds") == "600" and not came.find(LAST).text and came.find(NS.DELAY + "delay") is None
    later = await alice.account.device("later")
    came = await later.receives("presence", from_=bob.full, child=LAST)
    delay = came.find(NS.DELAY + "delay")
    assert came.find(LAST).get("seconds") == "600" and delay is not None and delay.get("from") == "localhost"
    told = datetime.datetime.fromisoformat(delay.get("stamp").replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - told).total_seconds()) < 600
    for nonsense in ("<query xmlns='jabber:iq:last' seconds='see you'/>", "<query xmlns='jabber:iq:last'>x</query>"):
        await bob.sends(f"<presence>{nonsense}</presence>")
        came = await later.receives("presence", from_=bob.full, type_=None)
        assert came.find(LAST) is None
    await bob.sends("<presence type='unavailable'><query xmlns='jabber:iq:last' seconds='7'/></presence>")
    assert (await later.receives("presence", from_=bob.full, type_="unavailable")).find(LAST) is None


# ---- stream limits

def limits_in(features):
    limits = features.find(LIMITS + "limits")
    assert limits is not None and [child.tag for child in limits] == [LIMITS + "max-bytes", LIMITS + "idle-seconds"]
    return int(limits[0].text), int(limits[1].text)


def padded(stanza, size):
    """The iq with white space in it, so many bytes in all."""
    return stanza.replace("</iq>", " " * (size - len(stanza)) + "</iq>")


LIMITED = {"limits.stanza": 20_000, "limits.stanza_before_login": 12_000, "timeouts.ping": 1, "timeouts.login": 31, "timeouts.tls": 9}


@story("XEP-0478 §3", options=LIMITED)
async def the_limits_that_are_told_are_those_that_hold(town):
    stream = town.stream()
    await stream.connect()
    await stream.opens()  # beside STARTTLS nothing may stand (RFC 6120 §5.3.1)
    await stream.starts_tls()
    assert limits_in(await stream.opens()) == (12_000, 31)
    alice = await (await town.account("alice")).device()
    most, idle = limits_in(alice.stream.features)
    assert (most, idle) == (20_000, 1)
    question = "<iq type='get' id='{}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
    await alice.sends(padded(question.format("fits"), most))
    await alice.receives("iq", id="fits", type_="result")
    await alice.sends(padded(question.format("over"), most + 1))
    await alice.gets_error("iq", "over", "policy-violation", "modify")
    await alice.receives("iq", type_="get", child="{urn:xmpp:ping}ping")  # idle for so long: asked
    first = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'></auth>"
    await stream.sends(first.replace("></auth>", ">" + " " * (12_000 - len(first)) + "</auth>"))
    await stream.sasl_fails_with("invalid-mechanism")
    await stream.sends(first.replace("></auth>", ">" + " " * (12_001 - len(first)) + "</auth>"))
    await stream.fails_with("policy-violation")


@story("XEP-0478 §3: after a reload", alone=True)
async def a_new_limit_is_told_to_new_streams(town):
    town.options["limits.stanza"] = 30_000
    town.write_config()
    status, out, err = await town.reload()
    assert status == 0, out + err
    [alice] = await town.devices("alice")
    assert limits_in(alice.stream.features)[0] == 30_000


# ---- contact addresses

KINDS = ("abuse", "admin", "feedback", "sales", "security", "status", "support")
ADDRESSES = [f"{kind}-addresses=mailto:{kind}@localhost" for kind in KINDS] + ["abuse-addresses=xmpp:abuse@localhost",
                                                                              "status-addresses=https://status.example"]


@story("XEP-0157 §3, XEP-0128 §3", options={"disco.contacts": Raw("{ " + ", ".join(f'"{one}"' for one in ADDRESSES) + " }")})
async def the_domain_names_every_kind_of_address_in_one_form(town):
    [alice] = await town.devices("alice")
    answer = await alice.asks(INFO, to="localhost")
    [form] = list(answer.iter(NS.FORM + "x"))
    assert form.get("type") == "result"
    fields = {field.get("var"): (field.get("type"), [value.text for value in field.iter(NS.FORM + "value")])
              for field in form.iter(NS.FORM + "field")}
    assert fields.pop("FORM_TYPE") == ("hidden", ["http://jabber.org/network/serverinfo"])
    assert set(fields) == {f"{kind}-addresses" for kind in KINDS}
    for kind in KINDS:
        type_, values = fields[f"{kind}-addresses"]
        assert type_ == "list-multi" and values[0] == f"mailto:{kind}@localhost", fields
    assert fields["abuse-addresses"][1][1:] == ["xmpp:abuse@localhost"]
    assert fields["status-addresses"][1][1:] == ["https://status.example"]
    account = await alice.asks(INFO, to=alice.bare)
    assert not list(account.iter(NS.FORM + "x")), "addresses are the domain's"


@story("XEP-0157: nothing configured")
async def without_addresses_there_is_no_form(town):
    [alice] = await town.devices("alice")
    assert not list((await alice.asks(INFO, to="localhost")).iter(NS.FORM + "x"))


run()
