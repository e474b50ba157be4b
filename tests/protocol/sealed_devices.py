"""docs/sealed.md 3.7-8 to 10, D4, D6: what a sealed message says of devices is what their people have published."""

import base64

import _path  # noqa: F401
from harness import NS, run, story
from harness.corpus import published, recordings, stanzas, write
from harness.device import expect_error, matcher
from harness.sealed import encrypted, encrypted_2
from harness.town import PUBLISHED_DEVICES
from corpus import addressed, publishes_its_keys, sender_of
from pep import publish

LIST = "eu.siacs.conversations.axolotl.devicelist"
LIST2 = "urn:xmpp:omemo:2:devices"
BUNDLES2 = "urn:xmpp:omemo:2:bundles"
NOT_ANNOUNCED = "Your device is not announced yet. Try again shortly, or reset OMEMO."
STATE = "<active xmlns='http://jabber.org/protocol/chatstates'/>"
PHONE, LAPTOP, STRANGER = 11, 12, 666  # device ids


def checked(section, **how):
    """A story in a town that compares devices, as a server does of which nothing else was said."""
    options = {**PUBLISHED_DEVICES, **how.pop("options", {})}
    return story(section, options=options, **how)


def device_list(*ids):
    return "<list xmlns='eu.siacs.conversations.axolotl'>" + "".join(f"<device id='{i}'/>" for i in ids) + "</list>"


def device_list_2(*ids):
    return "<devices xmlns='urn:xmpp:omemo:2'>" + "".join(f"<device id='{i}'/>" for i in ids) + "</devices>"


def bundle():
    """A sound legacy bundle, which fits every device id, and its identity key."""
    _, item = published("correct--dino-alice9x0", "eu.siacs.conversations.axolotl.bundles:")
    return write(item[0]), base64.b64decode(item.find(f".//{NS.OMEMO}identityKey").text)


def bundle_2():
    _, item = published("pair_profanity_bot--bot-carol1x0", BUNDLES2)
    return write(item[0]), base64.b64decode(item.find(f".//{NS.OMEMO2}ik").text)


async def people(town):
    """Alice with her phone and laptop, Bob with his phone, in their lists."""
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(publish(LIST, device_list(PHONE, LAPTOP)))
    await bob.sets(publish(LIST, device_list(PHONE)))
    return alice, bob


def message(to, identity, inner):
    return f"<message to='{to}' id='{identity}' type='chat'>{inner}</message>"


def sign_from(sender):
    """A fence that is not sealed: a chat state."""
    async def fence(device):
        await sender.sends(message(device.full, "fence", STATE))
        await device.receives("message", id="fence", child=NS.CHAT_STATES + "active")
    return fence


async def passes(sender, receiver, identity, inner):
    await sender.sends(message(receiver.bare, identity, inner))
    await receiver.receives("message", id=identity, type_="chat")


async def refused(sender, receiver, identity, inner, reason, kind="modify"):
    """It comes back with that reason, nothing of it arrives, and the log says so. Returns the text."""
    await sender.sends(message(receiver.bare, identity, inner))
    error = await sender.gets_error("message", identity, "policy-violation", kind)
    assert error.find(f".//{NS.POLICY}sealed-required").get("reason") == reason
    await receiver.receives_no("message", before=sign_from(sender), id=identity)
    town = sender.account.town
    [record] = await town.records(kind="denied", reason=reason, stanza=identity, from_=sender.bare)
    assert record["to"] == receiver.bare and record["verdict"] == "refused", record
    return error.find(f".//{NS.STANZA_ERROR}text").text


async def all_is_looked_at(town, sender, units):
    """While the store is paused: the server has seen all that this session sent, and so many units of it wait there, a
    change of its contact list among them."""
    await sender.sends("<iq type='set' id='last'><query xmlns='jabber:iq:roster'><item jid='last@localhost'/></query></iq>")
    await town.waits_for_the_store(units)
    assert (await town.ctl_json("status"))["commit"]["waiting"] == units


