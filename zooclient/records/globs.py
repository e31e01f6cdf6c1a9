"""The one pattern language for file names, wherever a caller may choose files."""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches(path: str, pattern: str) -> bool:
    """Tells whether a pattern means a file.

    Case counts. ``*`` is any text, ``/`` included, ``?`` any one character, ``[ab]`` and ``[!ab]`` one of a set.
    ``dir/`` means everything below the folder. A pattern that is exactly the path means it, whatever
    characters the path holds.
    """
    return path == pattern or fnmatchcase(path, pattern + "*" if pattern.endswith("/") else pattern)
