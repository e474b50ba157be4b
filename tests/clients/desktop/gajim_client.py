"""Gajim on a desktop of its own: its settings written as it writes them, its window read and its keys pressed."""

import asyncio
import json
import sqlite3

from contacts import CONTACT
from sandbox import Desktop

ACCOUNT = "town"
APP = {"remote_control": True, "use_keyring": False, "show_trayicon": False, "sounds_on": False,
       "show_notifications": False}
WORKSPACE = "72e6d059-bf5f-4080-8661-1854da925bb2"
BUS, WINDOW = "org.gajim.Gajim", "/org/gajim/Gajim/window/1"
REMOTE = (BUS, "/org/gajim/dbus/RemoteObject", "org.gajim.dbus.RemoteInterface")


def chat(jid):
    """A chat as the list on the left keeps it."""
    return {"account": ACCOUNT, "jid": {"__type": "JID", "value": jid}, "type": "contact", "pinned": False, "position": -1}


class Gajim(Desktop):
    """`chats`: the addresses whose chats were open when it was last closed."""

    resource = "gajim"
    application = (BUS, "/org/gajim/Gajim")

    def __init__(self, place, name, chats=()):
        super().__init__(place, name)
        self._chats = chats

    async def prepares(self):
        folder = self.home / "config" / "gajim"
        folder.mkdir()
        account = {"active": True, "name": self.name, "hostname": self.place.domain, "password": self.place.password(self.name),
                   "savepass": True, "resource": self.resource, "use_custom_host": True, "custom_host": "127.0.0.1",
                   "custom_port": 5222, "custom_type": "START TLS"}
        with sqlite3.connect(folder / "settings.sqlite") as store:
            store.executescript("CREATE TABLE settings (name TEXT UNIQUE, settings TEXT);"
                                "CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT);"
                                "PRAGMA user_version=5;")
            for name, value in (("app", APP), ("soundevents", {}), ("status_presets", {}), ("proxies", {}),
                                ("plugins", {"omemo": {"active": True}}),
                                ("workspaces", {WORKSPACE: {"chats": [chat(jid) for jid in self._chats]}})):
                store.execute("INSERT INTO settings VALUES (?, ?)", (name, json.dumps(value)))
            store.execute("INSERT INTO account_settings VALUES (?, ?)",
                          (ACCOUNT, json.dumps({"account": account, "contact": {}, "group_chat": {}})))
        store.close()

    async def starts(self):
        await self.asks("start", command=["gajim"], environment={"GDK_BACKEND": "x11"})
        await self.until("a name on the bus", self._is_there)
        await self.is_online()

    async def _is_there(self):
        try:
            return await self.remote("list_accounts")
        except AssertionError:
            return None

    async def remote(self, method, *arguments):
        return (await self.asks("call", name=REMOTE[0], path=REMOTE[1], interface=REMOTE[2], method=method, arguments=arguments))[0]

    async def is_online(self):
        async def question():
            return await self.remote("get_status", ACCOUNT) == "online"
        await self.until("online", question)

    async def contacts(self):
        """{address: (name, show)}"""
        return {str(contact["jid"]): (contact["name"], contact["show"])
                for contact in await self.remote("list_contacts", ACCOUNT)}

    async def acts_as(self, action, *words, window=False):
        """One of the application's own actions, as its menus call them."""
        await self.asks("activates", name=BUS, path=WINDOW if window else self.application[1], action=action, words=words)

    async def blocks_or_unblocks(self, jid):
        """As the menu of a contact does; before it blocks, Gajim asks."""
        await self.asks("activates", name=BUS, path=self.application[1], action=f"{ACCOUNT}-block-contact", words=jid)

    async def unblocks(self, jid, is_back):
        """Until Gajim has heard of the block itself it asks once more whether to block. `is_back`: whether it worked."""
        async def no_question():
            return not await self.asks("sees", words="Really block")

        async def works():
            if not is_back() and await self.asks("acts", words="Cancel", role="push button", exact=True):
                await self.until("the question to go", no_question)
                await self.blocks_or_unblocks(jid)
            return is_back()
        await self.blocks_or_unblocks(jid)
        await self.until("the block to go", works)

    async def opens_chat(self, jid, shown):
        await self.acts_as("open-chat", ACCOUNT, jid)
        await self.sees(shown, exact=True)

    async def seals(self, on=True):
        await self.asks("changes", name=BUS, path=WINDOW, action="set-encryption", value="OMEMO" if on else "")

    async def says(self, text):
        """Into the open chat."""
        await self.types(text)
        await self.presses("Return")

    async def corrects(self, text):
        """The last message, fetched back into the line."""
        await self.presses("ctrl+Up")
        await self.presses("ctrl+a")
        await self.says(text)

    async def leaves(self):
        """As its menu does. Where something is unread Gajim asks whether to quit."""
        await self.acts_as("quit")
        async with asyncio.timeout(self.patience):
            while await self.asks("alive"):
                await self.asks("acts", words="Quit", role="push button", exact=True)
                await asyncio.sleep(0.2)  # its end and its question: it tells us of neither

    async def returns(self):
        """With all that it kept; the chat is opened again."""
        await self.starts()
        await self.opens_chat(self.place.jid("bob"), CONTACT)
