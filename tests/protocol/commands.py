"""XEP-0050: commands, by those of XEP-0133 that this server has."""

import _path  # noqa: F401
from harness import NS, announced, run, story
from harness.device import expect_error
from harness.stream import show
from _commands import (ADMIN, COMMANDS, DISCO_INFO, DISCO_ITEMS, ROOT, action, administrator, command, condition_of, executes, fields_of,
                       form, items_of, status_of)

the_server_says_that_it_has_commands = announced("XEP-0050 §2.1", COMMANDS, options=ROOT)


@story("XEP-0050 §2.2", options=ROOT)
async def an_administrator_finds_commands_and_what_each_is(town):
    root = await administrator(town)
    items = await items_of(root)
    assert ADMIN + "#delete-user" in items and len(items) >= 12, items
    info = (await root.asks(f"<query xmlns='{DISCO_INFO}' node='{COMMANDS}'/>", to="localhost"))[0]
    assert [(i.get("category"), i.get("type")) for i in info.iter(NS.DISCO_INFO + "identity")] == [("automation", "command-list")]
    info = (await root.asks(f"<query xmlns='{DISCO_INFO}' node='{ADMIN}#delete-user'/>", to="localhost"))[0]
    [identity] = info.iter(NS.DISCO_INFO + "identity")
    assert (identity.get("category"), identity.get("type"), identity.get("name")) == \
        ("automation", "command-node", "Delete accounts"), show(info)
    assert {f.get("var") for f in info.iter(NS.DISCO_INFO + "feature")} == {COMMANDS, "jabber:x:data"}


@story("XEP-0050 §2.2, §4.4: the forbidden twins", options=ROOT)
async def others_find_none_and_may_run_none(town):
    [alice] = await town.devices("alice")
    assert not [node for node in await items_of(alice) if node.startswith(ADMIN)]
    for name in ("delete-user", "get-online-users-num", "add-user"):
        expect_error(await alice.tries(f"<query xmlns='{DISCO_INFO}' node='{ADMIN}#{name}'/>", to="localhost"), "forbidden")
        expect_error(await alice.tries(command(f"{ADMIN}#{name}"), "set", "localhost"), "forbidden", "cancel")
    records = await town.records(kind="denied", from_=alice.bare, reason="command")
    assert len(records) == 3, records
    root = await administrator(town)
    for device in (alice, root):
        expect_error(await device.tries(command(f"{ADMIN}#nonsense"), "set", "localhost"), "item-not-found", "cancel")
        await device.is_refused("item-not-found", f"<query xmlns='{DISCO_INFO}' node='{ADMIN}#nonsense'/>", to="localhost")
        await device.is_refused("item-not-found", f"<query xmlns='{DISCO_ITEMS}' node='{ADMIN}#nonsense'/>", to="localhost")
    await root.is_refused("bad-request", f"<command xmlns='{COMMANDS}'/>", "set", "localhost")
    await root.is_refused("service-unavailable", command(f"{ADMIN}#delete-user"), "set", alice.bare)


@story("XEP-0050 §2.4.1", options=ROOT)
async def a_command_without_a_form_completes_at_once(town):
    root = await administrator(town)
    answer = await executes(root, "get-online-users-num")
    assert status_of(answer) == "completed" and answer.get("sessionid"), show(answer)
    assert int(fields_of(answer)["onlineusersnum"][0]) >= 1


@story("XEP-0050 §2.4.2, §3.4: next, prev, complete", options=ROOT)
async def stages_go_forward_and_back_and_remember(town):
    root = await administrator(town)
    gone = await town.account("gone")
    first = await executes(root, "delete-user")
    assert status_of(first) == "executing" and action(first) == ("next", ["next", "complete"]), show(first)
    second = await root_says(root, first, "next", form(accountjids=[gone.bare]))
    assert action(second) == ("complete", ["prev", "complete"]) and gone.bare in "".join(second.itertext()), show(second)
    again = await root_says(root, second, "prev")
    assert action(again) == ("next", ["next", "complete"]) and fields_of(again)["accountjids"] == [gone.bare], show(again)
    assert again.get("sessionid") == first.get("sessionid")
    assert gone.bare in {row["jid"] for row in await town.ctl_json("user", "list")}, "not before it is completed"
    await root_says(root, again, None, form(accountjids=[gone.bare]))  # execute is next here
    done = await root_says(root, again, None)                        # and complete there
    assert status_of(done) == "completed", show(done)
    assert gone.bare not in {row["jid"] for row in await town.ctl_json("user", "list")}


async def root_says(root, running, what, payload=""):
    return (await root.sets(command(running.get("node"), running.get("sessionid"), what, payload), "localhost"))[0]


@story("XEP-0050 §2.4.3", options=ROOT)
async def a_command_that_is_cancelled_changes_nothing_and_is_over(town):
    root = await administrator(town)
    stays = await town.account("stays")
    running = await executes(root, "delete-user")
    await root_says(root, running, "next", form(accountjids=[stays.bare]))
    answer = await root_says(root, running, "cancel")
    assert status_of(answer) == "canceled" and len(answer) == 0, show(answer)
    refused = await root.tries(command(running.get("node"), running.get("sessionid"), "complete"), "set", "localhost")
    expect_error(refused, "not-allowed", "cancel")
    assert condition_of(refused) == "session-expired", show(refused)
    assert stays.bare in {row["jid"] for row in await town.ctl_json("user", "list")}


