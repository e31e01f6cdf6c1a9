"""Many processes and threads at one store, and a home that cannot be written."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from storekit import CONTENTS, below, blobs, find, finished, put, record, run, sha256

from zooclient.errors import StoreError
from zooclient.store.store import Store

TOGETHER = """
import sys
from storekit import *
store = Store(sys.argv[1])
sys.stdin.readline()
fetched = 0
receipts = []
for file in record().files:
    with store.ingest(file, owner="x", cancel=Cancel()) as slot:
        if not isinstance(slot, Observed):
            fetched += 1
            slot.partial.write_bytes(CONTENTS[file.path])
            slot.commit(observed(CONTENTS[file.path]))
    receipts.append(Receipt(path=file.path, observed=observed(CONTENTS[file.path])))
snapshot = store.assemble("hf", record(), Wishes(files=(sys.argv[2], "*")), receipts)
assert {p: (snapshot.path / p).read_bytes() for p in CONTENTS} == CONTENTS
print(fetched)
"""


def test_ten_processes_share_one_download_and_one_snapshot(tmp_path: Path) -> None:
    """Ten that want the same model at once fetch each file once, and each finds its own wish answered."""
    processes = [run(TOGETHER, str(tmp_path), str(number)) for number in range(10)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sum(int(finished(process)) for process in processes) == len(CONTENTS)
    store = Store(tmp_path)
    (entry,) = store.entries()
    assert len(entry.selections) == 10
    assert blobs(store) == sorted(map(sha256, CONTENTS.values()))
    assert store.verify().ok
    assert store.prune().bytes_freed == 0


def test_many_threads_use_one_store(tmp_path: Path) -> None:
    """Threads that bring the same and other models into one store object do not hurt one another."""
    store = Store(tmp_path)
    models = [record(id=f"org/m{number % 4}") for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        snapshots = list(pool.map(lambda model: put(store, model), models))
    assert len({snapshot.path for snapshot in snapshots}) == 4
    assert store.verify().ok
    assert len(store.entries()) == 4


KILLED = """
import sys
from storekit import *
store = Store(sys.argv[1], link_mode="copy")
model = record()
receipts = [Receipt(path=f.path, observed=fetch(store, f, CONTENTS[f.path])) for f in model.files]
def audit(event, args):
    if event == sys.argv[2] and all(part in str(args) for part in sys.argv[3].split("|")):
        import os
        os.kill(os.getpid(), 9)
sys.addaudithook(audit)
store.assemble("hf", model, Wishes(), receipts)
"""


@pytest.mark.parametrize(
    ("event", "where"),
    [("open", "tokenizer.json"), ("os.rename", "/snapshots/"), ("os.rename", "/snapshots/|.json")],
    ids=["while building", "before the rename", "before the manifest"],
)
def test_a_kill_while_a_snapshot_is_built_leaves_none(tmp_path: Path, event: str, where: str) -> None:
    """Whenever it is killed, no half snapshot is found, the next attempt succeeds, and pruning leaves no waste."""
    process = run(KILLED, str(tmp_path), event, where)
    process.communicate(timeout=60)
    assert process.returncode == -9
    store = Store(tmp_path)
    assert find(store) is None
    assert store.entries() == ()
    snapshot = put(store)
    assert {path: (snapshot.path / path).read_bytes() for path in CONTENTS} == CONTENTS
    store.prune()
    assert len(list(Path(store.layout.work).iterdir())) == 1
    assert find(store) is not None


def test_a_forked_child_keeps_to_itself(tmp_path: Path) -> None:
    """A child brings its own model in, and ending it takes nothing from its parent."""
    script = """
import os, sys
from storekit import *
store = Store(sys.argv[1])
seen = fetch(store, entry("model.safetensors", WEIGHTS), WEIGHTS)
child = os.fork()
if child == 0:
    put(store, record({"a.json": b"{}"}, id="org/child"), {"a.json": b"{}"})
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert Store(sys.argv[1]).prune().contents == 0
put(store)
print(len(store.entries()))
"""
    assert finished(run(script, str(tmp_path))) == "2\n"


READ_ONLY = """
import sys
from storekit import *
from zooclient.errors import StoreError
import warnings
store = Store(sys.argv[1])
assert find(store) is not None
assert store.load_record("hf", "org/Tiny", COMMIT) == record()
assert store.verify().ok
assert len(store.entries()) == 1
assert (store.copy_out(find(store), sys.argv[1] + "-out") / "config.json").read_bytes() == CONTENTS["config.json"]
for write in (
    lambda: put(store, record(revision=OTHER_COMMIT)),
    lambda: store.save_record("hf", record(id="a")),
    lambda: store.remove("hf:org/Tiny"),
    lambda: store.prune(),
):
    try:
        write()
    except StoreError as error:
        assert "may not be written" in str(error), error
        assert error.hint
    else:
        raise AssertionError
print("fine")
"""


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A folder in which a test may mount, within a namespace of its own."""
    probe = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "none", str(tmp_path)], check=False, capture_output=True
    )
    if probe.returncode != 0:
        pytest.skip("this system lets nobody mount in a namespace of their own")
    return tmp_path


def in_namespace(commands: str, script: str, folder: Path) -> str:
    """Runs a script after mounts that only it sees."""
    import sys

    from storekit import ROOT

    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-ec", f'{commands}; exec "$0" -W error -c "$1" "$2"', sys.executable, script, folder],
        env=environ,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_home_that_cannot_be_written_still_loads(mounted: Path) -> None:
    """On a read-only file system what is held is found and verified, and every write is a store error with a hint."""
    home = mounted / "home"
    put(Store(home))
    bind = f"mount --bind {home} {home}; mount -o remount,ro,bind {home}"
    assert in_namespace(bind, READ_ONLY, home) == "fine\n"


FULL = """
import sys
from pathlib import Path
from storekit import *
from zooclient.errors import StoreError
store = Store(sys.argv[1], link_mode="copy")
put(store, record({"config.json": b"{}"}, id="org/small"), {"config.json": b"{}"})
try:
    put(store)
except (StoreError, OSError) as error:
    print(type(error).__name__, error)
assert [entry.ref.id for entry in store.entries()] == ["org/small"]
assert find(store) is None
store.close()
Store(sys.argv[1]).prune()
"""


def test_a_full_disk_leaves_the_store_as_it_was(mounted: Path) -> None:
    """When the disk is full while a snapshot is built, the error has the figures, and what was held is still held."""
    said = in_namespace(f"mount -t tmpfs -o size=3m none {mounted}", FULL, mounted)
    assert said.startswith(
        "StoreError The disk is full while building a snapshot (model.safetensors): 2.1 MB are needed"
    )


def test_a_home_in_the_way_is_a_store_error(tmp_path: Path) -> None:
    """A home that is a file is told as such, not as a bug of ours."""
    (tmp_path / "home").write_text("a file")
    store = Store(tmp_path / "home")
    assert find(store) is None
    with pytest.raises(StoreError):
        put(store)


def test_a_home_that_was_deleted_begins_anew(tmp_path: Path) -> None:
    """Deleting the whole store while a process uses it costs that process its contents, not its work."""
    import shutil

    store = Store(tmp_path / "home")
    put(store)
    shutil.rmtree(tmp_path / "home")
    assert find(store) is None
    put(store)
    assert find(store) is not None
    assert below(Path(store.layout.snapshots))
