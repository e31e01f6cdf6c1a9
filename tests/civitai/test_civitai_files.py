"""Files, gates and terms of Civitai: names, sizes, hashes, scans, who may have them, and under what licence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from civitai_answers import HEX, NOW, OTHER, file, model, resolve, version

from zooclient.errors import IntegrityError, ProtocolError
from zooclient.providers.civitai.files import ident, read_files, read_hashes, read_size
from zooclient.providers.civitai.gates import read_access
from zooclient.providers.civitai.terms import base_terms, commercial, creator_terms, license_here
from zooclient.records.model import FileEntry


def one(**changes: Any) -> FileEntry:
    """Returns one file as it is read."""
    (entry,), _ = read_files([file(**changes)], "20")
    return entry


# -- names --------------------------------------------------------------------------------------


def test_names_that_clash_are_told_apart_by_id() -> None:
    """Every file that shares a name gets its id before the ending, in whatever order they come."""
    listed = [file(id=1), file(id=2), file(id=3, name="TINY.safetensors"), file(id=4, name="other.safetensors")]
    paths = {entry.key: entry.path for entry in read_files(listed, "20")[0]}
    assert paths == {
        "1": "tiny.1.safetensors",
        "2": "tiny.2.safetensors",
        "3": "TINY.3.safetensors",
        "4": "other.safetensors",
    }
    assert {entry.key: entry.path for entry in read_files(listed[::-1], "20")[0]} == paths


def test_a_name_made_apart_that_is_taken() -> None:
    """A name that is made apart may not meet a third; files without ending or id have their place."""
    listed = [file(id=1), file(id=2), file(id=3, name="tiny.1.safetensors")]
    assert len({entry.path for entry in read_files(listed, "20")[0]}) == 3
    bare = [file(id=..., name="x", downloadUrl=...), file(id=..., name="x", downloadUrl=...)]
    assert [entry.path for entry in read_files(bare, "20")[0]] == ["x.file1", "x.file2"]


def test_a_file_that_is_listed_twice() -> None:
    """The same entry twice is one file; one id with two contents is nobody's."""
    assert len(read_files([file(), file(), None], "20")[0]) == 1
    with pytest.raises(IntegrityError, match="twice"):
        read_files([file(), file(hashes={"SHA256": OTHER})], "20")


@pytest.mark.parametrize(
    "name", ["../x", "a/b.safetensors", "a\\b", "/etc/passwd", "C:x", "..", ".", "a\x00b", "a\nb", ".git", "\ud800"]
)
def test_hostile_names(name: str) -> None:
    """A name that would leave its folder, or is none, ends the reading; nothing is fetched."""
    with pytest.raises(IntegrityError, match="not safe"):
        resolve("civitai:10@20", None, version(files=[file(name=name)]))


@pytest.mark.parametrize("listed", [7, "x", [], {"name": None}, {"name": 7}, {}])
def test_what_is_no_file(listed: Any) -> None:
    """An entry that is no object, or has no name, is an answer of another shape."""
    with pytest.raises(ProtocolError):
        read_files([listed], "20")


def test_names_that_windows_cannot_hold_are_told() -> None:
    """A reserved name is a problem here, and an error only where it cannot be held."""
    record, _ = resolve("civitai:10@20", None, version(files=[file(name="NUL.safetensors")]))
    assert any("reserved" in sentence for sentence in record.problems)


def test_ids() -> None:
    """Ids are positive int4, as number or digits; nothing else is one."""
    assert [ident(value) for value in (1, "22", 2147483647)] == ["1", "22", "2147483647"]
    odd: tuple[Any, ...] = (0, -1, 2147483648, True, 1.0, "0", "01", "1a", "", None, [], "٣", "9" * 30)
    for value in odd:
        assert ident(value) is None


# -- sizes and hashes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kib", "size", "about"),
    [
        (3761510.5078125, 3851786760, 3851786760),
        (113.4921875, 116216, 116216),
        (2546414.971679688, 2607528931, 2607528931),
        (6775430.35, None, 6938040678),  # cut off: names no whole number of bytes
        (2082897, None, 2132886528),  # whole KiB: rounded for years
        (2082897.0, None, 2132886528),
        (0, None, 0),
        (None, None, None),
        ("12.5", None, None),
        (True, None, None),
        (-1.5, None, None),
        (float("nan"), None, None),
        (float("inf"), None, None),
        (1e300, None, None),
        (10**400, None, None),
    ],
)
def test_sizes(kib: Any, size: int | None, about: int | None) -> None:
    """A size is certain where it comes out even and has a fraction; else it is about right, and no size."""
    assert read_size(kib) == (size, about)


