"""What a running process holds in its memory, freed heap included (proc(5): maps, mem): for texts that must not be there."""

import re
from pathlib import Path


def is_readable(pid):
    """Whether this process may look (ptrace(2): root, or who started it where nothing forbids it)."""
    try:
        return any(True for _ in writable_memory(pid))
    except PermissionError:
        return False


def writable_memory(pid):
    """(name, bytes) of each mapping that the process can write to, or could. What nobody has touched is left out."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, permissions, *_, name = (line + " ").split(" ", 5)
            if "w" not in permissions or name.strip().startswith("[v"):
                continue
            begin, end = (int(edge, 16) for edge in span.split("-"))
            memory.seek(begin)
            try:
                yield name.strip() or "anonymous", memory.read(end - begin)
            except OSError:
                continue  # a mapping that cannot be read at all, such as a device's


def excerpts(pid, pattern, most=40):
    """Where in its memory `pattern` (a compiled expression of bytes) is: mapping and surroundings, each once."""
    found = {}
    for name, data in writable_memory(pid):
        for match in pattern.finditer(data):
            around = data[max(0, match.start() - 100):match.end() + 60]
            found.setdefault(re.sub(rb"[^\x20-\x7e]+", b".", around).decode(), name)
            if len(found) >= most:
                return found
    return found
