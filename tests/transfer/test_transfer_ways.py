"""Ranges, redirects, credentials, renewed links, several sources, proxies and certificates."""

from __future__ import annotations

import random
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from attrs import evolve
from byteserver import KIB, LIMITS, MIB, ByteServer, Fault, FolderSink, Told, bring, engine, entry, item

from zooclient.errors import AccessError, IntegrityError, NetworkError, NotFound, Offline, ProtocolError
from zooclient.net.auth import Auth, Credential
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Request
from zooclient.net.proxy import Proxies
from zooclient.settings import Settings
from zooclient.transfer.engine import Engine, Item, Source

CONTENT = random.Random(3).randbytes(3 * MIB + 17)
FILE = entry(CONTENT)


@pytest.fixture
def sink(tmp_path: Path) -> FolderSink:
    return FolderSink(tmp_path / "sink")


def spans(server: ByteServer, path: str) -> list[str | None]:
    return [asked.range for asked in server.requests(path)]


# -- ranges ----------------------------------------------------------------------------------------------


def test_a_large_file_comes_in_ranges(sink: FolderSink) -> None:
    """A file larger than a piece is fetched range by range, each byte once."""
    with ByteServer() as server:
        (receipt,) = bring(sink, item(FILE, server.serve("/f", CONTENT)))
    assert sink.read(FILE) == CONTENT
    assert spans(server, "/f")[0] == "bytes=0-262143"
    assert len(CONTENT) == server.sent("/f")
    assert {"a": len(CONTENT)} == receipt.sources


def test_several_connections_fetch_one_file(sink: FolderSink) -> None:
    """While one range is under way, another connection fetches the next."""
    second = threading.Event()
    waited = []
    first = Fault(during=lambda sent: waited.append(second.wait(20)))
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, first, Fault(before=second.set))
        bring(sink, item(FILE, url), connections=8)
    assert sink.read(FILE) == CONTENT
    assert all(waited)


def test_a_server_without_ranges_gives_one_stream(sink: FolderSink) -> None:
    """Where the first ranged request is answered with the whole file, that answer is used: one request."""
    with ByteServer() as server:
        bring(sink, item(FILE, server.serve("/f", CONTENT, always=Fault(whole=True))), connections=8)
    assert sink.read(FILE) == CONTENT
    assert len(server.asked) == 1


def test_a_server_whose_ranges_pretend_to_be_the_whole_gives_one_stream(sink: FolderSink) -> None:
    """Where the first range comes under status 200, the file is asked for again, without a range."""
    with ByteServer() as server:
        bring(sink, item(FILE, server.serve("/f", CONTENT, always=Fault(untold=True))), connections=8)
    assert sink.read(FILE) == CONTENT
    assert [asked.range is None for asked in server.asked] == [False, True]


