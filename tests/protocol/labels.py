"""XEP-0258: classification labels beside sealed messages: the catalogue, what of them passes, what rules say to them."""

import xml.etree.ElementTree as ET

import _path  # noqa: F401
from _archive import asks
from _carbons import sees, with_a_laptop
from harness import NS, ping, run, sealed, story, word_from
from harness.device import expect_error
from harness.sealed import sealed_empty
from harness.stream import show

LABEL = "{urn:xmpp:sec-label:0}"
CATALOG = "{urn:xmpp:sec-label:catalog:2}"
FRENCH = {"labels.catalogue": ["fr"]}
FEATURES = {"urn:xmpp:sec-label:0", "urn:xmpp:sec-label:catalog:2"}
CANARY = "the merger is on friday"


def label(name="secret", marking="SECRET", ground="#c9191e", more=""):
    return (f"<securitylabel xmlns='urn:xmpp:sec-label:0'><displaymarking fgcolor='white' bgcolor='{ground}'>{marking}</displaymarking>"
            f"<label><level xmlns='urn:valise:label:0' name='{name}'/></label>{more}</securitylabel>")


SECRET = label()
DR = label("dr", "DIFFUSION RESTREINTE", "#0063cb")


def question(to, more=""):
    return f"<catalog xmlns='urn:xmpp:sec-label:catalog:2' to='{to}'{more}/>"


def message(to, identity, mention=SECRET, type_="chat", inner=None):
    return f"<message to='{to}' id='{identity}' type='{type_}'>{sealed() if inner is None else inner}{mention}</message>"


async def catalogue(device, to, host="localhost"):
    answer = await device.asks(question(to), to=host)
    found = answer.find(CATALOG + "catalog")
    assert found is not None, show(answer)
    return found


def offered(found):
    return [item.get("selector") for item in found]


def name_in(message):
    """The name of the label that a message carries, which is written as the catalogue writes it; or None."""
    labels = message.findall(LABEL + "securitylabel")
    assert len(labels) <= 1, show(message)
    if not labels:
        return None
    assert [child.tag for child in labels[0]] == [LABEL + "displaymarking", LABEL + "label"], show(message)
    return labels[0].find(f"{LABEL}label/{{urn:valise:label:0}}level").get("name")


async def is_refused(device, stanza, identity):
    """§5: with an error that says nothing of the label; the record names it."""
    await device.sends(stanza)
    error = await device.gets_error("message", identity, "policy-violation", "modify")
    assert error.find(f".//{NS.POLICY}sealed-required").get("reason") == "label", show(error)
    assert "urn:xmpp:sec-label" not in show(error), show(error)
    [record] = await device.account.town.records(stanza=identity)
    assert (record["kind"], record["reason"]) == ("denied", "label"), record
    return error.find(f".//{NS.STANZA_ERROR}text").text


# -- the catalogue ---------------------------------------------------------------------------------------------------
@story("XEP-0258 §2, §4", options=FRENCH)
async def the_server_says_that_it_has_labels(town):
    [alice] = await town.devices("alice")
    assert FEATURES <= await alice.features_of("localhost")


@story("XEP-0258 §2, §4")
async def without_a_catalogue_it_says_nothing_and_has_none(town):
    alice, bob = await town.devices("alice", "bob")
    assert not FEATURES & await alice.features_of("localhost")
    await alice.is_refused("service-unavailable", question(bob.bare), to="localhost")
    await is_refused(alice, message(bob.bare, "n1"), "n1")
    await bob.receives_no("message", word_from(alice), id="n1")


@story("XEP-0258 §4", options=FRENCH)
async def the_catalogue_has_the_french_levels(town):
    alice, bob = await town.devices("alice", "bob")
    found = await catalogue(alice, bob.bare)
    assert found.get("to") == bob.bare and found.get("restrict") == "true" and found.get("size") == "5", show(found)
    assert found.get("name") == "Classification" and len(found.get("id")) == 16 and found.get("from") is None, show(found)
    assert offered(found) == ["NON PROTÉGÉ", "DIFFUSION RESTREINTE", "DIFFUSION RESTREINTE – SPÉCIAL FRANCE", "SECRET",
                              "TRÈS SECRET"], offered(found)
    assert [item.get("default") for item in found] == ["true", None, None, None, None]
    assert len(found[0]) == 0, "NON PROTÉGÉ is the choice of no label"
    assert all([child.tag for child in item] == [LABEL + "securitylabel"] for item in found[1:])
    again = await catalogue(alice, "localhost")
    assert again.get("id") == found.get("id") and again.get("to") == "localhost"
    assert (await catalogue(alice, "LocalHost")).get("to") == "localhost"
    whole = await alice.asks("<catalog xmlns='urn:xmpp:sec-label:catalog:2'/>", to="localhost")
    assert whole.find(CATALOG + "catalog").get("to") == "localhost"


