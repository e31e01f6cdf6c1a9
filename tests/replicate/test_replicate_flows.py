"""Search, resolve, cards and whoami of Replicate, run on answers that are given in place of a network."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from attrs import evolve
from replicate_answers import API, NEW, OLD, REF, Server, document, model, refuse, resolve, version

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
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.base import Provider
from zooclient.providers.further import AsksForCards, KeepsImages, ListsFiles
from zooclient.providers.replicate.provider import EMPTY_PAGES, Replicate
from zooclient.records.card import Card
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref

MODEL, VERSION = "/v1/models/acme/tiny", f"/v1/models/acme/tiny/versions/{NEW}"
VERSIONS, README = "/v1/models/acme/tiny/versions", "/v1/models/acme/tiny/readme"


def asked(path: str) -> dict[str, str]:
    """Returns the questions of an address."""
    return dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))


def search(query: Query, answers: dict[str, Any], cursor: str | None = None) -> tuple[Page, Server]:
    """Searches a server that gives these answers."""
    server = Server(answers)
    return replay(Replicate().search(query, cursor), server), server


def found(*rows: Any, tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns what a search by words answers."""
    return {"query": "x", "models": [{"model": row, "metadata": {"tags": list(tags)}} for row in rows]}


def listing(*rows: Any, following: str | None = None) -> dict[str, Any]:
    """Returns a page of models."""
    return {"next": following, "previous": None, "results": list(rows)}


def test_it_is_a_provider() -> None:
    """Replicate fulfils the protocol that every zoo fulfils, has cards, runs models, and has files in images."""
    zoo = Replicate()
    assert isinstance(zoo, Provider)
    assert isinstance(zoo, AsksForCards)
    assert isinstance(zoo, ListsFiles)
    assert isinstance(zoo, KeepsImages)
    assert (zoo.images, Replicate("https://mine.example").images) == ("https://r8.im", None)
    can = zoo.capability
    assert (zoo.scheme, zoo.official, zoo.endpoint) == ("replicate", True, API)
    assert (can.search, can.search_login, can.login, can.download, can.run) == (True, True, True, True, True)
    assert "token" in (can.note or "")


@pytest.mark.parametrize(
    ("told", "endpoint", "official"),
    [
        ("https://api.replicate.com/", API, True),
        ("https://api.replicate.com/v1", API, True),
        ("https://API.replicate.com:443", "https://API.replicate.com:443", True),
        ("http://api.replicate.com", "http://api.replicate.com", False),
        ("https://replicate.com", "https://replicate.com", False),
        ("https://api.replicate.com.example", "https://api.replicate.com.example", False),
        ("http://127.0.0.1:8000/replicate/v1/", "http://127.0.0.1:8000/replicate", False),
    ],
)
def test_one_endpoint_has_one_spelling(told: str, endpoint: str, official: bool) -> None:
    """The API's own version in an address is no part of the endpoint, and the API alone is the zoo itself."""
    zoo = Replicate(told)
    assert (zoo.endpoint, zoo.official) == (endpoint, official)


@pytest.mark.parametrize("told", ["ftp://a", "https://u:p@a", "https://a?x=1", "nonsense", ""])
def test_what_is_no_endpoint_is_refused(told: str) -> None:
    """A text that is no address of a server is a ConfigError."""
    with pytest.raises(ConfigError):
        Replicate(told)


# -- search -------------------------------------------------------------------------------------


def test_words_go_to_the_search() -> None:
    """A search by words is one request with as many hits as are wanted, and its tags are those of the hits."""
    page, server = search(Query(text="a ü&b", limit=5), {"*": found(model(), tags=("text-to-image", "x"))})
    assert [urlsplit(path).path for path in server.asked] == ["/v1/search"]
    assert asked(server.asked[0]) == {"query": "a ü&b", "limit": "5"}
    (hit,) = page.hits
    assert (str(hit.ref), hit.tags, hit.title, hit.author) == (REF, ("text-to-image", "x"), "tiny", "acme")
    assert hit.extra["run_count"] == 7
    assert hit.downloads is None, "runs are no downloads"
    assert (page.cursor, page.unapplied) == (None, ())


