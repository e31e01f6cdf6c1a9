"""Schemes and who provides them."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from zooclient.errors import ConfigError, RefError, Unsupported
from zooclient.net.auth import Auth
from zooclient.providers import registry
from zooclient.providers.base import Provider
from zooclient.providers.huggingface.provider import HuggingFace
from zooclient.providers.local.provider import Local
from zooclient.providers.modelscope.official import OfficialModelScope
from zooclient.providers.modelscope.provider import ModelScope
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
    assert registry.schemes()[:5] == ("hf", "modelscope", "civitai", "replicate", "file")


def test_our_own_providers() -> None:
    """Our own schemes come from the table, at the endpoint of the settings."""
    hub = registry.provider_for("huggingface", Settings(zoos={"hf": ZooSettings(endpoint="https://hub.example/")}))
    assert isinstance(hub, HuggingFace) and hub.endpoint == "https://hub.example"
    assert isinstance(registry.provider_for("file", Settings()), Local)
    assert all(isinstance(registry.provider_for(name, Settings()), Provider) for name in registry.schemes()[:5])


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


@pytest.mark.parametrize(
    ("scheme", "endpoint"),
    [
        *(("hf", None), ("hf", "https://hf.co/"), ("hf", "https://hub.example/x"), ("file", None)),
        *(("modelscope", None), ("modelscope", "https://www.modelscope.cn"), ("modelscope", "https://modelscope.ai")),
        ("modelscope", "https://www.modelscope.ai/"),
    ],
)
def test_the_place_is_known_without_a_provider(scheme: str, endpoint: str | None) -> None:
    """A warm load finds the same place that the provider's own answers are kept in."""
    settings = Settings(zoos={scheme: ZooSettings(endpoint=endpoint)})
    assert registry.place_of(scheme, settings) == registry.zoo_key(registry.provider_for(scheme, settings))


def test_modelscope_has_its_parts() -> None:
    """Provider, keeper, credential and official client of ``ms``; its international site is another server."""
    assert isinstance(registry.provider_for("ms", Settings()), ModelScope)
    site = ZooSettings(endpoint="https://www.modelscope.ai", token="ms-x", proxy="http://proxy.example:1")
    settings = Settings(zoos={"modelscope": site})
    provider = registry.provider_for("ms", settings)
    assert registry.place_of("modelscope", settings).startswith("modelscope+")
    assert registry.keeper("ms").variables == ("MODELSCOPE_API_TOKEN",)
    credential = registry.credential_for(provider, settings)
    assert credential is not None and credential.origin == "https://www.modelscope.ai:443"
    official = registry.official_for(provider, settings)
    assert isinstance(official, OfficialModelScope)
    assert (official.endpoint, official.proxy) == ("https://www.modelscope.ai", "http://proxy.example:1")
    assert official.token() == "ms-x"


def test_a_broken_token_is_in_the_way_of_its_own_zoo_alone() -> None:
    """A token that cannot be is told to who asks its zoo; the others have theirs."""
    settings = Settings(zoos={"hf": ZooSettings(token="hf_a b"), "modelscope": ZooSettings(token="ms-x")})
    auth = Auth(registry.credentials(settings))
    assert auth.headers_for("https://modelscope.cn/x") == {"Authorization": "Bearer ms-x"}
    with pytest.raises(ConfigError, match="blanks"):
        auth.headers_for("https://huggingface.co/x")


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
        with pytest.raises(ConfigError, match=r"'liar' .* makes a provider of 'odd'"):
            registry.provider_for("liar", Settings())
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("zoo_plugin", None)
        registry._foreign.cache_clear()
