"""Safetensors files become arrays without a copy, and a file that lies about itself is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loading_models import one, written

from zooclient.errors import IntegrityError, Unsupported
from zooclient.loading.safetensors import BITS, MAX_HEADER, header_length, read_header
from zooclient.loading.tensors import Tensors, dtype_of

#: Type of the format → type of the array.
KNOWN: dict[str, Any] = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "C64": np.complex64,
    "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8,
    "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8, "BOOL": np.bool_,
    "BF16": ml_dtypes.bfloat16, "F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2,
    "F8_E8M0": ml_dtypes.float8_e8m0fnu, "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
}  # fmt: skip


def opened(path: Path, content: bytes) -> Tensors:
    path.write_bytes(content)
    return Tensors([(path.name, path)])


@pytest.mark.parametrize("dtype", KNOWN)
def test_every_type_is_read(tmp_path: Path, dtype: str) -> None:
    """Each type of the format becomes the array of the same numbers."""
    numbers = np.array([0, 1, 1, 0, 1, 1]).reshape(2, 3).astype(KNOWN[dtype])
    content = one("a", dtype, (2, 3), numbers.tobytes())
    array = opened(tmp_path / "x.safetensors", content)["a"]
    assert array.dtype == numbers.dtype
    assert array.shape == (2, 3)
    assert array.tobytes() == numbers.tobytes()


def test_bfloat16_has_its_values(tmp_path: Path) -> None:
    """bf16, which numpy alone refuses, is the upper half of a float32."""
    content = one("a", "BF16", (2,), bytes([0x80, 0x3F, 0x20, 0xC1]))
    assert opened(tmp_path / "x.safetensors", content)["a"].astype("f4").tolist() == [1.0, -10.0]


def test_fp8_has_its_values(tmp_path: Path) -> None:
    """fp8 numbers are those of ml_dtypes."""
    content = one("a", "F8_E4M3", (3,), bytes([0x38, 0xC0, 0x7E]))
    assert opened(tmp_path / "x.safetensors", content)["a"].astype("f4").tolist() == [1.0, -2.0, 448.0]


def test_fp4_is_unpacked_low_half_first(tmp_path: Path) -> None:
    """Two fp4 numbers lie in a byte, the first in its low half."""
    content = one("a", "F4", (2, 2), bytes([0x21, 0xF7]))
    array = opened(tmp_path / "x.safetensors", content)["a"]
    assert array.astype("f4").tolist() == [[0.5, 1.0], [6.0, -6.0]]
    assert not array.flags.writeable


def test_fp6_says_that_there_is_no_array(tmp_path: Path) -> None:
    """A type without an array is Unsupported, for that tensor alone."""
    header = {
        "a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]},
        "b": {"dtype": "U8", "shape": [1], "data_offsets": [3, 4]},
    }
    tensors = opened(tmp_path / "x.safetensors", written(header, b"\0\0\0\7"))
    assert tensors["b"].tolist() == [7]
    assert (tensors.shape("a"), tensors.dtype("a"), tensors.file("a")) == ((4,), "F6_E2M3", "x.safetensors")
    with pytest.raises(Unsupported, match="F6_E2M3"):
        tensors["a"]


def test_bfloat16_is_refused_where_it_would_be_misread() -> None:
    """A big-endian machine gets an error, not wrong numbers."""
    with pytest.raises(Unsupported, match="big-endian"):
        dtype_of("BF16", byteorder="big")
    assert dtype_of("F32", byteorder="big") == np.dtype("<f4")


def test_arrays_share_the_file_and_are_read_only(tmp_path: Path) -> None:
    """An array is a window on the mapped file, nobody can write through it, and it outlives the mapping."""
    tensors = opened(tmp_path / "x.safetensors", one("a", "F32", (1024,), b"\0" * 4096))
    first, again = tensors["a"], tensors["a"]
    assert np.shares_memory(first, again)
    assert not first.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1
    del tensors, again
    assert first.sum() == 0


def test_scalars_and_empty_tensors(tmp_path: Path) -> None:
    """A shape without dimensions is one number, a dimension of zero none."""
    header = {
        "__metadata__": {"format": "pt"},
        "empty": {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]},
        "scalar": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
        "void": {"dtype": "U8", "shape": [2, 0], "data_offsets": [4, 4]},
    }
    tensors = opened(tmp_path / "x.safetensors", written(header, np.float32(2.5).tobytes()))
    assert sorted(tensors) == ["empty", "scalar", "void"]
    assert (tensors["empty"].shape, tensors["void"].shape, float(tensors["scalar"])) == ((0, 3), (2, 0), 2.5)
    assert "__metadata__" not in tensors
    assert "1 files" in repr(tensors)


def test_data_need_not_be_aligned(tmp_path: Path) -> None:
    """A header of odd length puts the numbers where no type likes them; they are read all the same."""
    text = b'{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}} '
    content = written(text if len(text) % 2 else text + b" ", np.float64(1.5).tobytes())
    assert opened(tmp_path / "x.safetensors", content)["a"].tolist() == [1.5]


A = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "0 bytes long"),
        (b"\1\2\3", "3 bytes long"),
        ((MAX_HEADER + 1).to_bytes(8, "little") + b"{}", "the most that the format allows"),
        (b"\xff" * 8 + b"{}", "the most that the format allows"),
        ((100).to_bytes(8, "little") + b"{}", "the file has 10 in all"),
        (written(b""), "no JSON object"),
        (written(b"[]"), "no JSON object"),
        (written(b" {}"), "no JSON object"),
        (written(b"{"), "no JSON"),
        (written(b'{"a": \xff}'), "no JSON"),
        (written(b'{"a":' * 100_000), "no JSON"),
        (written(b'{"a": ' + b"9" * 5000 + b"}"), "no JSON"),
        (written(b'{"a": 1}'), "no JSON object"),
        (written(b'{"a": {"dtype":"U8","shape":[1],"data_offsets":[0,1]}, "a": {}}', b"\0"), "the key 'a' twice"),
        (written(b'{"a": {"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', b"\0"), "'dtype' twice"),
        (written({"__metadata__": {"a": 1}}), "__metadata__"),
        (written({"__metadata__": "text"}), "__metadata__"),
        (written({"a": {**A, "dtype": "F99"}}, b"\0" * 4), "'F99'"),
        (written({"a": {**A, "dtype": None}}, b"\0" * 4), "type None"),
        (written({"a": {**A, "shape": [-4]}}, b"\0" * 4), "shape"),
        (written({"a": {**A, "shape": [4.0]}}, b"\0" * 4), "shape"),
        (written({"a": {**A, "shape": [True, 4]}}, b"\0" * 4), "shape"),
        (written({"a": {**A, "shape": 4}}, b"\0" * 4), "shape"),
        (written({"a": {**A, "shape": [1] * 33}}, b"\0" * 4), "shape"),
        (written({"a": {**A, "shape": [0, 2**63]}}, b"\0" * 4), "shape"),
        (written({"a": {**A, "data_offsets": [4, 0]}}, b"\0" * 4), "offsets"),
        (written({"a": {**A, "data_offsets": [-4, 0]}}, b"\0" * 4), "offsets"),
        (written({"a": {**A, "data_offsets": [0]}}, b"\0" * 4), "offsets"),
        (written({"a": {**A, "data_offsets": None}}, b"\0" * 4), "offsets"),
        (written({"a": {**A, "shape": [3]}}, b"\0" * 4), "takes 4 bytes"),
        (written({"a": {**A, "dtype": "F4", "shape": [7]}}, b"\0" * 4), "needs 3.5"),
        (written({"a": A}, b"\0" * 3), "end at byte"),
        (written({"a": A}, b"\0" * 5), "end at byte"),
        (written({"a": {**A, "data_offsets": [1, 5]}}, b"\0" * 5), "hole"),
        (written({"a": A, "b": {**A, "data_offsets": [2, 6]}}, b"\0" * 6), "overlaps"),
        (written({"a": A, "b": {**A, "data_offsets": [2**62, 2**62 + 4]}}, b"\0" * 4), "hole"),
    ],
)
def test_a_file_that_breaks_the_format_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    """Each way in which a header can lie is an IntegrityError that names the file and the lie."""
    with pytest.raises(IntegrityError) as caught:
        opened(tmp_path / "bad.safetensors", content)
    assert "bad.safetensors" in caught.value.message
    assert told in caught.value.message


@settings(max_examples=150, deadline=None)
@given(
    tensors=st.dictionaries(
        st.text(max_size=8).filter(lambda name: name != "__metadata__"),
        st.tuples(st.sampled_from(sorted(KNOWN)), st.lists(st.integers(0, 3), max_size=3)),
        max_size=5,
    ),
    seed=st.randoms(use_true_random=False),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, tuple[str, list[int]]], seed: Any
) -> None:
    """Any file that follows the format is read: every name, type, shape and byte, in any order of the tensors."""
    header: dict[str, Any] = {}
    data = b""
    for name in seed.sample(sorted(tensors), len(tensors)):
        dtype, shape = tensors[name]
        size = math.prod(shape) * BITS[dtype] // 8
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + size]}
        data += bytes(seed.choices((0, 1), k=size))
    found = opened(tmp_path_factory.mktemp("st") / "x.safetensors", written(header, data))
    assert set(found) == set(tensors)
    for name, array in found.items():
        start, end = header[name]["data_offsets"]
        assert (list(array.shape), array.tobytes()) == (tensors[name][1], data[start:end])
        assert array.dtype == KNOWN[tensors[name][0]]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: b"{" + text.encode()))
def test_any_header_is_read_or_refused(header: bytes) -> None:
    """Whatever bytes a header holds, reading it ends in tensors or in an IntegrityError."""
    try:
        extents = read_header(header, 8 + len(header))
    except IntegrityError:
        return
    assert sum(extent.nbytes for extent in extents.values()) == 0


@settings(max_examples=200, deadline=None)
@given(content=st.just(one("a", "U8", (16,), bytes(range(16)))), at=st.integers(0, 200), value=st.integers(0, 255))
def test_a_flipped_byte_never_reads_past_the_file(content: bytes, at: int, value: int) -> None:
    """With any one byte changed, a file is refused, or each tensor still lies within it."""
    damaged = bytearray(content)
    damaged[at % len(damaged)] = value
    try:
        length = header_length(bytes(damaged[:8]), len(damaged))
        extents = read_header(bytes(damaged[8 : 8 + length]), len(damaged))
    except IntegrityError:
        return
    assert all(8 + length <= e.start and e.start + e.nbytes <= len(damaged) for e in extents.values())


def test_the_official_package_writes_what_we_read(tmp_path: Path) -> None:
    """A file written by the safetensors package is read, and each array agrees."""
    official = pytest.importorskip("safetensors.numpy", reason="the safetensors package is not installed")
    arrays = {
        "w": np.arange(6, dtype="f4").reshape(2, 3),
        "b": np.arange(4).astype(ml_dtypes.bfloat16),
        "n": np.array(7, dtype="i8"),
    }
    official.save_file(arrays, tmp_path / "x.safetensors", metadata={"format": "np"})
    found = Tensors([("x.safetensors", tmp_path / "x.safetensors")])
    assert {name: array.tolist() for name, array in found.items()} == {n: a.tolist() for n, a in arrays.items()}
    assert found["b"].dtype == ml_dtypes.bfloat16
