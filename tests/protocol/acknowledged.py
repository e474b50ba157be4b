"""XEP-0198 as ARCHITECTURE.md (the life of a unit) words it: what is acknowledged is durable or in the kernel, never only in this process."""

import _path  # noqa: F401
from harness import NS, Disconnected, ping, run, sealed, story, word_from

SM = "{urn:xmpp:sm:3}"
FLOOD = 250  # messages of 27 KB: more than the kernel takes (4 MiB, tcp_wmem), less than limits.queue
# Others may use half of it (ARCHITECTURE.md), and what waits for its commit weighs twice what was sent.
ROOM = {"shards": 4, "limits.queue": 64 * 1024 * 1024}


def is_named(name):
    return lambda event: getattr(event, "tag", "") == name


async def counting(device):
    await device.sends("<enable xmlns='urn:xmpp:sm:3'/>")
    await device.stream.wait_for(is_named(SM + "enabled"), "<enabled/>")
    return device


async def flood(alice, to, count=FLOOD):
    """`alice` counts; each message comes with a request for an acknowledgement."""
    for number in range(count):
        body = sealed(payload_bytes=20_000)
        await alice.sends(f"<message to='{to}' id='f{number}' type='chat'>{body}</message><r xmlns='urn:xmpp:sm:3'/>")


async def rounds(one, other, count=10):
    """So many messages there and back: each waits for a commit, so what came before has been committed and delivered."""
    for _ in range(count):
        await word_from(one)(other)
        await word_from(other)(one)


async def a_flood_for_a_slow_reader(town):
    """alice, who counts and has sent the flood; carol; bob; his device, which does not read."""
    alice, carol = await town.devices("alice", "carol")
    bob = await town.account("bob")
    slow = await bob.sleeper()
    slow.stream.stops_reading()
    await counting(alice)
    await flood(alice, bob.bare)
    return alice, carol, bob, slow


async def all_is_acknowledged(alice):
    while True:
        if int((await alice.stream.wait_for(is_named(SM + "a"), "<a/>")).get("h")) >= FLOOD:
            return


def acknowledged(alice):
    return max([int(event.get("h")) for event in alice.stream.waiting(is_named(SM + "a"))], default=0)


def flooded(device):
    """Ids of the flood that this device has read, in order of arrival."""
    return [event.get("id") for event in device.stream.waiting(is_named(NS.CLIENT + "message"))
            if event.get("id", "").startswith("f") and event.get("id")[1:].isdigit() and event.get("type") != "error"]


async def reads_to_the_end(device):
    device.stream.reads_again()
    await device.stream.wait_for(lambda event: isinstance(event, Disconnected), "the end of the old connection")
    return flooded(device)


def names(first, last=FLOOD):
    return [f"f{number}" for number in range(first, last)]


@story("ARCHITECTURE.md, the life of a unit: acknowledged means durable", options=ROOM, alone=True)
async def what_waits_for_a_slow_reader_is_not_acknowledged_and_kill_9_loses_nothing_that_was(town):
    alice, carol, bob, slow = await a_flood_for_a_slow_reader(town)
    await rounds(alice, carol)
    await town.kill()
    await alice.stream.wait_for(lambda event: isinstance(event, Disconnected), "the kill")
    promised = acknowledged(alice)
    before = await reads_to_the_end(slow)
    await town.start()
    again = await bob.device()
    await ping(again)
    lost = set(names(0, min(promised, FLOOD))) - set(before) - set(flooded(again))
    assert not lost, f"{promised} acknowledged, of these lost: {sorted(lost)}"
    assert len(before) < FLOOD, "nothing had to wait: this story shows nothing"


@story("ARCHITECTURE.md, the life of a unit: acknowledged means durable", options=ROOM)
async def a_slow_reader_that_reads_again_lets_the_acknowledgements_go(town):
    alice, carol, bob, slow = await a_flood_for_a_slow_reader(town)
    await rounds(alice, carol, 1)
    slow.stream.reads_again()
    for name in names(0):
        await slow.receives("message", id=name)
    await all_is_acknowledged(alice)


@story("ARCHITECTURE.md, the life of a unit: nothing accepted is ever lost", options=ROOM)
async def what_a_broken_connection_did_not_take_is_stored_once(town):
    alice, carol, bob, slow = await a_flood_for_a_slow_reader(town)
    await rounds(alice, carol)
    await slow.drops()
    await all_is_acknowledged(alice)  # every message finds an end
    again = await bob.device()
    await word_from(alice)(again)
    stored = flooded(again)
    assert stored and stored == names(FLOOD - len(stored)), f"stored: {stored}"
    records = [record for record in await town.records(stanza=f"f{FLOOD - 1}") if record.get("verdict") == "stored"]
    assert len(records) == 1 and records[0]["from"] == alice.bare, records


@story("RFC 6120 §7.7.2.2, the life of a unit: nothing accepted is ever lost", options=ROOM)
async def a_session_that_is_replaced_leaves_to_the_next_what_it_has_not_taken(town):
    alice, carol, bob, slow = await a_flood_for_a_slow_reader(town)
    await rounds(alice, carol)
    again = await bob.device("sleeper")
    await word_from(alice)(again)
    taken = await reads_to_the_end(slow)
    left = flooded(again)
    assert left, "nothing had to wait: this story shows nothing"
    assert taken + left == names(0), f"read before: {taken}, after: {left}"


