"""Directives that write tables out of the package itself, so that they cannot fall behind it."""

from __future__ import annotations

from doctables import parsed, table
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import zooclient
from zooclient.settings import Limits
from zooclient.settings.variables import FOREIGN, VARIABLES


class Variables(SphinxDirective):
    """``.. variables:: ours | foreign``: the environment variables that are read."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        chosen = {"ours": VARIABLES, "foreign": FOREIGN}[self.arguments[0]]
        rows = [(f"``{v.name}``", v.meaning, v.unit, v.default) for v in chosen]
        return parsed(self, table(("variable", "what it does", "unit", "default"), rows))


class ExitCodes(SphinxDirective):
    """``.. exit-codes::``: every error, its exit code, and what it means."""

    def run(self) -> list[nodes.Node]:
        errors = [getattr(zooclient, name) for name in zooclient.__all__]
        kinds = [kind for kind in errors if isinstance(kind, type) and issubclass(kind, zooclient.ZooError)]
        rows = [
            (str(kind.exit_code), f":class:`~zooclient.{kind.__name__}`", (kind.__doc__ or "").strip().splitlines()[0])
            for kind in sorted(kinds, key=lambda kind: (kind.exit_code, kind.__name__))
            if kind is not zooclient.ZooError
        ]
        return parsed(self, table(("exit code", "error", "meaning"), rows))


class LimitsTable(SphinxDirective):
    """``.. limits::``: every limit with its default."""

    def run(self) -> list[nodes.Node]:
        limits = Limits()
        rows = [
            (f"``{field.name.replace('_', '-')}``", str(getattr(limits, field.name)))
            for field in Limits.__attrs_attrs__  # type: ignore[attr-defined]  # added by attrs
        ]
        return parsed(self, table(("limit", "default"), rows))


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directives."""
    app.add_directive("variables", Variables)
    app.add_directive("exit-codes", ExitCodes)
    app.add_directive("limits", LimitsTable)
    return {"parallel_read_safe": True}
