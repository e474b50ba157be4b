"""What browsers speak: HTTP/1.1, WebSocket (RFC 6455, RFC 7395) and BOSH (XEP-0124), small and willing to send anything."""

import asyncio
import base64
import hashlib
import os
import ssl
import xml.etree.ElementTree as ET
from xml.sax.saxutils import quoteattr

from .ns import NS
from .stream import WAIT_SECONDS, Disconnected, Stream, StreamClosed, StreamOpened

FRAMING = "{urn:ietf:params:xml:ns:xmpp-framing}"
BOSH = "{http://jabber.org/protocol/httpbind}"
XBOSH = "{urn:xmpp:xbosh}"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Answer:
    """An HTTP response: status, fields (names in lower case), body as bytes."""

    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    @property
    def xml(self):
        return ET.fromstring(self.body)

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:300]!r}"


class Http:
    """One connection to the web listener; `plain`: to the proxies' one, without TLS."""

    def __init__(self, place, plain=False, source=None):
        self.place, self.plain, self.source = place, plain, source
        self._reader = self._writer = None

    async def connect(self, alpn=("http/1.1",), server_name=None):
        context = None
        if not self.plain:
            context = ssl.create_default_context(cafile=self.place.ca)
            if alpn:
                context.set_alpn_protocols(list(alpn))
        port = self.place.http_port if self.plain else self.place.web_port
        self._reader, self._writer = await asyncio.wait_for(asyncio.open_connection(
            self.place.address, port, ssl=context, server_hostname=None if self.plain else server_name or self.place.domain,
            local_addr=(self.source, 0) if self.source else None), WAIT_SECONDS)
        return self

    def alpn(self):
        return self._writer.get_extra_info("ssl_object").selected_alpn_protocol()

    async def sends(self, data):
        self._writer.write(data.encode() if isinstance(data, str) else data)
        await self._writer.drain()

    async def answer(self, head=False):
        """The next response; None: the connection ended instead."""
        try:
            text = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        lines = text.decode("latin-1").split("\r\n")
        fields = dict((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:] if line))
        body = b""
        if not head:
            body = await asyncio.wait_for(self._reader.readexactly(int(fields.get("content-length", 0))), WAIT_SECONDS)
        return Answer(int(lines[0].split()[1]), fields, body)

    async def asks(self, method, path, body=b"", version="1.1", **fields):
        """Fields by name, `_` for `-`."""
        body = body.encode() if isinstance(body, str) else body
        given = {"Host": self.place.domain, **({"Content-Length": str(len(body))} if body or method == "POST" else {}),
                 **{name.replace("_", "-"): value for name, value in fields.items()}}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value is not None)
        await self.sends(f"{method} {path} HTTP/{version}\r\n{head}\r\n".encode() + body)
        return await self.answer(head=method == "HEAD")

    async def rest(self):
        """All that still comes, until the end."""
        return await asyncio.wait_for(self._reader.read(), WAIT_SECONDS)

    def close(self):
        if self._writer:
            self._writer.close()


async def http(place, method, path, body=b"", plain=False, source=None, **fields):
    """One request on a connection of its own."""
    connection = await Http(place, plain, source).connect()
    try:
        return await connection.asks(method, path, body, **fields)
    finally:
        connection.close()


def frame(opcode, payload=b"", final=True, mask=b"\x11\x22\x33\x44", rsv=0):
    """One frame as a client sends it; `mask` None: unmasked."""
    payload = payload.encode() if isinstance(payload, str) else payload
    size, bit = len(payload), 0x80 if mask else 0
    head = bytes([(0x80 if final else 0) | rsv << 4 | opcode])
    if size <= 125:
        head += bytes([bit | size])
    elif size <= 0xffff:
        head += bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + size.to_bytes(8, "big")
    if not mask:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class WebSocketClosed:
    """A close frame."""

    def __init__(self, code):
        self.code = code

    def __repr__(self):
        return f"close frame {self.code}"


class Pong:
    def __init__(self, payload):
        self.payload = payload


