"""XEP-0163 and XEP-0060: what an account publishes of itself."""

import base64
import hashlib
import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness import NS, ping, run, story
from harness.pictures import png

PUBSUB = "xmlns='http://jabber.org/protocol/pubsub'"
NICK = "http://jabber.org/protocol/nick"


def publish(node, payload, item="current", options=None):
    identity = f" id='{item}'" if item else ""
    form = ""
    if options:
        fields = "".join(f"<field var='pubsub#{key}'><value>{value}</value></field>" for key, value in options.items())
        form = ("<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
                f"<value>http://jabber.org/protocol/pubsub#publish-options</value></field>{fields}</x></publish-options>")
    return f"<pubsub {PUBSUB}><publish node='{node}'><item{identity}>{payload}</item></publish>{form}</pubsub>"


def items(node, inner="", attributes=""):
    return f"<pubsub {PUBSUB}><items node='{node}'{attributes}>{inner}</items></pubsub>"


def nick(name):
    return f"<nick xmlns='{NICK}'>{name}</nick>"


async def wants(device, *nodes):
    """Presence with caps that ask for these nodes (XEP-0163 §4.3.3), and the disco answer that proves them."""
    features = sorted(f"{node}+notify" for node in nodes)
    text = "client/pc//story<" + "".join(f"{feature}<" for feature in features)
    ver = base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()
    await device.sends(f"<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:example:story' ver='{ver}'/></presence>")
    while True:
        # The server asks what the hash means, unless it has learned it already.
        question = await device.stream.wait_for(
            lambda event: getattr(event, "tag", "") in (NS.CLIENT + "iq", NS.CLIENT + "presence") and (
                event.find(NS.DISCO_INFO + "query") is not None or event.get("from") == device.full),
            "a disco#info request or the own presence")
        query = question.find(NS.DISCO_INFO + "query")
        if query is None:
            break
        await device.answers(question, (
            f"<query xmlns='http://jabber.org/protocol/disco#info' node='{query.get('node')}'>"
            "<identity category='client' type='pc' name='story'/>"
            + "".join(f"<feature var='{feature}'/>" for feature in features) + "</query>"))
    for question in device.stream.takes(lambda event: getattr(event, "tag", "") == NS.CLIENT + "iq"
                                        and event.find(NS.DISCO_INFO + "query") is not None):
        await device.answers(question, (
            f"<query xmlns='http://jabber.org/protocol/disco#info' node='{question[0].get('node')}'>"
            "<identity category='client' type='pc' name='story'/>"
            + "".join(f"<feature var='{feature}'/>" for feature in features) + "</query>"))


def event_of(node):
    return f"{NS.PUBSUB_EVENT}event/{NS.PUBSUB_EVENT}items[@node='{node}']"


@story("XEP-0060 §7.1, XEP-0163 §3")
async def what_is_published_can_be_read_back(town):
    [alice] = await town.devices("alice")
    answer = await alice.sets(publish(NICK, nick("Ali"), item="current"))
    assert answer.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}publish/{NS.PUBSUB}item").get("id") == "current"
    for to in (None, alice.bare):
        read = await alice.asks(items(NICK), to=to)
        assert read.findtext(f".//{{{NICK}}}nick") == "Ali"


@story("XEP-0060 §7.1.2")
async def a_publisher_without_item_id_gets_one(town):
    [alice] = await town.devices("alice")
    answer = await alice.sets(publish(NICK, nick("Ali"), item=None))
    assert answer.find(f".//{NS.PUBSUB}item").get("id")


