"""A DATA_DIR that is deleted, replaced or mounted anew under the running queue."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from audio_tools.errors import QueueUnavailable
from audio_tools.jobs import JobRequest, SqliteQueue
from tests.jobs.steps import add_jobs


def delete(folder: Path) -> None:
    shutil.rmtree(folder)


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def restore(folder: Path) -> None:
    shutil.copytree(folder, copy := folder.with_name("copy"))
    shutil.rmtree(folder)
    copy.rename(folder)


def lose_changes(folder: Path) -> None:
    (folder / "queue.db-wal").unlink()


@pytest.mark.parametrize("change", [delete, empty, restore, lose_changes])
async def test_a_queue_whose_files_have_gone_takes_nothing(
    change: Callable[[Path], None], tmp_path: Path
) -> None:
    """Whatever it stored would be lost at the next start, so every call is refused with the reason."""
    folder = tmp_path / "data"
    async with SqliteQueue(folder) as queue:
        (job,) = await add_jobs(queue, 1)
        await queue.check()
        change(folder)
        for call in (
            queue.check(),
            queue.add(JobRequest({})),
            queue.get(job.id),
            queue.list(),
            queue.cancel(job.id),
        ):
            with pytest.raises(QueueUnavailable, match="DATA_DIR was deleted, restored or mounted anew"):
                await call


async def test_a_folder_that_comes_back_is_used_again(tmp_path: Path) -> None:
    """A mount that was away for a moment costs neither the jobs nor their leases."""
    folder = tmp_path / "data"
    async with SqliteQueue(folder) as queue:
        await add_jobs(queue, 1)
        lease = await queue.take()
        folder.rename(away := tmp_path / "away")
        with pytest.raises(QueueUnavailable):
            await queue.check()
        away.rename(folder)
        await queue.check()

        assert (await lease.complete({})).finished


async def test_work_on_a_replaced_folder_is_given_up(tmp_path: Path) -> None:
    """A second service may have started beside it with the same jobs: they must not run twice."""
    folder = tmp_path / "data"
    async with SqliteQueue(folder) as first:
        await add_jobs(first, 1)
        lease = await first.take()
        restore(folder)
        async with SqliteQueue(folder) as second:
            again = await second.take()
            with pytest.raises(QueueUnavailable):
                await lease.report("words", {})
            async with asyncio.timeout(10):
                await lease.lost.wait()
            await again.complete({})
