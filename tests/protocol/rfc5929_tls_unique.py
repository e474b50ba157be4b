"""RFC 5929 §3: the channel binding tls-unique, on TLS 1.2 alone and never where another connection could have the same."""

import base64
import hashlib
import itertools
import ssl

import _path  # noqa: F401
from harness import run, story
from harness.scram import Scram
from harness.tls import Tls

SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
_addresses = itertools.count(1)
NO_EXTENDED_MASTER_SECRET = 1  # SSL_OP_NO_EXTENDED_MASTER_SECRET, which Python does not name


class OldTls(Tls):
    """TLS 1.2 as before RFC 7627."""

    def __init__(self, *arguments, **how):
        super().__init__(*arguments, version=ssl.TLSVersion.TLSv1_2, **how)
        self.context.options |= NO_EXTENDED_MASTER_SECRET
        self.object = self.context.wrap_bio(self._in, self._out, server_hostname="localhost")


async def meets(town, **how):
    number = next(_addresses)
    stream = town.stream()
    await stream.connect(source=f"127.3.{number >> 8}.{number & 255}")
    await stream.opens()
    await stream.starts_tls(**how)
    await stream.opens()
    return stream


def types(stream):
    return [element.get("type") for element in stream.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")]


async def binds_to(stream, mechanism, account, value):
    scram = Scram(mechanism, account.name, account.password, binding=value, gs2="p=tls-unique,,")
    await stream.sends(f"<auth {SASL} mechanism='{mechanism}'>{scram.first()}</auth>")
    challenge = await stream.sasl_answer("challenge")
    await stream.sends(f"<response {SASL}>{scram.final(challenge.text)}</response>")
    return scram


@story("RFC 5929 §3.1, XEP-0440")
async def tls_unique_binds_scram_to_a_tls_1_2_connection(town):
    alice = await town.account("alice")
    for mechanism in ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS"):
        stream = await meets(town, version=ssl.TLSVersion.TLSv1_2)
        assert types(stream) == ["tls-exporter", "tls-unique", "tls-server-end-point"], types(stream)
        right = stream.tls.object.get_channel_binding("tls-unique")
        assert len(right) == 12, right
        other = await meets(town, version=ssl.TLSVersion.TLSv1_2)
        for wrong in (bytes(12), right[:-1], right + b"\0", other.tls.object.get_channel_binding("tls-unique")):
            await binds_to(stream, mechanism, alice, wrong)
            await stream.sasl_fails_with("not-authorized")
        scram = await binds_to(stream, mechanism, alice, right)
        scram.verify((await stream.sasl_answer("success")).text)
        # XEP-0474 §5.1: and the list of bindings that was offered is in the hash.
        offered = "\x1e".join(sorted(stream.mechanisms())) + "\x1f" + "\x1e".join(sorted(types(stream)))
        name = mechanism.removesuffix("-PLUS").removeprefix("SCRAM-").replace("SHA-", "sha")
        assert scram.downgrade_hash == base64.b64encode(hashlib.new(name, offered.encode()).digest()).decode()


@story("RFC 5929 §3.1: resumed sessions")
async def a_resumed_session_is_a_connection_of_its_own(town):
    alice = await town.account("alice")
    first = await meets(town, version=ssl.TLSVersion.TLSv1_2)
    before = first.tls.object.get_channel_binding("tls-unique")
    stream = await meets(town, session=first.tls)
    assert stream.tls.object.session_reused
    right = stream.tls.object.get_channel_binding("tls-unique")  # the server's Finished came first
    assert right != before
    await binds_to(stream, "SCRAM-SHA-256-PLUS", alice, before)
    await stream.sasl_fails_with("not-authorized")
    scram = await binds_to(stream, "SCRAM-SHA-256-PLUS", alice, right)
    scram.verify((await stream.sasl_answer("success")).text)


@story("RFC 8446 appendix C.5, RFC 7627 §1")
async def tls_1_3_and_old_tls_1_2_have_none(town):
    alice = await town.account("alice")
    for how, left in (({"version": ssl.TLSVersion.TLSv1_3}, ["tls-exporter", "tls-server-end-point"]),
                      ({"make": OldTls}, ["tls-server-end-point"])):
        stream = await meets(town, **how)
        assert types(stream) == left, types(stream)
        value = stream.tls.object.get_channel_binding("tls-unique")
        scram = Scram("SCRAM-SHA-256-PLUS", alice.name, alice.password, binding=value, gs2="p=tls-unique,,")
        await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-256-PLUS'>{scram.first()}</auth>")
        await stream.sasl_fails_with("malformed-request")


run()
