"""A download that goes on at another zoo: the Hub and ModelScope hold the same bytes, and one of them fails."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from zooclient import (
    AccessError,
    AsyncClient,
    Cancel,
    Cancelled,
    Client,
    ConfigError,
    Gone,
    IntegrityError,
    Limits,
    NetworkError,
    NotFound,
    RefError,
    Reporter,
    Settings,
    Snapshot,
    Unsupported,
    ZooSettings,
)
from zooclient.cli.main import run
from zooclient.cli.output import Desk
from zooclient.testing import Cut, Do, Flip, LocalZoo, Redirect, Slow, Stall, Status

MIB = 2**20
WEIGHTS = random.Random(21).randbytes(6 * MIB + 5)
MORE = random.Random(22).randbytes(2 * MIB + 3)
FILES = {"config.json": b'{"model_type": "big"}', "README.md": b"# Big\n", "model.safetensors": WEIGHTS}
#: Whoever waits for the end of these retries has not left soon.
LIMITS: dict[str, Any] = {
    "retries": 9,
    "backoff_base": 0.05,
    "backoff_max": 5.0,
    "connect_timeout": 0.5,
    "read_timeout": 0.5,
    "stall_timeout": 0.5,
    "piece_size": MIB,
    "journal_step": 64 * 1024,
}


class Told(Reporter):
    """Remembers what was retried, and acts after so many bytes."""

    def __init__(self, after: int = 0, act: Callable[[], object] | None = None) -> None:
        self.after = after
        self.act = act
        self.arrived = 0
        self.retries: list[str] = []
        self._lock = threading.Lock()

    def advanced(self, path: str, count: int) -> None:
        with self._lock:
            self.arrived += count
            act = self.act if self.arrived >= self.after else None
            if act is not None:
                self.act = None
        if act is not None:
            act()

    def retried(self, path: str, reason: str, wait: float) -> None:
        self.retries.append(reason)


@pytest.fixture
def hub() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=("hf",)) as running:
        running.commit("org/big", FILES)
        yield running


@pytest.fixture
def scope() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=("modelscope",)) as running:
        running.commit("org/big", FILES)
        yield running


@pytest.fixture
def make(hub: LocalZoo, scope: LocalZoo, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients of both zoos with one home."""
    with ExitStack() as stack:

        def made(limits: dict[str, Any] | None = None, **options: Any) -> Client:
            settings = Settings(limits=Limits(**(LIMITS | (limits or {}))))
            endpoints = {**hub.endpoints, **scope.endpoints}
            given = {"home": tmp_path / "home", "endpoints": endpoints, "settings": settings, **options}
            return stack.enter_context(Client(**given))

        yield made


def pin(hub: LocalZoo, model: str = "org/big") -> str:
    return f"hf:{model}@{hub.head(model)}"


def body(snapshot: Snapshot, path: str = "model.safetensors") -> bytes:
    return (snapshot.path / path).read_bytes()


def files_asked(scope: LocalZoo) -> list[str]:
    """The questions for bytes at ModelScope, at either of its origins."""
    return [seen.path for seen in scope.requests if seen.path.endswith("/repo") or seen.origin == "cdn"]


def hold(scope: LocalZoo, until: threading.Event) -> threading.Event:
    """Lets ModelScope's answer about the model wait; returns what is set once somebody asks."""
    reached = threading.Event()

    def wait() -> None:
        reached.set()
        until.wait(30)

    scope.fail("/api/v1/models/org/big", Do(wait, times=None))
    return reached


def givers(client: Client, snapshot: Snapshot, path: str = "model.safetensors") -> dict[str, int]:
    """Who gave how many bytes of a file, as the snapshot's manifest keeps it."""
    manifest = json.loads(snapshot.path.with_name(snapshot.path.name + ".json").read_text())
    given: dict[str, int] = manifest["receipts"][path]["sources"]
    return {place.partition("+")[0]: count for place, count in given.items()}


# -- how the first source fails ---------------------------------------------------------------------


