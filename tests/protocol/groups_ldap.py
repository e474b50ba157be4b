"""Groups whose members a real LDAP directory names: how they come, what holds when it is silent, what it may say."""

import asyncio
import contextlib
import time
from pathlib import Path

import _path  # noqa: F401
from harness import run, sealed, story
from harness.certificates import make_ca
from harness.slapd import READER, READER_PASSWORD, SUFFIX, Slapd, free_port, person
from harness.town import own_address

RULES = """
rule{ name = "justice only", match = Kind("message") * Direction("out") * To("judge*@localhost") * -FromGroup("justice"),
      action = Deny("forbidden") }
"""


def message(to, identity):
    return f"<message to='{to}' id='{identity}' type='chat'>{sealed()}</message>"


async def passes(sender, recipient, identity):
    await sender.sends(message(recipient.bare, identity))
    await recipient.receives("message", id=identity)


async def is_denied(sender, recipient, identity, *condition):
    await sender.sends(message(recipient.bare, identity))
    await sender.gets_error("message", identity, *(condition or ("forbidden",)))


# As by every rule that fails.
FAILED = ("policy-violation", "modify")


def authority(town):
    return Path(town.place.ca).parent


def directory(town, uri, name="justice", filter="(departmentNumber=justice)", attribute="mail", log_in=True, ca=None, **more):
    """A group of that directory, as a policy says it."""
    keys = {"uri": uri, "base": SUFFIX, "filter": filter, "attribute": attribute, "refresh": "1s", "timeout": "1s", "keep_for": "1s", **more}
    if log_in:
        password = town.folder / "password"
        town.write_file(password, READER_PASSWORD + "\n")
        keys |= {"bind_dn": READER, "password_file": password}
    if keys.get("tls") != "none" and not uri.startswith("ldapi"):
        keys["ca_file"] = ca or town.place.ca
    said = ", ".join(f'{key} = "{value}"' for key, value in keys.items())
    return f'group{{ name = "{name}", ldap = {{ {said} }} }}\n'


async def in_force(town, policy):
    town.write_file(town.policy_file, policy)
    status, out, err = await town.reload()
    assert status == 0, out + err


async def row_of(town, name="justice"):
    [row] = [row for row in await town.ctl_json("group", "list") if row["name"] == name]
    return row


async def until(town, is_so, name="justice"):
    deadline = time.monotonic() + 30
    while not is_so(row := await row_of(town, name)):
        assert time.monotonic() < deadline, (row, town.log()[-1500:])
        await asyncio.sleep(0.05)  # the only way to learn of it
    return row


def is_known(row):
    return row["state"] == "known"


def is_silent(row):
    return row["state"] == "silent"


@contextlib.contextmanager
def slapd(town, people=""):
    server = Slapd(own_address(), authority(town), people)
    try:
        yield server.start()
    finally:
        server.close()


@contextlib.asynccontextmanager
async def listener(answer):
    """Something on a free port that takes connections and does `answer(reader, writer)` with each."""
    address = own_address()
    port = free_port(address)
    connections = []

    async def accept(reader, writer):
        connections.append(writer)
        await answer(reader, writer)

    server = await asyncio.start_server(accept, address, port)
    try:
        yield f"{address}:{port}", connections
    finally:
        server.close()
        for writer in connections:
            writer.close()


async def says_nothing(reader, writer):
    await reader.read(-1)


@story("groups: members come from the directory", alone=True, options={"shards": 2})
async def members_are_who_the_directory_names_and_a_change_comes_with_the_refresh(town):
    alice, bob, judge = await town.devices("alice", "bob", "judge")
    with slapd(town, person("alice", alice.bare.upper()) + person("bob", bob.bare, of="interior")) as server:
        await in_force(town, directory(town, server.tls_uri) + RULES)
        row = await until(town, is_known)
        assert (row["members"], row["left_out"], row["failures"], row["last_error"]) == (1, 0, 0, ""), row
        await passes(alice, judge, "a1")
        await is_denied(bob, judge, "b1")
        assert [one["member"] for one in await town.ctl_json("group", "show", "justice")] == [alice.bare]
        assert "silent_groups" not in await town.ctl_json("status")
        server.change(person("second", bob.bare))
        await until(town, lambda row: row["members"] == 2)
        await passes(bob, judge, "b2")
        server.remove("alice")
        await until(town, lambda row: row["members"] == 1)
        await is_denied(alice, judge, "a2")
        # A reload goes on with what is known.
        await in_force(town, directory(town, server.tls_uri) + RULES + "-- a comment\n")
        await passes(bob, judge, "b3")
        # Rules that do not name it any more: nobody asks it any more.
        await in_force(town, "-- nothing\n")
    assert town.stored_bytes().count(READER_PASSWORD.encode()) == 1  # in its file


