"""Messages inside of messages (XEP-0297): pages of an archive (XEP-0313), copies for other devices (XEP-0280)."""

from .ns import NS

MAM = "{urn:xmpp:mam:2}"
FORWARD = "{urn:xmpp:forward:0}"
RSM = "{http://jabber.org/protocol/rsm}"
CARBONS = "{urn:xmpp:carbons:2}"
FORWARDED = FORWARD + "forwarded"
ENABLE_CARBONS = "<enable xmlns='urn:xmpp:carbons:2'/>"


def form(**fields):
    """A submitted form; `_` stands for `-`, a list for several values."""
    out = "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>"
    for name, values in fields.items():
        values = values if isinstance(values, (list, tuple)) else [values]
        out += f"<field var='{name.rstrip('_').replace('_', '-')}'>" + "".join(f"<value>{value}</value>" for value in values) + "</field>"
    return out + "</x>"


def page(inner):
    return f"<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>"


def query(inner="", queryid=""):
    return f"<query xmlns='urn:xmpp:mam:2'{f' queryid={queryid!r}' if queryid else ''}>{inner}</query>"


class Page:
    """What a query gave: `results` as they came, and what <fin/> says."""

    def __init__(self, results, fin):
        self.results, self.fin = results, fin
        self.complete = fin.get("complete") == "true"
        rsm = fin.find(RSM + "set")
        self.first, self.last, self.count = (rsm.findtext(RSM + name) for name in ("first", "last", "count"))
        self.index = rsm.find(RSM + "first").get("index") if self.first else None

    @property
    def ids(self):
        return [result.get("id") for result in self.results]

    @property
    def messages(self):
        return [result.find(f"{FORWARDED}/{NS.CLIENT}message") for result in self.results]

    @property
    def words(self):
        """The senders' ids of the messages, in the order they came."""
        return [message.get("id") for message in self.messages]


def copied(event, how):
    """The message that a copy carries (`how`: received, sent), or None."""
    if getattr(event, "tag", None) != NS.CLIENT + "message":
        return None
    return event.find(f"{CARBONS}{how}/{FORWARDED}/{NS.CLIENT}message")
