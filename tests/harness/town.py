"""A town is one running valised with a configuration, certificates, a store and an audit log of its own."""

import asyncio
import contextlib
import itertools
import json
import os
import secrets
import shutil
import signal
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .certificates import make_ca, make_certificate
from .device import Account
from .mariadb import Mariadb
from .stream import WAIT_SECONDS, Disconnected, Stream

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("VALISE_BUILD_DIR", ROOT / "build" / "release"))
PROGRAMS = {"valised": BUILD / "server" / "main" / "valised", "valisectl": BUILD / "server" / "ctl" / "valisectl"}
STORE = os.environ.get("VALISE_TEST_STORE", "sqlite")
_towns = itertools.count()


@dataclass(frozen=True)
class Place:
    address: str
    port: int
    tls_port: int
    domain: str
    ca: str
    web_port: int = 0   # HTTPS
    http_port: int = 0  # for proxies, where http.proxies is set


def own_address():
    """A loopback address that no other test process on this machine has, so that ports never clash."""
    pid = os.getpid()
    return f"127.{64 + (pid >> 16) % 64}.{pid >> 8 & 255}.{pid & 255}"


def lua(value):
    """A Python value as Lua text; a str subclass Raw stands as it is."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "{ " + ", ".join(lua(item) for item in value) + " }"
    return str(value) if isinstance(value, int) else json.dumps(str(value), ensure_ascii=False)


# People of most stories write from devices, to devices, that nobody has published (sealed()): what a message says of
# devices is compared with what is published only where a story asks for it, with PUBLISHED_DEVICES.
MADE_UP_DEVICES = {"sealed.sid": "off", "sealed.identity": "off", "sealed.recipients": "off"}
PUBLISHED_DEVICES = dict.fromkeys(MADE_UP_DEVICES)  # as in a server that says nothing of it


class Raw(str):
    """Lua source as an option's value: Raw("seconds(2)")."""


class ServerDied(AssertionError):
    pass


