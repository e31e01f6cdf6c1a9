"""Small bytes that a server keeps elsewhere, such as a description behind a signed link."""

from __future__ import annotations

from zooclient.errors import IntegrityError, NetworkError, ProtocolError
from zooclient.net.exchange import MAX_HOPS, Flow, Request, Response, fetch, redirect_target
from zooclient.net.origin import masked, origin
from zooclient.net.reach import leads_inside


def onward(response: Response) -> Flow[Response]:
    """Goes on from an answer where it redirects, to other origins as well, and returns the last answer.

    Another origin is told nothing but the address: no credential, and no header of the request. Whoever asks holds what
    comes to a digest, because anybody may answer there. An answer of the first origin is returned whatever its status.

    Args:
        response: The answer to begin with; one that is no redirect is returned as it is.

    Raises:
        IntegrityError: It is sent on to an address that is not plain, that is not encrypted where the first one was,
            or into this machine or a private network from outside.
        NetworkError: Another origin did not give the bytes.
        ProtocolError: Too many redirects.
    """
    asked = response.request
    for _ in range(MAX_HOPS + 1):
        target = redirect_target(response)
        if target is None:
            return _given(response, asked)
        place = origin(target)
        if place == origin(asked.url):
            request = Request(url=target, headers=asked.headers, max_bytes=asked.max_bytes, anonymous=asked.anonymous)
        else:
            _refuse_inside(target, asked.url)
            request = Request(url=target, max_bytes=asked.max_bytes, anonymous=True)
        response = yield from fetch(request)
    raise ProtocolError(f"{masked(asked.url)} redirects more than {MAX_HOPS} times.", url=masked(asked.url))


def _given(response: Response, asked: Request) -> Response:
    url = response.request.url
    if origin(url) == origin(asked.url) or response.ok:
        return response
    raise NetworkError(
        f"{masked(asked.url)} sends on to {masked(url)}, which answered with status {response.status}.",
        url=masked(url),
        hint="Try again in a moment: a signed link may have run out.",
    )


def _refuse_inside(target: str, asked: str) -> None:
    bare = origin(target).startswith("http://") and origin(asked).startswith("https://")
    if bare or leads_inside(target, asked):
        raise IntegrityError(
            f"{masked(asked)} sends on to {masked(target)}, which is not followed.",
            url=masked(asked),
            hint="Something in between may answer in the zoo's place.",
        )
