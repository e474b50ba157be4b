"""The stock policies (lua/policies) on a running server: each story loads the very file, with groups of its own beside it."""

import asyncio
import time

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, word_from
from harness.device import Device, expect_error
from harness.scram import Scram
from harness.stream import show
from harness.town import ROOT
from _check_config import check_config
from _commands import administrator

SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
ADMINISTERED = {"commands.administrators": ["root@localhost"]}

# Who is who in these stories, by the beginning of the name.
GROUPS = """
group{ name = "interieur", members = { "prefect*@localhost", "cell*@localhost", "duty*@localhost", "liaison*@localhost" } }
group{ name = "justice", members = { "judge*@localhost" } }
group{ name = "liaison", members = { "liaison*@localhost" } }
group{ name = "help desk", members = { "desk*@localhost" } }
group{ name = "on duty", members = { "duty*@localhost" } }
group{ name = "urgent", members = { "siren*@localhost" } }
group{ name = "crisis cell", members = { "cell*@localhost" } }
group{ name = "guests", members = { "guest*@localhost" } }
group{ name = "partners", domain = "partner.example" }
group{ name = "mail readers", members = { "reader*@localhost" } }
group{ name = "mail writers", members = { "writer*@localhost" } }
group{ name = "announcement rooms", domain = "rooms.localhost" }
group{ name = "large rooms", includes = { "announcement rooms" } }
group{ name = "announcers", members = { "herald*@localhost" } }
group{ name = "cabinet", members = { "minister*@localhost" } }
group{ name = "cleared for top secret", includes = { "cabinet" } }
group{ name = "cleared for secret", includes = { "cleared for top secret" }, members = { "cipher*@localhost" } }
group{ name = "nationals", includes = { "interieur", "justice" } }
group{ name = "restricted", includes = { "nationals" } }
group{ name = "label required", members = { "cipher*@localhost" } }
"""


def message(to, identity, extra="", **how):
    return f"<message to='{to}' id='{identity}' type='chat'>{sealed(**how)}{extra}</message>"


def receipt(to, identity):
    return f"<message to='{to}' id='{identity}' type='chat'><received xmlns='urn:xmpp:receipts' id='m'/></message>"


def text_of(error):
    return error.find(f".//{NS.STANZA_ERROR}text").text


async def under(town, *names, adapt=()):
    """Puts these policies in force. `adapt`: pairs of what stands in their files and what shall stand there."""
    folder = town.folder / "policies"
    folder.mkdir(exist_ok=True)
    pairs = list(adapt)
    for path in sorted((ROOT / "lua" / "policies").glob("*.lua")):
        text = path.read_text()
        if path.stem in names:
            pairs = [(old, new) for old, new in pairs if old not in text]
            for old, new in adapt:
                text = text.replace(old, new)
        town.write_file(folder / path.name, GROUPS if path.stem == "groups" else text)
    assert not pairs, f"no file says {pairs}"
    town.write_file(town.policy_file, "".join(f'include("policies/{name}.lua")\n' for name in names))
    status, out, err = await town.reload()
    assert status == 0, out + err


async def arrives(sender, recipient, identity, **how):
    await sender.sends(message(recipient.bare, identity, **how))
    await recipient.receives("message", id=identity, from_=sender.full)


async def is_refused(sender, to, identity, condition, **how):
    await sender.sends(message(to, identity, **how))
    return await sender.gets_error("message", identity, condition)


async def logs_in(town, account, source=None, lang="en"):
    """Up to the server's last word: <success/> or <failure/>."""
    stream = await town.stream().reaches_tls(lang=lang, source=source)
    scram = Scram("SCRAM-SHA-256", account.name, account.password)
    await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-256'>{scram.first()}</auth>")
    challenge = await stream.sasl_answer("challenge")
    await stream.sends(f"<response {SASL}>{scram.final(challenge.text)}</response>")
    return await stream.wait_for(lambda event: getattr(event, "tag", "").startswith(NS.SASL), "an answer")


async def comes_from(town, account, source):
    stream = await town.stream().reaches_tls(source=source)
    await stream.authenticates(account.name, account.password)
    return Device(account, stream, await stream.binds())


