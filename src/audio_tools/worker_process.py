"""The worker process: engines, rate limits, aligner and workers."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from audio_tools.audio.peaks import PeakSink
from audio_tools.backend import Backend
from audio_tools.engines.pool import EnginePool
from audio_tools.engines.rate_limits import RequestLimiter, make_limiter
from audio_tools.engines.registry import ENGINES, check_engine
from audio_tools.errors import EngineNotReady
from audio_tools.events import Event
from audio_tools.options import Options
from audio_tools.pipeline.aligner import build_aligner
from audio_tools.pipeline.transcribe import PipelineContext, transcribe
from audio_tools.settings import Settings
from audio_tools.system.processes import on_signals
from audio_tools.transcript import Transcript
from audio_tools.worker import Worker

OUTAGE_WAIT_S = 86_400.0
"""Default of OUTAGE_WAIT in the service, in seconds."""

log = logging.getLogger(__name__)


class WorkerProcess:
    """
    Processes up to WORKERS jobs of the queue concurrently. A process has one or none.
    """

    def __init__(self, settings: Settings, backend: Backend) -> None:
        self._settings = settings
        self._backend = backend
        self._engines = EnginePool(settings)
        self._aligner = build_aligner(settings)
        self._outage_wait_s = OUTAGE_WAIT_S if settings.outage_wait is None else settings.outage_wait
        limiter = RequestLimiter(settings.max_concurrent_chunks)
        self._limiters: dict[str, RequestLimiter] = dict.fromkeys(ENGINES, limiter)
        self._worker = Worker(
            backend,
            self._transcribe,
            slots=settings.workers,
            outage_wait_s=self._outage_wait_s,
        )

    @property
    def aligner(self) -> str:
        """The aligner."""
        return self._aligner.name if self._aligner else "none: keeping engine timings"

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Run until `stopping` is set and running jobs have finished, or SHUTDOWN_GRACE is over; unfinished jobs
        are requeued. Call it once, while the backend is open.
        """
        await self._warn_without_engine()
        async with AsyncExitStack() as closing, asyncio.TaskGroup() as tasks:
            closing.push_async_callback(self._engines.close)
            if self._aligner is not None:
                closing.push_async_callback(self._aligner.close)
            if self._settings.uses_redis:
                self._limiters |= _shared_limiters(self._settings, closing)
            tasks.create_task(self._worker.run(), name="work")
            await stopping.wait()
            log.info("shutting down, grace period for running jobs: %g s", self._settings.shutdown_grace)
            await self._worker.stop(self._settings.shutdown_grace)

    async def _warn_without_engine(self) -> None:
        # Only a warning: a job may name another engine, and a key or model may be added later.
        try:
            await asyncio.to_thread(check_engine, self._settings)
        except EngineNotReady as error:
            log.warning("no engine available, jobs without `engine` will fail: %s %s", error, error.hint)

    async def _transcribe(
        self, path: Path, options: Options, publish: Callable[[Event], None], peaks: PeakSink
    ) -> Transcript:
        settings = self._settings
        async with self._engines.lend(options) as engine:
            context = PipelineContext(
                engine=engine,
                limiter=make_limiter(settings, options, self._limiters[engine.name]),
                cache=self._backend.chunk_cache,
                chunk_size=options.chunk_size or settings.chunk_size,
                aligner=self._aligner,
                outage_wait_s=self._outage_wait_s,
                peaks=peaks,
            )
            return await transcribe(path, options, context, publish)


def _shared_limiters(settings: Settings, closing: AsyncExitStack) -> dict[str, RequestLimiter]:
    """The limits of accounts by engine, shared over Redis by all processes that use the account."""
    from audio_tools.engines.redis_rate_limits import RedisRequestLimiter
    from audio_tools.jobs.bullmq.connection import address_of, connect

    client = connect(address_of(settings))
    closing.push_async_callback(client.aclose)
    most, limiters = settings.max_concurrent_chunks, dict[str, RequestLimiter]()
    for spec in ENGINES.values():
        if spec.account is None:
            continue
        limiters[spec.name] = limiter = RedisRequestLimiter(
            client,
            spec.account(settings),
            most,
            starts=most,
            window_s=settings.rate_limit_delay / 1000,
            prefix=settings.redis_prefix,
        )
        closing.push_async_callback(limiter.close)
    return limiters


def until_told_to_stop() -> asyncio.Event:
    """What SIGTERM and SIGINT set from now on."""
    stopping = asyncio.Event()
    on_signals(stopping.set, signal.SIGTERM, signal.SIGINT)
    return stopping
