"""RFC 6120 §8 and §10: what is common to all stanzas, what comes back as an error, what the local host does itself."""

import re

import _path  # noqa: F401
from harness import NS, ping, refusals_of, run, sealed, story, with_id, word_from
from harness.device import expect_error, matcher
from harness.stream import _is_answer

LANG = NS.XML + "lang"
PLAIN = {"sealed.mode": "off"}
PING = "<ping xmlns='urn:xmpp:ping'/>"
TYPES = {  # RFC 6120 §8.3.3: what SHOULD stand beside each condition
    "bad-request": {"modify"}, "conflict": {"cancel"}, "feature-not-implemented": {"cancel", "modify"}, "forbidden": {"auth"},
    "internal-server-error": {"cancel"}, "item-not-found": {"cancel"}, "jid-malformed": {"modify"}, "not-acceptable": {"modify"},
    "not-allowed": {"cancel"}, "not-authorized": {"auth"}, "policy-violation": {"modify", "wait"},
    "recipient-unavailable": {"wait"}, "registration-required": {"auth"}, "remote-server-not-found": {"cancel"},
    "remote-server-timeout": {"wait"}, "resource-constraint": {"wait"}, "service-unavailable": {"cancel"},
    "subscription-required": {"auth"}, "unexpected-request": {"wait", "modify"}}
EACH = "\n".join(f'rule{{ name = "{name}", match = Kind("message") * To("{name}@localhost"), action = Deny{{ "{name}", fr = "Non.", en = "No." }} }}'
                 for name in TYPES)


async def friends(town):
    """Two that may ask each other's devices (RFC 6121 §8.5.3.1)."""
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    return alice, bob


def expect_whole_error(stanza):
    """One <error/>, one condition with its type, a text with its language, nothing of the original. The condition."""
    [error] = stanza
    assert error.tag == NS.CLIENT + "error"
    condition, *others = error
    name = condition.tag.removeprefix(NS.STANZA_ERROR)
    assert name in TYPES and len(condition) == 0, condition.tag
    assert error.get("type") in TYPES[name], (name, error.get("type"))
    for other in others:
        assert not other.tag.startswith(NS.STANZA_ERROR) or other.tag == NS.STANZA_ERROR + "text", other.tag
        assert other.tag != NS.STANZA_ERROR + "text" or other.get(LANG) in ("en", "fr")
    return name


@story("RFC 6120 §8.3.1, §8.3.2, §8.3.3, §8.1.3")
async def an_error_has_the_addresses_swapped_the_id_kept_and_the_type_that_goes_with_its_condition(town):
    alice, bob = await town.devices("alice", "bob")
    large = f"<x xmlns='urn:example:x'>{'y' * 300 * 1024}</x>"
    roster = "<query xmlns='jabber:iq:roster'>"
    causes = {
        "service-unavailable": [f"<iq type='get' to='localhost' %s><a xmlns='urn:a'/></iq>",
                                f"<message to='nobody@localhost' %s>{sealed()}</message>",
                                f"<iq type='set' to='nobody@localhost/x' %s><a xmlns='urn:a'/></iq>"],
        "bad-request": [f"<iq type='get' to='{bob.full}' %s/>", f"<iq type='what' to='localhost' %s>{PING}</iq>",
                        f"<iq to='{bob.bare}' %s>{PING}</iq>", f"<iq type='set' %s>{roster}</query></iq>",
                        f"<presence type='strange' to='{bob.bare}' %s/>"],
        "remote-server-not-found": [f"<message to='x@far.example' %s>{sealed()}</message>", f"<iq type='get' to='far.example' %s>{PING}</iq>",
                                    "<presence to='x@far.example' %s/>"],
        "policy-violation": [f"<message to='{bob.full}' type='chat' %s>{large}</message>", f"<iq type='set' to='{bob.full}' %s>{large}</iq>",
                             f"<message to='{bob.full}' type='chat' %s><body>clear</body></message>"],
        "item-not-found": [f"<iq type='set' %s>{roster}<item jid='no@localhost' subscription='remove'/></query></iq>"]}
    for expected, stanzas in causes.items():
        for number, stanza in enumerate(stanzas):
            identity = f"{expected}-{number}"
            await alice.sends(stanza % f"id='{identity}'")
            error = await alice.stream.wait_for(with_id(identity), identity)
            assert error.tag == NS.CLIENT + stanza[1:].partition(" ")[0] and error.get("type") == "error", (identity, error.tag)
            assert error.get("to") == alice.full, identity
            asked = stanza.partition(" to='")[2].partition("'")[0]
            assert error.get("from") in ((asked,) if asked else (None, alice.bare)), (identity, error.get("from"))
            assert expect_whole_error(error) == expected, identity


