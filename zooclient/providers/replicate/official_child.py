"""Runs in a process of its own: one prediction through the ``replicate`` package, with a guard around its HTTP client.

The package sends its token with every request it makes: to the host that an output lies on, to that of a stream, and
to whatever ``next`` and ``get`` of an answer name. The guard takes it out of each that is not for the API. It also
knows five statuses and fails on the sixth, ``aborted``; so what the API answered is kept as it came, and told.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from zooclient.providers.childside import Tell, chain_of, origin_of, serve

_ENDED = ("succeeded", "failed", "canceled", "aborted")
#: Characters of what a server said that are passed on.
_WORDS = 4000
#: Headers of a refusal that are told.
_HEADERS = ("retry-after", "ratelimit-reset", "ratelimit-remaining", "date", "content-type")


def main() -> None:
    """Runs the model that is wished for, and tells the prediction or what went wrong."""
    kept = Kept()

    def work(wish: dict[str, Any], tell: Tell) -> dict[str, Any]:
        return {"prediction": _run(wish, kept, lambda piece: tell({"more": piece}))}

    # Asked to leave, it has the model stopped first.
    leave = partial(os.kill, os.getpid(), signal.SIGTERM)
    serve(work, lambda error: {"chain": chain_of(error), "refused": kept.refused}, end=leave)


class Kept:
    """What the API told last, as it told it.

    Attributes:
        prediction: The prediction. None: none yet.
        refused: Status, headers and body of an answer that was no success. None: the last one was.
    """

    def __init__(self) -> None:
        self.prediction: dict[str, Any] | None = None
        self.refused: dict[str, Any] | None = None

    def take(self, response: Any) -> None:
        """Keeps what an answer tells."""
        self.refused = None
        if not response.is_success:
            response.read()
            headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
            self.refused = {"status": response.status_code, "headers": headers, "body": response.text[:_WORDS]}
            return
        if not response.headers.get("content-type", "").startswith("application/json"):
            return
        response.read()
        try:
            answer = json.loads(response.content)
        except ValueError:
            return
        if isinstance(answer, dict) and {"id", "status", "input"} <= set(answer):
            self.prediction = answer

    @property
    def ended(self) -> bool:
        """Whether nothing changes any more."""
        return self.prediction is not None and self.prediction["status"] in _ENDED


def guarded(endpoint: str, token: str | None, proxy: str | None = None, kept: Kept | None = None) -> Any:
    """Returns a client of the package that shows its token to the API alone.

    Args:
        endpoint: Address of the API, without ``/v1``.
        token: None: there is none.
        proxy: None: none.
        kept: What is to see the API's answers. None: nobody.
    """
    from replicate.client import Client

    home = origin_of(endpoint)

    def strip(request: Any) -> None:
        if origin_of(str(request.url)) != home:
            request.headers.pop("cookie", None)
        if token is None or origin_of(str(request.url)) != home:
            request.headers.pop("authorization", None)

    def answered(response: Any) -> None:
        if kept is not None and origin_of(str(response.request.url)) == home:
            kept.take(response)

    hooks = {"request": [strip], "response": [answered]}
    headers = {} if token else {"Authorization": ""}  # the package would look around for one
    return Client(api_token=token, base_url=endpoint, event_hooks=hooks, proxy=proxy, headers=headers)


def _run(wish: dict[str, Any], kept: Kept, more: Callable[[Any], None]) -> Any:
    client = guarded(wish["endpoint"], wish["token"], wish["proxy"], kept)
    leaving = _Leaving()
    signal.signal(signal.SIGTERM, leaving)
    until = None if wish["deadline"] is None else time.monotonic() + wish["deadline"]
    given = {"input": {name: _value(value) for name, value in wish["inputs"].items()}}
    prediction: Any = None
    try:
        try:
            # Not with ``wait``: what has no id yet cannot be cancelled.
            with leaving.held():
                if wish["version"]:
                    prediction = client.predictions.create(version=wish["version"], **given)
                else:
                    prediction = client.models.predictions.create(model=wish["model"], **given)
            if wish["stream"]:
                _listen(prediction, more)
            while not kept.ended:
                if until is not None and time.monotonic() >= until:
                    prediction.cancel()
                    until = None
                else:
                    prediction.reload()
                    if not kept.ended:
                        time.sleep(client.poll_interval)
        except Exception:  # of any kind: the package cannot read how an aborted run ended, and we can
            if not kept.ended:
                raise
        return kept.prediction
    finally:
        if prediction is not None and not kept.ended:
            prediction.cancel()


class _Leaving:
    """Who stops us wants the model to stop, too, because it is billed: so not between a question and its answer."""

    def __init__(self) -> None:
        self._held = self._asked = False

    def __call__(self, *_: Any) -> None:
        self._asked = True
        if not self._held:
            raise SystemExit(1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Leaves after the block, not within; what the block assigned is kept."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._asked:
            raise SystemExit(1)


def _listen(prediction: Any, more: Callable[[Any], None]) -> None:
    """Tells the events of a run as they come; what a broken stream leaves out is in the prediction."""
    if not (prediction.urls or {}).get("stream"):
        return
    try:
        for event in prediction.stream(use_file_output=False):
            kind = getattr(event.event, "value", event.event)
            if kind in ("output", "logs"):
                more({"kind": kind, "text": str(event.data)})
    except Exception as error:  # of whatever kind: the prediction is asked next, and tells how it is
        print(f"The stream broke: {error}", file=sys.stderr)


def _value(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"$name", "$bytes"}:
        file = io.BytesIO(base64.b64decode(value["$bytes"]))
        file.name = value["$name"] or "input"
        return file
    if isinstance(value, dict):
        return {name: _value(item) for name, item in value.items()}
    return [_value(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
