"""A warm load of a pinned reference: in process, and as a whole process."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from statistics import median

from measure import Options, Row, alone, environment, folder, in_turns, spent

from zooclient import Client
from zooclient.embedded import zoo_folder
from zooclient.testing import LocalZoo

LOADS = 300
FACTOR = 5


def benchmark(options: Options) -> list[Row]:
    """Loads the embedded model again and again, after its zoo has gone."""
    with folder(options, "zooclient-warm") as home:
        with LocalZoo(zoo_folder()) as zoo, Client(home=home, endpoints=zoo.endpoints) as client:
            pin = str(client.resolve("hf:zooclient/digits@main").ref)
            client.load(pin)
            endpoints = dict(zoo.endpoints)
        return [_in_process(home, endpoints, pin), _whole(options, home, endpoints, pin)]


def _in_process(home: Path, endpoints: dict[str, str], pin: str) -> Row:
    opened: list[str] = []
    sys.addaudithook(lambda event, _: opened.append(event) if event.startswith("socket.") else None)
    client = Client(home=home, endpoints=endpoints)
    client.load(pin)
    took = []
    for _ in range(LOADS):
        began = time.perf_counter()
        client.load(pin)
        took.append(time.perf_counter() - began)
    middle = sorted(took)[len(took) // 2] * 1000
    return Row(
        "warm `load` of a pinned reference, in process",
        "≤ 1 ms and no socket",
        f"{middle:.2f} ms (median of {LOADS}), {len(opened)} sockets",
        middle <= 1 and not opened,
    )


def _whole(options: Options, home: Path, endpoints: dict[str, str], pin: str) -> Row:
    environ = environment()
    load = f"import zooclient; zooclient.Client(home={str(home)!r}, endpoints={endpoints!r}).load({pin!r})"

    def whole(code: str) -> float:
        return spent((sys.executable, "-c", code), environ).wall

    sides = {"load": partial(whole, load), "attrs": partial(whole, "import attrs, json")}
    took = in_turns(sides, FACTOR * options.turns)
    # Turn by turn: a process of some ten milliseconds has its luckiest moment by chance, and not each side the same.
    ratio = median(load / attrs for load, attrs in zip(took["load"], took["attrs"], strict=True))
    middle = {name: median(values) * 1000 for name, values in took.items()}
    return Row(
        "warm `load` of a pinned reference, whole process",
        "≤ 1.5 × `python -c 'import attrs, json'`",
        f"{ratio:.2f} × ({middle['load']:.0f} ms, {middle['attrs']:.0f} ms)",
        ratio <= 1.5,
    )


if __name__ == "__main__":
    alone(benchmark)
