"""The retry policy: what is tried again, how often, and what stops at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from audio_tools.engines.base import Capabilities, OnDownload, Request
from audio_tools.engines.rate_limits import LONGEST_PAUSE_S, RequestLimiter
from audio_tools.engines.retry import ATTEMPTS, LOADING_WAIT_S, MOST_WAITING_S, MOST_WAITS, EngineClient
from audio_tools.errors import (
    BadEngineReply,
    ChunkRefused,
    CostLimitReached,
    EngineError,
    EngineRateLimited,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    EngineUnreachable,
)
from audio_tools.media.encode import EncodedAudio
from audio_tools.metrics import REGISTRY
from audio_tools.transcript import Interval, Quota, Reply
from tests.engines.simulated_time import now, run

REQUEST = Request(EncodedAudio(b"", "flac", 10.0), speech=(Interval(1.0, 9.0),))


class Scripted:
    """An engine that answers as it is told, the last answer for ever."""

    name, model = "scripted", "m"
    capabilities = Capabilities(words=False, segments=False, usd_per_minute=0.06)

    def __init__(self, *answers: Reply | EngineError) -> None:
        self.answers = list(answers)
        self.asked_at: list[float] = []

    def identity(self) -> tuple[str, ...]:
        return (self.name,)

    async def start(self, on_download: OnDownload | None = None) -> None: ...

    async def close(self) -> None: ...

    async def transcribe(self, _: Request) -> Reply:
        self.asked_at.append(now())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, EngineError):
            raise answer
        return answer


def ask(engine: Scripted) -> tuple[Reply, EngineClient]:
    async def main() -> tuple[Reply, EngineClient]:
        client = EngineClient(engine, RequestLimiter(2))
        return await client.transcribe(REQUEST), client

    return run(main())


def test_passing_errors_are_tried_again_and_only_answers_are_paid() -> None:
    """Two bad attempts, then the answer; what is sent and what is paid are told apart."""
    engine = Scripted(EngineUnavailable("down"), BadEngineReply("garbage"), Reply("hello"))
    reply, client = ask(engine)

    assert reply.text == "hello"
    assert (client.calls, client.seconds) == (3, 30.0)
    assert client.cost_usd == pytest.approx(0.01)


def test_what_is_sent_in_vain_is_counted_too() -> None:
    """The figures include what costs most: jobs that fail."""

    def counted() -> list[float]:
        names = "audio_tools_engine_calls_total", "audio_tools_engine_seconds_total"
        return [REGISTRY.get_sample_value(name, {"engine": "scripted"}) or 0.0 for name in names]

    calls, seconds = counted()
    with pytest.raises(EngineUnavailable):
        ask(Scripted(EngineUnavailable("down")))

    assert counted() == [calls + ATTEMPTS, seconds + 10.0 * ATTEMPTS]


def test_a_chunk_is_tried_three_times() -> None:
    """Then the last error comes through."""
    engine = Scripted(EngineUnavailable("one"), EngineUnavailable("two"), EngineUnavailable("three"))

    with pytest.raises(EngineUnavailable, match="three"):
        ask(engine)
    assert len(engine.asked_at) == ATTEMPTS


def test_a_refusal_is_final() -> None:
    """A wrong key is not tried twice."""
    engine = Scripted(EngineRefused("wrong key"))

    with pytest.raises(EngineRefused):
        ask(engine)
    assert len(engine.asked_at) == 1


def test_being_told_to_wait_is_no_attempt() -> None:
    """A provider that names a time is obeyed to the second, as often as it takes."""
    waits = [EngineRateLimited("slow down", retry_after_s=7.0)] * 5
    engine = Scripted(*waits, EngineUnavailable("hiccup"), EngineUnavailable("hiccup"), Reply("done"))
    reply, _ = ask(engine)

    assert reply.text == "done"
    assert engine.asked_at[:6] == [0, 7, 14, 21, 28, 35]


def test_a_failing_server_that_wants_no_wait_is_given_time_all_the_same() -> None:
    """`Retry-After: 0` on a 503: three attempts in the same moment are no more than one."""
    engine = Scripted(EngineUnavailable("down", retry_after_s=0.0), Reply("done"))
    ask(engine)

    assert engine.asked_at[1] > 0


def test_waiting_has_an_end() -> None:
    """A request that is always told to wait fails in the end; absurd waits are shortened."""
    engine = Scripted(EngineRateLimited("no", retry_after_s=86_400.0))

    with pytest.raises(EngineRateLimited):
        ask(engine)
    assert len(engine.asked_at) == MOST_WAITS
    assert engine.asked_at[1] == LONGEST_PAUSE_S


def test_a_storm_of_refusals_is_outlasted() -> None:
    """Two minutes of being told to come back in a second are no reason to give up."""
    engine = Scripted(*[EngineRateLimited("slow down", retry_after_s=1.0)] * 120, Reply("done"))

    assert ask(engine)[0].text == "done"


def test_a_server_that_cannot_be_reached_is_waited_for_and_costs_nothing() -> None:
    """Twenty refused connections are no attempt, no call and no audio sent."""
    engine = Scripted(*[EngineUnreachable("refused")] * 20, Reply("done"))
    reply, client = ask(engine)

    assert reply.text == "done"
    assert (client.calls, client.seconds) == (1, 10.0)


def test_the_wait_for_a_server_that_cannot_be_reached_is_bounded() -> None:
    """It ends after the time that was given, with the last error."""
    engine = Scripted(EngineUnreachable("refused"))

    async def main() -> float:
        with pytest.raises(EngineUnreachable, match="refused"):
            await EngineClient(engine, RequestLimiter(2), outage_wait_s=300.0).transcribe(REQUEST)
        return now()

    assert 300.0 <= run(main()) <= 300.0 + 60.0


def test_a_gateway_without_its_engine_is_waited_for_but_not_for_ever() -> None:
    """An engine that starts in two minutes is waited for; a chunk that crashes it each time fails alone."""
    away = EngineUnavailable("502", away=True)
    reply, _ = ask(Scripted(*[away] * 12, Reply("done")))

    async def main() -> float:
        with pytest.raises(EngineUnavailable, match="502"):
            await EngineClient(Scripted(away), RequestLimiter(2), outage_wait_s=86_400.0).transcribe(REQUEST)
        return now()

    assert reply.text == "done"
    assert MOST_WAITING_S <= run(main()) <= MOST_WAITING_S + 60.0


def loading(*, received: bool, says_so: bool = False) -> EngineUnavailable:
    """A 500 (`received`) or 503."""
    return EngineUnavailable("500", received=received, away=None, loading=says_so)


class Unpaid(Scripted):
    """An engine without a price."""

    capabilities = Capabilities(words=False, segments=False)


@pytest.mark.parametrize(
    "engine",
    [
        Scripted(*[loading(received=False) for _ in range(9)], Reply("done")),
        Unpaid(*[loading(received=True) for _ in range(9)], Reply("done")),
        Scripted(*[loading(received=True, says_so=True) for _ in range(9)], Reply("done")),
    ],
)
def test_an_engine_that_loads_its_model_is_waited_for(engine: Scripted) -> None:
    """A 503, a 500 that costs nothing, and one that says so: none of them counts as an attempt."""
    reply, client = ask(engine)

    assert reply.text == "done"
    assert client.calls == 10
    assert engine.asked_at[-1] < LOADING_WAIT_S


def test_an_engine_that_answers_has_loaded_its_model() -> None:
    """From then on a 500 counts as an attempt, until a connection is refused: it has been restarted."""
    engine = Unpaid(Reply("first"), *[loading(received=True) for _ in range(ATTEMPTS)])

    async def main() -> EngineClient:
        client = EngineClient(engine, RequestLimiter(2))
        await client.transcribe(REQUEST)
        with pytest.raises(EngineUnavailable):
            await client.transcribe(REQUEST)
        engine.answers = [
            EngineUnreachable("refused"),
            *[loading(received=True) for _ in range(9)],
            Reply("second"),
        ]
        assert (await client.transcribe(REQUEST)).text == "second"
        return client

    assert run(main()).calls == 1 + ATTEMPTS + 10


def test_an_engine_that_answered_another_job_has_loaded_its_model() -> None:
    """A chunk that a running server refuses with a 500 fails after the usual attempts in every job."""
    engine = Unpaid(Reply("first job"), loading(received=True))

    async def main() -> None:
        await EngineClient(engine, RequestLimiter(2)).transcribe(REQUEST)
        with pytest.raises(EngineUnavailable):
            await EngineClient(engine, RequestLimiter(2)).transcribe(REQUEST)

    run(main())

    assert len(engine.asked_at) == 1 + ATTEMPTS


@pytest.mark.parametrize("received", [True, False])
@pytest.mark.parametrize(
    ("speech", "voiced", "has_voice"),
    [(REQUEST.speech, True, True), (REQUEST.speech, False, False), ((), True, False)],
)
def test_a_500_for_a_chunk_without_a_voice_is_an_attempt(
    speech: tuple[Interval, ...], voiced: bool, has_voice: bool, received: bool
) -> None:
    """Some servers return it for every such chunk; a 503 does not depend on the audio."""
    engine = Unpaid(loading(received=received))

    async def main() -> None:
        with pytest.raises(EngineUnavailable):
            await EngineClient(engine, RequestLimiter(2)).transcribe(
                replace(REQUEST, speech=speech), voiced=lambda: voiced
            )

    run(main())

    assert (engine.asked_at[-1] >= LOADING_WAIT_S) is (has_voice or not received)


def test_an_engine_that_never_loads_fails_every_chunk_soon() -> None:
    """The first one waits LOADING_WAIT_S, the others get the usual attempts."""
    engine = Unpaid(loading(received=True))
    sent = []

    async def main() -> None:
        client = EngineClient(engine, RequestLimiter(2))
        for _ in range(2):
            engine.answers = [loading(received=True)]
            with pytest.raises(EngineUnavailable):
                await client.transcribe(REQUEST)
            sent.append(len(engine.asked_at))

    run(main())

    assert engine.asked_at[sent[0] - 1] >= LOADING_WAIT_S
    assert sent[1] - sent[0] == ATTEMPTS


def test_without_patience_a_500_counts_at_once() -> None:
    """With OUTAGE_WAIT=0."""
    engine = Unpaid(loading(received=True))

    async def main() -> None:
        with pytest.raises(EngineUnavailable):
            await EngineClient(engine, RequestLimiter(2), outage_wait_s=0.0).transcribe(REQUEST)

    run(main())
    assert len(engine.asked_at) == ATTEMPTS


def test_a_connection_that_breaks_between_two_outages_uses_up_attempts() -> None:
    """What was perhaps heard is an attempt, and only that."""
    away, broken = EngineUnreachable("refused"), EngineUnavailable("broken")
    engine = Scripted(away, broken, away, broken, away, broken)

    with pytest.raises(EngineUnavailable, match="broken"):
        ask(engine)
    assert len(engine.asked_at) == 2 * ATTEMPTS


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (EngineUnreachable("No connection."), "engine_unreachable", "No connection."),
        (
            EngineRateLimited("Slow down.", retry_after_s=1743.0),
            "engine_rate_limited",
            "The provider asked to wait 29 min before retrying. Slow down.",
        ),
        (
            EngineUnavailable("The provider returned 503", received=False, away=None),
            "engine_unavailable",
            "The provider returned 503. It may be loading its model; this is assumed for 5 minutes at most.",
        ),
    ],
)
def test_what_is_waited_for_is_known_until_it_is_over(error: EngineError, code: str, reason: str) -> None:
    """All jobs that share the limits see the code, the reason and the time of the next attempt."""

    async def main() -> None:
        shared = RequestLimiter(2)
        lanes, other_job = RequestLimiter(2, shared=shared), RequestLimiter(2, shared=shared)
        asking = asyncio.create_task(EngineClient(Scripted(error, Reply("done")), lanes).transcribe(REQUEST))
        await asyncio.sleep(1e-6)
        waiting = other_job.waiting
        assert waiting is not None
        assert (waiting.code, waiting.reason) == (code, reason)
        assert waiting.next_attempt_at >= waiting.since
        await asking
        assert lanes.waiting is other_job.waiting is None

    run(main())


def test_a_used_up_limit_holds_the_next_request_back() -> None:
    """The answer says that nothing is left and one request comes back every 20 s: no 429 is provoked."""

    async def main() -> list[float]:
        engine = Scripted(Reply("one", quota=Quota(3, 0, 60.0)), Reply("two"))
        client = EngineClient(engine, RequestLimiter(2))
        await client.transcribe(REQUEST)
        await client.transcribe(REQUEST)
        return engine.asked_at

    assert run(main()) == [0, 20]


@pytest.mark.parametrize(
    ("error", "lanes"),
    [
        (EngineRateLimited("slow down"), 8),
        (EngineTimeout("too slow"), 8),
        (EngineUnavailable("overloaded", retry_after_s=1.0), 8),
        (EngineUnavailable("hiccup"), 10),
        (BadEngineReply("garbage"), 10),
    ],
)
def test_only_signs_of_overload_close_lanes(error: EngineError, lanes: int) -> None:
    """A refusal, no answer in time, a wish to come back later; an accident is none."""

    async def main() -> int:
        limit = RequestLimiter(10)
        with pytest.raises(EngineError):
            await EngineClient(Scripted(error, EngineRefused("stop")), limit).transcribe(REQUEST)
        return limit.open_lanes

    assert run(main()) == lanes


async def spend(max_cost_usd: float, *answers: Reply | EngineError) -> tuple[int, float]:
    """Ask for ten chunks of 0.01 USD at once; gives how many are answered, and what they cost."""
    client = EngineClient(Scripted(*answers), RequestLimiter(3), max_cost_usd)
    outcomes = await asyncio.gather(*(client.transcribe(REQUEST) for _ in range(10)), return_exceptions=True)
    assert all(isinstance(outcome, Reply | EngineError) for outcome in outcomes)
    return sum(isinstance(outcome, Reply) for outcome in outcomes), round(client.cost_usd, 6)


@pytest.mark.parametrize(
    ("answers", "answered", "cost_usd"),
    [
        ([Reply("words")], 5, 0.05),
        ([Reply("words", cost_usd=0.02)], 2, 0.04),
        ([Reply("words", cost_usd=0.005)], 9, 0.045),
        ([EngineTimeout("lost"), BadEngineReply("lost"), Reply("words")], 3, 0.03),
        ([ChunkRefused("no"), EngineRateLimited("wait"), Reply("words")], 5, 0.05),
        ([EngineUnavailable("away", received=False)] * 2 + [Reply("words")], 5, 0.05),
    ],
)
def test_the_cost_limit_is_never_passed(
    answers: list[Reply | EngineError], answered: int, cost_usd: float
) -> None:
    """What is under way counts as spent, and so does what was perhaps heard; a refusal costs nothing."""
    assert run(spend(0.05, *answers)) == (answered, cost_usd)


def test_beyond_the_cost_limit_nothing_is_sent() -> None:
    """The error is final, and says the limit."""
    engine = Scripted(Reply("words"))

    async def main() -> None:
        await EngineClient(engine, RequestLimiter(2), 0.009).transcribe(REQUEST)

    with pytest.raises(CostLimitReached, match=r"0\.009 USD") as caught:
        run(main())
    assert (caught.value.exit_code, caught.value.status, engine.asked_at) == (4, 402, [])


def test_without_money_for_another_attempt_the_first_ones_error_is_told() -> None:
    """The limit is not what went wrong with this chunk."""
    engine = Scripted(EngineTimeout("too slow"))

    async def main() -> None:
        await EngineClient(engine, RequestLimiter(2), 0.015).transcribe(REQUEST)

    with pytest.raises(EngineTimeout, match="too slow"):
        run(main())
    assert engine.asked_at == [0]


def test_a_server_that_is_away_is_no_matter_of_cost() -> None:
    """Requests that never arrive cost nothing: all attempts are made, and the last error is raised."""
    engine = Scripted(EngineUnavailable("away", received=False))

    async def main() -> None:
        await EngineClient(engine, RequestLimiter(2), 0.01).transcribe(REQUEST)

    with pytest.raises(EngineUnavailable, match="away"):
        run(main())
    assert len(engine.asked_at) == ATTEMPTS


def test_who_waits_while_others_spend_the_money_meets_the_limit() -> None:
    """A wish to wait is no error of this chunk."""

    async def main() -> list[Reply | BaseException]:
        client = EngineClient(Scripted(EngineRateLimited("wait"), Reply("words")), RequestLimiter(2), 0.01)
        return await asyncio.gather(*(client.transcribe(REQUEST) for _ in range(2)), return_exceptions=True)

    first, second = run(main())
    assert isinstance(first, CostLimitReached)
    assert isinstance(second, Reply)


def test_what_is_free_has_no_cost_limit() -> None:
    """A local engine works for nothing."""

    async def main() -> Reply:
        engine = Scripted(Reply("words"))
        engine.capabilities = Capabilities(words=True, segments=True)
        return await EngineClient(engine, RequestLimiter(2), 0.0).transcribe(REQUEST)

    assert run(main()).text == "words"
