"""``Model``: what ``load`` returns. Opening one reads nothing; each way to use it is imported when it is used."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

from zooclient.loading.hosted import AsyncHosted, Hosted, Runners

if TYPE_CHECKING:
    from pathlib import Path

    from zooclient.loading.tensors import Tensors
    from zooclient.records.model import ModelRecord
    from zooclient.records.ref import Ref
    from zooclient.records.snapshot import Snapshot, SnapshotFile


class Held:
    """The files of a model, held and verified; a path to whoever wants one.

    Args:
        snapshot: What is held of it.
        runners: Makes who runs it where it is hosted. None: nobody does.
    """

    __slots__ = ("_runners", "snapshot")

    def __init__(self, snapshot: Snapshot, runners: Runners | None = None) -> None:
        self.snapshot = snapshot
        self._runners = runners

    @property
    def path(self) -> Path:
        """The folder of its files. They are read-only: other snapshots may share them."""
        return self.snapshot.path

    @property
    def ref(self) -> Ref:
        """The pinned reference."""
        return self.snapshot.ref

    @property
    def record(self) -> ModelRecord:
        """What the zoo claimed about it; read from the store when asked for."""
        return self.snapshot.record

    @property
    def files(self) -> tuple[SnapshotFile, ...]:
        """Every file that is held, with its size and sha256."""
        return self.snapshot.files

    def open(self, name: str, mode: str = "rb", *, encoding: str = "utf-8") -> IO[Any]:
        """Opens one of its files for reading.

        Args:
            name: Path of the file as ``files`` lists it.
            mode: ``rb`` for bytes, ``r`` for text.
            encoding: Of the text; unused for bytes.

        Raises:
            NotFound: The model holds no file of exactly this name.
            ConfigError: Another mode: a verified file is not written to.
        """
        from zooclient.loading.files import open_file

        return open_file(self.snapshot, name, mode, encoding)

    def tensors(self, files: str | None = None) -> Tensors:
        """Returns its safetensors weights as lazy, read-only arrays by name, all shards together.

        An array is a window on the file, not a copy; nothing is read before it is looked at, nothing is unpickled.
        bf16 and fp8 arrays have the types of ``ml_dtypes``.

        Args:
            files: Which files to take, as in ``download``: ``unet/``, ``model.safetensors``. None: all of them.

        Raises:
            NotFound: No safetensors file is among them.
            ConfigError: Two of them hold a tensor of the same name: choose with ``files``.
            IntegrityError: A file is not what the safetensors format allows.
        """
        from zooclient.loading.tensors import tensors_of

        return tensors_of(self.snapshot, files)

    def into(self, kind: str, *, unsafe: bool = False, **options: Any) -> Any:
        """Hands the model to a library and returns what that makes of it.

        Args:
            kind: ``transformers``, ``sentence-transformers``, ``diffusers``, ``onnxruntime``, ``torch``,
                ``safetensors``, or what an installed package offers in the entry points ``zooclient.loaders``.
            unsafe: Let the library unpickle weights and run the model's own code. Both run whatever their author
                wrote, with your rights.
            options: Passed on to the library; see :mod:`zooclient.loading.kinds`.

        Raises:
            ConfigError: No such kind, or its library is not installed; the hint says what to install.
            PolicyError: It would unpickle or run code, and ``unsafe`` is not set.
            NotFound: The model holds nothing that this kind reads.
        """
        from zooclient.loading.loaders import load_into

        return load_into(self.snapshot, kind, unsafe=unsafe, options=options)

    def __fspath__(self) -> str:
        return os.fspath(self.snapshot.path)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.snapshot.ref} at {self.snapshot.path}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and self.snapshot == other.snapshot

    def __hash__(self) -> int:
        return hash(self.snapshot)


class Model(Held, Hosted):
    """A whole, verified model on this machine, which may be run where it is hosted as well.

    It is a path to whoever wants one (``os.fspath(model)``): a folder that transformers, diffusers and others take
    as it is.
    """

    __slots__ = ()


class AsyncModel(Held, AsyncHosted):
    """As :class:`~zooclient.Model`, from an ``AsyncClient``: what runs it is awaited, what its files are used for is
    not.
    """

    __slots__ = ()
