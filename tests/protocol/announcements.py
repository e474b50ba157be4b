"""valisectl announce: what the service says to people, in its own name. XEP-0455: where they read how it is."""

import json

import _path  # noqa: F401
from harness import NS, ping, run, story

TEXT = "Maintenance à 22 h.\nMerci & à bientôt <ici>."


async def announces(town, how, text=TEXT, host="localhost"):
    return await town.ctl_result("announce", how, host, "-", stdin=text, as_json=True)


SUBJECTS = {"en": "Announcement of the service localhost", "fr": "Annonce du service localhost"}


def is_announcement(message, type_, lang="en"):
    """The reader's language first; another device of his may speak the other."""
    assert message.get("from") == "localhost" and message.get("type") == type_, message.attrib
    said = [(one.get("{http://www.w3.org/XML/1998/namespace}lang"), one.text) for one in message.findall(NS.CLIENT + "subject")]
    assert said == [(lang, SUBJECTS[lang]), *((other, text) for other, text in SUBJECTS.items() if other != lang)], said
    assert message.findtext(NS.CLIENT + "body") == TEXT


@story("valisectl announce --online", alone=True)
async def who_is_there_now_gets_a_headline(town):
    alice, bob = await town.devices("alice", "bob")
    phone = await alice.account.device()
    hidden = await (await town.account("hidden")).device(present=False)
    away = await town.account("away")
    status, out, err = await announces(town, "--online")
    assert status == 0 and json.loads(out) == {"sent": 2, "failed": 0}, (out, err)
    for device in (alice, phone, bob):
        is_announcement(await device.receives("message", from_="localhost"), "headline")
    await hidden.receives_no("message", before=ping, from_="localhost")
    late = await away.device()
    await late.receives_no("message", before=ping, from_="localhost")
    assert {record["to"] for record in await town.records(kind="message", from_="localhost")} >= {alice.bare, bob.bare}
    assert await town.records(kind="admin", reason="announce-online", to="localhost")


@story("valisectl announce --all", alone=True)
async def everybody_gets_a_message_now_or_later(town):
    [alice] = await town.devices("alice")
    away, disabled = await town.account("away"), await town.account("disabled")
    await town.ctl("user", "disable", disabled.bare)
    status, out, err = await announces(town, "--all")
    assert status == 0 and json.loads(out) == {"sent": 2, "failed": 0}, (out, err)
    is_announcement(await alice.receives("message", from_="localhost"), "normal")
    await town.restart()  # it was durable when valisectl said so
    late = await away.device()
    message = await late.receives("message", from_="localhost")
    is_announcement(message, "normal")
    assert message.find(NS.DELAY + "delay") is not None
    await town.ctl("user", "enable", disabled.bare)
    other = await disabled.device()
    await other.receives_no("message", before=ping, from_="localhost")
    records = await town.records(kind="message", from_="localhost")
    assert sorted((record["to"], record["verdict"]) for record in records) == [(alice.bare, "delivered"), (away.bare, "stored")]


@story("valisectl announce: in the reader's language", options={"default_language": "fr"}, alone=True)
async def everybody_reads_who_speaks_in_his_own_language(town):
    alice, bob = (await town.devices("alice"))[0], (await town.devices("bob", lang="fr-CA"))[0]
    away = await town.account("away")
    assert (await announces(town, "--online"))[0] == 0
    is_announcement(await alice.receives("message", from_="localhost"), "headline", "en")
    is_announcement(await bob.receives("message", from_="localhost"), "headline", "fr")
    assert (await announces(town, "--all"))[0] == 0
    is_announcement(await alice.receives("message", from_="localhost", type="normal"), "normal", "en")
    is_announcement(await bob.receives("message", from_="localhost", type="normal"), "normal", "fr")
    late = await away.device()
    is_announcement(await late.receives("message", from_="localhost"), "normal", "fr")  # nobody knew better: the host's


