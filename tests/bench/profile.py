#!/usr/bin/env python3
"""Where the server's CPU goes in chat: functions (perf), system calls a message (strace), blocks taken from malloc a
message (libcount-allocations.so). README.md says how to read it."""

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import compare
import servers

RATE = 500


def warm_up(rate):
    return 2 + (compare.SETTLES if rate else 0)


def load(server, seconds, rate, extra=()):
    """Starts the chat in the background; returns a function that waits for its figures."""
    options = ["--pairs", str(compare.PAIRS), *compare.span_of(warm_up(rate), seconds), *extra]
    if rate:
        options += ["--rate", str(rate)]
    figures = {}
    thread = threading.Thread(target=lambda: figures.update(server.measure("chat", options)))
    thread.start()

    def wait():
        thread.join()
        if figures["result"] != "ok":
            raise servers.StartFailure(f"{server.title}: {figures}")
        return figures
    return wait


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def shortened(symbol):
    """Without arguments of templates and functions, and what perf puts behind it."""
    symbol, count = re.sub(r"\s+-\s+-$", "", symbol), 1
    while count:
        symbol, count = re.subn(r"(?<!operator)[<(][^<>()]*[>)]", "", symbol)
    return symbol.replace("|", "∣")


def samples(data, *keys):
    """(share, name) of perf's report, largest first."""
    report = run("perf", "report", "-i", data, "--no-children", "-g", "none", "--stdio", "-t", "\t", "--sort", ",".join(keys))
    for line in report.stdout.splitlines():
        if line.strip() and not line.startswith("#"):
            share, *columns = (part.strip() for part in line.split("\t"))
            yield float(share.rstrip("%")) / 100, " ".join(map(shortened, columns))


def functions(server, seconds, rate, top, folder):
    """The functions' shares as µs a message. Samples by the clock: no hardware counter is needed."""
    data = folder / f"{server.key}-{rate or 'flat'}.perf"
    wait = load(server, seconds + 2, rate)
    time.sleep(warm_up(rate) + 1)  # log-ins, too
    recorded = run("perf", "record", "-q", "-e", "cpu-clock", "-F", "4999", "--call-graph", "fp", "-o", data,
                   "-p", server.process.pid, "--", "sleep", seconds)
    figures = wait()
    if recorded.returncode != 0:
        raise servers.StartFailure("perf: " + recorded.stderr.strip()[-300:])
    cost = figures["server_cpu_us_per_message"]
    print(f"\n## {server.title}, {f'{rate}/s' if rate else 'flat out'}: {cost:.1f} µs of CPU a message, "
          f"{figures['per_second']:,.0f} messages/s (under perf)\n")
    for title, keys, limit in (("thread", ["comm"], 8), ("library", ["dso"], 10), ("function", ["dso", "symbol"], top)):
        print(f"| µs | % | {title} |\n|---|---|---|")
        for share, name in list(samples(data, *keys))[:limit]:
            print(f"| {share * cost:.2f} | {share * 100:.1f} | {name} |")
        print()


def system_calls(server, seconds, rate):
    """Counted at a rate only: flat out, the tracer would change what is being counted."""
    wait = load(server, seconds + 2, rate)
    time.sleep(warm_up(rate) + 1)
    traced = run("timeout", "-s", "INT", seconds, "strace", "-f", "-c", "-q", "-p", server.process.pid)
    wait()
    print(f"| calls a message at {rate}/s (under strace) | system call |\n|---|---|")
    for line in traced.stderr.splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total" and int(words[3]) >= rate * seconds / 50:
            print(f"| {int(words[3]) / (rate * seconds):.2f} | {words[-1]} |")
    print()


def allocations(server, hook, folder, rate):
    """A server of its own: the counter costs a little."""
    counter = folder / f"{server.key}.allocations"
    plain = server.environment
    server.environment = lambda: dict(plain(), LD_PRELOAD=str(hook), VALISE_ALLOCATIONS=str(counter))
    server.start()
    try:
        figures = load(server, 3, rate, ["--allocations", str(counter)])()
    finally:
        server.stop()
        server.environment = plain
    print(f"{server.title}, {f'{rate}/s' if rate else 'flat out'}: "
          f"{figures.get('allocations_per_message', 0):.1f} blocks from malloc a message")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench --profile", description=__doc__)
    compare.add_binaries(parser)
    parser.add_argument("--only", default="valise-bare,valise", help="servers, by comma (valise-bare,valise)")
    parser.add_argument("--seconds", type=int, default=8, help="sampled, per load (8)")
    parser.add_argument("--top", type=int, default=40, help="functions shown (40)")
    parser.add_argument("--keep", action="store_true", help="leave perf's data behind: perf report -i …")
    return parser.parse_args()


def main():
    args = parse_arguments()
    for tool in ("perf", "strace"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is not installed: ./dev bench installs it")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    servers.raise_descriptor_limit()
    servers.Server.accounts = 2 * compare.PAIRS
    folder = Path(tempfile.mkdtemp(prefix="valise-profile-"))
    try:
        compare.place_binaries(args, folder)
        hook = compare.own_copy(args.build / "tests/bench/libcount-allocations.so", folder)
        kinds = [kind for kind in servers.ALL if kind.key in args.only.split(",") and kind.speaks_xmpp]
        for server in compare.seed_all(kinds, folder):
            server.start()
            try:
                for rate in (0, RATE):
                    functions(server, args.seconds, rate, args.top, folder)
                system_calls(server, 4, RATE)
            finally:
                server.stop()
            for rate in (0, RATE):
                allocations(server, hook, folder, rate)
            sys.stdout.flush()
        return 0
    except servers.StartFailure as reason:
        compare.say(str(reason))
        return 1
    finally:
        if args.keep:
            compare.say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
