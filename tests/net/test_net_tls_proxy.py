"""Certificates and proxies over real sockets: an authority of our own, a proxy of our own."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from netdoubles import FAST, Server, Tunnel, driver, one, server_context, text

from zooclient.errors import ConfigError, NetworkError
from zooclient.net.auth import Auth, Credential
from zooclient.net.proxy import Proxies
from zooclient.net.tls import ssl_context
from zooclient.settings import Settings, ZooSettings


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


@pytest.fixture
def hub(authority: trustme.CA) -> Iterator[Server]:
    """A server for hub.example with a certificate of that authority."""
    with Server(text("hello"), server_context(authority, "hub.example")) as server:
        yield server


def ask(url: str, auth: Auth | None = None, *, zoos: dict[str, ZooSettings] | None = None, **environ: str) -> str:
    """Asks in both colours, which have to agree; returns the body, or raises what both raised."""
    settings = Settings(limits=FAST, environ=environ, zoos=zoos or {})

    async def natively() -> str:
        with driver(settings, auth=auth) as made:
            try:
                return (await made.arun(one(url))).text()
            finally:
                await made.aclose()

    with driver(settings, auth=auth) as made:
        try:
            answer = made.run(one(url)).text()
        except NetworkError as error:
            with pytest.raises(type(error)) as caught:
                asyncio.run(natively())
            assert (caught.value.message, caught.value.hint) == (error.message, error.hint)
            raise
    assert asyncio.run(natively()) == answer
    return answer


# -- certificates -------------------------------------------------------------------------------


def test_an_unknown_authority_is_refused_with_a_way_out(hub: Server) -> None:
    """The certificate is not believed, the request does not go out, the hint names SSL_CERT_FILE; no second attempt."""
    with Tunnel(hub.port) as proxy, pytest.raises(NetworkError, match="authority that is not known") as caught:
        ask("https://hub.example/", HTTPS_PROXY=f"http://{proxy.place}")
    assert "SSL_CERT_FILE" in (caught.value.hint or "")
    assert isinstance(caught.value.__cause__, Exception)
    assert hub.asked == []
    assert len(proxy.asked) == 2  # one for each colour


def test_the_file_of_the_variable_is_believed(authority: trustme.CA, certificates: str) -> None:
    """SSL_CERT_FILE makes the same server a known one."""
    with Server(text("hello"), server_context(authority, "localhost")) as server:
        url = f"https://localhost:{server.port}/"
        assert ask(url, SSL_CERT_FILE=certificates) == "hello"
        with pytest.raises(NetworkError, match="authority"):
            ask(url)


def test_another_name_is_refused(authority: trustme.CA, certificates: str) -> None:
    """A certificate for somebody else is told apart from an unknown authority."""
    with (
        Server(text("hello"), server_context(authority, "other.example")) as server,
        pytest.raises(NetworkError, match="another name"),
    ):
        ask(f"https://localhost:{server.port}/", SSL_CERT_FILE=certificates)


def test_plain_http_on_a_tls_port_is_told() -> None:
    """A server that speaks no TLS there."""
    with Server(text("")) as server, pytest.raises(NetworkError, match=r"TLS with 127\.0\.0\.1"):
        ask(server.url.replace("http:", "https:"))


def test_old_tls_is_refused(authority: trustme.CA, certificates: str) -> None:
    """Less than TLS 1.2 is not spoken."""
    context = server_context(authority, "localhost")
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Server(text("hello"), context) as server, pytest.raises(NetworkError, match="TLS with localhost"):
        ask(f"https://localhost:{server.port}/", SSL_CERT_FILE=certificates)


def test_contexts_are_shared_and_strict() -> None:
    """The same variables give the same context; it verifies certificates and names."""
    context = ssl_context({})
    assert context is ssl_context({"PATH": "/bin"})
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_variables_that_name_nothing_are_told(tmp_path: Path) -> None:
    """A file that is not there, is no certificate, or a folder that is none: ConfigError with the variable's name."""
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    for environ in ({"SSL_CERT_FILE": str(tmp_path / "none")}, {"SSL_CERT_FILE": str(junk)}):
        with pytest.raises(ConfigError, match="SSL_CERT_FILE"):
            ssl_context(environ)
    with pytest.raises(ConfigError, match="SSL_CERT_DIR"):
        ssl_context({"SSL_CERT_DIR": str(junk)})


# -- proxies ------------------------------------------------------------------------------------


