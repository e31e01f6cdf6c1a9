"""``zooclient publish``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from zooclient.cli.card import said
from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk, counted, human

if TYPE_CHECKING:
    from zooclient.client.sync import Client
    from zooclient.records.comparison import Failure
    from zooclient.records.publication import Published, PublishPlan, PublishTarget
    from zooclient.records.ref import Ref


@click.command("publish")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@click.argument("refs", metavar="REF...", nargs=-1, required=True)
@click.option("--public", "visibility", flag_value="public", help="Everybody is to see it.")
@click.option("--private", "visibility", flag_value="private", help="Only its owner is to see it.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files that match; repeatable.")
@click.option("--allow-pickle", is_flag=True, help="Let files go that run code when they are opened.")
@click.option("--pr", is_flag=True, help="Propose the change (Hugging Face).")
@click.option("--tag", metavar="NAME", help="Give the revision a name.")
@click.option("--message", metavar="TEXT", help="First line of what is said about the change.")
@click.option("--hardware", default="cpu", show_default=True, metavar="SKU", help="For a new model of Replicate.")
@as_json
@pass_desk
def command(
    desk: Desk,
    folder: str,
    refs: tuple[str, ...],
    visibility: str | None,
    dry_run: bool,
    exclude: tuple[str, ...],
    allow_pickle: bool,
    pr: bool,
    tag: str | None,
    message: str | None,
    hardware: str,
    as_json: bool,
) -> None:
    """Publish the model in DIR at each REF, verify it there, and print the pinned references.

    A secret, a pickle or a card that contradicts its base model's licence stops it. Who is to see a new model must be
    said. What was killed is carried on by the next run. The exit code is that of the first failure.
    """
    with desk.client() as client:
        with desk.busy("Looking at the folder and at the zoos"):
            plan = client.plan_publish(
                folder,
                refs,
                visibility=visibility,
                exclude=exclude,
                allow_pickle=allow_pickle,
                message=message,
                tag=tag,
                pull_request=pr,
                hardware=hardware,
            )
        if dry_run:
            _tell_plan(desk, plan, as_json=as_json)
            return
        for item in plan.left_out:
            desk.talk(f"left out: {item.path} ({item.reason})")
        for finding in plan.card:
            desk.talk(f"card: {said(finding)}")
        with desk.busy("Publishing"):
            published = _published(desk, client, plan)
    if as_json:
        desk.json([one.to_dict() for one in published])
    for one in published:
        _tell(desk, one, as_json=as_json)
    _end([one.failure for one in published])


def _published(desk: Desk, client: Client, plan: PublishPlan) -> tuple[Published, ...]:
    """Publishes; where nothing was, tells of every zoo but the first, whose failure is told last."""
    from zooclient.errors import ZooError

    try:
        return client.publish(plan)
    except ZooError as error:
        for note in getattr(error, "__notes__", ()):
            desk.talk(f"error: {note}")
        raise


def _tell(desk: Desk, one: Published, *, as_json: bool) -> None:
    if one.failure is not None:
        _tell_failure(desk, one.asked, one.failure)
        return
    if one.ref is not None and not as_json:
        desk.line(str(one.ref))
    proof = f"; {counted(one.files, 'file')} verified, {human(one.sent)} sent" if one.verified else ""
    desk.talk(f"{one.state}: {one.asked}, {one.visibility or 'visibility not told'}{proof}.")
    if one.pull_request is not None:
        desk.talk(f"proposed: {one.pull_request}")
    for step in one.steps:
        desk.talk(f"next: {step}")


def _tell_failure(desk: Desk, asked: Ref, failure: Failure) -> None:
    desk.talk(f"error: {failure.message}")
    if str(asked) not in failure.message:
        desk.talk(f"  on: {asked}")
    if failure.hint:
        desk.talk(f"  hint: {failure.hint}")


def _tell_plan(desk: Desk, plan: PublishPlan, *, as_json: bool) -> None:
    from zooclient.errors import PolicyError
    from zooclient.records.cardcheck import refused

    if as_json:
        desk.json(plan.to_dict())
    else:
        for file in plan.files:
            desk.line(f"file  {human(file.size):>10}  {file.sha256[:16]}  {file.path}")
        for item in plan.left_out:
            desk.line(f"left out  {item.path}  ({item.reason})")
        for finding in plan.card:
            desk.line(f"card  {said(finding)}")
        for target in plan.targets:
            if target.failure is None:
                desk.line(_would(plan, target))
                for step in target.steps:
                    desk.talk(f"next: {step}")
    for target in plan.targets:
        if target.failure is not None:
            _tell_failure(desk, target.ref, target.failure)
    if refused(plan.card):
        raise click.exceptions.Exit(PolicyError.exit_code)
    _end([target.failure for target in plan.targets])


def _would(plan: PublishPlan, target: PublishTarget) -> str:
    now = f"there, {target.visibility or 'visibility not told'}" if target.exists else f"new, {target.asked}"
    moves = f"{counted(len(target.send), 'file')} to send, {human(plan.bytes_to_send(target))}"
    stays = f"; stays there: {counted(len(target.stays), 'file')}" if target.stays else ""
    return f"zoo  {target.ref}  ({now}): {moves}; there already: {counted(len(target.there), 'file')}{stays}"


def _end(failures: Sequence[Failure | None]) -> None:
    """Ends with the exit code of the first failure, if there is one."""
    for failure in failures:
        if failure is not None:
            raise click.exceptions.Exit(failure.exit_code)
