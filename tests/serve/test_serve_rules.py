"""The pure parts of serving: ranges, large files, front matter, listings, and the shape of payloads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served_models import CARD, safetensors, tiny, write
from support import recorded

from zooclient.errors import ConfigError
from zooclient.serve.accounts import Accounts
from zooclient.serve.attributes import LARGE, Attributes
from zooclient.serve.describe import counted, front_matter, safetensors_header
from zooclient.serve.exchange import Answer, Question
from zooclient.serve.folder import FolderShelf
from zooclient.serve.huggingface import Hub
from zooclient.serve.protocol import Options, Site
from zooclient.serve.ranges import wanted
from zooclient.serve.shelf import ShelfFile, commit_id, pointer
from zooclient.serve.signing import Grant, Signer


@given(first=st.integers(0, 300), length=st.integers(1, 300), size=st.integers(1, 300))
def test_a_range_is_what_it_says(first: int, length: int, size: int) -> None:
    """A range within the file is exactly that; one that runs over the end is cut; one beyond it is refused."""
    header = f"bytes={first}-{first + length - 1}"
    if first >= size:
        with pytest.raises(ValueError, match="beyond"):
            wanted(header, size)
    else:
        assert wanted(header, size) == (first, min(length, size - first))


@given(st.text(max_size=30), st.integers(0, 100))
def test_odd_ranges_never_break(header: str, size: int) -> None:
    """Whatever the header, the answer is the whole, a part within the file, or a refusal."""
    for text in (header, f"bytes={header}"):
        try:
            span = wanted(text, size)
        except ValueError:
            continue
        assert span is None or (span[0] >= 0 and span[1] > 0 and sum(span) <= size)


@pytest.mark.parametrize(
    ("path", "size", "large"),
    [
        ("model.safetensors", 1, True),
        ("deep/down/weights.GGUF", 1, False),
        ("deep/down/weights.gguf", 1, True),
        ("config.json", LARGE, False),
        ("tokenizer.json", LARGE + 1, True),
        ("saved_model/variables/data", 1, True),
        ("runs/events.out.tfevents.1", 1, True),
        ("archive.tar.gz", 1, True),
        ("README.md", 1, False),
    ],
)
def test_large_files_are_told_as_the_hub_does(path: str, size: int, large: bool) -> None:
    """Without ``.gitattributes`` the Hub's standard patterns and its limit of size decide."""
    assert Attributes(None).large(path, size) is large


def test_gitattributes_decide() -> None:
    """A repository's own rules replace the standard ones, and the last that fits wins."""
    rules = Attributes(
        "# note\n*.json filter=lfs diff=lfs merge=lfs -text\nconfig.json -filter\n/deep/*.txt filter=lfs\n"
    )
    assert rules.large("tokenizer.json", 1)
    assert not rules.large("config.json", 1)
    assert not rules.large("model.safetensors", 1)
    assert rules.large("deep/a.txt", 1)
    assert not rules.large("a.txt", 1)


@pytest.mark.parametrize(
    ("text", "card"),
    [
        (CARD, {"license": "mit", "released": "2024-05-06"}),
        ("---\r\nlicense: mit\r\n---\r\n# x", {"license": "mit"}),
        ("\ufeff---\nlicense: mit\n---\n", {"license": "mit"}),
        ("---\n1: .nan\n---\n", {"1": None}),
        ("# no head", None),
        ("---\nlicense: [mit\n---\n", None),
        ("---\njust text\n---\n", None),
        ("---\na: &x [1]\nb: *x\n---\n", None),
        ("---\nwhen: 2024-99-99\n---\n", None),
        ("", None),
    ],
)
def test_front_matter(text: str, card: dict[str, Any] | None) -> None:
    """Front matter is read where it is sound, as JSON can say it, and is absent where it is not."""
    read = front_matter(text)
    assert (read is None) == (card is None)
    assert {key: (read or {}).get(key) for key in card or {}} == (card or {})


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_may_call_themselves_safetensors(content: bytes) -> None:
    """A broken header counts nothing and breaks nothing."""
    header = safetensors_header(content[:8], lambda count: content[8 : 8 + count])
    assert header is None or isinstance(counted(header), dict)


def test_parameters_are_counted_by_type() -> None:
    """Elements are counted from shapes."""
    content = safetensors(12)
    header = safetensors_header(content[:8], lambda count: content[8 : 8 + count])
    assert header is not None
    assert counted(header) == {"F32": 12}


_FILES = st.dictionaries(st.text("ab/é", min_size=1, max_size=6), st.integers(0, 9), max_size=5)


@given(_FILES, _FILES)
def test_a_commit_is_its_content(one: dict[str, int], two: dict[str, int]) -> None:
    """The same files are the same commit, in whichever order they were met; others are another."""

    def commit(files: dict[str, int]) -> str:
        return commit_id(
            {path: ShelfFile(path=path, size=size, oid="0" * 40, content="0" * 64) for path, size in files.items()}
        )

    assert commit(one) == commit(dict(reversed(one.items())))
    assert (commit(one) == commit(two)) == (one == two)


