"""The contenders: each writes its own configuration, data and log into a folder of its own, runs in the foreground
as a child of this process, and is ended by its process id. The system's own services are never touched."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "harness"))  # not the package: it needs more
from mariadb import Mariadb  # noqa: E402


PASSWORD = "bench-password"


class StartFailure(Exception):
    """The server is not installed, or did not open its port; the text says which, with the end of its log."""


def raise_descriptor_limit():
    """As far as allowed; children inherit it. Returns the number."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


given_ports = set()


def free_ports(count=1):
    """The first of `count` neighbouring ports, below the range that clients' connections are given; each only once."""
    for first in range(20000 + os.getpid() % 5000, 32000, count):
        ports = set(range(first, first + count))
        if ports & given_ports:
            continue
        sockets = []
        try:
            for port in sorted(ports):
                probe = socket.socket()
                sockets.append(probe)
                probe.bind(("127.0.0.1", port))
            given_ports.update(ports)
            return first
        except OSError:
            continue
        finally:
            for probe in sockets:
                probe.close()
    raise StartFailure("no free port")


def make_certificate(folder):
    """A self-signed P-256 certificate for localhost; returns the paths of certificate and key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    key.chmod(0o600)
    return certificate, key


def package_version(name):
    found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else "unknown version"


class Server:
    """One contender. Subclasses say how it is configured and started."""

    key = title = ""
    ports = 1
    speaks_xmpp = True
    lifted = ""  # which limits its configuration lifts, for the report
    seed_options = []
    settle = 0  # seconds that it goes on loading after its port is open
    bench = Path("valise-bench")  # the generator; set by the caller
    accounts = 0  # how many there are to be; set by the caller
    filled = 0  # messages that fill() has put into its archive
    stand_ins = {}  # what a scenario asks for ("archive", …) → the class that has it, with data of its own

    def __init__(self, root, certificate, tls_key):
        self.root = root
        self.folder = root / self.key
        self.folder.mkdir()
        self.certificate, self.tls_key = certificate, tls_key
        self.port = free_ports(self.ports)
        self.process = None
        self.made = {}
        self.configure()

    def stand_in(self, kind, pairs):
        """The server for a scenario that asks for that kind, its accounts made; None: this one has none such."""
        found = self.stand_ins.get(kind)
        if found is None:
            return self if kind in ("", "unarchived") else None
        if kind not in self.made:
            other = self.made[kind] = found(self.root, self.certificate, self.tls_key)
            other.accounts = 2 * pairs + 1
            other.seed(pairs)
        return self.made[kind]

    def fill(self, stored):
        """Sees to it that the archive holds so many messages, while it is stopped. Only Valise is filled; peers say so."""
        self.filled = stored

    def configure(self):
        raise NotImplementedError

    def pids(self):
        return [self.process.pid]

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def version(self):
        return "unknown version"

    def bench_options(self):
        return ["--port", str(self.port), "--salted-cache", str(self.folder / "salted")]

    def start(self):
        log = open(self.folder / "output.log", "ab")
        with log:
            try:
                self.process = subprocess.Popen(self.command(), cwd=self.folder, env=self.environment(),
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                                start_new_session=True)
            except OSError as reason:
                raise StartFailure(f"{self.title} cannot be started: {reason}") from reason
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise StartFailure(f"{self.title} ended at its start: {self.log_end()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.1)
        else:
            self.stop()
            raise StartFailure(f"{self.title} did not open port {self.port}: {self.log_end()}")
        time.sleep(self.settle)

    def measure(self, scenario, options):
        """One run of valise-bench; its figures, with "result" other than "ok" when something went wrong."""
        command = [str(self.bench), scenario, "--json", "--accounts", f"bench,{self.accounts},{PASSWORD}",
                   *self.bench_options(), *options]
        if self.process is not None:
            command += ["--pids", ",".join(map(str, self.pids()))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=7200)
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            return {"result": "failed",
                    "failure": (done.stdout + done.stderr).strip()[-400:] or f"status {done.returncode}"}

    def seed(self, pairs):
        """Registers the accounts, and starts and stops the server for it. Returns a remark, or nothing."""
        self.start()
        try:
            options, remark = ["--concurrency", "16", "--pairs", str(pairs)], ""
            figures = self.measure("seed", options + self.seed_options)
            if figures["result"] != "ok" and self.seed_options:
                remark = f"OMEMO devices could not be published: {figures.get('failure')}"
                self.lifted += "; OMEMO devices could not be published"
                figures = self.measure("seed", options)
            if figures["result"] != "ok":
                raise StartFailure(f"{self.title}: accounts: {figures.get('failure')}")
            return remark
        finally:
            self.stop()

    def check_after(self):
        """(whether what it leaves on disk is sound, a line about it or nothing). Called once, when it is stopped."""
        return True, ""

    def log_end(self):
        return (self.folder / "output.log").read_text(errors="replace")[-800:]

    def stop(self):
        """SIGTERM, and SIGKILL after half a minute; to this one process. Returns False if it had to be killed or had
        ended before."""
        process, self.process = self.process, None
        if process is None:
            return True
        early = process.poll() is not None
        if not early:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
            return not early
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False


class Prosody(Server):
    key, title = "prosody", "Prosody"
    lifted = "mod_limits left out"
    archive = ""

    def configure(self):
        for name in ("data", "certs"):
            (self.folder / name).mkdir()
        # Debian's modules without limits, invitations, administration and federation.
        (self.folder / "prosody.cfg.lua").write_text(f"""
