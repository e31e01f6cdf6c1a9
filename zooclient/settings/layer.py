"""What one source says, before the sources are laid over each other."""

from __future__ import annotations

from typing import Any

# The same two names as in references; this floor does not import theirs, a test holds them equal.
_ALIASES = {"huggingface": "hf", "ms": "modelscope"}


def canonical(scheme: str) -> str:
    """Returns the one name of a scheme."""
    return _ALIASES.get(scheme, scheme)


class Layer:
    """What one source says. Absent keys are left to the sources below.

    Attributes:
        values: Attribute of ``Settings`` → value.
        limits: Attribute of ``Limits`` → number.
        zoos: Scheme → attribute of ``ZooSettings`` → value.
        named: ``scheme.key``, or the attribute, → where it was said, for error sentences.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.limits: dict[str, Any] = {}
        self.zoos: dict[str, dict[str, Any]] = {}
        self.named: dict[str, str] = {}

    def set(self, key: str, value: Any, source: str) -> None:
        """Notes a setting."""
        self.values[key] = value
        self.named[key] = source

    def set_zoo(self, scheme: str, key: str, value: Any, source: str, *, trusted: bool = True) -> None:
        """Notes a setting of a zoo, and whether who named an address may send a token there."""
        zoo = self.zoos.setdefault(scheme, {})
        zoo[key] = value.rstrip("/") if key == "endpoint" else value
        if key in ("endpoint", "proxy", "mirrors"):
            zoo[f"{key}_trusted"] = trusted
        self.named[f"{scheme}.{key}"] = source

    def over(self, below: Layer) -> Layer:
        """Returns this layer laid over another."""
        joined = Layer()
        for layer in (below, self):
            joined.values |= layer.values
            joined.limits |= layer.limits
            joined.named |= layer.named
            for scheme, said in layer.zoos.items():
                zoo = joined.zoos.setdefault(scheme, {})
                # Naming again what a trusted source named makes it no less trusted.
                known = {key for key in ("endpoint", "proxy", "mirrors") if key in said and zoo.get(key) == said[key]}
                kept = {f"{key}_trusted": True for key in known if zoo[f"{key}_trusted"]}
                zoo |= said | kept
        return joined
