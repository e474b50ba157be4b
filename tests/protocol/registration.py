"""XEP-0077: accounts that strangers make, and what their owners do with them; and what becomes of accounts that an
administrator disables or deletes."""

import asyncio

import _path  # noqa: F401
from harness import NS, Disconnected, Stream, ping, run, sealed, story, word_from
from harness.device import expect_error
from harness.stream import _is_answer, _tag, show

REGISTER = "{jabber:iq:register}"
OPEN = {"registration.enabled": True, "limits.registrations_per_hour": 1000}
NOT_MINE = {"registration.change_password": False, "registration.remove": False}
STAY = {"registration.password_ends_sessions": False}
PUBSUB = "http://jabber.org/protocol/pubsub"
NICK = "http://jabber.org/protocol/nick"


def register(inner=""):
    return f"<query xmlns='jabber:iq:register'>{inner}</query>"


def password(name, text):
    return register(f"<username>{name}</username><password>{text}</password>")


async def tries_before_login(stream, inner, kind="set", identity="r1"):
    await stream.sends(f"<iq type='{kind}' id='{identity}'>{register(inner)}</iq>")
    return await stream.wait_for(lambda event: _is_answer(event, identity), "an answer before log-in")


async def is_not_let_in(town, name, text, condition="not-authorized"):
    stream = await town.stream().reaches_tls()
    try:
        await stream.authenticates(name, text)
    except AssertionError as error:
        assert condition in str(error), error
        return
    raise AssertionError(f"{name} logged in")


async def is_let_in(town, name, text):
    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        await (await town.stream().reaches_tls()).authenticates(name, text, mechanism)


def subscription(roster, bare):
    item = next((item for item in roster.iter(NS.ROSTER + "item") if item.get("jid") == bare), None)
    return None if item is None else (item.get("subscription"), item.get("ask"))


async def roster_of(device):
    return await device.asks("<query xmlns='jabber:iq:roster'/>")


# ---- before log-in

@story("XEP-0077 §6, §3.1: off by default")
async def a_stranger_finds_no_registration(town):
    stream = await town.stream().reaches_tls()
    assert stream.features.find("{http://jabber.org/features/iq-register}register") is None
    await stream.sends(f"<iq type='get' id='r1'>{register()}</iq>")
    await stream.fails_with("not-authorized")


@story("XEP-0077 §3.1", options=OPEN)
async def a_stranger_makes_an_account_and_logs_in_on_the_same_stream(town):
    stream = town.stream()
    await stream.connect()
    await stream.opens()
    assert stream.features.find("{http://jabber.org/features/iq-register}register") is None, "offered in the clear"
    await stream.starts_tls()
    await stream.opens()
    assert stream.features.find("{http://jabber.org/features/iq-register}register") is not None
    answer = await tries_before_login(stream, "", "get", "r0")
    fields = [child.tag for child in answer[0]]
    assert fields == [REGISTER + name for name in ("instructions", "username", "password")], show(answer)
    answer = await tries_before_login(stream, "<username>bill</username><password>Calliope</password>")
    assert answer.get("type") == "result" and len(answer) == 0, show(answer)
    await stream.authenticates("bill", "Calliope")
    await is_let_in(town, "bill", "Calliope")
    [record] = await town.records(kind="admin", to="bill@localhost")
    assert record["reason"] == "registered" and record["source"], record


@story("XEP-0077 §3.1: what is refused", options=OPEN)
async def a_stranger_is_refused_what_is_taken_incomplete_or_not_his(town):
    bob = await town.account("bob")
    stream = await town.stream().reaches_tls()
    for inner, condition in ((f"<username>{bob.name}</username><password>m1crosoft</password>", "conflict"),
                             ("<username>carol</username>", "not-acceptable"),
                             ("<username>carol</username><password/>", "not-acceptable"),
                             ("<password>xyzzyxyzzy</password>", "not-acceptable"),
                             ("<username>a b</username><password>xyzzyxyzzy</password>", "not-acceptable"),
                             ("<remove/>", "registration-required")):
        expect_error(await tries_before_login(stream, inner), condition)
    await is_let_in(town, bob.name, bob.password)
    assert not await town.records(kind="admin", to="carol@localhost")


