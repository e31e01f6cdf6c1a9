"""Hits as an iterator: page after page, zoo after zoo."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import Any

from zooclient.client.steps import Steps
from zooclient.errors import ProtocolError, ZooError
from zooclient.net.exchange import Flow
from zooclient.records.model import Hit
from zooclient.records.query import Page, Query

#: Pages in a row without a hit after which a walk ends: a filter applied here may empty many pages.
EMPTY_PAGES = 50


class _Walk:
    """Where a search stands. The zoos are asked in turn; the colour is the caller's."""

    def __init__(self, steps: Steps, query: Query) -> None:
        self._steps = steps
        self._query = query
        self._zoos = list(steps.searchable(query))
        self._alone = len(self._zoos) == 1
        self._left = query.limit
        self._cursor: str | None = None
        self._empty = 0
        self._seen: set[str] = set()
        self._problems: dict[str, ZooError] = {}
        self._unapplied: dict[str, tuple[str, ...]] = {}

    @property
    def problems(self) -> Mapping[str, ZooError]:
        """Scheme → the error that ended its part, so far. A zoo asked alone raises its error instead."""
        return self._problems

    @property
    def unapplied(self) -> Mapping[str, tuple[str, ...]]:
        """Scheme → fields of the query that could not be applied there, so far."""
        return self._unapplied

    def _ask(self) -> Flow[Page] | None:
        if not self._zoos or self._left == 0:
            return None
        return self._steps.page(self._zoos[0], self._query, self._cursor)

    def _take(self, page: Page) -> list[Hit]:
        zoo = self._zoos[0]
        if page.unapplied:
            self._unapplied[zoo] = page.unapplied
        # A listing that changes while it is walked shows a model twice.
        fresh = [hit for hit in page.hits if str(hit.ref) not in self._seen]
        self._seen.update(str(hit.ref) for hit in fresh)
        if self._left is not None:
            fresh = fresh[: self._left]
            self._left -= len(fresh)
        self._empty = 0 if fresh else self._empty + 1
        again = page.cursor is not None and page.cursor == self._cursor
        self._cursor = page.cursor
        if page.cursor is None or again or self._empty >= EMPTY_PAGES:
            self._next_zoo()
            if again:
                self._failed(zoo, ProtocolError(f"{zoo} gave the same page twice.", zoo=zoo, operation="search"))
        return fresh

    def _failed(self, zoo: str, error: ZooError) -> None:
        if self._alone:
            raise error
        self._problems[zoo] = error

    def _next_zoo(self) -> None:
        self._zoos.pop(0)
        self._cursor, self._empty = None, 0


class Hits(_Walk, Iterator[Hit]):
    """The hits of a search, asked for page by page as they are taken.

    Iterating may raise the error of a zoo that was asked alone; of several, the errors are in ``problems``.
    """

    def __init__(self, steps: Steps, query: Query, run: Callable[[Flow[Page]], Page]) -> None:
        super().__init__(steps, query)
        self._run = run
        self._ready: list[Hit] = []

    def __iter__(self) -> Hits:
        return self

    def __next__(self) -> Hit:
        while not self._ready:
            flow = self._ask()
            if flow is None:
                raise StopIteration
            zoo = self._zoos[0]
            try:
                page = self._run(flow)
            except ZooError as error:
                self._next_zoo()
                self._failed(zoo, error)
                continue
            self._ready = self._take(page)[::-1]
        return self._ready.pop()


class AsyncHits(_Walk, AsyncIterator[Hit]):
    """As :class:`Hits`, for ``async for``."""

    def __init__(self, steps: Steps, query: Query, run: Callable[[Flow[Page]], Coroutine[Any, Any, Page]]) -> None:
        super().__init__(steps, query)
        self._run = run
        self._ready: list[Hit] = []

    def __aiter__(self) -> AsyncHits:
        return self

    async def __anext__(self) -> Hit:
        while not self._ready:
            flow = self._ask()
            if flow is None:
                raise StopAsyncIteration
            zoo = self._zoos[0]
            try:
                page = await self._run(flow)
            except ZooError as error:
                self._next_zoo()
                self._failed(zoo, error)
                continue
            self._ready = self._take(page)[::-1]
        return self._ready.pop()
