"""Where else the bytes of a model lie: by name, by its owner's other name, by digest, and in the store's memory."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from civzoo import CivZoo

import zooclient
from zooclient import Client, FileCopy, Limits, RefError, Settings, Snapshot, Sources, Unsupported
from zooclient.client.owners import MIRRORS, OWNERS, namesakes
from zooclient.records.ref import Ref
from zooclient.testing import Edit, LocalZoo, Status

MIB = 2**20
WEIGHTS = random.Random(31).randbytes(2 * MIB + 5)
NAME = "tiny.safetensors"
LIMITS = Limits(retries=2, backoff_base=0.01, connect_timeout=2.0, connect_retries=0, piece_size=MIB)


@pytest.fixture
def hub() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=("hf",)) as running:
        running.commit("acme/tiny", {NAME: WEIGHTS, "README.md": "# Tiny\n"})
        yield running


@pytest.fixture
def scope() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=("modelscope",)) as running:
        yield running


@pytest.fixture
def civitai() -> Iterator[CivZoo]:
    with CivZoo() as running:
        running.add({NAME: WEIGHTS})
        yield running


@pytest.fixture
def make(hub: LocalZoo, scope: LocalZoo, civitai: CivZoo, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients of three zoos with one home."""
    with ExitStack() as stack:

        def made(**options: Any) -> Client:
            endpoints = {**hub.endpoints, **scope.endpoints, "civitai": civitai.endpoint}
            given: dict[str, Any] = {"home": tmp_path / "home", "endpoints": endpoints}
            given["settings"] = Settings(limits=LIMITS)
            return stack.enter_context(Client(**(given | options)))

        yield made


def pin(hub: LocalZoo) -> str:
    return f"hf:acme/tiny@{hub.head('acme/tiny')}"


def givers(snapshot: Snapshot, path: str = NAME) -> set[str]:
    """Which zoos gave bytes of a file."""
    manifest = json.loads(snapshot.path.with_name(snapshot.path.name + ".json").read_text())
    return {place.partition("+")[0] for place in manifest["receipts"][path]["sources"]}


def by_hash(civitai: CivZoo) -> list[str]:
    return [asked.path for asked in civitai.asked if "by-hash" in asked.path]


def test_every_place_is_told_with_how_it_was_found(
    make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo, civitai: CivZoo
) -> None:
    """Name and digest each find a place; a file that nobody has, and one that cannot be proved, are told apart."""
    hub.commit("acme/tiny", {"only.bin": random.Random(4).randbytes(MIB)})
    scope.commit("acme/tiny", {NAME: WEIGHTS, "README.md": b"# Tiny\n"})
    found = make().sources(pin(hub))
    assert isinstance(found, Sources) and str(found.ref) == pin(hub)
    master = scope.head("acme/tiny", zoo="modelscope")
    assert [(copy.path, str(copy.ref), copy.found) for copy in found.copies] == [
        (NAME, f"modelscope:acme/tiny@{master}", "name"),
        (NAME, str(found.copies[1].ref), "digest"),
    ]
    assert str(found.copies[1].ref).startswith("civitai:10@20")
    assert set(found.alone) == {"only.bin", "README.md"} and found.unproved == ("README.md",)
    assert found.asked == ("modelscope", "civitai") and found.problems == {}
    assert found.of(NAME) == found.copies and found.of("only.bin") == ()
    told = found.to_dict()
    assert told["copies"][0] == {
        "path": NAME,
        "ref": f"modelscope:acme/tiny@{master}",
        "file": NAME,
        "size": len(WEIGHTS),
        "sha256": hashlib.sha256(WEIGHTS).hexdigest(),
        "access": "open",
        "found": "name",
    }
    assert json.loads(json.dumps(told)) == told
    assert [seen for seen in hub.requests if "/resolve/" in seen.path] == [], "nothing is fetched"


def test_nothing_moves_and_only_named_zoos_are_asked(
    make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo, civitai: CivZoo
) -> None:
    """Zoos that are named are asked and no others; one that is none, or gives no files, is an error."""
    scope.commit("acme/tiny", {NAME: WEIGHTS})
    client = make()
    found = client.sources(client.resolve(pin(hub)), zoos="ms")
    assert [copy.ref.scheme for copy in found.copies] == ["modelscope"] == list(found.asked)
    assert civitai.asked == []
    with pytest.raises(RefError):
        client.sources(pin(hub), zoos=["nozoo"])
    with pytest.raises(Unsupported):
        client.sources(pin(hub), zoos=["file"])


def test_a_zoo_that_fails_is_a_problem_and_no_end(
    make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo, civitai: CivZoo
) -> None:
    """What one zoo cannot answer, the next may."""
    scope.stop()
    found = make().sources(pin(hub))
    assert [copy.ref.scheme for copy in found.copies] == ["civitai"]
    assert isinstance(found.problems["modelscope"], zooclient.NetworkError)
    assert found.to_dict()["problems"] == {"modelscope": found.problems["modelscope"].message}


