"""Arguments and options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from zooclient.cli.output import Desk

F = TypeVar("F", bound=Callable[..., Any])

pass_desk = click.make_pass_decorator(Desk)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
ref_argument = click.argument("ref")


def wishes(function: F) -> F:
    """Adds the options that say which files of a model are wanted."""
    unverified = click.option("--allow-unverified", is_flag=True, help="Take files for which the zoo states no digest.")
    return weights_wanted(unverified(function))


def weights_wanted(function: F) -> F:
    """As :func:`wishes`, where files without a digest cannot be wanted."""
    for option in (
        click.option("--weights", default="auto", show_default=True, help="auto, all, none, or FORMAT[:VARIANT]."),
        click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files that match; repeatable."),
        click.option("--file", "files", multiple=True, metavar="GLOB", help="Only files that match; repeatable."),
    ):
        function = option(function)
    return function


def chosen(files: tuple[str, ...], exclude: tuple[str, ...], weights: str, allow_unverified: bool) -> dict[str, Any]:
    """Turns those options into the arguments of the client's calls."""
    return {
        "files": files or None,
        "exclude": exclude or None,
        "weights": weights,
        "allow_unverified": allow_unverified,
    }
