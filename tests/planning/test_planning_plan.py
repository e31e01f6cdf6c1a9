"""A plan tells what is fetched, held and left out, and refuses what could not be verified."""

from __future__ import annotations

import pytest
from planning_models import entry, model

from zooclient.errors import IntegrityError
from zooclient.planning import build_plan
from zooclient.records.model import Access, FileEntry
from zooclient.records.wishes import Wishes


def nothing_held(file: FileEntry) -> str | None:
    return None


def test_a_plan_adds_up() -> None:
    """Fetched, held and skipped files are those of the record, and their bytes are counted."""
    record = model(entry("config.json", 10), entry("model.safetensors", 1000), entry("pytorch_model.bin", 1100))
    plan = build_plan(record, Wishes(), lambda file: "store" if file.path == "config.json" else None)
    assert [file.path for file in plan.fetch] == ["model.safetensors"]
    assert [(item.file.path, item.place) for item in plan.reuse] == [("config.json", "store")]
    assert [(skip.file.path, skip.reason) for skip in plan.skip] == [
        ("pytorch_model.bin", "copy of model.safetensors as pickle")
    ]
    assert (plan.bytes_to_fetch, plan.bytes_on_disk, plan.bytes_skipped) == (1000, 1010, 1100)


def test_only_wanted_files_are_looked_for() -> None:
    """The store is asked once for each file that is wanted, and for no other."""
    asked: list[str] = []

    def held(file: FileEntry) -> str | None:
        asked.append(file.path)
        return None

    build_plan(model("a.json", "b.json", "model.safetensors", "pytorch_model.bin"), Wishes(exclude=("b*",)), held)
    assert asked == ["a.json", "model.safetensors"]


def test_a_file_without_a_digest_is_refused() -> None:
    """What could not be verified is an IntegrityError that names the files and the option."""
    weak = FileEntry(path="weak.json", size=1, digests={"crc32": "00000000", "md5": "0" * 32})
    record = model("good.json", entry("bare.bin", proved=False), weak)
    with pytest.raises(IntegrityError) as caught:
        build_plan(record, Wishes(), nothing_held)
    assert "bare.bin, weak.json" in caught.value.message
    assert "good.json" not in caught.value.message
    assert "allow_unverified" in (caught.value.hint or "")
    assert caught.value.exit_code == 5


def test_a_git_digest_is_proof() -> None:
    """The digest under which git itself keeps a file is enough."""
    record = model(FileEntry(path="config.json", size=1, digests={"git-sha1": "0" * 40}))
    assert len(build_plan(record, Wishes(), nothing_held).fetch) == 1


def test_unverified_files_are_taken_when_allowed() -> None:
    """``allow_unverified`` takes them."""
    record = model(entry("bare.bin", proved=False))
    assert len(build_plan(record, Wishes(allow_unverified=True), nothing_held).fetch) == 1


def test_a_file_that_is_left_out_needs_no_digest() -> None:
    """Only what would be fetched has to be provable."""
    record = model("config.json", entry("bare.bin", proved=False))
    assert [f.path for f in build_plan(record, Wishes(exclude=("*.bin",)), nothing_held).fetch] == ["config.json"]


def test_masked_digests_of_a_gated_model_hint_at_the_login() -> None:
    """A gated model whose digests are hidden is planned after a login, and the hint says so."""
    gate = Access(state="gated", how="Ask for access.", url="https://zoo.example/owner/name")
    with pytest.raises(IntegrityError) as caught:
        build_plan(model(entry("model.safetensors", proved=False), access=gate), Wishes(), nothing_held)
    assert "zooclient login hf" in (caught.value.hint or "")
    assert "https://zoo.example/owner/name" in (caught.value.hint or "")


def test_a_gated_model_is_planned() -> None:
    """A gate is not the plan's business: this token may have passed it."""
    assert build_plan(model("model.safetensors", access=Access(state="gated")), Wishes(), nothing_held).fetch
