"""Every hash by which some zoo may know a file, from one reading of it.

Besides sha256 and git's name these are Civitai's, as its scanner (civitai/model-scanner, ``HashTask``) makes them:

* AutoV1: the first 8 hex of the sha256 over 64 KiB from 1 MiB on; files below 2 MiB have none.
* AutoV2: the first 10 hex of the sha256.
* AutoV3: the sha256 over what follows the header of a safetensors file, which is what trainers write into it as
  ``sshs_model_hash``. The scanner takes the first 8 bytes of any file for the length of a header, and a length above
  16 MiB for none.
* CRC32: that of zlib. The site prints its bytes in either order; here the number is written as numbers are.
* BLAKE3: over the whole file, where the package ``blake3`` is installed; wherever a zoo states it, it states a sha256
  as well, so that nothing is lost without.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from zooclient.records.digest import git_blob_header
from zooclient.store.files import CHUNK

_V1_START, _V1_END, _V1_SMALLEST = 0x100000, 0x110000, 0x200000
_LONGEST_HEADER = 16 * 1024 * 1024


class Changed(Exception):
    """A file had another size at the end of its reading than at the start."""


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> object: ...
    def hexdigest(self) -> str: ...


class _Within:
    """A hash over a part of a file that is read from its start.

    Args:
        start: Byte with which the part begins.
        end: Byte before which it ends. None: the end of the file.
    """

    def __init__(self, start: int, end: int | None = None) -> None:
        self._sha256 = hashlib.sha256()
        self._start = start
        self._end = end

    def update(self, piece: memoryview, offset: int) -> None:
        """Takes the next piece, which begins at ``offset``."""
        first = max(self._start - offset, 0)
        last = len(piece) if self._end is None else min(self._end - offset, len(piece))
        if first < last:
            self._sha256.update(piece[first:last])

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


def every_hash(
    path: str | os.PathLike[str],
    *,
    check: Callable[[], None] = lambda: None,
    advanced: Callable[[int], None] = lambda count: None,
) -> tuple[int, dict[str, str]]:
    """Reads a file once, a megabyte at a time.

    Args:
        path: The file.
        check: Called at each megabyte; raises to stop.
        advanced: Told of the bytes read.

    Returns:
        Its size, and ``sha256 | git-sha1 | autov1 | autov2 | autov3 | crc32 | blake3`` → lower-case hex.

    Raises:
        OSError: It cannot be read.
        Changed: Somebody wrote into it meanwhile.
    """
    with open(path, "rb", buffering=0) as file:
        expected = os.fstat(file.fileno()).st_size
        whole: dict[str, _Hash] = {
            "sha256": hashlib.sha256(),
            "git-sha1": hashlib.sha1(git_blob_header(expected), usedforsecurity=False),
        }
        blake3 = _blake3()
        if blake3 is not None:
            whole["blake3"] = blake3
        parts = _parts(file.read(8), expected)
        file.seek(0)
        buffer = memoryview(bytearray(CHUNK))
        size = crc32 = 0
        while count := file.readinto(buffer):
            check()
            piece = buffer[:count]
            for hash_ in whole.values():
                hash_.update(piece)
            for part in parts.values():
                part.update(piece, size)
            crc32 = zlib.crc32(piece, crc32)
            size += count
            if size > expected:  # at once: a log that grows for ever has no end
                break
            advanced(count)
    if size != expected:
        raise Changed(f"it had {expected} bytes at first, and {'more' if size > expected else size} later")
    found = {name: hash_.hexdigest() for name, hash_ in whole.items()}
    found |= {name: part.hexdigest() for name, part in parts.items()}
    found |= {"autov2": found["sha256"][:10], "crc32": f"{crc32:08x}"}
    if "autov1" in found:
        found["autov1"] = found["autov1"][:8]
    return size, found


def _parts(head: bytes, size: int) -> dict[str, _Within]:
    parts = {}
    if size >= _V1_SMALLEST:
        parts["autov1"] = _Within(_V1_START, _V1_END)
    if len(head) == 8:
        length = int.from_bytes(head, "little")
        start = 8 + (length if length <= _LONGEST_HEADER else 0)
        if start < size:
            parts["autov3"] = _Within(start)
    return parts


def _blake3() -> Any:
    try:
        return import_module("blake3").blake3()
    except ImportError:
        return None
