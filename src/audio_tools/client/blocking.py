"""The blocking client: the methods of the asynchronous one for programs without an event loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

from anyio.from_thread import start_blocking_portal

from audio_tools.client.asynchronous import DEFAULT_SERVER, AsyncClient
from audio_tools.client.values import ExportedFile, JobPage
from audio_tools.transcript import Json, Transcript


class Client:
    """
    A client of one service; a context manager. See `AsyncClient` for its methods and errors.

    Its event loop runs in a thread of its own; several threads may share one client.

    Args:
        server: address of the service.
        token: its API_TOKEN, where it has one.
    """

    def __init__(self, server: str = DEFAULT_SERVER, token: str | None = None) -> None:
        with ExitStack() as opened:
            self._portal = opened.enter_context(start_blocking_portal())
            self._client = self._portal.call(AsyncClient, server, token)
            opened.callback(self._portal.call, self._client.__aexit__)
            self._closing = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and end the thread."""
        self._closing.close()

    def transcribe(
        self,
        file: str | Path,
        options: Mapping[str, Any] | None = None,
        *,
        on_event: Callable[[Json], None] | None = None,
    ) -> Transcript:
        """Upload a file, wait until it is transcribed, and return its transcript."""
        return self._portal.call(partial(self._client.transcribe, file, options, on_event=on_event))

    def submit(
        self,
        file: str | Path,
        options: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Json:
        """Upload a file and start a job; returns `jobId`, `websocketUrl` and perhaps `warnings`."""
        return self._portal.call(partial(self._client.submit, file, options, idempotency_key=idempotency_key))

    def submit_path(self, path: str | Path, options: Mapping[str, Any] | None = None) -> Json:
        """Start a job on a file that the service can read under its MEDIA_ROOTS; returns as `submit`."""
        return self._portal.call(self._client.submit_path, path, options)

    def follow(self, job: Json | str) -> Generator[Json, None, None]:
        """Iterate over the snapshot of a job, then over its events to the last one."""
        events = self._client.follow(job)
        try:
            while (event := self._portal.call(_next_of, events)) is not None:
                yield event
        finally:
            self._portal.call(events.aclose)

    def wait(self, job: Json | str, *, on_event: Callable[[Json], None] | None = None) -> Transcript:
        """Wait for the end of a job, and return its transcript."""
        return self._portal.call(partial(self._client.wait, job, on_event=on_event))

    def status(self, job_id: str) -> Json:
        """The status of a job."""
        return self._portal.call(self._client.status, job_id)

    def result(self, job_id: str) -> Json:
        """The transcript of a completed job as JSON."""
        return self._portal.call(self._client.result, job_id)

    def transcript(self, job_id: str) -> Transcript:
        """The transcript of a completed job."""
        return self._portal.call(self._client.transcript, job_id)

    def export(
        self,
        job_id: str,
        format: str,
        options: Mapping[str, Any] | None = None,
        *,
        cut_plan: Mapping[str, Any] | None = None,
    ) -> ExportedFile:
        """Export the transcript of a job, with export options and perhaps a cut plan."""
        return self._portal.call(partial(self._client.export, job_id, format, options, cut_plan=cut_plan))

    def cut_plan(self, job_id: str, options: Mapping[str, Any] | None = None) -> Json:
        """Plan a cut of the media of a job, with CutOptions; returns the plan."""
        return self._portal.call(self._client.cut_plan, job_id, options)

    def jobs(self, states: Sequence[str] = (), limit: int = 1_000, offset: int = 0) -> JobPage:
        """A page of at most `limit` jobs in one of the `states` (default: any), after the first `offset`."""
        return self._portal.call(self._client.jobs, states, limit, offset)

    def find_job(self, id_or_number: str) -> str:
        """The id of a job that is given by its id, or by its number in the list of jobs."""
        return self._portal.call(self._client.find_job, id_or_number)

    def webhook_deliveries(self, job_id: str) -> list[Json]:
        """The webhook messages about a job so far, oldest first, with every attempt to deliver them."""
        return self._portal.call(self._client.webhook_deliveries, job_id)

    def restart(self, job_id: str) -> Json:
        """Put a failed job back into the queue; returns as `submit`."""
        return self._portal.call(self._client.restart, job_id)

    def cancel(self, job_id: str, *, delete: bool | None = None) -> str:
        """
        Cancel a job, or delete a finished one; returns the message of the service.

        With `delete=True` an unfinished job is cancelled and deleted; with `delete=False` a finished one is
        never deleted, but raises ServerRefused.
        """
        return self._portal.call(partial(self._client.cancel, job_id, delete=delete))


async def _next_of(events: AsyncGenerator[Json, None]) -> Json | None:
    return await anext(events, None)
