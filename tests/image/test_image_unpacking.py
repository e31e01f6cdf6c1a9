"""Layers taken apart: what is right comes out as it was, and what is hostile ends before it is believed."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imagekit import digest, layer, member, tar

from zooclient.errors import IntegrityError, StoreError, Unsupported, ZooError
from zooclient.records.model import Compression, Layer
from zooclient.store.inflate import Unpacked
from zooclient.store.tarstream import TarStream
from zooclient.store.unpack import Contents, unpack


def below_src(path: str) -> str | None:
    return path if path.startswith("src/") else None


def take(
    folder: Path,
    content: bytes,
    *,
    compression: Compression = "none",
    unpacked: str | None = None,
    unpacked_size: int | None = None,
) -> Contents:
    """Unpacks a layer in a folder."""
    source, into = folder / "layer", folder / "into"
    source.write_bytes(content)
    into.mkdir()
    about = Layer(
        digest=digest(content),
        size=len(content),
        compression=compression,
        target="src",
        unpacked_digest=unpacked,
        unpacked_size=unpacked_size,
    )
    return unpack(about, os.fspath(source), into, wanted=below_src)


# -- what is right ------------------------------------------------------------------------------

_NAMES = st.from_regex(r"[a-zäß0-9]{1,40}(/[a-z0-9]{1,90}){0,3}", fullmatch=True)


@settings(max_examples=60)
@given(
    st.dictionaries(_NAMES, st.binary(max_size=2000), max_size=5),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_archives_of_pythons_own_are_read(files: dict[str, bytes], form: int) -> None:
    """Names of any length and language, in both forms, come back with their bytes."""
    stream = io.BytesIO(tar(files, form=form))
    reader, found = TarStream(stream.read), {}
    for one in reader:
        content = b""
        while piece := reader.content(700):
            content += piece
        found[one.name.decode()] = content
    assert found == files


@settings(max_examples=100)
@given(st.binary(max_size=3000), st.integers(0, 3000))
def test_broken_archives_end_in_our_errors(noise: bytes, at: int) -> None:
    """An archive with anything in the midst of it is read, or refused in a sentence; it never runs on."""
    good = tar({"src/a": b"a" * 700, "src/" + "long" * 40: b"b"})
    stream = io.BytesIO(good[:at] + noise + good[at + len(noise) :])
    try:
        for one in TarStream(stream.read):
            assert one.size >= 0
    except ZooError as error:
        assert error.message


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_files_come_out_with_their_digests(tmp_path: Path, compression: Compression) -> None:
    """Files below the folder come out, each hashed; others stay, and folders are nothing to tell of."""
    files = {"./src/weights/a.bin": os.urandom(3_000_000), "/src/b": b"b", "etc/passwd": b"root"}
    packed = layer(files, "", packed=compression == "gzip")
    found = take(tmp_path, packed.content, compression=compression, unpacked=digest(packed.unpacked))
    assert [(one.path, one.size, one.sha256) for one in found.files] == [
        ("src/weights/a.bin", 3_000_000, digest(files["./src/weights/a.bin"])),
        ("src/b", 1, digest(b"b")),
    ]
    assert found.files[0].place.read_bytes() == files["./src/weights/a.bin"]


def test_several_members_of_gzip_are_one_layer(tmp_path: Path) -> None:
    """Layers that were packed in parallel are several gzip members after one another."""
    unpacked = tar({"src/a": b"a" * 5000})
    content = gzip.compress(unpacked[:3000]) + gzip.compress(unpacked[3000:])
    found = take(tmp_path, content, compression="gzip", unpacked=digest(unpacked))
    assert [one.size for one in found.files] == [5000]


def test_links_devices_and_whiteouts_are_passed_over(tmp_path: Path) -> None:
    """Links and devices are counted, whiteouts are told, and nothing of them comes to lie on the disk."""
    more = (
        member("src/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("src/hard", tarfile.LNKTYPE, "src/a"),
        member("src/null", tarfile.CHRTYPE),
        member("src/pipe", tarfile.FIFOTYPE),
        member("src/.wh.old.bin", tarfile.REGTYPE),
        member("src/sub/.wh..wh..opq", tarfile.REGTYPE),
    )
    found = take(tmp_path, tar({"src/a": b"a"}, more=more))
    assert [one.path for one in found.files] == ["src/a"]
    assert found.passed_over == {"links": 2, "devices": 2}
    assert found.removed == ("src/old.bin", "src/sub/")
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["0"]


def test_zstd_is_unpacked_where_a_library_is(tmp_path: Path) -> None:
    """A layer packed with zstd comes out where it can be."""
    zstandard = pytest.importorskip("zstandard")
    unpacked = tar({"src/a": b"a" * 5000})
    content = zstandard.ZstdCompressor().compress(unpacked)
    found = take(tmp_path, content, compression="zstd", unpacked=digest(unpacked))
    assert [one.size for one in found.files] == [5000]


@pytest.mark.skipif(
    find_spec("zstandard") is not None or find_spec("compression") is not None, reason="something unpacks zstd"
)
def test_zstd_without_a_library_says_what_would_help(tmp_path: Path) -> None:
    """Where nothing unpacks zstd, the error names what does."""
    with pytest.raises(Unsupported, match="zstd") as caught:
        take(tmp_path, b"(\xb5/\xfd", compression="zstd")
    assert "zooclient[zstd]" in (caught.value.hint or "")


# -- what is hostile ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../evil", "src/../../evil", "src/a/../../../evil", "./../src/a"])
def test_a_name_that_climbs_ends_it(tmp_path: Path, name: str) -> None:
    """A member whose name leaves the folder ends the whole layer."""
    with pytest.raises(IntegrityError, match="climbs"):
        take(tmp_path, tar({"src/a": b"a", name: b"evil"}))
    assert not (tmp_path / "evil").exists() and not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("name", ["src/a\\b", "src/a\x01", "src/.git/hooks"])
def test_a_name_that_is_not_safe_ends_it(tmp_path: Path, name: str) -> None:
    """Names that no listing may hold are not taken from a layer either."""
    with pytest.raises(IntegrityError, match="not safe"):
        take(tmp_path, tar({name: b"evil"}))


def test_a_name_that_comes_twice_ends_it(tmp_path: Path) -> None:
    """Of two members of one name nobody can tell which is meant."""
    twice = tar({"src/a": b"one"})[:1024] + tar({"src/a": b"two"})
    with pytest.raises(IntegrityError, match="twice"):
        take(tmp_path, twice)


@pytest.mark.parametrize("keep", [100, 600, 1000])
def test_an_archive_that_is_cut_is_told(tmp_path: Path, keep: int) -> None:
    """An archive that ends in a header, in a content or in its padding is refused."""
    with pytest.raises(IntegrityError, match="midst"):
        take(tmp_path, tar({"src/a": b"a" * 490})[:keep])


def test_a_size_that_lies_is_told(tmp_path: Path) -> None:
    """A header that promises more bytes than follow is refused, before they are waited for."""
    info = tarfile.TarInfo("src/a")
    info.size = 8 << 30
    with pytest.raises(IntegrityError, match="midst"):
        take(tmp_path, info.tobuf() + b"a" * 512, unpacked_size=8 << 30)


def test_no_header_fills_the_memory(tmp_path: Path) -> None:
    """A long name of gigabytes is refused by its size alone."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 4 << 30
    with pytest.raises(IntegrityError, match="no name needs"):
        take(tmp_path, info.tobuf(format=tarfile.GNU_FORMAT))


