"""docs/sealed.md D13: an account's OMEMO devices are recorded, told, approved and revoked; `valisectl omemo`."""

import _path  # noqa: F401
from _commands import COMMAND, executes, form, command
from _devices import (ADMINISTRATOR, BUNDLES2, BY_DEVICE, KEYS, LAPTOP, LIST, LIST2, PHONE, STRANGER, TABLET, bundle_node,
                      device_list_2, ids_in, joins, known, listed, lists, publishes_keys)
from harness import NS, ping, run, story
from harness.sealed import encrypted, encrypted_2
from harness.town import PUBLISHED_DEVICES
from pep import event_of, items, publish, wants
from sealed_devices import bundle_2, checked, message, passes, refused, sign_from

DOMAIN = "localhost"
PENDING = "Your new device awaits approval. Approve it from another device or ask your administrator."
REVOKED_FR = "Cet appareil a été révoqué. Contactez l’administrateur."


async def records_of(town, account, *reasons):
    found = await town.records(kind="omemo-device", to=account)
    return [(record["reason"], record["device"]) for record in found if not reasons or record["reason"] in reasons]


async def notice(device):
    """The next message of the domain: language -> text, the first language first."""
    told = await device.receives("message", from_=DOMAIN, type_="chat")
    return {body.get(NS.XML + "lang"): body.text for body in told.iter(NS.CLIENT + "body")}


async def no_notice(device):
    await device.receives_no("message", before=ping, from_=DOMAIN)


async def is_let_in(town, session, device):
    await town.ctl("omemo", "approve", session.bare, str(device))


# ---- the record


@story("docs/sealed.md D13: the record")
async def who_published_which_key_when_is_recorded(town):
    [alice] = await town.devices("alice")
    await joins(alice, PHONE, KEYS[0])
    first, second = await town.records(kind="omemo-device", to=alice.bare)
    assert first["reason"] == "keys" and second["reason"] == "listed", (first, second)
    for record in (first, second):
        assert record["device"] == PHONE and record["encryption"] == "legacy" and record["identity"] == KEYS[0].hash
        assert record["from"] == alice.bare and record["resource"] == alice.full.partition("/")[2] and record["rows"]
    # Nothing is said twice: neither of the same keys nor of the same list.
    await joins(alice, PHONE, KEYS[0])
    assert len(await town.records(kind="omemo-device", to=alice.bare)) == 2


@story("docs/sealed.md D13: the record")
async def each_new_device_of_one_list_and_each_version_has_its_record(town):
    [alice] = await town.devices("alice")
    await lists(alice, PHONE, LAPTOP, TABLET)
    assert await records_of(town, alice.bare) == [("listed", PHONE), ("listed", LAPTOP), ("listed", TABLET)]
    keys, _ = bundle_2()
    await alice.sets(publish(BUNDLES2, keys, item=PHONE))
    [record] = await town.records(kind="omemo-device", to=alice.bare, reason="keys")
    assert record["encryption"] == "omemo:2" and record["device"] == PHONE and len(record["identity"]) == 64
    await publishes_keys(alice, LAPTOP, KEYS[0])
    await publishes_keys(alice, LAPTOP, KEYS[1])
    assert await records_of(town, alice.bare, "keys-changed") == [("keys-changed", LAPTOP)]


@story("docs/sealed.md D13: a refused publication")
async def what_was_refused_leaves_no_trace(town):
    [alice] = await town.devices("alice")
    await alice.is_refused("bad-request", publish(LIST, "<list xmlns='eu.siacs.conversations.axolotl'><device id='0'/></list>"), "set")
    forged = KEYS[0].bundle.replace("<signedPreKeySignature>", "<signedPreKeySignature>A", 1)
    await alice.is_refused("bad-request", publish(bundle_node(PHONE), forged), "set")
    assert await records_of(town, alice.bare) == [] and await known(town, alice.bare) == {}


