"""The table of what passes (docs/sealed-table.md), as valised prints it."""

import subprocess
from functools import cache

from harness.town import PROGRAMS


@cache
def printed():
    """Its sections: title -> rows, each a list of cells."""
    text = subprocess.run([PROGRAMS["valised"], "--describe-sealed"], capture_output=True, text=True, check=True).stdout
    sections, title = {}, None
    for line in text.splitlines():
        if line.startswith("## "):
            title = line[3:]
            sections[title] = []
        elif line.startswith("| ") and title and not line.startswith(("| element", "| module", "| way", "| switch")):
            sections[title].append([cell.strip() for cell in line.strip("|").split(" | ")])
    return sections
