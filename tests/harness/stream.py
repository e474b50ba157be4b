"""One XMPP stream to the server: small, and willing to send anything."""

import asyncio
import os
import socket
import xml.etree.ElementTree as ET
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from . import second_parser
from .ns import NS
from .scram import Scram
from .tls import Tls

# Waiting longer than this is failing. Sanitizer builds are slower: VALISE_TEST_PATIENCE multiplies.
WAIT_SECONDS = 15 * float(os.environ.get("VALISE_TEST_PATIENCE", "1"))


class StreamClosed:
    """</stream:stream> arrived."""

    def __repr__(self):
        return "</stream:stream>"


class Disconnected:
    """The TCP connection ended."""

    def __init__(self, how):
        self.how = how

    def __repr__(self):
        return f"disconnected ({self.how})"


class StreamOpened:
    def __init__(self, attributes):
        self.attributes = attributes

    def __repr__(self):
        return f"<stream:stream {self.attributes}>"


def with_id(identity):
    """Matches the element that has this id."""
    return lambda event: getattr(event, "get", lambda _: None)("id") == identity


def show(event):
    return ET.tostring(event, encoding="unicode") if isinstance(event, ET.Element) else repr(event)


class _Parser:
    """Turns bytes into StreamOpened, one Element per child of the stream, StreamClosed."""

    def __init__(self, deliver):
        self._deliver = deliver
        self._stack = []
        self._depth = 0
        self._held = b""
        self.parsed = bytearray()  # what both parsers may look at
        self.elements = []         # children of the stream, complete
        self._expat = expat.ParserCreate(None, "}")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text

    def feed(self, data):
        # Debian's expat defers tokens that it has seen incomplete once: feed only up to the last '>'.
        whole, tag_end, rest = (self._held + data).rpartition(b">")
        self._held = rest
        if tag_end:
            self.parsed += whole + tag_end
            self._expat.Parse(whole + tag_end, False)

    @staticmethod
    def _name(name):
        return "{" + name if "}" in name else name

    def _start(self, name, attributes):
        self._depth += 1
        attributes = {self._name(key): value for key, value in attributes.items()}
        if self._depth == 1:
            self._deliver(StreamOpened(attributes))
            return
        element = ET.Element(self._name(name), attributes)
        if self._stack:
            self._stack[-1].append(element)
        self._stack.append(element)

    def _end(self, _name):
        self._depth -= 1
        if self._depth == 0:
            self._deliver(StreamClosed())
            return
        element = self._stack.pop()
        if not self._stack:
            self.elements.append(element)
            self._deliver(element)

    def _text(self, data):
        if not self._stack:
            return  # whitespace keepalive
        element = self._stack[-1]
        if len(element):
            element[-1].tail = (element[-1].tail or "") + data
        else:
            element.text = (element.text or "") + data


