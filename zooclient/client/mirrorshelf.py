"""What the mirrors of a zoo hold of one record, as sources of its files."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from zooclient.client.mirrors import FAULTS, NAMES, Mirrors, name_of
from zooclient.errors import IntegrityError, NetworkError, NotFound, Offline, ZooError
from zooclient.mirror.format import LARGE, read_listing
from zooclient.mirror.place import Place
from zooclient.mirror.reading import file_of, read
from zooclient.net.exchange import Request, replay
from zooclient.records.digest import proves
from zooclient.records.receipt import Receipt

if TYPE_CHECKING:
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Response
    from zooclient.records.model import FileEntry, ModelRecord
    from zooclient.records.receipt import Observed
    from zooclient.records.snapshot import SnapshotFile
    from zooclient.transfer.item import Source

_log = logging.getLogger(__name__)


class Shelf:
    """What the mirrors of a zoo hold of one record; each is asked when a file is first wanted of it, and once.

    Args:
        mirrors: The mirrors.
        record: What the zoo claims.
        cancel: Ends the asking.
    """

    def __init__(self, mirrors: Mirrors, record: ModelRecord, cancel: Cancel) -> None:
        self._mirrors = mirrors
        self._wiring = mirrors.wiring
        self._record = record
        self._cancel = cancel
        self._locks = {place: threading.Lock() for place in mirrors.places}
        self._known: dict[Place, Mapping[str, SnapshotFile] | ZooError] = {}
        self.policy = mirrors.policy
        #: Whether a mirror is looked into before the zoo is asked.
        self.ahead = self.policy != "fallback" or self._wiring.settings.offline

    def sources(self, file: FileEntry) -> tuple[Source, ...]:
        """Returns the mirrors that are served as sources of a file, in the order in which they are named."""
        from zooclient.transfer.item import Source

        return tuple(
            Source(
                label=place.label,
                locate=partial(self._locate, place, file),
                refused=partial(self._refused, place, file),
                anonymous=True,
            )
            for place in self._mirrors.places
            if place.url is not None and proves(file.digests)
        )

    def copies(self, files: Iterable[FileEntry]) -> tuple[list[Receipt], list[FileEntry]]:
        """Takes what the mirrors have that are folders, each file hashed on its way.

        Args:
            files: What is wanted.

        Returns:
            What came, and what did not.

        Raises:
            ZooError: A file did not come, and nobody else is to be asked.
            StoreError: The store cannot be written.
        """
        receipts: list[Receipt] = []
        missing: list[FileEntry] = []
        served = any(place.url is not None for place in self._mirrors.places)
        for file in files:
            receipt, fault = self._copy(file)
            if receipt is not None:
                receipts.append(receipt)
            elif self._mirrors.only and not proves(file.digests):
                raise IntegrityError(
                    f"The zoo states no digest for {file.path} of {self._record.ref}, so no mirror can prove it.",
                    hint="Leave it out (exclude), or let the zoo be asked.",
                )
            elif self._mirrors.only and not served:
                raise fault or self._mirrors.lacking(f"{file.path} of {self._record.ref}")
            else:
                missing.append(file)
        return receipts, missing

    def rescue(self, files: Iterable[FileEntry], failure: ZooError) -> list[Receipt]:
        """Takes from folders what is left of a transfer that has failed.

        Args:
            files: What was to come.
            failure: How it failed.

        Raises:
            ZooError: ``failure``: a file is in none of the folders.
            StoreError: The store cannot be written.
        """
        receipts = []
        for file in files:
            arrived = self._wiring.store().adopt(file, cancel=self._cancel)
            receipt = self._copy(file)[0] if arrived is None else Receipt(path=file.path, observed=arrived)
            if receipt is None:
                raise failure
            receipts.append(receipt)
        return receipts

    def _copy(self, file: FileEntry) -> tuple[Receipt | None, ZooError | None]:
        """Looks for a file in every folder."""
        fault: ZooError | None = None
        for place in self._mirrors.places:
            if place.url is None and proves(file.digests):
                self._cancel.check()
                try:
                    observed = self._taken(place, file)
                except FAULTS as error:
                    _log.warning("%s: %s", place.label, error.message)
                    fault = fault or error
                    continue
                if observed is not None:
                    given = {place.label: observed.size}
                    return Receipt(path=file.path, observed=observed, sources=given), None
        return None, fault

    def _taken(self, place: Place, file: FileEntry) -> Observed | None:
        sha256 = self._sha256(place, file)
        path = None if sha256 is None else file_of(place, name_of(NAMES.blob(sha256)))
        if path is None:
            return None
        store = self._wiring.store()
        return store.deposit(file, path, owner=str(self._record.ref), cancel=self._cancel, move=False)

    def _locate(self, place: Place, file: FileEntry) -> Request:
        """Called in the engine's threads."""
        from zooclient.transfer.failures import Refusal

        try:
            sha256 = self._sha256(place, file)
        except FAULTS as error:
            raise Refusal(error) from error
        if sha256 is None:
            raise Refusal(
                NotFound(
                    f"The {place.label} does not hold {file.path} of {self._record.ref}.",
                    hint="`zooclient mirror push` brings it in.",
                )
            )
        return Request(url=place.address(name_of(NAMES.blob(sha256))), anonymous=True)

    def _refused(self, place: Place, file: FileEntry, response: Response) -> ZooError:
        what = f"The {place.label} lists {file.path} of {self._record.ref} and does not give it"
        kind = NotFound if response.status in (403, 404, 410) else NetworkError
        return kind(f"{what} (status {response.status}).", hint="Pushing the model once more mends a mirror.")

    def _sha256(self, place: Place, file: FileEntry) -> str | None:
        """Returns under which name a content lies at a mirror; None when it is not there."""
        there = self._listed(place).get(file.path)
        claimed = file.digests.get("sha256")
        if there is None or claimed in (None, there.sha256):
            return None if there is None else there.sha256
        raise IntegrityError(
            f"The {place.label} holds another content of {file.path} than {self._record.ref} claims.",
            hint="The mirror is broken, or not to be trusted.",
        )

    def _listed(self, place: Place) -> Mapping[str, SnapshotFile]:
        with self._locks[place]:
            if place not in self._known:
                try:
                    self._known[place] = self._asked(place)
                except FAULTS as error:
                    self._known[place] = error
            known = self._known[place]
        if isinstance(known, ZooError):
            raise known
        return known

    def _asked(self, place: Place) -> Mapping[str, SnapshotFile]:
        ref = self._record.ref
        zoo = self._wiring.place(ref.scheme)
        name = name_of(NAMES.manifest(zoo, ref.id, ref.revision or ""))
        flow = read(place, name, LARGE)
        # Of a folder nothing is sent, so no driver need exist.
        raw = replay(flow, _nobody) if place.url is None else self._wiring.driver().run(flow, self._cancel)
        if raw is None:
            return {}
        listing = read_listing(raw, zoo, ref, f"the {place.label}")
        return {file.path: file for file in listing.files}


def _nobody(request: Request) -> Response:
    raise Offline(f"{request.url} would have to be asked.")
