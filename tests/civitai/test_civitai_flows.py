"""Search, resolve, locate, hashes and whoami of Civitai, run on answers that are given in place of a network."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from attrs import evolve
from civitai_answers import HEX, NOW, OTHER, SITE, Server, file, model, refuse, resolve, version

from zooclient.errors import AccessError, ConfigError, Gone, IntegrityError, NotFound, ProtocolError, ZooError
from zooclient.net.auth import Auth, Credential
from zooclient.net.conversation import USER_AGENT
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.base import Provider
from zooclient.providers.civitai import wire
from zooclient.providers.civitai.provider import EMPTY_PAGES, Civitai
from zooclient.records.model import ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref

#: Words by which the download route takes an agent for a browser, and answers with pages.
BROWSERS = ("mozilla", "chrome", "safari", "firefox", "opera", "edge")

#: Parameters that fail, mean yes whatever they say, or leak: never sent.
NEVER = {
    *("page", "token", "favorites", "hidden", "supportsGeneration", "fromPlatform", "earlyAccess", "archived"),
    *("followed", "allowNoCredit", "allowDerivatives", "allowDifferentLicense", "allowCommercialUse", "fileFormats"),
    *("checkpointType", "periodMode", "primaryFileOnly", "availability"),
}


def asked(path: str) -> list[tuple[str, str]]:
    """Returns the questions of an address."""
    return parse_qsl(urlsplit(path).query, keep_blank_values=True)


def search(query: Query, answer: Any, cursor: str | None = None) -> tuple[Page, Server]:
    """Searches a server that gives one answer to everything."""
    server = Server({"*": answer})
    return replay(Civitai(clock=lambda: NOW).search(query, cursor), server), server


def listing(*rows: Any, **metadata: Any) -> dict[str, Any]:
    """Returns a page of a listing."""
    return {"items": list(rows), "metadata": metadata}


def test_it_is_a_provider() -> None:
    """Civitai fulfils the protocol that every zoo fulfils, and bears four connections."""
    assert isinstance(Civitai(), Provider)
    assert (Civitai().scheme, Civitai().official, Civitai().capability.max_connections) == ("civitai", True, 4)
    assert "nsfw" in (Civitai().capability.note or "")


def test_our_name_is_no_browsers() -> None:
    """No word that the site looks for is in our agent; such an agent is answered with pages in place of files."""
    assert not any(word in USER_AGENT.lower() for word in BROWSERS)


# -- search -------------------------------------------------------------------------------------


def test_a_search_asks_one_question_with_one_value_a_key() -> None:
    """Words of ours become the site's, spelled as it spells them, and adult content is switched off aloud."""
    query = Query(author="acme", task="lora", base_model="sdxl 1.0", tags=("tool",), sort="downloads", limit=5)
    page, server = search(query, listing(model()))
    assert len(server.asked) == 1
    assert asked(server.asked[0]) == [
        ("limit", "100"),
        ("sort", "Most Downloaded"),
        ("period", "AllTime"),
        ("tag", "tool"),
        ("username", "acme"),
        ("types", "LORA"),
        ("baseModels", "SDXL 1.0"),
        ("nsfw", "false"),
    ]
    assert [str(hit.ref) for hit in page.hits] == ["civitai:10@20"] and page.unapplied == ()


@pytest.mark.parametrize(
    "query",
    [
        Query(text="x", sort="downloads", gated=False, format="gguf", nsfw=True, limit=100000),
        Query(license="mit", library="diffusers", language="en", min_parameters=1, max_parameters=2, gated=True),
        Query(author="a,b", task="Checkpoint,LORA", base_model="SD 1.5,Pony", tags=("a", "b,c")),
    ],
)
def test_what_is_never_asked(query: Query) -> None:
    """Parameters that the site misreads or refuses are never sent, and the limit is one that it takes."""
    _, server = search(query, listing())
    told = dict(asked(server.asked[0]))
    assert NEVER.isdisjoint(told) and len(told) == len(asked(server.asked[0]))
    assert 1 <= int(told["limit"]) <= 100
    assert "," not in told.get("types", "") + told.get("baseModels", "")
    assert not ("query" in told and "sort" in told), "with words the order is relevance, whatever is asked"


