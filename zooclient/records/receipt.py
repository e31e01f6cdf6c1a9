"""What was computed from bytes as they arrived, and how they came; a warm load needs neither."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from zooclient.records.checks import check_count, check_hex


@frozen(kw_only=True)
class Observed:
    """What was computed from the bytes of one file as they arrived.

    Attributes:
        size: Bytes.
        sha256: Lower-case hex.
        git_sha1: Lower-case hex of the git blob; None when nobody asked for it.
    """

    size: int
    sha256: str
    git_sha1: str | None = None

    def __attrs_post_init__(self) -> None:
        check_count("size", self.size)
        check_hex("sha256", "sha256", self.sha256)
        check_hex("git_sha1", "git-sha1", self.git_sha1)


@frozen(kw_only=True)
class Receipt:
    """How one file came to be held.

    Attributes:
        path: Path within the snapshot.
        observed: What was computed from its bytes.
        sources: Label of each source → bytes that it gave; empty when nothing moved.
        resumed: Bytes that an earlier, broken attempt had left.
        claimed: The zoo stated a digest, and it agreed; False: taken unverified, the sha256 is only observed.
    """

    path: str
    observed: Observed
    sources: Mapping[str, int] = field(factory=dict, hash=False)
    resumed: int = 0
    claimed: bool = True

    def __attrs_post_init__(self) -> None:
        check_count("resumed", self.resumed)
