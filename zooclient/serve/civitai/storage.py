"""The host that Civitai sends downloads on to: Cloudflare R2, with links that are signed as S3 has it.

What a link grants stands in its credential, which a client has no reason to look into. An ``Authorization`` header
beside a signed link is refused, as R2 does: a key of the site has no business there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote, urlencode
from xml.sax.saxutils import escape

from attrs import asdict, evolve, frozen

from zooclient.serve.civitai.pictures import digest_at
from zooclient.serve.exchange import Answer, Question
from zooclient.serve.ranges import file_answer
from zooclient.serve.shelf import Shelf
from zooclient.serve.signing import Signer

#: First part of every path.
BUCKET = "/civitai-delivery-worker-prod/"
_SCOPE = "/us-east-1/s3/aws4_request"


@frozen(kw_only=True)
class Parcel:
    """What a link lets its holder fetch.

    Attributes:
        model: Id of the repository.
        path: Within it.
        digest: What the shelf keeps the content under.
        sha256: 64 hex of the content.
        size: Bytes.
        name: Name to keep it under.
        start: Unix time in whole seconds from which the link holds.
        seconds: For which it does.
    """

    model: str
    path: str
    digest: str
    sha256: str
    size: int
    name: str
    start: int
    seconds: int


def link(origin: str, user: int, parcel: Parcel, signer: Signer) -> str:
    """Returns a signed link.

    Args:
        origin: Of the storage.
        user: Number of the creator, whose folder it lies in.
        parcel: What it grants.
        signer: Signs it.
    """
    stem, dot, ending = parcel.name.rpartition(".")
    mark = base64.urlsafe_b64encode(bytes.fromhex(parcel.sha256))[:4].decode()
    name = f"{stem}.{mark}.{ending}" if dot else f"{parcel.name}.{mark}"
    path = f"{BUCKET}{user}/model/{quote(name)}"
    key = base64.urlsafe_b64encode(json.dumps(asdict(parcel)).encode()).decode()
    date = f"{datetime.fromtimestamp(parcel.start, UTC):%Y%m%dT%H%M%SZ}"
    query = {
        "X-Amz-Expires": str(parcel.seconds),
        "response-content-disposition": f'attachment; filename="{_header(parcel.name)}"',
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{key}/{date[:8]}{_SCOPE}",
        "X-Amz-Date": date,
        "X-Amz-SignedHeaders": "host",
    }
    signed = urlencode(query, quote_via=quote)
    return f"{origin}{path}?{signed}&X-Amz-Signature={signer.sign(f'{unquote(path)}?{signed}')}"


class Storage:
    """The origin of the bytes.

    Args:
        shelf: Where they lie.
        signer: Checks the links.
        clock: Unix time in seconds.
    """

    def __init__(self, shelf: Shelf, signer: Signer, clock: Callable[[], float]) -> None:
        self._shelf = shelf
        self._signer = signer
        self._clock = clock

    def answer(self, question: Question) -> Answer:
        """Returns what the host would say."""
        picture = digest_at(question.path.removeprefix(BUCKET), self._signer)
        if picture is not None:
            return self._picture(question, *picture)
        if "authorization" in question.headers:
            return _error(400, "InvalidRequest", "Missing x-amz-content-sha256")
        parcel = self._read(question)
        if parcel is None:
            return _error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")
        return evolve(self._sent(question, parcel), model=parcel.model, file=parcel.path)

    def _picture(self, question: Question, digest: str, kind: str) -> Answer:
        place = self._shelf.place(digest)
        if place is None:
            return _error(404, "NoSuchKey", "The specified key does not exist.")
        headers = {"content-type": kind, "cache-control": "public, max-age=31536000"}
        return file_answer(place, place.stamp[0], f'"{digest}"', question, headers)

    def _sent(self, question: Question, parcel: Parcel) -> Answer:
        if self._clock() >= parcel.start + parcel.seconds:
            return _error(403, "AccessDenied", "Request has expired")
        place = self._shelf.place(parcel.digest)
        if place is None:
            return _error(404, "NoSuchKey", "The specified key does not exist.")
        headers = {
            "content-type": "application/octet-stream",
            "content-disposition": f'attachment; filename="{_header(parcel.name)}"',
        }
        # R2's tag of what was uploaded in parts is a digest of digests, and none of the content.
        etag = f'"{hashlib.md5(parcel.sha256.encode(), usedforsecurity=False).hexdigest()}-1"'
        return file_answer(place, parcel.size, etag, question, headers)

    def _read(self, question: Question) -> Parcel | None:
        signed, mark, signature = question.query.rpartition("&X-Amz-Signature=")
        if not mark or not self._signer.holds(f"{unquote(question.path)}?{signed}", signature):
            return None
        key = dict(parse_qsl(signed)).get("X-Amz-Credential", "").partition("/")[0]
        try:
            return Parcel(**json.loads(base64.urlsafe_b64decode(key)))
        except (ValueError, TypeError, binascii.Error):
            return None


def _header(name: str) -> str:
    """A name as it may stand between quotes in a header."""
    return quote(name, safe=" !#$&'()+,;=@[]^`{}~")


def _error(status: int, code: str, message: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
    return Answer(status=status, headers={"content-type": "application/xml"}, body=body)
