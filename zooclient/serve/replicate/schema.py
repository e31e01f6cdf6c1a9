"""The OpenAPI document of a version, in the shape in which Cog 0.9 makes it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zooclient.serve.replicate.hosted import Hosted, Input

#: Version of Cog that makes documents of this shape.
COG: Final = "0.9.5"

_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "file": {"type": "string", "format": "uri"},
    "secret": {"type": "string", "format": "password", "writeOnly": True, "x-cog-secret": True},
}
_OUTPUTS: Final[Mapping[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "file": {"type": "string", "format": "uri"},
    "files": {"type": "array", "items": {"type": "string", "format": "uri"}},
    "strings": {"type": "array", "items": {"type": "string"}, "x-cog-array-type": "iterator"},
    "tokens": {
        "type": "array",
        "items": {"type": "string"},
        "x-cog-array-type": "iterator",
        "x-cog-array-display": "concatenate",
    },
}
_WORDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "Prediction": ("predict", "Predict", "Run a single prediction on the model"),
    "Training": ("train", "Train", ""),
}
_EVENTS: Final = ["start", "output", "logs", "completed"]


def document(hosted: Hosted) -> dict[str, Any]:
    """Returns the document of a version that is hosted like this."""
    kinds = ["Prediction"] if hosted.training is None else ["Prediction", "Training"]
    schemas = _inputs("Input", hosted.inputs)
    output = dict(_OUTPUTS[hosted.output]) if isinstance(hosted.output, str) else dict(hosted.output)
    schemas["Output"] = {"title": "Output", **output}
    if hosted.training is not None:
        schemas |= _inputs("TrainingInput", hosted.training.inputs)
        weights = _property("weights", Input("file"))
        weights = {"type": "object", "title": "TrainingOutput", "required": ["weights"], "properties": weights}
        schemas["TrainingOutput"] = weights
    schemas |= _commons()
    paths = {
        "/": {"get": _operation("Root", "root__get", "Response Root  Get")},
        "/shutdown": {
            "post": _operation(
                "Start Shutdown", "start_shutdown_shutdown_post", "Response Start Shutdown Shutdown Post"
            )
        },
        "/health-check": {
            "get": _operation("Healthcheck", "healthcheck_health_check_get", "Response Healthcheck Health Check Get")
        },
    }
    for kind in kinds:
        before = "" if kind == "Prediction" else kind
        schemas |= _envelopes(kind, f"{before}Input", f"{before}Output")
        paths |= _paths(kind)
    return {
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": paths,
        "openapi": "3.0.2",
        "components": {"schemas": schemas},
    }


def _inputs(title: str, inputs: Mapping[str, Input]) -> dict[str, Any]:
    """The schema of an input, and those of the choices that it refers to."""
    made: dict[str, Any] = {"type": "object", "title": title}
    needed = [name for name, wanted in inputs.items() if wanted.needed]
    if needed:
        made["required"] = needed
    made["properties"] = {}
    choices: dict[str, Any] = {}
    for order, (name, wanted) in enumerate(inputs.items()):
        if wanted.choices:
            said = {"title": name, "description": "An enumeration."}
            choices[name] = {"enum": list(wanted.choices), **_TYPES[wanted.type], **said}
            shape: dict[str, Any] = {"allOf": [{"$ref": f"#/components/schemas/{name}"}]}
        else:
            shape = _property(name, wanted)[name]
        more = {
            "default": wanted.default,
            "minimum": wanted.minimum,
            "maximum": wanted.maximum,
            "minLength": wanted.min_length,
            "maxLength": wanted.max_length,
            "pattern": wanted.pattern,
            "x-order": order,
            "description": wanted.description,
        }
        made["properties"][name] = {**shape, **{key: value for key, value in more.items() if value is not None}}
    return {title: made, **choices}


def _property(name: str, wanted: Input) -> dict[str, Any]:
    shape = {"type": "array", "items": _TYPES[wanted.items]} if wanted.type == "array" else _TYPES[wanted.type]
    return {name: {**shape, "title": name.replace("_", " ").title()}}


def _text(title: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "title": title, **more}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _envelopes(kind: str, taken: str, made: str) -> dict[str, Any]:
    """The schemas of what asks for a run and of what tells of one."""
    moments = {
        name: _text(name.replace("_", " ").title(), format="date-time")
        for name in ("created_at", "started_at", "completed_at")
    }
    request = {
        "id": _text("Id"),
        "input": _ref(taken),
        "webhook": _text("Webhook", format="uri", maxLength=65536, minLength=1),
        "created_at": moments["created_at"],
        "output_file_prefix": _text("Output File Prefix"),
        "webhook_events_filter": {"type": "array", "items": _ref("WebhookEvent"), "default": _EVENTS},
    }
    response = {
        "id": _text("Id"),
        "logs": _text("Logs", default=""),
        "error": _text("Error"),
        "input": _ref(taken),
        "output": _ref(made),
        "status": _ref("Status"),
        "metrics": {"type": "object", "title": "Metrics"},
        "version": _text("Version"),
        **moments,
    }
    return {
        f"{kind}{end}": {"type": "object", "title": f"{kind}{end}", "properties": properties}
        for end, properties in (("Request", request), ("Response", response))
    }


def _commons() -> dict[str, Any]:
    said = {"type": "string", "description": "An enumeration."}
    statuses = ["starting", "processing", "succeeded", "canceled", "failed"]
    return {
        "Status": {"enum": statuses, "title": "Status", **said},
        "WebhookEvent": {"enum": _EVENTS, "title": "WebhookEvent", **said},
        "ValidationError": {
            "type": "object",
            "title": "ValidationError",
            "required": ["loc", "msg", "type"],
            "properties": {
                "loc": {
                    "type": "array",
                    "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    "title": "Location",
                },
                "msg": _text("Message"),
                "type": _text("Error Type"),
            },
        },
        "HTTPValidationError": {
            "type": "object",
            "title": "HTTPValidationError",
            "properties": {"detail": {"type": "array", "items": _ref("ValidationError"), "title": "Detail"}},
        },
    }


def _paths(kind: str) -> dict[str, Any]:
    verb, title, description = _WORDS[kind]
    things, thing = f"{kind.lower()}s", f"{kind.lower()}_id"
    request = _ref(f"{kind}Request")
    named = {"in": "path", "name": thing, "schema": _text(f"{kind} ID"), "required": True}
    prefer = {"in": "header", "name": "prefer", "schema": _text("Prefer"), "required": False}
    told = {"description": description} if description else {}
    again = {"description": f"{description} (idempotent creation)."} if description else {}
    stop = ("Cancel", "cancel") if kind == "Prediction" else ("Cancel Training", "cancel_training")
    ends = f"{stop[0]} {things.title()}  {thing.title().replace('_', ' ')}  Cancel Post"
    return {
        f"/{things}": {
            "post": {
                **_operation(title, f"{verb}_{things}_post", kind, checked=True),
                "parameters": [prefer],
                **told,
                "requestBody": {"content": {"application/json": {"schema": request}}},
            }
        },
        f"/{things}/{{{thing}}}": {
            "put": {
                **_operation(
                    f"{title} Idempotent", f"{verb}_idempotent_{things}__{thing}__put", "Prediction", checked=True
                ),
                "parameters": [named, prefer],
                **again,
                "requestBody": {
                    "content": {"application/json": {"schema": {"allOf": [request], "title": f"{kind} Request"}}},
                    "required": True,
                },
            }
        },
        f"/{things}/{{{thing}}}/cancel": {
            "post": {
                **_operation(stop[0], f"{stop[1]}_{things}__{thing}__cancel_post", f"Response {ends}", checked=True),
                "parameters": [named],
                **({"description": "Cancel a running prediction"} if description else {}),
            }
        },
    }


def _operation(summary: str, name: str, answer: str, *, checked: bool = False) -> dict[str, Any]:
    """An operation; ``answer`` is the title of its response, or the kind of run that it tells of."""
    schema = _ref(f"{answer}Response") if answer in _WORDS else {"title": answer}
    responses = {"200": {"content": {"application/json": {"schema": schema}}, "description": "Successful Response"}}
    if checked:
        wrong = {"application/json": {"schema": _ref("HTTPValidationError")}}
        responses["422"] = {"content": wrong, "description": "Validation Error"}
    return {"summary": summary, "responses": responses, "operationId": name}
