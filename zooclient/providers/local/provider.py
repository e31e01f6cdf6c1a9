"""``file:``: a folder of weights, or one weights file, on this machine, used where it lies."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from attrs import frozen

from zooclient.errors import ProtocolError, RefError, Unsupported, ZooError
from zooclient.net.exchange import Call, Flow, Request, Response
from zooclient.providers.base import Account
from zooclient.providers.local import wire
from zooclient.providers.local.scan import Scan, scan
from zooclient.records.capability import Capability
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.query import Page, Query
from zooclient.records.ref import Ref

CAPABILITY: Final = Capability(
    download=True,
    in_place=True,
    note="Files are used where they lie; resolving hashes every byte.",
)

_DRIVE = re.compile(r"[A-Za-z]:/")


def local_path(ref: Ref) -> Path:
    """Returns the path that a ``file:`` reference names: absolute, ``~`` read as the home folder.

    Raises:
        RefError: It is a Windows path, and this is another system.
    """
    if _DRIVE.match(ref.id) and os.name != "nt":
        raise RefError(f"{ref} is a path of Windows, and this machine has no drives.", ref=str(ref))
    path = Path(ref.id)
    if ref.id == "~" or ref.id.startswith("~/"):
        path = Path.home() / ref.id[2:]
    return Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)


def folder_of(ref: Ref) -> Path:
    """Returns the folder below which the files of the record lie: the path itself, or the folder of the one file."""
    path = local_path(ref)
    return path if path.is_dir() else path.parent


@frozen
class Local:
    """This machine as a zoo."""

    @property
    def scheme(self) -> str:
        """``file``."""
        return wire.SCHEME

    @property
    def capability(self) -> Capability:
        """What it can do."""
        return CAPABILITY

    @property
    def endpoint(self) -> None:
        """None: no server is talked to."""
        return

    @property
    def official(self) -> bool:
        """True: there is no other."""
        return True

    def search(self, query: Query, cursor: str | None = None) -> Flow[Page]:
        """Raises Unsupported: this machine is not searched."""
        yield from ()
        raise Unsupported("Files on this machine cannot be searched.", zoo="file", operation="search")

    def resolve(self, ref: Ref, *, demos: bool = False) -> Flow[ModelRecord]:
        """The record of a folder or file; every byte is hashed.

        Raises:
            NotFound: Nothing is there.
            IntegrityError: A link leads out of the folder, a file changed meanwhile, or the content is not that of
                the reference's digest.
            StoreError: Something may not be read.
        """
        place = local_path(ref)
        try:
            found: Scan = yield Call(run=lambda: scan(place))
            return wire.read_scan(found, ref, place.as_posix())
        except ZooError as error:
            error.about(zoo="file", ref=str(ref), operation="resolve")
            raise

    def locate(self, record: ModelRecord, file: FileEntry) -> Request:
        """Raises Unsupported: nothing is fetched."""
        raise Unsupported(f"{record.ref} lies on this machine; nothing is fetched.", zoo="file", operation="locate")

    def whoami(self, token: str | None = None) -> Flow[Account]:
        """Raises Unsupported: this machine has no accounts of ours."""
        yield from ()
        raise Unsupported("file: has no accounts.", zoo="file", operation="whoami")

    def refused(self, response: Response, ref: Ref | None, operation: str) -> ZooError:
        """Returns an error that cannot happen in practice: no server is asked."""
        return ProtocolError(f"An answer with status {response.status} came for files of this machine.", zoo="file")
