"""A table as reStructuredText, for directives that write one out of the package."""

from __future__ import annotations

from collections.abc import Iterable

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Returns the lines of a table with one line of headings."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *rows):
        lines += [f"   {'*' if not index else ' '} - {cell}" for index, cell in enumerate(row)]
    return [*lines, ""]


def parsed(directive: SphinxDirective, lines: list[str]) -> list[nodes.Node]:
    """Returns what the lines mean where the directive stands."""
    container = nodes.container()
    directive.state.nested_parse(StringList(lines, source="generated"), directive.content_offset, container)
    return container.children
