"""``file:``: folders and files on this machine."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from zooclient.errors import ConfigError, IntegrityError, NotFound, RefError, StoreError, Unsupported
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.base import Provider
from zooclient.providers.local import scan
from zooclient.providers.local.provider import Local, folder_of, local_path
from zooclient.records.digest import content_digest
from zooclient.records.model import ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref

POSIX = pytest.mark.skipif(os.name == "nt", reason="needs links and pipes of POSIX")


def unasked(request: Request) -> Response:
    """Fails: nothing is to be asked of a network."""
    raise AssertionError(f"{request.url} was asked")


def resolve(ref: Ref) -> ModelRecord:
    """Resolves a reference on this machine."""
    return replay(Local().resolve(ref), unasked)


def ref_of(path: Path, digest: str | None = None) -> Ref:
    """Returns the reference of a path."""
    return Ref(scheme="file", id=path.as_posix(), content_digest=digest)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small model with a card."""
    root = tmp_path / "my model@1"
    (root / "sub").mkdir(parents=True)
    (root / "README.md").write_text("---\nlicense: mit\ntags: [tiny]\nbase_model: a/b\n---\n# Tiny\n")
    (root / "model.safetensors").write_bytes(b"weights")
    (root / "sub" / "config.json").write_text("{}")
    return root


def test_it_is_a_provider() -> None:
    """This machine fulfils the protocol that every zoo fulfils, and works in place."""
    local = Local()
    assert isinstance(local, Provider)
    assert local.capability.in_place and not local.capability.search and local.endpoint is None


def test_a_folder_is_a_model(folder: Path) -> None:
    """Files with sizes, digests and roles, the card's claims, and a pin of the content."""
    record = resolve(ref_of(folder))
    assert [(file.path, file.role) for file in record.files] == [
        ("README.md", "card"),
        ("model.safetensors", "weights"),
        ("sub/config.json", "config"),
    ]
    weights = record.files[1]
    assert (weights.size, weights.format) == (7, "safetensors")
    assert weights.digests == {"sha256": hashlib.sha256(b"weights").hexdigest()}
    assert record.license.spdx == "MIT" and record.tags == ("tiny",) and record.base_models == ("a/b",)
    assert (record.title, record.pin, record.ref.revision) == ("my model@1", "content", None)
    assert record.ref.pinned
    assert record.ref.content_digest == content_digest(
        (file.digests["sha256"], file.size or 0, file.path) for file in record.files
    )
    assert resolve(Ref.parse(str(record.ref))).files == record.files, "the pin can be pasted"
    assert ModelRecord.from_dict(record.to_dict()) == record


def test_one_file_is_a_model(folder: Path) -> None:
    """A reference to one file has that file alone, and its folder is where it lies."""
    ref = ref_of(folder / "model.safetensors")
    record = resolve(ref)
    assert [file.path for file in record.files] == ["model.safetensors"]
    assert record.title == "model.safetensors"
    assert folder_of(record.ref) == folder and local_path(record.ref) == folder / "model.safetensors"
    assert folder_of(ref_of(folder)) == folder


def test_another_content_is_refused(folder: Path) -> None:
    """The fragment of a reference is held to; any change of a file is an IntegrityError."""
    pinned = resolve(ref_of(folder)).ref
    assert resolve(pinned).ref == pinned
    (folder / "sub" / "config.json").write_text("{ }")
    with pytest.raises(IntegrityError, match="was asked for") as caught:
        resolve(pinned)
    assert caught.value.exit_code == 5 and caught.value.zoo == "file"


