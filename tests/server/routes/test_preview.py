"""The preview of a recording over HTTP: ranges, access, and processes that run only while it is played."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from audio_tools.server.media_tickets import media_ticket
from audio_tools.server.routes import preview
from tests.media.samples import children, make, sound
from tests.media.test_preview import clicks
from tests.server.routes.test_media import AUTHORIZED, TOKEN, service

SIZE = 44 + 2 * 2 * 32_000


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds that no browser plays."""
    return make(tmp_path_factory.mktemp("film") / "talk.mov", *sound(2.0), "-c:a", "pcm_s24be")


async def submit(
    client: httpx2.AsyncClient, film: Path, folder: Path, headers: dict[str, str] | None = None
) -> str:
    """Start a job on the file; return the path of its preview."""
    copy = folder / film.name
    copy.write_bytes(film.read_bytes())
    reply = await client.post("/jobs", json={"path": str(copy)}, headers=headers)
    return f"/job/{reply.json()['jobId']}/preview"


async def test_a_preview_is_a_wav_with_ranges(film: Path, tmp_path: Path) -> None:
    """Its parts are those of the whole; HEAD has its length alone; what lies beyond it is refused."""
    async with service(tmp_path) as (client, _):
        path = await submit(client, film, tmp_path)
        whole = await client.get(path)
        part, end = [
            await client.get(path, headers={"Range": value}) for value in ("bytes=40-99", "bytes=64000-")
        ]
        head = await client.head(path)
        beyond = await client.get(path, headers={"Range": f"bytes={SIZE}-"})
        invalid = await client.get(path, headers={"Range": "bytes=9-2"})

    assert (whole.status_code, len(whole.content), whole.headers["content-type"]) == (200, SIZE, "audio/wav")
    assert whole.content[:4] == b"RIFF"
    assert (part.status_code, part.content) == (206, whole.content[40:100])
    assert part.headers["content-range"] == f"bytes 40-99/{SIZE}"
    assert (end.status_code, len(end.content)) == (206, SIZE - 64_000)
    assert (head.headers["content-length"], head.headers["accept-ranges"]) == (str(SIZE), "bytes")
    assert (beyond.status_code, beyond.json()["error"]) == (416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{SIZE}"
    assert (invalid.status_code, len(invalid.content)) == (200, SIZE)
    assert whole.headers["content-security-policy"].startswith("sandbox")


async def test_the_ticket_of_a_recording_opens_its_preview(film: Path, tmp_path: Path) -> None:
    """And no other one."""
    async with service(tmp_path, TOKEN) as (client, _):
        path = await submit(client, film, tmp_path, AUTHORIZED)
        job_id = path.split("/")[2]
        reply = await client.get(f"/job/{job_id}/media-address", headers=AUTHORIZED)
        opened = await client.get(f"/{reply.json()['previewUrl']}")
        other = media_ticket(TOKEN, "another", 1 << 40)
        refused = [await client.get(path), await client.get(f"{path}?ticket={other}")]

    assert opened.status_code == 200
    assert [answer.status_code for answer in refused] == [401, 401]


async def test_a_recording_without_sound_says_so(film: Path, tmp_path: Path) -> None:
    """In the one shape of errors, as one that is gone does."""
    silent = tmp_path / "silent.mov"
    silent.write_bytes(b"nothing")
    async with service(tmp_path) as (client, _):
        path = await submit(client, silent, tmp_path)
        refused = await client.get(path)
        silent.unlink()
        gone = await client.get(path)

    assert (refused.status_code, refused.json()["error"]) == (422, "decode_failed")
    assert (gone.status_code, gone.json()["error"]) == (404, "media_not_found")


class Listener:
    """A client of the application that takes what it wants, when it wants."""

    def __init__(self, transport: httpx2.ASGITransport, path: str) -> None:
        self.messages: list[Any] = []
        self.listening = asyncio.Event()
        self.left = asyncio.Event()
        headers = [(b"host", b"127.0.0.1:3001")]
        scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": headers}
        scope |= {"query_string": b"", "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1)}
        scope |= {"server": ("127.0.0.1", 3001), "root_path": ""}
        self.request = asyncio.ensure_future(transport.app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.messages.append(message)
        if len(self.messages) > 2:
            await self.listening.wait()


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_no_process_runs_while_it_is_paused(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A paused player keeps no process; when it resumes, the bytes continue where they stopped."""
    monkeypatch.setattr(preview, "IDLE_S", 0.05)
    async with service(tmp_path) as (client, _):
        path = await submit(client, film, tmp_path)
        whole = (await client.get(path)).content
        listener = Listener(client._transport, path)  # type: ignore[arg-type]
        await until(lambda: len(listener.messages) > 2)
        await until(lambda: not children())
        listener.listening.set()
        await listener.request

    heard = b"".join(message.get("body", b"") for message in listener.messages)
    assert len(heard) == len(whole)
    # Not to the bit: a decoder that starts later may be a part of a sample early or late.
    assert clicks(np.frombuffer(heard[44:], "<i2")) == pytest.approx([0, 1], abs=0.001)


async def test_a_process_ends_when_its_listener_leaves(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And makes room for the next one; one too many is refused for a moment."""
    monkeypatch.setattr(preview, "MOST_DECODERS", 1)
    monkeypatch.setattr(preview, "SLOT_WAIT_S", 0.05)
    async with service(tmp_path) as (client, _):
        path = await submit(client, film, tmp_path)
        listener = Listener(client._transport, path)  # type: ignore[arg-type]
        await until(lambda: len(listener.messages) > 2)
        busy = await client.get(path)
        listener.left.set()
        await listener.request
        after = children()
        free = await client.get(path)

    assert (busy.status_code, busy.json()["error"], busy.headers["retry-after"]) == (
        503,
        "previews_busy",
        "5",
    )
    assert after == []
    assert free.status_code == 200
