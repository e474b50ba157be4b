"""XEP-0133: what administrators do from their client."""

import _path  # noqa: F401
from harness import Disconnected, run, story
from harness.device import Account, expect_error
from harness.stream import show
from _commands import ROOT, administrator, command, executes, fields_of, note_of, status_of, submits

ADMINISTRATORS = {"commands.administrators": ["root@localhost", "second@localhost"]}


async def is_done(device, name, **fields):
    answer = await submits(device, name, **fields)
    assert answer.get("type") == "result" and status_of(answer[0]) == "completed", show(answer)
    assert note_of(answer[0]) is None or note_of(answer[0])[0] == "info", show(answer)
    return answer[0]


async def is_refused(device, condition, name, **fields):
    return expect_error(await submits(device, name, **fields), condition)


async def states(town):
    return {row["jid"]: row["state"] for row in await town.ctl_json("user", "list")}


async def reasons(town, about, by):
    return [record["reason"] for record in await town.records(kind="admin", to=about, from_=by.bare)]


@story("XEP-0133 §4.1", options=ROOT)
async def an_account_is_added_and_the_record_names_who_did_it(town):
    root = await administrator(town)
    await is_done(root, "add-user", accountjid="dora@localhost", password="sesame dora", password__verify="sesame dora")
    await Account(town, "dora", "sesame dora").device()
    [record] = await town.records(kind="admin", to="dora@localhost")
    assert (record["reason"], record["from"], record["resource"]) == ("user-add", root.bare, root.full.split("/")[1]), record
    assert b"sesame dora" not in town.stored_bytes()


@story("XEP-0133 §4.1, §5: the forbidden twins", options=ROOT)
async def what_is_taken_foreign_or_incomplete_is_not_added(town):
    root = await administrator(town)
    bob, gone = await town.account("bob"), await town.account("gone")
    await town.ctl("user", "delete", gone.bare)
    for name in (bob.bare, gone.bare):
        await is_refused(root, "conflict", "add-user", accountjid=name, password="u v w x y z")
    for name in ("eve@elsewhere.example", "localhost", "eve@localhost/phone"):
        await is_refused(root, "item-not-found", "add-user", accountjid=name, password="u v w x y z")
    await is_refused(root, "not-acceptable", "add-user", accountjid="eve@localhost", password="a password", password__verify="another one")
    await is_refused(root, "not-acceptable", "add-user", accountjid="eve@localhost", password="1234567", password__verify="1234567")
    await is_refused(root, "not-acceptable", "change-user-password", accountjid=root.bare, password="1234567")
    await is_refused(root, "bad-request", "add-user", accountjid="eve@localhost")
    assert "eve@localhost" not in await states(town)
    await bob.device()


@story("XEP-0133 §4.2", options=ROOT)
async def accounts_are_deleted_with_their_sessions_and_contacts_learn_of_it(town):
    root = await administrator(town)
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.is_friends_with(carol)
    await is_done(root, "delete-user", accountjids=[alice.bare, bob.bare])
    for gone in (alice, bob):
        await gone.stream.wait_for(lambda event: isinstance(event, Disconnected), "the end of the session")
        assert await reasons(town, gone.bare, root) == ["user-delete"]
        assert gone.bare not in await states(town)
    await carol.receives("presence", type_="unsubscribed", from_=alice.bare)


@story("XEP-0133 §4.3, §4.4", options=ROOT)
async def an_account_is_disabled_and_enabled_again(town):
    root = await administrator(town)
    [alice] = await town.devices("alice")
    await is_done(root, "disable-user", accountjids=[alice.bare])
    await alice.stream.wait_for(lambda event: isinstance(event, Disconnected), "the end of the session")
    assert (await states(town))[alice.bare] == "disabled"
    try:
        await alice.account.device()
    except AssertionError as error:
        assert "account-disabled" in str(error), error
    else:
        raise AssertionError("a disabled account logged in")
    await is_done(root, "reenable-user", accountjids=[alice.bare])
    await alice.account.device()
    assert await reasons(town, alice.bare, root) == ["user-disable", "user-enable"]


@story("XEP-0133 §4.5", options=ROOT)
async def one_session_ends_or_all_of_them(town):
    root = await administrator(town)
    alice = await town.account("alice")
    phone, laptop, tablet = [await alice.device(name) for name in ("phone", "laptop", "tablet")]
    await is_done(root, "end-user-session", accountjids=[phone.full])
    await phone.stream.fails_with("policy-violation")
    await laptop.asks("<ping xmlns='urn:xmpp:ping'/>")
    await is_done(root, "end-user-session", accountjids=[alice.bare])
    for device in (laptop, tablet):
        await device.stream.fails_with("policy-violation")
    await is_refused(root, "item-not-found", "end-user-session", accountjids=[phone.full])
    await is_done(root, "end-user-session", accountjids=[alice.bare])  # they are over: nothing happens
    assert await reasons(town, alice.bare, root) == ["session-kick"] * 2
    await alice.device()


