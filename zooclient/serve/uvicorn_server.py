"""uvicorn, told to stop at once when it is asked to, and to keep its talk to our own logger.

Imported when serving begins and not before: it costs more than the rest of the package.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from zooclient.serve.asgi import Application

_log = logging.getLogger(__name__)
# uvicorn formats trace messages for a logger that has no level of its own.
_log.setLevel(logging.WARNING)


class _Protocol(H11Protocol):
    """A connection that lends its transport to the application, which cuts a body short by closing it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app_state = dict(self.app_state)
        self.logger = _log
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.app_state["transport"] = transport


class _Server(Server):
    """A server that leaves signals to others and waits for an event instead of looking ten times a second."""

    def __init__(self, config: Config, stop: asyncio.Event, grace: float) -> None:
        super().__init__(config)
        self._stop = stop
        self._grace = grace

    async def main_loop(self) -> None:
        counter = 0
        while not self._stop.is_set():
            # Every tenth tick sets the date that answers carry.
            await self.on_tick(counter)
            counter += 10
            try:
                await asyncio.wait_for(self._stop.wait(), 1.0)
            except TimeoutError:
                continue
        for server in self.servers:
            server.close()
        if self.server_state.tasks and self._grace > 0:
            await asyncio.wait(set(self.server_state.tasks), timeout=self._grace)
        # Connections that are still open hold no answer that anybody waits for, or have had their time.
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()


def make_server(app: Application, stop: asyncio.Event, grace: float) -> Server:
    """Returns a server for ``app`` that runs until ``stop`` is set.

    Args:
        app: What answers.
        stop: Set in the loop of the server.
        grace: Seconds that running answers get to finish then.
    """
    config = Config(
        app,
        interface="asgi3",
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=60,
    )
    return _Server(config, stop, grace)
