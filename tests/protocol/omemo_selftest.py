"""valisectl omemo selftest: it sees that OMEMO works, or says which step failed and why; nothing of it stays behind."""

import asyncio
import contextlib
import json
import re
import signal
import ssl
import time

import _path  # noqa: F401
from harness import Town, run, story
from harness.certificates import make_certificate
from harness.stream import WAIT_SECONDS
from harness.town import PROGRAMS

STEPS = ["the listener for clients answers", "two throw-away accounts made", "keys of two devices made",
         "log-in of both: TLS, certificate, password",
         *(f"{version}: {part}" for version in ("legacy", "omemo:2") for part in (
             "device list and bundle published", "the other's list and bundle read",
             "session begun, first message sealed and opened", "answer sealed and opened")),
         "what is not sealed is refused", "accounts removed"]
NAME = "omemo-selftest-"


async def begins(town, *arguments, control=None, trusted=True):
    """The self-test, running; `trusted`: with the town's authority."""
    return await asyncio.create_subprocess_exec(
        str(PROGRAMS["valisectl"]), "--socket", str(control or town.control), "omemo", "selftest", *arguments,
        *(["--ca", town.place.ca] if trusted else []), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True)


async def ends(process):
    out, err = await asyncio.wait_for(process.communicate(), 4 * WAIT_SECONDS)
    return process.returncode, out.decode(), err.decode()


async def selftest(town, *arguments, **how):
    return await ends(await begins(town, *arguments, **how))


async def has_no_account_of_it(town):
    assert NAME not in await town.ctl("user", "list")


async def fails(town, step, condition, *words, remedy="", **how):
    """Fails at that step and says why and what to do, for people and for scripts; its accounts are gone."""
    status, out, err = await selftest(town, **how)
    assert status == 1 and err == "", (status, out, err)
    lines = out.splitlines()
    [failed] = [number for number, line in enumerate(lines) if line.startswith("FAIL")]
    assert step in lines[failed], out
    assert lines[failed + 1].strip().startswith(condition + ": "), out
    assert all(word in lines[failed + 1] for word in words), out
    assert lines[failed + 2].strip().startswith("what to do: ") and remedy in lines[failed + 2], out
    assert lines[-1] == f"OMEMO is not known to work for the users of localhost: \"{step}\" failed.", out
    await has_no_account_of_it(town)
    status, out, err = await selftest(town, "--json", **how)
    assert status == 1 and err == "", (status, out, err)
    result = json.loads(out)
    assert not result["ok"] and result["error"]["step"] == step and result["error"]["code"] == condition, out
    assert result["steps"][-1]["step"] == "accounts removed" and result["steps"][-1]["ok"], out
    await has_no_account_of_it(town)
    return result


@story("valisectl omemo selftest")
async def sealed_messages_go_both_ways_in_both_versions(town):
    status, out, err = await selftest(town)
    assert status == 0 and err == "", (status, out, err)
    steps = re.findall(r"^ok    (.*)  (\d+) ms$", out, re.MULTILINE)
    assert [what for what, _ in steps] == STEPS, out
    assert f"      {town.place.address}:{town.place.port}\n" in out and "      SCRAM-SHA-" in out, out
    assert re.fullmatch(r"OMEMO works for the users of localhost: sealed messages went both ways, in both versions "
                        r"\(\d+\.\d s\)\.", out.splitlines()[-1]), out
    await has_no_account_of_it(town)
    assert not town.rows_of("localhost")
    await town.audit_is_sound()


@story("valisectl omemo selftest: the record", alone=True)
async def the_record_shows_what_it_did_and_no_content(town):
    assert (await selftest(town))[0] == 0
    sealed = [record["encryption"] for record in await town.records(kind="message")]
    assert sealed == ["legacy", "legacy", "omemo:2", "omemo:2"], sealed
    [denied] = await town.records(kind="denied")
    assert denied["reason"] == "plaintext", denied
    await town.stop()
    assert b"Written in the clear by" not in town.stored_bytes() and b"the bag is sealed" not in town.stored_bytes()


