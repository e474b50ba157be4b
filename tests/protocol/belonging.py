"""The store and the log belong together; what no crash leaves is refused at the start (server/core/recovery.hpp)."""

import shutil

import _path  # noqa: F401
from harness import run, sealed, story
from harness.town import ServerDied, Town


async def is_refused_unless_told(town, text, reason):
    """Twice, for a start that was refused changes nothing. Once told it goes on, and notes it; from then on like any other,
    though nothing was stored meanwhile."""
    for _ in range(2):
        try:
            await town.start()
            raise AssertionError("it starts as if nothing were missing")
        except ServerDied as died:
            assert text in str(died) and "--accept-gap" in str(died), died
    await town.start("--accept-gap")
    assert len(await town.records(kind="admin", reason=reason)) == 1
    await town.kill()
    await town.start()
    assert len(await town.records(kind="admin", reason=reason)) == 1
    await town.audit_is_sound()


async def keeps_messages(town, *names):
    """Messages with these ids wait for somebody who is away, each a batch of its own."""
    alice = await (await town.account("alice")).device()
    bob = await town.account("bob")
    for name in names:
        await alice.sends(f"<message to='{bob.bare}' id='{name}' type='chat'>{sealed()}</message>")
        await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    stored = {record.get("stanza") for record in await town.records(kind="message", to=bob.bare)}
    assert stored == set(names), stored
    await alice.leaves()


def copy_log(town, name):
    shutil.copytree(town.audit_folder, town.folder / name)


def put_log(town, name):
    shutil.rmtree(town.audit_folder)
    shutil.copytree(town.folder / name, town.audit_folder)


@story("docs/admin.en.md §11: an older log", alone=True)
async def a_log_that_was_put_back_is_no_crash(town):
    await keeps_messages(town, "before")
    await town.stop()
    copy_log(town, "monday")
    await town.start()
    await keeps_messages(town, "after-1", "after-2")
    await town.kill()
    put_log(town, "monday")
    await is_refused_unless_told(town, "older copy", "log-older-than-store")
    recovered = {record.get("stanza") for record in await town.records(kind="recovered")}
    assert recovered == {"after-1", "after-2"}, recovered


@story("docs/admin.en.md §11: a log of another history", alone=True)
async def a_log_that_parted_from_the_stores_is_refused(town):
    await keeps_messages(town, "before")
    await town.stop()
    copy_log(town, "monday")
    await town.start()
    await keeps_messages(town, "first")
    alice = await (await town.account("alice")).device()
    for number in range(40):
        await alice.sends(f"<presence><show>{('away', 'xa')[number % 2]}</show></presence>")
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    await alice.leaves()
    await town.stop()
    copy_log(town, "first")
    put_log(town, "monday")
    await town.start("--accept-gap")
    await town.ctl("user", "add", "late@localhost", stdin="sesame late\n")  # the store goes on with this one, which is shorter
    await town.stop()
    put_log(town, "first")
    await is_refused_unless_told(town, "is not the one that the store was written with", "log-of-another-store")


@story("docs/admin.en.md §11: audit.enabled was off", alone=True)
async def a_time_without_a_log_is_noted_in_the_log(town):
    await keeps_messages(town, "before")
    await town.stop()
    town.options["audit.enabled"] = False
    town.write_config()
    await town.start()
    await town.ctl("user", "add", "unseen@localhost", stdin="sesame unseen\n")
    await town.stop()
    del town.options["audit.enabled"]
    town.write_config()
    await is_refused_unless_told(town, "while the audit log was off", "log-was-off")


@story("docs/admin.en.md §11: an older store", alone=True)
async def a_store_that_was_put_back_is_refused(town):
    await keeps_messages(town, "before")
    await town.stop()
    [(unit, size, chain)] = town.sql("SELECT id, log_size, hex(log_chain) FROM high_water")
    await town.start()
    await keeps_messages(town, "after-1", "after-2")
    await town.stop()
    for table in ("msg", "box", "undelivered"):
        town.sql(f"DELETE FROM {table} WHERE id > {unit}")
    town.sql(f"UPDATE high_water SET id = {unit}, log_size = {size}, log_chain = x'{chain}'")
    await is_refused_unless_told(town, "older than the log", "store-older-than-log")


@story("docs/admin.en.md §11: after a crash just start it", alone=True)
async def killed_again_and_again_it_starts_without_a_word(town):
    for number in range(5):
        await keeps_messages(town, f"killed-{number}")
        await town.kill()
        await town.start()
    assert not await town.records(kind="admin", reason="log-older-than-store")


@story("docs/admin.en.md §10: copies of a stopped server")
async def after_a_stop_the_database_file_alone_is_the_store(_town):
    town = Town(name="alone", store="sqlite")
    database = town.folder / "valise.db"
    try:
        await town.start()
        await keeps_messages(town, "kept")
        await town.stop()
        assert not [path for path in town.folder.glob("valise.db-*") if path.stat().st_size > 0]
        shutil.copy(database, town.folder / "copy.db")
        for path in town.folder.glob("valise.db*"):
            path.unlink()
        (town.folder / "copy.db").rename(database)
        await town.start()
        assert town.sql("SELECT stanza_id FROM msg") == [("kept",)]
    finally:
        await town.close()


run()
