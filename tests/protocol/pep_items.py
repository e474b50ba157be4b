"""XEP-0060 §5, §6.5 and XEP-0059: discovering and reading what an account has published."""

import _path  # noqa: F401
from _pep import (NICK, NODE, PLAIN, PUBSUB, RSM, configure, create, fields_of, ids, is_refused, items, items_page, note, owner,
                  page, publish)
from harness import NS, run, story

DISCO_ITEMS = "http://jabber.org/protocol/disco#items"


async def five(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NODE, access_model="open", max_items="max"))
    for item in "abcde":
        await alice.sets(publish(NODE, note(item), item=item))
    return alice, bob


def set_of(answer):
    """(index, first, last, count) of a result set; None where it has no such element."""
    found = next(answer.iter(RSM + "set"))
    first = found.find(RSM + "first")
    return (None if first is None else int(first.get("index")), found.findtext(RSM + "first"), found.findtext(RSM + "last"),
            int(found.findtext(RSM + "count")))


@story("XEP-0060 §6.5.2, §6.5.7, §6.5.8", options=PLAIN)
async def items_are_read_all_the_newest_or_by_name(town):
    alice, bob = await five(town)
    assert ids(await bob.asks(items(NODE), to=alice.bare)) == list("edcba")
    assert ids(await bob.asks(items(NODE, attributes=" max_items='2'"), to=alice.bare)) == ["e", "d"]
    assert ids(await bob.asks(items(NODE, "<item id='b'/><item id='d'/>"), to=alice.bare)) == ["b", "d"]
    for wrong in (" max_items='0'", " max_items='-1'", " max_items='many'"):
        await is_refused(bob, "bad-request", items(NODE, attributes=wrong), None, kind="get", to=alice.bare)
    await is_refused(bob, "bad-request", f"<pubsub {PUBSUB}><items/></pubsub>", "nodeid-required", kind="get", to=alice.bare)


@story("XEP-0060 §6.5.9.12", options=PLAIN)
async def what_is_not_there_is_an_empty_answer(town):
    alice, bob = await five(town)
    answer = await bob.asks(items(NODE, "<item id='x'/>"), to=alice.bare)
    assert answer.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}items").get("node") == NODE and not ids(answer)
    assert ids(await bob.asks(items(NODE, "<item id='x'/><item id='a'/>"), to=alice.bare)) == ["a"]
    await alice.sets(owner("purge", NODE))
    assert not ids(await bob.asks(items(NODE), to=alice.bare))
    await is_refused(bob, "item-not-found", items("urn:example:none"), None, kind="get", to=alice.bare)


@story("XEP-0059 §2.1, §2.2, §2.3", options=PLAIN)
async def items_come_in_pages_forwards_and_backwards(town):
    alice, bob = await five(town)
    for inner, expected, place in (
            ("<max>2</max>", "ed", (0, "e", "d", 5)),
            ("<max>2</max><after>d</after>", "cb", (2, "c", "b", 5)),
            ("<max>2</max><after>b</after>", "a", (4, "a", "a", 5)),
            ("<max>2</max><before>b</before>", "dc", (1, "d", "c", 5)),
            ("<max>9</max><before>d</before>", "e", (0, "e", "e", 5)),
            ("<max>2</max><before/>", "ba", (3, "b", "a", 5)),
            ("<max>2</max><index>1</index>", "dc", (1, "d", "c", 5)),
            ("<max>9</max>", "edcba", (0, "e", "a", 5))):
        answer = await bob.asks(items_page(NODE, inner), to=alice.bare)
        assert "".join(ids(answer)) == expected and set_of(answer) == place, inner


@story("XEP-0059 §2.2, §2.6, §2.7", options=PLAIN)
async def an_empty_page_tells_the_count(town):
    alice, bob = await five(town)
    for inner in ("<max>0</max>", "<max>2</max><after>a</after>", "<max>2</max><before>e</before>", "<max>2</max><index>5</index>",
                  "<max>2</max><index>99</index>"):
        answer = await bob.asks(items_page(NODE, inner), to=alice.bare)
        assert not ids(answer) and set_of(answer) == (None, None, None, 5), inner


@story("XEP-0059 §2.4", options=PLAIN)
async def a_page_behind_what_is_gone_is_not_found(town):
    alice, bob = await five(town)
    for inner in ("<max>2</max><after>x</after>", "<max>2</max><before>x</before>"):
        await is_refused(bob, "item-not-found", items_page(NODE, inner), None, kind="get", to=alice.bare, type_="cancel")
    for inner in ("<max>two</max>", "<max>-1</max>", "<max/>", "<index>x</index>", "<after>a</after><before>b</before>"):
        await is_refused(alice, "bad-request", items_page(NODE, inner), None, kind="get", type_="modify")


@story("XEP-0059, XEP-0060 §6.5.7: both", options=PLAIN)
async def a_page_of_the_newest(town):
    alice, bob = await five(town)
    answer = await bob.asks(items_page(NODE, "<max>2</max><before/>", " max_items='3'"), to=alice.bare)
    assert ids(answer) == ["d", "c"] and set_of(answer) == (1, "d", "c", 3)


