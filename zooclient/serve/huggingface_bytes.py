"""Large files as the Hub sends them: from a host of their own, by signed links."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from attrs import evolve

from zooclient.serve.exchange import Answer, Question
from zooclient.serve.hubwrites.storage import Storage
from zooclient.serve.protocol import Site
from zooclient.serve.ranges import file_answer

#: First part of every path at the host of large files.
BYTE_PATH = "/xet-bridge-us/"


class ByteOrigin:
    """The host that signed links lead to.

    Args:
        site: What the protocol is made from. Where the two origins are one, answers repeat what the redirect to them
            said of commit and digest: a client that takes the last answer of *one* origin for the Hub's own needs it.
            Elsewhere the real host says nothing of the kind.
        storage: Answers those who send files. None: nobody may.
    """

    def __init__(self, site: Site, storage: Storage | None = None) -> None:
        self._storage = storage
        self._shelf = site.shelf
        self._signer = site.signer
        self._repeat = site.one_origin
        self._clock = site.clock

    def answer(self, question: Question) -> Answer:
        """Returns what the host would say."""
        if self._storage is not None and question.method == "PUT":
            return self._storage.answer(question)
        grant = self._signer.read(question.path, question.query, self._clock())
        if grant is None:
            return _expired()
        place = self._shelf.place(grant.sha256)
        if place is None:
            xml = b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code></Error>"
            headers = {"content-type": "application/xml"}
            return Answer(status=404, headers=headers, body=xml, model=grant.model, file=grant.file)
        # What the Hub's own host sends here looks like a sha256 and is none of the content.
        etag = f'"{hashlib.sha256(b"xet:" + grant.sha256.encode()).hexdigest()}"'
        name = quote(grant.file.rpartition("/")[2])
        headers = {
            "content-type": "application/octet-stream",
            "content-disposition": f"inline; filename*=UTF-8''{name}; filename=\"{name}\";",
            "cache-control": "public, max-age=31536000",
        }
        if self._repeat:
            headers |= {
                "x-repo-commit": grant.commit,
                "x-linked-etag": f'"{grant.sha256}"',
                "x-linked-size": str(grant.size),
            }
        answer = file_answer(place, grant.size, etag, question, headers)
        return evolve(answer, model=grant.model, file=grant.file)


def _expired() -> Answer:
    """Returns what the byte host says to a link that is over, forged or cut."""
    said = b"<Error><Code>AccessDenied</Code><Message>Access denied</Message></Error>"
    return Answer(status=403, headers={"content-type": "text/xml"}, body=b'<?xml version="1.0"?>' + said)
