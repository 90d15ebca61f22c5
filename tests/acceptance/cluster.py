"""The processes of one service on Redis, to be started, watched and killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.service import ServiceProcess, WorkerProcess
from tests.jobs.redis_server import RedisServer

PASSWORD = "open-sesame"
SHORT_LOCKS = Path(__file__).with_name("short_locks.py")


class Cluster:
    """
    The processes of one service; each has a log of its own, all have one data folder and one Redis.

    Args:
        folder: where everything lies.
        base_url: the API of the engine.
        redis: the server, with PASSWORD.
        recording: lies in the media root.
        lock_s: when the locks of workers run out, in seconds; by default as in real life.
    """

    def __init__(
        self, folder: Path, base_url: str, redis: RedisServer, recording: Path, *, lock_s: float | None = None
    ) -> None:
        self.folder = folder
        self.lock_s = lock_s
        self.environment = {
            "DATA_DIR": str(folder / "data"),
            "REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{redis.port}/0",
            "MEDIA_ROOTS": str(recording.parent),
            "SHUTDOWN_GRACE": "0.2",
        }
        self._base_url = base_url

    def web(self, name: str = "web") -> ServiceProcess:
        """A process that takes jobs in, and by itself works on none."""
        folder = self._folder_of(name)
        return ServiceProcess(folder, self._base_url, arguments=["--no-workers"], **self.environment)

    def worker(self, *arguments: str, name: str = "worker", **environment: str) -> WorkerProcess:
        """A process that works on one job at a time."""
        everything, folder = self.environment | environment, self._folder_of(name)
        worker = WorkerProcess(folder, self._base_url, arguments=["--jobs", "1", *arguments], **everything)
        if self.lock_s is not None:
            worker.program = ["-P", str(SHORT_LOCKS), str(self.lock_s)]
        return worker

    def _folder_of(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder


async def in_thread(call: Callable[..., Any], *args: Any) -> Any:
    """What blocks must not keep the simulator, which lives in this process, from answering."""
    return await asyncio.to_thread(call, *args)


async def until(true: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Look again and again, in a thread, until it is so."""
    async with asyncio.timeout(timeout_s):
        while not await in_thread(true):
            await asyncio.sleep(0.05)


async def stop(*processes: ServiceProcess) -> None:
    """Stop them with SIGTERM, all at once: they end well, and nothing went wrong in all their lives."""
    codes = await asyncio.gather(*(in_thread(process.terminate) for process in processes))

    assert set(codes) == {0}
    assert not any("Traceback" in process.log for process in processes)


@asynccontextmanager
async def running(*processes: ServiceProcess) -> AsyncIterator[None]:
    """Start these processes, all at once, and kill what is left of them in the end."""
    try:
        await asyncio.gather(*(in_thread(process.start) for process in processes))
        yield
    finally:
        for process in processes:
            process.kill()
