"""``zooclient tour``: every step of the line, on a zoo that runs inside this process."""

from __future__ import annotations

import io
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zooclient.cli.options import as_json, pass_desk
from zooclient.cli.output import Desk

if TYPE_CHECKING:
    from zooclient.testing import LocalZoo

MODEL = "hf:zooclient/digits"


@click.command("tour")
@click.option("--keep", is_flag=True, help="Leave the tour's home behind and print where it is.")
@as_json
@pass_desk
def command(desk: Desk, keep: bool, as_json: bool) -> None:
    """See it all at work, offline: find, pin, plan, get, verify, load and use a real model, then catch a lie.

    It needs no internet, uses a temporary home, and leaves nothing behind unless --keep is given.
    """
    from zooclient.embedded import zoo_folder
    from zooclient.testing import LocalZoo

    with _home(keep) as home, LocalZoo(zoo_folder()) as zoo:
        tour = Tour(desk, zoo, home, quiet=as_json)
        tour.walk()
        if as_json:
            desk.json({"model": MODEL, "pinned": tour.pin, "steps": tour.steps, "home": str(home) if keep else None})
        elif keep:
            desk.line(f"\nThe tour's home is {home}")


@contextmanager
def _home(keep: bool) -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="zooclient-tour-"))
    try:
        yield home
    finally:
        if not keep:
            _remove(home)


def _remove(home: Path) -> None:
    """Removes the tour's home; its blobs are read-only, which Windows would refuse to remove."""
    for folder, _, names in os.walk(home):
        for name in names:
            Path(folder, name).chmod(0o600)
    shutil.rmtree(home, ignore_errors=True)


class TourFailed(click.ClickException):
    """A step of the tour did not end as it must."""


