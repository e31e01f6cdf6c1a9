"""A project on the disk: its file, which names the models, and the lock beside it."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from zooclient.errors import ConfigError, StoreError
from zooclient.lock.format import NAME as LOCK_NAME
from zooclient.lock.format import Lock, dumps, loads
from zooclient.lock.project import Wanted, read_models, with_model, without_model
from zooclient.settings.files import find_project, project_in

#: The project file that is made where there is none.
OWN_NAME = "zoo.toml"


@frozen
class Project:
    """A project.

    Attributes:
        file: Its file, ``zoo.toml`` or ``pyproject.toml``. It need not exist.
    """

    file: Path

    @classmethod
    def at(cls, folder: Path) -> Project:
        """Returns the project that ``folder`` lies in; a new one there when it lies in none.

        Raises:
            ConfigError: Its file cannot be read.
        """
        found = find_project(folder)
        return cls(found[0] if found is not None else folder.absolute() / OWN_NAME)

    @property
    def shared(self) -> bool:
        """Whether the file is other tools' as well, and ours is a table in it."""
        return self.file.name != OWN_NAME

    @property
    def lock_file(self) -> Path:
        """Where the lock is."""
        return self.file.with_name(LOCK_NAME)

    def wanted(self) -> tuple[Wanted, ...]:
        """Returns the models that the project names, sorted by name; none where there is no file.

        Raises:
            ConfigError: The file cannot be read, or one of them is not as it must be.
        """
        found = project_in(self.file.parent)
        return () if found is None else read_models(found[1], str(self.file))

    def lock(self) -> Lock | None:
        """Returns the lock; None when there is none.

        Raises:
            ConfigError: It cannot be read, or is none.
            IntegrityError: Somebody edited it.
        """
        text = _text(self.lock_file)
        return None if text is None else loads(text, name=str(self.lock_file))

    def write_lock(self, lock: Lock) -> bool:
        """Writes the lock, whole or not at all; returns whether that changed anything.

        Raises:
            StoreError: The disk refuses.
        """
        return _write(self.lock_file, dumps(lock))

    def add(self, wanted: Wanted) -> bool:
        """Adds a model, or changes the one of its name; returns whether that changed anything.

        Raises:
            ConfigError: The file cannot be read.
            StoreError: The disk refuses.
        """
        return _write(self.file, with_model(_text(self.file) or "", wanted, shared=self.shared))

    def remove(self, name: str) -> None:
        """Removes a model.

        Raises:
            NotFound: The project names no such model.
            ConfigError: The file cannot be read.
            StoreError: The disk refuses.
        """
        _write(self.file, without_model(_text(self.file) or "", name, shared=self.shared))


def _text(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8.") from error


def _write(path: Path, text: str) -> bool:
    """Replaces a file in one step, with the rights that it had; what is the same already stays untouched."""
    if _text(path) == text:
        return False
    target = Path(os.path.realpath(path))  # a link stays one
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {error.strerror}.", hint="What was in it is as it was.") from error
    return True