@pytest.mark.parametrize(
    ("query", "unapplied"),
    [
        (Query(library="diffusers", license="mit", language="en"), ("library", "license", "language")),
        (Query(min_parameters=1, max_parameters=2), ("min_parameters", "max_parameters")),
        (Query(task="text-to-image"), ("task",)),
        (Query(base_model="hf:a/b"), ("base_model",)),
        (Query(text="x", sort="downloads"), ("sort",)),
        (Query(text="x", sort="relevance"), ()),
        (Query(sort="relevance"), ("sort",)),
        (Query(sort="updated"), ("sort",)),
        (Query(sort="likes"), ()),
        (Query(task="dora", base_model="A family of tomorrow"), ()),
    ],
)
def test_what_cannot_be_applied_is_told(query: Query, unapplied: tuple[str, ...]) -> None:
    """A filter or an order that neither the site nor we can apply is named, never dropped in silence."""
    assert search(query, listing())[0].unapplied == unapplied


@pytest.mark.parametrize(
    ("query", "odd"),
    [
        (Query(tags=("tool",)), model(tags=["style"])),
        (Query(tags=("tool", "second")), model()),
        (Query(author="acme"), model(creator={"username": "acme2"})),
        (Query(author="acme"), model(creator=...)),
        (Query(task="LORA"), model(type="Checkpoint")),
        (Query(base_model="SD 1.5"), model()),
        (Query(base_model="A family of tomorrow"), model()),
        (Query(gated=True), model()),
        (Query(format="gguf"), model()),
        (Query(), model(nsfw=True)),
        (Query(), model(nsfwLevel=28)),
    ],
)
def test_every_filter_is_looked_at_again(query: Query, odd: dict[str, Any]) -> None:
    """What the site lets through although it was not asked for is left out here: an unknown tag gives everything."""
    assert search(query, listing(odd))[0].hits == ()


def test_filters_let_through_what_suits() -> None:
    """Case does not count, several versions are looked at, and adult content comes when it is asked for."""
    older = {**model()["modelVersions"][0], "id": 19, "baseModel": "SD 1.5"}
    row = model(modelVersions=[*model()["modelVersions"], older], tags=[{"name": "Tool"}])
    for query in (Query(tags=("TOOL",)), Query(base_model="sd 1.5"), Query(format="safetensors"), Query(gated=False)):
        assert len(search(query, listing(row))[0].hits) == 1
    (hit,) = search(Query(nsfw=True), listing(model(nsfwLevel=28)))[0].hits
    assert hit.nsfw is True
    gated = {**model()["modelVersions"][0], "paidAccess": {"permanent": True, "endsAt": None}}
    (hit,) = search(Query(gated=True), listing(model(modelVersions=[gated])))[0].hits
    assert hit.access.state == "paid"


def test_the_cursor_is_theirs_and_nothing_else() -> None:
    """A page ends with the cursor that the answer names; an address that it names as well is never looked at."""
    told = listing(model(), nextCursor="22138|364671|25494", nextPage="https://evil.example/?token=secret&cursor=x")
    page, _ = search(Query(), told)
    assert page.cursor == "0~22138|364671|25494"
    _, server = search(Query(), listing(), page.cursor)
    assert asked(server.asked[0])[-1] == ("cursor", "22138|364671|25494")
    assert server.requests[0].url.startswith(f"{SITE}/api/v1/models?") and "22138%7C364671%7C25494" in server.asked[0]
    ends: tuple[Any, ...] = (
        listing(),
        listing(nextCursor=None),
        listing(nextPage=f"{SITE}/api/v1/models?page=2"),
        {"items": []},
    )
    for last in ends:
        assert search(Query(), last)[0].cursor is None
    assert search(Query(text="x"), listing(model(), nextCursor=100))[0].cursor == "0~100", "with words it is an offset"


def test_empty_pages_go_on_and_end() -> None:
    """An empty page is not the last, and a walk of nothing but empty pages ends."""
    cursor, pages = None, 0
    while True:
        page, _ = search(Query(text="x"), listing(nextCursor=str(pages + 1)), cursor)
        pages += 1
        cursor = page.cursor
        if cursor is None:
            break
    assert pages == EMPTY_PAGES
    assert "pages in a row" in (page.cut or "")
    page, _ = search(Query(text="x"), listing(model(), nextCursor="500"), "19~400")
    assert page.cursor == "0~500", "a hit makes the count begin again"