def text_of(answer):
    return answer.find(NS.CLIENT + "error").findtext(NS.STANZA_ERROR + "text")


@story("accounts.password_minimum", options=OPEN)
async def a_short_password_makes_no_account(town):
    stream = await town.stream().reaches_tls()
    form = await tries_before_login(stream, "", "get", "r0")
    assert "at least 8 characters" in form[0].findtext(REGISTER + "instructions"), show(form)
    for short in ("x", "1234567", "ééééééé"):
        answer = await tries_before_login(stream, f"<username>brief</username><password>{short}</password>")
        expect_error(answer, "not-acceptable", "modify")
        assert text_of(answer) == "Too short: a password has at least 8 characters here.", show(answer)
    assert not await town.records(kind="admin", to="brief@localhost")
    answer = await tries_before_login(stream, "<username>brief</username><password>12345678</password>")
    assert answer.get("type") == "result", show(answer)


@story("XEP-0077 §3.1.1", options={"registration.enabled": True, "limits.registrations_per_hour": 2})
async def a_network_makes_so_many_accounts_an_hour(town):
    stream = await town.stream().reaches_tls()
    for number in range(2):
        answer = await tries_before_login(stream, f"<username>many{number}</username><password>xyzzyxyzzy</password>")
        assert answer.get("type") == "result", show(answer)
    answer = await tries_before_login(stream, "<username>many2</username><password>xyzzyxyzzy</password>")
    expect_error(answer, "resource-constraint", "wait")


# ---- what is on file

@story("XEP-0077 §3.1, §8")
async def who_is_logged_in_reads_what_is_on_file(town):
    alice, bob = await town.devices("alice", "bob")
    for to in (None, "localhost", alice.bare):
        query = (await alice.asks(register(), to=to))[0]
        assert query.find(REGISTER + "registered") is not None and query.findtext(REGISTER + "username") == alice.account.name
        assert query.find(REGISTER + "password") is not None and not query.findtext(REGISTER + "password")
        assert query.findtext(REGISTER + "instructions"), show(query)
    await alice.is_refused("service-unavailable", register(), to=bob.bare)
    assert "jabber:iq:register" in await alice.features_of()


# ---- a new password

@story("XEP-0077 §3.3")
async def a_new_password_holds_for_every_mechanism_and_the_old_one_for_none(town):
    [alice] = await town.devices("alice")
    answer = await alice.sets(password(alice.account.name, "new sesame"), to="localhost")
    assert len(answer) == 0, show(answer)
    await is_let_in(town, alice.account.name, "new sesame")
    await is_not_let_in(town, alice.account.name, alice.account.password)
    await alice.sets(password(alice.account.name, "newer sesame"))  # without an address, too
    await is_let_in(town, alice.account.name, "newer sesame")
    records = [record for record in await town.records(kind="admin", to=alice.bare) if record["reason"] != "user-add"]
    assert [(record["reason"], record["from"], record["resource"]) for record in records] == \
        [("password-changed", alice.bare, alice.full.split("/")[1])] * 2, records
    assert b"sesame" not in town.stored_bytes(), "a password was written somewhere"


@story("accounts.password_minimum")
async def an_owner_is_told_in_his_language_that_his_new_password_is_short(town):
    alice = await (await town.account("alice")).device(lang="fr")
    answer = await alice.tries(password(alice.account.name, "1234567"), "set", "localhost")
    expect_error(answer, "not-acceptable", "modify")
    assert text_of(answer) == "Trop court : ici, un mot de passe a au moins 8 caractères.", show(answer)
    await is_let_in(town, alice.account.name, alice.account.password)
    await alice.sets(password(alice.account.name, "éééééééé"))