@pytest.mark.parametrize(("limit", "sent"), [(None, "50"), (1, "1"), (0, "1"), (1000, "50")])
def test_a_limit_is_one_that_the_search_takes(limit: int | None, sent: str) -> None:
    """From 1 to 50, whatever is wanted."""
    _, server = search(Query(text="x", limit=limit), {"*": found()})
    assert asked(server.asked[0])["limit"] == sent


@pytest.mark.parametrize("status", [404, 405, 500, 502])
def test_without_a_search_the_method_query_is_used(status: int) -> None:
    """Where the search, a beta, is missing or broken, the words go in the body of a QUERY, as plain text in UTF-8."""
    answers = {"QUERY /v1/models": listing(model()), "*": refuse(status, b"<html>")}
    page, server = search(Query(text="ü"), answers)
    assert [hit.ref.id for hit in page.hits] == ["acme/tiny"]
    request = server.requests[-1]
    assert (request.method, request.content, request.headers) == ("QUERY", "ü".encode(), {"Content-Type": "text/plain"})


def test_a_next_page_is_asked_for_at_our_own_endpoint() -> None:
    """The next page's address is absolute and may lead to another server: its cursor alone is taken."""
    foreign = "https://evil.example/v1/models?cursor=cD0yMDI%3D&x=1"
    page, _ = search(Query(), {"/v1/models": listing(model(), following=foreign)})
    assert page.cursor is not None
    page, server = search(Query(), {"/v1/models?cursor=cD0yMDI%3D": listing(model(name="b"))}, page.cursor)
    assert server.asked == ["/v1/models?cursor=cD0yMDI%3D"]
    assert [hit.ref.id for hit in page.hits] == ["acme/b"]
    assert page.cursor is None


def test_a_next_page_of_words_keeps_the_words() -> None:
    """A listing by QUERY goes on by QUERY, with the same body."""
    answers = {"QUERY /v1/models": listing(model(), following=f"{API}/v1/models?cursor=c"), "*": refuse(404)}
    page, _ = search(Query(text="tiny"), answers)
    page, server = search(Query(text="tiny"), {"QUERY /v1/models?cursor=c": listing(model(name="b"))}, page.cursor)
    assert server.requests[0].content == b"tiny"
    assert [hit.ref.id for hit in page.hits] == ["acme/b"]


def test_a_page_that_is_its_own_next_is_refused() -> None:
    """A listing that goes round in circles is a ProtocolError, not an endless search."""
    page, _ = search(Query(), {"*": listing(model(), following=f"{API}/v1/models?cursor=c")})
    with pytest.raises(ProtocolError, match="same page"):
        search(Query(), {"*": listing(model(), following=f"{API}/v1/models?cursor=c")}, page.cursor)


def test_a_listing_without_hits_ends() -> None:
    """A filter that nothing has walks a few pages of everything, and no more: each is two megabytes."""
    cursor, pages = None, 0
    while True:
        told = listing(model(), following=f"{API}/v1/models?cursor={pages}")
        page, server = search(Query(license="gpl-3.0"), {"*": told}, cursor)
        assert len(server.asked) == 1
        pages += 1
        cursor = page.cursor
        if cursor is None:
            break
    assert pages == EMPTY_PAGES
    assert "pages in a row" in (page.cut or "")


@pytest.mark.parametrize("cursor", ["", "x", "all~1", "all~x~c", f"words~1~{'c' * 3000}", "https://a/?cursor=c"])
def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    """A cursor that is none of ours is a ConfigError, and nobody is asked."""
    with pytest.raises(ConfigError, match="no cursor"):
        next(Replicate().search(Query(), cursor))


