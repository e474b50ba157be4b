#!/usr/bin/env python3
"""Runs the same scenarios against Valise, Prosody, ejabberd and the bare TLS relay and prints one Markdown table:
figures, ratios of the same run, and what must hold. README.md says how to read it."""

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import servers
import table

ROOT = Path(__file__).resolve().parent.parent.parent
PAIRS = 50
BEGAN = time.monotonic()

# name, scenario of valise-bench, its options, whether the relay can do it
Step = namedtuple("Step", "name scenario options relay")


def say(text):
    seconds = int(time.monotonic() - BEGAN)
    print(f"[{seconds // 60:2}:{seconds % 60:02}] {text}", file=sys.stderr, flush=True)


def idle_plan(args):
    """Measured once, on a server started for it: its memory must not hold what another scenario left."""
    steps = [n for n in (1000, 5000) if n < args.sessions] + [args.sessions]
    return [Step("idle", "idle", ["--sessions", ",".join(map(str, steps)), "--quiet", str(args.quiet),
                                  "--step-quiet", str(min(args.quiet, 15)), "--concurrency", "32"], True)]


def round_plan(args):
    """Measured in every round."""
    chat = ["--pairs", str(PAIRS), "--warm-up", str(args.warm_up), "--seconds", str(args.seconds)]
    return [Step("login", "login", ["--count", str(args.logins)], True),
            Step("chat-rate", "chat", [*chat, "--rate", "500"], True),
            Step("chat-flat", "chat", chat, True)]


def rest_plan(args):
    """Measured once; with --all in every round."""
    span = ["--warm-up", str(args.warm_up), "--seconds", str(args.seconds)]
    return [Step("reconnect", "reconnect", ["--count", str(args.returns)], False),
            Step("reconnect-resume", "reconnect", ["--count", str(args.returns), "--resume"], False),
            Step("reconnect-fast", "reconnect", ["--count", str(args.returns), "--login", "fast"], False),
            Step("reconnect-sm", "reconnect", ["--count", str(args.returns), "--login", "resume"], False),
            Step("carbons", "carbons", ["--pairs", str(PAIRS), *span], False),
            Step("offline", "offline", ["--pairs", str(PAIRS), "--messages", "50"], False),
            Step("presence", "presence", ["--contacts", "100", *span], False),
            Step("rosters", "rosters", ["--rosters", ",".join(map(str, args.rosters)), "--turns", str(args.turns)], False)]


def seed_all(kinds, folder):
    """The servers whose accounts stand. Two at a time: nothing is measured yet, and each keeps one core busy."""
    certificate, key = servers.make_certificate(folder)
    ready = [kind(folder, certificate, key) for kind in kinds]  # here, so that their ports differ

    def prepare(server):
        try:
            if not server.speaks_xmpp:
                server.command()
                return True
            remark = server.seed(PAIRS)
            say(f"{server.title}: {server.accounts} accounts" + (f"; {remark}" if remark else ""))
            return True
        except servers.StartFailure as reason:
            say(f"left out: {reason}")
            return False

    with ThreadPoolExecutor(max_workers=2) as pool:
        stands = list(pool.map(prepare, ready))
    return [server for server, good in zip(ready, stands) if good]


def play(args, server, plan, results):
    """The steps of a plan against one server, started for them. False when it would not start."""
    steps = [step for step in plan if (args.scenarios is None or step.name in args.scenarios)
             and (step.relay or server.speaks_xmpp)]
    try:
        for step in steps:
            if server.process is None:
                server.start()
            figures = server.measure(step.scenario, step.options)
            results[server.key].setdefault(step.name, []).append(figures)
            say(f"  {server.title}, {step.name}: {table.one_line(figures)}")
            if server.process.poll() is not None:
                say(f"  {server.title} ended: {server.log_end()}")
                server.stop()
        return True
    except servers.StartFailure as reason:
        say(f"  {reason}")
        return False
    finally:
        server.stop()


def measure_all(args, present):
    """All figures: results[server][scenario] is a list, one a run. And whether every server could be started."""
    results = {server.key: {} for server in present}
    stages = [("idle sessions", idle_plan(args))]
    for number in range(1, args.runs + 1):
        rest = rest_plan(args) if args.all or number == 1 else []
        stages.append((f"run {number} of {args.runs}", round_plan(args) + rest))
    good = True
    for title, plan in stages:
        for server in present:
            say(f"{title}: {server.title}")
            good = play(args, server, plan, results) and good
    return results, good


def own_copy(binary, folder):
    """A build that runs meanwhile must not change what is being measured."""
    return Path(shutil.copy2(binary, folder)) if binary.exists() else binary


