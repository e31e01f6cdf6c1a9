"""The unfinished file: its bytes on disk, the notes that let another process go on, and its running digests."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping

from zooclient.net.cancel import Cancel
from zooclient.records.model import FileEntry
from zooclient.records.receipt import Observed
from zooclient.transfer import journal
from zooclient.transfer.buffers import BUFFER, Buffers
from zooclient.transfer.digester import Digester, Follower, claim_of
from zooclient.transfer.failures import storing
from zooclient.transfer.positioned import PositionedFile
from zooclient.transfer.ranges import Lease, Ledger, Spans
from zooclient.transfer.sink import Slot


class Partial:
    """What one file has so far. Safe between threads; :meth:`start_over` wants no lease to be out.

    Args:
        slot: Where bytes and notes lie.
        file: What the zoo claims.
        owner: With the path, tells files apart for which no digest is claimed.
        follow: Bytes from which on a thread of its own hashes the file.
        step: Bytes of one connection after which they are noted.

    Attributes:
        resumed: Bytes that an earlier attempt had left.
        given: Label of each source → bytes that came from it.

    Raises:
        StoreError: The disk refuses.
    """

    def __init__(self, slot: Slot, file: FileEntry, *, owner: str, follow: int, step: int) -> None:
        self._slot = slot
        self._entry = file
        self._claim = claim_of(file.digests) or f"unproved:{owner}:{file.path}"
        self.proved = bool(claim_of(file.digests))
        self._git = "git-sha1" in file.digests and "sha256" not in file.digests
        self._follow = follow
        self._step = step
        # A lease that is split keeps more than this: what one connection has in hand, no other is asked for.
        self._buffers = Buffers(min(step, BUFFER))
        self.changed = threading.Condition()
        self._pen = threading.Lock()
        self._notes_descriptor: int | None = None
        self._validators: dict[str, str | None] = {}
        self.given: Counter[str] = Counter()
        self._open(self._resume())

    # -- what is here, and what is missing ------------------------------------------------------------

    @property
    def size(self) -> int | None:
        """Bytes of the whole file. None: not known yet."""
        return self._ledger.size

    @property
    def have(self) -> int:
        """Bytes that are here."""
        with self.changed:
            return self._ledger.done.total

    def complete(self) -> bool:
        """Whether every byte is here."""
        with self.changed:
            return self._ledger.complete

    @property
    def untouched(self) -> bool:
        """Whether no byte is here, and one connection at the most is under way."""
        with self.changed:
            return self._ledger.done.total == 0 and len(self._ledger.leases) <= 1

    def take(self, piece: int, least: int) -> Lease | None:
        """Hands out a span to fetch: a missing one, else half of another's that keeps ``least`` bytes each."""
        with self.changed:
            return self._ledger.take(piece) or self._ledger.split(least)

    def offers(self, least: int) -> bool:
        """Whether another connection would find something to do."""
        with self.changed:
            return self._ledger.free > 0 or any((lease.left or 0) >= 2 * least for lease in self._ledger.leases)

    def whole(self, lease: Lease) -> bool:
        """Whether the lease is the entire file, as far as is known."""
        with self.changed:
            return lease.at == 0 and (lease.stop is None or lease.stop == self._ledger.size)

    def widen(self, lease: Lease) -> None:
        """Makes the only lease cover the rest of the file."""
        with self.changed:
            self._ledger.widen(lease)

    def learn(self, size: int) -> None:
        """Sets the size that the server told, where the zoo claims none."""
        with self.changed:
            self._ledger.learn(size)
            self._expect(size)

    def release(self, lease: Lease) -> None:
        """Ends a lease, and notes what has come of it."""
        with self.changed, storing(self._slot.journal):
            # A small file that came whole needs no notes.
            if lease.at > lease.noted and (self._notes_descriptor is not None or not self._ledger.complete):
                self._note(lease)
            self._ledger.release(lease)
            self.changed.notify_all()

    # -- validators --------------------------------------------------------------------------------------

    def validator(self, origin: str) -> str | None:
        """Returns the validator that an origin's earlier answers carried. None: none, or none seen."""
        with self.changed:
            return self._validators.get(origin)

    def agrees(self, origin: str, validator: str | None) -> bool:
        """Whether an answer belongs to the bytes that are here; remembers the validator of a new origin.

        Where no digest will tell in the end, bytes of two origins never mix.
        """
        with self.changed:
            if origin in self._validators:
                return self._validators[origin] == validator
            if self._validators and not self.proved:
                return False
            self._validators[origin] = validator
            if self._notes_descriptor is not None:
                with storing(self._slot.journal):
                    os.write(self._notes_descriptor, journal.origin_note(origin, validator))
            return True

    # -- bytes --------------------------------------------------------------------------------------------

    def lend(self, lease: Lease) -> memoryview:
        """Returns a buffer for the next bytes of a lease, to be handed to :meth:`write`."""
        return self._buffers.lend(lease.left)

    def write(self, lease: Lease, buffer: memoryview, count: int, label: str) -> int:
        """Stores the next bytes of a lease; returns how many of them were still wanted.

        Args:
            lease: Whose bytes they are.
            buffer: One that was lent; it is not the caller's any more.
            count: Bytes of it that were filled.
            label: Where they came from.

        Raises:
            StoreError: The disk refuses.
        """
        at = lease.at
        # One at a time: the system lets only one write to a file anyway, and the others would spin while they wait.
        with storing(self._slot.partial), self._pen:
            self._file.write_at(buffer[:count], at)
        with self.changed:
            count = self._ledger.advance(lease, count)
            self.given[label] += count
            if lease.at - lease.noted >= self._step:
                with storing(self._slot.journal):
                    self._note(lease)
            prefix = self._ledger.done.prefix
        if self._follower is not None:
            self._follower.take(buffer, count, at, prefix)
        else:
            self._digester.feed(buffer[:count], at)
            self._buffers.give_back(buffer)
        return count

    def finish(self, cancel: Cancel) -> Observed:
        """Waits until every byte is hashed.

        Raises:
            StoreError: The disk refuses.
            Cancelled: While waiting.
        """
        size = self.size or 0
        with storing(self._slot.partial):
            if self._follower is not None:
                self._follower.advance(size)
                while not self._follower.reached(size, cancel.remaining(0.1)):
                    cancel.check()
            self._digester.catch_up(size)
            if self._file.size() != size:
                self._file.truncate(size)
            return self._digester.observed()

    def start_over(self) -> int:
        """Throws everything away; returns how many bytes that were."""
        with self.changed:
            lost = self._ledger.done.total
        self.close()
        self._slot.clear()
        self._validators = {}
        self.given.clear()
        self._open(None)
        return lost

    def close(self) -> None:
        """Closes the files; bytes and notes stay."""
        if self._follower is not None:
            self._follower.stop()
        self._file.close()
        descriptor, self._notes_descriptor = self._notes_descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    # -- within ---------------------------------------------------------------------------------------------

    def _resume(self) -> journal.Notes | None:
        """Reads what an earlier attempt left; None where it cannot be gone on from, and then it is cleared."""
        with storing(self._slot.journal):
            if not self._slot.journal.exists() or not self._slot.partial.exists():
                data = b""
            else:
                with self._slot.journal.open("rb") as stream:
                    data = stream.read(journal.MAX_BYTES)
        notes = journal.read(data)
        if notes is not None and notes.claim == self._claim and notes.size in (None, self._entry.size):
            return notes
        if self._slot.partial.exists() or self._slot.journal.exists():
            self._slot.clear()
        return None

    def _open(self, notes: journal.Notes | None) -> None:
        self._follower: Follower | None = None
        with storing(self._slot.partial):
            self._file = PositionedFile(self._slot.partial)
            end = self._file.size()
            have: Mapping[str, str | None] = notes.validators if notes else {}
            self._validators = dict(have)
            spans = [(start, min(stop, end)) for start, stop in notes.have] if notes else []
            self._ledger = Ledger(self._entry.size, Spans(spans))
            self.resumed = self._ledger.done.total
            self._digester = Digester(self._file, git=self._git)
            if notes is not None:
                self._notes_descriptor = os.open(self._slot.journal, self._notes_flags())
                os.ftruncate(self._notes_descriptor, notes.length)
            if self._entry.size is not None:
                self._expect(self._entry.size)

    def _expect(self, size: int) -> None:
        """Prepares the digests once the size is known."""
        self._digester.expect(size)
        prefix = self._ledger.done.prefix
        if size > self._follow and self._follower is None and self._digester.position == 0:
            self._follower = Follower(self._digester, self._buffers, name="zooclient-hash")
            self._follower.advance(prefix)
        elif self._follower is None:
            self._digester.catch_up(prefix)

    def _note(self, lease: Lease) -> None:
        if self._notes_descriptor is None:
            self._notes_descriptor = os.open(self._slot.journal, self._notes_flags() | os.O_CREAT | os.O_TRUNC, 0o600)
            lines = [journal.opening(self._claim, self._entry.size)]
            lines += [journal.origin_note(origin, validator) for origin, validator in self._validators.items()]
            os.write(self._notes_descriptor, b"".join(lines))
        os.write(self._notes_descriptor, journal.have_note(lease.noted, lease.at))
        lease.noted = lease.at

    @staticmethod
    def _notes_flags() -> int:
        return os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
