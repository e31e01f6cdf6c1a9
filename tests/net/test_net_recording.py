"""Exchanges as files, and files in place of a network."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import recorded

from zooclient.errors import ConfigError, NetworkError
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Flow, Request, Response, fetch
from zooclient.net.recording import REDACTED, Recorder, as_dict, read_exchange, redacted, redacted_text
from zooclient.testing.replay import replay

HF_TOKEN = "hf_" + "a1B2" * 9
JWT = "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"


def exchange(url: str, body: bytes = b"", status: int = 200, **headers: str) -> Response:
    """An answer to a GET."""
    return Response(request=Request(url=url), status=status, headers=headers, body=body)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (
            "https://cdn.example/x?X-Amz-Signature=abc&X-Amz-Credential=k&response-type=a",
            "https://cdn.example/x?X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED&response-type=a",
        ),
        (
            "https://cdn.example/x?Expires=1&Policy=eyJ9&Signature=a~b_&Key-Pair-Id=K1",
            "https://cdn.example/x?Expires=REDACTED&Policy=REDACTED&Signature=REDACTED&Key-Pair-Id=REDACTED",
        ),
        ("https://user:pw@hub.example/x", "https://hub.example/x"),
        (
            "https://civitai.com/api/download/models/1?token=abc",
            "https://civitai.com/api/download/models/1?token=REDACTED",
        ),
        (
            "https://huggingface.co/api/models?author=me&search=key&cursor=eyJfaWQi&sort=downloads",
            "https://huggingface.co/api/models?author=me&search=key&cursor=eyJfaWQi&sort=downloads",
        ),
    ],
)
def test_addresses_lose_their_secrets(url: str, kept: str) -> None:
    """Signatures, tokens and passwords go; what a search asks stays."""
    assert redacted_text(url) == kept
    assert as_dict(exchange("https://hub.example/", location=url))["headers"]["location"] == kept


def test_bodies_lose_their_secrets() -> None:
    """Tokens anywhere, and the values of telling keys; a tokenizer's special tokens are no secrets."""
    body = {
        "accessToken": "opaque",
        "auth": {"type": "access_token", "token": "opaque"},
        "email": "me@example.org",
        "bos_token": "<s>",
        "list": [HF_TOKEN, f"Bearer {JWT}", "known-secret"],
        "url": "https://cdn.example/x?Signature=abc",
        "note": None,
        "n": 1,
    }
    assert redacted(body, ["known-secret"]) == {
        "accessToken": REDACTED,
        "auth": {"type": "access_token", "token": REDACTED},
        "email": REDACTED,
        "bos_token": "<s>",
        "list": [REDACTED, f"Bearer {REDACTED}", REDACTED],
        "url": f"https://cdn.example/x?Signature={REDACTED}",
        "note": None,
        "n": 1,
    }


def test_headers_lose_credentials_and_cookies() -> None:
    """Those headers are not written at all."""
    headers = {"set-cookie": "a", "authorization": "Bearer x", "x-xet-access-token": "y", "etag": '"1"'}
    answer = Response(request=Request(url="https://hub.example/"), status=200, headers=headers)
    assert as_dict(answer)["headers"] == {"etag": '"1"'}


def test_what_is_sent_is_kept_without_secrets() -> None:
    """The body of a request is redacted as well; its headers are left out."""
    asked = Request(url="https://hub.example/", method="POST", content=json.dumps({"password": "x", "a": 1}).encode())
    kept = as_dict(Response(request=asked, status=200))
    assert kept["request"] == {"method": "POST", "url": "https://hub.example/", "body": {"password": REDACTED, "a": 1}}


@pytest.mark.parametrize(
    "body", [b"", b"text \xc3\xa4", b'{"a": [1, null]}', b"[]", b"7", b"\xff\x00\xfe", b"[" * 5000]
)
def test_an_exchange_can_be_read_back(body: bytes) -> None:
    """JSON, text and bytes: what is written is what comes back."""
    answer = exchange("https://hub.example/x", body, 404, etag="e")
    again = read_exchange(json.loads(json.dumps(as_dict(answer))))
    assert again is not None
    assert (again.request.url, again.status, again.headers) == (answer.request.url, 404, {"etag": "e"})
    assert again.body == body or again.json() == answer.json()


@given(secret=st.text("abcdefghijklmnop0123456789", min_size=20, max_size=40), before=st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_a_known_secret_is_nowhere(secret: str, before: str) -> None:
    """The token that was sent appears in nothing that is written, wherever the server echoes it."""
    body = json.dumps({before: f"{before}{secret}", "x": [secret], "text": f"?a={secret}"}).encode()
    written = json.dumps(as_dict(exchange(f"https://hub.example/{secret}", body, etag=secret), secrets=[secret]))
    assert secret not in written


def test_a_recorder_writes_one_file_for_each(tmp_path: Path) -> None:
    """Named in order, never over another, readable by the user alone."""
    answer = exchange("https://hub.example/api/models?search=x", b"{}")
    paths = [Recorder(tmp_path).record(answer) for _ in range(3)]
    assert [path.name for path in paths] == [f"{n:05d}-GET-hub.example-api-models.json" for n in (1, 2, 3)]
    if sys.platform != "win32":
        assert stat.S_IMODE(paths[0].stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file in its place: ConfigError, before anybody believes that something was recorded."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be recorded"):
        Recorder(tmp_path / "file").record(exchange("https://hub.example/"))


# -- replay -------------------------------------------------------------------------------------


def test_what_was_recorded_is_replayed(tmp_path: Path) -> None:
    """A flow runs on files: redirects, repeated questions, odd order of the query, redacted values."""
    recorder = Recorder(tmp_path)
    recorder.record(exchange("https://hub.example/old", b"", 307, location="/new?token=a&q=1"))
    recorder.record(exchange("https://hub.example/new?token=a&q=1", b'{"n": 1}'))
    recorder.record(exchange("https://hub.example/new?token=a&q=1", b'{"n": 2}'))
    (tmp_path / "other.json").write_text('["no exchange"]')

    def flow() -> Flow[list[int]]:
        first = yield from fetch(Request(url="https://hub.example/old"))
        rest = yield tuple(Request(url="https://hub.example/new?q=1&token=other") for _ in range(2))
        return [answer.json()["n"] for answer in (first, *rest)]

    again = replay(tmp_path)
    assert again.run(flow(), Cancel()) == [1, 2, 2]
    assert len(again.asked) == 4


def test_what_was_not_recorded_is_an_error(tmp_path: Path) -> None:
    """Another method or address is told; a folder without exchanges is, too."""
    with pytest.raises(ConfigError, match="no recorded exchange"):
        replay(tmp_path)
    Recorder(tmp_path).record(exchange("https://hub.example/x"))
    again = replay(str(tmp_path))
    for request in (Request(url="https://hub.example/x", method="HEAD"), Request(url="https://hub.example/y")):
        with pytest.raises(NetworkError, match="No recorded exchange"):
            again(request)


def test_the_real_recordings_can_be_replayed() -> None:
    """Answers of the real Hub, kept in the same shape, are read as they are."""
    again = replay(recorded("huggingface"))
    answer = again(Request(url="https://huggingface.co/api/models/openai-community/gpt2"))
    assert answer.status == 200
    assert answer.json()["id"] == "openai-community/gpt2"
    assert answer.headers["content-type"].startswith("application/json")
    moved = again(Request(url="https://huggingface.co/api/models/bert-base-uncased"))
    assert (moved.status, moved.headers["location"]) == (307, "/api/models/google-bert/bert-base-uncased")