@pytest.mark.parametrize("connections", [1, 8])
def test_ranges_that_stop_working_midway_start_over(sink: FolderSink, connections: int) -> None:
    """A 200 to a later range throws the ranges away; the file then comes as one stream."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, Fault(), Fault(), always=Fault(whole=True))
        bring(sink, item(FILE, url), connections=connections)
    assert sink.read(FILE) == CONTENT


@pytest.mark.parametrize("connections", [1, 8])
def test_a_tag_that_changes_between_ranges_starts_over(sink: FolderSink, connections: int) -> None:
    """Pieces of two contents of one size are never joined."""
    new = random.Random(4).randbytes(len(CONTENT))
    told = Told()
    with ByteServer() as server:
        url = server.serve("/f", new, Fault(content=CONTENT), Fault(content=CONTENT))
        bring(sink, item(entry(new), url), reporter=told, connections=connections)
    assert new == sink.read(FILE)
    assert any("was replaced" in reason for reason in told.retries)


def test_no_connection_takes_longer_than_its_share(sink: FolderSink) -> None:
    """A connection that hangs loses what it has not fetched: others take it over, and its silence has a bound."""
    release = threading.Event()
    limits = evolve(LIMITS, piece_size=2 * MIB, stall_timeout=0.5)
    with ByteServer() as server:
        hang = Fault(during=lambda sent: sent > MIB and release.wait(20))
        url = server.serve("/f", CONTENT, hang)
        bring(sink, item(FILE, url), connections=8, limits=limits)
        release.set()
    assert sink.read(FILE) == CONTENT


# -- redirects and credentials ------------------------------------------------------------------------


def test_ranges_go_to_where_the_zoo_redirects(sink: FolderSink) -> None:
    """A zoo that redirects gets one GET a file; the ranges go to the address that it gave."""
    with ByteServer() as zoo, ByteServer() as cdn:
        url = zoo.redirect("/resolve/f", cdn.serve("/blob", CONTENT) + "?Signature=abc")
        bring(sink, item(FILE, url), connections=8)
    assert sink.read(FILE) == CONTENT
    assert len(zoo.asked) == 1
    assert len(cdn.asked) > 5
    assert {"/blob?Signature=abc"} == {asked.path for asked in cdn.asked}


def test_a_credential_goes_to_its_origin_alone(sink: FolderSink) -> None:
    """The token is sent where it belongs, at each hop anew, and nowhere else."""
    with ByteServer() as zoo, ByteServer() as cdn:
        hop = zoo.redirect("/hop", cdn.serve("/blob", CONTENT))
        url = zoo.redirect("/resolve/f", "/hop?x=1", status=307)
        assert hop
        auth = Auth([Credential(origin=zoo.origin, token="hf_secret")])
        bring(sink, item(FILE, url), auth=auth)
    assert [asked.headers.get("authorization") for asked in zoo.asked] == ["Bearer hf_secret"] * 2
    assert not any("authorization" in asked.headers or "cookie" in asked.headers for asked in cdn.asked)


def test_headers_of_a_source_stay_at_its_origin(sink: FolderSink) -> None:
    """What a source wants sent is sent to its origin, but no credential of its own and not to where it redirects."""
    with ByteServer() as zoo, ByteServer() as cdn:
        url = zoo.redirect("/f", cdn.serve("/blob", CONTENT))
        headers = {"X-Zoo": "1", "Authorization": "Bearer smuggled", "Range": "bytes=1-2"}
        source = Source(label="zoo", locate=lambda: Request(url=url, headers=headers))
        bring(sink, Item(file=FILE, sources=(source,), owner="x"))
    assert zoo.asked[0].headers["x-zoo"] == "1"
    assert "authorization" not in zoo.asked[0].headers
    assert not any("x-zoo" in asked.headers for asked in cdn.asked)


def test_redirects_have_an_end(sink: FolderSink) -> None:
    """A circle of redirects is an error."""
    with ByteServer() as zoo:
        url = zoo.redirect("/f", "/f")
        with pytest.raises(ProtocolError, match="redirects more than"):
            bring(sink, item(FILE, url))


@pytest.mark.parametrize("target", ["ftp://localhost/f", "http://user:pw@localhost/f", "file:///etc/passwd"])
def test_redirects_lead_to_plain_addresses_only(sink: FolderSink, target: str) -> None:
    """A redirect to another kind of address is refused."""
    with ByteServer() as zoo:
        url = zoo.redirect("/f", target)
        with pytest.raises(IntegrityError, match="not plain http or https"):
            bring(sink, item(FILE, url))


def test_plain_http_to_another_machine_is_refused(sink: FolderSink) -> None:
    """Bytes are not fetched in the clear over a network, unless a setting says so."""
    with ByteServer() as zoo:
        url = zoo.redirect("/f", "http://192.0.2.1/f")
        with pytest.raises(NetworkError, match="without encryption"):
            bring(sink, item(FILE, url))


def test_an_expired_link_is_located_again(sink: FolderSink) -> None:
    """A 403 on bytes asks the zoo for a fresh link, and the fetched bytes stay."""
    with ByteServer() as zoo, ByteServer() as cdn:
        expired = Fault(status=403, body=b"<Error>Request has expired</Error>")
        url = zoo.redirect("/f", cdn.serve("/blob", CONTENT, Fault(), Fault(), expired))
        bring(sink, item(FILE, url))
    assert sink.read(FILE) == CONTENT
    assert len(zoo.asked) == 2
    assert len(CONTENT) == cdn.sent("/blob")


def test_a_link_refused_twice_is_the_error(sink: FolderSink) -> None:
    """A second refusal in a row, with no byte between, ends it."""
    with ByteServer() as zoo, ByteServer() as cdn:
        url = zoo.redirect("/f", cdn.serve("/blob", CONTENT, always=Fault(status=403)))
        with pytest.raises(AccessError):
            bring(sink, item(FILE, url))
    assert (len(zoo.asked), len(cdn.asked)) == (2, 2)


def test_a_link_outlives_a_busy_store(sink: FolderSink) -> None:
    """A store that is busy at the first question refuses nobody: it is asked again, and the zoo for no other link."""
    with ByteServer() as zoo, ByteServer() as cdn:
        bring(sink, item(FILE, zoo.redirect("/f", cdn.serve("/blob", CONTENT, Fault(status=503)))))
    assert sink.read(FILE) == CONTENT
    assert len(zoo.asked) == 1
    assert cdn.asked[0].range == cdn.asked[1].range


def test_a_store_that_stays_busy_is_looked_up_again(sink: FolderSink) -> None:
    """After two fruitless questions the zoo is asked where the bytes are by now."""
    with ByteServer() as zoo, ByteServer() as cdn:
        busy = Fault(status=302, headers={"Location": cdn.serve("/busy", CONTENT, always=Fault(status=503))})
        fresh = Fault(status=302, headers={"Location": cdn.serve("/blob", CONTENT)})
        bring(sink, item(FILE, zoo.serve("/f", b"", busy, always=fresh)))
    assert sink.read(FILE) == CONTENT
    assert len(zoo.asked) == 2


def test_many_connections_renew_a_link_once(sink: FolderSink) -> None:
    """When a link expires under several connections, the zoo is asked once."""
    with ByteServer() as zoo, ByteServer() as cdn:
        old = cdn.serve("/old", CONTENT, Fault(), Fault(), Fault(), always=Fault(status=403))
        fresh = Fault(status=302, headers={"Location": cdn.serve("/new", CONTENT)})
        url = zoo.serve("/f", b"", Fault(status=302, headers={"Location": old}), always=fresh)
        bring(sink, item(FILE, url), connections=8)
    assert sink.read(FILE) == CONTENT
    assert len(zoo.asked) == 2


# -- several sources -----------------------------------------------------------------------------------


def test_the_next_source_goes_on_in_the_middle(sink: FolderSink) -> None:
    """A source that dies is followed by the next, which brings the rest alone; the receipt says who gave what."""
    limits = evolve(LIMITS, retries=1)
    with ByteServer() as one, ByteServer() as two:
        dying = one.serve("/f", CONTENT, Fault(), Fault(cut=100 * KIB), always=Fault(status=500))
        (receipt,) = bring(sink, item(FILE, dying, two.serve("/f", CONTENT)), limits=limits)
    assert sink.read(FILE) == CONTENT
    assert {"a": 356 * KIB, "b": len(CONTENT) - 356 * KIB} == receipt.sources
    assert len(CONTENT) == one.sent("/f") + two.sent("/f")


@pytest.mark.parametrize("connections", [1, 8])
def test_a_source_that_lies_is_dropped(sink: FolderSink, connections: int) -> None:
    """A wrong digest throws the liar's bytes away, and the next source brings the file."""
    told = Told()
    with ByteServer() as one, ByteServer() as two:
        (receipt,) = bring(
            sink,
            item(FILE, one.serve("/f", CONTENT, always=Fault(flip=2 * MIB)), two.serve("/f", CONTENT)),
            reporter=told,
            connections=connections,
        )
    assert sink.read(FILE) == CONTENT
    assert {"b": len(CONTENT)} == receipt.sources
    assert any("from a, is not what was promised" in reason for reason in told.retries)
    assert len(CONTENT) == told.arrived


