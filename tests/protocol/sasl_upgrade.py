"""XEP-0480: keys grow stronger with the client's help."""

import base64
import hashlib

import _path  # noqa: F401
from harness import NS, run, story
from harness.sasl2 import (XMLNS, agent, answer, authenticates, begins, fails_with, new_agent, proves, token_of,
                           uses_token)

UPGRADE = "{urn:xmpp:sasl:upgrade:0}upgrade"
SALT = "{urn:xmpp:scram-upgrade:0}salt"


def wants(*hashes):
    return "".join(f"<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-{name}</upgrade>" for name in hashes)


def first_key(stored):
    """Of a column of keys (storage/sql/codec.hpp): hash, salt, iterations, two keys, each behind its length."""
    end = 0
    for _ in range(5):
        end += 4 + int.from_bytes(stored[end:end + 4], "little")
    return stored[:end]


async def weak_account(town):
    """One that has a key for SHA-1 alone, as another server left it."""
    account = await town.account("alice")
    await town.stop()
    where = f"WHERE domain = 'localhost' AND localpart = '{account.name}'"
    stored = bytes.fromhex(town.sql(f"SELECT hex(scram) FROM account {where}")[0][0])
    kept = first_key(stored)
    assert b"SHA-1" in kept and b"SHA-256" in stored and b"SHA-256" not in kept
    town.sql(f"UPDATE account SET scram = x'{kept.hex()}' {where}")
    await town.start()
    return account


async def is_asked(stream, name):
    task = (await answer(stream, "continue"))
    (asked,) = task.find(NS.SASL2 + "tasks")
    assert asked.text == f"UPGR-SCRAM-{name}", asked.text
    return task


async def upgrades(stream, password, name):
    await stream.sends(f"<next {XMLNS} task='UPGR-SCRAM-{name}'/>")
    salt = (await answer(stream, "task-data")).find(SALT)
    salted = hashlib.pbkdf2_hmac(name.lower().replace("-", ""), password.encode(), base64.b64decode(salt.text),
                                 int(salt.get("iterations")))
    await stream.sends(f"<task-data {XMLNS}><hash xmlns='urn:xmpp:scram-upgrade:0'>"
                       f"{base64.b64encode(salted).decode()}</hash></task-data>")


@story("XEP-0480 §2.1")
async def the_tasks_are_the_hashes_without_plus_and_the_same_for_everybody(town):
    stream = await town.stream().reaches_tls()
    offered = [one.text for one in stream.features.find(NS.SASL2 + "authentication").findall(UPGRADE)]
    assert offered == ["UPGR-SCRAM-SHA-1", "UPGR-SCRAM-SHA-256", "UPGR-SCRAM-SHA-512"], offered


@story("XEP-0480 §2.2, §3")
async def two_keys_are_made_one_behind_the_other_and_work(town):
    alice = await weak_account(town)
    stream = await town.stream().reaches_tls()
    scram = await begins(stream, alice.name, alice.password, wants("SHA-512", "SHA-256"), "SCRAM-SHA-1")
    await proves(stream, scram)
    first = await is_asked(stream, "SHA-256")
    scram.verify(first.findtext(NS.SASL2 + "additional-data"))
    await upgrades(stream, alice.password, "SHA-256")
    second = await is_asked(stream, "SHA-512")
    assert second.find(NS.SASL2 + "additional-data") is None
    await upgrades(stream, alice.password, "SHA-512")
    success = await answer(stream, "success")
    assert success.find(NS.SASL2 + "additional-data") is None
    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        await authenticates(await town.stream().reaches_tls(), alice.name, alice.password, mechanism=mechanism)


@story("XEP-0480 §2.2")
async def what_is_strong_already_is_not_asked_for(town):
    alice = await town.account("alice")
    stream = await town.stream().reaches_tls()
    await authenticates(stream, alice.name, alice.password, wants("SHA-256", "SHA-512"))


@story("XEP-0480 §3")
async def what_is_no_hash_fails_and_changes_nothing(town):
    alice = await weak_account(town)
    for number, wrong in enumerate(("", "<hash xmlns='urn:xmpp:scram-upgrade:0'>AAAA</hash>",
                                    "<hash xmlns='urn:xmpp:scram-upgrade:0'>*</hash>")):
        stream = await town.stream().reaches_tls(source=f"127.5.0.{number + 1}")
        await proves(stream, await begins(stream, alice.name, alice.password, wants("SHA-256"), "SCRAM-SHA-1"))
        await is_asked(stream, "SHA-256")
        await stream.sends(f"<next {XMLNS} task='UPGR-SCRAM-SHA-256'/>")
        await answer(stream, "task-data")
        await stream.sends(f"<task-data {XMLNS}>{wrong}</task-data>")
        await fails_with(stream, "malformed-request")
    stream = await town.stream().reaches_tls(source="127.5.0.9")
    await proves(stream, await begins(stream, alice.name, alice.password))
    await fails_with(stream, "not-authorized")


@story("XEP-0480 §2.2: another task than the server's")
async def another_task_fails(town):
    alice = await weak_account(town)
    stream = await town.stream().reaches_tls(source="127.5.1.1")
    await proves(stream, await begins(stream, alice.name, alice.password, wants("SHA-256"), "SCRAM-SHA-1"))
    await is_asked(stream, "SHA-256")
    await stream.sends(f"<next {XMLNS} task='UPGR-SCRAM-SHA-512'/>")
    await fails_with(stream, "malformed-request")


@story("XEP-0480, XEP-0484")
async def tokens_outlive_an_upgrade_and_make_none(town):
    alice, identity = await weak_account(town), new_agent()
    stream = await town.stream().reaches_tls()
    request = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>"
    token = token_of(await authenticates(stream, alice.name, alice.password, agent(identity) + request, "SCRAM-SHA-1"))
    await uses_token(await town.stream().reaches_tls(), alice.name, token, identity, inner=wants("SHA-256"))
    stream = await town.stream().reaches_tls()
    await proves(stream, await begins(stream, alice.name, alice.password, wants("SHA-256"), "SCRAM-SHA-1"))
    await is_asked(stream, "SHA-256")
    await upgrades(stream, alice.password, "SHA-256")
    await answer(stream, "success")
    await uses_token(await town.stream().reaches_tls(), alice.name, token, identity)


run()