@story("XEP-0133 §4.7", options=ROOT)
async def a_password_is_changed_and_the_old_one_opens_nothing(town):
    root = await administrator(town)
    [alice] = await town.devices("alice")
    await is_done(root, "change-user-password", accountjid=alice.bare, password="new sesame")
    await alice.stream.fails_with("reset")
    await Account(town, alice.account.name, "new sesame").device()
    try:
        await alice.account.device()
    except AssertionError as error:
        assert "not-authorized" in str(error), error
    else:
        raise AssertionError("the old password still works")
    assert await reasons(town, alice.bare, root) == ["user-passwd"]
    assert b"new sesame" not in town.stored_bytes()


@story("XEP-0133 §5: nobody", options=ADMINISTRATORS)
async def an_administrator_does_not_shut_himself_out(town):
    root = await administrator(town)
    for name in ("disable-user", "delete-user"):
        await is_refused(root, "not-allowed", name, accountjids=[root.bare])
    await is_done(root, "end-user-session", accountjids=[root.bare])  # but for the session that asks
    await root.asks("<ping xmlns='urn:xmpp:ping'/>")
    second = await administrator(town, "second")
    await is_done(second, "disable-user", accountjids=[root.bare])
    await root.stream.wait_for(lambda event: isinstance(event, Disconnected), "the end of the session")
    await is_done(second, "reenable-user", accountjids=[root.bare])


@story("XEP-0133: several at once", options=ROOT)
async def what_was_not_done_is_named(town):
    root = await administrator(town)
    alice = await town.account("alice")
    answer = await submits(root, "disable-user", accountjids=[alice.bare, "nobody@localhost"])
    assert status_of(answer[0]) == "completed" and note_of(answer[0]) == ("error", "Not done for: nobody@localhost"), show(answer)
    assert (await states(town))[alice.bare] == "disabled"
    await is_refused(root, "item-not-found", "disable-user", accountjids=["nobody@localhost"])
    await is_refused(root, "item-not-found", "reenable-user", accountjids=[alice.bare, "eve@elsewhere.example"])
    assert (await states(town))[alice.bare] == "disabled", "one that is not ours, and nothing is done"
    await is_refused(root, "policy-violation", "reenable-user", accountjids=[f"a{n}@localhost" for n in range(101)])


@story("XEP-0133 §4.9, §4.10", options=ROOT)
async def an_administrator_learns_of_one_account_and_not_whom_it_knows(town):
    root = await administrator(town)
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    stats = fields_of(await is_done(root, "user-stats", accountjid=alice.bare))
    assert stats["onlineresources"] == [alice.full.split("/")[1]] and stats["ipaddresses"] and stats["rostersize"] == ["1"], stats
    assert bob.bare not in str(stats)
    last = fields_of(await is_done(root, "get-user-lastlogin", accountjids=[alice.bare]))
    assert last["lastlogin"][0].endswith("Z"), last
    never = await town.account("never")
    assert fields_of(await is_done(root, "get-user-lastlogin", accountjids=[never.bare]))["lastlogin"] == []
    assert await reasons(town, alice.bare, root) == ["user-stats", "user-lastlogin"]
    for name, field in (("user-stats", "accountjid"), ("get-user-lastlogin", "accountjids")):
        await is_refused(root, "item-not-found", name, **{field: "nobody@localhost"})
    expect_error(await root.tries(command("http://jabber.org/protocol/admin#get-user-roster"), "set", "localhost"), "item-not-found")


@story("XEP-0133 §4.13 to §4.20", options=ROOT, alone=True)
async def accounts_are_counted_and_listed(town):
    root = await administrator(town)
    alice, bob = await town.account("alice"), await town.account("bob")
    await alice.device()
    await town.ctl("user", "disable", bob.bare)

    async def number(name, field):
        return int(fields_of(await executes(root, name))[field][0])

    assert await number("get-registered-users-num", "registeredusersnum") == 3
    assert await number("get-disabled-users-num", "disabledusersnum") == 1
    assert await number("get-online-users-num", "onlineusersnum") == 2
    for name, field, expected in (("registered", "registereduserjids", sorted([alice.bare, bob.bare, root.bare])),
                                  ("disabled", "disableduserjids", [bob.bare]),
                                  ("online", "onlineuserjids", sorted([alice.bare, root.bare]))):
        answer = await is_done(root, f"get-{name}-users-list", max_items="none")
        assert sorted(fields_of(answer)[field]) == expected, show(answer)
        assert note_of(answer) is None
    for n in range(25):
        await town.account(f"many{n}x")
    answer = await is_done(root, "get-registered-users-list", max_items="25")
    assert len(fields_of(answer)["registereduserjids"]) == 25 and note_of(answer) == ("info", "There are more."), show(answer)
    await is_refused(root, "bad-request", "get-registered-users-list", max_items="26")
    assert len(await reasons(town, "localhost", root)) == 7


@story("commands.administrators: names", options={**ROOT, "registration.enabled": True, "limits.registrations_per_hour": 1000}, alone=True)
async def no_stranger_makes_the_account_of_an_administrator(town):
    stream = await town.stream().reaches_tls()
    await stream.sends("<iq type='set' id='r1'><query xmlns='jabber:iq:register'><username>Root</username><password>xyzzyxyzzy</password></query></iq>")
    from harness.stream import _is_answer
    expect_error(await stream.wait_for(lambda event: _is_answer(event, "r1"), "an answer"), "conflict")
    assert not await states(town)


run()
