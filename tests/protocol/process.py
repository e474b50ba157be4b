"""The process: service manager, privileges, chroot, its own secrets."""

import asyncio
import os
import shutil
import socket

import _path  # noqa: F401
from harness import Town, run, sealed, story, with_id
from harness.certificates import make_certificate
from harness.stream import WAIT_SECONDS
from harness.town import PROGRAMS


class ServiceManager:
    """The other end of sd_notify(3)."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        os.chmod(path, 0o666)
        self.heard = []

    async def hears(self, wanted):
        """Takes messages up to the first that has the line `wanted`; fails on time-out."""
        while True:
            text = (await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._socket, 4096), WAIT_SECONDS)).decode()
            self.heard.append(text)
            if any(line.startswith(wanted) for line in text.split("\n")):
                return text


async def has_a_working_town(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sends(f"<message to='{bob.bare}' id='m1' type='chat'>{sealed()}</message>")
    await bob.receives("message", id="m1")
    return alice


@story("sd_notify(3)")
async def the_service_manager_hears_of_start_reload_watchdog_and_end(_town):
    town = Town(name="notify")
    manager = ServiceManager(town.folder / "notify")
    town.environment = {"NOTIFY_SOCKET": str(town.folder / "notify"), "WATCHDOG_USEC": "100000"}
    try:
        await town.start()
        await manager.hears("READY=1")
        assert not any("WATCHDOG" in text for text in manager.heard), "fed before it was ready"
        for _ in range(3):
            await manager.hears("WATCHDOG=1")
        os.kill(town.pid, 1)  # SIGHUP
        text = await manager.hears("RELOADING=1")
        assert "MONOTONIC_USEC=" in text, text
        await manager.hears("READY=1")
        town.write_config("limits.nonsense = 1\n")
        os.kill(town.pid, 1)
        await manager.hears("RELOADING=1")
        await manager.hears("READY=1")  # the old configuration is in force and the server as ready as before
        await town.stop()
        await manager.hears("STOPPING=1")
    finally:
        await town.close()


@story("sd_notify(3): abstract socket")
async def an_abstract_notify_socket_is_understood(_town):
    town = Town(name="notify")
    name = f"valise-test-{os.getpid()}"
    other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    other.bind("\0" + name)
    other.setblocking(False)
    town.environment = {"NOTIFY_SOCKET": "@" + name}
    try:
        await town.start()
        seen = ""
        while "READY=1" not in seen:
            seen += (await asyncio.wait_for(asyncio.get_running_loop().sock_recv(other, 4096), WAIT_SECONDS)).decode()
    finally:
        await town.close()


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return {name: value.split() for name, value in (line.rstrip("\n").split(":", 1) for line in file)}


def assert_has_no_privileges(pid, uid):
    about = status_of(pid)
    assert set(about["Uid"]) == {str(uid)}, about["Uid"]
    assert about["Groups"] in ([], about["Gid"][:1]), about["Groups"]
    assert about["NoNewPrivs"] == ["1"]
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(about[kind][0], 16) == 0, (kind, about[kind])
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        assert [line.split()[4] for line in file if line.startswith("Max core file size")] == ["0"]


def give_to(folder, user):
    """As the guide says: the server's folder is the user's, keys belong to root and are his group's to read."""
    shutil.chown(folder, user)
    shutil.chown(folder / "tls", user)
    for key in (folder / "tls").glob("*.key"):
        shutil.chown(key, "root", status_group(user))
        key.chmod(0o640)
    for file in (folder / "valise.lua", folder / "policy.lua"):
        shutil.chown(file, user)


def status_group(user):
    import grp
    import pwd
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


AS_ROOT = os.geteuid() == 0
# LeakSanitizer reads /proc at the end: a chroot has none, and another user's process may not.
NO_LEAK_CHECK = {"ASAN_OPTIONS": "detect_leaks=0"}


@story("run.user: privileges are given up")
async def started_as_root_it_becomes_its_user_and_can_still_reload(_town):
    if not AS_ROOT:
        return  # nobody else can change the user
    import pwd
    town = Town({"run.user": "nobody"}, name="user", store="sqlite", environment=NO_LEAK_CHECK)  # a database has its own idea of who nobody is
    give_to(town.folder, "nobody")
    try:
        await town.start()
        assert_has_no_privileges(town.pid, pwd.getpwnam("nobody").pw_uid)
        alice = await has_a_working_town(town)
        make_certificate(town.folder / "tls", "localhost")
        give_to(town.folder, "nobody")
        status, out, err = await town.reload()
        assert status == 0, out + err
        await alice.asks("<ping xmlns='urn:xmpp:ping'/>")
        assert (town.folder / "login-secret").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    finally:
        await town.close()


