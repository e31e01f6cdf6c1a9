"""Where everything lies below a store's home, as pure text: nothing here touches the file system.

One home holds one folder for each version of this layout, so that a later version can live beside it::

    HOME/v1/
      blobs/sha256/ab/abcd…                     one content, once, read-only
      index/git-sha1/ab/abcd…                   text: the sha256 of the content that git knows by this name
      index/seen/STORE.json                     which digests each record and manifest names: only a help to find them
      snapshots/ZOO/ID/REVISION/DIGEST/         the files of one snapshot, real files under their own names
      snapshots/ZOO/ID/REVISION/DIGEST.json     its manifest; without one the folder is no snapshot
      records/ZOO/ID/REVISION.json              what the zoo claimed
      refs/ZOO/ID/NAME.json                     what a moving name meant, and when that was seen
      locks/NAME                                text: path of a zoo.lock whose models were brought here
      runs/ZOO/RUN/run.json                     the record of a run at a zoo, RUN being the zoo's name for it; beside it
                                                the files that came of it. Nothing here is ever pruned
      ingest/gate.lock                          held for moments by whoever moves something in or out
      ingest/slots/KEY/{partial,journal}        an unfinished content; KEY.lock beside it says whether anyone is at it
      ingest/work/TOKEN/                        what one open store is building; its ``lock`` is held while it lives,
                                                its ``holds`` names the contents and snapshots that it still needs
      ingest/damaged/                           what failed its digest, until it is pruned

In a store that is a mirror (:mod:`zooclient.mirror.format`) also::

      manifests/ZOO/ID/REVISION.json            what it holds of a revision, where a reader finds it without a listing
      models.json                               what it holds at all

``DIGEST`` is the first 16 hex of the content digest, ``NAME`` the first 16 hex of the sha256 of the name. ``STORE`` is
``own``, and for a further store, which is only read, the first 16 hex of the sha256 of its path.
``ZOO``, ``ID`` and ``REVISION`` are written by :func:`safe_part`.

A worked example: ``hf:Qwen/tiny-lm@3f2c…``, ``main`` on that day, with two files, of which ``LICENSE`` is the same
file as in another model::

    v1/blobs/sha256/1e/1e9a…                                       model.safetensors
    v1/blobs/sha256/c7/c71d…                                       LICENSE
    v1/index/git-sha1/d6/d645…                                     c71d…
    v1/snapshots/hf/Qwen--tiny-lm~1/3f2c…/9b0e6c1d2a3f4455/        model.safetensors (linked), LICENSE (copied)
    v1/snapshots/hf/Qwen--tiny-lm~1/3f2c…/9b0e6c1d2a3f4455.json
    v1/records/hf/Qwen--tiny-lm~1/3f2c….json
    v1/refs/hf/Qwen--tiny-lm~1/26f1…json                           main → 3f2c…

Everything outside ``ingest`` gets there by one rename, so a reader sees it whole or not at all.
"""

from __future__ import annotations

import os
import re

#: Name of the folder of this version of the layout.
VERSION = "v1"

_PLAIN = re.compile(r"[a-z0-9]+(?:[._+-][a-z0-9]+)*")
_LITERAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+")
_LONGEST_PART = 120
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"]
)


def safe_part(text: str) -> str:
    """Returns one path component that stands for ``text`` and for no other text, on every file system.

    ``/`` becomes ``--``; what no file system likes becomes ``=XX``, the hex of its UTF-8 bytes; capitals stay, and
    ``~`` with a hex number tells which letters they are, so that two ids that differ only in case stay two where
    the file system does not care about it. A text whose component would be longer than 120 characters is cut
    there and ends in ``~~`` and 40 hex of its sha256.

    >>> safe_part("Qwen/Qwen2.5-7B"), safe_part("refs/pr/1"), safe_part("con"), safe_part("")
    ('Qwen--Qwen2.5-7B~111', 'refs--pr--1', '=63on', '=')
    """
    if len(text) <= _LONGEST_PART and _PLAIN.fullmatch(text) and not is_device(text):
        return text
    pieces: list[str] = []
    capitals = letters = 0
    last = len(text) - 1
    for index, character in enumerate(text):
        pieces.append(_spell(character, text[index - 1 : index], text[index + 1 : index + 2], index in (0, last)))
        if character.isascii() and character.isalpha():
            capitals |= character.isupper() << letters
            letters += 1
    spelled = "".join(pieces) or "="
    if capitals:
        spelled += f"~{capitals:x}"
    if is_device(spelled):
        spelled = f"={ord(spelled[0]):02x}{spelled[1:]}"
    if len(spelled) > _LONGEST_PART:
        import hashlib

        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        spelled = f"{spelled[:70]}~~{digest[:40]}"
    return spelled


