"""The cookbook says the same in both languages: a part for each policy in lua/policies, in one order, with what to adapt, how to
try it, what people see and its limits; the texts that it quotes are those of the policy; its links lead somewhere."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = {"en": ("**Adapt**", "**Try**", "**People see**", "**Limits**"),
         "fr": ("**Adaptez**", "**Essayez**", ("**On lit**", "**On ne voit**"), "**Limites**")}

PLAIN = str.maketrans({"’": "'", "\u00a0": " ", "\u202f": " "})  # apostrophes and blanks that the guides set with more care


def sections(text):
    """Of each policy: its name and what stands under its heading, in order."""
    found = []
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        _, _, body = part.partition("\n")
        name = re.match(r"`(\w+)\.lua`", body)
        if name:
            found.append((name.group(1), body))
    return found


def quotes(body):
    """Sentences in italics."""
    return re.findall(r"(?<!\*)\*([^*]+[.])\*(?!\*)", body)


def faults(language, text, policies, tests):
    out = []
    for name, body in sections(text):
        for wanted in PARTS[language]:
            if not any(one in body for one in ([wanted] if isinstance(wanted, str) else wanted)):
                out.append(f"{language}: {name}: no {wanted}")
        said = policies.get(name, "").translate(PLAIN) + tests.get(name, "").translate(PLAIN)
        for quote in quotes(body):
            if quote.translate(PLAIN) not in said:
                out.append(f"{language}: {name}: nobody says \"{quote}\"")
    missing = {*policies} - {name for name, _ in sections(text)} - {"groups", "all"}
    out += [f"{language}: nothing about {name}" for name in sorted(missing)]
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if not (ROOT / "docs" / link).exists():
            out.append(f"{language}: {link} is not there")
    return out


def main():
    policies = {path.stem: path.read_text() for path in (ROOT / "lua" / "policies").glob("*.lua")}
    tests = {path.stem.removesuffix("_test"): path.read_text() for path in (ROOT / "lua" / "tests").glob("*_test.lua")}
    texts = {language: (ROOT / "docs" / f"cookbook.{language}.md").read_text() for language in PARTS}
    found = [one for language, text in texts.items() for one in faults(language, text, policies, tests)]
    orders = [[name for name, _ in sections(text)] for text in texts.values()]
    if orders[0] != orders[1]:
        found.append("not the same policies in the same order")
    found += [f"{name}: no tests" for name in policies if name not in tests and name != "groups"]
    print("\n".join(found) or f"{len(orders[0])} policies, in both languages")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
