"""Predictions and trainings: the payloads of the API ↔ the record of a run; pure.

Sources: the API's OpenAPI document (1.0.0-a1), and recorded answers of 2023 and 2024, which lack ``model`` and
``data_removed`` and have ``webhook_completed``.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import quote, unquote, urlsplit

from attrs import field, frozen

from zooclient.errors import IntegrityError, ProtocolError
from zooclient.providers.reading import fields, instant, line, mapping, plain, string
from zooclient.providers.replicate.endpoint import WEB
from zooclient.providers.replicate.wire import address, model_url, version_url
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref
from zooclient.records.run import ENDED, Run, RunFile, RunStatus, file_name
from zooclient.records.schema import Output, OutputKind

Kind = Literal["predictions", "trainings"]

_STATUSES: Final[dict[str, RunStatus]] = {
    "starting": "starting",
    "processing": "processing",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "canceled",
    "aborted": "aborted",
}
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_READ = frozenset(
    {
        *("id", "model", "version", "input", "output", "logs", "error", "status", "metrics", "urls"),
        *("created_at", "started_at", "completed_at", "webhook", "webhook_completed", "webhook_events_filter"),
    }
)
#: Levels of an output below which no file is looked for.
_DEPTH = 8


# -- addresses and questions --------------------------------------------------------------------


def runs_url(endpoint: str, kind: Kind) -> str:
    """Returns the address of all of an account's runs of a kind."""
    return f"{endpoint}/v1/{kind}"


def run_url(endpoint: str, kind: Kind, name: str) -> str:
    """Returns the address of a run. Never the one that an answer names: that of a training leads to a prediction."""
    return f"{runs_url(endpoint, kind)}/{quote(name, safe='')}"


def cancel_url(endpoint: str, kind: Kind, name: str) -> str:
    """Returns the address that cancels a run."""
    return f"{run_url(endpoint, kind, name)}/cancel"


def files_url(endpoint: str) -> str:
    """Returns the address that takes files."""
    return f"{endpoint}/v1/files"


def create_url(endpoint: str, ref: Ref, kind: Kind) -> str:
    """Returns the address that creates a run: of a version, or of a model that has none to name."""
    if kind == "trainings":
        return f"{version_url(endpoint, ref.id, ref.revision or '')}/trainings"
    return runs_url(endpoint, kind) if ref.revision is not None else f"{model_url(endpoint, ref.id)}/predictions"


def question(ref: Ref, inputs: Mapping[str, Any], destination: Ref | None) -> bytes:
    """Returns the body that creates a run; the API takes no field that it does not know."""
    asked: dict[str, Any] = {"input": inputs}
    if destination is not None:
        asked["destination"] = destination.id
    elif ref.revision is not None:
        asked["version"] = ref.revision
    return json.dumps(asked, ensure_ascii=False, allow_nan=False).encode()


# -- how far it is ------------------------------------------------------------------------------


@frozen(kw_only=True)
class State:
    """How far a run is, as an answer tells it.

    Attributes:
        id: The zoo's name for it.
        status: In the words of all zoos, which are Replicate's.
        payload: The answer.
    """

    id: str
    status: RunStatus
    payload: Mapping[str, Any] = field(repr=False, hash=False)

    @property
    def over(self) -> bool:
        """Whether nothing changes any more. With its whole output there, ``processing`` is not over."""
        return self.status in ENDED

    @property
    def output(self) -> Any:
        """What it put out so far."""
        return self.payload.get("output")

    @property
    def logs(self) -> str:
        """What it logged so far."""
        return string(self.payload.get("logs")) or ""

    @property
    def stream(self) -> str | None:
        """Where it is told as it goes on. None: nowhere."""
        return address(mapping(self.payload.get("urls")).get("stream"))

    @property
    def page(self) -> str:
        """Page about it for people."""
        return address(mapping(self.payload.get("urls")).get("web")) or f"{WEB}/p/{self.id}"


