"""Search, resolve, locate and whoami of ModelScope, run on answers that are given in place of a network."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import fields
from scope_answers import (
    CARD,
    CARD_SHA,
    DOLPHIN,
    INFO,
    LOG,
    NAMES,
    OTHER,
    SEARCH,
    SHA,
    SITE,
    TOUCHED,
    TREE,
    Server,
    blob,
    folder,
    info,
    legacy,
    load,
    model,
    page,
    parameters,
    refuse,
    row,
    tree,
)

from zooclient.errors import (
    AccessError,
    ConfigError,
    Gone,
    IntegrityError,
    NetworkError,
    NotFound,
    ProtocolError,
    RateLimited,
    Unsupported,
    ZooError,
)
from zooclient.net.auth import Auth, Credential
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.base import Provider
from zooclient.providers.modelscope import wire
from zooclient.providers.modelscope.provider import ModelScope
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref

BIG = 3000


def resolve(text: str, answers: dict[str, Any], *, demos: bool = False) -> ModelRecord:
    """Resolves a reference against given answers."""
    return replay(ModelScope().resolve(Ref.parse(text), demos=demos), Server(answers))


def search(query: Query, answers: dict[str, Any], cursor: str | None = None) -> Page:
    """Searches given answers."""
    return replay(ModelScope().search(query, cursor), Server(answers))


# -- resolve ------------------------------------------------------------------------------------


def test_it_is_a_provider() -> None:
    """ModelScope fulfils the protocol that every zoo fulfils."""
    assert isinstance(ModelScope(), Provider)


def test_three_requests_for_a_floating_name() -> None:
    """A branch takes the log, the model and the files of the commit, and no request more."""
    server = Server(model())
    record = replay(ModelScope().resolve(Ref.parse("ms:acme/tiny")), server)
    assert server.asked == [INFO, LOG, TREE]
    assert server.sent(LOG) == {"Ref": "master", "PageNumber": "1", "PageSize": "1"}
    assert server.sent(TREE) == {"Revision": SHA, "Recursive": "True"}
    assert str(record.ref) == f"modelscope:acme/tiny@{SHA}" and record.pin == "commit" and record.ref.pinned
    assert record.requested.revision is None and record.stable_id == "12345"
    assert record.endpoint == "https://modelscope.cn:443" and record.web_url == f"{SITE}/models/acme/tiny"
    card, weights, config = record.files
    assert card.digests == {"sha256": CARD_SHA}, "in lower case, whatever the zoo writes"
    assert (weights.path, weights.size, weights.role, config.path) == (
        *("model.safetensors", 1000, "weights", "sub/config.json"),
    )
    assert (record.downloads, record.likes, record.tags) == (7, 3, ("one",))
    assert record.created_at == datetime(2025, 9, 8, 2, 56, 1, tzinfo=UTC)
    assert record.updated_at == datetime(2025, 9, 8, 14, 1, 43, tzinfo=UTC), "milliseconds are told from seconds"


def test_two_requests_for_a_commit() -> None:
    """A full commit is taken as it is: no log is asked, and the files are those of that commit."""
    server = Server(model(log=None))
    record = replay(ModelScope().resolve(Ref.parse(f"ms:acme/tiny@{SHA}")), server)
    assert server.asked == [INFO, TREE]
    assert server.sent(TREE)["Revision"] == SHA == record.ref.revision
    assert "Revision" not in server.sent(INFO)


@pytest.mark.parametrize("name", ["v1.0", "feature/x", "dev branch".replace(" ", "-"), "main"])
def test_the_log_is_asked_by_ref(name: str) -> None:
    """The name goes as ``Ref`` alone: as ``Revision`` it would be ignored, and the default branch be pinned."""
    server = Server(model())
    record = replay(ModelScope().resolve(Ref.parse(f"ms:acme/tiny@{name}")), server)
    assert server.sent(LOG)["Ref"] == name and "Revision" not in server.sent(LOG)
    assert server.sent(INFO) == {"Revision": name}
    assert record.requested.revision == name and record.ref.revision == SHA


def test_the_commit_of_a_single_file_is_no_pin() -> None:
    """The revision that a listed file carries is the last commit that touched it, and never becomes the pin."""
    record = resolve("ms:acme/tiny", model(tree=tree(blob("config.json"), commit=None)))
    assert record.files[0].extra["Revision"] == TOUCHED and record.ref.revision == SHA


@pytest.mark.parametrize(
    "committer", [{"Id": OTHER}, {"Id": "", "ShortId": OTHER[:8]}, {"Id": OTHER, "ShortId": SHA[:8]}]
)
def test_files_of_another_commit_are_refused(committer: dict[str, str]) -> None:
    """Where the listing tells its commit, another one than the one asked for is an IntegrityError."""
    listing = legacy({"Files": [blob("a")], "LatestCommitter": committer})
    for text in ("ms:acme/tiny", f"ms:acme/tiny@{SHA}"):
        with pytest.raises(IntegrityError, match="answered with commit") as caught:
            resolve(text, model(tree=listing))
        assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    "committer", [{"Id": SHA}, {"Id": "", "ShortId": SHA[:7]}, {"Id": None}, None, {"Id": "me"}, []]
)
def test_a_listing_that_agrees_or_does_not_tell(committer: Any) -> None:
    """The same commit, its beginning, and nothing at all are fine."""
    listing = legacy({"Files": [blob("a")], "LatestCommitter": committer})
    assert resolve("ms:acme/tiny", model(tree=listing)).ref.revision == SHA


@pytest.mark.parametrize(
    "empty", [legacy({"Commit": None}), legacy({"Commit": []}), legacy({"Commit": None}, TotalCount=0)]
)
def test_an_unknown_name_is_answered_with_null(empty: dict[str, Any]) -> None:
    """A log of nothing, with status 200, means that there is no such branch or tag."""
    with pytest.raises(NotFound, match="has no revision 'main'") as caught:
        resolve("ms:acme/tiny@main", model(log=empty))
    assert "master" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "listing", [legacy({"Files": []}), legacy({"Files": None}), refuse(404, 10990101004, "no tree")]
)
def test_an_unknown_commit(listing: Any) -> None:
    """An unknown commit is a 404, or a success without files, which is no empty model."""
    with pytest.raises(NotFound, match=f"has no revision '{OTHER}'"):
        resolve(f"ms:acme/tiny@{OTHER}", model(tree=listing))


@pytest.mark.parametrize("commit", ["main", SHA[:12], SHA.upper(), 5, "", None])
def test_a_log_without_commit_is_refused(commit: Any) -> None:
    """What is no full commit is never taken for a pin."""
    with pytest.raises(ProtocolError, match="does not name a commit"):
        resolve("ms:acme/tiny", model(log=legacy({"Commit": [{"Id": commit}]})))


def test_a_short_commit_is_the_beginning_of_the_answer() -> None:
    """A short commit that the log does not begin with is refused, unless it is the name of a branch or tag."""
    assert resolve(f"ms:acme/tiny@{SHA[:9]}", model()).ref.revision == SHA
    names = legacy({"RevisionMap": {"Branches": None, "Tags": [{"Revision": "20240101", "CreatedAt": 1}]}})
    assert resolve("ms:acme/tiny@20240101", model(names=names)).ref.revision == SHA
    with pytest.raises(IntegrityError):
        resolve("ms:acme/tiny@20240102", model(names=names))


# -- resolve: the envelope, and who may see -----------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"Code": 10010205001, "Success": False, "Message": "record not found", "Data": None}, NotFound),
        ({"Code": 10010200001, "Success": False, "Message": "no permission"}, AccessError),
        ({"Code": 200, "Success": False, "Message": "odd"}, ProtocolError),
        ({"success": False, "code": "ResourceNotFound"}, NotFound),
        (legacy(None), ProtocolError),
        (legacy([]), ProtocolError),
        ([], ProtocolError),
        (None, ProtocolError),
    ],
)
@pytest.mark.parametrize("where", ["info", "tree"])
def test_an_error_with_status_200(body: Any, kind: type[ZooError], where: str) -> None:
    """The envelope is looked at on every success: a refusal in it is one, and never an empty model."""
    with pytest.raises(kind):
        resolve(
            f"ms:acme/tiny@{SHA}",
            model(**{where: lambda r: Response(request=r, status=200, body=json.dumps(body).encode())}),
        )


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"ProtectedMode": 1, "Visibility": 1}, "gated"),
        ({"ProtectedMode": 1, "ApprovalMode": 1}, "gated"),
        ({"Visibility": 1}, "private"),
        ({"Visibility": 3}, "private"),
        ({"IsOnline": 0}, "gone"),
        ({"ApprovalMode": 1, "ProtectedMode": 2}, "open"),
        ({"ProtectedMode": 0}, "open"),
        ({"Visibility": None}, "open"),
    ],
)
def test_access_is_a_state_with_a_page(changes: dict[str, Any], state: str) -> None:
    """Gates resolve for who may see the files, and say what stands in the way and where to ask."""
    access = resolve("ms:acme/tiny", model(info=info(**changes))).access
    assert access.state == state
    assert access.url == (None if state == "open" else f"{SITE}/models/acme/tiny")


@pytest.mark.parametrize("where", ["log", "tree"])
def test_a_gate_comes_as_404_and_is_told_as_one(where: str) -> None:
    """Who may not list the files of a gated model gets 404 with a number; it becomes an AccessError with the page."""
    gate = refuse(404, 10010200001, "no access")
    with pytest.raises(AccessError, match="is gated") as caught:
        resolve("ms:acme/tiny", model(info=info(ProtectedMode=1, Visibility=1), **{where: gate}))
    assert caught.value.access_url == f"{SITE}/models/acme/tiny" and caught.value.exit_code == 4
    assert "zooclient login modelscope" in (caught.value.hint or "")
    with pytest.raises(AccessError, match="private or gated"):
        resolve("ms:acme/tiny", model(info=gate, log=gate, tree=gate))


def test_an_unknown_enum_value_is_told() -> None:
    """A visibility that is not known leaves a record with a problem."""
    record = resolve("ms:acme/tiny", model(info=info(Visibility=9, ProtectedMode=7)))
    assert record.access.state == "open" and any("visibility" in problem for problem in record.problems)


def test_an_overloaded_database_is_asked_again() -> None:
    """The number for "not found" with words of an overload is passing: it is asked again, and is no NotFound."""
    busy = refuse(404, 10010205001, "Error 1461: Can't create more than max_prepared_stmt_count statements")
    server = Server(model(info=[busy, busy, info()]))
    assert replay(ModelScope().resolve(Ref.parse("ms:acme/tiny")), server).ref.revision == SHA
    assert server.asked.count(INFO) == 3
    server = Server(model(info=busy))
    with pytest.raises(NetworkError, match="could not look") as caught:
        replay(ModelScope().resolve(Ref.parse("ms:acme/tiny")), server)
    assert not isinstance(caught.value, NotFound) and server.asked.count(INFO) == 4


def test_a_spurious_403_for_files_is_asked_again() -> None:
    """A listing that is refused although the model was read is asked again, a few times."""
    denied = refuse(403, None)
    server = Server(model(tree=[denied, denied, tree()]))
    assert replay(ModelScope().resolve(Ref.parse("ms:acme/tiny")), server).files
    server = Server(model(tree=denied))
    with pytest.raises(AccessError):
        replay(ModelScope().resolve(Ref.parse("ms:acme/tiny")), server)
    assert server.asked.count(TREE) == 4


def test_a_redirect_within_the_site_is_followed() -> None:
    """A question that was sent together with another follows a redirect of its own; another server is refused."""

    def moved(request: Request) -> Response:
        return Response(request=request, status=302, headers={"location": INFO + "/moved"})

    assert resolve("ms:acme/tiny", {**model(info=moved), INFO + "/moved": info()}).title == "tiny"
    for target in ("https://evil.example/x", "https://www.modelscope.ai/x", "http://modelscope.cn/x"):
        with pytest.raises(IntegrityError, match="another server"):
            resolve("ms:acme/tiny", model(info=refuse(307, location=target)))


# -- resolve: files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "digest", "expected"),
    [
        (5, "A" * 63 + "b", (5, {"sha256": "a" * 63 + "b"})),
        (5, None, (5, {})),
        (5, "", (5, {})),
        (5, "*" * 64, (5, {})),
        (5, "0" * 64, (5, {})),
        (5, "abc", (5, {})),
        (0, "a" * 63 + "b", (None, {"sha256": "a" * 63 + "b"})),
        (0, "", (None, {})),
        (0, wire._EMPTY, (0, {"sha256": wire._EMPTY})),
        (5, wire._EMPTY, (5, {})),
        (None, "a" * 63 + "b", (None, {"sha256": "a" * 63 + "b"})),
        (-1, None, (None, {})),
        ("5", None, (None, {})),
    ],
)
def test_sizes_and_digests(size: Any, digest: Any, expected: Any) -> None:
    """0 for unknown is unknown, an empty digest is none, and the hash of nothing is no digest of something."""
    (file,) = resolve("ms:acme/tiny", model(tree=tree(blob("a.bin", size, digest)))).files
    assert (file.size, file.digests) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "a/../../x", "/etc/passwd", "C:/x", "c:x", "a\\b", "\\\\host\\share", "a\x00b", "a\nb", "", "."),
        *("a//b", "./a", "a/", ".git/hooks/x", "sub/.GIT/config", "\x85", "\ud800"),
    ],
)
def test_a_hostile_file_name_is_refused(name: str) -> None:
    """A name that could leave its folder, or mean another file elsewhere, is an IntegrityError."""
    with pytest.raises(IntegrityError) as caught:
        resolve("ms:acme/tiny", model(tree=tree(blob("ok"), blob(name))))
    assert caught.value.exit_code == 5


def test_names_that_some_system_cannot_hold_are_told() -> None:
    """Such names are problems of the record, not errors."""
    record = resolve("ms:acme/tiny", model(tree=tree(blob("aux.json"), blob("A"), blob("a"))))
    assert ["reserved" in record.problems[0], "one name" in record.problems[1]] == [True, True]


def test_a_listing_that_contradicts_itself_is_refused() -> None:
    """One name with two contents, and a file that is also a folder, cannot be; the same twice is one."""
    for listed in ([blob("a", 1), blob("a", 2)], [blob("a"), blob("a/b")]):
        with pytest.raises(IntegrityError):
            resolve("ms:acme/tiny", model(tree=tree(*listed)))
    assert len(resolve("ms:acme/tiny", model(tree=tree(blob("a"), blob("a", CommitMessage="x")))).files) == 1


class Deep:
    """A model with more entries than one listing shows, cut as the zoo cuts it, without a word.

    Args:
        paths: Its files.
    """

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.folders = sorted({path.rsplit("/", n)[0] for path in paths for n in range(1, path.count("/") + 1)})
        self.asked: list[tuple[str, bool]] = []
        self.denied: set[str] = set()

    def __call__(self, request: Request) -> Response:
        told = parameters(request)
        assert told["Revision"] == SHA
        root, recursive = told.get("Root", ""), told["Recursive"] == "True"
        self.asked.append((root, recursive))
        if root in self.denied:
            self.denied.discard(root)
            return refuse(403, None)(request)
        below = f"{root}/" if root else ""
        everything = [folder(p) for p in self.folders] + [blob(p) for p in self.paths]
        listed = [
            entry
            for entry in everything
            if entry["Path"].startswith(below)
            and entry["Path"] != root
            and (recursive or "/" not in entry["Path"][len(below) :])
        ]
        body = tree(*listed[:BIG]) if listed else legacy({"Files": None})
        return Response(request=request, status=200, body=json.dumps(body).encode())


def test_a_listing_that_is_cut_is_walked() -> None:
    """A listing of exactly 3000 entries is no whole one: folders are listed one by one until every file is known."""
    paths = [f"data/{n // 1000}/f{n}.bin" for n in range(5000)] + [f"other/{n}.txt" for n in range(200)] + ["README.md"]
    deep = Deep(paths)
    deep.denied = {"data/3"}
    record = resolve("ms:acme/tiny", model(tree=deep))
    assert {file.path for file in record.files} == set(paths)
    assert ("", True) in deep.asked and ("", False) in deep.asked and ("data", False) in deep.asked
    assert len(deep.asked) == 1 + 1 + 2 + 1 + 5 + 1, "and one that was refused by mistake"


def test_a_listing_below_the_cut_is_whole() -> None:
    """2999 entries are all there are; one question is enough."""
    deep = Deep([f"f{n}" for n in range(2999)])
    assert len(resolve("ms:acme/tiny", model(tree=deep)).files) == 2999 and len(deep.asked) == 1


@pytest.mark.parametrize("prefix", ["", "deep/"])
def test_a_folder_that_cannot_be_listed_is_no_half_record(prefix: str) -> None:
    """A single folder with 3000 entries cannot be known whole, so there is no record that lacks files."""
    with pytest.raises(Unsupported, match="lists no more"):
        resolve("ms:acme/tiny", model(tree=Deep([f"{prefix}f{n}" for n in range(3000)])))


def test_a_server_that_ignores_the_folder_is_refused() -> None:
    """A listing that is not below the folder asked for ends in an error, not in a loop."""
    everything = [folder("a"), *[blob(f"a/{n}") for n in range(BIG)]]

    def same(request: Request) -> Response:
        listed = [folder("a")] if parameters(request)["Recursive"] == "False" else everything
        return Response(request=request, status=200, body=json.dumps(tree(*listed)).encode())

    with pytest.raises(ProtocolError, match="were asked for"):
        resolve("ms:acme/tiny", model(tree=same))


def test_endless_folders_end() -> None:
    """Folders within folders without end are refused after a bounded number of questions."""
    asked = 0

    def endless(request: Request) -> Response:
        nonlocal asked
        asked += 1
        told = parameters(request)
        root = f"{told['Root']}/" if "Root" in told else ""
        count = 1500 if told["Recursive"] == "False" else BIG
        listed = [{"Path": f"{root}{n}", "Type": "tree"} for n in range(count)]
        return Response(request=request, status=200, body=json.dumps(tree(*listed)).encode())

    with pytest.raises(ProtocolError, match="do not come to an end"):
        resolve("ms:acme/tiny", model(tree=endless))
    assert asked < 200


def test_listings_that_contradict_one_another() -> None:
    """A file that was in the cut listing and is not found again is no file to be forgotten."""
    deep = Deep([f"data/{n // 1000}/f{n}.bin" for n in range(4000)])

    def first(request: Request) -> Response:
        if "Root" in parameters(request) or parameters(request)["Recursive"] == "False":
            return deep(request)
        return Response(
            request=request, status=200, body=json.dumps(tree(*[blob(f"gone{n}") for n in range(BIG)])).encode()
        )

    with pytest.raises(ProtocolError, match="contradict"):
        resolve("ms:acme/tiny", model(tree=first))


# -- resolve: what is told ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1757300161, 1757300161.0),
        (1757300161000, 1757300161.0),
        (1757300161.5, 1757300161.5),
        ("1757300161", 1757300161.0),
        ("1757300161000", 1757300161.0),
        ("1757300161.5", 1757300161.5),
        ("2025-09-08T02:56:01Z", 1757300161.0),
        ("2025-09-08T10:56:01+08:00", 1757300161.0),
        ("2025-09-08 02:56:01", 1757300161.0),
        (0, None),
        (-62135596800, None),
        ("0001-01-01T00:00:00Z", None),
        (None, None),
        (True, None),
        ("", None),
        ("soon", None),
        ([], None),
        (1e300, None),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**20, None),
    ],
)
def test_times_in_all_their_spellings(value: Any, seconds: float | None) -> None:
    """Seconds, milliseconds, numbers as text and ISO 8601 are one moment; zeros and nonsense are none."""
    assert wire.moment(value) == (None if seconds is None else datetime.fromtimestamp(seconds, UTC))


def test_the_card_of_the_commit_goes_before_the_database() -> None:
    """A card that is proven to be the commit's tells licence, base model and task; a difference is a problem."""
    record = resolve("ms:acme/tiny", model(info=info(License="Apache License 2.0", BaseModel=["x/y"])))
    assert record.metadata == {"license": "mit", "base_model": "acme/base", "tasks": ["fill-mask"]}
    assert record.license.spdx == "MIT" and record.task == "fill-mask"
    assert record.base_models == ("modelscope:acme/base",)
    assert record.problems == ("The card claims the licence 'mit', and the zoo tells 'Apache License 2.0'.",)
    assert "ReadMeContent" not in record.extra


