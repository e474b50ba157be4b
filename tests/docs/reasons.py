"""Every reason that the code can write into the metadata log stands in §9 of both administrator's guides, and these name
none that the code does not write.

Found are the codes ("user-add") that the code assigns to a `reason`, gives to a function with a parameter of that name, or
returns from a function reason_of or code_of. A failed log-in has a short sentence instead, of which the guides name some."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GUIDES = ("docs/admin.en.md", "docs/admin.fr.md")
CODE = r"[a-z0-9]+(?:-[a-z0-9]+)*"
LITERAL = re.compile(rf'"({CODE})"')
COMMENT = re.compile(r"^\s*//.*$|\s//\s.*$", re.M)
TAKES_REASON = re.compile(r"\b(\w+)\((?:[^(){};]|\([^(){};]*\))*\bstd::string(?:_view)? reason\b")
ASSIGNED = re.compile(r"\breason = ([^;{}]*);")
ANSWERED = re.compile(r"^[\w:<>]+ (?:reason|code)_of\([^;{}]*\{(.*?)^\}", re.M | re.S)
NOT_STORED = re.compile(rf'\{{false, ("{CODE}")\}}')  # core::Storable
# With such a reason they do something else: options, the damage of a file, the end of a stream, a failed log-in.
OTHERS = {"bytes", "count", "text", "broken", "damaged", "end", "fail", "refuse", "record_failure"}
# What stands beside a reason in such a call: conditions (RFC 6120 §8.3.3, XEP-0050, XEP-0060), fields of forms (XEP-0133).
BESIDE = set("""bad-request conflict feature-not-implemented forbidden item-not-found not-acceptable not-allowed not-authorized
    policy-violation registration-required resource-constraint service-unavailable unexpected-request session-expired
    invalid-jid nodeid-required accountjid accountjids ipaddresses lastlogin onlineresources rostersize online""".split())
FOREIGN = re.compile(r"ErrorCode::|Condition::|attribute_or_empty")


def calls(text, names):
    """The arguments of each call of one of these functions."""
    for call in re.finditer(r"\b(?:" + "|".join(sorted(names)) + r")\(", text):
        depth, end = 1, call.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield text[call.end():end - 1]


def of_code(files):
    """`files`: their texts."""
    texts = [COMMENT.sub("", text) for text in files]
    names = {name for text in texts for name in TAKES_REASON.findall(text)} - OTHERS
    found = set()
    for text in texts:
        places = ASSIGNED.findall(text) + NOT_STORED.findall(text)
        places += re.findall(r"return ([^;]*);", "\n".join(ANSWERED.findall(text)))
        places += calls(text, names) if names else []
        for place in places:
            if not FOREIGN.search(place):
                found |= set(LITERAL.findall(place)) - BESIDE
    return found


def of_guide(text):
    """The codes in the table of reasons."""
    [table] = re.findall(r"^\|[^|\n]*\| (?:reasons|motifs) \|\n\|---\|---\|\n((?:\|.*\n)+)", text, re.M)
    cells = [line.split("|")[2] for line in table.splitlines()]
    return [code for cell in cells for span in re.findall(r"`([^`]*)`", cell) for code in span.split()]


def faults(files, guides):
    """`guides`: name -> text."""
    written = of_code(files)
    said = set(re.findall(r'"([a-zA-Z0-9 -]+)"', "\n".join(files)))
    out = []
    for name, text in guides.items():
        codes = of_guide(text)
        out += [f"{name}: {code} is missing" for code in sorted(written - set(codes))]
        out += [f"{name}: {code} is written by nobody" for code in codes if code not in written | said and code.replace("-", " ") not in said]
        out += [f"{name}: {code} is named twice" for code in sorted({code for code in codes if codes.count(code) > 1})]
    return out


def main():
    paths = [path for folder in ("server", "modules") for path in sorted((ROOT / folder).rglob("*.[ch]pp"))]
    found = faults([path.read_text() for path in paths], {name: (ROOT / name).read_text() for name in GUIDES})
    print("\n".join(found) or "the reasons of the metadata log stand in both guides")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
