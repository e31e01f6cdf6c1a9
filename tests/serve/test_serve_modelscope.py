"""ModelScope's protocol as the embedded zoo speaks it: its shapes, and the traps that the real one has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from served_models import safetensors, tiny, write
from support import recorded

from zooclient.errors import ConfigError
from zooclient.testing import Claim, Cut, Expired, Flip, LocalZoo, LyingCommit, NoRange, NullList, Resize, Status

_ZOO = "modelscope"
_INFO = "/api/v1/models/org/tiny"
_FILES, _LOG, _REPO = f"{_INFO}/repo/files", f"{_INFO}/commits", f"{_INFO}/repo"
_LARGE = {"FilePath": "model.safetensors"}
_CONTENT = tiny()["model.safetensors"]


@pytest.fixture
def zoo(tmp_path: Path) -> Iterator[LocalZoo]:
    """A folder with one model, served by every protocol."""
    write(tmp_path / "served", "org/tiny", tiny())
    with LocalZoo(tmp_path / "served") as zoo:
        yield zoo


@pytest.fixture
def web(zoo: LocalZoo) -> Iterator[httpx.Client]:
    """A stranger at ModelScope who follows no redirect by itself."""
    with httpx.Client(base_url=zoo.endpoints[_ZOO], trust_env=False) as client:
        yield client


@pytest.fixture
def known(zoo: LocalZoo) -> dict[str, str]:
    """The header that the account ``me`` sends."""
    return {"authorization": f"Bearer {zoo.tokens[_ZOO]}"}


def _files(web: httpx.Client, **asked: str) -> dict[str, dict[str, Any]]:
    return {entry["Path"]: entry for entry in web.get(_FILES, params=asked).json()["Data"]["Files"]}


def test_every_zoo_has_origins_tokens_and_commits_of_its_own(zoo: LocalZoo) -> None:
    """Ports, tokens and commit ids differ from zoo to zoo; an id of one is none of another."""
    origins = [*zoo.endpoints.values(), *zoo.byte_origins.values()]
    assert len(set(origins)) == len(origins) == 2 * len(zoo.endpoints) >= 4
    assert zoo.tokens[_ZOO].startswith("ms-") and zoo.tokens["hf"].startswith("hf_")
    assert zoo.head("org/tiny") != zoo.head("org/tiny", zoo=_ZOO) == zoo.head("org/tiny", "master", zoo=_ZOO)
    with pytest.raises(LookupError):
        zoo.head("org/tiny", zoo.head("org/tiny"), zoo=_ZOO)
    with pytest.raises(LookupError):
        zoo.head("org/tiny", "main", zoo=_ZOO)
    assert zoo.add_account("other", zoo=_ZOO).startswith("ms-")
    for wrong in (lambda: zoo.fail("*", Cut(), zoo="nowhere"), lambda: LocalZoo(zoos=["nowhere"])):
        with pytest.raises(ConfigError, match="nowhere"):
            wrong()


def test_chosen_zoos_alone_are_started(tmp_path: Path) -> None:
    """A zoo that was not asked for has no port."""
    with LocalZoo(zoos=("ms",)) as zoo:
        assert list(zoo.endpoints) == list(zoo.tokens) == [_ZOO]
        assert zoo.byte_origin == zoo.byte_origins[_ZOO]


def test_two_surfaces_and_two_envelopes(web: httpx.Client) -> None:
    """Successes and refusals have the fields of their own surface, as recorded where there is a recording."""
    seen = json.loads(recorded("modelscope", "error_404_record_not_found.json").read_text("utf-8"))
    absent = web.get("/api/v1/models/org/none")
    assert absent.status_code == seen["status"]
    assert absent.json() | {"RequestId": ""} == seen["body"] | {"RequestId": ""}
    assert set(web.get(_INFO).json()) == {"Code", "Data", "Message", "RequestId", "Success"}
    unknown = web.get("/openapi/v1/models/org/none")
    assert (unknown.status_code, unknown.json()["code"], unknown.json()["success"]) == (404, "ResourceNotFound", False)
    assert set(web.get("/openapi/v1/models/org/tiny").json()) == {"success", "request_id", "data"}


def test_a_listed_file_has_the_recorded_fields(web: httpx.Client) -> None:
    """Every file is listed with the sha256 of its content, small ones too, and with the fields that were recorded."""
    seen = json.loads(recorded("modelscope", "repo_files_qwen2.5-0.5b-gguf.json").read_text("utf-8"))
    files = _files(web, Recursive="True")
    for entry in seen["Data"]["Files"]:
        for told in files.values():
            assert {name: type(value) for name, value in told.items()} == {
                name: type(value) for name, value in entry.items()
            }
    assert {path: told["Sha256"] for path, told in files.items() if told["Type"] == "blob"} == {
        path: hashlib.sha256(content).hexdigest() for path, content in tiny().items()
    }
    assert {path for path, told in files.items() if told["IsLFS"]} == {"model.safetensors", "onnx/model.onnx"}
    folders = {path: told for path, told in files.items() if told["Type"] == "tree"}
    assert set(folders) == {"onnx", "onnx/sub dir"}
    assert {(told["Size"], told["Sha256"]) for told in folders.values()} == {(0, "")}


def test_the_log_takes_ref_and_ignores_revision(zoo: LocalZoo, web: httpx.Client) -> None:
    """``Ref`` is looked up and unknown ones give null with 200; ``Revision`` silently gives the default branch."""
    old = zoo.head("org/tiny", zoo=_ZOO)
    zoo.tag("org/tiny", "v1")
    zoo.commit("org/tiny", {"new.txt": "new"}, title="More")
    new = zoo.head("org/tiny", zoo=_ZOO)

    def asked(**params: str) -> list[str] | None:
        answer = web.get(_LOG, params=params)
        assert answer.status_code == 200
        commits = answer.json()["Data"]["Commit"]
        return None if commits is None else [commit["Id"] for commit in commits]

    assert asked() == asked(Ref="master") == asked(Revision="v1") == [new, old]
    assert asked(Ref="v1") == asked(Ref=old) == [old]
    assert asked(Ref="nowhere") is None and asked(Ref="main") is None
    assert asked(Ref="master", PageSize="1") == [new]
    assert asked(Ref="master", PageSize="1", PageNumber="2") == [old]
    assert web.get(_LOG, params={"PageSize": "1"}).json()["TotalCount"] == 2


def test_the_revision_of_a_file_is_no_pin(zoo: LocalZoo, web: httpx.Client) -> None:
    """A listed file tells the last commit that touched it: the head only where the head did."""
    zoo.commit("org/tiny", {"config.json": "{}"})
    zoo.commit("org/tiny", {"new.txt": "new"})
    log = [commit["Id"] for commit in web.get(_LOG).json()["Data"]["Commit"]]
    files = _files(web)
    assert files["new.txt"]["Revision"] == log[0]
    assert files["config.json"]["Revision"] == log[1]
    assert files["README.md"]["Revision"] not in log
    assert files["README.md"]["Revision"] != files["empty.txt"]["Revision"]
    committer = web.get(_FILES).json()["Data"]["LatestCommitter"]
    assert committer["Id"] == log[0] and log[0].startswith(committer["ShortId"])


def test_a_listing_of_a_folder_and_of_a_commit(zoo: LocalZoo, web: httpx.Client) -> None:
    """``Root`` narrows, ``Recursive`` widens, pages are not known, and what is not there is 404 with its code."""
    old = zoo.head("org/tiny", zoo=_ZOO)
    zoo.commit("org/tiny", {"new.txt": "new"})
    assert set(_files(web, Root="onnx")) == {"onnx/model.onnx", "onnx/sub dir"}
    assert set(_files(web, Root="onnx", Recursive="true")) == {*_files(web, Root="onnx"), "onnx/sub dir/f#1 \u00e9.txt"}
    assert set(_files(web, Recursive="False", PageSize="1", PageNumber="2")) == set(_files(web))
    assert set(_files(web)) - set(_files(web, Revision=old)) == {"new.txt"}
    for asked in ({"Revision": "main"}, {"Root": "none"}, {"Revision": zoo.head("org/tiny")}):
        answer = web.get(_FILES, params=asked)
        assert (answer.status_code, answer.json()["Code"]) == (404, 10990101004)


def test_a_listing_is_cut_without_a_word(zoo: LocalZoo, web: httpx.Client) -> None:
    """3000 entries, folders counted, and nothing says that there are more."""
    zoo.commit("org/wide", {f"d/{number}": "x" for number in range(3005)})
    answer = web.get("/api/v1/models/org/wide/repo/files", params={"Recursive": "True"}).json()
    assert (len(answer["Data"]["Files"]), answer["Success"], answer["Code"]) == (3000, True, 200)
    assert answer["Data"]["Files"][0]["Type"] == "tree"


def test_branches_and_tags_have_no_commits(zoo: LocalZoo, web: httpx.Client) -> None:
    """The default branch is ``master``; empty lists are null; a time leaves later tags out."""
    assert web.get(f"{_INFO}/revisions").json()["Data"]["RevisionMap"]["Tags"] is None
    zoo.tag("org/tiny", "v1")
    zoo.branch("org/tiny", "dev")
    told = web.get(f"{_INFO}/revisions").json()["Data"]["RevisionMap"]
    assert [item["Revision"] for item in told["Branches"]] == ["master", "dev"]
    assert [set(item) for item in told["Tags"]] == [{"Revision", "CreatedAt"}]
    early = web.get(f"{_INFO}/revisions", params={"EndTime": "1"}).json()["Data"]["RevisionMap"]
    assert early["Tags"] is None


def test_a_model_is_told_by_its_card(zoo: LocalZoo, web: httpx.Client) -> None:
    """Both surfaces tell licence, tasks and counts; the other one the card of the revision asked for."""
    zoo.popularity("org/tiny", downloads=7, likes=3)
    row = web.get("/openapi/v1/models/org/tiny").json()["data"]
    assert (row["id"], row["license"], row["tasks"], row["params"]) == (
        "org/tiny",
        "mit",
        ["text-classification"],
        5000,
    )
    assert (row["downloads"], row["likes"]) == (7, 3)
    assert "custom_tag:tiny" in row["tags"] and row["last_modified"].endswith("Z")
    zoo.tag("org/tiny", "v1")
    zoo.commit("org/tiny", {"README.md": "---\nlicense: Apache License 2.0\ntasks: [fill-mask]\n---\nNew"})
    new, old = (web.get(_INFO, params={"Revision": name}).json()["Data"] for name in ("master", "v1"))
    assert (new["License"], new["Tasks"][0]["Name"]) == ("Apache License 2.0", "fill-mask")
    assert new["ReadMeContent"].endswith("New") and old["ReadMeContent"] == tiny()["README.md"].decode()
    assert (old["Path"], old["Name"], old["Revision"], old["BaseModel"]) == ("org", "tiny", "v1", ["org/base"])
    assert old["ModelInfos"]["safetensor"]["model_size"] == 5000
    assert isinstance(old["LastUpdatedTime"], int) and (old["Visibility"], old["ProtectedMode"]) == (5, 2)


def test_large_files_go_to_another_origin_by_a_signed_link(web: httpx.Client, zoo: LocalZoo) -> None:
    """The link has the shape of the zoo's CDN, which tells the digest in a header and an entity tag that is none."""
    first = web.get(_REPO, params=_LARGE)
    link = httpx.URL(first.headers["location"])
    digest = hashlib.sha256(_CONTENT).hexdigest()
    assert first.status_code == 302 and str(link).startswith(zoo.byte_origins[_ZOO] + "/prod/lfs-objects/")
    assert link.path.removeprefix("/prod/lfs-objects/").replace("/", "") == digest
    assert {name: link.params[name] for name in ("filename", "namespace", "repository", "tag")} == {
        "filename": "model.safetensors",
        "namespace": "org",
        "repository": "tiny",
        "tag": "model",
    }
    second = web.get(link)
    assert second.content == _CONTENT
    assert second.headers["x-linked-etag"] == f'"{digest}"' and digest not in second.headers["etag"]
    part = web.get(link, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, _CONTENT[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(_CONTENT)}"


@pytest.mark.parametrize("what", ["auth_key", "filename", "repository"])
def test_a_link_that_was_touched_opens_nothing(web: httpx.Client, what: str) -> None:
    """The byte origin checks what a link says, and refuses one without."""
    link = httpx.URL(web.get(_REPO, params=_LARGE).headers["location"])
    for touched in (link.copy_set_param(what, link.params[what][:-1] + "!"), link.copy_remove_param(what)):
        assert web.get(touched).status_code == 403
    assert web.get(str(link).partition("?")[0]).status_code == 403
    assert web.get(str(link).replace("/prod/lfs-objects/", "/prod/lfs-objects/00")).status_code == 403


def test_a_link_ends(tmp_path: Path) -> None:
    """A link whose lifetime is over is refused, and the host says why."""
    write(tmp_path, "org/tiny", tiny())
    with (
        LocalZoo(tmp_path, link_lifetime=-1) as zoo,
        httpx.Client(base_url=zoo.endpoints[_ZOO], trust_env=False) as web,
    ):
        answer = web.get(web.get(_REPO, params=_LARGE).headers["location"])
        assert answer.status_code == 403 and "expired" in answer.headers["x-tengine-error"]


def test_ranges_of_small_files_are_not_to_be_relied_on(web: httpx.Client) -> None:
    """A bounded range comes with status 200, an open one is ignored: both as measured at the zoo."""
    config = tiny()["config.json"]
    part = web.get(_REPO, params={"FilePath": "config.json"}, headers={"range": "bytes=2-11"})
    assert (part.status_code, part.content) == (200, config[2:12])
    assert part.headers["content-range"] == f"bytes 2-11/{len(config)}"
    rest = web.get(_REPO, params={"FilePath": "config.json"}, headers={"range": "bytes=2-"})
    assert (rest.status_code, rest.content) == (200, config) and "content-range" not in rest.headers
    beyond = web.get(_REPO, params={"FilePath": "config.json"}, headers={"range": "bytes=9000-9001"})
    assert beyond.content == config
    assert (
        web.get(_REPO, params={"FilePath": "onnx/sub dir/f#1 \u00e9.txt"}).content
        == "sp\u00e4te Gr\u00fc\u00dfe".encode()
    )


def test_head_tells_whether_a_file_may_be_had(web: httpx.Client) -> None:
    """HEAD answers 200 without a redirect, or 404 without a body."""
    head = web.head(_REPO, params=_LARGE)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(_CONTENT)))
    none = web.head(_REPO, params={"FilePath": "none"})
    assert (none.status_code, none.content) == (404, b"")


