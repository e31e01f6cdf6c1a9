"""What the tests of bad input and bad luck share: clients that lose patience soon, and what each failure owes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

import zooclient
from zooclient import Client, ZooError
from zooclient.settings import Limits, Settings
from zooclient.testing import LocalZoo

E = TypeVar("E", bound=ZooError)

#: Where the package under test is imported from, installed or not.
ROOT = Path(zooclient.__file__).parents[1]

#: Bounds that a test can wait for.
IMPATIENT: dict[str, Any] = {
    "retries": 2,
    "backoff_base": 0.01,
    "backoff_max": 0.02,
    "connect_timeout": 5.0,
    "read_timeout": 0.5,
    "stall_timeout": 0.5,
    "max_wait": 1.0,
}


def client_at(zoo: LocalZoo, home: Path, *, limits: dict[str, Any] | None = None, **settings: Any) -> Client:
    """Returns a client of a zoo that loses patience soon, and with that zoo alone."""
    made = Settings(**{"failover": False, "limits": Limits(**(IMPATIENT | (limits or {}))), **settings})
    return Client(home=home, endpoints=zoo.endpoints, settings=made)


def pin(zoo: LocalZoo, model: str = "org/tiny") -> str:
    """Returns the pinned reference of what a model is now."""
    return f"hf:{model}@{zoo.head(model)}"


def visible(home: Path) -> list[Path]:
    """Returns the files that a reader of the store may see."""
    return [path for path in (home / "v1" / "snapshots").rglob("*") if path.is_file()]


def ends(kind: type[E], act: Callable[[], object], home: Path) -> E:
    """Lets something fail, and holds the failure to what each owes: a sentence, and nothing half visible."""
    with pytest.raises(kind) as caught:
        act()
    error = caught.value
    assert type(error) is kind, f"{type(error).__name__} and not {kind.__name__}: {error}"
    assert error.message.endswith("."), error.message
    assert error.ref, "it says what it is about"
    assert visible(home) == []
    return error


def carries_on(client: Client, zoo: LocalZoo, ref: str) -> None:
    """The next run, with nothing in its way, ends in a whole model."""
    zoo.heal()
    snapshot = client.download(ref)
    assert snapshot.files
    assert client.verify(snapshot).ok


def environment(zoo: LocalZoo, home: Path, **extra: str) -> dict[str, str]:
    """The least that a process needs, so that nothing of this machine's settings leaks in."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    ours = {
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "ZOOCLIENT_HOME": str(home / "home"),
        "ZOOCLIENT_HF_ENDPOINT": zoo.endpoints["hf"],
    }
    return kept | ours | extra


@contextmanager
def disk(place: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A small file system of its own; gives a function that changes its options. Skips where none can be mounted."""
    place.mkdir()
    if shutil.which("mount") is None or _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)):
        pytest.skip("a file system can be mounted by root on Linux only")

    def change(options: str) -> None:
        assert _run("mount", "-o", f"remount,{options}", str(place)) == 0

    try:
        yield change
    finally:
        assert _run("umount", str(place)) == 0


def _run(*words: str) -> int:
    return subprocess.run(words, capture_output=True, check=False).returncode
