"""The schemas of the OpenAPI document, derived from the values that are read and sent."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from audio_tools.events import ChunkWords, Progress
from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.export_options import ExportOptions
from audio_tools.exports.plan_json import PlanDocument
from audio_tools.exports.registry import FORMATS
from audio_tools.jobs.summary import Summary
from audio_tools.json_value import READING_DOCSTRINGS
from audio_tools.options import Options
from audio_tools.server import views
from audio_tools.server.openapi.json_schema import plain, ref
from audio_tools.transcript import Json, Transcript
from audio_tools.webhooks import WebhookMessage

SENT = (
    Transcript,
    PlanDocument,
    views.Started,
    views.JobData,
    views.JobStatus,
    views.JobList,
    views.Deliveries,
    WebhookMessage,
    views.Result,
    views.Pending,
    views.MediaAddress,
    views.Done,
    views.Health,
    views.ErrorBody,
    views.JobFailure,
    Summary,
    Progress,
    ChunkWords,
)
"""Values sent to clients; nested values are included automatically."""
TAKEN: tuple[type, ...] = (Options, CutOptions, ExportOptions)
"""Values that clients send."""
WITHOUT_BODY = {
    "waiting": "The job is in the queue, or was requeued after a restart.",
    "cancelling": "The job was cancelled, and its worker is about to stop.",
    "cancelled": "The last event: the job was cancelled.",
}
"""Events without fields of their own."""
WAVEFORM: Json = {
    "type": "object",
    "description": "Waveform data of audiowaveform, version 2.",
    "properties": {
        "version": {"type": "integer", "const": 2, "description": "Always 2."},
        "channels": {"type": "integer", "description": "Number of channels."},
        "sample_rate": {"type": "integer", "description": "Sample rate, Hz."},
        "samples_per_pixel": {"type": "integer", "description": "Samples of a pixel."},
        "bits": {"type": "integer", "const": 8, "description": "Always 8."},
        "length": {"type": "integer", "description": "Number of pixels."},
        "data": {
            "type": "array",
            "items": {"type": "integer", "minimum": -128, "maximum": 127},
            "description": "Lowest and highest sample of each pixel, one after the other.",
        },
    },
    "required": ["version", "channels", "sample_rate", "samples_per_pixel", "bits", "length", "data"],
}
EXPORTED_JSON: Json = {
    "description": "The transcript (`json`), or a document in the form of another program.",
    "anyOf": [ref("Transcript"), ref("PlanDocument"), {"type": "object"}],
}


@cache
def _derived() -> Json:
    with READING_DOCSTRINGS:
        described: list[tuple[Any, Literal["validation", "serialization"], TypeAdapter[Any]]] = [
            *((kind, "serialization", TypeAdapter(kind)) for kind in SENT),
            *((kind, "validation", TypeAdapter(kind)) for kind in TAKEN),
        ]
        _, definitions = TypeAdapter.json_schemas(
            described, by_alias=True, ref_template="#/components/schemas/{model}"
        )
    return {name: _tidy(schema) for name, schema in definitions["$defs"].items()}


def _tidy(schema: Any) -> Any:
    """The same without titles, and without null for fields that are omitted instead."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if name := schema.get("x-schema"):
        return ref(name, schema.get("description", ""))
    tidied = {
        key: _tidy(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)
    }
    for name, field in tidied.get("properties", {}).items():
        if name in tidied.get("required", ()):
            field.pop("default", None)  # always present, so it carries no information
            tidied["properties"][name] = _nullable(field)
        else:
            nullable = field.pop("nullable", False)
            tidied["properties"][name] = _nullable(field) if nullable else plain(field)
    return tidied


def _nullable(field: Json) -> Json:
    """A number or null with its bounds beside the type: many generators ignore bounds outside `anyOf`."""
    kinds: list[Json] = field.get("anyOf", [])
    if len(kinds) != 2 or kinds[1] != {"type": "null"} or "type" not in kinds[0]:
        return field
    merged: Json = {key: value for key, value in field.items() if key != "anyOf"} | kinds[0]
    if "enum" in merged:
        merged["enum"] = [*merged["enum"], None]
    return merged | {"type": [merged["type"], "null"]}


