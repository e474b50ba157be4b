"""RFC 6121 §2: the contact list, kept by the server, pushed to every interested device."""

import _path  # noqa: F401
from harness import NS, ping, run, saved_word_from, story, with_id, word_from

ROSTER = "<query xmlns='jabber:iq:roster'/>"


def item(jid, name=None, groups=(), **attributes):
    named = f" name='{name}'" if name is not None else ""
    more = "".join(f" {key}='{value}'" for key, value in attributes.items())
    inner = "".join(f"<group>{group}</group>" for group in groups)
    return f"<query xmlns='jabber:iq:roster'><item jid='{jid}'{named}{more}>{inner}</item></query>"


async def push(device):
    pushed = await device.receives("iq", type_="set", child=NS.ROSTER + "query")
    await device.answers(pushed)
    return pushed


@story("RFC 6121 §2.1.3")
async def a_new_account_has_an_empty_roster(town):
    [alice] = await town.devices("alice")
    assert await alice.roster() == {}


@story("RFC 6121 §2.3")
async def an_added_contact_is_kept_with_name_and_groups(town):
    [alice] = await town.devices("alice")
    await alice.sets(item("bob@localhost", "Bob &amp; &quot;Co&quot;", ["Amis", "Service à 3"]))
    entry = (await alice.roster())["bob@localhost"]
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
    entry = (await alice.roster())["bob@localhost"]
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
    assert await alice.roster() == {}


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
    assert await alice.roster() == {}


@story("RFC 6121 §2.1.2.5")
async def a_client_cannot_give_itself_a_subscription(town):
    [alice] = await town.devices("alice")
    await alice.sets(item("bob@localhost", subscription="both", ask="subscribe"))
    entry = (await alice.roster())["bob@localhost"]
    assert entry.get("subscription") == "none" and entry.get("ask") is None


@story("RFC 6121 §2.3.3")
async def nobody_sets_or_reads_another_ones_roster(town):
    alice, bob = await town.devices("alice", "bob")
    for kind, payload in (("get", ROSTER), ("set", item("evil@localhost"))):
        answer = await alice.tries(payload, kind, to=bob.bare)
        error = answer.find(NS.CLIENT + "error")
        assert answer.get("type") == "error" and error[0].tag in (
            NS.STANZA_ERROR + "forbidden", NS.STANZA_ERROR + "service-unavailable"), error[0].tag
    assert await bob.roster() == {}


@story("RFC 6121 §2.1.6 (CVE-2016-9928 class)")
async def a_forged_push_shows_who_sent_it(town):
    alice, bob = await town.devices("alice", "bob")
    forged = item("evil@localhost", subscription="both")
    await alice.sends(f"<iq type='set' id='forged' to='{bob.full}' from='{alice.bare}'>{forged}</iq>")
    for event in bob.stream.waiting(with_id("forged")):
        assert event.get("from") == alice.full
    assert await bob.roster() == {}


@story("RFC 6121 §2.1.4")
async def the_roster_outlives_the_server(town):
    [alice] = await town.devices("alice")
    await alice.sets(item("bob@localhost", "Bob", ["Amis"]))
    before = await alice.roster()
    await town.restart()
    after = await (await alice.account.device()).roster()
    assert {jid: (entry.get("name"), [group.text for group in entry]) for jid, entry in after.items()} == \
        {jid: (entry.get("name"), [group.text for group in entry]) for jid, entry in before.items()}


@story("docs/security.md §3: 3,000 contacts", options={"limits.roster_items": 12})
async def a_roster_has_a_bound(town):
    [alice] = await town.devices("alice")
    for number in range(12):
        await alice.sets(item(f"contact{number}@localhost"))
    await alice.is_refused("resource-constraint", item("onemore@localhost"), "set")
    await alice.sets(item("contact3@localhost", "renamed"))  # changing what is there still works
    assert len(await alice.roster()) == 12


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
    assert list(await alice.roster()) == ["bob@localhost"]


@story("RFC 6121 §2.6.1, §3.4")
async def versions_and_pre_approval_are_stream_features_after_log_in(town):
    [alice] = await town.devices("alice")
    for feature in ("{urn:xmpp:features:rosterver}ver", "{urn:xmpp:features:pre-approval}sub"):
        assert alice.stream.features.find(feature) is not None, feature


@story("RFC 6121 §2.1.1, §2.6.3")
async def every_result_and_push_has_a_version_and_the_later_one_is_another(town):
    [alice] = await town.devices("alice")
    seen = []
    for name in ("One", "Two", "Two", None):
        await alice.sets(item("bob@localhost", name) if name else item("bob@localhost", subscription="remove"))
        pushed = await push(alice)
        assert len(pushed.find(NS.ROSTER + "query")) == 1
        seen.append(pushed.find(NS.ROSTER + "query").get("ver"))
        answer = await alice.asks(ROSTER)  # it asks for no version
        assert answer.find(NS.ROSTER + "query").get("ver") == seen[-1]
    await alice.sets("<query xmlns='jabber:iq:roster' ver='4711'><item jid='carol@localhost'/></query>")
    seen.append((await push(alice)).find(NS.ROSTER + "query").get("ver"))
    assert len(set(seen)) == 5 and not {None, "", "4711"} & set(seen), seen
    assert seen == sorted(seen, key=int), seen


