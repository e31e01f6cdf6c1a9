"""Schemes and who provides them."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from zooclient.errors import ConfigError, RefError, Unsupported
from zooclient.providers import registry
from zooclient.providers.base import Provider
from zooclient.providers.huggingface.provider import HuggingFace
from zooclient.providers.local.provider import Local
from zooclient.settings import Settings, ZooSettings

PLUGIN = """
from zooclient.providers.local.provider import Local


class Odd(Local):
    @property
    def scheme(self):
        return "odd"


def make(settings):
    return Odd()


def fail(settings):
    raise ImportError("no luck")
"""


def test_names_of_schemes() -> None:
    """Aliases and upper case lead to the one name."""
    assert registry.canonical("HuggingFace") == "hf" and registry.canonical("MS") == "modelscope"
    assert registry.canonical("other") == "other"
    assert registry.schemes()[:2] == ("hf", "file")


def test_our_own_providers() -> None:
    """Our own schemes come from the table, at the endpoint of the settings."""
    hub = registry.provider_for("huggingface", Settings(zoos={"hf": ZooSettings(endpoint="https://hub.example/")}))
    assert isinstance(hub, HuggingFace) and hub.endpoint == "https://hub.example"
    assert isinstance(registry.provider_for("file", Settings()), Local)
    assert all(isinstance(registry.provider_for(name, Settings()), Provider) for name in ("hf", "file"))


def test_an_unknown_scheme() -> None:
    """A scheme that nobody provides is a RefError that lists the known ones."""
    with pytest.raises(RefError, match="'nowhere'") as caught:
        registry.provider_for("nowhere", Settings())
    assert "hf" in (caught.value.hint or "")
    with pytest.raises(RefError):
        registry.keeper("nowhere")


def test_the_name_of_a_server_in_the_store() -> None:
    """The official origin is the scheme; any other is marked with the hash of its origin, port written."""
    assert registry.zoo_key(HuggingFace()) == "hf"
    mark = hashlib.sha256(b"https://hub.example:443").hexdigest()[:8]
    assert registry.zoo_key(HuggingFace("https://hub.example/path")) == f"hf+{mark}"
    assert registry.zoo_key(HuggingFace("http://hub.example")) != f"hf+{mark}"
    assert registry.zoo_key(Local()) == "file"


def test_what_a_zoo_without_accounts_or_client_says() -> None:
    """Logging in to this machine and its official client are Unsupported."""
    assert registry.keeper("hf").tokens_page.endswith("/settings/tokens")
    with pytest.raises(Unsupported):
        registry.keeper("file")
    with pytest.raises(Unsupported):
        registry.official_for(Local(), Settings())


def test_entry_points_add_schemes_and_never_replace_ours(tmp_path: Path) -> None:
    """An installed package brings a scheme; one that claims ours, or is no scheme, is passed over."""
    (tmp_path / "zoo_plugin.py").write_text(PLUGIN)
    folder = tmp_path / "zoo_plugin-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-plugin\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(
        "[zooclient.providers]\n"
        "odd = zoo_plugin:make\nhf = zoo_plugin:make\nms = zoo_plugin:make\nBad Name = zoo_plugin:make\n"
        "broken = zoo_plugin:fail\nliar = zoo_plugin:make\n"
    )
    sys.path.insert(0, str(tmp_path))
    registry._foreign.cache_clear()
    try:
        assert {"odd", "broken", "liar"} <= set(registry.schemes()) and "Bad Name" not in registry.schemes()
        assert registry.provider_for("odd", Settings()).scheme == "odd"
        assert isinstance(registry.provider_for("hf", Settings()), HuggingFace)
        with pytest.raises(ConfigError, match="no luck"):
            registry.provider_for("broken", Settings())
        with pytest.raises(ConfigError, match="no provider of 'liar'"):
            registry.provider_for("liar", Settings())
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("zoo_plugin", None)
        registry._foreign.cache_clear()
