"""XEP-0049: private XML. Where only sealed content passes, bookmarks and the delimiter of groups are kept."""

import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness import NS, announced, ping, run, story

OPEN = {"sealed.mode": "off"}
BOOKMARKS = "{storage:bookmarks}"


def query(inner=""):
    return f"<query xmlns='jabber:iq:private'>{inner}</query>"


def bookmarks(inner=""):
    return f"<storage xmlns='storage:bookmarks'>{inner}</storage>"


DELIMITER = "<roster xmlns='roster:delimiter'>::</roster>"
NOTES = "<storage xmlns='storage:rosternotes'><note jid='bob@localhost'>owes me a coffee</note></storage>"


async def read(device, inner):
    """The children of the answer, as text."""
    answer = await device.asks(query(inner))
    return [ET.tostring(element, encoding="unicode") for element in answer.find("{jabber:iq:private}query")]


def as_read(inner):
    return [ET.tostring(element, encoding="unicode") for element in ET.fromstring(f"<a>{inner}</a>")]


the_server_says_that_it_can = announced("XEP-0049 §2", "jabber:iq:private")


@story("XEP-0049 §2.3")
async def what_was_never_stored_reads_as_the_empty_element(town):
    [alice] = await town.devices("alice")
    for inner in ("<storage xmlns='storage:bookmarks'/>", "<roster xmlns='roster:delimiter'/>",
                  "<storage xmlns='storage:rosternotes'/>", "<exodus xmlns='exodus:prefs'/>"):
        assert await read(alice, inner) == as_read(inner)
    assert await read(alice, "<exodus xmlns='exodus:prefs' a='b'>text<c/></exodus>") == as_read("<exodus xmlns='exodus:prefs'/>")


@story("XEP-0049 §2.3, docs/sealed.md 3.5")
async def bookmarks_and_the_delimiter_are_kept_and_outlive_the_server(town):
    [alice] = await town.devices("alice")
    rooms = bookmarks("<conference jid='room@muc.localhost' name='Chiffre' autojoin='true'><nick>Ali</nick>"
                      "<password>sesame</password></conference>")
    assert len(await alice.sets(query(rooms))) == 0
    await alice.sets(query(DELIMITER), to=alice.bare)
    await town.restart()
    phone = await alice.account.device()
    [stored] = await read(phone, bookmarks())
    conference = ET.fromstring(stored).find(BOOKMARKS + "conference")
    assert (conference.get("jid"), conference.get("name"), conference.get("autojoin")) == ("room@muc.localhost", "Chiffre", "true")
    assert (conference.findtext(BOOKMARKS + "nick"), conference.findtext(BOOKMARKS + "password")) == ("Ali", "sesame")
    assert await read(phone, "<roster xmlns='roster:delimiter'/>") == as_read(DELIMITER)
    await phone.sets(query(bookmarks()))
    assert await read(phone, bookmarks()) == as_read(bookmarks())


@story("docs/sealed.md 3.5")
async def of_bookmarks_only_what_rooms_need_is_kept(town):
    [alice] = await town.devices("alice")
    secret = "meet me at the old bridge"
    await alice.sets(query(bookmarks(
        f"<conference jid='room@muc.localhost' other='{secret}'><nick>Ali</nick><note>{secret}</note></conference>"
        f"<url name='{secret}' url='http://example.org/{secret}'/><x xmlns='urn:example:x'>{secret}</x>{secret}")))
    [stored] = await read(alice, bookmarks())
    assert secret not in stored and "room@muc.localhost" in stored and "url" not in stored
    assert secret.encode() not in town.stored_bytes()
    for bad in (f"<conference jid='room@muc.localhost' name='{'x' * 129}'/>", "<conference jid='not a jid'/>",
                "<conference name='no address'/>", f"<conference jid='r@m'><nick>{'x' * 129}</nick></conference>"):
        await alice.is_refused("policy-violation", query(bookmarks(bad)), "set", type_="modify")
    await alice.is_refused("policy-violation", query("<other xmlns='storage:bookmarks'/>"), "set", type_="modify")
    assert "room@muc.localhost" in (await read(alice, bookmarks()))[0]


@story("docs/sealed.md 3.5")
async def a_delimiter_has_at_most_eight_characters(town):
    [alice] = await town.devices("alice")
    await alice.sets(query("<roster xmlns='roster:delimiter'>éééééééé</roster>"))
    for bad in ("ééééééééé", "<b>::</b>"):
        await alice.is_refused("policy-violation", query(f"<roster xmlns='roster:delimiter'>{bad}</roster>"), "set",
                               type_="modify")
    assert await read(alice, "<roster xmlns='roster:delimiter'/>") == as_read("<roster xmlns='roster:delimiter'>éééééééé</roster>")


@story("docs/sealed.md 3.5")
async def other_private_data_is_refused_in_words_and_not_kept(town):
    alice = await (await town.account("alice")).device()
    bob = await (await town.account("bob")).device(lang="fr")
    for device, words in ((alice, "Not saved"), (bob, "Non enregistré")):
        for inner in (NOTES, "<exodus xmlns='exodus:prefs'><nick>owes me a coffee</nick></exodus>", DELIMITER + NOTES):
            answer = await device.is_refused("policy-violation", query(inner), "set", type_="modify")
            assert answer.find(f".//{NS.STANZA_ERROR}text").text.startswith(words), ET.tostring(answer)
    assert await read(alice, "<storage xmlns='storage:rosternotes'/>") == as_read("<storage xmlns='storage:rosternotes'/>")
    assert await read(alice, "<roster xmlns='roster:delimiter'/>") == as_read("<roster xmlns='roster:delimiter'/>"), \
        "of a refused set nothing is kept"
    assert b"owes me a coffee" not in town.stored_bytes()
    denied = await town.records(kind="denied", reason="private-namespace", from_=alice.bare)
    assert len(denied) == 3, denied


