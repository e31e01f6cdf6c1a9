"""The public suite notices a provider that does not keep what it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugin_packages import EXAMPLE, installed, on_path

from zooclient import Client, NotFound
from zooclient.testing import ProviderCase, ProviderSuite

HEAD = """
from zooclient import NotFound
from zooclient_ollama import wire
from zooclient_ollama.provider import Ollama
"""
MAKE = "\n\ndef make(settings):\n    return Careless(settings.zoo('ollama').endpoint)\n"

#: Promise → how a provider breaks it, and what the suite says.
CARELESS: dict[str, tuple[str, type[Exception], str]] = {
    "the_answer_about_another_pin_is_refused": (
        "wire.proved = lambda body, digest, what: body\nclass Careless(Ollama): pass",
        AssertionError,
        "ZooError was due",
    ),
    "one_thing_wrong_is_no_traceback": (
        "wire.proved = lambda body, digest, what: body\n"
        "old = wire.read_config\n"
        "wire.read_config = lambda body: {'model_type': old(body).get('model_type', '').upper()}\n"
        "class Careless(Ollama): pass",
        AttributeError,
        "has no attribute 'upper'",
    ),
    "a_token_goes_to_its_own_origins_alone": (
        "class Careless(Ollama):\n    origins = ('https://elsewhere.example',)",
        AssertionError,
        "False",
    ),
    "refusals_are_read": (
        "class Careless(Ollama):\n"
        "    def refused(self, response, ref, operation):\n"
        "        error = super().refused(response, ref, operation)\n"
        "        error.url = response.request.url\n"
        "        return error",
        AssertionError,
        "shows what is signed",
    ),
    "both_colours_say_the_same": (
        "class Careless(Ollama):\n"
        "    def resolve(self, ref, *, demos=False):\n"
        "        import asyncio\n"
        "        record = yield from super().resolve(ref)\n"
        "        try: asyncio.get_running_loop()\n"
        "        except RuntimeError: return record\n"
        "        raise NotFound('not here')",
        NotFound,
        "not here",
    ),
}


@pytest.mark.parametrize("promise", CARELESS)
def test_what_is_broken_is_noticed(tmp_path: Path, promise: str) -> None:
    """Each promise fails for a provider that is right but for this one thing, and holds for the one that is right."""
    source, kind, said = CARELESS[promise]
    points = {"zooclient.providers": {"ollama": "careless:make"}}
    careless = installed(tmp_path / "site", "zoo-careless", "1", points, {"careless": HEAD + source + MAKE})
    with on_path(careless, EXAMPLE / "src", EXAMPLE / "tests"):
        from ollama_double import OllamaDouble

        with OllamaDouble() as registry, Client(home=tmp_path, endpoints={"ollama": registry.url}) as client:
            case = ProviderCase(
                client=client,
                known=f"ollama:llama3.2@{registry.push('llama3.2')}",
                floating="ollama:llama3.2",
                missing="ollama:nothing",
                missing_revision=f"ollama:llama3.2@{'0' * 64}",
                file=None,
                content=None,
                words=None,
            )
            with pytest.raises(kind, match=said):
                getattr(ProviderSuite(), f"test_{promise}")(case)
