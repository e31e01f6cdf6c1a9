"""The hosts of the site as they are: over TLS, through a tunnel that leads every name to one double."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme
from civzoo import CivZoo
from netdoubles import Tunnel, server_context

from zooclient import AccessError, Client, IntegrityError, ZooError
from zooclient.net.auth import Auth
from zooclient.providers import registry
from zooclient.settings import Settings, ZooSettings

PIN = "civitai:10@20"
BODY = bytes(range(256)) * 40 + b"."
STORE = "b2.civitai.com"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def site(authority: trustme.CA) -> Iterator[CivZoo]:
    """The site under all its hosts, and the store of its bytes."""
    names = ("civitai.com", "civitai.green", "civitai.red", STORE, "evil.example", "10.0.0.5")
    with CivZoo(tls=server_context(authority, *names)) as running:
        running.where = f"https://{STORE}"
        running.add({"tiny.safetensors": BODY})
        yield running


@pytest.fixture
def make(site: CivZoo, authority: trustme.CA, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients of a host of the site, with one home."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with ExitStack() as stack:
        tunnel = stack.enter_context(Tunnel(site.port))
        environ = {"HTTPS_PROXY": f"http://{tunnel.place}", "SSL_CERT_FILE": str(tmp_path / "ca.pem")}

        def made(host: str | None = None, **options: Any) -> Client:
            endpoints = {"civitai": f"https://{host}"} if host else {}
            settings = Settings(environ=environ)
            told = {"home": tmp_path / "home", "settings": settings, "tokens": {"civitai": site.key}, **options}
            return stack.enter_context(Client(endpoints=endpoints, **told))

        yield made


def test_the_key_follows_from_host_to_host_and_not_to_the_store(make: Callable[..., Client], site: CivZoo) -> None:
    """``.green`` sends on to ``.com``, which sends on to the store: both hosts get the key, the store gets none."""
    site.handed_on["civitai.green"] = "https://civitai.com"
    site.wants_key.add(20)
    snapshot = make("civitai.green").download(PIN)
    assert (snapshot.path / "tiny.safetensors").read_bytes() == BODY
    assert [asked.host for asked in site.downloads] == ["civitai.green", "civitai.com"]
    assert {asked.host for asked in site.asked} == {"civitai.green", "civitai.com", STORE}
    for asked in site.asked:
        assert asked.headers.get("authorization") == (None if asked.host == STORE else f"Bearer {site.key}")
        assert site.key not in f"{asked.path}{asked.told}"


def test_what_another_host_of_the_site_refuses_is_told_in_its_words(make: Callable[..., Client], site: CivZoo) -> None:
    """A 401 of ``.com`` behind ``.green`` is the site's own answer, and no link that ran out: it is asked once."""
    site.handed_on["civitai.green"] = "https://civitai.com"
    site.wants_key.add(20)
    with pytest.raises(AccessError, match="logged in"):
        make("civitai.green", tokens={}).download(PIN)
    assert [asked.host for asked in site.downloads] == ["civitai.green", "civitai.com"]


@pytest.mark.parametrize(
    ("location", "kind", "words"),
    [
        ("https://10.0.0.5/file/x", IntegrityError, "inside a private network"),
        ("https://127.0.0.1/file/x", IntegrityError, "inside this machine"),
        ("http://localhost/file/x", IntegrityError, "inside this machine"),
        ("https://169.254.169.254/latest", IntegrityError, "inside this machine"),
        ("http://b2.civitai.com/file/x", ZooError, "without encryption"),
        ("https://civitai.com/login?reason=download-auth", AccessError, "logged in"),
        ("https://civitai.com/models/10", IntegrityError, "page for people"),
    ],
)
def test_where_the_site_may_not_send_us(
    make: Callable[..., Client], site: CivZoo, location: str, kind: type[ZooError], words: str
) -> None:
    """Private addresses and plain http are not followed, and a page of the site is no file, whatever its kind."""
    site.answer("/api/download/models/20", (307, b""), Location=location)
    site.answer("/models/10", (200, b"bytes?"), **{"Content-Type": "application/octet-stream"})
    with pytest.raises(kind, match=words):
        make().download(PIN)
    assert len(site.downloads) == 1 and not site.at("/file/", "/latest")


def test_a_foreign_host_gets_no_key(make: Callable[..., Client], site: CivZoo) -> None:
    """Wherever the site sends us for bytes, a host that is not its own sees no key; the digest decides of the rest."""
    site.where = "https://evil.example"
    assert make().download(PIN).files[0].sha256 == hashlib.sha256(BODY).hexdigest()
    assert {asked.headers.get("authorization") for asked in site.asked if asked.host == "evil.example"} == {None}


def test_the_hosts_of_the_site_are_one_zoo(make: Callable[..., Client], site: CivZoo) -> None:
    """What one host said is the site's answer: another host of it finds it in the store, under the same name."""
    path = make("civitai.red").download(PIN).path
    site.asked.clear()
    assert make("civitai.com").download(PIN).path == path and site.asked == []
    settings = [Settings(zoos={"civitai": ZooSettings(endpoint=f"https://{host}")}) for host in ("civitai.red", "x.y")]
    assert registry.place_of("civitai", settings[0]) == "civitai"
    assert registry.place_of("civitai", settings[1]).startswith("civitai+")


@pytest.mark.parametrize(
    ("zoo", "entitled"),
    [
        ({}, {"civitai.com", "civitai.red", "civitai.green"}),
        ({"endpoint": "https://civitai.red"}, {"civitai.com", "civitai.red", "civitai.green"}),
        ({"endpoint": "https://own.example"}, {"own.example"}),
        ({"endpoint": "https://own.example", "endpoint_trusted": False}, set()),
    ],
)
def test_one_credential_for_each_host(zoo: dict[str, Any], entitled: set[str]) -> None:
    """The registry gives a key to every host of the site, and to an endpoint of somebody else for itself alone."""
    auth = Auth(registry.credentials(Settings(zoos={"civitai": ZooSettings(token="k", **zoo)})))
    hosts = ("civitai.com", "civitai.red", "civitai.green", STORE, "image.civitai.com", "own.example", "civitai.com.x")
    assert {host for host in hosts if auth.headers_for(f"https://{host}/x")} == entitled
    assert not auth.headers_for("http://civitai.com/x")
