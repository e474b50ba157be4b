"""Seals and bundles that are right but for one thing (docs/sealed.md 3.7, 3.5), by name: tests/corpus/bypass/structure has a
file each. They are made from bytes, so that nothing but that thing is wrong."""

import base64
import os
import xml.etree.ElementTree as ET

from .corpus import CLIENTS, published, write
from .sealed import encrypted

LEGACY = "eu.siacs.conversations.axolotl"
SECOND = "urn:xmpp:omemo:2"
ORDER = 2**252 + 27742317777372353535851937790883648493  # of Ed25519's group (RFC 8032 §5.1)


def _b64(data):
    return base64.b64encode(data).decode()


def number(field, value):
    """A protobuf varint."""
    out = bytes([field << 3])
    while value > 0x7f:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def string(field, value):
    return bytes([field << 3 | 2, len(value) & 0x7f | 0x80, len(value) >> 7] if len(value) > 0x7f else
                 [field << 3 | 2, len(value)]) + value


def point():
    return b"\x05" + os.urandom(32)


def signal(version=b"\x33", key=None, counter=None, previous=None, ciphertext=None, more=b"", mac=8):
    """An OMEMO message of the first version, by its parts (XEP-0384 0.3, libsignal's wire format)."""
    return (version + (string(1, point()) if key is None else key) + (number(2, 7) if counter is None else counter)
            + (number(3, 0) if previous is None else previous)
            + (string(4, os.urandom(48)) if ciphertext is None else ciphertext) + more + os.urandom(mac))


def prekey(prekey_id=None, message=None, signed_id=None, identity=None):
    return (b"\x33" + (number(1, 42) if prekey_id is None else prekey_id) + string(2, point())
            + (string(3, point()) if identity is None else identity) + string(4, signal() if message is None else message)
            + number(5, 1234) + (number(6, 1) if signed_id is None else signed_id))


def message2(mac=16, key=None, ciphertext=64, more=b""):
    """The same of the second version."""
    inner = number(1, 7) + number(2, 0) + string(3, os.urandom(32) if key is None else key) + string(4, os.urandom(ciphertext))
    return string(1, os.urandom(mac)) + string(2, inner) + more


def exchange2(identity=32):
    return (number(1, 42) + number(2, 1) + string(3, os.urandom(identity)) + string(4, os.urandom(32))
            + string(5, message2()))


def key(data, rid=230140052, flag=""):
    return f"<key rid='{rid}'{flag}>{data if isinstance(data, str) else _b64(data)}</key>"


def seal(keys=None, iv=None, payload=None, sid=1409397037, ivs=None):
    """Of the first version; `keys`: elements; `iv`, `payload`: bytes or base64."""
    text = lambda value: value if isinstance(value, str) else _b64(value)  # noqa: E731
    ivs = f"<iv>{text(os.urandom(12) if iv is None else iv)}</iv>" if ivs is None else ivs
    return (f"<encrypted xmlns='{LEGACY}'><header sid='{sid}'>{key(signal()) if keys is None else keys}{ivs}</header>"
            f"<payload>{text(os.urandom(30) if payload is None else payload)}</payload></encrypted>")


def seal2(groups, payload=176):
    return (f"<encrypted xmlns='{SECOND}'><header sid='1409397037'>{groups}</header>"
            f"<payload>{_b64(os.urandom(payload))}</payload></encrypted>")


def group(*keys, jid="{bob}"):
    return f"<keys jid='{jid}'>{''.join(keys)}</keys>"


def _base64(change):
    """A key's base64, changed; 98 bytes end in one '='."""
    return lambda: seal(key(change(_b64(signal(counter=number(2, 7))))))


def _spare_bits(text):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = len(text.rstrip("=")) - 1
    return text[:last] + alphabet[alphabet.index(text[last]) ^ 1] + text[last + 1:]


def _one_ratchet_key():
    shared = string(1, point())
    return seal(key(signal(key=shared), 5) + key(signal(key=shared, counter=number(2, 8)), 6))


def _twice():
    same = _b64(signal())
    return seal(key(same) + key(same))


