"""The order of a merged search, for every order of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.client.merge import EMPTY_PAGES, Lane, Merge
from zooclient.errors import ProtocolError
from zooclient.records.model import Hit
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref

ZOOS = ("one", "two", "three")
ABLE = dict.fromkeys(ZOOS, ("downloads",))

Pages = Mapping[str, Sequence[Sequence[int | None]]]


def hits(zoo: str, numbers: Sequence[int | None], start: int = 0) -> tuple[Hit, ...]:
    """Returns hits with these downloads."""
    return tuple(
        Hit(ref=Ref(scheme=zoo, id=f"a/{start + place}"), title="", downloads=number)
        for place, number in enumerate(numbers)
    )


class Zoos:
    """Answers a merge in an order that is chosen from outside, and holds it to its manners."""

    def __init__(self, merge: Merge, pages: Pages, draw: Any) -> None:
        self.merge, self.draw = merge, draw
        self.left = {zoo: list(enumerate(told)) for zoo, told in pages.items()}
        self.starts = dict.fromkeys(pages, 0)
        self.under_way: list[Lane] = []
        self.asked = 0
        self.open: dict[str, int] = dict.fromkeys(pages, 0)
        self.found: list[Hit] = []

    def walk(self) -> list[Hit]:
        while not self.merge.over:
            for lane in self.merge.wanted():
                assert self.open[lane.zoo] == 0, "a page is asked for only when the hits of the one before are used up"
                self.asked += 1
                self.under_way.append(lane)
            hit = self.merge.next()
            if hit is not None:
                self.open[hit.ref.scheme] -= 1
                self.found.append(hit)
            elif self.under_way:
                self._answer()
            else:
                assert self.merge.over, "it waits for nobody"
        return self.found

    def _answer(self) -> None:
        lane = self.under_way.pop(self.draw(st.integers(0, len(self.under_way) - 1)))
        if not self.left[lane.zoo]:
            lane.end()
            return
        number, told = self.left[lane.zoo].pop(0)
        page = hits(lane.zoo, told, self.starts[lane.zoo])
        self.starts[lane.zoo] += len(told)
        self.open[lane.zoo] += len(told)
        cursor = str(number + 1) if self.left[lane.zoo] else None
        assert self.merge.take(lane, Page(hits=page, cursor=cursor)) is None


_pages = st.fixed_dictionaries({zoo: st.lists(st.lists(st.integers(0, 50), max_size=4), max_size=4) for zoo in ZOOS})


@settings(deadline=None)
@given(_pages, st.none() | st.integers(0, 20), st.data())
def test_each_zoo_keeps_its_order_and_nothing_is_lost(pages: Pages, limit: int | None, data: st.DataObject) -> None:
    """However the answers come: every hit is given once, in its zoo's order, and no more than the limit."""
    zoos = Zoos(Merge(Query(limit=limit), ABLE), pages, data.draw)
    found = zoos.walk()
    there = sum(len(page) for told in pages.values() for page in told)
    assert len(found) == (there if limit is None else min(limit, there))
    assert len({str(hit.ref) for hit in found}) == len(found)
    for zoo in ZOOS:
        own = [int(hit.ref.id.removeprefix("a/")) for hit in found if hit.ref.scheme == zoo]
        assert own == list(range(len(own)))


@settings(deadline=None)
@given(_pages, st.data())
def test_with_a_limit_each_zoo_has_its_share(pages: Pages, data: st.DataObject) -> None:
    """However late a zoo answers, of a limited list it has what it would have had if all had answered at once."""
    limit = data.draw(st.integers(1, 12))
    found = Zoos(Merge(Query(limit=limit), ABLE), pages, data.draw).walk()
    first = {zoo: len(told[0]) if told else 0 for zoo, told in pages.items()}
    for zoo in ZOOS:
        share = min(limit // len(ZOOS), first[zoo])
        assert sum(hit.ref.scheme == zoo for hit in found) >= share


@settings(deadline=None)
@given(
    st.fixed_dictionaries({zoo: st.lists(st.integers(0, 50) | st.none(), max_size=12) for zoo in ZOOS}),
    st.integers(1, 4),
    st.none() | st.integers(0, 20),
    st.data(),
)
def test_numbers_never_rise(
    told: Mapping[str, list[int | None]], size: int, limit: int | None, data: st.DataObject
) -> None:
    """By downloads the list is sorted whichever zoo answers first, and hits without a number stay in their place."""
    ordered = {}
    for zoo, numbers in told.items():
        known = iter(sorted((number for number in numbers if number is not None), reverse=True))
        row = [None if number is None else next(known) for number in numbers]
        ordered[zoo] = [row[start : start + size] for start in range(0, len(row), size)]
    zoos = Zoos(Merge(Query(sort="downloads", limit=limit), ABLE), ordered, data.draw)
    found = [hit.downloads for hit in zoos.walk() if hit.downloads is not None]
    assert found == sorted(found, reverse=True)


def test_taking_turns() -> None:
    """First come the first hits of all, then the second ones, in the order in which the zoos were named."""
    merge = Merge(Query(), ABLE)
    for lane, count in zip(merge.wanted(), (1, 3, 2), strict=True):
        merge.take(lane, Page(hits=hits(lane.zoo, [0] * count)))
    found = [merge.next() for _ in range(7)]
    assert [str(hit.ref) for hit in found[:6] if hit is not None] == [
        *("one:a/0", "two:a/0", "three:a/0", "two:a/1", "three:a/1", "two:a/2"),
    ]
    assert found[6] is None and merge.over


def test_relevance_is_every_zoos_own_order() -> None:
    """A zoo that has no order by relevance gives its own, and takes its turns like the others."""
    merge = Merge(Query(sort="relevance"), dict.fromkeys(ZOOS, ()))
    for lane in merge.wanted():
        merge.take(lane, Page(hits=hits(lane.zoo, [0]), unapplied=("sort",)))
    assert [hit.ref.scheme for hit in (merge.next(), merge.next(), merge.next()) if hit is not None] == list(ZOOS)


def test_a_walk_that_goes_nowhere_ends() -> None:
    """The same page twice is an error of its zoo, and empty pages without end are left."""
    merge = Merge(Query(), {"one": ()})
    (lane,) = merge.wanted()
    assert merge.take(lane, Page(hits=(), cursor="x")) is None
    assert merge.wanted() == [lane]
    assert isinstance(merge.take(lane, Page(hits=(), cursor="x")), ProtocolError)
    assert merge.over
    merge, pages = Merge(Query(), {"one": ()}), 0
    while not merge.over:
        (lane,) = merge.wanted()
        pages += 1
        merge.take(lane, Page(hits=(), cursor=str(pages)))
    assert pages == EMPTY_PAGES
    assert list(merge.cut) == ["one"]
    assert f"{EMPTY_PAGES} pages in a row" in merge.cut["one"]


def test_a_zoo_that_cuts_its_part_short_says_so_and_one_that_ends_does_not() -> None:
    """Why a provider's walk ends early reaches the caller; an ordinary end has no reason to tell."""
    merge = Merge(Query(), {"one": (), "two": ()})
    one, two = merge.wanted()
    merge.take(one, Page(hits=(), cut="It is too far."))
    merge.take(two, Page(hits=()))
    assert merge.over
    assert merge.cut == {"one": "It is too far."}
