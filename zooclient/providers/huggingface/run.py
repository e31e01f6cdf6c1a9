"""Runs of models that somebody hosts for the Hub, through the Hub's own client.

``huggingface_hub``'s ``InferenceClient`` knows what each host takes for each task. It works in a process of its own
(:mod:`zooclient.providers.huggingface.run_child`), behind the guard: the token goes to the Hub and to its router, and
to no host. Hosts run a model by its name: which revision answered is not told.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from zooclient import __version__
from zooclient.errors import Unsupported, ZooError
from zooclient.net.exchange import Call, Entrusted, Flow, Means, Request, Response, fetch
from zooclient.providers.chat import Completion, Pieces, events, question, read_completion, worded
from zooclient.providers.child import ask_child
from zooclient.providers.given import Given, made_file, mapped, read_inputs, told_inputs
from zooclient.providers.huggingface import wire
from zooclient.providers.huggingface.endpoint import router
from zooclient.providers.huggingface.hosts import CHAT, OWN, Host, chosen, hosts_url, read_hosts, task_url
from zooclient.providers.huggingface.official import hub_environment
from zooclient.providers.huggingface.refusal import refusal
from zooclient.providers.huggingface.run_refusal import judged
from zooclient.providers.reading import mapping, string
from zooclient.records.model import ModelRecord
from zooclient.records.run import Run, RunEvent, RunFile, RunRequest

_CHILD = Path(__file__).with_name("run_child.py")

#: Seconds that a host may be silent.
_PATIENCE = 600.0

Told = Callable[[RunEvent], None] | None


def run(endpoint: str, record: ModelRecord, request: RunRequest, told: Told) -> Flow[Run]:
    """One run, see :class:`~zooclient.providers.further.HostsModels`.

    Args:
        endpoint: Address of the Hub, without a slash at the end.
        record: The model.
        request: What is asked of it.
        told: Called with each piece. None: the end alone is awaited.
    """
    try:
        response = yield from fetch(Request(url=hosts_url(endpoint, record.ref.id)))
        if not response.ok:
            raise refusal(response, record.ref, "run", web=endpoint)
        hosts = read_hosts(response.json())
        host = chosen(hosts, request)
        if host is None:
            raise (yield from _not_hosted(endpoint, record, request, hosts))
        inputs = yield Call(run=lambda: read_inputs(request.inputs))
        work = _Work(endpoint=endpoint, record=record, request=request, host=host, inputs=inputs)
        wish = work.wish(stream=told is not None and host.task == CHAT)
        answer = yield Entrusted(url=router(endpoint), run=lambda means: work.do(wish, means, told))
        run = work.read(*answer)
        if told is not None and not wish["stream"] and isinstance(run.output, str):
            told(RunEvent(kind="output", text=run.output))
        return run
    except ZooError as error:
        error.about(zoo=wire.SCHEME, ref=str(record.ref), operation="run")
        raise


def _not_hosted(endpoint: str, record: ModelRecord, request: RunRequest, hosts: tuple[Host, ...]) -> Flow[Unsupported]:
    """The error for a model that nobody runs as was asked, with what would."""
    if hosts:
        offers = ", ".join(f"{host.task} at {host.name}" + ("" if host.works else " (failing)") for host in hosts)
        wished = "".join((f" for {request.task}" if request.task else "", f" at {request.served_by or 'any host'}"))
        return Unsupported(f"{record.ref} is not run{wished}.", hint=f"It is run for {offers}.")
    demos = record.demos
    if not demos:
        response: Response = yield from fetch(Request(url=wire.spaces_url(endpoint, record.ref.id)))
        demos = wire.read_demos(response.json(), endpoint=endpoint) if response.ok else ()
    shown = sorted(demos, key=lambda demo: demo.state != "RUNNING")[:3]
    spaces = "; ".join(demo.url + (f" ({demo.state})" if demo.state else "") for demo in shown)
    here = 'load() and into("transformers") run it on this machine.'
    return Unsupported(
        f"No host of the Hub runs {record.ref}.",
        hint=f"Spaces that show it at work: {spaces}. {here}" if spaces else f"No Space shows it either. {here}",
    )


@frozen(kw_only=True)
class _Work:
    """One run, once it is known who does it.

    Attributes:
        endpoint: Address of the Hub.
        record: The model.
        request: What is asked of it.
        host: Who runs it.
        inputs: What is asked, files read.
    """

    endpoint: str
    record: ModelRecord
    request: RunRequest
    host: Host
    inputs: Mapping[str, Any]

    @property
    def routed(self) -> bool:
        """Whether the Hub's router chooses the host: for chats, where none is named."""
        return self.host.task == CHAT and self.request.served_by is None

    @property
    def who(self) -> str:
        """Who is asked, as a sentence names it."""
        return "The Hub's router" if self.routed else self.host.name

    def wish(self, *, stream: bool) -> dict[str, Any]:
        """What the client is asked for, but for the token.

        Raises:
            ConfigError: The inputs are no chat.
        """
        at, chat, more = router(self.endpoint), self.host.task == CHAT, {}
        url = task_url(at, self.host) if self.host.name == OWN else None
        if chat:
            url = f"{at}/v1"
            named = "" if self.routed else f":{self.host.name}"
            more = {"model": self.record.ref.id + named}
        return {
            "endpoint": self.endpoint,
            "router": at,
            "model": self.record.ref.id,
            "host": self.host.name,
            "served_id": self.host.served_id,
            "url": url,
            "task": self.host.task,
            "method": self.host.method,
            "inputs": mapped(question(self.inputs) if chat else worded(self.inputs), _sent),
            "more": more,
            "stream": stream,
            "timeout": self.request.deadline or _PATIENCE,
            "version": __version__,
        }

    def do(self, wish: Mapping[str, Any], means: Means, told: Told) -> tuple[Mapping[str, Any], Completion | None]:
        """Lets the client make the call; blocks."""
        pieces = Pieces()

        def heard(piece: Any) -> None:
            for event in events(*pieces.add(piece)):
                if told is not None:
                    told(event)

        with tempfile.TemporaryDirectory(prefix="zooclient-run-", ignore_cleanup_errors=True) as home:
            environ = hub_environment(self.endpoint, means.environ, means.proxy, home=Path(home) / "home")
            answer = ask_child(_CHILD, {**wish, "token": means.token}, environ, means.stop, heard)
        if "chain" in answer:
            chain = [mapping(link) for link in answer["chain"] or ()]
            raise judged(chain, self.record.ref, self.who, web=self.endpoint)
        return answer, pieces.completion() if wish["stream"] else None

    def read(self, answer: Mapping[str, Any], streamed: Completion | None) -> Run:
        """Returns what came of it."""
        about = mapping(answer.get("about"))
        # Where the router chose, it may not have said whom.
        served = string(about.get("x-inference-provider")) or (None if self.routed else self.host.name)
        bare = evolve(self.record.ref, revision=None, content_digest=None)
        run = Run(
            ref=bare,
            requested=self.record.requested,
            status="succeeded",
            inputs=told_inputs(self.inputs),
            served_by=served,
            task=self.host.task,
            id=string(about.get("x-request-id")),
            problems=self._problems(),
        )
        if self.host.task == CHAT:
            said = streamed or read_completion(answer.get("value"))
            return evolve(
                run,
                output=said.output,
                id=said.id or run.id,
                created_at=said.created_at,
                metrics=said.metrics,
                logs=said.thoughts,
                extra=said.extra,
            )
        files: list[RunFile] = []
        return evolve(run, output=_output(answer.get("value"), files), files=tuple(files))

    def _problems(self) -> tuple[str, ...]:
        asked = self.record.requested.revision
        if asked is None:
            return ()
        return (f"Hosts run a model by its name: whether it was revision {asked} that answered is not told.",)


def _sent(file: Given) -> dict[str, str]:
    """A file among JSON values."""
    return {"$bytes": base64.b64encode(file.content).decode()}


def _output(value: Any, files: list[RunFile]) -> Any:
    """The output with ``{"file": NAME}`` in place of each file, which is added to ``files``."""
    if isinstance(value, dict) and set(value) == {"$bytes"}:
        files.append(made_file(len(files), base64.b64decode(value["$bytes"])))
        return {"file": files[-1].name}
    if isinstance(value, dict):
        return {name: _output(item, files) for name, item in value.items() if item is not None}
    return [_output(item, files) for item in value] if isinstance(value, list) else value