@checked("docs/sealed.md 3.7-9")
async def a_listed_device_writes_and_another_does_not(town):
    alice, bob = await people(town)
    await passes(alice, bob, "m1", encrypted(sid=PHONE, rids=(PHONE,)))
    text = await refused(alice, bob, "m2", encrypted(sid=STRANGER, rids=(PHONE,)), "device-unknown", "wait")
    assert text == NOT_ANNOUNCED
    await passes(alice, bob, "m3", encrypted(sid=LAPTOP, rids=(PHONE,)))
    await alice.sets(publish(LIST, device_list(PHONE)))
    await refused(alice, bob, "m4", encrypted(sid=LAPTOP, rids=(PHONE,)), "device-unknown", "wait")


@checked("docs/sealed.md 3.7-9")
async def who_has_published_no_list_writes_nothing_and_a_list_of_the_other_version_does_not_count(town):
    alice, bob = await people(town)
    [carol] = await town.devices("carol")
    await refused(carol, bob, "m1", encrypted(sid=PHONE, rids=(PHONE,)), "device-unknown", "wait")
    await carol.sets(publish(LIST2, device_list_2(PHONE)))
    await refused(carol, bob, "m2", encrypted(sid=PHONE, rids=(PHONE,)), "device-unknown", "wait")
    await bob.sets(publish(LIST2, device_list_2(PHONE)))
    await passes(carol, bob, "m3", encrypted_2({bob.bare: [PHONE]}, PHONE))
    await refused(alice, bob, "m4", encrypted_2({bob.bare: [PHONE]}, PHONE), "device-unknown", "wait")


@checked("docs/sealed.md D11")
async def a_french_stream_reads_why_in_french(town):
    _, bob = await people(town)
    carol = await (await town.account("carol")).device(lang="fr")
    text = await refused(carol, bob, "m1", encrypted(sid=PHONE, rids=(PHONE,)), "device-unknown", "wait")
    assert text == "Votre appareil n’est pas encore déclaré. Réessayez dans un instant ; sinon réinitialisez OMEMO."


@checked("docs/sealed.md D4: a publication under way", alone=True)
async def what_is_sent_right_behind_the_list_waits_for_it_and_keeps_its_order(town):
    _, bob = await people(town)
    [carol] = await town.devices("carol")
    async with town.store_is_paused("pep_item"):
        await carol.sends(f"<iq type='set' id='list'>{publish(LIST, device_list(PHONE))}</iq>")
        await carol.sends(message(bob.bare, "m1", encrypted(sid=PHONE, rids=(PHONE,))))
        await carol.sends(message(bob.bare, "m2", STATE))  # which alone would have a record by now
        await carol.sends(message(bob.bare, "m3", encrypted(sid=STRANGER, rids=(PHONE,))))
        await all_is_looked_at(town, carol, 2)  # list and contact: no message has gone on, none was refused
    await carol.receives("iq", id="list", type_="result")
    assert (await bob.receives("message", type_="chat")).get("id") == "m1"
    assert (await bob.receives("message", type_="chat")).get("id") == "m2"
    await carol.gets_error("message", "m3", "policy-violation", "wait")


@checked("docs/sealed.md D4: a publication under way", alone=True)
async def a_list_that_does_not_name_it_is_no_help(town):
    _, bob = await people(town)
    [carol] = await town.devices("carol")
    async with town.store_is_paused("pep_item"):
        await carol.sends(f"<iq type='set' id='list'>{publish(LIST, device_list(LAPTOP))}</iq>")
        await carol.sends(message(bob.bare, "m1", encrypted(sid=PHONE, rids=(PHONE,))))
        await all_is_looked_at(town, carol, 2)
    await carol.gets_error("message", "m1", "policy-violation", "wait")
    await bob.receives_no("message", before=sign_from(carol), id="m1")


@checked("docs/sealed.md D4: a publication under way", alone=True)
async def who_leaves_while_his_message_waits_has_sent_it(town):
    _, bob = await people(town)
    [carol] = await town.devices("carol")
    async with town.store_is_paused("pep_item"):
        await carol.sends(f"<iq type='set' id='list'>{publish(LIST, device_list(PHONE))}</iq>")
        await carol.sends(message(bob.bare, "m1", encrypted(sid=PHONE, rids=(PHONE,))))
        await all_is_looked_at(town, carol, 2)
        await carol.drops()
        while (await town.ctl_json("status"))["sessions"] != 2:
            pass  # nobody else tells when it has ended
    await bob.receives("message", id="m1", from_=carol.full)


