"""A search of several zoos: side by side, in an order that is explained, and nothing left under way."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zoodoubles
from attrs import evolve
from zoodoubles import ABLE, CAN, NAMES, Colour, Listing, doubles, threads

import zooclient
from zooclient import AccessError, AsyncClient, Client, NetworkError, Offline
from zooclient.testing import LocalZoo


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> Iterator[Colour]:
    made = Colour(request.param)
    yield made
    made.close()


def test_all_zoos_are_asked_at_the_same_time(colour: Colour, tmp_path: Path) -> None:
    """No zoo is asked after another: each answers here only when all three have been asked."""
    meet = threading.Barrier(3)
    with doubles(tmp_path, **{name: Listing([f"a/{name}"], meet=meet) for name in NAMES}) as endpoints:
        assert sorted(colour.search(endpoints).rest()) == ["one:a/one", "three:a/three", "two:a/two"]


def test_fast_zoos_are_heard_before_a_slow_one(colour: Colour, tmp_path: Path) -> None:
    """The hits of zoos that have answered are given while another is silent; it takes its turns when it answers."""
    gate = threading.Event()
    slow = Listing(["s/1", "s/2"], gate=gate)
    with doubles(tmp_path, one=Listing(["a/1", "a/2"]), two=slow, three=Listing(["c/1", "c/2"])) as endpoints:
        walk = colour.search(endpoints)
        early = [walk.next() for _ in range(4)]
        assert {ref.partition(":")[0] for ref in early} == {"one", "three"}
        assert not gate.is_set()
        gate.set()
        assert walk.rest() == ["two:s/1", "two:s/2"]


def test_a_fast_zoo_leaves_room_for_a_slow_one(colour: Colour, tmp_path: Path) -> None:
    """With a limit no zoo takes more than its even share before all have answered, and the limit is one for all."""
    gate = threading.Event()
    many = [f"a/{number}" for number in range(20)]
    with doubles(tmp_path, one=Listing(many, size=20), two=Listing(["s/1"], gate=gate)) as endpoints:
        walk = colour.search(endpoints, zoos=["one", "two"], limit=6)
        early = [walk.next() for _ in range(3)]
        gate.set()
        assert early == ["one:a/0", "one:a/1", "one:a/2"]
        assert walk.rest() == ["two:s/1", "one:a/3", "one:a/4"]


def test_the_highest_number_comes_first(colour: Colour, tmp_path: Path) -> None:
    """An order of numbers holds over all zoos, whichever answers first, and hits without one keep their place."""
    gate = threading.Event()
    rows: dict[str, list[dict[str, Any]]] = {
        "one": [{"id": "a/9", "downloads": 9}, {"id": "a/none"}, {"id": "a/3", "downloads": 3}],
        "two": [{"id": "b/8", "downloads": 8}, {"id": "b/1", "downloads": 1}],
    }
    with doubles(tmp_path, one=Listing(rows["one"], opens=gate), two=Listing(rows["two"], gate=gate)) as endpoints:
        walk = colour.search(endpoints, zoos=["one", "two"], sort="downloads")
        assert walk.rest() == ["one:a/9", "one:a/none", "two:b/8", "one:a/3", "two:b/1"]


@pytest.mark.parametrize("sort", ["likes", "updated", "created"])
def test_other_orders_are_kept_too(colour: Colour, tmp_path: Path, sort: str) -> None:
    """Likes and times are merged as downloads are, newest first."""
    field = {"likes": "likes", "updated": "updated_at", "created": "created_at"}[sort]
    odd, even = ([{"id": f"a/{n}", field: n} for n in range(start, 0, -2)] for start in (7, 8))
    with doubles(tmp_path, one=Listing(odd), two=Listing(even)) as endpoints:
        walk = colour.search(endpoints, zoos=["one", "two"], sort=sort)
        assert [ref.rpartition("/")[2] for ref in walk.rest()] == list("87654321")


def test_who_cannot_sort_comes_last(colour: Colour, tmp_path: Path) -> None:
    """A zoo that lacks the order neither spoils nor delays it: its hits stand behind, and that is told."""
    gate = threading.Event()
    with doubles(tmp_path, one=Listing(["a/1"], gate=gate), two=Listing([{"id": "b/1", "likes": 1}])) as endpoints:
        CAN["one"] = evolve(ABLE, sorts=())
        walk = colour.search(endpoints, zoos=["one", "two"], sort="likes")
        assert walk.next() == "two:b/1"
        gate.set()
        assert walk.rest() == ["one:a/1"]
        assert walk.hits.unapplied == {"one": ("sort",)}


def test_no_page_is_asked_before_it_is_needed(colour: Colour, tmp_path: Path) -> None:
    """A next page is asked for when the hits of the one before are used up, and none beyond the limit."""
    one, two = Listing([f"a/{n}" for n in range(9)], size=3), Listing(["b/1"])
    with doubles(tmp_path, one=one, two=two) as endpoints:
        walk = colour.search(endpoints, zoos=["one", "two"])
        assert (one.asked, two.asked) == ([], []), "nothing is asked before the first hit is wanted"
        taken = 0
        while taken < 3:
            taken += walk.next().startswith("one")
        assert [told.get("cursor") for told in one.asked] == [None]
        assert len(walk.rest()) >= 6
        assert [told.get("cursor") for told in one.asked] == [None, "3", "6"]
        assert len(two.asked) == 1, "a zoo that has told all is not asked again"
        one.asked.clear()
        assert len(colour.search(endpoints, zoos=["one", "two"], limit=4).rest()) == 4
        assert len(one.asked) == 1


def test_a_model_that_is_listed_twice_is_given_once(colour: Colour, tmp_path: Path) -> None:
    """A listing that moves while it is walked shows a model on two pages."""
    with doubles(tmp_path, one=Listing(["a/1", "a/2", "a/2", "a/3"]), two=Listing(["a/1"])) as endpoints:
        found = colour.search(endpoints, zoos=["one", "two"]).rest()
        assert sorted(found) == ["one:a/1", "one:a/2", "one:a/3", "two:a/1"]


def test_what_fails_is_told_and_the_others_go_on(colour: Colour, tmp_path: Path) -> None:
    """The error of each zoo is in ``problems``; asked alone, it is raised, and nothing more comes."""
    with doubles(tmp_path, one=Listing(status=500), two=Listing(["b/1"]), three=Listing(status=404)) as endpoints:
        walk = colour.search(endpoints)
        assert walk.rest() == ["two:b/1"]
        assert {zoo: type(error) for zoo, error in walk.hits.problems.items()} == {
            "one": NetworkError,
            "three": NetworkError,
        }
        assert walk.hits.skipped == {}
        alone = colour.search(endpoints, zoos=["one"])
        with pytest.raises(NetworkError):
            alone.next()
        assert alone.rest() == []


def test_a_zoo_that_needs_a_login_is_skipped(colour: Colour, tmp_path: Path) -> None:
    """Who says so beforehand is not asked, who says so by 401 is no failure; a wrong token is one."""
    one, two = Listing(["a/1"]), Listing(status=401)
    with doubles(tmp_path, one=one, two=two, three=Listing(["c/1"])) as endpoints:
        CAN["one"] = evolve(ABLE, search_login=True)
        walk = colour.search(endpoints)
        assert walk.rest() == ["three:c/1"]
        assert set(walk.hits.skipped) == {"one", "two"}
        assert all("zooclient login" in reason for reason in walk.hits.skipped.values())
        assert (walk.hits.problems, one.asked) == ({}, [])
        walk = colour.search(endpoints, tokens={"one": "t-1", "two": "t-2"})
        assert sorted(walk.rest()) == ["one:a/1", "three:c/1"]
        assert one.tokens == ["Bearer t-1"]
        assert walk.hits.skipped == {}
        assert isinstance(walk.hits.problems["two"], AccessError)


@pytest.mark.parametrize("zoo", ["one", "two"])
def test_a_zoo_asked_alone_for_want_of_a_login_raises(colour: Colour, tmp_path: Path, zoo: str) -> None:
    """Asked alone, a zoo that needs a login is an AccessError that tells how to log in."""
    with doubles(tmp_path, one=Listing(["a/1"]), two=Listing(status=401)) as endpoints:
        CAN["one"] = evolve(ABLE, search_login=True)
        with pytest.raises(AccessError, match=zoo) as caught:
            colour.search(endpoints, zoos=[zoo]).next()
        assert f"zooclient login {zoo}" in (caught.value.hint or "")


@pytest.mark.parametrize("zoos", [["one"], ["one", "two"], None])
def test_offline_is_one_clear_error(colour: Colour, tmp_path: Path, zoos: list[str] | None) -> None:
    """With connections switched off a search is an Offline error at once, not an empty list of hits."""
    one, two = Listing(["a/1"]), Listing(["b/1"])
    with doubles(tmp_path, one=one, two=two) as endpoints, pytest.raises(Offline, match="switched off"):
        colour.search(endpoints, zoos=zoos, offline=True)
    assert (one.asked, two.asked) == ([], [])


def test_without_a_name_every_zoo_that_can_is_asked(colour: Colour, tmp_path: Path, zoo: LocalZoo) -> None:
    """Ours and those of installed packages are asked, and one that cannot be searched is no problem."""
    with doubles(tmp_path, one=Listing(["a/tiny"]), two=Listing(["b/tiny"])) as endpoints:
        CAN["two"] = evolve(ABLE, search=False)
        quiet = {name: os.environ[f"ZOOCLIENT_{name.upper()}_ENDPOINT"] for name in ("modelscope", "civitai")}
        walk = colour.search({**endpoints, **quiet, "hf": zoo.endpoints["hf"]}, "tiny", zoos=None)
        assert sorted(walk.rest()) == ["hf:org/tiny", "one:a/tiny"]
        assert walk.hits.problems == {}


# -- nothing stays behind -------------------------------------------------------------------------


def _close(walk: zoodoubles.Walk) -> None:
    walk.close()


def _drop(walk: zoodoubles.Walk) -> None:
    walk.hits = None
    gc.collect()


@pytest.mark.parametrize("end", [_close, _drop])
def test_an_iterator_that_is_let_go_ends_what_is_under_way(
    colour: Colour, tmp_path: Path, end: Callable[[zoodoubles.Walk], None]
) -> None:
    """A zoo that stays silent keeps neither a thread nor a task alive when the iterator is closed or dropped."""
    gate = threading.Event()
    with doubles(tmp_path, one=Listing(["a/1"]), two=Listing(gate=gate)) as endpoints:
        walk = colour.search(endpoints, zoos=["one", "two"])
        assert walk.next() == "one:a/1"
        end(walk)
        assert not gate.is_set()
        assert threads() == set()
        if colour._runner is not None:
            assert colour._runner.run(_others()) == 0
        assert walk.hits is None or walk.rest() == []


async def _others() -> int:
    """Tasks that do not end by themselves."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=zoodoubles.PATIENCE)
    return len(asyncio.all_tasks()) - 1


