"""The one door between what has arrived and what is held: size and digests are checked, then one rename."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zlib
from typing import TYPE_CHECKING, Literal

from attrs import evolve

from zooclient.errors import IntegrityError
from zooclient.records.digest import proves
from zooclient.records.receipt import Observed
from zooclient.store.files import CHUNK, discard, flush, hash_file, looks_sparse, storing, write_text
from zooclient.store.layout import Layout
from zooclient.store.links import READ_ONLY

if TYPE_CHECKING:
    from zooclient.net.cancel import Cancel
    from zooclient.records.model import FileEntry
    from zooclient.store.locks import Locks
    from zooclient.store.work import Work

#: What became of bytes at the door: they are held now, or they were held already and these were thrown away.
Outcome = Literal["moved in", "already there"]

#: Whether bytes are flushed to the disk before they pass: where the system does not count blocks, a loss by a power
#: cut could not be seen afterwards (see :mod:`zooclient.store.files`).
FLUSHES = not hasattr(os.stat_result, "st_blocks")


def refuse_unproved(file: FileEntry, allow_unverified: bool) -> None:
    """Refuses a file for which no digest is stated that proves its content, unless that was allowed.

    blake3, md5 and crc32 count as none: the first cannot be computed by Python itself, the others stop no liar.

    Raises:
        IntegrityError: That is so.
    """
    if not proves(file.digests) and not allow_unverified:
        stated = f" that proves its content (only {', '.join(sorted(file.digests))})" if file.digests else ""
        raise IntegrityError(
            f"The zoo states no digest{stated} for {file.path!r}, so nobody can tell whether its bytes are right.",
            hint="allow_unverified=True (--allow-unverified) takes it; its sha256 is then marked as observed only.",
        )


def check(file: FileEntry, observed: Observed, path: str, *, allow_unverified: bool = False) -> Observed:
    """Holds what was observed of some bytes against what the zoo claims.

    Args:
        file: The claims.
        observed: What was computed.
        path: Where the bytes lie; read again only for a digest that nobody computed on the way.
        allow_unverified: Whether a file without a proving digest may pass.

    Returns:
        What was observed, with the git blob sha1 where the zoo names the file by it.

    Raises:
        IntegrityError: They do not agree, or nothing is claimed and that was not allowed.
    """
    refuse_unproved(file, allow_unverified)
    size = os.stat(path).st_size
    for what, expected in (("the zoo lists", file.size), ("were counted on arrival", observed.size)):
        if expected is not None and size != expected:
            raise IntegrityError(f"{file.path!r} came with {size} bytes, and {expected} {what}.", hint=_DISTRUST)
    if "sha256" in file.digests:
        _compare(file, "sha256", observed.sha256)
    elif "git-sha1" in file.digests:
        if observed.git_sha1 is None:
            again = hash_file(path, git=True)
            _compare_text(file, "sha256", observed.sha256, again.sha256)
            observed = evolve(observed, git_sha1=again.git_sha1)
        _compare(file, "git-sha1", observed.git_sha1)
    else:
        # They prove nothing, but they can disprove.
        for name in ("md5", "crc32"):
            if name in file.digests:
                _compare(file, name, _weak_digest(path, name))
    return observed


_DISTRUST = (
    "Nothing of it is kept. Try again; if it stays so, the server or something on the way to it gives other bytes."
)


def _compare(file: FileEntry, name: str, got: str | None) -> None:
    _compare_text(file, name, file.digests[name], got)


def _compare_text(file: FileEntry, name: str, claimed: str, got: str | None) -> None:
    if claimed != got:
        raise IntegrityError(f"{file.path!r} has the {name} {got}, and {claimed} is claimed.", hint=_DISTRUST)


def _weak_digest(path: str, name: str) -> str:
    with open(path, "rb") as file:
        if name == "md5":
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        value = 0
        while piece := file.read(CHUNK):
            value = zlib.crc32(piece, value)
        return f"{value:08x}"


class Door:
    """Moves checked bytes in.

    Args:
        layout: Where to.
        locks: The locks of the store.
        flushes: Whether the disk must have the bytes before they pass.
    """

    def __init__(self, layout: Layout, locks: Locks, *, flushes: bool = FLUSHES) -> None:
        self._layout = layout
        self._locks = locks
        self._flushes = flushes

    def admit(
        self, path: str, observed: Observed, work: Work, cancel: Cancel | None = None, *, at_gate: bool = False
    ) -> Outcome:
        """Makes checked bytes a held content; the file is gone from ``path`` afterwards.

        Args:
            path: The bytes, on the file system of the store, written by nobody any more.
            observed: What they were checked to be.
            work: Notes that the content is needed.
            cancel: Ends the wait for the gate.
            at_gate: The caller holds the gate.
        """
        with storing("moving a file in", path, observed.size):
            mode = stat.S_IMODE(os.stat(path).st_mode)
            if mode & ~READ_ONLY:
                os.chmod(path, mode & READ_ONLY)  # what the umask kept from others stays so
            if self._flushes:
                flush(path)
        if at_gate:
            return self._move(path, observed, work)
        with self._locks.gate(cancel):
            return self._move(path, observed, work)

    def _move(self, path: str, observed: Observed, work: Work) -> Outcome:
        work.hold_contents([observed.sha256])
        blob = self._layout.blob(observed.sha256)
        outcome: Outcome = "moved in"
        with storing("moving a file in", blob, observed.size):
            if sound(blob, observed.size):
                discard(path)
                outcome = "already there"
            else:
                os.makedirs(os.path.dirname(blob), exist_ok=True)
                discard(blob)  # another size than its content has: it cannot be that content
                os.replace(path, blob)
        if observed.git_sha1 is not None:
            index = self._layout.git_index(observed.git_sha1)
            if not os.path.exists(index):
                write_text(index, observed.sha256, work.path())
        return outcome


def sound(blob: str, size: int | None) -> bool:
    """Whether a content is held, as far as its status tells.

    Args:
        blob: Its path.
        size: Bytes. None: not known.
    """
    try:
        status = os.stat(blob)
    except OSError:
        return False
    if size is not None and status.st_size != size:
        return False
    if looks_sparse(status):
        # Compressed by the file system, or torn by a power cut: its name says what it must hash to.
        with storing("reading a file", blob):
            return hash_file(blob).sha256 == os.path.basename(blob)
    return True


def find_content(layout: Layout, file: FileEntry) -> Observed | None:
    """Returns what is known of a file's content when a store holds it; None when it does not.

    Args:
        layout: The store.
        file: The file, with the digests that the zoo claims.
    """
    git_sha1, sha256 = file.digests.get("git-sha1"), file.digests.get("sha256")
    if sha256 is None and git_sha1 is not None:
        sha256 = _indexed(layout, git_sha1)
    if sha256 is None:
        return None
    blob = layout.blob(sha256)
    if not sound(blob, file.size):
        return None
    try:
        size = os.stat(blob).st_size
    except OSError:
        return None
    return Observed(size=size, sha256=sha256, git_sha1=git_sha1)


def _indexed(layout: Layout, git_sha1: str) -> str | None:
    try:
        with open(layout.git_index(git_sha1), encoding="ascii") as index:
            sha256 = index.read(65)
    except (OSError, ValueError):
        return None
    return sha256 if re.fullmatch("[0-9a-f]{64}", sha256) else None
