"""Sizes as people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.records.sizes import MOST, read_size, weights_size

UNITS = {
    "": 1,
    "B": 1,
    "k": 10**3,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "PB": 10**15,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "Gi": 2**30,
    "G": 10**9,
}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("24GB", 24 * 10**9), ("8GiB", 8 * 2**30), ("900MB", 900 * 10**6), ("0", 0), ("1.5 gib", 3 * 2**29)),
        *((" 24 gb ", 24 * 10**9), ("0.0000000019k", 0), ("7b", 7), (7, 7), (str(MOST), MOST)),
    ],
)
def test_sizes_that_people_write(text: str | int, size: int) -> None:
    """Decimal and binary units, fractions, case and blanks are read to the byte."""
    assert read_size(text) == size


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 999), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_a_size_is_its_number_times_its_unit(whole: int, part: int, unit: str, blank: str) -> None:
    """Any number with any unit is exact, whatever its case, or too large."""
    exact = int(Fraction(f"{whole}.{part:03}") * UNITS[unit])
    for text in (f"{whole}.{part:03}{blank}{unit}", f"{whole}.{part:03}{blank}{unit}".upper()):
        if exact <= MOST:
            assert read_size(text) == exact
        else:
            with pytest.raises(ValueError, match="not within"):
                read_size(text)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_a_size_or_a_value_error(text: str) -> None:
    """Nothing that a person can type does anything else, and what is read is within bounds."""
    try:
        assert 0 <= read_size(text) <= MOST
    except ValueError as error:
        assert len(str(error)) < 400


@pytest.mark.parametrize(
    "odd",
    [*("", "GB", "-1", "+1", "1e9", "1,5GB", "1.GB", ".5GB", "24GBs", "24 G B", "١GB", "1_000", "inf"), -1, 2**63],
)
def test_what_is_no_size(odd: str | int) -> None:
    """Signs, exponents, commas, other digits and further letters are refused, not guessed at."""
    with pytest.raises(ValueError, match="size"):
        read_size(odd)


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ({"BF16": 1000}, 2000),
        ({"F32": 10, "I64": 1}, 48),
        ({"F8_E4M3": 7, "BOOL": 1}, 8),
        ({"F4": 3}, 2),
        ({"NEW": 5}, None),
        ({"BF16": 5, "Q": 1}, None),
        ({}, None),
    ],
)
def test_the_bytes_of_parameters(parameters: dict[str, int], size: int | None) -> None:
    """Types of elements tell their width; one that is not known tells nothing, not zero."""
    assert weights_size(parameters) == size
