"""Recorded exchanges in place of a network."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from zooclient.errors import ConfigError, NetworkError
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Flow, Request, Response
from zooclient.net.exchange import replay as run_with
from zooclient.net.origin import masked
from zooclient.net.recording import read_exchange, redacted_text

T = TypeVar("T")

_Key = tuple[str, str, tuple[tuple[str, str], ...]]


class Replay:
    """Answers requests from recorded exchanges, and runs flows on them.

    An exchange answers a request of the same method and address; the order of a query does not matter, nor do values
    that were redacted. Several for one address are given in the order of their file names, the last one for ever.

    Args:
        exchanges: File name → what was recorded.
    """

    def __init__(self, exchanges: Mapping[str, Response]) -> None:
        self._lock = threading.Lock()
        self._answers: dict[_Key, list[Response]] = {}
        for _, answer in sorted(exchanges.items()):
            self._answers.setdefault(_key(answer.request), []).append(answer)
        #: Requests that were answered, in order.
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Response:
        """Returns the recorded answer.

        Raises:
            NetworkError: Nothing was recorded for this request.
        """
        with self._lock:
            answers = self._answers.get(_key(request))
            if not answers:
                raise NetworkError(
                    f"No recorded exchange answers {request.method} {redacted_text(request.url)}.",
                    url=masked(request.url),
                    hint="ZOOCLIENT_RECORD=DIR records exchanges.",
                )
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            self.asked.append(request)
        return Response(request=request, status=answer.status, headers=answer.headers, body=answer.body)

    def run(self, flow: Flow[T], cancel: Cancel | None = None) -> T:
        """Runs a flow, as a driver does.

        Args:
            flow: The conversation.
            cancel: Stops it before the next request. None: nothing does.
        """

        def answer(request: Request) -> Response:
            if cancel is not None:
                cancel.check()
            return self(request)

        return run_with(flow, answer)

    async def arun(self, flow: Flow[T], cancel: Cancel | None = None) -> T:
        """As :meth:`run`; nothing in it waits."""
        return self.run(flow, cancel)


def replay(folder: str | PathLike[str]) -> Replay:
    """Reads the exchanges of a folder, as ``ZOOCLIENT_RECORD=DIR`` writes them; other JSON files are passed over.

    Raises:
        ConfigError: The folder holds no exchange.
    """
    place = Path(folder)
    exchanges = {}
    for path in sorted(place.glob("*.json")):
        data = json.loads(path.read_text("utf-8"))
        found = read_exchange(data) if isinstance(data, dict) else None
        if found is not None:
            exchanges[path.name] = found
    if not exchanges:
        raise ConfigError(f"{place} holds no recorded exchange.", hint="ZOOCLIENT_RECORD=DIR records them.")
    return Replay(exchanges)


def _key(request: Request) -> _Key:
    parts = urlsplit(redacted_text(request.url))
    query = tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return request.method.upper(), f"{parts.scheme}://{parts.netloc}{parts.path}", query
