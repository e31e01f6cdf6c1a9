"""The official client uploads to our server: every call of its that writes, and what it makes of refusals."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from hubup import REFEREE, content, environment, official
from served_models import CARD, safetensors

from zooclient import Client
from zooclient.serve.exchange import Answer, Delivery, Question
from zooclient.testing import Do, Fault, LocalZoo, Status

_FILES = {
    "README.md": CARD.encode(),
    "config.json": b'{"model_type": "bert"}',
    "model.safetensors": safetensors(50_000),
    "nested dir/odd #name.onnx": bytes(range(256)) * 300,
    "binary.dat": bytes(3000),
    "empty.bin": b"",
    "logs/run.log": b"ignored",
    ".gitignore": b"*.log\n",
}


class Case:
    """One run of the official client, and the zoo that it left."""

    def __init__(self, zoo: LocalZoo, home: Path) -> None:
        self.zoo = zoo
        self.home = home
        folder = home / "folder"
        for path, data in _FILES.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        self.calls: dict[str, tuple[str, dict[str, Any]]] = {
            "whoami": ("whoami", {}),
            "create": ("create_repo", {"repo_id": "me/new", "private": True}),
            "again": ("create_repo", {"repo_id": "me/new"}),
            "exist_ok": ("create_repo", {"repo_id": "me/new", "exist_ok": True}),
            "foreign": ("create_repo", {"repo_id": "somebody/new"}),
            "organisation": ("create_repo", {"repo_id": "lab/new"}),
            "exists": ("repo_exists", {"repo_id": "me/new"}),
            "folder": ("upload_folder", {"repo_id": "me/new", "folder_path": str(folder), "commit_message": "First"}),
            "unchanged": ("upload_folder", {"repo_id": "me/new", "folder_path": str(folder)}),
            "listed": ("list_repo_files", {"repo_id": "me/new"}),
            "tag": ("create_tag", {"repo_id": "me/new", "tag": "v1", "tag_message": "First"}),
            "tag_again": ("create_tag", {"repo_id": "me/new", "tag": "v1"}),
            "tag_exist_ok": ("create_tag", {"repo_id": "me/new", "tag": "v1", "exist_ok": True}),
            "branch": ("create_branch", {"repo_id": "me/new", "branch": "dev/x"}),
            "branch_again": ("create_branch", {"repo_id": "me/new", "branch": "dev/x"}),
            "file": (
                "upload_file",
                {
                    "repo_id": "me/new",
                    "path_or_fileobj": content(b"on a branch"),
                    "path_in_repo": "notes.txt",
                    "revision": "dev/x",
                },
            ),
            "pull": (
                "create_commit",
                {
                    "repo_id": "me/new",
                    "operations": ["list", ["add", "pull.bin", content(b"\0pull")]],
                    "commit_message": "Proposed",
                    "create_pr": True,
                },
            ),
            "commit": (
                "create_commit",
                {
                    "repo_id": "me/new",
                    "operations": [
                        "list",
                        ["copy", "model.safetensors", "copy.safetensors"],
                        ["copy", "config.json", "copy.json"],
                        ["delete", "binary.dat"],
                        ["delete", "nested dir/"],
                    ],
                    "commit_message": "Second",
                },
            ),
            "stale": (
                "create_commit",
                {
                    "repo_id": "me/new",
                    "operations": ["list", ["add", "x.txt", content(b"x")]],
                    "commit_message": "Late",
                    "parent_commit": "0" * 40,
                },
            ),
            "delete_missing": ("delete_file", {"repo_id": "me/new", "path_in_repo": "nowhere.txt"}),
            "no_branch": (
                "upload_file",
                {
                    "repo_id": "me/new",
                    "path_or_fileobj": content(b"x"),
                    "path_in_repo": "x.txt",
                    "revision": "nowhere",
                },
            ),
            "no_repo": (
                "upload_file",
                {"repo_id": "me/nowhere", "path_or_fileobj": content(b"x"), "path_in_repo": "x.txt"},
            ),
            "bad_card": (
                "upload_file",
                {"repo_id": "me/new", "path_or_fileobj": content(b"---\na: [\n---\n"), "path_in_repo": "README.md"},
            ),
            "commits": ("list_repo_commits", {"repo_id": "me/new"}),
            "delete_tag": ("delete_tag", {"repo_id": "me/new", "tag": "v1"}),
            "delete_tag_again": ("delete_tag", {"repo_id": "me/new", "tag": "v1"}),
            "delete_branch": ("delete_branch", {"repo_id": "me/new", "branch": "dev/x"}),
            "gate": ("update_repo_settings", {"repo_id": "me/new", "gated": "manual", "private": False}),
            "snapshot": ("snapshot_download", {"repo_id": "me/new", "local_dir": str(home / "fetched")}),
            "move": ("move_repo", {"from_id": "lab/new", "to_id": "lab/newer"}),
            "moved": ("repo_exists", {"repo_id": "lab/newer"}),
            "squash": ("super_squash_history", {"repo_id": "me/new"}),
            "doomed": ("create_repo", {"repo_id": "me/doomed"}),
            "delete": ("delete_repo", {"repo_id": "me/doomed"}),
            "deleted": ("repo_exists", {"repo_id": "me/doomed"}),
            "delete_again": ("delete_repo", {"repo_id": "me/doomed"}),
        }
        done = official(zoo, home, *self.calls.values())
        self.done = dict(zip(self.calls, done, strict=True))

    def answer(self, name: str) -> Any:
        """What a call that must go well answered."""
        assert "answer" in self.done[name], self.done[name]
        return self.done[name]["answer"]

    def error(self, name: str) -> tuple[str, int | None, str]:
        """What a call that must fail raised."""
        told = self.done[name]
        assert "error" in told, told
        return told["error"], told["status"], told["message"]


@pytest.fixture(scope="module", params=[False, True], ids=["two-origins", "one-origin"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with LocalZoo(one_origin=request.param) as zoo:
        zoo.huggingface.part_size(100_000)
        zoo.huggingface.join("lab")
        yield Case(zoo, tmp_path_factory.mktemp("home"))


def test_accounts_are_told_what_they_may(case: Case) -> None:
    """``whoami`` names the role of the token and the organisations of the account."""
    me = case.answer("whoami")
    assert me["name"] == "me"
    assert me["auth"]["accessToken"]["role"] == "write"
    assert [org["name"] for org in me["orgs"]] == ["lab"]


def test_repositories_are_created_once(case: Case) -> None:
    """A repository is created once; a second time is a conflict that ``exist_ok`` passes over."""
    base = case.zoo.endpoints["hf"]
    assert case.answer("create") == f"{base}/me/new" == case.answer("exist_ok")
    assert case.error("again")[1:2] == (409,)
    assert "You already created this model repo" in case.error("again")[2]
    assert case.answer("organisation") == f"{base}/lab/new"
    assert case.answer("exists") is True


def test_a_foreign_namespace_is_refused(case: Case) -> None:
    """Nobody creates a model below another's name, and is told so in the Hub's words."""
    _, status, message = case.error("foreign")
    assert status == 403
    assert 'You don\'t have the rights to create a model under the namespace "somebody"' in message


def test_a_folder_arrives_but_for_what_is_ignored(case: Case) -> None:
    """Every file of a folder is there afterwards, except what its ``.gitignore`` leaves out."""
    assert set(case.answer("listed")) == {".gitattributes", *_FILES} - {"logs/run.log"}


def test_nothing_new_is_no_commit(case: Case) -> None:
    """The same folder again sends no file and makes no commit."""
    assert case.answer("unchanged")["oid"] == case.answer("folder")["oid"]


def test_large_files_go_to_the_second_origin_in_parts(case: Case) -> None:
    """Large files are PUT by signed links without a token, a long one in parts; each exactly once."""
    puts = [
        seen for seen in case.zoo.requests if seen.method == "PUT" and seen.path.startswith("/xet-bridge-us/repos/")
    ]
    assert {seen.status for seen in puts} == {200}
    assert not [seen for seen in puts if "authorization" in seen.headers]
    oid = hashlib.sha256(_FILES["model.safetensors"]).hexdigest()
    assert len([seen for seen in puts if seen.path.endswith(oid)]) == 3
    assert len({(seen.path, seen.query) for seen in puts}) == len(puts)
    expected = "hub" if case.zoo.byte_origin == case.zoo.endpoints["hf"] else "cdn"
    assert {seen.origin for seen in puts} == {expected}
    assert not [seen for seen in case.zoo.requests if "xet-write-token" in seen.path]


def test_branches_tags_and_pull_requests(case: Case) -> None:
    """Refs come, are told as conflicts when they exist, and go; a pull request leaves ``main`` alone."""
    assert case.error("tag_again")[1] == 409
    assert case.error("branch_again")[1] == 409
    assert case.answer("tag") is None is case.answer("tag_exist_ok")
    assert case.error("delete_tag_again")[0] == "RevisionNotFoundError"
    assert case.answer("delete_branch") is None
    assert case.answer("pull")["pull"] == "refs/pr/1"
    assert case.zoo.head("me/new", "refs/pr/1") == case.answer("pull")["oid"]
    assert "pull.bin" not in case.answer("listed")
    assert case.answer("file")


def test_files_are_copied_and_deleted(case: Case) -> None:
    """Copies, deletions and deleted folders are what the next state holds."""
    fetched = case.home / "fetched"
    case.answer("snapshot")
    found = {
        path.relative_to(fetched).as_posix(): path.read_bytes()
        for path in fetched.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }
    assert found.pop("copy.safetensors") == _FILES["model.safetensors"]
    assert found.pop("copy.json") == _FILES["config.json"]
    assert found.pop(".gitattributes")
    gone = ("binary.dat", "nested dir/odd #name.onnx", "logs/run.log")
    assert found == {path: data for path, data in _FILES.items() if path not in gone}


def test_our_client_verifies_what_the_official_one_sent(case: Case, tmp_path: Path) -> None:
    """What was uploaded is resolved, downloaded and verified by our client, at the Hub and at its mirror."""
    zoo, oid = case.zoo, case.answer("commit")["oid"]
    with Client(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        snapshot = client.download(f"hf:me/new@{oid}", weights="all")
        assert (snapshot.path / "model.safetensors").read_bytes() == _FILES["model.safetensors"]
        assert client.resolve("hf:me/new@main").ref.revision == oid
        assert client.resolve("hf:me/new").access.state == "gated"
        if "modelscope" in zoo.endpoints:
            there = client.resolve(f"modelscope:me/new@{zoo.head('me/new', zoo='modelscope')}")
            assert {entry.path for entry in there.files} == {entry.path for entry in snapshot.files}


def test_history_names_every_commit(case: Case) -> None:
    """The log told the first commit, the upload and the change; squashed, the newest alone is known."""
    commits = case.answer("commits")
    assert [title in commit for commit, title in zip(commits, ("Second", "First", "initial commit"), strict=True)]
    assert case.answer("squash") is None
    with pytest.raises(LookupError):
        case.zoo.head("me/new", case.answer("folder")["oid"])


@pytest.mark.parametrize(
    ("name", "errors", "status", "said"),
    [
        ("stale", {"HfHubHTTPError"}, 412, "A commit has happened since. Please refresh and try again."),
        ("delete_missing", {"EntryNotFoundError", "RemoteEntryNotFoundError"}, 404, "A file with this name doesn't"),
        ("no_branch", {"RevisionNotFoundError"}, 404, "Invalid rev id"),
        ("no_repo", {"RepositoryNotFoundError"}, 404, "Repository Not Found"),
        ("bad_card", {"ValueError"}, None, "Invalid metadata in README.md"),
        ("delete_again", {"RepositoryNotFoundError"}, 404, "Repository Not Found"),
    ],
)
def test_refusals_of_writes_become_its_own_errors(
    case: Case, name: str, errors: set[str], status: int | None, said: str
) -> None:
    """Each refusal is the error that the official client has for it, with the Hub's words."""
    error, code, message = case.error(name)
    assert error in errors
    assert status in (None, code)
    assert said in message


