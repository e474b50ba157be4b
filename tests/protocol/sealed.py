"""Sealed only (XEP-0384; docs/sealed.md): each kind that passes, and beside it the twin that must not."""

import base64

import _path  # noqa: F401
from harness import NS, run, sealed, sealed_empty, story, word_from
from harness.sealed import encrypted

ENGLISH = ("Not delivered: this server only carries encrypted messages. Switch on OMEMO (the padlock) in this chat and "
           "send again.")
FRENCH = ("Message non transmis : sur ce serveur, tout doit être chiffré. Activez OMEMO (le cadenas) dans cette "
          "conversation, puis renvoyez.")
CHAT_STATE = "xmlns='http://jabber.org/protocol/chatstates'"
CANARY = "the merger is on friday"


def message(to, identity, inner, type_="chat"):
    kind = f" type='{type_}'" if type_ else ""
    return f"<message to='{to}' id='{identity}'{kind}>{inner}</message>"


async def refused(sender, receiver, identity, inner, reason="plaintext", type_="chat"):
    """The message bounces with that reason, nothing of it arrives, and a record says 'denied'."""
    await sender.sends(message(receiver.bare, identity, inner, type_))
    error = await sender.gets_error("message", identity, "policy-violation", "modify")
    assert error.get("from") == receiver.bare, "clients find the chat by the error's from"
    condition = error.find(NS.CLIENT + "error")
    assert condition.find(NS.POLICY + "sealed-required").get("reason") == reason
    assert len(condition.findall(NS.STANZA_ERROR + "text")) == 1, "exactly one text: Profanity shows the first of two"
    assert error.find(NS.CLIENT + "body") is None, "no echo: it is plain text on the way back, too"
    await receiver.receives_no("message", before=word_from(sender), id=identity)
    return condition.find(NS.STANZA_ERROR + "text")


@story("docs/sealed.md 3.1: anything else")
async def a_body_in_the_clear_is_refused_and_the_person_is_told_what_to_do(town):
    alice, bob = await town.devices("alice", "bob")
    text = await refused(alice, bob, "m1", f"<body>{CANARY}</body>")
    assert text.text == ENGLISH and text.get(NS.XML + "lang") == "en"


@story("docs/sealed.md D11")
async def a_french_stream_reads_french(town):
    alice = await (await town.account("alice")).device(lang="fr-FR")
    [bob] = await town.devices("bob")
    text = await refused(alice, bob, "m1", f"<body>{CANARY}</body>")
    assert text.text == FRENCH and text.get(NS.XML + "lang") == "fr"


@story("docs/sealed.md 3.2")
async def a_sealed_message_arrives_its_seal_untouched_its_body_replaced(town):
    alice, bob = await town.devices("alice", "bob")
    element = encrypted(payload_bytes=200, rids=(1, 2, 2147483647))
    await alice.sends(message(bob.bare, "m1", f"<body>{CANARY}</body><body xml:lang='de'>{CANARY}</body>{element}"))
    arrived = await bob.receives("message", id="m1")
    bodies = arrived.findall(NS.CLIENT + "body")
    assert [body.text for body in bodies] == ["Message chiffré OMEMO / OMEMO-encrypted message"]
    assert element.encode() in bytes(bob.stream.heard), "the valid <encrypted/> goes out as the bytes that came in"


@story("docs/sealed.md 3.2")
async def a_sealed_message_without_a_body_gets_none(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "m1", encrypted()))
    assert (await bob.receives("message", id="m1")).find(NS.CLIENT + "body") is None


@story("docs/sealed.md 3.2")
async def what_may_stand_beside_a_seal_passes(town):
    alice, bob = await town.devices("alice", "bob")
    beside = ("<origin-id xmlns='urn:xmpp:sid:0' id='o-1'/><request xmlns='urn:xmpp:receipts'/>"
              "<markable xmlns='urn:xmpp:chat-markers:0'/><store xmlns='urn:xmpp:hints'/>"
              f"<active {CHAT_STATE}/><replace xmlns='urn:xmpp:message-correct:0' id='older'/>"
              "<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl' name='OMEMO'/>")
    await alice.sends(message(bob.bare, "m1", encrypted() + beside))
    arrived = await bob.receives("message", id="m1")
    for tag in (NS.OMEMO + "encrypted", NS.STANZA_ID + "origin-id", NS.RECEIPTS + "request",
                "{urn:xmpp:chat-markers:0}markable", NS.HINTS + "store", NS.CHAT_STATES + "active",
                "{urn:xmpp:message-correct:0}replace", "{urn:xmpp:eme:0}encryption"):
        assert arrived.find(tag) is not None, tag