@story("XEP-0077 §3.3: durable when it is answered", alone=True)
async def a_new_password_that_was_answered_outlives_kill_9(town):
    [alice] = await town.devices("alice")
    await alice.sets(password(alice.account.name, "new sesame"))
    await town.kill()
    await town.start()
    await is_let_in(town, alice.account.name, "new sesame")
    await is_not_let_in(town, alice.account.name, alice.account.password)


@story("XEP-0077 §3.3: the forbidden twins")
async def a_password_is_refused_where_it_is_incomplete_unusable_or_somebody_elses(town):
    alice, bob = await town.devices("alice", "bob")
    name = alice.account.name
    for payload, condition, kind in (
            (register("<password>new</password>"), "bad-request", "modify"),
            (register(f"<username>{name}</username>"), "bad-request", "modify"),
            (password(name, ""), "bad-request", "modify"),
            (register(), "bad-request", "modify"),
            (password(bob.account.name, "stolen"), "forbidden", "auth"),
            (password("@", "stolen"), "forbidden", "auth"),
            (password(name, "x" * 1024), "not-acceptable", "modify"),
            (password(name, "a\u200eb\u0085"), "not-acceptable", "modify")):
        for to in (None, "localhost"):
            answer = await alice.tries(payload, "set", to)
            expect_error(answer, condition, kind)
            assert answer.find(REGISTER + "query") is None, "§3.3: what was sent is not repeated"
            code = answer.find(NS.CLIENT + "error").get("code")
            assert code == {"bad-request": "400", "forbidden": "403", "not-acceptable": "406"}[condition], show(answer)
    for to in (bob.bare, bob.full, "nobody@localhost"):
        await alice.is_refused("service-unavailable", password(bob.account.name, "stolen"), "set", to)
        await alice.is_refused("service-unavailable", register("<remove/>"), "set", to)
    for account in (alice.account, bob.account):
        await is_let_in(town, account.name, account.password)
    assert not [record for record in await town.records(kind="admin", to=bob.bare) if record["reason"] != "user-add"]


@story("XEP-0077: somebody else's account", options={'host["localhost"].sealed.mode': "off"})
async def an_open_host_refuses_what_is_sent_to_another_account(town):
    alice, bob = await town.devices("alice", "bob")
    for to in (bob.bare, "nobody@localhost"):
        for kind, inner in (("get", ""), ("set", "<remove/>"), ("set", f"<username>{bob.account.name}</username><password>xyzzyxyzzy</password>")):
            await alice.is_refused("service-unavailable", register(inner), kind, to)
    await bob.asks("<ping xmlns='urn:xmpp:ping'/>")
    await is_let_in(town, bob.account.name, bob.account.password)


@story("registration.password_ends_sessions")
async def a_new_password_ends_the_other_sessions_and_spares_the_one_that_set_it(town):
    alice, bob = await town.account("alice"), await town.account("bob")
    phone, stolen, other = await alice.device("phone"), await alice.device("stolen"), await bob.device()
    await phone.sets(password(alice.name, "new sesame"))
    await stolen.stream.fails_with("reset")  # RFC 6120 §4.9.3.16
    await phone.asks("<ping xmlns='urn:xmpp:ping'/>")
    await other.asks("<ping xmlns='urn:xmpp:ping'/>")
    await town.ctl("user", "passwd", alice.bare, stdin="newest sesame\n")  # an administrator's, too
    await phone.stream.fails_with("reset")
    await other.asks("<ping xmlns='urn:xmpp:ping'/>")
    assert len(await town.records(kind="logout", from_=alice.bare)) == 2


@story("registration.password_ends_sessions = false", options=STAY)
async def where_it_is_configured_so_sessions_outlive_the_password(town):
    alice = await town.account("alice")
    phone, laptop = await alice.device("phone"), await alice.device("laptop")
    await phone.sets(password(alice.name, "new sesame"))
    await town.ctl("user", "passwd", alice.bare, stdin="newer sesame\n")
    for device in (phone, laptop):
        await device.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("registration.passwords_per_hour", options={"registration.passwords_per_hour": 2})
