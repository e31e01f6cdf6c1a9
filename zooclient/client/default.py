"""The verbs on one client that everybody shares, made on first use from the environment and the project at hand."""

from __future__ import annotations

import functools
import inspect
import os
import threading
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from zooclient.client.sync import Client

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_client: Client | None = None


def default_client() -> Client:
    """Returns the shared client; it reads the environment, the user's config file and the project file once."""
    global _client
    if _client is None:
        with _lock:
            if _client is None:
                _client = Client.for_project(os.curdir)
    return _client


def _on_default(method: Callable[Concatenate[Client, P], T]) -> Callable[P, T]:
    """Returns the method as a function on the shared client, with its signature and docstring."""

    @functools.wraps(method)
    def verb(*args: P.args, **kwargs: P.kwargs) -> T:
        return method(default_client(), *args, **kwargs)

    signature = inspect.signature(method)
    verb.__dict__["__signature__"] = signature.replace(parameters=list(signature.parameters.values())[1:])
    return verb


search = _on_default(Client.search)
resolve = _on_default(Client.resolve)
identify = _on_default(Client.identify)
compare = _on_default(Client.compare)
card = _on_default(Client.card)
check = _on_default(Client.check)
audit = _on_default(Client.audit)
plan = _on_default(Client.plan)
download = _on_default(Client.download)
start = _on_default(Client.start)
file = _on_default(Client.file)
load = _on_default(Client.load)
open = _on_default(Client.open)
repeat = _on_default(Client.repeat)
sources = _on_default(Client.sources)
verify = _on_default(Client.verify)
whoami = _on_default(Client.whoami)