def test_a_size_that_is_about_right_is_kept() -> None:
    """The number itself and about how many bytes it is stay with the file."""
    entry = one(sizeKB=2082897)
    assert entry.size is None and entry.extra["approximate_size"] == 2132886528 and entry.extra["sizeKB"] == 2082897
    assert "approximate_size" not in one().extra and one().size == 1024512


def test_hashes_in_every_length_and_case() -> None:
    """Only whole digests in one known spelling are digests; every other hash is kept by its name, in lower case."""
    told = {
        "SHA256": HEX,
        "blake3": OTHER.lower(),
        "AutoV1": "AA6CFE4F",
        "AutoV2": HEX[:10],
        "AutoV3": "21437EC26670",
        "CRC32": "85114A0D",
        "SHA256_12": HEX[:12],
    }
    digests, others = read_hashes(told)
    assert digests == {"sha256": HEX.lower(), "blake3": OTHER.lower()}
    assert others == {
        "AutoV1": "aa6cfe4f",
        "AutoV2": HEX[:10].lower(),
        "AutoV3": "21437ec26670",
        "CRC32": "85114a0d",
        "SHA256_12": HEX[:12].lower(),
    }
    assert "crc32" not in digests, "its bytes are printed in either order"


@pytest.mark.parametrize("value", [None, {}, [], "x", {"SHA256": HEX[:10]}, {"SHA256": None}, {"SHA256": "0" * 64}])
def test_files_without_hashes(value: Any) -> None:
    """A fresh upload, or a digest that is none, leaves the file without one; the record says so."""
    (entry,), problems = read_files([file(hashes=value)], "20")
    assert entry.digests == {} and "states no sha256" in problems[0]


def test_hashes_that_contradict_each_other() -> None:
    """AutoV2 is the beginning of the sha256; where it is not, rows were crossed."""
    _, problems = read_files([file(hashes={"SHA256": HEX, "AutoV2": OTHER[:10]})], "20")
    assert any("contradict each other" in sentence for sentence in problems)


# -- kinds and scans ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "type_", "format_", "role", "read"),
    [
        ("a.safetensors", "Model", "SafeTensor", "weights", "safetensors"),
        ("a.sft", "Model", "SafeTensor", "weights", "safetensors"),
        ("a.gguf", "Pruned Model", "GGUF", "weights", "gguf"),
        ("a.zip", "Model", "Diffusers", "weights", None),
        ("a.vae.pt", "VAE", "Other", "weights", "pickle"),
        ("a.bin", "Text Encoder", "Other", "weights", "pickle"),
        ("a.yaml", "Config", "Other", "config", None),
        ("a.yaml", "Model", "Other", "config", None),
        ("a.zip", "Training Data", "Other", "other", None),
        ("a.safetensors", "Training Data", "SafeTensor", "other", "safetensors"),
        ("a.zip", "Archive", "Other", "other", None),
        ("a.json", "Workflow", "Other", "other", None),
        ("a.safetensors", "Something New", "Hologram", "weights", "safetensors"),
        ("a.onnx", None, None, "weights", "onnx"),
        ("README.md", "Other", "Other", "other", None),
        ("model", "Model", "SafeTensor", "weights", "safetensors"),
        ("model", "Model", ["x"], "weights", None),
    ],
)
def test_roles_and_formats(name: str, type_: Any, format_: Any, role: str, read: str | None) -> None:
    """What a file is for tells its kind, what is in it its name; the format that the site states comes last."""
    entry = one(name=name, type=type_, metadata={"format": format_})
    assert (entry.role, entry.format) == (role, read)


def test_what_the_scanners_found_is_kept_and_told() -> None:
    """Danger is a problem; so is code that nobody looked at, whatever format is stated; results stay for the audit."""
    listed = [
        file(id=1, name="a.ckpt", pickleScanResult="Danger", pickleScanMessage="**Detected**"),
        file(id=2, name="b.pt", pickleScanResult="Pending", metadata=None),
        file(id=3, name="c.zip", pickleScanResult=None, virusScanResult="Error"),
        file(id=4, name="d.safetensors", pickleScanResult="Error"),
        file(id=5, name="e.ckpt", metadata={"format": "SafeTensor"}),
    ]
    entries, problems = read_files(listed, "20")
    assert entries[0].extra["pickleScanResult"] == "Danger" and entries[0].extra["pickleScanMessage"] == "**Detected**"
    assert "Civitai's scan found 'a.ckpt' dangerous." in problems
    assert any("'b.pt' can hold code" in sentence and "Pending" in sentence for sentence in problems)
    assert any("'c.zip' can hold code" in sentence and "none" in sentence for sentence in problems)
    assert not any("d.safetensors" in sentence for sentence in problems)
    assert "'e.ckpt' is said to be safetensors, and by its name is pickle." in problems


