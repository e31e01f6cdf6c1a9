"""ModelScope's API-Inference: ``api-inference.modelscope.cn``, here at the zoo's own origin.

Chats, embeddings and pictures in OpenAI's shape; a picture is made meanwhile, and asked for as a task. It tells errors
in its own words, under ``errors``, and what is left of the day's requests in every answer.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

from attrs import evolve, frozen

from zooclient.serve.accounts import Account, Accounts, knows
from zooclient.serve.exchange import Answer, Question, json_answer
from zooclient.serve.inference import body_of, chat, media, vectors
from zooclient.serve.served import CHAT, Asked, Served
from zooclient.serve.shelf import Shelf

_LEFT = {
    "modelscope-ratelimit-requests-limit": "2000",
    "modelscope-ratelimit-requests-remaining": "1999",
    "modelscope-ratelimit-model-requests-limit": "500",
    "modelscope-ratelimit-model-requests-remaining": "499",
}
#: Path of what does which task.
_TASKS = {"chat/completions": CHAT, "embeddings": "feature-extraction", "images/generations": "text-to-image"}


@frozen(kw_only=True)
class _Task:
    made: Any
    asked: int = 0


class Inference:
    """Runs models.

    Args:
        shelf: The models.
        accounts: Who may log in.
    """

    def __init__(self, shelf: Shelf, accounts: Accounts) -> None:
        self._shelf = shelf
        self._accounts = accounts
        self._lock = threading.Lock()
        self._tasks: dict[str, _Task] = {}

    def answer(self, question: Question, segments: tuple[str, ...], visitor: Account | None) -> Answer | None:
        """Returns what the API would say; None: the question is none for it."""
        match (question.method, *segments):
            case ("GET", "v1", "tasks", name, "output"):
                return self._output(name)
            case ("POST", "v1", *rest) if "/".join(rest) in _TASKS:
                answer = self._run(question, "/".join(rest), visitor)
            case ("GET", "v1", "tasks", name):
                answer = self._task(question, name, visitor)
            case ("GET", "v1", "models"):
                answer = self._models(visitor)
            case _:
                return None
        return evolve(answer, headers={**_LEFT, **answer.headers})

    def _run(self, question: Question, path: str, visitor: Account | None) -> Answer:
        if visitor is None and not self._accounts.open:
            return _unknown()
        told = body_of(question)
        if told is None or not isinstance(told.get("model"), str):
            return _error(400, "model is required")
        served = self._served(told["model"], visitor)
        if served is None or served.task != _TASKS[path]:
            return _error(400, f"Model id : {told['model']} , has no provider supported")
        asked = Asked(
            model=told["model"],
            task=served.task,
            host=None,
            inputs=told,
            account="" if visitor is None else visitor.name,
        )
        if served.task == CHAT:
            return chat(served, asked)
        made = served.answer(asked)
        if served.task == "feature-extraction":
            return json_answer(vectors(asked, made), model=asked.model)
        name = str(uuid.uuid4().int % 10**8)
        with self._lock:
            self._tasks[name] = _Task(made=made)
        return json_answer({"task_status": "PENDING", "task_id": name, "request_id": str(uuid.uuid4())})

    def _task(self, question: Question, name: str, visitor: Account | None) -> Answer:
        """A task: at work when it is first asked for, done afterwards."""
        if visitor is None and not self._accounts.open:
            return _unknown()
        if question.headers.get("x-modelscope-task-type") != "image_generation":
            return _error(400, "task type is required")
        with self._lock:
            task = self._tasks.get(name)
            if task is not None:
                self._tasks[name] = evolve(task, asked=task.asked + 1)
        if task is None:
            return _error(404, "task not found")
        told = {"task_id": name, "request_id": str(uuid.uuid4())}
        if not isinstance(task.made, bytes):
            return json_answer({**told, "task_status": "FAILED", "errors": {"message": str(task.made)}})
        if task.asked == 0:
            return json_answer({**told, "task_status": "PROCESSING"})
        address = f"{question.base}/v1/tasks/{name}/output"
        return json_answer({**told, "task_status": "SUCCEED", "output_images": [address]})

    def _output(self, name: str) -> Answer:
        """The picture itself, which anybody may have who knows where it lies."""
        with self._lock:
            task = self._tasks.get(name)
        return _error(404, "not found") if task is None else media(task.made)

    def _models(self, visitor: Account | None) -> Answer:
        chats = [
            name
            for name in self._shelf.names()
            if (served := self._served(name, visitor)) is not None and served.task == CHAT
        ]
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": "system"} for name in chats]
        return json_answer({"object": "list", "data": rows})

    def _served(self, name: str, visitor: Account | None) -> Served | None:
        repository = self._shelf.repository(name)
        return None if repository is None or not knows(repository.terms, visitor) else repository.terms.served


def _unknown() -> Answer:
    return _error(401, "Authentication failed, please make sure that a valid ModelScope token is supplied.")


def _error(status: int, said: str) -> Answer:
    return json_answer({"errors": {"message": said}, "request_id": str(uuid.uuid4())}, status=status)
