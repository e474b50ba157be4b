"""What valisectl says of policies: check, explain, test, replay, and what rules in shadow and slow rules leave behind."""

import json

import _path  # noqa: F401
from harness import run, sealed, story
from harness.town import ROOT

RULES = """
rule{
  name = "nobody writes to the archive",
  match = Kind("message") * Direction("out") * To("archive*@localhost"),
  action = Deny{ "forbidden", fr = "Les archives ne lisent pas.", en = "The archive does not read." },
}
rule{
  name = "robots stay quiet",
  match = Kind("message") * Direction("in") * From("robot*@localhost"),
  action = Drop(),
  shadow = true,
}
"""


def message(to, identity, **how):
    return f"<message to='{to}' id='{identity}' type='chat'>{sealed(**how)}</message>"


def write(town, name, text):
    path = town.folder / name
    town.write_file(path, text)
    return str(path)


@story("policy check", policy=RULES)
async def check_names_errors_and_rules_that_can_never_act_and_says_so_by_its_exit_code(town):
    sound = write(town, "sound.lua", RULES)
    assert await town.ctl_result("policy", "check", sound) == (0, f"{sound}: sound, 2 rules\n", "")
    dead = write(town, "dead.lua", RULES + """rule{
  name = "twice", match = Kind("message") * Kind("iq"), action = Drop() }
rule{
  name = "late", match = Kind("message") * Direction("out") * To("archive@localhost"), action = Allow() }
""")
    status, out, _ = await town.ctl_result("policy", "check", dead)
    assert (status, out.splitlines()) == (1, [
        f'{dead}:13: rule "twice" can never act: Kind("message") and Kind("iq") exclude each other',
        f'{dead}:15: rule "late" can never act: rule "nobody writes to the archive" (line 2) before it decides on all that it matches',
    ]), out
    status, out, _ = await town.ctl_result("policy", "check", write(town, "typo.lua", "\nrule{ name = 'a', match = Form('x@y') }"), as_json=True)
    answer = json.loads(out)
    assert status == 1 and not answer["ok"] and answer["findings"][0]["line"] == 2, answer
    assert 'the nearest is "From"' in answer["findings"][0]["text"], answer
    status, _, err = await town.ctl_result("policy", "check", str(town.folder / "nowhere.lua"))
    assert status == 2 and "nowhere.lua" in err, err


@story("policy check: a reload", alone=True, policy=RULES)
async def a_policy_with_a_rule_that_can_never_act_leaves_the_old_rules_in_force(town):
    town.write_file(town.policy_file, "rule{ name = 'all', match = Always(), action = Allow() }\n"
                    "rule{ name = 'late', match = Kind('message'), action = Drop() }\n")
    status, out, err = await town.reload()
    assert status != 0 and ':2: rule "late" can never act' in out + err, out + err
    assert [row["name"] for row in await town.ctl_json("policy", "list")] == ["nobody writes to the archive", "robots stay quiet"]


@story("policy explain", policy=RULES)
async def explain_says_what_then_happens_and_counts_nothing(town):
    alice, archive = await town.devices("alice", "archive")
    before = await town.ctl_json("policy", "list")
    asked = ("--from", alice.full, "--to", archive.bare, "--sealed", "true")
    answer = await town.ctl_json("policy", "explain", *asked)
    assert (answer["verdict"], answer["rule"], answer["condition"]) == ("deny", "nobody writes to the archive", "forbidden"), answer
    assert answer["fr"] == "Les archives ne lisent pas." and answer["line"] == 2 and answer["not_tried"] == 1, answer
    assert await town.ctl_json("policy", "list") == before
    await alice.sends(message(archive.bare, "no"))
    await alice.gets_error("message", "no", answer["condition"])
    text = await town.ctl("policy", "explain", "--from", archive.full, "--to", alice.bare)
    assert text.startswith("allowed: no rule") and f"[to is {alice.bare}]" in text, text
    file = write(town, "file.lua", RULES.replace("archive*", "nobody"))
    answer = await town.ctl_json("policy", "explain", "--file", file, *asked)
    assert answer["verdict"] == "allow" and answer["file"] == file, answer
    status, _, err = await town.ctl_result("policy", "explain", "--kind", "mesage")
    assert status == 1 and 'the nearest is "message"' in err, err


