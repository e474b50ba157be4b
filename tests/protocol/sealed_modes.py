"""docs/sealed.md 3.6, D16: modes by host, direction and group, a date from which they hold, exemptions, rules about what
is not sealed; and what in each of them must not pass all the same."""

import dataclasses
import datetime
import time

import _path  # noqa: F401
from _archive import asks
from _check_config import check_config
from _managed import device
from _pep import NODE, publish
from harness import NS, Town, ping, run, sealed, story, word_from
from harness.certificates import make_certificate
from harness.device import Account
from harness.stream import Stream
from harness.town import PUBLISHED_DEVICES
from sealed_devices import LIST as DEVICES
from sealed_devices import PHONE, STRANGER, device_list, encrypted

CANARY = "the merger is on friday"
WARN = {"sealed.mode": "warn"}
SOON = ("Soon, this server will not deliver a message like the one you just sent: everything will have to be properly "
        "encrypted. Switch on OMEMO (the padlock) in this chat.")
BIENTOT = ("Bientôt, ce serveur ne transmettra plus un message comme celui que vous venez d’envoyer : tout devra être "
           "correctement chiffré. Activez OMEMO (le cadenas) dans cette conversation.")
BODY = f"<body>{CANARY}</body>"
FAR = "2999-01-01"


def moment(seconds_ahead):
    """A moment as options take it, in milliseconds."""
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_ahead)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z"


def message(to, identity, inner, type_="chat"):
    return f"<message to='{to}' id='{identity}' type='{type_}'>{inner}</message>"


async def refused(sender, receiver, identity, inner, reason="plaintext"):
    """It comes back with that reason, nothing of it arrives, nobody is warned, and a record says so."""
    await sender.sends(message(receiver.bare, identity, inner))
    error = await sender.gets_error("message", identity, "policy-violation", "modify")
    assert error.find(f".//{NS.POLICY}sealed-required").get("reason") == reason
    await receiver.receives_no("message", before=word_from(sender), id=identity)
    [record] = await sender.account.town.records(kind="denied", stanza=identity, from_=sender.bare)
    assert record["reason"] == reason and record["verdict"] == "refused", record


async def passes(sender, receiver, identity, inner=BODY, reason=None, type_="chat"):
    """It arrives as it was sent; its record says by what it passed. Returns it."""
    await sender.sends(message(receiver.bare, identity, inner, type_))
    arrived = await receiver.receives("message", id=identity, from_=sender.full)
    if reason:
        [record] = await sender.account.town.records(kind="message", stanza=identity, from_=sender.bare)
        assert record["verdict"] == "delivered" and record["reason"] == reason, record
    return arrived


async def is_warned(device, text=SOON, lang="en"):
    warning = await device.receives("message", from_="localhost", type_="chat")
    assert warning.findtext(NS.CLIENT + "body") == text and warning.get(NS.XML + "lang") == lang


async def is_not_warned(device, before=ping):
    await device.receives_no("message", before=before, from_="localhost")


async def reloads(town, **options):
    """With these options (dots as two underscores)."""
    town.options |= {name.replace("__", "."): value for name, value in options.items()}
    town.write_config()
    status, out, err = await town.reload()
    assert status == 0, out + err
    await town.ctl("session", "list")  # a fence: every shard has run what a reload left it to do


async def holds(town, host="localhost"):
    return (await town.ctl_json("status"))["sealed"][host]


# ---- warn

@story("docs/sealed.md 3.6: warn", options=WARN)
async def what_would_be_refused_is_delivered_as_it_came_and_its_sender_is_told_once_a_day(town):
    alice, bob = await town.devices("alice", "bob")
    arrived = await passes(alice, bob, "m1", f"{BODY}<note xmlns='urn:example:x'>{CANARY}</note>", "warned:plaintext")
    assert arrived.findtext(NS.CLIENT + "body") == CANARY and arrived.findtext("{urn:example:x}note") == CANARY
    await is_warned(alice)
    await passes(alice, bob, "m2", reason="warned:plaintext")
    phone = await alice.account.device()
    await passes(phone, bob, "m3")
    for device in (alice, phone, bob):  # once a day and account, and only who sends
        await is_not_warned(device)
    await bob.sends(message(alice.bare, "m4", BODY))
    await alice.receives("message", id="m4")
    await is_warned(bob)