class Stream:
    """A connection. `events` holds what the server sent and nobody has taken yet."""

    def __init__(self, place):
        self.place = place            # town.Place: address, ports, domain, ca
        self.domain = place.domain
        self.tls = None
        self.features = None
        self.attributes = {}          # of the server's last stream header
        self.heard = bytearray()      # every decrypted byte that came in
        self.said = bytearray()
        self.answers_pings = True
        self._events = []
        self._changed = asyncio.Condition()
        self._socket = None
        self._parser = None
        self._parsers = []
        self._reading = None
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._handshake_done = None

    # -- the wire ---------------------------------------------------------------------------------------------------
    async def connect(self, port=None, receive_buffer=None, source=None):
        """`source`: the loopback address to come from; each is a network of its own to the server."""
        self._socket = socket.socket()
        if source:
            self._socket.bind((source, 0))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        address = (self.place.address, port or self.place.port)
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(self._socket, address), WAIT_SECONDS)
        self._reading = asyncio.create_task(self._read())
        return self

    async def connect_tls(self, alpn=("xmpp-client",)):
        """Direct TLS (XEP-0368)."""
        await self.connect(self.place.tls_port)
        await self.secure(alpn=list(alpn))
        return self

    async def _read(self):
        loop = asyncio.get_running_loop()
        how = "end of file"
        try:
            while True:
                await self._may_read.wait()
                data = await loop.sock_recv(self._socket, 65536)
                if not data:
                    break
                if self.tls:
                    was_ready = self.tls.ready
                    clear = self.tls.feed(data)
                    await self._flush()
                    if self.tls.ready and not was_ready:
                        self._handshake_done.set_result(None)
                    if clear is None:
                        continue  # close_notify: the TCP end follows
                    data = clear
                if data:
                    self.heard += data
                    if self._parser:
                        self._parser.feed(data)
                        await self._notify()
        except (ConnectionError, OSError) as error:
            how = str(error)
        except Exception as error:  # broken XML or TLS from the server: the story must see it
            how = f"{type(error).__name__}: {error}"
        if self._handshake_done and not self._handshake_done.done():
            self._handshake_done.set_exception(ConnectionError(f"TLS handshake failed: {how}"))
        self.keeps(Disconnected(how))
        await self._notify()

    async def _notify(self):
        async with self._changed:
            self._changed.notify_all()

    async def _flush(self):
        data = self.tls.take_output()
        if data:
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def sends(self, data):
        """Sends text or bytes as they are, in one write (and one TLS record where they fit)."""
        data = data.encode() if isinstance(data, str) else data
        self.said += data
        if self.tls:
            self.tls.encrypt(data)
            await self._flush()
        else:
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def stops_reading(self):
        """A client that never reads: the socket stays open, its buffers fill."""
        self._may_read.clear()

    def reads_again(self):
        self._may_read.set()

    async def secure(self, make=Tls, **how):
        """Runs the TLS handshake on the bare connection; `make` is the class that speaks TLS."""
        self._parser = None
        self._handshake_done = asyncio.get_running_loop().create_future()
        self.tls = make(self.place.ca, self.domain, **how)
        self.tls.start()
        await self._flush()
        await asyncio.wait_for(asyncio.shield(self._handshake_done), WAIT_SECONDS)

    async def drops(self):
        """Cuts the TCP connection without a goodbye."""
        self.lets_go()

    def lets_go(self):
        if self._reading:
            self._reading.cancel()
        if self._socket and self._socket.fileno() >= 0:
            # Now: the next socket may have its number before the tasks hear that they are cancelled.
            asyncio.get_running_loop().remove_reader(self._socket)
            asyncio.get_running_loop().remove_writer(self._socket)
            self._socket.close()

    def two_parsers_agree(self):
        """All that came in means the same to a second XML parser."""
        for parser in self._parsers:
            second_parser.agrees(parser.elements, parser.parsed)

    # -- what came in ------------------------------------------------------------------------------------------------
    async def wait_for(self, wanted, what):
        """Takes the first event for which wanted(event) holds; the others stay. Fails on time-out or disconnection."""
        async def search():
            async with self._changed:
                while True:
                    for event in self._events:
                        if wanted(event):
                            self._events.remove(event)
                            return event
                    if self._events and isinstance(self._events[-1], Disconnected):
                        raise AssertionError(f"{what} did not come: {self._pending()}")
                    await self._changed.wait()
        try:
            return await asyncio.wait_for(search(), WAIT_SECONDS)
        except asyncio.TimeoutError:
            raise AssertionError(f"{what} did not come within {WAIT_SECONDS:g} s; there is: {self._pending()}") from None

    def waiting(self, wanted):
        """The untaken events for which wanted(event) holds, without waiting."""
        return [event for event in self._events if wanted(event)]

    def takes(self, wanted):
        """The same, and they count as taken."""
        taken = self.waiting(wanted)
        self._events = [event for event in self._events if not wanted(event)]
        return taken

    def is_cut(self):
        return bool(self._events) and isinstance(self._events[-1], Disconnected)

    def _pending(self):
        return ", ".join(show(event)[:500] for event in self._events[-8:]) or "nothing"

    async def next(self, what="an answer"):
        """The very next event."""
        return await self.wait_for(lambda event: True, what)

    async def fails_with(self, condition, and_closes=True):
        """The server sends <stream:error> with `condition`, closes the stream and the connection (RFC 6120 §4.9.1.1)."""
        error = await self.wait_for(lambda event: _tag(event) == NS.STREAM + "error", f"<stream:error> {condition}")
        got = [child.tag for child in error]
        if NS.STREAM_ERROR + condition not in got:
            raise AssertionError(f"expected the stream error {condition}, got {show(error)}")
        if and_closes:
            await self.wait_for(lambda event: isinstance(event, StreamClosed), "</stream:stream>")
            await self.is_disconnected()
        return error

    async def is_disconnected(self):
        return await self.wait_for(lambda event: isinstance(event, Disconnected), "the end of the connection")

    # -- RFC 6120 by the book ----------------------------------------------------------------------------------------
    def header(self, to=None, lang=None, **attributes):
        self._lang = lang or getattr(self, "_lang", "en")  # a client keeps its language over restarts
        given = {"to": self.domain if to is None else to, "version": "1.0", "xml:lang": self._lang, "xmlns": "jabber:client",
                 "xmlns:stream": "http://etherx.jabber.org/streams", **attributes}
        text = " ".join(f"{name}={quoteattr(value)}" for name, value in given.items() if value)
        return f"<?xml version='1.0'?><stream:stream {text}>"

    def expects_header(self):
        """A new stream begins: a new parser on our side too."""
        self._parser = _Parser(self._takes)
        self._parsers.append(self._parser)

    def _takes(self, event):
        """Every client answers the server's pings (XEP-0199 §4.1) and says what it is asked about itself."""
        if self.answers_pings and _tag(event) == NS.CLIENT + "iq" and event.get("type") == "get" and len(event) and \
                event[0].tag == "{urn:xmpp:ping}ping":
            asyncio.ensure_future(self.sends(f"<iq type='result' id='{event.get('id')}' to='{event.get('from')}'/>"))
        self.keeps(event)

    def keeps(self, event):
        """Where all that comes in ends, in order."""
        self._events.append(event)

    async def opens(self, header=None, **attributes):
        """Sends a stream header; takes the server's header and features."""
        self.expects_header()
        await self.sends(header or self.header(**attributes))
        opened = await self.wait_for(lambda event: isinstance(event, StreamOpened), "a stream header")
        self.attributes = opened.attributes
        self.features = await self.wait_for(lambda event: _tag(event) == NS.STREAM + "features", "stream features")
        return self.features

    async def starts_tls(self, **how):
        await self.sends("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        await self.wait_for(lambda event: _tag(event) == NS.TLS + "proceed", "<proceed/>")
        await self.secure(**how)

    async def reaches_tls(self, lang="en", source=None):
        """Connected, STARTTLS done, the second stream open."""
        await self.connect(source=source)
        await self.opens(lang=lang)
        await self.starts_tls()
        await self.opens(lang=lang)
        return self

    def mechanisms(self):
        return [element.text for element in self.features.iter(NS.SASL + "mechanism")]

    async def authenticates(self, name, password, mechanism="SCRAM-SHA-256"):
        """SCRAM to the end, the server's signature checked, the stream restarted."""
        scram = Scram(mechanism, name, password)
        await self.sends(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{scram.first()}</auth>")
        challenge = await self.sasl_answer("challenge")
        await self.sends(f"<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{scram.final(challenge.text)}</response>")
        success = await self.sasl_answer("success")
        scram.verify(success.text)
        await self.opens()

    async def sasl_answer(self, expected):
        answer = await self.wait_for(lambda event: str(_tag(event)).startswith(NS.SASL), f"SASL <{expected}/>")
        if answer.tag != NS.SASL + expected:
            raise AssertionError(f"expected SASL <{expected}/>, got {show(answer)}")
        return answer

    async def sasl_fails_with(self, condition):
        failure = await self.sasl_answer("failure")
        if failure[0].tag != NS.SASL + condition:
            raise AssertionError(f"expected SASL failure {condition}, got {show(failure)}")
        return failure

    async def binds(self, resource=None):
        """Returns the full JID that the server gave."""
        wish = f"<resource>{resource}</resource>" if resource is not None else ""
        await self.sends(f"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{wish}</bind></iq>")
        answer = await self.wait_for(lambda event: _is_answer(event, "bind"), "the answer to bind")
        if answer.get("type") != "result":
            raise AssertionError(f"bind refused: {show(answer)}")
        return answer.findtext(f"{NS.BIND}bind/{NS.BIND}jid")


def _tag(event):
    return event.tag if isinstance(event, ET.Element) else None


def _is_answer(event, identity):
    return _tag(event) == NS.CLIENT + "iq" and event.get("id") == identity and event.get("type") in ("result", "error")
