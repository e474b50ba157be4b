"""docs/clients.md, from the stanzas of this folder and what comes of them: prints it; --check FILE: whether that is it."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = {"cheogram": "Cheogram", "conversations": "Conversations", "converse": "Converse.js", "dino": "Dino",
         "gajim": "Gajim", "kaidan": "Kaidan", "lurch": "Pidgin with Lurch", "monal": "Monal", "movim": "Movim",
         "poezio": "Poezio", "profanity": "Profanity", "slixmpp": "slixmpp", "smack": "Smack"}
SHOWN = {"urn:xmpp:mds:displayed:0": "what was displayed, for the own devices", "@reason": "reason",
         "keyless": "a seal without keys", "body": "the sentence for other clients", "fallback": None}
HEAD = """# What works in which client

What a client sends by itself, stanza by stanza, and what this server makes of it as it is shipped. Each line is a file of
`tests/corpus/clients`, which `tests/protocol/corpus.py` sends over a real stream; `tests/corpus/clients/describe.py` wrote this.
The shapes are read off the clients' sources; what four desktop clients sent while they were watched is in `tests/corpus/stanzas`.
Why something does not pass, and which switch opens it, is in [sealed-table.md](sealed-table.md); what people then see in
[sealed.md](sealed.md) §5. What was run with the clients themselves, a whole day of chat at one and at two devices, is in
[tests/clients/README.md](../tests/clients/README.md): Gajim 1.7.3, Dino 0.4.2, Profanity 0.13.1, Converse.js 14, slixmpp.
Not run here, because they run on phones or elsewhere: Conversations, Cheogram, Monal, Kaidan, Movim, Poezio, Pidgin.

OMEMO is on by itself in Conversations and Dino, in Gajim for new accounts; Profanity: `/omemo gen` once, `/omemo start` in a chat.
"""


def outcome(words):
    if words[0] == "refused":
        return f"**comes back**: `{words[1]}`"
    if words[0] == "error":
        return f"**is not offered**: `{words[1]}`"
    left_out = []
    if "without" in words:
        for word in words[words.index("without") + 1:]:
            if word == "with":
                break
            left_out.append(SHOWN.get(word, word))
    left_out = [word for word in left_out if word]
    return "passes" + (f"; left out: {', '.join(left_out)}" if left_out else "")


def described():
    lines = [HEAD]
    client = None
    for path in sorted(HERE.glob("*.stanza")):
        name = path.stem.partition("--")[0]
        if name != client:
            client = name
            lines.append(f"\n## {NAMES[name]}\n| what it sends | here |\n|---|---|\n")
        what, comes, _ = path.read_text().split("\n", 2)
        lines.append(f"| {what.replace('|', chr(92) + '|')} | {outcome(comes.removeprefix('=>').split())} |\n")
    return "".join(lines)


def main():
    text = described()
    if sys.argv[1:2] != ["--check"]:
        return print(text, end="")
    if Path(sys.argv[2]).read_text() != text:
        sys.exit(f"{sys.argv[2]} is not what tests/corpus/clients says: ./dev docs writes it anew")


if __name__ == "__main__":
    main()
