"""Who may move what, among threads and processes.

Three kinds of lock, all of them whole-file locks that end with the process that holds them, however it ends:

* the **gate**, one for each store, held for moments: to open or close a slot, to move a content or a snapshot in,
  to decide what is thrown away. A lock file below ``ingest`` is made, locked and deleted only by who holds the gate;
* a **slot lock** for each unfinished content, held while somebody fetches it;
* a **work lock** for each open store that writes, held while it lives. Its folder names the contents and snapshots
  that it still needs, so pruning leaves those alone, or waits for them.

A reader of a snapshot needs none of these: a warm load takes no lock, and what it has opened stays readable when
the snapshot is removed (on Windows the removal fails instead, and says so).

Where the file system has no locks, a fetch goes into a file of its own and moves in by a rename, which is right and
at worst brings a content twice; pruning refuses, because nobody can tell who is at work. A lock that is granted to
two machines at once (Lustre or GPFS mounted with local locks) is as harmless: what both write into one unfinished file
is the same content or does not pass the door, and what changes after that is found by its time stamp.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from zooclient.errors import StoreError
from zooclient.net.cancel import Cancel
from zooclient.store.files import storing
from zooclient.store.layout import Layout

_LACKING = ("ENOLCK", "ENOSYS", "EOPNOTSUPP", "ENOTSUP", "EINVAL")


class Held(Protocol):
    """A lock that is held."""

    def release(self) -> None:
        """Gives it back."""
        ...


class NoLocks(Exception):
    """The file system of the store has no locks."""


def file_lock(path: str) -> Held | None:
    """Takes the lock of a file, which is made where it is missing; None while somebody else has it.

    Raises:
        NoLocks: The file system has none.
        OSError: The file cannot be opened.
    """
    import errno

    from filelock import FileLock, Timeout

    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    except NotImplementedError as error:
        raise NoLocks from error
    except OSError as error:
        if error.errno in {getattr(errno, name, None) for name in _LACKING}:
            raise NoLocks from error
        raise
    return lock


class Locks:
    """The locks of one store.

    Args:
        layout: Where they lie.
        timeout: Seconds after which a wait in which nothing moves is an error.
        take: Takes the lock of a file, as :func:`file_lock` does.
    """

    def __init__(self, layout: Layout, timeout: float, take: Callable[[str], Held | None] = file_lock) -> None:
        self._layout = layout
        self._timeout = timeout
        self._gate_timeout = max(timeout, 10.0)  # a bound of 0 must not fail because somebody is passing
        self._take = take
        self._threads = threading.Lock()
        self._pid = os.getpid()

    def take(self, path: str) -> Held | None:
        """Takes the lock of a file at once; None while somebody else has it.

        Raises:
            NoLocks: The file system has none.
            StoreError: The lock file cannot be opened.
        """
        with storing("taking a lock", path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return self._take(path)

    @contextmanager
    def gate(self, cancel: Cancel | None = None) -> Iterator[bool]:
        """Holds the gate; gives False, and holds nothing, where the file system has no locks.

        Raises:
            StoreError: Somebody else has held it for longer than the timeout, or it cannot be opened.
            Cancelled: While waiting.
        """
        stop = cancel or Cancel()
        with self._one_thread(stop):
            try:
                held = self._await(stop)
            except NoLocks:
                held = None
            try:
                yield held is not None
            finally:
                if held is not None:
                    held.release()

    @contextmanager
    def _one_thread(self, cancel: Cancel) -> Iterator[None]:
        if self._pid != os.getpid():  # after a fork, a thread that is not here may seem to hold it
            self._threads, self._pid = threading.Lock(), os.getpid()
        threads = self._threads
        waiting = Patience(self._gate_timeout, cancel)
        while not threads.acquire(timeout=0.05):
            waiting.check("another thread of this process works on the store")
        try:
            yield
        finally:
            threads.release()

    def _await(self, cancel: Cancel) -> Held:
        waiting = Patience(self._gate_timeout, cancel)
        while True:
            held = self.take(self._layout.gate)
            if held is not None:
                return held
            waiting.wait(f"another process holds {self._layout.gate}")

    def patience(self, cancel: Cancel) -> Patience:
        """Returns the bound of a wait that begins now."""
        return Patience(self._timeout, cancel)


class Patience:
    """A bounded wait: polls gently, ends by the caller's wish, and gives up when nothing moves for too long.

    Args:
        timeout: Seconds without a sign of life after which to give up.
        cancel: The caller's wish.
    """

    def __init__(self, timeout: float, cancel: Cancel) -> None:
        self._timeout = timeout
        self._cancel = cancel
        self._pause = 0.001
        self._bound = Cancel(timeout)

    def moved(self) -> None:
        """Somebody was seen at work: the bound counts from now."""
        self._bound = Cancel(self._timeout)

    def check(self, reason: str) -> None:
        """Raises when the caller wants to stop, or the bound has passed."""
        self._cancel.check()
        if self._bound.cancelled:
            raise StoreError(
                f"Waited {self._timeout:g} s for the store: {reason}.",
                hint="If nothing else uses the store, something hangs; a longer lock timeout may help otherwise.",
            )

    def wait(self, reason: str) -> None:
        """Waits a moment."""
        self.check(reason)
        self._cancel.wait(self._pause)
        self._pause = min(self._pause * 1.5, 0.1)