@pytest.mark.parametrize("field", [b"\xff" * 12, b"99999999999\0"])
def test_a_size_that_is_no_number_is_told(tmp_path: Path, field: bytes) -> None:
    """A size below nothing, or in digits that octal has not, is refused."""
    block = bytearray(tar({"src/a": b"a"})[:512])
    block[124:136] = field
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    with pytest.raises(IntegrityError):
        take(tmp_path, bytes(block))


def test_a_bomb_is_left_at_its_bound(tmp_path: Path) -> None:
    """A layer that unpacks to more than it may is left, whatever its size says."""
    content = gzip.compress(tar({"src/a": bytes(80 << 20)}), compresslevel=1)
    with pytest.raises(IntegrityError, match="holds more than"):
        take(tmp_path, content, compression="gzip", unpacked_size=1 << 20)


def test_a_bound_is_held_without_a_word_of_the_image() -> None:
    """The bound is felt while unpacking, not at the end."""
    packed = io.BytesIO(gzip.compress(bytes(50 << 20), compresslevel=1))
    stream = Unpacked(packed, "gzip", most=10 << 20)
    with pytest.raises(IntegrityError, match="holds more than"):
        stream.finish()
    assert stream.size <= 12 << 20


@pytest.mark.parametrize("content", [b"", b"not gzip", gzip.compress(b"a" * 9999)[:-20]], ids=["empty", "other", "cut"])
def test_what_is_not_packed_as_it_is_said_to_be_is_told(tmp_path: Path, content: bytes) -> None:
    """A layer that is no gzip, or is cut, is refused; nothing at all has another digest than the image says."""
    with pytest.raises(IntegrityError):
        take(tmp_path, content, compression="gzip", unpacked="0" * 64)


def test_the_digest_of_the_unpacked_layer_has_to_agree(tmp_path: Path) -> None:
    """A layer that has its own digest, and not that which the image's configuration says of it unpacked, is refused."""
    with pytest.raises(IntegrityError, match="claimed"):
        take(tmp_path, tar({"src/a": b"a"}), unpacked="0" * 64)


def test_what_follows_the_archive_counts(tmp_path: Path) -> None:
    """Bytes behind the end of the archive are part of what is hashed."""
    content = tar({"src/a": b"a"})
    with pytest.raises(IntegrityError, match="claimed"):
        take(tmp_path, content + b"more", unpacked=digest(content))


def test_a_full_disk_is_told_before_a_file(tmp_path: Path) -> None:
    """Who is asked for room before a file may refuse it."""

    def refuse(size: int) -> None:
        raise StoreError(f"{size} bytes have no room.")

    source, into = tmp_path / "layer", tmp_path / "into"
    source.write_bytes(content := tar({"src/a": b"a" * 7}))
    into.mkdir()
    about = Layer(digest=digest(content), size=len(content), target="src")
    with pytest.raises(StoreError, match="7 bytes"):
        unpack(about, os.fspath(source), into, wanted=below_src, room=refuse)


def test_raw_deflate_is_no_gzip(tmp_path: Path) -> None:
    """Only what the media type says is taken."""
    with pytest.raises(IntegrityError):
        take(tmp_path, zlib.compress(tar({"src/a": b"a"})), compression="gzip")
