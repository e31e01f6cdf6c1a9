"""What is searched for, and one page of what was found."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen
from attrs.converters import optional

from zooclient.records.checks import check_count, check_tuples
from zooclient.records.model import Hit, LicenseKind
from zooclient.records.sizes import read_size

Sort = Literal["relevance", "downloads", "likes", "trending", "updated", "created"]


@frozen(kw_only=True)
class Query:
    """A search, the same for every zoo. A zoo applies what it can; the rest is applied on our side or reported.

    Attributes:
        text: Words to look for. Empty: everything.
        zoos: Schemes to ask. Empty: every zoo that can be searched.
        author: Owner, exact.
        task: Task id, such as ``text-classification``.
        library: Library id, such as ``transformers``.
        license: Licence id as the zoo spells it, or an SPDX id; compared without regard to case.
        license_kind: What the licence roughly allows: ``open-source``, ``open-weight``, ``non-commercial``, or
            ``unknown``, which are also the models that state none. See :class:`License`.
        base_model: Reference or id of the model it was made from.
        language: ISO 639 code.
        format: Weights format, such as ``safetensors`` or ``gguf``.
        tags: Further tags, all of which must be there.
        gated: True: only gated; False: only open; None: both.
        nsfw: True: adult content too; False: without it.
        min_parameters: Smallest number of parameters, inclusive. None: no bound.
        max_parameters: Largest number of parameters, inclusive. None: no bound.
        fits: Bytes of memory, or text such as ``24GB`` or ``8GiB``, that the weights must fit in. A model counts by
            the size that its zoo lists or that the types of its parameters make; where neither is told, by its
            number of parameters, of 16 bits each, or of 4.5 bits where the weights are GGUF. A model of which
            nothing is told is left out. What a model needs beside its weights when it runs is not counted.
        sort: Order. None: the zoo's own.
        limit: Hits at the most. None: all there are.
    """

    text: str = ""
    zoos: tuple[str, ...] = ()
    author: str | None = None
    task: str | None = None
    library: str | None = None
    license: str | None = None
    license_kind: LicenseKind | None = None
    base_model: str | None = None
    language: str | None = None
    format: str | None = None
    tags: tuple[str, ...] = ()
    gated: bool | None = None
    nsfw: bool = False
    min_parameters: int | None = None
    max_parameters: int | None = None
    fits: int | None = field(default=None, converter=optional(read_size))
    sort: Sort | None = None
    limit: int | None = None

    def __attrs_post_init__(self) -> None:
        check_tuples(zoos=self.zoos, tags=self.tags)
        check_count("min_parameters", self.min_parameters)
        check_count("max_parameters", self.max_parameters)
        check_count("limit", self.limit)


@frozen(kw_only=True)
class Page:
    """One page of hits.

    Attributes:
        hits: In the zoo's order.
        cursor: What to pass for the next page. None on the last.
        unapplied: Names of the fields of the query that neither the zoo nor we could apply.
        cut: A sentence on why this is the last page although the zoo may have more. None: it is not, or it has not.
    """

    hits: tuple[Hit, ...]
    cursor: str | None = None
    unapplied: tuple[str, ...] = ()
    cut: str | None = None

    def __attrs_post_init__(self) -> None:
        check_tuples(hits=self.hits, unapplied=self.unapplied)


def cut_short(pages: int) -> str:
    """Returns the sentence of a walk that is given up: so many pages in a row held nothing that suits."""
    return f"{pages} pages in a row held no hit that suits, and more may follow: narrow the search to look further."
