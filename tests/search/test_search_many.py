"""A thousand resolves at once through one AsyncClient."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import tracemalloc
from pathlib import Path

from zooclient import AsyncClient

MANY = 1000
COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
#: Bytes that a call may take while it waits, and objects that it may leave behind.
WAITING, LEFT = 12_000, 2


class Hub:
    """A Hub of which every model is known, in the client's own loop, so that every thread that is seen is ours."""

    def __init__(self) -> None:
        self.asked = self.connections = self._held = 0
        self.open, self.full = asyncio.Event(), asyncio.Event()
        self.open.set()
        self._talks: list[asyncio.Task[None] | None] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.append(asyncio.current_task())
        self.connections += 1
        while asked := await reader.readline():
            while (await reader.readline()).strip():
                pass
            self.asked += 1
            self._held += 1
            if self._held == self.connections:
                self.full.set()
            await self.open.wait()
            self._held -= 1
            name = asked.decode().split()[1].removeprefix("/api/models/").partition("?")[0]
            told = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": "a.json", "size": 2, "blobId": COMMIT}]}
            body = json.dumps(told).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    async def ended(self) -> None:
        """Waits until every client has hung up."""
        await asyncio.gather(*filter(None, self._talks))


def test_a_thousand_resolves_at_once(tmp_path: Path) -> None:
    """One event loop, no thread for any call, no more connections than allowed, and little memory for who waits."""
    before = set(threading.enumerate())

    async def walk() -> None:
        hub = Hub()
        server = await asyncio.start_server(hub, "127.0.0.1", 0)
        endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        seen: set[threading.Thread] = set()
        async with server:
            async with AsyncClient(home=tmp_path, endpoints={"hf": endpoint}) as client:

                async def one(number: int) -> str:
                    record = await client.resolve(f"hf:org/m{number % 10}")
                    seen.update(threading.enumerate())
                    return record.ref.revision or ""

                await asyncio.gather(*map(one, range(50)))  # imports, connections, a home
                gc.collect()
                objects = len(gc.get_objects())
                hub.open.clear()
                hub.full.clear()
                tracemalloc.start()
                try:
                    tasks = [asyncio.create_task(one(number)) for number in range(MANY)]
                    await asyncio.wait_for(hub.full.wait(), 60)
                    waiting, _ = tracemalloc.get_traced_memory()
                finally:
                    tracemalloc.stop()
                hub.open.set()
                assert {await task for task in tasks} == {COMMIT}
                tasks.clear()
                gc.collect()
                assert len(gc.get_objects()) - objects < MANY * LEFT
            await hub.ended()
        assert seen <= before
        assert hub.connections <= 8
        assert hub.asked == MANY + 50
        assert waiting < MANY * WAITING

    asyncio.run(walk())
