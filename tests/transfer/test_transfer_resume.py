"""What is kept when a transfer ends early, however it ends, and how the next one goes on from there."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from attrs import evolve
from byteserver import KIB, LIMITS, MIB, ByteServer, Fault, FolderSink, FolderSlot, Told, bring, engine, entry, item

from zooclient.errors import Cancelled, IntegrityError, NetworkError, StoreError
from zooclient.net.cancel import Cancel
from zooclient.records.receipt import Observed
from zooclient.settings import Limits

CONTENT = random.Random(5).randbytes(3 * MIB + 17)
FILE = entry(CONTENT)
BROKEN = evolve(LIMITS, retries=0)


@pytest.fixture
def sink(tmp_path: Path) -> FolderSink:
    return FolderSink(tmp_path / "sink")


def leave_half(sink: FolderSink, server: ByteServer, cut: int = 100 * KIB) -> str:
    """Runs a transfer that ends in its third piece; returns the URL."""
    url = server.serve("/f", CONTENT, Fault(), Fault(), Fault(cut=cut))
    with pytest.raises(NetworkError):
        bring(sink, item(FILE, url), limits=BROKEN)
    return url


def test_the_next_transfer_goes_on(sink: FolderSink) -> None:
    """After a failure the next transfer fetches only what is missing; receipt and reporter tell what was here."""
    told = Told()
    with ByteServer() as server:
        url = leave_half(sink, server)
        here = server.sent("/f")
        (receipt,) = bring(sink, item(FILE, url), reporter=told)
    assert sink.read(FILE) == CONTENT
    assert len(CONTENT) == server.sent("/f")
    assert (here, {"a": len(CONTENT) - here}) == (receipt.resumed, receipt.sources)
    assert ("started", "model.bin", len(CONTENT), here) in told.calls


class ShutDoor(FolderSlot):
    """A slot whose door does not open."""

    def commit(self, observed: Observed) -> None:
        raise StoreError("the door is shut")


def test_what_is_whole_is_not_asked_for(sink: FolderSink) -> None:
    """Where all bytes had come and only the door was missing, the next transfer hashes and asks for nothing."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT)
        shut = FolderSink(sink.folder, slot=ShutDoor)
        with pytest.raises(StoreError):
            bring(shut, item(FILE, url))
        asked = len(server.asked)
        (receipt,) = bring(sink, item(FILE, url))
        assert asked == len(server.asked)
    assert sink.read(FILE) == CONTENT
    assert len(CONTENT) == receipt.resumed


def test_a_file_replaced_between_two_runs_starts_over(sink: FolderSink) -> None:
    """The entity tag of the earlier run is remembered: bytes of an older content are thrown away."""
    new = random.Random(6).randbytes(len(CONTENT))
    file = entry(CONTENT, digests={})  # nothing is claimed, so only the tag can tell
    with ByteServer() as server:
        url = server.serve("/f", new, Fault(content=CONTENT), Fault(content=CONTENT, cut=1))
        with pytest.raises(NetworkError):
            bring(sink, item(file, url), limits=BROKEN)
        (receipt,) = bring(sink, item(file, url))
    assert new == sink.read(file)
    assert receipt.resumed == 0


def test_notes_on_another_content_are_not_used(sink: FolderSink) -> None:
    """Bytes left for another digest do not get into this file."""
    with ByteServer() as server:
        url = leave_half(sink, server)
        new = random.Random(7).randbytes(len(CONTENT))
        (receipt,) = bring(sink, item(entry(new), server.serve("/g", new)))
    assert url
    assert new == sink.read(FILE)
    assert receipt.resumed == 0


@pytest.mark.parametrize("damage", ["partial", "journal", "torn", "short"])
def test_damaged_leavings_cost_time_and_nothing_else(sink: FolderSink, damage: str) -> None:
    """Bytes changed or cut on disk and notes torn or lost are noticed; the file comes out right."""
    with ByteServer() as server:
        url = leave_half(sink, server)
        journal, partial = sink.journal(FILE), sink.partial(FILE)
        match damage:
            case "partial":
                data = bytearray(partial.read_bytes())
                data[1000] ^= 1
                partial.write_bytes(data)
            case "journal":
                journal.unlink()
            case "torn":
                journal.write_bytes(journal.read_bytes()[:-7])
            case "short":
                os.truncate(partial, 300 * KIB)
        bring(sink, item(FILE, url))
        assert sink.read(FILE) == CONTENT


def test_a_damaged_prefix_blames_no_source(sink: FolderSink) -> None:
    """Where the damage may have been here before, the only source brings the file once more."""
    told = Told()
    with ByteServer() as server:
        url = leave_half(sink, server)
        sink.partial(FILE).write_bytes(bytes(sink.partial(FILE).stat().st_size))
        (receipt,) = bring(sink, item(FILE, url), reporter=told)
    assert sink.read(FILE) == CONTENT
    assert (0, {"a": len(CONTENT)}) == (receipt.resumed, receipt.sources)


def test_a_lying_source_after_resume_is_refused(sink: FolderSink) -> None:
    """A source that lies on top of what was here lies again from the start, and that is the end."""
    with ByteServer() as server:
        leave_half(sink, server)
        url = server.serve("/f", CONTENT, always=Fault(flip=3 * MIB + 1))
        with pytest.raises(IntegrityError):
            bring(sink, item(FILE, url))
    assert not sink.has(FILE)


