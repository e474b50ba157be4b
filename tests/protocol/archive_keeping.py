"""XEP-0313 §3, §6, XEP-0441, XEP-0160, XEP-0334: what is kept, for whom, and once."""

import sqlite3

import _path  # noqa: F401
from _archive import MAM, OPEN, asks, form, is_refused, is_result, new_ids, page, stanza_id, writes
from harness import NS, ping, run, sealed, sealed_empty, story, word_from
from harness.device import expect_error
from harness.forwarded import copied

PREFS = "urn:xmpp:mam:2"


def prefs(default="always", always=(), never=()):
    lists = "".join(f"<{name}>{''.join(f'<jid>{jid}</jid>' for jid in jids)}</{name}>" for name, jids in (("always", always), ("never", never)))
    return f"<prefs xmlns='{PREFS}' default='{default}'>{lists}</prefs>"


def shown(answer):
    found = answer.find(MAM + "prefs")
    return (found.get("default"), *([jid.text for jid in found.find(MAM + name)] for name in ("always", "never")))


def hint(name):
    return f"<{name} xmlns='urn:xmpp:hints'/>"


def rows(town, owner):
    return int(town.sql(f"SELECT count(*) FROM box WHERE owner = '{owner}'")[0][0])


# ---- what is archived

@story("XEP-0313 §6.1.1")
async def a_message_is_stored_once_with_a_row_for_each_side(town):
    alice, bob = await town.devices("alice", "bob")
    phone = await bob.account.device()
    await writes(alice, bob, "one", inner=sealed())
    await phone.receives("message", id="one")
    assert (await asks(alice)).words == (await asks(bob)).words == ["one"]
    assert [row[0] for row in town.sql(f"SELECT m.boxes FROM msg m JOIN box b ON b.id = m.id WHERE b.owner = '{bob.bare}'")] == ["2"]


@story("XEP-0313 §6.1.1, XEP-0334", options=OPEN)
async def what_is_archived_and_what_is_not(town):
    alice, bob = await town.devices("alice", "bob")
    body = "<body>x</body>"
    kept = {"plain": ("chat", body), "normal": ("normal", body), "store": ("chat", "<active xmlns='http://jabber.org/protocol/chatstates'/>" + hint("store")),
            "retraction": ("chat", "<retract xmlns='urn:xmpp:message-retract:1' id='x'/>"),
            "correction": ("chat", body + "<replace xmlns='urn:xmpp:message-correct:0' id='x'/>"),
            "reaction": ("chat", "<reactions xmlns='urn:xmpp:reactions:0' id='x'><reaction>+</reaction></reactions>"),
            "no-copy": ("chat", body + hint("no-copy"))}
    dropped = {"no-store": ("chat", body + hint("no-store")), "no-permanent-store": ("chat", body + hint("no-permanent-store")),
               "state": ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
               "receipt": ("chat", "<received xmlns='urn:xmpp:receipts' id='x'/>"), "headline": ("headline", body)}
    for name, (kind, inner) in {**kept, **dropped}.items():
        await alice.sends(f"<message to='{bob.bare}' id='{name}' type='{kind}'>{inner}</message>")
        got = await bob.receives("message", id=name)
        assert (stanza_id(got) is not None) == (name in kept), f"{name}: an id that names nothing in the archive is none"
    for kind in ("groupchat", "error"):
        inner = body + ("<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>" if kind == "error" else "")
        await alice.sends(f"<message to='{bob.full}' id='{kind}' type='{kind}'>{inner}</message>")
        await bob.receives("message", id=kind)
    assert sorted((await asks(bob)).words) == sorted((await asks(alice)).words) == sorted(kept)
    recorded = {record["stanza"] for record in await town.records(kind="message", from_=alice.bare) if "stanza" in record} or \
        {record.get("id") for record in await town.records(kind="message", from_=alice.bare)}
    assert recorded, "what is not archived is recorded all the same"


@story("docs/sealed.md D10")
async def a_sealed_message_without_content_is_archived_only_if_it_asks(town):
    alice, bob = await town.devices("alice", "bob")
    await writes(alice, bob, "empty", inner=sealed_empty().replace("<store xmlns='urn:xmpp:hints'/>", ""))
    await writes(alice, bob, "asked", inner=sealed_empty())
    await writes(alice, bob, "payload", inner=sealed())
    assert (await asks(bob)).words == ["asked", "payload"]