@story("private.namespaces", options={"private.namespaces": ["storage:rosternotes"]}, alone=True)
async def an_administrator_opens_other_namespaces_and_closes_them(town):
    [alice] = await town.devices("alice")
    await alice.sets(query(NOTES))
    assert await read(alice, "<storage xmlns='storage:rosternotes'/>") == as_read(NOTES)
    await alice.is_refused("policy-violation", query("<exodus xmlns='exodus:prefs'/>"), "set")
    town.options["private.namespaces"] = []
    town.write_config()
    assert (await town.reload())[0] == 0
    assert await read(alice, "<storage xmlns='storage:rosternotes'/>") == as_read("<storage xmlns='storage:rosternotes'/>")


@story("XEP-0049 §2.3, §3")
async def a_query_without_an_element_of_its_own_namespace_is_refused(town):
    [alice] = await town.devices("alice")
    for kind in ("get", "set"):
        for inner in ("", "<foo/>", "text", "<vCard xmlns='vcard-temp'/>", "<query xmlns='jabber:iq:roster'/>",
                      "<x xmlns='http://jabber.org/protocol/muc'/>", "<a xmlns=''/>", f"<a xmlns='urn:{'x' * 1024}'/>"):
            await alice.is_refused("not-acceptable", query(inner), kind, type_="modify")
    await alice.is_refused("not-acceptable", query("<a xmlns='urn:example:a'/><b xmlns='urn:example:b'/>"), type_="modify")


@story("XEP-0049 §2.3")
async def private_data_is_its_owners_alone(town):
    alice, bob = await town.devices("alice", "bob")
    await bob.sets(query(DELIMITER))
    for kind, inner in (("get", "<roster xmlns='roster:delimiter'/>"), ("set", DELIMITER.replace("::", "evil"))):
        answers = [await alice.is_refused("forbidden", query(inner), kind, to=to, type_="auth")
                   for to in (bob.bare, bob.full, "nobody@localhost")]
        assert len({ET.tostring(answer.find(NS.CLIENT + "error")) for answer in answers}) == 1
    await bob.receives_no("iq", before=ping, from_=alice.full)
    assert await read(bob, "<roster xmlns='roster:delimiter'/>") == as_read(DELIMITER)


@story("XEP-0049 §2.3", options=OPEN)
async def an_ordinary_server_keeps_several_elements_of_one_namespace(town):
    [alice] = await town.devices("alice")
    first = "<exodus xmlns='exodus:prefs'><nick a='b'>Hamlet &amp; Co</nick></exodus>"
    second = "<exodus xmlns='exodus:prefs'><nick>Ophelia</nick></exodus>"
    other = "<window xmlns='exodus:prefs'>10x20</window>"
    await alice.sets(query(first + other + second + NOTES))
    assert await read(alice, "<exodus xmlns='exodus:prefs'/>") == as_read(first + second)
    assert await read(alice, "<window xmlns='exodus:prefs'/><exodus xmlns='exodus:prefs'/>") == as_read(other + first + second)
    await alice.sets(query("<exodus xmlns='exodus:prefs'/>"))
    assert await read(alice, "<exodus xmlns='exodus:prefs'/><window xmlns='exodus:prefs'/>") == \
        as_read("<exodus xmlns='exodus:prefs'/>" + other)
    assert await read(alice, "<storage xmlns='storage:rosternotes'/>") == as_read(NOTES)
    stranger = await (await town.account("bob")).device()
    await stranger.is_refused("forbidden", query("<exodus xmlns='exodus:prefs'/>"), to=alice.bare, type_="auth")


@story("docs/security.md §3", options={**OPEN, "limits.private": 8192, "limits.item": 4096})
async def private_storage_has_bounds(town):
    [alice] = await town.devices("alice")

    def large(number, size):
        return f"<a xmlns='urn:example:{number}'>{'x' * size}</a>"
    await alice.is_refused("policy-violation", query(large(0, 4096)), "set", type_="modify")
    await alice.sets(query(large(0, 4000)))
    await alice.sets(query(large(1, 4000)))
    await alice.is_refused("resource-constraint", query(large(2, 100)), "set", type_="wait")
    await alice.sets(query(large(1, 10)))  # what is there may shrink
    await alice.sets(query(large(2, 100)))
    await alice.sets(query("".join(f"<a xmlns='urn:example:{number}'/>" for number in range(3, 64))))
    await alice.is_refused("resource-constraint", query("<a xmlns='urn:example:64'/>"), "set", type_="wait")
    await alice.sets(query("<a xmlns='urn:example:63'>changed</a>"))


@story("XEP-0049 §2.1")
async def requests_are_answered_in_their_order_and_when_they_are_durable(town):
    [alice] = await town.devices("alice")
    async with town.store_is_paused("account_data"):
        await alice.sends(f"<iq type='set' id='s1'>{query(DELIMITER)}</iq>"
                          f"<iq type='get' id='g1'>{query('<roster xmlns=' + chr(39) + 'roster:delimiter' + chr(39) + '/>')}</iq>")
        await town.waits_for_the_store(1)
        assert not alice.stream.waiting(lambda event: getattr(event, "get", lambda _: None)("id") in ("s1", "g1"))
    assert (await alice.receives("iq", id="s1")).get("type") == "result"
    assert (await alice.receives("iq", id="g1")).findtext(".//{roster:delimiter}roster") == "::"


run()
