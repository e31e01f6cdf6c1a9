"""Where the bytes of a record's files are taken from, best first."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from zooclient.transfer.item import Item, Source

if TYPE_CHECKING:
    from zooclient.client.mirrorshelf import Shelf
    from zooclient.client.wiring import Wiring
    from zooclient.records.model import FileEntry, ModelRecord


def items_of(wiring: Wiring, record: ModelRecord, files: Iterable[FileEntry], shelf: Shelf | None = None) -> list[Item]:
    """Returns what the engine is asked for, in the order of the files.

    Args:
        wiring: What knows the zoo.
        record: What the zoo claims.
        files: Files of it.
        shelf: What the zoo's mirrors hold of it. None: there are none.
    """
    return [Item(file=file, owner=str(record.ref), sources=_sources(wiring, record, file, shelf)) for file in files]


def _sources(wiring: Wiring, record: ModelRecord, file: FileEntry, shelf: Shelf | None) -> tuple[Source, ...]:
    mirrors = () if shelf is None else shelf.sources(file)
    if shelf is not None and shelf.policy == "only":
        return mirrors
    zoo = zoo_source(wiring, record, file)
    return (*mirrors, zoo) if shelf is None or shelf.policy == "first" else (zoo, *mirrors)


def zoo_source(wiring: Wiring, record: ModelRecord, file: FileEntry) -> Source:
    """Returns the zoo that claims a file as a source of its bytes."""
    from zooclient.net.origin import origin
    from zooclient.providers.further import SecondAddress, TellsPages
    from zooclient.providers.registry import origins_of

    scheme = record.ref.scheme
    provider = wiring.provider(scheme)
    own = origins_of(provider)
    return Source(
        label=wiring.place(scheme),
        locate=partial(provider.locate, record, file),
        refused=partial(provider.refused, ref=record.ref, operation="download"),
        otherwise=partial(provider.locate_otherwise, record, file) if isinstance(provider, SecondAddress) else None,
        is_page=provider.is_page if isinstance(provider, TellsPages) else None,
        owns=lambda url: origin(url) in own,
        public=provider.official,
    )
