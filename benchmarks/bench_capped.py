"""A download from a server that caps each connection, against aria2c with eight."""

from __future__ import annotations

from measure import GIB, MIB, ZOOCLIENT, Options, Row, alone, folder, in_turns, needed, spent
from peers import nginx

CONNECTIONS = 8


def benchmark(options: Options) -> list[Row]:
    """Whole processes; ours verifies, theirs does not. The best of the turns of each."""
    needed("aria2c")
    with nginx(options, rate="40m") as peer:
        environ = peer.environment(peer.capped)
        fetch = ["aria2c", f"-x{CONNECTIONS}", f"-s{CONNECTIONS}", "--file-allocation=none", "--quiet"]
        fetch += [f"--ca-certificate={peer.authority}", "-o", "got", peer.url(peer.capped)]

        def ours() -> float:
            with folder(options, "ours") as home:
                return spent((*ZOOCLIENT, "get", peer.pin), {**environ, "ZOOCLIENT_HOME": str(home)}).wall

        def theirs() -> float:
            with folder(options, "theirs") as place:
                return spent(fetch, environ, cwd=place).wall

        # A turn takes as long as the cap makes it, and varies little.
        turns = min(3, options.turns)
        best = {name: min(values) for name, values in in_turns({"ours": ours, "theirs": theirs}, turns).items()}
    ratio = best["ours"] / best["theirs"]
    speed = {name: options.size / seconds / MIB for name, seconds in best.items()}
    return [
        Row(
            f"the same {options.size / GIB:.2g} GiB from a server that caps each connection (nginx `limit_rate 40m`)",
            f"not slower than `aria2c -x{CONNECTIONS}`",
            f"{ratio:.2f} × ({speed['ours']:.0f} MiB/s, {speed['theirs']:.0f} MiB/s)",
            ratio <= 1.0,
        )
    ]


if __name__ == "__main__":
    alone(benchmark)
