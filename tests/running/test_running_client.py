"""Models run over real sockets, through both clients, at a zoo in this process; and what can go wrong there."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netdoubles import FAST, Answer, Asked, Server

import zooclient
from zooclient import (
    AsyncClient,
    Client,
    ModelRecord,
    Ref,
    RemoteModel,
    Run,
    RunEvent,
    RunFailed,
    RunFile,
    RunStream,
    Settings,
)
from zooclient.client.running import read_run
from zooclient.errors import (
    AccessError,
    Cancelled,
    ConfigError,
    NetworkError,
    NotFound,
    PolicyError,
    RateLimited,
    StoreError,
    Unsupported,
    ZooError,
)
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Request, Response, replay
from zooclient.serve.replicate.hosted import Input, Made
from zooclient.serve.replicate.runs import Work
from zooclient.testing import Cut, LocalZoo, Lost, Status

SHOUT, DRAW, KEPT, SLOW = "acme/shout", "acme/draw", "acme/kept", "acme/slow"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(2000)


def shout(job: Work) -> Iterator[str]:
    """A model that says it louder, word by word."""
    job.log("shouting")
    for word in job.input["text"].split():
        yield word.upper() + " "


def draw(job: Work) -> list[Made]:
    """A model that gives back what it was given, and another file of the same name."""
    return [Made(job.read("image"), "out.png"), Made(b"second", "out.png")]


@pytest.fixture(scope="module")
def running() -> Iterator[LocalZoo]:
    """A Replicate with a model that streams text, one that makes files, an official one, and one that never ends."""
    with LocalZoo(zoos=("replicate", "hf")) as zoo:
        for name in (SHOUT, DRAW, KEPT, SLOW, "me/mine"):
            zoo.commit(name, {"README.md": "# A model\n"})
        text = {"text": Input("string"), "loud": Input("boolean", default=True)}
        zoo.replicate.offer(SHOUT, inputs=text, output="tokens", run=shout)
        zoo.replicate.offer(DRAW, inputs={"image": Input("file")}, output="files", run=draw)
        zoo.replicate.offer(KEPT, inputs=text, official=True)
        zoo.replicate.offer(SLOW, inputs=text)
        zoo.replicate.teach(SHOUT, {"steps": Input("integer", default=1)}, train=lambda job: b"trained")
        yield zoo


@pytest.fixture
def zoo(running: LocalZoo) -> Iterator[LocalZoo]:
    """The same, as it was at first."""
    running.forget()
    yield running
    running.heal()
    for name in (SHOUT, DRAW, KEPT, SLOW):
        running.replicate.course(name)
        running.replicate.admit(name)


@pytest.fixture
def client(zoo: LocalZoo, tmp_path: Path) -> Iterator[Client]:
    """A client that is logged in, and does not wait for long."""
    settings = Settings(limits=FAST)
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens, settings=settings) as made:
        yield made


def opened(client: Client, zoo: LocalZoo, name: str) -> RemoteModel:
    """A model, pinned, with nothing that was asked of its zoo so far."""
    model = client.open(zoo.replicate.ref(name))
    zoo.forget()
    return model


def asked(zoo: LocalZoo) -> list[str]:
    """What was asked of the zoo, with ids left out."""
    ids = {run.id: "ID" for run in zoo.replicate.predictions()}
    found = []
    for seen in zoo.requests:
        path = "/".join(ids.get(part, part) for part in seen.path.split("/")[2:])
        found.append(f"{seen.method} {path}" if seen.origin == "hub" else "elsewhere")
    return found


# -- opened, and run ----------------------------------------------------------------------------


def test_what_is_opened_is_known_and_not_here(client: Client, zoo: LocalZoo) -> None:
    """Nothing is fetched; what needs files says so in a sentence that names what would fetch them."""
    ref = zoo.replicate.ref(SHOUT)
    model = client.open(ref)
    assert (str(model.ref), model.record.schema is not None, repr(model)) == (ref, True, f"<RemoteModel {ref}>")
    assert model == client.open(model.record)
    uses: list[Callable[[], object]] = [
        lambda: model.path,
        lambda: model.files,
        lambda: model.open("config.json"),
        lambda: model.tensors(),
        lambda: model.into("torch"),
        lambda: Path(model),
    ]
    for use in uses:
        with pytest.raises(Unsupported, match=r"Nothing of replicate:acme/shout@.* was fetched") as caught:
            use()
        assert "`load(" in (caught.value.hint or "")
    zoo.forget()
    client.open(ref)
    assert zoo.requests == [], "a pin that is known asks nobody"


def test_a_waited_run_takes_two_requests(client: Client, zoo: LocalZoo) -> None:
    """One question, and one look where its answer is said to be under way still; its record is saved."""
    model = opened(client, zoo, SHOUT)
    run = model.run(text="come in")
    assert asked(zoo) == ["POST predictions", "GET predictions/ID"]
    assert (run.output, run.status, run.logs) == ("COME IN ", "succeeded", "shouting\n")
    assert run.folder is not None
    folder = Path(run.folder)
    place = client.store.layout.runs
    assert folder.parent.parent == Path(place)
    assert (folder.name, folder.parent.name.partition("+")[0]) == (run.id, "replicate")
    assert read_run(folder) == read_run(folder / "run.json") == run
    zoo.replicate.course(SHOUT, settled=True)
    zoo.forget()
    model.run(text="come in")
    assert asked(zoo) == ["POST predictions"]


def test_names_that_are_ours_go_into_a_mapping(client: Client, zoo: LocalZoo) -> None:
    """Inputs are arguments by name, or a mapping; one that is given twice is refused."""
    model = opened(client, zoo, SHOUT)
    assert model.run({"text": "a"}, loud=False).inputs == {"text": "a", "loud": False}
    with pytest.raises(ConfigError, match="given twice"):
        model.run({"text": "a"}, text="b")
    with pytest.raises(ConfigError, match="text: it is required"):
        model.run()
    with pytest.raises(ConfigError, match="the model has no such input"):
        model.run(text="a", speed=3)


def test_an_official_model_runs_without_a_version(client: Client, zoo: LocalZoo) -> None:
    """It is opened by name, and told as what nobody can pin; strict mode does not take it, and promises no pin."""
    run = opened(client, zoo, KEPT).run(text="as it is")
    assert (run.output, run.version, str(run.ref)) == ("as it is", "hidden", f"replicate:{KEPT}")
    assert asked(zoo)[0] == f"POST models/{KEPT}/predictions"
    with type(client)(settings=client.settings, strict=True) as strict, pytest.raises(PolicyError) as caught:
        strict.open(f"replicate:{KEPT}")
    assert "or says that there is none" in (caught.value.hint or "")


def test_a_model_that_nobody_hosts(client: Client, zoo: LocalZoo) -> None:
    """What cannot be run where it lies says so, with what would work; so does a model without a client."""
    zoo.commit("org/files", {"config.json": "{}"})
    local = type(client)(settings=client.settings).open(f"file:{Path(__file__).parent}")
    with pytest.raises(Unsupported, match="nothing is hosted there") as caught:
        local.run(prompt="hi")
    assert (caught.value.hint or "").endswith("opens it."), "what lies on this machine is not brought here"
    with pytest.raises(Unsupported, match="hf trains nothing"):
        client.open(client.resolve("hf:org/files")).train(destination="replicate:me/mine")
    with pytest.raises(Unsupported, match="opened without a client"):
        RemoteModel(client.resolve(zoo.replicate.ref(SHOUT))).run(text="a")
    with pytest.raises(ConfigError, match="via='mail' is not known"):
        opened(client, zoo, SHOUT).run(text="a", via="mail")


def test_a_loaded_model_knows_who_runs_it(client: Client, tmp_path: Path) -> None:
    """What was loaded has the same calls, and where nobody hosts it they say so."""
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "config.json").write_text("{}")
    model = client.load(f"file:{tmp_path / 'local'}")
    assert model.path.is_dir()
    with pytest.raises(Unsupported, match="nothing is hosted there"):
        model.run(prompt="hi")
    with pytest.raises(Unsupported, match="nothing is hosted there"):
        model.stream(prompt="hi").result()


# -- files --------------------------------------------------------------------------------------


def test_outputs_are_saved_and_hashed(client: Client, zoo: LocalZoo, tmp_path: Path) -> None:
    """Each file lies beside the record under a name of its own, with its size and sha256, fetched without a token."""
    zoo.replicate.course(DRAW, settled=True)
    (tmp_path / "cat.png").write_bytes(PNG)
    run = opened(client, zoo, DRAW).run(image=tmp_path / "cat.png")
    assert run.output == [{"file": "out.png"}, {"file": "out-2.png"}]
    assert [path.read_bytes() for path in run.paths] == [PNG, b"second"]
    assert [(file.size, file.sha256) for file in run.files] == [
        (len(content), hashlib.sha256(content).hexdigest()) for content in (PNG, b"second")
    ]
    assert run.files[0].media_type == "image/png"
    elsewhere = [seen for seen in zoo.requests if seen.origin == "cdn"]
    assert len(elsewhere) == 2
    assert all("authorization" not in seen.headers for seen in elsewhere)
    assert run.inputs["image"] == {"file": "cat.png", "size": len(PNG), "sha256": hashlib.sha256(PNG).hexdigest()}


def test_a_folder_of_one_s_own_loses_nothing(client: Client, zoo: LocalZoo, tmp_path: Path) -> None:
    """What lies there already stays, and what comes gets names that are free."""
    there = tmp_path / "out"
    there.mkdir()
    (there / "OUT.png").write_bytes(b"mine")
    model = opened(client, zoo, DRAW)
    first = model.run(image=PNG, to=there)
    second = model.run(image=PNG, to=there)
    assert (there / "OUT.png").read_bytes() == b"mine"
    assert len({*first.paths, *second.paths}) == 4
    assert all(path.parent == there for path in (*first.paths, *second.paths))
    assert first.output == [{"file": file.name} for file in first.files]
    assert {path.name for path in there.glob("run*.json")} == {"run.json", "run-2.json"}
    assert read_run(there / "run-2.json").id == second.id
    assert not list(there.glob(".*"))


def test_many_at_once_share_a_folder(client: Client, zoo: LocalZoo, tmp_path: Path) -> None:
    """Runs that end at the same moment, in whatever threads, lose nothing of one another."""
    model, runs = opened(client, zoo, DRAW), list[Run]()
    zoo.replicate.course(DRAW, settled=True)
    threads = [
        threading.Thread(target=lambda number=number: runs.append(model.run(image=b"%d" % number, to=tmp_path / "out")))
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run.paths[0].read_bytes() for run in runs) == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert {read_run(path).id for path in (tmp_path / "out").glob("run*.json")} == {run.id for run in runs}


def test_a_folder_that_cannot_be_made_costs_nothing(client: Client, zoo: LocalZoo, tmp_path: Path) -> None:
    """Where what comes could not be kept, nothing is run."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError):
        opened(client, zoo, SHOUT).run(text="a", to=tmp_path / "file" / "below")
    assert zoo.requests == []


