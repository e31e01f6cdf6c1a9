"""Where the engine's bytes go: the side of the store that the engine sees, and no more."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from zooclient.net.cancel import Cancel
from zooclient.records.model import FileEntry
from zooclient.records.receipt import Observed


class Slot(Protocol):
    """The unfinished state of one content, held by this process alone while the slot is open."""

    @property
    def partial(self) -> Path:
        """File for the bytes. It may exist, with what an earlier attempt left."""
        ...

    @property
    def journal(self) -> Path:
        """File for the engine's notes on them. Lost together with the bytes, or not at all."""
        ...

    def commit(self, observed: Observed) -> None:
        """The door: checks size and digests against the claims, makes the bytes durable, moves them in.

        Raises:
            IntegrityError: They do not agree, or nothing is claimed and that was not allowed.
                The slot is emptied, so that the next attempt starts over.
            StoreError: The disk refuses.
        """
        ...

    def clear(self) -> None:
        """Throws the bytes and the notes away, to start over."""
        ...


class Sink(Protocol):
    """What takes the bytes of many files, from many threads."""

    def ingest(self, file: FileEntry, *, owner: str, cancel: Cancel) -> AbstractContextManager[Slot | Observed]:
        """Opens the slot of a file's content, waiting while another thread or process has it.

        Leaving the context without a commit keeps the bytes and the journal for the next attempt.

        Args:
            file: The file, with the digests that the zoo claims.
            owner: Text that, with the path, tells files apart for which no digest is claimed
                (pinned reference).
            cancel: Ends the wait.

        Returns:
            The slot; or what is known of the content, when it is held already, perhaps because
            another process has just brought it.

        Raises:
            StoreError: The store cannot be written.
            Cancelled: While waiting.
        """
        ...
