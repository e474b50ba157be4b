"""Hostile input beside well-behaved people: what each attack costs the server in memory, that the memory comes back,
that the right answer is seen, that the server lives, and what the others waited. Prints the table of docs/HOSTILE.md.

    hostile.py [--long [--windows N]] [--output FILE] [WORD…]    only attacks whose title contains one of the words

The short form lifts the limits on rates and attacks as fast as it can, which shows the bounds of memory. The long form
leaves them as shipped and attacks at the rate of one address, which shows in addition what others notice of it: each
attack goes to another server of the machine first, which tells what the machine's share of that is. A window of one
attack swings by a third; N of them, in turns, say more.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path

import _path  # noqa: F401
from attacks import ATTACKS, CAPS, SESSIONS, Stage
from gauge import MIB, Busy, Neighbours, Peak, resident, seconds
from harness import Town, sealed
from harness.town import Raw

PAIRS = {True: 10, False: 3}
WARM = 150                # sessions that come and go before the first attack
STAY_IN_ALL = 24 + CAPS  # MiB that may stay of all attacks together
PATIENCE = 150          # seconds: an account stays in memory for one minute, and is looked for four times a minute
QUIET = {True: 1_500, False: 60}  # messages of the neighbours before each attack: what a p99 is of
NOTICED = 1.10  # others' p99 beside attacks, over that of quiet times
TIMES = {True: 90, False: 20}  # seconds for an unfinished stanza: all attackers must have begun by then
NEW_PER_SECOND = 20  # connections: limits.connections_new_per_s, kept by the attackers, as our neighbours share their address
MEMORY = Path("/dev/shm")  # where the long form has store and log: the disk's bad moments are no attack's doing
AS_SHIPPED = ("limits.rate", "limits.rate_before_login", "limits.stanzas_per_s", "limits.stanzas_burst")


def options(is_long):
    return {"log.level": "warning", "limits.resources": SESSIONS, "timeouts.login": 600,
            "timeouts.stanza": TIMES[is_long], "timeouts.stanza_before_login": TIMES[is_long],
            **(dict.fromkeys(AS_SHIPPED) if is_long else {"limits.rate_burst": Raw("GiB")})}


def gives_way():
    """The attackers take only what processor time the server and its neighbours leave: elsewhere they have machines of
    their own. Linux shares it among sessions first; of one that we share with others only our own priority is lowered."""
    os.nice(19)
    if os.getsid(0) == os.getpid() and Path("/proc/self/autogroup").exists():
        Path("/proc/self/autogroup").write_text("19")


async def fills_caches(stage):
    """Many come and go and chat: what a server keeps for the next ones (parsers, buffers, pages of the store) belongs to
    the base."""
    reader = await (await stage.town.account("reader")).device()
    devices = await stage.each(WARM, stage.session)
    for number, device in enumerate(devices):
        for part in range(10):
            body = sealed(payload_bytes=20_000)
            await device.sends(f"<message to='{reader.full}' id='w{number}.{part}' type='chat'>{body}</message>")
        await reader.receives("message", id=f"w{number}.9")
        reader.stream.takes(lambda event: True)
        await device.asks("<ping xmlns='urn:xmpp:ping'/>")
    await stage.close()


async def comes_back(pid, bound):
    """Waits until no more than that is in memory; returns what is."""
    deadline = seconds() + PATIENCE
    while resident(pid) > bound and seconds() < deadline:
        await asyncio.sleep(0.25)
    return resident(pid)


class Trial:
    """Attacks, one after the other, beside the same neighbours. `elsewhere`: a Stage of another server, or None."""

    def __init__(self, town, stage, elsewhere, neighbours, windows):
        self.town, self.stage, self.elsewhere, self.neighbours, self.windows = town, stage, elsewhere, neighbours, windows
        self.first_base, self.is_long = resident(town.pid), elsewhere is not None
        self.quiet_times, self.controls, self.attacks, self.lines = [], {}, {}, []

    async def withstands(self, attack):
        """One attack, as many times as there are windows; adds its line of the table."""
        count = attack.long if self.is_long else attack.short
        over, stays = 0.0, 0.0
        for _ in range(self.windows):
            more, stays = await self._once(attack, count)
            over = max(over, more)
        self._tells(attack, count, over, stays)

    async def _once(self, attack, count):
        """Elsewhere and here; returns the MiB that it took at most, and those that stay."""
        await self.stage.prepare(attack.people(count))
        if self.elsewhere:
            await self.elsewhere.prepare(attack.people(count))
        await self.neighbours.chat(30)
        base = resident(self.town.pid)
        async with Busy() if self.is_long else contextlib.nullcontext():
            quiet = seconds()
            await self.neighbours.chat(QUIET[self.is_long])
            self.quiet_times.append((quiet, seconds()))
        if self.elsewhere:
            began = seconds()
            await attack.run(self.elsewhere, count)
            self.controls.setdefault(attack.title, []).append((began, seconds()))
            await self.elsewhere.close()
        began = seconds()
        async with Peak(self.town.pid) as peak:
            await attack.run(self.stage, count)
            await self.neighbours.chat(15)
        self.attacks.setdefault(attack.title, []).append((began, seconds()))
        await self.stage.close()
        allowed = min(base + attack.stays * MIB, self.first_base + STAY_IN_ALL * MIB)
        after = await comes_back(self.town.pid, allowed)
        if after > allowed:
            raise AssertionError(f"{attack.title}: {(after - base) / MIB:.1f} MiB stay, "
                                 f"{(after - self.first_base) / MIB:.1f} of all attacks")
        return (peak.bytes - base) / MIB, (after - base) / MIB

    def _tells(self, attack, count, over, stays):
        bound = attack.bound(count)
        before_ms, _ = self.neighbours.p99(*(self.quiet_times if self.is_long else self.quiet_times[-1:]))
        windows = self.attacks[attack.title]
        during_ms, messages = self.neighbours.p99(*windows)
        elsewhere = f"{self.neighbours.p99(*self.controls[attack.title])[0]:.2f} → " if self.is_long else ""
        self.lines.append(f"| {attack.title} | {count:,} | {attack.answer} | {over:.1f} (≤ {bound:.0f}) | {stays:+.1f} | "
                          f"{before_ms:.2f} → {elsewhere}{during_ms:.2f} ({messages}) |")
        print(f"{self.lines[-1]} {sum(until - since for since, until in windows):.0f} s", flush=True)
        if self.windows > 1:
            print("    each: " + ", ".join(f"{self.neighbours.p99(there)[0]:.2f} → {self.neighbours.p99(here)[0]:.2f}"
                                           for there, here in zip(self.controls[attack.title], windows)), flush=True)
        if over > bound:
            raise AssertionError(f"{attack.title}: {over:.1f} MiB over the base; the bound is {bound:.0f}")


def head(is_long):
    return ["| attack | times | answer | peak over the base, MiB (bound) | stays, MiB | others' p99, ms: quiet → "
            f"{'attack elsewhere → ' if is_long else ''}during (messages) |", "|---|---|---|---|---|---|"]


def document(trial, fresh):
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "unknown CPU")
    rates = ("all its limits on rates as shipped, store and log in memory; the attackers are one address, at its rate of "
             f"{NEW_PER_SECOND} new connections a second" if trial.is_long else
             "without its limits on rates, attacked as fast as the attackers can")
    beside = (". In quiet times a process takes a processor in their place; elsewhere: the same attack, at the same "
              "server started once more on this machine, where it reaches the neighbours by the processors alone"
              if trial.is_long else "")
    return "\n".join([
        "# Hostile input", "",
        f"{time.strftime('%Y-%m-%d')}, {cpu}, {os.cpu_count()} cores; `tests/torture/hostile.py{' --long' if trial.is_long else ''}` "
        f"wrote this. One server, {rates}; {PAIRS[trial.is_long]} pairs chat beside each attack, in a process of their own; all "
        f"share the machine, the attackers with the lowest priority{beside}. Resident memory when fresh: {fresh / MIB:.0f} MiB; after "
        f"{WARM} sessions have come, filled the store's cache and gone, which is before the first attack: {trial.first_base / MIB:.0f} MiB. Peak and what "
        f"stays are against the moment before each attack; a run fails where a peak is above its bound, where more than 6 MiB of "
        f"one attack stay (and what the cache of client versions holds, {CAPS}, of one that fills it) or {STAY_IN_ALL} MiB of all, where the answer is another, where a neighbour's message is lost, or where "
        "the server ends. Latencies are shown, not judged.",
        "", *head(trial.is_long), *trial.lines, "", others_waited(trial), ""])


def others_waited(trial):
    """A few bad moments make the p99 of one attack; all together they say more."""
    p99 = trial.neighbours.p99
    quiet_ms, quiet = p99(*trial.quiet_times)
    during_ms, during = p99(*itertools.chain(*trial.attacks.values()))
    text = (f"All together: others' p99 was {during_ms:.2f} ms beside attacks ({during:,} messages) and {quiet_ms:.2f} ms in quiet "
            f"times ({quiet:,}), {during_ms / quiet_ms - 1:+.0%}.")
    if not trial.controls:
        return text
    control_ms, control = p99(*itertools.chain(*trial.controls.values()))
    noticed = [title for title, windows in trial.attacks.items() if p99(*windows)[0] > p99(*trial.controls[title])[0] * NOTICED]
    return (f"{text} While the same attacks went elsewhere it was {control_ms:.2f} ms ({control:,}); what is above that, "
            f"{during_ms / control_ms - 1:+.0%}, is the server's own doing. More than {NOTICED - 1:.0%} above the same attack "
            f"elsewhere: {'; '.join(noticed) or 'none'}.")


async def main(arguments):
    chosen = [one for one in ATTACKS
              if not arguments.words or any(word in one.title for word in arguments.words)]
    is_long = arguments.long
    if is_long and MEMORY.is_dir():
        tempfile.tempdir = str(MEMORY)
    town = Town(options(is_long), name="hostile")
    await town.start()
    neighbours = Neighbours(town, PAIRS[is_long])
    stage, elsewhere = Stage(town, NEW_PER_SECOND if is_long else None), None
    try:
        if is_long:
            elsewhere = Stage(Town(options(is_long), name="elsewhere"), NEW_PER_SECOND)
            await elsewhere.town.start()
        await neighbours.start()
        if is_long:
            gives_way()
        await neighbours.chat(60)
        fresh = resident(town.pid)
        await fills_caches(stage)
        await neighbours.chat(PAIRS[is_long] * 100)  # ten seconds: what was freed has gone back to the system
        trial = Trial(town, stage, elsewhere, neighbours, arguments.windows if is_long else 1)
        print(f"fresh: {fresh / MIB:.1f} MiB; after {WARM} sessions have come, chatted and gone: {trial.first_base / MIB:.1f} MiB\n")
        print("\n".join(head(is_long)), flush=True)
        for attack in chosen:
            await trial.withstands(attack)
        await neighbours.stop()
        await town.ctl("status")
        if arguments.output:
            arguments.output.write_text(document(trial, fresh))
    except BaseException:
        print(town.log()[-3000:])
        raise
    finally:
        await town.close()
        if elsewhere:
            await elsewhere.town.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--long", action="store_true", default=int(os.environ.get("VALISE_TORTURE_MINUTES", "0")) > 0)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--windows", type=int, default=1)
    status = 0
    try:
        asyncio.run(main(parser.parse_args()))
    except AssertionError as error:
        print(f"FAILED: {error}", flush=True)
        status = 1
    sys.stdout.flush()
    os._exit(status)