@story("run.user: what only root can read")
async def a_key_that_its_user_cannot_read_again_is_refused_by_the_check_and_the_start(_town):
    if not AS_ROOT:
        return
    town = Town({"run.user": "nobody"}, name="user", store="sqlite", environment=NO_LEAK_CHECK)
    give_to(town.folder, "nobody")
    key = town.folder / "tls" / "localhost.key"
    key.chmod(0o600)  # root's
    command = [str(PROGRAMS["valised"]), "--config", str(town.config_file)]
    try:
        for arguments in (["--check-config"], []):
            process = await asyncio.create_subprocess_exec(*command, *arguments, stderr=asyncio.subprocess.PIPE)
            _, err = await asyncio.wait_for(process.communicate(), 4 * WAIT_SECONDS)
            assert process.returncode == 2 and str(key) in err.decode() and "Permission denied" in err.decode(), err
        shutil.chown(key, "nobody")
        process = await asyncio.create_subprocess_exec(*command, "--check-config", stdout=asyncio.subprocess.PIPE)
        assert b"ok" in (await process.communicate())[0]
        await town.start()
        status, out, err = await town.reload()
        assert status == 0, out + err
    finally:
        await town.close()


@story("run.chroot: the configuration inside")
async def a_chroot_without_a_configuration_or_policy_inside_is_refused_at_once(_town):
    if not AS_ROOT:
        return
    town = Town(name="chroot", store="sqlite")
    jail = town.folder / "jail"
    jail.mkdir()
    town.options["run.chroot"] = jail
    town.write_config()
    try:
        await town.start()
    except AssertionError as error:
        assert "No such file" in str(error) and str(town.config_file) in str(error), error
    else:
        raise AssertionError("it started")
    finally:
        await town.close()


@story("run.user: a name that is none")
async def an_unknown_user_is_an_error_and_never_root(_town):
    if not AS_ROOT:
        return
    town = Town({"run.user": "no-such-user"}, name="user")
    try:
        await town.start()
    except AssertionError as error:
        assert "run.user" in str(error) and "no-such-user" in str(error), error
    else:
        raise AssertionError("it started")
    finally:
        await town.close()


@story("run.chroot")
async def it_works_within_a_chroot_and_the_service_manager_still_hears_it(_town):
    if not AS_ROOT:
        return
    import pwd
    outside = Town(name="outside")  # its folder holds the notify socket, which no path inside leads to
    town = Town(name="chroot", store="sqlite")  # a database's socket would be outside
    town.options |= {"run.user": "nobody", "run.chroot": town.folder}
    town.write_config()
    # The same paths must lead to the same files inside: /tmp/valise-chroot-… is the root itself.
    inside = town.folder / town.folder.parent.relative_to("/")
    inside.mkdir(parents=True)
    (inside / town.folder.name).symlink_to("/")
    give_to(town.folder, "nobody")
    manager = ServiceManager(outside.folder / "notify")
    town.environment = {"NOTIFY_SOCKET": str(outside.folder / "notify"), **NO_LEAK_CHECK}
    try:
        await town.start()
        await manager.hears("READY=1")
        assert os.readlink(f"/proc/{town.pid}/root") == str(town.folder)
        assert os.readlink(f"/proc/{town.pid}/cwd") == str(town.folder)
        assert_has_no_privileges(town.pid, pwd.getpwnam("nobody").pw_uid)
        await has_a_working_town(town)
        status, out, err = await town.reload()
        assert status == 0, out + err
        await town.stop()
        await manager.hears("STOPPING=1")
    finally:
        await town.close()
        await outside.close()


@story("state.path: the server's own secrets")
async def the_login_secret_has_a_home_of_its_own_on_every_store(_town):
    town = Town(name="state")
    home = town.folder / "state"
    town.options["state.path"] = home
    town.write_config()
    try:
        await town.start()
        assert oct(home.stat().st_mode & 0o777) == "0o700" and oct((home / "login-secret").stat().st_mode & 0o777) == "0o600"
        assert not (town.folder / "login-secret").exists()
        secret = (home / "login-secret").read_bytes()
        await town.restart()
        assert (home / "login-secret").read_bytes() == secret and len(secret) == 32
        await town.stop()
        (home / "login-secret").chmod(0o644)
        try:
            await town.start()
        except AssertionError as error:
            assert "login-secret" in str(error) and "chmod" in str(error), error
        else:
            raise AssertionError("a secret that others can read was taken")
    finally:
        await town.close()