def test_a_lie_within_a_mixture_is_found(sink: FolderSink) -> None:
    """Where two sources gave bytes and the digest is wrong, the one at hand brings the file all by itself."""
    limits = evolve(LIMITS, retries=0)
    with ByteServer() as one, ByteServer() as two:
        lying = one.serve("/f", CONTENT, Fault(flip=5), always=Fault(status=500))
        (receipt,) = bring(sink, item(FILE, lying, two.serve("/f", CONTENT)), limits=limits)
    assert sink.read(FILE) == CONTENT
    assert {"b": len(CONTENT)} == receipt.sources


def test_all_sources_fail(sink: FolderSink) -> None:
    """When no source is left, the last failure is the error."""
    with ByteServer() as one, ByteServer() as two, pytest.raises(NotFound):
        bring(
            sink,
            item(FILE, one.serve("/f", CONTENT, always=Fault(flip=1)), two.origin + "/nothing"),
        )


def test_unproved_bytes_of_two_sources_never_mix(sink: FolderSink) -> None:
    """Where no digest tells in the end, a file comes from one origin alone."""
    limits = evolve(LIMITS, retries=0)
    other = random.Random(9).randbytes(len(CONTENT))
    file = entry(CONTENT, digests={})
    with ByteServer() as one, ByteServer() as two:
        dying = one.serve("/f", CONTENT, Fault(), always=Fault(status=500))
        (receipt,) = bring(sink, item(file, dying, two.serve("/f", other)), limits=limits)
    assert other == sink.read(file)
    assert {"b": len(other)} == receipt.sources