@story("docs/sealed.md 3.6: warn, D11", options=WARN)
async def a_french_stream_is_warned_in_french(town):
    alice = await (await town.account("alice")).device(lang="fr")
    [bob] = await town.devices("bob")
    await passes(alice, bob, "m1")
    await is_warned(alice, BIENTOT, "fr")


@story("docs/sealed.md 3.6: warn", options=WARN)
async def the_record_says_why_it_would_be_refused(town):
    alice, bob = await town.devices("alice", "bob")
    for number, (inner, reason) in enumerate((
            ("<reactions xmlns='urn:xmpp:reactions:0' id='a'><reaction>+</reaction></reactions>", "reaction"),
            ("<x xmlns='jabber:x:oob'><url>https://example.org/a</url></x>", "file"),
            ("<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='x'/></encrypted>" + BODY, "malformed"))):
        arrived = await passes(alice, bob, f"m{number}", inner, f"warned:{reason}")
        assert len(arrived) >= 1
    [record] = await town.records(kind="message", stanza="m2", from_=alice.bare)
    assert "device" not in record and "encryption" not in record, "nothing is said of a seal that is none"
    assert CANARY.encode() not in town.stored_bytes()


@story("docs/sealed.md 3.6: warn", options=WARN)
async def what_is_sealed_is_written_anew_as_ever_and_nobody_is_warned(town):
    alice, bob = await town.devices("alice", "bob")
    arrived = await passes(alice, bob, "m1", f"{sealed()}<note xmlns='urn:example:x'>{CANARY}</note>{BODY}")
    assert arrived.find("{urn:example:x}note") is None and arrived.findtext(NS.CLIENT + "body") != CANARY
    [record] = await town.records(kind="message", stanza="m1", from_=alice.bare)
    assert "reason" not in record and record["encryption"] == "legacy", record
    await is_not_warned(alice)


@story("docs/sealed.md 3.6: warn; 3.2: spoofing", options=WARN)
async def what_only_a_server_may_say_is_taken_away_all_the_same(town):
    alice, bob = await town.devices("alice", "bob")
    spoofed = (f"<stanza-id xmlns='urn:xmpp:sid:0' id='fake' by='{bob.bare}'/>"
               "<delay xmlns='urn:xmpp:delay' stamp='2001-01-01T00:00:00Z' from='localhost'/>"
               f"<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>{BODY}</forwarded></sent>")
    arrived = await passes(alice, bob, "m1", BODY + spoofed)
    assert [child.tag for child in arrived if child.tag != NS.STANZA_ID + "stanza-id"] == [NS.CLIENT + "body"]
    assert all(child.get("id") != "fake" for child in arrived)


@story("docs/sealed.md 3.6: warn, archives", options=WARN, alone=True)
async def nothing_in_the_clear_is_archived_and_what_waits_is_forgotten_when_it_was_taken(town):
    alice, bob = await town.devices("alice", "bob")
    carol = await town.account("carol")
    await passes(alice, bob, "m1")
    await alice.sends(message(carol.bare, "m2", BODY))
    await alice.sends(message(carol.bare, "m3", sealed()))
    await ping(alice)
    [record] = await town.records(kind="message", stanza="m2", from_=alice.bare)
    assert record["verdict"] == "stored" and record["reason"] == "warned:plaintext", record
    phone = await carol.device()
    waited = await phone.receives("message", id="m2", from_=alice.full)
    assert waited.findtext(NS.CLIENT + "body") == CANARY
    await phone.receives("message", id="m3")
    for device, there in ((alice, ["m3"]), (bob, []), (phone, ["m3"])):
        assert [one.get("id") for one in (await asks(device)).messages] == there


@story("docs/sealed.md 3.6: warn, archives: the twin", options={"sealed.mode": "off"})
async def an_ordinary_server_archives_it(town):
    alice, bob = await town.devices("alice", "bob")
    await passes(alice, bob, "m1")
    assert [one.get("id") for one in (await asks(alice)).messages] == ["m1"]
    await is_not_warned(alice)
    [record] = await town.records(kind="message", stanza="m1", from_=alice.bare)
    assert "reason" not in record, record


