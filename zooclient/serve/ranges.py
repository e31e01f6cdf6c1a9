"""Which bytes of a file a request wants (RFC 9110, sections 13 and 14). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from zooclient.serve.exchange import Answer, Question, Span
from zooclient.serve.shelf import Place

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def wanted(header: str | None, size: int) -> tuple[int, int] | None:
    """Returns offset and length of the range that a ``Range`` header asks for.

    None stands for the whole file: no header, several ranges, or one that cannot be read, which a server ignores.

    Raises:
        ValueError: The range lies outside the file; the answer is 416.
    """
    match = _RANGE.fullmatch((header or "").replace(" ", ""))
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise ValueError("an empty suffix")
        return size - length, length
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise ValueError("beyond the end")
    return start, end - start + 1


def matches(header: str | None, etag: str) -> bool:
    """Whether an ``If-None-Match`` header names this entity tag."""
    if header is None:
        return False
    return header.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in header.split(",")]


def file_answer(place: Place, size: int, etag: str, question: Question, headers: Mapping[str, str]) -> Answer:
    """Returns the answer with the file, or the part of it, that is wanted.

    Args:
        place: Where the bytes lie.
        size: Bytes of the whole.
        etag: Entity tag, quoted.
        question: What was asked.
        headers: Further headers of the answer.
    """
    every = {"etag": etag, "accept-ranges": "bytes", **headers}
    if matches(question.headers.get("if-none-match"), etag):
        return Answer(status=304, headers=every)
    ranged = question.method == "GET" and question.headers.get("if-range", etag) == etag
    header = question.headers.get("range") if ranged else None
    try:
        span = wanted(header, size)
    except ValueError:
        return Answer(status=416, headers={**every, "content-range": f"bytes */{size}"})
    if span is None:
        return Answer(status=200, headers=every, body=Span(place=place, offset=0, length=size))
    offset, length = span
    every["content-range"] = f"bytes {offset}-{offset + length - 1}/{size}"
    return Answer(status=206, headers=every, body=Span(place=place, offset=offset, length=length))
