"""A disk that is full: senders are refused with 'wait', nothing is falsely acknowledged, and all goes on by itself when
there is room again. A tmpfs of a few MiB where mounting is allowed, else a limit on the size of files."""

import asyncio
import resource
import subprocess
import sys

import _path  # noqa: F401
from harness import Town, ping
from harness.device import expect_error
from ledger import Reader, Sender, check


class SmallDisk:
    """`fill` leaves the server no room; `free` gives it back."""

    def __init__(self, town):
        self._town = town
        self._place = town.folder / "disk"
        self._place.mkdir()
        self.is_real = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", str(self._place)],
                                      capture_output=True, check=False).returncode == 0
        town.options["storage.sqlite.path"] = self._place / "valise.db"
        town.options["audit.path"] = self._place / "audit"
        town.audit_folder = self._place / "audit"
        town.write_config()

    def fill(self):
        if self.is_real:
            with open(self._place / "ballast", "wb") as ballast:
                try:
                    while True:
                        ballast.write(b"\0" * 4096)
                        ballast.flush()
                except OSError:
                    pass
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
    town = Town(store="sqlite", name="torture")
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
        for number in range(10):
            await sender.says(carol.bare, f"full-{number}")
            expect_error(await device.receives("message", id=f"full-{number}", type_="error"), "resource-constraint", "wait")
        print("ok   on a full disk each message is refused with resource-constraint, wait")
        await ping(device)
        sender.sent.append((None, None, None))
        disk.free()
        delivered = []
        for number in range(200):  # until the server has noticed
            await sender.says(carol.bare, f"after-{number}")
            if await sender.is_acknowledged_or_cut() and not device.stream.waiting(
                    lambda event, number=number: getattr(event, "get", lambda _: None)("id") == f"after-{number}"):
                delivered.append(f"after-{number}")
                if len(delivered) == 5:
                    break
        if not delivered:
            raise AssertionError("no message was taken again after there was room")
        print("ok   with room again messages are taken again")
        phone = await carol.device()
        await ping(phone)
        reader = Reader()
        reader.takes(phone)
        check([f"before-{number}" for number in range(10)] + delivered, Reader(), reader, "full disk")
        ghosts = [identity for identity in reader.arrivals if identity.startswith("full-")]
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