def test_a_large_file_is_sent_ahead_and_verified(client: Client, zoo: LocalZoo) -> None:
    """What is too large for the question itself goes to the zoo's files, and comes back the same."""
    large = PNG * 150
    run = opened(client, zoo, DRAW).run(image=large)
    assert asked(zoo)[:2] == ["POST files", "POST predictions"]
    assert run.paths[0].read_bytes() == large


def test_an_output_that_is_gone_loses_nothing_else(client: Client, zoo: LocalZoo) -> None:
    """It is told in the problems; the run and its record are there."""
    zoo.replicate.course(DRAW, settled=True, outputs="gone")
    run = opened(client, zoo, DRAW).run(image=PNG)
    assert run.status == "succeeded"
    assert [file.sha256 for file in run.files] == [None, None]
    assert run.paths == ()
    assert "is gone (status 404)" in run.problems[0]
    assert run.folder is not None
    assert json.loads(Path(run.folder, "run.json").read_text("utf-8"))["problems"] == list(run.problems)


def test_an_output_that_is_cut_is_fetched_again(client: Client, zoo: LocalZoo) -> None:
    """A line that breaks in the middle of a file costs one more request, and the file is whole."""
    zoo.replicate.course(DRAW, settled=True)
    zoo.fail("out.png", Cut(after=1000))
    run = opened(client, zoo, DRAW).run(image=PNG)
    assert [path.read_bytes() for path in run.paths] == [PNG, b"second"]
    zoo.fail("out.png", Cut(after=1000, times=None))
    run = opened(client, zoo, DRAW).run(image=PNG)
    assert [file.sha256 is None for file in run.files] == [True, False]
    assert "could not be saved" in run.problems[0]


