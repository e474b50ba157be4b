"""The client's side of SCRAM (RFC 5802, RFC 7677; SHA-512 by the same scheme), with or without channel binding."""

import base64
import hashlib
import hmac
import os


class Scram:
    """One exchange. All messages in and out are base64 text, as SASL in XMPP carries them."""

    def __init__(self, mechanism, name, password, binding=None, gs2=None, nonce=None):
        self._hash = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}[
            mechanism.removesuffix("-PLUS")]
        self._password = password.encode()
        self._binding = binding or b""     # channel binding data for -PLUS
        self._gs2 = gs2 or ("p=tls-exporter,," if mechanism.endswith("-PLUS") else "n,,")
        self._nonce = nonce or base64.b64encode(os.urandom(18)).decode()
        self._bare = f"n={name.replace('=', '=3D').replace(',', '=2C')},r={self._nonce}"
        self.iterations = None
        self.downgrade_hash = None         # XEP-0474: what the server says that it offered
        self.salt = None
        self._server_signature = None

    def _hmac(self, key, text):
        return hmac.digest(key, text, self._hash)

    def first(self):
        return base64.b64encode((self._gs2 + self._bare).encode()).decode()

    def final(self, challenge, tamper=lambda proof: proof):
        """Answers the server's challenge; `tamper` changes the proof's bytes for stories that cheat."""
        server_first = base64.b64decode(challenge).decode()
        fields = dict(part.split("=", 1) for part in server_first.split(","))
        if not fields["r"].startswith(self._nonce) or fields["r"] == self._nonce:
            raise AssertionError("the server's nonce does not extend ours")
        self.downgrade_hash = fields.get("h")
        self.salt, self.iterations = base64.b64decode(fields["s"]), int(fields["i"])
        salted = hashlib.pbkdf2_hmac(self._hash, self._password, self.salt, self.iterations)
        binding = base64.b64encode(self._gs2.encode() + self._binding).decode()
        without_proof = f"c={binding},r={fields['r']}"
        authenticated = f"{self._bare},{server_first},{without_proof}".encode()
        client_key = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self._hash, client_key).digest(), authenticated)
        proof = tamper(bytes(a ^ b for a, b in zip(client_key, signature)))
        self._server_signature = self._hmac(self._hmac(salted, b"Server Key"), authenticated)
        return base64.b64encode(f"{without_proof},p={base64.b64encode(proof).decode()}".encode()).decode()

    def verify(self, success):
        """RFC 5802 §3: a server that does not know the keys cannot make this."""
        expected = "v=" + base64.b64encode(self._server_signature).decode()
        if base64.b64decode(success or "").decode() != expected:
            raise AssertionError("the server's signature is wrong")