@story("XEP-0258 §4", options=FRENCH)
async def what_is_no_question_about_a_catalogue_is_refused(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_refused("jid-malformed", question("@localhost"), to="localhost")
    await alice.is_refused("service-unavailable", question(bob.bare), kind="set", to="localhost")
    await alice.is_refused("service-unavailable", question(bob.bare), to=bob.bare)
    await alice.is_refused("service-unavailable", question(bob.bare), to=bob.full)


@story("XEP-0258 §4", options={"labels.catalogue": ["none; Sans mention", "interne; INTERNE; black on #ffd700; Maison|INTERNE",
                                                    "ess; EXTERNE; white on navy; Maison|EXTERNE; ess MQYCAQIGASk="],
                               "labels.default": "interne", "labels.restrict": False, "labels.name": "Maison",
                               "labels.description": "Mentions de la maison"})
async def a_catalogue_of_ones_own(town):
    alice, bob = await town.devices("alice", "bob")
    found = await catalogue(alice, bob.bare)
    assert (found.get("name"), found.get("desc"), found.get("restrict")) == ("Maison", "Mentions de la maison", "false"), show(found)
    assert offered(found) == ["Sans mention", "Maison|INTERNE", "Maison|EXTERNE"]
    assert [item.get("default") for item in found] == [None, "true", None]
    for number, item in enumerate(found[1:]):
        await alice.sends(message(bob.bare, f"o{number}", ET.tostring(item[0], encoding="unicode")))
        arrived = await bob.receives("message", id=f"o{number}")
        [mention] = arrived.findall(LABEL + "securitylabel")
        assert ET.canonicalize(ET.tostring(mention)) == ET.canonicalize(ET.tostring(item[0])), show(arrived)
    await is_refused(alice, message(bob.bare, "o9"), "o9")


@story("XEP-0258 §4: a reload")
async def a_reload_gives_and_takes_the_catalogue_and_a_bad_one_changes_nothing(town):
    alice, bob = await town.devices("alice", "bob")

    async def reads(*entries):
        town.options["labels.catalogue"] = list(entries)
        town.write_config()
        return await town.reload()
    status, out, err = await reads("fr")
    assert status == 0, out + err
    assert FEATURES <= await alice.features_of("localhost")
    status, out, err = await reads("fr", "dr; DR")
    line = town.config_file.read_text().splitlines().index(next(
        text for text in town.config_file.read_text().splitlines() if text.startswith("labels.catalogue"))) + 1
    assert status != 0 and f":{line}: " in out + err and 'two labels "dr"' in out + err, out + err
    await alice.sends(message(bob.bare, "l1"))
    assert name_in(await bob.receives("message", id="l1")) == "secret"
    status, out, err = await reads()
    assert status == 0, out + err
    assert not FEATURES & await alice.features_of("localhost")
    await is_refused(alice, message(bob.bare, "l2"), "l2")


# -- what passes -----------------------------------------------------------------------------------------------------
@story("XEP-0258 §5.1", options=FRENCH)
async def a_label_of_the_catalogue_arrives_as_it_is_written_there(town):
    alice, bob = await town.devices("alice", "bob")
    found = await catalogue(alice, bob.bare)
    for number, item in enumerate(found[1:]):
        mention = ET.tostring(item[0], encoding="unicode")  # with prefixes, as ElementTree writes it
        for way, to in enumerate((bob.bare, bob.full)):
            await alice.sends(message(to, f"p{number}{way}", mention))
            arrived = await bob.receives("message", id=f"p{number}{way}")
            [passed] = arrived.findall(LABEL + "securitylabel")
            assert ET.canonicalize(ET.tostring(passed)) == ET.canonicalize(ET.tostring(item[0])), show(arrived)
            assert arrived.find("{eu.siacs.conversations.axolotl}encrypted") is not None
    await alice.sends(message(bob.bare, "p9", ""))
    assert name_in(await bob.receives("message", id="p9")) is None


@story("docs/sealed-table.md, XEP-0258 §5", options=FRENCH)
async def any_other_label_is_refused_and_nothing_of_the_message_passes(town):
    alice, bob = await town.devices("alice", "bob")
    forged = [label(marking=CANARY), label(name=CANARY), label(more=f"<x xmlns='urn:x'>{CANARY}</x>"), label(more=CANARY),
              label(ground="red"), SECRET + DR, SECRET + SECRET, f"<securitylabel xmlns='urn:xmpp:sec-label:0'>{CANARY}</securitylabel>",
              "<securitylabel xmlns='urn:xmpp:sec-label:0'/>", "<securitylabel xmlns='urn:xmpp:sec-label:0'><label/></securitylabel>"]
    for number, mention in enumerate(forged):
        text = await is_refused(alice, message(bob.bare, f"f{number}", mention), f"f{number}")
        assert text == ("Not delivered: its classification label is not one of this server's. Choose one of the list in your app, "
                        "or none, and send again."), text
    await bob.receives_no("message", word_from(alice), id="f0")
    assert b"merger" not in bytes(bob.stream.heard) and b"merger" not in town.stored_bytes()
    claire = await alice.account.device(lang="fr")
    text = await is_refused(claire, message(bob.bare, "f99", label(marking=CANARY)), "f99")
    assert text.startswith("Message non transmis : sa mention de classification n’est pas de celles de ce serveur."), text


@story("docs/sealed-table.md, XEP-0258 §5", options=FRENCH)
async def a_label_seals_nothing_and_text_beside_it_never_passes(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "t1", inner=f"<body>{CANARY}</body>"))
    error = await alice.gets_error("message", "t1", "policy-violation")
    assert error.find(f".//{NS.POLICY}sealed-required").get("reason") == "plaintext", show(error)
    await alice.sends(message(bob.bare, "t2", inner=sealed(CANARY)))
    arrived = await bob.receives("message", id="t2")
    assert name_in(arrived) == "secret" and CANARY not in show(arrived)
    await alice.sends(message(bob.bare, "t3", inner=sealed_empty()))
    assert name_in(await bob.receives("message", id="t3")) == "secret"
    assert b"merger" not in bytes(bob.stream.heard) and b"merger" not in town.stored_bytes()


