"""What the scan of files finds, and what it leaves alone."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import tracemalloc
from collections import Counter, OrderedDict, defaultdict
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from evasions import (
    CALL,
    CASES,
    TENSORS,
    deflated_bomb,
    gguf,
    gguf_text,
    named,
    onnx,
    patched,
    safetensors,
    short,
    tensor,
    torch_legacy,
    torch_zip,
    zipped,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import zooclient.embedded
from zooclient.auditing.files import RULES, scan
from zooclient.auditing.files.opcodes import read_pickle
from zooclient.auditing.files.source import Held
from zooclient.errors import IntegrityError

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "audit-files.md"


def scanned(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Rule → severity."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {one.rule: one.severity for one in scan(folder)}


@pytest.mark.parametrize("name", CASES)
def test_every_evasion_is_found(tmp_path: Path, name: str) -> None:
    """Whatever hides code, or reaches for more than weights, is found by the rule that is about it."""
    rule, files = CASES[name]
    assert rule in scanned(tmp_path, files)


def test_each_of_several_files_is_found(tmp_path: Path) -> None:
    """Each file is told of, under its own name."""
    scanned(tmp_path, {"a": CALL, "b.txt": CALL, "c.json": zipped({"x": CALL})})
    grave = {one.where.partition(":")[0] for one in scan(tmp_path) if one.severity == "critical"}
    assert grave == {"a", "b.txt", "c.json!x"}


GOOD_TEMPLATE = (
    "{% set ns = namespace(found=false) %}{% for m in messages if m['role'] != 'system' %}{{ '<|im_start|>' + m.role }}"
    "{{ m['content'] | trim }}{% if loop.first %}{{ 'import os and open(file)' }}{% endif %}{% endfor %}"
    "{{- raise_exception('no from here') if false }}{{ strftime_now('%d') }}{{ tools | tojson(indent=4) }}"
)
HARMLESS = {
    "state.pt": torch_zip(TENSORS),
    "old.pt": torch_legacy(TENSORS + pickle.dumps(["0"], 2) + bytes(range(256)) * 9),
    "plain.pkl": pickle.dumps({"a": [1, 2.5, "x"], "b": OrderedDict(a=1), "c": defaultdict(list), "d": Counter("aab")}),
    "many.pkl": pickle.dumps([str(number) for number in range(70_000)] + [{1, 2}, frozenset({3}), b"x", 10**40]),
    "array.pkl": pickle.dumps({"a": np.arange(9.0), "b": np.float32(1)}),
    "tensor.safetensors": safetensors({"__metadata__": {"format": "pt"}, "a": tensor(0, 8)}, bytes(8)),
    "model.gguf": gguf(gguf_text("tokenizer.chat_template", GOOD_TEMPLATE)),
    "model.onnx": onnx("model.onnx_data"),
    "chat_template.jinja": GOOD_TEMPLATE.encode(),
    "tokenizer_config.json": json.dumps({"chat_template": GOOD_TEMPLATE}).encode(),
    "config.json": json.dumps({"model_type": "bert", "hidden_size": 9}).encode(),
    "vocab.txt": b"cat\ndog\nRed\n(\n)\nos\nsystem\nR.\n",
    "merges.txt": b"c a\nin t\nI 1\n.\n",
    "README.md": b"cos\nis a function; os.system is another.\n",
    "a.css": b".bold { }\n",
    "empty": b"",
    "one": b".",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_raises_no_alarm(tmp_path: Path, name: str) -> None:
    """Weights, arrays, configs and templates as the libraries write them are no finding of weight."""
    found = scanned(tmp_path, {name: HARMLESS[name]})
    assert [rule for rule, severity in found.items() if severity not in ("info", "low")] == []


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_python_raise_no_alarm(tmp_path: Path, protocol: int) -> None:
    """What Python writes of plain values and arrays is read to its end, in every protocol."""
    value = [OrderedDict(a=(1, 2, 3, 4)), {"x": None, "y": True}, complex(1, 2), bytearray(b"a"), "ü\n", np.arange(300)]
    for again in range(2):
        value.append(value[again])
    found = scanned(tmp_path, {"a.pkl": pickle.dumps(value, protocol)})
    assert set(found) == {"pickle"}


def test_the_embedded_model_raises_no_alarm() -> None:
    """The model that comes with the package holds nothing but weights and the program beside it."""
    found = scan(Path(zooclient.embedded.__file__).parent, ["digits.safetensors"])
    assert found == ()


def test_arrays_of_numpy_raise_no_alarm(tmp_path: Path) -> None:
    """Plain arrays are plain, alone and in archives."""
    np.save(tmp_path / "a.npy", np.arange(9))
    np.savez(tmp_path / "b.npz", a=np.arange(9), b=np.zeros((3, 3)))
    np.savez_compressed(tmp_path / "c.npz", a=np.arange(9000))
    assert scan(tmp_path) == ()


def test_an_array_of_objects_is_told_and_no_more(tmp_path: Path) -> None:
    """A harmless array of objects is a pickle, which is told, and not an alarm."""
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    found = {one.rule: one.severity for one in scan(tmp_path)}
    assert found.pop("numpy-object") == "medium"
    assert "pickle-dangerous" not in found and "pickle-global" not in found


def test_only_the_named_files_are_read(tmp_path: Path) -> None:
    """A scan of some files says nothing of the others, and reaches for none outside."""
    scanned(tmp_path, {"a": CALL, "b": b"hello"})
    assert scan(tmp_path, ["b"]) == ()
    with pytest.raises(IntegrityError):
        scan(tmp_path, ["../a"])


def test_a_rule_can_be_turned_off(tmp_path: Path) -> None:
    """A rule that is turned off by name finds nothing."""
    scanned(tmp_path, {"a.pkl": pickle.dumps([1])})
    assert [one.rule for one in scan(tmp_path)] == ["pickle"]
    assert scan(tmp_path, off=["pickle"]) == ()


def test_a_bomb_takes_little_memory_and_is_told(tmp_path: Path) -> None:
    """What unpacks to half a gibibyte is unpacked to a bound, headers have bounds, and what was left out is told."""
    entries = b",".join(b'"%x":[]' % number for number in range(380_000))
    (tmp_path / "a.zip").write_bytes(deflated_bomb())
    (tmp_path / "b.safetensors").write_bytes(safetensors(None, raw=b"{%s}" % entries))
    (tmp_path / "c.json").write_bytes(b'{"auto_map":{%s}}' % entries)
    (tmp_path / "d.npz").write_bytes(zipped({"inner.zip": deflated_bomb()}))
    (tmp_path / "e.pkl").write_bytes(b"(" * 3_000_000 + b"\x8c\x01a\x94" * 1_000_000)
    code = (
        "import sys; from zooclient.auditing.files import scan; "
        "rules = [one.rule for one in scan(sys.argv[1])];"
        "most = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'));"
        "print(int(most.split()[1]) // 1024, *rules)"
    )
    # Not ru_maxrss: it counts what the process held that started this one.
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not tell the most memory that a process held")
    out = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True).stdout
    most, *rules = out.split()
    assert "scan-incomplete" in rules
    assert int(most) <= 256


def test_members_that_overlap_are_told(tmp_path: Path) -> None:
    """A zip whose members share their bytes does not make the scan read them again and again."""
    one = zipped({"a.bin": bytes(5_000)})
    listed = one[one.find(b"PK\x01\x02") : one.find(b"PK\x05\x06")]
    name = one.find(b"a.bin")
    shifted = patched(listed, b"PK\x01\x02", 42, name.to_bytes(4, "little"))
    end = patched(one[one.find(b"PK\x05\x06") :], b"PK\x05\x06", 12, (2 * len(listed)).to_bytes(4, "little"))
    inner = zipped({"b.bin": bytes(100)})
    data = patched(one, b"a.bin", 5, inner)[: one.find(b"PK\x01\x02")] + listed + shifted + end
    shifted_to = one.find(b"a.bin") + 5
    data = data.replace(shifted, patched(listed, b"PK\x01\x02", 42, shifted_to.to_bytes(4, "little")))
    assert "archive-contradicts" in scanned(tmp_path, {"a.zip": data})


def test_of_safetensors_the_header_is_read_only(tmp_path: Path) -> None:
    """The scan of large weights takes no more than the header takes."""
    size = 64 << 20
    with (tmp_path / "a.safetensors").open("wb") as file:
        head = safetensors({"a": tensor(0, size)})
        file.write(head)
        file.truncate(len(head) + size)
    tracemalloc.start()
    try:
        assert scan(tmp_path) == ()
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=300))
def test_any_bytes_are_read_as_a_pickle_without_an_error(data: bytes) -> None:
    """No bytes make the reader raise, or read past their end."""
    assert 0 <= read_pickle(Held(data)).end <= len(data)


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.floats() | st.binary(),
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    ),
    st.integers(0, 5),
)
def test_what_python_pickles_is_read_to_its_end(value: object, protocol: int) -> None:
    """The reader understands what Python writes, byte for byte."""
    data = pickle.dumps(value, protocol)
    reading = read_pickle(Held(data))
    assert (reading.stopped, reading.end) == (True, len(data))
    assert {one.module for one in reading.imports} <= {"_codecs", "__builtin__", "builtins"}


@given(
    st.binary(max_size=200),
    st.sampled_from([named("os", "system"), CALL, TENSORS, zipped({"a": CALL})]),
    st.integers(0, 90),
)
def test_damaged_files_never_raise(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, good: bytes, at: int
) -> None:
    """Whatever bytes a file holds, the scan comes to an end and gives findings."""
    folder = tmp_path_factory.mktemp("noise")
    (folder / "a.bin").write_bytes(good[:at] + noise + good[at:])
    assert all(one.rule in RULES for one in scan(folder))


class _Made:
    """What stands in for everything that a pickle imports."""

    def __new__(cls, *_: object, **__: object) -> _Made:
        return super().__new__(cls)


class _Asking(pickle.Unpickler):
    """Python's own unpickler, that writes down what it would import and imports nothing."""

    asked: list[tuple[str, str]]

    def find_class(self, module: str, name: str) -> type[_Made]:
        self.asked.append((module, name))
        return _Made

    def persistent_load(self, _: object) -> None:
        """Torch has one, so that such a pickle goes on."""


