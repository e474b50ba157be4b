#!/usr/bin/env python3
"""Runs the same scenarios against Valise, Prosody, ejabberd and the bare TLS relay, one after the other in every round,
and prints one Markdown table: median (minimum … maximum) and ratios. README.md says how to read it."""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import servers
import table

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "bench-password"
PAIRS = 50


def plan(args):
    """The scenarios in order: name, options, whether the relay can do it, whether the server is started anew (its
    memory must not hold what another scenario left)."""
    logins = min(args.logins, args.sessions)
    chat = ["--pairs", str(PAIRS), "--warm-up", str(args.warm_up), "--seconds", str(args.seconds)]
    everything = [
        ("idle", "idle", ["--sessions", ",".join(map(str, idle_steps(args.sessions))), "--quiet", str(args.quiet),
                          "--concurrency", "32"], True, True),
        ("login", "login", ["--count", str(logins)], True, True),
        ("reconnect", "reconnect", ["--count", str(logins)], False, False),
        ("chat-rate", "chat", [*chat, "--rate", "500"], True, True),
        ("chat-flat", "chat", chat, True, False),
        ("carbons", "carbons", chat, False, False),
        ("offline", "offline", ["--pairs", str(PAIRS), "--messages", "50"], False, False),
        ("presence", "presence", ["--contacts", "100", "--warm-up", str(args.warm_up), "--seconds", str(args.seconds)],
         False, False),
    ]
    return [row for row in everything if args.scenarios is None or row[0] in args.scenarios]


def idle_steps(most):
    return [n for n in (1000, 5000) if n < most] + [most]


def bench(args, server, scenario, options):
    """One run of valise-bench; its figures, with "result" other than "ok" when something went wrong."""
    command = [str(args.bench), scenario, "--json", "--accounts", f"bench,{args.accounts},{PASSWORD}",
               *server.bench_options(), *options]
    if server.process is not None:
        command += ["--pids", str(server.process.pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=7200)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        return {"result": "failed", "failure": (done.stdout + done.stderr).strip()[-400:] or f"status {done.returncode}"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def seed(args, server):
    say(f"{server.title}: {args.accounts} accounts")
    server.start()
    try:
        options = ["--concurrency", "16", "--pairs", str(PAIRS)]
        figures = bench(args, server, "seed", options + server.seed_options)
        if figures["result"] != "ok" and server.seed_options:
            say(f"{server.title}: {figures.get('failure')}")
            server.lifted += "; OMEMO devices could not be published"
            figures = bench(args, server, "seed", options)
        if figures["result"] != "ok":
            raise servers.StartFailure(f"{server.title}: accounts: {figures.get('failure')}")
    finally:
        server.stop()


def round_of(args, server, results):
    """All scenarios against one server; the figures are appended to results[server][scenario]."""
    for name, scenario, options, for_relay, fresh in plan(args):
        if not server.speaks_xmpp and not for_relay:
            continue
        if server.process is None or fresh:
            server.stop()
            server.start()
            time.sleep(2)  # Erlang goes on loading after its port is open
        figures = bench(args, server, scenario, options)
        results[server.key].setdefault(name, []).append(figures)
        say(f"  {server.title}, {name}: {table.one_line(figures)}")
        if server.process.poll() is not None:
            say(f"  {server.title} ended: {server.log_end()}")
            server.stop()
    server.stop()


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
        "command": " ".join(["tests/bench/compare.py", *sys.argv[1:]]),
        "servers": [{"title": s.title, "version": s.version(), "lifted": s.lifted} for s in present],
    }


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="build folder with the binaries")
    parser.add_argument("--valised", type=Path, help="valised (default: in the build folder)")
    parser.add_argument("--valisectl", type=Path, help="valisectl (default: in the build folder)")
    parser.add_argument("--bench", type=Path, help="valise-bench (default: in the build folder)")
    parser.add_argument("--relay", type=Path, help="tls-relay (default: in the build folder)")
    parser.add_argument("--only", help="servers, by comma: " + ",".join(s.key for s in servers.ALL))
    parser.add_argument("--scenarios", help="by comma: idle,login,reconnect,chat-rate,chat-flat,carbons,offline,presence")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sessions", type=int, default=10000, help="idle sessions, as far as descriptors allow")
    parser.add_argument("--logins", type=int, default=1000)
    parser.add_argument("--quiet", type=int, default=60, help="seconds before idle memory is read")
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10, help="measured, per chat scenario")
    parser.add_argument("--quick", action="store_true", help="one run, 1,000 sessions, 10 s quiet: a look, not a proof")
    parser.add_argument("--output", type=Path, help="also write the table here, e.g. docs/BENCHMARKS.md")
    parser.add_argument("--json", type=Path, help="also write all figures of all runs here")
    parser.add_argument("--keep", action="store_true", help="leave the servers' folders (logs, stores) behind")
    args = parser.parse_args()
    if args.quick:
        args.runs, args.sessions, args.quiet, args.seconds = 1, min(args.sessions, 1000), 10, 5
    args.valised = args.valised or args.build / "server/main/valised"
    args.valisectl = args.valisectl or args.build / "server/ctl/valisectl"
    args.bench = args.bench or args.build / "tests/bench/valise-bench"
    args.relay = args.relay or args.build / "tests/bench/tls-relay"
    args.scenarios = args.scenarios.split(",") if args.scenarios else None
    args.descriptors = servers.raise_descriptor_limit()
    args.sessions = min(args.sessions, args.descriptors - 500)
    args.accounts = args.sessions if "idle" in (args.scenarios or ["idle"]) else max(args.logins, 2 * PAIRS)
    args.accounts = max(args.accounts, args.logins, 2 * PAIRS + 1)
    return args


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that no server stays behind
    wanted = args.only.split(",") if args.only else [s.key for s in servers.ALL]
    folder = Path(tempfile.mkdtemp(prefix="valise-bench-"))
    results, present, failed = {}, [], False
    try:
        servers.Valise.binary = own_copy(args.valised, folder)
        servers.Valise.ctl = own_copy(args.valisectl, folder)
        servers.Relay.binary = own_copy(args.relay, folder)
        args.bench = own_copy(args.bench, folder)
        certificate, key = servers.make_certificate(folder)
        for kind in servers.ALL:
            if kind.key not in wanted:
                continue
            server = kind(folder, certificate, key)
            try:
                if server.speaks_xmpp:
                    seed(args, server)
                else:
                    server.command()
                present.append(server)
                results[server.key] = {}
            except servers.StartFailure as reason:
                say(f"left out: {reason}")
                failed = True
        for number in range(1, args.runs + 1):
            for server in present:
                say(f"run {number} of {args.runs}: {server.title}")
                try:
                    round_of(args, server, results)
                except servers.StartFailure as reason:
                    say(f"  {reason}")
                    failed = True
                finally:
                    server.stop()
        for server in present:
            sound, remark = server.check_after()
            if remark:
                server.lifted += f"; {remark}"
            if not sound:
                say(f"{server.title}: what it left on disk is not sound. {remark}")
                failed = True
        text = table.markdown(environment(args, present), {s.key: s.title for s in present}, results)
        print(text)
        if args.output:
            args.output.write_text(text)
        if args.json:
            args.json.write_text(json.dumps({"environment": environment(args, present), "results": results}, indent=1))
        bad = any(f["result"] != "ok" for r in results.values() for runs in r.values() for f in runs)
        return 1 if failed or bad else 0
    finally:
        if args.keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