class Tour:
    """The walk, step by step.

    Args:
        desk: Whose streams to use.
        zoo: The embedded zoo.
        home: Folder for everything that is stored.
        quiet: Say nothing; the steps are kept in ``steps``.
    """

    def __init__(self, desk: Desk, zoo: LocalZoo, home: Path, *, quiet: bool) -> None:
        self._desk = desk
        self._zoo = zoo
        self._home = home
        self._quiet = quiet
        self._environ = {
            "ZOOCLIENT_HOME": str(home / "home"),
            "ZOOCLIENT_CONFIG": str(home / "config.toml"),
            "ZOOCLIENT_HF_ENDPOINT": zoo.endpoints["hf"],
            # Else the person's own token and the official cache would be found and used.
            "HF_HOME": str(home / "huggingface"),
            **{name: desk.environ[name] for name in ("TERM", "NO_COLOR", "COLUMNS") if name in desk.environ},
        }
        self.pin = ""
        self.steps: list[dict[str, Any]] = []

    def walk(self) -> None:
        """Takes every step, and fails when one does not end as it must."""
        self._say("A model zoo runs inside this process; nothing leaves this machine.")
        self._step("Find a model.", ["search", "digits", "--zoo", "hf"])
        self.pin = self._step("Its name can come to mean other bytes: pin it.", ["resolve", MODEL]).strip()
        self._step("See what a download would do, before it does it.", ["plan", self.pin])
        self._step("Get it. Every byte is checked before any of it can be seen.", ["get", self.pin])
        self._step("Check again what is on disk, with no network.", ["verify", self.pin])
        self._use()
        self._limits()
        self._warm()
        self._lie()
        self._say("\nThat was the whole line. Swap the endpoint for the real zoo by leaving it out.")

    # -- the steps that are more than one command -------------------------------------------------

    def _use(self) -> None:
        from zooclient.client.sync import Client
        from zooclient.embedded.digits import classify, drawn, samples

        self._heading("Load it and use it.")
        self._say(f'  >>> model = zooclient.load("{self.pin}")')
        self._say("  >>> weights = model.tensors()")
        pixels, truth = samples()
        with self._client(Client) as client:
            labels = classify(client.load(self.pin).tensors(), pixels)
        right = sum(int(a == b) for a, b in zip(labels, truth, strict=True))
        self._say(drawn(pixels[:5]))
        self._say("  " + "".join(f"{f'says {int(label)}':<10}" for label in labels[:5]))
        self._say(f"  {right} of {len(truth)} digits that it never saw in training are right.")
        self._note("use", right=right, of=len(truth))
        if right < 0.9 * len(truth):
            raise TourFailed(f"The loaded model has only {right} of {len(truth)} digits right.")

    def _limits(self) -> None:
        from zooclient.client.sync import Client

        self._heading("Read the card: what is the model not for?")
        self._say(f"  $ zooclient card {self.pin}")
        with self._client(Client) as client:
            card = client.card(self.pin)
        section = card.section("Bias, Risks, and Limitations")
        if section is None:
            raise TourFailed("The model's card does not tell its limits.")
        self._say("\n".join(f"  {line}" for line in section.text.strip().splitlines()))
        self._note("card", limits=section.text.strip())

    def _warm(self) -> None:
        from zooclient.client.sync import Client

        self._heading("Load it again, offline. No connection is opened.")
        self._say(f'  >>> Client(offline=True).load("{self.pin}")')
        asked = len(self._zoo.requests)
        with self._client(Client, offline=True) as client:
            client.load(self.pin)
            start = time.perf_counter()
            client.load(self.pin)
            took = time.perf_counter() - start
        self._say(f"  {took * 1000:.2f} ms, {len(self._zoo.requests) - asked} requests.")
        self._note("warm", milliseconds=round(took * 1000, 3), requests=len(self._zoo.requests) - asked)

    def _lie(self) -> None:
        from zooclient.testing import Flip

        self._zoo.fail("*.safetensors", Flip())
        self._environ["ZOOCLIENT_HOME"] = str(self._home / "another-home")
        self._step("Now the server flips one byte of the weights. A new machine asks for them.", ["get", self.pin], 5)
        seen = list((self._home / "another-home").rglob("*.safetensors"))
        if seen:
            raise TourFailed(f"Unverified bytes can be seen: {seen[0]}")
        self._say("  Refused with exit code 5, and nothing of it can be seen.")

    # -- how a step is taken ----------------------------------------------------------------------

    def _client(self, kind: Any, **options: Any) -> Any:
        from zooclient.settings import Settings

        return kind(settings=Settings.from_env(self._environ), **options)

    def _step(self, heading: str, words: Sequence[str], expected: int = 0) -> str:
        """Shows a command, runs it as the command line does, shows what it prints, and returns that."""
        from zooclient.cli.main import Terminated, run

        self._heading(heading)
        self._say(f"  $ zooclient {' '.join(words)}")
        out = io.StringIO()
        err = io.StringIO() if self._quiet or not self._desk.err.isatty() else None
        desk = Desk(out=out, err=err if err is not None else self._desk.err, environ=self._environ, project=None)
        code = run(list(words), obj=desk)
        if code in (128 + signal.SIGINT, 128 + signal.SIGTERM):
            raise KeyboardInterrupt if code == 128 + signal.SIGINT else Terminated
        told = err.getvalue() if err is not None else ""
        for line in (out.getvalue() + told).splitlines():
            self._say(f"  {line}")
        self._note(words[0], command=["zooclient", *words], exit_code=code, output=out.getvalue())
        if code != expected:
            raise TourFailed(f"`zooclient {' '.join(words)}` ended with {code}, not {expected}. {told}")
        return out.getvalue()

    def _heading(self, text: str) -> None:
        self._say(f"\n{len(self.steps) + 1}. {text}")

    def _say(self, text: str) -> None:
        if not self._quiet:
            self._desk.line(text)
            self._desk.flush()

    def _note(self, step: str, **facts: Any) -> None:
        self.steps.append({"step": step, **facts})
