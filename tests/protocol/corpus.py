"""Everything that Profanity, Gajim, Dino, Converse.js and a bot were recorded to send (tests/corpus/stanzas), and what these
and other clients send by their sources (tests/corpus/clients): what they need gets through, what they leave open does
not, and every request is answered."""

import re
import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness import NS, run, story
from harness.corpus import comparable, expected, published_by, recordings, sent_by_clients, stanzas, write
from harness.stream import show
from harness.town import PUBLISHED_DEVICES


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


CHECKED = PUBLISHED_DEVICES


async def publishes(device, name):
    for publish in published_by(name):
        await device.sets(f"<pubsub xmlns='http://jabber.org/protocol/pubsub'>{write(publish)}</pubsub>")


def is_from(event, sender):
    return (isinstance(event, ET.Element) and event.tag != NS.CLIENT + "presence"
            and event.get("from") in (sender.full, sender.bare) and not event.get("id", "").startswith("fence")
            and event.find(NS.PUBSUB_EVENT + "event") is None)


async def word_from(sender, receiver):
    """A fence that is not sealed: a chat state."""
    identity = f"fence-{len(sender.stream.said)}"
    await sender.sends(f"<message to='{receiver.full}' id='{identity}' type='chat'><active xmlns='http://jabber.org/protocol/chatstates'/></message>")
    await receiver.receives("message", id=identity)


class Talk:
    """alice and bob, each at a device, whose keys are those of tests/corpus/clients; what has come at each."""

    def __init__(self, alice, bob):
        self.alice, self.bob = alice, bob
        self.people = {"alice": alice.full, "alice_bare": alice.bare, "bob": bob.bare, "bob_full": bob.full}
        self.wrong = []

    def filled(self, stanza):
        for name, address in self.people.items():
            stanza = stanza.replace(f"{{{name}}}", address)
        for name, device in (("alice", self.alice), ("bob", self.bob)):
            stanza = stanza.replace(f"jid='{name}@localhost'", f"jid='{device.bare}'")
        return stanza

    async def tries(self, sent, receiver):
        sender = self.bob if sent.by_bob else self.alice
        stanza = self.filled(sent.stanza)
        as_element = ET.fromstring(stanza.replace(" ", " xmlns='jabber:client' ", 1))
        begins = receiver.stream.waiting(lambda event: is_from(event, sender))
        await sender.sends(stanza)
        await self.sender_hears(sent, sender, as_element)
        await word_from(sender, receiver)
        arrived = [event for event in receiver.stream.waiting(lambda event: is_from(event, sender)) if event not in begins]
        if sent.outcome[0] != "passes":
            assert not arrived, f"it arrived: {show(arrived[0])}"
            return
        assert len(arrived) == 1, f"{len(arrived)} arrived"
        [event] = arrived
        assert (event.get("type"), event.get("id")) == (as_element.get("type"), as_element.get("id")), show(event)
        came, wanted = comparable(event), expected(as_element, sent)
        assert came == wanted, f"missing: {set(wanted) - set(came)}; unexpected: {set(came) - set(wanted)}"

    @staticmethod
    async def sender_hears(sent, sender, stanza):
        kind, *words = sent.outcome
        if kind == "passes":
            return
        name, identity = stanza.tag.removeprefix(NS.CLIENT), stanza.get("id")
        error = await sender.gets_error(name, identity, words[0] if kind == "error" else "policy-violation")
        if kind == "refused":
            reason = error.find(f".//{NS.POLICY}sealed-required").get("reason")
            assert reason == words[0], f"it is {reason}"


@story("docs/sealed.md 3.2 to 3.7, tests/corpus/clients", options=CHECKED, alone=True)
async def what_clients_send_passes_or_is_refused_as_its_file_says(town):
    alice, bob = await town.devices("alice", "bob")
    for name, device in (("alice", alice), ("bob", bob)):
        await publishes(device, name)
    await alice.is_friends_with(bob)
    tablet = await alice.account.device("tablet")
    talk = Talk(alice, bob)
    outcomes = {"passes": 0, "refused": 0, "error": 0}
    for sent in sent_by_clients():
        receiver = tablet if sent.to_oneself else alice if sent.by_bob else bob
        try:
            await talk.tries(sent, receiver)
        except AssertionError as error:
            talk.wrong.append(f"{sent.name}: {error}")
        outcomes[sent.outcome[0]] += 1
    assert not talk.wrong, "\n" + "\n".join(talk.wrong)
    assert outcomes["passes"] >= 60 and outcomes["refused"] >= 8 and outcomes["error"] >= 3, outcomes


@story("docs/sealed.md 2.6, 3.5", options=CHECKED, alone=True)
async def the_keys_of_both_versions_are_taken_and_a_signed_label_stays(town):
    alice, bob = await town.devices("alice", "bob")
    await publishes(alice, "alice")
    read = await bob.asks("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:omemo:2:devices'/></pubsub>",
                          to=alice.bare)
    labels = [device.get("label") for device in read.iter(NS.OMEMO2 + "device")]
    assert set(labels) == {None, "Téléphone de service"}, labels


if __name__ == "__main__":
    run()
