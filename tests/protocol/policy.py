"""The administrator's Lua rules: what they say happens, and what happens when they are wrong."""

import _path  # noqa: F401
from harness import NS, Town, run, sealed, story, word_from
from harness.device import expect_error

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


@story("policy: subscriptions at their recipient", policy=DEAF)
async def a_rule_about_the_recipient_holds_for_subscriptions(town):
    alice, hermit, bob = await town.devices("alice", "hermit", "bob")
    await alice.sends(f"<presence type='subscribe' to='{hermit.bare}' id='ask'/>")
    error = expect_error(await alice.receives("presence", id="ask", type_="error"), "not-allowed", "cancel")
    assert error.find(f".//{NS.STANZA_ERROR}text").text == "The hermit does not answer."
    await hermit.receives_no("presence", before=word_from(alice), type_="subscribe")
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


run()
