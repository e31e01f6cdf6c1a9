"""What other packages offer in entry points: told without importing what they name, and loaded when it is wanted.

Providers and loaders come this way. A package writes in its ``pyproject.toml``::

    [project.entry-points."zooclient.providers"]
    myzoo = "mypackage.provider:make"

Each distribution is read by itself, so that one whose metadata is damaged is in nobody's way.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

from attrs import field, frozen

from zooclient.errors import ConfigError, ZooError


@frozen(kw_only=True)
class Offer:
    """One entry point, and the package that has it.

    Attributes:
        name: What is offered: a scheme, or a kind of loader.
        value: The object that is named, ``module:attribute``.
        package: Name of the distribution, as ``pip`` knows it.
        version: Its version.
    """

    name: str
    value: str
    package: str
    version: str
    _point: EntryPoint = field(repr=False, eq=False)

    @property
    def source(self) -> str:
        """Who offers it, as a sentence names it."""
        return f"package {self.package} {self.version}"

    def load(self, what: str) -> Any:
        """Imports the object.

        Args:
            what: What it is, for the error: ``provider``.

        Raises:
            ConfigError: The package cannot be imported, whatever stops it.
        """
        try:
            return self._point.load()
        except (Exception, SystemExit) as error:
            raise broken(self, what, f"cannot be imported: {_told(error)}") from error


def offers(group: str) -> dict[str, tuple[Offer, ...]]:
    """Returns what the installed packages offer: name → every package that offers it, in the order of the path.

    Args:
        group: Group of entry points, such as ``zooclient.providers``.
    """
    found: dict[str, dict[str, Offer]] = {}
    for distribution in distributions():
        # Whatever is wrong with the metadata of some package is not for us to tell.
        with suppress(Exception):
            for point in distribution.entry_points.select(group=group):
                offer = _offer(point, distribution)
                # A copy of a package further down the path is never imported.
                found.setdefault(point.name, {}).setdefault(offer.package.lower().replace("_", "-"), offer)
    return {name: tuple(by_package.values()) for name, by_package in found.items()}


def the_one(offered: tuple[Offer, ...], what: str) -> Offer:
    """Returns the one offer of a name.

    Args:
        offered: The offers of that name, at least one.
        what: What is offered, for the error: ``provider``.

    Raises:
        ConfigError: Several packages offer it, and which is meant cannot be known.
    """
    first, *others = offered
    if others:
        names = ", ".join(offer.source for offer in offered)
        raise ConfigError(
            f"More than one package offers the {what} {first.name!r}: {names}.",
            hint=f"Keep one of them: python -m pip uninstall {others[-1].package}",
        )
    return first


def broken(offer: Offer, what: str, why: str) -> ConfigError:
    """Returns the error for a plug-in that cannot be used.

    Args:
        offer: The plug-in.
        what: What it is: ``provider``.
        why: How it fails; the end of the sentence, without a full stop.
    """
    return ConfigError(
        f"The {what} {offer.name!r} of the {offer.source} ({offer.value}) {why}.",
        hint=f"That package may be broken, or made for another zooclient: python -m pip install -U {offer.package}",
    )


def failed(offer: Offer, what: str, error: BaseException) -> ZooError:
    """Returns the error for what a plug-in raised: itself where it is one of ours, else a ``ConfigError`` about it."""
    return error if isinstance(error, ZooError) else broken(offer, what, f"fails: {_told(error)}")


def _offer(point: EntryPoint, distribution: Distribution) -> Offer:
    return Offer(
        name=point.name,
        value=point.value,
        package=str(distribution.name or "without a name"),
        version=str(distribution.version or "unknown"),
        point=point,
    )


def _told(error: BaseException) -> str:
    said = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
