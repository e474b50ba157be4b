"""valisectl, the configuration and its reload."""

import asyncio
import json
import os
import signal

import _path  # noqa: F401
from _check_config import check_config
from harness import Disconnected, Town, run, sealed, story
from harness.certificates import make_certificate
from harness.stream import WAIT_SECONDS
from harness.town import PROGRAMS


@story("administration")
async def a_password_is_changed_and_the_old_one_is_worth_nothing(town):
    alice = await town.account("alice")
    await town.ctl("user", "passwd", alice.bare, stdin="another sesame\n")
    stream = await town.stream().reaches_tls()
    try:
        await stream.authenticates(alice.name, alice.password)
    except AssertionError as error:
        assert "not-authorized" in str(error)
    else:
        raise AssertionError("the old password still works")
    alice.password = "another sesame"
    await alice.device()


@story("administration")
async def an_account_is_made_once_only(town):
    alice = await town.account("alice")
    status, _, err = await town.ctl_result("user", "add", alice.bare, stdin="u v w x y z\n")
    assert status != 0 and "exists" in err, err


@story("administration")
async def nonsense_is_refused_with_a_reason(town):
    for arguments in (("user", "add", "not a jid"), ("user", "add", "alice@elsewhere.example"), ("user", "add", "localhost"),
                      ("user", "passwd", "nobody@localhost"), ("user", "delete", "nobody@localhost"),
                      ("session", "kick", "@@"), ("nonsense",), ("user", "nonsense")):
        status, out, err = await town.ctl_result(*arguments, stdin="pass word\n")
        assert status != 0 and (out + err).strip(), arguments


@story("administration")
async def disabling_ends_the_sessions(town):
    [alice] = await town.devices("alice")
    await town.ctl("user", "disable", alice.bare)
    await alice.stream.wait_for(lambda event: isinstance(event, Disconnected), "the end of the session")


