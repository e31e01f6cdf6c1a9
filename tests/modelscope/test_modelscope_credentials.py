"""Where ModelScope's token comes from and goes to, without the zoo's own tool."""

from __future__ import annotations

import json
import os
import pickle
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.errors import ConfigError, StoreError
from zooclient.providers.modelscope.credentials import (
    KEEPER,
    _jar,
    _login,
    forget_token,
    store_token,
    surrounding_token,
    token_file,
    token_for,
)
from zooclient.providers.modelscope.endpoint import OFFICIAL, is_official
from zooclient.settings import Settings, ZooSettings

INTERNATIONAL = "https://www.modelscope.ai"
LATER = 2_000_000_000


def home(tmp_path: Path) -> dict[str, str]:
    """Returns an environment whose login lies below a folder."""
    return {"MODELSCOPE_HOME": str(tmp_path / "ms")}


@pytest.mark.parametrize(
    ("environ", "file"),
    [
        ({}, ".modelscope/credentials/cookies"),
        ({"MODELSCOPE_HOME": "/m"}, "/m/credentials/cookies"),
        ({"MODELSCOPE_HOME": "~/m"}, "m/credentials/cookies"),
        ({"MODELSCOPE_HOME": "~"}, "credentials/cookies"),
        ({"MODELSCOPE_HOME": ""}, ".modelscope/credentials/cookies"),
    ],
)
def test_the_place_of_the_official_tool(environ: dict[str, str], file: str, tmp_path: Path) -> None:
    """The login is looked for where the official client keeps it."""
    user = {"USERPROFILE" if os.name == "nt" else "HOME": str(tmp_path)}
    assert token_file(user | environ) == tmp_path / file


def test_the_order_of_sources(tmp_path: Path) -> None:
    """The variable comes before the stored login, and an empty one means that there is no token at all."""
    environ = home(tmp_path)
    assert surrounding_token(environ) is None
    store_token(environ, "ms-stored")
    assert surrounding_token(environ) == "ms-stored"
    assert surrounding_token(environ | {"MODELSCOPE_API_TOKEN": " ms-var\n"}) == "ms-var"
    assert surrounding_token(environ | {"MODELSCOPE_API_TOKEN": " "}) is None
    with pytest.raises(ConfigError, match="MODELSCOPE_API_TOKEN"):
        surrounding_token(environ | {"MODELSCOPE_API_TOKEN": "a b"})


def test_a_login_is_stored_for_its_owner_alone(tmp_path: Path) -> None:
    """Folder and file are closed to others, nothing else is left there, and logging out removes all of a login."""
    environ = home(tmp_path)
    assert KEEPER.variables == ("MODELSCOPE_API_TOKEN",) and KEEPER.tokens_page.startswith(OFFICIAL)
    path = KEEPER.store(environ, "ms-secret\n")
    assert store_token(environ, "ms-other") == path and surrounding_token(environ) == "ms-other"
    assert [entry.name for entry in path.parent.iterdir()] == ["cookies"]
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for beside in ("git_token", "user", "session"):
        path.with_name(beside).write_text("x")
    assert KEEPER.forget(environ) == path
    assert [entry.name for entry in path.parent.iterdir()] == ["session"], "an install's id is no login"
    assert forget_token(environ) is None and surrounding_token(environ) is None


