"""Serving Civitai: what the site answers, asked directly."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from civitai_site import AGENT, BASE, BROWSER, BYTES, NOW, Zoo, png, several, told
from served_models import safetensors

from zooclient.serve.civitai.offer import Offer, Scan
from zooclient.serve.exchange import Answer, Span
from zooclient.serve.protocol import Options

LATER = datetime.fromtimestamp(NOW + 86400, UTC)
EARLIER = datetime.fromtimestamp(NOW - 86400, UTC)


@pytest.fixture
def zoo(tmp_path: Path) -> Iterator[Zoo]:
    site = Zoo(several(tmp_path))
    yield site
    site.shelf.close()


def redirected(answer: Answer) -> str:
    """Where the site sends a download on to."""
    assert answer.status == 307, answer
    assert answer.headers["cache-control"] == "no-store"
    return answer.headers["location"]


def content(answer: Answer) -> bytes:
    """The bytes that an answer of the storage has."""
    assert isinstance(answer.body, Span)
    with answer.body.place.path.open("rb") as file:
        file.seek(answer.body.offset)
        return file.read(answer.body.length)


# Models, versions, files


def test_a_repository_is_a_model(zoo: Zoo) -> None:
    """What a card and files tell is told in the site's words, links begin with the host that was asked."""
    model, version = zoo.ids("org/tiny")
    answer = zoo.get(f"/api/v1/models/{model}")
    assert (answer["id"], answer["name"], answer["type"]) == (model, "tiny", "LORA")
    assert answer["creator"]["username"] == "org"
    assert answer["tags"] == ["lora", "style"]
    assert answer["description"] == (
        "<h1>Tiny <em>style</em></h1><p>Use <strong>it</strong> with <code>care</code>.</p>"
    )
    assert answer["allowCommercialUse"] == "{}"
    assert not answer["allowNoCredit"]
    (one,) = answer["modelVersions"]
    assert (one["id"], one["name"], one["baseModel"], one["index"]) == (version, "v1.0", "SDXL 1.0", 0)
    assert one["trainedWords"] == ["tiny thing", "two, words"]
    (file,) = one["files"]
    sha256 = hashlib.sha256(safetensors(3000)).hexdigest().upper()
    assert (file["name"], file["type"], file["primary"]) == ("style v1.safetensors", "Model", True)
    assert file["hashes"]["SHA256"] == sha256
    assert file["sizeKB"] * 1024 == len(safetensors(3000))
    assert file["metadata"] == {"format": "SafeTensor", "size": None, "fp": "fp32"}
    assert file["downloadUrl"] == f"{BASE}/api/download/models/{version}?fileId={file['id']}" == one["downloadUrl"]
    assert (file["pickleScanResult"], file["virusScanResult"]) == ("Success", "Success")


def test_nulls_are_left_out_of_one_and_kept_in_a_list(zoo: Zoo) -> None:
    """``/models/:id`` leaves out of versions what is null or empty; a listing keeps it."""
    empty = {"description", "paidAccess", "earlyAccessDeadline"}
    for name, further in (("acme/base-model", {"trainedWords"}), ("org/tiny", {"images"})):
        model, _ = zoo.ids(name)
        (alone,) = zoo.get(f"/api/v1/models/{model}")["modelVersions"]
        (listed,) = zoo.get("/api/v1/models", f"ids={model}")["items"][0]["modelVersions"]
        gone = {key: value for key, value in listed.items() if key not in alone}
        assert all(value in (None, []) for value in gone.values())
        assert empty | further <= gone.keys()


def test_files_of_a_version_share_names(zoo: Zoo) -> None:
    """Folders are flattened and names are made of the model's, so full and pruned have one; their ids differ."""
    _, version = zoo.ids("acme/base-model")
    answer = zoo.get(f"/api/v1/model-versions/{version}")
    files = {(file["name"], file["type"], file["metadata"]["size"]): file for file in answer["files"]}
    assert set(files) == {
        ("baseModel_v10.safetensors", "Model", "full"),
        ("baseModel_v10.safetensors", "Model", "pruned"),
        ("baseModel_v10.ckpt", "Model", "full"),
        ("baseModel_v10.yaml", "Config", None),
        ("diffusion.safetensors", "VAE", None),
    }
    assert len({file["id"] for file in answer["files"]}) == 5
    primary = [key for key, file in files.items() if file["primary"]]
    assert primary == [("baseModel_v10.safetensors", "Model", "pruned")]
    assert answer["downloadUrl"].endswith(f"fileId={files[primary[0]]['id']}")
    assert answer["air"] == f"urn:air:sd1:checkpoint:civitai:{answer['modelId']}@{version}"


def test_ids_are_the_same_after_a_restart(zoo: Zoo, tmp_path: Path) -> None:
    """Models, versions and files have the same numbers in another process, and after a rename."""
    again = Zoo(tmp_path)
    for name in ("org/tiny", "acme/base-model"):
        assert again.ids(name) == zoo.ids(name)
    assert again.file_id("acme/base-model", "config.yaml") == zoo.file_id("acme/base-model", "config.yaml")
    before = zoo.ids("org/tiny")
    zoo.shelf.rename("org/tiny", "org/large")
    assert zoo.ids("org/large") == before
    assert zoo.get(f"/api/v1/models/{before[0]}")["name"] == "large"
    again.shelf.close()


