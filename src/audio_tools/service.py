"""The whole service in one process: queue, workers, HTTP on one port and WebSocket on another."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import shutil
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from audio_tools.align import make_aligner
from audio_tools.engines import choose_engine
from audio_tools.engines.limits import Lanes
from audio_tools.engines.pool import EnginePool
from audio_tools.errors import ConfigError, DiskFull
from audio_tools.events import Event
from audio_tools.jobs import UNFINISHED, Queue, SqliteQueue
from audio_tools.media.ffmpeg import ffmpeg_version, find_ffmpeg
from audio_tools.options import Options
from audio_tools.server.app import create_app
from audio_tools.server.health import Check
from audio_tools.server.jobs import JobRoutes
from audio_tools.server.protocol import HttpProtocol
from audio_tools.server.security import AccessRules
from audio_tools.server.tus import TusApp
from audio_tools.settings import Settings
from audio_tools.store import ResultStore, TranscriptStore
from audio_tools.transcribe import Tools, transcribe
from audio_tools.transcript import Transcript
from audio_tools.uploads import UploadStore
from audio_tools.worker import Worker

SWEEP_S = 60.0
"""How often leftovers are looked for, in seconds."""
WS_MESSAGE_BYTES = 65_536
"""Clients have next to nothing to say."""
BACKLOG = 2048
"""Connections that may wait to be taken."""
CONNECTION_GRACE_S = 2.0
"""How long open requests may take to end on shutdown."""

log = logging.getLogger(__name__)


class Service:
    """Everything that `audio-tools serve` runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ffmpeg = find_ffmpeg(settings.ffmpeg_path)
        self._queue: Queue = SqliteQueue(settings.data_dir)
        self._results = ResultStore(settings.data_dir)
        self._transcripts = TranscriptStore(settings.data_dir)
        self._uploads = UploadStore(
            settings.data_dir,
            max_bytes=settings.max_upload_bytes,
            min_free_bytes=settings.min_free_bytes,
            ttl_s=settings.upload_ttl,
        )
        self._engines = EnginePool(settings)
        self._lanes = Lanes(settings.max_concurrent_chunks)
        self._aligner = make_aligner(settings.align)
        self._worker = Worker(
            self._queue, self._transcribe, self._uploads, self._transcripts, slots=settings.workers
        )

    async def run(self, started: Callable[[int, int], None]) -> None:
        """
        Serve until SIGTERM or SIGINT; then finish what can be finished, and leave the rest resumable.

        Args:
            started: hears the HTTP and the WebSocket port once both take connections.

        Raises:
            ConfigError: the settings do not allow to start; says which.
        """
        settings = self._settings
        sockets = [
            _listen(settings.host, settings.port, "PORT"),
            _listen(settings.host, settings.ws_port, "WS_PORT"),
        ]
        ports = [bound.getsockname()[1] for bound in sockets]
        server = self._server(ports)
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        try:
            async with self._queue, asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(server.serve(sockets), name="serve")
                working = tasks.create_task(self._worker.run(), name="work")
                sweeping = tasks.create_task(self._sweep(), name="sweep")
                started(*ports)
                await stopping.wait()
                log.info("stopping: running jobs get %g s", settings.shutdown_grace)
                server.should_exit = True
                await self._worker.stop(settings.shutdown_grace)
                await asyncio.wait([serving, working])
                sweeping.cancel()
        finally:
            await self._engines.close()
            if self._aligner is not None:
                await self._aligner.close()
            self._uploads.close()

    def _server(self, ports: list[int]) -> _Server:
        settings = self._settings
        rules = AccessRules(
            ports=tuple(ports),
            hosts=settings.allowed_hosts,
            allowed_origins=settings.allowed_origins,
            token=settings.api_token.get_secret_value() if settings.api_token else None,
            public=not _is_loopback(settings.host),
        )
        routes = JobRoutes(
            self._queue,
            self._uploads,
            self._transcripts,
            media_roots=settings.media_roots,
            ws_port=ports[1],
            upload_idle_s=settings.upload_idle,
        )
        tus = TusApp(self._uploads, idle_s=settings.upload_idle)
        config = uvicorn.Config(
            create_app(routes, tus, rules, self._checks()),
            http=HttpProtocol,
            ws="websockets-sansio",
            ws_max_size=WS_MESSAGE_BYTES,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=round(CONNECTION_GRACE_S),
        )
        return _Server(config)

    def _checks(self) -> dict[str, Check]:
        return {
            "queue": self._check_queue,
            "ffmpeg": self._check_ffmpeg,
            "engine": self._check_engine,
            "disk": self._check_disk,
        }

    async def _check_queue(self) -> str:
        await self._queue.check()
        return "SQLite"

    async def _check_ffmpeg(self) -> str:
        return await asyncio.to_thread(ffmpeg_version, self._ffmpeg)

    async def _check_engine(self) -> str:
        name = choose_engine(self._settings, Options())
        model = self._settings.openai_model if name == "openai" else self._settings.whisper_model
        return f"{name} ({model})"

    async def _check_disk(self) -> str:
        folder = self._settings.data_dir
        free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
        if free < self._settings.min_free_bytes:
            raise DiskFull(
                f"Only {free} bytes are free under {folder}.", hint="Make room, or change DATA_DIR."
            )
        return f"{free / 1e9:.1f} GB free"

    async def _transcribe(self, path: Path, options: Options, publish: Callable[[Event], None]) -> Transcript:
        settings = self._settings
        most = settings.max_concurrent_chunks
        lanes = min(options.max_concurrent or most, most)
        delay_ms = settings.rate_limit_delay if options.rate_limit_delay is None else options.rate_limit_delay
        tools = Tools(
            ffmpeg=self._ffmpeg,
            engine=self._engines.get(options),
            lanes=Lanes(lanes, delay_ms / 1000, shared=self._lanes),
            store=self._results,
            chunk_size=options.chunk_size or settings.chunk_size,
            aligner=self._aligner,
        )
        return await transcribe(path, options, tools, publish)

    async def _sweep(self) -> None:
        """Remove what nobody needs any more, now and every minute; a failure waits for the next minute."""
        while True:
            try:
                await self._sweep_once()
            except Exception as error:
                log.warning("leftovers cannot be removed now", exc_info=error)
            await asyncio.sleep(SWEEP_S)

    async def _sweep_once(self) -> None:
        for job in await self._queue.sweep(self._settings.result_ttl):
            await asyncio.to_thread(self._transcripts.remove, job.id)
        unfinished = await self._queue.list(UNFINISHED, limit=100_000)
        named = {job.data.get("uploadId", "") for job in unfinished.jobs}
        await self._uploads.sweep(named)
        await asyncio.to_thread(self._results.sweep, self._settings.chunk_ttl)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would end the process with the signal and not with 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _listen(host: str, port: int, variable: str) -> socket.socket:
    """A socket that listens. Raises ConfigError with the variable that is in the way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Listens at once: who reads our ports may connect before the server has come up.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"{variable} is {port}, but {host}:{port} cannot be listened on: {error.strerror}.",
            hint=f"Stop what listens there, or set {variable} (or HOST) to something else.",
        ) from None
    listener.set_inheritable(False)
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
