"""What every record holds on construction: aware UTC times, sizes that are no less than 0, tuples, whole digests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

#: Hex length of every digest that a record may carry.
HEX_LENGTHS = {"sha256": 64, "git-sha1": 40, "blake3": 64, "crc32": 8, "md5": 32}


def check_utc(name: str, value: datetime | None) -> None:
    """Refuses a time without zone, or in another than UTC.

    Raises:
        ValueError: It is one; the text holds ``name``.
    """
    if value is None:
        return
    offset = value.utcoffset()
    if offset is None or offset:
        raise ValueError(f"{name} must be an aware time in UTC, not {value.isoformat()}")


def check_count(name: str, value: int | None) -> None:
    """Refuses a size or a count below 0; None is one that nobody told.

    Raises:
        ValueError: It is below 0; the text holds ``name``.
    """
    if value is not None and value < 0:
        raise ValueError(f"{name} must not be below 0, and is {value}")


def check_hex(name: str, algorithm: str, value: str | None) -> None:
    """Refuses a digest that is not lower-case hex of the length that its algorithm has.

    Raises:
        ValueError: It is not; the text holds ``name``.
    """
    if value is None:
        return
    length = HEX_LENGTHS.get(algorithm)
    if length is None:
        raise ValueError(f"{name} holds a digest of the unknown algorithm {algorithm!r}")
    if len(value) != length or value.strip("0123456789abcdef"):
        raise ValueError(f"{name} must be {length} lower-case hex digits of {algorithm}, not {value[:80]!r}")


def check_digests(name: str, digests: Mapping[str, str]) -> None:
    """Refuses digests of unknown algorithms or in another form than lower-case hex.

    Raises:
        ValueError: One is so; the text holds ``name``.
    """
    for algorithm, value in digests.items():
        check_hex(name, algorithm, value)


def check_sha256(name: str, value: str | None) -> None:
    """Refuses what is not ``sha256:`` and 64 lower-case hex digits.

    Raises:
        ValueError: It is not; the text holds ``name``.
    """
    if value is None:
        return
    if not value.startswith("sha256:"):
        raise ValueError(f"{name} must be written sha256:HEX, not {value[:80]!r}")
    check_hex(name, "sha256", value[len("sha256:") :])


def check_tuples(**values: object) -> None:
    """Refuses a list where a record holds a tuple, because a record never changes.

    Raises:
        TypeError: One is no tuple; the text holds its name.
    """
    for name, value in values.items():
        if value is not None and type(value) is not tuple:
            raise TypeError(f"{name} must be a tuple, not {type(value).__name__}")
