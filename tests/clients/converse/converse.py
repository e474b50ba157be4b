"""Converse.js in Chromium against valised: log-in over WebSocket and over BOSH, sealed messages both ways with slixmpp."""

import asyncio
import contextlib
import http.client as web_client
import http.server as web_server
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from omemo_client import Person, quiet_logs  # noqa: E402
from place import place_from_command_line  # noqa: E402

DIST = Path(os.environ["VALISE_CONVERSE"])
CHROMIUM = os.environ.get("VALISE_CHROMIUM", "chromium")
WAIT_SECONDS = 90 * float(os.environ.get("VALISE_TEST_PATIENCE", "1"))
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".json": "application/json",
         ".wasm": "application/wasm"}


class Pages:
    """Serves the page and Converse.js over HTTPS, and hears what the page tells."""

    def __init__(self, address, port, certificate, key, loop):
        self.task, self.heard = {}, asyncio.Queue()
        pages = self

        class Handler(web_server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.split("?")[0]
                # libomemo asks for its wasm beside the page.
                file = HERE / "page.html" if path == "/" else DIST / path.removeprefix("/dist/").removeprefix("/")
                if path == "/task":
                    body, kind = json.dumps(pages.task).encode(), TYPES[".json"]
                elif file.is_file() and (file == HERE / "page.html" or DIST in file.resolve().parents):
                    body, kind = file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream")
                else:
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                loop.call_soon_threadsafe(pages.heard.put_nowait, told)
                with contextlib.suppress(OSError):  # a page that is being left does not wait for the answer
                    self.send_response(204)
                    self.end_headers()

            def log_message(self, *_):
                pass

        self._server = web_server.ThreadingHTTPServer((address, port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    async def hears(self, what):
        """The next thing of that kind that the page tells."""
        while True:
            told = await asyncio.wait_for(self.heard.get(), WAIT_SECONDS)
            if told["what"] == "error":
                print(f"     (the page says: {told['text'][:300]})")
            if told["what"] == "failed":
                raise AssertionError(told["text"])
            if told["what"] == what:
                return told

    def close(self):
        self._server.shutdown()


def same(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")
    print(f"ok   {what}", flush=True)


def links(place):
    """What host-meta.json (XEP-0156) says, by the last word of the relation."""
    context = ssl.create_default_context(cafile=place.ca)
    connection = web_client.HTTPSConnection(place.host, place.web_port, context=ForHost(context, place.domain), timeout=WAIT_SECONDS)
    connection.request("GET", "/.well-known/host-meta.json", headers={"Host": place.domain})
    return {link["rel"].rpartition(":")[2]: link["href"] for link in json.loads(connection.getresponse().read())["links"]}


class ForHost:
    """A TLS context that asks for the certificate of the host, whatever address it connects to."""

    def __init__(self, context, host):
        self._context, self._host = context, host

    def wrap_socket(self, sock, server_hostname=None):
        return self._context.wrap_socket(sock, server_hostname=self._host)

    def __getattr__(self, name):
        return getattr(self._context, name)


async def talk(place, pages, name, bob, transport, url):
    """`name` is at Converse.js. `transport`: its name of the option that takes the URL."""
    pages.task = {"jid": place.jid(name), "password": place.password(name), "peer": place.jid("bob"),
                  "transport": transport, "url": url, "says": [f"sealed for bob by {transport}"]}
    profile = tempfile.mkdtemp(prefix="valise-chromium-")
    process = subprocess.Popen(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         f"--user-data-dir={profile}", f"--host-resolver-rules=MAP localhost {place.host}", "--ignore-certificate-errors",
         "--disable-background-networking", f"https://localhost:{pages.port}/"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        await pages.hears("online")
        print(f"ok   Converse.js logs in ({transport})", flush=True)
        await pages.hears("said")
        same(await bob.hears(place.jid(name)), f"sealed for bob by {transport}", "bob reads what Converse.js seals")
        identity = await bob.says(place.jid(name), f"Merci Alice over {transport}", asks_receipt=True)
        same((await pages.hears("heard"))["text"], f"Merci Alice over {transport}", "Converse.js reads what bob seals")
        await bob.gets_receipt(identity)
        print("ok   Converse.js's receipt reaches bob", flush=True)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def main():
    quiet_logs()
    place = place_from_command_line(__doc__)
    pages = Pages(place.host, place.page_port, place.certificate, place.key, asyncio.get_running_loop())
    bob = await Person(f"{place.jid('bob')}/test", place.password("bob"), place.ca).goes_online(place.host, place.port)
    href = links(place)
    await talk(place, pages, "alice", bob, "websocket_url", href["websocket"])
    await talk(place, pages, "carol", bob, "bosh_service_url", href["xbosh"])
    await bob.goes_offline()
    pages.close()


if __name__ == "__main__":
    asyncio.run(main())
