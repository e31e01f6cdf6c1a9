"""Runs every benchmark, each in a process of its own, and writes the table: ``python benchmarks/run.py --write PAGE``.

Exit 0: every bar was met. Exit 1: one was missed, or a benchmark failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from measure import GIB, MIB, Row, needed

from zooclient import __version__

HERE = Path(__file__).resolve().parent
SCRIPTS = (
    *("start", "warm", "requests", "search", "resolves", "run"),
    *("download", "capped", "cpu", "memory", "kill", "failover"),
)
BEGIN, END = "<!-- benchmarks:begin -->", "<!-- benchmarks:end -->"


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*SCRIPTS, []], help="benchmarks to run (default: all)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="page between whose marks the table goes")
    parser.add_argument("--no-write", action="store_true", help="write no page, whatever --write says")
    parser.add_argument("--smoke", action="store_true", help="little work: proves that they run, not what they measure")
    parser.add_argument("--size", type=int, help="bytes of the large file (default: 2 GiB)")
    parser.add_argument("--turns", type=int, help="turns of each side (default: 7)")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where files are put")
    given = parser.parse_args()
    size = given.size or (192 * MIB if given.smoke else 2 * GIB)
    turns = given.turns or (1 if given.smoke else 7)
    needed("nginx", "aria2c", "curl", "openssl")
    rows = []
    for name in given.names or SCRIPTS:
        print(f"… {name}", flush=True)
        rows += _run(name, size, turns, given.folder)
    table = _table(rows, size, turns)
    print(table)
    if given.write and not given.no_write:
        if given.names:
            sys.exit("A part of the benchmarks does not make the table; leave --write out.")
        _write(given.write, table)
    # A smoke run is too short to measure: that it ran is all it tells.
    return 0 if given.smoke or all(row.met for row in rows) else 1


def _run(name: str, size: int, turns: int, folder: Path) -> list[Row]:
    script = HERE / f"bench_{name}.py"
    words = ["--json", f"--size={size}", f"--turns={turns}", f"--folder={folder}"]
    done = subprocess.run([sys.executable, str(script), *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{script.name} ended with {done.returncode}")
    return [Row(**row) for row in json.loads(done.stdout.splitlines()[-1])]


def _table(rows: list[Row], size: int, turns: int) -> str:
    lines = ["| what | bar | measured | |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.bar} | {row.measured} | {'met' if row.met else '**missed**'} |" for row in rows]
    lines += ["", f"{_machine()}; {size / GIB:.2g} GiB, {turns} turns; {datetime.now(UTC).date().isoformat()}."]
    return "\n".join(lines)


def _machine() -> str:
    from importlib.metadata import version

    said = {
        "nginx": subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr.split("/")[-1],
        "curl": subprocess.run(["curl", "-V"], capture_output=True, text=True, check=True).stdout.split()[1],
        "aria2": subprocess.run(["aria2c", "-v"], capture_output=True, text=True, check=True).stdout.split()[2],
    }
    tools = ", ".join(f"{name} {text.strip()}" for name, text in said.items())
    return (
        f"zooclient {__version__} on Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores; {tools}, huggingface_hub {version('huggingface_hub')}"
    )


def _write(page: Path, table: str) -> None:
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{page} has no marks to write between.")
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
