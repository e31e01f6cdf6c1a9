"""Model zoos behind one interface: search, resolve, download, load.

>>> import zooclient
>>> model = zooclient.load("hf:org/name@<commit>")  # doctest: +SKIP

Importing this costs next to nothing: a name is looked up when it is first used.
"""

__version__ = "0.1.0"

#: Public name → module that defines it.
_HOMES = {
    **dict.fromkeys(
        (
            "audit",
            "card",
            "check",
            "compare",
            "default_client",
            "download",
            "file",
            "identify",
            "load",
            "open",
            "plan",
            "repeat",
            "resolve",
            "search",
            "sources",
            "start",
            "verify",
            "whoami",
        ),
        "zooclient.client.default",
    ),
    "Client": "zooclient.client.sync",
    "AsyncClient": "zooclient.client.aio",
    "Hits": "zooclient.client.hits",
    "AsyncHits": "zooclient.client.hits",
    "Job": "zooclient.client.job",
    "Progress": "zooclient.client.job",
    "Settings": "zooclient.settings",
    "ZooSettings": "zooclient.settings",
    "Limits": "zooclient.settings",
    "Cancel": "zooclient.net.cancel",
    "Reporter": "zooclient.transfer.reporter",
    "Account": "zooclient.providers.base",
    **dict.fromkeys(("AsyncModel", "Model"), "zooclient.loading.model"),
    **dict.fromkeys(("AsyncRemoteModel", "RemoteModel"), "zooclient.loading.remote"),
    **dict.fromkeys(("AsyncRunStream", "RunStream"), "zooclient.loading.streams"),
    **dict.fromkeys(("Run", "RunEvent", "RunFile"), "zooclient.records.run"),
    "Ref": "zooclient.records.ref",
    "Query": "zooclient.records.query",
    "Page": "zooclient.records.query",
    **dict.fromkeys(("AuditReport", "Finding"), "zooclient.records.audit"),
    "Capability": "zooclient.records.capability",
    "Card": "zooclient.records.card",
    **dict.fromkeys(("Column", "Comparison", "Evaluation", "Failure"), "zooclient.records.comparison"),
    **dict.fromkeys(("Access", "Demo", "FileEntry", "Hit", "License", "ModelRecord"), "zooclient.records.model"),
    **dict.fromkeys(("Plan", "Reuse", "Skip"), "zooclient.records.plan"),
    **dict.fromkeys(
        ("CardFinding", "LeftOut", "PublishFile", "PublishPlan", "PublishTarget", "Published"),
        "zooclient.records.publication",
    ),
    "Wishes": "zooclient.records.wishes",
    "Checked": "zooclient.client.checking",
    **dict.fromkeys(("Allowance", "Policy", "Violation"), "zooclient.records.policy"),
    **dict.fromkeys(("FileCopy", "Sources"), "zooclient.records.sources"),
    **dict.fromkeys(("Identification", "Identified", "Match"), "zooclient.records.identity"),
    **dict.fromkeys(("Observed", "Receipt"), "zooclient.records.receipt"),
    **dict.fromkeys(("Snapshot", "SnapshotFile"), "zooclient.records.snapshot"),
    **dict.fromkeys(
        (
            "AccessError",
            "Cancelled",
            "ConfigError",
            "DamagedWarning",
            "Gone",
            "IntegrityError",
            "NetworkError",
            "NotFound",
            "Offline",
            "PolicyError",
            "ProtocolError",
            "RateLimited",
            "RefError",
            "RunFailed",
            "StaleWarning",
            "StoreError",
            "UnpinnedWarning",
            "Unsupported",
            "ZooError",
        ),
        "zooclient.errors",
    ),
}

__all__ = ["__version__", *sorted(_HOMES)]

