"""What was packed, unpacked into memory under a bound: deflate, gzip, bzip2, xz, as far as it can be."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable

from zooclient.auditing.files.looking import Looking
from zooclient.auditing.files.source import Source

_CHUNK = 65_536
_OUT = 1 << 20


def unpack(looking: Looking, source: Source, method: str) -> tuple[bytearray, str]:
    """Returns what could be unpacked, and why that is not all: empty, ``bound`` or ``damaged``.

    Args:
        looking: The scan, of which the bounds hold.
        source: The packed bytes.
        method: ``deflate``, ``gzip``, ``bzip2`` or ``xz``.
    """
    out = bytearray()
    at, pending = 0, b""
    feed, ended, unused = _decoder(method)
    while True:
        data = pending
        if not data:
            data = source.read(at, _CHUNK)
            at += len(data)
        try:
            piece, pending = feed(data)
        except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
            return out, "damaged"
        out += piece
        looking.unpacked -= len(piece)
        if len(out) >= looking.held or looking.unpacked <= 0:
            return out, "bound"
        if ended():
            rest = unused()
            if method == "deflate" or not (rest or at < source.size):
                return out, ""
            feed, ended, unused = _decoder(method)  # the next of several, as gzip and the others read them
            pending = rest
            if not rest.strip(b"\x00") and at >= source.size:
                return out, ""
        elif not data and not piece:
            return out, "damaged"


_Feed = Callable[[bytes], tuple[bytes, bytes]]


def _decoder(method: str) -> tuple[_Feed, Callable[[], bool], Callable[[], bytes]]:
    if method in ("deflate", "gzip"):
        inflater = zlib.decompressobj(-15 if method == "deflate" else 31)

        def inflate(data: bytes) -> tuple[bytes, bytes]:
            piece = inflater.decompress(data, _OUT)
            return piece, inflater.unconsumed_tail

        return inflate, lambda: inflater.eof, lambda: inflater.unused_data
    other = bz2.BZ2Decompressor() if method == "bzip2" else lzma.LZMADecompressor(memlimit=80 << 20)

    def decompress(data: bytes) -> tuple[bytes, bytes]:
        if not other.needs_input:
            return other.decompress(b"", _OUT), data
        return other.decompress(data, _OUT), b""

    return decompress, lambda: other.eof, lambda: other.unused_data