DEVICES = "eu.siacs.conversations.axolotl.devicelist"


def lists(*ids):
    devices = "".join(f"<device id='{one}'/>" for one in ids)
    return (f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='{DEVICES}'><item id='current'>"
            f"<list xmlns='eu.siacs.conversations.axolotl'>{devices}</list></item></publish></pubsub>")


def clock_at(hour):
    """An environment in which it is that hour now."""
    ahead = (hour - time.gmtime().tm_hour + 12) % 24 - 12
    return {"TZ": f"HERE{-ahead}"}


# Weekends and holidays are the business of lua/tests: here each day is a working day.
ANY_DAY = (('days = "mon-fri"', 'days = "mon-sun"'), (" * -Holiday(calendar)", ""))


@story("stock: right to disconnect, messages kept", alone=True)
async def at_night_messages_wait_and_calls_are_refused(town):
    await under(town, "right_to_disconnect", adapt=ANY_DAY)
    await town.restart(environment=clock_at(3))
    prefect, judge, siren = await town.devices("prefect", "judge", "siren")
    await prefect.sends(message(judge.bare, "l1"))
    await prefect.sends(f"<message to='{judge.bare}' id='l2' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='c'>"
                        "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>")
    await prefect.gets_error("message", "l2", "recipient-unavailable")
    [held] = await town.ctl_json("held", "list", judge.bare)
    assert (held["id"], held["rule"]) == ("l1", "right to disconnect: later, justice"), held
    await judge.receives_no("message", before=word_from(siren), id="l1")
    await town.ctl("held", "release", judge.bare)  # it is nine o'clock
    came = await judge.receives("message", id="l1")
    assert came.find("{urn:xmpp:delay}delay") is not None, show(came)


@story("stock: right to disconnect", alone=True)
async def at_night_only_who_is_on_duty_is_reached_and_who_writes_is_answered(town):
    await under(town, "right_to_disconnect", adapt=(*ANY_DAY, (", hold = true", "")))
    await town.restart(environment=clock_at(3))
    prefect, judge, duty, siren = await town.devices("prefect", "judge", "duty", "siren")
    phone = await judge.account.device()
    error = await is_refused(prefect, judge.bare, "n1", "recipient-unavailable")
    assert text_of(error).startswith("Right to disconnect: this person can be reached from 9:00"), show(error)
    [record] = await town.records(stanza="n1")
    assert record["rule"] == "right to disconnect: justice", record
    await prefect.sends(f"<message to='{judge.bare}' id='n2' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='c'>"
                        "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>")
    await prefect.gets_error("message", "n2", "recipient-unavailable")
    await prefect.sends(receipt(judge.full, "n3"))
    await judge.receives("message", id="n3")
    await arrives(siren, judge, "n4")
    await arrives(judge, duty, "n5")
    await arrives(duty, judge, "n6")  # an answer
    await judge.sends(message(judge.bare, "n8"))
    await phone.receives("message", id="n8")
    await judge.receives_no("message", before=word_from(siren), id="n1")
    await town.restart(environment=clock_at(12))
    prefect, judge = [await account.device() for account in (prefect.account, judge.account)]
    await arrives(prefect, judge, "d1")


