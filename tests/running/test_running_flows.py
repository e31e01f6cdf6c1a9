"""Runs at Replicate as flows: what is sent, what is believed, and what is made of it; no socket."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from runzoo import API, ID, OTHER, STREAM, VERSION, Api, prediction, record

from zooclient.errors import (
    AccessError,
    Cancelled,
    ConfigError,
    IntegrityError,
    NetworkError,
    NotFound,
    ProtocolError,
    Unsupported,
    ZooError,
)
from zooclient.net.exchange import Parting, replay
from zooclient.providers.further import HostsModels, TrainsModels
from zooclient.providers.replicate.provider import Replicate
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref
from zooclient.records.run import Run, RunEvent, RunRequest, file_name

FILE = {"type": "string", "format": "uri"}
TOKENS = {
    "type": "array",
    "items": {"type": "string"},
    "x-cog-array-type": "iterator",
    "x-cog-array-display": "concatenate",
}


def ran(api: Api, model: ModelRecord | None = None, told: list[RunEvent] | None = None, **asked: Any) -> Run:
    """A run with a prompt, or with what is asked."""
    asked.setdefault("inputs", {"prompt": "hi"})
    request = RunRequest(**asked)
    tell = None if told is None else told.append
    return replay(Replicate().run(model or record(), request, told=tell), api)


def trained(api: Api, model: ModelRecord, destination: str | None = "replicate:me/mine", **inputs: Any) -> Run:
    """A training."""
    aim = None if destination is None else Ref.parse(destination)
    return replay(Replicate().train(model, RunRequest(inputs=inputs, destination=aim)), api)


def test_replicate_hosts_and_trains() -> None:
    """It fulfils the protocols of a zoo that runs and trains models."""
    assert isinstance(Replicate(), HostsModels)
    assert isinstance(Replicate(), TrainsModels)


# -- what is sent -------------------------------------------------------------------------------


def test_a_version_is_run_by_its_id_and_waited_for() -> None:
    """One question, answered when it is over: version and input and nothing else, since the API refuses the rest."""
    api = Api(prediction(metrics={"predict_time": 1.5, "odd": "x"}, source="api"))
    run = ran(api)
    assert api.asked == ["POST /v1/predictions"]
    assert api.sent() == {"version": VERSION, "input": {"prompt": "hi"}}
    assert api.requests[0].headers == {"Content-Type": "application/json", "Prefer": "wait=60"}
    assert api.requests[0].wait == 60
    assert (run.status, run.output, run.id, run.version) == ("succeeded", "hello", ID, VERSION)
    assert (run.metrics, run.extra["source"]) == ({"predict_time": 1.5}, "api")
    assert run.inputs == {"prompt": "hi"}
    assert run.created_at is not None
    assert run.url == f"https://replicate.com/p/{ID}"
    assert run.problems == ()
    assert Run.from_dict(run.to_dict()) == run


def test_an_official_model_is_run_by_its_name() -> None:
    """It has no version: the question names none, and what is said to have run is no mismatch."""
    api = Api(prediction(version="hidden"))
    run = ran(api, record(official=True))
    assert api.asked == ["POST /v1/models/acme/tiny/predictions"]
    assert api.sent() == {"input": {"prompt": "hi"}}
    assert (run.version, run.problems) == ("hidden", ())


@pytest.mark.parametrize(
    ("deadline", "headers"),
    [
        (3, {"Prefer": "wait=3", "Cancel-After": "5s"}),
        (12.4, {"Prefer": "wait=13", "Cancel-After": "13s"}),
        (600, {"Prefer": "wait=60", "Cancel-After": "600s"}),
    ],
)
def test_a_deadline_is_the_zoo_s_too(deadline: float, headers: Mapping[str, str]) -> None:
    """The zoo is told when to give up, five seconds at the least, and is not waited for longer than that."""
    api = Api(prediction())
    ran(api, deadline=deadline)
    assert api.requests[0].headers == {"Content-Type": "application/json", **headers}


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "prompt: it is required"),
        ({"prompt": 7}, "prompt: it is to be a string"),
        ({"prompt": "hi", "steps": "20"}, "steps: it is to be an integer"),
        ({"prompt": "hi", "steps": True}, "steps: it is to be an integer"),
        ({"prompt": "hi", "image": "cat.png"}, "image: it is a file"),
        ({"prompt": "hi", "image": Path("/does/not/exist")}, "image cannot be read"),
        ({"prompt": "hi", "image": io.StringIO("text")}, "image is open as text"),
        ({"prompt": "hi", "image": io.BytesIO(bytes(100_000_000))}, "less than 100 MB"),
        ({"prompt": "hi", "stepps": 1}, "steps is near"),
    ],
)
def test_what_does_not_fit_is_never_sent(inputs: dict[str, Any], said: str) -> None:
    """Wrong types, a missing input, an unknown one, a file that is none or too large: nothing is billed."""
    api = Api(prediction())
    with pytest.raises(ConfigError) as caught:
        ran(api, record(steps={"type": "integer"}, image={**FILE, "default": None}), inputs=inputs)
    assert said in caught.value.message
    assert api.requests == []


def test_small_files_are_written_into_the_question(tmp_path: Path) -> None:
    """A small file costs no request; an address is passed on; the record tells a file by name, size and sha256."""
    (tmp_path / "cat.png").write_bytes(b"png")
    api = Api(prediction())
    model = record(image=FILE, more={"type": "array", "items": FILE})
    inputs = {"prompt": "hi", "image": tmp_path / "cat.png", "more": [b"a", "https://example.org/b.png"]}
    run = ran(api, model, inputs=inputs)
    assert api.sent()["input"] == {
        "prompt": "hi",
        "image": "data:image/png;base64,cG5n",
        "more": ["data:application/octet-stream;base64,YQ==", "https://example.org/b.png"],
    }
    assert run.inputs["image"]["file"] == "cat.png"
    assert run.inputs["image"]["size"] == 3
    assert run.inputs["image"]["sha256"] == hashlib.sha256(b"png").hexdigest()
    assert run.inputs["more"][1] == "https://example.org/b.png"


def _upload(content: bytes, **changes: Any) -> dict[str, Any]:
    told = {
        "id": "f1",
        "checksums": {"sha256": hashlib.sha256(content).hexdigest()},
        "urls": {"get": f"{API}/v1/files/f1"},
    }
    return {key: value for key, value in {**told, **changes}.items() if value is not ...}


def test_larger_files_are_sent_ahead() -> None:
    """A larger file goes to /files first, and its address into the question; the digest of what arrived is checked."""
    content = bytes(200_000)
    odd = io.BytesIO(content)
    odd.name = 'a "b"\r\n%.png'
    api = Api(_upload(content), prediction())
    ran(api, record(image=FILE), inputs={"prompt": "hi", "image": odd})
    assert api.asked == ["POST /v1/files", "POST /v1/predictions"]
    head = (api.requests[0].content or b"")[:300]
    assert b'name="content"; filename="a %22b%22%0D%0A%25.png"\r\nContent-Type: image/png\r\n\r\n' in head
    assert api.sent(1)["input"]["image"] == f"{API}/v1/files/f1"


def test_a_file_that_arrived_changed_is_not_run() -> None:
    """Another digest is an IntegrityError, none is told, and no address is a ProtocolError; nothing is run."""
    content, inputs = bytes(200_000), {"prompt": "hi", "image": bytes(200_000)}
    api = Api(_upload(b"other"))
    with pytest.raises(IntegrityError, match="arrived with"):
        ran(api, record(image=FILE), inputs=inputs)
    assert api.asked == ["POST /v1/files"]
    with pytest.raises(ProtocolError):
        ran(Api(_upload(content, urls={})), record(image=FILE), inputs=inputs)
    run = ran(Api(_upload(content, checksums=...), prediction()), record(image=FILE), inputs=inputs)
    assert "told no sha256" in run.problems[0]


def test_an_upload_whose_answer_is_lost_is_sent_again() -> None:
    """A file that was sent twice costs nothing, unlike a run."""
    content = bytes(200_000)
    api = Api(NetworkError("silence"), _upload(content), prediction())
    ran(api, record(image=FILE), inputs={"prompt": "hi", "image": content})
    assert api.asked == ["POST /v1/files", "POST /v1/files", "POST /v1/predictions"]


def test_a_secret_is_sent_and_not_told() -> None:
    """The record of a run holds no secret, neither by name nor by value."""
    api = Api(prediction(input={}))
    run = ran(api, record(key={"type": "string", "x-cog-secret": True}), inputs={"prompt": "hi", "key": "sesame"})
    assert api.sent()["input"]["key"] == "sesame"
    assert "sesame" not in str(run.to_dict())
    assert "key" not in run.inputs


def test_a_model_that_does_not_tell_what_it_takes() -> None:
    """Its inputs go as they are, and that is told; what JSON cannot say is refused."""
    model = evolve(record(), schema=None)
    run = ran(Api(prediction(output=["a", "https://example.org/x.png"])), model, inputs={"anything": [1], "not": None})
    assert run.inputs == {"anything": [1]}
    assert "were not checked" in run.problems[0]
    assert (run.output, run.files) == (["a", "https://example.org/x.png"], ())
    with pytest.raises(ConfigError, match="JSON cannot say a set"):
        ran(Api(prediction()), model, inputs={"anything": {1, 2}})


@pytest.mark.parametrize("asked", [{"task": "chat"}, {"served_by": "somebody"}, {"deadline": 0}, {"deadline": -1.0}])
def test_what_has_no_meaning_here_is_refused(asked: dict[str, Any]) -> None:
    """Replicate runs a model itself, for its one task."""
    api = Api(prediction())
    with pytest.raises(ConfigError):
        ran(api, **asked)
    assert api.requests == []


def test_a_model_without_any_version_is_not_run() -> None:
    """Nothing was pushed to it, so there is nothing to run, and nobody is asked."""
    bare = record()
    bare = evolve(bare, ref=bare.ref.at(None), pin="none")
    api = Api(prediction())
    with pytest.raises(Unsupported, match="without any version"):
        ran(api, bare)
    assert api.requests == []


# -- what is believed ---------------------------------------------------------------------------


def test_processing_with_an_output_is_not_over() -> None:
    """With its whole output there, a run that is said to be under way is asked about, once where it is over."""
    api = Api(prediction("processing", output="hel"), prediction(output="hello"))
    assert ran(api).output == "hello"
    assert api.asked == ["POST /v1/predictions", f"GET /v1/predictions/{ID}"]


def test_a_run_is_looked_at_until_it_is_over() -> None:
    """Its address is made of its id, and never the one that an answer names."""
    urls = {"get": "https://evil.example/v1/predictions/x", "cancel": "https://evil.example/c"}
    api = Api(prediction("starting", None, urls=urls), *[prediction("processing", None)] * 3, prediction())
    assert ran(api).status == "succeeded"
    assert api.asked[1:] == [f"GET /v1/predictions/{ID}"] * 4


@pytest.mark.parametrize("status", ["failed", "canceled", "aborted"])
def test_every_end_ends_it(status: str) -> None:
    """A run that did not end well is told as it is, with its error and its logs."""
    run = ran(Api(prediction(status, None, error="CUDA out of memory", logs="loading\n")))
    assert (run.status, run.ended, run.error, run.logs) == (status, True, "CUDA out of memory", "loading\n")


def test_one_that_never_ends_is_cancelled() -> None:
    """There is a bound for whoever named no deadline; then it is cancelled at the zoo and told."""
    api = Api(prediction("processing", None))
    with pytest.raises(NetworkError, match="did not end within 7200 seconds, and was cancelled"):
        ran(api)
    assert api.asked[-1] == f"POST /v1/predictions/{ID}/cancel"


def test_another_version_than_asked_for_is_told() -> None:
    """The zoo may run a newer version in place of the one that was asked for; that is a problem of the run."""
    run = ran(Api(prediction(version=OTHER)))
    assert run.problems == (f"Version {VERSION} was asked for, and {OTHER} ran.",)
    assert (run.version, run.ref.revision) == (OTHER, VERSION)


def test_removed_data_is_told() -> None:
    """A run of which the zoo keeps nothing any more says so."""
    assert "has removed" in ran(Api(prediction(output=None, data_removed=True))).problems[0]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (prediction("dreaming"), ProtocolError),
        (prediction(id="other"), IntegrityError),
        ([1], ProtocolError),
    ],
)
def test_an_odd_answer_about_a_run_is_refused(answer: Any, kind: type[ZooError]) -> None:
    """Another status, another run, no object: told, and the hint names the run that goes on."""
    with pytest.raises(kind):
        ran(Api(prediction("processing", None), answer))


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (402, {"title": "Billing required", "detail": "Set up billing"}, AccessError, "Billing required"),
        (
            422,
            {
                "title": "Input validation failed",
                "detail": "- input.steps: too many\n- input: seed is required\n",
                "invalid_fields": [
                    {"type": "number_lte", "field": "input.steps", "description": "too many"},
                    {"type": "required", "field": "input", "description": "seed is required"},
                ],
            },
            ConfigError,
            "input.steps too many; input seed is required",
        ),
        (422, {"title": "Invalid version or not permitted"}, AccessError, "not permitted"),
        (401, {"title": "Unauthenticated"}, AccessError, "token"),
        (404, {"detail": "gone"}, NotFound, "gone"),
    ],
)
def test_a_refused_question_says_what_to_do(status: int, body: Any, kind: type[ZooError], said: str) -> None:
    """Each refusal is the error to act on, with each field named; nothing is asked again."""
    api = Api((status, body))
    with pytest.raises(kind) as caught:
        ran(api)
    assert said in caught.value.message
    assert len(api.requests) == 1
    if status == 402:
        assert isinstance(caught.value, AccessError)
        assert caught.value.access_url == "https://replicate.com/account/billing"


# -- an answer that is lost ---------------------------------------------------------------------


def _listed(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"next": None, "previous": None, "results": list(runs)}


MINE = prediction("processing", None, created_at="2026-11-25T03:00:05.1Z")


@pytest.mark.parametrize(
    "lost", [NetworkError("silence"), (502, b"<html>"), (504, b""), (200, b"<html>a page</html>")], ids=str
)
def test_a_run_whose_answer_is_lost_is_found_again(lost: Any) -> None:
    """It is not asked for again: among the recent runs there is one of that version with those inputs, made since."""
    others = [
        prediction(id="older", created_at="2026-11-25T02:00:00Z"),
        prediction(id="another", created_at="2026-11-25T03:00:05.1Z", version=OTHER),
        prediction(id="different", created_at="2026-11-25T03:00:05.1Z", input={"prompt": "ho"}),
    ]
    api = Api(lost, _listed(others[1], MINE, *others), prediction())
    run = ran(api)
    assert api.asked == ["POST /v1/predictions", "GET /v1/predictions", f"GET /v1/predictions/{ID}"]
    assert (run.id, run.status) == (ID, "succeeded")
    assert "was found again" in run.problems[0]


@pytest.mark.parametrize(
    "recent",
    [
        [_listed()],
        [_listed(MINE, {**MINE, "id": "twin"})],
        [NetworkError("still silent")],
        [(500, b"")],
        [_listed("odd", {"id": 1})],  # type: ignore[arg-type]
    ],
    ids=["none", "two", "silence", "broken", "odd"],
)
def test_where_it_cannot_be_told_the_doubt_is(recent: list[Any]) -> None:
    """None is ours, two might be, nobody answers: the caller is told where to look before anything is billed twice."""
    api = Api(NetworkError("The line is cut."), *recent)
    with pytest.raises(NetworkError, match=r"not known whether the run .* was created: The line is cut") as caught:
        ran(api)
    assert "replicate.com/predictions" in (caught.value.hint or "")
    assert sum(asked.startswith("POST") for asked in api.asked) == 1


def test_what_was_never_sent_is_no_doubt() -> None:
    """Where no connection could be made nothing was created, and nobody is asked what became of it."""
    refused = NetworkError("refused")
    refused.sent = False
    api = Api(refused)
    with pytest.raises(NetworkError, match=r"^refused$"):
        ran(api)
    assert len(api.requests) == 1


def test_an_official_run_is_found_by_its_model() -> None:
    """It has no version to know it by."""
    found = {**MINE, "model": "Acme/Tiny", "version": "hidden"}
    api = Api(NetworkError("silence"), _listed({**found, "id": "x", "model": "acme/other"}, found), prediction())
    assert ran(api, record(official=True)).id == ID


# -- leaving ------------------------------------------------------------------------------------


def _left(api: Api, at: int) -> list[str]:
    """What is said when a run is left at the n-th question."""
    flow, number, parting = Replicate().run(record(), RunRequest(inputs={"prompt": "hi"})), 0, None
    ask: Any = next(flow)
    while True:
        if isinstance(ask, Parting):
            parting = ask
            ask = flow.send(None)
        elif hasattr(ask, "run"):
            ask = flow.send(ask.run())
        elif number == at:
            break
        else:
            number += 1
            ask = flow.send(api(ask))
    with pytest.raises(Cancelled) as caught:
        flow.throw(Cancelled("Cancelled."))
    assert "Replicate is asked to cancel" in (caught.value.hint or "")
    assert parting is not None
    assert parting.leave is not None
    before = len(api.asked)
    replay(parting.leave(), api)
    return api.asked[before:]


def test_who_leaves_has_the_run_cancelled() -> None:
    """Where its id is known it is cancelled by that; where the answer never came it is looked for first."""
    assert _left(Api(prediction("processing", None)), 1) == [f"POST /v1/predictions/{ID}/cancel"]
    assert _left(Api(_listed(MINE), {}), 0) == ["GET /v1/predictions", f"POST /v1/predictions/{ID}/cancel"]
    assert _left(Api(_listed({**MINE, "status": "succeeded"})), 0) == ["GET /v1/predictions"]
    assert _left(Api(_listed(MINE, {**MINE, "id": "twin"})), 0) == ["GET /v1/predictions"]


def test_a_listener_that_fails_has_the_run_cancelled() -> None:
    """Who was told and cannot go on does not wait for the rest, so that nobody pays for it."""
    api = Api(prediction("starting", None), prediction("processing", None))

    def told(event: RunEvent) -> None:
        if event.text == "processing":
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        replay(Replicate().run(record(), RunRequest(inputs={"prompt": "hi"}), told=told), api)
    assert api.asked[-1] == f"POST /v1/predictions/{ID}/cancel"


# -- streams ------------------------------------------------------------------------------------


def _stream(*texts: str, ids: bool = True, end: str = "event: done\ndata: {}\n\n") -> bytes:
    blocks = [f"event: output\n{f'id: 1:{n}' if ids else ''}\ndata: {text}\n\n" for n, text in enumerate(texts)]
    return ("".join(blocks).replace("\n\ndata", "\ndata") + end).encode()


URLS = {"get": "x", "stream": STREAM}


def test_a_stream_is_told_as_it_comes() -> None:
    """The stream's own address is listened to without a wait and without a token; the end is looked up."""
    api = Api(
        prediction("starting", None, urls=URLS),
        (200, _stream("he", "llo")),
        prediction(output=["he", "llo"], logs="said hello\n"),
    )
    told: list[RunEvent] = []
    run = ran(api, record(TOKENS), told)
    assert api.requests[1].url == STREAM
    assert api.requests[1].headers["Accept"] == "text/event-stream"
    assert api.requests[1].anonymous
    assert "Prefer" not in api.requests[0].headers
    assert run.output == "hello"
    assert [(event.kind, event.text) for event in told] == [
        ("status", "starting"),
        ("output", "he"),
        ("output", "llo"),
        ("logs", "said hello\n"),
        ("status", "succeeded"),
    ]


