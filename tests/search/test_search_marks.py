"""What each zoo says of each filter, held against what happens: provider by provider, field by field."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve, fields, frozen

from zooclient.net.exchange import Request, Response, replay
from zooclient.providers import registry
from zooclient.providers.base import Provider
from zooclient.providers.civitai.provider import Civitai
from zooclient.providers.huggingface.provider import HuggingFace
from zooclient.providers.modelscope.provider import ModelScope
from zooclient.providers.replicate.provider import Replicate
from zooclient.records.query import Page, Query
from zooclient.settings import Settings

FIELDS = tuple(field.name for field in fields(Query) if field.name != "zoos")
#: Field → a value that the good row of each zoo has.
VALUES: Mapping[str, Any] = {
    "text": "tiny",
    "author": "acme",
    "task": "fill-mask",
    "library": "transformers",
    "license": "mit",
    "license_kind": "open-source",
    "base_model": "org/base",
    "language": "de",
    "format": "safetensors",
    "tags": ("tool",),
    "gated": False,
    "nsfw": False,
    "min_parameters": 10,
    "max_parameters": 100,
    "fits": 1000,
    "sort": "likes",
    "limit": 7,
}
#: Fields that leave no single hit out.
WHOLE = {"text", "sort", "limit"}


@frozen(kw_only=True)
class Zoo:
    """A provider and rows of its listing.

    Attributes:
        provider: The provider.
        page: Rows → the answer that lists them.
        good: A row that has every value of ``VALUES``.
        odd: Field → what makes a row not have it.
        values: Values in the zoo's own words, where they differ.
        narrows: Fields that are emulated, and yet make the zoo send less.
        part: Which of the rows an address lists, where it lists a part of them.
    """

    provider: Provider
    page: Callable[[list[Any]], Any]
    good: Mapping[str, Any]
    odd: Mapping[str, Mapping[str, Any]]
    values: Mapping[str, Any] = {}
    narrows: frozenset[str] = frozenset()
    part: Callable[[str, list[Any]], list[Any]] = lambda url, rows: rows

    def query(self, field: str) -> Query:
        """A query that chooses by one field alone."""
        return evolve(Query(nsfw=True), **{field: self.values.get(field, VALUES[field])})

    def find(self, query: Query, rows: list[Any]) -> tuple[Page, str]:
        """Searches a server that lists these rows whatever it is asked; returns the page and what was asked."""
        sent: list[str] = []

        def answer(request: Request) -> Response:
            sent.append(f"{request.url} {request.content!r}")
            return Response(
                request=request, status=200, body=json.dumps(self.page(self.part(request.url, rows))).encode()
            )

        return replay(self.provider.search(query), answer), "\n".join(sent)


_TAGS = ["transformers", "safetensors", "de", "tool", "license:mit", "base_model:org/base"]


def _without(*tags: str) -> dict[str, Any]:
    return {"tags": [tag for tag in _TAGS if tag not in tags]}


HUB = Zoo(
    provider=HuggingFace(),
    page=lambda rows: rows,
    good={
        "id": "acme/tiny",
        "pipeline_tag": "fill-mask",
        "library_name": "transformers",
        "tags": _TAGS,
        "gated": False,
        "safetensors": {"parameters": {"F16": 50}, "total": 50},
    },
    odd={
        "author": {"id": "other/tiny"},
        "task": {"pipeline_tag": "other"},
        "library": {"library_name": "other", **_without("transformers")},
        "license": _without("license:mit"),
        "license_kind": {"tags": [*_TAGS, "license:cc-by-nc-4.0"]},
        "base_model": _without("base_model:org/base"),
        "language": _without("de"),
        "format": _without("safetensors"),
        "tags": _without("tool"),
        "gated": {"gated": "auto"},
        "nsfw": {"tags": [*_TAGS, "not-for-all-audiences"]},
        "min_parameters": {"safetensors": {"total": 9}},
        "max_parameters": {"safetensors": {"total": 101}},
        "fits": {"safetensors": {"parameters": {"F32": 251}, "total": 251}},
    },
    narrows=frozenset({"fits"}),
)

SCOPE = Zoo(
    provider=ModelScope(),
    page=lambda rows: {"data": {"models": rows, "total_count": len(rows), "page_number": 1}},
    good={
        "id": "acme/tiny",
        "tasks": ["fill-mask"],
        "tags": ["library:transformers", "library:safetensors", "custom_tag:tool"],
        "license": "MIT License",
        "params": 50,
        "gated": False,
    },
    odd={
        "author": {"id": "other/tiny"},
        "task": {"tasks": ["other"]},
        "library": {"tags": ["library:safetensors", "custom_tag:tool"]},
        "license": {"license": "Apache License 2.0"},
        "license_kind": {"license": "other"},
        "base_model": {},
        "language": {},
        "format": {"tags": ["library:transformers", "custom_tag:tool"]},
        "tags": {"tags": ["library:transformers", "library:safetensors"]},
        "gated": {"gated": True},
        "nsfw": {"tags": ["custom_tag:not-for-all-audiences"]},
        "min_parameters": {"params": 9},
        "max_parameters": {"params": None},
        "fits": {"params": None, "file_size": 1001},
    },
)


def _version(**changes: Any) -> dict[str, Any]:
    file = {"id": 30, "name": "tiny.safetensors", "type": "Model", "sizeKB": 0.5, "metadata": {"format": "SafeTensor"}}
    told = {"id": 20, "name": "v1", "baseModel": "HiDream", "files": [{**file, **changes.pop("file", {})}]}
    return {"modelVersions": [{**told, **changes}]}


CIVITAI = Zoo(
    provider=Civitai(clock=lambda: datetime(2026, 9, 1, tzinfo=UTC)),
    page=lambda rows: {"items": rows, "metadata": {}},
    good={
        "id": 10,
        "name": "Tiny",
        "type": "LORA",
        "nsfw": False,
        "nsfwLevel": 1,
        **dict.fromkeys(("allowNoCredit", "allowDerivatives", "allowDifferentLicense"), True),
        "allowCommercialUse": "{Image,RentCivit,Rent,Sell}",
        "creator": {"username": "acme"},
        "tags": ["tool"],
        **_version(),
    },
    odd={
        "author": {"creator": {"username": "other"}},
        "task": {"type": "Checkpoint"},
        "library": {},
        "license": {},
        "license_kind": {"allowCommercialUse": "{}"},
        "base_model": _version(baseModel="SDXL 1.0"),
        "language": {},
        "format": _version(file={"name": "tiny.ckpt", "metadata": {"format": "PickleTensor"}}),
        "tags": {"tags": []},
        "gated": _version(paidAccess={"permanent": True, "endsAt": None}),
        "nsfw": {"nsfw": True},
        "min_parameters": {},
        "max_parameters": {},
        "fits": _version(file={"sizeKB": 1.0}),
    },
    values={"task": "LORA", "base_model": "HiDream"},
)


def _replicate_page(rows: list[Any]) -> dict[str, Any]:
    """A page, what a search found, or a collection, all in one."""
    found = []
    for row in rows:
        owner, name = row["id"].split("/")
        found.append({"model": {**row, "owner": owner, "name": name}, "metadata": {"tags": row["tags"]}})
    return {"results": found, "models": found, "next": None}


REPLICATE = Zoo(
    provider=Replicate(),
    page=_replicate_page,
    good={
        "id": "acme/tiny",
        "tags": ["fill-mask", "tool"],
        "license_url": "https://opensource.org/licenses/MIT",
        "weights_url": "https://huggingface.co/org/base",
    },
    odd={
        "author": {"id": "other/tiny"},
        "task": {"tags": ["tool"]},
        "license": {"license_url": "https://www.apache.org/licenses/LICENSE-2.0"},
        "license_kind": {"license_url": "https://creativecommons.org/licenses/by-nc/4.0/"},
        "base_model": {"weights_url": None},
        "tags": {"tags": ["fill-mask"]},
        "nsfw": {"tags": ["fill-mask", "tool", "nsfw"]},
        **{name: {} for name in ("library", "language", "format", "gated", "min_parameters", "max_parameters", "fits")},
    },
    values={"sort": "updated"},
    narrows=frozenset({"author", "task", "tags"}),
    part=lambda url, rows: [row for row in rows if "/collections/" not in url or "fill-mask" in row["tags"]],
)

ZOOS = {"hf": HUB, "modelscope": SCOPE, "civitai": CIVITAI, "replicate": REPLICATE}
#: Zoos that answer words by relevance alone, and give that order to nothing else.
BY_WORDS = ("civitai", "replicate")


def test_every_zoo_that_can_be_searched_is_held_to_its_word() -> None:
    """A zoo that comes to exist gets its rows here, and a field of the query its value."""
    ours = {name for name in registry._OWN if registry.provider_for(name, Settings()).capability.search}
    assert ours <= set(ZOOS)
    assert set(VALUES) == set(FIELDS)
    for zoo in ZOOS.values():
        assert set(zoo.provider.capability.filters) == set(FIELDS)
        assert set(zoo.odd) == set(FIELDS) - WHOLE


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", ZOOS)
def test_a_mark_is_what_happens(name: str, field: str) -> None:
    """Exact: the zoo is asked, and what it lets through is looked at. Emulated: looked at here. Else: reported."""
    zoo = ZOOS[name]
    mark = zoo.provider.capability.filters[field]
    bad = {**zoo.good, "id": 11 if name == "civitai" else "acme/odd", **zoo.odd.get(field, {})}
    rows = [dict(zoo.good), *([bad] if field not in WHOLE else [])]
    _, plain = zoo.find(Query(nsfw=True), rows)
    page, sent = zoo.find(zoo.query(field), rows)
    kept = [hit.ref.id for hit in page.hits]
    good = str(zoo.good["id"])
    if mark == "unsupported":
        assert sent == plain
        assert kept == [good, str(bad["id"])]
        assert page.unapplied == (field,)
        return
    assert kept == [good]
    assert page.unapplied == ()
    assert (sent != plain) == (mark == "exact" or field in zoo.narrows)


@pytest.mark.parametrize("name", ZOOS)
def test_all_fields_at_once_let_the_good_row_through(name: str) -> None:
    """Filters do not stand in one another's way, and what nobody can apply is told together."""
    zoo = ZOOS[name]
    filters = zoo.provider.capability.filters
    query = Query(**{field: zoo.values.get(field, VALUES[field]) for field in FIELDS})
    page, _ = zoo.find(query, [dict(zoo.good)])
    assert [hit.ref.id for hit in page.hits] == [str(zoo.good["id"])]
    expected = {field for field in FIELDS if filters[field] == "unsupported"}
    assert set(page.unapplied) == expected | ({"sort"} if name in BY_WORDS else set())