@pytest.mark.parametrize(
    ("sort", "told"),
    [
        ("created", {"sort_by": "model_created_at", "sort_direction": "desc"}),
        ("updated", {"sort_by": "latest_version_created_at", "sort_direction": "desc"}),
        (None, {}),
    ],
)
def test_an_order_is_asked_for(sort: Any, told: dict[str, str]) -> None:
    """The listing has two orders, newest first."""
    page, server = search(Query(sort=sort), {"*": listing()})
    assert asked(server.asked[0]) == told
    assert page.unapplied == ()


@pytest.mark.parametrize(
    ("query", "unapplied"),
    [
        (Query(text="x", sort="updated"), ("sort",)),
        (Query(text="x", sort="relevance"), ()),
        (Query(sort="relevance"), ("sort",)),
        (Query(sort="downloads"), ("sort",)),
        (Query(text="x", gated=True, library="diffusers", language="en"), ("library", "language", "gated")),
        (Query(text="x", fits="24GB", format="gguf", min_parameters=1), ("format", "min_parameters", "fits")),
        (Query(text="x", author="acme", license="mit", tags=("a",)), ()),
    ],
)
def test_what_cannot_be_applied_is_told(query: Query, unapplied: tuple[str, ...]) -> None:
    """A filter or an order that neither the zoo nor we can apply is named, never dropped in silence."""
    assert search(query, {"/v1/models": listing(), "*": found()})[0].unapplied == unapplied


def test_a_task_is_a_collection() -> None:
    """A task without words is the collection of that name, whole, in one request; its models are for that task."""
    page, server = search(
        Query(task="text-to-image"), {"/v1/collections/text-to-image": {"slug": "text-to-image", "models": [model()]}}
    )
    assert server.asked == ["/v1/collections/text-to-image"]
    (hit,) = page.hits
    assert (hit.task, hit.ref.id, page.cursor) == ("text-to-image", "acme/tiny", None)


def test_a_task_without_a_collection_is_searched_for() -> None:
    """Where there is no such collection its words are looked for, and of what comes the tags decide."""
    told = {"models": [{"model": model(), "metadata": {"tags": ["music-making"]}}, {"model": model(name="b")}]}
    page, server = search(Query(task="music-making"), {"/v1/search?query=music+making&limit=50": told})
    assert server.asked == ["/v1/collections/music-making", "/v1/search?query=music+making&limit=50"]
    assert [hit.ref.id for hit in page.hits] == ["acme/tiny"]


def test_an_owner_is_looked_for_by_name() -> None:
    """The zoo filters by nothing, so an owner is looked for by words, and what is another's is left out."""
    page, server = search(Query(author="acme"), {"*": found(model(owner="other"), model())})
    assert asked(server.asked[0])["query"] == "acme"
    assert [hit.ref.id for hit in page.hits] == ["acme/tiny"]


@pytest.mark.parametrize(
    ("official", "ref"), [(False, REF), (True, "replicate:acme/tiny"), (..., "replicate:acme/tiny")]
)
def test_a_hit_is_pinned_where_the_zoo_says_that_it_can_be(official: Any, ref: str) -> None:
    """The latest version of an official model cannot be asked for, and older answers do not tell which are."""
    page, _ = search(Query(text="x"), {"*": found(model(is_official=official))})
    assert str(page.hits[0].ref) == ref


def test_adult_content_is_left_out_where_it_is_tagged() -> None:
    """What the search calls nsfw comes only to who asks for it."""
    answers = {"*": found(model(), tags=("nsfw",))}
    assert search(Query(text="x"), answers)[0].hits == ()
    assert len(search(Query(text="x", nsfw=True), answers)[0].hits) == 1


