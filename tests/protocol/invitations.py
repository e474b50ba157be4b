"""Invitations: XEP-0401 (links), XEP-0445 (an account with one), XEP-0379 (a contact with one)."""

import re

import _path  # noqa: F401
from harness import NS, run, saved_word_from, story
from harness.device import expect_error
from harness.stream import show
from _commands import administrator, command, executes, fields_of, form, items_of
from _invitations import CREATE, INVITE, ON, comes, invites, is_invited, registers, shows, token_of, tries

PARS = "{urn:xmpp:pars:0}"
REGISTER = "{jabber:iq:register}"


async def contacts_of(device):
    return {contact: (item.get("subscription"), [group.text for group in item])
            for contact, item in (await device.roster()).items()}


@story("XEP-0445 §3, §4", options=ON)
async def who_is_invited_makes_an_account(town):
    invitation = await is_invited(town, "localhost")
    assert re.fullmatch(r"xmpp:localhost\?register;preauth=[a-z2-7]{32}", invitation["uri"]), invitation
    stream = await town.stream().reaches_tls()
    names = [child.tag for child in stream.features]
    assert "{urn:xmpp:ibr-token:0}register" in names and "{http://jabber.org/features/iq-register}register" in names, names
    assert (await shows(stream, token_of(invitation["uri"]))).get("type") == "result"
    assert (await registers(stream, "juliet")).get("type") == "result"
    await stream.authenticates("juliet", "Calliope")
    [record] = await town.records(kind="admin", to="juliet@localhost")
    assert record["reason"] == "registered" and record["rows"], record
    assert token_of(invitation["uri"]).encode() not in town.stored_bytes(), "the token is kept nowhere"
    assert [one for one in await town.ctl_json("invite", "list") if one["id"] == invitation["id"]] == []


@story("XEP-0445 §4: the forbidden twins", options=ON)
async def without_a_good_token_nobody_makes_an_account(town):
    uri = (await is_invited(town, "localhost"))["uri"]
    stream = await town.stream().reaches_tls()
    expect_error(await registers(stream, "tybalt"), "not-allowed", "cancel")
    for wrong in ("", "nonsense", "a" * 32, token_of(uri)[:-1], token_of(uri).upper()):
        expect_error(await shows(stream, wrong), "item-not-found", "cancel")
        expect_error(await registers(stream, "tybalt"), "not-allowed", "cancel")
    await comes(town, token_of(uri), "benvolio")
    stream = await town.stream().reaches_tls()
    expect_error(await shows(stream, token_of(uri)), "item-not-found", "cancel")
    expect_error(await registers(stream, "tybalt"), "not-allowed", "cancel")
    assert "tybalt@localhost" not in {row["jid"] for row in await town.ctl_json("user", "list")}


@story("XEP-0445 §4: not used until the registration has succeeded", options=ON)
async def a_token_that_two_show_is_used_by_one(town):
    bob = await town.account("bob")
    token = token_of((await is_invited(town, "localhost"))["uri"])
    one, two = await town.stream().reaches_tls(), await town.stream().reaches_tls()
    for stream in (one, two):
        assert (await shows(stream, token)).get("type") == "result"
    expect_error(await registers(one, bob.name), "conflict")
    expect_error(await registers(one, "a b"), "not-acceptable")
    assert (await registers(two, "abram")).get("type") == "result"
    expect_error(await registers(one, "balthasar"), "not-allowed")


@story("XEP-0401: off by default")
async def where_nobody_invites_there_is_no_such_thing(town):
    stream = await town.stream().reaches_tls()
    assert stream.features.find("{urn:xmpp:ibr-token:0}register") is None
    await stream.sends("<iq type='set' id='pa1'><preauth xmlns='urn:xmpp:pars:0' token='abc'/></iq>")
    await stream.fails_with("not-authorized")
    status, _, err = await town.ctl_result("invite", "new", "localhost")
    assert status == 1 and "invitations.enabled" in err, err
    [alice] = await town.devices("alice")
    assert INVITE not in await items_of(alice)


