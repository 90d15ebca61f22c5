"""Prometheus metrics of the process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, start_http_server

from audio_tools.errors import ConfigError

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

JOBS = Gauge("audio_tools_jobs", "Stored jobs, by state.", ["state"], registry=REGISTRY)
JOBS_ENDED = Counter(
    "audio_tools_jobs_ended", "Jobs that ended in this process.", ["state"], registry=REGISTRY
)
MEDIA_SECONDS = Counter("audio_tools_media_seconds", "Seconds of media transcribed.", registry=REGISTRY)
ENGINE_CALLS = Counter("audio_tools_engine_calls", "Requests sent to engines.", ["engine"], registry=REGISTRY)
ENGINE_SECONDS = Counter(
    "audio_tools_engine_seconds", "Seconds of audio sent to engines.", ["engine"], registry=REGISTRY
)
COST_USD = Counter(
    "audio_tools_cost_usd", "Estimated cost of successful engine requests.", ["engine"], registry=REGISTRY
)
# From 0 on: Prometheus sees no increase in a figure that begins at 1.
for state in ("completed", "failed", "cancelled"):
    JOBS_ENDED.labels(state)
WEBSOCKETS = Gauge("audio_tools_websockets", "Open WebSockets.", registry=REGISTRY)
EVENT_STREAMS = Gauge("audio_tools_event_streams", "Open streams of server-sent events.", registry=REGISTRY)


def declare_engines(names: Iterable[str]) -> None:
    """Start the counters of engines at 0: Prometheus sees no increase in a counter that begins at 1."""
    for name in names:
        for counter in (ENGINE_CALLS, ENGINE_SECONDS, COST_USD):
            counter.labels(name)


@contextmanager
def metrics_served(host: str, port: int | None) -> Iterator[None]:
    """
    Serve metrics on a separate port, for a process without HTTP; not at all if `port` is None.

    Raises:
        ConfigError: cannot listen on the port.
    """
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, host, REGISTRY)
    except OSError as error:
        raise ConfigError(
            f"METRICS_PORT is {port}, but cannot listen on {host}:{port}: {error.strerror}.",
            hint="Stop the process that uses the port, or change METRICS_PORT (or HOST).",
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