@story("docs/security.md §2: a re-registered name inherits data")
async def a_deleted_account_leaves_nothing_and_its_name_rests(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    away = await town.account("away")
    await alice.sends(f"<message to='{away.bare}' id='m1' type='chat'>{sealed()}</message>")
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    await town.ctl("user", "delete", alice.bare)
    await alice.stream.wait_for(lambda event: isinstance(event, Disconnected), "the end of the session")
    status, _, err = await town.ctl_result("user", "add", alice.bare, stdin="a sesame\n")
    assert status != 0 and "rests" in err, err
    listed = [row["jid"] for row in await town.ctl_json("user", "list")]
    assert alice.bare not in listed and bob.bare in listed


@story("administration")
async def sessions_are_listed_and_kicked(town):
    alice = await town.account("alice")
    phone, laptop = await alice.device("phone"), await alice.device("laptop")
    rows = {row["jid"]: row for row in await town.ctl_json("session", "list")}
    assert {phone.full, laptop.full} <= set(rows)
    assert rows[phone.full]["tls"].startswith("TLS")
    assert 15 <= rows[phone.full]["memory_kib"] <= 128, rows[phone.full]
    await town.ctl("session", "kick", phone.full)
    await phone.stream.wait_for(lambda event: isinstance(event, Disconnected), "the end of the session")
    await laptop.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("administration: the record says what happened")
async def a_kick_that_ends_nothing_is_said_and_not_recorded(town):
    alice = await town.account("alice")
    phone = await alice.device("phone")
    status, out, err = await town.ctl_result("session", "kick", alice.bare + "/elsewhere")
    assert status == 1 and err == f"valisectl: there is no session of {alice.bare}/elsewhere\n" and out == "", (status, out, err)
    await phone.asks("<ping xmlns='urn:xmpp:ping'/>")
    await town.ctl("session", "kick", alice.bare)
    status, out, _ = await town.ctl_result("session", "kick", alice.bare, as_json=True)
    assert status == 1 and json.loads(out)["error"]["code"] == "not-found", out
    assert len(await town.records(kind="admin", to=alice.bare, reason="session-kick")) == 1


@story("accounts.password_minimum")
async def a_short_password_is_refused(town):
    alice = await town.account("alice")
    for arguments in (("user", "passwd", alice.bare), ("user", "add", "brief@localhost")):
        status, _, err = await town.ctl_result(*arguments, stdin="1234567\n")
        assert status == 1 and err == "valisectl: a password has at least 8 characters (accounts.password_minimum)\n", err
    status, _, err = await town.ctl_result("user", "add", "--batch", stdin="brief@localhost ééééééé\n")
    assert status == 1 and err.startswith("valisectl: line 1: a password has at least 8 characters"), err
    await (await town.stream().reaches_tls()).authenticates(alice.name, alice.password)
    assert "brief@localhost" not in {row["jid"] for row in await town.ctl_json("user", "list")}
    await town.ctl("user", "add", "brief@localhost", stdin="éééééééé\n")  # characters, not bytes
    assert not await town.records(kind="admin", to=alice.bare, reason="user-passwd")


@story("accounts.password_minimum", options={"accounts.password_minimum": 1})
async def an_administrator_may_allow_shorter_ones(town):
    await town.ctl("user", "add", "brief@localhost", stdin="x\n")


@story("administration")
async def the_status_counts(town):
    before = await town.ctl_json("status")
    await town.devices("alice", "bob")
    after = await town.ctl_json("status")
    assert after["memory"]["connections"] >= before["memory"]["connections"] + 2 * 15 * 1024, after["memory"]
    assert after["memory"]["waiting"] == 0, after["memory"]
    assert after["sessions"] == before["sessions"] + 2 and after["version"] and after["hosts"] == ["localhost"]


@story("administration: what people read", policy="""
rule{ name = "a rule", match = Kind("message"), action = Deny{ "forbidden", fr = "Non.", en = "No." }, shadow = true }
""", alone=True)
async def answers_are_tables_and_sentences_with_the_name_first(town):
    [alice] = await town.devices("alice")
    out = await town.ctl("user", "add", "dora@localhost", stdin="sesame sesame\n")
    assert out == "dora@localhost: added\n", out
    assert await town.ctl("user", "disable", "dora@localhost") == "dora@localhost: disabled\n"
    assert await town.ctl("user", "enable", "dora@localhost") == "dora@localhost: enabled\n"
    assert await town.ctl("user", "passwd", "dora@localhost", stdin="other sesame\n") == "dora@localhost: password changed\n"
    assert await town.ctl("user", "delete", "dora@localhost") == "dora@localhost: deleted\n"
    assert await town.ctl("reload") == "reloaded\n"
    town.options["commit.gather_us"] = 1000
    town.write_config()
    assert await town.ctl("reload") == "reloaded\ncommit.gather_us changes at the next start\n"
    heading, rule = (await town.ctl("policy", "list")).splitlines()
    assert heading.split() == ["NAME", "HITS", "ERRORS", "WOULD_REFUSE", "SHADOW", "CHAIN", "FILE", "LINE", "LAST_ERROR", "ACTION",
                               "MATCH"], heading
    assert rule.startswith("a rule") and rule.index("yes") == heading.index("SHADOW"), rule
    heading, *sessions = (await town.ctl("session", "list")).splitlines()
    assert heading.startswith("JID ") and sessions[0].startswith(alice.full), sessions
    status = (await town.ctl("status")).splitlines()
    assert "hosts: localhost" in status and any(line.startswith("commit.waiting: ") for line in status), status
    assert await town.ctl("session", "kick", alice.full) == "1 session ended\n"
    assert await town.ctl("session", "list") == "no sessions\n"
    hooks = (await town.ctl("hooks")).splitlines()
    assert len(hooks) == len(set(hooks)), hooks


@story("administration: wrong use")
async def an_unknown_word_is_named_and_help_tells_the_defaults(town):
    for words, wanted in ((("bogus",), '"bogus"'), (("user", "bogus"), '"bogus"'), ((), "a command is missing"), (("user",), "missing"),
                          (("--bogus",), "--bogus"), (("status", "bogus"), "bogus"), (("user", "passwd"), "jid")):
        status, out, err = await town.ctl_result(*words)
        assert status == 2 and wanted in err and out == "", (words, status, out, err)
        status, out, err = await town.ctl_result(*words, as_json=True)
        assert status == 2 and json.loads(out)["error"]["code"] == "invalid" and err == "", (words, out, err)
    assert (await town.ctl("--version")).startswith("valisectl 0.")
    assert "/run/valise/control" in await town.ctl("--help") and "name@host" in await town.ctl("user", "passwd", "--help")


@story("administration")
async def passwords_never_stand_in_the_command_line(town):
    status, out, err = await town.ctl_result("user", "add", "carol@localhost", "password-as-argument")
    assert status != 0, out + err


@story("configuration")
async def a_mistyped_option_names_its_line_and_the_nearest_valid_one(town):
    status, out, path = await check_config(town, town.config_file.read_text() + "limits.stanzza = 20000\n")
    line = len(town.config_file.read_text().splitlines()) + 1
    assert status != 0
    assert f"{path}:{line}" in out and "limits.stanza" in out, out


@story("configuration")
async def a_wrong_type_a_value_out_of_range_and_lua_errors_name_their_line(town):
    good = town.config_file.read_text()
    line = len(good.splitlines()) + 1
    for bad in ('limits.stanza = "large"', "limits.stanza = 1", "limits.stanza = = 5", "error('broken')",
                'sealed.mode = "maybe"', 'listen.c2s = { "nonsense" }', "os.execute('true')"):
        status, out, path = await check_config(town, good + bad + "\n")
        assert status != 0 and f"{path}:{line}" in out, (bad, out)


@story("configuration")
async def a_good_configuration_is_said_to_be_good_and_a_port_that_another_has_is_named(town):
    good = town.config_file.read_text()
    # What the server that answers on its control socket listens on is its own.
    assert await check_config(town, good) == (0, f"{town.folder}/candidate.lua: ok", town.folder / "candidate.lua")
    lines = {name: number for number, name in enumerate((name for name, value in town.options.items() if value is not None), 1)}
    status, out, path = await check_config(town, good.replace(str(town.control), f"{town.control}2"))
    *taken, last = out.splitlines()
    assert status == 0 and last == f"{path}: ok", out
    for said, option, port in zip(taken, ("listen.c2s", "listen.c2s_tls", "listen.https"),
                                  (town.place.port, town.place.tls_port, town.place.web_port), strict=True):
        assert said.startswith(f"{path}:{lines[option]}: cannot listen on {town.place.address}:{port}: Address already in use"), out
    free = "listen.c2s = { '127.0.0.1:0' }\nlisten.c2s_tls = {}\nlisten.https = {}\n"
    rest = "".join(line + "\n" for line in good.splitlines() if not line.startswith(("listen.c2s", "listen.https")))
    assert await check_config(town, rest + free) == (0, f"{path}: ok", path)


@story("configuration: what does nothing")
async def an_option_that_does_nothing_is_a_warning_at_its_line(town):
    good = town.config_file.read_text()
    line = len(good.splitlines()) + 1
    secret = town.folder / "turn.secret"
    town.write_file(secret, "north wind and the sun\n")
    for option, said in (
            ('external_services.list = { "stun:a.example", "turn:a.example" }',
             "external_services.list: nobody gets credentials for turn:a.example, and a TURN server lets in nobody without; "
             "set external_services.secret_file"),
            (f'external_services.secret_file = "{secret}"', "external_services.secret_file has no effect: external_services.list is {}"),
            (f'external_services.secret_file = "{secret}" external_services.list = {{ "stun:a.example" }}',
             "external_services.secret_file has no effect: external_services.list names no TURN server"),
            ("invitation_page.enabled = true", "invitation_page.enabled has no effect: invitations.enabled is false"),
            ('invitation_page.url = "https://a.example"', "invitation_page.url has no effect: invitation_page.enabled is false"),
            ('reports.notify = { "warden@localhots" }',
             'reports.notify: "warden@localhots" is no account of one of this server\'s hosts; the nearest is "localhost"'),
            ('push.services = { "push.example" }', 'push.services: "push.example" is not one of this server\'s hosts'),
            ('timeouts.resumption = 0 resumption.location = "a.example:5222"',
             "resumption.location has no effect: timeouts.resumption is 0 s"),
            ('http.proxy_field = "forwarded"', "http.proxy_field has no effect: http.proxies is {}")):
        status, out, path = await check_config(town, f"{good}{option}\n")
        assert (status, out) == (0, f"{path}:{line}: warning: {said}\n{path}: ok"), (option, out)


@story("configuration: each error at its line")
async def an_error_of_a_feature_names_the_line_once(town):
    good = town.config_file.read_text()
    line = len(good.splitlines()) + 1
    for option, said in (
            ('external_services.list = { "turn:a.example" } external_services.secret_file = "/nonexistent/secret"',
             "external_services.secret_file: /nonexistent/secret: No such file"),
            ('host["b.example"] = {}', 'host "b.example" has no certificate'),
            ('commands.administrators = { "warden@localhots" }',
             'commands.administrators: "warden@localhots" is no account of one of this server\'s hosts; the nearest is "localhost"'),
            ('disco.outage_status = { "http://a.example/" }', '"disco.outage_status" cannot be "http://a.example/": takes addresses, "https:'),
            ('resumption.location = "2001:db8::1"', '"resumption.location" cannot be "2001:db8::1": host:port or a host alone')):
        status, out, path = await check_config(town, f"{good}{option}\n")
        assert status == 2 and out.startswith(f"{path}:{line}: {said}") and out.count(str(path)) == 1, (option, out)


@story("configuration: what does nothing", alone=True)
async def a_start_and_a_reload_warn_in_the_log_of_accounts_that_are_not_there(town):
    alice = await town.account("alice")
    town.options |= {"reports.notify": [alice.bare, "nobody@localhost"], "push.services": ["localhost", "pusher@localhost"],
                     "invitation_page.enabled": True}
    town.write_config()
    lines = {name: number for number, name in enumerate((name for name, value in town.options.items() if value is not None), 1)}

    async def are_warned_of(since):
        for option, said in (("reports.notify", "reports.notify: there is no account nobody@localhost (yet)"),
                             ("push.services", "push.services: there is no account pusher@localhost (yet)"),
                             ("invitation_page.enabled", "invitation_page.enabled has no effect: invitations.enabled is false")):
            while f"warning config: {town.config_file}:{lines[option]}: {said}" not in town.log()[since:]:
                await town.ctl("status")  # the store is asked meanwhile
        assert f"there is no account {alice.bare}" not in town.log()[since:]

    since = len(town.log())
    status, out, err = await town.reload()
    assert status == 0, out + err
    await asyncio.wait_for(are_warned_of(since), WAIT_SECONDS)
    since = len(town.log())
    await town.restart()
    await asyncio.wait_for(are_warned_of(since), WAIT_SECONDS)


@story("configuration: a reload", alone=True)
async def each_error_of_a_reload_has_its_own_line(town):
    lines = len(town.config_file.read_text().splitlines())
    town.write_config("limits.nonsense = 1\nlimits.stanza = 1\n")
    status, out, err = await town.reload()
    said = err.splitlines()
    assert status == 1 and out == "" and len(said) == 3 and "nothing has changed" in said[2], (status, out, err)
    for number, line in enumerate(said[:2], lines + 1):
        assert line.startswith(f"valisectl: {town.config_file}:{number}: "), err


@story("valised: wrong use")
async def a_server_that_does_not_start_says_why_in_one_line(town):
    good, bad, logs = (town.folder / name for name in ("good.lua", "bad.lua", "other.log"))
    town.write_file(good, town.config_file.read_text() + f"log.file = '{logs}'\n")
    town.write_file(bad, "nonsense = 1\n")
    for arguments, wanted, text in ((("--nonsense",), 109, "The following argument was not expected: --nonsense; valised --help lists the options"),
                                    (("--config",), 114, "--config: 1 required TEXT missing; valised --help lists the options"),
                                    (("--config", "/nonexistent"), 2, "/nonexistent: No such file or directory"),
                                    (("--config", str(bad)), 2, f'{bad}:1: unknown option "nonsense"'),
                                    (("--config", str(good)), 1, f"cannot listen on {town.place.address}:{town.place.port}: Address already in use")):
        process = await asyncio.create_subprocess_exec(str(PROGRAMS["valised"]), *arguments, stdout=asyncio.subprocess.PIPE,
                                                       stderr=asyncio.subprocess.PIPE)
        out, err = await process.communicate()
        assert (process.returncode, out, err.decode()) == (wanted, b"", f"valised: {text}\n"), (arguments, process.returncode, out, err)
    assert f"error main: cannot listen on {town.place.address}" in logs.read_text()


@story("configuration", alone=True)
async def a_key_that_others_can_read_is_refused(town):
    key = town.folder / "tls" / "localhost.key"
    key.chmod(0o644)
    status, out, _ = await check_config(town, town.config_file.read_text())
    assert status != 0 and str(key) in out, out


@story("configuration", alone=True)
async def a_reload_changes_a_limit_without_ending_sessions(town):
    alice, bob = await town.devices("alice", "bob")
    town.options["limits.stanza"] = 20_000
    town.write_config()
    status, out, err = await town.reload()
    assert status == 0, out + err
    big = f"<message to='{bob.full}' id='big' type='chat'>{sealed(fallback='x' * 25_000)}</message>"
    await alice.sends(big)
    await alice.gets_error("message", "big", "policy-violation")


@story("configuration", alone=True)
async def a_reload_with_an_error_changes_nothing_and_says_where(town):
    [alice] = await town.devices("alice")
    town.write_config("limits.nonsense = 1\n")
    status, out, err = await town.reload()
    assert status != 0 and "limits.nonsense" in out + err, out + err
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
    await town.account("bob")


@story("configuration: SIGHUP", alone=True)
async def a_new_certificate_is_served_after_sighup_and_sessions_live_on(town):
    [alice] = await town.devices("alice")
    before = (await town.stream().reaches_tls()).tls.object.getpeercert()["serialNumber"]
    make_certificate(town.folder / "tls", "localhost")
    os.kill(town.pid, signal.SIGHUP)
    for _ in range(200):
        if (await town.stream().reaches_tls()).tls.object.getpeercert()["serialNumber"] != before:
            break
    else:
        raise AssertionError("the old certificate is still served")
    await alice.asks("<ping xmlns='urn:xmpp:ping'/>")


@story("docs/security.md §6, promise 7", alone=True)
async def sigterm_ends_every_stream_politely(town):
    alice, bob = await town.devices("alice", "bob")
    await town.stop()
    for device in (alice, bob):
        await device.stream.fails_with("system-shutdown")
    await town.start()
    await alice.account.device()


@story("docs/security.md §4: the control socket", alone=True)
async def the_control_socket_is_for_the_owner_only(town):
    assert town.control.stat().st_mode & 0o077 == 0, oct(town.control.stat().st_mode)


@story("docs/security.md §4: hostile bytes on the control socket")
async def nonsense_on_the_control_socket_hurts_nobody(town):
    for data in (b"\x00" * 100, b"{" * 10_000, b"[]\n", b'{"command": 5}\n', b'{"command": "status"', b"\xff\xfe\n" * 1000,
                 json.dumps({"command": "user.add", "jid": ["x"], "password": {}}).encode() + b"\n"):
        reader, writer = await asyncio.open_unix_connection(str(town.control))
        writer.write(data)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 30)
        writer.close()
    await town.ctl("status")


