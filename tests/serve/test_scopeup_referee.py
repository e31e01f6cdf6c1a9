"""ModelScope's own client writes to a local zoo: what it does is the protocol, and every zoo shows what it wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from scopeup import SCHEME, begun, carried_out, order, sent
from served_models import safetensors, tiny, write

from zooclient import Client
from zooclient.testing import Do, Edit, LocalZoo, Lost, Status

pytestmark = pytest.mark.official

_FILES = {**tiny(), "configuration.json": b'{"framework": "pytorch"}'}
_LARGE = ("model.safetensors", "onnx/model.onnx")


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    pytest.importorskip("modelscope_hub", reason="modelscope is not installed")


@pytest.fixture(params=[False, True], ids=["two-origins", "one-origin"])
def zoo(request: pytest.FixtureRequest) -> Iterator[LocalZoo]:
    """An empty zoo."""
    with LocalZoo(one_origin=request.param) as zoo:
        yield zoo


@pytest.fixture
def one() -> Iterator[LocalZoo]:
    """An empty zoo whose blobs go to a second origin."""
    with LocalZoo() as zoo:
        yield zoo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to upload."""
    return write(tmp_path, "mine", _FILES)


def _sha256(files: dict[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


def _held(zoo: LocalZoo, home: Path, model: str) -> dict[str, str]:
    """Path to sha256 of what our own client downloads."""
    with Client(home=home / "store", endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        snapshot = client.download(f"modelscope:{model}@{zoo.head(model, zoo=SCHEME)}", weights="all")
        return {entry.path: entry.sha256 for entry in snapshot.files if entry.path != ".gitattributes"}


def test_a_folder_goes_up_and_comes_down(zoo: LocalZoo, tmp_path: Path, folder: Path) -> None:
    """What the official client uploads, it and our own client download again, byte for byte, at a commit."""
    token = zoo.tokens[SCHEME]
    made, up, files, down = carried_out(
        zoo,
        tmp_path / "home",
        order("create_repo", token, model="me/mine", visibility="private", license="mit", chinese_name="小"),
        order("upload_folder", token, model="me/mine", folder=str(folder), commit_message="First"),
        order("files", token, model="me/mine"),
        order("download", token, model="me/mine", folder=str(tmp_path / "down")),
    )
    assert made == {"answer": "me/mine"} and up == {"answer": {}}
    listed = {path: digest for path, digest in files["answer"].items() if digest and path != ".gitattributes"}
    assert listed == _sha256(_FILES) == _held(zoo, tmp_path, "me/mine")
    assert set(down["answer"]) >= set(_FILES)
    assert {seen.path.split("/")[-2] for seen in sent(zoo)} == {_sha256(_FILES)[path] for path in _LARGE}
    assert zoo.names() == ("me/mine",)


def test_blobs_go_to_the_second_origin_with_the_token(one: LocalZoo, tmp_path: Path, folder: Path) -> None:
    """The zoo's host for blobs is its own and wants the token: both ways of showing it are sent there."""
    carried_out(one, tmp_path, order("upload_folder", one.tokens[SCHEME], model="me/mine", folder=str(folder)))
    assert [(seen.origin, seen.status) for seen in sent(one)] == [("cdn", 200)] * 2
    for seen in sent(one):
        assert seen.headers["authorization"] == f"Bearer {one.tokens[SCHEME]}"
        assert f"m_session_id={one.tokens[SCHEME]}" in seen.headers["cookie"]
        assert seen.headers["content-length"] == seen.path.rpartition("/")[2]


def test_an_upload_without_a_model_makes_a_public_one(one: LocalZoo, tmp_path: Path) -> None:
    """Whoever uploads to what is not there publishes it to the world: the client asks for visibility 5."""
    up, visible, strangers = carried_out(
        one,
        tmp_path,
        order("upload_file", one.tokens[SCHEME], model="me/oops", text="# Mine", path="README.md"),
        order("get_repo", one.tokens[SCHEME], model="me/oops"),
        order("repo_exists", None, model="me/oops"),
    )
    assert (up, visible, strangers) == ({"answer": {}}, {"answer": "5"}, {"answer": True})
    made = next(seen for seen in one.requests if seen.path == "/api/v1/models")
    assert json.loads(made.body) == {"Path": "me", "Name": "oops", "Visibility": 5, "License": "Apache-2.0"}


def test_every_way_to_publish_works(one: LocalZoo, tmp_path: Path, folder: Path) -> None:
    """The older calls of ``modelscope`` come down to the same requests; a blob that is there is not sent twice."""
    token, home = one.tokens[SCHEME], str(folder)
    told = carried_out(
        one,
        tmp_path,
        order("create_model", token, model="me/a", visibility=3, license="MIT License", chinese_name="甲"),
        order("old_upload_folder", token, model="me/a", folder=home),
        order("push_model", token, model="me/b", folder=home, visibility=1),
        order("get_repo", token, model="me/b"),
        order("repo_exists", None, model="me/a"),
        order("repo_exists", None, model="me/b"),
        order("push_to_hub", token, model="me/c", folder=home, private=True),
    )
    url = f"{one.endpoints[SCHEME]}/models/me/a"
    assert [step.get("answer") for step in told] == [url, {}, None, "1", False, False, True]
    assert [seen.status for seen in sent(one)] == [200, 200]
    for model in ("me/a", "me/b", "me/c"):
        assert _held(one, tmp_path, model) == _sha256(_FILES)


def test_a_login_is_enough_to_write(one: LocalZoo, tmp_path: Path, folder: Path) -> None:
    """After a login the client shows what it kept of it, and needs no token in its calls."""
    told = carried_out(
        one,
        tmp_path,
        order("login", one.tokens[SCHEME]),
        order("create_repo", None, model="me/mine", visibility="private"),
        order("upload_folder", None, model="me/mine", folder=str(folder)),
    )
    assert told == [{"answer": "me"}, {"answer": "me/mine"}, {"answer": {}}]
    assert _held(one, tmp_path, "me/mine") == _sha256(_FILES)


def test_files_are_removed_and_states_are_tagged(one: LocalZoo, tmp_path: Path, folder: Path) -> None:
    """A tag keeps a state that a later commit leaves; no token deletes a model, and no name is given twice."""
    token = one.tokens[SCHEME]
    told = carried_out(
        one,
        tmp_path,
        order("upload_folder", token, model="me/mine", folder=str(folder)),
        order("create_tag", token, model="me/mine", tag="v1"),
        order("create_tag", token, model="me/mine", tag="v1"),
        order("create_tag", token, model="me/mine", tag="main"),
        order("delete_files", token, model="me/mine", delete_patterns=["onnx/*"]),
        order("revisions", token, model="me/mine"),
        order("delete_repo", token, model="me/mine"),
        order("upload_file", token, model="me/mine", text="x", path="x.txt", revision="v1"),
    )
    assert told[1]["answer"] == f"{one.endpoints[SCHEME]}/models/me/mine/tags/v1"
    assert [step["error"] for step in (*told[2:4], *told[6:])] == [
        "AlreadyExistsError",
        "InvalidParameter",
        "InvalidParameter",
        "InvalidParameter",
    ]
    assert set(told[4]["answer"]["deleted_files"]) == {"onnx/model.onnx", "onnx/sub dir/f#1 é.txt"}
    assert [entry["Revision"] for entry in told[5]["answer"]] == ["v1", "master"]
    assert "web console" in told[6]["message"]
    assert one.head("me/mine", "v1", zoo=SCHEME) != one.head("me/mine", zoo=SCHEME)
    assert "onnx/model.onnx" not in _held(one, tmp_path, "me/mine")


def test_those_who_may_not_are_refused(one: LocalZoo, tmp_path: Path) -> None:
    """A taken name, another's namespace, a token that only reads, none, and nobody's: each has its error."""
    one.commit("you/theirs", {"a.txt": "a"})
    reader = one.add_account("reader", zoo=SCHEME)
    file = {"text": "x", "path": "x.txt"}
    told = carried_out(
        one,
        tmp_path,
        order("create_repo", one.tokens[SCHEME], model="me/a"),
        order("create_repo", one.tokens[SCHEME], model="me/A"),
        order("create_repo", one.tokens[SCHEME], model="you/new"),
        order("upload_file", one.tokens[SCHEME], model="you/theirs", **file),
        order("create_repo", reader, model="reader/a"),
        order("create_repo", None, model="me/b"),
        order("create_model", "ms-not-a-token", model="me/b"),
        order("create_tag", one.tokens[SCHEME], model="you/theirs", tag="v1"),
        order("upload_file", one.tokens[SCHEME], model="you/nothing", **file),
    )
    assert [(step.get("error"), step.get("status")) for step in told] == [
        (None, None),
        ("AlreadyExistsError", 400),
        ("PermissionDeniedError", 403),
        ("PermissionDeniedError", 403),
        ("PermissionDeniedError", 403),
        ("AuthenticationError", 401),
        ("ValueError", None),
        ("PermissionDeniedError", 403),
        ("NotExistError", 404),
    ]
    assert one.names() == ("me/a", "you/theirs")


def test_a_full_account_takes_nothing_more(one: LocalZoo, tmp_path: Path, folder: Path) -> None:
    """Over quota a blob is refused before it is sent, a small file with its commit; neither is tried again."""
    one.huggingface.quota(8000)
    token = one.tokens[SCHEME]
    told = carried_out(
        one,
        tmp_path,
        order("upload_folder", token, model="me/mine", folder=str(folder)),
        order("upload_file", token, model="me/mine", text="x" * 8000, path="x.txt"),
    )
    assert told[0]["error"] == "StorageError"  # what it says of a folder, whatever went wrong with its files
    assert (told[1]["error"], told[1]["status"]) == ("QuotaExceededError", 403)
    assert sent(one) == []
    assert "model.safetensors" not in _held(one, tmp_path, "me/mine")


def test_a_refusal_with_status_200_is_one(one: LocalZoo, tmp_path: Path) -> None:
    """The client looks at the envelope of a commit, whatever the status: nothing is taken for done that is not."""
    envelope = {"Code": 10010200001, "Success": False, "Message": "no permission to access this model", "Data": None}
    one.fail("/api/v1/repos/models/*/commit/*", Status(200, body=json.dumps(envelope), first=True))
    (told,) = carried_out(one, tmp_path, order("upload_file", one.tokens[SCHEME], model="me/a", text="x", path="x.txt"))
    assert told["error"] == "APIError" and "no permission" in told["message"]
    assert _held(one, tmp_path, "me/a") == {}


def test_a_branch_that_moved_is_tried_again(one: LocalZoo, tmp_path: Path) -> None:
    """A commit names no parent: a conflict is told by one code, and the client sends the same commit once more."""
    body = {"Code": 10030000001, "Success": False, "Message": "could not update refs, please retry"}
    conflict = one.fail("/api/v1/repos/models/*/commit/*", Status(409, body=json.dumps(body), first=True))
    (told,) = carried_out(one, tmp_path, order("upload_file", one.tokens[SCHEME], model="me/a", text="x", path="x.txt"))
    assert told == {"answer": {}} and conflict.hits == 1
    assert sum("/commit/" in seen.path for seen in one.requests) == 2
    assert _held(one, tmp_path, "me/a") == _sha256({"x.txt": b"x"})


def test_two_who_commit_keep_each_others_files(one: LocalZoo, tmp_path: Path) -> None:
    """Under an author's feet a branch moves unseen: other files stay, and of one file the last version wins."""
    token = one.tokens[SCHEME]
    carried_out(one, tmp_path / "a", order("upload_file", token, model="me/a", text="old", path="both.txt"))
    one.commit("me/a", {"theirs.txt": "theirs", "both.txt": "theirs"})
    carried_out(one, tmp_path / "b", order("upload_file", token, model="me/a", text="mine", path="both.txt"))
    assert _held(one, tmp_path, "me/a") == _sha256({"both.txt": b"mine", "theirs.txt": b"theirs"})


def test_only_the_rest_is_sent_after_a_kill(one: LocalZoo, tmp_path: Path) -> None:
    """Killed while a blob is under way, the client sends none again that had arrived, and the commit is whole."""
    files = {f"part{number}.safetensors": safetensors(5000, number) for number in range(4)}
    folder = write(tmp_path, "mine", files)
    upload = order("upload_folder", one.tokens[SCHEME], model="me/mine", folder=str(folder))
    digests = [hashlib.sha256(content).hexdigest() for content in files.values()]
    third, reached = f"/api/v1/repos/models/*/blobs/{digests[2]}/*", Event()
    one.fail(third, Lost(method="PUT"))
    one.fail(third, Do(reached.set, method="PUT"))
    with begun(one, tmp_path / "home") as client:
        assert client.stdin is not None
        client.stdin.write(json.dumps([upload]))
        client.stdin.close()
        assert reached.wait(60)
        client.kill()
    assert [seen.path.split("/")[-2] for seen in sent(one)] == digests[:3]
    one.heal()
    one.forget()
    assert carried_out(one, tmp_path / "home", upload) == [{"answer": {}}]
    assert [seen.path.split("/")[-2] for seen in sent(one)] == digests[3:]
    assert _held(one, tmp_path, "me/mine") == _sha256(files)


def test_the_client_shows_its_token_to_any_host_that_it_is_sent_to(one: LocalZoo, tmp_path: Path, folder: Path) -> None:
    """An answer that names a foreign host for a blob gets the token sent there: whoever lets it work must guard it."""
    with LocalZoo(zoos=(SCHEME,)) as foreign:

        def elsewhere(document: Any) -> Any:
            text = json.dumps(document).replace(one.byte_origins[SCHEME], foreign.byte_origins[SCHEME])
            return json.loads(text)

        one.fail("/api/v1/repos/models/*/objects/batch", Edit(elsewhere))
        (told,) = carried_out(
            one, tmp_path, order("upload_file", one.tokens[SCHEME], model="me/a", text="x", path="w.bin")
        )
        assert told["error"] == "InvalidParameter"  # our own refusal: the foreign zoo knows no such token
        (seen,) = sent(foreign)
        assert seen.headers["authorization"] == f"Bearer {one.tokens[SCHEME]}"


def test_a_note_in_the_folder_hides_what_the_zoo_lost(one: LocalZoo, tmp_path: Path, folder: Path) -> None:
    """What its note calls committed is never sent again, though the zoo has it no more: the note lies in the folder."""
    upload = order("upload_folder", one.tokens[SCHEME], model="me/mine", folder=str(folder))
    assert carried_out(one, tmp_path / "home", upload) == [{"answer": {}}]
    assert (folder / ".ms_upload_cache").exists()
    one.commit("me/mine", {"config.json": None})
    assert carried_out(one, tmp_path / "home", upload) == [{"answer": None}]
    assert "config.json" not in _held(one, tmp_path, "me/mine")
    fresh = {**upload, "arguments": {**upload["arguments"], "use_cache": False}}
    assert carried_out(one, tmp_path / "home", fresh) == [{"answer": {}}]
    assert _held(one, tmp_path / "again", "me/mine") == _sha256(_FILES)