@pytest.mark.parametrize("prefix", ["/models", "/api/v1/models", ""])
def test_the_website_s_address_of_a_file(zoo: LocalZoo, web: httpx.Client, prefix: str) -> None:
    """It leads to the same bytes; of a file that is not there it gives 200 and an error in place of a body."""
    zoo.branch("org/tiny", "a/b")
    for revision in ("master", "a/b", zoo.head("org/tiny", zoo=_ZOO)):
        large = web.get(f"{prefix}/org/tiny/resolve/{revision}/model.safetensors", follow_redirects=True)
        assert large.content == _CONTENT
    missing = web.get(f"{prefix}/org/tiny/resolve/master/none.bin")
    assert (missing.status_code, missing.json()["Code"], missing.json()["Success"]) == (200, 10990101007, False)
    assert web.get(f"{prefix}/org/tiny/resolve/main/config.json").status_code == 404
    absent = web.get(_REPO, params={"FilePath": "none.bin"})
    assert (absent.status_code, absent.json()["Code"]) == (404, 10010205001)


def test_who_may_not_see_gets_404_with_a_code(zoo: LocalZoo, web: httpx.Client, known: dict[str, str]) -> None:
    """A gate hides files and commits and not the record; a private model hides all; either way of logging in opens."""
    crumb = {"cookie": f"m_session_id={zoo.tokens[_ZOO]}"}
    zoo.gate("org/tiny", "manual", readers=("me",))
    assert web.get(_INFO).json()["Data"]["ProtectedMode"] == 1
    assert web.get("/openapi/v1/models/org/tiny").json()["data"]["gated"] is True
    for url in (_FILES, _LOG, f"{_REPO}?FilePath=config.json", "/models/org/tiny/resolve/master/config.json"):
        answer = web.get(url)
        assert (answer.status_code, answer.json()["Code"]) == (404, 10010200001)
        assert web.get(url, headers=known).status_code == web.get(url, headers=crumb).status_code == 200
    other = zoo.add_account("other", zoo=_ZOO)
    assert web.get(_FILES, headers={"authorization": f"Bearer {other}"}).status_code == 404
    zoo.gate("org/tiny", False)
    zoo.hide("org/tiny")
    assert (web.get(_INFO).status_code, web.get(_INFO).json()["Code"]) == (404, 10010200001)
    assert web.get("/openapi/v1/models/org/tiny").status_code == 404
    assert web.get("/openapi/v1/models").json()["data"]["total_count"] == 0
    assert web.get("/openapi/v1/models", headers=known).json()["data"]["models"][0]["private"] is True
    zoo.disable("org/tiny")
    assert web.get(_INFO, headers=known).json()["Data"]["IsOnline"] == 0
    assert web.get(_FILES, headers=known).json()["Code"] == 10010200001