@story("groups: ways to a directory", alone=True)
async def start_tls_sockets_and_loopback_are_ways_and_certificates_are_checked(town):
    alice, judge = await town.devices("alice", "judge")
    with slapd(town, person("alice", alice.bare)) as server:
        for uri, how in ((server.uri, {}), (server.uri, {"tls": "none"}), (server.socket_uri, {})):
            await in_force(town, directory(town, uri, **how) + RULES)
            await until(town, is_known)
            await passes(alice, judge, uri[:6] + str(len(how)))
        assert server.log().count("STARTTLS") >= 1, server.log()
        other = town.folder / "other"
        other.mkdir()
        make_ca(other)
        for uri in (server.tls_uri, server.uri):
            await in_force(town, directory(town, uri, ca=other / "ca.pem") + RULES)
            row = await until(town, lambda row: row["failures"] > 0)
            assert is_silent(row) and row["members"] == 0, row
            await is_denied(alice, judge, "t" + uri[:5], *FAILED)
        # Nobody logs in with a wrong password, an empty one, or none where one is wanted.
        await in_force(town, directory(town, server.tls_uri, log_in=False) + RULES)
        row = await until(town, lambda row: row["failures"] > 0 or row["state"] == "known")
        assert row["members"] == 0, row
        for wrong in ("not the password", ""):
            policy = directory(town, server.tls_uri, refresh="2s" if wrong else "3s") + RULES
            town.write_file(town.folder / "password", wrong + "\n")
            await in_force(town, policy)
            row = await until(town, lambda row: row["failures"] > 0)
            assert ("Invalid credentials" if wrong else "is empty") in row["last_error"], row
    assert "not the password" not in town.log() and READER_PASSWORD not in town.log()


@story("groups: a certificate of another name", alone=True)
async def a_directory_whose_certificate_names_another_host_is_not_asked(town):
    alice, judge = await town.devices("alice", "judge")
    with slapd(town, person("alice", alice.bare)) as server:
        async def forward(reader, writer):
            there, back = await asyncio.open_connection(server.address, server.tls_port)

            async def pump(source, sink):
                with contextlib.suppress(OSError):
                    while data := await source.read(65536):
                        sink.write(data)
                sink.close()
            await asyncio.gather(pump(reader, back), pump(there, writer))
        port = free_port("127.0.0.1")
        proxy = await asyncio.start_server(forward, "127.0.0.1", port)
        try:
            await in_force(town, directory(town, f"ldaps://127.0.0.1:{port}") + RULES)
            row = await until(town, lambda row: row["failures"] > 0)
            assert is_silent(row) and row["members"] == 0, row
            assert "BIND" not in server.log(), server.log()
        finally:
            proxy.close()


