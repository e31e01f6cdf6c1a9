"""The provider keeps what zooclient asks of every provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ollama_double import OllamaDouble

from zooclient import Client
from zooclient.testing import ProviderCase, ProviderSuite


class TestOllama(ProviderSuite):
    """``ollama:`` as zooclient finds it: by the entry point of the installed package."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[ProviderCase]:
        """A usual model at a double of the registry."""
        with OllamaDouble() as registry, Client(home=tmp_path, endpoints={"ollama": registry.url}) as client:
            pin = registry.push("llama3.2")
            yield ProviderCase(
                client=client,
                known=f"ollama:llama3.2@{pin}",
                floating="ollama:llama3.2@latest",
                missing="ollama:nothing",
                missing_revision=f"ollama:llama3.2@{'0' * 64}",
                file="params.json",
                content=b'{"stop": ["<|eot_id|>"], "temperature": 0.5}',
                words=None,
            )