@story("XEP-0401 §6.2, XEP-0445 §5: a name is kept", options=ON)
async def an_invitation_for_a_name_is_for_that_name_and_keeps_it(town):
    named, other = await is_invited(town, "paris@localhost"), await is_invited(town, "localhost")
    assert re.fullmatch(r"xmpp:paris@localhost\?register;preauth=[a-z2-7]{32}", named["uri"]), named
    stream = await town.stream().reaches_tls()
    assert (await shows(stream, token_of(other["uri"]))).get("type") == "result"
    expect_error(await registers(stream, "paris"), "conflict")
    stream = await town.stream().reaches_tls()
    assert (await shows(stream, token_of(named["uri"]))).get("type") == "result"
    fields = await tries(stream, "<query xmlns='jabber:iq:register'/>", "g1", "get")
    assert fields[0].findtext(REGISTER + "username") == "paris", show(fields)
    expect_error(await registers(stream, "romeo"), "not-acceptable")
    expect_error(await registers(stream, "paris", "1234567"), "not-acceptable")
    assert "paris@localhost" not in {row["jid"] for row in await town.ctl_json("user", "list")}, "§6.2: not made before"
    assert (await registers(stream, "Paris")).get("type") == "result"
    bob = await town.account("bob")
    for wrong in ("paris@localhost", bob.bare, "elsewhere.example", "x@elsewhere.example", "a@b@c", "x@localhost/y"):
        assert (await town.ctl_result("invite", "new", wrong))[0] == 1, wrong
    assert (await town.ctl_result("invite", "new", "x@localhost", "--uses", "2"))[0] == 1


@story("XEP-0401 §5.4, §5.5", options=ON)
async def who_comes_by_an_administrators_invitation_is_his_contact(town):
    root = await administrator(town)
    asked = await executes(root, None, CREATE)
    assert set(fields_of(asked)) >= {"username", "roster-subscription"}, show(asked)
    made = await invites(root, CREATE, username="rosaline", **{"roster__subscription": "true"}, groups=["Verona"])
    assert made["FORM_TYPE"] == "urn:xmpp:invite#invitation" and made["expire"].endswith("Z"), made
    assert re.fullmatch(r"xmpp:rosaline@localhost\?register;preauth=[a-z2-7]{32}", made["uri"]), made
    rosaline = await (await comes(town, token_of(made["uri"]), "rosaline")).device()
    push = await root.receives("iq", child=NS.ROSTER + "query", type_="set")
    [item] = push.iter(NS.ROSTER + "item")
    assert (item.get("jid"), item.get("subscription")) == (rosaline.bare, "both"), show(push)
    await root.receives("presence", from_=rosaline.full, type_=None)
    await rosaline.receives("presence", from_=root.full, type_=None)
    assert (await contacts_of(rosaline))[root.bare] == ("both", ["Verona"])
    assert (await contacts_of(root))[rosaline.bare] == ("both", ["Verona"])
    [record] = [one for one in await town.records(kind="admin", from_=root.bare) if one["reason"] == "invitation-made"][-1:]
    assert record["to"] == root.bare, record


@story("XEP-0401 §5.4: the forbidden twins", options=ON)
async def only_administrators_invite_to_make_accounts_and_nobody_gets_a_contact_against_his_will(town):
    root, [alice] = await administrator(town), await town.devices("alice")
    assert CREATE not in await items_of(alice) and {INVITE, CREATE} <= set(await items_of(root))
    expect_error(await alice.tries(command(CREATE), "set", "localhost"), "forbidden")
    made = await invites(root, CREATE, username="", **{"roster__subscription": "false"})
    assert re.fullmatch(r"xmpp:localhost\?register;preauth=[a-z2-7]{32}", made["uri"]), made
    peter = await (await comes(town, token_of(made["uri"]), "peter")).device()
    assert await contacts_of(peter) == {} and peter.bare not in await contacts_of(root)
    for name, condition in ((alice.account.name, "conflict"), ("a@b", "not-acceptable")):
        running = await executes(root, None, CREATE)
        payload = form(form_type=None, username=name)
        refused = await root.tries(command(CREATE, running.get("sessionid"), "complete", payload), "set", "localhost")
        expect_error(refused, condition)


@story("XEP-0401 §5.1", options={**ON, "invitations.by_people": True})
async def people_invite_people_who_have_no_account(town):
    [alice] = await town.devices("alice")
    made = await invites(alice)
    assert re.fullmatch(re.escape(f"xmpp:{alice.bare}?roster;preauth=") + "[a-z2-7]{32};ibr=y", made["uri"]), made
    nurse = await (await comes(town, token_of(made["uri"]), "nurse")).device()
    await alice.receives("presence", from_=nurse.full, type_=None)
    assert (await contacts_of(nurse))[alice.bare][0] == "both" == (await contacts_of(alice))[nurse.bare][0]


