"""Reads the fenced blocks of Markdown pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"(?P<indent> *)(?P<marks>`{3,}|:{3,})(?P<info>.*)")


class Block(NamedTuple):
    """One fenced block: its language, its text, and the line on which the text begins, counted from 1."""

    language: str
    text: str
    line: int


class Shown(NamedTuple):
    """A file that a page shows whole: where it belongs, and what stands in it."""

    path: str
    text: str


_CAPTION = re.compile(r":caption: (?P<path>\S+)\n(?::\S+:.*\n)*\n?")


def shown(block: Block) -> Shown | None:
    """The file that a block is, by its caption; None: it is none."""
    found = _CAPTION.match(block.text) if block.language.startswith("{code-block}") else None
    return Shown(found["path"], block.text[found.end() :] + "\n") if found is not None else None


def pages() -> list[Path]:
    """The README and every page of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order; a directive's language is its name in braces."""
    lines = page.read_text("utf-8").splitlines()
    number = 0
    while number < len(lines):
        opened = _FENCE.fullmatch(lines[number])
        number += 1
        if opened is None:
            continue
        start = number
        closing = re.compile(rf" *{re.escape(opened['marks'])}[`:]* *")
        while number < len(lines) and not closing.fullmatch(lines[number]):
            number += 1
        indent = len(opened["indent"])
        text = "\n".join(line[indent:] for line in lines[start:number])
        yield Block(opened["info"].strip(), text, start + 1)
        number += 1
