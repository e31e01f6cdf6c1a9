"""Image registries: they are asked by nobody in particular first, and say in a 401 how else they want to be asked.

The protocol is that of the OCI distribution specification and of Docker's token authentication: a 401 names ``Basic``,
or ``Bearer`` with the address (realm) at which a token for one repository is to be had. What a registry granted is kept
in memory, for that repository at that registry. A login goes to the registry's own origin and nowhere else: a realm
elsewhere is asked without one.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import field, frozen

from zooclient.errors import ConfigError, IntegrityError, NetworkError
from zooclient.net.challenge import Challenge, challenges
from zooclient.net.origin import masked, origin
from zooclient.net.reach import leads_inside, reach
from zooclient.settings import is_loopback

#: Statuses by which a registry may say that it knows nobody of that name.
_SHUT = frozenset({401, 403, 404})
#: Bytes of a token at the most, and characters of what a challenge names.
_TOKEN_BYTES = 64 * 1024
_WORD = 2000

_PLACE = re.compile(r"(.+)/(?:manifests|blobs|tags|referrers)/[^/]+")


@frozen(kw_only=True)
class Registry:
    """An image registry.

    Attributes:
        url: Its address, without a slash at the end; its answers lie below ``/v2/``.
        login: ``USER:TOKEN``, or a function that returns it when it is needed. None and empty: there is none.
    """

    url: str
    login: str | Callable[[], str | None] | None = field(default=None, repr=False)


@frozen(kw_only=True)
class Exchange:
    """Where a token is to be had, and for what.

    Attributes:
        url: The realm, with the service and the scope.
        headers: What is sent there: the login where it is the registry's own origin, else nothing.
        place: The repository that the token is for.
    """

    url: str
    headers: Mapping[str, str] = field(factory=dict, hash=False, repr=False)
    place: str


class Registries:
    """What registries granted. Safe between threads; one for all who ask in the name of one client.

    Args:
        registries: The registries; whatever else is asked is none of this class's business.
        allow_plain_http: Send logins in the clear to other machines than this one.
    """

    def __init__(self, registries: Iterable[Registry] = (), *, allow_plain_http: bool = False) -> None:
        self._registries = tuple(registries)
        self._allow_plain_http = allow_plain_http
        self.forget_after_fork()

    def forget_after_fork(self) -> None:
        """Makes the lock new: another thread of the parent may have held it."""
        self._lock = threading.Lock()
        self._granted: dict[str, str] = {}

    def has(self, url: str) -> bool:
        """Whether an address is a registry's."""
        return self._of(url) is not None

    def granted(self, url: str) -> str | None:
        """Returns the header of authorization that an address was granted; None: nothing was."""
        found = self._of(url)
        if found is None:
            return None
        with self._lock:
            return self._granted.get(found[1])

    def answer(
        self, url: str, status: int, headers: Mapping[str, str], *, sent: str | None, tried: set[str]
    ) -> Exchange | bool:
        """Says what to do about an answer that may be a challenge.

        Args:
            url: What was asked.
            status: The status of the answer.
            headers: Its headers, in lower case.
            sent: The header of authorization that was sent. None: none was.
            tried: What was tried for this question; empty at first, and kept by the caller.

        Returns:
            Where a token is to be had, after which the question is put again; True: put it again; False: the answer
            stands.

        Raises:
            IntegrityError: The realm is no place for a question of ours.
            ConfigError: The login cannot be one.
        """
        found = self._of(url) if status in _SHUT else None
        if found is None:
            return False
        registry, place = found
        with self._lock:
            granted = self._granted.get(place)
        if granted is not None and granted != sent and "newer" not in tried:
            tried.add("newer")  # another thread was quicker
            return True
        login = self._login(registry)
        told = challenges(headers.get("www-authenticate", "")) if status == 401 else ()
        bearer = next((one for one in told if one.scheme == "bearer" and "realm" in one.parameters), None)
        if bearer is not None and "bearer" not in tried:
            tried.add("bearer")
            return self._exchange(registry, place, bearer, login)
        # Basic may be what is left where a token did not count. Some say of what a stranger may not see that it is not
        # there, and ask for nothing.
        offered = any(one.scheme == "basic" for one in told)
        asks = (offered and sent != login) or (status != 401 and sent is None)
        if login is not None and asks and "basic" not in tried:
            tried.add("basic")
            with self._lock:
                self._granted[place] = login
            return True
        if status == 401:
            with self._lock:
                if self._granted.get(place) == sent:
                    self._granted.pop(place, None)
        return False

    def take(self, exchange: Exchange, status: int, body: bytes) -> None:
        """Takes the token out of the realm's answer; where there is none, nothing is granted.

        Raises:
            NetworkError: The realm is out of order, or busy.
        """
        if status == 429 or status >= 500:
            raise NetworkError(
                f"{masked(exchange.url)} gives no token at the moment (status {status}).",
                url=masked(exchange.url),
                hint="Try again in a moment.",
            )
        token = _token(body) if status == 200 else None
        if token is not None:
            with self._lock:
                self._granted[exchange.place] = f"Bearer {token}"

    def _of(self, url: str) -> tuple[Registry, str] | None:
        """The registry and the repository that an address belongs to."""
        for registry in self._registries:
            base = registry.url + "/v2/"
            if url.startswith(base):
                name = _PLACE.fullmatch(urlsplit(url).path[len(urlsplit(base).path) :])
                return registry, base + (name[1] if name is not None else "")
        return None

    def _login(self, registry: Registry) -> str | None:
        """The login of a registry as a header; None: there is none, or it would go out in the clear."""
        login = registry.login if isinstance(registry.login, str) or registry.login is None else registry.login()
        if not login:
            return None
        parts = urlsplit(registry.url)
        if not (parts.scheme == "https" or self._allow_plain_http or is_loopback(parts.hostname or "")):
            return None
        if not login.isascii() or any(char < " " or char == "\x7f" for char in login):
            raise ConfigError(f"The login for {parts.netloc} holds characters that no login has.")
        return f"Basic {base64.b64encode(login.encode()).decode()}"

    def _exchange(self, registry: Registry, place: str, told: Challenge, login: str | None) -> Exchange:
        realm = told.parameters["realm"]
        self._check_realm(realm, registry)
        parts = urlsplit(realm)
        repository = place[len(registry.url + "/v2/") :]
        asked = {"service": told.parameters.get("service"), "scope": told.parameters.get("scope")}
        asked["scope"] = asked["scope"] or (f"repository:{repository}:pull" if repository else None)
        query = [*parse_qsl(parts.query), *((name, value[:_WORD]) for name, value in asked.items() if value)]
        own = origin(realm) == origin(registry.url)
        return Exchange(
            url=parts._replace(query=urlencode(query), fragment="").geturl(),
            headers={"Authorization": login} if own and login is not None else {},
            place=place,
        )

    def _check_realm(self, realm: str, registry: Registry) -> None:
        """Refuses a realm that nobody outside should be able to name."""
        clear = origin(realm).startswith("http://") and reach(realm) != "machine" and not self._allow_plain_http
        if clear or leads_inside(realm, registry.url) or len(realm) > _WORD:
            raise IntegrityError(
                f"{masked(registry.url)} wants a token from {masked(realm)[:200]}, where it is not asked for.",
                url=masked(registry.url),
                hint="Nothing was sent there. Something in between may answer in the registry's place.",
            )


def _token(body: bytes) -> str | None:
    """The token of a realm's answer; None: it has none that could stand in a header."""
    if len(body) > _TOKEN_BYTES:
        return None
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    for name in ("token", "access_token"):
        token = told.get(name)
        if isinstance(token, str) and token and all("!" <= char <= "~" for char in token):
            return token
    return None
