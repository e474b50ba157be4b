"""Everything that Profanity, Gajim, Dino, Converse.js and a bot were recorded to send (tests/corpus/stanzas): what they
need gets through, and every request is answered."""

import re

import _path  # noqa: F401
from harness import NS, run, story
from harness.corpus import recordings, stanzas, write


def sender_of(recording):
    return re.search(r"--\w+-(\w+)$", recording).group(1) + "@localhost"


def addressed(stanza, sender, own, peer):
    """The stanza with the recorded people replaced by today's."""
    for name in ("to", "from"):
        bare, slash, resource = stanza.get(name, "").partition("/")
        if bare == sender:
            stanza.set(name, own.full if slash else own.bare)
        elif bare.endswith("@localhost"):
            stanza.set(name, peer.full if slash else peer.bare)
    for keys in stanza.iter(NS.OMEMO2 + "keys"):  # docs/sealed.md D6
        keys.set("jid", own.bare if keys.get("jid") == sender else peer.bare)
    return stanza


async def publishes_its_keys(device, recording):
    for stanza in stanzas(recording):
        publish = stanza.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}publish")
        if publish is not None and ("axolotl" in publish.get("node") or "omemo" in publish.get("node")):
            await device.sets(write(stanza.find(NS.PUBSUB + "pubsub")))


@story("docs/sealed.md 2.2, 2.6")
async def every_recorded_device_list_and_bundle_is_taken(town):
    for recording in recordings():
        [device] = await town.devices("client")
        await publishes_its_keys(device, recording)
        await device.leaves()


@story("docs/sealed.md 3.2")
async def every_recorded_one_to_one_message_passes(town):
    passed = 0
    for recording in recordings():
        own, peer = await town.devices("own", "peer")
        await publishes_its_keys(own, recording)
        for stanza in stanzas(recording):
            if stanza.tag != NS.CLIENT + "message" or stanza.get("type") in ("groupchat", "error"):
                continue
            recorded_to = stanza.get("to")
            stanza = addressed(stanza, sender_of(recording), own, peer)
            if not stanza.get("to", "").startswith(peer.bare):
                continue  # to a room
            await own.sends(write(stanza))
            arrived = await peer.receives("message")
            where = (recording, stanza.get("id"), recorded_to)
            assert arrived.get("type") != "error" and arrived.get("id") == stanza.get("id"), where
            assert arrived.get("from") == own.full, where
            kept = {child.tag for child in arrived}
            for child in stanza:
                if child.tag not in (NS.DELAY + "delay",):
                    assert child.tag in kept, (where, child.tag)
            assert not own.stream.waiting(lambda event: getattr(event, "tag", "") == NS.CLIENT + "message" and
                                          event.get("type") != "headline"), where  # PEP events are no bounce
            passed += 1
    assert passed > 80, passed


@story("tests/corpus: what each client sends at log-in")
async def every_recorded_request_is_answered(town):
    for recording in recordings():
        own, peer = await town.devices("own", "peer")
        for stanza in stanzas(recording):
            if stanza.tag != NS.CLIENT + "iq" or stanza.get("type") not in ("get", "set"):
                continue
            if stanza.find(NS.BIND + "bind") is not None:
                continue
            stanza = addressed(stanza, sender_of(recording), own, peer)
            if "/" in stanza.get("to", ""):
                continue  # a question to a device: that device's answer
            payload = "".join(write(child) for child in stanza)
            answer = await own.tries(payload, stanza.get("type"), stanza.get("to"))
            assert answer.get("type") in ("result", "error"), recording
        await own.leaves()
        await peer.leaves()


@story("tests/corpus: log-in works for each client")
async def what_clients_cannot_do_without_succeeds(town):
    [own] = await town.devices("own")
    await own.asks("<query xmlns='jabber:iq:roster' ver=''/>")
    await own.sets("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>")
    for to in ("localhost", own.bare):
        await own.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=to)
        await own.asks("<query xmlns='http://jabber.org/protocol/disco#items'/>", to=to)


if __name__ == "__main__":
    run()
