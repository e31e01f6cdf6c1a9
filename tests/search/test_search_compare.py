"""Models side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_shell import typed
from hypothesis import given, settings
from hypothesis import strategies as st
from support import recorded
from zoodoubles import Colour, threads

from zooclient import Card, Client, Comparison
from zooclient.errors import NotFound
from zooclient.records.comparison import (
    Evaluation,
    column_of,
    evaluations,
    failed_column,
    first_sentences,
    limits_of,
)
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref
from zooclient.testing import LocalZoo, Status

CARD = """---
license: {license}
model-index:
- name: tiny
  results:
  - task: {{type: text-classification}}
    dataset: {{name: glue}}
    metrics:
    - {{type: accuracy, value: {value}, verified: true}}
---
# Tiny

## Limitations

{limits}
"""


@pytest.fixture
def scope() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=("modelscope",)) as running:
        yield running


@pytest.fixture
def endpoints(zoo: LocalZoo, scope: LocalZoo) -> dict[str, str]:
    """Two zoos with a model each, of the same name."""
    zoo.commit(
        "org/two", {"README.md": CARD.format(license="mit", value=0.5, limits="It **lies**. Often."), "a.gguf": "x"}
    )
    told = CARD.format(license="gemma", value=0.75, limits="[More Information Needed]")
    scope.commit("org/two", {"README.md": told, "b.safetensors": b"yy"})
    scope.popularity("org/two", downloads=7)
    return {"hf": zoo.endpoints["hf"], **scope.endpoints}


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    made = Colour(request.param)
    yield made
    made.close()


def test_models_of_two_zoos_side_by_side(colour: Colour, endpoints: dict[str, str], tmp_path: Path) -> None:
    """Each reference is a column, in order, with what decides between them; records may be given as well."""
    client = colour.client(endpoints, home=tmp_path)
    found = colour.compare(client, ["hf:org/two", "ms:org/two", "hf:org/tiny"])
    hub, scope, tiny = found.columns
    assert [column.asked for column in found.columns] == ["hf:org/two", "ms:org/two", "hf:org/tiny"]
    assert (hub.license.spdx, hub.license.kind, scope.license.kind) == ("MIT", "open-source", "open-weight")
    assert (hub.formats, scope.formats, hub.weights_size, scope.weights_size) == (("gguf",), ("safetensors",), 1, 2)
    assert hub.evaluations == (
        Evaluation(task="text-classification", dataset="glue", metric="accuracy", value="0.5", verified=True),
    )
    assert (hub.limits, scope.limits, tiny.limits) == ("It lies. Often.", None, "It knows nothing.")
    assert (hub.pin, hub.ref.pinned, hub.access.state, scope.access.state) == ("commit", True, "open", "open")
    assert (scope.downloads, scope.updated_at is not None) == (7, True)
    assert tiny.weights_size is not None and tiny.size is not None and tiny.weights_size < tiny.size
    assert found.failure is None
    assert found.differs("license") and not found.differs("pin")
    assert Comparison.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert "zooclient-beside" not in threads()


def test_a_reference_that_fails_is_a_column(colour: Colour, endpoints: dict[str, str], tmp_path: Path) -> None:
    """What cannot be read, found or provided stands in its own column, and the others are there."""
    client = colour.client(endpoints, home=tmp_path)
    found = colour.compare(client, ["hf:org/none", "nowhere:x", "not a reference", "hf:org/two"])
    assert [column.failure and column.failure.kind for column in found.columns] == [
        *("NotFound", "RefError", "RefError", None),
    ]
    assert found.failure is not None and found.failure.exit_code == 3
    assert found.columns[3].license.spdx == "MIT"
    assert not found.differs("license"), "who failed does not differ"
    with pytest.raises(TypeError, match="list"):
        colour.compare(client, "hf:org/two")
    with pytest.raises(TypeError, match="int"):
        colour.compare(client, [3])


def test_a_card_that_cannot_be_had_is_said(
    colour: Colour, zoo: LocalZoo, endpoints: dict[str, str], tmp_path: Path
) -> None:
    """The record is compared all the same where its card is refused or not there."""
    zoo.fail("org/two/README.md", Status(403))
    client = colour.client(endpoints, home=tmp_path)
    found = colour.compare(client, ["hf:org/two", "hf:org/plain"])
    assert all(column.card_problem for column in found.columns)
    assert [column.failure for column in found.columns] == [None] * 2
    assert found.columns[0].evaluations[0].value == "0.5", "the zoo's own reading of the card stands in"
    assert "no card" in (found.columns[1].card_problem or "")


def test_a_comparison_offline_is_made_of_what_is_held(endpoints: dict[str, str], tmp_path: Path) -> None:
    """A model that was compared before can be compared without a connection; another is a column that says so."""
    with Client(home=tmp_path, endpoints=endpoints) as client:
        pin = str(client.compare(["hf:org/two"]).columns[0].ref)
    with Client(home=tmp_path, endpoints=endpoints, offline=True) as client:
        held, other = client.compare([pin, "hf:org/tiny"]).columns
    assert (held.limits, held.failure) == ("It lies. Often.", None)
    assert other.failure is not None and other.failure.kind == "Offline"


# -- the pieces -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It lies.", "It lies."),
        ("\n\n### What\n\n![x](y.png)\n\nIt *lies* at [times](http://x). Always.", "It lies at times. Always."),
        ("It fails for:\n\n- cats\n- `dogs`\n\nMore.", "It fails for: cats dogs"),
        ("[More Information Needed]", None),
        ("<!-- nothing -->\n\nTBD\n\nIt lies.", "It lies."),
        ("| a | b |\n|---|---|\n| 1 | 2 |", None),
        ("```\ncode\n```", None),
        ("", None),
        ("它不知道。它会说谎。", "它不知道。它会说谎。"),
        ("x" * 400, "x" * 299 + "…"),
        ("One. " + "Y" * 400, "One."),
        ("No. 1 is v1.5 of e.g. this.", "No. 1 is v1.5 of e.g. this."),
    ],
)
def test_first_sentences(text: str, told: str | None) -> None:
    """Whole sentences of prose are told; marks, tables, code, pictures and place-holders are not."""
    assert first_sentences(text) == told


@settings(deadline=None)
@given(st.text("ab .:!?*_`[]()#|\n-<>。", max_size=300), st.integers(1, 40))
def test_first_sentences_of_anything(text: str, most: int) -> None:
    """Whatever an author wrote, what is told is one line within its bound, or nothing."""
    told = first_sentences(text, most)
    if told is not None:
        assert told.strip() == told and "\n" not in told and 0 < len(told) <= most


@pytest.mark.parametrize(
    "index",
    [None, "x", 3, [None], [{"results": None}], [{"results": [{"metrics": [{"value": 1}]}]}], [{"results": {}}]],
)
def test_a_broken_index_of_results_is_none(index: Any) -> None:
    """What no metric and no value can be read from is passed over."""
    ref = Ref.parse("hf:a/b")
    record = ModelRecord(ref=ref, requested=ref, pin="none", title="b", metadata={"model-index": index})
    assert evaluations(record, None) == ()
    assert evaluations(record, Card(data={"model-index": index})) == ()


def test_real_cards() -> None:
    """The results and limits of recorded cards are read."""
    card = Card.parse(recorded("cards", "wav2vec2-large-xlsr-53-english_model-index.md").read_bytes())
    ref = Ref.parse("hf:a/b")
    found = evaluations(ModelRecord(ref=ref, requested=ref, pin="none", title="b"), card)
    assert len(found) > 3
    assert all(one.metric and one.value and one.dataset for one in found)
    assert "wer" in {one.metric.casefold().removeprefix("test ") for one in found}
    bloom = limits_of(Card.parse(recorded("cards", "bloom.md").read_bytes()))
    assert bloom is not None and len(bloom) <= 300
    assert limits_of(Card.parse(recorded("cards", "ke-t5-base.md").read_bytes())) != ""


def test_an_error_keeps_what_helps() -> None:
    """The column of a failure has class, sentence, hint and exit code."""
    failure = failed_column("hf:a/b", NotFound("No.", hint="Look elsewhere.")).failure
    assert failure is not None
    assert (failure.kind, failure.message, failure.hint, failure.exit_code) == ("NotFound", "No.", "Look elsewhere.", 3)


def test_a_column_of_little() -> None:
    """A record that tells next to nothing makes a column all the same."""
    ref = Ref.parse("hf:a/b")
    column = column_of("hf:a/b", ModelRecord(ref=ref, requested=ref, pin="none", title="b"), None, card_problem="No.")
    assert (column.size, column.weights_size, column.formats, column.limits, column.card_problem) == (
        *(0, 0, (), None, "No."),
    )


# -- the verb -------------------------------------------------------------------------------------


@pytest.fixture
def environ(endpoints: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return {
        "ZOOCLIENT_HOME": str(tmp_path / "home"),
        "ZOOCLIENT_CONFIG": str(tmp_path / "config.toml"),
        "ZOOCLIENT_HF_ENDPOINT": endpoints["hf"],
        "ZOOCLIENT_MODELSCOPE_ENDPOINT": endpoints["modelscope"],
        "HF_HOME": str(tmp_path / "hf"),
    }


@pytest.mark.parametrize("columns", ["120", "60", "20"])
def test_the_table_says_all_without_colour(environ: dict[str, str], tmp_path: Path, columns: str) -> None:
    """What differs has a star, lines keep to the width, and pins stand whole at the end to be pasted."""
    ran = typed("compare", "hf:org/two", "ms:org/two", env={**environ, "COLUMNS": columns}, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert any(line.startswith("* licence") for line in lines)
    assert any(line.startswith("  access") for line in lines)
    told = " ".join(ran.stdout.split())
    assert "accuracy on glue: 0.5" in told and "\x1b" not in told
    assert [line.partition("@")[0] for line in lines if "pinned: " in line] == [
        *("pinned: hf:org/two", "pinned: modelscope:org/two"),
    ]
    table = [line for line in lines if not line.startswith("pinned: ")]
    assert max(map(len, table)) <= max(int(columns), 32)
    if columns == "120":
        assert "It lies. Often." in told and "its card tells none" in told


def test_the_exit_code_is_that_of_the_first_failure(environ: dict[str, str], tmp_path: Path) -> None:
    """The rest is printed all the same, errors are talk, and JSON is a record."""
    words = ("compare", "hf:org/two", "hf:org/none", "nowhere:x")
    ran = typed(*words, env=environ, cwd=tmp_path)
    assert ran.returncode == 3
    assert "MIT" in ran.stdout and "NotFound" in ran.stdout
    assert "error: hf:org/none" in ran.stderr and "error: nowhere:x" in ran.stderr
    ran = typed(*words, "--json", env=environ, cwd=tmp_path)
    assert ran.returncode == 3
    found = Comparison.from_dict(json.loads(ran.stdout))
    assert [column.failure is None for column in found.columns] == [True, False, False]


def test_zoos_tells_what_each_can_do(environ: dict[str, str], tmp_path: Path) -> None:
    """Verbs, filters by how they are met, orders: in words for people, as records for programs."""
    ran = typed("zoos", env=environ, cwd=tmp_path)
    hub = ran.stdout.partition("\nmodelscope")[0]
    assert hub.splitlines()[0].split("\t")[2] == "search download run publish login"
    for label, some in (
        ("cannot", "identify"),
        ("filters, exact", "task"),
        ("filtered here", "fits"),
        ("sorts by", "trending"),
    ):
        (line,) = [line for line in hub.splitlines() if line.strip().startswith(f"{label}:")]
        assert some in line
    told = {one["scheme"]: one for one in json.loads(typed("zoos", "--json", env=environ, cwd=tmp_path).stdout)}
    assert told["hf"]["capability"]["filters"]["fits"] == "emulated"
    assert set(told["hf"]["capability"]) >= {"search", "download", "run", "publish", "login", "sorts", "search_login"}


def test_search_takes_the_new_filters(environ: dict[str, str], zoo: LocalZoo, tmp_path: Path) -> None:
    """``--fits`` and ``--license-kind`` choose over real sockets; a wrong size is a sentence and exit code 2."""
    ran = typed(
        "search", "tiny", "--zoo", "hf", "--fits", "2MB", "--license-kind", "open-source", env=environ, cwd=tmp_path
    )
    assert [line.split("\t")[0] for line in ran.stdout.splitlines()] == ["hf:org/tiny"]
    assert typed("search", "tiny", "--zoo", "hf", "--fits", "1MB", env=environ, cwd=tmp_path).stdout == ""
    ran = typed("search", "tiny", "--fits", "much", env=environ, cwd=tmp_path)
    assert (ran.returncode, "24GB" in ran.stderr) == (2, True)


def test_a_search_offline_says_so(environ: dict[str, str], tmp_path: Path) -> None:
    """Offline, the verb ends with the exit code of Offline and one sentence."""
    ran = typed("search", "tiny", env={**environ, "ZOOCLIENT_OFFLINE": "1"}, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (7, "")
    assert "switched off" in ran.stderr
