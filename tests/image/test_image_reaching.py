"""Which layers a wish reaches: never fewer than could hold what it means, and none that nobody asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zooclient.planning import select
from zooclient.planning.reaching import Reaching, may_hold, may_match
from zooclient.records.globs import matches
from zooclient.records.model import FileEntry, Layer, ModelRecord
from zooclient.records.ref import Ref
from zooclient.records.wishes import Wishes

DOCUMENTS = tuple(FileEntry(path=path, size=1, digests={"sha256": "d" * 64}) for path in ("openapi.json", "cog.yaml"))


def layer(target: str) -> Layer:
    """A layer that fills a folder."""
    return Layer(digest=f"{len(target):064x}", size=10, target=target)


def record(*files: FileEntry) -> ModelRecord:
    """A version with documents and further files."""
    ref = Ref.parse(f"replicate:acme/tiny@{'a' * 64}")
    return ModelRecord(ref=ref, requested=ref, pin="version", title="tiny", files=(*DOCUMENTS, *files))


def file(path: str, target: str) -> FileEntry:
    """A file that lies in a layer."""
    return FileEntry(path=path, size=1, digests={"sha256": "e" * 64}, role="weights", layer=layer(target))


_PART = st.sampled_from(["src", "weights", "vae", "a.bin", "b.json", "c[1].bin", "srcs"])
_TARGET = st.lists(_PART, min_size=1, max_size=3).map("/".join)
_PATTERN = st.one_of(
    st.lists(
        st.sampled_from(["src", "weights", "vae", "*", "?", "[ab]", "*.bin", "a.bin", "s*"]), min_size=1, max_size=4
    ).map("/".join),
    st.sampled_from(["src/", "*", "*.json", "src", "weights/", "s?c/*"]),
)


@given(_TARGET, st.lists(_PART, max_size=2), _PATTERN)
def test_a_closed_layer_is_reached_by_all_that_could_mean_a_file_in_it(
    target: str, rest: list[str], pattern: str
) -> None:
    """Whatever pattern means a file in the folder of a layer could mean one while nobody has looked."""
    path = "/".join([target, *rest])
    if matches(path, pattern):
        assert may_match(pattern, layer(target))


@given(
    _TARGET, st.lists(_PART, max_size=2), st.lists(_PATTERN, min_size=1, max_size=2), st.sampled_from(["auto", "all"])
)
def test_what_is_wanted_of_an_opened_layer_was_reached_when_it_was_closed(
    target: str, rest: list[str], patterns: list[str], weights: str
) -> None:
    """No file is wanted in the second plan whose layer the first one left alone."""
    wishes = Wishes(files=tuple(patterns), weights=weights)
    opened, closed = file("/".join([target, *rest]), target), FileEntry.of_layer(layer(target))
    if Reaching(record(opened), wishes).reason(opened) is None:
        assert Reaching(record(closed), wishes).reason(closed) is None


@pytest.mark.parametrize(
    ("files", "weights", "reached"),
    [
        (None, "auto", ()),
        (None, "none", ()),
        (None, "all", ("src/weights", "src")),
        (None, "safetensors", ("src/weights", "src")),
        (("*",), "auto", ()),
        (("*",), "all", ("src/weights", "src")),
        (("*.json",), "auto", ()),
        (("*.safetensors",), "auto", ("src/weights", "src")),
        (("src/",), "auto", ("src/weights", "src")),
        (("src/predict.py",), "auto", ("src",)),
        (("src/weights/a.bin",), "auto", ("src/weights", "src")),
        (("openapi.json",), "all", ()),
        (("openapi.json", "src/vae/*"), "auto", ("src",)),
        (("layers/*",), "auto", ()),
    ],
)
def test_each_way_to_ask(files: tuple[str, ...] | None, weights: str, reached: tuple[str, ...]) -> None:
    """The ways that the guide names reach the layers that it says."""
    closed = [FileEntry.of_layer(layer(target)) for target in ("src/weights", "src")]
    wanted = Reaching(record(*closed), Wishes(files=files, weights=weights))
    assert tuple(one.layer.target for one in closed if one.layer and wanted.reason(one) is None) == reached


def test_what_is_left_says_how_to_ask_for_it() -> None:
    """A file of an opened layer is left out by default, with the pattern that fetches it."""
    told, skipped = select(record(file("src/weights/a.bin", "src/weights")), Wishes())
    assert [entry.path for entry in told] == ["openapi.json", "cog.yaml"]
    assert '"src/weights/a.bin" (--file)' in skipped[0].reason


def test_a_single_file_may_be_a_layer() -> None:
    """A layer that fills one file could hold that file, and nothing else of its name."""
    one = record(FileEntry.of_layer(layer("src/a.bin")))
    assert may_hold(one, "src/a.bin")
    assert not may_hold(one, "src/a.bin2")
    assert not may_hold(one, "openapi.json")
