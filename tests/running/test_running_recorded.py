"""Every recorded answer about a run, a training and a file reads as what it tells; and no odd one gets further."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replicate_answers import load
from runzoo import prediction, record
from support import recorded

from zooclient.errors import ZooError
from zooclient.net.events import Event, EventReader
from zooclient.providers.replicate import runs_wire, wire
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref
from zooclient.records.run import Run

SDXL = "39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b"


def sdxl() -> ModelRecord:
    """The model of the recorded runs, at the version that they asked for."""
    answers = wire.Answers(model=load("model_get_sdxl.json"), version=load("version_get_sdxl_cog086.json"))
    return wire.read_record(
        answers, Ref.parse(f"replicate:stability-ai/sdxl@{SDXL}"), endpoint="https://api.replicate.com"
    )


def read(name: str, destination: Ref | None = None) -> Run:
    """A recorded answer as the record of a run."""
    told = load(name)
    return runs_wire.read_run(runs_wire.read_state(told), sdxl(), told["input"], destination, ())


def test_a_recorded_success() -> None:
    """Output, times, measures and logs of a run that went well; its files are found by the schema."""
    run = read("prediction_get_succeeded.json")
    assert (run.id, run.status, run.version) == ("vgcm4plb7tgzlyznry5d5jkgvu", "succeeded", SDXL)
    assert run.output == [{"file": "out-0.png"}]
    assert (run.files[0].url or "").startswith("https://replicate.delivery/pbxt/")
    assert run.files[0].media_type == "image/png"
    assert run.logs.startswith("Using seed: 42069\nPrompt: a studio photo")
    assert run.metrics["predict_time"] > 1
    assert run.created_at is not None and run.completed_at is not None and run.created_at < run.completed_at
    assert (run.problems, run.error) == ((), None)


@pytest.mark.parametrize(
    ("name", "status", "stream"),
    [
        ("prediction_create_starting.json", "starting", None),
        ("prediction_get_processing.json", "processing", None),
        ("prediction_cancel_canceled.json", "canceled", None),
        (
            "prediction_create_stream_url.json",
            "starting",
            "https://streaming-api.svc.us.c.replicate.net/v1/predictions/4awn473bsrztjzlx2b6ufoxkkm",
        ),
        ("official_prediction_create.json", "starting", None),
        ("training_create.json", "starting", None),
        ("training_get_processing.json", "processing", None),
    ],
)
def test_a_recorded_state(name: str, status: str, stream: str | None) -> None:
    """How far each is, whether that is the end, and where it may be listened to."""
    state = runs_wire.read_state(load(name), load(name)["id"])
    assert (state.status, state.over, state.stream) == (status, status == "canceled", stream)
    assert state.page == f"https://replicate.com/p/{state.id}"
    assert read(name).created_at is not None


def test_an_official_run_is_said_to_be_of_an_internal_model() -> None:
    """Its model is another than the one that was asked for, so it is never taken for ours by its name."""
    told = load("official_prediction_create.json")
    assert told["model"] == "replicate-internal/llama-3-8b-instruct-int8-triton"
    ref = Ref.parse("replicate:meta/meta-llama-3-8b-instruct")
    since = datetime(2024, 4, 22, 11, 15, tzinfo=UTC)
    assert runs_wire.ours({"results": [told]}, ref, told["input"], since, "predictions") == []


def test_a_recorded_run_is_known_again() -> None:
    """By its version, its inputs and its time."""
    told = load("prediction_get_succeeded.json")
    created = datetime.fromisoformat(told["created_at"])
    for inputs, since, found in (
        (told["input"], created, 1),
        ({**told["input"], "seed": 1}, created, 0),
        (told["input"], datetime.now(UTC), 0),
    ):
        assert len(runs_wire.ours({"results": [told]}, sdxl().ref, inputs, since, "predictions")) == found


def test_a_recorded_training_s_addresses_lead_elsewhere() -> None:
    """Its answer names the address of a prediction; a training is asked about as one."""
    state = runs_wire.read_state(load("training_create.json"))
    assert "/v1/predictions/" in state.payload["urls"]["get"]
    url = runs_wire.run_url("https://api.replicate.com", "trainings", state.id)
    assert url == "https://api.replicate.com/v1/trainings/wj4is6lbdqqkdepnwpr6v2kuva"
    run = read("training_get_processing.json", Ref.parse("replicate:me/mine"))
    assert (run.task, run.output, run.extra["destination"]) == ("train", None, "replicate:me/mine")


def test_a_recorded_upload() -> None:
    """What stands for a file in the inputs, where the digest is the one that was sent."""
    told = load("file_create.json")
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert runs_wire.upload_address(told, digest) == (told["urls"]["get"], None)
    for one in load("file_list.json")["results"]:
        assert runs_wire.upload_address(one, one["checksums"]["sha256"])[0].startswith(
            "https://api.replicate.com/v1/files/"
        )


def test_the_documented_stream() -> None:
    """The events of the documentation, of which the last has no id of its own."""
    told = EventReader().feed(recorded("replicate", "sse_done_documented.txt").read_bytes() + b"\n")
    assert [(event.kind, event.data) for event in told if isinstance(event, Event)] == [
        ("output", "Once upon a time..."),
        ("output", "The End."),
        ("done", "{}"),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted(prediction())


@given(odd=st.dictionaries(st.sampled_from([*FIELDS, "metrics", "completed_at", "x"]), JSON, max_size=5), kind=JSON)
def test_whatever_a_field_holds(odd: dict[str, Any], kind: Any) -> None:
    """Any value in any field is read as something that can be saved, or is an error of ours."""
    shapes: list[Any] = [None, {"type": "string", "format": "uri"}, {"type": "array", "items": {"type": "string"}}]
    for shape in shapes:
        try:
            state = runs_wire.read_state({**prediction(), **odd})
            run = runs_wire.read_run(state, record(shape), {}, None, ())
        except ZooError:
            continue
        assert Run.from_dict(run.to_dict()) == run
        assert len({file.name for file in run.files}) == len(run.files)
        assert isinstance(state.logs, str)
    with suppress(ZooError):
        runs_wire.upload_address(kind, "0" * 64)
    runs_wire.ours({"results": [kind, odd]}, record().ref, {}, datetime(2000, 1, 1, tzinfo=UTC), "predictions")
