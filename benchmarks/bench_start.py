"""What it costs to import zooclient, and to ask the command line for help."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from measure import Options, Row, alone, environment, in_turns, spent

#: Imports are short; more turns than the others have cost nothing.
FACTOR = 5


def benchmark(options: Options) -> list[Row]:
    """Imports against attrs, help against click; the best of the turns of each."""
    environ = environment()

    def whole(*words: str) -> float:
        return spent((sys.executable, *words), environ).wall

    def imported(name: str) -> float:
        # Timed inside a new process: the start of one varies more than the import costs.
        code = f"import time; began = time.perf_counter(); import {name}; print(time.perf_counter() - began)"
        done = subprocess.run((sys.executable, "-c", code), env=environ, capture_output=True, text=True, check=True)
        return float(done.stdout)

    sides = {
        "zooclient": partial(imported, "zooclient"),
        "attrs": partial(imported, "attrs"),
        "click": partial(whole, "-c", "import click"),
        "help": partial(whole, "-m", "zooclient", "--help"),
    }
    best = {name: min(values) for name, values in in_turns(sides, FACTOR * options.turns).items()}
    ours, theirs = best["zooclient"], best["attrs"]
    ratio, helped = ours / theirs, best["help"] / best["click"]
    return [
        Row(
            "`import zooclient`, over bare Python",
            "≤ 0.5 × what `import attrs` costs over it",
            f"{ratio:.3f} × ({ours * 1000:.2f} ms, {theirs * 1000:.1f} ms)",
            ratio <= 0.5,
        ),
        Row(
            "`zooclient --help`, whole process",
            "≤ 2 × `python -c 'import click'`",
            f"{helped:.2f} × ({best['help'] * 1000:.0f} ms, {best['click'] * 1000:.0f} ms)",
            helped <= 2,
        ),
    ]


if __name__ == "__main__":
    alone(benchmark)
