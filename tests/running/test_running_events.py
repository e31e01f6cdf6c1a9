"""Server-sent events out of bytes that are cut anywhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zooclient.errors import ProtocolError
from zooclient.net import events
from zooclient.net.events import Comment, Event, EventReader

#: What a line of an event may hold: no break of a line, and no half of a character.
LINES = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12)
NAMES = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), min_size=1, max_size=8)


def read(whole: bytes, *cuts: int) -> list[Event | Comment]:
    """What a stream says that comes in pieces."""
    reader = EventReader()
    places = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})
    return [told for start, end in pairwise(places) for told in reader.feed(whole[start:end])]


@given(
    told=st.lists(st.tuples(NAMES, st.lists(LINES, min_size=1, max_size=3), st.none() | NAMES), max_size=5),
    end=st.sampled_from(["\n", "\r", "\r\n"]),
    mark=st.booleans(),
    blank=st.booleans(),
    cuts=st.lists(st.integers(0, 10_000), max_size=8),
)
def test_what_is_written_is_read(
    told: list[tuple[str, list[str], str | None]], end: str, mark: bool, blank: bool, cuts: list[int]
) -> None:
    """Names, ids or none, data in several lines: the same wherever it is cut, however lines end, mark or none."""
    space = " " if blank else ""
    text, expected, last = "", [], ""
    for kind, lines, name in told:
        if not blank and (kind.startswith(" ") or any(one.startswith(" ") for one in lines)):
            continue  # the one blank behind the colon is none of the value
        if name is not None and not blank and name.startswith(" "):
            name = None
        text += f"event:{space}{kind}{end}" + (f"id:{space}{name}{end}" if name is not None else "")
        text += "".join(f"data:{space}{line}{end}" for line in lines) + end
        last = last if name is None else name
        expected.append(Event(kind=kind, data="\n".join(lines), id=last))
    # What follows makes sure that a CR at the very end does not wait for a LF for ever.
    whole = (b"\xef\xbb\xbf" if mark and text else b"") + text.encode() + b": bye\n"
    assert read(whole, *cuts) == [*expected, Comment(text="bye")]


@given(st.binary(max_size=200), st.lists(st.integers(0, 300), max_size=8))
def test_cuts_change_nothing(whole: bytes, cuts: list[int]) -> None:
    """Whatever bytes come, pieces say what the whole says, and nothing fails."""
    assert read(whole, *cuts) == read(whole)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data\n\n", [Event(kind="message", data="")]),
        ("data: a\ndata:\ndata\n\n", [Event(kind="message", data="a\n\n")]),
        ("event: output\nid: 1:0\ndata:\ndata:\n\n", [Event(kind="output", data="\n", id="1:0")]),
        ("event: output\ndata:  two blanks\n\n", [Event(kind="output", data=" two blanks")]),
        ("event: ping\n\ndata: x\n\n", [Event(kind="message", data="x")]),
        (":408: 408 Request Timeout\n\n", [Comment(text="408: 408 Request Timeout")]),
        (
            "id: 1\ndata: a\n\nid\ndata: b\n\n",
            [Event(kind="message", data="a", id="1"), Event(kind="message", data="b")],
        ),
        ("id: a\0b\nretry: 5\nodd: x\ndata: y\n\n", [Event(kind="message", data="y")]),
        ("data: unfinished\n", []),
    ],
)
def test_the_standard_s_corners(text: str, expected: list[Event | Comment]) -> None:
    """Empty data, blanks, ids that are taken back, comments, unknown fields, and what is not finished."""
    assert read(text.encode()) == expected


def test_an_event_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end, and an event without one, are refused and not gathered for ever."""
    monkeypatch.setattr(events, "MOST", 1000)
    for piece in (b"x" * 100, b"data: " + b"y" * 90 + b"\n"):
        reader = EventReader()
        with pytest.raises(ProtocolError, match="more than 1000 bytes"):
            for _ in range(20):
                reader.feed(piece)
