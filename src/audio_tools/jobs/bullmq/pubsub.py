"""Subscribe to job changes in Redis, and wake the event readers of this process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from weakref import WeakValueDictionary

from redis.asyncio import Redis
from redis.exceptions import RedisError

from audio_tools.errors import AudioToolsError
from audio_tools.jobs.broadcast import Broadcast
from audio_tools.jobs.bullmq.connection import RedisAddress, map_redis_errors
from audio_tools.jobs.bullmq.records import EventPage
from audio_tools.jobs.job import STATE_EVENTS

RECONNECT_S = 0.2
PING_S = 5.0  # silence after which the server is pinged
PATIENCE_S = 5.0  # time without a reply after which the connection is reopened

log = logging.getLogger(__name__)


class Changes:
    """
    One subscription for the whole process.

    Messages may be lost with the connection, so all readers read again after a reconnect. `on_change` is
    called with the id of each job whose state changed, and with None if any job may have changed.
    """

    def __init__(
        self, client: Redis, address: RedisAddress, channel: str, on_change: Callable[[str | None], None]
    ) -> None:
        self._client = client
        self._address = address
        self._channel = channel
        self._on_change = on_change
        self.connected = asyncio.Event()
        # A broadcast exists as long as a reader follows the events of its job.
        self._broadcasts: WeakValueDictionary[str, Broadcast[EventPage]] = WeakValueDictionary()

    def broadcast_of(self, job_id: str) -> Broadcast[EventPage]:
        """Return the broadcast of a job's changes."""
        return self._broadcasts.setdefault(job_id, Broadcast())

    def notify_all(self) -> None:
        """Wake all readers."""
        for broadcast in list(self._broadcasts.values()):
            broadcast.notify_all()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                with map_redis_errors(self._address):
                    await self._listen()
            except (AudioToolsError, RedisError) as error:
                if self.connected.is_set():
                    log.warning("pub/sub connection lost, reconnecting: %s", error)
                self.connected.clear()
                await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> None:
        async with self._client.pubsub() as subscription:
            await subscription.subscribe(self._channel)
            pinged = False
            while True:
                message = await subscription.get_message(timeout=PATIENCE_S if pinged else PING_S)
                if message is None and pinged:
                    raise TimeoutError
                pinged = message is None
                if message is None:
                    await subscription.ping()
                elif message["type"] == "message":
                    self._notify(*message["data"].split(" "))
                elif message["type"] == "subscribe":
                    self.connected.set()
                    self._on_change(None)
                    self.notify_all()

    def _notify(self, type: str, job_id: str) -> None:
        if type in STATE_EVENTS:
            self._on_change(job_id)
        if broadcast := self._broadcasts.get(job_id):
            broadcast.notify_all()
