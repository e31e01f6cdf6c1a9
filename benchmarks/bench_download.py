"""A verified download over TLS from nginx on loopback, against curl with and without a digest afterwards."""

from __future__ import annotations

import shlex

from measure import GIB, MIB, ZOOCLIENT, Options, Row, alone, folder, in_turns, needed, spent
from peers import nginx


def benchmark(options: Options) -> list[Row]:
    """Whole processes, each into a new folder on the same file system; the best of the turns of each."""
    needed("curl", "openssl")
    with nginx(options) as peer:
        environ = peer.environment(peer.endpoint)
        fetch = ["curl", "--silent", "--show-error", "--fail", "--cacert", str(peer.authority), "-o", "got"]
        fetch.append(peer.url(peer.endpoint))
        hashed = ["sh", "-c", f"{shlex.join(fetch)} && openssl dgst -sha256 got"]

        def ours() -> float:
            with folder(options, "ours") as home:
                return spent((*ZOOCLIENT, "get", peer.pin), {**environ, "ZOOCLIENT_HOME": str(home)}).wall

        def theirs(command: list[str]) -> float:
            with folder(options, "theirs") as place:
                return spent(command, environ, cwd=place).wall

        sides = {"ours": ours, "hashed": lambda: theirs(hashed), "curl": lambda: theirs(fetch)}
        best = {name: min(values) for name, values in in_turns(sides, options.turns).items()}
    speed = {name: options.size / seconds / MIB for name, seconds in best.items()}
    hashing, bare = best["ours"] / best["hashed"], best["ours"] / best["curl"]
    what = f"verified download of {options.size / GIB:.2g} GiB over TLS from nginx on loopback, best of {options.turns}"
    return [
        Row(
            what,
            "≤ 1.0 × `curl` followed by `openssl sha256`",
            f"{hashing:.2f} × ({speed['ours']:.0f} MiB/s, {speed['hashed']:.0f} MiB/s)",
            hashing <= 1.0,
        ),
        Row(
            f"{what}, against a download that checks nothing",
            "≤ 1.3 × `curl` alone",
            f"{bare:.2f} × ({speed['ours']:.0f} MiB/s, {speed['curl']:.0f} MiB/s)",
            bare <= 1.3,
        ),
    ]


if __name__ == "__main__":
    alone(benchmark)