@story("RFC 6120 §8.3.3.1 to §8.3.3.22", options=PLAIN, policy=EACH)
async def each_condition_that_a_rule_may_name_has_its_type(town):
    [alice] = await town.devices("alice")
    for name in TYPES:
        await alice.sends(f"<message to='{name}@localhost' id='{name}'/>")
        assert expect_whole_error(await alice.receives("message", id=name, type_="error")) == name


@story("RFC 6120 §8.3.3.2, §8.3.3.3, §8.3.3.7, §8.3.3.11")
async def what_pep_refuses_has_the_type_of_its_condition(town):
    alice, bob = await town.devices("alice", "bob")
    nick, own = "http://jabber.org/protocol/nick", "http://jabber.org/protocol/pubsub#owner"
    pubsub = "<pubsub xmlns='http://jabber.org/protocol/pubsub'>"
    form = ("<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>"
            "http://jabber.org/protocol/pubsub#publish-options</value></field><field var='pubsub#access_model'><value>open</value></field></x></publish-options>")
    publish = f"{pubsub}<publish node='{nick}'><item id='current'><nick xmlns='{nick}'>A</nick></item></publish>"
    await alice.sets(publish + "</pubsub>")
    for device, kind, payload, to, expected in (
            (alice, "set", publish + form + "</pubsub>", None, "conflict"),
            (bob, "get", f"{pubsub}<items node='{nick}'/></pubsub>", alice.bare, "not-authorized"),
            (alice, "get", f"{pubsub}<items node='urn:example:none'/></pubsub>", None, "item-not-found"),
            (alice, "set", f"<pubsub xmlns='{own}'><redirect node='{nick}'/></pubsub>", None, "feature-not-implemented")):
        answer = await device.tries(payload, kind, to)
        [error] = [child for child in answer if child.tag == NS.CLIENT + "error"]
        name = error[0].tag.removeprefix(NS.STANZA_ERROR)
        assert name == expected and error.get("type") in TYPES[name], (expected, name, error.get("type"))


@story("RFC 6120 §8.1.3, §8.3.1")
async def what_had_no_id_comes_back_without_one(town):
    [alice] = await town.devices("alice")
    for stanza in (f"<message to='nobody@localhost'>{sealed()}</message>", "<presence to='x@far.example'/>",
                   f"<iq type='get' to='localhost'>{PING}</iq>"):
        await alice.sends(stanza)
        error = await alice.receives(stanza[1:].partition(" ")[0], type_="error", id=None)
        expect_whole_error(error)


@story("RFC 6120 §8.3.3.8, §8.3.1")
async def a_malformed_address_is_not_repeated_in_the_error(town):
    [alice] = await town.devices("alice")
    for name, rest in (("message", sealed()), ("presence", ""), ("iq", PING)):
        await alice.sends(f"<{name} to='a b@localhost' id='{name}' {'type=' + chr(39) + 'get' + chr(39) if name == 'iq' else ''}>{rest}</{name}>")
        error = await alice.gets_error(name, name, "jid-malformed", "modify")
        assert error.get("from") == alice.bare and error.get("to") == alice.full
        assert expect_whole_error(error) == "jid-malformed"


