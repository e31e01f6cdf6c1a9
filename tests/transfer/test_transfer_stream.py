"""One stream: what comes is verified, and what can go wrong with it ends well or in a clear error."""

from __future__ import annotations

import gzip
import hashlib
import random
from pathlib import Path

import pytest
from attrs import evolve
from byteserver import KIB, LIMITS, ByteServer, Fault, FolderSink, Told, bring, entry, item

from zooclient.errors import AccessError, Gone, IntegrityError, NetworkError, NotFound, ProtocolError, RateLimited
from zooclient.net.exchange import Response

CONTENT = random.Random(1).randbytes(200 * KIB)
FILE = entry(CONTENT)


@pytest.fixture
def sink(tmp_path: Path) -> FolderSink:
    return FolderSink(tmp_path / "sink")


def test_a_file_arrives_with_one_request(sink: FolderSink) -> None:
    """A small file takes one plain GET, arrives whole, and the receipt and the reporter tell the same story."""
    told = Told()
    with ByteServer() as server:
        (receipt,) = bring(sink, item(FILE, server.serve("/f", CONTENT)), reporter=told)
    assert sink.read(FILE) == CONTENT
    assert ({"a": len(CONTENT)}, 0, True) == (receipt.sources, receipt.resumed, receipt.claimed)
    assert hashlib.sha256(CONTENT).hexdigest() == receipt.observed.sha256
    (asked,) = server.asked
    assert asked.range is None
    assert asked.headers["accept-encoding"] == "identity"
    assert len(CONTENT) == told.arrived
    assert [("planned", 1, len(CONTENT)), ("started", "model.bin", len(CONTENT), 0), ("finished", "model.bin")] == (
        told.calls
    )


def test_many_small_files_share_connections(sink: FolderSink) -> None:
    """Small files are fetched over kept-alive connections, one request each, and receipts come in their order."""
    contents = [b"%d" % number * 10 for number in range(30)]
    files = [entry(content, f"dir/{number}.json") for number, content in enumerate(contents)]
    with ByteServer() as server:
        items = [
            item(file, server.serve(f"/{file.path}", content)) for file, content in zip(files, contents, strict=True)
        ]
        receipts = bring(sink, *items, connections=4)
    assert [file.path for file in files] == [receipt.path for receipt in receipts]
    assert contents == [sink.read(file) for file in files]
    assert len(contents) == len(server.asked)


def test_files_of_one_content_are_fetched_once_each_slot(sink: FolderSink) -> None:
    """What the sink holds already is not asked for."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT)
        bring(sink, item(FILE, url))
        (receipt,) = bring(sink, item(FILE, url))
    assert len(server.asked) == 1
    assert receipt.sources == {}


def test_a_git_file_is_proved_by_its_git_digest(sink: FolderSink) -> None:
    """Where git's sha1 is claimed, it is computed beside the sha256, and a wrong one is refused."""
    digest = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    good = entry(CONTENT, digests={"git-sha1": digest})
    bad = entry(CONTENT, "other.bin", digests={"git-sha1": "0" * 40})
    with ByteServer() as server:
        url = server.serve("/f", CONTENT)
        (receipt,) = bring(sink, item(good, url))
        with pytest.raises(IntegrityError, match=r"git-sha1 0{40} was expected"):
            bring(sink, item(bad, url))
    assert digest == receipt.observed.git_sha1


def test_a_file_of_unknown_size_and_digest_is_observed(sink: FolderSink) -> None:
    """Where nothing is claimed the engine observes; a body without a length ends where it ends."""
    file = entry(CONTENT, size=None, digests={})
    with ByteServer() as server:
        (receipt,) = bring(sink, item(file, server.serve("/f", CONTENT, always=Fault(chunked=True))))
    assert len(CONTENT) == receipt.observed.size
    assert not receipt.claimed


def test_git_digest_of_unknown_size(sink: FolderSink) -> None:
    """Git's digest needs the size first; where it is only known in the end the file is read once more."""
    digest = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    file = entry(CONTENT, size=None, digests={"git-sha1": digest})
    with ByteServer() as server:
        (receipt,) = bring(sink, item(file, server.serve("/f", CONTENT, always=Fault(chunked=True))))
    assert digest == receipt.observed.git_sha1


