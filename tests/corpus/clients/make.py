"""Makes the seals of this folder: build/venv/bin/python3 tests/corpus/clients/make.py

Reads what is in braces in *.stanza, and seals for each with python-omemo (oldmemo, twomemo: what slixmpp-omemo
uses): true keys, true ratchets, true ciphertexts, in the dress of the client that the file is about. Nobody keeps the
private keys: running it again makes all seals anew, and alice.xml and bob.xml, in which they publish their keys.
"""

import asyncio
import base64
import logging
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import oldmemo
import oldmemo.etree
import twomemo
import twomemo.etree
import xeddsa
from omemo import DeviceInformation, SessionManager, SignedLabel, TrustLevel
from omemo.storage import Just, Nothing, Storage

HERE = Path(__file__).resolve().parent
LEGACY, SECOND = oldmemo.oldmemo.NAMESPACE, twomemo.twomemo.NAMESPACE
SHORT = {"legacy": LEGACY, "omemo:2": SECOND}
ETREE = {LEGACY: oldmemo.etree, SECOND: twomemo.etree}
PREKEYS = 25  # published; the libraries make a hundred
TEXT = "Rendez-vous à dix heures, l'enveloppe est scellée. 🕊"
LABEL = "Téléphone de service"  # of alice's first device, signed by it
LINK = "aesgcm://upload.example.org/a3f1/9c.jpg#" + "8f" * 12 + "b7" * 32  # XEP-0454 §2
PADDING = "x" * 90  # as QXmpp's and Converse.js's <rpad/>


class Memory(Storage):
    def __init__(self):
        super().__init__(disable_cache=True)
        self.values = {}

    async def _load(self, key):
        return Just(self.values[key]) if key in self.values else Nothing()

    async def _store(self, key, value):
        self.values[key] = value

    async def _delete(self, key):
        self.values.pop(key, None)


LISTS, BUNDLES, EMPTIES = {}, {}, []  # what is published; messages without payload that the libraries send


class Manager(SessionManager):
    @staticmethod
    async def _upload_bundle(bundle):
        BUNDLES[bundle.namespace, bundle.bare_jid, bundle.device_id] = bundle

    @staticmethod
    async def _download_bundle(namespace, bare_jid, device_id):
        return BUNDLES[namespace, bare_jid, device_id]

    @staticmethod
    async def _delete_bundle(namespace, device_id):
        raise NotImplementedError

    @staticmethod
    async def _upload_device_list(namespace, device_list):
        raise NotImplementedError

    @staticmethod
    async def _download_device_list(namespace, bare_jid):
        return dict(LISTS.get((namespace, bare_jid), {}))

    async def _evaluate_custom_trust_level(self, device: DeviceInformation):
        return TrustLevel.TRUSTED

    async def _make_trust_decision(self, undecided, identifier):
        raise NotImplementedError

    @staticmethod
    async def _send_message(message, bare_jid):
        EMPTIES.append((message, bare_jid))


class Device:
    """One device, that speaks both versions with one identity."""

    @classmethod
    async def of(cls, jid):
        self = cls()
        self.jid = jid
        self.storage = Memory()

        class Own(Manager):
            @staticmethod
            async def _upload_device_list(namespace, device_list):
                LISTS[namespace, jid] = dict(device_list)
        self.backends = {LEGACY: oldmemo.Oldmemo(self.storage), SECOND: twomemo.Twomemo(self.storage)}
        self.manager = await Own.create(list(self.backends.values()), self.storage, jid, None, TrustLevel.UNDECIDED.name)
        await self.manager.after_history_sync()
        self.id = (await self.manager.get_own_device_information())[0].device_id
        return self

    async def seals(self, namespace, to, plaintext):
        found, errors = await self.manager.encrypt(frozenset(to), {namespace: plaintext.encode()}, [namespace])
        assert not errors and len(found) == 1, errors
        return next(iter(found))

    async def empty(self, namespace, to, device_id):
        """As python-omemo sends to complete a session, and for a heartbeat."""
        EMPTIES.clear()
        backend = self.backends[namespace]
        session = await backend.load_session(to, device_id)
        await self.manager._SessionManager__send_empty_message(backend, session)
        return EMPTIES.pop()[0]


async def news():
    """Everybody hears of all lists."""
    for device in EVERYBODY:
        for namespace, jid in LISTS:
            await device.manager.update_device_list(namespace, jid, LISTS[namespace, jid])


