"""``zooclient serve`` as a process: what it prints, what it answers, how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_shell import ZOOCLIENT, environment, ran, typed

from zooclient import Client
from zooclient.testing import LocalZoo


@contextmanager
def serving(*words: str, env: dict[str, str], cwd: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Starts the server and reads where it is bound."""
    with subprocess.Popen(
        [*ZOOCLIENT, "serve", *words, "--port", "0", "--json"],
        env=env,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        try:
            yield process, json.loads(text)
        finally:
            process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_folder_is_served_until_a_signal(models: Path, tmp_path: Path, number: signal.Signals, code: int) -> None:
    """The printed address answers, and Ctrl-C or SIGTERM ends it with their code and no traceback."""
    with serving(str(models), env=environment(tmp_path), cwd=tmp_path) as (process, bound):
        with Client(home=tmp_path / "ours", endpoints={"hf": bound["url"]}) as client:
            assert client.load(str(client.resolve("hf:org/tiny").ref)).path.is_dir()
        process.send_signal(number)
        out, error = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in error
    assert "org/tiny" in error


def test_the_store_is_served_without_what_is_not_open(zoo: LocalZoo, tmp_path: Path) -> None:
    """Without a folder the store is served; a gated model is left out unless it is named."""
    env = environment(tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"], ZOOCLIENT_HF_TOKEN=zoo.tokens["hf"])
    zoo.gate("org/tiny", "manual", readers=("me",))
    assert typed("get", "hf:org/tiny", env=env, cwd=tmp_path).returncode == 0
    assert typed("get", "hf:org/plain", env=env, cwd=tmp_path).returncode == 0
    for words, found in (((), ["org/plain"]), (("--include", "hf:org/tiny"), ["org/plain", "org/tiny"])):
        with (
            serving(*words, env=env, cwd=tmp_path) as (_, bound),
            Client(home=tmp_path / "ours", endpoints={"hf": bound["url"]}) as client,
        ):
            assert sorted(hit.ref.id for hit in client.search(zoos="hf")) == found


def test_several_zoos_are_served_from_one_folder(models: Path, tmp_path: Path) -> None:
    """Each zoo that is named has its own address, under which our client reads the folder as that zoo's."""
    env = environment(tmp_path)
    with serving(str(models), "--zoo", "ms", "--zoo", "hf", env=env, cwd=tmp_path) as (_, bound):
        assert list(bound["zoos"]) == ["modelscope", "hf"]
        assert bound["url"] == bound["zoos"]["modelscope"]["url"] != bound["zoos"]["hf"]["url"]
        endpoints = {scheme: told["url"] for scheme, told in bound["zoos"].items()}
        with Client(home=tmp_path / "ours", endpoints=endpoints) as client:
            found = [client.resolve(f"{scheme}:org/tiny") for scheme in ("ms", "hf")]
            assert found[0].ref.revision != found[1].ref.revision
            assert found[0].total_size == found[1].total_size
    done = ran("serve", str(models), "--zoo", "nowhere", env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert "hf, modelscope" in done.stderr


def test_each_zoo_is_told_with_its_own_variables(models: Path, tmp_path: Path) -> None:
    """Without ``--json`` stdout has one address a zoo, and stderr says how clients are pointed there."""
    words = [*ZOOCLIENT, "serve", str(models), "--zoo", "hf", "--zoo", "modelscope", "--port", "0"]
    pipe, env = subprocess.PIPE, environment(tmp_path)
    with subprocess.Popen(words, env=env, cwd=tmp_path, text=True, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        urls = [process.stdout.readline().strip() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert f"HF_ENDPOINT={urls[0]}" in told and f"ZOOCLIENT_HF_ENDPOINT={urls[0]}" in told
    assert f" MODELSCOPE_ENDPOINT={urls[1]}" in told and f"ZOOCLIENT_MODELSCOPE_ENDPOINT={urls[1]}" in told


def test_a_port_that_is_taken_is_a_sentence(zoo: LocalZoo, models: Path, tmp_path: Path) -> None:
    """A port that somebody has is exit 2 with a hint, and no traceback."""
    port = zoo.endpoints["hf"].rpartition(":")[2]
    done = ran("serve", str(models), "--port", port, env=environment(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
