"""Small bytes behind a redirect to another origin."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from zooclient.errors import IntegrityError, NetworkError, ProtocolError, ZooError
from zooclient.net.exchange import Request, Response, replay
from zooclient.net.onward import onward

FIRST = Request(url="https://zoo.example/blob", headers={"Accept": "x/y"}, max_bytes=10)


def sent_on(request: Request, target: str) -> Response:
    return Response(request=request, status=307, headers={"location": target})


def walked(*targets: str, last: Mapping[str, object] | None = None) -> tuple[Response, list[Request]]:
    """Walks redirects to the end; the answer there, and what was asked."""
    asked: list[Request] = []
    left = list(targets[1:])

    def answer(request: Request) -> Response:
        asked.append(request)
        if left:
            return sent_on(request, left.pop(0))
        return Response(request=request, status=200, body=b"bytes", **(last or {}))  # type: ignore[arg-type]

    return replay(onward(sent_on(FIRST, targets[0])), answer), asked


def test_another_origin_is_told_the_address_alone() -> None:
    """No credential and no header goes along, and the bound of the first question holds."""
    response, asked = walked("https://store.example/x?signature=1")
    assert response.body == b"bytes"
    assert asked == [Request(url="https://store.example/x?signature=1", max_bytes=10, anonymous=True)]


def test_the_same_origin_is_asked_as_before() -> None:
    """Within its own origin the question keeps its headers; once it has left, and come back, it is as it was."""
    _, asked = walked("/moved", "https://store.example/x", "https://zoo.example/again")
    assert [(one.url, bool(one.headers), one.anonymous) for one in asked] == [
        ("https://zoo.example/moved", True, False),
        ("https://store.example/x", False, True),
        ("https://zoo.example/again", True, False),
    ]


def test_what_is_no_redirect_is_returned() -> None:
    """A success and a refusal of the zoo itself are the caller's to read."""
    for status in (200, 404, 503):
        response = Response(request=FIRST, status=status)
        assert replay(onward(response), lambda request: pytest.fail(request.url)) is response


@pytest.mark.parametrize(
    "target",
    [
        *("http://store.example/x", "https://127.0.0.1/x", "https://localhost/x", "https://169.254.169.254/latest"),
        *("https://10.0.0.7/x", "https://wiki.corp/x", "https://[::1]/x", "ftp://store.example/x", "https://a@b/x"),
        *("https://user:pw@store.example/", "file:///etc/passwd", "https://[::1"),
    ],
)
def test_nobody_is_sent_inside(target: str) -> None:
    """This machine, a private network, plain http and what is no address are not asked."""
    with pytest.raises(IntegrityError):
        walked(target)


def test_a_zoo_inside_may_stay_there() -> None:
    """A zoo of a private network may have its store there, and one of this machine on this machine."""
    for first, target in (
        ("https://zoo.corp/a", "https://store.corp/b"),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:2/b"),
    ):
        done = replay(
            onward(sent_on(Request(url=first), target)), lambda request: Response(request=request, status=200)
        )
        assert done.request.url == target


@pytest.mark.parametrize(("targets", "kind"), [(["https://s.example/x"] * 99, ProtocolError)])
def test_a_ring_ends(targets: list[str], kind: type[ZooError]) -> None:
    """Redirects without an end are an error."""
    with pytest.raises(kind):
        walked(*targets)


def test_a_refusal_elsewhere_is_not_the_zoos() -> None:
    """Another origin that refuses says nothing about the model: the line may be tried again."""
    flow = onward(sent_on(FIRST, "https://store.example/x?signature=s3cret"))
    with pytest.raises(NetworkError, match="status 403") as caught:
        replay(flow, lambda request: Response(request=request, status=403))
    assert "s3cret" not in f"{caught.value}{caught.value.url}"
