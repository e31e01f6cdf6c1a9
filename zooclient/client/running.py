"""One run of a hosted model: who runs it, where what comes of it is saved, and how it is repeated.

Each step is a flow, so the same text serves both colours. The outputs of a run lie at addresses that are good for an
hour; they are fetched at once, and hashed while they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from zooclient.client.guests import guarded
from zooclient.client.keeping import keep, prepared
from zooclient.client.telling import telling
from zooclient.errors import Cancelled, ConfigError, RunFailed, StoreError, Unsupported
from zooclient.net.cancel import CARRIED_ON
from zooclient.net.exchange import Call
from zooclient.providers.further import HostsModels, TrainsModels
from zooclient.records.run import RECORD, Run, RunRequest

if TYPE_CHECKING:
    from zooclient.client.steps import Steps
    from zooclient.client.wiring import Wiring
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord
    from zooclient.records.ref import Ref
    from zooclient.records.run import RunEvent


def run(
    wiring: Wiring,
    record: ModelRecord,
    request: RunRequest,
    *,
    told: Callable[[RunEvent], None] | None = None,
    to: Path | None = None,
    via: str | None = None,
) -> Flow[Run]:
    """One run or training, from its inputs to its saved outputs.

    Args:
        wiring: The client's.
        record: The model.
        request: What is asked of it; a training where it names a destination.
        told: Called with each event as it comes. None: the end alone is awaited.
        to: Folder for what comes of it. None: one of its own below the store's home.
        via: ``official`` for the zoo's own client. None: as the settings say.

    Raises:
        RunFailed: It did not end well. What there is of it is saved all the same.
        ZooError: As for :meth:`zooclient.Model.run`.
    """
    operation = "run" if request.destination is None else "train"
    with telling(operation, record.ref):
        start = _starter(wiring, record, request, via)
        place = yield Call(run=lambda: prepared(wiring, record.ref.scheme, to))
        ended = yield from _ended(lambda: start(record, request, told=told), record.ref.scheme)
        try:
            ended = yield from keep(wiring, record, ended, place)
        except (StoreError, Cancelled) as error:
            # It is over, and paid for: what is lost here may still be had there.
            error.hint = f"The run {ended.id or ''} is over ({ended.status}), and could not be saved whole"
            error.hint += f": {ended.url}" if ended.url else "."
            raise
        if ended.status != "succeeded":
            raise failure_of(ended)
    return ended


def _ended(begin: Callable[[], Flow[Run]], scheme: str) -> Flow[Run]:
    """The run when it is over; what goes wrong is an error of ours, whoever made the zoo's provider.

    Raises:
        ConfigError: The provider of another package failed, or gave something else than a run.
        Cancelled: The caller wished so; the hint tells what becomes of the run.
    """
    with guarded(scheme):
        try:
            ended = yield from begin()
        except Cancelled as error:
            if (error.hint or "").startswith(CARRIED_ON):
                error.hint = "Nothing of it was kept here. What the zoo had begun may go on there, and be billed."
            raise
        if not isinstance(ended, Run):
            raise TypeError(f"no run came of it, but {type(ended).__name__}")
        return ended


def _starter(wiring: Wiring, record: ModelRecord, request: RunRequest, via: str | None) -> Callable[..., Flow[Run]]:
    host = host_of(wiring, record, via)
    if request.destination is not None:
        if isinstance(host, TrainsModels):
            return host.train
        raise Unsupported(
            f"{record.ref} cannot be trained: {record.ref.scheme} trains nothing.",
            hint="replicate: models can be trained, where their versions say so.",
        )
    if isinstance(host, HostsModels):
        return host.run
    raise _unhosted(wiring, record)


def _unhosted(wiring: Wiring, record: ModelRecord) -> Unsupported:
    """The error for a model that nobody can be asked to run, with what can be done in place of it."""
    scheme = record.ref.scheme
    can = wiring.provider(scheme).capability
    ways = [f"A demo of it is at {demo.url}." for demo in record.demos[:1]]
    if can.in_place or can.download:
        ways.append(f'`load("{record.ref}")` {"opens it" if can.in_place else "brings it to this machine"}.')
    return Unsupported(
        f"{record.ref} cannot be run at {scheme}: nothing is hosted there.",
        zoo=scheme,
        ref=str(record.ref),
        hint=" ".join(ways) or None,
    )


def host_of(wiring: Wiring, record: ModelRecord, via: str | None) -> object:
    """Returns who runs the models of a zoo: its provider, or its own client.

    Raises:
        ConfigError: Another way than ``official``.
        Unsupported: The zoo has no client of its own, or none that runs models.
    """
    scheme = record.ref.scheme
    provider = wiring.provider(scheme)
    if via is None:
        # A setting says how bytes move, too; it is no reason to fail where the zoo's own client runs nothing.
        official = _official(wiring, scheme) if wiring.settings.zoo(scheme).via == "official" else None
        return provider if official is None else official
    if via != "official":
        raise ConfigError(f"via={via!r} is not known.", hint='The one choice is via="official".')
    official = _official(wiring, scheme)
    if official is None:
        raise Unsupported(
            f"No client of {scheme}'s own runs models here.",
            zoo=scheme,
            hint='Leave via="official" (--via official) out.',
        )
    return official


def _official(wiring: Wiring, scheme: str) -> object | None:
    """The zoo's own client where it runs models."""
    from zooclient.providers.registry import official_runs_for

    return official_runs_for(wiring.provider(scheme))


