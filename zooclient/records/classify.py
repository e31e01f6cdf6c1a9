"""What a file is for, and in which format its weights are, told by its name alone.

The conventions are those of the libraries that write such files (transformers, diffusers, sentence-transformers,
llama.cpp, Keras, OpenVINO, Core ML); every zoo's files follow them.
"""

from __future__ import annotations

from zooclient.records.model import Role

#: Format of weights → endings of its files. Formats whose files only their whole name tells stand in `_format_of`.
_ENDINGS = {
    "safetensors": (".safetensors",),
    "gguf": (".gguf",),
    "pickle": (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".ptl", ".mar"),
    "onnx": (".onnx", ".onnx_data", ".onnx.data"),
    "flax": (".msgpack",),
    "tensorflow": (".h5", ".hdf5", ".pb"),
    "keras": (".keras",),
    "tflite": (".tflite", ".litertlm", ".task"),
    "rust": (".ot",),
    "coreml": (".mlmodel",),
    "ggml": (".ggml", ".ggmlv3"),
    "numpy": (".npz", ".npy"),
    "nemo": (".nemo",),
    "paddle": (".pdparams", ".pdiparams", ".pdmodel"),
    "executorch": (".pte",),
    "tensorrt": (".engine", ".plan"),
    "llamafile": (".llamafile",),
}
_FORMAT_OF = {ending: name for name, endings in _ENDINGS.items() for ending in endings}

#: Every format that a name can tell, the common ones first.
FORMATS = (*_ENDINGS, "openvino")

#: Left over from training: pickles and arrays that no loader asks for.
_TRAINING = ("optimizer.", "scheduler.", "rng_state", "random_states", "training_args.", "scaler.")

_TOKENIZER_NAMES = frozenset(
    {
        *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tekken.json"),
        *("vocab.txt", "vocab.json", "vocab.bpe", "merges.txt", "bpe.codes", "dict.txt", "chat_template.jinja"),
        *("chat_template.json", "spiece.model", "spm.model", "source.spm", "target.spm", "target_vocab.json"),
        *("sentencepiece.bpe.model", "sentencepiece.model", "normalizer.json", "source_vocab.json"),
    }
)
_CODE_ENDINGS = (
    *(".py", ".pyx", ".pyi", ".ipynb", ".sh", ".ps1", ".bat", ".c", ".cc", ".cpp", ".cu", ".h", ".hpp", ".js"),
    *(".mjs", ".ts", ".rs", ".go", ".java", ".rb", ".lua", ".r", ".jl", ".swift", ".so", ".dll", ".dylib", ".exe"),
    *(".whl", ".jar", ".wasm"),
)
_CONFIG_ENDINGS = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".jinja")


def classify(path: str) -> tuple[Role, str | None]:
    """Returns role and weights format of a file; the format is None when the name does not tell one.

    A file may have a format and still not be weights: the state of an optimizer is a pickle with role ``other``.
    """
    lower = path.lower()
    name = lower.rpartition("/")[2]
    if lower == "readme.md":
        return "card", None
    if name in _TOKENIZER_NAMES or name.endswith((".tiktoken", ".spm")) or name.startswith("tokenizer.model"):
        return "tokenizer", None
    format_ = _format_of(lower, name)
    if format_ is not None:
        return ("other" if name.startswith(_TRAINING) else "weights"), format_
    if name.endswith(_CODE_ENDINGS):
        return "code", None
    if name.endswith(_CONFIG_ENDINGS):
        return "config", None
    return "other", None


def _format_of(lower: str, name: str) -> str | None:
    if ".mlpackage/" in lower or ".mlmodelc/" in lower:
        return "coreml"
    if name.startswith("openvino_") and name.endswith((".bin", ".xml")):
        return "openvino"
    if name.startswith("ggml-") and name.endswith(".bin"):
        return "ggml"  # whisper.cpp: no pickle, whatever the ending says
    if ".data-0" in name or name.endswith((".ckpt.index", ".ckpt.meta", "variables.index")):
        return "tensorflow"  # checkpoints, and the variables of a SavedModel
    if ".onnx_data" in name:
        return "onnx"  # .onnx_data_1 and so on
    return next((_FORMAT_OF[ending] for ending in _FORMAT_OF if name.endswith(ending)), None)
