"""The safetensors format, read by ourselves: where each tensor lies in a file, after every number was checked.

A file is eight bytes (little-endian length of the header), a JSON header, and the data. The rules are those of
https://github.com/huggingface/safetensors#format and of that project's own reader: a header of at most 100 MB that
begins with ``{``, no key twice, the tensors side by side from the first byte of the data to the last, each as long
as its shape and type say.

The ``safetensors`` package reads the same files, but not for us: its numpy door knows no fp8 and copies, and opening
a file by it imports compiled code that a reader of JSON does not need.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from zooclient.errors import IntegrityError

#: Bytes of a header at the most, the bound of the format's own reader.
MAX_HEADER = 100_000_000
#: Dimensions at the most, the bound of every numpy.
MAX_RANK = 32
#: Name of a type in a header → bits of one element.
BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "C64": 64,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8,
    "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip


class Extent(NamedTuple):
    """Where one tensor lies.

    Attributes:
        dtype: Name of its type, a key of ``BITS``.
        shape: Elements in each dimension.
        start: First byte, counted from the start of the file.
        nbytes: How many bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    start: int
    nbytes: int


def header_length(first: bytes, file_size: int) -> int:
    """Returns how many bytes of header follow the first eight.

    Args:
        first: The first eight bytes of the file, or all of them when it is shorter.
        file_size: Bytes of the whole file.

    Raises:
        IntegrityError: The file is too short for what it says, or says more than the format allows.
    """
    if len(first) < 8:
        raise IntegrityError(f"It is {len(first)} bytes long; a safetensors file begins with eight bytes of length.")
    length = int.from_bytes(first[:8], "little")
    if length > MAX_HEADER:
        raise IntegrityError(f"Its header claims {length} bytes; {MAX_HEADER} are the most that the format allows.")
    if length + 8 > file_size:
        raise IntegrityError(f"Its header claims {length} bytes, and the file has {file_size} in all.")
    return length


def read_header(header: bytes, file_size: int) -> dict[str, Extent]:
    """Reads a header and checks that its tensors fill the data exactly.

    Args:
        header: The header alone, without the eight bytes before it.
        file_size: Bytes of the whole file.

    Raises:
        IntegrityError: It breaks a rule of the format.
    """
    if not header.startswith(b"{"):
        raise IntegrityError("Its header is no JSON object.")
    try:
        fields = json.loads(header.decode("utf-8"), object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"Its header is no JSON: {error}.") from error
    _check_metadata(fields.pop("__metadata__", None))
    data_start = 8 + len(header)
    extents = {name: _extent(name, value, data_start) for name, value in fields.items()}
    end = data_start
    for name, extent in sorted(extents.items(), key=lambda item: (item[1].start, item[1].nbytes)):
        if extent.start != end:
            what = "overlaps what is before it" if extent.start < end else "leaves a hole before it"
            raise IntegrityError(f"Its tensor {name!r} {what}.")
        end += extent.nbytes
    if end != file_size:
        raise IntegrityError(f"Its tensors end at byte {end}, and the file at byte {file_size}.")
    return extents


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise IntegrityError(f"Its header holds the key {twin!r} twice.")
    return found


def _check_metadata(metadata: Any) -> None:
    if metadata is None:
        return
    if not isinstance(metadata, Mapping) or not all(isinstance(value, str) for value in metadata.values()):
        raise IntegrityError("Its __metadata__ is no table of texts.")


def _extent(name: str, value: Any, data_start: int) -> Extent:
    if not isinstance(value, dict):
        raise IntegrityError(f"Its tensor {name!r} is described by no JSON object.")
    dtype, shape, offsets = value.get("dtype"), value.get("shape"), value.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise IntegrityError(f"Its tensor {name!r} has the type {dtype!r}, which the format does not know.")
    if not _naturals(shape) or len(shape) > MAX_RANK or math.prod(max(size, 1) for size in shape) >= 2**60:
        raise IntegrityError(f"Its tensor {name!r} has a shape that no array can have.")
    if not _naturals(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise IntegrityError(f"Its tensor {name!r} has no pair of offsets.")
    bits = math.prod(shape) * BITS[dtype]
    nbytes = offsets[1] - offsets[0]
    if bits != nbytes * 8:
        raise IntegrityError(
            f"Its tensor {name!r} takes {nbytes} bytes, and {dtype} of the shape {shape} needs {bits / 8:g}."
        )
    return Extent(dtype, tuple(shape), data_start + offsets[0], nbytes)


def _naturals(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)
