"""``zooclient publish``, ``zooclient card --init`` and ``--check``: what they print, and what they end with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_shell import environment, typed
from publishkit import CARD, HF_TOKEN, model_folder, writes

from zooclient.testing import LocalZoo


@pytest.fixture(scope="module")
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=("hf", "modelscope", "civitai")) as running:
        running.commit("org/base", {"README.md": CARD.replace("apache-2.0", "cc-by-nc-4.0")})
        running.commit("org/free", {"README.md": CARD})
        yield running


@pytest.fixture
def env(zoo: LocalZoo, tmp_path: Path) -> dict[str, str]:
    zoo.forget()
    named = {f"ZOOCLIENT_{scheme.upper()}_ENDPOINT": url for scheme, url in zoo.endpoints.items()}
    tokens = {f"ZOOCLIENT_{scheme.upper()}_TOKEN": token for scheme, token in zoo.tokens.items()}
    return environment(tmp_path, **named, **tokens)


@pytest.mark.official
def test_pins_are_printed_and_failures_told(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """stdout holds the pins, a line each; a zoo that failed is told beside them and gives the exit code."""
    folder = model_folder(tmp_path)
    (folder / ".hidden").write_text("x")
    done = typed("publish", str(folder), "civitai:1", "hf:me/pins", "--private", env=env, cwd=tmp_path)
    assert done.stdout == f"hf:me/pins@{zoo.head('me/pins')}\n"
    assert "left out: .hidden (hidden)" in done.stderr
    assert "3 files verified" in done.stderr
    assert "error: Civitai has no interface" in done.stderr
    assert done.returncode == 9


@pytest.mark.official
def test_json_tells_all_of_it(env: dict[str, str], tmp_path: Path) -> None:
    """With --json stdout is one value with what came of each zoo, the failed ones too."""
    folder = model_folder(tmp_path)
    done = typed("publish", str(folder), "civitai:1", "hf:me/json", "--public", "--json", env=env, cwd=tmp_path)
    told = json.loads(done.stdout)
    assert [one["state"] for one in told] == ["failed", "published"]
    assert told[1]["verified"] is True
    assert told[0]["failure"]["exit_code"] == done.returncode == 9


def test_a_dry_run_changes_nothing(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """Files, what would move, what stays and what the card lacks are told, and nothing is changed."""
    folder = model_folder(tmp_path)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# A\n")
    done = typed("publish", str(folder), "hf:me/dry", "ms:me/dry", "--private", "--dry-run", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "zoo  hf:me/dry  (new, private): 3 files to send, 1.1 kB; there already: 0 files" in done.stdout
    assert "zoo  modelscope:me/dry  (new, private): 3 files" in done.stdout
    assert "card  warning  section-uses:" in done.stdout
    assert "model.safetensors" in done.stdout
    assert writes(zoo) == []
    data = json.loads(
        typed("publish", str(folder), "hf:me/dry", "--private", "--dry-run", "--json", env=env, cwd=tmp_path).stdout
    )
    assert [file["path"] for file in data["files"]] == ["README.md", "config.json", "model.safetensors"]


def test_visibility_must_be_said(zoo: LocalZoo, env: dict[str, str], tmp_path: Path) -> None:
    """Without --public or --private nothing new is made, and the code is that of a wrong command line."""
    for words in ((), ("--dry-run",)):
        done = typed(
            "publish", str(model_folder(tmp_path / f"a{len(words)}")), "hf:me/x", *words, env=env, cwd=tmp_path
        )
        assert done.returncode == 2
        assert "not said who is to see it" in done.stderr
        assert "--private or --public" in done.stderr
    assert writes(zoo) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.py", HF_TOKEN, "x.py holds a token of Hugging Face"),
        ("x.pt", "x", "rule pickle"),
        ("README.md", "# A", "card"),
    ],
)
def test_what_stops_it_ends_with_6(
    zoo: LocalZoo, env: dict[str, str], tmp_path: Path, name: str, content: str, said: str
) -> None:
    """A secret, a pickle and a card that is not fit stop it by the code of a policy."""
    folder = model_folder(tmp_path)
    (folder / name).write_text(content)
    done = typed("publish", str(folder), "hf:me/x", "--private", env=env, cwd=tmp_path)
    assert done.returncode == 6
    assert said in done.stderr
    assert HF_TOKEN not in done.stderr
    assert writes(zoo) == []


def test_where_all_fail_all_are_told(env: dict[str, str], tmp_path: Path) -> None:
    """Each zoo's failure is told, and the code is that of the first."""
    done = typed("publish", str(model_folder(tmp_path)), "civitai:1", "hf:me/x", env=env, cwd=tmp_path)
    assert done.returncode == 9
    assert "hf:me/x does not exist yet" in done.stderr
    assert "Civitai has no interface" in done.stderr
    assert done.stdout == ""


