"""``zooclient audit``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk
from zooclient.errors import PolicyError, StoreError
from zooclient.records.audit import SEVERITIES, Severity

if TYPE_CHECKING:
    from zooclient.client.sync import Client
    from zooclient.records.audit import AuditReport

_FORMATS = ("text", "json", "sarif", "cyclonedx", "markdown", "html")


@click.command("audit")
@click.argument("target", metavar="REF|FOLDER|zoo.lock")
@click.option("--files", is_flag=True, help="Look into the files too; they are fetched where they are not held.")
@click.option(
    "--format", "format_", type=click.Choice(_FORMATS), default="text", show_default=True, help="What to write."
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it to FILE.")
@click.option("--fail-on", type=click.Choice(SEVERITIES), help="Exit with 6 when a finding is that grave, or graver.")
@click.option("--off", multiple=True, metavar="RULE", help="Turn a rule off; repeatable.")
@as_json
@pass_desk
def command(
    desk: Desk,
    target: str,
    files: bool,
    format_: str,
    output: Path | None,
    fail_on: Severity | None,
    off: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say what somebody should know of a model before they use it: its card, licence, origin, formats and, if asked,
    files.

    Each finding says how it is known: observed, claimed or missing. No finding is no proof that a model does no harm.
    """
    with desk.client() as client, desk.progress() as reporter:
        reports = _reports(client, target, files=files, off=off, reporter=reporter)
    text = _written(reports, "json" if as_json else format_, desk.width())
    if output is None:
        desk.line(text.rstrip("\n"))
    else:
        _save(output, text)
        from zooclient.auditing.wording import verdict

        for report in reports:
            desk.talk(f"{report.ref}: {verdict(report)}")
    if fail_on is not None and any(report.at_least(fail_on) for report in reports):
        click.get_current_context().exit(PolicyError.exit_code)


def _reports(client: Client, target: str, *, files: bool, off: Sequence[str], reporter: object) -> list[AuditReport]:
    from zooclient.lock.files import Project
    from zooclient.lock.format import NAME, Lock
    from zooclient.records.ref import Ref

    path = Path(target)
    if path.name == NAME and path.is_file():
        lock = Project(path.with_name("zoo.toml")).lock() or Lock()
        return list(client.audit(lock, files=files, off=off))
    if path.is_dir() and ":" not in target:
        return [client.audit(Ref(scheme="file", id=path.absolute().as_posix()), files=files, off=off)]
    return [client.audit(target, files=files, off=off)]


def _written(reports: Sequence[AuditReport], format_: str, width: int) -> str:
    from zooclient import __version__

    if format_ == "json":
        data = [report.to_dict() for report in reports]
        return json.dumps(data if len(data) != 1 else data[0], indent=2, ensure_ascii=False)
    if format_ == "sarif":
        from zooclient.auditing.files import RULES
        from zooclient.auditing.sarif import sarif

        return json.dumps(sarif(reports, version=__version__, about=RULES), indent=2, ensure_ascii=False)
    if format_ == "cyclonedx":
        from zooclient.auditing.cyclonedx import cyclonedx

        return json.dumps(cyclonedx(reports, version=__version__), indent=2, ensure_ascii=False)
    if format_ == "markdown":
        from zooclient.auditing.markdown import markdown

        return markdown(reports)
    if format_ == "html":
        from zooclient.auditing.html import html

        return html(reports, version=__version__)
    from zooclient.auditing.plaintext import text

    return text(reports, width)


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Who may write there?"
        ) from error
