"""The format of a mirror, as pure text: what it holds, and how what it says is read.

A mirror is a store (:mod:`zooclient.store.layout`) that is served read-only by any web server, or read as a folder::

    zooclient-mirror.json                     {"kind": "zooclient mirror", "format": 1}
    v1/blobs/sha256/ab/abcd…                  one content, once
    v1/records/ZOO/ID/REVISION.json           what the zoo claimed, a ModelRecord
    v1/refs/ZOO/ID/NAME.json                  {"id", "name", "revision", "seen_at"}: what a moving name meant, and when
    v1/manifests/ZOO/ID/REVISION.json         a Listing: the files that the mirror holds of the revision
    v1/models.json                            a Catalogue: the models that it holds

A reader asks for files by name alone: no listing of a folder, no range, no header is needed. ``NAME`` is the first 16
hex of the sha256 of the name; ``ZOO``, ``ID`` and ``REVISION`` are written by
:func:`zooclient.store.layout.safe_part`, and percent-encoded in an address.

Contents come first, then the record, then the listing, then the names that mean it, each by one rename: whoever finds
the listing of a revision finds all that it lists. Nothing that a mirror says proves a byte. A content is held against
the digest that the zoo claims in its record, and a file without such a digest is never taken from a mirror.

Whatever is read here may come from anybody: it is bounded, its shape is strict, and its paths do not climb.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from attrs import frozen

from zooclient.errors import IntegrityError, ProtocolError, RefError
from zooclient.records.checks import check_count, check_tuples, check_utc
from zooclient.records.codec import from_dict
from zooclient.records.model import ModelRecord
from zooclient.records.paths import safe_path
from zooclient.records.ref import Ref
from zooclient.records.rules import COMMITS
from zooclient.records.snapshot import SnapshotFile

#: Version of the format that is written; later ones are not read.
FORMAT = 1

#: Name of the file that makes a folder a mirror.
MARKER = "zooclient-mirror.json"

#: What that file says.
MARK = {"kind": "zooclient mirror", "format": FORMAT}

#: Bytes at the most of a record or a listing, of a catalogue, and of what a name means.
LARGE, CATALOGUE, SMALL = 32 << 20, 64 << 20, 64 << 10

T = TypeVar("T")


@frozen(kw_only=True)
class Listing:
    """What a mirror holds of one revision.

    Attributes:
        format: Version of the format.
        ref: The pinned reference.
        zoo: The server that claimed it: scheme, or ``scheme+8hex`` where it is not the official one.
        files: Every file of which the mirror has the content, by the sha256 under which it lies.
    """

    format: int
    ref: Ref
    zoo: str
    files: tuple[SnapshotFile, ...]

    def __attrs_post_init__(self) -> None:
        check_tuples(files=self.files)


@frozen(kw_only=True)
class Shelved:
    """One model in a catalogue.

    Attributes:
        ref: The pinned reference.
        zoo: As in :class:`Listing`.
        access: Access state that its record tells, such as ``open`` or ``gated``.
        license: Kind of its licence: ``open-source``, ``open-weight``, ``non-commercial`` or ``unknown``.
        license_name: The licence itself. None when the zoo names none.
        files: Number of files that are held.
        size: Their bytes.
        content_digest: ``sha256:HEX`` over them.
        made_at: When it was brought in, aware UTC.
    """

    ref: Ref
    zoo: str
    access: str
    license: str
    license_name: str | None
    files: int
    size: int
    content_digest: str
    made_at: datetime

    def __attrs_post_init__(self) -> None:
        check_count("files", self.files)
        check_count("size", self.size)
        check_utc("made_at", self.made_at)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        from zooclient.records.codec import to_dict

        return to_dict(self)


@frozen(kw_only=True)
class Catalogue:
    """What a mirror holds.

    Attributes:
        format: Version of the format.
        models: Sorted by zoo, model and revision; once for each choice of files that is held of a revision.
    """

    format: int
    models: tuple[Shelved, ...]

    def __attrs_post_init__(self) -> None:
        check_tuples(models=self.models)


@frozen(kw_only=True)
class Meant:
    """What a moving name meant.

    Attributes:
        revision: The pinned revision.
        seen_at: When the zoo said so, aware UTC.
    """

    revision: str
    seen_at: datetime


def read_listing(raw: bytes, zoo: str, ref: Ref, where: str) -> Listing:
    """Reads what a mirror says that it holds of a revision.

    Args:
        raw: The text.
        zoo: The server whose claims are meant.
        ref: The pinned reference that was asked for.
        where: What to call the mirror in errors.

    Raises:
        ProtocolError: It is no listing, or one of a later version.
        IntegrityError: It is the listing of something else, or a name in it is hostile.
    """
    listing = _read(Listing, raw, f"What {where} holds of {ref}")
    _hold(listing.ref, ref, where)
    if listing.zoo != zoo:
        raise IntegrityError(f"{where} answers for {listing.zoo}, and {zoo} was asked for, of {ref}.", hint=_DISTRUST)
    seen: set[str] = set()
    for file in listing.files:
        _hold_path(file.path, seen, where)
    return listing


def read_record(raw: bytes, ref: Ref, where: str) -> ModelRecord:
    """Reads what a mirror says that the zoo claimed; arguments and errors as for :func:`read_listing`.

    A record may stand under a name that the model had before: its own is another one then, and it tells which name
    it was asked for.
    """
    record = _read(ModelRecord, raw, f"The record of {ref} at {where}")
    asked = record.requested
    if (asked.scheme, asked.id) == (ref.scheme, ref.id):
        ref = Ref(scheme=ref.scheme, id=record.ref.id, revision=ref.revision)
    _hold(record.ref, ref, where)
    seen: set[str] = set()
    for file in record.files:
        _hold_path(file.path, seen, where)
    return record


def read_meant(raw: bytes, ref: Ref, where: str) -> Meant:
    """Reads what a mirror says that a moving name meant; arguments and errors as for :func:`read_listing`."""
    what = f"What {where} says of {ref}"
    data = _json(raw, what)
    if data.get("name") != (ref.revision or "") or data.get("id") != ref.id:
        raise IntegrityError(f"{where} answers for another name than {ref}.", hint=_DISTRUST)
    revision, seen_at = data.get("revision"), data.get("seen_at")
    try:
        time = datetime.fromisoformat(seen_at) if isinstance(seen_at, str) else None
    except ValueError:
        time = None
    if not isinstance(revision, str) or time is None or time.utcoffset() is None:
        raise ProtocolError(f"{what} has another shape than expected.", hint=_UPDATE)
    try:
        pinned = ref.at(revision).pinned or not looks_tell(ref)
    except RefError:
        pinned = False
    if not pinned:
        raise IntegrityError(f"{where} says that {ref} meant {revision!r}, which is no pin.", hint=_DISTRUST)
    return Meant(revision=revision, seen_at=time.astimezone(UTC))


def looks_tell(ref: Ref) -> bool:
    """Whether a pin of a zoo is known by its looks, as a commit is; of other zoos the record alone tells."""
    return ref.scheme in COMMITS


def read_catalogue(raw: bytes, where: str) -> Catalogue:
    """Reads what a mirror holds; arguments and errors as for :func:`read_listing`."""
    return _read(Catalogue, raw, f"The catalogue of {where}")


def is_mark(raw: bytes) -> bool:
    """Whether a text is that of the file that makes a folder a mirror; of whichever version.

    Raises:
        ProtocolError: It is, and of a later version.
    """
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    if not isinstance(data, dict) or data.get("kind") != MARK["kind"]:
        return False
    _hold_format(data, "The mirror")
    return True


_DISTRUST = "Nothing of it was kept. The mirror is broken, or not to be trusted."
_UPDATE = "Is it a mirror, as `zooclient mirror push` makes one? A page may stand in its place, such as a login."


def _read(kind: type[T], raw: bytes, what: str) -> T:
    data = _json(raw, what)
    if kind is not ModelRecord:
        _hold_format(data, what)
    try:
        return from_dict(kind, data)
    except (ValueError, RecursionError) as error:
        text = str(error)
        told = text if len(text) <= 300 else text[:300] + "…"
        raise ProtocolError(f"{what} has another shape than expected: {told}.", hint=_UPDATE) from error


def _json(raw: bytes, what: str) -> Mapping[str, Any]:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{what} is not JSON.", hint=_UPDATE) from error
    if not isinstance(data, dict):
        raise ProtocolError(f"{what} has another shape than expected.", hint=_UPDATE)
    return data


def _hold_format(data: Mapping[str, Any], what: str) -> None:
    version = data.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise ProtocolError(
            f"{what} is of the format {version}, and this version reads up to {FORMAT}.", hint="Update zooclient."
        )


def _hold(told: Ref, ref: Ref, where: str) -> None:
    if (told.scheme, told.id, told.revision) != (ref.scheme, ref.id, ref.revision):
        raise IntegrityError(f"{where} answers with {told}, and {ref} was asked for.", hint=_DISTRUST)


def _hold_path(path: str, seen: set[str], where: str) -> None:
    try:
        safe_path(path)
    except IntegrityError as error:
        raise IntegrityError(f"{where}: {error.message}", hint=_DISTRUST) from error
    if path in seen:
        raise IntegrityError(f"{where} lists {path!r} twice.", hint=_DISTRUST)
    seen.add(path)
