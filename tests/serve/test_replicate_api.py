"""Serving Replicate: what the API says, asked without a socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from replicate_site import BASE, BYTES, NOW, TOKENS, Zoo, multipart, told

from zooclient.serve.replicate.checking import check, complete
from zooclient.serve.replicate.hosted import Input, Made
from zooclient.serve.replicate.naming import cursor, place
from zooclient.serve.replicate.uploads import parts_of
from zooclient.testing.replicate import Work


@pytest.fixture
def zoo() -> Iterator[Zoo]:
    made = Zoo()
    yield made
    made.shelf.close()


def versions(zoo: Zoo, count: int) -> list[str]:
    """Pushes so many versions of a model, and returns their ids, the newest first."""
    for number in range(count):
        zoo.shelf.commit("acme/tiny", {"weights.txt": str(number).encode()})
    return [zoo.owners.version("acme/tiny", number) for number in range(count)]


# Who asks


@pytest.mark.parametrize("path", ["account", "models", "models/acme/tiny", "hardware", "search?query=a", "collections"])
def test_everything_needs_a_token(zoo: Zoo, path: str) -> None:
    """Without a token, and with one that is nobody's, every read is refused with 401."""
    zoo.model()
    for by in (None, "r8_nobody"):
        answer = zoo.ask("GET", f"/v1/{path}", by=by)
        assert (answer.status, told(answer)["title"]) == (401, "Unauthenticated")
    assert zoo.ask("GET", f"/v1/{path}").status == 200


def test_the_older_form_of_the_header_is_taken(zoo: Zoo) -> None:
    """``Authorization: Token …`` lets one in as ``Bearer`` does."""
    answer = zoo.ask("GET", "/v1/account", by=None, authorization=f"Token {TOKENS['org']}")
    assert told(answer)["username"] == "org"


def test_a_server_without_accounts_lets_everybody_in() -> None:
    """Where no accounts are known, a token that is sent is not looked at, and none is needed."""
    zoo = Zoo(accounts=False)
    try:
        zoo.model()
        assert zoo.ask("GET", "/v1/models/acme/tiny", by=None).status == 200
        assert zoo.ask("GET", "/v1/models/acme/tiny", by="r8_of_the_real_zoo").status == 200
    finally:
        zoo.shelf.close()


def test_every_answer_tells_the_limits(zoo: Zoo) -> None:
    """Each answer says what is left of a minute: fewer creations than anything else."""
    version = zoo.model()
    assert zoo.ask("GET", "/v1/account").headers["ratelimit-remaining"] == "2999"
    body = {"version": version, "input": {"prompt": "x"}}
    created = zoo.ask("POST", "/v1/predictions", body=body)
    assert created.headers["ratelimit-remaining"] == "599"
    assert int(created.headers["ratelimit-reset"]) <= 60


def test_a_limit_that_is_spent_says_in_the_body_how_long_to_wait() -> None:
    """The 429 has no ``Retry-After``; its body has the seconds."""
    zoo = Zoo(limits={"api": 1})
    try:
        zoo.get("/v1/account")
        answer = zoo.ask("GET", "/v1/account")
        assert answer.status == 429
        assert "retry-after" not in answer.headers
        assert told(answer)["retry_after"] == 300
    finally:
        zoo.shelf.close()


# Reading


def test_a_model_tells_what_its_card_and_its_owner_say(zoo: Zoo) -> None:
    """Description, links and counts come from the card and from the offer."""
    version = zoo.model(weights_url="https://huggingface.co/acme/tiny")
    model = zoo.get("/v1/models/ACME/tiny")
    assert (model["owner"], model["name"], model["visibility"]) == ("acme", "tiny", "public")
    assert model["description"].startswith("Says what it is told.")
    assert model["license_url"] == "https://example.org/LICENSE"
    assert model["paper_url"] == "https://arxiv.org/abs/2307.01952"
    assert model["weights_url"] == "https://huggingface.co/acme/tiny"
    assert (model["latest_version"]["id"], model["run_count"]) == (version, 0)
    zoo.ended(zoo.create(version))
    assert zoo.get("/v1/models/acme/tiny")["run_count"] == 1