def environment(args, present):
    cpu = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}",
        "descriptors": args.descriptors,
        "minutes": round((time.monotonic() - BEGAN) / 60),
        "sessions": args.sessions,
        "command": " ".join(["./dev bench", *args.own_arguments]),
        "servers": [{"title": s.title, "version": s.version(), "lifted": s.lifted} for s in present],
    }


def add_binaries(parser):
    parser.add_argument("--build", type=Path, default=ROOT / "build/release", help="build folder with the binaries")
    parser.add_argument("--valised", type=Path, help="valised (default: in the build folder)")


def place_binaries(args, folder):
    """Copies them into the folder and tells the servers."""
    servers.Valise.binary = own_copy(args.valised or args.build / "server/main/valised", folder)
    servers.Valise.ctl = own_copy(args.build / "server/ctl/valisectl", folder)
    servers.Relay.binary = own_copy(args.build / "tests/bench/tls-relay", folder)
    servers.Server.bench = own_copy(args.build / "tests/bench/valise-bench", folder)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    add_binaries(parser)
    parser.add_argument("--only", help="servers, by comma: " + ",".join(s.key for s in servers.ALL))
    parser.add_argument("--scenarios", help="by comma: idle,login,chat-rate,chat-flat,reconnect,reconnect-resume,"
                        "reconnect-fast,reconnect-sm,carbons,offline,presence,rosters")
    parser.add_argument("--runs", type=int, default=3, help="rounds of log-in and chat (3)")
    parser.add_argument("--all", action="store_true",
                        help="every scenario in every round, and the coalescing relay (about 20 minutes more)")
    parser.add_argument("--sessions", type=int, default=10000, help="idle sessions, as far as descriptors allow (10000)")
    parser.add_argument("--logins", type=int, default=500, help="log-ins measured (500)")
    parser.add_argument("--returns", type=int, default=1000, help="clients that drop and return at once (1000)")
    parser.add_argument("--turns", type=int, default=40, help="log-ins of each account with a roster (40)")
    parser.add_argument("--quiet", type=int, default=60, help="seconds before idle memory is read (60)")
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=10, help="measured, per chat scenario (10)")
    parser.add_argument("--quick", action="store_true", help="one run, 1,000 sessions, 10 s quiet: a look, not a proof")
    parser.add_argument("--output", type=Path, help="also write the table here, e.g. docs/BENCHMARKS.md")
    parser.add_argument("--json", type=Path, help="also write all figures of all runs here")
    parser.add_argument("--keep", action="store_true", help="leave the servers' folders (logs, stores) behind")
    args = parser.parse_args()
    if args.quick:
        args.runs, args.sessions, args.quiet, args.seconds, args.turns = 1, min(args.sessions, 1000), 10, 5, 10
    args.rosters = [10, 100, 1000]
    args.own_arguments = [a for a in sys.argv[1:] if a != "--build" and not a.startswith("build/")]
    args.scenarios = args.scenarios.split(",") if args.scenarios else None
    args.descriptors = servers.raise_descriptor_limit()
    args.sessions = min(args.sessions, args.descriptors - 500)
    args.logins, args.returns = min(args.logins, args.sessions), min(args.returns, args.sessions)
    needed = [args.logins, args.returns, 2 * PAIRS + 1]
    if args.scenarios is None or "idle" in args.scenarios:
        needed.append(args.sessions)
    if args.scenarios is None or "rosters" in args.scenarios:
        needed.append(2 * PAIRS + 1 + len(args.rosters) + max(args.rosters))  # behind those of chat and presence
    servers.Server.accounts = max(needed)
    return args


def chosen(args):
    if args.only:
        return [kind for kind in servers.ALL if kind.key in args.only.split(",")]
    return [kind for kind in servers.ALL if args.all or kind is not servers.CoalescingRelay]


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that no server stays behind
    folder = Path(tempfile.mkdtemp(prefix="valise-bench-"))
    try:
        place_binaries(args, folder)
        kinds = chosen(args)
        present = seed_all(kinds, folder)
        results, good = measure_all(args, present)
        for server in present:
            sound, remark = server.check_after()
            if remark:
                server.lifted += f"; {remark}"
            if not sound:
                say(f"{server.title}: what it left on disk is not sound. {remark}")
            good = good and sound
        place = environment(args, present)
        text = table.markdown(place, {s.key: s.title for s in present}, results)
        print(text)
        if args.output:
            args.output.write_text(text)
        if args.json:
            args.json.write_text(json.dumps({"environment": place, "results": results}, indent=1))
        good = good and len(present) == len(kinds)
        good = good and all(f["result"] == "ok" for r in results.values() for runs in r.values() for f in runs)
        return 0 if good else 1
    finally:
        if args.keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
