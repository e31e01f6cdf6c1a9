"""``zooclient run``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zooclient.cli.inputs import read_inputs
from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk
from zooclient.errors import ConfigError, RunFailed

if TYPE_CHECKING:
    from zooclient.client.sync import Client
    from zooclient.loading.streams import RunStream
    from zooclient.records.run import Run, RunEvent


@click.command("run")
@click.argument("words", metavar="REF KEY=VALUE...", nargs=-1)
@click.option("--stream", "streamed", is_flag=True, help="Print the output as it comes; logs go to stderr.")
@click.option("--to", type=click.Path(file_okay=False), help="Put outputs and run.json into this folder.")
@click.option("--deadline", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Give up after this.")
@click.option("--via", type=click.Choice(["official"]), help="Run it through the zoo's own client.")
@click.option("--task", metavar="TASK", help="What it is to do, where it can do several things.")
@click.option("--served-by", metavar="HOST", help="Which of the zoo's hosts is to run it.")
@click.option("--train", "destination", metavar="REF", help="Train it into a new version of this model of yours.")
@click.option("--repeat", type=click.Path(exists=True), metavar="RUN", help="Run again what a run.json tells.")
@as_json
@pass_desk
def command(
    desk: Desk,
    words: tuple[str, ...],
    streamed: bool,
    to: str | None,
    deadline: float | None,
    via: str | None,
    task: str | None,
    served_by: str | None,
    destination: str | None,
    repeat: str | None,
    as_json: bool,
) -> None:
    """Run a model where it is hosted: print its text, or the paths of its files.

    KEY=@FILE sends a file; where a text is wanted, its content. A name given twice is an array. Ctrl-C cancels the
    run at the zoo.
    """
    options = {"to": to, "deadline": deadline, "via": via}
    with desk.client() as client:
        if repeat is not None:
            if streamed or destination or task or served_by:
                raise ConfigError("What is repeated is run as it was.", hint="Leave the other options out.")
            work = _repeated(client, Path(repeat), words, options)
        else:
            work = _asked(desk, client, words, options, streamed, task, served_by, destination)
        try:
            run, shown = _under_way(desk, work, quiet=as_json)
        except RunFailed as failure:
            _tell_failure(desk, failure, as_json=as_json, logged=streamed)
            raise
    for problem in run.problems:
        desk.talk(f"note: {problem}")
    if as_json:
        desk.json(run.to_dict())
        return
    desk.talk(_summary(run))
    if not shown:
        _print_output(desk, run)


Work = Callable[[], "Run | RunStream"]


def _repeated(client: Client, place: Path, words: tuple[str, ...], options: dict[str, Any]) -> Work:
    from zooclient.client.running import read_run

    saved = read_run(place)
    schema = client.resolve(saved.ref).schema
    inputs = read_inputs(words, schema, training="destination" in saved.extra)
    return lambda: client.repeat(saved, inputs, **options)


def _asked(
    desk: Desk,
    client: Client,
    words: tuple[str, ...],
    options: dict[str, Any],
    streamed: bool,
    task: str | None,
    served_by: str | None,
    destination: str | None,
) -> Work:
    if not words:
        raise ConfigError("Nothing is named that could be run.", hint="zooclient run replicate:owner/name key=value")
    model = client.open(words[0])
    inputs = read_inputs(words[1:], model.record.schema, training=destination is not None)
    if destination is not None:
        if streamed or task or served_by:
            raise ConfigError("A training has neither a stream nor a task.", hint="Leave the other options out.")
        return lambda: model.train(inputs, destination=destination, **options)
    do = model.stream if streamed else model.run
    return lambda: do(inputs, task=task, served_by=served_by, **options)


def _under_way(desk: Desk, work: Work, *, quiet: bool) -> tuple[Run, bool]:
    """Waits for the run, and tells what comes meanwhile; returns whether its output was shown."""
    from zooclient.records.run import Run

    with desk.busy("running"):
        doing = work()
        if isinstance(doing, Run):
            return doing, False
    shown = False
    with doing:
        try:
            for event in doing:
                shown = _tell(desk, event, quiet=quiet) or shown
        except RunFailed:
            if shown:
                desk.piece("\n")
            raise
        if shown:
            desk.piece("\n")
        return doing.result(), shown


def _tell(desk: Desk, event: RunEvent, *, quiet: bool) -> bool:
    """Tells an event; returns whether it was a piece of text that is now shown."""
    if event.kind == "output":
        if quiet or event.text is None:
            return False
        desk.piece(event.text)
        return True
    text = (event.text or "").rstrip("\n")
    if text:
        desk.talk(f"status: {text}" if event.kind == "status" else text)
    return False


def _tell_failure(desk: Desk, failure: RunFailed, *, as_json: bool, logged: bool) -> None:
    from zooclient.records.run import Run

    run = failure.run
    if not isinstance(run, Run):
        return
    if as_json:
        desk.json(run.to_dict())
    if run.logs and not logged:
        desk.talk(run.logs.rstrip("\n"))


def _summary(run: Run) -> str:
    spent = run.metrics.get("predict_time")
    took = f" in {spent:.1f} s" if spent is not None else ""
    return f"{run.status}{took}: {run.id or run.ref}" + (f"; {run.folder}" if run.folder else "")


def _print_output(desk: Desk, run: Run) -> None:
    """Prints a text as it is, files as their paths, and anything else as JSON with the paths in it."""
    output = _with_paths(run.output, {path.name: str(path) for path in run.paths})
    if isinstance(output, str):
        desk.line(output)
    elif isinstance(output, list) and output and all(isinstance(item, str) for item in output):
        for item in output:
            desk.line(item)
    elif output is not None:
        desk.line(json.dumps(output, ensure_ascii=False))


def _with_paths(value: Any, paths: dict[str, str]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"file"} and isinstance(value["file"], str):
            return paths.get(value["file"], value["file"])
        return {name: _with_paths(item, paths) for name, item in value.items()}
    return [_with_paths(item, paths) for item in value] if isinstance(value, list) else value
