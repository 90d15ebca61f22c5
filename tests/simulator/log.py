"""What the simulator remembers of each request, and how a test waits for what is to come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Record:
    """
    One request.

    Attributes:
        number: counts from 0 in order of arrival.
        started_s, ended_s: by the machine's monotonic clock, which all its processes share.
        status: what was answered; None while it is open, or if no answer was given.
        fault: the kind of trouble that was made on purpose.
        aborted: the client hung up before it was answered.
        n_bytes: length of the whole body; sha256: hex digest of the file alone.
        attempt: how many requests with the same file came before.
        seconds: length of the audio; heard: the numbers of its words, None for a garbled one.
        latency_s: how long the answer was to take.
    """

    number: int
    started_s: float
    ended_s: float | None = None
    status: int | None = None
    fault: str | None = None
    aborted: bool = False
    n_bytes: int = 0
    sha256: str = ""
    attempt: int = 0
    model: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict)
    file_name: str = ""
    seconds: float = 0.0
    heard: tuple[int | None, ...] = ()
    latency_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


class Log:
    """All requests in order of arrival, and how many are open."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.in_flight = 0
        self.max_in_flight = 0
        self._changed = asyncio.Event()

    def open(self) -> Record:
        """A request has come."""
        record = Record(len(self.records), time.monotonic())
        self.records.append(record)
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self.notify()
        return record

    def close(self, record: Record) -> None:
        """A request is done with; called before its answer is sent, so that the next one finds it gone."""
        record.ended_s = time.monotonic()
        self.in_flight -= 1
        self.notify()

    def attempts(self, sha256: str) -> int:
        """How many requests brought this file."""
        return sum(record.sha256 == sha256 for record in self.records)

    def forget(self) -> None:
        """Start anew; requests still open stay counted as in flight."""
        self.records.clear()
        self.max_in_flight = self.in_flight

    def notify(self) -> None:
        """Let those who wait look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for(self, predicate: Callable[[list[Record]], bool], timeout_s: float) -> None:
        """
        Wait until the records are as wanted.

        Raises:
            TimeoutError: they never were.
        """
        async with asyncio.timeout(timeout_s):
            while not predicate(self.records):
                await self._changed.wait()

    def to_json(self) -> dict[str, Any]:
        """`{requests, in_flight, max_in_flight}`."""
        return {
            "requests": [record.to_json() for record in self.records],
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
        }
