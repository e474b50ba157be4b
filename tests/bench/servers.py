"""All contenders."""

import os
import subprocess
from pathlib import Path

from contender import Server, StartFailure, make_certificate, raise_descriptor_limit  # noqa: F401
from peers import Ejabberd, Prosody
from valise import Valise, ValiseArchive, ValiseBare  # noqa: F401


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


ALL = [Prosody, Ejabberd, Relay, CoalescingRelay, ValiseBare, Valise]
