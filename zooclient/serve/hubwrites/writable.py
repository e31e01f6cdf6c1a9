"""What makes a Hub of ours one that can be written: where uploads are kept, and who may write where."""

from __future__ import annotations

import threading

from zooclient.serve.accounts import Account
from zooclient.serve.folder import FolderShelf
from zooclient.serve.hubwrites.objects import Objects

#: Bytes of a large file from which it is sent in parts, each as long as that, as the Hub has it.
PART_SIZE = 16_000_000


class Writable:
    """A shelf that clients may change. Safe between threads.

    Args:
        shelf: What is changed. The folder that it serves is never written.

    Attributes:
        shelf: The same.
        objects: Large files that no commit has yet.
        quota: Bytes that all models of one owner may have. None: as many as there is room for.
        part_size: Bytes of a large file from which it is sent in parts of that length.
    """

    def __init__(self, shelf: FolderShelf) -> None:
        self.shelf = shelf
        self.objects = Objects()
        self.quota: int | None = None
        self.part_size = PART_SIZE
        self._lock = threading.Lock()
        self._organisations: dict[str, set[str]] = {}

    def close(self) -> None:
        """Removes what was sent. May be called again."""
        self.objects.close()

    def join(self, organisation: str, account: str) -> None:
        """Lets an account write the models of an organisation, which comes to exist."""
        with self._lock:
            self._organisations.setdefault(organisation, set()).add(account)

    def organisations(self, account: str) -> tuple[str, ...]:
        """Names of those that an account belongs to, in the order in which they came to exist."""
        with self._lock:
            return tuple(name for name, members in self._organisations.items() if account in members)

    def members(self, namespace: str) -> frozenset[str]:
        """Names of the accounts that may write in a namespace."""
        with self._lock:
            return frozenset(self._organisations.get(namespace, {namespace}))

    def owns(self, account: Account, namespace: str) -> bool:
        """Whether a namespace is an account's own, or that of an organisation of its."""
        return account.name in self.members(namespace)

    def used(self, namespace: str) -> int:
        """Bytes that all models of an owner have: every content of every commit once, and what no commit has yet."""
        total = 0
        for name in self.shelf.names():
            repository = self.shelf.repository(name) if name.partition("/")[0] == namespace else None
            if repository is not None:
                held = dict(self.objects.of(repository.stable_id))
                for commit in repository.commits.values():
                    held |= {entry.digest: entry.size for entry in commit.files.values()}
                total += sum(held.values())
        return total
