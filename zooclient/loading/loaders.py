"""Kind of loader → loader: our own by a static table, others by the entry points ``zooclient.loaders``.

A package offers a loader in its ``pyproject.toml``::

    [project.entry-points."zooclient.loaders"]
    mykind = "mypackage.zoo:load"

Its module is imported when its kind is asked for, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from zooclient.errors import ConfigError
from zooclient.loading.pickles import refuse_pickles
from zooclient.plugins import Offer, broken, offers, the_one
from zooclient.records.snapshot import Snapshot

GROUP = "zooclient.loaders"

#: Kind → function of :mod:`zooclient.loading.kinds`.
_OURS = {
    "diffusers": "diffusers",
    "numpy": "safetensors",
    "onnxruntime": "onnxruntime",
    "safetensors": "safetensors",
    "sentence-transformers": "sentence_transformers",
    "torch": "torch",
    "transformers": "transformers",
}
#: Kinds that read one safe format, whatever else lies in the folder, or ask for ``unsafe`` themselves.
_ASK_THEMSELVES = frozenset({"numpy", "onnxruntime", "safetensors", "torch"})


class Loader(Protocol):
    """Makes something of a snapshot.

    A loader is called with the snapshot, ``unsafe`` (whether it may unpickle weights and run the model's own code),
    and the options that the caller gave. Unless ``unsafe`` is set, it is not called at all for a snapshot in which a
    pickled file lies. It imports its library when it is called, opens no connection, and writes nothing below
    ``snapshot.path``.
    """

    def __call__(self, snapshot: Snapshot, /, *, unsafe: bool, **options: Any) -> Any:
        """Returns whatever the library makes of the model."""
        ...


def kinds() -> tuple[str, ...]:
    """Returns every kind there is on this machine, sorted; a kind of ours may still want its library installed."""
    return tuple(sorted({*_OURS, *offers(GROUP)}))


def loader_for(kind: str) -> Loader:
    """Returns the loader of a kind; our own are never replaced by another package's.

    Raises:
        ConfigError: There is none, several packages offer it, or the package that does cannot be imported.
    """
    if kind in _OURS:
        own: Loader = getattr(import_module("zooclient.loading.kinds"), _OURS[kind])
        return own
    offered = offers(GROUP).get(kind)
    if offered is not None:
        return _loaded(the_one(offered, "loader"))
    raise ConfigError(
        f"There is no loader {kind!r}.",
        operation="load",
        hint=f"There are: {', '.join(kinds())}. The folder itself is `.path`.",
    )


def _loaded(offer: Offer) -> Loader:
    loader: Loader = offer.load("loader")
    if not callable(loader):
        raise broken(offer, "loader", "cannot be called")
    return loader


def load_into(snapshot: Snapshot, kind: str, *, unsafe: bool, options: Mapping[str, Any]) -> Any:
    """Hands a snapshot to a loader; see :meth:`zooclient.Model.into`."""
    loader = loader_for(kind)
    if not unsafe and kind not in _ASK_THEMSELVES:
        refuse_pickles(snapshot, kind)
    return loader(snapshot, unsafe=unsafe, **options)
