"""The recorded stanzas of real clients (tests/corpus/stanzas), and those that were written by their sources
(tests/corpus/clients)."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from .ns import NS

FOLDER = Path(__file__).resolve().parent.parent / "corpus" / "stanzas"
CLIENTS = FOLDER.parent / "clients"
SENTENCE = "Message chiffré OMEMO / OMEMO-encrypted message"
EME = "{urn:xmpp:eme:0}encryption"


def recordings():
    return sorted(path.stem for path in FOLDER.glob("*.xml"))


def stanzas(recording):
    """The stanzas of one recording, as elements, in the order sent."""
    text = (FOLDER / f"{recording}.xml").read_text()
    # Some clients' logs leave the stream's default namespace out.
    text = re.sub(r"<(message|iq|presence)(?=[\s>])(?![^>]*\sxmlns=)", r"<\1 xmlns='jabber:client'", text)
    return list(ET.fromstring(text))


def write(element):
    """An element as a client would send it."""
    return _write(element, "")


def _write(element, inherited):
    namespace, _, local = element.tag.rpartition("}")
    namespace = namespace.lstrip("{")
    attributes = "".join(f" {_name(key)}='{_escape(value)}'" for key, value in element.items())
    declared = f" xmlns='{namespace}'" if namespace != inherited else ""
    inner = _escape(element.text or "") + "".join(
        _write(child, namespace) + _escape(child.tail or "") for child in element)
    return f"<{local}{declared}{attributes}>{inner}</{local}>"


def _name(key):
    return "xml:" + key.removeprefix(NS.XML) if key.startswith(NS.XML) else key


def _escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&apos;")


def published(recording, node_prefix):
    """(node, item element) of the first recorded publication whose node begins so."""
    for stanza in stanzas(recording):
        publish = stanza.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}publish")
        if publish is not None and publish.get("node", "").startswith(node_prefix):
            return publish.get("node"), publish.find(NS.PUBSUB + "item")
    raise LookupError(f"{recording} publishes nothing under {node_prefix}")


@dataclass(frozen=True)
class Sent:
    """What one client sends, and what comes of it (tests/corpus/clients/README.md)."""

    name: str
    outcome: list  # words
    stanza: str    # with addresses in braces

    @property
    def by_bob(self):
        return " to='{alice" in self.stanza and not self.to_oneself

    @property
    def to_oneself(self):
        return "to_self" in self.name

    def words(self, what):
        """Those behind `what`, up to the next such word."""
        rest = self.outcome[self.outcome.index(what) + 1:] if what in self.outcome else []
        ends = [rest.index(word) for word in ("with", "without") if word in rest]
        return rest[:min(ends)] if ends else rest


def sent_by_clients():
    seals = {seal.get("name"): write(seal[0]) for seal in ET.fromstring((CLIENTS / "seals.xml").read_text())}
    for path in sorted(CLIENTS.glob("*.stanza")):
        _, outcome, stanza = path.read_text().split("\n", 2)
        numbers = iter(range(9))
        stanza = re.sub(r"\{(?:legacy|omemo:2) [^{}]*\}", lambda _: seals[f"{path.stem}#{next(numbers)}"], stanza)
        yield Sent(path.stem, outcome.removeprefix("=> ").split(), stanza.rstrip("\n"))


def published_by(name):
    """The <publish/> elements of alice or bob."""
    return list(ET.fromstring((CLIENTS / f"{name}.xml").read_text()))


def _is_left_out(element, word):
    namespace, _, local = element.tag[1:].partition("}")
    if word == "keyless":
        return local == "encrypted" and not any(node.tag.endswith("}key") for node in element.iter())
    return namespace == word if ":" in word else local == word


def expected(stanza, sent):
    """The children that arrive of a stanza (an element, which is changed), as comparable texts."""
    for word in sent.words("without"):
        for element in list(stanza.iter()):
            if word.startswith("@"):
                element.attrib.pop(word[1:], None)
            for child in list(element):
                if _is_left_out(child, word):
                    element.remove(child)
    has_payload = any(node.tag.endswith("}payload") for node in stanza.iter())
    for body in stanza.findall(NS.CLIENT + "body"):
        assert has_payload, "a body without a seal passes nowhere: the file has to say that it is left out"
        body.text = SENTENCE
    second = stanza.find(NS.OMEMO2 + "encrypted") is not None
    if (named := stanza.find(EME)) is not None:
        named.set("namespace", (NS.OMEMO2 if second else NS.OMEMO)[1:-1])
        named.set("name", "OMEMO 2" if second else "OMEMO")
    for word in sent.words("with"):
        ET.SubElement(stanza, f"{{urn:xmpp:hints}}{word}")
    return comparable(stanza)


def comparable(stanza):
    """The children of a stanza, whatever their order and spelling, without what the server adds."""
    return sorted(ET.canonicalize(ET.tostring(child, encoding="unicode")) for child in stanza
                  if child.tag != "{urn:xmpp:sid:0}stanza-id")