def test_a_foreign_host_gets_no_token(client: Client, zoo: LocalZoo) -> None:
    """An output may lie anywhere, redirects are followed by hand, and nobody but the zoo sees the token."""

    def answer(question: Asked) -> Answer:
        if question.path.startswith("/moved"):
            return Answer(body=b"elsewhere", headers={"Content-Type": "image/webp"})
        return Answer(status=302, headers={"Location": f"/moved{question.path}"})

    with Server(answer) as foreign:
        zoo.replicate.course(DRAW, settled=True, outputs=foreign.url)
        run = opened(client, zoo, DRAW).run(image=PNG)
    assert [path.read_bytes() for path in run.paths] == [b"elsewhere"] * 2
    assert len(foreign.asked) == 4
    assert all("authorization" not in one.headers for one in foreign.asked)


@pytest.mark.parametrize("origin", ["http://192.0.2.1", "https://user@127.0.0.1:9", "http://127.0.0.1:9"])
def test_an_address_that_must_not_be_asked_is_told(client: Client, zoo: LocalZoo, origin: str) -> None:
    """Plain http to another machine, an address that can be read in two ways, nobody there: told, not followed."""
    zoo.replicate.course(DRAW, settled=True, outputs=origin)
    run = opened(client, zoo, DRAW).run(image=PNG)
    assert len(run.problems) == 2
    assert all("could not be saved" in problem for problem in run.problems)
    assert [file.url is not None for file in run.files] == [True, True]