# -- card ---------------------------------------------------------------------------------------


def test_a_card_is_written_from_what_is_known(env: dict[str, str], tmp_path: Path) -> None:
    """The base model of the configs gives the licence, the files give the facts; the check then only warns."""
    folder = model_folder(tmp_path)
    (folder / "README.md").unlink()
    (folder / "config.json").write_text(json.dumps({"architectures": ["GPT2LMHeadModel"], "_name_or_path": "org/free"}))
    (folder / "eval_results.json").write_text(json.dumps({"eval_accuracy": 0.75}))
    done = typed("card", "--init", str(folder), env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder / 'README.md'}\n"
    text = (folder / "README.md").read_text()
    for said in ("license: apache-2.0", "base_model: org/free", "pipeline_tag: text-generation", "value: 0.75"):
        assert said in text
    assert "Parameters: 256 (F32 256)" in text
    check = typed("card", "--check", str(folder), env=env, cwd=tmp_path)
    assert check.returncode == 0
    assert {line.split()[0] for line in check.stdout.splitlines()} == {"warning"}


def test_a_base_that_is_named_is_written(env: dict[str, str], tmp_path: Path) -> None:
    """--base says what the card's base model is, and its licence is compared with what is asked for."""
    folder = model_folder(tmp_path)
    (folder / "README.md").unlink()
    done = typed("card", "--init", str(folder), "--base", "hf:org/base", "--license", "mit", env=env, cwd=tmp_path)
    assert done.returncode == 6
    assert "hf:org/base is under cc-by-nc-4.0" in done.stderr
    assert not (folder / "README.md").exists()
    done = typed("card", "--init", str(folder), "--base", "hf:org/base", "--json", env=env, cwd=tmp_path)
    assert json.loads(done.stdout)["keys"] == ["license", "base_model", "base_model_relation"]
    assert "license: cc-by-nc-4.0\nbase_model: org/base\n" in (folder / "README.md").read_text()


def test_a_licence_that_nobody_knows_is_asked_for(env: dict[str, str], tmp_path: Path) -> None:
    """Where nothing tells the licence it must be said, and nothing is written before."""
    folder = model_folder(tmp_path)
    (folder / "README.md").write_text("# Mine\n\nMy words.\n")
    done = typed("card", "--init", str(folder), env=env, cwd=tmp_path)
    assert done.returncode == 2
    assert "--license" in done.stderr
    assert (folder / "README.md").read_text() == "# Mine\n\nMy words.\n"
    done = typed("card", "--init", str(folder), "--license", "mit", env=env, cwd=tmp_path)
    assert done.returncode == 0
    assert "# Mine\n\nMy words.\n" in (folder / "README.md").read_text()


def test_a_check_ends_with_6_where_a_card_contradicts(env: dict[str, str], tmp_path: Path) -> None:
    """Findings are printed a line each with the name of the rule."""
    folder = model_folder(tmp_path)
    assert typed("card", "--check", str(folder), env=env, cwd=tmp_path).returncode == 0
    done = typed("card", "--check", str(folder), "--base", "hf:org/base", env=env, cwd=tmp_path)
    assert done.returncode == 6
    assert done.stdout.startswith("refused  license-contradicts-base: The base model hf:org/base is under cc-by-nc-4.0")
    told = json.loads(
        typed("card", "--check", str(folder), "--base", "hf:org/base", "--json", env=env, cwd=tmp_path).stdout
    )
    assert [finding["rule"] for finding in told] == ["license-contradicts-base"]


@pytest.mark.parametrize("words", [(), ("hf:org/free", "--check", "."), ("hf:org/free", "--base", "hf:org/base")])
def test_words_that_do_not_go_together(env: dict[str, str], tmp_path: Path, words: tuple[str, ...]) -> None:
    """A reference, --init and --check are three things, one at a time."""
    assert typed("card", *words, env=env, cwd=tmp_path).returncode == 2
