"""Conversations without a network, and addresses as they have to be read."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.errors import Cancelled, IntegrityError, NetworkError, ProtocolError
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Call, Flow, Request, Response, fetch, redirect_target, replay
from zooclient.net.origin import masked, origin

HUB = "https://hub.example"


def moved(request: Request, to: str, status: int = 302) -> Response:
    """An answer that sends on."""
    return Response(request=request, status=status, headers={"location": to})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Hub.Example/x?y#z", "https://hub.example:443"),
        ("HTTP://hub.example", "http://hub.example:80"),
        ("http://hub.example:443/", "http://hub.example:443"),
        ("https://[FD00::1]:8443/a b", "https://[fd00::1]:8443"),
    ],
)
def test_an_origin_has_one_spelling(url: str, expected: str) -> None:
    """Small letters, and the port always written."""
    assert origin(url) == expected


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_no_address_makes_it_fail_otherwise(text: str) -> None:
    """Whatever stands there: an origin or IntegrityError; a masked form without the query in any case."""
    for url in (text, f"https://{text}/", f"{HUB}/{text}"):
        try:
            assert origin(url).startswith("http")
        except IntegrityError as error:
            assert error.message
        target = redirect_target(moved(Request(url=HUB), url))
        assert target is None or isinstance(target, str)
    assert "secret" not in masked(f"https://me:secret@hub.example/{text.partition('secret')[0]}?secret=secret")
    assert masked(f"https://hub.example/{text}").isprintable()


def test_redirects_stay_within_the_origin() -> None:
    """Followed by hand as far as the origin goes; what leads elsewhere is handed back."""

    def answer(request: Request) -> Response:
        paths = {"/a": "/b", "/b": f"{HUB.upper()}:443/c", "/c": "https://cdn.example/d"}
        return moved(request, paths[request.url.rpartition("/")[2].join(["/", ""])], 307)

    response = replay(fetch(Request(url=f"{HUB}/a", token="t", headers={"a": "b"})), answer)
    assert redirect_target(response) == "https://cdn.example/d"
    assert (response.request.token, response.request.headers) == ("t", {"a": "b"})


def test_redirects_end() -> None:
    """A server that sends in circles is a ProtocolError."""
    with pytest.raises(ProtocolError, match="redirects more than"):
        replay(fetch(Request(url=HUB)), lambda request: moved(request, "/"))


def test_what_an_answer_raises_is_thrown_in() -> None:
    """A flow on recorded answers sees failures as it would see a network's; calls are made; it is closed."""
    tidy: list[str] = []

    def fail(request: Request) -> Response:
        raise NetworkError("gone")

    def flow() -> Flow[int]:
        try:
            try:
                yield Request(url=HUB), Request(url=HUB)
            except NetworkError:
                got: int = yield Call(run=lambda: 5)
                return got
            return 0
        finally:
            tidy.append("done")

    assert replay(flow(), fail) == 5
    assert tidy == ["done"]


def test_an_answer_that_is_no_json_is_told() -> None:
    """A page in place of JSON, or one that nests without end, is a ProtocolError with the masked address."""
    for body in (b"<html>", b"", b"[" * 200_000, b"\xff"):
        with pytest.raises(ProtocolError, match=r"hub\.example/x\?… is not JSON"):
            Response(request=Request(url=f"{HUB}/x?secret"), status=200, body=body).json()


def test_a_wish_to_stop_is_passed_on() -> None:
    """A child stops with its parent, or alone; deadlines are inherited."""
    parent = Cancel()
    first, second = parent.child(), parent.child()
    first.cancel()
    assert (first.cancelled, second.cancelled, parent.cancelled) == (True, False, False)
    threading.Thread(target=parent.cancel).start()
    with pytest.raises(Cancelled):
        second.wait(10)
    assert parent.child().cancelled
    with pytest.raises(Cancelled, match="deadline"):
        Cancel(deadline=0).child().check()