async def state_of(town, account):
    return {row["jid"]: row["state"] for row in await town.ctl_json("user", "list")}.get(account.bare)


@story("administration: two changes at once", alone=True)
async def a_new_password_does_not_enable_a_disabled_account(town):
    """Both commands are under way at once: neither may write what it read before the other."""
    alice = await town.account("alice")
    async with town.store_is_paused():
        first = asyncio.create_task(town.ctl_result("user", "disable", alice.bare))
        await town.waits_for_the_store(1)
        second = asyncio.create_task(town.ctl_result("user", "passwd", alice.bare, stdin="another sesame\n"))
        await town.waits_for_the_store(2)
    for command in (first, second):
        status, out, err = await command
        assert status == 0, out + err
    assert await state_of(town, alice) == "disabled"
    await town.ctl("user", "enable", alice.bare)
    alice.password = "another sesame"
    await alice.device()


@story("administration: two changes at once", alone=True)
async def what_is_enabled_behind_a_deletion_stays_deleted(town):
    [alice] = await town.devices("alice")
    await town.records()  # nothing of her log-in is under way any more: what waits then is the deletion
    async with town.store_is_paused():
        first = asyncio.create_task(town.ctl_result("user", "delete", alice.bare))
        await town.waits_for_the_store(1)
        second = asyncio.create_task(town.ctl_result("user", "enable", alice.bare))
        await town.waits_for_the_store(2)
    status, _, err = await first
    assert status == 0, err
    status, _, err = await second
    assert status == 1 and "no account" in err, err
    assert await state_of(town, alice) is None
    await alice.stream.wait_for(lambda event: isinstance(event, Disconnected), "the end of the session")
    status, _, err = await town.ctl_result("user", "add", alice.account.bare, stdin="a sesame\n")
    assert status == 1 and "rests" in err, err