def read_state(payload: Any, expected: str | None = None) -> State:
    """Reads the answer about a run.

    Args:
        payload: The answer.
        expected: The id that was asked for. None: it is a new one.

    Raises:
        ProtocolError: It tells no id, or no status that is known.
        IntegrityError: It is about another run.
    """
    told = fields(payload, "a run")
    name, status = told.get("id"), told.get("status")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise ProtocolError(f"The answer does not name a run: its id is {str(name)[:80]!r}.")
    if expected is not None and name != expected:
        raise IntegrityError(f"Replicate was asked for the run {expected}, and answered with {name}.")
    known = _STATUSES.get(status) if isinstance(status, str) else None
    if known is None:
        raise ProtocolError(f"The run {name} is said to be {str(status)[:80]!r}, which is no status that is known.")
    return State(id=name, status=known, payload=told)


def ours(payload: Any, ref: Ref, inputs: Mapping[str, Any], since: datetime, kind: Kind) -> list[State]:
    """Returns those of the listed runs that may be the one which was asked for.

    Args:
        payload: The first page of the account's runs.
        ref: What was run.
        inputs: What was sent.
        since: It was asked for no sooner; aware UTC.
        kind: Predictions or trainings.
    """
    rows = mapping(payload).get("results")
    found = []
    for row in rows if isinstance(rows, list) else []:
        told = mapping(row)
        created = instant(told.get("created_at"))
        if created is None or created < since or told.get("input") != inputs:
            continue
        if not _is_of(told, ref, kind):
            continue
        try:
            found.append(read_state(row))
        except ProtocolError:
            continue
    return found


def _is_of(told: Mapping[str, Any], ref: Ref, kind: Kind) -> bool:
    if kind == "trainings" or ref.revision is not None:
        return told.get("version") == ref.revision
    model = told.get("model")
    return isinstance(model, str) and model.casefold() == ref.id.casefold()


def since(date: str | None, elapsed: float, now: datetime) -> datetime:
    """Returns the earliest time, by the zoo's clock, at which what was asked for can have been created.

    Args:
        date: The header ``Date`` of an answer that came just now. None: it had none.
        elapsed: Seconds since the question was sent.
        now: Our own time, aware UTC; believed within a minute where the zoo does not tell its own.
    """
    from email.utils import parsedate_to_datetime

    slack = timedelta(seconds=elapsed + 2)
    try:
        told = parsedate_to_datetime(date or "")
    except ValueError:
        return now - slack - timedelta(minutes=1)
    return (told.astimezone(now.tzinfo) if told.tzinfo else told.replace(tzinfo=now.tzinfo)) - slack


def upload_address(payload: Any, sha256: str) -> tuple[str, str | None]:
    """Reads the answer to a file that was sent ahead: what stands for it, and what is odd.

    Raises:
        ProtocolError: No address.
        IntegrityError: Other bytes arrived than were sent.
    """
    told = fields(payload, "a file")
    url = address(mapping(told.get("urls")).get("get"))
    if url is None:
        raise ProtocolError("The answer does not tell where the file is that was sent.")
    got = mapping(told.get("checksums")).get("sha256")
    if not isinstance(got, str):
        return url, "Replicate told no sha256 of a file that was sent."
    if got.lower() != sha256:
        raise IntegrityError(
            f"A file was sent with the sha256 {sha256}, and arrived with {got[:64]}.",
            hint="Something on the way changed it. Nothing was run; try again.",
        )
    return url, None


# -- the record ---------------------------------------------------------------------------------