@story("stock: ministry walls", alone=True)
async def nothing_crosses_a_wall_that_comes_between_contacts_but_its_end(town):
    prefect, judge, liaison = await town.devices("prefect", "judge", "liaison")
    await prefect.is_friends_with(judge)
    await under(town, "ministry_walls")

    async def goodbye(device):
        await prefect.sends(f"<presence type='unavailable' id='bye' to='{judge.full}'/>")
        await device.receives("presence", id="bye", type_="unavailable")

    error = await is_refused(prefect, judge.bare, "w1", "forbidden")
    assert text_of(error).startswith("You cannot talk to that ministry here"), show(error)
    await is_refused(judge, prefect.full, "w2", "forbidden")
    await prefect.is_refused("forbidden", "<query xmlns='jabber:iq:version'/>", to=judge.full)
    await judge.is_refused("forbidden", f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{DEVICES}'/></pubsub>",
                           to=prefect.bare)
    await prefect.sends("<presence><show>dnd</show></presence>")  # to all contacts
    await prefect.sends(f"<presence id='w3' to='{judge.full}'/>")
    expect_error(await prefect.receives("presence", id="w3", type_="error"), "forbidden")
    await judge.receives_no("presence", before=goodbye, from_=prefect.full, child=NS.CLIENT + "show")
    await prefect.asks("<query xmlns='jabber:iq:roster'/>")
    await prefect.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
    await judge.sends(f"<presence type='unsubscribed' to='{prefect.bare}'/><presence type='unsubscribe' to='{prefect.bare}'/>")
    await prefect.receives("presence", type_="unsubscribed", from_=judge.bare)
    await judge.sends(f"<presence type='subscribe' id='w4' to='{prefect.bare}'/>")
    expect_error(await judge.receives("presence", id="w4", type_="error"), "forbidden")
    await arrives(liaison, judge, "w5")
    await arrives(judge, liaison, "w6")
    await arrives(prefect, liaison, "w7")
    await judge.receives_no("message", before=word_from(liaison), id="w1")


@story("stock: first contacts", alone=True, options=ADMINISTERED)
async def the_twenty_first_stranger_waits_and_answers_are_free(town):
    await under(town, "first_contact")
    alice, bob, carol, friend, desk = await town.devices("alice", "bob", "carol", "friend", "desk")
    await alice.is_friends_with(friend)  # one of the twenty
    await arrives(alice, bob, "f0")
    for number in range(18):  # nobody is there: that is how addresses are tried out
        await is_refused(alice, f"nobody{number}@localhost", f"f{number + 1}", "service-unavailable")
    error = await is_refused(alice, carol.bare, "late", "resource-constraint")
    assert text_of(error).startswith("You have written to many new people"), show(error)
    await alice.sends(f"<presence type='subscribe' id='ask' to='{carol.bare}'/>")
    expect_error(await alice.receives("presence", id="ask", type_="error"), "resource-constraint")
    await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='{carol.bare}'/></query>")  # of her own making
    await is_refused(alice, carol.bare, "later", "resource-constraint")
    for number in range(5):
        await arrives(alice, bob, f"again{number}")
    await arrives(alice, friend, "known")
    await arrives(alice, desk, "desk")
    await arrives(carol, alice, "asked")
    await arrives(alice, carol, "answer")
    root = await administrator(town)
    for number in range(30):
        await is_refused(root, f"nobody{number}@localhost", f"r{number}", "service-unavailable")


@story("stock: new-device quarantine", alone=True, options=ADMINISTERED)
async def a_new_device_writes_to_its_owner_and_the_help_desk_until_it_is_let_go(town):
    await under(town, "device_quarantine")
    root = await administrator(town)
    alice, bob, desk = await town.devices("alice", "bob", "desk")
    laptop = await alice.account.device()
    await alice.sets(lists(11))
    error = await is_refused(alice, bob.bare, "q1", "not-allowed", sid=11)
    assert text_of(error).startswith("This device is new"), show(error)
    await alice.sends(message(alice.bare, "q2", sid=11))
    await laptop.receives("message", id="q2")
    await arrives(alice, desk, "q3", sid=11)
    await alice.sends(message(root.bare, "q4", sid=11))
    await root.receives("message", id="q4")
    await alice.sends(receipt(bob.full, "q5"))
    await bob.receives("message", id="q5")
    released = await town.ctl_json("policy", "memory", "set", "quarantine-over", alice.bare.upper(), "1", "1h")
    assert released["value"] == 1 and "until" in released, released
    await arrives(alice, bob, "q6", sid=11)
    [record] = await town.records(kind="admin", reason="policy-memory-set")
    assert record["to"].lower() == alice.bare and record["rule"] == "quarantine-over", record
    await town.ctl("policy", "memory", "forget", "quarantine-over", alice.bare)
    await is_refused(alice, bob.bare, "q7", "not-allowed", sid=11)
    await under(town, "device_quarantine", adapt=[('quarantine = "24h"', 'quarantine = "1s"')])
    number = 0
    await alice.sends(message(bob.bare, "old0", sid=11))
    await ping(alice)
    while (await town.records(stanza=f"old{number}"))[0]["kind"] == "denied":  # until it is a second old
        number += 1
        await alice.sends(message(bob.bare, f"old{number}", sid=11))
        await ping(alice)
    await bob.receives("message", id=f"old{number}")