@story("administration: one name, two commands", alone=True)
async def an_account_that_is_being_made_is_not_made_twice(town):
    async with town.store_is_paused():
        first = asyncio.create_task(town.ctl_result("user", "add", "twin@localhost", stdin="the first\n"))
        await town.waits_for_the_store(1)
        status, _, err = await town.ctl_result("user", "add", "twin@localhost", stdin="the second\n")
        assert status == 1 and "exists" in err, err
    status, _, err = await first
    assert status == 0, err
    await (await town.stream().reaches_tls()).authenticates("twin", "the first")


@story("administration: nobody waits for another", alone=True)
async def an_idle_client_and_a_waiting_command_hold_nobody_up_and_the_end_wakes_them(town):
    alice = await town.account("alice")
    _, idle = await asyncio.open_unix_connection(str(town.control))
    async with town.store_is_paused():
        waiting = asyncio.create_task(town.ctl_result("user", "disable", alice.bare, as_json=True))
        await town.waits_for_the_store(1)  # asks for the status, beside both
        os.kill(town.pid, signal.SIGTERM)
        status, out, _ = await waiting  # long before its 20 seconds
        assert status == 3 and json.loads(out)["error"]["code"] == "pending", out
    idle.close()
    assert await town.dies() == 0
    await town.start()
    assert await state_of(town, alice) == "disabled"  # accepted meant accepted