@story("docs/sealed.md 3.2, D7")
async def what_could_carry_content_beside_a_seal_is_left_out(town):
    alice, bob = await town.devices("alice", "bob")
    smuggled = (f"<subject>{CANARY}</subject>"
                f"<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>{CANARY}</body></html>"
                f"<x xmlns='jabber:x:oob'><url>https://example.org/{CANARY}</url></x>"
                f"<reactions xmlns='urn:xmpp:reactions:0' id='a'><reaction>{CANARY}</reaction></reactions>"
                f"<note xmlns='urn:example:note' a='{CANARY}'>{CANARY}</note>"
                f"<thread>{CANARY}</thread><nick xmlns='http://jabber.org/protocol/nick'>{CANARY}</nick>"
                f"<active {CHAT_STATE} text='{CANARY}'>{CANARY}</active>"
                f"<store xmlns='urn:xmpp:hints'>{CANARY}</store>{CANARY}")
    await alice.sends(f"<message to='{bob.bare}' id='m1' type='chat' note='{CANARY}'>{encrypted()}{smuggled}</message>")
    arrived = await bob.receives("message", id="m1")
    assert arrived.find(NS.OMEMO + "encrypted") is not None
    assert CANARY.encode() not in bytes(bob.stream.heard), bytes(bob.stream.heard)[-2000:]


@story("docs/sealed.md 3.2: spoofing (XEP-0359 §6)")
async def what_only_a_server_may_say_is_taken_away(town):
    alice, bob = await town.devices("alice", "bob")
    spoofed = (f"<stanza-id xmlns='urn:xmpp:sid:0' id='fake' by='{bob.bare}'/>"
               "<delay xmlns='urn:xmpp:delay' stamp='2001-01-01T00:00:00Z' from='localhost'/>"
               "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='fake'/>"
               "<addresses xmlns='http://jabber.org/protocol/address'><address type='ofrom' jid='fake@localhost'/></addresses>")
    await alice.sends(message(bob.bare, "m1", encrypted() + spoofed))
    arrived = await bob.receives("message", id="m1")
    for child in arrived:
        assert child.get("id") != "fake" and child.get("stamp") != "2001-01-01T00:00:00Z", child.tag
    assert arrived.find("{http://jabber.org/protocol/address}addresses") is None


@story("docs/sealed.md 3.2: forged copies (CVE-2017-5589)")
async def a_forged_carbon_or_archive_result_is_refused(town):
    alice, bob = await town.devices("alice", "bob")
    inner = f"<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='boss@localhost'>{sealed()}</message></forwarded>"
    for identity, wrapper in (("c1", f"<received xmlns='urn:xmpp:carbons:2'>{inner}</received>"),
                              ("c2", f"<sent xmlns='urn:xmpp:carbons:2'>{inner}</sent>"),
                              ("c3", f"<result xmlns='urn:xmpp:mam:2' id='1'>{inner}</result>"),
                              ("c4", inner)):
        await alice.sends(message(bob.bare, identity, wrapper))
        await alice.receives("message", id=identity, type_="error")
        await bob.receives_no("message", before=word_from(alice), id=identity)


