"""XEP-0484: a token for a password; and XEP-0494: whose clients these are, and no longer."""

import base64

import _path  # noqa: F401
from harness import NS, ping, run, story
from harness.device import expect_error
from harness.exporter import connect_with_exporter
from harness.sasl2 import (XMLNS, agent, answer, arrives, authenticates, bind, device, fails_with, identifier, new_agent,
                           token_message, token_of, token_request, uses_token)

NONE = "HT-SHA-256-NONE"
CAM = "{urn:xmpp:cam:0}"
LIST = "<list xmlns='urn:xmpp:cam:0'/>"
ALWAYS = {"clients.token_rotation": 0}
SHORT = {"clients.token_lifetime": 60}


def wants(mechanism=NONE):
    return f"<request-token xmlns='urn:xmpp:fast:0' mechanism='{mechanism}'/>"


async def enrolled(town, name="alice", mechanism=NONE):
    """An account, a client's id and its token."""
    account, identity = await town.account(name), new_agent()
    stream = await town.stream().reaches_tls()
    success = await authenticates(stream, account.name, account.password, agent(identity) + wants(mechanism))
    return account, identity, token_of(success)


async def tries(town, source=None, *arguments, **how):
    stream = await town.stream().reaches_tls(source=source)
    await stream.sends(token_request(*arguments, **how))
    return stream


async def comes_back(town, account, identity, token, **how):
    stream = await town.stream().reaches_tls()
    return stream, await uses_token(stream, account.name, token, identity, **how)


@story("XEP-0484 §3.1")
async def the_mechanisms_are_offered_inside_and_not_beside_the_others(town):
    stream = await town.stream().reaches_tls()
    authentication = stream.features.find(NS.SASL2 + "authentication")
    fast = authentication.find(f"{NS.SASL2}inline/{NS.FAST}fast")
    assert fast.get("tls-0rtt") is None
    assert [one.text for one in fast] == ["HT-SHA-256-EXPR", "HT-SHA-256-ENDP", NONE]
    assert not [one for one in authentication.findall(NS.SASL2 + "mechanism") if one.text.startswith("HT-")]


@story("XEP-0484 §3.1", options={"clients.tokens": False})
async def where_none_are_given_none_are_offered(town):
    stream = await town.stream().reaches_tls()
    assert not list(stream.features.iter(NS.FAST + "fast"))
    alice = await town.account("alice")
    await stream.sends(f"<authenticate {XMLNS} mechanism='SCRAM-SHA-256'>{agent(new_agent())}{wants()}</authenticate>")
    await fails_with(stream, "malformed-request")
    await stream.sends(token_request(alice.name, "x", new_agent()))
    await fails_with(stream, "invalid-mechanism")


@story("XEP-0484 §3.3, §3.4")
async def a_token_logs_in_in_one_round_trip_and_binds(town):
    alice, identity, token = await enrolled(town)
    stream, success = await comes_back(town, alice, identity, token, inner=bind("Phone"))
    assert identifier(success).startswith(alice.bare + "/Phone/")
    assert token_of(success) is None  # it is young
    await ping(await arrives(stream, alice, success))
    await comes_back(town, alice, identity, token)


@story("XEP-0484 §3.3")
async def it_says_until_when(town):
    alice, identity = await town.account("alice"), new_agent()
    stream = await town.stream().reaches_tls()
    success = await authenticates(stream, alice.name, alice.password, agent(identity) + wants())
    assert success.find(NS.FAST + "token").get("expiry").endswith("Z")
    assert len(base64.b64decode(token_of(success))) * 8 >= 128


@story("XEP-0484 §3.4: channel binding")
async def a_token_for_channel_binding_works_with_it(town):
    alice, identity, token = await enrolled(town, mechanism="HT-SHA-256-EXPR")
    stream, binding = await connect_with_exporter(town)
    await uses_token(stream, alice.name, token, identity, mechanism="HT-SHA-256-EXPR", binding=binding)


@story("XEP-0484 §3.4: channel binding of another connection")
async def and_not_with_that_of_another_connection(town):
    alice, identity, token = await enrolled(town, mechanism="HT-SHA-256-EXPR")
    stream, _ = await connect_with_exporter(town, source="127.4.0.12")
    await stream.sends(token_request(alice.name, token, identity, mechanism="HT-SHA-256-EXPR", binding=b"x" * 32))
    await fails_with(stream, "not-authorized")


