"""
Every field that clients send or get, with its unit and its meaning, as JSON schemas for the OpenAPI document.

They describe and do nothing else: no answer is checked or written by them, for transcripts are large and go
from the disk to the network as they are. Tests hold them against real answers.
"""

from __future__ import annotations

from typing import get_args

from audio_tools.events import Stage
from audio_tools.jobs import JobState
from audio_tools.options import Options
from audio_tools.server.openapi.json_schema import (
    flag,
    list_of,
    moment,
    number,
    or_null,
    plain,
    record,
    ref,
    text,
    whole,
)
from audio_tools.server.openapi.transcript_schemas import END, START, TRANSCRIPT, TRANSCRIPTS
from audio_tools.transcript import Json

JOB_ID = text("The job's id, a UUID.")
PROGRESS = number("Percent; never goes back.", minimum=0, maximum=100)
ETA = or_null(
    number("About how many seconds it will still take; 0 at its end, null while nobody knows.", minimum=0)
)
SPEED = or_null(
    number("Seconds of audio that the engine gets through in a second; null while unknown.", minimum=0)
)
STAGE = text("What is at work; `load`: the engine is loaded.", enum=[*get_args(Stage)])
SUCCESS = flag("Always true.", const=True)
STATE = ref("JobState", "Where the job stands.")
DATA = ref("JobData", "What was asked for.")
STATUS = {
    "jobId": JOB_ID,
    "state": STATE,
    "progress": PROGRESS,
    "data": DATA,
    "result": {
        "anyOf": [ref("Transcript"), {"type": "null"}],
        "description": "The transcript once the job is completed, else null.",
    },
    "error": or_null(text("One sentence if the job has failed, else null.")),
    "errorCode": or_null(text("The stable code of that error, else null.")),
    "message": text("What goes on, one sentence; `Done`, `Cancelled` or the error once it has ended."),
    "stage": or_null(text("What was last at work; null before it begins.", enum=STAGE["enum"])),
    "etaSeconds": ETA,
    "createdAt": moment("When it was asked for"),
    "startedAt": or_null(moment("When the newest attempt began (null before)")),
    "finishedAt": or_null(moment("When it ended (null before)")),
    "attempts": whole("How often a worker began: more than 1 after a restart of the service."),
}
LISTED_FIELDS = ("jobId", "state", "progress", "data", "error", "createdAt", "startedAt", "finishedAt")
"""What the list of jobs has of each status, after its number."""
FACTS = {
    "hint": text("What to do about it."),
    "retryable": flag("Of a failed job: whether the same may go well a moment later."),
    "option": text("Which option is refused."),
    "value": {"description": "What was sent for it; of any type."},
    "allowed": text("What it may be, in words."),
    "uploadId": text("The upload."),
    "jobId": JOB_ID,
    "state": STATE,
    "idleSeconds": number("How long nothing came, seconds."),
    "expected": whole("At which byte the upload is."),
    "got": whole("At which byte the request begins."),
    "offset": whole("How many bytes of the upload are there."),
    "length": or_null(whole("How many bytes it will have; null if nobody has said.")),
    "limit": whole("The most that is taken, bytes."),
    "maxCost": number("The limit, US dollars."),
    "rule": text("Which rule of access the request broke."),
    "setting": text("The setting that opens it."),
    "problems": list_of(
        record(
            "A parameter that is wrong.",
            {"field": text("Where it stands, and its name."), "message": text("What is wrong with it.")},
        ),
        "All parameters that are wrong.",
    ),
    "requestId": or_null(text("The id under which the log has the request.")),
}


EVENT_ID = {"id": text("Its place among the events of the job, for `after`.")}


def _event(kind: str, description: str, fields: Json, optional: Json | None = None) -> Json:
    head = {
        "type": text("Which kind of message it is.", const=kind),
        "jobId": JOB_ID,
        "timestamp": moment("When it happened"),
    }
    return record(description, head | fields, optional)


