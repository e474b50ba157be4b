"""XEP-0084, XEP-0153, XEP-0398: one picture of an account, in PEP, in its card and in its presence."""

import base64
import hashlib
import os
import xml.etree.ElementTree as ET

import _path  # noqa: F401
from _pep import AVATAR, PLAIN, event_of, ids, items, owner, publish, retract, wants
from harness import NS, ping, run, story, with_id
from harness.pictures import jpeg, png as picture
from vcard import EMPTY, VCARD, card, card_of, flat, photo

DATA = "urn:xmpp:avatar:data"
UPDATE = "{vcard-temp:x:update}"
OPEN = {"access_model": "open"}


def sha1(image):
    return hashlib.sha1(image).hexdigest()


def data_of(image):
    return f"<data xmlns='{DATA}'>{base64.b64encode(image).decode()}</data>"


def metadata(*infos):
    return f"<metadata xmlns='{AVATAR}'>{''.join(infos)}</metadata>"


def info(image, extra="", type_="image/png"):
    return f"<info bytes='{len(image)}' id='{sha1(image)}' type='{type_}' width='64' height='64'{extra}/>"


async def shows(device, image, options=None):
    """Publishes the picture as XEP-0084 §3 asks: the data, then what it is."""
    await device.sets(publish(DATA, data_of(image), sha1(image), options))
    await device.sets(publish(AVATAR, metadata(info(image)), sha1(image), options))


async def picture_in_card(device, to=None):
    answer = await device.tries(EMPTY, to=to)
    text = answer.findtext(f"{VCARD}vCard/{VCARD}PHOTO/{VCARD}BINVAL")
    return base64.b64decode(text) if text else None


async def in_pep(device, to=None):
    """The picture that the metadata name, out of the data node."""
    answer = await device.asks(items(AVATAR), to=to)
    names = [one.get("id") for one in answer.iter(f"{{{AVATAR}}}info")]
    if not names:
        return None
    answer = await device.asks(items(DATA, f"<item id='{names[0]}'/>"), to=to)
    return base64.b64decode(answer.findtext(f".//{{{DATA}}}data"))


def hash_in(presence):
    """The hash; "" where it says that there is no picture, None where it says nothing."""
    updates = presence.findall(UPDATE + "x")
    assert len(updates) <= 1, ET.tostring(presence)
    if not updates or updates[0].find(UPDATE + "photo") is None:
        return None
    return updates[0].findtext(UPDATE + "photo") or ""


@story("XEP-0398 §2")
async def an_account_says_that_its_picture_is_one(town):
    [alice] = await town.devices("alice")
    answer = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=alice.bare)
    assert answer.find(f".//{NS.DISCO_INFO}feature[@var='urn:xmpp:pep-vcard-conversion:0']") is not None


# ---- PEP -> card (XEP-0398 §3.1)

