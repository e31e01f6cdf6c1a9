"""Every setting and limit, with its unit and its default.

The variables of the environment stand in :data:`zooclient.settings.variables.VARIABLES`, the keys of the
configuration files in :mod:`zooclient.settings.files`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from attrs import field, frozen

from zooclient.errors import ConfigError

if TYPE_CHECKING:  # a warm load of a client that was given everything as text needs no Path, which costs it 2 ms
    from pathlib import Path

#: A token, or a function that returns one when it is needed.
Token = str | Callable[[], str | None]

LinkMode = Literal["auto", "reflink", "hardlink", "copy"]

LINK_MODES = ("auto", "reflink", "hardlink", "copy")

#: When the mirrors of a zoo are asked: before it (the default), when it fails, or in its place.
MIRROR_POLICIES = ("first", "fallback", "only")

PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")

_MIB = 1024 * 1024

_DIGITS = frozenset("0123456789")
_HOST = _DIGITS | frozenset("abcdefghijklmnopqrstuvwxyz.-")
_PATH = _HOST | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_~/")


@frozen(kw_only=True)
class Limits:
    """Every bound. Times are seconds, sizes are bytes.

    Attributes:
        connect_timeout: To open a connection, TLS included.
        read_timeout: Between two arrivals on a connection.
        request_timeout: For one whole answer that is not a file's bytes.
        stall_timeout: With no byte of a file before its source counts as stalled.
        retries: Attempts after the first.
        connect_retries: The same for a question that no connection could be made for; fewer, because the
            store may have an answer. ``retries`` bounds it too.
        backoff_base: Wait before the first retry; doubled for each further one.
        backoff_max: Longest wait that we choose ourselves.
        max_wait: Longest wait that a server may ask for; a longer one is ``RateLimited``.
        connections: Connections at the most, for all files of all models together.
        piece_size: Length of a range.
        journal_step: Bytes of a connection after which its progress is made durable.
        small_file: Size below which a file is copied into a snapshot instead of linked.
        lock_timeout: To wait for another process that holds what is needed.
        find_timeout: To find out which other zoos have the same bytes, when a source has failed.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    request_timeout: float = 300.0
    stall_timeout: float = 30.0
    retries: int = 5
    connect_retries: int = 2
    backoff_base: float = 0.5
    backoff_max: float = 60.0
    max_wait: float = 300.0
    connections: int = 8
    piece_size: int = 32 * _MIB
    journal_step: int = 4 * _MIB
    small_file: int = _MIB
    lock_timeout: float = 3600.0
    find_timeout: float = 30.0

    def __attrs_post_init__(self) -> None:
        for name in LIMITS:
            value = getattr(self, name)
            good = value >= 0 if name in _MAY_BE_ZERO else value > 0
            if not good or value == float("inf"):
                least = "0 or more" if name in _MAY_BE_ZERO else "more than 0"
                raise ConfigError(f"The limit {name} cannot be {value}.", hint=f"A finite number, {least}.")


#: Limit → type of its number.
LIMITS: dict[str, type] = {
    "connect_timeout": float,
    "read_timeout": float,
    "request_timeout": float,
    "stall_timeout": float,
    "retries": int,
    "connect_retries": int,
    "backoff_base": float,
    "backoff_max": float,
    "max_wait": float,
    "connections": int,
    "piece_size": int,
    "journal_step": int,
    "small_file": int,
    "lock_timeout": float,
    "find_timeout": float,
}
_MAY_BE_ZERO = frozenset(
    {"retries", "connect_retries", "backoff_base", "backoff_max", "max_wait", "small_file", "lock_timeout"}
)


def _without_slash(url: str | None) -> str | None:
    return url.rstrip("/") if url else None


def _masked_proxy(proxy: str | None) -> str:
    """Shows a proxy without its password."""
    if proxy is None or "@" not in proxy:
        return repr(proxy)
    scheme, _, rest = proxy.rpartition("@")[0].partition("://")
    return repr(f"{scheme if rest else ''}://***@{proxy.rpartition('@')[2]}")