def test_digests_are_told_only_after_a_failure(
    make: Callable[..., Client], hub: LocalZoo, civitai: CivZoo, scope: LocalZoo
) -> None:
    """A download in good health asks no zoo that knows digests; one that fails goes on there."""
    client = make()
    assert givers(client.download(pin(hub), files="README.md"), "README.md") == {"hf"}
    assert civitai.asked == [] and scope.requests == []
    hub.fail("*.safetensors", Status(502, origin="cdn", times=None))
    snapshot = client.download(pin(hub))
    assert (snapshot.path / NAME).read_bytes() == WEIGHTS and givers(snapshot) == {"civitai"}
    assert len(by_hash(civitai)) == 1


def test_what_the_store_has_seen_is_found_without_asking(
    make: Callable[..., Client], hub: LocalZoo, civitai: CivZoo, scope: LocalZoo
) -> None:
    """A model of another name at another zoo, whose record was read once, is where a download goes on."""
    client = make()
    other = client.resolve(pin(hub))
    ours = client.resolve("civitai:10@20")
    before = len(hub.requests)
    found = make(offline=True).sources(ours)
    assert [(copy.ref, copy.found) for copy in found.copies] == [(other.ref, "seen")]
    assert set(found.problems) == {"hf", "modelscope"} and len(hub.requests) == before
    civitai.flipped.add(200)
    snapshot = client.download(ours)
    assert (snapshot.path / NAME).read_bytes() == WEIGHTS and givers(snapshot) == {"hf"}


def test_a_sha256_that_was_observed_proves_a_copy(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """The Hub tells none of small files; one that came from there once is known by what it was."""
    client = make()
    client.download(pin(hub), files="README.md")
    scope.commit("somebody/else", {"NOTES.md": b"# Tiny\n"})
    (copy,) = client.sources("ms:somebody/else", zoos="hf").copies
    assert (copy.path, copy.file.path, str(copy.ref), copy.found) == ("NOTES.md", "README.md", pin(hub), "seen")


def test_a_size_that_differs_is_no_proof(make: Callable[..., Client], hub: LocalZoo, scope: LocalZoo) -> None:
    """A listing that gives another size for the same digest contradicts itself and is not believed."""
    scope.commit("acme/tiny", {NAME: WEIGHTS})

    def shorten(document: Any) -> Any:
        listed = document["Data"]["Files"]
        return {**document, "Data": {**document["Data"], "Files": [{**file, "Size": 7} for file in listed]}}

    scope.fail("/api/v1/models/acme/tiny/repo/files", Edit(shorten))
    assert make().sources(pin(hub), zoos="ms").copies == ()


def test_a_local_folder_is_told_to_nobody_by_its_path(
    make: Callable[..., Client], scope: LocalZoo, civitai: CivZoo, tmp_path: Path
) -> None:
    """Of files on this machine the digests are asked for, where somebody wants to know; their path is not."""
    folder = tmp_path / "secret" / "place"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(WEIGHTS)
    found = make().sources(f"file:{folder}")
    assert [(copy.ref.scheme, copy.found) for copy in found.copies] == [("civitai", "digest")]
    assert scope.requests == [] and not any("secret" in asked.path for asked in civitai.asked)


def test_the_module_has_it_too() -> None:
    """`zooclient.sources` is the method on the shared client."""
    assert zooclient.sources.__doc__ == Client.sources.__doc__
    assert FileCopy.__doc__ and Sources.__doc__


# -- owners ------------------------------------------------------------------------------------------


def test_namesakes_begin_with_the_name_itself() -> None:
    """The same owner first, then what the table says, then those who mirror many."""
    assert [str(ref) for ref in namesakes(Ref.parse("hf:meta-llama/Llama-3.1-8B"), "modelscope")] == [
        "modelscope:meta-llama/Llama-3.1-8B",
        "modelscope:LLM-Research/Llama-3.1-8B",
        "modelscope:AI-ModelScope/Llama-3.1-8B",
    ]
    assert [str(ref) for ref in namesakes(Ref.parse("ms:ZhipuAI/glm-4-9b@master"), "hf")] == [
        "hf:ZhipuAI/glm-4-9b",
        "hf:zai-org/glm-4-9b",
        "hf:THUDM/glm-4-9b",
    ]


@pytest.mark.parametrize(
    ("text", "scheme"), [("hf:gpt2", "modelscope"), ("civitai:10", "hf"), ("hf:a/b", "civitai"), ("hf:a/b", "hf")]
)
def test_a_name_that_cannot_be_elsewhere_has_no_namesakes(text: str, scheme: str) -> None:
    """A name without an owner, an id, and a zoo whose models have no such names."""
    assert list(namesakes(Ref.parse(text), scheme)) == []


def test_the_table_of_owners_is_well_formed() -> None:
    """Each row is said once, differs, gives its reason, and names owners that can be."""
    assert len({(row.hf, row.modelscope) for row in OWNERS}) == len(OWNERS)
    for row in OWNERS:
        assert row.hf != row.modelscope and row.why
        assert Ref(scheme="hf", id=f"{row.hf}/x") and Ref(scheme="modelscope", id=f"{row.modelscope}/x")
    assert set(MIRRORS) == {"modelscope"}
