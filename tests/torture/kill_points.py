"""kill -9, and failure, at every write, sync and hand-over of the commit protocol: see README.md.

One undisturbed life finds how often each point is passed. Then each point kills a server, which is started again – and
killed once more at its start, by turns – and held to its promises; each step that can fail does so, once and lastingly.
In the end every point must have been passed. VALISE_TORTURE_MINUTES goes on with random passings for so long.
"""

import asyncio
import itertools
import os
import random
import sys
import time

import _path  # noqa: F401
from harness.town import STORE
from life import Life
from points import expected_points, is_failing

AT_ONCE = int(os.environ.get("VALISE_TORTURE_LIVES", "4"))  # a life waits more than it works
RESOURCES = itertools.cycle(("phone", "tablet"))  # a client that re-sends may have a new name


def passings(name, count):
    """At which of its passings a point kills once."""
    if name.startswith("deliver."):
        return range(1, count + 1)  # whom each message is for makes a promise of its own
    first = 1 if not name.startswith("file.") else count
    return sorted({first, max(1, count // 2), count})


class Run:
    def __init__(self):
        self.passed = {}   # name -> passings of an undisturbed life, or of a start behind a kill
        self.starts = []   # points of a start: what a second kill may choose from
        self.good = self.bad = 0
        self._room = asyncio.Semaphore(AT_ONCE)

    def note(self, counts):
        for name, count in counts.items():
            self.passed[name] = max(self.passed.get(name, 0), count)

    async def first_life(self):
        life = Life()
        life.town.environment = {"VALISE_FAULT_COUNT": str(life.counts_file)}
        try:
            if await life.goes_on_until_it_dies():
                raise AssertionError(f"the server died without a fault:\n{life.town.log()[-3000:]}")
            if not life.counts_file.exists():
                sys.exit("no fault points: build with -DVALISE_FAULTS=ON (./dev build faults)")
            self.note(life.passed())
            await life.is_checked("undisturbed")
            self.note(life.passed())
            return dict(self.passed)
        finally:
            await life.close()

    async def one(self, environment, where, second=None, ends_well=True):
        """A life under `environment`; `second`: the point at which its next start is killed. A life that is not to end
        well is killed when it has done everything."""
        async with self._room:
            life = Life({**environment, "VALISE_FAULT_COUNT": ""}, next(RESOURCES))
            life.town.environment["VALISE_FAULT_COUNT"] = str(life.counts_file)
            began = time.monotonic()
            try:
                died = await life.goes_on_until_it_dies(ends_well)
                self.note(life.passed())
                if second:
                    where += f", then at {second}"
                    if await life.starts_again({"VALISE_FAULT_AT": second}):
                        await life.ends()
                    self.note(life.passed())
                await life.is_checked(where)
                self.note(life.passed())
                if died and "VALISE_FAULT_AT" in environment:
                    self.note({environment["VALISE_FAULT_AT"].split(":")[0]: 1})
                self.good += 1
                print(f"ok   {where}{'' if died else ' (lived)'} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as error:
                self.bad += 1
                because = f" (behind {error.__context__!r})" if error.__context__ else ""
                print(f"FAIL {where}: {type(error).__name__}: {error}{because}\n   the log's end:\n{life.town.log()[-3000:]}", flush=True)
            finally:
                await life.close()

    def kill(self, name, number, second=None):
        return self.one({"VALISE_FAULT_AT": f"{name}:{number}"}, f"{STORE}, killed at {name}:{number}", second)

    def failure(self, name, number, times):
        return self.one({"VALISE_FAULT_FAIL": f"{name}:{number}:{times}"}, f"{STORE}, {name}:{number} fails {times} times",
                        ends_well=times > 1)

    async def every_point_once(self):
        points = await self.first_life()
        print("points:", ", ".join(f"{name} ×{count}" for name, count in sorted(points.items())), flush=True)
        # A start behind a kill with a torn end passes more: what it mends, and recovery.
        for later in (0, 1):  # one of two neighbours is no header of a new segment
            await self.kill("file.records.write.between", max(1, points["file.records.write.between"] // 2) + later)
        await self.kill("commit.logged.after", max(1, points["commit.logged.after"] // 2))
        again = sorted(name for name in self.passed if name.startswith(("recover.", "file.")) and not is_failing(name))
        seconds = itertools.cycle([None, *again])
        lives = []
        for name, count in sorted(self.passed.items()):
            if is_failing(name):
                lives += [self.failure(name, max(1, count // 2), times) for times in (1, 4)]
            else:
                lives += [self.kill(name, number, f"{second}:1" if (second := next(seconds)) else None)
                          for number in passings(name, count)]
        await asyncio.gather(*lives)
        missing = sorted(expected_points(STORE) - set(self.passed))
        if missing:
            self.bad += 1
            print(f"FAIL {STORE}: never passed: {', '.join(missing)}", flush=True)


    async def random_points(self, until):
        while time.monotonic() < until:
            name = random.choice(list(self.passed))
            number = random.randint(1, self.passed[name])
            await (self.failure(name, number, random.choice((1, 2, 5))) if is_failing(name) else self.kill(name, number))


async def main():
    run = Run()
    await run.every_point_once()
    until = time.monotonic() + 60 * float(os.environ.get("VALISE_TORTURE_MINUTES", "0"))
    await asyncio.gather(*(run.random_points(until) for _ in range(AT_ONCE)))
    print(f"{run.good} of {run.good + run.bad} lives keep what they promised on {STORE}", flush=True)
    os._exit(1 if run.bad else 0)


asyncio.run(main())
