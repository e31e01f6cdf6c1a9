"""Reading a mirror's small files: by a request without credentials, or from its folder."""

from __future__ import annotations

import stat
from functools import partial
from pathlib import Path

from zooclient.errors import AccessError, IntegrityError, NetworkError, ProtocolError
from zooclient.mirror.place import Place
from zooclient.net.exchange import Call, Flow, Request, Response, fetch, redirect_target
from zooclient.net.origin import masked


def read(place: Place, name: str, most: int) -> Flow[bytes | None]:
    """Reads a file of a mirror.

    Args:
        place: The mirror.
        name: Path within it, joined by slashes.
        most: Bytes at the most.

    Returns:
        The content; None when it is not there.

    Raises:
        NetworkError: The mirror cannot be asked, or does not answer as a file server does.
        AccessError: It wants a login; a mirror is given none.
        ProtocolError: The file is larger than it may be.
    """
    if place.url is None:
        found: bytes | None = yield Call(run=partial(read_file, place, name, most))
        return found
    # It is asked for as it stands: a cache in between need not keep two forms of it.
    response = yield from fetch(Request(url=place.address(name), max_bytes=most, anonymous=True))
    return _body(response, place)


def _body(response: Response, place: Place) -> bytes | None:
    if response.ok:
        return response.body
    url = masked(response.request.url)
    if response.status in (403, 404, 410):  # S3 says 403 of what is not there to whoever may not list
        return None
    if response.status == 401:
        raise AccessError(
            f"The {place.label} wants a login (status 401).", url=url, hint="A mirror is asked without any credential."
        )
    if redirect_target(response) is not None:
        raise NetworkError(
            f"The {place.label} sends us to another server.", url=url, hint="Name the address that it sends us to."
        )
    raise NetworkError(f"The {place.label} answered with status {response.status}.", url=url, hint="Try again later.")


def read_file(place: Place, name: str, most: int) -> bytes | None:
    """As :func:`read`, of a mirror that is a folder."""
    path = file_of(place, name)
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise NetworkError(
            f"The {place.label} cannot be read: {error.strerror or error}.", hint="Look at the permissions there."
        ) from error
    if len(raw) > most:
        raise ProtocolError(f"{path} is larger than the {most} bytes that it may have.")
    return raw


def file_of(place: Place, name: str) -> Path | None:
    """Returns the path of an ordinary file of a mirror that is a folder; None when it is not there.

    Raises:
        NetworkError: The folder itself is not there, as when a disk is not mounted.
        IntegrityError: It is there and no ordinary file: nobody knows what reading a pipe or a device would do.
    """
    folder = Path(place.path or "")
    path = folder / name
    try:
        status = path.stat()
    except OSError as error:
        if not folder.is_dir():
            raise NetworkError(
                f"The {place.label} is not there.", hint="Is the disk mounted, and the path right?"
            ) from error
        return None
    if not stat.S_ISREG(status.st_mode):
        raise IntegrityError(f"{path} is no ordinary file.", hint="The mirror is broken, or not to be trusted.")
    return path