def test_the_card_of_another_commit_says_nothing() -> None:
    """A card that is not the commit's own is not its metadata."""
    about = info(License="Apache License 2.0", BaseModel=["x/y@v1", "https://modelscope.cn/models/a/b", "no id", 5])
    record = resolve("ms:acme/tiny", model(info=about, tree=tree(blob("README.md"))))
    assert record.metadata == {} and record.license.spdx == "Apache-2.0" and record.task == "text-generation"
    assert record.base_models == ("modelscope:x/y@v1", "modelscope:a/b")


@pytest.mark.parametrize(
    ("libraries", "library"),
    [
        (["safetensors", "pytorch", "diffusers", "lora"], "diffusers"),
        (["lora", "safetensors", "pytorch"], "pytorch"),
        (["gguf"], None),
        ([], None),
        (None, None),
        (["transformer"], "transformer"),
    ],
)
def test_the_most_telling_library(libraries: Any, library: str | None) -> None:
    """What loads the weights goes before the framework, and formats are no libraries."""
    assert resolve("ms:acme/tiny", model(info=info(Libraries=libraries))).library == library


def test_null_for_an_optional_list_reads_as_empty() -> None:
    """Every field may be null or of another type; the record is still one."""
    odd = info(
        **dict.fromkeys(("Tags", "Tasks", "Libraries", "BaseModel", "License", "ReadMeContent", "ModelInfos"), None),
        Downloads="many",
        Stars=-1,
        CreatedTime="soon",
        Id="x",
        Path=None,
        Name=None,
    )
    record = resolve("ms:acme/tiny", model(info=odd))
    assert record.ref.id == "acme/tiny" and record.stable_id is None and record.license.raw is None
    assert (record.tags, record.task, record.library, record.downloads, record.likes) == ((), None, None, None, None)


