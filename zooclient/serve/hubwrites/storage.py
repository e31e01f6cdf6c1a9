"""The host that large files are sent to, by signed links; it speaks as S3 does."""

from __future__ import annotations

from xml.sax.saxutils import escape

from zooclient.serve.exchange import Answer, Intake, Question
from zooclient.serve.hubwrites.links import read_link
from zooclient.serve.hubwrites.writable import Writable
from zooclient.serve.protocol import Site

#: First part of every path that is sent to; it begins as those do that are fetched from.
STORE_PATH = "/xet-bridge-us/repos/"


class Storage:
    """What answers a PUT.

    Args:
        writable: What is written.
        site: What the protocol is made from.
    """

    def __init__(self, writable: Writable, site: Site) -> None:
        self._objects = writable.objects
        self._signer = site.signer
        self._clock = site.clock

    def intake(self, question: Question) -> Intake | None:
        """Where the body of a PUT goes; one without a good link is read and thrown away."""
        if question.method != "PUT" or not question.path.startswith(STORE_PATH):
            return None
        link = read_link(self._signer, question.path, question.query, self._clock())
        return Intake(folder=self._objects.folder, most=0 if link is None else self._length(link))

    def answer(self, question: Question) -> Answer:
        """Keeps an object, or a part of one, whose size (and, of a whole one, digest) is the one announced."""
        link = read_link(self._signer, question.path, question.query, self._clock())
        if link is None or question.received is None:
            return _error(403, "AccessDenied", "Request has expired")
        model, received, length = link["model"], question.received, self._length(link)
        if received.size != length:
            code = "EntityTooLarge" if received.size > length else "IncompleteBody"
            return _error(400, code, f"{received.size} bytes came, and {length} were announced", model)
        etag = f'"{received.md5}"'
        if "uploadId" in link:
            upload = self._objects.under_way(link["uploadId"])
            if upload is None:
                return _error(404, "NoSuchUpload", "The specified upload does not exist.", model)
            self._objects.add_part(upload, int(link["partNumber"]), received.path, etag)
        elif received.sha256 != link["oid"]:
            return _error(400, "BadDigest", "The sha256 you specified did not match what we received.", model)
        else:
            self._objects.add(link["owner"], link["oid"], received.path, received.size)
        return Answer(headers={"etag": etag}, model=model)

    def _length(self, link: dict[str, str]) -> int:
        if "uploadId" not in link:
            return int(link["size"])
        upload = self._objects.under_way(link["uploadId"])
        return 0 if upload is None else upload.length(int(link["partNumber"]))


def _error(status: int, code: str, message: str, model: str | None = None) -> Answer:
    said = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{said}'.encode()
    return Answer(status=status, headers={"content-type": "application/xml"}, body=body, model=model)
