"""What a run tells while it goes on: by its stream, and where that breaks by what each look at it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from zooclient.net.events import Comment, Event, EventReader
from zooclient.providers.replicate.runs_wire import State
from zooclient.records.run import RunEvent
from zooclient.records.schema import Output

Told = Callable[[RunEvent], None]


class Telling:
    """Tells each piece once, whichever way it was heard of.

    Args:
        told: Whom to tell. None: nobody.
        shape: What the model gives. None: it does not say.
    """

    def __init__(self, told: Told | None, shape: Output | None) -> None:
        self._told = told
        self._file = shape is not None and "file" in (shape.kind, shape.items)
        self._texts = shape is None or "text" in (shape.kind, shape.items)
        # Pieces of one text are compared as text, because a stream may cut it elsewhere than the answer does.
        self._one_text = shape is not None and (shape.kind == "text" or (shape.joined and not self._file))
        self._status: str | None = None
        self._output = self._logs = ""
        self._pieces = 0

    def status(self, state: State) -> None:
        """Tells how far it is, when that changed."""
        if self._told is not None and state.status != self._status:
            self._status = state.status
            self._told(RunEvent(kind="status", text=state.status))

    def logs(self, text: str) -> None:
        """Tells a piece of what the model writes."""
        if self._told is not None and text:
            self._logs += text
            self._told(RunEvent(kind="logs", text=text))

    def output(self, data: str) -> None:
        """Tells a piece of the output, as a stream says it."""
        value: Any = data
        if not self._texts and not self._file:
            try:
                value = json.loads(data)
            except (ValueError, RecursionError):
                value = data
        self._piece(value)

    def _piece(self, value: Any) -> None:
        self._pieces += 1
        if isinstance(value, str):
            self._output += value
        if self._told is not None:
            if isinstance(value, str) and not self._file:
                self._told(RunEvent(kind="output", text=value))
            else:
                self._told(RunEvent(kind="output", value=value))

    def catch_up(self, state: State) -> None:
        """Tells what an answer shows and nobody was told yet."""
        if self._told is None:
            return
        if state.logs.startswith(self._logs):
            self.logs(state.logs[len(self._logs) :])
        self._more(state)
        self.status(state)

    def _more(self, state: State) -> None:
        output = state.output
        if self._one_text:
            whole = "".join(item for item in output if isinstance(item, str)) if isinstance(output, list) else output
            if isinstance(whole, str) and whole.startswith(self._output) and whole != self._output:
                self._piece(whole[len(self._output) :])
        elif isinstance(output, list):
            for item in output[self._pieces :]:
                self._piece(item)
        elif output is not None and state.over and not self._pieces:
            self._piece(output)


class Hearing:
    """Reads a stream and tells what it says; unknown events are passed over.

    Args:
        telling: Whom to tell.
    """

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._reader = EventReader()

    def __call__(self, piece: bytes) -> bool:
        """Takes a piece; returns whether the stream is over."""
        return any(self._over(told) for told in self._reader.feed(piece))

    def _over(self, told: Event | Comment) -> bool:
        if isinstance(told, Comment):
            # ":408: 408 Request Timeout" stands in place of events of which nothing is kept any more.
            return told.text.strip().startswith("408")
        if told.kind == "output":
            self._telling.output(told.data)
        elif told.kind == "logs":
            self._telling.logs(told.data)
        return told.kind == "done"
