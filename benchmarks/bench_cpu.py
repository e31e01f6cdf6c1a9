"""CPU seconds for each GiB, against the official client without Xet from the same server."""

from __future__ import annotations

import sys

from measure import GIB, ZOOCLIENT, Options, Row, alone, folder, in_turns, spent
from peers import MODEL, nginx


def benchmark(options: Options) -> list[Row]:
    """User and system seconds of whole processes; ours verifies, theirs does not. The best of the turns of each."""
    with nginx(options) as peer:
        code = f"import huggingface_hub as h; h.snapshot_download({MODEL!r}, revision={peer.commit!r})"

        def ours() -> float:
            with folder(options, "ours") as home:
                environ = peer.environment(peer.endpoint, ZOOCLIENT_HOME=str(home))
                return spent((*ZOOCLIENT, "get", peer.pin), environ).cpu

        def theirs() -> float:
            with folder(options, "theirs") as home:
                environ = peer.environment(
                    peer.endpoint,
                    HF_HOME=str(home),
                    HF_HUB_DISABLE_XET="1",
                    HF_HUB_DISABLE_PROGRESS_BARS="1",
                    HF_HUB_DISABLE_TELEMETRY="1",
                )
                return spent((sys.executable, "-c", code), environ).cpu

        turns = min(3, options.turns)
        best = {name: min(values) for name, values in in_turns({"ours": ours, "theirs": theirs}, turns).items()}
    share = options.size / GIB
    ratio = best["ours"] / best["theirs"]
    return [
        Row(
            "CPU seconds per GiB against `huggingface_hub.snapshot_download` (no Xet) from the same server",
            "not more, although ours verifies",
            f"{ratio:.2f} × ({best['ours'] / share:.2f} s, {best['theirs'] / share:.2f} s)",
            ratio <= 1.0,
        )
    ]


if __name__ == "__main__":
    alone(benchmark)
