"""Listings that are no JSON, are cut, are enormous, or have null where a list should be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faultkit import carries_on, client_at, ends, environment, pin

from zooclient import Client, ProtocolError
from zooclient.testing import Body, Edit, Enormous, Fault, LocalZoo, NullList, Truncated


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def client(zoo: LocalZoo, home: Path) -> Iterator[Client]:
    with client_at(zoo, home) as made:
        yield made


def without_details(document: Any) -> Any:
    """The listing as mirrors give it, by name alone."""
    if isinstance(document, dict) and "siblings" in document:
        document["siblings"] = [{"rfilename": file["rfilename"]} for file in document["siblings"]]
    return document


@pytest.mark.parametrize(
    "fault",
    [
        Body(),
        Body(b"", content_type="application/json"),
        Body(b"[" * 100_000, content_type="application/json"),
        Body(b"\xff\xfe{}", content_type="application/json"),
        Body(b"[]", content_type="application/json"),
        Body(b"null", content_type="application/json"),
        Body(b'{"error": "no"}', content_type="application/json"),
        Truncated(),
        Truncated(1),
        NullList(),
        Edit(lambda document: document | {"siblings": {"rfilename": "config.json"}}),
        Edit(lambda document: document | {"siblings": [None]}),
        Edit(lambda document: document | {"siblings": [{"size": 3}]}),
        Edit(lambda document: document | {"sha": None}),
        Edit(lambda document: {key: value for key, value in document.items() if key not in ("id", "modelId")}),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_listing_of_the_wrong_shape_suggests_the_official_client(
    client: Client, zoo: LocalZoo, home: Path, fault: Fault
) -> None:
    """Not JSON, cut, too deep, of another type, without a list of files: ProtocolError, whose hint names the way on."""
    zoo.fail("/api/models/*", fault)
    error = ends(ProtocolError, lambda: client.load(pin(zoo)), home)
    assert 'via="official"' in (error.hint or "")
    assert error.exit_code == 7
    carries_on(client, zoo, pin(zoo))


@pytest.mark.parametrize("name", ["tags", "cardData", "safetensors", "config", "spaces", "gated", "likes"])
def test_an_optional_field_that_is_null_reads_as_not_told(client: Client, zoo: LocalZoo, name: str) -> None:
    """null for tags or anything that a record can do without: the record has none, and the model loads."""
    zoo.fail("/api/models/*", Edit(lambda document: document | {name: None}))
    record = client.resolve(pin(zoo))
    assert record.tags == () or name != "tags"
    assert client.load(record).path.is_dir()


def test_a_tree_of_the_wrong_shape_suggests_the_official_client(client: Client, zoo: LocalZoo, home: Path) -> None:
    """Where a mirror lists names alone, the tree that tells the rest is held to the same."""
    zoo.fail("/api/models/org/tiny*", Edit(without_details))
    for fault in (NullList(), Truncated(), Body()):
        thrown = zoo.fail("/api/models/org/tiny/tree/*", fault)
        error = ends(ProtocolError, lambda: client.load(pin(zoo)), home)
        assert 'via="official"' in (error.hint or "")
        zoo.heal(thrown)
    assert client.load(pin(zoo)).path.is_dir()


@pytest.mark.parametrize("fault", [NullList(), Body(), Truncated(), Edit(lambda rows: [None])])
def test_a_search_that_is_answered_badly_is_no_empty_search(client: Client, zoo: LocalZoo, fault: Fault) -> None:
    """A broken list of hits is an error, never a silent nothing."""
    zoo.fail("/api/models", fault)
    with pytest.raises(ProtocolError):
        list(client.search("tiny", zoos=["hf"]))
    zoo.heal()
    assert [str(hit.ref) for hit in client.search("tiny", zoos=["hf"])] == ["hf:org/tiny"]


_PEAK = """
import resource, sys, zooclient
from zooclient import Client, ProtocolError
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
client = Client.from_env()
client.resolve("hf:org/plain")
before = peak()
try:
    ACT
except ProtocolError as error:
    print(peak() - before, error.hint)
"""


@pytest.mark.parametrize("act", ['client.resolve("hf:org/tiny")', 'list(client.search("tiny", zoos=["hf"]))'])
def test_an_enormous_answer_is_not_swallowed(zoo: LocalZoo, tmp_path: Path, act: str) -> None:
    """A listing without end is given up at its bound: neither the memory nor the line carries the rest."""
    pytest.importorskip("resource")
    zoo.fail("/api/models/org/tiny*", Enormous(2**30))
    zoo.fail("/api/models", Enormous(2**30))
    done = subprocess.run(
        [sys.executable, "-c", _PEAK.replace("ACT", act)],
        env=environment(zoo, tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    grown, _, hint = done.stdout.partition(" ")
    assert int(grown) < 256 * 2**20
    assert "official" in hint
    assert max(seen.sent for seen in zoo.requests) < 256 * 2**20


def many(count: int) -> Callable[[Any], Any]:
    """A listing with very many files, each of which is fine."""

    def change(document: Any) -> Any:
        document["siblings"] += [
            {"rfilename": f"shard/{number:06}.json", "size": 1, "blobId": f"{number + 1:040x}"}
            for number in range(count)
        ]
        return document

    return change


def test_a_listing_of_very_many_files_is_read(client: Client, zoo: LocalZoo) -> None:
    """Twenty thousand files are many, not too many: they are listed, and one of them can be asked for."""
    zoo.fail("/api/models/*", Edit(many(20_000)))
    assert len(client.resolve(pin(zoo)).files) > 20_000
    assert client.file(pin(zoo), "config.json").read_text() == '{"model_type": "tiny"}'