def test_older_tasks_and_adult_content() -> None:
    """Task names in lower case are read, and the one tag for adult content sets the mark."""
    about = info(Tasks=[{"name": "fill-mask"}], Tags=["Not-For-All-Audiences"], ReadMeContent=None)
    record = resolve("ms:acme/tiny", model(info=about))
    assert record.task == "fill-mask" and record.nsfw is True
    assert resolve("ms:acme/tiny", model()).nsfw is None, "the zoo does not say"


def test_another_spelling_is_told() -> None:
    """The zoo's own spelling of an id wins, and is told; an id that is none is refused."""
    about = info(Path="Acme", Name="Tiny")
    record = resolve("ms:acme/tiny", model(info=about))
    assert record.ref.id == "Acme/Tiny" and record.problems[0].startswith("modelscope:acme/tiny is spelled")
    for path, name in (("..", "x"), ("a", None), (5, "b"), ("datasets", "x")):
        with pytest.raises(ProtocolError, match="does not name a model"):
            resolve("ms:acme/tiny", model(info=info(Path=path, Name=name)))


def test_demos_are_not_told() -> None:
    """Who asks for demos is told that the zoo has no such list, and pays no request for it."""
    server = Server(model())
    record = replay(ModelScope().resolve(Ref.parse("ms:acme/tiny"), demos=True), server)
    assert record.demos == () and any("studios" in problem for problem in record.problems) and len(server.asked) == 3


