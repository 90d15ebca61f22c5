"""What the process counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

JOBS = Gauge("audio_tools_jobs", "Jobs that are kept, by state.", ["state"], registry=REGISTRY)
JOBS_ENDED = Counter(
    "audio_tools_jobs_ended", "Jobs that ended in this process.", ["state"], registry=REGISTRY
)
MEDIA_SECONDS = Counter(
    "audio_tools_media_seconds", "Seconds of media that became transcripts.", registry=REGISTRY
)
ENGINE_CALLS = Counter("audio_tools_engine_calls", "Requests to engines.", ["engine"], registry=REGISTRY)
ENGINE_SECONDS = Counter(
    "audio_tools_engine_seconds", "Seconds of audio sent to engines.", ["engine"], registry=REGISTRY
)
COST_USD = Counter(
    "audio_tools_cost_usd", "Estimated cost of what engines answered.", ["engine"], registry=REGISTRY
)
WEBSOCKETS = Gauge("audio_tools_websockets", "Open WebSockets.", registry=REGISTRY)
