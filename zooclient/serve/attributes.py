"""Which files of a repository are large files (git LFS): by its ``.gitattributes``, by name, by size."""

from __future__ import annotations

from fnmatch import fnmatchcase

#: Bytes above which the Hub's git takes no file.
LARGE = 10 * 1024 * 1024

#: What the Hub writes into the ``.gitattributes`` of a new repository.
STANDARD = (
    *(
        f"*.{suffix}"
        for suffix in (
            *("7z", "arrow", "bin", "bz2", "ckpt", "ftz", "gz", "h5", "joblib", "lfs.*", "mlmodel", "model", "msgpack"),
            *("npy", "npz", "onnx", "ot", "parquet", "pb", "pickle", "pkl", "pt", "pth", "rar", "safetensors"),
            *("tar.*", "tar", "tflite", "tgz", "wasm", "xz", "zip", "zst", "gguf"),
        )
    ),
    "saved_model/**/*",
    "*tfevents*",
)


class Attributes:
    """The rule by which one repository tells large files from others.

    Args:
        text: Content of its ``.gitattributes``. None: it has none, and the Hub's standard patterns hold.
    """

    def __init__(self, text: str | None) -> None:
        self._rules: list[tuple[str, bool]] = [(pattern, True) for pattern in STANDARD]
        if text is not None:
            self._rules = list(_rules(text))

    def large(self, path: str, size: int) -> bool:
        """Whether the file is kept as a large file. A size above :data:`LARGE` always is."""
        if size > LARGE:
            return True
        verdict = False
        for pattern, large in self._rules:
            # As in git: a pattern without a slash is about the name alone, and the last rule that fits wins.
            subject = path if "/" in pattern else path.rpartition("/")[2]
            if fnmatchcase(subject, pattern.lstrip("/").replace("**/", "*")):
                verdict = large
        return verdict


def _rules(text: str) -> list[tuple[str, bool]]:
    rules = []
    for line in text.splitlines():
        pattern, *words = line.split() or [""]
        if pattern and not pattern.startswith("#"):
            for word in words:
                if word == "filter=lfs":
                    rules.append((pattern, True))
                elif word in ("-filter", "!filter"):
                    rules.append((pattern, False))
    return rules
