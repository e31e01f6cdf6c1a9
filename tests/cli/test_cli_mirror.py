"""``zooclient mirror``: push, ls, verify, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_shell import environment, typed

from zooclient.testing import LocalZoo


@pytest.fixture
def env(zoo: LocalZoo, tmp_path: Path) -> dict[str, str]:
    return environment(
        tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"], ZOOCLIENT_HF_TOKEN=zoo.tokens["hf"], HF_HOME=str(tmp_path)
    )


def pin(zoo: LocalZoo, model: str = "org/tiny") -> str:
    return f"hf:{model}@{zoo.head(model)}"


def test_push_prints_a_line_a_model_with_access_and_licence(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """State, pin, bytes, access and the kind of licence; why something was left out, and how to name it, is talk."""
    zoo.gate("org/plain", readers=("me",))
    mirror = str(tmp_path / "m")
    ran = typed("mirror", "push", mirror, pin(zoo), pin(zoo, "org/plain"), env=env, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    pushed, left = (line.split("\t") for line in ran.stdout.splitlines())
    assert [pushed[0], pushed[1], pushed[3], pushed[4]] == ["pushed", pin(zoo), "open", "open-source (Apache-2.0)"]
    assert left[:2] == ["left out", pin(zoo, "org/plain")]
    assert "--include hf:org/plain" in ran.stderr
    again = typed("mirror", "push", mirror, pin(zoo), "--include", "hf:org/plain", "--json", env=env, cwd=tmp_path)
    first, second = json.loads(again.stdout)
    assert (first["state"], first["added"], first["license"]["kind"]) == ("already there", 0, "open-source")
    assert (second["state"], second["access"]) == ("pushed", "gated")


def test_ls_and_verify(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """``ls`` prints pins that ``get`` takes; ``verify`` ends with 5 when something is damaged."""
    mirror = str(tmp_path / "m")
    typed("mirror", "push", mirror, pin(zoo), env=env, cwd=tmp_path)
    listed = typed("mirror", "ls", mirror, env=env, cwd=tmp_path)
    assert listed.stdout.split("\t")[0] == pin(zoo)
    assert "open-source (Apache-2.0)" in listed.stdout
    (model,) = json.loads(typed("mirror", "ls", mirror, "--json", env=env, cwd=tmp_path).stdout)
    assert (model["ref"], model["files"], model["access"]) == (pin(zoo), 4, "open")
    assert typed("mirror", "verify", mirror, env=env, cwd=tmp_path).returncode == 0
    blob = next(Path(mirror).glob("v1/blobs/sha256/*/*"))
    blob.chmod(0o644)
    blob.write_bytes(b"rotten")
    broken = typed("mirror", "verify", mirror, "--json", env=env, cwd=tmp_path)
    assert broken.returncode == 5
    assert json.loads(broken.stdout)["ok"] is False


def test_a_mirror_that_a_variable_names_is_all_there_is(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """``ZOOCLIENT_HF_MIRRORS`` and ``ZOOCLIENT_HF_MIRROR_POLICY=only``: get, path and resolve without the zoo."""
    mirror = str(tmp_path / "m")
    typed("mirror", "push", mirror, "hf:org/tiny", env=env, cwd=tmp_path)
    zoo.forget()
    far = env | {
        "ZOOCLIENT_HOME": str(tmp_path / "far"),
        "ZOOCLIENT_HF_MIRRORS": mirror,
        "ZOOCLIENT_HF_MIRROR_POLICY": "only",
    }
    got = typed("get", pin(zoo), env=far, cwd=tmp_path)
    assert got.returncode == 0, got.stderr
    assert typed("path", pin(zoo), env=far, cwd=tmp_path).stdout == got.stdout
    resolved = typed("resolve", "hf:org/tiny", env=far, cwd=tmp_path)
    assert resolved.stdout.strip() == pin(zoo)
    assert "warning" in resolved.stderr
    assert typed("get", pin(zoo, "org/plain"), env=far, cwd=tmp_path).returncode == 7
    assert zoo.requests == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["push"], 2, "DIR"),
        (["push", "{m}"], 2, "REF"),
        (["push", "{home}", "hf:org/tiny"], 2, "holds other things"),
        (["push", "{m}", "hf:org/none"], 3, "none"),
        (["push", "{m}", "file:{home}"], 9, "this machine"),
        (["ls", "{m}"], 7, "not there"),
        (["ls", "{home}"], 3, "no mirror"),
        (["ls", "http://models.example"], 2, "plain http"),
        (["ls", "http://127.0.0.1:9"], 7, "127.0.0.1"),
        (["verify", "{home}"], 3, "no mirror"),
    ],
)
def test_what_a_person_can_cause_gets_a_sentence(
    env: dict[str, str], tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    """Each mistake ends in its exit code with a sentence on stderr, nothing on stdout, and no traceback."""
    home = tmp_path / "a folder"
    home.mkdir()
    (home / "mine.txt").write_text("mine")
    told = [word.format(m=tmp_path / "m", home=home) for word in words]
    ran = typed("mirror", *told, env=env | {"ZOOCLIENT_CONNECT_RETRIES": "0"}, cwd=tmp_path)
    assert ran.returncode == code, ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
    assert [path.name for path in home.iterdir()] == ["mine.txt"]
