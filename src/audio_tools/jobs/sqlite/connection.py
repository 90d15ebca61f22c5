"""A connection to the queue's file, used by one thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from audio_tools.jobs.sqlite.database import connect, map_sqlite_errors

T = TypeVar("T")


class ThreadConnection:
    """A connection to the file and the only thread that may use it, created on first use."""

    def __init__(self, path: Path, mode: str) -> None:
        self._path, self._mode = path, mode
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"queue-{mode}")
        self._db: sqlite3.Connection | None = None

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run `work` in the thread, after all earlier calls."""
        return self._thread.submit(self._run, work)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with map_sqlite_errors(self._path):
            if self._db is None:
                self._db = connect(self._path, self._mode)
            return work(self._db)

    async def close(self) -> None:
        """Finish submitted calls, close the connection and end the thread."""
        self._thread.submit(self._close)
        await asyncio.to_thread(self._thread.shutdown)

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