def test_both_answers_make_one_list() -> None:
    """What only the model tells of a file is joined to what the version tells, by id; nulls hide nothing."""
    within = {**model()["modelVersions"][0]}
    within["files"] = [file(metadata={"format": "SafeTensor", "quantType": "Q8_0"}, sizeKB=7.5), file(id=31)]
    alone = version(files=[file(metadata={"format": None, "fp": "fp16"}, hashes=None)])
    record, _ = resolve("civitai:10@20", model(modelVersions=[within]), alone)
    (entry,) = record.files
    assert entry.extra["metadata"]["quantType"] == "Q8_0" and entry.extra["metadata"]["fp"] == "fp16"
    assert entry.digests["sha256"] == HEX.lower() and entry.size == 1024512


# -- gates --------------------------------------------------------------------------------------

FUTURE = "2026-12-24T18:00:00.000Z"
PAST = "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("of_model", "of_version", "state"),
    [
        ({}, {}, "open"),
        ({}, {"paidAccess": None, "earlyAccessEndsAt": None, "earlyAccessDeadline": None}, "open"),
        ({}, {"paidAccess": {"permanent": True, "endsAt": None}}, "paid"),
        ({}, {"paidAccess": {"permanent": False, "endsAt": FUTURE}}, "paid"),
        ({}, {"paidAccess": {"permanent": False, "endsAt": PAST}}, "open"),
        ({}, {"paidAccess": {"permanent": False, "endsAt": None}}, "gated"),
        ({}, {"paidAccess": {}}, "gated"),
        ({}, {"earlyAccessEndsAt": FUTURE}, "paid"),
        ({}, {"earlyAccessEndsAt": PAST}, "open"),
        ({}, {"earlyAccessDeadline": FUTURE}, "paid"),
        ({}, {"earlyAccessTimeFrame": 14, "publishedAt": "2026-08-25T00:00:00Z"}, "paid"),
        ({}, {"earlyAccessTimeFrame": 1, "publishedAt": "2026-08-25T00:00:00Z"}, "open"),
        ({}, {"earlyAccessTimeFrame": 1, "publishedAt": None}, "open"),
        ({}, {"earlyAccessTimeFrame": 10**30, "publishedAt": "9999-12-31T00:00:00Z"}, "open"),
        ({}, {"earlyAccessTimeFrame": 3000, "publishedAt": "9999-12-31T00:00:00Z"}, "open"),
        ({}, {"availability": "EarlyAccess"}, "gated"),
        ({"availability": "EarlyAccess"}, {}, "gated"),
        ({"availability": "Private"}, {}, "private"),
        ({"availability": "Unsearchable"}, {}, "open"),
        ({"mode": "Archived"}, {"paidAccess": {"permanent": True}}, "gone"),
        ({"mode": "TakenDown"}, {}, "gone"),
        ({"mode": None}, {}, "open"),
        ({}, {"model": {"mode": "Archived"}}, "gone"),
        ({}, {"status": "Unpublished"}, "gone"),
        ({}, {"status": "Scheduled"}, "private"),
        ({}, {"status": "A word of tomorrow"}, "private"),
        ({}, {"usageControl": "Download"}, "open"),
        ({}, {"usageControl": "InternalGeneration"}, "private"),
        ({"poi": True}, {}, "private"),
        ({}, {"paidAccess": "yes"}, "open"),
    ],
)
def test_gates_are_told_before_any_byte(of_model: Any, of_version: Any, state: str) -> None:
    """Each sign of a gate that the site ever had is read; one that ran out is none."""
    access = read_access(of_model, of_version, page="https://civitai.com/models/10", now=NOW)
    assert access.state == state
    assert (access.how is None) == (access.url is None) == (state == "open")
    if FUTURE in json.dumps(of_version):
        assert "2026-12-24 18:00 UTC" in (access.how or "")


# -- licence ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("Sell", ("Image", "RentCivit", "Rent", "Sell")),
        ("Rent", ("Image", "Rent")),
        ("Image", ("Image",)),
        ("None", ()),
        (["RentCivit", "Image"], ("Image", "RentCivit")),
        ([], ()),
        (["None"], ()),
        ("{Image,RentCivit}", ("Image", "RentCivit")),
        ('{"Image",Sell}', ("Image", "Sell")),
        ("{}", ()),
        ("{None}", ()),
        (["sell", "Lease"], ("Sell", "Lease")),
        (None, None),
        (7, None),
    ],
)
def test_commercial_use_in_each_shape(value: Any, allowed: tuple[str, ...] | None) -> None:
    """One word, a list, or the text of an array: the same set."""
    assert commercial(value) == allowed


