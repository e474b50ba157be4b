"""Attempts to get text past the seal (tests/corpus/bypass): a file each. Its first line says what it tries, the second
what comes of it, the rest is what a client sends. README.md there tells what may stand in braces."""

import base64
import hashlib
import html
import re
from dataclasses import dataclass
from pathlib import Path

from . import pictures
from .bent import bent
from .corpus import published, write
from .sealed import encrypted, prekey_message, signal_message

FOLDER = Path(__file__).resolve().parent.parent / "corpus" / "bypass"
MARKER = "the merger is on friday"
WORD = b"merger"  # it is in every attempt, and nowhere else

_LETTER = (MARKER + ". ").encode() * 3
_BYTES = {
    "PNG": b"\x89PNG\r\n\x1a\n" + _LETTER,
    "JPEG": b"\xff\xd8\xff\xe0" + _LETTER,
    "WEBP": b"RIFF\x64\0\0\0WEBP" + _LETTER,
    "DER": b"\x30\x82" + len(_LETTER).to_bytes(2, "big") + _LETTER,
}
_LONG = _LETTER * 20
_BYTES |= {
    "PNG remark": pictures.png(beside=pictures.png_text(_LONG)),
    "PNG pixels": pictures.png_of_letters(_LONG),
    "PNG behind": pictures.png() + _LETTER,
    "JPEG remark": pictures.jpeg(beside=pictures.segment(0xfe, _LONG)),
    "JPEG camera": pictures.jpeg(beside=pictures.segment(0xe1, b"Exif\0\0" + _LONG)),
    "JPEG image": pictures.jpeg(image=_LONG),
    "JPEG behind": pictures.jpeg() + _LETTER,
    "WEBP remark": pictures.webp(beside=pictures.riff(b"XMP ", _LONG)),
    "WEBP image": pictures.webp(image=_LONG),
    "WEBP behind": pictures.webp() + _LETTER,
}


@dataclass(frozen=True)
class Attempt:
    name: str
    outcome: list  # words
    stanza: str    # with braces


def attempts(folder):
    for path in sorted((FOLDER / folder).glob("*.stanza")):
        _, expects, stanza = path.read_text().split("\n", 2)
        yield Attempt(f"{folder}/{path.stem}", expects.removeprefix("=> ").split(), stanza.rstrip("\n"))


def folders():
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def _base64_forms(word):
    """A word as it stands in base64, wherever it began."""
    for before in range(3):
        text = base64.b64encode(b"x" * before + word)
        yield text[-(-before * 8 // 6):(before + len(word)) * 8 // 6]


_BASE64_FORMS = [*_base64_forms(WORD), *(twice for once in _base64_forms(WORD) for twice in _base64_forms(once))]

# Each bit of the word as one kind of blank.
_BLANKS = "".join(" \n"[byte >> bit & 1] for byte in WORD for bit in range(8)).encode()

_WORD = re.compile(b"|".join(re.escape(form) for form in [*_BASE64_FORMS, WORD, _BLANKS]))


def pattern():
    """The word, in any of its forms, as an expression of bytes."""
    return _WORD


def found_in(heard, quickly=False):
    """Where the word is in these bytes: as it is, in base64 once or twice, and unless `quickly` escaped or in pieces
    between tags. Or ""."""
    heard = bytes(heard)
    if quickly:
        found = _WORD.search(heard)
        return heard[max(0, found.start() - 120):found.end() + 60].decode(errors="replace") if found else ""
    text = html.unescape(heard.decode(errors="replace")).replace("<![CDATA[", "").replace("]]>", "")
    forms = [*_BASE64_FORMS, WORD, _BLANKS]
    for shape in (heard, text.lower().encode(), re.sub(r"<[^>]*>", "", text).lower().encode()):
        for form in forms:
            if (at := shape.find(form)) >= 0:
                return shape[max(0, at - 120):at + 60].decode(errors="replace")
    return ""


def _ratchet(kind):
    """A key of right framing but for one part that is text."""
    text = (MARKER.encode() * 3)[:48]
    good = signal_message()
    if kind == "field":
        return good[:-8] + b"\x2a\x10" + text[:16] + good[-8:]
    if kind == "behind":
        return good + text
    if kind == "ciphertext":
        return good[:-56] + text + good[-8:]
    if kind == "key":
        return good[:4] + text[:32] + good[36:]
    return None


def _seal(change):
    """A valid seal, changed in one way."""
    good = encrypted()
    if change.startswith("<"):
        # The first of what stands in front of "=", up to the end of its tag or its last blank.
        old, new = re.fullmatch(r"(<[^=]*)=(.*)", change, re.S).groups()
        assert old in good, change
        return good.replace(old, new, 1)
    what, _, text = change.partition(" ")
    if what == "prefix":
        inner = re.sub(r"<(/?)(?=\w)", rf"<\g<1>{text}:", good)
        return inner.replace(" xmlns='eu.siacs.conversations.axolotl'", "")
    if what == "ratchet" and text == "identity":
        key = prekey_message()
        at = key.index(b"\x1a\x21\x05") + 3
        key = key[:at] + (MARKER.encode() * 2)[:32] + key[at + 32:]
        return re.sub(r"<key [^>]*>[^<]*", f"<key rid='230140052' prekey='true'>{base64.b64encode(key).decode()}", good)
    if what == "ratchet":
        what, text = "key", base64.b64encode(_ratchet(text)).decode()
    if what in ("sid", "rid"):
        return re.sub(rf"{what}='[^']*'", lambda _: f"{what}='{text}'", good)
    return re.sub(rf"(<{what}\b[^>]*>)[^<]*", lambda found: found.group(1) + text, good)


def _bundle(change):
    """A true bundle, changed in one way."""
    good = write(published("correct--dino-alice9x0", "eu.siacs.conversations.axolotl.bundles:")[1][0])
    if change == "prekey":
        key = base64.b64encode(b"\x05" + (MARKER.encode() * 2)[:32]).decode()
        return re.sub(r"(<preKeyPublic [^>]*>)[^<]*", lambda found: found.group(1) + key, good, count=1)
    old, new = re.fullmatch(r"(<[^=]*)=(.*)", change, re.S).groups()
    assert old in good, change
    return good.replace(old, new, 1)


def filled(stanza, people):
    """What is in braces, put in; what is not known there stays (JSON)."""
    def value(found):
        what, _, text = found.group(1).partition(" ")
        if found.group(1) in people:
            return people[found.group(1)]
        if what in ("base64", "sha1"):
            data = _BYTES.get(text, text.encode() or MARKER.encode())
            return base64.b64encode(data).decode() if what == "base64" else hashlib.sha1(data).hexdigest()
        if what == "base64twice":
            return base64.b64encode(base64.b64encode(MARKER.encode())).decode()
        if what == "blanks":
            return _BLANKS.decode()
        if what == "seal":
            return encrypted()
        if what == "bent":
            return bent(text)
        if what == "empty":
            return encrypted(payload_bytes=0)
        for name, make in (("seal+", _seal), ("bundle+", _bundle)):
            if found.group(1).startswith(name):
                return make(found.group(1).removeprefix(name))
        return found.group(0)
    before = None
    while before != stanza:
        before, stanza = stanza, re.sub(r"\{([^{}]*)\}", value, stanza)
    return stanza