# -- locate, whoami, who gets what --------------------------------------------------------------


def test_the_address_of_a_file() -> None:
    """Commit and path are parameters of the one form that redirects afresh; nothing secret is in it."""
    record = resolve("ms:acme/tiny", model(tree=tree(blob("sub dir/f#1%?+é.txt"))))
    url = ModelScope("http://localhost:8000/hub/").locate(record, record.files[0]).url
    assert url == (
        f"http://localhost:8000/hub/api/v1/models/acme/tiny/repo?Revision={SHA}"
        "&FilePath=sub+dir%2Ff%231%25%3F%2B%C3%A9.txt"
    )


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"success": True, "data": {"username": "me", "email": "x"}}, "me"),
        ({"success": True, "data": {"Username": "me"}}, "me"),
        ({"preferred_username": "me", "name": "My Name"}, "me"),
        ({"data": {"name": "me"}}, "me"),
    ],
)
def test_whoami_reads_the_name(body: dict[str, Any], name: str) -> None:
    """Every spelling of the account's name is read, and the token goes with this one request."""
    server = Server({"/openapi/v1/users/me": body})
    assert replay(ModelScope().whoami("ms-secret"), server).name == name
    assert server.requests[0].token == "ms-secret" and "ms-secret" not in repr(server.requests[0])


