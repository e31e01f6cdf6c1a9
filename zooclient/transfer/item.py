"""What the engine is asked for: a file, and the places that have its bytes."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from zooclient.errors import ZooError
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Request, Response
from zooclient.records.model import FileEntry


@frozen(kw_only=True)
class Source:
    """One place that has the bytes of a file.

    Attributes:
        label: Short name, used in receipts and errors, such as ``hf``.
        locate: Returns the request whose answer is the file, perhaps after redirects. Called again when a
            signed address has expired.
        refused: Turns an answer of the source itself that refuses the file (a 4xx or 5xx, or a page) into the error
            to raise. None: by status alone.
        otherwise: Returns another request for the file, tried once where the source itself answers 404 to the first;
            it may return None: there is no other. None: there never is.
        is_page: Whether a success is a page for people in place of the file. It is shown the head of the answer, at
            the address that gave it in the end. None: no success is.
        owns: Whether an address is the source itself, besides the origin that ``locate`` names. None: no other is.
        public: The source is on the internet, so that it cannot mean an address inside a private network.
        anonymous: No credential goes to it at any hop, and why it gives nothing never hides what another source said.
        bears: Connections at the most that it bears, all files of a transfer together. None: as many as the engine
            may open.
    """

    label: str
    locate: Callable[[], Request] = field(repr=False)
    refused: Callable[[Response], ZooError] | None = field(default=None, repr=False)
    otherwise: Callable[[], Request | None] | None = field(default=None, repr=False)
    is_page: Callable[[Response], bool] | None = field(default=None, repr=False)
    owns: Callable[[str], bool] | None = field(default=None, repr=False)
    public: bool = False
    anonymous: bool = False
    bears: int | None = None


@frozen(kw_only=True)
class Further:
    """What was found when further sources of a file were looked for.

    Attributes:
        sources: Best first; none when nobody else has the same bytes.
        told: One sentence about the search, for the error in case the file cannot be had. None: nothing to say.
    """

    sources: tuple[Source, ...] = ()
    told: str | None = None


@frozen(kw_only=True)
class Item:
    """One file to bring.

    Attributes:
        file: Path, size and digests as the zoo claims them.
        sources: Where to take it from, best first; at least one.
        owner: Pinned reference as text, for messages and for files without a digest.
        further: Looks for other places that have the same bytes, told what failed. Asked once at the most, and only
            when the sources at hand are used up or stall: a download in good health asks nobody else. It may block,
            as long as the wish to stop allows. None: there are none to look for.
    """

    file: FileEntry
    sources: tuple[Source, ...]
    owner: str
    further: Callable[[ZooError, Cancel], Further] | None = field(default=None, repr=False)