def test_a_pointer_has_the_length_that_the_hub_tells() -> None:
    """The pointer text of a recorded file is as long as the Hub says."""
    told = json.loads(recorded("huggingface", "tree_single_entry_whisper-tiny.json").read_bytes())[0]["lfs"]
    assert len(pointer(told["oid"], told["size"])) == told["pointerSize"]


def test_pointers_hash_to_the_recorded_oid() -> None:
    """The git id of a large file is that of its pointer, as recorded."""
    entries = json.loads(recorded("huggingface", "tree_main_xet_sharded.json").read_bytes())
    large = [entry for entry in entries if "lfs" in entry]
    assert large
    for entry in large:
        text = pointer(entry["lfs"]["oid"], entry["lfs"]["size"])
        assert hashlib.sha1(b"blob %d\0" % len(text) + text).hexdigest() == entry["oid"]


def test_signatures_bind_every_part() -> None:
    """A link opens what it was made for, until its time, and nothing else."""
    signer = Signer()
    grant = Grant(model="a/b", commit="0" * 40, file="x y.bin", sha256="1" * 64, size=5, expires=100)
    path, _, query = signer.link("http://h:1", "2" * 24, grant).removeprefix("http://h:1").partition("?")
    assert signer.read(path, query, 99.9) == grant
    assert signer.read(path, query, 100.0) is None
    assert signer.read(path.replace("1", "3"), query, 0) is None
    assert Signer().read(path, query, 0) is None
    assert signer.read(path, "", 0) is None
    assert signer.read(path, "Policy=%FF&Signature=%C3%A9", 0) is None


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A few models, asked without a socket."""
    for index, name in enumerate(("org/alpha", "org/beta", "other/gamma")):
        write(tmp_path, name, {**tiny(index), "model.safetensors": safetensors(1000 * (index + 1))})
    (tmp_path / "stray.txt").write_text("no model")
    (tmp_path / "-bad-/name").mkdir(parents=True)
    (tmp_path / ".cache/huggingface").mkdir(parents=True)
    write(tmp_path, "other/plain", {"config.json": b"{broken", "README.md": b"---\n: [\n---\n", ".git/config": b"x"})
    shelf = FolderShelf(tmp_path, keep_limit=0)
    yield Hub(
        Site(
            shelf=shelf,
            accounts=Accounts(),
            signer=Signer(),
            byte_origin=lambda base: "http://bytes:1",
            options=Options(page_size=2),
        )
    )
    shelf.close()


def _ask(hub: Hub, path: str, query: str = "", **headers: str) -> Answer:
    return hub.answer(Question(method="GET", path=path, query=query, headers=headers, base="http://hub:9"))


def _ids(answer: Answer) -> list[str]:
    assert isinstance(answer.body, bytes)
    return [row["id"] for row in json.loads(answer.body)]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("search=ALPHA", ["org/alpha"]),
        ("author=org", ["org/alpha", "org/beta"]),
        ("filter=license:mit&filter=de&author=other", ["other/gamma"]),
        ("filter=license:mit&filter=nope", []),
        ("pipeline_tag=text-classification&limit=1", ["org/alpha"]),
        ("gated=true", []),
        ("sort=num_parameters", ["other/gamma", "org/beta"]),
        ("sort=num_parameters&direction=1", ["other/plain", "org/alpha"]),
        ("num_parameters=min:2K,max:2.5K", ["org/beta"]),
        ("num_parameters=min:0.003M", ["other/gamma"]),
        ("inference=warm", []),
        ("sort=mainSize&limit=1", ["other/gamma"]),
    ],
)
def test_listing_parameters(hub: Hub, query: str, ids: list[str]) -> None:
    """Each parameter of a listing does what the Hub's does."""
    assert _ids(_ask(hub, "/api/models", query)) == ids


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/models", "sort=beauty"),
        ("/api/models", "num_parameters=many"),
        ("/api/models", "limit=x"),
        ("/api/models", "limit=0"),
        ("/api/models", "cursor=!!"),
        ("/api/models", "expand=nope"),
        ("/api/models/org/alpha", "expand[]=nope"),
    ],
)
def test_bad_parameters_get_400(hub: Hub, path: str, query: str) -> None:
    """A parameter that the Hub would refuse is refused."""
    assert _ask(hub, path, query).status == 400


def test_pages_carry_every_parameter_on(hub: Hub) -> None:
    """``Link`` is absolute, of the own host, and keeps the query; the last page has none."""
    first = _ask(hub, "/api/models", "full=true&filter=license%3Amit")
    link = first.headers["link"]
    assert link.startswith("<http://hub:9/api/models?full=true&filter=license%3Amit&cursor=")
    assert link.endswith('>; rel="next"')
    second = _ask(hub, "/api/models", link[1:].partition("?")[2].partition(">")[0])
    assert _ids(first) + _ids(second) == ["org/alpha", "org/beta", "other/gamma"]
    assert "link" not in second.headers


