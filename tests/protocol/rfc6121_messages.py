"""RFC 6121 §5 and §8.5: to whom a message goes, and what waits for who is away."""

import _path  # noqa: F401
from harness import NS, answer_of, refusals_of, run, sealed, story, word_from


def message(to, identity, type_="chat", inner=None):
    kind = f" type='{type_}'" if type_ else ""
    return f"<message to='{to}' id='{identity}'{kind}>{inner or sealed()}</message>"


async def is_settled(sender, account):
    """What the sender sent to that account before is stored, or refused."""
    await refusals_of(f"{account.bare}/gone")(sender)


# Sealed hosts refuse headlines and groupchat messages to people earlier, for what they are.
PLAIN = {"sealed.mode": "off"}


@story("RFC 6121 §8.5.3.1")
async def a_message_to_a_full_jid_reaches_that_device_only(town):
    alice, phone = await town.devices("alice", "bob")
    laptop = await phone.account.device()
    await alice.sends(message(laptop.full, "m1"))
    await laptop.receives("message", id="m1", from_=alice.full, to=laptop.full)
    await phone.receives_no("message", before=word_from(alice), id="m1")


@story("RFC 6121 §8.5.2.1.1")
async def a_message_to_a_bare_jid_reaches_every_device_that_wants_it(town):
    alice, phone = await town.devices("alice", "bob")
    laptop = await phone.account.device()
    for kind in ("chat", "normal", None):
        await alice.sends(message(phone.bare, f"m-{kind}", kind))
        for device in (phone, laptop):
            await device.receives("message", id=f"m-{kind}")


@story("RFC 6121 §8.5.2.1.1")
async def a_device_with_negative_priority_is_not_bothered(town):
    alice, phone = await town.devices("alice", "bob")
    shy = await phone.account.device(present=False)
    await shy.becomes_available("<priority>-1</priority>")
    await alice.sends(message(phone.bare, "m1"))
    await phone.receives("message", id="m1")
    await shy.receives_no("message", before=word_from(alice), id="m1")


@story("RFC 6121 §8.5.2.1")
async def a_device_that_sent_no_presence_gets_nothing_to_the_bare_jid(town):
    alice, phone = await town.devices("alice", "bob")
    quiet = await phone.account.device(present=False)
    await alice.sends(message(phone.bare, "m1"))
    await phone.receives("message", id="m1")
    await quiet.receives_no("message", before=word_from(alice), id="m1")


