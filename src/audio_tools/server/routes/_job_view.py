"""A job as clients see it, over HTTP and WebSocket alike."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import Request

from audio_tools.jobs import Job
from audio_tools.transcript import Json


def status_json(job: Job) -> Json:
    """A job as clients see it; times are ISO 8601 in UTC."""
    error = job.error or {}
    return {
        "jobId": job.id,
        "state": job.state,
        "progress": round(job.progress, 1),
        "data": {key: value for key, value in job.data.items() if key != "path"},
        "result": None,
        "error": error.get("message"),
        "errorCode": error.get("code"),
        "message": job.message,
        "stage": job.stage,
        "etaSeconds": job.eta_s,
        "createdAt": iso(job.created_at),
        "startedAt": iso(job.started_at),
        "finishedAt": iso(job.finished_at),
        "attempts": job.attempts,
    }


def iso(epoch_s: float | None) -> str | None:
    """A moment as clients see it."""
    return (
        None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")
    )


def websocket_url(request: Request, ws_port: int, job_id: str) -> str:
    """
    Where this client finds the job's events: the host that it used, and the WebSocket port.

    A client that came through a proxy, by a name and port that are not ours, goes back the same way.
    """
    host, own_port = request.url.hostname or "127.0.0.1", request.scope["server"][1]
    if request.url.port not in {own_port, None} or request.headers.get("x-forwarded-proto"):
        secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        return f"{'wss' if secure else 'ws'}://{request.url.netloc}/?jobId={job_id}"
    name = f"[{host}]" if ":" in host else host
    return f"ws://{name}:{ws_port}/?jobId={job_id}"
