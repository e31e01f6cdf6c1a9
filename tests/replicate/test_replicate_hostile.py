"""Whatever a server says of a model ends in a record or in an error of ours."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from replicate_answers import NEW, REF, Server, model, version

from zooclient.errors import ZooError
from zooclient.net.exchange import replay
from zooclient.providers.replicate.provider import Replicate
from zooclient.records.model import Hit, ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_WORDS = st.sampled_from(["https://huggingface.co/a/b", "javascript:x", "\ud800", "a\nb", "private", "\x1b[2J", NEW])
_CHANGES = st.dictionaries(st.sampled_from([*model(), "weights_url", "created_at", "new"]), _JSON | _WORDS, max_size=4)
_OF_VERSION = st.dictionaries(st.sampled_from([*version(), "new"]), _JSON | _WORDS, max_size=3)


@given(_CHANGES, _OF_VERSION)
def test_any_answer_is_a_record_or_an_error(of_model: dict[str, Any], of_version: dict[str, Any]) -> None:
    """A record of whatever came can be written down and read again, and its sentences stay on their lines."""
    server = Server(
        {
            "/v1/models/acme/tiny": {**model(), **of_model},
            f"/v1/models/acme/tiny/versions/{NEW}": {**version(), **of_version},
            "*": {"results": []},
        }
    )
    for text in (REF, "replicate:acme/tiny"):
        try:
            record = replay(Replicate().resolve(Ref.parse(text)), server)
        except ZooError as error:
            assert error.message.isprintable()
            continue
        assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record
        assert record.ref.id.casefold() == "acme/tiny"
        assert all(problem.isprintable() for problem in record.problems)
        card = replay(Replicate().ask_card(record), Server({}))
        assert card.text


@given(st.lists(_CHANGES | _JSON, max_size=3), _JSON, st.sampled_from(["", "words"]))
def test_any_listing_is_a_page_or_an_error(rows: list[Any], following: Any, words: str) -> None:
    """Hits of whatever came can be written down and read again, and a next page is asked for by a cursor of ours."""
    listed = [{**model(), **row} if isinstance(row, dict) else row for row in rows]
    server = Server({"*": {"results": listed, "models": listed, "next": following}})
    try:
        page = replay(Replicate().search(Query(text=words)), server)
    except ZooError as error:
        assert error.message
        return
    for hit in page.hits:
        assert Hit.from_dict(json.loads(json.dumps(hit.to_dict()))) == hit
    if page.cursor is not None:
        assert next(Replicate().search(Query(text=words), page.cursor)) is not None
