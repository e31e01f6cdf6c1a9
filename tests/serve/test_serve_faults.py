"""The switches of the embedded zoo: each fails in the way that it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from served_models import tiny, write

from zooclient.testing import (
    Body,
    Claim,
    Cut,
    Do,
    Edit,
    Enormous,
    Expired,
    Flip,
    LocalZoo,
    LyingCommit,
    NewEtag,
    NoRange,
    NullList,
    Redirect,
    Resize,
    Slow,
    Status,
    Truncated,
)

_CONTENT = tiny()["model.safetensors"]
_TREE = "/api/models/org/tiny/tree/main"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one model."""
    write(tmp_path / "served", "org/tiny", tiny())
    return tmp_path / "served"


@pytest.fixture
def zoo(root: Path) -> Iterator[LocalZoo]:
    """That folder, served."""
    with LocalZoo(root) as zoo:
        yield zoo


@pytest.fixture
def web(zoo: LocalZoo) -> Iterator[httpx.Client]:
    """A stranger who follows no redirect by itself."""
    with httpx.Client(base_url=zoo.endpoints["hf"], trust_env=False) as client:
        yield client


def _get(web: httpx.Client, **headers: str) -> httpx.Response:
    url = "/org/tiny/resolve/main/model.safetensors"
    return web.get(url, follow_redirects=True, headers={name.replace("_", "-"): text for name, text in headers.items()})


def test_cut(zoo: LocalZoo, web: httpx.Client) -> None:
    """A body stops where it was told to, so often and no oftener, and the record says how far it came."""
    thrown = zoo.fail("*.safetensors", Cut(after=1000, times=2))
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError, match="received 1000 bytes"):
            _get(web)
        assert zoo.requests[-1].sent == 1000
    assert _get(web).content == _CONTENT
    assert (thrown.hits, thrown.spent) == (2, True)


def test_cut_leaves_shorter_bodies_alone(zoo: LocalZoo, web: httpx.Client) -> None:
    """A cut is not spent on a body that ends before it, nor on a redirect or a HEAD."""
    thrown = zoo.fail("*", Cut(after=len(_CONTENT) - 1))
    assert web.get(_TREE).status_code == 200
    assert web.head("/org/tiny/resolve/main/model.safetensors", follow_redirects=True).status_code == 200
    assert thrown.hits == 0


def test_flip(zoo: LocalZoo, web: httpx.Client) -> None:
    """One byte is wrong, also in a range that holds it, and in no other."""
    thrown = zoo.fail("org/tiny/model.safetensors", Flip(at=700))
    wrong = bytearray(_CONTENT)
    wrong[700] ^= 1
    assert _get(web).content == wrong
    assert _get(web, range="bytes=650-750").content == wrong[650:751]
    assert _get(web, range="bytes=0-9").content == _CONTENT[:10]
    zoo.heal(thrown)
    assert _get(web).content == _CONTENT
    zoo.fail("org/tiny", Flip())
    assert _get(web).content[-1] == _CONTENT[-1] ^ 1


@pytest.mark.parametrize("by", [-100, 100])
def test_resize(zoo: LocalZoo, web: httpx.Client, by: int) -> None:
    """A file of another size is served as if it were the right one."""
    zoo.fail("*.safetensors", Resize(by=by))
    size = len(_CONTENT) + by
    answer = _get(web)
    assert (len(answer.content), answer.headers["content-length"]) == (size, str(size))
    part = _get(web, range="bytes=19000-")
    assert part.headers["content-range"] == f"bytes 19000-{size - 1}/{size}"
    assert len(part.content) == size - 19000


