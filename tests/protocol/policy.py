"""The administrator's Lua rules: what they say happens, and what happens when they are wrong."""

import asyncio
import itertools

import _path  # noqa: F401
from harness import NS, Town, ping, run, saved_word_from, sealed, story, with_id, word_from
from harness.device import expect_error
from harness.scram import Scram
from harness.stream import show
from harness.town import ROOT

SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"

QUIET = """
rule{
  name = "nobody writes to the archive",
  match = Kind("message") * To("archive*@localhost"),
  action = Deny{ "forbidden", fr = "Les archives ne lisent pas.", en = "The archive does not read." },
}
"""


def message(to, identity, **how):
    return f"<message to='{to}' id='{identity}' type='chat'>{sealed(**how)}</message>"


@story("policy: a rule denies", policy=QUIET)
async def a_rule_denies_with_its_condition_its_text_and_a_record(town):
    alice, bob, archive = await town.devices("alice", "bob", "archive")
    await alice.sends(message(archive.bare, "no-1"))
    error = await alice.gets_error("message", "no-1", "forbidden", "auth")
    assert error.find(f".//{NS.STANZA_ERROR}text").text == "The archive does not read."
    await alice.sends(message(bob.bare, "yes-1"))
    await bob.receives("message", id="yes-1")
    [record] = await town.records(stanza="no-1")
    assert record["kind"] == "denied" and record["rule"] == "nobody writes to the archive"


@story("policy: languages", policy=QUIET)
async def the_text_comes_in_the_language_of_the_stream(town):
    alice = await (await town.account("alice")).device(lang="fr")
    archive = await town.account("archive")
    await alice.sends(message(archive.bare, "no-2"))
    error = await alice.gets_error("message", "no-2", "forbidden")
    assert error.find(f".//{NS.STANZA_ERROR}text").text == "Les archives ne lisent pas."


# A rule about a person holds for what he sends and for what he receives, presence included.
DEAF = """
rule{
  name = "deaf hears nobody",
  match = Kind("presence") * Type{ "available", "unavailable" } * To("deaf*@localhost"),
  action = Deny{ "forbidden" },
}
rule{
  name = "nobody asks the hermit",
  match = Kind("presence") * Direction("in") * Type("subscribe") * To("hermit*@localhost"),
  action = Deny{ "not-allowed", fr = "L’ermite ne répond pas.", en = "The hermit does not answer." },
}
rule{
  name = "mute says nothing to fred",
  match = Kind("presence") * Direction("in") * From("mute*@localhost") * To("fred*@localhost"),
  action = Drop(),
}
"""


@story("policy: presence at its recipient", policy=DEAF)
async def a_rule_about_the_recipient_holds_for_broadcast_and_directed_presence_and_log_in(town):
    alice, deaf, bob = await town.devices("alice", "deaf", "bob")
    await alice.is_friends_with(bob)
    for asking, granting in ((alice, deaf), (deaf, alice)):
        await asking.sends(f"<presence type='subscribe' to='{granting.bare}'/>")
        await granting.receives("presence", type_="subscribe", from_=asking.bare)
        await granting.sends(f"<presence type='subscribed' to='{asking.bare}'/>")
        await asking.receives("presence", type_="subscribed", from_=granting.bare)
    await alice.receives("presence", from_=deaf.full)
    await alice.sends("<presence><show>dnd</show></presence>")  # broadcast: nobody is told of the refusal
    await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "show")
    await deaf.receives_no("presence", before=word_from(alice), from_=alice.full)
    await alice.receives_no("presence", before=word_from(bob), type_="error")
    await alice.sends(f"<presence to='{deaf.full}' id='direct'/>")  # addressed: its sender is told
    expect_error(await alice.receives("presence", id="direct", type_="error"), "forbidden", "auth")
    again = await deaf.account.device()  # log-in: what the server tells of contacts
    await again.receives_no("presence", before=word_from(alice), from_=alice.full)
    await alice.drops()
    await bob.receives("presence", from_=alice.full, type_="unavailable")
    await again.receives_no("presence", before=word_from(bob), from_=alice.full)


