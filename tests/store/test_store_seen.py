"""What the store remembers of a content: every record and snapshot, however it came or went."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storekit import COMMIT, CONTENTS, OTHER_COMMIT, WEIGHTS, below, entry, finished, put, record, run, sha256

from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.receipt import Receipt
from zooclient.records.ref import Ref
from zooclient.store.reports import Holder
from zooclient.store.store import Store

WEIGHTS_SHA256 = sha256(WEIGHTS)
CONFIG_SHA256 = sha256(CONTENTS["config.json"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "home")


def places(store: Store, digest: str = WEIGHTS_SHA256) -> list[str]:
    """Returns reference and path of all that have a content."""
    return [f"{holder.ref} {holder.path}" for holder in store.seen([digest]).get(digest, ())]


def save_many(store: Store, count: int) -> None:
    """Saves so many records, each with a file of its own and one that all have."""
    for number in range(count):
        revision = f"{number:040x}"
        files = {"own.safetensors": str(number).encode(), "shared.safetensors": b"shared"}
        store.save_record("hf", record(files, id=f"org/m{number}", revision=revision))


def test_a_record_that_was_only_resolved_is_seen(store: Store) -> None:
    """A claim of a sha256 is found with reference, zoo, path and size, though no byte is held."""
    store.save_record("hf+0123abcd", record())
    assert store.seen([WEIGHTS_SHA256, sha256(b"else")]) == {
        WEIGHTS_SHA256: (
            Holder(
                ref=Ref.parse(f"hf:org/Tiny@{COMMIT}"),
                zoo="hf+0123abcd",
                path="model.safetensors",
                size=len(WEIGHTS),
                digests={"sha256": WEIGHTS_SHA256},
                title="Tiny",
            ),
        )
    }
    assert store.seen([]) == {}


def test_a_snapshot_tells_the_sha256_of_what_git_names(store: Store) -> None:
    """The sha256 of a file whose record claims only a git sha1 is known once its bytes came, and is no claim."""
    store.save_record("hf", record())
    assert places(store, CONFIG_SHA256) == []
    put(store)
    (holder,) = store.seen([CONFIG_SHA256])[CONFIG_SHA256]
    assert (str(holder.ref), holder.path, holder.claimed) == (f"hf:org/Tiny@{COMMIT}", "config.json", False)
    (weights,) = store.seen([WEIGHTS_SHA256])[WEIGHTS_SHA256]
    assert weights.claimed, "the zoo's own claim goes before what we observed"


def test_a_content_at_several_models_is_seen_at_each(store: Store) -> None:
    """Every model, revision and path that has the content is told once, whatever names its record lies under."""
    store.save_record("hf", record())
    store.save_record("hf", record(), id="org/Renamed")
    store.save_record("hf", record(revision=OTHER_COMMIT))
    store.save_record("hf", record({"a.safetensors": WEIGHTS, "b.safetensors": WEIGHTS}, id="org/twice"))
    assert sorted(places(store)) == [
        f"hf:org/Tiny@{COMMIT} model.safetensors",
        f"hf:org/Tiny@{OTHER_COMMIT} model.safetensors",
        f"hf:org/twice@{COMMIT} a.safetensors",
        f"hf:org/twice@{COMMIT} b.safetensors",
    ]


def test_what_is_removed_is_seen_no_more(store: Store) -> None:
    """Removing a model from the store, or its files by hand, shows at the next look."""
    put(store)
    put(store, record(id="org/other"))
    assert len(places(store)) == 2
    store.remove("hf:org/Tiny")
    assert places(store) == [f"hf:org/other@{COMMIT} model.safetensors"]
    shutil.rmtree(store.layout.records)
    assert places(store) == [f"hf:org/other@{COMMIT} model.safetensors"], "its snapshot still tells"
    store.remove("hf:org/other")
    store.prune()
    assert places(store) == []


def test_a_changed_claim_is_seen_as_it_is_now(store: Store) -> None:
    """A record that is written again with other digests answers with those."""
    store.save_record("hf", record())
    assert places(store)
    changed = CONTENTS | {"model.safetensors": b"others"}
    store.save_record("hf", record(changed))
    assert places(store) == []
    assert places(store, sha256(b"others")) == [f"hf:org/Tiny@{COMMIT} model.safetensors"]


def test_further_stores_are_seen_and_not_written(store: Store, tmp_path: Path) -> None:
    """What a read-only store remembers is told after what the own one does, and nothing changes in it."""
    other = Store(tmp_path / "other")
    put(other)
    save_many(other, 40)
    other.close()
    before = below(tmp_path / "other")
    both = Store(tmp_path / "home", stores=[tmp_path / "other"])
    assert places(both) == [f"hf:org/Tiny@{COMMIT} model.safetensors"]
    assert not (tmp_path / "home").exists(), "looking makes no store"
    both.save_record("hf", record(id="org/own"))
    assert places(both) == [f"hf:org/own@{COMMIT} model.safetensors", f"hf:org/Tiny@{COMMIT} model.safetensors"]
    assert below(tmp_path / "other") == before


def test_several_processes_save_and_look_at_once(store: Store) -> None:
    """Whoever saves in whichever process is seen by everybody, and no process spoils another's index."""
    script = (
        "import sys\n"
        "from test_store_seen import Store, record, save_many, sha256\n"
        "store, mine = Store(sys.argv[1]), int(sys.argv[2])\n"
        "for number in range(mine, mine + 60):\n"
        "    files = {'w.safetensors': str(number).encode()}\n"
        "    store.save_record('hf', record(files, id=f'org/m{number}'))\n"
        "    assert store.seen([sha256(str(number).encode())]), number\n"
    )
    running = [run(script, str(store.home), str(start)) for start in (0, 60, 120)]
    for process in running:
        finished(process)
    digests = [sha256(str(number).encode()) for number in range(180)]
    assert sorted(store.seen(digests)) == sorted(digests)
    assert sorted(Store(store.home).seen(digests)) == sorted(digests)


