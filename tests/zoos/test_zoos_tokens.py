"""A token goes to its own zoo and nowhere else, whatever an answer or a project file says; at each zoo."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from attrs import frozen
from badluck import LISTING, PAGE
from faultroads import Elsewhere
from zoosites import MODEL, SITES, WEIGHTS, Following, Site, client_of, objects

from zooclient import AccessError, Client, IntegrityError, ZooError
from zooclient.testing import Edit, LocalZoo, Redirect, Seen, Status

SCHEMES = list(SITES)
#: Where each zoo tells whose token it is.
ACCOUNTS = {
    "hf": "/api/whoami-v2",
    "modelscope": "/openapi/v1/users/me",
    "civitai": "/api/v1/me",
    "replicate": "/v1/account",
}
#: Where each zoo's own tools look for a token.
VARIABLES = {
    "hf": "HF_TOKEN",
    "modelscope": "MODELSCOPE_API_TOKEN",
    "civitai": "CIVITAI_API_KEY",
    "replicate": "REPLICATE_API_TOKEN",
    "r8": "ZOOCLIENT_R8_TOKEN",
}


@frozen(kw_only=True)
class Astray:
    """A way on which an answer may lead somewhere else.

    Attributes:
        throw: Lets the zoo answer so; given the address of a server that is no zoo.
        act: What is asked.
        error: How it ends, by zoo; a zoo that is not named has no such way. None: it does no harm.
        asked: The other server is asked, without a token.
        answer: What it answers. None: what the zoo would give for the weights.
    """

    throw: Callable[[LocalZoo, Site, str], object]
    act: Callable[[Client, Site, str], object]
    error: dict[str, type[ZooError] | None]
    asked: bool = False
    answer: bytes | None = None


def _search(client: Client, site: Site, ref: str) -> object:
    return list(client.search("tiny", zoos=[site.scheme]))


def _download(client: Client, site: Site, ref: str) -> object:
    return client.verify(client.download(ref, weights=site.weights)).ok


def _following(zoo: LocalZoo, site: Site, url: str) -> None:
    """The next page is said to be elsewhere, in the header and in every field that may hold an address."""
    if site.scheme == "replicate":  # its pages are those of its listing, which is asked where the search is away

        def lead(document: Any) -> Any:
            return {**document, "next": f"{url}{LISTING}?cursor=cD0w"}

        zoo.fail(site.search, Status(503, body=PAGE, times=None), zoo=site.scheme)
        zoo.fail(LISTING, Edit(lead, times=1), zoo=site.scheme)

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
            if "openapi_schema" in holder or "owner" in holder:
                holder |= dict.fromkeys(("url", "image", "weights", "weights_url", "download_url"), f"{url}/weights")
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


def _bytes_redirected(**settings: Any) -> Callable[[LocalZoo, Site, str], object]:
    return lambda zoo, site, url: zoo.fail(WEIGHTS, Redirect(f"{url}/there", **settings), zoo=site.keeper)


def _asks_for_a_login_elsewhere(zoo: LocalZoo, site: Site, url: str) -> None:
    """The registry of images says that its tokens are given by another server."""
    asked = f'Bearer realm="{url}/token",service="r8.im",scope="repository:{MODEL}:pull"'
    zoo.fail("/v2/*", Status(401, headers={"www-authenticate": asked}, times=None), zoo="r8")


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
    "the bytes, redirected": Astray(throw=_bytes_redirected(origin="hub"), act=_download, error=HARMLESS, asked=True),
    "the bytes, redirected for good": Astray(
        throw=_bytes_redirected(origin="hub", code=308), act=_download, error=HARMLESS, asked=True
    ),
    "the bytes, redirected from where they are": Astray(
        throw=_bytes_redirected(origin="cdn"), act=_download, error=HARMLESS, asked=True
    ),
    "the next page, elsewhere": Astray(
        throw=_following,
        act=_search,
        error={**HARMLESS, "hf": IntegrityError},  # the one zoo whose pages are followed by address
    ),
    "the files, elsewhere": Astray(throw=_lying_elsewhere, act=_download, error=HARMLESS),
    "the list of files, redirected": Astray(
        throw=lambda zoo, site, url: zoo.fail("*/manifests/*", Redirect(f"{url}/there"), zoo="r8"),
        act=_download,
        error={"replicate": IntegrityError},  # what is named by its digest may come from anywhere, if it is that
        asked=True,
    ),
    "the login, elsewhere": Astray(
        throw=_asks_for_a_login_elsewhere,
        act=_download,
        error={"replicate": AccessError},
        asked=True,
        answer=b'{"token": "granted-by-somebody"}',
    ),
}


@pytest.fixture
def zoo(models: Path) -> Iterator[LocalZoo]:
    """A zoo of its own for a test, where files keep their names at Civitai too."""
    with LocalZoo(models) as running:
        running.civitai.keep_names(MODEL)
        yield running


@pytest.mark.parametrize(("way", "scheme"), [(way, scheme) for way, astray in WAYS.items() for scheme in astray.error])
def test_no_answer_leads_a_token_astray(zoo: LocalZoo, models: Path, tmp_path: Path, scheme: str, way: str) -> None:
    """Redirects of metadata and bytes, links to pages and to files: whoever else is asked hears of no token."""
    site, astray, secret, login = SITES[scheme], WAYS[way], zoo.tokens[scheme], zoo.tokens[SITES[scheme].keeper]
    zoo.r8.rules.strangers = "no"
    body = kept_bytes(zoo, site, models, tmp_path) if astray.answer is None else astray.answer
    with Elsewhere(body) as other, client_of(zoo, site, tmp_path / "home", secret, login=login) as client:
        astray.throw(zoo, site, other.url)
        expected = astray.error[scheme]
        if expected is None:
            assert astray.act(client, site, site.pin(zoo))
        else:
            with pytest.raises(expected) as caught:
                astray.act(client, site, site.pin(zoo))
            said = f"{caught.value} {caught.value.hint} {caught.value.url}"
            assert not any(spelt in said for spelt in (*spellings(secret), *spellings(login)))
    assert bool(other.heads) == astray.asked
    for head in other.heads:
        assert not any(spelt in head for spelt in (*spellings(secret), *spellings(login)))
        assert not any(name in head.lower() for name in ("authorization", "cookie", scheme, "referer"))
    for own, token in ((scheme, secret), (site.keeper, login)):
        reached = own == scheme or (expected is None and astray.act is _download)
        said = " ".join(seen.headers.get("authorization", "") for seen in asked(zoo, own))
        assert not reached or any(spelt in said for spelt in spellings(token)), "it went home"
    held_to_home(zoo)


def test_each_zoo_gets_its_own_token_alone(zoo: LocalZoo, tmp_path: Path) -> None:
    """One client with the tokens of all: searched side by side and downloaded from, no zoo hears another's."""
    zoo.r8.rules.strangers = "no"
    with Client(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        assert {hit.ref.scheme for hit in client.search("tiny")} == set(SITES)
        for site in SITES.values():
            client.whoami(site.scheme)
            client.download(site.pin(zoo), weights="all")
            for neighbour in set(SITES) - {site.scheme}:
                zoo.fail("*", Redirect(zoo.endpoints[neighbour] + ACCOUNTS[neighbour], origin="hub"), zoo=site.scheme)
                for act in (partial(client.whoami, site.scheme), partial(client.resolve, site.missing)):
                    with pytest.raises(IntegrityError):
                        act()
                zoo.heal()
    assert {seen.zoo for seen in zoo.requests} == set(zoo.endpoints)
    held_to_home(zoo)


@pytest.mark.parametrize("challenge", ["Basic", "Bearer"])
@pytest.mark.parametrize("neighbour", SCHEMES)
def test_a_registry_of_images_that_sends_on_to_a_zoo_gives_nobodys_token(
    zoo: LocalZoo, tmp_path: Path, challenge: Literal["Basic", "Bearer"], neighbour: str
) -> None:
    """Sent on from the registry, neither its login nor what was granted for it is said, and no token of that zoo."""
    zoo.r8.rules.challenge, zoo.r8.rules.strangers = challenge, "no"
    place = zoo.endpoints[neighbour] + ACCOUNTS[neighbour]
    with Client(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        site = SITES["replicate"]
        zoo.fail("*/blobs/*", Redirect(place, origin="hub"), zoo="r8")
        with pytest.raises(ZooError):
            client.download(site.pin(zoo), weights="all")
    sent_on = [seen for seen in asked(zoo, neighbour) if seen.path == ACCOUNTS[neighbour]]
    assert sent_on
    assert not any("authorization" in seen.headers for seen in sent_on)
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
    for further in set(site.own) - {scheme}:
        monkeypatch.setenv(f"ZOOCLIENT_{further.upper()}_ENDPOINT", zoo.endpoints[further])
    with Client.for_project(tmp_path, home=tmp_path / "home") as client:
        for act in (_search, _download):
            if site.login:  # which answers no stranger
                with pytest.raises(AccessError):
                    act(client, site, site.pin(zoo))
            else:
                assert act(client, site, site.pin(zoo))
        with pytest.raises(ZooError):
            client.whoami(scheme)
    assert asked(zoo, scheme)
    assert not any(zoo.tokens[scheme] in everything(seen) for seen in zoo.requests)
    # The same address in the environment, which is the person's own, is entitled to it.
    zoo.forget()
    monkeypatch.setenv(f"ZOOCLIENT_{scheme.upper()}_ENDPOINT", zoo.endpoints[scheme])
    with Client.for_project(tmp_path, home=tmp_path / "home") as client:
        assert client.whoami(scheme).name == "me"


def test_a_registry_of_images_of_a_project_file_gets_no_login(
    zoo: LocalZoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project that names a registry has it asked as a stranger, whoever is logged in, and whatever it wants."""
    site = SITES["replicate"]
    monkeypatch.delenv("ZOOCLIENT_R8_ENDPOINT", raising=False)
    monkeypatch.setenv("ZOOCLIENT_REPLICATE_ENDPOINT", zoo.endpoints["replicate"])
    for scheme in site.own:
        monkeypatch.setenv(VARIABLES[scheme], zoo.tokens[scheme])
    (tmp_path / "zoo.toml").write_text(f'[zoos.r8]\nendpoint = "{zoo.endpoints["r8"]}"\n')
    with Client.for_project(tmp_path, home=tmp_path / "home") as client:
        assert _download(client, site, site.pin(zoo))  # which strangers may
        zoo.r8.rules.strangers = "no"
        with pytest.raises(AccessError):
            client.plan(site.pin(zoo, "org/plain"))
    assert asked(zoo, "r8")
    for seen in zoo.requests:
        assert seen.zoo == "replicate" or not any(spelt in everything(seen) for spelt in every_spelling(zoo)), seen
    # The same address in the environment, which is the person's own, is entitled to it.
    zoo.forget()
    monkeypatch.setenv("ZOOCLIENT_R8_ENDPOINT", zoo.endpoints["r8"])
    with Client.for_project(tmp_path, home=tmp_path / "home") as client:
        assert client.plan(site.pin(zoo, "org/plain")).files
    assert any(spelt in everything(seen) for seen in asked(zoo, "r8") for spelt in spellings(zoo.tokens["r8"]))
    held_to_home(zoo)


@pytest.mark.parametrize("policy", ["first", "fallback"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_mirror_of_a_project_file_gets_no_token(
    zoo: LocalZoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, policy: str
) -> None:
    """A mirror that a project names is asked as a stranger, first or when the zoo fails; the zoo is not."""
    site = SITES[scheme]
    zoo.r8.rules.strangers = "no"
    for own in site.own:
        monkeypatch.setenv(f"ZOOCLIENT_{own.upper()}_ENDPOINT", zoo.endpoints[own])
        monkeypatch.setenv(VARIABLES[own], zoo.tokens[own])
    monkeypatch.setenv("ZOOCLIENT_FAILOVER", "0")
    if site.keeper != scheme:  # what lies in layers is known to a mirror only once somebody has looked into them
        with client_of(zoo, site, tmp_path / "home", zoo.tokens[scheme], login=zoo.tokens[site.keeper]) as client:
            assert _download(client, site, site.pin(zoo))
        for kept in ("blobs", "snapshots"):
            shutil.rmtree(tmp_path / "home" / "v1" / kept)
    with Elsewhere(b"no such thing", "404 Not Found") as other:
        settings = f'mirrors = ["{other.url}/m"]\nmirror-policy = "{policy}"\n'
        (tmp_path / "zoo.toml").write_text(f"[zoos.{scheme}]\n{settings}")
        with Client.for_project(tmp_path, home=tmp_path / "home") as client:
            if policy == "fallback":
                zoo.fail(WEIGHTS, Status(404, times=None), zoo=site.keeper)
                with pytest.raises(ZooError):
                    client.download(site.pin(zoo), weights=site.weights)
            else:
                assert _download(client, site, site.pin(zoo))
    assert other.heads
    for head in other.heads:
        assert not any(spelt in head for spelt in every_spelling(zoo)) and "authorization" not in head.lower()
    assert any(zoo.tokens[scheme] in everything(seen) for seen in asked(zoo, scheme))
    held_to_home(zoo)


def asked(zoo: LocalZoo, scheme: str) -> list[Seen]:
    """What a zoo was asked."""
    return [seen for seen in zoo.requests if seen.zoo == scheme]


def kept_bytes(zoo: LocalZoo, site: Site, models: Path, folder: Path) -> bytes:
    """What a zoo gives for the weights: the file, or the layer that it lies in."""
    if site.keeper == site.scheme:
        return (models / MODEL / WEIGHTS).read_bytes()
    blobs = zoo.r8.write(MODEL, folder / "layout").blobs
    digest = next(digest for digest, blob in blobs.items() if blob.name == WEIGHTS)
    return (folder / "layout" / "blobs" / digest.replace(":", "/")).read_bytes()


def spellings(secret: str) -> tuple[str, str]:
    """How a secret may be said: as it is, or as Basic has it."""
    return secret, base64.b64encode(secret.encode()).decode()


def every_spelling(zoo: LocalZoo) -> tuple[str, ...]:
    """How any secret may be said, of a login its second half alone, too."""
    halves = (secret.partition(":")[2] for secret in zoo.tokens.values())
    return tuple(spelt for secret in (*zoo.tokens.values(), *filter(None, halves)) for spelt in spellings(secret))


def everything(seen: Seen) -> str:
    """All that a request said."""
    return f"{seen.path}?{seen.query} {dict(seen.headers)} {seen.body!r}"


def held_to_home(zoo: LocalZoo) -> None:
    """No token was said but in the one header, to the zoo's own origin, by whose zoo it is."""
    for seen in zoo.requests:
        for scheme, secret in zoo.tokens.items():
            home = seen.zoo == scheme and seen.origin == "hub"
            assert sum(everything(seen).count(spelt) for spelt in spellings(secret)) <= home, (scheme, seen)
        # What the registry of images grants is as good as the login for a while.
        assert (seen.zoo, seen.origin) != ("r8", "cdn") or "authorization" not in seen.headers, seen
