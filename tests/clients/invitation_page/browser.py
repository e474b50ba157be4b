"""Chromium without a window, driven over a pipe (Chrome DevTools Protocol): JSON messages, each ended by a NUL."""

import asyncio
import base64
import fcntl
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile

CHROMIUM = os.environ.get("VALISE_CHROMIUM", "chromium")
WAIT_SECONDS = 90 * float(os.environ.get("VALISE_TEST_PATIENCE", "1"))


class Browser:
    """`address`: where the host's name leads."""

    def __init__(self, host, address):
        self._profile = tempfile.mkdtemp(prefix="valise-chromium-")
        theirs_in, self._to = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in os.pipe())
        self._from, theirs_out = (fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in os.pipe())
        command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   f"--user-data-dir={self._profile}", f"--host-resolver-rules=MAP {host} {address}", "--ignore-certificate-errors",
                   "--disable-background-networking", "--hide-scrollbars", "--remote-debugging-pipe", "about:blank"]
        # It wants them as descriptors 3 and 4.
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "-", *command], pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)
        self._numbers = itertools.count(1)
        self._answers, self._events = {}, asyncio.Queue()
        self._session = None

    async def opens(self):
        self._reader = asyncio.StreamReader(limit=1 << 26)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self._reader), os.fdopen(self._from, "rb"))
        self._listens = asyncio.create_task(self._read())
        target = (await self.asks("Target.createTarget", url="about:blank"))["targetId"]
        self._session = (await self.asks("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            await self.asks(domain + ".enable")
        return self

    async def _read(self):
        while True:
            try:
                told = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            except asyncio.IncompleteReadError:
                for answer in self._answers.values():
                    answer.cancel()
                return
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            else:
                self._events.put_nowait(told)

    async def asks(self, method, **parameters):
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": self._session} if self._session else {})}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        told = await asyncio.wait_for(answer, WAIT_SECONDS)
        if "error" in told:
            raise AssertionError(f"{method}: {told['error']}")
        return told["result"]

    async def becomes(self, width, height, language, user_agent="", mobile=False, scheme="light", scale=1):
        """A device with this screen, these words about itself."""
        await self.asks("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile)
        await self.asks("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        user_agent = user_agent or (await self.asks("Browser.getVersion"))["userAgent"]
        await self.asks("Emulation.setUserAgentOverride", userAgent=user_agent, acceptLanguage=language)

    async def visits(self, url):
        """Loads the page; what happened meanwhile: {"status": …, "requests": […], "complaints": […]}."""
        while not self._events.empty():
            self._events.get_nowait()
        await self.asks("Page.navigate", url=url)
        return await self.loads()

    async def loads(self):
        """Until the page that is on its way is there."""
        happened = {"status": None, "requests": [], "complaints": []}
        while True:
            told = await asyncio.wait_for(self._events.get(), WAIT_SECONDS)
            what, about = told["method"], told["params"]
            if what == "Network.requestWillBeSent":
                happened["requests"].append(about["request"]["url"])
            elif what == "Network.responseReceived" and about["type"] == "Document":
                happened["status"] = about["response"]["status"]
            elif what in ("Log.entryAdded", "Runtime.exceptionThrown"):
                happened["complaints"].append(about)
            elif what == "Page.loadEventFired":
                return happened

    async def evaluates(self, expression):
        return (await self.asks("Runtime.evaluate", expression=expression, returnByValue=True))["result"].get("value")

    async def photographs(self, path):
        """The whole page, not only what the screen shows."""
        picture = await self.asks("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    async def reads_aloud(self):
        """(role, name) of what a screen reader finds, in order."""
        nodes = (await self.asks("Accessibility.getFullAXTree"))["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node.get("ignored")]

    def close(self):
        self._listens.cancel()
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()
        os.close(self._to)
        shutil.rmtree(self._profile, ignore_errors=True)
