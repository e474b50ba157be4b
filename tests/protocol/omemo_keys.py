"""XEP-0384 (0.3 and 0.8): keys are public, whatever a client asks for, and only sound keys are taken."""

import _path  # noqa: F401
from harness import NS, ping, run, story
from harness.corpus import published, write
from pep import event_of, items, publish, wants

LIST = "eu.siacs.conversations.axolotl.devicelist"
LIST2 = "urn:xmpp:omemo:2:devices"
BUNDLES2 = "urn:xmpp:omemo:2:bundles"
OWNER = "xmlns='http://jabber.org/protocol/pubsub#owner'"


def device_list(*ids):
    return ("<list xmlns='eu.siacs.conversations.axolotl'>" + "".join(f"<device id='{i}'/>" for i in ids) + "</list>")


def bundle_of(recording="correct--dino-alice9x0"):
    """(node, payload) of a recorded legacy bundle with a true signature."""
    node, item = published(recording, "eu.siacs.conversations.axolotl.bundles:")
    return node, write(item[0])


@story("XEP-0384 0.3 §4.3, docs/sealed.md 2.2")
async def strangers_read_device_lists_and_bundles(town):
    alice, bob = await town.devices("alice", "bob")
    node, bundle = bundle_of()
    device = node.partition(":")[2]
    await alice.sets(publish(LIST, device_list(device)))
    await alice.sets(publish(node, bundle))
    read = await bob.asks(items(LIST), to=alice.bare)
    assert [entry.get("id") for entry in read.iter(NS.OMEMO + "device")] == [device]
    read = await bob.asks(items(node, attributes=" max_items='1'"), to=alice.bare)
    assert len(list(read.iter(NS.OMEMO + "preKeyPublic"))) == 100


@story("docs/sealed.md 2.2")
async def every_option_of_every_client_is_taken_and_the_node_stays_open(town):
    for options in ({}, {"access_model": "open"}, {"persist_items": "true", "access_model": "open"},
                    {"access_model": "whitelist"}, {"access_model": "open", "max_items": "max"},
                    {"access_model": "open", "notify_delete": "true"}, {"max_items": "1000"}, {"unknown": "1"}):
        alice, bob = await town.devices("alice", "bob")
        await alice.sets(publish(LIST, device_list(7), options=options))
        await alice.sets(publish(LIST, device_list(7, 8), options={"access_model": "open"}))
        await bob.asks(items(LIST), to=alice.bare)


@story("docs/sealed.md 2.3: Dino")
async def the_owner_form_reports_open_and_takes_the_whole_form_back(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(publish(LIST, device_list(7)))
    form = await alice.asks(f"<pubsub {OWNER}><configure node='{LIST}'/></pubsub>")
    fields = {field.get("var"): field.findtext(NS.FORM + "value") for field in form.iter(NS.FORM + "field")}
    assert fields["pubsub#access_model"] == "open"
    for name in ("persist_items", "max_items", "notify_delete", "notify_retract", "send_last_published_item"):
        assert f"pubsub#{name}" in fields, name
    back = "".join(f"<field var='{name}'><value>{value or ''}</value></field>" for name, value in fields.items())
    await alice.sets(f"<pubsub {OWNER}><configure node='{LIST}'><x xmlns='jabber:x:data' type='submit'>{back}</x></configure></pubsub>")
    whitelist = ("<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#node_config</value></field>"
                 "<field var='pubsub#access_model'><value>whitelist</value></field>")
    await alice.sets(f"<pubsub {OWNER}><configure node='{LIST}'><x xmlns='jabber:x:data' type='submit'>{whitelist}</x></configure></pubsub>")
    await bob.asks(items(LIST), to=alice.bare)


@story("docs/sealed.md 2.4: Profanity")
async def a_missing_node_is_said_with_code_404_and_the_question_repeated(town):
    alice, bob = await town.devices("alice", "bob")
    for asking, to in ((alice, None), (alice, alice.bare), (bob, alice.bare)):
        for node in (LIST, "eu.siacs.conversations.axolotl.bundles:77", LIST2):
            error = await asking.is_refused("item-not-found", items(node), to=to, type_="cancel")
            assert error.find(NS.CLIENT + "error").get("code") == "404"
            echo = error.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}items")
            assert echo is not None and echo.get("node") == node


