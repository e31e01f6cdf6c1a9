"""Where the bytes of a record's files are taken from, best first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from zooclient.client.givers import copy_source, zoo_source
from zooclient.errors import NotFound
from zooclient.transfer.item import Item, Source

if TYPE_CHECKING:
    from zooclient.client.mirrorshelf import Shelf
    from zooclient.client.wiring import Wiring
    from zooclient.net.cancel import Cancel
    from zooclient.records.model import FileEntry, ModelRecord


def items_of(
    wiring: Wiring,
    record: ModelRecord,
    files: Sequence[FileEntry],
    giver: str | None,
    shelf: Shelf | None,
    cancel: Cancel,
) -> list[Item]:
    """Returns what the engine is asked for, in the order of the files.

    Args:
        wiring: The client's.
        record: The model.
        files: Its files that are wanted.
        giver: The one zoo that is to give them. None: the model's own, and others when that fails.
        shelf: What the zoo's mirrors hold of them. None: there are none, or they play no part.
        cancel: The wish to stop.

    Raises:
        ZooError: As for :func:`items_from`.
    """
    if giver is not None and giver != record.ref.scheme:
        return items_from(wiring, record, files, giver, cancel)
    from zooclient.client.failover import Failover

    # Where only mirrors may be asked, no zoo is.
    alone = giver is not None or (shelf is not None and shelf.policy == "only") or not wiring.settings.failover
    failover = None if alone else Failover(wiring, record, files, cancel)
    return [
        Item(
            file=file,
            owner=str(record.ref),
            sources=_sources(wiring, record, file, shelf),
            further=None if failover is None else partial(failover.further, file),
        )
        for file in files
    ]


def items_from(
    wiring: Wiring, record: ModelRecord, files: Sequence[FileEntry], scheme: str, cancel: Cancel
) -> list[Item]:
    """Returns what the engine is asked for when every file is to come from one other zoo.

    Raises:
        NotFound: That zoo is not known to have the same bytes of some file.
        Cancelled: While it was asked.
        PolicyError: The model is private, so that it is not asked.
        NetworkError: It cannot be asked.
    """
    from zooclient.client.elsewhere import find, why_alone

    found = wiring.driver().run(find(wiring, record, files, (scheme,), own=False), cancel=cancel)
    if scheme in found.problems:
        raise found.problems[scheme]
    missing = [file.path for file in files if not found.of(file.path)]
    if missing:
        raise NotFound(
            f"{scheme} has {len(files) - len(missing)} of {len(files)} files of {record.ref} as far as a digest can "
            f"prove it; {missing[0]} is not among them.",
            hint=why_alone(found, missing[0]) + " Choose files with a pattern, or let its own zoo give them.",
        )
    return [
        Item(
            file=file,
            owner=str(record.ref),
            sources=tuple(copy_source(wiring, copy) for copy in found.of(file.path)),
        )
        for file in files
    ]


def _sources(wiring: Wiring, record: ModelRecord, file: FileEntry, shelf: Shelf | None) -> tuple[Source, ...]:
    mirrors = () if shelf is None else shelf.sources(file)
    if shelf is not None and shelf.policy == "only":
        return mirrors
    zoo = zoo_source(wiring, record, file)
    return (*mirrors, zoo) if shelf is None or shelf.policy == "first" else (zoo, *mirrors)
