"""Rate limit, latency and durations, without a server."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.conduct import Inaccuracy, Latency, RateLimit
from tests.simulator.ears import Heard
from tests.simulator.errors import go_duration


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_refills_evenly() -> None:
    """Of 60 requests a minute all can come at once, then one every second."""
    clock = Clock()
    limit = RateLimit(60, clock)

    assert [limit.take() for _ in range(60)] == [0.0] * 60
    assert limit.take() == pytest.approx(1.0)
    assert limit.remaining == 0
    assert limit.reset_s == pytest.approx(60.0)

    clock.now = 1.5
    assert limit.take() == 0.0
    assert limit.take() == pytest.approx(0.5)
    clock.now = 1000.0
    assert (limit.remaining, limit.reset_s) == (60, 0.0)


@given(st.integers(1, 600), st.lists(st.floats(0, 5), max_size=200))
def test_no_minute_takes_more_than_twice_the_limit(per_minute: int, waits: list[float]) -> None:
    """A full bucket and what flows in during a minute is the most that can be taken in it."""
    clock, taken = Clock(), []
    limit = RateLimit(per_minute, clock)
    for wait in waits:
        clock.now += wait
        if not limit.take():
            taken.append(clock.now)

    assert all(sum(at <= t < at + 60 for t in taken) <= 2 * per_minute for at in taken)


def test_latency_has_the_mean_it_should() -> None:
    """The lognormal factor changes single answers, not the average."""
    rng = np.random.default_rng(0)
    draws = [Latency(1.0, 0.05, 0.3).draw(20, rng) for _ in range(4000)]

    assert np.mean(draws) == pytest.approx(2.0, rel=0.03)
    assert np.std(np.log(draws)) == pytest.approx(0.3, rel=0.05)
    assert Latency(1.0, 0.05).draw(20, rng) == 2.0


@given(
    st.lists(st.floats(0.01, 2), max_size=20),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.floats(0, 3),
    st.integers(0, 1000),
)
def test_wrong_times_stay_in_order_and_inside(
    gaps: list[float], early: float, jitter: float, stretch: float, seed: int
) -> None:
    """However inaccurate, words keep their order, do not end before they start, nor leave the recording."""
    starts = np.cumsum(gaps) + 0.22 * np.arange(len(gaps))
    words = [Heard(number, start, start + 0.22) for number, start in enumerate(starts)]
    seconds = float(starts[-1] + 1) if gaps else 1.0

    told = Inaccuracy(early, jitter, stretch).apply(words, seconds, np.random.default_rng(seed))

    assert [word.number for word in told] == [word.number for word in words]
    assert all(0 <= word.start <= word.end <= seconds for word in told)
    assert all(a.start <= b.start for a, b in pairwise(told))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.02, "20ms"),
        (1.2, "1.2s"),
        (60, "1m0s"),
        (360, "6m0s"),
        (3600.5, "1h0m0.5s"),
        (59.9996, "1m0s"),
    ],
)
def test_durations_are_written_as_go_does(seconds: float, text: str) -> None:
    """The headers' durations look like Go's."""
    assert go_duration(seconds) == text
