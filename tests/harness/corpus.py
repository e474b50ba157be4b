"""The recorded stanzas of real clients (tests/corpus/stanzas)."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from .ns import NS

FOLDER = Path(__file__).resolve().parent.parent / "corpus" / "stanzas"


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
