"""A card's Markdown as the HTML in which Civitai keeps descriptions. Pure.

What cards commonly hold is read: headings, paragraphs, lists, quotations, fenced code, and within a line code, bold,
italic and links. Everything else stays text, and all text is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*")
_ITEM = re.compile(r"\s*(?:([-*+])|(\d{1,9})[.)])\s+(.*)")
_FENCE = re.compile(r"\s*(```+|~~~+)")
_CODE = re.compile(r"(`+)(.+?)\1")
_LINK = re.compile(r"\[([^\[\]]*)\]\((https?://[^\s()<>\"']+)\)|<(https?://[^\s<>\"']+)>")
_BOLD = re.compile(r"\*\*(\S(?:.*?\S)?)\*\*|__(\S(?:.*?\S)?)__")
#: Not across a tag: text is escaped by then, so an angle bracket is one of ours.
_ITALIC = re.compile(r"\*([^\s<>](?:[^<>]*?[^\s<>])?)\*")


def html_of(markdown: str) -> str | None:
    """Returns the HTML; None when there is nothing to say."""
    return "".join(_blocks(markdown.splitlines())) or None


def _blocks(lines: list[str]) -> Iterator[str]:
    place = 0
    while place < len(lines):
        line = lines[place]
        heading, fence = _HEADING.fullmatch(line), _FENCE.match(line)
        if not line.strip():
            place += 1
        elif fence is not None:
            end = next((at for at in range(place + 1, len(lines)) if lines[at].strip() == fence[1]), len(lines))
            yield f"<pre><code>{escape(chr(10).join(lines[place + 1 : end]))}</code></pre>"
            place = end + 1
        elif heading is not None:
            level = len(heading[1])
            yield f"<h{level}>{_inline(heading[2])}</h{level}>"
            place += 1
        else:
            end = _end(lines, place)
            yield _run(lines[place:end])
            place = end


def _end(lines: list[str], start: int) -> int:
    """The line before which a paragraph, a list or a quotation ends."""
    for at in range(start + 1, len(lines)):
        line = lines[at]
        if (
            not line.strip()
            or _HEADING.fullmatch(line)
            or _FENCE.match(line)
            or _kind(line) not in (_kind(lines[start]), "p")
        ):
            return at
    return len(lines)


def _kind(line: str) -> str:
    item = _ITEM.fullmatch(line)
    if item is not None:
        return "ul" if item[1] else "ol"
    return "blockquote" if line.lstrip().startswith(">") else "p"


def _run(lines: list[str]) -> str:
    kind = _kind(lines[0])
    if kind in ("ul", "ol"):
        items: list[list[str]] = []
        for line in lines:
            item = _ITEM.fullmatch(line)
            if item is not None:
                items.append([item[3]])
            else:
                items[-1].append(line.strip())
        return f"<{kind}>{''.join(f'<li><p>{_inline(chr(32).join(item))}</p></li>' for item in items)}</{kind}>"
    if kind == "blockquote":
        text = " ".join(line.lstrip().removeprefix(">").strip() for line in lines)
        return f"<blockquote><p>{_inline(text)}</p></blockquote>"
    return f"<p>{_inline(' '.join(line.strip() for line in lines))}</p>"


def _inline(text: str) -> str:
    """Code first, because nothing within it is read; then links; then what is bold or italic."""
    made, last = [], 0
    for code in _CODE.finditer(text):
        made += [_links(text[last : code.start()]), f"<code>{escape(code[2].strip())}</code>"]
        last = code.end()
    return "".join([*made, _links(text[last:])])


def _links(text: str) -> str:
    made, last = [], 0
    for link in _LINK.finditer(text):
        address = link[2] or link[3]
        shown = _marks(link[1]) if link[1] else escape(address)
        made += [
            _marks(text[last : link.start()]),
            f'<a target="_blank" rel="ugc" href="{escape(address)}">{shown}</a>',
        ]
        last = link.end()
    return "".join([*made, _marks(text[last:])])


def _marks(text: str) -> str:
    bold = _BOLD.sub(lambda match: f"<strong>{match[1] or match[2]}</strong>", escape(text))
    return _ITALIC.sub(r"<em>\1</em>", bold)
