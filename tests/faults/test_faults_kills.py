"""Processes that die: in the middle of a transfer, while others wait; and what the next one carries on with."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from faultkit import environment, visible

from zooclient import Client
from zooclient.testing import LocalZoo, Slow

SIZE = 24 * 2**20
STEP = 4 * 2**20


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(3).randbytes(SIZE)


@pytest.fixture
def big(content: bytes) -> Iterator[LocalZoo]:
    """A zoo with one model of one large file."""
    with LocalZoo() as zoo:
        zoo.commit("org/big", {"model.safetensors": content})
        yield zoo


def reference(zoo: LocalZoo) -> str:
    return f"hf:org/big@{zoo.head('org/big')}"


def begin(zoo: LocalZoo, folder: Path, **extra: str) -> subprocess.Popen[str]:
    """Starts a process that gets the model."""
    return subprocess.Popen(
        [sys.executable, "-m", "zooclient", "get", reference(zoo)],
        env=environment(zoo, folder, **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def arrived(folder: Path) -> int:
    """Bytes on the disk that are not whole yet."""
    total = 0
    for parent, _, names in os.walk(folder / "home" / "v1" / "ingest"):
        for name in names:
            try:
                total += Path(parent, name).stat().st_blocks * 512
            except OSError:  # it was moved through the door meanwhile
                continue
    return total


def fetched(zoo: LocalZoo) -> int:
    """Bytes of large files that the zoo has sent."""
    return sum(seen.sent for seen in zoo.requests if seen.origin == "cdn")


def wait_for(zoo: LocalZoo, folder: Path, process: subprocess.Popen[str], count: int) -> None:
    """Waits until so many bytes have arrived."""
    while arrived(folder) < count:
        assert process.poll() is None, process.communicate()


@pytest.mark.parametrize(("connections", "moment"), [(1, 0.3), (4, 0.7)])
def test_a_killed_transfer_is_carried_on(big: LocalZoo, tmp_path: Path, connections: int, moment: float) -> None:
    """After kill -9 the next run fetches what is missing, and at most 4 MiB a connection again."""
    extra = {"ZOOCLIENT_CONNECTIONS": str(connections), "ZOOCLIENT_PIECE_SIZE": str(4 * 2**20)}
    slow = big.fail("*.safetensors", Slow(12 * 2**20))
    process = begin(big, tmp_path, **extra)
    wait_for(big, tmp_path, process, int(moment * SIZE))
    process.kill()
    process.communicate()
    there = arrived(tmp_path)
    assert visible(tmp_path / "home") == []
    big.heal(slow)
    big.forget()
    again = begin(big, tmp_path, **extra)
    out, told = again.communicate(timeout=60)
    assert again.returncode == 0, told
    assert fetched(big) <= SIZE - there + connections * STEP
    with Client(home=tmp_path / "home", endpoints=big.endpoints) as client:
        assert client.verify(reference(big)).ok
        assert client.load(reference(big)).path == Path(out.strip())


def test_a_transfer_that_is_killed_again_and_again_ends(big: LocalZoo, tmp_path: Path) -> None:
    """Each attempt goes on from the last, however often it dies: together they cost little more than one."""
    big.fail("*.safetensors", Slow(24 * 2**20))
    total = 0
    for part in (1, 2, 3):
        process = begin(big, tmp_path, ZOOCLIENT_CONNECTIONS="1")
        wait_for(big, tmp_path, process, part * SIZE // 4)
        process.kill()
        process.communicate()
        total = fetched(big)
    assert total < SIZE + 3 * STEP
    big.heal()
    last = begin(big, tmp_path, ZOOCLIENT_CONNECTIONS="1")
    _, told = last.communicate(timeout=60)
    assert last.returncode == 0, told
    assert fetched(big) < 1.25 * SIZE + 3 * STEP


def test_who_waits_for_a_killed_process_takes_over(big: LocalZoo, tmp_path: Path) -> None:
    """Two want the same; the one that fetches is killed: the other goes on with what has arrived."""
    slow = big.fail("*.safetensors", Slow(8 * 2**20))
    first = begin(big, tmp_path, ZOOCLIENT_CONNECTIONS="1")
    wait_for(big, tmp_path, first, SIZE // 4)
    with Client(home=tmp_path / "home", endpoints=big.endpoints) as second:
        job = second.start(reference(big))
        # It is under way, and nothing of it moves, because the bytes are the other's business.
        wait_for(big, tmp_path, first, SIZE // 2)
        assert job.progress().bytes_done == 0
        first.kill()
        first.communicate()
        big.heal(slow)
        snapshot = job.result(timeout=60)
        assert second.verify(snapshot).ok
    assert fetched(big) < SIZE + 2 * STEP
