"""Pushing into a mirror: what it comes to hold, what is left out, and what a killed, doubled or failing push leaves."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faultkit import disk, environment
from mirrorkit import WEIGHTS, edit, only, pin, reader

from zooclient import (
    Cancel,
    Cancelled,
    Client,
    ConfigError,
    IntegrityError,
    PolicyError,
    StoreError,
    UnpinnedWarning,
    Unsupported,
    ZooError,
)
from zooclient.client.mirrorfolder import verify
from zooclient.mirror.format import MARKER
from zooclient.testing import LocalZoo

MOVING = "hf:org/tiny@main"


@pytest.fixture
def client(zoo: LocalZoo, tmp_path: Path) -> Iterator[Client]:
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as made:
        yield made


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of a mirror with its inode and time; what is moved or written again has others."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and "ingest" not in path.parts
    }


def loads(zoo: LocalZoo, home: Path, mirror: Path, ref: str) -> bool:
    """Whether a mirror alone gives a model, every byte of it checked."""
    with reader(zoo, home, str(mirror), "only") as client:
        try:
            snapshot = client.download(ref)
        except ZooError:
            return False
        return client.verify(snapshot).ok


def test_a_mirror_has_the_written_format(client: Client, zoo: LocalZoo, mirror: Path) -> None:
    """The files of a pushed model lie where the format says, and say what it says."""
    with pytest.warns(UnpinnedWarning):
        (pushed,) = client.mirror(mirror, MOVING)
    assert (pushed.state, str(pushed.ref), pushed.files, pushed.access) == ("pushed", pin(zoo), 4, "open")
    assert pushed.added == pushed.size == sum(file.size for file in client.download(pin(zoo)).files)
    assert (pushed.license.kind, pushed.license.spdx) == ("open-source", "Apache-2.0")
    assert json.loads((mirror / MARKER).read_text()) == {"kind": "zooclient mirror", "format": 1}
    listing = json.loads(only(mirror, "v1/manifests/*/org--tiny/*.json").read_text())
    assert (listing["format"], listing["ref"]) == (1, pin(zoo))
    for file in listing["files"]:
        blob = mirror / "v1" / "blobs" / "sha256" / file["sha256"][:2] / file["sha256"]
        assert blob.stat().st_size == file["size"]
        assert blob.stat().st_mode & 0o222 == 0
    assert json.loads(only(mirror, "v1/records/*/org--tiny/*.json").read_text())["ref"] == pin(zoo)
    meant = json.loads(only(mirror, "v1/refs/*/org--tiny/*.json").read_text())
    assert (meant["id"], meant["name"], meant["revision"]) == ("org/tiny", "main", zoo.head("org/tiny"))
    (model,) = json.loads((mirror / "v1" / "models.json").read_text())["models"]
    assert (model["ref"], model["access"], model["license"], model["files"]) == (pin(zoo), "open", "open-source", 4)


def test_a_second_push_moves_nothing(client: Client, zoo: LocalZoo, mirror: Path, tmp_path: Path) -> None:
    """Pushing what is there asks the zoo for no file and touches no file, whichever store it is pushed from."""
    client.mirror(mirror, pin(zoo))
    before = state(mirror)
    zoo.forget()
    (again,) = client.mirror(mirror, pin(zoo))
    assert (again.state, again.added) == ("already there", 0)
    assert state(mirror) == before
    with Client(home=tmp_path / "new home", endpoints=zoo.endpoints) as other:
        (third,) = other.mirror(mirror, pin(zoo))
    assert third.state == "already there"
    assert state(mirror) == before
    assert not any("/resolve/" in seen.path for seen in zoo.requests)


def test_a_mirror_is_extended_and_shares_contents(client: Client, zoo: LocalZoo, mirror: Path, tmp_path: Path) -> None:
    """A further model, a further revision and further files of one come beside what is there, each content once."""
    client.mirror(mirror, [pin(zoo), pin(zoo, "org/plain")])
    old = pin(zoo)
    zoo.commit("org/tiny", {"config.json": '{"model_type": "newer"}'})
    (newer,) = client.mirror(mirror, pin(zoo))
    assert newer.added < 100, "the weights were there"
    (more,) = client.mirror(mirror, pin(zoo), weights="all")
    assert more.added == 300_000
    assert all(loads(zoo, tmp_path / "reader", mirror, ref) for ref in (old, pin(zoo), pin(zoo, "org/plain")))
    with reader(zoo, tmp_path / "reader", str(mirror), "only") as air_gapped:
        assert len(air_gapped.download(pin(zoo), weights="all").files) == 5


def test_what_rights_do_not_allow_is_left_out_before_any_byte(client: Client, zoo: LocalZoo, mirror: Path) -> None:
    """A gated model is left out, with the reason, though the caller may have it and gave its exact pin."""
    zoo.gate("org/tiny", readers=("me",))
    left, open_one = client.mirror(mirror, [pin(zoo), pin(zoo, "org/plain")])
    assert (left.state, left.access, left.files, left.added) == ("left out", "gated", 0, 0)
    assert "--include hf:org/tiny" in (left.reason or "")
    assert open_one.state == "pushed"
    assert not any("org/tiny/resolve" in seen.path for seen in zoo.requests)
    assert not list(mirror.glob("v1/*/*/org--tiny*"))


@pytest.mark.parametrize("how", ["model", "pin", "alone"])
def test_a_gated_model_is_pushed_when_it_is_named(
    client: Client, zoo: LocalZoo, mirror: Path, tmp_path: Path, how: str
) -> None:
    """Naming is to say so in the include list, by model or by pin; what is named there is pushed by that alone."""
    zoo.gate("org/tiny", readers=("me",))
    named = "hf:org/tiny" if how == "model" else pin(zoo)
    (pushed,) = client.mirror(mirror, [] if how == "alone" else [pin(zoo)], include=named)
    assert (pushed.state, pushed.access) == ("pushed", "gated")
    assert loads(zoo, tmp_path / "reader", mirror, pin(zoo))


def test_a_pin_that_is_named_is_no_leave_for_another_revision(client: Client, zoo: LocalZoo, mirror: Path) -> None:
    """The include list may mean one revision."""
    old = pin(zoo)
    zoo.commit("org/tiny", {"config.json": "{}"})
    zoo.gate("org/tiny", readers=("me",))
    states = [model.state for model in client.mirror(mirror, [old, pin(zoo)], include=old)]
    assert states == ["pushed", "left out"]


def test_a_private_model_is_left_out(client: Client, zoo: LocalZoo, mirror: Path) -> None:
    """What only its owner sees does not come into a mirror by being asked for."""
    zoo.hide("org/tiny")
    (left,) = client.mirror(mirror, pin(zoo))
    assert (left.state, left.access) == ("left out", "private")


def test_a_name_of_old_leads_to_the_model_in_a_mirror_too(
    client: Client, zoo: LocalZoo, mirror: Path, tmp_path: Path
) -> None:
    """A model pushed under the name that it had before is found under it, and under its own."""
    zoo.rename("org/before", "org/tiny")
    old = pin(zoo).replace("org/tiny", "org/before")
    client.mirror(mirror, old)
    with reader(zoo, tmp_path / "reader", str(mirror), "only") as air_gapped:
        assert str(air_gapped.load(old).ref) == pin(zoo)
    assert loads(zoo, tmp_path / "other reader", mirror, pin(zoo))


def test_strict_mode_pushes_pins_only(zoo: LocalZoo, mirror: Path, tmp_path: Path) -> None:
    """A moving name in strict mode is refused before a folder is made."""
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, strict=True) as client, pytest.raises(PolicyError):
        client.mirror(mirror, MOVING)


def test_a_model_of_this_machine_is_not_mirrored(client: Client, models: Path, mirror: Path) -> None:
    """``file:`` has no zoo that a reader could ask a mirror for."""
    with pytest.raises(Unsupported, match="this machine"):
        client.mirror(mirror, f"file:{models / 'org' / 'plain'}")


# -- the folder ---------------------------------------------------------------------------------


def test_a_folder_with_other_content_is_left_alone(client: Client, zoo: LocalZoo, mirror: Path) -> None:
    """A folder that holds anything else is refused with a sentence, and nothing is written into it."""
    mirror.mkdir()
    (mirror / "index.html").write_text("mine")
    with pytest.raises(ConfigError, match=r"index\.html"):
        client.mirror(mirror, pin(zoo))
    assert [path.name for path in mirror.iterdir()] == ["index.html"]
    (mirror / MARKER).write_text("[]")
    with pytest.raises(ConfigError, match="no mirror"):
        client.mirror(mirror, pin(zoo))


def test_the_store_itself_is_no_mirror(client: Client, zoo: LocalZoo, tmp_path: Path) -> None:
    """The home of a store, empty or not, is refused: it holds what may not be passed on."""
    for _ in range(2):
        with pytest.raises(ConfigError):
            client.mirror(tmp_path / "home", pin(zoo))
        client.download(pin(zoo))
    assert not (tmp_path / "home" / MARKER).exists()


def test_a_mirror_of_a_later_format_is_left_alone(client: Client, zoo: LocalZoo, mirror: Path) -> None:
    """A newer version's mirror is not written by an older one."""
    client.mirror(mirror, pin(zoo))
    edit(mirror / MARKER, format=2)
    with pytest.raises(ZooError, match="format 2"):
        client.mirror(mirror, pin(zoo, "org/plain"))


