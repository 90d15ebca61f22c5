"""The routes of jobs as an app without a network, and a queue that a test can work on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from audio_tools.backend import Backend
from audio_tools.jobs import SqliteQueue
from audio_tools.server.access_rules import AccessRules
from audio_tools.server.app import create_app
from audio_tools.server.routes.event_stream import EventStreams
from audio_tools.server.routes.jobs import JobRoutes
from audio_tools.server.routes.tus import TusApp
from audio_tools.storage import UploadStore
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.webhooks import Subscriptions, SubscriptionStore


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[SqliteQueue]:
    async with SqliteQueue(tmp_path) as opened:
        yield opened


@pytest.fixture
async def client(queue: SqliteQueue, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the app without a network; files of `tmp_path` can be named."""
    async with connected(queue, tmp_path) as client:
        yield client


@asynccontextmanager
async def connected(queue: SqliteQueue, folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    uploads = UploadStore(folder, max_bytes=1000, min_free_bytes=0, ttl_s=60)
    transcripts, cache = TranscriptStore(folder), ChunkCache(folder)
    backend = Backend(
        queue, uploads, transcripts, cache, Subscriptions(SubscriptionStore(folder)), media_roots=(folder,)
    )
    routes = JobRoutes(backend, EventStreams(backend.queue), ws_port=3002, upload_idle_s=1)
    tus = TusApp(uploads, require_unused=backend.require_unused)
    transport = httpx2.ASGITransport(create_app(routes, tus, AccessRules(ports=(3001,)), {}))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:3001") as client:
        yield client
    uploads.close()
