"""Real answers of a zoo, kept, and spoilt one value at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from zooclient.net.exchange import Flow, Request, Response

#: What stands in the place of a value some day.
_ODD_VALUES: tuple[Any, ...] = (None, 7, -1, 1e400, "", "../../x", "\ud800", [], {}, [None], {"a": 1}, True)
#: Values of one answer that are spoilt.
_SPOILT = 150


class Real:
    """What a zoo answers, each question asked once.

    Args:
        run: Runs a flow over the network: a client's ``run``.

    Attributes:
        answers: Method, address and body → the answer.
    """

    def __init__(self, run: Callable[[Flow[Response]], Response]) -> None:
        self._run = run
        self.answers: dict[tuple[str, str, bytes | None], Response] = {}

    def __call__(self, request: Request) -> Response:
        """Returns the answer, asked for where it is not known yet."""
        key = (request.method, request.url, request.content)
        if key not in self.answers:
            self.answers[key] = self._run(_one(request))
        return self.answers[key]

    def known(self, request: Request) -> Response:
        """The answer that was given; to a new question, that there is nothing."""
        answer = self.answers.get((request.method, request.url, request.content))
        return answer if answer is not None else Response(request=request, status=404)


def _one(request: Request) -> Flow[Response]:
    response: Response = yield request
    return response


def spoilt(answers: Mapping[tuple[str, str, bytes | None], Response]) -> Iterator[tuple[str, bytes]]:
    """Address and body of each answer with one value put in place of another, in turn."""
    for (_, url, _), response in answers.items():
        try:
            payload = json.loads(response.body)
        except ValueError:
            continue
        for path in islice(_paths(payload), _SPOILT):
            for odd in _ODD_VALUES:
                yield url, json.dumps(_put(payload, path, odd)).encode()


def _paths(payload: object) -> Iterator[tuple[str | int, ...]]:
    """The way to each value of a payload; of a list the first alone, since the others are like it."""
    inner: Iterable[tuple[str | int, object]] = ()
    if isinstance(payload, dict):
        inner = payload.items()
    elif isinstance(payload, list):
        inner = enumerate(payload[:1])
    for key, value in inner:
        yield (key,)
        yield from ((key, *rest) for rest in _paths(value))


def _put(payload: Any, path: tuple[str | int, ...], value: object) -> Any:
    key, *rest = path
    changed: Any = dict(payload) if isinstance(payload, dict) else list(payload)
    changed[key] = _put(changed[key], tuple(rest), value) if rest else value
    return changed
