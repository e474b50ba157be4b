"""Where the server under test is and who lives there: one JSON file, so that the same client tests run against any
XMPP server. {"host", "port", "domain", "ca", "accounts": {"alice": "password", "bob": "password"}}
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    host: str       # address to connect to (STARTTLS)
    port: int
    domain: str     # the XMPP domain, in the certificate
    ca: str         # PEM file of the CA that signed it
    accounts: dict  # name -> password
    # Where there are browsers: valised's HTTPS, the port whose pages may log in, and a certificate for them.
    web_port: int = 0
    page_port: int = 0
    certificate: str = ""
    key: str = ""
    # Where a test puts a wire of its own between a client and the server, and how it reads the server's records.
    wire_port: int = 0
    valisectl: str = ""
    audit: str = ""

    def jid(self, name):
        return f"{name}@{self.domain}"

    def password(self, name):
        return self.accounts[name]


def read_place(path):
    return Place(**json.loads(Path(path).read_text()))


def place_from_command_line(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--place", required=True, help="JSON file that says where the server is (see place.py)")
    return read_place(parser.parse_args().place)