@story("XEP-0258 §5", options={**FRENCH, "sealed.mode": "warn"})
async def a_forged_label_passes_in_no_mode(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "w1", inner="<body>hello</body>"))
    assert name_in(await bob.receives("message", id="w1")) == "secret"
    await is_refused(alice, message(bob.bare, "w2", label(marking=CANARY), inner="<body>hello</body>"), "w2")
    await is_refused(alice, message(bob.bare, "w3", label(marking=CANARY)), "w3")


@story("XEP-0258 §5, §5.3", options=FRENCH)
async def a_label_where_none_is_prescribed_is_a_violation(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<presence to='{bob.full}' id='v1'>{SECRET}</presence>")
    expect_error(await alice.receives("presence", id="v1", type_="error"), "bad-request", "modify")
    await alice.sends(f"<presence id='v2'><show>away</show>{SECRET}</presence>")
    expect_error(await alice.receives("presence", id="v2", type_="error"), "bad-request", "modify")
    for to in (None, "localhost", bob.full, bob.bare):
        await alice.is_refused("bad-request", SECRET, kind="set", to=to)
    error = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    await alice.sends(f"<message to='{bob.full}' id='v3' type='error'>{error}{SECRET}</message>")
    await bob.receives_no("message", word_from(alice), id="v3")
    await bob.receives_no("presence", ping, from_=alice.full, id="v1")
    assert b"sec-label" not in bytes(bob.stream.heard)
    records = await town.records(kind="denied", from_=alice.bare)
    assert {record["reason"] for record in records} == {"label"}, records


# -- where it goes ---------------------------------------------------------------------------------------------------
@story("XEP-0258 §5.1: other devices", options=FRENCH)
async def copies_carry_the_label(town):
    alice, tablet, bob, laptop = await with_a_laptop(town, "alice", "bob")
    await alice.sends(message(bob.full, "c1"))
    assert name_in(await bob.receives("message", id="c1")) == "secret"
    assert name_in(await sees(tablet, "sent", "c1")) == "secret"
    assert name_in(await sees(laptop, "received", "c1")) == "secret"


@story("XEP-0258 §5.1: messages that wait", options=FRENCH)
async def a_message_that_waited_and_its_archived_copy_carry_the_label(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    await alice.sends(message(bob.bare, "a1"))
    await alice.sends(message(bob.bare, "a2", DR))
    await ping(alice)
    phone = await bob.device()
    for identity, name in (("a1", "secret"), ("a2", "dr")):
        arrived = await phone.receives("message", id=identity)
        assert name_in(arrived) == name and arrived.find(NS.DELAY + "delay") is not None, show(arrived)
    for device in (alice, phone):
        page = await asks(device)
        found = {inner.get("id"): name_in(inner) for inner in page.messages}
        assert found["a1"] == "secret" and found["a2"] == "dr", found


@story("docs/sealed.md 3.6, XEP-0258 §5.1", options=FRENCH, alone=True)
async def what_was_kept_shows_todays_marking_and_a_label_that_is_gone_is_not_shown(town):
    [alice] = await town.devices("alice")
    bob = await town.account("bob")
    await alice.sends(message(bob.bare, "k1"))
    await alice.sends(message(bob.bare, "k2", DR))
    await ping(alice)
    town.options["labels.catalogue"] = ["none; NON PROTÉGÉ", "secret; SECRET DÉFENSE; white on black"]
    town.write_config()
    status, out, err = await town.reload()
    assert status == 0, out + err
    phone = await bob.device()
    arrived = await phone.receives("message", id="k1")
    marking = arrived.find(f"{LABEL}securitylabel/{LABEL}displaymarking")
    assert (marking.text, marking.get("bgcolor")) == ("SECRET DÉFENSE", "black"), show(arrived)
    await phone.receives_no("message", word_from(alice), id="k2")
    assert [record["reason"] for record in await town.records(stanza="k2", kind="denied")] == ["label"]
    page = await asks(phone)
    shown = {inner.get("id"): name_in(inner) for inner in page.messages if inner is not None}
    assert shown.get("k1") == "secret" and "k2" not in shown, shown


# -- rules -----------------------------------------------------------------------------------------------------------
CLEARANCE = """
rule{ name = "cleared to send", match = Kind("message") * Direction("out") * Label{ "secret", "tres-secret" } * -From("attache*@localhost"),
      action = Deny{ "forbidden", fr = "Vous n'êtes pas habilité.", en = "You are not cleared for it." } }
rule{ name = "cleared to receive", match = Kind("message") * Direction("in") * Label("tres-secret") * -To("minister*@localhost"),
      action = Deny{ "forbidden", fr = "Le destinataire n'est pas habilité.", en = "The recipient is not cleared for it." } }
rule{ name = "must label", match = Kind("message") * Direction("out") * Sealed() * Label("") * From("desk*@localhost")
        * function(m) return m.label == "" and m.sealed_length > 0 end,
      action = Deny{ "policy-violation", type = "modify", fr = "Choisissez une mention.", en = "Choose a label." } }
"""
TOP = label("tres-secret", "TRÈS SECRET", "#7d0012")


@story("policy: Label", options=FRENCH, policy=CLEARANCE)
async def rules_decide_by_label_at_the_sender_and_at_the_recipient(town):
    attache, minister, clerk = await town.devices("attache", "minister", "clerk")
    await clerk.sends(message(minister.bare, "r1"))
    error = await clerk.gets_error("message", "r1", "forbidden")
    assert error.find(f".//{NS.STANZA_ERROR}text").text == "You are not cleared for it.", show(error)
    await attache.sends(message(clerk.bare, "r2"))
    assert name_in(await clerk.receives("message", id="r2")) == "secret"
    await attache.sends(message(clerk.bare, "r3", TOP))
    error = await attache.gets_error("message", "r3", "forbidden")
    assert error.find(f".//{NS.STANZA_ERROR}text").text == "The recipient is not cleared for it.", show(error)
    await attache.sends(message(minister.bare, "r4", TOP))
    assert name_in(await minister.receives("message", id="r4")) == "tres-secret"
    await clerk.receives_no("message", word_from(attache), id="r3")
    rules = {record["stanza"]: record["rule"] for record in await town.records(kind="denied") if record["stanza"] in ("r1", "r3")}
    assert rules == {"r1": "cleared to send", "r3": "cleared to receive"}, rules


@story("policy: Label(\"\"), m.label", options=FRENCH, policy=CLEARANCE)
async def a_label_may_be_required(town):
    desk, clerk = await town.devices("desk", "clerk")
    await desk.sends(message(clerk.bare, "q1", ""))
    await desk.gets_error("message", "q1", "policy-violation", "modify")
    await desk.sends(message(clerk.bare, "q2", DR))
    assert name_in(await clerk.receives("message", id="q2")) == "dr"
    await desk.sends(message(clerk.bare, "q3", "", inner=sealed_empty()))
    await clerk.receives("message", id="q3")
    await clerk.sends(message(desk.bare, "q4", ""))
    await desk.receives("message", id="q4")


@story("policy: Strip beside a label", options=FRENCH, policy="""
rule{ name = "no receipts", match = Kind("message") * Direction("out") * Child("request", "urn:xmpp:receipts"), action = Strip("request") }
rule{ name = "no dr", match = Kind("message") * Direction("out") * Label("dr"), action = Strip("securitylabel") }
rule{ name = "marked", match = Kind("message") * Direction("in") * Label("secret"), action = Record("secret") }
rule{ name = "unmarked", match = Kind("message") * Direction("in") * Label(""), action = Record("unmarked") }
""")
async def what_is_stripped_beside_a_label_leaves_it_and_one_that_is_stripped_is_none(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(message(bob.bare, "s1", SECRET + "<request xmlns='urn:xmpp:receipts'/>"))
    arrived = await bob.receives("message", id="s1")
    assert name_in(arrived) == "secret" and arrived.find("{urn:xmpp:receipts}request") is None, show(arrived)
    assert (await town.records(stanza="s1"))[0]["reason"] == "policy:secret"
    await alice.sends(message(bob.bare, "s2", DR))
    assert name_in(await bob.receives("message", id="s2")) is None
    assert (await town.records(stanza="s2"))[0]["reason"] == "policy:unmarked"


@story("XEP-0258 §4: what one may use", options=FRENCH, policy=CLEARANCE)
async def the_catalogue_has_what_the_rules_would_let_pass_and_asking_counts_nothing(town):
    attache, minister, clerk, desk = await town.devices("attache", "minister", "clerk", "desk")
    before = await town.ctl_json("policy", "list")
    plain, dr = "NON PROTÉGÉ", ["DIFFUSION RESTREINTE", "DIFFUSION RESTREINTE – SPÉCIAL FRANCE"]
    assert offered(await catalogue(clerk, minister.bare)) == [plain, *dr]
    assert offered(await catalogue(attache, clerk.bare)) == [plain, *dr, "SECRET"]
    assert offered(await catalogue(attache, minister.bare)) == [plain, *dr, "SECRET", "TRÈS SECRET"]
    found = await catalogue(desk, clerk.bare)
    assert offered(found) == dr and found.get("size") == "2", show(found)
    assert [item.get("default") for item in found] == [None, None]
    assert await town.ctl_json("policy", "list") == before


@story("policy explain: a stanza with a label", options=FRENCH, policy=CLEARANCE)
async def explain_reads_the_label_of_a_stanza(town):
    [clerk] = await town.devices("clerk")
    file = town.folder / "labelled.xml"
    town.write_file(file, message("bob@localhost", "e1"))
    answer = await town.ctl_json("policy", "explain", "--stanza", file, "--from", clerk.full)
    assert (answer["verdict"], answer["rule"]) == ("deny", "cleared to send"), answer
    answer = await town.ctl_json("policy", "explain", "--stanza", file, "--from", clerk.full, "--label", "dr")  # what is said wins
    assert answer["verdict"] == "allow", answer
    town.write_file(file, message("bob@localhost", "e2", label(marking=CANARY)))
    answer = await town.ctl_json("policy", "explain", "--stanza", file, "--from", clerk.full)
    assert "before any rule" in answer["before"], answer


if __name__ == "__main__":
    run()
