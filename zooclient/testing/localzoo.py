"""Zoos in this process, for tests: real sockets, real protocols, and switches for what can go wrong.

::

    with LocalZoo("models") as zoo:                       # models/owner/name/…
        client = Client(endpoints=zoo.endpoints, tokens=zoo.tokens)
        zoo.fail("*.safetensors", Cut(after=1000))
        client.download("hf:owner/name@main")
        assert [seen.status for seen in zoo.requests] == […]

Each zoo has its real shape and not a convenient one. The Hub's: git files by 307, large files by 302 to a second
origin with signed links and an entity tag that is no digest, listings in pages, rate limits in every answer.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from attrs import evolve, field, frozen

from zooclient.errors import ConfigError
from zooclient.serve.accounts import Account, Accounts
from zooclient.serve.asgi import Handler, Witness
from zooclient.serve.exchange import Answer, Question
from zooclient.serve.faults import Fault, Faults, Thrown
from zooclient.serve.folder import FolderShelf
from zooclient.serve.hubwrites.writable import Writable
from zooclient.serve.protocol import Options
from zooclient.serve.protocols import ZOOS, Zoo, zoo_of
from zooclient.serve.registry.depot import Depot
from zooclient.serve.replicate.runs import Runs
from zooclient.serve.served import CHAT, Asked, Served
from zooclient.serve.server import ZooServer
from zooclient.testing.civitai import SCHEME, AtCivitai
from zooclient.testing.huggingface import AtHuggingFace
from zooclient.testing.registry import AtRegistry
from zooclient.testing.replicate import AtReplicate

#: Bytes up to which a file is copied aside, so that older commits of a test's models stay served.
_KEEP = 64 * 1024 * 1024


@frozen(kw_only=True)
class Seen:
    """One request that came in.

    Attributes:
        zoo: Scheme of the zoo that was asked.
        origin: ``hub`` (the zoo's own origin) or ``cdn`` (where large files come from).
        method: HTTP method.
        path: As sent, percent-encoded.
        query: As sent, without the question mark.
        headers: Names in lower case.
        status: Of the answer. None: it is still being worked out. 0: the connection was closed without one.
        sent: Bytes of the body that were sent.
        body: Body of the request.
    """

    zoo: str
    origin: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(hash=False, repr=False)
    status: int | None
    sent: int
    body: bytes = field(repr=False, default=b"")


class LocalZoo:
    """Every zoo that is spoken for here, on loopback, over one set of models. A context manager; several may run.

    Each zoo has origins, tokens and commits of its own; the bytes are the same.

    Args:
        folder: Models as ``folder/owner/name/…``. It is never written. None: an empty zoo, see :meth:`commit`.
        page_size: Entries on a page of a listing at the most (the Hub: 1000).
        link_lifetime: Seconds that a signed link lives.
        one_origin: Send large files from the zoo's own origin.
        bare_401: Answer strangers who ask for what is not there with 401 and no code, as the Hub does over https.
        limits: Requests per five minutes and client for ``api`` and ``resolvers``, enforced with 429. None: never
            enforced.
        zoos: Schemes of the zoos that are started. None: all.

    Attributes:
        endpoints: Scheme to origin, such as ``{"hf": "http://127.0.0.1:43211"}``.
        byte_origins: Scheme to origin of large files.
        tokens: Scheme to a token of the account ``me``, which may write; of ``r8``, Replicate's registry, it is
            ``me:TOKEN``.
        huggingface: Who may upload to the Hub, and how much.
        civitai: What owners do at Civitai alone, and the numbers that models have there.
        replicate: What owners do at Replicate alone, and the versions that models have there.
        r8: How the images of these versions are made, and how the registry that has them behaves.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        page_size: int = 1000,
        link_lifetime: float = 3600.0,
        one_origin: bool = False,
        bare_401: bool = False,
        limits: Mapping[str, int] | None = None,
        zoos: Sequence[str] | None = None,
    ) -> None:
        self._folder = None if folder is None else Path(folder)
        self._zoos = tuple(ZOOS) if zoos is None else tuple(zoo_of(scheme).scheme for scheme in zoos)
        runs, depot = Runs(), Depot()
        self._shelf = FolderShelf(self._folder, keep_limit=_KEEP)
        self._writable = Writable(self._shelf)
        self._options = Options(
            page_size=page_size,
            link_lifetime=link_lifetime,
            bare_401=bare_401,
            limits=limits,
            scanned=True,
            runs=runs,
            depot=depot,
            writable=self._writable,
        )
        self._depot = depot
        self._one_origin = one_origin
        self._accounts = {scheme: Accounts(()) for scheme in self._zoos}
        self._faults = Faults()
        self._witness = _Witness(self._faults)
        self._server: ZooServer | None = None
        self.huggingface = AtHuggingFace(self._writable)
        self.civitai = AtCivitai(self._shelf, self._faults, self._asked_of_civitai)
        self.replicate = AtReplicate(self._shelf, runs, depot)
        self.r8 = AtRegistry(self._shelf, depot, self.replicate)
        self.endpoints: dict[str, str] = {}
        self.byte_origins: dict[str, str] = {}
        self.tokens = {scheme: self.add_account("me", role="write", zoo=scheme) for scheme in self._zoos}

    @property
    def byte_origin(self) -> str:
        """Origin of the large files of the first zoo, the Hub's unless others were chosen."""
        return next(iter(self.byte_origins.values()), "")

    def start(self) -> None:
        """Starts every origin. ``with`` does it."""
        self._server = ZooServer(
            self._shelf,
            zoos=self._zoos,
            one_origin=self._one_origin,
            accounts=self._accounts,
            options=self._options,
            witness=self._witness,
        )
        bound = self._server.start()
        self.endpoints |= bound.urls
        self.byte_origins |= bound.byte_urls

    def stop(self) -> None:
        """Stops every origin and cuts what is under way. May be called again; a stopped zoo does not start again."""
        self._shelf.close()
        if self._server is not None:
            self._server.stop()
        self._depot.close()
        self._writable.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # What was asked

    @property
    def requests(self) -> list[Seen]:
        """Every request since the start or :meth:`forget`, in the order in which they came."""
        return self._witness.seen()

    def forget(self) -> None:
        """Empties :attr:`requests`."""
        self._witness.forget()

    # What goes wrong

    def fail(self, pattern: str, fault: Fault, *, zoo: str | None = None) -> Thrown:
        """Lets something go wrong from now on, and returns a handle that counts how often it has.

        Args:
            pattern: Shell pattern, in which ``*`` crosses slashes: a path within a model (``*.safetensors``), with
                the model before it (``org/name/config.json``), a model (``org/name``), or the path of a URL
                (``/api/models*``).
            fault: One of :mod:`zooclient.serve.faults`.
            zoo: Scheme of the one zoo at which it goes wrong. None: at all of them.

        Raises:
            ConfigError: No such zoo runs here.
        """
        if zoo is not None:
            self._running(zoo)
        return self._faults.throw(pattern, fault, zoo=zoo)

    def heal(self, thrown: Thrown | None = None) -> None:
        """Takes one fault back; None takes all of them."""
        self._faults.heal(thrown)

    # What its owners do

    def names(self) -> tuple[str, ...]:
        """The ids of all models, sorted."""
        return self._shelf.names()

    def head(self, model: str, revision: str | None = None, *, zoo: str = "hf") -> str:
        """Returns the commit id (40 hex) that a branch, tag, ``refs/pr/N`` or short id of a model names at a zoo.

        Args:
            model: ``owner/name``.
            revision: None: the default branch.
            zoo: Scheme of the zoo. Each has a history of its own for the same files.

        Raises:
            LookupError: There is no such model or revision.
        """
        repository = self._shelf.at(zoo).repository(model)
        commit = None if repository is None else repository.find(revision or repository.main)
        if commit is None:
            raise LookupError(f"{model} has no revision {revision!r} here.")
        return commit.id

    def commit(
        self,
        model: str,
        files: Mapping[str, bytes | str | None],
        *,
        branch: str = "main",
        title: str = "Update",
        fresh: bool = False,
    ) -> str:
        """Moves a branch, or ``refs/pr/N``, to a new state and returns its commit id at the Hub.

        Every zoo shows the new state, each under an id of its own (:meth:`head`). The folder is not touched.

        Args:
            model: ``owner/name``; it comes to exist when it does not.
            files: Path to content, text as UTF-8; None removes the file. Others stay.
            branch: What moves. A new branch begins where ``main`` is.
            title: First line of what is said about it.
            fresh: Leave out every file that ``files`` does not name.
        """
        contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        return self._shelf.commit(model, contents, branch=branch, title=title, fresh=fresh)

    def branch(self, model: str, name: str, revision: str | None = "main") -> None:
        """Sets a branch to a revision, as a force-push does. None removes it."""
        self._shelf.point(model, "branch", name, revision)

    def tag(self, model: str, name: str, revision: str | None = "main") -> None:
        """Sets a tag to a revision. None removes it."""
        self._shelf.point(model, "tag", name, revision)

    def pull(self, model: str, number: int, revision: str | None = "main") -> None:
        """Sets ``refs/pr/NUMBER`` to a revision. None removes it."""
        self._shelf.point(model, "pull", str(number), revision)

    def drop_commit(self, model: str, revision: str) -> None:
        """Makes a commit vanish, as a rewritten history does."""
        self._shelf.forget(model, self.head(model, revision))

    def rename(self, old: str, new: str) -> None:
        """Lets ``old`` (it may lack an owner) lead to ``new`` by 307; the model moves if ``new`` does not exist."""
        self._shelf.rename(old, new)

    def gate(
        self,
        model: str,
        mode: Literal[False, "auto", "manual"] = "manual",
        *,
        readers: tuple[str, ...] = (),
        pending: tuple[str, ...] = (),
        masked: bool = False,
    ) -> None:
        """Puts a gate before the bytes of a model. False takes it away.

        Args:
            model: ``owner/name``.
            mode: ``auto`` or ``manual``.
            readers: Accounts that are let in.
            pending: Accounts that asked and wait.
            masked: Hide digests in listings from those who are not let in.
        """
        self._change(model, gated=mode, readers=frozenset(readers), pending=frozenset(pending), masked=masked)

    def hide(self, model: str, *, readers: tuple[str, ...] = ("me",)) -> None:
        """Makes a model private: for all but ``readers`` it is not there."""
        self._change(model, private=True, readers=frozenset(readers))

    def disable(self, model: str) -> None:
        """Withholds the bytes of a model from everybody, as the Hub's own staff may."""
        self._change(model, disabled=True)

    def popularity(self, model: str, *, downloads: int = 0, likes: int = 0, trending: int = 0) -> None:
        """Sets the counts that listings tell and sort by."""
        self._change(model, downloads=downloads, likes=likes, trending=trending)

    def host(
        self,
        model: str,
        answer: Callable[[Asked], Any] | None = None,
        *,
        task: str = CHAT,
        hosts: Sequence[str] | Mapping[str, str] = ("hf-inference",),
        cut: int | None = None,
    ) -> None:
        """Lets a model be run at the inference APIs of the Hub and of ModelScope. What Replicate runs: ``offer``.

        Args:
            model: ``owner/name``.
            answer: Called in a thread of the server with an :class:`~zooclient.serve.served.Asked`; returns a text,
                yields it piece by piece, or returns bytes or JSON values as the task answers with. None: it says
                again what was said to it, word by word.
            task: What it is run for, in the Hub's words: ``conversational``, ``text-to-image`` and so on.
            hosts: Who runs it at the Hub, each with ``live``, ``staging`` or ``error`` where it is not live.
            cut: Pieces after which a stream ends without an end. None: it does not.
        """
        told = hosts if isinstance(hosts, Mapping) else dict.fromkeys(hosts, "live")
        served = Served(answer=answer or _again, task=task, hosts=dict(told), cut=cut)
        self._change(model, served=served)

    def demos(self, model: str, *spaces: str) -> None:
        """Declares Spaces (``owner/name``) that show the model at work."""
        self._change(model, demos=spaces)

    def add_account(self, name: str, *, role: Literal["read", "write"] = "read", zoo: str = "hf") -> str:
        """Adds an account at one zoo and returns its token, ``NAME:TOKEN`` where it is sent with the name.

        Raises:
            ConfigError: No such zoo runs here.
        """
        # The letters that every token of the zoo begins with, for clients that look.
        spoken = self._running(zoo)
        token = spoken.mark + secrets.token_hex(17)
        self._accounts[zoo].add(Account(name=name, token=token, role=role))
        return f"{name}:{token}" if spoken.login else token

    def _asked_of_civitai(self) -> list[tuple[str, int | None]]:
        return [(seen.path, seen.status) for seen in self.requests if seen.zoo == SCHEME]

    def _running(self, scheme: str) -> Zoo:
        if scheme not in self._zoos:
            raise ConfigError(f"No zoo {scheme!r} runs here.", hint=f"Those that do: {', '.join(self._zoos)}.")
        return zoo_of(scheme)

    def _change(self, model: str, **changes: Any) -> None:
        self._shelf.set_terms(model, evolve(self._shelf.terms(model), **changes))


