"""Which fault points there are: the names in the sources, and those of the file calls (calls.cpp). A run that has not
passed one of them has shown nothing about it."""

import re
from pathlib import Path

from harness.town import ROOT

KILL_STEPS = {"write": ("before", "between", "after"), "sync": ("before", "after"), "cut": ("before", "after"),
              "rename": ("before", "after")}
FAIL_STEPS = ("fails", "lies")
# What a life must write and sync, by file. `cut` is only there where a crash left something to cut off.
LOG_FILES = {"records": ("write", "sync", "cut", "rename"), "leaves": ("write", "sync", "rename"),
             "head": ("write", "sync", "rename"), "folder": ("sync",), "secret": ("write", "sync", "rename")}
STORE_FILES = {"sqlite": {"wal": ("write", "sync"), "db": ("write", "sync"), "journal": ("write", "sync")}, "mariadb": {}}

_NAMED = re.compile(r'VALISE_(?:FAULT|FAILS)\("([^"]+)"\)')


def named_points():
    """Every name in the sources."""
    files = [path for folder in ("server", "modules") for path in (ROOT / folder).rglob("*.[ch]pp")]
    return {name for path in files for name in _NAMED.findall(path.read_text())
            if path.relative_to(ROOT) != Path("server/base/fault.hpp")}


def expected_points(store):
    """Every point that a run on this store has to pass."""
    names = {name for name in named_points() if name.split(".")[0] not in {"sqlite", "mariadb"} - {store}}
    for kind, calls in {**LOG_FILES, **STORE_FILES[store]}.items():
        names |= {f"file.{kind}.{call}.{step}" for call in calls for step in KILL_STEPS[call] + FAIL_STEPS}
    return names


def is_failing(name):
    """A step that can be made to fail; the others are places to be killed at."""
    return name.rsplit(".", 1)[1] in (*FAIL_STEPS, "refuses")


def read_counts(path):
    """name -> passings, as VALISE_FAULT_COUNT leaves them; nothing if the process was killed."""
    if not path.exists():
        return {}
    lines = [line.rsplit(" ", 1) for line in path.read_text().splitlines()]
    return {name: int(count) for name, count in lines}
