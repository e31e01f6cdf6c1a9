"""Runs the examples of one page, top to bottom, as a reader would: ``python walk_page.py PAGE``.

Python blocks share a namespace, console blocks share a shell. Of a console block each ``$ `` line is a command, the
lines below it are what it must print, on stdout and stderr together, where ``...`` stands for anything. A command ends
with 0 unless its line says ``# exit N``. A block whose caption names a file is written there.
"""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from pages import Block, blocks, shown

_EXIT = re.compile(r"\s+# exit (\d+)$")
_END = "\x1e"


class Wrong(Exception):
    """An example does not do what the page says."""


class Shell:
    """A bash that remembers its variables from one command to the next."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )

    def run(self, command: str) -> tuple[int, str]:
        """Runs one command and returns its exit code with all that it printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Braces and not parentheses: what it sets must stay set. Its stdin is not our script.
        self._process.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n{_END}%d\\n' $?\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(_END):
                text = "".join(lines)
                return int(line[1:]), text[:-1] if text.endswith("\n") else text
            lines.append(line)
        raise Wrong(f"the shell ended at: {command}\n{''.join(lines)}")

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()


def commands(block: Block) -> list[tuple[str, int, str, int]]:
    """The commands of a console block: text, expected exit code, expected output, line."""
    found: list[tuple[str, int, list[str], int]] = []
    for offset, line in enumerate(block.text.splitlines()):
        if line.startswith("$ "):
            stated = _EXIT.search(line)
            found.append((_EXIT.sub("", line[2:]), int(stated[1]) if stated else 0, [], block.line + offset))
        elif line.startswith("> ") and found and not found[-1][2]:
            text, code, _, at = found.pop()
            found.append((f"{text}\n{line[2:]}", code, [], at))
        elif found:
            found[-1][2].append(line)
        else:
            raise Wrong(f"line {block.line + offset}: a console block begins with a command")
    return [(text, code, "\n".join(output), at) for text, code, output, at in found]


def agrees(wanted: str, got: str) -> bool:
    """Whether an output is the expected one; blanks count as one, ``...`` stands for anything."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(wanted.strip() + "\n", got.strip() + "\n", flags)


def walk(page: Path) -> None:
    """Runs the examples of a page.

    Raises:
        Wrong: One of them does something else than the page says.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    shell = Shell()
    try:
        for block in blocks(page):
            file = shown(block)
            if file is not None:
                Path(file.path).parent.mkdir(parents=True, exist_ok=True)
                Path(file.path).write_text(file.text, "utf-8")
            elif block.language == "python":
                source = "\n" * (block.line - 1) + block.text
                try:
                    exec(compile(source, page.name, "exec"), namespace)
                except Exception:
                    raise Wrong(traceback.format_exc()) from None
            elif block.language == "console":
                for command, code, wanted, line in commands(block):
                    ended, got = shell.run(command)
                    if ended != code or not agrees(wanted, got):
                        raise Wrong(
                            f"line {line}: {command}\nexit {ended}, expected {code}\n"
                            f"--- expected\n{wanted}\n--- got\n{got}"
                        )
    finally:
        shell.close()


if __name__ == "__main__":
    try:
        walk(Path(sys.argv[1]))
    except Wrong as wrong:
        sys.exit(f"{sys.argv[1]}: {wrong}")
