"""Uploads to the Hub: the switches of :attr:`zooclient.testing.LocalZoo.huggingface`."""

from __future__ import annotations

from zooclient.serve.hubwrites.writable import Writable

__all__ = ["AtHuggingFace"]


class AtHuggingFace:
    """Who may upload to a local zoo's Hub, and how much.

    An account whose token may write does so below its own name, ``me/…`` for ``me``, and below the organisations
    that it was let :meth:`join`. What is uploaded is shown by every zoo, as after
    :meth:`~zooclient.testing.LocalZoo.commit`.

    Args:
        writable: What is written.
    """

    def __init__(self, writable: Writable) -> None:
        self._writable = writable

    def join(self, organisation: str, account: str = "me") -> None:
        """Lets an account write the models of an organisation, which comes to exist."""
        self._writable.join(organisation, account)

    def quota(self, size: int | None) -> None:
        """Bounds the bytes that all models of one owner may have. None: no bound."""
        self._writable.quota = size

    def used(self, owner: str) -> int:
        """Returns the bytes that all models of an owner have, files that no commit has yet included."""
        return self._writable.used(owner)

    def part_size(self, size: int) -> None:
        """Sets the bytes of a large file from which it is sent in parts of that length (the Hub: 16 000 000)."""
        self._writable.part_size = size