# Type checkers take a variable of this name as true; importing typing for it would cost more than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from zooclient.client.aio import AsyncClient as AsyncClient
    from zooclient.client.checking import Checked as Checked
    from zooclient.client.default import audit as audit
    from zooclient.client.default import card as card
    from zooclient.client.default import check as check
    from zooclient.client.default import compare as compare
    from zooclient.client.default import default_client as default_client
    from zooclient.client.default import download as download
    from zooclient.client.default import file as file
    from zooclient.client.default import identify as identify
    from zooclient.client.default import load as load
    from zooclient.client.default import open as open
    from zooclient.client.default import plan as plan
    from zooclient.client.default import repeat as repeat
    from zooclient.client.default import resolve as resolve
    from zooclient.client.default import search as search
    from zooclient.client.default import sources as sources
    from zooclient.client.default import start as start
    from zooclient.client.default import verify as verify
    from zooclient.client.default import whoami as whoami
    from zooclient.client.hits import AsyncHits as AsyncHits
    from zooclient.client.hits import Hits as Hits
    from zooclient.client.job import Job as Job
    from zooclient.client.job import Progress as Progress
    from zooclient.client.sync import Client as Client
    from zooclient.errors import AccessError as AccessError
    from zooclient.errors import Cancelled as Cancelled
    from zooclient.errors import ConfigError as ConfigError
    from zooclient.errors import DamagedWarning as DamagedWarning
    from zooclient.errors import Gone as Gone
    from zooclient.errors import IntegrityError as IntegrityError
    from zooclient.errors import NetworkError as NetworkError
    from zooclient.errors import NotFound as NotFound
    from zooclient.errors import Offline as Offline
    from zooclient.errors import PolicyError as PolicyError
    from zooclient.errors import ProtocolError as ProtocolError
    from zooclient.errors import RateLimited as RateLimited
    from zooclient.errors import RefError as RefError
    from zooclient.errors import RunFailed as RunFailed
    from zooclient.errors import StaleWarning as StaleWarning
    from zooclient.errors import StoreError as StoreError
    from zooclient.errors import UnpinnedWarning as UnpinnedWarning
    from zooclient.errors import Unsupported as Unsupported
    from zooclient.errors import ZooError as ZooError
    from zooclient.loading.model import AsyncModel as AsyncModel
    from zooclient.loading.model import Model as Model
    from zooclient.loading.remote import AsyncRemoteModel as AsyncRemoteModel
    from zooclient.loading.remote import RemoteModel as RemoteModel
    from zooclient.loading.streams import AsyncRunStream as AsyncRunStream
    from zooclient.loading.streams import RunStream as RunStream
    from zooclient.net.cancel import Cancel as Cancel
    from zooclient.providers.base import Account as Account
    from zooclient.records.audit import AuditReport as AuditReport
    from zooclient.records.audit import Finding as Finding
    from zooclient.records.capability import Capability as Capability
    from zooclient.records.card import Card as Card
    from zooclient.records.comparison import Column as Column
    from zooclient.records.comparison import Comparison as Comparison
    from zooclient.records.comparison import Evaluation as Evaluation
    from zooclient.records.comparison import Failure as Failure
    from zooclient.records.identity import Identification as Identification
    from zooclient.records.identity import Identified as Identified
    from zooclient.records.identity import Match as Match
    from zooclient.records.model import Access as Access
    from zooclient.records.model import Demo as Demo
    from zooclient.records.model import FileEntry as FileEntry
    from zooclient.records.model import Hit as Hit
    from zooclient.records.model import License as License
    from zooclient.records.model import ModelRecord as ModelRecord
    from zooclient.records.plan import Plan as Plan
    from zooclient.records.plan import Reuse as Reuse
    from zooclient.records.plan import Skip as Skip
    from zooclient.records.policy import Allowance as Allowance
    from zooclient.records.policy import Policy as Policy
    from zooclient.records.policy import Violation as Violation
    from zooclient.records.publication import CardFinding as CardFinding
    from zooclient.records.publication import LeftOut as LeftOut
    from zooclient.records.publication import Published as Published
    from zooclient.records.publication import PublishFile as PublishFile
    from zooclient.records.publication import PublishPlan as PublishPlan
    from zooclient.records.publication import PublishTarget as PublishTarget
    from zooclient.records.query import Page as Page
    from zooclient.records.query import Query as Query
    from zooclient.records.receipt import Observed as Observed
    from zooclient.records.receipt import Receipt as Receipt
    from zooclient.records.ref import Ref as Ref
    from zooclient.records.run import Run as Run
    from zooclient.records.run import RunEvent as RunEvent
    from zooclient.records.run import RunFile as RunFile
    from zooclient.records.snapshot import Snapshot as Snapshot
    from zooclient.records.snapshot import SnapshotFile as SnapshotFile
    from zooclient.records.sources import FileCopy as FileCopy
    from zooclient.records.sources import Sources as Sources
    from zooclient.records.wishes import Wishes as Wishes
    from zooclient.settings import Limits as Limits
    from zooclient.settings import Settings as Settings
    from zooclient.settings import ZooSettings as ZooSettings
    from zooclient.transfer.reporter import Reporter as Reporter


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
