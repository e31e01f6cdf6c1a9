"""Builders of files that hide what they do. What they would run is ``true``: they are harmless, and never opened."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

#: Name of a file → its content.
Files = dict[str, bytes]
Build = Callable[[], Files]

#: Of protocol 0, so that every piece of it can be read here.
CALL = b"cos\nsystem\n(S'true'\ntR."
TENSORS = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x01\x00\x00\x00wq\x02K\x01s."


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def named(module: str, name: str, protocol: int = 4) -> bytes:
    """A pickle that calls something with nothing."""
    if protocol >= 4:
        return b"\x80\x04" + short(module) + b"\x94" + short(name) + b"\x94\x93\x94)R\x94."
    return b"\x80" + bytes([protocol]) + f"c{module}\n{name}\n".encode() + b")R."


def zipped(members: Files, method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return out.getvalue()


def tarred(members: Files, form: int = tarfile.PAX_FORMAT, link: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        if link:
            info = tarfile.TarInfo("link")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    return out.getvalue()


def torch_zip(data: bytes = CALL) -> bytes:
    return zipped({"archive/data.pkl": data, "archive/version": b"3\n", "archive/data/0": bytes(64)})


def patched(data: bytes, mark: bytes, at: int, new: bytes, *, last: bool = False) -> bytes:
    """The data with other bytes so far behind a mark."""
    place = (data.rfind(mark) if last else data.find(mark)) + at
    return data[:place] + new + data[place + len(new) :]


def safetensors(header: object, data: bytes = b"", *, raw: bytes | None = None, length: int | None = None) -> bytes:
    text = json.dumps(header).encode() if raw is None else raw
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(start: int, end: int, kind: str = "U8", shape: list[int] | None = None) -> dict[str, object]:
    return {"dtype": kind, "shape": [end - start] if shape is None else shape, "data_offsets": [start, end]}


def gguf(pairs: bytes = b"", *, count: int = 1, tensors: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, count) + pairs


def gguf_text(key: str, value: str) -> bytes:
    return struct.pack("<Q", len(key)) + key.encode() + struct.pack("<IQ", 8, len(value)) + value.encode()


def field(number: int, data: bytes) -> bytes:
    size, out = len(data), b""
    while size > 0x7F:
        out += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + out + bytes([size]) + data


def onnx(location: str, *, swapped: bool = False, in_node: bool = False) -> bytes:
    pairs = [field(1, b"location"), field(2, location.encode())]
    inside = field(13, b"".join(reversed(pairs) if swapped else pairs))
    held = field(1, field(5, field(5, inside))) if in_node else field(5, inside)
    return b"\x08\x09" + field(2, b"maker") + field(7, held)


def npy(data: bytes, descr: str = "|O", version: int = 1) -> bytes:
    header = repr({"descr": descr, "fortran_order": False, "shape": (1,)}).encode() + b"\n"
    width = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(width, len(header)) + header + data


def elf() -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(200)


def portable() -> bytes:
    head = b"MZ" + bytes(58) + struct.pack("<I", 128)
    return head.ljust(128, b"\x00") + b"PE\x00\x00" + bytes(100)


def both_directories() -> bytes:
    """A member that stands in the zip, and not in its directory."""
    hidden, shown = zipped({"data.pkl": CALL}), zipped({"readme.txt": b"hello"})
    return hidden[: hidden.find(b"PK\x01\x02")] + shown


def nested(depth: int) -> bytes:
    data = CALL
    for number in range(depth):
        data = zipped({f"{number}.bin": data}) if number % 2 else tarred({f"{number}.bin": data})
    return data


def keras_config(layer: dict[str, object]) -> bytes:
    return json.dumps({"class_name": "Functional", "module": "keras", "config": {"layers": [layer]}}).encode()


def long_code(name: str) -> bytes:
    return b"\x80\x02" + b"X" + struct.pack("<I", len(name)) + name.encode()


def torch_legacy(last: bytes) -> bytes:
    """What ``torch.save`` wrote before it wrote zips: five pickles and the numbers."""
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    return magic + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2) + last


def joblib_array(behind: bytes) -> bytes:
    """An array as joblib writes it: in the midst of the pickle, as it is."""
    wrapper = (
        b"\x80\x04" + short("joblib.numpy_pickle") + b"\x94" + short("NumpyArrayWrapper") + b"\x94\x93\x94)\x81\x94}b"
    )
    return wrapper + b"\x00\xff\xfe\xfd" * 64 + behind


EIGHT = json.dumps(tensor(0, 8)).encode()
ZIP_CALL = zipped({"archive/data.pkl": CALL}, zipfile.ZIP_DEFLATED)
JINJA = "{% for m in messages %}{{ %s }}{% endfor %}"

#: What it is → its files, and the rule that is to find it.
CASES: dict[str, tuple[str, Files]] = {
    # -- pickles, of every protocol and by every way to call
    "protocol 0": ("pickle-dangerous", {"a.pkl": CALL}),
    **{f"protocol {n}": ("pickle-dangerous", {"a.pkl": named("posix", "system", n)}) for n in (1, 2, 3, 4)},
    "protocol 5 in a frame that lies": (
        "pickle-dangerous",
        {"a.pkl": b"\x80\x05\x95" + b"\xff" * 8 + named("os", "system")[2:]},
    ),
    "windows": ("pickle-dangerous", {"a.pkl": named("nt", "system")}),
    "INST": ("pickle-dangerous", {"a.pkl": b"(S'true'\nios\nsystem\n."}),
    "OBJ": ("pickle-dangerous", {"a.pkl": b"(cos\nsystem\nS'true'\no."}),
    "NEWOBJ": ("pickle-dangerous", {"a.pkl": b"\x80\x02csubprocess\nPopen\nX\x04\x00\x00\x00true\x85\x81."}),
    "NEWOBJ_EX": ("pickle-dangerous", {"a.pkl": b"\x80\x04csubprocess\nPopen\n)}\x92."}),
    "imported and not called": ("pickle-dangerous", {"a.pkl": b"\x80\x02cantigravity\nexec\n."}),
    "renamed to safetensors": ("file-disguised", {"model.safetensors": named("os", "system")}),
    "renamed to json": ("pickle-dangerous", {"config.json": CALL}),
    "renamed to nothing known (CVE-2025-1889)": ("pickle-dangerous", {"config.p": CALL, "x": CALL}),
    "renamed to bin (CVE-2025-10155)": ("pickle-dangerous", {"pytorch_model.bin": CALL}),
    "a submodule (CVE-2025-10157)": ("pickle-dangerous", {"a.pkl": named("asyncio.unix_events", "system")}),
    "pip (CVE-2025-1716)": ("pickle-dangerous", {"a.pkl": named("pip", "main")}),
    "a module that nobody listed": ("pickle-global", {"a.pkl": named("my_helpers.io", "run")}),
    "timeit": ("pickle-dangerous", {"a.pkl": named("timeit", "timeit")}),
    "numpy runs strings": ("pickle-dangerous", {"a.pkl": named("numpy.testing._private.utils", "runstring")}),
    "torch reads a pickle in a pickle": ("pickle-dangerous", {"a.pkl": named("torch.storage", "_load_from_bytes")}),
    "getattr": ("pickle-dangerous", {"a.pkl": named("builtins", "getattr", 2)}),
    "the name in Python 2": ("pickle-dangerous", {"a.pkl": named("__builtin__", "eval", 2)}),
    "a dotted name": ("pickle-dangerous", {"a.pkl": named("collections", "OrderedDict.__init__.__globals__")}),
    "a dotted name without underscores": ("pickle-global", {"a.pkl": named("torch", "hub.load_state_dict")}),
    "names through the memo": (
        "pickle-dangerous",
        {"a.pkl": b"\x80\x04" + short("os") + b"\x940" + short("system") + b"\x940h\x00h\x01\x93)R."},
    ),
    "the memo overwritten": (
        "pickle-dangerous",
        {
            "a.pkl": b"\x80\x02X\x0b\x00\x00\x00collectionsq\x000X\x02\x00\x00\x00osq\x000h\x00"
            b"X\x06\x00\x00\x00system\x93)R."
        },
    ),
    "the memo overwritten by what is no name": (
        "pickle-hidden-global",
        {"a.pkl": b"\x80\x02X\x0b\x00\x00\x00collectionsq\x000K\x01q\x000h\x00X\x06\x00\x00\x00system\x93)R."},
    ),
    "the memo counted two ways": (
        "pickle-hidden-global",
        {
            "a.pkl": b"\x80\x04"
            + short("collections")
            + b"q\x05"
            + short("os")
            + b"\x94h\x05"
            + short("system")
            + b"\x93."
        },
    ),
    "DUP": ("pickle-dangerous", {"a.pkl": b"\x80\x04" + short("code") + b"2\x93)R."}),
    "a name behind numbers": (
        "pickle-hidden-global",
        {"a.pkl": b"\x80\x04" + short("os") + b"K\x010" + short("system") + b"\x93)R."},
    ),
    "marks dropped under other names": (
        "pickle-hidden-global",
        {
            "a.pkl": b"\x80\x04"
            + short("os")
            + short("system")
            + b"("
            + short("collections")
            + short("OrderedDict")
            + b"(K\x01001\x93)R."
        },
    ),
    "a name made by a call": (
        "pickle-hidden-global",
        {"a.pkl": b"\x80\x04c_codecs\nencode\nC\x02osX\x05\x00\x00\x00ascii\x86R" + short("system") + b"\x93)R."},
    ),
    "a name with an escape": ("pickle-hidden-global", {"a.pkl": b"\x80\x04V\\u006fs\n" + short("system") + b"\x93)R."}),
    "the registry of extensions": ("pickle-hidden-global", {"a.pkl": b"\x80\x02\x82\x01)R."}),
    "truncated behind the call": ("pickle-dangerous", {"a.pkl": named("os", "system")[:-1]}),
    "broken behind the call": ("pickle-dangerous", {"a.pkl": named("os", "system")[:-1] + b"\xff\xff" * 40}),
    "broken, of protocol 0, and renamed": ("pickle-dangerous", {"a.txt": CALL[:-1] + b"\xff no more"}),
    "stacked": ("pickle-dangerous", {"a.pkl": TENSORS + TENSORS + CALL}),
    "stacked 200 times": ("pickle-dangerous", {"a.pkl": b"\x80\x02N." * 200 + CALL}),
    "behind a megabyte of numbers": ("pickle-dangerous", {"a.pkl": b"\x80\x02(" + b"K\x01" * 600_000 + b"l0" + CALL}),
    "behind a long string": ("pickle-dangerous", {"a.pkl": long_code("x" * 3_000_000) + b"0" + CALL}),
    "torch, before it wrote zips": ("pickle-dangerous", {"a.pt": torch_legacy(CALL)}),
    "joblib, behind an array": ("pickle-dangerous", {"a.joblib": joblib_array(named("os", "system")[2:])}),
    # -- archives
    "torch": ("pickle-dangerous", {"a.pt": torch_zip()}),
    "torch, renamed": ("file-disguised", {"a.safetensors": torch_zip()}),
    "torch, its pickle renamed": ("pickle-dangerous", {"a.pt": zipped({"archive/notes.txt": CALL})}),
    "a zip with a wrong sum (CVE-2025-10156)": (
        "pickle-dangerous",
        {"a.pt": patched(patched(ZIP_CALL, b"PK\x01\x02", 16, b"abcd"), b"PK\x03\x04", 14, b"abcd")},
    ),
    "a zip with a flag (CVE-2025-1945)": (
        "pickle-dangerous",
        {"a.pt": patched(ZIP_CALL, b"PK\x01\x02", 8, b"\x01\x00")},
    ),
    "a zip with flags on both sides": (
        "pickle-dangerous",
        {"a.pt": patched(patched(torch_zip(), b"PK\x01\x02", 8, b"\x01\x00"), b"PK\x03\x04", 6, b"\x01\x00")},
    ),
    "a zip with two names (CVE-2025-1944)": (
        "archive-contradicts",
        {"a.pt": patched(ZIP_CALL, b"PK\x03\x04", 30, b"archive/none.txt")},
    ),
    "a zip with two names, its pickle": (
        "pickle-dangerous",
        {"a.pt": patched(ZIP_CALL, b"PK\x03\x04", 30, b"archive/none.txt")},
    ),
    "a zip with two methods": ("pickle-dangerous", {"a.pt": patched(ZIP_CALL, b"PK\x01\x02", 10, b"\x00\x00")}),
    "a zip with a wrong size": (
        "pickle-dangerous",
        {"a.pt": patched(ZIP_CALL, b"PK\x01\x02", 24, b"\x01\x00\x00\x00")},
    ),
    "a zip with a member that is not listed": ("archive-contradicts", {"a.zip": both_directories()}),
    "a zip with a member that is not listed, its pickle": ("pickle-dangerous", {"a.zip": both_directories()}),
    "a zip without a directory": ("pickle-dangerous", {"a.pt": torch_zip()[: torch_zip().find(b"PK\x01\x02")]}),
    "a zip that begins as another does": ("pickle-dangerous", {"a.pt": b"PK\x07\x08" + torch_zip()}),
    "a zip behind a picture": ("pickle-dangerous", {"a.png": b"\x89PNG\r\n\x1a\n" + bytes(99) + torch_zip()}),
    "a zip that is cut in a member": ("archive-damaged", {"a.zip": zipped({"a": bytes(9_000)}, 8)[:40]}),
    "a zip that climbs": ("archive-climbs", {"a.zip": zipped({"../../a.txt": b"hello"})}),
    "a zip packed by bzip2": ("pickle-dangerous", {"a.zip": zipped({"a": CALL}, zipfile.ZIP_BZIP2)}),
    "a tar": ("pickle-dangerous", {"a.pt": tarred({"pickle": CALL})}),
    "a tar of GNU, its name long": ("pickle-dangerous", {"a.tar": tarred({"x" * 150: CALL}, tarfile.GNU_FORMAT)}),
    "a tar that climbs": ("archive-climbs", {"a.tar": tarred({"../a": b"hello"})}),
    "a tar with a link that climbs": ("archive-climbs", {"a.tar": tarred({}, link="/etc/passwd")}),
    "gzip": ("pickle-dangerous", {"a.pkl.gz": gzip.compress(CALL)}),
    "gzip, two in one": ("pickle-dangerous", {"a.gz": gzip.compress(b"hello") + gzip.compress(zipped({"a": CALL}))}),
    "gzip with a wrong sum": (
        "pickle-dangerous",
        {"a.gz": patched(gzip.compress(CALL), b"", len(gzip.compress(CALL)) - 8, b"abcd")},
    ),
    "gzip, cut": ("pickle-dangerous", {"a.gz": gzip.compress(CALL + bytes(range(256)) * 40)[:-12]}),
    "bzip2": ("pickle-dangerous", {"a.joblib": bz2.compress(CALL)}),
    "xz": ("pickle-dangerous", {"a.bin": lzma.compress(CALL)}),
    "tar, packed": ("pickle-dangerous", {"a.tgz": gzip.compress(tarred({"a": CALL}))}),
    "five archives deep": ("pickle-dangerous", {"a.bin": nested(5)}),
    "twenty archives deep": ("scan-incomplete", {"a.bin": nested(20)}),
    "7z (nullifAI)": ("archive-unopened", {"pytorch_model.bin": b"7z\xbc\xaf\x27\x1c" + bytes(90)}),
    # -- numpy
    "numpy": ("pickle-dangerous", {"a.npy": npy(CALL)}),
    "numpy, a type of many fields": ("pickle-dangerous", {"a.npy": npy(CALL, "[('a', '<f4'), ('b', 'O')]", 2)}),
    "numpy, zipped": ("numpy-object", {"a.npz": zipped({"a.npy": npy(CALL)}, 8)}),
    # -- safetensors and GGUF
    "safetensors, overlapping": (
        "safetensors-invalid",
        {"a.safetensors": safetensors({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12))},
    ),
    "safetensors, a gap": (
        "safetensors-invalid",
        {"a.safetensors": safetensors({"a": tensor(0, 8), "b": tensor(9, 12)}, bytes(12))},
    ),
    "safetensors, more behind": (
        "safetensors-invalid",
        {"a.safetensors": safetensors({"a": tensor(0, 8)}, bytes(8) + CALL)},
    ),
    "safetensors, absurd header": ("safetensors-invalid", {"a.safetensors": safetensors({}, length=1 << 31)}),
    "safetensors, absurd shape": (
        "safetensors-invalid",
        {"a.safetensors": safetensors({"a": tensor(0, 8, "F32", [1 << 40, 1 << 40])}, bytes(8))},
    ),
    "safetensors, a bomb of brackets": (
        "safetensors-invalid",
        {"a.safetensors": safetensors(None, raw=b'{"a":' + b"[" * 900_000)},
    ),
    "safetensors, a key twice": (
        "safetensors-invalid",
        {"a.safetensors": safetensors(None, bytes(8), raw=b'{"a":%s,"a":%s}' % (EIGHT, EIGHT))},
    ),
    "safetensors that is a pickle too": (
        "pickle-dangerous",
        {"a.safetensors": b"X\x0a\x00\x00\x00\x00\x00\x00{     }0" + CALL},
    ),
    "gguf, absurd counts": ("gguf-invalid", {"a.gguf": gguf(count=1 << 60)}),
    "gguf, absurd text": ("gguf-invalid", {"a.gguf": gguf(struct.pack("<Q", 1 << 50) + b"a")}),
    "gguf, absurd list": (
        "gguf-invalid",
        {"a.gguf": gguf(struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 8, 1 << 50))},
    ),
    "gguf, lists in lists": (
        "gguf-invalid",
        {"a.gguf": gguf(struct.pack("<Q", 1) + b"a" + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 900)},
    ),
    "gguf, a template": (
        "template-code",
        {"a.gguf": gguf(gguf_text("tokenizer.chat_template", JINJA.replace("%s", "x.__class__.__mro__")))},
    ),
    # -- templates and configs
    "template, open": (
        "template-code",
        {"chat_template.jinja": JINJA.replace("%s", "open('/etc/passwd').read()").encode()},
    ),
    "template, import": (
        "template-code",
        {"tokenizer_config.json": json.dumps({"chat_template": "{% import 'os' as os %}"}).encode()},
    ),
    "template, one of several": (
        "template-code",
        {
            "tokenizer_config.json": json.dumps(
                {"chat_template": [{"name": "a", "template": "{{ cycler.__init__ }}"}]}
            ).encode()
        },
    ),
    "template, attributes by text": (
        "template-code",
        {"chat_template.json": json.dumps({"chat_template": "{{ ''|attr('_'~'_class_'~'_') }}"}).encode()},
    ),
    "template, its key escaped": ("template-code", {"a.json": b'{"chat\\u005ftemplate": "{{ x.__globals__ }}"}'}),
    "auto_map": ("remote-code", {"config.json": json.dumps({"auto_map": {"AutoModel": "modeling.Model"}}).encode()}),
    "auto_map, its key escaped": ("remote-code", {"config.json": b'{"auto\\u005fmap": {"AutoModel": "m.M"}}'}),
    "yaml": ("yaml-object", {"config.yaml": b"a: !!python/object/apply:os.system ['true']\n"}),
    "a credential": ("secret", {"config.json": b'{"token": "hf_' + b"a" * 34 + b'"}'}),
    "a credential, zipped": ("secret", {"a.zip": zipped({"run.cfg": b"token=hf_" + b"a" * 34}, 8)}),
    "a credential by name": ("secret", {".env": b"A=1\n"}),
    # -- other formats
    "onnx climbs": ("onnx-climbs", {"a.onnx": onnx("../../etc/passwd")}),
    "onnx, absolute": ("onnx-climbs", {"a.onnx": onnx("/etc/passwd")}),
    "onnx, of Windows": ("onnx-climbs", {"a.onnx": onnx("C:\\secrets")}),
    "onnx, key behind value": ("onnx-climbs", {"a.onnx": onnx("../a", swapped=True)}),
    "onnx, in a node, renamed": ("onnx-climbs", {"a.bin": onnx("../a", in_node=True)}),
    "keras, a lambda": (
        "keras-code",
        {"a.keras": zipped({"config.json": keras_config({"class_name": "Lambda", "config": {}})}, 8)},
    ),
    "keras, a module (CVE-2025-1550)": (
        "keras-code",
        {"a.keras": zipped({"config.json": keras_config({"module": "os", "class_name": "system", "config": {}})})},
    ),
    "keras, a lambda in HDF5": (
        "keras-code",
        {"a.h5": b"\x89HDF\r\n\x1a\n" + bytes(2_000_000) + b'{"class_name": "Lambda"}'},
    ),
    "tensorflow reads a file": ("tensorflow-file-op", {"saved_model.pb": b"\x08\x01\x12\x08ReadFile*"}),
    "a program": ("executable", {"libhelper.so": elf()}),
    "a program, renamed": ("file-disguised", {"model.gguf": elf()}),
    "a program of Windows in a tar": ("executable", {"a.tar": tarred({"a.bin": portable()})}),
    "a script, renamed": ("file-disguised", {"vocab.txt": b"#!/bin/sh\ntrue\n"}),
}


def deflated_bomb() -> bytes:
    """A zip of half a gibibyte of nothing."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(512)) + packer.flush()
    size, name = len(data), b"a.pkl"
    head = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, 0, size, 512 << 20, len(name), 0)
    local = b"PK\x03\x04" + head + name + data
    listed = b"PK\x01\x02" + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + listed + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(listed), len(local), 0)
