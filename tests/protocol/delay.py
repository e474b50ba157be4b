"""Delay: what a rule holds back is nobody's until its time, survives what happens meanwhile, and comes once (XEP-0203)."""

import asyncio
import datetime

import _path  # noqa: F401
from harness import run, sealed, story, word_from
from harness.stream import show
from _archive import OPEN, asks, stanza_id
from _managed import Managed

DELAY = "{urn:xmpp:delay}delay"
LATER = """
rule{ name = "later", match = Kind("message") * Direction("in") * To("judge*@localhost") * From("clerk*@localhost"), action = Delay("2h") }
"""


def message(to, identity, extra="", **how):
    return f"<message to='{to}' id='{identity}' type='chat'>{sealed(**how)}{extra}</message>"


async def held(town, person, *identities):
    """What is held back for that person, once it is these."""
    while True:
        rows = await town.ctl_json("held", "list", person.bare)
        if [row["id"] for row in rows] == list(identities):
            return rows
        await asyncio.sleep(0.02)  # the only way to learn of it


async def is_held(town, sender, recipient, identity, **how):
    """Sent, and held back as the only one."""
    await sender.sends(message(recipient.bare, identity, **how))
    [row] = await held(town, recipient, identity)
    return row


async def comes(recipient, identity):
    """With one stamp of the server, the time at which it was sent."""
    came = await recipient.receives("message", id=identity)
    [stamp] = came.findall(DELAY)
    assert stamp.get("from") == "localhost", show(came)
    return came, stamp.get("stamp")


async def usher(town):
    return await (await town.account("usher")).device()


@story("Delay: held back, released, archived when it comes", policy=LATER)
async def what_is_held_back_is_nobodys_until_it_comes(town):
    clerk, judge = await town.devices("clerk", "judge")
    desk = await clerk.account.device()
    await desk.sets("<enable xmlns='urn:xmpp:carbons:2'/>")
    row = await is_held(town, clerk, judge, "d1")
    assert row["rule"] == "later" and row["for"] == judge.bare and row["from"] == clerk.full, row
    due, sent = (datetime.datetime.fromisoformat(row[name]) for name in ("due", "sent"))
    assert abs(due - sent - datetime.timedelta(hours=2)) < datetime.timedelta(minutes=5), row
    carbon = await desk.receives("message", from_=clerk.bare)  # his other devices see at once what he said
    assert carbon.find("{urn:xmpp:carbons:2}sent") is not None, show(carbon)
    assert (await asks(clerk)).words == ["d1"]
    assert (await asks(judge)).words == []
    await judge.receives_no("message", before=word_from(await usher(town)), id="d1")
    [record] = await town.records(stanza="d1")
    assert (record["reason"], record["rule"], record["verdict"]) == ("delayed", "later", "stored"), record
    assert "held_until" in await town.ctl_json("status")

    await town.ctl("held", "release", judge.bare)
    came, stamp = await comes(judge, "d1")
    assert stamp == row["sent"], (stamp, row)
    page = await asks(judge)
    assert page.words[-1] == "d1" and page.ids[-1] == stanza_id(came), page.words
    await held(town, judge)
    [_, record] = await town.records(stanza="d1")
    assert (record["reason"], record["rule"], record["verdict"]) == ("delay-over", "later", "stored"), record
    [record] = await town.records(reason="delay-release", to=judge.bare)
    assert record["kind"] == "admin", record


@story("Delay: it comes by itself, in the order in which it was sent", policy="""
rule{ name = "in a moment", match = Kind("message") * To("judge*@localhost"), action = Delay(2) }
""")
async def it_comes_by_itself(town):
    clerk, judge = await town.devices("clerk", "judge")
    names = [f"o{i}" for i in range(250)]  # more than a page
    for name in names:
        await clerk.sends(message(judge.bare, name))
    came = [(await judge.receives("message")).get("id") for _ in names]
    assert came == names, came
    await held(town, judge)


@story("Delay: for whoever is away", policy=LATER)
async def it_waits_for_whoever_is_away(town):
    clerk = await (await town.account("clerk")).device()
    judge = await town.account("judge")
    await is_held(town, clerk, judge, "a1")
    await town.ctl("held", "release", judge.bare)
    await held(town, judge)
    phone = await judge.device()
    _, stamp = await comes(phone, "a1")
    assert stamp, "it says when it was sent"
    page = await asks(phone)
    assert page.words == ["a1"], page.words


@story("Delay: to a device that is gone by then", policy=LATER)
async def it_is_for_the_person_not_for_a_device(town):
    clerk, judge = await town.devices("clerk", "judge")
    await clerk.sends(f"<message to='{judge.full}' id='f1' type='normal'>{sealed()}</message>")
    await held(town, judge, "f1")
    await judge.leaves()
    other = await judge.account.device()
    await town.ctl("held", "release", judge.bare)
    await comes(other, "f1")


