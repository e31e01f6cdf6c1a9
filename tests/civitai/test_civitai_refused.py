"""Every way in which Civitai refuses, by one table, and what is refused although it looks like a success."""

from __future__ import annotations

from typing import Any

import pytest
from civitai_answers import SITE, Server, file, model, refuse, version

from zooclient.errors import (
    AccessError,
    Gone,
    IntegrityError,
    NetworkError,
    NotFound,
    ProtocolError,
    RateLimited,
    Unsupported,
    ZooError,
)
from zooclient.net.exchange import Request, Response, replay
from zooclient.providers.civitai.provider import Civitai
from zooclient.records.model import ModelRecord
from zooclient.records.query import Query
from zooclient.records.ref import Ref

REF = Ref.parse("civitai:10@20+30")
FILE = f"{SITE}/api/download/models/20?fileId=30"
HTML = b"<!DOCTYPE html><html><title>Just a moment...</title></html>"


def told(
    status: int, body: Any = None, operation: str = "download", url: str = FILE, ref: Ref | None = REF, **headers: str
) -> ZooError:
    """Returns the error that an answer means."""
    return Civitai().refused(refuse(status, body, **headers)(Request(url=url)), ref, operation)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words", "hint"),
    [
        (400, {"error": "Bad type"}, ProtocolError, "status 400", "endpoint"),
        (400, {"error": {"issues": [{"message": "limit is 100"}]}}, ProtocolError, "limit is 100", "endpoint"),
        (400, [{"message": "bare issue"}], ProtocolError, "bare issue", "endpoint"),
        (401, {"message": "The creator has disabled downloads on this file"}, AccessError, "nobody", "no key"),
        (401, {"message": "requires you to be logged in to download"}, AccessError, "logged in", "login civitai"),
        (401, {"error": "Unauthorized"}, AccessError, "key that is valid", "banned"),
        (402, {"error": "pay"}, AccessError, "paid for", None),
        (403, {"error": "Early Access", "deadline": "2026-08-22T18:30:00Z"}, AccessError, "2026-08-22 18:30", "bought"),
        (403, {"error": "Early Access", "deadline": None}, AccessError, "has to be bought", "bought"),
        (403, {"error": "You do not have access to download this file"}, AccessError, "may not have", "page"),
        (403, {"error": "Forbidden"}, AccessError, "Forbidden", "page"),
        (403, HTML, NetworkError, "gate in front", "another network"),
        (404, {"error": "File not found"}, NotFound, "no file", "resolve it again"),
        (405, {"error": "Method not allowed"}, Unsupported, "Method not allowed", None),
        (408, {"message": "slow"}, NetworkError, "slow", "moment"),
        (410, {"error": "Model archived, not available for download"}, Gone, "archived", "mirror"),
        (429, {"error": "We've noticed an unusual amount of downloading"}, RateLimited, "unusual", "quota"),
        (429, HTML, RateLimited, "asks to wait", None),
        (451, {"error": "not in your region", "code": "REGION_BLOCKED"}, AccessError, "region", "place"),
        (403, {"error": "x", "code": "REGION_BLOCKED"}, AccessError, "country", "place"),
        (499, b"", NetworkError, "499", "moment"),
        (500, {"message": "An unexpected error occurred", "error": {"x": 1}}, NetworkError, "unexpected", "moment"),
        (500, HTML, NetworkError, "status 500", "moment"),
        (501, b"", Unsupported, "does not know", None),
        (503, {"error": "Model search is temporarily overloaded"}, NetworkError, "overloaded", "overloaded"),
        (418, b"\xff\xfe", ProtocolError, "418", "endpoint"),
    ],
)
def test_each_refusal(status: int, body: Any, kind: type[ZooError], words: str, hint: str | None) -> None:
    """Status and words together tell what the caller does next."""
    error = told(status, body)
    assert type(error) is kind and words in error.message
    assert (hint or "") in (error.hint or "")
    assert (error.zoo, error.ref, error.operation) == ("civitai", str(REF), "download")
    assert error.url == f"{SITE}/api/download/models/20?…" and "\n" not in str(error)