@story("XEP-0050 §4.4: the conditions", options=ROOT)
async def what_does_not_fit_is_refused_with_its_condition_and_the_command_goes_on(town):
    root = await administrator(town)
    alice = await town.account("alice")
    running = await executes(root, "delete-user")
    node, identity = running.get("node"), running.get("sessionid")
    good = form(accountjids=[alice.bare])
    for payload, condition in (
            (command(node, identity, "dance", good), "malformed-action"),
            (command(node, identity, "prev"), "bad-action"),
            (command(node, None, "next", good), "bad-action"),
            (command(node, None, "cancel"), "bad-action"),
            (command(node, identity, "next"), "bad-payload"),
            (command(node, identity, "next", form(accountjids=[])), "bad-payload"),
            (command(node, identity, "next", form(accountjids=["@@"])), "bad-payload"),
            (command(node, identity, "next", form(accountjids=["a" * 5000])), "bad-payload"),
            (command(node, identity, "next", form(kind="form", accountjids=[alice.bare])), "bad-payload"),
            (command(node, identity, "next", form(form_type="urn:other", accountjids=[alice.bare])), "bad-payload"),
            (command(node, identity, "next", form(accountjids=[f"a{n}@localhost" for n in range(300)])), "bad-payload"),
            (command(node, "nonsense", "next", good), "bad-sessionid"),
            (command(node, "", "next", good), "bad-sessionid"),
            (command(f"{ADMIN}#disable-user", identity, "next", good), "bad-sessionid"),
            (command(node, None, None, "", lang="de"), "bad-locale")):
        refused = await root.tries(payload, "set", "localhost")
        expect_error(refused, "bad-request", "modify")
        assert condition_of(refused) == condition, (payload[:200], show(refused))
    assert status_of(await root_says(root, running, "next", good)) == "executing"
    assert alice.bare in {row["jid"] for row in await town.ctl_json("user", "list")}


@story("XEP-0050 §3.3: a session is its requester's", options={**ROOT, "commands.administrators": ["root@localhost", "second@localhost"]})
async def another_device_has_no_part_in_a_command(town):
    root, tablet = await administrator(town), await administrator(town)
    running = await executes(root, "delete-user")
    refused = await tablet.tries(command(running.get("node"), running.get("sessionid"), "cancel"), "set", "localhost")
    expect_error(refused, "bad-request")
    assert condition_of(refused) == "bad-sessionid"
    assert status_of(await root_says(root, running, "cancel")) == "canceled"


@story("commands.expiry: eight at once", options=ROOT)
async def the_ninth_command_ends_the_first(town):
    root = await administrator(town)
    running = [await executes(root, "delete-user") for _ in range(9)]
    assert len({one.get("sessionid") for one in running}) == 9
    refused = await root.tries(command(running[0].get("node"), running[0].get("sessionid"), "cancel"), "set", "localhost")
    assert condition_of(expect_error(refused, "not-allowed")) == "session-expired"
    for one in running[1:]:
        assert status_of(await root_says(root, one, "cancel")) == "canceled"


@story("XEP-0050 §3.7", options=ROOT)
async def a_command_speaks_the_language_in_which_it_was_begun(town):
    root = await administrator(town)
    running = (await root.sets(command(f"{ADMIN}#delete-user", lang="fr-CA"), "localhost"))[0]
    assert running.get("{http://www.w3.org/XML/1998/namespace}lang") == "fr", show(running)
    assert "Supprimer des comptes" in "".join(running.itertext())
    second = await root_says(root, running, "next", form(accountjids=["nobody@localhost"]))
    assert "définitif" in "".join(second.itertext()), show(second)
    begun = await root.tries(command(f"{ADMIN}#delete-user"), "set", "localhost", extra="xml:lang='de'")
    assert begun[0].get("{http://www.w3.org/XML/1998/namespace}lang") == "en", show(begun)  # the stream's


@story("commands.administrators: a reload", options=ROOT, alone=True)
async def who_is_no_administrator_any_more_can_not_go_on(town):
    root = await administrator(town)
    running = await executes(root, "delete-user")
    town.options["commands.administrators"] = ["other@localhost"]
    town.write_config()
    await town.ctl("reload")
    refused = await root.tries(command(running.get("node"), running.get("sessionid"), "cancel"), "set", "localhost")
    expect_error(refused, "forbidden")


@story("commands.administrators: the configuration")
async def an_administrator_is_an_account_of_this_server(town):
    for wrong in ("localhost", "a@b@c", "root@elsewhere.example", "root@localhost/phone"):
        town.options["commands.administrators"] = [wrong]
        town.write_config()
        status, out = (await town.reload())[:2]
        assert status != 0, wrong
    del town.options["commands.administrators"]
    town.write_config()
    await town.ctl("reload")


run()
