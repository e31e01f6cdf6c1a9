"""What is fetched again after ``kill -9`` at a random moment."""

from __future__ import annotations

import random
import subprocess
import time
from typing import NamedTuple

from measure import MIB, ZOOCLIENT, Options, Row, alone, folder, spent
from peers import FILE, Peer, nginx

BAR = 4 * MIB


class Killed(NamedTuple):
    """One kill: bytes that the server sent more than once, and connections that were cut."""

    again: int
    cut: int


def benchmark(options: Options) -> list[Row]:
    """Counts, at the server, every byte that was sent; what exceeds the file was fetched again.

    The cap keeps the buffers between server and client almost empty, so that what was sent has arrived.
    """
    chance = random.Random(options.size)
    with nginx(options, rate="40m") as peer:
        killed = [_kill(options, peer, chance) for _ in range(options.turns)]
    counted = [one for one in killed if one.cut]
    if not counted:
        raise SystemExit("The download ended before every kill: take a larger --size.")
    worst = max(one.again / one.cut for one in counted)
    return [
        Row(
            f"refetched after `kill -9` at a random moment, worst of {len(counted)}",
            f"at most {BAR // MIB} MiB a connection",
            f"{worst / MIB:.2f} MiB a connection ({max(one.cut for one in counted)} connections)",
            worst <= BAR,
        )
    ]


def _kill(options: Options, peer: Peer, chance: random.Random) -> Killed:
    with folder(options, "ours") as home:
        environ = peer.environment(peer.capped, ZOOCLIENT_HOME=str(home))
        began = len(peer.told())
        whole = options.size / (8 * 40 * MIB)
        process = subprocess.Popen((*ZOOCLIENT, "get", peer.pin), env=environ, stdout=subprocess.DEVNULL)
        time.sleep(0.3 + chance.uniform(0.1, 0.9) * whole)
        process.kill()
        process.wait()
        time.sleep(1)  # nginx writes a line when it notices that a connection has gone
        first = _sent(peer, began)
        spent((*ZOOCLIENT, "get", peer.pin), environ)
        # Its last line is written after the client has read the last byte.
        time.sleep(0.2)
        second = _sent(peer, began)[len(first) :]
    cut = sum(1 for got, wanted in first if got < wanted)
    return Killed(max(0, sum(got for got, _ in (*first, *second)) - options.size), cut)


def _sent(peer: Peer, began: int) -> list[tuple[int, int]]:
    """Bytes sent and bytes asked for, of each request for the large file since a line of the log."""
    found = []
    for line in peer.told()[began:]:
        words = line.split()
        if not words[3].endswith("/" + FILE):
            continue
        first, _, last = words[6].strip('"').removeprefix("bytes=").partition("-")
        end = int(last) + 1 if last else peer.size
        found.append((int(words[5]), end - (int(first) if first else 0)))
    return found


if __name__ == "__main__":
    alone(benchmark)
