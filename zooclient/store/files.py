"""Small deeds on files that the whole store needs: written at once, hashed, copied, thrown away; and one error.

**What survives what.** A killed process loses nothing that was written: the pages belong to the kernel. A power cut
may take what was written in the last half minute. Flushing every file would cost the speed of the disk at each
download (measured on a virtual disk: 2 GiB in 6 s instead of 2), so the store does not; it makes sure instead that the
loss is seen. What a power cut takes shows as a wrong size or as missing blocks (``st_blocks``), which every warm
load compares, and small files are hashed again whenever they are copied. Where the system does not count blocks
(Windows), files are flushed before they pass the door.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from typing import Any

from zooclient.errors import StoreError
from zooclient.records.digest import git_blob_header
from zooclient.records.receipt import Observed

#: Bytes read and written at a time.
CHUNK = 1 << 20

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NAMES = (errno.ENAMETOOLONG, errno.EILSEQ)


@contextmanager
def storing(doing: str, place: str, needed: int | None = None) -> Iterator[None]:
    """Turns what the disk refuses into the store's error.

    Args:
        doing: What is being done, to follow "while", such as ``writing the record``.
        place: Path at which it is done.
        needed: Bytes that it takes. None: not known.
    """
    try:
        yield
    except OSError as error:
        raise store_error(error, doing, place, needed) from error


def store_error(error: OSError, doing: str, place: str, needed: int | None = None) -> StoreError:
    """Returns the store's error for one of the system's."""
    if error.errno in _FULL:
        wanted = "" if needed is None else f"{size_text(needed)} are needed, "
        return StoreError(
            f"The disk is full while {doing}: {wanted}{size_text(free_bytes(place))} are free at {place}.",
            hint="`zooclient cache prune` frees what nothing needs; ZOOCLIENT_HOME moves the store elsewhere.",
        )
    if error.errno in _DENIED:
        return StoreError(
            f"{place} may not be written while {doing}: {error.strerror}.",
            hint="What the store holds can still be loaded. ZOOCLIENT_HOME names a folder that may be written; a "
            "store that may only be read belongs into ZOOCLIENT_STORES.",
        )
    if error.errno in _NAMES:
        return StoreError(
            f"The file system cannot hold the name {place!r} while {doing}: {error.strerror}.",
            hint="Leave the file out (exclude), or put the store on another file system.",
        )
    return StoreError(f"The store failed while {doing} at {place}: {error.strerror or error}.")


def size_text(size: int) -> str:
    """Returns a number of bytes for people."""
    amount = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def free_bytes(place: str) -> int:
    """Returns the bytes that are free where ``place`` is or would be; 0 when nobody can tell."""
    while True:
        try:
            return shutil.disk_usage(place).free
        except OSError:
            parent = os.path.dirname(place)
            if parent == place:
                return 0
            place = parent


def write_json(path: str, data: object, temporary: str) -> None:
    """Writes a JSON file whole or not at all.

    Args:
        path: Where it goes; missing folders are made.
        data: Plain values.
        temporary: A path on the same file system that nobody else uses.
    """
    write_text(path, json.dumps(data, ensure_ascii=False, indent=1), temporary)


def write_text(path: str, text: str, temporary: str) -> None:
    """Writes a text file whole or not at all; arguments as for :func:`write_json`."""
    with storing("writing", path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open(temporary, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
                file.write(text)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise


def read_json(path: str) -> Any:
    """Returns the values of a JSON file; None when it is not there or not whole."""
    try:
        with open(path, "rb") as file:
            return json.loads(file.read())
    except (OSError, ValueError, RecursionError):  # the last: brackets within brackets
        return None


def token() -> str:
    """Returns a name that nobody else uses."""
    return secrets.token_hex(8)


def hash_file(path: str, *, git: bool = False, check: Callable[[], None] = lambda: None) -> Observed:
    """Reads a file and returns its size and digests.

    Args:
        path: The file.
        git: Whether to compute the git blob sha1 too.
        check: Called at each chunk; raises to stop.
    """
    with open(path, "rb", buffering=0) as file:
        return _pour(file, None, os.fstat(file.fileno()).st_size if git else None, check)


def copy_file(
    source: str, target: str, *, git: bool = False, mode: int = 0o666, check: Callable[[], None] = lambda: None
) -> Observed:
    """Copies a file to a name that must be free, and returns what the bytes hashed to on their way.

    Args:
        source: The file.
        target: Where it goes.
        git: Whether to compute the git blob sha1 too.
        mode: Permissions of the copy, before the umask.
        check: Called at each chunk; raises to stop.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(source, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size if git else None
        with open(os.open(target, flags, mode), "wb", buffering=0) as out:
            return _pour(file, out, size, check)


def _pour(file: FileIO, out: FileIO | None, git_size: int | None, check: Callable[[], None]) -> Observed:
    sha256 = hashlib.sha256()
    git = None if git_size is None else hashlib.sha1(git_blob_header(git_size), usedforsecurity=False)
    buffer = memoryview(bytearray(CHUNK))
    size = 0
    while count := file.readinto(buffer):
        check()
        piece = buffer[:count]
        sha256.update(piece)
        if git is not None:
            git.update(piece)
        while out is not None and piece:
            piece = piece[out.write(piece) :]
        size += count
    return Observed(size=size, sha256=sha256.hexdigest(), git_sha1=git.hexdigest() if git is not None else None)


def looks_sparse(status: os.stat_result) -> bool:
    """Whether a file has fewer blocks than bytes: it was compressed, or a power cut took a part."""
    blocks = getattr(status, "st_blocks", None)
    return blocks is not None and blocks * 512 < status.st_size


def flush(path: str) -> None:
    """Waits until the disk has the bytes of a file."""
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(path: str) -> None:
    """Throws away a file or a folder with all it holds; what is not there is gone already."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(status.st_mode):
        with os.scandir(path) as entries:
            inner = [entry.path for entry in entries]
        for name in inner:
            discard(name)
        with suppress(FileNotFoundError):
            os.rmdir(path)
        return
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except PermissionError:
        # Windows does not delete what is read-only.
        os.chmod(path, stat.S_IWRITE | stat.S_IREAD)
        os.unlink(path)


def disk_bytes(path: str) -> int:
    """Returns the bytes of all files below a path, each name counted."""
    try:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode):
            return status.st_size
        with os.scandir(path) as entries:
            inner = [entry.path for entry in entries]
    except OSError:
        return 0
    return sum(disk_bytes(name) for name in inner)
