"""A source by its kind, and what is in it, and in that, to a bounded depth."""

from __future__ import annotations

from zooclient.auditing.files import headers
from zooclient.auditing.files.kinds import HARMLESS, kind_of, names_it
from zooclient.auditing.files.looking import DEPTH, Looking
from zooclient.auditing.files.onnx import climbs, look_at_onnx, looks_like_onnx
from zooclient.auditing.files.packed import unpack
from zooclient.auditing.files.pickled import look_for_pickles
from zooclient.auditing.files.source import Held, Source, Window
from zooclient.auditing.files.texts import look_at_text, look_through
from zooclient.auditing.files.zips import Member, end_of_directory, members

_FIRST = 1_024
_METHODS = {8: "deflate", 12: "bzip2", 14: "lzma", 95: "xz"}
_PROGRAMS = {"elf": "an ELF program or library", "pe": "a program or library of Windows", "macho": "one of macOS"}
_SCRIPTS = (".bat", ".cmd", ".js", ".ps1", ".py", ".pyc", ".sh", ".vbs")
_BLOCK = 512


def look_at_archive(looking: Looking, where: str, source: Source, depth: int = 0) -> None:
    """Notes what a source is, and what is in it.

    Args:
        looking: The scan.
        where: Its name; of something in an archive, behind the archive's and ``!``.
        source: The bytes.
        depth: How many archives lie around it.
    """
    first = source.read(0, _FIRST)
    kind = kind_of(first, source.size)
    pickled = bool(first) and look_for_pickles(looking, where, source)
    if kind and not names_it(kind, where) and kind not in _NAMED.get(where.lower().rpartition(".")[2], ()):
        looking.add("file-disguised", where, f"Its content is {kind}, which its name does not say.")
    if where.lower().endswith(".safetensors") and kind != "safetensors" and not pickled:
        looking.add("safetensors-invalid", where, "It does not begin as a safetensors file does.")
    if depth > DEPTH:
        if kind in ("zip", "tar", "gzip", "bzip2", "xz"):
            looking.add("scan-incomplete", where, f"Archives lie more than {DEPTH} deep.")
        return
    if kind == "safetensors":
        headers.look_at_safetensors(looking, where, source)
    elif kind == "gguf":
        headers.look_at_gguf(looking, where, source)
    elif kind == "npy":
        headers.look_at_npy(looking, where, source)
    elif kind in _PROGRAMS:
        looking.add("executable", where, f"It is {_PROGRAMS[kind]}.")
    elif kind in ("7z", "rar", "zstd", "lz4"):
        looking.add("archive-unopened", where, f"It is packed as {kind}.")
    elif kind in ("gzip", "bzip2", "xz"):
        _look_into_packed(looking, where, source, kind, depth)
    elif kind == "tar":
        _look_into_tar(looking, where, source, depth)
    elif kind == "hdf5":
        look_through(looking, where, source, "hdf5")
    elif kind != "zip" and not pickled:
        _look_at_rest(looking, where, source, first, kind)
    if kind == "zip" or (kind not in ("safetensors", "gguf") and end_of_directory(source)):
        if kind != "zip":
            looking.add("file-disguised", where, "A zip stands at its end.")
        _look_into_zip(looking, where, source, depth)


#: Ending → kinds under which nobody wonders at it.
_NAMED = {"safetensors": ("safetensors",), "gguf": ("gguf",), "npy": ("npy",), "h5": ("hdf5",), "hdf5": ("hdf5",)}


def _look_at_rest(looking: Looking, where: str, source: Source, first: bytes, kind: str) -> None:
    name = where.lower()
    if kind == "script" or name.endswith(_SCRIPTS):
        looking.add("script", where, "It is a script.")
    if name.endswith((".pb", ".pbtxt")):
        look_through(looking, where, source, "graph")
    elif name.endswith(".onnx") or looks_like_onnx(first):
        look_at_onnx(looking, where, source)
    elif _is_text(first) or name.endswith((*HARMLESS, *_SCRIPTS)):
        look_at_text(looking, where, source)


def _is_text(first: bytes) -> bool:
    return b"\x00" not in first


def _look_into_zip(looking: Looking, where: str, source: Source, depth: int) -> None:
    left = source.size
    try:
        for member in members(source):
            looking.members -= 1
            left -= 0 if member.wrong else member.size
            if left < 0:
                looking.add("archive-contradicts", where, "Its members overlap; the rest was not looked at.")
                return
            if looking.members < 0:
                looking.add("scan-incomplete", where, "It has more members than are looked at.")
                return
            inner = f"{where}!{member.name[:300]}"
            if climbs(member.name):
                looking.add("archive-climbs", inner, f"It would be written to {member.name[:200]!r}.")
            if member.wrong:
                looking.add(
                    "archive-contradicts", inner, f"Directory and header contradict each other: {member.wrong}."
                )
            if member.locked:
                looking.add("archive-unopened", inner, "It says that it is encrypted.")
            for method in member.methods:
                _look_at_member(looking, inner, source, member, method, depth)
    except ValueError as error:
        looking.add("archive-damaged", where, f"It could not be read: {error}.")


def _look_at_member(looking: Looking, where: str, source: Source, member: Member, method: int, depth: int) -> None:
    window = Window(source, member.start, member.size)
    if method == 0:
        look_at_archive(looking, where, window, depth + 1)
    elif method in (8, 12, 95):
        _look_into_packed(looking, where, window, _METHODS[method], depth, member=True)
    else:
        looking.add("archive-unopened", where, f"It is packed by method {method}.")


def _look_into_packed(
    looking: Looking, where: str, source: Source, method: str, depth: int, *, member: bool = False
) -> None:
    if looking.held <= 0 or looking.unpacked <= 0:
        looking.add("scan-incomplete", where, "No more was unpacked.")
        return
    data, short = unpack(looking, source, method)
    looking.held -= len(data)
    if short == "bound":
        looking.add("scan-incomplete", where, f"Only {len(data)} bytes of it were unpacked.")
    elif short:
        looking.add("archive-damaged", where, f"It breaks off after {len(data)} unpacked bytes.")
    look_at_archive(looking, where if member else f"{where}!", Held(data), depth + 1)
    looking.held += len(data)


def _look_into_tar(looking: Looking, where: str, source: Source, depth: int) -> None:
    """Walks the blocks of a tar (POSIX.1-1988 and GNU); names that stand in blocks of their own are not needed."""
    at = 0
    while len(header := source.read(at, _BLOCK)) == _BLOCK:
        if not header.strip(b"\x00"):
            at += _BLOCK
            if not source.read(at, _BLOCK).strip(b"\x00"):
                return
            continue
        looking.members -= 1
        if looking.members < 0:
            looking.add("scan-incomplete", where, "It has more members than are looked at.")
            return
        name = header[:100].split(b"\x00")[0].decode("utf-8", "replace")
        target = header[157:257].split(b"\x00")[0].decode("utf-8", "replace")
        inner = f"{where}!{name}"
        size = _tar_size(header[124:136])
        if size < 0 or at + _BLOCK + size > source.size:
            looking.add("archive-damaged", inner, "Its size is not to be read, or more than there is.")
            size = source.size - at - _BLOCK
        if climbs(name) or (header[156:157] in b"12" and climbs(target)):
            looking.add("archive-climbs", inner, f"It would be written to {name!r}, or lead to {target!r}.")
        if size:
            look_at_archive(looking, inner, Window(source, at + _BLOCK, size), depth + 1)
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK


def _tar_size(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b"\x00 ") or b"0", 8)
    except ValueError:
        return -1
