"""Puts the files of a snapshot where an application looks for them, with what it reads beside them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zooclient.errors import Cancelled, NetworkError, ProtocolError, ZooError
from zooclient.planning.layouts import Arrangement, Wish, arrange

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.cancel import Cancel
    from zooclient.net.exchange import Flow
    from zooclient.records.model import ModelRecord
    from zooclient.records.snapshot import Snapshot

#: Bytes of a preview at the most; those of the zoos have a few hundred thousand.
_MOST_BYTES = 8 * 1024 * 1024
_MOST_HOPS = 3
#: How an image begins → the ending that both kinds of applications know it by.
_IMAGES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"))


def lay_out(wiring: Wiring, snapshot: Snapshot, to: Path, wish: Wish, cancel: Cancel | None) -> Flow[Arrangement]:
    """Copies the files, and then what is read beside them.

    A file of the user's is never overwritten, neither a model nor a text or an image beside one. The image is no part
    of the model: no digest proves it, and no failure to get it is an error.
    """
    from zooclient.net.exchange import Call

    found = arrange(snapshot.record, (file.path for file in snapshot.files), wish)
    yield Call(run=lambda: _copy(wiring, snapshot, to, found, cancel))
    bare = [stem for stem in found.previews if not _has_image(to, stem)]
    if bare and found.images and not wiring.settings.offline:
        yield from _show(wiring, snapshot.record, found.images[0], to, bare)
    return found


def _copy(wiring: Wiring, snapshot: Snapshot, to: Path, found: Arrangement, cancel: Cancel | None) -> None:
    store = wiring.store()
    store.copy_out(snapshot, to, names=found.places, cancel=cancel)
    for path, text in found.texts.items():
        store.put_beside(to, path, text.encode())


def _has_image(to: Path, stem: str) -> bool:
    """Whether the application finds an image there already."""
    return any(
        os.path.lexists(to / f"{stem}{middle}.{ending}")
        for middle in ("", ".preview")
        for ending in ("png", "jpg", "jpeg", "webp")
    )


def _show(wiring: Wiring, record: ModelRecord, url: str, to: Path, stems: Sequence[str]) -> Flow[None]:
    """Fetches an image and puts it beside the models; only warns when it cannot be had."""
    from zooclient.client import warn
    from zooclient.net.exchange import Call

    def write(content: bytes, ending: str) -> None:
        for stem in stems:
            wiring.store().put_beside(to, f"{stem}.preview.{ending}", content)

    try:
        content = yield from _fetched(record, url)
        ending = _ending(content)
        yield Call(run=lambda: write(content, ending))
    except Cancelled:
        raise
    except (ZooError, ValueError) as error:
        warn.no_preview(str(record.ref), str(error))


def _fetched(record: ModelRecord, url: str) -> Flow[bytes]:
    """Asks for an image without a credential, hop by hop, wherever a stranger's record may send us."""
    from zooclient.net.exchange import Request, Response, redirect_target

    for _ in range(_MOST_HOPS + 1):
        _refuse_inner(record, url)
        response: Response = yield Request(url=url, max_bytes=_MOST_BYTES, anonymous=True)
        target = redirect_target(response)
        if target is None:
            if not response.ok:
                raise NetworkError(f"its server answered {response.status}")
            return response.body
        url = target
    raise NetworkError(f"its server redirects more than {_MOST_HOPS} times")


def _refuse_inner(record: ModelRecord, url: str) -> None:
    """Refuses addresses that lie nearer to this machine than the zoo does, and plain http."""
    from zooclient.net.reach import reach

    place = reach(url)
    secure = urlsplit(url).scheme == "https"
    if record.endpoint is not None and place == reach(record.endpoint) != "internet":
        return  # a zoo of one's own network shows images from there
    if not secure or place != "internet":
        raise ProtocolError("its address is not one of the internet by https")


def _ending(content: bytes) -> str:
    """Returns the ending of an image, by how it begins.

    Raises:
        ProtocolError: It begins as no image does that the applications show.
    """
    for start, ending in _IMAGES:
        if content.startswith(start):
            return ending
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    raise ProtocolError("what came is no PNG, JPEG or WebP")