def test_a_full_disk_keeps_what_has_arrived(sink: FolderSink) -> None:
    """No space is a StoreError; with space again the next transfer goes on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with ByteServer() as server:
        url = server.serve("/f", CONTENT)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MIB, hard))
        try:
            with pytest.raises(StoreError, match="No space is left") as caught:
                bring(sink, item(FILE, url))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        (receipt,) = bring(sink, item(FILE, url))
    assert caught.value.ref == "hf:org/tiny@0123"
    assert sink.read(FILE) == CONTENT
    assert receipt.resumed >= MIB


# -- cancelling ---------------------------------------------------------------------------------------------


def test_cancelling_wakes_a_read_that_waits(sink: FolderSink) -> None:
    """A wish to stop from another thread ends a transfer that waits for bytes, at once, and keeps what is here."""
    cancel = Cancel()
    hung, release = threading.Event(), threading.Event()

    def hang(sent: int) -> None:
        if sent >= 128 * KIB:
            hung.set()
            release.wait(20)

    with ByteServer() as server:
        url = server.serve("/f", CONTENT, Fault(), Fault(during=hang))
        outcome: list[BaseException] = []

        def work() -> None:
            try:
                bring(sink, item(FILE, url), cancel=cancel, connections=1)
            except Cancelled as error:
                outcome.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        assert hung.wait(20)
        began = time.monotonic()
        cancel.cancel()
        thread.join(20)
        took = time.monotonic() - began
        release.set()
        assert outcome
        assert took < 1.0  # about 0.01 s on a quiet machine
        (receipt,) = bring(sink, item(FILE, url))
    assert receipt.resumed >= 256 * KIB


def test_a_deadline_ends_a_transfer_that_waits(sink: FolderSink) -> None:
    """A deadline needs nobody to call cancel."""
    release = threading.Event()
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, always=Fault(before=lambda: release.wait(20)))
        with pytest.raises(Cancelled, match="deadline"):
            bring(sink, item(FILE, url), cancel=Cancel(0.2))
        release.set()


def test_a_wait_that_the_server_asked_for_can_be_cancelled(sink: FolderSink) -> None:
    """Waiting for a rate limit to pass is no reason to miss a deadline."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, always=Fault(status=429, headers={"Retry-After": "100"}))
        with pytest.raises(Cancelled):
            bring(sink, item(FILE, url), cancel=Cancel(0.2))


def test_a_cancelled_transfer_does_not_begin(sink: FolderSink) -> None:
    """A wish that came before is obeyed as well."""
    cancel = Cancel()
    cancel.cancel()
    with ByteServer() as server:
        url = server.serve("/f", CONTENT)
        with pytest.raises(Cancelled):
            engine().transfer([item(FILE, url)], sink, cancel=cancel)
    assert server.asked == []


def test_a_reporter_that_raises_ends_the_transfer(sink: FolderSink) -> None:
    """What a reporter raises reaches the caller."""
    told = Told()

    def bad(arrived: int) -> None:
        raise KeyError("reporter")

    told.on_advance = bad
    with ByteServer() as server:
        url = server.serve("/f", CONTENT)
        with pytest.raises(KeyError, match="reporter"):
            bring(sink, item(FILE, url), reporter=told, connections=8)


def test_threads_and_files_are_gone_afterwards(sink: FolderSink) -> None:
    """Neither success nor failure leaves a thread of ours behind."""
    before = set(threading.enumerate())
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, Fault(status=404))
        with pytest.raises(Exception, match="nothing"):
            bring(sink, item(FILE, url), connections=8)
        bring(sink, item(FILE, url), connections=8)
    assert not [name for thread in set(threading.enumerate()) - before if (name := thread.name).startswith("zooclient")]


# -- kill -9 ------------------------------------------------------------------------------------------------


class Bomb:
    """Kills a process once a server has sent so many bytes in all."""

    def __init__(self, moment: int) -> None:
        self._moment = moment
        self._lock = threading.Lock()
        self._total = 0
        self.child: subprocess.Popen[bytes] | None = None

    def fault(self) -> Fault:
        before = 0

        def during(sent: int) -> None:
            nonlocal before
            with self._lock:
                self._total += sent - before
                before = sent
                if self._total >= self._moment and self.child is not None:
                    self.child.kill()

        return Fault(during=during)


def asked_again(written: bytes, content: bytes, ranges: list[tuple[int, int]]) -> int:
    """Counts the bytes that were on the disk already and were asked for nevertheless."""
    block = 16 * KIB
    return sum(
        block
        for start, stop in ranges
        for at in range(start, stop, block)
        if written[at : at + block] == content[at : at + block]
    )


@pytest.mark.parametrize("connections", [1, 8])
def test_killed_at_a_random_moment(sink: FolderSink, connections: int) -> None:
    """After kill -9 the next process fetches at most 4 MiB a connection again, and the file is right."""
    content = random.Random(8).randbytes(96 * MIB)
    file = entry(content)
    bomb = Bomb(random.Random().randrange(8 * MIB, 88 * MIB))
    with ByteServer() as server:
        url = server.serve("/f", content, *[bomb.fault() for _ in range(64)])
        command = [sys.executable, str(Path(__file__).parent / "fetcher.py"), url, str(file.size)]
        command += [file.digests["sha256"], str(sink.folder), str(connections)]
        path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
        with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) as child:
            bomb.child = child
            assert child.wait(60) == -signal.SIGKILL
        server.serve("/f", content)
        first = len(server.asked)
        written = sink.partial(file).read_bytes()
        (receipt,) = bring(sink, item(file, url), connections=connections, limits=Limits())
        again = [asked.span(len(content)) for asked in server.asked[first:]]
    assert content == sink.read(file)
    assert asked_again(written, content, again) <= connections * 4 * MIB
    assert receipt.resumed + sum(receipt.sources.values()) == len(content)
