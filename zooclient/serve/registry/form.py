"""How the image of a model is made, where there is more than one way. Pure."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen


@frozen
class Further:
    """A layer that somebody put on top, whatever it holds.

    Attributes:
        archive: The layer as it is, a tar archive or not.
        created_by: What the history says of it.
    """

    archive: bytes = field(repr=False)
    created_by: str = "COPY . /src # buildkit"


@frozen(kw_only=True)
class Form:
    """One way to make an image.

    Attributes:
        types: Whose media types it has: ``oci``, or ``docker`` (manifest version 2, schema 2).
        packing: How layers of weights are packed. The others are always ``gzip``.
        weights: Where weights are: ``marked``, a layer for each file, whose history ends in ``# weights``; ``linked``,
            the same copied with ``--link``; ``inside``, in the one layer with everything else; ``managed``, in a
            manifest of their own that an index ties to the image.
        pinned: Where weights are managed, whose digest is the id of the version.
        labels: Under which names the image tells what it is: today's, those of before 2022, or none, as an image that
            Cog did not make.
        further: Layers on top of all.
    """

    types: Literal["oci", "docker"] = "oci"
    packing: Literal["tar", "gzip"] = "tar"
    weights: Literal["marked", "linked", "inside", "managed"] = "marked"
    pinned: Literal["index", "image"] = "index"
    labels: Literal["run.cog", "org.cogmodel", "none"] = "run.cog"
    further: tuple[Further, ...] = ()