@story("RFC 6120 §8.3.2, §4.7.4")
async def the_text_of_an_error_is_in_the_language_of_the_stanza_else_of_the_stream(town):
    alice, amelie = await (await town.account("alice")).device(lang="en"), await (await town.account("amelie")).device(lang="fr-CA")
    for device, own, expected in ((alice, "", "en"), (amelie, "", "fr"), (alice, "xml:lang='fr'", "fr"), (amelie, "xml:lang='en-GB'", "en"),
                                  (amelie, "xml:lang='de'", "fr"), (alice, "xml:lang='de'", "en")):
        await device.sends(f"<message to='nobody@localhost' id='t' {own}>{sealed()}</message>")
        error = await device.gets_error("message", "t", "service-unavailable")
        assert error[0].find(NS.STANZA_ERROR + "text").get(LANG) == expected, (own, expected)


@story("RFC 6120 §8.1.1.1")
async def to_arrives_as_it_was_sent(town):
    alice, bob = await town.devices("alice", "bob")
    for to in (bob.bare, bob.full):
        await alice.sends(f"<message to='{to}' id='m' type='chat'>{sealed()}</message>")
        assert (await bob.receives("message", id="m")).get("to") == to
        await alice.sends(f"<presence to='{to}' id='p'/>")
        assert (await bob.receives("presence", id="p")).get("to") == to


@story("RFC 6120 §8.1.1.1, §8.1.2.1")
async def what_the_server_says_comes_from_the_domain_or_from_the_own_account(town):
    [alice] = await town.devices("alice")
    for asked, from_ in ((None, (None, alice.bare)), (alice.bare, (alice.bare,)), ("localhost", ("localhost",))):
        for payload in (PING, "<query xmlns='http://jabber.org/protocol/disco#info'/>", "<a xmlns='urn:a'/>"):
            answer = await alice.tries(payload, to=asked)
            assert answer.get("from") in from_ and answer.get("to") == alice.full, (asked, payload, answer.attrib)
            assert (answer.find(NS.CLIENT + "error") is not None) == (answer.get("type") == "error")
    await alice.sends("<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='bob@localhost'/></query></iq>")
    push = await alice.receives("iq", child=NS.ROSTER + "query", type_="set")
    assert push.get("from") in (None, alice.bare) and push.get("to") in (None, alice.full), push.attrib


@story("RFC 6120 §8.1.2.1", options={"timeouts.ping": 1})
async def what_the_server_asks_comes_from_the_domain(town):
    [alice] = await town.devices("alice")
    asked = await alice.receives("iq", child="{urn:xmpp:ping}ping", type_="get")
    assert asked.get("from") == "localhost" and asked.get("to") == alice.full


@story("RFC 6120 §8.1.2.1")
async def what_another_sent_never_comes_without_from(town):
    alice, bob = await friends(town)
    for stanza, name in ((f"<message to='{bob.full}' id='x' type='chat'>{sealed()}</message>", "message"),
                         (f"<presence to='{bob.full}' id='x'/>", "presence"),
                         (f"<iq type='get' to='{bob.full}' id='x'><query xmlns='jabber:iq:version'/></iq>", "iq")):
        await alice.sends(stanza)
        assert (await bob.receives(name, id="x")).get("from") == alice.full


