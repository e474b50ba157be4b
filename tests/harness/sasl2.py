"""The log-in of XEP-0388 with all that goes inside: XEP-0386, XEP-0484, XEP-0198 §9.2."""

import base64
import hashlib
import hmac
import uuid
from xml.sax.saxutils import escape

from .device import Device
from .ns import NS
from .scram import Scram
from .stream import show

XMLNS = "xmlns='urn:xmpp:sasl:2'"


def agent(identity=None, software="Storyteller", device="Phone"):
    """<user-agent/>; None: without that."""
    attribute = f" id='{identity}'" if identity else ""
    said = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in (("software", software), ("device", device)) if text)
    return f"<user-agent{attribute}>{said}</user-agent>"


def new_agent():
    return str(uuid.uuid4())


def bind(tag="Story", inner=""):
    return f"<bind xmlns='urn:xmpp:bind:0'><tag>{escape(tag)}</tag>{inner}</bind>"


def is_sasl2(name=None):
    wanted = NS.SASL2 + (name or "")
    return lambda event: str(getattr(event, "tag", "")).startswith(wanted) and (not name or event.tag == wanted)


async def answer(stream, expected):
    got = await stream.wait_for(is_sasl2(), f"SASL2 <{expected}/>")
    if got.tag != NS.SASL2 + expected:
        raise AssertionError(f"expected SASL2 <{expected}/>, got {show(got)}")
    return got


async def fails_with(stream, condition):
    failure = await answer(stream, "failure")
    if failure.find(NS.SASL + condition) is None:
        raise AssertionError(f"expected SASL2 failure {condition}, got {show(failure)}")
    return failure


async def begins(stream, name, password, inner="", mechanism="SCRAM-SHA-256", **how):
    """<authenticate/> with a SCRAM mechanism; returns the exchange."""
    scram = Scram(mechanism, name, password, **how)
    await stream.sends(f"<authenticate {XMLNS} mechanism='{mechanism}'>"
                       f"<initial-response>{scram.first()}</initial-response>{inner}</authenticate>")
    return scram


async def proves(stream, scram, **how):
    challenge = await answer(stream, "challenge")
    await stream.sends(f"<response {XMLNS}>{scram.final(challenge.text, **how)}</response>")


async def authenticates(stream, name, password, inner="", mechanism="SCRAM-SHA-256", **how):
    """To <success/>, with the server's signature checked; that is returned."""
    scram = await begins(stream, name, password, inner, mechanism, **how)
    await proves(stream, scram)
    success = await answer(stream, "success")
    scram.verify(success.findtext(NS.SASL2 + "additional-data"))
    return success


def token_message(name, token, binding=b"", tamper=lambda proof: proof):
    proof = hmac.digest(token.encode(), b"Initiator" + binding, hashlib.sha256)
    return base64.b64encode(name.encode() + b"\0" + tamper(proof)).decode()


def token_request(name, token, identity, inner="", mechanism="HT-SHA-256-NONE", fast="", binding=b"", names=None, **how):
    """`names`: what the client calls itself (software, device), if not as ever."""
    return (f"<authenticate {XMLNS} mechanism='{mechanism}'>"
            f"<initial-response>{token_message(name, token, binding, **how)}</initial-response>"
            f"{agent(identity, **(names or {}))}<fast xmlns='urn:xmpp:fast:0' {fast}/>{inner}</authenticate>")


async def uses_token(stream, name, token, identity, inner="", **how):
    """One round trip: <success/>, with the server's proof checked."""
    await stream.sends(token_request(name, token, identity, inner, **how))
    success = await answer(stream, "success")
    expected = hmac.digest(token.encode(), b"Responder" + how.get("binding", b""), hashlib.sha256)
    if base64.b64decode(success.findtext(NS.SASL2 + "additional-data") or "") != expected:
        raise AssertionError("the server does not prove that it knows the token")
    return success


def token_of(success):
    """What a <success/> gives; None: nothing."""
    element = success.find(NS.FAST + "token")
    return None if element is None else element.get("token")


def identifier(success):
    return success.findtext(NS.SASL2 + "authorization-identifier")


async def features(stream):
    stream.features = await stream.wait_for(lambda event: getattr(event, "tag", "") == NS.STREAM + "features", "features")
    return stream.features


async def device(town, account, identity=None, tag="Story", inner="", present=True, more=""):
    """Logs in and binds with one request; the device, its <success/> in `success`."""
    stream = await town.stream().reaches_tls()
    success = await authenticates(stream, account.name, account.password,
                                  (agent(identity) if identity else "") + bind(tag, inner) + more)
    return await arrives(stream, account, success, present)


async def arrives(stream, account, success, present=True):
    await features(stream)
    made = Device(account, stream, identifier(success))
    made.success = success
    if present:
        await made.becomes_available()
    return made
