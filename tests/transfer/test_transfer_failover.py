"""A source that dies, lies or stalls, and others that are looked for only then."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve
from byteserver import KIB, LIMITS, MIB, ByteServer, Fault, FolderSink, Told, bring, entry
from hypothesis import given
from hypothesis import strategies as st

from zooclient.errors import AccessError, Cancelled, IntegrityError, NetworkError, NotFound, RateLimited, ZooError
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Request
from zooclient.records.model import FileEntry
from zooclient.transfer.crew import Crew
from zooclient.transfer.engine import Further, Item, Source
from zooclient.transfer.pace import Pace

CONTENT = random.Random(11).randbytes(3 * MIB + 17)
FILE = entry(CONTENT)
#: Patience that no test lives to see the end of: who waits for it has not left soon.
PATIENT = evolve(LIMITS, retries=50, backoff_base=30.0, backoff_max=30.0)


@pytest.fixture
def sink(tmp_path: Path) -> FolderSink:
    return FolderSink(tmp_path / "sink")


class Finder:
    """Finds these URLs as further sources, and remembers for which failure it was asked."""

    def __init__(self, *urls: str, told: str | None = None, bears: int | None = None) -> None:
        self.urls = urls
        self.told = told
        self.bears = bears
        self.failures: list[ZooError] = []
        self.during: Callable[[Cancel], object] = lambda cancel: None

    def __call__(self, failure: ZooError, cancel: Cancel) -> Further:
        self.failures.append(failure)
        self.during(cancel)
        found = tuple(source(f"found{n}", url, self.bears) for n, url in enumerate(self.urls))
        return Further(sources=found, told=self.told)


def source(label: str, url: str, bears: int | None = None) -> Source:
    return Source(label=label, locate=lambda: Request(url=url), bears=bears)


def item(finder: Finder | None, *urls: str, file: FileEntry = FILE) -> Item:
    sources = tuple(source(chr(ord("a") + number), url) for number, url in enumerate(urls))
    return Item(file=file, sources=sources, owner="hf:org/tiny@0123", further=finder)


def gone() -> str:
    """The origin of a server that is there no longer."""
    with ByteServer() as server:
        return server.origin


def test_a_healthy_download_looks_for_nobody(sink: FolderSink) -> None:
    """Further sources are not looked for while the first gives, not even after a single cut."""
    finder = Finder()
    with ByteServer() as one:
        url = one.serve("/f", CONTENT, Fault(cut=100 * KIB), *[Fault()] * 5, Fault(status=500))
        bring(sink, item(finder, url), limits=LIMITS)
    assert sink.read(FILE) == CONTENT
    assert finder.failures == []


def test_a_dead_source_is_left_in_the_middle_of_a_file(sink: FolderSink) -> None:
    """What has come is kept, each byte comes once, and reporter and receipt say who gave what."""
    told, limits = Told(), evolve(LIMITS, backoff_base=0.01)
    with ByteServer() as one, ByteServer() as two:
        finder = Finder(two.serve("/f", CONTENT))
        dying = one.serve("/f", CONTENT, Fault(), Fault(cut=100 * KIB), always=Fault(status=502))
        (receipt,) = bring(sink, item(finder, dying), limits=limits, reporter=told)
        assert one.sent("/f") + two.sent("/f") == len(CONTENT)
        assert len(one.requests("/f")) <= 4, "one further attempt is all that is made"
    assert sink.read(FILE) == CONTENT
    assert receipt.sources == {"a": 356 * KIB, "found0": len(CONTENT) - 356 * KIB}
    assert len(finder.failures) == 1 and "502" in finder.failures[0].message
    assert told.retries[-1].endswith("Next: found0.") and told.arrived == len(CONTENT)


@pytest.mark.parametrize("connections", [1, 8])
def test_a_stalled_source_is_left_at_once(sink: FolderSink, connections: int) -> None:
    """No byte for the stall timeout is enough, and no backoff is waited for."""
    held = threading.Event()
    limits = evolve(PATIENT, stall_timeout=0.2, read_timeout=0.2, connect_timeout=0.2)
    with ByteServer() as one, ByteServer() as two:
        finder = Finder(two.serve("/f", CONTENT))
        silent = Fault(during=lambda sent: held.wait(20))
        stalling = one.serve("/f", CONTENT, Fault(), always=silent)
        (receipt,) = bring(sink, item(finder, stalling), limits=limits, connections=connections)
        held.set()
    assert sink.read(FILE) == CONTENT
    assert set(receipt.sources) == {"a", "found0"}
    assert [type(failure) for failure in finder.failures] == [NetworkError]


def test_a_source_that_crawls_is_left(sink: FolderSink) -> None:
    """A source that gives a small part of what it gave before, for a whole stall timeout, is as good as stalled."""
    slow = threading.Event()
    limits = evolve(PATIENT, stall_timeout=0.5)
    big = random.Random(5).randbytes(8 * MIB)
    file = entry(big)
    with ByteServer(block=4 * KIB) as one, ByteServer() as two:
        finder = Finder(two.serve("/f", big))
        crawling = Fault(during=lambda sent: slow.wait(0.05))
        healthy = [Fault()] * 12
        url = one.serve("/f", big, *healthy, always=crawling)
        (receipt,) = bring(sink, item(finder, url, file=file), limits=limits)
        slow.set()
    assert sink.read(file) == big
    assert set(receipt.sources) == {"a", "found0"}
    assert ["far too slow" in failure.message for failure in finder.failures] == [True]


def test_a_source_that_crawls_is_kept_where_nobody_else_has_the_file(sink: FolderSink) -> None:
    """Slow is better than nothing: the search is made once, and the file comes."""
    limits = evolve(LIMITS, stall_timeout=0.2)
    slow = threading.Event()
    with ByteServer(block=4 * KIB) as one:
        finder = Finder()
        url = one.serve("/f", CONTENT, *[Fault()] * 8, Fault(during=lambda sent: slow.wait(0.03)))
        (receipt,) = bring(sink, item(finder, url), limits=limits)
    assert sink.read(FILE) == CONTENT
    assert receipt.sources == {"a": len(CONTENT)}
    assert len(finder.failures) == 1


def test_a_liar_is_dropped_and_its_bytes_thrown_away(sink: FolderSink) -> None:
    """A wrong digest leads to a further source, which brings the whole file."""
    with ByteServer() as one, ByteServer() as two:
        finder = Finder(two.serve("/f", CONTENT))
        lying = one.serve("/f", CONTENT, always=Fault(flip=MIB))
        (receipt,) = bring(sink, item(finder, lying), limits=LIMITS)
        assert two.sent("/f") == len(CONTENT)
    assert sink.read(FILE) == CONTENT
    assert receipt.sources == {"found0": len(CONTENT)}
    assert [type(failure) for failure in finder.failures] == [IntegrityError]


def test_a_liar_that_dies_ruins_nothing(sink: FolderSink) -> None:
    """Where a liar gave the beginning and another the rest, the one at hand brings all of it again."""
    with ByteServer() as one, ByteServer() as two:
        finder = Finder(two.serve("/f", CONTENT))
        lying = one.serve("/f", CONTENT, Fault(flip=5), always=Fault(status=404))
        (receipt,) = bring(sink, item(finder, lying), limits=LIMITS)
    assert sink.read(FILE) == CONTENT
    assert receipt.sources == {"found0": len(CONTENT)}


@pytest.mark.parametrize(("status", "kind"), [(403, AccessError), (404, NotFound), (410, NotFound)])
def test_a_refusal_leads_to_further_sources_at_once(sink: FolderSink, status: int, kind: type[ZooError]) -> None:
    """What will be refused again is not asked for again."""
    with ByteServer() as one, ByteServer() as two:
        finder = Finder(two.serve("/f", CONTENT))
        bring(sink, item(finder, one.serve("/f", CONTENT, always=Fault(status=status))), limits=PATIENT)
        assert len(one.requests("/f")) == 1
    assert sink.read(FILE) == CONTENT
    assert [isinstance(failure, kind) for failure in finder.failures] == [True]


def test_a_server_that_asks_to_wait_long_is_left(sink: FolderSink) -> None:
    """Where another has the file nobody waits a minute; a short wait is kept."""
    busy = Fault(status=429, headers={"Retry-After": "60"})
    with ByteServer() as one, ByteServer() as two:
        finder = Finder(two.serve("/f", CONTENT))
        url = one.serve("/f", CONTENT, Fault(status=429, headers={"Retry-After": "0"}), always=busy)
        bring(sink, item(finder, url), limits=evolve(LIMITS, max_wait=300.0))
        assert len(one.requests("/f")) == 2
    assert sink.read(FILE) == CONTENT
    assert [type(failure) for failure in finder.failures] == [RateLimited]


def test_a_server_that_asks_to_wait_is_not_pressed(sink: FolderSink) -> None:
    """Where nobody else has the file, a wait beyond the bound is the error, and nobody comes back sooner."""
    files = [entry(random.Random(n).randbytes(300 * KIB), f"{n}.bin") for n in range(2)]
    contents = [random.Random(n).randbytes(300 * KIB) for n in range(2)]
    finders = [Finder(), Finder()]
    with ByteServer() as one:
        urls = [
            one.serve(f"/{n}", content, *[Fault(status=429, headers={"Retry-After": "3600"})][: 1 - n])
            for n, content in enumerate(contents)
        ]
        items = [item(finder, url, file=file) for finder, url, file in zip(finders, urls, files, strict=True)]
        with pytest.raises(RateLimited) as caught:
            bring(sink, *items, limits=LIMITS)
        assert len(one.requests("/0")) == 1
    assert caught.value.retry_after == 3600.0


def test_who_failed_is_asked_last_for_the_next_files(sink: FolderSink) -> None:
    """The memory of a transfer: the second file begins at the source that worked, and says so."""
    told = Told()
    contents = [random.Random(n).randbytes(300 * KIB) for n in (1, 2)]
    files = [entry(content, f"{n}.bin") for n, content in enumerate(contents)]
    with ByteServer() as one, ByteServer() as two:
        one.serve("/0", contents[0], always=Fault(status=502))
        one.serve("/1", contents[1])
        items = [
            item(Finder(two.serve(f"/{n}", content)), f"{one.origin}/{n}", file=file)
            for n, (content, file) in enumerate(zip(contents, files, strict=True))
        ]
        first, second = bring(sink, *items, limits=evolve(LIMITS, backoff_base=0.01), reporter=told)
        assert one.requests("/1") == []
    assert [set(receipt.sources) for receipt in (first, second)] == [{"found0"}, {"found0"}]
    assert "a failed before. Next: found0." in told.retries


def test_a_file_without_an_equal_waits_for_the_others(sink: FolderSink) -> None:
    """Nobody else has it, so the weights come first from elsewhere; then its own source is asked with all patience."""
    told = Told()
    contents = [random.Random(n).randbytes(300 * KIB) for n in (1, 2)]
    files = [entry(content, name) for content, name in zip(contents, ("config.json", "weights"), strict=True)]
    limits = evolve(LIMITS, retries=3, backoff_base=0.01)
    with ByteServer() as one, ByteServer() as two:
        alone = Finder(told="Nobody else has it.")
        dead = Fault(status=502)
        first = item(alone, one.serve("/0", contents[0], dead, dead, dead), file=files[0])
        second = item(Finder(two.serve("/1", contents[1])), one.serve("/1", contents[1], always=dead), file=files[1])
        receipts = bring(sink, first, second, limits=limits, reporter=told)
    assert [set(receipt.sources) for receipt in receipts] == [{"a"}, {"found0"}]
    assert [call[1] for call in told.calls if call[0] == "finished"] == ["weights", "config.json"]
    assert len([call for call in told.calls if call[0] == "started"]) == 2
    assert len(alone.failures) == 1 and told.arrived == sum(map(len, contents))


def test_the_error_of_the_files_own_source_is_told(sink: FolderSink) -> None:
    """Where the found ones fail as well, the error is about the file's own source, and its hint says the rest."""
    with ByteServer() as one, ByteServer() as two:
        finder = Finder(f"{two.origin}/nothing", told="Asked: two zoos.")
        url = one.serve("/f", CONTENT, always=Fault(status=502))
        with pytest.raises(NetworkError, match="502") as caught:
            bring(sink, item(finder, url), limits=evolve(LIMITS, retries=1))
    assert "found0: There is nothing at" in (caught.value.hint or "")
    assert (caught.value.hint or "").endswith("Asked: two zoos.")


