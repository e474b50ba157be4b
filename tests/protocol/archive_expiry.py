"""archive.keep_days and `valisectl archive`: how long messages stay (XEP-0313 §3.2)."""

import time

import _path  # noqa: F401
from _archive import OPEN, asks, form, is_refused, page, writes
from harness import run, sealed, story

EPOCH_MS = 1_704_067_200_000


def id_of(days_ago, number=0):
    return (int(time.time() * 1000) - EPOCH_MS - days_ago * 86_400_000) << 22 | number


def put_all(town, owner, peer, identities, waits=()):
    """Old messages of `peer` to `owner`, with a row for each side."""
    def insert(table, columns, rows):
        for first in range(0, len(rows), 200):  # a statement is an argument of a command
            town.sql(f"INSERT INTO {table} ({columns}) VALUES " + ", ".join(f"({row})" for row in rows[first:first + 200]))
    stanza = f'<message from="{peer}/x" to="{owner}" id="old%d" type="chat"><body>x</body></message>'
    insert("msg", "id, boxes, sender, recipient, stanza_id, digest, stanza",
           [f"{one}, 2, '{peer}/x', '{owner}', 'old{one}', '0123456789abcdef', '{stanza % one}'" for one in identities])
    insert("box", "owner, id, peer, direction", [f"'{owner}', {one}, '{peer}', 0" for one in identities])
    insert("box", "owner, id, peer, direction", [f"'{peer}', {one}, '{owner}', 1" for one in identities])
    if waits:
        insert("undelivered", "owner, id", [f"'{owner}', {one}" for one in waits])
    return [str(one) for one in identities]


def put(town, owner, peer, identity, waits=False):
    return put_all(town, owner, peer, [identity], [identity] if waits else [])[0]


async def ids(device):
    found = await asks(device)
    return found.ids


@story("archive.keep_days", options={**OPEN, "archive.keep_days": 30})
async def what_is_older_than_the_term_goes_and_the_rest_stays(town):
    alice, bob = await town.devices("alice", "bob")
    old = put_all(town, alice.bare, bob.bare, range(id_of(40), id_of(40) + 700))
    young = put(town, alice.bare, bob.bare, id_of(20))
    await writes(bob, alice, "new")
    assert len((await asks(alice, page("<max>0</max>"))).ids) == 0 and (await asks(alice, page("<max>1</max>"))).ids == old[:1]
    done = await town.ctl_json("archive", "expire")
    assert done["due"] == 1400, done
    assert (await ids(alice))[:1] == [young] and (await ids(bob))[:1] == [young]
    assert len(await ids(alice)) == len(await ids(bob)) == 2
    assert town.sql(f"SELECT count(*) FROM msg WHERE id <= {old[-1]}") == [("0",)]
    await is_refused(alice, "item-not-found", page(f"<after>{old[5]}</after>"))
    assert (await town.ctl_json("archive", "expire"))["due"] == 0


@story("archive.keep_days", options={**OPEN, "archive.keep_days": 30})
async def what_still_waits_for_its_delivery_stays(town):
    alice = await town.account("alice")
    bob = await (await town.account("bob")).device()
    waiting = put(town, alice.bare, bob.bare, id_of(60), waits=True)
    put(town, alice.bare, bob.bare, id_of(59))
    await town.restart()  # what waits is looked up when an account is loaded
    assert await town.ctl("archive", "expire") == "4 rows of old messages due to go\n"  # one of them stays
    assert town.sql(f"SELECT id FROM box WHERE owner = '{alice.bare}'") == [(waiting,)]
    assert town.sql(f"SELECT id FROM box WHERE owner = '{bob.bare}'") == []
    phone = await alice.device()
    await phone.receives("message", id="old" + waiting)