@story("XEP-0060 §6.5.4", options=PLAIN | {"limits.item": 262144, "limits.stanza": 524288})
async def what_does_not_fit_into_an_answer_is_announced(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NODE, access_model="open", max_items="9"))
    for item in "abcd":
        await alice.sets(publish(NODE, note(item * 200_000), item=item))
    answer = await bob.asks(items(NODE), to=alice.bare)
    assert ids(answer) == ["d", "c"] and set_of(answer) == (0, "d", "c", 4)
    answer = await bob.asks(items_page(NODE, "<max>4</max><after>c</after>"), to=alice.bare)
    assert ids(answer) == ["b", "a"]
    answer = await bob.asks(items_page(NODE, "<max>4</max><before/>"), to=alice.bare)
    assert ids(answer) == ["b", "a"] and set_of(answer) == (2, "b", "a", 4)


@story("docs/sealed.md 3.5: pages of another account")
async def pages_pass_where_content_is_sealed(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(create(NICK, access_model="open", max_items="9"))
    for item in "abc":
        await alice.sets(publish(NICK, f"<nick xmlns='{NICK}'>{item}</nick>", item=item))
    answer = await bob.asks(items_page(NICK, "<max>1</max><after>c</after>"), to=alice.bare)
    assert ids(answer) == ["b"]
    await bob.is_refused("service-unavailable", items_page(NICK, "<max>1</max><after>see you at five</after>"), to=alice.bare)


# ---- discovery

def names(answer, attribute):
    return [item.get(attribute) for item in answer.iter(NS.DISCO_ITEMS + "item")]


@story("XEP-0060 §5.2, §5.5; XEP-0059", options=PLAIN)
async def nodes_and_items_are_listed_in_pages(town):
    alice, bob = await five(town)
    for node in ("urn:example:a", "urn:example:z"):
        await alice.sets(create(node, access_model="open"))
    await alice.sets(create("urn:example:private", access_model="whitelist"))
    every = ["urn:example:a", NODE, "urn:example:z"]
    answer = await bob.asks(f"<query xmlns='{DISCO_ITEMS}'/>", to=alice.bare)
    assert names(answer, "node") == every and next(answer.iter(RSM + "set"), None) is None
    answer = await bob.asks(f"<query xmlns='{DISCO_ITEMS}'>{page('<max>1</max><after>urn:example:a</after>')}</query>", to=alice.bare)
    assert names(answer, "node") == [NODE] and set_of(answer) == (1, NODE, NODE, 3)
    answer = await bob.asks(f"<query xmlns='{DISCO_ITEMS}' node='{NODE}'>{page('<max>2</max>')}</query>", to=alice.bare)
    assert names(answer, "name") == ["e", "d"] and names(answer, "node") == [None, None] and set_of(answer)[3] == 5
    await bob.is_refused("item-not-found", f"<query xmlns='{DISCO_ITEMS}'>{page('<max>1</max><after>x</after>')}</query>", to=alice.bare)
    await bob.is_refused("item-not-found", f"<query xmlns='{DISCO_ITEMS}' node='urn:example:private'/>", to=alice.bare)


@story("XEP-0060 §5.1, §9")
async def an_account_says_what_it_can(town):
    alice, bob = await town.devices("alice", "bob")
    info = await bob.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=alice.bare)
    assert [(one.get("category"), one.get("type")) for one in info.iter(NS.DISCO_INFO + "identity") if one.get("category") == "pubsub"] == [("pubsub", "pep")]
    features = {one.get("var") for one in info.iter(NS.DISCO_INFO + "feature")}
    for name in ("access-authorize", "access-open", "access-presence", "access-roster", "access-whitelist", "auto-create",
                 "auto-subscribe", "config-node", "config-node-max", "create-and-configure", "create-nodes", "delete-items",
                 "delete-nodes", "filtered-notifications", "item-ids", "last-published", "manage-subscriptions",
                 "member-affiliation", "meta-data", "modify-affiliations", "multi-items", "outcast-affiliation",
                 "persistent-items", "publish", "publish-options", "pubsub-on-a-jid", "purge-nodes", "retract-items",
                 "retrieve-affiliations", "retrieve-default", "retrieve-items", "retrieve-subscriptions", "rsm", "subscribe",
                 "subscription-notifications"):
        assert f"http://jabber.org/protocol/pubsub#{name}" in features, name


@story("XEP-0060 §5.3, §5.4", options=PLAIN)
async def a_node_tells_its_metadata(town):
    alice, bob = await five(town)
    await alice.sets(configure(NODE, title="Notes"))
    info = await bob.asks(f"<query xmlns='http://jabber.org/protocol/disco#info' node='{NODE}'/>", to=alice.bare)
    [identity] = list(info.iter(NS.DISCO_INFO + "identity"))
    assert (identity.get("category"), identity.get("type")) == ("pubsub", "leaf")
    fields = fields_of(info)
    assert fields["title"] == ["Notes"] and fields["owner"] == [alice.bare] and fields["access_model"] == ["open"]
    assert fields["num_subscribers"] == ["0"] and fields["creation_date"][0].endswith("Z")
    await bob.is_refused("item-not-found", "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:example:none'/>", to=alice.bare)


if __name__ == "__main__":
    run()
