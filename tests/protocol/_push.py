"""A push service (XEP-0357 §3) as stories play it: one device of an account, which gets publications and answers them."""

import itertools
import uuid

from harness import NS, sealed
from harness.sasl2 import device as log_in
from _managed import Managed

PUSH = "{urn:xmpp:push:0}"
_numbers = itertools.count(1)


def options(secret="eruio234vzxc2kla-91", type_="submit", form_type="http://jabber.org/protocol/pubsub#publish-options", more=""):
    return (f"<x xmlns='jabber:x:data' type='{type_}'><field var='FORM_TYPE'><value>{form_type}</value></field>"
            f"<field var='secret'><value>{secret}</value></field>{more}</x>")


def enable(service, node="n1", inner=""):
    named = "" if node is None else f" node='{node}'"
    return f"<enable xmlns='urn:xmpp:push:0' jid='{service}'{named}>{inner}</enable>"


def disable(service, node=None):
    named = "" if node is None else f" node='{node}'"
    return f"<disable xmlns='urn:xmpp:push:0' jid='{service}'{named}/>"


async def service(town):
    return await (await town.account("pusher")).device("service")


async def phone_of(town, account, pusher, node="n1", inner="", agent=None):
    """A device that has asked to be told; of a client that says who it is, if `agent` is given."""
    phone = await (log_in(town, account, agent, "Phone") if agent else account.device("phone"))
    await phone.sets(enable(pusher.full, node, inner))
    return phone


def new_agent():
    return str(uuid.uuid4())


async def writes(sender, to, inner=None, type_="chat"):
    """A message that is durable when this returns: the server has acknowledged it (XEP-0198)."""
    await sender.sends(f"<message to='{to}' id='m{next(_numbers)}' type='{type_}'>{sealed() if inner is None else inner}</message>")
    await sender.asks_for_h()


async def sender(town, name="bob"):
    return await Managed.of(await (await town.account(name)).device())


def is_publication(stanza):
    return (getattr(stanza, "tag", None) == NS.CLIENT + "iq" and stanza.get("type") == "set"
            and stanza.find(NS.PUBSUB + "pubsub") is not None)


async def publication(pusher):
    """The next one; the service has not answered it."""
    return await pusher.stream.wait_for(is_publication, "a publication")


def publications(pusher):
    """Those that wait to be looked at."""
    return pusher.stream.waiting(is_publication)


async def told(pusher):
    """The next one, answered: what its summary says."""
    iq = await publication(pusher)
    await pusher.answers(iq)
    return summary(iq)


async def refuses(pusher, iq, condition, type_):
    await pusher.sends(f"<iq type='error' id='{iq.get('id')}' to='{iq.get('from')}'><error type='{type_}'>"
                       f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")


def summary(iq):
    form = iq.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}publish/{NS.PUBSUB}item/{PUSH}notification/{NS.FORM}x")
    return {field.get("var"): field.findtext(NS.FORM + "value") for field in form}


def node_of(iq):
    return iq.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}publish").get("node")
