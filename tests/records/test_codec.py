"""Records as JSON and back: nothing is lost, nothing invalid gets in, and errors name the place."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zooclient.records.capability import Capability
from zooclient.records.codec import from_dict, to_dict
from zooclient.records.comparison import Column, Comparison, Evaluation, Failure
from zooclient.records.model import Access, Demo, FileEntry, Hit, License, ModelRecord
from zooclient.records.plan import Plan, Reuse, Skip
from zooclient.records.query import Page, Query
from zooclient.records.receipt import Observed, Receipt
from zooclient.records.ref import Ref
from zooclient.records.snapshot import Snapshot, SnapshotFile
from zooclient.records.wishes import Wishes

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HEX = "0123456789abcdef" * 4

_text = st.text(max_size=12)
_maybe = st.none() | _text
_texts = st.lists(_text, max_size=3).map(tuple)
_count = st.none() | st.integers(0, 2**60)
_time = st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | _text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_text, inner, max_size=2),
    max_leaves=4,
)
_extra = st.dictionaries(_text, _json, max_size=2)
_refs = st.sampled_from(
    [f"hf:a/b@{COMMIT}", "hf:gpt2", "civitai:1@2+3", "civitai:@5", f"replicate:o/n@{HEX}", f"file:/ü %40#sha256={HEX}"]
).map(Ref.parse)
_digests = st.fixed_dictionaries(
    {},
    optional={
        name: st.text("0123456789abcdef", min_size=length, max_size=length)
        for name, length in (("sha256", 64), ("git-sha1", 40), ("blake3", 64), ("crc32", 8), ("md5", 32))
    },
)
_license = st.builds(License, spdx=_maybe, name=_maybe, url=_maybe, raw=_maybe)
_access = st.builds(Access, state=st.sampled_from(["open", "gated", "gone", "region_blocked"]), how=_maybe, url=_maybe)
_file = st.builds(FileEntry, path=_text, size=_count, digests=_digests, format=_maybe, key=_maybe, extra=_extra)
_files = st.lists(_file, max_size=2).map(tuple)
_shared: dict[str, Any] = {
    "title": _text,
    "author": _maybe,
    "task": _maybe,
    "library": _maybe,
    "tags": _texts,
    "downloads": _count,
    "likes": _count,
    "updated_at": _time,
    "access": _access,
    "nsfw": st.none() | st.booleans(),
    "web_url": _maybe,
    "extra": _extra,
}
_hit = st.builds(
    Hit,
    ref=_refs,
    license=st.none() | _license,
    created_at=_time,
    base_models=_texts,
    parameters=_count,
    weights_size=_count,
    formats=_texts,
    **_shared,
)
_record = st.builds(
    ModelRecord,
    ref=_refs,
    requested=_refs,
    pin=st.sampled_from(["commit", "version", "content", "none"]),
    files=_files,
    stable_id=_maybe,
    endpoint=_maybe,
    license=_license,
    created_at=_time,
    base_models=_texts,
    parameters=_count,
    metadata=_extra,
    demos=st.lists(st.builds(Demo, id=_text, url=_text, state=_maybe), max_size=1).map(tuple),
    problems=_texts,
    **_shared,
)
_wishes = st.builds(Wishes, files=st.none() | _texts, exclude=_texts, weights=_text, allow_unverified=st.booleans())
_plan = st.builds(
    Plan,
    record=_record,
    wishes=_wishes,
    fetch=_files,
    reuse=st.lists(st.builds(Reuse, file=_file, place=_text), max_size=1).map(tuple),
    skip=st.lists(st.builds(Skip, file=_file, reason=_text), max_size=1).map(tuple),
)
_query = st.builds(
    Query, text=_text, zoos=_texts, tags=_texts, gated=st.none() | st.booleans(), fits=_count, limit=_count
)
_column = st.builds(
    Column,
    asked=_text,
    failure=st.none() | st.builds(Failure, kind=_text, message=_text, hint=_maybe, exit_code=st.integers(1, 9)),
    ref=st.none() | _refs,
    license=_license,
    size=_count,
    formats=_texts,
    evaluations=st.lists(st.builds(Evaluation, metric=_text, value=_text), max_size=2).map(tuple),
    limits=_maybe,
    updated_at=_time,
)
_comparison = st.builds(Comparison, columns=st.lists(_column, max_size=2).map(tuple))
_page = st.builds(Page, hits=st.lists(_hit, max_size=2).map(tuple), cursor=_maybe, unapplied=_texts)
_capability = st.builds(
    Capability,
    search=st.booleans(),
    filters=st.dictionaries(_text, st.sampled_from(["exact", "emulated", "unsupported"]), max_size=2),
    sorts=_texts,
    note=_maybe,
)
_observed = st.builds(Observed, size=st.integers(0, 2**60), sha256=st.just(HEX), git_sha1=st.none() | st.just(COMMIT))
_receipt = st.builds(
    Receipt, path=_text, observed=_observed, sources=st.dictionaries(_text, st.integers(0, 9), max_size=2)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_hit | _record | _plan | _query | _page | _capability | _receipt | _comparison)
def test_every_record_survives_json(record: Any) -> None:
    """What goes through JSON text and back is the same record."""
    data = json.loads(json.dumps(to_dict(record)))
    assert from_dict(type(record), data) == record


def a_record(**changes: Any) -> ModelRecord:
    values: dict[str, Any] = {
        "ref": Ref.parse(f"hf:org/name@{COMMIT}"),
        "requested": Ref.parse("hf:org/name"),
        "pin": "commit",
        "title": "name",
        "files": (FileEntry(path="model.safetensors", size=10, digests={"sha256": HEX}), FileEntry(path="x", size=5)),
        "updated_at": datetime(2026, 8, 1, 12, 30, tzinfo=UTC),
    }
    return ModelRecord(**{**values, **changes})


def test_the_shape_on_the_wire() -> None:
    """A reference is its text, a time ends in Z, a tuple is a list, and the total size is told."""
    data = a_record().to_dict()
    assert data["ref"] == f"hf:org/name@{COMMIT}"
    assert data["updated_at"] == "2026-08-01T12:30:00Z"
    assert data["tags"] == []
    assert type(data["files"]) is list
    assert data["files"][0]["digests"] == {"sha256": HEX}
    assert data["total_size"] == 15
    assert ModelRecord.from_dict({**data, "total_size": 99}) == a_record()


def test_total_size_is_unknown_with_one_unknown_size() -> None:
    """A sum that leaves one file out would be a lie."""
    assert a_record(files=(FileEntry(path="a", size=1), FileEntry(path="b"))).to_dict()["total_size"] is None


def test_a_plan_tells_its_sums_and_reads_back() -> None:
    """The derived numbers are for the reader of the JSON, and are not read."""
    record = a_record()
    plan = Plan(record=record, wishes=Wishes(), fetch=record.files[:1], skip=(Skip(file=record.files[1], reason="?"),))
    data = plan.to_dict()
    assert (data["bytes_to_fetch"], data["bytes_on_disk"], data["bytes_skipped"]) == (10, 10, 5)
    assert from_dict(Plan, data) == plan


def test_unknown_keys_are_kept_where_there_is_room() -> None:
    """A field of a later version goes into ``extra`` at every depth, and is dropped where there is none."""
    data = a_record(extra={"known": 1}).to_dict()
    data["later"] = {"a": [1]}
    data["files"][0]["later"] = 2
    data["license"]["later"] = 3
    record = ModelRecord.from_dict(data)
    assert record.extra == {"known": 1, "later": {"a": [1]}}
    assert record.files[0].extra == {"later": 2}
    assert ModelRecord.from_dict(record.to_dict()) == record


def test_times_of_other_zones_become_utc() -> None:
    """An offset is another way to write the same instant."""
    data = {**a_record().to_dict(), "updated_at": "2026-08-01T14:30:00+02:00"}
    assert ModelRecord.from_dict(data).updated_at == datetime(2026, 8, 1, 12, 30, tzinfo=UTC)
    assert ModelRecord.from_dict(data) == a_record()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"title": None}, "ModelRecord.title"),
        ({"title": 5}, "ModelRecord.title"),
        ({"downloads": "5"}, "ModelRecord.downloads"),
        ({"downloads": True}, "ModelRecord.downloads"),
        ({"nsfw": 1}, "ModelRecord.nsfw"),
        ({"files": None}, "ModelRecord.files"),
        ({"files": {}}, "ModelRecord.files"),
        ({"files": [5]}, "ModelRecord.files[0]"),
        ({"files": [{"path": "a"}, {"path": 1}]}, "ModelRecord.files[1].path"),
        ({"files": [{}]}, "ModelRecord.files[0].path"),
        ({"files": [{"path": "a", "size": -1}]}, "ModelRecord.files[0]"),
        ({"files": [{"path": "a", "digests": {"sha256": HEX.upper()}}]}, "ModelRecord.files[0]"),
        ({"files": [{"path": "a", "digests": {"sha256": None}}]}, "ModelRecord.files[0].digests['sha256']"),
        ({"files": [{"path": "a", "digests": {"sha512": HEX * 2}}]}, "ModelRecord.files[0]"),
        ({"tags": "abc"}, "ModelRecord.tags"),
        ({"tags": ["a", None]}, "ModelRecord.tags[1]"),
        ({"pin": "soft"}, "ModelRecord.pin"),
        ({"access": {"state": "ajar"}}, "ModelRecord.access.state"),
        ({"license": 5}, "ModelRecord.license"),
        ({"extra": []}, "ModelRecord.extra"),
        ({"ref": "hf:../x"}, "ModelRecord.ref"),
        ({"ref": "hf:datasets/a/b"}, "ModelRecord.ref"),
        ({"ref": {"scheme": "hf", "id": "../x"}}, "ModelRecord.ref"),
        ({"updated_at": "2026-08-01T12:30:00"}, "ModelRecord.updated_at"),
        ({"updated_at": "yesterday"}, "ModelRecord.updated_at"),
        ({"updated_at": 1785587400}, "ModelRecord.updated_at"),
        ({"updated_at": "0001-01-01T00:00:00+14:00"}, "ModelRecord.updated_at"),
        ({"downloads": -1}, "ModelRecord"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], place: str) -> None:
    """Data of another shape is a ``ValueError`` that says where."""
    with pytest.raises(ValueError, match="@ ModelRecord") as caught:
        ModelRecord.from_dict({**a_record().to_dict(), **change})
    assert str(caught.value).endswith(f"@ {place}")


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_what_is_no_object_is_refused(data: Any) -> None:
    """Even the outermost value may be wrong."""
    with pytest.raises(ValueError, match="expected object"):
        ModelRecord.from_dict(data)


def test_every_missing_field_is_named() -> None:
    """One reading tells all that is missing."""
    with pytest.raises(ValueError, match="'ref' is missing") as caught:
        Hit.from_dict({})
    assert "'title' is missing @ Hit.title" in str(caught.value)


def a_snapshot(**changes: Any) -> Snapshot:
    values: dict[str, Any] = {
        "ref": Ref.parse(f"hf:a/b@{COMMIT}"),
        "path": Path("/x"),
        "files": (),
        "content_digest": f"sha256:{HEX}",
        "weights_digest": None,
        "verified_at": datetime(2026, 1, 1, tzinfo=UTC),
        "read_record": a_record,
    }
    return Snapshot(**{**values, **changes})


@pytest.mark.parametrize(
    "make",
    [
        lambda: a_record(updated_at=datetime(2026, 8, 1)),
        lambda: a_record(created_at=datetime(2026, 8, 1, tzinfo=timezone(timedelta(hours=2)))),
        lambda: a_record(tags=["a"]),
        lambda: a_record(files=[]),
        lambda: a_record(parameters=-1),
        lambda: FileEntry(path="a", size=-1),
        lambda: FileEntry(path="a", digests={"sha256": HEX[:63]}),
        lambda: FileEntry(path="a", digests={"crc32": "BF967A66"}),
        lambda: FileEntry(path="a", digests={"autov2": "a599c42a9f"}),
        lambda: Hit(ref=Ref.parse("hf:a/b"), title="b", updated_at=datetime(2026, 8, 1)),
        lambda: Query(tags=["a"]),  # type: ignore[arg-type]  # what the test is about
        lambda: Query(limit=-1),
        lambda: Wishes(files=["*"]),  # type: ignore[arg-type]  # what the test is about
        lambda: Observed(size=1, sha256="xyz"),
        lambda: SnapshotFile(path="a", size=-1, sha256=HEX),
        lambda: a_snapshot(verified_at=datetime(2026, 1, 1)),
        lambda: a_snapshot(content_digest=HEX),
        lambda: a_snapshot(files=[]),
    ],
)
def test_no_invalid_record_can_be_made(make: Any) -> None:
    """Times are aware UTC, sizes not below 0, lists are tuples, digests whole and lower-case: on construction."""
    with pytest.raises((ValueError, TypeError)):
        make()


def test_a_snapshot_tells_itself() -> None:
    """Its own ``to_dict`` is plain JSON too, without reading the record."""
    assert json.loads(json.dumps(a_snapshot().to_dict()))["content_digest"] == f"sha256:{HEX}"
