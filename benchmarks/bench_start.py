"""What it costs to import zooclient, and to ask the command line for help."""

from __future__ import annotations

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

    sides = {
        "bare": partial(whole, "-c", "pass"),
        "zooclient": partial(whole, "-c", "import zooclient"),
        "attrs": partial(whole, "-c", "import attrs"),
        "click": partial(whole, "-c", "import click"),
        "help": partial(whole, "-m", "zooclient", "--help"),
    }
    best = {name: min(values) for name, values in in_turns(sides, FACTOR * options.turns).items()}
    ours = max(0.0, best["zooclient"] - best["bare"])
    theirs = best["attrs"] - best["bare"]
    ratio, helped = ours / theirs, best["help"] / best["click"]
    return [
        Row(
            "`import zooclient`, over bare Python",
            "≤ 0.5 × what `import attrs` costs over it",
            f"{ratio:.2f} × ({ours * 1000:.1f} ms, {theirs * 1000:.1f} ms)",
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
