"""Search, resolve, locate and whoami of the Hub, run on answers that are given in place of a network."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hub_answers import HUB, OTHER, SHA, Server, answer, info, refuse

from zooclient.errors import (
    AccessError,
    ConfigError,
    Gone,
    IntegrityError,
    NetworkError,
    NotFound,
    ProtocolError,
    RateLimited,
    RefError,
    Unsupported,
    ZooError,
)
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.base import Provider
from zooclient.providers.huggingface.provider import HuggingFace
from zooclient.records.model import ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref

TINY = "/api/models/acme/tiny?blobs=true"
TREE = f"/api/models/acme/tiny/tree/{SHA}?recursive=true&expand=false"


def resolve(text: str, answers: dict[str, Any], *, demos: bool = False) -> ModelRecord:
    """Resolves a reference against given answers."""
    return replay(HuggingFace().resolve(Ref.parse(text), demos=demos), Server(answers))


def search(query: Query, answers: dict[str, Any], cursor: str | None = None) -> Page:
    """Searches given answers."""
    return replay(HuggingFace().search(query, cursor), Server(answers))


# -- resolve ------------------------------------------------------------------------------------


def test_it_is_a_provider() -> None:
    """The Hub fulfils the protocol that every zoo fulfils."""
    assert isinstance(HuggingFace(), Provider)


def test_one_request_for_a_whole_record() -> None:
    """A Hub that tells sizes and digests with the record is asked once."""
    server = Server({TINY: info()})
    record = replay(HuggingFace().resolve(Ref.parse("hf:acme/tiny")), server)
    assert server.asked == [TINY]
    assert str(record.ref) == f"hf:acme/tiny@{SHA}" and record.pin == "commit"
    config, weights = record.files
    assert (config.size, config.digests) == (2, {"git-sha1": "9" * 39 + "a"})
    assert (weights.size, weights.digests) == (1000, {"sha256": "7" * 63 + "c"})
    assert record.license.spdx == "MIT", "the tag tells it when the front matter does not"


@pytest.mark.parametrize(
    ("revision", "path"),
    [
        ("main", "main"),
        ("v1.0", "v1.0"),
        ("feature/x", "feature%2Fx"),
        ("refs/pr/1", "refs%2Fpr%2F1"),
        (SHA, SHA),
        (SHA[:9], SHA[:9]),
    ],
)
def test_a_revision_is_one_part_of_the_address(revision: str, path: str) -> None:
    """Branches with slashes, pull requests, full and short commits are asked for as one path segment."""
    record = resolve(f"hf:acme/tiny@{revision}", {f"/api/models/acme/tiny/revision/{path}?blobs=true": info()})
    assert record.ref.revision == SHA and record.requested.revision == revision


def test_another_commit_than_the_one_asked_for_is_refused() -> None:
    """A full commit is answered with that commit, or not at all."""
    with pytest.raises(IntegrityError, match="was asked for, and the server answered with commit") as caught:
        resolve(f"hf:acme/tiny@{OTHER}", {f"/api/models/acme/tiny/revision/{OTHER}?blobs=true": info()})
    assert caught.value.exit_code == 5


def test_a_short_commit_is_the_beginning_of_the_answer() -> None:
    """A short commit that the answer does not begin with is refused, unless it is the name of a branch or tag."""
    asked = "/api/models/acme/tiny/revision/20240101?blobs=true"
    refs = "/api/models/acme/tiny/refs"
    tag = {"branches": [], "tags": [{"name": "20240101", "ref": "refs/tags/20240101", "targetCommit": SHA}]}
    assert resolve("hf:acme/tiny@20240101", {asked: info(), refs: tag}).ref.revision == SHA
    moved = {"branches": [{"name": "20240101", "targetCommit": OTHER}], "tags": None}
    wrong: tuple[Any, ...] = ({"branches": [], "tags": []}, moved, refuse(404, "RepoNotFound"))
    for names in wrong:
        with pytest.raises(IntegrityError):
            resolve("hf:acme/tiny@20240101", {asked: info(), refs: names})


def test_a_mirror_without_details_is_asked_for_the_tree() -> None:
    """Where the record lists names alone, the pages of the commit's tree give sizes and digests."""
    names = [{"rfilename": "config.json"}, {"rfilename": "a/b.safetensors"}]
    first = [{"type": "directory", "path": "a", "oid": "1" * 40, "size": 0}]
    first.append({"type": "file", "path": "config.json", "size": 2, "oid": "9" * 39 + "a"})
    lfs = {"oid": "7" * 63 + "c", "size": 9, "pointerSize": 130}
    second = [{"type": "file", "path": "a/b.safetensors", "size": 9, "oid": "8" * 39 + "b", "lfs": lfs}]
    server = Server(
        {
            TINY: info(siblings=names),
            TREE: answer(first, link=f'<{HUB}/api/models/acme/tiny/tree/{SHA}?cursor=2>; rel="next"'),
            f"/api/models/acme/tiny/tree/{SHA}?cursor=2": second,
        }
    )
    record = replay(HuggingFace().resolve(Ref.parse("hf:acme/tiny")), server)
    assert len(server.asked) == 3
    assert [(file.path, file.size) for file in record.files] == [("config.json", 2), ("a/b.safetensors", 9)]
    assert record.files[1].digests == {"sha256": "7" * 63 + "c"} and record.problems == ()


