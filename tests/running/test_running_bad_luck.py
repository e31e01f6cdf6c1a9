"""Bad input and bad luck when a model is run: one table, walked by the public client over sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from netdoubles import FAST

from zooclient import Client, RunFailed, Settings
from zooclient.errors import AccessError, ConfigError, NetworkError, NotFound, ProtocolError, RateLimited, ZooError
from zooclient.serve.replicate.hosted import Input, Made
from zooclient.serve.replicate.runs import Work
from zooclient.testing import Body, Fault, LocalZoo, Status, Truncated

MODEL = "acme/draw"
CREATE, LOOK, UPLOAD = "/v1/predictions", "/v1/predictions/?*", "/v1/files"
PAGE = "<!doctype html><html><title>502</title><h1>Bad gateway</h1></html>"
LARGE = bytes(300_000)  # which is sent ahead


def _problem(status: int, **told: Any) -> Status:
    body = json.dumps({"status": status, **told})
    return Status(status, body=body, headers={"content-type": "application/problem+json"}, times=None, first=True)


def _page(status: int, **more: Any) -> Status:
    return Status(status, body=PAGE, headers={"content-type": "text/html"}, **more)


FIELDS = _problem(
    422,
    title="Input validation failed",
    detail="- input.steps: Must be less than or equal to 4\n- input: image is required\n",
    invalid_fields=[
        {"type": "number_lte", "field": "input.steps", "description": "Must be less than or equal to 4"},
        {"type": "required", "field": "input", "description": "image is required"},
    ],
)


@frozen(kw_only=True)
class Cell:
    """One trouble.

    Attributes:
        inputs: What is given. None: what fits.
        path: Which answers of the zoo fail.
        fault: How. None: none does.
        course: How the run itself goes.
        error: How it ends. None: well.
        said: What the sentence has.
        hint: What the hint has.
        runs: Predictions that there are in the end, each of them paid for.
    """

    inputs: Callable[[Path], dict[str, Any]] = lambda folder: {
        "steps": 2,
        "image": folder.name.encode(),
    }  # no other run is like it
    path: str = CREATE
    fault: Fault | None = None
    course: Mapping[str, Any] = field(factory=dict)
    error: type[ZooError] | None
    said: str = ""
    hint: str = ""
    runs: int = 0


def _sparse(folder: Path) -> Path:
    """A file of the first size that is not taken, which takes no room."""
    with (folder / "large.bin").open("wb") as file:
        file.truncate(100_000_000)
    return folder / "large.bin"


TROUBLES = {
    "a wrong type": Cell(
        inputs=lambda folder: {"steps": "two", "image": b"x"}, error=ConfigError, said="steps: it is to be an integer"
    ),
    "a bool for a number": Cell(
        inputs=lambda folder: {"steps": True, "image": b"x"}, error=ConfigError, said="steps: it is to be an integer"
    ),
    "a number out of bounds": Cell(
        inputs=lambda folder: {"steps": 5, "image": b"x"}, error=ConfigError, said="at most 4"
    ),
    "a missing input": Cell(
        inputs=lambda folder: {"steps": 1}, error=ConfigError, said="image: it is required, and missing"
    ),
    "an unknown input": Cell(
        inputs=lambda folder: {"stepps": 1, "image": b"x"}, error=ConfigError, said="steps is near"
    ),
    "text for a file": Cell(inputs=lambda folder: {"image": "cat.png"}, error=ConfigError, said="image: it is a file"),
    "a file that is not there": Cell(
        inputs=lambda folder: {"image": folder / "none.png"}, error=ConfigError, said="cannot be read"
    ),
    "a file that is too large": Cell(
        inputs=lambda folder: {"image": _sparse(folder)}, error=ConfigError, said="less than 100 MB", hint="address"
    ),
    "a file that the zoo finds too large": Cell(
        inputs=lambda folder: {"image": LARGE},
        path=UPLOAD,
        fault=_problem(413, title="Payload too large", detail="Files must be less than 100MB in size"),
        error=ConfigError,
        said="less than 100MB",
        hint="address",
    ),
    "no token": Cell(
        fault=_problem(401, title="Unauthenticated", detail="You did not pass a valid authentication token"),
        error=AccessError,
        said="valid token",
        hint="zooclient login replicate",
    ),
    "not paid for": Cell(
        fault=_problem(402, title="Billing required", detail="You need to set up billing to run this model."),
        error=AccessError,
        said="Billing required",
    ),
    "no rights": Cell(fault=_problem(403, detail="No."), error=AccessError, said="may not", hint="owner"),
    "gone meanwhile": Cell(fault=_problem(404, detail="The requested resource could not be found."), error=NotFound),
    "fields that are not taken": Cell(
        fault=FIELDS,
        error=ConfigError,
        said="input.steps Must be less than or equal to 4; input image is required",
    ),
    "a version that is not permitted": Cell(
        fault=_problem(422, title="Invalid version or not permitted", detail="It does not exist."),
        error=AccessError,
        said="may not be run by its id",
        hint="leave the version out",
    ),
    "throttled for long, told in the body": Cell(
        fault=_problem(429, detail="Request was throttled. Your rate limit resets in ~1h.", retry_after=3600),
        error=RateLimited,
        said="wait 3600 s",
        hint="ZOOCLIENT_MAX_WAIT",
    ),
    "throttled for a moment, told in the body": Cell(
        fault=Status(
            429,
            body=json.dumps({"detail": "Request was throttled.", "status": 429, "retry_after": 0}),
            headers={"content-type": "application/problem+json"},
            first=True,
        ),
        error=None,
        runs=1,
    ),
    "a page of the edge in place of the answer": Cell(
        fault=_page(502, first=True, times=None), error=NetworkError, said=".", hint="replicate.com"
    ),
    "a page of the edge, and the run was made": Cell(fault=_page(502, times=1), error=None, runs=1),
    "an answer that is cut": Cell(fault=Truncated(times=1), error=None, runs=1),
    "a page for people in place of the answer": Cell(fault=Body(times=1), error=None, runs=1),
    "a look that fails for a moment": Cell(
        path=LOOK, fault=Status(503, times=1), course={"boot": 0.05}, error=None, runs=1
    ),
    "a look that is cut": Cell(path=LOOK, fault=Truncated(times=1), error=ProtocolError, said="not JSON", runs=1),
    "failed": Cell(course={"ends": "failed"}, error=RunFailed, said="CUDA out of memory", runs=1),
    "canceled": Cell(course={"ends": "canceled"}, error=RunFailed, said="cancel", runs=1),
    "aborted": Cell(course={"ends": "aborted"}, error=RunFailed, said="abort", runs=1),
}

#: What the issue names that no other module of this room has over sockets, and the rows in which it is.
NAMED = (
    "a wrong type",
    "a missing input",
    "a file that is too large",
    "fields that are not taken",
    "not paid for",
    "throttled",
    "failed",
    "canceled",
    "aborted",
)


def draw(job: Work) -> list[Made]:
    """Gives back what it was given."""
    return [Made(job.read("image"), "out.bin")]


@pytest.fixture(scope="module")
def running() -> Iterator[LocalZoo]:
    """A Replicate with one model."""
    with LocalZoo(zoos=("replicate",)) as zoo:
        zoo.commit(MODEL, {"README.md": "# A model\n"})
        inputs = {"steps": Input("integer", default=1, maximum=4), "image": Input("file")}
        zoo.replicate.offer(MODEL, inputs=inputs, output="files", run=draw)
        yield zoo


@pytest.fixture
def zoo(running: LocalZoo) -> Iterator[LocalZoo]:
    """The same, as it was at first."""
    yield running
    running.heal()
    running.replicate.course(MODEL)


def test_what_was_named_is_there() -> None:
    """Each trouble of the list has a row."""
    assert all(any(trouble.startswith(name) for trouble in TROUBLES) for name in NAMED)


@pytest.mark.parametrize("cell", [pytest.param(cell, id=trouble) for trouble, cell in TROUBLES.items()])
@pytest.mark.parametrize("streamed", [False, True], ids=["waited", "streamed"])
def test_a_trouble_ends_as_the_table_says(zoo: LocalZoo, tmp_path: Path, cell: Cell, streamed: bool) -> None:
    """The error of its class or none, a sentence that helps, no run paid for that was not told; then it works."""
    settings = Settings(limits=FAST)
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens, settings=settings) as client:
        model = client.open(zoo.replicate.ref(MODEL))
        zoo.replicate.course(MODEL, **cell.course)
        before = len(zoo.replicate.predictions(MODEL))
        thrown = None if cell.fault is None else zoo.fail(cell.path, cell.fault, zoo="replicate")
        zoo.forget()

        def act(**inputs: Any) -> Any:
            return model.stream(**inputs).result() if streamed else model.run(**inputs)

        if cell.error is None:
            run = act(**cell.inputs(tmp_path))
            assert run.paths[0].read_bytes() == tmp_path.name.encode()
        else:
            with pytest.raises(cell.error) as caught:
                act(**cell.inputs(tmp_path))
            owes(caught.value, cell, zoo)
        assert thrown is None or thrown.hits, "it came to nothing"
        assert len(zoo.replicate.predictions(MODEL)) - before == cell.runs
        if cell.error is ConfigError and cell.fault is None:
            assert zoo.requests == [], "nobody need be asked"
        zoo.heal()
        zoo.replicate.course(MODEL)
        assert model.run(image=b"then it works").paths[0].read_bytes() == b"then it works"


def owes(error: ZooError, cell: Cell, zoo: LocalZoo) -> None:
    """Holds a failure to what each owes."""
    assert type(error) is cell.error
    assert error.message.endswith("."), error.message
    assert "\n" not in error.message and "<" not in error.message, error.message
    assert (error.zoo, error.operation, error.ref) == ("replicate", "run", zoo.replicate.ref(MODEL)), error
    assert error.hint, f"{error.message} It does not say what to do next."
    assert cell.said in error.message and cell.hint in error.hint, (error.message, error.hint)
    assert zoo.tokens["replicate"] not in f"{error} {error.hint} {error.url}"