@story("valisectl omemo history")
async def history_is_proven_by_the_log(town):
    alice, bob = await town.devices("alice", "bob")
    await joins(alice, PHONE, KEYS[0])
    await joins(bob, LAPTOP, KEYS[1])
    await town.ctl("omemo", "revoke", alice.bare, str(PHONE))
    rows = await town.ctl_json("omemo", "history", alice.bare)
    assert [(row["what"], row["device"]) for row in rows] == [("keys", PHONE), ("listed", PHONE), ("omemo-revoke", PHONE)], rows
    assert all(row["identity"] == KEYS[0].hash for row in rows)
    assert rows[0]["by"] == alice.bare and rows[2]["by"] == ""
    for row in rows:
        [entry] = await town.records(seq=row["entry"])
        assert entry["device"] == row["device"] and entry["to"] == alice.bare, entry
        size, chain = row["note"].split(":")
        assert int(size) == row["entry"] + 1
        status, out, err = await town.ctl_result("audit", "verify", "--known", row["note"], str(town.audit_folder))
        assert status == 0, out + err
        forged = f"{size}:{chain[::-1]}"
        status, out, err = await town.ctl_result("audit", "verify", "--known", forged, str(town.audit_folder))
        assert status == 1 and "not the log that was noted" in out, out + err
    shown = await town.ctl("omemo", "history", alice.bare)
    assert all(row["note"] in shown for row in rows) and KEYS[1].hash not in shown, shown


@story("valisectl omemo history", options={"audit.enabled": False}, alone=True)
async def without_a_log_there_is_no_history_and_devices_work_all_the_same(town):
    [alice] = await town.devices("alice")
    await joins(alice, PHONE, KEYS[0])
    status, _, err = await town.ctl_result("omemo", "history", alice.bare)
    assert status != 0 and "audit.enabled" in err, err
    assert (await known(town, alice.bare))[PHONE]["state"] == "listed"


@story("docs/sealed.md D13: lists from before", options=ADMINISTRATOR, alone=True)
async def devices_from_before_anybody_looked_stay_and_are_recorded(town):
    [alice] = await town.devices("alice")
    await joins(alice, PHONE, KEYS[0])
    await is_let_in(town, alice, PHONE)
    await town.stop()
    town.sql(f"DELETE FROM account_data WHERE owner = '{alice.bare}' AND kind = 9")
    await town.start()
    alice = await alice.account.device()
    while not (found := await town.records(kind="omemo-device", to=alice.bare, reason="found")):
        pass  # it is recorded when its key was read
    assert [(record["device"], record["identity"]) for record in found] == [(PHONE, KEYS[0].hash)]
    assert await listed(alice, alice.bare) == [PHONE]
    await lists(alice, PHONE, LAPTOP)  # and a new one waits
    assert await listed(alice, alice.bare) == [PHONE]


# ---- the notice


@story("docs/sealed.md D13: the notice")
async def the_other_devices_hear_of_a_new_one_once_and_the_first_one_is_no_news(town):
    alice = await town.account("alice")
    phone, laptop = await alice.device(), await alice.device()
    await joins(phone, PHONE, KEYS[0])
    await no_notice(phone)
    await no_notice(laptop)
    await joins(laptop, LAPTOP, KEYS[1], PHONE)
    told = await notice(phone)
    assert list(told) == ["en", "fr"], told
    assert told["en"].startswith(f"A new device was added to your account: {LAPTOP}, fingerprint {KEYS[1].fingerprint}, 20"), told
    assert told["fr"].startswith(f"Un nouvel appareil a été ajouté à votre compte : {LAPTOP}, empreinte {KEYS[1].fingerprint}, le 20")
    assert "tell your administrator" in told["en"] and "prévenez votre administrateur" in told["fr"]
    await joins(laptop, LAPTOP, KEYS[1], PHONE)
    await lists(phone, LAPTOP, PHONE)
    await no_notice(phone)


@story("docs/sealed.md D13: the notice")
async def it_speaks_the_readers_language_first(town):
    alice = await town.account("alice")
    phone, laptop = await alice.device(lang="fr"), await alice.device()
    await joins(phone, PHONE, KEYS[0])
    await joins(laptop, LAPTOP, KEYS[1], PHONE)
    assert list(await notice(phone)) == ["fr", "en"]


@story("docs/sealed.md D13: the notice")
async def it_waits_for_the_key_if_the_list_came_first(town):
    alice = await town.account("alice")
    phone, laptop = await alice.device(), await alice.device()
    await joins(phone, PHONE, KEYS[0])
    await lists(laptop, PHONE, LAPTOP)
    await no_notice(phone)
    await publishes_keys(laptop, LAPTOP, KEYS[1])
    assert KEYS[1].fingerprint in (await notice(phone))["en"]