def test_the_readme_is_the_card_without_its_head(zoo: Zoo) -> None:
    """It comes as plain text and without front matter; a model without a card has none."""
    zoo.model()
    answer = zoo.ask("GET", "/v1/models/acme/tiny/readme")
    assert answer.headers["content-type"].startswith("text/plain")
    assert isinstance(answer.body, bytes)
    assert answer.body.startswith(b"# Tiny\n")
    zoo.shelf.commit("acme/mute", {"a": b"b"})
    assert zoo.ask("GET", "/v1/models/acme/mute/readme").status == 404


def test_versions_are_derived_and_come_in_pages() -> None:
    """Each state is a version with an id of 64 hex that a restart keeps; pages lead on by whole URLs."""
    zoo = Zoo(page_size=2)
    try:
        ids = versions(zoo, 5)
        assert len(set(ids)) == 5
        assert all(len(name) == 64 and set(name) <= set("0123456789abcdef") for name in ids)
        seen, url, pages = [], f"{BASE}/v1/models/acme/tiny/versions", 0
        while url:
            assert url.startswith(BASE)
            page = zoo.get(url.removeprefix(BASE))
            seen += [row["id"] for row in page["results"]]
            assert (page["previous"] is None) == (pages == 0)
            url, pages = page["next"], pages + 1
        assert (seen, pages) == (ids, 3)
        assert zoo.get(f"/v1/models/acme/tiny/versions/{ids[3]}")["id"] == ids[3]
        assert zoo.ask("GET", f"/v1/models/acme/tiny/versions/{'0' * 64}").status == 404
        assert zoo.ask("GET", "/v1/models/acme/tiny/versions", "cursor=!").status == 404
        again = Zoo()
        assert versions(again, 5) == ids
        again.shelf.close()
    finally:
        zoo.shelf.close()


@pytest.mark.parametrize("number", [0, 1, 25, 99999])
def test_cursors(number: int) -> None:
    """A cursor is opaque text that stands for a place; what is none is told from one."""
    from urllib.parse import unquote

    assert place(unquote(cursor(number))) == number
    assert place("p=1") is place("cD14") is None


def test_an_official_model_cannot_be_pinned(zoo: Zoo) -> None:
    """It has no versions, its newest one is shown and cannot be run, and it runs by its name at two places."""
    version = zoo.model()
    zoo.owners.keep("acme/tiny")
    model = zoo.get("/v1/models/acme/tiny")
    assert (model["is_official"], model["latest_version"]["id"]) == (True, version)
    assert zoo.ask("GET", "/v1/models/acme/tiny/versions").status == 404
    assert zoo.ask("GET", f"/v1/models/acme/tiny/versions/{version}").status == 404
    for named in (version, f"acme/tiny:{version}"):
        answer = zoo.ask("POST", "/v1/predictions", body={"version": named, "input": {"prompt": "hi"}})
        assert (answer.status, told(answer)["title"]) == (422, "Invalid version or not permitted")
    assert zoo.ended(zoo.create("acme/tiny"))["version"] == "hidden"
    answer = zoo.ask("POST", "/v1/models/acme/tiny/predictions", body={"input": {"prompt": "hi"}})
    assert zoo.ended(told(answer))["output"] == "hi"
    assert zoo.owners.ref("acme/tiny") == "replicate:acme/tiny"
    assert [row["slug"] for row in zoo.get("/v1/collections")["results"]] == ["official"]


@pytest.mark.parametrize("named", ["acme/tiny", "acme/tiny:latest", "abcdef12", "no/no", f"no/no:{'0' * 64}", "0" * 64])
def test_what_is_no_version_is_refused(zoo: Zoo, named: str) -> None:
    """A name without a version, a tag, a short id and an unknown one are each refused with 422."""
    zoo.model()
    answer = zoo.ask("POST", "/v1/predictions", body={"version": named, "input": {"prompt": "hi"}})
    assert (answer.status, told(answer)["title"]) == (422, "Invalid version or not permitted")
    assert zoo.ask("POST", "/v1/models/acme/tiny/predictions", body={"input": {"prompt": "hi"}}).status == 404
    assert zoo.runs.all() == ()


