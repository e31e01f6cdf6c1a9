"""What a zoo can do, as data: asked beforehand instead of caught afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from zooclient.records.checks import check_tuples

Support = Literal["exact", "emulated", "unsupported"]


@frozen(kw_only=True)
class Capability:
    """What a provider can do, and the limits it must be used within.

    Attributes:
        search: Models can be searched.
        search_login: Searching needs a token; who has none is told, and not sent.
        download: Files can be fetched.
        run: Models can be run where they are hosted.
        publish: Models can be given back.
        login: The zoo has accounts.
        identify: The zoo tells which of its models has a file of a given sha256.
        in_place: The files are on this machine already and are used where they lie.
        filters: Field of ``Query`` → whether the zoo applies it, we do, or nobody can.
        sorts: Orders that the zoo can give.
        max_connections: Connections at the most to the zoo's byte servers, all files together.
        note: A sentence on what is special. None when nothing is.
    """

    search: bool = False
    search_login: bool = False
    download: bool = False
    run: bool = False
    publish: bool = False
    login: bool = False
    identify: bool = False
    in_place: bool = False
    filters: Mapping[str, Support] = field(factory=dict, hash=False)
    sorts: tuple[str, ...] = ()
    max_connections: int = 8
    note: str | None = None

    def __attrs_post_init__(self) -> None:
        check_tuples(sorts=self.sorts)
