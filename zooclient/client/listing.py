"""The files of a record whose zoo tells of them only where they are wanted; asked once, and then kept."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.client.guests import guarded
from zooclient.client.memory import noted, remember
from zooclient.client.telling import telling
from zooclient.errors import NetworkError, Offline, ProtocolError, RateLimited, StoreError
from zooclient.net.exchange import Call
from zooclient.providers.further import Listing, ListsFiles
from zooclient.records.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zooclient.client.wiring import Wiring
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.records.model import FileEntry, ModelRecord


def listed(wiring: Wiring, record: ModelRecord, operation: str) -> Flow[ModelRecord]:
    """The record with its files; the same one where they are told already.

    What comes along with the list is put into the store at once, so that nobody is asked for it again.

    Args:
        wiring: The client's.
        record: The record.
        operation: The step that wants the files.

    Raises:
        ZooError: As for :meth:`~zooclient.providers.further.ListsFiles.list_files`.
    """
    provider = wiring.provider(record.ref.scheme)
    if not isinstance(provider, ListsFiles):
        return record
    record = with_files(wiring, record)
    if provider.is_listed(record):
        return record
    with telling(operation, record.ref):
        try:
            listing = yield from _asked(wiring, provider, record)
        except (ProtocolError, RateLimited):
            raise
        except NetworkError as error:
            listing = yield from _told_by_mirrors(wiring, provider, record, error)
        yield Call(run=lambda: _keep(wiring, listing))
        remember(wiring, record.ref, listing.record)
    return listing.record


def _asked(wiring: Wiring, provider: ListsFiles, record: ModelRecord) -> Flow[Listing]:
    if wiring.settings.offline:
        raise Offline(
            f"The files of {record.ref} are not known yet, and connections are switched off.",
            hint="Plan or get it once while online.",
        )
    with guarded(record.ref.scheme):
        return (yield from provider.list_files(record))


def _told_by_mirrors(wiring: Wiring, provider: ListsFiles, record: ModelRecord, cause: NetworkError) -> Flow[Listing]:
    """What a mirror lists in the place of a zoo that is not reached.

    Raises:
        NetworkError: ``cause``: no mirror may speak for the zoo, or none knows the files.
    """
    if wiring.settings.zoo(record.ref.scheme).mirrored:
        from zooclient.client.mirrors import Mirrors

        told = yield from Mirrors(wiring, record.ref.scheme).tell(record.ref)
        if told is not None and provider.is_listed(told.record):
            return Listing(record=evolve(told.record, requested=record.requested))
    raise cause


def with_files(wiring: Wiring, record: ModelRecord) -> ModelRecord:
    """Returns a record with the files that were listed of its revision before, where it does not tell them itself."""
    provider = wiring.provider(record.ref.scheme)
    if not isinstance(provider, ListsFiles) or provider.is_listed(record) or not record.ref.pinned:
        return record
    known = noted(wiring, record.ref)
    if known is None or not provider.is_listed(known):
        return record
    problems = dict.fromkeys([*record.problems, *known.problems])
    return evolve(record, files=known.files, problems=tuple(problems))


def came_along(wiring: Wiring, record: ModelRecord, files: Sequence[FileEntry]) -> tuple[FileEntry, ...]:
    """Returns those of some files whose bytes come with the list."""
    provider = wiring.provider(record.ref.scheme)
    if not isinstance(provider, ListsFiles):
        return ()
    return tuple(file for file in files if provider.comes_along(record, file))


def listed_again(wiring: Wiring, record: ModelRecord, files: Sequence[FileEntry], cancel: Cancel) -> list[Receipt]:
    """Brings files that come with the list, where the store lost them; blocks.

    Raises:
        IntegrityError: They are not those of the record.
        ZooError: As for :func:`listed`.
    """
    provider = wiring.provider(record.ref.scheme)
    if not files or not isinstance(provider, ListsFiles):
        return []
    listing = wiring.driver().run(provider.list_files(record), cancel=cancel)
    return [_deposit(wiring, record, file, listing.contents.get(file.path, b""), cancel) for file in files]


def _keep(wiring: Wiring, listing: Listing) -> None:
    for file in listing.record.files:
        if file.path in listing.contents:
            # A home that cannot be written must not keep anybody from asking; the download will say so.
            with suppress(StoreError):
                _deposit(wiring, listing.record, file, listing.contents[file.path], None)


def _deposit(wiring: Wiring, record: ModelRecord, file: FileEntry, content: bytes, cancel: Cancel | None) -> Receipt:
    observed = wiring.store().put(file, content, owner=str(record.ref), cancel=cancel)
    return Receipt(path=file.path, observed=observed, sources={wiring.place(record.ref.scheme): observed.size})
