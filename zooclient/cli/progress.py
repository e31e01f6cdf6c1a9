"""Bars for a transfer, on a terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from zooclient.transfer.reporter import Reporter

#: Files shown at a time besides the total.
SHOWN = 6


@contextmanager
def spinner(stream: TextIO, doing: str) -> Iterator[None]:
    """Shows what is being done and for how long, while it lasts."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=stream, highlight=False), transient=True) as progress:
        progress.add_task(doing, total=None)
        yield


class Bars(Reporter):
    """A bar for the whole and one for each file under way. May be told by several threads at a time."""

    def __init__(self, stream: TextIO) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream, highlight=False),
            transient=True,
        )
        self._total: TaskID | None = None
        self._files: dict[str, TaskID] = {}
        # rich has a lock of its own; this one keeps a bar from being moved after it was taken away.
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def planned(self, files: int, size: int) -> None:
        """Shows the whole."""
        self._total = self._progress.add_task(f"{files} file{'s' if files != 1 else ''}", total=size or None)

    def started(self, path: str, size: int | None, have: int) -> None:
        """Shows a file."""
        with self._lock:
            if len(self._files) < SHOWN:
                name = path if len(path) <= 40 else "…" + path[-39:]
                self._files[path] = self._progress.add_task(name, total=size, completed=have)
        if self._total is not None:
            self._progress.update(self._total, advance=have)

    def advanced(self, path: str, count: int) -> None:
        """Moves the bars."""
        # Not `advance`, which would make a speed below zero of bytes that are thrown away.
        with self._lock:
            for task in (self._files.get(path), self._total):
                if task is not None:
                    self._progress.update(task, advance=count)

    def finished(self, path: str) -> None:
        """Takes the file's bar away."""
        with self._lock:
            task = self._files.pop(path, None)
            if task is not None:
                self._progress.remove_task(task)

    def retried(self, path: str, reason: str, wait: float) -> None:
        """Tells of a failure that is being mended."""
        self._progress.console.print(f"{path}: {reason}; again in {wait:.0f} s", markup=False)