def test_a_mirror_without_tree_leaves_digests_unknown() -> None:
    """A server that has no tree leaves names without digests, and the record says so."""
    record = resolve("hf:acme/tiny", {TINY: info(siblings=[{"rfilename": "config.json"}])})
    assert record.files[0].digests == {} and record.files[0].size is None and record.total_size is None
    assert any("not told" in problem for problem in record.problems)


def test_a_tree_that_lacks_listed_files_is_told() -> None:
    """A file that the record lists and the tree does not have is a problem of the record."""
    names = [{"rfilename": "config.json"}, {"rfilename": "gone.bin"}]
    tree = [{"type": "file", "path": "config.json", "size": 2, "oid": "9" * 39 + "a"}]
    record = resolve("hf:acme/tiny", {TINY: info(siblings=names), TREE: tree})
    assert any("1 of the files" in problem for problem in record.problems)


def test_an_endless_tree_is_refused() -> None:
    """Pages that lead in a circle end in an error, not in a loop."""
    again = answer([], link=f'<{HUB}{TREE}>; rel="next"')
    with pytest.raises(ProtocolError, match="does not end"):
        resolve("hf:acme/tiny", {TINY: info(siblings=[{"rfilename": "x"}]), TREE: again})


def test_masked_digests_are_unknown() -> None:
    """What a gated tree masks is not known, and no further question is asked for it."""
    masked = [
        {"rfilename": "a.bin", "size": 5, "blobId": "*" * 40, "lfs": {"sha256": "*" * 64, "size": 5}},
        {"rfilename": "b.json", "size": 6, "blobId": None},
        {"rfilename": "c.json", "size": 7, "blobId": "0" * 40},
        {"rfilename": "d.bin", "size": 8, "blobId": "8" * 39 + "b", "lfs": {"sha256": None, "size": 8}},
        {"rfilename": "e.bin", "size": 9, "blobId": "8" * 39 + "b", "lfs": True},
    ]
    server = Server({TINY: info(siblings=masked, gated="auto")})
    record = replay(HuggingFace().resolve(Ref.parse("hf:acme/tiny")), server)
    assert [file.digests for file in record.files] == [{}] * 5
    assert [file.size for file in record.files] == [5, 6, 7, 8, 9]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("changes", "state", "word"),
    [
        ({"gated": "auto"}, "gated", "Accept"),
        ({"gated": "manual"}, "gated", "wait"),
        ({"private": True}, "private", "owner"),
        ({"disabled": True, "gated": "auto"}, "gone", "disabled"),
        ({}, "open", ""),
    ],
)
def test_access_is_a_state_with_a_page(changes: dict[str, Any], state: str, word: str) -> None:
    """Gated, private and disabled models resolve, and say what stands in the way and where to ask."""
    access = resolve("hf:acme/tiny", {TINY: info(**changes)}).access
    assert access.state == state and word in (access.how or "")
    assert access.url == (None if state == "open" else f"{HUB}/acme/tiny")


