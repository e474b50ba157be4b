"""A person's desktop, closed off: a screen of its own, no network but the XMPP server as localhost:5222, a home that ends
with it, and the town's CA as the only one that the system trusts. Clients run in it as they are packaged."""

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from wire import Wire

HERE = Path(__file__).resolve().parent
WAIT_SECONDS = 120 * float(os.environ.get("VALISE_TEST_PATIENCE", "1"))
SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"


class Desktop:
    """Use as `async with`. `name` is whose it is; `self.home` is the home folder, seen inside as /tmp/home."""

    resource = None  # of the client's full address
    application = None  # on the bus: name and path
    patience = WAIT_SECONDS

    def __init__(self, place, name):
        self.place, self.name = place, name
        self.jid = place.jid(name)
        self.full = f"{self.jid}/{self.resource}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"valise-desktop-{name}-"))
        self.home = self.folder / "home"
        self.bridge = self.folder / "bridge"
        for folder in (self.home, self.bridge, *(self.home / part for part in ("data", "config", "cache", "run"))):
            folder.mkdir(mode=0o700)
        self.wire = Wire((place.host, place.port), self.bridge / "xmpp")
        self._process = None
        self._turn = asyncio.Lock()

    async def __aenter__(self):
        await self.wire.opens()
        inside = {"HOME": "/tmp/home", "XDG_DATA_HOME": "/tmp/home/data", "XDG_CONFIG_HOME": "/tmp/home/config",
                  "XDG_CACHE_HOME": "/tmp/home/cache", "XDG_RUNTIME_DIR": "/tmp/home/run", "LANG": "C.UTF-8",
                  "PATH": "/usr/bin:/bin:/usr/games", "GIO_USE_NETWORK_MONITOR": "base", "GTK_THEME": "Adwaita",
                  "GSETTINGS_BACKEND": "memory"}
        command = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
                   "--bind", str(self.home), "/tmp/home", "--bind", str(self.bridge), "/tmp/bridge",
                   "--ro-bind", str(HERE), "/tmp/desktop", "--ro-bind", self.place.ca, SYSTEM_CA,
                   "--unshare-all", "--uid", "1000", "--gid", "1000", "--die-with-parent", "--clearenv",
                   *(word for name, value in inside.items() for word in ("--setenv", name, value)),
                   "/usr/bin/python3", "/tmp/desktop/inside.py"]
        self._errors = open(self.folder / "errors", "wb")
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=self._errors, limit=1 << 24)
        try:
            await self._answer()
            await self.prepares()
            await self.starts()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, kind, error, _):
        if error is not None and not isinstance(error, asyncio.CancelledError):
            with contextlib.suppress(Exception):
                print(f"     (the window of {self.jid} showed:\n      " + "\n      ".join(await self.asks("tree")) + ")")
        if folder := os.environ.get("VALISE_TEST_SCREENS"):
            with contextlib.suppress(Exception):
                await self.shows(Path(folder) / f"{type(self).__name__}-{self.name}-end.png")
        with contextlib.suppress(Exception):
            await self.asks("stop")
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()  # of bwrap: all that runs inside ends with it
        await self._process.wait()
        await self.wire.closes()
        self._errors.close()
        if os.environ.get("VALISE_TEST_KEEP"):
            print(f"     (kept: {self.folder})")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _answer(self):
        line = await asyncio.wait_for(self._process.stdout.readline(), WAIT_SECONDS)
        if not line:
            raise AssertionError("the desktop ended: " + (self.folder / "errors").read_text(errors="replace")[-2000:])
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["is"]

    async def asks(self, do, **more):
        async with self._turn:
            self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
            await self._process.stdin.drain()
            return await self._answer()

    async def until(self, what, question):
        """Asks again until the answer holds; the window is not ours, it cannot tell us."""
        deadline = time.monotonic() + self.patience
        while True:
            if answer := await question():
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"{type(self).__name__} of {self.jid}: not in {self.patience:.0f} s: {what}")
            if not await self.asks("alive"):
                raise AssertionError(f"{type(self).__name__} ended: " +
                                     (self.home / "client.log").read_text(errors="replace")[-3000:])
            await asyncio.sleep(0.2)

    async def sees(self, words, **how):
        """Waits until `words` stand in the window; returns what stands there: {"role", "words", "at"}."""
        return await self.until(f"{words!r} in the window", lambda: self.asks("sees", words=words, **how))

    async def times(self, words):
        """How many lines of the window are these words."""
        return sum(words in line.partition(": ")[2].split(" | ") for line in await self.asks("tree"))

    async def acts(self, words, **how):
        await self.until(f"{words!r} to be pressed", lambda: self.asks("acts", words=words, **how))

    async def presses(self, *keys):
        await self.asks("xdotool", arguments=["key", "--clearmodifiers", *keys])

    async def types(self, text):
        await self.asks("xdotool", arguments=["type", "--delay", "20", text])

    async def clicks(self, at, button="1"):
        await self.asks("xdotool", arguments=["mousemove", str(at[0]), str(at[1]), "click", button])

    async def points(self, at):
        """The mouse rests there: tooltips come."""
        await self.asks("xdotool", arguments=["mousemove", str(at[0] - 2), str(at[1]), "mousemove", str(at[0]), str(at[1])])

    async def shows(self, file):
        """A picture of the screen."""
        await self.asks("shot", file="/tmp/home/screen.png")
        shutil.copy(self.home / "screen.png", file)

    async def leaves(self):
        """Quits the client as its own menu does. starts() brings it back with all that it kept."""
        name, path = self.application
        await self.asks("activates", name=name, path=path, action="quit", words=[])
        await self.asks("ends")

    async def prepares(self):
        """The account, written as the client itself would have."""
        raise NotImplementedError

    async def starts(self):
        raise NotImplementedError