@frozen(kw_only=True)
class ZooSettings:
    """What is set for one zoo.

    Attributes:
        endpoint: Origin to ask, perhaps with a path in front of the zoo's own. None: the zoo's official one.
        endpoint_trusted: Whether the endpoint may get the zoo's token; False when a project file named it.
        token: The token, or a function that returns one when it is needed. None: none is set here.
        proxy: Proxy for this zoo's servers. None: as the environment says.
        proxy_trusted: False when a project file named the proxy; it is then used for https alone, where it sees
            no header.
        connections: Connections at the most. None: as :class:`Limits` says.
        mirrors: Further places that have the same bytes: folders, and addresses below which one is served. None of
            them ever gets a token.
        mirrors_trusted: Whether mirrors may speak for the zoo where it is not asked: tell what a revision holds, and
            what a moving name means. False when a project file named them: then they give bytes, which are proven.
        mirror_policy: When mirrors are asked: ``first``, before the zoo; ``fallback``, when the zoo fails; ``only``,
            and the zoo never. None: first.
        via: ``official`` lets the zoo's own client move the bytes. None: we do.
    """

    endpoint: str | None = field(default=None, converter=_without_slash)
    endpoint_trusted: bool = True
    token: Token | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=_masked_proxy)
    proxy_trusted: bool = True
    connections: int | None = None
    mirrors: tuple[str, ...] = ()
    mirrors_trusted: bool = True
    mirror_policy: str | None = None
    via: str | None = None

    @property
    def mirrored(self) -> bool:
        """Whether mirrors play a part."""
        return bool(self.mirrors) or self.mirror_policy is not None


_NOTHING_SET = ZooSettings()


@frozen(kw_only=True)
class Settings:
    """Everything that may be set.

    Made by hand, it reads nothing: no variable, no file. :meth:`from_env` does.

    Attributes:
        home: Folder of the store. None: ``zooclient`` in the user's cache folder.
        stores: Further stores, read only.
        zoos: Scheme → what is set for that zoo.
        strict: Refuse moving revisions, stale answers, pickled files and code of a model's author.
        offline: Open no connection at all.
        failover: Go on at another zoo that is proved to have the same bytes, when a source fails. Then, and not
            before, the names and digests of the files that are wanted are told to other zoos.
        link_mode: How large files get into a snapshot: ``auto`` takes the first of the others that works.
        allow_plain_http: Allow http without TLS to other machines than this one, credentials included.
        surroundings: Read the zoos' own variables, token files and caches.
        environ: The environment that it was made from; proxies, certificates and the zoos' own variables
            are taken from here and from nowhere else.
        record_dir: Folder that gets a redacted copy of every exchange. None: none is kept.
        project: Project file that was found; it may name models. None: there is none, or none was looked for.
        policies: Files whose ``[policy]`` holds: floors, and the project file where it has one.
        limits: Every bound.

    Raises:
        ConfigError: A value that cannot be.
    """

    _home: str | os.PathLike[str] | None = field(default=None, alias="home")
    stores: tuple[Path, ...] = ()
    zoos: Mapping[str, ZooSettings] = field(factory=dict, hash=False)
    strict: bool = False
    offline: bool = False
    failover: bool = True
    link_mode: LinkMode = "auto"
    allow_plain_http: bool = False
    surroundings: bool = False
    environ: Mapping[str, str] = field(factory=dict, repr=False, hash=False)
    record_dir: Path | None = None
    project: Path | None = None
    policies: tuple[Path, ...] = ()
    limits: Limits = field(factory=Limits)

    def __attrs_post_init__(self) -> None:
        if self.link_mode not in LINK_MODES:
            raise ConfigError(f"The link mode cannot be {self.link_mode!r}.", hint=f"One of: {', '.join(LINK_MODES)}.")
        for scheme, zoo in self.zoos.items():
            check_zoo(zoo, f"The {{}} of {scheme}".format, self.allow_plain_http)

    def zoo(self, scheme: str) -> ZooSettings:
        """Returns what is set for a zoo; defaults when nothing is.

        Args:
            scheme: Canonical scheme, such as ``hf``.
        """
        return self.zoos.get(scheme, _NOTHING_SET)

    @property
    def home(self) -> Path | None:
        """Folder of the store. None: ``zooclient`` in the user's cache folder."""
        from pathlib import Path

        return None if self._home is None else Path(self._home)

    def store_home(self) -> Path:
        """Returns the folder of the store."""
        from pathlib import Path

        return Path(self.store_path())

    def store_path(self) -> str:
        """Returns the folder of the store as text."""
        return os.fspath(self._home if self._home is not None else user_folder("cache", self.environ))

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, *, project: Path | None = None, **overrides: Any
    ) -> Settings:
        """Reads settings; the first source that names one wins.

        The sources: ``overrides``; ``ZOOCLIENT_*`` variables; the zoos' own variables, such as ``HF_ENDPOINT``;
        the project file; the user's config file; defaults.

        Args:
            environ: Variables. None: those of this process.
            project: Folder from which a project file is looked for, upward. None: no project file is read.
            **overrides: Attributes of this class; None is as good as absent. ``zoos`` replaces what the other
                sources say for the schemes that it names; ``surroundings`` is True when not given.

        Raises:
            ConfigError: A value that cannot be; the sentence names the variable, or the file and the key.
        """
        from zooclient.settings.sources import settings_from

        return settings_from(os.environ if environ is None else environ, project, overrides)


