"""Uploads to the Hub without its client: shapes, signed links, hostile paths, races, and what stays when it fails."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import tempfile
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hubup import added, batch, commit, create, deleted, large, lines, send
from served_models import safetensors, tiny, write

from zooclient import Client
from zooclient.serve.folder import FolderShelf
from zooclient.serve.server import ZooServer
from zooclient.testing import LocalZoo, Lost, Status

_DATA = safetensors(2000)
_OID = hashlib.sha256(_DATA).hexdigest()


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    """A Hub with one model of ``me``."""
    with LocalZoo(zoos=["hf", "modelscope"]) as zoo:
        zoo.commit("me/model", {"config.json": "{}", "dir/a.txt": "a", "dir/b.txt": "b"})
        yield zoo


@pytest.fixture
def web(zoo: LocalZoo) -> Iterator[httpx.Client]:
    """``me``, with a token that may write."""
    with _web(zoo, zoo.tokens["hf"]) as client:
        yield client


def _web(zoo: LocalZoo, token: str | None) -> httpx.Client:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=zoo.endpoints["hf"], headers=headers, trust_env=False)


def _files(zoo: LocalZoo, web: httpx.Client, model: str = "me/model", revision: str = "main") -> dict[str, Any]:
    told = web.get(f"/api/models/{model}/revision/{revision}?blobs=true").json()
    return {entry["rfilename"]: entry for entry in told["siblings"]}


# Read-only unless it is a LocalZoo


def test_a_served_folder_cannot_be_written(tmp_path: Path) -> None:
    """What ``zooclient serve`` runs knows none of these calls, and nothing of the folder changes."""
    write(tmp_path, "org/tiny", tiny())
    before = sorted(tmp_path.rglob("*"))
    with ZooServer(FolderShelf(tmp_path)) as server, httpx.Client(trust_env=False) as web:
        url, cdn = server.bound.url, server.bound.byte_url
        assert web.post(f"{url}/api/repos/create", json={"name": "x"}).status_code == 404
        assert web.post(f"{url}/api/models/org/tiny/commit/main", content=lines(added("x", "x"))).status_code == 404
        assert web.post(f"{url}/org/tiny.git/info/lfs/objects/batch", json={}).status_code == 404
        assert web.request("DELETE", f"{url}/api/repos/delete", json={"name": "tiny"}).status_code == 405
        assert web.put(f"{url}/api/models/org/tiny/settings", json={"private": True}).status_code == 405
        assert web.put(f"{cdn}/xet-bridge-us/repos/0/{_OID}", content=b"x").status_code == 405
    assert sorted(tmp_path.rglob("*")) == before


def test_the_folder_of_a_zoo_is_never_written(tmp_path: Path) -> None:
    """A commit on a model from a folder, and its deletion, leave the folder as it was."""
    write(tmp_path, "me/tiny", tiny())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with LocalZoo(tmp_path, zoos=["hf"]) as zoo, _web(zoo, zoo.tokens["hf"]) as web:
        assert commit(web, "me/tiny", lines(added("new.txt", "new"), deleted("config.json"))).status_code == 200
        assert "new.txt" in _files(zoo, web, "me/tiny")
        gone = web.request("DELETE", "/api/repos/delete", json={"name": "tiny", "organization": "me"})
        assert gone.status_code == 200
        assert zoo.names() == ()
        assert create(web, "me/tiny").status_code == 200
        assert set(_files(zoo, web, "me/tiny")) == {".gitattributes"}
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# Repositories


def test_create_answers_in_the_shape_of_the_hub(zoo: LocalZoo, web: httpx.Client) -> None:
    """A new repository has an id and a URL; one that is there is told with its URL, for ``exist_ok``."""
    made = create(web, "me/new", visibility="private").json()
    assert made == {"url": f"{zoo.endpoints['hf']}/me/new", "name": "me/new", "id": made["id"]}
    assert web.get("/api/models/me/new").json()["_id"] == made["id"]
    again = create(web, "me/NEW")
    assert again.status_code == 409
    assert again.json() == {"error": "You already created this model repo", "url": f"{zoo.endpoints['hf']}/me/new"}
    assert again.headers["x-error-message"] == "You already created this model repo"


def test_private_is_private_in_either_spelling(zoo: LocalZoo, web: httpx.Client) -> None:
    """``private`` and ``visibility`` both hide a repository from strangers, and settings show it again."""
    create(web, "me/old", private=True)
    create(web, "me/new", visibility="private")
    create(web, "me/open")
    with _web(zoo, None) as stranger, _web(zoo, zoo.add_account("other", role="write")) as other:
        for name in ("me/old", "me/new"):
            assert stranger.get(f"/api/models/{name}").status_code == 404
            assert commit(other, name, lines(), query="?create_pr=1").status_code == 404
            assert web.get(f"/api/models/{name}").json()["private"] is True
        assert stranger.get("/api/models/me/open").status_code == 200
        assert web.put("/api/models/me/old/settings", json={"private": False}).status_code == 200
        assert web.put("/api/models/me/new/settings", json={"visibility": "public"}).status_code == 200
        assert stranger.get("/api/models/me/old").json()["private"] is False
        assert stranger.get("/api/models/me/new").json()["private"] is False
        assert other.put("/api/models/me/new/settings", json={"private": True}).status_code == 403


@pytest.mark.parametrize(
    "more",
    [
        {"name": "../x"},
        {"name": "a/b"},
        {"name": ""},
        {"name": None},
        {"name": "x", "organization": "lab/../x"},
        {"name": "x", "type": "dataset"},
        {"name": "x", "visibility": "secret"},
        {"name": "x", "private": "yes"},
        {"name": "\ud800"},
    ],
)
def test_create_refuses_what_is_no_model(zoo: LocalZoo, web: httpx.Client, more: dict[str, Any]) -> None:
    """A name that climbs, another kind of repository and an unknown visibility make no repository."""
    answer = web.post("/api/repos/create", content=json.dumps({"organization": None, **more}))
    assert answer.status_code in (400, 403)
    assert answer.json()["error"]
    assert zoo.names() == ("me/model",)


def test_members_of_an_organisation_write_its_models(zoo: LocalZoo, web: httpx.Client) -> None:
    """Who joined an organisation creates and writes its models, private ones included; others do not."""
    zoo.huggingface.join("lab")
    zoo.huggingface.join("lab", "other")
    with _web(zoo, zoo.add_account("other", role="write")) as other:
        assert create(web, "lab/shared", private=True).status_code == 200
        assert commit(other, "lab/shared", lines(added("x.txt", "x"))).status_code == 200
        assert create(other, "me/taken").status_code == 403
        assert [org["name"] for org in other.get("/api/whoami-v2").json()["orgs"]] == ["lab"]
        assert other.get("/api/models/lab/shared/auth-check/write").status_code == 200
        assert other.get("/api/models/me/model/auth-check/write").status_code == 403


# How files are to be sent


def test_preupload_tells_how_each_file_is_sent(web: httpx.Client) -> None:
    """By the rules of the repository, by size and by what a sample looks like; with what is there already."""
    files = [
        ("weights.safetensors", 10, b"abc"),
        ("config.json", 2, b"{}"),
        ("text.dat", 10, "späte".encode()),
        ("binary.dat", 10, b"\0\1"),
        ("huge.json", 11 * 1024 * 1024, b"{"),
        ("empty.bin", 0, b""),
        ("logs/a.log", 3, b"abc"),
    ]
    asked = [{"path": path, "size": size, "sample": base64.b64encode(sample).decode()} for path, size, sample in files]
    told = web.post("/api/models/me/model/preupload/main", json={"files": asked, "gitIgnore": "logs/\n"}).json()
    found = {entry["path"]: (entry["uploadMode"], entry["shouldIgnore"], entry["oid"]) for entry in told["files"]}
    assert found == {
        "weights.safetensors": ("lfs", False, None),
        "config.json": ("regular", False, "9e26dfeeb6e641a33dae4961196235bdb965b21b"),
        "text.dat": ("regular", False, None),
        "binary.dat": ("lfs", False, None),
        "huge.json": ("lfs", False, None),
        "empty.bin": ("regular", False, None),
        "logs/a.log": ("regular", True, None),
    }


def test_large_files_that_came_are_named_in_gitattributes(zoo: LocalZoo, web: httpx.Client) -> None:
    """A large file that no pattern covers gets a line of its own, once; the standard patterns stay."""
    send(web, "me/model", _DATA)
    for _ in range(2):
        assert commit(web, "me/model", lines(large("odd name.dat", _DATA))).status_code == 200
    text = web.get("/me/model/resolve/main/.gitattributes", follow_redirects=True).text
    assert text.count("odd[[:space:]]name.dat filter=lfs diff=lfs merge=lfs -text\n") == 1
    assert "*.safetensors filter=lfs" in text
    assert _files(zoo, web)["odd name.dat"]["lfs"]["sha256"] == _OID


# Large files


def test_what_is_there_has_no_action(zoo: LocalZoo, web: httpx.Client) -> None:
    """An object that was sent, committed or not, is not asked for again by its repository; by another it is."""
    create(web, "me/second")
    assert batch(web, "me/model", _DATA).json()["objects"][0]["actions"]["upload"]["href"]
    assert send(web, "me/model", _DATA).status_code == 200
    assert "actions" not in batch(web, "me/model", _DATA).json()["objects"][0]
    assert "actions" in batch(web, "me/second", _DATA).json()["objects"][0]
    assert commit(web, "me/second", lines(large("stolen.bin", _DATA))).status_code == 400
    assert commit(web, "me/model", lines(large("a.bin", _DATA))).status_code == 200
    assert "actions" not in batch(web, "me/model", _DATA).json()["objects"][0]


def test_a_body_must_be_what_was_announced(zoo: LocalZoo, web: httpx.Client) -> None:
    """Fewer bytes, more bytes and other bytes are refused as S3 does; the right ones are taken by the same link."""
    actions = batch(web, "me/model", _DATA).json()["objects"][0]["actions"]
    href = actions["upload"]["href"]
    turned = bytes([_DATA[0] ^ 1]) + _DATA[1:]
    for body, code in ((_DATA[:-1], "IncompleteBody"), (_DATA + b"x", "EntityTooLarge"), (turned, "BadDigest")):
        answer = httpx.put(href, content=body, trust_env=False)
        assert (answer.status_code, f"<Code>{code}</Code>" in answer.text) == (400, True)
        verified = web.post(actions["verify"]["href"], json={"oid": _OID, "size": len(_DATA)})
        assert verified.status_code == 404
    assert httpx.put(href, content=_DATA, trust_env=False).status_code == 200
    assert web.post(actions["verify"]["href"], json={"oid": _OID, "size": len(_DATA)}).status_code == 200
    assert web.post(actions["verify"]["href"], json={"oid": _OID, "size": 1}).status_code == 404


def test_a_link_that_was_changed_opens_nothing(web: httpx.Client) -> None:
    """Another object, another size, another lifetime or another path under the same signature is refused."""
    href = batch(web, "me/model", _DATA).json()["objects"][0]["actions"]["upload"]["href"]
    other = hashlib.sha256(b"other").hexdigest()
    changed = (
        href.replace(_OID, other),
        href.replace(f"size={len(_DATA)}", "size=1"),
        href.replace("Expires=", "Expires=9"),
        href.partition("?")[0],
        href[:-1],
        href.replace("?", "?uploadId=x&"),
    )
    for link in changed:
        assert httpx.put(link, content=_DATA, trust_env=False).status_code == 403


def test_a_link_that_is_over_opens_nothing() -> None:
    """After its lifetime a link is refused, in one piece and in parts."""
    with LocalZoo(zoos=["hf"], link_lifetime=-1) as zoo, _web(zoo, zoo.tokens["hf"]) as web:
        zoo.commit("me/model", {"config.json": "{}"})
        assert send(web, "me/model", _DATA).status_code == 403
        zoo.huggingface.part_size(1000)
        upload = batch(web, "me/model", _DATA).json()["objects"][0]["actions"]["upload"]
        assert httpx.put(upload["header"]["00001"], content=_DATA[:1000], trust_env=False).status_code == 403
        assert httpx.post(upload["href"], json={}, trust_env=False).status_code == 403


def test_parts_make_the_file(zoo: LocalZoo, web: httpx.Client) -> None:
    """Parts in any order, one sent twice, make the file; each must have its length."""
    zoo.huggingface.part_size(3000)
    told = batch(web, "me/model", _DATA).json()
    upload = told["objects"][0]["actions"]["upload"]
    assert (told["transfer"], upload["header"]["chunk_size"]) == ("multipart", "3000")
    links = {int(key): link for key, link in upload["header"].items() if key.isdigit()}
    assert list(links) == [1, 2, 3]
    pieces = {number: _DATA[(number - 1) * 3000 : number * 3000] for number in links}
    assert httpx.put(links[1], content=pieces[1] + b"x", trust_env=False).status_code == 400
    etags = {}
    for number in (3, 1, 2, 2):
        answer = httpx.put(links[number], content=pieces[number], trust_env=False)
        etags[number] = answer.headers["etag"]
        assert etags[number] == f'"{hashlib.md5(pieces[number]).hexdigest()}"'
    parts = [{"partNumber": number, "etag": etags[number]} for number in sorted(etags)]
    assert httpx.post(upload["href"], json={"oid": _OID, "parts": parts[:2]}, trust_env=False).status_code == 400
    assert httpx.post(upload["href"], json={"oid": _OID, "parts": parts}, trust_env=False).status_code == 200
    assert commit(web, "me/model", lines(large("a.safetensors", _DATA))).status_code == 200
    assert httpx.post(upload["href"], json={"oid": _OID, "parts": parts}, trust_env=False).status_code == 404


def test_parts_that_make_another_file_are_refused(zoo: LocalZoo, web: httpx.Client) -> None:
    """Parts of the right lengths whose whole has another digest leave nothing behind."""
    zoo.huggingface.part_size(5000)
    upload = batch(web, "me/model", _DATA).json()["objects"][0]["actions"]["upload"]
    links = [link for key, link in upload["header"].items() if key.isdigit()]
    bodies = [bytes(5000), bytes(len(_DATA) - 5000)]
    parts = [
        {"partNumber": number + 1, "etag": httpx.put(link, content=body, trust_env=False).headers["etag"]}
        for number, (link, body) in enumerate(zip(links, bodies, strict=True))
    ]
    assert httpx.post(upload["href"], json={"oid": _OID, "parts": parts}, trust_env=False).status_code == 400
    assert "actions" in batch(web, "me/model", _DATA).json()["objects"][0]


def test_a_client_without_multipart_gets_one_link(zoo: LocalZoo, web: httpx.Client) -> None:
    """Where only ``basic`` is offered a long file is sent in one piece; Xet is never chosen."""
    zoo.huggingface.part_size(1000)
    told = batch(web, "me/model", _DATA, transfers=["basic", "xet"]).json()
    assert told["transfer"] == "basic"
    assert "header" not in told["objects"][0]["actions"]["upload"]


def test_a_batch_that_makes_no_sense_is_refused(web: httpx.Client) -> None:
    """Another operation, another hash, an unknown branch; a bad object is an error of its own among good ones."""
    assert batch(web, "me/model", _DATA, operation="download").status_code == 422
    assert batch(web, "me/model", _DATA, hash_algo="md5").status_code == 422
    assert batch(web, "me/model", _DATA, objects={}).status_code == 422
    assert batch(web, "me/model", _DATA, ref={"name": "nowhere"}).status_code == 404
    objects = [{"oid": "../../x", "size": 1}, {"oid": _OID, "size": -1}, {"oid": _OID, "size": 1 << 50}]
    told = batch(web, "me/model", objects=objects).json()["objects"]
    assert [entry["error"]["code"] for entry in told] == [422, 422, 413]


def test_rights_are_asked_for_at_each_step(zoo: LocalZoo, web: httpx.Client) -> None:
    """Strangers, readers and others are refused at preupload, batch, verify and commit, in the Hub's words."""
    reader = zoo.add_account("me", role="read")
    with _web(zoo, None) as stranger, _web(zoo, reader) as read, _web(zoo, zoo.add_account("x", role="write")) as other:
        for who, status in ((stranger, 401), (read, 403), (other, 403)):
            assert who.post("/api/models/me/model/preupload/main", json={"files": []}).status_code == status
            assert batch(who, "me/model", _DATA).status_code == status
            assert commit(who, "me/model", lines(added("x", "x"))).status_code == status
        assert "create_pr=1" in commit(other, "me/model", lines(added("x", "x"))).json()["error"]
        assert "write token" in commit(read, "me/model", lines(added("x", "x"))).json()["error"]
        assert batch(other, "me/model", _DATA).json()["error"] == "Authorization error."


