"""Ends a process of ours whose parent was killed, so that nothing is sent behind anybody's back."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

#: Seconds between two looks.
_LOOK = 0.25


def at_once() -> None:
    """Ends this process where it stands."""
    os._exit(1)


def end_with_parent(end: Callable[[], None] = at_once) -> None:
    """Ends this process soon after its parent has gone. On Windows a process cannot tell that, and goes on.

    Args:
        end: Ends it, in a thread of its own.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        end()

    threading.Thread(target=watch, name="zooclient-parent", daemon=True).start()