@story("docs/sealed.md 3.3")
async def control_messages_without_text_pass(town):
    alice, bob = await town.devices("alice", "bob")
    kinds = [f"<{state} {CHAT_STATE}/>" for state in ("active", "composing", "paused", "inactive", "gone")]
    kinds += ["<received xmlns='urn:xmpp:receipts' id='m0'/>", "<received xmlns='urn:xmpp:receipts' id='m0'/><store xmlns='urn:xmpp:hints'/>",
              "<displayed xmlns='urn:xmpp:chat-markers:0' id='m0'/>", "<retract xmlns='urn:xmpp:message-retract:1' id='m0'/>",
              "<reactions xmlns='urn:xmpp:reactions:0' id='m0'/>",
              f"<composing {CHAT_STATE}/><no-store xmlns='urn:xmpp:hints'/><no-permanent-store xmlns='urn:xmpp:hints'/>"]
    for number, inner in enumerate(kinds):
        for type_ in ("chat", None):
            await alice.sends(message(bob.full, f"c{number}{type_}", inner, type_))
            await bob.receives("message", id=f"c{number}{type_}")


@story("docs/sealed.md 3.3")
async def text_in_a_control_message_does_not_pass(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.full, "r1", "<retract xmlns='urn:xmpp:message-retract:1' id='m0'/>"
                              f"<body>/me retracted {CANARY}</body><fallback xmlns='urn:xmpp:fallback:0'>{CANARY}</fallback>"))
    arrived = await bob.receives("message", id="r1")
    assert arrived.find("{urn:xmpp:message-retract:1}retract") is not None and arrived.find(NS.CLIENT + "body") is None
    await alice.sends(message(bob.full, "i1", f"<x xmlns='jabber:x:conference' jid='room@rooms.localhost' reason='{CANARY}'/>"))
    invitation = (await bob.receives("message", id="i1")).find("{jabber:x:conference}x")
    assert invitation.attrib == {"jid": "room@rooms.localhost"}, invitation.attrib
    await alice.sends(message(bob.full, "p1", "<propose xmlns='urn:xmpp:jingle-message:0' id='x'>"
                              f"<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/><text>{CANARY}</text></propose>"))
    await bob.receives("message", id="p1")
    await refused(alice, bob, "s1", f"<composing {CHAT_STATE}/><body>{CANARY}</body>")
    assert CANARY.encode() not in bytes(bob.stream.heard)


@story("docs/sealed.md §5: reasons")
async def each_kind_of_content_has_its_own_reason(town):
    alice, bob = await town.devices("alice", "bob")
    await refused(alice, bob, "r1", "<reactions xmlns='urn:xmpp:reactions:0' id='m0'><reaction>👍</reaction></reactions>", "reaction")
    await refused(alice, bob, "f1", "<x xmlns='jabber:x:oob'><url>https://example.org/f.pdf</url></x>", "file")
    await refused(alice, bob, "n1", f"<note xmlns='urn:example:note'>{CANARY}</note>")
    await refused(alice, bob, "h1", f"<body>{CANARY}</body>", type_="normal")
    await refused(alice, bob, "h2", f"<body>{CANARY}</body>", type_=None)
    assert CANARY.encode() not in bytes(bob.stream.heard)


@story("docs/sealed.md 3.1: no search for a child element")
async def an_encrypted_element_that_is_none_does_not_open_the_door(town):
    alice, bob = await town.devices("alice", "bob")
    good = encrypted()
    body = f"<body>{CANARY}</body>"
    for number, fake in enumerate((
            "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
            "<encrypted xmlns='urn:example:other'><header sid='1'/></encrypted>",
            good.replace("sid='1409397037'", "sid='0'"),
            good.replace("sid='1409397037'", "sid='2147483648'"),
            good.replace("<header ", "<header note='x' "),
            good.replace("</header>", f"<note>{CANARY}</note></header>"),
            good.replace("</encrypted>", f"{CANARY}</encrypted>"),
            good.replace("<payload>", "<payload>!"),
            good.replace("<iv>", "<iv>AAAA"),
            good + good,
            "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='5'><key rid='6'>aGVsbG8=</key>"
            "<iv>AAAAAAAAAAAAAAAB</iv></header><payload>aGVsbG8gd29ybGQ=</payload></encrypted>")):
        await alice.sends(message(bob.bare, f"fake{number}", fake + body))
        error = await alice.gets_error("message", f"fake{number}", "policy-violation", "modify")
        assert error.find(f".//{NS.POLICY}sealed-required").get("reason") in ("malformed", "plaintext")
        await bob.receives_no("message", before=word_from(alice), id=f"fake{number}")
    assert CANARY.encode() not in bytes(bob.stream.heard)