async def converse(one, other):
    """Until both know that the other one has the session."""
    for namespace in SHORT.values():
        await other.manager.decrypt(only(await one.seals(namespace, [other.jid], TEXT), other))
        answer = await other.seals(namespace, [one.jid], TEXT)
        await one.manager.decrypt(only(answer, one))
        await other.manager.decrypt(only(await one.seals(namespace, [other.jid], TEXT), other))


def only(message, device):
    """For the libraries a key is for one address and device."""
    keys = frozenset(key for key in message.keys if key[0].bare_jid == device.jid and key[0].device_id == device.id)
    assert len(keys) == 1
    return message._replace(keys=keys)


def envelope(text):
    """XEP-0420."""
    return ("<envelope xmlns='urn:xmpp:sce:1'><content><body xmlns='jabber:client'>" + text +
            f"</body></content><rpad>{PADDING}</rpad><from jid='{ALICE}'/><to jid='{BOB}'/></envelope>")


def element(message):
    return ETREE[message.namespace].serialize_message(message)


def keys_of(encrypted):
    return [key for key in encrypted.iter() if key.tag.endswith("}key")]


def dressed(encrypted, words, device):
    """As the client of the file writes it."""
    namespace = encrypted.tag[1:].partition("}")[0]
    header = encrypted.find(f"{{{namespace}}}header")
    for word in words:
        if word == "iv-first":  # Dino
            iv = header.find(f"{{{namespace}}}iv")
            header.remove(iv)
            header.insert(0, iv)
        elif word == "digits":  # Monal
            for key in keys_of(encrypted):
                key.set("prekey", "1" if key.get("prekey") else "0")
        elif word == "false":
            for key in keys_of(encrypted):
                key.set("prekey", key.get("prekey", "false"))
        elif word == "shared-id":  # a device of each of the two has the same number
            keys = {key.get("rid"): key for key in keys_of(encrypted)}
            keys[str(FIRST.id)].set("rid", str(PHONE.id))
        elif word == "iv16":  # Conversations before 2019
            header.find(f"{{{namespace}}}iv").text = base64.b64encode(bytes(range(16))).decode()
        elif word == "nobody":  # Converse.js, where no device of that version is trusted
            for group in list(header):
                if group.tag.endswith("}keys"):
                    header.remove(group)
    return encrypted


async def make(words):
    """What is in braces: VERSION KIND [of WHOM] [keys] [dress …]."""
    version, kind, *more = words
    namespace = SHORT[version]
    sender, peer = (PHONE, ALICE) if "from-bob" in more else (FIRST if {"new", "known"} & set(more) else SECOND_DEVICE, BOB)
    text = LINK if kind == "link" else TEXT
    plaintext = text if namespace == LEGACY else envelope(text)
    if kind == "note":  # to oneself; Dino writes each own device twice
        first, second = [element(await sender.seals(namespace, [sender.jid], plaintext)) for _ in range(2)]
        header = first.find(f"{{{namespace}}}header")
        for key in keys_of(second):
            header.insert(0, key)
        return dressed(first, more, sender)
    if kind == "empty":
        target = PHONE if peer == BOB else SECOND_DEVICE
        return dressed(element(await sender.empty(namespace, peer, target.id)), more, sender)
    to = [peer, CAROL] if "stale" in more else [sender.jid if kind == "text-to-self" else peer]
    encrypted = element(await sender.seals(namespace, to, plaintext))
    if kind == "key":  # key and tag of an empty ciphertext (Converse.js)
        encrypted.remove(encrypted.find(f"{{{namespace}}}payload"))
    return dressed(encrypted, more, sender)


def text_of(top):
    """With the namespace on the outermost element alone, as clients write it."""
    namespace = top.tag[1:].partition("}")[0]
    for node in top.iter():
        node.tag = node.tag.partition("}")[2]
    top.set("xmlns", namespace)
    attributes = "".join(f" {name}='{value}'" for name, value in sorted(top.attrib.items()))
    inner = "".join(ET.tostring(child, encoding="unicode", short_empty_elements=True) for child in top)
    return f"<{top.tag}{attributes}>{inner}</{top.tag}>".replace(" />", "/>").replace('"', "'")


