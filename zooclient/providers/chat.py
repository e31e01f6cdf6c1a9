"""A chat with a model, in the shape that OpenAI gave it and most hosts took over; pure.

A request has ``messages``, an answer ``choices`` with a ``message`` each; a streamed one comes in chunks, whose
``delta`` are put together (https://platform.openai.com/docs/api-reference/chat).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import field, frozen

from zooclient.errors import ConfigError, NetworkError, ProtocolError
from zooclient.providers.given import Given, mapped
from zooclient.providers.reading import entries, fields, line, mapping, plain, string
from zooclient.records.run import RunEvent

#: What an input may be called in place of ``messages``.
WORDS = ("prompt", "text", "inputs", "input")
#: Inputs of a chat that are words, also where a file is given.
_SAID = (*WORDS, "system")
#: Parts of a message that are text.
_TEXTS = ("content", "reasoning_content", "reasoning")


@frozen(kw_only=True)
class Completion:
    """What a model said.

    Attributes:
        output: The text; the whole message where it is more than text, such as calls of tools; a list of such where
            several answers were asked for.
        thoughts: What it wrote before it answered, where that is told apart.
        id: The host's name for the answer. None: it has none.
        model: Who answered, in the host's words. None when not told.
        created_at: When it was made, aware UTC. None when not told.
        metrics: What was counted, such as ``completion_tokens``.
        extra: What else was told, ``finish_reason`` among it.
    """

    output: Any = field(hash=False)
    thoughts: str = ""
    id: str | None = None
    model: str | None = None
    created_at: datetime | None = None
    metrics: Mapping[str, float] = field(factory=dict, hash=False)
    extra: Mapping[str, Any] = field(factory=dict, hash=False)


def question(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a request: ``messages``, made of a prompt where there are none, and what was given besides.

    Args:
        inputs: ``messages``, or a text under one of :data:`WORDS`, beside which an ``image`` may stand; ``system``, a
            text, may stand before either. Files were read; one in place of a text is its words, in place of
            ``messages`` their JSON, and any other becomes an address that holds it.

    Raises:
        ConfigError: There is neither, or they are of the wrong kind.
    """
    asked = {
        name: value.text if isinstance(value, Given) and name in _SAID else value for name, value in inputs.items()
    }
    given = [word for word in WORDS if word in asked]
    if "messages" in asked and not given:
        messages = _listed(asked.pop("messages"))
        if not isinstance(messages, (list, tuple)) or not all(isinstance(message, Mapping) for message in messages):
            raise ConfigError("messages have to be a list of objects with role and content.", operation="run")
    elif len(given) == 1 and "messages" not in asked:
        said = asked.pop(given[0])
        if isinstance(said, (bool, int, float)):
            said = json.dumps(said)  # a command line reads a prompt of 42 as a number
        if not isinstance(said, (str, list)):
            raise ConfigError(f"{given[0]} has to be a text.", operation="run")
        messages = [{"role": "user", "content": _with_image(said, asked.pop("image", None))}]
    else:
        raise ConfigError(
            "A chat takes either messages or a prompt.",
            operation="run",
            hint='prompt="…" is short for messages=[{"role": "user", "content": "…"}].',
        )
    system = asked.pop("system", None)
    first = [] if system is None else [{"role": "system", "content": system}]
    whole: dict[str, Any] = mapped({"messages": [*first, *messages], **asked}, Given.data_uri)
    return whole