async def an_owner_changes_his_password_so_often_an_hour_and_once_at_a_time(town):
    alice, bob = await town.devices("alice", "bob")
    for number in (1, 2):
        await alice.sets(password(alice.account.name, f"sesame {number}"))
    await alice.is_refused("resource-constraint", password(alice.account.name, "sesame 3"), "set", type_="wait")
    await is_let_in(town, alice.account.name, "sesame 2")
    # In one piece: the second is there before the first can be done.
    await bob.sends("".join(f"<iq type='set' id='change-{n}'>{password(bob.account.name, f'sesame {n}')}</iq>" for n in (1, 2)))
    kinds = sorted([(await bob.receives("iq", id=f"change-{n}")).get("type") for n in (1, 2)])
    assert kinds == ["error", "result"], kinds


@story("XEP-0077 §3.2, §3.3: not-allowed", options=NOT_MINE)
async def a_host_may_keep_passwords_and_accounts_to_its_administrator(town):
    [alice] = await town.devices("alice")
    await alice.is_refused("not-allowed", password(alice.account.name, "new"), "set", type_="cancel")
    await alice.is_refused("not-allowed", register("<remove/>"), "set", type_="cancel")
    query = (await alice.asks(register()))[0]
    assert query.find(REGISTER + "registered") is not None and query.find(REGISTER + "password") is None, show(query)
    assert "jabber:iq:register" not in await alice.features_of()
    await is_let_in(town, alice.account.name, alice.account.password)


# ---- the end of an account

async def neighbours(town):
    """alice with every kind of contact: bob both ways, carol who sees her, dave whom she sees, erin who asked, frank whom
    she asked; each with a device."""
    alice, bob, carol, dave, erin, frank = await town.devices("alice", "bob", "carol", "dave", "erin", "frank")
    await alice.is_friends_with(bob)
    for asking, granting in ((carol, alice), (alice, dave)):
        await asking.sends(f"<presence type='subscribe' to='{granting.bare}'/>")
        await granting.receives("presence", type_="subscribe", from_=asking.bare)
        await granting.sends(f"<presence type='subscribed' to='{asking.bare}'/>")
        await asking.receives("presence", type_="subscribed", from_=granting.bare)
        await asking.receives("presence", from_=granting.full, type_=None)
    await erin.sends(f"<presence type='subscribe' to='{alice.bare}'/>")
    await alice.receives("presence", type_="subscribe", from_=erin.bare)
    await alice.sends(f"<presence type='subscribe' to='{frank.bare}'/>")
    await frank.receives("presence", type_="subscribe", from_=alice.bare)
    await alice.sets(f"<pubsub xmlns='{PUBSUB}'><publish node='{NICK}'><item id='current'><nick xmlns='{NICK}'>A</nick></item></publish></pubsub>")
    return alice, bob, carol, dave, erin, frank


async def see_her_go(town, alice, bob, carol, dave, erin, frank):
    """RFC 6121 §2.5.2, §3.2.3, §3.3.3 at each of her contacts; her presence goes first."""
    for device in (bob, carol):
        await device.receives("presence", type_="unavailable", from_=alice.full)
    for device, types in ((bob, ("unsubscribe", "unsubscribed")), (carol, ("unsubscribed",)), (dave, ("unsubscribe",)),
                          (erin, ("unsubscribed",)), (frank, ("unsubscribe",))):
        for type_ in types:
            await device.receives("presence", type_=type_, from_=alice.bare)
    for device, wanted in ((bob, "none"), (carol, "none"), (dave, None), (erin, "none")):
        if wanted:
            await device.receives("iq", type_="set", child=f"{NS.ROSTER}query/{NS.ROSTER}item[@jid='{alice.bare}'][@subscription='none']")
    for device in (bob, carol, dave, erin, frank):
        assert subscription(await roster_of(device), alice.bare) in (None, ("none", None)), device.full
        assert not device.stream.waiting(lambda event: event_is_presence(event, alice)), "told more than once"
    assert not town.sql(f"SELECT owner FROM roster WHERE jid = '{alice.bare}' AND (subscription <> 0 OR ask <> 0 OR pending_in <> '')")