@story("XEP-0163 §4.3")
async def contacts_and_own_devices_that_want_it_are_told_others_not(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.is_friends_with(bob)
    await wants(bob, NICK)
    await wants(carol, NICK)
    laptop = await alice.account.device()
    await wants(laptop, NICK)
    await alice.sets(publish(NICK, nick("Ali")))
    for device in (bob, laptop):
        event = await device.receives("message", child=event_of(NICK))
        assert event.get("from") == alice.bare and event.get("type") == "headline"
        assert event.findtext(f".//{{{NICK}}}nick") == "Ali"
    await carol.receives_no("message", before=ping, child=event_of(NICK))


@story("XEP-0163 §4.3.4")
async def who_comes_online_gets_the_last_item(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(publish(NICK, nick("Ali")))
    laptop = await bob.account.device(present=False)
    await wants(laptop, NICK)
    event = await laptop.receives("message", child=event_of(NICK), from_=alice.bare)
    assert event.findtext(f".//{{{NICK}}}nick") == "Ali"


@story("XEP-0163 §4.3")
async def a_device_that_asked_for_nothing_gets_nothing(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(publish(NICK, nick("Ali")))
    await bob.receives_no("message", before=ping, child=event_of(NICK))


@story("XEP-0060 §6.5.9.1, XEP-0163 §4.2")
async def a_stranger_may_not_read_what_is_for_contacts(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(publish(NICK, nick("Ali")))
    answer = await bob.tries(items(NICK), to=alice.bare)
    assert answer.get("type") == "error", "an item of access model presence was given to a stranger"
    await alice.is_friends_with(bob)
    await bob.asks(items(NICK), to=alice.bare)


@story("XEP-0060 §7.1.5")
async def publish_options_that_do_not_hold_are_a_conflict(town):
    [alice] = await town.devices("alice")
    await alice.sets(publish(NICK, nick("Ali"), options={"access_model": "presence"}))
    error = await alice.is_refused("conflict", publish(NICK, nick("Alice"), options={"access_model": "open"}), "set")
    assert error.find(f".//{NS.PUBSUB_ERROR}precondition-not-met") is not None


@story("XEP-0060 §7.1.5")
async def publish_options_make_a_new_node_as_wished(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(publish(NICK, nick("Ali"), options={"access_model": "open", "persist_items": "true"}))
    await bob.asks(items(NICK), to=alice.bare)


@story("XEP-0060 §7.1.3")
async def nobody_publishes_on_another_account(town):
    alice, bob = await town.devices("alice", "bob")
    answer = await bob.tries(publish(NICK, nick("Evil")), "set", to=alice.bare)
    assert answer.get("type") == "error"
    await alice.is_refused("item-not-found", items(NICK))


@story("XEP-0060 §7.2, §8.4")
async def what_is_retracted_or_deleted_is_gone(town):
    [alice] = await town.devices("alice")
    await alice.sets(publish(NICK, nick("Ali")))
    await alice.sets(f"<pubsub {PUBSUB}><retract node='{NICK}' notify='true'><item id='current'/></retract></pubsub>")
    read = await alice.asks(items(NICK))
    assert read.find(f".//{NS.PUBSUB}item") is None
    await alice.sets(f"<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><delete node='{NICK}'/></pubsub>")
    await alice.is_refused("item-not-found", items(NICK), type_="cancel")


@story("docs/sealed.md 3.5: PEP allow-list")
async def free_text_has_no_node(town):
    [alice] = await town.devices("alice")
    for node, payload in (
            ("urn:xmpp:microblog:0", "<entry xmlns='http://www.w3.org/2005/Atom'><title>the merger</title></entry>"),
            ("http://jabber.org/protocol/mood", "<mood xmlns='http://jabber.org/protocol/mood'><happy/><text>secret</text></mood>"),
            ("http://jabber.org/protocol/geoloc", "<geoloc xmlns='http://jabber.org/protocol/geoloc'><text>here</text></geoloc>"),
            ("urn:example:anything", "<note xmlns='urn:example:anything'>secret</note>")):
        await alice.is_refused("policy-violation", publish(node, payload), "set", type_="modify")
        await alice.is_refused("item-not-found", items(node))


@story("XEP-0060 §6.5")
async def published_items_outlive_the_server(town):
    [alice] = await town.devices("alice")
    await alice.sets(publish(NICK, nick("Ali")))
    await town.restart()
    again = await alice.account.device()
    read = await again.asks(items(NICK))
    assert read.findtext(f".//{{{NICK}}}nick") == "Ali"


CANARY = "the merger is on friday"
BOOKMARKS = "urn:xmpp:bookmarks:1"


@story("docs/sealed.md 3.5: published nodes")
async def the_fields_of_a_vcard_hold_no_markup(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(publish("urn:xmpp:vcard4", "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Alice</text>"
                             f"<x xmlns='jabber:client' a='{CANARY}'><body>{CANARY}</body></x></fn></vcard>"))
    answer = await bob.asks(items("urn:xmpp:vcard4"), to=alice.bare)
    assert "".join(answer.itertext()) == "Alice" and CANARY.encode() not in bytes(bob.stream.heard)


@story("docs/sealed.md 3.5: published nodes")
async def a_node_has_no_title_to_read(town):
    alice, bob = await town.devices("alice", "bob")
    form = ("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#node_config"
            "</value></field><field var='pubsub#access_model'><value>open</value></field>"
            + "".join(f"<field var='pubsub#{name}'><value>{CANARY}</value></field>" for name in ("title", "description", "type"))
            + "</x>")
    await alice.sets(f"<pubsub {PUBSUB}><create node='{NICK}'/><configure>{form}</configure></pubsub>")
    await bob.asks("<query xmlns='http://jabber.org/protocol/disco#items'/>", to=alice.bare)
    await bob.asks(f"<query xmlns='http://jabber.org/protocol/disco#info' node='{NICK}'/>", to=alice.bare)
    assert CANARY.encode() not in bytes(bob.stream.heard)
    await alice.sets(publish(NICK, nick("Al"), options={"title": CANARY, "access_model": "open"}))


@story("docs/sealed.md 3.5: bookmarks, always private")
async def bookmarks_are_shared_with_nobody(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await alice.sets(publish(BOOKMARKS, f"<conference xmlns='{BOOKMARKS}' name='{CANARY}'/>", item="room@rooms.localhost"))
    await alice.is_refused("not-allowed", f"<pubsub {PUBSUB[:-1]}#owner'><affiliations node='{BOOKMARKS}'>"
                           f"<affiliation jid='{bob.bare}' affiliation='member'/></affiliations></pubsub>", "set")
    await bob.is_refused("not-allowed", items(BOOKMARKS), to=alice.bare)
    assert CANARY.encode() not in bytes(bob.stream.heard)
    await alice.asks(items(BOOKMARKS))


@story("limits.item", options={"limits.item": 4096})
async def an_item_is_no_longer_than_allowed(town):
    [alice] = await town.devices("alice")
    for size, kind in ((2000, "result"), (8000, "error")):
        image = png(size)
        answer = await alice.tries(publish("urn:xmpp:avatar:data", "<data xmlns='urn:xmpp:avatar:data'>"
                                           f"{base64.b64encode(image).decode()}</data>", hashlib.sha1(image).hexdigest()), "set")
        assert answer.get("type") == kind, (size, ET.tostring(answer))


if __name__ == "__main__":
    run()