@story("RFC 6121 §8.5.2.2, XEP-0160")
async def what_is_sent_to_who_is_away_waits_with_its_time(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    for number in range(3):
        await alice.sends(message(bob.bare, f"w{number}"))
    await is_settled(alice, bob)
    desk = await bob.device()
    for number in range(3):
        waited = await desk.receives("message")
        assert waited.get("id") == f"w{number}", f"w{number} expected, {waited.get('id')} came"
        delay = waited.find(NS.DELAY + "delay")
        assert delay is not None and delay.get("stamp", "").endswith("Z") and delay.get("from") in ("localhost", bob.bare)
    await desk.leaves()
    again = await bob.device()
    await again.receives_no("message", before=word_from(alice))


@story("XEP-0160 §3")
async def however_much_waits_all_of_it_comes_in_order(town):
    alice, fence = await town.devices("alice", "fence")
    bob = await town.account("bob")
    for number in range(230):
        await alice.sends(message(bob.bare, f"w{number}"))
    await alice.sends(message(fence.full, "sent"))
    await fence.receives("message", id="sent")
    desk = await bob.device()
    for number in range(230):
        waited = await desk.receives("message")
        assert waited.get("id") == f"w{number}", f"w{number} expected, {waited.get('id')} came"
    await alice.sends(message(bob.bare, "new"))
    await desk.receives("message", id="new")


@story("RFC 6121 §8.5.2.2")
async def only_a_device_with_presence_and_no_negative_priority_collects_what_waits(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    await alice.sends(message(bob.bare, "w1"))
    await is_settled(alice, bob)
    quiet = await bob.device(present=False)
    await quiet.receives_no("message", before=word_from(alice))
    await quiet.becomes_available("<priority>-5</priority>")
    await quiet.receives_no("message", before=word_from(alice))
    phone = await bob.device()
    await phone.receives("message", id="w1")


@story("RFC 6121 §8.5.3.2.1")
async def a_chat_message_to_a_device_that_is_gone_reaches_the_others(town):
    alice, phone = await town.devices("alice", "bob")
    await alice.sends(message(f"{phone.bare}/gone", "m1"))
    await phone.receives("message", id="m1")


@story("RFC 6121 §8.5.3.2.1")
async def a_chat_message_to_a_device_that_is_gone_waits_if_nobody_is_there(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    await alice.sends(message(f"{bob.bare}/gone", "m1"))
    await is_settled(alice, bob)
    phone = await bob.device()
    await phone.receives("message", id="m1")


@story("RFC 6121 §8.5.3.2.1", options=PLAIN)
async def other_types_to_a_device_that_is_gone_reach_nobody(town):
    """They come back, so that nobody takes them for delivered; an error is ignored."""
    alice, phone = await town.devices("alice", "bob")
    for kind in ("normal", None, "groupchat", "headline"):
        await alice.sends(message(f"{phone.bare}/gone", f"m-{kind}", kind))
        await alice.gets_error("message", f"m-{kind}", "service-unavailable", "cancel")
    error = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    await alice.sends(message(f"{phone.bare}/gone", "m-error", "error", error))
    for kind in ("normal", None, "groupchat", "headline", "error"):
        await phone.receives_no("message", before=word_from(alice), id=f"m-{kind}")
    await alice.receives_no("message", before=word_from(phone), id="m-error")


@story("RFC 6121 §8.5.3.1", options=PLAIN)
async def every_type_reaches_the_device_that_it_names_even_one_without_presence_or_with_a_negative_priority(town):
    alice, phone = await town.devices("alice", "bob")
    quiet = await phone.account.device(present=False)
    shy = await phone.account.device(present=False)
    await shy.becomes_available("<priority>-1</priority>")
    error = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    for device in (quiet, shy):
        for kind in ("chat", "normal", "groupchat", "headline", "error"):
            await alice.sends(message(device.full, f"m-{kind}", kind, error if kind == "error" else None))
            await device.receives("message", id=f"m-{kind}", to=device.full)
    await phone.receives_no("message", before=word_from(alice), id="m-chat")


@story("RFC 6121 §8.5.2.1.1", options=PLAIN)
async def a_headline_to_a_bare_jid_reaches_every_device_and_waits_for_nobody(town):
    alice, phone = await town.devices("alice", "bob")
    laptop = await phone.account.device()
    carol = await town.account("carol")
    await alice.sends(message(phone.bare, "h1", "headline") + message(carol.bare, "h2", "headline"))
    for device in (phone, laptop):
        await device.receives("message", id="h1")
    await alice.receives_no("message", before=word_from(phone), id="h2")
    desk = await carol.device()
    await desk.receives_no("message", before=word_from(alice), id="h2")


@story("RFC 6121 §8.5.2.1.1")
async def if_all_devices_have_a_negative_priority_a_message_waits(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    shy = await bob.device(present=False)
    await shy.becomes_available("<priority>-1</priority>")
    await alice.sends(message(bob.bare, "m1"))
    await shy.receives_no("message", before=word_from(alice), id="m1")
    await shy.sends("<presence><priority>0</priority></presence>")
    await shy.receives("message", id="m1")


@story("RFC 6121 §8.5.2.1.1, §8.5.2.2.1", options=PLAIN)
async def an_error_to_a_bare_jid_is_ignored(town):
    alice, bob = await town.devices("alice", "bob")
    error = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    await alice.sends(message(bob.bare, "e1", "error", error))
    await bob.receives_no("message", before=word_from(alice), id="e1")
    await alice.receives_no("message", before=word_from(bob), id="e1")


@story("RFC 6121 §8.5.1", options=PLAIN)
async def a_message_to_nobody_is_unavailable(town):
    """§8.5.1 leaves silence or an error. An error: a mistyped address must not look delivered. Who is logged in may know
    who has an account; what is asked of strangers before that is the same for all (rfc6120_sasl)."""
    [alice] = await town.devices("alice")
    await alice.sends(message("nobody@localhost", "h", "headline"))  # §8.5.4: like one to who is away
    for to in ("nobody@localhost", "nobody@localhost/r"):
        for kind in ("chat", "normal", "groupchat"):
            await alice.sends(message(to, f"m-{kind}", kind))
            await alice.gets_error("message", f"m-{kind}", "service-unavailable", "cancel")
    await alice.receives_no("message", before=refusals_of("nobody@localhost/r"), id="h")


@story("RFC 6121 §8.5.2.1.1")
async def a_groupchat_message_to_a_person_is_refused(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "g1", "groupchat"))
    error = await alice.receives("message", id="g1", type_="error")
    assert error.find(NS.CLIENT + "error")[0].tag in (NS.STANZA_ERROR + "service-unavailable",
                                                     NS.STANZA_ERROR + "policy-violation")
    await bob.receives_no("message", before=word_from(alice), id="g1")


@story("RFC 6121 §5.2.5")
async def ids_threads_and_types_arrive_as_they_were(town):
    alice, bob = await town.devices("alice", "bob")
    identity = "id.with-53~odd!chars"
    await alice.sends(f"<message to='{bob.bare}' id='{identity}' type='normal'>{sealed()}<thread>e0ffe42b28561960</thread></message>")
    arrived = await bob.receives("message", id=identity)
    assert arrived.get("type") in (None, "normal")
    assert arrived.findtext(NS.CLIENT + "thread") == "e0ffe42b28561960"


@story("RFC 6121 §8.5.2.2, XEP-0334", options={"limits.offline": 5})
async def what_waits_is_bounded_and_the_sender_is_told(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    for number in range(6):
        await alice.sends(message(bob.bare, f"w{number}"))
    await alice.gets_error("message", "w5", "service-unavailable", "cancel")
    shy = await bob.device(present=False)
    for priority in ("", "<priority>-1</priority>"):  # nobody is there, and who is there wants none
        if priority:
            await shy.becomes_available(priority)
        for to, type_ in ((bob.bare, "chat"), (bob.bare, "normal"), (bob.bare, None), (f"{bob.bare}/gone", "chat")):
            await alice.sends(message(to, "more", type_))
            await alice.gets_error("message", "more", "service-unavailable", "cancel")
    await shy.leaves()
    phone = await bob.device()
    for number in range(5):
        await phone.receives("message", id=f"w{number}")
    await phone.receives_no("message", before=word_from(alice), id="w5")


@story("XEP-0334 §5.1")
async def what_is_not_to_be_stored_does_not_wait(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    await alice.sends(message(bob.bare, "t1", inner=typing + "<no-store xmlns='urn:xmpp:hints'/>"))
    await alice.sends(message(bob.bare, "t2", inner=typing))
    await alice.sends(message(bob.bare, "m1"))
    await is_settled(alice, bob)
    phone = await bob.device()
    await phone.receives("message", id="m1")
    for identity in ("t1", "t2"):
        await phone.receives_no("message", before=word_from(alice), id=identity)


@story("ARCHITECTURE.md, the life of a unit: acknowledged means durable")
async def what_waits_outlives_kill_9(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    await alice.sends("<enable xmlns='urn:xmpp:sm:3'/>")
    await alice.stream.wait_for(lambda event: getattr(event, "tag", "") == "{urn:xmpp:sm:3}enabled", "<enabled/>")
    await alice.sends(message(bob.bare, "k1") + "<r xmlns='urn:xmpp:sm:3'/>")
    while True:  # <a/> counts what is durable
        ack = await alice.stream.wait_for(lambda event: getattr(event, "tag", "") == "{urn:xmpp:sm:3}a", "<a/>")
        if ack.get("h") == "1":
            break
    await town.kill()
    await town.start()
    phone = await bob.device()
    await phone.receives("message", id="k1", from_=alice.full)
    await town.audit_is_sound()


@story("XEP-0203 §4, XEP-0160 §3, XEP-0359", options=PLAIN)
async def the_stamp_of_what_waited_is_the_servers_alone(town):
    """A client's own stamp is left out, of what waits and of what does not; the text is as it was."""
    alice, carol = await town.devices("alice", "carol")
    bob = await town.account("bob")
    forged = "<delay xmlns='urn:xmpp:delay' from='localhost' stamp='2002-09-10T23:08:25Z'/><body>Wherefore?</body>"
    for to in (carol.full, bob.bare):
        await alice.sends(message(to, "forged", inner=forged))
    assert (await carol.receives("message", id="forged")).find(NS.DELAY + "delay") is None
    await is_settled(alice, bob)
    desk = await bob.device()
    waited = await desk.receives("message", id="forged", from_=alice.full, to=bob.bare)
    [stamp] = waited.findall(NS.DELAY + "delay")
    assert stamp.get("from") == "localhost" and stamp.get("stamp") > "2025" and stamp.get("stamp").endswith("Z"), stamp.attrib
    [identity] = waited.findall(NS.STANZA_ID + "stanza-id")
    assert identity.get("by") == bob.bare and waited.findtext(NS.CLIENT + "body") == "Wherefore?"


@story("XEP-0334 §5.1, §5.2, §5.4, XEP-0160 §3", options=PLAIN)
async def hints_decide_what_waits(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    hint = "<{} xmlns='urn:xmpp:hints'/>".format
    typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    cases = {"body": ("<body>x</body>", True), "no-store": ("<body>x</body>" + hint("no-store"), False),
             "no-permanent-store": ("<body>x</body>" + hint("no-permanent-store"), True),  # the archive's business
             "typing": (typing, False), "typing, store": (typing + hint("store"), True),
             "both": ("<body>x</body>" + hint("store") + hint("no-store"), False)}
    for name, (inner, _) in cases.items():
        for kind in ("chat", "normal"):
            await alice.sends(message(bob.bare, f"{name}/{kind}", kind, inner))
    await is_settled(alice, bob)
    desk = await bob.device()
    await word_from(alice)(desk)
    came = [event.get("id") for event in desk.stream.takes(lambda event: getattr(event, "tag", None) == NS.CLIENT + "message")]
    assert came == [f"{name}/{kind}" for name, (_, waits) in cases.items() if waits for kind in ("chat", "normal")], came
    await alice.receives_no("message", before=answer_of(desk), type_="error")


@story("XEP-0160 §3, RFC 6121 §8.5.2.2")
async def what_waited_goes_to_one_device_and_new_messages_to_all(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    for number in range(3):
        await alice.sends(message(bob.bare, f"w{number}"))
    await is_settled(alice, bob)
    desk = await bob.device()
    for number in range(3):
        await desk.receives("message", id=f"w{number}")
    await desk.asks("<ping xmlns='urn:xmpp:ping'/>")
    phone = await bob.device()
    await alice.sends(message(bob.bare, "new"))
    for device in (desk, phone):
        await device.receives("message", id="new")
    for number in range(3):
        await phone.receives_no("message", before=word_from(alice), id=f"w{number}")


run()
