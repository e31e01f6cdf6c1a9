"""Which proxy for which address."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.errors import ConfigError
from zooclient.net.proxy import Proxies
from zooclient.settings import Settings, ZooSettings

PROXY = "http://proxy.example:3128"


def find(url: str, **environ: str) -> str | None:
    """Returns the proxy for an address under some variables."""
    return Proxies(environ).for_url(url)


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        ("https://a.example/", {}, None),
        ("https://a.example/", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://a.example/", {"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, PROXY),
        ("https://a.example/", {"HTTP_PROXY": PROXY}, None),
        ("http://a.example/", {"HTTP_PROXY": PROXY}, PROXY),
        ("http://a.example/", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, None),
        ("http://a.example/", {"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, PROXY),
        ("https://a.example/", {"ALL_PROXY": "socks5h://s.example:1080"}, "socks5h://s.example:1080"),
        ("https://a.example/", {"ALL_PROXY": "socks5://s:1", "HTTPS_PROXY": PROXY}, PROXY),
        ("https://a.example/", {"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
        (
            "https://a.example/",
            {"HTTPS_PROXY": " http://u:p%40@proxy.example:3128 "},
            "http://u:p%40@proxy.example:3128",
        ),
        ("https://a.example/", {"HTTPS_PROXY": ""}, None),
    ],
)
def test_variables(url: str, environ: dict[str, str], expected: str | None) -> None:
    """Small letters first, the scheme's own before ALL_PROXY, HTTP_PROXY never where a web server may have made it."""
    assert find(url, **environ) == expected


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        ("https://a.example/", "*", True),
        ("https://a.example/", "a.example", True),
        ("https://sub.a.example/", "a.example", True),
        ("https://sub.a.example/", ".a.example", True),
        ("https://a.example/", ".a.example", True),
        ("https://sub.a.example/", "*.a.example", True),
        ("https://nota.example/", "a.example", False),
        ("https://A.EXAMPLE/", "a.Example", True),
        ("https://a.example:8443/", "a.example:8443", True),
        ("https://a.example/", "a.example:8443", False),
        ("https://a.example/", "a.example:443", True),
        ("https://10.1.2.3/", "10.0.0.0/8", True),
        ("https://11.1.2.3/", "10.0.0.0/8", False),
        ("https://10.1.2.3/", "10.1.2.3", True),
        ("https://10.1.2.3/", "2.3", False),
        ("https://[fd00::1]/", "fd00::/8", True),
        ("https://[fd00::1]/", "[fd00::1]", True),
        ("https://[fd00::1]:8443/", "[fd00::1]:8443", True),
        ("https://[fd00::1]/", "fd00::2", False),
        ("https://a.example/", "b.example, a.example", True),
        ("https://a.example/", "b.example a.example", True),
        ("https://a.example/", ",, ,", False),
        ("https://a.example/", "", False),
    ],
)
def test_no_proxy(url: str, no_proxy: str, direct: bool) -> None:
    """Names with all below them, addresses, networks, ports and the star."""
    assert find(url, HTTPS_PROXY=PROXY, NO_PROXY=no_proxy) == (None if direct else PROXY)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_this_machine_is_asked_directly(host: str) -> None:
    """A proxy elsewhere would find itself at localhost."""
    assert find(f"http://{host}:8000/", HTTP_PROXY=PROXY, ALL_PROXY=PROXY) is None


def test_a_zoo_s_own_proxy_wins() -> None:
    """It is for the zoo's servers, its byte servers included, whatever the environment says; others keep theirs."""
    zoo = ZooSettings(proxy="http://zoo-proxy.example:1")
    proxies = Proxies.of(Settings(zoos={"hf": zoo}, environ={"HTTPS_PROXY": PROXY, "NO_PROXY": "huggingface.co"}))
    assert proxies.for_url("https://huggingface.co/api/models") == zoo.proxy
    assert proxies.for_url("https://cas-bridge.xethub.hf.co/x") == zoo.proxy
    assert proxies.for_url("https://nothuggingface.co/") == PROXY
    assert proxies.for_url("https://civitai.com/") == PROXY


def test_a_zoo_s_proxy_follows_its_redirects() -> None:
    """Where a zoo at another endpoint sends us, its proxy is used as well."""
    zoo = ZooSettings(endpoint="https://hub.example", proxy="http://zoo-proxy.example:1")
    proxies = Proxies.of(Settings(zoos={"hf": zoo}))
    assert proxies.for_url("https://bytes.example/x") is None
    assert proxies.for_url("https://bytes.example/x", asked="https://hub.example/file") == zoo.proxy
    assert proxies.for_url("https://huggingface.co/") is None


def test_a_project_s_proxy_sees_no_plain_http() -> None:
    """A proxy reads what passes in the clear; one that a cloned repository named gets TLS alone."""
    zoo = ZooSettings(endpoint="http://127.0.0.1:9", proxy="http://evil.example:1", proxy_trusted=False)
    proxies = Proxies.of(Settings(zoos={"hf": zoo}))
    assert proxies.for_url("http://127.0.0.1:9/") is None
    tls = ZooSettings(endpoint="https://hub.example", proxy="http://evil.example:1", proxy_trusted=False)
    proxies = Proxies.of(Settings(zoos={"hf": tls}))
    assert proxies.for_url("https://hub.example/") == tls.proxy
    assert proxies.for_url("http://hub.example/", asked="https://hub.example/") is None


@pytest.mark.parametrize("proxy", ["ftp://proxy:1", "http://", "http://proxy:port", "nonsense://user:pw@x"])
def test_what_is_no_proxy_is_refused(proxy: str) -> None:
    """The sentence says which one, and shows no password."""
    with pytest.raises(ConfigError, match="https in the environment") as caught:
        find("https://a.example/", HTTPS_PROXY=proxy)
    assert "pw" not in str(caught.value)


def test_no_password_is_shown() -> None:
    """The repr names the proxy without its user and password."""
    shown = repr(Proxies({"HTTPS_PROXY": "http://user:secret@proxy.example:3128"}))
    assert "proxy.example:3128" in shown
    assert "secret" not in shown
    assert "user" not in shown


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_text_in_no_proxy_makes_it_fail(text: str) -> None:
    """Whatever people write there, an answer comes out."""
    for url in ("https://a.example/", "https://10.0.0.1/", "https://[fd00::1]/"):
        assert find(url, HTTPS_PROXY=PROXY, NO_PROXY=text) in (None, PROXY)