@pytest.mark.parametrize(
    "told",
    [None, [], {"models": None}, {"models": [None]}, {"models": [{}]}, {"models": [{"owner": "a", "name": 3}]}],
)
def test_an_odd_search_is_a_protocol_error(told: Any) -> None:
    """An answer of another shape is told as such, and not taken for no hits."""
    with pytest.raises(ProtocolError):
        search(Query(text="x"), {"*": told or refuse(200, told)})


@pytest.mark.parametrize("name", ["b/c", "..", "ü", "x" * 200])
def test_a_model_that_no_reference_can_name_keeps_no_other_out(name: str) -> None:
    """A name that cannot be written down is passed over in a list, and the others are found."""
    page, _ = search(Query(text="x"), {"*": found(model(name=name), model())})
    assert [hit.ref.id for hit in page.hits] == ["acme/tiny"]


# -- resolve ------------------------------------------------------------------------------------


def test_a_version_costs_two_requests_at_once() -> None:
    """A pin is answered by its model and its own address, sent together; pages of versions are never looked through."""
    flow = Replicate().resolve(Ref.parse(REF))
    first = next(flow)
    assert isinstance(first, tuple)
    assert [request.url for request in first] == [API + MODEL, API + VERSION]
    flow.close()
    record, server = resolve(REF, {MODEL: model(latest_version=version(id=OLD)), VERSION: version()})
    assert server.asked == [MODEL, VERSION]
    assert (str(record.ref), record.pin, record.ref.pinned) == (REF, "version", True)
    assert record.metadata["latest_version"] == OLD
    assert record.problems == ()


def test_the_latest_version_costs_one_request() -> None:
    """Without a version the latest is meant, which the model's own answer brings along."""
    record, server = resolve("replicate:acme/tiny", {MODEL: model()})
    assert server.asked == [MODEL]
    assert (str(record.ref), str(record.requested), record.pin) == (REF, "replicate:acme/tiny", "version")


def test_a_record_tells_what_the_zoo_tells() -> None:
    """Licence, owner, times, runs, pictures, example and schema, each at its place; there are no files."""
    record, _ = resolve(REF, {MODEL: model(created_at="2025-01-01T00:00:00Z", something="new"), VERSION: version()})
    assert (record.title, record.author, record.endpoint) == ("tiny", "acme", "https://api.replicate.com:443")
    assert (record.license.spdx, record.license.kind) == ("MIT", "open-source")
    assert record.license.raw == "https://opensource.org/licenses/MIT"
    assert record.created_at is not None and record.created_at.isoformat() == "2025-01-01T00:00:00+00:00"
    assert record.updated_at is not None and record.updated_at.isoformat() == "2026-01-02T03:04:05.678901+00:00"
    assert (record.files, record.downloads, record.access.state) == ((), None, "open")
    assert record.metadata == {
        "description": "Says a little",
        "run_count": 7,
        "official": False,
        "cog_version": "0.9.5",
        "cover_image_url": "https://replicate.delivery/cover.png",
        "github_url": "https://github.com/acme/tiny",
        "license_url": "https://opensource.org/licenses/MIT",
        "example_input": {"prompt": "hello"},
        "latest_version": NEW,
        "latest_version_created_at": "2026-01-02T03:04:05.678901Z",
    }
    assert record.extra == {"model": {"something": "new"}}
    assert record.schema is not None and [given.name for given in record.schema.inputs] == ["prompt"]
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


@pytest.mark.parametrize("digits", ["678", "678901", "678901234", "67890123"])
def test_times_have_any_number_of_digits(digits: str) -> None:
    """The zoo writes fractions of a second with 3 to 9 digits."""
    told = version(created_at=f"2026-01-02T03:04:05.{digits}Z")
    record, _ = resolve(REF, {MODEL: model(), VERSION: told})
    assert record.updated_at is not None
    assert record.updated_at.isoformat().startswith("2026-01-02T03:04:05.678")