def test_all_patience_is_for_the_only_source(sink: FolderSink) -> None:
    """Where nobody else has a file, as many attempts are made as the limits say."""
    with ByteServer() as one:
        finder = Finder()
        url = one.serve("/f", CONTENT, always=Fault(status=502))
        with pytest.raises(NetworkError):
            bring(sink, item(finder, url), limits=evolve(LIMITS, retries=3))
        assert len(one.requests("/f")) == 4
    assert len(finder.failures) == 1


def test_a_search_can_be_cancelled(sink: FolderSink) -> None:
    """Who waits for further sources obeys the wish to stop."""
    cancel = Cancel(60.0)
    finder = Finder()

    def search(stop: Cancel) -> None:
        cancel.cancel()
        stop.wait(20.0)

    finder.during = search
    with pytest.raises(Cancelled):
        bring(sink, item(finder, gone() + "/f"), cancel=cancel)


def test_a_source_gets_no_more_connections_than_it_bears(sink: FolderSink) -> None:
    """Eight files that move to a zoo that bears two use two connections there."""
    contents = [random.Random(n).randbytes(400 * KIB) for n in range(8)]
    now, most, lock = [0], [0], threading.Lock()

    def begin() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])

    dead = gone()
    with ByteServer(block=MIB) as two:

        def over(sent: int) -> None:
            with lock:
                now[0] -= 1

        items = [
            item(
                Finder(two.serve(f"/{n}", content, always=Fault(before=begin, during=over)), bears=2),
                f"{dead}/{n}",
                file=entry(content, f"{n}.bin"),
            )
            for n, content in enumerate(contents)
        ]
        limits = evolve(LIMITS, backoff_base=0.01, small_file=MIB)
        receipts = bring(sink, *items, connections=8, limits=limits)
    assert all(set(receipt.sources) == {"found0"} for receipt in receipts)
    assert 1 <= most[0] <= 2


