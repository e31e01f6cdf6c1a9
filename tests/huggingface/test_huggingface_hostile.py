"""Whatever JSON a server sends, it gives a record or an error of ours, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hub_answers import HUB, SHA, info
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.errors import ZooError
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.huggingface import wire
from zooclient.providers.huggingface.provider import HuggingFace
from zooclient.records.model import ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref

TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from([SHA, "acme/tiny", "../x", "auto", "2024-01-01", "mit", "\ud800"])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        *("_id", "id", "sha", "gated", "private", "disabled", "tags", "siblings", "cardData", "createdAt", "likes"),
        *("lastModified", "downloads", "pipeline_tag", "library_name", "safetensors", "gguf", "author", "widgetData"),
    ]
)
CARDS = st.dictionaries(st.sampled_from(["license", "license_link", "license_name", "base_model", "x"]), VALUES)
FILES = st.lists(
    st.dictionaries(st.sampled_from(["rfilename", "path", "size", "blobId", "oid", "lfs", "type"]), VALUES), max_size=4
)


def read(reading: Callable[[], Any]) -> Any:
    """Returns what was read, or None where an error of ours was raised."""
    try:
        return reading()
    except ZooError as error:
        assert error.exit_code in (5, 7) and str(error)
        return None


def holds(record: ModelRecord | None) -> None:
    """A record that was read can be written down, read again and located, and its names are safe."""
    if record is None:
        return
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict(), allow_nan=False))) == record
    for file in record.files:
        assert ".." not in file.path.split("/") and not file.path.startswith("/")
        HuggingFace().locate(record, file)


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_any_json_in_place_of_a_record(payload: Any) -> None:
    """Random JSON is no record, and says so."""
    holds(read(lambda: wire.read_info(payload, Ref.parse("hf:acme/tiny"), endpoint=HUB)))


@given(st.dictionaries(FIELDS, st.one_of(VALUES, CARDS, FILES), max_size=6))
@settings(max_examples=300, deadline=None)
def test_a_record_with_odd_fields(changes: dict[str, Any]) -> None:
    """A good answer with any of its fields turned odd is a record or an error of ours."""
    holds(read(lambda: wire.read_info(info(**changes), Ref.parse("hf:acme/tiny"), endpoint=HUB)))


@given(VALUES, st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_json_in_a_flow(payload: Any, link: str) -> None:
    """Whole flows take random answers with random Link headers, and end."""
    asked = 0

    def serve(request: Request) -> Response:
        nonlocal asked
        asked += 1
        assert asked < 20
        return Response(
            request=request, status=200, headers={"link": f'<{link}>; rel="next"'}, body=json.dumps(payload).encode()
        )

    holds(read(lambda: replay(HuggingFace().resolve(Ref.parse("hf:acme/tiny"), demos=True), serve)))
    read(lambda: replay(HuggingFace().search(Query()), serve))
    read(lambda: replay(HuggingFace().whoami("x"), serve))
    read(lambda: wire.read_refs(payload))
    wire.space_state(payload)


@given(
    st.integers(300, 599),
    st.binary(max_size=60),
    st.dictionaries(
        st.sampled_from(
            ["x-error-code", "x-error-message", "retry-after", "ratelimit", "location", "date", "content-type"]
        ),
        st.text(max_size=30),
    ),
)
@settings(max_examples=300, deadline=None)
def test_any_refusal_is_an_error_of_ours(status: int, body: bytes, headers: dict[str, str]) -> None:
    """Every status with any headers and body makes an error with one line of text."""
    response = Response(request=Request(url=f"{HUB}/x"), status=status, headers=headers, body=body)
    error = HuggingFace().refused(response, Ref.parse("hf:acme/tiny"), "resolve")
    assert isinstance(error, ZooError) and error.exit_code > 1
    assert "\n" not in str(error) and "\x1b" not in str(error)
