"""Zoos that an installed package brings: small servers on loopback, told what they list and when they answer."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import frozen
from netdoubles import Answer, Asked, Server

from zooclient import AsyncClient, Client
from zooclient.errors import AccessError, NetworkError, Unsupported, ZooError
from zooclient.net.exchange import Flow, Request, Response, fetch
from zooclient.providers import registry
from zooclient.providers.base import Account
from zooclient.records import filters
from zooclient.records.capability import Capability
from zooclient.records.model import FileEntry, Hit, ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref
from zooclient.settings import Limits, Settings

NAMES = ("one", "two", "three")
#: Seconds after which a test that went wrong ends.
PATIENCE = 30
#: What is not tried again, so that a failure is soon known.
ONCE = Limits(retries=0, connect_retries=0)

ABLE = Capability(
    search=True,
    login=True,
    filters=dict.fromkeys(("text", "author", "task", "tags", "nsfw", "sort", "limit"), "exact"),
    sorts=("downloads", "likes", "updated", "created"),
)
#: Scheme → what a zoo says that it can do; :func:`doubles` sets it back.
CAN: dict[str, Capability] = {}


@frozen
class Double:
    """The provider of such a zoo."""

    scheme: str
    endpoint: str

    @property
    def capability(self) -> Capability:
        return CAN.get(self.scheme, ABLE)

    @property
    def official(self) -> bool:
        return False

    def search(self, query: Query, cursor: str | None = None) -> Flow[Page]:
        told = {"limit": query.limit, "sort": query.sort, "cursor": cursor}
        url = f"{self.endpoint}/list?" + urlencode({name: value for name, value in told.items() if value is not None})
        response: Response = yield from fetch(Request(url=url))
        if not response.ok:
            raise self.refused(response, None, "search")
        answer = response.json()
        return Page(
            hits=tuple(self._hit(row) for row in answer["hits"]),
            cursor=answer["next"],
            unapplied=filters.unapplied(query, self.capability),
        )

    def _hit(self, row: Mapping[str, Any]) -> Hit:
        ref = Ref(scheme=self.scheme, id=row["id"])
        return Hit(
            ref=ref,
            title=row["id"],
            downloads=row.get("downloads"),
            likes=row.get("likes"),
            created_at=_moment(row.get("created_at")),
            updated_at=_moment(row.get("updated_at")),
        )

    def resolve(self, ref: Ref, *, demos: bool = False) -> Flow[ModelRecord]:
        response: Response = yield from fetch(Request(url=f"{self.endpoint}/models/{ref.id}"))
        if not response.ok:
            raise self.refused(response, ref, "resolve")
        return ModelRecord(ref=ref, requested=ref, pin="none", title=ref.id, endpoint=self.endpoint)

    def locate(self, record: ModelRecord, file: FileEntry) -> Request:
        raise Unsupported("Nothing is fetched here.")

    def whoami(self, token: str | None = None) -> Flow[Account]:
        yield from ()
        raise Unsupported("Nobody has an account here.")

    def refused(self, response: Response, ref: Ref | None, operation: str) -> ZooError:
        if response.status == 401:
            return AccessError(f"{self.scheme} knows nobody without a token.", zoo=self.scheme)
        return NetworkError(f"{self.scheme} answered with {response.status}.", zoo=self.scheme)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _make(scheme: str, settings: Settings) -> Double:
    return Double(scheme, settings.zoo(scheme).endpoint or "http://127.0.0.1:9")


one, two, three = (partial(_make, name) for name in NAMES)


class Listing:
    """What a zoo answers.

    Args:
        rows: Its models, in its order: ids, or objects.
        size: Rows of a page.
        status: Of its answers.
        reached: Set when it is asked. None: nothing is.
        gate: It answers when this is set. None: at once.
        opens: Set by its answers. None: nothing is.
        meet: It answers when all parties have been asked. None: at once.
    """

    def __init__(
        self,
        rows: Sequence[str | Mapping[str, Any]] = (),
        *,
        size: int = 2,
        status: int = 200,
        reached: threading.Event | None = None,
        gate: threading.Event | None = None,
        opens: threading.Event | None = None,
        meet: threading.Barrier | None = None,
    ) -> None:
        self.rows = [{"id": row} if isinstance(row, str) else row for row in rows]
        self.size, self.status = size, status
        self.reached, self.gate, self.opens, self.meet = reached, gate, opens, meet
        self.asked: list[Mapping[str, str]] = []
        self.tokens: list[str | None] = []

    def __call__(self, asked: Asked) -> Answer:
        told = {name: values[-1] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        self.asked.append(told)
        self.tokens.append(asked.headers.get("authorization"))
        if self.reached is not None:
            self.reached.set()
        if self.meet is not None:
            self.meet.wait(PATIENCE)
        if self.gate is not None:
            self.gate.wait(PATIENCE)
        if self.opens is not None:
            self.opens.set()
        start = int(told.get("cursor", "0"))
        stop = start + self.size
        body = {"hits": self.rows[start:stop], "next": str(stop) if stop < len(self.rows) else None}
        return Answer(self.status, json.dumps(body).encode())


@contextmanager
def doubles(folder: Path, **listings: Listing) -> Iterator[dict[str, str]]:
    """Installs the package that brings the zoos, starts those that are given, and gives scheme → endpoint."""
    place = folder / "zoodoubles-1.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: zoodoubles\nVersion: 1\n")
    lines = [f"{name} = zoodoubles:{name}" for name in listings]
    (place / "entry_points.txt").write_text("\n".join(["[zooclient.providers]", *lines]) + "\n")
    sys.path.insert(0, str(folder))
    registry._foreign.cache_clear()
    servers = {name: Server(listing) for name, listing in listings.items()}
    try:
        for server in servers.values():
            server.__enter__()
        yield {name: server.url for name, server in servers.items()}
    finally:
        for listing in listings.values():
            if listing.gate is not None:
                listing.gate.set()
        for server in servers.values():
            server.__exit__()
        sys.path.remove(str(folder))
        registry._foreign.cache_clear()
        CAN.clear()


class Walk:
    """A search of either colour, taken hit by hit."""

    def __init__(self, hits: Any, runner: asyncio.Runner | None) -> None:
        self.hits = hits
        self._runner = runner

    def next(self) -> str:
        """Returns the next hit as text; raises StopIteration or StopAsyncIteration."""
        return str((next(self.hits) if self._runner is None else self._runner.run(self._anext())).ref)

    async def _anext(self) -> Hit:
        hit: Hit = await asyncio.wait_for(anext(self.hits), PATIENCE)
        return hit

    def rest(self) -> list[str]:
        """Returns all further hits as text."""
        found = []
        while True:
            try:
                found.append(self.next())
            except (StopIteration, StopAsyncIteration):
                return found

    def close(self) -> None:
        if self._runner is None:
            self.hits.close()
        else:
            self._runner.run(self.hits.aclose())


class Colour:
    """Makes clients of one colour, and closes them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._runner = asyncio.Runner() if name == "async" else None
        self._clients: list[Any] = []

    def client(self, endpoints: Mapping[str, str], **options: Any) -> Client | AsyncClient:
        kind = Client if self._runner is None else AsyncClient
        made = kind(endpoints=endpoints, settings=Settings(limits=ONCE), **options)
        self._clients.append(made)
        return made

    def search(
        self, endpoints: Mapping[str, str], *words: str, zoos: Sequence[str] | None = NAMES, **told: Any
    ) -> Walk:
        options = {name: told.pop(name) for name in ("home", "tokens", "offline") if name in told}
        return Walk(self.client(endpoints, **options).search(*words, zoos=zoos, **told), self._runner)

    def compare(self, client: Any, refs: Any) -> Any:
        return client.compare(refs) if self._runner is None else self._runner.run(client.compare(refs))

    def close(self) -> None:
        for client in self._clients:
            if self._runner is None:
                client.close()
            else:
                self._runner.run(client.aclose())
        if self._runner is not None:
            self._runner.close()


def threads() -> set[str]:
    """Names of the threads that are alive and that a client makes to ask; servers of a test have other ones."""
    ours = ("zooclient-beside", "zooclient-net", "zooclient-job")
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(ours)}