@story("docs/sealed.md 2.4: Converse")
async def a_request_from_the_own_bare_address_is_taken(town):
    [alice] = await town.devices("alice")
    answer = await alice.tries(publish(LIST, device_list(7)), "set", to=alice.bare, extra=f"from='{alice.bare}'")
    assert answer.get("type") == "result"


@story("docs/sealed.md 2.5")
async def new_lists_reach_contacts_and_all_own_devices_the_publisher_too(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    node, bundle = bundle_of()
    device = node.partition(":")[2]
    laptop = await alice.account.device()
    for who in (alice, bob, laptop):
        await wants(who, LIST)
    await alice.sets(publish(node, bundle))
    await alice.sets(publish(LIST, device_list(device)))
    for who in (alice, bob, laptop):
        event = await who.receives("message", child=event_of(LIST), from_=alice.bare)
        assert [entry.get("id") for entry in event.iter(NS.OMEMO + "device")] == [device]


@story("docs/sealed.md 2.5")
async def the_last_list_comes_with_presence(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    node, bundle = bundle_of()
    await alice.sets(publish(node, bundle))
    await alice.sets(publish(LIST, device_list(node.partition(":")[2])))
    laptop = await bob.account.device(present=False)
    await wants(laptop, LIST)
    await laptop.receives("message", child=event_of(LIST), from_=alice.bare)


@story("docs/sealed.md 2.6: keep only the newest item, whatever its id")
async def a_list_is_one_item_even_under_changing_ids(town):
    [alice] = await town.devices("alice")
    for item in (None, "current", "1"):
        await alice.sets(publish(LIST, device_list(5, 6), item=item))
    read = await alice.asks(items(LIST))
    assert len(list(read.iter(NS.PUBSUB + "item"))) == 1


@story("docs/sealed.md 2.6")
async def an_empty_list_is_allowed(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(publish(LIST, device_list()))
    read = await bob.asks(items(LIST), to=alice.bare)
    assert read.find(f".//{NS.OMEMO}list") is not None


@story("docs/sealed.md 2.6")
async def a_bad_list_is_refused_with_invalid_payload(town):
    [alice] = await town.devices("alice")
    for bad in (device_list(0), device_list(2**31), device_list(5, 5), device_list("abc"), device_list("-3"),
                device_list(*range(1, 100)), "<list xmlns='eu.siacs.conversations.axolotl'>text</list>",
                "<list xmlns='eu.siacs.conversations.axolotl'><device id='3'>the merger</device></list>",
                "<note xmlns='urn:example:note'/>"):
        error = await alice.is_refused("bad-request", publish(LIST, bad), "set", type_="modify")
        assert error.find(f".//{NS.PUBSUB_ERROR}invalid-payload") is not None
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("docs/sealed.md 2.6")
async def a_bundle_whose_signature_is_wrong_is_refused(town):
    alice, bob = await town.devices("alice", "bob")
    node, bundle = bundle_of()
    mark = "<signedPreKeySignature>"
    at = bundle.index(mark) + len(mark) + 10
    forged = bundle[:at] + ("A" if bundle[at] != "A" else "B") + bundle[at + 1:]
    error = await alice.is_refused("bad-request", publish(node, forged), "set", type_="modify")
    assert error.find(f".//{NS.PUBSUB_ERROR}invalid-payload") is not None
    await bob.is_refused("item-not-found", items(node), to=alice.bare)
    await alice.sets(publish(node, bundle))
    await bob.asks(items(node), to=alice.bare)


@story("docs/sealed.md 2.6")
async def text_beside_the_keys_does_not_travel(town):
    alice, bob = await town.devices("alice", "bob")
    node, bundle = bundle_of()
    await alice.tries(publish(node, bundle.replace("</bundle>", "<note>the merger is on</note></bundle>")), "set")
    await alice.tries(publish(LIST, device_list(5).replace("</list>", "the merger is on</list>")), "set")
    await bob.tries(items(node), to=alice.bare)
    await bob.tries(items(LIST), to=alice.bare)
    assert b"merger" not in bytes(bob.stream.heard)


@story("XEP-0384 0.8 §5.3.2")
async def omemo_2_bundles_are_items_of_one_node(town):
    alice, bob = await town.devices("alice", "bob")
    node, item = published("pair_profanity_bot--bot-carol1x0", BUNDLES2)
    device = item.get("id")
    _, devices = published("pair_profanity_bot--bot-carol1x0", LIST2)
    await alice.sets(publish(LIST2, write(devices[0])))
    await alice.sets(publish(BUNDLES2, write(item[0]), item=device, options={"access_model": "open", "max_items": "max"}))
    read = await bob.asks(items(BUNDLES2, f"<item id='{device}'/>"), to=alice.bare)
    assert len(list(read.iter(NS.OMEMO2 + "pk"))) >= 25
    assert node == BUNDLES2


@story("docs/sealed.md 2.6")
async def nobody_publishes_keys_for_another(town):
    alice, bob = await town.devices("alice", "bob")
    answer = await bob.tries(publish(LIST, device_list(666)), "set", to=alice.bare)
    assert answer.get("type") == "error"
    await alice.is_refused("item-not-found", items(LIST))
    await alice.receives_no("message", before=ping)


@story("docs/sealed.md 2.7")
async def the_compliance_testers_probe_works(town):
    alice, bob = await town.devices("alice", "bob")
    node = "eu.siacs.conversations.axolotl.3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    await alice.sets(publish(node, "<bundle xmlns='eu.siacs.conversations.axolotl'/>", item=None, options={"access_model": "open"}))
    form = await alice.asks(f"<pubsub {OWNER}><configure node='{node}'/></pubsub>")
    fields = {field.get("var"): field.findtext(NS.FORM + "value") for field in form.iter(NS.FORM + "field")}
    assert fields["pubsub#access_model"] == "open"
    read = await bob.asks(items(node), to=alice.bare)
    assert next(read.iter("{eu.siacs.conversations.axolotl}bundle"), None) is not None
    await alice.sets(f"<pubsub {OWNER}><delete node='{node}'/></pubsub>")
    await bob.is_refused("item-not-found", items(node), to=alice.bare)


@story("docs/sealed.md 3.5: one identity key a device in both versions")
async def an_emptied_bundle_leaves_no_identity_behind(town):
    [alice] = await town.devices("alice")
    _, item = published("pair_profanity_bot--bot-carol1x0", BUNDLES2)
    device = item.get("id")
    legacy, (_, bundle) = f"eu.siacs.conversations.axolotl.bundles:{device}", bundle_of()
    await alice.sets(publish(legacy, bundle))
    newer = publish(BUNDLES2, write(item[0]), item=device)
    await alice.is_refused("bad-request", newer, "set")  # another device's
    await alice.sets(f"<pubsub {OWNER}><purge node='{legacy}'/></pubsub>")
    await alice.sets(newer)


@story("docs/sealed.md 2.7")
async def probes_come_and_go_as_often_as_asked(town):
    [alice] = await town.devices("alice")
    node = "eu.siacs.conversations.axolotl.3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    for _ in range(6):  # more than an account has at a time
        await alice.sets(f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='{node}'/></pubsub>")
        await alice.sets(f"<pubsub {OWNER}><delete node='{node}'/></pubsub>")


run()
