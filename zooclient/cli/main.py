"""The entry point: finds the verb, turns errors into sentences and exit codes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from zooclient import __version__

if TYPE_CHECKING:
    from zooclient.cli.output import Desk

#: Verb → one line of help. The module of a verb is imported when it is used; ``--help`` imports none.
VERBS = {
    "search": "Find models: one line a hit.",
    "show": "Show what a zoo says of a model.",
    "compare": "Set models side by side.",
    "resolve": "Print the pinned reference of a model.",
    "plan": "Say what a download would do.",
    "get": "Get a model, verified; print its folder.",
    "run": "Run a model where it is hosted.",
    "sources": "Find where else a model's files lie, proved by digest.",
    "path": "Print the folder of a model that is held; no network.",
    "verify": "Hash what is held again; no network.",
    "identify": "Say which model at which zoo a file is.",
    "card": "Print the model card; write or check your own.",
    "audit": "Say what to know of a model before using it.",
    "add": "Add a model to the project, and lock it.",
    "remove": "Take a model out of the project.",
    "lock": "Lock the project's models to revisions and digests.",
    "sync": "Bring every locked model here, verified.",
    "outdated": "Say what became of the locked models.",
    "upgrade": "Lock models anew, to what their names mean now.",
    "check": "Hold models, or the project's lock, against the policy.",
    "tree": "Show the project's models, licences and sizes.",
    "cache": "List, verify, remove, prune what is held.",
    "zoos": "List the zoos and what each can do.",
    "login": "Check a token of a zoo and store it.",
    "logout": "Forget the stored token.",
    "whoami": "Ask a zoo whose token this is.",
    "publish": "Publish a folder at one zoo or several, verified.",
    "mirror": "Push models into a mirror of your own; list, verify it.",
    "serve": "Serve a folder of models, or the store, as a zoo.",
    "tour": "See it all at work, offline, on an embedded zoo.",
    "doctor": "Check network, certificates, clock, disk, tokens.",
}


#: Verbs that share a line of help, so that all of it fits a screen.
_TOGETHER = {
    ("add", "remove"): "Add a model to the project and lock it; take it out.",
    ("login", "logout"): "Check a token of a zoo and store it; forget it.",
}


class Verbs(click.Group):
    """Imports the module of a verb when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the verbs in the order in which people meet them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the verb, or None when there is no such."""
        if cmd_name not in VERBS:
            return None
        command = import_module(f"zooclient.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - every verb's module defines one
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table of verbs without importing any."""
        rows = {", ".join(verbs): text for verbs, text in _TOGETHER.items()}
        first = {verbs[0]: ", ".join(verbs) for verbs in _TOGETHER}
        later = {verb for verbs in _TOGETHER for verb in verbs[1:]}
        with formatter.section("Verbs"):
            formatter.write_dl(
                [
                    (first[verb], rows[first[verb]]) if verb in first else (verb, text)
                    for verb, text in VERBS.items()
                    if verb not in later
                ]
            )


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Model zoos behind one interface. A reference is ZOO:NAME[@REVISION], such as hf:org/model@main, or a name of the
    project. Every verb takes --json.
    """


class Terminated(BaseException):
    """SIGTERM has come."""


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise Terminated


def main(args: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process with its exit code.

    Args:
        args: Words after the program's name. None: those of the process.
    """
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(args))


def run(args: Sequence[str] | None = None, *, obj: object = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        args: Words after the program's name. None: those of the process.
        obj: The :class:`~zooclient.cli.output.Desk` to use. None: one on the process's own streams.
    """
    from zooclient.cli.output import Desk
    from zooclient.errors import ZooError

    name = "zoo" if Path(sys.argv[0]).stem == "zoo" else "zooclient"
    if f"_{name.upper()}_COMPLETE" in os.environ:
        cli.main(args=args, prog_name=name)  # prints what a shell needs to complete a line, and ends
    desk = obj if isinstance(obj, Desk) else Desk()
    words = list(sys.argv[1:] if args is None else args)
    try:
        return _invoke(desk, name, words)
    except click.exceptions.Abort:
        desk.talk("Interrupted.")
        return 130
    except KeyboardInterrupt:
        desk.talk("Interrupted." + _what_is_kept(words))
        return 130
    except Terminated:
        desk.talk("Terminated." + _what_is_kept(words))
        return 143
    except click.UsageError as error:
        error.show(file=desk.err)
        return error.exit_code
    except click.ClickException as error:
        desk.talk(f"error: {error.format_message()}")
        return error.exit_code
    except ZooError as error:
        desk.error(error)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read us has gone, as `head` does. As git: the status of a process that SIGPIPE ended.
        desk.abandon()
        return 141


#: Verbs that a next run carries on.
_CARRIED_ON = (["get"], ["mirror"], ["publish"])


def _what_is_kept(words: list[str]) -> str:
    if words[:1] == ["run"]:
        return " The zoo was asked to cancel what was under way."
    return " What has arrived is kept; the next run goes on from there." if words[:1] in _CARRIED_ON else ""


def _invoke(desk: Desk, name: str, words: list[str]) -> int:
    """Runs the verb. Not by ``cli.main``, which would take Ctrl-C and a reader that has gone for its own."""
    code = 0
    with desk.warnings_told():
        try:
            with cli.make_context(name, words, obj=desk) as context:
                cli.invoke(context)
        except click.exceptions.Exit as ended:
            code = ended.exit_code
        desk.flush()
    return code
