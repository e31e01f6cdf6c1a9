"""References: ``scheme:id[@revision][#sha256=HEX]``."""

from __future__ import annotations

from typing import Self

from attrs import evolve, frozen

from zooclient.errors import RefError


@frozen(kw_only=True)
class Ref:
    """One model, perhaps at one revision.

    Attributes:
        scheme: Canonical scheme of the zoo, such as ``hf``.
        id: The model's id at the zoo.
        revision: Revision as text, decoded. None: the zoo's default.
        content_digest: ``sha256:HEX`` that the selected snapshot must have. None: any.
    """

    scheme: str
    id: str
    revision: str | None = None
    content_digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a reference in any of its spellings."""
        scheme, colon, rest = text.partition(":")
        if not colon:
            raise RefError(f"{text!r} names no zoo.", position=0)
        rest, _, fragment = rest.partition("#")
        identity, at, revision = rest.partition("@")
        digest = "sha256:" + fragment.removeprefix("sha256=") if fragment else None
        return cls(scheme=scheme, id=identity, revision=revision if at else None, content_digest=digest)

    def __str__(self) -> str:
        text = f"{self.scheme}:{self.id}"
        if self.revision is not None:
            text += f"@{self.revision}"
        if self.content_digest is not None:
            text += "#" + self.content_digest.replace(":", "=")
        return text

    def at(self, revision: str | None) -> Self:
        """Returns the same model at another revision, without a content digest."""
        return evolve(self, revision=revision, content_digest=None)