@story("docs/sealed.md D13: the notice", alone=True)
async def it_waits_for_a_device_that_is_away_across_a_restart(town):
    alice = await town.account("alice")
    phone, laptop = await alice.device("phone"), await alice.device("laptop")
    await joins(phone, PHONE, KEYS[0])
    await phone.leaves()
    await joins(laptop, LAPTOP, KEYS[1], PHONE)
    await no_notice(laptop)  # it knows
    await town.restart()
    laptop = await alice.device("laptop")
    await no_notice(laptop)
    phone = await alice.device("phone")
    assert str(LAPTOP) in (await notice(phone))["en"]
    await phone.leaves()
    phone = await alice.device("phone")
    await no_notice(phone)


@story("docs/sealed.md D13: the notice")
async def other_keys_of_a_known_device_are_news(town):
    alice = await town.account("alice")
    phone, laptop = await alice.device(), await alice.device()
    await joins(phone, PHONE, KEYS[0])
    await joins(laptop, LAPTOP, KEYS[1], PHONE)
    await notice(phone)
    await publishes_keys(laptop, LAPTOP, KEYS[2])
    told = (await notice(phone))["en"]
    assert "other keys than before" in told and KEYS[2].fingerprint in told, told
    assert await listed(phone, alice.bare) == [PHONE, LAPTOP]  # nobody approves here


@story("omemo.notice_devices", options={"omemo.notice_devices": False})
async def it_can_be_switched_off(town):
    alice = await town.account("alice")
    phone, laptop = await alice.device(), await alice.device()
    await joins(phone, PHONE, KEYS[0])
    await joins(laptop, LAPTOP, KEYS[1], PHONE)
    await no_notice(phone)
    assert ("listed", LAPTOP) in await records_of(town, alice.bare)


# ---- revoked


async def two_devices(town):
    """Alice's phone and laptop in her list, Bob, who sees it."""
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    laptop = await alice.account.device()
    await joins(alice, PHONE, KEYS[0])
    await joins(laptop, LAPTOP, KEYS[1], PHONE)
    await bob.sets(publish(LIST, "<list xmlns='eu.siacs.conversations.axolotl'><device id='11'/></list>"))
    return alice, laptop, bob


@checked("docs/sealed.md D13: revoked")
async def a_revoked_device_leaves_the_list_and_its_bundle_goes(town):
    alice, _, bob = await two_devices(town)
    await wants(bob, LIST)
    await bob.receives("message", child=event_of(LIST), from_=alice.bare)  # the last list
    await bob.asks(items(bundle_node(LAPTOP)), to=alice.bare)
    out = await town.ctl("omemo", "revoke", alice.bare, str(LAPTOP))
    assert f"device {LAPTOP} is revoked" in out, out
    assert ids_in(await bob.receives("message", child=event_of(LIST), from_=alice.bare)) == [PHONE]
    assert await listed(bob, alice.bare) == await listed(alice, alice.bare) == [PHONE]
    await bob.is_refused("item-not-found", items(bundle_node(LAPTOP)), to=alice.bare)
    await bob.asks(items(bundle_node(PHONE)), to=alice.bare)  # the other's stays
    rows = await known(town, alice.bare)
    assert rows[LAPTOP]["state"] == "revoked" and rows[PHONE]["state"] == "listed"
    [record] = await town.records(kind="admin", to=alice.bare, reason="omemo-revoke")
    assert record["device"] == LAPTOP and record["identity"] == KEYS[1].hash and "from" not in record, record


@checked("docs/sealed.md D13: revoked", alone=True)
async def it_stays_out_whatever_its_client_publishes_also_behind_a_restart(town):
    alice, laptop, bob = await two_devices(town)
    await town.ctl("omemo", "revoke", alice.bare, str(LAPTOP))
    for _ in range(2):
        await wants(bob, LIST)
        await bob.receives("message", child=event_of(LIST), from_=alice.bare)
        await joins(laptop, LAPTOP, KEYS[1], PHONE)  # a success: a client that is refused believes that PEP is broken
        assert await listed(bob, alice.bare) == [PHONE]
        await bob.receives_no("message", before=ping, child=event_of(LIST), from_=alice.bare)
        await bob.is_refused("item-not-found", items(bundle_node(LAPTOP)), to=alice.bare)
        await laptop.asks(items(bundle_node(LAPTOP)))  # its owner sees it
        await town.restart()
        alice, laptop, bob = await alice.account.device(), await laptop.account.device(), await bob.account.device()


