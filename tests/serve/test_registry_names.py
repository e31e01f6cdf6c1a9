"""What clients send to the registry: names, digests, offsets and kinds of manifests. Properties."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_site import Zoo, code

from zooclient.serve.exchange import Question
from zooclient.serve.registry.names import accepted, chunk, is_digest, is_name, is_tag, target

_PARTS = st.from_regex(r"[a-z0-9]{1,9}([._-][a-z0-9]{1,9})?", fullmatch=True)
_HEX = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(
    st.lists(_PARTS, min_size=2, max_size=4), st.sampled_from(["manifests", "blobs"]), st.text(min_size=1, max_size=80)
)
def test_a_path_is_read_from_its_end(parts: list[str], kind: str, reference: str) -> None:
    """Whatever a repository is called and whatever is asked for in it, both come back as they were sent."""
    name = "/".join(parts)
    sent = Question(method="GET", path=f"/v2/{name}/{kind}/{quote(reference, safe='')}").segments
    found = target(sent[1:])
    assert found is not None
    if not (kind == "blobs" and reference == "uploads"):
        assert (found.name, found.kind, found.reference) == (name, kind, reference)
    assert is_name(found.name)
    assert found.model == "/".join(parts[:2])


@given(st.text())
def test_no_name_climbs(text: str) -> None:
    """What is taken for a name has neither empty parts nor dots alone, nor a slash of another kind."""
    if is_name(text):
        assert all(
            part and set(part) <= set(string.ascii_lowercase + string.digits + "._-") for part in text.split("/")
        )
        assert ".." not in text
        assert not text.startswith(("/", "."))


@pytest.mark.parametrize(
    "name", ["../tiny", "acme/..", "acme/%2e%2e", "acme%2Ftiny/../x", "ACME/tiny", "acme//tiny", "acme/t\0iny", "acme"]
)
def test_hostile_names_are_refused(name: str) -> None:
    """A name that climbs, is empty somewhere or is no name gets 400 or 404, whatever is asked for in it."""
    zoo = Zoo()
    try:
        zoo.r8.rules.strangers = "open"
        for rest in ("manifests/latest", f"blobs/sha256:{'0' * 64}", "tags/list"):
            answer = zoo.ask("GET", f"/v2/{name}/{rest}")
            assert answer.status in (400, 404)
            assert code(answer) in ("NAME_INVALID", "NAME_UNKNOWN")
    finally:
        zoo.close()


@pytest.mark.parametrize("reference", ["../../etc/passwd", "sha256:../..", "..", "sha256:" + "A" * 64, "sha512:ab", ""])
def test_hostile_references_are_refused(reference: str) -> None:
    """A digest or a tag that is none leads nowhere, and to no file."""
    zoo = Zoo()
    try:
        zoo.r8.rules.strangers = "open"
        for kind in ("manifests", "blobs"):
            answer = zoo.ask("GET", f"/v2/acme/tiny/{kind}/{quote(reference, safe=':')}")
            assert answer.status in (400, 404)
    finally:
        zoo.close()


@given(_HEX)
def test_a_digest_is_64_hex_in_small_letters(text: str) -> None:
    """One letter more, one less or a capital one, and it is none."""
    assert is_digest(f"sha256:{text}")
    assert not is_digest(f"sha256:{text}0")
    assert not is_digest(f"sha256:{text[1:]}")
    assert not is_digest(text)
    assert not is_digest(f"sha256:{text}\n")
    assert not is_tag(f"sha256:{text}")


@given(st.integers(0, 10**12), st.integers(1, 10**9), st.integers(-3, 3), st.integers(-3, 3))
def test_a_part_of_an_upload_goes_on_where_it_stands(held: int, sent: int, early: int, longer: int) -> None:
    """A part is taken where its first byte is the next one and its length is what it says, and nowhere else."""
    first, last = held + early, held + early + sent - 1 + longer
    good = early == 0 and longer == 0
    if first >= 0 and last >= 0:
        assert chunk(f"{first}-{last}", held, sent) == good
        assert chunk(f"bytes {first}-{last}", held, sent) == good
    assert chunk(None, held, sent)


@given(st.text())
def test_an_offset_that_cannot_be_read_is_none(text: str) -> None:
    """Reading one never fails."""
    if "-" not in text:
        assert not chunk(text, 0, 1)
    assert isinstance(chunk(text, 0, 1), bool)


@given(st.lists(st.sampled_from(["application/a+json", "application/b"]), max_size=4), st.booleans())
def test_kinds_are_read_without_parameters(kinds: list[str], weighted: bool) -> None:
    """Several in one header, in capitals and with a weight, are the kinds that they name."""
    header = ", ".join(f"{kind.upper()};q=0.5" if weighted else kind for kind in kinds)
    assert accepted(header) - {""} == set(kinds)
