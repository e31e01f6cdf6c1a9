"""The byte engine: files from their sources into a sink, verified, over one budget of connections."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from zooclient import __version__
from zooclient.errors import Cancelled
from zooclient.net.auth import Auth
from zooclient.net.cancel import Cancel
from zooclient.net.proxy import Proxies
from zooclient.net.tls import ssl_context
from zooclient.records.receipt import Receipt
from zooclient.settings import Settings
from zooclient.transfer.crew import Crew
from zooclient.transfer.digester import claim_of
from zooclient.transfer.filejob import FileJob, Later
from zooclient.transfer.item import Further, Item, Source
from zooclient.transfer.lineup import Repute
from zooclient.transfer.reporter import Reporter
from zooclient.transfer.sink import Sink
from zooclient.transfer.transport import Lines
from zooclient.transfer.way import Manners, Tools

__all__ = ["Engine", "Further", "Item", "Source"]


class Engine:
    """Moves bytes.

    Args:
        settings: Limits, certificates, and whether connections are allowed at all.
        auth: Which credential goes to which origin.
        proxies: Which proxy stands before which origin.
        max_connections: Connections at the most, all files of a transfer together.
    """

    def __init__(self, *, settings: Settings, auth: Auth, proxies: Proxies, max_connections: int) -> None:
        self._settings = settings
        self._auth = auth
        self._proxies = proxies
        self._max_connections = max(1, max_connections)
        self._lock = threading.Lock()
        self._running: set[Cancel] = set()

    def transfer(
        self, items: Sequence[Item], sink: Sink, *, reporter: Reporter | None = None, cancel: Cancel
    ) -> tuple[Receipt, ...]:
        """Brings every file; returns one receipt for each, in their order.

        The first failure ends the transfer; what has arrived is kept, and the next transfer goes on from there. A place
        that fails is asked last for the files that follow; a file that nobody else has waits until the others are here.

        Args:
            items: The files.
            sink: What takes them.
            reporter: Who is told. None: nobody.
            cancel: The wish to stop.

        Raises:
            IntegrityError: Bytes or a size that are not what was promised, and no other source has them.
            AccessError: The zoo does not give the file.
            NotFound: The file is not there.
            NetworkError: The bytes could not be had, after all tries.
            StoreError: The disk refuses.
            Cancelled: The caller wished it, or the deadline has passed.
        """
        stop = Cancel()
        with self._lock:
            self._running.add(stop)
        try:
            return _Transfer(self, items, sink, reporter or Reporter(), stop).run(cancel)
        finally:
            with self._lock:
                self._running.discard(stop)

    def close(self) -> None:
        """Ends what is still under way, as if it had been cancelled."""
        with self._lock:
            running = list(self._running)
        for stop in running:
            stop.cancel()

    def tools(self, cancel: Cancel) -> Tools:
        """Returns what the files of one transfer share."""
        limits = self._settings.limits
        lines = Lines(
            proxies=self._proxies,
            context=lambda: ssl_context(self._settings.environ),
            connect_timeout=limits.connect_timeout,
            read_timeout=limits.read_timeout,
            stall_timeout=limits.stall_timeout,
        )
        return Tools(
            settings=self._settings,
            auth=self._auth,
            lines=lines,
            manners=Manners(),
            cancel=cancel,
            agent=f"zooclient/{__version__}",
        )

    @property
    def max_connections(self) -> int:
        """Connections at the most, all files of a transfer together."""
        return self._max_connections


class _Transfer:
    """One call of :meth:`Engine.transfer`."""

    def __init__(self, engine: Engine, items: Sequence[Item], sink: Sink, reporter: Reporter, stop: Cancel) -> None:
        self._items = items
        self._sink = sink
        self._reporter = reporter
        self._stop = stop
        self._crew = Crew(engine.max_connections, self._recruit)
        self._tools = engine.tools(stop)
        self._small = self._tools.settings.limits.small_file
        self._changed = threading.Condition()
        # Small files first: they are quick, and a zoo that refuses them does so before gigabytes have come.
        self._queue = deque(sorted(range(len(items)), key=lambda index: not self._is_small(items[index])))
        self._later: deque[int] = deque()
        self._jobs: dict[int, FileJob] = {}
        self._repute = Repute()
        self._busy: dict[str, FileJob] = {}
        self._receipts: dict[int, Receipt] = {}
        self._failure: BaseException | None = None
        self._threads: list[threading.Thread] = []

    def run(self, cancel: Cancel) -> tuple[Receipt, ...]:
        cancel.check()
        self._reporter.planned(len(self._items), sum(item.file.expected_size or 0 for item in self._items))
        self._stop.on_cancel(self._wake)
        cancel.on_cancel(self._stop.cancel)
        count = min(len(self._items), self._crew.most)
        try:
            for number in range(count):
                self._start(f"zooclient-file-{number}", self._bring_files)
            with self._changed:
                while len(self._receipts) < len(self._items) and self._failure is None:
                    cancel.check()
                    self._changed.wait(cancel.remaining(1.0))
        finally:
            self._stop.cancel()
            self._join()
            self._tools.lines.close()
        if self._failure is not None and not isinstance(self._failure, Cancelled):
            raise self._failure
        cancel.check()
        if self._failure is not None:
            raise self._failure
        return tuple(self._receipts[index] for index in range(len(self._items)))

    def _is_small(self, item: Item) -> bool:
        return item.file.size is not None and item.file.size <= self._small

    def _start(self, name: str, work: object) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)  # type: ignore[arg-type]
        with self._changed:
            self._threads.append(thread)
        thread.start()

    def _wake(self) -> None:
        self._tools.lines.abort()
        self._crew.wake()
        with self._changed:
            self._changed.notify_all()

    def _join(self) -> None:
        while True:
            with self._changed:
                threads, self._threads = self._threads, []
            if not threads:
                return
            for thread in threads:
                thread.join()

    def _bring_files(self) -> None:
        """What each file thread does: one file after the other."""
        try:
            while (index := self._next()) is not None:
                item = self._items[index]
                self._crew.join(self._stop, small=self._is_small(item))
                try:
                    self._bring(index, item)
                finally:
                    self._crew.leave()
        except BaseException as error:
            with self._changed:
                self._failure = self._failure or error
                self._changed.notify_all()
            self._stop.cancel()

    def _bring(self, index: int, item: Item) -> None:
        key = _content(item)
        with self._changed:
            job = self._busy[key] = self._job(index, item)
        try:
            receipt = job.run(self._sink)
        except Later:
            with self._changed:
                job.patient = True
                self._later.append(index)
            return
        finally:
            with self._changed:
                self._busy.pop(key, None)
                self._changed.notify_all()
        with self._changed:
            self._jobs.pop(index, None)
            self._receipts[index] = receipt
            self._changed.notify_all()

    def _job(self, index: int, item: Item) -> FileJob:
        """Returns what brings a file, the same one when it comes to its second turn."""
        job = self._jobs.get(index)
        if job is None:
            alone = not (self._queue or self._busy or self._later)
            job = FileJob(item, self._tools, self._crew, self._reporter, self._repute, patient=alone)
            self._jobs[index] = job
        return job

    def _next(self) -> int | None:
        """Returns the next file whose content nobody here is bringing already; None when all are taken."""
        with self._changed:
            while (self._queue or self._later) and not self._stop.cancelled:
                for index in self._queue:
                    key = _content(self._items[index])
                    if key not in self._busy:
                        self._queue.remove(index)
                        return index
                if not self._queue and all(job.patient for job in self._busy.values()):
                    return self._later.popleft()
                self._changed.wait(1.0)
            return None

    def _recruit(self) -> None:
        """Sends free connections to help with the files that are under way, the earliest first."""
        if self._stop.cancelled:
            return
        with self._changed:
            jobs = list(self._busy.values())
        for job in jobs:
            while job.wants_help() and self._crew.try_join():
                if not job.enlist():
                    self._crew.leave()
                    break
                self._start("zooclient-help", job.help)


def _content(item: Item) -> str:
    """Returns the same text for files of the same content, as far as is claimed."""
    return claim_of(item.file.digests) or f"{item.owner}:{item.file.path}"
