"""The folder of a mirror: a store with a mark, what it tells its readers, and what can be found out about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from zooclient.client.mirrors import NAMES, name_of
from zooclient.errors import ConfigError, NotFound
from zooclient.mirror.format import (
    CATALOGUE,
    FORMAT,
    MARK,
    MARKER,
    Catalogue,
    Listing,
    Shelved,
    is_mark,
    read_catalogue,
)
from zooclient.mirror.place import Place
from zooclient.mirror.reading import read
from zooclient.records.codec import to_dict
from zooclient.records.ref import Ref
from zooclient.records.snapshot import SnapshotFile
from zooclient.settings import Settings
from zooclient.store.files import hash_file, storing, token, write_json
from zooclient.store.layout import Layout, extended
from zooclient.store.mend import all_manifests
from zooclient.store.reports import Checked, Verdict
from zooclient.store.snapshots import manifests, read_manifest
from zooclient.store.store import Store

if TYPE_CHECKING:
    from zooclient.net.exchange import Flow
    from zooclient.store.snapshots import Manifest


def opened(folder: Path, home: Path, settings: Settings) -> Store:
    """Returns the store that a mirror is. Its folder is marked before anything else is put there.

    Args:
        folder: The mirror; made when it is missing.
        home: The store that it is filled from, which it reads contents of as it does of ``settings.stores``.
        settings: How files are linked, and for how long to wait.

    Raises:
        ConfigError: The folder holds other things.
        StoreError: It cannot be read or written.
    """
    place = _place(folder)
    if os.path.normcase(place.resolve()) == os.path.normcase(home.resolve()):
        raise ConfigError(
            f"{folder} is the store itself, which holds what may not be passed on.", hint="Name another folder."
        )
    _mark(place)
    return Store(
        place,
        stores=(home, *settings.stores),
        link_mode=settings.link_mode,
        small_file=settings.limits.small_file,
        lock_timeout=settings.limits.lock_timeout,
    )


def _place(folder: Path) -> Path:
    return Path(extended(str(folder.absolute())))


def _mark(place: Path) -> None:
    """Makes a new or empty folder a mirror."""
    if is_mirror(place):
        return
    with storing("looking into the folder of a mirror", str(place)):
        try:
            names = sorted(path.name for path in place.iterdir())
        except FileNotFoundError:
            names = []
    # What a push that was killed at its first step left is not foreign.
    foreign = [name for name in names if not name.startswith(MARKER)]
    if foreign:
        shown = ", ".join(foreign[:3]) + (", …" if len(foreign) > 3 else "")
        raise ConfigError(
            f"{place} is no mirror and holds other things ({shown}), so nothing was written.",
            hint="Name a new or an empty folder.",
        )
    write_json(str(place / MARKER), MARK, str(place / f"{MARKER}.{token()}"))


def is_mirror(place: Path) -> bool:
    """Whether a folder is a mirror.

    Raises:
        ProtocolError: One of a later format.
        StoreError: It cannot be read.
    """
    path = place / MARKER
    with storing("looking for a mirror", str(path)):
        try:
            raw = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return False
    return is_mark(raw)


def listing_of(layout: Layout, zoo: str, ref: Ref) -> dict[str, object]:
    """Returns where a mirror tells what it holds of a revision, and what: the files of all its snapshots."""
    files: dict[str, SnapshotFile] = {}
    for path in reversed(manifests(layout.revision(zoo, ref.id, ref.revision or ""))):
        manifest = read_manifest(path)
        files |= {} if manifest is None else {file.path: file for file in files_of(manifest)}
    listing = Listing(format=FORMAT, ref=ref, zoo=zoo, files=tuple(files[path] for path in sorted(files)))
    return {layout.manifest(zoo, ref.id, ref.revision or ""): to_dict(listing)}


def files_of(manifest: Manifest) -> Iterator[SnapshotFile]:
    """Gives the files of a snapshot."""
    for file in manifest["files"]:
        yield SnapshotFile(
            path=file["path"], size=file["size"], sha256=file["sha256"], role=file["role"], claimed=file["claimed"]
        )


def catalogue_of(target: Store) -> dict[str, object]:
    """Returns where a mirror tells what it holds at all, and what; listings of what was removed are to go."""
    layout, models = target.layout, []
    documents: dict[str, object] = dict.fromkeys(map(str, Path(layout.manifests).glob("*/*/*.json")))
    for entry in target.entries():
        record = target.load_record(entry.zoo, entry.ref.id, entry.ref.revision or "")
        if entry.place != "store" or record is None:
            continue
        documents.pop(layout.manifest(entry.zoo, entry.ref.id, entry.ref.revision or ""), None)
        models.append(
            Shelved(
                ref=entry.ref,
                zoo=entry.zoo,
                access=record.access.state,
                license=record.license.kind,
                license_name=record.license.spdx or record.license.name,
                files=entry.files,
                size=entry.size,
                content_digest=entry.content_digest,
                made_at=entry.made_at,
            )
        )
    return documents | {layout.catalogue: to_dict(Catalogue(format=FORMAT, models=tuple(models)))}


# -- looking at a mirror --------------------------------------------------------------------------


def catalogue(place: Place) -> Flow[Catalogue]:
    """Reads what a mirror holds.

    Raises:
        NotFound: There is no mirror.
        ZooError: It cannot be read.
    """
    raw = yield from read(place, MARKER, 4096)
    if raw is None or not is_mark(raw):
        raise NotFound(
            f"There is no mirror at {place.url or place.path}.", hint="`zooclient mirror push` makes one in a folder."
        )
    raw = yield from read(place, name_of(NAMES.catalogue), CATALOGUE)
    if raw is None:
        return Catalogue(format=FORMAT, models=())  # its first push has not ended yet
    return read_catalogue(raw, f"the {place.label}")


def verify(folder: Path, check: Callable[[], None] = lambda: None) -> Verdict:
    """Hashes every content that a mirror's snapshots need, as it lies there to be served; writes nothing.

    Args:
        folder: The mirror.
        check: Called between files; raises to stop.

    Raises:
        NotFound: It is no mirror.
    """
    place = _place(folder)
    if not is_mirror(place):
        raise NotFound(f"{folder} is no mirror.", hint="`zooclient mirror push` makes one.")
    layout, now = Layout(str(place)), datetime.now(UTC)
    seen: dict[str, str | None] = {}
    checked: list[Checked] = []
    for _, manifest in all_manifests(layout):
        ref = Ref(scheme=manifest["zoo"].partition("+")[0], id=manifest["id"], revision=manifest["revision"] or None)
        for file in files_of(manifest):
            check()
            if file.sha256 not in seen:
                seen[file.sha256] = _observed(layout.blob(file.sha256))
            observed = seen[file.sha256]
            checked.append(
                Checked(
                    ref=ref,
                    path=file.path,
                    file=Path(layout.blob(file.sha256)),
                    size=file.size,
                    sha256=file.sha256,
                    observed=observed,
                    state="ok" if observed == file.sha256 else ("missing" if observed is None else "damaged"),
                    claimed=file.claimed,
                )
            )
    return Verdict(files=tuple(checked), verified_at=now)


def _observed(path: str) -> str | None:
    try:
        return hash_file(path).sha256
    except OSError:
        return None
