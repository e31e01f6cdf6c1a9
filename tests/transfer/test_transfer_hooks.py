"""What a source may say besides its address: another one, what is a page, which hosts it has, where it stands."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from byteserver import MIB, ByteServer, Fault, FolderSink, bring, entry

from zooclient.errors import IntegrityError, NotFound, PolicyError, ProtocolError, ZooError
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Request, Response
from zooclient.transfer.crew import Crew
from zooclient.transfer.engine import Item, Source

CONTENT = random.Random(5).randbytes(MIB + 17)
FILE = entry(CONTENT)


@pytest.fixture
def sink(tmp_path: Path) -> FolderSink:
    return FolderSink(tmp_path / "sink")


@pytest.fixture
def servers() -> Iterator[tuple[ByteServer, ByteServer]]:
    """A zoo, and a store of bytes at another origin."""
    with ByteServer() as zoo, ByteServer() as store:
        yield zoo, store


def told(response: Response) -> ZooError:
    """What the zoo itself means by an answer."""
    return PolicyError(f"the zoo says {response.status}: {response.text()}")


def item(url: str, **hooks: Any) -> Item:
    source = Source(label="a", locate=lambda: Request(url=url), refused=told, **hooks)
    return Item(file=FILE, sources=(source,), owner="hf:org/tiny@0123")


def test_the_other_address_is_tried_once_and_kept(servers: tuple[ByteServer, ByteServer], sink: FolderSink) -> None:
    """A 404 of the source turns to the other address, for this range and the next, and for a link that is renewed."""
    zoo, store = servers
    link = store.serve("/bytes", CONTENT, Fault(), Fault(status=403))
    other = zoo.redirect("/other", link)
    bring(sink, item(f"{zoo.origin}/gone", otherwise=lambda: Request(url=other)))
    assert sink.read(FILE) == CONTENT
    assert (len(zoo.requests("/gone")), len(zoo.requests("/other"))) == (1, 2)


@pytest.mark.parametrize("other", ["/neither", None])
def test_where_neither_address_has_it(
    servers: tuple[ByteServer, ByteServer], sink: FolderSink, other: str | None
) -> None:
    """The other address finds nothing either, or there is none: the source's own words, and no third question."""
    zoo, _ = servers
    request = None if other is None else Request(url=zoo.origin + other)
    with pytest.raises(PolicyError, match="the zoo says 404: no such file"):
        bring(sink, item(f"{zoo.origin}/gone", otherwise=lambda: request))
    assert len(zoo.asked) == (1 if other is None else 2)


def test_what_the_store_does_not_have_is_no_reason_for_the_other_address(
    servers: tuple[ByteServer, ByteServer], sink: FolderSink
) -> None:
    """A 404 of where the link leads is a link that ran out: the source is asked again, and not otherwise."""
    zoo, store = servers
    url = zoo.redirect("/f", f"{store.origin}/gone")
    with pytest.raises(NotFound):
        bring(sink, item(url, otherwise=lambda: Request(url=zoo.serve("/other", CONTENT))))
    assert (len(zoo.requests("/f")), len(zoo.requests("/other"))) == (2, 0)


def test_a_page_is_refused_in_the_source_s_words(servers: tuple[ByteServer, ByteServer], sink: FolderSink) -> None:
    """A success that the source calls a page is none, wherever it came from; the hook is shown where that was."""
    zoo, store = servers
    shown: list[tuple[str, int]] = []

    def is_page(response: Response) -> bool:
        shown.append((response.request.url, response.status))
        return response.headers.get("content-type") == "text/html"

    page = store.serve("/login", b"log in", always=Fault(headers={"Content-Type": "text/html"}))
    with pytest.raises(PolicyError, match=r"the zoo says 20\d: log in"):
        bring(sink, item(zoo.redirect("/f", page), is_page=is_page))
    assert [url for url, _ in shown] == [page]
    assert len(zoo.asked) == len(store.asked) == 1
    bring(sink, item(zoo.redirect("/g", store.serve("/bytes", CONTENT)), is_page=is_page))
    assert sink.read(FILE) == CONTENT


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_another_host_of_the_source_says_is_read_by_it(
    servers: tuple[ByteServer, ByteServer], sink: FolderSink, status: int
) -> None:
    """A source of several hosts reads the refusals of each; to others, such an answer is a link that ran out."""
    zoo, second = servers
    second.serve("/f", CONTENT, always=Fault(status=status, body=b"no"))
    url = zoo.redirect("/f", f"{second.origin}/f")
    with pytest.raises(PolicyError, match=f"the zoo says {status}: no"):
        bring(sink, item(url, owns=lambda url: url.startswith(second.origin)))
    assert (len(zoo.asked), len(second.asked)) == (1, 1)
    with pytest.raises(ZooError) as caught:
        bring(sink, item(url))
    assert not isinstance(caught.value, PolicyError)
    assert (len(zoo.asked), len(second.asked)) == (3, 3)


@pytest.mark.parametrize(
    ("target", "asked", "public", "followed"),
    [
        ("http://127.0.0.1:{port}/bytes", "http://localhost:{port}/f", False, True),
        ("http://127.0.0.1:{port}/bytes", "http://localhost:{port}/f", True, True),
        ("http://192.168.1.9/bytes", "http://localhost:{port}/f", True, False),
        ("https://10.0.0.5/bytes", "http://localhost:{port}/f", True, False),
        ("https://metadata.google.internal/x", "http://localhost:{port}/f", True, False),
    ],
)
def test_redirects_into_a_private_network(
    servers: tuple[ByteServer, ByteServer], sink: FolderSink, target: str, asked: str, public: bool, followed: bool
) -> None:
    """A source on the internet does not send into a private network; on this machine it may send to this machine."""
    zoo, _ = servers
    port = int(zoo.origin.rpartition(":")[2])
    zoo.serve("/bytes", CONTENT)
    zoo.redirect("/f", target.format(port=port))
    wanted = item(asked.format(port=port), public=public)
    if followed:
        bring(sink, wanted)
        assert sink.read(FILE) == CONTENT
        return
    with pytest.raises(IntegrityError, match="inside a private network"):
        bring(sink, wanted)


@pytest.mark.parametrize("target", ["https://[bad/x", "https://host:99999/x", "ftp://host/x", "file:///etc/passwd"])
def test_redirects_that_are_no_address(servers: tuple[ByteServer, ByteServer], sink: FolderSink, target: str) -> None:
    """What is no address of the web is refused, and nothing else is raised for it."""
    zoo, _ = servers
    with pytest.raises((IntegrityError, ProtocolError)):
        bring(sink, item(zoo.redirect("/f", target), public=True))


@pytest.mark.parametrize(("most", "at_first"), [(1, 1), (4, 1), (5, 2), (8, 4)])
def test_a_zoo_that_bears_few_connections_gets_one_at_first(most: int, at_first: int) -> None:
    """Small files too: they may use half of a budget from the start, where it is no small one."""
    crew = Crew(most, lambda: None)
    joined = _joined(lambda: crew.join(Cancel(0.05), small=True))
    assert joined == at_first


def _joined(join: Callable[[], None]) -> int:
    """How often somebody gets in."""
    for count in range(20):
        try:
            join()
        except ZooError:
            return count
    return 20