def test_each_state_is_a_version(zoo: Zoo) -> None:
    """A commit is a new version in front of the others, which stay as they were; a tag gives it its name."""
    model, first = zoo.ids("org/tiny")
    before = zoo.get(f"/api/v1/model-versions/{first}")["files"]
    commit = zoo.shelf.commit("org/tiny", {"new.safetensors": b"x" * 100})
    zoo.shelf.point("org/tiny", "tag", "final", commit)
    versions = zoo.get(f"/api/v1/models/{model}")["modelVersions"]
    assert [(version["name"], len(version["files"])) for version in versions] == [("final", 2), ("v1.0", 1)]
    assert versions[1]["id"] == first
    assert zoo.get(f"/api/v1/model-versions/{first}")["files"] == before
    assert {file["id"] for file in versions[0]["files"]}.isdisjoint({file["id"] for file in before})
    zoo.shelf.forget("org/tiny", commit)
    assert told(zoo.ask(f"/api/v1/model-versions/{versions[0]['id']}")) == {"error": "Model not found"}


def test_an_id_may_be_a_version_or_a_model(zoo: Zoo) -> None:
    """Models and versions are numbered apart, and each bad number has its own answer."""
    model, version = zoo.ids("org/tiny")
    for path, status, error in [
        (f"/api/v1/models/{version}", 404, f"No model with id {version}"),
        (f"/api/v1/model-versions/{model}", 404, "Model not found"),
        (f"/api/v1/model-versions/mini/{model}", 404, "Model not found"),
        (f"/api/v1/model-versions/by-hash/{'0' * 64}", 404, "Model not found"),
        ("/api/v1/model-versions/by-hash/xyz", 404, "Model not found"),
    ]:
        answer = zoo.ask(path)
        assert (answer.status, told(answer)) == (status, {"error": error})
    for path in ("/api/v1/models/0", "/api/v1/models/x", "/api/v1/model-versions/2147483648"):
        answer = zoo.ask(path)
        assert answer.status == 400
        assert isinstance(told(answer)["error"], str)
    assert zoo.ask("/api/v1/nothing").headers["content-type"].startswith("text/html")


def test_only_get_is_taken(zoo: Zoo) -> None:
    """Any method but GET is refused by the API, HEAD included."""
    for method in ("HEAD", "POST"):
        answer = zoo.ask("/api/v1/models", method=method)
        assert (answer.status, told(answer)) == (405, {"error": "Method not allowed"})


def test_the_small_answer_tells_what_was_uploaded(zoo: Zoo) -> None:
    """``mini`` has the stored name, and describes one file where its id is given."""
    _, version = zoo.ids("acme/base-model")
    whole = zoo.get(f"/api/v1/model-versions/mini/{version}")
    assert (whole["fileName"], whole["format"], whole["requireAuth"]) == ("pruned.safetensors", "SafeTensor", False)
    file = zoo.file_id("acme/base-model", "model.ckpt")
    one = zoo.get(f"/api/v1/model-versions/mini/{version}", f"modelFileId={file}")
    assert (one["fileName"], one["air"].endswith(f"@{version}+{file}")) == ("model.ckpt", True)
    assert one["downloadUrls"] == [f"{BASE}/api/download/models/{version}?fileId={file}"]
    missing = zoo.ask(f"/api/v1/model-versions/mini/{version}", "modelFileId=7")
    assert told(missing) == {"error": f"Model file 7 not found in version {version}"}


def test_answers_may_be_kept_but_not_those_to_an_account(zoo: Zoo) -> None:
    """What strangers are told may be kept at the edge, a refusal too; what an account is told may not."""
    model, _ = zoo.ids("org/tiny")
    for path, kept in [
        ("/api/v1/models", 300),
        (f"/api/v1/models/{model}", 300),
        ("/api/v1/models/1", 300),
        (f"/api/v1/model-versions/by-hash/{'0' * 64}", 3600),
    ]:
        assert f"s-maxage={kept}" in zoo.ask(path).headers["cache-control"]
    assert "cache-control" not in zoo.ask(f"/api/v1/models/{model}", by="me").headers


def test_who_the_account_is(zoo: Zoo) -> None:
    """A key is known by the header or the address, the header first; one that is none gets the same 401 as none."""
    assert zoo.get("/api/v1/me", by="me")["username"] == "me"
    assert zoo.get("/api/v1/me", "token=key-of-me")["username"] == "me"
    assert zoo.get("/api/v1/me", "token=key-of-me", by="org")["username"] == "org"
    for answer in (zoo.ask("/api/v1/me"), zoo.ask("/api/v1/me", by="nobody")):
        assert (answer.status, told(answer)) == (401, {"error": "Unauthorized"})
    assert zoo.ask("/api/v1/models", by="nobody").status == 200


# Hashes


def test_every_hash_leads_to_its_version(zoo: Zoo) -> None:
    """Each hash that is told, in any case, finds the version that tells it."""
    _, version = zoo.ids("acme/base-model")
    for file in zoo.get(f"/api/v1/model-versions/{version}")["files"]:
        assert set(file["hashes"]) >= {"SHA256", "AutoV2", "CRC32"}
        for text in file["hashes"].values():
            assert zoo.get(f"/api/v1/model-versions/by-hash/{text.lower()}")["id"] == version


