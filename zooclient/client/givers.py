"""A zoo as a source of bytes: the one that claims a file, and another that has a copy of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.client.guests import guarded
from zooclient.net.origin import origin
from zooclient.providers.further import SecondAddress, TellsPages
from zooclient.providers.registry import origins_of
from zooclient.transfer.item import Source

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Request
    from zooclient.records.model import FileEntry, ModelRecord
    from zooclient.records.sources import FileCopy


def zoo_source(wiring: Wiring, record: ModelRecord, file: FileEntry) -> Source:
    """Returns the zoo that claims a file as a source of its bytes."""
    scheme = record.ref.scheme
    provider = wiring.provider(scheme)
    own = origins_of(provider)

    def locate() -> Request:
        with guarded(scheme):
            return provider.locate(record, file)

    return Source(
        label=wiring.place(scheme),
        locate=locate,
        refused=partial(provider.refused, ref=record.ref, operation="download"),
        otherwise=partial(provider.locate_otherwise, record, file) if isinstance(provider, SecondAddress) else None,
        is_page=provider.is_page if isinstance(provider, TellsPages) else None,
        owns=lambda url: origin(url) in own,
        public=provider.official,
    )


def copy_source(wiring: Wiring, copy: FileCopy) -> Source:
    """Returns a copy as a source, within the bounds of the zoo that has it."""
    return evolve(zoo_source(wiring, copy.record, copy.file), bears=wiring.connections(copy.ref.scheme))