@story("docs/sealed.md 3.6: warn, requests", options=WARN)
async def a_request_that_is_not_offered_passes_and_has_a_record(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sends(f"<iq type='set' id='q1' to='{bob.full}'><note xmlns='urn:example:x'>{CANARY}</note></iq>")
    asked = await bob.receives("iq", id="q1", type_="set")
    assert asked.findtext("{urn:example:x}note") == CANARY
    await bob.answers(asked, f"<note xmlns='urn:example:x'>{CANARY}</note>")
    assert (await alice.receives("iq", id="q1", type_="result")).findtext("{urn:example:x}note") == CANARY
    await bob.answers(asked, "<query xmlns='jabber:iq:version'><name>x</name></query>")  # nobody asked for this one
    await alice.receives("iq", id="q1", type_="result")
    reasons = [(one["from"], one["reason"], one["verdict"]) for one in await town.records(kind="passed", stanza="q1")]
    assert reasons == [(alice.bare, "warned:request-not-offered", "delivered"), (bob.bare, "warned:request-not-offered", "delivered"),
                       (bob.bare, "warned:answer-not-asked", "delivered")], reasons
    assert not await town.records(kind="denied", from_=alice.bare)
    await is_not_warned(alice)


@story("docs/sealed.md 3.6: warn, what is kept", options=WARN)
async def what_the_server_keeps_and_shows_is_as_where_content_has_to_be_sealed(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sends(f"<presence><show>xa</show><status>{CANARY}</status></presence>")
    shown = await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")
    assert shown.find(NS.CLIENT + "status") is None
    await alice.is_refused("policy-violation", publish(NODE, f"<note xmlns='{NODE}'>{CANARY}</note>"), "set")
    await alice.sets(f"<vCard xmlns='vcard-temp'><FN>Alice</FN><NOTE>{CANARY}</NOTE></vCard>")
    assert [child.tag for child in (await bob.asks("<vCard xmlns='vcard-temp'/>", to=alice.bare))[0]] == ["{vcard-temp}FN"]
    assert CANARY.encode() not in town.stored_bytes()


@story("docs/sealed.md 3.6: warn; 3.7-8 to 10", options={**PUBLISHED_DEVICES, **WARN})
async def a_device_that_does_not_fit_is_warned_of_and_stays_sealed(town):
    alice, bob = await town.devices("alice", "bob")
    for one in (alice, bob):
        await one.sets(publish(DEVICES, device_list(PHONE)))
    arrived = await passes(alice, bob, "m1", encrypted(sid=STRANGER, rids=(PHONE,)), "warned:device-unknown")
    assert arrived.find(NS.OMEMO + "encrypted") is not None
    await is_warned(alice, SOON.replace("Switch on OMEMO (the padlock) in this chat.",
                                        "Reset OMEMO in your app: its keys are not the ones it has published."))
    await passes(bob, alice, "m2", encrypted(sid=PHONE, rids=(STRANGER,)), "warned:no-device")
    await is_warned(bob, SOON.replace("Switch on OMEMO (the padlock) in this chat.", "The recipient must open their app with OMEMO first."))
    await passes(alice, bob, "m3", encrypted(sid=PHONE, rids=(PHONE,)))
    assert [one.get("id") for one in (await asks(bob)).messages] == ["m1", "m2", "m3"], "what is sealed is archived"
    assert not await town.records(kind="denied")


# ---- a date

@story("docs/sealed.md 3.6: sealed.from", options={"sealed.from": FAR})
async def until_its_date_required_warns_and_names_the_day(town):
    alice, bob = await town.devices("alice", "bob")
    await passes(alice, bob, "m1", reason="warned:plaintext")
    warning = await alice.receives("message", from_="localhost", type_="chat")
    assert warning.findtext(NS.CLIENT + "body").startswith("From 1 January 2999 on, this server will not deliver"), warning
    shown = await holds(town)
    assert shown["mode"] == "warn" and shown["then"] == "required" and shown["until"].startswith(("2998-12-31", "2999-01-01")), shown
    assert "sealed.localhost.mode: warn\n" in await town.ctl("status")


@story("docs/sealed.md 3.6: sealed.from", alone=True)
async def at_its_moment_it_holds_without_a_restart_or_reload(town):
    [alice] = await town.devices("alice")
    from_ = moment(4)
    await reloads(town, sealed__from=from_)
    begins = datetime.datetime.fromisoformat(from_.replace("Z", "+00:00")).timestamp()
    number, arrived = 0, None
    while arrived is None or arrived.get("type") != "error":  # the clock is the server's: each message tells its side of it
        number, sent = number + 1, time.time()
        await alice.sends(message(alice.bare, f"m{number}", BODY))
        arrived = await alice.receives("message", id=f"m{number}")
        if arrived.get("type") == "error":
            assert time.time() >= begins, "refused too early"
        else:
            assert sent < begins, "delivered too late"
    assert (await holds(town)) == {"mode": "required"}
    assert not await town.records(kind="admin", reason="reload-sealed-off")


@story("docs/sealed.md 3.6: sealed.from", options={"sealed.from": "2020-01-01"})
async def a_date_that_is_past_changes_nothing(town):
    alice, bob = await town.devices("alice", "bob")
    await refused(alice, bob, "m1", BODY)
    assert (await holds(town)) == {"mode": "required"}


# ---- groups and directions

@story("docs/sealed.md 3.6: sealed.groups", options={**WARN, "sealed.groups": ["pilot; required; ann*@localhost, *chief@localhost"]})
async def a_pilot_group_goes_ahead(town):
    ann, bob = await town.devices("ann", "bob")
    await refused(ann, bob, "m1", BODY)
    await passes(bob, ann, "m2", reason="warned:plaintext")  # who sends counts
    await passes(ann, bob, "m3", sealed())
    assert (await holds(town))["groups"] == {"pilot": "required"}


@story("docs/sealed.md 3.6: sealed.groups", options={"sealed.groups": ["late; warn; ann*@localhost", "labs; off; bob*@localhost", "all; required; *@localhost"]})
async def a_group_may_be_laxer_and_what_it_sends_in_the_clear_is_recorded_and_not_archived(town):
    ann, bob, carol = await town.devices("ann", "bob", "carol")
    await passes(ann, carol, "m1", reason="warned:plaintext")
    await is_warned(ann)
    await passes(bob, carol, "m2", reason="off:plaintext")
    await is_not_warned(bob)
    assert (await asks(carol)).messages == [] and (await asks(bob)).messages == []
    assert CANARY.encode() not in town.stored_bytes()
    await refused(carol, ann, "m3", BODY)  # the first group that names somebody holds, the last one named her


@story("docs/sealed.md 3.6: sealed.groups", alone=True)
async def a_group_ends_at_its_date_without_a_reload(town):
    [ann] = await town.devices("ann")
    await reloads(town, sealed__groups=[f"late; off; {ann.bare}; until {moment(4)}"])
    number, arrived = 0, None
    while arrived is None or arrived.get("type") != "error":  # as above: nothing is to be waited for but the server's clock
        number += 1
        await ann.sends(message(ann.bare, f"m{number}", BODY))
        arrived = await ann.receives("message", id=f"m{number}")
    assert "groups" not in await holds(town)


OTHER = "labs.example"


@story("docs/sealed.md 3.6: sealed.between_hosts")
async def what_goes_to_another_host_may_have_a_mode_of_its_own(_town):
    town = Town(name="modes")
    certificate, key = make_certificate(town.folder / "tls", OTHER)
    both = town.folder / "tls" / "both.pem"
    Town.write_file(both, certificate.read_text() + key.read_text())
    town.options |= {f'host["{OTHER}"].tls.certificate': both, 'host["localhost"].sealed.between_hosts': "warn",
                     f'host["{OTHER}"].sealed.mode': "off", f'host["{OTHER}"].sealed.between_hosts': "required"}
    town.write_config()
    await town.start()
    try:
        alice, bob = await town.devices("alice", "bob")
        await town.ctl("user", "add", f"anne@{OTHER}", stdin="sesame anne\n")
        account = Account(town, "anne", "sesame anne")
        account.bare = f"anne@{OTHER}"
        anne = await account.device(make=lambda place, **how: Stream(dataclasses.replace(place, domain=OTHER), **how))
        await refused(alice, bob, "m1", BODY)
        await passes(alice, anne, "m2", reason="warned:plaintext")
        await anne.sends(message(anne.bare, "m3", BODY))
        await anne.receives("message", id="m3", type_="chat")  # inside, that host is an ordinary server
        await refused(anne, alice, "m4", BODY)
        assert (await holds(town)) == {"mode": "required", "between_hosts": "warn"}
    finally:
        await town.close()


# ---- exemptions

@story("docs/sealed.md D16", alone=True)
async def an_exempt_account_sends_in_the_clear_and_each_use_is_recorded(town):
    bot, alice = await town.devices("bot", "alice")
    await reloads(town, sealed__exemptions=[f"{bot.bare}; sends; until {FAR}; its vendor adds OMEMO in spring"])
    for identity in ("m1", "m2"):
        await passes(bot, alice, identity, reason="exempt:plaintext")
    await is_not_warned(bot)
    assert (await asks(alice)).messages == []  # nothing of it is archived
    await refused(alice, bot, "m3", BODY)  # it sends, it does not receive
    [carol] = await town.devices("carol")
    await refused(carol, alice, "m4", BODY)
    assert (await holds(town))["exempt"][bot.bare].endswith(": its vendor adds OMEMO in spring")
    [record] = await town.records(kind="admin", reason="reload-sealed-exceptions")
    assert record["to"] == "localhost"


@story("docs/sealed.md D16", alone=True)
async def an_exempt_account_receives_in_the_clear(town):
    bot, alice = await town.devices("bot", "alice")
    await reloads(town, sealed__exemptions=[f"{bot.bare}; receives; until {FAR}; a help line"])
    await passes(alice, bot, "m1", reason="exempt:plaintext")
    await refused(bot, alice, "m2", BODY)
    await reloads(town, sealed__exemptions=[f"{bot.bare}; both; until {FAR}; a help line"])
    await passes(alice, bot, "m3", reason="exempt:plaintext")
    await passes(bot, alice, "m4", reason="exempt:plaintext")


@story("docs/sealed.md D16: expired", alone=True)
async def an_expired_exemption_does_nothing_and_is_reported(town):
    bot, alice = await town.devices("bot", "alice")
    await reloads(town, sealed__exemptions=[f"{bot.bare}; both; until 2020-01-01T00:00:00Z; forgotten"])
    await refused(bot, alice, "m1", BODY)
    said = f"sealed.exemptions: the exemption of {bot.bare} expired at 2020-01-01T00:00:00.000Z and does nothing: take it out, or give it a new date"
    assert said in town.log()
    text = town.config_file.read_text()
    line = next(number for number, one in enumerate(text.splitlines(), 1) if one.startswith("sealed.exemptions"))
    status, out, path = await check_config(town, text)
    assert status == 0 and f"{path}:{line}: warning: {said}" in out.splitlines(), out
    assert "expired at" in (await holds(town))["exempt"][bot.bare]


@story("docs/sealed.md D16: expired", alone=True)
async def an_exemption_ends_at_its_moment(town):
    [bot] = await town.devices("bot")
    await reloads(town, sealed__exemptions=[f"{bot.bare}; both; until {moment(4)}; a trial"])
    number, arrived = 0, None
    while arrived is None or arrived.get("type") != "error":
        number += 1
        await bot.sends(message(bot.bare, f"m{number}", BODY))
        arrived = await bot.receives("message", id=f"m{number}")


@story("docs/sealed.md D16: nobody's account", alone=True)
async def an_exempt_account_that_does_not_exist_is_named(town):
    await reloads(town, sealed__exemptions=[f"ghost@localhost; both; until {FAR}; it comes in spring"])
    said = "sealed.exemptions: there is no account ghost@localhost (yet): whoever makes it is exempt"
    for _ in range(500):
        if said in town.log():
            return
        await town.ctl("status")  # the store is asked behind the reload
    raise AssertionError(town.log()[-2000:])


@story("docs/sealed.md 3.6: options")
async def what_is_wrong_with_them_is_said_with_its_line(town):
    good = town.config_file.read_text()
    line = len(good.splitlines()) + 1
    for bad, said in (
            ('sealed.mode = "warm"', 'cannot be "warm"; it takes "required", "warn", "off"; the nearest is "warn"'),
            ('sealed.from = "next year"', 'cannot be "next year": takes a date, "2027-03-01"'),
            ('sealed.groups = { "pilot; required" }', "takes NAME; MODE; MEMBERS"),
            ('sealed.groups = { "pilot; required; ann@localhost; until soon" }', 'has no date, "until 2027-03-01"'),
            ('sealed.groups = { "a; off; x@localhost", "a; off; y@localhost" }', 'two groups "a"'),
            ('sealed.exemptions = { "bot@localhost; both; a robot" }', 'has no end, "until 2027-03-01"'),
            ('sealed.exemptions = { "bot@localhost; both; until 2027-03-01" }', "has no reason"),
            ('sealed.exemptions = { "bot@localhots; both; until 2999-03-01; x" }',
             '"bot@localhots" is no account of one of this server\'s hosts; the nearest is "localhost"'),
            ('sealed.between_hosts = "maybe"', 'it takes "same", "required", "warn", "off"')):
        status, out, path = await check_config(town, f"{good}{bad}\n")
        assert status == 2 and f"{path}:{line}: " in out and said in out, (bad, out)
    status, out, path = await check_config(town, good + 'sealed.mode = "off" sealed.from = "2999-01-01"\n')
    assert status == 0 and f"{path}:{line}: warning: sealed.from has no effect: sealed.mode is \"off\"" in out, out


# ---- rules

SOFT = """
rule{ name = "the lab speaks in the clear", match = Kind("unsealed") * From("lab*@localhost"), action = Seal("off") }
rule{ name = "guests are warned", match = Kind("unsealed") * From("guest*@localhost") * Unsealed("plaintext"), action = Seal("warn") }
"""


@story("docs/sealed.md 3.6: sealed.rules", policy=SOFT)
async def a_rule_may_not_ask_for_less_where_the_configuration_does_not_say_so(town):
    lab, bob = await town.devices("lab", "bob")
    await refused(lab, bob, "m1", BODY)
    said = 'rule "the lab speaks in the clear" asks for Seal("off"), which is less than what holds: sealed.rules does not allow it'
    assert said in town.log()


@story("docs/sealed.md 3.6: sealed.rules", policy=SOFT, options={"sealed.rules": "laxer"})
async def a_rule_may_ask_for_less_where_the_configuration_says_so_and_its_name_is_recorded(town):
    lab, guest, bob = await town.devices("lab", "guest", "bob")
    await passes(lab, bob, "m1", reason="off:plaintext")
    [record] = await town.records(kind="message", stanza="m1", from_=lab.bare)
    assert record["rule"] == "the lab speaks in the clear"
    await is_not_warned(lab)
    await passes(guest, bob, "m2", reason="warned:plaintext")
    await is_warned(guest)
    assert (await asks(bob)).messages == []
    await refused(guest, bob, "m3", "<x xmlns='jabber:x:oob'><url>https://example.org/a</url></x>", "file")
    await refused(bob, lab, "m4", BODY)
    assert CANARY.encode() not in town.stored_bytes()


HARD = """
rule{ name = "the board seals", match = Kind("unsealed") * From("board*@localhost"), action = Seal("required") }
rule{
  name = "no files in the clear",
  match = Kind("unsealed") * Unsealed("file"),
  action = Deny{ "not-allowed", fr = "Pas de fichier en clair.", en = "No files in the clear." },
}
rule{
  name = "tell",
  match = Kind("message") * Direction("out") * function(m) return m.unsealed == "plaintext" and m.sealed_mode == "%s" end * To("deaf*@localhost"),
  action = Deny{ "forbidden", en = "Deaf to that." },
}
"""


async def is_stricter(town):
    board, bob, deaf = await town.devices("board", "bob", "deaf")
    await refused(board, bob, "m1", BODY)
    [record] = await town.records(kind="denied", stanza="m1", from_=board.bare)
    assert record["rule"] == "the board seals" and record["reason"] == "plaintext", record
    await passes(board, bob, "m2", sealed())
    await bob.sends(message(deaf.bare, "m3", "<x xmlns='jabber:x:oob'><url>https://example.org/a</url></x>"))
    error = await bob.gets_error("message", "m3", "not-allowed")
    assert error.findtext(f".//{NS.STANZA_ERROR}text") == "No files in the clear."
    return bob, deaf


@story("docs/sealed.md 3.6: rules", policy=HARD % "warn", options=WARN)
async def a_rule_may_ask_for_more_and_reads_what_passes(town):
    bob, deaf = await is_stricter(town)
    await passes(bob, await (await town.account("carl")).device(), "m4", reason="warned:plaintext")
    await bob.sends(message(deaf.bare, "m5", BODY))
    await bob.gets_error("message", "m5", "forbidden")
    await passes(bob, deaf, "m6", sealed())


@story("docs/sealed.md 3.6: rules", policy=HARD % "off", options={"sealed.mode": "off"})
async def on_an_ordinary_server_too(town):
    bob, deaf = await is_stricter(town)
    await passes(bob, deaf, "m4")  # nothing is said of what no mode would refuse
    [record] = await town.records(kind="message", stanza="m4", from_=bob.bare)
    assert "reason" not in record, record
    untouched = await passes(bob, deaf, "m5", f"{sealed()}<note xmlns='urn:example:x'>{CANARY}</note>")
    assert untouched.find("{urn:example:x}note") is not None, "what is good stays as it came"


# ---- what waits

@story("docs/sealed.md 3.6: messages that wait", options=WARN, alone=True)
async def what_waited_under_warn_is_dropped_once_it_may_not_pass_and_an_exemption_lets_it_through(town):
    alice, bot = await town.devices("alice", "bot")
    carol, dave = await town.account("carol"), await town.account("dave")
    for sender, identity in ((alice, "m1"), (bot, "m2")):
        for to in (carol, dave):
            await sender.sends(message(to.bare, identity, BODY))
        await sender.sends(message(carol.bare, f"{identity}-sealed", sealed()))
        await ping(sender)
    await reloads(town, sealed__mode="required", sealed__exemptions=[f"{bot.bare}; sends; until {FAR}; a robot"])
    phone = await carol.device()
    for identity in ("m1-sealed", "m2", "m2-sealed"):
        await phone.receives("message", id=identity)
    await phone.receives_no("message", before=word_from(alice), id="m1")
    [record] = await town.records(kind="denied", stanza="m1")
    assert record["reason"] == "plaintext" and record["to"] == carol.bare, record
    await alice.receives_no("message", before=word_from(phone), type_="error")
    await reloads(town, sealed__mode="warn")
    tablet = await dave.device()
    for identity in ("m1", "m2"):
        waited = await tablet.receives("message", id=identity)
        assert waited.findtext(NS.CLIENT + "body") == CANARY


@story("docs/sealed.md 3.6: messages that wait, rules", policy=SOFT, options={"sealed.rules": "laxer"}, alone=True)
async def what_a_rule_let_wait_passes_as_long_as_the_rule_says_so(town):
    [lab] = await town.devices("lab")
    carol, dave = await town.account("carol"), await town.account("dave")
    for to in (carol, dave):
        await lab.sends(message(to.bare, "m1", BODY))
    await ping(lab)
    phone = await carol.device()
    assert (await phone.receives("message", id="m1")).findtext(NS.CLIENT + "body") == CANARY
    town.write_file(town.policy_file, "-- nothing is refused here\n")
    await reloads(town)
    tablet = await dave.device()
    await tablet.receives_no("message", before=word_from(lab), id="m1")
    [record] = await town.records(kind="denied", stanza="m1")
    assert record["reason"] == "plaintext" and record["to"] == dave.bare, record


# ---- messages that begin again

@story("docs/sealed.md 3.6: messages that begin again", options=WARN, alone=True)
async def what_begins_again_is_held_against_the_mode_of_now(town):
    """A device has not acknowledged it and goes; another one gets it, unless it has to be sealed by now."""
    alice, phone = await device(town, "alice"), await device(town, "bob")
    for identity, mode in (("m1", "warn"), ("m2", "required")):
        await passes(alice, phone, identity)
        laptop = await phone.account.device()
        await reloads(town, sealed__mode=mode)
        await town.ctl("session", "kick", phone.full)
        if mode == "warn":
            assert (await laptop.receives("message", id=identity)).findtext(NS.CLIENT + "body") == CANARY
            await laptop.leaves()
            phone = await device(town, "bob")
        else:
            await laptop.receives_no("message", before=word_from(alice), id=identity)
            [record] = await town.records(kind="denied", stanza=identity)
            assert record["reason"] == "plaintext", record


# ---- the record of a change

@story("docs/sealed.md 3.6: who reads the log later", alone=True)
async def a_reload_that_lets_more_pass_is_recorded(town):
    await reloads(town, sealed__mode="warn")
    await reloads(town, sealed__mode="off")
    await reloads(town, sealed__mode="required")
    await reloads(town, sealed__from=FAR)
    await reloads(town, sealed__rules="laxer")
    await reloads(town, sealed__rules=None)
    await reloads(town, sealed__allow=["reactions"])
    assert (await holds(town))["allow"] == ["reactions"]
    said = [one["reason"] for one in await town.records(kind="admin") if one["reason"].startswith("reload-")]
    assert said == ["reload-sealed-warn", "reload-sealed-off", "reload-sealed-warn", "reload-sealed-exceptions", "reload-sealed-exceptions",
                    "reload-sealed-exceptions"], said


if __name__ == "__main__":
    run()
