"""How a model is run at the inference APIs of the Hub and of ModelScope.

Kept with what every zoo knows of a model (:class:`~zooclient.serve.shelf.Terms`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

#: The word for a chat.
CHAT = "conversational"


@frozen(kw_only=True)
class Asked:
    """What a model is asked for.

    Attributes:
        model: ``owner/name``.
        task: What it is to do.
        host: Who was asked, such as ``hf-inference``. None: whoever serves it.
        inputs: Body of the request: a JSON object, or bytes where bytes were sent.
        account: Who asked.
    """

    model: str
    task: str
    host: str | None
    inputs: Any = field(hash=False)
    account: str

    @property
    def prompt(self) -> str:
        """The last thing that was said, or the text that was sent; empty for none."""
        told = self.inputs if isinstance(self.inputs, dict) else {}
        messages = told.get("messages")
        last = messages[-1].get("content") if messages else told.get("inputs", told.get("input", told.get("prompt")))
        return last if isinstance(last, str) else ""


@frozen(kw_only=True)
class Served:
    """How one model is served.

    Attributes:
        answer: What running it does: returns a text, yields it piece by piece, or returns bytes or JSON values as
            the task answers with.
        task: What it is served for.
        hosts: At the Hub: who serves it → ``live``, ``staging`` or ``error``.
        cut: Pieces after which a stream ends without an end. None: it does not.
    """

    answer: Callable[[Asked], Any]
    task: str = CHAT
    hosts: Mapping[str, str] = field(factory=lambda: {"hf-inference": "live"}, hash=False)
    cut: int | None = None

    def mapping(self, model: str) -> dict[str, dict[str, str]]:
        """Returns what the Hub tells of it."""
        return {host: {"status": status, "providerId": model, "task": self.task} for host, status in self.hosts.items()}
