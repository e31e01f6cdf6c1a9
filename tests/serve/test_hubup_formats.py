"""What clients send to a Hub, parsed: commits line by line, samples of files, rules of what is ignored."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zooclient.serve.accounts import Account, Accounts
from zooclient.serve.exchange import Answer, Question
from zooclient.serve.folder import FolderShelf
from zooclient.serve.hubwrites.ignoring import Ignored
from zooclient.serve.hubwrites.ndjson import (
    AddFile,
    AddLarge,
    Candidate,
    Copy,
    Delete,
    Header,
    Operation,
    read_candidates,
    read_commit,
)
from zooclient.serve.hubwrites.writable import Writable
from zooclient.serve.huggingface import speak
from zooclient.serve.protocol import Options, Site
from zooclient.serve.signing import Signer

_PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda path: not path.endswith("/")
)
_OIDS = st.binary(min_size=32, max_size=32).map(bytes.hex)
_OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(AddFile, path=_PATHS, content=st.binary(max_size=50), old_path=st.none() | _PATHS),
    st.builds(AddLarge, path=_PATHS, oid=_OIDS, size=st.none() | st.integers(0, 1 << 40), old_path=st.none() | _PATHS),
    st.builds(Copy, path=_PATHS, source=_PATHS, revision=st.none() | _PATHS),
    st.builds(Delete, path=_PATHS, folder=st.booleans()),
)
_HEADERS = st.builds(
    Header,
    summary=_PATHS.filter(str.strip),
    description=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    parent=st.none() | _OIDS.map(lambda oid: oid[:40]),
)


def _line(operation: Operation | Header) -> dict[str, Any]:
    match operation:
        case Header(summary=summary, description=description, parent=parent):
            more = {} if parent is None else {"parentCommit": parent}
            return {"key": "header", "value": {"summary": summary, "description": description, **more}}
        case AddFile(path=path, content=content, old_path=old):
            encoded = {"content": base64.b64encode(content).decode(), "encoding": "base64"}
            return {"key": "file", "value": {"path": path, **encoded, **({} if old is None else {"oldPath": old})}}
        case AddLarge(path=path, oid=oid, size=size, old_path=old):
            value = {"path": path, "algo": "sha256", "oid": oid, "size": size, "oldPath": old}
            return {"key": "lfsFile", "value": {key: item for key, item in value.items() if item is not None}}
        case Copy(path=path, source=source, revision=revision):
            return {"key": "copyFile", "value": {"path": path, "srcPath": source, "srcRevision": revision}}
        case Delete(path=path, folder=folder):
            return {"key": "deletedFolder" if folder else "deletedFile", "value": {"path": path}}


@given(header=_HEADERS, operations=st.lists(_OPERATIONS, max_size=8), ascii_alone=st.booleans())
def test_a_commit_is_read_as_it_was_written(header: Header, operations: list[Operation], ascii_alone: bool) -> None:
    """Header and operations come back as they were sent, in order, whichever letters they hold."""
    lines = [json.dumps(_line(one), ensure_ascii=ascii_alone).encode() + b"\n" for one in (header, *operations)]
    read, found = read_commit([b"\n", *lines, b"  \n"])
    assert (read, list(found)) == (header, operations)


@given(st.lists(st.binary(max_size=60) | st.from_type(object).map(lambda value: repr(value).encode()), max_size=5))
def test_any_bytes_are_a_commit_or_a_sentence(lines: list[bytes]) -> None:
    """Whatever comes is read or refused with a sentence; nothing else is raised."""
    try:
        header, operations = read_commit(lines)
        assert header.summary
        list(operations)
    except ValueError as error:
        assert str(error)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "size", "sample"]), inner),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"key": st.sampled_from(["file", "lfsFile", "copyFile", "deletedFile"]), "value": _JSON}))
def test_any_value_is_an_operation_or_a_sentence(line: dict[str, Any]) -> None:
    """An operation whose fields have other types is refused with a sentence."""
    header = json.dumps(_line(Header(summary="x"))).encode()
    try:
        list(read_commit([header, json.dumps(line).encode()])[1])
    except ValueError as error:
        assert str(error)


@given(_JSON)
def test_any_value_is_a_list_of_candidates_or_a_sentence(value: Any) -> None:
    """The body of ``preupload`` is read or refused with a sentence."""
    try:
        candidates, _, _ = read_candidates(json.dumps({"files": value}).encode())
        assert all(candidate.size >= 0 for candidate in candidates)
    except ValueError as error:
        assert str(error)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=400), st.integers(1, 600))
def test_text_is_text_wherever_its_sample_ends(text: str, cut: int) -> None:
    """A sample that ends within a letter is still one of a text; with a NUL it is none."""
    whole = text.encode()
    assert not Candidate(path="x", size=len(whole), sample=whole[:cut]).binary
    assert Candidate(path="x", size=len(whole) + 1, sample=b"\0" + whole[:cut]).binary


@given(st.binary(min_size=1, max_size=50))
def test_a_whole_sample_is_text_as_utf8_has_it(sample: bytes) -> None:
    """A sample that is the whole file is text exactly when it is UTF-8 without a NUL."""
    try:
        text = b"\0" not in sample and bool(sample.decode())
    except UnicodeDecodeError:
        text = False
    assert Candidate(path="x", size=len(sample), sample=sample).binary is not text


@pytest.fixture(scope="module")
def hub() -> Iterator[Callable[[Question], Answer]]:
    """The Hub's own origin without a socket, with one model of ``me``."""
    shelf = FolderShelf(None)
    shelf.commit("me/model", {"config.json": b"{}"})
    writable = Writable(shelf)
    writable.quota = 10_000_000
    site = Site(
        shelf=shelf,
        accounts=Accounts((Account(name="me", token="hf_me", role="write"),)),
        signer=Signer(),
        byte_origin=lambda base: base,
        options=Options(writable=writable),
    )
    yield speak(site).hub
    writable.close()
    shelf.close()


