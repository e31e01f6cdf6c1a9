"""Serving Replicate: every recorded answer's shape against what is served."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from replicate_site import BASE, Zoo, multipart, told
from support import recorded

from zooclient.serve.replicate import said
from zooclient.serve.replicate.hosted import Hosted, Input, Made, Training
from zooclient.serve.replicate.schema import document
from zooclient.testing.replicate import Work

MODELS = ("model_get_sdxl", "model_get_sdxl_2024", "model_get_llama2_70b_chat")
PAGES = {"models_list_page1": "GET", "models_search_llama": "QUERY"}
VERSIONS = ("version_get_sdxl_cog086", "version_get_sdxl_cog095_trainable", "version_get_llama_concatenate")

#: What models are free to choose: each has its own names there.
OPEN = {"input", "output", "metrics", "openapi_schema", "metadata"}


def load(name: str) -> Any:
    return json.loads(recorded("replicate", f"{name}.json").read_text(encoding="utf-8"))


def kind(value: Any) -> str | None:
    """The type of a value as JSON has it; None stands for any, since whatever is not known is null."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "boolean"
    return {str: "text", int: "number", float: "number", list: "list", dict: "object"}[type(value)]


def differences(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Yields what a recorded answer has that the served one has not, or has of another type."""
    if None not in (kind(theirs), kind(ours)) and kind(theirs) != kind(ours) and path.rpartition(".")[2] not in OPEN:
        yield f"{path}: {kind(ours)} in place of {kind(theirs)}"
        return
    if path.rpartition(".")[2] in OPEN:
        return
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for member in theirs:
            if member not in ours:
                yield f"{path}.{member}: missing"
            else:
                yield from differences(theirs[member], ours[member], f"{path}.{member}")
    if isinstance(theirs, list) and isinstance(ours, list) and ours:
        for item in theirs:
            yield from differences(item, ours[0], path)


@pytest.fixture
def zoo() -> Iterator[Zoo]:
    made = Zoo()
    made.model(
        "acme/tiny",
        example=({"prompt": "hi"}, ["https://example.org/out.png"]),
        weights_url="https://huggingface.co/acme/tiny",
        github_url="https://github.com/acme/tiny",
    )
    yield made
    made.shelf.close()


@pytest.mark.parametrize("name", MODELS)
def test_a_model(zoo: Zoo, name: str) -> None:
    """Every member of a recorded model, of its example and of its newest version is served."""
    assert list(differences(load(name), zoo.get("/v1/models/acme/tiny"))) == []


def test_a_model_that_was_just_created(zoo: Zoo) -> None:
    """Every member of the recorded answer to a creation is served, with the same values for the same body."""
    theirs = load("model_create")
    body = {name: theirs[name] for name in ("name", "description", "visibility")}
    answer = zoo.ask("POST", "/v1/models", body={**body, "owner": "me", "hardware": "cpu"})
    ours = told(answer)
    assert answer.status == 201
    assert list(differences(theirs, ours)) == []
    assert {name: ours[name] for name in theirs} == {
        **theirs,
        "owner": "me",
        "url": theirs["url"].replace("test", "me"),
    }


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_models(zoo: Zoo, name: str) -> None:
    """Every member of a recorded page and of the models on it is served."""
    theirs = load(name)
    ours = told(zoo.ask(PAGES[name], "/v1/models", body=b"tiny" if PAGES[name] == "QUERY" else b""))
    assert list(differences(theirs, ours)) == []
    assert theirs["results"]
    assert ours["results"]


@pytest.mark.parametrize("name", VERSIONS)
def test_a_version(zoo: Zoo, name: str) -> None:
    """Every member of a recorded version is served, and its id is of the same form."""
    theirs = load(name)
    ours = zoo.get(f"/v1/models/acme/tiny/versions/{zoo.owners.version('acme/tiny')}")
    assert list(differences(theirs, ours)) == []
    assert len(theirs["id"]) == len(ours["id"]) == 64


def declared(schema: dict[str, Any], title: str) -> dict[str, Input]:
    """The inputs that a recorded document declares, in their order."""
    schemas = schema["components"]["schemas"]
    needed = schemas[title].get("required", [])
    made = {}
    for name, told_ in sorted(schemas[title]["properties"].items(), key=lambda item: item[1]["x-order"]):
        chosen = schemas[name] if "allOf" in told_ else told_
        made[name] = Input(
            "file" if chosen.get("format") == "uri" else chosen["type"],
            default=told_.get("default"),
            required=name in needed,
            description=told_.get("description"),
            minimum=told_.get("minimum"),
            maximum=told_.get("maximum"),
            choices=tuple(chosen.get("enum", ())),
        )
    return made


def without_artefacts(value: Any) -> Any:
    """A document without what the recorder's maintainers put into it."""
    if isinstance(value, dict):
        return {key: without_artefacts(item) for key, item in value.items() if item != "stability-ai/sdxl"}
    return [without_artefacts(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", VERSIONS)
def test_a_document_is_the_one_that_cog_made(name: str) -> None:
    """From the inputs that a recorded version declares, its whole OpenAPI document is made again."""
    theirs = without_artefacts(load(name)["openapi_schema"])
    schemas = theirs["components"]["schemas"]
    trained = "TrainingInput" in schemas
    output = {key: value for key, value in schemas["Output"].items() if key != "title"}
    training = Training(inputs=declared(theirs, "TrainingInput"), run=lambda job, to: {}) if trained else None
    assert document(Hosted(inputs=declared(theirs, "Input"), output=output, training=training)) == theirs


@pytest.mark.parametrize("name", ["prediction_create_starting", "prediction_create_stream_url"])
def test_a_prediction_that_was_just_created(zoo: Zoo, name: str) -> None:
    """Every member of the recorded answers to a creation is served, but for the echo of a deprecated one."""
    theirs = load(name)
    theirs.pop("stream", None)
    ours = zoo.create(zoo.owners.version("acme/tiny"))
    assert list(differences(theirs, ours)) == []
    assert (ours["status"], ours["logs"], ours["error"]) == (theirs["status"], theirs["logs"], theirs["error"])


def test_a_prediction_of_an_official_model(zoo: Zoo) -> None:
    """Every member of the recorded answer is served, and the version is none."""
    theirs = load("official_prediction_create")
    zoo.owners.keep("acme/tiny")
    answer = zoo.ask("POST", "/v1/models/acme/tiny/predictions", body={"input": theirs["input"]})
    assert answer.status == 201
    assert list(differences(theirs, told(answer))) == []
    assert len(told(answer)["version"]) < 64 > len(theirs["version"])


def test_predictions_on_their_way(zoo: Zoo) -> None:
    """Every member of a recorded prediction under way, at its end and cancelled is served."""
    version = zoo.owners.version("acme/tiny")

    logged = threading.Event()

    def work(job: Work) -> Any:
        job.log("  0%|          | 0/1")
        if job.input["prompt"] == "wait":
            logged.set()
        job.wait(0 if job.input["prompt"] == "go" else 30)
        return [Made(b"x", "out-0.png")]

    zoo.owners.offer("acme/tiny", output="files", run=work)
    ended = zoo.ended(zoo.create(version, {"prompt": "go"}))
    assert list(differences(load("prediction_get_succeeded"), ended)) == []
    assert ended["output"][0].endswith("/out-0.png")
    held = zoo.create(version, {"prompt": "wait"})
    assert logged.wait(10)
    now = zoo.get(f"/v1/predictions/{held['id']}")
    theirs = load("prediction_get_processing")
    assert list(differences(theirs, now)) == []
    assert (now["status"], now["logs"].splitlines()[-1][:4]) == (theirs["status"], "  0%")
    cancelled = told(zoo.ask("POST", f"/v1/predictions/{held['id']}/cancel"))
    theirs = load("prediction_cancel_canceled")
    assert list(differences(theirs, cancelled)) == []
    for member in ("status", "logs", "output", "error"):
        assert cancelled[member] == theirs[member]
    assert set(theirs["metrics"]) == set(cancelled["metrics"])


def test_trainings(zoo: Zoo) -> None:
    """Every member of the recorded trainings is served; the one just created leads to a prediction."""
    version = zoo.owners.version("acme/tiny")
    zoo.model("me/mine")
    go = zoo.model("acme/slow")
    zoo.owners.teach("acme/tiny", {"input_images": Input("file")}, lambda job: b"w")
    body = {"destination": "me/mine", "input": {"input_images": "https://example.org/data.zip"}}
    answer = zoo.ask("POST", f"/v1/models/acme/tiny/versions/{version}/trainings", body=body)
    theirs, ours = load("training_create"), told(answer)
    assert answer.status == 201
    assert list(differences(theirs, ours)) == []
    for told_, base in ((theirs, "https://api.replicate.com"), (ours, BASE)):
        assert told_["urls"]["get"] == f"{base}/v1/predictions/{told_['id']}"
    run = zoo.run(ours)
    assert run.stopped.wait(10)
    ended = zoo.get(f"/v1/trainings/{ours['id']}")
    assert list(differences(load("training_get_processing"), ended)) == []
    assert ended["output"]["version"] == f"me/mine:{zoo.owners.version('me/mine')}"
    refused = zoo.ask("POST", f"/v1/models/acme/tiny/versions/{version}/trainings", body={**body, "destination": "a/b"})
    assert told(refused) == load("error_404_training_destination")
    assert zoo.ask("POST", f"/v1/models/acme/slow/versions/{go}/trainings", body=body).status == 422


def test_collections(zoo: Zoo) -> None:
    """Every member of the recorded list and of a recorded collection is served."""
    zoo.owners.collect("text-to-image", "acme/tiny", description="Models that generate images from text prompts")
    theirs = load("collection_get_text_to_image")
    ours = zoo.get("/v1/collections/text-to-image")
    assert list(differences(theirs, ours)) == []
    assert {name: theirs[name] for name in ("name", "slug", "description")}.items() <= ours.items()
    assert list(differences(load("collections_list"), zoo.get("/v1/collections"))) == []


def test_hardware_is_a_bare_list(zoo: Zoo) -> None:
    """The list has no page around it, and every member of its entries."""
    theirs, ours = load("hardware_list"), zoo.get("/v1/hardware")
    assert isinstance(ours, list)
    assert list(differences(theirs, ours)) == []


def test_files(zoo: Zoo) -> None:
    """Every member of a recorded upload is served, by itself and in the list."""
    kind_, body = multipart(b"", "test.txt")
    answer = zoo.ask("POST", "/v1/files", body=body, content_type=kind_)
    theirs = load("file_create")
    assert answer.status == 201
    assert list(differences(theirs, told(answer))) == []
    assert (told(answer)["etag"], told(answer)["checksums"]) == (theirs["etag"], theirs["checksums"])
    assert list(differences(load("file_list"), zoo.get("/v1/files"))) == []


def test_the_documented_search(zoo: Zoo) -> None:
    """Every member of the documented answer is served; models have no schema and no example in it."""
    zoo.owners.collect("tiny-ones", "acme/tiny")
    ours = zoo.get("/v1/search", "query=tiny")
    theirs = load("search_beta_documented_example")
    assert list(differences(theirs, ours)) == []
    assert set(theirs["models"][0]["metadata"]) == set(ours["models"][0]["metadata"])
    assert ours["models"][0]["model"]["latest_version"]["openapi_schema"] == {}
    assert ours["collections"][0]["models"] == ["acme/tiny"]


def test_refusals(zoo: Zoo) -> None:
    """Every recorded refusal has the same status and the same body here."""
    version = zoo.owners.version("acme/tiny")
    body = {"version": version, "input": {"prompt": "hi"}}
    assert told(zoo.ask("POST", "/v1/predictions", body=body, by="nobody")) == load("error_401_unauthenticated")
    zoo.owners.bill("acme/tiny")
    assert told(zoo.ask("POST", "/v1/predictions", body=body)) == load("error_402_billing_required")
    zoo.owners.keep("acme/tiny")
    refused = zoo.ask("POST", "/v1/predictions", body=body)
    assert (refused.status, told(refused)) == (422, load("error_422_version_not_permitted"))
    assert refused.headers["content-type"] == said.absent().headers["content-type"] == "application/problem+json"


def test_a_stream_is_the_documented_one(zoo: Zoo) -> None:
    """The events of a stream stand in the documented form, byte for byte but for the numbers in their ids."""
    theirs = recorded("replicate", "sse_done_documented.txt").read_text(encoding="utf-8")
    zoo.owners.offer("acme/tiny", output="tokens", run=lambda job: iter(["Once upon a time...", "The End."]))
    prediction = zoo.create(zoo.owners.version("acme/tiny"))
    ours = zoo.stream(prediction)
    second = int(zoo.now)
    for before, after in ((f"{second}:0", "1690212292:0"), (f"{second}:1", "1690212293:0")):
        ours = ours.replace(before, after)
    assert ours.strip() == theirs.strip()
