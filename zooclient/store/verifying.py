"""Hashing what is held again, with no network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from zooclient.errors import NotFound
from zooclient.net.cancel import Cancel
from zooclient.records.ref import Ref
from zooclient.store.layout import Layout
from zooclient.store.mend import Damage, all_manifests, examine
from zooclient.store.reports import Checked, Verdict

if TYPE_CHECKING:
    from zooclient.store.snapshots import Manifest
    from zooclient.store.writing import Writing


def verify(
    own: Layout,
    further: Sequence[Layout],
    zoo: str | None,
    id: str | None,
    revision: str | None,
    *,
    writing: Writing | None,
    cancel: Cancel | None,
) -> Verdict:
    """Hashes again, see :meth:`zooclient.store.store.Store.verify`.

    Args:
        own: The store that may be written.
        further: Stores that are only read.
        zoo: Only this zoo's. None: all.
        id: Only this model's. None: all.
        revision: Only this revision's. None: all.
        writing: What may write into ``own``. None: nothing may.
        cancel: Ends it between files. None: nothing does.
    """
    stop = cancel or Cancel()
    now = datetime.now(UTC)
    found: list[Checked] = []
    any_there = False
    for layout in (own, *further):
        for path, manifest in list(_chosen(layout, zoo, id, revision)):
            any_there = True
            mine = writing if layout is own else None
            if mine is None:
                checked, _ = _check(path, manifest, stop)
            else:
                with mine.holding(path.removesuffix(".json")):
                    checked, damages = _check(path, manifest, stop)
                _settle(mine, path, manifest, damages, now)
            found += checked
    if not any_there and (zoo, id, revision) != (None, None, None):
        raise NotFound(
            f"The store holds nothing of {':'.join(part for part in (zoo, id) if part)}"
            + (f"@{revision}." if revision else "."),
            hint="`zooclient cache ls` lists what it holds.",
        )
    return Verdict(files=tuple(found), verified_at=now)


def _chosen(layout: Layout, zoo: str | None, id: str | None, revision: str | None) -> Iterator[tuple[str, Manifest]]:
    for path, manifest in all_manifests(layout):
        wanted = ((zoo, "zoo"), (id, "id"), (revision, "revision"))
        if all(value is None or manifest[name] == value for value, name in wanted):
            yield path, manifest


def _check(path: str, manifest: Manifest, cancel: Cancel) -> tuple[list[Checked], list[Damage]]:
    """Hashes the files of one snapshot; new time stamps go into the manifest."""
    folder = path.removesuffix(".json")
    ref = Ref(scheme=manifest["zoo"].partition("+")[0], id=manifest["id"], revision=manifest["revision"] or None)
    checked: list[Checked] = []
    damages: list[Damage] = []
    for entry in manifest["files"]:
        cancel.check()
        damage = examine(folder, entry)
        if damage is not None:
            damages.append(damage)
        checked.append(
            Checked(
                ref=ref,
                path=entry["path"],
                file=Path(folder, *entry["path"].split("/")),
                size=entry["size"],
                sha256=entry["sha256"],
                observed=entry["sha256"] if damage is None else damage.observed,
                state="ok" if damage is None else ("missing" if damage.observed is None else "damaged"),
                claimed=entry["claimed"],
            )
        )
    return checked, damages


def _settle(writing: Writing, path: str, manifest: Manifest, damages: list[Damage], now: datetime) -> None:
    if damages:
        writing.mender.set_aside(path, damages)
    elif os.path.exists(path):
        manifest["verified_at"] = now.isoformat()
        writing.mender.refresh(path, manifest)