@pytest.mark.parametrize("body", [None, [], {}, {"data": None}, {"data": {"username": None}}, {"name": 5}])
def test_whoami_of_the_wrong_shape(body: Any) -> None:
    """An answer without a name is a ProtocolError."""
    with pytest.raises(ProtocolError):
        replay(
            ModelScope().whoami("x"),
            Server({"/openapi/v1/users/me": lambda r: Response(request=r, status=200, body=json.dumps(body).encode())}),
        )


def test_no_request_carries_a_credential_of_its_own() -> None:
    """No request has a cookie or a token: they are asked for by origin, and the byte hosts of the zoo get none."""
    server = Server({**model(), SEARCH: page(row("a/b"))})
    record = replay(ModelScope().resolve(Ref.parse("ms:acme/tiny")), server)
    replay(ModelScope().search(Query()), server)
    server.requests.append(ModelScope().locate(record, record.files[0]))
    for request in server.requests:
        assert {name.lower() for name in request.headers} <= {"content-type"} and request.token is None
    auth = Auth([Credential(origin=SITE, token="ms-secret")])
    assert auth.headers_for(server.requests[-1].url) == {"Authorization": "Bearer ms-secret"}
    for other in (
        "https://cdn-lfs-cn-1.modelscope.cn/prod/lfs-objects/ab/cd?auth_key=1",
        "https://www.modelscope.ai/api/v1/models/acme/tiny",
        "https://x.oss-cn-beijing-internal.aliyuncs.com/y",
        "http://modelscope.cn/api/v1/models/acme/tiny",
    ):
        assert auth.headers_for(other) == {}


# -- search -------------------------------------------------------------------------------------


def asked(query: Query, cursor: str | None = None) -> dict[str, str]:
    """Returns the parameters that a query is sent with."""
    server = Server({SEARCH: page(number=int(cursor or 1))})
    replay(ModelScope().search(query, cursor), server)
    return server.sent(SEARCH)


def test_every_filter_is_sent() -> None:
    """Each field of a query that the zoo can apply goes over the wire in the zoo's own words."""
    query = Query(
        text=" whisper small ",
        author="iic",
        task="auto-speech-recognition",
        library="transformers",
        license="Apache-2.0",
        format="gguf",
        tags=("mlx", "model_type:qwen3", "audio"),
        sort="updated",
        limit=7,
    )
    assert asked(query) == {
        "search": "whisper small",
        "owner": "iic",
        "sort": "last_modified",
        "page_number": "1",
        "page_size": "50",
        "filter.task": "auto-speech-recognition",
        "filter.library": "transformers",
        "filter.license": "apache-2.0",
        "filter.custom_tag": "mlx",
        "filter.model_type": "qwen3",
    }


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (Query(), {"page_size": "50"}),
        (Query(limit=7), {"page_size": "7"}),
        (Query(limit=7000), {"page_size": "50"}),
        (Query(limit=7, gated=True), {"page_size": "50"}),
        (Query(limit=0), {"page_size": "1"}),
        (Query(sort="downloads"), {"page_size": "50", "sort": "downloads"}),
        (Query(sort="relevance"), {"page_size": "50"}),
        (Query(format="pickle"), {"page_size": "50", "filter.library": "pytorch"}),
    ],
)
def test_what_a_query_becomes(query: Query, sent: dict[str, str]) -> None:
    """Orders, formats and sizes of pages are translated; what is not asked for is not sent."""
    assert asked(query) == {"page_number": "1", **sent}