def user_folder(kind: Literal["cache", "config"], environ: Mapping[str, str]) -> Path:
    """Returns zooclient's folder among the user's caches or configurations.

    On systems that follow the XDG base directory specification its two lines are applied here, to ``environ``:
    platformdirs says the same, but of the process's own environment, and its import costs several milliseconds.
    """
    from pathlib import Path

    if sys.platform not in ("win32", "darwin"):
        named = environ.get(f"XDG_{kind.upper()}_HOME", "")
        if named.startswith("/"):
            return Path(named, "zooclient")
        if home := environ.get("HOME"):
            return Path(home, f".{kind}", "zooclient")
    import platformdirs

    find = platformdirs.user_cache_path if kind == "cache" else platformdirs.user_config_path
    return find("zooclient", appauthor=False)


def path_of(text: str, name: str) -> Path:
    """Returns the path that a text names, ``~`` and ``~user`` replaced.

    Raises:
        ConfigError: There is no such user.
    """
    from pathlib import Path

    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{name} names the home of a user who is not known here: {text!r}.") from error


def check_zoo(zoo: ZooSettings, name: Callable[[str], str], allow_plain_http: bool) -> None:
    """Refuses values of a zoo that cannot be.

    Args:
        zoo: The settings of the zoo.
        name: Returns the start of the sentence for a key, such as ``The endpoint of hf``.
        allow_plain_http: Whether other machines may be asked without TLS.

    Raises:
        ConfigError: The first that cannot be.
    """
    if zoo.endpoint is not None:
        check_endpoint(zoo.endpoint, name("endpoint"), allow_plain_http)
    if zoo.proxy is not None:
        check_proxy(zoo.proxy, name("proxy"))
    if zoo.connections is not None and zoo.connections < 1:
        raise ConfigError(f"{name('connections')} cannot be {zoo.connections}.", hint="At least 1.")
    for mirror in zoo.mirrors:
        check_mirror(mirror, name("mirrors"), allow_plain_http)
    if zoo.mirror_policy not in (None, *MIRROR_POLICIES):
        raise ConfigError(
            f"{name('mirror_policy')} cannot be {zoo.mirror_policy!r}.", hint=f"One of: {', '.join(MIRROR_POLICIES)}."
        )
    if zoo.via not in (None, "official"):
        raise ConfigError(f"{name('via')} cannot be {zoo.via!r}.", hint='The one choice is "official".')


