"""Our own loaders. Each imports its library when it is called, and tells what to install when it is not there.

None of them goes to the network: the libraries get the folder of the snapshot and ``local_files_only``. None of them
runs code that came with the model unless ``unsafe`` is set. The libraries' own switch is not enough for that: they
took local folders for trusted (diffusers before 0.38, CVE-2026-44513; sentence-transformers 3.4 to 5.6).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from zooclient.errors import ConfigError, NotFound, PolicyError
from zooclient.loading.files import chosen, path_of
from zooclient.loading.pickles import pickled, refuse_pickles
from zooclient.loading.tensors import Tensors, tensors_of
from zooclient.records.snapshot import Snapshot


def safetensors(snapshot: Snapshot, /, *, unsafe: bool, files: str | None = None) -> Tensors:
    """Lazy numpy arrays by name, as :meth:`zooclient.Model.tensors`. ``unsafe`` changes nothing."""
    return tensors_of(snapshot, files)


def torch(snapshot: Snapshot, /, *, unsafe: bool, files: str | None = None, device: str = "cpu") -> dict[str, Any]:
    """Torch tensors by name, from the safetensors files.

    Args:
        snapshot: What is held.
        unsafe: Where there is no safetensors file, unpickle what torch finds.
        files: Which files to take. None: all.
        device: Where the tensors shall live, in torch's words.

    Raises:
        PolicyError: There are only pickled weights, and ``unsafe`` is not set.
        NotFound: There are no weights that torch reads.
        ConfigError: torch or safetensors is not installed, or two files hold a tensor of the same name.
    """
    held = chosen(snapshot, files, (".safetensors",))
    if held:
        tensors_of(snapshot, files)  # no name twice, every header sound
        load_file = _needed("torch", "torch", "safetensors.torch", install="torch safetensors").load_file
        found: dict[str, Any] = {}
        for file in held:
            found |= load_file(str(path_of(snapshot, file.path)), device=device)
        return found
    if not unsafe:
        refuse_pickles(snapshot, "torch")
    paths = set(pickled(snapshot))
    mine = [file for file in chosen(snapshot, files, ("",)) if file.path in paths]
    if not mine:
        raise _nothing(snapshot, "torch", "safetensors or pickled weights")
    load = _needed("torch", "torch", install="torch").load
    found = {}
    for file in mine:
        found |= load(path_of(snapshot, file.path), map_location=device, weights_only=False)
    return found


def transformers(snapshot: Snapshot, /, *, unsafe: bool, cls: Any = "AutoModel", **options: Any) -> Any:
    """What ``cls.from_pretrained`` makes of the folder.

    Args:
        snapshot: What is held.
        unsafe: Pickled weights may be loaded, and ``trust_remote_code=True`` may be given.
        cls: A class, or the name of one in transformers, such as ``AutoModelForCausalLM`` or ``AutoTokenizer``.
        options: For ``from_pretrained``.
    """
    trusted = _trust(snapshot, unsafe, options)
    library = _needed("transformers", "torch", "transformers", install="transformers torch")
    return _class(library, cls).from_pretrained(
        str(snapshot.path), **{"local_files_only": True, **options, "trust_remote_code": trusted}
    )


def sentence_transformers(snapshot: Snapshot, /, *, unsafe: bool, **options: Any) -> Any:
    """A ``SentenceTransformer`` of the folder; ``options`` are those of its constructor."""
    trusted = _trust(snapshot, unsafe, options)
    if not unsafe:
        for where, kind in _module_types(snapshot):
            if not kind.startswith("sentence_transformers."):
                raise _own_code(snapshot, f"{where} names {kind!r}")
    library = _needed("sentence-transformers", "sentence_transformers", install="sentence-transformers")
    return library.SentenceTransformer(
        str(snapshot.path), **{"local_files_only": True, **options, "trust_remote_code": trusted}
    )


def diffusers(snapshot: Snapshot, /, *, unsafe: bool, cls: Any = "DiffusionPipeline", **options: Any) -> Any:
    """What ``cls.from_pretrained`` makes of the folder; ``cls`` as for :func:`transformers`."""
    trusted = _trust(snapshot, unsafe, options)
    if not unsafe:
        scripts = {_last(file.path).removesuffix(".py") for file in chosen(snapshot, None, (".py",))}
        named = {_last(text) for text in _texts(_json(snapshot, "model_index.json", {}))}
        for script in sorted(scripts & named):
            raise _own_code(snapshot, f"model_index.json names {script}.py")
        if "custom_pipeline" in options:
            raise _own_code(snapshot, "custom_pipeline is given")
    library = _needed("diffusers", "torch", "diffusers", install="diffusers transformers torch")
    if trusted:
        options["trust_remote_code"] = True
    return _class(library, cls).from_pretrained(str(snapshot.path), **{"local_files_only": True, **options})


def onnxruntime(
    snapshot: Snapshot,
    /,
    *,
    unsafe: bool,
    files: str | None = None,
    providers: Sequence[Any] = ("CPUExecutionProvider",),
    **options: Any,
) -> Any:
    """An ``InferenceSession`` of the one ONNX file.

    Args:
        snapshot: What is held.
        unsafe: Changes nothing: an ONNX file holds no code.
        files: Which file, where there are several. None: the only one.
        providers: Where it shall run, in ONNX Runtime's words.
        options: For ``InferenceSession``.

    Raises:
        NotFound: There is no such ONNX file.
        ConfigError: There are several, or onnxruntime is not installed.
    """
    held = chosen(snapshot, files, (".onnx",))
    if not held:
        raise _nothing(snapshot, "onnxruntime", "ONNX file" + (f" that {files!r} matches" if files else ""))
    if len(held) > 1:
        raise ConfigError(
            f"{snapshot.ref} holds {len(held)} ONNX files: {', '.join(file.path for file in held)}.",
            ref=str(snapshot.ref),
            operation="load",
            hint=f'Choose one: `.into("onnxruntime", files="{held[0].path}")`.',
        )
    library = _needed("onnxruntime", "onnxruntime", install="onnxruntime")
    return library.InferenceSession(str(path_of(snapshot, held[0].path)), providers=list(providers), **options)


def _needed(kind: str, *modules: str, install: str) -> ModuleType:
    """Imports every module and returns the last.

    Raises:
        ConfigError: One of them is not installed, or breaks on import.
    """
    try:
        found = [import_module(module) for module in modules]
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name in {name.partition(".")[0] for name in modules}
        what = f"the package {error.name}, which is not installed" if missing else f"a package that breaks: {error}"
        raise ConfigError(
            f"Loading into {kind!r} needs {what}.",
            operation="load",
            hint=f"`python -m pip install {install}`",
        ) from error
    return found[-1]


def _class(library: ModuleType, cls: Any) -> Any:
    if not isinstance(cls, str):
        return cls
    found = getattr(library, cls, None)
    if found is None:
        raise ConfigError(f"{library.__name__} has no class {cls!r}.", operation="load")
    return found


def _trust(snapshot: Snapshot, unsafe: bool, options: dict[str, Any]) -> bool:
    trusted = bool(options.pop("trust_remote_code", False))
    if trusted and not unsafe:
        raise _own_code(snapshot, "trust_remote_code is given")
    return trusted


def _own_code(snapshot: Snapshot, why: str) -> PolicyError:
    return PolicyError(
        f"Loading {snapshot.ref} would run Python code that came with it: {why}.",
        ref=str(snapshot.ref),
        zoo=snapshot.ref.scheme,
        operation="load",
        hint="If you have read that code and trust its author, say `unsafe=True`.",
    )


def _nothing(snapshot: Snapshot, kind: str, what: str) -> NotFound:
    return NotFound(
        f"{snapshot.ref} holds no {what} for {kind}.",
        ref=str(snapshot.ref),
        zoo=snapshot.ref.scheme,
        operation="load",
        hint="`weights=` chooses the formats that are downloaded; `.files` lists what is held.",
    )


def _json(snapshot: Snapshot, name: str, otherwise: Any) -> Any:
    """Returns what a JSON file holds; ``otherwise`` when it is not there, or not of that type.

    A file whose name differs in case alone is the same one to a library on Windows and macOS.
    """
    path = next((file.path for file in snapshot.files if file.path.lower() == name.lower()), None)
    if path is None:
        return otherwise
    try:
        found = json.loads(path_of(snapshot, path).read_bytes())
    except (ValueError, RecursionError):
        return otherwise  # the library will say what is wrong with it
    return found if isinstance(found, type(otherwise)) else otherwise


def _last(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2].lower()


def _module_types(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Gives (file, class) for every class that sentence-transformers would build by name."""
    for module in _json(snapshot, "modules.json", []):
        yield "modules.json", str(module.get("type")) if isinstance(module, dict) else str(module)
    for file in chosen(snapshot, None, ("router_config.json",)):
        for kind in _texts(_json(snapshot, file.path, {}).get("types")):
            yield file.path, kind


def _texts(value: Any) -> Iterator[str]:
    """Gives every text within a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
