"""docs/sealed-table.md: what modules handle, and the ways that end before them. Each row of the table, over a real stream,
by the name that it has there; one for which nothing is known to send fails. (The rows of messages, presence, requests,
nodes, cards and private XML: tests/unit/omemo/table_test.cpp.)"""

import re
from pathlib import Path

import _path  # noqa: F401
from _table import printed
from harness import NS, ping, run, sealed, story, word_from
from harness.device import refusals_of
from harness.stream import show
from harness.web import BoshStream, WebSocketStream

CANARY = "the merger is on friday"
WORD = b"merger"
OTHERS = Path(__file__).parent


# ---- what modules handle

# Of what passes: a request that says as much as it can, and who may hear of it besides the one who sends it.
OWNER, NOBODY = {"tablet"}, set()
SAYING = {
    ("archive", "`prefs` `urn:xmpp:mam:2`"): (
        f"<prefs xmlns='urn:xmpp:mam:2' default='always'><always><jid>merger@localhost</jid></always><x>{CANARY}</x></prefs>", NOBODY),
    ("archive", "`query` `urn:xmpp:mam:2`"): (f"<query xmlns='urn:xmpp:mam:2' queryid='merger'><x>{CANARY}</x></query>", NOBODY),
    ("blocking", "`block` `urn:xmpp:blocking`"): (
        "<block xmlns='urn:xmpp:blocking'><item jid='merger@localhost'><report xmlns='urn:xmpp:reporting:1' "
        f"reason='urn:xmpp:reporting:spam'><text>{CANARY}</text></report></item></block>", OWNER),
    ("blocking", "`unblock` `urn:xmpp:blocking`"): (
        f"<unblock xmlns='urn:xmpp:blocking'><item jid='merger@localhost'>{CANARY}</item></unblock>", OWNER),
    ("commands", "`command` `http://jabber.org/protocol/commands`"): (
        f"<command xmlns='http://jabber.org/protocol/commands' node='merger' action='execute'><x xmlns='jabber:x:data' type='submit'>"
        f"<field var='a'><value>{CANARY}</value></field></x></command>", NOBODY),
    ("labels", "`catalog` `urn:xmpp:sec-label:catalog:2`"): (
        f"<catalog xmlns='urn:xmpp:sec-label:catalog:2' to='merger@localhost' from='merger@localhost'><x>{CANARY}</x></catalog>", NOBODY),
    ("pep", "`pubsub` `http://jabber.org/protocol/pubsub`"): (
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='http://jabber.org/protocol/nick'><item id='merger'>"
        f"<nick xmlns='http://jabber.org/protocol/nick'><x>{CANARY}</x></nick></item></publish></pubsub>", NOBODY),
    ("pep", "`pubsub` `http://jabber.org/protocol/pubsub#owner`"): (
        "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='http://jabber.org/protocol/nick'>"
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#node_config"
        f"</value></field><field var='pubsub#title'><value>{CANARY}</value></field></x></configure></pubsub>", NOBODY),
    ("private_storage", "`query` `jabber:iq:private`"): (
        f"<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><conference jid='r@c.localhost' name='merger'>"
        f"<x>{CANARY}</x></conference></storage></query>", OWNER),
    ("push", "`enable` `urn:xmpp:push:0`"): (
        f"<enable xmlns='urn:xmpp:push:0' jid='push.localhost' node='{CANARY}'/>", NOBODY),
    ("roster", "`query` `jabber:iq:roster`"): (
        "<query xmlns='jabber:iq:roster'><item jid='dave@localhost' name='merger'><group>merger</group>"
        f"<x>{CANARY}</x></item></query>", OWNER),
    ("unified_push", "`register` `http://gultsch.de/xmpp/drafts/unified-push`"): (
        f"<register xmlns='http://gultsch.de/xmpp/drafts/unified-push' application='{CANARY}' instance='{CANARY}'/>", NOBODY),
    ("vcard", "`vCard` `vcard-temp`"): (f"<vCard xmlns='vcard-temp'><NOTE>{CANARY}</NOTE></vCard>", NOBODY),
}
# Off by default, or of a host that has none.
OFF = {"unified_push", "external_services", "registration"}


def asked_rows():
    """Of "What modules handle" those that are requests: module, types, element, place, verdict."""
    for module, what, verdict, _ in printed()["What modules handle"]:
        found = re.fullmatch(r"((?:get|set)(?: set)?) (.+) of the (.+)", what)
        if found:
            yield module.strip("`"), found[1].split(), found[2], found[3].split(), verdict