def test_accounts(zoo: LocalZoo, web: httpx.Client, known: dict[str, str]) -> None:
    """A wrong token is ignored at an open model and told at the account's own address; a login sets a cookie."""
    wrong = {"authorization": f"Bearer {zoo.tokens['hf']}"}
    assert web.get(_FILES, headers=wrong).status_code == 200
    for headers in ({}, wrong):
        answer = web.get("/openapi/v1/users/me", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "InvalidAuthentication")
    assert web.get("/openapi/v1/users/me", headers=known).json()["data"]["username"] == "me"
    refused = web.post("/api/v1/login", json={"AccessToken": "ms-wrong"})
    assert (refused.status_code, refused.json()["Code"]) == (400, 10010103009)
    login = web.post("/api/v1/login", json={"AccessToken": zoo.tokens[_ZOO]})
    assert login.json()["Data"]["Username"] == "me"
    assert login.headers["set-cookie"].startswith(f"m_session_id={zoo.tokens[_ZOO]};")
    for body in (b"", b"[]", b"{", b'{"AccessToken": 1}'):
        assert web.post("/api/v1/login", content=body).status_code == 400


def test_searches_have_a_window_and_ignore_what_they_do_not_know(zoo: LocalZoo, web: httpx.Client) -> None:
    """Words match loosely, filters exactly; a typo in an order or a value is ignored without a word."""
    zoo.commit("org/Qwen3-0.6B", {"README.md": "---\nlicense: mit\ntasks: [text-generation]\n---\n"})
    zoo.commit("else/plain", {"config.json": '{"model_type": "bert"}'})
    zoo.popularity("else/plain", downloads=9, likes=1)

    def found(**asked: str) -> list[str]:
        data = web.get("/openapi/v1/models", params=asked).json()["data"]
        assert data["total_count"] >= len(data["models"])
        return [row["id"] for row in data["models"]]

    every = ["else/plain", "org/Qwen3-0.6B", "org/tiny"]
    assert sorted(found()) == every == sorted(found(sort="downlaods")) == sorted(found(**{"filter.task": "typo"}))
    assert found(sort="downloads")[0] == "else/plain"
    assert found(search="Qwen3.6") == ["org/Qwen3-0.6B"]
    assert found(search="qwen4") == [] == found(owner="nobody")
    assert found(owner="else") == found(**{"filter.model_type": "bert", "owner": "else"}) == ["else/plain"]
    assert sorted(found(**{"filter.license": "mit"})) == ["org/Qwen3-0.6B", "org/tiny"]
    assert found(**{"filter.library": "transformers", "filter.custom_tag": "tiny"}) == ["org/tiny"]
    assert sorted(found(page_size="2") + found(page_size="2", page_number="2")) == every
    assert web.get("/openapi/v1/models?page_size=900").json()["data"]["page_size"] == 50
    beyond = web.get("/openapi/v1/models?page_size=50&page_number=61")
    assert (beyond.status_code, beyond.json()["code"]) == (403, "QuotaLimitExceed")
    assert web.get("/openapi/v1/models?page_size=0").json()["code"] == "InputParameterError"