class _Messages:
    """Turns the server's frames into events; each text message must be one element that stands alone."""

    def __init__(self, deliver):
        self._deliver, self._held = deliver, b""

    def feed(self, data):
        self._held += data
        while len(self._held) >= 2:
            size, at = self._held[1] & 0x7f, 2
            if size >= 126:
                end = 4 if size == 126 else 10
                if len(self._held) < end:
                    return
                size, at = int.from_bytes(self._held[2:end], "big"), end
            if len(self._held) < at + size:
                return
            first, second, payload = self._held[0], self._held[1], self._held[at:at + size]
            self._held = self._held[at + size:]
            if second & 0x80 or not first & 0x80 or first & 0x70:
                raise ValueError("a server's frame is not masked, in one piece and without extensions")
            self._take(first & 0x0f, payload)

    def _take(self, opcode, payload):
        if opcode == CLOSE:
            self._deliver(WebSocketClosed(int.from_bytes(payload[:2], "big") if payload else None))
        elif opcode == PONG:
            self._deliver(Pong(payload))
        elif opcode == TEXT:
            if not payload.startswith(b"<"):
                raise ValueError("RFC 7395 §3.3.3: a message begins with '<'")
            element = ET.fromstring(payload.decode())
            if element.tag == FRAMING + "open":
                self._deliver(StreamOpened(element.attrib))
            elif element.tag == FRAMING + "close":
                self._deliver(StreamClosed())
            else:
                self._deliver(element)
        else:
            raise ValueError(f"a frame with opcode {opcode}")


def alone(stanza):
    """A stanza with the namespace that it would have from a stream."""
    for name in ("message", "presence", "iq"):
        if stanza.startswith("<" + name) and "xmlns=" not in stanza.split(">")[0]:
            return f"<{name} xmlns='jabber:client'" + stanza[len(name) + 1:]
    return stanza


class WebSocketStream(Stream):
    """RFC 7395. `accepted`: the answer to the handshake."""

    async def connect_web(self, origin=None, plain=False, protocol="xmpp", path="/xmpp-websocket", source=None, early=b"",
                          **fields):
        """`early`: frames in the same write as the handshake."""
        await self.connect(self.place.http_port if plain else self.place.web_port, source=source)
        if not plain:
            await self.secure(alpn=["http/1.1"])
        key = base64.b64encode(os.urandom(16)).decode()
        given = {"Host": self.domain, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
                 "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": protocol, "Origin": origin,
                 **{name.replace("_", "-"): value for name, value in fields.items()}}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
        await self.sends(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode() + early)
        while b"\r\n\r\n" not in self.heard:
            if self.is_cut():
                raise AssertionError(f"no answer to the handshake: {bytes(self.heard)!r}")
            async with self._changed:
                if b"\r\n\r\n" not in self.heard and not self.is_cut():
                    await asyncio.wait_for(self._changed.wait(), WAIT_SECONDS)
        head, _, early = bytes(self.heard).partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = dict((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:]))
        self.accepted = Answer(int(lines[0].split()[1]), fields, early)
        if self.accepted.status == 101:
            wanted = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
            assert fields["sec-websocket-accept"] == wanted and fields["sec-websocket-protocol"] == protocol.split(",")[-1].strip()
            self._parser = _Messages(self._takes)
            self._parser.feed(early)
        return self

    def expects_header(self):
        pass

    async def _read(self):
        # Without a parser nobody is told of bytes: the handshake's reader must be.
        self._parser = _Ears()
        await super()._read()

    async def sends(self, data):
        """Text is one message; bytes are frames as they are."""
        if isinstance(data, str) and isinstance(self._parser, _Messages):
            data = frame(TEXT, alone(data))
        await super().sends(data)

    async def secure(self, **how):
        await super().secure(**how)
        self._parser = _Ears()

    async def opens(self, header=None, **attributes):
        self._lang = attributes.pop("lang", getattr(self, "_lang", "en"))
        given = {"to": self.domain, "version": "1.0", "xml:lang": self._lang, "xmlns": FRAMING[1:-1], **attributes}
        await self.sends(header or "<open " + " ".join(f"{name}={quoteattr(value)}" for name, value in given.items() if value) + "/>")
        opened = await self.wait_for(lambda event: isinstance(event, StreamOpened), "<open/>")
        self.attributes = opened.attributes
        self.features = await self.wait_for(lambda event: getattr(event, "tag", None) == NS.STREAM + "features", "stream features")
        return self.features

    async def reaches_tls(self, lang="en", source=None):
        await self.connect_web(source=source)
        await self.opens(lang=lang)
        return self

    async def is_closed_with(self, code):
        closed = await self.wait_for(lambda event: isinstance(event, WebSocketClosed), f"a close frame {code}")
        assert closed.code == code, f"expected the close code {code}, got {closed.code}"
        await super().sends(frame(CLOSE, code.to_bytes(2, "big")))
        await self.is_disconnected()

    async def fails_with(self, condition, and_closes=True, code=1000):
        error = await super().fails_with(condition, and_closes=False)
        if and_closes:
            await self.wait_for(lambda event: isinstance(event, StreamClosed), "<close/>")
            await self.is_closed_with(code)
        return error


