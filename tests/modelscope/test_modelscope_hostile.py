"""Whatever JSON a server sends, it gives a record or an error of ours, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scope_answers import (
    DOLPHIN,
    INFO,
    LOG,
    NAMES,
    SEARCH,
    SHA,
    SITE,
    TREE,
    Server,
    info,
    legacy,
    log,
    model,
    page,
    row,
    tree,
)

from zooclient.errors import ZooError
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.modelscope import wire
from zooclient.providers.modelscope.provider import ModelScope
from zooclient.providers.reading import is_id
from zooclient.records.model import ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [SHA, "acme/tiny", "../x", "README.md", "tree", "2024-01-01", "mit", "\ud800", "---\na: 1\n---\n", "7" * 64]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        *("Id", "Path", "Name", "License", "Visibility", "ProtectedMode", "Downloads", "Stars", "CreatedTime", "Tasks"),
        *("LastUpdatedTime", "Libraries", "Frameworks", "Tags", "BaseModel", "ReadMeContent", "ModelInfos", "IsOnline"),
    ]
)
FILES = st.lists(
    st.dictionaries(st.sampled_from(["Path", "Type", "Size", "Sha256", "Revision", "x"]), VALUES), max_size=4
)
ENVELOPES = st.dictionaries(
    st.sampled_from(["Code", "Success", "Message", "Data", "success", "data", "code", "message", "TotalCount"]), VALUES
)
ROWS = st.dictionaries(
    st.sampled_from(["id", "tags", "tasks", "license", "params", "gated", "private", "last_modified", "downloads"]),
    VALUES,
)
MANY = settings(max_examples=150, deadline=None)


def read(reading: Callable[[], Any]) -> Any:
    """Returns what was read, or None where an error of ours was raised."""
    try:
        return reading()
    except ZooError as error:
        assert error.exit_code in (3, 4, 5, 7, 9) or "already" in str(error)
        assert str(error) and "\n" not in str(error)
        return None


def holds(record: ModelRecord | None) -> None:
    """A record that was read can be written down, read again and located, and its names are safe."""
    if record is None:
        return
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict(), allow_nan=False))) == record
    for file in record.files:
        assert ".." not in file.path.split("/") and not file.path.startswith("/")
        ModelScope().locate(record, file)


def resolve(**answers: Any) -> ModelRecord:
    """Resolves against answers of which some are odd."""
    return replay(ModelScope().resolve(Ref.parse("ms:acme/tiny")), Server(model(**answers)))


@given(st.dictionaries(FIELDS, VALUES, max_size=6))
@MANY
def test_a_record_with_odd_fields(changes: dict[str, Any]) -> None:
    """A good answer with any of its fields turned odd is a record or an error of ours."""
    holds(read(lambda: resolve(info=info(**changes))))


@given(st.one_of(VALUES, FILES), VALUES)
@MANY
def test_any_listing_of_files(files: Any, committer: Any) -> None:
    """Any list of files, by whatever committer, is files or an error of ours."""
    listing = legacy({"Files": files, "LatestCommitter": committer})
    holds(read(lambda: resolve(tree=listing)))


@given(st.one_of(VALUES, ENVELOPES), st.sampled_from(["info", "log", "tree"]))
@MANY
def test_any_envelope(payload: Any, where: str) -> None:
    """Any JSON in place of one of the answers is an error of ours, or does not matter."""
    body = json.dumps(payload).encode()
    odd: dict[str, Any] = {where: lambda request: Response(request=request, status=200, body=body)}
    holds(read(lambda: resolve(**odd)))


@given(st.one_of(VALUES, ENVELOPES, st.lists(ROWS, max_size=3).map(lambda rows: page(*rows))))
@MANY
def test_any_page_of_a_search(payload: Any) -> None:
    """Any JSON is a page or an error of ours, on either search, and whatever was filtered for."""
    query = Query(task="x", tags=("y",), license="mit", min_parameters=1, author="acme", format="gguf", gated=True)
    body = json.dumps(payload).encode()

    def serve(request: Request) -> Response:
        return Response(request=request, status=200, body=body)

    for cursor, path in ((None, SEARCH), ("site:1", DOLPHIN)):
        for wish in (Query(), query):
            flow = ModelScope().search(wish, cursor)
            found: Page | None = read(partial(replay, flow, Server({path: serve})))
            assert found is None or all(is_id(hit.ref.id, "modelscope") for hit in found.hits)


@given(VALUES)
@MANY
def test_any_json_elsewhere(payload: Any) -> None:
    """Accounts, names, logs and times take any JSON."""
    for reading in (wire.read_account, wire.read_names, wire.read_log, wire.read_tree):
        read(partial(reading, payload))
        read(partial(reading, legacy(payload)))
    read(lambda: wire.read_files([{"Path": "a", "Size": payload, "Sha256": payload, "Type": "blob"}]))
    moment = wire.moment(payload)
    assert moment is None or moment.utcoffset() is not None


@given(
    st.integers(300, 599),
    st.one_of(st.binary(max_size=60), ENVELOPES.map(lambda e: json.dumps(e).encode())),
    st.text(max_size=30),
)
@settings(max_examples=300, deadline=None)
def test_any_refusal_is_an_error_of_ours(status: int, body: bytes, location: str) -> None:
    """Every status with any body makes an error with one line of text, for flows and bytes alike."""
    request = Request(url=wire.file_url(SITE, "acme/tiny", SHA, "a b"))
    headers = {"location": location, "retry-after": location, "content-type": "text/plain"}
    response = Response(request=request, status=status, headers=headers, body=body)
    error = ModelScope().refused(response, Ref.parse("ms:acme/tiny"), "download")
    assert isinstance(error, ZooError) and error.exit_code > 1
    assert "\n" not in str(error) and "\x1b" not in str(error)


def test_good_answers_are_good() -> None:
    """The answers that are turned odd here give a record and a hit when they are left alone."""
    assert set(model()) <= {INFO, LOG, TREE, NAMES}
    assert resolve(info=info(), log=log(), tree=tree()).ref.revision == SHA
    assert replay(ModelScope().search(Query()), Server({SEARCH: page(row("a/b"))})).hits
