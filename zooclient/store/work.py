"""What one open store is about, so that pruning leaves it alone: its temporary files, and what it still needs.

Between the moment in which a content passes the door and the one in which a snapshot holds it, nothing but this names
it. The folder is made when the store first writes, its lock is held while the store lives, and whoever finds the
folder without its lock knows that the owner was killed.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from zooclient.store.files import discard, storing, token
from zooclient.store.layout import Layout
from zooclient.store.locks import Held, Locks, NoLocks


class Work:
    """The working folder of one open store.

    Args:
        layout: Where it goes.
        locks: The locks of the store.
    """

    def __init__(self, layout: Layout, locks: Locks) -> None:
        self.folder = os.path.join(layout.work, token())
        self._pid = os.getpid()
        self._holds: Counter[str] = Counter()
        self._threads = threading.Lock()
        with locks.gate(), storing("beginning to write", self.folder):
            os.makedirs(self.folder)
            lock: Held | None
            try:
                lock = locks.take(os.path.join(self.folder, "lock"))
            except NoLocks:
                lock = None
        self._end = weakref.finalize(self, _end, self.folder, lock, self._pid)

    @property
    def gone(self) -> bool:
        """Whether it belongs to the process that this one was forked from, or somebody deleted the whole store."""
        return self._pid != os.getpid() or not os.path.isdir(self.folder)

    def path(self) -> str:
        """Returns a path for a temporary file or folder that nobody else uses."""
        return os.path.join(self.folder, token())

    def hold(self, names: Iterable[str]) -> None:
        """Notes that these snapshots (relative path) are needed, once more. Call it at the gate."""
        self._note("+", names)

    def hold_contents(self, contents: Iterable[str]) -> None:
        """Notes that these contents (sha256) are needed until a snapshot holds them. Call it at the gate."""
        self._note("+", [sha256 for sha256 in contents if not self._holds[sha256]])

    def drop(self, names: Iterable[str]) -> None:
        """Takes back one :meth:`hold` of each."""
        self._note("-", names)

    @contextmanager
    def holding(self, names: Iterable[str], locks: Locks) -> Iterator[None]:
        """Holds them while the block runs."""
        noted = tuple(names)
        with locks.gate():
            self.hold(noted)
        try:
            yield
        finally:
            self.drop(noted)

    def _note(self, sign: str, names: Iterable[str]) -> None:
        with self._threads:
            lines = []
            for name in names:
                if sign == "-" and not self._holds[name]:
                    continue
                self._holds[name] += 1 if sign == "+" else -1
                lines.append(f"{sign}{name}\n")
            path = os.path.join(self.folder, "holds")
            self._holds += Counter()  # forgets the zeros
            with storing("noting what is needed", path):
                # Appended by one call: whoever reads meanwhile sees whole lines.
                flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if self._holds else os.O_TRUNC)
                descriptor = os.open(path, flags, 0o666)
                try:
                    os.write(descriptor, "".join(lines).encode() if self._holds else b"")
                finally:
                    os.close(descriptor)

    def end(self) -> None:
        """Gives everything back. Nothing may be done with it afterwards."""
        self._end()


def _end(folder: str, lock: Held | None, pid: int) -> None:
    if pid != os.getpid():
        return
    if lock is not None:
        lock.release()
    with suppress(OSError):
        discard(folder)


def read_holds(folder: str) -> set[str]:
    """Returns what the owner of a working folder needs."""
    held: Counter[str] = Counter()
    try:
        with open(os.path.join(folder, "holds"), encoding="utf-8") as file:
            for line in file:
                held[line[1:].rstrip("\n")] += 1 if line.startswith("+") else -1
    except OSError:
        return set()
    return {name for name, count in held.items() if count > 0}


def others(layout: Layout) -> list[str]:
    """Returns the working folders of all stores, living or dead."""
    try:
        with os.scandir(layout.work) as entries:
            return [entry.path for entry in entries]
    except OSError:
        return []
