"""What the steps need, each made on first use: store, providers, driver, engine.

Nothing here opens a socket or reads a file before it is asked to; a warm pinned load asks for the store alone.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from zooclient.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from zooclient.errors import ZooError
    from zooclient.net.auth import Auth, Credential
    from zooclient.net.drivers import Driver
    from zooclient.net.proxy import Proxies
    from zooclient.net.registries import Registries
    from zooclient.providers.base import Provider
    from zooclient.records.policy import Policy
    from zooclient.records.ref import Ref
    from zooclient.store.store import Store
    from zooclient.transfer.engine import Engine


class Wiring:
    """Joins the rooms for one client.

    Args:
        settings: Everything that may be set.
        policy: What may be used, beside the policies that the settings name. None: as they say.
    """

    def __init__(self, settings: Settings, policy: Policy | None = None) -> None:
        self.settings = settings
        self.policy = policy
        self.policies_read: dict[Path, Policy] = {}
        self.notes_told: set[str] = set()
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._driver: Driver | None = None
        self._registries: Registries | None = None
        self._providers: dict[str, Provider] = {}
        self._places: dict[str, str] = {}

    @property
    def policed(self) -> bool:
        """Whether any policy is to be asked; strict mode is one."""
        return self.policy is not None or self.settings.strict or bool(self.settings.policies)

    def store(self) -> Store:
        """Returns the store."""
        if self._store is None:
            from zooclient.store.store import Store

            with self._lock:
                if self._store is None:
                    settings = self.settings
                    self._store = Store(
                        settings.store_path(),
                        stores=settings.stores,
                        link_mode=settings.link_mode,
                        official_cache=self._official_cache,
                        small_file=settings.limits.small_file,
                        lock_timeout=settings.limits.lock_timeout,
                    )
        return self._store

    def note_lock(self, path: Path) -> None:
        """Notes in the store that a lock's models are brought there; one that cannot be written has none of its own."""
        from zooclient.errors import StoreError

        with suppress(StoreError):
            self.store().note_lock(path)

    def _official_cache(self) -> Path | None:
        """Returns the official Hugging Face cache, where the surroundings may be looked at."""
        if not self.settings.surroundings:
            return None
        from zooclient.providers.huggingface.credentials import hf_cache_dir

        return hf_cache_dir(self.settings.environ)

    def provider(self, scheme: str) -> Provider:
        """Returns the provider of a scheme.

        Raises:
            RefError: Nobody provides it.
        """
        found = self._providers.get(scheme)
        if found is None:
            from zooclient.providers.registry import provider_for

            with self._lock:
                found = self._providers.setdefault(scheme, provider_for(scheme, self.settings))
        return found

    def providers(self) -> tuple[dict[str, Provider], dict[str, ZooError]]:
        """Returns every zoo's provider, and scheme → why one of another package cannot be used.

        Such a package is in the way of whoever names its zoo, and of nobody who asks all zoos.
        """
        from zooclient.errors import ZooError
        from zooclient.providers.registry import own_schemes, schemes

        found: dict[str, Provider] = {}
        problems: dict[str, ZooError] = {}
        for scheme in schemes():
            try:
                found[scheme] = self.provider(scheme)
            except ZooError as error:
                if scheme in own_schemes():
                    raise
                problems[scheme] = error
        return found, problems

    def in_place(self, ref: Ref) -> bool:
        """Whether the files of a reference lie on this machine anyway, and are used where they are."""
        return self.provider(ref.scheme).capability.in_place

    def place(self, scheme: str) -> str:
        """Returns the store's folder name for what this zoo's server says."""
        found = self._places.get(scheme)
        if found is None:
            from zooclient.providers.registry import place_of

            found = self._places[scheme] = place_of(scheme, self.settings)
        return found

    def auth(self) -> Auth:
        """Returns which credential goes where, for every zoo that has one.

        A zoo of another package is known to it from the moment its provider was made, which is when it is first used.
        """
        from zooclient.net.auth import Auth
        from zooclient.providers.registry import credentials

        return Auth(
            credentials(self.settings),
            allow_plain_http=self.settings.allow_plain_http,
            closed=self._closed,
            further=self._further,
            registries=self._image_registries(),
        )

    def _image_registries(self) -> Registries:
        """Returns the image registries, with what they granted, to whoever asks in this client's name."""
        if self._registries is None:
            from zooclient.net.registries import Registries
            from zooclient.providers.registry import image_registries

            with self._lock:
                if self._registries is None:
                    self._registries = Registries(
                        image_registries(self.settings), allow_plain_http=self.settings.allow_plain_http
                    )
        return self._registries

    def _used(self) -> dict[str, Provider]:
        """The providers of our own zoos, and those of other packages that were used so far."""
        from zooclient.providers.registry import own_schemes

        own = {scheme: self.provider(scheme) for scheme in own_schemes()}
        with self._lock:
            return {**own, **self._providers}

    def _further(self) -> tuple[Credential, ...]:
        """The credentials of the zoos of other packages that were used so far."""
        from zooclient.providers.registry import credentials_of, own_schemes

        own = own_schemes()
        with self._lock:
            foreign = [provider for scheme, provider in self._providers.items() if scheme not in own]
        return tuple(found for provider in foreign for found in credentials_of(provider, self.settings))

    def _closed(self) -> frozenset[str]:
        """The origins of the zoos that are not to be asked, because their mirrors alone are."""
        only = {scheme for scheme, zoo in self.settings.zoos.items() if zoo.mirror_policy == "only"}
        if not only:
            return frozenset()
        from zooclient.net.origin import origin
        from zooclient.providers.further import KeepsImages
        from zooclient.providers.registry import origins_of

        # Behind one gateway there may be several zoos; what one of them is asked must not fail for another.
        asked: set[str] = set()
        closed: set[str] = set()
        for scheme, provider in self._used().items():
            places = closed if scheme in only else asked
            places.update(origins_of(provider))
            if isinstance(provider, KeepsImages) and provider.images is not None:
                places.add(origin(provider.images))
        return frozenset(closed - asked)

    def proxies(self) -> Proxies:
        """Returns the one answer to "which proxy for this URL"."""
        from zooclient.net.proxy import Proxies

        return Proxies.of(self.settings)

    def driver(self) -> Driver:
        """Returns what runs flows over the network."""
        if self._driver is None:
            from zooclient.net.drivers import Driver

            with self._lock:
                if self._driver is None:
                    self._driver = Driver(self.settings, self.auth(), self.proxies())
        return self._driver

    def engine(self, scheme: str | None) -> Engine:
        """Returns a new byte engine within the bounds of a zoo, or None: of all together; the caller closes it."""
        from zooclient.transfer.engine import Engine

        return Engine(
            settings=self.settings,
            auth=self.auth(),
            proxies=self.proxies(),
            max_connections=self.settings.limits.connections if scheme is None else self.connections(scheme),
        )

    def connections(self, scheme: str) -> int:
        """Returns how many connections a zoo may be asked over at the same time: as wished, within its own bound."""
        wished = self.settings.zoo(scheme).connections or self.settings.limits.connections
        return min(wished, self.provider(scheme).capability.max_connections)

    def close(self) -> None:
        """Closes kept-alive connections and gives up what the store noted as needed; the next call begins anew."""
        driver = self._leave()
        if driver is not None:
            driver.close()

    async def aclose(self) -> None:
        """As :meth:`close`, for connections of both colours."""
        driver = self._leave()
        if driver is not None:
            await driver.aclose()

    def _leave(self) -> Driver | None:
        with self._lock:
            driver, self._driver = self._driver, None
            store = self._store
        if store is not None:
            store.close()
        return driver
