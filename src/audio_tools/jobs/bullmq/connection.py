"""The connection to Redis: client, checks of the server, and translated errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from audio_tools.errors import AudioToolsError, ConfigError, DiskFull, QueueUnavailable
from audio_tools.network import failure_reason
from audio_tools.settings import Settings

OLDEST_REDIS = (6, 2)  # exclusive ranges of streams
CONNECTIONS = 24  # per process; further calls wait for a free one
CONNECT_TIMEOUT_S = 3.0
SOCKET_TIMEOUT_S = 30.0  # more than the longest blocking read, or an idle worker would reconnect all the time
CANCEL_AGAIN_S = 0.1
CALL_TIMEOUT_S = 5.0  # for one call and its reply, so that a request fails instead of hanging
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0  # between two connection attempts at start

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Address of a Redis server; `url` is redis:// or rediss://, and its password overrides `password`."""

    url: str
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Human-readable: host, port and database, never the password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or 'localhost'}:{parts.port or 6379}{parts.path}"


def address_of(settings: Settings) -> RedisAddress:
    """Return the server of the settings; default: localhost."""
    password = settings.redis_password.get_secret_value() if settings.redis_password else None
    if settings.redis_url:
        return RedisAddress(settings.redis_url.get_secret_value(), password)
    host = settings.redis_host or "localhost"
    name = f"[{host}]" if ":" in host else host
    return RedisAddress(f"redis://{name}:{settings.redis_port}/0", password)


