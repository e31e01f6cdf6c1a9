"""What the two sides of Replicate share: the API that tells of versions, and the registry that holds their images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zooclient.serve.registry.door import Rules
from zooclient.serve.registry.images import Files, Images
from zooclient.serve.registry.pushed import Pushed

if TYPE_CHECKING:
    from zooclient.serve.replicate.catalogue import Model


class Depot:
    """The images of all models. Safe between threads.

    Attributes:
        files: Where blobs are written down.
        images: The images of what is on the shelf.
        pushed: What clients sent.
        rules: How the registry behaves where a choice is left.
        created: Models that are not on the shelf, by name: they were created, and perhaps pushed to.
    """

    def __init__(self) -> None:
        self.files = Files()
        self.images = Images(self.files)
        self.pushed = Pushed(self.files)
        self.rules = Rules()
        self.created: dict[str, Model] = {}

    def close(self) -> None:
        """Removes what was written down."""
        self.files.close()