def event_is_presence(event, alice):
    return _tag(event) == NS.CLIENT + "presence" and (event.get("from") or "").startswith(alice.bare)


async def is_as_if_she_had_never_been(town, name, bare, bob):
    """Everything that names her answers like a name that nobody has; nobody gets the name again."""
    assert not town.rows_of(bare) and town.sql(f"SELECT state FROM account WHERE localpart = '{name}'") == [("2",)]
    for jid in (bare, "nobody@localhost"):
        await bob.sends(f"<message to='{jid}' id='late-{jid}' type='chat'>{sealed()}</message>")
        await bob.gets_error("message", f"late-{jid}", "service-unavailable", "cancel")
        await bob.is_refused("service-unavailable", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=jid)
        await bob.sends(f"<presence type='subscribe' to='{jid}'/>")
    await bob.asks("<ping xmlns='urn:xmpp:ping'/>")
    assert not town.rows_of(bare), "a request was kept for her"
    await is_not_let_in(town, name, f"sesame {name}")
    status, _, err = await town.ctl_result("user", "add", bare, stdin="once again\n")
    assert status == 1 and "rests" in err, err


@story("XEP-0077 §3.2, RFC 6121 §2.5.2", options=OPEN)
async def who_removes_his_account_is_gone_for_himself_and_for_everybody(town):
    alice, *others = await neighbours(town)
    tablet = await alice.account.device("tablet", present=False)
    away = await town.account("away")
    await alice.sends(f"<message to='{away.bare}' id='m1' type='chat'>{sealed()}</message>")
    answer = await alice.sets(register("<remove/>"))
    assert len(answer) == 0
    for device in (alice, tablet):
        await device.stream.fails_with("not-authorized")
    await see_her_go(town, alice, *others)
    while town.sql(f"SELECT state FROM account WHERE localpart = '{alice.account.name}'") == [("3",)]:
        await others[0].asks("<ping xmlns='urn:xmpp:ping'/>")
    await is_as_if_she_had_never_been(town, alice.account.name, alice.bare, others[0])
    stream = await town.stream().reaches_tls()
    expect_error(await tries_before_login(stream, f"<username>{alice.account.name}</username><password>xyzzyxyzzy</password>"), "conflict")
    records = [r for r in await town.records(kind="admin", to=alice.bare) if r["reason"] != "user-add"]
    assert [(r["reason"], r["from"]) for r in records] == [("removed", alice.bare)], records
    waiting = await away.device()  # what she sent is its recipient's
    await waiting.receives("message", id="m1", from_=alice.full)


@story("valisectl user delete, RFC 6121 §2.5.2")
async def a_deletion_by_the_administrator_tells_the_contacts_too(town):
    alice, *others = await neighbours(town)
    await town.ctl("user", "delete", alice.bare)
    assert not town.rows_of(alice.bare), "wiped when it is answered"
    await alice.stream.fails_with("not-authorized")
    await see_her_go(town, alice, *others)
    await is_as_if_she_had_never_been(town, alice.account.name, alice.bare, others[0])
    assert [r["reason"] for r in await town.records(kind="admin", to=alice.bare)] == ["user-add", "user-delete"]


@story("XEP-0077 §3.2: the forbidden twins")
async def a_removal_stands_alone(town):
    [alice] = await town.devices("alice")
    for inner in (f"<remove/><username>{alice.account.name}</username>", "<username>x</username><remove/>", "<remove/>now", "<remove/><remove/>"):
        await alice.is_refused("bad-request", register(inner), "set", type_="modify")
    await alice.is_refused("service-unavailable", register("<remove/>"), "set", to="nobody@localhost")
    await is_let_in(town, alice.account.name, alice.account.password)