def failure_of(run: Run) -> RunFailed:
    """Returns the error that a run which did not end well is raised as."""
    name = f"The run {run.id} of {run.ref}" if run.id else f"The run of {run.ref}"
    if run.status == "failed":
        what, hint = f"failed: {(run.error or 'no reason is told').rstrip('.')}", "Its logs may tell more."
    elif run.status == "aborted":
        what, hint = "was aborted before it began", "A longer deadline may help; what never began is not billed."
    else:
        what, hint = "was canceled while it ran", "A longer deadline may help."
    if run.folder is not None:
        hint += f" All that is known of it lies in {run.folder}"
    return RunFailed(f"{name} {what}.", run=run, zoo=run.ref.scheme, ref=str(run.ref), url=run.url, hint=hint)


# -- again --------------------------------------------------------------------------------------


def repeat(
    steps: Steps,
    saved: Run,
    inputs: Mapping[str, Any],
    *,
    told: Callable[[RunEvent], None] | None = None,
    to: Path | None = None,
    via: str | None = None,
    deadline: float | None = None,
) -> Flow[Run]:
    """A saved run once more: the same version where it can be pinned, and the same inputs but for those given.

    Raises:
        ConfigError: An input was a file, of which a saved run holds the digest alone, and it is not given again.
        ZooError: As for :func:`run`.
    """
    record = yield from steps.record_of(_again(saved), "run")
    destination = saved.extra.get("destination")
    request = RunRequest(
        inputs=_inputs_of(saved, inputs),
        task=saved.task if destination is None else None,
        served_by=saved.served_by,
        deadline=deadline,
        destination=_ref(destination) if isinstance(destination, str) else None,
    )
    return (yield from run(steps.wiring, record, request, told=told, to=to, via=via))


def _again(saved: Run) -> Ref:
    return saved.ref if saved.ref.pinned else saved.requested


def _ref(text: str) -> Ref:
    from zooclient.records.ref import Ref

    return Ref.parse(text)


def _inputs_of(saved: Run, given: Mapping[str, Any]) -> dict[str, Any]:
    missing = {name: file for name, value in saved.inputs.items() if name not in given and (file := _file_in(value))}
    if missing:
        told = "; ".join(f"{name} was {file}" for name, file in missing.items())
        raise ConfigError(
            f"A saved run holds no copy of the files that went in: {told}.",
            hint=f"Give each again: {' '.join(f'{name}=@FILE' for name in missing)}",
            operation="run",
        )
    return {**saved.inputs, **given}


def _file_in(value: Any) -> str | None:
    """How a file among an input is told; None where there is none."""
    if isinstance(value, list | tuple):
        return next((found for item in value if (found := _file_in(item)) is not None), None)
    if isinstance(value, Mapping) and set(value) == {"file", "size", "sha256"}:
        return f"{value['file'] or 'a file'} of {value['size']} bytes with sha256 {value['sha256']}"
    return None


def read_run(saved: Run | Path) -> Run:
    """Returns the record of a saved run.

    Args:
        saved: The record itself, its file, or the folder that holds it as ``run.json``.

    Raises:
        ConfigError: There is none, or it cannot be read.
    """
    import json

    if isinstance(saved, Run):
        return saved
    path = saved / RECORD if saved.is_dir() else saved
    try:
        data = json.loads(path.read_bytes())
        found = Run.from_dict(data)
    except OSError as error:
        raise ConfigError(
            f"The saved run {path} cannot be read: {error.strerror}.",
            operation="run",
            hint="Name a run.json, or the folder that holds one.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} holds no saved run: {error}", operation="run") from error
    return evolve(found, folder=str(path.absolute().parent))
