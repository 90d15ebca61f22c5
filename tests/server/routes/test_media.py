"""The recording of a job for playback: ranges, tickets, and the end of its time."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from audio_tools.backend import Backend
from audio_tools.jobs import JobFailure, JobState, SqliteQueue
from audio_tools.server.access_rules import AccessRules
from audio_tools.server.app import create_app
from audio_tools.server.media_tickets import media_ticket
from audio_tools.server.routes.event_stream import EventStreams
from audio_tools.server.routes.jobs import JobRoutes
from audio_tools.server.routes.tus import TusApp
from audio_tools.storage import UploadStore
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.webhooks import Subscriptions, SubscriptionStore

TOKEN = "0123456789abcdef-the.token~"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
CONTENT = b"0123456789" * 10


@asynccontextmanager
async def service(
    folder: Path, token: str | None = None, keep_uploads_s: float = 0.0
) -> AsyncIterator[tuple[httpx2.AsyncClient, Backend]]:
    """A client of the app without a network or workers, and its backend; files of the folder can be named."""
    async with SqliteQueue(folder) as queue:
        uploads = UploadStore(folder, max_bytes=1000, min_free_bytes=0, ttl_s=60)
        stores = TranscriptStore(folder), ChunkCache(folder), Subscriptions(SubscriptionStore(folder))
        backend = Backend(queue, uploads, *stores, media_roots=(folder,), keep_uploads_s=keep_uploads_s)
        routes = JobRoutes(backend, EventStreams(queue), ws_port=3002, upload_idle_s=1)
        rules = AccessRules(ports=(3001,), token=token)
        transport = httpx2.ASGITransport(create_app(routes, TusApp(uploads), rules, {}))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:3001") as client:
            yield client, backend
        uploads.close()


async def upload(client: httpx2.AsyncClient, name: str = "talk.mp4", headers: dict[str, str] = {}) -> str:  # noqa: B006
    """Start a job on an upload of CONTENT; return its id."""
    response = await client.post("/process-audio", files={"audioFile": (name, CONTENT)}, headers=headers)
    job_id: str = response.json()["jobId"]
    return job_id


def age(folder: Path) -> None:
    """Make uploads older than those that nothing uses may become."""
    for path in folder.glob("uploads/**/*"):
        os.utime(path, (time.time() - 3600,) * 2)


async def complete(backend: Backend) -> None:
    """Complete the next job as a worker does."""
    lease = await backend.queue.take()
    await lease.complete({})


async def test_an_upload_is_played_with_ranges(tmp_path: Path) -> None:
    """The address leads to the file, and a Range gives its bytes."""
    async with service(tmp_path) as (client, _):
        job_id = await upload(client)
        address = (await client.get(f"/job/{job_id}/media-address")).json()
        whole = await client.get(f"/{address['url']}")
        part = await client.get(f"/{address['url']}", headers={"Range": "bytes=10-13"})

        beyond = await client.get(f"/{address['url']}", headers={"Range": "bytes=100-"})

    assert (address["mediaType"], whole.content) == ("video/mp4", CONTENT)
    assert (part.status_code, part.content) == (206, b"0123")
    assert part.headers["content-range"] == "bytes 10-13/100"
    assert (beyond.status_code, beyond.json()["error"]) == (416, "range_not_satisfiable")
    assert (beyond.headers["content-range"], beyond.json()["size"]) == ("bytes */100", 100)


@pytest.mark.parametrize(
    ("wanted", "status", "sent"),
    [
        ("bytes=5-2", 200, slice(None)),
        ("bytes=0-3,9-2", 200, slice(None)),
        ("bytes=abc", 200, slice(None)),
        ("bytes=1-2-3", 200, slice(None)),
        ("bytes=+1-2", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("bytes=", 200, slice(None)),
        (f"bytes=0-{'9' * 5000}", 200, slice(None)),
        ("seconds=1-2", 200, slice(None)),
        ("BYTES=98-", 206, slice(98, None)),
        ("bytes=98-500", 206, slice(98, None)),
        ("bytes=-500", 206, slice(None)),
        ("bytes= , 1-2, 100-200, -0", 206, slice(1, 3)),
        ("bytes=-0", 416, slice(0)),
        ("bytes=100-, 200-300", 416, slice(0)),
    ],
)
async def test_ranges_are_read_as_http_defines_them(
    wanted: str, status: int, sent: slice, tmp_path: Path
) -> None:
    """An invalid range is ignored; one outside the file is omitted, unless all are."""
    async with service(tmp_path) as (client, _):
        job_id = await upload(client)
        part = await client.get(f"/job/{job_id}/media", headers={"Range": wanted})

    assert part.status_code == status
    assert status == 416 or part.content == CONTENT[sent]


async def test_a_file_of_this_machine_is_played(tmp_path: Path) -> None:
    """A job on a path plays that file, as long as it is there."""
    media = tmp_path / "talk.wav"
    media.write_bytes(CONTENT)
    async with service(tmp_path) as (client, _):
        job_id = (await client.post("/jobs", json={"path": str(media)})).json()["jobId"]
        played = await client.get(f"/job/{job_id}/media")
        media.unlink()
        gone = await client.get(f"/job/{job_id}/media")

    assert played.content == CONTENT
    assert (gone.status_code, gone.json()["error"]) == (404, "media_not_found")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("talk.mov", "video/quicktime"),
        ("talk.html", "application/octet-stream"),
        ("talk", "application/octet-stream"),
    ],
)
async def test_a_recording_is_never_a_page(tmp_path: Path, name: str, kind: str) -> None:
    """Only sound and picture have a type of their own, and scripts are forbidden whatever it is."""
    async with service(tmp_path) as (client, _):
        response = await client.get(f"/job/{await upload(client, name)}/media")

    assert response.headers["content-type"] == kind
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"].startswith("sandbox")


async def test_a_ticket_opens_one_recording_for_a_time(tmp_path: Path) -> None:
    """With a token, the address alone plays its recording: no other one, no other route, and not for ever."""
    async with service(tmp_path, TOKEN) as (client, _):
        job_id, other = [await upload(client, headers=AUTHORIZED) for _ in range(2)]
        refused = await client.get(f"/job/{job_id}/media-address")
        address = (await client.get(f"/job/{job_id}/media-address", headers=AUTHORIZED)).json()["url"]
        ticket = address.partition("?")[2]
        late = media_ticket(TOKEN, job_id, int(time.time()) - 1)
        answers = [
            await client.get(url)
            for url in (
                f"/{address}",
                f"/job/{job_id}/media",
                f"/job/{other}/media?{ticket}",
                f"/job/{job_id}/result?{ticket}",
                f"/job/{job_id}/media?ticket={late}",
                f"/job/{job_id}/media?ticket=9.f",
            )
        ]
        deleted = await client.delete(f"/{address}")

    assert refused.status_code == 401
    assert [answer.status_code for answer in answers] == [200, 401, 401, 401, 401, 401]
    assert deleted.status_code == 401


async def test_the_upload_of_a_completed_job_is_kept_for_a_time(tmp_path: Path) -> None:
    """The sweep leaves it while it may be played, and removes it afterwards."""
    async with service(tmp_path, keep_uploads_s=60) as (client, backend):
        job_id = await upload(client)
        await complete(backend)
        age(tmp_path)
        await backend.sweeper.sweep()
        kept = await client.get(f"/job/{job_id}/media")
    async with service(tmp_path, keep_uploads_s=0) as (client, backend):
        age(tmp_path)
        await backend.sweeper.sweep()
        gone = await client.get(f"/job/{job_id}/media")

    assert (kept.status_code, gone.status_code) == (200, 404)


async def test_uploads_kept_for_playback_make_room_first(tmp_path: Path) -> None:
    """Where the disk fills up, the upload of a completed job goes before that of one to be restarted."""
    async with service(tmp_path, keep_uploads_s=60) as (client, backend):
        failed = await upload(client)
        lease = await backend.queue.take()
        await lease.fail(JobFailure({"code": "engine_error", "message": "No.", "restartable": True}))
        completed = await upload(client)
        await complete(backend)
        assert await backend.retention.make_room(len(CONTENT))
        states = [await client.get(f"/job/{job_id}/media") for job_id in (failed, completed)]
        restarted = await backend.restart(failed)

    assert [answer.status_code for answer in states] == [200, 404]
    assert restarted.state is JobState.WAITING