def test_a_redirect_without_end_is_given_up(client: Client, zoo: LocalZoo) -> None:
    """A host that sends on for ever, or into the clear, keeps nobody."""
    with Server(lambda question: Answer(status=302, headers={"Location": question.path})) as foreign:
        zoo.replicate.course(DRAW, settled=True, outputs=foreign.url)
        run = opened(client, zoo, DRAW).run(image=PNG)
    assert "redirects more than" in run.problems[0]
    with Server(lambda question: Answer(status=307, headers={"Location": "http://192.0.2.1/x"})) as foreign:
        zoo.replicate.course(DRAW, settled=True, outputs=foreign.url)
        run = opened(client, zoo, DRAW).run(image=PNG)
    assert "is plain http" in run.problems[0]


# -- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["failed", "canceled", "aborted"])
def test_a_run_that_fails_is_an_error_with_all_that_is_known(client: Client, zoo: LocalZoo, status: str) -> None:
    """The error has the whole record, which is saved too: logs, id, why."""
    zoo.replicate.course(SHOUT, ends=status)
    with pytest.raises(RunFailed) as caught:
        opened(client, zoo, SHOUT).run(text="too much")
    run = caught.value.run
    assert isinstance(run, Run)
    assert (run.status, caught.value.exit_code, caught.value.operation) == (status, 10, "run")
    assert str(run.id) in caught.value.message
    assert read_run(Path(run.folder or "")).status == status
    if status == "failed":
        assert "CUDA out of memory" in caught.value.message


