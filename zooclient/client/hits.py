"""Hits as an iterator: the zoos are asked side by side, and their hits become one list, see :mod:`.merge`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from functools import partial
from typing import Any

from zooclient.client.accounts import has_token
from zooclient.client.beside import Beside, Tasks
from zooclient.client.merge import Lane, Merge
from zooclient.client.searching import check_online, page_of, searchable
from zooclient.client.wiring import Wiring
from zooclient.errors import AccessError, ZooError
from zooclient.net.exchange import Flow
from zooclient.records.model import Hit
from zooclient.records.query import Page, Query


class _Search:
    """Where a search stands; the colour is the caller's."""

    def __init__(self, wiring: Wiring, query: Query) -> None:
        self._wiring = wiring
        self._query = query
        self._problems: dict[str, ZooError] = {}
        zoos = searchable(wiring, query, self._problems)
        self._alone = len(zoos) == 1
        self._skipped: dict[str, str] = {}
        asked = [zoo for zoo in zoos if not self._barred(zoo)]
        check_online(wiring, asked)
        self._merge = Merge(query, {zoo: wiring.provider(zoo).capability.sorts for zoo in asked})

    @property
    def problems(self) -> Mapping[str, ZooError]:
        """Scheme → the error that ended its part, so far. A zoo asked alone raises its error instead."""
        return self._problems

    @property
    def skipped(self) -> Mapping[str, str]:
        """Scheme → a sentence on why it was not searched: it needs a login, and there is none, so far."""
        return self._skipped

    @property
    def unapplied(self) -> Mapping[str, tuple[str, ...]]:
        """Scheme → fields of the query that could not be applied there, so far."""
        return self._merge.unapplied

    @property
    def cut(self) -> Mapping[str, str]:
        """Scheme → a sentence on why its part ended although it may have more hits, so far."""
        return self._merge.cut

    def _barred(self, zoo: str) -> bool:
        """Whether a zoo need not be asked, because it lets nobody search who is not logged in."""
        if not self._wiring.provider(zoo).capability.search_login or has_token(self._wiring, zoo):
            return False
        return self._skip(zoo, AccessError(f"{zoo} is searched by those alone who are logged in."))

    def _skip(self, zoo: str, error: AccessError) -> bool:
        error.about(zoo=zoo, operation="search", hint=f"`zooclient login {zoo}` stores a token.")
        if self._alone:
            raise error
        self._skipped[zoo] = f"{error.message} {error.hint}"
        return True

    def _flow(self, lane: Lane) -> Flow[Page]:
        return page_of(self._wiring, lane.zoo, self._query, lane.cursor)

    def _take(self, lane: Lane, landed: Callable[[], Page]) -> None:
        """Takes what came of asking a zoo: a page or an error, which is raised where the zoo is asked alone."""
        try:
            problem = self._merge.take(lane, landed())
        except ZooError as error:
            lane.end()
            problem = error
        if isinstance(problem, AccessError) and not has_token(self._wiring, lane.zoo):
            self._skip(lane.zoo, problem)
        elif problem is not None:
            if self._alone:
                raise problem
            self._problems[lane.zoo] = problem


class Hits(_Search, Iterator[Hit]):
    """The hits of a search, asked for page by page as they are taken.

    Several zoos are asked side by side. Their hits take turns by rank as they come to be known, or, where an order is
    asked for, come in it, which is not known before each zoo has answered; see ``Client.search``. Iterating may raise
    the error of a zoo that was asked alone; of several, the errors are in ``problems``. Nothing stays under way when
    the iterator is used up, closed or dropped.
    """

    def __init__(self, wiring: Wiring, query: Query, run: Callable[[Flow[Page]], Page]) -> None:
        super().__init__(wiring, query)
        self._run = run
        self._beside: Beside[Lane, Page] | None = None

    def __iter__(self) -> Hits:
        return self

    def __next__(self) -> Hit:
        try:
            hit = self._next()
        except BaseException:
            self.close()
            raise
        if hit is None:
            self.close()
            raise StopIteration
        return hit

    def close(self) -> None:
        """Ends it: no further hit comes, and what is under way is given up."""
        self._merge.end()
        if self._beside is not None:
            self._beside.close()

    def _next(self) -> Hit | None:
        return self._next_alone() if self._alone else self._next_of_several()

    def _next_alone(self) -> Hit | None:
        """One zoo is asked where the caller stands."""
        hit = None
        while hit is None and not self._merge.over:
            for lane in self._merge.wanted():
                self._take(lane, partial(self._run, self._flow(lane)))
            hit = self._merge.next()
        return hit

    def _next_of_several(self) -> Hit | None:
        if self._beside is None:
            self._beside = Beside(self._wiring.driver())
        if self._beside.lost():
            self._merge.forget_asked()
        while not self._merge.over:
            for lane, landed in self._beside.ready():
                self._take(lane, landed.result)
            for lane in self._merge.wanted():
                self._beside.ask(lane, self._flow(lane))
            hit = self._merge.next()
            if hit is not None or self._merge.over:
                return hit
            lane, landed = self._beside.wait()
            self._take(lane, landed.result)
        return None


class AsyncHits(_Search, AsyncIterator[Hit]):
    """As :class:`Hits`, for ``async for``: each zoo is a task of the loop."""

    def __init__(self, wiring: Wiring, query: Query, run: Callable[[Flow[Page]], Coroutine[Any, Any, Page]]) -> None:
        super().__init__(wiring, query)
        self._tasks: Tasks[Lane, Page] = Tasks(run)

    def __aiter__(self) -> AsyncHits:
        return self

    async def __anext__(self) -> Hit:
        try:
            hit = await self._next()
        except BaseException:
            await self.aclose()
            raise
        if hit is None:
            await self.aclose()
            raise StopAsyncIteration
        return hit

    async def aclose(self) -> None:
        """As :meth:`Hits.close`."""
        self._merge.end()
        await self._tasks.close()

    async def _next(self) -> Hit | None:
        while not self._merge.over:
            for lane, landed in self._tasks.ready():
                self._take(lane, landed.result)
            for lane in self._merge.wanted():
                self._tasks.ask(lane, self._flow(lane))
            hit = self._merge.next()
            if hit is not None or self._merge.over:
                return hit
            await self._tasks.wait()
        return None
