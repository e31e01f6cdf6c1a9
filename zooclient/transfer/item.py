"""What the engine is asked for: a file, and the places that have its bytes."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from zooclient.errors import ZooError
from zooclient.net.exchange import Request, Response
from zooclient.records.model import FileEntry


@frozen(kw_only=True)
class Source:
    """One place that has the bytes of a file.

    Attributes:
        label: Short name, used in receipts and errors, such as ``hf``.
        locate: Returns the request whose answer is the file, perhaps after redirects. Called again when a
            signed address has expired.
        refused: Turns an answer that refuses the file (a 4xx or 5xx of the origin that ``locate`` names) into
            the error to raise. None: by status alone.
        anonymous: No credential goes to it at any hop, and why it gives nothing never hides what another source said.
    """

    label: str
    locate: Callable[[], Request] = field(repr=False)
    refused: Callable[[Response], ZooError] | None = field(default=None, repr=False)
    anonymous: bool = False


@frozen(kw_only=True)
class Item:
    """One file to bring.

    Attributes:
        file: Path, size and digests as the zoo claims them.
        sources: Where to take it from, best first; at least one.
        owner: Pinned reference as text, for messages and for files without a digest.
    """

    file: FileEntry
    sources: tuple[Source, ...]
    owner: str
