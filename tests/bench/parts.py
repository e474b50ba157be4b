"""What parts of Valise cost without a server around them: programs that print their figures."""

import json
import shutil
import subprocess
import tempfile
import time

RECORDS = 1_000_000


def figures_of(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"result": "failed", "failure": f"{command[0].name} ended with {done.returncode}"}
    return json.loads(done.stdout)


def seal(binaries, _):
    """The checks of a seal."""
    return figures_of(binaries["omemo_cost"], "--json")


def policy(binaries, _):
    """A decision of rules."""
    return figures_of(binaries["policy_cost"], "--json")


def replay(binaries, folder):
    """A day of a million records under the stock policy."""
    log = tempfile.mkdtemp(dir=folder)
    try:
        filled = subprocess.run([binaries["fill_log"], log, str(RECORDS)], check=False)
        if filled.returncode != 0:
            return {"result": "failed", "failure": "fill_log ended"}
        began = time.monotonic()
        answer = figures_of(binaries["valisectl"], "policy", "replay", log, "--since", "48h", "--policy",
                            binaries["stock.lua"], "--json")
        seconds = time.monotonic() - began
        if answer.get("result") == "failed" or answer["records"] != RECORDS:
            return {"result": "failed", "failure": answer.get("failure", f"{answer.get('records')} records")}
        return {"result": "ok", "seconds": round(seconds, 1)}
    finally:
        shutil.rmtree(log)


PARTS = {"seal": seal, "policy": policy, "replay": replay}
# Where the build has them.
PROGRAMS = ("tests/unit/omemo/omemo_cost", "tests/unit/policy/policy_cost", "tests/unit/audit/fill_log",
            "server/ctl/valisectl")
