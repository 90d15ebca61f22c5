"""How the simulator behaves: how long it takes, what it does wrong, how much it takes a minute."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from tests.simulator.ears import Heard
from tests.simulator.log import Record

Kind = Literal["500", "503", "429", "reset", "hang", "cut", "garbage"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Latency:
    """(base + per_second · seconds of audio) times a lognormal factor of mean 1 and spread sigma."""

    base_s: float = 0.0
    per_second: float = 0.0
    sigma: float = 0.0

    def draw(self, seconds: float, rng: np.random.Generator) -> float:
        """How long the answer to so many seconds of audio takes, in seconds."""
        factor = math.exp(rng.normal(-(self.sigma**2) / 2, self.sigma)) if self.sigma else 1.0
        return (self.base_s + self.per_second * seconds) * factor


@dataclass(frozen=True, slots=True)
class Inaccuracy:
    """
    How engines err on the times of words, in seconds.

    All words come `early_s` too early, give or take `jitter_s` (uniform), and end up to `stretch_s` too late
    where a pause follows.
    """

    early_s: float = 0.0
    jitter_s: float = 0.0
    stretch_s: float = 0.0

    def apply(self, words: Sequence[Heard], seconds: float, rng: np.random.Generator) -> tuple[Heard, ...]:
        """The words as they are told, still in order and inside the recording."""
        told: list[Heard] = []
        limits = [*(word.start for word in words[1:]), seconds]
        for word, limit in zip(words, limits, strict=False):
            shift = rng.uniform(-self.jitter_s, self.jitter_s) - self.early_s
            earliest = told[-1].start if told else 0.0
            start = min(max(word.start + shift, earliest), seconds)
            end = max(start, min(word.end + shift + self.stretch_s, limit))
            told.append(Heard(word.number, start, end))
        return tuple(told)


PROMPT, EXACT = Latency(), Inaccuracy()
"""An engine that answers at once, and one that never errs."""


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One way to fail.

    `500`, `503`, `429`: that error, the last with `Retry-After` if `retry_after_s` is given; `reset`: the
    connection is closed without an answer; `hang`: no answer ever; `cut`: half a body; `garbage`: a 200 that
    is no JSON.
    """

    kind: Kind
    retry_after_s: int | None = None


Faults = Callable[[Record], Fault | None]
"""Decides for each request, after it was listened to, whether and how it fails."""


def no_faults(record: Record) -> Fault | None:
    """Never fail."""
    return None


def at_random(probability: float, kinds: Sequence[Kind] = KINDS, seed: int = 0) -> Faults:
    """Fail this part of the requests; which follows from seed, file and attempt, not from their order."""

    def decide(record: Record) -> Fault | None:
        rng = rng_of(seed, record, "faults")
        return Fault(kinds[int(rng.integers(len(kinds)))]) if rng.random() < probability else None

    return decide


def by_plan(plan: Sequence[Kind | Fault | None]) -> Faults:
    """Fail request number n as the plan's n-th entry says; None and all after the plan succeed."""

    def decide(record: Record) -> Fault | None:
        entry = plan[record.number] if record.number < len(plan) else None
        return Fault(entry) if isinstance(entry, str) else entry

    return decide


def for_words(numbers: Iterable[int], fault: Fault, attempts: float = math.inf) -> Faults:
    """Fail what holds any of these words, in its first so many attempts."""
    wanted = frozenset(numbers)

    def decide(record: Record) -> Fault | None:
        return fault if record.attempt < attempts and not wanted.isdisjoint(record.heard) else None

    return decide


def faults_from_json(record: dict[str, Any] | None, seed: int) -> Faults:
    """
    Faults as another process orders them.

    `null`; `{"probability", "kinds"?}`; `{"plan": [kind | {"kind", "retry_after_s"} | null, …]}`;
    `{"words": [number, …], "kind", "retry_after_s"?, "attempts"?}`.
    """
    if record is None:
        return no_faults
    if "plan" in record:
        return by_plan([Fault(**entry) if isinstance(entry, dict) else entry for entry in record["plan"]])
    if "words" in record:
        fault = Fault(record["kind"], record.get("retry_after_s"))
        return for_words(record["words"], fault, record.get("attempts", math.inf))
    return at_random(record["probability"], record.get("kinds", KINDS), seed)


def read_settings(settings: dict[str, Any], seed: int) -> Iterator[tuple[str, Any]]:
    """
    Settings of a simulator as another process sends them, one by one.

    Args:
        settings: `latency` and `inaccuracy` as objects with their fields, `faults` as `faults_from_json`
            takes them, `requests_per_minute`, `minute_s`, `at_once`, `quota_exhausted`, `keys`,
            `dialect`, `forget`.
        seed: of the faults' chance.

    Raises:
        ValueError, TypeError, KeyError: something in it is wrong.
    """
    readers: dict[str, Callable[[Any], Any]] = {
        "latency": lambda value: Latency(**value),
        "inaccuracy": lambda value: Inaccuracy(**value),
        "faults": lambda value: faults_from_json(value, seed),
        "requests_per_minute": int,
        "minute_s": float,
        "at_once": int,
        "quota_exhausted": bool,
        "keys": tuple,
        "dialect": lambda value: value,
        "forget": bool,
    }
    for name, value in settings.items():
        yield name, readers[name](value)


def rng_of(seed: int, record: Record, use: str) -> np.random.Generator:
    """Chance for one use in one request: the same file on the same attempt has the same luck in every run."""
    luck = f"{seed} {use} {record.sha256} {record.attempt}"
    return np.random.default_rng(list(luck.encode()))


class RateLimit:
    """A bucket of `per_minute` requests that refills evenly, as OpenAI's does, in `minute_s` seconds."""

    def __init__(
        self, per_minute: int, clock: Callable[[], float] = time.monotonic, minute_s: float = 60.0
    ) -> None:
        self.per_minute = per_minute
        self.minute_s = minute_s
        self._clock = clock
        self._level = float(per_minute)
        self._at = clock()

    def take(self) -> float:
        """Take one request out; returns 0, or the seconds until one is there if there is none."""
        self._refill()
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) * self.minute_s / self.per_minute

    @property
    def remaining(self) -> int:
        """Requests left."""
        self._refill()
        return int(self._level)

    @property
    def reset_s(self) -> float:
        """Seconds until the bucket is full."""
        self._refill()
        return (self.per_minute - self._level) * self.minute_s / self.per_minute

    def _refill(self) -> None:
        now = self._clock()
        self._level = min(self.per_minute, self._level + (now - self._at) * self.per_minute / self.minute_s)
        self._at = now