@story("policy: probes at their recipient, RFC 6121 §4.3", policy="""
rule{
  name = "nobody asks where the hermit is",
  match = Kind("presence") * Direction("in") * Type("probe") * To("hermit*@localhost"),
  action = Drop(),
}
""")
async def a_rule_about_the_recipient_holds_for_the_probes_of_a_log_in(town):
    alice, hermit, bob = await town.devices("alice", "hermit", "bob")
    await alice.is_friends_with(bob)
    await alice.is_friends_with(hermit)
    phone = await alice.account.device()
    await phone.receives("presence", from_=bob.full)
    await phone.sends(f"<presence type='probe' to='{hermit.bare}'/>")
    await phone.receives_no("presence", before=word_from(hermit), from_=hermit.full)
    await hermit.becomes_available("<show>away</show>")  # what it says itself is heard
    await phone.receives("presence", from_=hermit.full, child=NS.CLIENT + "show")


@story("policy: a tag of the session stays with its presence", policy="""
rule{ name = "a guest", match = Kind("session") * From("guest*@localhost"), action = Tag("guest") }
rule{
  name = "bob sees no guests",
  match = Kind("presence") * Direction("in") * HasTag("guest") * To("bob*@localhost"),
  action = Drop(),
}
""")
async def a_rule_about_a_tag_holds_for_what_a_log_in_is_told(town):
    alice, guest, bob = await town.devices("alice", "guest", "bob")
    await bob.is_friends_with(alice)
    await bob.sends(f"<presence type='subscribe' to='{guest.bare}'/>")
    await guest.receives("presence", type_="subscribe", from_=bob.bare)
    await guest.sends(f"<presence type='subscribed' to='{bob.bare}'/>")
    await word_from(guest)(bob)
    phone = await bob.account.device()
    await phone.receives("presence", from_=alice.full)
    await phone.sends(f"<presence type='probe' to='{guest.bare}'/>")
    for device in (bob, phone):
        await device.receives_no("presence", before=word_from(guest), from_=guest.full)


@story("policy: subscriptions at their recipient", policy=DEAF)
async def a_rule_about_the_recipient_holds_for_subscriptions(town):
    alice, hermit, bob = await town.devices("alice", "hermit", "bob")
    await alice.sends(f"<presence type='subscribe' to='{hermit.bare}' id='ask'/>")
    error = expect_error(await alice.receives("presence", id="ask", type_="error"), "not-allowed", "cancel")
    assert error.find(f".//{NS.STANZA_ERROR}text").text == "The hermit does not answer."
    await hermit.receives_no("presence", before=saved_word_from(alice), type_="subscribe")
    records = await town.records(stanza="ask")
    assert [record["kind"] for record in records] == ["presence", "denied"], records
    assert records[1]["rule"] == "nobody asks the hermit"
    await alice.is_friends_with(bob)


@story("policy: presence between two people", policy=DEAF)
async def a_rule_about_a_pair_holds_for_presence(town):
    mute, fred, bob = await town.devices("mute", "fred", "bob")
    await mute.sends(f"<presence to='{fred.full}' id='d'/><presence to='{bob.full}' id='d'/>")
    await bob.receives("presence", from_=mute.full)
    await mute.receives_no("presence", before=word_from(bob), type_="error")
    await fred.receives_no("presence", before=word_from(bob), from_=mute.full)


@story("policy: a Lua function as matcher and action", policy="""
local too_long = Deny{ "policy-violation", fr = "Trop long.", en = "Too long." }
rule{
  name = "small letters only",
  match = Kind("message") * function(m) return m.size > 2000 end,
  action = function(m) return too_long end,
}
""")
async def a_function_decides(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "long", payload_bytes=3000))
    error = await alice.gets_error("message", "long", "policy-violation")
    assert error.find(f".//{NS.STANZA_ERROR}text").text == "Too long."
    await alice.sends(message(bob.bare, "short"))
    await bob.receives("message", id="short")