def test_a_file_in_place_of_the_folder_is_a_store_error(client: Client, zoo: LocalZoo, mirror: Path) -> None:
    """A file stays as it is."""
    mirror.write_text("mine")
    with pytest.raises(StoreError):
        client.mirror(mirror, pin(zoo))
    assert mirror.read_text() == "mine"


def test_an_empty_folder_and_one_that_a_killed_push_began_become_mirrors(
    client: Client, zoo: LocalZoo, mirror: Path
) -> None:
    """A folder is taken when it is empty, or holds no more than the first step of a push."""
    mirror.mkdir()
    (mirror / f"{MARKER}.0123").write_text("")
    client.mirror(mirror, pin(zoo))
    assert (mirror / MARKER).is_file()


# -- whole or not at all --------------------------------------------------------------------------


def test_contents_come_before_what_tells_of_them(client: Client, zoo: LocalZoo, mirror: Path) -> None:
    """Whenever a reader finds a listing or a name, everything that it leads to is there."""
    seen: list[tuple[bool, bool, bool, bool]] = []
    watching = threading.Event()

    def look() -> None:
        while not watching.is_set():
            # From the last that is written to the first: what is found was there before what was looked for earlier.
            found = [
                bool(list(mirror.glob(f"v1/{kind}/*/org--tiny/*.json"))) for kind in ("refs", "manifests", "records")
            ]
            blobs = len(list(mirror.glob("v1/blobs/sha256/*/*")))
            seen.append((*found, blobs >= 4))  # type: ignore[arg-type]

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        with pytest.warns(UnpinnedWarning):
            client.mirror(mirror, MOVING)
    finally:
        watching.set()
        watcher.join()
    for steps in seen:
        assert list(steps) == sorted(steps), "a later step was seen without an earlier one"