def test_the_index_saves_reading_and_decides_nothing(store: Store) -> None:
    """With an index no record but the answer is read; a damaged, an old or a lying one changes no answer."""
    save_many(store, 40)
    wanted = sha256(b"7")
    whole = store.seen([wanted])
    index = Path(store.layout.seen(store.layout))
    written = index.read_text("utf-8")
    assert whole
    # Damage that keeps size and time stamps shows that the others are not opened again.
    for path in Path(store.layout.records).rglob("*.json"):
        if "m7" not in str(path):
            status = path.stat()
            path.write_bytes(b" " * status.st_size)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    fresh = Store(store.home)
    assert fresh.seen([wanted]) == whole
    assert json.loads(written)["format"] == 1
    lie = json.loads(written)
    lie["files"]["records/hf/org--gone/x.json"] = ["1-1-1", wanted[:8]]
    for text in ("", "[", "[]", '{"format": 2}', '{"format": 1, "files": {"a": 1}}', "[" * 100_000, json.dumps(lie)):
        index.write_text(text)
        assert Store(store.home).seen([wanted]) == whole


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{", "[" * 100_000, '{"files": 3}', '{"files": [3, null, {"digests": 3}]}', "\xff"),
        *('{"files": [{"sha256": "WANTED"}]}', '{"ref": "hf:a/b", "files": [{"digests": {"sha256": "WANTED"}}]}'),
    ],
)
def test_broken_files_are_absent(store: Store, text: str) -> None:
    """A record or manifest that is cut, foreign or nonsense is passed over, and the others are found."""
    put(store)
    text = text.replace("WANTED", WEIGHTS_SHA256)
    for folder in (Path(store.layout.records, "hf", "x"), Path(store.layout.snapshots, "hf", "x", "y")):
        folder.mkdir(parents=True)
        (folder / "z.json").write_text(text, "latin-1")
    assert places(store) == [f"hf:org/Tiny@{COMMIT} model.safetensors"]


