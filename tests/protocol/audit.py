"""server/core/audit/record.hpp: the label of everything, the letter of nothing."""

import _path  # noqa: F401
from harness.town import ServerDied
from harness import NS, run, sealed, story, word_from

CANARY = "the merger is on friday"


def message(to, identity, inner=None):
    return f"<message to='{to}' id='{identity}' type='chat'>{inner or sealed()}</message>"


@story("server/core/audit/record.hpp")
async def a_message_has_one_record_with_its_label(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "label-1"))
    await bob.receives("message", id="label-1")
    [record] = await town.records(kind="message", stanza="label-1")
    assert record["from"] == alice.bare and record["to"] == bob.bare
    assert record["resource"] == alice.full.partition("/")[2]
    assert record["type"] == "chat" and record["encryption"] == "legacy"
    assert record["size"] > 300 and record["keys"] == 1 and record["device"] == 1409397037
    assert record["tls"].startswith("TLS") and record["mechanism"] == "SCRAM-SHA-256"
    assert record["source"].startswith("127.")


@story("ARCHITECTURE.md, the life of a unit")
async def the_record_is_there_before_the_message_arrives(town):
    alice, bob = await town.devices("alice", "bob")
    for number in range(20):
        await alice.sends(message(bob.bare, f"before-{number}"))
        await bob.receives("message", id=f"before-{number}")
        assert len(await town.records(stanza=f"before-{number}")) == 1


@story("server/core/audit/record.hpp")
async def a_refusal_has_a_record_that_says_why(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "refused-1", f"<body>{CANARY}</body>"))
    await alice.receives("message", id="refused-1", type_="error")
    [record] = await town.records(stanza="refused-1")
    assert record["kind"] == "denied" and record["reason"] == "plaintext" and record["verdict"] == "refused"
    assert record["from"] == alice.bare and record["to"] == bob.bare


@story("server/core/audit/record.hpp")
async def log_in_log_out_and_wrong_passwords_have_records(town):
    alice = await town.account("alice")
    phone = await alice.device("phone")
    await phone.leaves()
    stream = await town.stream().reaches_tls()
    try:
        await stream.authenticates(alice.name, "wrong password")
    except AssertionError:
        pass
    await stream.drops()
    await (await alice.device("fence")).leaves()
    kinds = [(record["kind"], record.get("resource")) for record in await town.records(from_=alice.bare)
             if record["kind"] in ("login", "logout", "login-failed")]
    assert ("login", "phone") in kinds and ("logout", "phone") in kinds, kinds
    assert any(kind == "login-failed" for kind, _ in kinds), kinds


@story("server/core/audit/record.hpp")
async def presence_has_a_record(town):
    [alice] = await town.devices("alice")
    await alice.sends("<presence><show>away</show></presence>")
    await alice.receives("presence", child=NS.CLIENT + "show")
    await alice.leaves()
    records = await town.records(kind="presence", from_=alice.bare)
    assert len(records) >= 2
    assert records[-1].get("type") == "unavailable"


@story("server/core/audit/record.hpp")
async def an_administrators_deed_has_a_record(town):
    alice = await town.account("alice")
    await town.ctl("user", "disable", alice.bare)
    reasons = [record["reason"] for record in await town.records(kind="admin", to=alice.bare)]
    assert reasons == ["user-add", "user-disable"], reasons


@story("server/core/audit/record.hpp: canary")
async def no_record_and_no_log_line_holds_content_or_passwords(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "canary-1", f"<body>{CANARY}</body>"))
    await alice.receives("message", id="canary-1", type_="error")
    await alice.sends(f"<presence><status>{CANARY}</status></presence>")
    await alice.sends(f"<iq type='set' id='q1'><note xmlns='urn:example:note'>{CANARY}</note></iq>")
    await bob.receives_no("message", before=word_from(alice), id="canary-1")
    everything = town.stored_bytes()
    assert CANARY.encode() not in everything
    assert alice.account.password.encode() not in everything


@story("server/core/audit/format.hpp: chain")
async def the_chain_holds_across_restarts(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "chain-1"))
    await bob.receives("message", id="chain-1")
    await town.audit_is_sound()
    await town.restart()
    alice, bob = await alice.account.device(), await bob.account.device()
    await alice.sends(message(bob.bare, "chain-2"))
    await bob.receives("message", id="chain-2")
    await town.audit_is_sound()
    kinds = [record["kind"] for record in await town.records()]
    assert kinds.count("start") >= 2 and "stop" in kinds, kinds[:5]


async def is_not_sound(town):
    status, out, err = await town.ctl_result("audit", "verify", str(town.audit_folder))
    assert status == 1, out + err
    seq = out.partition("entry ")[2].partition(" ")[0]
    assert f"good before it: {seq} entr" in out, out


@story("server/core/audit/format.hpp: chain", alone=True)
async def a_changed_byte_is_found(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "tamper-1"))
    await bob.receives("message", id="tamper-1")
    await town.stop()
    [records] = town.audit_folder.glob("records-*.log")
    data = bytearray(records.read_bytes())
    at = data.index(b"tamper-1")
    data[at] ^= 1
    records.write_bytes(data)
    await is_not_sound(town)


@story("server/core/audit/format.hpp: chain", alone=True)
async def a_log_cut_short_is_found(town):
    alice, bob = await town.devices("alice", "bob")
    for number in range(5):
        await alice.sends(message(bob.bare, f"cut-{number}"))
        await bob.receives("message", id=f"cut-{number}")
    await town.stop()
    [records] = town.audit_folder.glob("records-*.log")
    data = records.read_bytes()
    records.write_bytes(data[:data.index(b"cut-2")])
    await is_not_sound(town)


@story("server/core/audit/record.hpp: a cut log, known from a note", alone=True)
async def a_log_that_was_replaced_is_found_by_an_earlier_note(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "note-1"))
    await bob.receives("message", id="note-1")
    await town.stop()
    status, out, err = await town.ctl_result("audit", "verify", str(town.audit_folder))
    assert status == 0, out + err
    note = out.split("note", 1)[1].strip()
    status, out, err = await town.ctl_result("audit", "verify", "--known", note, str(town.audit_folder))
    assert status == 0, out + err
    size, chain = note.split(":")
    status, out, err = await town.ctl_result("audit", "verify", "--known", size + ":" + chain[::-1], str(town.audit_folder))
    assert status == 1 and "is not the one that was noted" in out and "good before it" not in out, out + err
    assert "consistent in itself, but not the log that was noted" in out, out
    for file in town.audit_folder.iterdir():
        file.unlink()
    status, out, err = await town.ctl_result("audit", "verify", str(town.audit_folder))
    assert status == 2 and "no audit log" in err, out + err
    try:
        await town.start()
        raise AssertionError("it starts as if nothing were missing")
    except ServerDied as died:
        assert "the audit log is empty" in str(died) and "--accept-gap" in str(died), died
    await town.start("--accept-gap")
    [begins] = await town.records(kind="admin", reason="log-begins")
    assert begins["seq"] == 0, begins
    await town.restart()


@story("server/core/audit/record.hpp: one record, many devices")
async def several_devices_make_no_second_record(town):
    alice, bob = await town.devices("alice", "bob")
    laptop = await bob.account.device()
    await alice.sends(message(bob.bare, "fan-1"))
    for device in (bob, laptop):
        await device.receives("message", id="fan-1")
    assert len(await town.records(stanza="fan-1")) == 1


run()
