"""The contenders: each writes its own configuration, data and log into a folder of its own, runs in the foreground
as a child of this process, and is ended by its process id. The system's own services are never touched."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path


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