@pytest.mark.parametrize(
    ("family", "name", "spdx", "kind"),
    [
        ("SD 1.5", "CreativeML Open RAIL-M", None, "open-weight"),
        ("SD 1.5 LCM", "CreativeML Open RAIL-M", None, "open-weight"),
        ("SD 3.5 Large", "Stability AI Community License", None, "open-weight"),
        ("SDXL 1.0", "CreativeML Open RAIL++-M", None, "open-weight"),
        ("SDXL 0.9", "SDXL 0.9 research licence", None, "non-commercial"),
        ("SDXL Turbo", "Stability AI non-commercial research licence", None, "non-commercial"),
        ("SVD XT", "Stability AI non-commercial research licence", None, "non-commercial"),
        ("Pony", "CreativeML Open RAIL++-M", None, "open-weight"),
        ("Pony V7", "Pony V7 licence", None, "unknown"),
        ("Flux.1 S", "Apache License 2.0", "Apache-2.0", "open-source"),
        ("Flux.1 D", "FLUX [dev] Non-Commercial License", None, "non-commercial"),
        ("Flux.2 Klein 4B-base", "Apache License 2.0", "Apache-2.0", "open-source"),
        ("Flux.2 Klein 9B", "FLUX [dev] Non-Commercial License", None, "non-commercial"),
        ("Wan Video 2.2 I2V-A14B", "Apache License 2.0", "Apache-2.0", "open-source"),
        ("HiDream", "MIT License", "MIT", "open-source"),
        ("Illustrious", "Illustrious licence", None, "unknown"),
        ("A family of tomorrow", None, None, "unknown"),
        (None, None, None, "unknown"),
    ],
)
def test_the_licence_of_a_family(family: str | None, name: str | None, spdx: str | None, kind: str) -> None:
    """The site's own table tells the licence of the base model; what it does not know stays unknown."""
    found = base_terms(family)
    assert (found.name, found.spdx, found.kind, found.raw) == (name, spdx, kind, family)


@pytest.mark.parametrize(
    ("family", "changes", "kind"),
    [
        ("Flux.1 S", {}, "open-source"),
        ("Flux.1 S", {"allowNoCredit": False}, "open-weight"),
        ("Flux.1 S", {"allowCommercialUse": []}, "non-commercial"),
        ("Flux.1 S", {"allowCommercialUse": ...}, "unknown"),
        ("Flux.1 S", {"allowDerivatives": None}, "unknown"),
        ("SDXL 1.0", {}, "open-weight"),
        ("Flux.1 D", {}, "non-commercial"),
        ("Flux.1 D", {"allowCommercialUse": None}, "non-commercial"),
        ("Illustrious", {}, "unknown"),
        ("Illustrious", {"allowCommercialUse": "{}"}, "non-commercial"),
    ],
)
def test_the_stricter_layer_counts(family: str, changes: dict[str, Any], kind: str) -> None:
    """The kind is that of both layers together, and never kinder than what is known; no SPDX id is claimed."""
    found = license_here(model(**changes), family, "https://civitai.com/models/license/20")
    assert found.kind == kind and found.spdx is None and found.url == "https://civitai.com/models/license/20"
    assert json.loads(found.raw or "")["baseModel"] == family


def test_both_layers_are_kept() -> None:
    """The record holds the base model's licence and the creator's terms side by side."""
    record, _ = resolve("civitai:10@20", model(allowNoCredit=False, allowCommercialUse=["Image"]))
    assert record.license.name == "CreativeML Open RAIL++-M with the creator's terms"
    assert record.metadata["base_model_license"]["name"] == "CreativeML Open RAIL++-M"
    assert record.metadata["creator_terms"] == {
        "allowNoCredit": False,
        "allowDerivatives": True,
        "allowDifferentLicense": True,
        "allowCommercialUse": ["Image"],
    }
    assert creator_terms({"allowNoCredit": "yes"})["allowNoCredit"] is None
    assert license_here({}, None, None).raw is None


@pytest.mark.parametrize(
    ("changes", "nsfw"),
    [
        ({}, False),
        ({"nsfw": True}, True),
        ({"nsfwLevel": 15}, False),
        ({"nsfwLevel": 28}, True),
        ({"nsfw": ..., "nsfwLevel": 2}, False),
        ({"nsfwLevel": 0}, False),
    ],
)
def test_adult_content(changes: dict[str, Any], nsfw: bool | None) -> None:
    """The mark, or no picture for others, make it adult; the level is kept."""
    record, _ = resolve("civitai:10@20", model(minor=False, sfwOnly=True, **changes))
    assert record.nsfw is nsfw
    assert record.metadata["flags"]["sfwOnly"] is True
