"""Ends a process of ours whose parent was killed, so that nothing is sent behind anybody's back."""

from __future__ import annotations

import os
import threading
import time

#: Seconds between two looks.
_LOOK = 0.25


def end_with_parent() -> None:
    """Ends this process soon after its parent has gone. On Windows a process cannot tell that, and goes on."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os._exit(1)

    threading.Thread(target=watch, name="zooclient-parent", daemon=True).start()