def _again(asked: Asked) -> Sequence[str]:
    return [f"{word} " for word in asked.prompt.split()]


class _Witness(Witness):
    """Writes down what is asked, and lets faults at the answers."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._lock = threading.Lock()
        self._seen: dict[int, Seen] = {}
        self._next = 0

    def asked(self, question: Question, zoo: str, origin: str) -> Callable[[int, int], None]:
        seen = Seen(
            zoo=zoo,
            origin=origin,
            method=question.method,
            path=question.path,
            query=question.query,
            headers=question.headers,
            status=None,
            sent=0,
            body=question.body,
        )
        with self._lock:
            number = self._next
            self._next += 1
            self._seen[number] = seen

        def tell(status: int, sent: int) -> None:
            with self._lock:
                if number in self._seen:
                    before = self._seen[number]
                    self._seen[number] = evolve(before, status=status, sent=before.sent + sent)

        return tell

    def refused(self, question: Question, zoo: str, origin: str) -> Answer | None:
        return self._faults.refuse(question, zoo, origin)

    def changed(self, question: Question, answer: Answer, zoo: str, origin: str, ask: Handler) -> Answer:
        return self._faults.spoil(question, answer, zoo, origin, ask)

    def seen(self) -> list[Seen]:
        with self._lock:
            return list(self._seen.values())

    def forget(self) -> None:
        with self._lock:
            self._seen.clear()