def test_an_older_record_still_reads() -> None:
    """A record that was stored before there were schemas has none."""
    record, _ = resolve(REF, {MODEL: model(), VERSION: version()})
    told = record.to_dict()
    del told["schema"]
    assert ModelRecord.from_dict(told).schema is None


def test_an_official_model_is_no_pin() -> None:
    """Its record says that there is none, keeps a witness of change, and its schema all the same."""
    record, server = resolve("replicate:acme/tiny", {MODEL: model(is_official=True)})
    assert server.asked == [MODEL]
    assert (str(record.ref), record.pin, record.ref.pinned) == ("replicate:acme/tiny", "none", False)
    assert "no version to pin" in record.problems[0]
    assert record.schema is not None
    assert record.metadata["latest_version"] == NEW
    other, _ = resolve(
        "replicate:acme/tiny", {MODEL: model(is_official=True, latest_version=version(openapi_schema=document(x={})))}
    )
    assert len(record.metadata["schema_sha256"]) == 64
    assert other.metadata["schema_sha256"] != record.metadata["schema_sha256"]


@pytest.mark.parametrize(("lists", "pin"), [(True, "version"), (False, "none")])
def test_an_answer_that_does_not_tell_is_asked_further(lists: bool, pin: str) -> None:
    """Older answers do not say which models are official; the versions of those are not listed."""
    answers = {MODEL: model(is_official=...), **({VERSIONS: listing(version())} if lists else {})}
    record, server = resolve("replicate:acme/tiny", answers)
    assert server.asked == [MODEL, VERSIONS]
    assert record.pin == pin


def test_the_version_of_an_official_model_is_not_found() -> None:
    """A pin of an official model cannot be asked for, and the hint is how to write it."""
    with pytest.raises(NotFound) as caught:
        resolve(REF, {MODEL: model(is_official=True)})
    assert caught.value.hint == "It is an official model, which has no version to ask for: write replicate:acme/tiny."


def test_a_model_that_became_official_says_so() -> None:
    """A version that can still be asked for is a pin of its record, and running it may be refused."""
    record, _ = resolve(REF, {MODEL: model(is_official=True), VERSION: version()})
    assert record.pin == "version"
    assert record.problems == ("It is an official model by now, which may not be run at a version.",)


@pytest.mark.parametrize("latest", [None, {}, {"id": "short"}])
def test_a_model_without_a_version(latest: Any) -> None:
    """What nothing was pushed to has nothing to pin, and its record says so."""
    record, _ = resolve("replicate:acme/tiny", {MODEL: model(latest_version=latest)})
    assert (record.ref.revision, record.pin, record.schema) == (None, "none", None)
    assert "has no version" in record.problems[0]


def test_a_missing_version_names_the_latest() -> None:
    """A version that is not there is NotFound, with one that is."""
    with pytest.raises(NotFound) as caught:
        resolve(REF, {MODEL: model(latest_version=version(id=OLD))})
    assert OLD in (caught.value.hint or "")
    assert (caught.value.zoo, caught.value.ref, caught.value.operation) == ("replicate", REF, "resolve")


def test_what_is_private_says_so() -> None:
    """A private model that the account may see has a record that says who sees it."""
    record, _ = resolve(REF, {MODEL: model(visibility="private"), VERSION: version()})
    assert (record.access.state, record.access.url) == ("private", "https://replicate.com/acme/tiny")


@pytest.mark.parametrize(
    ("url", "weights"),
    [
        ("https://huggingface.co/meta-llama/Llama-2-70b", "hf:meta-llama/Llama-2-70b"),
        ("https://huggingface.co/a/b/tree/main", "hf:a/b@main"),
        ("https://civitai.com/models/10?modelVersionId=20", "civitai:10@20"),
    ],
)
def test_weights_elsewhere_are_that_zoos_reference(url: str, weights: str) -> None:
    """The one field that tells where weights lie becomes a reference that can be loaded: the model is made from it."""
    record, _ = resolve(REF, {MODEL: model(weights_url=url), VERSION: version()})
    assert record.base_models == (weights,)
    assert (record.metadata["weights"], record.metadata["weights_url"]) == (weights, url)


