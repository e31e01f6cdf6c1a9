"""Runs through the zoo's own client, ``replicate``: the way on when the wire changes.

It works in a process of its own (see :mod:`zooclient.providers.replicate.official_child`), behind a guard that takes
the token out of every request that is not for the API. Outputs are named by their address and fetched by us. It fetches
no files of models. It cannot be imported in Python 3.14 and newer, because it is made with pydantic 1.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from zooclient.errors import ConfigError, NetworkError, ProtocolError, Unsupported, ZooError
from zooclient.net.exchange import Call, Entrusted, Flow, Means, Request, Response
from zooclient.providers.child import ask_child, environment, names_and_texts
from zooclient.providers.given import Given, mapped, read_inputs
from zooclient.providers.reading import line, mapping
from zooclient.providers.replicate import runs_wire
from zooclient.providers.replicate.refusal import refusal
from zooclient.providers.replicate.run import refuse_odd
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref
from zooclient.records.run import Run, RunEvent, RunRequest

_CHILD = Path(__file__).with_name("official_child.py")

#: Variables that decide where requests go and what they carry: the child gets them from the settings alone.
_OURS = re.compile(
    r"(?:REPLICATE_|ZOOCLIENT_|(?:HTTPS?|ALL|NO|FTP)_PROXY$|SSL_CERT_|REQUESTS_CA|CURL_CA|NETRC$)", re.IGNORECASE
)
#: Of those, what the settings' environment may say.
_PASSED = re.compile(r"SSL_CERT_(?:FILE|DIR)|REPLICATE_POLL_INTERVAL", re.IGNORECASE)
#: Python from which on the package cannot be imported.
_TOO_NEW = (3, 14)
#: Seconds in which a run that is given up is cancelled at the zoo.
_GRACE = 10.0
_INSTALL = "`python -m pip install replicate` installs it."


@frozen(kw_only=True)
class OfficialReplicate:
    """``replicate`` as a way to run models.

    Args:
        endpoint: Address of the API, without ``/v1``.
    """

    endpoint: str

    def run(
        self, record: ModelRecord, request: RunRequest, *, told: Callable[[RunEvent], None] | None = None
    ) -> Flow[Run]:
        """One run, see :class:`~zooclient.providers.further.HostsModels`.

        Raises:
            ConfigError: The inputs do not fit, or a wish has no meaning there; nothing was sent.
            Unsupported: ``replicate`` is not installed, or cannot be imported in this Python.
            ZooError: What the package failed with, in our words.
        """
        try:
            if request.destination is not None:
                raise Unsupported(
                    "Trainings are not started through Replicate's own client.",
                    hint='Leave via="official" (--via official) out.',
                )
            if sys.version_info >= _TOO_NEW:
                raise too_new()
            refuse_odd(record.ref, request)
            schema = record.schema
            fitting = dict(request.inputs) if schema is None else schema.check(request.inputs)
            read: dict[str, Any] = yield Call(run=lambda: read_inputs(fitting))
            wish = {
                "endpoint": self.endpoint,
                "model": record.ref.id,
                "version": record.ref.revision,
                "inputs": mapped(read, _sent),
                "stream": told is not None,
                "deadline": request.deadline,
            }
            answer = yield Entrusted(url=self.endpoint, run=lambda means: _ask(wish, means, told))
            if not isinstance(answer.get("prediction"), dict):
                raise judged(answer, record.ref)
            state = runs_wire.read_state(answer["prediction"])
            secret = {one.name for one in schema.inputs if one.secret} if schema is not None else set()
            shown = {name: mapped(value, Given.told) for name, value in read.items() if name not in secret}
            return runs_wire.read_run(state, record, shown, None, ())
        except ZooError as error:
            error.about(zoo="replicate", ref=str(record.ref), operation="run")
            raise

    def train(
        self, record: ModelRecord, request: RunRequest, *, told: Callable[[RunEvent], None] | None = None
    ) -> Flow[Run]:
        """Trains nothing.

        Raises:
            Unsupported: Always.
        """
        return self.run(record, request, told=told)


def too_new() -> Unsupported:
    """Returns the error for a Python in which the package cannot be imported."""
    return Unsupported(
        "Replicate's own client cannot be imported in Python 3.14 and newer.",
        hint='Leave via="official" (--via official) out, or use Python 3.13 for it.',
    )


def _ask(wish: Mapping[str, Any], means: Means, told: Callable[[RunEvent], None] | None) -> Mapping[str, Any]:
    def heard(piece: Any) -> None:
        kind, text = mapping(piece).get("kind"), mapping(piece).get("text")
        if told is not None and isinstance(text, str):
            told(RunEvent(kind="logs" if kind == "logs" else "output", text=text))

    environ = environment(means.environ, None, ours=_OURS, passed=_PASSED, set_here={})
    whole = {**wish, "token": means.token, "proxy": means.proxy}
    return ask_child(_CHILD, whole, environ, means.stop, heard, grace=_GRACE)


def judged(answer: Mapping[str, Any], ref: Ref) -> ZooError:
    """Returns our error for what the package raised: by what the API refused where it did, else by name."""
    refused = mapping(answer.get("refused"))
    names, texts = names_and_texts([mapping(link) for link in answer.get("chain") or ()])
    if isinstance(refused.get("status"), int):
        response = Response(
            request=Request(url="https://api.replicate.com/", method="POST"),
            status=refused["status"],
            headers={name: str(value) for name, value in mapping(refused.get("headers")).items()},
            body=str(refused.get("body") or "").encode(),
        )
        error = refusal(response, ref, "run")
        error.url = None
        return error
    said = line(texts[0]) if texts else "it said nothing"
    if names & {"ModuleNotFoundError", "ImportError"}:
        return Unsupported(f"Replicate's own client cannot be used here: {said}", hint=_INSTALL)
    if names & {"ValidationError", "JSONDecodeError", "Crash", "KeyError", "AttributeError"}:
        return ProtocolError(f"Replicate's own client could not run {ref}: {said}")
    if names & {"TransportError", "TimeoutException", "HTTPError"}:
        return NetworkError(
            f"Replicate's own client lost its way to {ref}: {said}",
            hint="A run that was created goes on, and is billed: https://replicate.com/predictions lists it.",
        )
    return ConfigError(f"Replicate's own client does not run {ref} so: {said}")


def _sent(file: Given) -> dict[str, str]:
    return {"$name": file.name, "$bytes": base64.b64encode(file.content).decode()}