@story("valisectl announce: nobody blocks the service", alone=True)
async def who_blocks_others_hears_the_service(town):
    alice = (await town.devices("alice"))[0]
    await alice.sets("<block xmlns='urn:xmpp:blocking'><item jid='localhost'/></block>")
    assert (await announces(town, "--all"))[0] == 0
    is_announcement(await alice.receives("message", from_="localhost"), "normal")


@story("docs/sealed.md 3.4: nobody speaks as the service", alone=True)
async def a_client_makes_no_announcement(town):
    alice, bob = await town.devices("alice", "bob")
    for type_ in ("headline", "normal"):
        await alice.sends(f"<message to='{bob.bare}' type='{type_}' id='{type_}'><subject>Announcement</subject><body>{TEXT[:10]}</body></message>")
        await alice.gets_error("message", type_, "policy-violation")
    await bob.receives_no("message", before=ping)
    await alice.sends(f"<message to='localhost' id='x'><body>all</body></message>")
    await alice.receives("message", id="x", type_="error")
    await bob.receives_no("message", before=ping)


@story("valisectl announce: what it refuses", alone=True)
async def what_is_no_announcement_is_sent_to_nobody(town):
    [alice] = await town.devices("alice")
    for text, host, code, why in (("", "localhost", "invalid", "the announcement is empty"),
                                  (" \n", "localhost", "invalid", "the announcement is empty"),
                                  ("x" * 16385, "localhost", "invalid", "at most 16 KiB"),
                                  ("bell \a", "localhost", "invalid", "no control characters"),
                                  ("escape \x1b[2J", "localhost", "invalid", "no control characters"),
                                  (TEXT, "elsewhere.example", "not-found", "elsewhere.example")):
        for how in ("--online", "--all"):
            status, out, err = await announces(town, how, text, host)
            error = json.loads(out or err)["error"]
            assert status == 1 and error["code"] == code and why in error["text"], (text[:20], status, error)
    status, out, err = await announces(town, "--all", "é" * 40_000)
    assert status == 2 and "too long" in json.loads(out or err)["error"]["text"], (out, err)
    for arguments in (("announce", "localhost", "-"), ("announce", "--all", "--online", "localhost", "-"),
                      ("announce", "--all", "localhost", "/nowhere/at/all"),
                      ("announce", "--all", "localhost")):
        status, out, err = await town.ctl_result(*arguments, stdin=TEXT)
        assert status == 2, (arguments, status, out, err)
    help_ = await town.ctl("announce", "--help")
    assert "{false}" not in help_ and [line.split()[0] for line in help_.splitlines() if line.startswith("  -")] == ["-h,--help", "--online", "--all"], help_
    latin = town.folder / "latin1"
    latin.write_bytes("à".encode("latin-1"))
    assert (await town.ctl_result("announce", "--all", "localhost", str(latin)))[0] == 2
    await alice.receives_no("message", before=ping, from_="localhost")


@story("XEP-0455 §2.1", options={"disco.outage_status": ["https://status.example.org/valise.json", "https://other.example/s.json"]})
async def the_server_says_where_its_state_is_told(town):
    [alice] = await town.devices("alice")
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
    [form] = [form for form in info.iter(NS.FORM + "x") if form.findtext(f"{NS.FORM}field[@var='FORM_TYPE']/{NS.FORM}value") == "urn:xmpp:sos:0"]
    assert form.get("type") == "result"
    values = form.find(f"{NS.FORM}field[@var='external-status-addresses']")
    assert [value.text for value in values.iter(NS.FORM + "value")] == town.options["disco.outage_status"]


@story("XEP-0455 §2.1")
async def without_such_a_place_it_says_nothing(town):
    [alice] = await town.devices("alice")
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
    assert "urn:xmpp:sos:0" not in "".join(info.itertext())
    for bad in ("status.example.org", "http://status.example.org/valise.json", "ftp://status.example.org/", "https://", "https://a b/", "javascript:alert(1)"):
        town.options["disco.outage_status"] = [bad]
        town.write_config()
        status, out, err = await town.reload()
        assert status != 0 and "disco.outage_status" in out + err, bad
    del town.options["disco.outage_status"]
    town.write_config()


if __name__ == "__main__":
    run()
