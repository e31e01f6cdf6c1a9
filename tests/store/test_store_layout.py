"""Names on the disk: safe everywhere, and never two things under one name."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.errors import IntegrityError, StoreError
from zooclient.store import layout
from zooclient.store.layout import extended, plain, safe_part
from zooclient.store.names import check_names

TEXTS = st.one_of(
    st.text(max_size=200), st.text(alphabet="aA-/._=~+cCoOnN1%\\: ", max_size=12), st.sampled_from(["con", "COM1.txt"])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=8, unique=True))
def test_two_texts_never_share_a_name(texts: list[str]) -> None:
    """Different ids or revisions get different names, even where the file system folds case."""
    names = [safe_part(text) for text in texts]
    assert len({name.lower() for name in names}) == len(texts)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_a_name_is_safe_on_every_system(text: str) -> None:
    """A name is one short ASCII component that no system reads as anything else."""
    name = safe_part(text)
    assert 0 < len(name) <= 120
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| \0')
    assert name[0] not in ".-" or name.startswith("--")
    assert name[-1] not in ". "
    assert name.partition(".")[0].lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("org/name", "org--name"),
        ("refs/pr/1", "refs--pr--1"),
        ("a--b", "a-=2db"),
        ("..", "=2e=2e"),
        ("NUL", "NUL~7"),
        ("nul.txt", "=6eul.txt"),
        ("héllo", "h=c3=a9llo"),
    ],
)
def test_names_stay_readable(text: str, name: str) -> None:
    """People find their models in the store by eye."""
    assert safe_part(text) == name


def test_the_examples_in_the_docstrings_hold() -> None:
    """What the layout's documentation shows is what it does."""
    assert doctest.testmod(layout).failed == 0


HOSTILE = ["../x", "/etc/passwd", "a/../../x", "a//b", "", "./a", "a/", "a\x00b", "a\nb", "\ud800", "..\\x", "C:x"]


@pytest.mark.parametrize("path", HOSTILE)
@pytest.mark.parametrize("windows", [True, False])
def test_a_hostile_name_is_refused_everywhere(path: str, windows: bool) -> None:
    """A file name cannot leave its folder, on any system."""
    with pytest.raises(IntegrityError):
        check_names([path], windows=windows, folds_case=False)


@pytest.mark.parametrize(
    "path", ["con", "sub/AUX.txt", "lpt1.bin", "a.", "a ", "what?", "a|b", "log:stream", "x" * 256]
)
def test_a_name_that_windows_cannot_hold_is_a_store_error(path: str) -> None:
    """A name that this system has no room for is told before anything is written."""
    with pytest.raises(StoreError):
        check_names([path], windows=True)


def test_what_windows_cannot_hold_is_fine_elsewhere() -> None:
    """A model with such names loads on systems that can hold them."""
    check_names(["con", "a.", "What?", "what?"], windows=False, folds_case=False)


def test_case_twins_are_an_error_where_case_is_folded() -> None:
    """Two names that would be one file there are refused, folders included."""
    check_names(["A/x", "B/x"], folds_case=True)
    with pytest.raises(StoreError, match="only in case"):
        check_names(["Config.json", "config.json"], folds_case=True)
    with pytest.raises(StoreError, match="only in case"):
        check_names(["A/x", "a/y"], folds_case=True)


def test_a_listing_that_contradicts_itself_is_refused() -> None:
    """A file listed twice, or as a folder too, is an integrity error."""
    with pytest.raises(IntegrityError, match="twice"):
        check_names(["a", "a"])
    with pytest.raises(IntegrityError, match="folder"):
        check_names(["a", "a/b"])


def test_long_windows_paths_are_taken_and_given_back_plain() -> None:
    """Paths of any length work inside; what is handed out is plain where it can be."""
    long = extended("C:/store/v1", windows=True)
    assert long == "\\\\?\\C:\\store\\v1"
    assert extended(long, windows=True) == long
    assert extended("//host/share", windows=True) == "\\\\?\\UNC\\host\\share"
    assert plain(long, 20, windows=True) == "C:\\store\\v1"
    assert plain("\\\\?\\UNC\\host\\share", 20, windows=True) == "\\\\host\\share"
    assert plain(long, 260, windows=True) == long
    assert extended("/store", windows=False) == "/store"
