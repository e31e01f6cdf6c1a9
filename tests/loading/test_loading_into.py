"""``into`` imports a library on use, says what to install, and runs nobody's code unasked."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loading_models import model, one

from zooclient.errors import ConfigError, NotFound, PolicyError
from zooclient.loading.loaders import kinds, loader_for

LIBRARIES = {
    "transformers": ("torch", "python -m pip install transformers torch"),
    "sentence-transformers": ("sentence_transformers", "python -m pip install sentence-transformers"),
    "diffusers": ("torch", "python -m pip install diffusers transformers torch"),
    "torch": ("torch", "python -m pip install torch safetensors"),
}
FAKES = {
    "torch": "def load(path, **kw): return {'pickled': (path.name, kw)}",
    "safetensors/__init__": "",
    "safetensors/torch": "def load_file(path, device): return {path.rpartition('/')[2]: device}",
    "transformers": "class AutoModel:\n    from_pretrained = staticmethod(lambda path, **kw: ['AutoModel', path, kw])\n"
    "class AutoTokenizer:\n    from_pretrained = staticmethod(lambda path, **kw: ['AutoTokenizer', path, kw])",
    "diffusers": "class DiffusionPipeline:\n"
    "    from_pretrained = staticmethod(lambda path, **kw: ['pipeline', path, kw])",
    "sentence_transformers": "def SentenceTransformer(path, **kw): return ['sentences', path, kw]",
    "zoo_plugin": "def load(snapshot, /, *, unsafe, **options): return [str(snapshot.ref), unsafe, options]\n"
    "def ours(snapshot, /, **options): raise AssertionError('a plug-in replaced a loader of ours')",
}
ENTRY_POINTS = """[zooclient.loaders]
plug = zoo_plugin:load
safetensors = zoo_plugin:ours
broken = zoo_plugin:missing
gone = no_such_package:load
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages: doubles of the libraries, and a package that offers loaders."""
    folder = tmp_path / "site"
    for name, source in FAKES.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    info = folder / "zoo_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


def into(site: Path, files: Mapping[str, bytes], call: str) -> Any:
    """Runs ``model.into(…)`` in a process of its own in which the doubles are installed."""
    here = Path(__file__).parent
    code = (
        f"import sys; sys.path[:0] = [{str(site)!r}, {str(here)!r}]\n"
        "import json, pathlib, loading_models\n"
        f"files = {dict(files)!r}\n"
        f"model = loading_models.model(pathlib.Path({str(site.parent / 'model')!r}), files)\n"
        "from zooclient.errors import ZooError\n"
        f"try: found = model.into({call})\n"
        "except ZooError as error: found = {'error': type(error).__name__, 'text': str(error), 'hint': error.hint}\n"
        "print(json.dumps(found, default=repr))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_an_unknown_kind_lists_the_known(tmp_path: Path) -> None:
    """A kind that nobody offers is a ConfigError with those that somebody does."""
    with pytest.raises(ConfigError) as caught:
        model(tmp_path, {"a.safetensors": one()}).into("tensorflow")
    assert "diffusers, numpy, onnxruntime, safetensors, sentence-transformers, torch, transformers" in (
        caught.value.hint or ""
    )


@pytest.mark.parametrize("kind", LIBRARIES)
def test_a_missing_library_says_what_to_install(tmp_path: Path, kind: str) -> None:
    """Where a library is missing, the error names it and the hint is the command."""
    package, command = LIBRARIES[kind]
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed here")
    with pytest.raises(ConfigError) as caught:
        model(tmp_path, {"model.safetensors": one()}).into(kind)
    assert package in caught.value.message
    assert command in (caught.value.hint or "")


def test_a_broken_library_is_told_with_its_cause(site: Path) -> None:
    """A library that is there and breaks is not said to be missing."""
    (site / "sentence_transformers.py").write_text("import no_such_dependency")
    told = into(site, {"model.safetensors": one()}, "'sentence-transformers'")
    assert told["error"] == "ConfigError"
    assert "no_such_dependency" in told["text"]
    assert "not installed" not in told["text"]


@pytest.mark.parametrize("kind", ["safetensors", "numpy"])
def test_safetensors_are_arrays(tmp_path: Path, kind: str) -> None:
    """``safetensors`` and ``numpy`` give the lazy arrays, pickles beside them or not."""
    opened = model(tmp_path, {"model.safetensors": one("w"), "pytorch_model.bin": pickle.dumps(1)})
    found = opened.into(kind)
    assert isinstance(found["w"], np.ndarray)
    assert list(opened.into(kind, files="model.safetensors")) == ["w"]


@pytest.mark.parametrize("kind", ["transformers", "diffusers", "sentence-transformers", "torch"])
def test_pickles_are_refused_before_the_library_is_imported(tmp_path: Path, kind: str) -> None:
    """Pickled weights are a PolicyError, whether or not the library is installed."""
    with pytest.raises(PolicyError, match=r"pytorch_model\.bin"):
        model(tmp_path, {"pytorch_model.bin": pickle.dumps(1)}).into(kind)


def test_pickles_under_another_name_are_refused(tmp_path: Path) -> None:
    """A pickle that calls itself safetensors is refused by what it is."""
    with pytest.raises(PolicyError, match=r"model\.safetensors"):
        model(tmp_path, {"model.safetensors": pickle.dumps(1)}).into("transformers")


def test_transformers_gets_the_folder_and_no_network(site: Path) -> None:
    """transformers is given the folder, local files only, and no trust in foreign code."""
    name, path, options = into(site, {"model.safetensors": one()}, "'transformers', dtype='auto'")
    assert (name, path) == ("AutoModel", str(site.parent / "model"))
    assert options == {"local_files_only": True, "trust_remote_code": False, "dtype": "auto"}


def test_transformers_takes_another_class(site: Path) -> None:
    """``cls`` names the class; one that is not there is a ConfigError."""
    assert into(site, {"model.safetensors": one()}, "'transformers', cls='AutoTokenizer'")[0] == "AutoTokenizer"
    told = into(site, {"model.safetensors": one()}, "'transformers', cls='AutoNothing'")
    assert (told["error"], told["text"]) == ("ConfigError", "transformers has no class 'AutoNothing'.")


def test_unsafe_lets_pickles_through(site: Path) -> None:
    """With ``unsafe=True`` the library gets the folder as it is, and may be told to trust its code."""
    told = into(site, {"pytorch_model.bin": b""}, "'transformers', unsafe=True, trust_remote_code=True")
    assert told[2] == {"local_files_only": True, "trust_remote_code": True}


@pytest.mark.parametrize("kind", ["transformers", "diffusers", "sentence-transformers"])
def test_trust_in_foreign_code_wants_unsafe(tmp_path: Path, kind: str) -> None:
    """``trust_remote_code`` alone is refused: it runs what came with the model."""
    with pytest.raises(PolicyError, match="Python code that came with it"):
        model(tmp_path, {"model.safetensors": one()}).into(kind, trust_remote_code=True)


def test_torch_gets_every_shard(site: Path) -> None:
    """``torch`` reads each safetensors file to the device asked for."""
    files = {"a.safetensors": one("a"), "b.safetensors": one("b"), "c.bin": b""}
    assert into(site, files, "'torch', device='meta'") == {"a.safetensors": "meta", "b.safetensors": "meta"}


def test_torch_unpickles_only_when_told(site: Path) -> None:
    """Pickled weights reach ``torch.load`` with ``unsafe=True`` alone."""
    told = into(site, {"a.bin": b"x", "config.json": b"{}"}, "'torch', unsafe=True")
    assert told == {"pickled": ["a.bin", {"map_location": "cpu", "weights_only": False}]}
    assert into(site, {"a.bin": b"x"}, "'torch'")["error"] == "PolicyError"
    assert into(site, {"config.json": b"{}"}, "'torch'")["error"] == "NotFound"


def test_sentence_transformers_gets_the_folder(site: Path) -> None:
    """A model of that library's own modules is handed over."""
    modules = json.dumps([{"idx": 0, "type": "sentence_transformers.models.Transformer"}]).encode()
    name, _, options = into(site, {"modules.json": modules}, "'sentence-transformers'")
    assert (name, options) == ("sentences", {"local_files_only": True, "trust_remote_code": False})


