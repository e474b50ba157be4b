"""Inside the sandbox: a screen, and somebody who reads it and acts on it as assistive programs do (AT-SPI).

Takes one JSON object a line on stdin and answers each with one on stdout; desktop.py is the other side. What clients
connect to as localhost:5222 is the socket file BRIDGE, behind which the test listens.
"""

import json
import os
import socket
import subprocess
import sys
import threading

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

BRIDGE = "/tmp/bridge/xmpp"
SHOWN_DEPTH = 60


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)  # whoever ends it, both ends learn of it
        except OSError:
            pass


def listen():
    server = socket.create_server(("127.0.0.1", 5222))

    def accept():
        while True:
            client, _ = server.accept()
            outside = socket.socket(socket.AF_UNIX)
            try:
                outside.connect(BRIDGE)
            except OSError:
                client.close()
                continue
            for pair in ((client, outside), (outside, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def start_bus():
    reads, writes = os.pipe()
    subprocess.Popen(["dbus-daemon", "--session", "--nofork", f"--print-address={writes}"], pass_fds=[writes],
                     stdin=subprocess.DEVNULL)
    os.close(writes)
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = os.read(reads, 4096).decode().strip()


def start_screen():
    reads, writes = os.pipe()
    subprocess.Popen(["Xvfb", "-displayfd", str(writes), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
                     pass_fds=[writes], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writes)
    number = os.read(reads, 16).decode().strip()  # told when the screen is there
    os.environ["DISPLAY"] = f":{number}"
    subprocess.Popen(["openbox"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Screen:
    def __init__(self):
        Atspi.init()
        Atspi.set_timeout(5000, 20000)

    def nodes(self, root=None, depth=0):
        """Everything that is shown, from the top: (accessible, role, words)."""
        if root is None:
            desktop = Atspi.get_desktop(0)
            for index in range(desktop.get_child_count()):
                application = desktop.get_child_at_index(index)
                if application is not None:
                    application.clear_cache()  # nobody here listens to the events that would tell of changes
                    # GTK 4.8 marks nothing as showing; what it marks as visible may lie on another page of a stack.
                    is_gtk4 = application.get_toolkit_version().startswith("4")
                    self.shown = Atspi.StateType.VISIBLE if is_gtk4 else Atspi.StateType.SHOWING
                    yield from self.children(application, depth)
            return
        if depth > SHOWN_DEPTH or not root.get_state_set().contains(self.shown):
            return
        yield root, root.get_role_name(), self.words(root)
        yield from self.children(root, depth)

    def children(self, root, depth):
        try:
            for index in range(root.get_child_count()):
                child = root.get_child_at_index(index)
                if child is not None:
                    yield from self.nodes(child, depth + 1)
        except GLib.Error:  # it went away while we looked
            return

    @staticmethod
    def words(node):
        found = [node.get_name() or "", node.get_description() or ""]
        text = node.get_text_iface()
        if text is not None:
            found.append(Atspi.Text.get_text(text, 0, Atspi.Text.get_character_count(text)))
        return " | ".join(dict.fromkeys(word for word in found if word))

    def look(self):
        try:
            return list(self.nodes())
        except GLib.Error:
            return []

    def find(self, words, role=None, exact=False):
        for node, kind, said in self.look():
            if (role is None or kind == role) and (words in said.split(" | ") if exact else words in said):
                return node, kind, said
        return None


def middle_of(node):
    extents = node.get_extents(Atspi.CoordType.SCREEN)
    return extents.x + extents.width // 2, extents.y + extents.height // 2


def act(node, action):
    actions = node.get_action_iface()
    if actions is not None:
        for index in range(Atspi.Action.get_n_actions(actions)):
            if action is None or Atspi.Action.get_action_name(actions, index) == action:
                return Atspi.Action.do_action(actions, index)
    return False


class Servant:
    def __init__(self):
        self.screen = Screen()
        self.process = None

    def start(self, command, environment):
        self.log = open(os.path.join(os.environ["HOME"], "client.log"), "ab")
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        return True

    def runs(self, command, environment):
        """A second call of the client, which tells the first and ends."""
        return subprocess.run(command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=self.log,
                              stderr=self.log, timeout=60).returncode

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def ends(self):
        """Waits until the client has ended by itself."""
        return self.process.wait(60)

    def alive(self):
        return self.process.poll() is None

    def sees(self, words, role=None, exact=False):
        found = self.screen.find(words, role, exact)
        return found and {"role": found[1], "words": found[2], "at": middle_of(found[0])}

    def acts(self, words, role=None, exact=False, action=None):
        found = self.screen.find(words, role, exact)
        return bool(found and act(found[0], action))

    def focuses(self, words, role=None, exact=False):
        found = self.screen.find(words, role, exact)
        return bool(found and Atspi.Component.grab_focus(found[0].get_component_iface()))

    def xdotool(self, arguments):
        return subprocess.run(["xdotool", *arguments], capture_output=True, text=True, timeout=60).stdout

    def tree(self):
        return [f"{kind}: {said}" for _, kind, said in self.screen.look()]

    def acts_after(self, words, role, further):
        """Acts on the `further`th of that role after the one that says `words`: for buttons that have no name."""
        seen = self.screen.look()
        places = [index for index, (_, _, said) in enumerate(seen) if words in said]
        if not places:
            return False
        later = [node for node, kind, _ in seen[places[-1] + 1:] if kind == role]
        return len(later) >= further and act(later[further - 1], None)

    def shot(self, file):
        subprocess.run(["import", "-window", "root", file], check=True, timeout=60)
        return True

    def call(self, name, path, interface, method, arguments):
        bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
        signature = f"({'s' * len(arguments)})"
        answer = bus.call_sync(name, path, interface, method, GLib.Variant(signature, tuple(arguments)), None,
                               Gio.DBusCallFlags.NO_AUTO_START, 20000, None)
        return answer.unpack()

    def activates(self, name, path, action, words):
        """Runs an action of a GtkApplication (org.gtk.Actions) whose parameter is a list of strings, a string, or none."""
        parameter = [GLib.Variant("s" if isinstance(words, str) else "as", words)] if words else []
        self.actions(name, path, "Activate", GLib.Variant("(sava{sv})", (action, parameter, {})))
        return True

    def changes(self, name, path, action, value):
        self.actions(name, path, "SetState", GLib.Variant("(sva{sv})", (action, GLib.Variant("s", value), {})))
        return True

    @staticmethod
    def actions(name, path, method, parameters):
        bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
        bus.call_sync(name, path, "org.gtk.Actions", method, parameters, None, Gio.DBusCallFlags.NO_AUTO_START, 20000, None)


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else prints here is no answer
    start_bus()
    listen()
    start_screen()
    servant = Servant()
    print(json.dumps({"is": "ready"}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"is": getattr(servant, asked.pop("do"))(**asked)}
        except Exception as error:  # the test tells what it was
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


main()