@pytest.mark.official
def test_the_official_tool_and_we_read_each_other(tmp_path: Path) -> None:
    """What we store its configuration loads, as the jar it expects; what it stores we read, in processes apart."""
    pytest.importorskip("modelscope_hub", reason="modelscope is not installed")
    environ = home(tmp_path)
    store_token(environ, "ms-ours", endpoint=OFFICIAL)
    code = (
        "import json\n"
        "from modelscope_hub.config import HubConfig\n"
        "config = HubConfig()\n"
        "jar = config.load_cookies()\n"
        "found = [config.token, type(jar).__name__, [(c.name, c.domain, c.is_expired()) for c in jar]]\n"
        "config.save_token('ms-theirs')\n"
        "print(json.dumps(found))\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MODELSCOPE_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == ["ms-ours", "RequestsCookieJar", [["m_session_id", "modelscope.cn", False]]]
    assert surrounding_token(environ) == "ms-theirs"
    assert surrounding_token(environ, INTERNATIONAL) is None


@pytest.mark.parametrize(
    ("stored", "asked", "token"),
    [
        (OFFICIAL, "https://www.modelscope.cn", "ms-x"),
        ("https://www.modelscope.cn", OFFICIAL, "ms-x"),
        (INTERNATIONAL, OFFICIAL, None),
        (OFFICIAL, INTERNATIONAL, None),
        (INTERNATIONAL, INTERNATIONAL, "ms-x"),
        (OFFICIAL, "https://cdn-lfs-cn-1.modelscope.cn", None),
        (OFFICIAL, "https://evilmodelscope.cn", None),
        ("http://127.0.0.1:8000", "http://127.0.0.1:9000", "ms-x"),
    ],
)
def test_a_login_counts_at_its_own_site(stored: str, asked: str, token: str | None, tmp_path: Path) -> None:
    """The tool keeps one login for two sites; it is used at the one that it is for."""
    environ = home(tmp_path)
    store_token(environ, "ms-x", endpoint=stored)
    assert surrounding_token(environ, asked) == token


def test_the_environment_names_the_site(tmp_path: Path) -> None:
    """Without being told, a login is for the server that the environment names."""
    environ = home(tmp_path) | {"MODELSCOPE_ENDPOINT": "www.modelscope.ai"}
    store_token(environ, "ms-x")
    assert surrounding_token(environ, INTERNATIONAL) == "ms-x" and surrounding_token(environ) is None


def test_a_login_that_ran_out(tmp_path: Path) -> None:
    """A cookie past its time is no token, as the tool itself sees it."""
    environ = home(tmp_path)
    path = store_token(environ, "ms-x")
    path.write_bytes(_jar("ms-x", "modelscope.cn", int(time.time()) - 1))
    assert surrounding_token(environ) is None


class Bomb:
    """Runs something when it is unpickled."""

    def __reduce__(self) -> Any:
        return (os.mkdir, ("boom",))


def test_a_jar_is_read_without_running_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that would run code when it is opened is no login, and runs nothing."""
    monkeypatch.chdir(tmp_path)
    environ = home(tmp_path)
    path = store_token(environ, "ms-x")
    for value in (Bomb(), {"a": Bomb()}, [Bomb(), {"name": "m_session_id", "value": "x"}]):
        path.write_bytes(pickle.dumps(value))
        assert surrounding_token(environ) is None
    assert not (tmp_path / "boom").exists()
    path.write_bytes(pickle.dumps(Bomb()).replace(b"posix", b"http.", 1))
    assert surrounding_token(environ) is None and not (tmp_path / "boom").exists()


@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda at, to: _jar("ms-x", "modelscope.cn", LATER)[:at] + to, st.integers(0, 900), st.binary(max_size=20)
        ),
    )
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_in_place_of_a_jar(held: bytes) -> None:
    """Whatever lies where the login should be is a login or none."""
    assert _login(held, "modelscope.cn") in (None, "ms-x")


def test_a_jar_that_is_none(tmp_path: Path) -> None:
    """A folder, too large a file, and a jar of other cookies mean that nobody is logged in."""
    environ = home(tmp_path)
    path = token_file(environ)
    path.mkdir(parents=True)
    assert surrounding_token(environ) is None
    with pytest.raises(StoreError):
        forget_token(environ)
    path.rmdir()
    path.write_bytes(_jar("ms-x", "modelscope.cn", LATER) + b"\0" * 70_000)
    assert surrounding_token(environ) is None
    path.write_bytes(_jar("ms-x", "modelscope.cn", LATER).replace(b"m_session_id", b"m_session_ie"))
    assert surrounding_token(environ) is None


@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "ms-ü", "a\x00b"])
def test_what_no_token_is(token: str, tmp_path: Path) -> None:
    """A text that cannot be a token is refused without being shown."""
    with pytest.raises(ConfigError) as caught:
        store_token(home(tmp_path), token)
    assert not token.strip() or token not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A token that cannot be stored is a StoreError that names the place and another way."""
    (tmp_path / "ms").write_text("")
    with pytest.raises(StoreError, match="cannot be written") as caught:
        store_token(home(tmp_path), "ms-secret")
    assert "MODELSCOPE_API_TOKEN" in (caught.value.hint or "") and "ms-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("zoo", "surroundings", "token"),
    [
        (ZooSettings(), True, "ms-around"),
        (ZooSettings(), False, None),
        (ZooSettings(token=" ms-own "), True, "ms-own"),
        (ZooSettings(token="ms-own"), False, "ms-own"),
        (ZooSettings(endpoint="https://hub.example"), True, "ms-around"),
        (ZooSettings(endpoint="https://www.modelscope.ai"), True, "ms-around"),
        (ZooSettings(endpoint="https://www.modelscope.ai", endpoint_trusted=False), True, None),
        (ZooSettings(endpoint="https://evil.example", endpoint_trusted=False, token="ms-own"), True, None),
        (ZooSettings(endpoint="https://www.modelscope.cn", endpoint_trusted=False), True, "ms-around"),
    ],
)
def test_who_gets_a_token(zoo: ZooSettings, surroundings: bool, token: str | None) -> None:
    """An endpoint that a project file named gets no token, from wherever, the other site included."""
    made = Settings(zoos={"modelscope": zoo}, surroundings=surroundings, environ={"MODELSCOPE_API_TOKEN": "ms-around"})
    assert token_for(zoo, made, official=is_official(zoo.endpoint or OFFICIAL)) == token
