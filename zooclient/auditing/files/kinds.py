"""What a file is, by its bytes; pure."""

from __future__ import annotations

_BEGINNINGS = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08", "zip"),
    (b"GGUF", "gguf"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x93NUMPY", "npy"),
    (b"\x7fELF", "elf"),
    (b"\xcf\xfa\xed\xfe", "macho"),
    (b"\xce\xfa\xed\xfe", "macho"),
    (b"\xfe\xed\xfa\xcf", "macho"),
    (b"\xfe\xed\xfa\xce", "macho"),
)
#: Kind → endings under which nobody wonders at it. A kind that is not here has none that it must have.
EXPECTED = {
    "pickle": (".bin", ".ckpt", ".dill", ".joblib", ".model", ".p", ".pickle", ".pkl", ".pt", ".pt2", ".pth", ".sav",
               ".t7", ".th", ".dat", ".data", ".index", ".meta"),
    "zip": (".bin", ".ckpt", ".keras", ".mar", ".model", ".npz", ".pt", ".pt2", ".pth", ".th", ".zip", ".whl", ".jar",
            ".mlpackage", ".docx", ".xlsx", ".pptx", ".odt", ".epub", ".apk", ".egg", ".task", ".nemo", ".pkl",
            ".tflite", ".ptl"),
}  # fmt: skip
#: Endings of formats that hold numbers or text only: what else lies under them is disguised.
HARMLESS = (
    ".avif", ".cfg", ".csv", ".gguf", ".gif", ".h5", ".hdf5", ".ini", ".jinja", ".jpeg", ".jpg", ".json", ".jsonl",
    ".md", ".mp4", ".npy", ".onnx", ".parquet", ".png", ".safetensors", ".toml", ".txt", ".wav", ".webp", ".yaml",
    ".yml",
)  # fmt: skip


def kind_of(first: bytes, size: int) -> str:
    """Returns the kind of a file: ``zip``, ``elf`` …, and an empty string where its first bytes do not tell.

    Args:
        first: Its first bytes, 1024 at the least where it has so many.
        size: Bytes of all of it.
    """
    for beginning, kind in _BEGINNINGS:
        if first.startswith(beginning):
            return kind
    if first[:3] == b"BZh" and first[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    if first[:2] == b"MZ" and _is_pe(first):
        return "pe"
    if first[:4] == b"\xca\xfe\xba\xbe" and 0 < int.from_bytes(first[4:8], "big") < 20:
        return "macho"
    if first[257:262] == b"ustar" or _is_old_tar(first):
        return "tar"
    if first[:2] == b"#!" and (b"/" in first[2:40]):
        return "script"
    length = int.from_bytes(first[:8], "little")
    if first[8:9] == b"{" and size >= 10 and first[4:8] == b"\x00" * 4 and length > 0:
        return "safetensors"
    return ""


def _is_pe(first: bytes) -> bool:
    at = int.from_bytes(first[60:64], "little")
    return len(first) >= 64 and (at + 4 > len(first) or first[at : at + 4] == b"PE\x00\x00") and at < 1 << 20


def _is_old_tar(first: bytes) -> bool:
    """A tar from before ``ustar`` is told by the sum of its first block."""
    block = first[:512]
    if len(block) < 512 or not block[0]:
        return False
    try:
        said = int(block[148:156].strip(b"\x00 ") or b"x", 8)
    except ValueError:
        return False
    return said == sum(block) - sum(block[148:156]) + 8 * 32


def names_it(kind: str, name: str) -> bool:
    """Whether a file of this kind may bear this name."""
    ending = "." + name.lower().rpartition(".")[2]
    return not (ending in HARMLESS and ending not in EXPECTED.get(kind, ()))