@story("Delay: a server that is killed", policy=LATER, alone=True)
async def it_outlives_the_server(town):
    clerk, judge = await town.devices("clerk", "judge")
    one = message(judge.bare, "k1")
    await clerk.sends(one)
    await held(town, judge, "k1")
    await town.kill()
    await town.start()
    clerk, judge = [await account.device() for account in (clerk.account, judge.account)]
    await clerk.sends(one)  # the client is not sure
    await clerk.sends(message(judge.bare, "k2"))
    await held(town, judge, "k1", "k2")
    await town.restart()
    judge = await judge.account.device()
    await town.ctl("held", "release", judge.bare)
    for name in ("k1", "k2"):
        await comes(judge, name)
    await judge.receives_no("message", before=word_from(await usher(town)), id="k1")
    await town.audit_is_sound()


@story("Delay: what was due while the server was away", alone=True, policy="""
rule{ name = "in a moment", match = Kind("message") * To("judge*@localhost"), action = Delay(2) }
""")
async def it_comes_when_the_server_is_back(town):
    clerk = await (await town.account("clerk")).device()
    judge = await town.account("judge")
    await is_held(town, clerk, judge, "b1")
    await town.kill()
    await asyncio.sleep(2)  # it is due
    await town.start()
    await comes(await judge.device(), "b1")


@story("Delay: until a time of day", alone=True, policy="""
local open = Weekday("mon-sun") * Hours("09:00-18:30")
rule{ name = "at night", match = Kind("message") * To("judge*@localhost") * -Label("x"), action = Delay(open) }
""")
async def it_waits_for_working_hours(town):
    now = datetime.datetime.now(datetime.timezone.utc)
    ahead = (3 - now.hour + 12) % 24 - 12  # it is three o'clock there
    await town.restart(environment={"TZ": f"HERE{-ahead}"})
    clerk, judge = await town.devices("clerk", "judge")
    row = await is_held(town, clerk, judge, "t1")
    due = datetime.datetime.fromisoformat(row["due"]) + datetime.timedelta(hours=ahead)
    sent = datetime.datetime.fromisoformat(row["sent"]) + datetime.timedelta(hours=ahead)
    assert (due.hour, due.minute, due.second) == (9, 0, 0) and due.date() == sent.date(), (due, sent)
    told = await town.ctl("policy", "explain", "--from", clerk.bare, "--to", judge.bare)
    assert "waits until " in told and " 09:00\n" in told, told
    await town.restart(environment={"TZ": f"HERE{-ahead - 9}"})  # noon: nothing waits
    clerk, judge = [await account.device() for account in (clerk.account, judge.account)]
    await clerk.sends(message(judge.bare, "t2"))
    came = await judge.receives("message", id="t2")
    assert came.find(DELAY) is None, show(came)


