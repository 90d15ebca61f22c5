"""The retry policy: what is tried again, how often, and what stops at once."""

from __future__ import annotations

import pytest

from audio_tools.engines.ask import ATTEMPTS, LONGEST_PAUSE_S, MOST_WAITS, Asker
from audio_tools.engines.base import Capabilities, Request
from audio_tools.engines.limits import Lanes
from audio_tools.errors import (
    BadEngineReply,
    EngineError,
    EngineRateLimited,
    EngineRefused,
    EngineUnavailable,
)
from audio_tools.media.encode import EncodedAudio
from audio_tools.transcript import Reply
from tests.engines.simulated_time import now, run

REQUEST = Request(EncodedAudio(b"", "flac", 10.0))


class Scripted:
    """An engine that answers as it is told, the last answer for ever."""

    name, model = "scripted", "m"
    capabilities = Capabilities(words=False, segments=False)

    def __init__(self, *answers: Reply | EngineError) -> None:
        self.answers = list(answers)
        self.asked_at: list[float] = []

    def identity(self) -> tuple[str, ...]:
        return (self.name,)

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def transcribe(self, _: Request) -> Reply:
        self.asked_at.append(now())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, EngineError):
            raise answer
        return answer


def ask(engine: Scripted) -> tuple[Reply, Asker]:
    async def main() -> tuple[Reply, Asker]:
        asker = Asker(engine, Lanes(2))
        return await asker.ask(REQUEST), asker

    return run(main())


def test_passing_errors_are_tried_again_and_only_answers_are_paid() -> None:
    """Two bad attempts, then the answer; seconds sent and seconds paid are told apart."""
    engine = Scripted(EngineUnavailable("down"), BadEngineReply("garbage"), Reply("hello"))
    reply, asker = ask(engine)

    assert reply.text == "hello"
    assert (asker.calls, asker.seconds, asker.seconds_paid) == (3, 30.0, 10.0)


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


def test_waiting_has_an_end() -> None:
    """Whoever is only ever told to wait fails in the end; absurd waits are cut short."""
    engine = Scripted(EngineRateLimited("no", retry_after_s=86_400.0))

    with pytest.raises(EngineRateLimited):
        ask(engine)
    assert len(engine.asked_at) == MOST_WAITS
    assert engine.asked_at[1] == LONGEST_PAUSE_S


def test_a_used_up_limit_pauses_the_lanes() -> None:
    """The answer says that the window is spent: the next request waits for it, before any 429."""

    async def main() -> list[float]:
        engine = Scripted(Reply("one", pause_s=20.0), Reply("two"))
        asker = Asker(engine, Lanes(2))
        await asker.ask(REQUEST)
        await asker.ask(REQUEST)
        return engine.asked_at

    assert run(main()) == [0, 20]
