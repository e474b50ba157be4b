"""XEP-0313 §4, §5, XEP-0059: asking an archive."""

import xml.etree.ElementTree as ET

import _path  # noqa: F401
from _archive import FORWARD, MAM, OPEN, asks, form, is_refused, is_result, new_ids, page, query, stanza_id, writes
from harness import NS, ping, run, sealed, story, word_from


@story("XEP-0313 §7, XEP-0359 §5")
async def an_account_says_that_it_has_an_archive(town):
    [alice] = await town.devices("alice")
    for to in (None, alice.bare):
        info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=to)
        features = {feature.get("var") for feature in info.iter(NS.DISCO_INFO + "feature")}
        assert {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended", "urn:xmpp:sid:0", "urn:xmpp:mam:2#groupchat-field"} <= features
        assert "urn:xmpp:mam:2#groupchat-available" not in features
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
    features = {feature.get("var") for feature in info.iter(NS.DISCO_INFO + "feature")}
    assert "urn:xmpp:mam:2" not in features, "the domain has no archive"
    assert "msgoffline" in features


@story("XEP-0313 §7", options={"archive.enabled": False})
async def without_an_archive_nothing_says_that_there_is_one(town):
    alice, bob = await town.devices("alice", "bob")
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=alice.bare)
    assert not [f for f in info.iter(NS.DISCO_INFO + "feature") if "mam" in f.get("var") or "sid" in f.get("var")]
    for kind, payload in (("set", query()), ("get", query()), ("get", "<prefs xmlns='urn:xmpp:mam:2'/>"),
                          ("get", "<metadata xmlns='urn:xmpp:mam:2'/>"), ("set", "<prefs xmlns='urn:xmpp:mam:2' default='never'/>")):
        await alice.is_refused("service-unavailable", payload, kind)
    await writes(alice, bob, "off", inner=sealed())
    assert town.sql(f"SELECT id FROM box WHERE owner IN ('{alice.bare}', '{bob.bare}')") == []


@story("XEP-0313 §4.2, §3.5, XEP-0359 §3", options=OPEN)
async def a_result_holds_the_message_as_it_is_stored_with_its_id_and_time(town):
    alice, bob = await town.devices("alice", "bob")
    inner = "<body xml:lang='fr'>l&apos;été &amp; &lt;moi&gt;</body><x xmlns='urn:example:a' b='1'><y/></x><origin-id xmlns='urn:xmpp:sid:0' id='o1'/>"
    [live] = await writes(alice, bob, "whole", inner=inner)
    for device, other in ((bob, alice), (alice, bob)):
        [result] = (found := await asks(device, queryid="f27")).results
        assert result.get("queryid") == "f27" and result.get("id") == stanza_id(live)
        delay = result.find(f"{FORWARD}forwarded/{NS.DELAY}delay")
        assert delay.get("stamp").endswith("Z") and len(delay.get("stamp")) == 24
        [message] = found.messages
        assert (message.get("from"), message.get("to"), message.get("type"), message.get("id")) == (alice.full, bob.bare, "chat", "whole")
        [mark] = message.findall(NS.STANZA_ID + "stanza-id")
        assert (mark.get("id"), mark.get("by")) == (result.get("id"), device.bare), "the archive's own id, for its owner"
        mine = [child for child in message if child is not mark]
        theirs = [child for child in live if child.tag != NS.STANZA_ID + "stanza-id"]
        assert [ET.tostring(a) for a in mine] == [ET.tostring(b) for b in theirs]
        assert found.complete and found.first == found.last == result.get("id") and (found.index, found.count) == ("0", "1")
    assert "queryid" not in (await asks(bob)).results[0].attrib
    [again] = (await asks(bob, queryid="a&amp;b")).results
    assert again.get("queryid") == "a&b"


@story("XEP-0313 §3.5")
async def a_sealed_message_is_archived_as_it_was_delivered(town):
    alice, bob = await town.devices("alice", "bob")
    [live] = await writes(alice, bob, "sealed", inner=sealed())
    for device in (bob, alice):
        [message] = (await asks(device)).messages
        strip = lambda m: [ET.tostring(child) for child in m if child.tag != NS.STANZA_ID + "stanza-id"]  # noqa: E731
        assert strip(message) == strip(live)


