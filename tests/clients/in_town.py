"""Starts a valised of its own, with alice and bob, and runs one client test against it: in_town.py SCRIPT.

Afterwards it looks at what the server wrote, and at what it has in memory: none of the texts that the clients exchanged, or
tried to, may be there.
"""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness.memory_scan import excerpts, is_readable  # noqa: E402
from harness.town import PROGRAMS, PUBLISHED_DEVICES, Town  # noqa: E402

VENV = Path(os.environ.get("VALISE_VENV", HERE.parent.parent / "build" / "venv"))
PAGE_PORT = 5229  # of the page in converse/, on the town's address
WIRE_PORT = 5230  # of a wire (wire.py), on the same
# Words of the conversations in converse/, desktop/, pair.py, demo.py, everyday.py and profanity.py.
TEXTS = (b"Bonjour Bob", b"Received, thank you", b"must not arrive", b"read this when", b"sealed by Profanity",
         b"sealed by the bot", b"in the clear", b"postcard", b"Merci Alice", b"sealed for", b"at length",
         b"sealed by Gajim", b"sealed by Dino")


async def looks_into_memory(town):
    """Freed heap included (docs/security.md §6)."""
    if not is_readable(town.pid):
        print("     (memory was not looked at: this user may not read it)")
        return 0
    for session in await town.ctl_json("session", "list"):
        await town.ctl_result("session", "kick", session["jid"])
    while (await town.ctl_json("status"))["sessions"]:
        await asyncio.sleep(0.01)  # the only way to learn of it
    found = excerpts(town.pid, re.compile(b"|".join(map(re.escape, TEXTS))))
    for text, name in found.items():
        print(f"     {name}: {text}")
    print(f"FAIL {len(found)} texts are in the server's memory" if found else "ok   nor does its memory")
    return 1 if found else 0


async def main(script):
    town = Town({'host["localhost"].http.origins': [f"https://localhost:{PAGE_PORT}"], "labels.catalogue": ["fr"],
                 **PUBLISHED_DEVICES}, name="clients")
    try:
        await town.start()
        passwords = {name: f"sesame {name}" for name in ("alice", "bob", "carol")}
        for name, password in passwords.items():
            await town.ctl("user", "add", f"{name}@localhost", stdin=password + "\n")
        place = town.folder / "place.json"
        town.write_file(place, json.dumps({"host": town.place.address, "port": town.place.port, "domain": "localhost",
                                           "ca": town.place.ca, "accounts": passwords,
                                           "web_port": town.place.web_port, "page_port": PAGE_PORT,
                                           "wire_port": WIRE_PORT, "valisectl": str(PROGRAMS["valisectl"]),
                                           "audit": str(town.audit_folder),
                                           "certificate": str(town.folder / "tls" / "localhost.pem"),
                                           "key": str(town.folder / "tls" / "localhost.key")}))
        process = await asyncio.create_subprocess_exec(
            str(VENV / "bin" / "python3"), str(HERE / script), "--place", str(place))
        status = await process.wait()
        place.unlink()
        if status != 0:
            print("   the server's log:\n" + town.log()[-4000:])
            return 1
        print("   " + (await town.audit_is_sound()).strip().replace("\n", "\n   "))
        written = town.stored_bytes()
        found = [text for text in TEXTS if text in written]
        if found:
            print(f"FAIL the server wrote what nobody but the clients may read: {found}")
            return 1
        print("ok   the stores, the record and the log hold none of the texts")
        return await looks_into_memory(town)
    finally:
        await town.close()


sys.exit(asyncio.run(main(sys.argv[1])))