OFFICE, HOTEL = "127.5.0.1", "127.6.0.1"


@story("stock: travel mode", alone=True, options=ADMINISTERED)
async def who_travels_is_let_in_and_adds_no_device_and_administrators_are_not_locked_out(town):
    root, alice = await town.account("root"), await town.account("alice")
    town.options["commands.administrators"] = [root.bare]
    town.write_config()
    await under(town, "travel_mode", adapt=[('"127.0.0.0/8", "::1"', '"127.5.0.0/16"')])
    assert (await logs_in(town, alice, OFFICE)).tag == NS.SASL + "success"
    assert (await logs_in(town, root, HOTEL)).tag == NS.SASL + "success"
    for lang, text in (("en", "You can log in from"), ("fr", "Connexion possible depuis")):
        answer = await logs_in(town, alice, HOTEL, lang)
        assert answer[0].tag == NS.SASL + "temporary-auth-failure", show(answer)
        assert answer.findtext(NS.SASL + "text").startswith(text), show(answer)
    [first, _] = await town.records(kind="denied", from_=alice.bare)
    assert first["rule"] == "travel mode: log-in" and HOTEL in first["source"], first
    await town.ctl("policy", "memory", "set", "travel", alice.bare, "1", "7d")
    away, there = await comes_from(town, alice, HOTEL), await comes_from(town, alice, OFFICE)
    await there.sets(lists(21))
    await away.is_refused("not-allowed", lists(21, 22), kind="set")
    await away.sets(lists(21))
    await there.sets(lists(21, 22))
    await town.ctl("policy", "memory", "forget", "travel", alice.bare)
    assert (await logs_in(town, alice, HOTEL))[0].tag == NS.SASL + "temporary-auth-failure"


@story("stock: break-glass", alone=True, options=ADMINISTERED)
async def a_broken_glass_opens_the_walls_for_the_cell_is_told_and_recorded_and_survives_a_restart(town):
    await under(town, "break_glass", "ministry_walls")
    root = await administrator(town)
    cell, prefect, judge = await town.devices("cell", "prefect", "judge")
    await is_refused(cell, judge.bare, "b1", "forbidden")
    status = await town.ctl_json("policy", "memory", "set", "crisis", "all", "1", "4h")
    assert (status["memory"], status["key"], status["value"]) == ("crisis", "all", 1) and "until" in status, status
    await arrives(cell, judge, "b2")
    told = await root.receives("message", from_="localhost")
    assert told.findtext(NS.CLIENT + "body").startswith("The glass is broken: rules do not hold"), show(told)
    await arrives(judge, cell, "b3")
    await is_refused(prefect, judge.bare, "b4", "forbidden")
    [record] = await town.records(stanza="b2")
    assert (record["reason"], record["rule"]) == ("policy:break-glass", "break-glass"), record
    [change] = await town.records(kind="admin", reason="policy-memory-set")
    assert (change["to"], change["rule"]) == ("all", "crisis"), change
    await town.restart()
    cell, judge = [await account.device() for account in (cell.account, judge.account)]
    await arrives(cell, judge, "b5")
    await town.ctl("policy", "memory", "forget", "crisis", "all")
    await is_refused(judge, cell.bare, "b6", "forbidden")
    assert len(await town.records(kind="admin", reason="policy-memory-forget")) == 1


async def is_put_out(guest, to, identity):
    """The session ends at once, often before the error is there: what it says comes at the next log-in."""
    await guest.sends(message(to.bare, identity))
    await guest.stream.fails_with("policy-violation")
    [record] = await guest.account.town.records(stanza=identity)
    assert (record["kind"], record["rule"]) == ("denied", "guests: the time is over"), record


