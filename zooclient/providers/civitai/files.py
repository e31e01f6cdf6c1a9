"""The files of a version: names told apart, sizes as far as they are known, digests, scans; pure.

A file is its id: its name is made by the site, and several files of a version may share one. What the scanners found
and every field that is not read stay in ``extra``, beside these of ours:

* ``hashes``: every hash that is no digest of the whole file in one known spelling, in lower case: the first digits
  of a sha256 (AutoV2, SHA256_12), hashes of a part of the file (AutoV1, AutoV3), and CRC32, whose bytes the site
  prints in either order;
* ``approximate_size``: bytes, where ``sizeKB`` is only about right;
* ``selector``: the questions of the printed download address, to be tried where the file's id finds nothing;
* ``linked``: the file belongs to another version, and is only shown here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from attrs import evolve

from zooclient.errors import IntegrityError, ProtocolError
from zooclient.providers.civitai import names
from zooclient.providers.reading import clean, line, mapping, string, unread
from zooclient.records.classify import classify
from zooclient.records.model import FileEntry, Role
from zooclient.records.paths import path_problems, safe_path

_MAX_ID = 2147483647  # ids are int4 columns
#: Bytes that a file may have at the most; a larger number is no size.
_MAX_SIZE = 2**50

#: Name of theirs → name of ours and hex digits, for digests of a whole file.
_DIGESTS = {"SHA256": ("sha256", 64), "BLAKE3": ("blake3", 64)}
_HEX = re.compile(r"[0-9a-fA-F]{4,128}")
_PRINTED = re.compile(r"/api/download/models/(\d+)/?(?:\?([^#]*))?")
_SELECTORS = ("type", "format", "size", "fp", "quantType", "fileId")
_READ = frozenset({"id", "name", "hashes", "downloadUrl"})
#: Endings of formats that can run code, and of archives that may hold them.
_PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".zip")


def ident(value: Any) -> str | None:
    """Returns an id as text: a positive int4, or the same as digits. None: it is none."""
    if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,9}", value, re.ASCII):
        value = int(value)
    return str(value) if type(value) is int and 0 < value <= _MAX_ID else None


def joined(version: Sequence[Any], model: Sequence[Any]) -> list[Any]:
    """Returns the files as the answer about the version lists them, with what only the one about the model tells."""
    if not version:
        return list(model)
    known = {ident(mapping(file).get("id")): mapping(file) for file in model}
    found: list[Any] = []
    for file in version:
        more = known.get(ident(mapping(file).get("id"))) if isinstance(file, dict) and file.get("id") else None
        if more is None:
            found.append(file)
            continue
        told = {name: value for name, value in file.items() if value is not None}
        both = {**more, **told}
        if isinstance(more.get("metadata"), dict) or isinstance(file.get("metadata"), dict):
            both["metadata"] = {**mapping(more.get("metadata")), **mapping(file.get("metadata"))}
        found.append(both)
    return found


def read_files(listed: Sequence[Any], version: str) -> tuple[tuple[FileEntry, ...], tuple[str, ...]]:
    """Reads the files of a version.

    Args:
        listed: As the site lists them; an empty place (null) is passed over.
        version: Id of the version that lists them.

    Returns:
        The files, no two of one path, and sentences on what is odd.

    Raises:
        ProtocolError: An entry that is no object or has no name.
        IntegrityError: A name that is not safe, or one id with two contents.
    """
    addressed = any("fileId" in _selector(mapping(file))[1] for file in listed)
    entries = [_file(file, version, addressed) for file in listed if file is not None]
    entries = _told_apart(_once(entries))
    problems = [sentence for entry in entries for sentence in _odd(entry)]
    problems += path_problems(entry.path for entry in entries)
    return tuple(entries), tuple(problems)


def _file(told: Any, version: str, addressed: bool) -> FileEntry:
    if not isinstance(told, dict):
        raise ProtocolError(f"The answer has {type(told).__name__} in place of a file.")
    name = told.get("name")
    if not isinstance(name, str) or not name:
        raise ProtocolError("The answer lists a file without a name.")
    path = safe_path(name)
    if "/" in path:
        raise IntegrityError(
            f"The zoo lists a file whose name is not safe: {path[:200]!r} names a folder, and its files have none.",
            hint="Nothing was fetched. Do not trust this model; tell the zoo.",
        )
    printed, selector = _selector(told)
    digests, hashes = read_hashes(told.get("hashes"))
    size, about = read_size(told.get("sizeKB"))
    extra, _ = unread(told, _READ)
    extra |= {"hashes": hashes} if hashes else {}
    extra |= {"approximate_size": about} if size is None and about is not None else {}
    extra |= {"selector": selector} if selector else {}
    # Where addresses name files by id, one that names a type alone is of another version.
    linked = printed not in (None, version) or (addressed and selector.keys() == {"type"})
    extra |= {"linked": True} if linked else {}
    extra |= {"version": printed} if printed not in (None, version) else {}
    role, format_ = _kind(path, string(told.get("type")), string(mapping(told.get("metadata")).get("format")))
    return FileEntry(
        path=path,
        size=size,
        digests=digests,
        role=role,
        format=format_,
        key=ident(told.get("id")) or selector.get("fileId"),
        extra=extra,
    )


def _selector(told: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    """Reads a printed download address: the version, and the questions that select a file; never a token.

    Its host is not looked at: some answers print ``https://undefined/…``.
    """
    found = _PRINTED.search(string(told.get("downloadUrl")) or "")
    if found is None:
        return None, {}
    try:
        asked = dict(parse_qsl(found[2] or "", max_num_fields=32))
    except ValueError:
        asked = {}
    kept = {name: asked[name] for name in _SELECTORS if asked.get(name)}
    if "fileId" in kept and ident(kept["fileId"]) is None:
        del kept["fileId"]
    return ident(found[1]), kept


def read_hashes(value: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Reads ``hashes``: digests of the whole file, and every other hash under the site's own name, in lower case.

    A digest of the wrong length, or masked by one digit, is not known.
    """
    digests: dict[str, str] = {}
    others: dict[str, str] = {}
    for name, text in mapping(value).items():
        if not isinstance(text, str) or _HEX.fullmatch(text.strip()) is None:
            continue
        written = text.strip().lower()
        ours, length = _DIGESTS.get(name.upper(), (None, 0))
        if ours is None:
            others[clean(name)] = written
        elif len(written) == length and len(set(written)) > 1:
            digests[ours] = written
    return digests, others


