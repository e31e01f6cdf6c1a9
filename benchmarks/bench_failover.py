"""A download whose first zoo dies midway and that goes on at another, against one that nothing disturbs."""

from __future__ import annotations

import subprocess
import threading
import time

from measure import GIB, ZOOCLIENT, Options, Row, alone, folder, in_turns, spent
from peers import FILE, Peer, launched, nginx

BAR = 1.10


def benchmark(options: Options) -> list[Row]:
    """Whole processes; the Hub's server is ended once half of the bytes were sent. The best of the turns of each."""
    with nginx(options) as hub, nginx(options) as scope:
        died = []

        def undisturbed() -> float:
            return _get(options, hub, scope)

        def disturbed() -> float:
            began = len(hub.told())
            reaper = threading.Thread(target=_kill_midway, args=(hub, began))
            reaper.start()
            seconds = _get(options, hub, scope)
            reaper.join()
            died.append(_sent(hub, began))
            launched(hub)
            return seconds

        sides = {"undisturbed": undisturbed, "disturbed": disturbed}
        best = {name: min(values) for name, values in in_turns(sides, options.turns).items()}
        _end(hub)
    if max(died) >= options.size:
        raise SystemExit("The download ended before the kill: take a larger --size.")
    ratio = best["disturbed"] / best["undisturbed"]
    return [
        Row(
            f"{options.size / GIB:.2g} GiB whose first zoo dies midway and that goes on at another",
            f"at most {BAR:.2f} × the undisturbed run",
            f"{ratio:.2f} × ({best['disturbed']:.2f} s, {best['undisturbed']:.2f} s)",
            ratio <= BAR,
        )
    ]


def _get(options: Options, hub: Peer, scope: Peer) -> float:
    with folder(options, "ours") as home:
        # Both servers have a certificate authority of their own; one file may hold many.
        trusted = home / "trusted.pem"
        trusted.write_bytes(hub.authority.read_bytes() + scope.authority.read_bytes())
        environ = hub.environment(
            hub.endpoint, ZOOCLIENT_MODELSCOPE_ENDPOINT=scope.endpoint, ZOOCLIENT_HOME=str(home / "store")
        )
        return spent((*ZOOCLIENT, "get", hub.pin), {**environ, "SSL_CERT_FILE": str(trusted)}).wall


def _kill_midway(hub: Peer, began: int) -> None:
    until = time.monotonic() + 600
    while _sent(hub, began) < hub.size // 2 and time.monotonic() < until:
        time.sleep(0.005)
    _end(hub)


def _end(peer: Peer) -> None:
    """Ends the server of a peer, and returns when it is gone."""
    pid = peer.here / "pid"
    subprocess.run(["kill", "-TERM", pid.read_text().strip()], check=True)
    while pid.exists():
        time.sleep(0.005)


def _sent(peer: Peer, began: int) -> int:
    """Bytes of the large file that a server sent, since a line of its log."""
    words = [line.split() for line in peer.told()[began:]]
    return sum(int(word[5]) for word in words if word[3].endswith("/" + FILE))


if __name__ == "__main__":
    alone(benchmark)
