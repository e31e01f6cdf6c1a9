"""Ways in which a server may fail its clients, each a switch that can be thrown while it runs.

A :class:`Fault` turns the answer that a server was about to give into a worse one, or says that it has nothing to
do with it (None). :class:`Faults` holds the ones that are thrown, each with a pattern of what it is about.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import unquote

from attrs import evolve, field, frozen

from zooclient.serve.exchange import Answer, Question, Span, text_answer

Handler = Callable[[Question], Answer]

_DOCUMENT = "application/json"

#: How the zoos spell the fields of a file in their listings: its path, its size with the bytes of its unit, its
#: digests, and what holds further sizes and digests.
_PATHS = ("path", "rfilename", "Path", "name")
_SIZES = {"size": 1, "Size": 1, "sizeKB": 1024}
_DIGESTS = ("oid", "blobId", "sha256", "Sha256", "SHA256")
_DIGESTED = ("lfs", "hashes")


@frozen(kw_only=True)
class Fault:
    """What all faults share.

    Attributes:
        times: Answers that it spoils before it is spent. None: all, until it is healed.
        origin: Only answers of the ``hub`` (the zoo's own origin) or of the ``cdn`` (where large files come from).
            None: both.
        method: Only answers to this HTTP method. None: to all.
    """

    times: int | None = None
    origin: Literal["hub", "cdn"] | None = None
    method: str | None = None

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Returns the worse answer; None when this answer is none of its business.

        Args:
            question: What was asked.
            answer: What would be said.
            ask: Puts another question to the server.
            about: Whether a path of a file is one that the fault is about.
        """
        raise TypeError(f"{type(self).__name__} does not say what it spoils.")

    def refuse(self, question: Question) -> Answer | None:
        """Returns what is answered before anything is done; None where the fault leaves that to the server.

        Of what the question is about only its URL is known by then.
        """
        return None


def _has_body(question: Question, answer: Answer) -> bool:
    return question.method != "HEAD" and 200 <= answer.status < 300


@frozen
class Cut(Fault):
    """The connection is closed after so many bytes of a body, once unless told otherwise.

    Attributes:
        after: Bytes of this body, which is not longer by chance: a shorter one is left alone.
    """

    after: int = field(default=0)
    times: int | None = field(default=1, kw_only=True)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Closes the connection early."""
        if not _has_body(question, answer) or answer.length <= self.after:
            return None
        return evolve(answer, delivery=evolve(answer.delivery, cut=self.after))


@frozen
class Stall(Fault):
    """Nothing more comes after so many bytes of a body, though the connection stays open.

    Attributes:
        after: Bytes of this body.
        seconds: After which the connection is closed after all.
    """

    after: int = field(default=0)
    seconds: float = field(default=3600.0)
    times: int | None = field(default=1, kw_only=True)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Lets the body dry up."""
        if not _has_body(question, answer) or answer.length <= self.after:
            return None
        return evolve(answer, delivery=evolve(answer.delivery, stall=self.after, stall_for=self.seconds))


@frozen
class Slow(Fault):
    """A body comes at so many bytes a second."""

    rate: float = field(default=64 * 1024.0)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Holds the body back."""
        if not _has_body(question, answer):
            return None
        return evolve(answer, delivery=evolve(answer.delivery, pace=self.rate))


@frozen
class Flip(Fault):
    """One bit of a file is wrong, in every range that holds it.

    Attributes:
        at: Offset of the byte in the file; a negative one counts from the end.
    """

    at: int = field(default=-1)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Turns the lowest bit of the byte."""
        if not _has_body(question, answer):
            return None
        start, total = _extent(answer)
        offset = (self.at if self.at >= 0 else total + self.at) - start
        if not 0 <= offset < answer.length:
            return None
        return evolve(answer, delivery=evolve(answer.delivery, flip=offset))


@frozen
class Resize(Fault):
    """A file has another size than the zoo says; its headers agree with what is sent.

    Attributes:
        by: Bytes more (zeros are added) or, below zero, fewer.
    """

    by: int = field(default=1)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Sends another size, and claims it."""
        if not 200 <= answer.status < 300 or answer.file is None:
            return None
        start, total = _extent(answer)
        size = max(0, total + self.by)
        length = max(0, min(start + answer.length, size) - start)
        pad = 0
        if start + answer.length == total and self.by > 0:
            pad = self.by
            length = answer.length
        body = answer.body[:length] if isinstance(answer.body, bytes) else answer.body
        if isinstance(body, Span):
            body = evolve(body, length=length)
        headers = dict(answer.headers)
        if "content-range" in headers:
            headers["content-range"] = f"bytes {start}-{start + length + pad - 1}/{size}"
        return evolve(answer, body=body, headers=headers, delivery=evolve(answer.delivery, pad=pad))


@frozen
class NoRange(Fault):
    """A range that was asked for is ignored: the whole file comes, with status 200."""

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Answers as if no range had been asked for."""
        if "content-range" not in answer.headers:
            return None
        headers = {name: value for name, value in question.headers.items() if name != "range"}
        return ask(evolve(question, headers=headers))


@frozen
class NewEtag(Fault):
    """The entity tag of a file is another than before, as when it is replaced midway."""

    etag: str = field(default='"0000000000000000000000000000000000000000000000000000000000000000"')

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Replaces the tag; an ``If-Range`` with the old one then gets the whole file."""
        if answer.status not in (200, 206) or "etag" not in answer.headers or answer.file is None:
            return None
        condition = question.headers.get("if-range")
        if condition is not None:
            # The server knows the true tag alone, so the condition is decided here.
            drop = "if-range" if condition == self.etag else "range"
            headers = {name: value for name, value in question.headers.items() if name != drop}
            answer = ask(evolve(question, headers=headers))
        return evolve(answer, headers={**answer.headers, "etag": self.etag})


@frozen
class Status(Fault):
    """Another status instead of the answer.

    Attributes:
        code: HTTP status. 0: the connection is closed without an answer.
        retry_after: Value of ``Retry-After``, seconds or an HTTP date. None: no such header.
        headers: Further headers.
        body: Body.
        first: Refuse before anything is done: an upload is not kept, a commit not made. The pattern is then held
            against the path of the URL alone. Off, it is done, and answered as if it were not.
    """

    code: int = field(default=503)
    retry_after: float | str | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] = field(factory=dict, kw_only=True, hash=False)
    body: str = field(default="", kw_only=True)
    first: bool = field(default=False, kw_only=True)
    times: int | None = field(default=1, kw_only=True)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Answers with the status."""
        if self.first:
            return None
        given = self._given()
        headers = {**_manners(answer), **given.headers}
        return evolve(given, headers=headers, model=answer.model, file=answer.file)

    def refuse(self, question: Question) -> Answer | None:
        """Answers with the status, where that is to come first."""
        return self._given() if self.first else None

    def _given(self) -> Answer:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.retry_after is not None:
            after = self.retry_after
            headers["retry-after"] = f"{after:g}" if isinstance(after, float) else str(after)
        return text_answer(self.body, status=self.code, headers=headers)


@frozen
class Lost(Fault):
    """What was asked for is done, and the answer never comes; to one POST unless told otherwise.

    Attributes:
        seconds: After which the connection is closed after all.
    """

    seconds: float = field(default=3600.0)
    times: int | None = field(default=1, kw_only=True)
    method: str | None = field(default="POST", kw_only=True)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Keeps the answer back."""
        return evolve(answer, status=0, delivery=evolve(answer.delivery, delay=self.seconds))


@frozen
class Expired(Fault):
    """A signed link is over before its time: the byte origin refuses it, once unless told otherwise."""

    times: int | None = field(default=1, kw_only=True)
    origin: Literal["hub", "cdn"] | None = field(default="cdn", kw_only=True)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Answers as for a link that is over."""
        # Without its query no link is a good one, and each host says so in its own way.
        return evolve(ask(evolve(question, query="")), model=answer.model, file=answer.file)


@frozen
class Redirect(Fault):
    """A file is said to lie elsewhere.

    Attributes:
        to: Value of ``Location``.
        code: Status.
    """

    to: str = field(default="http://127.0.0.1:9/elsewhere")
    code: int = field(default=302, kw_only=True)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Redirects; what an earlier redirect said of the file stays."""
        headers = {**answer.headers, "location": self.to, "content-type": "text/plain; charset=utf-8"}
        return evolve(answer, status=self.code, headers=headers, body=f"Found. Redirecting to {self.to}".encode())


@frozen
class LyingCommit(Fault):
    """The answer names another commit than the one that was asked for, wherever the zoo names it.

    The Hub does in ``X-Repo-Commit`` and ``sha``, ModelScope in its log of commits and beside a listing of files.
    """

    commit: str = field(default="f" * 40)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Replaces the commit."""
        headers, spoilt = dict(answer.headers), None
        if "x-repo-commit" in headers:
            headers["x-repo-commit"] = self.commit
            spoilt = evolve(answer, headers=headers)
        document = _document(answer)
        told = _mapping(document)
        data = _mapping(told.get("Data"))
        commits = [told] if "sha" in told else []
        commits += [_mapping(item) for item in (*_list(data.get("Commit")), data.get("LatestCommitter"))]
        for commit in commits:
            for name, length in (("sha", 40), ("Id", 40), ("ShortId", 8)):
                if name in commit:
                    commit[name] = self.commit[:length]
                    spoilt = evolve(answer, headers=headers, body=_dumped(document))
        return spoilt


@frozen
class Claim(Fault):
    """The zoo claims something false of a file: in listings, and in the headers of its redirect.

    Attributes:
        size_by: Bytes that are added to the size.
        digest: ``wrong``: another one of the right shape; ``masked``: asterisks; ``none``: no field at all; None: as
            it is.
    """

    size_by: int = 0
    digest: Literal["wrong", "masked", "none"] | None = None

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Rewrites sizes and digests."""
        headers = dict(answer.headers)
        if "x-linked-etag" in headers and answer.file is not None:
            return evolve(answer, headers=self._headers(headers)) if about(answer.file) else None
        document = _document(answer)
        hits = [entry for entry in _entries(document) if about(_path(entry))]
        for entry in hits:
            self._falsify(entry)
        return evolve(answer, body=_dumped(document)) if hits else None

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        if "x-linked-size" in headers:
            headers["x-linked-size"] = str(int(headers["x-linked-size"]) + self.size_by)
        true = headers["x-linked-etag"]
        for name in ("x-linked-etag", "etag"):
            if headers.get(name) == true:
                told = self._digest(headers.pop(name).strip('"'))
                headers |= {} if told is None else {name: f'"{told}"'}
        return headers

    def _falsify(self, entry: dict[str, Any]) -> None:
        for part in (entry, *(entry.get(name) for name in _DIGESTED)):
            if not isinstance(part, dict):
                continue
            for name in _SIZES:
                if isinstance(part.get(name), int | float):
                    part[name] += self.size_by / _SIZES[name] if _SIZES[name] > 1 else self.size_by
            for name in _DIGESTS:
                if isinstance(part.get(name), str) and part[name]:
                    told = self._digest(part.pop(name))
                    part |= {} if told is None else {name: told}

    def _digest(self, digest: str) -> str | None:
        turned = digest[:-1] + ("0" if digest[-1:] != "0" else "1")
        return {"wrong": turned, "masked": "*" * len(digest), "none": None, None: digest}[self.digest]


@frozen
class Body(Fault):
    """Another body, with a status of its own choice: not JSON, a proxy's page, half a document."""

    content: bytes = field(default=b"<html><title>Sign in</title></html>")
    content_type: str = field(default="text/html", kw_only=True)
    code: int = field(default=200, kw_only=True)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Replaces the body."""
        headers = {**_manners(answer), "content-type": self.content_type}
        return evolve(answer, status=self.code, headers=headers, body=self.content)


@frozen
class Truncated(Fault):
    """A JSON document ends in the middle, though its length is told truly."""

    keep: int = field(default=20)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Cuts the document."""
        if not isinstance(answer.body, bytes) or not answer.headers.get("content-type", "").startswith(_DOCUMENT):
            return None
        return evolve(answer, body=answer.body[: self.keep])


@frozen
class Enormous(Fault):
    """A JSON document is followed by zeros without end, so to say.

    Attributes:
        size: Bytes of the whole.
    """

    size: int = field(default=1024 * 1024 * 1024)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Pads the document."""
        if not answer.headers.get("content-type", "").startswith(_DOCUMENT):
            return None
        return evolve(answer, delivery=evolve(answer.delivery, pad=max(0, self.size - answer.length)))


@frozen
class Edit(Fault):
    """A JSON document is changed by a function.

    Attributes:
        change: Is given the document and returns the one to send.
    """

    change: Callable[[Any], Any] = field(default=lambda document: None)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Replaces the document."""
        document = _document(answer)
        return None if document is None else evolve(answer, body=_dumped(self.change(document)))


@frozen
class NullList(Fault):
    """A list of a JSON document is null: the field of this name, however deep, or the document where it is a list."""

    name: str = field(default="siblings")

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Puts null in place of the list."""
        document = _document(answer)
        if isinstance(document, list):
            return evolve(answer, body=b"null")
        holders = [item for item in _objects(document) if self.name in item]
        for holder in holders:
            holder[self.name] = None
        return evolve(answer, body=_dumped(document)) if holders else None


@frozen
class Do(Fault):
    """Something happens at the zoo just before an answer is sent: a branch moves, a file changes; once by default.

    Attributes:
        action: Is called in a thread of the server. The answer itself stays as it is.
    """

    action: Callable[[], object] = field(default=lambda: None)
    times: int | None = field(default=1, kw_only=True)

    def spoil(self, question: Question, answer: Answer, ask: Handler, about: Callable[[str], bool]) -> Answer | None:
        """Calls the action."""
        self.action()
        return answer


class Thrown:
    """A fault that is thrown.

    Attributes:
        pattern: What it is about.
        fault: The fault.
        zoo: Scheme of the zoo whose answers it spoils. None: all.
        hits: Answers that it has spoilt.
    """

    def __init__(self, pattern: str, fault: Fault, zoo: str | None = None) -> None:
        self.pattern = pattern
        self.fault = fault
        self.zoo = zoo
        self.hits = 0

    @property
    def spent(self) -> bool:
        """Whether it has spoilt as many answers as it may."""
        return self.fault.times is not None and self.hits >= self.fault.times

    def __repr__(self) -> str:
        return f"Thrown({self.pattern!r}, {self.fault!r}, zoo={self.zoo!r}, hits={self.hits})"


class Faults:
    """The faults that are thrown. Safe between threads."""

    def __init__(self) -> None:
        # Reentrant, because an action may throw or heal other faults.
        self._lock = threading.RLock()
        self._thrown: list[Thrown] = []

    def throw(self, pattern: str, fault: Fault, *, zoo: str | None = None) -> Thrown:
        """Throws a switch. Several may be thrown at once; each is applied to what the ones before left.

        Args:
            pattern: Shell pattern, in which ``*`` crosses slashes. It is held against the path of a file within its
                model (``*.safetensors``), the same with the model before it (``org/name/config.json``), the id of
                the model (``org/name``), and the path of the URL, decoded (``/api/models*``).
            fault: What goes wrong.
            zoo: Scheme of the zoo at which it does. None: all.
        """
        thrown = Thrown(pattern, fault, zoo)
        with self._lock:
            self._thrown.append(thrown)
        return thrown

    def heal(self, thrown: Thrown | None = None) -> None:
        """Takes one fault back; None takes all of them."""
        with self._lock:
            self._thrown = [other for other in self._thrown if thrown is not None and other is not thrown]

    def refuse(self, question: Question, zoo: str, origin: str) -> Answer | None:
        """Returns what is answered before anything is done; None where it is left to the zoo."""
        with self._lock:
            for thrown in self._held(question, zoo, origin):
                refusal = thrown.fault.refuse(question) if _about(thrown.pattern, question, Answer()) else None
                if refusal is not None:
                    thrown.hits += 1
                    return refusal
        return None

    def _held(self, question: Question, zoo: str, origin: str) -> Iterator[Thrown]:
        for thrown in tuple(self._thrown):
            fault = thrown.fault
            if thrown.spent or fault.origin not in (None, origin) or thrown.zoo not in (None, zoo):
                continue
            if fault.method in (None, question.method):
                yield thrown

    def spoil(self, question: Question, answer: Answer, zoo: str, origin: str, ask: Handler) -> Answer:
        """Returns the answer that a zoo gives at one of its origins as the faults leave it."""
        with self._lock:
            for thrown in self._held(question, zoo, origin):
                # A claim is about files within a listing, so the listing itself need not fit.
                if not isinstance(thrown.fault, Claim) and not _about(thrown.pattern, question, answer):
                    continue
                worse = thrown.fault.spoil(question, answer, ask, _names(thrown.pattern, answer.model))
                if worse is not None:
                    thrown.hits += 1
                    answer = worse
        return answer


def _names(pattern: str, model: str | None) -> Callable[[str], bool]:
    return lambda path: fnmatchcase(path, pattern) or fnmatchcase(f"{model}/{path}", pattern) or model == pattern


def _about(pattern: str, question: Question, answer: Answer) -> bool:
    subjects = [unquote(question.path)]
    if answer.model is not None:
        subjects.append(answer.model)
        if answer.file is not None:
            subjects += [answer.file, f"{answer.model}/{answer.file}"]
    return any(fnmatchcase(subject, pattern) for subject in subjects)


def _extent(answer: Answer) -> tuple[int, int]:
    """First byte of the body within its file, and the size of the file."""
    if not isinstance(answer.body, Span):
        return 0, answer.length
    # Not the status: there are zoos that answer with a part under 200.
    if "content-range" in answer.headers:
        return answer.body.offset, int(answer.headers["content-range"].rpartition("/")[2])
    return 0, answer.body.length


def _manners(answer: Answer) -> dict[str, str]:
    """What every answer of a host carries, whatever it says."""
    names = ("x-request-id", "ratelimit", "ratelimit-policy", "x-powered-by")
    return {name: value for name, value in answer.headers.items() if name in names}


def _document(answer: Answer) -> Any:
    if not isinstance(answer.body, bytes) or not answer.headers.get("content-type", "").startswith(_DOCUMENT):
        return None
    return json.loads(answer.body)


def _dumped(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document, outer ones first."""
    if isinstance(document, dict):
        yield document
    items = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    for item in items:
        yield from _objects(item)


def _entries(document: Any) -> list[dict[str, Any]]:
    """The objects of a document that are about one file, whichever zoo wrote it."""
    return [
        item
        for item in _objects(document)
        if any(name in item for name in _PATHS)
        and any(name in item for name in _SIZES)
        and item.get("type") != "directory"
        and item.get("Type") != "tree"
    ]


def _path(entry: Mapping[str, Any]) -> str:
    return str(next(entry[name] for name in _PATHS if name in entry))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
