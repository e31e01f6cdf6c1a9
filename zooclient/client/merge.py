"""The order in which the hits of several zoos become one list, and what has to be asked for it; pure.

* Without an order, and by relevance, the zoos take turns by rank: the next hit is the one that stands highest in its
  own zoo's list, of two equal ones that of the zoo that was named first. A hit is given as soon as it is known. A slow
  zoo takes its turns, from its first hit on, when it has answered. Where there is a limit, no zoo takes more than its
  even share of it before every other has answered, failed or ended.
* By downloads, likes, time of change or time of creation the highest comes first, whichever zoo it is of. The first of
  all is not known before each zoo has answered, so nothing is given before. A hit whose zoo does not tell the number
  keeps the place that its zoo gave it. Zoos count differently: the Hub's downloads are those of 30 days.
* By trend, of which no zoo tells a number that others know, zoos take turns as by relevance.
* A zoo that cannot give the order comes after those that can.

Each zoo is asked once at the beginning; its next page is asked when its hits are used up, and not before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime

from zooclient.errors import ProtocolError, ZooError
from zooclient.records.model import Hit
from zooclient.records.query import Page, Query, cut_short

#: Pages in a row without a hit after which a walk ends: a filter applied here may empty many pages.
EMPTY_PAGES = 50

#: Order → attribute of a hit that tells it. Zoos take turns where there is none.
_NUMBERS = {"downloads": "downloads", "likes": "likes", "updated": "updated_at", "created": "created_at"}

_FIRST = float("inf")


class Lane:
    """One zoo's part of a search.

    Attributes:
        zoo: Scheme.
        cursor: Of the page to ask for next. None: the first.
        asking: A page is under way.
        answered: A first page has come, or will never come.
        over: No further page comes.
        cut: Why none comes although there may be more. None: it is not so.
        orders: Whether the zoo gives the order that was asked for, as far as is known.
    """

    def __init__(self, zoo: str, *, orders: bool) -> None:
        self.zoo = zoo
        self.orders = orders
        self.cursor: str | None = None
        self.cut: str | None = None
        self.asking = self.answered = self.over = False
        self.given = 0
        self._number = _FIRST
        self._empty = 0
        self._ready: deque[tuple[float, Hit]] = deque()

    @property
    def ended(self) -> bool:
        """Whether it gives no further hit."""
        return self.over and not self._ready

    @property
    def used_up(self) -> bool:
        """Whether none of its hits is at hand."""
        return not self._ready

    @property
    def number(self) -> float:
        """What its next hit is ordered by."""
        return self._ready[0][0]

    def take(self, page: Page, fresh: Iterable[Hit], sort: str | None) -> ZooError | None:
        """Adds the hits of a page; returns what is wrong about it."""
        self.asking, self.answered = False, True
        self.orders = self.orders and "sort" not in page.unapplied
        before = len(self._ready)
        for hit in fresh:
            self._number = _number(hit, sort, self._number)
            self._ready.append((self._number, hit))
        self._empty = 0 if len(self._ready) > before else self._empty + 1
        again = page.cursor is not None and page.cursor == self.cursor
        self.cursor = page.cursor
        self.over = page.cursor is None or again or self._empty >= EMPTY_PAGES
        self.cut = page.cut
        if page.cursor is not None and self._empty >= EMPTY_PAGES:
            self.cut = cut_short(EMPTY_PAGES)
        if again:
            return ProtocolError(
                f"{self.zoo} gave the same page twice.",
                zoo=self.zoo,
                operation="search",
                hint="The hits that came are good. Is the endpoint right?",
            )
        return None

    def end(self) -> None:
        """No further page comes from it."""
        self.asking, self.answered, self.over = False, True, True

    def pop(self) -> Hit:
        """Takes its next hit."""
        self.given += 1
        return self._ready.popleft()[1]


def _number(hit: Hit, sort: str | None, before: float) -> float:
    value = getattr(hit, _NUMBERS.get(sort or "", ""), None)
    if isinstance(value, datetime):
        return value.timestamp()
    return before if value is None else float(value)


class Merge:
    """Where a search of several zoos stands. It asks nobody: it tells who is to be asked, and takes what came.

    Args:
        query: What is searched for.
        sorts: Scheme of each zoo, in their order → orders that it says it can give.
    """

    def __init__(self, query: Query, sorts: Mapping[str, Iterable[str]]) -> None:
        self._sort = None if query.sort == "relevance" else query.sort
        self._limit = query.limit
        self._left = query.limit
        self._lanes = [Lane(zoo, orders=self._sort is None or self._sort in able) for zoo, able in sorts.items()]
        self._seen: set[str] = set()
        self.unapplied: dict[str, tuple[str, ...]] = {}

    def end(self) -> None:
        """No further hit is wanted."""
        self._left = 0

    @property
    def cut(self) -> dict[str, str]:
        """Scheme → why its part ended although it may have more, so far."""
        return {lane.zoo: lane.cut for lane in self._lanes if lane.cut is not None}

    @property
    def over(self) -> bool:
        """Whether no further hit is given."""
        return self._left == 0 or all(lane.ended for lane in self._lanes)

    def wanted(self) -> list[Lane]:
        """Returns the zoos that are to be asked for a page now, and counts them as asked."""
        if self._left == 0:
            return []
        found = [lane for lane in self._lanes if lane.used_up and not lane.asking and not lane.over]
        for lane in found:
            lane.asking = True
        return found

    def forget_asked(self) -> None:
        """What is under way will not arrive."""
        for lane in self._lanes:
            lane.asking = False

    def take(self, lane: Lane, page: Page) -> ZooError | None:
        """Takes a page that came; returns what is wrong about it."""
        if page.unapplied:
            self.unapplied[lane.zoo] = page.unapplied
        fresh = []
        for hit in page.hits:  # a listing that changes while it is walked shows a model twice
            if str(hit.ref) not in self._seen:
                self._seen.add(str(hit.ref))
                fresh.append(hit)
        return lane.take(page, fresh, self._sort)

    def next(self) -> Hit | None:
        """Returns the next hit; None when it is not known yet, or there is none."""
        lane = None if self._left == 0 else self._next_lane()
        if lane is None:
            return None
        if self._left is not None:
            self._left -= 1
        return lane.pop()

    def _next_lane(self) -> Lane | None:
        able = [lane for lane in self._lanes if lane.orders and not lane.ended]
        if not able:
            return self._by_rank([lane for lane in self._lanes if not lane.ended])
        if self._sort not in _NUMBERS:
            return self._by_rank(able)
        if any(lane.used_up for lane in able):
            return None
        return max(able, key=lambda lane: lane.number)  # the first of equal ones

    def _by_rank(self, lanes: list[Lane]) -> Lane | None:
        lane = min((lane for lane in lanes if not lane.used_up), key=lambda lane: lane.given, default=None)
        if lane is None or self._limit is None or all(other.answered for other in lanes):
            return lane
        left = self._limit - sum(other.given for other in self._lanes if other not in lanes)
        even, further = divmod(left, len(lanes))
        share = even + 1 if lanes.index(lane) < further else even
        return lane if lane.given < share else None
