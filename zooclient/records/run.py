"""What was run where a model is hosted, and what came of it: one record for all zoos; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen

from zooclient.records.checks import check_count, check_hex, check_tuples, check_utc
from zooclient.records.paths import path_problems
from zooclient.records.plain import Plain
from zooclient.records.ref import Ref

#: How far a run is. ``aborted``: it was given up before it began.
RunStatus = Literal["starting", "processing", "succeeded", "failed", "canceled", "aborted"]

#: Statuses after which nothing changes any more.
ENDED: frozenset[RunStatus] = frozenset({"succeeded", "failed", "canceled", "aborted"})


@frozen(kw_only=True)
class RunRequest:
    """What is asked of a hosted model.

    Attributes:
        inputs: Name → value, as the model takes them; a file is a ``Path``, bytes, an open file, or an address.
        task: What it is to do, such as ``text-generation``, where a model is hosted for several. None: its own.
        served_by: Which of the hosts that a zoo works with. None: the zoo chooses.
        deadline: Seconds from now after which the zoo is to give it up. None: the zoo's own bound.
        destination: For a training: the model that gets the new version. None: it is no training.
    """

    inputs: Mapping[str, Any] = field(factory=dict, hash=False, repr=False)
    task: str | None = None
    served_by: str | None = None
    deadline: float | None = None
    destination: Ref | None = None


@frozen(kw_only=True)
class RunFile:
    """One file among the outputs of a run.

    Attributes:
        name: A safe file name, unlike that of any other file of the run.
        url: Where it lay, or the bytes themselves as a ``data:`` URI until it is saved. None: it is not told.
        media_type: Such as ``image/png``. None when not told.
        size: Bytes. None until it is saved.
        sha256: Lower-case hex, computed on arrival. None until it is saved.
    """

    name: str
    url: str | None = field(default=None, repr=False)
    media_type: str | None = None
    size: int | None = None
    sha256: str | None = None

    def __attrs_post_init__(self) -> None:
        check_count("size", self.size)
        check_hex("sha256", "sha256", self.sha256)


@frozen(kw_only=True)
class Run(Plain):
    """One run of a hosted model, or one training: what was asked, what answered, and what came of it.

    Attributes:
        ref: The model, pinned where the zoo can pin what it runs.
        requested: The model as it was asked for.
        status: How far it is.
        inputs: What was sent. A file is told by name, size and sha256; a secret by nothing.
        output: What came, as JSON values; in place of a file stands ``{"file": NAME}``, see ``files``. None: nothing.
        files: Every file among the outputs, in their order.
        id: The zoo's own name for the run. None: it has none.
        version: Which version answered, in the zoo's words. None when not told.
        served_by: Who ran it, where that is not the zoo itself. None: the zoo, or not told.
        task: What it was asked to do. None: what the model does.
        created_at: When the zoo took it, aware UTC. None when not told.
        started_at: When it began. None when it did not, or when not told.
        completed_at: When it ended. None when it has not, or when not told.
        metrics: What the zoo measured: name → number, such as ``predict_time`` in seconds, or tokens.
        cost: What it cost, in the zoo's words. None when not told.
        logs: What the model wrote while it ran.
        error: Why it failed, in the zoo's words. None when it did not.
        url: Page about it for people. None when there is none.
        problems: What is to be known, such as a version that ran in place of the one asked for.
        folder: Where its record and its files were saved on this machine, absolute. None: nowhere.
        extra: What the zoo told besides.
    """

    ref: Ref
    requested: Ref
    status: RunStatus
    inputs: Mapping[str, Any] = field(factory=dict, hash=False)
    output: Any = field(default=None, hash=False)
    files: tuple[RunFile, ...] = ()
    id: str | None = None
    version: str | None = None
    served_by: str | None = None
    task: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    metrics: Mapping[str, float] = field(factory=dict, hash=False)
    cost: str | None = None
    logs: str = field(default="", repr=False)
    error: str | None = None
    url: str | None = None
    problems: tuple[str, ...] = ()
    folder: str | None = None
    extra: Mapping[str, Any] = field(factory=dict, repr=False, hash=False)

    def __attrs_post_init__(self) -> None:
        check_tuples(files=self.files, problems=self.problems)
        for name in ("created_at", "started_at", "completed_at"):
            check_utc(name, getattr(self, name))

    @property
    def ended(self) -> bool:
        """Whether nothing changes any more."""
        return self.status in ENDED

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where each of its files that could be had was saved, in their order."""
        if self.folder is None:
            return ()
        return tuple(Path(self.folder, file.name) for file in self.files if file.sha256 is not None)


@frozen(kw_only=True)
class RunEvent:
    """Something that a run told while it went on.

    Attributes:
        kind: ``output`` for a piece of the output, ``logs`` for a piece of what the model writes, ``status`` for
            how far it is.
        text: The piece, or the status. None: it is no text.
        value: The piece as a JSON value, where it is no text. None: it is text.
    """

    kind: Literal["output", "logs", "status"]
    text: str | None = None
    value: Any = field(default=None, hash=False)


#: Name of the file beside the outputs of a run that holds its record.
RECORD = "run.json"

_RECORDS = re.compile(r"run(?:-\d+)?\.json", re.IGNORECASE)
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def file_name(text: str, otherwise: str = "output") -> str:
    """Returns a name for a file that some server named: one part, of plain characters, on every file system.

    Args:
        text: A name or a path, as it was told.
        otherwise: The name where nothing of it can be kept.
    """
    last = re.split(r"[/\\]", text)[-1]
    stem, dot, ending = _ODD.sub("_", last).strip("._-").rpartition(".")
    name = f"{(stem or ending)[:100]}{dot and stem and '.'}{ending[:16] if stem else ''}".strip("._-")
    if not name or path_problems([name]) or _RECORDS.fullmatch(name):
        name = f"{otherwise}-{name}".rstrip("-")
    return name