class _Ears:
    def feed(self, data):
        pass


class BoshSession:
    """XEP-0124 request by request: the story decides what each says and when."""

    def __init__(self, place, plain=False, origin=None):
        self.place, self.plain, self.origin = place, plain, origin
        self.rid = 1_000_000_007 + int.from_bytes(os.urandom(3), "big")
        self.sid = None
        self._waiting = []

    def body(self, payload="", rid=None, **attributes):
        """`_` in a name stands for ':'."""
        if rid is None:
            self.rid += 1
            rid = self.rid
        given = {"rid": str(rid), "sid": self.sid, "xmlns": BOSH[1:-1], "xmlns:xmpp": XBOSH[1:-1],
                 **{name.replace("_", ":"): value for name, value in attributes.items()}}
        text = " ".join(f"{name}={quoteattr(str(value))}" for name, value in given.items() if value is not None)
        return f"<body {text}>{payload}</body>"

    async def posts(self, text, **fields):
        """The whole answer to this text."""
        return await http(self.place, "POST", "/http-bind", text, plain=self.plain, Origin=self.origin, **fields)

    async def asks(self, payload="", rid=None, **attributes):
        """The answer's <body/>."""
        return await self._answer(self.body(payload, rid, **attributes))

    def begins_to_ask(self, payload="", rid=None, **attributes):
        """A task; the server may hold the request."""
        return asyncio.ensure_future(self._answer(self.body(payload, rid, **attributes)))

    async def _answer(self, text):
        return (await self.posts(text)).xml

    async def begins(self, to=None, **attributes):
        given = {"to": self.place.domain, "ver": "1.11", "wait": "60", "hold": "1", "xml_lang": "en", "xmpp_version": "1.0",
                 **attributes}
        if to is not None:
            given["to"] = to
        answer = await self.asks(**given)
        self.sid = answer.get("sid")
        return answer


class BoshStream(Stream):
    """The same for stories that do not care: what is sent goes out as the window allows, and one request is always open."""

    def __init__(self, place, **how):
        super().__init__(place)
        self.session = BoshSession(place, **how)
        self.bodies = bytearray()  # all that came
        self._queue = []
        self._open = 0
        self._over = False
        self._tasks = set()

    async def reaches_tls(self, lang="en", source=None):
        answer = await self.session.begins(xml_lang=lang)
        self.attributes = answer.attrib
        self._hears(answer)
        self.features = await self._features()
        self._pump()
        return self

    async def _features(self):
        return await self.wait_for(lambda event: getattr(event, "tag", None) == NS.STREAM + "features", "stream features")

    def _hears(self, body):
        for element in body:
            self._takes(element)
        if body.get("type") == "terminate":
            self._over = True
            self._events.append(StreamClosed())
            self._events.append(Disconnected(body.get("condition") or "terminated"))

    def _pump(self):
        while not self._over and self._open < 2 and (self._queue or self._open == 0):
            payload, attributes = "".join(self._queue), {}
            self._queue = []
            if payload == "restart":
                payload, attributes = "", {"xmpp_restart": "true", "to": self.domain, "xml_lang": "en"}
            self._open += 1
            task = asyncio.ensure_future(self._one(self.session.body(payload, **attributes)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _one(self, text):
        try:
            answer = await self.session.posts(text)
            self.bodies += answer.body
            answer = answer.xml
        except Exception as error:
            self._over = True
            self._events.append(Disconnected(repr(error)))
        else:
            self._open -= 1
            self._hears(answer)
            self._pump()
        await self._notify()

    async def sends(self, data):
        self._queue.append(alone(data))
        self._pump()

    async def opens(self, header=None, **attributes):
        await self.sends("restart")
        self.features = await self._features()
        return self.features

    async def drops(self):
        self._over = True
        for task in list(self._tasks):
            task.cancel()
