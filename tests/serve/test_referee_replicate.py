"""Replicate's own client against our server, unchanged: what it accepts is the protocol."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zooclient.testing import LocalZoo, Seen
from zooclient.testing.replicate import Input, Made, Work

pytestmark = [
    pytest.mark.official,
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="the client cannot be imported there"),
]

_REFEREE = Path(__file__).with_name("replicatereferee.py")
_WORDS, _PICTURES, _OFFICIAL = "acme/words", "acme/pictures", "acme/official"


def _words(job: Work) -> Iterator[str]:
    job.log("Saying it")
    for letter in job.input["text"]:
        yield f"{letter}\n"
    yield f" x{job.input['times']}"


class Case:
    """One run of the official client, and what it met."""

    def __init__(self, zoo: LocalZoo, seen: dict[str, Any], requests: list[Seen]) -> None:
        self.zoo = zoo
        self.seen = seen
        self.requests = requests


@pytest.fixture(scope="module", params=[False, True], ids=["two-origins", "one-origin"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    pytest.importorskip("replicate", reason="replicate is not installed")
    home = tmp_path_factory.mktemp("home")
    (home / "in.txt").write_bytes(b"0123")
    with LocalZoo(zoos=["replicate"], one_origin=request.param, page_size=2) as zoo:
        for number in range(3):
            zoo.commit(_WORDS, {"README.md": f"# Tiny w\u00f6rds\n\nSays tiny w\u00f6rds.\n{number}\n"})
        for name in (_PICTURES, _OFFICIAL, "acme/endless", "acme/broken", "acme/paid"):
            zoo.commit(name, {"README.md": f"# {name}\n"})
        inputs = {"text": Input("string", description="What to say"), "times": Input("integer", default=2, minimum=1)}
        zoo.replicate.offer(_WORDS, inputs=inputs, output="tokens", run=_words, example=({"text": "a"}, ["a\n"]))
        zoo.replicate.offer(
            _PICTURES,
            inputs={"image": Input("file")},
            output="files",
            run=lambda job: [Made(job.read("image")[::-1], "out-0.txt"), Made(b"second", "out-1.txt")],
        )
        zoo.replicate.keep(_OFFICIAL)
        zoo.replicate.course("acme/endless", ends="never")
        zoo.replicate.offer("acme/broken", official=True)
        zoo.replicate.course("acme/broken", ends="failed", error="no luck")
        zoo.replicate.offer("acme/paid", official=True)
        zoo.replicate.bill("acme/paid")
        zoo.replicate.collect("words", _WORDS, name="Words", description="Models that say words")
        order = {
            "words": _WORDS,
            "version": zoo.replicate.version(_WORDS),
            "pictures": _PICTURES,
            "picture": zoo.replicate.version(_PICTURES),
            "endless": zoo.replicate.version("acme/endless"),
            "official": _OFFICIAL,
            "broken": "acme/broken",
            "paid": "acme/paid",
            "file": str(home / "in.txt"),
        }
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("REPLICATE_")},
            "HOME": str(home),
            "REPLICATE_BASE_URL": zoo.endpoints["replicate"],
            "REPLICATE_API_TOKEN": zoo.tokens["replicate"],
            "REPLICATE_POLL_INTERVAL": "0.02",
            "NO_PROXY": "127.0.0.1",
        }
        ran = subprocess.run(
            [sys.executable, str(_REFEREE)],
            input=json.dumps(order),
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        yield Case(zoo, json.loads(ran.stdout), zoo.requests)


def test_a_model_is_told(case: Case) -> None:
    """Description, newest version, its schema and its example reach the client's own types."""
    model = case.seen["model"]
    assert (model["id"], model["visibility"], model["description"]) == (_WORDS, "public", "Says tiny w\u00f6rds.")
    assert model["latest"] == case.zoo.replicate.version(_WORDS)
    assert model["example"] == ["a\n"]
    assert model["inputs"]["required"] == ["text"]
    assert model["inputs"]["properties"]["times"]["minimum"] == 1


def test_lists_and_searches_find_the_models(case: Case) -> None:
    """The list is whole after all its pages, and the search with its own HTTP method finds what is asked for."""
    assert sorted(case.seen["listed"]) == sorted(case.zoo.names())
    assert case.seen["searched"] == [_WORDS]
    assert case.seen["collections"] == {"official": "Official models", "words": "Words"}
    assert case.seen["collection"] == [_WORDS]
    assert [seen.body.decode() for seen in case.requests if seen.method == "QUERY"] == ["tiny w\u00f6rds"]