def test_the_first_that_was_published_has_the_hash(zoo: Zoo) -> None:
    """Of several versions with the same bytes the oldest answers, and the list of ids names all of them."""
    _, first = zoo.ids("org/tiny")
    sha256 = hashlib.sha256(safetensors(3000)).hexdigest()
    zoo.shelf.commit("aaa/copy", {"copy.safetensors": safetensors(3000)})
    model, second = zoo.ids("aaa/copy")
    assert zoo.get(f"/api/v1/model-versions/by-hash/{sha256}")["id"] == first
    asked = [sha256, "f" * 64, sha256.upper()]
    rows = told(zoo.ask("/api/v1/model-versions/by-hash/ids", method="POST", body=asked))
    assert {row["modelVersionId"] for row in rows} == {first, second}
    assert {"modelVersionId": second, "modelId": model, "hash": sha256.upper()} in rows
    versions = told(zoo.ask("/api/v1/model-versions/by-hash", method="POST", body=[sha256]))
    assert {version["id"] for version in versions} == {first, second}
    # The site builds these links from a header that is never sent.
    assert all(version["downloadUrl"].startswith("https://undefined/") for version in versions)


@pytest.mark.parametrize("body", [None, {}, [], ["short"], [1], ["a" * 64] * 101])
def test_a_body_of_no_hashes_is_refused(zoo: Zoo, body: Any) -> None:
    """The bulk call wants a list of up to 100 sha256, and says so."""
    answer = zoo.ask("/api/v1/model-versions/by-hash", method="POST", body=body)
    assert answer.status == 400
    assert told(answer)["error"].startswith("Request must include an array of SHA256 Hashes.")


# Listing


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"tiny", "base-model", "other.one"}),
        ("types=LORA", {"tiny"}),
        ("types=LORA&types=Checkpoint", {"tiny", "base-model", "other.one"}),
        ("baseModels=SD%201.5", {"base-model"}),
        ("baseModels=SD%201.5&baseModels=SDXL%201.0", {"base-model", "tiny"}),
        ("baseModels=unheard-of", set()),
        ("tag=Style", {"tiny"}),
        ("tag=no-such-tag", {"tiny", "base-model", "other.one"}),
        ("tga=style", {"tiny", "base-model", "other.one"}),
        ("username=acme", {"base-model"}),
        ("user=ACME", {"base-model"}),
        ("username=jodoe", {"other.one"}),
        ("username=Jo-Doe", {"other.one"}),
        ("checkpointType=Merge", {"tiny"}),
        ("supportsGeneration=false", set()),
        ("query=tiny", {"tiny"}),
        ("query=tiny%20SDXL", {"tiny"}),
        ("query=tiny%20photo", set()),
        ("allowCommercialUse=Sell", set()),
        ("allowCommercialUse=Sell&allowCommercialUse=Rent", {"base-model"}),
        ("limit=0", set()),
        ("nsfw=off", {"tiny", "base-model", "other.one"}),
        ("favorites=true&token=key-of-me", set()),
        ("favorites=no&token=key-of-me", {"tiny", "base-model", "other.one"}),
        ("period=Day&periodMode=stats", {"tiny", "base-model", "other.one"}),
    ],
)
def test_what_a_filter_finds(zoo: Zoo, query: str, names: set[str]) -> None:
    """Each parameter does what the site does with it, its oddities included."""
    assert set(zoo.listed(query)) == names


@pytest.mark.parametrize(
    "query",
    [
        "limit=101", "limit=x", "limit=-1", "page=0", "types=LORA,Checkpoint", "types=lora", "sort=Best",
        "period=Century", "baseModels=SD%201.5,Pony", "nsfw=maybe", "checkpointType=Standard", "cursor=x",
        "query=a&cursor=x", "ids=1,x", "allowNoCredit=true", "fileFormats=GGUF", "availability=Private",
    ],
)  # fmt: skip
def test_one_bad_value_fails_the_question(zoo: Zoo, query: str) -> None:
    """A value that the schema does not know is refused with an object of issues, not with a text."""
    answer = zoo.ask("/api/v1/models", query)
    assert answer.status == 400
    error = told(answer)["error"]
    assert error["issues"][0]["path"][0] in query


@pytest.mark.parametrize(
    ("query", "status", "body"),
    [
        ("page=11&limit=100", 429, {"error": "You've requested too many pages, please use cursors instead"}),
        (
            "query=x&page=1",
            400,
            {"error": "Cannot use page param with query search. Use cursor-based pagination."},
        ),
        ("username=ghost", 404, {"message": "User not found"}),
        ("favorites=false", 401, {"error": "Unauthorized"}),
        ("hidden=0", 401, {"error": "Unauthorized"}),
    ],
)
def test_questions_with_answers_of_their_own(zoo: Zoo, query: str, status: int, body: Any) -> None:
    """Each of these is refused in words of its own."""
    answer = zoo.ask("/api/v1/models", query)
    assert (answer.status, told(answer)) == (status, body)


