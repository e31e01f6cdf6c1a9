"""The mirrors of a zoo, bound to the rest: sources of its files, and its word where the zoo itself is not asked.

Bytes from a mirror are proven by the digests of the record, so any mirror may give them. A record or a name's meaning
is proven by nothing: it is asked of a mirror only where the zoo cannot be, and only of mirrors that the person named,
never of those that a project file names. No mirror gets a credential: every request to one is anonymous.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import frozen

from zooclient.errors import (
    AccessError,
    ConfigError,
    IntegrityError,
    NetworkError,
    NotFound,
    Offline,
    ZooError,
)
from zooclient.mirror.format import LARGE, SMALL, looks_tell, read_meant, read_record
from zooclient.mirror.place import Place, read_place
from zooclient.mirror.reading import read
from zooclient.records.ref import Ref
from zooclient.store.layout import Layout

if TYPE_CHECKING:
    from datetime import datetime

    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord

#: What a mirror can be at fault for; the next one is asked then, or the zoo.
FAULTS = (NetworkError, IntegrityError, AccessError, NotFound)

#: The names of files within a mirror: those of a store that lies nowhere.
NAMES = Layout("")

_log = logging.getLogger(__name__)


def name_of(path: str) -> str:
    """Returns the name within a mirror of a path of the layout."""
    return path.lstrip(os.sep).replace(os.sep, "/")


@frozen(kw_only=True)
class Told:
    """What a mirror says in the place of its zoo.

    Attributes:
        record: The record.
        place: The mirror, as a sentence calls it.
        seen_at: When the moving name that was asked for meant it. None: a pin was asked for.
    """

    record: ModelRecord
    place: str
    seen_at: datetime | None = None


class Mirrors:
    """The mirrors of one zoo.

    Args:
        wiring: What they are joined to.
        scheme: The zoo.

    Attributes:
        policy: ``first``, ``fallback`` or ``only``.

    Raises:
        ConfigError: The zoo is not to be asked, and a mirror lies at its own origin.
    """

    def __init__(self, wiring: Wiring, scheme: str) -> None:
        settings = wiring.settings.zoo(scheme)
        self.wiring = wiring
        self.scheme = scheme
        self.policy = settings.mirror_policy or "first"
        self._trusted = settings.mirrors_trusted
        places = [read_place(text) for text in settings.mirrors]
        if self.only:
            self._keep_apart(places)
        #: The mirrors that may be asked now; of folders, no connection is needed.
        self.places = tuple(place for place in places if place.url is None or not wiring.settings.offline)

    @property
    def only(self) -> bool:
        """Whether the zoo itself is not to be asked at all."""
        return self.policy == "only"

    def _keep_apart(self, places: Iterable[Place]) -> None:
        from zooclient.net.origin import origin

        endpoint = self.wiring.provider(self.scheme).endpoint
        for place in places:
            if place.url is not None and endpoint is not None and origin(place.url) == origin(endpoint):
                raise ConfigError(
                    f"The {place.label} lies at the origin of {self.scheme} itself, which mirror-policy = only closes.",
                    zoo=self.scheme,
                    hint="Serve it from another host or port; with first or fallback it may stay where it is.",
                )

    def closed(self) -> Offline:
        """Returns why the zoo is not asked."""
        hint = "mirror-policy first or fallback lets the zoo be asked, too."
        if self.places and not self._trusted:
            hint = (
                "Mirrors that a project file names give bytes only. If you trust them, name them in your own config "
                f"file or in ZOOCLIENT_{self.scheme.upper()}_MIRRORS."
            )
        return Offline(f"By mirror-policy = only, {self.scheme} itself is not asked.", zoo=self.scheme, hint=hint)

    def lacking(self, what: str) -> ZooError:
        """Returns the error for what no mirror has.

        Args:
            what: What was wanted.
        """
        if not self.places:
            why = "none is named that could be asked"
            hint = f"ZOOCLIENT_{self.scheme.upper()}_MIRRORS names them, or mirrors below [zoos.{self.scheme}]."
        else:
            why, hint = "none of them has it", "`zooclient mirror push` brings a model into a mirror."
        return Offline(f"{what} would have to come from a mirror of {self.scheme}: {why}.", zoo=self.scheme, hint=hint)

    # -- in the place of the zoo ----------------------------------------------------------------

    def tell(self, ref: Ref) -> Flow[Told | None]:
        """Asks what the zoo would be asked; the answer is that of the first mirror that has one.

        Raises:
            ZooError: None has one, and nobody else is to be asked.
        """
        if not self._trusted:
            return None
        failure: ZooError | None = None
        for place in self.places:
            try:
                told = yield from self._told(place, ref)
            except FAULTS as error:
                _log.warning("%s: %s", place.label, error.message)
                failure = failure or error
                continue
            if told is not None:
                return told
        if self.only:
            raise failure or self.lacking(f"What {ref} is")
        return None

    def _told(self, place: Place, ref: Ref) -> Flow[Told | None]:
        where = f"the {place.label}"
        if ref.at(ref.revision).pinned:
            record = yield from self._record(place, ref)
            return None if record is None else Told(record=record, place=where)
        name = name_of(NAMES.ref(self.wiring.place(ref.scheme), ref.id, ref.revision or ""))
        raw = yield from read(place, name, SMALL)
        if raw is not None:
            meant = read_meant(raw, ref, where)
            record = yield from self._record(place, ref.at(meant.revision))
            return None if record is None else Told(record=record, place=where, seen_at=meant.seen_at)
        if ref.revision is None or looks_tell(ref):
            return None
        record = yield from self._record(place, ref)
        return None if record is None or record.pin == "none" else Told(record=record, place=where)

    def _record(self, place: Place, ref: Ref) -> Flow[ModelRecord | None]:
        name = name_of(NAMES.record(self.wiring.place(ref.scheme), ref.id, ref.revision or ""))
        raw = yield from read(place, name, LARGE)
        return None if raw is None else read_record(raw, ref, f"the {place.label}")
