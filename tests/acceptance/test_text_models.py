"""Models that give no times of words, or no times at all: every word, where it was said, and by whom."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from audio_tools.transcript import Transcript
from tests.acceptance.hearing import MakeTools, assert_in_place, hear
from tests.acceptance.truth import assert_all_words
from tests.simulator import DIALECTS, HUM, Dialect, Simulator, render, talk
from tests.simulator.replies import WORDS_A_TURN


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "gpt-4o-mini-transcribe-2025-12-15"])
async def test_other_models_of_text_alone(model: str, tmp_path: Path, make_tools: MakeTools) -> None:
    """What holds for `gpt-transcribe` (all other tests) holds for those that it follows."""
    script = talk(120.0, seed=19)
    media = render(script, tmp_path / "talk.mkv", bed=HUM)
    heard = await hear(media, make_tools(model=model))

    assert_in_place(heard, script)
    assert heard.transcript.segments


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_servers_that_are_not_openai(
    dialect: Dialect, tmp_path: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """Whatever they refuse, however they list words, all are there; a refusal is met once, not by chunk."""
    simulator.dialect = dialect
    script = talk(120.0, seed=41)
    media = render(script, tmp_path / "talk.flac")
    transcript = (await hear(media, make_tools(model="whisper-large-v3", lanes=1))).transcript

    assert_all_words(transcript, script)
    refused = sum(record.status == 400 for record in simulator.requests)
    assert refused == {"groq": 1, "vllm": 2}.get(dialect, 0)
    assert transcript.usage.calls == len(simulator.requests) - refused
    assert transcript.usage.cost_usd == 0.0  # the price of an unknown model is unknown


async def test_cost_is_what_the_provider_counts(tmp_path: Path, make_tools: MakeTools) -> None:
    """Tokens, where it bills tokens: those of the sound and those of the words."""
    script = talk(60.0, seed=29)
    media = render(script, tmp_path / "talk.flac")
    transcript = (await hear(media, make_tools(model="gpt-4o-transcribe"))).transcript

    audio, words = 600, 3 * len(script.words)
    assert transcript.usage.cost_usd == pytest.approx((audio * 6 + words * 10) / 1e6, rel=0.01)
    assert transcript.usage.tokens == pytest.approx(audio + words, rel=0.01)


def voices(transcript: Transcript) -> dict[str | None, set[int]]:
    """Which of the two voices of the simulator each name stands for."""
    heard = defaultdict(set)
    for word in transcript.words:
        heard[word.speaker].add(int(word.word[1:]) // WORDS_A_TURN % 2)
    return heard


async def test_speakers_within_one_chunk(tmp_path: Path, make_tools: MakeTools) -> None:
    """Every word says who said it, and so does every segment, under the names that the engine gave."""
    script = talk(60.0, seed=31)
    media = render(script, tmp_path / "talk.flac")
    heard = await hear(media, make_tools(model="gpt-4o-transcribe-diarize"))
    transcript = heard.transcript

    assert_in_place(heard, script)
    assert voices(transcript) == {"A": {0}, "B": {1}}
    assert {segment.speaker for segment in transcript.segments} == {"A", "B"}
    assert not any("Speakers" in warning for warning in transcript.warnings)


async def test_speakers_of_several_chunks(tmp_path: Path, make_tools: MakeTools) -> None:
    """Names begin anew in each chunk: none is taken for the same person, and the transcript says so."""
    script = talk(450.0, seed=37)
    media = render(script, tmp_path / "talk.flac")
    tools = make_tools(model="gpt-4o-transcribe-diarize")
    heard = await hear(media, tools, prompt="Numbers.")
    transcript = heard.transcript

    assert_in_place(heard, script)
    assert transcript.total_chunks == 2
    assert set(voices(transcript)) == {"A (1)", "B (1)", "A (2)", "B (2)"}
    assert all(len(speaking) == 1 for speaking in voices(transcript).values())
    assert any("Speaker labels" in warning for warning in transcript.warnings)
    assert any("does not accept a prompt" in warning for warning in transcript.warnings)
