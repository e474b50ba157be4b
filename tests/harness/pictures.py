"""Whole pictures of noise, so that no two are the same: as much of each kind as a server can check."""

import os
import struct
import zlib


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size=100, beside=b""):
    """Grey, with at least so many bytes of image; `beside`: chunks in front of them."""
    side = max(1, int(size ** 0.5 + 0.999))
    lines = b"".join(b"\0" + os.urandom(side) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + beside + _chunk(b"IDAT", zlib.compress(lines))
            + _chunk(b"IEND", b""))


def png_text(text, keyword=b"Comment"):
    """A chunk with a remark."""
    return _chunk(b"tEXt", keyword + b"\0" + text)


def png_of_letters(text):
    """Pixels that are the letters of a text, not packed."""
    side = int(len(text) ** 0.5)
    lines = b"".join(b"\0" + text[row * side:(row + 1) * side] for row in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines, 0)) + _chunk(b"IEND", b""))


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(size=None, beside=b"", image=None):
    """Of exactly `size` bytes; `beside`: segments in front; `image`: its data, in place of noise."""
    codes = b"\0\2" + bytes(14) + b"\1\2"
    head = (b"\xff\xd8" + beside + segment(0xdb, b"\0" + b"\1" * 64) + segment(0xc4, b"\0" + codes + b"\x10" + codes)
            + segment(0xc0, b"\x08\0\x08\0\x08\1\1\x11\0") + segment(0xda, b"\1\1\0\0\x3f\0"))
    if image is None:
        image = os.urandom((size or len(head) + 60) - len(head) - 2).replace(b"\xff", b"\xfe")
    return head + image + b"\xff\xd9"


def riff(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def webp(size=50, image=None, beside=b""):
    """`beside`: chunks behind the image, which make it one of the extended kind."""
    chunks = riff(b"VP8L", b"\x2f" + struct.pack("<I", 7 | 7 << 14) + (image or os.urandom(size)))
    if beside:
        chunks = riff(b"VP8X", bytes(4) + b"\7\0\0\7\0\0") + chunks + beside
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks
