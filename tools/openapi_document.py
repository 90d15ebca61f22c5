"""Print the OpenAPI document without a running service: `python -m tools.openapi_document`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from audio_tools.backend import Backend
from audio_tools.jobs import SqliteQueue
from audio_tools.json_value import Json
from audio_tools.server.access_rules import AccessRules
from audio_tools.server.app import create_app
from audio_tools.server.routes.event_stream import EventStreams
from audio_tools.server.routes.jobs import JobRoutes
from audio_tools.server.routes.tus import TusApp
from audio_tools.storage import UploadStore
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.webhooks import Subscriptions, SubscriptionStore


def openapi_document() -> Json:
    """The document that `GET /openapi.json` returns."""
    with TemporaryDirectory() as folder:
        uploads = UploadStore(Path(folder), max_bytes=1, min_free_bytes=0, ttl_s=60)
        try:
            return asyncio.run(_fetch(Path(folder), uploads))
        finally:
            uploads.close()


async def _fetch(folder: Path, uploads: UploadStore) -> Json:
    stores = TranscriptStore(folder), ChunkCache(folder), Subscriptions(SubscriptionStore(folder))
    backend = Backend(SqliteQueue(folder), uploads, *stores)
    routes = JobRoutes(backend, EventStreams(backend.queue), ws_port=3002, upload_idle_s=1)
    app = create_app(routes, TusApp(uploads), AccessRules(ports=(3001,)), {})
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:3001") as client:
        document: Json = (await client.get("/openapi.json")).json()
        return document


if __name__ == "__main__":
    json.dump(openapi_document(), sys.stdout, indent=1)
