"""Queues to test: every backend passes the same contract suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from audio_tools.jobs import Queue, SqliteQueue
from audio_tools.jobs.bullmq.queue import BullQueue
from tests.jobs.redis_server import RedisServer

NewQueue = Callable[[], Queue]


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A running Redis for all tests; each one uses keys of its own."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        server.start()
        yield server


@pytest.fixture
def prefix() -> str:
    """Keys in Redis of this test alone."""
    return uuid4().hex


@pytest.fixture(params=["sqlite", "bull"])
def new_queue(request: pytest.FixtureRequest, tmp_path: Path, prefix: str) -> NewQueue:
    """Makes queues, not yet opened, over one and the same store of the backend under test."""
    if request.param == "sqlite":
        return lambda: SqliteQueue(tmp_path)
    server: RedisServer = request.getfixturevalue("redis_server")
    return lambda: BullQueue(server.address, tmp_path, prefix=prefix)


@pytest.fixture
async def queue(new_queue: NewQueue) -> AsyncIterator[Queue]:
    """An open queue, empty."""
    async with new_queue() as opened:
        yield opened
