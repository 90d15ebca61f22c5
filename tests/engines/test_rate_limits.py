"""Lanes: how many at once, how fast, what the provider makes of it. Time is simulated, not waited for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.engines.rate_limits import LONGEST_PAUSE_S, STEPS_TO_ALL, AdaptiveConcurrency, RequestLimiter
from audio_tools.transcript import Quota
from tests.engines.provider import Provider, serve
from tests.engines.simulated_time import now, run


async def starts_of(
    lanes: RequestLimiter, durations: list[float], most: list[int] | None = None
) -> list[float]:
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
    starts = run(starts_of(RequestLimiter(lanes, window), durations, most))

    assert len(starts) == len(durations)
    assert max(most) <= lanes
    for first, later in zip(starts, starts[lanes:], strict=False):
        assert later - first >= window - 1e-9


def test_nothing_waits_for_the_slowest_of_a_batch() -> None:
    """A free lane takes the next request while a slow one still runs."""
    assert run(starts_of(RequestLimiter(2), [10, 1, 1, 1])) == [0, 0, 1, 2]


def test_a_pause_holds_all_and_is_only_extended() -> None:
    """A short pause does not cut a long one short, and jobs that share a limit pause together."""

    async def paused() -> list[float]:
        shared = RequestLimiter(8)
        first, second = RequestLimiter(2, shared=shared), RequestLimiter(2, shared=shared)
        first.pause(30)
        first.pause(5)
        return [*await starts_of(first, [1]), *await starts_of(second, [1])]

    assert run(paused()) == [30, 31]


def test_a_job_that_waits_for_its_window_leaves_the_shared_lanes_to_others() -> None:
    """The shared limit is for requests that run, not for those that may not start yet."""

    async def two_jobs() -> list[float]:
        shared = RequestLimiter(2)
        slow, fast = RequestLimiter(2, 100, shared), RequestLimiter(2, 0, shared)
        await starts_of(slow, [1, 1])
        waiting = asyncio.create_task(starts_of(slow, [1, 1, 1]))
        await asyncio.sleep(100)  # two may start, and the third waits for the next window
        started = await starts_of(fast, [1, 1, 1, 1])
        return [*started, *await waiting]

    assert run(two_jobs()) == [101, 101, 102, 102, 100, 100, 200]


@asynccontextmanager
async def held(lanes: RequestLimiter) -> AsyncIterator[None]:
    async with lanes.lane():
        yield


async def test_a_cancelled_wait_frees_its_lane() -> None:
    """Requests start as if the cancelled one had never waited."""
    lanes = RequestLimiter(1)
    async with held(lanes):
        waiting = asyncio.create_task(starts_of(lanes, [0]))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert len(await starts_of(lanes, [0, 0])) == 2


LATENCY_S = 4.0


@given(
    most=st.integers(1, 64),
    events=st.lists(st.tuples(st.booleans(), st.floats(0, 60)), max_size=200),
)
def test_open_lanes_stay_within_their_bounds_and_all_come_back(
    most: int, events: list[tuple[bool, float]]
) -> None:
    """Whatever happens at least one lane is open; answers alone open them all, and never close one."""
    room, moment = AdaptiveConcurrency(most), 0.0
    for served, duration in events:
        moment += 1.0
        if served:
            room.answered(moment - duration)
        else:
            room.overloaded(moment - duration, moment)
        assert 1 <= room.lanes <= most

    seen = [room.lanes]
    for _ in range((STEPS_TO_ALL + 1) * most):
        room.answered(moment)
        seen.append(room.lanes)

    assert seen == sorted(seen)
    assert seen[-1] == most


def test_refusals_of_one_moment_close_lanes_once() -> None:
    """What was under way at the first refusal, or is refused before an answer came, says nothing new."""
    room = AdaptiveConcurrency(10)
    for started_at in (0.0, 0.0, 5.0, 6.0):
        room.overloaded(started_at, now=5.0)
    assert room.lanes == 8

    room.answered(5.0)
    room.overloaded(6.0, now=7.0)
    assert room.lanes == 6


@settings(max_examples=30)
@given(
    lanes=st.integers(1, 12),
    per_minute=st.integers(2, 300),
    at_once=st.integers(1, 12),
    storm=st.tuples(st.floats(0, 60), st.floats(0, 40)),
    latency_s=st.floats(0.1, 20),
    tells_late=st.booleans(),
)
def test_every_request_is_served_in_the_end(
    *,
    lanes: int,
    per_minute: int,
    at_once: int,
    storm: tuple[float, float],
    latency_s: float,
    tells_late: bool,
) -> None:
    """However narrow the provider's limit is and whenever it is stated, no request starves."""
    provider = Provider(
        latency_s=lambda _: latency_s,
        per_minute=per_minute,
        at_once=at_once,
        stormy=lambda moment: storm[0] <= moment < sum(storm),
        tells_late=tells_late,
    )
    run(serve(provider, RequestLimiter(lanes), 30))

    assert sum(exchange.served for exchange in provider.log) == 30


@pytest.mark.parametrize("tells_late", [True, False])
@pytest.mark.parametrize(("per_minute", "requests"), [(30, 150), (3, 20), (100, 400)])
def test_a_limit_a_minute_is_kept_without_being_refused(
    per_minute: int, requests: int, tells_late: bool
) -> None:
    """Requests start as the limit refills: hardly one is refused, and hardly a moment is lost."""
    provider = Provider(latency_s=lambda _: 1.0, per_minute=per_minute, tells_late=tells_late)
    seconds = run(serve(provider, RequestLimiter(5), requests))

    assert provider.refused <= max(0, 5 - per_minute) + 3
    assert seconds <= 1.05 * ((requests - per_minute) * 60 / per_minute + 1.0)


