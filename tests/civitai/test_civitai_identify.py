"""Files that Civitai listed are known again by any of the hashes that it stated for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from civitai_answers import recorded_record

from zooclient import Identified
from zooclient.client.identify import agreement
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.store.reports import Holder
from zooclient.store.store import Store

RECORDED = ("model_86_checkpoint_pickle_2023.json", "models_page_cursor_2024.json", "models_page_by_ids_2025.json")


def local(file: FileEntry) -> Identified:
    """A local file with the hashes that the site states; a CRC32 in the order of the scanner of that time."""
    told = {kind.lower(): text for kind, text in file.extra["hashes"].items()}
    digests = {**dict(file.digests), **told}
    return Identified(path=Path(file.path), size=file.size, digests={**digests, "crc32": told.get("crc32", "0" * 8)})


def remembered(record: ModelRecord, tmp_path: Path) -> tuple[Holder, ...]:
    """What a store that saw the record tells of its files."""
    store = Store(tmp_path / "home")
    store.save_record("civitai", record)
    hashes = [text for file in record.files for text in (*file.digests.values(), *file.extra["hashes"].values())]
    return store.remembered(hashes)


@pytest.mark.parametrize("name", RECORDED)
def test_every_stated_hash_leads_back_to_the_file(name: str, tmp_path: Path) -> None:
    """A sha256 proves it; without one, AutoV2, AutoV1 and CRC32 each lead to it, and prove nothing."""
    record = recorded_record(name)
    holders = {holder.path: holder for holder in remembered(record, tmp_path)}
    assert holders and set(holders) == {file.path for file in record.files}
    for file in record.files:
        ours, holder = local(file), holders[file.path]
        assert holder.title == record.title and holder.ref == record.ref
        assert agreement(ours, holder) == "sha256"
        for kind, by in (("AutoV3", "autov3"), ("AutoV2", "autov2"), ("AutoV1", "autov1"), ("CRC32", "crc32")):
            if kind in holder.hashes:
                alone = Holder(
                    ref=holder.ref,
                    zoo=holder.zoo,
                    path=holder.path,
                    size=holder.size,
                    digests={},
                    hashes={kind: holder.hashes[kind]},
                )
                assert agreement(ours, alone) == by
        # AutoV2 is the beginning of the sha256 in each recorded file.
        assert file.digests["sha256"].startswith(holder.hashes["AutoV2"])
