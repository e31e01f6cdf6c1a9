"""The pure parts: which bytes to ask for, the notes, the positioned file, the hash in order, the climb."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.errors import Cancelled
from zooclient.net.cancel import Cancel
from zooclient.transfer import journal
from zooclient.transfer.buffers import Buffers
from zooclient.transfer.crew import Climb, Crew
from zooclient.transfer.digester import BLOCK, Digester, Follower, claim_of
from zooclient.transfer.positioned import PositionedFile
from zooclient.transfer.ranges import ContentRange, Ledger, Spans, parse_content_range, range_header

SPAN = st.tuples(st.integers(0, 200), st.integers(0, 200)).map(lambda pair: (min(pair), max(pair)))


# -- ranges ----------------------------------------------------------------------------------------------


@given(st.lists(SPAN, max_size=20), st.integers(0, 250))
def test_spans_are_a_set_of_positions(spans: list[tuple[int, int]], size: int) -> None:
    """Spans hold what was added, in order, without touching; gaps are exactly the rest."""
    held, kept = set().union(*(range(*span) for span in spans)), Spans(spans)
    assert held == set().union(*(range(*span) for span in kept))
    assert len(held) == kept.total
    flat = [edge for span in kept for edge in span]
    assert sorted(set(flat)) == flat
    assert set(range(size)) - held == set().union(*(range(*gap) for gap in kept.gaps(size)))
    assert next((position for position in range(300) if position not in held), 0) == kept.prefix
    assert max(held, default=-1) + 1 == kept.end


@settings(max_examples=60)
@given(st.integers(0, 500), st.lists(SPAN, max_size=5), st.integers(1, 80), st.randoms(use_true_random=False))
def test_a_ledger_hands_out_each_byte_once(
    size: int, here: list[tuple[int, int]], piece: int, rng: random.Random
) -> None:
    """Whatever connections do (advance, break off, split), every missing byte is fetched exactly once."""
    done = Spans((start, min(stop, size)) for start, stop in here)
    ledger = Ledger(size, done)
    missing = size - done.total
    fetched = 0
    for _ in range(10_000):
        if ledger.complete and not ledger.leases:
            break
        choice = rng.random()
        if choice < 0.4 or not ledger.leases:
            ledger.take(piece) or ledger.split(3)
        lease = rng.choice(ledger.leases)
        if choice < 0.9:
            fetched += ledger.advance(lease, rng.randrange(1, 40))
        if choice > 0.8 or lease.left == 0:
            ledger.release(lease)
    assert ledger.complete
    assert missing == fetched
    assert ledger.free == 0


def test_a_ledger_without_a_size_lends_everything_once() -> None:
    """Where the size is not known one connection gets it all, and learning the size ends its lease."""
    ledger = Ledger(None)
    lease = ledger.take(10)
    assert lease is not None
    assert ledger.take(10) is None
    assert ledger.split(1) is None
    assert ledger.advance(lease, 100) == 100
    ledger.learn(100)
    assert ledger.complete
    assert lease.left == 0


@given(st.integers(0, 10**15), st.integers(1, 10**15), st.integers(0, 10**15))
def test_content_range_round_trip(start: int, length: int, behind: int) -> None:
    """What a server says of its range is read as it was meant."""
    stop, size = start + length, start + length + behind
    expected = ContentRange(start=start, stop=stop, size=size)
    assert expected == parse_content_range(f"bytes {start}-{stop - 1}/{size}")
    assert ContentRange(start=None, stop=None, size=size) == parse_content_range(f"Bytes */{size}")
    assert f"bytes={start}-{stop - 1}" == range_header(start, stop)
    assert f"bytes={start}-" == range_header(start, None)


@given(st.text(max_size=40) | st.from_regex(r"bytes [0-9*\-/]{0,12}"))
def test_odd_content_ranges_make_no_sense_and_no_harm(text: str) -> None:
    """Anything else is None, never an impossible range."""
    found = parse_content_range(text)
    if found is not None and found.start is not None and found.stop is not None:
        assert 0 <= found.start < found.stop <= (found.size if found.size is not None else found.stop)


# -- journal ---------------------------------------------------------------------------------------------

NOTES = st.lists(
    st.one_of(
        SPAN.filter(lambda span: span[0] < span[1]).map(lambda span: ("have", *span)),
        st.tuples(st.just("origin"), st.text(max_size=20), st.none() | st.text(max_size=20)),
    ),
    max_size=20,
)


def written(claim: str, size: int | None, notes: list[tuple[Any, ...]]) -> bytes:
    lines = [journal.opening(claim, size)]
    for note in notes:
        match note:
            case ("have", int(start), int(stop)):
                lines.append(journal.have_note(start, stop))
            case ("origin", str(origin), None | str() as validator):
                lines.append(journal.origin_note(origin, validator))
    return b"".join(lines)


@given(st.text(max_size=80), st.none() | st.integers(200, 2**50), NOTES, st.data())
def test_a_torn_journal_holds_up_to_the_tear(
    claim: str, size: int | None, notes: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    """What was written is read; cut anywhere, everything before the cut line still holds, and nothing else."""
    whole = written(claim, size, notes)
    cut = data.draw(st.integers(0, len(whole)))
    kept = whole[:cut].count(b"\n")
    found = journal.read(whole[:cut])
    if kept == 0:
        assert found is None
        return
    assert found is not None
    spans = [(start, stop) for kind, start, stop in notes[: kept - 1] if kind == "have"]
    assert (claim, size) == (found.claim, found.size)
    assert set().union(*(range(*span) for span in spans)) == set().union(*(range(*span) for span in found.have))
    assert {place: tag for kind, place, tag in notes[: kept - 1] if kind == "origin"} == found.validators
    assert whole[:cut].rindex(b"\n") + 1 == found.length


@given(st.integers(200, 1000), NOTES, st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_byte_never_adds_a_span(size: int, notes: list[tuple[Any, ...]], at: int, flip: int) -> None:
    """Damage loses notes; it does not make bytes up."""
    whole = bytearray(written("sha256:00", size, notes))
    good = journal.read(bytes(whole))
    whole[at % len(whole)] ^= flip
    found = journal.read(bytes(whole))
    assert good is not None
    if found is not None:
        held = set().union(*(range(*span) for span in found.have))
        assert held <= set().union(*(range(*span) for span in good.have))


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read_as_a_journal(data: bytes) -> None:
    """Garbage is no journal, and no exception."""
    assert journal.read(data) is None


@pytest.mark.parametrize(
    "values",
    [
        ["have", 5, 5],
        ["have", -1, 5],
        ["have", 0, 2**70],
        ["have", 0, 1001],
        ["have", 0.5, 2],
        ["have", True, 2],
        ["have", 0],
        ["other"],
        ["origin", 1, None],
        {"have": 1},
        [[]] * 3,
        "have",
        None,
    ],
)
def test_impossible_notes_end_the_reading(values: object) -> None:
    """A note with a right checksum and a wrong meaning is damage, and so is all behind it."""
    line = journal._line(values)  # type: ignore[arg-type]
    found = journal.read(journal.opening("c", 1000) + journal.have_note(0, 7) + line + journal.have_note(7, 9))
    assert found is not None
    assert found.have == ((0, 7),)


def test_other_versions_are_not_read() -> None:
    """A journal of a version to come is left alone."""
    line = journal.opening("c", 1)
    other = json.dumps([journal.MAGIC, 2, "c", 1], separators=(",", ":")).encode()
    assert journal.read(line) is not None
    assert journal.read(journal._line(json.loads(other))) is None


# -- the positioned file, and hashing it ------------------------------------------------------------


@pytest.mark.parametrize("seek", [False, True])
def test_many_threads_write_one_file(tmp_path: Path, seek: bool) -> None:
    """With pwrite and with lock and seek, each thread's bytes end where they belong."""
    content = random.Random(1).randbytes(1_000_000)
    file = PositionedFile(tmp_path / "f", seek=seek)

    def write(part: int) -> None:
        for at in range(part * 1000, len(content), 8000):
            file.write_at(memoryview(content)[at : at + 1000], at)

    threads = [threading.Thread(target=write, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    buffer = memoryview(bytearray(len(content) + 10))
    assert len(content) == file.read_at(buffer, 0) == file.size()
    assert content == bytes(buffer[:-10])
    assert file.read_at(buffer, len(content)) == 0
    file.truncate(5)
    file.close()
    file.close()
    assert content[:5] == (tmp_path / "f").read_bytes()


def test_a_follower_hashes_what_arrives_out_of_order(tmp_path: Path) -> None:
    """The follower hashes in order behind the writers, and both digests come out right."""
    content = random.Random(2).randbytes(5 * BLOCK + 3)
    file = PositionedFile(tmp_path / "f")
    digester = Digester(file, git=True)
    digester.expect(len(content))
    with Follower(digester, Buffers(), name="test") as follower:
        file.write_at(memoryview(content)[3 * BLOCK :], 3 * BLOCK)
        file.write_at(memoryview(content)[: 3 * BLOCK], 0)
        follower.advance(3 * BLOCK)
        assert follower.reached(3 * BLOCK, 20)
        assert not follower.reached(len(content), 0.0)
        follower.advance(len(content))
        assert follower.reached(len(content), 20)
    observed = digester.observed()
    file.close()
    assert hashlib.sha256(content).hexdigest() == observed.sha256
    assert hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == observed.git_sha1


@given(order=st.permutations(range(6)), size=st.integers(1, 50))
def test_a_follower_hashes_buffers_and_the_file_alike(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], size: int
) -> None:
    """In whatever order buffers are handed over, the digest is that of the content, and every buffer comes back."""
    content = random.Random(size).randbytes(6 * size)
    file = PositionedFile(tmp_path_factory.mktemp("follower") / "f")
    digester, buffers, done = Digester(file, git=False), Buffers(size), Spans()
    lent = []
    with Follower(digester, buffers, name="test") as follower:
        for part in order:
            buffer = buffers.lend(None)
            lent.append(id(buffer.obj))
            buffer[:] = content[part * size : (part + 1) * size]
            file.write_at(buffer, part * size)
            done.add(part * size, (part + 1) * size)
            follower.take(buffer, size, part * size, done.prefix)
        assert follower.reached(len(content), 20)
    file.close()
    assert hashlib.sha256(content).hexdigest() == digester.observed().sha256
    assert {id(buffers.lend(None).obj) for _ in set(lent)} == set(lent)


def test_what_arrives_in_order_is_not_read_back(tmp_path: Path) -> None:
    """The follower hashes the buffer that it is handed: the file need not even have the bytes."""
    file = PositionedFile(tmp_path / "f")
    digester, buffers = Digester(file, git=False), Buffers(4)
    with Follower(digester, buffers, name="test") as follower:
        follower.take(memoryview(bytearray(b"abcd")), 4, 0, 4)
        follower.take(memoryview(bytearray(b"efgh")), 4, 4, 8)
        assert follower.reached(8, 20)
    file.close()
    assert hashlib.sha256(b"abcdefgh").hexdigest() == digester.observed().sha256


def test_a_follower_tells_that_the_file_is_short(tmp_path: Path) -> None:
    """A file that ends before its end is an error of the disk, not an endless wait."""
    file = PositionedFile(tmp_path / "f")
    with Follower(Digester(file, git=False), Buffers(), name="test") as follower:
        follower.advance(10)
        with pytest.raises(OSError, match="ends at byte 0"):
            while not follower.reached(10, 20):
                pass
    file.close()


def test_the_claim_that_proves_a_file() -> None:
    """sha256 before git's sha1; digests that prove nothing are no claim."""
    assert claim_of({"git-sha1": "b", "sha256": "a"}) == "sha256:a"
    assert claim_of({"git-sha1": "b", "md5": "c"}) == "git-sha1:b"
    assert claim_of({"md5": "c", "crc32": "d"}) == ""


# -- how many connections ------------------------------------------------------------------------------

MIB = 1024 * 1024


def climb(rate: dict[int, float], *, start: int = 2, most: int = 8, seconds: float = 5.0) -> list[int]:
    """Runs a climb on a line that gives ``rate[connections]`` bytes a second; returns the limits it went through."""
    found = Climb(start, most)
    limits, total, now = [found.limit], 0.0, 0.0
    while now < seconds:
        now += 0.01
        total += rate[found.limit] * 0.01
        if found.observe(now, int(total), found.limit):
            limits.append(found.limit)
    return limits


def test_capped_connections_are_multiplied() -> None:
    """Where each connection is capped, the limit climbs up to the budget and stays."""
    assert climb({count: count * 40.0 * MIB for count in range(1, 9)}) == [2, 8]
    assert climb({count: count * 40.0 * MIB for count in range(1, 5)}, start=1, most=4) == [1, 4]


def test_a_line_without_delay_keeps_few() -> None:
    """Where more connections bring nothing, the trial is undone."""
    assert climb(dict.fromkeys(range(1, 9), 900.0 * MIB), seconds=1.5) == [2, 8, 2]


def test_a_good_number_is_doubted_again() -> None:
    """Lines change: after a while the next trial comes, and each later than the one before."""
    assert climb(dict.fromkeys(range(1, 9), 900.0 * MIB), seconds=8.0) == [2, 8, 2, 8, 2, 8, 2]


def test_a_slow_line_is_measured_longer() -> None:
    """A few bytes in a short window say nothing."""
    assert climb(dict.fromkeys(range(1, 9), 1000.0), seconds=2.0) == [2]


def test_a_budget_of_one_never_climbs() -> None:
    """The budget is the bound."""
    assert climb({1: 40.0 * MIB}, start=1, most=1) == [1]


def test_backing_off_halves() -> None:
    """A server that asks to be spared gets half the connections, and peace for a while."""
    found = Climb(8, 8)
    found.back_off(0.0)
    assert found.limit == 4
    found.back_off(0.0)
    found.back_off(0.0)
    found.back_off(0.0)
    assert found.limit == 1


def test_a_crew_has_one_budget() -> None:
    """Small files may use half of the budget at once, a helper comes only where nobody waits."""
    called = []
    crew = Crew(8, lambda: called.append(True))
    cancel = Cancel()
    crew.join(cancel, small=False)
    assert crew.try_join()
    assert not crew.try_join()
    crew.join(cancel, small=True)
    crew.join(cancel, small=True)
    assert crew.crowded()
    cancel.cancel()
    with pytest.raises(Cancelled):
        crew.join(cancel, small=True)
    crew.leave()
    assert called