def test_a_search_that_is_used_up_leaves_nothing(colour: Colour, tmp_path: Path) -> None:
    """When the last hit is taken, or the limit is reached while a zoo is silent, nothing is under way any longer."""
    gate = threading.Event()
    with doubles(tmp_path, one=Listing(["a/1", "a/2"]), two=Listing(gate=gate)) as endpoints:
        CAN["two"] = evolve(ABLE, sorts=())  # so that nobody waits for it
        walk = colour.search(endpoints, zoos=["one", "two"], sort="likes", limit=1)
        assert walk.rest() == ["one:a/1"]
        assert threads() == set()
        gate.set()
        walk = colour.search(endpoints, zoos=["one", "two"])
        assert walk.rest() == ["one:a/1", "one:a/2"]
        assert threads() == set()


def test_a_cancelled_task_ends_its_search(tmp_path: Path) -> None:
    """Cancelling the task that waits for a hit ends the questions of its search, too."""
    gate, reached = threading.Event(), threading.Event()

    async def walk(endpoints: dict[str, str]) -> None:
        async with AsyncClient(endpoints=endpoints) as client:
            hits = client.search(zoos=["one", "two"], sort="likes")
            before = asyncio.all_tasks()
            task = asyncio.ensure_future(anext(hits))
            await asyncio.to_thread(reached.wait, zoodoubles.PATIENCE)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert asyncio.all_tasks() == before
            assert [hit async for hit in hits] == []

    one, two = Listing(["a/1"]), Listing(gate=gate, reached=reached)
    with doubles(tmp_path, one=one, two=two) as endpoints:
        asyncio.run(asyncio.wait_for(walk(endpoints), 30))


