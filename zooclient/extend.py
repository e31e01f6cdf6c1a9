"""Everything that a package needs which brings a zoo or a loader, beside the names of :mod:`zooclient` itself.

These names are as stable as those of :mod:`zooclient`; where they are defined is not.
"""

from zooclient.loading.loaders import Loader
from zooclient.net.exchange import (
    Call,
    Entrusted,
    Flow,
    Listen,
    Means,
    Parting,
    Pause,
    Request,
    Response,
    fetch,
    redirect_target,
    replay,
)
from zooclient.net.onward import onward
from zooclient.net.origin import masked, origin
from zooclient.providers import reading, refusing
from zooclient.providers.base import Provider
from zooclient.providers.further import (
    AsksForCards,
    HostsModels,
    KnowsFiles,
    MakesCards,
    MayReplace,
    SecondAddress,
    SeveralOrigins,
    TakesModels,
    TellsPages,
    TrainsModels,
)
from zooclient.records import filters
from zooclient.records.classify import classify
from zooclient.records.licenses import license_of
from zooclient.records.publication import Sending, Sent, Standing
from zooclient.records.run import RunRequest

__all__ = [
    "AsksForCards",
    "Call",
    "Entrusted",
    "Flow",
    "HostsModels",
    "KnowsFiles",
    "Listen",
    "Loader",
    "MakesCards",
    "MayReplace",
    "Means",
    "Parting",
    "Pause",
    "Provider",
    "Request",
    "Response",
    "RunRequest",
    "SecondAddress",
    "Sending",
    "Sent",
    "SeveralOrigins",
    "Standing",
    "TakesModels",
    "TellsPages",
    "TrainsModels",
    "classify",
    "fetch",
    "filters",
    "license_of",
    "masked",
    "onward",
    "origin",
    "reading",
    "redirect_target",
    "refusing",
    "replay",
]
