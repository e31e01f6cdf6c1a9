"""Peak memory of a download at eight connections."""

from __future__ import annotations

from measure import GIB, MIB, ZOOCLIENT, Options, Row, alone, folder, spent
from peers import nginx

CONNECTIONS = 8
BAR = 128 * MIB


def benchmark(options: Options) -> list[Row]:
    """The cap makes the engine want all its connections, which on an open line it would not."""
    with nginx(options, rate="40m") as peer, folder(options, "ours") as home:
        environ = peer.environment(peer.capped, ZOOCLIENT_HOME=str(home), ZOOCLIENT_CONNECTIONS=str(CONNECTIONS))
        peak = spent((*ZOOCLIENT, "get", peer.pin), environ).peak
        used = {line.split()[1] for line in peer.told() if ' "bytes=' in line}
    return [
        Row(
            f"peak memory at {options.size / GIB:.2g} GiB, {CONNECTIONS} connections",
            f"≤ {BAR // MIB} MiB",
            f"{peak / MIB:.0f} MiB ({len(used)} connections asked for ranges)",
            peak <= BAR,
        )
    ]


if __name__ == "__main__":
    alone(benchmark)
