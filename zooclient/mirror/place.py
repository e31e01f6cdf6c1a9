"""Where a mirror lies: a folder, or an address below which one is served."""

from __future__ import annotations

from urllib.parse import quote

from attrs import frozen

from zooclient.net.origin import masked
from zooclient.settings import is_url


@frozen(kw_only=True)
class Place:
    """Where a mirror lies.

    Attributes:
        url: Address without a slash at the end. None: it is a folder.
        path: The folder. None: it is served.
    """

    url: str | None = None
    path: str | None = None

    @property
    def label(self) -> str:
        """Short name, for receipts and errors."""
        return f"mirror {self.path if self.url is None else masked(self.url).partition('://')[2]}"

    def address(self, name: str) -> str:
        """Returns the address of a file of a mirror that is served.

        Args:
            name: Path within the mirror, joined by slashes.
        """
        return f"{self.url}/{quote(name, safe='/')}"


def read_place(text: str) -> Place:
    """Returns what a setting or an argument names; whether anything is there is not looked at."""
    return Place(url=text.rstrip("/")) if is_url(text) else Place(path=text)