@pytest.mark.parametrize("siblings", [None, ..., "x", {"a": 1}, 7])
def test_a_record_without_list_of_files_is_of_the_wrong_shape(siblings: Any) -> None:
    """A list of files that is null, absent or something else is a ProtocolError that doubts the endpoint."""
    with pytest.raises(ProtocolError, match=r"the list of files") as caught:
        resolve("hf:acme/tiny", {TINY: info(siblings=siblings)})
    assert "endpoint" in (caught.value.hint or "")


def test_null_for_an_optional_list_reads_as_empty() -> None:
    """Tags, front matter and the like may be null or of another type; the record is still one."""
    odd = info(tags=None, cardData=None, likes="many", downloads=-3, lastModified="yesterday", safetensors=[], _id=5)
    record = resolve("hf:acme/tiny", {TINY: odd})
    assert record.tags == () and record.metadata == {} and record.license.raw is None
    assert (record.likes, record.downloads, record.updated_at, record.parameters) == (None, None, None, None)
    assert record.stable_id is None


@pytest.mark.parametrize("commit", [None, "main", SHA[:12], SHA.upper(), 5, ...])
def test_an_answer_without_commit_is_refused(commit: Any) -> None:
    """Without a full commit there is no pin, so there is no record."""
    with pytest.raises(ProtocolError, match="commit"):
        resolve("hf:acme/tiny", {TINY: info(sha=commit)})


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'{"siblings": [', b"\xff\xfe", b"[" * 100_000])
def test_a_listing_that_is_no_json_is_refused(body: bytes) -> None:
    """A login page, half an answer and bottomless nesting are ProtocolErrors."""
    server = Server({TINY: lambda request: Response(request=request, status=200, body=body)})
    with pytest.raises(ProtocolError, match="not JSON"):
        replay(HuggingFace().resolve(Ref.parse("hf:acme/tiny")), server)


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "a/../../x", "/etc/passwd", "C:/x", "c:x", "a\\b", "\\\\host\\share", "a\x00b", "a\nb", "", "."),
        *("a//b", "./a", "a/", ".git/hooks/x", "sub/.GIT/config", "\x85", "\ud800"),
    ],
)
def test_a_hostile_file_name_is_refused(name: str) -> None:
    """A name that could leave its folder, or mean another file elsewhere, is an IntegrityError."""
    listed = [{"rfilename": name, "size": 1, "blobId": "9" * 39 + "a"}]
    with pytest.raises(IntegrityError) as caught:
        resolve("hf:acme/tiny", {TINY: info(siblings=listed)})
    assert caught.value.exit_code == 5


def test_a_hostile_name_in_the_tree_alone_is_refused() -> None:
    """The names of the tree are held to the same rules as those of the record."""
    tree = [{"type": "file", "path": "../x", "size": 1, "oid": "9" * 39 + "a"}]
    with pytest.raises(IntegrityError):
        resolve("hf:acme/tiny", {TINY: info(siblings=[{"rfilename": "x"}]), TREE: tree})


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["aux.json"], "reserved"),
        (["sub/COM1"], "reserved"),
        (["a."], "dot or a space"),
        (["a /b"], "dot or a space"),
        (["a?b"], "character"),
        (["Model.bin", "model.bin"], "one name"),
        (["e\u0301.bin", "\u00e9.bin"], "one name"),
        (["x" * 256], "longer"),
        (["gnp.\u202etxt"], "direction"),
    ],
)
def test_a_name_that_some_system_cannot_hold_is_told(names: list[str], word: str) -> None:
    """Such a name is a problem of the record, not an error: other systems hold it."""
    listed = [{"rfilename": name, "size": 1, "blobId": "9" * 39 + "a"} for name in names]
    record = resolve("hf:acme/tiny", {TINY: info(siblings=listed)})
    assert len(record.files) == len(names)
    assert [word in problem for problem in record.problems] == [True]


