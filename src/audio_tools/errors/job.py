"""A job is unknown or in the wrong state, or the queue is unavailable."""

from __future__ import annotations

from audio_tools.errors.base import AudioToolsError


class JobError(AudioToolsError):
    """An error of a job or of the queue."""

    code, status = "job_error", 500


class PeaksNotFound(JobError):
    """There is no waveform for this job: its transcript is of an older version, or of a dry run."""

    code, status = "peaks_not_found", 404

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no waveform for job {job_id}.", hint="Transcribe the file again.")
        self.job_id = job_id

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id}


class RangeNotSatisfiable(JobError):
    """The requested byte range is outside the recording, which has `size` bytes."""

    code, status = "range_not_satisfiable", 416

    def __init__(self, size: int) -> None:
        super().__init__(
            f"The requested range is outside the recording of {size} bytes.",
            hint="Request a range that begins inside it.",
        )
        self.size = size

    def facts(self) -> dict[str, object]:
        return {"size": self.size}


class PreviewsBusy(JobError):
    """As many previews are decoded as this service runs at once."""

    code, status, retryable = "previews_busy", 503, True

    def __init__(self, most: int) -> None:
        super().__init__(
            f"The limit of {most} concurrent previews has been reached.",
            hint="Try again when one of them has finished.",
        )


class JobNotFound(JobError):
    """There is no job with this id; it may have been deleted."""

    code, status = "job_not_found", 404

    def __init__(self, job_id: str) -> None:
        hint = "Finished jobs are deleted after RESULT_TTL seconds."
        if job_id.isdecimal():
            hint = "A job is named by its jobId, which GET /jobs lists beside its number."
        super().__init__(f"Job not found: {job_id}.", hint=hint)
        self.job_id = job_id

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id}


class JobNotFinished(JobError):
    """The job has not finished."""

    code, status = "job_not_finished", 409

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(f"Job {job_id} is {state}.", hint="Wait until it has finished, or cancel it.")
        self.job_id, self.state = job_id, state

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id, "state": self.state}


class JobFinished(JobError):
    """The job has finished: there is nothing to cancel, and it is not to be deleted."""

    code, status = "job_finished", 409

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(
            f"Job {job_id} has already finished ({state}).",
            hint="Its data is kept until it is deleted.",
        )
        self.job_id, self.state = job_id, state

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id, "state": self.state}


class JobNotRestartable(JobError):
    """Only a job that failed for a reason outside its file and options can be restarted."""

    code, status = "job_not_restartable", 409

    def __init__(self, job_id: str, state: str, *, upload_removed: bool = False) -> None:
        reason = "would fail again for the same reason" if state == "failed" else f"is {state}"
        if upload_removed:
            reason = "has no upload any more: it was removed to free disk space"
        super().__init__(f"Job {job_id} {reason}.", hint="Start a new job.")
        self.job_id, self.state = job_id, state

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id, "state": self.state}


class JobCancelled(JobError):
    """The job was cancelled; it has no result."""

    code, status = "job_cancelled", 409

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} was cancelled.", hint="Start it again to get a transcript.")
        self.job_id = job_id

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id}


class QueueUnavailable(JobError):
    """The queue is temporarily unavailable."""

    code, status, retryable = "queue_unavailable", 503, True
