"""A real XMPP client with OMEMO for the tests: slixmpp with slixmpp-omemo.

Only the legacy namespace (eu.siacs.conversations.axolotl) is switched on: slixmpp-omemo publishes omemo:2 keys but
cannot read what others then send to them, for want of XEP-0420.
"""

import asyncio
import logging
from pathlib import Path

import oldmemo
from omemo.session_manager import SenderNotFound
from omemo.storage import Just, Maybe, Nothing, Storage
from slixmpp import JID, ClientXMPP
from slixmpp.plugins import register_plugin
from slixmpp_omemo import xep_0384
from slixmpp_omemo.base_session_manager import TrustLevel

CORRECTION = "{urn:xmpp:message-correct:0}replace"
STANZA_ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
WAIT_SECONDS = 30  # a test that waits longer has failed


class MemoryStorage(Storage):
    """Device keys for one run: these people are born and forgotten with the test."""

    def __init__(self):
        super().__init__(disable_cache=True)
        self._values = {}

    async def _load(self, key) -> Maybe:
        return Just(self._values[key]) if key in self._values else Nothing()

    async def _store(self, key, value):
        self._values[key] = value

    async def _delete(self, key):
        self._values.pop(key, None)


class LegacyOmemo(xep_0384.XEP_0384):
    """The plugin with the oldmemo backend alone, and every device trusted at first sight."""

    name = "xep_0384"
    default_config = {"fallback_message": "This message is OMEMO encrypted."}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._storage = MemoryStorage()
        self._manager = None

    @property
    def storage(self):
        return self._storage

    @property
    def _btbv_enabled(self):
        return True

    async def _prompt_manual_trust(self, manually_trusted, identifier):
        manager = await self.get_session_manager()
        for device in manually_trusted:
            await manager.set_trust(device.bare_jid, device.identity_key, TrustLevel.TRUSTED.value)

    async def get_session_manager(self):
        if self._manager is None:
            self._manager = asyncio.ensure_future(self._make_manager())
        return await asyncio.shield(self._manager)

    async def refresh_device_lists(self, jids, force_download=False):
        """Of the one namespace that is loaded (the inherited method asks for both, which fails without the other)."""
        manager = await self.get_session_manager()
        for jid in jids:
            if jid.bare != self.xmpp.boundjid.bare:
                await manager.refresh_device_list(oldmemo.oldmemo.NAMESPACE, jid.bare)

    async def _on_device_list_update(self, msg):
        """Other clients publish the lists of both namespaces; only the one that is loaded is of use."""
        if msg["pubsub_event"]["items"]["node"] == xep_0384.OLDMEMO_DEVICE_LIST_NODE:
            await super()._on_device_list_update(msg)

    async def _make_manager(self):
        manager = await xep_0384._make_session_manager(self.xmpp, self).create(
            [oldmemo.Oldmemo(self._storage)],
            self._storage,
            self.xmpp.boundjid.bare,
            None,
            TrustLevel.UNDECIDED.value,
        )
        await manager.after_history_sync()
        self.xmpp.event("omemo_initialized")
        return manager


register_plugin(LegacyOmemo)


