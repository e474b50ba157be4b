"""Smack's integration tests against a valised of their own, held against smack/results.txt.

That file says of each test what is expected: `pass NAME`, `fail NAME: why`, `away CLASS: why` (it could not run).
Each test is asked by itself, with accounts of its own: the suite draws the order of its classes, and some leave contacts
and requests behind that others then wait for in vain.
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

AT_ONCE = 8  # a test mostly waits


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


def trust_store(town, folder):
    path = folder / "authority.p12"
    subprocess.run(["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", town.place.ca, "-keystore",
                    str(path), "-storetype", "PKCS12", "-storepass", "unimportant"], check=True, capture_output=True)
    return path


def command(town, trust, choice):
    """`choice`: the suite's settings for what is asked."""
    settings = {"service": "localhost", "host": town.place.address, "securityMode": "required",
                "replyTimeout": "20000", "dnsResolver": "javax", "defaultConnection": "tcp",
                "enabledConnections": "tcp", "verbose": "true", **choice}
    return ["java", "-Xmx512m", "-Dfile.encoding=UTF-8", f"-Djavax.net.ssl.trustStore={trust}",
            "-Djavax.net.ssl.trustStorePassword=unimportant",
            *(f"-Dsinttest.{name}={value}" for name, value in settings.items()),
            "-cp", f"{LIBRARIES}/*", "org.igniterealtime.smack.inttest.SmackIntegrationTestFramework"]


async def run_suite(tests):
    """The suite's lines: each of `tests` by itself, and once all classes that none of them is of."""
    town = Town(OPTIONS, name="smack")
    folder = Path(tempfile.mkdtemp(prefix="valise-smack-"))
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(choice):
        async with turns:
            process = await asyncio.create_subprocess_exec(*command(town, trust, choice), stdout=asyncio.subprocess.PIPE,
                                                           stderr=asyncio.subprocess.STDOUT, limit=1 << 20)
            out, _ = await process.communicate()
            return out.decode(errors="replace").splitlines()

    classes = sorted({test.split(".")[0] for test in tests})
    # The last class twice: the suite refuses to run where all that it could run is disabled.
    choices = [{"disabledTests": ",".join([LEFT_OUT, *classes[:-1]])}, *({"enabledTests": test} for test in tests)]
    try:
        await town.start()
        trust = trust_store(town, folder)
        answers = await asyncio.gather(*map(ask, choices))
        await town.audit_is_sound()
        return [line for lines in answers for line in lines]
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
    expected = expectations()
    if arguments.write:
        tests = [name for name in outcomes(asyncio.run(run_suite([]))) if "." in name]
    else:
        tests = [name for name, (word, _) in expected.items() if word != "away"]
    lines = asyncio.run(run_suite(tests))
    found = outcomes(lines)
    if arguments.write:
        for name, (word, said) in sorted(found.items(), key=lambda item: (item[1][0] != "pass", item[1][0], item[0])):
            reason = expected.get(name, ("", ""))[1] or said
            print(f"{word} {name}" + ("" if word == "pass" else f": {reason}"))
        return 0
    wrong = [f"{name}: {found.get(name, ('missing', ''))}, expected {expected.get(name, ('nothing: add it', ''))[0]}"
             for name in sorted(found.keys() | expected.keys())
             if found.get(name, ("",))[0] != expected.get(name, ("",))[0]]
    if not found or wrong:
        print("\n".join(lines[-200:]))
    for word in ("pass", "fail", "away"):
        print(f"{word}: {sum(1 for outcome in found.values() if outcome[0] == word)}")
    print("\n".join(wrong) or "as smack/results.txt says")
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