def test_a_row_becomes_a_hit() -> None:
    """A row tells id, owner, task, library, licence, counts, time and gate."""
    told = row(
        "a/b", tags=["library:gguf", "library:Diffusers", "task:x", "custom_tag:mlx"], tasks=["x", "y"], params=9
    )
    (hit,) = search(Query(), {SEARCH: page(told)}).hits
    assert (str(hit.ref), hit.title, hit.author, hit.task, hit.library) == (
        "modelscope:a/b",
        "b",
        "a",
        "x",
        "diffusers",
    )
    assert hit.license is not None and hit.license.spdx == "Apache-2.0"
    assert (hit.downloads, hit.likes, hit.updated_at) == (1, 2, datetime(2025, 2, 3, 4, 5, 6, tzinfo=UTC))
    assert hit.extra["params"] == 9 and hit.web_url == f"{SITE}/models/a/b"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (Query(), ["a/open", "b/gated", "b/login", "b/private", "a/typed"]),
        (Query(nsfw=True), ["a/open", "b/gated", "b/login", "b/private", "a/adult", "a/typed"]),
        (Query(author="A"), ["a/open", "a/typed"]),
        (Query(gated=True), ["b/gated", "b/login"]),
        (Query(gated=False), ["a/open", "b/private", "a/typed"]),
        (Query(task="Fill-Mask"), ["a/typed"]),
        (Query(task="fil-mask"), []),
        (Query(library="Transformers"), ["a/typed"]),
        (Query(format="gguf"), ["a/typed"]),
        (Query(format="gguf", library="transformers"), ["a/typed"]),
        (Query(tags=("mlx",)), ["a/typed"]),
        (Query(tags=("custom_tag:mlx", "gguf")), ["a/typed"]),
        (Query(tags=("mlx", "other")), []),
        (Query(license="MIT"), ["a/typed"]),
        (Query(license="mit license"), ["a/typed"]),
        (Query(min_parameters=100), ["a/typed"]),
        (Query(min_parameters=101), []),
        (Query(max_parameters=100), ["a/typed"]),
        (Query(max_parameters=99), []),
    ],
)
def test_a_server_that_ignores_filters_is_corrected(query: Query, kept: list[str]) -> None:
    """The zoo ignores what it does not know without a word, so hits are looked at again here."""
    tags = ["library:gguf", "library:transformers", "custom_tag:mlx"]
    rows = [
        row("a/open"),
        row("b/gated", gated=True),
        row("b/login", login_required=True),
        row("b/private", private=True),
        row("a/adult", tags=["custom_tag:not-for-all-audiences"]),
        row("a/typed", tags=tags, tasks=["text", "fill-mask"], license="MIT License", params=100),
    ]
    assert [hit.ref.id for hit in search(query, {SEARCH: page(*rows)}).hits] == kept


def test_what_the_zoo_cannot_apply_is_reported() -> None:
    """Orders, languages and base models that nobody can apply are named."""
    found = search(Query(sort="trending", base_model="ms:a/b", language="de"), {SEARCH: page(row("a/b"))})
    assert found.unapplied == ("sort", "base_model", "language")
    assert search(Query(sort="likes"), {SEARCH: page()}).unapplied == ()


@pytest.mark.parametrize(
    ("given", "cursor"),
    [
        (page(*[row(f"a/{n}") for n in range(50)], total=51), "2"),
        (page(*[row(f"a/{n}") for n in range(50)], total=50), None),
        (page(*[row(f"a/{n}") for n in range(50)], total=None), "2"),
        (page(*[row(f"a/{n}") for n in range(49)], total=None), None),
        (page(total=500), None),
        (page(row("a/b"), row("a/b"), total=100), "2"),
        ({**page(*[row(f"a/{n}") for n in range(50)], total=None), "total_count": 50}, None),
        ({"success": True, "data": {"models": None}}, None),
    ],
)
def test_pages_go_on_by_number(given: dict[str, Any], cursor: str | None) -> None:
    """The count of all hits tells whether there is another page; without it, a full page does."""
    found = search(Query(), {SEARCH: given})
    assert found.cursor == cursor and len({hit.ref.id for hit in found.hits}) == len(found.hits)


def test_an_empty_page_of_a_list_that_is_counted_longer_is_told() -> None:
    """A zoo that counts hits and does not show them has cut the list short, and that is said; an end is no cut."""
    assert "counts 500 hits" in (search(Query(), {SEARCH: page(total=500)}).cut or "")
    assert search(Query(), {SEARCH: page(total=0)}).cut is None
    assert search(Query(), {SEARCH: page(total=50, number=2)}, "2").cut is None


def test_the_window_of_a_search_is_told() -> None:
    """Behind hit 3000 nothing is shown: it is not asked for, and the error tells what to do."""
    full = page(*[row(f"a/{n}") for n in range(50)], total=9000, number=60)
    assert asked(Query(), "60")["page_number"] == "60"
    assert search(Query(), {SEARCH: full}, "60").cursor == "61"
    server = Server({})
    with pytest.raises(Unsupported, match="first 3000 hits") as caught:
        replay(ModelScope().search(Query(), "61"), server)
    assert server.asked == [] and "Narrow" in (caught.value.hint or "")
    with pytest.raises(Unsupported, match="first 3000 hits"):
        search(Query(), {SEARCH: refuse(403, "QuotaLimitExceed", "window")})
    assert "3000" in (ModelScope().capability.note or "")


def test_endless_paging_is_bounded() -> None:
    """A server that always has another page is left after 60 of them."""
    cursor: str | None = None
    pages = 0

    def serve(request: Request) -> Response:
        number = int(parameters(request)["page_number"])
        rows = [row(f"a/{number}-{n}") for n in range(50)]
        return Response(request=request, status=200, body=json.dumps(page(*rows, total=10**9, number=number)).encode())

    with pytest.raises(Unsupported):
        while True:
            found = replay(ModelScope().search(Query(), cursor), serve)
            assert found.cursor is not None
            cursor, pages = found.cursor, pages + 1
    assert pages == 60


