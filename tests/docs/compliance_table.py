"""Checks docs/compliance.md: what each row names is there, and no row is missing.

A row:  | suite | level | specification | what | by | tests |    or    | check | specification | what … | by | tests |
  by     kernel, or modules with ", " between them; or "later: " or "refused: " and the reason
  tests  `file` of tests/protocol or `unit.NAME: Suite.Name`, with blanks between them; – where `by` is a reason
"""

import re
import sys
from pathlib import Path

from rfc_table import unit_tests

ROOT = Path(__file__).resolve().parent.parent.parent
SUITES = ["suite", "level", "specification", "what", "by", "tests"]
CHECKS = ["check", "specification", "what the tester looks at", "by", "tests"]
REASONS = ("later: ", "refused: ")
# XEP-0479 §2: what is marked for servers, and for advanced ones, there; of two providers each.
ASKED = {("Core", name) for name in ("RFC 6120", "RFC 7590", "XEP-0030", "XEP-0114", "XEP-0368", "XEP-0115", "XEP-0163")}
ASKED |= {("Web", name) for name in ("RFC 7395", "XEP-0206")}
ASKED |= {("IM", name) for name in (
    "RFC 6121", "XEP-0398", "XEP-0153", "XEP-0054", "XEP-0280", "XEP-0191", "XEP-0045", "XEP-0249", "XEP-0048", "XEP-0313 (rooms)",
    "XEP-0402", "XEP-0410", "XEP-0223", "XEP-0049", "XEP-0198", "XEP-0313", "XEP-0363")}
ASKED |= {("Mobile", name) for name in ("XEP-0198", "XEP-0352", "XEP-0357")}
ASKED |= {("A/V", "XEP-0215")}
# The short names in the tester's source, and the newer form of one.
TESTED = {"abuse-contact", "roster_versioning", "stun", "turn", "vcard_muc", "xep0313 extended"} | {
    f"xep{number}" for number in ("0045", "0065", "0077", "0115", "0156", "0160", "0163", "0191", "0198", "0280", "0313", "0313muc",
                                  "0352", "0357", "0363", "0363_cors", "0368", "0384", "0398", "0411")}
# What no row of protocol.md names, because it is let through, not done.
PASSES = {"XEP-0249"}
# Looked at once they are there.
COMING = {"push"}


def rows(text):
    """(line number, {column: cell}) of each row below one of the two headers."""
    header = None
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().split("|")[1:-1]]
        if not cells:
            header = None
        elif cells in (SUITES, CHECKS):
            header = cells
        elif header and not set("".join(cells)) <= set("-: "):
            yield number, dict(zip(header, cells)) if len(cells) == len(header) else None


def protocols(text):
    """(specification, module) of each row of docs/protocol.md; a section of an RFC stands for it."""
    found = set()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 5 and re.match(r"(RFC|XEP)[- ]\d", cells[0]):
            found.add((cells[0].split(" §")[0].split(" appendix")[0], cells[3]))
    return found


def shown(text):
    """The checks that the stories of tests/protocol/compliance.py name."""
    return {name for names in re.findall(r"^@shows\((.*?)\)", text, re.M) for name in re.findall(r'"([^"]+)"', names)}


def faults_of_row(row, modules, stories, implemented, checks):
    """`modules`, `stories` (unit tests too): names that exist; `implemented`: protocols(); `checks`: shown()."""
    if row is None:
        return ["another number of cells"]
    by, tests = row["by"], re.findall(r"`([^`]+)`", row["tests"])
    if by.startswith(REASONS):
        return [] if row["tests"] == "–" and len(by.split(": ", 1)[1]) > 3 else ["a reason has no tests"]
    names = by.split(", ")
    if set(names) & COMING - set(modules):
        return []
    found = [f"there is no module {name!r}" for name in names if name != "kernel" and name not in modules]
    found += [f"there is no {name if ': ' in name else f'tests/protocol/{name}.py'}" for name in tests if name not in stories]
    if not tests:
        found.append("neither tests nor a reason")
    if "check" in row and "compliance" in tests and row["check"].strip("`") not in checks:
        found.append(f"no story of compliance.py shows {row['check']}")
    specification = row["specification"]
    if specification not in PASSES and not any((specification, name) in implemented for name in names):
        found.append(f"protocol.md does not name {specification} with {by}")
    return found


def missing(all_rows):
    """What has to have a row and has none."""
    there = {(row["suite"], row["specification"]) for row in all_rows if row and "suite" in row}
    checks = [row["check"].strip("`") for row in all_rows if row and "check" in row]
    found = [f"{suite}: no row for {name}" for suite, name in sorted(ASKED - there)]
    found += [f"no row for the check {name}" for name in sorted(TESTED - set(checks))]
    return found + [f"the tester has no check {name}" for name in checks if name not in TESTED or checks.count(name) > 1]


def faults(text, *known):
    all_rows = list(rows(text))
    found = [f"line {number}: {fault}" for number, row in all_rows for fault in faults_of_row(row, *known)]
    return found + missing([row for _, row in all_rows])


def main():
    modules = {folder.name for folder in (ROOT / "modules").iterdir() if (folder / "CMakeLists.txt").exists()}
    stories = {file.stem for file in (ROOT / "tests" / "protocol").glob("[a-z]*.py")}
    found = faults((ROOT / "docs" / "compliance.md").read_text(), modules, stories | unit_tests(ROOT / "tests" / "unit"),
                   protocols((ROOT / "docs" / "protocol.md").read_text()),
                   shown((ROOT / "tests" / "protocol" / "compliance.py").read_text()))
    print("\n".join(found) or "docs/compliance.md names what there is")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
