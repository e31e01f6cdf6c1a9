"""The models of a project file: read strictly, and changed without touching anything else."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zooclient.errors import ConfigError, NotFound
from zooclient.lock.project import Wanted, read_models, with_model, without_model
from zooclient.records.ref import Ref
from zooclient.records.wishes import Wishes

TEXT = """\
# What this project runs on.
strict = true

[models]
embedder = "hf:org/name@main"  # the small one

[models.painter]
ref = "civitai:43331"
files = ["*.safetensors"]
groups = ["dev"]

[zoos.hf]
mirrors = ["https://mirror.example"]
"""


def models(text: str, *, shared: bool = False) -> tuple[Wanted, ...]:
    table = tomllib.loads(text)
    return read_models(table["tool"]["zooclient"] if shared else table, "zoo.toml")


def test_a_model_is_a_reference_or_a_table() -> None:
    """Both ways to name a model are read, in the order of their names."""
    embedder, painter = models(TEXT)
    assert embedder == Wanted(name="embedder", ref=Ref.parse("hf:org/name@main"))
    assert painter.wishes == Wishes(files=("*.safetensors",))
    assert painter.groups == ("dev",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models = 3", "models is not a table"),
        ("[models]\na = 3", "models.a has no ref"),
        ("[models.a]\nfiles = []", "models.a has no ref"),
        ('[models]\na = "no reference"', "models.a is no reference"),
        ('[models]\n"hf:x" = "hf:org/name"', "no name for a model"),
        ('[models]\n"-a" = "hf:org/name"', "no name for a model"),
        ('[models]\n"../a" = "hf:org/name"', "no name for a model"),
        ('[models.a]\nref = "hf:org/name"\nfile = []', "unknown key 'file'"),
        ('[models.a]\nref = "hf:org/name"\nfiles = "x"', "models.a.files is not a list of texts"),
        ('[models.a]\nref = "hf:org/name"\nweights = 3', "weights is a text"),
        ('[models.a]\nref = "hf:org/name"\nsources = ["?"]', "models.a.sources is no reference"),
    ],
)
def test_what_cannot_be_says_where_it_stands(text: str, told: str) -> None:
    """Each mistake is a ConfigError that names the model and the key."""
    with pytest.raises(ConfigError, match=told):
        models(text)


def test_a_change_leaves_all_else_as_it_is() -> None:
    """Adding and removing a model gives the text back to the byte, comments and order included."""
    added = with_model(TEXT, Wanted(name="reader", ref=Ref.parse("ms:a/b@v1")), shared=False)
    assert [model.name for model in models(added)] == ["embedder", "painter", "reader"]
    assert without_model(added, "reader", shared=False) == TEXT
    changed = with_model(TEXT, Wanted(name="embedder", ref=Ref.parse("hf:org/name@v2")), shared=False)
    assert changed == TEXT.replace("name@main", "name@v2")


def test_a_model_that_is_not_there_cannot_be_removed() -> None:
    """Who removes a name that the project has not is told so."""
    for text in (TEXT, "", "[models]\n"):
        with pytest.raises(NotFound, match="'reader'"):
            without_model(text, "reader", shared=False)


NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
TEXTS = st.lists(st.text("ab*/.\"'#\\é", min_size=1, max_size=6), max_size=2).map(tuple)
WANTED = st.builds(
    Wanted,
    name=NAMES,
    ref=st.sampled_from(("hf:org/name@main", "civitai:1@2", "file:/a%40b")).map(Ref.parse),
    wishes=st.builds(
        Wishes,
        files=st.none() | TEXTS,
        exclude=TEXTS,
        weights=st.sampled_from(("auto", "gguf:Q4_K_M")),
        allow_unverified=st.booleans(),
    ),
    sources=st.lists(st.just("ms:a/b"), max_size=1).map(tuple),
    groups=TEXTS,
)


@given(st.lists(WANTED, max_size=4, unique_by=lambda wanted: wanted.name), st.booleans(), st.booleans())
def test_what_is_written_is_read(wanted: list[Wanted], shared: bool, fresh: bool) -> None:
    """Models come back as they were added, to a new file or to one with others, in either kind of file."""
    text = "" if fresh else '[project]\nname = "x"\n' if shared else 'offline = true\n[models]\nzz-first = "hf:a/b"\n'
    for one in wanted:
        text = with_model(text, one, shared=shared)
    if wanted or not fresh:
        found = {model.name: model for model in models(text, shared=shared)} if wanted or not shared else {}
        assert {one.name: found[one.name] for one in wanted} == {one.name: one for one in wanted}
