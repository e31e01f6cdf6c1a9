"""A local zoo whose models are run, and a client that is logged in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from zooclient import Client
from zooclient.providers.further import HostsModels
from zooclient.providers.registry import provider_for
from zooclient.records.run import Run, RunEvent, RunRequest
from zooclient.settings import Limits, Settings, ZooSettings
from zooclient.testing import LocalZoo

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
FILES: dict[str, bytes | str | None] = {"config.json": "{}", "README.md": "# Tiny\n"}


@frozen
class Hosted:
    """A zoo and a client of it."""

    zoo: LocalZoo
    client: Client

    def model(self, name: str, answer: Callable[..., Any] | None = None, **more: Any) -> str:
        """Makes a model that is run, and returns its name."""
        self.zoo.commit(name, FILES)
        self.zoo.host(name, answer, **more)
        return name

    def run(
        self,
        ref: str,
        *,
        told: Callable[[RunEvent], None] | None = None,
        task: str | None = None,
        served_by: str | None = None,
        deadline: float | None = None,
        **inputs: Any,
    ) -> Run:
        """Runs a model."""
        record = self.client.resolve(ref)
        provider = hosting(record.ref.scheme, self.zoo.endpoints[record.ref.scheme])
        request = RunRequest(inputs=inputs, task=task, served_by=served_by, deadline=deadline)
        return self.client.run(provider.run(record, request, told=told))

    def asked(self, method: str = "POST") -> list[str]:
        """Paths that were asked with a method."""
        return [seen.path for seen in self.zoo.requests if seen.method == method]


def hosting(scheme: str, endpoint: str) -> HostsModels:
    """Returns the provider of a zoo that runs models."""
    provider = provider_for(scheme, Settings(zoos={scheme: ZooSettings(endpoint=endpoint)}))
    assert isinstance(provider, HostsModels)
    return provider


@contextmanager
def hosted(home: Path, **tokens: str) -> Iterator[Hosted]:
    """Starts both; ``tokens`` take the place of the right ones."""
    settings = Settings(limits=Limits(backoff_base=0.01))
    with LocalZoo(zoos=("hf", "modelscope", "replicate")) as zoo:
        own = {**zoo.tokens, **tokens}
        with Client(home=home, endpoints=zoo.endpoints, tokens=own, settings=settings) as client:
            yield Hosted(zoo, client)
