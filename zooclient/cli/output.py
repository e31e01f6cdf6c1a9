"""The one owner of stdout and stderr.

stdout is for what can be piped: results, a line each, or JSON. stderr is for talk: warnings, errors,
progress. No colour is needed to understand anything.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from zooclient.errors import (
    DamagedWarning,
    RateLimited,
    RefError,
    StaleWarning,
    StoreError,
    UnpinnedWarning,
    ZooError,
)

if TYPE_CHECKING:
    from zooclient.client.sync import Client
    from zooclient.records.model import FileEntry
    from zooclient.transfer.reporter import Reporter


class Desk:
    """What a verb works at: the streams, the environment, and the client made from it.

    Args:
        out: Stream for results. None: stdout.
        err: Stream for talk. None: stderr.
        environ: Environment to read. None: the process's own.
        project: Folder from which a project file is looked for. None: none is.
    """

    def __init__(
        self,
        *,
        out: TextIO | None = None,
        err: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
        project: str | None = os.curdir,
    ) -> None:
        self.out = out or _open_or_nowhere(sys.stdout)
        self.err = err or _open_or_nowhere(sys.stderr)
        self.environ = environ if environ is not None else os.environ
        self.project = project

    def client(self, **overrides: Any) -> Client:
        """Returns a client made from the environment, the user's config file and the project at hand."""
        from zooclient.client.sync import Client
        from zooclient.settings import Settings

        project = None if self.project is None else Path(self.project)
        return Client(settings=Settings.from_env(self.environ, project=project), **overrides)

    def line(self, text: str) -> None:
        """Prints one line of the result."""
        with self._handing_over():
            self.out.write(_written(_harmless(text), self.out) + "\n")

    def piece(self, text: str) -> None:
        """Prints a piece of the result at once, without ending the line."""
        with self._handing_over():
            self.out.write(_written(_harmless(text), self.out))
            self.out.flush()

    def width(self) -> int:
        """Returns the columns that a line of the result may take: the terminal's, or what COLUMNS says, or 100."""
        told = self.environ.get("COLUMNS", "")
        if told.isdecimal() and int(told) > 0:
            return int(told)
        try:
            return os.get_terminal_size(self.out.fileno()).columns or 100
        except (OSError, ValueError):  # no terminal
            return 100

    def json(self, data: object) -> None:
        """Prints one JSON value as the result; in ASCII where the stream cannot write the rest."""
        text = json.dumps(data, indent=2, ensure_ascii=False)
        if _written(text, self.out) != text:
            text = json.dumps(data, indent=2)
        with self._handing_over():
            self.out.write(text + "\n")

    def talk(self, text: str) -> None:
        """Says something to the person, beside the result."""
        self.err.write(_written(_harmless(text), self.err) + "\n")
        self.err.flush()

    def error(self, error: ZooError) -> None:
        """Says what went wrong and what to do next."""
        self.talk(f"error: {error.message}")
        if isinstance(error, RefError) and error.position is not None and error.ref and error.ref.isprintable():
            self.talk(f"  {error.ref}")
            self.talk(f"  {' ' * error.position}^")
        elif error.ref and error.ref not in error.message:
            self.talk(f"  on: {error.ref}")
        if error.url and error.url not in error.message:
            self.talk(f"  at: {error.url}")
        access_url = getattr(error, "access_url", None)
        if access_url and access_url not in error.message:
            self.talk(f"  ask at: {access_url}")
        if isinstance(error, RateLimited) and error.retry_after is not None:
            self.talk(f"  try again in: {error.retry_after:.0f} s")
        if error.hint:
            self.talk(f"  hint: {error.hint}")

    @contextmanager
    def warnings_told(self) -> Iterator[None]:
        """Prints our warnings as one line of talk each, every time, while it lasts."""

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            self.talk(f"warning: {message}")

        with warnings.catch_warnings():
            for category in (UnpinnedWarning, StaleWarning, DamagedWarning):
                warnings.simplefilter("always", category)
            warnings.showwarning = show
            yield

    @contextmanager
    def progress(self) -> Iterator[Reporter]:
        """Shows bars for a transfer while it lasts, when a person is looking on; says nothing otherwise."""
        from zooclient.transfer.reporter import Reporter

        if not self._watched():
            yield Reporter()
            return
        from zooclient.cli.progress import Bars

        with Bars(self.err) as bars:
            yield bars

    @contextmanager
    def busy(self, doing: str) -> Iterator[None]:
        """Shows that work goes on whose length is not known, when a person is looking on."""
        if not self._watched():
            yield
            return
        from zooclient.cli.progress import spinner

        with spinner(self.err, doing):
            yield

    def _watched(self) -> bool:
        return self.err.isatty() and self.environ.get("TERM") != "dumb"

    def flush(self) -> None:
        """Hands the result over; a reader that has gone is noticed here.

        Raises:
            BrokenPipeError: The reader has gone.
            StoreError: It cannot be written, to a full disk for instance.
        """
        with self._handing_over():
            self.out.flush()

    @contextmanager
    def _handing_over(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            self.abandon()
            raise StoreError(f"The result cannot be written to stdout: {error.strerror}.") from error

    def abandon(self) -> None:
        """Stops writing to a reader that has gone, so that the interpreter's last flush is quiet."""
        try:
            descriptor = self.out.fileno()
        except (OSError, ValueError):
            return
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _open_or_nowhere(stream: TextIO | None) -> TextIO:
    """Returns the stream; what swallows everything when the process was started without it (``2>&-``)."""
    return stream if stream is not None else Path(os.devnull).open("w", encoding="utf-8")


def _written(text: str, stream: TextIO) -> str:
    """Returns the text with what the stream's encoding cannot write spelled as escapes."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def _harmless(text: str) -> str:
    """Takes control characters out, which a zoo's texts could steer a terminal with."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def counted(number: int, noun: str) -> str:
    """Returns ``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sized(*files: FileEntry) -> str:
    """Returns the size of files for people: ``about`` where the zoo tells it roughly, ``?`` where it is not known."""
    sizes = [entry.expected_size for entry in files]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return human(None)
    return human(sum(known), about=any(entry.size is None for entry in files))


def human(size: int | None, *, about: bool = False) -> str:
    """Returns a size for people, in powers of 1000 as the zoos print it; ``?`` when it is not known."""
    if size is None:
        return "?"
    if about:
        return f"about {human(size)}"
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.5 or unit == "TB":
            break
    return f"{amount:.1f} {unit}"
