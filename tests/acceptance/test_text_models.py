"""Models that give no times of words, or no times at all: every word, where it was said, and by whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from audio_tools.audio.chunks import OVERLAP_S
from audio_tools.events import ChunkWords, Event
from audio_tools.options import Options
from audio_tools.transcribe import Tools, transcribe
from audio_tools.transcript import Transcript
from tests.acceptance.truth import EDGE_S, assert_all_words
from tests.simulator import (
    CLEAN,
    DIALECTS,
    HUM,
    WHITE,
    Bed,
    Dialect,
    Script,
    Simulator,
    at_random,
    render,
    talk,
    talk_without_pauses,
)
from tests.simulator.replies import WORDS_A_TURN

MakeTools = Callable[..., Tools]

ROUNDING_S = 0.001


async def transcript_of(path: Path, tools: Tools, **options: object) -> tuple[Transcript, list[ChunkWords]]:
    given, unknown = Options.parse(options)
    assert unknown == []
    events: list[Event] = []
    transcript = await transcribe(path, given, tools, events.append)
    return transcript, [event for event in events if isinstance(event, ChunkWords)]


def assert_in_place(transcript: Transcript, chunks: list[ChunkWords], script: Script) -> None:
    """Every word once, in order and estimated; in speech, and that of the chunk in which it was said."""
    assert_all_words(transcript, script)
    assert {word.timing for word in transcript.words} == {"estimated"}
    assert any("estimated" in warning for warning in transcript.warnings)
    for first, second in zip(transcript.words, transcript.words[1:], strict=False):
        assert first.start < first.end <= second.start + ROUNDING_S
    for start, end in script.silences(0.5):
        assert not any(w.start < end - EDGE_S and w.end > start + EDGE_S for w in transcript.words)
    said = {word.text: word.start for word in script.words}
    for chunk in chunks:
        heard = [said[word.word] for word in chunk.words if word.word in said]
        assert chunk.start - OVERLAP_S <= min(heard) <= max(heard) < chunk.end + OVERLAP_S
        assert all(chunk.start - OVERLAP_S <= word.start < chunk.end + OVERLAP_S for word in chunk.words)


@pytest.mark.parametrize(
    ("suffix", "model", "bed"),
    [
        ("wav", "gpt-transcribe", CLEAN),
        ("mp3", "gpt-transcribe", WHITE),
        ("mp4", "gpt-4o-transcribe", CLEAN),
        ("mkv", "gpt-4o-mini-transcribe-2025-12-15", HUM),
    ],
)
async def test_text_alone_in_several_containers(
    suffix: str, model: str, bed: Bed, tmp_path: Path, make_tools: MakeTools
) -> None:
    """All words of five minutes are there; their times are estimated inside the speech, and say so."""
    script = talk(300.0, seed=19 + len(model))
    media = render(script, tmp_path / f"talk.{suffix}", bed=bed)
    transcript, chunks = await transcript_of(media, make_tools(model=model))

    assert_in_place(transcript, chunks, script)
    assert transcript.segments


async def test_text_alone_without_a_pause(tmp_path: Path, make_tools: MakeTools) -> None:
    """Cuts go through talk: what both chunks hear is one word, though neither tells when it was."""
    script = talk_without_pauses(400.0, seed=5)
    media = render(script, tmp_path / "breathless.mp4")
    transcript, chunks = await transcript_of(media, make_tools(model="gpt-transcribe"))

    assert_in_place(transcript, chunks, script)
    assert transcript.total_chunks > 5


async def test_text_alone_in_many_small_chunks(tmp_path: Path, make_tools: MakeTools) -> None:
    """The cap on bytes holds for them as well."""
    script = talk(180.0, seed=17)
    media = render(script, tmp_path / "talk.wav")
    tools = replace(make_tools(model="gpt-4o-transcribe"), chunk_size=500_000)
    transcript, chunks = await transcript_of(media, tools)

    assert_in_place(transcript, chunks, script)
    assert transcript.total_chunks > 9


async def test_text_alone_from_an_api_that_fails(
    tmp_path: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """Every fifth request goes wrong, and a second run pays for nothing."""
    script = talk(300.0, seed=23)
    media = render(script, tmp_path / "talk.flac")
    simulator.faults = at_random(0.2, seed=1)
    transcript, chunks = await transcript_of(media, make_tools(model="gpt-transcribe", timeout_s=1.0))
    assert_in_place(transcript, chunks, script)
    simulator.forget()
    second, _ = await transcript_of(media, make_tools(model="gpt-transcribe"))

    assert simulator.requests == []
    assert second.words == transcript.words
    assert (second.usage.cost_usd, second.usage.calls) == (0.0, 0)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_servers_that_are_not_openai(
    dialect: Dialect, tmp_path: Path, simulator: Simulator, make_tools: MakeTools
) -> None:
    """Whatever they refuse, however they list words, all are there; a refusal is met once, not by chunk."""
    simulator.dialect = dialect
    script = talk(120.0, seed=41)
    media = render(script, tmp_path / "talk.flac")
    transcript, _ = await transcript_of(media, make_tools(model="whisper-large-v3", lanes=1))

    assert_all_words(transcript, script)
    refused = sum(record.status == 400 for record in simulator.requests)
    assert refused == {"groq": 1, "vllm": 2}.get(dialect, 0)
    assert transcript.usage.calls == len(simulator.requests) - refused
    assert transcript.usage.cost_usd == 0.0  # of an unknown model nobody knows the price


async def test_cost_is_what_the_provider_counts(tmp_path: Path, make_tools: MakeTools) -> None:
    """Tokens, where it bills tokens: those of the sound and those of the words."""
    script = talk(60.0, seed=29)
    media = render(script, tmp_path / "talk.flac")
    transcript, _ = await transcript_of(media, make_tools(model="gpt-4o-transcribe"))

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
    transcript, chunks = await transcript_of(media, make_tools(model="gpt-4o-transcribe-diarize"))

    assert_in_place(transcript, chunks, script)
    assert voices(transcript) == {"A": {0}, "B": {1}}
    assert {segment.speaker for segment in transcript.segments} == {"A", "B"}
    assert not any("Speakers" in warning for warning in transcript.warnings)


async def test_speakers_of_several_chunks(tmp_path: Path, make_tools: MakeTools) -> None:
    """Names begin anew in each chunk: none is taken for the same person, and the transcript says so."""
    script = talk(450.0, seed=37)
    media = render(script, tmp_path / "talk.flac")
    tools = make_tools(model="gpt-4o-transcribe-diarize")
    transcript, chunks = await transcript_of(media, tools, prompt="Numbers.")

    assert_in_place(transcript, chunks, script)
    assert transcript.total_chunks == 2
    assert set(voices(transcript)) == {"A (1)", "B (1)", "A (2)", "B (2)"}
    assert all(len(speaking) == 1 for speaking in voices(transcript).values())
    assert any("Speakers" in warning for warning in transcript.warnings)
    assert any("no prompt" in warning for warning in transcript.warnings)