def test_repositories_move_and_go(case: Case) -> None:
    """A moved repository is there under its new name, a deleted one is gone."""
    assert case.answer("moved") is True
    assert case.answer("delete") is None
    assert case.answer("deleted") is False


# What goes wrong


def _model(home: Path, count: int = 4) -> Path:
    folder = home / "weights"
    folder.mkdir()
    for number in range(count):
        (folder / f"part-{number}.safetensors").write_bytes(safetensors(1000, number))
    return folder


def _put(zoo: LocalZoo, folder: Path) -> list[str]:
    """Names of the files that were sent and kept since the zoo forgot, in order."""
    names = {hashlib.sha256(path.read_bytes()).hexdigest(): path.name for path in folder.iterdir()}
    puts = [seen for seen in zoo.requests if seen.method == "PUT" and seen.status == 200]
    return sorted(names[seen.path.rpartition("/")[2]] for seen in puts)


def test_a_read_token_writes_nothing(tmp_path: Path) -> None:
    """A token that may only read is refused with the Hub's words; ``exist_ok`` hides it, as it does there."""
    with LocalZoo(zoos=["hf"]) as zoo:
        zoo.commit("me/there", {"config.json": "{}"})
        before = zoo.head("me/there")
        upload = {"repo_id": "me/there", "path_or_fileobj": content(b"x"), "path_in_repo": "x.txt"}
        create = {"repo_id": "me/there", "exist_ok": True}
        reader = zoo.add_account("me", role="read")
        done = official(
            zoo,
            tmp_path,
            ("upload_file", upload),
            ("create_repo", {"repo_id": "me/new"}),
            ("create_repo", create),
            ("delete_repo", {"repo_id": "me/there"}),
            token=reader,
        )
        assert [told.get("status") for told in done] == [403, 403, None, 403]
        assert "you must use a write token to upload to a repository" in done[0]["message"]
        assert done[2]["answer"].endswith("/me/there")
        assert zoo.head("me/there") == before


