"""A TLS end that can export keying material (RFC 9266) and renegotiate, which Python's own ssl module cannot: pyOpenSSL
over memory."""

import asyncio

from OpenSSL import SSL

from .stream import WAIT_SECONDS, Stream


class ExportingTls:
    """The same interface as tls.Tls."""

    def __init__(self, ca_file, server_name, alpn=None, version=None):
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if version:
            context.set_max_proto_version(version)
        context.load_verify_locations(ca_file)
        context.set_verify(SSL.VERIFY_PEER, lambda _connection, _certificate, _error, _depth, ok: bool(ok))
        self.object = SSL.Connection(context, None)
        self.object.set_tlsext_host_name(server_name.encode())
        self.object.set_connect_state()
        self.ready = False

    def feed(self, data):
        self.object.bio_write(data)
        if not self.ready and not self._handshake():
            return b""
        clear = bytearray()
        try:
            while True:
                clear += self.object.recv(65536)
        except SSL.WantReadError:
            return bytes(clear)
        except SSL.ZeroReturnError:
            return bytes(clear) or None

    def start(self):
        self._handshake()

    def _handshake(self):
        try:
            self.object.do_handshake()
        except SSL.WantReadError:
            return False
        self.ready = True
        return True

    def encrypt(self, data):
        self.object.send(data)

    def take_output(self):
        pieces = []
        try:
            while True:
                pieces.append(self.object.bio_read(65536))
        except SSL.WantReadError:
            return b"".join(pieces)

    def exported(self):
        """The tls-exporter channel binding data."""
        return self.object.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")


async def negotiates_anew(stream):
    """Begins a TLS 1.2 renegotiation (RFC 5246 §7.4.1.1) and never gives up: the bytes until the server's end."""
    stream._reading.cancel()
    try:
        stream.tls.object.renegotiate()
        stream.tls.object.do_handshake()
    except SSL.WantReadError:
        pass
    await stream._flush()
    loop, heard = asyncio.get_running_loop(), b""
    while data := await asyncio.wait_for(loop.sock_recv(stream._socket, 65536), WAIT_SECONDS):
        heard += data
    return heard


async def connect_with_exporter(town, source=None):
    """A stream after STARTTLS, and its channel binding data."""
    stream = Stream(town.place)
    town.streams.append(stream)
    await stream.connect(source=source)
    await stream.opens()
    await stream.starts_tls(make=ExportingTls)
    await stream.opens()
    return stream, stream.tls.exported()