@story("policy: fails closed", policy="""
rule{
  name = "broken",
  match = Kind("message") * function(m) if m.size > 2000 then error("oops") end return false end,
  action = Allow(),
}
rule{
  name = "endless",
  match = Kind("message") * function(m) if m.keys > 1 then while true do end end return false end,
  action = Allow(),
}
rule{
  name = "greedy",
  match = Kind("message") * function(m) if m.keys > 2 then local t = {} while true do t[#t + 1] = ("x"):rep(1000) end end return false end,
  action = Allow(),
}
""")
async def a_rule_that_fails_or_never_ends_refuses_and_the_server_goes_on(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    for identity, how in (("broken", {"payload_bytes": 3000}), ("endless", {"rids": (1, 2)}), ("greedy", {"rids": (1, 2, 3)})):
        await alice.sends(message(bob.bare, identity, **how))
        expect_error(await alice.receives("message", id=identity), "policy-violation", "modify")
        [record] = await town.records(stanza=identity)
        assert record["kind"] == "denied" and record["reason"] == "policy-failed"
        await bob.receives_no("message", before=word_from(alice), id=identity)
    await carol.sends(message(bob.bare, "fine"))
    await bob.receives("message", id="fine")


@story("policy: reload", policy=QUIET, alone=True)
async def a_reload_changes_the_rules_and_an_error_leaves_the_old_ones(town):
    alice, bob, archive = await town.devices("alice", "bob", "archive")
    town.write_file(town.policy_file, QUIET + "\nrule{ name = 'half',")
    status, out, err = await town.reload()
    assert status != 0 and "policy.lua:" in out + err, out + err
    await alice.sends(message(archive.bare, "still"))
    await alice.gets_error("message", "still", "forbidden")
    town.write_file(town.policy_file, QUIET.replace("archive*", "bob*"))
    status, out, err = await town.reload()
    assert status == 0, out + err
    await alice.sends(message(archive.bare, "now"))
    await archive.receives("message", id="now")
    await alice.sends(message(bob.bare, "not"))
    await alice.gets_error("message", "not", "forbidden")


@story("policy: sandbox")
async def a_policy_has_no_way_out(town):
    for escape in ("os.execute('true')", "io.open('/etc/passwd')", "require('os')", "debug.getregistry()",
                   "load('\\27Lua')", "package.loadlib('x', 'y')", "dofile('/etc/passwd')"):
        other = Town(policy=escape, name="policy")
        try:
            await other.start()
        except AssertionError as error:
            assert "policy.lua:1" in str(error), str(error)
        else:
            raise AssertionError(f"{escape} was run")
        finally:
            await other.close()


@story("policy: the stock rules", options={"policy.file": None})
async def the_stock_policy_lets_ordinary_people_write(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    for number in range(60):
        await alice.sends(message(bob.bare, f"s{number}"))
        await bob.receives("message", id=f"s{number}")

# -- log-in, session, registration, publication --------------------------------------------------------------------

GATES = """
local refused = { fr = "Pas d'ici.", en = "Not from here." }
local function no(condition) return Deny{ condition, fr = refused.fr, en = refused.en } end

local forbidden, not_allowed = no("forbidden"), no("not-allowed")
rule{ name = "no robots", action = function(m) return forbidden end,
      match = Kind("login") * function(m)
        return m.kind == "login" and m.from:match("^robot%d+@localhost$") ~= nil and m.from_resource == "" and m.tls == "1.3"
          and m.mechanism == "SCRAM-SHA-256" and m.ip:match("^127%.") ~= nil and m.host == "localhost" and m.direction == "out"
      end }
rule{ name = "no robots by night", match = Kind("login") * From("owl*@localhost"), action = no("resource-constraint") }
rule{ name = "nobody of that name", match = Kind("login") * From("ghost*@localhost"), action = no("not-authorized") }
rule{ name = "no old mechanisms", match = Kind("login") * From("keen*@localhost") * Mechanism("SCRAM-SHA-1"), action = no("not-acceptable") }
rule{ name = "silence", match = Kind("login") * From("mute*@localhost"), action = Drop() }
rule{ name = "login breaks", match = Kind("login") * From("broken*@localhost") * function(m) return nil + 1 end, action = Allow() }

rule{ name = "one desk", match = Kind("session") * function(m) return m.from:match("^desk") ~= nil and m.tls == "1.3" end,
      action = function(m) if m.from_resource ~= "counter" then return not_allowed end end }
rule{ name = "session breaks", match = Kind("session") * From("frail*@localhost") * function(m) error("x") end, action = Allow() }

rule{ name = "reserved names", match = Kind("registration") * function(m) return m.from:match("^admin") ~= nil and m.type == "set" end,
      action = function(m) return not_allowed end }
rule{ name = "registration breaks", match = Kind("registration") * function(m) return m.from == "odd@localhost" and nil + 1 end, action = Allow() }

rule{ name = "no names", match = Kind("publish") * Payload("http://jabber.org/protocol/nick") * From("anon*@localhost")
        * function(m) return m.payload:match("nick$") ~= nil and m.to == m.from and m.type == "set" and m.size > 100 end,
      action = function(m) return forbidden end }
rule{ name = "publish breaks", match = Kind("publish") * From("brittle*@localhost") * function(m) while true do end end, action = Allow() }
rule{ name = "staff", match = Kind("login") * From("staff*@localhost"), action = Tag("staff") }
rule{ name = "staff at the counter", match = Kind("session") * HasTag("staff"), action = Tag("counter") }
rule{ name = "staff only", match = Kind("message") * Direction("in") * To("backoffice*@localhost") * -HasTag("counter"), action = no("forbidden") }
"""
ENGLISH, FRENCH = "Not from here.", "Pas d'ici."
GATE_OPTIONS = {"registration.enabled": True, "limits.registrations_per_hour": 1000}


async def rule_hits(town):
    return {row["name"]: (row["hits"], row["errors"]) for row in await town.ctl_json("policy", "list")}


async def logs_in(town, account, mechanism="SCRAM-SHA-256", lang="en"):
    """Up to the server's last word; returns <success/> or <failure/>."""
    stream = await town.stream().reaches_tls(lang=lang)
    scram = Scram(mechanism, account.name, account.password)
    await stream.sends(f"<auth {SASL} mechanism='{mechanism}'>{scram.first()}</auth>")
    challenge = await stream.sasl_answer("challenge")
    await stream.sends(f"<response {SASL}>{scram.final(challenge.text)}</response>")
    answer = await stream.wait_for(lambda event: getattr(event, "tag", "").startswith(NS.SASL), "an answer")
    return stream, answer


@story("policy: Kind(\"login\"), RFC 6120 §6.5", policy=GATES, options=GATE_OPTIONS)
async def a_denied_login_is_a_sasl_failure_with_the_rules_text(town):
    for name, rule, condition in (("robot", "no robots", "account-disabled"),
                                  ("owl", "no robots by night", "temporary-auth-failure"),
                                  ("ghost", "nobody of that name", "not-authorized")):
        account = await town.account(name)
        before = (await rule_hits(town))[rule][0]
        for lang, text in (("en", ENGLISH), ("fr", FRENCH)):
            stream, answer = await logs_in(town, account, lang=lang)
            assert answer.tag == NS.SASL + "failure" and answer[0].tag == NS.SASL + condition, show(answer)
            assert answer.findtext(NS.SASL + "text") == text, show(answer)
            assert answer.find(NS.SASL + "text").get("{http://www.w3.org/XML/1998/namespace}lang") == lang
        records = await town.records(from_=account.bare)
        assert [(r["kind"], r["rule"], r["reason"]) for r in records] == [("denied", rule, "policy")] * 2, records
        assert records[0]["mechanism"] == "SCRAM-SHA-256" and records[0]["tls"] == "TLSv1.3" and records[0]["source"]
        assert (await rule_hits(town))[rule][0] == before + 2


@story("policy: Kind(\"login\")", policy=GATES, options=GATE_OPTIONS)
async def a_rule_about_the_mechanism_leaves_the_stronger_one_open(town):
    keen = await town.account("keen")
    stream, answer = await logs_in(town, keen, mechanism="SCRAM-SHA-1")
    assert answer[0].tag == NS.SASL + "mechanism-too-weak", show(answer)
    await stream.authenticates(keen.name, keen.password, "SCRAM-SHA-512")  # RFC 6120 §6.4.5: on the same stream
    await stream.binds()


@story("policy: Kind(\"login\")", policy=GATES, options=GATE_OPTIONS)
async def a_dropped_login_looks_like_a_wrong_password_and_a_wrong_one_asks_no_rule(town):
    mute = await town.account("mute")
    _, dropped = await logs_in(town, mute)
    before = await rule_hits(town)
    right, mute.password = mute.password, "wrong"
    _, wrong = await logs_in(town, mute)
    assert show(dropped) == show(wrong)
    assert await rule_hits(town) == before, "a stranger's guess was a hit"
    kinds = [record["kind"] for record in await town.records(from_=mute.bare)]
    assert kinds == ["denied", "login-failed"] and right, kinds


@story("policy: Kind(\"login\"), fails closed", policy=GATES, options=GATE_OPTIONS)
async def a_login_rule_that_fails_lets_nobody_in(town):
    broken, alice = await town.account("broken"), await town.account("alice")
    _, answer = await logs_in(town, broken)
    assert answer[0].tag == NS.SASL + "temporary-auth-failure" and "rule" in answer.findtext(NS.SASL + "text"), show(answer)
    [record] = await town.records(from_=broken.bare)
    assert (record["kind"], record["reason"], record["rule"]) == ("denied", "policy-failed", "login breaks"), record
    assert (await rule_hits(town))["login breaks"][1] == 1
    assert 'rule "login breaks" failed' in town.log()
    await alice.device()


@story("policy: Kind(\"session\"), RFC 6120 §7", policy=GATES, options=GATE_OPTIONS)
async def a_denied_session_is_an_error_to_bind_and_another_resource_may_pass(town):
    desk = await town.account("desk")
    for lang, text in (("en", ENGLISH), ("fr", FRENCH)):
        stream = await town.stream().reaches_tls(lang=lang)
        await stream.authenticates(desk.name, desk.password)
        await stream.sends("<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>home</resource></bind></iq>")
        error = expect_error(await stream.wait_for(with_id("b1"), "bind's answer"),
                             "not-allowed", "cancel")
        assert error.find(f".//{NS.STANZA_ERROR}text").text == text, show(error)
        assert await stream.binds("counter") == f"{desk.bare}/counter"
    denied = await town.records(kind="denied", from_=desk.bare)
    assert [(r["rule"], r["resource"]) for r in denied] == [("one desk", "home")] * 2, denied


@story("policy: Kind(\"session\"), fails closed", policy=GATES, options=GATE_OPTIONS)
async def a_session_rule_that_fails_opens_none(town):
    frail = await town.account("frail")
    stream = await town.stream().reaches_tls()
    await stream.authenticates(frail.name, frail.password)
    await stream.sends("<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    expect_error(await stream.wait_for(with_id("b1"), "bind's answer"),
                 "policy-violation", "modify")
    [record] = await town.records(from_=frail.bare)
    assert (record["kind"], record["reason"], record["rule"]) == ("denied", "policy-failed", "session breaks"), record
    assert frail.bare not in [row["jid"].split("/")[0] for row in await town.ctl_json("session", "list")]


async def registers(town, name, lang="en", source=None):
    stream = await town.stream().reaches_tls(lang=lang, source=source)
    await stream.sends("<iq type='set' id='r1'><query xmlns='jabber:iq:register'>"
                       f"<username>{name}</username><password>open sesame</password></query></iq>")
    return await stream.wait_for(with_id("r1"), "registration's answer")


@story("policy: Kind(\"registration\"), XEP-0077", policy=GATES, options=GATE_OPTIONS)
async def a_denied_registration_makes_no_account(town):
    for lang, text in (("en", ENGLISH), ("fr", FRENCH)):
        error = expect_error(await registers(town, "Administrator", lang), "not-allowed", "cancel")
        assert error.find(f".//{NS.STANZA_ERROR}text").text == text, show(error)
    expect_error(await registers(town, "odd"), "policy-violation", "modify")
    assert (await registers(town, "ordinary")).get("type") == "result"
    listed = [row["jid"] for row in await town.ctl_json("user", "list")]
    assert "ordinary@localhost" in listed and "administrator@localhost" not in listed and "odd@localhost" not in listed
    denied = await town.records(kind="denied", to="administrator@localhost")
    assert [record["rule"] for record in denied] == ["reserved names"] * 2 and denied[0]["source"], denied
    [failed] = await town.records(to="odd@localhost")
    assert (failed["reason"], failed["rule"]) == ("policy-failed", "registration breaks"), failed
    hits = await rule_hits(town)
    assert hits["reserved names"] == (2, 0) and hits["registration breaks"] == (0, 1), hits


def publishes(nick):
    return ("<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='http://jabber.org/protocol/nick'><item id='current'>"
            f"<nick xmlns='http://jabber.org/protocol/nick'>{nick}</nick></item></publish></pubsub>")


@story("policy: Kind(\"publish\"), XEP-0163", policy=GATES, options=GATE_OPTIONS)
async def a_denied_publication_is_not_kept_and_nobody_hears_of_it(town):
    for lang, text in (("en", ENGLISH), ("fr", FRENCH)):
        anon = await (await town.account("anon")).device(lang=lang)
        error = await anon.is_refused("forbidden", publishes("Zorro"), kind="set", type_="auth")
        assert error.find(f".//{NS.STANZA_ERROR}text").text == text, show(error)
        await anon.is_refused("item-not-found", "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
                              "<items node='http://jabber.org/protocol/nick'/></pubsub>")
        [record] = await town.records(kind="denied", from_=anon.bare)
        assert (record["rule"], record["reason"]) == ("no names", "policy"), record
    alice, brittle = await town.devices("alice", "brittle")
    await alice.sets(publishes("Alice"))
    await brittle.is_refused("policy-violation", publishes("x"), kind="set", type_="modify")
    [record] = await town.records(kind="denied", from_=brittle.bare)
    assert (record["rule"], record["reason"]) == ("publish breaks", "policy-failed"), record


@story("policy: OMEMO keys are a publication", policy="""
rule{ name = "no keys from strange places", match = Kind("publish") * Payload("eu.siacs.conversations.axolotl.devicelist"),
      action = Deny{ "forbidden", fr = "Pas de clés.", en = "No keys." } }
""")
async def the_device_list_is_asked_about_too(town):
    [alice] = await town.devices("alice")
    await alice.is_refused(
        "forbidden", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='eu.siacs.conversations.axolotl.devicelist'>"
        "<item id='current'><list xmlns='eu.siacs.conversations.axolotl'><device id='7'/></list></item></publish></pubsub>", kind="set")
    [record] = await town.records(kind="denied")
    assert record["rule"] == "no keys from strange places"


@story("policy: tags", policy=GATES, options=GATE_OPTIONS)
async def a_tag_given_at_login_stays_with_the_session_as_far_as_the_recipient(town):
    staff, alice, office = await town.devices("staff", "alice", "backoffice")
    await staff.sends(message(office.bare, "t1"))
    await office.receives("message", id="t1")
    await alice.sends(message(office.bare, "t2"))
    await alice.gets_error("message", "t2", "forbidden", "auth")


@story("policy: facts of the seal", policy="""
rule{ name = "strange devices", match = Kind("message") * UnknownDevices(">", 0), action = Deny{ "policy-violation", fr = "Clés.", en = "Keys." } }
rule{ name = "two sessions begun", match = Kind("message") * function(m) return m.prekeys == 1 and m.sealed_length == 99 end,
      action = Deny{ "not-acceptable", fr = "Début.", en = "Begun." } }
""")
async def devices_that_no_list_names_are_counted_where_both_lists_are_known(town):
    alice, bob = await town.devices("alice", "bob")
    for device, ids in ((alice, (11, 12)), (bob, (21, 22))):
        devices = "".join(f"<device id='{one}'/>" for one in ids)
        await device.sets("<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='eu.siacs.conversations.axolotl.devicelist'>"
                          f"<item id='current'><list xmlns='eu.siacs.conversations.axolotl'>{devices}</list></item></publish></pubsub>")
    await alice.sends(message(bob.bare, "known", sid=11, rids=(12, 21, 22)))
    await bob.receives("message", id="known")
    await alice.sends(message(bob.bare, "strange", sid=11, rids=(12, 21, 666)))
    await alice.gets_error("message", "strange", "policy-violation")
    [record] = await town.records(stanza="strange")
    assert record["rule"] == "strange devices"
    many = tuple(range(100, 130))  # more than a decision keeps without an allocation
    await alice.sends(message(bob.bare, "many", sid=11, rids=many))
    await alice.gets_error("message", "many", "policy-violation")
    await alice.sends(message(bob.bare, "begun", sid=11, rids=(21,), payload_bytes=99, prekey=True))
    await alice.gets_error("message", "begun", "not-acceptable")
    await alice.sends(message(bob.bare, "going-on", sid=11, rids=(21,), payload_bytes=99))
    await bob.receives("message", id="going-on")


@story("policy: an atomic reload", alone=True, policy=QUIET)
async def a_reload_under_load_is_one_step_and_a_broken_file_changes_nothing(town):
    alice, archive = await town.devices("alice", "archive")
    texts = {"A": QUIET.replace("The archive does not read.", "A"), "B": QUIET.replace("The archive does not read.", "B")}
    broken = "rule{ name = 'lets all through', match = Always(), action = Allow() }\nrule{ name = 'half',"
    sent = itertools.count()
    stop = asyncio.Event()

    async def flood():
        while not stop.is_set():
            for _ in range(20):
                await alice.sends(message(archive.bare, f"load-{next(sent)}"))
            await alice.asks("<ping xmlns='urn:xmpp:ping'/>")

    flooding = asyncio.ensure_future(flood())
    steps = []
    for name in ("A", "broken", "B", "broken", "A", "B"):
        town.write_file(town.policy_file, texts.get(name, broken))
        status, out, err = await town.reload()
        assert (status == 0) == (name != "broken"), out + err
        if name != "broken":
            steps.append(name)
        after = f"after-{len(steps)}-{name}"
        await alice.sends(message(archive.bare, after))
        error = await alice.gets_error("message", after, "forbidden")
        assert error.find(f".//{NS.STANZA_ERROR}text").text == steps[-1]
    stop.set()
    await flooding
    await alice.sends(message(archive.bare, "last"))
    await alice.gets_error("message", "last", "forbidden")  # refusals come in the order of what they refuse
    total = next(sent)
    answers = alice.stream.takes(lambda event: getattr(event, "tag", None) == NS.CLIENT + "message" and event.get("type") == "error")
    seen = [answer.find(f".//{NS.STANZA_ERROR}text").text for answer in answers if answer.get("id").startswith("load-")]
    assert len(seen) == total, (len(seen), total)
    changes = [text for text, _ in itertools.groupby(seen) if text != "The archive does not read."]
    assert "".join(changes) in "".join(steps) and len(changes) >= 1, (changes, steps)
    await archive.receives_no("message", before=ping)


@story("policy: a reload reaches every shard", alone=True, policy=QUIET, options={"shards": 4})
async def every_shard_gets_the_new_rules_though_the_file_names_fewer_shards_now(town):
    senders = await town.devices(*("sender" for _ in range(12)))  # some at home on each
    archive = await town.account("archive")
    for shards, text in ((1, "Less."), (6, "More.")):
        town.options["shards"] = shards
        town.write_config()
        town.write_file(town.policy_file, QUIET.replace("The archive does not read.", text))
        status, out, err = await town.reload()
        assert status == 0 and "shards" in out + err, out + err
        for number, sender in enumerate(senders):
            await sender.sends(message(archive.bare, f"n{number}"))
            error = await sender.gets_error("message", f"n{number}", "forbidden")
            assert error.find(f".//{NS.STANZA_ERROR}text").text == text, show(error)


# The stock policy exempts the machine itself, and every town is on it.
STOCK = (ROOT / "lua" / "stock.lua").read_text()
STOCK_HERE = STOCK.replace('-Network{ "127.0.0.0/8", "::1" } * ', "")
ONE_SHARD = {"shards": 1, "registration.enabled": True, "limits.registrations_per_hour": 1000}


@story("policy: the stock rule against floods of new accounts", policy=STOCK_HERE, options=ONE_SHARD)
async def the_sixth_new_account_of_a_network_is_refused_and_another_network_is_not(town):
    assert STOCK_HERE != STOCK
    for number in range(5):
        assert (await registers(town, f"flood{number}")).get("type") == "result"
    for lang, text in (("en", "Too many new accounts"), ("fr", "Trop de nouveaux comptes")):
        error = expect_error(await registers(town, "flood5", lang), "resource-constraint", "wait")
        assert error.find(f".//{NS.STANZA_ERROR}text").text.startswith(text), show(error)
    assert (await registers(town, "flood6", source="127.0.0.88")).get("type") == "result"
    denied = await town.records(kind="denied", to="flood5@localhost")
    assert [record["rule"] for record in denied] == ["registration flood"] * 2, denied
    assert (await rule_hits(town))["registration flood"] == (2, 0)


@story("policy: the stock rule against floods of subscriptions", policy=STOCK_HERE,
       options={**ONE_SHARD, "limits.queue": 8 * 1024 * 1024})  # all that waits at once is the rule to refuse
async def five_hundred_contact_requests_pass_and_then_they_slow_down(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sends("".join(f"<presence type='subscribe' id='s{n}' to='{bob.bare}'/>" for n in range(600)))
    error = await alice.receives("presence", type_="error")
    expect_error(error, "resource-constraint", "wait")
    assert int(error.get("id")[1:]) >= 500, show(error)
    await carol.sends(f"<presence type='subscribe' id='c' to='{bob.bare}'/>")
    await bob.receives("presence", type_="subscribe", from_=carol.bare)
    assert (await town.records(kind="denied", from_=alice.bare))[0]["rule"] == "subscription flood"


@story("policy: the stock rules on trial", policy=STOCK_HERE, options=ONE_SHARD)
async def what_is_on_trial_is_counted_and_refuses_nothing(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends("".join(message(bob.bare, f"f{n}") for n in range(400)))
    for number in range(400):
        await bob.receives("message", id=f"f{number}")
    hits = await rule_hits(town)
    assert hits["message flood"][0] > 0, hits
    assert hits["keys for unknown devices"][0] == 400, hits  # neither of the two has published a list


run()
