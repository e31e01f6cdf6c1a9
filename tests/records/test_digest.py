"""The two digests of a snapshot, against lines and sums made outside this project's code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zooclient.errors import IntegrityError
from zooclient.records.digest import content_digest, git_blob_header, weights_digest

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

#: Each made with ``printf '…' | sha256sum`` over the lines that the format states.
CONTENT = "21b08c59db685c25ee49b8c01354c70174b9bc188427126b62d1e9a3292fcf26"
WEIGHTS = "115da288ff1ae2c3268f9935b8991fd93ed5792a4390b7d0276ce323810aed3a"
BEYOND_BMP = "9b7ca8accf39b5abe8423b29bda7ad0035d2e4f73f40d0376702bd627a87590b"


def test_content_digest_of_a_worked_example() -> None:
    """The lines hold digest, size and path, and ``B`` comes before ``a``."""
    files = [(ABC, 3, "a.txt"), (EMPTY, 0, "B/empty")]
    assert content_digest(files) == "sha256:" + CONTENT


def test_weights_digest_of_a_worked_example() -> None:
    """The lines have no path and are sorted as lines, so a renamed shard changes nothing."""
    assert weights_digest([(EMPTY, 0), (ABC, 3)]) == "sha256:" + WEIGHTS
    assert weights_digest([(ABC, 3), (EMPTY, 0)]) == "sha256:" + WEIGHTS


def test_no_weights_have_no_digest() -> None:
    """A model without weights says so, instead of giving the digest of nothing."""
    assert weights_digest([]) is None


def test_paths_are_sorted_by_their_utf8_bytes() -> None:
    """UTF-16 order, in which U+FF5E stands behind a character beyond the BMP, would give another digest."""
    low, high = "\uff5e", "\U0001f600"
    assert content_digest([(ABC, 3, high), (EMPTY, 0, low)]) == content_digest([(EMPTY, 0, low), (ABC, 3, high)])
    assert content_digest([(ABC, 3, high), (EMPTY, 0, low)]) == "sha256:" + BEYOND_BMP


@pytest.mark.parametrize("path", ["a\nb", "a\x00b", "a\x7f", "\ta"])
def test_control_characters_in_a_path_are_refused(path: str) -> None:
    """A line break in a name could make two different listings look alike."""
    with pytest.raises(IntegrityError):
        content_digest([(ABC, 3, path)])


@given(
    st.dictionaries(st.text("abcé/ ", min_size=1, max_size=8), st.tuples(st.sampled_from([ABC, EMPTY]), st.integers(0)))
)
def test_content_digest_depends_on_the_set_alone(listing: dict[str, tuple[str, int]]) -> None:
    """The order of the listing changes nothing; any other size, content or name changes the digest."""
    files = [(sha256, size, path) for path, (sha256, size) in listing.items()]
    digest = content_digest(files)
    assert content_digest(reversed(files)) == digest
    if files:
        (sha256, size, path), *rest = files
        assert content_digest([(sha256, size + 1, path), *rest]) != digest
        assert content_digest([(sha256, size, path + "x"), *rest]) != digest
        assert content_digest(rest) != digest


def test_git_blob_header_is_that_of_git() -> None:
    """git's own id of the blob ``abc`` is sha1 over the header and the content."""
    import hashlib

    blob = hashlib.sha1(git_blob_header(3) + b"abc").hexdigest()
    assert blob == "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"
