"""A real slapd of our own: temporary data, free loopback ports, none of Debian's settings."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .certificates import make_certificate

START_SECONDS = 30
SUFFIX = "dc=example,dc=org"
ADMIN = f"cn=admin,{SUFFIX}"
ADMIN_PASSWORD = "admin of the tests"
READER = f"cn=reader,{SUFFIX}"
READER_PASSWORD = "what the server reads with"

CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
TLSCACertificateFile {authority}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
sizelimit unlimited
database mdb
suffix "{suffix}"
rootdn "{admin}"
rootpw "{password}"
directory {folder}/data
maxsize 67108864
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""

BASE = f"""
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {READER_PASSWORD}

"""


def free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def person(name, *mails, of="justice"):
    """LDIF of somebody in the department `of`."""
    lines = [f"dn: uid={name},{SUFFIX}", "objectClass: inetOrgPerson", f"uid: {name}", f"cn: {name}", f"sn: {name}",
             f"departmentNumber: {of}", *(f"mail: {mail}" for mail in mails)]
    return "\n".join(lines) + "\n\n"


class Slapd:
    """`authority`: the folder of the CA that its certificate is of (harness/certificates.py)."""

    def __init__(self, address, authority, people=""):
        self.folder = Path(tempfile.mkdtemp(prefix="valise-slapd-"))
        self.address = address
        self.port, self.tls_port = free_port(address), free_port(address)
        self.socket = self.folder / "ldapi"
        self._process = None
        (self.folder / "data").mkdir()
        certificate, key = make_certificate(authority, address)
        self._config = self.folder / "slapd.conf"
        self._config.write_text(CONFIG.format(folder=self.folder, authority=Path(authority) / "ca.pem", certificate=certificate, key=key,
                                              suffix=SUFFIX, admin=ADMIN, password=ADMIN_PASSWORD, reader=READER))
        self._config.chmod(0o600)
        done = subprocess.run(["/usr/sbin/slapadd", "-f", str(self._config)], input=BASE + people, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"slapadd failed:\n{done.stdout}{done.stderr}")

    @property
    def uri(self):
        return f"ldap://{self.address}:{self.port}"

    @property
    def tls_uri(self):
        return f"ldaps://{self.address}:{self.tls_port}"

    @property
    def socket_uri(self):
        return "ldapi://" + str(self.socket).replace("/", "%2F")

    def start(self):
        """Starts it on the data that is there and waits until it answers."""
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                ["/usr/sbin/slapd", "-f", str(self._config), "-h", f"{self.uri} {self.tls_uri} {self.socket_uri}", "-d", "stats"],
                stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"slapd ended at once:\n{self.log()[-3000:]}")
            try:
                socket.create_connection((self.address, self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"slapd did not answer in {START_SECONDS} s")

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def close(self):
        self.stop()
        if not os.environ.get("VALISE_TEST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def change(self, ldif):
        """LDIF with changes: additions where it does not say otherwise."""
        done = subprocess.run(["ldapmodify", "-a", "-x", "-H", self.uri, "-D", ADMIN, "-w", ADMIN_PASSWORD],
                              input=ldif, text=True, capture_output=True, check=False, env={**os.environ, "LDAPNOINIT": "1"})
        if done.returncode != 0:
            raise RuntimeError(f"ldapmodify failed:\n{done.stdout}{done.stderr}")

    def remove(self, name):
        self.change(f"dn: uid={name},{SUFFIX}\nchangetype: delete\n\n")