@story("docs/sealed.md 3.7-12")
async def text_dressed_as_ciphertext_is_refused(town):
    alice, bob = await town.devices("alice", "bob")
    head, _, tail = encrypted().partition("<payload>")
    dressed = head + "<payload>" + base64.b64encode((CANARY * 4).encode()).decode() + "</payload></encrypted>"
    assert tail
    await refused(alice, bob, "d1", dressed, "malformed")


@story("docs/sealed.md 3.7-6")
async def an_empty_omemo_message_passes_with_and_without_type(town):
    alice, bob = await town.devices("alice", "bob")
    for type_ in ("chat", None):
        await alice.sends(message(bob.bare, f"e{type_}", sealed_empty(), type_))
        await bob.receives("message", id=f"e{type_}", child=NS.OMEMO + "encrypted")


@story("docs/sealed.md D9")
async def an_error_carries_its_condition_and_nothing_else(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.full, "m1", sealed()))
    await bob.receives("message", id="m1")
    await bob.sends(f"<message type='error' id='m1' to='{alice.full}'><body>{CANARY}</body><error type='cancel'>"
                    "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                    f"<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>{CANARY}</text></error></message>")
    arrived = await alice.gets_error("message", "m1", "item-not-found")
    assert len(arrived) == 1 and len(arrived[0]) == 1
    assert CANARY.encode() not in bytes(alice.stream.heard)


@story("docs/sealed.md 3.4: headlines and services")
async def headlines_and_messages_to_the_domain_are_refused(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "h1", f"<body>{CANARY}</body>", "headline"))
    await alice.receives("message", id="h1", type_="error")
    await alice.sends(message("localhost", "d1", f"<body>{CANARY}</body>"))
    await alice.receives("message", id="d1", type_="error")
    await bob.receives_no("message", before=word_from(alice), id="h1")


@story("XEP-0333, XEP-0184: canary")
async def what_is_refused_is_written_nowhere(town):
    alice, bob = await town.devices("alice", "bob")
    await refused(alice, bob, "m1", f"<body>{CANARY}</body>")
    await alice.sends(message(bob.bare, "m2", f"<body>{CANARY}</body>{encrypted()}"))
    await bob.receives("message", id="m2")
    away = await town.account("away")
    await alice.sends(message(away.bare, "m3", f"<body>{CANARY}</body>{encrypted()}<subject>{CANARY}</subject>"))
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    await town.ctl("status")
    assert CANARY.encode() not in town.stored_bytes()


@story("sealed.mode = off", options={"sealed.mode": "off"})
async def with_the_mode_off_an_ordinary_server_remains(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "m1", "<body>hello</body>"))
    arrived = await bob.receives("message", id="m1")
    assert arrived.findtext(NS.CLIENT + "body") == "hello"
    await alice.sends(message(bob.bare, "m2", f"<body>x</body><stanza-id xmlns='urn:xmpp:sid:0' id='fake' by='{bob.bare}'/>"))
    arrived = await bob.receives("message", id="m2")
    assert all(child.get("id") != "fake" for child in arrived), "spoofed marks are removed in every mode"


@story("docs/sealed.md 3.5: requests")
async def a_request_is_no_way_around(town):
    alice, bob = await town.devices("alice", "bob")
    for kind, payload in (("set", f"<data xmlns='http://jabber.org/protocol/ibb' sid='a' seq='0'>{CANARY}</data>"),
                          ("set", f"<query xmlns='jabber:iq:oob'><url>{CANARY}</url></query>"),
                          ("set", f"<note xmlns='urn:example:note'>{CANARY}</note>"),
                          ("get", f"<ping xmlns='urn:xmpp:ping'>{CANARY}</ping>")):
        await alice.sends(f"<iq type='{kind}' id='q1' to='{bob.full}'>{payload}</iq>")
    await bob.receives_no("iq", before=word_from(alice), id="q1", type_="set")
    assert CANARY.encode() not in bytes(bob.stream.heard)