@checked("docs/sealed.md D13: revoked")
async def a_client_that_is_kept_out_is_not_told_of_a_list_in_which_nothing_has_changed(town):
    # Or it would publish again at once, for ever.
    alice, laptop, bob = await two_devices(town)
    while ids_in(await laptop.receives("message", child=event_of(LIST))) != [PHONE, LAPTOP]:
        pass
    await town.ctl("omemo", "revoke", alice.bare, str(LAPTOP))
    assert ids_in(await laptop.receives("message", child=event_of(LIST))) == [PHONE]
    await lists(laptop, PHONE, LAPTOP)
    await laptop.receives_no("message", before=ping, child=event_of(LIST))
    await lists(laptop, PHONE, LAPTOP, TABLET)  # in this one something is new
    assert ids_in(await laptop.receives("message", child=event_of(LIST))) == [PHONE, TABLET]


@checked("docs/sealed.md D13, D4: revoked")
async def what_it_seals_is_refused_and_the_others_go_on(town):
    alice, _, bob = await two_devices(town)
    await passes(alice, bob, "m1", encrypted(sid=LAPTOP, rids=(PHONE,)))
    await town.ctl("omemo", "revoke", alice.bare, str(LAPTOP))
    french = await alice.account.device(lang="fr")
    text = await refused(french, bob, "m2", encrypted(sid=LAPTOP, rids=(PHONE,)), "device-revoked")
    assert text == REVOKED_FR, text
    await passes(alice, bob, "m3", encrypted(sid=PHONE, rids=(PHONE,)))


@checked("docs/sealed.md D13: record", options={"sealed.sid": "record"})
async def it_is_refused_where_unlisted_devices_are_only_recorded(town):
    alice, _, bob = await two_devices(town)
    await passes(alice, bob, "m1", encrypted(sid=STRANGER, rids=(PHONE,)))
    await town.ctl("omemo", "revoke", alice.bare, str(LAPTOP))
    await refused(alice, bob, "m2", encrypted(sid=LAPTOP, rids=(PHONE,)), "device-revoked")


@checked("docs/sealed.md D6, D13: keys for it are cut out")
async def nobody_writes_to_it_whatever_his_client_remembers(town):
    alice, _, bob = await two_devices(town)
    await passes(bob, alice, "m1", encrypted(sid=PHONE, rids=(PHONE, LAPTOP)))
    await town.ctl("omemo", "revoke", alice.bare, str(LAPTOP))
    await bob.sends(message(alice.bare, "m2", encrypted(sid=PHONE, rids=(PHONE, LAPTOP))))
    arrived = await alice.receives("message", id="m2")
    assert [key.get("rid") for key in arrived.iter(NS.OMEMO + "key")] == [str(PHONE)]
    assert arrived.find(f"{NS.OMEMO}encrypted/{NS.OMEMO}payload").text and next(arrived.iter(NS.OMEMO + "iv")).text
    await refused(bob, alice, "m3", encrypted(sid=PHONE, rids=(LAPTOP,)), "no-device")
    # Nor what Alice's other devices write for her own.
    await alice.sends(message(bob.bare, "m4", encrypted(sid=PHONE, rids=(PHONE, LAPTOP))))
    arrived = await bob.receives("message", id="m4")
    assert [key.get("rid") for key in arrived.iter(NS.OMEMO + "key")] == [str(PHONE)]


@checked("docs/sealed.md D13: taken back")
async def a_revocation_is_taken_back(town):
    alice, laptop, bob = await two_devices(town)
    await town.ctl("omemo", "revoke", alice.bare, str(LAPTOP))
    out = await town.ctl("omemo", "unrevoke", alice.bare, str(LAPTOP))
    assert out == f"{alice.bare}: device {LAPTOP} is let in\n", out
    assert await listed(bob, alice.bare) == [PHONE]  # it has no keys: its client publishes them when it lists itself
    await joins(laptop, LAPTOP, KEYS[1], PHONE)
    assert await listed(bob, alice.bare) == [PHONE, LAPTOP]
    await passes(alice, bob, "m1", encrypted(sid=LAPTOP, rids=(PHONE,)))
    await town.ctl("omemo", "revoke", alice.bare, str(LAPTOP))
    await joins(laptop, LAPTOP, KEYS[1], PHONE)
    await town.ctl("omemo", "approve", alice.bare, str(LAPTOP))
    assert await listed(bob, alice.bare) == [PHONE, LAPTOP]  # it had published them meanwhile
    await bob.asks(items(bundle_node(LAPTOP)), to=alice.bare)
    reasons = [record["reason"] for record in await town.records(kind="admin", to=alice.bare, device=LAPTOP)]
    assert reasons == ["omemo-revoke", "omemo-approve"] * 2, reasons


