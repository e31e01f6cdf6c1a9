"""``zooclient cache``."""

from __future__ import annotations

from datetime import timedelta

import click

from zooclient.cli.options import as_json, pass_desk, ref_argument
from zooclient.cli.output import Desk, counted, human


@click.group("cache")
def command() -> None:
    """List, verify, remove and prune what is held."""


@command.command("ls", short_help="List every snapshot that is held.")
@as_json
@pass_desk
def list_held(desk: Desk, as_json: bool) -> None:
    """List every snapshot that is held, further read-only stores included."""
    with desk.client() as client:
        store = client.store
        entries = store.entries()
        total = store.usage().total
    if as_json:
        desk.json([entry.to_dict() for entry in entries])
        return
    for entry in entries:
        marks = [entry.zoo] if entry.zoo != entry.ref.scheme else []
        marks += [entry.access] if entry.access not in (None, "open") else []
        marks += [entry.place] if entry.place != "store" else []
        row = [str(entry.ref), human(entry.size), counted(entry.files, "file"), entry.verified_at.date().isoformat()]
        desk.line("\t".join([*row, *(mark for mark in marks if mark)]))
    desk.talk(f"{counted(len(entries), 'snapshot')}; the store at {store.home} takes {human(total)}.")


@command.command("rm", short_help="Remove the snapshots of a model.")
@ref_argument
@as_json
@pass_desk
def remove(desk: Desk, ref: str, as_json: bool) -> None:
    """Remove the snapshots of REF; without a revision, of the whole model. `cache prune` frees the bytes.

    A branch or a tag means what it meant when it was last asked for; a name of old, the model that it led to.
    """
    with desk.client() as client:
        removed = client.store.remove(ref)
    if as_json:
        desk.json([entry.to_dict() for entry in removed])
        return
    for entry in removed:
        desk.line(str(entry.ref))


@command.command("prune", short_help="Free what nothing needs.")
@click.option("--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="Remove snapshots not verified since.")
@click.option("--keep", multiple=True, metavar="REF", help="Keep this, whatever its age; repeatable.")
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
@as_json
@pass_desk
def prune(desk: Desk, older_than: float | None, keep: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Free what nothing needs: bytes of no snapshot, unfinished and damaged files that nobody is at."""
    with desk.client() as client:
        pruned = client.prune(
            older_than=None if older_than is None else timedelta(days=older_than), keep=keep, dry_run=dry_run
        )
    if as_json:
        desk.json(pruned.to_dict())
        return
    for entry in pruned.snapshots:
        desk.line(str(entry.ref))
    verb = "would be freed" if dry_run else "freed"
    desk.talk(
        f"{human(pruned.bytes_freed)} {verb}: {counted(len(pruned.snapshots), 'snapshot')}, "
        f"{counted(pruned.contents, 'content')}, "
        f"{pruned.unfinished} unfinished, {pruned.damaged} damaged."
    )


@command.command("verify", short_help="Hash everything that is held again.")
@as_json
@pass_desk
def verify(desk: Desk, as_json: bool) -> None:
    """Hash everything that is held again, with no network. Exit 5 when something is damaged."""
    from zooclient.cli.verify import tell

    with desk.client() as client, desk.busy("Hashing what is held"):
        verdict = client.store.verify()
    tell(desk, verdict, as_json)