def test_private_models_are_there_for_their_readers_alone(zoo: Zoo) -> None:
    """Others get 404 for them, and no list and no search shows them."""
    from attrs import evolve

    version = zoo.model("acme/secret")
    zoo.shelf.set_terms("acme/secret", evolve(zoo.shelf.terms("acme/secret"), private=True, readers=frozenset({"me"})))
    assert zoo.get("/v1/models/acme/secret")["visibility"] == "private"
    assert zoo.ask("GET", "/v1/models/acme/secret", by="org").status == 404
    body = {"version": version, "input": {"prompt": "x"}}
    assert zoo.ask("POST", "/v1/predictions", body=body, by="org").status == 422
    assert zoo.get("/v1/models")["results"] == []
    assert told(zoo.ask("QUERY", "/v1/models", body=b"secret"))["results"] == []


def test_lists_are_sorted(zoo: Zoo) -> None:
    """By default the model with the newest version comes first; the other order and the other key are taken."""
    for name in ("acme/b", "acme/a", "acme/c"):
        zoo.model(name)
    zoo.shelf.commit("acme/b", {"more": b"x"})

    def names(query: str) -> list[str]:
        return [row["name"] for row in zoo.get("/v1/models", query)["results"]]

    assert names("") == ["b", "c", "a"]
    assert names("sort_by=model_created_at&sort_direction=asc") == ["b", "a", "c"]
    assert zoo.ask("GET", "/v1/models", "sort_by=stars").status == 400


def test_searches_find_words_in_names_and_descriptions(zoo: Zoo) -> None:
    """Both searches find every word of a query wherever it stands, names first, and never lead on."""
    zoo.model("acme/other", card="A tiny thing.")
    zoo.model("acme/tiny")
    zoo.model("acme/far", card="Nothing.")
    found = told(zoo.ask("QUERY", "/v1/models", body=b"TINY", content_type="text/plain"))
    assert [row["name"] for row in found["results"]] == ["tiny", "other"]
    assert found["next"] is None
    ours = zoo.get("/v1/search", "query=tiny&limit=1")
    assert [row["model"]["name"] for row in ours["models"]] == ["tiny"]
    assert ours["models"][0]["metadata"]["tags"] == ["text-generation"]
    assert zoo.ask("GET", "/v1/search").status == 400
    assert told(zoo.ask("GET", "/v1/search")) == {"detail": 'Query parameter "query" is required'}
    assert zoo.ask("GET", "/v1/search", "query=a&limit=51").status == 400


def test_a_model_is_created_and_has_no_version_until_one_is_pushed(zoo: Zoo) -> None:
    """It is there with nothing to run, private where it is said so, listed once something is pushed, and goes."""
    body = {"owner": "me", "name": "new", "visibility": "private", "hardware": "cpu", "paper_url": "https://e.org/p"}
    assert told(zoo.ask("POST", "/v1/models", body=body))["latest_version"] is None
    model = zoo.get("/v1/models/me/new")
    assert (model["visibility"], model["paper_url"]) == ("private", "https://e.org/p")
    assert zoo.get("/v1/models/me/new/versions")["results"] == []
    assert zoo.ask("GET", "/v1/models/me/new", by="org").status == 404
    assert zoo.ask("POST", "/v1/models", body=body).status == 409
    assert zoo.ask("POST", "/v1/models", body=body, by="org").status == 403
    assert zoo.ask("POST", "/v1/models", body={"name": "x"}).status == 422
    assert zoo.ask("DELETE", "/v1/models/me/new").status == 204
    assert zoo.ask("GET", "/v1/models/me/new").status == 404
    assert zoo.ask("POST", "/v1/models", body={**body, "visibility": "public"}).status == 201
    assert zoo.get("/v1/models")["results"] == []
    assert zoo.ask("DELETE", "/v1/models/me/new").status == 403
    version = zoo.model("me/new")
    assert zoo.get("/v1/models")["results"][0]["latest_version"]["id"] == version


# What is sent

INPUTS = {
    "prompt": Input("string", min_length=2, max_length=5, pattern="^[a-z]+$"),
    "steps": Input("integer", default=20, minimum=1, maximum=50),
    "scale": Input("number", default=7.5),
    "mode": Input("string", default="fast", choices=("fast", "slow")),
    "image": Input("file", required=False),
    "tags": Input("array", required=False),
    "tiled": Input("boolean", default=False),
}