def test_a_listing_that_contradicts_itself_is_refused() -> None:
    """One name with two contents, and a file that is also a folder, cannot be."""
    twice = [{"rfilename": "a", "size": size, "blobId": "9" * 39 + "a"} for size in (1, 2)]
    nested = [{"rfilename": name, "size": 1, "blobId": "9" * 39 + "a"} for name in ("a", "a/b")]
    for listed in (twice, nested):
        with pytest.raises(IntegrityError):
            resolve("hf:acme/tiny", {TINY: info(siblings=listed)})
    same = [twice[0], dict(twice[0])]
    assert len(resolve("hf:acme/tiny", {TINY: info(siblings=same)}).files) == 1


def test_too_large_fields_are_dropped_and_told() -> None:
    """A field of megabytes that we do not read does not stay with the record."""
    record = resolve("hf:acme/tiny", {TINY: info(widgetData=["x" * 2_000_000], usedStorage=5)})
    assert record.extra == {"usedStorage": 5}
    assert any("widgetData" in problem for problem in record.problems)


def test_a_redirect_to_another_server_is_refused() -> None:
    """A question that is sent on to another origin is not followed."""
    for target in ("https://evil.example/api/models/acme/tiny", "http://huggingface.co/api/models/acme/tiny"):
        away = refuse(307, location=target)
        with pytest.raises(IntegrityError, match="another server"):
            resolve("hf:acme/tiny", {TINY: away})


def test_a_ring_of_redirects_ends() -> None:
    """A server that redirects for ever is a ProtocolError."""
    with pytest.raises(ProtocolError, match="redirects more than"):
        resolve("hf:acme/tiny", {"*": refuse(307, location="/api/models/acme/tiny")})


def test_demos_are_asked_for_on_request() -> None:
    """Spaces that use the model come with address and state; a server that has none to tell is a problem, no error."""
    spaces = "/api/spaces?models=acme%2Ftiny&sort=likes&limit=100&expand=runtime&expand=likes"
    rows = [{"id": "me/show", "runtime": {"stage": "RUNNING"}}, {"id": "me/other", "runtime": None}, {"id": "../x"}]
    record = resolve("hf:acme/tiny", {TINY: info(), spaces: rows}, demos=True)
    assert [(demo.id, demo.url, demo.state) for demo in record.demos] == [
        ("me/show", f"{HUB}/spaces/me/show", "RUNNING"),
        ("me/other", f"{HUB}/spaces/me/other", None),
    ]
    record = resolve("hf:acme/tiny", {TINY: info()}, demos=True)
    assert record.demos == () and any("Demos" in problem for problem in record.problems)


def test_another_spelling_is_told() -> None:
    """The Hub's own spelling of an id wins, and is told."""
    record = resolve("hf:Acme/Tiny", {"/api/models/Acme/Tiny?blobs=true": info()})
    assert record.ref.id == "acme/tiny"
    assert record.problems == ("hf:Acme/Tiny is spelled hf:acme/tiny.",)


@pytest.mark.parametrize("name", [None, 5, "", "../../x", "datasets/x", "a/b/c", "a b"])
def test_an_answer_about_no_model_is_refused(name: Any) -> None:
    """An id that cannot be a model's never gets into a record."""
    with pytest.raises(ProtocolError, match="does not name a model"):
        resolve("hf:acme/tiny", {TINY: info(id=name)})