def test_what_lies_where_it_does_not_belong_is_absent(store: Store) -> None:
    """A record under another zoo's name, a hostile file name, a folder and a pipe with a record's name are passed."""
    store.save_record("modelscope", record())
    hostile = record(id="org/hostile").to_dict()
    hostile["files"][0]["path"] = "../../etc/passwd"
    path = Path(store.layout.record("hf", "org/hostile", COMMIT))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(hostile))
    path.with_name("folder.json").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path.with_name("pipe.json"))
    assert places(store) == []
    put(store, record(id="org/moved"))
    (snapshot,) = Path(store.layout.snapshots).glob("*/*/*/*.json")
    shutil.rmtree(store.layout.records)
    shutil.move(snapshot.parents[1], snapshot.parents[2] / "another")
    assert places(store) == [], "a manifest that lies at another model's place tells nothing"


def test_short_hashes_are_remembered_too(store: Store) -> None:
    """What a zoo calls by other hashes than a digest is found by their first digits, and handed on as told."""
    short = {"AutoV2": "0011223344", "AutoV3": "aabbccddeeff"}
    file = FileEntry(path="lora.safetensors", size=3, extra={"hashes": {**short, "odd": 3}})
    ref = Ref.parse("civitai:12@34")
    model = ModelRecord(ref=ref, requested=ref, pin="version", title="x", files=(file, entry("b.json", b"b", "none")))
    store.save_record("civitai", model)
    (holder,) = store.remembered(["aabbccdd0000"])
    assert (holder.ref, holder.path, holder.digests, holder.hashes) == (ref, "lora.safetensors", {}, short)
    assert store.remembered(["00112233"]) == (holder,)
    assert store.remembered(["aabbccd0"]) == ()


def test_a_home_that_cannot_be_written_still_answers(tmp_path: Path) -> None:
    """Where no index can be kept, the answer is the same."""
    store = Store(tmp_path / "home")
    save_many(store, 40)
    store.close()
    index = Path(store.layout.seen(store.layout))
    index.parent.parent.mkdir(parents=True, exist_ok=True)
    index.parent.write_text("in the way")
    assert len(places(store, sha256(b"shared"))) == 40
    assert index.parent.read_text() == "in the way"


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from("save drop look new".split()), st.integers(0, 5)), max_size=25))
def test_the_index_always_agrees_with_what_lies_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Whatever was saved, dropped and asked before, by one object or several, each content is seen where it is."""
    home = tmp_path_factory.mktemp("seen")
    stores = [Store(home), Store(home)]
    truth: set[int] = set()
    for number, (deed, model) in enumerate(steps):
        store = stores[number % 2]
        if deed == "save":
            store.save_record("hf", record({"w.safetensors": str(model).encode()}, id=f"org/m{model}"))
            truth.add(model)
        elif deed == "drop":
            store.distrust("hf", f"org/m{model}", COMMIT)
            truth.discard(model)
        elif deed == "new":
            stores[number % 2] = Store(home)
        digests = {sha256(str(model).encode()): model for model in range(6)}
        assert {digests[digest] for digest in store.seen(digests)} == truth
    for store in stores:
        store.close()


def test_receipts_are_no_claims(store: Store) -> None:
    """A file that was taken without any digest is seen by what we observed, and is not taken for claimed."""
    from storekit import fetch

    from zooclient.records.wishes import Wishes

    file = entry("w.safetensors", b"bare", "none")
    ref = Ref.parse(f"hf:org/bare@{COMMIT}")
    model = ModelRecord(ref=ref, requested=ref, pin="commit", title="x", files=(file,))
    got = fetch(store, file, b"bare", allow_unverified=True)
    store.assemble("hf", model, Wishes(), [Receipt(path=file.path, observed=got, claimed=False)])
    (holder,) = store.seen([sha256(b"bare")])[sha256(b"bare")]
    assert not holder.claimed