@pytest.mark.parametrize(
    "url", ["https://example.org/w.tar", "https://huggingface.co/datasets/a/b", "a\nb", "x" * 9000]
)
def test_weights_at_no_zoo_are_a_problem(url: str) -> None:
    """An address that names no model is told on one line, and is no reference."""
    record, _ = resolve(REF, {MODEL: model(weights_url=url), VERSION: version()})
    assert record.base_models == ()
    (problem,) = record.problems
    assert problem.startswith("Its weights are said to lie at ") and problem.isprintable()


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"owner": "other"}, IntegrityError),
        ({"name": "other"}, IntegrityError),
        ({"owner": None}, ProtocolError),
        ({"name": "a/b"}, ProtocolError),
        ({"name": "../x"}, ProtocolError),
        ({"owner": 3}, ProtocolError),
    ],
)
def test_an_answer_about_another_model_is_refused(changes: dict[str, Any], kind: type[ZooError]) -> None:
    """What is not about the model that was asked for is taken for it by nobody."""
    with pytest.raises(kind):
        resolve("replicate:acme/tiny", {MODEL: model(**changes)})


def test_an_answer_about_another_version_is_refused() -> None:
    """A version is the digest of an image: another one is no answer."""
    with pytest.raises(IntegrityError, match=OLD):
        resolve(REF, {MODEL: model(), VERSION: version(id=OLD)})
    with pytest.raises(ProtocolError, match="does not name a version"):
        resolve(REF, {MODEL: model(), VERSION: version(id="dp-" + "a" * 32)})


def test_names_are_compared_without_case() -> None:
    """The zoo reads a name in any case, and the record has it as the zoo writes it."""
    record, _ = resolve("replicate:ACME/Tiny", {"/v1/models/ACME/Tiny": model()})
    assert (record.ref.id, record.requested.id) == ("acme/tiny", "ACME/Tiny")


def test_a_renamed_model_is_followed() -> None:
    """A redirect of the API to another name of the model is followed, also where two requests went together."""
    old, there = "/v1/models/acme/old", {"location": "/v1/models/acme/tiny"}
    answers = {old: refuse(301, **there), MODEL: model(), VERSION: version()}
    answers[f"{old}/versions/{NEW}"] = refuse(307, location=VERSION)
    for text in ("replicate:acme/old", f"replicate:acme/old@{NEW}"):
        record, _ = resolve(text, answers)
        assert (str(record.ref), str(record.requested)) == (REF, text)


def test_a_redirect_to_another_server_is_not_followed() -> None:
    """Only the API itself is asked."""
    for text in ("replicate:acme/tiny", REF):
        with pytest.raises(IntegrityError, match="not followed"):
            resolve(text, {"*": refuse(302, location="https://evil.example/v1/models/acme/tiny")})


def test_hostile_texts_stay_on_their_line() -> None:
    """What a stranger wrote neither breaks a line nor a terminal, and no odd address is taken for one."""
    told = model(description="a\x1b[31m\nb", cover_image_url="javascript:alert(1)", url="file:///etc/passwd")
    record, _ = resolve(REF, {MODEL: told, VERSION: version()})
    assert "cover_image_url" not in record.metadata
    assert record.web_url == "https://replicate.com/acme/tiny"
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


