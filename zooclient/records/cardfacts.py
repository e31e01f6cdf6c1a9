"""What the files of a model tell for its card: base model, library, task, parameters, results. Pure: parsed JSON in.

The files are those that the libraries write: ``config.json`` (transformers, timm), ``adapter_config.json`` (peft),
``model_index.json`` (diffusers), ``modules.json`` (sentence-transformers), ``configuration.json`` (ModelScope), and
results as transformers' Trainer (``eval_results.json``) and lm-evaluation-harness (``results*.json``) write them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from attrs import evolve, field, frozen

from zooclient.records.model import License

#: Ending of a class of transformers → task id of the Hub.
_TASKS = {
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
    "ForMaskedLM": "fill-mask",
    "ForMultipleChoice": "multiple-choice",
    "ForImageClassification": "image-classification",
    "ForObjectDetection": "object-detection",
    "ForSemanticSegmentation": "image-segmentation",
    "ForDepthEstimation": "depth-estimation",
    "ForAudioClassification": "audio-classification",
    "ForCTC": "automatic-speech-recognition",
    "ForSpeechSeq2Seq": "automatic-speech-recognition",
    "ForVideoClassification": "video-classification",
}
#: ``task_type`` of peft → task id of the Hub.
_PEFT_TASKS = {
    "CAUSAL_LM": "text-generation",
    "SEQ_CLS": "text-classification",
    "TOKEN_CLS": "token-classification",
    "QUESTION_ANS": "question-answering",
    "FEATURE_EXTRACTION": "feature-extraction",
}
#: Libraries whose weights are for PyTorch.
_TORCH = frozenset({"transformers", "peft", "diffusers", "sentence-transformers", "timm"})

#: Names of files that are read for facts.
CONFIGS = ("adapter_config.json", "config.json", "model_index.json", "modules.json", "configuration.json")
RESULTS = re.compile(r"(?:[^/]+/)?(?:eval_results|all_results|results(?:_[^/]*)?)\.json")

_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")
#: Results of one file that are taken at the most.
_MOST_RESULTS = 100


@frozen(kw_only=True)
class Result:
    """One measured number.

    Attributes:
        metric: Its name, such as ``accuracy``.
        value: The number.
        dataset: Name of the data. None: the file does not tell.
    """

    metric: str
    value: float
    dataset: str | None = None


@frozen(kw_only=True)
class CardFacts:
    """What is known for a card. What is not known is None or empty.

    Attributes:
        title: Name of the model.
        base: Id of the base model, as a zoo writes it.
        relation: How it was made from it: ``adapter``, ``finetune``, ….
        license: Licence that the card is to claim.
        library: Library id of the Hub.
        task: Task id.
        framework: Framework as ModelScope names it.
        parameters: Type of the numbers, such as ``BF16`` → how many there are, over all safetensors files.
        results: Measured numbers.
    """

    title: str
    base: str | None = None
    relation: str | None = None
    license: License | None = None
    library: str | None = None
    task: str | None = None
    framework: str | None = None
    parameters: Mapping[str, int] = field(factory=dict, hash=False)
    results: tuple[Result, ...] = ()


def facts_of(title: str, configs: Mapping[str, Any], names: Collection[str]) -> CardFacts:
    """Returns what the configs of a model tell.

    Args:
        title: Name of the model.
        configs: Name of a file of :data:`CONFIGS`, or of results → its JSON.
        names: Paths of all files.
    """
    base, relation = _base(configs)
    library = _library(configs, names)
    scope = _mapping(configs.get("configuration.json"))
    facts = CardFacts(
        title=title,
        base=base,
        relation=relation,
        library=library,
        task=_task(configs, library) or _text(scope.get("task")),
        framework=_text(scope.get("framework")) or ("pytorch" if library in _TORCH else None),
    )
    results: list[Result] = []
    for name in sorted(configs):
        if RESULTS.fullmatch(name):
            results += (result for result in read_results(configs[name]) if result not in results)
    return evolve(facts, results=tuple(results))


def _base(configs: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The base model and the relation to it. A path on the machine of whoever trained it is no model."""
    adapter = _text(_mapping(configs.get("adapter_config.json")).get("base_model_name_or_path"))
    if adapter is not None and _MODEL_NAME.fullmatch(adapter):
        return adapter, "adapter"
    config = _text(_mapping(configs.get("config.json")).get("_name_or_path"))
    if config is not None and _MODEL_NAME.fullmatch(config):
        return config, "finetune"
    return None, None


def _library(configs: Mapping[str, Any], names: Collection[str]) -> str | None:
    config = _mapping(configs.get("config.json"))
    if "adapter_config.json" in configs:
        return "peft"
    if "model_index.json" in configs:
        return "diffusers"
    if "modules.json" in configs and isinstance(configs["modules.json"], list):
        return "sentence-transformers"
    if "pretrained_cfg" in config and "architecture" in config:
        return "timm"
    if "architectures" in config or "transformers_version" in config:
        return "transformers"
    return "gguf" if any(name.lower().endswith(".gguf") for name in names) else None


def _task(configs: Mapping[str, Any], library: str | None) -> str | None:
    if library == "peft":
        return _PEFT_TASKS.get(str(_mapping(configs["adapter_config.json"]).get("task_type")))
    if library == "diffusers":
        pipeline = str(_mapping(configs["model_index.json"]).get("_class_name"))
        plain = re.fullmatch(r"(?:StableDiffusion(?:XL|3)?|Flux|PixArt\w*|Kandinsky\w*)Pipeline", pipeline)
        return "text-to-image" if plain else None
    if library in ("sentence-transformers", "timm"):
        return "sentence-similarity" if library == "sentence-transformers" else "image-classification"
    classes = _mapping(configs.get("config.json")).get("architectures")
    for name in classes if isinstance(classes, list) else ():
        for ending, task in _TASKS.items():
            if isinstance(name, str) and name.endswith(ending):
                return task
    return None


def read_results(data: Any) -> tuple[Result, ...]:
    """Returns the numbers of a file of results, of either form; times, counts and losses of training are none."""
    told = _mapping(data)
    tasks = told.get("results")
    if isinstance(tasks, dict):
        found = [result for task, values in tasks.items() for result in _harness(str(task), _mapping(values))]
    else:
        found = list(_trainer(told))
    return tuple(found[:_MOST_RESULTS])


def _harness(task: str, values: Mapping[str, Any]) -> Iterator[Result]:
    """lm-evaluation-harness: ``{"arc_easy": {"acc,none": 0.5, "acc_stderr,none": 0.01, "alias": "arc_easy"}}``."""
    for key, value in values.items():
        metric, _, which = str(key).partition(",")
        if _is_number(value) and not metric.endswith("_stderr") and metric not in ("samples", "sample_len"):
            name = metric if which in ("", "none") else f"{metric} ({which})"
            yield Result(metric=name, value=float(value), dataset=task)


def _trainer(told: Mapping[str, Any]) -> Iterator[Result]:
    """transformers' Trainer: ``{"eval_accuracy": 0.9, "eval_loss": 0.2, "eval_runtime": 3.1, "epoch": 3.0}``."""
    for key, value in told.items():
        metric = str(key).removeprefix("eval_")
        timed = metric.endswith(("_per_second", "_time", "_ms")) or metric in ("runtime", "samples", "jit_compilation")
        if str(key).startswith("eval_") and _is_number(value) and not timed:
            yield Result(metric=metric, value=float(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) != float("inf")


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) and len(value) < 300 else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
