"""Which credential goes where, and where nobody may go: asked again at every hop, answered by origin alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from urllib.parse import urlsplit

from attrs import field, frozen

from zooclient.errors import ConfigError, Offline
from zooclient.net.origin import masked, origin
from zooclient.net.registries import Exchange, Registries
from zooclient.settings import is_loopback


@frozen(kw_only=True)
class Credential:
    """A token and the one origin that it is for.

    Attributes:
        origin: ``scheme://host[:port]``; a path behind it is ignored.
        token: The token, or a function that returns it when it is needed; None and empty: there is none.
    """

    origin: str = field(converter=origin)
    token: str | Callable[[], str | None] = field(repr=False)


class Auth:
    """Answers which headers of authorization an address is entitled to.

    Scheme, host and port have to be equal: another host, a subdomain, another port and plain http in
    place of https get nothing.

    Args:
        credentials: What there is; of two for one origin the first counts.
        allow_plain_http: Send credentials in the clear to other machines than this one, where a
            credential's own origin is plain http.
        closed: Returns the origins that are not to be asked at all: zoos of which only mirrors are.
        further: Returns credentials that came to be known later; asked for an origin that has none of the others.
        registries: The image registries, and what they granted. None: there are none.
    """

    def __init__(
        self,
        credentials: Iterable[Credential] = (),
        *,
        allow_plain_http: bool = False,
        closed: Callable[[], Collection[str]] = tuple,
        further: Callable[[], Iterable[Credential]] = tuple,
        registries: Registries | None = None,
    ) -> None:
        self._closed = closed
        self._further = further
        self._registries = registries or Registries()
        self._credentials: dict[str, Credential] = {}
        for credential in credentials:
            self._credentials.setdefault(credential.origin, credential)
        self._allow_plain_http = allow_plain_http

    def headers_for(self, url: str, *, token: str | None = None, anonymous: bool = False) -> dict[str, str]:
        """Returns the headers for a request to ``url``, and for none of its redirects.

        Args:
            url: Absolute URL.
            token: A token to use in place of the stored one. None: the stored one.
            anonymous: Give none, whatever there is.

        Raises:
            IntegrityError: The URL is not absolute http or https, or can be read in two ways.
            ConfigError: The token cannot stand in a header.
            Offline: The origin is closed.
        """
        place = origin(url)
        if place in self._closed():
            raise Offline(
                f"By mirror-policy = only, {masked(url)} is not asked.",
                url=masked(url),
                hint="mirror-policy first or fallback lets the zoo be asked, too.",
            )
        if anonymous:
            return {}
        if not (place.startswith("https://") or self._allow_plain_http or is_loopback(urlsplit(place).hostname or "")):
            return {}
        if self._registries.has(url):
            granted = self._registries.granted(url)
            return {} if granted is None else {"Authorization": granted}
        credential = self._credentials.get(place) or next((c for c in self._further() if c.origin == place), None)
        if token is None and credential is not None:
            token = credential.token if isinstance(credential.token, str) else credential.token()
        token = (token or "").strip()
        if not token:
            return {}
        if not token.isascii() or any(char <= " " or char == "\x7f" for char in token):
            raise ConfigError(
                f"The token for {place} holds characters that no token has.", hint="It may have been pasted twice."
            )
        return {"Authorization": f"Bearer {token}"}

    def challenged(
        self, url: str, status: int, headers: Mapping[str, str], *, sent: Mapping[str, str], tried: set[str]
    ) -> Exchange | bool:
        """Says what to do about an answer that may be a registry's challenge.

        Args:
            url: What was asked.
            status: The status of the answer.
            headers: Its headers, in lower case.
            sent: The headers that were sent.
            tried: What was tried for this question; empty at first, and kept by the caller.

        Returns:
            Where a token is to be had (see :meth:`take`), after which the question is put again; True: put it again;
            False: the answer stands.

        Raises:
            IntegrityError: The answer names a place for tokens that is none.
            ConfigError: The login cannot be one.
        """
        return self._registries.answer(url, status, headers, sent=sent.get("Authorization"), tried=tried)

    def take(self, exchange: Exchange, status: int, body: bytes) -> None:
        """Takes what came of an exchange.

        Raises:
            NetworkError: No token is given at the moment.
        """
        self._registries.take(exchange, status, body)

    def forget_after_fork(self) -> None:
        """Makes the locks new: another thread of the parent may have held them."""
        self._registries.forget_after_fork()

    def __repr__(self) -> str:
        return f"Auth({', '.join(sorted(self._credentials)) or 'none'})"