@story("administration: the bound of clients", alone=True)
async def too_many_clients_are_told_so(town):
    idle = [await asyncio.open_unix_connection(str(town.control)) for _ in range(16)]
    status, out, _ = await town.ctl_result("status", as_json=True)
    assert status == 1 and json.loads(out)["error"]["code"] == "limit", out
    for _, writer in idle:
        writer.close()
        await writer.wait_closed()
    while (await town.ctl_result("status"))[0] != 0:
        await asyncio.sleep(0.01)


@story("valisectl: for scripts")
async def every_failure_has_its_code_as_text_and_as_json(town):
    alice = await town.account("alice")
    for arguments, status, code in (
            (("user", "add", alice.bare), 1, "conflict"), (("user", "passwd", "nobody@localhost"), 1, "not-found"),
            (("user", "list", "nosuch.example"), 1, "not-found"), (("session", "kick", "nobody@elsewhere.example"), 1, "not-found"),
            (("session", "kick", "nobody@localhost"), 1, "not-found"), (("user", "add", "no jid"), 1, "invalid"),
            (("user", "nonsense"), 2, "invalid"), (("nonsense",), 2, "invalid"), (("user", "disable"), 2, "invalid"),
            (("audit", "show", "/nonexistent"), 2, "unavailable")):
        got, out, err = await town.ctl_result(*arguments, stdin="pass word\n", as_json=True)
        assert got == status and json.loads(out)["error"]["code"] == code and json.loads(out)["error"]["text"], (arguments, got, out, err)
        got, _, err = await town.ctl_result(*arguments, stdin="pass word\n")
        assert got == status and err, (arguments, got)
    got, out, _ = await town.ctl_result("status", "--json")  # behind the verb too
    assert got == 0 and json.loads(out)["version"]