def test_a_page_that_names_itself_is_an_error() -> None:
    """Paging that does not move ends."""
    with pytest.raises(ProtocolError, match="same page"):
        search(Query(), listing(model(), nextCursor="7"), "0~7")


def test_a_cursor_of_somebody_else_is_refused() -> None:
    """A cursor that no page of ours gave is not sent."""
    for cursor in ("https://evil.example", "7", "~7", ""):
        with pytest.raises(ConfigError):
            search(Query(), listing(), cursor)


def test_a_model_is_told_once() -> None:
    """A row that repeats because counts moved is one hit."""
    page, _ = search(Query(), listing(model(), model(name="Tiny again"), model(id=11)))
    assert [hit.ref.id for hit in page.hits] == ["10", "11"]


def test_no_such_creator_is_no_hit() -> None:
    """A creator whom the site does not know has no models; that is no failure."""
    page, _ = search(Query(author="nobody"), refuse(404, {"message": "User not found"}))
    assert page.hits == () and page.cursor is None
    with pytest.raises(NotFound):
        search(Query(), refuse(404, {"error": "Not found"}))


def test_a_row_with_odd_parts_is_still_a_hit() -> None:
    """Null and absent members, and kinds that nobody knew, keep no model out of a list."""
    row = model(type="HoloModel", stats=None, creator=None, tags=None, modelVersions=None, nsfwLevel=0)
    (hit,) = search(Query(), listing(row))[0].hits
    assert (str(hit.ref), hit.task, hit.author, hit.downloads) == ("civitai:10", "HoloModel", None, None)
    hostile = model(modelVersions=[{**model()["modelVersions"][0], "files": [file(name="../x"), None, 7]}])
    (hit,) = search(Query(), listing(hostile))[0].hits
    assert hit.formats == ()


# -- resolve ------------------------------------------------------------------------------------


def test_a_version_takes_two_requests() -> None:
    """Model and version are asked together, and both go into the record."""
    record, server = resolve("civitai:10@20")
    assert server.asked == ["/api/v1/models/10", "/api/v1/model-versions/20"]
    assert (str(record.ref), record.pin, record.ref.pinned) == ("civitai:10@20", "version", False)
    assert (record.title, record.author, record.task, record.downloads, record.likes) == ("Tiny", "acme", "LORA", 7, 3)
    assert record.web_url == f"{SITE}/models/10?modelVersionId=20"
    assert record.endpoint == "https://civitai.com:443" and record.stable_id == "10"
    assert record.metadata["air"] == "urn:air:sdxl:lora:civitai:10@20" and record.tags == ("tool",)
    assert record.problems == () and record.access.state == "open" and record.license.kind == "open-weight"
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_no_version_is_the_creators_first_and_says_so() -> None:
    """The first of the list is taken, not the newest; the problem names it."""
    newer = {**model()["modelVersions"][0], "id": 99, "publishedAt": "2026-08-01T00:00:00Z"}
    record, server = resolve("civitai:10", model(modelVersions=[*model()["modelVersions"], newer]))
    assert server.asked == ["/api/v1/models/10", "/api/v1/model-versions/20"]
    assert str(record.ref) == "civitai:10@20" and record.requested == Ref.parse("civitai:10")
    assert "No version was asked for" in record.problems[0] and "20 (v1)" in record.problems[0]
    assert "of 2" in record.problems[0]


def test_a_version_alone_finds_its_model() -> None:
    """``civitai:@VERSION`` becomes whole when it is resolved."""
    record, server = resolve("civitai:@20")
    assert server.asked == ["/api/v1/model-versions/20", "/api/v1/models/10"]
    assert str(record.ref) == "civitai:10@20" and record.problems == ()


def test_a_version_of_another_model_is_refused() -> None:
    """Model and version have to belong together; the error names what would."""
    with pytest.raises(NotFound, match="is none of model 10: it is of model 11") as caught:
        resolve("civitai:10@20", None, version(modelId=11))
    assert caught.value.hint == "Write civitai:11@20 if that is meant."