class Town:
    """`options`: option name -> value, over the defaults below; None leaves a default out. `policy`: Lua text.
    `certificates`: a folder that towns share; the first fills it."""

    def __init__(self, options=None, policy=None, environment=None, store=STORE, name=None, certificates=None):
        self.folder = Path(tempfile.mkdtemp(prefix=f"valise-{name or 'town'}-"))
        number = next(_towns) % 5000
        certificates = certificates or self.folder / "tls"
        certificates.mkdir(exist_ok=True)
        authority, certificate, key = (certificates / name for name in ("ca.pem", "localhost.pem", "localhost.key"))
        if not key.exists():
            make_ca(certificates)
            make_certificate(certificates, "localhost")
        self.place = Place(own_address(), 5222 + 10 * number, 5223 + 10 * number, "localhost", str(authority),
                           5224 + 10 * number, 5225 + 10 * number)
        self.control = self.folder / "control"
        self.audit_folder = self.folder / "audit"
        self.policy_file = self.folder / "policy.lua"
        self.config_file = self.folder / "valise.lua"
        self.log_file = self.folder / "log"
        self.streams = []
        self.store = store
        self.environment = environment or {}
        self._process = None
        self._names = itertools.count(1)
        self.options = {
            'host["localhost"].tls.certificate': certificate,
            'host["localhost"].tls.key': key,
            "listen.c2s": [f"{self.place.address}:{self.place.port}"],
            "listen.c2s_tls": [f"{self.place.address}:{self.place.tls_port}"],
            "listen.https": [f"{self.place.address}:{self.place.web_port}"],
            "listen.http": [f"{self.place.address}:{self.place.http_port}"] if "http.proxies" in (options or {}) else None,
            "listen.control": self.control,
            "audit.path": self.audit_folder,
            "state.path": self.folder,
            "default_language": "en",
            "scram.iterations": 4096,  # the least allowed: stories log in often
            # All stories come from one address, one after the other.
            "limits.connections_per_address": 100_000,
            "limits.connections_new_per_s": 100_000,
            "limits.rate_before_login": Raw("MiB"),
            "limits.stanzas_per_s": 100_000,
            "limits.stanzas_burst": 100_000,
            "limits.rate": Raw("GiB"),
            "policy.file": self.policy_file,
            **MADE_UP_DEVICES,
            **self._store_options(number),
            **(options or {}),
        }
        self.write_config()
        self.write_file(self.policy_file, policy if policy is not None else "-- nothing is refused here\n")

    def _store_options(self, number):
        if self.store == "sqlite":
            return {"storage.sqlite.path": self.folder / "valise.db"}
        self.mariadb = Mariadb(os.environ["VALISE_TEST_MARIADB"])
        self.database = f"town_{os.getpid()}_{number}_{secrets.token_hex(4)}"
        self.mariadb.create_database(self.database)
        return {"storage.backend": "mariadb", "storage.mariadb.socket": self.mariadb.socket,
                "storage.mariadb.user": "root", "storage.mariadb.database": self.database}

    # -- configuration -------------------------------------------------------------------------------------------
    def write_config(self, extra=""):
        lines = [f"{name} = {lua(value)}" for name, value in self.options.items() if value is not None]
        self.write_file(self.config_file, "\n".join(lines) + "\n" + extra)

    @staticmethod
    def write_file(path, text):
        path.write_text(text)
        path.chmod(0o600)

    # -- the process -----------------------------------------------------------------------------------------------
    async def start(self, *arguments):
        """Starts valised, with further arguments, and waits until its control socket answers."""
        with open(self.log_file, "ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(PROGRAMS["valised"]), "--config", str(self.config_file), *arguments, stdout=log, stderr=log,
                stdin=asyncio.subprocess.DEVNULL, env={**os.environ, **self.environment}, start_new_session=True)
        await asyncio.wait_for(self._until_ready(), 4 * WAIT_SECONDS)
        return self

    async def _until_ready(self):
        while True:
            if self._process.returncode is not None:
                raise ServerDied(f"valised ended at start with {self._process.returncode}:\n{self.log()[-4000:]}")
            if self.control.exists() and (await self.ctl_result("status"))[0] == 0:
                return
            await asyncio.sleep(0.01)  # the only way to learn of a socket that is not there yet

    @property
    def pid(self):
        return self._process.pid

    def processor_seconds(self):
        """What the server has used of processors: says the same on a busy machine."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def is_alive(self):
        return self._process is not None and self._process.returncode is None

    async def stop(self):
        """SIGTERM: it drains, commits and ends by itself with status 0 (docs/security.md §6, promise 7)."""
        with contextlib.suppress(ProcessLookupError):  # a fault was quicker: the status tells
            self._process.send_signal(signal.SIGTERM)
        try:
            status = await asyncio.wait_for(self._process.wait(), 20 + WAIT_SECONDS)
        except asyncio.TimeoutError:
            self._process.kill()
            raise AssertionError("valised did not end after SIGTERM") from None
        if status != 0:
            raise AssertionError(f"valised ended with {status}:\n{self.log()[-6000:]}")

    async def kill(self):
        """kill -9: no goodbye, no last sync."""
        self._process.kill()
        await self._process.wait()

    async def dies(self):
        """Waits until the process ends by itself (fault injection); returns its status."""
        return await asyncio.wait_for(self._process.wait(), 4 * WAIT_SECONDS)

    async def restart(self, environment=None):
        if self.is_alive():
            await self.stop()
        if environment is not None:
            self.environment = environment
        return await self.start()

    async def close(self):
        """The end of the town. A server that dies of it fails the story."""
        for stream in self.streams:
            await stream.drops()
        try:
            if self.is_alive():
                await self.stop()
        finally:
            if self.is_alive():
                await self.kill()
            if self.store == "mariadb":
                self.mariadb.drop_database(self.database)
            if not os.environ.get("VALISE_TEST_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)

    async def reload(self):
        """SIGHUP's twin over the control socket; returns (status, output)."""
        return await self.ctl_result("reload")

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    # -- valisectl -------------------------------------------------------------------------------------------------
    async def ctl_result(self, *arguments, stdin="", as_json=False):
        """Runs valisectl; returns (exit status, standard output, standard error)."""
        command = [str(PROGRAMS["valisectl"]), "--socket", str(self.control), *(["--json"] if as_json else []), *arguments]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            start_new_session=True)  # no terminal: passwords come from standard input
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 4 * WAIT_SECONDS)
        return process.returncode, out.decode(), err.decode()

    async def ctl(self, *arguments, stdin=""):
        status, out, err = await self.ctl_result(*arguments, stdin=stdin)
        if status != 0:
            raise AssertionError(f"valisectl {' '.join(arguments)} failed ({status}): {out}{err}")
        return out

    async def ctl_json(self, *arguments):
        status, out, err = await self.ctl_result(*arguments, as_json=True)
        if status != 0:
            raise AssertionError(f"valisectl {' '.join(arguments)} failed ({status}): {out}{err}")
        return json.loads(out)

    async def records(self, **wanted):
        """The audit records with these members, in the order of the log: all that the server has begun to write."""
        while self.is_alive() and (await self.ctl_json("status"))["commit"]["waiting"] != 0:
            pass  # nobody waits for some of them
        out = await self.ctl("--json", "audit", "show", str(self.audit_folder))
        records = [json.loads(line) for line in out.splitlines() if line.strip()]
        return [record for record in records if all(record.get(key.rstrip("_")) == value for key, value in wanted.items())]

    async def audit_is_sound(self):
        return await self.ctl("audit", "verify", str(self.audit_folder))

    @contextlib.asynccontextmanager
    async def store_is_paused(self, table="account"):
        """Within it every read works and no write of that table becomes durable. What was asked for before it is."""
        while (await self.ctl_json("status"))["commit"]["waiting"]:
            await asyncio.sleep(0.01)  # the only way to learn of it
        if self.store == "mariadb":
            async with self.mariadb.is_locked(self.database, table):
                yield
            return
        connection = sqlite3.connect(self.folder / "valise.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()

    def sql(self, statement):
        """Runs one statement on the store, both engines' alike; returns its rows as tuples of strings."""
        if self.store == "mariadb":
            out = self.mariadb.query(self.database, statement)
            return [tuple(line.split("\t")) for line in out.splitlines()]
        with contextlib.closing(sqlite3.connect(self.folder / "valise.db")) as connection, connection:
            return [tuple(map(str, row)) for row in connection.execute(statement)]

    def rows_of(self, bare):
        """table -> how many rows that account owns there, its tombstone aside."""
        tables = ("roster", "roster_version", "pep_node", "pep_item", "account_data", "box", "undelivered", "held")
        counts = {table: int(self.sql(f"SELECT count(*) FROM {table} WHERE owner = '{bare}'")[0][0]) for table in tables}
        return {table: count for table, count in counts.items() if count}

    async def waits_for_the_store(self, units):
        """Until so many units are under way."""
        while (await self.ctl_json("status"))["commit"]["waiting"] < units:
            await asyncio.sleep(0.01)  # the only way to learn of it

    def stored_bytes(self):
        """Everything the server wrote: store, record, log. What must be nowhere is looked for here."""
        written = b"".join(path.read_bytes() for path in sorted(self.folder.rglob("*"))
                           if path.is_file() and "tls" not in path.parts)
        return written + (self.mariadb.dump(self.database) if self.store == "mariadb" else b"")

    # -- people ----------------------------------------------------------------------------------------------------
    async def account(self, name, password=None):
        """A new account. The name gets a number, so that stories in one town do not meet."""
        name = f"{name}{next(self._names)}"
        password = password or f"sesame {name}"
        await self.ctl("user", "add", f"{name}@{self.place.domain}", stdin=password + "\n")
        return Account(self, name, password)

    async def devices(self, *names, **how):
        """One available device for each of these new people."""
        return [await (await self.account(name)).device(**how) for name in names]

    async def turns_a_connection_away(self):
        """Fails unless one more connection is closed without a word."""
        extra = await self.stream().connect()
        extra.expects_header()
        try:
            await extra.sends(extra.header())
        except OSError:
            pass  # it was quicker
        assert isinstance(await extra.next(), Disconnected)

    def stream(self, make=Stream, **how):
        """A connection that is not there yet, for stories below log-in."""
        stream = make(self.place, **how)
        self.streams.append(stream)
        return stream
