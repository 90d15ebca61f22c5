"""How the simulator is slow, fails and limits."""

from __future__ import annotations

import asyncio

import openai
import pytest

from audio_tools.engines.openai.headers import go_duration_seconds
from tests.simulator import KEY, Fault, Latency, Script, Simulator, at_random, by_plan, for_words, talk
from tests.simulator.conduct import Kind
from tests.simulator.conftest import ask, flac, outcome

File = tuple[str, bytes]


@pytest.mark.parametrize(
    ("kind", "raised", "status"),
    [
        ("500", "InternalServerError", 500),
        ("503", "InternalServerError", 503),
        ("429", "RateLimitError", 429),
        ("reset", "APIConnectionError", None),
        ("cut", "APIConnectionError", 200),
        ("garbage", "JSONDecodeError", 200),
    ],
)
async def test_each_fault_is_an_exception_of_the_sdk(
    *,
    simulator: Simulator,
    client: openai.AsyncOpenAI,
    file: File,
    kind: Kind,
    raised: str,
    status: int | None,
) -> None:
    """A fault happens as planned, is logged, and the next request is answered again."""
    simulator.faults = by_plan([kind])

    assert [await outcome(client, file), await outcome(client, file)] == [raised, "ok"]
    assert [(r.fault, r.status) for r in simulator.requests] == [(kind, status), (None, 200)]
    assert simulator.in_flight == 0


async def test_a_hanging_request_ends_when_the_client_leaves(
    simulator: Simulator, client: openai.AsyncOpenAI, file: File
) -> None:
    """A request that hangs is open until its client gives up, and then counts as aborted."""
    simulator.faults = by_plan([Fault("hang")])
    asking = asyncio.create_task(ask(client, file))
    await simulator.wait_for(lambda log: any(record.fault == "hang" for record in log))
    assert simulator.in_flight == 1

    asking.cancel()
    await simulator.wait_for(lambda log: log[0].aborted)

    assert (simulator.in_flight, simulator.requests[0].status) == (0, None)


async def test_closing_ends_what_hangs(file: File) -> None:
    """A simulator that closes hangs up on those who still wait."""
    async with Simulator(faults=by_plan(["hang"])) as simulator:
        client = openai.AsyncOpenAI(api_key=KEY, base_url=simulator.base_url, max_retries=0)
        asking = asyncio.create_task(outcome(client, file))
        await simulator.wait_for(lambda log: any(record.fault == "hang" for record in log))

    assert await asking == "APIConnectionError"
    await client.close()


@pytest.mark.parametrize("retry_after_s", [None, 7])
async def test_a_429_may_say_when_to_come_back(
    simulator: Simulator, client: openai.AsyncOpenAI, file: File, retry_after_s: int | None
) -> None:
    """Retry-After is there only if it was asked for."""
    simulator.faults = by_plan([Fault("429", retry_after_s)])

    with pytest.raises(openai.RateLimitError) as caught:
        await ask(client, file)

    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers.get("retry-after") == (retry_after_s and str(retry_after_s))


async def test_the_sdk_retries_what_fails_once(simulator: Simulator, script: Script, file: File) -> None:
    """With its own retries on, the SDK gets through a single fault: the simulator is real enough for it."""
    simulator.faults = by_plan([Fault("429", 0), "reset"])
    async with openai.AsyncOpenAI(api_key=KEY, base_url=simulator.base_url, max_retries=2) as client:
        assert await ask(client, file) == script.text

    assert [record.attempt for record in simulator.requests] == [0, 1, 2]


async def test_a_chunk_can_be_failed_by_its_words(simulator: Simulator, client: openai.AsyncOpenAI) -> None:
    """What holds a certain word fails in its first attempts; all else succeeds."""
    first, second = (
        ("a.flac", flac(talk(5, seed, first_number=number))) for seed, number in ((1, 0), (2, 1000))
    )
    simulator.faults = for_words([1001], Fault("500"), attempts=2)

    outcomes = [await outcome(client, file) for file in (second, first, second, second)]

    assert outcomes == ["InternalServerError", "ok", "InternalServerError", "ok"]


