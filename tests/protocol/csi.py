"""XEP-0352: while nobody looks at a client, what can wait does, and comes before whatever cannot."""

import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness import NS, ping, run, sealed, story, with_id, word_from
from _managed import SM, Managed, ends_with
from _pep import create, event_of, nick, note, publish, retract, wants, NICK, NODE, PLAIN

CSI = "{urn:xmpp:csi:0}csi"
ACTIVE = "<active xmlns='urn:xmpp:csi:0'/>"
INACTIVE = "<inactive xmlns='urn:xmpp:csi:0'/>"
COMPOSING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
NO_STORE = "<no-store xmlns='urn:xmpp:hints'/>"


def message(to, identity, inner=None, type_="chat"):
    return f"<message to='{to}' id='{identity}' type='{type_}'>{sealed() if inner is None else inner}</message>"


async def two_friends(town):
    """alice, whose client is inactive; bob, who sees her and she him."""
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await falls_idle(alice)
    return alice, bob


async def falls_idle(device):
    """Behind it only what is important is sent at once; nothing that came before is left."""
    await device.sends(INACTIVE)
    await ping(device)
    device.stream.takes(lambda event: True)


def came(device):
    """What the device has got since it fell idle, in order, in short."""
    return [in_short(event) for event in device.stream.waiting(lambda event: isinstance(event, ET.Element))]


def in_short(stanza):
    name = stanza.tag.removeprefix(NS.CLIENT)
    if name == "presence":
        return stanza.get("type") or stanza.findtext(NS.CLIENT + "show") or "there"
    if name == "message" and stanza.find(NS.PUBSUB_EVENT + "event") is not None:
        return "event " + " ".join((one.tag.split("}")[1] if "retract" in one.tag else "") + one.get("id", "")
                                   for one in stanza.find(f"{NS.PUBSUB_EVENT}event/{NS.PUBSUB_EVENT}items"))
    return stanza.get("id")


async def shows(device, *words):
    for word in words:
        await device.becomes_available(f"<show>{word}</show>")


@story("XEP-0352 §4.1")
async def it_is_offered_behind_log_in(town):
    stream = town.stream()
    await stream.reaches_tls()
    assert stream.features.find(CSI) is None
    account = await town.account("alice")
    await stream.authenticates(account.name, account.password)
    assert stream.features.find(CSI) is not None


@story("XEP-0352 §3.2", options={"csi.enabled": False})
async def an_administrator_switches_it_off_and_who_says_it_all_the_same_gets_everything(town):
    stream = town.stream()
    await stream.reaches_tls()
    account = await town.account("alice")
    await stream.authenticates(account.name, account.password)
    assert stream.features.find(CSI) is None
    alice, bob = await two_friends(town)
    await shows(bob, "away", "dnd")
    await word_from(bob)(alice)
    assert came(alice) == ["away", "dnd"]
    await alice.sends(ACTIVE)
    await ping(alice)


@story("XEP-0352 §4.2")
async def nothing_else_is_said_in_its_namespace(town):
    [alice] = await town.devices("alice")
    await alice.sends("<absent xmlns='urn:xmpp:csi:0'/>")
    await alice.stream.fails_with("unsupported-stanza-type")


