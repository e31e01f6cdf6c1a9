"""Which files a ``.gitignore`` leaves out (gitignore(5)). Pure."""

from __future__ import annotations

import re

from attrs import frozen


@frozen(kw_only=True)
class _Rule:
    pattern: re.Pattern[str]
    leaves_out: bool
    folders_alone: bool


class Ignored:
    """The rules of one ``.gitignore`` at the root of a repository.

    Args:
        text: Its content. None: there is none.
    """

    def __init__(self, text: str | None) -> None:
        rules = (_rule(line) for line in (text or "").splitlines())
        self._rules = [rule for rule in rules if rule is not None]

    def __call__(self, path: str) -> bool:
        """Whether a file is left out; what is below a folder that is left out is as well, whatever else is said."""
        parts = path.split("/")
        folders = ("/".join(parts[:end]) for end in range(1, len(parts)))
        return any(self._says(folder, folder=True) for folder in folders) or self._says(path, folder=False)

    def _says(self, path: str, *, folder: bool) -> bool:
        verdict = False
        for rule in self._rules:
            if (folder or not rule.folders_alone) and rule.pattern.fullmatch(path):
                verdict = rule.leaves_out
        return verdict


def _rule(line: str) -> _Rule | None:
    text = line if line.endswith("\\ ") else line.rstrip()
    if not text or text.startswith("#"):
        return None
    leaves_out = not text.startswith("!")
    text = text.removeprefix("!").removeprefix("\\")
    folders_alone = text.endswith("/")
    text = text.rstrip("/")
    anchored = "/" in text
    try:
        pattern = re.compile(("" if anchored else "(?:.*/)?") + _expression(text.removeprefix("/")), re.DOTALL)
    except re.error:
        return None
    return _Rule(pattern=pattern, leaves_out=leaves_out, folders_alone=folders_alone)


def _expression(text: str) -> str:
    parts = text.split("/")
    last = len(parts) - 1
    made = []
    for number, part in enumerate(parts):
        if part == "**":
            # Two in a row say no more than one, and would be tried in every way.
            if number < last and parts[number + 1] == "**":
                continue
            made.append(".*" if number == last else "(?:.*/)?")
        else:
            made.append(_part(part) + ("" if number == last else "/"))
    return "".join(made)


def _part(part: str) -> str:
    made: list[str] = []
    position = 0
    while position < len(part):
        letter = part[position]
        position += 1
        end = part.find("]", position + 1) if letter == "[" else -1
        if letter == "*":
            # Several in a row are one; as one they cannot make the expression try for ever.
            made.append("" if made and made[-1] == "[^/]*" else "[^/]*")
        elif letter == "?":
            made.append("[^/]")
        elif end > 0:
            inner = part[position:end].replace("\\", "\\\\")
            made.append("[" + re.sub(r"^!", "^", inner).replace("[", "\\[") + "]")
            position = end + 1
        elif letter == "\\" and position < len(part):
            made.append(re.escape(part[position]))
            position += 1
        else:
            made.append(re.escape(letter))
    return "".join(made)