def published(jid):
    """Their nodes: two lists, and the bundles."""
    lines = []
    for namespace, list_node in ((LEGACY, f"{LEGACY}.devicelist"), (SECOND, f"{SECOND}:devices")):
        for (kind, owner, device), bundle in BUNDLES.items():
            if (kind, owner) != (namespace, jid):
                continue
            top = ETREE[namespace].serialize_bundle(bundle)
            prekeys = next(node for node in top if node.tag.endswith("}prekeys"))
            for key in list(prekeys)[PREKEYS:]:
                prekeys.remove(key)
            node, item = (f"{LEGACY}.bundles:{device}", "current") if namespace == LEGACY else (f"{SECOND}:bundles", device)
            lines.append(f"<publish node='{node}'><item id='{item}'>{text_of(top)}</item></publish>")
        top = ETREE[namespace].serialize_device_list(LISTS[namespace, jid])
        lines.append(f"<publish node='{list_node}'><item id='current'>{text_of(top)}</item></publish>")
    return "<published>\n" + "\n".join(lines) + "\n</published>\n"


def wrongly_signed():
    """A legacy bundle whose signature is true, but over the 32 bytes of the key (docs/sealed.md 3.5)."""
    private = xeddsa.seed_to_priv(bytes(range(1, 33)))  # whose Ed25519 key has no sign bit
    identity = xeddsa.priv_to_curve25519_pub(private)
    prekey = xeddsa.priv_to_curve25519_pub(xeddsa.seed_to_priv(bytes(range(32))))
    encode = lambda key: base64.b64encode(b"\x05" + key).decode()  # noqa: E731
    made = {}
    for name, signed in (("over_33_bytes", b"\x05" + prekey), ("over_32_bytes", prekey)):
        signature = base64.b64encode(xeddsa.ed25519_priv_sign(private, signed)).decode()
        made[name] = (f"<bundle xmlns='{LEGACY}'><signedPreKeyPublic signedPreKeyId='1'>{encode(prekey)}</signedPreKeyPublic>"
                      f"<signedPreKeySignature>{signature}</signedPreKeySignature><identityKey>{encode(identity)}</identityKey>"
                      f"<prekeys><preKeyPublic preKeyId='1'>{encode(prekey)}</preKeyPublic></prekeys></bundle>")
    return made


ALICE, BOB, CAROL = "alice@localhost", "bob@localhost", "carol@localhost"


async def main():
    logging.disable()
    global FIRST, SECOND_DEVICE, PHONE, EVERYBODY
    FIRST, SECOND_DEVICE, PHONE = await Device.of(ALICE), await Device.of(ALICE), await Device.of(BOB)
    tablet, stranger = await Device.of(BOB), await Device.of(CAROL)
    EVERYBODY = [FIRST, SECOND_DEVICE, PHONE, tablet, stranger]
    await news()
    signature = await FIRST.backends[SECOND].sign_own_label(LABEL)
    LISTS[SECOND, ALICE][FIRST.id] = SignedLabel(label=LABEL, signature=signature)
    wanted = []
    for path in sorted(HERE.glob("*.stanza")):
        braces = re.findall(r"\{((?:legacy|omemo:2) [^{}]*)\}", path.read_text())
        wanted += [(f"{path.stem}#{number}", brace.split()) for number, brace in enumerate(braces)]
    seals = {name: await make(words) for name, words in wanted if "new" in words}  # before anybody has answered
    for other in (PHONE, tablet, SECOND_DEVICE):
        await converse(FIRST, other)
    for name, words in wanted:
        if name not in seals:
            if words[1] == "empty" and "from-bob" in words:
                await converse(PHONE, SECOND_DEVICE)
            if words[1] == "empty" and not {"new", "known", "from-bob"} & set(words):
                await SECOND_DEVICE.seals(SHORT[words[0]], [BOB], TEXT)  # so that there is a session
            seals[name] = await make(words)
    lines = [f"<seal name='{name}'>{text_of(seals[name])}</seal>" for name, _ in wanted]
    (HERE / "seals.xml").write_text("<seals>\n" + "\n".join(lines) + "\n</seals>\n")
    for jid in (ALICE, BOB):
        (HERE / f"{jid.partition('@')[0]}.xml").write_text(published(jid))
    (HERE / "signed.xml").write_text("<bundles>\n" + "\n".join(
        f"<bundle name='{name}'>{text}</bundle>" for name, text in wrongly_signed().items()) + "\n</bundles>\n")
    for device in EVERYBODY:
        await device.manager.shutdown()
    print(f"{len(lines)} seals", file=sys.stderr)


asyncio.run(main())
