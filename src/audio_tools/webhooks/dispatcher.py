"""Delivers the messages of jobs that have ended, and tries again for a day."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self
from uuid import NAMESPACE_URL, uuid5

from audio_tools.errors import AudioToolsError, JobNotFound
from audio_tools.jobs import Job, Queue
from audio_tools.jobs.job import PROGRESS
from audio_tools.logs import log_context
from audio_tools.system.locks import try_lock
from audio_tools.webhooks.delivery import body_of
from audio_tools.webhooks.sender import WebhookSender
from audio_tools.webhooks.store import Subscription, SubscriptionStore

SCAN_S = 1.0
"""Interval between looks for new subscriptions, of this and other processes, in seconds."""
PROGRESS_S = 2.0
"""Shortest interval between progress messages of a job, in seconds."""
ORPHAN_S = 3600.0
"""How long a job may take to appear in the queue after its subscription, in seconds."""
CONCURRENT = 32
"""Requests at once: a few receivers that do not reply must not delay the others."""

log = logging.getLogger(__name__)


class WebhookDispatcher:
    """
    Follows the jobs with subscriptions while it is open, and sends their messages.

    Of all processes on one DATA_DIR one dispatches at a time: the one that holds the lock, which ends with
    its process.
    """

    def __init__(self, queue: Queue, store: SubscriptionStore, sender: WebhookSender) -> None:
        self._queue = queue
        self._store = store
        self._sender = sender
        self._slots = asyncio.Semaphore(CONCURRENT)

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run(), name="webhooks")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self._sender.close()

    async def _run(self) -> None:
        lock = await self._lock()
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                tasks = {job_id: task for job_id, task in tasks.items() if not task.done()}
                for job_id in await asyncio.to_thread(self._store.pending) - set(tasks):
                    tasks[job_id] = asyncio.create_task(self._serve(job_id), name=f"webhooks of {job_id}")
                await asyncio.sleep(SCAN_S)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            os.close(lock)

    async def _lock(self) -> int:
        while True:
            with suppress(OSError):
                self._store.folder.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self._store.folder / "dispatch.lock", os.O_RDWR | os.O_CREAT, 0o600)
                if try_lock(descriptor):
                    return descriptor
                os.close(descriptor)
            await asyncio.sleep(SCAN_S)

    async def _serve(self, job_id: str) -> None:
        """Follow one job to its end and deliver its message; what fails here is tried again."""
        with log_context(job_id=job_id):
            try:
                if (subscription := await self._at_end(job_id)) is not None:
                    await self._finish(await self._deliver(subscription))
            except AudioToolsError as error:
                log.warning("webhook postponed: %s", error)
                await asyncio.sleep(SCAN_S)
            except Exception:
                log.exception("webhook postponed by an unexpected error")
                await asyncio.sleep(60 * SCAN_S)

    async def _at_end(self, job_id: str) -> Subscription | None:
        """Wait until the job has ended; None if there is nothing to deliver yet."""
        subscription = await asyncio.to_thread(self._store.get_pending, job_id)
        if subscription is None or subscription.message is not None:
            return subscription
        try:
            job = await self._queue.get(job_id)
            if not job.finished:
                await self._follow(subscription)
                job = await self._queue.get(job_id)
        except JobNotFound:
            # A job that is deleted leaves its message; one that was never created leaves nothing.
            if await asyncio.to_thread(self._store.age_s, job_id) > ORPHAN_S:
                await asyncio.to_thread(self._store.remove, job_id)
            return None
        if not subscription.is_news(job):
            return None
        subscription = subscription.with_end(job)
        await asyncio.to_thread(self._store.put, subscription)
        return subscription

    async def _follow(self, subscription: Subscription) -> None:
        sent_at = 0.0
        async for event in self._queue.events(subscription.job_id):
            wanted = event.type == PROGRESS and PROGRESS in subscription.events
            if wanted and time.monotonic() - sent_at >= PROGRESS_S:
                # Nothing is lost meanwhile: events wait in the queue, and newer progress replaces older.
                await self._send_progress(subscription, event.id)
                sent_at = time.monotonic()

    async def _send_progress(self, subscription: Subscription, event_id: str) -> None:
        """Progress is sent once: by the time of a second attempt it would be old."""
        job = await self._queue.get(subscription.job_id)
        message_id = f"msg_{uuid5(NAMESPACE_URL, f'{job.id}/{PROGRESS}/{event_id}').hex}"
        body = body_of(job, f"job.{PROGRESS}").decode()
        async with self._slots:
            attempt = await self._sender.send(subscription.url, message_id, body)
        if attempt.error:
            log.info("job.progress webhook %s rejected: %s", message_id, attempt.error)

    async def _deliver(self, subscription: Subscription) -> Subscription:
        message = subscription.message
        while message is not None and message.delivery.state == "pending":
            await asyncio.sleep(max(0.0, message.due - time.time()))
            async with self._slots:
                attempt = await self._sender.send(subscription.url, message.delivery.id, message.body)
            message = message.tried(attempt, time.time())
            subscription = replace(subscription, message=message)
            await asyncio.to_thread(self._store.put, subscription)
            _log_attempt(subscription)
        return subscription.closed()

    async def _finish(self, subscription: Subscription) -> None:
        job_id = subscription.job_id
        await asyncio.to_thread(self._store.finish, subscription)
        try:
            job: Job = await self._queue.get(job_id)
        except JobNotFound:
            await asyncio.to_thread(self._store.remove, job_id)
            return
        if not job.finished or subscription.is_news(job):  # it was restarted meanwhile
            await asyncio.to_thread(self._store.add, subscription)


def _log_attempt(subscription: Subscription) -> None:
    assert subscription.message is not None
    delivery = subscription.message.delivery
    reason = delivery.attempts[-1].error
    match delivery.state:
        case "delivered":
            log.info("webhook %s delivered: %s", delivery.id, delivery.type)
        case "failed":
            log.warning("giving up on webhook %s: %s", delivery.id, reason)
        case "pending":
            log.warning(
                "webhook %s failed, retrying at %s: %s", delivery.id, delivery.next_attempt_at, reason
            )
