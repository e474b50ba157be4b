"""Checks docs/rfc*.md: each rule of an RFC has a test that exists, or says why it is not kept.

A row of such a table:  | section | rule | level | test |
  section   §4.7.1, or §A.2.1 of an appendix
  level     MUST, MUST NOT, SHOULD or SHOULD NOT (REQUIRED and SHALL are MUST, RECOMMENDED is SHOULD)
  test      `protocol.FILE: story` or `unit.NAME: Suite.Name` (the names that ctest prints), several with <br> between them;
            or "deviation: " and the reason, which may stand behind tests that show what is done instead
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HEADER = ["section", "rule", "level", "test"]
LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT"}
DEVIATION = "deviation: "
LEAST_REASON = 20  # characters: "deviation: no" explains nothing


def stories(folder):
    """The names of all stories: {"protocol.FILE: function"}."""
    names = set()
    for file in folder.glob("[a-z]*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.AsyncFunctionDef) and any(
                    isinstance(mark, ast.Call) and getattr(mark.func, "id", None) == "story" for mark in node.decorator_list):
                names.add(f"protocol.{file.stem}: {node.name}")
    return names


def unit_tests(folder):
    """The names of all unit tests that are built: {"unit.NAME: Suite.Name"}."""
    names = set()
    for listed in folder.glob("*/CMakeLists.txt"):
        for name, sources in re.findall(r"valise_unit_test\((\w+)\s+SOURCES\s+(.*?)\s(?:USES|LIBRARIES)\b", listed.read_text(), re.S):
            for source in re.findall(r"[\w./]+\.cpp", sources):
                path = listed.parent / source
                if path.exists():
                    names |= {f"unit.{name}: {suite}.{test}" for suite, test in
                              re.findall(r"^TEST(?:_[FP])?\((\w+),\s*(\w+)\)", path.read_text(), re.M)}
    return names


def rows(text):
    """(line number, cells) of each row below a header `HEADER`, up to the next line that is none."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if cells == HEADER:
            inside = True
        elif inside and not set("".join(cells)) <= set("-: "):
            yield number, cells


def faults_of_row(cells, known):
    if len(cells) != len(HEADER):
        return [f"{len(cells)} cells instead of {len(HEADER)}"]
    section, rule, level, tests = cells
    found = []
    if not re.fullmatch(r"§(\d+|[A-Z])(\.\d+)*", section):
        found.append(f"{section!r} is no section")
    if not rule:
        found.append("no rule")
    if level not in LEVELS:
        found.append(f"{level!r} is no level")
    names = [name.strip() for name in tests.split("<br>")]
    for name in names:
        if name.startswith(DEVIATION):
            if len(name) < len(DEVIATION) + LEAST_REASON:
                found.append("a deviation without its reason")
        elif name.strip("`") not in known:
            found.append(f"there is no test {name.strip('`')!r}" if name else "neither test nor deviation")
    return found


def faults(text, known):
    """What is wrong with the tables in `text`: ["line N: …"]."""
    found, count = [], 0
    for number, cells in rows(text):
        count += 1
        found += [f"line {number}: {fault}" for fault in faults_of_row(cells, known)]
    return found if count else ["no row below | " + " | ".join(HEADER) + " |"]


def main():
    known = stories(ROOT / "tests" / "protocol") | unit_tests(ROOT / "tests" / "unit")
    files = [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "docs").glob("rfc*.md"))
    failed = [f"{file.name}: {fault}" for file in files for fault in faults(file.read_text(), known)]
    print("\n".join(failed) or f"{len(files)} tables name tests that exist")
    sys.exit(1 if failed or not files else 0)


if __name__ == "__main__":
    main()
