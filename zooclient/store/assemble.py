"""Building a snapshot out of held contents: in the ingest area, and then one rename."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zooclient.errors import IntegrityError, StoreError
from zooclient.records.digest import content_digest, weights_digest
from zooclient.store.files import discard, looks_sparse, storing, write_json
from zooclient.store.layout import Layout
from zooclient.store.links import LinkMode, link
from zooclient.store.names import check_names
from zooclient.store.snapshots import FORMAT, Manifest, read_manifest, suspects

if TYPE_CHECKING:
    from zooclient.records.model import FileEntry, ModelRecord
    from zooclient.records.receipt import Receipt
    from zooclient.records.wishes import Wishes
    from zooclient.store.locks import Locks
    from zooclient.store.work import Work


class Assembly:
    """Builds snapshots.

    Args:
        layout: Where they go.
        locks: The locks of the store.
        link_mode: How large files get their second name.
        small_file: Bytes below which a file is copied.
    """

    def __init__(self, layout: Layout, locks: Locks, link_mode: LinkMode, small_file: int) -> None:
        self._layout = layout
        self._locks = locks
        self._link_mode = link_mode
        self._small_file = small_file

    def build(
        self, zoo: str, record: ModelRecord, wishes: Wishes, receipts: Sequence[Receipt], work: Work
    ) -> tuple[str, Manifest]:
        """Builds the snapshot of these files, or adds the wishes to the one that is there already.

        Returns:
            Path of the manifest, and what it says.

        Raises:
            IntegrityError: A receipt does not agree with the record, or a name is hostile.
            StoreError: The disk refuses, or a content has gone meanwhile.
        """
        files = _agreed(record, receipts)
        check_names(entry.path for entry, _ in files)
        manifest = _manifest(zoo, record, wishes, files)
        folder = self._layout.snapshot(zoo, record.ref.id, record.ref.revision or "", manifest["content_digest"])
        contents = {entry["sha256"] for entry in manifest["files"]}
        with self._locks.gate():
            work.hold_contents(contents)
            ready = self._join(folder, manifest, work)
        if ready is None:
            built = work.path()
            try:
                self._fill(built, manifest)
                with self._locks.gate():
                    ready = self._join(folder, manifest, work) or self._publish(built, folder, manifest, work)
            finally:
                with storing("tidying up", built):
                    discard(built)
        work.drop(contents)
        return folder + ".json", ready

    def _join(self, folder: str, manifest: Manifest, work: Work) -> Manifest | None:
        """Adds the wishes to a sound snapshot that is there already; None when there is none. At the gate."""
        there = read_manifest(folder + ".json")
        if there is None or suspects(folder, there):
            return None
        if there["content_digest"] != manifest["content_digest"]:
            raise IntegrityError(
                f"{manifest['ref']} has two snapshots whose content digests begin alike: "
                f"{there['content_digest']} and {manifest['content_digest']}.",
                hint="That does not happen by chance.",
            )
        added = [key for key in manifest["selections"] if key not in there["selections"]]
        if added:
            there["selections"] += added
            write_json(folder + ".json", there, work.path())
        return there

    def _fill(self, built: str, manifest: Manifest) -> None:
        """Gives every file its name below ``built``, and notes its time stamp."""
        folders: set[str] = set()
        with storing("building a snapshot", built):
            os.makedirs(built)
        for entry in manifest["files"]:
            path, sha256 = entry["path"], entry["sha256"]
            needed = entry["size"] if self._copies(entry["size"]) else 0
            with storing(f"building a snapshot ({path})", built, needed):
                try:
                    _make_folders(built, path, folders)
                    target = os.path.join(built, *path.split("/"))
                    mode: LinkMode = "copy" if self._copies(entry["size"]) else self._link_mode
                    self._link(sha256, entry["size"], target, mode)
                    status = os.stat(target)
                except FileExistsError as error:
                    raise StoreError(
                        f"The file system of the store takes {path!r} for another file of the model: their names "
                        "differ only in case, or in how an accent is written.",
                        hint="Leave one out (exclude), or put the store on a file system that tells them apart.",
                    ) from error
            entry["mtime_ns"] = status.st_mtime_ns
            if looks_sparse(status):
                entry["sparse"] = True

    def _copies(self, size: int) -> bool:
        return size < self._small_file or self._link_mode == "copy"

    def _link(self, sha256: str, size: int, target: str, mode: LinkMode) -> None:
        blob = self._layout.blob(sha256)
        try:
            found = os.stat(blob).st_size
        except FileNotFoundError:
            found = -1
        if found != size:
            raise StoreError(
                f"The stored content {sha256} has gone while a snapshot was built of it.",
                hint="Run it again: what is missing is fetched. Was something removed from the store by hand?",
            )
        try:
            link(blob, target, sha256, mode)
        except IntegrityError as error:
            # What was proved on arrival has changed on the disk: it must not be taken for held any longer.
            with self._locks.gate(), storing("setting a damaged file aside", blob):
                os.makedirs(self._layout.damaged, exist_ok=True)
                os.replace(blob, os.path.join(self._layout.damaged, f"{sha256}-{os.urandom(4).hex()}"))
            error.about(hint="It was set aside. Run it again: it is fetched anew.")
            raise

    def _publish(self, built: str, folder: str, manifest: Manifest, work: Work) -> Manifest:
        """The rename. At the gate."""
        with storing("moving a snapshot in", folder):
            os.makedirs(os.path.dirname(folder), exist_ok=True)
            if os.path.lexists(folder):  # without a manifest, or no longer whole
                discard(folder + ".json")
                os.rename(folder, work.path())
            os.rename(built, folder)
        # A process that is killed here leaves a whole folder that nobody takes for a snapshot.
        write_json(folder + ".json", manifest, work.path())
        return manifest


def _make_folders(built: str, path: str, made: set[str]) -> None:
    """Makes the folders of a file; each may be there only because an earlier file has it under the same name."""
    steps = path.split("/")[:-1]
    for depth in range(1, len(steps) + 1):
        name = "/".join(steps[:depth])
        if name not in made:
            os.mkdir(os.path.join(built, *steps[:depth]))
            made.add(name)


def _agreed(record: ModelRecord, receipts: Sequence[Receipt]) -> list[tuple[FileEntry, Receipt]]:
    """Returns files and receipts in the order of the record, each receipt held against the claims once more."""
    by_path = {receipt.path: receipt for receipt in receipts}
    files = []
    for entry in record.files:
        receipt = by_path.pop(entry.path, None)
        if receipt is None:
            continue
        observed, sha256, git_sha1 = receipt.observed, entry.digests.get("sha256"), entry.digests.get("git-sha1")
        if (
            entry.size not in (None, observed.size)
            or sha256 not in (None, observed.sha256)
            or (sha256 is None and git_sha1 is not None and observed.git_sha1 not in (None, git_sha1))
        ):
            raise IntegrityError(f"What arrived for {entry.path!r} is not what {record.ref} claims.")
        files.append((entry, receipt))
    if by_path:
        raise IntegrityError(f"{record.ref} lists no file {min(by_path)!r}.")
    return files


def _manifest(zoo: str, record: ModelRecord, wishes: Wishes, files: list[tuple[FileEntry, Receipt]]) -> Manifest:
    now = datetime.now(UTC).isoformat()
    listed: list[dict[str, Any]] = [
        {
            "path": entry.path,
            "size": receipt.observed.size,
            "sha256": receipt.observed.sha256,
            "mtime_ns": 0,
            "role": entry.role,
            "claimed": receipt.claimed,
        }
        for entry, receipt in files
    ]
    return {
        "format": FORMAT,
        "ref": str(record.ref),
        "zoo": zoo,
        "id": record.ref.id,
        "revision": record.ref.revision or "",
        "content_digest": content_digest((file["sha256"], file["size"], file["path"]) for file in listed),
        "weights_digest": weights_digest(
            (file["sha256"], file["size"]) for file in listed if file["role"] == "weights"
        ),
        "made_at": now,
        "verified_at": now,
        "selections": [wishes.key()],
        "files": listed,
        "receipts": {
            receipt.path: {"sources": dict(receipt.sources), "resumed": receipt.resumed} for _, receipt in files
        },
    }
