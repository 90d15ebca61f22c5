"""`audio-tools work`: run workers without HTTP, on any number of machines, until they are stopped."""

from __future__ import annotations

from pathlib import Path

import click

from audio_tools.cli._service import (
    announce,
    load_settings,
    redis_wait_s,
    require_redis,
    run_process,
    wait_option,
)
from audio_tools.settings import Settings


@click.command("work")
@click.option(
    "--jobs",
    "workers",
    type=int,
    metavar="N",
    help="Maximum number of concurrent jobs  [default: WORKERS, 2]",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Data directory, shared by all processes.",
)
@wait_option
def command(workers: int | None, data_dir: Path | None, wait: bool) -> None:
    """Process queued jobs without serving HTTP. Requires Redis."""
    settings = load_settings(workers=workers, data_dir=data_dir)
    require_redis(settings, "`audio-tools work`")
    run_process(settings, _work(settings, redis_wait_s(wait)))


async def _work(settings: Settings, wait_s: float | None) -> None:
    from audio_tools.backend import make_backend
    from audio_tools.metrics import metrics_served
    from audio_tools.worker_process import WorkerProcess, until_told_to_stop

    with metrics_served(settings.host, settings.metrics_port):
        async with make_backend(settings, wait_s) as backend:
            stopping = until_told_to_stop()
            announce(f"Jobs come from {await backend.queue.check()}, {settings.workers} at once")
            await WorkerProcess(settings, backend).run(stopping)
