"""Bytes as ModelScope sends them: large files from a host of their own by signed links, small ones by its gateway."""

from __future__ import annotations

import hashlib
import secrets
from urllib.parse import parse_qsl, urlencode

from attrs import evolve

from zooclient.serve.exchange import Answer, Question, Span
from zooclient.serve.modelscope_writes import ScopeWrites
from zooclient.serve.protocol import Site
from zooclient.serve.ranges import file_answer, wanted
from zooclient.serve.shelf import Place, ShelfFile
from zooclient.serve.signing import Signer

#: First part of every path at the host of large files.
BYTE_PATH = "/prod/lfs-objects/"


class Objects:
    """The host that signed links lead to: objects by their digest.

    Args:
        site: What the protocol is made from.
        writes: Answers those who send blobs. None: nobody does.
    """

    def __init__(self, site: Site, writes: ScopeWrites | None = None) -> None:
        self._shelf = site.shelf
        self._signer = site.signer
        self._clock = site.clock
        self._writes = writes

    def answer(self, question: Question) -> Answer:
        """Returns what the host would say."""
        if self._writes is not None and question.method == "PUT":
            written = self._writes.blob(question)
            if written is not None:
                return written
        fault = _wrong(self._signer, question, self._clock())
        if fault is not None:
            said = b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code></Error>"
            headers = {"content-type": "application/xml", "x-tengine-error": f"denied by req auth: {fault}"}
            return Answer(status=403, headers=headers, body=said)
        told = dict(parse_qsl(question.query))
        model, file = f"{told['namespace']}/{told['repository']}", told["filename"]
        digest = question.path.removeprefix(BYTE_PATH).replace("/", "")
        place = self._shelf.place(digest)
        if place is None:
            said = b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code></Error>"
            return Answer(status=404, headers={"content-type": "application/xml"}, body=said, model=model, file=file)
        # The tag is one of the store's own making, as of a file that came in parts; the digest has its own header.
        etag = f'"{hashlib.md5(digest.encode(), usedforsecurity=False).hexdigest().upper()}-7"'
        headers = {"content-type": "application/octet-stream", "x-linked-etag": f'"{digest}"'}
        return evolve(file_answer(place, place.stamp[0], etag, question, headers), model=model, file=file)


def signed(signer: Signer, sha256: str, model: str, path: str, revision: str, expires: int) -> str:
    """Returns path and query of a link to an object, in the shape of the zoo's CDN."""
    owner, _, name = model.partition("/")
    query = {"filename": path, "namespace": owner, "repository": name, "revision": revision, "tag": "model"}
    place = f"{BYTE_PATH}{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}?{urlencode(query)}"
    nonce = secrets.token_hex(16)
    return f"{place}&auth_key={expires}-{nonce}-0-{signer.sign(f'{place} {expires} {nonce}')[:32]}"


def _wrong(signer: Signer, question: Question, now: float) -> str | None:
    """What is wrong with a link, in the host's words; None: it is a good one."""
    query, _, key = question.query.rpartition("&auth_key=")
    expires, _, rest = key.partition("-")
    nonce, _, seal = rest.partition("-0-")
    good = signer.sign(f"{question.path}?{query} {expires} {nonce}")[:32]
    if not secrets.compare_digest(good.encode(), seal.encode()):
        return "invalid md5hash"
    return "expired timestamp" if now >= int(expires) else None


def by_gateway(question: Question, place: Place, entry: ShelfFile) -> Answer:
    """Returns a small file from the zoo's own origin, where a range is not to be relied on.

    As measured: one with an end is cut out, and told with status 200; one without is not looked at.
    """
    headers = {"content-type": "application/octet-stream", "accept-ranges": "bytes"}
    asked = question.headers.get("range", "")
    try:
        part = None if question.method != "GET" or asked.endswith("-") else wanted(asked, entry.size)
    except ValueError:
        part = None
    if part is None:
        return Answer(headers=headers, body=Span(place=place, offset=0, length=entry.size))
    offset, length = part
    headers["content-range"] = f"bytes {offset}-{offset + length - 1}/{entry.size}"
    return Answer(headers=headers, body=Span(place=place, offset=offset, length=length))