class Person(ClientXMPP):
    """Somebody at a client. Start with `await person.goes_online(host, port)`; then say() and hears()."""

    def __init__(self, jid, password, ca_file, lang="en"):
        super().__init__(jid, password, lang=lang)
        self.ca_certs = Path(ca_file)
        self.heard = asyncio.Queue()      # decrypted texts: (sender, text)
        self.refusals = asyncio.Queue()   # error messages: (peer, condition, text)
        self.ids = {}                     # decrypted text -> (id of its stanza, id of the one that it corrects)
        self.receipts = set()             # ids of own messages that somebody's client says it has
        self.change = asyncio.Condition()
        self.keys_published = asyncio.Event()
        for plugin in ("xep_0030", "xep_0060", "xep_0163", "xep_0115", "xep_0184", "xep_0199", "xep_0280", "xep_0334", "xep_0380"):
            self.register_plugin(plugin)
        self.register_plugin("xep_0384", module=__import__(__name__))
        self.add_event_handler("session_start", self._on_start)
        self.add_event_handler("message", self._on_message)
        self.add_event_handler("message_error", self._on_error)
        self.add_event_handler("receipt_received", self._on_receipt)
        self.add_event_handler("omemo_initialized", lambda _: self.keys_published.set())
        self.add_event_handler("failed_auth", lambda _: self._fail("log-in refused"))
        self.add_event_handler("ssl_invalid_cert", lambda _: self._fail("certificate refused"))
        self._failure = asyncio.get_event_loop().create_future()

    def _fail(self, why):
        if not self._failure.done():
            self._failure.set_exception(ConnectionError(f"{self.boundjid.bare}: {why}"))

    async def goes_online(self, host, port):
        """Logs in over STARTTLS, sends presence and waits until the device list and the bundle are published."""
        self.connect(host, port)
        ready = asyncio.ensure_future(self.keys_published.wait())
        await asyncio.wait({ready, self._failure}, timeout=WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if self._failure.done():
            self._failure.result()
        if not ready.done():
            raise TimeoutError(f"{self.boundjid.bare} did not get its keys published in {WAIT_SECONDS} s")
        return self

    async def goes_offline(self):
        await self.disconnect(wait=2.0)

    async def _on_start(self, _):
        self.send_presence()
        await self.get_roster()

    async def says(self, to, text, asks_receipt=False, beside=None):
        """Sends `text` sealed to every device of `to`, with an element `beside` the seal. Returns the stanza id."""
        message = self.make_message(mto=JID(to), mbody=text, mtype="chat")
        message.set_from(self.boundjid)
        sealed, errors = await self.plugin["xep_0384"].encrypt_message(message, JID(to))
        if sealed is None or errors:
            raise RuntimeError(f"{self.boundjid.bare} could not seal for {to}: {errors}")
        sealed["eme"]["namespace"] = oldmemo.oldmemo.NAMESPACE
        sealed["eme"]["name"] = "OMEMO"
        sealed["request_receipt"] = asks_receipt
        if beside is not None:
            sealed.xml.append(beside)
        sealed.send()
        return sealed["id"]

    async def says_in_the_clear(self, to, text):
        """Sends `text` as an ordinary body, as a client does whose user forgot to switch OMEMO on."""
        message = self.make_message(mto=JID(to), mbody=text, mtype="chat")
        message.send()
        return message["id"]

    async def hears(self, sender=None):
        """The next text that arrived sealed and was decrypted (from `sender`, if given)."""
        while True:
            who, text = await asyncio.wait_for(self.heard.get(), WAIT_SECONDS)
            if sender is None or who == JID(sender).bare:
                return text

    async def gets_receipt(self, identity):
        """Waits until a client says that it has the message of that id (XEP-0184)."""
        async with self.change:
            await asyncio.wait_for(self.change.wait_for(lambda: identity in self.receipts), WAIT_SECONDS)

    async def _on_receipt(self, stanza):
        async with self.change:
            self.receipts.add(stanza["receipt"])
            self.change.notify_all()

    async def is_refused(self):
        """The next refusal: (peer, condition, text)."""
        return await asyncio.wait_for(self.refusals.get(), WAIT_SECONDS)

    async def _on_message(self, stanza):
        omemo = self.plugin["xep_0384"]
        if stanza["type"] == "error":
            return
        if not omemo.is_encrypted(stanza):
            if stanza["body"]:
                self.heard.put_nowait((stanza["from"].bare, "IN THE CLEAR: " + stanza["body"]))
            return
        try:
            opened = await self._opened(stanza)
        except Exception as error:  # a test must see it, whatever it is
            logging.exception("%s cannot decrypt", self.boundjid.bare)
            self.heard.put_nowait((stanza["from"].bare, f"CANNOT DECRYPT: {error!r}"))
            return
        if opened["body"]:
            corrected = stanza.xml.find(CORRECTION)
            self.ids[opened["body"]] = (stanza["id"], None if corrected is None else corrected.get("id"))
            self.heard.put_nowait((stanza["from"].bare, opened["body"]))

    async def _opened(self, stanza):
        omemo = self.plugin["xep_0384"]
        try:
            return (await omemo.decrypt_message(stanza))[0]
        except SenderNotFound:  # a device newer than the list we hold, and no subscription that would have told us
            await omemo.refresh_device_lists({JID(stanza["from"].bare)}, force_download=True)
            return (await omemo.decrypt_message(stanza))[0]

    def _on_error(self, stanza):
        error = stanza.xml.find("{*}error")
        condition = next((child.tag.partition("}")[2] for child in error if child.tag.startswith(STANZA_ERRORS)), "")
        self.refusals.put_nowait((stanza["from"].bare, condition, error.findtext(STANZA_ERRORS + "text", "")))


def quiet_logs():
    """slixmpp logs whole stanzas at DEBUG: only warnings reach the terminal."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    for chatty in ("slixmpp", "slixmpp_omemo", "omemo"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
