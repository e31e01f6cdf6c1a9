"""Names, digests and offsets as clients send them. Pure.

Grammar: OCI distribution specification 1.1, "Pulling manifests" and "Pushing a blob in chunks".
"""

from __future__ import annotations

import re
from typing import Final, Literal

from attrs import frozen

_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHUNK = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})")
_LONGEST: Final = 255

Kind = Literal["manifests", "blobs", "uploads", "tags"]


@frozen(kw_only=True)
class Target:
    """What a path is about.

    Attributes:
        name: Name of the repository, ``owner/name`` and perhaps more.
        kind: What of it.
        reference: Tag, digest or id of an upload; empty where none is named.
    """

    name: str
    kind: Kind
    reference: str

    @property
    def model(self) -> str:
        """``owner/name``: what comes before ``/weights/…`` where there is more."""
        return "/".join(self.name.split("/")[:2])


def target(segments: tuple[str, ...]) -> Target | None:
    """Reads the parts of a path after ``/v2``, each decoded by itself; None where it is about nothing."""
    match segments:
        case (*name, "blobs", "uploads"):
            return Target(name="/".join(name), kind="uploads", reference="")
        case (*name, "blobs", "uploads", reference):
            return Target(name="/".join(name), kind="uploads", reference=reference)
        case (*name, "tags", "list"):
            return Target(name="/".join(name), kind="tags", reference="")
        case (*name, "manifests" | "blobs" as kind, reference):
            return Target(name="/".join(name), kind=kind, reference=reference)
    return None


def is_name(text: str) -> bool:
    """Whether this is the name of a repository; none climbs, none is empty."""
    return len(text) <= _LONGEST and all(_PART.fullmatch(part) for part in text.split("/"))


def is_digest(text: str) -> bool:
    """Whether this is a digest of the one kind that is taken."""
    return _DIGEST.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether this is a tag."""
    return _TAG.fullmatch(text) is not None


def chunk(header: str | None, held: int, sent: int) -> bool:
    """Whether a part of an upload goes on where the upload stands.

    Args:
        header: ``Content-Range`` as sent, ``first-last``. None: it goes on where it stands.
        held: Bytes that are there.
        sent: Bytes that come.
    """
    if header is None:
        return True
    match = _CHUNK.fullmatch(header.strip())
    return match is not None and int(match[1]) == held and int(match[2]) - int(match[1]) + 1 == sent


def accepted(header: str | None) -> frozenset[str]:
    """Returns the media types that an ``Accept`` header names, without their parameters."""
    return frozenset(part.partition(";")[0].strip().lower() for part in (header or "").split(","))
