"""Groups whose members stand in the store: changed on the running server, by administrators."""

import asyncio

import _path  # noqa: F401
from harness import run, sealed, story
from harness.town import PROGRAMS

RULES = """
group{ name = "cabinet", stored = true, members = { "fixed@localhost" } }
group{ name = "wide", includes = { "cabinet" } }
rule{ name = "the cabinet only", match = Kind("message") * Direction("out") * To("vip*@localhost") * -FromGroup("wide"),
      action = Deny("forbidden") }
rule{ name = "a function", match = Kind("message") * Direction("out") * To("odd*@localhost")
      * function(m) return not m:in_group("from", "cabinet") end, action = Deny("forbidden") }
"""
TWO_SHARDS = {"shards": 2}


def message(to, identity):
    return f"<message to='{to}' id='{identity}' type='chat'>{sealed()}</message>"


async def passes(sender, recipient, identity):
    await sender.sends(message(recipient.bare, identity))
    await recipient.receives("message", id=identity)


async def is_denied(sender, recipient, identity):
    await sender.sends(message(recipient.bare, identity))
    await sender.gets_error("message", identity, "forbidden")


async def members(town, group):
    return [row["member"] for row in await town.ctl_json("group", "show", group) if row["from"] == "store"]


@story("groups: in the store", options=TWO_SHARDS, policy=RULES)
async def who_is_added_is_a_member_at_once_on_all_shards_and_who_is_taken_out_is_none(town):
    alice, carol, vip, odd = await town.devices("alice", "carol", "vip", "odd")
    await is_denied(alice, vip, "a1")
    await is_denied(alice, odd, "o1")
    out = await town.ctl("group", "add", "cabinet", alice.bare.upper(), carol.bare, alice.bare)
    assert out == "cabinet: 2 added; 2 members\n", out
    await passes(alice, vip, "a2")
    await passes(alice, odd, "o2")
    await passes(carol, vip, "c2")
    assert await members(town, "cabinet") == [alice.bare, carol.bare]
    out = await town.ctl("group", "remove", "cabinet", alice.bare, "nobody@localhost")
    assert out == "cabinet: 1 taken out, 1 not there; 1 member\n", out
    await is_denied(alice, vip, "a3")
    await is_denied(alice, odd, "o3")
    await passes(carol, vip, "c3")
    recorded = [(record["reason"], record["to"]) for record in await town.records(kind="admin", rule="cabinet")
                if record.get("to") in (alice.bare, carol.bare)]
    assert recorded == [("group-add", alice.bare), ("group-add", carol.bare), ("group-remove", alice.bare)], recorded
    await town.ctl("group", "remove", "cabinet", carol.bare)
    await is_denied(carol, vip, "c4")
    await town.audit_is_sound()


@story("groups: over a reload and a restart", alone=True, options=TWO_SHARDS, policy=RULES)
async def members_are_in_the_store(town):
    alice, vip = await town.devices("alice", "vip")
    await town.ctl("group", "add", "cabinet", alice.bare)
    await town.ctl("group", "add", "later", alice.bare)
    status, out, err = await town.reload()
    assert status == 0, out + err
    await passes(alice, vip, "r1")
    await town.restart()
    alice, vip = [await account.device() for account in (alice.account, vip.account)]
    await passes(alice, vip, "r2")
    rows = {row["name"]: row for row in await town.ctl_json("group", "list") if row["from"] == "store"}
    assert rows["cabinet"]["members"] == 1 and rows["cabinet"]["state"] == "known", rows
    assert rows["later"]["members"] == 1 and rows["later"]["state"] == "not in the policy", rows
    # A policy that names it finds it there.
    town.write_file(town.policy_file, RULES.replace('name = "cabinet", stored', 'name = "later", stored').replace('{ "cabinet" }', '{ "later" }')
                    .replace('"from", "cabinet"', '"from", "later"'))
    status, out, err = await town.reload()
    assert status == 0, out + err
    await passes(alice, vip, "r3")
    out = await town.ctl("group", "remove", "later", "--all")
    assert out == "later: 1 taken out; 0 members\n", out
    await is_denied(alice, vip, "r4")
    owners = {owner for (owner,) in town.sql("SELECT owner FROM account_data WHERE kind = 11")}
    assert owners == {"policy", "group:cabinet"}, owners


