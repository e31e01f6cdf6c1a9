"""The images of a local zoo's models at Replicate: the switches of :attr:`zooclient.testing.LocalZoo.r8`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from attrs import evolve

from zooclient.serve.folder import FolderShelf
from zooclient.serve.registry.depot import Depot
from zooclient.serve.registry.door import Rules
from zooclient.serve.registry.form import Form, Further
from zooclient.serve.registry.layout import write_layout
from zooclient.serve.registry.parts import Image
from zooclient.testing.replicate import SCHEME as REPLICATE
from zooclient.testing.replicate import AtReplicate

__all__ = ["SCHEME", "AtRegistry", "Form", "Further", "Image", "Rules"]

SCHEME = "r8"


class AtRegistry:
    """A local zoo's models as images. Models are named ``owner/name`` throughout.

    The digest of an image's manifest is the id that its version has at Replicate. Large files, in the way of the Hub,
    are the weights; everything else is in the layer of the code.

    ::

        zoo.r8.rules.challenge = "Basic"
        zoo.r8.form("acme/tiny", weights="managed")
        assert zoo.r8.image("acme/tiny").id == zoo.replicate.version("acme/tiny")

    Args:
        shelf: The models.
        depot: Their images.
        replicate: The other side of the zoo.

    Attributes:
        rules: How the registry asks for a login, and other choices; may be changed at any time.
    """

    def __init__(self, shelf: FolderShelf, depot: Depot, replicate: AtReplicate) -> None:
        self._shelf = shelf
        self._depot = depot
        self._replicate = replicate
        self.rules: Rules = depot.rules

    def form(self, model: str, **how: Any) -> None:
        """Says how the images of a model are made; a version has another id with each form.

        Args:
            model: ``owner/name``.
            how: Attributes of :class:`~zooclient.serve.registry.form.Form`: ``types``, ``packing``, ``weights``,
                ``pinned``, ``labels``, ``further``. None: as by default.
        """
        terms = self._shelf.terms(model)
        self._shelf.set_terms(model, evolve(terms, hosted=evolve(terms.hosted, image=Form(**how))))

    def image(self, model: str, version: int = 0) -> Image:
        """Returns the image of a version.

        Args:
            model: ``owner/name``.
            version: Which one, counted from the newest, which is 0.

        Raises:
            LookupError: There is no such model or version, or it was pushed, or bytes of it are gone.
        """
        name = self._replicate.version(model, version)
        repository = self._shelf.at(REPLICATE).repository(model)
        held = [] if repository is None else self._depot.images.former(repository)
        for image, _ in held:
            if image.id == name:
                return image
        raise LookupError(f"There is no image of version {name} of {model} here.")

    def write(self, model: str, folder: str | os.PathLike[str], *, version: int = 0, tag: str = "latest") -> Image:
        """Writes the image of a version as an OCI layout, which other tools read (``skopeo copy oci:FOLDER:TAG …``).

        Args:
            model: ``owner/name``.
            folder: Where to; it comes to exist when it does not.
            version: Which one, counted from the newest, which is 0.
            tag: Name of the image within the layout.

        Raises:
            LookupError: There is no such model or version, or it was pushed, or bytes of it are gone.
        """
        image = self.image(model, version)
        write_layout(image, Path(folder), self._shelf, tag=tag)
        return image
