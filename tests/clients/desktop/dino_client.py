"""Dino on a desktop of its own. It makes its database itself; the account is written into it before it starts again."""

import contextlib
import sqlite3

from contacts import CONTACT
from sandbox import WAIT_SECONDS, Desktop

ENVIRONMENT = {"GDK_BACKEND": "x11", "GSK_RENDERER": "cairo"}


class Dino(Desktop):
    resource = "dino"
    patience = 2 * WAIT_SECONDS  # of a cut it learns by a ping, which it sends a minute or two later
    application = ("im.dino.Dino", "/im/dino/Dino")

    @property
    def _store(self):
        return self.home / "data" / "dino" / "dino.db"

    async def prepares(self):
        await self.asks("start", command=["dino-im"], environment=ENVIRONMENT)
        await self.sees("Dino")  # its database is made by then; Dino ends where somebody else holds it
        await self.asks("stop")
        with contextlib.closing(sqlite3.connect(self._store)) as store, store:
            store.execute("INSERT INTO account (bare_jid, resourcepart, password, alias, enabled, mam_earliest_synced) "
                          "VALUES (?, ?, ?, '', 1, 0)", (self.jid, self.resource, self.place.password(self.name)))

    async def starts(self):
        await self.asks("start", command=["dino-im"], environment=ENVIRONMENT)
        await self.sees("Dino")

    async def opens_chat(self, jid, shown):
        """`shown`: as whom the window shows him."""
        await self.asks("runs", command=["dino-im", f"xmpp:{jid}?message"], environment=ENVIRONMENT)
        await self.sees(shown, exact=True)

    async def seals(self):
        """The padlock beside the line, then OMEMO. The padlock has no name: it is the fourth button of two nested pairs."""
        await self.until("the padlock's menu", lambda: self.asks("acts_after", words="GtkTextView", role="push button", further=4))
        await self.acts("OMEMO", exact=True)
        await self.presses("Escape")

    async def says(self, text):
        await self.types(text)
        await self.presses("Return")

    async def corrects(self, text):
        """The last message, fetched back into the line."""
        await self.presses("Up")
        await self.presses("ctrl+a")
        await self.says(text)

    async def returns(self):
        """With all that it kept; the chat is opened again."""
        await self.starts()
        await self.opens_chat(self.place.jid("bob"), CONTACT)