def is_url(mirror: str) -> bool:
    """Whether a mirror is named by an address and not by a path."""
    return "://" in mirror


def check_mirror(mirror: str, name: str, allow_plain_http: bool) -> None:
    """Refuses what names no mirror; arguments as for :func:`check_endpoint`.

    Raises:
        ConfigError: It is empty, or an address that :func:`check_endpoint` refuses.
    """
    if not mirror:
        raise ConfigError(
            f"{name} names a mirror by nothing.", hint="A folder, or an address such as https://host/path"
        )
    if is_url(mirror):
        check_endpoint(mirror, name, allow_plain_http)


def check_endpoint(url: str, name: str, allow_plain_http: bool) -> None:
    """Refuses an endpoint that is no absolute http(s) URL, holds user info, or would be asked in the clear.

    Raises:
        ConfigError: It is one of these.
    """
    plain = plain_address(url)
    if plain is not None and (plain.scheme == "https" or is_loopback(plain.host)):
        return
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"{name} is no URL: {error}.") from error
    if "@" in parts.netloc:
        # The value is not shown: what stands before the @ may be a password.
        raise ConfigError(f"{name} holds user info.", hint="Give the token apart from the address.")
    if parts.scheme not in ("http", "https") or not host or any(char <= " " or char in "\\\x7f" for char in url):
        raise ConfigError(f"{name} is no absolute http or https URL: {url!r}.", hint="Such as https://host:port")
    if parts.query or parts.fragment:
        raise ConfigError(f"{name} has a query or a fragment: {url!r}.", hint="The zoo's paths are added to it.")
    if parts.scheme == "http" and not allow_plain_http and not is_loopback(host):
        raise ConfigError(
            f"{name} is plain http to another machine: {url!r}.",
            hint="Use https. ZOOCLIENT_ALLOW_PLAIN_HTTP=1 allows it, tokens in the clear included.",
        )


class PlainAddress(NamedTuple):
    """An address in which nothing is to be interpreted.

    Attributes:
        scheme: ``http`` or ``https``.
        host: A name or an IPv4 address, in lower case.
        port: As written. None: the scheme's own.
    """

    scheme: str
    host: str
    port: int | None


def plain_address(url: str) -> PlainAddress | None:
    """Reads ``http[s]://host[:port][/path]`` in letters, digits and ``-._~`` alone.

    Such an address means the same to everybody, so that it takes no parser of URLs, whose import a warm load would
    feel. None: it is another one, good or bad.
    """
    scheme, _, rest = url.partition("://")
    place, _, path = rest.partition("/")
    host, colon, digits = place.partition(":")
    if scheme not in ("http", "https") or not host or not _HOST.issuperset(host) or not _PATH.issuperset(path):
        return None
    if not colon:
        return PlainAddress(scheme, host, None)
    port = int(digits) if 0 < len(digits) <= 5 and _DIGITS.issuperset(digits) else 0
    return PlainAddress(scheme, host, port) if 0 < port < 1 << 16 else None


def check_proxy(url: str, name: str) -> None:
    """Refuses a proxy that we cannot speak to.

    Raises:
        ConfigError: Its scheme is none of ours, or it names no host.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        good = parts.scheme in PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        # The value may hold a password in a place where no masking would find it.
        raise ConfigError(
            f"{name} is no proxy URL.", hint=f"Such as http://host:port; schemes: {', '.join(PROXY_SCHEMES)}."
        )


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this very machine: ``localhost``, ``127.0.0.0/8``, ``::1``."""
    host = host.strip("[]").lower()
    if host in ("localhost", "127.0.0.1"):
        return True
    if not (host.startswith("127.") or ":" in host):
        return False
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