def walked(zoo: Zoo, query: str) -> list[list[int]]:
    """The ids on each page, page after page."""
    pages: list[list[int]] = []
    cursor = ""
    while len(pages) < 50:
        answer = zoo.get("/api/v1/models", query + cursor)
        pages.append([item["id"] for item in answer["items"]])
        following = answer["metadata"].get("nextCursor")
        if following is None:
            return pages
        assert f"cursor={quote(following)}" in answer["metadata"]["nextPage"]
        cursor = f"&cursor={quote(following)}"
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("sort", ["Highest Rated", "Most Downloaded", "Newest", "Oldest", "Most Images"])
def test_pages_hold_everything_once(zoo: Zoo, sort: str) -> None:
    """By cursor every model comes once, in the order of the whole list."""
    for count in range(4):
        zoo.shelf.commit(f"org/m{count}", {"w.safetensors": bytes([count]) * 9})
        zoo.terms(f"org/m{count}", likes=count % 2, downloads=count)
    query = f"sort={quote(sort)}"
    (whole,) = walked(zoo, query)
    assert len(whole) == 7
    pages = walked(zoo, f"{query}&limit=2")
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert [number for page in pages for number in page] == whole


def test_the_order_is_by_numbers(zoo: Zoo) -> None:
    """Downloads and likes order a listing; with words, how well they fit does."""
    zoo.terms("org/tiny", downloads=5, likes=1)
    zoo.terms("acme/base-model", downloads=9)
    assert zoo.listed("sort=Most%20Downloaded") == ["base-model", "tiny", "other.one"]
    assert zoo.listed("sort=Highest%20Rated")[0] == "tiny"
    zoo.shelf.commit("org/about", {"README.md": b"# About tiny things", "w.safetensors": b"x"})
    assert zoo.listed("query=tiny&sort=Newest") == ["tiny", "about"]


def test_pages_by_number(zoo: Zoo) -> None:
    """A page that is asked for by number tells its number, and a cursor goes before it."""
    first = zoo.get("/api/v1/models", "page=1&limit=2")["metadata"]
    assert (first["currentPage"], first["pageSize"], "page=2" in first["nextPage"]) == (1, 2, True)
    assert len(zoo.listed("page=2&limit=2")) == 1
    assert zoo.get("/api/v1/models", f"page=2&limit=2&cursor={quote(first['nextCursor'])}")["metadata"] == {}


def test_with_words_pages_come_empty_and_go_on(zoo: Zoo) -> None:
    """The engine cuts the page before the other filters look: hits come on later pages, after empty ones."""
    for count in range(5):
        zoo.shelf.commit(f"org/thing{count}", {"README.md": f"---\ntags: [t{count}]\n---\n".encode(), "w.gguf": b"x"})
        zoo.terms(f"org/thing{count}", downloads=10 - count)
    pages = walked(zoo, "query=thing&limit=2&tag=t4")
    assert [len(page) for page in pages] == [0, 0, 1]


def test_the_address_of_the_next_page_repeats_a_key(zoo: Zoo) -> None:
    """What stands in the question stands in the address of the next page, a key too: clients must not log it."""
    assert "token=key-of-me" in zoo.get("/api/v1/models", "limit=1&token=key-of-me")["metadata"]["nextPage"]


def test_a_period_is_about_the_newest_version(zoo: Zoo) -> None:
    """A period keeps what was published within it, and counts nothing; with ``stats`` it filters nothing."""
    zoo.now = time.time() + 60
    assert len(zoo.listed("period=Day")) == 3
    zoo.now += 40 * 86400
    assert zoo.listed("period=Month") == []
    assert len(zoo.listed("period=Year")) == len(zoo.listed("period=Month&periodMode=stats")) == 3


def test_versions_of_a_list_are_cut(zoo: Zoo) -> None:
    """A listing shows the versions and files that were asked for; the model by itself shows all."""
    zoo.shelf.commit("acme/base-model", {"README.md": b"---\nbase_model_family: Pony\n---\n"})
    model, version = zoo.ids("acme/base-model")
    (item,) = zoo.get("/api/v1/models", f"ids={model}&baseModels=Pony&primaryFileOnly=true")["items"]
    assert [(one["id"], len(one["files"])) for one in item["modelVersions"]] == [(version, 1)]
    (item,) = zoo.get("/api/v1/models", f"modelVersionIds={version}")["items"]
    assert [one["id"] for one in item["modelVersions"]] == [version]
    assert len(zoo.get(f"/api/v1/models/{model}")["modelVersions"]) == 2


def test_lists_of_creators_and_tags(zoo: Zoo) -> None:
    """Creators and tags come in pages by number, with links that search by them."""
    creators = zoo.get("/api/v1/creators", "limit=2")
    assert [row["username"] for row in creators["items"]] == ["Jo-Doe", "acme"]
    assert creators["metadata"]["nextPage"] == f"{BASE}/api/v1/creators?limit=2&page=2"
    assert zoo.get("/api/v1/creators", "limit=2&page=2")["metadata"]["prevPage"].endswith("page=1")
    assert [row["name"] for row in zoo.get("/api/v1/tags", "query=PHO")["items"]] == ["photo"]
    assert zoo.ask("/api/v1/tags", "limit=201").status == 400
    assert "LORA" in zoo.get("/api/v1/enums")["ModelType"]