@story("RFC 6120 §4.7.4, §8.1.5, §12")
async def a_stanza_has_the_language_that_it_names_else_that_of_its_stream(town):
    bob = (await town.devices("bob"))[0]
    for stream, own, expected in (("en", "", "en"), ("de-CH", "", "de-CH"), ("de-CH", "xml:lang='pt-BR'", "pt-BR"), ("fr", "xml:lang='DE'", "DE")):
        alice = await (await town.account("alice")).device(lang=stream)
        await alice.is_friends_with(bob)  # or bob's device is nothing to ask (RFC 6121 §8.5.3.1)
        await alice.sends(f"<message {own} to='{bob.full}' id='m' type='chat'>{sealed()}</message><presence {own} to='{bob.full}' id='p'/>"
                          f"<iq {own} type='get' to='{bob.full}' id='i'><query xmlns='jabber:iq:version'/></iq>")
        for name, identity in (("message", "m"), ("presence", "p"), ("iq", "i")):
            assert (await bob.receives(name, id=identity)).get(LANG) == expected, (stream, own, name)


@story("RFC 6120 §8.1.5", options=PLAIN)  # a sealed host would remove it anyway
async def what_is_no_language_stands_on_no_stanza(town):
    bob = (await town.devices("bob"))[0]
    for wrong in ("", "a text, not a tag", "x" * 36):
        alice = await town.account("alice")
        device = await alice.device(lang=wrong or "en", present=False)
        own = "" if wrong else "xml:lang=''"
        await device.sends(f"<message {own} to='{bob.full}' id='m' type='chat'>{sealed()}</message>")
        assert (await bob.receives("message", id="m")).get(LANG) is None, wrong


@story("RFC 6120 §8.2.3", options=PLAIN)
async def an_answer_is_never_answered_and_an_impossible_one_reaches_nobody(town):
    alice, bob = await town.devices("alice", "bob")
    two = "<a xmlns='urn:a'/><b xmlns='urn:b'/>"
    await alice.sends(f"<iq type='result' id='two' to='{bob.full}'>{two}</iq><iq type='result' id='two'>{two}</iq>"
                      f"<iq type='error' id='none' to='{bob.full}'/><iq type='error' id='none'/>"
                      f"<iq type='result' to='{bob.full}'/><iq type='result' id='lost'/><iq type='error' id='lost' to='localhost'>{two}</iq>"
                      f"<iq type='result' id='lost' to='far.example'/><iq type='result' id='lost' to='{bob.bare}/gone'/>")
    gone = refusals_of(f"{bob.bare}/gone", "localhost", "far.example")  # and behind it all the own account
    for identity in ("two", "none", "lost", None):
        await alice.receives_no("iq", before=gone, id=identity)
        await alice.receives_no("iq", before=ping, id=identity)
    for identity in ("two", "none", None):
        await bob.receives_no("iq", before=word_from(alice), id=identity)


@story("RFC 6120 §8.2.3, §10.3.3")
async def a_request_without_to_is_answered_once_whatever_it_asks(town):
    [alice] = await town.devices("alice")
    for kind in ("get", "set"):
        for payload in ("<a xmlns='urn:a'/>", "<query xmlns='jabber:iq:version'/>", "<query/>", "<error/>", "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"):
            answer = await alice.tries(payload, kind)
            expect_error(answer, "service-unavailable", "cancel")
            await alice.asks(PING)
            assert not alice.stream.waiting(lambda event: _is_answer(event, answer.get("id"))), payload


@story("RFC 6120 §8.4", options=PLAIN)
async def what_the_server_does_not_understand_arrives_unmodified(town):
    alice, bob = await friends(town)
    inner = "<x xmlns='urn:example:x' a='1'>text<y xmlns='urn:example:y' xml:lang='de'>&lt;&amp;</y><message xmlns='urn:example:z'/></x>"
    for name, attributes in (("message", "type='chat'"), ("presence", ""), ("iq", "type='get'")):
        await alice.sends(f"<{name} to='{bob.full}' id='x' {attributes}>{inner}</{name}>")
        await bob.receives(name, id="x", child="{urn:example:x}x")
        assert inner.encode() in bob.stream.heard, name
        del bob.stream.heard[:]


