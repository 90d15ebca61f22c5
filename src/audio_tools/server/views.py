"""JSON objects that clients are sent; the docstring of a field is its description in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from audio_tools.events import Stage
from audio_tools.jobs import Job, JobState
from audio_tools.json_value import CONFIG, Json, Moment, iso, omit_if_none
from audio_tools.transcript import Count
from audio_tools.webhooks import Delivery


def described_as(name: str, *, nullable: bool = False) -> WithJsonSchema:
    """The schema of a value that is sent as it is, by its name in the OpenAPI document."""
    schema = {"x-schema": name}
    return WithJsonSchema({"anyOf": [schema, {"type": "null"}]} if nullable else schema)


Data = Annotated[Json, described_as("JobData")]
Sentence = Annotated[str, Field(description="One sentence.")]
JobIdText = Annotated[str, Field(description="Id of the job, a UUID.")]
Eta = Annotated[float | None, Field(json_schema_extra={"minimum": 0})]


class View(BaseModel):
    """A JSON object that clients are sent."""

    model_config = ConfigDict(**CONFIG, frozen=True)

    def to_json(self) -> Json:
        """The object as plain JSON types."""
        return self.model_dump(mode="json", by_alias=True)


class Started(View):
    """The job was started, or exists already."""

    success: Literal[True] = True
    """Always true."""
    job_id: JobIdText
    message: Sentence = "Audio processing job started"
    websocket_url: str
    """Address of the job's events."""
    warnings: Annotated[list[str] | None, omit_if_none()] = None
    """Unknown options and fields, which are ignored."""


class JobData(View):
    """The request."""

    file_name: Annotated[str | None, omit_if_none()] = None
    """The client's name of the file."""
    file_size: Annotated[int | None, omit_if_none(minimum=0)] = None
    """Size of the file, bytes."""
    options: Annotated[Json | None, omit_if_none(), described_as("Options")] = None
    """The given options, and the defaults of others."""
    upload_id: Annotated[str | None, omit_if_none()] = None
    """The upload, unless the file was named by path."""


class JobStatus(View):
    """A job as it is now."""

    job_id: JobIdText
    state: JobState
    """`waiting`, `active`, `delayed`; finally `completed`, `failed` or `cancelled`."""
    progress: Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 100})]
    """Percent; never decreases."""
    data: Data
    """The request."""
    result: Annotated[None, described_as("Transcript", nullable=True)] = None
    """The transcript once the job is completed, else null."""
    error: str | None
    """Error message of a failed job, else null."""
    error_code: str | None
    """Stable code of that error, else null."""
    message: str
    """The current step, one sentence; `Done`, `Cancelled` or the error once the job has ended."""
    stage: Stage | None
    """Stage last reported; null before the first."""
    eta_seconds: Eta
    """Estimated seconds left; 0 at the end, null while unknown."""
    created_at: Moment
    """Time of the request, ISO 8601 in UTC."""
    started_at: Moment | None
    """Start of the latest attempt, ISO 8601 in UTC; null before."""
    finished_at: Moment | None
    """Time of the end, ISO 8601 in UTC; null before."""
    attempts: Count
    """Number of attempts: more than 1 after a restart of the service or of the job."""
    waiting: Annotated[Json | None, described_as("Waiting", nullable=True)]
    """What a running job waits for before it can continue, else null."""
    hint: str | None
    """What to do about the error of a failed job; null where nothing is known."""
    restartable: bool
    """Whether `POST /job/{jobId}/restart` accepts the job: it failed for a reason that may pass."""
    events: Annotated[list[Annotated[Json, described_as("Event")]] | None, omit_if_none()] = None
    """Only with `after`: the events that are stored after it, at most 101."""
    last_event_id: Annotated[str | None, omit_if_none()] = None
    """Only with `after`: the id of the last of them, else `after` itself; the `after` of the next request."""

    @classmethod
    def of(cls, job: Job) -> JobStatus:
        """The status of a job; its transcript, which may be large, is not read."""
        error = job.error
        return cls.model_construct(
            job_id=job.id,
            state=job.state,
            progress=round(job.progress, 1),
            data=job.request.public,
            result=None,
            error=error.message if error else None,
            error_code=error.code if error else None,
            message=job.message,
            stage=cast(Stage | None, job.stage),
            eta_seconds=job.eta_s,
            attempts=job.attempts,
            waiting=job.waiting_for,
            hint=error.hint if error else None,
            restartable=job.restartable,
            **_times(job),
        )


