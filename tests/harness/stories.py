"""Runs the stories of one file, each in a town; towns with the same configuration are shared."""

import argparse
import asyncio
import inspect
import json
import os
import sys
import time
import traceback
from collections import Counter

from .stream import show
from .town import STORE, Town


def story(section, options=None, policy=None, alone=False, measures=False):
    """Marks a coroutine function (town) as a story about `section` ("RFC 6121 §3.1"). `alone`: a town for itself.
    `measures`: the server's memory, of which nothing is true where a sanitizer keeps what was freed: left out there."""
    def mark(function):
        function.story = {"section": section, "options": options or {}, "policy": policy, "alone": alone,
                          "left_out": measures and "VALISE_TEST_SANITIZED" in os.environ}
        return function
    return mark


def announced(section, feature, account=False, **how):
    """A story: disco#info of the server, and of an account if it says so, names `feature`. The file gives it a name."""
    @story(section, **how)
    async def the_server_says_that_it_can(town):
        [alice] = await town.devices("alice")
        for to in ("localhost", *([alice.bare] if account else [])):
            assert feature in await alice.features_of(to), f"{to} does not announce {feature}"
    return the_server_says_that_it_can


def _transcript(town, first_stream):
    lines = []
    for number, stream in enumerate(town.streams[first_stream:]):
        lines.append(f"   connection {number}: sent {len(stream.said)} bytes, the last: {bytes(stream.said[-600:])!r}")
        lines.append(f"                 heard {len(stream.heard)} bytes, the last: {bytes(stream.heard[-600:])!r}")
        lines += [f"                 not taken: {show(event)[:300]}" for event in stream.waiting(lambda _: True)[-5:]]
    return "\n".join(lines)


def _title(name, function):
    return f"{function.story['section']}: {name.replace('_', ' ')}"


def _key(function):
    about = function.story
    return function if about["alone"] else json.dumps([about["options"], about["policy"]], default=str, sort_keys=True)


class _Runner:
    """A town lives from the first story that needs it to the last."""

    def __init__(self, functions):
        self._needed = Counter(map(_key, functions))
        self._towns = {}
        self.failed = []

    async def _town_for(self, function):
        key = _key(function)
        if key in self._towns and not self._towns[key].is_alive():
            await self._ends(key)
        if key not in self._towns:
            self._towns[key] = Town(function.story["options"], function.story["policy"])
            await self._towns[key].start()
        return self._towns[key]

    async def run(self, name, function):
        began = time.monotonic()
        title = _title(name, function)
        town = None
        first = 0
        try:
            town = await self._town_for(function)
            first = len(town.streams)
            await function(town)
            if not function.story["alone"] and not town.is_alive():
                raise AssertionError("valised died during the story")
            for stream in town.streams[first:]:
                stream.two_parsers_agree()
            print(f"ok   {title} ({time.monotonic() - began:.2f} s)", flush=True)
        except Exception:
            self.failed.append(title)
            print(f"FAIL {title} ({time.monotonic() - began:.2f} s)\n{traceback.format_exc()}", flush=True)
            if town:
                print(f"{_transcript(town, first)}\n   the log's end:\n{town.log()[-3000:]}", flush=True)
        if town:
            for stream in town.streams[first:]:
                await stream.drops()
        key = _key(function)
        self._needed[key] -= 1
        if key in self._towns and not self._needed[key]:
            await self._ends(key)

    async def _ends(self, key):
        try:
            await self._towns.pop(key).close()
        except AssertionError:
            self.failed.append("the end of the town")
            print(f"FAIL the end of the town\n{traceback.format_exc()}", flush=True)

    async def close(self):
        for key in list(self._towns):
            await self._ends(key)


async def _run_all(stories):
    runner = _Runner(function for _, function in stories)
    try:
        for name, function in stories:
            await runner.run(name, function)
    finally:
        await runner.close()
    return runner.failed


def run(module_name="__main__"):
    """The main program of a story file: all its stories, or those in whose title one of the arguments stands."""
    parser = argparse.ArgumentParser(description=sys.modules[module_name].__doc__)
    parser.add_argument("words", nargs="*", help="run only stories whose title (section, name) contains one of these")
    words = parser.parse_args().words
    stories = [(name, function) for name, function in inspect.getmembers(sys.modules[module_name], inspect.isfunction)
               if hasattr(function, "story") and (not words or any(word in _title(name, function) or word in name for word in words))]
    if not stories:
        sys.exit(f"no story is named like {words}")
    left_out = [name for name, function in stories if function.story["left_out"]]
    if left_out:
        print(f"left out, as a sanitizer keeps what was freed: {', '.join(left_out)}", flush=True)
    stories = sorted((pair for pair in stories if pair[0] not in left_out), key=lambda pair: pair[1].__code__.co_firstlineno)
    failed = asyncio.run(_run_all(stories))
    print(f"{len(stories) - len(failed)} of {len(stories)} stories hold on {STORE}", flush=True)
    if failed:
        print("\n".join(f"  failed: {title}" for title in failed))
    # Streams that a story cut off may still have tasks: nothing of them is worth waiting for.
    sys.stdout.flush()
    os._exit(1 if failed else 0)
