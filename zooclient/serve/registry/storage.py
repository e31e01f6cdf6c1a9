"""The origin that sends blobs: a bucket behind the registry, with signed links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl, urlencode

from attrs import evolve, frozen

from zooclient.serve.exchange import Answer, Question
from zooclient.serve.ranges import file_answer
from zooclient.serve.registry.images import Files
from zooclient.serve.signing import Signer

#: First part of every path.
BYTE_PATH: Final = "/r8-registry/"
_BLOBS: Final = f"{BYTE_PATH}docker/registry/v2/blobs/sha256/"


@frozen(kw_only=True)
class Parcel:
    """What a link lets its holder fetch.

    Attributes:
        digest: ``sha256:HEX``.
        model: Whose it is.
        name: What it is.
        expires: Unix time in whole seconds from which the link is dead.
    """

    digest: str
    model: str
    name: str
    expires: int


def link(origin: str, parcel: Parcel, signer: Signer) -> str:
    """Returns a signed link."""
    hexes = parcel.digest.removeprefix("sha256:")
    path = f"{_BLOBS}{hexes[:2]}/{hexes}/data"
    query = urlencode({"model": parcel.model, "name": parcel.name, "X-Expires": str(parcel.expires)})
    return f"{origin}{path}?{query}&X-Signature={signer.sign(f'{path}?{query}')}"


class Storage:
    """The bucket.

    Args:
        files: The blobs.
        signer: Checks the links.
        clock: Unix time in seconds.
    """

    def __init__(self, files: Files, signer: Signer, clock: Callable[[], float]) -> None:
        self._files = files
        self._signer = signer
        self._clock = clock

    def answer(self, question: Question) -> Answer:
        """Returns what the host would say."""
        if question.method not in ("GET", "HEAD"):
            return _error(405, "MethodNotAllowed")
        signed, mark, signature = question.query.rpartition("&X-Signature=")
        if not mark or not self._signer.holds(f"{question.path}?{signed}", signature):
            return _error(403, "SignatureDoesNotMatch")
        told = dict(parse_qsl(signed))
        if self._clock() >= int(told["X-Expires"]):
            return _error(403, "AccessDenied")
        hexes = question.path.split("/")[-2]
        place = self._files.get(f"sha256:{hexes}")
        if place is None:
            return _error(404, "NoSuchKey")
        # The tag of such a bucket is of what was uploaded in parts, and no digest of the content.
        headers = {"content-type": "application/octet-stream"}
        answer = file_answer(place, place.stamp[0], f'"{hexes[:32]}-1"', question, headers)
        return evolve(answer, model=told["model"], file=told["name"])


def _error(status: int, code: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code></Error>'.encode()
    return Answer(status=status, headers={"content-type": "application/xml"}, body=body)
