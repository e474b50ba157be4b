"""Gajim and classification labels (XEP-0258): it offers the catalogue, shows the label of a sealed message that comes, and with
packaging/gajim/valise_labels sends the label that it was told to choose beside what it seals."""

import asyncio
import json
import shutil
import sqlite3
import xml.etree.ElementTree as ET
from pathlib import Path

import _path  # noqa: F401
from contacts import CONTACT, bob_and_alice, holds, same
from gajim_client import ACCOUNT, Gajim

PLUGIN = Path(__file__).resolve().parent.parent.parent.parent / "packaging" / "gajim" / "valise_labels"
NS = "{urn:xmpp:sec-label:0}"
SECRET = ("<securitylabel xmlns='urn:xmpp:sec-label:0'><displaymarking fgcolor='white' bgcolor='#c9191e'>SECRET</displaymarking>"
          "<label><level xmlns='urn:valise:label:0' name='secret'/></label></securitylabel>")


class LabellingGajim(Gajim):
    async def prepares(self):
        await super().prepares()
        shutil.copytree(PLUGIN, self.home / "data" / "gajim" / "plugins" / PLUGIN.name)
        with sqlite3.connect(self.home / "config" / "gajim" / "settings.sqlite") as store:
            [[text]] = store.execute("SELECT settings FROM account_settings WHERE account = ?", (ACCOUNT,))
            settings = json.loads(text)
            settings["account"]["enable_security_labels"] = True
            store.execute("UPDATE account_settings SET settings = ? WHERE account = ?", (json.dumps(settings), ACCOUNT))
            store.execute("UPDATE settings SET settings = ? WHERE name = 'plugins'",
                          (json.dumps({"omemo": {"active": True}, PLUGIN.name: {"active": True}}),))
        store.close()


def marking_in(stanza):
    found = stanza.xml.find(f"{NS}securitylabel/{NS}displaymarking")
    return None if found is None else found.text


async def main():
    place, bob = await bob_and_alice(__doc__)
    markings = asyncio.Queue()
    bob.add_event_handler("message", lambda stanza: stanza.xml.find("{eu.siacs.conversations.axolotl}encrypted/"
                          "{eu.siacs.conversations.axolotl}payload") is not None and markings.put_nowait(marking_in(stanza)))
    async with LabellingGajim(place, "alice", [place.jid("bob")]) as gajim:
        await gajim.opens_chat(place.jid("bob"), CONTACT)
        offered = await gajim.sees("DIFFUSION RESTREINTE", exact=True)
        holds(f"the catalogue: Gajim offers {offered['words']} ({offered['role']})")
        await gajim.seals()
        await gajim.says("sealed by Gajim")
        same(await bob.hears(gajim.jid), "sealed by Gajim", "Gajim -> bot, decrypted")
        same(await markings.get(), "DIFFUSION RESTREINTE", "the label that Gajim chose by itself stands beside its seal")
        await bob.says(gajim.jid, "sealed by the bot", beside=ET.fromstring(SECRET))
        await gajim.sees("sealed by the bot")
        shown = await gajim.sees("SECRET", role="label", exact=True)
        holds(f"bot -> Gajim: its window shows {shown['words']}")
        await gajim.leaves()
    await bob.goes_offline()


asyncio.run(main())
