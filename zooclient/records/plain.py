"""A record as plain JSON values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self


class Plain:
    """A record that can be written and read again."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values; :meth:`from_dict` gives the same record back."""
        from zooclient.records.codec import to_dict

        return to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Reads what :meth:`to_dict` wrote.

        Raises:
            ValueError: The data has not that shape; the text names the path of the field.
        """
        from zooclient.records.codec import from_dict

        return from_dict(cls, data)
