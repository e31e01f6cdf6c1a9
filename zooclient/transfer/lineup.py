"""In which order a file's sources are asked: what failed in this transfer comes last, and others are looked for."""

from __future__ import annotations

import threading

from zooclient.errors import NetworkError, NotFound, ZooError
from zooclient.net.cancel import Cancel
from zooclient.transfer.item import Item, Source


class Repute:
    """Which places failed in a transfer; shared by all its files. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[str, ZooError] = {}

    def failed(self, label: str, failure: ZooError) -> None:
        """Remembers a failure of a place. That one file is not there says nothing of the others."""
        if not isinstance(failure, NotFound):
            with self._lock:
                self._failures[label] = failure

    def failure(self, label: str) -> ZooError | None:
        """Returns how a place failed last; None: it did not."""
        with self._lock:
            return self._failures.get(label)


class Lineup:
    """The sources of one file, the one to be asked first.

    Further ones are looked for once, and only when nothing is left but what has failed.

    Args:
        item: The file, its sources, and where others are looked for.
        repute: What failed in this transfer.
        cancel: Ends the search for others.
    """

    def __init__(self, item: Item, repute: Repute, cancel: Cancel) -> None:
        self._item = item
        self._repute = repute
        self._cancel = cancel
        self._looked = item.further is None
        self._told: str | None = None
        self._lost: list[tuple[Source, ZooError]] = []
        self._line = sorted(item.sources, key=self._is_bad)

    def first(self) -> Source | None:
        """Returns the source to ask now; None: all are used up."""
        if self._line and self._is_bad(self._line[0]):
            self._look(self._repute.failure(self._line[0].label), 0)
        return self._line[0] if self._line else None

    def passed(self) -> Source | None:
        """Returns the source that would have been asked, had its place not failed already; None: none was."""
        given = self._item.sources
        skipped = given and self._line and not self._lost and self._line[0] is not given[0]
        return given[0] if skipped else None

    def another(self, failure: ZooError) -> bool:
        """Whether a source is left besides the first, now that it failed so."""
        if all(self._is_bad(source) for source in self._line[1:]):
            self._look(failure, 1)
        return len(self._line) > 1

    def drop(self, source: Source, failure: ZooError) -> Source | None:
        """Takes a source out for good; returns the next one to ask. None: all are used up."""
        self._line.remove(source)
        self._lost.append((source, failure))
        self._repute.failed(source.label, failure)
        if all(self._is_bad(left) for left in self._line):
            self._look(failure, 0)
        return self._line[0] if self._line else None

    @property
    def open(self) -> bool:
        """Whether there is, or may be found, another source than the first."""
        return not self._looked or len(self._line) > 1

    @property
    def stuck(self) -> bool:
        """Whether nothing is left but places that failed on the way, so that time may help and nothing else."""
        failures = [self._repute.failure(source.label) for source in (*self._item.sources, *self._line)]
        return self._item.further is not None and all(isinstance(failure, NetworkError) for failure in failures)

    def again(self) -> None:
        """Puts the sources that were given back, for a second turn."""
        self._line, self._lost = list(self._item.sources), []

    def error(self, failure: ZooError) -> ZooError:
        """Returns what to raise: how the last of the given sources failed, and what is known of others.

        Args:
            failure: What to raise where no source was lost.
        """
        given = [(source, lost) for source, lost in self._lost if source in self._item.sources]
        # That a mirror has nothing either is no news beside what the zoo said.
        named = [lost for source, lost in given if not source.anonymous]
        others = [f"{source.label}: {lost.message}" for source, lost in self._lost if source not in self._item.sources]
        error = named[-1] if named else given[0][1] if given else failure
        more = " ".join([*others, *([self._told] if self._told else [])])
        if more:
            error.hint = f"{error.hint} {more}" if error.hint else more
        return error

    def _is_bad(self, source: Source) -> bool:
        return self._repute.failure(source.label) is not None

    def _look(self, failure: ZooError | None, at: int) -> None:
        """Lets further sources be found, once; those of sound places come in at ``at``, the rest last."""
        if self._looked or self._item.further is None or failure is None:
            return
        self._looked = True
        found = self._item.further(failure, self._cancel)
        self._told = found.told
        sound = [source for source in found.sources if not self._is_bad(source)]
        rest = [source for source in found.sources if self._is_bad(source)]
        self._line[at:] = [*sound, *self._line[at:], *rest]
