"""What stories say of `valised --check-config`."""

import asyncio

from harness.town import PROGRAMS


async def check_config(town, text):
    """Returns its exit code, what it said without its own name, and the file's path."""
    path = town.folder / "candidate.lua"
    town.write_file(path, text)
    process = await asyncio.create_subprocess_exec(
        str(PROGRAMS["valised"]), "--config", str(path), "--check-config",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    out, _ = await process.communicate()
    *lines, last = out.decode().splitlines()
    says = "valised: "  # each line about what is wrong
    assert all(line.startswith(says) for line in lines) and (last.startswith(says) or last == f"{path}: ok"), out
    return process.returncode, "\n".join(line.removeprefix(says) for line in (*lines, last)), path
