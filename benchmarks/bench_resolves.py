"""A thousand resolves at once through one AsyncClient, against ten."""

from __future__ import annotations

import json
import subprocess
import sys

from measure import MIB, Options, Row, alone, environment, folder
from smallzoos import running

MANY, FEW = 1000, 10
BAR = 1.5

#: Resolves a number of models at once; prints seconds, threads and event loops that were seen, and peak memory.
_CODE = """
import asyncio, json, resource, sys, threading, time
from zooclient import AsyncClient
endpoint, home, many = sys.argv[1], sys.argv[2], int(sys.argv[3])
threads, loops = set(), set()
async def one(client, number):
    record = await client.resolve(f"hf:bench/model-{number}")
    threads.update(thread.name for thread in threading.enumerate())
    loops.add(id(asyncio.get_running_loop()))
    assert record.ref.pinned
async def walk():
    async with AsyncClient(home=home, endpoints={"hf": endpoint}) as client:
        began = time.perf_counter()
        await asyncio.gather(*(one(client, number) for number in range(many)))
        return time.perf_counter() - began
took = asyncio.run(walk())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps([took, len(threads), len(loops), peak]))
"""


def benchmark(options: Options) -> list[Row]:
    """Counts threads and loops, and compares the peak memory of both."""
    with running(options, {"fast1": 0}) as endpoints:
        few = [_resolved(options, endpoints["fast1"], FEW) for _ in range(options.turns)]
        many = [_resolved(options, endpoints["fast1"], MANY) for _ in range(options.turns)]
    threads, loops = max(one[1] for one in many), max(one[2] for one in many)
    seconds, peak, bare = min(one[0] for one in many), max(one[3] for one in many), min(one[3] for one in few)
    return [
        Row(
            f"{MANY} cold resolves at once through `AsyncClient`",
            "one event loop, no thread beside its own",
            f"{loops:.0f} loop, {threads:.0f} thread, {seconds:.2f} s",
            loops == 1 and threads == 1,
        ),
        Row(
            f"peak memory of {MANY} resolves at once",
            f"≤ {BAR} × that of {FEW}",
            f"{peak / bare:.2f} × ({peak / MIB:.0f} MiB, {bare / MIB:.0f} MiB)",
            peak <= BAR * bare,
        ),
    ]


def _resolved(options: Options, endpoint: str, many: int) -> list[float]:
    with folder(options, "zooclient-resolves") as home:
        words = [sys.executable, "-c", _CODE, endpoint, str(home), str(many)]
        done = subprocess.run(words, env=environment(), stdout=subprocess.PIPE, text=True, check=True)
    told: list[float] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    alone(benchmark)
