"""The async client is the sync one in another colour."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from zooclient import AsyncClient, Cancelled, Client, IntegrityError, Reporter
from zooclient.testing import Flip, LocalZoo, Slow

#: What one of the two has alone, and why.
SYNC_ONLY = {"start", "close"}  # a job is a task there; closing is aclose there
ASYNC_ONLY = {"aclose"}


def _public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_both_clients_have_the_same_names_and_arguments() -> None:
    """Every public method of one exists on the other, with the same parameters and defaults."""
    assert _public(Client) - SYNC_ONLY == _public(AsyncClient) - ASYNC_ONLY
    for name in _public(Client) - SYNC_ONLY:
        ours, theirs = getattr(Client, name), getattr(AsyncClient, name)
        if callable(ours):
            assert inspect.signature(ours).parameters == inspect.signature(theirs).parameters, name


def test_the_async_line(zoo: LocalZoo, tmp_path: Path) -> None:
    """Search, resolve, plan, load, card and verify run natively in a loop."""

    async def walk() -> None:
        async with AsyncClient(home=tmp_path, endpoints=zoo.endpoints) as client:
            hits = [hit async for hit in client.search("tiny", zoos=["hf"])]
            record = await client.resolve(str(hits[0].ref))
            plan = await client.plan(record)
            model = await client.load(plan)
            assert (model.path / "config.json").exists()
            assert (await client.card(record)).section("Tiny") is not None
            assert (await client.verify(str(record.ref))).ok
            assert (await client.file(record, "config.json")).read_text() == '{"model_type": "tiny"}'

    asyncio.run(walk())


def test_many_tasks_share_one_client(zoo: LocalZoo, tmp_path: Path) -> None:
    """Tasks that want the same model at once share one download."""

    async def walk() -> None:
        async with AsyncClient(home=tmp_path, endpoints=zoo.endpoints) as client:
            pinned = f"hf:org/tiny@{zoo.head('org/tiny')}"
            models = await asyncio.gather(*(client.load(pinned) for _ in range(8)))
            assert len({model.path for model in models}) == 1

    asyncio.run(walk())
    weights = [seen for seen in zoo.requests if seen.path.endswith("model.safetensors") and seen.origin == "hub"]
    assert len(weights) == 1


def test_a_cancelled_task_stops_the_threads(zoo: LocalZoo, tmp_path: Path) -> None:
    """Cancelling the awaiting task ends the transfer soon, though it runs in threads."""
    zoo.fail("*.safetensors", Slow(50_000))

    async def walk() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        class Begun(Reporter):
            def advanced(self, path: str, count: int) -> None:
                loop.call_soon_threadsafe(begun.set)

        async with AsyncClient(home=tmp_path, endpoints=zoo.endpoints) as client:
            pinned = f"hf:org/tiny@{zoo.head('org/tiny')}"
            task = asyncio.create_task(client.load(pinned, files="*.safetensors", reporter=Begun()))
            await begun.wait()
            task.cancel()
            with pytest.raises((asyncio.CancelledError, Cancelled)):
                await task

    asyncio.run(asyncio.wait_for(walk(), 20))


def test_errors_are_the_same_in_both_colours(zoo: LocalZoo, tmp_path: Path) -> None:
    """The async client raises the error that the sync one raises."""
    zoo.fail("*.safetensors", Flip())

    async def walk() -> None:
        async with AsyncClient(home=tmp_path, endpoints=zoo.endpoints) as client:
            with pytest.raises(IntegrityError):
                await client.load(f"hf:org/tiny@{zoo.head('org/tiny')}")

    asyncio.run(walk())