SIZE = 12 * 2**20


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(5).randbytes(SIZE)


@pytest.fixture
def big(content: bytes) -> Iterator[LocalZoo]:
    """A zoo with one model of two large files."""
    with LocalZoo() as zoo:
        zoo.commit("org/big", {WEIGHTS: content, "other.safetensors": content[::-1], "config.json": "{}"})
        yield zoo


def begin(zoo: LocalZoo, folder: Path, mirror: Path) -> subprocess.Popen[str]:
    """Starts a process that pushes, by copies: links would be done before anybody could kill it."""
    return subprocess.Popen(
        [sys.executable, "-m", "zooclient", "mirror", "push", str(mirror), pin(zoo, "org/big")],
        env=environment(zoo, folder, ZOOCLIENT_LINK_MODE="copy"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "the mark": lambda mirror: (mirror / MARKER).exists(),
    "a copy under way": lambda mirror: any(path.stat().st_size for path in mirror.glob("v1/ingest/work/*/*")),
    "one content": lambda mirror: bool(list(mirror.glob("v1/blobs/sha256/*/*"))),
    "the record": lambda mirror: bool(list(mirror.glob("v1/records/*/*/*.json"))),
    "the snapshot": lambda mirror: bool(list(mirror.glob("v1/snapshots/*/*/*/*.json"))),
    "the listing": lambda mirror: bool(list(mirror.glob("v1/manifests/*/*/*.json"))),
}


def reached(moment: Callable[[Path], bool], mirror: Path) -> bool:
    try:
        return moment(mirror)
    except OSError:  # what was listed has just been moved
        return False


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_push_shows_no_half_model_and_is_carried_on(big: LocalZoo, tmp_path: Path, moment: str) -> None:
    """After kill -9 at any step a reader finds the model whole or not at all, and the next push ends it."""
    mirror = tmp_path / "mirror"
    process = begin(big, tmp_path, mirror)
    while not reached(MOMENTS[moment], mirror) and process.poll() is None:
        pass
    process.kill()
    process.communicate()
    listed = bool(list(mirror.glob("v1/manifests/*/*/*.json")))
    assert loads(big, tmp_path / "reader", mirror, pin(big, "org/big")) is listed
    there = {path.name: path.stat().st_ino for path in mirror.glob("v1/blobs/sha256/*/*")}
    out, err = begin(big, tmp_path, mirror).communicate(timeout=60)
    assert out.startswith(("pushed", "already there")), err
    after = {path.name: path.stat().st_ino for path in mirror.glob("v1/blobs/sha256/*/*")}
    assert there.items() <= after.items(), "what had come was not moved again"
    assert loads(big, tmp_path / "other reader", mirror, pin(big, "org/big"))
    assert verify(mirror).ok


def test_two_pushes_at_once(big: LocalZoo, tmp_path: Path) -> None:
    """Two processes with a store each that make one mirror at the same time end with one whole mirror."""
    big.commit("org/small", {"config.json": "{}"})
    mirror = tmp_path / "mirror"
    processes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        processes.append(begin(big, tmp_path / name, mirror))
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert len(list(mirror.glob("v1/blobs/sha256/*/*"))) == 3
    assert loads(big, tmp_path / "reader", mirror, pin(big, "org/big"))
    assert verify(mirror).ok


def test_pushes_of_threads_end_in_one_catalogue(zoo: LocalZoo, tmp_path: Path, mirror: Path) -> None:
    """Several pushes of one process at once: every model is there and in the catalogue."""
    for number in range(4):
        zoo.commit(f"org/m{number}", {"config.json": f"{number}"})
    failures: list[BaseException] = []

    def push(number: int) -> None:
        try:
            with Client(home=tmp_path / f"home {number}", endpoints=zoo.endpoints) as client:
                client.mirror(mirror, pin(zoo, f"org/m{number}"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    models = json.loads((mirror / "v1" / "models.json").read_text())["models"]
    assert [model["ref"].partition("@")[0] for model in models] == [f"hf:org/m{number}" for number in range(4)]


def test_a_full_disk_shows_nothing_and_the_next_push_ends_it(big: LocalZoo, tmp_path: Path) -> None:
    """No room in the mirror's disk: a StoreError that says so, no half model; with room again it is carried on."""
    with disk(tmp_path / "disk", "18m") as change:
        mirror = tmp_path / "disk" / "mirror"
        with Client(home=tmp_path / "home", endpoints=big.endpoints) as client:
            with pytest.raises(StoreError, match="full"):
                client.mirror(mirror, pin(big, "org/big"))
            assert not list(mirror.glob("v1/manifests/*/*/*.json"))
            assert not loads(big, tmp_path / "reader", mirror, pin(big, "org/big"))
            change("size=64m")
            (pushed,) = client.mirror(mirror, pin(big, "org/big"))
            assert pushed.added < 2 * SIZE, "what had come stayed"
        assert loads(big, tmp_path / "reader", mirror, pin(big, "org/big"))


def test_a_push_may_be_cancelled(client: Client, zoo: LocalZoo, mirror: Path) -> None:
    """A wish to stop ends it, and the next push does it."""
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        client.mirror(mirror, pin(zoo), cancel=cancel)
    assert client.mirror(mirror, pin(zoo))[0].state == "pushed"


def test_what_is_removed_from_the_store_that_a_mirror_is_is_listed_no_more(
    client: Client, zoo: LocalZoo, mirror: Path, tmp_path: Path
) -> None:
    """A mirror is kept as a store is: removed and pruned, a model is gone, and the next push takes it off the lists."""
    client.mirror(mirror, [pin(zoo), pin(zoo, "org/plain")])
    with Client(home=mirror, endpoints=zoo.endpoints) as keeper:
        keeper.store.remove(pin(zoo))
        keeper.store.prune()
    client.mirror(mirror, pin(zoo, "org/plain"))
    assert [path.parent.name for path in mirror.glob("v1/manifests/*/*/*.json")] == ["org--plain"]
    (model,) = json.loads((mirror / "v1" / "models.json").read_text())["models"]
    assert model["ref"] == pin(zoo, "org/plain")
    assert loads(zoo, tmp_path / "reader", mirror, pin(zoo, "org/plain"))
    assert len(list(mirror.glob("v1/blobs/sha256/*/*"))) == 1


# -- damage ---------------------------------------------------------------------------------------


def test_verify_hashes_what_is_served(client: Client, zoo: LocalZoo, mirror: Path) -> None:
    """A content that was changed or lost in a mirror is found; deleted and pushed again it is there anew."""
    client.mirror(mirror, pin(zoo))
    assert verify(mirror).ok
    config, card = (client.download(pin(zoo)).path / name for name in ("config.json", "README.md"))
    blobs = {path.read_bytes(): path for path in mirror.glob("v1/blobs/sha256/*/*")}
    changed, lost = blobs[config.read_bytes()], blobs[card.read_bytes()]
    changed.chmod(0o644)
    changed.write_bytes(config.read_bytes()[::-1])
    lost.unlink()
    assert {file.path: file.state for file in verify(mirror).bad} == {"config.json": "damaged", "README.md": "missing"}
    changed.unlink()
    client.mirror(mirror, pin(zoo))
    assert verify(mirror).ok


def test_a_damaged_store_does_not_get_into_a_mirror_by_copies(zoo: LocalZoo, mirror: Path, tmp_path: Path) -> None:
    """What is copied is hashed on its way: a content of the store that has rotted is refused."""
    from zooclient import Settings

    settings = Settings(link_mode="copy")
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, settings=settings) as client:
        snapshot = client.download(pin(zoo))
        for path in (tmp_path / "home").rglob("*"):
            if path.is_file() and path.stat().st_size == (snapshot.path / WEIGHTS).stat().st_size:
                times = path.stat()
                path.chmod(0o644)
                with path.open("r+b") as file:
                    file.write(b"!")
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        with pytest.raises(IntegrityError):
            client.mirror(mirror, pin(zoo))
    assert not list(mirror.glob("v1/manifests/*/*/*.json"))