def connect(address: RedisAddress) -> Redis:
    """
    Create a client that retries once and leaves further handling to the caller.

    Any command may therefore be executed twice.

    Raises:
        ConfigError: the address is invalid.
    """
    try:
        pool = BlockingConnectionPool.from_url(
            address.url,
            password=address.password,
            decode_responses=True,
            max_connections=CONNECTIONS,
            timeout=CALL_TIMEOUT_S,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_keepalive=True,
            health_check_interval=0,
            # Connections from before a restart of the server fail once.
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError as error:
        raise ConfigError(
            f"REDIS_URL is not a valid Redis URL: {error}.",
            hint="Use redis://HOST:PORT/DATABASE, or rediss:// for TLS.",
        ) from None
    return Redis.from_pool(pool)


async def stop(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks that use a client, and wait for them."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        # Repeatedly: redis-py 8.1 swallows a cancellation that arrives while it acquires a connection.
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)


async def wait_for_server(client: Redis, address: RedisAddress, wait_s: float | None) -> None:
    """
    Wait up to `wait_s` seconds (None: without a limit) until the server responds, then check it.

    Raises:
        ConfigError: the server rejects the password, or is too old.
        QueueUnavailable: the server did not respond in time.
    """
    loop = asyncio.get_running_loop()
    deadline = None if wait_s is None else loop.time() + wait_s
    pause_s, logged = FIRST_PAUSE_S, ""
    while True:
        try:
            with map_redis_errors(address):
                async with asyncio.timeout(CALL_TIMEOUT_S):
                    await client.ping()
            break
        except QueueUnavailable as error:
            if isinstance(error.__cause__, REFUSALS):
                raise ConfigError(error.message, hint=error.hint) from error
            if deadline is not None and loop.time() + pause_s > deadline:
                raise
            if error.message != logged:
                log.warning("waiting for Redis: %s", error.message)
            logged = error.message
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    await _inspect(client, address)


async def _inspect(client: Redis, address: RedisAddress) -> None:
    try:
        with map_redis_errors(address):
            server = await client.info()
    except exceptions.ResponseError as error:
        log.warning(
            "INFO refused by %s (%s); make sure that appendonly is yes and maxmemory-policy is noeviction",
            address,
            error,
        )
        return
    version = str(server.get("redis_version", ""))
    if version and tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise ConfigError(
            f"{address} is Redis {version}, but the queue requires 6.2 or newer.", hint="Upgrade Redis."
        )
    if (policy := server.get("maxmemory_policy", "noeviction")) != "noeviction":
        log.warning("%s may evict jobs (maxmemory-policy is %s): set it to noeviction", address, policy)
    if not server.get("aof_enabled"):
        log.warning("%s may lose jobs when it restarts: set appendonly to yes", address)


REFUSALS = (exceptions.AuthenticationError, exceptions.AuthorizationError, exceptions.NoPermissionError)
"""Errors of a server that rejects the client."""

_PASSWORD = "Set REDIS_PASSWORD (or the password in REDIS_URL) to the password of the server."
_WAIT = "Try again in a moment."
_START = "Start Redis, or correct REDIS_URL (or REDIS_HOST and REDIS_PORT)."

FOREIGN_ERRORS: tuple[tuple[type[Exception], str, type[AudioToolsError], str, str], ...] = (
    (exceptions.AuthenticationError, "", QueueUnavailable, "{at} rejected the password: {error}.", _PASSWORD),
    (exceptions.AuthorizationError, "", QueueUnavailable, "{at} denied access: {error}.", _PASSWORD),
    (exceptions.NoPermissionError, "", QueueUnavailable, "{at} denied access: {error}.", _PASSWORD),
    (exceptions.BusyLoadingError, "", QueueUnavailable, "{at} is starting.", _WAIT),
    # Restarted between the two requests in which the client loads a script and runs it.
    (exceptions.NoScriptError, "", QueueUnavailable, "{at} was restarted.", _WAIT),
    (exceptions.ResponseError, "OOM ", DiskFull, "{at} is out of memory.", "Raise its maxmemory."),
    (
        exceptions.ResponseError,
        "READONLY ",
        QueueUnavailable,
        "{at} is a read-only replica.",
        "Use the address of the primary.",
    ),
    (
        exceptions.ResponseError,
        "MISCONF ",
        QueueUnavailable,
        "{at} cannot persist: {error}.",
        "Check the disk of the Redis server.",
    ),
    (
        exceptions.ResponseError,
        "NOREPLICAS ",
        QueueUnavailable,
        "{at} has too few replicas: {error}.",
        "Check the replicas of the Redis server.",
    ),
    (exceptions.ResponseError, "MASTERDOWN ", QueueUnavailable, "{at} has lost its primary.", _WAIT),
    (exceptions.ResponseError, "CLUSTERDOWN ", QueueUnavailable, "{at} is down: {error}.", _WAIT),
    (exceptions.ResponseError, "TRYAGAIN ", QueueUnavailable, "{at} is resharding: {error}.", _WAIT),
    (exceptions.ResponseError, "UNBLOCKED ", QueueUnavailable, "{at} became a replica.", _WAIT),
    (exceptions.ResponseError, "BUSY ", QueueUnavailable, "{at} is busy running a script.", _WAIT),
    (exceptions.TimeoutError, "", QueueUnavailable, "{at} does not respond: {error}.", _START),
    (exceptions.ConnectionError, "", QueueUnavailable, "{at} cannot be reached: {reason}.", _START),
    (TimeoutError, "", QueueUnavailable, f"{{at}} has not answered for {CALL_TIMEOUT_S:g} s.", _START),
    (OSError, "", QueueUnavailable, "{at} cannot be reached: {reason}.", _START),
)
"""Foreign error, part of its text, and the resulting class, message and hint. The first match applies."""


@contextmanager
def map_redis_errors(address: RedisAddress) -> Iterator[None]:
    """Translate errors of the server and the connection; programming errors pass through."""
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        for foreign, part, error_class, message, hint in FOREIGN_ERRORS:
            if isinstance(error, foreign) and part in _text(error):
                text = message.format(
                    at=f"Redis at {address}", error=str(error).rstrip("."), reason=failure_reason(error)
                )
                raise error_class(text, hint=hint) from error
        raise


def _text(error: Exception) -> str:
    # redis-py strips the code from errors that it has classes for, but not from errors inside a script.
    return f"{getattr(error, 'status_code', None) or ''} {error}"