def worded(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns read inputs with its words in place of a file that is given as a prompt or a text.

    Raises:
        ConfigError: It holds no words.
    """
    return {
        name: value.text if isinstance(value, Given) and name in ("prompt", "text") else value
        for name, value in inputs.items()
    }


def _listed(messages: Any) -> Any:
    if not isinstance(messages, Given):
        return messages
    try:
        return json.loads(messages.text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{messages.name} is to hold messages, and is no JSON: {error}.") from error


def _with_image(said: str | list[Any], image: Any) -> str | list[Any]:
    if image is None:
        return said
    text = [{"type": "text", "text": said}] if isinstance(said, str) else said
    return [*text, {"type": "image_url", "image_url": {"url": image}}]


def read_completion(payload: Any) -> Completion:
    """Reads a whole answer.

    Raises:
        ProtocolError: It has no choices, or one without a message.
    """
    told = fields(payload, "the answer of the model")
    choices = [fields(choice, "a choice") for choice in entries(told.get("choices"), "the choices")]
    if not choices:
        raise ProtocolError("The answer of the model has no choices.", hint="Is the endpoint right?")
    return _completion(told, [(fields(choice.get("message"), "a message"), choice) for choice in choices])


class Pieces:
    """Puts together what comes piece by piece."""

    def __init__(self) -> None:
        self._told: dict[str, Any] = {}
        self._choices: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def add(self, chunk: Any) -> tuple[str, str]:
        """Takes one piece, and returns what it adds to the answer, and to what the model thinks.

        Raises:
            ProtocolError: It is of another shape.
            NetworkError: It tells that the host failed.
        """
        told = fields(chunk, "a piece of the answer")
        if told.get("error"):
            words = string(mapping(told["error"]).get("message")) or string(told["error"]) or "it did not say why"
            raise NetworkError(f"The host failed in the middle of its answer: {line(words)}", operation="run")
        self._told |= {name: value for name, value in told.items() if name != "choices" and value is not None}
        said, thought = "", ""
        for place, choice in enumerate(entries(told.get("choices", []), "the choices")):
            choice = fields(choice, "a choice")
            index = choice.get("index")
            number = index if type(index) is int else place
            message, about = self._choices.setdefault(number, ({}, {}))
            about |= {name: value for name, value in choice.items() if name != "delta" and value is not None}
            delta = mapping(choice.get("delta"))
            _join(message, delta)
            said += (string(delta.get("content")) or "") if number == 0 else ""
            thought += string(delta.get("reasoning_content")) or string(delta.get("reasoning")) or ""
        return said, thought

    def completion(self) -> Completion:
        """Returns the whole.

        Raises:
            NetworkError: The last piece has not come.
        """
        if not self._choices or not all(about.get("finish_reason") for _, about in self._choices.values()):
            raise NetworkError(
                "The stream ended before the answer did.", operation="run", hint="What came until then was told."
            )
        return _completion(self._told, [self._choices[number] for number in sorted(self._choices)])


def events(said: str, thought: str) -> tuple[RunEvent, ...]:
    """Returns what a piece means for whoever listens: thoughts are told as logs."""
    first = (RunEvent(kind="logs", text=thought),) if thought else ()
    return (*first, RunEvent(kind="output", text=said)) if said else first


def _join(message: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name, value in delta.items():
        if name in _TEXTS and isinstance(value, str):
            message[name] = (message.get(name) or "") + value
        elif name == "tool_calls" and isinstance(value, list):
            calls = message.setdefault("tool_calls", [])
            for call in map(mapping, value):
                _join_call(calls, call)
        elif value is not None:
            message.setdefault(name, value)


def _join_call(calls: list[dict[str, Any]], call: Mapping[str, Any]) -> None:
    index = call.get("index")
    number = index if type(index) is int and 0 <= index <= len(calls) else len(calls)
    if number == len(calls):
        calls.append({})
    whole, function = calls[number], dict(mapping(calls[number].get("function")))
    for name, value in mapping(call.get("function")).items():
        before = function.get(name)
        function[name] = before + value if isinstance(before, str) and isinstance(value, str) else value
    whole |= {name: value for name, value in call.items() if name not in ("index", "function") and value is not None}
    whole["function"] = function


def _completion(told: Mapping[str, Any], choices: list[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Completion:
    messages = [message for message, _ in choices]
    outputs = [_output(message) for message in messages]
    created, usage = told.get("created"), mapping(told.get("usage"))
    reasons = [string(about.get("finish_reason")) for _, about in choices]
    extra = {name: plain(value) for name, value in told.items() if name in ("system_fingerprint", "service_tier")}
    return Completion(
        output=outputs[0] if len(outputs) == 1 else outputs,
        thoughts="\n".join(
            thought
            for message in messages
            if (thought := string(message.get("reasoning_content")) or string(message.get("reasoning")))
        ),
        id=string(told.get("id")),
        model=string(told.get("model")),
        created_at=_instant(created),
        metrics={name: value for name, value in usage.items() if type(value) in (int, float)},
        extra={**extra, "finish_reason": reasons[0] if len(reasons) == 1 else reasons},
    )


def _output(message: Mapping[str, Any]) -> Any:
    content = message.get("content")
    if message.get("tool_calls") or not isinstance(content, str):
        return plain(message)
    return plain(content)


def _instant(value: Any) -> datetime | None:
    if type(value) not in (int, float) or not 0 < value < 1e11:
        return None
    return datetime.fromtimestamp(value, UTC)