# -- offline, proxies, certificates -------------------------------------------------------------------


def test_offline_opens_no_socket(sink: FolderSink) -> None:
    """With connections switched off nothing is asked."""
    with ByteServer() as server:
        url = server.serve("/f", CONTENT)
        offline = Engine(settings=Settings(offline=True), auth=Auth(), proxies=Proxies({}), max_connections=1)
        with pytest.raises(Offline):
            offline.transfer([item(FILE, url)], sink, cancel=Cancel(60.0))
    assert server.asked == []


def test_nobody_listens(sink: FolderSink) -> None:
    """A refused connection is tried again, and then a NetworkError that says so."""
    with ByteServer() as server:
        url = server.origin + "/f"
    with pytest.raises(NetworkError, match="refuses connections"):
        bring(sink, item(FILE, url))


def _tls(names: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names.issue_cert("localhost").configure_cert(context)
    return context


def test_tls_with_a_known_authority(sink: FolderSink, tmp_path: Path) -> None:
    """SSL_CERT_FILE of the given environment says who is believed; ranges work over TLS."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with ByteServer(tls=_tls(authority)) as server:
        url = server.serve("/f", CONTENT)
        bring(sink, item(FILE, url), environ={"SSL_CERT_FILE": str(tmp_path / "ca.pem")}, connections=8)
    assert sink.read(FILE) == CONTENT


def test_an_unknown_authority_is_an_error_at_once(sink: FolderSink) -> None:
    """A certificate that nobody here vouches for is refused, with a hint, and not tried again."""
    told = Told()
    with ByteServer(tls=_tls(trustme.CA())) as server:
        url = server.serve("/f", CONTENT)
        with pytest.raises(NetworkError, match="is not trusted") as caught:
            bring(sink, item(FILE, url), reporter=told)
    assert "SSL_CERT_FILE" in (caught.value.hint or "")
    assert told.retries == []
    assert server.asked == []


class Override(Proxies):
    """Proxies that also stand before this machine itself."""

    def __init__(self, proxy: str) -> None:
        super().__init__({})
        self._proxy = proxy

    def for_url(self, url: str, *, asked: str | None = None) -> str | None:
        return self._proxy


def through(proxy: str, environ: dict[str, str] | None = None) -> Engine:
    settings = Settings(environ=environ or {}, limits=LIMITS)
    return Engine(settings=settings, auth=Auth(), proxies=Override(proxy), max_connections=2)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("kind", ["http", "https", "socks5", "socks5h"])
def test_bytes_go_through_the_proxy(
    sink: FolderSink, tmp_path: Path, run_proxy: Callable[..., tuple[str, list[str]]], kind: str, tls: bool
) -> None:
    """HTTP, HTTPS and SOCKS proxies with user and password carry bytes, with TLS to the server and without."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    address, seen = run_proxy(kind, authority)
    with ByteServer(tls=_tls(authority) if tls else None) as server:
        url = server.serve("/f", CONTENT)
        through(address, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}).transfer(
            [item(FILE, url)], sink, cancel=Cancel(60.0)
        )
    assert sink.read(FILE) == CONTENT
    assert seen
    assert not any("proxy-authorization" in asked.headers for asked in server.asked)


def test_a_proxy_that_wants_a_password(
    sink: FolderSink, tmp_path: Path, run_proxy: Callable[..., tuple[str, list[str]]]
) -> None:
    """A proxy that refuses us is an error with a hint, not tried again."""
    authority = trustme.CA()
    address, _ = run_proxy("http", authority)
    with ByteServer(tls=_tls(authority)) as server:
        url = server.serve("/f", CONTENT)
        with pytest.raises(NetworkError, match="status 407") as caught:
            through(address.replace("user:p%40ss@", "")).transfer([item(FILE, url)], sink, cancel=Cancel(60.0))
    assert "user:password@" in (caught.value.hint or "")
    assert server.asked == []


def test_closing_the_engine_ends_what_is_under_way(sink: FolderSink) -> None:
    """close() from another thread is a cancellation."""
    running = engine()
    with ByteServer() as server:
        url = server.serve("/f", CONTENT, Fault(during=lambda sent: running.close()))
        with pytest.raises(Exception, match="Cancelled"):
            running.transfer([item(FILE, url)], sink, cancel=Cancel(60.0))
