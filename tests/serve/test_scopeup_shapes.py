"""The wire of uploads to ModelScope without its client: envelopes, statuses, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from scopeup import until
from served_models import write

from zooclient import Client
from zooclient.serve.accounts import Account, Accounts
from zooclient.serve.folder import FolderShelf
from zooclient.serve.hubwrites.writable import Writable
from zooclient.serve.protocol import Options
from zooclient.serve.server import ZooServer
from zooclient.testing import LocalZoo

_ZOO = "modelscope"
_MODEL = "me/mine"
_REPO = f"/api/v1/repos/models/{_MODEL}"
_BATCH, _COMMIT = f"{_REPO}/info/lfs/objects/batch", f"{_REPO}/commit/master"
_BLOB = bytes(range(256)) * 300
_DIGEST = hashlib.sha256(_BLOB).hexdigest()
_WANTED = {"operation": "upload", "objects": [{"oid": _DIGEST, "size": len(_BLOB)}]}


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    """A zoo with ModelScope alone, empty."""
    with LocalZoo(zoos=(_ZOO,)) as zoo:
        yield zoo


@pytest.fixture
def web(zoo: LocalZoo) -> Iterator[httpx.Client]:
    """The account ``me``."""
    headers = {"authorization": f"Bearer {zoo.tokens[_ZOO]}"}
    with httpx.Client(base_url=zoo.endpoints[_ZOO], headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def mine(web: httpx.Client) -> str:
    """Its model."""
    assert web.post("/api/v1/models", json={"Path": "me", "Name": "mine", "Visibility": 1}).json()["Success"]
    return _MODEL


def _normal(path: str, text: str = "x", **more: Any) -> dict[str, Any]:
    content = base64.b64encode(text.encode()).decode()
    action = {"action": "create", "path": path, "type": "normal", "size": len(text.encode()), "sha256": ""}
    return action | {"content": content, "encoding": "base64"} | more


def _large(path: str, digest: str = _DIGEST, size: int = len(_BLOB)) -> dict[str, Any]:
    action = {"action": "create", "path": path, "type": "lfs", "size": size, "sha256": digest}
    return action | {"content": "", "encoding": ""}


def _commit(web: httpx.Client, *actions: dict[str, Any], message: str = "Upload", to: str = _COMMIT) -> httpx.Response:
    return web.post(to, json={"commit_message": message, "actions": actions})


def _href(web: httpx.Client) -> str:
    (found,) = web.post(_BATCH, json=_WANTED).json()["Data"]["objects"]
    href: str = found["actions"]["upload"]["href"]
    return href


def _files(web: httpx.Client) -> dict[str, dict[str, Any]]:
    listed = web.get(f"/api/v1/models/{_MODEL}/repo/files", params={"Recursive": "True"}).json()["Data"]["Files"]
    return {entry["Path"]: entry for entry in listed if entry["Type"] == "blob" and entry["Path"] != ".gitattributes"}


def test_a_batch_asks_for_what_is_not_there(zoo: LocalZoo, web: httpx.Client, mine: str) -> None:
    """An address at the second origin comes for a new blob, in the recorded shape; for a stored one comes nothing."""
    answer = web.post(_BATCH, json=_WANTED).json()
    assert (answer["Code"], answer["Success"]) == (200, True)
    href = f"{zoo.byte_origins[_ZOO]}{_REPO}/blobs/{_DIGEST}/{len(_BLOB)}"
    upload = {"href": href, "offset": 0, "upload_header": {"Range": "bytes=0-"}, "upload_parameters": {}}
    told = {"oid": _DIGEST, "size": len(_BLOB), "actions": {"upload": upload}}
    assert answer["Data"] == {"objects": [told], "reused-objects": []}
    assert web.put(href, content=_BLOB).json()["Data"] == {}
    assert web.post(_BATCH, json=_WANTED).json()["Data"] == {"objects": [], "reused-objects": []}
    shorter = {"operation": "upload", "objects": [{"oid": _DIGEST, "size": 1}]}
    assert len(web.post(_BATCH, json=shorter).json()["Data"]["objects"]) == 1


def test_a_commit_is_a_state_that_every_zoo_has(tmp_path: Path) -> None:
    """A commit with both kinds of files is resolved, downloaded and verified at both zoos, each by its own id."""
    with LocalZoo() as zoo:
        headers = {"authorization": f"Bearer {zoo.tokens[_ZOO]}"}
        with httpx.Client(base_url=zoo.endpoints[_ZOO], headers=headers, trust_env=False) as web:
            web.post("/api/v1/models", json={"Path": "me", "Name": "mine"})
            before = zoo.head(_MODEL, zoo=_ZOO)
            web.put(_href(web), content=_BLOB)
            answer = _commit(web, _normal("README.md", "# Mine"), _large("w.bin"), message="One\nmore")
            assert answer.json()["Data"] == {}
            (newest, *_) = web.get(f"/api/v1/models/{_MODEL}/commits").json()["Data"]["Commit"]
        assert newest["Id"] == zoo.head(_MODEL, zoo=_ZOO) != before and newest["Title"] == "One"
        with Client(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
            for scheme, branch in ((_ZOO, "master"), ("hf", "main")):
                record = client.resolve(f"{scheme}:{_MODEL}@{branch}")
                assert record.ref.revision == zoo.head(_MODEL, zoo=scheme)
                snapshot = client.download(record, weights="all")
                assert (snapshot.path / "w.bin").read_bytes() == _BLOB
                assert (snapshot.path / "README.md").read_text("utf-8") == "# Mine"


def test_a_file_is_large_because_its_author_says_so(web: httpx.Client, mine: str) -> None:
    """Whether a file is a large one is the client's choice here, and no rule of ``.gitattributes``."""
    web.put(_href(web), content=_BLOB)
    _commit(web, _normal("small.bin"), _large("notes.txt"))
    assert {path: entry["IsLFS"] for path, entry in _files(web).items()} == {"small.bin": False, "notes.txt": True}
    assert _files(web)["notes.txt"]["Sha256"] == _DIGEST


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ({}, (5, 2, True)),
        ({"Visibility": 5}, (5, 2, True)),
        ({"Visibility": 3}, (3, 2, False)),
        ({"Visibility": 1}, (1, 2, False)),
        ({"Visibility": 1, "ProtectedMode": 1}, (1, 1, True)),
        ({"Visibility": 5, "ProtectedMode": 1}, (5, 2, True)),
    ],
)
def test_who_may_see_a_new_model(
    zoo: LocalZoo, web: httpx.Client, asked: dict[str, int], seen: tuple[int, int, bool]
) -> None:
    """Private and internal models are not there for strangers, gated ones are; said by nothing, a model is public."""
    made = {"Path": "me", "Name": "mine", "License": "mit", "ChineseName": "小", "Description": "Mine.", **asked}
    assert web.post("/api/v1/models", json=made).json()["Data"]["Visibility"] == seen[0]
    told = web.get(f"/api/v1/models/{_MODEL}").json()["Data"]
    assert (told["Visibility"], told["ProtectedMode"]) == seen[:2]
    assert (told["License"], told["ChineseName"], told["Description"]) == ("mit", "小", "Mine.")
    with httpx.Client(base_url=zoo.endpoints[_ZOO], trust_env=False) as stranger:
        assert (stranger.get(f"/api/v1/models/{_MODEL}").status_code == 200) is seen[2]
    other = {"authorization": f"Bearer {zoo.add_account('other', zoo=_ZOO)}"}
    assert (web.get(f"/api/v1/models/{_MODEL}", headers=other).status_code == 200) is (seen[2] or seen[0] == 3)


