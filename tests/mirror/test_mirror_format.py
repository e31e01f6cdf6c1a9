"""The format of a mirror: what is written is read back, and anything else is refused with a sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zooclient import IntegrityError, ModelRecord, ProtocolError, Ref, SnapshotFile, ZooError
from zooclient.mirror.format import (
    FORMAT,
    MARK,
    Catalogue,
    Listing,
    Shelved,
    is_mark,
    looks_tell,
    read_catalogue,
    read_listing,
    read_meant,
    read_record,
)
from zooclient.mirror.place import read_place
from zooclient.records.codec import to_dict

REF = Ref.parse("hf:org/tiny@" + "3f2c" * 10)
NAME = Ref.parse("hf:org/tiny@main")
FILE = SnapshotFile(path="a/b.json", size=2, sha256="0" * 64, role="config")
LISTING = Listing(format=FORMAT, ref=REF, zoo="hf", files=(FILE,))
MEANT = {"id": "org/tiny", "name": "main", "revision": REF.revision, "seen_at": "2026-01-31T12:00:00+01:00"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


def raw(data: object) -> bytes:
    return json.dumps(data).encode()


def test_a_listing_is_read_back() -> None:
    """A listing is the same after it was written and read."""
    assert read_listing(raw(to_dict(LISTING)), "hf", REF, "the mirror") == LISTING


def test_a_catalogue_is_read_back() -> None:
    """A catalogue is the same after it was written and read; the digest of a reference is no part of the question."""
    model = Shelved(
        ref=REF,
        zoo="hf",
        access="open",
        license="unknown",
        license_name=None,
        files=1,
        size=2,
        content_digest="sha256:" + "0" * 64,
        made_at=datetime(2026, 1, 31, tzinfo=UTC),
    )
    catalogue = Catalogue(format=FORMAT, models=(model,))
    assert read_catalogue(raw(to_dict(catalogue)), "the mirror") == catalogue
    digest = Ref.parse(f"{REF}#sha256={'1' * 64}")
    assert read_listing(raw(to_dict(LISTING)), "hf", digest, "the mirror") == LISTING


def test_a_later_field_is_no_obstacle_and_a_later_format_is() -> None:
    """Within a version fields may come; another version is refused with the advice to update."""
    assert read_listing(raw(to_dict(LISTING) | {"more": 1}), "hf", REF, "the mirror") == LISTING
    with pytest.raises(ProtocolError, match="format 2") as caught:
        read_listing(raw(to_dict(LISTING) | {"format": 2}), "hf", REF, "the mirror")
    assert "Update" in (caught.value.hint or "")
    with pytest.raises(ProtocolError):
        is_mark(raw(MARK | {"format": 2}))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"ref": str(REF).replace("org/tiny", "org/other")}, IntegrityError),
        ({"ref": str(NAME)}, IntegrityError),
        ({"zoo": "hf+01234567"}, IntegrityError),
        ({"files": [to_dict(FILE), to_dict(FILE)]}, IntegrityError),
        *(({"files": [to_dict(FILE) | {"path": path}]}, IntegrityError) for path in ("../a", "/a", "C:a", "a\\b", "")),
        ({"files": [to_dict(FILE) | {"sha256": "../../x"}]}, ProtocolError),
        ({"files": [to_dict(FILE) | {"sha256": "A" * 64}]}, ProtocolError),
        ({"files": [to_dict(FILE) | {"size": -1}]}, ProtocolError),
        ({"files": [to_dict(FILE) | {"size": True}]}, ProtocolError),
        ({"files": None}, ProtocolError),
        ({"files": {}}, ProtocolError),
        ({"ref": 1}, ProtocolError),
        ({"ref": "no reference"}, ProtocolError),
        ({"format": "1"}, ProtocolError),
    ],
)
def test_a_listing_that_lies_or_has_another_shape_is_refused(changes: dict[str, Any], kind: type[ZooError]) -> None:
    """Another model's listing, hostile names, and whatever is no listing."""
    with pytest.raises(kind):
        read_listing(raw(to_dict(LISTING) | changes), "hf", REF, "the mirror")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"name": "other"}, IntegrityError),
        ({"id": "org/other"}, IntegrityError),
        ({"revision": "main"}, IntegrityError),
        ({"revision": "../x"}, IntegrityError),
        ({"revision": None}, ProtocolError),
        ({"seen_at": "yesterday"}, ProtocolError),
        ({"seen_at": "2026-01-31T12:00:00"}, ProtocolError),
        ({"seen_at": 1}, ProtocolError),
    ],
)
def test_what_a_name_meant_is_a_pin_and_a_time(changes: dict[str, Any], kind: type[ZooError]) -> None:
    """The answer must be to the question, a pin, and have a time with its zone."""
    meant = read_meant(raw(MEANT), NAME, "the mirror")
    assert (meant.revision, meant.seen_at) == (REF.revision, datetime(2026, 1, 31, 11, tzinfo=UTC))
    with pytest.raises(kind):
        read_meant(raw(MEANT | changes), NAME, "the mirror")


def test_a_version_of_a_zoo_whose_pins_have_no_looks_is_taken_by_its_record() -> None:
    """Civitai's ids look like nothing in particular: a name may mean one, and never what cannot be a revision."""
    model = Ref.parse("civitai:123")
    assert (looks_tell(NAME), looks_tell(model)) == (True, False)
    meant = {"id": "123", "name": "", "revision": "456", "seen_at": MEANT["seen_at"]}
    assert read_meant(raw(meant), model, "the mirror").revision == "456"
    with pytest.raises(IntegrityError):
        read_meant(raw(meant | {"revision": "../456"}), model, "the mirror")


@given(st.binary(max_size=200) | JSON.map(raw) | st.just(b"[" * 100_000))
def test_whatever_a_mirror_says_is_read_or_refused(text: bytes) -> None:
    """Any bytes at all end in an error of ours with a sentence, never in another one."""
    for read in (
        lambda: read_listing(text, "hf", REF, "the mirror"),
        lambda: read_record(text, REF, "the mirror"),
        lambda: read_meant(text, NAME, "the mirror"),
        lambda: read_catalogue(text, "the mirror"),
    ):
        with pytest.raises(ZooError) as caught:
            read()
        assert caught.value.message.endswith(".")
        assert caught.value.hint
    assert is_mark(text) is False


@given(JSON, st.sampled_from(("files", "ref", "zoo", "format", "requested", "pin", "access", "license", "extra")))
def test_one_field_of_anything_is_read_or_refused(value: object, field: str) -> None:
    """A listing and a record with one field replaced by anything are read, or refused by an error of ours."""
    record = ModelRecord(ref=REF, requested=NAME, pin="commit", title="Tiny")
    for read, whole in (
        (lambda text: read_listing(text, "hf", REF, "the mirror"), to_dict(LISTING)),
        (lambda text: read_record(text, REF, "the mirror"), to_dict(record)),
    ):
        try:
            got = read(raw(whole | {field: value}))
        except ZooError:
            continue
        assert got.ref == REF


def test_addresses_are_percent_encoded() -> None:
    """What the store's names may hold beyond plain letters is encoded, so that no server reads it as something else."""
    place = read_place("https://models.example/m/")
    assert place.address("v1/records/hf+01234567/Qwen--tiny~1/=63on.json") == (
        "https://models.example/m/v1/records/hf%2B01234567/Qwen--tiny~1/%3D63on.json"
    )
    assert place.label == "mirror models.example/m"
    assert read_place("/srv/models").label == "mirror /srv/models"
