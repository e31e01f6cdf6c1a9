"""Sizes as people write them, and the memory that weights take; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

#: Largest size that is read: what SQLite, JSON tools and file systems hold.
MOST = 2**63 - 1

_SIZE = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,19}))?[ ]?(?:([kmgtp]i?)?b?)", re.IGNORECASE)
_POWERS = "kmgtp"
_BITS = re.compile(r"[A-Za-z]+([0-9]{1,2})(?:_[A-Za-z0-9]+)?")


def read_size(size: int | str) -> int:
    """Returns a size in bytes.

    Args:
        size: Bytes, or text such as ``24GB``, ``8 GiB``, ``1.5g`` or ``900MB``: a number, and perhaps a unit. Without
            ``i`` a unit counts in powers of 1000, with it in powers of 1024; case and the ``B`` do not count. What is
            less than a byte is left out.

    Raises:
        ValueError: It is no size, or larger than :data:`MOST` bytes.
    """
    if isinstance(size, str):
        found = _SIZE.fullmatch(size.strip())
        if found is None:
            raise ValueError(f"{size[:80]!r} is no size; 24GB, 8GiB and 900MB are")
        whole, part, unit = found[1], found[2] or "", (found[3] or "").lower()
        factor = (1024 if unit.endswith("i") else 1000) ** (_POWERS.index(unit[0]) + 1) if unit else 1
        read = int(Fraction(int(whole + part), 10 ** len(part)) * factor)
    elif type(size) is int:
        read = size
    else:
        raise ValueError(f"a size is a number of bytes or a text, and this is a {type(size).__name__}")
    if not 0 <= read <= MOST:
        raise ValueError(f"the size {str(size)[:80]!r} is not within 0 and {MOST} bytes")
    return read


def weights_size(parameters: Mapping[str, int]) -> int | None:
    """Returns the bytes that parameters take; None when there are none, or one type is not known.

    Args:
        parameters: Type of element as safetensors spells it (``F32``, ``BF16``, ``F8_E4M3``, ``BOOL``) → count.
    """
    bits = 0
    for dtype, count in parameters.items():
        wide = _BITS.fullmatch(dtype)
        if wide is None and dtype.upper() != "BOOL":
            return None
        bits += count * (int(wide[1]) if wide is not None else 8)
    return (bits + 7) // 8 if parameters else None
