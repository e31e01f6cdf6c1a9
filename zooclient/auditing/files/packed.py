"""What was packed, unpacked into memory under a bound, as far as it can be: sums are not believed, nor asked for."""

from __future__ import annotations

import bz2
import lzma
import zlib

from zooclient.auditing.files.looking import Looking
from zooclient.auditing.files.source import Source

_CHUNK = 65_536
#: Bytes that are unpacked at once: where a sum is wrong, bzip2 and xz keep no more than that back.
_STEP = 8_192
_INFLATED = 1 << 20
_XZ_MEMORY = 80 << 20


def unpack(looking: Looking, source: Source, method: str) -> tuple[bytearray, str]:
    """Returns what could be unpacked, and why that is not all: empty, ``bound`` or ``damaged``.

    Args:
        looking: The scan, of which the bounds hold.
        source: The packed bytes.
        method: ``deflate``, ``gzip``, ``bzip2`` or ``xz``.
    """
    out = bytearray()
    at, short = 0, ""
    while not short:
        if method == "gzip":
            at = _behind_gzip_header(source, at)
        short, at = _one(looking, source, at, method, out)
        at += 8 if method == "gzip" else 0  # the sum and the size
        if method == "deflate" or at >= source.size or not source.read(at, _CHUNK).strip(b"\x00"):
            break
    return out, short


def _one(looking: Looking, source: Source, at: int, method: str, out: bytearray) -> tuple[str, int]:
    """Unpacks one of several streams in a row; returns what is wrong, and where the next begins."""
    inflate = zlib.decompressobj(-15)
    other = bz2.BZ2Decompressor() if method == "bzip2" else lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
    inflates = method in ("deflate", "gzip")
    data = b""
    while True:
        asks = not data if inflates else other.needs_input
        if asks:
            data = source.read(at, _CHUNK)
            at += len(data)
        try:
            if inflates:
                piece = inflate.decompress(data, _INFLATED)
                data, rest, ended = inflate.unconsumed_tail, inflate.unused_data, inflate.eof
            else:
                piece = other.decompress(data if asks else b"", _STEP)
                ended = other.eof
                rest = other.unused_data if ended else b""
        except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
            return "damaged", at
        out += piece
        looking.unpacked -= len(piece)
        if len(out) >= looking.held or looking.unpacked <= 0:
            return "bound", at
        if ended:
            return "", at - len(rest)
        if asks and not piece and at >= source.size and not data:
            return "damaged", at


def _behind_gzip_header(source: Source, at: int) -> int:
    """The place of the packed bytes (RFC 1952)."""
    header = source.read(at, _CHUNK)
    flags = header[3] if len(header) > 3 else 0
    end = 10
    if flags & 4:
        end += 2 + int.from_bytes(header[end : end + 2], "little")
    for flag in (8, 16):
        if flags & flag:
            end = header.find(b"\x00", end) + 1
    return at + end + (2 if flags & 2 else 0)
