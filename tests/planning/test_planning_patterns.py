"""Patterns choose files, and what they miss is told."""

from __future__ import annotations

import re
from fnmatch import translate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planning_models import model, skipped, wanted

from zooclient.errors import NotFound
from zooclient.records.globs import matches

NAMES = st.text(alphabet="ab/.*?[]!-AB", min_size=1, max_size=8)


def test_a_star_crosses_folders() -> None:
    """``*.json`` means the JSON files of every folder."""
    record = model("config.json", "unet/config.json", "README.md")
    assert wanted(record, files=("*.json",)) == ["config.json", "unet/config.json"]


def test_a_folder_means_everything_below() -> None:
    """``unet/`` means all files below the folder, and not a file that begins alike."""
    record = model("unet/config.json", "unet/deep/x.txt", "unet.txt")
    assert wanted(record, files=("unet/",)) == ["unet/config.json", "unet/deep/x.txt"]


def test_case_counts() -> None:
    """A pattern in another case matches nothing, whatever the machine."""
    with pytest.raises(NotFound) as caught:
        wanted(model("README.md"), files=("readme.md",))
    assert "README.md" in (caught.value.hint or "")


def test_a_name_with_brackets_is_found_by_itself() -> None:
    """A path means itself, even where its characters would mean something in a pattern."""
    assert wanted(model("notes[1].txt", "notes2.txt"), files=("notes[1].txt",)) == ["notes[1].txt"]


def test_excluded_files_are_told_with_the_pattern() -> None:
    """``exclude`` wins over ``files``, and the reason names the pattern."""
    record = model("a.json", "b.json", "c.md")
    assert skipped(record, files=("*.json",), exclude=("b*",)) == {"b.json": "excluded by b*", "c.md": "not asked for"}


@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("config.jsn", "config.json"),
        ("tokenizer_config.json", "unet/tokenizer_config.json"),
        ("unet", "unet/"),
        ("Config.json", "config.json"),
        ("*.JSON", "config.json"),
    ],
)
def test_a_pattern_that_matches_nothing_names_what_is_near(pattern: str, near: str) -> None:
    """A mistyped name is NotFound (exit 3), and the hint holds what was probably meant."""
    with pytest.raises(NotFound) as caught:
        wanted(model("config.json", "unet/tokenizer_config.json", "weights.bin"), files=("*.bin", pattern))
    assert caught.value.exit_code == 3
    assert repr(pattern) in caught.value.message
    assert near in (caught.value.hint or "")


def test_a_name_like_no_other_lists_what_there_is() -> None:
    """Where nothing is near, the hint lists files."""
    with pytest.raises(NotFound) as caught:
        wanted(model("config.json"), files=("zzzzzzzzzzzz",))
    assert caught.value.hint == "It has: config.json."


def test_nothing_left_is_an_error() -> None:
    """A plan of no file at all is refused rather than made."""
    with pytest.raises(NotFound, match="every one of its 2 files is left out"):
        wanted(model("a.json", "b.json"), exclude=("*",))


def test_a_model_without_files_has_an_empty_plan() -> None:
    """A zoo that hosts models without listing files gives a plan of nothing."""
    assert wanted(model()) == []


@settings(max_examples=200, deadline=None)
@given(path=NAMES, pattern=NAMES)
def test_patterns_mean_what_fnmatch_documents(path: str, pattern: str) -> None:
    """A pattern agrees with the documented language of shell patterns, case counted, on every machine."""
    meant = pattern + "*" if pattern.endswith("/") else pattern
    assert matches(path, pattern) == (path == pattern or re.match(translate(meant), path) is not None)
