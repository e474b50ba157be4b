"""Gajim keeps of what it seals with OMEMO only the elements of a list beside the seal, and classification labels (XEP-0258)
are not in it. This puts them in. Valise lets a label of its catalogue pass there, and nothing else of it."""

from importlib import import_module

from gajim.plugins import GajimPlugin

LABEL = ("securitylabel", None)  # the label that Gajim builds says its namespace as an attribute, where the list does not look
# Where the list is: in Gajim itself, or in its plugin for OMEMO (up to 1.7).
PLACES = ("gajim.common.modules.omemo", "omemo.modules.omemo")


def lists():
    for place in PLACES:
        try:
            yield import_module(place).ALLOWED_TAGS
        except (ImportError, AttributeError):
            continue


class SealedLabels(GajimPlugin):
    def activate(self):
        for allowed in lists():
            if LABEL not in allowed:
                allowed.append(LABEL)

    def deactivate(self):
        for allowed in lists():
            if LABEL in allowed:
                allowed.remove(LABEL)
