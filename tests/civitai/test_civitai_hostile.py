"""Whatever JSON a server sends, it gives a record or an error of ours, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from civitai_answers import HEX, SITE, file, model, version
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.errors import ZooError
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.civitai import wire
from zooclient.providers.civitai.provider import Civitai
from zooclient.records.card import Card
from zooclient.records.model import ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [HEX, "../x", "a.safetensors", "{Image,Sell}", "2024-01-01", "9999-12-31", "\ud800", "Danger", "<p>x</p>", "20"]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.integers(1, 30), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
FILES = st.lists(
    st.dictionaries(
        st.sampled_from([*file(), "primary", "virusScanResult"]),
        st.one_of(VALUES, st.sampled_from(["a.pt", "b.zip", f"{SITE}/api/download/models/7?type=VAE", 30, 31])),
    ),
    max_size=4,
)
WITHIN = st.lists(st.dictionaries(st.sampled_from([*version(), "earlyAccessTimeFrame"]), VALUES), max_size=3)
MODELS = st.dictionaries(st.sampled_from([*model(), "mode", "poi", "minor", "description"]), st.one_of(VALUES, WITHIN))
VERSIONS = st.dictionaries(
    st.sampled_from([*version(), "paidAccess", "earlyAccessEndsAt", "earlyAccessTimeFrame", "description"]),
    st.one_of(VALUES, FILES),
)


def read(reading: Callable[[], Any]) -> Any:
    """Returns what was read, or None where an error of ours was raised."""
    try:
        return reading()
    except ZooError as error:
        assert error.exit_code in (3, 5, 7) and str(error)
        return None


def holds(record: ModelRecord | None) -> None:
    """A record that was read can be written down, read again, located and shown, and its names are safe and unlike."""
    if record is None:
        return
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict(), allow_nan=False))) == record
    assert len({file.path for file in record.files}) == len(record.files)
    for entry in record.files:
        assert "/" not in entry.path and ".." not in entry.path.split("/")
        assert Civitai().locate(record, entry).url.startswith(f"{SITE}/api/download/models/")
        Civitai().locate_otherwise(record, entry)
    wire.main_file(record)
    text = Civitai().card_text(record)
    text.encode()
    card = Card.parse(text)
    assert card.problems == () and card.data["source"] == str(record.ref)


def serving(of_model: Any, of_version: Any) -> Callable[[Request], Response]:
    """Returns a server with one answer about models and one about versions."""
    asked = 0

    def serve(request: Request) -> Response:
        nonlocal asked
        asked += 1
        assert asked < 10
        body = of_version if "model-versions" in request.url else of_model
        return Response(request=request, status=200, body=json.dumps(body).encode())

    return serve


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_any_json_in_a_flow(payload: Any) -> None:
    """Random JSON is a record, a page, an account or an error of ours, in whole flows that end."""
    serve = serving(payload, payload)
    for text in ("civitai:10", "civitai:@20", "civitai:10@20+30"):
        holds(read(lambda text=text: replay(Civitai().resolve(Ref.parse(text)), serve)))  # type: ignore[misc]  # bound
    read(lambda: replay(Civitai().search(Query(format="gguf")), serve))
    read(lambda: replay(Civitai().whoami("x"), serve))
    read(lambda: replay(Civitai().holders([HEX]), serve))
    read(lambda: replay(Civitai().holder(HEX), serve))


@given(MODELS, VERSIONS)
@settings(max_examples=100, deadline=None)
def test_a_record_with_odd_fields(of_model: dict[str, Any], of_version: dict[str, Any]) -> None:
    """Good answers with any of their fields turned odd are a record or an error of ours."""
    serve = serving(model(**of_model), version(**of_version))
    holds(read(lambda: replay(Civitai().resolve(Ref.parse("civitai:10@20")), serve)))
    holds(read(lambda: replay(Civitai().resolve(Ref.parse("civitai:10")), serve)))


@given(FILES)
@settings(max_examples=200, deadline=None)
def test_a_version_with_odd_files(files: list[Any]) -> None:
    """Odd files are read, or refused with an error of ours, and never share a path."""
    serve = serving(model(), version(files=[file(), *[file(**told) for told in files]]))
    holds(read(lambda: replay(Civitai().resolve(Ref.parse("civitai:10@20")), serve)))


@given(st.lists(MODELS, max_size=3), VALUES)
@settings(max_examples=150, deadline=None)
def test_a_listing_with_odd_rows(rows: list[dict[str, Any]], metadata: Any) -> None:
    """Odd rows and odd metadata are a page or an error of ours; hits can be written down."""
    serve = serving({"items": [model(**row) for row in rows], "metadata": metadata}, None)
    page = read(lambda: replay(Civitai().search(Query(nsfw=True)), serve))
    for hit in page.hits if page is not None else ():
        assert type(hit).from_dict(json.loads(json.dumps(hit.to_dict(), allow_nan=False))) == hit


@given(
    st.integers(200, 599),
    st.one_of(st.binary(max_size=60), VALUES.map(lambda value: json.dumps(value).encode())),
    st.dictionaries(st.sampled_from(["retry-after", "location", "date", "content-type"]), st.text(max_size=30)),
)
@settings(max_examples=300, deadline=None)
def test_any_refusal_is_an_error_of_ours(status: int, body: bytes, headers: dict[str, str]) -> None:
    """Every status with any headers and body makes an error with one line of text."""
    response = Response(request=Request(url=f"{SITE}/x"), status=status, headers=headers, body=body)
    error = Civitai().refused(response, Ref.parse("civitai:10"), "resolve")
    assert isinstance(error, ZooError) and error.exit_code > 1
    assert "\n" not in str(error) and "\x1b" not in str(error)