@pytest.mark.parametrize(
    ("text", "of_model", "of_version"),
    [
        ("civitai:10@20", model(id=11), None),
        ("civitai:10@20", None, version(id=21)),
        ("civitai:10", model(id=11), None),
        ("civitai:@20", None, version(id=21)),
    ],
)
def test_an_answer_about_something_else_is_refused(text: str, of_model: Any, of_version: Any) -> None:
    """An answer with other ids than those asked for is taken for nobody's."""
    with pytest.raises(IntegrityError, match="was asked for"):
        resolve(text, of_model, of_version)


def test_a_version_that_only_the_model_tells() -> None:
    """The site answers 404 about a version without files, or that nobody looked at; the model's list stands in."""
    gone = refuse(404, {"error": "Missing model file"})
    for text in ("civitai:10@20", "civitai:10"):
        record, _ = resolve(text, None, gone)
        assert str(record.ref) == "civitai:10@20" and len(record.files) == 1
        assert any("version alone could not be had" in sentence for sentence in record.problems)
    with pytest.raises(NotFound) as caught:
        resolve("civitai:10@20", model(modelVersions=[{"id": 7}, {"id": 8}]), gone)
    assert caught.value.hint == "The model is there, with these versions: 7, 8."


def test_a_model_that_cannot_be_had_leaves_the_version() -> None:
    """Without the model the terms are not known, and the record says so."""
    gone = refuse(404, {"error": "No model with id 10"})
    for text in ("civitai:10@20", "civitai:@20"):
        record, _ = resolve(text, gone)
        assert str(record.ref) == "civitai:10@20" and record.title == "Tiny" and record.task == "LORA"
        assert record.license.kind == "unknown" and "model alone could not be had" in record.problems[0]
    with pytest.raises(NotFound):
        resolve("civitai:10@20", gone, gone)


def test_a_bare_number_may_be_meant_as_a_version() -> None:
    """A number alone is a model, and the error tells how a version is written."""
    with pytest.raises(NotFound) as caught:
        resolve("civitai:10", refuse(404, {"error": "No model with id 10"}))
    assert "civitai:@10" in (caught.value.hint or "")
    with pytest.raises(NotFound, match="no published version"):
        resolve("civitai:10", model(modelVersions=[]))


def test_one_file_of_a_version() -> None:
    """``VERSION+FILE`` holds that file alone, under the name that it has among all."""
    two = [file(), file(id=31, hashes={"SHA256": OTHER})]
    record, _ = resolve("civitai:10@20+31", None, version(files=two))
    assert str(record.ref) == "civitai:10@20+31"
    assert [(entry.key, entry.path) for entry in record.files] == [("31", "tiny.31.safetensors")]
    with pytest.raises(NotFound, match=r"no file 32. It has: 30 .*, 31"):
        resolve("civitai:10@20+32", None, version(files=two))


def test_hosts_of_the_site_send_on_to_one_another() -> None:
    """A redirect to another host of the site is followed; one to anywhere else is refused."""
    server = Server({"/api/v1/model-versions/20": version(), "/api/v1/models/10": model()})

    def green(request: Request) -> Response:
        if "civitai.green" in request.url:
            target = request.url.replace("civitai.green", "civitai.com")
            return Response(request=request, status=307, headers={"location": target})
        return server(request)

    record = replay(Civitai("https://civitai.green").resolve(Ref.parse("civitai:10@20")), green)
    assert str(record.ref) == "civitai:10@20" and len(server.asked) == 2

    def away(request: Request) -> Response:
        return Response(request=request, status=307, headers={"location": "https://evil.example/x"})

    with pytest.raises(IntegrityError, match="another server"):
        replay(Civitai().resolve(Ref.parse("civitai:10@20")), away)

    def round_and_round(request: Request) -> Response:
        return Response(request=request, status=307, headers={"location": request.url})

    with pytest.raises(ProtocolError, match="redirects more than"):
        replay(Civitai().resolve(Ref.parse("civitai:10")), round_and_round)


def test_another_server_stands_alone() -> None:
    """A server that speaks the protocol is asked at its own address, below its own path."""
    record, server = resolve("civitai:10@20", endpoint="http://127.0.0.1:9/civitai")
    assert server.requests[0].url == "http://127.0.0.1:9/civitai/api/v1/models/10"
    assert record.endpoint == "http://127.0.0.1:9" and not Civitai("http://127.0.0.1:9").official
    assert Civitai("http://127.0.0.1:9/civitai").origins == ("http://127.0.0.1:9",)