@story("valisectl archive keep", options={**OPEN, "archive.keep_days": 30})
async def an_administrator_sets_the_term_of_one_account(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    old = put(town, alice.bare, bob.bare, id_of(40))
    await town.ctl("archive", "keep", alice.bare, "365")
    recent = put(town, carol.bare, bob.bare, id_of(10))
    await town.ctl("archive", "keep", carol.bare, "7")
    await town.ctl("archive", "expire")
    assert await ids(alice) == [old] and await ids(carol) == [] and await ids(bob) == [recent]
    assert (await town.ctl_json("archive", "show", alice.bare))["keep_days"] == 365
    await town.restart()
    assert (await town.ctl_json("archive", "show", alice.bare))["keep_days"] == 365
    await town.ctl("archive", "keep", alice.bare, "0")
    await town.ctl("archive", "expire")
    phone = await alice.account.device()
    assert await ids(phone) == [old]
    await town.ctl("archive", "keep", alice.bare, "default")
    assert (await town.ctl_json("archive", "show", alice.bare))["keep_days"] == 30
    await town.ctl("archive", "expire")
    assert await ids(phone) == []
    assert await town.records(kind="admin", reason="archive-keep")


@story("archive.keep_days", options=OPEN, alone=True)
async def for_ever_is_for_ever(town):
    town.options["archive.keep_days"] = 0
    town.write_config()
    assert (await town.reload())[0] == 0
    alice, bob = await town.devices("alice", "bob")
    old = put(town, alice.bare, bob.bare, id_of(800))
    assert (await town.ctl_json("archive", "expire"))["due"] == 0
    assert await ids(alice) == [old]


@story("valisectl archive show", options=OPEN)
async def statistics_of_an_account_are_shown(town):
    alice, bob = await town.devices("alice", "bob")
    empty = await town.ctl_json("archive", "show", alice.bare)
    assert empty["messages"] == 0 and empty["oldest"] is None and empty["default"] == "always"
    await writes(bob, alice, "a", "b")
    full = await town.ctl_json("archive", "show", alice.bare)
    assert full["messages"] == 2 and full["oldest"] <= full["newest"] and full["keep_days"] == 90 and full["own_term"] is False
    assert "2" in await town.ctl("archive", "show", alice.bare)


@story("valisectl archive")
async def what_it_cannot_do_it_says(town):
    [alice] = await town.devices("alice")
    for arguments in (("keep", alice.bare, "-1"), ("keep", alice.bare, "soon"), ("keep", alice.bare, "40000"), ("keep", "nobody@localhost", "1"),
                      ("show", "nobody@localhost"), ("show", "alice@elsewhere.example"), ("keep", alice.bare)):
        status, _, err = await town.ctl_result("archive", *arguments)
        assert status != 0 and err, arguments


@story("XEP-0077 §3.2: a large archive is erased in slices", options=OPEN)
async def a_large_archive_is_erased_whole_with_its_account(town):
    alice, bob = await town.devices("alice", "bob")
    first = id_of(1)
    put_all(town, alice.bare, bob.bare, range(first, first + 1203), waits=range(first, first + 1203, 400))
    await town.ctl("user", "delete", alice.bare)
    assert town.rows_of(alice.bare) == {}
    assert int(town.sql(f"SELECT count(*) FROM box WHERE owner = '{bob.bare}'")[0][0]) == 1203
    await town.ctl("user", "delete", bob.bare)
    assert town.rows_of(bob.bare) == {}
    assert town.sql("SELECT count(*) FROM msg WHERE stanza_id LIKE 'old%' AND boxes = 0") == [("0",)]


@story("Keep: archives by group", options={**OPEN, "archive.keep_days": 30}, policy="""
rule{ name = "long", match = Kind("archive") * From("minister*@localhost"), action = Keep{ days = 100 } }
rule{ name = "short", match = Kind("archive") * From{ "guest*@localhost" }, action = Keep{ days = 5 } }
rule{ name = "for ever", match = Kind("archive") * From("keeper*@localhost"), action = Keep{ days = 0 } }
rule{ name = "fails", match = Kind("archive") * From("clerk*@localhost"), action = function(m) return m.nothing.there end }
""")
async def how_long_archives_keep_is_what_a_rule_says(town):
    minister, guest, keeper, clerk, other = await town.devices("minister", "guest", "keeper", "clerk", "other")
    stay = {}
    for number, (one, peer, days) in enumerate(((minister, guest, (200, 50)), (keeper, other, (400, 20)), (clerk, guest, (60, 3)))):
        for day in days:
            stay[number, day] = put(town, one.bare, peer.bare, id_of(day, number))
    await town.ctl("archive", "expire")
    assert await ids(minister) == [stay[0, 50]]
    assert await ids(guest) == [stay[2, 3]]
    assert await ids(keeper) == [stay[1, 400], stay[1, 20]]
    assert await ids(clerk) == [stay[2, 60], stay[2, 3]], "a rule that fails keeps all"
    assert await ids(other) == [stay[1, 20]]
    kept = await town.ctl_json("archive", "show", minister.bare)
    assert (kept["keep_days"], kept["own_term"], kept["by_rule"]) == (100, False, True), kept
    await town.ctl("archive", "keep", minister.bare, "40")  # an administrator's word about one account wins
    await town.ctl("archive", "expire")
    assert await ids(minister) == []
    kept = await town.ctl_json("archive", "show", minister.bare)
    assert (kept["keep_days"], kept["own_term"], kept["by_rule"]) == (40, True, False), kept


run()
