"""Runs of models at ModelScope's API-Inference, which takes and gives what OpenAI's API does.

Chats are always asked for as a stream: some models give nothing else, and a long answer then keeps nobody waiting for
its first byte. A picture is made meanwhile and asked for as a task. Models are run by their name: which revision
answered is not told, and that nobody runs one is told when it is asked to run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import quote

from attrs import evolve

from zooclient.errors import NetworkError, ProtocolError, Unsupported, ZooError
from zooclient.net.events import Event, EventReader
from zooclient.net.exchange import Call, Flow, Listen, Pause, Request, Response, fetch
from zooclient.providers.chat import WORDS, Completion, Pieces, events, question, read_completion, worded
from zooclient.providers.given import Given, mapped, read_inputs, told_inputs
from zooclient.providers.modelscope import wire
from zooclient.providers.modelscope.endpoint import inference
from zooclient.providers.modelscope.run_refusal import run_refusal
from zooclient.providers.reading import entries, fields, line, mapping, strings
from zooclient.records.model import ModelRecord
from zooclient.records.run import Run, RunEvent, RunFile, RunRequest, RunStatus, file_name

Kind = Literal["chat/completions", "embeddings", "images/generations"]

#: Tasks, in the words of ModelScope and of the Hub → what does them. Any other is a chat.
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("sentence-embedding", "feature-extraction", "sentence-similarity"), "embeddings"),
    **dict.fromkeys(("text-to-image-synthesis", "text-to-image", "image-to-image"), "images/generations"),
}
#: Seconds that a model may be silent, and that a picture may take.
_SILENCE, _PATIENCE = 300.0, 1800.0
#: Seconds between two questions how far a picture is: short at first, then no longer than this.
_FIRST_PAUSE, _LAST_PAUSE = 0.25, 3.0
#: Bytes of an answer at the most: vectors and chats are text.
_BYTES = 64 * 1024 * 1024

Told = Callable[[RunEvent], None] | None


def run(endpoint: str, record: ModelRecord, request: RunRequest, told: Told) -> Flow[Run]:
    """One run, see :class:`~zooclient.providers.further.HostsModels`.

    Args:
        endpoint: Address of the site, without a slash at the end.
        record: The model.
        request: What is asked of it.
        told: Called with each piece. None: the end alone is awaited.
    """
    try:
        if request.served_by is not None:
            raise Unsupported("ModelScope does not let its hosts be chosen.", hint="Leave served_by out.")
        inputs = yield Call(run=lambda: read_inputs(request.inputs))
        kind = _kind(record, request)
        asking = _Asking(endpoint, record)
        if kind == "chat/completions":
            answer = yield from asking.chat(question(inputs), told)
        elif kind == "embeddings":
            answer = yield from asking.vectors(_one(inputs, "input"))
        else:
            answer = yield from asking.picture(_one(inputs, "prompt"), request.deadline or _PATIENCE)
    except ZooError as error:
        error.about(zoo=wire.SCHEME, ref=str(record.ref), operation="run")
        raise
    task = {"chat/completions": "conversational", "embeddings": "feature-extraction"}.get(kind, "text-to-image")
    return evolve(answer, inputs=told_inputs(inputs), task=task)


def _kind(record: ModelRecord, request: RunRequest) -> Kind:
    if "messages" in request.inputs:
        return "chat/completions"
    return _KINDS.get(request.task or record.task or "", "chat/completions")


def _one(inputs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The inputs, whose one text may have other names; files as addresses that hold them."""
    others = [word for word in WORDS if word in inputs and word != name]
    given: dict[str, Any] = mapped(worded(inputs), Given.data_uri)
    if name not in given and len(others) == 1:
        given = {name: given.pop(others[0]), **given}
    return given