@checked("docs/sealed.md D13: omemo:2")
async def both_versions_lose_it(town):
    alice, bob = await town.devices("alice", "bob")
    keys, _ = bundle_2()
    await alice.sets(publish(BUNDLES2, keys, item=PHONE))
    await alice.sets(publish(LIST2, device_list_2(PHONE, LAPTOP)))
    await lists(alice, PHONE, LAPTOP)
    await bob.sets(publish(LIST2, device_list_2(PHONE)))
    await town.ctl("omemo", "revoke", alice.bare, str(PHONE))
    assert await listed(bob, alice.bare) == await listed(bob, alice.bare, LIST2) == [LAPTOP]
    assert not list((await bob.asks(items(BUNDLES2, f"<item id='{PHONE}'/>"), to=alice.bare)).iter(NS.OMEMO2 + "bundle"))
    await refused(alice, bob, "m1", encrypted_2({bob.bare: [PHONE]}, PHONE), "device-revoked")
    await alice.sets(publish(BUNDLES2, keys, item=PHONE))
    for asked in (items(BUNDLES2, f"<item id='{PHONE}'/>"), items(BUNDLES2)):
        assert not list((await bob.asks(asked, to=alice.bare)).iter(NS.OMEMO2 + "bundle"))
        assert list((await alice.asks(asked)).iter(NS.OMEMO2 + "bundle"))
    # Its key is cut out of a newer header, that of the sender's device of this number is not.
    both = {alice.bare: [PHONE, LAPTOP], bob.bare: [PHONE]}
    await bob.sends(message(alice.bare, "m2", encrypted_2(both, PHONE)))
    arrived = await alice.receives("message", id="m2")
    kept = {group.get("jid"): [key.get("rid") for key in group] for group in arrived.iter(NS.OMEMO2 + "keys")}
    assert kept == {alice.bare: [str(LAPTOP)], bob.bare: [str(PHONE)]}, kept


@story("valisectl omemo revoke, approve")
async def what_can_not_be_decided_is_refused_and_changes_nothing(town):
    [alice] = await town.devices("alice")
    await joins(alice, PHONE, KEYS[0])
    before = len(await town.records(to=alice.bare))
    for verb, device, code in (("revoke", STRANGER, "not-found"), ("approve", STRANGER, "not-found"),
                               ("approve", PHONE, "conflict"), ("revoke", "x", "invalid"), ("revoke", "0", "invalid")):
        status, out, _ = await town.ctl_result("omemo", verb, alice.bare, str(device), as_json=True)
        assert status != 0 and f'"{code}"' in out, (verb, device, out)
    status, _, err = await town.ctl_result("omemo", "devices", f"nobody@{DOMAIN}")
    assert status != 0 and "there is no account" in err, err
    assert await listed(alice, alice.bare) == [PHONE] and len(await town.records(to=alice.bare)) == before
    await town.ctl("omemo", "revoke", alice.bare, str(PHONE))
    status, out, _ = await town.ctl_result("omemo", "revoke", alice.bare, str(PHONE), as_json=True)
    assert status != 0 and '"conflict"' in out, out


@story("valisectl omemo devices")
async def devices_are_shown_as_their_people_know_them(town):
    [alice] = await town.devices("alice")
    assert await town.ctl("omemo", "devices", alice.bare) == "no devices\n"
    await joins(alice, PHONE, KEYS[0])
    row = (await known(town, alice.bare))[PHONE]
    assert row["fingerprint"] == KEYS[0].fingerprint and row["identity"] == KEYS[0].hash, row
    assert row["versions"] == ["legacy"] and row["resource"] == alice.full.partition("/")[2] and row["first"] <= row["seen"]
    assert KEYS[0].fingerprint in await town.ctl("omemo", "devices", alice.bare)
    await lists(alice)
    assert (await known(town, alice.bare))[PHONE]["state"] == "unlisted"


@story("docs/sealed.md D13: with the account")
async def what_is_known_goes_with_the_account(town):
    [alice] = await town.devices("alice")
    await joins(alice, PHONE, KEYS[0])
    await town.ctl("user", "delete", alice.bare)
    assert town.rows_of(alice.bare) == {}


# ---- approved


