"""TLS over memory, so that a story decides which bytes go out together and when they are read."""

import ssl


class Tls:
    """The client's end. feed() takes bytes off the wire; what must go to the wire comes back from take_output()."""

    def __init__(self, ca_file, server_name, alpn=None, version=None, sni=True, card=None, session=None):
        """`sni`: True sends the server's name, a text another one, False none; what is shown is checked by the story then.
        `card`: a file with the client's certificate and key. `session`: of another Tls, to resume it."""
        context = ssl.create_default_context(cafile=ca_file)
        if sni is not True:
            context.check_hostname = False
            server_name = sni or None
        if alpn:
            context.set_alpn_protocols(alpn)
        if card:
            context.load_cert_chain(card)
        if session:
            context = session.context  # a session belongs to its context
        if version:
            context.minimum_version = context.maximum_version = version
        self.context = context
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._in, self._out, server_hostname=server_name,
                                       session=session and session.object.session)
        self.ready = False
        self.was_closed = False  # close_notify has come

    def feed(self, data):
        """Takes wire bytes; returns decrypted bytes, or None when the peer closed the TLS session (close_notify)."""
        self._in.write(data)
        if not self.ready and not self._handshake():
            return b""
        clear = bytearray()
        try:
            while True:
                piece = self.object.read(65536)
                if not piece:
                    self.was_closed = True
                    return None if not clear else bytes(clear)
                clear += piece
        except ssl.SSLWantReadError:
            return bytes(clear)
        except ssl.SSLZeroReturnError:
            self.was_closed = True
            return None if not clear else bytes(clear)

    def start(self):
        self._handshake()

    def _handshake(self):
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.ready = True
        return True

    def encrypt(self, data):
        self.object.write(data)

    def close(self):
        try:
            self.object.unwrap()
        except ssl.SSLError:
            pass

    def take_output(self):
        return self._out.read()