# Who sees what


def test_who_is_shown_what(zoo: Zoo) -> None:
    """Unrated and private models are not there, mature ones only when asked for, archived ones by themselves."""
    model, version = zoo.ids("org/tiny")
    paths = (f"/api/v1/models/{model}", f"/api/v1/model-versions/{version}")
    zoo.offer("org/tiny", nsfw_level=28, nsfw=True)
    assert "tiny" not in zoo.listed()
    assert "tiny" in zoo.listed("nsfw=true")
    assert zoo.get(paths[0])["nsfwLevel"] == 28
    zoo.offer("org/tiny", minor=True)
    assert "tiny" not in zoo.listed("nsfw=true")
    zoo.offer("org/tiny", nsfw_level=0, minor=False)
    assert [zoo.ask(path).status for path in paths] == [404, 404]
    zoo.offer("org/tiny", nsfw_level=None)
    zoo.terms("org/tiny", private=True, readers=frozenset({"me"}))
    assert [zoo.ask(path).status for path in paths] == [404, 404]
    assert "tiny" not in zoo.listed(by="me")
    assert zoo.listed("availability=Private&username=org", by="me") == ["tiny"]
    assert zoo.get(paths[0], by="me")["availability"] == "Private"


def test_a_card_says_that_it_is_not_for_everybody(zoo: Zoo) -> None:
    """The Hub's tag for mature models is a level here."""
    zoo.shelf.commit("org/adult", {"README.md": b"---\ntags: [not-for-all-audiences]\n---\n", "w.gguf": b"x"})
    assert "adult" not in zoo.listed()
    assert "adult" in zoo.listed("nsfw=true")


def test_an_archived_model_has_no_files(zoo: Zoo) -> None:
    """It is left out of lists unless asked for, and has neither files nor an address."""
    model, version = zoo.ids("org/tiny")
    zoo.offer("org/tiny", archived=True)
    assert "tiny" not in zoo.listed()
    assert "tiny" in zoo.listed("archived=true")
    answer = zoo.get(f"/api/v1/models/{model}")
    assert (answer["mode"], answer["modelVersions"][0]["files"]) == ("Archived", [])
    assert "downloadUrl" not in answer["modelVersions"][0]
    alone = zoo.get(f"/api/v1/model-versions/{version}")
    assert (alone["model"]["mode"], alone["files"], "downloadUrl" in alone) == ("Archived", [], False)


def test_gates_are_told_before_any_byte(zoo: Zoo) -> None:
    """What has to be bought says until when, and one that has run out says nothing."""
    _, version = zoo.ids("org/tiny")
    path = f"/api/v1/model-versions/{version}"
    assert zoo.get(path)["paidAccess"] is None
    zoo.offer("org/tiny", sold="permanent")
    assert zoo.get(path)["paidAccess"] == {"permanent": True, "endsAt": None}
    assert zoo.listed("earlyAccess=true") == []
    zoo.offer("org/tiny", sold="early", until=LATER)
    assert zoo.get(path)["paidAccess"]["endsAt"].endswith("Z")
    assert zoo.listed("earlyAccess=true") == ["tiny"]
    zoo.offer("org/tiny", until=EARLIER)
    assert zoo.get(path)["paidAccess"] is None
    zoo.terms("org/tiny", gated="manual")
    assert zoo.get(path)["paidAccess"] == {"permanent": False, "endsAt": None}


def test_scans_are_told(zoo: Zoo) -> None:
    """What the scanners found is told, and a file that was found dangerous stays where it is."""
    _, version = zoo.ids("acme/base-model")
    zoo.offer("acme/base-model", scans={"model.ckpt": Scan(pickle="Danger", message="**Detected Pickle imports (1)**")})
    files = zoo.get(f"/api/v1/model-versions/{version}")["files"]
    (danger,) = [file for file in files if file["pickleScanResult"] == "Danger"]
    assert danger["name"].endswith(".ckpt")
    assert danger["pickleScanMessage"].startswith("**Detected")
    assert zoo.download("acme/base-model", "model.ckpt").status == 307


def test_a_server_that_scans_nothing_does_not_say_it_did(tmp_path: Path) -> None:
    """Where nobody says that files were scanned, they wait for it."""
    zoo = Zoo(several(tmp_path), Options())
    (file,) = zoo.get(f"/api/v1/model-versions/{zoo.ids('org/tiny')[1]}")["files"]
    assert (file["pickleScanResult"], file["virusScanResult"], file["scannedAt"]) == ("Pending", "Pending", None)
    zoo.shelf.close()