def test_the_website_s_search(zoo: LocalZoo, web: httpx.Client) -> None:
    """It is asked by PUT alone, ignores malformed criteria, and has the envelope and the fields that were recorded."""
    seen = json.loads(recorded("modelscope", "dolphin_models_search_page.json").read_text("utf-8"))
    zoo.commit("else/plain", {"config.json": "{}"})

    def found(**asked: Any) -> list[dict[str, Any]]:
        answer = web.put("/api/v1/dolphin/models", json={"PageSize": 10, "PageNumber": 1, **asked}).json()
        assert set(answer) == set(seen) and set(answer["Data"]) == set(seen["Data"])
        assert answer["Data"]["Model"]["TotalCount"] >= len(answer["Data"]["Model"]["Models"])
        return list(answer["Data"]["Model"]["Models"])

    def wants(category: str, value: str) -> dict[str, Any]:
        return {"Criterion": [{"category": category, "predicate": "contains", "values": [value], "sub_values": []}]}

    rows = found(SortBy="GmtModified")
    assert {row["Path"] + "/" + row["Name"] for row in rows} == {"org/tiny", "else/plain"}
    assert set(rows[0]) <= set(seen["Data"]["Model"]["Models"][0])
    assert [row["Name"] for row in found(Name="tiny")] == ["tiny"]
    assert [row["Name"] for row in found(**wants("organizations", "else"))] == ["plain"]
    assert [row["Name"] for row in found(**wants("tasks", "text-classification"))] == ["tiny"]
    assert len(found(Criterion=[{"category": "tasks"}, 7], SortBy=[])) == 2
    assert len(found(PageSize=1, PageNumber=2)) == 1
    assert web.get("/api/v1/dolphin/models").status_code == 404
    old = web.put("/api/v1/models/", json={"Path": "org", "PageNumber": 1, "PageSize": 5}).json()["Data"]
    assert ([model["Name"] for model in old["Models"]], old["TotalCount"]) == (["tiny"], 1)