class ListedJob(View):
    """A job in the list."""

    id: Annotated[int, Field(json_schema_extra={"minimum": 1})]
    """Number of the job, from 1 in order of creation."""
    job_id: JobIdText
    state: JobState
    """State of the job."""
    progress: Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 100})]
    """Percent; never decreases."""
    data: Data
    """The request."""
    message: str
    """The current step, one sentence; `Done`, `Cancelled` or the error once the job has ended."""
    eta_seconds: Eta
    """Estimated seconds left; 0 at the end, null while unknown."""
    error: str | None
    """Error message of a failed job, else null."""
    hint: str | None
    """What to do about that error; null where nothing is known."""
    restartable: bool
    """Whether `POST /job/{jobId}/restart` accepts the job."""
    result: Annotated[Json | None, described_as("Summary", nullable=True)]
    """The transcript of a completed job in numbers, else null."""
    created_at: Moment
    """Time of the request, ISO 8601 in UTC."""
    started_at: Moment | None
    """Start of the latest attempt, ISO 8601 in UTC; null before."""
    finished_at: Moment | None
    """Time of the end, ISO 8601 in UTC; null before."""

    @classmethod
    def of(cls, job: Job) -> ListedJob:
        """The job's entry in the list."""
        error = job.error
        return cls.model_construct(
            id=job.number,
            job_id=job.id,
            state=job.state,
            progress=round(job.progress, 1),
            data=job.request.public,
            message=job.message,
            eta_seconds=job.eta_s,
            error=error.message if error else None,
            hint=error.hint if error else None,
            restartable=job.restartable,
            result=job.result if job.state is JobState.COMPLETED else None,
            **_times(job),
        )


class JobList(View):
    """A page of the list of jobs."""

    jobs: list[ListedJob]
    """Unfinished jobs first, then those that have ended; the newest first in both."""
    total: Count
    """Number of matching jobs, on all pages."""


class Deliveries(View):
    """Webhook deliveries of a job."""

    deliveries: list[Delivery]
    """Messages about the end of the job, oldest first: several if it was restarted."""


class Result(View):
    """The result of a completed job."""

    success: Literal[True] = True
    """Always true."""
    result: Annotated[Json, described_as("Transcript")]
    """The transcript."""


class Pending(View):
    """The job has not finished."""

    success: Literal[False] = False
    """Always false."""
    message: Sentence
    state: JobState
    """State of the job."""


class MediaAddress(View):
    """Where a media element finds the recording of a job."""

    url: str
    """Address, relative to that of the service."""
    preview_url: str
    """Address of the sound as WAV, decoded on demand, for formats that a player does not know."""
    media_type: str
    """Media type by the name of the file."""
    expires_at: Moment
    """End of the ticket in the address, ISO 8601 in UTC."""


class Done(View):
    """The request was carried out."""

    success: Literal[True] = True
    """Always true."""
    message: Sentence


class Check(View):
    """The outcome of one check."""

    ok: bool
    """Whether the check passed."""
    message: Sentence
    hint: Annotated[str | None, omit_if_none()] = None
    """What to do about it."""


class Checks(View):
    """Checks of this process."""

    queue: Annotated[Check | None, omit_if_none()] = None
    """The queue, and where it keeps jobs."""
    disk: Annotated[Check | None, omit_if_none()] = None
    """Free space."""
    ffmpeg: Annotated[Check | None, omit_if_none()] = None
    """FFmpeg, where this process runs jobs."""
    engine: Annotated[Check | None, omit_if_none()] = None
    """Engine of jobs that name none, where this process runs jobs."""
    aligner: Annotated[Check | None, omit_if_none()] = None
    """Aligner for word times, where this process runs jobs."""


