"""Large files that were sent and that no commit has yet, and the parts of those still under way. On disk alone."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

#: Objects that are kept at the most, and uploads in parts that are under way at once.
MOST_OBJECTS: Final = 10_000
_MOST_UNDER_WAY: Final = 1000
_BLOCK: Final = 1024 * 1024


@frozen(kw_only=True)
class Stored:
    """One object.

    Attributes:
        path: Where its content lies.
        size: Bytes.
    """

    path: Path
    size: int


@frozen(kw_only=True)
class Multipart:
    """An object that is sent in parts.

    Attributes:
        id: Opaque.
        owner: Stable id of the repository.
        oid: 64 hex, the sha256 that the whole must have.
        size: Bytes of the whole.
        part_size: Bytes of every part but the last.
        etags: Number of a part to the entity tag that it was answered with, of those that are there.
    """

    id: str
    owner: str
    oid: str
    size: int
    part_size: int
    etags: dict[int, str] = field(factory=dict, hash=False)

    @property
    def count(self) -> int:
        """How many parts there are."""
        return -(-self.size // self.part_size)

    def length(self, number: int) -> int:
        """Bytes of a part, counted from 1; 0 where there is no such part."""
        return max(0, min(self.part_size, self.size - (number - 1) * self.part_size)) if number >= 1 else 0


class Objects:
    """The objects of every repository, in a temporary folder. Safe between threads.

    What one repository was sent is not there for another: a digest alone opens nobody's file.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._home: tempfile.TemporaryDirectory[str] | None = None
        self._held: dict[tuple[str, str], Stored] = {}
        self._under_way: dict[str, Multipart] = {}

    def close(self) -> None:
        """Removes everything. May be called again."""
        with self._lock:
            self._held.clear()
            self._under_way.clear()
            if self._home is not None:
                self._home.cleanup()
                self._home = None

    @property
    def folder(self) -> Path:
        """Where bodies go while they come."""
        with self._lock:
            return self._folder()

    @property
    def full(self) -> bool:
        """Whether no more is taken."""
        with self._lock:
            return len(self._held) >= MOST_OBJECTS

    def get(self, owner: str, oid: str) -> Stored | None:
        """An object that a repository was sent; None when it was not."""
        with self._lock:
            return self._held.get((owner, oid))

    def of(self, owner: str) -> Mapping[str, int]:
        """Digest to size of every object that a repository was sent."""
        with self._lock:
            return {oid: stored.size for (other, oid), stored in self._held.items() if other == owner}

    def add(self, owner: str, oid: str, body: Path, size: int) -> None:
        """Keeps a body, which is moved, as an object whose digest was checked."""
        with self._lock:
            place = self._folder() / f"{owner}-{oid}"
            if (owner, oid) not in self._held:
                body.replace(place)
                self._held[owner, oid] = Stored(path=place, size=size)

    def forget(self, owner: str) -> None:
        """Lets go of what a repository was sent. The files stay: commits may hold them."""
        with self._lock:
            self._held = {key: stored for key, stored in self._held.items() if key[0] != owner}

    # In parts

    def begin(self, owner: str, oid: str, size: int, part_size: int) -> Multipart:
        """Begins an object in parts. The oldest one under way is given up where there are too many."""
        upload = Multipart(id=secrets.token_hex(16), owner=owner, oid=oid, size=size, part_size=part_size)
        with self._lock:
            while len(self._under_way) >= _MOST_UNDER_WAY:
                self._drop(next(iter(self._under_way)))
            self._under_way[upload.id] = upload
        return upload

    def under_way(self, upload: str) -> Multipart | None:
        """An object that is sent in parts; None when there is none, or no longer."""
        with self._lock:
            return self._under_way.get(upload)

    def add_part(self, upload: Multipart, number: int, body: Path, etag: str) -> None:
        """Keeps a body, which is moved, as a part; one that was there is replaced."""
        with self._lock:
            if upload.id in self._under_way:
                body.replace(self._part(upload.id, number))
                upload.etags[number] = etag

    def complete(self, upload: Multipart) -> bool:
        """Puts the parts together; False where they are not what was announced. They are gone in either case."""
        whole = self.folder / f"whole-{upload.id}"
        digest = hashlib.sha256()
        try:
            with whole.open("wb") as file:
                for number in range(1, upload.count + 1):
                    with self._part(upload.id, number).open("rb") as part:
                        while block := part.read(_BLOCK):
                            digest.update(block)
                            file.write(block)
            if digest.hexdigest() != upload.oid or whole.stat().st_size != upload.size:
                return False
            self.add(upload.owner, upload.oid, whole, upload.size)
            return True
        except FileNotFoundError:
            return False
        finally:
            whole.unlink(missing_ok=True)
            with self._lock:
                self._drop(upload.id)

    def _drop(self, upload: str) -> None:
        dropped = self._under_way.pop(upload, None)
        for number in () if dropped is None else dropped.etags:
            self._part(upload, number).unlink(missing_ok=True)

    def _part(self, upload: str, number: int) -> Path:
        return self._folder() / f"part-{upload}-{number}"

    def _folder(self) -> Path:
        if self._home is None:
            self._home = tempfile.TemporaryDirectory(prefix="zooclient-uploads-")
        return Path(self._home.name)