run_as_root = true
pidfile = "{self.folder}/pid"
data_path = "{self.folder}/data"
network_backend = "epoll"
storage = "internal"
authentication = "internal_hashed"
modules_enabled = {{ "disco", "roster", "saslauth", "tls", "blocklist", "bookmarks", "carbons", "pep", "private",
  "smacks", "vcard4", "vcard_legacy", "csi_simple", "ping", "register", "time", "uptime", "version", "posix"{self.archive} }}
modules_disabled = {{ "s2s" }}
allow_registration = true
c2s_require_encryption = true
c2s_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}
log = {{ warn = "{self.folder}/prosody.log" }}
ssl = {{ certificate = "{self.certificate}", key = "{self.tls_key}" }}
VirtualHost "localhost"
""")

    def command(self):
        if not shutil.which("prosody"):
            raise StartFailure("prosody is not installed (apt install prosody)")
        return ["prosody", "-F", "--config", str(self.folder / "prosody.cfg.lua")]

    def version(self):
        return package_version("prosody")


class ProsodyArchive(Prosody):
    key, title = "prosody-archive", "Prosody, archived rows"
    lifted = "mod_limits left out; mod_mam with internal storage, empty at first"
    archive = ', "mam"'


class Ejabberd(Server):
    key, title = "ejabberd", "ejabberd"
    settle = 2
    archive = ""
    lifted = "shapers none, registration_timeout infinity, offline messages and sessions per user infinity"

    def configure(self):
        (self.folder / "spool").mkdir()
        both = self.folder / "both.pem"
        both.write_text(self.certificate.read_text() + self.tls_key.read_text())
        both.chmod(0o600)
        # Debian's modules without HTTP, MQTT, rooms and federation; in-band registration open.
        (self.folder / "ejabberd.yml").write_text(f"""
