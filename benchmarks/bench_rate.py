"""
How near the lanes come to the best that a provider allows, beside lanes that follow nothing but pauses.

The engine is the OpenAI client at the simulator in a process of its own; chunks are half a second of sound,
so that nothing but the schedule takes time. Whatever the provider takes or names of time is scaled alike.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import numpy as np
from tests.simulator import KEY, simulator_process

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.base import Request
from audio_tools.engines.openai.engine import OpenAIEngine
from audio_tools.engines.rate_limits import LONGEST_PAUSE_S, RequestLimiter
from audio_tools.engines.retry import EngineClient
from audio_tools.media.encode import encode
from audio_tools.transcript import Quota

LANES = 5
REQUESTS = 120
LATENCY_S, SIGMA = 4.0, 0.3
"""An answer takes so many seconds times a lognormal factor."""
PER_MINUTE = 30
AT_ONCE = 3
STORMS_S = (15.0, 35.0), (60.0, 80.0)
"""Whoever asks between these moments is refused, with `Retry-After: 1`."""
SPEED = 12.0


class FixedLanes(RequestLimiter):
    """All lanes, always; when the limit is used up they pause until all of it is there again."""

    def answered(self, started_at: float, quota: Quota | None = None) -> None:  # noqa: ARG002
        """Pause if there is nothing left."""
        if quota is not None and quota.remaining == 0:
            self.pause(min(quota.reset_s, LONGEST_PAUSE_S))

    def overloaded(self, started_at: float) -> None:
        """Learn nothing from it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One schedule at one provider: wall time and latencies in the provider's seconds, refused requests."""

    wall_s: float
    latencies_s: tuple[float, ...]
    refused: int


class Control:
    """Changes how the simulator behaves and counts answers; moments are its seconds from the start."""

    def __init__(self, base_url: str, speed: float) -> None:
        self.answers: asyncio.Queue[None] = asyncio.Queue()
        self._url = f"http://{urlsplit(base_url).netloc}"
        self._speed = speed
        self.start()

    def start(self) -> None:
        """Count time from now."""
        self._started = time.monotonic()

    @property
    def moment(self) -> float:
        """Seconds since the start."""
        return (time.monotonic() - self._started) * self._speed

    async def set(self, **settings: Any) -> None:
        """See `tests.simulator.conduct.read_settings`."""
        request = HttpRequest(f"{self._url}/__control", json.dumps(settings).encode())
        (await asyncio.to_thread(urlopen, request)).close()

    async def set_latency(self, seconds: float) -> None:
        """Answers take so long from now on."""
        await self.set(latency={"base_s": seconds / self._speed, "sigma": SIGMA})

    async def until(self, moment: float) -> None:
        """Wait for a moment."""
        await asyncio.sleep((moment - self.moment) / self._speed)

    async def log(self) -> list[dict[str, Any]]:
        """All requests."""
        with await asyncio.to_thread(urlopen, f"{self._url}/__log") as answer:
            records: list[dict[str, Any]] = json.load(answer)["requests"]
            return records


async def _unlimited(control: Control, requests: int) -> None: ...


async def _by_the_minute(control: Control, requests: int) -> None:  # noqa: ARG001
    await control.set(requests_per_minute=PER_MINUTE)


async def _stormy(control: Control, requests: int) -> None:  # noqa: ARG001
    for begin, end in STORMS_S:
        await control.until(begin)
        await control.set(at_once=0)
        await control.until(end)
        await control.set(at_once=REQUESTS)


async def _narrow(control: Control, requests: int) -> None:  # noqa: ARG001
    await control.set(at_once=AT_ONCE)


