"""A zoo's own client in a process of its own: it reads its settings at import, and keeps what it likes to itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, cast

from attrs import field, frozen

from zooclient.errors import ProtocolError
from zooclient.net.exchange import Stop
from zooclient.providers.reading import line
from zooclient.records.model import FileEntry, ModelRecord

#: Seconds between two looks at whether to go on.
_LOOK = 0.2
#: Bytes of what it says besides that are kept.
_NOISE = 300


@frozen(kw_only=True)
class OwnClient:
    """A zoo's own client, as a source of bytes or as the one that sends.

    Args:
        endpoint: Address of the server, without a slash at the end.
        token: Returns the token that the endpoint is entitled to, or None.
        environ: The environment of the settings; proxies, certificates and the client's switches come from it alone.
        proxy: Proxy for this zoo. None: as the environment says.
    """

    endpoint: str
    token: Callable[[], str | None] = field(repr=False)
    environ: Mapping[str, str] = field(factory=dict, repr=False)
    proxy: str | None = field(default=None, repr=False)


def ask_child(
    script: Path,
    wish: Mapping[str, Any],
    environ: Mapping[str, str],
    stop: Stop,
    told: Callable[[Any], None] | None = None,
    *,
    grace: float = 0.0,
) -> Mapping[str, Any]:
    """Runs a script of ours, hands it a wish over stdin, and returns what it tells on stdout, both JSON.

    Args:
        script: What to run, with this interpreter.
        wish: What it is asked for. Over stdin, because it may hold a token, and others can read arguments.
        environ: The whole environment of the process.
        stop: Ends it.
        told: Called with what each line ``{"more": …}`` holds, as it comes. None: nobody listens.
        grace: Seconds that it has to tidy up in when it is ended, where the system can ask it to.

    Returns:
        Its answer, the line without ``more``; a ``chain`` of one error named ``Crash`` where it ended without one.

    Raises:
        Cancelled: The caller wished so; the process is gone.
    """
    stop.check()
    process = subprocess.Popen(  # noqa: S603  (our own script, no shell)
        [sys.executable, "-P", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
    )
    lines: SimpleQueue[bytes] = SimpleQueue()
    noise = bytearray()
    pipes = [
        threading.Thread(target=_hand_over, args=(process.stdin, json.dumps(wish).encode()), daemon=True),
        threading.Thread(target=_listen, args=(process.stdout, lines), daemon=True),
        threading.Thread(target=_keep_end, args=(process.stderr, noise), daemon=True),
    ]
    answer: Mapping[str, Any] | None = None
    try:
        for pipe in pipes:
            pipe.start()
        while said := _next(lines, stop):
            try:
                heard = json.loads(said)
            except ValueError:
                continue  # noise
            if not isinstance(heard, dict):
                continue
            if "more" not in heard:
                answer = heard
            elif told is not None:
                told(heard["more"])
        process.wait()
    finally:
        _end(process, grace)
        for pipe in pipes:
            pipe.join()
        for end in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):
                cast(IO[bytes], end).close()
    if answer is not None:
        return answer
    last = line(noise.decode("utf-8", "replace"))
    return {"chain": [{"names": ["Crash"], "text": f"it ended with status {process.returncode} ({last})"}]}


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    if process.poll() is None and grace > 0:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    if process.poll() is None:
        process.kill()
        process.wait()


def _hand_over(pipe: IO[bytes], wish: bytes) -> None:
    with suppress(OSError):  # it ended before it listened
        pipe.write(wish)
        pipe.close()


def _listen(pipe: IO[bytes], lines: SimpleQueue[bytes]) -> None:
    with suppress(ValueError, OSError):
        for said in pipe:
            lines.put(said)
    lines.put(b"")


def _keep_end(pipe: IO[bytes], noise: bytearray) -> None:
    """Reads what nobody asked for, so that the process is not held up; the last of it is kept."""
    with suppress(ValueError, OSError):
        for said in pipe:
            noise += said
            del noise[:-_NOISE]


def _next(lines: SimpleQueue[bytes], stop: Stop) -> bytes:
    """The next line, empty for none; asks now and then whether to go on."""
    while True:
        try:
            return lines.get(timeout=_LOOK)
        except Empty:
            stop.check()


def environment(
    environ: Mapping[str, str],
    proxy: str | None,
    *,
    ours: re.Pattern[str],
    passed: re.Pattern[str],
    set_here: Mapping[str, str],
) -> dict[str, str]:
    """Returns the environment of such a process: this one's, with what matters to the client decided by the settings.

    Args:
        environ: The environment of the settings.
        proxy: Proxy for the zoo. None: as the environment of the settings says.
        ours: Begins the names of variables that are not taken over from this process.
        passed: Matches the names of those that the environment of the settings may say.
        set_here: What is set whatever anybody says.
    """
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    kept |= {name: value for name, value in environ.items() if passed.fullmatch(name)}
    if proxy is not None:
        kept = {name: value for name, value in kept.items() if not name.upper().endswith("_PROXY")}
        kept |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy}
    return kept | {
        "NETRC": os.devnull,
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        **set_here,
    }


def brought(answer: Mapping[str, Any], client: str, record: ModelRecord, file: FileEntry, into: Path) -> Path | None:
    """Returns the file that a client brought; None when it tells of an error instead.

    Raises:
        ProtocolError: It lies elsewhere than below ``into``.
    """
    if "path" not in answer:
        return None
    found = Path(str(answer["path"]))
    if found.is_file() and found.resolve().is_relative_to(into.resolve()):
        return found
    raise ProtocolError(f"{client} put {file.path} of {record.ref} somewhere else than asked.")


def names_and_texts(chain: Sequence[Mapping[str, Any]]) -> tuple[set[str], list[str]]:
    """Returns the names of an exception and its causes, and their texts without the queries of addresses."""
    names = {name for link in chain for name in link.get("names") or ()}
    return names, [re.sub(r"\?[^\s'\"<>)]+", "?…", str(link.get("text"))) for link in chain]
