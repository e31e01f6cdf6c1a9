"""Where the Hub's token comes from and goes to, without ``huggingface_hub``."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from zooclient.errors import ConfigError, StoreError
from zooclient.net.origin import origin
from zooclient.providers.huggingface.credentials import (
    KEEPER,
    forget_token,
    hf_cache_dir,
    store_token,
    surrounding_token,
    token_file,
)
from zooclient.providers.huggingface.endpoint import OFFICIAL
from zooclient.providers.registry import credential_for, credentials, official_for, provider_for
from zooclient.settings import Settings, ZooSettings


def test_the_order_of_sources(tmp_path: Path) -> None:
    """HF_TOKEN comes before its older name, and both before the file; the switch turns all of them off."""
    environ = {"HF_HOME": str(tmp_path)}
    assert surrounding_token(environ) is None
    (tmp_path / "token").write_text(" hf_file\r\n")
    assert surrounding_token(environ) == "hf_file"
    environ["HUGGING_FACE_HUB_TOKEN"] = "hf_old"
    assert surrounding_token(environ) == "hf_old"
    environ["HF_TOKEN"] = "hf_new\n"
    assert surrounding_token(environ) == "hf_new"
    environ["HF_TOKEN"] = " "
    assert surrounding_token(environ) == "hf_old", "an empty variable is none"
    environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "true"
    assert surrounding_token(environ) is None


@pytest.mark.parametrize(
    ("environ", "file", "cache"),
    [
        ({}, ".cache/huggingface/token", ".cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/token", "/x/huggingface/hub"),
        ({"HF_HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/h/token", "/h/hub"),
        ({"HF_HOME": "~/h"}, "h/token", "h/hub"),
        ({"HF_TOKEN_PATH": "~/t", "HUGGINGFACE_HUB_CACHE": "/old"}, "t", "/old"),
        ({"HF_HUB_CACHE": "/new", "HUGGINGFACE_HUB_CACHE": "/old"}, ".cache/huggingface/token", "/new"),
    ],
)
def test_the_places_of_the_official_tools(environ: dict[str, str], file: str, cache: str, tmp_path: Path) -> None:
    """Token file and cache are looked for where the official client keeps them."""
    home = {"USERPROFILE" if os.name == "nt" else "HOME": str(tmp_path)}
    assert token_file(home | environ) == tmp_path / file
    assert hf_cache_dir(home | environ) == tmp_path / cache


def test_a_token_is_stored_for_its_owner_alone(tmp_path: Path) -> None:
    """Folder and file are closed to others, nothing else is left there, and the official client's reader finds it."""
    environ = {"HF_HOME": str(tmp_path / "a" / "huggingface")}
    assert KEEPER.variables == ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
    path = KEEPER.store(environ, "hf_secret\n")
    assert path.read_text() == "hf_secret"
    assert store_token(environ, "hf_other") == path and path.read_text() == "hf_other"
    assert [entry.name for entry in path.parent.iterdir()] == ["token"]
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert surrounding_token(environ) == "hf_other"
    assert forget_token(environ) == path
    assert forget_token(environ) is None and surrounding_token(environ) is None


@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "hf_ü", "a\x00b"])
def test_what_no_token_is(token: str, tmp_path: Path) -> None:
    """A text that cannot be a token is refused without being shown."""
    with pytest.raises(ConfigError) as caught:
        store_token({"HF_HOME": str(tmp_path)}, token)
    assert not token.strip() or token not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A token that cannot be stored is a StoreError that names the place and another way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written") as caught:
        store_token({"HF_HOME": str(tmp_path / "file")}, "hf_secret")
    assert "HF_TOKEN" in (caught.value.hint or "") and "hf_secret" not in str(caught.value)


def test_a_token_file_that_is_a_folder(tmp_path: Path) -> None:
    """A token file that cannot be read means that nobody is logged in."""
    (tmp_path / "token").mkdir()
    assert surrounding_token({"HF_HOME": str(tmp_path)}) is None
    with pytest.raises(StoreError):
        forget_token({"HF_HOME": str(tmp_path)})


def settings(zoo: ZooSettings, *, surroundings: bool = True) -> Settings:
    """Returns settings whose surroundings hold a token."""
    return Settings(zoos={"hf": zoo}, surroundings=surroundings, environ={"HF_TOKEN": "hf_around"})


@pytest.mark.parametrize(
    ("zoo", "surroundings", "token"),
    [
        (ZooSettings(), True, "hf_around"),
        (ZooSettings(), False, None),
        (ZooSettings(token=" hf_own "), True, "hf_own"),
        (ZooSettings(token="hf_own"), False, "hf_own"),
        (ZooSettings(endpoint="https://hub.example"), True, "hf_around"),
        (ZooSettings(endpoint="https://evil.example", endpoint_trusted=False), True, None),
        (ZooSettings(endpoint="https://evil.example", endpoint_trusted=False, token="hf_own"), True, None),
        (ZooSettings(endpoint="https://huggingface.co", endpoint_trusted=False), True, "hf_around"),
    ],
)
def test_who_gets_a_token(zoo: ZooSettings, surroundings: bool, token: str | None) -> None:
    """An endpoint that a project file named gets no token, from wherever; the Hub and trusted endpoints get one."""
    made = settings(zoo, surroundings=surroundings)
    provider = provider_for("hf", made)
    credential = credential_for(provider, made)
    assert (credential.token if credential is not None else None) == token
    if credential is not None:
        assert credential.origin == origin(zoo.endpoint or OFFICIAL)
        assert credential in credentials(made)
        assert str(token) not in repr(credential)


def test_a_callable_token_is_asked_late() -> None:
    """A callable stays one until a request needs it, and the official client gets what it returns then."""
    tokens = ["hf_first", "hf_second"]
    made = settings(ZooSettings(token=lambda: tokens.pop(0)), surroundings=False)
    provider = provider_for("hf", made)
    official = official_for(provider, made)
    assert len(tokens) == 2
    assert official.token() == "hf_first" and official.token() == "hf_second"  # type: ignore[attr-defined]  # ours
    assert "hf_" not in repr(official)


@pytest.mark.parametrize(
    ("endpoint", "token"), [("http://127.0.0.1:8000", "hf_own"), ("https://hub.example", "hf_own")]
)
def test_the_official_client_gets_what_a_request_would_carry(endpoint: str, token: str) -> None:
    """The token of the official client is that of every other request to the same server."""
    made = Settings(zoos={"hf": ZooSettings(endpoint=endpoint, token="hf_own")})
    provider = provider_for("hf", made)
    assert official_for(provider, made).token() == token  # type: ignore[attr-defined]  # ours


def test_an_endpoint_without_trust_gets_no_token_officially() -> None:
    """An endpoint that a project file named gets no token by the official way either."""
    zoo = ZooSettings(endpoint="https://evil.example", endpoint_trusted=False, token="hf_own")
    made = settings(zoo)
    assert official_for(provider_for("hf", made), made).token() is None  # type: ignore[attr-defined]  # ours
