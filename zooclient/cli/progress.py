"""Bars for a transfer, on a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from zooclient.transfer.reporter import Reporter

#: Files shown at a time besides the total.
SHOWN = 6


class Bars(Reporter):
    """A bar for the whole and one for each file under way. rich is safe between threads."""

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
        if len(self._files) < SHOWN:
            name = path if len(path) <= 40 else "…" + path[-39:]
            self._files[path] = self._progress.add_task(name, total=size, completed=have)
        if self._total is not None:
            self._progress.advance(self._total, have)

    def advanced(self, path: str, count: int) -> None:
        """Moves the bars."""
        task = self._files.get(path)
        if task is not None:
            self._progress.advance(task, count)
        if self._total is not None:
            self._progress.advance(self._total, count)

    def finished(self, path: str) -> None:
        """Takes the file's bar away."""
        task = self._files.pop(path, None)
        if task is not None:
            self._progress.remove_task(task)

    def retried(self, path: str, reason: str, wait: float) -> None:
        """Tells of a failure that is being mended."""
        self._progress.console.print(f"{path}: {reason}; again in {wait:.0f} s", markup=False)