class _Asking:
    """The questions of one run."""

    def __init__(self, endpoint: str, record: ModelRecord) -> None:
        self._web = endpoint
        self._api = f"{inference(endpoint)}/v1"
        self._record = record

    def chat(self, asked: Mapping[str, Any], told: Told) -> Flow[Run]:
        """A chat, told piece by piece."""
        body = {**asked, "stream": True, "stream_options": {"include_usage": True}}
        hearing = _Hearing(told)
        response = yield Listen(
            request=self._post("chat/completions", body, accept="text/event-stream"),
            heard=hearing.take,
            silence=_SILENCE,
        )
        self._check(response)
        said = hearing.completion(response)
        run = self._run(response, "succeeded")
        return evolve(
            run,
            output=said.output,
            logs=said.thoughts,
            id=said.id or run.id,
            created_at=said.created_at,
            metrics=said.metrics,
            extra={**run.extra, **said.extra},
        )

    def vectors(self, asked: Mapping[str, Any]) -> Flow[Run]:
        """Embeddings: one vector for a text, a list of them for a list."""
        body = {"encoding_format": "float", **asked}
        response = yield from fetch(evolve(self._post("embeddings", body), wait=_SILENCE))
        self._check(response)
        payload = fields(response.json(), "the embeddings")
        rows = [fields(row, "an embedding") for row in entries(payload.get("data"), "the embeddings")]
        vectors = [entries(row.get("embedding"), "a vector") for row in rows]
        one = isinstance(asked.get("input"), str) and len(vectors) == 1
        usage = mapping(payload.get("usage"))
        metrics = {name: value for name, value in usage.items() if type(value) in (int, float)}
        return evolve(self._run(response, "succeeded"), output=vectors[0] if one else vectors, metrics=metrics)

    def picture(self, asked: Mapping[str, Any], patience: float) -> Flow[Run]:
        """Pictures, made meanwhile."""
        post = self._post("images/generations", asked)
        response = yield from fetch(evolve(post, headers={**post.headers, "X-ModelScope-Async-Mode": "true"}))
        self._check(response)
        name = _task_of(response)
        url = f"{self._api}/tasks/{quote(name, safe='')}"
        waited, pause = 0.0, _FIRST_PAUSE
        while True:
            response = yield from fetch(Request(url=url, headers={"X-ModelScope-Task-Type": "image_generation"}))
            self._check(response)
            task = fields(response.json(), "the task")
            status = task.get("task_status")
            if status in ("SUCCEED", "FAILED"):
                break
            if not isinstance(status, str):
                raise ProtocolError("The answer does not tell how far the picture is.")
            if waited >= patience:
                raise NetworkError(
                    f"The picture was not made within {patience:g} seconds; it is task {name}.",
                    hint="ModelScope has no way to give a task up: it may still be made, and counted.",
                )
            yield Pause(seconds=pause)
            waited, pause = waited + pause, min(1.5 * pause, _LAST_PAUSE)
        addresses = strings(task.get("output_images"))
        if status == "SUCCEED" and not addresses:
            raise ProtocolError("The picture is said to be made, and not where it lies.")
        files = tuple(RunFile(name=_named(number, url), url=url) for number, url in enumerate(addresses))
        run = evolve(self._run(response, "succeeded" if status == "SUCCEED" else "failed"), id=name, files=files)
        if status == "FAILED":
            return evolve(run, error=_why(task))
        output = [{"file": file.name} for file in files]
        return evolve(run, output=output[0] if len(output) == 1 else output)

    def _post(self, path: str, asked: Mapping[str, Any], *, accept: str = "application/json") -> Request:
        return Request(
            url=f"{self._api}/{path}",
            method="POST",
            headers={"Content-Type": "application/json", "Accept": accept},
            content=json.dumps({"model": self._record.ref.id, **asked}, ensure_ascii=False).encode(),
            max_bytes=_BYTES,
        )

    def _check(self, response: Response) -> None:
        """Raises what a refusal means."""
        if not response.ok:
            raise run_refusal(response, self._record.ref, web=self._web)

    def _run(self, response: Response, status: RunStatus) -> Run:
        asked = self._record.requested.revision
        odd = () if asked is None else (f"Models are run by their name: whether revision {asked} ran is not told.",)
        left = {
            name.removeprefix("modelscope-ratelimit-"): value
            for name, value in response.headers.items()
            if name.startswith("modelscope-ratelimit-")
        }
        return Run(
            ref=evolve(self._record.ref, revision=None, content_digest=None),
            requested=self._record.requested,
            status=status,
            problems=odd,
            extra={"requests": left} if left else {},
        )


class _Hearing:
    """A chat as it arrives."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._reader = EventReader()
        self._pieces = Pieces()
        self._plain = bytearray()
        self._events = 0
        self._over = False

    def take(self, piece: bytes) -> bool:
        """Takes what came; whether that is all."""
        if not self._events:
            self._plain += piece  # perhaps it is no stream
        for event in self._reader.feed(piece):
            if isinstance(event, Event) and not self._over:
                self._events += 1
                self._hear(event.data)
        return self._over

    def _hear(self, data: str) -> None:
        if data.strip() == "[DONE]":
            self._over = True
            return
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"A piece of the answer is not JSON: {line(data, 80)!r}.") from error
        if mapping(chunk).get("errors"):
            chunk = {"error": mapping(chunk)["errors"]}
        for event in events(*self._pieces.add(chunk)):
            if self._told is not None:
                self._told(event)

    def completion(self, response: Response) -> Completion:
        """The whole, which may have come as one piece after all."""
        if self._events:
            return self._pieces.completion()
        whole = read_completion(evolve(response, body=bytes(self._plain)).json())
        for event in events(whole.output if isinstance(whole.output, str) else "", whole.thoughts):
            if self._told is not None:
                self._told(event)
        return whole


def _task_of(response: Response) -> str:
    name = fields(response.json(), "the task").get("task_id")
    if isinstance(name, str) and name:
        return name
    raise ProtocolError("The answer does not name the task that makes the picture.")


def _named(number: int, url: str) -> str:
    path = url.partition("?")[0].partition("#")[0]
    return f"{number}-{file_name(path, 'output')}"


def _why(task: Mapping[str, Any]) -> str:
    told = mapping(task.get("errors"))
    return line("; ".join(strings(told.get("message")) or strings(task.get("message")))) or "no reason is told"
