"""Smack's integration tests against a valised of their own, held against smack/results.txt.

That file says of each test what is expected: `pass NAME`, `fail NAME: why`, `away CLASS: why` (it could not run),
`either NAME: why` (pass or fail: the suite draws the order of its tests, and some leave contacts behind).
`smack.py --write` prints the file anew from a run; the reasons are kept.
"""

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness import Town  # noqa: E402

ALLOWED = {"pass": ("pass",), "fail": ("fail",), "away": ("away",), "either": ("pass", "fail")}
RESULTS = HERE / "smack" / "results.txt"
LIBRARIES = HERE.parent.parent / "build" / "smack"
REPORT = re.compile(r"^(?:INFO|SEVERE): (\w+\.\w+) \([^)]*\) (✔|failed: .*)")
AWAY = re.compile(r"^INFO: Could not run (\S+) because: (.*)")

# The suite talks in the clear and makes its own accounts, many at once, over one connection that never logs in.
OPTIONS = {"sealed.mode": "off", "registration.enabled": True, "limits.registrations_per_hour": 1_000_000,
           "timeouts.login": 600}

# It waits minutes for a stranger's answer (RFC 6121 §8.5.3.1: who does not see a person's presence can't ask his device),
# and its client's own SOCKS5 proxy finds no address where there is only loopback.
LEFT_OUT = "FileTransferIntegrationTest"


def fetch_libraries():
    """Maven brings what pom.xml names into build/smack, once for each pom.xml."""
    pom = HERE / "smack" / "pom.xml"
    stamp = LIBRARIES / "pom.xml"
    if stamp.exists() and stamp.read_text() == pom.read_text():
        return
    shutil.rmtree(LIBRARIES, ignore_errors=True)
    subprocess.run(["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies",
                    f"-DoutputDirectory={LIBRARIES}", "-DincludeScope=test"], check=True)
    shutil.copy(pom, stamp)


def command(town, folder):
    trust = folder / "authority.p12"
    subprocess.run(["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", town.place.ca, "-keystore",
                    str(trust), "-storetype", "PKCS12", "-storepass", "unimportant"], check=True, capture_output=True)
    settings = {"service": "localhost", "host": town.place.address, "securityMode": "required",
                "replyTimeout": "20000", "dnsResolver": "javax", "defaultConnection": "tcp",
                "enabledConnections": "tcp", "disabledTests": LEFT_OUT, "verbose": "true"}
    return ["java", "-Xmx512m", "-Dfile.encoding=UTF-8", f"-Djavax.net.ssl.trustStore={trust}",
            "-Djavax.net.ssl.trustStorePassword=unimportant",
            *(f"-Dsinttest.{name}={value}" for name, value in settings.items()),
            "-cp", f"{LIBRARIES}/*", "org.igniterealtime.smack.inttest.SmackIntegrationTestFramework"]


async def run_suite():
    """The suite's lines."""
    town = Town(OPTIONS, name="smack")
    folder = Path(tempfile.mkdtemp(prefix="valise-smack-"))
    try:
        await town.start()
        process = await asyncio.create_subprocess_exec(*command(town, folder), stdout=asyncio.subprocess.PIPE,
                                                       stderr=asyncio.subprocess.STDOUT, limit=1 << 20)
        out, _ = await process.communicate()
        await town.audit_is_sound()
        return out.decode(errors="replace").splitlines()
    finally:
        await town.close()
        shutil.rmtree(folder, ignore_errors=True)


def outcomes(lines):
    """{name: (word, what the suite says)}"""
    found = {}
    for line in lines:
        if report := REPORT.match(line):
            name, verdict = report.groups()
            found[name] = ("pass", "") if verdict == "✔" else ("fail", verdict)
        elif away := AWAY.match(line):
            found[away[1].rsplit(".", 1)[1]] = ("away", away[2])
    return found


def expectations():
    """{name: (word, reason)}"""
    expected = {}
    for line in RESULTS.read_text().splitlines() if RESULTS.exists() else []:
        if line and not line.startswith("#"):
            word, rest = line.split(" ", 1)
            name, _, reason = rest.partition(": ")
            expected[name] = (word, reason)
    return expected


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="print results.txt as it would be now")
    arguments = parser.parse_args()
    fetch_libraries()
    lines = asyncio.run(run_suite())
    found, expected = outcomes(lines), expectations()
    if arguments.write:
        for name, (word, said) in found.items():
            if expected.get(name, ("", ""))[0] == "either" and word in ("pass", "fail"):
                found[name] = ("either", said)
        for name, (word, said) in sorted(found.items(), key=lambda item: (item[1][0] != "pass", item[1][0], item[0])):
            reason = expected.get(name, ("", ""))[1] or said
            print(f"{word} {name}" + ("" if word == "pass" else f": {reason}"))
        return 0
    wrong = [f"{name}: {found.get(name, ('missing', ''))}, expected {expected.get(name, ('nothing: add it', ''))[0]}"
             for name in sorted(found.keys() | expected.keys())
             if found.get(name, ("", ""))[0] not in ALLOWED.get(expected.get(name, ("", ""))[0], ())]
    if not found or wrong:
        print("\n".join(lines[-200:]))
    for word in ("pass", "fail", "away"):
        print(f"{word}: {sum(1 for outcome in found.values() if outcome[0] == word)}")
    print("\n".join(wrong) or "as smack/results.txt says")
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
