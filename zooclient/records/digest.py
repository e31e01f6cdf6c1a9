"""Digests: their names, how they are written, and the two digests of a whole snapshot.

A digest is always ``algorithm → lower-case hex``. A snapshot has two digests of its own, both
written ``sha256:HEX``:

* the **content digest**: sha256 over the lines ``sha256-hex␣␣size␣␣path\\n`` of its files, sorted by
  the UTF-8 bytes of the path;
* the **weights digest**: sha256 over the lines ``sha256-hex␣␣size\\n`` of the files with role
  ``weights``, sorted, without paths, because cards and configs differ between zoos and weights do not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from zooclient.errors import IntegrityError
from zooclient.records.checks import HEX_LENGTHS as HEX_LENGTHS

#: Algorithms strong enough to let bytes through the store's door, best first. ``git-sha1`` is the
#: name under which git itself pins the file; crc32 and md5 prove nothing against a liar.
PROOF = ("sha256", "git-sha1")


def proves(digests: Mapping[str, str]) -> bool:
    """Whether one of the digests that a zoo states for a file proves its content."""
    return any(name in digests for name in PROOF)


def content_digest(files: Iterable[tuple[str, int, str]]) -> str:
    """Returns the content digest of ``(sha256 hex, size in bytes, path)`` triples.

    Raises:
        IntegrityError: A path holds a control character, which would make two listings look alike.
    """
    lines = []
    for sha256, size, path in files:
        if any(ord(character) < 32 or ord(character) == 127 for character in path):
            raise IntegrityError(f"The file name {path!r} holds a control character.")
        lines.append((path.encode(), f"{sha256}  {size}  {path}\n".encode()))
    return "sha256:" + hashlib.sha256(b"".join(line for _, line in sorted(lines))).hexdigest()


def weights_digest(files: Iterable[tuple[str, int]]) -> str | None:
    """Returns the weights digest of ``(sha256 hex, size in bytes)`` pairs; None when there are none."""
    lines = sorted(f"{sha256}  {size}\n".encode() for sha256, size in files)
    if not lines:
        return None
    return "sha256:" + hashlib.sha256(b"".join(lines)).hexdigest()


def git_blob_header(size: int) -> bytes:
    """Returns what git hashes before the content of a blob of ``size`` bytes (``gitformat-pack``)."""
    return b"blob %d\0" % size
