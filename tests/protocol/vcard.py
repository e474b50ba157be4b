"""XEP-0054: each account has a card. Where only sealed content passes it holds the directory's fields and a picture."""

import base64
import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness import NS, announced, ping, run, story
from harness.pictures import jpeg, png, png_of_letters, png_text, riff, segment, webp

VCARD = "{vcard-temp}"
OPEN = {"sealed.mode": "off"}
PNG = png()
EMPTY = "<vCard xmlns='vcard-temp'/>"


def card(inner, attributes=""):
    return f"<vCard xmlns='vcard-temp'{attributes}>{inner}</vCard>"


def photo(data, type_="image/png", wrap=76):
    text = base64.b64encode(data).decode()
    lines = "\n".join(text[i:i + wrap] for i in range(0, len(text), wrap))
    return f"<PHOTO><TYPE>{type_}</TYPE><BINVAL>\n{lines}\n</BINVAL></PHOTO>"


async def card_of(device, to=None):
    answer = await device.asks(EMPTY, to=to)
    return answer.find(VCARD + "vCard")


def flat(element):
    """name -> text of every leaf, in order."""
    return [(leaf.tag.removeprefix(VCARD), leaf.text) for leaf in element.iter() if len(leaf) == 0]


def error_of(answer):
    return ET.tostring(answer.find(NS.CLIENT + "error"))


the_server_and_accounts_say_that_they_can = announced("XEP-0054 §4", "vcard-temp", account=True)