# Commits


_HOSTILE = [
    *("../x", "a/../../x", "/etc/passwd", ".", "..", "a/..", ".git/config", "dir/.git/x", ".cache/x", "a//b", "a/"),
    *("a\\..\\b", "C:\\x", "a\0b", "a\nb", "\ud800", "./x"),
]


@pytest.mark.parametrize("path", _HOSTILE)
def test_a_path_that_climbs_is_refused(zoo: LocalZoo, web: httpx.Client, path: str) -> None:
    """No path leaves its repository, whichever operation names it; nothing of that commit happens."""
    send(web, "me/model", _DATA)
    before = zoo.head("me/model")
    operations = (
        added(path, "x"),
        large(path, _DATA),
        {"key": "copyFile", "value": {"path": path, "srcPath": "config.json"}},
    )
    for operation in operations:
        assert commit(web, "me/model", lines(added("good.txt", "good"), operation)).status_code == 400
    for missing in (
        {"key": "copyFile", "value": {"path": "x", "srcPath": path}},
        {"key": "file", "value": {**added("x", "x")["value"], "oldPath": path}},
    ):
        assert commit(web, "me/model", lines(added("good.txt", "good"), missing)).status_code in (400, 404)
    assert zoo.head("me/model") == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"not json\n",
        b"[]\n",
        json.dumps({"key": "header", "value": {"summary": ""}}).encode(),
        json.dumps({"key": "header", "value": {"summary": "x", "parentCommit": "main"}}).encode(),
        json.dumps({"key": "header", "value": {"summary": "\ud800"}}).encode(),
        json.dumps(added("x", "x")).encode(),
        lines({"key": "file", "value": {"path": "x", "content": "*", "encoding": "base64"}}),
        lines({"key": "file", "value": {"path": "x", "content": "x", "encoding": "rot13"}}),
        lines({"key": "lfsFile", "value": {"path": "x", "algo": "md5", "oid": _OID}}),
        lines({"key": "lfsFile", "value": {"path": "x", "algo": "sha256", "oid": "../x"}}),
        lines({"key": "surprise", "value": {}}),
        lines({"key": "file"}),
        lines(added("x", "x")) + b'{"key": "file", "value": {"pa',
        lines(added("x", "x"), added("x/y", "y")),
        lines(added("dir", "in the way")),
        lines(added("large.txt", bytes(10 * 1024 * 1024 + 1))),
        lines(added("README.md", "---\nlicense: [\n---\n")),
        b"[" * 100_000,
    ],
)
def test_a_commit_that_makes_no_sense_changes_nothing(zoo: LocalZoo, web: httpx.Client, body: bytes) -> None:
    """Each broken commit is a 400 with a sentence, and the branch stays where it was."""
    before = zoo.head("me/model")
    answer = commit(web, "me/model", body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert zoo.head("me/model") == before


def test_a_commit_is_what_a_switch_makes(zoo: LocalZoo, web: httpx.Client) -> None:
    """An uploaded state has the very id that :meth:`LocalZoo.commit` gives the same files."""
    send(web, "me/model", _DATA)
    told = commit(web, "me/model", lines(added("new.txt", "new"), large("m.safetensors", _DATA))).json()
    assert told["success"] is True
    assert told["commitUrl"] == f"{zoo.endpoints['hf']}/me/model/commit/{told['commitOid']}"
    files: dict[str, bytes | str | None] = {
        "config.json": "{}",
        "dir/a.txt": "a",
        "dir/b.txt": "b",
        "new.txt": "new",
        "m.safetensors": _DATA,
    }
    assert zoo.commit("other/model", files) == told["commitOid"] == zoo.head("me/model")


def test_operations_happen_in_order(zoo: LocalZoo, web: httpx.Client) -> None:
    """Files are written, copied from a revision, renamed and deleted; folders go with what is below them."""
    old = zoo.head("me/model")
    first = lines(added("config.json", "[]"), deleted("dir", "deletedFolder"), added("dir/c.txt", "c"))
    assert commit(web, "me/model", first).status_code == 200
    assert set(_files(zoo, web)) == {"config.json", "dir/c.txt"}
    back = {"key": "copyFile", "value": {"path": "old.json", "srcPath": "config.json", "srcRevision": old}}
    moved = {"key": "file", "value": {**added("moved.txt", "c")["value"], "oldPath": "dir/c.txt"}}
    assert commit(web, "me/model", lines(back, moved)).status_code == 200
    assert set(_files(zoo, web)) == {"config.json", "moved.txt", "old.json"}
    assert web.get("/me/model/resolve/main/old.json", follow_redirects=True).text == "{}"
    for missing in (deleted("nowhere"), deleted("nowhere/", "deletedFolder"), deleted("dir")):
        answer = commit(web, "me/model", lines(added("x", "x"), missing))
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")
        assert "with this name doesn't exist" in answer.json()["error"]
    assert "x" not in _files(zoo, web)


def test_an_empty_commit_leaves_the_branch(zoo: LocalZoo, web: httpx.Client) -> None:
    """A commit without operations is answered with where the branch is."""
    assert commit(web, "me/model", lines()).json()["commitOid"] == zoo.head("me/model")


def test_pull_requests_are_numbered_and_moved(zoo: LocalZoo, web: httpx.Client) -> None:
    """Each ``create_pr`` is the next number; its ref takes further commits, and begins at the parent that is named."""
    old = zoo.head("me/model")
    zoo.commit("me/model", {"later.txt": "later"})
    first = commit(web, "me/model", lines(added("p.txt", "1")), query="?create_pr=1").json()
    second = commit(web, "me/model", lines(added("p.txt", "2"), parentCommit=old[:8]), query="?create_pr=1").json()
    assert first["pullRequestUrl"] == f"{zoo.endpoints['hf']}/me/model/discussions/1"
    assert second["pullRequestUrl"].endswith("/discussions/2")
    assert "later.txt" in _files(zoo, web, revision="refs%2Fpr%2F1")
    assert "later.txt" not in _files(zoo, web, revision="refs%2Fpr%2F2")
    third = commit(web, "me/model", lines(added("q.txt", "3"), parentCommit=first["commitOid"]), "refs%2Fpr%2F1").json()
    assert zoo.head("me/model", "refs/pr/1") == third["commitOid"]
    assert commit(web, "me/model", lines(), "refs%2Fpr%2F9").status_code == 404
    assert commit(web, "me/model", lines(), zoo.head("me/model")).status_code == 404


def test_two_commits_at_once_one_wins(zoo: LocalZoo, web: httpx.Client) -> None:
    """Of several commits on the same parent exactly one is taken; the others are told that it moved."""
    parent, barrier = zoo.head("me/model"), threading.Barrier(6)
    answers: list[tuple[int, str]] = []

    def push(number: int) -> None:
        with _web(zoo, zoo.tokens["hf"]) as mine:
            body = lines(added("winner.txt", str(number)), parentCommit=parent)
            barrier.wait()
            answer = commit(mine, "me/model", body)
            answers.append((answer.status_code, answer.json().get("error", str(number))))

    threads = [threading.Thread(target=push, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200, *[412] * 5]
    winner = next(said for status, said in answers if status == 200)
    assert web.get("/me/model/resolve/main/winner.txt", follow_redirects=True).text == winner
    assert {said for status, said in answers if status == 412} == {
        "A commit has happened since. Please refresh and try again."
    }


def test_commits_at_once_without_a_parent_lose_nothing(zoo: LocalZoo, web: httpx.Client) -> None:
    """Commits that name no parent follow one another: every file of each is there."""
    barrier = threading.Barrier(6)

    def push(number: int) -> None:
        with _web(zoo, zoo.tokens["hf"]) as mine:
            barrier.wait()
            assert commit(mine, "me/model", lines(added(f"{number}.txt", str(number)))).status_code == 200

    threads = [threading.Thread(target=push, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {f"{number}.txt" for number in range(6)} <= set(_files(zoo, web))


def test_a_commit_that_is_cut_midway_is_none(zoo: LocalZoo, web: httpx.Client) -> None:
    """A body that ends before it was promised to, though after a whole line, changes nothing and leaves no file."""
    before = zoo.head("me/model")
    body = lines(added("a.txt", "a"))
    parts = urlsplit(zoo.endpoints["hf"])
    head = (
        "POST /api/models/me/model/commit/main HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {zoo.tokens['hf']}\r\nContent-Length: {len(body) + 100}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=30) as line:
        line.sendall(head.encode() + body)
        line.shutdown(socket.SHUT_WR)
        assert b"200" not in line.recv(4096)[:20]
    assert commit(web, "me/model", lines()).json()["commitOid"] == before
    assert "a.txt" not in _files(zoo, web)


def test_uploads_are_shown_by_every_zoo(zoo: LocalZoo, web: httpx.Client, tmp_path: Path) -> None:
    """What was uploaded to the Hub is downloaded and verified from there, and from its mirror."""
    send(web, "me/model", _DATA)
    oid = commit(web, "me/model", lines(large("m.safetensors", _DATA))).json()["commitOid"]
    with Client(home=tmp_path, endpoints=zoo.endpoints) as client:
        for ref in (f"hf:me/model@{oid}", f"modelscope:me/model@{zoo.head('me/model', zoo='modelscope')}"):
            snapshot = client.download(ref)
            assert (snapshot.path / "m.safetensors").read_bytes() == _DATA


# What is kept


def test_a_quota_counts_what_no_commit_has_yet(zoo: LocalZoo, web: httpx.Client) -> None:
    """Bytes count once they were sent, each content once; a quota holds for batches and for commits."""
    before = zoo.huggingface.used("me")
    send(web, "me/model", _DATA)
    assert zoo.huggingface.used("me") == before + len(_DATA)
    commit(web, "me/model", lines(large("a.bin", _DATA), large("b.bin", _DATA)))
    spent = zoo.huggingface.used("me")
    zoo.huggingface.quota(spent + 10)
    assert batch(web, "me/model", _DATA).status_code == 200
    assert batch(web, "me/model", bytes(11)).status_code == 403
    assert commit(web, "me/model", lines(added("x.txt", "x" * 11))).status_code == 403
    assert commit(web, "me/model", lines(added("x.txt", "x" * 10))).status_code == 200


def test_a_fault_comes_before_the_deed_or_after_it(zoo: LocalZoo, web: httpx.Client) -> None:
    """A status that comes first leaves everything as it was; one that comes after hides what was done."""
    before = zoo.head("me/model")
    first = zoo.fail("/api/models/me/model/commit/*", Status(500, first=True), zoo="hf")
    assert commit(web, "me/model", lines(added("x.txt", "x"))).status_code == 500
    assert (zoo.head("me/model"), first.hits) == (before, 1)
    after = zoo.fail("me/model", Status(500, method="POST"), zoo="hf")
    assert commit(web, "me/model", lines(added("x.txt", "x"))).status_code == 500
    assert (zoo.head("me/model") != before, after.hits, first.hits) == (True, 1, 1)


def test_a_lost_answer_to_a_commit_is_a_commit(zoo: LocalZoo, web: httpx.Client) -> None:
    """Whoever never hears of its commit finds it made; repeated with its parent it is refused."""
    before = zoo.head("me/model")
    zoo.fail("*/commit/*", Lost(seconds=0))
    body = lines(added("x.txt", "x"), parentCommit=before)
    with pytest.raises(httpx.TransportError):
        commit(web, "me/model", body)
    assert "x.txt" in _files(zoo, web)
    assert commit(web, "me/model", body).status_code == 412


def test_a_long_body_is_never_held_in_memory(zoo: LocalZoo, web: httpx.Client) -> None:
    """A file of many blocks goes to disk as it comes: what Python holds at its peak is a fraction of it."""
    block, count = bytes(1024 * 1024), 48
    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(block)
    objects = [{"oid": digest.hexdigest(), "size": count * len(block)}]
    upload = batch(web, "me/model", objects=objects, transfers=["basic"]).json()["objects"][0]["actions"]["upload"]
    tracemalloc.start()
    try:
        answer = httpx.put(upload["href"], content=(block for _ in range(count)), trust_env=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status_code == 200
    assert peak < 16 * len(block)


def test_uploads_lie_in_a_folder_that_goes_with_the_zoo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Bodies are not held in memory; what was sent lies in a temporary folder, of which nothing is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with LocalZoo(zoos=["hf"]) as zoo, _web(zoo, zoo.tokens["hf"]) as web:
        create(web, "me/model")
        send(web, "me/model", _DATA)
        commit(web, "me/model", lines(large("a.bin", _DATA), added("b.txt", "b")))
        assert [seen.body for seen in zoo.requests if seen.method == "PUT"] == [b""]
        held = [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == _DATA]
        assert len(held) == 1
        assert not list(tmp_path.rglob("body-*"))
        assert web.get("/me/model/resolve/main/a.bin", follow_redirects=True).content == _DATA
    assert list(tmp_path.iterdir()) == []


def test_a_deleted_model_keeps_nothing(zoo: LocalZoo, web: httpx.Client) -> None:
    """A model that is created again under the name of a deleted one has none of its files."""
    create(web, "me/gone")
    send(web, "me/gone", _DATA)
    commit(web, "me/gone", lines(large("a.bin", _DATA)))
    assert web.request("DELETE", "/api/repos/delete", json={"name": "gone"}).status_code == 200
    assert web.get("/api/models/me/gone").status_code == 404
    create(web, "me/gone")
    assert set(_files(zoo, web, "me/gone")) == {".gitattributes"}
    assert "actions" in batch(web, "me/gone", _DATA).json()["objects"][0]


# Branches and tags


@pytest.mark.parametrize("name", ["refs/pr/9", "a..b", "a b", "-x", "x.lock", "a/.b", "x/", "a~1", "@{x"])
def test_names_that_git_refuses_are_refused(web: httpx.Client, name: str) -> None:
    """A branch or tag has a name that git takes."""
    branch = web.post(f"/api/models/me/model/branch/{name.replace('/', '%2F')}", json={})
    tag = web.post("/api/models/me/model/tag/main", json={"tag": name})
    assert (branch.status_code, tag.status_code) == (400, 400)
    assert branch.json()["error"] == f"Invalid reference for a branch: {name}"


def test_branches_begin_where_they_are_told_to(zoo: LocalZoo, web: httpx.Client) -> None:
    """A branch begins at a revision, is overwritten when asked to be, and the default one is not deleted."""
    old = zoo.head("me/model")
    zoo.commit("me/model", {"later.txt": "later"})
    url = "/api/models/me/model/branch/dev%2Fx"
    assert web.post(url, json={"startingPoint": old}).status_code == 201
    assert zoo.head("me/model", "dev/x") == old
    assert web.post(url, json={}).json()["error"] == "Reference already exists: refs/heads/dev/x"
    assert web.post(url, json={"overwrite": True}).status_code == 201
    assert zoo.head("me/model", "dev/x") == zoo.head("me/model")
    assert web.post("/api/models/me/model/branch/y", json={"startingPoint": "nowhere"}).status_code == 404
    assert web.delete(url).status_code == 200
    assert web.delete(url).status_code == 404
    assert web.delete("/api/models/me/model/branch/main").status_code == 403


def test_a_card_is_judged_before_it_is_sent(web: httpx.Client) -> None:
    """``validate-yaml`` names what is wrong with a card, and warns of one that says nothing."""
    good = web.post("/api/validate-yaml", json={"content": "---\nlicense: mit\n---\n", "repoType": "model"})
    assert (good.status_code, good.json()) == (200, {"errors": [], "warnings": []})
    bare = web.post("/api/validate-yaml", json={"content": "# Title\n"}).json()
    assert bare == {"errors": [], "warnings": [{"message": "empty or missing yaml metadata in repo card"}]}
    for head in ("a: [", "license: 3", "tags: {a: b}", "base_model: [[x]]"):
        bad = web.post("/api/validate-yaml", json={"content": f"---\n{head}\n---\n"})
        assert (bad.status_code, bool(bad.json()["errors"])) == (400, True)


def test_xet_is_refused_with_a_sentence(web: httpx.Client) -> None:
    """Xet is not offered in what a model tells, and a token for it is refused with what to do instead."""
    assert web.get("/api/models/me/model?expand=xetEnabled").json()["xetEnabled"] is False
    answer = web.get("/api/models/me/model/xet-write-token/main")
    assert answer.status_code == 404
    assert "HF_HUB_DISABLE_XET=1" in answer.json()["error"]
