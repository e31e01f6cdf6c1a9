"""What several test rooms share."""

from __future__ import annotations

from pathlib import Path

import pytest

_RECORDED = Path(__file__).resolve().parents[2] / "shared" / "recorded"


def recorded(*parts: str) -> Path:
    """Returns a path below the recorded answers of the zoos; skips the test where they are not at hand."""
    if not _RECORDED.is_dir():
        pytest.skip("the recorded answers of the zoos (../shared/recorded) are not at hand")
    return _RECORDED.joinpath(*parts)
