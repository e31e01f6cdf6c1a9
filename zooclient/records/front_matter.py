"""The YAML head of a model card, read as its author meant it and bounded in every direction.

Cards are written by hand for the Hub, which reads them by the rules of YAML 1.2: ``no`` is the language Norwegian,
not false, and ``1:30`` is no number. PyYAML's own loaders follow YAML 1.1, so only its parser is used here, with the
core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema) in place of its types. Nothing is raised for
what an author wrote: it becomes a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

#: Characters of a head at the most. The longest recorded one has some 20 000.
_MOST = 1_000_000
#: Levels of nesting, and values after every alias is written out.
_DEPTH = 64
_VALUES = 200_000
#: Sentences about one head at the most.
_PROBLEMS = 20

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"(true|True|TRUE)|false|False|FALSE")
_INT = re.compile(r"(?=.{1,4000}\Z)[-+]?[0-9]+(?:_[0-9]+)*")  # with 24_700_000, as the Hub's own parser reads it
_OCTAL = re.compile(r"0o([0-7]{1,4000})")
_HEX = re.compile(r"0x([0-9a-fA-F]{1,4000})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def split(text: str) -> tuple[str | None, str, str | None]:
    """Parts a card into its head and the rest.

    Returns:
        The head without its ``---`` lines (None: there is none), the text below it, and a sentence on what is odd.
    """
    lines = text.split("\n")
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    if first is None or lines[first].rstrip() != "---":
        return None, text, None
    for last in range(first + 1, len(lines)):
        if lines[last].rstrip() == "---":
            return "\n".join(lines[first + 1 : last]), "\n".join(lines[last + 1 :]), None
    return None, text, "The front matter begins with --- and does not end."


def read(head: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Reads a head: plain JSON values, and a sentence for each thing that is broken."""
    import yaml

    if len(head) > _MOST:
        return {}, (f"The front matter is longer than {_MOST} characters; it was not read.",)
    problems: list[str] = []
    try:
        node = _composed(head)
        if node is None:
            return {}, ()
        value = _Reader(problems).value(node)
    except yaml.YAMLError as error:
        return {}, (_broken(error),)
    except _TooMuch as error:
        return {}, (str(error),)
    if value is None:
        return {}, tuple(problems)
    if not isinstance(value, dict):
        kind = "a list" if isinstance(value, list) else "plain text"
        return {}, (f"The front matter is {kind}, not names with values; it was not read.",)
    return value, tuple(problems[:_PROBLEMS])


class _TooMuch(Exception):
    """The head is too deep, too large, or holds itself."""


def _composed(head: str) -> yaml.Node | None:
    import yaml

    class Loader(yaml.SafeLoader):
        """The parser, in Python because its C twin follows nesting on the machine's stack."""

        depth = 0

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            self.depth += 1
            if self.depth > _DEPTH:
                raise _TooMuch(f"The front matter nests deeper than {_DEPTH} levels; it was not read.")
            node: yaml.Node | None = super().compose_node(parent, index)
            self.depth -= 1
            return node

    loader = Loader(head)
    try:
        node: yaml.Node | None = loader.get_single_node()
        return node
    finally:
        loader.dispose()


class _Reader:
    """Turns nodes into values.

    Args:
        problems: Where sentences go.
    """

    def __init__(self, problems: list[str]) -> None:
        self._problems = problems
        self._left = _VALUES
        self._open: set[int] = set()

    def value(self, node: yaml.Node) -> Any:
        import yaml

        self._left -= 1
        if self._left < 0:
            raise _TooMuch(f"The front matter holds more than {_VALUES} values; it was not read.")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise _TooMuch("The front matter holds itself by an alias; it was not read.")
        self._open.add(id(node))
        try:
            self._tell_tag(node)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item) for item in node.value]
            return self._mapping(node)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, item in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                self._merge(merged, self.value(item))
                continue
            name = key.value if isinstance(key.value, str) else None
            if name is None:
                self._problem(f"Line {_line(key)} of the front matter has a list or a mapping for a name.")
                continue
            if name in found:
                self._problem(f"The front matter names {name!r} twice; the last one counts.")
            found[name] = self.value(item)
        return {**merged, **found}

    def _merge(self, merged: dict[str, Any], value: Any) -> None:
        for source in value if isinstance(value, list) else [value]:
            if isinstance(source, dict):
                for name, item in source.items():
                    merged.setdefault(name, item)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        foreign = self._tell_tag(node)
        quoted = node.style is not None  # or a block: text, whatever it looks like
        return text if foreign or quoted else _core(text)

    def _tell_tag(self, node: yaml.Node) -> bool:
        """Tells of a tag that we do not follow, such as ``!!python/object``; the value is read without it."""
        if str(node.tag).removeprefix("tag:yaml.org,2002:") in _PLAIN_TAGS:
            return False
        self._problem(f"The front matter asks for the type {node.tag} in line {_line(node)}; it was read without it.")
        return True

    def _problem(self, sentence: str) -> None:
        if len(self._problems) < _PROBLEMS and sentence not in self._problems:
            self._problems.append(sentence)


#: Tags that PyYAML gives by itself.
_PLAIN_TAGS = frozenset({"str", "seq", "map", "bool", "int", "float", "null", "timestamp", "merge", "value", "yaml"})


def _core(text: str) -> Any:
    """Returns a plain scalar by the core schema of YAML 1.2; dates stay text."""
    if _NULL.fullmatch(text):
        return None
    if (match := _BOOL.fullmatch(text)) is not None:
        return match[1] is not None
    if _INT.fullmatch(text):
        return int(text)
    if (match := _OCTAL.fullmatch(text)) is not None:
        return int(match[1], 8)
    if (match := _HEX.fullmatch(text)) is not None:
        return int(match[1], 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text  # .inf and .nan too: JSON has no such numbers


def _line(node: yaml.Node) -> int:
    """The line of the card, whose first is ``---``."""
    line: int = node.start_mark.line
    return line + 2


def _broken(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    where = f" in line {mark.line + 2}" if mark is not None else ""
    return f"The front matter is no YAML{where}: {what}."


def words(value: Any) -> tuple[str, ...]:
    """Returns what stands for a list of words: a list, or one word in place of it; numbers as text."""
    items = value if isinstance(value, list) else [value]
    kept = (str(item).strip() for item in items if isinstance(item, (str, int, float)) and not isinstance(item, bool))
    return tuple(item for item in kept if item)


def word(data: Mapping[str, Any], name: str) -> str | None:
    """Returns one value as text; of a list, the first. None: there is none."""
    found = words(data.get(name))
    return found[0] if found else None
