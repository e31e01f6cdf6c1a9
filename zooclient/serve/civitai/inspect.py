"""What Civitai's scanner works out from the bytes of a file: its hashes, and the precision of its weights.

Each content is read once, in one pass, and remembered. BLAKE3 is left out: it would need a package of its own.
"""

from __future__ import annotations

import hashlib
import json
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from zooclient.serve.describe import counted
from zooclient.serve.shelf import Shelf, ShelfFile

_BLOCK = 1024 * 1024
#: Where the 64 KiB lie that AutoV1 is made from, and the size below which there is none.
_V1_START, _V1_END, _V1_LEAST = 0x100000, 0x110000, 2 * 1024 * 1024
#: Bytes of a safetensors header above which the scanner does not believe that it is one.
_HEADER = 16 * 1024 * 1024
_REMEMBERED = 65536

#: Element type of safetensors to the site's word.
_PRECISIONS = {
    "F32": "fp32",
    "F16": "fp16",
    "BF16": "bf16",
    "F8_E4M3": "fp8",
    "F8_E5M2": "fp8",
    "I8": "int8",
}


@frozen(kw_only=True)
class Inspection:
    """What was found.

    Attributes:
        hashes: Name of an algorithm as the site writes it to upper-case hex; empty when the bytes are gone.
        precision: ``fp16`` and the like, of most elements of a safetensors file. None: it does not tell.
    """

    hashes: Mapping[str, str] = field(factory=dict, hash=False)
    precision: str | None = None


class Inspector:
    """Inspects the files of a shelf. Safe between threads.

    Args:
        shelf: Where the bytes lie.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Inspection] = OrderedDict()

    def of(self, entry: ShelfFile) -> Inspection:
        """What the content of a file tells.

        Raises:
            OSError: It cannot be read.
        """
        # One at a time: two clients that ask for the same model do not read it twice.
        with self._lock:
            known = self._known.get(entry.digest)
            if known is None:
                place = self._shelf.place(entry.digest)
                if place is None:
                    return Inspection(hashes={} if entry.sha256 is None else _of_sha256(entry.sha256))
                known = inspect(place.path)
                self._known[entry.digest] = known
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
            return known


def inspect(path: Path) -> Inspection:
    """Reads a file and returns what it tells.

    Raises:
        OSError: It cannot be read.
    """
    whole, first, tensors, crc = hashlib.sha256(), hashlib.sha256(), hashlib.sha256(), 0
    with path.open("rb") as file:
        prefix = file.read(8)
        (length,) = struct.unpack("<Q", prefix) if len(prefix) == 8 else (0,)
        start = 8 + (length if length <= _HEADER else 0)
        header = file.read(length) if 0 < length <= _HEADER else b""
        file.seek(0)
        position = 0
        while block := file.read(_BLOCK):
            whole.update(block)
            crc = zlib.crc32(block, crc)
            first.update(_within(block, position, _V1_START, _V1_END))
            tensors.update(_within(block, position, start, None))
            position += len(block)
    hashes = _of_sha256(whole.hexdigest())
    if position >= _V1_LEAST:
        hashes["AutoV1"] = first.hexdigest()[:8].upper()
    if len(prefix) == 8:
        hashes["AutoV3"] = tensors.hexdigest()[:12].upper()
    # The scanner prints the four bytes of the number as they lie in memory: hello world is 85114A0D.
    hashes["CRC32"] = struct.pack("<I", crc).hex().upper()
    return Inspection(hashes=hashes, precision=_precision(header))


def _of_sha256(sha256: str) -> dict[str, str]:
    return {"AutoV2": sha256[:10].upper(), "SHA256": sha256.upper()}


def _within(block: bytes, position: int, start: int, end: int | None) -> bytes:
    """The part of a block at ``position`` that lies between two offsets of the file."""
    stop = len(block) if end is None else max(0, end - position)
    return block[max(0, start - position) : stop]


def _precision(header: bytes) -> str | None:
    try:
        told = json.loads(header)
    except (ValueError, RecursionError):
        return None
    totals = counted(told) if isinstance(told, dict) else {}
    if not totals:
        return None
    return _PRECISIONS.get(max(totals, key=lambda dtype: totals[dtype]))