@story("policy explain: a stanza", policy="""
rule{ name = "strange device", match = Kind("message") * Sealed() * function(m) return m.sid == 31415 and m.keys == 2 end, action = Drop() }
rule{ name = "versions", match = Kind("iq") * Payload("jabber:iq:version"), action = Deny("forbidden") }
""")
async def explain_reads_a_stanza_as_the_server_does(town):
    [alice] = await town.devices("alice")
    stanza = write(town, "stanza.xml", message("bob@localhost", "s1", sid=31415, rids=(1, 2)))
    answer = await town.ctl_json("policy", "explain", "--stanza", stanza, "--from", alice.full)
    assert (answer["verdict"], answer["rule"]) == ("drop", "strange device"), answer
    answer = await town.ctl_json("policy", "explain", "--stanza", stanza, "--from", alice.full, "--keys", "3")  # what is said wins
    assert answer["verdict"] == "allow", answer
    request = write(town, "request.xml", "<iq type='get' id='1' to='bob@localhost/x'><query xmlns='jabber:iq:version'/></iq>")
    assert (await town.ctl_json("policy", "explain", "--stanza", request))["rule"] == "versions"
    clear = write(town, "clear.xml", "<message to='bob@localhost' type='chat'><body>x</body></message>")
    assert "before any rule" in (await town.ctl_json("policy", "explain", "--stanza", clear))["before"]
    for text in ("<message", "<stream/>", "<message to='@'/>", ""):
        status, _, err = await town.ctl_result("policy", "explain", "--stanza", write(town, "bad.xml", text or " "))
        assert status == 1 and "stanza" in err, (text, err)


@story("policy test")
async def tests_of_policies_run_without_a_server_and_say_what_was_not_as_expected(town):
    write(town, "rules.lua", RULES)
    good = write(town, "good_test.lua", """policy "rules.lua"
test("the archive does not read", function()
  expect.denied{ from = "alice@localhost", to = "archive@localhost" }:by("nobody writes to the archive"):with("forbidden")
  expect.on_trial{ from = "robot@localhost", to = "bob@localhost", direction = "in" }:by("robots stay quiet")
end)
""")
    assert await town.ctl_result("policy", "test", good) == (0, f"{good}\n  ok    the archive does not read\n1 passed, 0 failed\n", "")
    bad = write(town, "bad_test.lua", """policy "rules.lua"
test("l'archive lit", function()
  expect.allowed{ from = "alice@localhost", to = "archive@localhost" }
end)
""")
    status, out, _ = await town.ctl_result("policy", "test", good, bad)
    assert status == 1 and f"FAIL  l'archive lit: {bad}:3: expected to be allowed, but it was denied by" in out, out
    assert out.endswith("1 passed, 1 failed\n"), out
    status, out, _ = await town.ctl_result("policy", "test", str(ROOT / "lua" / "tests" / "stock_test.lua"), as_json=True)
    assert status == 0 and json.loads(out)["failed"] == 0, out


@story("policy: a rule in shadow", policy=RULES, alone=True)
async def what_a_rule_in_shadow_would_have_refused_passes_is_counted_and_recorded(town):
    robot, bob = await town.devices("robot", "bob")
    await robot.sends(message(bob.bare, "r1"))
    await bob.receives("message", id="r1")
    records = await town.records(stanza="r1")
    [trial] = [record for record in records if record["kind"] == "passed"]
    assert (trial["reason"], trial["rule"], trial["from"], trial["to"]) == ("would-drop", "robots stay quiet", robot.bare, bob.bare), trial
    assert "verdict" not in trial and trial["size"] > 0 and trial["encryption"], trial
    assert [record["verdict"] for record in records if record["kind"] == "message"] == ["delivered"], records
    rows = {row["name"]: row for row in await town.ctl_json("policy", "list")}
    assert rows["robots stay quiet"]["would_refuse"] == 1 and rows["robots stay quiet"]["shadow"], rows
    await robot.sends("".join(message(bob.bare, f"f{n}") for n in range(300)))
    for number in range(300):
        await bob.receives("message", id=f"f{number}")
    rows = {row["name"]: row for row in await town.ctl_json("policy", "list")}
    assert rows["robots stay quiet"]["would_refuse"] == 301, rows
    recorded = len(await town.records(kind="passed"))
    assert 100 <= recorded < 301, recorded  # 100 at once and 10 a second on the recipient's shard
    await town.audit_is_sound()


