"""A disk that is full: senders are refused with 'wait', nothing is falsely acknowledged, and all goes on by itself when
there is room again. A tmpfs of a few MiB where mounting is allowed, else a limit on the size of files."""

import asyncio
import os
import resource
import subprocess
import sys

import _path  # noqa: F401
from harness import NS, Town, ping, word_from
from harness.device import expect_error
from ledger import Reader, Sender, check

QUEUE = 16  # commit.queue, at its least


def is_error(event):
    return getattr(event, "tag", "") == NS.CLIENT + "message" and event.get("type") == "error"


class SmallDisk:
    """`fill` leaves the server no room; `free` gives it back."""

    def __init__(self, town):
        self._town = town
        self._place = town.folder / "disk"
        self._place.mkdir()
        self.is_real = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", str(self._place)],
                                      capture_output=True, check=False).returncode == 0
        town.options["storage.sqlite.path"] = self._place / "valise.db"
        town.options["audit.path"] = self._place / "audit"
        town.audit_folder = self._place / "audit"
        town.write_config()

    def fill(self):
        if self.is_real:
            ballast = os.open(self._place / "ballast", os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                while os.write(ballast, b"\0" * 4096):
                    pass
            except OSError:
                pass  # no byte is left
            os.close(ballast)
        else:
            resource.prlimit(self._town.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    def free(self):
        if self.is_real:
            (self._place / "ballast").unlink()
        else:
            resource.prlimit(self._town.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self):
        if self.is_real:
            subprocess.run(["umount", "-l", str(self._place)], check=False)


async def main():
    town = Town({"commit.queue": QUEUE}, store="sqlite", name="torture")
    disk = SmallDisk(town)
    print(f"   {'a full tmpfs' if disk.is_real else 'a limit on file sizes (mounting is not allowed here)'}")
    try:
        await town.start()
        alice, carol = await town.account("alice"), await town.account("carol")
        device = await alice.device()
        sender = await Sender(device).starts_counting()
        for number in range(10):
            await sender.says(carol.bare, f"before-{number}")
        if not await sender.is_acknowledged_or_cut():
            raise AssertionError("cut while there was room")
        disk.fill()
        for number in range(3 * QUEUE):
            await sender.says(carol.bare, f"full-{number}")
        # Units wait up to a bound; the first beyond it is refused, and nothing is acknowledged meanwhile.
        error = await device.stream.wait_for(is_error, "a refusal")
        expect_error(error, "resource-constraint", "wait")
        await ping(device)
        sender.sent.append((None, None, None))
        sender.read_acknowledgements()
        if sender.acknowledged > 10:
            raise AssertionError(f"acknowledged on a full disk: {sender.sent[10:sender.acknowledged]}")
        print("ok   on a full disk nothing is acknowledged, and beyond the bound senders are told to wait")
        disk.free()
        if not await sender.is_acknowledged_or_cut():
            raise AssertionError("the session did not outlive the full disk")
        refused = {event.get("id") for event in [error, *device.stream.takes(is_error)]}
        await sender.says(carol.bare, "after")
        if not await sender.is_acknowledged_or_cut() or device.stream.takes(is_error):
            raise AssertionError("with room again a message is still refused")
        print(f"ok   with room again all goes on by itself ({len(refused)} were refused)")
        phone = await carol.device()
        await word_from(device)(phone)  # comes behind all that waited
        reader = Reader()
        reader.takes(phone)
        check([identity for identity in sender.promised() if identity and identity not in refused], Reader(), reader, "full disk")
        ghosts = refused & set(reader.arrivals)
        if ghosts:
            raise AssertionError(f"refused and yet delivered: {ghosts}")
        await town.audit_is_sound()
        print("ok   what was acknowledged is there, what was refused is not")
    except Exception:
        print(town.log()[-4000:])
        raise
    finally:
        await town.close()
        disk.close()


asyncio.run(main())
sys.stdout.flush()
