"""What is done to a project: models come and go, are locked, and are brought to this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.client.locked import held_lock
from zooclient.client.syncing import Synced, share, sync
from zooclient.errors import ConfigError, NotFound
from zooclient.lock.files import OWN_NAME, Project
from zooclient.lock.format import Lock
from zooclient.lock.project import checked_name

if TYPE_CHECKING:
    from datetime import timedelta

    from zooclient.client.outdated import Outdated
    from zooclient.client.steps import Steps
    from zooclient.lock.project import Wanted
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.records.ref import Ref
    from zooclient.settings import Settings
    from zooclient.store.reports import Pruned
    from zooclient.store.store import Store
    from zooclient.transfer.reporter import Reporter


def project_of(settings: Settings, folder: Path | None) -> Project:
    """Returns the project that is meant.

    Args:
        settings: The client's.
        folder: Folder that lies in it, or is to become one. None: the one whose file the settings were read from.

    Raises:
        ConfigError: None is meant.
    """
    if folder is not None:
        return Project.at(folder)
    if settings.project is None:
        raise ConfigError(
            "There is no project here.", hint="A zoo.toml makes a folder one; `zooclient add NAME REF` writes it."
        )
    return Project(settings.project)


def within(steps: Steps, project: Project) -> Steps:
    """Returns the steps as they are taken in a project: its policy holds, whichever project the settings are of.

    Raises:
        ConfigError: Its file cannot be read.
    """
    if project.file == steps.settings.project:
        return steps
    from zooclient.client.policing import has_policy
    from zooclient.client.steps import Steps

    return Steps(steps.wiring, (project.file,)) if has_policy(project.file) else steps


def add(
    steps: Steps, project: Project, wanted: Wanted, *, reporter: Reporter | None, cancel: Cancel | None
) -> Flow[Lock]:
    """Locks a model and adds it to the project; nothing is written before it was found.

    Raises:
        ConfigError: Its name is none, or its zoo cannot pin it.
        ZooError: As for resolving and planning it.
    """
    from zooclient.client.locking import lock

    checked_name(wanted.name, "The name")
    steps = within(steps, project)
    models = [*(one for one in project.wanted() if one.name != wanted.name), wanted]
    made = yield from lock(steps, models, project.lock(), renew=(wanted.name,), reporter=reporter, cancel=cancel)
    project.add(wanted)
    project.write_lock(made)
    return made


def remove(project: Project, name: str) -> None:
    """Takes a model out of a project and its lock; its files stay in the store until they are pruned.

    Raises:
        NotFound: The project has no such model.
    """
    held = project.lock()
    project.remove(name)
    if held is not None:
        project.write_lock(Lock(models=tuple(model for model in held.models if model.name != name)))


def locked(
    steps: Steps,
    project: Project,
    *,
    check: bool,
    renew: Iterable[str],
    reporter: Reporter | None,
    cancel: Cancel | None,
) -> Flow[Lock]:
    """The lock of a project: written anew where it does not fit, or only looked at (``check``), asking nobody.

    Raises:
        ConfigError: Checked, and it does not fit.
        ZooError: As for resolving and planning each model that is not locked yet.
    """
    if check:
        return held_lock(project, "lock")
    return (yield from _locked_anew(within(steps, project), project, project.wanted(), renew, reporter, cancel))


def _locked_anew(
    steps: Steps,
    project: Project,
    wanted: Iterable[Wanted],
    renew: Iterable[str],
    reporter: Reporter | None,
    cancel: Cancel | None,
) -> Flow[Lock]:
    from zooclient.client.locking import lock

    made = yield from lock(steps, wanted, project.lock(), renew=renew, reporter=reporter, cancel=cancel)
    project.write_lock(made)
    return made


def synced(
    steps: Steps,
    project: Project,
    *,
    frozen: bool,
    names: tuple[str, ...] | None,
    groups: tuple[str, ...] | None,
    shard: tuple[int, int] | None,
    reporter: Reporter | None,
    cancel: Cancel | None,
) -> Flow[tuple[Synced, ...]]:
    """Every model of a project that is wanted here, as a snapshot.

    Args:
        steps: The steps.
        project: The project.
        frozen: The lock is taken as it is and must fit; nothing moves but bytes.
        names: Names of the models. None: all that the groups leave.
        groups: Groups. None: every model.
        shard: As for :func:`~zooclient.client.syncing.share`.
        reporter: Told of progress. None: nobody is.
        cancel: Stops it. None: nothing does.
    """
    steps, wanted = within(steps, project), project.wanted()
    if frozen:
        found = held_lock(project, "sync", wanted)
    else:
        found = yield from _locked_anew(steps, project, wanted, (), reporter, cancel)
    chosen = _chosen(wanted, names, groups)
    steps.wiring.note_lock(project.lock_file)
    models = share([model for model in found.models if model.name in chosen], shard)
    return (yield from sync(steps, models, asking=not frozen, reporter=reporter, cancel=cancel))


def fates(
    steps: Steps, project: Project, names: tuple[str, ...] | None, cancel: Cancel | None
) -> Flow[tuple[Outdated, ...]]:
    """What became of the locked models of a project, or of some of them."""
    from zooclient.client.outdated import outdated

    held = project.lock() or Lock()
    for name in names or ():
        if held.model(name) is None:
            raise NotFound(f"The lock has no model {name!r}.", hint="`zooclient tree` shows those that it has.")
    chosen = [model for model in held.models if names is None or model.name in names]
    return (yield from outdated(steps.wiring, chosen, cancel))


def pruned(
    steps: Steps, *, older_than: timedelta | None, keep: tuple[Ref, ...], dry_run: bool, cancel: Cancel | None
) -> Flow[Pruned]:
    """What pruning frees; what locks name stays. Arguments as for :meth:`zooclient.store.store.Store.prune`."""
    from zooclient.net.exchange import Call

    store = steps.wiring.store()
    kept = (*keep, *needed(store))
    found: Pruned = yield Call(
        run=lambda: store.prune(older_than=older_than, keep=kept, dry_run=dry_run, cancel=cancel)
    )
    return found


def needed(store: Store) -> tuple[Ref, ...]:
    """Returns what the locks need whose models were brought to a store; a lock that is gone needs nothing.

    Raises:
        ConfigError: A lock cannot be read, so that nobody knows.
        IntegrityError: Likewise: it was edited.
    """
    found = []
    for path in store.noted_locks():
        lock = Project(Path(path).with_name(OWN_NAME)).lock()
        found += [evolve(model.ref, content_digest=model.content_digest) for model in (lock or Lock()).models]
    return tuple(found)


def _chosen(wanted: tuple[Wanted, ...], names: tuple[str, ...] | None, groups: tuple[str, ...] | None) -> set[str]:
    known = {one.name: one for one in wanted}
    for name in names or ():
        if name not in known:
            raise NotFound(f"The project has no model {name!r}.", hint="`zooclient tree` shows those that it has.")
    for group in groups or ():
        if not any(group in one.groups for one in wanted):
            raise NotFound(f"No model of the project is in a group {group!r}.")
    return {
        one.name
        for one in wanted
        if (names is None or one.name in names)
        and (groups is None or not one.groups or not set(groups).isdisjoint(one.groups))
    }
