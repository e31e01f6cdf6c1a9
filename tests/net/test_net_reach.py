"""From where an address can be reached, as far as it tells by itself."""

from __future__ import annotations

import pytest

from zooclient.net.reach import leads_inside, reach


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("civitai.com", "internet"),
        ("b2.civitai.com.", "internet"),
        ("8.8.8.8", "internet"),
        ("[2606:4700::1111]", "internet"),
        ("localhost", "machine"),
        ("LOCALHOST.", "machine"),
        ("x.localhost", "machine"),
        ("127.0.0.1", "machine"),
        ("127.1", "machine"),
        ("2130706433", "machine"),
        ("0x7f.0.0.1", "machine"),
        ("0.0.0.0", "machine"),
        ("[::1]", "machine"),
        ("[::]", "machine"),
        ("[::ffff:127.0.0.1]", "machine"),
        ("169.254.169.254", "machine"),
        ("[fe80::1]", "machine"),
        ("10.0.0.5", "network"),
        ("192.168.1.9", "network"),
        ("172.16.0.1", "network"),
        ("100.64.0.1", "network"),
        ("[fc00::1]", "network"),
        ("[::ffff:10.0.0.1]", "network"),
        ("metadata.google.internal", "network"),
        ("printer.local", "network"),
        ("intranet", "network"),
        ("localhost.example.com", "internet"),
        ("10.example.com", "internet"),
    ],
)
def test_where_an_address_leads(host: str, where: str) -> None:
    """This machine, a private network, or the internet; in every spelling that resolvers take."""
    assert reach(f"https://{host}:8443/x?y") == where


@pytest.mark.parametrize("asked", range(3))
@pytest.mark.parametrize("named", range(3))
def test_nobody_leads_nearer_than_it_is(asked: int, named: int) -> None:
    """From outside nobody is led inside; outward, and within its own reach, a server may lead."""
    places = ("https://127.0.0.1/x", "https://10.0.0.5/x", "https://zoo.example/x")
    assert leads_inside(places[named], places[asked]) is (named < asked)
