"""The server process: HTTP on one port, WebSocket on another, and workers."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import shutil
import socket
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial

import uvicorn

from audio_tools.backend import make_backend
from audio_tools.engines.languages import CODES, language_code
from audio_tools.engines.model_names import listed_models, options_for, separates_speakers
from audio_tools.engines.registry import check_engine
from audio_tools.errors import ConfigError, DiskFull
from audio_tools.server.access_rules import AccessRules
from audio_tools.server.app import create_app
from audio_tools.server.middleware.proxies import Proxies
from audio_tools.server.openai_api.engine_facts import EngineFacts
from audio_tools.server.routes.event_stream import EventStreams
from audio_tools.server.routes.health import HealthCheck, check_ffmpeg
from audio_tools.server.routes.jobs import JobRoutes
from audio_tools.server.routes.openai import OpenAIRoutes
from audio_tools.server.routes.tus import TusApp
from audio_tools.server.uvicorn_ext.choice import Protocols, choose_protocols
from audio_tools.settings import Settings
from audio_tools.webhooks import WebhookDispatcher, WebhookSender
from audio_tools.worker_process import WorkerProcess, until_told_to_stop

WS_MESSAGE_BYTES = 65_536
"""Maximum size of a client's WebSocket message: clients send almost nothing."""
BACKLOG = 2048
"""Backlog of the listening sockets."""
CONNECTION_GRACE_S = 2.0
"""Grace period of open requests on shutdown, in seconds."""

log = logging.getLogger(__name__)


class ServerProcess:
    """Everything that `audio-tools serve` runs; without `workers`, other processes run its jobs."""

    def __init__(self, settings: Settings, *, workers: bool, wait_s: float | None) -> None:
        self._settings = settings
        # Validate the access rules before opening sockets.
        self._rules = _access_rules(settings)
        self._backend = make_backend(settings, wait_s)
        self._streams = EventStreams(self._backend.queue)
        self._worker_process = WorkerProcess(settings, self._backend) if workers else None

    async def run(self, started: Callable[[int, int], None]) -> None:
        """
        Serve until SIGTERM or SIGINT, then shut down gracefully; unfinished jobs are requeued.

        Args:
            started: called with the HTTP and the WebSocket port once both accept connections.

        Raises:
            ConfigError: a setting is wrong; the message names it.
        """
        settings = self._settings
        sockets = [
            _listen(settings.host, settings.port, "PORT"),
            _listen(settings.host, settings.ws_port, "WS_PORT"),
        ]
        ports = [bound.getsockname()[1] for bound in sockets]
        server = self._server(ports, await choose_protocols())
        async with self._backend, self._webhooks(), asyncio.TaskGroup() as tasks:
            stopping = until_told_to_stop()
            tasks.create_task(server.serve(sockets), name="serve")
            if self._worker_process is not None:
                tasks.create_task(self._worker_process.run(stopping), name="work")
            # Objects loaded so far never die; excluding them from collection halves GC pauses.
            gc.collect()
            gc.freeze()
            started(*ports)
            await stopping.wait()
            self._streams.stopping.set()
            server.should_exit = True

    def _webhooks(self) -> AbstractAsyncContextManager[object]:
        settings = self._settings
        if settings.webhook_secret is None:
            return nullcontext()
        sender = WebhookSender(
            settings.webhook_secret.get_secret_value(), allow_private=settings.webhook_allow_private
        )
        return WebhookDispatcher(self._backend.queue, self._backend.subscriptions.store, sender)

    def _server(self, ports: list[int], protocols: Protocols) -> _Server:
        settings = self._settings
        rules = replace(self._rules, ports=tuple(ports))
        routes = JobRoutes(self._backend, self._streams, ws_port=ports[1], upload_idle_s=settings.upload_idle)
        facts = _engine_facts(settings, workers=self._worker_process is not None)
        openai = OpenAIRoutes(self._backend, self._streams, facts, settings.upload_idle)
        tus = TusApp(
            self._backend.uploads, idle_s=settings.upload_idle, require_unused=self._backend.require_unused
        )
        config = uvicorn.Config(
            Proxies(
                create_app(routes, tus, rules, self._checks(), openai),
                settings.trusted_proxies,
                settings.path_prefix,
            ),
            proxy_headers=False,  # uvicorn's own handling trusts every client on this machine
            http=protocols.http,
            ws=protocols.ws,
            ws_max_size=WS_MESSAGE_BYTES,
            # Messages are small, and would be compressed separately for each of hundreds of clients.
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=round(CONNECTION_GRACE_S),
        )
        return _Server(config)

    def _checks(self) -> dict[str, HealthCheck]:
        checks: dict[str, HealthCheck] = {"queue": self._backend.queue.check, "disk": self._check_disk}
        if worker_process := self._worker_process:
            checks["ffmpeg"] = check_ffmpeg
            checks["engine"] = self._check_engine
            checks["aligner"] = partial(_say, worker_process.aligner)
        return checks

    async def _check_engine(self) -> str:
        return await asyncio.to_thread(check_engine, self._settings)

    async def _check_disk(self) -> str:
        folder = self._settings.data_dir
        free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
        if free < self._settings.min_free_bytes:
            raise DiskFull(
                f"Only {free} bytes are free in {folder}.", hint="Free disk space, or change DATA_DIR."
            )
        used = await asyncio.to_thread(self._backend.chunk_cache.used_bytes)
        return f"{free / 1e9:.1f} GB free; chunk results take {used / 1e6:.0f} MB"


async def _say(what: str) -> str:
    return what


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which would end the process with the signal and not with 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _engine_facts(settings: Settings, *, workers: bool) -> EngineFacts:
    return EngineFacts(
        models=listed_models(settings, workers=workers),
        options_for=partial(options_for, settings),
        separates_speakers=partial(separates_speakers, settings),
        language_code=language_code,
        language_names={code: name for name, code in CODES.items()},
    )


def _access_rules(settings: Settings) -> AccessRules:
    """Return the access rules without the ports, which are known after listening. Raises ConfigError."""
    return AccessRules(
        ports=(),
        hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
        token=settings.api_token.get_secret_value() if settings.api_token else None,
        public=not _is_loopback(settings.host),
    )


def _listen(host: str, port: int, variable: str) -> socket.socket:
    """Create a listening socket. Raises ConfigError with the variable to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    # On Windows, SO_REUSEADDR would let any other program listen on the same port.
    exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
    listener.setsockopt(socket.SOL_SOCKET, exclusive, 1)
    try:
        listener.bind((host, port))
        # Listen at once, since a client may connect as soon as the ports are printed.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"{variable} is {port}, but cannot listen on {host}:{port}: {error.strerror}.",
            hint=f"Stop the process that uses the port, or change {variable} (or HOST).",
        ) from None
    listener.set_inheritable(False)
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
