"""A packed layer as the stream that was packed: within a bound, hashed on its way."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import IO, Any

from zooclient.errors import IntegrityError, Unsupported
from zooclient.records.model import Compression
from zooclient.store.files import CHUNK, size_text


class Unpacked:
    """The bytes of a packed file.

    Args:
        file: The packed file, at its beginning.
        compression: How it is packed.
        most: Bytes that it may have unpacked; more is taken for a bomb.
        check: Called now and then; raises to stop.
    """

    def __init__(
        self, file: IO[bytes], compression: Compression, *, most: int, check: Callable[[], None] = lambda: None
    ) -> None:
        self._pieces = _PIECES[compression](file)
        self._hash = hashlib.sha256()
        self._most = most
        self._check = check
        self._rest = bytearray()
        self.size = 0

    def read(self, size: int) -> bytes:
        """Returns ``size`` bytes; fewer only at the end.

        Raises:
            IntegrityError: It is packed in another way, cut, or larger than it may be.
        """
        while len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._check()
            self._hash.update(piece)
            self.size += len(piece)
            if self.size > self._most:
                raise IntegrityError(
                    f"A layer holds more than {size_text(self._most)} when it is unpacked, and is not read further.",
                    hint="It may be made to fill the disk.",
                )
            self._rest += piece
        got = bytes(self._rest[:size])
        del self._rest[:size]
        return got

    def finish(self) -> str:
        """Reads what is left, and returns the sha256 of everything unpacked, hex."""
        while self.read(CHUNK):
            pass
        return self._hash.hexdigest()


def _plain(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(CHUNK):
        yield piece


def _gzip(file: IO[bytes]) -> Iterator[bytes]:
    """Members of gzip one after the other (RFC 1952), no piece larger than a chunk."""
    waiting = b""
    ended = True
    unpacker = zlib.decompressobj(wbits=31)
    while True:
        waiting = waiting or file.read(CHUNK)
        if not waiting:
            if not ended:
                raise _torn("gzip")
            return
        if ended:
            unpacker, ended = zlib.decompressobj(wbits=31), False
        try:
            piece = unpacker.decompress(waiting, CHUNK)
        except zlib.error as error:
            raise _torn("gzip") from error
        waiting = unpacker.unconsumed_tail
        if unpacker.eof:
            waiting, ended = unpacker.unused_data, True
        if piece:
            yield piece


def _zstd(file: IO[bytes]) -> Iterator[bytes]:
    """Frames of zstd one after the other (RFC 8878); Python itself reads them from 3.14 on."""
    opened, failure = _zstd_reader(file)
    while True:
        try:
            piece = opened.read(CHUNK)
        except (failure, EOFError) as error:
            raise _torn("zstd") from error
        if not piece:
            return
        yield piece


def _zstd_reader(file: IO[bytes]) -> tuple[Any, type[Exception]]:
    try:
        own = import_module("compression.zstd")
    except ImportError:
        pass
    else:
        return own.ZstdFile(file), own.ZstdError
    try:
        other = import_module("zstandard")
    except ImportError as error:
        raise Unsupported(
            "A layer of the image is packed with zstd, which this Python cannot unpack.",
            hint='`pip install "zooclient[zstd]"` adds that; Python 3.14 has it.',
        ) from error
    return other.ZstdDecompressor().stream_reader(file, read_across_frames=True), other.ZstdError


def _torn(how: str) -> IntegrityError:
    return IntegrityError(f"A layer is said to be packed with {how}, and cannot be unpacked: it is cut or no {how}.")


_PIECES: dict[Compression, Callable[[IO[bytes]], Iterator[bytes]]] = {"none": _plain, "gzip": _gzip, "zstd": _zstd}