@pytest.mark.parametrize(
    "files",
    [
        {"modules.json": b'[{"type": "evil.Module"}]', "evil.py": b""},
        {"modules.json": b'[{"type": "os.system"}]'},
        {"modules.json": b'[{"name": "no type"}]'},
        {"modules.json": b"[17]"},
        {"0_Router/router_config.json": b'{"types": {"query": "evil.Module"}}'},
        {"Modules.JSON": b'[{"type": "evil.Module"}]', "evil.py": b""},
    ],
)
def test_sentence_transformers_own_code_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Modules by another's class would run code out of the folder; the library's own switch does not stop that."""
    with pytest.raises(PolicyError, match="names"):
        model(tmp_path, files).into("sentence-transformers")


def test_diffusers_gets_the_folder(site: Path) -> None:
    """A pipeline of the library's own classes is handed over, a stray script beside it or not."""
    index = json.dumps({"_class_name": "FluxPipeline", "vae": ["diffusers", "AutoencoderKL"]}).encode()
    name, _, options = into(site, {"model_index.json": index, "train.py": b""}, "'diffusers', variant='fp16'")
    assert (name, options) == ("pipeline", {"local_files_only": True, "variant": "fp16"})


@pytest.mark.parametrize(
    "index",
    [
        {"_class_name": ["pipeline", "Mine"]},
        {"unet": ["my_unet", "MyUNet"]},
        {"unet": [["my_unet"], None]},
        {"unet": ["x/my_unet"]},
    ],
)
def test_diffusers_own_code_is_refused(tmp_path: Path, index: dict[str, Any]) -> None:
    """A pipeline that names a script of the folder would run it."""
    files = {"model_index.json": json.dumps(index).encode(), "pipeline.py": b"", "unet/my_unet.py": b""}
    with pytest.raises(PolicyError, match=r"model_index\.json names"):
        model(tmp_path, files).into("diffusers")


