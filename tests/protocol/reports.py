"""XEP-0377: who blocks somebody may say why; administrators learn of it, and nobody else."""

import json

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, with_id

SPAM, ABUSE = "urn:xmpp:reporting:spam", "urn:xmpp:reporting:abuse"
SECRET = "he wrote: meet me at the old bridge"


def report(reason=SPAM, inner=""):
    said = f" reason='{reason}'" if reason else ""
    return f"<report xmlns='urn:xmpp:reporting:1'{said}>{inner}</report>"


def text(words):
    return f"<text xml:lang='en'>{words}</text>"


def stanza_id(identity, by="mallory@localhost"):
    return f"<stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='{identity}'/>"


def item(jid, inner=""):
    return f"<item jid='{jid}'>{inner}</item>"


def block(*items):
    return f"<block xmlns='urn:xmpp:blocking'>{''.join(items)}</block>"


async def blocked(device):
    answer = await device.asks("<blocklist xmlns='urn:xmpp:blocking'/>")
    return {one.get("jid") for one in answer.iter("{urn:xmpp:blocking}item")}


async def reports_by(town, device):
    return [one for one in await town.ctl_json("reports", "localhost") if one["by"] == device.bare]


@story("XEP-0377 §3")
async def the_server_says_that_it_takes_reports(town):
    [alice] = await town.devices("alice")
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
    assert info.find(f".//{NS.DISCO_INFO}feature[@var='urn:xmpp:reporting:1']") is not None


@story("XEP-0377 §4, §6")
async def a_report_is_recorded_with_the_block_and_listed(town):
    alice, mallory = await town.devices("alice", "mallory")
    await mallory.sends(f"<message to='{alice.bare}' type='chat' id='m1'>{sealed()}</message>")
    bad = (await alice.receives("message", id="m1")).find(NS.STANZA_ID + "stanza-id").get("id")
    await alice.sets(block(item(mallory.bare, report(ABUSE, stanza_id(bad, alice.bare) + text(SECRET)))))
    assert await blocked(alice) == {mallory.bare}
    [one] = await reports_by(town, alice)
    assert (one["of"], one["reason"], one["messages"], one["text"]) == (mallory.bare, "abuse", [bad], SECRET)
    [record] = await town.records(kind="report", from_=alice.bare)
    assert (record["to"], record["reason"], record["stanza"]) == (mallory.bare, "abuse", bad)
    assert [one["id"] for one in await town.records(kind="message", id=bad)] == [bad]  # which message that was
    await town.restart()
    assert await reports_by(town, alice) == [one]
    shown = await town.ctl("reports")
    assert mallory.bare in shown and SECRET in shown


@story("XEP-0377 §6: what is written into a report")
async def its_text_is_for_the_administrators_alone(town):
    alice, mallory = await town.devices("alice", "mallory")
    phone = await alice.account.device()
    await phone.asks("<blocklist xmlns='urn:xmpp:blocking'/>")
    await alice.sets(block(item(mallory.bare, report(SPAM, text(SECRET)))))
    push = await phone.receives("iq", type_="set", child="{urn:xmpp:blocking}block")
    assert push.find(".//{urn:xmpp:reporting:1}report") is None
    await mallory.receives_no("message", before=ping, from_="localhost")
    for device in (phone, mallory):
        assert SECRET.encode() not in bytes(device.stream.heard)
    await town.audit_is_sound()
    assert SECRET not in town.log()
    assert all(SECRET.encode() not in file.read_bytes() for file in town.audit_folder.rglob("*") if file.is_file())
    await mallory.is_refused("service-unavailable", "<blocklist xmlns='urn:xmpp:blocking'/>", to=alice.bare)


@story("XEP-0377 §6: they block the JID or return an error just as without a report")
async def what_is_no_report_is_a_block_all_the_same(town):
    alice = await (await town.account("alice")).device()
    for number, wrong in enumerate((report(None), report("urn:xmpp:reporting:other"), report("spam"),
                                    f"<report xmlns='urn:xmpp:reporting:0' reason='{SPAM}'/>", "<x xmlns='urn:example:x'/>")):
        await alice.sets(block(item(f"m{number}@localhost", wrong)))
    assert await blocked(alice) == {f"m{number}@localhost" for number in range(5)}
    assert not await reports_by(town, alice)
    await alice.is_refused("bad-request", block(report()), "set", type_="modify")
    await alice.is_refused("jid-malformed", block(item("a b@c d@", report())), "set")
    await alice.is_refused("bad-request", block(f"<item>{report()}</item>"), "set")
    assert not await reports_by(town, alice) and not await town.records(kind="report", from_=alice.bare)
    await alice.sets(f"<unblock xmlns='urn:xmpp:blocking'>{item('m0@localhost', report())}</unblock>")
    assert not await reports_by(town, alice)


