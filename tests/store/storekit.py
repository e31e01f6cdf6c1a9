"""A small model and the hands that bring it into a store."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from zooclient.net.cancel import Cancel
from zooclient.records.digest import git_blob_header
from zooclient.records.model import Access, FileEntry, ModelRecord
from zooclient.records.receipt import Observed, Receipt
from zooclient.records.ref import Ref
from zooclient.records.snapshot import Snapshot
from zooclient.records.wishes import Wishes
from zooclient.store.store import Store

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "3f2c" * 10
OTHER_COMMIT = "77aa" * 10
#: Large enough to be linked.
WEIGHTS = bytes(range(256)) * 8192
CONTENTS = {"model.safetensors": WEIGHTS, "config.json": b'{"model_type": "tiny"}', "sub/tokenizer.json": b"{}"}


def sha256(content: bytes) -> str:
    """Returns the sha256 of a content, hex."""
    return hashlib.sha256(content).hexdigest()


def git_sha1(content: bytes) -> str:
    """Returns the git blob sha1 of a content, hex."""
    return hashlib.sha1(git_blob_header(len(content)) + content).hexdigest()


def entry(path: str, content: bytes, *names: str) -> FileEntry:
    """Returns a file of which the zoo states these digests; by default what the Hub states."""
    names = names or ("sha256" if path.endswith(".safetensors") else "git-sha1",)
    known = {"sha256": sha256(content), "git-sha1": git_sha1(content), "md5": hashlib.md5(content).hexdigest()}
    return FileEntry(
        path=path,
        size=len(content),
        digests={name: known[name] for name in names if name != "none"},
        role="weights" if path.endswith(".safetensors") else "other",
    )


def record(
    contents: Mapping[str, bytes] = CONTENTS, id: str = "org/Tiny", revision: str = COMMIT, access: Access | None = None
) -> ModelRecord:
    """Returns what a zoo would claim about a model with these files."""
    ref = Ref(scheme="hf", id=id, revision=revision)
    files = tuple(entry(path, content) for path, content in contents.items())
    return ModelRecord(
        ref=ref, requested=ref, pin="commit", title="Tiny", files=files, access=access or Access(state="open")
    )


def observed(content: bytes) -> Observed:
    """Returns what an engine computes of these bytes."""
    return Observed(size=len(content), sha256=sha256(content), git_sha1=git_sha1(content))


def fetch(store: Store, file: FileEntry, content: bytes, *, allow_unverified: bool = False) -> Observed:
    """Does what the engine does with one file: opens its slot, writes, commits."""
    with store.ingest(file, owner="hf:org/Tiny", cancel=Cancel(), allow_unverified=allow_unverified) as slot:
        if isinstance(slot, Observed):
            return slot
        slot.partial.write_bytes(content)
        slot.commit(observed(content))
    return observed(content)


def put(
    store: Store,
    model: ModelRecord | None = None,
    contents: Mapping[str, bytes] = CONTENTS,
    wishes: Wishes | None = None,
    zoo: str = "hf",
) -> Snapshot:
    """Brings a model in, whole."""
    model = model or record(contents)
    receipts = [
        Receipt(path=file.path, observed=fetch(store, file, contents[file.path]), sources={"hf": file.size or 0})
        for file in model.files
        if file.path in contents
    ]
    return store.assemble(zoo, model, wishes or Wishes(), receipts)


def find(store: Store, model: ModelRecord | None = None, wishes: Wishes | None = None) -> Snapshot | None:
    """Asks for a model as a warm load does."""
    ref = (model or record()).ref
    return store.find("hf", ref.id, ref.revision or "", (wishes or Wishes()).key())


def below(folder: Path) -> list[str]:
    """Returns every file below a folder, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def blobs(store: Store) -> list[str]:
    """Returns the names of all held contents."""
    return sorted(path.name for path in Path(store.layout.blobs).glob("*/*"))


def run(script: str, *args: str) -> subprocess.Popen[str]:
    """Starts a Python script in which this module can be imported."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *args],
        env=environ,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finished(process: subprocess.Popen[str], timeout: float = 120) -> str:
    """Returns what a script printed; it must have ended well."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return out
