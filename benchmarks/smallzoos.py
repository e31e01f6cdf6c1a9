"""Small zoos: a provider that a package brings, and servers of them in a process of their own.

A zoo lists models at ``/list`` after a delay of its own, and answers the Hub's question about one model at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen
from measure import Options, folder

from zooclient.errors import NetworkError, Unsupported, ZooError
from zooclient.net.exchange import Flow, Request, Response, fetch
from zooclient.providers.base import Account
from zooclient.records.capability import Capability
from zooclient.records.model import FileEntry, Hit, ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref
from zooclient.settings import Settings

#: Schemes of the zoos.
NAMES = ("fast1", "fast2", "slow")
#: Models that each lists.
ROWS = 30

CAPABILITY = Capability(search=True, filters={"text": "exact", "limit": "exact"})

_COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"


@frozen
class SmallZoo:
    """The provider of one."""

    scheme: str
    endpoint: str
    official: bool = False

    @property
    def capability(self) -> Capability:
        """Listing is all that it can do."""
        return CAPABILITY

    def search(self, query: Query, cursor: str | None = None) -> Flow[Page]:
        """One page, which is all."""
        response: Response = yield from fetch(Request(url=f"{self.endpoint}/list"))
        return Page(hits=tuple(Hit(ref=Ref(scheme=self.scheme, id=name), title=name) for name in response.json()))

    def resolve(self, ref: Ref, *, demos: bool = False) -> Flow[ModelRecord]:
        """Not here."""
        yield from ()
        raise Unsupported("Nothing is resolved here.")

    def locate(self, record: ModelRecord, file: FileEntry) -> Request:
        """Not here."""
        raise Unsupported("Nothing is fetched here.")

    def whoami(self, token: str | None = None) -> Flow[Account]:
        """Not here."""
        yield from ()
        raise Unsupported("Nobody has an account here.")

    def refused(self, response: Response, ref: Ref | None, operation: str) -> ZooError:
        """Nothing is refused here."""
        return NetworkError(f"{self.scheme} answered with {response.status}.")


def _make(scheme: str, settings: Settings) -> SmallZoo:
    return SmallZoo(scheme, settings.zoo(scheme).endpoint or "http://127.0.0.1:9")


fast1, fast2, slow = (partial(_make, name) for name in NAMES)


@contextmanager
def running(options: Options, delays: dict[str, float]) -> Iterator[dict[str, str]]:
    """Installs the package, starts the servers, and gives scheme → endpoint.

    Args:
        options: Where to put files.
        delays: Scheme → seconds after which it lists.
    """
    with folder(options, "zooclient-smallzoos") as place:
        info = place / "smallzoos-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: smallzoos\nVersion: 1\n")
        points = "".join(f"{name} = smallzoos:{name}\n" for name in NAMES)
        (info / "entry_points.txt").write_text(f"[zooclient.providers]\n{points}")
        sys.path.insert(0, str(place))
        words = [sys.executable, str(Path(__file__).resolve()), *map(str, delays.values())]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            ports = json.loads(process.stdout.readline())
            yield {name: f"http://127.0.0.1:{port}" for name, port in zip(delays, ports, strict=True)}
        finally:
            process.communicate()
            sys.path.remove(str(place))


async def _talk(delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while asked := await reader.readline():
        while (await reader.readline()).strip():
            pass
        path = asked.decode().split()[1]
        body: Any = [f"a/{number}" for number in range(ROWS)]
        if path == "/list":
            await asyncio.sleep(delay)
        else:
            name = path.removeprefix("/api/models/").partition("?")[0]
            body = {"id": name, "sha": _COMMIT, "siblings": [{"rfilename": "a.json", "size": 2, "blobId": _COMMIT}]}
        text = json.dumps(body).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
        await writer.drain()
    writer.close()


async def _serve(delays: list[float]) -> None:
    servers = [await asyncio.start_server(partial(_talk, delay), "127.0.0.1", 0) for delay in delays]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until who started us lets go
    os._exit(0)  # clients may be in the middle of a question


if __name__ == "__main__":
    asyncio.run(_serve([float(word) for word in sys.argv[1:]]))