def test_https_goes_through_a_tunnel(hub: Server, certificates: str) -> None:
    """The proxy is asked to connect, and sees neither the path nor the token."""
    auth = Auth([Credential(origin="https://hub.example", token="hf_secret")])
    with Tunnel(hub.port) as proxy:
        url = "https://hub.example/api?q=private"
        assert ask(url, auth, HTTPS_PROXY=f"http://{proxy.place}", SSL_CERT_FILE=certificates) == "hello"
    assert set(proxy.asked) == {"CONNECT hub.example:443"}
    assert hub.asked[0].path == "/api?q=private"
    assert hub.asked[0].headers["authorization"] == "Bearer hf_secret"
    assert b"hf_secret" not in proxy.seen
    assert b"private" not in proxy.seen


def test_plain_http_goes_through_a_proxy() -> None:
    """In absolute form; the server gets a clean request."""
    with Server(text("hello")) as server, Tunnel(server.port) as proxy:
        assert ask("http://hub.example/x", HTTP_PROXY=f"http://{proxy.place}") == "hello"
    assert set(proxy.asked) == {"GET http://hub.example/x"}


def test_a_proxy_that_wants_a_password_gets_it(hub: Server, certificates: str) -> None:
    """User and password of the proxy's address, percent-encoding undone; they do not reach the server."""
    with Tunnel(hub.port, login="me:p@ss") as proxy:
        address = f"http://me:p%40ss@{proxy.place}"
        assert ask("https://hub.example/", HTTPS_PROXY=address, SSL_CERT_FILE=certificates) == "hello"
    assert "proxy-authorization" not in hub.asked[0].headers


@pytest.mark.parametrize("url", ["https://hub.example/", "http://hub.example/"])
@pytest.mark.parametrize("user", ["", "me:wrong@"])
def test_a_proxy_that_refuses_us_is_told(hub: Server, url: str, user: str) -> None:
    """407 has a sentence of its own, names the proxy, shows no password, and is not tried again."""
    with Tunnel(hub.port, login="me:right") as proxy:
        address = f"http://{user}{proxy.place}"
        with pytest.raises(NetworkError, match="wants a user and a password") as caught:
            ask(url, HTTPS_PROXY=address, HTTP_PROXY=address)
        assert len(proxy.asked) == 2  # one for each colour
    assert proxy.place in str(caught.value)
    assert "wrong" not in f"{caught.value} {caught.value.hint}"
    assert "http://user:password@" in (caught.value.hint or "")


def test_a_proxy_that_is_not_there_is_told() -> None:
    """The sentence blames the proxy, not the zoo."""
    with Server(text("")) as gone:
        place = f"127.0.0.1:{gone.port}"
    with pytest.raises(NetworkError, match=f"The proxy {place} refuses connections"):
        ask("https://hub.example/", HTTPS_PROXY=f"http://{place}")


def test_no_proxy_is_honoured(authority: trustme.CA, certificates: str) -> None:
    """What NO_PROXY names, and this machine, is asked directly."""
    with Server(text("direct"), server_context(authority, "localhost")) as server, Tunnel(server.port) as proxy:
        url = f"https://localhost:{server.port}/"
        assert ask(url, ALL_PROXY=f"http://{proxy.place}", SSL_CERT_FILE=certificates) == "direct"
        assert proxy.asked == []


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks_is_spoken(hub: Server, certificates: str, scheme: str) -> None:
    """Names are left to the proxy."""
    with Tunnel(hub.port) as proxy:
        assert ask("https://hub.example/", ALL_PROXY=f"{scheme}://{proxy.place}", SSL_CERT_FILE=certificates) == "hello"
    assert set(proxy.asked) == {"SOCKS hub.example"}


def test_socks_without_its_package_is_told() -> None:
    """The error says what to install."""
    program = """
import sys
sys.modules["socksio"] = None  # as if it were not installed
from netdoubles import driver, one
from zooclient.errors import ConfigError
from zooclient.settings import Settings
with driver(Settings(environ={"ALL_PROXY": "socks5://me:secret@proxy.example:1"})) as made:
    try:
        made.run(one("https://hub.example/"))
    except ConfigError as error:
        print(error.message, error.hint)
"""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert "proxy.example:1 speaks SOCKS" in done.stdout
    assert "zooclient[socks]" in done.stdout
    assert "secret" not in done.stdout


def test_a_zoo_s_proxy_carries_even_this_machine(hub: Server, certificates: str) -> None:
    """A proxy that is set for a zoo is used for its endpoint whatever the host."""
    with Tunnel(hub.port) as proxy:
        zoo = ZooSettings(endpoint="https://hub.example", proxy=f"http://{proxy.place}")
        assert ask("https://hub.example/", zoos={"hf": zoo}, SSL_CERT_FILE=certificates, NO_PROXY="*") == "hello"
    assert proxy.asked != []


def test_no_variable_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings made by hand have no environment: a proxy of the process is not for them."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:1")
    assert Proxies.of(Settings()).for_url("http://hub.example/") is None
