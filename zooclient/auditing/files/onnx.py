"""ONNX models, walked by hand: where their external data lie.

A model is protobuf (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); only the messages on the way to tensors
are entered, and the numbers of tensors are passed over unread.
"""

from __future__ import annotations

from zooclient.auditing.files.looking import Looking
from zooclient.auditing.files.source import Cursor, Source

#: Message → number of a field → message in it.
_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
_DEPTH = 64
_FIELDS = 4_000_000
_ENTRY = 65_536


def look_at_onnx(looking: Looking, where: str, source: Source) -> None:
    """Notes external data outside the folder of the model."""
    walk = _Walk(looking, where, source)
    try:
        walk.message("model", source.size, 0)
    except (EOFError, ValueError):
        looking.add("onnx-invalid", where, f"It could not be read from byte {walk.cursor.at} on.")


def looks_like_onnx(first: bytes) -> bool:
    """Whether the first bytes are those of a model: the version of its format, and then a field that a model has."""
    return len(first) > 3 and first[0] == 0x08 and first[1] < 0x20 and first[2] in b"\x12\x1a\x22\x28\x32\x3a\x42"


class _Walk:
    def __init__(self, looking: Looking, where: str, source: Source) -> None:
        self.looking, self.where = looking, where
        self.cursor = Cursor(source, buffer=65_536)
        self.fields = 0

    def number(self) -> int:
        found = 0
        for shift in range(0, 70, 7):
            byte = self.cursor.take(1)[0]
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
        raise ValueError

    def message(self, kind: str, end: int, depth: int) -> None:
        inside = _INSIDE.get(kind, {})
        while self.cursor.at < end:
            self.fields += 1
            if self.fields > _FIELDS or depth > _DEPTH:
                self.looking.add("scan-incomplete", self.where, "It has more parts than are looked at.")
                self.cursor.at = end
                return
            key = self.number()
            field, wire = key >> 3, key & 7
            if wire == 2:
                self.part(kind, inside.get(field), field, end, depth)
            elif wire in (1, 5):
                self.cursor.skip(8 if wire == 1 else 4)
            elif wire == 0:
                self.number()
            else:
                raise ValueError

    def part(self, kind: str, inner: str | None, field: int, end: int, depth: int) -> None:
        size = self.number()
        if self.cursor.at + size > end:
            raise ValueError
        if inner == "entry":
            if size > _ENTRY:
                raise ValueError
            self.entry(self.cursor.take(size))
        elif inner is not None:
            self.message(inner, self.cursor.at + size, depth + 1)
        else:
            self.cursor.skip(size)

    def entry(self, data: bytes) -> None:
        if not data.startswith(b"\x0a\x08location"):
            if b"location" not in data:
                return
            data = b"\x0a\x08location" + data.replace(b"\x0a\x08location", b"")
        place = data[10:]
        if place[:1] == b"\x12":
            at = 1
            while at < len(place) and place[at] >= 0x80:
                at += 1
            place = place[at + 1 :]
        path = place.decode("utf-8", "replace")
        if climbs(path):
            self.looking.add("onnx-climbs", self.where, f"Its data are said to lie at {path[:200]!r}.")


def climbs(path: str) -> bool:
    """Whether a path leads out of its folder."""
    plain = path.replace("\\", "/")
    return plain.startswith(("/", "~")) or plain[1:2] == ":" or ".." in plain.split("/") or "\x00" in plain