SEALS = {
    "base64 empty": lambda: seal(key("")),
    "base64 inner line end": _base64(lambda text: text[:64] + "\n" + text[64:]),
    "base64 no padding": _base64(lambda text: text.rstrip("=")),
    "base64 padding inside": _base64(lambda text: text[:50] + "=" + text[51:]),
    "base64 spare bits": _base64(_spare_bits),
    "base64 wide blank": _base64(lambda text: text + "\u00a0"),
    "iv 0": lambda: seal(iv=b""),
    "iv 11": lambda: seal(iv=os.urandom(11)),
    "iv 13": lambda: seal(iv=os.urandom(13)),
    "iv 16": lambda: seal(iv=os.urandom(16)),
    "iv none": lambda: seal(ivs=""),
    "iv zero": lambda: seal(iv=bytes(12)),
    "payload empty": lambda: seal(payload=b""),
    "payload too long": lambda: seal(payload=os.urandom(65_537)),
    "signal ciphertext 32": lambda: seal(key(signal(ciphertext=string(4, os.urandom(32))))),
    "signal ciphertext 47": lambda: seal(key(signal(ciphertext=string(4, os.urandom(47))))),
    "signal ciphertext 64": lambda: seal(key(signal(ciphertext=string(4, os.urandom(64))))),
    "signal counter too large": lambda: seal(key(signal(counter=number(2, 2**32 - 1)))),
    "signal counter overlong": lambda: seal(key(signal(counter=b"\x10\x87\x00"))),
    "signal field missing": lambda: seal(key(signal(previous=b""))),
    "signal field twice": lambda: seal(key(signal(counter=number(2, 7) + number(2, 7)))),
    "signal key 32": lambda: seal(key(signal(key=string(1, os.urandom(32))))),
    "signal key of another type": lambda: seal(key(signal(key=string(1, b"\x04" + os.urandom(32))))),
    "signal mac cut": lambda: seal(key(signal(mac=7))),
    "signal trailing byte": lambda: seal(key(signal(mac=9))),
    "signal version 2": lambda: seal(key(signal(version=b"\x22"))),
    "signal version 2 of 3": lambda: seal(key(signal(version=b"\x23"))),
    "signal version 4": lambda: seal(key(signal(version=b"\x43"))),
    "prekey inner prekey": lambda: seal(key(prekey(message=prekey()), flag=" prekey='true'")),
    "prekey inner version 2": lambda: seal(key(prekey(message=signal(version=b"\x22")), flag=" prekey='true'")),
    "prekey no id": lambda: seal(key(prekey(prekey_id=b""), flag=" prekey='true'")),
    "prekey no signed id": lambda: seal(key(prekey(signed_id=b""), flag=" prekey='true'")),
    "prekey not said": lambda: seal(key(prekey())),
    "prekey only said": lambda: seal(key(signal(), flag=" prekey='true'")),
    "prekey two identities": lambda: seal(key(prekey(), 5, " prekey='true'") + key(prekey(), 6, " prekey='true'")),
    "omemo:2 flag": lambda: seal2(group(key(message2(), flag=" kex='yes'"))),
    "omemo:2 group nobody": lambda: seal2(f"<keys>{key(message2())}</keys>"),
    "omemo:2 group twice": lambda: seal2(group(key(message2(), 5)) + group(key(message2(), 6))),
    "omemo:2 identity 33": lambda: seal2(group(key(exchange2(identity=33), flag=" kex='true'"))),
    "omemo:2 key in no group": lambda: seal2(key(message2())),
    "omemo:2 mac 15": lambda: seal2(group(key(message2(mac=15)))),
    "omemo:2 device twice": lambda: seal2(group(key(message2()), key(message2()))),
    "omemo:2 payload of odd length": lambda: seal2(group(key(message2())), payload=175),
    "omemo:2 ratchet key zero": lambda: seal2(group(key(message2(key=bytes(32))))),
    "omemo:2 ciphertext 48": lambda: seal2(group(key(message2(ciphertext=48)))),
    "header group in legacy": lambda: seal(group(key(signal()))),
    "header key twice": _twice,
    "header one ratchet key for two": _one_ratchet_key,
    "header rid 0": lambda: seal(key(signal(), 0)),
    "header rid negative": lambda: seal(key(signal(), -5)),
    "header rid padded": lambda: seal(key(signal(), "05")),
    "header rid too large": lambda: seal(key(signal(), 2**31)),
    "header sid 0": lambda: seal(sid=0),
    "header sid padded": lambda: seal(sid="01"),
    "header sid too large": lambda: seal(sid=2**31),
    "header too many keys": lambda: seal("".join(key(signal(), rid) for rid in range(1, 1_502))),
    "header too many keys without payload": lambda: encrypted(payload_bytes=0, rids=range(1, 66)),
}


def _true_bundle():
    return write(published("correct--dino-alice9x0", f"{LEGACY}.bundles:")[1][0])


def _inside(text, tag, change):
    """The text of the first element of that name, decoded, changed."""
    begin = text.index(">", text.index(f"<{tag}")) + 1
    end = text.index("<", begin)
    return text[:begin] + _b64(change(base64.b64decode(text[begin:end]))) + text[end:]


def _plus_order(signature):
    """The same signature to who does not reduce S (RFC 8032 §5.1.7 forbids it)."""
    high = signature[63] & 0x80
    scalar = int.from_bytes(signature[32:63] + bytes([signature[63] & 0x7f]), "little") + ORDER
    return signature[:32] + (scalar | high << 248).to_bytes(32, "little")


def _prekeys(count):
    true = _true_bundle()
    begin = true.index("<preKeyPublic")
    keys = "".join(f"<preKeyPublic preKeyId='{i}'>{_b64(point())}</preKeyPublic>" for i in range(1, count + 1))
    return true[:begin] + keys + true[true.index("</prekeys>"):]


def _signed(name):
    bundles = ET.fromstring((CLIENTS / "signed.xml").read_text())
    return write(next(bundle for bundle in bundles if bundle.get("name") == name)[0])


BUNDLES = {
    "key 32": lambda: _inside(_true_bundle(), "signedPreKeyPublic", lambda data: data[1:]),
    "low order": lambda: _inside(_true_bundle(), "identityKey", lambda data: b"\x05" + bytes(32)),
    "low order prekey": lambda: _inside(_true_bundle(), "preKeyPublic", lambda data: b"\x05\x01" + bytes(31)),
    "no prekeys": lambda: _prekeys(0),
    "301 prekeys": lambda: _prekeys(301),
    "300 prekeys": lambda: _prekeys(300),
    "prekey id twice": lambda: _prekeys(3).replace("preKeyId='2'", "preKeyId='3'"),
    "signature plus order": lambda: _inside(_true_bundle(), "signedPreKeySignature", _plus_order),
    "signature over 32 bytes": lambda: _signed("over_32_bytes"),
    "signature over 33 bytes": lambda: _signed("over_33_bytes"),
}


def bent(name):
    """By what stands in braces: {bent NAME}, {bent bundle NAME}."""
    kind, _, rest = name.partition(" ")
    return BUNDLES[rest]() if kind == "bundle" else SEALS[name]()