@story("state.path: where it was before")
async def without_the_option_it_lies_beside_the_sqlite_file_and_moves_from_there(_town):
    town = Town({"state.path": None}, name="state", store="sqlite")
    try:
        await town.start()
        secret = (town.folder / "login-secret").read_bytes()
        town.options["state.path"] = town.folder / "state"
        town.write_config()
        await town.restart()
        assert (town.folder / "state" / "login-secret").read_bytes() == secret
        assert not (town.folder / "login-secret").exists()
    finally:
        await town.close()


@story("valisectl: Ctrl-C at the password prompt")
async def an_interrupted_prompt_leaves_the_terminal_as_it_was(town):
    import termios
    async with Terminal(str(PROGRAMS["valisectl"]), "--socket", str(town.control), "user", "add", "broken-off@localhost") as terminal:
        await terminal.sees(b"Password for")
        assert not termios.tcgetattr(terminal.descriptor)[3] & termios.ECHO
        terminal.process.send_signal(2)
    assert terminal.process.returncode == -2 and terminal.echoes, terminal.shown


@story("docs/security.md §2: no secret in a log")
async def passwords_and_keys_stand_in_no_file_that_the_server_writes(town):
    """At the most talkative log level: what was typed is nowhere, right or wrong, in SASL or in valisectl."""
    loud = Town({"log.level": "debug", "registration.enabled": True}, name="loud")
    try:
        await loud.start()
        alice = await loud.account("alice", "correct horse battery staple")
        await alice.device()
        stream = await loud.stream().reaches_tls()
        await stream.sends("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHdyb25nLXBhc3N3b3Jk</auth>")
        await stream.sasl_fails_with("invalid-mechanism")
        stream = await loud.stream().reaches_tls()
        await stream.sends("<iq type='set' id='r1'><query xmlns='jabber:iq:register'>"
                           "<username>carol</username><password>typed at registration</password></query></iq>")
        await stream.wait_for(with_id("r1"), "registration's answer")
        await loud.ctl("user", "passwd", alice.bare, stdin="another secret word\n")
        secret = (loud.folder / "login-secret").read_bytes()
        log = loud.log_file.read_bytes()
        written = loud.stored_bytes()
        for text in (b"correct horse battery staple", b"AGFsaWNlAHdyb25nLXBhc3N3b3Jk", b"wrong-password",
                     b"typed at registration", b"another secret word"):
            assert text not in written and text not in log, text
        assert secret.hex().encode() not in log
    finally:
        await loud.close()


class Terminal:
    """A program at a terminal of its own, and somebody who types."""

    def __init__(self, *command):
        self._command = command
        self.shown = b""

    async def __aenter__(self):
        self._master, slave = os.openpty()
        os.set_blocking(self._master, False)
        self.process = await asyncio.create_subprocess_exec(*self._command, stdin=slave, stdout=slave, stderr=slave,
                                                            start_new_session=True)
        os.close(slave)
        return self

    async def __aexit__(self, *_):
        import termios
        await asyncio.wait_for(self.process.wait(), WAIT_SECONDS)
        self.echoes = bool(termios.tcgetattr(self._master)[3] & termios.ECHO)
        os.close(self._master)

    @property
    def descriptor(self):
        return self._master

    async def sees(self, text):
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._master, readable.set)
        try:
            while text not in self.shown:
                await asyncio.wait_for(readable.wait(), WAIT_SECONDS)
                readable.clear()
                try:
                    self.shown += os.read(self._master, 4096)
                except BlockingIOError:
                    pass  # woken for nothing
        finally:
            loop.remove_reader(self._master)

    def types(self, text):
        os.write(self._master, text)


@story("valisectl: passwords come from a prompt")
async def a_password_is_asked_for_twice_and_not_shown(town):
    command = (str(PROGRAMS["valisectl"]), "--socket", str(town.control), "user", "add", "prompted@localhost")
    async with Terminal(*command) as terminal:
        await terminal.sees(b"Password for prompted@localhost: ")
        terminal.types(b"typed in secret\n")
        await terminal.sees(b"Once more: ")
        terminal.types(b"another one\n")
        await terminal.sees(b"differ")
    assert await terminal.process.wait() != 0
    async with Terminal(*command) as again:
        for question in (b"Password for", b"Once more: "):
            await again.sees(question)
            again.types(b"typed in secret\n")
        await again.sees(b"Once more: \r\n")
    assert again.process.returncode == 0, again.shown
    assert b"secret" not in terminal.shown + again.shown, again.shown
    stream = await town.stream().reaches_tls()
    await stream.authenticates("prompted", "typed in secret")


run()