class Health(View):
    """State of the service. Without the token, where one is set, only the first two fields."""

    status: Literal["ok", "unavailable"]
    """`ok` if all checks pass."""
    timestamp: Moment
    """Time of the checks, ISO 8601 in UTC."""
    version: Annotated[str | None, omit_if_none()] = None
    """Version of the service."""
    checks: Annotated[Checks | None, omit_if_none()] = None
    """Checks by name."""


class Problem(View):
    """A parameter that is wrong."""

    field: str
    """Place and name of the parameter."""
    message: str
    """What is wrong with it."""


class ErrorFacts(View):
    """Facts that some errors carry."""

    hint: Annotated[str | None, omit_if_none()] = None
    """What to do about it."""
    retryable: Annotated[bool | None, omit_if_none()] = None
    """Of a failed job: whether the same request may succeed a moment later."""
    restartable: Annotated[bool | None, omit_if_none()] = None
    """Of a failed job: whether it can be restarted; its upload is kept for that."""
    upload_removed: Annotated[bool | None, omit_if_none()] = None
    """Of a failed job: true where its upload was removed to free disk space."""
    option: Annotated[str | None, omit_if_none()] = None
    """The option that was refused."""
    value: Annotated[Any, omit_if_none()] = None
    """The value that was sent for it, of any type."""
    allowed: Annotated[str | None, omit_if_none()] = None
    """Allowed values, in words."""
    upload_id: Annotated[str | None, omit_if_none()] = None
    """The upload."""
    job_id: Annotated[str | None, omit_if_none()] = None
    """Id of the job, a UUID."""
    state: Annotated[JobState | None, omit_if_none()] = None
    """State of the job."""
    idle_seconds: Annotated[float | None, omit_if_none()] = None
    """Seconds without data."""
    expected: Annotated[int | None, omit_if_none(minimum=0)] = None
    """Offset of the upload, bytes."""
    got: Annotated[int | None, omit_if_none(minimum=0)] = None
    """Offset of the request, bytes."""
    offset: Annotated[int | None, omit_if_none(minimum=0)] = None
    """Bytes of the upload that have arrived."""
    length: Annotated[int | None, omit_if_none(minimum=0, nullable=True)] = None
    """Length of the upload, bytes; null if unknown."""
    limit: Annotated[int | None, omit_if_none(minimum=0)] = None
    """The limit, bytes."""
    size: Annotated[int | None, omit_if_none(minimum=0)] = None
    """Size of the recording, bytes."""
    max_cost: Annotated[float | None, omit_if_none()] = None
    """The limit, US dollars."""
    range: Annotated[str | None, omit_if_none()] = None
    """The invalid range of a cut plan."""
    frame_rate: Annotated[str | None, omit_if_none()] = None
    """The frame rate that the format cannot count, as a fraction."""
    rule: Annotated[str | None, omit_if_none()] = None
    """The access rule that the request broke."""
    setting: Annotated[str | None, omit_if_none()] = None
    """The setting that allows it."""
    problems: Annotated[list[Problem] | None, omit_if_none()] = None
    """All parameters that are wrong."""
    request_id: Annotated[str | None, omit_if_none(nullable=True)] = None
    """Id of the request in the log of the service."""


class ErrorBody(ErrorFacts):
    """Body of every error: the first three fields, and the facts of that error."""

    success: Literal[False] = False
    """Always false."""
    error: str
    """Stable code, for programs."""
    message: str
    """What is wrong, one sentence."""


class JobFailure(ErrorFacts):
    """Error of a failed job."""

    code: str
    """Stable code, for programs."""
    message: str
    """What is wrong, one sentence."""
    status: Count
    """HTTP status of `GET /job/{jobId}/result`."""


def _times(job: Job) -> Json:
    return {
        "created_at": iso(job.created_at),
        "started_at": None if job.started_at is None else iso(job.started_at),
        "finished_at": None if job.finished_at is None else iso(job.finished_at),
    }
