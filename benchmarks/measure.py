"""What every benchmark needs: turns side by side, the cost of a process, and rows of the table."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

MIB = 1024 * 1024
GIB = 1024 * MIB

#: Another interpreter of the same environment; ``-m`` so that it works without a console script as well.
ZOOCLIENT = (sys.executable, "-m", "zooclient")


class Row(NamedTuple):
    """One row of the table."""

    what: str
    bar: str
    measured: str
    met: bool


class Cost(NamedTuple):
    """What a process took: seconds on the wall, seconds of CPU, peak resident bytes."""

    wall: float
    cpu: float
    peak: int


class Options(NamedTuple):
    """How much work to do: bytes of the large file, turns of each side, and where to put files."""

    size: int
    turns: int
    folder: Path


#: Starts a command and tells what it took. A process of its own, and a small one: the system counts the memory of the
#: process that starts another as memory of the other.
_WATCH = """
import json, os, subprocess, sys, tempfile, time
with tempfile.TemporaryFile() as said:
    began = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said.seek(0)
        sys.exit(f"ended with {process.returncode}:\\n{said.read().decode('utf-8', 'replace')}")
print(json.dumps([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""


def spent(command: Sequence[str], environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> Cost:
    """Runs a command to its end and returns what it took.

    Raises:
        SystemExit: It failed; what it said is shown.
    """
    watch = (sys.executable, "-I", "-S", "-c", _WATCH, *command)
    done = subprocess.run(watch, env=environ, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    wall, cpu, peak = json.loads(done.stdout)
    # Linux counts in KiB, macOS in bytes.
    return Cost(wall, cpu, peak * (1 if sys.platform == "darwin" else 1024))


def in_turns(sides: Mapping[str, Callable[[], float]], turns: int) -> dict[str, list[float]]:
    """Measures each side once a turn, so that what slows one slows the others; the first turn warms up."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(turns + 1):
        for name, side in sides.items():
            value = side()
            if turn:
                found[name].append(value)
    return found


def environment(**further: str) -> dict[str, str]:
    """The environment of this process without what it says about zoos, and with what is given."""
    told = ("ZOOCLIENT_", "HF_", "HUGGINGFACE_")
    return {**{name: text for name, text in os.environ.items() if not name.startswith(told)}, **further}


@contextmanager
def folder(options: Options, name: str) -> Iterator[Path]:
    """A new folder that is gone afterwards, read-only files included."""
    path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=options.folder))
    try:
        yield path
    finally:
        for place, _, names in os.walk(path):
            for one in names:
                Path(place, one).chmod(0o600)
        shutil.rmtree(path)


def needed(*tools: str) -> None:
    """Ends with a sentence when a tool is missing.

    Raises:
        SystemExit: One is.
    """
    os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        sys.exit(
            f"These are needed on the PATH: {', '.join(missing)} (Debian: apt-get install nginx aria2 curl openssl)"
        )


def alone(benchmark: Callable[[Options], list[Row]]) -> None:
    """Runs one benchmark from the command line and prints its rows."""
    parser = argparse.ArgumentParser(description=sys.modules[benchmark.__module__].__doc__)
    parser.add_argument("--size", type=int, default=2 * GIB, help="bytes of the large file (default: 2 GiB)")
    parser.add_argument("--turns", type=int, default=7, help="turns of each side (default: 7)")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where files are put")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    given = parser.parse_args()
    rows = benchmark(Options(given.size, given.turns, given.folder))
    if given.json:
        print(json.dumps([row._asdict() for row in rows]))
        return
    for row in rows:
        print(f"{'met ' if row.met else 'MISS'}  {row.what}\n      bar {row.bar}; measured {row.measured}")
