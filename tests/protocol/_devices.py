"""What stories about OMEMO devices share: keys of several devices, and how a client publishes them."""

import base64
import hashlib

from harness import NS
from harness.corpus import published, recordings, write
from harness.town import PUBLISHED_DEVICES
from pep import items, publish

LIST = "eu.siacs.conversations.axolotl.devicelist"
LIST2 = "urn:xmpp:omemo:2:devices"
BUNDLES2 = "urn:xmpp:omemo:2:bundles"
PHONE, LAPTOP, TABLET, STRANGER = 11, 12, 13, 666  # device ids
ADMINISTRATOR = {**PUBLISHED_DEVICES, "omemo.approve": "administrator"}
BY_DEVICE = {**PUBLISHED_DEVICES, "omemo.approve": "device"}


class Keys:
    """A recorded legacy bundle, which fits every device id."""

    def __init__(self, item):
        self.bundle = write(item[0])
        self.serialised = base64.b64decode(item.find(f".//{NS.OMEMO}identityKey").text)  # with its type byte
        raw = self.serialised[1:]
        self.fingerprint = " ".join(raw.hex()[at:at + 8] for at in range(0, 64, 8))
        self.hash = hashlib.sha256(raw).hexdigest()


def _legacy_keys():
    found = {}
    for recording in recordings():
        try:
            _, item = published(recording, "eu.siacs.conversations.axolotl.bundles:")
        except LookupError:
            continue
        keys = Keys(item)
        found.setdefault(keys.hash, keys)
    return list(found.values())


KEYS = _legacy_keys()


def bundle_node(device):
    return f"eu.siacs.conversations.axolotl.bundles:{device}"


def device_list(*ids):
    return "<list xmlns='eu.siacs.conversations.axolotl'>" + "".join(f"<device id='{i}'/>" for i in ids) + "</list>"


def device_list_2(*ids):
    return "<devices xmlns='urn:xmpp:omemo:2'>" + "".join(f"<device id='{i}'/>" for i in ids) + "</devices>"


async def publishes_keys(session, device, keys):
    await session.sets(publish(bundle_node(device), keys.bundle))


async def lists(session, *ids):
    await session.sets(publish(LIST, device_list(*ids)))


async def joins(session, device, keys, *others):
    """As Conversations does: the bundle, then the list with the new device in it."""
    await publishes_keys(session, device, keys)
    await lists(session, *others, device)


async def listed(reader, owner, node=LIST):
    """The ids that `reader` finds in the list."""
    answer = await reader.asks(items(node), to=owner)
    return [int(entry.get("id")) for entry in answer.iter() if entry.tag.endswith("}device")]


def ids_in(event):
    return [int(entry.get("id")) for entry in event.iter() if entry.tag.endswith("}device")]


async def known(town, account):
    """device -> its row of `valisectl omemo devices`."""
    return {row["device"]: row for row in await town.ctl_json("omemo", "devices", account)}