def test_the_first_page_of_versions(case: Case) -> None:
    """It reads one page, newest first, and single versions by their ids."""
    assert case.seen["versions"] == [case.zoo.replicate.version(_WORDS, number) for number in range(2)]
    assert case.seen["errors"]["versions"]["status"] == 404


def test_a_prediction_is_polled_to_its_end(case: Case) -> None:
    """What it holds at the end is what the model was told to do, and a later look shows the same."""
    prediction = case.seen["prediction"]
    assert prediction == case.seen["again"]
    assert (prediction["status"], prediction["error"], prediction["logs"]) == ("succeeded", None, "Saying it\n")
    assert prediction["output"] == ["n\n", "o\n", "w\n", " x2"]
    assert prediction["input"] == {"text": "now"}
    assert (prediction["model"], prediction["version"]) == (_WORDS, case.zoo.replicate.version(_WORDS))
    assert prediction["metrics"] == ["predict_time", "total_time"]
    (run,) = [run for run in case.zoo.replicate.predictions(_WORDS) if run.id == prediction["id"]]
    assert dict(run.order.input) == {"text": "now", "times": 2}


def test_a_prediction_is_cancelled_and_listed(case: Case) -> None:
    """A cancel ends one that would never end; the list has the newest first and leads on."""
    assert case.seen["cancelled"] == "canceled"
    assert case.seen["predictions"] == case.seen["made"][::-1]
    assert case.zoo.replicate.predictions("acme/endless")[0].state.status == "canceled"


def test_run_returns_the_output(case: Case) -> None:
    """Waited for, polled, and of an official model: the output is the same, and in the type of the schema."""
    assert case.seen["run"] == case.seen["polled"] == ["a\n", "b\n", " x2"]
    assert case.seen["official"] == "hi"


def test_a_stream_is_read_event_by_event(case: Case) -> None:
    """Logs and pieces come in order, with their line breaks, and then the end."""
    assert case.seen["streamed"] == [
        ["logs", "Saying it\n"],
        ["output", "a\n"],
        ["output", "b\n"],
        ["output", " x2"],
        ["done", "{}"],
    ]
    assert [name.rpartition(":")[2] for name in case.seen["ids"]] == ["0", "1", "2", "3", "3"]


def test_files_go_both_ways(case: Case) -> None:
    """An upload is kept, listed and deleted; as an input it is read by the model, and so is a data URI."""
    digest = hashlib.sha256(b"0123").hexdigest()
    assert case.seen["upload"] == {"name": "in.txt", "size": 4, "sha256": digest}
    assert (case.seen["uploads"], case.seen["metadata"], case.seen["deleted"]) == (True, {"of": "mine"}, True)
    assert case.seen["by_upload"] == ["3210", "second"]
    assert case.seen["by_data"] == ["cba", "second"]


def test_refusals_become_its_errors(case: Case) -> None:
    """Each refusal reaches it as what it is."""
    errors = case.seen["errors"]
    assert (errors["model"]["status"], errors["model"]["title"]) == (404, None)
    assert (errors["token"]["status"], errors["token"]["title"]) == (401, "Unauthenticated")
    assert errors["input"]["detail"] == "- input.text: Invalid type. Expected: string, given: integer\n"
    assert (errors["version"]["status"], errors["version"]["title"]) == (422, "Invalid version or not permitted")
    assert errors["failed"] == {"error": "ModelError", "message": "no luck"}
    assert errors["stream"] == {"error": "RuntimeError", "message": '{"detail": "no luck"}'}
    assert (errors["paid"]["status"], errors["paid"]["title"]) == (402, "Billing required")


def test_the_account_and_the_hardware(case: Case) -> None:
    """The token is that of ``me``; hardware comes as a bare list."""
    assert case.seen["account"] == "me"
    assert "cpu" in case.seen["hardware"]


def test_every_request_carried_the_token(case: Case) -> None:
    """It sends the token with each request, and each is counted once with its status."""
    hub = [seen for seen in case.requests if "/pbxt/" not in seen.path]
    assert {seen.headers.get("authorization", "")[:10] for seen in hub} == {"Bearer r8_"}
    created = [seen for seen in hub if seen.method == "POST" and seen.status == 201 and "/files" not in seen.path]
    assert len(created) == len(case.zoo.replicate.predictions())