@pytest.mark.parametrize("name", ZOOS)
def test_a_page_is_whole_where_we_choose_from_it(name: str) -> None:
    """Where hits are left out here, a short page would cost a request for each few of them."""
    zoo = ZOOS[name]
    few = Query(text="tiny", limit=3)
    thinned = evolve(few, license_kind="open-weight")
    _, sent = zoo.find(few, [])
    _, more = zoo.find(thinned, [])
    assert any(f"{word}=3" in sent for word in ("limit", "page_size"))
    assert not any(f"{word}=3&" in f"{more}&".replace(" ", "&") for word in ("limit", "page_size"))


@pytest.mark.parametrize("sort", ["relevance", "downloads", "likes", "trending", "updated", "created"])
@pytest.mark.parametrize("name", ZOOS)
def test_an_order_is_given_or_reported(name: str, sort: Any) -> None:
    """An order that the capability names is sent to the zoo; one that it does not name is unapplied."""
    zoo = ZOOS[name]
    page, sent = zoo.find(Query(sort=sort), [dict(zoo.good)])
    _, plain = zoo.find(Query(), [dict(zoo.good)])
    if sort in zoo.provider.capability.sorts and not (name in BY_WORDS and sort == "relevance"):
        assert page.unapplied == ()
        assert sent != plain
    else:
        assert page.unapplied == ("sort",)
        assert sent == plain