def test_a_budget_is_told_when_it_is_used_up(tmp_path: Path) -> None:
    """429 with a word and the seconds to wait."""
    write(tmp_path, "org/tiny", tiny())
    with (
        LocalZoo(tmp_path, limits={"api": 1}) as zoo,
        httpx.Client(base_url=zoo.endpoints[_ZOO], trust_env=False) as web,
    ):
        assert web.get(_INFO).status_code == 200
        answer = web.get(_INFO)
        assert (answer.status_code, answer.json()["code"]) == (429, "RateLimitExceed")
        assert 0 < int(answer.headers["retry-after"]) <= 300
        assert web.get(_REPO, params={"FilePath": "config.json"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        f"{_REPO}?FilePath=../../secret.txt",
        f"{_REPO}?FilePath=%2Fetc%2Fpasswd",
        f"{_FILES}?Root=../..",
        f"{_FILES}?Revision=..%2F..",
        "/api/v1/models/..%2forg/tiny/repo?FilePath=config.json",
        "/models/org/tiny/resolve/master/..%2f..%2fsecret.txt",
        "/models/org/tiny/resolve/master/%2e%2e/%2e%2e/secret.txt",
        "/api/v1/models/org/tiny%2f../repo/files",
    ],
)
def test_no_path_leaves_the_shelf(tmp_path: Path, web: httpx.Client, path: str) -> None:
    """Whatever is asked for, only files of a listing are answered."""
    (tmp_path / "secret.txt").write_text("hidden")
    (tmp_path / "served" / "secret.txt").write_text("hidden")
    answer = web.get(path)
    assert "hidden" not in answer.text
    assert answer.status_code == 404 or answer.json()["Success"] is False


