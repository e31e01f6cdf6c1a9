"""Named arrays that are windows on safetensors files."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zooclient.errors import ConfigError, IntegrityError, NotFound, Unsupported
from zooclient.loading.files import chosen, path_of
from zooclient.loading.safetensors import Extent, header_length, read_header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zooclient.records.snapshot import Snapshot

#: Types that numpy has itself; little-endian, as in the file.
_NUMPY = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
#: Types that ml_dtypes adds. F6 is packed across bytes and has no array; F4 is unpacked.
_ML_DTYPES = {
    "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "F4": "float4_e2m1fn",
}  # fmt: skip


class Tensors(Mapping[str, "NDArray[Any]"]):
    """Tensors by name; read-only arrays that share the memory of the mapped files.

    Headers are read when it is made, data when an array is looked at. A file stays mapped as long as this mapping or
    an array of it lives. Safe between threads.

    Args:
        files: (label, path) of each file; the label names it in errors.

    Raises:
        IntegrityError: A file is not what the safetensors format allows.
        ConfigError: Two files hold a tensor of the same name.
    """

    def __init__(self, files: Iterable[tuple[str, Path]]) -> None:
        self._places: dict[str, tuple[str, Extent]] = {}
        self._maps: dict[str, mmap.mmap] = {}
        for label, path in files:
            self._maps[label], extents = _mapped(label, path)
            for name, extent in extents.items():
                if name in self._places:
                    raise _twice(name, self._places[name][0], label)
                self._places[name] = label, extent

    def __getitem__(self, name: str) -> NDArray[Any]:
        label, extent = self._places[name]
        return _array(self._maps[label], extent)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places  # without making the array, as the default would

    def __repr__(self) -> str:
        return f"<Tensors: {len(self._places)} in {len(self._maps)} files>"

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns the shape of a tensor without touching its data."""
        return self._places[name][1].shape

    def dtype(self, name: str) -> str:
        """Returns the type of a tensor as the file names it, such as ``BF16``."""
        return self._places[name][1].dtype

    def file(self, name: str) -> str:
        """Returns the label of the file that holds a tensor."""
        return self._places[name][0]


def _twice(name: str, first: str, second: str) -> ConfigError:
    folder, slash, _ = second.rpartition("/")
    apart = slash and not first.startswith(folder + "/")
    return ConfigError(
        f"The tensor {name!r} is in {first} and in {second}.",
        operation="load",
        hint=f'Choose the files: `tensors("{folder + "/" if apart else second}")`.',
    )


def tensors_of(snapshot: Snapshot, files: str | None) -> Tensors:
    """Opens the safetensors weights of a snapshot; see :meth:`zooclient.Model.tensors`."""
    held = chosen(snapshot, files, (".safetensors",))
    if not held:
        there = ", ".join(file.path for file in snapshot.files if file.role == "weights")
        raise NotFound(
            f"{snapshot.ref} holds no safetensors file" + (f" that {files!r} matches." if files else "."),
            ref=str(snapshot.ref),
            zoo=snapshot.ref.scheme,
            operation="load",
            hint=f"Its weights are: {there}." if there else "No weights were downloaded.",
        )
    try:
        return Tensors((file.path, path_of(snapshot, file.path)) for file in held)
    except (ConfigError, IntegrityError) as error:
        error.about(ref=str(snapshot.ref), zoo=snapshot.ref.scheme, operation="load")
        raise


def _mapped(label: str, path: Path) -> tuple[mmap.mmap, dict[str, Extent]]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            length = header_length(file.read(8), size)
            extents = read_header(file.read(length), size)
        except IntegrityError as error:
            raise IntegrityError(f"{label} is no valid safetensors file. {error.message}") from error
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), extents


def _array(data: mmap.mmap, extent: Extent) -> NDArray[Any]:
    import numpy as np

    dtype = dtype_of(extent.dtype)
    if extent.dtype == "F4":
        array = _unpacked(np.frombuffer(data, "u1", extent.nbytes, extent.start)).view(dtype)
    elif extent.nbytes == 0:
        array = np.empty(0, dtype)
    else:
        array = np.frombuffer(data, dtype, extent.nbytes // dtype.itemsize, extent.start)
    array = array.reshape(extent.shape)
    array.flags.writeable = False
    return array


def _unpacked(pairs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Splits bytes into their low and high halves, the low one first (as torch's ``float4_e2m1fn_x2``)."""
    import numpy as np

    halves = np.empty(pairs.size * 2, "u1")
    halves[0::2] = pairs & 0x0F
    halves[1::2] = pairs >> 4
    return halves


def dtype_of(name: str, byteorder: str = sys.byteorder) -> np.dtype[Any]:
    """Returns the type of the arrays for a type of the format.

    Args:
        name: As the header names it.
        byteorder: Of this machine.

    Raises:
        Unsupported: numpy has no such array, not even with ``ml_dtypes``, or not on this machine.
    """
    import numpy as np

    if name in _NUMPY:
        return np.dtype(_NUMPY[name])
    import ml_dtypes

    kind = getattr(ml_dtypes, _ML_DTYPES.get(name, ""), None)
    if kind is None:
        raise Unsupported(f"There is no array of the type {name} in numpy and ml_dtypes.", operation="load")
    if byteorder == "big" and name == "BF16":
        raise Unsupported("bfloat16 has no byte order in ml_dtypes, so a big-endian machine cannot read it in place.")
    found: np.dtype[Any] = np.dtype(kind)
    return found
