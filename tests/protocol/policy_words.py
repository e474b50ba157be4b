"""The newer words of the policies' language, each on a running server: relations, events, groups, what is kept, what goes on."""

import asyncio

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, word_from
from harness.device import expect_error
from harness.scram import Scram
from harness.stream import show
from harness.town import PUBLISHED_DEVICES
from _commands import administrator
from _devices import KEYS, LAPTOP, PHONE, joins, listed
from _invitations import INVITE, ON


def message(to, identity, extra="", **how):
    return f"<message to='{to}' id='{identity}' type='chat'>{sealed(**how)}{extra}</message>"


SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
DEVICES = "eu.siacs.conversations.axolotl.devicelist"


def lists(*ids):
    devices = "".join(f"<device id='{one}'/>" for one in ids)
    return (f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='{DEVICES}'><item id='current'>"
            f"<list xmlns='eu.siacs.conversations.axolotl'>{devices}</list></item></publish></pubsub>")


@story("policy: relations, of the sender and of the recipient", policy="""
rule{ name = "strangers", match = Kind("message") * Direction("out") * From("shy*@localhost") * -Contact(), action = Deny("forbidden") }
rule{ name = "from strangers", match = Kind("message") * Direction("in") * To("shy*@localhost") * -Subscription{ "from", "both" },
      action = Deny("not-acceptable") }
rule{ name = "local", match = Kind("message") * Local("to") * To("nowhere@localhost") * -Administrator("from"), action = Drop() }
""")
async def a_rule_about_contacts_holds_for_what_one_sends_and_gets(town):
    shy, bob = await town.devices("shy", "bob")
    await shy.sends(message(bob.bare, "r1"))
    await shy.gets_error("message", "r1", "forbidden")
    await bob.sends(message(shy.bare, "r2"))
    await bob.gets_error("message", "r2", "not-acceptable")
    await bob.is_friends_with(shy)
    await shy.sends(message(bob.bare, "r3"))
    await bob.receives("message", id="r3")
    await bob.sends(message(shy.bare, "r4"))
    await shy.receives("message", id="r4")


@story("policy: Kind(\"subscription\"), Kind(\"device\")", policy="""
rule{ name = "no asking", match = Kind("subscription") * Type("subscribe") * From("eager*@localhost"), action = Deny("not-allowed") }
rule{ name = "one device at a time", match = Kind("device") * NewDevices(">", 1), action = Deny("policy-violation") }
rule{ name = "three at most", match = Kind("publish") * Devices(">", 3), action = Deny("resource-constraint") }
""")
async def subscriptions_and_device_lists_are_events_of_their_own(town):
    eager, bob = await town.devices("eager", "bob")
    await eager.sends(f"<presence type='subscribe' id='s1' to='{bob.bare}'/>")
    expect_error(await eager.receives("presence", id="s1", type_="error"), "not-allowed", "cancel")
    await eager.sends(f"<presence id='p1' to='{bob.full}'/>")
    await bob.receives("presence", id="p1")
    await bob.sets(lists(1))
    await bob.is_refused("policy-violation", lists(1, 2, 3), kind="set")
    await bob.sets(lists(1, 2))
    await bob.sets(lists(1, 2, 3))
    await bob.is_refused("resource-constraint", lists(1, 2, 3, 4), kind="set")
    hits = {row["name"]: row["hits"] for row in await town.ctl_json("policy", "list")}
    assert hits == {"no asking": 1, "one device at a time": 1, "three at most": 1}, hits


@story("policy: Kind(\"invitation\")", options=ON, policy="""
rule{ name = "guests invite nobody", match = Kind("invitation") * From("guest*@localhost") * Uses("==", 1), action = Deny("forbidden") }
""")
async def an_invitation_may_be_denied(town):
    guest = await (await town.account("guest")).device()
    command = f"<command xmlns='http://jabber.org/protocol/commands' node='{INVITE}' action='execute'/>"
    await guest.is_refused("forbidden", command, kind="set", to="localhost")
    [record] = await town.records(kind="denied", from_=guest.bare)
    assert record["rule"] == "guests invite nobody", record


