"""A real mariadbd of our own: temporary data, a Unix socket, no network, none of Debian's settings.

    python3 tests/harness/mariadb.py start FOLDER    leaves it running (pid in FOLDER/mariadbd.pid, socket FOLDER/socket)
    python3 tests/harness/mariadb.py stop FOLDER
"""

import asyncio
import contextlib
import getpass
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START_SECONDS = 60


class Mariadb:
    def __init__(self, folder, buffer_pool="64M"):
        self.folder = Path(folder)
        self._buffer_pool = buffer_pool
        # A Unix socket's path has at most 107 bytes; build folders can be deep.
        self.socket = Path("/tmp") / f"valise-mariadb-{os.getuid()}-{hashlib.sha256(str(self.folder.absolute()).encode()).hexdigest()[:12]}"
        # Its own: a mariadbd that starts removes the temporary tables of all others from a shared /tmp.
        self._tmp = self.folder / "tmp"
        self._place = ["--no-defaults", f"--datadir={self.folder / 'data'}", f"--tmpdir={self._tmp}",
                       f"--user={getpass.getuser()}"]
        self._pid_file = self.folder / "mariadbd.pid"
        self._process = None

    @classmethod
    def fresh(cls):
        """One that runs, in a folder of its own, and is the one of all towns of this process."""
        made = cls(tempfile.mkdtemp(prefix="valise-mariadb-"))
        made.create()
        made.start()
        os.environ["VALISE_TEST_MARIADB"] = str(made.folder)
        return made

    def create(self):
        """A fresh, empty data folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._tmp.mkdir(parents=True)
        done = subprocess.run(
            ["mariadb-install-db", *self._place, "--auth-root-authentication-method=normal", "--skip-test-db"],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")

    def start(self):
        """Starts it on the existing data and waits until it answers."""
        log = open(self.folder / "log", "ab")
        self._process = subprocess.Popen(
            ["/usr/sbin/mariadbd", *self._place, f"--socket={self.socket}", f"--pid-file={self._pid_file}", "--skip-networking",
             f"--innodb-buffer-pool-size={self._buffer_pool}", "--innodb-flush-log-at-trx-commit=1", "--max-connections=2000"],
            stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"mariadbd ended at once:\n{(self.folder / 'log').read_text()[-3000:]}")
            if self._client("SELECT 1", check=False).returncode == 0:
                return self
            time.sleep(0.05)
        raise RuntimeError(f"mariadbd did not answer in {START_SECONDS} s")

    def kill(self):
        """kill -9, as a power cut would end it."""
        self._process.kill()
        self._process.wait()

    def stop(self):
        pid = int(self._pid_file.read_text()) if self._pid_file.exists() else None
        if pid:
            os.kill(pid, signal.SIGTERM)
            while Path(f"/proc/{pid}").exists() and not _is_zombie(pid):
                time.sleep(0.05)
        if self._process:
            self._process.wait()

    @property
    def pid(self):
        return self._process.pid

    def _client(self, sql, check=True):
        return subprocess.run(["mariadb", "--no-defaults", "-u", "root", f"--socket={self.socket}", "-N", "-B", "-e", sql],
                              check=check, capture_output=True, text=True)

    def create_database(self, name):
        self._client(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")

    def drop_database(self, name):
        self._client(f"DROP DATABASE IF EXISTS `{name}`")

    @contextlib.asynccontextmanager
    async def is_locked(self, name, table):
        """Others read the table and do not write it."""
        client = await asyncio.create_subprocess_exec(
            "mariadb", "--no-defaults", "-u", "root", f"--socket={self.socket}", "-N", "-B", "-n", name,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        try:
            client.stdin.write(f"LOCK TABLES `{table}` READ; SELECT 'locked';\n".encode())
            assert (await client.stdout.readline()).strip() == b"locked"
            yield
        finally:
            client.stdin.close()
            await client.wait()

    def query(self, name, sql):
        """The rows, a line each, columns by tabs."""
        return self._client(f"USE `{name}`; {sql}").stdout

    def dump(self, name):
        """All rows as SQL text: for stories that look for what must not be there."""
        command = ["mariadb-dump", "--no-defaults", "-u", "root", f"--socket={self.socket}", "--hex-blob=0",
                   "--single-transaction", name]
        for _ in range(20):  # a change of partitions beside it ends it
            done = subprocess.run(command, capture_output=True, check=False)
            if done.returncode == 0:
                return done.stdout
        raise AssertionError(done.stderr.decode())


def _is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def main():
    verb, folder = sys.argv[1:3]
    server = Mariadb(folder)
    if verb == "start":
        server.create()
        server.start()
        print(f"mariadbd runs on {server.socket}")
    else:
        server.stop()


if __name__ == "__main__":
    main()
