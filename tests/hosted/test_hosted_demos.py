"""Pages that show a model at work: Spaces and studios, with state and address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostedkit import FILES, Hosted, hosted
from support import recorded

from zooclient.providers.modelscope.studios import read_studios
from zooclient.records.model import Demo

SITE = "https://modelscope.cn"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Hosted]:
    """A zoo with one model and two demos of it."""
    with hosted(tmp_path) as both:
        both.zoo.commit("acme/tiny", FILES)
        both.zoo.demos("acme/tiny", "acme/show", "else/where")
        yield both


def test_spaces_are_told_with_state_and_address(at: Hosted) -> None:
    """At the Hub a record tells its Spaces where they are asked for, and what state each is in."""
    hub = at.zoo.endpoints["hf"]
    assert at.client.resolve("hf:acme/tiny").demos == ()
    assert at.client.resolve("hf:acme/tiny", demos=True).demos == (
        Demo(id="acme/show", url=f"{hub}/spaces/acme/show", state="RUNNING"),
        Demo(id="else/where", url=f"{hub}/spaces/else/where", state="RUNNING"),
    )


def test_studios_are_told_with_state_and_address(at: Hosted) -> None:
    """At ModelScope a record tells the studios that its answer names, for no further request."""
    site = at.zoo.endpoints["modelscope"]
    at.client.resolve("modelscope:acme/tiny")
    asked = len(at.zoo.requests)
    record = at.client.resolve("modelscope:acme/tiny", demos=True)
    assert len(at.zoo.requests) == 2 * asked
    assert record.demos[0] == Demo(id="acme/show", url=f"{site}/studios/acme/show", state="Running")
    assert not any("Demos" in problem for problem in record.problems)


def test_what_is_not_known_of_studios_is_said(at: Hosted) -> None:
    """A model for which ModelScope names none has none in its record, and the record says what that means."""
    at.zoo.commit("acme/alone", FILES)
    record = at.client.resolve("modelscope:acme/alone", demos=True)
    assert record.demos == () and "proves nothing" in record.problems[-1]


@pytest.mark.parametrize(
    ("told", "ids", "problem"),
    [
        (["a/b", {"Path": "c", "Name": "d", "State": "Stopped"}], ["a/b", "c/d"], None),
        (["a/b", 1, {"Path": "../c", "Name": "d"}, None], ["a/b"], "3 studios"),
        ([], [], "proves nothing"),
        ("a/b", [], "proves nothing"),
        (None, [], "proves nothing"),
    ],
)
def test_an_odd_list_of_studios_is_read_as_far_as_it_can_be(told: Any, ids: list[str], problem: str | None) -> None:
    """What is no id of a studio is counted and left out."""
    found, odd = read_studios({"Data": {"Studios": told}}, endpoint=SITE)
    assert [demo.id for demo in found] == ids and (odd is None if problem is None else problem in str(odd))


def test_the_recorded_answers_name_no_studio() -> None:
    """What was recorded of ModelScope has the list, and it is empty."""
    told = json.loads(recorded("modelscope", "dolphin_models_search_page.json").read_text())
    models = told["Data"]["Model"]["Models"]
    assert models and all(read_studios({"Data": model}, endpoint=SITE)[0] == () for model in models)
