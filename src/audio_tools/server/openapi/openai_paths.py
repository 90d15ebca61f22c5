"""OpenAI's routes for the OpenAPI document, in short: OpenAI's own document describes them in full."""

from __future__ import annotations

from typing import get_args

from audio_tools.json_value import Json
from audio_tools.server.openai_api.fields import Granularity, ResponseFormat
from audio_tools.server.openapi.json_schema import content, ref

FAILED: Json = {
    "default": {"description": "An error in OpenAI's shape.", "content": content("OpenAIError")},
}
KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "Keeps the job when the client disconnects; a repeated call returns its result.",
}
JOB: Json = {"X-Job-Id": {"schema": {"type": "string"}, "description": "Id of the job of the call."}}


def openai_paths() -> Json:
    """The routes of `routes.openai.OpenAIRoutes`."""
    model = {
        "name": "model",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "Name of a model.",
    }
    return {
        "/v1/audio/transcriptions": {
            "post": _call("createTranscription", "Transcribe a file", "TranscriptionForm", streams=True)
        },
        "/v1/audio/translations": {
            "post": _call("createTranslation", "Translate a file to English", "TranslationForm")
        },
        "/v1/models": {"get": _listing("listModels", "List model names", "OpenAIModelList")},
        "/v1/models/{model}": {
            "get": _listing("retrieveModel", "Look up a model name", "OpenAIModel", model)
        },
    }


def _call(operation_id: str, summary: str, form: str, *, streams: bool = False) -> Json:
    kinds: Json = content("OpenAITranscription") | {"text/plain": {"schema": {"type": "string"}}}
    if streams:
        kinds["text/event-stream"] = {"schema": {"type": "string"}}
    return {
        "tags": ["openai"],
        "summary": f"{summary}, as OpenAI's API does",
        "description": "The call is a job. It is cancelled when the client disconnects. "
        "JSON that takes more than 50 s begins with blank space.",
        "operationId": operation_id,
        "parameters": [KEY],
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": ref(form)}}},
        "responses": {
            "200": {
                "description": "JSON, or text with `response_format` `text`, `srt` or `vtt`"
                + ("; with `stream` server-sent events." if streams else "."),
                "headers": JOB,
                "content": kinds,
            }
        }
        | FAILED,
    }


def _listing(operation_id: str, summary: str, schema: str, *parameters: Json) -> Json:
    return {
        "tags": ["openai"],
        "summary": f"{summary}, as OpenAI's API does",
        "operationId": operation_id,
        "parameters": list(parameters),
        "responses": {"200": {"description": f"{summary}.", "content": content(schema)}} | FAILED,
    }


def _text(description: str, **rules: object) -> Json:
    return {"type": "string", "description": description, **rules}


TRANSLATION: Json = {
    "file": _text("The audio or video file, of any size up to MAX_UPLOAD_BYTES.", format="binary"),
    "model": _text("`whisper-1`: the engine and the model of the settings.", examples=["whisper-1"]),
    "prompt": _text("Words and style to expect."),
    "response_format": _text("Format of the reply; default: `json`.", enum=[*get_args(ResponseFormat)]),
    "temperature": {"type": "number", "minimum": 0, "maximum": 1, "description": "Has no effect."},
}
TRANSCRIPTION: Json = TRANSLATION | {
    "language": _text("Language as a code or an English name; default: detected."),
    "stream": {"type": "boolean", "description": "Whether to send the text as server-sent events."},
    "timestamp_granularities[]": {
        "type": "array",
        "items": {"type": "string", "enum": [*get_args(Granularity)]},
        "description": "Times of words, segments or both, with `verbose_json`.",
    },
}
BODIES: Json = {
    "TranscriptionForm": {
        "type": "object",
        "description": "A call of `POST /v1/audio/transcriptions`; unknown fields are ignored.",
        "required": ["file", "model"],
        "properties": TRANSCRIPTION,
    },
    "TranslationForm": {
        "type": "object",
        "description": "A call of `POST /v1/audio/translations`; unknown fields are ignored.",
        "required": ["file", "model"],
        "properties": TRANSLATION,
    },
    "OpenAITranscription": {
        "type": "object",
        "description": "A reply of OpenAI's API; which fields it has depends on `response_format`.",
        "required": ["text"],
        "properties": {
            "text": _text("The whole text."),
            "task": _text("`transcribe` or `translate`."),
            "language": _text("English name of the language."),
            "duration": {"type": "number", "description": "Length of the media, seconds."},
            "words": {"type": "array", "items": {"type": "object"}, "description": "`word`, `start`, `end`."},
            "segments": {"type": "array", "items": {"type": "object"}, "description": "As OpenAI's."},
            "usage": {"type": "object", "description": "`type` `duration`, and `seconds`."},
            "warnings": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What is missing or was ignored, one sentence each.",
            },
        },
    },
    "OpenAIModelList": {
        "type": "object",
        "description": "The model names that a call may use.",
        "required": ["object", "data"],
        "properties": {
            "object": _text("Always `list`."),
            "data": {"type": "array", "items": ref("OpenAIModel"), "description": "The models."},
        },
    },
    "OpenAIModel": {
        "type": "object",
        "description": "A model name.",
        "required": ["id", "object", "created", "owned_by"],
        "properties": {
            "id": _text("The name."),
            "object": _text("Always `model`."),
            "created": {"type": "integer", "description": "Always 0."},
            "owned_by": _text("`openai` or `audio-tools`."),
        },
    },
    "OpenAIError": {
        "type": "object",
        "description": "An error below `/v1/`.",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "description": "The error.",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": _text("What is wrong and what to do."),
                    "type": _text("OpenAI's class of errors, such as `invalid_request_error`."),
                    "param": {"type": ["string", "null"], "description": "The field that is wrong."},
                    "code": _text("Stable code."),
                },
            }
        },
    },
}
"""Schemas of these routes."""
