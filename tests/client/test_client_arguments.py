"""What a program may hand to the clients, and what it is told when it may not."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zooclient import AccessError, AsyncClient, Cancelled, Client, ConfigError, NotFound, RefError, Reporter
from zooclient.client.making import cancel_of
from zooclient.net.cancel import Cancel
from zooclient.testing import LocalZoo, Slow


def pin(zoo: LocalZoo) -> str:
    return f"hf:org/tiny@{zoo.head('org/tiny')}"


@pytest.mark.parametrize(
    "call",
    [
        lambda client, hit: client.load(hit),
        lambda client, hit: client.plan(hit),
        lambda client, hit: client.card(hit),
        lambda client, hit: client.file(hit, "config.json"),
        lambda client, hit: client.resolve(hit),
        lambda client, hit: client.verify(hit),
    ],
)
def test_a_hit_is_not_mistaken_for_a_record(zoo: LocalZoo, tmp_path: Path, call: Callable[[Any, Any], object]) -> None:
    """What is no reference, record or plan is a TypeError that names its type."""
    with Client(home=tmp_path, endpoints=zoo.endpoints) as client:
        hit = next(client.search("tiny", zoos="hf"))
        with pytest.raises(TypeError, match="Hit"):
            call(client, hit)
        assert client.load(str(client.resolve(hit.ref).ref)).path.is_dir()


@pytest.mark.parametrize("filters", [{"limit": -1}, {"sort": "best"}, {"colour": "red"}, {"min_parameters": -1}])
def test_a_filter_that_cannot_be_is_a_setting_error(zoo: LocalZoo, filters: dict[str, Any]) -> None:
    """A wrong filter, order or bound is a ConfigError before anybody is asked."""
    with Client(endpoints=zoo.endpoints) as client, pytest.raises(ConfigError):
        client.search("x", **filters)
    assert zoo.requests == []


@pytest.mark.parametrize("options", [{"endpoints": {"hugginface": "http://127.0.0.1"}}, {"tokens": {"nowhere": "t"}}])
def test_a_mistyped_zoo_is_not_passed_over(options: dict[str, Any]) -> None:
    """An endpoint or a token for a scheme that nobody provides is refused, not ignored."""
    with pytest.raises(RefError, match="No zoo is known"):
        Client(**options)


def test_an_empty_folder_or_no_deadline_is_refused(zoo: LocalZoo, tmp_path: Path) -> None:
    """An empty ``to`` does not mean the current folder, and nan is no deadline."""
    with Client(home=tmp_path, endpoints=zoo.endpoints) as client:
        with pytest.raises(ConfigError, match="empty"):
            client.download(pin(zoo), to="")
        with pytest.raises(ConfigError, match="nan"):
            client.download(pin(zoo), deadline=float("nan"))


def test_a_file_is_named_and_not_matched(zoo: LocalZoo, tmp_path: Path) -> None:
    """``file`` takes a path as it stands: a pattern is not found, and fetches nothing."""
    with Client(home=tmp_path, endpoints=zoo.endpoints) as client:
        with pytest.raises(NotFound) as caught:
            client.file(pin(zoo), "*.safetensors")
        assert (caught.value.zoo, caught.value.operation) == ("hf", "file")
        assert not [seen for seen in zoo.requests if "safetensors" in seen.path]
        assert client.file(pin(zoo), "sub dir/odd #name.txt").read_text() == "odd"


def test_a_closed_client_begins_anew(zoo: LocalZoo, tmp_path: Path) -> None:
    """After ``close`` a client may be used as before, any number of times."""
    client = Client(home=tmp_path, endpoints=zoo.endpoints)
    for name in ("config.json", "README.md", "model.safetensors"):
        assert client.file(pin(zoo), name).is_file()
        client.resolve("hf:org/tiny")
        client.close()
        client.close()


def test_whoami_without_a_token_says_that(zoo: LocalZoo, tmp_path: Path) -> None:
    """No token and a wrong token are two sentences; a token to try is always asked about."""
    with Client(home=tmp_path, endpoints=zoo.endpoints) as client:
        with pytest.raises(AccessError, match="No token is set"):
            client.whoami("hf")
        assert zoo.requests == []
        assert client.whoami("hf", token=zoo.tokens["hf"]).name == "me"
        with pytest.raises(AccessError, match="does not know the token"):
            client.whoami("hf", token="hf_wrong")


def test_two_deadlines_and_the_sooner_holds() -> None:
    """A deadline of the call and one of the caller's Cancel are both kept."""
    for mine, theirs in ((0.0, 100.0), (100.0, 0.0)):
        joined = cancel_of(Cancel(mine), theirs)
        assert joined is not None
        assert joined.cancelled
    shared = Cancel()
    joined = cancel_of(shared, 100.0)
    assert joined is not None
    joined.check()
    shared.cancel()
    with pytest.raises(Cancelled):
        joined.check()


def test_a_wish_that_lives_long_keeps_nothing_of_what_has_ended() -> None:
    """What was made of a Cancel for one call goes with it, and a chain holds as long as its end is in use."""
    shared = Cancel()
    ended = weakref.ref(shared.child(100.0))
    gc.collect()
    assert ended() is None
    last = shared.child().child(100.0).child()
    gc.collect()
    last.check()
    shared.cancel()
    for late in (last, shared.child()):
        with pytest.raises(Cancelled):
            late.check()


def test_a_cancelled_task_does_not_cancel_those_that_share_its_cancel(zoo: LocalZoo, tmp_path: Path) -> None:
    """Cancelling one task leaves the Cancel that several calls were given as it was."""
    slow = zoo.fail("*.safetensors", Slow(50_000))
    shared = Cancel()

    async def walk() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        class Begun(Reporter):
            def advanced(self, path: str, count: int) -> None:
                loop.call_soon_threadsafe(begun.set)

        async with AsyncClient(home=tmp_path, endpoints=zoo.endpoints) as client:
            task = asyncio.create_task(client.load(pin(zoo), reporter=Begun(), cancel=shared))
            await begun.wait()
            task.cancel()
            with pytest.raises((asyncio.CancelledError, Cancelled)):
                await task
            assert not shared.cancelled
            zoo.heal(slow)
            assert (await client.load(pin(zoo), cancel=shared)).path.is_dir()

    asyncio.run(asyncio.wait_for(walk(), 60))


def test_threads_share_one_client(zoo: LocalZoo, tmp_path: Path) -> None:
    """Many threads with one client get the same model."""
    paths: list[Path] = []
    with Client(home=tmp_path, endpoints=zoo.endpoints) as client:

        def work() -> None:
            record = client.resolve("hf:org/tiny")
            paths.append(client.load(record).path)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(paths) == 8
    assert len(set(paths)) == 1