@story("stock: guests with expiry", alone=True)
async def a_guest_answers_begins_nothing_and_is_out_when_his_time_is_over(town):
    await under(town, "guests")
    guest, alice, carol, desk = await town.devices("guest", "alice", "carol", "desk")
    error = await is_refused(guest, alice.bare, "g1", "forbidden")
    assert text_of(error).startswith("Guests answer who wrote to them"), show(error)
    await guest.sends(f"<presence type='subscribe' id='g2' to='{alice.bare}'/>")
    expect_error(await guest.receives("presence", id="g2", type_="error"), "forbidden")
    await arrives(guest, desk, "g3")
    await arrives(alice, guest, "g4")
    await arrives(guest, alice, "g5")
    await is_refused(guest, carol.bare, "g6", "forbidden")
    await town.ctl("policy", "memory", "set", "guest-ended", guest.bare)
    await is_put_out(guest, alice, "g7")
    answer = await logs_in(town, guest.account)
    assert answer[0].tag == NS.SASL + "account-disabled", show(answer)
    assert answer.findtext(NS.SASL + "text").startswith("Your guest access has expired"), show(answer)
    await is_refused(alice, guest.bare, "g8", "item-not-found")
    await town.ctl("policy", "memory", "forget", "guest-ended", guest.bare)
    guest = await guest.account.device()
    await arrives(guest, alice, "g9")
    await under(town, "guests", adapt=[('expiry = "30d"', 'expiry = "0s"')])  # his time began before
    await is_put_out(guest, alice, "g10")
    await under(town, "guests")
    guest = await guest.account.device()
    await arrives(guest, alice, "g11")


@story("stock: federation", alone=True)
async def what_goes_to_other_servers_is_refused_with_a_reason_but_to_partners(town):
    await under(town, "federation_allow_list")
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    error = await is_refused(alice, "x@elsewhere.example", "e1", "not-allowed")
    assert text_of(error).startswith("This server exchanges with approved organisations only"), show(error)
    await is_refused(alice, "x@partner.example", "e2", "remote-server-not-found")  # streams are to come
    await alice.is_refused("not-allowed", "<query xmlns='jabber:iq:version'/>", to="elsewhere.example")
    await alice.sends("<presence><show>dnd</show></presence>")
    await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")
    await arrives(alice, bob, "e3")


@story("stock: retention classes", alone=True)
async def the_class_of_a_message_stands_in_its_record(town):
    await under(town, "retention")
    alice, minister, cell = await town.devices("alice", "minister", "cell")
    await arrives(alice, minister, "c1")
    await arrives(cell, alice, "c2")
    await arrives(alice, (await town.devices("bob"))[0], "c3")
    for identity, reason in (("c1", "policy:retention-for-ever"), ("c2", "policy:retention-10y"), ("c3", None)):
        [record] = await town.records(stanza=identity)
        assert record.get("reason") == reason and record["verdict"] == "delivered", record
    for person, days in ((minister, 0), (cell, 3650), (alice, 90)):
        kept = await town.ctl_json("archive", "show", person.bare)
        assert (kept["keep_days"], kept["by_rule"]) == (days, days != 90), kept


def labelled(name, marking, ground):
    return (f"<securitylabel xmlns='urn:xmpp:sec-label:0'><displaymarking fgcolor='white' bgcolor='{ground}'>{marking}</displaymarking>"
            f"<label><level xmlns='urn:valise:label:0' name='{name}'/></label></securitylabel>")


@story("stock: classification labels", options={"labels.catalogue": ["fr"]}, alone=True)
async def who_is_cleared_labels_and_who_has_to_label_does(town):
    await under(town, "labels")
    minister, cipher, judge = await town.devices("minister", "cipher", "judge")
    secret, top = labelled("secret", "SECRET", "#c9191e"), labelled("tres-secret", "TRÈS SECRET", "#7d0012")
    await arrives(minister, cipher, "l1", extra=secret)
    await arrives(cipher, minister, "l2", extra=secret)
    error = await is_refused(minister, judge.bare, "l3", "forbidden", extra=secret)
    assert text_of(error) == "SECRET: both sender and recipient have to be cleared for it.", show(error)
    await is_refused(minister, cipher.bare, "l4", "forbidden", extra=top)
    await is_refused(cipher, judge.bare, "l5", "policy-violation")
    await arrives(minister, judge, "l6")
    [record] = await town.records(stanza="l5")
    assert (record["kind"], record["rule"]) == ("denied", "label required"), record


