"""A slixmpp client that takes an invitation: comes.py URI NAME ADDRESS PORT CA. It makes the account (XEP-0445) and
logs in; 0 if both went well."""

import asyncio
import re
import sys
from pathlib import Path

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ET
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatcherId

WAIT_SECONDS = 60


class Invited(ClientXMPP):
    def __init__(self, host, name, token, authority):
        super().__init__(f"{name}@{host}", "Calliope")
        self.ca_certs = Path(authority)
        self.token, self.steps, self.ended = token, [], asyncio.get_event_loop().create_future()
        self.register_plugin("xep_0077")
        self.add_event_handler("register", self.registers)
        self.add_event_handler("session_start", lambda _: self.is_over("is in"))
        self.add_event_handler("failed_auth", lambda _: self.is_over("not let in"))

    def is_over(self, step):
        self.steps.append(step)
        if not self.ended.done():
            self.ended.set_result(None)

    async def shows_the_token(self):
        """XEP-0445 §4. Before log-in slixmpp holds back what it does not know, so the text goes."""
        shows = self.make_iq_set(ito=self.boundjid.domain)
        shows.append(ET.Element("{urn:xmpp:pars:0}preauth", {"token": self.token}))
        answered = asyncio.get_event_loop().create_future()
        self.register_handler(Callback("preauth", MatcherId(shows["id"]), answered.set_result, once=True))
        self.send_raw(str(shows))
        answer = await answered
        if answer["type"] != "result":
            raise IqError(answer)
        self.steps.append("shows the token")

    async def registers(self, _form):
        try:
            await self.shows_the_token()
            asks = self.make_iq_set(ito=self.boundjid.domain)
            asks["register"]["username"] = self.boundjid.user
            asks["register"]["password"] = self.password
            await asks.send()
            self.steps.append("has an account")
        except IqError as refused:
            self.is_over(f"refused: {refused.iq['error']['condition']}")


async def main(uri, name, address, port, authority):
    # One for an account alone, or for a contact with whom one may be made (XEP-0401 §5.1, §5.4).
    host, token = re.fullmatch(r"xmpp:(?:[^@?]+@)?([a-z.]+)\?(?:register|roster);preauth=([a-z2-7]+)(?:;ibr=y)?", uri).groups()
    client = Invited(host, name, token, authority)
    client.connect(address, int(port))
    await asyncio.wait_for(client.ended, WAIT_SECONDS)
    client.disconnect()
    wanted = ["shows the token", "has an account", "is in"]
    if client.steps != wanted:
        print(f"FAIL {client.steps}")
    return 0 if client.steps == wanted else 1


sys.exit(asyncio.run(main(*sys.argv[1:])))