def test_a_throttled_run_waits_as_the_body_says(client: Client, zoo: LocalZoo) -> None:
    """Nothing was created, so it is asked for again; a wait that is too long is told."""
    zoo.replicate.throttle(SHOUT, seconds=0)
    assert opened(client, zoo, SHOUT).run(text="a").output == "A "
    assert asked(zoo).count("POST predictions") == 2
    zoo.replicate.throttle(SHOUT, seconds=4000, times=None)
    with pytest.raises(RateLimited) as caught:
        opened(client, zoo, SHOUT).run(text="a")
    assert caught.value.retry_after == 4000


def test_a_run_that_is_not_paid_for(client: Client, zoo: LocalZoo) -> None:
    """It names the page at which one pays, and is not asked for again."""
    zoo.replicate.bill(SHOUT)
    with pytest.raises(AccessError) as caught:
        opened(client, zoo, SHOUT).run(text="a")
    assert caught.value.access_url == "https://replicate.com/account/billing"
    assert asked(zoo) == ["POST predictions"]


def test_a_lost_answer_is_not_billed_twice(client: Client, zoo: LocalZoo) -> None:
    """The run that was created is found and taken up; there is one of it."""
    before = len(zoo.replicate.predictions(SHOUT))
    model = opened(client, zoo, SHOUT)
    zoo.fail("/v1/predictions", Lost(seconds=0.2))
    run = model.run(text="only once")
    assert run.output == "ONLY ONCE "
    assert "was found again" in run.problems[0]
    assert len(zoo.replicate.predictions(SHOUT)) == before + 1


def test_a_gateway_that_fails_leaves_a_doubt(client: Client, zoo: LocalZoo) -> None:
    """Where nothing among the recent runs is ours, the doubt is told and nothing is asked for again."""
    model = opened(client, zoo, KEPT)
    zoo.fail(f"/v1/models/{KEPT}/predictions", Status(504))
    zoo.fail("/v1/predictions", Status(404, times=None))
    with pytest.raises(NetworkError, match="not known whether the run"):
        model.run(text="a")
    assert asked(zoo).count(f"POST models/{KEPT}/predictions") == 1


def test_another_version_that_ran_is_told(client: Client, zoo: LocalZoo) -> None:
    """The mismatch stands among the problems of the run."""
    zoo.replicate.course(SHOUT, version="c3" * 32)
    run = opened(client, zoo, SHOUT).run(text="a")
    assert any("was asked for, and c3c3" in problem for problem in run.problems)


# -- given up -----------------------------------------------------------------------------------


def under_way(zoo: LocalZoo, name: str, more_than: int) -> None:
    """Waits until a further run of a model has begun."""

    tick = threading.Event()
    while len(zoo.replicate.predictions(name)) <= more_than:
        tick.wait(0.005)

    async def begun() -> None:
        run = zoo.replicate.predictions(name)[0]
        while (rung := run.bell.rung) >= 0 and run.state.started is None:
            assert await run.bell.after(rung, 20)

    asyncio.run(begun())


def gone(zoo: LocalZoo, name: str) -> str:
    """How the last run of a model ended, which it has to."""
    run = zoo.replicate.predictions(name)[0]
    assert run.stopped.wait(20)
    return run.state.status


