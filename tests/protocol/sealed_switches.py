"""docs/sealed.md 3.6: each switch of docs/sealed-table.md passes what it names and nothing else; beside it the twin, as it
is by default."""

import xml.etree.ElementTree as ET

import _path  # noqa: F401
from _archive import asks
from _pep import event_of, items, publish, wants
from _table import printed
from harness import NS, ping, run, sealed, story, word_from

CANARY = "the merger is on friday"
WORD = b"merger"
GEOLOC, MOOD = "http://jabber.org/protocol/geoloc", "http://jabber.org/protocol/mood"
ACTIVITY, TUNE = "http://jabber.org/protocol/activity", "http://jabber.org/protocol/tune"
PLACE = f"<geoloc xmlns='{GEOLOC}'><lat>48.8</lat><lon>2.3</lon><text>{CANARY}</text></geoloc>"
REACTIONS = "<reactions xmlns='urn:xmpp:reactions:0' id='m0'><reaction>👍</reaction></reactions><store xmlns='urn:xmpp:hints'/>"

# Beside a seal: what is sent, and the element that arrives while the switch is open.
BESIDE = {
    "reactions": (REACTIONS, "{urn:xmpp:reactions:0}reactions"),
    "subjects": ("<subject>Budget</subject>", NS.CLIENT + "subject"),
    "links": (f"<x xmlns='jabber:x:oob'><url>https://a.example/f</url><desc>{CANARY}</desc></x>", "{jabber:x:oob}x"),
    "locations": (PLACE, f"{{{GEOLOC}}}geoloc"),
    "nicknames": ("<nick xmlns='http://jabber.org/protocol/nick'>Ali</nick>", "{http://jabber.org/protocol/nick}nick"),
    "markup": ("<markup xmlns='urn:xmpp:markup:0'><span start='0' end='3'><strong/></span></markup>", "{urn:xmpp:markup:0}markup"),
    "attention": ("<attention xmlns='urn:xmpp:attention:0'/>", "{urn:xmpp:attention:0}attention"),
    "replies": ("<reply xmlns='urn:xmpp:reply:0' id='m0'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>"
                "<body start='0' end='5'/></fallback>", "{urn:xmpp:reply:0}reply"),
    "threads": ("<thread>t1</thread>", NS.CLIENT + "thread"),
}
# By themselves.
ALONE = {"reactions": REACTIONS, "locations": PLACE}
PRESENCE = {
    "status": (f"<status>In a meeting</status><x xmlns='urn:x'>{CANARY}</x>", NS.CLIENT + "status"),
    "idle": ("<idle xmlns='urn:xmpp:idle:1' since='2026-11-24T10:00:00Z'/>", "{urn:xmpp:idle:1}idle"),
}
PUBLISHED = {
    "locations": (GEOLOC, PLACE, b"48.8"),
    "moods": (MOOD, f"<mood xmlns='{MOOD}'><in_awe/><text>{CANARY}</text></mood>", b"in_awe"),
    "activities": (ACTIVITY, f"<activity xmlns='{ACTIVITY}'><working><coding/></working><text>{CANARY}</text></activity>", b"coding"),
    "tunes": (TUNE, f"<tune xmlns='{TUNE}'><title>Clair de lune</title><uri>https://a.example/merger</uri></tune>", b"Clair de lune"),
}
OPEN = {row[0].strip("`"): row[1].startswith("open") for row in printed()["Switches"]}


def state(name, turned):
    """The option that turns the switch, if it is to be turned, and whether it is open then."""
    option = "sealed.deny" if OPEN[name] else "sealed.allow"
    return ({option: [name]} if turned else {}), OPEN[name] != turned


def children(stanza):
    return {child.tag for child in stanza}


async def beside_a_seal(alice, bob, name, is_open):
    for other, (inner, tag) in BESIDE.items():
        passes = is_open if other == name else OPEN[other]
        await alice.sends(f"<message to='{bob.full}' id='b-{other}' type='chat'>{sealed()}{inner}</message>")
        arrived = await bob.receives("message", id=f"b-{other}")
        assert (tag in children(arrived)) == passes, f"{other}, while {name} is {is_open}: {ET.tostring(arrived)[:300]}"


async def alone(alice, bob, name, is_open):
    for other, inner in ALONE.items():
        await alice.sends(f"<message to='{bob.full}' id='a-{other}' type='chat'>{inner}</message>")
        if other == name and is_open:
            await bob.receives("message", id=f"a-{other}")
        else:
            await alice.gets_error("message", f"a-{other}", "policy-violation")
            await bob.receives_no("message", before=word_from(alice), id=f"a-{other}")
    # A text stays one, whatever stands beside it.
    for inner in (f"<body>{CANARY}</body>", f"<body>{CANARY}</body>{ALONE.get(name, '')}", f"<subject>{CANARY}</subject>"):
        await alice.sends(f"<message to='{bob.full}' id='text' type='chat'>{inner}</message>")
        await alice.gets_error("message", "text", "policy-violation")


async def in_presence(alice, bob, name, is_open):
    for other, (inner, tag) in PRESENCE.items():
        await alice.sends(f"<presence id='p-{other}'>{inner}</presence>")
        told = await bob.receives("presence", from_=alice.full, id=f"p-{other}")
        assert (tag in children(told)) == (is_open if other == name else OPEN[other]), ET.tostring(told)