def test_an_empty_file_arrives(sink: FolderSink) -> None:
    """A file of no bytes is a file."""
    file = entry(b"")
    with ByteServer() as server:
        bring(sink, item(file, server.serve("/f", b"")))
    assert sink.read(file) == b""


def test_a_cut_body_is_continued(sink: FolderSink) -> None:
    """A body that stops is gone on with from where it stopped, if it is still the same file."""
    told = Told()
    with ByteServer() as server:
        (receipt,) = bring(sink, item(FILE, server.serve("/f", CONTENT, Fault(cut=100 * KIB))), reporter=told)
    first, second = server.asked
    assert (None, f"bytes={100 * KIB}-{200 * KIB - 1}") == (first.range, second.range)
    assert second.headers["if-range"].startswith('"')
    assert {"a": len(CONTENT)} == receipt.sources
    assert len(told.retries) == 1


def test_a_file_replaced_midway_starts_over(sink: FolderSink) -> None:
    """Where the entity tag has changed, what had arrived is thrown away: two contents never mix."""
    new = random.Random(2).randbytes(len(CONTENT))
    told = Told()
    with ByteServer() as server:
        url = server.serve("/f", new, Fault(content=CONTENT, cut=100 * KIB))
        bring(sink, item(entry(new), url), reporter=told)
    assert new == sink.read(FILE)
    assert any("was replaced at a while it was fetched" in reason for reason in told.retries)
    assert len(CONTENT) == told.arrived


def test_a_replaced_file_that_ignores_if_range_starts_over(sink: FolderSink) -> None:
    """The tag of a 206 is compared as well: some servers do not know If-Range."""
    new = random.Random(2).randbytes(len(CONTENT))
    with ByteServer() as server:
        old_tag = Fault(content=CONTENT, cut=100 * KIB, etag='"same"')
        url = server.serve("/f", new, old_tag, Fault(etag='"same"', headers={"ETag": '"other"'}))
        bring(sink, item(entry(new), url))
    assert new == sink.read(FILE)


def test_an_ignored_range_starts_over_as_one_stream(sink: FolderSink) -> None:
    """A 200 to a ranged request is the file from its beginning: appending it would double bytes."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, Fault(cut=100 * KIB), Fault(whole=True))
        bring(sink, item(FILE, url))
    assert sink.read(FILE) == CONTENT
    assert [None, f"bytes={100 * KIB}-{200 * KIB - 1}", None] == [asked.range for asked in server.asked]


def test_another_range_than_asked_starts_over(sink: FolderSink) -> None:
    """A 206 that starts elsewhere is not stored where it does not belong."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, Fault(cut=100 * KIB), Fault(shift=1))
        bring(sink, item(FILE, url))
    assert sink.read(FILE) == CONTENT


def test_a_part_that_says_it_is_the_whole_starts_over(sink: FolderSink) -> None:
    """A 200 with Content-Range, as some gateways send it, is neither appended nor taken for the file."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, Fault(cut=100 * KIB), Fault(untold=True))
        bring(sink, item(FILE, url))
    assert sink.read(FILE) == CONTENT
    assert [None, f"bytes={100 * KIB}-{200 * KIB - 1}", None] == [asked.range for asked in server.asked]


def test_a_refused_range_starts_over(sink: FolderSink) -> None:
    """A 416 for a range that should exist leads to one plain stream."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, Fault(cut=100 * KIB), Fault(status=416))
        bring(sink, item(FILE, url))
    assert sink.read(FILE) == CONTENT


def test_a_wrong_byte_is_refused(sink: FolderSink) -> None:
    """A digest that does not agree names the file, what was expected, what came, and from whom; nothing is kept."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, always=Fault(flip=5))
        with pytest.raises(IntegrityError) as caught:
            bring(sink, item(FILE, url))
    text = caught.value.message
    assert "model.bin of hf:org/tiny@0123, from a," in text
    assert FILE.digests["sha256"] in text
    assert caught.value.ref == "hf:org/tiny@0123"
    assert not sink.has(FILE)
    assert not sink.partial(FILE).exists() or sink.partial(FILE).stat().st_size == 0


@pytest.mark.parametrize("chunked", [False, True])
def test_a_longer_body_is_refused(sink: FolderSink, chunked: bool) -> None:
    """More bytes than were promised are an IntegrityError, with a length or without."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, always=Fault(content=CONTENT + b"!", chunked=chunked))
        with pytest.raises(IntegrityError, match=r"model\.bin of hf:org/tiny@0123, where 204800 were promised"):
            bring(sink, item(FILE, url))