def test_settings_are_changed_by_their_owner_alone(zoo: LocalZoo, web: httpx.Client, mine: str) -> None:
    """A model is opened to the world and closed again; what a change does not name stays as it is."""
    at = f"/api/v1/models/{_MODEL}"
    assert web.put(at, json={"Visibility": 5, "ChineseName": "新"}).json()["Data"]["Visibility"] == 5
    assert zoo.names() == (_MODEL,)
    told = web.put(at, json={"License": "mit"}).json()["Data"]
    assert (told["Visibility"], told["ChineseName"], told["License"]) == (5, "新", "mit")
    other = {"authorization": f"Bearer {zoo.add_account('other', role='write', zoo=_ZOO)}"}
    refused = web.put(at, json={"Visibility": 1}, headers=other)
    assert (refused.status_code, refused.json()["Success"]) == (403, False)
    assert web.put(at, json={"Visibility": 1}).json()["Data"]["Visibility"] == 1
    assert web.put(at, json={"Visibility": 1}, headers=other).json()["Code"] == 10010205001


def test_the_cookie_is_as_good_as_the_header(zoo: LocalZoo) -> None:
    """Who logged in is known by the cookie alone, for a blob and a commit too."""
    with httpx.Client(base_url=zoo.endpoints[_ZOO], trust_env=False) as web:
        web.post("/api/v1/login", json={"AccessToken": zoo.tokens[_ZOO]})
        web.headers["cookie"] = f"m_session_id={web.cookies['m_session_id']}"
        assert web.post("/api/v1/models", json={"Path": "me", "Name": "mine"}).status_code == 200
        assert web.put(_href(web), content=_BLOB).status_code == 200
        assert _commit(web, _large("w.bin")).status_code == 200