@story("XEP-0398 §3.1")
async def a_published_avatar_is_the_picture_of_the_card(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.sets(card("<FN>Alice</FN>"))
    first, second = picture(), jpeg()
    await shows(alice, first, OPEN)
    for device, to in ((alice, None), (bob, alice.bare)):
        read = await card_of(device, to)
        assert read.findtext(VCARD + "FN") == "Alice"
        assert read.findtext(f"{VCARD}PHOTO/{VCARD}TYPE") == "image/png"
        assert await picture_in_card(device, to) == first
    await alice.sets(publish(DATA, data_of(second), sha1(second)))
    await alice.sets(publish(AVATAR, metadata(info(second, type_="image/jpeg")), sha1(second)))
    assert (await card_of(bob, alice.bare)).findtext(f"{VCARD}PHOTO/{VCARD}TYPE") == "image/jpeg"
    assert await picture_in_card(bob, alice.bare) == second
    await town.restart()
    assert await picture_in_card(await alice.account.device()) == second


@story("XEP-0398 §3.1")
async def without_a_card_the_picture_is_the_card(town):
    [alice] = await town.devices("alice")
    image = picture()
    await shows(alice, image)
    assert [name for name, _ in flat(await card_of(alice))] == ["TYPE", "BINVAL"]
    await alice.sets(publish(AVATAR, metadata(), None))  # XEP-0084 §3.5
    await alice.is_refused("item-not-found", EMPTY)


@story("XEP-0398 §3.1: other ways to take it back")
async def an_avatar_that_is_retracted_purged_or_deleted_is_in_no_card(town):
    [alice] = await town.devices("alice")
    await alice.sets(card("<FN>Alice</FN>"))
    image = picture()
    for gone in (retract(AVATAR, sha1(image)), owner("purge", AVATAR), owner("delete", AVATAR)):
        await shows(alice, image)
        assert await picture_in_card(alice) == image
        await alice.sets(gone)
        assert await picture_in_card(alice) is None, gone
    await shows(alice, image)
    await alice.sets(retract(DATA, sha1(image)))
    assert await picture_in_card(alice) is None
    await alice.sets(card("<FN>Alice</FN>" + photo(image)))  # the same one again: its data are back
    assert await picture_in_card(alice) == await in_pep(alice) == image


@story("XEP-0398 §6")
async def who_may_not_read_the_nodes_does_not_see_it_in_the_card(town):
    alice, friend, stranger = await town.devices("alice", "friend", "stranger")
    await alice.is_friends_with(friend)
    await alice.sets(card("<FN>Alice</FN>"))
    image = picture()
    await shows(alice, image)  # for contacts
    assert await picture_in_card(friend, alice.bare) == image
    assert flat(await card_of(stranger, alice.bare)) == [("FN", "Alice")]
    assert base64.b64encode(image) not in bytes(stranger.stream.heard)


# ---- card -> PEP (XEP-0398 §3.2)

@story("XEP-0398 §3.2")
async def the_picture_of_a_card_is_published(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    await wants(bob, AVATAR)
    image = picture()
    await alice.sets(card("<FN>Alice</FN>" + photo(image, "text/poetry")))
    event = await bob.receives("message", child=event_of(AVATAR))
    [item] = event.iter(NS.PUBSUB_EVENT + "item")
    [one] = event.iter(f"{{{AVATAR}}}info")
    assert item.get("id") == one.get("id") == sha1(image)
    assert (one.get("bytes"), one.get("type")) == (str(len(image)), "image/png")
    stranger = (await town.devices("stranger"))[0]
    for device in (alice, bob, stranger):  # whoever reads the card reads the picture
        to = None if device is alice else alice.bare
        assert await in_pep(device, to) == await picture_in_card(device, to) == image
    await alice.sets(card("<FN>Alicia</FN>" + photo(image)))  # the same: nothing to tell
    await alice.sets(card("<FN>Alicia</FN>"))  # a card without one takes it away
    event = await bob.receives("message", child=event_of(AVATAR))
    assert not list(event.iter(f"{{{AVATAR}}}info"))
    assert await in_pep(alice) is None and flat(await card_of(bob, alice.bare)) == [("FN", "Alicia")]


@story("XEP-0398 §3.2: one unit")
async def card_and_avatar_change_together(town):
    [alice] = await town.devices("alice")
    image = picture()
    async with town.store_is_paused("pep_item"):
        await alice.sends(f"<iq type='set' id='s1'>{card('<FN>Alice</FN>' + photo(image))}</iq>")
        await town.waits_for_the_store(1)
        assert not alice.stream.waiting(with_id("s1"))
    assert (await alice.receives("iq", id="s1")).get("type") == "result"
    assert await in_pep(alice) == await picture_in_card(alice) == image
    await town.restart()
    again = await alice.account.device()
    assert await in_pep(again) == await picture_in_card(again) == image
    assert (await card_of(again)).findtext(VCARD + "FN") == "Alice"


@story("XEP-0398 §3.2: a valid photo")
async def what_is_no_picture_is_published_nowhere(town):
    [alice] = await town.devices("alice")
    image = picture()
    await alice.sets(card(photo(image)))
    for bad in (photo(b"just some text"), photo(b"GIF89a" + b"\0" * 50), photo(picture(64 * 1024))):
        await alice.is_refused("policy-violation", card(bad), "set", type_="modify")
    assert await in_pep(alice) == await picture_in_card(alice) == image


# ---- presence (XEP-0398 §4, XEP-0153 §4)

@story("XEP-0398 §4")
async def every_available_presence_says_the_hash(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    await alice.is_friends_with(bob)
    image = picture()
    await alice.sets(card(photo(image)))
    while hash_in(await bob.receives("presence", from_=alice.full)) != sha1(image):
        pass
    other = "0" * 40
    for said, heard in (("", sha1(image)), ("<x xmlns='vcard-temp:x:update'/>", sha1(image)),
                        (f"<x xmlns='vcard-temp:x:update'><photo>{other}</photo></x>", sha1(image)),
                        (f"<x xmlns='vcard-temp:x:update'><photo>{sha1(image)}</photo></x>", sha1(image)),
                        ("<x xmlns='vcard-temp:x:update'><photo/></x>", "")):
        await alice.sends(f"<presence><show>dnd</show>{said}</presence>")
        presence = await bob.receives("presence", from_=alice.full)
        assert hash_in(presence) == heard, (said, ET.tostring(presence))
        assert presence.findtext(NS.CLIENT + "show") == "dnd"
    await alice.sends(f"<presence to='{carol.bare}'/>")  # directed, as into a room
    assert hash_in(await carol.receives("presence", from_=alice.full)) == sha1(image)
    await alice.sends("<presence type='unavailable'/>")
    assert hash_in(await bob.receives("presence", from_=alice.full, type_="unavailable")) is None


@story("XEP-0398 §4")
async def without_an_avatar_presence_stays_as_it_is(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    for said, heard in (("", None), ("<x xmlns='vcard-temp:x:update'/>", None),
                        (f"<x xmlns='vcard-temp:x:update'><photo>{'a' * 40}</photo></x>", "a" * 40)):
        await alice.sends(f"<presence><show>xa</show>{said}</presence>")
        assert hash_in(await bob.receives("presence", from_=alice.full)) == heard


@story("XEP-0398 §4, XEP-0153 §4.1")
async def a_new_avatar_is_told_by_the_presence_of_all_devices_that_show_one(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    hidden = await alice.account.device("hidden", present=False)
    await hidden.becomes_available("<x xmlns='vcard-temp:x:update'><photo/></x>")
    assert hash_in(await bob.receives("presence", from_=hidden.full)) == ""
    first, second = picture(), picture()
    for image in (first, second):
        await shows(alice, image)
        assert hash_in(await bob.receives("presence", from_=alice.full)) == sha1(image)
    laptop = await bob.account.device()
    assert hash_in(await laptop.receives("presence", from_=alice.full)) == sha1(second)  # as probes are answered
    await alice.sets(publish(AVATAR, metadata(), None))
    assert hash_in(await bob.receives("presence", from_=alice.full)) == ""
    await bob.receives_no("presence", before=ping, from_=hidden.full)
    await bob.receives_no("presence", before=ping, from_=alice.full)
    await shows(alice, first)
    assert hash_in(await bob.receives("presence", from_=alice.full)) == sha1(first)


@story("XEP-0398 §4")
async def the_hash_outlives_the_server(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    image = picture()
    await shows(alice, image)
    await town.restart()
    friend = await bob.account.device()
    again = await alice.account.device()
    assert hash_in(await friend.receives("presence", from_=again.full)) == sha1(image)


# ---- what else there is

@story("XEP-0084 §4.2.1, docs/sealed.md 3.5")
async def a_picture_at_an_address_elsewhere_is_not_named(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    image = picture()
    url = " url='http://example.org/who-asks'"
    await alice.sets(publish(DATA, data_of(image), sha1(image)))
    await alice.sets(publish(AVATAR, metadata(info(image, url), info(image)), sha1(image)))
    answer = await bob.asks(items(AVATAR), to=alice.bare)
    assert len(list(answer.iter(f"{{{AVATAR}}}info"))) == 1 and b"who-asks" not in bytes(bob.stream.heard)
    await alice.is_refused("policy-violation", publish(AVATAR, metadata(info(image, url)), sha1(image)), "set", type_="modify")
    assert await in_pep(alice) == image


@story("XEP-0398 §3.1: which does not point to an external URL", options=PLAIN)
async def of_several_pictures_the_one_that_is_kept_here_counts(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    image, other = picture(), picture()
    url = " url='http://example.org/a.png'"
    await alice.sets(publish(DATA, data_of(image), sha1(image)))
    await alice.sets(publish(AVATAR, metadata(info(other, url), info(image)), "current"))
    assert hash_in(await bob.receives("presence", from_=alice.full)) == sha1(image)
    assert await picture_in_card(bob, alice.bare) == image
    await alice.sets(publish(AVATAR, metadata(info(other, url)), "current"))
    assert hash_in(await bob.receives("presence", from_=alice.full)) == ""
    assert await picture_in_card(alice) is None


@story("XEP-0398 §3.1: the hash matches the id", options=PLAIN)
async def data_under_a_wrong_name_are_no_picture_of_a_card(town):
    [alice] = await town.devices("alice")
    image, other = picture(), picture()
    await alice.sets(publish(DATA, data_of(other), sha1(image)))
    await alice.sets(publish(AVATAR, metadata(info(image)), sha1(image)))
    assert await picture_in_card(alice) is None


@story("vcard.mode", options=PLAIN)
async def a_picture_that_no_avatar_may_be_stays_with_the_card(town):
    [alice] = await town.devices("alice")
    image, animation = picture(), b"GIF89a" + os.urandom(50)
    await alice.sets(card(photo(image)))
    await alice.sets(card("<FN>Alice</FN>" + photo(animation, "image/gif")))
    assert await picture_in_card(alice) == animation and await in_pep(alice) is None
    await shows(alice, image)  # the newer one
    assert await picture_in_card(alice) == image and (await card_of(alice)).findtext(VCARD + "FN") == "Alice"
    assert ids(await alice.asks(items(DATA))) == [sha1(image)]


@story("vcard.mode", options={"vcard.mode": "readonly"})
async def a_card_that_nobody_may_change_gets_no_picture(town):
    [alice] = await town.devices("alice")
    await shows(alice, picture())
    await alice.is_refused("item-not-found", EMPTY)


if __name__ == "__main__":
    run()