async def test_random_faults_follow_from_the_file_not_from_the_order(
    simulator: Simulator, client: openai.AsyncOpenAI
) -> None:
    """The same files meet the same faults, in whatever order they come."""
    files = [(f"{seed}.flac", flac(talk(1, seed, first_number=10 * seed))) for seed in range(16)]
    simulator.faults = at_random(0.5, ["500", "503"], seed=3)

    forth = [await outcome(client, file) for file in files]
    simulator.forget()
    back = [await outcome(client, file) for file in reversed(files)]

    assert forth == back[::-1]
    assert {"ok", "InternalServerError"} == set(forth)


async def test_latency_follows_length_and_seed(
    simulator: Simulator, client: openai.AsyncOpenAI, file: File
) -> None:
    """An answer takes base + per_second · seconds, times chance that repeats."""
    simulator.latency = Latency(base_s=0.01, per_second=0.001)
    await ask(client, file)
    simulator.latency = Latency(base_s=0.01, per_second=0.001, sigma=0.5)
    simulator.forget()
    await ask(client, file)
    simulator.forget()
    await ask(client, file)
    again = simulator.requests[0]

    assert again.latency_s != pytest.approx(0.03)
    assert again.ended_s is not None and again.ended_s - again.started_s >= again.latency_s


async def test_too_many_requests_a_minute_are_refused(
    simulator: Simulator, client: openai.AsyncOpenAI, file: File
) -> None:
    """Beyond the limit the answer is 429 with the seconds to wait, and headers that say how it stands."""
    simulator.requests_per_minute = 2
    raw = await client.audio.transcriptions.with_raw_response.create(file=file, model="whisper-1")
    await ask(client, file)

    with pytest.raises(openai.RateLimitError) as caught:
        await ask(client, file)

    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "requests")
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 30
    assert caught.value.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert raw.headers["x-ratelimit-limit-requests"] == "2"
    assert raw.headers["x-ratelimit-remaining-requests"] == "1"
    assert "Limit 2, Used 2, Requested 1" in caught.value.message


async def test_what_is_too_much_at_once_is_refused(
    simulator: Simulator, client: openai.AsyncOpenAI, file: File
) -> None:
    """Beyond `at_once` the answer is 429 `slow_down`; with 0 for everybody, until it is set anew."""
    simulator.at_once = 1
    simulator.faults = by_plan(["hang"])
    first = asyncio.create_task(ask(client, file))
    await simulator.wait_for(lambda log: any(record.fault == "hang" for record in log))
    with pytest.raises(openai.RateLimitError) as caught:
        await ask(client, file)
    assert (caught.value.code, caught.value.response.headers["retry-after"]) == ("slow_down", "1")

    first.cancel()
    await simulator.wait_for(lambda log: log[0].aborted)
    assert await outcome(client, file) == "ok"

    simulator.at_once = 0
    assert await outcome(client, file) == "RateLimitError"


async def test_a_shorter_minute_makes_all_limits_faster(
    simulator: Simulator, client: openai.AsyncOpenAI, file: File
) -> None:
    """A minute of 6 s: with 30 requests in it the next is there after a fifth of a second, and so it says."""
    simulator.minute_s = 6.0
    simulator.requests_per_minute = 30
    raw = await client.audio.transcriptions.with_raw_response.create(file=file, model="whisper-1")

    assert raw.headers["x-ratelimit-limit-requests"] == "30"
    assert go_duration_seconds(raw.headers["x-ratelimit-reset-requests"]) == pytest.approx(0.1, abs=0.1)
    simulator.at_once = 0
    with pytest.raises(openai.RateLimitError) as caught:
        await ask(client, file)
    assert caught.value.response.headers["retry-after"] == "0.1"