@pytest.mark.parametrize(
    "stream",
    [
        (200, _stream("he", ids=False, end="")),
        (200, _stream("he", end="event: output\ndata: unfinis")),
        (200, b"event: hurrah\ndata: {}\n\n" + _stream("he", end="")),
        (200, b"\xef\xbb\xbf" + _stream("he", end=":408: 408 Request Timeout\n\n")),
        (200, _stream("he", end='event: error\ndata: {"detail": "x"}\n\nevent: done\ndata: {"reason":"error"}\n\n')),
        (404, b""),
        NetworkError("cut"),
        (200, b""),
    ],
    ids=["no ids", "cut", "unknown event", "over", "error", "gone", "broken", "empty"],
)
def test_a_stream_that_breaks_is_finished_by_looking(stream: Any) -> None:
    """Whatever becomes of the stream, every piece is told exactly once and the run is whole."""
    api = Api(
        prediction("starting", None, urls=URLS),
        stream,
        prediction("processing", output=["he", "l"]),
        prediction(output=["he", "l", "lo"]),
    )
    told: list[RunEvent] = []
    run = ran(api, record(TOKENS), told)
    assert run.output == "hello"
    assert "".join(event.text or "" for event in told if event.kind == "output") == "hello"


@pytest.mark.parametrize(
    "url", ["http://stream.example/x", "http://127.0.0.1:9/x", "https://10.0.0.7/x", "ftp://x/y", "no address"]
)
def test_a_stream_in_the_clear_is_not_listened_to(url: str) -> None:
    """An answer cannot lead us to plain http, nor to this machine."""
    api = Api(prediction("starting", None, urls={"stream": url}), prediction())
    assert ran(api, told=[]).output == "hello"
    assert all(asked.url.startswith(API) for asked in api.requests)


