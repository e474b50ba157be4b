"""What the server sent, read by a second XML parser (libxml2): it has to see what the first one (expat) saw.

A byte sequence that two parsers understand differently is how stanzas are smuggled past checks.
"""

from lxml import etree


def children(data):
    """The complete children of the stream's root in `data`, which may end anywhere behind the header."""
    parser = etree.XMLPullParser(events=("end",), resolve_entities=False, no_network=True, huge_tree=True)
    found = []
    try:
        parser.feed(bytes(data))
    except etree.XMLSyntaxError as error:
        raise AssertionError(f"libxml2 does not take what the server sent: {error}") from error
    for _event, element in parser.read_events():
        parent = element.getparent()
        if parent is not None and parent.getparent() is None:
            found.append(element)
    return found


def difference(one, other):
    """Where expat's element and libxml2's differ, or None."""
    if (one.tag, dict(one.attrib)) != (other.tag, dict(other.attrib)):
        return f"<{one.tag} {dict(one.attrib)}> is <{other.tag} {dict(other.attrib)}> to libxml2"
    if (one.text or "") != (other.text or ""):
        return f"the text of <{one.tag}>"
    if len(one) != len(other):
        return f"<{one.tag}> has {len(one)} children, {len(other)} to libxml2"
    for left, right in zip(one, other):
        if (left.tail or "") != (right.tail or ""):
            return f"the text behind <{left.tag}>"
        if found := difference(left, right):
            return found
    return None


def agrees(elements, data):
    """Raises AssertionError unless libxml2 finds `elements` (expat's, in order) in `data`."""
    others = children(data)
    assert len(elements) == len(others), f"{len(elements)} stanzas to expat, {len(others)} to libxml2"
    for one, other in zip(elements, others):
        found = difference(one, other)
        assert found is None, f"the parsers differ: {found}"