_NAMES = st.sampled_from(
    [
        *("name", "organization", "type", "visibility", "private", "gated", "fromRepo", "toRepo", "operation", "ref"),
        *("transfers", "objects", "hash_algo", "oid", "size", "parts", "startingPoint", "overwrite", "tag", "content"),
        *("files", "gitIgnore", "gitAttributes", "path", "sample", "message"),
    ]
)
_WORDS = st.sampled_from(["me", "me/model", "model", "upload", "sha256", "public", "main", "\ud800", "../x", "a" * 64])
_BODIES = st.dictionaries(
    _NAMES,
    st.recursive(
        st.none() | st.booleans() | st.integers(-1, 99) | st.floats() | _WORDS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
        max_leaves=8,
    ),
    max_size=8,
)
_CALLS = st.sampled_from(
    [
        *(("POST", path) for path in ("/api/repos/create", "/api/repos/move", "/api/validate-yaml")),
        *(("POST", f"/me/model.git/info/lfs/objects/{verb}") for verb in ("batch", "verify")),
        *(
            ("POST", f"/api/models/me/model/{verb}")
            for verb in ("preupload/main", "branch/x", "tag/main", "commit/main")
        ),
        *(
            ("POST", "/api/complete_multipart"),
            ("DELETE", "/api/repos/delete"),
            ("PUT", "/api/models/me/model/settings"),
        ),
    ]
)


@given(call=_CALLS, body=_BODIES)
def test_any_body_is_answered(hub: Callable[[Question], Answer], call: tuple[str, str], body: dict[str, Any]) -> None:
    """Whatever a body holds, each call is answered in the shape of the Hub: never with a fault of our own."""
    method, path = call
    if method == "DELETE":
        body = {**body, "name": "nowhere"}  # the model must stay for the other examples
    if path.endswith("move"):
        body = {**body, "fromRepo": "me/nowhere"}
    question = Question(
        method=method,
        path=path,
        headers={"authorization": "Bearer hf_me"},
        body=json.dumps(body).encode(),
        base="http://127.0.0.1:1",
    )
    answer = hub(question)
    assert isinstance(answer.body, bytes)
    assert 200 <= answer.status < 500
    if answer.status >= 400:
        told = json.loads(answer.body)
        assert told.get("error") or told.get("errors")


_RULES = """
# a comment
*.log
!keep.log
build/
/top.txt
docs/**/draft
**/cache
a/**
data/*.csv
[ab]?.bin
\\#odd
trailing\\ space
"""
_IGNORED_OR_NOT = [
    *("x.log", "keep.log", "a.b/x.log", "build/x", "src/build/y", "build", "top.txt", "sub/top.txt", "docs/draft"),
    *("docs/a/b/draft", "draft", "cache", "x/cache/y", "a/b", "a", "b/a", "data/x.csv", "data/sub/x.csv", "a1.bin"),
    *("c1.bin", "#odd", "# a comment", "trailing space", "x.logs", "build.txt", "[ab]?.bin"),
]


def test_rules_of_ignoring_are_gits(tmp_path: Path) -> None:
    """What is left out is what ``git check-ignore`` leaves out."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    subprocess.run([git, "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(_RULES)
    asked = subprocess.run(
        [git, "-C", str(tmp_path), "check-ignore", "--no-index", "-z", "--stdin"],
        input="\0".join(_IGNORED_OR_NOT),
        capture_output=True,
        text=True,
        check=False,
    )
    theirs = set(asked.stdout.rstrip("\0").split("\0"))
    ignored = Ignored(_RULES)
    assert {path for path in _IGNORED_OR_NOT if ignored(path)} == theirs


@given(
    st.text(st.sampled_from("a*?[]!/\\# \n-^."), max_size=30), st.text(st.sampled_from("ab/."), min_size=1, max_size=12)
)
def test_any_rules_can_be_asked(rules: str, path: str) -> None:
    """No text breaks the rules, and none of them leaves out a file that an empty text does not mention."""
    assert Ignored(rules)(path) in (True, False)
    assert not Ignored(None)(path)