def test_licences_as_authors_write_them() -> None:
    """A list, a relative link and a name of their own are read; what is not certain stays open."""
    card = {"license": ["mit", "cc-by-nc-4.0"]}
    several = resolve("hf:acme/tiny", {TINY: info(cardData=card)}).license
    assert (several.spdx, several.raw, several.kind) == (None, "mit, cc-by-nc-4.0", "non-commercial")
    own = {"license": "other", "license_name": "acme-1", "license_link": "LICENSE.md"}
    license_ = resolve("hf:acme/tiny", {TINY: info(cardData=own)}).license
    assert license_.url == f"{HUB}/acme/tiny/blob/{SHA}/LICENSE.md" and license_.kind == "unknown"
    bad = {"license": "gpl-3.0", "license_link": "javascript:alert(1)"}
    license_ = resolve("hf:acme/tiny", {TINY: info(cardData=bad)}).license
    assert (license_.url, license_.spdx, license_.kind) == (None, None, "open-source")


def test_adult_content_is_marked() -> None:
    """The one tag for it sets the mark."""
    assert resolve("hf:acme/tiny", {TINY: info(tags=["not-for-all-audiences"])}).nsfw is True
    assert resolve("hf:acme/tiny", {TINY: info()}).nsfw is False


# -- locate -------------------------------------------------------------------------------------


def test_the_address_of_a_file() -> None:
    """The path is encoded but for its slashes, and the commit is the pinned one."""
    listed = [{"rfilename": "sub dir/f#1%?.txt", "size": 1, "blobId": "9" * 39 + "a"}]
    record = resolve("hf:acme/tiny", {TINY: info(siblings=listed)})
    url = HuggingFace("http://localhost:8000/hub/").locate(record, record.files[0]).url
    assert url == f"http://localhost:8000/hub/acme/tiny/resolve/{SHA}/sub%20dir/f%231%25%3F.txt"


# -- search -------------------------------------------------------------------------------------


def row(name: str, **fields: Any) -> dict[str, Any]:
    """Returns a row of a listing."""
    return {"id": name, "tags": [], "gated": False, **fields}


def asked(query: Query) -> list[tuple[str, str]]:
    """Returns the parameters that a query is sent with, without the fields it asks for."""
    server = Server({"*": []})
    replay(HuggingFace().search(query), server)
    return [(key, value) for key, value in parse_qsl(urlsplit(server.asked[0]).query) if key != "expand"]


def test_every_filter_is_sent() -> None:
    """Each field of a query that the Hub can apply goes over the wire in the Hub's own words."""
    query = Query(
        text="whisper small",
        author="openai",
        task="automatic-speech-recognition",
        library="transformers",
        license="Apache-2.0",
        base_model="hf:openai/whisper-base",
        language="de",
        format="safetensors",
        tags=("audio", "region:us"),
        gated=False,
        min_parameters=1_000_000,
        max_parameters=2_000_000_000,
        sort="trending",
        limit=7,
    )
    assert asked(query) == [
        ("search", "whisper small"),
        ("author", "openai"),
        ("pipeline_tag", "automatic-speech-recognition"),
        ("filter", "audio"),
        ("filter", "region:us"),
        ("filter", "transformers"),
        ("filter", "de"),
        ("filter", "license:apache-2.0"),
        ("filter", "safetensors"),
        ("filter", "base_model:openai/whisper-base"),
        ("gated", "false"),
        ("num_parameters", "min:1000000,max:2000000000"),
        ("sort", "trendingScore"),
        ("limit", "7"),
    ]


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (Query(), [("limit", "100")]),
        (Query(limit=5000), [("limit", "100")]),
        (Query(sort="updated"), [("sort", "lastModified"), ("limit", "100")]),
        (Query(sort="created"), [("sort", "createdAt"), ("limit", "100")]),
        (Query(sort="relevance"), [("limit", "100")]),
        (Query(format="pickle"), [("filter", "pytorch"), ("limit", "100")]),
        (Query(license="ODbL-1.0"), [("filter", "license:odbl"), ("limit", "100")]),
        (Query(license="GPL-3.0-only"), [("filter", "license:gpl-3.0"), ("limit", "100")]),
        (Query(min_parameters=3), [("num_parameters", "min:3"), ("limit", "100")]),
        (Query(gated=True, text=" "), [("gated", "true"), ("limit", "100")]),
    ],
)
def test_what_a_query_becomes(query: Query, sent: list[tuple[str, str]]) -> None:
    """Orders, formats and licences are translated; what is not asked for is not sent."""
    assert asked(query) == sent