def test_a_wish_to_stop_cancels_the_run_at_the_zoo(client: Client, zoo: LocalZoo) -> None:
    """While the answer is waited for nobody knows the run's id; it is found among the recent ones, and cancelled."""
    zoo.replicate.course(SLOW, ends="never")
    model, before, stop = opened(client, zoo, SLOW), len(zoo.replicate.predictions(SLOW)), Cancel()

    def stop_it() -> None:
        under_way(zoo, SLOW, before)
        stop.cancel()

    stopper = threading.Thread(target=stop_it)
    stopper.start()
    with pytest.raises(Cancelled) as caught:
        model.run(text="for ever", cancel=stop)
    stopper.join()
    assert "Replicate is asked to cancel" in (caught.value.hint or "")
    assert gone(zoo, SLOW) == "canceled"


def test_a_deadline_cancels_the_run_at_the_zoo(client: Client, zoo: LocalZoo) -> None:
    """Ours is kept to the moment, and the zoo has one of its own for the case that we are not there to say so."""
    zoo.replicate.course(SLOW, ends="never")
    with pytest.raises(Cancelled, match="deadline"):
        opened(client, zoo, SLOW).run(text="for ever", deadline=1.0)
    assert gone(zoo, SLOW) == "canceled"
    assert zoo.replicate.predictions(SLOW)[0].order.lifetime == 5.0


@pytest.mark.parametrize("way", ["close", "drop", "with"])
def test_a_stream_that_is_left_cancels_the_run(client: Client, zoo: LocalZoo, way: str) -> None:
    """Closing it, leaving its block and dropping it all give the run up."""
    zoo.replicate.course(SLOW, ends="never")
    before = len(zoo.replicate.predictions(SLOW))
    stream: RunStream | None = opened(client, zoo, SLOW).stream(text="for ever")
    assert stream is not None
    assert next(stream).kind == "status"
    under_way(zoo, SLOW, before)
    if way == "close":
        stream.close()
        with pytest.raises(Cancelled):
            stream.result()
        assert list(stream) == []
    elif way == "with":
        with stream:
            pass
    stream = None
    assert gone(zoo, SLOW) == "canceled"


def test_a_cancelled_task_cancels_the_run(zoo: LocalZoo, tmp_path: Path) -> None:
    """In an event loop the task's end is the run's, waited or streamed."""
    zoo.replicate.course(SLOW, ends="never")

    async def main() -> None:
        async with AsyncClient(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
            model = await client.open(zoo.replicate.ref(SLOW))

            async def listened() -> None:
                async for _ in model.stream(text="for ever"):
                    pass

            for work in (lambda: model.run(text="for ever"), listened):
                before = len(zoo.replicate.predictions(SLOW))
                task = asyncio.ensure_future(work())
                await asyncio.to_thread(under_way, zoo, SLOW, before)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert await asyncio.to_thread(gone, zoo, SLOW) == "canceled"

    asyncio.run(main())


# -- streams ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "course",
    [{}, {"stream_ids": False}, {"stream_events": 1}, {"stream_news": "hurrah"}, {"streams": False}],
    ids=["well", "no ids", "cut", "unknown event", "none"],
)
def test_a_stream_tells_everything_once(client: Client, zoo: LocalZoo, course: dict[str, Any]) -> None:
    """Whatever its stream is like, each piece of the output and of the logs comes once, and the run at the end."""
    zoo.replicate.course(SHOUT, **course)
    stream = opened(client, zoo, SHOUT).stream(text="a b c")
    told: list[RunEvent] = list(stream)
    assert "".join(event.text or "" for event in told if event.kind == "output") == "A B C "
    assert "".join(event.text or "" for event in told if event.kind == "logs") == "shouting\n"
    assert [event.text for event in told if event.kind == "status"][-1] == "succeeded"
    run = stream.result()
    assert (run.output, run.status) == ("A B C ", "succeeded")
    assert all("authorization" not in seen.headers for seen in zoo.requests if seen.origin == "cdn")


def test_a_stream_raises_what_went_wrong_at_its_end(client: Client, zoo: LocalZoo) -> None:
    """What came before is told; then the error is raised, once by the iteration and by each result."""
    zoo.replicate.course(SHOUT, ends="failed", error="no voice")
    stream = opened(client, zoo, SHOUT).stream(text="a")
    told: list[RunEvent] = []
    with pytest.raises(RunFailed, match="no voice"):
        told.extend(stream)
    assert [event.text for event in told if event.kind == "output"] == ["A "]
    with pytest.raises(RunFailed):
        stream.result()