def test_relative_paths_begin_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is read from the working folder, and the pin is absolute."""
    monkeypatch.chdir(folder.parent)
    record = resolve(Ref.parse("file:./my model%401"))
    assert record.ref.id == folder.as_posix()


def test_what_is_no_part_of_a_model(folder: Path) -> None:
    """Hidden folders, caches and litter are left out; hidden files and evaluation results are kept."""
    for name in (".git", ".cache", "__pycache__", ".eval_results"):
        (folder / name).mkdir()
        (folder / name / "x.yaml").write_text("x")
    (folder / ".gitattributes").write_text("x")
    (folder / ".DS_Store").write_text("x")
    paths = [file.path for file in resolve(ref_of(folder)).files]
    assert ".gitattributes" in paths and ".eval_results/x.yaml" in paths
    assert len(paths) == 5


@POSIX
@pytest.mark.parametrize("target", ["/etc/passwd", "../outside.bin", "nowhere"])
def test_a_link_out_of_the_folder_is_refused(folder: Path, target: str) -> None:
    """A link that leads out of the folder, or nowhere, is an IntegrityError that says what to do."""
    (folder.parent / "outside.bin").write_bytes(b"x")
    (folder / "link.bin").symlink_to(target)
    with pytest.raises(IntegrityError, match="The link") as caught:
        resolve(ref_of(folder))
    assert caught.value.hint


@POSIX
def test_links_within_the_folder(folder: Path) -> None:
    """A link to a file of the folder is that file; a linked folder is left out and told; one leading out is refused."""
    (folder / "copy.safetensors").symlink_to("model.safetensors")
    (folder / "again").symlink_to("sub", target_is_directory=True)
    record = resolve(ref_of(folder))
    assert record.file("copy.safetensors") is not None and record.file("again/config.json") is None
    assert any("again" in problem for problem in record.problems)
    (folder / "out").symlink_to("/", target_is_directory=True)
    with pytest.raises(IntegrityError):
        resolve(ref_of(folder))


@POSIX
def test_a_pipe_is_no_file(folder: Path) -> None:
    """A named pipe is refused, not waited for."""
    os.mkfifo(folder / "pipe.bin")
    for path in (folder, folder / "pipe.bin"):
        with pytest.raises(IntegrityError, match="plain file"):
            resolve(ref_of(path))


def test_nothing_there(tmp_path: Path) -> None:
    """A path at which nothing is, is not found."""
    with pytest.raises(NotFound) as caught:
        resolve(ref_of(tmp_path / "none"))
    assert caught.value.exit_code == 3


@POSIX
def test_links_in_a_circle(tmp_path: Path) -> None:
    """A path of links that lead in a circle is an error of ours."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises((StoreError, NotFound)):
        resolve(ref_of(tmp_path / "a"))


@POSIX
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(folder: Path) -> None:
    """A file without permission is a StoreError."""
    (folder / "model.safetensors").chmod(0)
    with pytest.raises(StoreError, match="cannot be read"):
        resolve(ref_of(folder))


def test_a_folder_of_far_too_many_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistaken folder, such as the root of a disk, is refused before all of it is hashed."""
    monkeypatch.setattr(scan, "MOST_FILES", 2)
    with pytest.raises(ConfigError, match="more than 2 files"):
        resolve(ref_of(folder))


@POSIX
def test_a_path_of_windows_elsewhere() -> None:
    """A drive letter on a machine without drives is a RefError."""
    with pytest.raises(RefError, match="Windows"):
        resolve(Ref.parse("file:C:/models/x"))


def test_a_broken_card_is_told(folder: Path) -> None:
    """What is wrong with the card is a problem of the record, never an error."""
    (folder / "README.md").write_text("---\nlicense: [\n---\n")
    assert any(problem.startswith("The card: ") for problem in resolve(ref_of(folder)).problems)


def test_what_it_cannot_do(folder: Path) -> None:
    """Searching, locating and accounts are Unsupported."""
    local, record = Local(), resolve(ref_of(folder))
    with pytest.raises(Unsupported):
        replay(local.search(Query()), unasked)
    with pytest.raises(Unsupported):
        replay(local.whoami(), unasked)
    with pytest.raises(Unsupported):
        local.locate(record, record.files[0])
    refused = local.refused(Response(request=Request(url="https://x"), status=404), record.ref, "x")
    assert refused.exit_code == 7
