"""Goes on elsewhere when a source fails: finds the places, once for a transfer, while its threads wait."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zooclient.client.elsewhere import askable, find, why_alone
from zooclient.client.givers import copy_source
from zooclient.errors import AccessError, Gone, Offline, ZooError
from zooclient.transfer.item import Further

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.cancel import Cancel
    from zooclient.records.model import FileEntry, ModelRecord
    from zooclient.records.sources import Sources


class Failover:
    """Where else the files of one transfer can be taken from. Safe between threads.

    Nobody is asked before the first file wants to know.

    Args:
        wiring: The client's.
        record: The model.
        files: The files of the transfer.
        cancel: The wish to stop of who called; it ends the search.
    """

    def __init__(self, wiring: Wiring, record: ModelRecord, files: Sequence[FileEntry], cancel: Cancel) -> None:
        self._wiring = wiring
        self._record = record
        self._files = files
        self._cancel = cancel
        self._lock = threading.Lock()
        self._done: threading.Event | None = None
        self._found: Sources | None = None

    def further(self, file: FileEntry, failure: ZooError, cancel: Cancel) -> Further:
        """Finds further sources of a file, after a failure.

        What the zoo itself refuses, or has taken down, is not looked for elsewhere behind its back, nor is a model
        that is not open to everybody: whether its readers are let in, only its own zoo can say.

        Raises:
            Cancelled: While waiting.
        """
        if isinstance(failure, Offline):
            return Further()
        if isinstance(failure, (AccessError, Gone)) and failure.zoo is not None:
            return Further(told="That is for the zoo to say, so that nobody else was asked.")
        state = self._record.access.state
        if state != "open":
            return Further(told=f"{self._record.ref} is {state}, so that nobody else was asked. {_BY_HAND}")
        found = self._wait(cancel)
        if found is None:
            return Further(told="Whether another zoo has the same bytes could not be found out in time.")
        sources = tuple(copy_source(self._wiring, copy) for copy in found.of(file.path))
        return Further(sources=sources, told=None if sources else why_alone(found, file.path))

    def _wait(self, cancel: Cancel) -> Sources | None:
        """Waits for the search, which the first who comes begins; None: it took too long, or failed."""
        with self._lock:
            if self._done is None:
                self._done = threading.Event()
                # A thread of its own: who waits here obeys the wish to stop at once, though a server is silent.
                threading.Thread(target=self._search, args=(self._done,), name="zooclient-find", daemon=True).start()
            done = self._done
        while not done.wait(cancel.remaining(0.1)):
            cancel.check()
        cancel.check()  # the same wish ends the search, which may be done with that before we hear of it
        return self._found

    def _search(self, done: threading.Event) -> None:
        bound = self._cancel.child(self._wiring.settings.limits.find_timeout)
        try:
            zoos = askable(self._wiring, self._record, by_itself=True)
            weights_first = sorted(self._files, key=lambda file: file.role != "weights")
            flow = find(self._wiring, self._record, weights_first, zoos, enough=True)
            self._found = self._wiring.driver().run(flow, cancel=bound)
        except ZooError:
            self._found = None
        finally:
            done.set()


#: What a person may do where nobody else is asked by itself.
_BY_HAND = "`zooclient sources` asks, and `--from` takes the bytes from the zoo that it names."