def test_both_colours_run_alike(client: Client, zoo: LocalZoo, tmp_path: Path) -> None:
    """A run, a stream and a repetition are the same sync and async."""

    async def main() -> tuple[Run, list[RunEvent], Run, Run]:
        settings = Settings(limits=FAST)
        async with AsyncClient(
            home=tmp_path / "other", endpoints=zoo.endpoints, tokens=zoo.tokens, settings=settings
        ) as other:
            model = await other.open(zoo.replicate.ref(SHOUT))
            run = await model.run(text="a b")
            async with model.stream(text="a b") as stream:
                events = [event async for event in stream]
                return run, events, await stream.result(), await other.repeat(run)

    run, events, streamed, repeated = asyncio.run(main())
    model = opened(client, zoo, SHOUT)
    ours = model.run(text="a b")
    assert run.output == streamed.output == repeated.output == ours.output
    assert run.inputs == repeated.inputs == ours.inputs
    texts = [event.text for event in events if event.kind == "output"]
    assert texts == [event.text for event in model.stream(text="a b") if event.kind == "output"]


def test_no_recording_holds_a_secret_input(zoo: LocalZoo, tmp_path: Path) -> None:
    """What goes in as a secret is in no recorded exchange, neither in the question nor where an answer repeats it."""
    inputs = {"text": Input("string"), "key": Input("secret", required=False)}
    zoo.replicate.offer(SLOW, inputs=inputs)
    settings = Settings(limits=FAST, record_dir=tmp_path / "told")
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens, settings=settings) as recorded:
        opened(recorded, zoo, SLOW).run(text="hello", key="sesame")
        assert "**key** (secret)" in recorded.card(zoo.replicate.ref(SLOW)).text
    told = [path.read_text("utf-8") for path in (tmp_path / "told").iterdir()]
    assert any("hello" in text for text in told) and not any("sesame" in text for text in told)
    assert "sesame" not in repr(Request(url="https://zoo.example", content=b"sesame", secrets=("sesame",)))


# -- trainings, and again -----------------------------------------------------------------------


def test_a_training_ends_in_a_version_and_its_weights(client: Client, zoo: LocalZoo) -> None:
    """It is followed as a training, and the weights that came of it are saved before they are gone."""
    run = opened(client, zoo, SHOUT).train(steps=2, destination="replicate:me/mine")
    assert run.output["version"].startswith("me/mine:")
    assert run.paths[0].read_bytes() == b"trained"
    assert asked(zoo)[1] == "GET trainings/ID"
    again = client.repeat(run)
    assert (again.task, again.id != run.id) == ("train", True)
    with pytest.raises(ConfigError, match="cannot be trained"):
        opened(client, zoo, DRAW).train(destination="replicate:me/mine")
    with pytest.raises(NotFound, match="destination replicate:me/none is no model"):
        opened(client, zoo, SHOUT).train(destination="replicate:me/none")