@checked("limits.queue: what waits", options={"limits.queue": 65536, "limits.stanza": 32768}, alone=True)
async def what_a_session_may_have_waiting_is_bounded(town):
    _, bob = await people(town)
    [carol] = await town.devices("carol")
    sent = [f"m{number}" for number in range(100)]
    async with town.store_is_paused("pep_item"):
        await carol.sends(f"<iq type='set' id='list'>{publish(LIST, device_list(PHONE))}</iq>")
        for identity in sent:
            await carol.sends(message(bob.bare, identity, encrypted(sid=PHONE, rids=(PHONE,))))
        await town.waits_for_the_store(2)  # the list, and the record of one that was refused
    refusals = [await carol.receives("message", id=sent[-1], type_="error")]  # the last of them
    refusals = carol.stream.takes(matcher("message", None, {"type": "error"})) + refusals
    for refusal in refusals:
        expect_error(refusal, "resource-constraint", "wait")
    kept = len(sent) - len(refusals)
    assert kept > 1 and [refusal.get("id") for refusal in refusals] == sent[kept:], refusals
    for identity in sent[:kept]:
        assert (await bob.receives("message", type_="chat")).get("id") == identity


@checked("docs/sealed.md 3.7-8")
async def a_session_begins_with_the_published_identity_key_and_with_no_other(town):
    alice, bob = await people(town)
    keys, identity = bundle()
    begins = encrypted(sid=PHONE, rids=(PHONE,), prekey=True, identity=identity)
    await refused(alice, bob, "m1", begins, "device-unknown", "wait")  # nothing is published
    await alice.sets(publish(f"eu.siacs.conversations.axolotl.bundles:{PHONE}", keys))
    await passes(alice, bob, "m1", begins)  # as it was: D3 knows it
    text = await refused(alice, bob, "m3", encrypted(sid=PHONE, rids=(PHONE,), prekey=True), "device-identity")
    assert text == "Your app writes with other keys than the ones it has published. Reset OMEMO in the app."
    other = encrypted(sid=LAPTOP, rids=(PHONE,), prekey=True, identity=identity)  # published, but by the phone
    await refused(alice, bob, "m4", other, "device-unknown", "wait")
    await passes(alice, bob, "m5", encrypted(sid=LAPTOP, rids=(PHONE,)))  # a session that goes on says no identity


@checked("docs/sealed.md 3.7-8: omemo:2")
async def the_newer_version_begins_with_its_published_identity_key_too(town):
    alice, bob = await town.devices("alice", "bob")
    keys, identity = bundle_2()
    for who in (alice, bob):
        await who.sets(publish(LIST2, device_list_2(PHONE)))
    to_bob = {bob.bare: [PHONE]}
    await refused(alice, bob, "m1", encrypted_2(to_bob, PHONE, identity), "device-unknown", "wait")
    await alice.sets(publish(BUNDLES2, keys, item=PHONE))
    await passes(alice, bob, "m2", encrypted_2(to_bob, PHONE, identity))
    forged = bytes([identity[0] ^ 1]) + identity[1:]
    await refused(alice, bob, "m3", encrypted_2(to_bob, PHONE, forged), "device-identity")


@checked("docs/sealed.md 3.7-8: a key that only the store knows", alone=True)
async def the_published_key_is_read_where_it_is_not_in_memory(town):
    alice, bob = await people(town)
    keys, identity = bundle()
    await alice.sets(publish(f"eu.siacs.conversations.axolotl.bundles:{PHONE}", keys))
    await town.restart()
    alice, bob = await alice.account.device(), await bob.account.device()
    # Two in a row: the second comes while the key is being read for the first.
    await alice.sends(message(bob.bare, "m1", encrypted(sid=PHONE, rids=(PHONE,), prekey=True))
                      + message(bob.bare, "m2", encrypted(sid=PHONE, rids=(PHONE,), prekey=True, identity=identity)))
    await alice.gets_error("message", "m1", "policy-violation", "modify")
    await bob.receives("message", id="m2")
    await refused(alice, bob, "m3", encrypted(sid=PHONE, rids=(PHONE,), prekey=True), "device-identity")


