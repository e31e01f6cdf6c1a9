"""Hashing a file in order, whatever the order in which it arrives."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from zooclient.records.digest import git_blob_header
from zooclient.records.receipt import Observed
from zooclient.transfer.buffers import Buffers
from zooclient.transfer.positioned import PositionedFile

#: Bytes hashed at a time: large enough that the interpreter's lock is rarely asked for, small enough for caches.
BLOCK = 1024 * 1024

#: Buffers that may wait to be hashed; what arrives beyond that is read back from the file.
_WAITING = 4


def claim_of(digests: Mapping[str, str]) -> str:
    """Returns the digest that proves the file, as ``algorithm:hex``; empty when none is stated that proves it."""
    for algorithm in ("sha256", "git-sha1"):
        if algorithm in digests:
            return f"{algorithm}:{digests[algorithm]}"
    return ""


class Digester:
    """The running digests of one file, from its first byte to :attr:`position`.

    Args:
        file: Where the bytes that were not fed are read from.
        git: Compute the git blob's sha1 as well.
    """

    def __init__(self, file: PositionedFile, *, git: bool) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._git = git
        self._sha1: hashlib._Hash | None = None
        self._buffer: memoryview | None = None
        self.position = 0

    def expect(self, size: int) -> None:
        """Tells the size, which git hashes before the content: before the first byte, or git's is left out."""
        if self._git and self._sha1 is None and self.position == 0:
            self._sha1 = hashlib.sha1(git_blob_header(size), usedforsecurity=False)

    def feed(self, data: memoryview, position: int) -> None:
        """Hashes bytes that have just arrived, if they are the next in order; otherwise leaves them for later."""
        if position == self.position:
            self._update(data)

    def catch_up(self, upto: int) -> None:
        """Reads the file from :attr:`position` to ``upto`` and hashes that.

        Raises:
            OSError: The file cannot be read, or is shorter.
        """
        if self._buffer is None and self.position < upto:
            self._buffer = memoryview(bytearray(BLOCK))
        while self._buffer is not None and self.position < upto:
            view = self._buffer[: min(BLOCK, upto - self.position)]
            count = self._file.read_at(view, self.position)
            if count == 0:
                raise OSError(f"the unfinished file ends at byte {self.position}, before byte {upto}")
            self._update(view[:count])

    def observed(self) -> Observed:
        """Returns the digests of what was hashed so far.

        Raises:
            OSError: The file must be read once more, because its size was not known at first, and cannot be.
        """
        size = self.position
        if self._git and self._sha1 is None:
            again = Digester(self._file, git=True)
            again.expect(size)
            again.catch_up(size)
            return again.observed()
        return Observed(
            size=size, sha256=self._sha256.hexdigest(), git_sha1=self._sha1.hexdigest() if self._sha1 else None
        )

    def _update(self, data: memoryview) -> None:
        self._sha256.update(data)
        if self._sha1 is not None:
            self._sha1.update(data)
        self.position += len(data)


class Follower:
    """A thread that hashes a file in order, close behind those who write it in ranges.

    What arrives in order is hashed out of the buffer in which it came; only the rest is read back from the file.

    Args:
        digester: What hashes.
        buffers: Where a buffer goes once it is hashed.
        name: Name of the thread.
    """

    def __init__(self, digester: Digester, buffers: Buffers, *, name: str) -> None:
        self._digester = digester
        self._buffers = buffers
        self._wake = threading.Condition()
        self._upto = 0
        self._waiting: deque[tuple[int, memoryview, int]] = deque()
        self._stop = False
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def advance(self, upto: int) -> None:
        """Tells that every byte before ``upto`` is written."""
        with self._wake:
            if upto > self._upto:
                self._upto = upto
                self._wake.notify()

    def take(self, buffer: memoryview, count: int, position: int, upto: int) -> None:
        """Takes the buffer whose first ``count`` bytes were just written at ``position``, and gives it back in time.

        Args:
            buffer: Nobody else may touch it any more.
            count: Bytes of it that count.
            position: Where they were written.
            upto: Every byte before this one is written.
        """
        with self._wake:
            # Not what lies behind a gap, nor what the thread may be reading from the file already.
            in_order = count > 0 and self._upto <= position < upto and len(self._waiting) < _WAITING
            if in_order:
                self._waiting.append((position, buffer, count))
            if upto > self._upto:
                self._upto = upto
                self._wake.notify()
        if not in_order:
            self._buffers.give_back(buffer)

    def stop(self) -> None:
        """Ends the thread, wherever it is."""
        with self._wake:
            self._stop = True
            self._wake.notify()
        self._thread.join()

    def reached(self, position: int, patience: float) -> bool:
        """Waits ``patience`` seconds at the most; returns whether everything before ``position`` is hashed.

        Raises:
            OSError: The file cannot be read.
        """
        with self._wake:
            self._wake.wait_for(lambda: self._error or self._digester.position >= position, patience)
            if self._error is not None:
                raise self._error
            return self._digester.position >= position

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stop or self._upto > self._digester.position)
                if self._stop:
                    return
                at = self._digester.position
                waiting = self._waiting.popleft() if self._waiting and self._waiting[0][0] == at else None
                upto = self._waiting[0][0] if self._waiting else self._upto
            try:
                if waiting is not None:
                    _, buffer, count = waiting
                    self._digester.feed(buffer[:count], at)
                    self._buffers.give_back(buffer)
                else:
                    # Block by block, so that a wish to stop is seen soon.
                    self._digester.catch_up(min(upto, at + 8 * BLOCK))
            except OSError as error:
                with self._wake:
                    self._error = error
                    self._wake.notify_all()
                return
            with self._wake:
                self._wake.notify_all()