def test_fields_that_a_hit_needs_are_asked_for() -> None:
    """The listing's default lacks author, gate and time of change, so they are asked for by name."""
    server = Server({"*": []})
    replay(HuggingFace().search(Query()), server)
    names = {value for key, value in parse_qsl(urlsplit(server.asked[0]).query) if key == "expand"}
    assert {"author", "gated", "lastModified", "downloads", "likes", "tags", "pipeline_tag"} <= names


def test_what_the_zoo_cannot_apply_is_reported() -> None:
    """An order that the Hub lacks, and a base model of another zoo, are named as not applied."""
    page = search(Query(sort="relevance", base_model="civitai:123"), {"*": [row("a/b")]})
    assert page.unapplied == ("sort", "base_model")
    with pytest.raises(RefError):
        search(Query(base_model="no such thing"), {"*": []})


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (Query(), ["a/open", "b/gated", "a/typed"]),
        (Query(nsfw=True), ["a/open", "b/gated", "a/adult", "a/typed"]),
        (Query(author="A"), ["a/open", "a/typed"]),
        (Query(gated=True), ["b/gated"]),
        (Query(gated=False), ["a/open", "a/typed"]),
        (Query(task="fill-mask"), ["a/typed"]),
        (Query(library="Transformers"), ["a/typed"]),
        (Query(tags=("one",)), ["a/typed"]),
        (Query(tags=("one", "two")), []),
        (Query(license="MIT"), ["a/typed"]),
        (Query(min_parameters=100), ["a/open", "b/gated", "a/typed"]),
        (Query(min_parameters=101), ["a/open", "b/gated"]),
        (Query(max_parameters=99), ["a/open", "b/gated"]),
    ],
)
def test_a_server_that_ignores_filters_is_corrected(query: Query, kept: list[str]) -> None:
    """Hits are looked at again here, so that a mirror which ignores a filter does not pass for one that has it."""
    typed = {"pipeline_tag": "fill-mask", "library_name": "transformers", "tags": ["One", "license:mit"]}
    rows = [
        row("a/open"),
        row("b/gated", gated="auto"),
        row("a/adult", tags=["not-for-all-audiences"]),
        row("a/typed", **typed, safetensors={"total": 100}),
    ]
    assert [hit.ref.id for hit in search(query, {"*": rows}).hits] == kept


def test_pages_are_followed_by_their_link() -> None:
    """The next page's address is the cursor, and is asked for as it was given."""
    url = f"{HUB}/api/models?limit=100&cursor=abc%3D"
    page = search(Query(), {"*": answer([row("a/b")], link=f'<{url}>; rel="next"')})
    assert page.cursor == url
    server = Server({"/api/models?limit=100&cursor=abc%3D": [row("c/d")]})
    last = replay(HuggingFace().search(Query(), page.cursor), server)
    assert last.cursor is None and last.hits[0].ref.id == "c/d"


@pytest.mark.parametrize(
    ("link", "following"),
    [
        ('</api/models?cursor=1>; rel="next"', f"{HUB}/api/models?cursor=1"),
        (
            "<https://huggingface.co:443/api/models?cursor=1>; rel=next",
            "https://huggingface.co:443/api/models?cursor=1",
        ),
        ('</a>; rel="prev", </api/models?c=2>; title="x, y"; rel="last next"', f"{HUB}/api/models?c=2"),
        ('</a>; rel="prev"', None),
        ("nonsense; rel=next", None),
        ('</a>; rel="nextish"', None),
        ("", None),
    ],
)
def test_links_are_read_as_they_are_written(link: str, following: str | None) -> None:
    """Relative addresses, several links and several relations are read."""
    assert search(Query(), {"*": answer([], link=link)}).cursor == following


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/api/models?cursor=1",
        "http://huggingface.co/api/models?cursor=1",
        "https://huggingface.co:8443/api/models",
        "https://huggingface.co@evil.example/api/models",
        "//evil.example/api/models",
        "ftp://huggingface.co/x",
        "https://[",
    ],
)
def test_a_next_page_on_another_server_is_refused(target: str) -> None:
    """Paging never leaves the origin, because the token would go along."""
    with pytest.raises(IntegrityError):
        search(Query(), {"*": answer([row("a/b")], link=f'<{target}>; rel="next"')})


