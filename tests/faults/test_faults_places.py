"""Where a store may lie: full disks, disks that may only be read, other file systems, every way of linking."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faultkit import carries_on, client_at, disk, ends, environment, pin, visible

from zooclient import Client, StaleWarning, StoreError, UnpinnedWarning
from zooclient.settings import LinkMode
from zooclient.testing import Do, LocalZoo

WEIGHTS = "model.safetensors"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Path, Callable[[str], None]]]:
    """A disk of 8 MB, and a way to change how it is mounted."""
    place = tmp_path / "small disk"
    with disk(place, "8m") as change:
        yield place, change


Disk = tuple[Path, Callable[[str], None]]


def test_a_disk_without_room_is_told_before_the_first_byte(zoo: LocalZoo, small: Disk) -> None:
    """More bytes than are free: StoreError with both numbers, and no file was asked for; with room, it loads."""
    place, _ = small
    ballast = place / "ballast"
    ballast.write_bytes(bytes(7 * 2**20))
    with client_at(zoo, place / "home") as client:
        error = ends(StoreError, lambda: client.load(pin(zoo)), place / "home")
        assert "2.0 MB are needed" in error.message
        assert "prune" in (error.hint or "")
        assert not any("/resolve/" in seen.path for seen in zoo.requests)
        ballast.unlink()
        carries_on(client, zoo, pin(zoo))


def test_a_disk_that_fills_up_midway_loses_nothing(zoo: LocalZoo, small: Disk) -> None:
    """Somebody else takes the room while bytes arrive: StoreError, and with room again the rest is fetched."""
    place, _ = small
    ballast = place / "ballast"

    def fill() -> None:
        free = os.statvfs(place)
        ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 1_000_000)))

    zoo.fail(WEIGHTS, Do(fill, origin="cdn"))
    with client_at(zoo, place / "home") as client:
        error = ends(StoreError, lambda: client.load(pin(zoo)), place / "home")
        assert error.exit_code == 8
        assert "space" in f"{error.message} {error.hint}".lower()
        ballast.unlink()
        carries_on(client, zoo, pin(zoo))


def test_a_limit_on_the_size_of_files_is_a_full_disk(zoo: LocalZoo, tmp_path: Path) -> None:
    """A process that may not write a file of that size ends with exit code 8 and a sentence; freed, it carries on."""
    resource = pytest.importorskip("resource")
    words = [sys.executable, "-m", "zooclient", "get", pin(zoo)]
    done = subprocess.run(
        words,
        env=environment(zoo, tmp_path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 8, done.stderr
    assert "Traceback" not in done.stderr
    assert visible(tmp_path / "home") == []
    again = subprocess.run(words, env=environment(zoo, tmp_path), capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr


def test_a_home_that_may_only_be_read_loads_what_it_holds(zoo: LocalZoo, small: Disk) -> None:
    """Read-only and the model in it: pinned it loads without the zoo, and a moving name is answered, too."""
    place, change = small
    home = place / "home"
    with client_at(zoo, home) as client, pytest.warns(UnpinnedWarning):
        first = client.load("hf:org/tiny@main")
    change("ro")
    with client_at(zoo, home) as client:
        assert client.load(pin(zoo)).path == first.path
        with pytest.warns(UnpinnedWarning):
            assert client.load("hf:org/tiny@main").path == first.path
        assert client.verify(pin(zoo)).ok
        reference = pin(zoo)
        zoo.stop()
        assert client.load(reference).path == first.path
        with pytest.warns(StaleWarning):
            assert str(client.resolve("hf:org/tiny@main").ref) == reference
    change("rw")


def test_a_home_that_may_only_be_read_and_lacks_the_model(zoo: LocalZoo, small: Disk) -> None:
    """Read-only and the model not in it: it can be looked at, and a download is a StoreError that says where to go."""
    place, change = small
    (place / "home").mkdir()
    change("ro")
    with client_at(zoo, place / "home") as client:
        assert client.resolve(pin(zoo)).files
        error = ends(StoreError, lambda: client.load(pin(zoo)), place / "home")
        assert "ZOOCLIENT_HOME" in (error.hint or "")
        assert not any("/resolve/" in seen.path for seen in zoo.requests), "nothing was fetched in vain"
        change("rw")
        carries_on(client, zoo, pin(zoo))


def test_a_store_that_may_only_be_read_serves_beside_the_own(zoo: LocalZoo, small: Disk, tmp_path: Path) -> None:
    """ZOOCLIENT_STORES: what is there loads without the zoo, a lock or a write; its bytes need not be fetched again."""
    place, change = small
    with client_at(zoo, place / "shared") as client:
        there = client.download(pin(zoo))
    change("ro")
    second = zoo.commit("org/tiny-too", {WEIGHTS: (there.path / WEIGHTS).read_bytes(), "config.json": "{}"})
    with client_at(zoo, tmp_path / "own", stores=(place / "shared",)) as client:
        assert client.load(pin(zoo)).path == there.path
        assert not (tmp_path / "own").exists()
        zoo.forget()
        client.load(f"hf:org/tiny-too@{second}")
        assert not any(seen.origin == "cdn" for seen in zoo.requests)
    change("rw")


def test_a_home_on_another_file_system(zoo: LocalZoo, small: Disk, tmp_path: Path) -> None:
    """Home, the system's folder for temporary files, and the target of copies may each lie on another disk."""
    place, _ = small
    with client_at(zoo, place / "home") as client:
        snapshot = client.download(pin(zoo), to=tmp_path / "out")
        assert client.verify(snapshot).ok
    assert (tmp_path / "out" / WEIGHTS).read_bytes() == (snapshot.path / WEIGHTS).read_bytes()
    with client_at(zoo, tmp_path / "home") as client:
        client.download(pin(zoo), to=place / "out", files="*.json")
    assert (place / "out" / "config.json").is_file()