@story("XEP-0054 §3.1, §3.2")
async def a_card_is_kept_and_read_back_by_its_owner_and_by_others(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_refused("item-not-found", EMPTY, type_="cancel")
    inner = ("<FN>Alice Dupont</FN><N><FAMILY>Dupont</FAMILY><GIVEN>Alice</GIVEN></N><NICKNAME>Ali</NICKNAME>"
             "<ORG><ORGNAME>Ministère &amp; Cie</ORGNAME><ORGUNIT>Chiffre</ORGUNIT><ORGUNIT>3</ORGUNIT></ORG>"
             "<TITLE>Attachée</TITLE><ROLE>Cryptographe</ROLE>"
             "<EMAIL><INTERNET/><PREF/><USERID>alice@example.org</USERID></EMAIL>"
             "<TEL><WORK/><VOICE/><NUMBER>+33 1 00 00 00 00</NUMBER></TEL>")
    answer = await alice.sets(card(inner, " version='3.0'"))
    assert len(answer) == 0
    expected = ET.fromstring(card(inner))
    for device, to in ((alice, None), (alice, alice.bare), (bob, alice.bare)):
        read = await card_of(device, to)
        assert sorted(flat(read)) == sorted(flat(expected)), ET.tostring(read)
        assert read.get("version") is None
    await town.restart()
    assert sorted(flat(await card_of(await alice.account.device()))) == sorted(flat(expected))


@story("XEP-0054 §3.2")
async def a_new_card_replaces_the_old_one_whole_and_an_empty_one_takes_it_away(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(card("<FN>Alice</FN><TITLE>Attachée</TITLE>"))
    await alice.sets(card("<FN>Alicia</FN>"))
    assert flat(await card_of(bob, alice.bare)) == [("FN", "Alicia")]
    await alice.sets(EMPTY)
    await alice.is_refused("item-not-found", EMPTY)
    await bob.is_refused("service-unavailable", EMPTY, to=alice.bare)


@story("XEP-0054 §3.2")
async def a_change_and_a_question_behind_it_keep_their_order(town):
    [alice] = await town.devices("alice")
    async with town.store_is_paused("account_data"):
        await alice.sends(f"<iq type='set' id='s1'>{card('<FN>Alice</FN>')}</iq><iq type='get' id='g1'>{EMPTY}</iq>")
        await town.waits_for_the_store(1)
        assert not alice.stream.waiting(lambda event: getattr(event, "get", lambda _: None)("id") in ("s1", "g1"))
    assert (await alice.receives("iq", id="s1")).get("type") == "result"
    assert flat((await alice.receives("iq", id="g1")).find(VCARD + "vCard")) == [("FN", "Alice")]


@story("XEP-0054 §3.2")
async def nobody_changes_the_card_of_another_and_nobody_learns_of_him_by_it(town):
    alice, bob = await town.devices("alice", "bob")
    await bob.sets(card("<FN>Bob</FN>"))
    answers = [await alice.is_refused("forbidden", card("<FN>Evil</FN>"), "set", to=to, type_="auth")
               for to in (bob.bare, bob.full, "nobody@localhost")]
    assert len({error_of(answer) for answer in answers}) == 1
    assert flat(await card_of(bob)) == [("FN", "Bob")]
    await bob.receives_no("iq", before=ping, type_="set", from_=alice.full)
    denied = await town.records(kind="denied", reason="vcard-not-yours", to=bob.bare)
    assert len(denied) == 2, denied


@story("XEP-0054 §3.3")
async def an_account_without_a_card_and_an_address_that_nobody_has_answer_the_same(town):
    alice, bob = await town.devices("alice", "bob")
    unknown = await alice.is_refused("service-unavailable", EMPTY, to="nobody@localhost", type_="cancel")
    answer = await alice.is_refused("service-unavailable", EMPTY, to=bob.bare, type_="cancel")
    assert error_of(answer) == error_of(unknown)


@story("docs/sealed.md 3.5")
async def what_is_no_field_of_the_directory_is_left_out(town):
    alice, bob = await town.devices("alice", "bob")
    secret = "meet me at the old bridge"
    inner = "".join(f"<{name}>{secret}</{name}>" for name in ("NOTE", "DESC", "URL", "BDAY", "JABBERID", "MAILER", "TZ",
                                                              "SORT-STRING", "UID", "UNKNOWN"))
    inner += (f"<FN>Alice</FN><ADR><STREET>{secret}</STREET></ADR><LABEL><LINE>{secret}</LINE></LABEL>"
              f"<GEO><LAT>{secret}</LAT></GEO><CATEGORIES><KEYWORD>{secret}</KEYWORD></CATEGORIES>"
              f"<LOGO><BINVAL>{base64.b64encode(PNG).decode()}</BINVAL></LOGO><SOUND><PHONETIC>{secret}</PHONETIC></SOUND>"
              f"<AGENT><EXTVAL>{secret}</EXTVAL></AGENT><KEY><CRED>{secret}</CRED></KEY><CLASS><PUBLIC/></CLASS>"
              f"<N><GIVEN>Alice</GIVEN><OTHER>{secret}</OTHER></N><EMAIL><{secret.split()[0]}/><USERID>a@b.c</USERID></EMAIL>"
              f"<TEL>{secret}</TEL><FN>{secret}</FN><x xmlns='urn:example:x'>{secret}</x>{secret}"
              f"<PHOTO><EXTVAL>http://example.org/{secret}</EXTVAL></PHOTO>")
    await alice.sets(card(inner, f" version='{secret}'"))
    for device, to in ((alice, None), (bob, alice.bare)):
        read = await card_of(device, to)
        assert secret not in ET.tostring(read).decode()
        assert flat(read) == [("FN", "Alice"), ("GIVEN", "Alice"), ("USERID", "a@b.c")], ET.tostring(read)
    assert secret.encode() not in town.stored_bytes()


@story("docs/sealed.md 3.5")
async def a_picture_passes_by_what_it_is(town):
    alice, bob = await town.devices("alice", "bob")
    largest = jpeg(64 * 1024)
    for data, type_ in ((PNG, "image/png"), (largest, "image/jpeg"), (webp(), "image/webp")):
        await alice.sets(card(photo(data, "text/poetry")))
        read = await card_of(bob, alice.bare)
        assert read.findtext(f"{VCARD}PHOTO/{VCARD}TYPE") == type_
        assert base64.b64decode(read.findtext(f"{VCARD}PHOTO/{VCARD}BINVAL")) == data
    before = flat(await card_of(alice))
    for bad in (photo(b"just some text, nothing else"), photo(b"GIF89a" + b"\0" * 50), photo(jpeg(64 * 1024 + 1)),
                "<PHOTO><BINVAL>not base64</BINVAL></PHOTO>"):
        await alice.is_refused("policy-violation", card("<FN>Alice</FN>" + bad), "set", type_="modify")
    assert flat(await card_of(alice)) == before
    assert len(await town.records(kind="denied", reason="vcard-photo", from_=alice.bare)) == 4
    await alice.sets(card("<FN>Alice</FN><PHOTO/>"))  # as clients take a picture away
    assert flat(await card_of(alice)) == [("FN", "Alice")]


@story("docs/sealed.md 3.5: a picture, and nothing else")
async def a_picture_with_a_letter_in_it_is_none(town):
    alice = await (await town.account("alice")).device(lang="fr")
    letter = b"the merger is on friday, in the hall behind the mill. " * 40
    for short in (png(beside=png_text(letter[:100])), jpeg(beside=segment(0xfe, letter[:100])),
                  webp(beside=riff(b"XMP ", letter[:100])), jpeg(beside=segment(0xe1, b"Exif\0\0" + bytes(3000)))):
        await alice.sets(card(photo(short)))
    before = flat(await card_of(alice))
    behind = [whole + letter for whole in (png(), jpeg(), webp())]
    for bad in (png(beside=png_text(letter)), jpeg(beside=segment(0xfe, letter)), webp(beside=riff(b"XMP ", letter)),
                png_of_letters(letter), jpeg(image=letter), webp(image=letter), jpeg(beside=segment(0xe1, bytes(5000))), *behind):
        answer = await alice.is_refused("policy-violation", card(photo(bad)), "set", type_="modify")
        assert "sans commentaires" in answer.find(f".//{NS.STANZA_ERROR}text").text, ET.tostring(answer)
    assert flat(await card_of(alice)) == before and letter[:200] not in town.stored_bytes()
    assert len(await town.records(kind="denied", reason="vcard-photo", from_=alice.bare)) == 10


@story("docs/sealed.md 3.5")
async def a_value_that_is_too_long_or_has_markup_refuses_the_card(town):
    alice = await (await town.account("alice")).device(lang="fr")
    await alice.sets(card(f"<FN>{'x' * 128}</FN>"))
    for bad in (f"<FN>{'x' * 129}</FN>", "<FN><b>Alice</b></FN>", f"<N><GIVEN>{'x' * 129}</GIVEN></N>",
                f"<EMAIL><USERID>{'x' * 129}</USERID></EMAIL>", f"<ORG><ORGUNIT>{'x' * 129}</ORGUNIT></ORG>"):
        answer = await alice.is_refused("policy-violation", card(bad), "set", type_="modify")
        assert answer.find(f".//{NS.STANZA_ERROR}text").text.startswith("Carte non enregistrée"), ET.tostring(answer)
    many = "".join(f"<TEL><NUMBER>{number}</NUMBER></TEL>" for number in range(20))
    await alice.sets(card(many))
    assert [text for _, text in flat(await card_of(alice))] == [str(number) for number in range(8)]
    units = "".join(f"<ORGUNIT>{'x' * 120}</ORGUNIT>" for _ in range(8))
    await alice.is_refused("policy-violation", card(f"<ORG>{units}</ORG>" * 8), "set")


@story("vcard.mode", options={"vcard.mode": "readonly"})
async def a_card_that_nobody_may_change_stays(town):
    [alice] = await town.devices("alice")
    await alice.is_refused("not-allowed", card("<FN>Alice</FN>"), "set", type_="cancel")
    await alice.is_refused("item-not-found", EMPTY)
    assert await town.records(kind="denied", reason="vcard-readonly", from_=alice.bare)


@story("vcard.mode", options={"vcard.mode": "readonly", **OPEN})
async def readonly_holds_where_content_is_not_sealed_too(town):
    [alice] = await town.devices("alice")
    await alice.is_refused("not-allowed", card("<FN>Alice</FN>"), "set", type_="cancel")


@story("vcard.mode, sealed.mode", options=OPEN)
async def an_ordinary_server_keeps_a_card_as_it_is(town):
    alice, bob = await town.devices("alice", "bob")
    inner = "<FN>Alice</FN><DESC>Call me &lt;soon&gt;</DESC><URL>http://example.org/</URL><ADR><CTRY>FR</CTRY></ADR>"
    await alice.sets(card(inner))
    assert flat(await card_of(bob, alice.bare)) == flat(ET.fromstring(card(inner)))
    await alice.is_refused("policy-violation", card(f"<DESC>{'x' * 131072}</DESC>"), "set", type_="modify")
    await alice.is_refused("forbidden", card(inner), "set", to=bob.bare, type_="auth")


@story("vcard.mode", options={"vcard.mode": "free"}, alone=True)
async def what_a_free_card_held_is_not_shown_once_it_is_free_no_more(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(card("<FN>Alice</FN><NOTE>a free word</NOTE>"))
    await bob.sets(card("<NOTE>a free word</NOTE>"))
    assert flat(await card_of(bob, alice.bare)) == [("FN", "Alice"), ("NOTE", "a free word")]
    town.options["vcard.mode"] = "fields"
    town.write_config()
    assert (await town.reload())[0] == 0
    assert flat(await card_of(bob, alice.bare)) == [("FN", "Alice")]
    await alice.is_refused("service-unavailable", EMPTY, to=bob.bare)


if __name__ == "__main__":
    run()