@story("valisectl omemo selftest: omemo.approve", options={"omemo.approve": "administrator"})
async def where_devices_wait_for_an_administrator_it_is_one(town):
    status, out, err = await selftest(town)
    assert status == 0 and err == "", (status, out, err)
    assert out.count("      approved, as an administrator does here\n") == 1, out  # the second version is of the same devices


@story("valisectl omemo selftest: for scripts")
async def a_script_gets_one_object(town):
    status, out, err = await selftest(town, "localhost", "--json")
    assert status == 0 and err == "" and out.count("\n") == 1, (status, out, err)
    result = json.loads(out)
    assert result["ok"] and result["host"] == "localhost" and result["sealed"] == "required", out
    assert result["address"] == f"{town.place.address}:{town.place.port}" and "error" not in result, out
    assert [step["step"] for step in result["steps"]] == STEPS and all(step["ok"] for step in result["steps"]), out
    assert sum(step["ms"] for step in result["steps"]) == result["ms"], out
    assert re.search("[0-9a-f]{16}", out) is None, "neither names nor passwords are shown"


@story("valisectl omemo selftest: sealed.mode", options={'host["localhost"].sealed.mode': "off"})
async def where_content_need_not_be_sealed_it_says_so(town):
    status, out, err = await selftest(town)
    assert status == 0 and err == "", (status, out, err)
    assert "      sealed.mode is \"off\" for this host: a message in the clear was delivered\n" in out, out
    assert out.splitlines()[-1].endswith("But content need not be sealed there: sealed.mode is \"off\"."), out
    assert json.loads((await selftest(town, "--json"))[1])["sealed"] == "off"
    await has_no_account_of_it(town)


@story("valisectl omemo selftest: sealed.from", options={"sealed.from": "2999-01-01"})
async def where_what_is_not_sealed_is_only_warned_of_it_says_so(town):
    status, out, err = await selftest(town)
    assert status == 0 and err == "", (status, out, err)
    assert "      this host only warns as yet: a message in the clear was delivered\n" in out, out
    assert out.splitlines()[-1].endswith("But what is not sealed is delivered there as yet, with a warning (valisectl status)."), out
    assert json.loads((await selftest(town, "--json"))[1])["sealed"] == "warn"
    await has_no_account_of_it(town)


@story("valisectl omemo selftest: the certificate")
async def a_certificate_that_nobody_trusts_is_the_reason(town):
    await fails(town, "log-in of both: TLS, certificate, password", "certificate", "localhost is not trusted",
                remedy="--ca FILE", trusted=False)


@story("valisectl omemo selftest: no listener", options={"listen.c2s": []})
async def without_a_listener_clients_have_no_way_in(town):
    await fails(town, "the listener for clients answers", "no-listener", "listen.c2s names no address",
                remedy="set listen.c2s")


@contextlib.asynccontextmanager
async def elsewhere(town, port):
    """A control socket whose server says that clients enter at this port; all else it asks the town."""
    async def pass_on(reader, writer):
        with contextlib.closing(writer):
            while line := await reader.readline():
                there, back = await asyncio.open_unix_connection(str(town.control), limit=2 ** 24)
                with contextlib.closing(back):
                    back.write(line)
                    answer = json.loads(await there.readline())
                if json.loads(line)["command"] == "omemo.entry":
                    answer["result"]["c2s"] = [f"{town.place.address}:{port}"]
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()

    path = town.folder / "between"
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(pass_on, path, limit=2 ** 24)
    async with server:
        yield path


@contextlib.asynccontextmanager
async def listener(town, says=(), certificate=None):
    """A port where somebody listens, answers what he reads with these texts, one each, shows that certificate if there
    is one (its file and its key's), and then falls silent."""
    async def talk(reader, writer):
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            for text in says:
                if not await reader.read(65536):
                    return
                writer.write(text.encode())
            if certificate:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*certificate)
                await writer.start_tls(context)
            while await reader.read(65536):
                pass
        writer.close()

    server = await asyncio.start_server(talk, town.place.address, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


HEADER = ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
          "id='s1' from='localhost' version='1.0'>")