def test_statuses(zoo: LocalZoo, web: httpx.Client) -> None:
    """A status stands in for so many answers, with Retry-After and headers of choice."""
    zoo.fail("/api/models/*", Status(429, retry_after=7, times=2))
    answers = [web.get(_TREE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert "ratelimit" in answers[0].headers
    zoo.fail("*.safetensors", Status(503, origin="cdn", headers={"X-Edge": "1"}))
    answer = _get(web)
    assert (answer.status_code, answer.headers["x-edge"]) == (503, "1")
    assert [seen.status for seen in zoo.requests[-2:]] == [302, 503]


def test_no_answer_at_all(zoo: LocalZoo, web: httpx.Client) -> None:
    """A connection may be closed before a single byte."""
    zoo.fail(_TREE, Status(0))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        web.get(_TREE)
    assert zoo.requests[-1].status == 0
    assert web.get(_TREE).status_code == 200


def test_expired_link(zoo: LocalZoo, web: httpx.Client) -> None:
    """A link may be over before its time; the next one holds."""
    zoo.fail("*", Expired())
    assert _get(web).status_code == 403
    assert _get(web).status_code == 200


def test_redirect_elsewhere(zoo: LocalZoo, web: httpx.Client) -> None:
    """A file may be said to lie anywhere."""
    zoo.fail("*.safetensors", Redirect("http://elsewhere.example/x", origin="hub"))
    answer = web.get("/org/tiny/resolve/main/model.safetensors")
    assert (answer.status_code, answer.headers["location"]) == (302, "http://elsewhere.example/x")
    assert "x-linked-etag" in answer.headers


def test_ignored_range_and_new_etag(zoo: LocalZoo, web: httpx.Client) -> None:
    """A range may be ignored, and a file may change its entity tag midway."""
    etag = _get(web).headers["etag"]
    thrown = zoo.fail("*.safetensors", NoRange())
    assert (_get(web, range="bytes=5-9").status_code, _get(web, range="bytes=5-9").content) == (200, _CONTENT)
    zoo.heal(thrown)
    zoo.fail("*.safetensors", NewEtag('"new"', origin="cdn"))
    assert _get(web, range="bytes=5-9").headers["etag"] == '"new"'
    assert _get(web, range="bytes=5-9", if_range=etag).status_code == 200
    assert _get(web, range="bytes=5-9", if_range='"new"').status_code == 206


def test_slow(zoo: LocalZoo, web: httpx.Client) -> None:
    """A slow body comes whole, in its time."""
    zoo.fail("*.safetensors", Slow(len(_CONTENT) * 8))
    answer = _get(web)
    assert answer.content == _CONTENT
    assert answer.elapsed.total_seconds() > 0.1


def test_lying_commit(zoo: LocalZoo, web: httpx.Client) -> None:
    """Answers may name a commit that nobody asked for."""
    zoo.fail("org/tiny", LyingCommit("e" * 40))
    assert web.get("/api/models/org/tiny").json()["sha"] == "e" * 40
    assert web.get("/org/tiny/resolve/main/config.json").headers["x-repo-commit"] == "e" * 40


@pytest.mark.parametrize(("digest", "told"), [("masked", "*" * 64), ("none", None)])
def test_claims(zoo: LocalZoo, web: httpx.Client, digest: Any, told: str | None) -> None:
    """Sizes and digests in listings and headers may be false, for the files that the pattern names alone."""
    before = {entry["path"]: entry for entry in web.get(_TREE).json()}
    zoo.fail("*.safetensors", Claim(size_by=5, digest=digest))
    after = {entry["path"]: entry for entry in web.get(_TREE).json()}
    assert after["model.safetensors"]["lfs"].get("oid") == told
    assert after["model.safetensors"]["size"] == len(_CONTENT) + 5
    assert after["config.json"] == before["config.json"]
    siblings = web.get("/api/models/org/tiny?blobs=true").json()["siblings"]
    assert [entry["lfs"].get("sha256") for entry in siblings if entry["rfilename"] == "model.safetensors"] == [told]
    headers = web.get("/org/tiny/resolve/main/model.safetensors").headers
    assert headers["x-linked-size"] == str(len(_CONTENT) + 5)
    assert headers.get("x-linked-etag") == (None if told is None else f'"{told}"')


def test_a_wrong_digest_has_the_right_shape(zoo: LocalZoo, web: httpx.Client) -> None:
    """A wrong digest cannot be told from a right one."""
    zoo.fail("*.safetensors", Claim(digest="wrong"))
    told = {entry["path"]: entry for entry in web.get(_TREE).json()}["model.safetensors"]["lfs"]["oid"]
    assert told != hashlib.sha256(_CONTENT).hexdigest()
    assert int(told, 16) >= 0
    assert len(told) == 64


def test_documents(zoo: LocalZoo, web: httpx.Client) -> None:
    """A document may be no JSON, half of one, without end, without its list, or whatever a function makes of it."""
    for fault, told in (
        (Body(), b"<html><title>Sign in</title></html>"),
        (Truncated(5), b'[{"ty'),
        (NullList(), b"null"),
        (Edit(len), b"5"),
    ):
        thrown = zoo.fail(_TREE, fault)
        assert web.get(_TREE).content == told
        zoo.heal(thrown)
    thrown = zoo.fail("org/tiny", NullList("siblings"))
    assert web.get("/api/models/org/tiny").json()["siblings"] is None
    zoo.heal()
    thrown = zoo.fail(_TREE, Enormous(3_000_000))
    answer = web.get(_TREE)
    assert len(answer.content) == 3_000_000
    assert json.loads(answer.content.rstrip(b"\0"))
    assert thrown.hits == 1


def test_a_branch_that_moves_between_two_requests(zoo: LocalZoo, web: httpx.Client) -> None:
    """The tree of the old commit and the files of the new one: what a careless client mixes."""
    old = web.get("/api/models/org/tiny").json()["sha"]
    thrown = zoo.fail(_TREE, Do(lambda: zoo.commit("org/tiny", {"config.json": "{}"})))
    assert {entry["path"]: entry for entry in web.get(_TREE).json()}["config.json"]["size"] > 2
    assert thrown.hits == 1
    new = zoo.head("org/tiny")
    assert new != old
    assert web.get("/org/tiny/resolve/main/config.json").headers["x-repo-commit"] == new
    assert web.get(f"/org/tiny/resolve/{old}/config.json").headers["x-repo-commit"] == old
