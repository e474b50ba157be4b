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

import parts
import servers
import table

ROOT = Path(__file__).resolve().parent.parent.parent
SETTLES = 16  # seconds until a rate is a load that lasts: Valise's committer looks back some seconds
PAIRS = 50
BEGAN = time.monotonic()

# name, scenario of valise-bench, its options, whether the relay can do it, which stand-in of the server (servers.py), with
# how many messages in its archive at least, whether on a server that is started for it
Step = namedtuple("Step", "name scenario options relay kind stored fresh", defaults=("", 0, False))


def say(text):
    seconds = int(time.monotonic() - BEGAN)
    print(f"[{seconds // 60:2}:{seconds % 60:02}] {text}", file=sys.stderr, flush=True)


def idle_plan(args):
    """Measured once, on a server started for it: its memory must not hold what another scenario left."""
    steps = [n for n in (1000, 5000) if n < args.sessions] + [args.sessions]
    return [Step("idle", "idle", ["--sessions", ",".join(map(str, steps)), "--quiet", str(args.quiet),
                                  "--step-quiet", str(min(args.quiet, 15)), "--concurrency", "32"], True, fresh=True),
            Step("detached", "detached", ["--count", str(args.detached), "--quiet", str(min(args.quiet, 20)),
                                          "--concurrency", "32"], False, fresh=True)]


def span_of(warm_up, seconds):
    return ["--warm-up", str(warm_up), "--seconds", str(seconds)]


def round_plan(args):
    """Measured in every round."""
    pairs = ["--pairs", str(PAIRS)]
    chat = [*pairs, *span_of(args.warm_up, args.seconds)]
    steady = [*pairs, *span_of(args.warm_up + SETTLES, args.seconds)]
    return [Step("login", "login", ["--count", str(args.logins)], True),
            Step("chat-rate", "chat", [*steady, "--rate", "500"], True, "unarchived"),
            Step("chat-flat", "chat", chat, True, "unarchived")]


def rest_plan(args):
    """Measured once; with --all in every round."""
    span, pairs = span_of(args.warm_up, args.seconds), ["--pairs", str(PAIRS)]
    chat = [*pairs, *span]
    slow = [*pairs, *span_of(args.warm_up, 2 * args.seconds), "--rate", "50"]
    pages = ["--hub", str(2 * PAIRS + 1), "--queries", "300"]
    lakh, million = 100_000, 1_000_000
    return [Step("reconnect", "reconnect", ["--count", str(args.returns)], False),
            Step("reconnect-resume", "reconnect", ["--count", str(args.returns), "--resume"], False),
            Step("reconnect-fast", "reconnect", ["--count", str(args.returns), "--login", "fast"], False),
            Step("reconnect-sm", "reconnect", ["--count", str(args.returns), "--login", "resume"], False),
            Step("reconnect-sm-tls", "reconnect", ["--count", str(args.returns), "--login", "resume", "--resume"], False),
            Step("presence", "presence", ["--contacts", "100", *span], False),
            Step("rosters", "rosters", ["--rosters", ",".join(map(str, args.rosters)), "--turns", str(args.turns)], False),
            Step("carbons", "carbons", chat, False, "unarchived"),
            Step("acks", "chat", [*chat, "--acks"], False, "unarchived"),
            Step("offline", "offline", ["--pairs", str(PAIRS), "--messages", "50"], False, "unarchived"),
            Step("archive-rate", "chat", slow, False, "archive", lakh),
            Step("archive-flat", "chat", chat, False, "archive", lakh),
            Step("archive-flat-1m", "chat", chat, False, "archive", million),
            Step("archive-page", "archive", pages, False, "archive", million),
            Step("mariadb-flat", "chat", chat, False, "mariadb", lakh),
            Step("mariadb-flat-1m", "chat", chat, False, "mariadb", million),
            Step("mariadb-page", "archive", pages, False, "mariadb", million)]


# Their archives are not filled: only Valise can be asked about a large one.
FILLED_ONLY = ("archive-flat-1m", "archive-page")
# Left out of --quick unless named: filling takes minutes.
SLOW = ("archive-flat-1m", "archive-page", "mariadb-flat", "mariadb-flat-1m", "mariadb-page")
NAMES = ["idle", "detached", "login", "chat-rate", "chat-flat", "reconnect", "reconnect-resume", "reconnect-fast",
         "reconnect-sm", "reconnect-sm-tls", "presence", "rosters", "carbons", "acks", "offline", "archive-rate",
         "archive-flat", "archive-flat-1m", "archive-page", "mariadb-flat", "mariadb-flat-1m", "mariadb-page",
         *parts.PARTS]


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


