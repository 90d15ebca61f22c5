"""Validate the webhook subscriptions of a job and store them before the job is created."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from audio_tools.errors import WebhookRefused
from audio_tools.jobs import Job
from audio_tools.network import is_loopback
from audio_tools.options import Options, WebhookEvent
from audio_tools.webhooks.addresses import is_public
from audio_tools.webhooks.delivery import Delivery
from audio_tools.webhooks.store import Subscription, SubscriptionStore

ENDS: tuple[WebhookEvent, ...] = ("completed", "failed", "cancelled")
"""The events of a job that names none."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """
    The receivers of all jobs.

    `url` receives the messages of jobs that name no receiver. Every method that stores something raises
    DiskFull or StorageError if it cannot.
    """

    store: SubscriptionStore
    url: str | None = None
    signed: bool = False
    """Whether there is a secret to sign with; without one nothing may be sent."""
    allow_private: bool = False

    def check(self, options: Options) -> None:
        """
        Check that the receiver of these options may be used.

        Raises:
            WebhookRefused: messages could not be signed, or its address is private.
        """
        if not (url := options.webhook_url):
            return
        if not self.signed:
            raise WebhookRefused(
                "The option webhookUrl requires a signing secret.",
                hint="Set WEBHOOK_SECRET on the service, or omit webhookUrl.",
            )
        if not self.allow_private and _is_private(url):
            raise WebhookRefused(
                f"The option webhookUrl has the private address {urlsplit(url).hostname}.",
                hint="Use a public address, or set WEBHOOK_ALLOW_PRIVATE=true on the service.",
            )

    async def add(self, job_id: str, options: Options) -> None:
        """Store the receiver of a job before the job is in the queue. Raises WebhookRefused like `check`."""
        self.check(options)
        if url := options.webhook_url or self.url:
            events = tuple(dict.fromkeys(options.webhook_events or ENDS))
            await asyncio.to_thread(self.store.add, Subscription(job_id, url, events))

    async def discard(self, job_id: str) -> None:
        """Forget a job that was not created."""
        await asyncio.to_thread(self.store.remove, job_id)

    async def keep_end(self, job: Job) -> None:
        """Store the message of a job that is about to be deleted, so that it is still delivered."""
        await asyncio.to_thread(self._keep_end, job)

    def _keep_end(self, job: Job) -> None:
        known = self.store.get_pending(job.id)
        if known is not None and known.message is None and known.is_news(job):
            self.store.put(known.with_end(job))
        self.store.remove_done(job.id)

    async def deliveries(self, job_id: str) -> tuple[Delivery, ...]:
        """The messages about a job so far, oldest first."""
        subscription = await asyncio.to_thread(self.store.get, job_id)
        return subscription.deliveries if subscription else ()


def _is_private(url: str) -> bool:
    """Whether the URL itself shows a private address; names are looked up when a message is sent."""
    host = urlsplit(url).hostname or ""
    try:
        return not is_public(ip_address(host))
    except ValueError:
        return is_loopback(url)