def test_another_page_than_the_one_asked_for() -> None:
    """A server that gives the first page for ever is found out."""
    with pytest.raises(ProtocolError, match="page 1 came"):
        search(Query(), {SEARCH: page(row("a/b"), number=1)}, "2")


@pytest.mark.parametrize("cursor", ["0", "-1", "x", "site:", "https://evil.example/api", "²", "1\n", "99999"])
def test_a_cursor_that_is_none(cursor: str) -> None:
    """What no page of this zoo gave is not asked for; a foreign address is no page."""
    server = Server({})
    with pytest.raises(ConfigError, match="no cursor"):
        replay(ModelScope().search(Query(), cursor), server)
    assert server.asked == []


def test_a_server_without_the_documented_search() -> None:
    """Where it is missing, the website's own search is asked instead, with the same wishes in its words."""
    server = Server({DOLPHIN: load("dolphin_models_search_page.json")})
    query = Query(text="qwen", task="image-to-image", author="AI-ModelScope", format="safetensors", sort="downloads")
    found = replay(ModelScope().search(query), server)
    assert server.asked == [SEARCH, DOLPHIN] and found.hits[0].author == "AI-ModelScope"
    request = server.requests[1]
    assert request.method == "PUT" and request.headers == {"Content-Type": "application/json"}
    body = json.loads(request.content or b"")
    assert (body["Name"], body["SortBy"], body["PageSize"], body["PageNumber"]) == ("qwen", "DownloadsCount", 50, 1)
    assert {item["category"]: item["values"] for item in body["Criterion"]} == {
        "tasks": ["image-to-image"],
        "libraries": ["safetensors"],
        "organizations": ["AI-ModelScope"],
    }
    assert found.cursor == "site:2"
    replay(ModelScope().search(query, "site:2"), server)
    assert server.asked[2:] == [DOLPHIN], "the next page is asked at the same place"


@pytest.mark.parametrize(
    "body", [{}, {"data": {"models": {}}}, {"data": {"models": [None]}}, {"data": {"models": [{}]}}]
)
def test_a_listing_of_the_wrong_shape_is_refused(body: Any) -> None:
    """No list, and rows without an id, are ProtocolErrors; null for a list that is counted is one too."""
    with pytest.raises(ProtocolError):
        search(Query(), {SEARCH: body})
    with pytest.raises(ProtocolError):
        search(Query(), {SEARCH: {"data": {"models": None, "total_count": 3}}})


def test_a_row_that_is_no_model_is_left_out() -> None:
    """One odd id does not spoil a page, on either search."""
    rows = [row("datasets/x"), row("../x"), row("x"), row("a/b")]
    assert [hit.ref.id for hit in search(Query(), {SEARCH: page(*rows)}).hits] == ["a/b"]
    site = legacy({"Model": {"Models": [{"Path": None, "Name": None}, {"Path": "a", "Name": "b"}], "TotalCount": 2}})
    assert [hit.ref.id for hit in search(Query(), {DOLPHIN: site}).hits] == ["a/b"]


def test_the_capability_tells_the_truth() -> None:
    """Every field of a query is named, and the orders are those that are sent."""
    told = ModelScope().capability
    assert set(told.filters) == {field.name for field in fields(Query)} - {"zoos"}
    assert [name for name, support in told.filters.items() if support == "unsupported"] == ["base_model", "language"]
    assert told.sorts == ("downloads", "likes", "updated") and told.max_connections == 16
    assert told.search and told.download and told.run and told.login and told.publish


# -- errors -------------------------------------------------------------------------------------

RESOLVE, FIND, WHO = "resolve", "search", "whoami"
HTML = b"<html><body>502 Bad Gateway</body></html>"


def raw(status: int, body: bytes = b"", **headers: str) -> Any:
    """Returns an answer with any body."""
    told = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda request: Response(request=request, status=status, headers=told, body=body)