def read_size(value: Any) -> tuple[int | None, int | None]:
    """Reads ``sizeKB``, which is bytes / 1024: the size where it is certain, and about how many bytes it is.

    Certain is a number with a fraction that names a whole number of bytes. Whole numbers of KiB were rounded by the
    site for years, and a fraction that does not come out even was cut off.
    """
    if type(value) not in (int, float) or not 0 <= value < _MAX_SIZE / 1024:  # no number at all is neither
        return None, None
    about = round(value * 1024)
    certain = not float(value).is_integer() and abs(about - value * 1024) < 0.001
    return about if certain else None, about


def _kind(path: str, type_: str | None, claimed: str | None) -> tuple[Role, str | None]:
    role, format_ = classify(path)
    if path.lower().endswith(".sft"):
        role, format_ = "weights", "safetensors"
    if role == "card":
        role = "other"  # a file called README.md is not what the site shows as the card
    if type_ in names.BESIDE:
        return "other", format_
    if type_ == "Config":
        return "config", format_
    if type_ in names.WEIGHTS and role in ("weights", "other"):
        return "weights", format_ or names.FORMATS.get(claimed or "")
    return role, format_


def _once(entries: list[FileEntry]) -> list[FileEntry]:
    """Leaves out a file that is listed twice as the same.

    Raises:
        IntegrityError: One id has two names or contents.
    """
    found: dict[tuple[str | None, str], FileEntry] = {}
    kept = []
    for entry in entries:
        known = found.setdefault((entry.key, "" if entry.key else entry.path), entry)
        if known is entry or entry.key is None:
            kept.append(entry)
        elif (known.path, known.digests) != (entry.path, entry.digests):
            raise IntegrityError(f"Civitai lists file {entry.key} twice, with different names or digests.")
    return kept


def _told_apart(entries: list[FileEntry]) -> list[FileEntry]:
    """Writes the id of the file before its ending wherever two files share a name, for all who share it."""
    for _ in range(len(entries)):
        shared = Counter(_same(entry.path) for entry in entries)
        if not any(count > 1 for count in shared.values()):
            break
        entries = [
            evolve(entry, path=_marked(entry, place)) if shared[_same(entry.path)] > 1 else entry
            for place, entry in enumerate(entries, start=1)
        ]
    return entries


def _same(path: str) -> str:
    """What two names have in common that some file system takes for one."""
    return unicodedata.normalize("NFC", path).casefold()


def _marked(entry: FileEntry, place: int) -> str:
    stem, dot, ending = entry.path.rpartition(".")
    mark = entry.key or f"file{place}"
    return f"{stem}.{mark}.{ending}" if dot and stem else f"{entry.path}.{mark}"


def _odd(entry: FileEntry) -> list[str]:
    name, told = repr(entry.path), entry.extra
    sentences = []
    if "sha256" not in entry.digests:
        sentences.append(f"Civitai states no sha256 for {name}: what comes cannot be checked against it.")
    short = mapping(told.get("hashes")).get("AutoV2")
    if short and "sha256" in entry.digests and not entry.digests["sha256"].startswith(short[:10]):
        sentences.append(f"The hashes of {name} contradict each other: they may be of two files.")
    if told.get("linked"):
        sentences.append(f"{name} belongs to another version, and is linked here.")
    if "Danger" in (told.get("pickleScanResult"), told.get("virusScanResult")):
        sentences.append(f"Civitai's scan found {name} dangerous.")
    elif entry.path.lower().endswith(_PICKLES) and told.get("pickleScanResult") != "Success":
        found = string(told.get("pickleScanResult")) or "none"
        sentences.append(f"{name} can hold code, and was not scanned for it with success (result: {line(found, 40)}).")
    claimed = names.FORMATS.get(string(mapping(told.get("metadata")).get("format")) or "")
    if claimed is not None and entry.format is not None and claimed != entry.format:
        sentences.append(f"{name} is said to be {claimed}, and by its name is {entry.format}.")
    return sentences