def test_what_is_no_text_is_told_as_a_value() -> None:
    """Objects and files come as values, each once, from the stream or from a look."""
    objects = record({"type": "array", "items": {"type": "object"}, "x-cog-array-type": "iterator"})
    api = Api(
        prediction("starting", None, urls=URLS),
        (200, _stream('{"a": 1}', "not json", end="")),
        prediction(output=[{"a": 1}, "not json", {"b": 2}]),
    )
    told: list[RunEvent] = []
    ran(api, objects, told)
    assert [event.value or event.text for event in told if event.kind == "output"] == [{"a": 1}, "not json", {"b": 2}]
    told.clear()
    api = Api(prediction("starting", None), prediction(output="https://replicate.delivery/a.png"))
    ran(api, record(FILE), told)
    assert told[1].value == "https://replicate.delivery/a.png"


# -- outputs ------------------------------------------------------------------------------------


def test_files_are_found_by_what_the_model_says() -> None:
    """A text that is an address is a text, and a file is one by its schema, in arrays and objects too."""
    url = "https://replicate.delivery/pbxt/key/out.png"
    assert ran(Api(prediction(output=url))).files == ()
    run = ran(Api(prediction(output=url)), record(FILE))
    assert run.output == {"file": "out.png"}
    assert (run.files[0].name, run.files[0].url, run.files[0].media_type) == ("out.png", url, "image/png")
    array = record({"type": "array", "items": FILE})
    run = ran(Api(prediction(output=[url, url.replace("key", "b"), "data:text/plain,hi"])), array)
    assert [file.name for file in run.files] == ["out.png", "out-2.png", "output-2.txt"]
    shape = {"type": "object", "properties": {"image": FILE, "mask": FILE, "caption": {"type": "string"}}}
    run = ran(Api(prediction(output={"image": url, "mask": None, "caption": url})), record(shape))
    assert run.output == {"image": {"file": "out.png"}, "mask": None, "caption": url}
    assert run.problems == ()
    run = ran(Api(prediction(output="nothing")), record(FILE))
    assert "is said to be a file" in run.problems[0]


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("out.png", "out.png"),
        ("../../.bashrc", "bashrc"),
        ("a/b\\c.tar.gz", "c.tar.gz"),
        ("..", "output"),
        ("", "output"),
        ("run.json", "output-run.json"),
        ("CON.png", "output-CON.png"),
        ("a\x00b\u202egnp.exe", "a_b_gnp.exe"),
        ("x" * 300 + ".png", "x" * 100 + ".png"),
        (".hidden", "hidden"),
        ("Ünï.png", "n_.png"),
    ],
)
def test_a_name_stays_in_its_folder(told: str, name: str) -> None:
    """What a server calls a file is one plain part, and never the record of the run."""
    assert file_name(told) == name


