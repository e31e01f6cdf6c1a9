"""No verb prints, stores or records a token, whatever becomes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from cli_shell import ZOOCLIENT, environment, typed

from zooclient.testing import LocalZoo, Status

OFFICIAL = ["get", "hf:org/tiny", "--via", "official", "--file", "config.json"]

#: What every verb is run as; a token is at hand for each.
WORDS = (
    *(["search", "tiny"], ["show", "hf:org/tiny", "--files", "--demos"], ["resolve", "hf:org/tiny"]),
    *(["plan", "hf:org/tiny"], ["get", "hf:org/tiny"], ["path", "hf:org/tiny"], ["verify", "hf:org/tiny"]),
    *(["card", "hf:org/tiny"], ["cache", "ls"], ["zoos"], ["whoami"], ["doctor"], ["logout"]),
    ["resolve", "hf:org/none"],
    # Where the zoo's own client is there at all.
    *([OFFICIAL] if find_spec("huggingface_hub") else []),
)


def everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("source", ["ZOOCLIENT_HF_TOKEN", "HF_TOKEN", "config.toml", "hub/token"])
@pytest.mark.parametrize("good", [True, False])
def test_a_token_is_printed_and_kept_nowhere(
    zoo: LocalZoo, tmp_path: Path, source: str, good: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neither output nor recordings nor the store hold the token, whether the zoo knows it or not."""
    token = zoo.tokens["hf"] if good else "hf_" + "s3cretS3cret" * 3
    given = tmp_path_factory.mktemp("given")
    env = environment(tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"], ZOOCLIENT_RECORD=str(tmp_path / "recorded"))
    env |= {"HF_HOME": str(given / "hub"), "ZOOCLIENT_CONFIG": str(given / "config.toml")}
    if source.isupper():
        env[source] = token
    else:
        path = given / source
        path.parent.mkdir(exist_ok=True)
        path.write_text(token if source == "hub/token" else f'[zoos.hf]\ntoken = "{token}"\n')
        path.chmod(0o600)
    printed = ""
    for words in WORDS:
        for form in ((), ("--json",)):
            done = typed(*words, *form, env=env, cwd=tmp_path)
            assert done.returncode in (0, 3, 4, 7), (words, done.stderr)
            assert "Traceback" not in done.stderr
            printed += done.stdout + done.stderr
    assert any(token in seen.headers.get("authorization", "") for seen in zoo.requests), "it was used"
    assert token not in printed
    assert (tmp_path / "recorded").is_dir()
    assert token.encode() not in everything_below(tmp_path)


def test_a_password_of_a_proxy_is_not_printed(tmp_path: Path) -> None:
    """Where a proxy fails, its address is told without the user and password in it."""
    env = environment(tmp_path, HTTPS_PROXY="http://somebody:pa55word@127.0.0.1:1")
    for words in (["resolve", "hf:org/tiny"], ["doctor"], ["search", "x"], ["get", "hf:org/tiny"]):
        done = typed(*words, env=env, cwd=tmp_path)
        assert done.returncode == 7, done.stderr
        assert "pa55word" not in done.stdout + done.stderr


def test_login_needs_a_terminal_or_says_so(zoo: LocalZoo, tmp_path: Path) -> None:
    """Without a terminal nothing is asked for and nothing is echoed: exit 2 names ``--stdin``."""
    env = environment(tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"])
    done = subprocess.run(
        [*ZOOCLIENT, "login"],
        env=env,
        cwd=tmp_path,
        input=zoo.tokens["hf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--stdin" in done.stderr
    assert zoo.requests == []


def test_login_tells_of_a_variable_that_outranks_it(zoo: LocalZoo, tmp_path: Path) -> None:
    """Who logs in while HF_TOKEN is set is told that the variable goes first."""
    env = environment(tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"], HF_TOKEN="hf_another")
    done = subprocess.run(
        [*ZOOCLIENT, "login", "--stdin"],
        env=env,
        cwd=tmp_path,
        input=zoo.tokens["hf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "HF_TOKEN" in done.stderr
    assert zoo.tokens["hf"] not in done.stdout + done.stderr
    assert "hf_another" not in done.stdout + done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's terminals")
def test_a_token_typed_at_a_terminal_is_not_echoed(zoo: LocalZoo, tmp_path: Path) -> None:
    """At a terminal the token is asked for, and what is typed is not shown."""
    env = environment(tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"])
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*ZOOCLIENT, "login"],
        env=env,
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        typed = False
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux's end of a terminal
                break
            if not part:
                break
            shown += part
            if not typed and b"Token of hf: " in shown:
                os.write(ours, zoo.tokens["hf"].encode() + b"\n")
                typed = True
        os.close(ours)
    assert process.returncode == 0, shown
    assert b"Logged in to hf as me" in shown
    assert zoo.tokens["hf"].encode() not in shown


def test_whoami_without_a_token_asks_nobody(zoo: LocalZoo, tmp_path: Path) -> None:
    """Where no token is set, whoami says that and not that the token is wrong."""
    done = typed("whoami", env=environment(tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"]), cwd=tmp_path)
    assert done.returncode == 4
    assert "No token is set" in done.stderr
    assert "zooclient login hf" in done.stderr
    assert zoo.requests == []


def test_search_at_a_zoo_that_fails_is_no_success(zoo: LocalZoo, tmp_path: Path) -> None:
    """A single zoo that cannot be reached, or answers with an error, is exit 7 and empty stdout."""
    env = environment(tmp_path, ZOOCLIENT_HF_ENDPOINT="http://127.0.0.1:1")
    for words in (["search", "x", "--zoo", "hf"], ["search", "x", "--zoo", "hf", "--json"], ["search", "--zoo", "hf"]):
        done = typed(*words, env=env, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (7, ""), done.stderr
    zoo.fail("/api/models*", Status(500))
    limited = env | {"ZOOCLIENT_HF_ENDPOINT": zoo.endpoints["hf"]}
    (tmp_path / "config.toml").write_text("[limits]\nretries = 0\n")
    assert typed("search", "x", env=limited, cwd=tmp_path).returncode == 7