def test_the_page_at_which_to_ask() -> None:
    """An AccessError names the page of the version, or the one at which keys are made."""
    error = told(403, {"error": "Early Access"})
    assert isinstance(error, AccessError) and error.access_url == f"{SITE}/models/10?modelVersionId=20"
    error = told(401, {"message": "logged in"}, ref=Ref.parse("civitai:@20"))
    assert isinstance(error, AccessError) and error.access_url == f"{SITE}/user/account"
    error = told(403, {"error": "x"}, ref=Ref.parse("civitai:@20"))
    assert isinstance(error, AccessError) and error.access_url == f"{SITE}/model-versions/20"
    assert "https://civitai.com/api" in told(403, {"error": "x"}, ref=None).message


def test_how_long_to_wait() -> None:
    """``Retry-After`` is obeyed where it is there."""
    error = told(429, {"error": "x"}, retry_after="2")
    assert isinstance(error, RateLimited) and error.retry_after == 2
    error = told(429, HTML)
    assert isinstance(error, RateLimited) and error.retry_after is None
    assert "plain words" in told(500, b"plain words", content_type="text/plain").message


@pytest.mark.parametrize(
    ("location", "kind", "words"),
    [
        ("/login?returnUrl=%2Fx&reason=download-auth", AccessError, "logged in"),
        ("https://civitai.red/login?returnUrl=x", AccessError, "logged in"),
        ("/model-versions/20", ProtocolError, "on to a page"),
        ("https://evil.example/login", IntegrityError, "another server"),
        ("http://civitai.com/login", IntegrityError, "another server"),
        ("//[", IntegrityError, "another server"),
    ],
)
def test_redirects_that_refuse(location: str, kind: type[ZooError], words: str) -> None:
    """To the login is a refusal of its own; to anywhere else nothing is sent."""
    error = told(302, None, "resolve", location=location)
    assert type(error) is kind and words in error.message


@pytest.mark.parametrize(
    ("url", "content_type", "page"),
    [
        (f"{SITE}/login?returnUrl=x", "text/html; charset=utf-8", True),
        (f"{SITE}/login", "application/octet-stream", True),
        (FILE, "text/html", True),
        ("https://b2.civitai.com/file/x", "TEXT/HTML", True),
        ("https://b2.civitai.com/login", "application/octet-stream", False),
        ("https://b2.civitai.com/file/x", "application/octet-stream", False),
        ("https://b2.civitai.com/file/x", "", False),
        (FILE, "", True),
        (f"{SITE}/other", "application/json", True),
    ],
)
def test_a_page_in_place_of_a_file(url: str, content_type: str, page: bool) -> None:
    """A page that comes with status 200 is seen for what it is, and refused: many tools saved it as a model."""
    response = refuse(200, HTML, content_type=content_type)(Request(url=url))
    assert Civitai().is_page(response) is page
    if page:
        error = Civitai().refused(response, REF, "download")
        assert isinstance(error, AccessError if "/login" in url else IntegrityError)
        assert "login civitai" in (error.hint or "")


@pytest.mark.parametrize(
    ("content_type", "page"),
    [("text/html", True), ("text/plain", True), ("application/json", True), ("application/octet-stream", False)],
)
def test_a_server_that_hands_out_bytes_itself(content_type: str, page: bool) -> None:
    """The site only sends on to its stores; another server may give bytes under its own name, and never as text."""
    url = "https://civitai.example/api/download/models/20"
    response = refuse(200, HTML, content_type=content_type)(Request(url=url))
    assert Civitai("https://civitai.example").is_page(response) is page


def ask(operation: str, answer: Any) -> Any:
    """Runs an operation against a server that gives one answer to everything."""
    zoo, server = Civitai(), Server({"*": answer})
    if operation == "search":
        return replay(zoo.search(Query(text="x")), server)
    if operation == "whoami":
        return replay(zoo.whoami("secret"), server)
    return replay(zoo.resolve(Ref.parse("civitai:10@20")), server)


