"""What the stories about PEP have in common."""

import xml.etree.ElementTree as ET

from harness import NS
from pep import NICK, PUBSUB, event_of, items, nick, publish, wants  # noqa: F401

OWNER = "xmlns='http://jabber.org/protocol/pubsub#owner'"
RSM = "{http://jabber.org/protocol/rsm}"
PLAIN = {"sealed.mode": "off"}  # any node, any payload
NODE = "urn:example:notes"
AVATAR = "urn:xmpp:avatar:metadata"
APPROVAL = "http://jabber.org/protocol/pubsub#subscribe_authorization"


def note(text="n"):
    return f"<note xmlns='{NODE}'>{text}</note>"


def form(fields, form_type="http://jabber.org/protocol/pubsub#node_config", kind="submit"):
    def field(name, value):
        values = value if isinstance(value, (list, tuple)) else [value]
        return f"<field var='pubsub#{name}'>" + "".join(f"<value>{one}</value>" for one in values) + "</field>"
    return (f"<x xmlns='jabber:x:data' type='{kind}'><field var='FORM_TYPE' type='hidden'><value>{form_type}</value></field>"
            + "".join(field(name, value) for name, value in fields.items()) + "</x>")


def create(node, **fields):
    configure = f"<configure>{form(fields)}</configure>" if fields else ""
    return f"<pubsub {PUBSUB}><create node='{node}'/>{configure}</pubsub>"


def configure(node, **fields):
    return f"<pubsub {OWNER}><configure node='{node}'>{form(fields)}</configure></pubsub>"


def owner(verb, node, inner=""):
    return f"<pubsub {OWNER}><{verb} node='{node}'>{inner}</{verb}></pubsub>"


def affiliations(node, *pairs):
    return owner("affiliations", node, "".join(f"<affiliation jid='{jid}' affiliation='{what}'/>" for jid, what in pairs))


def subscriptions(node, *pairs):
    return owner("subscriptions", node, "".join(f"<subscription jid='{jid}' subscription='{what}'/>" for jid, what in pairs))


def subscribe(node, jid, verb="subscribe"):
    return f"<pubsub {PUBSUB}><{verb} node='{node}' jid='{jid}'/></pubsub>"


def retract(node, item, attributes=""):
    return f"<pubsub {PUBSUB}><retract node='{node}'{attributes}><item id='{item}'/></retract></pubsub>"


def page(inner):
    return f"<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>"


def items_page(node, inner, attributes=""):
    return f"<pubsub {PUBSUB}><items node='{node}'{attributes}/>{page(inner)}</pubsub>"


def ids(answer):
    return [item.get("id") for item in answer.iter(NS.PUBSUB + "item")]


def state_of(answer):
    return answer.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}subscription").get("subscription")


def fields_of(answer):
    return {field.get("var").removeprefix("pubsub#"): [value.text or "" for value in field.findall(NS.FORM + "value")]
            for field in answer.iter(NS.FORM + "field")}


def event(name, node):
    """A child of <event/> about a node."""
    return f"{NS.PUBSUB_EVENT}event/{NS.PUBSUB_EVENT}{name}[@node='{node}']"


def retraction_of(node):
    return f"{event('items', node)}/{NS.PUBSUB_EVENT}retract"


async def is_refused(device, condition, payload, pubsub, kind="set", to=None, type_=None, feature=None):
    """The exact error: the stanza's condition, and pubsub's with its feature."""
    error = (await device.is_refused(condition, payload, kind, to=to, type_=type_)).find(NS.CLIENT + "error")
    found = [child for child in error if child.tag.startswith(NS.PUBSUB_ERROR)]
    if pubsub is None:
        assert not found, ET.tostring(error)
    else:
        assert len(found) == 1 and found[0].tag == NS.PUBSUB_ERROR + pubsub, ET.tostring(error)
        assert found[0].get("feature") == feature, ET.tostring(error)
    return error


async def asks_for(owner_device, subscriber, node=NODE):
    """Asks for a subscription that has to be approved; returns the owner's form."""
    answer = await subscriber.sets(subscribe(node, subscriber.bare), to=owner_device.bare)
    assert state_of(answer) == "pending"
    return await owner_device.receives("message", child=NS.FORM + "x")


def approval(message, allow, kind="submit"):
    """The owner's answer to a form."""
    fields = fields_of(message)
    inner = {"node": fields["node"][0], "subscriber_jid": fields["subscriber_jid"][0], "allow": allow}
    return f"<message id='{message.get('id')}'>{form(inner, APPROVAL, kind)}</message>"
