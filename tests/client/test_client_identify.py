"""Which model a local file is, from what the store remembers, and from a zoo when that is wished."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from civzoo import CivZoo

from zooclient import (
    AsyncClient,
    Cancel,
    Cancelled,
    Client,
    FileEntry,
    Identified,
    ModelRecord,
    NetworkError,
    NotFound,
    Offline,
    Ref,
    Reporter,
)
from zooclient.client.identify import agreement
from zooclient.providers import registry
from zooclient.store.reports import Holder
from zooclient.testing import LocalZoo

PLUGIN = """
import json
from attrs import evolve
from zooclient.net.exchange import Request, fetch
from zooclient.providers.local.provider import Local
from zooclient.records.ref import Ref


class Shelf(Local):
    '''A zoo that knows its files by their hash.'''

    def __init__(self, scheme, endpoint, identify):
        self.__dict__.update(told=scheme, place=endpoint, identify=identify)

    scheme = property(lambda self: self.told)
    endpoint = property(lambda self: self.place)
    official = property(lambda self: False)
    capability = property(lambda self: evolve(super().capability, in_place=False, identify=self.identify))

    def holders(self, digests):
        url = self.place + "/by-hash"
        response = yield from fetch(Request(method="POST", url=url, content=json.dumps(list(digests)).encode()))
        if not response.ok:
            raise self.refused(response, None, "identify")
        found = response.json()
        return {digest: tuple(Ref.parse(text) for text in refs) for digest, refs in found.items()}

    def refused(self, response, ref, operation):
        from zooclient.errors import NetworkError
        return NetworkError(f"The shelf answered {response.status}.")


def shelf(settings):
    return Shelf("shelf", settings.zoo("shelf").endpoint or "http://127.0.0.1:9", True)


def mute(settings):
    return Shelf("mute", "http://127.0.0.1:9", False)
"""


class ShelfServer(ThreadingHTTPServer):
    """Answers which references have a sha256, and remembers what it was asked."""

    def __init__(self, known: dict[str, list[str]]) -> None:
        self.known = known
        self.status = 200
        self.asked: list[list[str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: ShelfServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        body = json.dumps({digest: self.server.known[digest] for digest in asked if digest in self.server.known})
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture
def shelves(tmp_path: Path) -> Iterator[None]:
    """A package that brings two zoos, of which one knows its files by hash."""
    folder = tmp_path / "plugin"
    (folder / "shelf_plugin-1.dist-info").mkdir(parents=True)
    (folder / "shelf_plugin.py").write_text(PLUGIN)
    (folder / "shelf_plugin-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf\nVersion: 1\n")
    (folder / "shelf_plugin-1.dist-info" / "entry_points.txt").write_text(
        "[zooclient.providers]\nshelf = shelf_plugin:shelf\nmute = shelf_plugin:mute\n"
    )
    sys.path.insert(0, str(folder))
    registry._foreign.cache_clear()
    yield
    sys.path.remove(str(folder))
    sys.modules.pop("shelf_plugin", None)
    registry._foreign.cache_clear()


@pytest.fixture
def server(shelves: None) -> Iterator[ShelfServer]:
    with ShelfServer({}) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def civitai() -> Iterator[CivZoo]:
    """A Civitai with a LoRA, of which a test may ask by hash."""
    with CivZoo() as running:
        running.add({"tiny.safetensors": b"lora"})
        yield running


@pytest.fixture
def endpoints(server: ShelfServer, civitai: CivZoo) -> dict[str, str]:
    """Every zoo that knows its files by hash, on loopback."""
    return {"shelf": server.origin, "civitai": civitai.endpoint}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pin(zoo: LocalZoo, model: str = "org/tiny") -> str:
    return f"hf:{model}@{zoo.head(model)}"


def test_files_of_a_model_that_was_only_resolved_are_known(zoo: LocalZoo, models: Path, tmp_path: Path) -> None:
    """Weights by sha256 and small files by git's name: each tells model, pin and file, and nobody is asked."""
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints) as client:
        client.resolve("hf:org/tiny")
        asked = len(zoo.requests)
        found = client.identify([models / "org" / "tiny", models / "org" / "plain" / "config.json"])
        assert len(zoo.requests) == asked
    assert len(found.files) == 6
    tiny = {file.path.relative_to(models).as_posix(): file for file in found.files}
    weights = tiny["org/tiny/model.safetensors"]
    (match,) = weights.matches
    assert (str(match.ref), match.path, match.by, match.proved) == (pin(zoo), "model.safetensors", "sha256", True)
    assert match.source == "record" and match.zoo.startswith("hf+") and match.title
    assert weights.size == (models / "org/tiny/model.safetensors").stat().st_size
    (odd,) = tiny["org/tiny/sub dir/odd #name.txt"].matches
    assert (odd.path, odd.by) == ("sub dir/odd #name.txt", "git-sha1")
    assert not tiny["org/plain/config.json"].known
    assert [file.path.name for file in found.unknown] == ["config.json"] and not found.ok