@story("valisectl: for scripts")
async def a_server_that_is_not_there_has_its_own_code(town):
    process = await asyncio.create_subprocess_exec(str(PROGRAMS["valisectl"]), "--socket", str(town.folder / "none"), "status",
                                                   stderr=asyncio.subprocess.PIPE)
    _, err = await process.communicate()
    assert process.returncode == 2 and b"cannot reach" in err, err


@story("valisectl: user add --batch")
async def a_batch_goes_on_behind_a_bad_line_and_says_which(town):
    there = await town.account("there")
    lines = f"{there.bare} u v w x y z\nnew1@localhost sesame one\nno-password@localhost\nnew2@localhost\tsesame two\n"
    status, out, _ = await town.ctl_result("user", "add", "--batch", stdin=lines, as_json=True)
    result = json.loads(out)
    assert status == 1 and result["added"] == 2 and [one["line"] for one in result["failed"]] == [1, 3], out
    await (await town.stream().reaches_tls()).authenticates("new2", "sesame two")


@story("valisectl: a request that is too long")
async def a_password_of_70_kb_is_refused_for_what_it_is(town):
    status, _, err = await town.ctl_result("user", "add", "long@localhost", stdin="x" * 70_000 + "\n")
    assert status == 1 and "65536" in err, err


@story("valisectl cert")
async def a_key_that_is_there_is_not_replaced_unless_asked(town):
    key = town.folder / "new.key"
    arguments = ("cert", str(town.folder / "authority"), "localhost", "--certificate", str(town.folder / "new.pem"), "--key", str(key))
    await town.ctl(*arguments)
    before = key.read_bytes()
    status, _, err = await town.ctl_result(*arguments)
    assert status == 1 and "--replace" in err and key.read_bytes() == before, err
    await town.ctl(*arguments, "--replace")
    assert key.read_bytes() != before