@story("XEP-0077 §3.2: contacts who are away")
async def contacts_who_are_away_find_the_subscription_gone(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    account = bob.account
    await bob.leaves()
    await alice.sets(register("<remove/>"))
    await alice.stream.fails_with("not-authorized")
    while town.sql(f"SELECT subscription FROM roster WHERE owner = '{account.bare}'") != [("0",)]:
        await asyncio.sleep(0.01)  # nobody is told of it
    bob = await account.device()
    assert subscription(await roster_of(bob), alice.bare) == ("none", None)
    await bob.receives_no("presence", before=ping, from_=alice.bare)


@story("XEP-0077 §3.2: a server that is killed in the middle", alone=True)
async def a_removal_that_was_begun_is_ended_by_the_next_start(town):
    """The account stands where the first step leaves it; what its contacts hold was not touched."""
    alice, *others = await neighbours(town)
    name, bob = alice.account.name, others[0].account
    await town.kill()
    town.sql(f"UPDATE account SET state = 3 WHERE localpart = '{name}'")
    await town.start()
    await is_not_let_in(town, name, alice.account.password)
    while town.sql(f"SELECT state FROM account WHERE localpart = '{name}'") != [("2",)]:
        await asyncio.sleep(0.01)  # nobody is told of it
    assert not town.sql(f"SELECT owner FROM roster WHERE jid = '{alice.bare}' AND (subscription <> 0 OR ask <> 0 OR pending_in <> '')")
    bob = await bob.device()
    assert subscription(await roster_of(bob), alice.bare) == ("none", None)
    await is_as_if_she_had_never_been(town, name, alice.bare, bob)
    await town.audit_is_sound()


@story("XEP-0077 §3.2: two removals at once", alone=True)
async def an_account_is_removed_once(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    async with town.store_is_paused():
        first = asyncio.create_task(town.ctl_result("user", "delete", alice.bare))
        await town.waits_for_the_store(1)
        await alice.sends(f"<iq type='set' id='remove'>{register('<remove/>')}</iq>")
        await town.waits_for_the_store(2)
    status, _, err = await first
    assert status == 0, err
    answer = await alice.stream.wait_for(lambda event: _is_answer(event, "remove") or isinstance(event, Disconnected), "an end")
    if not isinstance(answer, Disconnected):
        expect_error(answer, "registration-required")
    await bob.receives("presence", type_="unsubscribed", from_=alice.bare)
    await bob.receives_no("presence", before=ping, type_="unsubscribed", from_=alice.bare)
    assert not town.rows_of(alice.bare)


# ---- accounts that are disabled

@story("RFC 6120 §6.5.1, RFC 6121 §8.5.1: disabled")
async def a_disabled_account_is_closed_to_its_owner_and_to_others_and_comes_back_as_it_was(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await town.ctl("user", "disable", alice.bare)
    await alice.stream.fails_with("not-authorized")
    await bob.receives("presence", type_="unavailable", from_=alice.full)
    stream = await town.stream().reaches_tls()
    await is_not_let_in(town, alice.account.name, "wrong", "not-authorized")  # a stranger learns nothing
    await is_not_let_in(town, alice.account.name, alice.account.password, "account-disabled")
    await bob.sends(f"<message to='{alice.bare}' id='m1' type='chat'>{sealed()}</message>")
    await bob.gets_error("message", "m1", "service-unavailable", "cancel")
    await bob.sends(f"<message to='{alice.full}' id='m2' type='chat'>{sealed()}</message>")
    await bob.gets_error("message", "m2", "service-unavailable", "cancel")
    await bob.is_refused("service-unavailable", "<ping xmlns='urn:xmpp:ping'/>", to=alice.full)
    assert subscription(await roster_of(bob), alice.bare) == ("both", None), "disabling cancels nothing"
    await town.ctl("user", "enable", alice.bare)
    alice = await alice.account.device()
    await bob.receives("presence", from_=alice.full, type_=None)
    await alice.receives_no("message", before=word_from(bob), id="m1")
    assert isinstance(stream, Stream)


run()