@story("stock: all of them", alone=True)
async def all_together_let_colleagues_talk(town):
    await under(town, "retention", "labels", "break_glass", "travel_mode", "guests", "device_quarantine", "ministry_walls", "federation_allow_list",
                "mail_recipients", "room_size", "announcement_rooms", "first_contact", "right_to_disconnect", adapt=ANY_DAY)
    town.write_file(town.policy_file, 'include("policies/all.lua")\n')
    await town.restart(environment=clock_at(12))
    prefect, other, judge = await town.devices("prefect", "prefect", "judge")
    await prefect.is_friends_with(other)
    await is_refused(prefect, other.bare, "a1", "not-allowed")  # its device is new
    await town.ctl("policy", "memory", "set", "quarantine-over", prefect.bare)
    await arrives(prefect, other, "a2")
    await is_refused(prefect, judge.bare, "a3", "forbidden")
    assert len(await town.ctl_json("policy", "list")) == 40
    assert all(row["errors"] == 0 for row in await town.ctl_json("policy", "list"))


# -- include and memory -----------------------------------------------------------------------------------------------

@story("policy: include", alone=True)
async def an_error_in_an_included_file_is_named_and_the_old_rules_stay(town):
    alice, bob = await town.devices("alice", "bob")
    walls = town.folder / "walls.lua"
    denies = "rule{ name = 'walls', match = Kind('message') * Direction('out'), action = Deny('forbidden') }\n"
    town.write_file(walls, denies)
    town.write_file(town.policy_file, "-- a policy of two files\ninclude('walls.lua')\n")
    status, out, err = await town.reload()
    assert status == 0, out + err
    [row] = await town.ctl_json("policy", "list")
    assert (row["file"], row["line"]) == (str(walls), 1), row
    for damage, wanted in (("\nrule{ name = 'x', match = Form('a@b') }", 'walls.lua:3: unknown name "Form"; the nearest is "From"'),
                           ("rule{", "walls.lua:2: "), ("include('policy.lua')", "walls.lua:2: "),
                           (denies.replace("walls", "late"), "walls.lua:2: rule \"late\" can never act")):
        town.write_file(walls, denies + damage)
        for answer in (await town.reload(), await town.ctl_result("policy", "check", str(town.policy_file))):
            assert answer[0] != 0 and wanted in answer[1] + answer[2], answer
        status, out, _ = await check_config(town, town.config_file.read_text())
        assert status == 2 and wanted in out, out
        await is_refused(alice, bob.bare, "old", "forbidden")
    town.write_file(walls, denies)
    walls.chmod(0o666)
    status, out, err = await town.reload()
    assert status != 0 and "walls.lua: others may write it" in out + err, out + err
    walls.chmod(0o600)
    town.write_file(walls, "-- nothing\n")
    assert (await town.reload())[0] == 0
    await arrives(alice, bob, "new")