PIECES = [
    *(short(word) for word in ("os", "system", "collections", "OrderedDict")),
    *(short(word) + b"\x94" for word in ("posix", "popen", "torch")),
    b"X\x02\x00\x00\x00os", b"U\x06system", b"S'os'\n", b"Vsystem\n", b"cos\nsystem\n", b"c_codecs\nencode\n",
    b"q\x00", b"q\x01", b"h\x00", b"h\x01", b"r\x00\x00\x00\x00", b"j\x01\x00\x00\x00", b"p1\n", b"g0\n",
    *(bytes([op]) for op in b"((((0001222tldeuas)]}NR\x81\x85\x86\x87\x88\x8f\x90\x91\x92\x93\x93\x93\x94bo"),
    b"K\x01", b"J\x01\x00\x00\x00", b"G" + bytes(8), b"C\x02os", b"(ios\nsystem\n", b"Pa\n", b"Q", b".",
]  # fmt: skip


@settings(max_examples=1_000)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_whatever_an_unpickler_would_import_is_listed(pieces: list[bytes]) -> None:
    """However stack, marks and memo are tangled, no import escapes: it is listed, or that one is hidden is."""
    data = b"\x80\x04" + b"".join(pieces) + b"."
    asking = _Asking(io.BytesIO(data), encoding="ASCII")
    asking.asked = []
    with suppress(Exception):
        asking.load()
    listed = read_pickle(Held(data)).imports
    hidden = any(not one.module for one in listed)
    assert hidden or set(asking.asked) <= {tuple(one) for one in listed}


def test_every_rule_is_documented_and_none_besides() -> None:
    """The reference has an entry for each rule, by its name."""
    headings = [line[3:].strip("` ") for line in DOCS.read_text("utf-8").splitlines() if line.startswith("## ")]
    assert sorted(name for name in headings if name in RULES) == sorted(RULES)


def test_the_list_of_what_is_allowed_is_documented() -> None:
    """Every module of which a pickle may name something stands in the reference, and each name with it."""
    from zooclient.auditing.files.allowed import ALLOWED

    text = DOCS.read_text("utf-8")
    missing = [
        f"{module}.{name}"
        for module, names in ALLOWED.items()
        if (line := next((one for one in text.splitlines() if one.startswith(f"| `{module}` |")), "")) is not None
        for name in names
        if f"`{name}`" not in line
    ]
    assert missing == []