def test_a_run_is_repeated(client: Client, zoo: LocalZoo, tmp_path: Path) -> None:
    """The same version and inputs, from the record or from what was saved; one input may be another."""
    run = opened(client, zoo, SHOUT).run(text="once more")
    assert run.folder is not None
    for saved in (run, run.folder, Path(run.folder, "run.json")):
        again = client.repeat(saved)
        assert (again.output, again.inputs, again.ref) == (run.output, run.inputs, run.ref)
        assert again.id != run.id
    assert client.repeat(run, {"text": "other"}).output == "OTHER "
    (tmp_path / "run.json").write_text("{}")
    for path, said in ((tmp_path, "holds no saved run"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(ConfigError, match=said):
            client.repeat(path)


def test_a_file_is_given_again(client: Client, zoo: LocalZoo) -> None:
    """A saved run has the digest of a file and not the file; nothing is run without it."""
    run = opened(client, zoo, DRAW).run(image=PNG)
    zoo.forget()
    with pytest.raises(ConfigError, match=f"image was image of {len(PNG)} bytes") as caught:
        client.repeat(run)
    assert "image=@FILE" in (caught.value.hint or "")
    assert not any("POST" in one for one in asked(zoo))
    assert client.repeat(run, {"image": PNG}).inputs == run.inputs


def test_the_shared_client_opens_too(zoo: LocalZoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``zooclient.open`` and ``zooclient.repeat`` are those of the client that everybody shares."""
    client = Client(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens)
    monkeypatch.setattr("zooclient.client.default._client", client)
    run = zooclient.open(zoo.replicate.ref(SHOUT)).run(text="hi")
    assert zooclient.repeat(run).output == "HI "
    client.close()


def test_the_kinds_of_errors_are_ours(client: Client, zoo: LocalZoo) -> None:
    """Every error of a run tells what it was about."""
    zoo.replicate.bill(SHOUT)
    with pytest.raises(ZooError) as caught:
        opened(client, zoo, SHOUT).run(text="a")
    error = caught.value
    assert (error.zoo, error.operation, error.ref) == ("replicate", "run", zoo.replicate.ref(SHOUT))


# -- what any host may answer -------------------------------------------------------------------


def kept_of(run: Run, to: Path) -> Run:
    """What is saved of a run that some host told of; every address leads nowhere."""
    from zooclient.client.keeping import keep, prepared
    from zooclient.client.wiring import Wiring

    wiring = Wiring(Settings(home=to / "home"))
    place = prepared(wiring, run.ref.scheme, to / "out")
    record = ModelRecord(ref=run.ref, requested=run.requested, pin="none", title="x")
    return replay(keep(wiring, record, run, place), lambda request: Response(request=request, status=410))


@given(names=st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_no_name_leaves_the_folder(names: list[str]) -> None:
    """Whatever a host calls its files, twins included, each lies in the folder and nowhere else."""
    ref = Ref.parse("replicate:acme/tiny")
    files = tuple(RunFile(name=name, url="data:,hello") for name in names)
    output = [{"file": name} for name in names]
    run = Run(ref=ref, requested=ref, status="succeeded", output=output, files=files)
    with tempfile.TemporaryDirectory() as folder:
        saved = kept_of(run, Path(folder))
        there = {path.name for path in Path(folder, "out").iterdir()}
        assert there == {"run.json", *(file.name for file in saved.files)}
        assert len(there) == 1 + len(names)
        assert {path.name for path in Path(folder).iterdir()} <= {"out", "home"}
        assert all(path.read_bytes() == b"hello" for path in saved.paths)
        assert all(item["file"] in there for item in saved.output)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "not told where"),
        ("data:text/plain;base64,!!", "is not base64"),
        ("data:text/plain;base64", "holds no data"),
        ("https://replicate.delivery/x.png", "is gone (status 410)"),
        ("ftp://replicate.delivery/x.png", "not plain http or https"),
        ("https://10.0.0.7/x.png", "in a private network or on this machine"),
        ("https://localhost/x.png", "in a private network or on this machine"),
    ],
)
def test_what_cannot_be_saved_is_told(tmp_path: Path, url: str | None, said: str) -> None:
    """The record is there all the same, and holds no bytes in place of an address."""
    ref = Ref.parse("replicate:acme/tiny")
    run = Run(ref=ref, requested=ref, status="succeeded", files=(RunFile(name="x.png", url=url),), id="abc")
    saved = kept_of(run, tmp_path)
    assert said in saved.problems[0]
    assert read_run(tmp_path / "out").problems == saved.problems
    assert "data:" not in (tmp_path / "out" / "run.json").read_text("utf-8").replace("Its data: address", "")
