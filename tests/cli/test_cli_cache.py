"""``zooclient cache`` and ``verify`` with the names that people have at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_shell import environment, typed

from zooclient.testing import LocalZoo


@pytest.fixture
def env(zoo: LocalZoo, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"])


@pytest.mark.parametrize(
    "name", ["hf:org/tiny", "huggingface:org/tiny", "hf:org/tiny@main", "https://huggingface.co/org/tiny/tree/main"]
)
def test_a_snapshot_is_removed_by_any_name_that_meant_it(
    zoo: LocalZoo, env: dict[str, str], tmp_path: Path, name: str
) -> None:
    """An alias, a branch or a web address removes and verifies what it last meant."""
    pinned = f"hf:org/tiny@{zoo.head('org/tiny')}"
    assert typed("get", "hf:org/tiny@main", env=env, cwd=tmp_path).returncode == 0
    zoo.stop()
    assert typed("verify", name, env=env, cwd=tmp_path).returncode == 0
    removed = typed("cache", "rm", name, env=env, cwd=tmp_path)
    assert removed.stdout.split() == [pinned], removed.stderr
    assert typed("cache", "ls", env=env, cwd=tmp_path).stdout == ""


def test_a_name_of_old_verifies_and_removes_what_it_led_to(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """A model that was fetched under an old name is verified and removed under that name too."""
    zoo.rename("tiny-of-old", "org/tiny")
    pinned = f"hf:org/tiny@{zoo.head('org/tiny')}"
    old = f"hf:tiny-of-old@{zoo.head('org/tiny')}"
    assert typed("get", old, env=env, cwd=tmp_path).returncode == 0
    for name in ("hf:tiny-of-old", old):
        assert typed("verify", old, env=env, cwd=tmp_path).returncode == 0
        removed = typed("cache", "rm", name, env=env, cwd=tmp_path)
        assert removed.stdout.split() == [pinned], removed.stderr
        assert typed("get", old, env=env, cwd=tmp_path).returncode == 0


def test_another_model_or_branch_is_not_removed(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """A name that never meant what is held is not found, and removes nothing."""
    assert typed("get", "hf:org/tiny@main", env=env, cwd=tmp_path).returncode == 0
    for name in ("hf:org/plain", "hf:org/tiny@other", f"hf:org/tiny@{'0' * 40}"):
        assert typed("cache", "rm", name, env=env, cwd=tmp_path).returncode == 3
    assert zoo.head("org/tiny") in typed("cache", "ls", env=env, cwd=tmp_path).stdout


def test_prune_keeps_what_a_branch_meant_and_refuses_what_it_cannot_read(
    zoo: LocalZoo, env: dict[str, str], tmp_path: Path
) -> None:
    """``--keep`` takes moving names, and a mistyped one stops the pruning before anything is removed."""
    assert typed("get", "hf:org/tiny@main", env=env, cwd=tmp_path).returncode == 0
    wrong = typed("cache", "prune", "--older-than", "0", "--keep", "org/tiny", env=env, cwd=tmp_path)
    assert wrong.returncode == 2
    kept = typed("cache", "prune", "--older-than", "0", "--keep", "hf:org/tiny@main", env=env, cwd=tmp_path)
    assert kept.returncode == 0
    assert zoo.head("org/tiny") in typed("cache", "ls", env=env, cwd=tmp_path).stdout


def test_verify_says_of_which_model_each_file_is(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """Files of one name in several models stand below their pinned references."""
    for name in ("org/tiny", "org/plain"):
        assert typed("get", f"hf:{name}", env=env, cwd=tmp_path).returncode == 0
    rows = typed("cache", "verify", env=env, cwd=tmp_path).stdout.splitlines()
    assert [row for row in rows if not row.startswith(" ")] == [
        f"hf:{name}@{zoo.head(name)}" for name in ("org/plain", "org/tiny")
    ]
