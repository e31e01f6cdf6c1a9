"""Proxies and certificates: what stands between, for metadata and for bytes alike."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from faultkit import IMPATIENT, carries_on, ends, pin
from faultroads import Proxy, Tls

from zooclient import Client, NetworkError
from zooclient.settings import Limits, Settings, ZooSettings
from zooclient.testing import LocalZoo


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody knows."""
    return trustme.CA()


@pytest.fixture
def certificates(authority: trustme.CA, tmp_path: Path) -> str:
    """A file with its certificate."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def served(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


def client_via(endpoint: str, home: Path, environ: dict[str, str], **zoo: Any) -> Client:
    settings = Settings(
        home=home,
        environ=environ,
        allow_plain_http=True,
        limits=Limits(**IMPATIENT),
        zoos={"hf": ZooSettings(endpoint=endpoint, **zoo)},
    )
    return Client(settings=settings)


# -- proxies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [None, "me:p@ss"])
def test_metadata_and_bytes_go_through_the_proxy(zoo: LocalZoo, home: Path, login: str | None) -> None:
    """A zoo that can be reached through a proxy alone: the whole line works, with a password and without."""
    ways = {"hub.example:80": port_of(zoo.endpoints["hf"])}
    with Proxy(ways, login) as proxy:
        user = "" if login is None else "me:p%40ss@"
        environ = {"HTTP_PROXY": f"http://{user}127.0.0.1:{proxy.port}"}
        with client_via("http://hub.example", home, environ) as client:
            carries_on(client, zoo, pin(zoo))
        asked = " ".join(proxy.asked)
    assert "GET http://hub.example/api/models/org/tiny" in asked
    assert f"GET http://hub.example:{port_of(zoo.byte_origin)}/" in asked, "the bytes of large files, too"
    assert len(proxy.asked) == len(zoo.requests), "nothing went past it"
    assert not any("proxy-authorization" in seen.headers for seen in zoo.requests)


@pytest.mark.parametrize("login", [None, "me:p@ss"])
def test_tls_goes_through_the_proxy_unseen(
    models: Path, home: Path, authority: trustme.CA, certificates: str, login: str | None
) -> None:
    """With TLS the proxy carries metadata and bytes, and sees no address and no token."""
    with (
        LocalZoo(models, one_origin=True) as zoo,
        Tls(served(authority, "hub.example"), port_of(zoo.endpoints["hf"])) as front,
        Proxy({"hub.example:443": front.port}, login) as proxy,
    ):
        user = "" if login is None else "me:p%40ss@"
        environ = {"HTTPS_PROXY": f"http://{user}127.0.0.1:{proxy.port}", "SSL_CERT_FILE": certificates}
        with client_via("https://hub.example", home, environ, token=zoo.tokens["hf"]) as client:
            carries_on(client, zoo, pin(zoo))
        assert set(proxy.asked) == {"CONNECT hub.example:443"}
        large = [seen for seen in zoo.requests if seen.path.startswith("/xet-bridge")]
        assert large
        assert all(seen.headers["host"].startswith("hub.example") for seen in zoo.requests)


@pytest.mark.parametrize("user", ["", "me:wrong@"])
def test_a_proxy_that_wants_another_password_says_so(zoo: LocalZoo, home: Path, user: str) -> None:
    """407 is a NetworkError that tells where the password belongs, and shows none."""
    with Proxy({"hub.example:80": port_of(zoo.endpoints["hf"])}, "me:right") as proxy:
        environ = {"HTTP_PROXY": f"http://{user}127.0.0.1:{proxy.port}"}
        with client_via("http://hub.example", home, environ) as client:
            error = ends(NetworkError, lambda: client.load(pin(zoo)), home)
    assert "http://user:password@" in (error.hint or "")
    assert "wrong" not in f"{error} {error.hint}"
    assert zoo.requests == []


def test_a_proxy_that_turns_us_away_at_the_bytes(zoo: LocalZoo, home: Path) -> None:
    """Metadata known, and then a proxy that wants a password for the bytes: the same error, and the next run works."""
    ways = {"hub.example:80": port_of(zoo.endpoints["hf"])}
    with Proxy(ways) as open_to_all, Proxy(ways, "me:right") as strict:
        plain = {"HTTP_PROXY": f"http://127.0.0.1:{open_to_all.port}"}
        with client_via("http://hub.example", home, plain) as client:
            client.resolve(pin(zoo))
        with client_via("http://hub.example", home, {"HTTP_PROXY": f"http://127.0.0.1:{strict.port}"}) as client:
            error = ends(NetworkError, lambda: client.load(pin(zoo)), home)
        assert "user:password@" in (error.hint or "")
        with client_via("http://hub.example", home, plain) as client:
            carries_on(client, zoo, pin(zoo))


def test_no_proxy_is_honoured_for_metadata_and_bytes(models: Path, home: Path) -> None:
    """What NO_PROXY names is asked directly, and this machine always is: the proxy sees nothing of either."""
    with LocalZoo(models) as zoo, Proxy({}) as proxy:
        environ = {"ALL_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": "hub.invalid"}
        with client_via(zoo.endpoints["hf"], home, environ) as client:
            carries_on(client, zoo, pin(zoo))
        with client_via("http://hub.invalid", home, environ) as client:
            ends(NetworkError, lambda: client.load("hf:org/plain@main"), home.with_name("none"))
        assert proxy.asked == []


def test_a_zoo_s_own_proxy_carries_its_bytes_too(zoo: LocalZoo, home: Path) -> None:
    """A proxy that is set for one zoo carries what that zoo redirects to, even on this machine."""
    with (
        Proxy({}) as proxy,
        client_via(zoo.endpoints["hf"], home, {}, proxy=f"http://127.0.0.1:{proxy.port}") as client,
    ):
        carries_on(client, zoo, pin(zoo))
        assert len(proxy.asked) == len(zoo.requests)


# -- certificates -------------------------------------------------------------------------------


@pytest.fixture
def front(models: Path, authority: trustme.CA) -> Iterator[tuple[LocalZoo, str]]:
    """A zoo behind TLS with a certificate of that authority, and its address."""
    with (
        LocalZoo(models, one_origin=True) as zoo,
        Tls(served(authority, "localhost"), port_of(zoo.endpoints["hf"])) as end,
    ):
        yield zoo, f"https://localhost:{end.port}"


def test_an_unknown_authority_is_refused_for_metadata(front: tuple[LocalZoo, str], home: Path) -> None:
    """A certificate that nobody vouches for: NetworkError that names SSL_CERT_FILE, and no request goes out."""
    zoo, url = front
    with client_via(url, home, {}, token="hf_secret") as client:
        error = ends(NetworkError, lambda: client.load(pin(zoo)), home)
    assert "SSL_CERT_FILE" in (error.hint or "")
    assert zoo.requests == []


def test_an_unknown_authority_is_refused_for_bytes(front: tuple[LocalZoo, str], home: Path, certificates: str) -> None:
    """The record known, and then an authority that is not: the bytes are refused with the same hint."""
    zoo, url = front
    with client_via(url, home, {"SSL_CERT_FILE": certificates}) as client:
        client.resolve(pin(zoo))
    zoo.forget()
    with client_via(url, home, {}) as client:
        error = ends(NetworkError, lambda: client.load(pin(zoo)), home)
    assert "SSL_CERT_FILE" in (error.hint or "")
    assert zoo.requests == []


def test_the_authority_that_the_variable_names_is_believed(
    front: tuple[LocalZoo, str], home: Path, certificates: str
) -> None:
    """SSL_CERT_FILE makes the same zoo a known one, for metadata and for bytes."""
    zoo, url = front
    with client_via(url, home, {"SSL_CERT_FILE": certificates}) as client:
        carries_on(client, zoo, pin(zoo))
    assert any(seen.path.startswith("/xet-bridge") for seen in zoo.requests)
