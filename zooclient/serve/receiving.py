"""Bodies of requests that go to a file while they come, so that none is ever held in memory."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

from zooclient.serve.exchange import Intake, Received

#: Bytes that are collected before they are hashed and written, away from the loop.
_BLOCK = 1024 * 1024


@asynccontextmanager
async def receive_to(
    intake: Intake, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]
) -> AsyncIterator[Received | None]:
    """Writes a body to a file and gives it; the file is gone afterwards, unless it was moved away.

    None is given where the client went away before it had sent everything: then nothing was said.
    """
    with tempfile.NamedTemporaryFile(dir=intake.folder, prefix="body-", delete=False) as file:
        path = Path(file.name)
        try:
            writing = _Writing(file, intake.most)
            whole = await _drain(writing, receive)
        except BaseException:
            file.close()
            _remove(path)
            raise
    try:
        yield writing.received(path) if whole else None
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


class _Writing:
    """A file under way, with what is known of it so far."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._most = most
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    def write(self, block: bytes) -> None:
        self._sha256.update(block)
        self._md5.update(block)
        self._file.write(block[: max(0, self._most - self._size)])
        self._size += len(block)

    def received(self, path: Path) -> Received:
        return Received(path=path, size=self._size, sha256=self._sha256.hexdigest(), md5=self._md5.hexdigest())


async def _drain(writing: _Writing, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> bool:
    waiting = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return False
        waiting += message.get("body", b"")
        more = message.get("more_body", False)
        if len(waiting) >= _BLOCK or not more:
            block, waiting = bytes(waiting), bytearray()
            await asyncio.to_thread(writing.write, block)
    return True
