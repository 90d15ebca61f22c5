"""The asynchronous client of the service: send a file, follow its job, fetch and export the result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, unquote

import httpx2
import websockets

from audio_tools.client.connection_errors import unreachable
from audio_tools.client.hints import PROGRAM, Hints
from audio_tools.client.values import ExportedFile, JobPage, ServerRefused
from audio_tools.errors import ConfigError, JobNotFinished, JobNotFound, ServerUnreachable
from audio_tools.network import direct_mounts, is_loopback
from audio_tools.transcript import Json, Transcript

DEFAULT_SERVER = "http://127.0.0.1:3001"
CONNECT_S = 10.0
JOBS_A_PAGE = 1_000
CANCEL_ATTEMPTS = 30
"""The service waits 2 s in each for the job to stop; a worker that was killed loses its job after 30 s."""
PAUSES_S = (0.25, 0.5, 1.0, 2.0, *[5.0] * 11)
"""
How long a follower waits each time before it opens a broken connection again, in seconds: a minute in all,
in which a service is started again.
"""
FINAL_CLOSE_CODES = range(4000, 5000)
"""The service has understood and says no: there is no such job, or the token is wrong."""


class AsyncClient:
    """
    A client of one service; an asynchronous context manager.

    Replies and events are JSON objects with the fields of docs/http-api.md, unless a method returns a value
    of its own.

    Args:
        server: address of the service.
        token: its API_TOKEN, where it has one.
        hints: the hints of errors, for programs with users of their own.

    Every method raises ServerUnreachable if there is no service, and ServerRefused if it refuses; the latter
    has its message, hint and error code.
    """

    def __init__(
        self, server: str = DEFAULT_SERVER, token: str | None = None, *, hints: Hints = PROGRAM
    ) -> None:
        self._server = server.rstrip("/")
        self._hints = hints
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

    async def transcribe(
        self,
        file: str | Path,
        options: Mapping[str, Any] | None = None,
        *,
        on_event: Callable[[Json], None] | None = None,
    ) -> Transcript:
        """
        Upload a file, wait until it is transcribed, and return its transcript.

        Args:
            file: the audio or video file.
            options: options of the job.
            on_event: called with the snapshot of the job and with each of its events.

        Raises:
            ServerRefused: also if the job fails; OSError: the file cannot be read.
        """
        return await self.wait(await self.submit(file, options), on_event=on_event)

    async def submit(
        self,
        file: str | Path,
        options: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Json:
        """
        Upload a file and start a job.

        Args:
            file: the audio or video file.
            options: options of the job.
            idempotency_key: a repeated call with the same key returns the job of the first one.

        Returns:
            The reply: `jobId`, `websocketUrl` and perhaps `warnings`.
        """
        path = Path(file)
        # A file name may be any bytes, but a form field must be text.
        name = path.name.encode(errors="replace").decode()
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        with await asyncio.to_thread(path.open, "rb") as opened:
            form = {"options": json.dumps(dict(options or {}))}
            files = {"audioFile": (name, opened)}
            return await self._json("POST", "/process-audio", data=form, files=files, headers=headers)

    async def submit_path(self, path: str | Path, options: Mapping[str, Any] | None = None) -> Json:
        """Start a job on a file that the service can read under its MEDIA_ROOTS; returns as `submit`."""
        body = {"path": str(path), "options": dict(options or {})}
        return await self._json("POST", "/process-audio", json=body)

    async def follow(
        self, job: Json | str, pauses_s: Sequence[float] = PAUSES_S
    ) -> AsyncGenerator[Json, None]:
        """
        Iterate over the snapshot of a job, then over its events to the last one.

        A broken connection is taken up where it broke, after the next of `pauses_s` (seconds); with each
        message they begin anew. Ends early where the service refuses: `result` says why.

        Args:
            job: the reply of `submit`, or the id of a job.
        """
        job_id = job if isinstance(job, str) else job["jobId"]
        url = self._socket_url(job_id) if isinstance(job, str) else job["websocketUrl"]
        after, broken = "", 0
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
                    raise self._lost(job_id, error) from error
            await asyncio.sleep(pauses_s[broken])
            broken += 1

    async def wait(self, job: Json | str, *, on_event: Callable[[Json], None] | None = None) -> Transcript:
        """
        Wait for the end of a job, and return its transcript.

        Args:
            job: the reply of `submit`, or the id of a job.
            on_event: called with the snapshot of the job and with each of its events.

        Raises:
            ServerRefused: the job failed or was cancelled, or does not exist.
        """
        async with aclosing(self.follow(job)) as events:
            async for event in events:
                if on_event is not None:
                    on_event(event)
        return await self.transcript(job if isinstance(job, str) else job["jobId"])

    async def transcript(self, job_id: str) -> Transcript:
        """The transcript of a completed job; raises as `result`."""
        return Transcript.from_json(await self.result(job_id))

    async def export(
        self,
        job_id: str,
        format: str,
        options: Mapping[str, Any] | None = None,
        *,
        cut_plan: Mapping[str, Any] | None = None,
    ) -> ExportedFile:
        """
        Export the transcript of a job.

        Args:
            job_id: id of the job.
            format: name of the format: `srt`, `vtt`, `txt`, `xmeml`, `otio` …
            options: export options (ExportOptions).
            cut_plan: options of a cut plan, or a plan that `cut_plan` returned, perhaps edited.
        """
        body = {"format": format, **(options or {})} | (
            {} if cut_plan is None else {"cutPlan": dict(cut_plan)}
        )
        response = await self._request("POST", f"{self._path(job_id)}/export", json=body)
        if response.status_code == httpx2.codes.ACCEPTED:
            raise JobNotFinished(job_id, response.json()["state"])
        if not response.is_success:
            raise self._refusal(response)
        kind = response.headers["content-type"].partition(";")[0]
        return ExportedFile(_file_name(response.headers["content-disposition"]), kind, response.content)

    async def cut_plan(self, job_id: str, options: Mapping[str, Any] | None = None) -> Json:
        """Plan a cut of the media of a job, with CutOptions; returns the plan."""
        return await self._json("POST", f"{self._path(job_id)}/cut-plan", json=dict(options or {}))

    async def status(self, job_id: str) -> Json:
        """The status of a job."""
        return await self._json("GET", f"{self._path(job_id)}/status")

    async def result(self, job_id: str) -> Json:
        """
        The transcript of a completed job as JSON.

        Raises:
            JobNotFinished: it is waiting or running. ServerRefused: it failed or was cancelled; the error
            is that of the job.
        """
        answer = await self._json("GET", f"{self._path(job_id)}/result")
        if not answer["success"]:
            raise JobNotFinished(job_id, answer["state"])
        result: Json = answer["result"]
        return result

    async def jobs(self, states: Sequence[str] = (), limit: int = 1_000, offset: int = 0) -> JobPage:
        """A page of at most `limit` jobs in one of the `states` (default: any), after the first `offset`."""
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
        unknown = JobNotFound(id_or_number)
        unknown.hint = self._hints.unknown_job
        raise unknown

    async def webhook_deliveries(self, job_id: str) -> list[Json]:
        """The webhook messages about a job so far, oldest first, with every attempt to deliver them."""
        answer = await self._json("GET", f"{self._path(job_id)}/webhooks")
        deliveries: list[Json] = answer["deliveries"]
        return deliveries

    async def restart(self, job_id: str) -> Json:
        """Put a failed job back into the queue; returns as `submit`."""
        return await self._json("POST", f"{self._path(job_id)}/restart")

    async def cancel(self, job_id: str, *, delete: bool | None = None) -> str:
        """
        Cancel a job, or delete a finished one; returns the message of the service.

        Args:
            job_id: the id of the job.
            delete: True: also delete a job that had not finished. False: never delete one.

        Raises:
            ServerRefused: `delete` is False and the job has finished (`server_code` is `job_finished`).
        """
        query = {} if delete is None else {"delete": delete}
        for attempts_left in reversed(range(CANCEL_ATTEMPTS)):
            try:
                return str((await self._json("DELETE", self._path(job_id), params=query))["message"])
            except ServerRefused as error:
                if error.server_code != JobNotFinished.code or not attempts_left:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _socket_url(self, job_id: str) -> str:
        return f"ws{self._server.removeprefix('http')}/?jobId={quote(job_id, safe='')}"

    async def _request(self, method: str, path: str, **content: Any) -> httpx2.Response:
        try:
            return await self._http.request(method, path, **content)
        except httpx2.HTTPError as error:
            raise unreachable(self._server, error, self._hints.unreachable) from error

    async def _json(self, method: str, path: str, **content: Any) -> Json:
        response = await self._request(method, path, **content)
        if not response.is_success:
            raise self._refusal(response)
        return self._record(response)

    def _record(self, response: httpx2.Response) -> Json:
        try:
            record: Json = response.json()
        except ValueError:
            raise ServerRefused(
                f"{response.url.netloc.decode()} returned status {response.status_code} "
                "and a body that is not JSON.",
                hint=self._hints.foreign.format(server=self._server),
            ) from None
        return record

    def _refusal(self, response: httpx2.Response) -> ServerRefused:
        record = self._record(response)
        # The server's own hint on tokens is about headers.
        wants_token = response.status_code == httpx2.codes.UNAUTHORIZED
        return ServerRefused(
            str(record.get("message")),
            hint=self._hints.unauthorized if wants_token else str(record.get("hint", "")),
            server_code=str(record.get("error", "")),
        )

    def _lost(self, job_id: str, error: Exception) -> ServerUnreachable:
        return ServerUnreachable(
            f"Lost the connection to {self._server}, and reconnecting failed: {str(error).rstrip('.')}. "
            f"The job {job_id} continues there once the service is running.",
            hint=self._hints.lost.format(job=job_id, server=self._server),
        )

    def _path(self, job_id: str) -> str:
        """The route of a job. Raises ConfigError for an id that would lead to another route."""
        if job_id in {"", ".", ".."} or "/" in job_id:
            raise ConfigError(f"Job not found: {job_id!r}.", hint=self._hints.unknown_job)
        return f"/job/{quote(job_id, safe='')}"


def _file_name(disposition: str) -> str:
    """The name in a Content-Disposition of the service, which always has it in both forms."""
    return unquote(disposition.rpartition("UTF-8''")[2])


def _is_final(error: Exception) -> bool:
    """Whether another attempt would be answered alike."""
    if isinstance(error, websockets.InvalidStatus):
        return 400 <= error.response.status_code < 500
    close = error.rcvd if isinstance(error, websockets.ConnectionClosed) else None
    return close is not None and close.code in FINAL_CLOSE_CODES
