"""The second origin: files that models made (``replicate.delivery``), and streams (``stream.replicate.com``).

Their URLs are hard to guess and need no token. A file is gone once its time is over, as everything else of its
prediction is.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from attrs import evolve, frozen

from zooclient.serve.exchange import Answer, Question, text_answer
from zooclient.serve.ranges import matches, wanted
from zooclient.serve.replicate.runs import Event, Kept, Run, Runs, State

#: First part of every path.
BYTE_PATH: Final = "/pbxt/"
#: The same of streams.
STREAMS: Final = f"{BYTE_PATH}v1/streams/"


def content_type(kept: Kept) -> str:
    """Returns the type of a file, by its name."""
    return mimetypes.guess_type(kept.made.name)[0] or "application/octet-stream"


def file_url(origin: str, kept: Kept) -> str:
    """Returns where a file lies."""
    return f"{origin}{BYTE_PATH}{kept.key}/{quote(kept.made.name)}"


def stream_url(origin: str, run: Run) -> str:
    """Returns where a run is streamed."""
    return f"{origin}{STREAMS}{run.key}"


def linked(value: Any, link: Callable[[Kept], str]) -> Any:
    """Returns an output with what ``link`` makes of each file in it."""
    if isinstance(value, Kept):
        return link(value)
    if isinstance(value, dict):
        return {name: linked(item, link) for name, item in value.items()}
    return [linked(item, link) for item in value] if isinstance(value, list) else value


class Delivery:
    """The origin of output files and streams.

    Args:
        runs: What made them.
        lifetime: Seconds from the end of a run until its files are gone.
        clock: Unix time in seconds.
    """

    def __init__(self, runs: Runs, lifetime: float, clock: Callable[[], float]) -> None:
        self._runs = runs
        self._lifetime = lifetime
        self._clock = clock

    def answer(self, question: Question) -> Answer:
        """Returns what the host would say."""
        if question.method not in ("GET", "HEAD"):
            return text_answer("Method Not Allowed\n", status=405)
        if question.path.startswith(STREAMS):
            return self._stream(question, question.path.removeprefix(STREAMS))
        parts = question.segments
        held = self._runs.file(parts[1]) if len(parts) == 3 else None
        if held is None or held[1].made.name != parts[2]:
            return _gone()
        return self._file(question, *held)

    def over(self, run: Run) -> bool:
        """Whether the data of a run are kept no longer."""
        completed = run.state.completed
        if completed is None:
            return False
        return run.order.course.outputs == "removed" or self._clock() >= completed + self._lifetime

    def _file(self, question: Question, run: Run, kept: Kept) -> Answer:
        if run.order.course.outputs == "gone" or self.over(run):
            return _gone()
        content = kept.made.content
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        headers = {"etag": etag, "accept-ranges": "bytes", "content-type": content_type(kept)}
        about = Answer(model=run.order.model, file=kept.made.name)
        if matches(question.headers.get("if-none-match"), etag):
            return evolve(about, status=304, headers=headers)
        ranged = question.method == "GET" and question.headers.get("if-range", etag) == etag
        try:
            part = wanted(question.headers.get("range") if ranged else None, len(content))
        except ValueError:
            return evolve(about, status=416, headers={"content-range": f"bytes */{len(content)}"})
        if part is None:
            return evolve(about, headers=headers, body=content)
        start, length = part
        headers["content-range"] = f"bytes {start}-{start + length - 1}/{len(content)}"
        return evolve(about, status=206, headers=headers, body=content[start : start + length])

    def _stream(self, question: Question, key: str) -> Answer:
        run = self._runs.stream(key)
        if run is None or not run.order.course.streams:
            return text_answer("Not Found\n", status=404)
        origin = question.base
        headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"}
        if self.over(run):
            return Answer(headers=headers, body=b":408: 408 Request Timeout\n\n", model=run.order.model)
        after = question.headers.get("last-event-id")
        stream = Stream(run=run, origin=origin, start=0 if after is None else _after(after))
        return Answer(headers=headers, body=stream, model=run.order.model)


@frozen(kw_only=True)
class Stream:
    """The events of a run, as they come.

    Attributes:
        run: The run.
        origin: Where its files lie.
        start: Number of the first event to tell.
    """

    run: Run
    origin: str
    start: int = 0

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """Yields one event after the other, and ends with the run."""
        course = self.run.order.course
        number = self.start
        if course.stream_news is not None:
            yield _event(course.stream_news, "{}", "0:news" if course.stream_ids else None)
        while True:
            rung = self.run.bell.rung
            events, state = self.run.events(number)
            for event in events:
                if course.stream_events is not None and number >= course.stream_events:
                    return
                name = f"{int(event.moment)}:{number}" if course.stream_ids else None
                yield _event(event.kind, self._text(event), name)
                number += 1
            if course.stream_events is not None and number >= course.stream_events:
                return
            if state.over:
                yield _last(state)
                return
            await self.run.bell.after(rung)

    def _text(self, event: Event) -> str:
        if isinstance(event.value, Kept):
            return file_url(self.origin, event.value)
        if isinstance(event.value, str):
            return event.value
        return json.dumps(linked(event.value, partial(file_url, self.origin)), ensure_ascii=False)


def _last(state: State) -> bytes:
    """What ends a stream; these events have no ids."""
    if state.status == "failed":
        return _event("error", json.dumps({"detail": state.error})) + _event("done", '{"reason":"error"}')
    return _event("done", "{}" if state.status == "succeeded" else '{"reason":"canceled"}')


def _event(kind: str, text: str, name: str | None = None) -> bytes:
    lines = [f"event: {kind}", *([] if name is None else [f"id: {name}"])]
    lines += [f"data: {line}" for line in text.split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


def _after(text: str) -> int:
    """The number of the event after the one with this id; of the first where it is no id of an event."""
    number = text.rpartition(":")[2]
    return int(number) + 1 if number.isascii() and number.isdigit() and len(number) < 10 else 0


def _gone() -> Answer:
    body = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code>"
    body += "<Message>The specified key does not exist.</Message></Error>"
    return Answer(status=404, headers={"content-type": "application/xml; charset=UTF-8"}, body=body.encode())