@pytest.mark.parametrize("mode", ["auto", "reflink", "hardlink", "copy"])
def test_every_link_mode_gives_the_same_model(zoo: LocalZoo, tmp_path: Path, mode: LinkMode) -> None:
    """However a snapshot gets its bytes, it is whole, read-only and sound; a copy shares nothing with the store."""
    with client_at(zoo, tmp_path / "home", link_mode=mode) as client:
        snapshot = client.download(pin(zoo))
        assert client.verify(snapshot).ok
    status = (snapshot.path / WEIGHTS).stat()
    assert status.st_mode & 0o222 == 0
    if mode == "copy":
        assert status.st_nlink == 1
    if mode == "hardlink":
        assert status.st_nlink == 2


def test_a_home_that_is_no_folder(zoo: LocalZoo, tmp_path: Path) -> None:
    """A file where the home should be: StoreError that names it, and the file stays as it is."""
    home = tmp_path / "home"
    home.write_text("mine")
    with client_at(zoo, home) as client, pytest.raises(StoreError) as caught:
        client.load(pin(zoo))
    assert str(home) in str(caught.value)
    assert home.read_text() == "mine"


def test_a_snapshot_that_somebody_wrote_into_is_fetched_again(zoo: LocalZoo, tmp_path: Path) -> None:
    """A changed file is found by the next load, told, set aside, and replaced by the true one."""
    with client_at(zoo, tmp_path / "home") as client:
        path = client.load(pin(zoo)).path / WEIGHTS
        true = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(b"!" + true[1:])
        with pytest.warns(UserWarning, match="safetensors"):
            assert (client.load(pin(zoo)).path / WEIGHTS).read_bytes() == true


def test_two_clients_of_one_home_do_not_need_each_other(zoo: LocalZoo, tmp_path: Path) -> None:
    """What one client has fetched another finds, whatever became of the first."""
    with client_at(zoo, tmp_path / "home") as first:
        first.download(pin(zoo))
    zoo.forget()
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints) as second:
        second.download(pin(zoo))
    assert zoo.requests == []
