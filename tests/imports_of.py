"""Reads the imports out of the syntax tree of every module of the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "zooclient"


class Import(NamedTuple):
    """One import statement's target.

    ``module`` names it in full; ``late`` tells that it stands in a function, ``typing`` that only type checkers see it.
    """

    module: str
    line: int
    late: bool
    typing: bool


@cache
def modules() -> dict[str, Path]:
    """Dotted name → file, of every module of the package."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(name: str) -> tuple[Import, ...]:
    """Every import of a module, wherever it stands; ``from x import y`` names ``x.y`` where that is a module."""
    path = modules()[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return tuple(_walk(ast.parse(path.read_bytes()), package, late=False, typing=False))


def _walk(node: ast.AST, package: str, *, late: bool, typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, late, typing)
        elif isinstance(child, ast.ImportFrom):
            base = _absolute(child, package)
            for alias in child.names:
                whole = f"{base}.{alias.name}"
                yield Import(whole if whole in modules() else base, child.lineno, late, typing)
        elif isinstance(child, ast.If) and _is_type_checking(child.test):
            for statement in child.body:
                yield from _walk_one(statement, package, late=late, typing=True)
            for statement in child.orelse:
                yield from _walk_one(statement, package, late=late, typing=typing)
        else:
            inner = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, package, late=inner, typing=typing)


def _walk_one(statement: ast.stmt, package: str, *, late: bool, typing: bool) -> Iterator[Import]:
    yield from _walk(ast.Module(body=[statement], type_ignores=[]), package, late=late, typing=typing)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    base = package.split(".")
    above = ".".join(base[: len(base) - node.level + 1])
    return f"{above}.{node.module}" if node.module else above


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else None
    return name == "TYPE_CHECKING"


def at_import(name: str) -> Iterator[Import]:
    """The imports that happen when the module itself is imported."""
    return (found for found in imports(name) if not found.late and not found.typing)
