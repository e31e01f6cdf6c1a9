"""A search over several zoos, one of which is slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import partial

import fourzoos
from measure import Options, Row, alone, in_turns
from smallzoos import NAMES, ROWS, running

from zooclient import AsyncClient, Client

DELAY = 0.3
BAR = 1.15
FACTOR = 3


def benchmark(options: Options) -> list[Row]:
    """The whole search against the slow zoo alone, and when the hits of the fast ones are there."""
    return [*_small(options), _four(options)]


def _four(options: Options) -> Row:
    """The same over the four zoos as they speak."""
    slow = fourzoos.NAMES[-1]
    with fourzoos.running(slow, DELAY) as client:
        sides = {"alone": partial(_found, client, (slow,)), "all": partial(_found, client, fourzoos.NAMES)}
        took = in_turns(sides, FACTOR * options.turns)
    best = {name: min(values) for name, values in took.items()}
    return Row(
        f"search over the four zoos, Replicate slow by {DELAY * 1000:.0f} ms",
        f"≤ {BAR} × the slowest alone",
        f"{best['all'] / best['alone']:.3f} × ({best['all'] * 1000:.0f} ms, {best['alone'] * 1000:.0f} ms)",
        best["all"] <= BAR * best["alone"],
    )


def _found(client: Client, zoos: tuple[str, ...]) -> float:
    began = time.perf_counter()
    hits = client.search("whisper", zoos=zoos)
    count = sum(1 for _ in hits)
    took = time.perf_counter() - began
    assert not hits.problems and count == fourzoos.ROWS * len(zoos), (hits.problems, count)
    return took


def _small(options: Options) -> list[Row]:
    with running(options, dict(zip(NAMES, (0, 0, DELAY), strict=True))) as endpoints:
        sides = {
            "alone": partial(_plain, endpoints, NAMES[-1:]),
            "all": partial(_plain, endpoints, NAMES),
            "async": partial(_async, endpoints, NAMES),
            "first": partial(_plain, endpoints, NAMES, 2 * ROWS),
        }
        took = in_turns(sides, FACTOR * options.turns)
    best = {name: min(values) for name, values in took.items()}
    rows = [
        Row(
            f"search over three zoos, one slow by {DELAY * 1000:.0f} ms{how}",
            f"≤ {BAR} × the slowest alone",
            f"{best[name] / best['alone']:.3f} × ({best[name] * 1000:.0f} ms, {best['alone'] * 1000:.0f} ms)",
            best[name] <= BAR * best["alone"],
        )
        for name, how in (("all", ""), ("async", ", `AsyncClient`"))
    ]
    late = max(took["first"])
    return [
        *rows,
        Row(
            f"all {2 * ROWS} hits of the fast zoos in that search, latest of {len(took['first'])}",
            "before the slow one answers",
            f"{late * 1000:.0f} ms",
            late < DELAY,
        ),
    ]


def _plain(endpoints: Mapping[str, str], zoos: tuple[str, ...], wanted: int | None = None) -> float:
    """Seconds to the last hit, or to the one that was wanted."""
    with Client(endpoints=endpoints) as client:
        began = time.perf_counter()
        hits = client.search(zoos=zoos)
        count = 0
        for _ in hits:
            count += 1
            if count == wanted:
                break
        took = time.perf_counter() - began
        hits.close()
    assert count == (wanted or ROWS * len(zoos))
    return took


def _async(endpoints: Mapping[str, str], zoos: tuple[str, ...]) -> float:
    async def walk() -> float:
        async with AsyncClient(endpoints=endpoints) as client:
            began = time.perf_counter()
            found = [hit async for hit in client.search(zoos=zoos)]
            took = time.perf_counter() - began
        assert len(found) == ROWS * len(zoos)
        return took

    return asyncio.run(walk())


if __name__ == "__main__":
    alone(benchmark)