@story("XEP-0484 §3.4: tokens are bound to their mechanism")
async def a_token_for_channel_binding_does_not_work_without(town):
    alice, identity, token = await enrolled(town, mechanism="HT-SHA-256-EXPR")
    stream = await tries(town, "127.4.0.1", alice.name, token, identity)
    await fails_with(stream, "not-authorized")


@story("XEP-0484 §4.1")
async def a_token_of_another_device_of_another_account_or_of_nobody_is_not_authorized(town):
    alice, identity, token = await enrolled(town)
    bob, his, _ = await enrolled(town, "bob")
    for number, (name, what, whose) in enumerate((
            (alice.name, token, new_agent()), (alice.name, token, his), (bob.name, token, his), (bob.name, token, identity),
            ("nobody", token, identity), (alice.name, token[:-4] + "AAA=", identity), (alice.name, "", identity))):
        stream = await tries(town, f"127.4.1.{number + 1}", name, what, whose)
        await fails_with(stream, "not-authorized")
    await comes_back(town, alice, identity, token)


@story("XEP-0484 §3.4, §4.1: what must stand beside")
async def without_fast_or_an_id_it_is_no_attempt(town):
    alice, identity, token = await enrolled(town)
    stream = await town.stream().reaches_tls()
    message = token_message(alice.name, token)
    await stream.sends(f"<authenticate {XMLNS} mechanism='{NONE}'><initial-response>{message}</initial-response>"
                       f"{agent(identity)}</authenticate>")
    await fails_with(stream, "invalid-mechanism")
    await stream.sends(token_request(alice.name, token, None))
    await fails_with(stream, "malformed-request")
    for count in ("0", "-1", "x", ""):
        await stream.sends(token_request(alice.name, token, identity, fast=f"count='{count}'"))
        await fails_with(stream, "malformed-request")
        stream = await town.stream().reaches_tls()


@story("XEP-0484 §3.4: replay")
async def a_count_works_once(town):
    alice, identity, token = await enrolled(town)
    await comes_back(town, alice, identity, token, fast="count='7'")
    for count in (7, 6):
        stream = await tries(town, "127.4.0.2", alice.name, token, identity, fast=f"count='{count}'")
        await fails_with(stream, "not-authorized")
    await comes_back(town, alice, identity, token, fast="count='8'")
    await town.restart()
    stream = await tries(town, "127.4.0.3", alice.name, token, identity, fast="count='8'")
    await fails_with(stream, "not-authorized")


@story("XEP-0484 §3.5", options=ALWAYS)
async def a_new_token_replaces_the_old_one_when_it_is_used_and_not_before(town):
    alice, identity, first = await enrolled(town)
    _, success = await comes_back(town, alice, identity, first)
    unused = token_of(success)
    assert unused and unused != first
    _, success = await comes_back(town, alice, identity, first)  # the answer was lost
    second = token_of(success)
    stream = await tries(town, "127.4.0.4", alice.name, unused, identity)  # given again: what was not used is void
    await fails_with(stream, "not-authorized")
    await comes_back(town, alice, identity, second)
    stream = await tries(town, "127.4.0.5", alice.name, first, identity)
    await fails_with(stream, "not-authorized")


@story("XEP-0484 §3.6", options=ALWAYS)
async def a_token_that_is_invalidated_works_no_more_and_no_other_is_given(town):
    alice, identity, token = await enrolled(town)
    _, success = await comes_back(town, alice, identity, token, fast="invalidate='true'")
    assert token_of(success) is None
    stream = await tries(town, "127.4.0.6", alice.name, token, identity)
    await fails_with(stream, "not-authorized")


@story("XEP-0484 §3.6")
async def unless_it_is_asked_for(town):
    alice, identity, token = await enrolled(town)
    _, success = await comes_back(town, alice, identity, token, inner=wants(), fast="invalidate='1'")
    assert token_of(success) not in (None, token)
    await comes_back(town, alice, identity, token_of(success))


@story("XEP-0484 §4.2: a new password")
async def a_new_password_ends_all_tokens(town):
    alice, identity, token = await enrolled(town)
    await town.ctl("user", "passwd", alice.bare, stdin="another one\n")
    stream = await tries(town, "127.4.0.7", alice.name, token, identity)
    await fails_with(stream, "not-authorized")