def test_strangers_write_nothing(zoo: LocalZoo, web: httpx.Client, mine: str) -> None:
    """Without a token everything is refused, a blob in the words that were recorded; nothing of it is kept."""
    href = _href(web)
    with httpx.Client(base_url=zoo.endpoints[_ZOO], trust_env=False) as stranger:
        blob = stranger.put(href, content=_BLOB)
        assert blob.status_code == 400
        assert blob.json() | {"RequestId": ""} == {
            "Code": 10030000001,
            "Message": "user not logged in",
            "RequestId": "",
            "Success": False,
        }
        asked = [
            stranger.post("/api/v1/models", json={"Path": "me", "Name": "other"}),
            stranger.put(f"/api/v1/models/{_MODEL}", json={"Visibility": 5}),
            stranger.delete(f"/api/v1/models/{_MODEL}"),
            stranger.post(f"/api/v1/models/{_MODEL}/repo/tag", json={"TagName": "v1", "Ref": "master"}),
            stranger.post(_BATCH, json=_WANTED),
            _commit(stranger, _normal("a.txt")),
        ]
        assert [answer.status_code for answer in asked] == [401, 400, 400, 400, 400, 400]
        assert not any(answer.json()["Success"] for answer in asked)
    assert len(web.post(_BATCH, json=_WANTED).json()["Data"]["objects"]) == 1
    assert _files(web) == {}


@pytest.mark.parametrize(
    "path",
    ["../up.txt", "a/../../up.txt", "/etc/passwd", "a//b", "./a", "a/.", "", ".git/config", "a\\b", "a\nb", "C:\\x"],
)
@pytest.mark.parametrize("large", [False, True])
def test_paths_that_climb_are_refused(web: httpx.Client, mine: str, path: str, large: bool) -> None:
    """A path that leaves the repository, or that none can hold, is refused with the whole commit."""
    web.put(_href(web), content=_BLOB)
    answer = _commit(web, _normal("good.txt"), _large(path) if large else _normal(path))
    assert (answer.status_code, answer.json()["Success"]) == (400, False)
    assert "invalid commit action" in answer.json()["Message"]
    assert _files(web) == {}


@pytest.mark.parametrize(
    ("actions", "status", "code"),
    [
        ([_normal("a.txt"), _large("w.bin")], 400, 10030000001),
        ([_normal("a.txt"), {"action": "delete", "path": "none.txt"}], 400, 10030000001),
        ([_normal("a.txt"), _normal("a.txt")], 400, 400),
        ([_normal("a"), _normal("a/b")], 400, 400),
        ([_normal("a.txt", size=2)], 400, 400),
        ([_normal("a.txt", content="%%")], 400, 400),
        ([_normal("a.txt", encoding="rot13")], 400, 400),
        ([_normal("a.txt", action="move")], 400, 400),
        ([_large("w.bin", digest="0" * 63)], 400, 400),
        ([_large("w.bin", size=-1)], 400, 400),
        (["a.txt"], 400, 400),
        ([], 400, 400),
        ([_normal(f"{number}.txt") for number in range(2001)], 422, 422),
    ],
)
def test_a_commit_is_made_whole_or_not_at_all(
    web: httpx.Client, mine: str, actions: list[Any], status: int, code: int
) -> None:
    """One action that cannot be done refuses all of them: a blob that never came, a file that is not there."""
    answer = _commit(web, *actions)
    assert (answer.status_code, answer.json()["Code"], answer.json()["Success"]) == (status, code, False)
    assert _files(web) == {}