async def _slower(control: Control, requests: int) -> None:
    for _ in range(requests // 2):
        await control.answers.get()
    await control.set_latency(3 * LATENCY_S)


def _at_any_time(number: int, moment: float) -> float:  # noqa: ARG001
    return moment


def _when_refilled(number: int, moment: float) -> float:
    return max(moment, (number - PER_MINUTE + 1) * 60 / PER_MINUTE)


def _after_storms(number: int, moment: float) -> float:  # noqa: ARG001
    return next((end for begin, end in STORMS_S if begin <= moment < end), moment)


@dataclass(frozen=True, slots=True)
class Provider:
    """
    A name, what happens while it is asked, when it takes request n that could start at a moment, and how many
    lanes are of use.
    """

    name: str
    play: Callable[[Control, int], Coroutine[Any, Any, None]]
    takes_at: Callable[[int, float], float] = _at_any_time
    lanes: int = LANES


PROVIDERS = (
    Provider("unlimited", _unlimited),
    Provider(f"{PER_MINUTE} requests a minute", _by_the_minute, _when_refilled),
    Provider("two storms of 429 of 20 s", _stormy, _after_storms),
    Provider("latency triples half-way", _slower),
    Provider(f"{AT_ONCE} requests at once, 429 beyond", _narrow, lanes=AT_ONCE),
)


def bench(
    folder: Path,  # noqa: ARG001
    requests: int = REQUESTS,
    speed: float = SPEED,
    providers: Sequence[Provider] = PROVIDERS,
) -> list[str]:
    """
    Lines of Markdown with the results.

    Args:
        folder: not used.
        requests: how many chunks are asked for.
        speed: how many times faster than a real provider's all times are.
        providers: one row each.
    """
    lines = [
        "## Rate",
        "",
        f"{requests} requests through {LANES} lanes; an answer takes {LATENCY_S:g} s times a lognormal "
        f"factor of spread {SIGMA:g}. All times are the provider's and run {speed:g} times faster. *Ideal*: "
        "with the same latencies a free lane takes the next chunk at once, but never before the provider "
        "takes it. *Ours*: lanes and rate follow the provider. *Fixed*: all lanes always, and pauses when it "
        "names them.",
        "",
        "| provider | ideal, s | ours, s | ours / ideal | 429 | ideal, s | fixed, s | fixed / ideal | 429 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for provider in providers:
        ours, fixed = (
            _run(provider, lanes(LANES), requests, speed) for lanes in (RequestLimiter, FixedLanes)
        )
        lines.append(f"| {provider.name} | {_figures(provider, ours)} | {_figures(provider, fixed)} |")
    return lines


def _figures(provider: Provider, run: Run) -> str:
    ideal_s = best(run.latencies_s, provider.lanes, provider.takes_at)
    return f"{ideal_s:.1f} | {run.wall_s:.1f} | **{run.wall_s / ideal_s:.3f}** | {run.refused}"


def best(latencies_s: Sequence[float], lanes: int, takes_at: Callable[[int, float], float]) -> float:
    """Seconds until all are answered when each free lane takes the next one as soon as it is taken."""
    free_at = [0.0] * lanes
    for number, latency in enumerate(latencies_s):
        heapq.heappush(free_at, takes_at(number, heapq.heappop(free_at)) + latency)
    return max(free_at)


def _run(provider: Provider, lanes: RequestLimiter, requests: int, speed: float) -> Run:
    with simulator_process("--seed", "1") as base_url:
        return asyncio.run(_measure(provider, lanes, requests, base_url, speed))


async def _measure(
    provider: Provider, lanes: RequestLimiter, requests: int, base_url: str, speed: float
) -> Run:
    engine = OpenAIEngine(api_key=KEY, base_url=base_url, model="whisper-1", timeout_s=60.0)
    await engine.start()
    control = Control(base_url, speed)
    await control.set(minute_s=60 / speed)
    await control.set_latency(LATENCY_S)
    client, chunks = EngineClient(engine, lanes), iter(_chunks(requests))

    async def lane() -> None:
        for chunk in chunks:
            await client.transcribe(chunk)
            control.answers.put_nowait(None)

    control.start()
    playing = asyncio.create_task(provider.play(control, requests))
    await asyncio.gather(*(lane() for _ in range(LANES)))
    wall_s = control.moment
    playing.cancel()
    await engine.close()
    records = await control.log()
    served = tuple(record["latency_s"] * speed for record in records if record["status"] == 200)
    return Run(wall_s, served, sum(record["status"] == 429 for record in records))


def _chunks(count: int) -> list[Request]:
    """Noise, each chunk another: the simulator draws the latency of a file by what is in it."""
    rng = np.random.default_rng(1)
    noise = rng.integers(-1000, 1000, (count, SAMPLE_RATE_HZ // 2), np.int16)
    return [Request(encode(pcm, "flac", SAMPLE_RATE_HZ, 1)) for pcm in noise]


if __name__ == "__main__":
    from benchmarks.report import show

    show("rate", bench)
