"""XEP-0292: the newer card, in PEP. Where only sealed content passes it holds the directory's fields."""

import xml.etree.ElementTree as ET

import _path  # noqa: F401
from _pep import PLAIN, event_of, items, publish, wants
from harness import NS, ping, run, story

NODE = "urn:xmpp:vcard4"
VCARD = "{urn:ietf:params:xml:ns:vcard-4.0}"
FULL = ("<fn><text>Alice Dupont</text></fn><n><surname>Dupont</surname><given>Alice</given></n><nickname><text>Ali</text></nickname>"
        "<org><text>Ministère</text></org><title><text>Attachée</text></title><role><text>Chiffre</text></role>"
        "<email><parameters><type><text>work</text></type><pref><integer>1</integer></pref></parameters><text>a@example.org</text></email>"
        "<tel><parameters><type><text>work</text><text>cell</text></type></parameters><uri>tel:+33-1-00-00-00-00</uri></tel>")


def vcard(inner):
    return f"<vcard xmlns='{VCARD[1:-1]}'>{inner}</vcard>"


def flat(element):
    return [(leaf.tag.removeprefix(VCARD), leaf.text) for leaf in element.iter() if len(leaf) == 0]


async def card_of(device, to=None):
    return (await device.asks(items(NODE), to=to)).find(f".//{VCARD}vcard")


@story("XEP-0292 §7")
async def the_server_and_accounts_say_that_they_can(town):
    [alice] = await town.devices("alice")
    for to in ("localhost", alice.bare):
        info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=to)
        assert info.find(f".//{NS.DISCO_INFO}feature[@var='{VCARD[1:-1]}']") is not None, to


@story("XEP-0292 §4")
async def a_card_is_published_told_and_read(town):
    alice, bob, stranger = await town.devices("alice", "bob", "stranger")
    await alice.is_friends_with(bob)
    await wants(bob, NODE)
    await alice.sets(publish(NODE, vcard(FULL), None, {"access_model": "open"}))
    await bob.receives("message", child=event_of(NODE))
    for device, to in ((alice, None), (bob, alice.bare), (stranger, alice.bare)):
        assert flat(await card_of(device, to)) == flat(ET.fromstring(vcard(FULL)))
    await town.restart()
    assert flat(await card_of(await alice.account.device())) == flat(ET.fromstring(vcard(FULL)))
    again = await alice.account.device()
    await again.sets(publish(NODE, vcard("<fn><text>Alicia</text></fn>"), None))  # whole, not a difference (§4.1.2)
    assert flat(await card_of(again)) == [("text", "Alicia")]


@story("XEP-0292 §4.2")
async def who_may_not_read_it_is_told_nothing(town):
    alice, stranger = await town.devices("alice", "stranger")
    await wants(stranger, NODE)
    await alice.sets(publish(NODE, vcard(FULL)))  # for contacts, as any node
    await stranger.is_refused("not-authorized", items(NODE), to=alice.bare, type_="auth")
    await stranger.receives_no("message", before=ping, child=event_of(NODE))
    answer = await stranger.tries(publish(NODE, vcard("<fn><text>Evil</text></fn>")), "set", to=alice.bare)
    assert answer.get("type") == "error"
    assert "Dupont" not in bytes(stranger.stream.heard).decode()


@story("docs/sealed.md 3.5: vCard 4")
async def what_is_no_field_of_the_directory_is_left_out(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    secret = "meet me at the old bridge"
    inner = "".join(f"<{name}><text>{secret}</text></{name}>" for name in ("note", "categories", "prodid", "x-note", "gender"))
    inner += "".join(f"<{name}><uri>{secret}</uri></{name}>" for name in ("url", "photo", "sound", "key", "impp", "geo", "source"))
    inner += (f"<adr><street>{secret}</street></adr><bday><text>{secret}</text></bday>"
              f"<tel><parameters><type><text>home</text><text>{secret}</text></type><label><text>{secret}</text></label>"
              f"<pref><integer>{secret}</integer></pref></parameters><text>1</text></tel>"
              f"<fn a='{secret}'><parameters><language><language-tag>{secret}</language-tag></language></parameters>"
              f"<text>Alice</text><other>{secret}</other></fn>{secret}")
    await alice.sets(publish(NODE, vcard(inner)))
    read = await card_of(bob, alice.bare)
    assert flat(read) == [("text", "home"), ("text", "1"), ("text", "Alice")], ET.tostring(read)
    assert secret.encode() not in town.stored_bytes() and secret.encode() not in bytes(bob.stream.heard)
    for bad in (f"<fn><text>{'x' * 129}</text></fn>", "<fn><text><b>Alice</b></text></fn>",
                8 * f"<org>{8 * f'<text>{120 * chr(49)}</text>'}</org>"):
        await alice.is_refused("policy-violation", publish(NODE, vcard(bad)), "set", type_="modify")
    await alice.is_refused("policy-violation", publish(NODE, "<x xmlns='urn:example:x'>x</x>"), "set", type_="modify")
    assert flat(await card_of(bob, alice.bare))[-1] == ("text", "Alice")


@story("docs/sealed.md 3.5: XEP-0223")
async def private_data_has_no_node_but_those_that_are_known(town):
    [alice] = await town.devices("alice")
    for node in ("urn:xmpp:contacts", "storage:rosternotes", "xmpp:example:settings"):
        payload = f"<x xmlns='{node}'>meet me</x>"
        await alice.is_refused("policy-violation", publish(node, payload, options={"access_model": "whitelist", "persist_items": "true"}),
                               "set", type_="modify")
        await alice.is_refused("item-not-found", items(node))


@story("XEP-0223 §3", options=PLAIN)
async def an_ordinary_server_keeps_private_data_for_their_owner(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await wants(bob, "xmpp:example:settings")
    options = {"access_model": "whitelist", "persist_items": "true"}
    phone = await alice.account.device(present=False)
    await wants(phone, "xmpp:example:settings")
    await alice.sets(publish("xmpp:example:settings", "<x xmlns='xmpp:example:settings'>dark</x>", options=options))
    await phone.receives("message", child=event_of("xmpp:example:settings"))
    await bob.receives_no("message", before=ping, child=event_of("xmpp:example:settings"))
    await bob.is_refused("not-allowed", items("xmpp:example:settings"), to=alice.bare, type_="cancel")
    await alice.is_refused("conflict", publish("xmpp:example:settings", "<x xmlns='xmpp:example:settings'/>",
                                               options={"access_model": "open"}), "set")
    await town.restart()
    answer = await (await alice.account.device()).asks(items("xmpp:example:settings"))
    assert answer.findtext(".//{xmpp:example:settings}x") == "dark"


if __name__ == "__main__":
    run()