@story("XEP-0484 §4.2: disabled and removed accounts")
async def a_disabled_account_is_told_so_and_a_removed_one_is_nobody(town):
    alice, identity, token = await enrolled(town)
    await town.ctl("user", "disable", alice.bare)
    stream = await tries(town, "127.4.0.8", alice.name, token, identity)
    await fails_with(stream, "account-disabled")
    await town.ctl("user", "delete", alice.bare)
    stream = await tries(town, "127.4.0.9", alice.name, token, identity)
    await fails_with(stream, "not-authorized")


@story("XEP-0484: it survives the server")
async def a_token_works_behind_a_restart_and_the_store_does_not_hold_it(town):
    alice, identity, token = await enrolled(town)
    await town.restart()
    await comes_back(town, alice, identity, token)
    assert token not in str(town.sql(f"SELECT value FROM account_data WHERE name = '{identity}'"))


@story("XEP-0484, XEP-0198 §9.2")
async def a_token_resumes_a_session_in_one_round_trip(town):
    alice, identity, token = await enrolled(town)
    phone = await device(town, alice, identity, inner="<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    sm = phone.success.find("{urn:xmpp:bind:0}bound/{urn:xmpp:sm:3}enabled").get("id")
    await phone.drops()
    _, success = await comes_back(town, alice, identity, token,
                                  inner=f"<resume xmlns='urn:xmpp:sm:3' h='1' previd='{sm}'/>" + bind())
    assert success.find("{urn:xmpp:sm:3}resumed") is not None and identifier(success) == phone.full


# ---- XEP-0494


def clients(answer_):
    return list(answer_.find(CAM + "clients"))


def methods(client):
    return [one.tag.split("}")[1] for one in client.find(CAM + "auth")]


@story("XEP-0494 §3.1")
async def an_owner_sees_his_clients(town):
    alice, identity, token = await enrolled(town)
    stream, success = await comes_back(town, alice, identity, token, inner=bind())
    phone = await arrives(stream, alice, success)
    old = await alice.device()
    one, other = clients(await old.asks(LIST))
    assert one.get("connected") == "true" and one.get("type") == "session" and methods(one) == ["password", "fast"]
    assert one.find(CAM + "permission").get("status") == "unrestricted"
    assert one.findtext(f"{CAM}user-agent/{CAM}software") == "Storyteller"
    assert one.findtext(f"{CAM}user-agent/{CAM}device") == "Phone"
    assert one.findtext(CAM + "first-seen") <= one.findtext(CAM + "last-seen")
    assert methods(other) == ["password"] and identity not in one.get("id")
    await phone.leaves()
    (one, _) = clients(await old.asks(LIST))
    assert one.get("connected") == "false"


async def line_of(town, account):
    (line,) = await town.ctl_json("client", "list", account.bare)
    return line


async def is_cut(town, phone):
    await phone.drops()
    while [one for one in await town.ctl_json("session", "list") if one["jid"] == phone.full and one["connected"]]:
        pass


@story("XEP-0494 §3.1: who is here, who was cut, who is not")
async def a_client_that_was_cut_is_not_connected_and_was_here_until_then(town):
    alice, identity = await town.account("alice"), new_agent()
    phone = await device(town, alice, identity, inner="<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    (session,) = [one for one in await town.ctl_json("session", "list") if one["jid"] == phone.full]
    here = await line_of(town, alice)
    assert (here["state"], here["connected"], here["last"]) == ("connected", True, here["first"])  # no time passes by itself
    assert here["resource"] == [phone.full.split("/", 1)[1]] and here["address"] == [session["address"]]
    await is_cut(town, phone)
    cut = await line_of(town, alice)
    assert (cut["state"], cut["connected"], cut["resource"]) == ("cut", True, here["resource"])
    assert cut["first"] == here["first"] and cut["last"] > here["last"]
    laptop = await alice.device()
    (one, _) = clients(await laptop.asks(LIST))
    assert one.get("connected") == "true"  # §3.1: what may yet be resumed is
    assert one.findtext(CAM + "last-seen")[:19] == cut["last"][:19]
    await laptop.leaves()
    table = (await town.ctl("client", "list", alice.bare)).splitlines()
    assert table[0].split() == ["ID", "STATE", "RESOURCE", "ADDRESS", "PASSWORD", "TOKEN", "CERTIFICATE", "SOFTWARE", "DEVICE",
                                "FIRST", "LAST"]
    assert table[1].split()[1:4] == ["cut", *here["resource"], *here["address"]], table
    await town.ctl("session", "kick", phone.full)
    away = await line_of(town, alice)
    assert (away["state"], away["connected"], away["resource"], away["address"]) == ("away", False, [], [])
    assert away["last"] == cut["last"]


@story("XEP-0494 §3.1: sessions of a client that has not said which it is")
async def so_is_a_session_alone(town):
    alice = await (await town.account("alice")).device()
    await alice.stream.sends("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    await alice.stream.wait_for(lambda event: getattr(event, "tag", "") == "{urn:xmpp:sm:3}enabled", "enabled")
    here = await line_of(town, alice.account)
    assert (here["state"], here["last"]) == ("connected", here["first"])
    await is_cut(town, alice)
    cut = await line_of(town, alice.account)
    assert cut["state"] == "cut" and cut["last"] > here["last"] and cut["first"] == here["first"]


@story("XEP-0388 §2.3: a client may leave out what it calls itself")
async def what_it_said_before_stays(town):
    alice, identity, token = await enrolled(town)
    await comes_back(town, alice, identity, token, names={"software": None, "device": None})
    line = await line_of(town, alice)
    assert (line["software"], line["device"]) == ("Storyteller", "Phone")
    await comes_back(town, alice, identity, token, names={"software": None, "device": "Tablet"})
    line = await line_of(town, alice)
    assert (line["software"], line["device"]) == ("Storyteller", "Tablet")


@story("XEP-0494 §5")
async def nobody_else_sees_or_revokes_them(town):
    alice, identity, token = await enrolled(town)
    mallory = await (await town.account("mallory")).device()
    await mallory.is_refused("service-unavailable", LIST, to=alice.bare)
    (line,) = await town.ctl_json("client", "list", alice.bare)
    await mallory.is_refused("service-unavailable", f"<revoke xmlns='urn:xmpp:cam:0' id='{line['id']}'/>", "set", alice.bare)
    await mallory.is_refused("item-not-found", f"<revoke xmlns='urn:xmpp:cam:0' id='{line['id']}'/>", "set")
    await comes_back(town, alice, identity, token)


@story("XEP-0494 §3.2")
async def who_is_revoked_loses_session_and_token_and_what_the_password_still_opens_is_said(town):
    alice, identity, token = await enrolled(town)
    stream, success = await comes_back(town, alice, identity, token, inner=bind())
    phone = await arrives(stream, alice, success)
    laptop = await alice.device()
    wanted = next(one for one in clients(await laptop.asks(LIST)) if "fast" in methods(one))
    refused = await laptop.tries(f"<revoke xmlns='urn:xmpp:cam:0' id='{wanted.get('id')}'/>", "set")
    expect_error(refused, "service-unavailable", "cancel")
    assert refused.find(f"{NS.CLIENT}error/{CAM}password-reset-required") is not None
    await phone.stream.fails_with("not-authorized")
    stream = await tries(town, "127.4.0.10", alice.name, token, identity)
    await fails_with(stream, "not-authorized")
    assert await town.records(reason="client-revoked")


@story("XEP-0494 §3.2")
async def what_is_not_there_can_not_be_revoked(town):
    alice = await (await town.account("alice")).device()
    await alice.is_refused("item-not-found", "<revoke xmlns='urn:xmpp:cam:0' id='x'/>", "set", type_="cancel")
    await alice.is_refused("bad-request", "<revoke xmlns='urn:xmpp:cam:0'/>", "set", type_="modify")


@story("valisectl client")
async def an_administrator_sees_and_revokes_them_too(town):
    alice, identity, token = await enrolled(town)
    (line,) = await town.ctl_json("client", "list", alice.bare)
    assert line["token"] and line["password"] and not line["connected"]
    answer_ = await town.ctl_json("client", "revoke", alice.bare, line["id"])
    assert answer_["password_known"] is True
    stream = await tries(town, "127.4.0.11", alice.name, token, identity)
    await fails_with(stream, "not-authorized")
    (line,) = await town.ctl_json("client", "list", alice.bare)
    assert not line["token"]


@story("XEP-0494 §6", options={"clients.names": False, "clients.max": 2})
async def a_deployment_decides_what_is_kept(town):
    alice = await town.account("alice")
    for _ in range(4):
        stream = await town.stream().reaches_tls()
        await authenticates(stream, alice.name, alice.password, agent(new_agent()))
    lines = await town.ctl_json("client", "list", alice.bare)
    assert len(lines) == 2 and not any(line["software"] or line["device"] for line in lines)


run()