def letter(element):
    """An element that says something in every place."""
    name, ns = re.fullmatch(r"`(.+)` `(.+)`", element).groups()
    return f"<{name} xmlns='{ns}' node='{CANARY}' id='{CANARY}'>{CANARY}<x xmlns='urn:x' y='{CANARY}'>{CANARY}</x></{name}>"


@story("docs/sealed-table.md: what modules handle", alone=True)
async def of_a_request_to_the_server_nobody_hears_but_whom_its_row_names(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    tablet = await alice.account.device("tablet")
    await alice.is_friends_with(bob)
    ears = {"tablet": tablet, "bob": bob, "carol": carol}
    heard = {name: len(device.stream.heard) for name, device in ears.items()}
    seen = 0
    for module, types, element, places, verdict in asked_rows():
        passes = verdict == "pass"
        assert not passes or (module, element) in SAYING, f"a row without an example: {module} {element}"
        saying, may_hear = SAYING.get((module, element), (None, NOBODY))
        for kind in types:
            for to in ["localhost"] if places == ["server"] else [None, alice.bare, bob.bare] if places == ["account"] else \
                    ["localhost", None, alice.bare, bob.bare]:
                for payload in filter(None, (letter(element), saying)):
                    answer = await alice.tries(payload, kind, to)
                    seen += 1
                    if saying is None and module not in OFF and to in (None, "localhost") and kind == types[0]:
                        condition = answer.find(f"{NS.CLIENT}error/{NS.STANZA_ERROR}service-unavailable")
                        assert condition is None, f"nobody handles {kind} {element} of {to}, which {module} has a row for"
        await ping(alice)
        for name, device in ears.items():
            await word_from(alice)(device)
            news = bytes(device.stream.heard[heard[name]:])
            assert WORD not in news or name in may_hear, f"{module} {element}: {name} hears {news}"
            heard[name] = len(device.stream.heard)
        print(f"     {module} {' '.join(types)} {element} {verdict}", flush=True)
    assert seen > 100, seen


@story("docs/sealed-table.md: what modules handle")
async def the_stages_have_the_hooks_that_the_table_names_and_no_others(town):
    rows = set()
    for module, what, _, _ in printed()["What modules handle"]:
        if found := re.fullmatch(r"((?:message|presence|iq)(?: \w+)*) at (.+)", what):
            rows |= {(stage, kind, module.strip("`")) for stage in found[2].split() for kind in found[1].split()}
    hooks = set()
    for line in (await town.ctl("hooks")).splitlines():
        place, _, module = line.partition(": ")
        hooks.add((*place.split(), module.split()[0]))
    assert hooks == rows, f"without a row: {hooks - rows}; without a hook: {rows - hooks}"


# ---- ways

class Trial:
    """Alice sends; what Bob hears of it, and what she is told."""

    def __init__(self, town, alice, bob):
        self.town, self.alice, self.bob = town, alice, bob

    async def refused_with(self, condition, stanza, kind="message", sender=None):
        sender = sender or self.alice
        await sender.sends(stanza)
        await sender.gets_error(kind, "w1", condition)

    async def arrives(self, stanza, **attributes):
        await self.alice.sends(stanza)
        return await self.bob.receives("message", from_=self.alice.full, **attributes)

    def to_bob(self, inner=None, attributes="type='chat' id='w1'", to=None):
        return f"<message to='{to or self.bob.full}' {attributes}>{sealed() if inner is None else inner}</message>"


async def headline(trial, row):
    await trial.refused_with("policy-violation", trial.to_bob(attributes="type='headline' id='w1'"))


async def error_message(trial, row):
    arrived = await trial.arrives(trial.to_bob(
        f"<body>{CANARY}</body><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text "
        f"xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{CANARY}</text></error>", "type='error' id='w1'"), type_="error")
    [error] = arrived
    assert [child.tag for child in error] == [NS.STANZA_ERROR + "item-not-found"], show(arrived)


async def error_presence(trial, row):
    await trial.alice.sends(f"<presence to='{trial.bob.full}' type='error' id='w1'><status>{CANARY}</status><error type='cancel'>"
                            f"<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{CANARY}</gone></error></presence>")
    arrived = await trial.bob.receives("presence", from_=trial.alice.full, type_="error")
    [error] = arrived
    assert [(child.tag, child.text) for child in error] == [(NS.STANZA_ERROR + "gone", None)], show(arrived)


async def unknown_type(trial, row):
    assert (await trial.arrives(trial.to_bob(attributes="type='merger' id='w1'"), id="w1")).get("type") is None


async def id_with_blanks(trial, row):
    await trial.alice.sends(trial.to_bob(attributes=f"type='chat' id='{CANARY}'"))
    arrived = await trial.bob.receives("message", from_=trial.alice.full, id=None)
    assert arrived.find("{eu.siacs.conversations.axolotl}encrypted") is not None


async def language_that_is_none(trial, row):
    arrived = await trial.arrives(trial.to_bob(attributes=f"type='chat' id='w1' xml:lang='{CANARY}'"), id="w1")
    assert arrived.get(NS.XML + "lang") is None


async def groupchat_to_an_account(trial, row):
    await trial.refused_with("service-unavailable", trial.to_bob(attributes="type='groupchat' id='w1'", to=trial.bob.bare))


async def groupchat_to_a_device(trial, row):
    await trial.arrives(trial.to_bob(f"{sealed()}<subject>{CANARY}</subject>", "type='groupchat' id='w1'"), type_="groupchat")
    await trial.refused_with("policy-violation", trial.to_bob("<x xmlns='jabber:x:conference' jid='r@rooms.localhost'/>",
                                                              "type='groupchat' id='w1'"))


async def device_that_is_not_there(trial, row):
    await trial.alice.sends(trial.to_bob(to=f"{trial.bob.bare}/{CANARY}"))
    assert (await trial.bob.receives("message", from_=trial.alice.full, id="w1")).get("to") == trial.bob.bare


async def to_the_domain(trial, row):
    await trial.refused_with("service-unavailable", trial.to_bob(to="localhost"))


async def answer_not_asked_for(trial, row):
    await trial.alice.sends(f"<iq type='result' id='w1' to='{trial.bob.full}'><query xmlns='jabber:iq:version'><name>merger"
                            "</name></query></iq>")
    await word_from(trial.alice)(trial.bob)
    assert await trial.town.records(kind="denied", reason="answer-not-asked")


async def name_of_a_device(trial, row):
    device = await trial.alice.account.device(resource=CANARY, present=False)
    assert "merger" not in device.full and " " not in device.full


def body_over(make):
    async def body_in_the_clear(trial, row):
        device = await trial.alice.account.device(make=make)
        await trial.refused_with("policy-violation", trial.to_bob(f"<body>{CANARY}</body>"), sender=device)
    return body_in_the_clear


def told_by(name):
    """A story of another file does it."""
    file, function = name.split(".")
    assert f"async def {function}(" in (OTHERS / f"{file}.py").read_text(), name

    async def elsewhere(trial, row):
        pass
    return elsewhere


def condition_of(row):
    """What the column "today" says: a condition."""
    return re.match(r"`([a-z-]+)`", row[3])[1]


def message(to, inner=None, type_="groupchat"):
    async def refused(trial, row):
        await trial.refused_with(condition_of(row), trial.to_bob(inner, f"type='{type_}' id='w1'", to))
    return refused


def presence(to, inner=""):
    async def refused(trial, row):
        await trial.refused_with(condition_of(row), f"<presence to='{to}' id='w1'>{inner}</presence>", "presence")
    return refused


def request(to, payload, kind="set"):
    async def refused(trial, row):
        await trial.alice.is_refused(condition_of(row), payload, kind, to=to)
    return refused


async def nobody_listens(trial, row):
    assert row[3] == "nobody listens"
    stream = trial.town.stream()
    await stream.connect()
    await stream.sends("<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' "
                       "from='other.example' version='1.0'>")
    stream.expects_header()
    await stream.fails_with("invalid-namespace")


ROOM, USER, ADMIN = "room@rooms.localhost", "http://jabber.org/protocol/muc#user", "http://jabber.org/protocol/muc#admin"
SLOT = request("localhost", f"<request xmlns='urn:xmpp:http:upload:0' filename='{CANARY}.pdf' size='7' content-type='text/plain'/>", "get")


async def no_slot(trial, row):
    await SLOT(trial, ["", "", "", "`service-unavailable`"])


EXAMPLES = {
    "By type, address and stream": {
        "message of type `headline`": headline,
        "message of type `error`": error_message,
        "presence of type `error`": error_presence,
        "message of an unknown type": unknown_type,
        "id with blanks": id_with_blanks,
        "xml:lang that is no tag": language_that_is_none,
        "message of type `groupchat` to an account": groupchat_to_an_account,
        "message of type `groupchat` to a device": groupchat_to_a_device,
        "message of type `chat` to a device that is not there": device_that_is_not_there,
        "the same message again": told_by("sealed_replay.what_was_delivered_is_not_delivered_again"),
        "message to the domain": to_the_domain,
        "answer that nobody asked for": answer_not_asked_for,
        "message that waited": told_by("sealed_later.a_message_that_waits_is_delivered_by_the_rules_of_now"),
        "message in an archive": told_by("sealed_switches.what_a_switch_let_in_is_not_shown_once_it_is_closed"),
        "name of a device": name_of_a_device,
        "announcement of an administrator": told_by("announcements.everybody_gets_a_message_now_or_later"),
        "what an application's server posts": told_by("unified_push.where_content_is_sealed_nothing_else_passes"),
        "WebSocket": body_over(WebSocketStream),
        "BOSH": body_over(BoshStream),
    },
    "Rooms": {
        "room: message": message(ROOM),
        "room: subject": message(ROOM, f"<subject>{CANARY}</subject>"),
        "room: private message": message(f"{ROOM}/nick", f"{sealed()}<x xmlns='{USER}'/>", "chat"),
        "room: invitation through it": message(ROOM, f"<x xmlns='{USER}'><invite to='dave@localhost'/></x>", "normal"),
        "room: nick": presence(f"{ROOM}/merger"),
        "room: join": presence(f"{ROOM}/merger", "<x xmlns='http://jabber.org/protocol/muc'><password>merger</password></x>"),
        "room: registered nick": request(ROOM, "<query xmlns='jabber:iq:register'><username>merger</username></query>"),
        "room: name and description": request(ROOM, "<query xmlns='http://jabber.org/protocol/muc#owner'/>", "get"),
        "room: reason of a kick or ban": request(
            ROOM, f"<query xmlns='{ADMIN}'><item nick='n' role='none'><reason>{CANARY}</reason></item></query>"),
        "room: moderation": request(ROOM, f"<moderate xmlns='urn:xmpp:message-moderate:1' id='m'><reason>{CANARY}</reason></moderate>"),
        "room: request for voice": message(ROOM, f"{sealed()}<x xmlns='jabber:x:data' type='submit'/>", "normal"),
        "room: hats": message(ROOM, f"{sealed()}<hats xmlns='urn:xmpp:hats:0'><hat title='{CANARY}'/></hats>"),
        "room: card": request(ROOM, f"<vCard xmlns='vcard-temp'><NOTE>{CANARY}</NOTE></vCard>"),
    },
    "Uploads": {"upload: file name": SLOT, "upload: type": SLOT, "upload: bytes": no_slot},
    "Other servers": {
        "to another server: message": message("romeo@other.example", type_="chat"),
        "to another server: presence": presence("romeo@other.example"),
        "to another server: request": request("romeo@other.example/r", "<query xmlns='jabber:iq:version'/>", "get"),
        "to another server: publication": request(
            "pubsub.other.example", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'><item>"
            f"<x xmlns='urn:x'>{CANARY}</x></item></publish></pubsub>"),
        "from another server: message": nobody_listens,
        "from another server: presence": nobody_listens,
        "from another server: event": nobody_listens,
        "from another server: history of a room": nobody_listens,
    },
    "Components": {
        "component: message to it": message("bot@component.localhost", type_="chat"),
        "component: message of it": nobody_listens,
        "component: forms": request("component.localhost", f"<command xmlns='http://jabber.org/protocol/commands' node='{CANARY}'/>"),
    },
    "Mail": {
        "mail: from a person": message("juliet%other.example@mail.localhost", type_="chat"),
        "mail: to a person": nobody_listens,
        "mail: subject": nobody_listens,
    },
}


def of(title):
    @story(f"docs/sealed-table.md: {title}", alone=True)
    async def each_way_is_as_its_row_says(town):
        alice, bob = await town.devices("alice", "bob")
        await alice.is_friends_with(bob)
        trial = Trial(town, alice, bob)
        known = EXAMPLES[title]
        rows = printed()[title]
        assert {row[0] for row in rows} == set(known), "a row without an example, or an example without its row: " \
            f"{ {row[0] for row in rows} ^ set(known) }"
        for row in rows:
            begin = len(bob.stream.heard)
            await known[row[0]](trial, row)
            await word_from(alice)(bob)
            assert WORD not in bytes(bob.stream.heard[begin:]), row
            print(f"     {row[0]}: {row[2]}", flush=True)
        await refusals_of("localhost")(alice)
        assert WORD not in town.stored_bytes(), "what was refused is nowhere"
    return each_way_is_as_its_row_says


for number, name in enumerate(EXAMPLES):
    globals()[f"each_way_is_as_its_row_says_{number}"] = of(name)


@story("docs/sealed-table.md")
async def the_table_has_no_section_that_nothing_walks(town):
    assert set(printed()) - set(EXAMPLES) == {
        "Messages", "Presence", "Requests between devices", "Answers between devices", "Published nodes", "Cards",
        "Private XML", "What modules handle", "Switches"}


run()