@story("RFC 6121 §2.6.3, XEP-0237")
async def a_version_that_is_known_brings_the_changes_since_and_another_the_whole(town):
    alice = await town.account("alice")
    phone = await alice.device()
    for name in ("a", "b", "c"):
        await phone.sets(item(f"{name}@localhost"))
    cached = (await phone.asks(ROSTER)).find(NS.ROSTER + "query").get("ver")
    laptop = await alice.device(interested=False)
    same = await laptop.asks(f"<query xmlns='jabber:iq:roster' ver='{cached}'/>")
    assert len(same) == 0, "the empty result: nothing has changed"
    await laptop.receives_no("iq", before=ping, type_="set")
    await phone.sets(item("b@localhost", "B"))
    await phone.sets(item("a@localhost", subscription="remove"))
    await phone.sets(item("b@localhost", "BB"))
    late = await alice.device(interested=False)
    assert len(await late.asks(f"<query xmlns='jabber:iq:roster' ver='{cached}'/>")) == 0
    pushes = [await push(late), await push(late)]  # one an item that changed, in order of modification
    items = [pushed.find(f"{NS.ROSTER}query/{NS.ROSTER}item") for pushed in pushes]
    assert [(entry.get("jid"), entry.get("name"), entry.get("subscription")) for entry in items] == [
        ("a@localhost", None, "remove"), ("b@localhost", "BB", "none")], [entry.attrib for entry in items]
    versions = [int(pushed.find(NS.ROSTER + "query").get("ver")) for pushed in pushes]
    assert int(cached) < versions[0] < versions[1]
    await late.receives_no("iq", before=ping, type_="set")
    current = (await phone.asks(ROSTER)).find(NS.ROSTER + "query").get("ver")
    assert int(current) == versions[1]
    for unknown in ("", "nonsense", "18446744073709551615"):
        whole = await late.asks(f"<query xmlns='jabber:iq:roster' ver='{unknown}'/>")
        assert whole.find(NS.ROSTER + "query").get("ver") == current
        assert sorted(entry.get("jid") for entry in whole.iter(NS.ROSTER + "item")) == ["b@localhost", "c@localhost"], unknown


@story("RFC 6121 §2.1.4")
async def an_empty_roster_is_an_empty_query_and_no_error(town):
    [alice] = await town.devices("alice")
    answer = await alice.asks(ROSTER)
    assert answer.find(NS.ROSTER + "query") is not None and len(answer.find(NS.ROSTER + "query")) == 0


@story("RFC 6121 §2, §2.1.5, §2.3.3")
async def only_the_owner_reads_or_changes_a_roster(town):
    """Also by way of a `to`: the own bare address is fine, another's is forbidden, whatever is in the list."""
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    bob.stream.takes(lambda event: getattr(event, "get", lambda _: None)("type") == "set")
    await alice.sets(item("nurse@localhost"), to=alice.bare)
    assert "nurse@localhost" in await alice.roster()
    for to in (bob.bare, bob.full):
        for kind, payload in (("get", ROSTER), ("set", item("evil@localhost")), ("set", item(alice.bare, subscription="remove"))):
            condition = "forbidden" if to == bob.bare else "service-unavailable"  # between devices it is nothing
            await alice.is_refused(condition, payload, kind, to=to)
    await bob.receives_no("iq", before=word_from(alice), type_="set")
    assert list(await bob.roster()) == [alice.bare]


@story("RFC 6121 §2.3.3")
async def what_is_too_long_is_not_acceptable_and_what_just_fits_is_kept(town):
    [alice] = await town.devices("alice")
    for make in (lambda text: item("bob@localhost", text), lambda text: item("bob@localhost", groups=[text])):
        await alice.sets(make("n" * 1023))
        await alice.is_refused("not-acceptable", make("n" * 1024), "set", type_="modify")
        await alice.is_refused("not-acceptable", make("é" * 512), "set", type_="modify")  # bytes, not characters
    [entry] = (await alice.roster()).values()
    assert [group.text for group in entry] == ["n" * 1023]


@story("RFC 6121 §2, §2.1.2.4, §2.1.2.6")
async def names_and_groups_come_back_unmodified(town):
    [alice] = await town.devices("alice")
    name, groups = "  Zoë &amp; <Ξ>\u200d 🙂 ".replace("<", "&lt;").replace(">", "&gt;"), ["b", "A", " a ", "a", "Ä", "A\u0308"]
    await alice.sets(item("bob@localhost", name, groups))
    [entry] = (await alice.roster()).values()
    assert entry.get("name") == "  Zoë & <Ξ>\u200d 🙂 ", repr(entry.get("name"))
    assert [group.text for group in entry] == groups