def _event(kind: str, description: str, body: Json, *, stored: bool = True) -> Json:
    """A WebSocket message: `body` is the schema of its own fields."""
    identity = {"id": {"type": "string", "description": "Position among the job's events, for `after`."}}
    envelope = {
        "type": {"type": "string", "const": kind, "description": f"Always `{kind}`."},
        "jobId": {"type": "string", "description": "Id of the job, a UUID."},
        "timestamp": {"type": "string", "format": "date-time", "description": "ISO 8601 in UTC."},
    } | (identity if stored else {})
    # The last progress message has no id.
    required = {*envelope, *body.get("required", ())} - ({"id"} if kind == "progress" else set())
    fields = {name: field for name, field in body.get("properties", {}).items() if name not in envelope}
    return {
        "type": "object",
        "description": description,
        "properties": envelope | fields,
        "required": [name for name in (envelope | fields) if name in required],
    }


def _object(**fields: Json) -> Json:
    return {"properties": fields, "required": [*fields]}


def _events(schemas: Json) -> Json:
    status, progress, words = (schemas[kind.__name__] for kind in (views.JobStatus, Progress, ChunkWords))
    attempts = _object(attempts=status["properties"]["attempts"])
    result = _object(result=ref("Summary", "The transcript in numbers."))
    error = _object(error=ref("JobFailure", "Why the job failed."))
    polled = {"events", "lastEventId"}
    shown = status | {
        "properties": {name: field for name, field in status["properties"].items() if name not in polled}
    }
    events = {
        "snapshot": _event("snapshot", "First message: the status of the job.", shown, stored=False),
        "active": _event("active", "A worker started the job.", attempts),
        "progress": _event("progress", progress["description"], progress),
        "words": _event("words", words["description"], words),
        "completed": _event("completed", "The last event: the transcript is ready.", result),
        "failed": _event("failed", "The last event: the job failed.", error),
    } | {kind: _event(kind, description, {}) for kind, description in WITHOUT_BODY.items()}
    return {f"{kind.capitalize()}Event": event for kind, event in events.items()}


def _planned_cut(schemas: Json) -> Json:
    plan: Json = schemas["PlanDocument"]
    started = schemas["Started"]["properties"]
    return plan | {
        "description": "A cut plan, as a reply.",
        "properties": {"success": started["success"]}
        | plan["properties"]
        | {"warnings": started["warnings"]},
        "required": ["success", *plan["required"]],
    }


def _export_request(schemas: Json) -> Json:
    return {
        "type": "object",
        "description": "What to export, and how. The options are those of ExportOptions.",
        "properties": {
            "format": {"type": "string", "enum": [*FORMATS], "description": "Format of the file."},
            "cutPlan": {
                "anyOf": [ref("CutOptions"), ref("PlanDocument")],
                "description": "Options of a cut plan, or a plan whose kept ranges may have been edited. "
                "Without it captions and text have the times of the media, and sequences the default plan.",
            },
        }
        | schemas["ExportOptions"]["properties"],
        "required": ["format"],
    }


def _any_event(events: Json) -> Json:
    return {
        "description": "A message about a job.",
        "oneOf": [ref(name) for name in events],
        "discriminator": {
            "propertyName": "type",
            "mapping": {
                event["properties"]["type"]["const"]: ref(name)["$ref"] for name, event in events.items()
            },
        },
    }


@cache
def event_schemas() -> Json:
    """The messages about a job, by name."""
    return _events(_derived())


@cache
def schemas() -> Json:
    """By name, for `components`. Made at the first call, in about 0.4 s: few processes are asked for them."""
    derived, events = _derived(), event_schemas()
    inner = {Progress.__name__, ChunkWords.__name__}
    return (
        {name: schema for name, schema in derived.items() if name not in inner}
        | events
        | {
            "Waveform": WAVEFORM,
            "ExportedJson": EXPORTED_JSON,
            "PlannedCut": _planned_cut(derived),
            "ExportRequest": _export_request(derived),
            "Event": _any_event(events),
        }
    )
