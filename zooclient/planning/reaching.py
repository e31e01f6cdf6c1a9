"""Which files and layers of an image a wish reaches: a layer is fetched whole, so none is without being asked for.

What a layer holds is reached by ``weights="all"`` or a format of weights, and by a pattern that begins with the folder
that the layer fills, or that nothing else matches. While nobody has looked into a layer, every pattern counts that
could mean something in its folder.
"""

from __future__ import annotations

import re

from zooclient.records.globs import matches
from zooclient.records.model import FileEntry, Layer, ModelRecord
from zooclient.records.wishes import Wishes

_WILD = re.compile(r"[*?\[]")

#: Why a layer is left out, and how it is asked for.
ON_REQUEST = (
    'lies in a layer of the image, which is fetched on request: weights="all" (--weights all), or a pattern such as '
    '"{}" (--file)'
)


class Reaching:
    """What a wish reaches in a record.

    Args:
        record: The model.
        wishes: What is wanted of it.
    """

    def __init__(self, record: ModelRecord, wishes: Wishes) -> None:
        self._closed = [entry.layer for entry in record.files if entry.unopened and entry.layer is not None]
        self._known = {entry.path for entry in record.files}
        self._plain = [entry.path for entry in record.files if entry.layer is None]
        self._patterns = wishes.files
        self._weights = wishes.weights not in ("auto", "none")

    def reason(self, entry: FileEntry) -> str | None:
        """Returns why the patterns, or the lack of them, leave an entry out; None: they do not."""
        if entry.layer is None:
            wanted = self._patterns is None or any(matches(entry.path, pattern) for pattern in self._patterns)
            return None if wanted else "not asked for"
        if self._patterns is None:
            shown = f"{entry.layer.target}/" if entry.unopened else entry.path
            return None if self._weights else ON_REQUEST.format(shown)
        for pattern in self._patterns:
            closed = entry.unopened and pattern not in self._known  # a file that is known need not be looked for
            meant = may_match(pattern, entry.layer) if closed else matches(entry.path, pattern)
            if entry.path == pattern or (meant and self._reaches(pattern, entry.layer)):
                return None
        return "not asked for"

    def may_match(self, pattern: str) -> bool:
        """Whether a pattern could mean something in a layer into which nobody has looked."""
        return any(may_match(pattern, layer) for layer in self._closed)

    def _reaches(self, pattern: str, layer: Layer) -> bool:
        begins, folder = _literal(pattern), layer.target
        named = begins == folder or begins.startswith(f"{folder}/") or (len(begins) > 0 and folder.startswith(begins))
        return self._weights or named or not any(matches(path, pattern) for path in self._plain)


def may_match(pattern: str, layer: Layer) -> bool:
    """Whether a pattern could mean a file in a layer, by the folder that it fills."""
    begins, folder = _literal(pattern), f"{layer.target}/"
    if begins == pattern and not pattern.endswith("/"):
        return pattern == layer.target or pattern.startswith(folder)
    return begins.startswith(folder) or folder.startswith(begins) or layer.target.startswith(begins)


def may_hold(record: ModelRecord, path: str) -> bool:
    """Whether a layer of a record into which nobody has looked could hold a file of exactly this path."""
    closed = (entry.layer for entry in record.files if entry.unopened and entry.layer is not None)
    return any(path == layer.target or path.startswith(f"{layer.target}/") for layer in closed)


def _literal(pattern: str) -> str:
    """What a pattern begins with before it can mean several things."""
    wild = _WILD.search(pattern)
    return pattern if wild is None else pattern[: wild.start()]