@pytest.mark.parametrize(
    ("sent", "kind", "field", "description"),
    [
        ({}, "required", "input", "prompt is required"),
        ({"prompt": 3}, "invalid_type", "input.prompt", "Invalid type. Expected: string, given: integer"),
        ({"prompt": None}, "invalid_type", "input.prompt", "Invalid type. Expected: string, given: null"),
        ({"prompt": "a"}, "string_gte", "input.prompt", "String length must be greater than or equal to 2"),
        ({"prompt": "abcdef"}, "string_lte", "input.prompt", "String length must be less than or equal to 5"),
        ({"prompt": "AB"}, "pattern", "input.prompt", "Does not match pattern '^[a-z]+$'"),
        ({"prompt": "ab", "steps": 0}, "number_gte", "input.steps", "Must be greater than or equal to 1"),
        ({"prompt": "ab", "steps": 51}, "number_lte", "input.steps", "Must be less than or equal to 50"),
        (
            {"prompt": "ab", "steps": 2.5},
            "invalid_type",
            "input.steps",
            "Invalid type. Expected: integer, given: number",
        ),
        (
            {"prompt": "ab", "steps": True},
            "invalid_type",
            "input.steps",
            "Invalid type. Expected: integer, given: boolean",
        ),
        (
            {"prompt": "ab", "mode": "x"},
            "enum",
            "input.mode",
            'input.mode must be one of the following: "fast", "slow"',
        ),
        ({"prompt": "ab", "image": "/tmp/x"}, "format", "input.image", "Does not match format 'uri'"),
        (
            {"prompt": "ab", "tags": ["a", 1]},
            "invalid_type",
            "input.tags.1",
            "Invalid type. Expected: string, given: integer",
        ),
    ],
)
def test_a_wrong_input_is_told_field_by_field(
    zoo: Zoo, sent: dict[str, Any], kind: str, field: str, description: str
) -> None:
    """Nothing runs; the body names each field, what is wrong with it, and says so once more as text."""
    version = zoo.model(inputs=INPUTS)
    answer = zoo.ask("POST", "/v1/predictions", body={"version": version, "input": sent})
    assert answer.status == 422
    body = told(answer)
    assert body["title"] == "Input validation failed"
    assert body["invalid_fields"] == [{"type": kind, "field": field, "description": description}]
    assert body["detail"] == f"- {field}: {description}\n"
    assert zoo.runs.all() == ()


def test_defaults_are_filled_in_and_strangers_passed_over() -> None:
    """A model sees the defaults of what was not sent, and nothing that it does not know."""
    sent = {"prompt": "ab", "scale": 3, "steps": 2.0, "unknown": 1}
    assert check(sent, INPUTS) == []
    assert complete(sent, INPUTS) == {"steps": 2.0, "scale": 3, "mode": "fast", "tiled": False, "prompt": "ab"}


def test_members_that_are_not_known_are_refused(zoo: Zoo) -> None:
    """The body of a creation has its version, and nothing that the API does not know."""
    version = zoo.model()
    answer = zoo.ask("POST", "/v1/predictions", body={"model": "acme/tiny", "input": {}})
    assert [row["description"] for row in told(answer)["invalid_fields"]] == [
        "version is required",
        "Additional property model is not allowed",
    ]
    assert zoo.ask("POST", "/v1/predictions", body={"version": version, "input": []}).status == 422
    assert zoo.ask("POST", "/v1/predictions", body=b"{").status == 400
    assert zoo.ask("POST", "/v1/predictions", body=[]).status == 400
    more = {"webhook": "https://example.org", "stream": True, "input": {"prompt": "x"}, "version": version}
    assert zoo.ask("POST", "/v1/predictions", body=more).status == 201


