"""The official client against our server: what it accepts is the protocol."""

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

from zooclient.errors import NotFound
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.huggingface.provider import HuggingFace
from zooclient.records.query import Query
from zooclient.records.ref import Ref
from zooclient.testing import LocalZoo, Seen

_REFEREE = Path(__file__).with_name("referee.py")


class Case:
    """One run of the official client, and what it met."""

    def __init__(self, zoo: LocalZoo, seen: dict[str, Any], requests: list[Seen], commits: dict[str, str]) -> None:
        self.zoo = zoo
        self.seen = seen
        self.requests = requests
        self.commits = commits


@pytest.fixture(scope="module", params=[False, True], ids=["two-origins", "one-origin"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    root = tmp_path_factory.mktemp("served")
    home = tmp_path_factory.mktemp("home")
    write(root, "org/tiny", tiny())
    for name in ("gated", "accepted", "private", "disabled"):
        write(root, f"org/{name}", {"config.json": name.encode()})
    with LocalZoo(root, page_size=3, one_origin=request.param) as zoo:
        commits = {"old": zoo.head("org/tiny")}
        zoo.tag("org/tiny", "v1.0")
        commits["new"] = zoo.commit("org/tiny", {"model.safetensors": safetensors(5000, 7), "new.txt": "new"})
        zoo.branch("org/tiny", "feature/x", "v1.0")
        commits["pull"] = zoo.commit("org/tiny", {"config.json": '{"pull": 1}'}, branch="refs/pr/1")
        zoo.rename("tiny-old", "org/tiny")
        zoo.gate("org/gated", "manual", pending=("me",))
        zoo.gate("org/accepted", "auto", readers=("me",))
        zoo.hide("org/private")
        zoo.disable("org/disabled")
        order = {
            "model": "org/tiny",
            "large": "model.safetensors",
            "small": "config.json",
            "folder": "onnx",
            "tag": "v1.0",
            "old": commits["old"],
            "renamed": "tiny-old",
            "gated": "org/gated",
            "accepted": "org/accepted",
            "private": "org/private",
            "disabled": "org/disabled",
            "cache": str(home / "cache"),
            "token": zoo.tokens["hf"],
        }
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))},
            "HF_ENDPOINT": zoo.endpoints["hf"],
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
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