@story("XEP-0377 §7: several addresses")
async def each_address_has_its_own_report(town):
    [alice] = await town.devices("alice")
    await alice.sets(block(item("one@localhost", report(SPAM)), item("two@localhost"), item("three@localhost", report(ABUSE))))
    assert await blocked(alice) == {"one@localhost", "two@localhost", "three@localhost"}
    assert {(one["of"], one["reason"]) for one in await reports_by(town, alice)} == {("one@localhost", "spam"),
                                                                                      ("three@localhost", "abuse")}
    assert {record["to"] for record in await town.records(kind="report", from_=alice.bare)} == {"one@localhost", "three@localhost"}


@story("XEP-0377 §6: durable when it is answered")
async def report_and_block_are_one_unit(town):
    [alice] = await town.devices("alice")
    async with town.store_is_paused("account_data"):
        await alice.sends(f"<iq type='set' id='b1'>{block(item('m@localhost', report()))}</iq>")
        await town.waits_for_the_store(1)
        assert not alice.stream.waiting(with_id("b1"))
    assert (await alice.receives("iq", id="b1")).get("type") == "result"
    await town.restart()
    assert len(await reports_by(town, alice)) == 1


@story("docs/security.md §3: hostile reports")
async def a_report_is_bounded_and_moves_no_cursor(town):
    [alice] = await town.devices("alice")
    ids = "".join(stanza_id(f"id{number}") for number in range(40)) + stanza_id("two words") + stanza_id("x" * 129)
    await alice.sets(block(item("m@localhost", report(SPAM, ids + text("a\tb\u009b31mc\u007f" + "é" * 2000)))))
    [one] = await reports_by(town, alice)
    assert one["messages"] == [f"id{number}" for number in range(16)]
    assert one["text"].startswith("a b 31mc é") and len(one["text"].encode()) <= 1000 and one["text"].endswith("é")


@story("reports.per_day", options={"reports.per_day": 2, "reports.keep": 10})
async def somebody_who_reports_all_day_fills_nothing(town):
    [alice] = await town.devices("alice")
    for number in range(4):
        await alice.sets(block(item(f"m{number}@localhost", report())))
    assert len(await blocked(alice)) == 4
    assert [one["of"] for one in await reports_by(town, alice)] == ["m0@localhost", "m1@localhost"]
    assert len(await town.records(kind="report", from_=alice.bare)) == 4
    for number in range(6):
        [other] = await town.devices("other")
        await other.sets(block(item("n@localhost", report()), item("o@localhost", report())))
        await ping(other)
    while len(rows := await town.ctl_json("reports")) > 10:
        pass  # the oldest are on their way out
    assert all(one["by"] != alice.bare for one in rows)


@story("reports.notify, reports.text", options={"reports.notify": ["warden@localhost"], "reports.text": False,
                                                "default_language": "fr"}, alone=True)
async def administrators_hear_of_it_from_the_domain(town):
    await town.ctl("user", "add", "warden@localhost", stdin="sesame warden\n")
    alice, mallory = await town.devices("alice", "mallory")
    await alice.sets(block(item(mallory.bare, report(SPAM, stanza_id("4711") + text(SECRET)))))
    [one] = await reports_by(town, alice)
    assert one["text"] == "" and SECRET.encode() not in town.stored_bytes()
    from harness import Account  # it was away: the message waited
    warden = await Account(town, "warden", "sesame warden").device()
    message = await warden.receives("message", from_="localhost")
    body = message.findtext(NS.CLIENT + "body")
    assert body.startswith("Signalement") and all(word in body for word in (alice.bare, mallory.bare, "spam", "4711"))
    assert SECRET not in body
    await alice.sets(block(item("other@localhost", report())))
    assert "other@localhost" in (await warden.receives("message", from_="localhost")).findtext(NS.CLIENT + "body")
    assert await town.records(kind="message", from_="localhost", to="warden@localhost")
    for device in (alice, mallory):
        await device.receives_no("message", before=ping, from_="localhost")


@story("valisectl reports")
async def a_report_that_is_done_goes(town):
    [alice] = await town.devices("alice")
    await alice.sets(block(item("m@localhost", report()), item("n@localhost", report())))
    first, second = await reports_by(town, alice)
    assert (await town.ctl("reports", "--done", first["report"])).strip() == f"{first['report']}: removed"
    assert await reports_by(town, alice) == [second]
    assert await town.records(kind="admin", reason="report-done")
    for wrong in (("reports", "--done", first["report"]), ("reports", "elsewhere.example")):
        status, out, err = await town.ctl_result(*wrong, as_json=True)
        assert status == 1 and json.loads(out or err)["error"]["code"] == "not-found", (status, out, err)


if __name__ == "__main__":
    run()
