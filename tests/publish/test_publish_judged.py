"""What the zoos' own clients fail with, in our words; and which requests may carry a token."""

from __future__ import annotations

from typing import Any

import pytest

from zooclient import Ref
from zooclient.errors import (
    AccessError,
    ConfigError,
    IntegrityError,
    NetworkError,
    NotFound,
    PolicyError,
    RateLimited,
    Unsupported,
    ZooError,
)
from zooclient.providers.huggingface import publish as hub
from zooclient.providers.modelscope import publish as scope
from zooclient.providers.modelscope import publish_child
from zooclient.providers.publishing import moved

WEB = "https://zoo.example"


def link(
    status: int | None = None, text: str = "it failed", name: str = "HfHubHTTPError", **more: Any
) -> dict[str, Any]:
    return {"names": [name, "Exception"], "text": text, "status": status, "headers": {}, "body": "", **more}


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (link(401), AccessError),
        (link(402, "Payment required"), AccessError),
        (link(403, body='{"error": "no"}'), AccessError),
        (link(403, body='{"error": "Private repository storage limit reached"}'), AccessError),
        (link(404), NotFound),
        (link(409), IntegrityError),
        (link(412), IntegrityError),
        (link(413), AccessError),
        (link(429, headers={"retry-after": "3"}), RateLimited),
        (link(500), NetworkError),
        (link(400, body="odd"), ConfigError),
        (link(None, "LFS batch API returned errors:\nquota exceeded", name="ValueError"), AccessError),
        (link(None, 'Invalid metadata in README.md.\n- "license" must be a string', name="ValueError"), PolicyError),
        (link(None, "No module named 'huggingface_hub'", name="ModuleNotFoundError"), Unsupported),
        (link(None, "connection reset", name="ConnectError"), NetworkError),
        (link(None, "it ended with status -9 ()", name="Crash"), NetworkError),
    ],
)
def test_what_the_hubs_client_raises(told: dict[str, Any], kind: type[ZooError]) -> None:
    """Each failure of ``huggingface_hub`` is one error of ours, a sentence with what to do next."""
    ref = Ref.parse("hf:me/tiny")
    error = hub.judged([told], ref, "send the files", moved(ref), web=WEB)
    assert type(error) is kind
    assert "hf:me/tiny" in error.message or kind in (PolicyError, Unsupported)
    assert error.hint


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 401, "body": '{"Code": 10010103009, "Message": "no"}'}, AccessError),
        ({"status": 403, "body": '{"Code": 403, "Message": "no"}'}, AccessError),
        ({"status": 403, "body": '{"Code": "QuotaLimitExceed", "Message": "full"}'}, AccessError),
        ({"status": 413, "body": ""}, AccessError),
        ({"status": 400, "body": '{"Code": 10010101001, "Message": "taken"}'}, IntegrityError),
        ({"status": 400, "body": '{"Code": 10030000001, "Message": "busy"}'}, NetworkError),
        ({"status": 400, "body": '{"Code": 400, "Message": "odd"}'}, ConfigError),
        ({"status": 404, "body": '{"Code": 10010205001, "Message": "record not found"}'}, NotFound),
        ({"status": 429, "body": "", "headers": {"retry-after": "3"}}, RateLimited),
        ({"status": 500, "body": ""}, NetworkError),
    ],
)
def test_what_modelscopes_endpoint_refuses(answer: dict[str, Any], kind: type[ZooError]) -> None:
    """What the endpoint refused tells more than the client's exception, and decides."""
    ref = Ref.parse("ms:me/tiny")
    refused = [{"url": f"{WEB}/api/v1/x", "headers": {}, **answer}]
    error = scope.judged([link(text="1 file(s) failed")], refused, ref, "send the files", moved(ref), web=WEB)
    assert type(error) is kind
    assert "modelscope:me/tiny" in error.message or error.hint


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (link(text="the storage limit is reached"), AccessError),
        (link(text="connection reset"), NetworkError),
        (link(text="No module named 'modelscope'", name="ImportError"), Unsupported),
    ],
)
def test_what_modelscopes_client_raises_by_itself(told: dict[str, Any], kind: type[ZooError]) -> None:
    """Without a refusal the exception is read."""
    ref = Ref.parse("ms:me/tiny")
    assert type(scope.judged([told], [], ref, "send the files", moved(ref), web=WEB)) is kind


class Asked:
    """A request as the guard of the client sees it."""

    def __init__(self, method: str, url: str) -> None:
        self.method = method
        self.url = url


@pytest.mark.parametrize(
    ("endpoint", "method", "url", "wanted"),
    [
        ("https://modelscope.cn", "PUT", "https://lfs.modelscope.cn/x", True),
        ("https://www.modelscope.cn", "PUT", "https://lfs.modelscope.cn/x", True),
        ("https://www.modelscope.ai", "PUT", "https://lfs.modelscope.ai/x", True),
        ("https://www.modelscope.ai", "PUT", "https://lfs.modelscope.cn/x", False),
        ("https://modelscope.cn", "GET", "https://cdn-lfs-cn-1.modelscope.cn/x", False),
        ("https://modelscope.cn", "PUT", "http://lfs.modelscope.cn/x", False),
        ("https://modelscope.cn", "PUT", "https://modelscope.cn.evil.example/x", False),
        ("https://modelscope.cn", "PUT", "https://evilmodelscope.cn/x", False),
        ("https://modelscope.cn", "PUT", "https://bucket.oss-cn.aliyuncs.com/x", False),
        ("https://scope.corp.example", "PUT", "https://lfs.corp.example/x", False),
        ("https://scope.corp.example", "PUT", "https://scope.corp.example:8443/x", True),
    ],
)
def test_where_modelscopes_token_goes_with_contents(endpoint: str, method: str, url: str, wanted: bool) -> None:
    """The token goes with contents to hosts of the zoo's own domain, and to none that an answer names besides."""
    assert publish_child._takes_contents(endpoint)(Asked(method, url)) is wanted


@pytest.mark.parametrize("path", ["a.txt", "[1].json", "what?.md", "a*b", "sub/[x]/y"])
def test_a_path_is_meant_to_the_letter(path: str) -> None:
    """ModelScope's client takes patterns; each of ours means one path."""
    from fnmatch import fnmatch

    pattern = publish_child._literal(path)
    assert fnmatch(path, pattern)
    assert not fnmatch(path.replace("[", "").replace("?", "x").replace("*", "x") + "_", pattern)
