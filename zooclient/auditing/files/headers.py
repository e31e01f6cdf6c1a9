"""The headers of safetensors, GGUF and numpy files, with a bound for every count and size they state."""

from __future__ import annotations

import ast
import json
import math

from zooclient.auditing.files.looking import Looking
from zooclient.auditing.files.pickled import look_for_pickles
from zooclient.auditing.files.source import Cursor, Source
from zooclient.auditing.files.templates import judge_template

#: Bytes of a safetensors header: what the format allows, and what is read of it (objects take thirty times that).
_FORMAT = 100_000_000
_HEADER = 4 << 20
_BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "C64": 64, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64,
         "U32": 32, "U16": 16, "U8": 8, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
         "F8_E5M2FNUZ": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4}  # fmt: skip


class _Wrong(Exception):
    """What a header contradicts, as a sentence."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Wrong("A key stands twice.")
    return found


def look_at_safetensors(looking: Looking, where: str, source: Source) -> None:
    """Notes what a safetensors header gets wrong. Only the header is read.

    The format: https://github.com/huggingface/safetensors#format.
    """
    try:
        _safetensors(looking, where, source)
    except _Wrong as wrong:
        looking.add("safetensors-invalid", where, str(wrong))


def _safetensors(looking: Looking, where: str, source: Source) -> None:
    length = int.from_bytes(source.read(0, 8), "little")
    if length > _FORMAT or length + 8 > source.size:
        raise _Wrong(f"The header claims {length} bytes, in a file of {source.size}.")
    if length > _HEADER:
        looking.add("scan-incomplete", where, f"Its header has {length} bytes, and more than {_HEADER} are not read.")
        return
    raw = source.read(8, length)
    try:
        header = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _Wrong("The header is no JSON.") from None
    if raw[:1] != b"{" or not isinstance(header, dict):
        raise _Wrong("The header is no object.")
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(value, str) for value in notes.values()):
        raise _Wrong("The metadata are not text.")
    extents = sorted(_extent(name, entry) for name, entry in header.items())
    at = 0
    for start, end, name in extents:
        if start != at:
            how = "overlaps what stands before it" if start < at else "leaves a gap before it"
            raise _Wrong(f"Tensor {name[:80]!r} {how}.")
        at = end
    if at != source.size - 8 - length:
        raise _Wrong(f"The tensors take {at} bytes, and {source.size - 8 - length} follow the header.")


def _extent(name: str, entry: object) -> tuple[int, int, str]:
    if not isinstance(entry, dict):
        raise _Wrong(f"Tensor {name[:80]!r} is not described.")
    kind, shape, place = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not (
        isinstance(shape, list) and len(shape) <= 32 and all(type(one) is int and 0 <= one < 1 << 48 for one in shape)
    ):
        raise _Wrong(f"Tensor {name[:80]!r} has no shape.")
    if not (
        isinstance(place, list) and len(place) == 2 and all(type(one) is int and 0 <= one < 1 << 63 for one in place)
    ):
        raise _Wrong(f"Tensor {name[:80]!r} has no place.")
    if place[1] < place[0]:
        raise _Wrong(f"Tensor {name[:80]!r} ends before it begins.")
    if isinstance(kind, str) and kind in _BITS and (math.prod(shape) * _BITS[kind] + 7) // 8 != place[1] - place[0]:
        raise _Wrong(f"Tensor {name[:80]!r} is not as long as its shape and type say.")
    return place[0], place[1], name


#: GGUF (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): type → bytes of a value.
_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9
_PAIRS, _TENSORS, _KEY, _TEXT, _ITEMS = 65_536, 1_048_576, 65_535, 16 << 20, 8_388_608


def look_at_gguf(looking: Looking, where: str, source: Source) -> None:
    """Notes what the metadata of a GGUF get wrong, and what its chat templates do. The tensors are not read."""
    try:
        _Gguf(looking, where, source).read()
    except _Wrong as wrong:
        looking.add("gguf-invalid", where, str(wrong))
    except EOFError:
        looking.add("gguf-invalid", where, "The metadata claim more than the file holds.")


class _Gguf:
    def __init__(self, looking: Looking, where: str, source: Source) -> None:
        self.looking, self.where, self.source = looking, where, source
        self.cursor = Cursor(source)
        self.order: str = "little"
        self.items = 0

    def number(self, width: int) -> int:
        return int.from_bytes(self.cursor.take(width), "big" if self.order == "big" else "little")

    def read(self) -> None:
        self.cursor.take(4)
        version = self.cursor.take(4)
        if version[0] == 0 and version[3]:
            self.order = "big"
        known = int.from_bytes(version, "big" if self.order == "big" else "little")
        if not 1 <= known <= 3:
            raise _Wrong(f"Version {known} of the format does not exist.")
        self.width = 4 if known == 1 else 8
        tensors, pairs = self.number(self.width), self.number(self.width)
        if pairs > _PAIRS or tensors > _TENSORS:
            raise _Wrong(f"It claims {pairs} entries and {tensors} tensors.")
        keys: set[bytes] = set()
        for _ in range(pairs):
            key = self.text(_KEY)
            if key in keys:
                raise _Wrong(f"The key {key[:80]!r} stands twice.")
            keys.add(key)
            self.value(key, self.number(4), 0)
        names: set[bytes] = set()
        for _ in range(tensors):
            name = self.text(_KEY)
            ranks = self.number(4)
            if ranks > 8 or name in names:
                raise _Wrong(f"Tensor {name[:80]!r} stands twice, or has {ranks} dimensions.")
            names.add(name)
            count = math.prod(self.number(self.width) for _ in range(ranks))
            self.number(4)
            if self.number(8) > self.source.size or count > 1 << 50:
                raise _Wrong(f"Tensor {name[:80]!r} lies outside the file.")

    def text(self, most: int) -> bytes:
        size = self.number(self.width)
        if size > most:
            raise _Wrong(f"A text claims {size} bytes.")
        return self.cursor.take(size)

    def value(self, key: bytes, kind: int, depth: int) -> None:
        if kind in _FIXED:
            self.cursor.skip(_FIXED[kind])
        elif kind == _STRING:
            found = self.text(_TEXT)
            if b"chat_template" in key:
                judge_template(self.looking, f"{self.where}:{key.decode('utf-8', 'replace')}", found)
        elif kind == _ARRAY:
            inner, count = self.number(4), self.number(self.width)
            self.items += 1 if inner in _FIXED else count
            if depth > 3 or count > self.source.size or self.items > _ITEMS:
                raise _Wrong(f"The list {key[:80]!r} claims {count} values.")
            if inner in _FIXED:
                self.cursor.skip(_FIXED[inner] * count)
                return
            for _ in range(count):
                self.value(key, inner, depth + 1)
        else:
            raise _Wrong(f"The key {key[:80]!r} has a value of type {kind}, which does not exist.")


def look_at_npy(looking: Looking, where: str, source: Source) -> None:
    """Notes a numpy array of Python objects, and what its pickle does.

    The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
    """
    wide = source.read(6, 1) != b"\x01"
    at = 12 if wide else 10
    length = int.from_bytes(source.read(8, 4 if wide else 2), "little")
    header = source.read(at, min(length, 65_536))
    try:
        kind = ast.literal_eval(header.decode("latin-1").strip())["descr"]
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError):
        kind = "O"
    if "O" in str(kind):
        looking.add("numpy-object", where, "Its type holds Python objects.")
        look_for_pickles(looking, where, source, start=at + length, sure=True)