@story("Delay: what is sent again, what means nothing later, too much", policy=LATER, options={"limits.offline": 3})
async def what_is_not_held_back(town):
    clerk, judge = await town.devices("clerk", "judge")
    one = message(judge.bare, "r1")
    for _ in range(3):
        await clerk.sends(one)
    for name, passes in (("r2", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"), ("r3", "<received xmlns='urn:xmpp:receipts' id='x'/>")):
        await clerk.sends(f"<message to='{judge.full}' id='{name}' type='chat'>{passes}</message>")
        await judge.receives("message", id=name)
    await clerk.sends(f"<message to='{judge.bare}' id='r9' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='c'>"
                      "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>")
    await clerk.gets_error("message", "r9", "recipient-unavailable")
    assert (await town.records(stanza="r9"))[0]["reason"] == "delayed-call"
    for name in ("r4", "r5"):
        await clerk.sends(message(judge.bare, name))
    await held(town, judge, "r1", "r4", "r5")
    await clerk.sends(message(judge.bare, "r6"))
    await clerk.gets_error("message", "r6", "resource-constraint")
    [record] = await town.records(stanza="r6")
    assert record["reason"] == "delayed-full", record
    await town.ctl("held", "release", judge.bare)
    for name in ("r1", "r4", "r5"):
        await comes(judge, name)
    await held(town, judge)
    await clerk.sends(one)  # acknowledged once more, and no more
    await is_held(town, clerk, judge, "r7")
    await judge.receives_no("message", before=word_from(await usher(town)), id="r1")


@story("Delay: what holds when it comes", policy=LATER)
async def whom_one_blocks_meanwhile_does_not_come(town):
    clerk, judge = await town.devices("clerk", "judge")
    await is_held(town, clerk, judge, "x1")
    await judge.sets(f"<block xmlns='urn:xmpp:blocking'><item jid='{clerk.bare}'/></block>")
    await town.ctl("held", "release", judge.bare)
    await clerk.gets_error("message", "x1", "service-unavailable")
    await held(town, judge)


@story("Delay: an account that goes", policy=LATER)
async def it_goes_with_its_account(town):
    clerk, judge = await town.devices("clerk", "judge")
    await is_held(town, clerk, judge, "y1")
    await town.ctl("user", "delete", judge.bare)
    assert town.rows_of(judge.bare) == {}
    await clerk.sends(message(judge.bare, "y2"))
    await clerk.gets_error("message", "y2", "service-unavailable")


@story("Delay: what is not sealed any more", policy=LATER, options=OPEN, alone=True)
async def what_an_earlier_mode_let_in_does_not_come(town):
    clerk, judge = await town.devices("clerk", "judge")
    await clerk.sends(f"<message to='{judge.bare}' id='u1' type='chat'><body>u1</body></message>")
    await held(town, judge, "u1")
    town.options["sealed.mode"] = "required"
    town.write_config()
    status, out, err = await town.reload()
    assert status == 0, out + err
    await town.ctl("held", "release", judge.bare)
    await clerk.gets_error("message", "u1", "policy-violation")
    await held(town, judge)
    await judge.receives_no("message", before=word_from(await usher(town)), id="u1")


@story("Delay: a store that is away", policy=LATER)
async def a_store_that_is_away_loses_nothing(town):
    clerk, judge = await town.devices("clerk", "judge")
    for name in ("s1", "s2"):
        await clerk.sends(message(judge.bare, name))
    await held(town, judge, "s1", "s2")
    await town.ctl("held", "release", judge.bare)
    async with town.store_is_paused():
        await clerk.sends(message(judge.bare, "s3"))
    for name in ("s1", "s2"):
        await comes(judge, name)
    await held(town, judge, "s3")


@story("Delay: a sender who acknowledges (XEP-0198)", policy=LATER)
async def it_is_acknowledged_when_it_is_durable(town):
    judge = await town.account("judge")
    clerk = await Managed.of(await (await town.account("clerk")).device())
    await clerk.sends(message(judge.bare, "m1"))
    assert await clerk.asks_for_h() >= 1
    assert [row["id"] for row in await town.ctl_json("held", "list", judge.bare)] == ["m1"]


@story("Delay: what a policy says of it", policy=LATER)
async def what_is_no_time_is_refused_with_its_line(town):
    for wrong, text in (('Delay(0)', "from 1 second"), ('Delay("40d")', "31 days"), ('Delay(Kind("message"))', "Hours, Weekday, Date, Holiday"),
                        ('Delay(function() return true end)', "Hours, Weekday, Date, Holiday"), ('Delay("soon")', "Delay")):
        town.write_file(town.policy_file, f'rule{{ name = "x", match = Kind("message"),\n  action = {wrong} }}')
        status, out, err = await town.reload()
        assert status != 0 and ":2: " in out + err and text in out + err, (wrong, out, err)


@story("valisectl held: what it cannot do it says", policy=LATER)
async def a_wrong_name_and_nothing_to_release_are_told(town):
    judge = await town.account("judge")
    for command in (("held", "list", "nobody@localhost"), ("held", "release", "nobody@localhost")):
        status, _, err = await town.ctl_result(*command)
        assert status == 1 and "there is no account" in err, err
    status, _, err = await town.ctl_result("held", "release", judge.bare)
    assert status == 1 and f"nothing is held back for {judge.bare}" in err, err
    assert await town.records(reason="delay-release", to=judge.bare) == []
    clerk = await (await town.account("clerk")).device()
    await is_held(town, clerk, judge, "v1")
    assert await town.ctl("held", "release", judge.bare) == f"{judge.bare}: 1 message comes now\n"


@story("Delay: on trial, and with a class of its own", alone=True, policy="""
rule{ name = "classes", match = Kind("message") * Direction("out"), action = Record("retention-1y") }
rule{ name = "trial", match = Kind("message") * Direction("in") * To("usher*@localhost"), action = Delay("2h"), shadow = true }
rule{ name = "later", match = Kind("message") * Direction("in") * To("judge*@localhost"), action = Delay("2h") }
""")
async def a_rule_in_shadow_holds_nothing_back_and_a_class_stays(town):
    clerk, judge, other = await town.devices("clerk", "judge", "usher")
    await clerk.sends(message(other.bare, "w1"))
    await other.receives("message", id="w1")
    [row] = [row for row in await town.ctl_json("policy", "list") if row["name"] == "trial"]
    assert row["would_refuse"] == 1, row
    [record] = await town.records(stanza="w1", kind="passed")
    assert (record["reason"], record["rule"]) == ("would-delay", "trial"), record
    await is_held(town, clerk, judge, "w2")
    await town.ctl("held", "release", judge.bare)
    await comes(judge, "w2")
    records = await town.records(stanza="w2")
    assert [(record["reason"], record["rule"], record["verdict"]) for record in records] == [
        ("policy:retention-1y", "later", "stored"), ("policy:retention-1y", "later", "stored")], records


run()
