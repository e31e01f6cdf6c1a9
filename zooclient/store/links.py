"""Giving one content a second name: reflink, hard link or copy, the first that works.

A reflink shares the blocks until one side is written (btrfs, XFS, bcachefs, APFS), so a name that is written through
harms only itself; a hard link shares everything; a copy shares nothing, and is hashed on its way.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from zooclient.errors import IntegrityError
from zooclient.store.files import copy_file

LinkMode = Literal["auto", "reflink", "hardlink", "copy"]
Way = Literal["reflink", "hardlink", "copy"]

_WAYS: dict[LinkMode, tuple[Way, ...]] = {
    "auto": ("reflink", "hardlink", "copy"),
    "reflink": ("reflink", "copy"),
    "hardlink": ("hardlink", "copy"),
    "copy": ("copy",),
}
#: Read-only for all; what the umask takes away is not given.
READ_ONLY = 0o444
_FICLONE = 0x40049409  # linux/fs.h


def link(source: str, target: str, sha256: str, mode: LinkMode, *, check: Callable[[], None] = lambda: None) -> Way:
    """Gives the content of ``source`` the free name ``target``, read-only.

    Args:
        source: A file that nobody writes.
        target: A name that is free, in a folder that exists.
        sha256: Digest of the content, compared when it is copied.
        mode: ``auto``: reflink, hard link, copy; ``reflink`` and ``hardlink``: that or a copy.
        check: Called at each chunk of a copy; raises to stop.

    Returns:
        Which way worked.

    Raises:
        IntegrityError: A copy showed that the source has another content.
        OSError: The disk refuses, or the name is taken.
    """
    for way in _WAYS[mode][:-1]:
        if (reflink if way == "reflink" else _hardlink)(source, target):
            return way
    try:
        copied = copy_file(source, target, mode=READ_ONLY, check=check)
        if copied.sha256 != sha256:
            raise IntegrityError(f"The stored content {sha256} now reads as {copied.sha256}.")
    except FileExistsError:
        raise
    except BaseException:
        with suppress(OSError):
            os.unlink(target)
        raise
    return "copy"


def _hardlink(source: str, target: str) -> bool:
    """Whether a hard link could be made; it cannot on other devices, on some file systems, of others' files."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _ficlone(source: str, target: str) -> bool:
    import fcntl

    with open(source, "rb") as file:
        out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, READ_ONLY)
        try:
            fcntl.ioctl(out, _FICLONE, file.fileno())
        except OSError:
            os.unlink(target)
            return False
        finally:
            os.close(out)
    return True


def _clonefile(source: str, target: str) -> bool:
    import ctypes
    import errno

    system = ctypes.CDLL(None, use_errno=True)
    if system.clonefile(os.fsencode(source), os.fsencode(target), 0) == 0:
        os.chmod(target, READ_ONLY)
        return True
    if ctypes.get_errno() == errno.EEXIST:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    return False


_REFLINKS = {"linux": _ficlone, "darwin": _clonefile}


def reflink(source: str, target: str) -> bool:
    """Makes ``target``, a free name, share the blocks of ``source``, read-only; whether that could be done."""
    clone = _REFLINKS.get(sys.platform)
    return clone is not None and clone(source, target)