def test_no_origin_of_one_zoo_answers_for_another(zoo: LocalZoo, web: httpx.Client) -> None:
    """Paths of the Hub are nothing here, and the other way round; a link opens at its own byte origin alone."""
    assert web.get("/api/models/org/tiny").status_code == 404
    with httpx.Client(base_url=zoo.endpoints["hf"], trust_env=False) as hub:
        assert hub.get(_INFO).status_code == 404
        assert hub.put("/api/v1/dolphin/models", json={}).status_code == 405
    link = web.get(_REPO, params=_LARGE).headers["location"]
    assert web.get(link.replace(zoo.byte_origins[_ZOO], zoo.byte_origins["hf"])).status_code == 403


def test_the_record_of_requests_tells_zoo_and_origin(zoo: LocalZoo, web: httpx.Client) -> None:
    """Every request is written down with the zoo and the origin that were asked."""
    web.get(_REPO, params=_LARGE, follow_redirects=True)
    assert [(seen.zoo, seen.origin, seen.status) for seen in zoo.requests] == [(_ZOO, "hub", 302), (_ZOO, "cdn", 200)]


def _hub(zoo: LocalZoo) -> httpx.Response:
    url = zoo.endpoints["hf"] + "/org/tiny/resolve/main/model.safetensors"
    return httpx.get(url, follow_redirects=True, trust_env=False)