def test_a_snapshot_tells_what_its_record_forgot(zoo: LocalZoo, models: Path, tmp_path: Path) -> None:
    """What we computed when the bytes came is enough where no record is left."""
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints) as client:
        client.download(pin(zoo))
        shutil.rmtree(client.store.layout.records)
        (file,) = client.identify(models / "org/tiny/config.json").files
    assert [(match.by, match.source, match.path) for match in file.matches] == [("sha256", "snapshot", "config.json")]


def test_one_content_under_several_names_is_read_once(zoo: LocalZoo, models: Path, tmp_path: Path) -> None:
    """Links to one file are told each under its own name, and its bytes are read once."""
    folder = tmp_path / "links"
    folder.mkdir()
    shutil.copy(models / "org/tiny/model.safetensors", folder / "a.safetensors")
    os.link(folder / "a.safetensors", folder / "b.safetensors")
    (folder / "c.safetensors").symlink_to(folder / "a.safetensors")
    (folder / ".hidden").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_bytes(b"x")
    told: list[object] = []

    class Counting(Reporter):
        def planned(self, files: int, size: int) -> None:
            told.append((files, size))

        def advanced(self, path: str, count: int) -> None:
            told.append(count)

    size = (folder / "a.safetensors").stat().st_size
    with Client(home=tmp_path / "home") as client:
        found = client.identify(folder, reporter=Counting())
    assert [file.path.name for file in found.files] == ["a.safetensors", "b.safetensors", "c.safetensors"]
    assert len({file.digests["sha256"] for file in found.files}) == 1
    assert told[0] == (1, size) and sum(n for n in told[1:] if isinstance(n, int)) == size
    assert not (tmp_path / "home").exists(), "a look makes no store"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a system with pipes")
def test_what_cannot_be_read_is_told_and_stops_nothing(tmp_path: Path) -> None:
    """A link to nowhere and a pipe are told with a reason, a missing path is refused before anything is read."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good").write_bytes(b"good")
    (folder / "nowhere").symlink_to(folder / "missing")
    os.mkfifo(folder / "pipe")
    with Client(home=tmp_path / "home") as client:
        found = {file.path.name: file for file in client.identify(folder).files}
        (pipe,) = client.identify(folder / "pipe").files
        with pytest.raises(NotFound, match="no file"):
            client.identify([folder, folder / "missing"])
    assert found["good"].problem is None and found["good"].digests["sha256"] == sha256(b"good")
    assert found["nowhere"].problem and not found["nowhere"].digests
    assert "pipe" not in found and pipe.problem == "it is no file"


def test_nothing_at_all_is_an_empty_answer(tmp_path: Path) -> None:
    """No path, and an empty folder, give no files."""
    (tmp_path / "empty").mkdir()
    with Client(home=tmp_path / "home") as client:
        assert client.identify([]).files == client.identify(tmp_path / "empty").files == ()


def test_it_stops_when_it_is_told(tmp_path: Path) -> None:
    """A caller's wish, and a deadline, end the reading of all files."""
    for number in range(8):
        (tmp_path / f"{number}.bin").write_bytes(bytes(4 << 20))
    cancel = Cancel()

    class Stopping(Reporter):
        def advanced(self, path: str, count: int) -> None:
            cancel.cancel()

    with Client(home=tmp_path / "home") as client, pytest.raises(Cancelled) as caught:
        client.identify(tmp_path, reporter=Stopping(), cancel=cancel)
    with Client(home=tmp_path / "home") as client, pytest.raises(Cancelled):
        client.identify(tmp_path, deadline=0)
    assert "begins anew" in (caught.value.hint or "")