def test_names_are_shown_on_one_line() -> None:
    """What people wrote as a name cannot move the cursor of a terminal, and a description has a bound."""
    within = {**model()["modelVersions"][0], "name": "v\x1b[2J\n1"}
    told = model(name="Ti\x1b[31mny\r\n", modelVersions=[within], description="x" * 2_000_000)
    record, _ = resolve("civitai:10", told, version(name="v\x1b[2J\n1"))
    assert record.title == "Ti [31mny" and "\x1b" not in record.problems[0]
    assert len(record.metadata["description"]) == 1_000_000
    (hit,) = search(Query(), listing(told))[0].hits
    assert hit.title == "Ti [31mny"


# -- files --------------------------------------------------------------------------------------


def test_a_file_is_located_by_its_id() -> None:
    """The id alone names a file; the printed address is the one other way, under the endpoint's host."""
    printed = "https://undefined/api/download/models/20?type=Model&format=SafeTensor&token=secret"
    record, _ = resolve("civitai:10@20", None, version(files=[file(downloadUrl=printed)]))
    (entry,) = record.files
    zoo = Civitai("https://civitai.red")
    assert zoo.locate(record, entry).url == "https://civitai.red/api/download/models/20?fileId=30"
    other = zoo.locate_otherwise(record, entry)
    assert other is not None
    assert other.url == "https://civitai.red/api/download/models/20?type=Model&format=SafeTensor"
    assert "secret" not in json.dumps(record.to_dict())
    assert "fileId=30" in zoo.locate(evolve(record, ref=Ref.parse("civitai:10@20+30")), entry).url


def test_a_linked_file_is_selected_as_printed() -> None:
    """A file of another version is no file of this one's ids; its type selects it."""
    listed = [
        file(downloadUrl=f"{SITE}/api/download/models/20?fileId=30"),
        file(id=77, name="vae.safetensors", type="VAE", downloadUrl=f"{SITE}/api/download/models/20?type=VAE"),
        file(id=78, name="te.safetensors", type="VAE", downloadUrl="//api/download/models/66?type=Text%20Encoder"),
        file(id=..., name="unnamed.safetensors", downloadUrl=...),
    ]
    record, _ = resolve("civitai:10@20", None, version(files=listed))
    own, vae, encoder, unnamed = record.files
    zoo = Civitai()
    assert not own.extra.get("linked") and zoo.locate(record, own).url.endswith("/20?fileId=30")
    assert vae.extra["linked"] and zoo.locate(record, vae).url.endswith("/20?type=VAE")
    assert encoder.extra["linked"] and zoo.locate(record, encoder).url.endswith("/66?type=Text%20Encoder")
    assert zoo.locate(record, unnamed).url.endswith("/20") and zoo.locate_otherwise(record, unnamed) is None
    assert sum("belongs to another version" in sentence for sentence in record.problems) == 2


def test_the_key_goes_to_the_site_alone() -> None:
    """Each host of the site gets the key; the hosts of its bytes, other ports, plain http and look-alikes do not."""
    origins = Civitai("https://civitai.green").origins
    auth = Auth([Credential(origin=place, token="secret") for place in origins])
    assert origins[0] == "https://civitai.green:443"
    for host in ("civitai.com", "civitai.red", "civitai.green", "civitai.blue"):
        assert auth.headers_for(f"https://{host}/api/v1/me") == {"Authorization": "Bearer secret"}
    for url in (
        "https://b2.civitai.com/file/x",
        "https://civitai-delivery-worker-prod.5ac.r2.cloudflarestorage.com/x",
        "https://image.civitai.com/x",
        "http://civitai.com/api/v1/me",
        "https://civitai.com:8443/x",
        "https://civitai.com.evil.example/x",
        "https://evilcivitai.com/x",
    ):
        assert auth.headers_for(url) == {}


