"""Converse.js in Chromium against valised: log-in over WebSocket and over BOSH, sealed messages both ways with slixmpp."""

import asyncio
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
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

from harness import Town  # noqa: E402
from harness.town import own_address  # noqa: E402
from harness.web import http  # noqa: E402
from omemo_client import Person, quiet_logs  # noqa: E402

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
                file = HERE / "page.html" if path == "/" else DIST / path.removeprefix("/dist/") if path.startswith("/dist/") else None
                if path == "/task":
                    body, kind = json.dumps(pages.task).encode(), TYPES[".json"]
                elif file and file.is_file() and (file == HERE / "page.html" or DIST in file.resolve().parents):
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
            if told["what"] == what:
                return told

    def close(self):
        self._server.shutdown()


def same(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")
    print(f"ok   {what}", flush=True)


async def talk(town, pages, transport, url, address):
    """`transport`: Converse.js's name of the option that takes the URL."""
    name, bob_name = f"web-{transport[:4]}", f"bob-{transport[:4]}"
    for one in (name, bob_name):
        await town.ctl("user", "add", f"{one}@localhost", stdin=f"sesame {one}\n")
    bob = await Person(f"{bob_name}@localhost/test", f"sesame {bob_name}", town.place.ca).goes_online(town.place.address, town.place.port)
    pages.task = {"jid": f"{name}@localhost", "password": f"sesame {name}", "peer": f"{bob_name}@localhost",
                  "transport": transport, "url": url, "says": [f"sealed for bob by {transport}"]}
    profile = tempfile.mkdtemp(prefix="valise-chromium-")
    process = subprocess.Popen(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         f"--user-data-dir={profile}", f"--host-resolver-rules=MAP localhost {address}", "--ignore-certificate-errors",
         "--disable-background-networking", f"https://localhost:{pages.port}/"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        await pages.hears("online")
        print(f"ok   Converse.js logs in ({transport})", flush=True)
        same(await bob.hears(f"{name}@localhost"), f"sealed for bob by {transport}", "bob reads what Converse.js seals")
        await bob.says(f"{name}@localhost", f"Merci Alice over {transport}")
        same((await pages.hears("heard"))["text"], f"Merci Alice over {transport}", "Converse.js reads what bob seals")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)
    await bob.goes_offline()


async def main():
    quiet_logs()
    town = Town({"limits.stanzas_per_s": 0}, name="converse")
    tls = town.folder / "tls"
    pages = Pages(own_address(), 0, tls / "localhost.pem", tls / "localhost.key", asyncio.get_running_loop())
    town.options['host["localhost"].http.origins'] = [f"https://localhost:{pages.port}"]
    town.write_config()
    try:
        await town.start()
        links = json.loads((await http(town.place, "GET", "/.well-known/host-meta.json")).body)["links"]
        href = {link["rel"].rpartition(":")[2]: link["href"] for link in links}
        await talk(town, pages, "websocket_url", href["websocket"], town.place.address)
        await talk(town, pages, "bosh_service_url", href["xbosh"], town.place.address)
        for text in (b"sealed for bob", b"Merci Alice"):
            if text in town.stored_bytes():
                raise AssertionError("the server wrote what nobody but the clients may read")
        print("ok   the stores, the record and the log hold none of the texts")
    except BaseException:
        print("   the server's log:\n" + town.log()[-3000:])
        raise
    finally:
        pages.close()
        await town.close()


asyncio.run(main())