STARTTLS = (HEADER + "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
            "</stream:features>", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")


@story("valisectl omemo selftest: no connection")
async def a_port_where_nobody_listens_is_the_reason(town):
    async with listener(town) as port:
        pass  # it was free, and is free again
    async with elsewhere(town, port) as control:
        await fails(town, "the listener for clients answers", "no-connection", f"{town.place.address}:{port}",
                    "Connection refused", remedy="firewall", control=control)


async def takes_five_seconds(town, step, port):
    async with elsewhere(town, port) as control:
        began = time.monotonic()
        status, out, err = await selftest(town, "--json", control=control)
        assert status == 1 and err == "", (status, out, err)
        assert 5 <= time.monotonic() - began < 5 + WAIT_SECONDS
        error = json.loads(out)["error"]
        assert error["step"] == step and error["code"] == "time-out" and "more than 5 s" in error["text"], out
        await has_no_account_of_it(town)


@story("valisectl omemo selftest: a step has five seconds")
async def a_server_that_is_silent_is_the_reason(town):
    async with listener(town) as port:
        await takes_five_seconds(town, "log-in of both: TLS, certificate, password", port)


@story("valisectl omemo selftest: a step has five seconds")
async def a_tls_handshake_without_end_is_the_reason(town):
    async with listener(town, STARTTLS) as port:
        await takes_five_seconds(town, "log-in of both: TLS, certificate, password", port)


@story("valisectl omemo selftest: the certificate")
async def a_certificate_for_another_name_is_the_reason(town):
    other = make_certificate(town.folder / "tls", "other.example")  # valised would not show it
    async with listener(town, STARTTLS, other) as port, elsewhere(town, port) as control:
        await fails(town, "log-in of both: TLS, certificate, password", "certificate", "ostname mismatch",
                    remedy="it has to name localhost", control=control)


@story("valisectl omemo selftest: no TLS")
async def a_server_that_offers_no_tls_gets_no_password(town):
    features = (HEADER + "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                "<mechanism>PLAIN</mechanism></mechanisms></stream:features>",)
    async with listener(town, features) as port, elsewhere(town, port) as control:
        await fails(town, "log-in of both: TLS, certificate, password", "stream-ended", "TLS is not supported",
                    control=control)


@story("valisectl omemo selftest: too much")
async def a_server_that_sends_without_end_is_the_reason(town):
    async with listener(town, (HEADER + "<stream:features><a b='" + "x" * 2 ** 20,)) as port:
        async with elsewhere(town, port) as control:
            await fails(town, "log-in of both: TLS, certificate, password", "too-much", control=control)


NO_KEYS = """rule{
  name = "no keys",
  match = Kind("publish"),
  action = Deny{ "forbidden", fr = "Pas de clés.", en = "No keys today." },
}
"""


@story("valisectl omemo selftest: the policy", policy=NO_KEYS)
async def a_rule_that_refuses_keys_is_the_reason(town):
    await fails(town, "legacy: device list and bundle published", "forbidden", "No keys today.", remedy="audit show")


NO_LOG_IN = """rule{
  name = "nobody",
  match = Kind("login"),
  action = Deny{ "forbidden", fr = "Fermé.", en = "Closed today." },
}
"""


@story("valisectl omemo selftest: the policy", policy=NO_LOG_IN)
async def a_rule_that_refuses_the_log_in_is_the_reason(town):
    await fails(town, "log-in of both: TLS, certificate, password", "account-disabled", "Closed today.",
                remedy="policy list")


NO_SECOND_VERSION = """rule{
  name = "one version",
  match = Kind("message") * Direction("in") * Sealed(),
  action = Deny{ "policy-violation", fr = "Non.", en = "Not for him." },
}
"""


@story("valisectl omemo selftest: the policy", policy=NO_SECOND_VERSION)
async def a_rule_at_the_recipient_is_the_reason(town):
    await fails(town, "legacy: session begun, first message sealed and opened", "policy-violation", "Not for him.",
                remedy="policy list")


@story("valisectl omemo selftest: interrupted")
async def whoever_interrupts_it_leaves_nothing_behind(town):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        async with listener(town) as port, elsewhere(town, port) as control:
            process = await begins(town, control=control)
            while b"keys of two devices made" not in (line := await process.stdout.readline()):
                assert line
            assert NAME in await town.ctl("user", "list")
            process.send_signal(number)
            status, out, err = await ends(process)
            assert status == 1 and err == "" and "      interrupted: a signal ended it\n" in out, (status, out, err)
            assert re.search("^ok    accounts removed", out, re.MULTILINE), out
            await has_no_account_of_it(town)


@story("valisectl omemo selftest: kill -9")
async def what_a_killed_one_left_behind_the_next_one_removes(town):
    others = [f"{NAME}{'0' * 31}", f"{NAME}{'0' * 31}x", "omemo-selftest"]  # of people: not quite its names
    for name in others:
        await town.ctl("user", "add", f"{name}@localhost", stdin="sesame sesame\n")
    async with listener(town) as port, elsewhere(town, port) as control:
        process = await begins(town, control=control)
        while b"keys of two devices made" not in (line := await process.stdout.readline()):
            assert line
        process.kill()
        await ends(process)
    assert (await town.ctl("user", "list")).count(NAME) == 4
    status, out, err = await selftest(town)
    assert status == 0 and "      2 of an earlier run removed\n" in out, (status, out, err)
    left = [row["jid"] for row in await town.ctl_json("user", "list")]
    assert sorted(jid for jid in left if "selftest" in jid) == sorted(f"{name}@localhost" for name in others), left
    for name in others:
        await town.ctl("user", "delete", f"{name}@localhost")


@story("valisectl omemo selftest: one at a time")
async def another_one_is_not_disturbed(town):
    async with listener(town) as port, elsewhere(town, port) as control:
        process = await begins(town, control=control)
        while b"keys of two devices made" not in (line := await process.stdout.readline()):
            assert line
        status, out, err = await selftest(town)
        assert status == 1 and out == "" and "another self-test of this server is running" in err, (status, out, err)
        assert (await town.ctl("user", "list")).count(NAME) == 2
        process.send_signal(signal.SIGINT)
        await ends(process)
    await has_no_account_of_it(town)


@story("valisectl omemo selftest: which host")
async def of_several_hosts_one_is_named(_town):
    town = Town(name="hosts")
    try:
        certificate, key = make_certificate(town.folder / "tls", "other.example")
        town.options['host["other.example"].tls.certificate'] = certificate
        town.options['host["other.example"].tls.key'] = key
        town.write_config()
        await town.start()
        status, _, err = await selftest(town)
        assert status == 1 and "this server has several hosts, name one: localhost, other.example" in err, err
        status, _, err = await selftest(town, "nobody.example")
        assert status == 1 and err == "valisectl: this server has no host \"nobody.example\"\n", err
        status, out, err = await selftest(town, "other.example")
        assert status == 0 and "OMEMO works for the users of other.example" in out, (status, out, err)
    finally:
        await town.close()


@story("valisectl omemo selftest: what it needs")
async def without_a_server_or_the_authority_it_does_not_begin(town):
    status, out, err = await selftest(town, control=town.folder / "none")
    assert status == 2 and out == "" and "cannot reach the server" in err, (status, out, err)
    status, out, err = await selftest(town, "--ca", str(town.folder / "none.pem"), trusted=False)
    assert status == 2 and out == "" and "none.pem" in err, (status, out, err)
    status, out, err = await selftest(town, "--json", "--ca", str(town.config_file), trusted=False)
    assert status == 2 and json.loads(out)["error"]["code"] == "invalid", (status, out, err)


run()