def test_bytes_are_replaced_under_their_ids(zoo: Zoo) -> None:
    """A creator may put other bytes behind a file: its ids stay, its digest does not, and the list grows by nothing."""
    model, version = zoo.ids("org/tiny")
    shelf = zoo.shelf.at("civitai")
    before = shelf.repository("org/tiny")
    (old,) = zoo.get(f"/api/v1/model-versions/{version}")["files"]
    zoo.shelf.commit("org/tiny", {"style v1.safetensors": safetensors(3001)})
    after = shelf.repository("org/tiny")
    assert before is not None and after is not None
    zoo.offer("org/tiny", replaced={after.branches["main"]: before.branches["main"]})
    assert zoo.ids("org/tiny") == (model, version)
    (new,) = zoo.get(f"/api/v1/model-versions/{version}")["files"]
    assert new["id"] == old["id"]
    assert new["hashes"]["SHA256"] != old["hashes"]["SHA256"]
    link = redirected(zoo.download("org/tiny", "style v1.safetensors"))
    assert content(zoo.fetch(link)) == safetensors(3001)
    assert len(zoo.get(f"/api/v1/models/{model}")["modelVersions"]) == 1


def test_pictures_stand_beside_the_files(zoo: Zoo) -> None:
    """A picture of the folder is one of the version, is no file, and is had by anybody who was told its address."""
    model, version = zoo.ids("acme/base-model")
    answer = zoo.get(f"/api/v1/model-versions/{version}")
    (told_,) = answer["images"]
    assert (told_["width"], told_["height"], told_["type"], "id" in told_) == (640, 480, "image", False)
    assert not [file for file in answer["files"] if file["name"].endswith(".png")]
    assert zoo.get(f"/api/v1/models/{model}")["modelVersions"][0]["images"][0]["id"] > 0
    picture = zoo.fetch(told_["url"], authorization="Bearer whatever")
    assert (picture.status, picture.headers["content-type"], content(picture)) == (200, "image/png", png(640, 480))
    zoo.offer("acme/base-model", taken_down=True)
    assert zoo.get(f"/api/v1/model-versions/{version}")["images"] == []


def test_no_other_content_is_had_as_a_picture(zoo: Zoo) -> None:
    """The address of a picture opens that picture alone: not a file whose digest stands in its place."""
    _, version = zoo.ids("acme/base-model")
    answer = zoo.get(f"/api/v1/model-versions/{version}")
    (place,) = [picture["url"] for picture in answer["images"]]
    old = place.split("/pictures/")[1].split("/")[0]
    for file in answer["files"]:
        assert zoo.fetch(place.replace(old, file["hashes"]["SHA256"].lower())).status == 403


def test_names_may_be_kept(zoo: Zoo) -> None:
    """A creator may have files shown under the names that they were uploaded with."""
    zoo.offer("acme/base-model", kept_names=True)
    _, version = zoo.ids("acme/base-model")
    names = {file["name"] for file in zoo.get(f"/api/v1/model-versions/{version}")["files"]}
    assert names == {"full.safetensors", "pruned.safetensors", "diffusion.safetensors", "model.ckpt", "config.yaml"}


# Downloads


def test_a_download_goes_on_to_a_signed_link(zoo: Zoo) -> None:
    """The site sends on to another origin, whose link has the file's name and ends; the bytes are those stated."""
    link = redirected(zoo.download("org/tiny", "style v1.safetensors"))
    assert link.startswith(f"{BYTES}/civitai-delivery-worker-prod/")
    assert "/model/style%20v1." in link and link.split("?")[0].endswith(".safetensors")
    assert 'attachment; filename="style v1.safetensors"' in unquote(link)
    answer = zoo.fetch(link)
    assert (answer.status, content(answer)) == (200, safetensors(3000))
    assert answer.headers["content-disposition"] == 'attachment; filename="style v1.safetensors"'
    assert hashlib.sha256(safetensors(3000)).hexdigest() not in answer.headers["etag"]


def test_ranges_of_a_link(zoo: Zoo) -> None:
    """The storage sends the part that is asked for, and refuses what lies behind the end."""
    link = redirected(zoo.download("org/tiny", "style v1.safetensors"))
    size = len(safetensors(3000))
    part = zoo.fetch(link, range="bytes=10-19")
    assert (part.status, part.headers["content-range"]) == (206, f"bytes 10-19/{size}")
    assert content(part) == safetensors(3000)[10:20]
    assert zoo.fetch(link, range=f"bytes={size}-").status == 416


def test_a_key_has_no_business_at_the_storage(zoo: Zoo) -> None:
    """An ``Authorization`` header beside a signed link is refused with 400, as R2 does."""
    answer = zoo.fetch(redirected(zoo.download("org/tiny")), authorization="Bearer key-of-me")
    assert answer.status == 400
    assert b"Missing x-amz-content-sha256" in bytes(answer.body if isinstance(answer.body, bytes) else b"")


def test_a_link_ends_and_cannot_be_changed(zoo: Zoo) -> None:
    """A link that was touched, or is over, opens nothing."""
    link = redirected(zoo.download("org/tiny"))
    for touched in (link[:-1] + "0" if link[-1] != "0" else link[:-1] + "1", link.replace("/model/", "/other/")):
        assert zoo.fetch(touched).status == 403
    assert zoo.fetch(link.split("?")[0]).status == 403
    zoo.now += 3600
    assert zoo.fetch(link).status == 403
    assert zoo.fetch(redirected(zoo.download("org/tiny"))).status == 200


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "sub/pruned.safetensors"),
        ("size=full", "full.safetensors"),
        ("format=PickleTensor", "model.ckpt"),
        ("type=VAE", "vae/diffusion.safetensors"),
        ("type=Config", "config.yaml"),
        ("type=Model&format=SafeTensor&size=full&fp=fp32", "full.safetensors"),
        ("fp=fp8", None),
        ("type=UNet", None),
        ("type=VAE&format=GGUF", None),
    ],
)
def test_selectors_choose_a_file(zoo: Zoo, query: str, path: str | None) -> None:
    """Without an id the best by the site's scores is sent, unless it contradicts what was asked for."""
    answer = zoo.download("acme/base-model", query=query)
    assert (answer.status, answer.file) == ((307, path) if path else (404, None))


