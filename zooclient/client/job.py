"""A download under way, seen from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable

from attrs import frozen

from zooclient.net.cancel import Cancel
from zooclient.records.snapshot import Snapshot
from zooclient.transfer.reporter import Reporter


@frozen(kw_only=True)
class Progress:
    """How far a job is.

    Attributes:
        files: Files to fetch.
        files_done: Files verified and held.
        bytes_total: Bytes to fetch; files of unknown size count as none.
        bytes_done: Bytes that have arrived, those of earlier attempts included.
    """

    files: int = 0
    files_done: int = 0
    bytes_total: int = 0
    bytes_done: int = 0


class _Counting(Reporter):
    """Counts, and passes everything on."""

    def __init__(self, onward: Reporter) -> None:
        self._onward = onward
        self._lock = threading.Lock()
        self._files = self._files_done = self._total = self._done = 0

    def progress(self) -> Progress:
        with self._lock:
            return Progress(
                files=self._files, files_done=self._files_done, bytes_total=self._total, bytes_done=self._done
            )

    def planned(self, files: int, size: int) -> None:
        with self._lock:
            self._files, self._total = files, size
        self._onward.planned(files, size)

    def started(self, path: str, size: int | None, have: int) -> None:
        with self._lock:
            self._done += have
        self._onward.started(path, size, have)

    def advanced(self, path: str, count: int) -> None:
        with self._lock:
            self._done += count
        self._onward.advanced(path, count)

    def finished(self, path: str) -> None:
        with self._lock:
            self._files_done += 1
        self._onward.finished(path)

    def retried(self, path: str, reason: str, wait: float) -> None:
        self._onward.retried(path, reason, wait)


class Job:
    """A download that runs in a thread of its own. Made by ``Client.start``.

    Args:
        download: Does the work, told whom to report to and what may stop it.
        reporter: Whom to tell of progress besides.
        cancel: What may stop it from elsewhere.
    """

    def __init__(
        self, download: Callable[[Reporter, Cancel], Snapshot], reporter: Reporter | None, cancel: Cancel | None
    ) -> None:
        self._download = download
        self._counting = _Counting(reporter or Reporter())
        self._cancel = cancel or Cancel()
        self._snapshot: Snapshot | None = None
        self._error: BaseException | None = None
        # A daemon: an interpreter that wants to end need not wait for a body that trickles in.
        self._thread = threading.Thread(target=self._work, name="zooclient-job", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            self._snapshot = self._download(self._counting, self._cancel)
        except BaseException as error:
            self._error = error

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return not self._thread.is_alive()

    def progress(self) -> Progress:
        """Returns how far it is, at this moment."""
        return self._counting.progress()

    def cancel(self) -> None:
        """Asks it to stop; what has arrived is kept for the next attempt."""
        self._cancel.cancel()

    def result(self, timeout: float | None = None) -> Snapshot:
        """Waits for the snapshot.

        Args:
            timeout: Seconds to wait. None: as long as it takes.

        Raises:
            TimeoutError: It is still under way; ask again, or cancel.
            ZooError: What ended it.
        """
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"The download is still under way after {timeout} seconds.")
        if self._error is not None:
            raise self._error
        if self._snapshot is None:
            raise RuntimeError("The job ended with neither a snapshot nor an error.")
        return self._snapshot
