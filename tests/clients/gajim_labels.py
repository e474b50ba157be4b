"""XEP-0258 with the code that Gajim runs for it (python3-nbxmpp): its own question for the catalogue, its reading of the
answer, the label that it writes, its reading of what arrives. No window, no OMEMO of Gajim's: its plugin leaves labels out of
what it seals (modules/labels/README.md), so the seal is the harness's."""

import copy
import logging
import sys
import types
import xml.etree.ElementTree as ET
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nbxmpp.modules.security_labels import SecurityLabel, SecurityLabels, _make_catalog_request  # noqa: E402
from nbxmpp.protocol import Iq, Message  # noqa: E402
from nbxmpp.simplexml import Node  # noqa: E402

from harness import run, sealed, story  # noqa: E402

FRENCH = {"labels.catalogue": ["fr"]}
NAMES = ["DIFFUSION RESTREINTE", "DIFFUSION RESTREINTE – SPÉCIAL FRANCE", "SECRET", "TRÈS SECRET"]


def text_of(element):
    """As it would stand on a stream: nbxmpp looks at names without prefixes."""
    element = copy.deepcopy(element)
    for part in element.iter():
        ns, _, name = part.tag[1:].partition("}")
        part.tag = name
        part.set("xmlns", ns)
    return ET.tostring(element, encoding="unicode")


def catalogue_of(answer):
    """What Gajim makes of the server's answer: the steps of its own task, fed by hand."""
    room = types.SimpleNamespace(_client=types.SimpleNamespace(domain="localhost"), _log=logging.getLogger())
    steps = SecurityLabels.request_catalog.__wrapped__(room, "bob@localhost")
    next(steps)
    steps.send(None)
    return steps.send(Iq(node=Node(node=text_of(answer))))


@story("XEP-0258 §4, Gajim", options=FRENCH)
async def gajim_asks_reads_writes_and_shows_the_french_labels(town):
    alice, bob = await town.devices("alice", "bob")
    question = _make_catalog_request("localhost", bob.bare)
    question.setAttr("id", "gajim-1")
    await alice.sends(str(question))
    answer = await alice.receives("iq", id="gajim-1", type_="result")
    catalogue = catalogue_of(answer)
    labels = {name: label for name, label in catalogue.labels.items() if label is not None}
    assert list(labels) == NAMES, list(labels)
    assert labels["SECRET"].displaymarking.name == "SECRET" and labels["SECRET"].displaymarking.bgcolor == "#c9191e"
    for number, (name, label) in enumerate(labels.items()):
        await alice.sends(f"<message to='{bob.bare}' id='g{number}' type='chat'>{sealed()}{label.to_node()}</message>")
        arrived = Message(node=Node(node=text_of(await bob.receives("message", id=f"g{number}"))))
        shown = SecurityLabel.from_node(arrived.getTag("securitylabel", namespace="urn:xmpp:sec-label:0"))
        assert shown.displaymarking == label.displaymarking, (name, shown)
        print(f"     {name}: Gajim shows {shown.displaymarking}", flush=True)


if __name__ == "__main__":
    run()