def test_a_commit_goes_to_a_branch(zoo: LocalZoo, web: httpx.Client, mine: str) -> None:
    """Not to a tag, not to a commit, not to a branch that nobody made; to another branch it does."""
    web.post(f"/api/v1/models/{_MODEL}/repo/tag", json={"TagName": "v1", "Ref": "master"})
    for name in ("v1", zoo.head(_MODEL, zoo=_ZOO), "nowhere", "main", "../master"):
        assert _commit(web, _normal("a.txt"), to=f"{_REPO}/commit/{name}").status_code in (400, 404)
    zoo.branch(_MODEL, "dev/one")
    assert _commit(web, _normal("a.txt"), to=f"{_REPO}/commit/dev/one").status_code == 200
    assert _files(web) == {}
    assert zoo.head(_MODEL, "dev/one", zoo=_ZOO) != zoo.head(_MODEL, zoo=_ZOO)


@pytest.mark.parametrize("tag", ["", "main", "Master", "a b", "a\nb", "v^1", 7])
def test_no_tag_has_a_name_that_git_refuses(web: httpx.Client, mine: str, tag: str | int) -> None:
    """Reserved names and those that git knows no tag by are refused."""
    answer = web.post(f"/api/v1/models/{_MODEL}/repo/tag", json={"TagName": tag, "Ref": "master"})
    assert (answer.status_code, answer.json()["Success"]) == (400, False)


def test_a_tag_stands_where_it_was_put(zoo: LocalZoo, web: httpx.Client, mine: str) -> None:
    """A tag of a commit, by its id here, stays when the branch moves, and has the same files at every zoo."""
    _commit(web, _normal("a.txt"))
    then = zoo.head(_MODEL, zoo=_ZOO)
    _commit(web, _normal("b.txt"))
    web.post(f"/api/v1/models/{_MODEL}/repo/tag", json={"TagName": "v1", "Ref": then})
    assert zoo.head(_MODEL, "v1", zoo=_ZOO) == then != zoo.head(_MODEL, zoo=_ZOO)
    missing = web.post(f"/api/v1/models/{_MODEL}/repo/tag", json={"TagName": "v2", "Ref": "nowhere"})
    assert missing.status_code == 404


@pytest.mark.parametrize(
    "content", [_BLOB[:-1], _BLOB + b"x", b"\1" + _BLOB[1:], b""], ids=["short", "long", "other", "none"]
)
def test_a_blob_is_what_it_was_announced_as(web: httpx.Client, mine: str, content: bytes) -> None:
    """Another size or another digest is refused, and the blob is still wanted."""
    href = _href(web)
    answer = web.put(href, content=content)
    assert (answer.status_code, answer.json()["Success"]) == (400, False)
    assert _href(web) == href


def test_half_a_blob_leaves_nothing() -> None:
    """A connection that is cut within a blob leaves no file behind, and the blob is still wanted."""
    shelf = FolderShelf(None)
    writable = Writable(shelf)
    accounts = {_ZOO: Accounts((Account(name="me", token="t", role="write"),))}
    with (
        ZooServer(shelf, zoos=(_ZOO,), accounts=accounts, options=Options(writable=writable)) as server,
        httpx.Client(base_url=server.bound.url, headers={"authorization": "Bearer t"}, trust_env=False) as web,
    ):
        web.post("/api/v1/models", json={"Path": "me", "Name": "mine"})
        parts = urlsplit(_href(web))
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as wire:
            head = f"PUT {parts.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
            wire.sendall(f"{head}Content-Length: {len(_BLOB)}\r\n\r\n".encode() + _BLOB[:1000])
            until(lambda: any(writable.objects.folder.iterdir()))
        until(lambda: not any(writable.objects.folder.iterdir()))
        assert web.put(_href(web), content=_BLOB).status_code == 200
        assert _commit(web, _large("w.bin")).status_code == 200
        assert _files(web)["w.bin"]["Sha256"] == _DIGEST
    writable.close()
    shelf.close()