def read_run(
    state: State, record: ModelRecord, sent: Mapping[str, Any], destination: Ref | None, problems: tuple[str, ...]
) -> Run:
    """Makes the record of a run.

    Args:
        state: How far it is.
        record: The model.
        sent: The inputs, as the record tells them.
        destination: Of a training. None: it is none.
        problems: What is to be known already.
    """
    told = state.payload
    version = string(told.get("version"))
    found = _Files()
    shape = record.schema.output if record.schema is not None and destination is None else None
    output = found.trained(plain(state.output)) if destination is not None else found.walked(plain(state.output), shape)
    odd = [*problems, *found.problems]
    if record.ref.revision is not None and version not in (None, record.ref.revision):
        odd.append(f"Version {record.ref.revision} was asked for, and {version} ran.")
    if told.get("data_removed") is True:
        odd.append("Replicate has removed its inputs, outputs and logs.")
    extra = {name: plain(value) for name, value in told.items() if name not in _READ}
    if destination is not None:
        extra["destination"] = str(destination)
    return Run(
        ref=record.ref,
        requested=record.requested,
        status=state.status,
        inputs=sent,
        output=output,
        files=tuple(found.files),
        id=state.id,
        version=version,
        task="train" if destination is not None else None,
        created_at=instant(told.get("created_at")),
        started_at=instant(told.get("started_at")),
        completed_at=instant(told.get("completed_at")),
        metrics=_metrics(told.get("metrics")),
        logs=state.logs,
        error=_error(told.get("error")),
        url=state.page,
        problems=tuple(odd),
        extra=extra,
    )


def _metrics(told: Any) -> dict[str, float]:
    return {
        str(name): float(value)
        for name, value in mapping(plain(told)).items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _error(told: Any) -> str | None:
    if told in (None, ""):
        return None
    return line(told if isinstance(told, str) else json.dumps(plain(told)), 2000)


class _Files:
    """The files of an output: found by what the model says that it gives, and not by how a text begins."""

    def __init__(self) -> None:
        self.files: list[RunFile] = []
        self.problems: list[str] = []
        self._names: set[str] = set()

    def walked(self, value: Any, shape: Output | None) -> Any:
        """The output with ``{"file": NAME}`` in place of each file, and pieces of one text put together."""
        if shape is None:
            return value
        if shape.kind == "array" and isinstance(value, list):
            if shape.joined and all(isinstance(item, str) for item in value) and shape.items != "file":
                return "".join(value)
            return [self._item(item, shape.items or "any", shape.fields) for item in value]
        return self._item(value, shape.kind, shape.fields)

    def trained(self, value: Any) -> Any:
        """The output of a training: the weights are a file."""
        if not isinstance(value, dict):
            return value
        return {name: self._kept(item) if name == "weights" else item for name, item in value.items()}

    def _item(self, value: Any, kind: OutputKind, shapes: Mapping[str, OutputKind], depth: int = _DEPTH) -> Any:
        if kind == "file":
            return self._kept(value)
        if kind == "object" and isinstance(value, dict) and depth:
            return {name: self._item(item, shapes.get(name, "any"), {}, depth - 1) for name, item in value.items()}
        return value

    def _kept(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._kept(item) for item in value]
        if not isinstance(value, str) or not value.lower().startswith(("https:", "http:", "data:")):
            if value is not None:
                self.problems.append(f"An output is said to be a file, and is {line(str(value), 60)!r}.")
            return value
        media_type, name = _named(value, f"output-{len(self.files)}")
        name = self._free(name)
        self.files.append(RunFile(name=name, url=value, media_type=media_type))
        return {"file": name}

    def _free(self, name: str) -> str:
        stem, dot, ending = name.rpartition(".")
        number, tried = 1, name
        while tried.casefold() in self._names:
            number += 1
            tried = f"{stem or ending}-{number}{dot and stem and '.'}{ending if stem else ''}"
        self._names.add(tried.casefold())
        return tried


def _named(url: str, otherwise: str) -> tuple[str | None, str]:
    """The media type of an address that holds its file, and a safe name for the file of any."""
    if url.lower().startswith("data:"):
        kind = url[5 : url.find(",") if "," in url[:200] else 5].partition(";")[0].lower() or None
        return kind, otherwise + (mimetypes.guess_extension(kind or "") or ".bin")
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    return mimetypes.guess_type(path)[0], file_name(unquote(path), otherwise)