def wanted(args, server, step):
    if args.scenarios is not None and step.name not in args.scenarios:
        return False
    if args.scenarios is None and args.quick and step.name in SLOW:
        return False
    if step.name in FILLED_ONLY and not isinstance(server, servers.Valise):
        return False
    return step.relay or server.speaks_xmpp


def play(args, server, plan, results):
    """The steps of a plan against one server, started for them. False when it would not start."""
    good, runs = True, None
    try:
        for step in plan:
            if not wanted(args, server, step):
                continue
            try:
                who = server.stand_in(step.kind, PAIRS)
                if who is None:
                    continue
                if runs is not None and (who is not runs or step.fresh or step.stored > who.filled):
                    runs.stop()
                runs = who
                run_step(step, server, who, results)
            except servers.StartFailure as reason:
                say(f"  {reason}")
                good = False
        return good
    finally:
        if runs is not None:
            runs.stop()


def run_step(step, server, who, results):
    """One step on `who`, the server or a stand-in of it."""
    if who.process is None:
        if step.stored:
            who.fill(step.stored)
        who.start()
    figures = who.measure(step.scenario, step.options)
    results[server.key].setdefault(step.name, []).append(figures)
    say(f"  {server.title}, {step.name}: {table.one_line(figures)}")
    if who.process.poll() is not None:
        say(f"  {who.title} ended: {who.log_end()}")
        who.stop()


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


def measure_parts(args, present, results, folder):
    shipped = [server for server in present if server.key == "valise"]
    if not shipped:
        return
    for name, measure in parts.PARTS.items():
        if args.scenarios is not None and name not in args.scenarios:
            continue
        figures = measure(args.programs, folder)
        results["valise"].setdefault(name, []).append(figures)
        say(f"  {shipped[0].title}, {name}: {table.one_line(figures)}")


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
        "servers": [{"title": s.title, "version": s.version(), "lifted": s.lifted}
                    for one in present for s in (one, *one.made.values())],
    }


def add_binaries(parser):
    parser.add_argument("--build", type=Path, default=ROOT / "build/release", help="build folder with the binaries")
    parser.add_argument("--valised", type=Path, help="valised (default: in the build folder)")


def place_binaries(args, folder):
    """Copies them into the folder and tells the servers."""
    servers.Valise.binary = own_copy(args.valised or args.build / "server/main/valised", folder)
    args.programs = {Path(name).name: own_copy(args.build / name, folder) for name in parts.PROGRAMS}
    args.programs["stock.lua"] = own_copy(ROOT / "lua/stock.lua", folder)
    servers.Valise.ctl = args.programs["valisectl"]
    servers.Relay.binary = own_copy(args.build / "tests/bench/tls-relay", folder)
    servers.ValiseArchive.filler = own_copy(args.build / "tests/bench/fill-archive", folder)
    servers.Server.bench = own_copy(args.build / "tests/bench/valise-bench", folder)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    add_binaries(parser)
    parser.add_argument("--only", help="servers, by comma: " + ",".join(s.key for s in servers.ALL))
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="only these: " + " ".join(NAMES))
    parser.add_argument("--scenarios", help="the same, by comma")
    parser.add_argument("--runs", type=int, default=3, help="rounds of log-in and chat (3)")
    parser.add_argument("--all", action="store_true",
                        help="every scenario in every round, and the coalescing relay (about 20 minutes more)")
    parser.add_argument("--sessions", type=int, default=10000, help="idle sessions, as far as descriptors allow (10000)")
    parser.add_argument("--logins", type=int, default=500, help="log-ins measured (500)")
    parser.add_argument("--returns", type=int, default=1000, help="clients that drop and return at once (1000)")
    parser.add_argument("--turns", type=int, default=25, help="log-ins of each account with a roster (25)")
    parser.add_argument("--detached", type=int, default=10000, help="detached sessions (10000)")
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
    args.scenarios = args.names + (args.scenarios.split(",") if args.scenarios else []) or None
    for name in args.scenarios or []:
        if name not in NAMES:
            parser.error(f"no scenario {name}; there are " + " ".join(NAMES))
    args.descriptors = servers.raise_descriptor_limit()
    args.sessions = min(args.sessions, args.descriptors - 500)
    args.logins, args.returns = min(args.logins, args.sessions), min(args.returns, args.sessions)
    args.detached = min(args.detached, args.sessions)
    asks = {"idle": args.sessions, "login": args.logins, "detached": args.detached,
            # behind those of chat and presence
            "rosters": 2 * PAIRS + 1 + len(args.rosters) + max(args.rosters)}
    asks.update({name: args.returns for name in NAMES if name.startswith("reconnect")})
    needed = [2 * PAIRS + 1] + [n for name, n in asks.items() if args.scenarios is None or name in args.scenarios]
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
        measure_parts(args, present, results, folder)
        for server in [s for one in present for s in (one, *one.made.values())]:
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
