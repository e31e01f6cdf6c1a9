"""The Hub's router, which hands requests to those who serve a model: ``router.huggingface.co``, here at the Hub itself.

``/v1/chat/completions`` for chats, whose ``model`` may name the host as ``owner/name:host``; the same below
``/HOST/``; ``/hf-inference/models/{id}[/pipeline/{task}]`` for the Hub's own host.
"""

from __future__ import annotations

from attrs import evolve

from zooclient.serve.accounts import Account, Accounts, knows
from zooclient.serve.exchange import Answer, Question, json_answer
from zooclient.serve.inference import body_of, chat, media
from zooclient.serve.served import CHAT, Asked, Served
from zooclient.serve.shelf import Shelf

_CHATS = ("v1", "chat", "completions")


class Router:
    """Runs models.

    Args:
        shelf: The models.
        accounts: Who may log in.
    """

    def __init__(self, shelf: Shelf, accounts: Accounts) -> None:
        self._shelf = shelf
        self._accounts = accounts

    def answer(self, question: Question, segments: tuple[str, ...], visitor: Account | None) -> Answer | None:
        """Returns what the router would say; None: the question is none for it."""
        match segments:
            case ("v1", "chat", "completions") | (_, "v1", "chat", "completions"):
                return self._chat(question, None if segments == _CHATS else segments[0], visitor)
            case ("hf-inference", "models", owner, name, *rest):
                task = rest[1] if len(rest) == 2 and rest[0] == "pipeline" else None
                return self._task(question, f"{owner}/{name}", task, visitor)
            case _:
                return None

    def _chat(self, question: Question, host: str | None, visitor: Account | None) -> Answer:
        if visitor is None and not self._accounts.open:
            return json_answer({"error": "Invalid username or password."}, status=401)
        told = body_of(question)
        if told is None or not isinstance(told.get("messages"), list) or not isinstance(told.get("model"), str):
            return _error(400, "messages and model are required", "invalid_request_error")
        name, _, named = told["model"].partition(":")
        host = named or host
        served = self._served(name, visitor)
        live = [] if served is None else [who for who, status in served.hosts.items() if status != "error"]
        if served is None or served.task != CHAT or not live or (host is not None and host not in live):
            said = f"The requested model '{told['model']}' is not supported by any provider you have enabled."
            return _error(400, said, "model_not_supported")
        who = host or live[0]
        asked = Asked(model=name, task=CHAT, host=who, inputs=told, account="" if visitor is None else visitor.name)
        answer = chat(served, asked)
        return _by(answer, who)

    def _task(self, question: Question, name: str, task: str | None, visitor: Account | None) -> Answer:
        if visitor is None and not self._accounts.open:
            return json_answer({"error": "Invalid username or password."}, status=401)
        served = self._served(name, visitor)
        if served is None or "hf-inference" not in served.hosts or task not in (None, served.task):
            return json_answer({"error": f"Model {name} is not served."}, status=404)
        told = body_of(question) if "json" in question.headers.get("content-type", "") else None
        asked = Asked(
            model=name,
            task=served.task,
            host="hf-inference",
            inputs=question.body if told is None else told,
            account="" if visitor is None else visitor.name,
        )
        made = served.answer(asked)
        return _by(media(made) if isinstance(made, bytes) else json_answer(made, model=name), "hf-inference")

    def _served(self, name: str, visitor: Account | None) -> Served | None:
        repository = self._shelf.repository(name)
        return None if repository is None or not knows(repository.terms, visitor) else repository.terms.served


def _by(answer: Answer, host: str) -> Answer:
    return evolve(answer, headers={**answer.headers, "x-inference-provider": host})


def _error(status: int, said: str, code: str) -> Answer:
    told = {"message": said, "type": "invalid_request_error", "param": "model", "code": code}
    return json_answer({"error": told}, status=status)
