"""Licences against what is allowed and denied: SPDX expressions, the zoos' own names, kinds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zooclient.records.licensecheck import may_be
from zooclient.records.licenses import license_of
from zooclient.records.model import License


def passes(claim: str, *, allow: tuple[str, ...] | None = None, deny: tuple[str, ...] = ()) -> bool:
    return may_be(license_of([claim]), allow, deny) is None


@pytest.mark.parametrize(
    ("claim", "allowed"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("Apache License 2.0", "apache-2.0"),
        ("mit", "open-source"),
        ("MIT OR GPL-3.0-only", "MIT"),
        ("(GPL-3.0-only OR MIT) AND BSD-3-Clause", "open-source"),
        ("gemma", "Gemma"),
        ("llama3.1", "open-weight"),
        ("gpl-3.0", "gpl-3.0"),
        ("GPL-3.0-only", "gpl-3.0"),
        ("GPL-3.0-or-later", "GPL-3.0"),
        ("c-uda", "C-UDA-1.0"),
        ("openrail++", "openrail++"),
        ("MIT AND GPL-3.0-only", "mit and gpl-3.0-only"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ],
)
def test_a_licence_is_known_by_each_of_its_names(claim: str, allowed: str) -> None:
    """What is allowed by one name passes under every other name for the same licence."""
    assert passes(claim, allow=(allowed,))


@pytest.mark.parametrize(
    ("claim", "allowed"),
    [
        ("apache-2.0", "MIT"),
        ("MIT AND GPL-3.0-only", "MIT"),
        ("(MIT OR Apache-2.0) AND CC-BY-NC-4.0", "open-source"),
        ("gpl-3.0", "GPL-3.0-only"),  # the Hub's name does not tell
        ("GPL-3.0-or-later", "GPL-3.0-only"),
        ("openrail", "openrail++"),
        ("some-words-of-mine", "open-source"),
        ("other", "open-weight"),
        ("", "open-source"),
    ],
)
def test_what_is_not_allowed_for_certain_is_refused(claim: str, allowed: str) -> None:
    """A list of what is allowed lets pass what is on it, and nothing that only might be."""
    assert not passes(claim, allow=(allowed,))


@pytest.mark.parametrize(
    ("claim", "denied", "refused"),
    [
        ("cc-by-nc-4.0", "non-commercial", True),
        ("CC-BY-NC-4.0", "cc-by-nc-4.0", True),
        ("gpl-3.0", "GPL-3.0-only", True),  # it may be that one
        ("GPL-3.0-only", "gpl-3.0", True),
        ("GPL-2.0+", "gpl-2.0", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "gpl-2.0", True),
        ("GPL-3.0-only", "GPL-3.0-or-later", False),
        ("MIT OR GPL-3.0-only", "gpl-3.0", False),
        ("MIT AND GPL-3.0-only", "gpl-3.0", True),
        ("apache-2.0", "non-commercial", False),
        ("", "unknown", True),
        ("", "non-commercial", False),
    ],
)
def test_what_is_denied_is_refused_when_it_cannot_be_avoided(claim: str, denied: str, refused: bool) -> None:
    """A denied licence refuses, even where it only may be meant; of a choice the other side will do."""
    assert passes(claim, deny=(denied,)) is not refused


def test_of_several_claims_all_have_to_pass() -> None:
    """A zoo does not tell whether several claims are a choice, so none of them may be forbidden."""
    both = license_of(["mit", "cc-by-nc-4.0"])
    assert may_be(both, ("MIT",), ()) is not None
    assert may_be(both, ("MIT", "CC-BY-NC-4.0"), ()) is None
    assert may_be(both, None, ("non-commercial",)) is not None


def test_the_name_counts_where_the_claim_says_nothing() -> None:
    """A licence that is `other`, and Civitai's two layers, are known by their name and by what they roughly allow."""
    other = License(raw="other", name="LFM Open License v1.0")
    assert may_be(other, ("lfm open license v1.0",), ()) is None
    assert "LFM Open License v1.0" in (may_be(other, ("MIT",), ()) or "")
    civitai = License(raw='{"baseModel": "SD 1.5"}', name="CreativeML with the creator's terms", kind="non-commercial")
    assert may_be(civitai, None, ("non-commercial",)) is not None
    assert may_be(civitai, ("non-commercial",), ()) is None


_ATOMS = st.sampled_from(["MIT", "Apache-2.0", "BSD-3-Clause", "GPL-3.0-only", "CC-BY-NC-4.0"])
_EXPRESSIONS = st.recursive(
    _ATOMS.map(lambda atom: (atom, lambda ok: atom in ok)),
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
        lambda parts: (
            f"({parts[0][0]} {parts[1]} {parts[2][0]})",
            (lambda ok: parts[0][1](ok) and parts[2][1](ok))
            if parts[1] == "AND"
            else (lambda ok: parts[0][1](ok) or parts[2][1](ok)),
        )
    ),
    max_leaves=5,
)


@given(_EXPRESSIONS, st.sets(_ATOMS, min_size=1))
def test_an_expression_means_what_it_says(made: tuple[str, object], allowed: set[str]) -> None:
    """AND wants both, OR one, and brackets bind, however deep."""
    text, meant = made
    assert callable(meant)
    assert (may_be(License(spdx=text, raw=text), tuple(allowed), ()) is None) is meant(allowed)
