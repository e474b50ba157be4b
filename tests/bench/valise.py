"""Valise as shipped, without its archive, with a filled one on either store, and bare."""

import subprocess
import sys
import time
from pathlib import Path

from contender import Server, StartFailure

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "harness"))  # not the package: it needs more
from mariadb import Mariadb  # noqa: E402


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


Valise.stand_ins = {"unarchived": ValiseUnarchived, "archive": ValiseArchive, "mariadb": ValiseMariadb}
for _kind in (ValiseUnarchived, ValiseArchive, ValiseMariadb, ValiseBare):
    _kind.stand_ins = {}
