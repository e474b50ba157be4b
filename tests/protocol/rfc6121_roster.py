"""RFC 6121 §2: the contact list, kept by the server, pushed to every interested device."""

import _path  # noqa: F401
from harness import NS, ping, run, story

ROSTER = "<query xmlns='jabber:iq:roster'/>"


def item(jid, name=None, groups=(), **attributes):
    named = f" name='{name}'" if name is not None else ""
    more = "".join(f" {key}='{value}'" for key, value in attributes.items())
    inner = "".join(f"<group>{group}</group>" for group in groups)
    return f"<query xmlns='jabber:iq:roster'><item jid='{jid}'{named}{more}>{inner}</item></query>"


async def roster_of(device):
    answer = await device.asks(ROSTER)
    return {entry.get("jid"): entry for entry in answer.iter(NS.ROSTER + "item")}


async def push(device):
    pushed = await device.receives("iq", type_="set", child=NS.ROSTER + "query")
    await device.answers(pushed)
    return pushed


@story("RFC 6121 §2.1.3")
async def a_new_account_has_an_empty_roster(town):
    [alice] = await town.devices("alice")
    assert await roster_of(alice) == {}


@story("RFC 6121 §2.3")
async def an_added_contact_is_kept_with_name_and_groups(town):
    [alice] = await town.devices("alice")
    await alice.sets(item("bob@localhost", "Bob &amp; &quot;Co&quot;", ["Amis", "Service à 3"]))
    entry = (await roster_of(alice))["bob@localhost"]
    assert entry.get("name") == 'Bob & "Co"' and entry.get("subscription") == "none"
    assert sorted(group.text for group in entry) == ["Amis", "Service à 3"]


@story("RFC 6121 §2.1.6")
async def every_interested_device_gets_the_push_others_do_not(town):
    alice = await town.account("alice")
    phone, laptop, silent = await alice.device(), await alice.device(), await alice.device(interested=False)
    await phone.sets(item("bob@localhost", "Bob"))
    for device in (phone, laptop):
        pushed = await push(device)
        assert pushed.get("from") in (None, alice.bare)
        assert pushed.find(f"{NS.ROSTER}query/{NS.ROSTER}item").get("jid") == "bob@localhost"
    await silent.receives_no("iq", before=ping, type_="set")


@story("RFC 6121 §2.4")
async def an_update_replaces_name_and_groups(town):
    [alice] = await town.devices("alice")
    await alice.sets(item("bob@localhost", "Bob", ["One", "Two"]))
    await alice.sets(item("bob@localhost", "Robert", ["Three"]))
    entry = (await roster_of(alice))["bob@localhost"]
    assert entry.get("name") == "Robert" and [group.text for group in entry] == ["Three"]


@story("RFC 6121 §2.5")
async def a_removed_contact_is_gone_and_pushed_as_removed(town):
    [alice] = await town.devices("alice")
    await alice.asks(ROSTER)
    await alice.sets(item("bob@localhost"))
    await push(alice)
    await alice.sets(item("bob@localhost", subscription="remove"))
    pushed = await push(alice)
    assert pushed.find(f"{NS.ROSTER}query/{NS.ROSTER}item").get("subscription") == "remove"
    assert await roster_of(alice) == {}


@story("RFC 6121 §2.5.3")
async def removing_who_is_not_there_is_not_found(town):
    [alice] = await town.devices("alice")
    await alice.is_refused("item-not-found", item("nobody@localhost", subscription="remove"), "set")


@story("RFC 6121 §2.3.3")
async def a_malformed_set_is_refused(town):
    [alice] = await town.devices("alice")
    two = "<query xmlns='jabber:iq:roster'><item jid='a@localhost'/><item jid='b@localhost'/></query>"
    await alice.is_refused("bad-request", two, "set", type_="modify")
    await alice.is_refused("bad-request", "<query xmlns='jabber:iq:roster'/>", "set", type_="modify")
    await alice.is_refused("bad-request", item("a@localhost", groups=["twice", "twice"]), "set", type_="modify")
    await alice.is_refused("not-acceptable", item("a@localhost", groups=[""]), "set", type_="modify")
    answer = await alice.tries(item("not a jid"), "set")
    assert answer.get("type") == "error"
    assert await roster_of(alice) == {}


@story("RFC 6121 §2.1.2.5")
async def a_client_cannot_give_itself_a_subscription(town):
    [alice] = await town.devices("alice")
    await alice.sets(item("bob@localhost", subscription="both", ask="subscribe"))
    entry = (await roster_of(alice))["bob@localhost"]
    assert entry.get("subscription") == "none" and entry.get("ask") is None


@story("RFC 6121 §2.3.3")
async def nobody_sets_or_reads_another_ones_roster(town):
    alice, bob = await town.devices("alice", "bob")
    for kind, payload in (("get", ROSTER), ("set", item("evil@localhost"))):
        answer = await alice.tries(payload, kind, to=bob.bare)
        error = answer.find(NS.CLIENT + "error")
        assert answer.get("type") == "error" and error[0].tag in (
            NS.STANZA_ERROR + "forbidden", NS.STANZA_ERROR + "service-unavailable"), error[0].tag
    assert await roster_of(bob) == {}


@story("RFC 6121 §2.1.6 (CVE-2016-9928 class)")
async def a_forged_push_shows_who_sent_it(town):
    alice, bob = await town.devices("alice", "bob")
    forged = item("evil@localhost", subscription="both")
    await alice.sends(f"<iq type='set' id='forged' to='{bob.full}' from='{alice.bare}'>{forged}</iq>")
    for event in bob.stream.waiting(lambda event: getattr(event, "get", lambda _: None)("id") == "forged"):
        assert event.get("from") == alice.full
    assert await roster_of(bob) == {}


@story("RFC 6121 §2.1.4")
async def the_roster_outlives_the_server(town):
    [alice] = await town.devices("alice")
    await alice.sets(item("bob@localhost", "Bob", ["Amis"]))
    before = await roster_of(alice)
    await town.restart()
    after = await roster_of(await alice.account.device())
    assert {jid: (entry.get("name"), [group.text for group in entry]) for jid, entry in after.items()} == \
        {jid: (entry.get("name"), [group.text for group in entry]) for jid, entry in before.items()}


@story("docs/security.md §3: 3,000 contacts", options={"limits.roster_items": 12})
async def a_roster_has_a_bound(town):
    [alice] = await town.devices("alice")
    for number in range(12):
        await alice.sets(item(f"contact{number}@localhost"))
    await alice.is_refused("resource-constraint", item("onemore@localhost"), "set")
    await alice.sets(item("contact3@localhost", "renamed"))  # changing what is there still works
    assert len(await roster_of(alice)) == 12


@story("docs/security.md §3: 64 groups")
async def a_contact_has_a_bounded_number_of_groups(town):
    [alice] = await town.devices("alice")
    await alice.sets(item("bob@localhost", groups=[f"g{number}" for number in range(64)]))
    answer = await alice.tries(item("bob@localhost", groups=[f"g{number}" for number in range(65)]), "set")
    assert answer.get("type") == "error"


@story("RFC 6121 §2.1.1")
async def a_contact_is_kept_under_its_prepared_bare_address(town):
    [alice] = await town.devices("alice")
    await alice.sets(item("BOB@LocalHost"))
    assert list(await roster_of(alice)) == ["bob@localhost"]


run()
