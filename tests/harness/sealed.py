"""OMEMO-shaped payloads with valid framing (XEP-0384 0.3, libsignal wire format) and random content: for a server they
are real, and nobody can read them."""

import base64
import os

DEVICE = 1409397037  # a device id of the recorded corpus


def _b64(data):
    return base64.b64encode(data).decode()


def signal_message():
    """0x33 ‖ ratchetKey, counter, previousCounter, ciphertext (48) ‖ 8-byte MAC."""
    return (b"\x33" + b"\x0a\x21\x05" + os.urandom(32) + b"\x10\x01" + b"\x18\x00" + b"\x22\x30" + os.urandom(48)
            + os.urandom(8))


def prekey_message(identity=None):
    """0x33 ‖ preKeyId, baseKey, identityKey, message, registrationId, signedPreKeyId: it begins a session. `identity`:
    the key as in a bundle, 33 bytes."""
    inner = signal_message()
    return (b"\x33" + b"\x08\x2a" + b"\x12\x21\x05" + os.urandom(32) + b"\x1a\x21" + (identity or b"\x05" + os.urandom(32))
            + b"\x22" + bytes([len(inner)]) + inner + b"\x28\x01" + b"\x30\x01")


def _authenticated_message():
    """omemo:2: mac, message {n, pn, dh_pub, ciphertext (64)}."""
    inner = b"\x08\x01\x10\x00" + b"\x1a\x20" + os.urandom(32) + b"\x22\x40" + os.urandom(64)
    return b"\x0a\x10" + os.urandom(16) + b"\x12" + bytes([len(inner)]) + inner


def _key_exchange(identity):
    """omemo:2: pk_id, spk_id, ik, ek, message."""
    inner = _authenticated_message()
    return (b"\x08\x2a\x10\x01" + b"\x1a\x20" + identity + b"\x22\x20" + os.urandom(32) + b"\x2a" + bytes([len(inner)])
            + inner)


def encrypted_2(keys, sid=DEVICE, identity=None):
    """An <encrypted/> of omemo:2; `keys`: bare address -> device ids. With `identity` (32 bytes) it begins sessions."""
    def key(rid):
        if identity:
            return f"<key rid='{rid}' kex='true'>{_b64(_key_exchange(identity))}</key>"
        return f"<key rid='{rid}'>{_b64(_authenticated_message())}</key>"
    groups = "".join(f"<keys jid='{jid}'>{''.join(key(rid) for rid in rids)}</keys>" for jid, rids in keys.items())
    return (f"<encrypted xmlns='urn:xmpp:omemo:2'><header sid='{sid}'>{groups}</header>"
            f"<payload>{_b64(os.urandom(176))}</payload></encrypted>")


def encrypted(payload_bytes=24, sid=DEVICE, rids=(230140052,), prekey=False, identity=None):
    """An <encrypted/> element; payload_bytes=0 makes a KeyTransport."""
    keys = "".join(f"<key rid='{rid}' prekey='true'>{_b64(prekey_message(identity))}</key>" if prekey else
                   f"<key rid='{rid}'>{_b64(signal_message())}</key>" for rid in rids)
    payload = f"<payload>{_b64(os.urandom(payload_bytes))}</payload>" if payload_bytes else ""
    return (f"<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='{sid}'>{keys}"
            f"<iv>{_b64(os.urandom(12))}</iv></header>{payload}</encrypted>")


def sealed(fallback="I sent you an OMEMO encrypted message", **how):
    """What a client puts into a sealed chat message: payload, fallback body, hint."""
    return f"{encrypted(**how)}<body>{fallback}</body><store xmlns='urn:xmpp:hints'/>"


def sealed_empty():
    """An OMEMO message without payload, as clients send to complete a session."""
    return encrypted(payload_bytes=0) + "<store xmlns='urn:xmpp:hints'/>"