@pytest.mark.parametrize("operation", ["search", "resolve", "whoami"])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refuse(429, {"error": "x"}, retry_after="1"), RateLimited),
        (refuse(451, {"error": "x", "code": "REGION_BLOCKED"}), AccessError),
        (refuse(502, HTML, content_type="text/html"), NetworkError),
        (refuse(403, HTML, content_type="text/html"), NetworkError),
        (refuse(200, HTML, content_type="text/html"), ProtocolError),
        (refuse(200, b'{"id": 10, "na', content_type="application/json"), ProtocolError),
        (refuse(200, b""), ProtocolError),
        (refuse(302, None, location="/login?x"), AccessError),
        (refuse(302, None, location="https://evil.example/"), IntegrityError),
        (None, ProtocolError),
        ([], ProtocolError),
        ("x", ProtocolError),
    ],
)
def test_bad_luck_in_every_operation(operation: str, answer: Any, kind: type[ZooError]) -> None:
    """Rate limits, blocked countries, gates, cut answers and pages are told by each operation alike."""
    if answer is None:
        answer = refuse(200, b"null")
    with pytest.raises(ZooError) as caught:
        ask(operation, answer)
    assert type(caught.value) is kind


def test_null_in_place_of_lists() -> None:
    """Nulls and absent members of good answers read as empty."""
    null: dict[str, Any] = dict.fromkeys(("tags", "stats", "creator", "description", "nsfw", "mode"))
    within = {**model()["modelVersions"][0], "files": None, "images": None, "trainedWords": None, "stats": None}
    server = Server(
        {
            "/api/v1/models/10": model(**null, modelVersions=[within, None, 7, {}]),
            "/api/v1/model-versions/20": version(trainedWords=None, model=None, images=None),
        }
    )
    record: ModelRecord = replay(Civitai().resolve(Ref.parse("civitai:10@20")), server)
    assert len(record.files) == 1 and record.tags == () and record.downloads is None and record.author is None
    with pytest.raises(ProtocolError, match="null in place of the list of models"):
        ask("search", {"items": None})


def test_null_in_place_of_the_files() -> None:
    """A version without a list of files is no version without files, unless it is handed out no longer."""
    within = {**model()["modelVersions"][0], "files": None}

    def resolved(**changes: Any) -> ModelRecord:
        answers = {
            "/api/v1/models/10": model(modelVersions=[within], **changes),
            "/api/v1/model-versions/20": version(files=None),
        }
        return replay(Civitai().resolve(Ref.parse("civitai:10@20")), Server(answers))

    with pytest.raises(ProtocolError, match="null in place of the list of files"):
        resolved()
    assert resolved(mode="Archived").files == ()


def test_words_that_nobody_knew() -> None:
    """Unknown kinds, formats, scan results and families of base models are read as they are."""
    odd = file(
        type="Hologram", metadata={"format": "Holo", "fp": "int1"}, pickleScanResult="Maybe", name="x.holo", sizeKB="1"
    )
    server = Server(
        {
            "/api/v1/models/10": model(type="HoloModel", availability="Sometimes", allowCommercialUse="{Lease}"),
            "/api/v1/model-versions/20": version(
                files=[odd], baseModel="Holo 1", baseModelType="Odd", uploadType="Grown"
            ),
        }
    )
    record: ModelRecord = replay(Civitai().resolve(Ref.parse("civitai:10@20")), server)
    assert record.task == "HoloModel" and record.metadata["base_model"] == "Holo 1"
    assert record.files[0].extra["type"] == "Hologram" and record.files[0].role == "other"
    assert record.access.state == "open" and record.metadata["creator_terms"]["allowCommercialUse"] == ["Lease"]


def test_a_link_for_another_server_is_not_used() -> None:
    """Addresses that an answer names are never asked: only those made of ids are."""
    evil = "https://evil.example/api/download/models/20?fileId=30"
    server = Server(
        {
            "/api/v1/models/10": model(),
            "/api/v1/model-versions/20": version(files=[file(downloadUrl=evil)], downloadUrl=evil),
        }
    )
    record: ModelRecord = replay(Civitai().resolve(Ref.parse("civitai:10@20")), server)
    for request in (Civitai().locate(record, record.files[0]), Civitai().locate_otherwise(record, record.files[0])):
        assert request is None or request.url.startswith(f"{SITE}/")
    asked = [request.url for request in server.requests]
    assert all(url.startswith(f"{SITE}/") for url in asked)


def test_a_response_keeps_its_token_to_itself() -> None:
    """No error shows a key that stood in an address."""
    response = Response(request=Request(url=f"{FILE}&token=secret"), status=404, body=b"{}")
    error = Civitai().refused(response, REF, "download")
    assert "secret" not in repr(error.__dict__) + str(error)