EVENTS = {
    "SnapshotEvent": _event("snapshot", "Once, first: the job as its status gives it.", STATUS),
    "WaitingEvent": _event("waiting", "The job is in the queue, or back there after a restart.", EVENT_ID),
    "ActiveEvent": _event("active", "A worker began.", EVENT_ID | {"attempts": STATUS["attempts"]}),
    "ProgressEvent": _event(
        "progress",
        "It gets on; of the past only the newest. At most 99, then at its end once 100, without `id`.",
        {
            "stage": STAGE,
            "progress": PROGRESS,
            "message": text("What goes on, one sentence."),
            "chunksDone": whole("How many chunks have an answer."),
            "chunksFailed": whole("How many chunks have failed so far; they do not count as progress."),
            "totalChunks": whole("Of how many; an estimate until the whole file is cut."),
            "etaSeconds": ETA,
            "speed": SPEED,
        },
        EVENT_ID,
    ),
    "WordsEvent": _event(
        "words",
        "A chunk was heard, in any order; before its borders are joined with its neighbours'.",
        EVENT_ID
        | {
            "chunk": whole("Which chunk, counted from 0."),
            "start": START,
            "end": END,
            "words": list_of(ref("Word"), "In order."),
        },
    ),
    "CancellingEvent": _event(
        "cancelling", "The job was cancelled, and its worker is about to stop.", EVENT_ID
    ),
    "CompletedEvent": _event(
        "completed",
        "The last: the transcript is at `GET /job/{job_id}/result`.",
        EVENT_ID
        | {
            "result": record(
                "The transcript in figures.",
                {
                    "totalDuration": TRANSCRIPT["totalDuration"],
                    "words": whole("How many words there are."),
                    "silences": whole("How many silences there are."),
                    "successRate": TRANSCRIPT["successRate"],
                },
            )
        },
    ),
    "FailedEvent": _event(
        "failed",
        "The last: there will be no transcript.",
        EVENT_ID
        | {
            "error": record(
                "Why; facts of the error stand beside these fields, as in ErrorBody.",
                {
                    "code": text("Stable code, for programs."),
                    "message": text("What is wrong, one sentence."),
                    "status": whole("The HTTP status of `GET /job/{job_id}/result`."),
                },
                FACTS,
            )
        },
    ),
    "CancelledEvent": _event("cancelled", "The last: somebody cancelled the job.", EVENT_ID),
}

SCHEMAS: dict[str, Json] = {
    "Options": {
        "type": "object",
        "description": "What one job asks for. Left out, `chunkSize`, `maxConcurrent`, `rateLimitDelay`, "
        "`engine` and `model` follow the settings of the service (CHUNK_SIZE, MAX_CONCURRENT_CHUNKS, …).",
        "properties": {
            name: plain(schema)
            for name, schema in Options.model_json_schema(by_alias=True)["properties"].items()
        },
    },
    "Started": record(
        "A job was started, or is there already.",
        {
            "success": SUCCESS,
            "jobId": JOB_ID,
            "message": text("One sentence."),
            "websocketUrl": text("Where its events are told."),
        },
        {"warnings": list_of({"type": "string"}, "Sentences about options that are unknown and ignored.")},
    ),
    "JobState": text(
        "`waiting`: the next free worker takes it. `active`: a worker is at it. `delayed`: it waits for "
        "a moment. `completed`, `failed` and `cancelled` are for good.",
        enum=[*JobState],
    ),
    "JobData": record(
        "What was asked for.",
        {},
        {
            "fileName": text("What the client calls its file."),
            "fileSize": whole("Bytes."),
            "options": ref("Options", "The options that were given, and the defaults of others."),
            "uploadId": text("The upload, where the file is one."),
        },
    ),
    "Status": record("A job as it is now.", STATUS),
    "Result": record("What came out.", {"success": SUCCESS, "result": ref("Transcript", "The transcript.")}),
    "Pending": record(
        "There is no result yet.",
        {
            "success": flag("Always false.", const=False),
            "message": text("One sentence."),
            "state": STATE,
        },
    ),
    "Done": record("It is done.", {"success": SUCCESS, "message": text("What was done, one sentence.")}),
    "Jobs": record(
        "A page of the list of jobs.",
        {
            "jobs": list_of(ref("ListedJob"), "In order of creation."),
            "total": whole("How many jobs match, on all pages."),
        },
    ),
    "ListedJob": record(
        "A job in the list.",
        {
            "id": whole("Its number, from 1 in order of creation.", minimum=1),
            **{name: STATUS[name] for name in STATUS if name in LISTED_FIELDS},
        },
    ),
    **TRANSCRIPTS,
    "Health": record(
        "How the service is. Without the token, where one is set, only the first two fields.",
        {
            "status": text("`ok` if all checks are.", enum=["ok", "unavailable"]),
            "timestamp": moment("When it was asked"),
        },
        {
            "version": text("Of the service."),
            "checks": record(
                "What was looked at.",
                {},
                {
                    "queue": ref("Check", "Where jobs are kept."),
                    "disk": ref("Check", "Whether there is room."),
                    "ffmpeg": ref("Check", "Where the process works on jobs itself: FFmpeg."),
                    "engine": ref("Check", "There too: the engine of jobs that name none."),
                    "aligner": ref("Check", "There too: who puts words on the samples."),
                },
            ),
        },
    ),
    "Check": record(
        "What one check found.",
        {"ok": flag("Whether it is well."), "message": text("What was found, one sentence.")},
        {"hint": text("What to do about it.")},
    ),
    "ErrorBody": record(
        "The body of every error. Of the fields besides the first three, those that the error knows.",
        {
            "success": flag("Always false.", const=False),
            "error": text("Stable code, for programs."),
            "message": text("What is wrong, one sentence."),
        },
        FACTS,
    ),
    "Event": {
        "description": "A message of the WebSocket.",
        "oneOf": [ref(name) for name in EVENTS],
        "discriminator": {
            "propertyName": "type",
            "mapping": {
                event["properties"]["type"]["const"]: ref(name)["$ref"] for name, event in EVENTS.items()
            },
        },
    },
    **EVENTS,
}
"""By name, for `components`."""