async def published(alice, bob, name, is_open):
    for other, (node, payload, word) in PUBLISHED.items():
        if other == name and is_open:
            await alice.sets(publish(node, payload, "current"))
            for found in (await bob.receives("message", child=event_of(node)), await bob.asks(items(node), to=alice.bare)):
                assert word in ET.tostring(found) and WORD not in ET.tostring(found), ET.tostring(found)
        else:
            await alice.is_refused("policy-violation", publish(node, payload, "current"), "set")
    for node, payload in (("urn:xmpp:microblog:0", f"<entry xmlns='http://www.w3.org/2005/Atom'>{CANARY}</entry>"),
                          (MOOD, f"<mood xmlns='{MOOD}'><merger/></mood>"), (TUNE, f"<note xmlns='urn:x'>{CANARY}</note>")):
        await alice.is_refused("policy-violation", publish(node, payload, "other"), "set")


def of(name, turned):
    options, is_open = state(name, turned)

    @story(f"docs/sealed-table.md: {name} {'turned' if turned else 'as it is by default'}", options=options)
    async def what_it_names_and_nothing_else(town):
        alice, bob = await town.devices("alice", "bob")
        await alice.is_friends_with(bob)
        await wants(bob, *(node for node, _, _ in PUBLISHED.values()))
        begin = len(bob.stream.heard)
        await beside_a_seal(alice, bob, name, is_open)
        await alone(alice, bob, name, is_open)
        await in_presence(alice, bob, name, is_open)
        await published(alice, bob, name, is_open)
        await word_from(alice)(bob)
        assert WORD not in bytes(bob.stream.heard[begin:])
    return what_it_names_and_nothing_else


for name in OPEN:
    assert name in {*BESIDE, *PRESENCE, *PUBLISHED}, f"a switch without an example: {name}"
    globals()[f"{name}_turned"] = of(name, True)
globals()["as_they_are_by_default"] = of("reactions", False)


@story("docs/sealed.md 3.6: by host", options={'host["localhost"].sealed.allow': ["subjects"], "sealed.allow": ["reactions"]})
async def a_host_has_its_own_list(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<message to='{bob.full}' id='h1' type='chat'>{sealed()}<subject>Budget</subject>{REACTIONS}</message>")
    found = children(await bob.receives("message", id="h1"))
    assert NS.CLIENT + "subject" in found and "{urn:xmpp:reactions:0}reactions" not in found


async def turns(town, **options):
    for option in ("sealed.allow", "sealed.deny"):
        town.options[option] = options.get(option.partition(".")[2])
    town.write_config()
    assert (await town.reload())[0] == 0
    await town.ctl("session", "list")  # a fence: every shard has run what a reload left it to do


@story("docs/sealed.md 3.6", alone=True, options={"sealed.allow": [name for name, is_open in OPEN.items() if not is_open],
                                                  "archive.enabled": True})
async def what_a_switch_let_in_is_not_shown_once_it_is_closed(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    away = await town.account("dave")
    await alice.is_friends_with(bob)
    await alice.becomes_available("<status>Merger talks</status>")
    await bob.receives("presence", from_=alice.full, child=NS.CLIENT + "status")
    for to, identity in ((bob.bare, "archived"), (away.bare, "waits")):
        await alice.sends(f"<message to='{to}' id='{identity}' type='chat'>{sealed()}<subject>Merger talks</subject></message>")
        await alice.sends(f"<message to='{to}' id='{identity}-alone' type='chat'>{REACTIONS}</message>")
    assert NS.CLIENT + "subject" in children(await bob.receives("message", id="archived"))
    await bob.receives("message", id="archived-alone")
    await alice.sets(publish(TUNE, f"<tune xmlns='{TUNE}'><title>Merger talks</title></tune>", "current"))
    await word_from(alice)(bob)
    shown = {one.get("id"): ET.tostring(one, encoding="utf-8") for one in (await asks(bob)).messages}
    assert b"Merger talks" in shown["archived"] and "👍".encode() in shown["archived-alone"]
    await turns(town)
    # The archive, by the rules of now.
    shown = {one.get("id"): children(one) for one in (await asks(bob)).messages if one is not None}
    assert NS.CLIENT + "subject" not in shown["archived"] and "archived-alone" not in shown, shown
    # What waited: sealed, without its subject; what is nothing without its reactions is dropped, with a record.
    dave = await away.device()
    arrived = await dave.receives("message", id="waits")
    assert NS.CLIENT + "subject" not in children(arrived)
    await dave.receives_no("message", before=word_from(alice), id="waits-alone")
    assert [one["reason"] for one in await town.records(kind="denied", to=dave.bare)] == ["reaction"]
    # Presence, to who comes now; the node, to who asks now.
    tablet = await bob.account.device("tablet")
    told = await tablet.receives("presence", from_=alice.full)
    assert NS.CLIENT + "status" not in children(told)
    for reader in (tablet, carol):
        await reader.is_refused("item-not-found", items(TUNE), to=alice.bare)
    for device in (tablet, dave):
        assert b"Merger" not in bytes(device.stream.heard)
    # And it comes back with the switch.
    await turns(town, allow=["tunes"])
    assert b"Merger talks" in ET.tostring(await tablet.asks(items(TUNE), to=alice.bare))


@story("docs/sealed.md 3.6: a name that is none", alone=True)
async def a_wrong_name_is_told_with_the_nearest_and_changes_nothing(town):
    alice, bob = await town.devices("alice", "bob")
    town.options["sealed.allow"] = ["reaction"]
    town.write_config()
    status, *output = await town.reload()
    output = "".join(output)
    assert status != 0 and 'the nearest is "reactions"' in output and "valise.lua:" in output, output
    await alice.sends(f"<message to='{bob.full}' id='n1' type='chat'>{REACTIONS}</message>")
    await alice.gets_error("message", "n1", "policy-violation")
    await ping(alice)


run()