@checked("docs/sealed.md 3.7-10, D6")
async def one_key_at_least_is_for_a_device_of_the_recipient(town):
    alice, bob = await people(town)
    await passes(alice, bob, "m1", encrypted(sid=PHONE, rids=(STRANGER, LAPTOP, PHONE)))
    text = await refused(alice, bob, "m2", encrypted(sid=PHONE, rids=(LAPTOP, STRANGER)), "no-device")
    assert text == "No device of the recipient can read this message. They must open their app with OMEMO first."
    await refused(alice, bob, "m3", encrypted(sid=PHONE, rids=(STRANGER,), payload_bytes=0), "no-device")
    [carol] = await town.devices("carol")  # who has never used OMEMO
    await refused(alice, carol, "m4", encrypted(sid=PHONE, rids=(PHONE,)), "no-device")


@checked("docs/sealed.md 3.7-10: omemo:2")
async def a_key_for_the_own_device_of_that_number_is_not_for_the_recipient(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(publish(LIST2, device_list_2(PHONE, LAPTOP)))
    await bob.sets(publish(LIST2, device_list_2(LAPTOP)))
    own = {alice.bare: [LAPTOP]}
    await refused(alice, bob, "m1", encrypted_2(own, PHONE), "no-device")
    await refused(alice, bob, "m2", encrypted_2({**own, bob.bare: [STRANGER]}, PHONE), "no-device")
    await passes(alice, bob, "m3", encrypted_2({**own, bob.bare: [STRANGER, LAPTOP]}, PHONE))


@checked("docs/sealed.md 3.7-10: to oneself")
async def a_note_to_oneself_is_for_an_own_device(town):
    alice, _ = await people(town)
    laptop = await alice.account.device()
    await alice.sends(message(alice.bare, "m1", encrypted(sid=PHONE, rids=(LAPTOP, LAPTOP))))  # Dino: each twice
    await laptop.receives("message", id="m1")
    await alice.sends(message(alice.bare, "m2", encrypted(sid=PHONE, rids=(STRANGER,))))
    await alice.gets_error("message", "m2", "policy-violation", "modify")
    await laptop.receives_no("message", before=sign_from(alice), id="m2")


@checked("docs/sealed.md 3.7-10")
async def other_reasons_come_first(town):
    alice, bob = await people(town)
    nobody = f"nobody@{town.place.domain}"
    await alice.sends(message(nobody, "m1", encrypted(sid=PHONE, rids=(STRANGER,))))
    await alice.gets_error("message", "m1", "service-unavailable", "cancel")
    await bob.sets(f"<block xmlns='urn:xmpp:blocking'><item jid='{alice.bare}'/></block>")
    await alice.sends(message(bob.bare, "m2", encrypted(sid=PHONE, rids=(STRANGER,))))
    await alice.gets_error("message", "m2", "service-unavailable", "cancel")


@checked("docs/sealed.md 3.7-10: for somebody who is away")
async def the_list_of_somebody_who_is_away_counts_as_well(town):
    alice, bob = await people(town)
    await bob.leaves()
    await alice.sends(message(bob.bare, "m1", encrypted(sid=PHONE, rids=(PHONE,))))
    await alice.sends(message(bob.bare, "m2", encrypted(sid=PHONE, rids=(STRANGER,))))
    await alice.gets_error("message", "m2", "policy-violation", "modify")
    again = await bob.account.device()
    await again.receives("message", id="m1")
    await again.receives_no("message", before=sign_from(alice), id="m2")


@checked("docs/sealed.md 3.6: record", options=dict.fromkeys(PUBLISHED_DEVICES, "record"))
async def what_is_only_recorded_is_delivered_and_the_log_says_why_not(town):
    alice, bob = await people(town)
    keys, _ = bundle()
    await alice.sets(publish(f"eu.siacs.conversations.axolotl.bundles:{PHONE}", keys))
    for identity, inner, reason in (
            ("m1", encrypted(sid=STRANGER, rids=(PHONE,)), "device-unknown"),
            ("m2", encrypted(sid=PHONE, rids=(PHONE,), prekey=True), "device-identity"),
            ("m3", encrypted(sid=LAPTOP, rids=(PHONE,), prekey=True), "device-unknown"),
            ("m4", encrypted(sid=PHONE, rids=(STRANGER,)), "no-device"),
            ("m5", encrypted(sid=PHONE, rids=(PHONE,)), None)):
        await passes(alice, bob, identity, inner)
        [record] = await town.records(kind="message", stanza=identity, from_=alice.bare)
        assert record["verdict"] == "delivered" and record.get("reason") == reason, record


@story("docs/sealed.md 3.6: off", options=dict.fromkeys(PUBLISHED_DEVICES, "off"))
async def what_is_off_is_not_looked_at(town):
    alice, bob = await people(town)
    await passes(alice, bob, "m1", encrypted(sid=STRANGER, rids=(STRANGER,), prekey=True))
    [record] = await town.records(kind="message", stanza="m1", from_=alice.bare)
    assert "reason" not in record, record


@checked("docs/sealed.md 3.6: each alone", options={"sealed.sid": "off"})
async def one_check_is_off_and_the_others_hold(town):
    alice, bob = await people(town)
    await passes(alice, bob, "m1", encrypted(sid=STRANGER, rids=(PHONE,)))
    await refused(alice, bob, "m2", encrypted(sid=STRANGER, rids=(PHONE,), prekey=True), "device-unknown", "wait")
    await refused(alice, bob, "m3", encrypted(sid=STRANGER, rids=(STRANGER,)), "no-device")


@checked("docs/sealed.md 3.5: sealed requests")
async def sealed_requests_are_held_against_the_same_lists(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    for who in (alice, bob):
        await who.sets(publish(LIST2, device_list_2(PHONE)))
    good = encrypted_2({bob.bare: [PHONE]}, PHONE)
    await alice.sends(f"<iq type='set' id='q1' to='{bob.full}'>{good}</iq>")
    await bob.receives("iq", id="q1", child=NS.OMEMO2 + "encrypted")
    for identity, wrong in (("q2", encrypted_2({bob.bare: [PHONE]}, STRANGER)),
                            ("q3", encrypted_2({bob.bare: [STRANGER]}, PHONE))):
        await alice.sends(f"<iq type='set' id='{identity}' to='{bob.full}'>{wrong}</iq>")
        await alice.gets_error("iq", identity, "policy-violation")
    await bob.receives_no("iq", before=sign_from(alice), child=NS.OMEMO2 + "encrypted")


def people_of(recording):
    """Of the conversation that it belongs to: a person's name -> the recordings of their clients."""
    people_there = {}
    for other in recordings():
        if other.split("--")[0] == recording.split("--")[0]:
            people_there.setdefault(sender_of(other), []).append(other)
    return people_there


async def publishes_keys_of(device, recorded):
    """What these clients of one person published, and a list that names them all, as it is in the end."""
    lists = {LIST: {}, LIST2: {}}
    for recording in recorded:
        await publishes_its_keys(device, recording)
        for element in stanzas(recording):
            publication = element.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}publish")
            if publication is not None and publication.get("node") in lists:
                ids = [entry.get("id") for entry in publication.iter() if entry.tag.endswith("}device")]
                lists[publication.get("node")].update(dict.fromkeys(ids))
    for node, make in ((LIST, device_list), (LIST2, device_list_2)):
        await device.sets(publish(node, make(*lists[node])))


@checked("tests/corpus: what real clients say of devices")
async def no_recorded_message_between_two_people_is_refused(town):
    passed = 0
    for recording in recordings():
        sender, others = sender_of(recording), people_of(recording)
        [own] = await town.devices("own")
        await publishes_keys_of(own, others[sender])
        peers = {}
        for stanza in stanzas(recording):
            to = stanza.get("to", "").partition("/")[0]
            sealed = any(stanza.find(space + "encrypted") is not None for space in (NS.OMEMO, NS.OMEMO2))
            if stanza.tag != NS.CLIENT + "message" or not sealed or to not in others or to == sender:
                continue
            if to not in peers:
                [peers[to]] = await town.devices("peer")
                await publishes_keys_of(peers[to], others[to])
            stanza = addressed(stanza, sender, own, peers[to])
            await own.sends(write(stanza))
            arrived = await peers[to].receives("message", from_=own.full)
            assert arrived.get("id") == stanza.get("id") and arrived.get("type") != "error", (recording, stanza.get("id"))
            passed += 1
    assert passed >= 40, passed


if __name__ == "__main__":
    run()
