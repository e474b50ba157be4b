"""XMPP over BOSH (XEP-0124, XEP-0206): sessions of HTTP requests, their order, their memory and their ends."""

import asyncio
import hashlib

import _path  # noqa: F401
from _managed import resumes_over
from harness.device import ping
from harness.ns import NS
from harness.scram import Scram
from harness.sealed import sealed
from harness.stories import run, story
from harness.web import BOSH, XBOSH, BoshSession, BoshStream, Http, http

SHORT = {"timeouts.bosh_wait": 2, "timeouts.bosh_inactivity": 2, "timeouts.bosh_pause": 5}


async def begun(town, **attributes):
    session = BoshSession(town.place)
    session.opening = await session.begins(**attributes)
    assert session.sid, session.opening.attrib
    return session


def ended(answer, condition):
    assert answer.tag == BOSH + "body" and answer.get("type") == "terminate" and answer.get("condition") == condition, \
        (condition, answer.attrib)


async def logged_in(town, account, **attributes):
    """A session behind bind, by hand, so that the story owns its rids."""
    session = await begun(town, **attributes)
    scram = Scram("SCRAM-SHA-256", account.name, account.password)
    first = await session.asks(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>{scram.first()}</auth>")
    challenge = first.find(NS.SASL + "challenge")
    last = await session.asks(f"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{scram.final(challenge.text)}</response>")
    scram.verify(last.find(NS.SASL + "success").text)
    features = await session.asks(xmpp_restart="true", to=town.place.domain, xml_lang="en")
    assert features.find(NS.STREAM + "features").find(NS.BIND + "bind") is not None
    bound = await session.asks("<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    session.full = bound.find(f".//{NS.BIND}jid").text
    return session


PING = "<iq xmlns='jabber:client' type='get' id='{0}'><ping xmlns='urn:xmpp:ping'/></iq>"


def pong(answer, identity):
    found = [iq for iq in answer if iq.tag == NS.CLIENT + "iq" and iq.get("id") == identity and iq.get("type") == "result"]
    assert found, (identity, answer.attrib, [child.attrib for child in answer])


@story("XEP-0124 §7.2, XEP-0206 §5")
async def a_session_begins_with_terms_and_features(town):
    session = await begun(town, wait="5", ack="1")
    opening = session.opening
    for name, value in {"wait": "5", "hold": "1", "requests": "2", "inactivity": "60", "polling": "2", "maxpause": "120",
                        "ver": "1.11", "from": town.place.domain, "ack": str(session.rid), XBOSH + "version": "1.0",
                        XBOSH + "restartlogic": "true"}.items():
        assert opening.get(name) == value, (name, opening.attrib)
    assert len(opening.get("sid")) >= 32 and opening.get("authid")
    features = opening.find(NS.STREAM + "features")
    assert features.find(NS.TLS + "starttls") is None
    names = [one.text for one in features.iter(NS.SASL + "mechanism")]
    assert names and not [name for name in names if name.endswith("-PLUS")], "no one TLS session carries it"


@story("XEP-0124 §7.1")
async def what_a_client_asks_for_is_bounded(town):
    session = await begun(town, wait="86400", hold="10", ver="1.6", content="text/html; charset=utf-8")
    assert (session.opening.get("wait"), session.opening.get("hold"), session.opening.get("ver")) == ("60", "1", "1.6")
    answer = await session.posts(session.body(type="terminate"))
    assert answer.fields["content-type"] == "text/html; charset=utf-8" and answer.fields["cache-control"] == "no-store"


@story("XEP-0124 §17.2: the exact condition")
async def a_session_that_cannot_begin_is_told_why(town):
    place = town.place
    for condition, attributes in (("host-unknown", {"to": "other.example"}), ("improper-addressing", {"to": None}),
                                  ("host-unknown", {"to": "alice@localhost"}), ("bad-request", {"wait": "soon"}),
                                  ("bad-request", {"hold": "-1"}), ("bad-request", {"ver": "one"}),
                                  ("bad-request", {"content": "x" * 81}), ("bad-request", {"rid": "0"}),
                                  ("bad-request", {"rid": "9007199254740992"}), ("bad-request", {"rid": "a"})):
        session = BoshSession(place)
        given = {"to": place.domain, "ver": "1.11", **attributes}
        ended(await session.asks(**given), condition)
    for text in ("", "<body/>", "no xml", "<body xmlns='http://jabber.org/protocol/httpbind' rid='5' to='localhost'>",
                 "<?xml version='1.0'?><!DOCTYPE a><body xmlns='http://jabber.org/protocol/httpbind' rid='5' to='localhost'/>",
                 "<body xmlns='http://jabber.org/protocol/httpbind' rid='5' to='localhost'>text</body>",
                 "<body xmlns='http://jabber.org/protocol/httpbind' rid='5' to='localhost'/><body/>",
                 "<body xmlns='http://jabber.org/protocol/httpbind' to='localhost'/>"):
        ended((await http(place, "POST", "/http-bind", text)).xml, "bad-request")
    session = BoshSession(place)
    session.sid = "0" * 32
    ended(await session.asks(), "item-not-found")


@story("XEP-0206 §6")
async def a_person_logs_in_talks_and_hears(town):
    alice = await (await town.account("alice")).device(make=BoshStream)
    bob, = await town.devices("bob")
    await alice.sends(f"<message to='{bob.full}' id='m1' type='chat'>{sealed()}</message>")
    await bob.receives("message", id="m1", from_=alice.full)
    await bob.sends(f"<message to='{alice.full}' id='m2' type='chat'>{sealed()}</message>")
    heard = await alice.receives("message", id="m2", from_=bob.full)
    assert heard.find("{eu.siacs.conversations.axolotl}encrypted") is not None
    await alice.sends(f"<message to='{bob.full}' id='m3' type='chat'><body>in the clear</body></message>")
    await alice.gets_error("message", "m3", "policy-violation")
    await bob.receives_no("message", before=ping, id="m3")


@story("XEP-0206 §6")
async def behind_log_in_the_stream_is_restarted(town):
    account = await town.account("alice")
    session = await begun(town)
    scram = Scram("SCRAM-SHA-256", account.name, account.password)
    first = await session.asks(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>{scram.first()}</auth>")
    challenge = first.find(NS.SASL + "challenge")
    await session.asks(f"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{scram.final(challenge.text)}</response>")
    answer = await session.asks("<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    ended(answer, "remote-stream-error")
    assert answer.find(f"{NS.STREAM}error/{NS.STREAM_ERROR}bad-format") is not None


@story("XEP-0206 §3, §7")
async def a_stream_error_ends_the_session(town):
    session = await logged_in(town, await town.account("alice"))
    answer = await session.asks("<message xmlns='jabber:client' from='mallory@localhost/x' to='bob@localhost'/>")
    ended(answer, "remote-stream-error")
    assert answer.find(f"{NS.STREAM}error/{NS.STREAM_ERROR}invalid-from") is not None
    ended(await session.asks(), "item-not-found")


@story("XEP-0124 §8")
async def payloads_of_one_body_are_taken_in_order(town):
    session = await logged_in(town, await town.account("alice"))
    answer = await session.asks("".join(PING.format(f"p{i}") for i in range(5)))
    got = [iq.get("id") for iq in answer if iq.tag == NS.CLIENT + "iq"]
    while len(got) < 5:
        got += [iq.get("id") for iq in await session.asks()]
    assert got == [f"p{i}" for i in range(5)], got


@story("XEP-0124 §14.2")
async def requests_that_come_out_of_order_are_taken_in_order(town):
    session = await logged_in(town, await town.account("alice"))
    first = session.rid + 1
    later = session.begins_to_ask(PING.format("second"), rid=first + 1)
    await http(town.place, "GET", "/.well-known/host-meta")  # a fence of a sort: another connection was served meanwhile
    assert not later.done()
    answers = list(await session.asks(PING.format("first"), rid=first))
    session.rid = first + 1
    while [iq.get("id") for iq in answers if iq.tag == NS.CLIENT + "iq"] != ["first", "second"]:  # in one answer, or in two
        answers += list(await (later if not later.done() else session.begins_to_ask()))


@story("XEP-0124 §14.2")
async def a_rid_beyond_the_window_ends_the_session(town):
    session = await logged_in(town, await town.account("alice"))
    held = session.begins_to_ask()
    while not (await town.ctl_json("status"))["connections"]:
        pass
    ended(await session.asks(rid=session.rid + 10), "item-not-found")
    assert (await held).get("type") == "terminate"
    ended(await session.asks(), "item-not-found")


@story("XEP-0124 §14.3")
async def an_answer_that_was_lost_is_given_again(town):
    session = await logged_in(town, await town.account("alice"))
    text = session.body(PING.format("once"))
    first = await session.posts(text)
    pong(first.xml, "once")
    assert (await session.posts(text)).body == first.body, "the same answer, and nothing is done twice"
    old = session.body(rid=session.rid - 7)
    ended((await session.posts(old)).xml, "item-not-found")
    ended(await session.asks(), "item-not-found")


@story("XEP-0124 §14.3")
async def a_request_that_waits_gives_its_place_to_its_copy(town):
    account = await town.account("alice")
    session = await logged_in(town, account)
    bob, = await town.devices("bob")
    text = session.body()
    first = asyncio.ensure_future(session.posts(text))
    second = None
    while not first.done():
        second = asyncio.ensure_future(session.posts(text)) if second is None or second.done() else second
        await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
    one = (await first).xml
    held = second
    if one.get("type") != "error":  # the copy was quicker
        one, held = (await second).xml, first
    assert one.get("type") == "error" and len(one) == 0
    await bob.sends(f"<message to='{session.full}' id='m1' type='chat'>{sealed()}</message>")
    assert (await held).xml.find(NS.CLIENT + "message").get("id") == "m1"


@story("XEP-0124 §14.3")
async def copies_without_end_end_the_session(town):
    session = await logged_in(town, await town.account("alice"))
    text = session.body(PING.format("once"))
    answers = [(await session.posts(text)).xml for _ in range(12)]
    ended(answers[-1], "policy-violation")


@story("XEP-0124 §8", options=SHORT)
async def a_request_is_held_for_no_longer_than_agreed(town):
    session = await logged_in(town, await town.account("alice"))
    answer = await session.asks()  # nothing happens: it comes back empty
    assert answer.attrib == {} and len(answer) == 0
    pong(await session.asks(PING.format("p")), "p")


@story("XEP-0124 §10", options=SHORT)
async def who_asks_no_more_has_gone(town):
    bob, = await town.devices("bob")
    alice = await (await town.account("alice")).device(make=BoshStream)
    await alice.is_friends_with(bob)
    await alice.stream.drops()
    await bob.receives("presence", from_=alice.full, type_="unavailable")
    alice.stream.session.rid += 1
    ended(await alice.stream.session.asks(), "item-not-found")


@story("XEP-0124 §10", options=SHORT)
async def a_pause_is_granted_and_bounded(town):
    session = await logged_in(town, await town.account("alice"))
    held = session.begins_to_ask()
    paused = await session.asks(pause="5")
    assert len(paused) == 0 and paused.get("type") is None
    assert (await held).get("type") is None
    pong(await session.asks(PING.format("back")), "back")
    ended(await session.asks(pause="6"), "policy-violation")


@story("XEP-0124 §11")
async def empty_requests_on_each_others_heels_end_the_session(town):
    session = await logged_in(town, await town.account("alice"))
    held = session.begins_to_ask()
    second = session.begins_to_ask()
    answers = [await held, await second]
    assert sorted(answer.get("condition") for answer in answers) == ["other-request", "policy-violation"], \
        [answer.attrib for answer in answers]


@story("XEP-0124 §12")
async def who_polls_too_often_is_ended(town):
    session = await begun(town, hold="0", wait="0")
    assert session.opening.get("requests") == "1" and session.opening.get("hold") == "0"
    assert int(session.opening.get("inactivity")) > 60
    first = await session.asks()
    assert first.get("type") is None and len(first) == 0
    ended(await session.asks(), "policy-violation")


@story("XEP-0124 §13")
async def the_client_ends_the_session_with_a_last_word(town):
    bob, = await town.devices("bob")
    account = await town.account("alice")
    session = await logged_in(town, account)
    held = session.begins_to_ask()
    last = await session.asks(f"<message xmlns='jabber:client' to='{bob.full}' id='bye' type='chat'>{sealed()}</message>",
                              type="terminate")
    kinds = [(await held).get("type"), last.get("type")]
    assert kinds == ["terminate", None] or kinds == [None, "terminate"], kinds
    await bob.receives("message", id="bye")
    ended(await session.asks(), "item-not-found")


@story("XEP-0124 §15")
async def keys_that_do_not_follow_end_the_session(town):
    def chain(seed, length):
        keys = [hashlib.sha1(seed.encode()).hexdigest()]
        while len(keys) < length:
            keys.append(hashlib.sha1(keys[-1].encode()).hexdigest())
        return keys
    keys, others = chain("one", 4), chain("two", 3)
    auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'/>"
    session = await begun(town, newkey=keys[3])
    assert (await session.asks(auth, key=keys[2])).get("type") is None
    assert (await session.asks(auth, key=keys[1], newkey=others[2])).get("type") is None
    assert (await session.asks(auth, key=others[1])).get("type") is None
    ended(await session.asks(auth, key=others[1]), "item-not-found")
    session = await begun(town, newkey=keys[3])
    ended(await session.asks(auth), "item-not-found")


@story("XEP-0124 §17.1")
async def a_client_without_a_version_gets_http_errors(town):
    session = await begun(town, ver=None)
    answer = await session.posts(session.body(rid=session.rid + 50))
    assert answer.status == 404, answer


@story("docs/security.md §2: origins")
async def a_session_belongs_to_the_page_that_began_it(town):
    session = BoshSession(town.place, origin="https://localhost")
    answer = await session.posts(session.body(to=town.place.domain, ver="1.11"))
    assert answer.fields["access-control-allow-origin"] == "https://localhost" and "origin" in answer.fields["vary"].lower()
    session.sid = answer.xml.get("sid")
    session.origin = None
    ended(await session.asks(rid=session.rid + 1), "item-not-found")
    session.origin = "https://evil.example"
    assert (await session.posts(session.body(rid=session.rid + 1))).status == 403
    session.origin = "https://localhost"
    going = await session.asks("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'/>")
    assert going.get("type") is None, "strangers ended it"
    preflight = await http(town.place, "OPTIONS", "/http-bind", Origin="https://localhost",
                           Access_Control_Request_Method="POST")
    assert preflight.status == 204 and preflight.fields["access-control-allow-origin"] == "https://localhost"
    assert "POST" in preflight.fields["access-control-allow-methods"]


@story("docs/security.md §3: limits", options={"limits.stanza": 65536})
async def the_limits_are_those_of_every_stream(town):
    session = await begun(town)
    ended(await session.asks(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{'A' * 11_000}</auth>"),
          "remote-stream-error")
    session = await begun(town)
    ended(await session.asks("<a>" + "<b>" * 20 + "</b>" * 20 + "</a>"), "bad-request")  # depth
    session = await logged_in(town, await town.account("alice"))
    answer = await session.asks(f"<message xmlns='jabber:client' to='bob@localhost' id='big'><body>{'a' * 70_000}</body></message>")
    assert answer.find(f"{NS.CLIENT}message").get("type") == "error"
    answer = await session.posts(session.body("a" * 140_000))
    assert answer.status == 413, answer


@story("XEP-0198 §5")
async def a_session_is_resumed_over_another(town):
    account = await town.account("alice")
    bob, = await town.devices("bob")
    session = await logged_in(town, account)
    enabled = (await session.asks("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")).find("{urn:xmpp:sm:3}enabled")
    ended(await session.asks(rid=session.rid + 50), "item-not-found")  # as good as a cut
    await bob.sends(f"<message to='{session.full}' id='m1' type='chat'>{sealed()}</message>")
    again = await resumes_over(town, BoshStream, account, session.full, enabled.get("id"))
    await again.receives("message", id="m1")


@story("docs/security.md §2: proxies", options={"http.proxies": ["127.0.0.0/8"]})
async def behind_a_declared_proxy_the_client_is_who_it_names(town):
    account = await town.account("alice")
    session = BoshSession(town.place, plain=True)
    answer = await session.posts(session.body(to=town.place.domain, ver="1.11"), X_Forwarded_For="203.0.113.9")
    session.sid = answer.xml.get("sid")
    scram = Scram("SCRAM-SHA-256", account.name, "wrong")
    first = await session.asks(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>{scram.first()}</auth>")
    await session.asks(f"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{scram.final(first.find(NS.SASL + 'challenge').text)}</response>")
    failed, = [record for record in await town.records(kind="login-failed") if record.get("from", "").startswith(account.bare)]
    assert failed["source"] == "203.0.113.9", failed


@story("RFC 9112 §9.3")
async def one_connection_serves_many_sessions(town):
    connection = await Http(town.place).connect()
    sessions = [BoshSession(town.place) for _ in range(3)]
    for session in sessions:
        answer = await connection.asks("POST", "/http-bind", session.body(to=town.place.domain, ver="1.11"))
        session.sid = answer.xml.get("sid")
    for session in sessions:
        answer = await connection.asks("POST", "/http-bind", session.body(type="terminate"))
        assert answer.xml.get("type") == "terminate" and answer.xml.get("condition") is None, answer
    connection.close()


run()
