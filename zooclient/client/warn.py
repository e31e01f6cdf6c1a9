"""Warnings that point at the caller's line, not at ours."""

from __future__ import annotations

import sys
import warnings
from datetime import timedelta

from zooclient.errors import StaleWarning, UnpinnedWarning


def unpinned(asked: str, pinned: str) -> None:
    """Warns that a moving name was used, with the pin to paste."""
    _warn(UnpinnedWarning, f"{asked} can change under you. The pin to use instead: {pinned}")


def stale(asked: str, pinned: str, age: timedelta, reason: str, where: str = "the store") -> None:
    """Warns that a moving name was answered from the store, or from a mirror."""
    _warn(StaleWarning, f"{asked} was answered from {where}, as seen {_spoken(age)} ago ({reason}): {pinned}")


def policy(text: str) -> None:
    """Warns of what a policy could not tell, or of an exception that was made use of."""
    _warn(UserWarning, text)


def no_preview(pinned: str, reason: str) -> None:
    """Warns that the image beside a model could not be had."""
    _warn(UserWarning, f"The preview of {pinned} was not fetched: {reason.rstrip('.')}.")


def _spoken(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"


def _warn(category: type[Warning], text: str) -> None:
    frame = sys._getframe()
    level = 1
    # Public calls may come from the sync or async client or the module-level functions, each at another depth.
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "zooclient":
        frame = frame.f_back
        level += 1
    warnings.warn(text, category, stacklevel=level)