def test_after_a_storm_all_lanes_open_again() -> None:
    """A minute in which no request is served costs little more than that minute."""
    lanes = RequestLimiter(5)
    provider = Provider(stormy=lambda moment: 20 <= moment < 80)
    seconds = run(serve(provider, lanes, 90))

    assert lanes.open_lanes == 5
    assert seconds <= 90 / 5 * LATENCY_S + 60 + 2 * LATENCY_S


def test_lanes_settle_where_the_provider_is_busy_but_not_overrun() -> None:
    """One that takes two requests at once seldom has to refuse a third, and hardly idles."""
    chance = random.Random(1)
    provider = Provider(at_once=2, latency_s=lambda _: LATENCY_S * chance.uniform(0.5, 1.5))
    seconds = run(serve(provider, RequestLimiter(5), 90))

    assert provider.refused < 90  # five lanes that stay open: about 200
    assert seconds <= 1.1 * 90 / 2 * LATENCY_S


def test_slow_answers_close_no_lane() -> None:
    """Where all replies take three times as long, fewer lanes would only do less."""
    lanes = RequestLimiter(5)
    provider = Provider(latency_s=lambda moment: LATENCY_S if moment < 36 else 3 * LATENCY_S)
    seconds = run(serve(provider, lanes, 90))

    assert lanes.open_lanes == 5
    assert seconds == 45 / 5 * LATENCY_S + 45 / 5 * 3 * LATENCY_S


def test_an_allowance_is_what_is_left_and_then_refills() -> None:
    """Two left of 30, one more every 2 s: two start at once, the third and the fourth in their turn."""

    async def starts() -> list[float]:
        lanes = RequestLimiter(10)
        lanes.answered(now(), Quota(30, 2, 56.0))
        return await starts_of(lanes, [1, 1, 1, 1])

    assert run(starts()) == [0, 0, 2, 4]


@pytest.mark.parametrize("tells_late", [True, False])
@pytest.mark.parametrize(("per_minute", "latency_s", "lanes"), [(30, 4.0, 5), (60, 1.0, 10), (360, 0.1, 15)])
def test_requests_that_overtake_one_another_are_not_refused(
    *, per_minute: int, latency_s: float, lanes: int, tells_late: bool
) -> None:
    """However long each is under way, no answer makes others start for requests that it does not count."""
    chance = random.Random(2)
    provider = Provider(
        latency_s=lambda _: latency_s,
        per_minute=per_minute,
        tells_late=tells_late,
        travel_s=lambda: latency_s / 2 * chance.expovariate(1.0),
    )
    run(serve(provider, RequestLimiter(lanes), 4 * per_minute))

    assert provider.refused <= 1


def test_what_is_under_way_is_taken_off_the_allowance() -> None:
    """Three are left, says an answer that may not know of the two requests that were under way with it."""

    async def starts() -> list[float]:
        lanes = RequestLimiter(10)
        others = asyncio.create_task(starts_of(lanes, [1, 9]))
        await asyncio.sleep(1)
        lanes.answered(0.0)
        async with lanes.lane():
            lanes.answered(0.0, Quota(60, 3, 57.0))
        started = await starts_of(lanes, [0, 0])
        await others
        return started

    assert run(starts()) == [1, 2]


def test_an_answer_that_comes_late_lets_nobody_start() -> None:
    """Of two answers the later one may tell of an earlier moment."""

    async def starts() -> list[float]:
        lanes = RequestLimiter(10)
        lanes.answered(now(), Quota(60, 1, 59.0))
        await starts_of(lanes, [0])
        lanes.answered(0.0)
        lanes.answered(0.0, Quota(60, 2, 58.0))
        return await starts_of(lanes, [0])

    assert run(starts()) == [1]


def test_a_limit_that_is_full_again_is_believed() -> None:
    """A provider that empties its window at once takes all of it then, and not one more."""

    async def starts() -> list[float]:
        lanes = RequestLimiter(10)
        lanes.answered(now(), Quota(3, 0, 60.0))
        lanes.answered(now(), Quota(3, 0, 9.0))
        return (await starts_of(lanes, [0, 0, 0, 0]))[:3]

    assert run(starts()) == [9, 9, 9]


def test_an_absurd_allowance_is_not_believed_for_long() -> None:
    """A server that says that there is nothing left until next year is asked again."""

    async def starts() -> list[float]:
        lanes = RequestLimiter(2)
        lanes.answered(now(), Quota(1, 0, 3e7))
        return await starts_of(lanes, [1, 1])

    assert run(starts()) == [LONGEST_PAUSE_S, 2 * LONGEST_PAUSE_S]


def test_what_a_job_learns_holds_for_all_jobs() -> None:
    """The provider's limits are those of the key: the lanes that jobs share close, not the job's own."""

    async def learn() -> tuple[int, int, list[float]]:
        shared = RequestLimiter(10)
        first, second = RequestLimiter(5, shared=shared), RequestLimiter(5, shared=shared)
        first.overloaded(now())
        first.answered(now(), Quota(60, 0, 60.0))
        return first.open_lanes, shared.open_lanes, await starts_of(second, [1, 1])

    assert run(learn()) == (5, 8, [1, 2])