def test_hashes_leave_this_machine_only_online(
    server: ShelfServer, civitai: CivZoo, endpoints: dict[str, str], tmp_path: Path
) -> None:
    """Without ``online`` no zoo is asked; with it all sha256 go in one request, and the answer is proved."""
    contents = {"a.bin": b"aaa", "b.bin": b"bbb", "copy.bin": b"aaa", "empty.bin": b""}
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    server.known[sha256(b"aaa")] = ["shelf:m/one@v1", "shelf:m/two@v2"]
    with Client(home=tmp_path / "home", endpoints=endpoints) as client:
        assert not any(file.matches for file in client.identify(folder).files)
        assert server.asked == [] and civitai.asked == []
        found = client.identify(folder, online=True)
    assert server.asked == [sorted([sha256(b"aaa"), sha256(b"bbb")])]
    matches = {file.path.name: [str(match.ref) for match in file.matches] for file in found.files}
    both = ["shelf:m/one@v1", "shelf:m/two@v2"]
    assert matches == {"a.bin": both, "b.bin": [], "copy.bin": both, "empty.bin": []}
    match = found.files[0].matches[0]
    assert (match.by, match.proved, match.source, match.path) == ("sha256", True, "zoo", None)


def test_the_async_client_says_the_same(server: ShelfServer, endpoints: dict[str, str], tmp_path: Path) -> None:
    """Both colours give equal answers."""
    (tmp_path / "a.bin").write_bytes(b"aaa")
    server.known[sha256(b"aaa")] = ["shelf:m/one@v1"]
    options: dict[str, Any] = {"home": tmp_path / "home", "endpoints": endpoints}
    with Client(**options) as client:
        plain = client.identify(tmp_path / "a.bin", online=True)

    async def ask() -> object:
        async with AsyncClient(**options) as client:
            return await client.identify(str(tmp_path / "a.bin"), online=True)

    assert asyncio.run(ask()) == plain and plain.ok


def test_a_zoo_that_fails_takes_nothing_away(
    server: ShelfServer, endpoints: dict[str, str], zoo: LocalZoo, models: Path, tmp_path: Path
) -> None:
    """Hours of hashing are not lost with a zoo that does not answer: its error stands beside the rest."""
    server.status = 403
    with Client(home=tmp_path / "home", endpoints={**endpoints, **zoo.endpoints}) as client:
        client.resolve("hf:org/tiny")
        found = client.identify(models / "org/tiny/config.json", online=True)
    assert found.ok
    assert isinstance(found.problems["shelf"], NetworkError)
    assert (found.problems["shelf"].zoo, found.problems["shelf"].operation) == ("shelf", "identify")
    assert found.to_dict()["problems"] == {"shelf": "The shelf answered 403."}


def test_what_cannot_be_asked_is_refused_before_the_work(server: ShelfServer, tmp_path: Path) -> None:
    """Offline, ``online`` is an error before a byte is read."""
    with Client(home=tmp_path / "home", offline=True) as client, pytest.raises(Offline, match="switched off"):
        client.identify(tmp_path / "missing", online=True)


def test_a_zoo_is_asked_by_its_capability_alone(tmp_path: Path, shelves: None) -> None:
    """A zoo that has the method but does not say so is not asked."""
    with Client(home=tmp_path / "home", endpoints={"shelf": "http://127.0.0.1:9"}) as client:
        provider = client._wiring.provider("mute")
        assert hasattr(provider, "holders") and not provider.capability.identify
        from zooclient.client.identify import _askable

        assert "mute" not in _askable(client._wiring)[0] and "shelf" in _askable(client._wiring)[0]


# -- which hash agrees --------------------------------------------------------------------------------

FULL = "ab" * 32
LOCAL = Identified(
    path=Path("x"),
    size=9,
    digests={
        "sha256": FULL,
        "git-sha1": "cd" * 20,
        "blake3": "ef" * 32,
        "autov1": "11223344",
        "autov2": FULL[:10],
        "autov3": "0123456789abcdef" * 4,
        "crc32": "0d4a1185",
    },
)


