"""Profanity in a real terminal (tmux), driven by keys and read from its screen."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

WAIT_SECONDS = 30


class Profanity:
    """One Profanity with a home of its own. Use as a context manager; the terminal ends with it."""

    def __init__(self, place, name, port=None):
        """`port`: where the server is reached, place.port if not said."""
        self._home = tempfile.TemporaryDirectory(prefix="valise-profanity-")
        self._place = place
        self._name = name
        self._port = port or place.port
        self._tmux = ["tmux", "-S", str(Path(self._home.name) / "tmux"), "-f", "/dev/null"]

    def __enter__(self):
        for folder in ("config", "data"):
            (Path(self._home.name) / folder).mkdir()
        self.starts()
        return self

    def starts(self):
        home = Path(self._home.name)
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8",
            "XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": str(home / "data"),
            "SSL_CERT_FILE": self._place.ca,  # libstrophe's trust store
        }
        # Wide, so that no line that a test looks for is wrapped.
        command = [*self._tmux, "new-session", "-d", "-x", "260", "-y", "50", "profanity"]
        subprocess.run(command, env=environment, check=True)
        self.sees("Type '/help'")

    def __exit__(self, kind, *_):
        if kind is not None:
            print("     (Profanity's screen:\n" + self.screen().rstrip() + ")", flush=True)
        subprocess.run([*self._tmux, "kill-server"], check=False, stderr=subprocess.DEVNULL)
        self._home.cleanup()

    def types(self, line):
        subprocess.run([*self._tmux, "send-keys", "-l", "--", line], check=True)
        subprocess.run([*self._tmux, "send-keys", "Enter"], check=True)

    def screen(self):
        return subprocess.run([*self._tmux, "capture-pane", "-p"], check=True, capture_output=True, text=True).stdout

    def sees(self, text):
        """Waits until `text` stands on the screen; returns its whole line."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for line in self.screen().splitlines():
                if text in line:
                    return line.strip()
            time.sleep(0.05)
        raise AssertionError(f"Profanity did not show {text!r} in {WAIT_SECONDS} s; its screen:\n{self.screen()}")

    def quits(self):
        """The terminal ends with it; starts() brings it back with all that it kept."""
        self.types("/quit")
        subprocess.run([*self._tmux, "wait-for", "never"], check=False, stderr=subprocess.DEVNULL,
                       timeout=WAIT_SECONDS)  # it waits until the terminal is no more

    def goes_online(self, resource=None):
        place = self._place
        address = place.jid(self._name) + (f"/{resource}" if resource else "")
        self.types(f"/connect {address} server {place.host} port {self._port} tls force")
        self.sees("Enter password:")
        self.types(place.password(self._name))
        self.sees("logged in successfully")

    def makes_omemo_keys(self):
        self.types("/omemo trustmode blind")
        self.types("/omemo gen")
        self.sees("materials generated. Your Device ID is")

    def opens_chat(self, jid, shown=None):
        """`shown`: as whom the window's title shows him, if the roster has a name for him."""
        self.types(f"/msg {jid}")
        self.sees(f"{shown or jid} [")
