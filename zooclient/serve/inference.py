"""Inference as the hosts of models offer it: chats in OpenAI's shape, which the Hub's router and ModelScope share.

What they say is taken from what ``huggingface_hub`` reads, from OpenAI's published reference, and from answers of
ModelScope that people quote.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Any

from attrs import field, frozen

from zooclient.serve.exchange import Answer, Question, json_answer
from zooclient.serve.served import Asked, Served


def body_of(question: Question) -> dict[str, Any] | None:
    """Returns the JSON object of a request; None: it is none."""
    try:
        told = json.loads(question.body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def chat(served: Served, asked: Asked) -> Answer:
    """Returns a model's answer to a chat: whole, or as a stream where that was asked for."""
    said = served.answer(asked)
    pieces = iter((said,)) if isinstance(said, (str, dict)) else iter(said)
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": asked.model}
    if asked.inputs.get("stream"):
        headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        body = ChatStream(head=head, pieces=pieces, cut=served.cut)
        return Answer(headers=headers, body=body, model=asked.model)
    whole = list(pieces)
    message = whole[0] if whole and isinstance(whole[0], dict) else {"role": "assistant", "content": "".join(whole)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    told = {**head, "object": "chat.completion", "system_fingerprint": "local", "choices": [choice]}
    return json_answer({**told, "usage": _usage(asked, len(whole))}, model=asked.model)


def media(content: bytes) -> Answer:
    """Returns bytes that a model made."""
    kind = "image/png" if content.startswith(b"\x89PNG") else "application/octet-stream"
    return Answer(headers={"content-type": kind}, body=content)


def vectors(asked: Asked, made: Any) -> dict[str, Any]:
    """Returns embeddings in OpenAI's shape.

    Args:
        asked: What was asked.
        made: One vector for each text.
    """
    rows = [{"object": "embedding", "index": number, "embedding": vector} for number, vector in enumerate(made)]
    return {"object": "list", "data": rows, "model": asked.model, "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def _usage(asked: Asked, pieces: int) -> dict[str, int]:
    asked_for = len(asked.prompt.split())
    return {"prompt_tokens": asked_for, "completion_tokens": pieces, "total_tokens": asked_for + pieces}


@frozen(kw_only=True)
class ChatStream:
    """A chat piece by piece, each sent as soon as the model has it.

    Attributes:
        head: What every piece tells.
        pieces: Texts, or deltas as they are told.
        cut: Pieces after which it ends without an end. None: it does not.
    """

    head: dict[str, Any] = field(hash=False)
    pieces: Iterator[Any] = field(hash=False)
    cut: int | None = None

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """Yields the events."""
        count = 0
        while (piece := await asyncio.to_thread(next, self.pieces, None)) is not None:
            if self.cut is not None and count >= self.cut:
                return
            delta = piece if isinstance(piece, dict) else {"content": piece}
            yield self._event([{"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": None}])
            count += 1
        if self.cut is not None and count >= self.cut:
            return
        yield self._event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        usage = {"prompt_tokens": 1, "completion_tokens": count, "total_tokens": count + 1}
        yield self._event([], usage=usage)
        yield b"data: [DONE]\n\n"

    def _event(self, choices: Iterable[Any], **more: Any) -> bytes:
        told = {**self.head, "object": "chat.completion.chunk", "choices": list(choices), **more}
        return f"data: {json.dumps(told)}\n\n".encode()