def test_a_commit_too_large_is_refused(web: httpx.Client, mine: str) -> None:
    """A body beyond 64 MiB is read, thrown away and refused; no file of it is kept."""
    answer = web.post(_COMMIT, content=b" " * (64 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["Success"]) == (413, False)


def test_a_small_file_may_be_longer_than_a_question(web: httpx.Client, mine: str) -> None:
    """Files that are always sent within a commit may make it longer than any other question may be."""
    assert _commit(web, _normal("config.json", "{" + " " * 5_000_000 + "}")).status_code == 200
    assert _files(web)["config.json"]["Size"] == 5_000_002


def test_no_room_is_no_room(zoo: LocalZoo, web: httpx.Client, mine: str) -> None:
    """Over quota a blob is refused where it is announced and where it comes, and a commit with what it brings."""
    href = _href(web)
    zoo.huggingface.quota(len(_BLOB))
    for answer in (
        web.post(_BATCH, json=_WANTED),
        web.put(href, content=_BLOB),
        _commit(web, _normal("a", "x" * 80000)),
    ):
        assert (answer.status_code, answer.json()["Code"]) == (403, "QuotaLimitExceed")
    zoo.huggingface.quota(None)
    assert web.put(href, content=_BLOB).status_code == 200


def test_an_organisation_is_written_by_its_members(zoo: LocalZoo, web: httpx.Client) -> None:
    """An account writes below the organisations that it belongs to, and every member may see what is private."""
    made = {"Path": "team", "Name": "theirs", "Visibility": 1}
    assert web.post("/api/v1/models", json=made).status_code == 403
    zoo.huggingface.join("team")
    zoo.huggingface.join("team", "other")
    other = {"authorization": f"Bearer {zoo.add_account('other', zoo=_ZOO)}"}
    assert web.post("/api/v1/models", json=made).status_code == 200
    assert web.get("/api/v1/models/team/theirs", headers=other).status_code == 200
    refused = web.put("/api/v1/models/team/theirs", json={"Visibility": 5}, headers=other)
    assert refused.json()["Message"] == "no write permission to repository"


def test_a_served_folder_takes_nothing(tmp_path: Path) -> None:
    """What is only served cannot be written: no call that writes is known there."""
    write(tmp_path, "me/mine", {"a.txt": b"a"})
    shelf = FolderShelf(tmp_path)
    with ZooServer(shelf, zoos=(_ZOO,)) as server, httpx.Client(base_url=server.bound.url, trust_env=False) as web:
        for answer in (
            web.post("/api/v1/models", json={"Path": "me", "Name": "other"}),
            web.put(f"/api/v1/models/{_MODEL}", json={"Visibility": 1}),
            web.post(_BATCH, json=_WANTED),
            _commit(web, _normal("b.txt")),
            web.put(f"{server.bound.byte_url}{_REPO}/blobs/{_DIGEST}/{len(_BLOB)}", content=_BLOB),
            web.delete(f"/api/v1/models/{_MODEL}"),
        ):
            assert answer.status_code in (403, 404, 405)
        assert list(_files(web)) == ["a.txt"]
    shelf.close()
    assert sorted(path.name for path in (tmp_path / "me" / "mine").iterdir()) == ["a.txt"]


def test_a_folder_is_never_written(tmp_path: Path) -> None:
    """A commit on a model of a folder is shown by the zoo; the folder stays as it was."""
    write(tmp_path, _MODEL, {"a.txt": b"a"})
    with LocalZoo(tmp_path, zoos=(_ZOO,)) as zoo:
        headers = {"authorization": f"Bearer {zoo.tokens[_ZOO]}"}
        with httpx.Client(base_url=zoo.endpoints[_ZOO], headers=headers, trust_env=False) as web:
            web.put(_href(web), content=_BLOB)
            assert _commit(web, _large("w.bin"), {"action": "delete", "path": "a.txt"}).status_code == 200
            assert list(_files(web)) == ["w.bin"]
    assert sorted(path.name for path in (tmp_path / _MODEL).iterdir()) == ["a.txt"]


def test_nonsense_is_refused_in_their_envelope(web: httpx.Client, mine: str) -> None:
    """A body that is no JSON, or no object, is refused like an order that says nothing."""
    wrong = json.dumps({"Path": 1, "objects": 2, "actions": 3}).encode()
    for path in ("/api/v1/models", _BATCH, _COMMIT, f"/api/v1/models/{_MODEL}/repo/tag"):
        for body in (b"", b"\xff", b"[1]", b"[" * 100_000, wrong):
            answer = web.post(path, content=body)
            assert (answer.status_code, answer.json()["Success"]) == (400, False), path
