"""The checks that all zoos share."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient import Client, ConfigError
from zooclient.records import filters
from zooclient.records.capability import Capability
from zooclient.records.licenses import license_of
from zooclient.records.model import Access, Hit
from zooclient.records.query import Query
from zooclient.records.ref import Ref

NAMES = (*filters._CHECKS,)
EXACT = Capability(filters=dict.fromkeys(NAMES, "exact"))
EMULATED = Capability(filters=dict.fromkeys(NAMES, "emulated"))
NOTHING = Capability()


def hit(**told: Any) -> Hit:
    return Hit(ref=Ref(scheme="hf", id="a/b"), title="b", **told)


@pytest.mark.parametrize(
    ("told", "size"),
    [
        ({"weights_size": 7, "parameters": 100}, 7),
        ({"parameters": 100}, 200),
        ({"parameters": 1000, "formats": ("gguf",)}, 563),
        ({"parameters": 1000, "formats": ("gguf",), "weights_size": 2000}, 2000),
        ({}, None),
    ],
)
def test_the_memory_of_a_hit(told: dict[str, Any], size: int | None) -> None:
    """A listed size counts before parameters; those are of 16 bits, in GGUF of 4.5."""
    assert filters.memory(hit(**told)) == size


@settings(deadline=None)
@given(st.integers(0, 10**15), st.integers(0, 10**15), st.booleans())
def test_a_bound_for_the_zoo_leaves_out_nothing_that_fits(parameters: int, size: int, gguf: bool) -> None:
    """What a zoo is told to leave out by its number of parameters could not fit in any known way."""
    told = hit(parameters=parameters, formats=("gguf",) if gguf else ())
    memory = filters.memory(told)
    assert memory is not None
    if memory <= size:
        assert parameters <= filters.most_parameters(size)


@pytest.mark.parametrize(
    "query", [Query(fits="1GB"), Query(min_parameters=1), Query(max_parameters=1)], ids=["fits", "min", "max"]
)
def test_what_a_hit_does_not_tell(query: Query) -> None:
    """The zoo that applies a filter is believed; where the hit alone decides, one that says nothing is left out."""
    assert filters.suits(hit(), query, EXACT)
    assert not filters.suits(hit(), query, EMULATED)
    assert filters.suits(hit(), query, NOTHING)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({}, "unknown"),
        ({"license": license_of(["other"])}, "unknown"),
        ({"license": license_of(["apache-2.0"])}, "open-source"),
        ({"license": license_of(["llama3.1"])}, "open-weight"),
        ({"license": license_of(["mit", "cc-by-nc-4.0"])}, "non-commercial"),
    ],
)
def test_kinds_of_licences(told: dict[str, Any], kind: str) -> None:
    """Each model is of exactly one kind, and one that states no licence is unknown."""
    kinds = ("open-source", "open-weight", "non-commercial", "unknown")
    found = [one for one in kinds if filters.suits(hit(**told), Query(license_kind=one), EMULATED)]  # type: ignore[arg-type]
    assert found == [kind]


@pytest.mark.parametrize(
    ("query", "told", "suits"),
    [
        (Query(license="MIT"), {"license": license_of(["mit", "apache-2.0"])}, True),
        (Query(license="apache 2.0"), {"license": license_of(["Apache License, Version 2.0"])}, True),
        (Query(license="mit"), {}, False),
        (Query(base_model="Org/Base"), {"base_models": ("hf:org/base@main",)}, True),
        (Query(base_model="hf:org/base"), {"base_models": ("hf:org/base2",)}, False),
        (Query(format="GGUF"), {"formats": ("gguf",)}, True),
        (Query(format="gguf"), {"tags": ("gguf",)}, False),
        (Query(format="joblib"), {"tags": ("joblib",)}, True),
        (Query(gated=True), {"access": Access(state="paid")}, True),
        (Query(gated=False), {"access": Access(state="pending")}, False),
        (Query(), {"nsfw": True}, False),
        (Query(), {"nsfw": None}, True),
        (Query(nsfw=True), {"nsfw": True}, True),
        (Query(task=""), {}, True),
    ],
)
def test_single_checks(query: Query, told: dict[str, Any], suits: bool) -> None:
    """Claims are compared as they are meant: case, spelling, several at once."""
    assert filters.suits(hit(**told), query, EMULATED) is suits


def test_what_is_reported() -> None:
    """Fields that nobody applies are named in the query's order, the order first; adult content only if wanted."""
    query = Query(sort="likes", fits=1, task="x", tags=("a",))
    assert filters.unapplied(query, NOTHING) == ("sort", "task", "tags", "fits")
    assert filters.unapplied(query, EMULATED, sorts=("likes",), further=("task",)) == ("task",)
    assert filters.unapplied(Query(nsfw=True), NOTHING) == ("nsfw",)
    assert filters.unapplied(Query(), NOTHING) == ()


@pytest.mark.parametrize(
    ("told", "said"),
    [({"fits": "24 elephants"}, "24GB"), ({"license_kind": "free"}, "open-source"), ({"fits": -1}, "within")],
)
def test_a_wrong_filter_is_a_setting_error(told: dict[str, Any], said: str) -> None:
    """A size or a kind that there is not is a ConfigError that shows what there is."""
    with Client() as client, pytest.raises(ConfigError) as caught:
        client.search("x", **told)
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_a_size_may_be_text_anywhere() -> None:
    """A query holds bytes, however it was written."""
    assert Query(fits="24GB").fits == 24 * 10**9
    assert Query(fits=None).fits is None