@pytest.mark.parametrize(
    ("digests", "hashes", "size", "by"),
    [
        ({"sha256": FULL}, {}, 9, "sha256"),
        ({"git-sha1": "cd" * 20}, {}, 9, "git-sha1"),
        ({"blake3": "ef" * 32}, {}, None, "blake3"),
        ({"sha256": "00" * 32}, {"AutoV1": "11223344", "AutoV2": FULL[:10], "CRC32": "0d4a1185"}, 9, None),
        ({}, {"AutoV2": FULL[:10], "AutoV1": "11223344"}, None, "autov2"),
        ({}, {"SHA256_12": FULL[:12]}, None, "autov2"),
        ({}, {"AutoV2": FULL[:8]}, None, None),
        ({}, {"AutoV1": "11223344"}, 9, "autov1"),
        ({}, {"AutoV1": "11223344"}, 10, None),
        ({}, {"CRC32": "0d4a1185"}, None, "crc32"),
        ({}, {"CRC32": "85114a0d"}, None, "crc32"),
        ({"crc32": "0d4a1185"}, {}, 9, "crc32"),
        ({"crc32": "85114a0e"}, {}, 9, None),
        ({}, {"AutoV3": "0123456789ab"}, None, "autov3"),
        ({"sha256": "00" * 32}, {"AutoV3": "0123456789abcdef" * 4}, 11, "autov3"),
        ({}, {"AutoV3": "0123456789"}, None, None),
        ({"md5": "00" * 16}, {"Unknown": FULL}, 9, None),
        ({}, {}, 9, None),
    ],
)
def test_which_hash_decides(digests: dict[str, str], hashes: dict[str, str], size: int | None, by: str | None) -> None:
    """A full digest decides for and against; short ones count where nothing contradicts, in either order of bytes."""
    holder = Holder(ref=Ref.parse("civitai:1@2"), zoo="civitai", path="x", size=size, digests=digests, hashes=hashes)
    assert agreement(LOCAL, holder) == by


def test_a_short_hash_is_told_as_unproved(tmp_path: Path) -> None:
    """A record that knows a file by a short hash alone is found, and the file does not count as known."""
    content = os.urandom(100)
    (tmp_path / "lora.safetensors").write_bytes(content)
    ref = Ref.parse("civitai:12@34")
    file = FileEntry(path="lora.safetensors", extra={"hashes": {"AutoV2": sha256(content)[:10]}})
    record = ModelRecord(ref=ref, requested=ref, pin="version", title="A style", files=(file,))
    with Client(home=tmp_path / "home") as client:
        client.store.save_record("civitai", record)
        found = client.identify(tmp_path / "lora.safetensors")
    (match,) = found.files[0].matches
    assert (match.ref, match.by, match.proved, match.title) == (ref, "autov2", False, "A style")
    assert not found.ok and len(found.unknown) == 1
    assert found.to_dict()["files"][0]["matches"][0]["proved"] is False


def test_civitai_is_asked_in_bulk(civitai: CivZoo, endpoints: dict[str, str], tmp_path: Path) -> None:
    """A stray LoRA is known by its sha256, in one request that carries the key to its own zoo and nothing else."""
    folder = tmp_path / "loras"
    folder.mkdir()
    (folder / "stray.safetensors").write_bytes(b"lora")
    (folder / "mine.safetensors").write_bytes(b"mine")
    with Client(home=tmp_path / "home", endpoints=endpoints, tokens={"civitai": civitai.key}) as client:
        found = client.identify(folder, online=True)
        (asked,) = civitai.asked
        assert asked.path == "/api/v1/model-versions/by-hash/ids"
        assert asked.headers["authorization"] == f"Bearer {civitai.key}"
        (match,) = found.files[1].matches
        assert (str(match.ref), match.by, match.proved, match.source) == ("civitai:10@20", "sha256", True, "zoo")
        # Once the version was resolved, the store knows it as well, with the file's name, and it is told once.
        client.resolve(match.ref)
        (again,) = client.identify(folder / "stray.safetensors", online=True).files[0].matches
        assert (again.ref, again.path, again.title, again.source) == (
            match.ref,
            "tiny.safetensors",
            "Tiny 10",
            "record",
        )
    assert [file.path.name for file in found.unknown] == ["mine.safetensors"]