loglevel: warning
log_rotate_count: 0
hosts: [localhost]
certfiles: ["{both}"]
auth_password_format: scram
registration_timeout: infinity
disable_sasl_mechanisms: ["digest-md5", "X-OAUTH2"]
listen:
  - port: {self.port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    shaper: none
    access: all
    starttls_required: true
    backlog: 4096
    protocol_options: [no_sslv3, no_tlsv1, no_tlsv1_1, cipher_server_preference, no_compression]
shaper_rules:
  max_user_sessions: infinity
  max_user_offline_messages: infinity
modules:
  mod_adhoc: {{}}
  mod_avatar: {{}}
  mod_blocking: {{}}
  mod_caps: {{}}
  mod_carboncopy: {{}}
  mod_client_state: {{}}
  mod_configure: {{}}
  mod_disco: {{}}
  mod_last: {{}}{self.archive}
  mod_offline: {{access_max_user_messages: max_user_offline_messages}}
  mod_ping: {{}}
  mod_privacy: {{}}
  mod_private: {{}}
  mod_pubsub:
    plugins: [flat, pep]
    force_node_config:
      "eu.siacs.conversations.axolotl.*": {{access_model: open}}
  mod_push: {{}}
  mod_push_keepalive: {{}}
  mod_register: {{ip_access: all}}
  mod_roster: {{versioning: true}}
  mod_shared_roster: {{}}
  mod_stream_mgmt: {{resend_on_timeout: if_offline}}
  mod_vcard: {{search: false}}
  mod_vcard_xupdate: {{}}
  mod_version: {{}}
""")

    def command(self):
        if not shutil.which("ejabberdctl") or not shutil.which("erl"):
            raise StartFailure("ejabberd is not installed (apt install ejabberd)")
        # As ejabberdctl foreground does, but under our own user and without a node name, so that no epmd stays behind.
        return ["erl", "+K", "true", "+P", "250000", "-noinput", "-mnesia", "dir", f'"{self.folder}/spool"',
                "-s", "ejabberd"]

    def environment(self):
        return dict(os.environ, EJABBERD_CONFIG_PATH=str(self.folder / "ejabberd.yml"),
                    EJABBERD_LOG_PATH=str(self.folder / "ejabberd.log"), ERL_CRASH_DUMP=str(self.folder / "crash"),
                    ERL_LIBS="/usr/lib/x86_64-linux-gnu", ERL_MAX_PORTS="32000", HOME=str(self.folder))

    def version(self):
        return package_version("ejabberd")


class EjabberdArchive(Ejabberd):
    key, title = "ejabberd-archive", "ejabberd, archived rows"
    lifted = Ejabberd.lifted + "; mod_mam with Mnesia, empty at first"
    archive = "\n  mod_mam: {default: always, assume_mam_usage: true}"


class Valise(Server):
    """As shipped: sealed rules, stock policy, durable metadata log. `binary` and `ctl` are set by the caller."""

    key, title = "valise", "Valise as shipped"
    binary, ctl = Path("valised"), Path("valisectl")
    settings = "scram.iterations = 4096\n"
    lifted = ("limits.rate, rate_burst, stanzas_per_s, stanzas_burst, rate_before_login, connections_new_per_s, "
              "connections_per_address, registrations_per_hour, offline; scram.iterations 4096 as the peers")
    seed_options = ["--publish-devices"]  # sealed rules may ask for a listed device

    def configure(self):
        (self.folder / "valised.lua").write_text(f"""
host["localhost"].tls.certificate = "{self.certificate}"
host["localhost"].tls.key = "{self.tls_key}"
listen.c2s = {{ "127.0.0.1:{self.port}" }}
listen.control = "{self.folder}/control"
storage.sqlite.path = "{self.folder}/valise.db"
audit.path = "{self.folder}/audit"
log.level = "warning"
registration.enabled = true
limits.rate = GiB
limits.rate_burst = GiB
limits.rate_before_login = MiB
limits.stanzas_per_s = 10000000
limits.stanzas_burst = 10000000
limits.connections_new_per_s = 1000000
limits.connections_per_address = 1000000
limits.registrations_per_hour = 1000000
limits.offline = 100000
{self.settings}""")

    def command(self):
        if not self.binary.exists():
            raise StartFailure(f"{self.binary} is not built")
        return [str(self.binary), "--config", str(self.folder / "valised.lua")]

    def version(self):
        here = Path(__file__).resolve().parent
        found = subprocess.run(["git", "-C", here, "describe", "--always", "--dirty"], capture_output=True, text=True)
        return found.stdout.strip() if found.returncode == 0 else "this tree"

    def check_after(self):
        """The record must hold what was measured: a log that was off or torn would make the figures a lie."""
        if not self.ctl.exists():
            return True, "the record was not verified: no valisectl"
        done = subprocess.run([str(self.ctl), "audit", "verify", str(self.folder / "audit")], capture_output=True, text=True)
        return done.returncode == 0, "record: " + ((done.stdout + done.stderr).strip().splitlines() or ["nothing"])[0]


class ValiseUnarchived(Valise):
    """As shipped but for the archive, which peers have off in the same rows."""

    key, title = "valise-unarchived", "Valise as shipped, rows without archive"
    settings = Valise.settings + "archive.enabled = false\n"


class ValiseArchive(Valise):
    """As shipped, with an archive that is filled while it is stopped: a message a second, the last one days ago."""

    key, title = "valise-archive", "Valise as shipped, archived rows"
    filler = Path("fill-archive")  # set by the caller
    owners = 10000

    def configure(self):
        self.filled = 0
        self.begin_ms = int(time.time() - 14 * 86400) * 1000
        super().configure()

    def place(self):
        return ["sqlite", str(self.folder / "valise.db")]

    def fill(self, stored):
        if stored <= self.filled:
            return
        command = [str(self.filler), *self.place(), "bench", self.owners, self.accounts, self.begin_ms, self.filled, stored]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=1200)
        if done.returncode != 0:
            raise StartFailure(f"{self.title}: {done.stderr.strip()[-300:]}")
        self.filled = stored


class ValiseMariadb(ValiseArchive):
    """The same on a mariadbd of its own, whose CPU counts."""

    key, title = "valise-mariadb", "Valise as shipped, rows on MariaDB"
    lifted = Valise.lifted + "; mariadbd --no-defaults --innodb-buffer-pool-size=3G, by its Unix socket"

    def configure(self):
        self.database = Mariadb(self.folder / "mariadb", "3G")
        self.settings = (f'{Valise.settings}storage.backend = "mariadb"\nstorage.mariadb.socket = "{self.database.socket}"\n'
                         'storage.mariadb.user = "root"\nstorage.mariadb.database = "valise"\n')
        super().configure()
        self.runs = False

    def place(self):
        return ["mariadb", f"{self.database.socket},valise"]

    def run_database(self):
        if self.runs:
            return
        try:
            new = not self.database.folder.exists()
            if new:
                self.database.create()
            self.database.start()
            self.runs = True
            if new:
                self.database.create_database("valise")
        except (OSError, RuntimeError, subprocess.CalledProcessError) as reason:
            raise StartFailure(f"{self.title}: {reason}") from reason

    def fill(self, stored):
        self.run_database()
        super().fill(stored)

    def start(self):
        self.run_database()
        super().start()

    def stop(self):
        good = super().stop()
        if self.runs:
            self.runs = False
            self.database.stop()
        return good

    def pids(self):
        return [self.process.pid, self.database.pid]


class ValiseBare(Valise):
    key, title = "valise-bare", "Valise bare"
    seed_options = []

    def configure(self):
        policy = self.folder / "policy.lua"
        policy.write_text("-- no rules\n")
        self.settings = (f'{Valise.settings}audit.enabled = false\nsealed.mode = "off"\narchive.enabled = false\n'
                         f'policy.file = "{policy}"\n')
        super().configure()

    def check_after(self):
        return not (self.folder / "audit").exists(), ""


class Relay(Server):
    """The limit: TLS in, TLS out, one thread a core, one record for one record. `binary` is set by the caller."""

    key, title = "relay", "bare TLS relay"
    binary = Path("tls-relay")
    speaks_xmpp = False
    threads = os.cpu_count() or 1
    ports = threads
    arguments = []

    def configure(self):
        pass

    def command(self):
        if not self.binary.exists():
            raise StartFailure(f"{self.binary} is not built")
        return [str(self.binary), str(self.port), str(self.threads), str(self.certificate), str(self.tls_key),
                *self.arguments]

    def bench_options(self):
        return ["--port", str(self.port), "--relay", str(self.threads)]

    def version(self):
        found = subprocess.run(["openssl", "version"], capture_output=True, text=True)
        return found.stdout.strip()


class CoalescingRelay(Relay):
    key, title = "relay-coalesced", "relay, coalesced"
    arguments = ["coalesce"]


Prosody.stand_ins = {"archive": ProsodyArchive}
Ejabberd.stand_ins = {"archive": EjabberdArchive}
Valise.stand_ins = {"unarchived": ValiseUnarchived, "archive": ValiseArchive, "mariadb": ValiseMariadb}
for _kind in (ProsodyArchive, EjabberdArchive, ValiseUnarchived, ValiseArchive, ValiseMariadb, ValiseBare):
    _kind.stand_ins = {}

ALL = [Prosody, Ejabberd, Relay, CoalescingRelay, ValiseBare, Valise]
