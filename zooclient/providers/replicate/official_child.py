"""Runs in a process of its own: one prediction through the ``replicate`` package, with a guard around its HTTP client.

The package sends its token with every request it makes: to the host that an output lies on, to that of a stream, and
to whatever ``next`` and ``get`` of an answer name. The guard takes it out of each that is not for the API. It also
knows five statuses and fails on the sixth, ``aborted``; so what the API answered is kept as it came, and told.

One JSON object comes in on stdin, lines of JSON go out on stdout. Hardly anything of zooclient is imported
here.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from zooclient.providers.orphan import end_with_parent

_ENDED = ("succeeded", "failed", "canceled", "aborted")
#: Exceptions in a chain that are told at the most, and characters of what a server said.
_CHAIN, _WORDS = 10, 4000
#: Headers of a refusal that are told.
_HEADERS = ("retry-after", "ratelimit-reset", "ratelimit-remaining", "date", "content-type")


def main() -> None:
    """Reads the wish, runs the model, and prints the prediction or what went wrong."""
    wish = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not mix with the answer

    def tell(said: Mapping[str, Any]) -> None:
        out.write(json.dumps(said) + "\n")
        out.flush()

    kept = Kept()
    try:
        tell({"prediction": _run(wish, kept, lambda piece: tell({"more": piece}))})
    except Exception as error:  # whatever a foreign client raises is told, and judged on the other side
        tell({"chain": told(error), "refused": kept.refused})
    out.close()


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

    home = _origin(endpoint)

    def strip(request: Any) -> None:
        if _origin(str(request.url)) != home:
            request.headers.pop("cookie", None)
        if token is None or _origin(str(request.url)) != home:
            request.headers.pop("authorization", None)

    def answered(response: Any) -> None:
        if kept is not None and _origin(str(response.request.url)) == home:
            kept.take(response)

    hooks = {"request": [strip], "response": [answered]}
    headers = {} if token else {"Authorization": ""}  # the package would look around for one
    return Client(api_token=token, base_url=endpoint, event_hooks=hooks, proxy=proxy, headers=headers)


def _run(wish: dict[str, Any], kept: Kept, more: Callable[[Any], None]) -> Any:
    client = guarded(wish["endpoint"], wish["token"], wish["proxy"], kept)
    leaving = _Leaving()
    signal.signal(signal.SIGTERM, leaving)
    end_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
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
        except Exception:
            if not kept.ended:  # the package cannot read how it ended
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


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def told(error: BaseException | None) -> list[dict[str, Any]]:
    """Returns an exception and its causes: names of their classes, and text."""
    chain: list[dict[str, Any]] = []
    while error is not None and len(chain) < _CHAIN:
        chain.append({"names": [kind.__name__ for kind in type(error).__mro__], "text": str(error)})
        error = error.__cause__ or error.__context__
    return chain


if __name__ == "__main__":
    main()