@story("policy memory", alone=True, options={"shards": 2}, policy="""
local gone = memory{ name = "gone", lifetime = "1h" }
memory{ name = "unused", durable = true, keys = 50 }
rule{ name = "gone", match = Kind("message") * Direction("out") * Remembers(gone, "from"), action = Deny("conflict") }
rule{ name = "counts", match = Kind("message") * Direction("out"), action = Count(gone, "to") }
""")
async def memories_are_listed_read_set_and_forgotten_while_the_server_runs(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    assert await town.ctl_json("policy", "memory", "list") == [
        {"name": "gone", "used": 0, "keys": 10000, "durable": False, "lifetime_s": 3600},
        {"name": "unused", "used": 0, "keys": 50, "durable": True}]
    await arrives(alice, bob, "m1")
    await arrives(carol, bob, "m2")
    found = await town.ctl_json("policy", "memory", "get", "gone", bob.bare)
    assert found["value"] == 2 and found["since"] < found["until"], found
    for device in (alice, carol):  # on whichever shard they are at home
        await town.ctl("policy", "memory", "set", "gone", device.bare)
        await is_refused(device, bob.bare, "m3", "conflict")
        await town.ctl("policy", "memory", "forget", "gone", device.bare)
        await arrives(device, bob, "m4")
    for arguments, wanted in ((("get", "gone", "nobody@localhost"), "has nothing under"), (("get", "goen", "x"), 'the nearest is "gone"'),
                              (("set", "gone", "a@b", "1", "soon"), "a lifetime is"), (("forget", "gone", "x"), "has nothing under")):
        status, out, err = await town.ctl_result("policy", "memory", *arguments)
        assert status == 1 and wanted in out + err, out + err
    records = await town.records(kind="admin")
    assert [record["reason"] for record in records if "memory" in record["reason"]] == ["policy-memory-set", "policy-memory-forget"] * 2, records


# -- reload under load ------------------------------------------------------------------------------------------------

# Large messages are A's, small ones B's: the first rule marks them, and only with its mark the second refuses them. A
# mark of the other, or none, is a third answer: what half of one policy and half of another would decide.
def half_and_half(name, other, size):
    return f"""
local messages = Kind("message") * To("victim*@localhost")
rule{{ name = "{name} marks", match = messages * {size}, action = Tag("{name}") }}
rule{{ name = "{name} is alone", match = messages * HasTag("{other}"), action = Deny{{ "unexpected-request", en = "mixed" }} }}
rule{{ name = "{name} refuses", match = messages * {size} * HasTag("{name}"), action = Deny{{ "conflict", en = "{name}" }} }}
rule{{ name = "{name} is whole", match = messages * {size}, action = Deny{{ "unexpected-request", en = "half" }} }}
"""


@story("policy: an atomic reload", alone=True, options={"shards": 4})
async def under_load_every_message_is_decided_by_one_policy_and_none_is_lost(town):
    texts = [half_and_half("A", "B", 'Size(">", 3000)'), half_and_half("B", "A", 'Size("<=", 3000)')]
    town.write_file(town.policy_file, texts[0])
    assert (await town.reload())[0] == 0
    victim, *senders = await town.devices("victim", *("sender" for _ in range(6)))  # some at home on each shard
    stop = asyncio.Event()
    sent = [0] * len(senders)

    async def floods(number, sender):
        while not stop.is_set():
            batch = range(sent[number], sent[number] + 20)
            await sender.sends("".join(message(victim.bare, f"{number}-{one}", payload_bytes=24 if one % 2 else 4000) for one in batch))
            sent[number] += 20
            await ping(sender)

    flooding = [asyncio.ensure_future(floods(*one)) for one in enumerate(senders)]
    for step in range(1, 41):
        town.write_file(town.policy_file, texts[step % 2])
        status, out, err = await town.reload()
        assert status == 0, out + err
    stop.set()
    await asyncio.gather(*flooding)

    def messages(device):
        found = device.stream.takes(lambda event: getattr(event, "tag", None) == NS.CLIENT + "message")
        return {one.get("id"): one for one in found if one.get("id")[0].isdigit()}

    answers = {}
    for sender in senders:
        await sender.sends(message("nobody@localhost", "last"))
        await sender.gets_error("message", "last", "service-unavailable")
        answers |= {identity: text_of(one) for identity, one in messages(sender).items()}
    await victim.receives_no("message", before=ping, type_="error")
    arrived = set()
    while len(arrived) + len(answers) < sum(sent):
        one = await victim.stream.wait_for(lambda event: getattr(event, "tag", None) == NS.CLIENT + "message", "all messages")
        arrived.add(one.get("id"))
    outcomes = {"arrived": len(arrived)}
    for text in answers.values():
        outcomes[text] = outcomes.get(text, 0) + 1
    print(f"     {sum(sent)} messages, {outcomes}")
    assert set(outcomes) == {"arrived", "A", "B"}, outcomes
    assert not arrived & set(answers), "refused and delivered"
    assert arrived | set(answers) == {f"{number}-{one}" for number in range(len(senders)) for one in range(sent[number])}
    for identity, text in answers.items():  # A refuses large ones, B small ones
        assert (text == "B") == (int(identity.split("-")[1]) % 2 == 1), (identity, text)


run()