def test_strangers_open_pull_requests_and_no_more(tmp_path: Path) -> None:
    """Who may not write a model is told to open a pull request, and can, large files included."""
    with LocalZoo(zoos=["hf"]) as zoo:
        zoo.commit("org/theirs", {"config.json": "{}"})
        before = zoo.head("org/theirs")
        upload = {"repo_id": "org/theirs", "path_or_fileobj": content(safetensors(10)), "path_in_repo": "a.safetensors"}
        done = official(zoo, tmp_path, ("upload_file", upload), ("upload_file", {**upload, "create_pr": True}))
        assert done[0]["status"] == 403
        assert "create_pr=1" in done[0]["message"]
        assert "answer" in done[1], done[1]
        assert zoo.head("org/theirs") == before != zoo.head("org/theirs", "refs/pr/1")


def test_over_quota_nothing_is_sent(tmp_path: Path) -> None:
    """Where the quota does not hold a folder, its bytes are not even sent; the words differ for private models."""
    folder = _model(tmp_path)
    with LocalZoo(zoos=["hf"]) as zoo:
        zoo.huggingface.quota(10_000)
        done = official(
            zoo,
            tmp_path,
            ("create_repo", {"repo_id": "me/private", "private": True}),
            ("create_repo", {"repo_id": "me/public"}),
            ("upload_folder", {"repo_id": "me/private", "folder_path": str(folder)}),
            ("upload_folder", {"repo_id": "me/public", "folder_path": str(folder)}),
        )
        assert [told.get("status") for told in done[2:]] == [403, 403]
        assert "Private repository storage limit reached" in done[2]["message"]
        assert "Your storage patterns tripped our internal systems!" in done[3]["message"]
        assert _put(zoo, folder) == []
        zoo.huggingface.quota(None)
        again = official(zoo, tmp_path, ("upload_folder", {"repo_id": "me/public", "folder_path": str(folder)}))
        assert "answer" in again[0], again[0]


