"""Create the backend that the settings describe."""

from __future__ import annotations

from audio_tools.backend.operations import Backend
from audio_tools.backend.sweeper import Lifetimes
from audio_tools.errors import ConfigError
from audio_tools.jobs import make_queue
from audio_tools.settings import Settings
from audio_tools.storage import UploadStore
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.webhooks import Subscriptions, SubscriptionStore


def make_backend(settings: Settings, wait_s: float | None) -> Backend:
    """
    Return a backend, not yet opened; `wait_s` is the time to wait for Redis when it is.

    Raises:
        ConfigError: a package for Redis is missing, its address is invalid, or webhooks have no secret.
    """
    if settings.webhook_url and not settings.webhook_secret:
        raise ConfigError(
            "WEBHOOK_URL is set, but WEBHOOK_SECRET is not.",
            hint="Set it to `whsec_` followed by the output of `openssl rand -base64 32`.",
        )
    uploads = UploadStore(
        settings.data_dir,
        max_bytes=settings.max_upload_bytes,
        min_free_bytes=settings.min_free_bytes,
        ttl_s=settings.upload_ttl,
    )
    return Backend(
        make_queue(settings, wait_s),
        uploads,
        TranscriptStore(settings.data_dir),
        ChunkCache(settings.data_dir),
        Subscriptions(
            SubscriptionStore(settings.data_dir),
            settings.webhook_url,
            signed=settings.webhook_secret is not None,
            allow_private=settings.webhook_allow_private,
        ),
        media_roots=settings.media_roots,
        keep_uploads_s=settings.keep_uploads,
        lifetimes=Lifetimes(settings.result_ttl, settings.chunk_ttl, settings.cache_max_bytes),
    )
