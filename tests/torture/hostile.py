"""Hostile input beside well-behaved people: what each attack costs the server in memory, that the memory comes back,
that the right answer is seen, that the server lives, and what the others waited. Prints the table of docs/HOSTILE.md.

    hostile.py [--long] [--output FILE] [WORD…]      only attacks whose title contains one of the words
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

import _path  # noqa: F401
from attacks import ATTACKS, CAPS, STORE, Stage, each
from gauge import MIB, Neighbours, Peak, resident, seconds
from harness import Town
from harness.town import Raw

PAIRS = 3
SESSIONS = 20           # of an account: limits.resources
WARM = 150                # sessions that come and go before the first attack
STAY_IN_ALL = 24 + STORE + CAPS  # MiB that may stay of all attacks together
PATIENCE = 150          # seconds: an account stays in memory for one minute, and is looked for four times a minute
QUIET = {True: 600, False: 60}  # messages of the neighbours before each attack: what a p99 is of
TIMES = {True: 90, False: 20}  # seconds for an unfinished stanza: all attackers must have begun by then


def options(is_long):
    return {"log.level": "warning", "limits.rate_burst": Raw("GiB"), "limits.resources": SESSIONS,
            "timeouts.stanza": TIMES[is_long], "timeouts.stanza_before_login": TIMES[is_long],
            "timeouts.login": 600}


def gives_way():
    """The attackers take only what processor time the server and its neighbours leave: elsewhere they have machines of
    their own. Linux shares it among sessions first; of one that we share with others only our own priority is lowered."""
    os.nice(19)
    if os.getsid(0) == os.getpid() and Path("/proc/self/autogroup").exists():
        Path("/proc/self/autogroup").write_text("19")


async def fills_pools(stage):
    """Many come and go: what a server keeps for the next ones (parsers, buffers) belongs to the base."""
    devices = await each(WARM, stage.session)
    for device in devices:
        await device.sends(f"<message to='nobody@localhost' id='w'><body>{'x' * 16384}</body></message>")
        await device.asks("<ping xmlns='urn:xmpp:ping'/>")
    await stage.close()


async def comes_back(pid, bound):
    """Waits until no more than that is in memory; returns what is."""
    deadline = seconds() + PATIENCE
    while resident(pid) > bound and seconds() < deadline:
        await asyncio.sleep(0.25)
    return resident(pid)


async def is_done(town, stage, neighbours, attack, count, first_base, quiet_messages):
    """One attack; returns its line of the table."""
    await neighbours.chat(30)
    base, quiet = resident(town.pid), seconds()
    await neighbours.chat(quiet_messages)
    began = seconds()
    async with Peak(town.pid) as peak:
        await attack.run(stage, count)
        await neighbours.chat(15)
    ended = seconds()
    await stage.close()
    bound = attack.bound(count)
    over = (peak.bytes - base) / MIB
    allowed = min(base + attack.stays * MIB, first_base + STAY_IN_ALL * MIB)
    after = await comes_back(town.pid, allowed)
    before_ms, _ = neighbours.p99(quiet, began)
    during_ms, messages = neighbours.p99(began, ended)
    line = (f"| {attack.title} | {count:,} | {attack.answer} | {over:.1f} (≤ {bound:.0f}) | {(after - base) / MIB:+.1f} | "
            f"{before_ms:.1f} → {during_ms:.1f} ({messages}) |")
    print(f"{line} {ended - began:.0f} s", flush=True)
    if over > bound:
        raise AssertionError(f"{attack.title}: {over:.1f} MiB over the base; the bound is {bound:.0f}")
    if after > allowed:
        raise AssertionError(f"{attack.title}: {(after - base) / MIB:.1f} MiB stay, "
                             f"{(after - first_base) / MIB:.1f} of all attacks")
    return line


HEAD = ["| attack | times | answer | peak over the base, MiB (bound) | stays, MiB | others' p99, ms: before → during (messages) |",
        "|---|---|---|---|---|---|"]


def document(lines, fresh, base, is_long):
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "unknown CPU")
    return "\n".join([
        "# Hostile input", "",
        f"{time.strftime('%Y-%m-%d')}, {cpu}, {os.cpu_count()} cores; `tests/torture/hostile.py{' --long' if is_long else ''}` "
        f"wrote this. One server, as shipped but for the rates that the attacks would be slowed by; {PAIRS} pairs chat beside "
        f"each attack, in a process of their own; they share the machine, the attackers with the lowest priority. Resident memory when fresh: "
        f"{fresh / MIB:.0f} MiB; after {WARM} sessions have come and gone, which is before the first attack: {base / MIB:.0f} MiB. Peak and what stays are against the moment before each attack; a run fails "
        f"where a peak is above its bound, where more than 6 MiB of one attack stay (and what SQLite's cache holds, {STORE} MiB, of one that fills the store, or the cache of client versions, {CAPS}) or "
        f"{STAY_IN_ALL} MiB of all, where the answer is another, where a neighbour's message is lost, or where the server ends. Latencies are shown, not judged.",
        "", *HEAD, *lines, ""])


async def main(arguments):
    chosen = [one for one in ATTACKS
              if not arguments.words or any(word in one.title for word in arguments.words)]
    town = Town(options(arguments.long), name="hostile")
    await town.start()
    neighbours, stage = Neighbours(town, PAIRS), Stage(town, SESSIONS)
    try:
        await neighbours.start()
        if arguments.long:
            gives_way()
        await neighbours.chat(60)
        fresh = resident(town.pid)
        await fills_pools(stage)
        await neighbours.chat(PAIRS * 100)  # ten seconds: what was freed has gone back to the system
        first = resident(town.pid)
        print(f"fresh: {fresh / MIB:.1f} MiB; after {WARM} sessions have come and gone: {first / MIB:.1f} MiB\n", flush=True)
        print("\n".join(HEAD), flush=True)
        lines = [await is_done(town, stage, neighbours, one, one.long if arguments.long else one.short, first,
                               QUIET[arguments.long])
                 for one in chosen]
        await neighbours.stop()
        await town.ctl("status")
        if arguments.output:
            arguments.output.write_text(document(lines, fresh, first, arguments.long))
    except BaseException:
        print(town.log()[-3000:])
        raise
    finally:
        await town.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--long", action="store_true", default=int(os.environ.get("VALISE_TORTURE_MINUTES", "0")) > 0)
    parser.add_argument("--output", type=Path)
    status = 0
    try:
        asyncio.run(main(parser.parse_args()))
    except AssertionError as error:
        print(f"FAILED: {error}", flush=True)
        status = 1
    sys.stdout.flush()
    os._exit(status)