@story("RFC 6121 §2.4, §2.1.2.6")
async def a_set_is_the_whole_item_and_nothing_of_the_subscription(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    for name, groups in (("Bob", ["One", "Two"]), ("Bob", ["Two"]), (None, []), ("", ["Three"])):
        alice.stream.takes(lambda event: getattr(event, "tag", None) == NS.CLIENT + "iq")
        await alice.sets(item(bob.bare, name, groups, subscription="none"))
        for entry in ((await push(alice)).find(f"{NS.ROSTER}query/{NS.ROSTER}item"), (await alice.roster())[bob.bare]):
            assert (entry.get("name") or "", [group.text for group in entry], entry.get("subscription")) == (name or "", groups, "both")
    await bob.receives_no("presence", before=saved_word_from(alice), type_="unsubscribed")


@story("RFC 6121 §2.1.6")
async def an_answer_to_a_push_even_an_error_is_ignored(town):
    alice = await town.account("alice")
    phone, laptop = await alice.device(), await alice.device()
    for number in range(3):
        await phone.sets(item(f"contact{number}@localhost"))
        pushed = await laptop.receives("iq", type_="set", child=NS.ROSTER + "query")
        assert pushed.get("id") and pushed.get("to") == laptop.full
        await laptop.sends(f"<iq type='error' id='{pushed.get('id')}'><error type='cancel'>"
                           "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    await laptop.receives_no("iq", before=ping, type_="error")
    assert len(await laptop.roster()) == 3
    ids = {(await phone.receives("iq", type_="set", child=NS.ROSTER + "query")).get("id") for _ in range(3)}
    assert len(ids) == 3


@story("RFC 6121 §2.3.2, §2.5.2, RFC 6120 §8.2.3")
async def a_refused_set_is_not_pushed_and_a_done_one_is_answered_and_pushed_once(town):
    alice = await town.account("alice")
    phone, laptop = await alice.device(), await alice.device(present=False)  # interested is not available (§2.2)
    await phone.tries(item("a@localhost", groups=["twice", "twice"]), "set")
    await phone.tries(item("a@localhost", subscription="remove"), "set")
    await laptop.receives_no("iq", before=ping, type_="set")
    for subscription in (None, "remove"):
        answer = await phone.sets(item("a@localhost", **({"subscription": subscription} if subscription else {})))
        assert len(answer) == 0
        for device in (phone, laptop):
            await device.receives("iq", type_="set", child=NS.ROSTER + "query")
            await device.receives_no("iq", before=ping, type_="set")


@story("RFC 6121 §2.2, §2.3.3", options={"limits.queue": 256 * 1024})
async def a_get_that_fails_is_answered_by_an_error_and_the_next_one_brings_what_was_saved(town):
    """What waits for a store that is away is bounded: a list behind all of it can't be told."""
    alice, [bob] = await town.account("alice"), await town.devices("bob")
    phone, laptop = await alice.device(), await alice.device(interested=False)
    groups = [f"{number}{'g' * 1000}" for number in range(10)]
    names = {f"set-{number}": f"contact{number}@localhost" for number in range(80)}

    async def is_processed(device, identity):
        typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/>"
        await device.sends(f"<message to='{bob.full}' id='{identity}' type='chat'>{typing}</message>")  # passes the others by
        await bob.receives("message", id=identity)

    async with town.store_is_paused("roster"):
        for identity, jid in names.items():
            await phone.sends(f"<iq type='set' id='{identity}'>{item(jid, groups=groups)}</iq>")
        await is_processed(phone, "sets")
        for device, identity in ((phone, "get-1"), (laptop, "get-2")):
            await device.sends(f"<iq type='get' id='{identity}'>{ROSTER}</iq>")
            await is_processed(device, identity)
            assert not device.stream.waiting(lambda event: getattr(event, "get", lambda _: None)("type") == "result")
    for device, identity in ((phone, "get-1"), (laptop, "get-2")):
        error = await device.gets_error("iq", identity, "resource-constraint", "wait")
        assert [child.tag for child in error] == [NS.CLIENT + "error"], "no list, not even an empty one"
    answers = {identity: (await phone.stream.wait_for(with_id(identity), identity)).get("type") for identity in names}
    saved = {names[identity] for identity, type_ in answers.items() if type_ == "result"}
    assert 0 < len(saved) < 80 and set(answers.values()) == {"result", "error"}, answers
    for device in (phone, laptop):
        assert set(await device.roster()) == saved


@story("RFC 6121 §9, RFC 7622")
async def an_address_with_a_scheme_in_front_is_none(town):
    [alice] = await town.devices("alice")
    await alice.is_refused("jid-malformed", item("xmpp:bob@localhost"), "set", type_="modify")
    await alice.sends("<message to='xmpp:bob@localhost' id='uri' type='chat'/>")
    await alice.gets_error("message", "uri", "jid-malformed", "modify")


run()