@story("RFC 6120 §8.4", options=PLAIN)
async def presence_with_nothing_but_the_unknown_is_presence(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.is_friends_with(bob)
    await alice.sends("<presence id='p'><x xmlns='urn:example:x'/></presence>")
    await bob.receives("presence", id="p", from_=alice.full, type_=None)
    await alice.sends(f"<presence id='d' to='{carol.bare}'><x xmlns='urn:example:x'/></presence>")
    await carol.receives("presence", id="d", from_=alice.full, type_=None)


@story("RFC 6120 §10.3.1")
async def a_message_without_to_goes_to_the_own_account(town):
    [phone] = await town.devices("alice")
    laptop = await phone.account.device()
    await phone.sends(f"<message id='m' type='chat'>{sealed()}</message>")
    for device in (phone, laptop):
        assert (await device.receives("message", id="m", from_=phone.full)).get("to") == phone.bare


@story("RFC 6120 §10.5.1, §10.5.2")
async def the_domain_with_or_without_a_resource_answers_or_refuses(town):
    [alice] = await town.devices("alice")
    for to in ("localhost", "localhost/room"):
        await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=to)
        await alice.is_refused("service-unavailable", "<a xmlns='urn:a'/>", to=to, type_="cancel")
        await alice.sends(f"<message to='{to}' id='m' type='chat'>{sealed()}</message><presence to='{to}' id='p'/>")
        assert (await alice.gets_error("message", "m", "service-unavailable", "cancel")).get("from") == to
        await alice.receives_no("presence", before=refusals_of(to), id="p")


@story("RFC 6120 §10.5.3.2, §10.5.4, §13.10.2")
async def an_iq_for_an_account_is_answered_for_it_and_shows_no_resource(town):
    alice, bob = await town.devices("alice", "bob")
    away = await town.account("carol")
    told = set()
    for to in (bob.bare, away.bare, f"{bob.bare}/gone", f"{away.bare}/gone", "nobody@localhost", "nobody@localhost/gone"):
        answer = await alice.tries("<query xmlns='jabber:iq:last'/>", to=to)
        assert answer.get("from") == to
        told.add((answer.get("type"), expect_whole_error(answer), answer[0].get("type"), answer[0].findtext(NS.STANZA_ERROR + "text")))
    assert len(told) == 1, told
    await bob.receives_no("iq", before=word_from(alice), type_="get")
    assert bob.full.partition("/")[2].encode() not in alice.stream.heard


@story("RFC 6120 §13.10.1")
async def nobody_learns_the_address_of_another(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    source = alice.stream._socket.getsockname()
    for payload, to in (("<query xmlns='http://jabber.org/protocol/disco#info'/>", alice.bare), ("<query xmlns='jabber:iq:last'/>", alice.bare),
                        ("<query xmlns='http://jabber.org/protocol/disco#items'/>", "localhost")):
        await bob.tries(payload, to=to)
    await alice.sends(f"<message to='{bob.full}' id='m' type='chat'>{sealed()}</message>")
    await bob.receives("message", id="m")
    await alice.leaves()
    await bob.receives("presence", type_="unavailable", from_=alice.full)
    assert source[0].encode() not in bob.stream.heard and str(source[1]).encode() not in bob.stream.heard


@story("RFC 6120 §8.2.1, §8.2.2, §8.2.3")
async def all_three_kinds_of_stanza_are_carried(town):
    alice, bob = await friends(town)
    await alice.sends(f"<message to='{bob.full}' id='1' type='chat'>{sealed()}</message><presence to='{bob.full}' id='2'/>"
                      f"<iq type='get' to='{bob.full}' id='3'><query xmlns='jabber:iq:version'/></iq>")
    for name, identity in (("message", "1"), ("presence", "2"), ("iq", "3")):
        await bob.receives(name, id=identity, from_=alice.full, to=bob.full)
        assert not bob.stream.waiting(matcher(name, None, {"id": identity}))
    assert not re.search(rb"<\w+:(message|presence|iq)\b|jabber:server", bytes(bob.stream.heard))  # §4.8.3, §4.8.5


run()