def refusals(zoo: Zoo) -> dict[str, Answer]:
    """Each refusal of the download route, by what brings it about."""
    made = {}
    offers: dict[str, dict[str, Any]] = {
        "unrated": {"nsfw_level": 0},
        "taken down": {"taken_down": True},
        "real person": {"poi": True},
        "archived": {"archived": True},
        "no downloads": {"downloads": False},
        "login": {"login": True},
        "early": {"sold": "early", "until": LATER},
        "paid": {"sold": "permanent"},
    }
    name = "org/tiny"
    version = zoo.ids(name)[1]
    made["bad version"] = zoo.ask("/api/download/models/abc")
    made["bad file"] = zoo.download(name, query="fileId=x")
    made["bad type"] = zoo.download(name, query="type=Weights")
    made["long fp"] = zoo.download(name, query=f"fp={'x' * 65}")
    made["no version"] = zoo.ask("/api/download/models/1")
    made["no file"] = zoo.download(name, query=f"fileId={zoo.file_id('acme/base-model', 'config.yaml')}")
    for what, changes in offers.items():
        zoo.offer(name, **changes)
        made[what] = zoo.ask(f"/api/download/models/{version}")
        zoo.terms(name, offer=Offer())
    zoo.terms(name, gated="manual")
    made["gated, stranger"] = zoo.ask(f"/api/download/models/{version}")
    made["gated, no grant"] = zoo.ask(f"/api/download/models/{version}", by="me")
    zoo.terms(name, gated=False, private=True)
    made["private"] = zoo.ask(f"/api/download/models/{version}", by="me")
    return made


def test_each_refusal_of_a_download(zoo: Zoo) -> None:
    """Statuses and bodies are the site's, which tells two 401 apart by one sentence."""
    found = {what: (answer.status, told(answer)) for what, answer in refusals(zoo).items()}
    missing = (404, {"error": "File not found"})
    early = {"error": "Early Access", "message": "This asset is in Early Access. You can use Buzz access it now!"}
    login = {
        "error": "Unauthorized",
        "message": "The creator of this asset requires you to be logged in to download it",
    }
    for what in ("bad version", "bad file", "bad type", "long fp"):
        status, body = found.pop(what)
        assert (status, list(body)) == (400, ["error"])
    assert found == {
        **dict.fromkeys(("no version", "no file", "unrated", "taken down", "real person", "private"), missing),
        "archived": (410, {"error": "Model archived, not available for download"}),
        "no downloads": (
            401,
            {"error": "Unauthorized", "message": "The creator of this asset has disabled downloads on this file"},
        ),
        "login": (401, login),
        "early": (403, {**early, "deadline": LATER.strftime("%Y-%m-%dT%H:%M:%S.000Z")}),
        "paid": (403, early),
        "gated, stranger": (401, login),
        "gated, no grant": (403, {"error": "You do not have access to download this file"}),
    }


def test_checks_come_in_the_sites_order(zoo: Zoo) -> None:
    """Of several reasons to refuse, the one that the site looks at first is told."""
    zoo.offer("org/tiny", archived=True, downloads=False, login=True, sold="permanent")
    seen = []
    for query, change in [
        ("type=Weights", {}),
        ("fileId=7", {}),
        ("", {"archived": False}),
        ("", {"downloads": True}),
        ("", {"login": False}),
        ("", {"sold": False}),
        ("", {}),
    ]:
        answer = zoo.download("org/tiny", query=query)
        seen.append((answer.status, told(answer).get("message", "")[-12:] if answer.status != 307 else ""))
        zoo.offer("org/tiny", **change)
    assert [status for status, _ in seen] == [400, 404, 410, 401, 401, 403, 307]
    assert seen[3][1] != seen[4][1]


def test_those_who_may_are_let_in(zoo: Zoo) -> None:
    """Whoever logged in, bought it, was let in, or made it gets the file."""
    zoo.offer("org/tiny", login=True)
    assert zoo.download("org/tiny", by="me").status == 307
    zoo.offer("org/tiny", sold="permanent", buyers=frozenset({"me"}))
    assert [zoo.download("org/tiny", by=name).status for name in ("me", "org")] == [307, 307]
    zoo.offer("org/tiny", sold=False, poi=True)
    assert [zoo.download("org/tiny", by=name).status for name in ("me", "org")] == [404, 307]
    zoo.offer("org/tiny", poi=False)
    zoo.terms("org/tiny", gated="auto", readers=frozenset({"me"}))
    assert zoo.download("org/tiny", by="me").status == 307


