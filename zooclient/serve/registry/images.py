"""The images of the versions of a shelf: each is made once, and its blobs are written down when somebody wants them."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from zooclient.serve.exchange import plain
from zooclient.serve.registry.form import Form
from zooclient.serve.registry.image import Source, build
from zooclient.serve.registry.layers import Pressed, Read, Recipe, blocks, press
from zooclient.serve.registry.parts import Blob, Image
from zooclient.serve.replicate import schema
from zooclient.serve.replicate.hosted import Hosted
from zooclient.serve.shelf import Commit, Place, Repository, Shelf

_BLOCK: Final = 1024 * 1024
#: Bytes of a ``cog.yaml`` that are read at the most.
_COG_YAML: Final = 1024 * 1024


@frozen(kw_only=True)
class _Made:
    """An image, and what it was made of."""

    commit: str
    document: Mapping[str, Any] = field(hash=False)
    form: Form
    image: Image


class Files:
    """A folder of blobs by digest, that goes with the process. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._held: dict[str, Place] = {}

    def get(self, digest: str) -> Place | None:
        """Where a blob lies; None where it was never put here."""
        with self._lock:
            return self._held.get(digest)

    def put(self, digest: str, content: Iterator[bytes]) -> Place:
        """Writes a blob down, unless it is here.

        Raises:
            ValueError: It has another digest.
            LookupError: What it is made of is gone.
        """
        held = self.get(digest)
        if held is not None:
            return held
        hashing = hashlib.sha256()
        try:
            with tempfile.NamedTemporaryFile(dir=self._home(), delete=False) as file:
                for block in content:
                    hashing.update(block)
                    file.write(block)
            if f"sha256:{hashing.hexdigest()}" != digest:
                raise ValueError(f"what was sent is not {digest}")
        except (LookupError, ValueError):
            Path(file.name).unlink()
            raise
        path = Path(file.name)
        stat = path.stat()
        place = Place(path=path, stamp=(stat.st_size, stat.st_mtime_ns, stat.st_ino))
        with self._lock:
            return self._held.setdefault(digest, place)

    def close(self) -> None:
        """Removes them all."""
        with self._lock:
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None
            self._held.clear()

    def _home(self) -> str:
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="zooclient-registry-")
            return self._folder.name


class Images:
    """Makes the images of versions, and remembers every one. Safe between threads.

    Args:
        files: Where blobs are written down.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.RLock()
        self._pressed: dict[Recipe, Pressed] = {}
        self._made: dict[str, list[_Made]] = {}

    def image(self, repository: Repository, commit: Commit, shelf: Shelf) -> Image | None:
        """Returns the image of a version as its owner hosts it now; None where bytes of it are gone.

        Args:
            repository: The model.
            commit: The version.
            shelf: Where its bytes lie.
        """
        hosted = repository.terms.hosted
        document = schema.document(hosted)
        with self._lock:
            made = self._made.setdefault(repository.stable_id, [])
            for one in reversed(made):
                if (one.commit, one.form, one.document) == (commit.id, hosted.image, document):
                    return one.image
            try:
                image = self._build(repository, commit, shelf, hosted, document)
            except LookupError:
                return None
            made.append(_Made(commit=commit.id, document=document, form=hosted.image, image=image))
            return image

    def former(self, repository: Repository) -> list[tuple[Image, Commit]]:
        """Returns every image that a model ever had, the newest first, and the version whose it is."""
        with self._lock:
            made = tuple(self._made.get(repository.stable_id, ()))
        return [
            (one.image, repository.commits[one.commit]) for one in reversed(made) if one.commit in repository.commits
        ]

    def place(self, blob: Blob, shelf: Shelf) -> Place | None:
        """Returns where a blob lies, after it was written down; None where what it is made of is gone."""
        content = iter((blob.content,)) if isinstance(blob.content, bytes) else blocks(blob.content, reader(shelf))
        try:
            return self._files.put(blob.digest, content)
        except LookupError:
            return None

    def _build(
        self, repository: Repository, commit: Commit, shelf: Shelf, hosted: Hosted, document: Mapping[str, Any]
    ) -> Image:
        read = reader(shelf)
        push = hashlib.sha256(f"{repository.stable_id}\0{commit.id}".encode()).hexdigest()[:32]
        source = Source(
            model=repository.id,
            files=tuple(commit.files.values()),
            cog_yaml=_cog_yaml(commit, read),
            document=document,
            cog=schema.COG,
            push=push,
            form=hosted.image,
        )
        return build(source, partial(self._press, read=read))

    def _press(self, recipe: Recipe, read: Read) -> Pressed:
        known = self._pressed.get(recipe)
        if known is None:
            known = self._pressed[recipe] = press(recipe, read)
        return known


def reader(shelf: Shelf) -> Read:
    """Returns what reads the contents of a shelf by what it keeps them under."""

    def read(digest: str) -> Iterator[bytes]:
        place = shelf.place(digest)
        if place is None:
            raise LookupError(digest)
        with place.path.open("rb") as file:
            stat = os.fstat(file.fileno())
            if (stat.st_size, stat.st_mtime_ns, stat.st_ino) != place.stamp:
                raise LookupError(digest)
            while block := file.read(_BLOCK):
                yield block

    return read


def _cog_yaml(commit: Commit, read: Read) -> Any:
    """The ``cog.yaml`` of a version; None where it has none, or one that is none."""
    entry = commit.files.get("cog.yaml")
    if entry is None or entry.size > _COG_YAML:
        return None
    import yaml

    try:
        told = yaml.safe_load(b"".join(read(entry.digest)))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return plain(told) if isinstance(told, dict) else None