def test_uploads_become_inputs(zoo: Zoo) -> None:
    """A file is kept a day for the one who sent it; a model reads it by its URL, and data URIs as well."""
    kind, body = multipart(b"\r\n--edgy\x00\xff\r\n", "a b.png", "image/png", metadata='{"a": 1}')
    upload = told(zoo.ask("POST", "/v1/files", body=body, content_type=kind))
    assert (upload["name"], upload["content_type"], upload["metadata"]) == ("a b.png", "image/png", {"a": 1})
    assert zoo.get(f"/v1/files/{upload['id']}") == upload
    assert zoo.ask("GET", f"/v1/files/{upload['id']}", by="org").status == 404
    read: list[bytes] = []
    inputs = {"image": Input("file")}
    version = zoo.model(inputs=inputs, run=lambda job: read.append(job.read("image")))
    for url in (upload["urls"]["get"], "data:text/plain;base64,YWI=", "data:,a%20b"):
        assert zoo.ended(zoo.create(version, {"image": url}))["status"] == "succeeded"
    assert read == [b"\r\n--edgy\x00\xff\r\n", b"ab", b"a b"]
    failed = zoo.ended(zoo.create(version, {"image": "https://example.org/x.png"}))
    assert (failed["status"], failed["error"]) == ("failed", "https://example.org/x.png cannot be fetched.")
    assert zoo.ask("DELETE", f"/v1/files/{upload['id']}").status == 204
    assert zoo.ask("GET", f"/v1/files/{upload['id']}").status == 404
    zoo.now += 86400
    assert zoo.get("/v1/files")["results"] == []


def test_uploads_that_are_none(zoo: Zoo) -> None:
    """A body without a file, and metadata that are no object, are refused."""
    assert zoo.ask("POST", "/v1/files", body=b"x", content_type="text/plain").status == 400
    kind, body = multipart(b"x", metadata="[]")
    assert zoo.ask("POST", "/v1/files", body=body, content_type=kind).status == 400
    assert parts_of("multipart/form-data", b"--\r\n\r\n--") == []


def test_an_upload_that_is_too_large(zoo: Zoo) -> None:
    """From 100 MB on a file is refused with 413 and the documented sentence."""
    kind, body = multipart(bytes(100_000_000))
    answer = zoo.ask("POST", "/v1/files", body=body, content_type=kind)
    assert (answer.status, told(answer)["detail"]) == (413, "Files must be less than 100MB in size")


# Running


def test_a_prediction_goes_its_way(zoo: Zoo) -> None:
    """It starts, logs, counts and ends, and everything of it is told."""

    def work(job: Work) -> str:
        job.log("one")
        job.log("two")
        job.count("image_count", 2)
        return str(job.input["prompt"]).upper()

    version = zoo.model(run=work)
    prediction = zoo.create(version, {"prompt": "hi"})
    assert (prediction["status"], prediction["output"], prediction["completed_at"]) == ("starting", None, None)
    ended = zoo.ended(prediction)
    assert (ended["status"], ended["output"], ended["logs"]) == ("succeeded", "HI", "one\ntwo\n")
    assert set(ended["metrics"]) == {"image_count", "predict_time", "total_time"}
    assert ended["input"] == {"prompt": "hi"}
    assert (ended["model"], ended["version"]) == ("acme/tiny", version)
    assert ended["urls"]["get"] == f"{BASE}/v1/predictions/{ended['id']}"
    assert ended["created_at"] == ended["completed_at"] == "2026-09-21T14:13:20.000000Z"


def test_a_prediction_belongs_to_its_account(zoo: Zoo) -> None:
    """Nobody else can read, list or cancel it."""
    prediction = zoo.create(zoo.model())
    assert zoo.ask("GET", f"/v1/predictions/{prediction['id']}", by="org").status == 404
    assert zoo.ask("POST", f"/v1/predictions/{prediction['id']}/cancel", by="org").status == 404
    assert zoo.get("/v1/predictions", by="org")["results"] == []
    assert [row["id"] for row in zoo.get("/v1/predictions")["results"]] == [prediction["id"]]


def test_predictions_are_listed_in_pages() -> None:
    """The newest comes first, and pages lead on."""
    zoo = Zoo(page_size=2)
    try:
        version = zoo.model()
        made = [zoo.create(version)["id"] for _ in range(3)]
        first = zoo.get("/v1/predictions")
        rest = zoo.get(first["next"].removeprefix(BASE))
        assert [row["id"] for row in first["results"] + rest["results"]] == made[::-1]
        assert rest["next"] is None
    finally:
        zoo.shelf.close()


