"""Every hash of a local file, from one reading."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storekit import git_sha1

from zooclient.errors import Cancelled
from zooclient.net.cancel import Cancel
from zooclient.store.hashing import Changed, every_hash

MIB = 1024 * 1024


def hashes(tmp_path: Path, content: bytes) -> dict[str, str]:
    path = tmp_path / "file"
    path.write_bytes(content)
    size, found = every_hash(path)
    assert size == len(content)
    return found


def test_known_values(tmp_path: Path) -> None:
    """Values that were computed elsewhere: by git, by zlib, by Civitai's scanner."""
    found = hashes(tmp_path, b"hello world")
    found.pop("blake3", None)
    assert found == {
        "sha256": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
        "git-sha1": "95d09f2b10159347eece71399a7e2e907ea3df4f",
        "autov2": "b94d27b993",
        # `hello wo` is no length of a header, so what follows it is hashed.
        "autov3": hashlib.sha256(b"rld").hexdigest(),
        "crc32": "0d4a1185",
    }


def test_the_hash_of_tensors_is_what_trainers_write(tmp_path: Path) -> None:
    """AutoV3 leaves out the header of a safetensors file, as ``sshs_model_hash`` does; metadata may be edited."""
    header, tensors = b'{"__metadata__":{"a":"b"}}', os.urandom(3 * MIB)
    edited = b'{"__metadata__":{"a":"something else"}}'
    first, second = (hashes(tmp_path, len(h).to_bytes(8, "little") + h + tensors) for h in (header, edited))
    assert first["autov3"] == second["autov3"] == hashlib.sha256(tensors).hexdigest()
    assert first["sha256"] != second["sha256"]


def test_blake3_where_the_package_is(tmp_path: Path) -> None:
    """With the package installed the hash is there, and is BLAKE3's."""
    pytest.importorskip("blake3")
    assert hashes(tmp_path, b"")["blake3"] == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


@settings(max_examples=40, deadline=None)
@given(
    size=st.one_of(st.integers(0, 40), st.sampled_from([n + d for n in (MIB, 2 * MIB, 3 * MIB) for d in (-1, 0, 1)])),
    header=st.one_of(st.integers(0, 64), st.sampled_from([MIB, 16 * MIB, 16 * MIB + 1, 2**63])),
)
def test_the_parts_are_those_of_the_definition(
    tmp_path_factory: pytest.TempPathFactory, size: int, header: int
) -> None:
    """Whatever size and header, in pieces the hashes are those of the whole in memory."""
    content = (header.to_bytes(8, "little") + bytes(range(251)) * (size // 251 + 1))[:size]
    found = hashes(tmp_path_factory.mktemp("hash"), content)
    start = 8 if header > 16 * MIB else 8 + header
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["git-sha1"] == git_sha1(content)
    assert found["crc32"] == f"{zlib.crc32(content):08x}"
    assert found.get("autov3") == (hashlib.sha256(content[start:]).hexdigest() if size > start else None)
    part = hashlib.sha256(content[0x100000:0x110000]).hexdigest()[:8]
    assert found.get("autov1") == (part if size >= 2 * MIB else None)


def test_a_file_that_grows_meanwhile_is_refused(tmp_path: Path) -> None:
    """Half of one content and half of another have no hash."""
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * MIB))

    def grow(count: int) -> None:
        with path.open("ab") as file:
            file.write(b"x")

    with pytest.raises(Changed, match="2097152 bytes at first, and more"):
        every_hash(path, advanced=grow)


def test_reading_stops_when_it_is_told(tmp_path: Path) -> None:
    """A wish to stop is heard at each megabyte."""
    path = tmp_path / "file"
    path.write_bytes(bytes(8 * MIB))
    read: list[int] = []
    cancel = Cancel()

    def advanced(count: int) -> None:
        read.append(count)
        cancel.cancel()

    with pytest.raises(Cancelled):
        every_hash(path, check=cancel.check, advanced=advanced)
    assert read == [MIB]
