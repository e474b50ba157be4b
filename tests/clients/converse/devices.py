"""One account at Converse.js in Chromium and at slixmpp: what one device sends or gets, the other shows; what one missed
comes from the archive, after a reload of the page; Converse.js resumes after a cut."""

import asyncio
import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "invitation_page")]

from browser import WAIT_SECONDS, Browser  # noqa: E402
from converse import Pages  # noqa: E402
from omemo_client import quiet_logs  # noqa: E402
from place import place_from_command_line  # noqa: E402
from two_devices import beside_slixmpp, both_chat, history, resumes  # noqa: E402


class Converse:
    """Converse.js, in the words that all devices have. The page is read as it is laid out."""

    resource = "converse"

    def __init__(self, place, name, peer, wire, pages):
        self.place, self.wire, self._pages = place, wire, pages
        self.jid = place.jid(name)
        self.full = f"{self.jid}/{self.resource}"
        pages.task = {"jid": self.full, "password": place.password(name), "peer": peer, "transport": "websocket_url",
                      "url": f"wss://{place.domain}:{place.wire_port}/xmpp-websocket", "says": []}
        self._browser = Browser(place.domain, place.host)

    async def __aenter__(self):
        await self._browser.opens()
        await self.returns()
        return self

    async def __aexit__(self, kind, *_):
        if kind is not None:
            print(f"     (the page showed:\n{await self._browser.evaluates('document.body.innerText')})", flush=True)
        self._browser.close()

    async def returns(self):
        """The page is loaded (anew) and logs in; it opens the chat and seals."""
        await self._browser.visits(f"https://{self.place.domain}:{self._pages.port}/")
        await self._pages.hears("said")

    async def leaves(self):
        await self._browser.evaluates("void story.leaves()")

    async def says(self, text):
        await self._browser.evaluates(f"void story.says({json.dumps(text)})")

    async def times(self, text):
        return await self._browser.evaluates(f"document.body.innerText.split({json.dumps(text)}).length - 1")

    async def sees(self, text):
        deadline = time.monotonic() + WAIT_SECONDS
        while not await self.times(text):
            if time.monotonic() > deadline:
                raise AssertionError(f"Converse.js did not show {text!r} in {WAIT_SECONDS:.0f} s")
            await asyncio.sleep(0.1)  # the page is not ours, it can't tell us


async def main():
    quiet_logs()
    place = place_from_command_line(__doc__)
    pages = Pages(place.host, place.page_port, place.certificate, place.key, asyncio.get_running_loop())
    async with beside_slixmpp(place, place.web_port) as (bob, second, wire):
        async with Converse(place, "alice", place.jid("bob"), wire, pages) as converse:
            await bob.sees_keys(converse.jid, devices=2)
            await both_chat(converse, second, bob)
            await history(converse, second, bob)
            await history(second, converse, bob)
            await resumes(converse, bob)
        await second.leaves()
    pages.close()


asyncio.run(main())
