"""Which files of a model are wanted. Apart from the plan, because a warm load needs it and no more."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from zooclient.records.checks import check_tuples


@frozen(kw_only=True)
class Wishes:
    """Which files of a model are wanted.

    Attributes:
        files: Glob patterns, case-sensitive, ``*`` crosses ``/``, ``dir/`` means everything below;
            a file is wanted when one matches. None: no restriction.
        exclude: Patterns of files that are not wanted.
        weights: ``auto`` (skip copies of the same weights in other formats), ``all``, ``none``,
            or a format with an optional variant, ``safetensors``, ``gguf:Q4_K_M``.
        allow_unverified: Take files for which the zoo states no digest; their sha256 is then observed, not claimed.
    """

    files: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    weights: str = "auto"
    allow_unverified: bool = False

    def __attrs_post_init__(self) -> None:
        check_tuples(files=self.files, exclude=self.exclude)

    def key(self) -> str:
        """Returns the one spelling of these wishes, under which the store remembers a snapshot."""
        parts: dict[str, Any] = {"weights": self.weights}
        if self.files is not None:
            parts["files"] = sorted(self.files)
        if self.exclude:
            parts["exclude"] = sorted(self.exclude)
        return json.dumps(parts, sort_keys=True, separators=(",", ":"))