# -- licences -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "spdx", "kind"),
    [
        ("https://opensource.org/licenses/MIT", "MIT", "open-source"),
        ("https://opensource.org/license/mit/", "MIT", "open-source"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0", "open-source"),
        ("https://choosealicense.com/licenses/apache-2.0/", "Apache-2.0", "open-source"),
        ("https://spdx.org/licenses/BSD-3-Clause.html", "BSD-3-Clause", "open-source"),
        ("https://creativecommons.org/licenses/by-nc/4.0/deed.en", "CC-BY-NC-4.0", "non-commercial"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0", "open-source"),
        ("https://github.com/acme/tiny/blob/main/LICENSE", None, "unknown"),
        ("https://evil.example/opensource.org/licenses/MIT", None, "unknown"),
        ("https://opensource.org/", None, "unknown"),
    ],
)
def test_a_licence_is_what_its_address_names(url: str, spdx: str | None, kind: str) -> None:
    """An address of a list of licences names one for certain; all others stay addresses."""
    record, _ = resolve(REF, {MODEL: model(license_url=url), VERSION: version()})
    assert (record.license.spdx, record.license.kind, record.license.url) == (spdx, kind, url)


@pytest.mark.parametrize("url", [None, "", 3, "MIT", "javascript:x"])
def test_no_address_is_no_licence(url: Any) -> None:
    """Without a web address none is stated."""
    record, _ = resolve(REF, {MODEL: model(license_url=url), VERSION: version()})
    assert (record.license.raw, record.license.kind) == (None, "unknown")


# -- cards --------------------------------------------------------------------------------------


def card(readme: Any, **changes: Any) -> tuple[Card, Server]:
    """Asks for the card of a model with this README."""
    record, _ = resolve(REF, {MODEL: model(**changes), VERSION: version()})
    server = Server({README: readme} if readme is not None else {})
    return replay(Replicate().ask_card(record), server), server


def test_the_readme_is_the_card() -> None:
    """It is asked for when the card is, in one request, and stands between the facts and the inputs."""
    told, server = card(refuse(200, b"# Tiny\r\n\r\n## Limitations\n\nIt knows nothing.\n", content_type="text/plain"))
    assert server.asked == [README]
    assert [section.title for section in told.sections] == ["Tiny", "Limitations", "Inputs", "Output"]
    assert told.limitations()[0].text == "It knows nothing."
    assert (told.license.spdx, told.data["source"], told.problems) == ("MIT", REF, ())
    assert "**prompt** (string; required): What to say" in told.text


def test_without_a_readme_the_description_is_the_card() -> None:
    """A model without a README has a card all the same, made of its record."""
    told, _ = card(None, description="Says *a* little", weights_url="https://huggingface.co/a/b")
    assert told.text.startswith("# tiny\n\nSays \\*a\\* little\n")
    assert told.base_models == ("hf:a/b",)


def test_a_readme_with_front_matter_keeps_it() -> None:
    """Front matter that an author wrote is not written again."""
    told, _ = card(refuse(200, b"---\ntags: [a]\n---\n# T\n"))
    assert told.tags == ("a",)
    assert told.license.spdx == "MIT", "the licence is the record's"


def test_a_readme_that_cannot_be_had_is_an_error() -> None:
    """Only what is not there passes for none, and a page of a proxy is no README."""
    with pytest.raises(ProtocolError, match="page for people"):
        card(refuse(200, b"<title>Sign in</title>", content_type="text/html; charset=utf-8"))
    with pytest.raises(NetworkError):
        card(refuse(503))


# -- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (401, {"title": "Unauthenticated", "detail": "no token"}, AccessError, "Unauthenticated; no token"),
        (402, {"title": "Billing required"}, AccessError, "Billing required"),
        (403, {"detail": "no"}, AccessError, "no"),
        (404, {"detail": "not there"}, NotFound, "not there"),
        (405, b"", Unsupported, ""),
        (410, b"", Gone, ""),
        (413, {"detail": "Files must be less than 100MB in size"}, ConfigError, "100MB"),
        (422, {"title": "Invalid version or not permitted"}, AccessError, "not permitted"),
        (
            422,
            {"invalid_fields": [{"type": "number_lte", "field": "input.width", "description": "too wide"}]},
            ConfigError,
            "input.width too wide",
        ),
        (429, {"detail": "throttled"}, RateLimited, "throttled"),
        (451, b"", AccessError, "legal"),
        (501, b"", Unsupported, ""),
        (502, b"<html>Bad gateway</html>", NetworkError, "502"),
        (520, [1], NetworkError, "520"),
        (418, {"detail": ["a"]}, ProtocolError, "418"),
    ],
)
def test_a_refusal_is_the_error_to_act_on(status: int, body: Any, kind: type[ZooError], said: str) -> None:
    """Each status becomes the error by which a caller knows what to do, with the zoo's own words."""
    with pytest.raises(kind) as caught:
        resolve("replicate:acme/tiny", {"*": refuse(status, body)})
    assert said in caught.value.message
    assert "html" not in caught.value.message
    assert (caught.value.zoo, caught.value.operation) == ("replicate", "resolve")


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({}, {}, None),
        ({"retry_after": "7"}, {}, 7),
        ({"retry_after": "7"}, {"retry_after": 9.5}, 9.5),
        ({"ratelimit_reset": "30"}, {"retry_after": 9}, 30),
        ({"ratelimit_reset": "soon"}, {"retry_after": "x"}, None),
        ({}, {"retry_after": -1}, None),
        ({}, {"retry_after": True}, None),
        ({}, {"retry_after": 1e300}, None),
    ],
)
def test_the_longest_wait_counts(headers: dict[str, str], body: Any, wait: float | None) -> None:
    """The header, the body and the reset of the limit may each ask to wait."""
    with pytest.raises(RateLimited) as caught:
        resolve("replicate:acme/tiny", {"*": refuse(429, body, **headers)})
    assert caught.value.retry_after == wait


