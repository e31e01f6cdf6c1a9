"""How many requests a cold snapshot costs, and a cold resolve at each zoo."""

from __future__ import annotations

from collections import Counter

from measure import Options, Row, alone, folder

from zooclient import Client
from zooclient.testing import LocalZoo, Seen

FILES = 40

#: Zoo → requests of a cold resolve at the most.
RESOLVE = {"hf": 2, "modelscope": 3, "civitai": 2, "replicate": 2}


def benchmark(options: Options) -> list[Row]:
    """Counts what the zoo was asked."""
    return [_snapshot(options), *_resolves(options)]


def _resolves(options: Options) -> list[Row]:
    """A cold resolve of a name that moves, at each zoo."""
    rows = []
    with folder(options, "zooclient-requests") as home, LocalZoo() as zoo:
        zoo.commit("bench/one", {"model.safetensors": bytes(100_000)})
        names = {
            **dict.fromkeys(RESOLVE, "bench/one"),
            "civitai": zoo.civitai.ref("bench/one").split(":")[1].split("@")[0],
        }
        with Client(home=home, endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
            for scheme, most in RESOLVE.items():
                zoo.forget()
                client.resolve(f"{scheme}:{names[scheme]}")
                count = len(zoo.requests)
                rows.append(Row(f"requests for a cold resolve, {scheme}", f"≤ {most}", str(count), count <= most))
        with Client(home=home / "image", endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
            zoo.forget()
            client.plan(zoo.replicate.ref("bench/one"))
            rows.append(_image(zoo.requests))
    return rows


def _image(requests: list[Seen]) -> Row:
    """A version of Replicate with its image: the API, then manifest and config; logins and redirects counted apart."""
    api = [seen for seen in requests if seen.zoo == "replicate"]
    registry = [seen for seen in requests if seen.zoo == "r8" and seen.origin == "hub"]
    told = [seen for seen in registry if seen.status in (200, 307) and seen.path != "/token"]
    apart = len(requests) - len(api) - len(told)
    return Row(
        "requests for a cold version of Replicate and its image, logins and redirects counted apart",
        "≤ 2, and 2",
        f"{len(api)}, and {len(told)} ({apart} apart)",
        len(api) <= 2 and len(told) <= 2,
    )


def _snapshot(options: Options) -> Row:
    """A cold snapshot of small and large files."""
    files = {f"part-{number}.json": f"[{number}]" for number in range(FILES // 2)}
    weights = {f"part-{number}.safetensors": bytes([number]) * 100_000 for number in range(FILES - FILES // 2)}
    with folder(options, "zooclient-requests") as home, LocalZoo() as zoo:
        zoo.commit("bench/many", {**files, **weights})
        with Client(home=home, endpoints=zoo.endpoints) as client:
            snapshot = client.download(f"hf:bench/many@{zoo.head('bench/many')}", weights="all")
        seen = zoo.requests
    # A git file is answered by a redirect to another path of the same origin: counted apart.
    led = [one for one in seen if one.origin == "hub" and one.path.startswith("/api/resolve-cache/")]
    asked = [one for one in seen if one.origin == "hub" and one not in led]
    methods = Counter(one.method for one in seen)
    count = len(snapshot.files)
    return Row(
        f"requests to the zoo for a cold snapshot of N = {count} files, redirects counted apart",
        "≤ N + 2, no HEAD",
        f"N + {len(asked) - count}, {len(led)} redirects followed, {methods['HEAD']} HEAD",
        len(asked) <= count + 2 and not methods["HEAD"],
    )


if __name__ == "__main__":
    alone(benchmark)