@story("XEP-0334 §3, XEP-0198")
async def no_store_is_recorded_and_acknowledged_and_nowhere_stored(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends("<enable xmlns='urn:xmpp:sm:3'/>")
    await alice.stream.wait_for(lambda event: getattr(event, "tag", "") == "{urn:xmpp:sm:3}enabled", "<enabled/>")
    inner = sealed().replace("<store xmlns='urn:xmpp:hints'/>", hint("no-permanent-store"))
    await alice.sends(f"<message to='{bob.bare}' id='passing' type='chat'>{inner}</message><r xmlns='urn:xmpp:sm:3'/>")
    await bob.receives("message", id="passing")
    await word_from(alice)(bob)
    await alice.sends("<r xmlns='urn:xmpp:sm:3'/>")
    while int((await alice.stream.wait_for(lambda event: getattr(event, "tag", "") == "{urn:xmpp:sm:3}a", "<a/>")).get("h")) < 2:
        pass
    assert "passing" not in (await asks(bob)).words + (await asks(alice)).words
    assert b"passing" in town.stored_bytes(), "in the record"


@story("XEP-0313 §6.1", options=OPEN)
async def what_the_recipient_refuses_is_in_nobodys_archive(town):
    alice, bob = await town.devices("alice", "bob")
    await bob.sets(f"<block xmlns='urn:xmpp:blocking'><item jid='{alice.bare}'/></block>")
    await alice.sends(f"<message to='{bob.bare}' id='blocked' type='chat'><body>x</body></message>")
    await alice.gets_error("message", "blocked", "service-unavailable")
    await alice.sends("<message to='nobody@localhost' id='nobody' type='chat'><body>x</body></message>")
    await alice.gets_error("message", "nobody", "service-unavailable")
    assert (await asks(alice)).results == (await asks(bob)).results == []
    await alice.sends(f"<message to='{bob.bare}/gone' id='no-resource' type='normal'><body>x</body></message>")
    await alice.gets_error("message", "no-resource", "service-unavailable")
    assert rows(town, alice.bare) == rows(town, bob.bare) == 0


@story("XEP-0313 §6.1.1", options=OPEN)
async def a_note_to_oneself_is_one_message(town):
    [alice] = await town.devices("alice")
    await writes(alice, alice, "note")
    await alice.sends("<message id='unaddressed' type='chat'><body>x</body></message>")
    await alice.receives("message", id="unaddressed")
    assert (await asks(alice)).words == ["note", "unaddressed"] and rows(town, alice.bare) == 2


# ---- identical re-sends

@story("docs/sealed.md D2, the torture of issue 5")
async def an_identical_re_send_is_acknowledged_and_archived_once(town):
    alice, bob = await town.devices("alice", "bob")
    inner = sealed()
    await writes(alice, bob, "twice", inner=inner)
    laptop = await alice.account.device()  # after a lost connection
    for device in (alice, laptop):
        await device.sends(f"<message to='{bob.bare}' id='twice' type='chat'>{inner}</message>")
    await bob.receives_no("message", before=word_from(laptop), id="twice")
    assert len((await asks(bob, form(with_=alice.bare))).words) == 2, "the fence and the one"
    await writes(alice, bob, "twice", inner=sealed())  # another content is another message
    assert (await asks(bob)).words.count("twice") == 2


@story("docs/sealed.md D2: nobody knows whether it was delivered before the kill", alone=True)
async def a_re_send_behind_a_kill_is_shown_under_the_first_ones_id_and_archived_once(town):
    alice, bob = await town.devices("alice", "bob")
    away = await town.account("away")
    inner = {"here": sealed(), "waits": sealed()}
    first = stanza_id((await writes(alice, bob, "here", inner=inner["here"]))[-1])
    await alice.sends(f"<message to='{away.bare}' id='waits' type='chat'>{inner['waits']}</message>")
    await town.kill()
    await town.restart()
    alice, bob = await alice.account.device(), await bob.account.device()

    async def sends(account, identity):
        await alice.sends(f"<message to='{account.bare}' id='{identity}' type='chat'>{inner[identity]}</message>")
    laptop = await alice.account.device()
    await laptop.sets("<enable xmlns='urn:xmpp:carbons:2'/>")
    await sends(bob, "here")
    assert stanza_id(await bob.receives("message", id="here")) == first
    copy = await laptop.stream.wait_for(lambda event: copied(event, "sent") is not None, "a copy")
    assert stanza_id(copied(copy, "sent")) == first
    await sends(bob, "here")  # now it is known
    await bob.receives_no("message", before=word_from(alice), id="here")
    assert (await asks(bob)).words.count("here") == (await asks(alice)).words.count("here") == 1
    await sends(away, "waits")
    phone = await away.device()
    await phone.receives("message", id="waits")
    await sends(away, "waits")
    await phone.receives_no("message", before=word_from(alice), id="waits")
    await town.kill()
    await town.restart()  # nobody is there this time: its row waits again
    alice = await alice.account.device()
    await sends(away, "waits")
    phone = await away.device()
    await phone.receives("message", id="waits")
    assert (await asks(phone)).words.count("waits") == 1


@story("docs/sealed.md D2", options=OPEN)
async def without_an_id_equal_messages_are_two(town):
    alice, bob = await town.devices("alice", "bob")
    for _ in range(2):
        await alice.sends(f"<message to='{bob.bare}' type='chat'><body>yes</body></message>")
        await bob.receives("message", from_=alice.full)
    assert len((await asks(bob)).results) == 2


@story("docs/sealed.md D2: a database that stops", options=OPEN)
async def a_re_send_while_the_store_stands_still_is_archived_once(town):
    alice, bob = await town.devices("alice", "bob")
    laptop = await alice.account.device()
    async with town.store_is_paused("msg"):
        await alice.sends(f"<message to='{bob.bare}' id='patient' type='chat'><body>x</body></message>")
        await town.waits_for_the_store(1)
        await laptop.sends(f"<message to='{bob.bare}' id='patient' type='chat'><body>x</body></message>")
        await town.waits_for_the_store(2)
    await bob.receives("message", id="patient")
    await bob.receives_no("message", before=word_from(laptop), id="patient")
    assert (await asks(bob)).words.count("patient") == 1


@story("docs/sealed.md D2: what was refused was no first copy", options={**OPEN, "limits.offline": 1})
async def a_re_send_of_what_was_refused_is_no_re_send(town):
    alice = await (await town.account("alice")).device()
    bob = await town.account("bob")
    for one in ("fills", "refused"):
        await alice.sends(f"<message to='{bob.bare}' id='{one}' type='chat'><body>{one}</body></message>")
    await alice.gets_error("message", "refused", "service-unavailable")
    phone = await bob.device()
    await phone.receives("message", id="fills")
    await alice.sends(f"<message to='{bob.bare}' id='refused' type='chat'><body>refused</body></message>")
    await phone.receives("message", id="refused")
    assert (await asks(phone)).words == ["fills", "refused"]


# ---- offline

@story("XEP-0160, XEP-0313 §6.1.1")
async def what_waits_is_drained_with_the_archives_id_and_stays(town):
    alice = await (await town.account("alice")).device()
    bob = await town.account("bob")
    for one in ("w1", "w2"):
        await alice.sends(f"<message to='{bob.bare}' id='{one}' type='chat'>{sealed()}</message>")
    await word_from(alice)(alice)
    phone = await bob.device()
    drained = [await phone.receives("message", id=one) for one in ("w1", "w2")]
    assert all(message.find(NS.DELAY + "delay") is not None for message in drained)
    found = await asks(phone)
    assert found.words == ["w1", "w2"] and found.ids == [stanza_id(message) for message in drained]
    await phone.leaves()
    laptop = await bob.device()
    await laptop.receives_no("message", before=word_from(alice), id="w1")
    assert (await asks(laptop)).words[:2] == ["w1", "w2"]


@story("XEP-0313 §6.1.1: MAY choose not to deliver")
async def who_asks_the_archive_first_is_not_told_again(town):
    alice = await (await town.account("alice")).device()
    bob = await town.account("bob")
    for one in ("w1", "w2", "w3"):
        await alice.sends(f"<message to='{bob.bare}' id='{one}' type='chat'>{sealed()}</message>")
    await word_from(alice)(alice)
    phone = await bob.device(present=False)
    first = await asks(phone, page("<max>2</max>"))
    assert first.words == ["w1", "w2"]
    await phone.becomes_available()
    third = await phone.receives("message", id="w3")
    await phone.receives_no("message", before=word_from(alice), id="w1")
    await phone.receives_no("message", before=ping, id="w2")
    assert stanza_id(third) == (await asks(phone)).ids[2]
    await phone.leaves()
    laptop = await bob.device()
    await laptop.receives_no("message", before=word_from(alice), id="w1")


@story("XEP-0160", options={**OPEN, "archive.default": "never"})
async def what_waits_without_being_archived_is_gone_when_it_was_delivered(town):
    alice = await (await town.account("alice")).device()
    bob = await town.account("bob")
    await alice.sends(f"<message to='{bob.bare}' id='w' type='chat'><body>x</body></message>")
    await word_from(alice)(alice)
    phone = await bob.device(present=False)
    assert (await asks(phone)).results == [], "it waits, but it is not archived"
    metadata = (await phone.asks(f"<metadata xmlns='{PREFS}'/>")).find(MAM + "metadata")
    assert len(metadata) == 0
    assert rows(town, bob.bare) == 1
    await phone.becomes_available()
    got = await phone.receives("message", id="w")
    assert stanza_id(got) is None, "no id of an archive that does not have it"
    await word_from(alice)(phone)
    await phone.leaves()
    await bob.device()
    assert rows(town, bob.bare) == rows(town, alice.bare) == 0


@story("ARCHITECTURE.md, the life of a unit: begins again under the archive's id", options={"shards": 4, "limits.queue": 16 * 1024 * 1024})
async def what_a_broken_connection_did_not_take_waits_under_the_id_that_it_has(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    slow = await bob.sleeper()
    slow.stream.stops_reading()
    count = 250
    for number in range(count):
        await alice.sends(f"<message to='{bob.bare}' id='f{number}' type='chat'>{sealed(payload_bytes=20_000)}</message>")
    await word_from(alice)(alice)
    await slow.drops()
    again = await bob.device()
    await word_from(alice)(again)
    drained = [event for event in again.stream.waiting(lambda event: getattr(event, "tag", "") == NS.CLIENT + "message")
               if event.get("id", "").startswith("f") and event.get("id")[1:].isdigit()]
    assert drained, "nothing had to wait: this story shows nothing"
    seen, ids, after = [], {}, ""
    while True:
        one = await asks(again, form(with_=alice.bare) + page(f"<max>50</max>{after}"))
        ids.update(zip(one.words, one.ids))
        seen += one.words
        if one.complete:
            break
        after = f"<after>{one.last}</after>"
    assert [word for word in seen if word.startswith("f") and word[1:].isdigit()] == [f"f{number}" for number in range(count)], "each once, in order"
    assert all(stanza_id(message) == ids[message.get("id")] for message in drained)


# ---- preferences

@story("XEP-0441 §2.1")
async def preferences_are_read_set_and_outlive_the_server(town):
    alice, bob = await town.devices("alice", "bob")
    ask = f"<prefs xmlns='{PREFS}'/>"
    assert shown(await alice.asks(ask)) == ("always", [], [])
    answer = await alice.sets(prefs("roster", [bob.bare.upper().replace("LOCALHOST", "localhost"), "z@example.org"], ["c@example.org/phone", "c@example.org/phone"]), to=alice.bare)
    expected = ("roster", [bob.bare, "z@example.org"], ["c@example.org/phone"])
    assert shown(answer) == expected
    assert shown(await bob.asks(ask)) == ("always", [], [])
    await town.restart()
    phone = await alice.account.device()
    assert shown(await phone.asks(ask)) == expected
    assert shown(await phone.sets(f"<prefs xmlns='{PREFS}' default='never'/>")) == ("never", [], []), "missing lists are empty"


@story("XEP-0441 §2.1.1")
async def bad_preferences_are_refused_and_change_nothing(town):
    [alice] = await town.devices("alice")
    await alice.sets(prefs("roster", ["a@example.org"]))
    for bad, condition in ((f"<prefs xmlns='{PREFS}'><always/><never/></prefs>", "bad-request"), (prefs("sometimes"), "bad-request"),
                           (prefs("always", ["a@example.org"], ["a@example.org"]), "bad-request"), (prefs("always", ["@"]), "jid-malformed"),
                           (prefs("always", [""]), "jid-malformed"), (prefs("always", never=["a@b@c@"]), "jid-malformed"),
                           (prefs("always").replace("<always>", "<always><name>x</name>"), "bad-request"),
                           (prefs("always", [f"a{n}@example.org" for n in range(501)]), "resource-constraint"),
                           (prefs("always", [f"a{n}@example.org" for n in range(300)], [f"b{n}@example.org" for n in range(300)]), "resource-constraint")):
        await alice.is_refused(condition, bad, "set")
    assert shown(await alice.asks(f"<prefs xmlns='{PREFS}'/>")) == ("roster", ["a@example.org"], [])


@story("XEP-0441 §2.1.2, §2.3", options=OPEN)
async def lists_win_over_the_default_and_a_full_address_over_a_bare_one(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    phone = await bob.account.device("phone")
    await alice.sets(prefs("never", [bob.bare], [phone.full]))
    a, b, c, d, e = new_ids(5)
    await writes(bob, alice, a)
    await writes(phone, alice, b)      # incoming: `from`
    await writes(carol, alice, c)
    await writes(alice, bob, d)        # outgoing: `to`
    await writes(alice, phone, e, to=phone.full)
    assert (await asks(alice)).words == [a, d]
    assert (await asks(bob)).words == [a, b, d, e], "the other side has its own wishes"
    await alice.sets(prefs("always", never=[carol.bare]))
    f, g = new_ids(2)
    [got] = await writes(carol, alice, f)
    assert stanza_id(got) is None
    await writes(phone, alice, g)
    assert (await asks(alice)).words == [a, d, g]


@story("XEP-0441 §2.1.1, §2.3.1", options=OPEN)
async def roster_archives_contacts_by_their_bare_address(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.sets(prefs("roster"))
    await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='{bob.bare}'/></query>")
    a, b, c, d = new_ids(4)
    await writes(bob, alice, a)
    await writes(carol, alice, b)
    await writes(alice, carol, c)
    await writes(alice, bob, d)
    assert (await asks(alice)).words == [a, d]
    await alice.sets(f"<query xmlns='jabber:iq:roster'><item jid='{bob.bare}' subscription='remove'/></query>")
    await writes(bob, alice, *new_ids(1))
    assert (await asks(alice)).words == [a, d]


@story("XEP-0441 §2.1, archive.default", options={**OPEN, "archive.default": "roster"}, alone=True)
async def the_administrator_says_what_holds_for_who_has_said_nothing(town):
    alice, bob = await town.devices("alice", "bob")
    ask = f"<prefs xmlns='{PREFS}'/>"
    assert shown(await alice.asks(ask))[0] == "roster"
    await writes(bob, alice, "stranger")
    assert (await asks(alice)).results == []
    town.options["archive.default"] = "always"
    town.write_config()
    assert (await town.reload())[0] == 0
    assert shown(await alice.asks(ask))[0] == "always"
    await writes(bob, alice, "now")
    assert (await asks(alice)).words == ["now"]


@story("XEP-0313 §8.1: never is recorded and delivered all the same", options=OPEN)
async def never_keeps_a_message_out_of_the_store(town):
    alice, bob = await town.devices("alice", "bob")
    for device in (alice, bob):
        await device.sets(prefs("never"))
    await writes(alice, bob, "unwritten", inner="<body>the cellar at noon</body>")
    assert (await asks(alice)).results == (await asks(bob)).results == []
    assert b"the cellar at noon" not in town.stored_bytes()
    assert [record for record in await town.records(kind="message", from_=alice.bare)]


# ---- sealed mode

@story("archive.show_unsealed", options=OPEN, alone=True)
async def what_was_archived_in_the_clear_is_not_shown_where_sealed_is_required(town):
    alice, bob = await town.devices("alice", "bob")
    await writes(alice, bob, "clear", inner="<body>the old bridge</body>")
    await writes(alice, bob, "sealed", inner=sealed())
    ids = (await asks(bob)).ids
    town.options["sealed.mode"] = "required"
    town.write_config()
    assert (await town.reload())[0] == 0
    found = await asks(bob)
    assert found.ids == ids and found.complete, "ids and times stay (XEP-0313 §3.2)"
    assert found.messages[0] is None and found.messages[1].get("id") == "sealed"
    town.options["archive.show_unsealed"] = True
    town.write_config()
    assert (await town.reload())[0] == 0
    assert (await asks(bob)).messages[0].findtext(NS.CLIENT + "body") == "the old bridge"


# ---- the end

@story("XEP-0077 §3.2: erased with the account")
async def an_archive_is_erased_with_its_account_and_the_others_side_stays(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(prefs("always", ["z@example.org"]))
    await writes(alice, bob, *new_ids(3), inner=sealed)
    assert rows(town, alice.bare) == 3
    await town.ctl("user", "delete", alice.bare)
    assert town.rows_of(alice.bare) == {}
    assert len((await asks(bob)).results) == 3


@story("docs/sealed.md D2: behind a restart the oldest are forgotten first", options=OPEN, alone=True)
async def a_re_send_of_the_newest_is_known_in_a_full_archive_behind_a_restart(town):
    alice, bob = await town.devices("alice", "bob")
    words = new_ids(130)
    await writes(alice, bob, *words)
    full = alice.full.split("/")[1]
    await town.kill()
    await town.start()
    alice, bob = await alice.account.device(full), await bob.account.device()
    await writes(alice, bob, "another")
    await alice.sends(f"<message to='{bob.bare}' id='{words[-1]}' type='chat'><body>{words[-1]}</body></message>")
    await writes(alice, bob, "last")
    assert (await asks(bob, page("<max>250</max>"))).words == [*words, "another", "last"]


run()