def test_diffusers_custom_pipeline_wants_unsafe(tmp_path: Path) -> None:
    """A pipeline from elsewhere is code from elsewhere."""
    with pytest.raises(PolicyError, match="custom_pipeline"):
        model(tmp_path, {"model_index.json": b"{}"}).into("diffusers", custom_pipeline="owner/name")


def test_an_installed_package_offers_a_loader(site: Path) -> None:
    """A loader of the entry points gets the snapshot, ``unsafe`` and the options."""
    assert into(site, {"config.json": b"{}"}, "'plug', level=3") == ["hf:owner/name@" + "0" * 40, False, {"level": 3}]


def test_an_offered_loader_gets_no_pickle_unasked(site: Path) -> None:
    """The refusal stands before every loader that is not ours."""
    assert into(site, {"a.bin": b""}, "'plug'")["error"] == "PolicyError"
    assert into(site, {"a.bin": b""}, "'plug', unsafe=True")[1] is True


def test_a_package_does_not_replace_our_loaders(site: Path) -> None:
    """A kind of ours stays ours, whoever offers the same name."""
    assert "Tensors" in into(site, {"model.safetensors": one()}, "'safetensors'")


@pytest.mark.parametrize("kind", ["broken", "gone"])
def test_an_offered_loader_that_cannot_be_imported(site: Path, kind: str) -> None:
    """A package that offers what it has not is a ConfigError that names it."""
    told = into(site, {"config.json": b"{}"}, repr(kind))
    assert told["error"] == "ConfigError"
    assert kind in told["text"]


def test_our_kinds_are_there() -> None:
    """Every kind of the table has its function."""
    for kind in ("diffusers", "numpy", "onnxruntime", "safetensors", "sentence-transformers", "torch", "transformers"):
        assert kind in kinds()
        assert callable(loader_for(kind))


def field(number: int, value: bytes | int) -> bytes:
    """One field of a protocol buffer, short enough for lengths of one byte."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def doubling_onnx() -> bytes:
    """An ONNX model that adds its input, two floats, to itself."""
    node = field(1, b"x") + field(1, b"x") + field(2, b"y") + field(4, b"Add")
    floats = field(1, field(1, 1) + field(2, field(1, field(1, 2))))
    graph = field(1, node) + field(2, b"g")
    graph += field(11, field(1, b"x") + field(2, floats)) + field(12, field(1, b"y") + field(2, floats))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def test_onnxruntime_runs_the_one_model(tmp_path: Path) -> None:
    """The one ONNX file of a snapshot becomes a session that computes."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    session = model(tmp_path, {"onnx/model.onnx": doubling_onnx()}).into("onnxruntime")
    (result,) = session.run(None, {"x": np.array([1.5, -2], "f4")})
    assert result.tolist() == [3.0, -4.0]


def test_onnxruntime_asks_which_of_several(tmp_path: Path) -> None:
    """Several ONNX files and no choice is a ConfigError with the spelling of one."""
    opened = model(tmp_path, {"a.onnx": b"", "b.onnx": b""})
    with pytest.raises(ConfigError) as caught:
        opened.into("onnxruntime")
    assert 'files="a.onnx"' in (caught.value.hint or "")
    with pytest.raises(NotFound, match=r"'c\*' matches"):
        opened.into("onnxruntime", files="c*")