def test_what_the_model_raises_is_the_error(zoo: Zoo) -> None:
    """The prediction fails with the text of it; what it logged and put out before is kept."""

    def work(job: Work) -> Iterator[str]:
        job.log("so far so good")
        yield "a"
        raise RuntimeError("out of tape")

    version = zoo.model(output="tokens", run=work)
    failed = zoo.ended(zoo.create(version))
    assert (failed["status"], failed["error"]) == ("failed", "out of tape")
    assert (failed["output"], failed["logs"]) == (["a"], "so far so good\n")


@pytest.mark.parametrize("ends", ["failed", "canceled", "aborted"])
def test_every_end_can_be_had(zoo: Zoo, ends: str) -> None:
    """A run ends as its owner says."""
    version = zoo.model()
    zoo.owners.course("acme/tiny", ends=ends, error="E1234: no luck")
    ended = zoo.ended(zoo.create(version))
    assert ended["status"] == ends
    assert ended["error"] == ("E1234: no luck" if ends == "failed" else None)
    assert (ended["started_at"] is None) == (ends == "aborted")


def test_one_that_never_ends_can_be_cancelled(zoo: Zoo) -> None:
    """It stays under way until it is cancelled; cancelling once more changes nothing."""
    version = zoo.model()
    zoo.owners.course("acme/tiny", ends="never")
    prediction = zoo.under_way(zoo.create(version))
    assert (prediction["status"], prediction["output"]) == ("processing", None)
    first = told(zoo.ask("POST", f"/v1/predictions/{prediction['id']}/cancel"))
    assert first["status"] == "canceled"
    assert told(zoo.ask("POST", f"/v1/predictions/{prediction['id']}/cancel")) == first


def test_a_cancelled_model_is_told(zoo: Zoo) -> None:
    """A callable that waits is woken when its run is cancelled, and what it returns then is passed over."""
    begun, woken = threading.Event(), threading.Event()

    def work(job: Work) -> str:
        begun.set()
        if job.wait(30) and job.cancelled:
            woken.set()
        return "late"

    prediction = zoo.create(zoo.model(run=work))
    assert begun.wait(10)
    assert told(zoo.ask("POST", f"/v1/predictions/{prediction['id']}/cancel"))["status"] == "canceled"
    assert woken.wait(10)
    assert zoo.ended(prediction)["output"] is None


def test_a_deadline_before_the_start_aborts(zoo: Zoo) -> None:
    """``Cancel-After`` sets a deadline of five seconds at least; before the start it is an abortion, later a cancel."""
    version = zoo.model()
    zoo.owners.course("acme/tiny", boot=30)
    prediction = zoo.create(version, cancel_after="1s")
    assert prediction["deadline"] == "2026-09-21T14:13:25.000000Z"
    zoo.run(prediction).expire()
    assert zoo.ended(prediction)["status"] == "aborted"
    zoo.owners.course("acme/tiny", ends="never")
    running = zoo.under_way(zoo.create(version, cancel_after="1h30m45s"))
    assert running["deadline"] == "2026-09-21T15:44:05.000000Z"
    zoo.run(running).expire()
    assert zoo.ended(running)["status"] == "canceled"


def test_a_create_that_waits_is_told_as_under_way(zoo: Zoo) -> None:
    """What ended well within the wait has its whole output, files as data URIs, and no final state."""
    version = zoo.model(output="files", run=lambda job: [Made(b"abc", "out-0.png")])
    body = {"version": version, "input": {"prompt": "x"}}
    answer = zoo.ask("POST", "/v1/predictions", body=body, prefer="wait")
    assert (answer.status, answer.headers["preference-applied"]) == (201, "wait=60")
    waited = told(answer)
    assert (waited["status"], waited["output"]) == ("processing", ["data:image/png;base64,YWJj"])
    assert "completed_at" not in waited
    ended = zoo.get(f"/v1/predictions/{waited['id']}")
    assert ended["status"] == "succeeded"
    assert zoo.fetch(ended["output"][0]).body == b"abc"
    zoo.owners.course("acme/tiny", settled=True)
    settled = zoo.create(version, prefer="wait=5")
    assert settled["status"] == "succeeded"
    assert settled["output"][0].startswith(BYTES)