# -- trainings ----------------------------------------------------------------------------------


def test_a_training_makes_a_version() -> None:
    """It is asked about as a training, whatever address the answer names, and its weights are a file."""
    model = record(training={"steps": {"type": "integer"}})
    weights = "https://replicate.delivery/pbxt/k/trained_model.tar"
    done = prediction(output={"version": f"me/mine:{OTHER}", "weights": weights}, input={"steps": 3})
    api = Api(prediction("starting", None), prediction("processing", None), done)
    run = trained(api, model, steps=3)
    assert api.asked == [
        f"POST /v1/models/acme/tiny/versions/{VERSION}/trainings",
        f"GET /v1/trainings/{ID}",
        f"GET /v1/trainings/{ID}",
    ]
    assert api.sent() == {"destination": "me/mine", "input": {"steps": 3}}
    assert "Prefer" not in api.requests[0].headers
    assert run.output == {"version": f"me/mine:{OTHER}", "weights": {"file": "trained_model.tar"}}
    assert (run.task, run.extra["destination"]) == ("train", "replicate:me/mine")


def test_what_cannot_be_trained_costs_nothing() -> None:
    """A model without a training, an input that does not fit, a destination that is none: nothing is sent."""
    api, model = Api(prediction()), record(training={"steps": {"type": "integer"}})
    with pytest.raises(ConfigError, match="cannot be trained"):
        trained(api, record())
    with pytest.raises(ConfigError, match="steps"):
        trained(api, model, steps="many")
    for aim in (None, "hf:me/mine", f"replicate:me/mine@{OTHER}"):
        with pytest.raises(ConfigError, match="destination"):
            trained(api, model, aim)
    with pytest.raises(Unsupported, match="not trained by its name"):
        trained(api, record(official=True, training={}))
    assert api.requests == []
    with pytest.raises(NotFound, match="destination"):
        trained(Api((404, {"detail": "The specified training destination does not exist", "status": 404})), model)