VERSION = "<query xmlns='jabber:iq:version'>%s</query>"


async def reaches_nobody(sender, receiver, stanza):
    before = len(receiver.stream.heard)
    await sender.sends(stanza)
    await word_from(sender)(receiver)
    assert CANARY.encode() not in bytes(receiver.stream.heard[before:]), stanza


@story("docs/sealed.md 3.5: answers")
async def an_answer_nobody_asked_for_does_not_arrive(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)  # or the server answers in his place (RFC 6121 §8.5.3.1)
    for number, payload in enumerate((VERSION % "<name>x</name>", "", "<vCard xmlns='vcard-temp'/>")):
        await alice.sends(f"<iq type='result' id='u{number}' to='{bob.full}'>{payload}</iq>")
        await bob.receives_no("iq", before=word_from(alice), id=f"u{number}")
    await alice.sends(f"<iq type='error' id='u9' to='{bob.full}'><error type='cancel'>"
                      "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    await bob.receives_no("iq", before=word_from(alice), id="u9")
    # To ask one person is no leave for another, nor for a second answer.
    [eve] = await town.devices("eve")
    await bob.sends(f"<iq type='get' id='v1' to='{alice.full}'><query xmlns='jabber:iq:version'/></iq>")
    asked = await alice.receives("iq", id="v1")
    await eve.sends(f"<iq type='result' id='v1' to='{bob.full}'>{VERSION % '<name>Eve</name>'}</iq>")
    await bob.receives_no("iq", before=word_from(eve), id="v1")
    await alice.answers(asked, VERSION % f"<name>Gajim</name><os>{CANARY}</os>")
    answer = await bob.receives("iq", id="v1", type_="result")
    assert [child.text for child in answer[0]] == ["Gajim"]
    await alice.answers(asked, VERSION % "<name>Gajim</name>")
    await bob.receives_no("iq", before=word_from(alice), id="v1")
    assert CANARY.encode() not in bytes(bob.stream.heard)
    assert await town.records(kind="denied", reason="answer-not-asked")


@story("docs/sealed.md 3.5: answers")
async def questions_between_devices_are_answered(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)  # or the server answers in his place (RFC 6121 §8.5.3.1)
    for number, (question, answer) in enumerate((
            ("<ping xmlns='urn:xmpp:ping'/>", ""),
            ("<query xmlns='jabber:iq:last'/>", "<query xmlns='jabber:iq:last' seconds='3'/>"),
            ("<time xmlns='urn:xmpp:time'/>", "<time xmlns='urn:xmpp:time'><tzo>Z</tzo><utc>2026-01-02T03:04:05Z</utc></time>"),
            ("<query xmlns='http://jabber.org/protocol/disco#info' node='https://gajim.org#x'/>",
             "<query xmlns='http://jabber.org/protocol/disco#info' node='https://gajim.org#x'>"
             "<identity category='client' type='pc' name='Gajim'/><feature var='urn:xmpp:ping'/></query>"))):
        await alice.sends(f"<iq type='get' id='q{number}' to='{bob.full}'>{question}</iq>")
        await bob.answers(await bob.receives("iq", id=f"q{number}", type_="get"), answer)
        arrived = await alice.receives("iq", id=f"q{number}", type_="result")
        assert (answer == "") == (len(arrived) == 0)
        assert answer.encode() in bytes(alice.stream.heard)


@story("docs/sealed.md D12: xml:lang; 3.5: requests")
async def a_request_has_no_place_for_words(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)  # or the server answers in his place (RFC 6121 §8.5.3.1)
    for inner in ("<query xmlns='jabber:iq:version'/>", f"<query xmlns='jabber:iq:version'><a xmlns='{CANARY}'/></query>",
                  f"<query xmlns='jabber:iq:version' xmlns:p='{CANARY}' p:a='b'/>"):
        await reaches_nobody(alice, bob, f"<iq type='get' id='g1' to='{bob.full}' xml:lang='{CANARY}'>{inner}</iq>")
    assert await bob.receives("iq", id="g1")


run()