def test_a_crew_that_is_bound_stays_so() -> None:
    """The bound holds for those who come later, and is never lifted by measuring."""
    cancel = Cancel(20.0)
    crew = Crew(8, lambda: None)
    crew.join(cancel, small=True)
    crew.bound(1, cancel)
    assert crew.most == 1
    assert not crew.try_join()
    crew.leave()
    crew.join(cancel, small=True)
    assert not crew.try_join()


# -- pace --------------------------------------------------------------------------------------------


@given(
    rate=st.integers(1, 10**9),
    steps=st.lists(st.floats(0.01, 3.0), min_size=20, max_size=200),
)
def test_an_even_pace_never_crawls(rate: int, steps: list[float]) -> None:
    """However fast or slow, and however its arrivals are spaced, an even source is not too slow."""
    now, pace = 0.0, Pace(30.0, 0.0)
    for step in steps:
        now += step
        pace.arrived(now, int(rate * step) + 1)
        assert not pace.crawls(now)


@given(best=st.integers(100_000, 10**9), part=st.floats(0.0, 0.04))
def test_a_small_part_of_the_best_crawls_after_a_window(best: int, part: float) -> None:
    """Less than a twentieth for a whole window is far too slow, unless that is a megabyte a second."""
    pace = Pace(30.0, 0.0)
    for second in range(1, 61):
        pace.arrived(float(second), best)
    for second in range(61, 101):
        pace.arrived(float(second), int(best * part))
    assert pace.crawls(100.0) == (best * part < 1024 * 1024)


def test_a_pause_shorter_than_the_window_is_none() -> None:
    """Nothing is said before a whole window is over."""
    pace = Pace(30.0, 0.0)
    for second in range(1, 41):
        pace.arrived(float(second), 5_000_000)
    assert not pace.crawls(55.0)
    assert pace.crawls(75.0)