def test_a_wait_that_runs_out_is_told(zoo: Zoo) -> None:
    """It is answered with 202 and with where it stands; a failure within the wait is final."""
    version = zoo.model()
    zoo.owners.course("acme/tiny", boot=30)
    body = {"version": version, "input": {"prompt": "x"}}
    answer = zoo.ask("POST", "/v1/predictions", body=body, prefer="wait=1")
    assert (answer.status, told(answer)["status"], told(answer)["output"]) == (202, "starting", None)
    zoo.owners.course("acme/tiny", ends="failed")
    assert zoo.create(version, prefer="wait=5")["status"] == "failed"


def test_another_version_may_run(zoo: Zoo) -> None:
    """The version that is said to have run is another than the one that was asked for, where the owner says so."""
    old, new = reversed(versions(zoo, 2))
    zoo.owners.course("acme/tiny", version=new)
    assert zoo.create(old, {"prompt": "x"})["version"] == new


def test_refusals_of_a_run(zoo: Zoo) -> None:
    """Too many requests and no way to pay are refused before anything runs, as often as was said."""
    version = zoo.model()
    body = {"version": version, "input": {"prompt": "x"}}
    zoo.owners.throttle("acme/tiny", 7, times=2)
    answers = [zoo.ask("POST", "/v1/predictions", body=body) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 201]
    assert told(answers[0])["retry_after"] == 7
    zoo.owners.bill("acme/tiny")
    assert zoo.ask("POST", "/v1/predictions", body=body).status == 402
    zoo.owners.admit("acme/tiny")
    assert zoo.ask("POST", "/v1/predictions", body=body).status == 201
    assert len(zoo.owners.predictions("acme/tiny")) == 2


# What comes of it


def test_output_files_lie_at_the_other_origin(zoo: Zoo) -> None:
    """Each has a URL of its own that needs no token, takes ranges, and is not guessed."""
    version = zoo.model(output="object", run=lambda job: {"mask": b"mask", "image": Made(b"0123456789", "a b.webp")})
    output = zoo.ended(zoo.create(version))["output"]
    answer = zoo.fetch(output["image"])
    assert (answer.body, answer.headers["content-type"]) == (b"0123456789", "image/webp")
    part = zoo.fetch(output["image"], range="bytes=2-3")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"23", "bytes 2-3/10")
    assert zoo.fetch(output["image"], range="bytes=99-").status == 416
    assert zoo.fetch(output["image"], if_none_match=answer.headers["etag"]).status == 304
    assert zoo.fetch(output["mask"]).headers["content-type"] == "application/octet-stream"
    assert zoo.fetch(output["image"].replace("a%20b", "b")).status == 404
    assert zoo.fetch(f"{BYTES}/pbxt/nothing/x.png").status == 404


def test_everything_is_gone_after_its_time() -> None:
    """After an hour input, output, logs, files and stream are removed; the prediction itself stays."""
    zoo = Zoo(link_lifetime=3600.0)
    try:
        prediction = zoo.create(zoo.model(output="file", run=lambda job: b"x"))
        ended = zoo.ended(prediction)
        assert (ended["data_removed"], zoo.fetch(ended["output"]).status) == (False, 200)
        zoo.now = NOW + 3600
        gone = zoo.get(f"/v1/predictions/{ended['id']}")
        assert (gone["data_removed"], gone["input"], gone["output"], gone["logs"]) == (True, {}, None, None)
        assert gone["status"] == "succeeded"
        assert zoo.fetch(ended["output"]).status == 404
        assert zoo.stream(prediction) == ":408: 408 Request Timeout\n\n"
    finally:
        zoo.shelf.close()


def test_outputs_that_are_gone_or_elsewhere(zoo: Zoo) -> None:
    """Owners may let files vanish, whole predictions with them, or have them lie at a foreign host."""
    version = zoo.model(output="file", run=lambda job: b"x")
    zoo.owners.course("acme/tiny", outputs="gone")
    assert zoo.fetch(zoo.ended(zoo.create(version))["output"]).status == 404
    zoo.owners.course("acme/tiny", outputs="removed")
    assert zoo.ended(zoo.create(version))["data_removed"] is True
    zoo.owners.course("acme/tiny", outputs="http://127.0.0.1:9")
    assert zoo.ended(zoo.create(version))["output"].startswith("http://127.0.0.1:9/pbxt/")


