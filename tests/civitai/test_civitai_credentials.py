"""Where a key of Civitai comes from, is kept, and may go."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from zooclient.errors import ConfigError, StoreError
from zooclient.providers.civitai.credentials import (
    KEEPER,
    forget_token,
    store_token,
    surrounding_token,
    token_file,
    token_for,
)
from zooclient.providers.civitai.provider import Civitai
from zooclient.settings import Settings, ZooSettings

linux = pytest.mark.skipif(os.name == "nt", reason="folders are found in another way there")


@linux
def test_the_order_of_sources(tmp_path: Path) -> None:
    """Each variable that tools read is read, in the order of how common it is, then our own file."""
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert surrounding_token(environ) is None
    path = KEEPER.store(environ, "key_file\n")
    assert path == tmp_path / "zooclient" / "tokens" / "civitai" == token_file(environ)
    assert surrounding_token(environ) == "key_file"
    for variable in reversed(KEEPER.variables):
        environ[variable] = f" key_{variable}\n"
        assert surrounding_token(environ) == f"key_{variable}"
    assert KEEPER.variables == ("CIVITAI_API_KEY", "CIVITAI_TOKEN", "CIVITAI_API_TOKEN")
    assert surrounding_token({"CIVITAI_API_KEY": " ", "CIVITAI_TOKEN": "x", "HOME": str(tmp_path)}) == "x"


@linux
def test_a_key_is_stored_for_its_owner_alone(tmp_path: Path) -> None:
    """Folder and file are closed to others, and nothing else is left there."""
    environ = {"HOME": str(tmp_path)}
    path = store_token(environ, "secret")
    assert path == tmp_path / ".config" / "zooclient" / "tokens" / "civitai"
    assert store_token(environ, "other") == path and path.read_text() == "other"
    assert [entry.name for entry in path.parent.iterdir()] == ["civitai"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert forget_token(environ) == path and forget_token(environ) is None


@linux
@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "ü", "a\x00b"])
def test_what_no_key_is(token: str, tmp_path: Path) -> None:
    """A text that cannot be a key is refused without being shown."""
    with pytest.raises(ConfigError) as caught:
        store_token({"XDG_CONFIG_HOME": str(tmp_path)}, token)
    assert not token.strip() or token not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@linux
def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    """A key that cannot be stored or removed is a StoreError that names the place and another way."""
    (tmp_path / "zooclient").write_text("")
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    with pytest.raises(StoreError, match="cannot be written") as caught:
        store_token(environ, "secret")
    assert "CIVITAI_API_KEY" in (caught.value.hint or "") and "secret" not in str(caught.value)
    assert surrounding_token(environ) is None
    with pytest.raises(StoreError):
        forget_token(environ)


@pytest.mark.parametrize(
    ("zoo", "surroundings", "token"),
    [
        (ZooSettings(), True, "around"),
        (ZooSettings(), False, None),
        (ZooSettings(token=" own "), True, "own"),
        (ZooSettings(token="own"), False, "own"),
        (ZooSettings(endpoint="https://civitai.red", endpoint_trusted=False), True, "around"),
        (ZooSettings(endpoint="https://mirror.example"), True, "around"),
        (ZooSettings(endpoint="https://evil.example", endpoint_trusted=False), True, None),
        (ZooSettings(endpoint="https://evil.example", endpoint_trusted=False, token="own"), True, None),
    ],
)
def test_who_gets_a_key(zoo: ZooSettings, surroundings: bool, token: str | None) -> None:
    """An endpoint that a project file named gets no key, from wherever; the site and trusted endpoints get one."""
    made = Settings(zoos={"civitai": zoo}, surroundings=surroundings, environ={"CIVITAI_TOKEN": "around"})
    provider = Civitai(zoo.endpoint) if zoo.endpoint else Civitai()
    assert token_for(zoo, made, official=provider.official) == token
