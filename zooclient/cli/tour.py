"""``zooclient tour``: every step of the line, on zoos that run inside this process."""

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

NAME = "zooclient/digits"
MODEL = f"hf:{NAME}"
WEIGHTS = "*.safetensors"


@click.command("tour")
@click.option("--keep", is_flag=True, help="Leave the tour's home behind and print where it is.")
@as_json
@pass_desk
def command(desk: Desk, keep: bool, as_json: bool) -> None:
    """See it all at work, offline: find, pin, plan, get, verify, load and use a real model, run it, give it back.

    Of its zoos one dies midway, and another lies. The tour needs no internet, uses a temporary home, and leaves nothing
    behind unless --keep is given.
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
            **{f"ZOOCLIENT_{scheme.upper()}_ENDPOINT": url for scheme, url in zoo.endpoints.items()},
            # Else the person's own tokens and the official cache would be found and used.
            **dict.fromkeys(("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "HF_HOME"), str(home / "nobody")),
            **{name: desk.environ[name] for name in ("TERM", "NO_COLOR", "COLUMNS") if name in desk.environ},
        }
        self._shown = 0
        self.pin = ""
        self.steps: list[dict[str, Any]] = []

    def walk(self) -> None:
        """Takes every step, and fails when one does not end as it must."""
        self._say("Four model zoos run inside this process; nothing leaves this machine.")
        self._zoo.civitai.keep_names(NAME)  # it names files by itself, and the loader wants a config.json
        self._step("Find a model, at all zoos at once.", ["search", "digits"])
        self.pin = self._step("Its name can come to mean other bytes: pin it.", ["resolve", MODEL]).strip()
        self._step("See what a download would do, before it does it.", ["plan", self.pin])
        self._step("Get it. Every byte is checked before any of it can be seen.", ["get", self.pin])
        self._step("Check again what is on disk, with no network.", ["verify", self.pin])
        self._use()
        self._limits()
        self._warm()
        self._other_zoos()
        self._dies()
        self._lie()
        self._run()
        self._publish()
        self._say("\nThat was the whole line. Leave the endpoints out, and the real zoos are asked.")

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

    def _other_zoos(self) -> None:
        """The same model elsewhere: its bytes are known, so none of the weights move again."""
        for ref in (f"modelscope:{NAME}", self._zoo.civitai.ref(NAME).partition("@")[0]):
            scheme = ref.partition(":")[0]
            pin = self._step(f"The same model at {scheme}: only the prefix differs.", ["resolve", ref]).strip()
            self._zoo.forget()
            self._step("It is the same bytes, by their digests.", ["get", pin])
            moved = sum(seen.sent for seen in self._zoo.requests if seen.origin == "cdn")
            self._say(f"  {moved} bytes of weights moved.")
            self._note("same bytes", zoo=scheme, weights_moved=moved)
            if moved:
                raise TourFailed(f"{moved} bytes of weights came from {scheme} although they were held.")

    def _dies(self) -> None:
        """A zoo that ends in the middle of the weights, and another that has the rest."""
        from zooclient.client.sync import Client
        from zooclient.testing import Cut, Do, Status

        def die() -> None:
            self._zoo.fail(WEIGHTS, Status(0, times=None), zoo="hf")

        self._zoo.fail(WEIGHTS, Cut(5000), zoo="hf")
        self._zoo.fail(WEIGHTS, Do(die, origin="cdn"), zoo="hf")
        self._zoo.forget()
        self._new_machine("second")
        self._step("On a new machine, hf dies in the middle of the weights.", ["get", self.pin])
        given = {
            scheme: sum(seen.sent for seen in self._zoo.requests if seen.zoo == scheme and seen.origin == "cdn")
            for scheme in self._zoo.endpoints
        }
        self._say(
            f"  Of the weights came {', '.join(f'{count} bytes from {zoo}' for zoo, count in given.items() if count)}."
        )
        self._note("failover", given=given)
        with self._client(Client) as client:
            size = next(file.size for file in client.resolve(self.pin).files if file.role == "weights")
        if sum(given.values()) != size or given["hf"] in (0, size):
            raise TourFailed(f"The weights have {size} bytes, and came as {given}.")
        self._zoo.heal()

    def _lie(self) -> None:
        from zooclient.testing import Flip

        self._zoo.fail(WEIGHTS, Flip())
        self._new_machine("third")
        self._step("Now every server flips one byte of the weights.", ["get", self.pin], 5)
        seen = list((self._home / "third").rglob(WEIGHTS))
        if seen:
            raise TourFailed(f"Unverified bytes can be seen: {seen[0]}")
        self._say("  Refused with exit code 5, and nothing of it can be seen.")

    def _run(self) -> None:
        """The model where somebody hosts it: the same pixels, and nothing of it on this machine."""
        from zooclient.embedded.digits import SAYS, hosted, samples
        from zooclient.serve.replicate.hosted import Input

        self._zoo.heal()
        takes = {"pixels": Input(description="64 numbers")}
        self._zoo.replicate.offer(NAME, inputs=takes, run=lambda work: hosted(work.input["pixels"]))
        self._environ["ZOOCLIENT_REPLICATE_TOKEN"] = self._zoo.tokens["replicate"]
        pixels, truth = samples()
        digit = self._home / "digit.txt"
        digit.write_text(" ".join(str(int(value)) for value in pixels[0]), "ascii")
        words = ["run", self._zoo.replicate.ref(NAME), f"pixels=@{digit}", "--to", str(self._home / "runs")]
        said = self._step("Do not download it at all: run it where it is hosted.", words).strip()
        if said != SAYS.format(int(truth[0])):
            raise TourFailed(f"The hosted model says {said!r}, and the digit is a {int(truth[0])}.")

    def _publish(self) -> None:
        """The model given back under another name at two zoos, and got again from there."""
        from importlib.util import find_spec

        from zooclient.client.sync import Client

        missing = [name for name in ("huggingface_hub", "modelscope") if find_spec(name) is None]
        if missing:
            self._say(f"\nPublishing is left out: {' and '.join(missing)} cannot be imported here.")
            return
        for scheme in ("hf", "modelscope"):
            self._environ[f"ZOOCLIENT_{scheme.upper()}_TOKEN"] = self._zoo.tokens[scheme]
        folder = self._home / "mine"
        with self._client(Client) as client:
            client.download(self.pin, to=folder)
        words = ["publish", str(folder), "hf:me/digits", "modelscope:me/digits-ms", "--private"]
        self._step("Give it back. What would be done, first.", [*words, "--dry-run"])
        pins = self._step("Then do it: every file is verified where it now lies.", words).split()
        self._new_machine("fourth")
        for pin in pins:
            self._step(f"Whoever may see it gets the same bytes, here from {pin.partition(':')[0]}.", ["get", pin])

    # -- how a step is taken ----------------------------------------------------------------------

    def _new_machine(self, name: str) -> None:
        self._environ["ZOOCLIENT_HOME"] = str(self._home / name)

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
        self._shown += 1
        self._say(f"\n{self._shown}. {text}")

    def _say(self, text: str) -> None:
        if not self._quiet:
            self._desk.line(text)
            self._desk.flush()

    def _note(self, step: str, **facts: Any) -> None:
        self.steps.append({"step": step, **facts})
