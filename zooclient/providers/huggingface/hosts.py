"""Who runs a model of the Hub, and which of them is asked; pure.

The Hub tells it as ``inferenceProviderMapping``: an object of host → ``{status, providerId, task}`` for one model, a
list of such objects with ``provider`` in listings; both are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from attrs import frozen

from zooclient.providers.reading import fields, mapping, string
from zooclient.records.run import RunRequest

#: The Hub's own host, whose addresses name the model.
OWN: Final = "hf-inference"
#: The Hub's word for a chat.
CHAT: Final = "conversational"

#: What a model is said to be for → what hosts offer it as, besides that itself.
_OFFERED_AS = {"text-generation": (CHAT,), "image-text-to-text": (CHAT,), "chat": (CHAT,)}

#: Task → method of ``InferenceClient``, where it is not the task's own name.
_METHODS = {CHAT: "chat_completion"}

#: Tasks that a model may be hosted for beside others, so that the address has to say which.
_SEVERAL = ("feature-extraction", "sentence-similarity")


@frozen(kw_only=True)
class Host:
    """One who runs a model.

    Attributes:
        name: As the Hub calls it, such as ``together``.
        task: What it runs it for.
        status: ``live``, ``staging`` or ``error``; an open set.
        served_id: What it calls the model.
    """

    name: str
    task: str
    status: str
    served_id: str

    @property
    def works(self) -> bool:
        """Whether the Hub found it at work."""
        return self.status != "error"

    @property
    def method(self) -> str:
        """Method of ``InferenceClient`` that asks it."""
        return _METHODS.get(self.task, self.task.replace("-", "_"))


def hosts_url(endpoint: str, repository: str) -> str:
    """Address that tells who runs a model."""
    return f"{endpoint}/api/models/{quote(repository)}?expand=inferenceProviderMapping"


def read_hosts(payload: Any) -> tuple[Host, ...]:
    """Reads who runs a model; empty: nobody.

    Raises:
        ProtocolError: No object.
    """
    told = fields(payload, "the model").get("inferenceProviderMapping")
    listed: list[tuple[Any, Mapping[str, Any]]] = []
    if isinstance(told, dict):
        listed = [(name, mapping(about)) for name, about in told.items()]
    elif isinstance(told, list):
        listed = [(mapping(about).get("provider"), mapping(about)) for about in told]
    found = []
    for name, about in listed:
        named, task = string(name), string(about.get("task"))
        if named and task:
            status, served = string(about.get("status")) or "live", string(about.get("providerId")) or ""
            found.append(Host(name=named, task=task, status=status, served_id=served))
    return tuple(found)


def chosen(hosts: tuple[Host, ...], request: RunRequest) -> Host | None:
    """Returns whom to ask: for the task and at the host that are asked for, the Hub's own first; None: there is none.

    A chat is preferred where one is begun, which messages tell.
    """
    tasks = None if request.task is None else (request.task, *_OFFERED_AS.get(request.task, ()))
    fitting = [
        host
        for host in hosts
        if host.works and (tasks is None or host.task in tasks) and request.served_by in (None, host.name)
    ]
    chats = "messages" in request.inputs
    fitting.sort(key=lambda host: (chats and host.task != CHAT, host.status != "live", host.name != OWN))
    return fitting[0] if fitting else None


def task_url(router: str, host: Host) -> str:
    """Address at which the Hub's own host runs a model."""
    tail = f"/pipeline/{host.task}" if host.task in _SEVERAL else ""
    return f"{router}/{OWN}/models/{quote(host.served_id)}{tail}"
