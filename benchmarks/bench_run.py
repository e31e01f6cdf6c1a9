"""What a waited run of a hosted model costs beside the server's own time: seconds, and requests."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from measure import Options, Row, alone, folder

from zooclient import Client
from zooclient.serve.replicate.hosted import Made
from zooclient.testing import LocalZoo

MODEL = "bench/paint"
#: Seconds that the model works, and how often it is asked to in a turn.
WORK, RUNS = 0.1, 5
BAR_MS, BAR_REQUESTS = 50, 2


def benchmark(options: Options) -> list[Row]:
    """Runs a model whose answer says that it is under way still, as the zoo's often does, and one that makes a file."""
    with folder(options, "zooclient-run") as home, LocalZoo(zoos=("replicate",)) as zoo:
        zoo.commit(MODEL, {"README.md": "# Paint\n"})
        with Client(home=home, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
            return [_row(client, zoo, options, "a text", _say), _row(client, zoo, options, "a file of 1 MB", _paint)]


def _say(job: Any) -> str:
    job.wait(WORK)
    return str(job.input["prompt"])


def _paint(job: Any) -> Made:
    job.wait(WORK)
    return Made(bytes(1_000_000), "out.png")


def _row(client: Client, zoo: LocalZoo, options: Options, what: str, work: Any) -> Row:
    zoo.replicate.offer(MODEL, output="file" if work is _paint else "string", run=work)
    model = client.open(client.resolve(f"replicate:{MODEL}"))
    model.run(prompt="warm up")
    beside, asked = [], 0
    for _ in range(RUNS * options.turns):
        zoo.forget()
        began = time.perf_counter()
        run = model.run(prompt="a lantern")
        took = time.perf_counter() - began
        beside.append(took - run.metrics["total_time"])
        # What came of it lies elsewhere, and is fetched from there.
        asked = max(asked, sum(seen.origin == "hub" for seen in zoo.requests))
    middle = median(beside) * 1000
    return Row(
        f"a waited run that gives {what}, beside the server's own time",
        f"≤ {BAR_MS} ms and ≤ {BAR_REQUESTS} requests",
        f"{middle:.0f} ms (median of {len(beside)}), {asked} requests",
        middle <= BAR_MS and asked <= BAR_REQUESTS,
    )


if __name__ == "__main__":
    alone(benchmark)
