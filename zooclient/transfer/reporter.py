"""Who wants to know how far a transfer is. The default does nothing."""

from __future__ import annotations


class Reporter:
    """Told of progress. Every method does nothing; override what you need.

    Methods are called from the engine's threads, several at a time; ``advanced`` about once per
    megabyte and file, the others once per file. What they raise ends the transfer.
    """

    def planned(self, files: int, size: int) -> None:
        """A transfer of ``files`` files and about ``size`` bytes begins; a file of unknown size counts as none."""

    def started(self, path: str, size: int | None, have: int) -> None:
        """A file begins; ``have`` bytes of it are here from an earlier attempt."""

    def advanced(self, path: str, count: int) -> None:
        """``count`` more bytes of the file arrived; negative when bytes had to be thrown away."""

    def finished(self, path: str) -> None:
        """The file is verified and held."""

    def retried(self, path: str, reason: str, wait: float) -> None:
        """Something failed; the engine tries again in ``wait`` seconds."""