@story("policy: a rule that overruns its budget", policy="""
rule{ name = "slow", match = Kind("message") * To("slow*@localhost") * function(m) while true do end end, action = Drop() }
rule{ name = "wrong", match = Kind("message") * To("wrong*@localhost") * function(m) return m.sise end, action = Drop() }
""")
async def a_rule_that_overruns_again_and_again_is_named_in_status_and_once_in_the_log(town):
    alice, slow, wrong = await town.devices("alice", "slow", "wrong")
    for number in range(2):
        await alice.sends(message(slow.bare, f"s{number}"))
        await alice.gets_error("message", f"s{number}", "policy-violation")
    assert "overrunning_rules" not in await town.ctl_json("status")
    for number in range(2, 8):
        await alice.sends(message(slow.bare, f"s{number}") + message(wrong.bare, f"w{number}"))
        await alice.gets_error("message", f"s{number}", "policy-violation")
        await alice.gets_error("message", f"w{number}", "policy-violation")
    named = (await town.ctl_json("status"))["overrunning_rules"]
    assert list(named) == ["slow"] and named["slow"].startswith("8 overruns") and f"{town.policy_file}:2: " in named["slow"], named
    rows = {row["name"]: row for row in await town.ctl_json("policy", "list")}
    assert (rows["slow"]["overruns"], rows["wrong"]["overruns"], rows["wrong"]["errors"]) == (8, 0, 6), rows
    assert rows["wrong"]["last_error"].startswith(f"{town.policy_file}:3: there is no fact"), rows
    assert town.log().count("overruns its budget again and again") == 1


@story("policy replay", policy=RULES, alone=True)
async def replay_tells_what_the_log_would_have_become(town):
    alice, bob, archive, robot = await town.devices("alice", "bob", "archive", "robot")
    for number in range(5):
        await alice.sends(message(bob.bare, f"m{number}"))
        await bob.receives("message", id=f"m{number}")
    await robot.sends(message(bob.bare, "r"))
    await bob.receives("message", id="r")
    await alice.sends(message(archive.bare, "no"))
    await alice.gets_error("message", "no", "forbidden")
    await town.records()  # all is written
    folder = str(town.audit_folder)
    same = await town.ctl_json("policy", "replay", folder)  # under the rules in force
    assert (same["newly_refused"], same["newly_allowed"], same["other_rule"], same["undecidable"]) == (0, 0, 0, 0), same
    assert same["same"] == same["events"] >= 7 and same["rules"][0]["refuses"] == 1 and same["rules"][1]["refuses"] == 1, same
    other = write(town, "other.lua", """
rule{ name = "bob hears nobody", match = Kind("message") * Direction("in") * To("bob*@localhost"), action = Drop() }
rule{ name = "strangers' devices", match = Kind("message") * UnknownDevices(">", 0) * To("carol@localhost"), action = Drop() }
rule{ name = "prekeys", match = Kind("message") * From("alice*@localhost") * function(m) return m.prekeys > 9 end, action = Drop() }
""")
    answer = await town.ctl_json("policy", "replay", folder, "--since", "1h", "--policy", other)
    assert (answer["newly_refused"], answer["undecidable"], answer["rules"][0]["newly_refuses"]) == (6, 1, 6), answer
    assert answer["rules"][2]["needs"] == ["prekeys"] and answer["rules"][1]["undecidable"] == 0, answer
    text = await town.ctl("policy", "replay", folder, "--policy", other)
    assert "6  refused, and passed before" in text and "Records hold nothing of: " in text, text
    assert (await town.ctl_json("policy", "replay", folder, "--since", "2099-01-01T00:00:00Z"))["records"] == 0
    status, _, err = await town.ctl_result("policy", "replay", folder, "--since", "yesterday")
    assert status == 2 and "--since takes" in err, err
    assert (await town.ctl_result("policy", "replay", folder + "-not", "--policy", other))[0] == 2


@story("policy check: a matcher that belongs to no rule")
async def a_matcher_that_is_used_nowhere_is_named(town):
    town.write_file(town.policy_file, """rule{ name = "r", match = Kind("message") and Type("headline"), action = Drop() }""")
    out = await town.ctl("policy", "check", str(town.policy_file))
    assert ':1: note: Kind("message") belongs to no rule' in out and "sound, 1 rule" in out, out
    out = await town.ctl("reload")
    assert out.startswith("reloaded\nwarning: ") and ':1: Kind("message") belongs to no rule' in out, out
    town.write_file(town.policy_file, "rule{")
    status, out, err = await town.reload()
    assert status == 1 and "nothing has changed" in err, (out, err)


run()
