"""What a zoo's protocol is here: two handlers over a shelf, made from the same things for every zoo.

:class:`Site` is what they are made from, :class:`Origins` what is made: one handler for the zoo's own origin, one for
the origin that large files come from. :mod:`zooclient.serve.protocols` names the zoos, and
:class:`~zooclient.serve.server.ZooServer` gives each its ports.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from attrs import field, frozen

from zooclient.serve.accounts import Accounts
from zooclient.serve.exchange import Answer, Intake, Question
from zooclient.serve.hubwrites.writable import Writable
from zooclient.serve.registry.depot import Depot
from zooclient.serve.replicate.runs import Runs
from zooclient.serve.shelf import Shelf
from zooclient.serve.signing import Signer

Handler = Callable[[Question], Answer]


@frozen(kw_only=True)
class Options:
    """How the zoos answer where a choice is left; each takes what it has.

    Attributes:
        page_size: Entries on a page that follows a cursor at the most (the Hub: 1000). Pages that are asked for by
            number are as long as they are asked for.
        link_lifetime: Seconds that a signed link lives (the Hub: about an hour).
        limits: Requests per five minutes and client for ``api``, ``resolvers`` (files) and ``pages``. None: told
            where the zoo tells it, never enforced.
        bare_401: At the Hub: answer a stranger who asks for what is not there with 401 and no code, as it does over
            https. Off, it is 404 ``RepoNotFound``: over plain http its client reads a bare 401 as a bad login.
        login_to_download: At Civitai: only those who are logged in may download what nothing else is said of.
        scanned: At Civitai: say of every file that its scanners found nothing. Off, files wait to be scanned.
        runs: At Replicate: where predictions and trainings are kept. None: within the server alone.
        depot: At Replicate and its registry: the images of versions, which both tell of.
        writable: At the Hub and at ModelScope: what is written, and who may. None: nothing can be changed there.
    """

    page_size: int = 1000
    link_lifetime: float = 3600.0
    limits: Mapping[str, int] | None = field(default=None, hash=False)
    bare_401: bool = False
    login_to_download: bool = False
    scanned: bool = False
    runs: Runs | None = None
    depot: Depot = field(factory=Depot, hash=False, eq=False)
    writable: Writable | None = None


@frozen(kw_only=True)
class Site:
    """What the protocol of one zoo is made from.

    Attributes:
        shelf: What is served, as this zoo shows it (:meth:`~zooclient.serve.shelf.Shelf.at`).
        accounts: Who may log in at this zoo.
        signer: Makes and checks links to the byte origin.
        byte_origin: Called with the origin that a client spoke to (``http://host:port``), returns the one that
            large files come from.
        one_origin: Whether the two are the same.
        options: How it answers where a choice is left.
        clock: Unix time in seconds.
    """

    shelf: Shelf
    accounts: Accounts
    signer: Signer
    byte_origin: Callable[[str], str]
    one_origin: bool = False
    options: Options = Options()
    clock: Callable[[], float] = time.time


@frozen(kw_only=True)
class Origins:
    """A protocol: what its two origins say.

    Attributes:
        hub: Answers at the zoo's own origin.
        cdn: Answers at the origin of large files. A question without a good link, an empty query included, gets
            what that host says to a link that is over.
        intake: Called at both with a question whose body has not been read, says which file it goes to. None from
            it, or in its place: the body is held in memory.
    """

    hub: Handler
    cdn: Handler
    intake: Callable[[Question], Intake | None] | None = None