def test_a_site_may_want_a_login_for_everything(tmp_path: Path) -> None:
    """Where the site asks everybody to log in, a model may still be open to all."""
    zoo = Zoo(several(tmp_path), Options(login_to_download=True))
    assert zoo.download("org/tiny").status == 401
    assert zoo.download("org/tiny", by="me").status == 307
    assert zoo.get(f"/api/v1/model-versions/mini/{zoo.ids('org/tiny')[1]}")["requireAuth"] is True
    zoo.offer("org/tiny", login=False)
    assert zoo.download("org/tiny").status == 307
    zoo.shelf.close()


def test_each_call_counts_as_a_download(zoo: Zoo) -> None:
    """A call that is sent on counts, HEAD too; a refusal and the storage do not."""
    model, _ = zoo.ids("org/tiny")
    link = redirected(zoo.download("org/tiny"))
    zoo.fetch(link)
    zoo.fetch(link)
    zoo.download("org/tiny", method="HEAD")
    zoo.download("org/tiny", query="fileId=7")
    answer = zoo.get(f"/api/v1/models/{model}")
    assert answer["stats"]["downloadCount"] == 2
    assert answer["modelVersions"][0]["stats"]["downloadCount"] == 2


def test_the_quota_of_downloads(tmp_path: Path) -> None:
    """Too many downloads are refused in words, without a time to wait; too many questions by the gate in front."""
    zoo = Zoo(several(tmp_path), Options(limits={"resolvers": 1, "api": 2}))
    assert zoo.download("org/tiny").status == 307
    answer = zoo.download("org/tiny")
    assert (answer.status, "retry-after" in answer.headers) == (429, False)
    assert "unusual amount of downloading" in told(answer)["error"]
    assert [zoo.ask("/api/v1/tags").status for _ in range(3)] == [200, 200, 429]
    assert zoo.ask("/api/v1/tags").headers["content-type"].startswith("text/html")
    zoo.shelf.close()


# Browsers, and agents that are not wanted


@pytest.mark.parametrize("agent", [BROWSER, "my-operator/1", "KnowledgeBot"])
def test_whoever_looks_like_a_browser_gets_pages(zoo: Zoo, agent: str) -> None:
    """Anything with a browser's name in its own is sent to pages, or told in plain text."""
    _, version = zoo.ids("org/tiny")
    zoo.offer("org/tiny", login=True)
    place = redirected(zoo.download("org/tiny", user_agent=agent))
    assert place.startswith("/login?returnUrl=%2Fapi%2Fdownload%2Fmodels%2F")
    assert place.endswith("&reason=download-auth")
    page = zoo.ask("/login", place.partition("?")[2], user_agent=agent)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    zoo.offer("org/tiny", login=None, sold="permanent")
    assert redirected(zoo.download("org/tiny", user_agent=agent)) == f"/model-versions/{version}"
    moved = zoo.ask(f"/model-versions/{version}", user_agent=agent)
    assert (moved.status, moved.headers["location"]) == (
        308,
        f"/models/{zoo.ids('org/tiny')[0]}?modelVersionId={version}",
    )
    zoo.offer("org/tiny", sold=False, archived=True)
    text = zoo.download("org/tiny", user_agent=agent)
    assert (text.status, text.headers["content-type"]) == (410, "text/plain; charset=utf-8")
    zoo.offer("org/tiny", archived=False)
    assert redirected(zoo.download("org/tiny", user_agent=agent)).startswith(BYTES)


def test_agents_that_the_gate_turns_away(zoo: Zoo) -> None:
    """Python's own agent is refused before anything is looked at; ours is no browser's."""
    answer = zoo.ask("/api/v1/me", by="me", user_agent="Python-urllib/3.12")
    assert (answer.status, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert zoo.ask("/api/v1/me", by="me", user_agent=AGENT).status == 200


def test_pages_for_people(zoo: Zoo) -> None:
    """A model has a page, and what is not there has one too."""
    model, _ = zoo.ids("org/tiny")
    assert b"tiny" in bytes(zoo.ask(f"/models/{model}/a-slug").body)  # type: ignore[arg-type]
    assert zoo.ask("/models/1").status == 404
    assert zoo.ask("/").status == 200


def test_bytes_that_are_gone(zoo: Zoo, tmp_path: Path) -> None:
    """A file that cannot be handed out any longer is a 404 like any other, and its digest is still told."""
    content_ = bytes(2 * 1024 * 1024)
    place = tmp_path / "org/tiny/big.safetensors"
    place.write_bytes(content_)
    version = zoo.ids("org/tiny")[1]
    file = zoo.file_id("org/tiny", "big.safetensors")
    place.write_bytes(content_[:-1])
    answer = zoo.ask(f"/api/download/models/{version}", f"fileId={file}")
    assert (answer.status, told(answer)) == (404, {"error": "File not found"})
    files = zoo.get(f"/api/v1/model-versions/{version}")["files"]
    assert hashlib.sha256(content_).hexdigest().upper() in [file["hashes"]["SHA256"] for file in files]


def test_a_shelf_that_cannot_be_read(zoo: Zoo, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that cannot be read is a failure of the site, which names no path of the machine."""
    zoo.shelf.close()
    (tmp_path / "org/tiny/late.safetensors").write_bytes(b"late")
    answer = zoo.ask("/api/v1/models")
    assert answer.status == 500
    assert str(tmp_path) not in str(told(answer))
