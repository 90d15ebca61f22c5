"""An API that fails, lies, refuses or hangs: nothing is lost that it can give, and nothing is made up."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from audio_tools.errors import AllChunksFailed, EngineRefused
from audio_tools.events import Progress
from tests.acceptance.hearing import MODELS, WITH_TIMES, MakeTools, assert_as_said, hear
from tests.acceptance.truth import assert_all_words
from tests.simulator import Fault, Inaccuracy, Script, Simulator, at_random, by_plan, for_words, render, talk

SCRIPT = talk(300.0, seed=23)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five minutes of talk."""
    return render(SCRIPT, tmp_path_factory.mktemp("faults") / "talk.flac")


@pytest.fixture(params=MODELS)
def make_tools(request: pytest.FixtureRequest, make_tools: MakeTools) -> MakeTools:
    """Of a model that gives times of words, and of one that does not."""
    return partial(make_tools, model=request.param)


@pytest.mark.parametrize("seed", range(3))
async def test_every_fifth_request_fails_and_all_words_are_there(
    seed: int, recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """500s, 429s, resets, hangs, cut and garbled bodies: retries bring every word."""
    simulator.faults = at_random(0.2, seed=seed)
    heard = await hear(recording, make_tools(timeout_s=1.0))
    transcript = heard.transcript

    assert_as_said(heard, SCRIPT)
    assert transcript.usage.calls >= transcript.total_chunks


async def test_a_refused_key_stops_the_job_at_once(
    recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """The provider's own message comes through, and nothing is tried again."""
    with pytest.raises(EngineRefused, match="Incorrect API key") as caught:
        await hear(recording, make_tools(key="sk-wrong"))

    assert caught.value.exit_code == 4
    assert all(record.attempt == 0 for record in simulator.requests)


async def test_a_spent_quota_stops_the_job_at_once(
    recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """A 429 that no waiting mends is told from one that does."""
    simulator.quota_exhausted = True
    with pytest.raises(EngineRefused, match="quota"):
        await hear(recording, make_tools())

    assert all(record.attempt == 0 for record in simulator.requests)


async def test_one_chunk_that_always_fails_costs_only_its_own_words(
    recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """The rest is delivered; what is missing, and how much, is said truthfully."""
    lost = SCRIPT.words[100]
    simulator.faults = for_words([lost.number], Fault("500"))
    transcript = (await hear(recording, make_tools())).transcript

    (failed,) = transcript.failed_chunks
    assert failed.start <= lost.start < failed.end
    assert "500" in failed.message
    assert transcript.success_rate == round(100 * (1 - 1 / transcript.total_chunks), 2)
    rest = tuple(w for w in SCRIPT.words if not failed.start <= (w.start + w.end) / 2 < failed.end)
    assert [word.word for word in transcript.words] == [word.text for word in rest]


async def test_an_api_that_is_down_fails_the_job(
    recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """Not one chunk came back: that is no transcript. Where OUTAGE_WAIT is 0, it is not waited for."""
    simulator.faults = at_random(1.0, ["503"])
    with pytest.raises(AllChunksFailed, match="503") as caught:
        await hear(recording, make_tools(outage_wait_s=0.0))

    assert caught.value.restartable


async def test_a_second_run_sends_nothing_again(
    recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """The same input is the same question: the store has its answers, to the last digit."""
    first = (await hear(recording, make_tools())).transcript
    sent = len(simulator.requests)
    second = (await hear(recording, make_tools())).transcript

    assert len(simulator.requests) == sent
    assert second.usage.calls == 0
    assert second.usage.stored_chunks == first.total_chunks
    assert second.words == first.words
    assert second.to_json() | {"usage": None} == first.to_json() | {"usage": None}


async def test_words_that_an_engine_smears_are_put_back(
    recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """Early, jittering, stretched over pauses, as Whisper's are: silences stay whole."""
    simulator.inaccuracy = Inaccuracy(early_s=0.08, jitter_s=0.03, stretch_s=0.5)
    transcript = (await hear(recording, make_tools())).transcript

    assert_all_words(transcript, SCRIPT)
    assert len(transcript.silences) == len(SCRIPT.silences(2.0))


@pytest.mark.parametrize("make_tools", [WITH_TIMES], indirect=True)
async def test_speech_that_the_answer_skips_is_asked_for_again(
    recording: Path, simulator: Simulator, make_tools: MakeTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that stops early with a 200 is caught by the speech that no word covers."""
    tools = make_tools()
    whole = tools.engine.transcribe
    cut = 0

    async def stop_early(request):  # type: ignore[no-untyped-def]
        nonlocal cut
        reply = await whole(request)
        if request.audio.seconds > 31 and cut < 3:  # chunks, not what is asked for again
            cut += 1
            keep = len(reply.words) // 2
            return type(reply)(" ".join(w.word for w in reply.words[:keep]), reply.words[:keep], (), "en")
        return reply

    monkeypatch.setattr(tools.engine, "transcribe", stop_early)
    transcript = (await hear(recording, tools)).transcript

    assert cut == 3
    assert_all_words(transcript, SCRIPT)
    assert transcript.gaps == ()


async def test_progress_never_goes_back_and_words_come_as_they_are_heard(
    recording: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """Through a failing start and a second pass alike."""
    simulator.faults = by_plan(["500", "reset", "garbage", "500", "500", "500"])
    heard = await hear(recording, make_tools())
    progress = [event.progress for event in heard.events if isinstance(event, Progress)]

    assert progress == sorted(progress)
    assert progress[0] == 0.0
    assert progress[-1] == 99.0
    assert sorted(chunk.index for chunk in heard.chunks) == list(range(heard.transcript.total_chunks))


async def test_silence_is_not_sent(tmp_path: Path, simulator: Simulator, make_tools: MakeTools) -> None:
    """Chunks in which nothing rises above the floor cost nothing, and what is said around them is there."""
    words = [word for word in talk(120.0, seed=29).words if word.end < 20.0]
    script = Script(600.0, tuple(words))
    media = render(script, tmp_path / "quiet.flac")
    heard = await hear(media, make_tools())

    assert_as_said(heard, script)
    assert sum(record.seconds for record in simulator.requests) < 120.0
    assert heard.transcript.success_rate == 100.0
