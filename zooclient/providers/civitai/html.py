"""What users wrote as HTML, as plain Markdown that does nothing when it is shown; pure.

Nothing of the HTML is taken over: text is escaped, so that it cannot pass for a tag, a heading or a link of ours;
links lead to http and https alone, and pictures become links, so that showing a card asks no server for anything.
Scripts, styles and frames are left out with what they hold.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit

#: Characters that are read; the site takes fewer.
MOST = 1_000_000
#: Lists and quotations that nest at the most; deeper ones stay at that level.
_DEPTH = 8

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&!])")
_START = re.compile(r"^(\s*)([#>+=:-]|\d{1,9}[.)])")
_BLOCKS = frozenset(
    {
        *("p", "div", "section", "article", "table", "tr", "thead", "tbody", "figure", "figcaption", "header"),
        *("footer", "dl", "dt", "dd", "details", "summary", "center", "form"),
    }
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LEFT_OUT = frozenset({"script", "style", "iframe", "object", "embed", "template", "noscript", "svg", "math", "title"})
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*"}


def tidy(text: str) -> str:
    """Returns text without characters that cannot be seen, or that turn the direction of writing."""
    return _UNSEEN.sub("", text)


def escaped(text: str) -> str:
    """Returns text for one line of Markdown that is shown as it is."""
    flat = " ".join(tidy(text).split())
    return _START.sub(_guarded, _SPECIAL.sub(r"\\\1", flat))


def code(text: str) -> str:
    """Returns text as code within a line."""
    flat = " ".join(tidy(text).split())
    if not flat:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", flat)), default=0) + 1)
    gap = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{gap}{flat}{gap}{fence}"


def link(text: str, url: str | None) -> str:
    """Returns a link as Markdown; the bare text where the address is not plain http or https.

    Args:
        text: Markdown to show.
        url: As written.
    """
    address = _address(url)
    return f"[{text or escaped(address)}](<{address}>)" if address else text


def markdown(html: str) -> str:
    """Returns the HTML as Markdown. Nothing is raised for what somebody wrote."""
    writer = _Writer()
    writer.feed(html[:MOST])
    writer.close()
    return writer.text()


def _guarded(match: re.Match[str]) -> str:
    mark = match[2]
    return match[1] + (f"\\{mark}" if len(mark) == 1 else f"{mark[:-1]}\\{mark[-1]}")


def _address(url: str | None) -> str:
    if not url:
        return ""
    bare = tidy(url).strip()
    try:
        parts = urlsplit(bare)
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        return ""
    return quote(bare, safe="/:?#[]@!$&'*+,;=%~-._()")[:2000]


class _Writer(HTMLParser):
    """Writes blocks of Markdown, one after the other."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[str] = []
        self._line: list[str] = []
        self._prefix: list[str] = []  # of the lists and quotations that are open
        self._lists: list[int | None] = []  # the last number of each open list; None: bullets
        self._item = ""  # the mark of an item that has begun and has no text yet
        self._heading = 0
        self._links: list[tuple[str | None, int]] = []
        self._silent: list[str] = []
        self._pre = False
        self._marked: list[str] = []

    # -- what the parser tells ------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._silent or tag in _LEFT_OUT:
            self._hush(tag)
        elif tag == "br":
            self._line.append("\n")
        elif tag == "hr":
            self._end_block()
            self._put("---")
        elif tag == "img":
            self._picture(dict(attrs))
        elif tag in _MARKS and not self._pre:
            self._open_mark(tag)
        elif tag == "a":
            self._links.append((dict(attrs).get("href"), len(self._line)))
        else:
            self._open_block(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _LEFT_OUT:
            self.handle_starttag(tag, attrs)
            if tag not in ("br", "hr", "img"):
                self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
        elif tag in _MARKS:
            self._close_mark(tag)
        elif tag == "a" and self._links:
            url, start = self._links.pop()
            inner = "".join(self._line[start:]).strip()
            del self._line[start:]
            self._line.append(link(inner, url) if "\n" not in inner and "](" not in inner else inner)
        else:
            self._close_block(tag)

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._pre:
            self._line.append(tidy(data))
            return
        shown = _SPECIAL.sub(r"\\\1", re.sub(r"\s+", " ", tidy(data)))
        if shown:
            self._line.append(shown)

    # -- marks within a line --------------------------------------------------------------------

    def _hush(self, tag: str) -> None:
        if tag in _LEFT_OUT and (not self._silent or tag == self._silent[-1]) and len(self._silent) < 64:
            self._silent.append(tag)

    def _picture(self, told: dict[str, str | None]) -> None:
        address = _address(told.get("src"))
        if address:
            self._line.append(link(escaped("picture: " + (told.get("alt") or "without words")), address))

    def _open_mark(self, tag: str) -> None:
        if _MARKS[tag] not in self._marked:
            self._marked.append(_MARKS[tag])
            self._line.append(_MARKS[tag])

    def _close_mark(self, tag: str) -> None:
        mark = _MARKS[tag]
        if not self._marked or self._marked[-1] != mark:
            return
        self._marked.pop()
        start = max((place for place, piece in enumerate(self._line) if piece == mark), default=None)
        if start is None:
            return
        inner = "".join(self._line[start + 1 :])
        del self._line[start:]
        bare = inner.strip()
        if not bare or "\n" in bare:
            self._line.append(inner)  # emphasis does not go over blank text, nor over lines
        else:
            before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
            self._line += [before, f"{mark}{bare}{mark}", after]

    # -- blocks ---------------------------------------------------------------------------------

    def _open_block(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._end_block()
        elif tag in _HEADINGS:
            self._end_block()
            self._heading = _HEADINGS[tag]
        elif tag in ("td", "th"):
            self._line.append(" ")
        elif tag == "pre":
            self._end_block()
            self._pre = True
        elif tag == "blockquote":
            self._end_block()
            self._nest("> ")
        elif tag in ("ul", "ol"):
            self._end_block()
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._open_item()

    def _open_item(self) -> None:
        self._end_block()
        if not self._lists:
            self._lists.append(None)
        number = self._lists[-1]
        mark = "- "
        if number is not None:
            self._lists[-1] = number + 1
            mark = f"{number + 1}. "
        self._item = mark
        self._nest(" " * len(mark))

    def _nest(self, prefix: str) -> None:
        self._prefix.append(prefix if len(self._prefix) < _DEPTH else "")

    def _close_block(self, tag: str) -> None:
        if tag in _BLOCKS or tag in _HEADINGS:
            self._end_block()
        elif tag == "pre":
            self._end_code()
        elif tag == "blockquote" or tag == "li":
            self._end_block()
            self._item = ""
            if self._prefix and (self._prefix[-1].startswith(">") == (tag == "blockquote") or not self._prefix[-1]):
                self._prefix.pop()
        elif tag in ("ul", "ol"):
            self._end_block()
            if self._lists:
                self._lists.pop()

    def _end_block(self) -> None:
        """Writes the text gathered so far as one paragraph or heading."""
        if self._pre:
            self._end_code()
            return
        unclosed = set(_MARKS.values())
        text = "".join(piece for piece in self._line if piece not in unclosed)
        self._line, self._links, self._marked = [], [], []
        lines = [" ".join(line.split()) for line in text.split("\n")]
        lines = [_START.sub(_guarded, line) for line in lines if line]
        heading, self._heading = self._heading, 0
        if not lines:
            return
        if heading:
            self._put(f"{'#' * min(heading + 2, 6)} {' '.join(lines)}")
        else:
            self._put("\\\n".join(lines))

    def _end_code(self) -> None:
        text = "".join(self._line).strip("\n")
        self._line, self._pre = [], False
        if text.strip():
            fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
            self._put(f"{fence}\n{text}\n{fence}")

    def _put(self, block: str) -> None:
        prefix = "".join(self._prefix)
        first = prefix
        if self._item and self._prefix and self._prefix[-1] == " " * len(self._item):
            first = "".join(self._prefix[:-1]) + self._item
        self._item = ""
        lines = block.split("\n")
        self._blocks.append("\n".join((prefix if place else first) + line for place, line in enumerate(lines)))

    def text(self) -> str:
        """Everything written."""
        self._end_block()
        out: list[str] = []
        for block in self._blocks:
            tight = out and _is_item(out[-1]) and _is_item(block)
            out.append(("\n" if tight else "\n\n") + block if out else block)
        return "".join(out)


def _is_item(block: str) -> bool:
    last = block.rstrip("\n").rpartition("\n")[2]
    return re.match(r"[ >]*(?:- |\d+\. )", block.lstrip("\n")) is not None and bool(last)