@story("configuration: what starts is what is checked", alone=True)
async def the_check_finds_what_a_start_would_stumble_over(town):
    certificates = town.folder / "tls"
    (certificates / "garbage.pem").write_text("no certificate\n")
    make_certificate(certificates, "other.example")
    certificate, key = ('host["localhost"].tls.' + name for name in ("certificate", "key"))
    database = {"storage.backend": "mariadb", "storage.mariadb.socket": None, "storage.mariadb.host": "db",
                "storage.mariadb.ca": certificates / "other.example.pem"}
    for changes, wanted in (
            ({certificate: certificates / "garbage.pem"}, "garbage.pem"),
            ({certificate: certificates / "none.pem"}, "No such file"),
            ({key: certificates / "other.example.key"}, "is not the key"),
            ({certificate: certificates / "other.example.pem", key: certificates / "other.example.key"}, "localhost"),
            ({"run.user": "no-such-user"}, "no-such-user"), ({"run.chroot": "/nonexistent"}, "run.chroot"),
            ({"audit.path": "relative"}, "absolute"), ({"audit.path": "/nonexistent/audit"}, "No such file"),
            ({"storage.sqlite.path": "/nonexistent/valise.db", "storage.backend": None}, "storage.sqlite.path"),
            ({"state.path": "/nonexistent/state/deep"}, "state.path"), ({"listen.control": "/tmp/" + "x" * 120}, "107"),
            ({"storage.backend": "mariadb", "storage.mariadb.socket": None, "storage.mariadb.host": "db",
              "storage.mariadb.ca": "/nonexistent/ca.pem"}, "/nonexistent/ca.pem"),
            ({**database, "storage.mariadb.ca": certificates / "garbage.pem"}, "garbage.pem: holds no certificate"),
            ({**database, "storage.mariadb.certificate": certificates / "garbage.pem",
              "storage.mariadb.key": certificates / "other.example.key"}, "garbage.pem: holds no certificate"),
            ({**database, "storage.mariadb.certificate": certificates / "localhost.pem",
              "storage.mariadb.key": certificates / "other.example.key"}, "is not the key"),
            ({"policy.file": "/nonexistent/policy.lua"}, "policy.file")):
        good = dict(town.options)
        town.options.update(changes)
        lines = [name for name, value in town.options.items() if value is not None]
        town.write_config()
        text = town.config_file.read_text()
        town.options = good
        status, out, path = await check_config(town, text)
        numbers = [lines.index(name) + 1 for name, value in changes.items() if value is not None]
        folder = "needed at the start" in out  # systemd makes it (RuntimeDirectory=, StateDirectory=)
        assert status == (0 if folder else 2) and wanted in out and any(f"{path}:{line}: " in out for line in numbers), (changes, out)