@story("XEP-0379 §3.3 to §3.6", options=ON)
async def who_shows_the_token_may_subscribe_and_is_asked_in_return(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    made = await invites(alice)
    assert re.fullmatch(re.escape(f"xmpp:{alice.bare}?roster;preauth=") + "[a-z2-7]{32}", made["uri"]), made
    token = token_of(made["uri"])
    stream = await town.stream().reaches_tls()
    expect_error(await shows(stream, token), "item-not-found")  # no account can be made with it
    await bob.sends(f"<presence type='subscribed' to='{alice.bare}'/>")
    await bob.sends(f"<presence type='subscribe' to='{alice.bare}'><preauth xmlns='urn:xmpp:pars:0' token='{token}'/></presence>")
    await bob.receives("presence", type_="subscribed", from_=alice.bare)
    await bob.receives("presence", from_=alice.full, type_=None)
    await alice.receives("presence", from_=bob.full, type_=None)
    await alice.receives_no("presence", before=saved_word_from(bob), type_="subscribe", from_=bob.bare)
    assert (await contacts_of(alice))[bob.bare][0] == "both" == (await contacts_of(bob))[alice.bare][0]
    [record] = await town.records(kind="admin", to=alice.bare, reason="invitation-used")
    assert record["from"] == bob.bare, record
    # Once is once: the next one asks as everybody does, and the inviter's clients see the token (§4.1).
    await carol.sends(f"<presence type='subscribe' to='{alice.bare}'><preauth xmlns='urn:xmpp:pars:0' token='{token}'/></presence>")
    asked = await alice.receives("presence", type_="subscribe", from_=carol.bare)
    assert asked.find(PARS + "preauth").get("token") == token, show(asked)
    await carol.receives_no("presence", before=saved_word_from(alice), type_="subscribed", from_=alice.bare)


@story("XEP-0379 §4.1: the forbidden twins", options=ON)
async def a_token_of_somebody_else_or_nobody_counts_for_nothing(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    token = token_of((await invites(carol))["uri"])
    for wrong in (token, "nonsense", "a" * 32, ""):
        await bob.sends(f"<presence type='subscribe' to='{alice.bare}'><preauth xmlns='urn:xmpp:pars:0' token='{wrong}'/></presence>")
    await alice.receives("presence", type_="subscribe", from_=bob.bare)
    assert bob.bare not in await contacts_of(alice)
    await bob.sends(f"<presence type='subscribe' to='{carol.bare}'><preauth xmlns='urn:xmpp:pars:0' token='{token}'/></presence>")
    await bob.receives("presence", type_="subscribed", from_=carol.bare)  # nobody else has used it up


@story("valisectl invite", options=ON)
async def invitations_are_listed_and_taken_back(town):
    [alice] = await town.devices("alice")
    made = await is_invited(town, "localhost", "--inviter", alice.bare, "--uses", "2", "--days", "3", "--group", "Guests")
    [row] = [one for one in await town.ctl_json("invite", "list", "localhost") if one["id"] == made["id"]]
    assert (row["inviter"], row["uses"], row["used"], row["groups"], row["for"]) == (alice.bare, 2, 0, ["Guests"], "account"), row
    assert "preauth" not in str(row)
    await comes(town, token_of(made["uri"]), "gregory")
    await alice.receives("iq", child=NS.ROSTER + "query", type_="set")
    [row] = [one for one in await town.ctl_json("invite", "list") if one["id"] == made["id"]]
    assert row["used"] == 1, row
    out = await town.ctl("invite", "revoke", "localhost", made["id"])
    assert out == made["id"] + ": revoked\n", out
    expect_error(await shows(await town.stream().reaches_tls(), token_of(made["uri"])), "item-not-found")
    for wrong in (made["id"], "12", "zzzzzzzzzz"):
        assert (await town.ctl_result("invite", "revoke", "localhost", wrong))[0] == 1, wrong
    assert [record["reason"] for record in await town.records(kind="admin", to=alice.bare) if "invit" in record["reason"]] == \
        ["invitation-made", "invitation-revoked"]
    for days in ("0", "-1", "367"):
        status, _, err = await town.ctl_result("invite", "new", "localhost", "--days", days)
        assert status == 1 and "holds for 1 to 366 days" in err, err
    for uses in ("0", "1001"):
        status, _, err = await town.ctl_result("invite", "new", "localhost", "--uses", uses)
        assert status == 1 and "1 to 1,000 uses" in err, err
    text = await town.ctl("invite", "new", "localhost")
    assert text.startswith("xmpp:localhost?register;preauth=") and "invite revoke localhost" in text, text
    assert (await town.ctl("invite", "list")).startswith("ID "), "a table"


@story("invitations.of_an_account", options={**ON, "invitations.of_an_account": 2})
async def somebody_has_so_many_open_at_once(town):
    [alice] = await town.devices("alice")
    for _ in range(2):
        await invites(alice)
    expect_error(await alice.tries(command(INVITE), "set", "localhost"), "resource-constraint", "wait")


@story("docs/security.md §2: whose inviter has left", options={**ON, "invitations.by_people": True})
async def an_invitation_ends_with_its_inviter(town):
    [alice] = await town.devices("alice")
    token = token_of((await invites(alice))["uri"])

    async def states():
        return [one["state"] for one in await town.ctl_json("invite", "list") if one["inviter"] == alice.bare]
    assert await states() == ["open"]
    await town.ctl("user", "disable", alice.bare)
    assert await states() == ["inviter-disabled"] and "inviter-disabled" in await town.ctl("invite", "list")
    for inviter in (alice.bare, "nobody@localhost"):
        status, _, err = await town.ctl_result("invite", "new", "localhost", "--inviter", inviter)
        assert status == 1 and f"there is no account {inviter} that may invite" in err, err
    expect_error(await shows(await town.stream().reaches_tls(), token), "item-not-found")
    await town.ctl("user", "enable", alice.bare)
    assert (await shows(await town.stream().reaches_tls(), token)).get("type") == "result"
    await town.ctl("user", "delete", alice.bare)
    expect_error(await shows(await town.stream().reaches_tls(), token), "item-not-found")
    assert await states() == ["inviter-gone"]


@story("XEP-0379 §6.2: time and restarts", options=ON, alone=True)
async def what_has_run_out_is_over_and_what_is_open_outlives_kill_9(town):
    alice = await town.account("alice")
    late, good = await is_invited(town, "localhost"), await is_invited(town, "localhost", "--inviter", alice.bare, "--uses", "3")
    bob = await town.account("bob")
    await town.kill()
    expires = town.sql(f"SELECT value FROM account_data WHERE owner = 'localhost' AND name LIKE '{late['id']}%'")[0][0]
    changed = re.sub(r"expires=(['\"])\d+", r"expires=\g<1>1", expires).replace("'", "''")
    town.sql(f"UPDATE account_data SET value = '{changed}' WHERE owner = 'localhost' AND name LIKE '{late['id']}%'")
    # What a crash leaves between the account and its contact.
    [name] = [row[0] for row in town.sql(f"SELECT name FROM account_data WHERE owner = 'localhost' AND name LIKE '{good['id']}%'")]
    town.sql(f"UPDATE account_data SET name = name WHERE owner = 'localhost'")
    town.sql(f"INSERT INTO account_data (owner, kind, name, value) VALUES ('localhost', 7, '{name}/{bob.bare}', 'made')")
    await town.start()
    expect_error(await shows(await town.stream().reaches_tls(), token_of(late["uri"])), "item-not-found")
    samson = await (await comes(town, token_of(good["uri"]), "samson")).device()
    phone = await alice.device()
    await samson.receives("presence", from_=phone.full, type_=None)
    contacts = await contacts_of(phone)
    assert contacts[samson.bare][0] == "both" and contacts[bob.bare][0] == "both", contacts
    assert (await contacts_of(await bob.device()))[alice.bare][0] == "both"


@story("rules about new accounts", options=ON, policy="""
rule{ name = "no tybalts", match = Kind("registration") * function(m) return m.from == "tybalt@localhost" end, action = Deny{ "forbidden", fr = "Non.", en = "No." } }
""")
async def the_rules_are_asked_about_who_is_invited(town):
    token = token_of((await is_invited(town, "localhost"))["uri"])
    stream = await town.stream().reaches_tls()
    assert (await shows(stream, token)).get("type") == "result"
    expect_error(await registers(stream, "tybalt"), "forbidden")
    assert (await registers(stream, "sampson")).get("type") == "result", "and the invitation is still good"


run()