def refreshed(text: str, of_version: Any, of_model: Any = None, **answers: Any) -> tuple[ModelRecord, Server]:
    """Pins a reference as the site tells it by default, and asks again when the site tells something else."""
    pinned, _ = resolve(text)
    server = Server(
        {
            "/api/v1/models/10": model(modelVersions=[]) if of_model is None else of_model,
            "/api/v1/model-versions/20": of_version,
            "/api/v1/model-versions/by-hash/ids": [],
            **answers,
        }
    )
    return replay(Civitai(clock=lambda: NOW).refresh(pinned), server), server


def test_bytes_that_were_replaced_under_the_same_id() -> None:
    """Pinned files are held to their digests: another sha256 under the same id is an IntegrityError that names both."""
    more, server = refreshed("civitai:10@20", version(files=[file(name="new.safetensors"), file(id=31, hashes={})]))
    assert [entry.path for entry in more.files] == ["new.safetensors", "tiny.safetensors"]  # no harm
    assert len(server.asked) == 2
    with pytest.raises(IntegrityError, match="replaced upstream under the same id") as caught:
        refreshed("civitai:10@20+30", version(files=[file(hashes={"SHA256": OTHER})]))
    assert caught.value.exit_code == 5 and HEX.lower() in caught.value.message and OTHER.lower() in caught.value.message
    assert "--accept-replaced civitai:10@20+30" in (caught.value.hint or "")


def test_a_digest_that_is_not_stated_for_the_moment_stays_pinned() -> None:
    """What was replaced is hashed later: until then the pin is what was stated before."""
    record, _ = refreshed("civitai:10@20+30", version(files=[file(hashes={}), file(id=31)]))
    assert [entry.digests for entry in record.files] == [{"sha256": HEX.lower()}]
    assert str(record.ref) == "civitai:10@20+30"


@pytest.mark.parametrize(
    ("of_version", "of_model", "kind", "words"),
    [
        (version(files=[file(id=31)]), None, NotFound, "lists it no longer"),
        (version(files=[]), model(mode="Archived", modelVersions=[]), Gone, "handed out no longer"),
        (refuse(404, {"error": "x"}), refuse(404, {"error": "x"}), Gone, "removed upstream"),
    ],
)
def test_what_was_pinned_and_is_gone(of_version: Any, of_model: Any, kind: type[ZooError], words: str) -> None:
    """A file or a version that is there no longer is looked for by its hash, and said to be where it is."""
    matches = [
        {"modelVersionId": 20, "modelId": 10, "hash": HEX},
        {"modelVersionId": 99, "modelId": 11, "hash": HEX},
    ]
    with pytest.raises(kind, match=words) as caught:
        refreshed("civitai:10@20", of_version, of_model, **{"/api/v1/model-versions/by-hash/ids": matches})
    assert caught.value.hint == "The same bytes are in civitai:11@99, by sha256."
    with pytest.raises(kind, match=words) as caught:
        refreshed("civitai:10@20", of_version, of_model, **{"/api/v1/model-versions/by-hash/ids": refuse(500)})
    assert "No other version" in (caught.value.hint or "")


def test_the_file_that_a_version_is_about() -> None:
    """The kind of a file decides before the mark: training data and a VAE may be marked as primary."""
    listed = [
        file(id=1, type="Training Data", name="data.zip", primary=True),
        file(id=2, type="VAE", name="vae.pt", primary=False),
        file(id=3, type="Pruned Model", name="b.safetensors", primary=False),
        file(id=4, type="Model", name="a.ckpt", primary=True),
    ]
    record, _ = resolve("civitai:10@20", None, version(files=listed))
    main = wire.main_file(record)
    assert main is not None and main.key == "4"
    record, _ = resolve("civitai:10@20", None, version(files=listed[:2]))
    main = wire.main_file(record)
    assert main is not None and main.key == "2"
    assert wire.main_file(resolve("civitai:10@20", model(modelVersions=[]), version(files=[]))[0]) is None


# -- hashes and accounts ------------------------------------------------------------------------