@story("groups: what is no member", policy=RULES)
async def bad_addresses_are_refused_with_a_reason_and_nothing_changes(town):
    for bad, why in (("bob@localhost/phone", "names a device"), ("localhost", "is a domain"), ("*@localhost", 'has a "*"'), ("b*b@localhost", 'has a "*"'),
                     ("two words@localhost", "is no address"), ("@localhost", "is no address"), ("bob@", "is no address"), ("a@b@c", "is no address")):
        status, _, err = await town.ctl_result("group", "add", "bad", "good@localhost", bad)
        assert status == 1 and why in err, (bad, err)
    assert "bad" not in {row["name"] for row in await town.ctl_json("group", "list")}
    status, _, err = await town.ctl_result("group", "add", "x\ny", "a@localhost")
    assert status == 1 and "control characters" in err, err
    status, _, err = await town.ctl_result("group", "add", "x" * 513, "a@localhost")
    assert status == 1 and "512 bytes" in err, err
    out = await town.ctl("group", "add", "cabinett", "a@localhost")
    assert out == ('cabinett: 1 added; 1 member\nnote: the policy has no group "cabinett" with stored = true; the nearest is "cabinet"\n'), out
    status, _, err = await town.ctl_result("group", "remove", "cabinetz", "a@localhost")
    assert status == 1 and 'there is no group "cabinetz" in the store; the nearest is "cabinett"' in err, err
    status, _, err = await town.ctl_result("group", "show", "cabinetz")
    assert status == 1 and "the nearest is" in err, err
    status, _, err = await town.ctl_result("group", "remove", "cabinett")
    assert status == 2 and "--all" in err, err
    await town.ctl("group", "remove", "cabinett", "--all")
    status, _, err = await town.ctl_result("group", "add", "many", "--batch", stdin="# nobody\n\n")
    assert status == 2 and "no address was read" in err, err
    status, out, err = await town.ctl_result("group", "add", "many", "--batch",
                                             stdin="".join(f"p{n}@localhost  # one\n" for n in range(450)))
    assert status == 0 and out.startswith("many: 450 added; 450 members\n"), out + err
    await town.ctl("group", "remove", "many", "--all")
    assert not town.sql("SELECT name FROM account_data WHERE owner IN ('group:many', 'group:cabinett', 'group:bad')")


@story("groups: an account is removed", policy=RULES)
async def who_is_removed_is_in_no_group_any_more(town):
    alice, bob = await town.devices("alice", "bob")
    await town.ctl("group", "add", "first", alice.bare, bob.bare)
    await town.ctl("group", "add", "second", alice.bare)
    await town.ctl("user", "delete", alice.bare)
    assert await members(town, "first") == [bob.bare]
    assert "second" not in {row["name"] for row in await town.ctl_json("group", "list")}
    assert not town.sql(f"SELECT owner FROM account_data WHERE name = '{alice.bare}'")
    left = [record["rule"] for record in await town.records(kind="admin", reason="group-remove", to=alice.bare)]
    assert sorted(left) == ["first", "second"], left
    await town.ctl("group", "remove", "first", "--all")


@story("groups: a store that is away", alone=True, policy=RULES)
async def a_change_is_in_force_when_it_is_durable(town):
    alice, vip = await town.devices("alice", "vip")
    async with town.store_is_paused("account_data"):
        process = await asyncio.create_subprocess_exec(
            str(PROGRAMS["valisectl"]), "--socket", str(town.control), "group", "add", "cabinet", alice.bare,
            stdout=asyncio.subprocess.PIPE, start_new_session=True)
        await town.waits_for_the_store(1)
        assert await members(town, "cabinet") == []
        explained = await town.ctl_json("policy", "explain", "--from", alice.full, "--to", vip.bare)
        assert explained["verdict"] == "deny", explained
    out, _ = await process.communicate()
    assert out == b"cabinet: 1 added; 1 member\n", out
    await passes(alice, vip, "w1")


@story("groups: what somebody wrote into the store", alone=True, policy=RULES)
async def a_pattern_in_the_store_is_no_member(town):
    alice, vip = await town.devices("alice", "vip")
    await town.ctl("group", "add", "cabinet", vip.bare)
    await town.stop()
    town.sql("INSERT INTO account_data (owner, kind, name, value) VALUES ('group:cabinet', 11, '*@localhost', ''), ('group:cabinet', 11, '*', '')")
    await town.start()
    alice, vip = [await account.device() for account in (alice.account, vip.account)]
    await is_denied(alice, vip, "h1")
    assert await members(town, "cabinet") == [vip.bare]
    assert "is left out" in town.log()


run()