def test_a_model_without_sound_files_is_still_there(hub: Hub) -> None:
    """A broken card, a broken config and a ``.git`` folder hide nothing but themselves."""
    answer = _ask(hub, "/api/models/other/plain", "blobs=true")
    assert isinstance(answer.body, bytes)
    info = json.loads(answer.body)
    assert [entry["rfilename"] for entry in info["siblings"]] == ["README.md", "config.json"]
    assert "cardData" not in info
    assert info["tags"] == ["region:us"]


def test_info_has_the_fields_that_were_recorded(hub: Hub) -> None:
    """Every field of a recorded answer that a folder can tell is there, with the same type."""
    theirs = json.loads(recorded("huggingface", "model_info_gpt2.json").read_bytes())["body"]
    answer = _ask(hub, "/api/models/org/alpha")
    assert isinstance(answer.body, bytes)
    ours = json.loads(answer.body)
    unknowable = {"widgetData", "mask_token", "gguf", "inference"}
    assert set(theirs) - set(ours) <= unknowable
    for name in set(theirs) & set(ours):
        if ours[name] is not None and theirs[name] is not None:
            assert type(ours[name]) is type(theirs[name]), name
    row = json.loads(recorded("huggingface", "models_listing_default_two_rows.json").read_bytes())[0]
    listed = _ask(hub, "/api/models", "limit=1").body
    assert isinstance(listed, bytes)
    assert set(json.loads(listed)[0]) == set(row)


def test_tree_entries_have_the_recorded_shape(hub: Hub) -> None:
    """Entries have the fields that were recorded, but for Xet's."""
    theirs = json.loads(recorded("huggingface", "tree_main_xet_sharded.json").read_bytes())
    answer = _ask(hub, "/api/models/org/alpha/tree/main", "limit=2")
    assert isinstance(answer.body, bytes)
    shapes = {frozenset(entry) - {"xetHash"} for entry in theirs}
    assert {frozenset(entry) for entry in json.loads(answer.body)} <= shapes


_PARTS = st.sampled_from(
    [
        *("api", "models", "org", "alpha", "tree", "main", "resolve", "raw", "refs", "pr", "1", "revision", "commits"),
        *("..", "%2e%2e", "%2F", "", "%00", "%ff", "a%20b", "é", "resolve-cache", "paths-info", "spaces", "a" * 300),
        *("auth-check", "treesize", "config.json", "onnx", "xet-bridge-us", "whoami-v2", "models-tags-by-type"),
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(_PARTS, max_size=9), st.text(max_size=20), st.sampled_from(["GET", "HEAD", "POST"]))
def test_any_path_gets_an_answer(hub: Hub, parts: list[str], query: str, method: str) -> None:
    """No path and no query makes the Hub fail, and headers stay fit for the wire."""
    answer = hub.answer(Question(method=method, path="/" + "/".join(parts), query=query, base="http://hub:9"))
    assert answer.status in (200, 302, 307, 400, 404, 401, 403)
    for value in answer.headers.values():
        assert not set(value) & set("\r\n\0")


def test_bytes_that_were_overwritten_are_gone(hub: Hub, tmp_path: Path) -> None:
    """A file too large to be copied aside is not there any more once it was changed, and its successor is."""
    before = _ask(hub, "/org/alpha/resolve/main/model.safetensors")
    (tmp_path / "org/alpha/model.safetensors").write_bytes(safetensors(4000))
    commit = before.headers["x-repo-commit"]
    after = _ask(hub, f"/org/alpha/resolve/{commit}/model.safetensors")
    assert (before.status, after.status, after.headers["x-error-code"]) == (302, 404, "EntryNotFound")
    assert _ask(hub, "/org/alpha/resolve/main/model.safetensors").headers["x-repo-commit"] != commit


def test_a_shelf_wants_a_folder_and_sound_names(tmp_path: Path) -> None:
    """What cannot be served or committed is said at once."""
    with pytest.raises(ConfigError, match="is not a folder"):
        FolderShelf(tmp_path / "nowhere")
    shelf = FolderShelf(None)
    for name in ("name", "a/b/c", "../x", "a/-b", "a/b--c"):
        with pytest.raises(ConfigError, match="not an id"):
            shelf.commit(name, {})
    for path in ("../x", "/x", "a//b", ".git/config", "a/./b", "a\nb", ""):
        with pytest.raises(ConfigError, match="not a path"):
            shelf.commit("a/b", {path: b""})
    with pytest.raises(ConfigError, match="no model"):
        shelf.point("a/b", "tag", "v1", "main")
    shelf.commit("a/b", {"x": b"1"})
    with pytest.raises(ConfigError, match="no revision"):
        shelf.point("a/b", "tag", "v1", "nowhere")
    shelf.close()