@story("configuration: all errors at once", alone=True)
async def the_check_names_each_file_at_the_line_of_its_own_option(town):
    """Of every phase: what options say together, the files, the database's, the rules."""
    (town.folder / "garbage.pem").write_text("no certificate\n")
    (town.folder / "broken.lua").write_text("rule{ name = 1 }\n")
    key = town.folder / "tls" / "localhost.key"
    text = "\n".join(f"{name} = {value}" for name, value in (
        ('host["localhost"].tls.certificate', f'"{town.folder}/tls/localhost.pem"'), ('host["localhost"].tls.key', f'"{key}"'),
        ('host["b.example"].tls.certificate', f'"{town.folder}/garbage.pem"'), ('host["b.example"].tls.key', f'"{key}2"'),
        ("storage.backend", '"mariadb"'), ("storage.mariadb.host", '"db"'),
        ("storage.mariadb.password_file", '"/nonexistent/password"'), ("storage.mariadb.ca", f'"{town.folder}/garbage.pem"'),
        ("audit.path", f'"{town.folder}/garbage.pem"'), ("policy.file", f'"{town.folder}/broken.lua"'),
        ("listen.control", f'"{town.folder}/control2"'), ("state.path", f'"{town.folder}"'))) + "\n"
    key.chmod(0o644)
    key.with_name("localhost.key2").write_bytes(key.read_bytes())
    key.with_name("localhost.key2").chmod(0o600)
    status, out, path = await check_config(town, text)
    assert status == 2, out
    for line, wanted in ((2, "others may read"), (3, "holds no certificate"), (7, "No such file"), (8, "holds no certificate"),
                         (9, "audit.path"), (10, "name")):
        assert any(said.startswith(f"{path}:{line}: ") and wanted in said for said in out.splitlines()), (line, wanted, out)
    lines = [int(said.removeprefix(f"{path}:").partition(":")[0]) for said in out.splitlines()]
    assert lines == [2, 3, 7, 8, 9, 10], out  # each once, in the file's order


@story("configuration: a missing folder")
async def a_start_without_its_folder_says_which(_town):
    town = Town({"audit.path": "/nonexistent/audit"}, name="folder")
    try:
        await town.start()
    except AssertionError as error:
        assert "audit.path: /nonexistent" in str(error) and str(town.config_file) in str(error), error
    else:
        raise AssertionError("it started")
    finally:
        await town.close()


@story("configuration: listen", alone=True)
async def two_servers_do_not_share_a_port(town):
    other = Town({"listen.c2s": town.options["listen.c2s"]}, name="other", store="sqlite")
    try:
        await other.start()
    except AssertionError as error:
        assert "cannot listen" in str(error), error
    else:
        raise AssertionError("both listen on one port")
    finally:
        await other.close()


@story("configuration: what is live", alone=True)
async def a_reload_is_recorded_and_says_each_time_what_needs_a_restart(town):
    make_certificate(town.folder / "tls", "new.example")
    await town.ctl("reload")
    town.options |= {"log.level": "error", "commit.gather_us": 1000, 'host["localhost"].sealed.mode': "off",
                     'host["new.example"].tls.certificate': town.folder / "tls" / "new.example.pem",
                     'host["new.example"].tls.key': town.folder / "tls" / "new.example.key"}
    town.write_config()
    for _ in range(2):
        assert (await town.ctl_json("reload"))["needs_restart"] == ["commit.gather_us"]
    assert "new.example" in (await town.ctl_json("status"))["hosts"]
    await town.ctl("session", "list")  # a fence: every shard has run what a reload left it to do
    await town.ctl("user", "add", "alice@new.example", stdin="a sesame\n")  # served at once, and durable behind them
    reasons = [(record["reason"], record.get("to")) for record in await town.records(kind="admin")]
    assert [reason for reason, _ in reasons if reason.startswith("reload")] == ["reload", "reload", "reload-sealed-off", "reload"], reasons
    assert ("reload-sealed-off", "localhost") in reasons
    town.write_config("limits.nonsense = 1\nlimits.rubbish = 2\n")
    status, out, err = await town.reload()
    assert status == 1 and "limits.nonsense" in err and "limits.rubbish" in err, err
    lines = town.log().splitlines()
    await town.ctl("user", "add", "bob@new.example", stdin="a sesame\n")  # behind it
    [failed] = await town.records(kind="admin", reason="reload-failed")
    assert not {"to", "from"} & failed.keys() and "limits" not in json.dumps(failed), failed
    assert any(" error main: not reloaded" in line for line in lines)
    assert sum(" info main: reloaded" in line for line in lines) == 1, "log.level took no effect"


@story("log.file, run.pid_file", alone=True)
async def a_log_that_was_moved_away_is_begun_anew_and_the_pid_file_goes(town):
    log, pid = town.folder / "moved.log", town.folder / "pid"
    town.options |= {"log.file": log, "run.pid_file": pid}
    town.write_config()
    await town.restart()
    assert int(pid.read_text()) == town.pid
    log.rename(town.folder / "moved.log.1")
    assert (await town.reload())[0] == 0
    assert "reloaded" in log.read_text()
    await town.stop()
    assert not pid.exists()
    await town.start()


run()