@story("groups: a directory without StartTLS", alone=True)
async def a_password_goes_over_tls_or_nowhere(town):
    heard = []

    async def no_tls(reader, writer):
        request = await reader.read(4096)
        heard.append(request)
        writer.write(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01" + refusal + b"\x04\x00\x04\x00")  # the answer to StartTLS
        heard.append(await reader.read(4096))

    for refusal in (b"\x02", b"\x00"):  # protocolError; success, and then no TLS
        async with listener(no_tls) as (place, _):
            await in_force(town, directory(town, f"ldap://{place}", refresh="1s" if refusal == b"\x02" else "2s") + RULES)
            row = await until(town, lambda row: row["failures"] > 1)
            assert is_silent(row), row
    assert b"1.3.6.1.4.1.1466.20037" in heard[0] and READER_PASSWORD.encode() not in b"".join(heard), heard


@story("groups: a connection that breaks", alone=True)
async def no_second_connection_is_opened_behind_a_broken_one(town):
    heard = []

    async def leaves(reader, writer):
        heard.append(await reader.read(4096))
        writer.write(b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00")  # the log-in is well
        writer.close()

    async with listener(leaves) as (place, connections):
        await in_force(town, directory(town, f"ldap://{place}", tls="none") + RULES)
        row = await until(town, lambda row: row["failures"] > 2)
        assert is_silent(row) and row["members"] == 0, row
        asked = len(connections)
        row = await row_of(town)
        assert asked <= row["failures"] + 1, (asked, row)
        assert all(READER.encode() in one for one in heard if one), heard  # each began with the log-in


ANSWERS = """
rule{ name = "fails", match = Kind("message") * Direction("out") * To("fails*@localhost") * -FromGroup("fail"), action = Deny("forbidden") }
rule{ name = "nobody", match = Kind("message") * Direction("out") * To("nobody*@localhost") * -FromGroup("nobody"), action = Deny("forbidden") }
rule{ name = "member", match = Kind("message") * Direction("out") * To("member*@localhost") * -FromGroup("member"), action = Deny("forbidden") }
"""


@story("groups: a directory that is stopped", alone=True)
async def the_last_answer_holds_for_a_while_and_then_the_declared_one(town):
    alice, bob = await town.devices("alice", "bob")
    fails, nobody, member = await town.devices("fails", "nobody", "member")
    with slapd(town, person("alice", alice.bare)) as server:
        policy = ANSWERS
        for name in ("fail", "nobody", "member"):
            policy += directory(town, server.tls_uri, name=name, when_silent=name, keep_for="5s", filter=f"(&(departmentNumber=justice)(!(uid={name})))")
        await in_force(town, policy)
        for name in ("fail", "nobody", "member"):
            await until(town, is_known, name)
        for to in (fails, nobody, member):
            await passes(alice, to, "k" + to.bare)
            await is_denied(bob, to, "d" + to.bare)
        server.stop()
        await until(town, lambda row: row["state"] == "kept", "fail")
        await passes(alice, fails, "kept")
        for name in ("fail", "nobody", "member"):
            row = await until(town, is_silent, name)
            assert row["failures"] > 0 and row["last_error"] and row["answered"] != "never", row
        await is_denied(alice, fails, "s1", *FAILED)
        await is_denied(alice, nobody, "s2", "forbidden")
        await passes(alice, member, "s3")
        await passes(bob, member, "s4")
        [record] = await town.records(stanza="s1", kind="denied")
        assert (record["reason"], record["rule"]) == ("policy-failed", "fails"), record
        silent = (await town.ctl_json("status"))["silent_groups"]
        assert set(silent) == {"fail", "nobody", "member"} and "everybody is a member" in silent["member"], silent
        assert (await row_of(town, "member"))["silent_answers"] == 2 and (await row_of(town, "fail"))["silent_answers"] == 1
        explained = await town.ctl_json("policy", "explain", "--from", alice.full, "--to", fails.bare)
        assert explained["reason"] == "policy-failed", explained
        assert (await row_of(town, "fail"))["silent_answers"] == 1
        assert town.log().count('group "fail": ' + server.tls_uri + " does not answer") == 1, town.log()
        server.start()
        for name in ("fail", "nobody", "member"):
            await until(town, is_known, name)
        await passes(alice, fails, "b1")
        await is_denied(bob, member, "b2")


@story("groups: a directory that never answers", alone=True, options={"shards": 1})
async def nobody_waits_for_a_directory_that_takes_connections_and_says_nothing(town):
    alice, bob, judge = await town.devices("alice", "bob", "judge")

    async def half_an_answer(reader, writer):
        await reader.read(1)
        writer.write(b"\x30\x84\x00\x00\x10\x00\x02\x01")  # the beginning of a message of 4,096 bytes
        await reader.read(-1)

    async def usual_time(sender, identity):
        took = []
        for number in range(21):
            began = time.monotonic()
            await passes(sender, bob, f"{identity}{number}")
            took.append(time.monotonic() - began)
        return sorted(took)[10]

    before = await usual_time(alice, "before")
    async with listener(says_nothing) as (mute, muted), listener(half_an_answer) as (half, halves):
        await in_force(town, directory(town, f"ldaps://{mute}", timeout="2s")
                       + directory(town, f"ldap://{half}", name="half", tls="none", timeout="2s")
                       + directory(town, f"ldap://{mute}", name="plain", tls="none", timeout="2s") + RULES
                       + 'rule{ name = "asks", match = Kind("message") * Direction("out") * To("bob*@localhost") * '
                         'function(m) return pcall(m.in_group, m, "from", "justice") and false end, action = Drop() }\n')
        assert is_silent(await row_of(town))  # the reload did not wait
        while not muted or not halves:
            await asyncio.sleep(0.01)  # until it is being asked
        during = await usual_time(alice, "during")
        assert during < before + 0.1, (before, during)
        await is_denied(alice, judge, "m1", *FAILED)
        for name in ("justice", "half", "plain"):
            row = await until(town, lambda row: row["failures"] > 0, name)
            assert is_silent(row) and row["answered"] == "never" and row["last_error"], row
        assert (await row_of(town))["silent_answers"] > 20
        # A stop waits for what is under way, and not longer.
        began = time.monotonic()
        await town.stop()
        assert time.monotonic() - began < 8, time.monotonic() - began


@story("groups: what a directory may say", alone=True)
async def values_that_are_no_address_are_left_out_and_counted(town):
    alice, mallory, judge = await town.devices("alice", "mallory", "judge")
    bad = ("*@localhost", "*", "m*@localhost", f"{mallory.bare}/phone", "localhost", "no address", f"cn=x,{SUFFIX}", "a" * 5000 + "@localhost",
           f"<{mallory.bare}>", f"mailto:{mallory.bare}/", "@localhost")
    people = person("alice", alice.bare, *bad) + person("none") + "".join(person(f"p{n}", f"p{n}@localhost") for n in range(1200))
    with slapd(town, people) as server:
        await in_force(town, directory(town, server.tls_uri) + RULES)
        row = await until(town, is_known)
        assert (row["members"], row["left_out"]) == (1201, len(bad)), row
        assert server.log().count("SRCH base=") >= 3, "it was not asked page by page"
        await passes(alice, judge, "h1")
        await is_denied(mallory, judge, "h2")

    async def garbage(reader, writer):
        await reader.read(1)
        writer.write(b"\xff\x00HTTP/1.1 200 OK\r\n\r\n" * 1000)
        await reader.read(-1)

    async def endless(reader, writer):
        await reader.read(1)
        with contextlib.suppress(OSError):
            writer.write(b"\x30\x84\x7f\xff\xff\xff" + b"x" * 65536)  # a message of 2 GiB
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
    async with listener(garbage) as (noise, _), listener(endless) as (flood, _):
        await in_force(town, directory(town, f"ldap://{noise}", tls="none") + directory(town, f"ldap://{flood}", name="flood", tls="none") + RULES)
        before = (await town.ctl_json("status"))["memory"]["resident"]
        for name in ("justice", "flood"):
            row = await until(town, lambda row: row["failures"] > 1, name)
            assert is_silent(row), row
        assert (await town.ctl_json("status"))["memory"]["resident"] < before + (64 << 20)
    assert town.is_alive()


@story("groups: what a policy says of a directory")
async def what_is_wrong_with_it_is_said_with_file_and_line(town):
    async def said(text):
        town.write_file(town.folder / "checked.lua", "-- \n" + text)
        status, out, _ = await town.ctl_result("policy", "check", str(town.folder / "checked.lua"))
        return status, out
    good = directory(town, "ldaps://ldap.example.org") + RULES
    status, out = await said(good)
    assert status == 0, out
    for wrong, right, why in (("(departmentNumber", "(departmentNumber=justice)", 'ldap: filter: attribute=value is wanted, at byte 2 of the filter'),
                              ("http://x", "ldaps://ldap.example.org", "ldap: uri: it begins with ldaps://, ldap:// or ldapi://"),
                              ("ldap://x/dc=x", "ldaps://ldap.example.org", "ldap: uri: it names one server and nothing else")):
        status, out = await said(good.replace(right, wrong))
        assert status == 1 and "checked.lua:2: " + why in out, out
    # The server says, too, which files it cannot read, and goes on with its old rules.
    before = town.policy_file.read_text()
    town.write_file(town.policy_file, good)
    (town.folder / "password").chmod(0o644)
    status, out, err = await town.reload()
    assert status == 1 and "policy.lua:1: ldap: password_file: " in out + err, out + err
    town.write_file(town.policy_file, good.replace(town.place.ca, "/nowhere/ca.pem"))
    (town.folder / "password").chmod(0o600)
    status, out, err = await town.reload()
    assert status == 1 and "policy.lua:1: ldap: ca_file: " in out + err, out + err
    (town.folder / "below").mkdir()
    town.write_file(town.folder / "below" / "people.lua", "\n" + town.policy_file.read_text())
    town.write_file(town.policy_file, 'include("below/people.lua")\n')
    status, out, err = await town.reload()
    assert status == 1 and "below/people.lua:2: ldap: ca_file: " in out + err, out + err
    town.write_file(town.policy_file, before)


run()
