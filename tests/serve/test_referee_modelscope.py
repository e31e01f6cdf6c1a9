"""ModelScope's own clients against our server: what they accept is the protocol."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from served_models import safetensors, tiny, write

from zooclient.errors import AccessError, NotFound
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.modelscope.provider import ModelScope
from zooclient.records.query import Query
from zooclient.records.ref import Ref
from zooclient.testing import LocalZoo, Seen

pytestmark = pytest.mark.official

_REFEREE = Path(__file__).with_name("scopereferee.py")
_SCHEME = "modelscope"
#: Files in two folders, so that a whole listing is cut and that of neither folder is.
_MANY = {f"{folder}/{number:04}.txt": b"x" for folder in ("a", "b") for number in range(1600)}


class Case:
    """One run of the official clients, and what it met."""

    def __init__(self, zoo: LocalZoo, seen: dict[str, Any], requests: list[Seen], commits: dict[str, str]) -> None:
        self.zoo = zoo
        self.seen = seen
        self.requests = requests
        self.commits = commits


@pytest.fixture(scope="module", params=[False, True], ids=["two-origins", "one-origin"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    pytest.importorskip("modelscope_hub", reason="modelscope is not installed")
    root, home = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("home")
    for path in write(root, "org/tiny", tiny()).rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))  # long before these clients were released
    for name in ("gated", "accepted", "private"):
        write(root, f"org/{name}", {"config.json": name.encode()})
    with LocalZoo(root, one_origin=request.param) as zoo:
        commits = {"old": zoo.head("org/tiny", zoo=_SCHEME)}
        zoo.tag("org/tiny", "v1.0")
        zoo.commit("org/tiny", {"model.safetensors": safetensors(5000, 7), "new.txt": "new"})
        zoo.commit("org/many", dict(_MANY))
        commits["new"] = zoo.head("org/tiny", zoo=_SCHEME)
        zoo.popularity("org/tiny", downloads=7, likes=3)
        zoo.gate("org/gated", "manual", pending=("me",))
        zoo.gate("org/accepted", "auto", readers=("me",))
        zoo.hide("org/private")
        order = {
            "model": "org/tiny",
            "large": "model.safetensors",
            "small": "config.json",
            "old": commits["old"],
            "many": "org/many",
            "gated": "org/gated",
            "accepted": "org/accepted",
            "private": "org/private",
            "cache": str(home / "cache"),
            "token": zoo.tokens[_SCHEME],
        }
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MODELSCOPE_")},
            "HOME": str(home),
            "MODELSCOPE_ENDPOINT": zoo.endpoints[_SCHEME],
            "MODELSCOPE_HOME": str(home / "scope"),
            "MODELSCOPE_CACHE": str(home / "cache"),
            "NO_PROXY": "127.0.0.1",
        }
        ran = subprocess.run(
            [sys.executable, str(_REFEREE)],
            input=json.dumps(order),
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        yield Case(zoo, json.loads(ran.stdout), zoo.requests, commits)


def _sha256(files: dict[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


def _now() -> dict[str, bytes]:
    return {**tiny(), "model.safetensors": safetensors(5000, 7), "new.txt": b"new"}


def test_downloads_hold_the_bytes_of_the_revision_asked_for(case: Case) -> None:
    """Snapshots and single files of a branch, a tag and a commit arrive byte for byte."""
    seen = case.seen
    assert seen["snapshot"] == _sha256(_now())
    assert seen["pinned"] == seen["tagged"] == _sha256(tiny())
    assert seen["pinned_folder"] == case.commits["old"]
    assert seen["large"] == _sha256(_now())["model.safetensors"]
    assert seen["small"] == _sha256(tiny())["config.json"]
    assert seen["accepted"] == _sha256({"config.json": b"accepted"})


def test_a_file_without_a_revision_is_of_the_newest_tag(case: Case) -> None:
    """Their single-file helper goes by the newest tag while their snapshot goes by the branch."""
    assert case.seen["release"] == _sha256(tiny())["model.safetensors"] != case.seen["large"]


def test_a_model_is_told(case: Case) -> None:
    """Counts, licence, tags, tasks and size reach their own types."""
    repo = case.seen["repo"]
    assert (repo["id"], repo["license"], repo["downloads"], repo["likes"]) == ("org/tiny", "mit", 7, 3)
    assert repo["tasks"] == ["text-classification"]
    assert {"library:transformers", "library:safetensors", "task:text-classification", "license:mit"} <= set(
        repo["tags"]
    )
    assert repo["file_size"] == sum(map(len, _now().values()))
    assert (repo["private"], repo["gated"]) == (False, False)
    assert (case.seen["private"]["private"], case.seen["gated"]["gated"]) == (True, True)


def test_every_file_is_listed_with_its_sha256(case: Case) -> None:
    """Files, small ones too, are listed with size and sha256; folders are listed as such."""
    blobs = {path: told for path, told in case.seen["files"].items() if told["type"] == "blob"}
    assert {path: told["sha256"] for path, told in blobs.items()} == _sha256(_now())
    assert {path: told["size"] for path, told in blobs.items()} == {path: len(body) for path, body in _now().items()}
    assert set(case.seen["files"]) - set(blobs) == {"onnx", "onnx/sub dir"}
    assert case.seen["old_files"]["model.safetensors"]["sha256"] == _sha256(tiny())["model.safetensors"]
    assert set(case.seen["folder"]) == {"onnx/model.onnx", "onnx/sub dir", "onnx/sub dir/f#1 \u00e9.txt"}


def test_a_listing_is_cut_and_walked(case: Case) -> None:
    """A listing ends after 3000 entries without a word; folder by folder everything is found."""
    assert case.seen["many"] == len(_MANY) + 2
    asked = [seen for seen in case.requests if seen.path == "/api/v1/models/org/many/repo/files"]
    assert len(asked) == 4  # all, the root alone, and its two folders


def test_searches_and_names(case: Case) -> None:
    """Owner, words, task, order and pages hold; private models are not found by strangers."""
    seen = case.seen
    assert seen["listed"] == {"total": 4, "ids": ["org/tiny", "org/accepted", "org/gated", "org/many"]}
    assert seen["searched"] == {"total": 1, "ids": ["org/tiny"]}
    assert seen["by_task"]["ids"] == ["org/tiny"]
    assert {model["Id"] for model in seen["shared"]["Models"]} == set(seen["listed"]["ids"])
    assert [(name["Revision"], name["CreatedAt"] > 0) for name in seen["revisions"]] == [
        ("v1.0", True),
        ("master", True),
    ]
    assert seen["exists"] == [True, False, False]
    assert seen["whoami"] == seen["login"] == "me"


@pytest.mark.parametrize(
    ("what", "errors", "status"),
    [
        ("repo", {"NotExistError"}, 404),
        ("files", {"NotExistError"}, 404),
        ("revision", {"NotExistError"}, 404),
        ("snapshot", {"HTTPError", "NotExistError"}, 404),
        ("file", {"NotExistError"}, 404),
        ("gated", {"HTTPError", "NotExistError"}, 404),
        ("private", {"NotExistError"}, 404),
        ("window", {"QuotaExceededError"}, 403),
        ("bad_login", {"AuthenticationError"}, 400),
        ("bad_token", {"AuthenticationError"}, 401),
    ],
)
def test_refusals_become_their_own_errors(case: Case, what: str, errors: set[str], status: int) -> None:
    """Each refusal is the error that their client has for it."""
    told = case.seen["errors"][what]
    assert told.get("error") in errors, told
    assert told["status"] == status, told


def _answer(request: Request) -> Response:
    """Sends one request as it is, and follows nothing."""
    with httpx.Client(trust_env=False) as web:
        answer = web.request(request.method, request.url, headers=request.headers, content=request.content)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(request=request, status=answer.status_code, headers=headers, body=answer.content)


def test_our_own_client_sees_the_same(case: Case) -> None:
    """Files, sizes, digests, counts and listings of our provider agree with what their clients read."""
    provider = ModelScope(case.zoo.endpoints[_SCHEME])
    record = replay(provider.resolve(Ref.parse("ms:org/tiny")), _answer)
    assert record.ref.revision == case.commits["new"]
    repo = case.seen["repo"]
    assert (record.ref.id, record.task, record.license.raw) == (repo["id"], repo["tasks"][0], repo["license"])
    assert (record.downloads, record.likes, record.total_size) == (repo["downloads"], repo["likes"], repo["file_size"])
    assert {file.path: (file.size, file.digests["sha256"]) for file in record.files} == {
        path: (told["size"], told["sha256"]) for path, told in case.seen["files"].items() if told["type"] == "blob"
    }
    old = replay(provider.resolve(Ref.parse("ms:org/tiny@v1.0")), _answer)
    assert old.ref.revision == case.commits["old"] == case.seen["pinned_folder"]
    assert len(replay(provider.resolve(Ref.parse("ms:org/many")), _answer).files) == len(_MANY)
    page = replay(provider.search(Query(author="org", sort="downloads")), _answer)
    assert [hit.ref.id for hit in page.hits] == case.seen["listed"]["ids"]
    for text, error in (("ms:no/no", NotFound), ("ms:org/tiny@nowhere", NotFound), ("ms:org/gated", AccessError)):
        with pytest.raises(error):
            replay(provider.resolve(Ref.parse(text)), _answer)


def test_the_zoos_agree_on_bytes_and_on_no_commit(case: Case) -> None:
    """The same model has another history at each zoo, and the same content."""
    hub = case.zoo.head("org/tiny")
    assert hub not in case.commits.values()
    assert len({hub, *case.commits.values()}) == 3


def test_no_token_reaches_the_byte_origin(case: Case) -> None:
    """Large files come by signed links, and the host that sends them is given no header with a token."""
    links = [seen for seen in case.requests if seen.path.startswith("/prod/lfs-objects/")]
    assert links and {seen.zoo for seen in case.requests} == {_SCHEME}
    if case.zoo.byte_origins[_SCHEME] != case.zoo.endpoints[_SCHEME]:
        assert {seen.origin for seen in links} == {"cdn"}
        assert not [seen for seen in links if "authorization" in seen.headers]
