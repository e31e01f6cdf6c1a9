"""When a file is not as it was left: hash it, keep what is right, set aside what is not, and say who was hurt."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen

from zooclient.errors import DamagedWarning, StoreError
from zooclient.store.files import hash_file, looks_sparse, storing, token, write_json
from zooclient.store.layout import Layout
from zooclient.store.snapshots import Manifest, manifests, read_manifest

if TYPE_CHECKING:
    from zooclient.store.locks import Locks
    from zooclient.store.work import Work


@frozen(kw_only=True)
class Damage:
    """A file of a snapshot that is not what it was.

    Attributes:
        path: Path within the snapshot.
        sha256: Digest that it must have.
        observed: Digest that it has now. None: it is missing or cannot be read.
        inode: Device and number of the file. None: it is missing.
    """

    path: str
    sha256: str
    observed: str | None
    inode: tuple[int, int] | None


def examine(folder: str, entry: Manifest) -> Damage | None:
    """Hashes one file of a snapshot; notes its new time stamp in the entry when the content is right.

    Args:
        folder: The snapshot's folder.
        entry: The file's entry in the manifest, which is updated.
    """
    path = os.path.join(folder, *entry["path"].split("/"))
    try:
        # The status is taken before the bytes are read: a later change shows at the next comparison.
        status = os.stat(path)
        observed = hash_file(path)
    except OSError:
        return Damage(path=entry["path"], sha256=entry["sha256"], observed=None, inode=None)
    if observed.sha256 != entry["sha256"]:
        inode = (status.st_dev, status.st_ino)
        return Damage(path=entry["path"], sha256=entry["sha256"], observed=observed.sha256, inode=inode)
    entry["mtime_ns"] = status.st_mtime_ns
    entry.pop("sparse", None)
    if looks_sparse(status):
        entry["sparse"] = True
    return None


def all_manifests(layout: Layout) -> Iterator[tuple[str, Manifest]]:
    """Gives the path and the text of every manifest of a store, sorted by path."""
    for zoo in _below(layout.snapshots):
        for model in _below(zoo):
            for revision in _below(model):
                for path in sorted(manifests(revision)):
                    manifest = read_manifest(path)
                    if manifest is not None:
                        yield path, manifest


def _below(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir())
    except OSError:
        return []


def recheck(layout: Layout, path: str, manifest: Manifest, suspects: list[Manifest], mender: Mender | None) -> bool:
    """Looks into the files of a snapshot that seem changed.

    Args:
        layout: The store.
        path: Path of the manifest.
        manifest: What it says.
        suspects: Its entries that seem changed.
        mender: What may write. None: nothing may.

    Returns:
        Whether the snapshot is sound. If not, it was set aside where that could be done, and a warning told.
    """
    folder = path.removesuffix(".json")
    damages = [damage for entry in suspects if (damage := examine(folder, entry)) is not None]
    if not damages:
        if mender is not None:
            with suppress(StoreError):  # else the next load hashes again
                mender.refresh(path, manifest)
        return True
    aside = False
    hurt = [other["ref"] for _, other in sharing(layout, path, damages)]
    if mender is not None:
        with suppress(StoreError):  # else it stays as it is, and is not used
            mender.set_aside(path, damages)
            aside = True
    _warn(manifest, damages, sorted(set(hurt)), aside=aside)
    return False


def sharing(layout: Layout, path: str, damages: list[Damage]) -> list[tuple[str, Manifest]]:
    """Returns path and text of the manifests of the other snapshots that share the damaged bytes.

    Args:
        layout: The store.
        path: Path of the manifest of the snapshot in which they were found.
        damages: What is wrong there.
    """
    inodes = {damage.inode for damage in damages if damage.inode is not None}
    contents = {damage.sha256 for damage in damages}
    return [
        (other_path, other)
        for other_path, other in all_manifests(layout)
        if other_path != path and _shares(other_path, other, contents, inodes)
    ]


class Mender:
    """Mends one store.

    Args:
        layout: The store.
        locks: Its locks.
        work: Returns the working folder, for temporary files.
    """

    def __init__(self, layout: Layout, locks: Locks, work: Callable[[], Work]) -> None:
        self._layout = layout
        self._locks = locks
        self._work = work

    def refresh(self, path: str, manifest: Manifest) -> None:
        """Keeps new time stamps and the time of verification; what others added meanwhile stays.

        Raises:
            StoreError: The manifest cannot be written.
        """
        stamps = {entry["path"]: entry for entry in manifest["files"]}
        temporary = self._work().path()
        with self._locks.gate():
            now = read_manifest(path)
            if now is not None and now["content_digest"] == manifest["content_digest"]:
                now["files"] = [stamps.get(entry["path"], entry) for entry in now["files"]]
                now["verified_at"] = manifest["verified_at"]
                write_json(path, now, temporary)

    def set_aside(self, path: str, damages: list[Damage]) -> None:
        """Takes a damaged snapshot out of the store, and what shares its damage: blobs and other snapshots.

        Args:
            path: Path of its manifest.
            damages: What is wrong.

        Raises:
            StoreError: They cannot be moved.
        """
        inodes = {damage.inode for damage in damages if damage.inode is not None}
        bad_blobs = [sha256 for sha256 in sorted({damage.sha256 for damage in damages}) if self._is_bad(sha256, inodes)]
        hurt = [path, *(other for other, _ in sharing(self._layout, path, damages))]
        with self._locks.gate(), storing("setting a damaged file aside", self._layout.damaged):
            os.makedirs(self._layout.damaged, exist_ok=True)
            for sha256 in bad_blobs:
                self._move(self._layout.blob(sha256), sha256)
            for manifest in hurt:
                name = os.path.basename(manifest).removesuffix(".json")
                self._move(manifest.removesuffix(".json"), name)
                self._move(manifest, name + ".json")

    def _is_bad(self, sha256: str, inodes: set[tuple[int, int]]) -> bool:
        blob = self._layout.blob(sha256)
        try:
            status = os.stat(blob)
            return (status.st_dev, status.st_ino) in inodes or hash_file(blob).sha256 != sha256
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def _move(self, path: str, name: str) -> None:
        if os.path.lexists(path):
            os.rename(path, os.path.join(self._layout.damaged, f"{name}-{token()}"))


def _shares(path: str, manifest: Manifest, contents: set[str], inodes: set[tuple[int, int]]) -> bool:
    """Whether a snapshot has one of these files, by inode, or one of these contents, changed."""
    folder = path.removesuffix(".json")
    for entry in manifest["files"]:
        if entry["sha256"] not in contents:
            continue
        try:
            status = os.stat(os.path.join(folder, *entry["path"].split("/")))
        except OSError:
            return True
        if (status.st_dev, status.st_ino) in inodes or status.st_size != entry["size"]:
            return True
    return False


def _warn(manifest: Manifest, damages: list[Damage], others: list[str], *, aside: bool) -> None:
    changed = [damage.path for damage in damages if damage.observed is not None]
    missing = [damage.path for damage in damages if damage.observed is None]
    text = []
    if changed:
        text.append(f"somebody wrote into {', '.join(changed)} after it was verified")
    if missing:
        text.append(f"{', '.join(missing)} cannot be read")
    sentence = f"The stored snapshot of {manifest['ref']} is not whole any more: {'; '.join(text)}."
    if others:
        sentence += f" The same bytes were shared by {', '.join(others)}."
    sentence += " It was set aside, and what is missing is fetched again." if aside else " It is not used."
    warnings.warn(sentence, DamagedWarning, stacklevel=2)
