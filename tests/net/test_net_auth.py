"""Which credential goes where."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.errors import ConfigError, IntegrityError, Offline
from zooclient.net.auth import Auth, Credential
from zooclient.net.origin import origin

HUB = Credential(origin="https://hub.example", token="hf_secret")
BEARER = {"Authorization": "Bearer hf_secret"}


@pytest.mark.parametrize("url", ["https://hub.example/api", "https://HUB.example:443/x?y#z", "https://hub.example"])
def test_own_origin_gets_the_token(url: str) -> None:
    """Case and the usual port make no other origin."""
    assert Auth([HUB]).headers_for(url) == BEARER


@pytest.mark.parametrize(
    "url",
    [
        "http://hub.example/api",
        "https://hub.example:8443/api",
        "https://cdn.hub.example/api",
        "https://hub.example.evil.example/api",
        "https://evil.example/hub.example",
        "https://evil.example/?https://hub.example",
        "https://evil.example#@hub.example",
        "https://hub.example./api",
    ],
)
def test_other_origins_get_nothing(url: str) -> None:
    """Another scheme, port or host gets no token, however alike it looks."""
    assert Auth([HUB]).headers_for(url) == {}


@pytest.mark.parametrize(
    "url",
    [
        "https://hub.example\\@evil.example/",
        "https://evil.example\\@hub.example/",
        "https://user@hub.example/",
        "https://@hub.example/",
        "https://hub.example\t.evil.example/",
        "https://hub.example\n/",
        "https://hub.example%2f.evil.example/",
        "https://[::1/",
        "https://hub.example:99999/",
        "https://hub.example:0/",
        "ftp://hub.example/",
        "//hub.example/",
        "hub.example",
        "",
    ],
)
def test_addresses_that_can_be_read_in_two_ways_are_refused(url: str) -> None:
    """A hostile address is an error, not a question of which library reads it."""
    with pytest.raises(IntegrityError):
        Auth([HUB]).headers_for(url)


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    """Whatever a server names: headers, nothing, or IntegrityError; and a token only for the equal origin."""
    for url in (text, f"https://{text}", f"https://hub.example{text}", f"https://{text}hub.example/"):
        try:
            headers = Auth([HUB]).headers_for(url)
        except IntegrityError:
            continue
        assert headers == (BEARER if origin(url) == "https://hub.example:443" else {})


def test_plain_http_gets_a_token_on_this_machine_alone() -> None:
    """A token travels in the clear to loopback, and elsewhere only where it was allowed."""
    there = Credential(origin="http://hub.example", token="t0ken")
    here = Credential(origin="http://127.0.0.1:8000", token="t0ken")
    assert Auth([there, here]).headers_for("http://hub.example/x") == {}
    assert Auth([there, here]).headers_for("http://127.0.0.1:8000/x") == {"Authorization": "Bearer t0ken"}
    assert Auth([there], allow_plain_http=True).headers_for("http://hub.example/x") == {"Authorization": "Bearer t0ken"}
    assert Auth().headers_for("http://hub.example/x", token="tried") == {}


def test_a_function_is_asked_when_it_is_needed() -> None:
    """A token that is a function is called once per request to its origin, and never for others."""
    calls: list[str | None] = [None, " second\r\n"]
    auth = Auth([Credential(origin="https://hub.example", token=lambda: calls.pop(0))])
    assert auth.headers_for("https://other.example/") == {}
    assert len(calls) == 2
    assert auth.headers_for("https://hub.example/") == {}
    assert auth.headers_for("https://hub.example/") == {"Authorization": "Bearer second"}


def test_a_token_that_cannot_be_one_is_refused_without_being_shown() -> None:
    """Spaces inside, and letters no header can carry, are a ConfigError that keeps the secret."""
    for token in ("hf_a hf_b", "hf_ä", "hf_a\r\nX: y"):
        with pytest.raises(ConfigError) as caught:
            Auth([Credential(origin="https://hub.example", token=token)]).headers_for("https://hub.example/")
        assert "hf_" not in str(caught.value)


def test_a_credential_may_come_to_be_known_later() -> None:
    """A zoo that is first used while a client runs gets its token from then on, and takes no other's origin."""
    known: list[Credential] = []
    auth = Auth([HUB], further=lambda: known)
    assert auth.headers_for("https://late.example/x") == {}
    known += [Credential(origin="https://late.example", token="late"), Credential(origin=HUB.origin, token="stolen")]
    assert auth.headers_for("https://late.example/x") == {"Authorization": "Bearer late"}
    assert auth.headers_for("https://hub.example/x") == BEARER
    assert auth.headers_for("https://cdn.late.example/x") == {}


def test_nothing_shows_a_token() -> None:
    """Neither repr holds the secret."""
    assert "hf_secret" not in repr(HUB) + repr(Auth([HUB]))
    assert "hub.example" in repr(Auth([HUB]))


def test_the_first_credential_of_an_origin_counts() -> None:
    """Two for one origin: the first."""
    assert (
        Auth([HUB, Credential(origin="https://hub.example:443/x", token="b")]).headers_for("https://hub.example")
        == BEARER
    )


def test_who_asks_anonymously_gets_nothing_whatever_there_is() -> None:
    """A mirror may lie at an origin that has a credential; it gets neither that one nor one given with the request."""
    auth = Auth([Credential(origin="https://hub.example", token="hf_x")])
    assert auth.headers_for("https://hub.example/mirror/x", anonymous=True) == {}
    assert auth.headers_for("https://hub.example/mirror/x", token="hf_y", anonymous=True) == {}


def test_a_closed_origin_is_asked_by_nobody() -> None:
    """Where only mirrors are asked, each hop to the zoo is refused before a connection, with or without credential."""
    auth = Auth([Credential(origin="https://hub.example", token="hf_x")], closed=lambda: {"https://hub.example:443"})
    for anonymous in (False, True):
        with pytest.raises(Offline, match=r"(?i)hub\.example"):
            auth.headers_for("https://HUB.example/x?secret=1", anonymous=anonymous)
    assert auth.headers_for("https://hub.example:8443/x") == {}
