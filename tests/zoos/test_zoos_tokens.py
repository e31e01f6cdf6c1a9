"""A token goes to its own zoo and nowhere else, whatever an answer or a project file says; at each zoo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import frozen
from faultroads import Elsewhere
from zoosites import MODEL, SITES, WEIGHTS, Following, Site, client_of, objects

from zooclient import Client, IntegrityError, ZooError
from zooclient.testing import Edit, LocalZoo, Redirect, Seen, Status

SCHEMES = list(SITES)
#: Where each zoo tells whose token it is.
ACCOUNTS = {"hf": "/api/whoami-v2", "modelscope": "/openapi/v1/users/me", "civitai": "/api/v1/me"}
#: Where each zoo's own tools look for a token.
VARIABLES = {"hf": "HF_TOKEN", "modelscope": "MODELSCOPE_API_TOKEN", "civitai": "CIVITAI_API_KEY"}


@frozen(kw_only=True)
class Astray:
    """A way on which an answer may lead somewhere else.

    Attributes:
        throw: Lets the zoo answer so; given the address of a server that is no zoo.
        act: What is asked.
        error: How it ends, by zoo where they differ. None: it does no harm.
        asked: The other server is asked, without a token.
    """

    throw: Callable[[LocalZoo, Site, str], object]
    act: Callable[[Client, Site, str], object]
    error: dict[str, type[ZooError] | None]
    asked: bool = False


def _search(client: Client, site: Site, ref: str) -> object:
    return list(client.search("tiny", zoos=[site.scheme]))


def _download(client: Client, site: Site, ref: str) -> object:
    return client.verify(client.download(ref)).ok


def _following(zoo: LocalZoo, site: Site, url: str) -> None:
    """The next page is said to be elsewhere, in the header and in every field that may hold an address."""

    def change(document: Any) -> Any:
        for holder in objects(document):
            if "metadata" in holder or site.hits in holder:
                told = holder.setdefault("metadata", {})
                told |= {"nextPage": f"{url}/next"}
                holder |= {"next": f"{url}/next", "nextPage": f"{url}/next", "next_page": f"{url}/next"}
        return document

    zoo.fail(site.search, Edit(change), zoo=site.scheme)
    zoo.fail(site.search, Following(lambda: f"{url}/next"), zoo=site.scheme)


def _lying_elsewhere(zoo: LocalZoo, site: Site, url: str) -> None:
    """Every file has addresses elsewhere, under every name that a client might follow, and in place of its own."""

    def change(document: Any) -> Any:
        for holder in objects(document):
            own = urlsplit(str(holder.get("downloadUrl", "")))
            for file in holder.get(site.files) or ():
                printed = urlsplit(str(file.get("downloadUrl", "/weights")))
                address = f"{url}{printed.path}?{printed.query}"
                file |= dict.fromkeys(("url", "Url", "download_url", "downloadUrl", "DownloadUrl", "link"), address)
            if own.path:
                holder["downloadUrl"] = f"{url}{own.path}"
        return document

    zoo.fail(site.listing, Edit(change), zoo=site.scheme)


def _redirects(pattern: Callable[[Site], str], **settings: Any) -> Callable[[LocalZoo, Site, str], object]:
    return lambda zoo, site, url: zoo.fail(pattern(site), Redirect(f"{url}/there", **settings), zoo=site.scheme)


REFUSED: dict[str, type[ZooError] | None] = dict.fromkeys(SCHEMES, IntegrityError)
HARMLESS: dict[str, type[ZooError] | None] = dict.fromkeys(SCHEMES)

WAYS = {
    "the record, redirected": Astray(
        throw=_redirects(lambda site: site.record, code=307), act=_download, error=REFUSED
    ),
    "the search, redirected": Astray(throw=_redirects(lambda site: site.search), act=_search, error=REFUSED),
    "the account, redirected": Astray(
        throw=_redirects(lambda site: ACCOUNTS[site.scheme]),
        act=lambda client, site, ref: client.whoami(site.scheme),
        error=REFUSED,
    ),
    "the bytes, redirected": Astray(
        throw=_redirects(lambda site: WEIGHTS, origin="hub"), act=_download, error=HARMLESS, asked=True
    ),
    "the bytes, redirected for good": Astray(
        throw=_redirects(lambda site: WEIGHTS, origin="hub", code=308), act=_download, error=HARMLESS, asked=True
    ),
    "the bytes, redirected from where they are": Astray(
        throw=_redirects(lambda site: WEIGHTS, origin="cdn"), act=_download, error=HARMLESS, asked=True
    ),
    "the next page, elsewhere": Astray(
        throw=_following,
        act=_search,
        error={**HARMLESS, "hf": IntegrityError},  # the one zoo whose pages are followed by address
    ),
    "the files, elsewhere": Astray(throw=_lying_elsewhere, act=_download, error=HARMLESS),
}


@pytest.fixture
def zoo(models: Path) -> Iterator[LocalZoo]:
    """A zoo of its own for a test, where files keep their names at Civitai too."""
    with LocalZoo(models) as running:
        running.civitai.keep_names(MODEL)
        yield running


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("way", WAYS)
def test_no_answer_leads_a_token_astray(zoo: LocalZoo, models: Path, tmp_path: Path, scheme: str, way: str) -> None:
    """Redirects of metadata and bytes, links to pages and to files: whoever else is asked hears of no token."""
    site, astray, secret = SITES[scheme], WAYS[way], zoo.tokens[scheme]
    body = (models / MODEL / WEIGHTS).read_bytes()
    with Elsewhere(body) as other, client_of(zoo, site, tmp_path, secret) as client:
        astray.throw(zoo, site, other.url)
        expected = astray.error[scheme]
        if expected is None:
            assert astray.act(client, site, site.pin(zoo))
        else:
            with pytest.raises(expected) as caught:
                astray.act(client, site, site.pin(zoo))
            assert secret not in f"{caught.value} {caught.value.hint} {caught.value.url}"
    assert bool(other.heads) == astray.asked
    for head in other.heads:
        assert secret not in head
        assert not any(name in head.lower() for name in ("authorization", "cookie", scheme, "referer"))
    assert any(secret in seen.headers.get("authorization", "") for seen in asked(zoo, scheme)), "it went home"
    held_to_home(zoo)


def test_each_zoo_gets_its_own_token_alone(zoo: LocalZoo, tmp_path: Path) -> None:
    """One client with the tokens of all: searched side by side and downloaded from, no zoo hears another's."""
    with Client(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        assert {hit.ref.scheme for hit in client.search("tiny")} == set(zoo.endpoints) - {"r8"}  # it is no search
        for site in SITES.values():
            client.whoami(site.scheme)
            client.download(site.pin(zoo), weights="all")
            for neighbour in set(SITES) - {site.scheme}:
                zoo.fail("*", Redirect(zoo.endpoints[neighbour] + ACCOUNTS[neighbour], origin="hub"), zoo=site.scheme)
                for act in (partial(client.whoami, site.scheme), partial(client.resolve, site.missing)):
                    with pytest.raises(IntegrityError):
                        act()
                zoo.heal()
        client.download(f"replicate:{MODEL}@{zoo.replicate.version(MODEL)}", weights="all")
    assert {seen.zoo for seen in zoo.requests} == set(zoo.endpoints)
    held_to_home(zoo)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_endpoint_of_a_project_file_gets_no_token(
    zoo: LocalZoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """Whoever clones a project that names an endpoint asks it as a stranger, with a token at hand."""
    site = SITES[scheme]
    monkeypatch.delenv(f"ZOOCLIENT_{scheme.upper()}_ENDPOINT", raising=False)
    monkeypatch.setenv(VARIABLES[scheme], zoo.tokens[scheme])
    (tmp_path / "zoo.toml").write_text(f'[zoos.{scheme}]\nendpoint = "{zoo.endpoints[scheme]}"\n')
    with Client.for_project(tmp_path, home=tmp_path / "home") as client:
        _search(client, site, "")
        assert _download(client, site, site.pin(zoo))
        with pytest.raises(ZooError):
            client.whoami(scheme)
    assert asked(zoo, scheme)
    assert not any(zoo.tokens[scheme] in everything(seen) for seen in zoo.requests)
    # The same address in the environment, which is the person's own, is entitled to it.
    zoo.forget()
    monkeypatch.setenv(f"ZOOCLIENT_{scheme.upper()}_ENDPOINT", zoo.endpoints[scheme])
    with Client.for_project(tmp_path, home=tmp_path / "home") as client:
        assert client.whoami(scheme).name == "me"


@pytest.mark.parametrize("policy", ["first", "fallback"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_mirror_of_a_project_file_gets_no_token(
    zoo: LocalZoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, policy: str
) -> None:
    """A mirror that a project names is asked as a stranger, first or when the zoo fails; the zoo is not."""
    site = SITES[scheme]
    monkeypatch.setenv(f"ZOOCLIENT_{scheme.upper()}_ENDPOINT", zoo.endpoints[scheme])
    monkeypatch.setenv(VARIABLES[scheme], zoo.tokens[scheme])
    monkeypatch.setenv("ZOOCLIENT_FAILOVER", "0")
    with Elsewhere(b"no such thing", "404 Not Found") as other:
        settings = f'mirrors = ["{other.url}/m"]\nmirror-policy = "{policy}"\n'
        (tmp_path / "zoo.toml").write_text(f"[zoos.{scheme}]\n{settings}")
        with Client.for_project(tmp_path, home=tmp_path / "home") as client:
            if policy == "fallback":
                zoo.fail(WEIGHTS, Status(404, times=None), zoo=scheme)
                with pytest.raises(ZooError):
                    client.download(site.pin(zoo))
            else:
                assert _download(client, site, site.pin(zoo))
    assert other.heads
    assert not any(zoo.tokens[scheme] in head or "authorization" in head.lower() for head in other.heads)
    assert any(zoo.tokens[scheme] in everything(seen) for seen in asked(zoo, scheme))
    held_to_home(zoo)


def asked(zoo: LocalZoo, scheme: str) -> list[Seen]:
    """What a zoo was asked."""
    return [seen for seen in zoo.requests if seen.zoo == scheme]


def everything(seen: Seen) -> str:
    """All that a request said."""
    return f"{seen.path}?{seen.query} {dict(seen.headers)} {seen.body!r}"


def held_to_home(zoo: LocalZoo) -> None:
    """No token was said but in the one header, to the zoo's own origin, by whose zoo it is."""
    for seen in zoo.requests:
        for scheme, secret in zoo.tokens.items():
            home = seen.zoo == scheme and seen.origin == "hub"
            assert everything(seen).count(secret) <= home, (scheme, seen)