def test_holders_of_many_digests() -> None:
    """Ten thousand sha256 are one question, in upper case; answers without order, repeats and gaps are read."""
    rows = [
        {"modelVersionId": 20, "modelId": 10, "hash": HEX},
        {"modelVersionId": 20, "modelId": 10, "hash": HEX},
        {"modelVersionId": 21, "hash": HEX},
        {"modelVersionId": 22, "modelId": 12, "hash": "7" * 64},
        None,
        {"hash": HEX},
    ]
    server = Server({"*": rows})
    found = replay(Civitai().holders([HEX.lower(), OTHER, HEX]), server)
    assert found == {HEX.lower(): (Ref.parse("civitai:10@20"), Ref.parse("civitai:@21"))}
    assert [request.method for request in server.requests] == ["POST"]
    assert json.loads(server.requests[0].content or b"") == [HEX, OTHER]
    many = Server({"*": []})
    assert replay(Civitai().holders(f"{number:064x}" for number in range(10_001)), many) == {}
    assert [len(json.loads(request.content or b"")) for request in many.requests] == [10_000, 1]
    with pytest.raises(ConfigError):
        replay(Civitai().holders([HEX[:10]]), server)


@pytest.mark.parametrize("text", [HEX, HEX[:10].lower(), HEX[:12], HEX[:8]])
def test_a_holder_by_a_hash_of_any_length(text: str) -> None:
    """One hash of any length and case is asked for; the file that has it is told, if it is shown."""
    told = version(files=[file(id=29, hashes={"AutoV1": "00000001"}), file(hashes=hashes())])
    server = Server({f"/api/v1/model-versions/by-hash/{text.upper()}": told})
    found = replay(Civitai().holder(text), server)
    assert found is not None and str(found[0]) == "civitai:10@20+30"
    assert found[1] is not None and found[1].key == "30"
    assert replay(Civitai().holder("0" * 8), server) is None
    unshown = replay(Civitai().holder(text), Server({"*": version(files=[])}))
    assert unshown == (Ref.parse("civitai:10@20"), None)


def hashes() -> dict[str, str]:
    """Returns hashes of every length."""
    return {"SHA256": HEX, "AutoV2": HEX[:10], "AutoV3": HEX[:12], "CRC32": HEX[:8]}


@pytest.mark.parametrize("text", ["", "xyz", "1234567", "g" * 64, "1" * 63])
def test_what_is_no_hash(text: str) -> None:
    """A text that cannot be a hash is not asked for."""
    with pytest.raises(ConfigError):
        replay(Civitai().holder(text), Server({}))


def test_whose_key_it_is() -> None:
    """The key given is sent with the question; a banned account says so in its role."""
    server = Server({"/api/v1/me": {"id": 1, "username": "me", "tier": "free", "status": "active"}})
    account = replay(Civitai().whoami("secret"), server)
    assert (account.name, account.role, server.requests[0].token) == ("me", "free", "secret")
    banned = Server({"*": {"username": "me", "tier": "free", "status": "banned"}})
    assert replay(Civitai().whoami(), banned).role == "banned"
    with pytest.raises(AccessError, match="does not know the key"):
        replay(Civitai().whoami("x"), Server({"*": refuse(401, {"error": "Unauthorized"})}))
    with pytest.raises(ProtocolError):
        replay(Civitai().whoami("x"), Server({"*": {}}))


@pytest.mark.parametrize("endpoint", ["ftp://x", "https://a:b@civitai.com", "https://civitai.com?x=1", "civitai.com"])
def test_what_is_no_endpoint(endpoint: str) -> None:
    """An address that is none is refused when the provider is made."""
    with pytest.raises(ConfigError):
        Civitai(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "normal"),
    [
        ("https://www.civitai.com/", SITE),
        ("https://api.civitai.com", SITE),
        ("https://civitai.red/", "https://civitai.red"),
        ("https://CIVITAI.blue", "https://CIVITAI.blue"),
    ],
)
def test_names_of_the_site(endpoint: str, normal: str) -> None:
    """Every host of the site is the site; those that only redirect get its own name."""
    assert Civitai(endpoint).endpoint == normal and Civitai(endpoint).official


def test_errors_carry_the_zoo() -> None:
    """What the site refuses names zoo, reference, operation and address."""
    with pytest.raises(ZooError) as caught:
        resolve("civitai:10@20", refuse(500, {"error": "x"}), refuse(500, {"error": "x"}))
    error = caught.value
    assert (error.zoo, error.ref, error.operation) == ("civitai", "civitai:10@20", "resolve")
    assert (error.url or "").startswith(SITE)