def test_a_healthy_download_asks_nobody_else(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """Names and digests are told to another zoo when a source fails, and not before."""
    hub.fail("*.safetensors", Cut(after=100_000))
    snapshot = make().download(pin(hub))
    assert body(snapshot) == WEIGHTS
    assert scope.requests == []


def test_the_first_zoo_dies_midway(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """Not a byte that came is fetched again, and who gave what is told."""
    hub.fail("*.safetensors", Slow(8 * MIB))
    told, client, asked = Told(2 * MIB, hub.stop), make(), pin(hub)
    snapshot = client.download(asked, reporter=told)
    assert body(snapshot) == WEIGHTS
    given = givers(client, snapshot)
    assert set(given) == {"hf", "modelscope"} and sum(given.values()) == len(WEIGHTS) and given["hf"] >= 2 * MIB
    assert any("Next: modelscope" in reason for reason in told.retries)
    assert told.arrived == sum(map(len, FILES.values()))
    assert str(snapshot.ref) == asked and client.verify(snapshot).ok


def test_the_first_zoo_dies_under_the_async_client(hub: LocalZoo, scope: LocalZoo, tmp_path: Path) -> None:
    """The same in the other colour; the loop is free while the search is on."""
    hub.fail("*.safetensors", Slow(8 * MIB))
    told, asked = Told(2 * MIB, hub.stop), pin(hub)

    async def walk() -> None:
        settings = Settings(limits=Limits(**LIMITS))
        endpoints = {**hub.endpoints, **scope.endpoints}
        async with AsyncClient(home=tmp_path, endpoints=endpoints, settings=settings) as client:
            assert body(await client.download(asked, reporter=told)) == WEIGHTS
            found = await client.sources(asked, zoos=["ms"])
            assert [copy.path for copy in found.copies] == ["model.safetensors"]

    asyncio.run(walk())
    assert any("Next: modelscope" in reason for reason in told.retries)


@pytest.mark.parametrize(
    "fault",
    [
        Status(0, origin="cdn", times=None),
        Status(403, origin="cdn", times=None),
        Status(404, origin="cdn", times=None),
        Status(502, origin="cdn", times=None),
        Status(503, origin="cdn", times=None, retry_after=60.0),
        Redirect("http://127.0.0.1:9/blocked"),
        Redirect("https://blocked.invalid/blob"),
        Stall(after=0, times=None, origin="cdn"),
        Stall(after=500_000, times=None, origin="cdn"),
        Cut(after=1000, times=None, origin="cdn"),
        Flip(at=MIB),
    ],
    ids=repr,
)
def test_a_byte_host_that_fails_is_left(
    make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo, fault: Any
) -> None:
    """Blocked, unresolvable, silent, lying or refusing: the metadata answers, and the bytes come from elsewhere."""
    hub.fail("*.safetensors", fault)
    client = make()
    snapshot = client.download(pin(hub))
    assert body(snapshot) == WEIGHTS
    given = givers(client, snapshot)
    assert given["modelscope"] > 0 and sum(given.values()) == len(WEIGHTS)
    assert body(snapshot, "config.json") == FILES["config.json"]


def test_a_file_that_the_zoo_lost_is_taken_elsewhere(
    make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo
) -> None:
    """A 404 for one file moves that one alone: the place is not held to have failed."""
    hub.commit("org/big", {"more.safetensors": MORE})
    scope.commit("org/big", {**FILES, "more.safetensors": MORE}, fresh=True)
    hub.fail("org/big/model.safetensors", Status(404, times=None, headers={"X-Error-Code": "EntryNotFound"}))
    client = make()
    snapshot = client.download(pin(hub))
    assert set(givers(client, snapshot)) == {"modelscope"}
    assert set(givers(client, snapshot, "more.safetensors")) == {"hf"}


def test_a_liar_is_not_asked_again_first(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """Its bytes are thrown away, and the next file begins elsewhere."""
    hub.commit("org/big", {"a.safetensors": MORE})
    scope.commit("org/big", {**FILES, "a.safetensors": MORE}, fresh=True)
    hub.fail("*.safetensors", Flip(at=7))
    client = make({"connections": 1})
    snapshot = client.download(pin(hub))
    assert body(snapshot) == WEIGHTS and body(snapshot, "a.safetensors") == MORE
    assert set(givers(client, snapshot)) == set(givers(client, snapshot, "a.safetensors")) == {"modelscope"}
    lied = [seen for seen in hub.requests if seen.origin == "cdn"]
    assert len({seen.path for seen in lied}) == 1


def test_the_other_way_round(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """No zoo is special: bytes of a model of ModelScope are taken from the Hub."""
    scope.fail("org/big/model.safetensors", Flip())
    client = make()
    snapshot = client.download(f"ms:org/big@{scope.head('org/big', zoo='modelscope')}")
    assert body(snapshot) == WEIGHTS
    assert givers(client, snapshot) == {"hf": len(WEIGHTS)}


def test_two_liars_are_an_error(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """When everybody lies, nothing is visible, and the hint tells of the other."""
    hub.fail("*.safetensors", Flip(at=7))
    scope.fail("org/big/model.safetensors", Flip())
    client = make()
    with pytest.raises(IntegrityError, match="is not what was promised") as caught:
        client.download(pin(hub))
    assert "modelscope" in (caught.value.hint or "")
    assert list((client.store.home / "v1" / "snapshots").rglob("*")) == []


# -- what is elsewhere, and what is not ---------------------------------------------------------------


def test_a_file_without_an_equal_says_so(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """The weights that another zoo has come first; the error tells who was asked, and the next run needs that file."""
    hub.commit("org/big", {"only.safetensors": MORE})
    hub.fail("*.safetensors", Status(502, origin="cdn", times=None))
    client = make({"retries": 2})
    with pytest.raises(NetworkError, match="502") as caught:
        client.download(pin(hub))
    assert "Nobody else has the same bytes as far as known; asked: modelscope." in (caught.value.hint or "")
    plan = client.plan(pin(hub))
    assert [file.path for file in plan.fetch] == ["only.safetensors"]
    hub.heal()
    assert body(client.download(plan), "only.safetensors") == MORE


def test_a_file_without_a_sha256_is_nobody_elses(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """The Hub tells no sha256 of small files, and the same name and size prove nothing."""
    hub.fail("config.json", Status(502, times=None))
    with pytest.raises(NetworkError) as caught:
        make({"retries": 1}).download(pin(hub))
    assert "states no sha256 of config.json" in (caught.value.hint or "")
    assert files_asked(scope) == []


def test_the_same_name_with_other_bytes_is_no_source(
    make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo
) -> None:
    """Only a digest makes a source: a model of the same name with other bytes is not asked for one of them."""
    scope.commit("org/big", {**FILES, "model.safetensors": WEIGHTS[:-1] + b"?"}, fresh=True)
    hub.fail("*.safetensors", Status(502, origin="cdn", times=None))
    with pytest.raises(NetworkError):
        make({"retries": 1}).download(pin(hub))
    assert files_asked(scope) == []


def test_a_model_of_another_owner_is_found(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """The table of owners, and a search for the name, lead to where the same bytes are."""
    hub.fail("*.safetensors", Status(502, origin="cdn", times=None))
    client = make()
    for model, place in (("meta-llama/one", "LLM-Research/one"), ("somebody/TwoB", "mirror-of/twob")):
        files = {"model.safetensors": random.Random(model).randbytes(2 * MIB)}
        hub.commit(model, files)
        scope.commit(place, files, fresh=True)
        snapshot = client.download(pin(hub, model))
        assert givers(client, snapshot) == {"modelscope": 2 * MIB}


def test_failover_can_be_switched_off(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """By argument, by setting, and for one call by naming the model's own zoo."""
    hub.fail("*.safetensors", Status(502, origin="cdn", times=None))
    few = {"retries": 1}
    with pytest.raises(NetworkError):
        make(few, failover=False).download(pin(hub))
    with pytest.raises(NetworkError):
        make(few).download(pin(hub), only_from="hf")
    assert scope.requests == []
    assert not Settings.from_env({"ZOOCLIENT_FAILOVER": "0"}).failover
    assert Settings.from_env({}).failover


def test_strict_mode_goes_on_elsewhere(make: Callable[..., Client], hub: LocalZoo) -> None:
    """The same bytes are the same: strictness is about what a name means, and not about who brings it."""
    hub.fail("*.safetensors", Status(502, origin="cdn", times=None))
    assert body(make(strict=True).download(pin(hub))) == WEIGHTS


def test_where_only_mirrors_may_be_asked_no_zoo_is(
    make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo, tmp_path: Path
) -> None:
    """The air gap holds when a mirror fails, and a zoo that is closed is no place to go on at."""
    record = make().resolve(pin(hub))
    limits = Limits(**(LIMITS | {"retries": 1}))
    closed = ZooSettings(mirrors=("http://127.0.0.1:9",), mirror_policy="only")
    with pytest.raises(NetworkError):
        make(settings=Settings(limits=limits, zoos={"hf": closed})).download(record)
    hub.fail("*.safetensors", Status(502, origin="cdn", times=None))
    with pytest.raises(NetworkError, match="502"):
        make(settings=Settings(limits=limits, zoos={"modelscope": closed})).download(record)
    assert scope.requests == []


# -- who is asked, and what is told -------------------------------------------------------------------


def test_each_zoo_sees_its_own_token_alone(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """Through a failover, each credential goes to its own zoo's endpoint and to no byte host."""
    hub.fail("*.safetensors", Slow(8 * MIB))
    client = make(tokens={**hub.tokens, "ms": scope.tokens["modelscope"]})
    client.download(pin(hub), reporter=Told(2 * MIB, hub.stop))
    ours, theirs = hub.tokens["hf"], scope.tokens["modelscope"]
    assert {seen.origin for seen in hub.requests} == {asked.origin for asked in scope.requests} == {"hub", "cdn"}
    for seen in hub.requests:
        assert seen.headers.get("authorization") == (f"Bearer {ours}" if seen.origin == "hub" else None)
        assert theirs not in f"{seen.path}{seen.query}{seen.headers}"
    for asked in scope.requests:
        assert asked.headers.get("authorization") == (f"Bearer {theirs}" if asked.origin == "hub" else None)
        assert ours not in f"{asked.path}{asked.query}{asked.headers}" and "cookie" not in asked.headers


def test_what_a_server_of_ones_own_says_stays_there(hub: LocalZoo, tmp_path: Path) -> None:
    """A name at an endpoint that is not the zoo's own is told to no zoo whose endpoint was not named as well."""
    hub.fail("*.safetensors", Status(502, origin="cdn", times=None))
    limits = Limits(**{**LIMITS, "retries": 1})
    made = Client(home=tmp_path, endpoints=hub.endpoints, settings=Settings(limits=limits))
    with made as client, pytest.raises(NetworkError) as caught:
        client.download(pin(hub))
    assert "No other zoo was asked" in (caught.value.hint or "")


def test_a_gate_is_not_walked_around(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """An open copy elsewhere is not taken behind a gate's back, not even by hand; who wants it calls it by its name."""
    client, asked = make(), pin(hub)
    hub.gate("org/big")
    for giver in (None, "modelscope"):
        with pytest.raises(AccessError, match="gated"):
            client.download(asked, files="*.safetensors", only_from=giver)
    assert scope.requests == []
    (copy,) = client.sources(asked).copies
    assert copy.record.access.state == "open"
    assert body(client.download(copy.record)) == WEIGHTS


def test_a_gate_that_came_later_wins(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """The record was open when it was read; what the zoo says now counts."""
    client = make()
    record = client.resolve(pin(hub))
    hub.gate("org/big")
    with pytest.raises(AccessError, match="gated"):
        client.download(record)
    hub.gate("org/big", False)
    hub.disable("org/big")
    with pytest.raises(Gone):
        client.download(record)
    assert scope.requests == []


def test_a_gated_model_whose_zoo_fails_is_not_looked_for(
    make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo
) -> None:
    """Only its own zoo can say who is let in; the hint says how to go on."""
    client = make({"retries": 1}, tokens=hub.tokens)
    hub.gate("org/big", readers=("me",))
    hub.fail("*.safetensors", Status(502, origin="cdn", times=None))
    with pytest.raises(NetworkError) as caught:
        client.download(pin(hub))
    assert "is gated, so that nobody else was asked" in (caught.value.hint or "")
    assert "--from" in (caught.value.hint or "") and scope.requests == []


def test_a_private_model_is_told_to_nobody(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """Neither its name nor its digests leave, whoever asks."""
    client = make(tokens=hub.tokens)
    hub.hide("org/big")
    record = client.resolve(pin(hub))
    assert record.access.state == "private"
    found = client.sources(record)
    assert found.asked == () and "private" in found.problems["modelscope"].message
    assert scope.requests == []


def test_a_gate_at_the_other_zoo_is_passed_over(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """Who is not let in there gets its own zoo's failure; who is let in there goes on with that zoo's token."""
    scope.gate("org/big", readers=("me",))
    hub.fail("*.safetensors", Status(502, origin="cdn", times=None))
    with pytest.raises(NetworkError, match="502") as caught:
        make({"retries": 1}).download(pin(hub))
    assert "modelscope:" in (caught.value.hint or "")
    assert body(make(tokens={"ms": scope.tokens["modelscope"]}).download(pin(hub))) == WEIGHTS


# -- one zoo and no other -----------------------------------------------------------------------------


def test_one_zoo_can_be_named(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """Only that one is asked for bytes; what it has not is NotFound, and what it cannot be is told before."""
    client = make()
    snapshot = client.download(pin(hub), files="*.safetensors", only_from="ms")
    assert givers(client, snapshot) == {"modelscope": len(WEIGHTS)}
    assert [seen for seen in hub.requests if "/resolve/" in seen.path] == []
    with pytest.raises(NotFound, match=r"0 of 2 files .* README.md is not|0 of 2 files .* config.json is not"):
        client.download(pin(hub), only_from="ms")
    with pytest.raises(RefError):
        client.download(pin(hub), files="*.md", only_from="nozoo")
    with pytest.raises(Unsupported):
        client.download(pin(hub), files="*.md", only_from="file")
    with pytest.raises(ConfigError):
        client.download(pin(hub), files="*.md", only_from="ms", via="official")


def test_a_named_zoo_that_fails_is_the_error(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """Nobody steps in for it, before it is found or after."""
    scope.fail("org/big/model.safetensors", Flip())
    with pytest.raises(IntegrityError):
        make().download(pin(hub), files="*.safetensors", only_from="ms")
    scope.stop()
    with pytest.raises(NetworkError):
        make().download(pin(hub), files="*.safetensors", only_from="ms")
    assert [seen for seen in hub.requests if "/resolve/" in seen.path] == []


# -- stopping and going on ------------------------------------------------------------------------------


def test_a_search_obeys_the_wish_to_stop(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """A zoo that is silent while it is asked for copies holds nobody up: deadline and cancel end it at once."""
    silent = threading.Event()
    client = make({"read_timeout": 20.0})
    hub.fail("*.safetensors", Status(404, times=None))
    held = hold(scope, silent)
    try:
        with pytest.raises(Cancelled):
            client.download(pin(hub), deadline=0.5)
        cancel = Cancel()
        job = client.start(pin(hub), cancel=cancel)
        held.wait(10)
        cancel.cancel()
        with pytest.raises(Cancelled):
            job.result(timeout=5)
    finally:
        silent.set()


def test_a_search_that_takes_too_long_is_given_up(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """The search has a bound, and then the error is that of the model's own zoo."""
    silent = threading.Event()
    hub.fail("*.safetensors", Status(404, times=None))
    hold(scope, silent)
    try:
        with pytest.raises(NotFound) as caught:
            make({"find_timeout": 0.2, "read_timeout": 20.0}).download(pin(hub))
    finally:
        silent.set()
    assert "could not be found out in time" in (caught.value.hint or "")


KILLED = """
import os, sys, zooclient
class Dies(zooclient.Reporter):
    moved = 0
    def retried(self, path, reason, wait):
        if "Next: modelscope" in reason:
            Dies.moved = 1
    def advanced(self, path, count):
        if Dies.moved:
            Dies.moved += count
        if Dies.moved > 2 * 2**20:
            os._exit(9)
home, hub, scope, ref = sys.argv[1:]
limits = zooclient.Limits(piece_size=2**20, journal_step=2**16, backoff_base=0.01, connections=1)
settings = zooclient.Settings(limits=limits)
client = zooclient.Client(home=home, endpoints={"hf": hub, "ms": scope}, settings=settings)
client.download(ref, reporter=Dies())
"""


def test_a_kill_in_the_middle_of_a_failover(
    make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo, tmp_path: Path
) -> None:
    """What both zoos gave is there after kill -9, and the next run fetches the rest alone, from whoever answers."""
    hub.fail("*.safetensors", Cut(after=500_000, origin="cdn", times=None))
    command = [
        sys.executable,
        "-c",
        KILLED,
        str(tmp_path / "home"),
        hub.endpoints["hf"],
        scope.endpoints["modelscope"],
        pin(hub),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    hub.heal()
    hub.forget()
    client = make()
    snapshot = client.download(pin(hub))
    assert body(snapshot) == WEIGHTS
    given = givers(client, snapshot)
    assert set(given) == {"hf"} and given["hf"] < len(WEIGHTS) - 2 * MIB, "what had come is kept, whoever gave it"


# -- the command line -------------------------------------------------------------------------------------


def desk(hub: LocalZoo, scope: LocalZoo, home: Path) -> Desk:
    import io

    environ = {
        "HOME": str(home),
        "ZOOCLIENT_HF_ENDPOINT": hub.endpoints["hf"],
        "ZOOCLIENT_MODELSCOPE_ENDPOINT": scope.endpoints["modelscope"],
        "ZOOCLIENT_RETRIES": "1",
        "ZOOCLIENT_BACKOFF_BASE": "0",
    }
    return Desk(out=io.StringIO(), err=io.StringIO(), environ=environ, project=None)


def test_the_command_line_names_a_zoo(hub: LocalZoo, scope: LocalZoo, tmp_path: Path) -> None:
    """`get --from` takes the bytes from one zoo, and `sources` prints a line for each file and place."""
    at = desk(hub, scope, tmp_path)
    assert run(["sources", pin(hub)], obj=at) == 0
    (line,) = at.out.getvalue().splitlines()  # type: ignore[attr-defined]
    master = scope.head("org/big", zoo="modelscope")
    assert line.split()[-3:] == ["model.safetensors", f"modelscope:org/big@{master}", "model.safetensors"]
    assert "config.json: its zoo states no sha256" in at.err.getvalue()  # type: ignore[attr-defined]
    at = desk(hub, scope, tmp_path)
    assert run(["sources", pin(hub), "--zoo", "ms", "--json"], obj=at) == 0
    told = json.loads(at.out.getvalue())  # type: ignore[attr-defined]
    assert told["asked"] == ["modelscope"] and told["copies"][0]["found"] == "name"
    at = desk(hub, scope, tmp_path)
    assert run(["get", pin(hub), "--file", "*.safetensors", "--from", "modelscope"], obj=at) == 0
    assert Path(at.out.getvalue().strip(), "model.safetensors").read_bytes() == WEIGHTS  # type: ignore[attr-defined]
    assert run(["get", pin(hub), "--from", "modelscope"], obj=desk(hub, scope, tmp_path)) == 3