@story("policy: Redirect", policy="""
rule{ name = "on leave", match = Kind("message") * To("minister*@localhost") * Sealed(),
      action = Redirect{ "Zoë@localhost", fr = "Écrivez à son cabinet.", en = "Write to the cabinet." } }
""")
async def a_sender_is_told_whom_to_write_to(town):
    clerk, minister = await town.devices("clerk", "minister")
    await clerk.sends(message(minister.bare, "v1"))
    error = await clerk.gets_error("message", "v1", "redirect")
    assert error.find(f".//{NS.STANZA_ERROR}redirect").text == "xmpp:zo%C3%AB@localhost", show(error)
    assert error.find(f".//{NS.STANZA_ERROR}text").text == "Write to the cabinet.", show(error)
    [record] = await town.records(stanza="v1")
    assert (record["rule"], record["reason"]) == ("on leave", "policy"), record


@story("policy: Strip and Record", policy="""
rule{ name = "no receipts", match = Kind("message") * Direction("out") * Child("request", "urn:xmpp:receipts"),
      action = { Strip("request", "urn:xmpp:receipts"), Record("no-receipt") } }
""")
async def what_is_stripped_does_not_arrive_and_the_rest_does(town):
    alice, bob = await town.devices("alice", "bob")
    request = "<request xmlns='urn:xmpp:receipts'/>"
    await alice.sends(message(bob.bare, "x1", request + "<active xmlns='http://jabber.org/protocol/chatstates'/>"))
    arrived = await bob.receives("message", id="x1")
    names = [child.tag for child in arrived]
    assert "{urn:xmpp:receipts}request" not in names, show(arrived)
    assert "{eu.siacs.conversations.axolotl}encrypted" in names, show(arrived)
    assert "{http://jabber.org/protocol/chatstates}active" in names, show(arrived)
    [record] = await town.records(stanza="x1")
    assert record["kind"] == "message" and record["reason"] == "policy:no-receipt", record
    await alice.sends(message(bob.bare, "x2"))
    await bob.receives("message", id="x2")
    assert "reason" not in (await town.records(stanza="x2"))[0]


@story("policy: Disconnect and Notify", options={"commands.administrators": ["root@localhost"]}, policy="""
rule{ name = "out", match = Kind("message") * Direction("out") * To("trap*@localhost"),
      action = { Notify("Somebody fell into the trap."), Disconnect(), Deny("forbidden") } }
""")
async def a_session_ends_and_its_administrator_hears_of_it(town):
    root = await administrator(town)
    alice, trap = await town.devices("alice", "trap")
    await alice.sends(message(trap.bare, "t1"))
    told = await root.receives("message", from_="localhost")
    body = told.findtext(NS.CLIENT + "body")
    assert body.startswith("Somebody fell into the trap. (message: alice") and trap.bare in body, body
    await alice.gets_error("message", "t1", "forbidden")  # it still hears why
    await alice.stream.fails_with("policy-violation")


async def contacts_of(device):
    return {contact: item.get("subscription") for contact, item in (await device.roster()).items()}