@story("ARCHITECTURE.md, the life of a unit: what begins again", options=ROOM)
async def what_another_device_gets_instead_is_the_same_delivery_with_the_same_id(town):
    alice, carol, bob, slow = await a_flood_for_a_slow_reader(town)
    await rounds(alice, carol)
    laptop = await bob.device()
    await slow.drops()
    await all_is_acknowledged(alice)
    await word_from(alice)(laptop)
    left = {event.get("id"): event for event in laptop.stream.waiting(is_named(NS.CLIENT + "message")) if event.get("id", "").startswith("f")}
    assert list(left)[-1] == f"f{FLOOD - 1}", left
    records = {}
    for record in await town.records(kind="message", from_=alice.bare):
        records.setdefault(record["stanza"], []).append(record)
    for name, event in left.items():
        [record] = records[name]
        assert record["verdict"] == "delivered" and str(record["id"]) == event.find(NS.STANZA_ID + "stanza-id").get("id"), record


BLOCK = "<block xmlns='urn:xmpp:blocking'><item jid='%s'/></block>"


@story("XEP-0191 §3.3, the life of a unit: what begins again", options=ROOM)
async def who_is_blocked_meanwhile_is_blocked_for_what_begins_again(town):
    alice, carol, bob, slow = await a_flood_for_a_slow_reader(town)
    laptop = await bob.device(present=False)
    await rounds(alice, carol)
    await laptop.sets(BLOCK % alice.bare)
    await laptop.becomes_available()
    await slow.drops()
    await all_is_acknowledged(alice)
    await alice.gets_error("message", f"f{FLOOD - 1}", "service-unavailable", "cancel")
    await laptop.receives_no("message", before=ping, from_=alice.full)
    denied = [record for record in await town.records(kind="denied", stanza=f"f{FLOOD - 1}")]
    assert [(record["reason"], record["from"]) for record in denied] == [("blocked", alice.bare)], denied


def at_most(messages):
    return f"""
rule{{
  name = "so many letters",
  match = Kind("message") * Direction("in") * From("alice*@localhost") * Rate{{ per = "from", rate = 0.0001, burst = {messages} }},
  action = Deny{{ "not-allowed" }},
}}
"""


@story("the life of a unit: what begins again is not counted twice", options=ROOM, policy=at_most(FLOOD), alone=True)
async def rules_that_let_a_message_in_are_not_asked_again_but_new_ones_are(town):
    alice, carol, bob, slow = await a_flood_for_a_slow_reader(town)
    await rounds(carol, await bob.device(present=False), 1)
    await slow.drops()
    await all_is_acknowledged(alice)
    again = await bob.sleeper()
    await again.receives("message", id=f"f{FLOOD - 1}")
    await alice.sends(f"<message to='{bob.bare}' id='more' type='chat'>{sealed()}</message>")
    await alice.gets_error("message", "more", "not-allowed")


@story("the life of a unit: what begins again", options=ROOM, policy="-- nothing is refused here, yet\n", alone=True)
async def rules_of_a_reload_hold_for_what_begins_again(town):
    alice, carol, bob, slow = await a_flood_for_a_slow_reader(town)
    await rounds(alice, carol)
    town.write_file(town.policy_file, """
rule{
  name = "alice is silent",
  match = Kind("message") * Direction("in") * From("alice*@localhost") * To("bob*@localhost"),
  action = Deny{ "not-allowed" },
}
""")
    assert (await town.reload())[0] == 0
    await town.ctl("session", "list")  # a fence: every shard has run what a reload left it to do
    await slow.drops()
    await all_is_acknowledged(alice)
    await alice.gets_error("message", f"f{FLOOD - 1}", "not-allowed")
    [record] = await town.records(kind="denied", stanza=f"f{FLOOD - 1}")
    assert record["rule"] == "alice is silent", record


@story("ARCHITECTURE.md, the life of a unit: nothing accepted is ever lost", options=ROOM)
async def what_a_broken_connection_did_not_take_comes_back_if_it_may_not_wait(town):
    alice, carol, bob, slow = await a_flood_for_a_slow_reader(town)
    await alice.sends(f"<message to='{slow.full}' id='normal'>{sealed()}</message>")  # §8.5.3.2.1: to this device alone
    await rounds(alice, carol)
    await slow.drops()
    await alice.gets_error("message", "normal", "service-unavailable")


@story("docs/sealed.md D2: what came back is not what was delivered", options={**ROOM, "archive.enabled": False})
async def what_came_back_may_be_sent_again_as_it_was(town):
    alice, carol, bob, slow = await a_flood_for_a_slow_reader(town)
    normal = f"<message to='{slow.full}' id='normal'>{sealed()}</message>"
    await alice.sends(normal)
    await rounds(alice, carol)
    await slow.drops()
    await alice.gets_error("message", "normal", "service-unavailable")
    again = await bob.device(slow.full.partition("/")[2])
    assert again.full == slow.full
    await alice.sends(normal)
    await again.receives("message", id="normal", from_=alice.full)


@story("XEP-0160", options=ROOM, alone=True)
async def what_waited_is_kept_until_the_kernel_has_it(town):
    alice, carol = await town.devices("alice", "carol")
    bob = await town.account("bob")
    for number in range(5):
        await alice.sends(f"<message to='{bob.bare}' id='w{number}' type='chat'>{sealed()}</message>")
    slow = await bob.sleeper(present=False)
    slow.stream.stops_reading()
    await counting(alice)
    await flood(alice, slow.full)
    await rounds(alice, carol)
    await slow.sends("<presence/>")
    for number in range(20):  # the drain, and whatever it commits, has long come about
        await slow.sends(f"<message to='{carol.bare}' id='n{number}' type='chat'>{sealed()}</message>")
        await carol.receives("message", id=f"n{number}")
    await town.kill()
    assert len(await reads_to_the_end(slow)) < FLOOD, "nothing had to wait: this story shows nothing"
    await town.start()
    again = await bob.device()
    for number in range(5):
        await again.receives("message", id=f"w{number}")


run()