def test_a_cursor_of_another_server_is_refused() -> None:
    """A cursor that does not come from this endpoint is not asked for."""
    with pytest.raises(ConfigError, match="no cursor"):
        search(Query(), {}, "https://evil.example/api/models?cursor=1")


@pytest.mark.parametrize("body", [None, {}, "x", [None], [["a"]], [{"likes": 3}], [{"id": None}]])
def test_a_listing_of_the_wrong_shape_is_refused(body: Any) -> None:
    """Null for the list, and rows without an id, are ProtocolErrors."""
    with pytest.raises(ProtocolError):
        search(Query(), {"*": answer(body)})


def test_a_row_that_is_no_model_is_left_out() -> None:
    """One odd id does not spoil a page."""
    page = search(Query(), {"*": [row("datasets/x"), row("../x"), row("a/b")]})
    assert [hit.ref.id for hit in page.hits] == ["a/b"]


def test_the_capability_tells_the_truth() -> None:
    """Every field of a query is named, and what is said to be exact is sent."""
    from attrs import fields

    told = HuggingFace().capability.filters
    assert set(told) == {field.name for field in fields(Query)} - {"zoos"}
    assert told["nsfw"] == "emulated"
    assert all(order in HuggingFace().capability.sorts for order in ("downloads", "likes", "trending", "updated"))


# -- whoami -------------------------------------------------------------------------------------


def test_whoami_reads_name_and_role() -> None:
    """The account has name, kind and the role of the token, and the token goes with this one request."""
    seen: list[Request] = []

    def tell(request: Request) -> Response:
        seen.append(request)
        told = {"type": "user", "name": "me", "auth": {"type": "access_token", "accessToken": {"role": "read"}}}
        return answer(told)(request)

    account = replay(HuggingFace().whoami("hf_secret"), Server({"*": tell}))
    assert (account.name, account.kind, account.role) == ("me", "user", "read")
    assert seen[0].url == f"{HUB}/api/whoami-v2" and seen[0].token == "hf_secret"
    assert "hf_secret" not in repr(seen[0])


@pytest.mark.parametrize("message", ["Invalid username or password.", "Invalid credentials in Authorization header"])
def test_whoami_with_a_bad_token(message: str) -> None:
    """A token that the Hub does not know is an AccessError, never a missing model."""
    with pytest.raises(AccessError) as caught:
        replay(HuggingFace().whoami("x"), Server({"*": refuse(401, None, message)}))
    assert caught.value.access_url == f"{HUB}/settings/tokens"


@pytest.mark.parametrize("body", [None, [], {}, {"name": None}, {"name": 5}])
def test_whoami_of_the_wrong_shape(body: Any) -> None:
    """An answer without a name is a ProtocolError."""
    with pytest.raises(ProtocolError):
        replay(HuggingFace().whoami("x"), Server({"*": answer(body)}))