def test_a_long_answer_is_told_in_short() -> None:
    """A server's words are cut and cleaned before they stand in an error."""
    with pytest.raises(NotFound) as caught:
        resolve("replicate:acme/tiny", {"*": refuse(404, {"detail": "a\x1b[2J\n" * 5000})})
    assert len(caught.value.message) < 600 and caught.value.message.isprintable()


# -- the rest -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "told"), [("organization", "org"), ("user", "user"), (None, "user")])
def test_whoami_asks_the_account(kind: str | None, told: str) -> None:
    """A token's account is one request, with the token that is to be tried."""
    server = Server({"/v1/account": {"type": kind, "username": "acme"}})
    account = replay(Replicate().whoami("r8_new"), server)
    assert (account.name, account.kind) == ("acme", told)
    assert server.requests[0].token == "r8_new"


@pytest.mark.parametrize("told", [{}, {"username": ""}, {"username": 3}])
def test_an_account_without_a_name_is_a_protocol_error(told: Any) -> None:
    """An answer that names nobody is not taken for a login."""
    with pytest.raises(ProtocolError):
        replay(Replicate().whoami(), Server({"*": told}))


def test_what_has_no_image_is_not_located() -> None:
    """Of a model without a version, and at a server without a registry, there is no file to ask for: Unsupported."""
    record, _ = resolve(REF, {MODEL: model(), VERSION: version()})
    file = FileEntry(path="cog.yaml")
    assert Replicate().locate(record, file).url == f"https://r8.im/v2/acme/tiny/blobs/sha256:{NEW}"
    with pytest.raises(Unsupported, match="registry"):
        Replicate("https://mine.example").locate(record, file)
    with pytest.raises(Unsupported, match="no version"):
        Replicate().locate(evolve(record, ref=record.ref.at(None)), file)


def test_no_flow_brings_a_credential() -> None:
    """What an origin is entitled to is decided elsewhere, request by request."""
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return refuse(404)(request)

    for flow in (Replicate().search(Query(text="x")), Replicate().resolve(Ref.parse(REF)), Replicate().whoami()):
        with pytest.raises(ZooError):
            replay(flow, answer)
    assert len(seen) == 5
    assert all(request.token is None and "authorization" not in map(str.lower, request.headers) for request in seen)