def test_a_fault_is_about_all_zoos_or_one(zoo: LocalZoo, web: httpx.Client) -> None:
    """A pattern by model path fits at each zoo; a fault for one zoo leaves the others alone."""
    zoo.fail("*.safetensors", Flip(at=0))
    for got in (_hub(zoo).content, web.get(_REPO, params=_LARGE, follow_redirects=True).content):
        assert got == bytes([_CONTENT[0] ^ 1]) + _CONTENT[1:]
    zoo.heal()
    thrown = zoo.fail("org/tiny/model.safetensors", Status(503, times=None), zoo=_ZOO)
    assert web.get(_REPO, params=_LARGE).status_code == 503
    assert _hub(zoo).content == _CONTENT
    assert thrown.hits == 1 and thrown.zoo == _ZOO


def test_an_expired_link_is_refused_in_each_zoo_s_own_words(zoo: LocalZoo, web: httpx.Client) -> None:
    """The fault gives what the byte origin itself says to a bad link, once."""
    zoo.fail("*.safetensors", Expired(times=2))
    theirs, ours = _hub(zoo), web.get(_REPO, params=_LARGE, follow_redirects=True)
    assert theirs.status_code == ours.status_code == 403
    assert "x-tengine-error" in ours.headers and "x-tengine-error" not in theirs.headers
    assert web.get(_REPO, params=_LARGE, follow_redirects=True).content == _CONTENT