@story("XEP-0313 §3.5")
async def the_sender_is_told_no_id_of_the_other_side(town):
    alice, bob = await town.devices("alice", "bob")
    phone = await alice.account.device()
    [live] = await writes(alice, bob, "mine", inner=sealed())
    [mark] = live.findall(NS.STANZA_ID + "stanza-id")
    assert mark.get("by") == bob.bare
    [own] = (await asks(phone)).results
    assert own.get("id") == mark.get("id"), "one id a message"


@story("XEP-0359 §3, XEP-0313 §4.2")
async def a_forged_id_or_result_of_a_client_is_taken_away(town):
    alice, bob = await town.devices("alice", "bob")
    forged = (f"<stanza-id xmlns='urn:xmpp:sid:0' id='1' by='{bob.bare}'/>"
              "<result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'/></result>")
    [live] = await writes(alice, bob, "forged", inner=sealed() + forged)
    [message] = (await asks(bob)).messages
    for seen in (live, message):
        assert len(seen.findall(NS.STANZA_ID + "stanza-id")) == 1 and stanza_id(seen) != "1"
        assert seen.find(MAM + "result") is None


@story("XEP-0313 §4.1", options=OPEN)
async def a_query_without_filters_shows_everything_in_order(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    a, b, c, d = new_ids(4)
    await writes(alice, bob, a)
    await writes(bob, alice, b)
    await writes(carol, alice, c)
    await writes(alice, carol, d)
    assert (await asks(alice)).words == [a, b, c, d]
    assert (await asks(bob)).words == [a, b]
    nobody = await (await town.account("dave")).device()
    empty = await asks(nobody)
    assert empty.results == [] and empty.complete and empty.first is None and empty.count == "0", "an empty archive is no error"


@story("XEP-0313 §4.1.1", options=OPEN)
async def with_matches_all_resources_or_exactly_one(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    phone = await bob.account.device("phone")
    a, b, c, d, e, f = new_ids(6)
    await writes(bob, alice, a)
    await writes(phone, alice, b)
    await writes(alice, phone, c, to=phone.full)
    await alice.sends(f"<message to='{bob.bare}' id='{d}' type='chat'><body>x</body></message>")
    await phone.receives("message", id=d)
    await writes(carol, alice, e)
    await writes(alice, alice, f)
    assert (await asks(alice, form(with_=bob.bare))).words == [a, b, c, d]
    assert (await asks(alice, form(with_=phone.full))).words == [b, c]
    assert (await asks(alice, form(with_=bob.full))).words == [a]
    assert (await asks(alice, form(with_=bob.bare + "/nowhere"))).words == []
    assert (await asks(alice, form(with_=carol.bare.upper().replace("LOCALHOST", "localhost")))).words == [e], "normalised"
    assert (await asks(alice, form(with_=alice.bare))).words == [f], "to oneself: both addresses match"
    nothing = await asks(alice, form(with_="nobody@example.org"))
    assert nothing.results == [] and nothing.complete
    await is_refused(alice, "jid-malformed", form(with_="@"))
    await is_refused(alice, "bad-request", form(with_=[bob.bare, carol.bare]))


@story("XEP-0313 §4.1.2, XEP-0082 §3", options=OPEN)
async def start_and_end_are_inclusive(town):
    alice, bob = await town.devices("alice", "bob")
    ids = new_ids(4)
    for one in ids:
        await writes(alice, bob, one)
    everything = await asks(bob)
    stamps = [result.find(f"{FORWARD}forwarded/{NS.DELAY}delay").get("stamp") for result in everything.results]

    def expected(start=None, end=None):
        return [word for word, stamp in zip(ids, stamps) if (start or "") <= stamp <= (end or "9")]
    for stamp in stamps:
        assert (await asks(bob, form(start=stamp))).words == expected(start=stamp)
        assert (await asks(bob, form(end=stamp))).words == expected(end=stamp)
        assert (await asks(bob, form(start=stamp, end=stamp))).words == expected(stamp, stamp)
    for start in ("2010-06-07T00:00:00Z", "0001-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "1969-07-21T02:56:15Z"):
        assert (await asks(bob, form(start=start))).words == ids
        assert (await asks(bob, form(end=start))).words == []
    for end in ("2090-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"):
        assert (await asks(bob, form(end=end))).words == ids
        assert (await asks(bob, form(start=end))).words == []
    # §3.2: the same moment elsewhere, and more digits than the server keeps.
    shifted = stamps[1][:11] + f"{(int(stamps[1][11:13]) + 2) % 24:02}" + stamps[1][13:23]
    if int(stamps[1][11:13]) < 22:
        assert (await asks(bob, form(start=shifted + "+02:00"))).words == expected(start=stamps[1])
    assert (await asks(bob, form(end=stamps[0][:-1] + "999Z"))).words == expected(end=stamps[0])
    later = stamps[3][:-1] + "5Z"  # half a millisecond behind the last one
    assert (await asks(bob, form(start=later))).words == []


@story("XEP-0313 §4.1.2")
async def a_bad_date_is_a_bad_request(town):
    [alice] = await town.devices("alice")
    for bad in ("", "yesterday", "2026-11-28", "2026-11-28T10:00:00", "20261128T10:00:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                "2026-11-28T25:00:00Z", "2026-11-28T10:61:00Z", "2026-11-28T10:00:00+25:00", "2026-11-28 10:00:00Z", "-2026-11-28T10:00:00Z",
                "2026-11-28T10:00:00.Z", "2026-11-28T10:00:00Z " * 2, "99999-01-01T00:00:00Z", "2026-11-28T10:00:00." + "1" * 300 + "Z"):
        for name in ("start", "end"):
            await is_refused(alice, "bad-request", form(**{name: bad}), type_="modify")
    await is_refused(alice, "bad-request", form(start=["2026-11-28T10:00:00Z"] * 2))


@story("XEP-0313 §4.1.3", options=OPEN)
async def after_id_and_before_id_bound_the_results_without_themselves(town):
    alice, bob = await town.devices("alice", "bob")
    ids = new_ids(5)
    await writes(alice, bob, *ids)
    keys = (await asks(bob)).ids
    assert (await asks(bob, form(after_id=keys[1]))).words == ids[2:]
    assert (await asks(bob, form(before_id=keys[3]))).words == ids[:3]
    between = await asks(bob, form(after_id=keys[0], before_id=keys[4]))
    assert between.words == ids[1:4] and between.complete and (between.index, between.count) == ("0", "3")
    assert (await asks(bob, form(after_id=keys[0], before_id=keys[1]))).words == []
    assert (await asks(bob, form(after_id=keys[4], before_id=keys[0]))).words == []
    assert (await asks(bob, form(after_id=keys[0], before_id=keys[4]) + page("<max>1</max><before/>"))).words == [ids[3]], \
        "before-id does not page, <before/> does"
    assert (await asks(bob, form(after_id=keys[1], with_=alice.bare))).words == ids[2:]


@story("XEP-0313 §4.1.3", options=OPEN)
async def ids_fetches_these_and_no_others(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    ids = new_ids(4)
    await writes(alice, bob, *ids)
    [other] = new_ids(1)
    await writes(carol, bob, other)
    keys = (await asks(bob)).ids
    assert (await asks(bob, form(ids=keys[2]))).words == [ids[2]]
    some = await asks(bob, form(ids=[keys[3], keys[0], keys[3]]))
    assert some.words == [ids[0], ids[3]] and some.complete and some.count == "2"
    assert (await asks(bob, form(ids=[keys[0], keys[4]], with_=carol.bare))).words == [other]
    first = await asks(bob, form(ids=keys) + page("<max>2</max>"))
    assert first.words == ids[:2] and not first.complete and (first.index, first.count) == ("0", "5")
    last = await asks(bob, form(ids=keys) + page("<max>2</max><before/>") + "<flip-page/>")
    assert last.words == [other, ids[3]] and not last.complete and last.index == "3"
    rest = await asks(bob, form(ids=keys) + page(f"<after>{first.last}</after>"))
    assert rest.words == [ids[2], ids[3], other] and rest.complete and rest.index == "2"
    await is_refused(bob, "policy-violation", form(ids=[keys[0]] * 251), type_="modify")
    await is_refused(bob, "bad-request", form(ids=[]))


@story("XEP-0313 §4.1.3, §4.3.2", options=OPEN)
async def an_unknown_id_is_item_not_found(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await writes(alice, bob, *new_ids(2))
    await writes(alice, carol, *new_ids(1))
    [key, _] = (await asks(bob)).ids
    [foreign] = (await asks(carol)).ids
    for unknown in (foreign, "1", "0", "09af3-cc343-b409f", "-1", "+" + key, "0" + key, key + " ", "9" * 19, "9" * 300, "", "18446744073709551617", "9223372036854775807"):
        for inner in (form(after_id=unknown), form(before_id=unknown), form(ids=[key, unknown])):
            await is_refused(bob, "item-not-found", inner, type_="cancel")
        if unknown:
            for inner in (page(f"<after>{unknown}</after>"), page(f"<max>2</max><before>{unknown}</before>")):
                await is_refused(bob, "item-not-found", inner, type_="cancel")
    assert len((await asks(bob)).results) == 2


@story("XEP-0313 §4.1.5")
async def the_form_of_all_fields_can_be_asked_for(town):
    [alice] = await town.devices("alice")
    answer = await alice.asks(query(), to=alice.bare)
    shown = answer.find(f"{MAM}query/{NS.FORM}x")
    assert shown.get("type") == "form"
    fields = {field.get("var"): field for field in shown}
    kinds = {name: field.get("type") for name, field in fields.items()}
    assert kinds == {"FORM_TYPE": "hidden", "with": "jid-single", "start": "text-single", "end": "text-single",
                     "before-id": "text-single", "after-id": "text-single", "ids": "list-multi", "include-groupchat": "boolean"}
    assert fields["FORM_TYPE"].findtext(NS.FORM + "value") == "urn:xmpp:mam:2"
    assert shown.find(f".//{NS.FORM}required") is None, "§4.1: none is required"
    validate = fields["ids"].find("{http://jabber.org/protocol/xdata-validate}validate")
    assert validate.get("datatype") == "xs:string" and validate.find("{http://jabber.org/protocol/xdata-validate}open") is not None
    assert fields["ids"].find(NS.FORM + "option") is None


@story("XEP-0313 §4.1.5, docs/sealed.md 3.5")
async def an_unknown_field_is_not_implemented(town):
    [alice] = await town.devices("alice")
    for name in ("{http://example.com/}free-text-search", "withtext", "With"):
        await is_refused(alice, "feature-not-implemented", form(**{name: "x"}), type_="cancel")
    for flag in ("true", "false", "1", "0"):
        assert (await asks(alice, form(include_groupchat=flag))).complete
    for inner in (form(include_groupchat="maybe"),
                  "<x xmlns='jabber:x:data' type='submit'><field var='with'><value>a@b</value></field></x>",
                  form().replace("urn:xmpp:mam:2", "urn:xmpp:mam:1"), form().replace("submit", "cancel"),
                  form(start="2026-11-28T10:00:00Z").replace("</x>", "<field var='start'><value>2026-11-28T10:00:00Z</value></field></x>"),
                  form().replace("</x>", "<field><value>x</value></field></x>")):
        await is_refused(alice, "bad-request", inner, type_="modify")
    answer = await alice.tries("<query xmlns='urn:xmpp:mam:2' node='fdp/submitted/abc'/>", "set")
    assert answer.get("type") == "error" and answer.find(f".//{NS.STANZA_ERROR}feature-not-implemented") is not None
    await is_refused(alice, "bad-request", queryid="q" * 257)


@story("XEP-0313 §4.3.1, XEP-0059 §2.1, §2.2", options=OPEN)
async def pages_forward_are_seamless(town):
    alice, bob = await town.devices("alice", "bob")
    ids = new_ids(7)
    await writes(alice, bob, *ids)
    seen, after, pages = [], "", 0
    while True:
        one = await asks(bob, form(with_=alice.bare) + page(f"<max>3</max>{after}"))
        assert one.count == "7" and one.index == str(len(seen)) and one.first == one.ids[0] and one.last == one.ids[-1]
        seen += one.words
        pages += 1
        if one.complete:
            break
        after = f"<after>{one.last}</after>"
    assert seen == ids and pages == 3
    beyond = await asks(bob, page(f"<max>3</max><after>{one.last}</after>"))
    assert beyond.results == [] and beyond.complete and beyond.first is None and beyond.count == "7"
    whole = await asks(bob, page("<max>7</max>"))
    assert whole.words == ids and whole.complete
    assert not (await asks(bob, page("<max>6</max>"))).complete


@story("XEP-0313 §4.3.2, §4.3.3, XEP-0059 §2.3, §2.5", options=OPEN)
async def pages_backward_begin_at_the_end(town):
    alice, bob = await town.devices("alice", "bob")
    ids = new_ids(5)
    await writes(alice, bob, *ids)
    last = await asks(bob, page("<max>2</max><before/>"))
    assert last.words == ids[3:] and not last.complete and last.index == "3", "in chronological order"
    middle = await asks(bob, page(f"<max>2</max><before>{last.first}</before>"))
    assert middle.words == ids[1:3] and not middle.complete and middle.index == "1"
    first = await asks(bob, page(f"<max>2</max><before>{middle.first}</before>"))
    assert first.words == ids[:1] and first.complete and first.index == "0"
    assert (await asks(bob, page(f"<max>2</max><before>{first.first}</before>"))).results == []


@story("XEP-0313 §4.3.4", options=OPEN)
async def a_flipped_page_holds_the_same_in_reverse(town):
    alice, bob = await town.devices("alice", "bob")
    ids = new_ids(5)
    await writes(alice, bob, *ids)
    for inner in (page("<max>3</max>"), page("<max>3</max><before/>"), form(with_=alice.bare)):
        plain, flipped = await asks(bob, inner), await asks(bob, inner + "<flip-page/>")
        assert flipped.words == list(reversed(plain.words)) and len(plain.words) >= 3
        assert (flipped.first, flipped.last, flipped.complete, flipped.index) == (plain.first, plain.last, plain.complete, plain.index)


@story("XEP-0059 §2.7, §2.6, XEP-0313 §4.3.2", options=OPEN)
async def absurd_pages_get_the_exact_error(town):
    alice, bob = await town.devices("alice", "bob")
    ids = new_ids(3)
    await writes(alice, bob, *ids)
    keys = (await asks(bob)).ids
    none = await asks(bob, page("<max>0</max>"))
    assert none.results == [] and none.count == "3" and not none.complete and none.first is None
    assert (await asks(bob, form(with_="nobody@localhost") + page("<max>0</max>"))).complete
    assert (await asks(bob, page("<max>4294967295</max>"))).words == ids
    for bad in ("<max>-1</max>", "<max/>", "<max>ten</max>", "<max>1e3</max>", "<max>99999999999999999999999</max>", "<max> 3 </max>",
                f"<before/><after>{keys[0]}</after>", f"<before>{keys[2]}</before><after>{keys[0]}</after>", "<before/><index>1</index>",
                "<index>-1</index>", f"<after>{'9' * 2000}</after>"):
        await is_refused(bob, "bad-request", page(bad), type_="modify")
    await is_refused(bob, "feature-not-implemented", page("<max>1</max><index>1</index>"), type_="cancel")
    assert (await asks(bob)).words == ids


@story("XEP-0313 §4.3.1", options={**OPEN, "limits.offline": 1000})
async def a_page_has_at_most_two_hundred_and_fifty(town):
    alice, bob = await town.devices("alice", "bob")
    ids = new_ids(260)
    await writes(alice, bob, *ids)
    first = await asks(bob)
    assert first.words == ids[:250] and not first.complete
    rest = await asks(bob, page(f"<max>100000</max><after>{first.last}</after>"))
    assert rest.words == ids[250:] and rest.complete


@story("XEP-0313 §4.3.1", options={**OPEN, "limits.queue": 128 * 1024, "limits.stanza": 64 * 1024})
async def a_page_of_large_messages_is_shorter_and_says_so(town):
    alice, bob = await town.devices("alice", "bob")
    ids = new_ids(6)
    for one in ids:
        await writes(alice, bob, one, inner=f"<body>{'x' * 20_000}</body>")
    seen, after = [], ""
    for _ in range(6):
        one = await asks(bob, page(f"<max>50</max>{after}"))
        assert 1 <= len(one.results) <= 3
        seen += one.words
        if one.complete:
            break
        after = f"<after>{one.last}</after>"
    assert seen == ids
    last = await asks(bob, page("<before/>"))
    assert last.words == ids[-len(last.words):] and not last.complete


@story("XEP-0313 §5")
async def metadata_tells_the_first_and_the_last(town):
    alice, bob = await town.devices("alice", "bob")
    ask = "<metadata xmlns='urn:xmpp:mam:2'/>"
    empty = (await bob.asks(ask)).find(MAM + "metadata")
    assert len(empty) == 0
    await writes(alice, bob, *new_ids(3), inner=sealed)
    answer = (await bob.asks(ask, to=bob.bare)).find(MAM + "metadata")
    found = await asks(bob)
    stamps = [result.find(f"{FORWARD}forwarded/{NS.DELAY}delay").get("stamp") for result in found.results]
    for name, at in (("start", 0), ("end", -1)):
        mark = answer.find(MAM + name)
        assert (mark.get("id"), mark.get("timestamp")) == (found.ids[at], stamps[at])


@story("XEP-0313 §8.1")
async def an_archive_is_its_owners_alone(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await writes(alice, bob, "secret", inner=sealed())
    for payload, kind in ((query(), "set"), (query(), "get"), ("<prefs xmlns='urn:xmpp:mam:2'/>", "get"), ("<metadata xmlns='urn:xmpp:mam:2'/>", "get"),
                          ("<prefs xmlns='urn:xmpp:mam:2' default='never'/>", "set")):
        for to in (bob.bare, "nobody@localhost", bob.full):
            await alice.is_refused("forbidden", payload, kind, to=to, type_="auth")
        await alice.is_refused("service-unavailable", payload, kind, to="localhost")
    await word_from(alice)(bob)
    assert not bob.stream.waiting(lambda event: isinstance(event, ET.Element) and any(child.tag.startswith(MAM) for child in event))
    assert not alice.stream.waiting(is_result)
    assert await town.records(kind="denied", reason="archive-not-yours", from_=alice.bare)


@story("XEP-0313 §4.2")
async def results_go_to_the_device_that_asks_and_to_no_other(town):
    alice, bob = await town.devices("alice", "bob")
    phone = await bob.account.device()
    await writes(alice, bob, "one", inner=sealed())
    assert (await asks(phone)).words == ["one"]
    await ping(bob)
    assert not bob.stream.waiting(is_result)


@story("docs/security.md §3: open queries", options={**OPEN, "limits.queue": 1024 * 1024})
async def a_flood_of_queries_is_bounded_and_every_one_is_answered(town):
    alice, bob = await town.devices("alice", "bob")
    ids = new_ids(40)
    for one in ids:
        await writes(alice, bob, one, inner=f"<body>{'x' * 5_000}</body>")
    count = 60
    await bob.sends("".join(f"<iq type='set' id='q{n}'>{query(queryid=f'q{n}')}</iq>" for n in range(count)))
    answers = []
    for n in range(count):
        answers.append(await bob.stream.wait_for(lambda event, n=n: getattr(event, "tag", "") == NS.CLIENT + "iq" and event.get("id") == f"q{n}", f"q{n}"))
    done = [a for a in answers if a.get("type") == "result"]
    refused = [a for a in answers if a.get("type") == "error"]
    assert len(done) >= 4 and refused and len(done) + len(refused) == count
    for one in refused:
        assert one.find(f".//{NS.STANZA_ERROR}resource-constraint") is not None and one.find(NS.CLIENT + "error").get("type") == "wait"
    results = [event.find(MAM + "result") for event in bob.stream.takes(is_result)]
    for one in done:
        assert [r for r in results if r.get("queryid") == one.get("id")], "a page each"
    assert {r.get("queryid") for r in results} == {one.get("id") for one in done}, "a refused query shows nothing"
    assert (await asks(bob, page("<max>1</max>"))).words == ids[:1], "the session lives on"


@story("docs/security.md §3: open queries", options={**OPEN, "limits.queue": 4 * 1024 * 1024})
async def who_does_not_read_gets_no_more_pages(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    reader = await bob.device()
    for one in new_ids(40):
        await writes(alice, reader, one, inner=f"<body>{'x' * 20_000}</body>")
    slow = await bob.sleeper(present=False)
    slow.stream.stops_reading()
    for n in range(40):
        await slow.sends(f"<iq type='set' id='s{n}'>{query()}</iq>")
    await ping(reader)
    assert (await asks(reader, page("<max>2</max>"))).results, "others go on"
    slow.stream.reads_again()
    await slow.stream.wait_for(lambda event: getattr(event, "tag", "") == NS.CLIENT + "iq" and event.get("id") == "s39", "the last answer")
    assert not slow.stream.is_cut()


@story("XEP-0313 §4.3.2")
async def archives_outlive_the_server_and_page_on(town):
    alice, bob = await town.devices("alice", "bob")
    ids = new_ids(4)
    for one in ids:
        await writes(alice, bob, one, inner=sealed())
    before = await asks(bob, page("<max>2</max>"))
    await town.restart()
    phone = await bob.account.device()
    after = await asks(phone, page(f"<max>2</max><after>{before.last}</after>"))
    assert before.words + after.words == ids and after.complete


run()