def _git(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _now() -> dict[str, bytes]:
    return {**tiny(), "model.safetensors": safetensors(5000, 7), "new.txt": b"new"}


def test_downloads_hold_the_bytes_of_the_revision_asked_for(case: Case) -> None:
    """Files, snapshots, tags, old commits and pull requests arrive byte for byte."""
    assert _sha256(_now()) == case.seen["snapshot"]
    assert case.commits["new"] == case.seen["snapshot_commit"]
    assert _sha256(tiny()) == case.seen["old"]
    assert _sha256(_now())["model.safetensors"] == case.seen["large"]
    assert _sha256(tiny())["config.json"] == case.seen["small"]
    assert case.seen["pull"] == '{"pull": 1}'


def test_model_info_tells_files_and_card(case: Case) -> None:
    """Sizes, digests, counts and front matter reach the official client's own types."""
    info = case.seen["info"]
    assert info["sha"] == case.commits["new"]
    assert (info["task"], info["library"], info["license"]) == ("text-classification", "transformers", "mit")
    assert info["parameters"] == 5000
    assert {"license:mit", "base_model:finetune:org/base", "arxiv:1810.04805", "de"} <= set(info["tags"])
    assert info["created_at"] == "2022-03-02T23:29:04+00:00"
    for path, content in _now().items():
        told = info["files"][path]
        assert told["size"] == len(content)
        if told["sha256"] is None:
            assert told["oid"] == _git(content)
        else:
            assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert {path for path, told in info["files"].items() if told["sha256"]} == {"model.safetensors", "onnx/model.onnx"}


def test_tree_in_pages_tells_the_same(case: Case) -> None:
    """The tree, walked over several pages, agrees with the model's info and lists the folders as well."""
    files = {path: told for path, told in case.seen["tree"].items() if path in case.seen["info"]["files"]}
    assert files == case.seen["info"]["files"]
    assert set(case.seen["tree"]) - set(files) == {"onnx", "onnx/sub dir"}
    assert set(case.seen["folder"]) == {"onnx/model.onnx", "onnx/sub dir"}
    assert case.seen["paths"] == ["model.safetensors", "config.json"]


def _answer(request: Request) -> Response:
    """Sends one request as it is, and follows nothing."""
    with httpx.Client(trust_env=False) as web:
        answer = web.request(request.method, request.url, headers=request.headers, content=request.content)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(request=request, status=answer.status_code, headers=headers, body=answer.content)


def test_our_own_client_sees_the_same(case: Case) -> None:
    """Record, files, digests and listing of our provider agree with what the official client read."""
    provider = HuggingFace(case.zoo.endpoints["hf"])
    record = replay(provider.resolve(Ref.parse("hf:org/tiny@main")), _answer)
    info = case.seen["info"]
    assert record.ref.revision == info["sha"]
    assert (record.ref.id, record.task, record.library) == (info["id"], info["task"], info["library"])
    assert set(record.tags) == set(info["tags"])
    assert record.parameters == info["parameters"]
    files = {
        entry.path: (entry.size, entry.digests.get("sha256"), entry.digests.get("git-sha1")) for entry in record.files
    }
    assert files == {
        path: (told["size"], told["sha256"], None if told["sha256"] else told["oid"])
        for path, told in info["files"].items()
    }
    renamed = replay(provider.resolve(Ref.parse("hf:tiny-old@v1.0")), _answer)
    assert (renamed.ref.id, renamed.ref.revision) == ("org/tiny", case.commits["old"])
    assert renamed.stable_id == record.stable_id
    names, cursor = [], None
    for _ in range(9):
        page = replay(provider.search(Query(), cursor), _answer)
        names += [hit.ref.id for hit in page.hits]
        cursor = page.cursor
        if cursor is None:
            break
    assert names == case.seen["listed"]
    assert replay(provider.resolve(Ref.parse("hf:org/gated")), _answer).access.state == "gated"
    for text in ("hf:no/no", "hf:org/tiny@nowhere", "hf:org/private"):
        with pytest.raises(NotFound):
            replay(provider.resolve(Ref.parse(text)), _answer)


def test_refs_and_history(case: Case) -> None:
    """Branches, tags, pull requests and the log name the commits that they are."""
    refs = case.seen["refs"]
    assert refs["branches"] == {"main": case.commits["new"], "feature/x": case.commits["old"]}
    assert refs["tags"] == {"v1.0": case.commits["old"]}
    assert refs["pulls"] == {"refs/pr/1": case.commits["pull"]}
    assert case.seen["commits"] == [case.commits["new"], case.commits["old"]]
    assert case.seen["exists"] == [True, False, False]
    assert case.seen["revisions"] == [True, False]


def test_its_own_verification_finds_nothing(case: Case) -> None:
    """``verify_repo_checksums`` agrees with every digest, in the versions that have it."""
    verified = case.seen["verified"]
    if verified == "absent":
        pytest.skip(f"huggingface_hub {case.seen['version']} cannot verify")
    assert verified["mismatches"] == [] == verified["missing"]
    assert verified["checked"] == len(_now())


def test_listings_follow_pages_and_filters(case: Case) -> None:
    """Everybody's models are listed over several pages; filters, search and limit hold."""
    assert case.seen["listed"] == ["org/accepted", "org/disabled", "org/gated", "org/tiny"]
    assert case.seen["searched"] == ["org/tiny"]
    assert case.seen["gated_listed"] == ["org/accepted", "org/gated"]
    assert case.seen["limited"] == 2


def test_names_lead_on_and_accounts_are_known(case: Case) -> None:
    """An older name leads to the model by 307, and tokens open what they may."""
    assert case.seen["renamed"] == "org/tiny"
    assert case.seen["expanded"] == case.commits["new"]
    assert case.seen["whoami"] == "me"
    assert case.seen["gated_info"] == "manual"
    assert case.seen["private_info"] is True
    assert case.seen["accepted"] == hashlib.sha256(b"accepted").hexdigest()


@pytest.mark.parametrize(
    ("what", "errors", "status"),
    [
        ("repo", {"RepositoryNotFoundError"}, 404),
        ("repo_file", {"RepositoryNotFoundError"}, 404),
        ("revision", {"RevisionNotFoundError"}, 404),
        ("entry", {"RemoteEntryNotFoundError", "EntryNotFoundError"}, 404),
        ("gated", {"GatedRepoError"}, 401),
        ("gated_known", {"GatedRepoError"}, 403),
        ("auth_check", {"GatedRepoError"}, 401),
        ("disabled", {"DisabledRepoError"}, 403),
        ("private", {"RepositoryNotFoundError"}, 404),
        ("bad_token", {"HfHubHTTPError", "HTTPError"}, 401),
        ("expand", {"BadRequestError"}, 400),
    ],
)
def test_refusals_become_its_own_errors(case: Case, what: str, errors: set[str], status: int) -> None:
    """Each refusal is the error that the official client has for it."""
    told = case.seen["errors"][what]
    assert told.get("error") in errors, told
    assert told["status"] == status


def test_no_token_reaches_the_byte_origin(case: Case) -> None:
    """Large files come by signed links alone, and nothing of Xet is asked for."""
    assert not [seen for seen in case.requests if seen.origin == "cdn" and "authorization" in seen.headers]
    assert not [seen for seen in case.requests if "xet-read-token" in seen.path]
    links = [seen for seen in case.requests if seen.path.startswith("/xet-bridge-us/")]
    assert links
    if case.zoo.byte_origin != case.zoo.endpoints["hf"]:
        assert {seen.origin for seen in links} == {"cdn"}