# -- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "word"),
    [
        (404, "RepoNotFound", "Repository not found", NotFound, "no hf:acme/tiny"),
        (401, None, "Invalid username or password.", NotFound, "none that this account may see"),
        (401, "RepoNotFound", "", NotFound, "none that"),
        (404, None, "", NotFound, "none that"),
        (404, "RevisionNotFound", "Invalid rev id: v9", NotFound, "has no revision 'v9'"),
        (404, "EntryNotFound", "Entry not found", NotFound, "The file is not in"),
        (401, "GatedRepo", "Access to model acme/tiny is restricted.", AccessError, "gated"),
        (403, "GatedRepo", "You are not in the authorized list", AccessError, "not in the authorized list"),
        (403, "GatedRepo", "Your request is awaiting a review", AccessError, "still to be reviewed"),
        (403, None, "Access to this resource is disabled.", Gone, "disabled"),
        (403, None, "Forbidden", AccessError, "Forbidden"),
        (401, None, "Invalid credentials in Authorization header", AccessError, "does not know the token"),
        (402, None, "Pay", AccessError, "paid"),
        (451, None, "", AccessError, "legal"),
        (410, None, "", Gone, "gone"),
        (400, None, "Bad option", ProtocolError, "Bad option"),
        (418, None, "", ProtocolError, "418"),
        (405, None, "", Unsupported, "does not take"),
        (501, None, "", Unsupported, "does not know"),
        (412, None, "", IntegrityError, "changed"),
        (429, None, "", RateLimited, "wait"),
        (408, None, "", NetworkError, "408"),
        (500, None, "boom", NetworkError, "boom"),
        (503, "GatedRepo", "", NetworkError, "503"),
    ],
)
def test_each_refusal_is_one_error(
    status: int, code: str | None, message: str, kind: type[ZooError], word: str
) -> None:
    """Status, code and words of the Hub become the error whose exit code tells what to do."""
    ref = Ref.parse("hf:acme/tiny@v9")
    response = refuse(status, code, message)(Request(url=f"{HUB}/api/models/acme/tiny?secret=1"))
    error = HuggingFace().refused(response, ref, "resolve")
    assert type(error) is kind
    assert word in error.message
    assert (error.zoo, error.ref, error.operation) == ("hf", str(ref), "resolve")
    assert "secret" not in (error.url or "")


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry_after": "12"}, 12.0),
        ({"ratelimit": '"api";r=0;t=55'}, 55.0),
        ({"ratelimit": '"api";r=3;t=55'}, None),
        ({"retry_after": "Fri, 21 Mar 2025 13:23:19 GMT"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "²"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], wait: float | None) -> None:
    """The time to wait is read from Retry-After or the rate-limit headers, and nonsense is not believed."""
    error = HuggingFace().refused(refuse(429, **headers)(Request(url=HUB)), None, "search")
    assert isinstance(error, RateLimited) and error.retry_after == wait


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": "plain"}', "plain"),
        (b'{"error": ["one", "two", 3]}', "one; two"),
        (b'{"errors": [{"message": "deep"}, null]}', "deep"),
        (b'{"errors": 5}', ""),
        (b'{"error": {"a": 1}}', ""),
        (b"[1]", ""),
        (b"<html>", ""),
        (b'{"error": "a\\u001b[31mb"}', "a [31mb"),
    ],
)
def test_the_words_of_the_server(body: bytes, said: str) -> None:
    """Each shape of an error's body gives its words, without control characters."""
    response = Response(request=Request(url=HUB), status=400, body=body)
    message = HuggingFace().refused(response, None, "search").message
    assert message.endswith(f"(status 400): {said}." if said else "(status 400).")


# -- endpoint -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "endpoint", "official"),
    [
        ("https://huggingface.co", HUB, True),
        ("https://huggingface.co/", HUB, True),
        ("https://HF.co", HUB, True),
        ("https://hub.example/hf/", "https://hub.example/hf", False),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", False),
    ],
)
def test_an_endpoint_has_one_spelling(given: str, endpoint: str, official: bool) -> None:
    """Slashes and the Hub's other names are evened out, and only the Hub is official."""
    provider = HuggingFace(given)
    assert (provider.endpoint, provider.official) == (endpoint, official)


@pytest.mark.parametrize(
    "given", ["", "huggingface.co", "ftp://x", "https://u:p@x", "https://x?y", "https://x#y", "x:y"]
)
def test_an_endpoint_that_is_none(given: str) -> None:
    """What is no plain address, or holds a password, is a ConfigError."""
    with pytest.raises(ConfigError) as caught:
        HuggingFace(given)
    assert "u:p" not in str(caught.value)