@story("docs/sealed.md D13: administrator", options=ADMINISTRATOR)
async def a_new_device_waits_for_the_administrator_the_first_one_too(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    for who, keys in ((alice, KEYS[0]), (bob, KEYS[3])):
        await joins(who, PHONE, keys)
        assert await listed(bob, who.bare) == await listed(alice, who.bare) == []
    assert await records_of(town, alice.bare) == [("keys", PHONE), ("waiting", PHONE)]
    await bob.is_refused("item-not-found", items(bundle_node(PHONE)), to=alice.bare)
    await alice.asks(items(bundle_node(PHONE)))
    text = await refused(alice, bob, "m1", encrypted(sid=PHONE, rids=(PHONE,)), "device-pending", "wait")
    assert text == PENDING
    await wants(bob, LIST)
    await is_let_in(town, alice, PHONE)
    while ids_in(await bob.receives("message", child=event_of(LIST), from_=alice.bare)) != [PHONE]:
        pass
    await refused(alice, bob, "m2", encrypted(sid=PHONE, rids=(PHONE,)), "no-device")  # Bob's waits
    await is_let_in(town, bob, PHONE)
    await passes(alice, bob, "m3", encrypted(sid=PHONE, rids=(PHONE,)))
    await bob.asks(items(bundle_node(PHONE)), to=alice.bare)
    [record] = await town.records(kind="admin", to=alice.bare, reason="omemo-approve")
    assert record["device"] == PHONE and record["identity"] == KEYS[0].hash


@story("docs/sealed.md D13: administrator", options=ADMINISTRATOR)
async def lists_of_the_other_devices_do_not_forget_who_waits(town):
    alice, laptop = await two_of_alice(town)
    await lists(laptop, PHONE, LAPTOP)
    assert LAPTOP not in await listed(alice, alice.bare)
    await lists(alice, PHONE)  # as the phone sees it
    assert (await known(town, alice.bare))[LAPTOP]["state"] == "waiting"
    await is_let_in(town, alice, LAPTOP)
    assert await listed(alice, alice.bare) == [PHONE, LAPTOP]


async def two_of_alice(town):
    """Her phone in the list; her laptop has published keys, and no list names it."""
    alice = await town.account("alice")
    phone, laptop = await alice.device(), await alice.device()
    await joins(phone, PHONE, KEYS[0])
    if (await known(town, alice.bare))[PHONE]["state"] == "waiting":
        await is_let_in(town, phone, PHONE)
    await publishes_keys(laptop, LAPTOP, KEYS[1])
    return phone, laptop


@story("docs/sealed.md D13: administrator", options=ADMINISTRATOR)
async def the_others_are_told_that_it_waits(town):
    phone, laptop = await two_of_alice(town)
    await lists(laptop, PHONE, LAPTOP)
    told = await notice(phone)
    assert told["en"].startswith(f"A new device wants to use your account: {LAPTOP}, fingerprint {KEYS[1].fingerprint}"), told
    assert "It waits for the approval of your administrator." in told["en"]
    assert "Il attend l’approbation de votre administrateur." in told["fr"]
    await is_let_in(town, phone, LAPTOP)
    await no_notice(phone)


@story("docs/sealed.md D13: administrator", options=ADMINISTRATOR)
async def other_keys_wait_again(town):
    phone, laptop = await two_of_alice(town)
    await lists(laptop, PHONE, LAPTOP)
    await is_let_in(town, phone, LAPTOP)
    assert await listed(phone, phone.bare) == [PHONE, LAPTOP]
    await publishes_keys(laptop, LAPTOP, KEYS[1])
    assert await listed(phone, phone.bare) == [PHONE, LAPTOP]  # the same ones
    await publishes_keys(laptop, LAPTOP, KEYS[2])
    assert await listed(phone, phone.bare) == [PHONE]
    assert (await known(town, phone.bare))[LAPTOP]["state"] == "waiting"
    await is_let_in(town, phone, LAPTOP)
    assert await listed(phone, phone.bare) == [PHONE, LAPTOP]


@story("omemo.max_devices", options={**ADMINISTRATOR, "omemo.max_devices": 2})
async def approval_makes_no_list_longer_than_it_may_be(town):
    [alice] = await town.devices("alice")
    for device in (PHONE, LAPTOP):
        await lists(alice, device)
        await is_let_in(town, alice, device)
    await alice.is_refused("bad-request", publish(LIST, "<list xmlns='eu.siacs.conversations.axolotl'>"
                           + "".join(f"<device id='{one}'/>" for one in (PHONE, LAPTOP, TABLET)) + "</list>"), "set")
    await lists(alice, TABLET)
    await lists(alice, PHONE, LAPTOP)
    status, out, _ = await town.ctl_result("omemo", "approve", alice.bare, str(TABLET), as_json=True)
    assert status != 0 and '"limit"' in out, out
    assert await listed(alice, alice.bare) == [PHONE, LAPTOP]
    assert (await known(town, alice.bare))[TABLET]["state"] == "waiting"


APPROVE = "urn:valise:omemo-devices#approve"


async def approves(device, number):
    running = await executes(device, None, APPROVE)
    payload = form(form_type="urn:valise:omemo-devices", device=str(number))
    return await device.tries(command(APPROVE, running.get("sessionid"), "complete", payload), "set", DOMAIN)


@story("docs/sealed.md D13: device", options=BY_DEVICE)
async def the_first_device_needs_nobody_and_approves_the_next(town):
    phone, laptop = await two_of_alice(town)
    assert await records_of(town, phone.bare, "listed", "waiting") == [("listed", PHONE)]
    await lists(laptop, PHONE, LAPTOP)
    assert "in its menu of commands" in (await notice(phone))["en"]
    assert await listed(phone, phone.bare) == [PHONE]
    assert (await approves(laptop, LAPTOP)).get("type") == "error"  # not by itself
    other = await phone.account.device()
    assert (await approves(other, LAPTOP)).get("type") == "error"  # nor by a session of no device
    assert (await approves(phone, STRANGER)).get("type") == "error"
    assert await listed(phone, phone.bare) == [PHONE]
    done = await approves(phone, LAPTOP)
    assert done[0].tag == COMMAND + "command" and done[0].get("status") == "completed", done
    assert await listed(phone, phone.bare) == [PHONE, LAPTOP]
    [record] = await town.records(kind="admin", to=phone.bare, reason="omemo-approved")
    assert record["device"] == LAPTOP and record["from"] == phone.bare and record["resource"] == phone.full.partition("/")[2]


@story("docs/sealed.md D13: device", options=BY_DEVICE)
async def whose_first_device_was_revoked_gets_no_new_first_one(town):
    [alice] = await town.devices("alice")
    await joins(alice, PHONE, KEYS[0])
    await lists(alice)  # nor by an empty list
    await joins(alice, LAPTOP, KEYS[1])
    assert await listed(alice, alice.bare) == []
    await town.ctl("omemo", "revoke", alice.bare, str(PHONE))
    await joins(alice, TABLET, KEYS[2])
    assert await listed(alice, alice.bare) == []
    await is_let_in(town, alice, TABLET)
    assert await listed(alice, alice.bare) == [TABLET]


@story("docs/sealed.md D13: administrator", options=ADMINISTRATOR)
async def where_the_administrator_approves_people_do_not(town):
    phone, laptop = await two_of_alice(town)
    await lists(laptop, PHONE, LAPTOP)
    answer = await phone.tries(command(APPROVE), "set", DOMAIN)
    assert answer.get("type") == "error", answer
    assert await listed(phone, phone.bare) == [PHONE]


@story("docs/sealed.md D13: one's own devices", options=BY_DEVICE)
async def people_see_their_devices_in_the_menu_of_their_client(town):
    phone, laptop = await two_of_alice(town)
    await lists(laptop, PHONE, LAPTOP)
    shown = await executes(phone, None, "urn:valise:omemo-devices#list")
    lines = [value.text for value in shown.iter(NS.FORM + "value")]
    assert f"{PHONE} – listed – {KEYS[0].fingerprint}" in lines and f"{LAPTOP} – waits for approval – {KEYS[1].fingerprint}" in lines, lines


# ---- health


@story("valisectl omemo health", alone=True)
async def what_is_wrong_with_devices_is_reported_and_the_well_are_not(town):
    alice, bob = await town.devices("alice", "bob")
    await joins(alice, PHONE, KEYS[0])
    assert await town.ctl("omemo", "health") == "all devices that are known are well\n"
    few = KEYS[1].bundle
    while few.count("<preKeyPublic") > 19:
        at = few.rindex("<preKeyPublic")
        few = few[:at] + few[few.index("</preKeyPublic>", at) + len("</preKeyPublic>"):]
    await bob.sets(publish(bundle_node(LAPTOP), few))
    await lists(bob, LAPTOP, TABLET)
    rows = await town.ctl_json("omemo", "health", DOMAIN)
    assert [(row["account"], row["device"], row["version"], row["problems"], row["prekeys"]) for row in rows] == [
        (bob.bare, LAPTOP, "legacy", ["few-prekeys"], 19), (bob.bare, TABLET, "legacy", ["no-bundle"], 0)], rows
    assert await town.ctl_json("omemo", "health", alice.bare) == []
    assert len(await town.ctl_json("omemo", "health", bob.bare)) == 2
    status, _, err = await town.ctl_result("omemo", "health", "elsewhere.example")
    assert status != 0 and "no host" in err, err
    await town.stop()
    grows_old(town, alice, PHONE, seen=1_700_000_000_000, since=1_600_000_000_000)
    await town.start()
    [row] = await town.ctl_json("omemo", "health", alice.bare)
    assert row["problems"] == ["old-signed-prekey", "silent"] and row["seen"].startswith("2023-11-14"), row
    assert await town.ctl_json("omemo", "health", alice.bare, "--signed-prekey-days", "0", "--silent-days", "0") == []


@story("valisectl omemo health", options=ADMINISTRATOR)
async def who_waits_is_reported(town):
    [alice] = await town.devices("alice")
    await joins(alice, PHONE, KEYS[0])
    [row] = await town.ctl_json("omemo", "health", alice.bare)
    assert row["device"] == PHONE and row["problems"] == ["waiting"], row


# ---- silence


def grows_old(town, person, device, seen, since=None):
    """Sets back, in the store of a server that is stopped, when the device was seen and its signed prekey came."""
    [(value,)] = town.sql(f"SELECT value FROM account_data WHERE owner = '{person.bare}' AND kind = 9 AND name = '{device}'")
    for name, at in (("seen", seen), ("since", since)):
        if at is None:
            continue
        before, _, rest = value.replace('"', "'").partition(f" {name}='")
        value = f"{before} {name}='{at}'{rest[rest.index(chr(39)) + 1:]}"
    value = value.replace("'", '"')
    town.sql(f"UPDATE account_data SET value = '{value}' WHERE owner = '{person.bare}' AND kind = 9 AND name = '{device}'")


@story("omemo.dead_after", options={**PUBLISHED_DEVICES, "omemo.dead_after": 30}, alone=True)
async def a_device_that_is_silent_for_long_leaves_the_list_and_comes_back_when_it_is_used(town):
    alice, laptop, bob = await two_devices(town)
    await lists(laptop, PHONE, LAPTOP, TABLET)
    await town.stop()
    grows_old(town, alice, LAPTOP, seen=1_700_000_000_000)
    await town.start()
    alice, bob = await alice.account.device(), await bob.account.device()
    while (await known(town, alice.bare))[LAPTOP]["state"] != "unlisted":
        pass  # it goes behind the log-in
    assert await listed(bob, alice.bare) == [PHONE, TABLET]
    assert await records_of(town, alice.bare, "silent") == [("silent", LAPTOP)]
    await refused(alice, bob, "m1", encrypted(sid=LAPTOP, rids=(PHONE,)), "device-unknown", "wait")
    await lists(alice, PHONE, TABLET, LAPTOP)  # as its client does; it is no new one
    assert await listed(bob, alice.bare) == [PHONE, TABLET, LAPTOP]
    await no_notice(alice)
    assert len(await records_of(town, alice.bare, "listed")) == 3
    await town.restart()
    alice = await alice.account.device()
    assert (await known(town, alice.bare))[LAPTOP]["state"] == "listed"


@story("omemo.dead_after", options={**PUBLISHED_DEVICES, "omemo.dead_after": 30}, alone=True)
async def the_last_one_stays(town):
    alice, _, bob = await two_devices(town)
    await town.stop()
    grows_old(town, alice, PHONE, seen=1_700_000_000_000)
    grows_old(town, alice, LAPTOP, seen=1_600_000_000_000)
    await town.start()
    alice, bob = await alice.account.device(), await bob.account.device()
    while (await known(town, alice.bare))[LAPTOP]["state"] != "unlisted":
        pass
    assert await listed(bob, alice.bare) == [PHONE]


@story("omemo.dead_after: 0", options=PUBLISHED_DEVICES, alone=True)
async def without_a_term_nobody_leaves(town):
    alice, _, bob = await two_devices(town)
    await town.stop()
    grows_old(town, alice, LAPTOP, seen=1_600_000_000_000)
    await town.start()
    alice, bob = await alice.account.device(), await bob.account.device()
    await passes(alice, bob, "m1", encrypted(sid=LAPTOP, rids=(PHONE,)))  # by which it is seen
    assert await listed(bob, alice.bare) == [PHONE, LAPTOP]
    assert not (await known(town, alice.bare))[LAPTOP]["seen"].startswith("2020")


if __name__ == "__main__":
    run()
