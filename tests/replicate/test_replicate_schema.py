"""The typed record of what a model takes and gives: read from every oddity of Cog, and held to before a run."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from replicate_answers import document, load

from zooclient.errors import ConfigError
from zooclient.providers.replicate.openapi import read_schema
from zooclient.records.schema import Input, Output, Schema

SDXL = "version_get_sdxl_cog095_trainable.json"


def one(told: Any, **named: Any) -> Input:
    """Reads one input called x, with further schemas that it may refer to."""
    whole = document(x=told)
    whole["components"]["schemas"] |= named
    schema = read_schema(whole)
    found = schema.input("x") if schema is not None else None
    assert found is not None
    return found


def output(told: Any, cog: str | None = None, **named: Any) -> Output:
    """Reads an output."""
    whole = document()
    whole["components"]["schemas"] |= {"Output": told, **named}
    schema = read_schema(whole, cog)
    assert schema is not None
    assert schema.output is not None
    return schema.output


def schema_of(*inputs: Input) -> Schema:
    return Schema(inputs=inputs)


# -- recorded -----------------------------------------------------------------------------------


def test_recorded_sdxl_is_typed() -> None:
    """Order, types, bounds, choices behind a reference and files, as the page of the model shows them."""
    told = load(SDXL)
    schema = read_schema(told["openapi_schema"], told["cog_version"])
    assert schema is not None
    names = [given.name for given in schema.inputs]
    assert names[:5] == ["prompt", "negative_prompt", "image", "mask", "width"]
    assert (names[-1], len(names)) == ("disable_safety_checker", 19)
    image, outputs, scheduler = schema.input("image"), schema.input("num_outputs"), schema.input("scheduler")
    assert image is not None and image.file and image.types == ("string",)
    assert outputs is not None and (outputs.minimum, outputs.maximum, outputs.default) == (1, 4, 1)
    assert scheduler is not None
    assert (scheduler.default, scheduler.choices[:2], len(scheduler.choices)) == (
        "K_EULER",
        ("DDIM", "DPMSolverMultistep"),
        7,
    )
    assert scheduler.description == "scheduler", "what stands beside the reference counts, not its 'An enumeration.'"
    assert not any(given.required for given in schema.inputs)
    assert schema.output == Output(kind="array", items="file")
    assert schema.training_inputs is not None
    assert [given.name for given in schema.training_inputs if given.required] == ["input_images"]
    assert schema.training_inputs[0].file


def test_recorded_older_sdxl_cannot_be_trained() -> None:
    """A version without the schemas of a training has none."""
    told = load("version_get_sdxl_cog086.json")
    schema = read_schema(told["openapi_schema"], told["cog_version"])
    assert schema is not None
    assert (len(schema.inputs), schema.training_inputs) == (19, None)
    with pytest.raises(ConfigError, match="cannot be trained"):
        schema.check({}, training=True)


def test_recorded_llama_gives_pieces_of_a_text() -> None:
    """An iterator that concatenates is one text that comes in pieces; bounds may be whole floats."""
    told = load("version_get_llama_concatenate.json")
    schema = read_schema(told["openapi_schema"], told["cog_version"])
    assert schema is not None
    assert schema.output == Output(kind="array", items="text", grows=True, joined=True)
    top_k = schema.input("top_k")
    assert top_k is not None and (top_k.minimum, top_k.default, top_k.required) == (0, 50, False)
    assert schema.check({"prompt": "hi", "top_k": 3}) == {"prompt": "hi", "top_k": 3}
    with pytest.raises(ConfigError, match="prompt: it is required, and missing"):
        schema.check({"top_k": 3})


def test_recorded_early_versions() -> None:
    """Of Cog 0.1 there is half a document, and of 0.3.11 choices of their own names."""
    first, second = (told["latest_version"] for told in load("collection_get_text_to_image.json")["models"])
    schema = read_schema(first["openapi_schema"], first["cog_version"])
    assert schema is not None
    assert [given.name for given in schema.inputs] == ["sentence"]
    assert schema.output == Output(kind="array", items="object", fields={"file": "file", "text": "text"}, grows=True)
    schema = read_schema(second["openapi_schema"], second["cog_version"])
    assert schema is not None
    assert [given.name for given in schema.inputs] == ["prompt", "model", "prior", "grid_size", "seed"]
    assert schema.inputs[3].choices == ("1x1", "2x2", "4x4", "8x8")
    assert schema.output == Output(kind="file")


# -- oddities -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"type": "integer", "enum": ["512", "256"]}, {"types": ("integer",), "choices": (512, 256)}),
        ({"type": "number", "enum": ["0.5", 1]}, {"choices": (0.5, 1)}),
        ({"type": "string", "enum": [1, "a"]}, {"choices": ("1", "a")}),
        ({"type": "boolean", "enum": ["true"]}, {"choices": (True,)}),
        ({"type": "number", "ge": 1, "le": 2}, {"minimum": 1, "maximum": 2}),
        ({"type": "number", "minimum": 0, "ge": 1}, {"minimum": 0}),
        ({"allOf": [{"$ref": "#/components/schemas/size"}], "default": 512}, {"choices": (512, 1024), "default": 512}),
        ({"$ref": "#/components/schemas/size"}, {"types": ("integer",), "choices": (512, 1024)}),
        ({"allOf": [{"$ref": "#/components/schemas/nowhere"}]}, {"types": (), "choices": ()}),
        ({"allOf": [{"$ref": "#/components/schemas/circle"}]}, {"types": (), "choices": ()}),
        ({"type": "string", "nullable": True}, {"types": ("string",), "required": False}),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"types": ("string", "integer"), "required": True}),
        ({"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]}, {"format": "uri", "required": False}),
        ({"anyOf": [{"$ref": "#/components/schemas/size"}, {"type": "null"}]}, {"choices": (512, 1024)}),
        ({"type": ["string", "null"]}, {"types": ("string",), "required": False}),
        ({"type": "integer", "default": None}, {"required": False, "default": None}),
        ({"type": "integer", "default": 0}, {"required": False, "default": 0}),
        ({"type": "string", "x-cog-secret": True}, {"secret": True, "required": True}),
        ({"type": "string", "format": "password"}, {"secret": True}),
        ({"type": "string", "deprecated": True}, {"deprecated": True}),
        ({"type": "string", "minLength": 1, "maxLength": 9}, {"min_length": 1, "max_length": 9}),
        ({"type": "string", "maxLength": -1, "minLength": True}, {"min_length": None, "max_length": None}),
        ({"type": "array", "items": {"type": "string", "format": "uri"}}, {"item_format": "uri"}),
        ({"type": "array", "items": {"enum": ["1"], "type": "integer"}}, {"item_choices": (1,)}),
        ({"type": "array"}, {"item_types": ()}),
        ({"type": "object", "additionalProperties": True}, {"types": ("object",)}),
        ({"type": "what"}, {"types": ()}),
        ({}, {"types": (), "required": True}),
        (None, {"types": ()}),
        ({"type": "string", "x-order": "first", "title": 3}, {"title": None}),
    ],
)
def test_an_odd_input_is_read(told: Any, expected: dict[str, Any]) -> None:
    """What a version of Cog wrote becomes types, choices and bounds; what has the wrong type reads as absent."""
    size = {"type": "integer", "enum": ["512", 1024], "description": "An enumeration."}
    circle = {"allOf": [{"$ref": "#/components/schemas/circle"}]}
    whole = document(x=told)
    whole["components"]["schemas"]["Input"]["required"] = ["x"]
    whole["components"]["schemas"] |= {"size": size, "circle": circle}
    schema = read_schema(whole)
    assert schema is not None
    found = schema.input("x")
    assert {name: getattr(found, name) for name in expected} == expected


def test_the_order_is_the_authors() -> None:
    """By x-order, and what has none comes last, as listed; the order of the keys means nothing."""
    whole = document(z={"x-order": 2}, b={}, a={}, y={"x-order": 1})
    schema = read_schema(whole)
    assert schema is not None
    assert [given.name for given in schema.inputs] == ["prompt", "y", "z", "b", "a"]


@pytest.mark.parametrize(
    ("told", "cog", "expected"),
    [
        ({"type": "string"}, None, Output(kind="text")),
        ({"type": "string", "format": "uri"}, None, Output(kind="file")),
        ({"type": "object"}, None, Output(kind="object")),
        (
            {"type": "object", "properties": {"b": {"type": "number", "x-order": 1}, "a": {"type": "boolean"}}},
            None,
            Output(kind="object", fields={"b": "number", "a": "boolean"}),
        ),
        ({"$ref": "#/components/schemas/thing"}, None, Output(kind="object", fields={"url": "file"})),
        ({"type": "array", "items": {"type": "integer"}}, "0.3.8", Output(kind="array", items="integer", grows=True)),
        ({"type": "array", "items": {"type": "integer"}}, "0.3.9", Output(kind="array", items="integer")),
        ({"type": "array", "items": {}}, "0.9.0-beta8", Output(kind="array", items="any")),
        ({"type": "array", "x-cog-array-type": "iterator"}, None, Output(kind="array", items="any", grows=True)),
        ({"title": "Output"}, None, Output(kind="any")),
        ({"anyOf": [{"type": "string"}, {"type": "number"}]}, None, Output(kind="any")),
    ],
)
def test_an_output_is_read(told: Any, cog: str | None, expected: Output) -> None:
    """What comes of a run is known beforehand: a file is one by its format, never by how a text begins."""
    thing = {"type": "object", "properties": {"url": {"type": "string", "format": "uri"}}}
    assert output(told, cog, thing=thing) == expected


@pytest.mark.parametrize("told", [None, {}, [], "x", {"components": {"schemas": {"Status": {}}}}, {"components": 3}])
def test_no_document_is_no_schema(told: Any) -> None:
    """A version that tells nothing has no schema, rather than one without inputs."""
    assert read_schema(told) is None


def test_a_version_may_say_that_it_streams() -> None:
    """The newest Cog marks it on the operation."""
    told = {**document(), "paths": {"/predictions": {"post": {"x-cog-streaming": True}}}}
    schema = read_schema(told)
    assert schema is not None and schema.streams


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_KEYS = st.sampled_from(
    (
        *("type", "enum", "default", "minimum", "ge", "le", "allOf", "anyOf", "$ref", "items", "format", "nullable"),
        *("x-order", "properties", "required", "minLength", "maxLength", "description", "x-cog-secret"),
    )
)
_VALUES = (
    _JSON
    | st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "uri", "null"])
    | st.lists(st.sampled_from(["1", 1, "a", None, True]), max_size=3)
    | st.just([{"$ref": "#/components/schemas/Other"}])
    | st.just("#/components/schemas/Other")
)
_SCHEMAS = st.dictionaries(_KEYS, _VALUES, max_size=6)
_DOCUMENTS = st.builds(
    lambda inputs, out, other: {
        "components": {
            "schemas": {"Input": {"properties": inputs, "required": list(inputs)[:1]}, "Output": out, "Other": other}
        }
    },
    st.dictionaries(st.sampled_from(["a", "b", "class", "x y", "\n"]), _SCHEMAS | _JSON, max_size=4),
    _SCHEMAS | _JSON,
    _SCHEMAS | _JSON,
)


@given(_DOCUMENTS | _JSON)
def test_any_document_is_read_and_kept(told: Any) -> None:
    """Whatever a server calls a schema is read without an error, and is the same after a journey as JSON."""
    schema = read_schema(told)
    if schema is not None:
        assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@given(_DOCUMENTS, st.dictionaries(st.sampled_from(["a", "b", "class", "x y", "\n", "z"]), _JSON, max_size=4))
def test_inputs_fit_or_are_refused(told: Any, inputs: dict[str, Any]) -> None:
    """What passes is JSON, holds nothing that was not given, and passes again unchanged; all else is a ConfigError."""
    schema = read_schema(told)
    if schema is None:
        return
    try:
        sent = schema.check(inputs)
    except ConfigError as error:
        assert error.message.isprintable()
        return
    assert set(sent) == {name for name, value in inputs.items() if value is not None}
    assert json.loads(json.dumps(sent, allow_nan=False)) == sent
    assert schema.check(sent) == sent
    for name, value in sent.items():
        given_ = schema.input(name)
        assert given_ is not None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not given_.file:
            assert given_.minimum is None or value >= given_.minimum
            assert given_.maximum is None or value <= given_.maximum


# -- the check ----------------------------------------------------------------------------------

NUMBER = Input(name="x", types=("number",), minimum=1, maximum=2)
WHOLE = Input(name="x", types=("integer",))
TEXT = Input(name="x", types=("string",), min_length=2, max_length=3)
CHOICE = Input(name="x", types=("integer",), choices=(1, 2))
FILE = Input(name="x", types=("string",), format="uri")
LIST = Input(name="x", types=("array",), item_types=("string",))
FILES = Input(name="x", types=("array",), item_format="uri")
SECRET = Input(name="x", types=("string",), choices=("a",), secret=True)
EITHER = Input(name="x", types=("string", "integer"))
OBJECT = Input(name="x", types=("object",))
ANY = Input(name="x")


@pytest.mark.parametrize(
    ("given_", "value", "sent"),
    [
        (NUMBER, 1, 1),
        (NUMBER, 1.5, 1.5),
        (WHOLE, 2.0, 2),
        (TEXT, "abc", "abc"),
        (CHOICE, 2.0, 2),
        (FILE, "https://example.org/a.png", "https://example.org/a.png"),
        (FILE, "data:text/plain,a", "data:text/plain,a"),
        (FILE, b"bytes", b"bytes"),
        (FILE, Path("a.png"), Path("a.png")),
        (LIST, ("a", "b"), ["a", "b"]),
        (FILES, [Path("a"), "data:,b"], [Path("a"), "data:,b"]),
        (EITHER, 3, 3),
        (EITHER, "3", "3"),
        (OBJECT, {"a": (1, None)}, {"a": [1, None]}),
        (ANY, [1, {"a": True}], [1, {"a": True}]),
    ],
)
def test_what_fits_is_sent(given_: Input, value: Any, sent: Any) -> None:
    """A value is sent as JSON has it, and a file is handed on for whoever sends it."""
    found = schema_of(given_).check({"x": value})["x"]
    assert found == sent
    assert type(found) is type(sent)


@pytest.mark.parametrize(
    ("given_", "value", "reason"),
    [
        (NUMBER, 0.5, "it is at least 1, and this is 0.5"),
        (NUMBER, 3, "it is at most 2, and this is 3"),
        (NUMBER, True, "it is to be a number, and not a boolean"),
        (NUMBER, "1", "it is to be a number, and not a string"),
        (NUMBER, float("nan"), "it is to be a number, and not a number"),
        (WHOLE, 1.5, "it is to be an integer, and not a number"),
        (WHOLE, False, "it is to be an integer, and not a boolean"),
        (TEXT, "a", "it has at least 2 characters, and this has 1"),
        (TEXT, "abcd", "it has at most 3 characters, and this has 4"),
        (TEXT, "a\ud800", "it holds half a character"),
        (CHOICE, 3, "3 is none of 1, 2"),
        (Input(name="x", choices=(1,)), True, "true is none of 1"),
        (FILE, "a.png", "a file of this machine is a Path"),
        (FILE, "http://example.org/a", "no https: or data: address"),
        (FILE, 3, "it is a file, and not an integer"),
        (LIST, ["a", 1], "each item is to be a string, and one is an integer"),
        (LIST, "a", "it is to be an array, and not a string"),
        (FILES, ["a"], "it is a file"),
        (EITHER, 1.5, "it is to be a string or an integer, and not a number"),
        (OBJECT, {1: 2}, "JSON cannot say a dict"),
        (ANY, {1, 2}, "JSON cannot say a set"),
        (ANY, float("inf"), "JSON cannot say inf"),
    ],
)
def test_what_does_not_fit_is_told(given_: Input, value: Any, reason: str) -> None:
    """An input that the server would refuse is refused before anybody is asked, by name and with the reason."""
    with pytest.raises(ConfigError) as caught:
        schema_of(given_).check({"x": value})
    assert caught.value.message.startswith("The inputs do not fit the model: x: ")
    assert reason in caught.value.message


def test_all_faults_are_told_at_once() -> None:
    """Whoever mistyped three inputs is told of three, and what the model takes; a null is as good as nothing."""
    schema = schema_of(
        evolve(NUMBER, name="steps"), evolve(TEXT, name="prompt", required=True), evolve(WHOLE, name="n")
    )
    with pytest.raises(ConfigError) as caught:
        schema.check({"steps": 9, "promt": "abc", "n": None})
    for told in (
        "steps: it is at most 2",
        "promt: the model has no such input; prompt is near",
        "prompt: it is required",
    ):
        assert told in caught.value.message
    assert caught.value.hint == "It takes: steps, prompt, n."
    assert schema.check({"prompt": "abc", "n": None}) == {"prompt": "abc"}
    with pytest.raises(ConfigError, match="required"):
        schema.check({"prompt": None})


def test_an_open_file_is_a_file() -> None:
    """What can be read is handed on, and not read here."""
    stream = io.BytesIO(b"x")
    assert schema_of(FILE).check({"x": stream})["x"] is stream
    assert stream.tell() == 0


def test_a_secret_is_not_shown() -> None:
    """What does not fit is not repeated where it is a secret."""
    with pytest.raises(ConfigError) as caught:
        schema_of(SECRET).check({"x": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_hostile_pattern_costs_nothing() -> None:
    """A pattern is kept and not tried: one that never ends would hang whoever asks."""
    found = one({"type": "string", "pattern": "(a+)+$"})
    assert found.pattern == "(a+)+$"
    assert schema_of(found).check({"x": "a" * 60 + "!"}) == {"x": "a" * 60 + "!"}


@pytest.mark.parametrize("given_", [WHOLE, NUMBER, CHOICE, LIST, ANY, FILE])
def test_a_number_of_any_size_is_refused(given_: Input) -> None:
    """More digits than a float or a text can hold are a ConfigError, and never a traceback."""
    with pytest.raises(ConfigError):
        schema_of(given_).check({"x": 10**5000})
    assert schema_of(WHOLE).check({"x": 2**64}) == {"x": 2**64}
