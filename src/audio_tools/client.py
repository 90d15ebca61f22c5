"""A client of the service: send a file, follow its job, fetch the result."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx2
import websockets

from audio_tools.errors import (
    AudioToolsError,
    ConfigError,
    JobNotFinished,
    JobNotFound,
    ServerUnreachable,
    exit_code_of,
)
from audio_tools.network import direct_mounts, is_loopback
from audio_tools.transcript import Json

CONNECT_S = 10.0
JOBS_A_PAGE = 1_000
PAUSES_S = (0.25, 0.5, 1.0, 2.0, *[5.0] * 11)
"""
How long a follower waits each time before it opens a broken connection again, in seconds: a minute in all,
in which a service is started again.
"""
TOKEN_HINT = "Give the API_TOKEN of the server with --token, or set API_TOKEN in the environment or in .env."
FINAL_CLOSE_CODES = range(4000, 5000)
"""The service has understood and says no: there is no such job, or the token is wrong."""


class ServerRefused(AudioToolsError):
    """The server answered with an error; message, hint and exit code are those of the error there."""

    code = "server_refused"

    def __init__(self, message: str, *, hint: str = "", server_code: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code_of(server_code)


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs of a service, newest first, and how many match in `total`."""

    jobs: list[Json]
    total: int


class Client:
    """
    Talks to one server; an asynchronous context manager.

    Every method raises ServerUnreachable if there is none, ServerRefused if it says no.
    """

    def __init__(self, server: str, token: str | None = None) -> None:
        self._server = server.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        # A job may wait for a free worker as long as it likes; an upload may take hours.
        self._http = httpx2.AsyncClient(
            base_url=self._server,
            headers=self._headers,
            timeout=httpx2.Timeout(None, connect=CONNECT_S),
            mounts=direct_mounts(self._server),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def submit(self, path: Path, options: Mapping[str, Any]) -> Json:
        """Upload a file and start a job; gives the server's answer with `jobId` and `websocketUrl`."""
        # A file name may be any bytes, but a form field must be text.
        name = path.name.encode(errors="replace").decode()
        with path.open("rb") as file:
            form = {"options": json.dumps(dict(options))}
            return await self._json("POST", "/process-audio", data=form, files={"audioFile": (name, file)})

    async def submit_path(self, path: Path, options: Mapping[str, Any]) -> Json:
        """Start a job on a file that the service can read; returns what `submit` returns."""
        return await self._json("POST", "/process-audio", json={"path": str(path), "options": dict(options)})

    async def follow(self, answer: Json, pauses_s: Sequence[float] = PAUSES_S) -> AsyncIterator[Json]:
        """
        The job's snapshot, then its events to the last.

        A broken connection is taken up where it broke, after the next of `pauses_s` (seconds); with each
        message they begin anew. Ends early where the service refuses: `result` says why.
        """
        url, after, broken = answer["websocketUrl"], "", 0
        while True:
            try:
                async with websockets.connect(
                    url + (f"&after={after}" if after else ""),
                    additional_headers=self._headers,
                    max_size=None,
                    proxy=None if is_loopback(url) else True,
                ) as socket:
                    async for message in socket:
                        event: Json = json.loads(message)
                        after, broken = event.get("id", after), 0
                        yield event
                    return
            except (OSError, websockets.WebSocketException) as error:
                if _is_final(error):
                    return
                if broken == len(pauses_s):
                    raise _lost(answer["jobId"], self._server, error) from error
            await asyncio.sleep(pauses_s[broken])
            broken += 1

    async def status(self, job_id: str) -> Json:
        """How a job is doing; see docs/http-api.md for the fields."""
        return await self._json("GET", f"{_path(job_id)}/status")

    async def result(self, job_id: str) -> Json:
        """The transcript of a job; raises JobNotFinished before its end, and the error of one that failed."""
        answer = await self._json("GET", f"{_path(job_id)}/result")
        if not answer["success"]:
            raise JobNotFinished(job_id, answer["state"])
        result: Json = answer["result"]
        return result

    async def jobs(self, states: Sequence[str] = (), limit: int = 1_000, offset: int = 0) -> JobPage:
        """At most `limit` jobs in one of the `states` (default: any)."""
        query: Json = {"state": list(states), "limit": limit, "offset": offset}
        answer = await self._json("GET", "/jobs", params=query)
        newest_first = sorted(answer["jobs"], key=lambda job: -int(job["id"]))
        return JobPage(newest_first, answer["total"])

    async def find_job(self, id_or_number: str) -> str:
        """
        The id of a job that is given by its id, or by its number in the list of jobs.

        Raises:
            JobNotFound: no job has this number; an id is not looked up.
        """
        if not id_or_number.isdecimal():
            return id_or_number
        offset, total = 0, 1
        while offset < total:
            page = await self.jobs(limit=JOBS_A_PAGE, offset=offset)
            for job in page.jobs:
                if job["id"] == int(id_or_number):
                    return str(job["jobId"])
            offset, total = offset + JOBS_A_PAGE, page.total
        raise JobNotFound(id_or_number)

    async def restart(self, job_id: str) -> Json:
        """Put a failed job back into the queue; the server's answer with `jobId` and `websocketUrl`."""
        return await self._json("POST", f"{_path(job_id)}/restart")

    async def cancel(self, job_id: str) -> str:
        """Cancel a job, or delete a finished one; gives what the server says."""
        return str((await self._json("DELETE", _path(job_id)))["message"])

    async def _json(self, method: str, path: str, **content: Any) -> Json:
        try:
            response = await self._http.request(method, path, **content)
        except httpx2.HTTPError as error:
            raise ServerUnreachable(
                f"Cannot reach {self._server}: {_reason(error)}.",
                hint="Start the service with `audio-tools serve`, or name another with --server.",
            ) from error
        try:
            record: Json = response.json()
        except ValueError:
            raise ServerRefused(
                f"{urlsplit(self._server).netloc} answered {response.status_code} without JSON.",
                hint="Check that --server names an Audio Tools service.",
            ) from None
        if not response.is_success:
            # The server's own hint on tokens is for those who write programs.
            wants_token = response.status_code == httpx2.codes.UNAUTHORIZED
            raise ServerRefused(
                str(record.get("message")),
                hint=TOKEN_HINT if wants_token else str(record.get("hint", "")),
                server_code=str(record.get("error", "")),
            )
        return record


def _reason(error: BaseException) -> str:
    """Why a connection failed, in the words of the system: `connection refused`."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            # asyncio has a sentence of its own with the address in it.
            reason = os.strerror(cause.errno) if cause.errno and cause.errno > 0 else cause.strerror
            return reason[0].lower() + reason[1:]
        cause = cause.__cause__ or cause.__context__
    return str(error).rstrip(".") or type(error).__name__


def _path(job_id: str) -> str:
    """The route of a job; what is no part of a path would be that of something else."""
    if job_id in {"", ".", ".."} or "/" in job_id:
        raise ConfigError(f"No job has the id {job_id!r}.", hint="`audio-tools jobs` lists the jobs.")
    return f"/job/{quote(job_id, safe='')}"


def _is_final(error: Exception) -> bool:
    """Whether another attempt would be answered alike."""
    if isinstance(error, websockets.InvalidStatus):
        return 400 <= error.response.status_code < 500
    close = error.rcvd if isinstance(error, websockets.ConnectionClosed) else None
    return close is not None and close.code in FINAL_CLOSE_CODES


def _lost(job_id: str, server: str, error: Exception) -> ServerUnreachable:
    return ServerUnreachable(
        f"Lost the connection to {server}, and reconnecting failed: {str(error).rstrip('.')}. "
        f"The job {job_id} continues there once the service is running.",
        hint=f"Once it is done, get its transcript with: audio-tools export {job_id} --server {server}",
    )