@story("policy: Unsubscribe", policy="""
rule{ name = "left", match = Kind("message") * Direction("in") * To("bob*@localhost"), action = { Unsubscribe(), Drop() } }
""")
async def the_sender_no_longer_sees_the_recipient(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.is_friends_with(bob)
    await carol.sends(message(bob.bare, "u0"))  # of a stranger there is nothing to end
    await alice.sends(message(bob.bare, "u1"))
    # RFC 6121 §3.2.2: it sees him go, then that it lost the subscription; he sees it as before.
    await alice.receives("presence", type_="unavailable", from_=bob.full)
    await alice.receives("presence", type_="unsubscribed", from_=bob.bare)
    assert await contacts_of(alice) == {bob.bare: "from"} and await contacts_of(bob) == {alice.bare: "to"}
    await bob.receives_no("message", before=ping)
    [record] = await town.records(kind="presence", reason="subscription-ended")
    assert (record["from"], record["to"], record["type"]) == (bob.bare, alice.bare, "unsubscribed"), record
    assert record["rule"] == "left", record
    await alice.sends("<presence><show>away</show></presence>")
    await bob.receives("presence", from_=alice.full, type_=None)
    # It may ask again.
    await alice.sends(f"<presence type='subscribe' to='{bob.bare}'/>")
    await bob.receives("presence", type_="subscribe", from_=alice.bare)
    await bob.sends(f"<presence type='subscribed' to='{alice.bare}'/>")
    await alice.receives("presence", type_="subscribed", from_=bob.bare)
    await alice.sends(message(bob.bare, "u2"))
    await alice.receives("presence", type_="unsubscribed", from_=bob.bare)


@story("policy: Unsubscribe", policy="""
rule{ name = "no requests", match = Kind("subscription") * Type("subscribe") * To("shut*@localhost"), action = Unsubscribe() }
""")
async def a_request_that_waits_is_refused(town):
    alice, shut = await town.devices("alice", "shut")
    await alice.sends(f"<presence type='subscribe' to='{shut.bare}'/>")
    await alice.receives("presence", type_="unsubscribed", from_=shut.bare)
    assert await contacts_of(alice) == {shut.bare: "none"} and await contacts_of(shut) == {}


@story("policy: a rule that fails", options={"commands.administrators": ["root@localhost"]}, policy="""
rule{ name = "sound", match = Kind("message") * To("carol*@localhost"), action = Allow() }
rule{ name = "broken", match = Kind("message") * Direction("out") * To("bob*@localhost") * function(m) return nothing.there end, action = Allow() }
""")
async def its_administrators_hear_of_it_once(town):
    root = await administrator(town)
    alice, bob = await town.devices("alice", "bob")
    for number in range(3):
        await alice.sends(message(bob.bare, f"f{number}"))
        await alice.gets_error("message", f"f{number}", "policy-violation")
    told = await root.receives("message", from_="localhost")
    bodies = {body.get(NS.XML + "lang"): body.text for body in told.iter(NS.CLIENT + "body")}
    assert bodies["en"].startswith('The rule "broken" failed, what it was to decide is refused: '), bodies
    assert "policy.lua:3: " in bodies["en"] and "« broken »" in bodies["fr"], bodies
    await root.receives_no("message", before=ping, from_="localhost")


@story("policy: Kind(\"record\")", alone=True, options={"commands.administrators": ["root@localhost"], "shards": 1}, policy="""
local wrong = limiter{ name = "wrong", rate = 0.001, burst = 2 }
rule{ name = "guessing", match = Kind("record") * Type("login-failed") * Over(wrong, "ip"), action = Notify("Somebody guesses.") }
rule{ name = "all", match = Always() * Direction("out"), action = Log() }
rule{ name = "reports", match = Kind("record") * Type("denied") * Payload("policy"), action = Log() }
""")
async def what_goes_into_the_log_is_told_when_it_is_too_much(town):
    root = await administrator(town)
    alice = await town.account("alice")
    for _ in range(3):
        stream = town.stream()
        await stream.reaches_tls()
        scram = Scram("SCRAM-SHA-256", alice.name, "wrong")
        await stream.sends(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{scram.first()}</auth>")
        challenge = await stream.sasl_answer("challenge")
        await stream.sends(f"<response xmlns='{SASL}'>{scram.final(challenge.text)}</response>")
        await stream.sasl_fails_with("not-authorized")
    told = await root.receives("message", from_="localhost")
    body = told.findtext(NS.CLIENT + "body")
    assert body.startswith("Somebody guesses. (record: "), body
    hits = {row["name"]: row["hits"] for row in await town.ctl_json("policy", "list")}
    assert hits["guessing"] == 1 and hits["reports"] == 0, hits


@story("policy: RequireApproval", options=PUBLISHED_DEVICES, policy="""
rule{ name = "the minister's devices", match = Kind("publish") * From("minister*@localhost"), action = RequireApproval() }
""")
async def a_new_device_waits_where_a_rule_says_so(town):
    minister, bob = await town.devices("minister", "bob")
    await joins(bob, PHONE, KEYS[0])
    assert await listed(bob, bob.bare) == [PHONE], "no rule is about Bob"
    await joins(minister, PHONE, KEYS[1])
    assert await listed(minister, minister.bare) == []
    town.write_file(town.policy_file, "")
    status, out, err = await town.reload()
    assert status == 0, out + err
    await joins(minister, PHONE, KEYS[1])
    assert await listed(minister, minister.bare) == [], "it waits although the rule is gone"
    await town.ctl("omemo", "approve", minister.bare, str(PHONE))
    assert await listed(minister, minister.bare) == [PHONE]
    await joins(minister, LAPTOP, KEYS[2], PHONE)
    assert await listed(minister, minister.bare) == [PHONE, LAPTOP]


@story("policy: Limit", options={"shards": 2}, policy="""
rule{ name = "slow", match = Kind("session") * From("slow*@localhost"), action = Limit{ stanzas_per_s = 10, stanzas_burst = 10 } }
""")
async def a_session_is_read_as_slowly_as_a_rule_says(town):
    slow, bob = await town.devices("slow", "bob")
    for device in (slow, bob):
        began = asyncio.get_running_loop().time()
        for _ in range(40):
            await device.sends("<presence/>")
        await device.asks("<ping xmlns='urn:xmpp:ping'/>", to="localhost")
        device.took = asyncio.get_running_loop().time() - began
    # 30 above the burst, at 10 a second; the other has a burst of 500.
    assert slow.took > 2.5, slow.took


@story("policy: groups of files", alone=True)
async def a_file_that_is_gone_or_damaged_leaves_the_rules_in_force(town):
    alice, bob = await town.devices("alice", "bob")
    members = town.policy_file.parent / "members.txt"
    town.write_file(members, f"# those who may not write\n{alice.bare}\n")
    town.write_file(town.policy_file, "group{ name = 'mute', file = 'members.txt' }\n"
                    "rule{ name = 'mute', match = Kind('message') * FromGroup('mute'), action = Deny('forbidden') }\n")
    status, out, err = await town.reload()
    assert status == 0, out + err
    await alice.sends(message(bob.bare, "g1"))
    await alice.gets_error("message", "g1", "forbidden")
    town.write_file(members, f"{bob.bare}\ntwo words\n")
    status, out, err = await town.reload()
    assert status != 0 and "members.txt:2: one address or domain a line" in out + err, out + err
    members.unlink()
    status, out, err = await town.reload()
    assert status != 0 and "policy.lua:1: " in out + err and "members.txt: No such file" in out + err, out + err
    await alice.sends(message(bob.bare, "g2"))
    await alice.gets_error("message", "g2", "forbidden")
    town.write_file(members, f"{bob.bare}\n")
    status, out, err = await town.reload()
    assert status == 0, out + err
    await alice.sends(message(bob.bare, "g3"))
    await bob.receives("message", id="g3")


@story("policy: what a reload says of it", alone=True, options={"labels.catalogue": ["fr"]}, policy="""
local crisis = memory{ name = "crisis", durable = true }
rule{ name = "crisis", match = Kind("message") * Remembers(crisis, "all") * Label("secrte"), action = Drop() }
""")
async def a_label_that_is_misspelt_and_a_memory_that_is_gone_are_told(town):
    wrong = 'policy.lua:3: no host\'s labels.catalogue has a label "secrte"; the nearest is "secret"'
    assert wrong in town.log(), town.log()
    await town.ctl("policy", "memory", "set", "crisis", "all", "1", "4h")
    text = 'rule{ name = "secret", match = Label{ "secret", "none" }, action = Log() }\n'
    town.write_file(town.policy_file, text)
    status, out, err = await town.reload()
    assert status == 0, out + err
    assert 'memory "crisis" is named by no rule any more: what it held (1) is gone' in town.log(), town.log()
    assert town.log().count("labels.catalogue has a label") == 1, town.log()


KEPT = """
local seen = memory{ name = "seen", durable = true }
local passing = memory{ name = "passing" }
rule{ name = "seen", match = Kind("message") * Direction("out") * Remembers(seen, "from"), action = Deny("conflict") }
rule{ name = "limit", match = Kind("message") * Direction("out") * Rate{ per = "to", rate = 0.001, burst = 2, name = "limit", durable = true },
      action = Deny("resource-constraint") }
rule{ name = "passing", match = Kind("message") * Direction("out") * To("carol*@localhost") * Remembers(passing, "from"), action = Drop() }
rule{ name = "see", match = Kind("message") * Direction("out") * To("bob*@localhost"), action = { Remember(seen, "from"), Remember(passing, "from") } }
"""


@story("policy: what is kept over a reload and a restart", alone=True, policy=KEPT, options={"shards": 2})
async def a_durable_memory_and_limiter_go_on(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sends(message(bob.bare, "k1"))
    await bob.receives("message", id="k1")
    await alice.sends(message(bob.bare, "k2"))
    await alice.gets_error("message", "k2", "conflict")
    for number in range(2):
        await bob.sends(message(carol.bare, f"c{number}"))
        await carol.receives("message", id=f"c{number}")
    town.write_file(town.policy_file, "-- another comment\n" + KEPT)
    status, out, err = await town.reload()
    assert status == 0, out + err
    await bob.sends(message(carol.bare, "c3"))
    await bob.gets_error("message", "c3", "resource-constraint")
    await town.restart()
    alice, bob, carol = [await account.device() for account in (alice.account, bob.account, carol.account)]
    await alice.sends(message(bob.bare, "k3"))
    await alice.gets_error("message", "k3", "conflict")
    await bob.sends(message(carol.bare, "c4"))
    await bob.gets_error("message", "c4", "resource-constraint")
    await carol.receives_no("message", before=ping)
    rows = town.sql("SELECT name, value FROM account_data WHERE owner = 'policy'")
    assert {name.rsplit("/", 1)[0] for name, _ in rows} == {"memory/seen", "limiter/Rate:limit"}, rows
    assert not any("alice" in value or "carol" in value for _, value in rows), "an address is kept"


@story("policy: chains, calendars and device age", policy="""
rule{ name = "to bob", match = Kind("message") * Direction("out") * To("bob*@localhost"), action = Jump("bob") }
chain{ name = "bob",
  rule{ name = "large", match = Size(">", 3000), action = Deny("policy-violation") },
  rule{ name = "always or never", match = Holiday("fr") + -Holiday("fr"), action = Return() },
  rule{ name = "never", match = Always(), action = Drop() } }
rule{ name = "old devices", match = Kind("message") * Direction("out") * DeviceAge(">", "1d"), action = Drop() }
rule{ name = "young devices", match = Kind("message") * Direction("out") * DeviceAge("<=", "1d"), action = Record("young") }
""")
async def a_chain_decides_or_lets_go_on(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(lists(11))
    await alice.sends(message(bob.bare, "h1", payload_bytes=4000, sid=11))
    await alice.gets_error("message", "h1", "policy-violation")
    assert (await town.records(stanza="h1"))[0]["rule"] == "large"
    await alice.sends(message(bob.bare, "h2", sid=11))
    await bob.receives("message", id="h2")
    assert (await town.records(stanza="h2"))[0].get("reason") == "policy:young"
    await bob.receives_no("message", before=word_from(alice), id="h1")


run()
