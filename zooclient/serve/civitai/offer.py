"""On what terms a model is offered at Civitai, beyond what every zoo knows (:class:`~zooclient.serve.shelf.Terms`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from attrs import field, frozen

#: What a scanner may have found.
ScanResult = Literal["Pending", "Success", "Danger", "Error"]


@frozen(kw_only=True)
class Scan:
    """What the site's scanners found in one file.

    Attributes:
        pickle: Of the scanner that looks for code in pickles.
        virus: Of the scanner that looks for viruses.
        message: What the first says about it, as Markdown.
    """

    pickle: ScanResult = "Success"
    virus: ScanResult = "Success"
    message: str | None = None


@frozen(kw_only=True)
class Offer:
    """How one model is offered.

    Attributes:
        sold: It has to be bought: ``False``, ``"permanent"``, or ``"early"`` (until a time, then it is free).
        until: When early access ends, aware. None: no time is told.
        buyers: Names of accounts that bought it.
        login: Only those who are logged in may download it. None: as the site does by default.
        downloads: Whether its creator lets it be downloaded, rather than used on the site alone.
        archived: Its creator archived it: it is shown, and its files are not handed out.
        taken_down: The site took it down.
        nsfw: The creator's flag; it stays off on many mature models.
        nsfw_level: Bits of the levels of its pictures: 1 PG, 2 PG-13, 4 R, 8 X, 16 XXX, 32 blocked; 0: not yet
            looked at, and shown to nobody. None: by its card.
        minor: It depicts somebody who looks like a minor.
        poi: It depicts a real person; only its creator may have the files.
        scans: Path of a file → what was found in it, where that is not what is usual.
        replaced: Commit → the commit whose version and files it took the place of, under the same ids.
        kept_names: Files are shown under the names that they were uploaded with, not under those the site makes.
    """

    sold: Literal[False, "permanent", "early"] = False
    until: datetime | None = None
    buyers: frozenset[str] = frozenset()
    login: bool | None = None
    downloads: bool = True
    archived: bool = False
    taken_down: bool = False
    nsfw: bool = False
    nsfw_level: int | None = None
    minor: bool = False
    poi: bool = False
    scans: Mapping[str, Scan] = field(factory=dict, hash=False)
    replaced: Mapping[str, str] = field(factory=dict, hash=False)
    kept_names: bool = False

    def original(self, commit: str) -> str:
        """The commit that gave the version of this one its ids."""
        return self.replaced.get(commit, commit)
