"""The pictures of a version, which at Civitai stand beside its files and not among them.

They lie at the storage under addresses that anybody may open, as the site's do; each is marked, so that no other
content can be had by its digest.
"""

from __future__ import annotations

import re
import struct

from attrs import frozen

from zooclient.serve.shelf import ShelfFile
from zooclient.serve.signing import Signer

#: Pictures of a version at the most.
MOST = 10
#: Ending of a picture to its media type.
KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}

_FOLDER = "pictures/"
_PATH = re.compile(
    r"pictures/([0-9a-f]{40,64})/([0-9a-f]{64})/original=true/[0-9]{1,10}(\.[a-z]{3,4})",
)
#: Markers of a JPEG that begin a frame, and so tell its size: SOF0 to SOF15 without DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@frozen(kw_only=True)
class Picture:
    """One picture.

    Attributes:
        id: Its number.
        entry: The file on the shelf.
        width: Pixels. None: it does not tell.
        height: Pixels. None: it does not tell.
    """

    id: int
    entry: ShelfFile
    width: int | None
    height: int | None


def is_picture(path: str) -> bool:
    """Whether a file is shown as a picture."""
    return _ending(path) in KINDS


def place_of(picture: Picture, signer: Signer) -> str:
    """Returns the path of a picture below the bucket."""
    digest = picture.entry.digest
    ending = _ending(picture.entry.path)
    return f"{_FOLDER}{digest}/{signer.sign(f'{_FOLDER}{digest}')}/original=true/{picture.id}{ending}"


def digest_at(path: str, signer: Signer) -> tuple[str, str] | None:
    """Returns what the shelf keeps the picture at a path under, and its media type; None: there is none."""
    found = _PATH.fullmatch(path)
    if found is None or found[3] not in KINDS or not signer.holds(f"{_FOLDER}{found[1]}", found[2]):
        return None
    return found[1], KINDS[found[3]]


def size_of(content: bytes) -> tuple[int, int] | None:
    """Returns width and height of a PNG or a JPEG, read from its first bytes; None when they do not tell."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    if content[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        (length,) = struct.unpack(">H", content[place + 2 : place + 4])
        if content[place + 1] in _FRAMES:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        place += 2 + length
    return None


def _ending(path: str) -> str:
    name = path.rpartition("/")[2].lower()
    return name[name.rfind(".") :] if "." in name else ""
