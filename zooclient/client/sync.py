"""The client for ordinary code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from zooclient.client.making import (
    StrPath,
    Token,
    cancel_of,
    folder_of,
    layout_of,
    own_cancel,
    paths_of,
    query_of,
    refs_of,
    settings_of,
    several,
    wishes_of,
    zoos_of,
)
from zooclient.client.steps import Steps
from zooclient.client.wiring import Wiring
from zooclient.records.ref import Ref

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from zooclient.client.checking import Checked
    from zooclient.client.hits import Hits
    from zooclient.client.job import Job
    from zooclient.client.mirroring import Mirrored
    from zooclient.client.outdated import Outdated
    from zooclient.client.runners import SyncRunner
    from zooclient.client.syncing import Synced
    from zooclient.loading.model import Model
    from zooclient.loading.remote import RemoteModel
    from zooclient.lock.format import Lock, LockedModel
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.providers.base import Account
    from zooclient.records.audit import AuditReport
    from zooclient.records.card import Card
    from zooclient.records.comparison import Comparison
    from zooclient.records.identity import Identification
    from zooclient.records.model import ModelRecord
    from zooclient.records.plan import Plan
    from zooclient.records.policy import Policy
    from zooclient.records.publication import Published, PublishPlan
    from zooclient.records.query import Query
    from zooclient.records.run import Run
    from zooclient.records.snapshot import Snapshot
    from zooclient.records.sources import Sources
    from zooclient.settings import Settings
    from zooclient.store.reports import Pruned, Verdict
    from zooclient.store.store import Store
    from zooclient.transfer.reporter import Reporter

T = TypeVar("T")


class Client:
    """One interface to all zoos.

    A client reads no project file and no environment beyond what it is given; :meth:`from_env` and
    :meth:`for_project` do. It may be shared between threads, and used after a fork.

    Args:
        home: Folder of the store. None: ``zooclient`` in the user's cache folder.
        endpoints: Scheme → origin to ask instead of the zoo's own.
        tokens: Scheme → token, or a function that returns one when it is needed.
        strict: Refuse moving revisions, stale answers, pickles and code of authors. None: as the settings say (False).
        offline: Open no connection at all. None: as the settings say (False).
        failover: Go on at another zoo that has the same bytes, when a source fails. None: as the settings say (True).
        settings: Everything else that may be set. None: the defaults.
        policy: What may be used, beside the policies that the settings name. None: as they say.

    Raises:
        ConfigError: A setting that cannot be.
        RefError: A scheme that nobody provides.
    """

    def __init__(
        self,
        *,
        home: StrPath | None = None,
        endpoints: Mapping[str, str] | None = None,
        tokens: Mapping[str, Token] | None = None,
        strict: bool | None = None,
        offline: bool | None = None,
        failover: bool | None = None,
        settings: Settings | None = None,
        policy: Policy | None = None,
    ) -> None:
        self._wiring = Wiring(
            settings_of(
                settings,
                home=home,
                endpoints=endpoints,
                tokens=tokens,
                strict=strict,
                offline=offline,
                failover=failover,
            ),
            policy,
        )
        self._steps = Steps(self._wiring)

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """Makes a client from the environment and the user's config file; arguments as for the class win."""
        from zooclient.settings import Settings

        return cls(settings=Settings.from_env(), **overrides)

    @classmethod
    def for_project(cls, folder: StrPath, **overrides: Any) -> Self:
        """Makes a client as :meth:`from_env` does, and reads the project file found from ``folder`` upward.

        A project file can name endpoints and mirrors, but no place that gets a token.
        """
        from pathlib import Path

        from zooclient.settings import Settings

        return cls(settings=Settings.from_env(project=Path(folder)), **overrides)

    @property
    def settings(self) -> Settings:
        """Everything that is set."""
        return self._wiring.settings

    @property
    def store(self) -> Store:
        """The store, for its upkeep."""
        return self._wiring.store()

    def close(self) -> None:
        """Closes kept-alive connections. The client may still be used; it opens new ones."""
        self._wiring.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, flow: Flow[T], cancel: Cancel | None = None) -> T:
        """Runs a flow with this client's connections, credentials and limits; for those who extend zooclient.

        Args:
            flow: A conversation with a server, see :mod:`zooclient.net.exchange`.
            cancel: Stops it from another thread. None: nothing does.

        Returns:
            What the flow returns.
        """
        try:
            first = next(flow)
        except StopIteration as stop:  # nothing was asked of anybody: no driver need exist
            result: T = stop.value
            return result
        from zooclient.net.exchange import resumed

        return self._wiring.driver().run(resumed(flow, first), cancel=cancel)

    # -- find -----------------------------------------------------------------------------------

    def search(self, text: str | Query = "", /, *, zoos: str | Iterable[str] | None = None, **filters: Any) -> Hits:
        """Searches, several zoos side by side.

        Without ``sort``, and by relevance or trend, zoos take turns by rank: first the first hits of all, then the
        second ones; each is given as soon as it is known, and a slow zoo takes its turns when it has answered. With
        ``limit`` no zoo takes more than its even share before every other has answered. By ``downloads``, ``likes``,
        ``updated`` or ``created`` the highest number comes first, whichever zoo it is of, so the first hit is not
        known before each zoo has answered. Hits of a zoo that cannot give the order come last.

        Args:
            text: Words to look for, or a whole query.
            zoos: Schemes to ask. None: every zoo that can be searched.
            **filters: Any field of :class:`~zooclient.Query`: ``task``, ``author``, ``fits``, ``limit``, …

        Returns:
            An iterator of hits. When several zoos were asked, its ``problems`` hold the error of each, and its
            ``skipped`` those that need a login that there is not; its ``unapplied`` the fields of the query that
            could not be applied; its ``cut`` those that may have more, and why no more came. ``close()`` gives up
            what is under way; dropping it does, too.

        Raises:
            ConfigError: A filter that does not exist, or a value that it cannot have.
            Unsupported: A zoo was named that cannot be searched.
            AccessError: The one zoo asked needs a login, and there is none.
            Offline: Connections are switched off.
        """
        from zooclient.client.hits import Hits

        return Hits(self._wiring, query_of(text, zoos, filters), self.run)

    def resolve(self, ref: str | Ref, *, demos: bool = False, accept_replaced: bool = False) -> ModelRecord:
        """Pins a reference.

        Args:
            ref: The reference, moving or pinned.
            demos: Ask for hosted demos too, which costs a request more.
            accept_replaced: Pin anew what a zoo has put in the place of a version's files since they were pinned;
                otherwise that is an IntegrityError.

        Returns:
            The record of the one revision that it names now. ``str(record.ref)`` is the pin.

        Raises:
            RefError: The reference cannot be read.
            NotFound: No such model or revision, or none that the caller may see.
            AccessError: Its record may not be seen.
            IntegrityError: The zoo answered with another commit than the one asked for, or replaced what was pinned.
            NetworkError: The zoo cannot be reached, and the store has no earlier answer.
        """
        return self.run(self._steps.resolve(ref, demos=demos, accept_replaced=accept_replaced))

    def compare(self, refs: Iterable[str | Ref | ModelRecord]) -> Comparison:
        """Sets models side by side: licence, sizes, formats, gate, evaluations, limits, dates.

        Args:
            refs: References, moving or pinned, or records.

        Returns:
            A column for each, in their order. A reference that fails is a column with its error: nothing is raised.
            The record of each is asked for, and its card fetched; all of them side by side.

        Raises:
            TypeError: One is neither a reference nor a record.
        """
        from zooclient.client.beside import together
        from zooclient.client.compare import column
        from zooclient.records.comparison import Comparison

        flows = [column(self._steps, ref) for ref in several(refs)]
        return Comparison(columns=tuple(together(self._wiring.driver, self.run, flows)))

    def card(self, ref: str | Ref | ModelRecord) -> Card:
        """Fetches and reads the model card.

        Raises:
            ZooError: As for :meth:`resolve` and :meth:`file`.
        """
        return self.run(self._steps.card(ref))

    @overload
    def audit(
        self,
        ref: str | Ref | ModelRecord | Snapshot | LockedModel,
        *,
        files: bool = ...,
        off: Iterable[str] = ...,
        reporter: Reporter | None = ...,
        cancel: Cancel | None = ...,
    ) -> AuditReport: ...

    @overload
    def audit(
        self,
        ref: Lock,
        *,
        files: bool = ...,
        off: Iterable[str] = ...,
        reporter: Reporter | None = ...,
        cancel: Cancel | None = ...,
    ) -> tuple[AuditReport, ...]: ...

    def audit(
        self,
        ref: str | Ref | ModelRecord | Snapshot | LockedModel | Lock,
        *,
        files: bool = False,
        off: Iterable[str] = (),
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
    ) -> AuditReport | tuple[AuditReport, ...]:
        """Says what somebody should know of a model before they use it.

        Its record is asked for, its card and the text of its licence are fetched, and the models that it was made
        from are asked for as far as they are named. A report never says that a model is safe: its findings are
        observed, claimed by author or zoo, or missing.

        Args:
            ref: What to look at. Of a lock, every model in it.
            files: Look into the files too: those that a download would bring, which is done first.
            off: Names of rules that are turned off.
            reporter: Told of a transfer. None: nobody is.
            cancel: Stops it from another thread. None: nothing does.

        Returns:
            The report; of a lock one for each model, in its order.

        Raises:
            ConfigError: There is no rule of a name in ``off``.
            ZooError: As for :meth:`resolve`, and with ``files`` as for :meth:`download`. A card, a licence's text or a
                base model that cannot be had is a finding, no error.
        """
        from zooclient.client.auditing import audit
        from zooclient.client.beside import together
        from zooclient.client.making import names_of
        from zooclient.lock.format import Lock

        rules = names_of(off)
        if not isinstance(ref, Lock):
            flow = audit(self._steps, ref, files=files, off=rules, reporter=reporter, cancel=cancel)
            return self.run(flow, cancel)
        flows = [
            audit(self._steps, one, files=files, off=rules, reporter=reporter, cancel=cancel) for one in ref.models
        ]
        return tuple(together(self._wiring.driver, lambda flow: self.run(flow, cancel), flows))

    def identify(
        self,
        paths: StrPath | Iterable[StrPath],
        *,
        online: bool = False,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> Identification:
        """Says which model at which zoo each local file is.

        Every file is hashed once and held against what the store remembers: the records of all models that were
        resolved, and its snapshots. No byte and no hash leaves this machine unless ``online`` is set.

        Args:
            paths: A file, a folder (then every file below it, but none whose name begins with a dot), or several.
            online: Also ask the zoos that know their files by hash; they are sent the sha256 of every file.
            reporter: Told of progress. None: nobody is.
            cancel: Stops it from another thread. None: nothing does.
            deadline: Seconds after which it stops by itself. None: none.

        Raises:
            NotFound: A path does not exist.
            StoreError: A folder cannot be read. A file that cannot be is told in its ``problem``.
            Offline: Connections are switched off, and ``online`` was wished.
            Unsupported: No zoo can be asked by hash, and ``online`` was wished.
            Cancelled: The caller stopped it.
        """
        stop = cancel_of(cancel, deadline)
        flow = self._steps.identify(paths_of(paths), online=online, reporter=reporter, cancel=stop)
        return self.run(flow, stop)

    # -- get ------------------------------------------------------------------------------------

    def plan(
        self,
        ref: str | Ref | ModelRecord,
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        allow_unverified: bool = False,
    ) -> Plan:
        """Says what a download would do, before it does it.

        Args:
            ref: What to get.
            files: Glob patterns of the files wanted. None: all that ``weights`` leaves.
            exclude: Glob patterns of files not wanted.
            weights: Which weights: ``auto``, ``all``, ``none``, or a format such as ``gguf:Q4_K_M``.
            allow_unverified: Take files for which the zoo states no digest.

        Raises:
            ConfigError: Several variants and no choice; the sentence lists them.
            IntegrityError: A file without a digest, and that was not allowed.
            PolicyError: A moving revision in strict mode.
            ZooError: As for :meth:`resolve`.
        """
        return self.run(self._steps.plan(ref, wishes_of(files, exclude, weights, allow_unverified)))

    def download(
        self,
        ref: str | Ref | ModelRecord | Plan,
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        allow_unverified: bool = False,
        to: StrPath | None = None,
        layout: str | None = None,
        kind: str | None = None,
        preview: bool = True,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
        via: str | None = None,
        only_from: str | None = None,
    ) -> Snapshot:
        """Gets the files of a model, each verified, into the store.

        Args:
            ref: What to get; of a plan, the wishes are those of the plan.
            files: As for :meth:`plan`.
            exclude: As for :meth:`plan`.
            weights: As for :meth:`plan`.
            allow_unverified: As for :meth:`plan`.
            to: Folder that gets plain copies besides; other files in it under the same names are a StoreError. None:
                the store alone.
            layout: ``comfyui``, ``a1111`` or ``invokeai``: ``to`` is the folder of that application, and the files go
                where it looks for them, with what it reads beside them. None: as they are.
            kind: What the model is to that application, such as ``lora``. None: as its record tells.
            preview: Fetch the image that the application shows of it, if the zoo has one; without a credential, and
                it is not verified. A failure is a warning.
            reporter: Told of progress. None: nobody is.
            cancel: Stops it from another thread. None: nothing does.
            deadline: Seconds after which it stops by itself; what has arrived is kept. None: none.
            via: ``official`` lets the zoo's own client move the bytes. None: as the settings say.
            only_from: Scheme of the one zoo that is to give the bytes, proved by sha256 where it is another than the
                model's own; nobody else is asked when it fails. None: the model's own zoo first, and when that fails
                whoever is proved to have the same bytes, unless ``failover`` is off.

        Returns:
            The snapshot, whole; a pinned one that is held costs no connection.

        Raises:
            AccessError: Gated, private, or a login is needed; tells where to ask.
            IntegrityError: Bytes, sizes or names that are not what was promised.
            NetworkError: The line or the zoo failed more often than the limits allow.
            StoreError: No space, or the store cannot be written.
            Cancelled: The caller stopped it.
            ZooError: As for :meth:`plan`.
        """
        stop = cancel_of(cancel, deadline)
        flow = self._steps.download(
            ref,
            wishes_of(files, exclude, weights, allow_unverified),
            to=folder_of(to),
            layout=layout_of(layout, to, kind, preview),
            reporter=reporter,
            cancel=stop,
            via=via,
            only_from=only_from,
        )
        return self.run(flow, stop)

    def start(
        self,
        ref: str | Ref | ModelRecord | Plan,
        /,
        *,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        **wishes: Any,
    ) -> Job:
        """Starts a download in a thread of its own; arguments as for :meth:`download`.

        Returns:
            The job: ``progress()``, ``cancel()``, ``result(timeout)``.
        """
        from zooclient.client.job import Job

        return Job(lambda told, stop: self.download(ref, reporter=told, cancel=stop, **wishes), reporter, cancel)

    def file(
        self,
        ref: str | Ref | ModelRecord,
        path: str,
        *,
        allow_unverified: bool = False,
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> Path:
        """Gets one file, verified.

        Returns:
            Its path in the store.

        Raises:
            NotFound: The model has no such file.
            ZooError: As for :meth:`download`.
        """
        stop = cancel_of(cancel, deadline)
        return self.run(self._steps.file(ref, path, cancel=stop, allow_unverified=allow_unverified), stop)

    def load(
        self,
        ref: str | Ref | ModelRecord | Plan,
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        allow_unverified: bool = False,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
        via: str | None = None,
        only_from: str | None = None,
    ) -> Model:
        """Gets a model and opens it: resolve, plan, download, open. Arguments as for :meth:`download`.

        A pinned reference that is held opens no connection and takes about a millisecond. Nothing is unpickled.

        Raises:
            ZooError: As for :meth:`download`.
        """
        from zooclient.loading.model import Model

        stop = cancel_of(cancel, deadline)
        flow = self._steps.download(
            ref,
            wishes_of(files, exclude, weights, allow_unverified),
            operation="load",
            reporter=reporter,
            cancel=stop,
            via=via,
            only_from=only_from,
        )
        return Model(self.run(flow, stop), self._runner)

    def sources(self, ref: str | Ref | ModelRecord, *, zoos: str | Iterable[str] | None = None) -> Sources:
        """Finds where else the files of a model lie, each place proved by its sha256.

        The name of the model and, where a zoo knows files by digest, the digests are told to the zoos that are asked;
        of a private model nothing is. Nothing is fetched.

        Args:
            ref: The model.
            zoos: Schemes to ask. None: every zoo that files can be fetched from.

        Returns:
            The places, the files that nobody else has, and each zoo's problem.

        Raises:
            RefError: Nobody provides such a zoo.
            Unsupported: No file can be fetched from such a zoo.
            ZooError: As for :meth:`resolve`, about the model itself.
        """
        return self.run(self._steps.sources(ref, zoos_of(zoos)))

    # -- projects -------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        ref: str | Ref,
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        allow_unverified: bool = False,
        sources: str | Ref | Iterable[str | Ref] = (),
        groups: str | Iterable[str] = (),
        project: StrPath | None = None,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
    ) -> LockedModel:
        """Adds a model to a project and its lock, or changes the one of this name.

        Args:
            name: What the project is to call it.
            ref: The model; a moving name is locked to what it means now.
            files: As for :meth:`download`; so are ``exclude``, ``weights`` and ``allow_unverified``.
            exclude: See ``files``.
            weights: See ``files``.
            allow_unverified: See ``files``.
            sources: References that are declared to have the same bytes.
            groups: Groups that it belongs to. None: it is always wanted.
            project: Folder that lies in the project, or becomes one. None: the project of the settings.
            reporter: Told of the small files whose digest the zoo does not state. None: nobody is.
            cancel: Stops it. None: nothing does.

        Returns:
            What was locked.

        Raises:
            ConfigError: No such name can be, the project file cannot be read, or the model cannot be pinned.
            ZooError: As for :meth:`plan`.
        """
        from zooclient.client.making import wanted_of
        from zooclient.client.projects import add, project_of

        wanted = wanted_of(name, ref, wishes_of(files, exclude, weights, allow_unverified), sources, groups)
        home = project_of(self.settings, folder_of(project))
        made = self.run(add(self._steps, home, wanted, reporter=reporter, cancel=cancel), cancel)
        return next(model for model in made.models if model.name == name)

    def remove(self, name: str, *, project: StrPath | None = None) -> None:
        """Takes a model out of a project and its lock; its files stay until ``cache prune``.

        Args:
            name: What the project calls it.
            project: As for :meth:`add`.

        Raises:
            NotFound: The project has no such model.
            ConfigError: Its file cannot be read.
        """
        from zooclient.client.projects import project_of, remove

        remove(project_of(self.settings, folder_of(project)), name)

    def lock(
        self,
        *,
        check: bool = False,
        renew: str | Iterable[str] = (),
        project: StrPath | None = None,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
    ) -> Lock:
        """Locks the models of a project: each to one revision, and each of its files to one sha256.

        What is locked already and still wanted stays as it is. Small files whose sha256 the zoo does not state are
        fetched and hashed.

        Args:
            check: Only hold the lock to the project file; nothing is asked or written.
            renew: Names of models that are to be locked anew, to what their references mean now.
            project: As for :meth:`add`.
            reporter: Told of the files that are fetched. None: nobody is.
            cancel: Stops it; the lock is then as it was. None: nothing does.

        Raises:
            ConfigError: ``check``, and lock and project do not fit; or one of the two cannot be read.
            IntegrityError: The lock was edited by hand.
            ZooError: As for :meth:`plan`.
        """
        from zooclient.client.making import names_of
        from zooclient.client.projects import locked, project_of

        home = project_of(self.settings, folder_of(project))
        flow = locked(self._steps, home, check=check, renew=names_of(renew), reporter=reporter, cancel=cancel)
        return self.run(flow, cancel)

    def sync(
        self,
        *,
        frozen: bool = False,
        names: str | Iterable[str] | None = None,
        groups: str | Iterable[str] | None = None,
        shard: tuple[int, int] | None = None,
        project: StrPath | None = None,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> tuple[Synced, ...]:
        """Brings every locked model of a project to this machine: one transfer, one budget of connections.

        Args:
            frozen: Take the lock as it is: it must fit the project file, no zoo is asked what anything means, and
                nothing but bytes moves. False: what is not locked yet is locked first.
            names: Names of the models. None: all that the groups leave.
            groups: Groups: models of one of them, and those that are in none. None: every model.
            shard: ``(i, n)``: the share of the i-th of n workers over one store; each model is in one share.
                None: everything.
            project: As for :meth:`add`.
            reporter: Told of progress, of all of them together. None: nobody is.
            cancel: Stops it from another thread. None: nothing does.
            deadline: Seconds after which it stops by itself; what has arrived is kept. None: none.

        Returns:
            One entry a model, in the order of their names.

        Raises:
            ConfigError: ``frozen``, and lock and project do not fit; or there is no such shard.
            NotFound: The project has no such model or group.
            IntegrityError: Other bytes came than are locked, or the zoo says something else.
            ZooError: As for :meth:`download`.
        """
        from zooclient.client.making import names_of
        from zooclient.client.projects import project_of, synced

        stop = cancel_of(cancel, deadline)
        flow = synced(
            self._steps,
            project_of(self.settings, folder_of(project)),
            frozen=frozen,
            names=None if names is None else names_of(names),
            groups=None if groups is None else names_of(groups),
            shard=shard,
            reporter=reporter,
            cancel=stop,
        )
        return self.run(flow, stop)

    def outdated(
        self,
        names: str | Iterable[str] | None = None,
        *,
        project: StrPath | None = None,
        cancel: Cancel | None = None,
    ) -> tuple[Outdated, ...]:
        """Finds out what became of the locked models of a project at their zoos; nothing is fetched or changed.

        Args:
            names: Names of the models. None: all that are locked.
            project: As for :meth:`add`.
            cancel: Stops it. None: nothing does.

        Returns:
            One entry a model. A zoo that cannot be asked is no error: the fate of its models is ``unknown``.

        Raises:
            NotFound: The lock has no model of a name.
            ConfigError: It cannot be read.
        """
        from zooclient.client.making import names_of
        from zooclient.client.projects import fates, project_of

        home = project_of(self.settings, folder_of(project))
        return self.run(fates(self._steps, home, None if names is None else names_of(names), cancel), cancel)

    def check(
        self,
        refs: str | Ref | Iterable[str | Ref] | None = None,
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        project: StrPath | None = None,
        cancel: Cancel | None = None,
    ) -> tuple[Checked, ...]:
        """Holds models against every policy; no weights are fetched, and nothing is raised for what a policy refuses.

        Args:
            refs: The models. None: those of the project's lock.
            files: As for :meth:`plan`; so are ``exclude`` and ``weights``. A lock says itself which files are
                wanted.
            exclude: See ``files``.
            weights: See ``files``.
            project: As for :meth:`add`.
            cancel: Stops it. None: nothing does.

        Returns:
            One entry a model, with all that is against it.

        Raises:
            ConfigError: There is no policy; or no project, or no lock that fits.
            ZooError: As for :meth:`plan`.
        """
        from zooclient.client.checking import check_project, check_refs
        from zooclient.client.projects import project_of

        if refs is None:
            home = project_of(self.settings, folder_of(project))
            return self.run(check_project(self._steps, home, cancel), cancel)
        wishes = wishes_of(files, exclude, weights, False)
        return self.run(check_refs(self._steps, refs_of(refs), wishes, cancel), cancel)

    # -- run ------------------------------------------------------------------------------------

    def open(self, ref: str | Ref | ModelRecord) -> RemoteModel:
        """Opens a model to be run where it is hosted; no weight is fetched.

        Args:
            ref: The model. A record asks nobody, nor does a pin whose record is held.

        Returns:
            The model: ``run(…)``, ``stream(…)``, ``train(…)``, ``record``.

        Raises:
            ZooError: As for :meth:`resolve`. Whether anybody hosts it is found out when it is run.
        """
        from zooclient.loading.remote import RemoteModel

        return RemoteModel(self.run(self._steps.record_of(ref, "open")), self._runner)

    def repeat(
        self,
        run: Run | StrPath,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        to: StrPath | None = None,
        deadline: float | None = None,
        via: str | None = None,
        cancel: Cancel | None = None,
    ) -> Run:
        """Runs once more what was run before: the same version, with the same inputs.

        Args:
            run: A run, the ``run.json`` of one, or the folder that holds it.
            inputs: What is to be another than it was. Files and secrets are no part of a saved run: they are given
                again.
            to: As for :meth:`zooclient.Model.run`.
            deadline: As for :meth:`zooclient.Model.run`.
            via: As for :meth:`zooclient.Model.run`.
            cancel: As for :meth:`zooclient.Model.run`.

        Raises:
            ConfigError: It cannot be read, or a file that went in is not given.
            ZooError: As for :meth:`zooclient.Model.run`.
        """
        return self._runner().repeat(run, inputs, to=to, deadline=deadline, via=via, cancel=cancel)

    def _runner(self) -> SyncRunner:
        from zooclient.client.runners import SyncRunner

        return SyncRunner(self._steps, self.run)

    # -- keep -----------------------------------------------------------------------------------

    def verify(self, ref: str | Ref | Snapshot) -> Verdict:
        """Hashes every byte that the store holds of a reference again, with no network.

        Args:
            ref: What to look at. A branch or tag means what it meant when it was last asked for; without a revision,
                and when that was never asked for, all revisions that are held are meant.

        Raises:
            NotFound: The store holds nothing of it.
        """
        return self.run(self._steps.verify(ref))

    def prune(
        self,
        *,
        older_than: timedelta | None = None,
        keep: str | Ref | Iterable[str | Ref] = (),
        dry_run: bool = False,
        cancel: Cancel | None = None,
    ) -> Pruned:
        """Frees what nothing needs: contents that no snapshot holds, and what is unfinished or damaged.

        What a ``zoo.lock`` names stays, of every project that was synced from this store and still is there.

        Args:
            older_than: Snapshots that were made or verified longer ago are removed too. None: none is.
            keep: References whose snapshots stay, whatever their age.
            dry_run: Only tell what would be freed.
            cancel: Ends the waiting. None: nothing does.

        Raises:
            ConfigError: The lock of a project cannot be read, so that nobody knows what it needs.
            StoreError: The store cannot be written or locked, or a snapshot is in use for too long.
        """
        from zooclient.client.projects import pruned

        flow = pruned(self._steps, older_than=older_than, keep=refs_of(keep), dry_run=dry_run, cancel=cancel)
        return self.run(flow, cancel)

    def mirror(
        self,
        folder: StrPath,
        refs: str | Ref | Iterable[str | Ref],
        *,
        files: str | Iterable[str] | None = None,
        exclude: str | Iterable[str] | None = None,
        weights: str = "auto",
        include: str | Ref | Iterable[str | Ref] = (),
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> tuple[Mirrored, ...]:
        """Makes a mirror of one's own in a folder, or extends it; what is missing is downloaded first.

        Nothing is ever half visible: whoever reads the mirror finds a model whole or not at all. What was killed or
        cancelled is carried on by the next call, and what is there already is not moved again.

        Args:
            folder: The mirror. A new one is made in a folder that is missing or empty.
            refs: What it is to hold.
            files: As for :meth:`plan`; so are ``exclude`` and ``weights``.
            exclude: As for :meth:`plan`.
            weights: As for :meth:`plan`.
            include: References that are pushed although they are gated, private or paid; without a revision, whatever
                is pushed of that model. Whoever can read the mirror can have what it holds.
            reporter: Told of downloads. None: nobody is.
            cancel: Stops it from another thread. None: nothing does.
            deadline: Seconds after which it stops by itself. None: none.

        Returns:
            What became of each model: ``pushed``, ``already there`` or ``left out`` with the reason.

        Raises:
            ConfigError: The folder holds other things and is no mirror.
            Unsupported: A model that has no immutable revision, or lies on this machine.
            ZooError: As for :meth:`download`.
        """
        from pathlib import Path

        from zooclient.client.mirroring import push

        stop = own_cancel(cancel, deadline)
        flow = push(
            self._steps,
            Path(folder),
            refs_of(refs),
            wishes_of(files, exclude, weights, False),
            include=refs_of(include),
            reporter=reporter,
            cancel=stop,
        )
        return self.run(flow, stop)

    # -- give back ------------------------------------------------------------------------------

    def plan_publish(
        self,
        folder: StrPath,
        refs: str | Ref | Iterable[str | Ref],
        *,
        visibility: str | None = None,
        exclude: str | Iterable[str] = (),
        allow_pickle: bool = False,
        message: str | None = None,
        tag: str | None = None,
        pull_request: bool = False,
        hardware: str = "cpu",
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> PublishPlan:
        """Says what a publication would do, and changes nothing anywhere.

        Args:
            folder: The model: its files as they are to lie at the zoos. Hidden files and caches are left out.
            refs: Where to, such as ``hf:OWNER/NAME``; a revision is a branch.
            visibility: ``public`` or ``private``. None: not said, which will do for what exists already.
            exclude: Patterns of files that stay.
            allow_pickle: Let files go that run code when they are opened.
            message: First line of what is said about the change. None: a plain one.
            tag: Name that the revision gets. None: none.
            pull_request: Propose the change, where the zoo takes proposals.
            hardware: What Replicate is to run a new model on, by its own name for it.
            cancel: Stops it from another thread. None: nothing does.
            deadline: Seconds after which it stops by itself. None: none.

        Returns:
            The files, what each zoo has of them already, what is to be said against the card, and for a zoo at which
            nothing can be published, why.

        Raises:
            PolicyError: The folder holds a credential or a pickle.
            ConfigError: There is nothing to publish, or nowhere.
            IntegrityError: A link leads out of the folder, or a safetensors file is broken.
            NotFound: There is no such folder.
        """
        from pathlib import Path

        from zooclient.client.publishplan import asked_of, plan

        stop = own_cancel(cancel, deadline)
        asked = asked_of(visibility, exclude, allow_pickle, message, tag, pull_request, hardware)
        return self.run(plan(self._wiring, Path(folder), refs_of(refs), asked, stop), stop)

    def publish(
        self,
        folder: StrPath | PublishPlan,
        refs: str | Ref | Iterable[str | Ref] = (),
        *,
        visibility: str | None = None,
        exclude: str | Iterable[str] = (),
        allow_pickle: bool = False,
        message: str | None = None,
        tag: str | None = None,
        pull_request: bool = False,
        hardware: str = "cpu",
        cancel: Cancel | None = None,
        deadline: float | None = None,
    ) -> tuple[Published, ...]:
        """Publishes a folder as a model at one zoo or several, and proves that each has it.

        The zoo's own client sends. What a zoo has already is not sent again, so after a kill the same call sends the
        rest. At the end the revision is resolved and the digest of every file is compared.

        Args:
            folder: The model; or what :meth:`plan_publish` gave, alone.
            refs: As for :meth:`plan_publish`, as all that follows.
            visibility: Who is to see it; must be said of what does not exist. What exists is never changed.
            exclude: As for :meth:`plan_publish`.
            allow_pickle: As for :meth:`plan_publish`.
            message: As for :meth:`plan_publish`.
            tag: As for :meth:`plan_publish`.
            pull_request: As for :meth:`plan_publish`.
            hardware: As for :meth:`plan_publish`.
            cancel: As for :meth:`plan_publish`.
            deadline: As for :meth:`plan_publish`.

        Returns:
            What came of it at each zoo, in the order asked. Where it failed at some of them, their ``failure`` tells
            why.

        Raises:
            PolicyError: The card contradicts the licence of its base model, or is otherwise not fit to be published;
                else as for :meth:`plan_publish`.
            IntegrityError: A zoo holds something else than the folder, or somebody changed it meanwhile.
            AccessError: There is no token, it may not write, or the account has no room.
            ConfigError: The visibility is not said, or is not what is there; or the name is taken.
            Unsupported: The zoo takes no models.
            ZooError: Nothing was published anywhere: the first failure, the others as its notes.
        """
        from pathlib import Path

        from zooclient.client.publishing import publish_folder
        from zooclient.client.publishplan import asked_of
        from zooclient.records.publication import PublishPlan

        stop = own_cancel(cancel, deadline)
        what = folder if isinstance(folder, PublishPlan) else Path(folder)
        asked = asked_of(visibility, exclude, allow_pickle, message, tag, pull_request, hardware)
        return self.run(publish_folder(self._wiring, what, refs_of(refs), asked, stop), stop)

    # -- accounts -------------------------------------------------------------------------------

    def whoami(self, zoo: str, *, token: str | None = None) -> Account:
        """Asks a zoo whose token this is.

        Args:
            zoo: Scheme of the zoo.
            token: A token to try. None: the one that would be used.

        Raises:
            AccessError: The token is not valid, or there is none.
            RefError: Nobody provides the zoo.
            Unsupported: The zoo has no accounts.
            NetworkError: The zoo cannot be reached.
        """
        return self.run(self._steps.whoami(zoo, token))
