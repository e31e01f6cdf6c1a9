"""Ends a process of ours whose parent was killed, so that nothing is sent behind anybody's back."""

from __future__ import annotations

import os
import signal
import threading
import time

#: Seconds between two looks.
_LOOK = 0.25


def end_with_parent(*, grace: float = 0.0) -> None:
    """Ends this process soon after its parent has gone. On Windows a process cannot tell that, and goes on.

    Args:
        grace: Seconds that it has to tidy up in, as after SIGTERM, before it is ended.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        if grace:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(grace)
        os._exit(1)

    threading.Thread(target=watch, name="zooclient-parent", daemon=True).start()