def _spell(character: str, before: str, after: str, at_edge: bool) -> str:
    if character == "/":
        return "--"
    # A hyphen beside a slash, or a second one, would be read as a slash; a dot at an edge hides or vanishes.
    hyphen = character == "-" and not at_edge and before not in ("-", "/") and after != "/"
    if character in _LITERAL or hyphen or (character == "." and not at_edge):
        return character
    return "".join(f"={byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def is_device(name: str) -> bool:
    """Whether Windows keeps a name for a device, with any ending."""
    return name.partition(".")[0].rstrip(" ").lower() in _DEVICES


class Layout:
    """The paths below one home. Paths are text in the notation of this system.

    Args:
        home: The home, absolute. On Windows it should carry the prefix of :func:`extended`.
    """

    def __init__(self, home: str) -> None:
        self.home = home
        self.root = os.path.join(home, VERSION)
        self.blobs = os.path.join(self.root, "blobs", "sha256")
        self.index = os.path.join(self.root, "index", "git-sha1")
        self.snapshots = os.path.join(self.root, "snapshots")
        self.records = os.path.join(self.root, "records")
        self.refs = os.path.join(self.root, "refs")
        self.runs = os.path.join(self.root, "runs")
        self.manifests = os.path.join(self.root, "manifests")
        self.locks = os.path.join(self.root, "locks")
        self.catalogue = os.path.join(self.root, "models.json")
        self.ingest = os.path.join(self.root, "ingest")
        self.gate = os.path.join(self.ingest, "gate.lock")
        self.slots = os.path.join(self.ingest, "slots")
        self.work = os.path.join(self.ingest, "work")
        self.damaged = os.path.join(self.ingest, "damaged")

    def blob(self, sha256: str) -> str:
        """Where a content lies."""
        return os.path.join(self.blobs, sha256[:2], sha256)

    def git_index(self, git_sha1: str) -> str:
        """Where the sha256 of a content stands that git knows by this name."""
        return os.path.join(self.index, git_sha1[:2], git_sha1)

    def seen(self, other: Layout) -> str:
        """Where it stands which digests the records and manifests of a store name; the own one, or a further one."""
        if other is self:
            return os.path.join(self.root, "index", "seen", "own.json")
        import hashlib

        stem = hashlib.sha256(other.root.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return os.path.join(self.root, "index", "seen", stem + ".json")

    def slot(self, key: str) -> str:
        """The folder of an unfinished content."""
        return os.path.join(self.slots, key)

    def revision(self, zoo: str, id: str, revision: str) -> str:
        """The folder of all snapshots of one revision."""
        return os.path.join(self.snapshots, safe_part(zoo), safe_part(id), safe_part(revision))

    def snapshot(self, zoo: str, id: str, revision: str, content_digest: str) -> str:
        """The folder of one snapshot; its manifest has the same name and ``.json``."""
        return os.path.join(self.revision(zoo, id, revision), content_digest.removeprefix("sha256:")[:16])

    def record(self, zoo: str, id: str, revision: str) -> str:
        """Where the zoo's claims about one revision stand."""
        return os.path.join(self.records, safe_part(zoo), safe_part(id), safe_part(revision) + ".json")

    def run(self, zoo: str, id: str) -> str:
        """The folder of what came of a run."""
        return os.path.join(self.runs, safe_part(zoo), safe_part(id))

    def manifest(self, zoo: str, id: str, revision: str) -> str:
        """Where a mirror tells what it holds of one revision."""
        return os.path.join(self.manifests, safe_part(zoo), safe_part(id), safe_part(revision) + ".json")

    def lock_note(self, path: str) -> str:
        """Where it is noted that the models of a lock were brought here."""
        import hashlib

        return os.path.join(self.locks, hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:16])

    def ref(self, zoo: str, id: str, name: str) -> str:
        """Where it stands what a moving name meant."""
        import hashlib

        stem = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return os.path.join(self.refs, safe_part(zoo), safe_part(id), stem + ".json")


def extended(path: str, *, windows: bool = os.name == "nt") -> str:
    r"""Returns an absolute path that Windows takes at any length (``\\?\…``); elsewhere, the path itself."""
    if not windows or path.startswith("\\\\?\\"):
        return path
    path = path.replace("/", "\\")
    return "\\\\?\\UNC" + path[1:] if path.startswith("\\\\") else "\\\\?\\" + path


def plain(path: str, longest: int, *, windows: bool = os.name == "nt") -> str:
    r"""Returns a path to hand out: without ``\\?\``, which many libraries do not know, where it is short enough.

    Args:
        path: A folder, as :func:`extended` wrote it.
        longest: Characters of the longest name below it.
        windows: Whether this is Windows.
    """
    if not windows or len(path) + 1 + longest >= 260 + len("\\\\?\\"):
        return path
    return "\\" + path[7:] if path.startswith("\\\\?\\UNC\\") else path.removeprefix("\\\\?\\")