@story("XEP-0352 §5: a stream begins active")
async def who_says_nothing_gets_everything_at_once(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    alice.stream.takes(lambda event: True)
    await shows(bob, "away", "dnd")
    await bob.sends(message(alice.full, "c1", COMPOSING))
    await word_from(bob)(alice)
    assert came(alice) == ["away", "dnd", "c1"]


@story("XEP-0352 §3.2")
async def presence_waits_and_its_last_word_comes_before_a_message(town):
    alice, bob = await two_friends(town)
    await shows(bob, "away", "xa", "dnd")
    await bob.sends(message(alice.bare, "m1"))
    await word_from(bob)(alice)
    assert came(alice) == ["dnd", "m1"]
    await shows(bob, "chat")  # it is still inactive
    await word_from(bob)(alice)
    assert came(alice) == ["dnd", "m1", "chat"]


@story("XEP-0352 §5.1")
async def what_waited_comes_when_the_client_is_active_before_the_answer_to_its_next_request(town):
    alice, bob = await two_friends(town)
    phone = await bob.account.device("phone")
    await shows(phone, "away")
    await shows(bob, "dnd", "chat", "xa")
    await ping(bob)
    assert came(alice) == []
    await alice.sends(f"{ACTIVE}<iq type='get' id='p1'><ping xmlns='urn:xmpp:ping'/></iq>")
    await alice.stream.wait_for(with_id("p1"), "the answer")
    assert came(alice) == ["away", "xa"]
    await shows(bob, "away", "dnd")  # and from now on all comes
    await word_from(bob)(alice)
    assert came(alice) == ["away", "xa", "away", "dnd"]


@story("XEP-0352 §3.2: XEP-0085")
async def a_chat_state_that_nobody_sees_is_left_out(town):
    alice, bob = await two_friends(town)
    await bob.sends(message(alice.full, "c1", COMPOSING) + message(alice.full, "c2", COMPOSING + NO_STORE)
                    + message(alice.full, "m1", sealed() + "<active xmlns='http://jabber.org/protocol/chatstates'/>"))
    await word_from(bob)(alice)
    assert came(alice) == ["m1"]
    await alice.sends(ACTIVE)
    await word_from(bob)(alice)
    assert came(alice) == ["m1"]


@story("XEP-0352 §3.2, XEP-0280")
async def a_copy_waits_no_longer_than_its_message(town):
    alice, bob = await town.devices("alice", "bob")
    laptop = await alice.account.device("laptop")
    await laptop.sets("<enable xmlns='urn:xmpp:carbons:2'/>")
    await falls_idle(laptop)
    await bob.sends(message(alice.full, "c1", COMPOSING) + message(alice.full, "m1"))
    await alice.sends(message(bob.full, "c2", COMPOSING) + message(bob.full, "m2"))
    for identity in ("m1", "m2"):
        await laptop.stream.wait_for(lambda event: getattr(event, "tag", None) == NS.CLIENT + "message" and any(
            one.get("id") == identity for one in event.iter(NS.CLIENT + "message")), f"a copy of {identity}")
    assert came(laptop) == []


@story("XEP-0352 §3.2: XEP-0163", options=PLAIN)
async def of_events_about_one_item_the_last_one_comes(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await wants(alice, NODE, NICK)
    await bob.sets(publish(NICK, nick("Bob")))
    await alice.receives("message", child=event_of(NICK))
    await bob.sets(create(NODE, max_items="10"))
    await falls_idle(alice)
    for item, text in (("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")):
        await bob.sets(publish(NODE, note(text), item=item))
    await bob.sets(publish(NICK, nick("Robert")))
    await bob.sets(retract(NODE, "b", " notify='true'"))
    await word_from(bob)(alice)
    events = alice.stream.waiting(lambda event: isinstance(event, ET.Element))
    assert came(alice) == ["event a", "event c", "event current", "event retractb"], came(alice)
    assert events[0].findtext(f".//{{{NODE}}}note") == "3"


@story("XEP-0352 §3.2, options", options={**PLAIN, "csi.queue": 0})
async def a_queue_without_room_lets_all_pass(town):
    alice, bob = await two_friends(town)
    await shows(bob, "away", "dnd")
    await word_from(bob)(alice)
    assert came(alice) == ["away", "dnd"]


@story("XEP-0352 §3.2, options", options={**PLAIN, "csi.queue": 8192})
async def what_waits_is_bounded_and_goes_when_it_is_full(town):
    alice, bob = await two_friends(town)
    for number in range(16):
        await bob.account.device(f"device{number}")
    await alice.receives("presence", from_=f"{bob.bare}/device0")  # nothing else has asked for it
    assert "device15" not in {event.get("from").split("/")[1] for event in alice.stream.waiting(
        lambda event: getattr(event, "tag", None) == NS.CLIENT + "presence")}


IMPORTANT = [
    ("<message to='{full}' id='x' type='chat'>{sealed}</message>", "x"),
    ("<message to='{full}' id='x' type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='m'/></message>", "x"),
    ("<message to='{full}' id='x' type='chat'><received xmlns='urn:xmpp:receipts' id='m'/></message>", "x"),
    ("<message to='{full}' id='x' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='c'>"
     "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>", "x"),
    ("<message to='{full}' id='x' type='error'><error type='cancel'>"
     "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", "x"),
    ("<presence to='{bare}' type='unsubscribe'/>", "unsubscribe"),
    ("<iq to='{full}' type='get' id='x'><ping xmlns='urn:xmpp:ping'/></iq>", "x"),
]


@story("XEP-0352 §3.2")
async def what_somebody_waits_for_comes_at_once_behind_what_waited(town):
    for stanza, name in IMPORTANT:
        alice, bob = await two_friends(town)
        await shows(bob, "away", "dnd")
        await bob.sends(stanza.format(full=alice.full, bare=alice.bare, sealed=sealed()))
        await alice.stream.wait_for(lambda event: isinstance(event, ET.Element) and in_short(event) == name, stanza)
        assert came(alice)[:1] == ["dnd"], (stanza, came(alice))


@story("XEP-0352 §5, §6")
async def it_changes_no_presence_and_nobody_learns_of_it(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    bob.stream.takes(lambda event: True)
    await alice.sends(INACTIVE + INACTIVE)
    await word_from(alice)(bob)
    await alice.sends(ACTIVE + ACTIVE)
    await word_from(alice)(bob)
    assert came(bob) == []
    await alice.sends(INACTIVE)
    await shows(alice, "away")  # the own presence is its answer, and does not wait
    await bob.receives("presence", from_=alice.full)


# -- XEP-0198 ---------------------------------------------------------------------------------------------------------
@story("XEP-0352 §5.2, XEP-0198 §4")
async def what_waits_is_not_sent_and_is_not_counted(town):
    alice, bob = await two_friends(town)
    alice = await Managed.of(alice)
    await shows(bob, "away", "dnd")
    await word_from(bob)(alice)
    assert alice.h == 2  # "dnd" and the word
    await alice.acks()
    await ping(alice)
    await shows(bob, "xa")
    await ping(bob)
    await alice.acks(4)  # with the ping's answer there were three
    error = await ends_with(alice.stream, "undefined-condition")
    assert error.find(SM + "handled-count-too-high").get("send-count") == "3", ET.tostring(error)


@story("XEP-0352 §5.2")
async def a_resumed_stream_begins_active_and_what_waited_follows_what_was_lost(town):
    alice, bob = await two_friends(town)
    alice = await Managed.of(alice)
    await shows(bob, "away", "dnd")
    await bob.sends(message(alice.full, "m1"))
    await word_from(bob)(alice)
    assert came(alice) == ["dnd", "m1"]
    await shows(bob, "xa", "chat")
    await ping(bob)
    await alice.is_cut()
    await bob.sends(message(alice.full, "c1", COMPOSING))
    await shows(bob, "away")
    again = await alice.resumes(h=1)  # of "dnd", m1 and the word it had the first
    await shows(bob, "xa", "dnd")
    await word_from(bob)(again)
    got = [word for word in came(again) if word and not word.startswith(("fence", "v"))]  # v: what the server asks
    # Whether the server saw the cut before c1 came, nobody knows: it is active from then on.
    assert got in (["m1", "away", "xa", "dnd"], ["m1", "chat", "c1", "away", "xa", "dnd"]), got


run()