@pytest.mark.parametrize(
    ("digest", "told"), [("wrong", True), ("masked", "*" * 64), ("none", None)], ids=["wrong", "masked", "none"]
)
def test_a_false_claim(zoo: LocalZoo, web: httpx.Client, digest: Any, told: Any) -> None:
    """Size and digest are falsified in the listing and in the header of the byte origin, and nowhere else."""
    true = hashlib.sha256(_CONTENT).hexdigest()
    before = _files(web)
    zoo.fail("model.safetensors", Claim(size_by=5, digest=digest))
    after = _files(web)
    claimed = after.pop("model.safetensors")
    assert after == {path: entry for path, entry in before.items() if path in after}
    assert claimed["Size"] == len(_CONTENT) + 5
    header = web.get(_REPO, params=_LARGE, follow_redirects=True).headers.get("x-linked-etag")
    if told is True:
        assert claimed["Sha256"] != true and header == f'"{claimed["Sha256"]}"'
    else:
        assert (claimed.get("Sha256"), header) == (told, None if told is None else f'"{told}"')


def test_a_lying_commit_and_a_list_that_is_null(zoo: LocalZoo, web: httpx.Client) -> None:
    """The log and the listing name another commit; a list within an envelope is null."""
    zoo.fail("org/tiny", LyingCommit("e" * 40))
    assert web.get(_LOG).json()["Data"]["Commit"][0]["Id"] == "e" * 40
    assert web.get(_FILES).json()["Data"]["LatestCommitter"]["ShortId"] == "e" * 8
    zoo.heal()
    zoo.fail("org/tiny", NullList("Files"))
    assert web.get(_FILES).json()["Data"]["Files"] is None
    assert web.get(_LOG).json()["Data"]["Commit"]


def test_faults_of_a_part_that_comes_with_status_200(zoo: LocalZoo, web: httpx.Client) -> None:
    """The switches go by the range that was sent, whatever the status."""
    config = tiny()["config.json"]

    def part() -> httpx.Response:
        return web.get(_REPO, params={"FilePath": "config.json"}, headers={"range": "bytes=2-11"})

    zoo.fail("config.json", Flip(at=4))
    assert part().content == config[2:4] + bytes([config[4] ^ 1]) + config[5:12]
    zoo.heal()
    zoo.fail("config.json", NoRange())
    assert part().content == config
    zoo.heal()
    zoo.fail("config.json", Resize(by=1))
    assert part().headers["content-range"] == f"bytes 2-11/{len(config) + 1}"


def test_an_odd_host_is_not_repeated(zoo: LocalZoo, web: httpx.Client) -> None:
    """Links are made from the host that a client named, if it is one."""
    named = web.get(_REPO, params=_LARGE, headers={"host": "models.example:8000"}).headers["location"]
    assert named.startswith(f"http://models.example:{urlsplit(zoo.byte_origins[_ZOO]).port}/")


def test_a_changed_folder_is_a_new_commit_here_too(zoo: LocalZoo, tmp_path: Path, web: httpx.Client) -> None:
    """The default branch follows the folder, an old commit stays served, and the same files have the same id."""
    old = zoo.head("org/tiny", zoo=_ZOO)
    write(tmp_path / "served", "org/tiny", {"model.safetensors": safetensors(5000, 9)})
    new = zoo.head("org/tiny", zoo=_ZOO)
    assert new != old
    for revision, content in ((old, _CONTENT), ("master", safetensors(5000, 9)), (new, safetensors(5000, 9))):
        assert web.get(_REPO, params=_LARGE | {"Revision": revision}, follow_redirects=True).content == content
    write(tmp_path / "served", "org/tiny", tiny())
    assert zoo.head("org/tiny", zoo=_ZOO) == old
    zoo.drop_commit("org/tiny", "main")
    assert web.get(_FILES, params={"Revision": old}).json()["Code"] == 10990101004