def test_a_wrong_length_is_refused_before_a_byte_is_read(sink: FolderSink) -> None:
    """A size that does not agree is told by the head of the answer."""
    told = Told()
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, always=Fault(content=CONTENT[:-1]))
        with pytest.raises(IntegrityError, match="204799 bytes"):
            bring(sink, item(FILE, url), reporter=told)
    assert told.arrived == 0


def test_a_login_page_is_recognised(sink: FolderSink) -> None:
    """HTML of another size in place of the file is called what it is."""
    page = Fault(content=b"<html>Log in</html>", headers={"Content-Type": "text/html; charset=utf-8"})
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, always=page)
        with pytest.raises(IntegrityError, match="an HTML page in place of the file") as caught:
            bring(sink, item(FILE, url))
    assert "login page" in (caught.value.hint or "")


def test_a_compressed_body_is_refused(sink: FolderSink) -> None:
    """A body that comes compressed although identity was asked for is not taken for the file."""
    packed = Fault(content=gzip.compress(CONTENT), headers={"Content-Encoding": "gzip"})
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, always=packed)
        with pytest.raises(ProtocolError, match=r"compressed \(gzip\)"):
            bring(sink, item(FILE, url))


def test_passing_failures_are_retried(sink: FolderSink) -> None:
    """429 with Retry-After, 503 and a connection that is closed at once are tried again, with bounds."""
    faults = (
        Fault(status=429, headers={"Retry-After": "0"}),
        Fault(status=503, headers={"RateLimit": '"api";r=0;t=0'}),
        Fault(cut=0),
    )
    told = Told()
    with ByteServer() as server:
        bring(sink, item(FILE, server.serve("/f", CONTENT, *faults)), reporter=told)
    assert sink.read(FILE) == CONTENT
    assert len(told.retries) == 3


def test_retries_end(sink: FolderSink) -> None:
    """A server that fails for ever is asked as often as the limit says, and its failure is the error."""
    limits = evolve(LIMITS, retries=3)
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, always=Fault(status=502))
        with pytest.raises(NetworkError, match="502"):
            bring(sink, item(FILE, url), limits=limits)
    assert len(server.asked) == 4


def test_a_wait_beyond_the_limit_is_an_error(sink: FolderSink) -> None:
    """A server that asks for more patience than allowed is RateLimited, at once."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, always=Fault(status=429, headers={"Retry-After": "86400"}))
        with pytest.raises(RateLimited) as caught:
            bring(sink, item(FILE, url))
    assert caught.value.retry_after == 86400
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AccessError), (403, AccessError), (404, NotFound), (410, Gone), (451, AccessError), (418, ProtocolError)],
)
def test_refusals_have_their_errors(sink: FolderSink, status: int, kind: type[Exception]) -> None:
    """A refusal is not tried again, and is an error of the tree."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, always=Fault(status=status, body=b"no"))
        with pytest.raises(kind):
            bring(sink, item(FILE, url))
    assert len(server.asked) == 1


def test_the_provider_words_refusals_of_its_zoo(sink: FolderSink) -> None:
    """The zoo's own refusal is put into words by who knows the zoo, with status, headers and body at hand."""

    def refused(response: Response) -> AccessError:
        return AccessError(f"gated: {response.headers['x-error-code']} {response.text()}")

    with ByteServer() as server:
        gate = Fault(status=403, headers={"X-Error-Code": "GatedRepo"}, body=b"ask")
        url = server.serve("/f", CONTENT, always=gate)
        with pytest.raises(AccessError, match="gated: GatedRepo ask"):
            bring(sink, item(FILE, url, refused=refused))


def test_one_failure_ends_the_transfer_and_keeps_the_rest(sink: FolderSink) -> None:
    """Where one file fails the error is raised; files that were brought stay."""
    small = entry(b"{}", "config.json")
    with ByteServer() as server:
        bad = item(FILE, server.serve("/f", CONTENT, always=Fault(status=404)))
        with pytest.raises(NotFound):
            bring(sink, bad, item(small, server.serve("/c", b"{}")))
    assert sink.read(small) == b"{}"