@pytest.mark.parametrize(
    ("operation", "given", "kind"),
    [
        (RESOLVE, refuse(404, 10010205001, "record not found"), NotFound),
        (RESOLVE, refuse(404, 10010200001, "no access"), AccessError),
        (RESOLVE, refuse(400, 10010103009, "token invalid"), AccessError),
        (RESOLVE, refuse(401, "InvalidAuthentication"), AccessError),
        (RESOLVE, refuse(429, "RateLimitExceed", retry_after="9"), RateLimited),
        (RESOLVE, raw(502, HTML, content_type="text/html"), NetworkError),
        (RESOLVE, raw(200, HTML, content_type="text/html"), ProtocolError),
        (RESOLVE, raw(200, b'{"Code": 200, "Data": {"Na'), ProtocolError),
        (RESOLVE, raw(200, b""), ProtocolError),
        (RESOLVE, raw(200, b"[" * 100_000), ProtocolError),
        (RESOLVE, raw(302, location="https://evil.example/"), IntegrityError),
        (FIND, refuse(429, "RateLimitExceed"), RateLimited),
        (FIND, refuse(401, "InvalidAuthentication"), AccessError),
        (FIND, raw(503, HTML), NetworkError),
        (FIND, raw(200, b'{"success": true, "data": {"mod'), ProtocolError),
        (FIND, refuse(400, "InputParameterError"), ProtocolError),
        (FIND, raw(302, location="https://evil.example/"), IntegrityError),
        (WHO, refuse(401, "InvalidAuthentication", "bad token"), AccessError),
        (WHO, raw(200, b'{"success": false, "code": "InvalidAuthentication"}'), AccessError),
        (WHO, raw(500, HTML), NetworkError),
        (WHO, raw(200, b""), ProtocolError),
    ],
)
def test_the_table_of_bad_answers(operation: str, given: Any, kind: type[ZooError]) -> None:
    """Every bad answer ends every operation in the error that tells what to do, with zoo and masked address."""
    server = Server(dict.fromkeys((INFO, LOG, TREE, NAMES, SEARCH, DOLPHIN, "/openapi/v1/users/me"), given))
    zoo = ModelScope()
    with pytest.raises(kind) as caught:
        if operation == RESOLVE:
            replay(zoo.resolve(Ref.parse(f"ms:acme/tiny@{SHA}")), server)
        elif operation == FIND:
            replay(zoo.search(Query()), server)
        else:
            replay(zoo.whoami("x"), server)
    assert type(caught.value) is kind and "?" not in (caught.value.url or "").rstrip("?…")
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == (9.0 if operation == RESOLVE else None)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "word"),
    [
        (404, 10010205001, "文件不存在", NotFound, "The file is not in"),
        (404, 10010205001, "", NotFound, "The file is not in"),
        (200, 10010205001, "record not found", NotFound, "The file is not in"),
        (404, 10010205001, "Error 1461 max_prepared_stmt_count", NetworkError, "could not look"),
        (404, 10010200001, "", AccessError, "private or gated"),
        (404, 10990101004, "", NotFound, "has no revision 'v9'"),
        (400, 10010103009, "expired", AccessError, "does not know the token"),
        (400, 10010101001, "exists", ConfigError, "there already"),
        (400, 10020101001, "exists", ConfigError, "there already"),
        (400, 10010202004, "exists", ConfigError, "there already"),
        (409, 10030000001, "conflict", NetworkError, "another commit"),
        (401, "InvalidAuthentication", "", AccessError, "token"),
        (403, "OperationNotAllowed", "no", AccessError, "may not do that"),
        (403, "QuotaLimitExceed", "quota", RateLimited, "quota"),
        (404, "ResourceNotFound", "", NotFound, "not in"),
        (409, "DuplicateEntity", "", ConfigError, "there already"),
        (400, "InputParameterError", "page", ProtocolError, "page"),
        (429, "RateLimitExceed", "", RateLimited, "wait"),
        (500, 10010205001, "record not found", NetworkError, "500"),
        (503, 10010200001, "", NetworkError, "503"),
        (404, 99999999999, "", NotFound, "not in"),
        (418, "New", "teapot", ProtocolError, "teapot"),
        (401, None, "", AccessError, "token"),
        (402, None, "", AccessError, "paid"),
        (403, None, "", AccessError, "may not"),
        (405, None, "", Unsupported, "does not take"),
        (408, None, "", NetworkError, "408"),
        (409, None, "", ConfigError, "already"),
        (410, None, "", Gone, "gone"),
        (412, None, "", IntegrityError, "changed"),
        (451, None, "", AccessError, "legal"),
        (501, None, "", Unsupported, "does not know"),
    ],
)
def test_each_refusal_is_one_error(
    status: int, code: int | str | None, message: str, kind: type[ZooError], word: str
) -> None:
    """Status, code and words of the zoo become the error whose exit code tells what to do."""
    ref = Ref.parse("ms:acme/tiny@v9")
    response = refuse(status, code, message)(ModelScope().locate(resolve("ms:acme/tiny", model()), FileEntry(path="x")))
    error = ModelScope().refused(response, ref, "download")
    assert type(error) is kind and word in error.message
    assert (error.zoo, error.ref, error.operation) == ("modelscope", str(ref), "download")
    assert "FilePath" not in (error.url or "")


# -- endpoint -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "endpoint", "official"),
    [
        ("https://modelscope.cn", SITE, True),
        ("https://www.modelscope.cn/", SITE, True),
        ("modelscope.cn", SITE, True),
        ("https://modelscope.ai", "https://www.modelscope.ai", False),
        ("www.modelscope.ai", "https://www.modelscope.ai", False),
        ("https://hub.example/ms/", "https://hub.example/ms", False),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", False),
    ],
)
def test_an_endpoint_has_one_spelling(given: str, endpoint: str, official: bool) -> None:
    """The two sites are two servers, each under one name, and only the Chinese one is official."""
    provider = ModelScope(given)
    assert (provider.endpoint, provider.official) == (endpoint, official)


def test_the_two_sites_are_kept_apart() -> None:
    """What one site says about a name has another place in the store than what the other says."""
    from zooclient.providers.registry import zoo_key

    keys = {zoo_key(ModelScope(url)) for url in (SITE, "https://www.modelscope.cn", "https://www.modelscope.ai")}
    assert len(keys) == 2 and "modelscope" in keys
    assert zoo_key(ModelScope("https://modelscope.ai")) == zoo_key(ModelScope("https://www.modelscope.ai"))
    server = Server(model(), "https://www.modelscope.ai")
    record = replay(ModelScope("modelscope.ai").resolve(Ref.parse("ms:acme/tiny")), server)
    assert record.endpoint == "https://www.modelscope.ai:443" and (record.web_url or "").startswith(server.endpoint)


@pytest.mark.parametrize("given", ["", "ftp://x", "https://u:p@x", "https://x?y", "https://x#y", "a b", "u:p@x"])
def test_an_endpoint_that_is_none(given: str) -> None:
    """What is no plain address, or holds a password, is a ConfigError."""
    with pytest.raises(ConfigError) as caught:
        ModelScope(given)
    assert "u:p" not in str(caught.value)


def test_the_card_is_text_as_it_came() -> None:
    """The made-up card of these tests has the digest that the listing tells."""
    assert CARD.startswith("---") and len(CARD_SHA) == 64 and urlsplit(SITE).hostname == "modelscope.cn"