def test_a_stream_tells_output_and_logs(zoo: Zoo) -> None:
    """Lines of a text are lines of data, each event has an id, and one can go on after any of them."""

    def work(job: Work) -> Iterator[str]:
        job.log("begun")
        yield "a\n"
        yield "\n"
        yield " b"

    prediction = zoo.create(zoo.model(output="tokens", run=work))
    events = zoo.stream(prediction).split("\n\n")
    second = int(NOW)
    assert events == [
        f"event: logs\nid: {second}:0\ndata: begun\ndata: ",
        f"event: output\nid: {second}:1\ndata: a\ndata: ",
        f"event: output\nid: {second}:2\ndata: \ndata: ",
        f"event: output\nid: {second}:3\ndata:  b",
        "event: done\ndata: {}",
        "",
    ]
    rest = zoo.stream(prediction, last_event_id=f"{second}:2").split("\n\n")
    assert rest == events[3:]


@pytest.mark.parametrize(
    ("ends", "last"),
    [
        ("failed", ['event: error\ndata: {"detail": "CUDA out of memory."}', 'event: done\ndata: {"reason":"error"}']),
        ("canceled", ['event: done\ndata: {"reason":"canceled"}']),
    ],
)
def test_a_stream_tells_how_it_ended(zoo: Zoo, ends: str, last: list[str]) -> None:
    """A failure is an error and then the end of the stream; a cancel is the end with its reason."""
    version = zoo.model()
    zoo.owners.course("acme/tiny", ends=ends)
    events = zoo.stream(zoo.create(version)).split("\n\n")
    assert events[1:-1] == last


def test_streams_that_go_wrong(zoo: Zoo) -> None:
    """They end early, have no ids, tell of something that nobody knows, or are not there."""
    version = zoo.model(output="tokens", run=lambda job: iter("abc"))
    zoo.owners.course("acme/tiny", stream_events=2)
    cut = zoo.stream(zoo.create(version))
    assert cut.count("event: output") == 2
    assert "done" not in cut
    zoo.owners.course("acme/tiny", stream_ids=False, stream_news="warmth")
    odd = zoo.stream(zoo.create(version))
    assert odd.startswith("event: warmth\ndata: {}\n\n")
    assert "id:" not in odd
    zoo.owners.course("acme/tiny", streams=False)
    prediction = zoo.create(version)
    assert "stream" not in prediction["urls"]
    assert zoo.fetch(f"{BYTES}/pbxt/v1/streams/{zoo.run(prediction).key}").status == 404


def test_a_stream_names_files_by_their_urls(zoo: Zoo) -> None:
    """Each file is an event with the URL that the prediction tells too; other values are JSON."""
    version = zoo.model(output="files", run=lambda job: [Made(b"1", "a.png"), Made(b"2", "b.png")])
    prediction = zoo.create(version)
    output = zoo.ended(prediction)["output"]
    assert [line[6:] for line in zoo.stream(prediction).splitlines() if line.startswith("data: http")] == output
    zoo.owners.offer("acme/tiny", output="object", run=lambda job: {"n": 1, "files": [Made(b"1", "a.png")]})
    told_ = zoo.stream(zoo.create(version))
    assert 'data: {"n": 1, "files": ["http://bytes:2/pbxt/' in told_


def test_a_folder_on_disk_is_hosted_too(tmp_path: Path) -> None:
    """Models of a folder are there as they lie, with a prompt that they return."""
    (tmp_path / "acme" / "plain").mkdir(parents=True)
    (tmp_path / "acme" / "plain" / "README.md").write_text("# Plain\n", "utf-8")
    zoo = Zoo(tmp_path)
    try:
        version = zoo.owners.version("acme/plain")
        schema = zoo.get("/v1/models/acme/plain")["latest_version"]["openapi_schema"]["components"]["schemas"]
        assert schema["Input"]["required"] == ["prompt"]
        assert schema["Output"] == {"title": "Output", "type": "string"}
        assert zoo.ended(zoo.create(version, {"prompt": "echo"}))["output"] == "echo"
        with pytest.raises(LookupError, match="no model"):
            zoo.owners.version("acme/none")
        with pytest.raises(LookupError, match="1 versions"):
            zoo.owners.version("acme/plain", 1)
    finally:
        zoo.shelf.close()