@frozen
class _Stuck(Fault):
    """Nothing is kept and nothing answered; somebody is told."""

    reached: threading.Event = field(factory=threading.Event, hash=False)

    def refuse(self, question: Question) -> Answer | None:
        """Keeps the connection open, and says nothing."""
        self.reached.set()
        return Answer(status=0, delivery=Delivery(delay=60))

    def spoil(self, *arguments: Any) -> Answer | None:
        """Has come first."""
        return None


def test_killed_midway_the_next_run_sends_the_rest(tmp_path: Path) -> None:
    """An upload that is killed leaves the files that were sent whole; the next one sends only the others."""
    folder = _model(tmp_path)
    with LocalZoo(zoos=["hf"]) as zoo:
        zoo.commit("me/model", {"config.json": "{}"})
        before = zoo.head("me/model")
        # One at a time and in order, so that the third is the first that is not there.
        additions = [["add", path.name, str(path)] for path in sorted(folder.iterdir())]
        operations = {"operations": ["list", *additions], "commit_message": "All", "num_threads": 1}
        order = [("create_commit", {"repo_id": "me/model", **operations})]
        oid = hashlib.sha256((folder / "part-2.safetensors").read_bytes()).hexdigest()
        stuck = _Stuck(method="PUT", times=None)
        thrown = zoo.fail(f"*/{oid}", stuck)
        with subprocess.Popen(
            [sys.executable, str(REFEREE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(zoo, tmp_path),
            text=True,
        ) as process:
            assert process.stdin is not None
            process.stdin.write(json.dumps(order))
            process.stdin.close()
            assert stuck.reached.wait(60)
            process.kill()
        sent = _put(zoo, folder)
        assert sent == ["part-0.safetensors", "part-1.safetensors"]
        assert zoo.head("me/model") == before
        zoo.heal(thrown)
        zoo.forget()
        done = official(zoo, tmp_path, *order)
        assert _put(zoo, folder) == ["part-2.safetensors", "part-3.safetensors"]
        assert zoo.head("me/model") == done[0]["answer"]["oid"]


def test_a_push_while_the_branch_moves_is_refused(tmp_path: Path) -> None:
    """A commit that names its parent is refused when somebody else's came first, and theirs stays."""
    with LocalZoo(zoos=["hf"]) as zoo:
        parent = zoo.commit("me/model", {"config.json": "{}"})
        theirs: list[str] = []
        zoo.fail(
            "/api/models/me/model/preupload/main",
            Do(lambda: theirs.append(zoo.commit("me/model", {"theirs.txt": "first"}))),
        )
        upload = {"repo_id": "me/model", "path_or_fileobj": content(b"mine"), "path_in_repo": "mine.txt"}
        done = official(zoo, tmp_path, ("upload_file", {**upload, "parent_commit": parent}), ("upload_file", upload))
        assert done[0]["status"] == 412
        assert "A commit has happened since" in done[0]["message"]
        assert "answer" in done[1]
        with Client(home=tmp_path, endpoints=zoo.endpoints) as client:
            files = {entry.path for entry in client.resolve(f"hf:me/model@{zoo.head('me/model')}").files}
        assert files == {"config.json", "theirs.txt", "mine.txt"}


def test_a_put_that_stumbles_is_made_again(tmp_path: Path) -> None:
    """A file that was kept though its PUT was answered with 503 costs the official client a try and nothing else."""
    with LocalZoo(zoos=["hf"]) as zoo:
        zoo.commit("me/model", {"config.json": "{}"})
        thrown = zoo.fail("/xet-bridge-us/repos/*", Status(503, method="PUT"))
        upload = {"repo_id": "me/model", "path_or_fileobj": content(safetensors(9)), "path_in_repo": "a.safetensors"}
        done = official(zoo, tmp_path, ("upload_file", upload))
        assert done[0]["answer"]["oid"] == zoo.head("me/model")
        assert thrown.hits == 1
        assert [seen.status for seen in zoo.requests if seen.method == "PUT"] == [503, 200]


def test_xet_is_refused_and_falls_back_where_the_client_can(tmp_path: Path) -> None:
    """Up to 1.x the client takes ``xetEnabled: false`` for an answer; later ones fail at the token, nothing changed."""
    with LocalZoo(zoos=["hf"]) as zoo:
        before = zoo.commit("me/model", {"config.json": "{}"})
        (tmp_path / "a.safetensors").write_bytes(safetensors(9))
        upload = {"repo_id": "me/model", "path_or_fileobj": str(tmp_path / "a.safetensors"), "path_in_repo": "a.bin"}
        done = official(zoo, tmp_path, ("upload_file", upload), environ={"HF_HUB_DISABLE_XET": "0"})
        asked = [seen for seen in zoo.requests if "xet-write-token" in seen.path]
        assert ("answer" in done[0]) == (not asked)
        assert (zoo.head("me/model") == before) == bool(asked)
        assert {seen.status for seen in asked} <= {404}
