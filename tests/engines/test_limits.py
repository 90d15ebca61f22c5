"""Lanes: how many at once, how fast, and the pause that holds for all. Time is simulated, not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.engines.limits import Lanes
from tests.engines.simulated_time import now, run


async def starts_of(lanes: Lanes, durations: list[float], most: list[int] | None = None) -> list[float]:
    """When requests of the given durations (seconds) start, all wanting to start at once."""
    starts: list[float] = []
    running = 0

    async def request(duration: float) -> None:
        nonlocal running
        async with lanes.lane():
            running += 1
            starts.append(now())
            if most is not None:
                most.append(running)
            await asyncio.sleep(duration)
            running -= 1

    await asyncio.gather(*(request(duration) for duration in durations))
    return starts


@settings(max_examples=50)
@given(
    lanes=st.integers(1, 6),
    window=st.floats(0, 5),
    durations=st.lists(st.floats(0, 9), min_size=1, max_size=40),
)
def test_no_window_holds_more_starts_than_lanes(lanes: int, window: float, durations: list[float]) -> None:
    """Neither more at once than lanes, nor more starts in any window, and every request gets its turn."""
    most: list[int] = []
    starts = run(starts_of(Lanes(lanes, window), durations, most))

    assert len(starts) == len(durations)
    assert max(most) <= lanes
    for first, later in zip(starts, starts[lanes:], strict=False):
        assert later - first >= window - 1e-9


def test_nothing_waits_for_the_slowest_of_a_batch() -> None:
    """A free lane takes the next request while a slow one still runs."""
    assert run(starts_of(Lanes(2), [10, 1, 1, 1])) == [0, 0, 1, 2]


def test_a_pause_holds_all_and_is_only_extended() -> None:
    """A short pause does not cut a long one short, and jobs that share a limit pause together."""

    async def paused() -> list[float]:
        shared = Lanes(8)
        first, second = Lanes(2, shared=shared), Lanes(2, shared=shared)
        first.pause(30)
        first.pause(5)
        return [*await starts_of(first, [1]), *await starts_of(second, [1])]

    assert run(paused()) == [30, 31]


def test_a_job_that_waits_for_its_window_leaves_the_shared_lanes_to_others() -> None:
    """The shared limit is for requests that run, not for those that may not start yet."""

    async def two_jobs() -> list[float]:
        shared = Lanes(1)
        slow, fast = Lanes(1, 100, shared), Lanes(1, 0, shared)
        await starts_of(slow, [1])
        waiting = asyncio.create_task(starts_of(slow, [1]))
        await asyncio.sleep(0)
        started = await starts_of(fast, [1, 1])
        return [*started, *await waiting]

    assert run(two_jobs()) == [1, 2, 100]


@asynccontextmanager
async def held(lanes: Lanes) -> AsyncIterator[None]:
    async with lanes.lane():
        yield


async def test_a_cancelled_wait_frees_its_lane() -> None:
    """Whoever gives up while waiting takes nothing with it."""
    lanes = Lanes(1)
    async with held(lanes):
        waiting = asyncio.create_task(starts_of(lanes, [0]))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert len(await starts_of(lanes, [0, 0])) == 2