def _workers() -> int:
    """Threads that event loops have made for calls that block."""
    return sum(thread.name.startswith("asyncio") for thread in threading.enumerate())


def test_an_async_search_makes_no_thread(tmp_path: Path) -> None:
    """Zoos are tasks of the one event loop, a plain search has one thread however many zoos there are."""
    seen: list[set[str]] = []

    async def walk(endpoints: dict[str, str]) -> None:
        async with AsyncClient(endpoints=endpoints) as client:
            seen.extend([threads() async for _ in client.search(zoos=NAMES)])

    with doubles(tmp_path, **{name: Listing(["a/1", "a/2", "a/3"]) for name in NAMES}) as endpoints:
        before = _workers()
        asyncio.run(walk(endpoints))
        assert seen == [set()] * 9
        assert _workers() == before
        with Client(endpoints=endpoints) as client:
            hits = client.search(zoos=NAMES)
            next(hits)
            assert threads() == {"zooclient-beside"}
            assert len(list(hits)) == 8
            next(client.search(zoos="one"))
            assert threads() == set(), "a zoo asked alone is asked where the caller stands"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_search_goes_on_after_a_fork(zoo: LocalZoo, tmp_path: Path) -> None:
    """In a child the iterator that was under way goes on, new searches work, and the parent's is not disturbed."""
    for number in range(3):
        zoo.commit(f"org/more-{number}", {"config.json": "{}"})
    code = """
import os, sys, zooclient
client = zooclient.Client.from_env()
wanted = sorted(str(hit.ref) for hit in client.search("", zoos=["hf", "ms"]))
hits = client.search("", zoos=["hf", "ms"])
first = str(next(hits).ref)
child = os.fork()
told = sorted([first, *(str(hit.ref) for hit in hits)]) == wanted
told = told and sorted(str(hit.ref) for hit in client.search("", zoos=["hf", "ms"])) == wanted and len(wanted) > 3
hits.close()
if child == 0:
    sys.stdout.flush()
    os._exit(0 if told else 3)
_, status = os.waitpid(child, 0)
print(told, os.waitstatus_to_exitcode(status))
"""
    environ = {
        **os.environ,
        "PYTHONPATH": str(Path(zooclient.__file__).parents[1]),
        "ZOOCLIENT_HOME": str(tmp_path),
        "ZOOCLIENT_CONFIG": str(tmp_path / "config.toml"),
        "ZOOCLIENT_HF_ENDPOINT": zoo.endpoints["hf"],
    }
    words = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", code]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("True 0\n", "")


def test_a_search_that_is_still_held_does_not_hold_the_interpreter(zoo: LocalZoo, tmp_path: Path) -> None:
    """A program may end with a search under way: at once, and without a word."""
    code = """
import zooclient
client = zooclient.Client.from_env()
hits = client.search("", zoos=["hf", "ms"])
print(next(hits).ref)
"""
    environ = {
        **os.environ,
        "PYTHONPATH": str(Path(zooclient.__file__).parents[1]),
        "ZOOCLIENT_HOME": str(tmp_path),
        "ZOOCLIENT_CONFIG": str(tmp_path / "config.toml"),
        "ZOOCLIENT_HF_ENDPOINT": zoo.endpoints["hf"],
    }
    words = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.startswith("hf:org/"), done.stderr, done.returncode) == (True, "", 0)
