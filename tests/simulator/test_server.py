"""What the simulator answers when all is well."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import openai
import pytest
import soundfile

from tests.simulator import Inaccuracy, Script, Simulator, render, samples, talk
from tests.simulator.conftest import flac
from tests.simulator.replies import WORDS_A_TURN

File = tuple[str, bytes]


async def test_words_come_with_the_times_heard(
    client: openai.AsyncOpenAI, script: Script, file: File
) -> None:
    """verbose_json with word times gives every word where it is."""
    reply = await client.audio.transcriptions.create(
        file=file, model="whisper-1", response_format="verbose_json", timestamp_granularities=["word"]
    )

    assert reply.words is not None
    assert [word.text for word in script.words] == [word.word for word in reply.words]
    assert all(abs(w.start - t.start) < 0.002 for w, t in zip(script.words, reply.words, strict=True))
    assert all(abs(w.end - t.end) < 0.002 for w, t in zip(script.words, reply.words, strict=True))
    assert reply.text == script.text
    assert (reply.language, reply.duration) == ("english", 20.0)
    assert reply.usage is not None and reply.usage.seconds == 20


async def test_only_what_was_asked_for_is_told(client: openai.AsyncOpenAI, file: File) -> None:
    """Words come only when asked for, segments by default or when asked for."""
    create = client.audio.transcriptions.create

    words = await create(
        file=file, model="whisper-1", response_format="verbose_json", timestamp_granularities=["word"]
    )
    segments = await create(file=file, model="whisper-1", response_format="verbose_json")
    both = await create(
        file=file,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )

    assert words.words and words.segments is None
    assert segments.segments and segments.words is None
    assert both.words and both.segments


async def test_segments_end_at_pauses(client: openai.AsyncOpenAI, script: Script, file: File) -> None:
    """A segment is what is said between two pauses of more than 0.6 s."""
    reply = await client.audio.transcriptions.create(
        file=file, model="whisper-1", response_format="verbose_json", language="de"
    )

    assert reply.segments is not None
    pauses = [pause for pause in script.silences(0.6) if 0.5 < pause.start < script.words[-1].start]
    assert len(reply.segments) == len(pauses) + 1
    assert "".join(segment.text for segment in reply.segments) == f" {script.text}"
    assert [s.end for s in reply.segments[:-1]] == pytest.approx([p.start for p in pauses], abs=0.002)
    assert reply.language == "german"


async def test_json_has_usage_by_tokens(client: openai.AsyncOpenAI, script: Script, file: File) -> None:
    """The 4o models bill tokens, those of the audio and of the prompt apart."""
    reply = await client.audio.transcriptions.create(
        file=file, model="gpt-4o-transcribe", prompt="two words", include=["logprobs"]
    )

    assert reply.text == script.text
    assert reply.usage is not None and reply.usage.type == "tokens"
    assert reply.usage.input_token_details is not None
    assert reply.usage.input_token_details.text_tokens == 2
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens
    assert reply.logprobs is not None and len(reply.logprobs) == len(script.words)


async def test_gpt_transcribe_tells_languages(client: openai.AsyncOpenAI, script: Script, file: File) -> None:
    """The newest model gives text and languages, no times."""
    reply = await client.audio.transcriptions.create(
        file=file, model="gpt-transcribe", keywords=["Premiere"], languages=["en", "de"]
    )

    assert reply.text == script.text
    assert reply.languages is not None and [language.code for language in reply.languages] == ["en"]
    assert reply.usage is not None and reply.usage.type == "duration"


async def test_text_srt_and_vtt_are_plain(client: openai.AsyncOpenAI) -> None:
    """Formats that are no JSON come as they are."""
    first, second = talk(600).words[:2]
    script = Script(5.0, (first._replace(start=0.5, end=0.72), second._replace(start=3.0, end=3.22)))
    upload = ("two.flac", flac(script))
    create = client.audio.transcriptions.create

    assert await create(file=upload, model="whisper-1", response_format="text") == "w00000 w00001\n"
    assert await create(file=upload, model="whisper-1", response_format="srt") == (
        "1\n00:00:00,500 --> 00:00:00,720\nw00000\n\n2\n00:00:03,000 --> 00:00:03,220\nw00001\n\n"
    )
    assert await create(file=upload, model="whisper-1", response_format="vtt") == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:00.720\nw00000\n\n00:00:03.000 --> 00:00:03.220\nw00001\n\n"
    )


async def test_diarized_segments_have_speakers(
    client: openai.AsyncOpenAI, script: Script, file: File
) -> None:
    """diarized_json names who speaks, by the name that was given for it."""
    create = client.audio.transcriptions.create
    model = "gpt-4o-transcribe-diarize"

    plain = await create(file=file, model=model, response_format="diarized_json")
    named = await create(
        file=file,
        model=model,
        response_format="diarized_json",
        chunking_strategy="auto",
        extra_body={"known_speaker_names": ["Ann"]},
    )

    turns = [int(segment.text.split()[0][1:]) // WORDS_A_TURN % 2 for segment in plain.segments]
    assert [segment.speaker for segment in plain.segments] == ["AB"[turn] for turn in turns]
    assert {segment.speaker for segment in named.segments} == {"Ann", "B"}
    assert "".join(segment.text for segment in plain.segments) == f" {script.text}"


@pytest.mark.parametrize("model", ["gpt-transcribe", "gpt-4o-mini-transcribe"])
async def test_a_stream_tells_word_by_word(
    client: openai.AsyncOpenAI, script: Script, file: File, model: str
) -> None:
    """Deltas add up to the text, and the last event repeats it whole."""
    stream = await client.audio.transcriptions.create(file=file, model=model, stream=True)

    events = [event async for event in stream]

    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert "".join(deltas) == script.text
    assert events[-1].type == "transcript.text.done" and events[-1].text == script.text


async def test_whisper_ignores_stream(client: openai.AsyncOpenAI, file: File) -> None:
    """The oldest model answers with one JSON, whatever one asks for."""
    raw = await client.audio.transcriptions.with_raw_response.create(
        file=file, model="whisper-1", stream=True
    )

    assert raw.headers["content-type"] == "application/json"


async def test_headers_are_those_of_the_api(client: openai.AsyncOpenAI, file: File) -> None:
    """Every answer has an id, a version, its working time and the state of the rate limit."""
    raw = await client.audio.transcriptions.with_raw_response.create(file=file, model="whisper-1")

    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["openai-version"] == "2020-10-01"
    assert raw.headers["openai-processing-ms"].isdecimal()
    assert raw.headers["x-ratelimit-limit-requests"] == "10000"
    assert int(raw.headers["x-ratelimit-remaining-requests"]) >= 9999
    assert raw.headers["x-ratelimit-reset-requests"].endswith("s")


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".mp4"])
async def test_any_format_is_understood(client: openai.AsyncOpenAI, tmp_path: Path, suffix: str) -> None:
    """Files are decoded whatever they are, at any rate, stereo too."""
    script = talk(10, seed=2)
    path = render(script, tmp_path / f"talk{suffix}", sample_rate_hz=44_100, channels=2)

    reply = await client.audio.transcriptions.create(file=path, model="whisper-1")

    assert reply.text == script.text


async def test_ogg_is_understood(client: openai.AsyncOpenAI) -> None:
    """So is Opus, which slow uplinks want."""
    script = talk(10, seed=3)
    stream = io.BytesIO()
    soundfile.write(stream, samples(script), 16_000, format="OGG", subtype="OPUS")

    reply = await client.audio.transcriptions.create(file=("a.ogg", stream.getvalue()), model="whisper-1")

    assert reply.text == script.text


async def test_silence_is_no_word(client: openai.AsyncOpenAI) -> None:
    """Where nobody speaks the text is empty."""
    reply = await client.audio.transcriptions.create(
        file=("a.flac", flac(Script(3.0, ()))), model="whisper-1", response_format="verbose_json"
    )

    assert (reply.text, reply.segments) == ("", [])


async def test_a_cut_word_is_garbled(client: openai.AsyncOpenAI) -> None:
    """A chunk that begins in the middle of a word begins with a garbled word."""
    pcm = samples(talk(5, seed=4))
    stream = io.BytesIO()
    soundfile.write(stream, pcm[round(0.57 * 16_000) :], 16_000, format="WAV")

    reply = await client.audio.transcriptions.create(file=("a.wav", stream.getvalue()), model="whisper-1")

    assert reply.text.startswith("garbled w00001 ")


async def test_times_can_be_made_worse(simulator: Simulator, client: openai.AsyncOpenAI, file: File) -> None:
    """Word times err as set, repeatably, and stay in order."""
    create = client.audio.transcriptions.create
    truth = await create(
        file=file, model="whisper-1", response_format="verbose_json", timestamp_granularities=["word"]
    )
    simulator.inaccuracy = Inaccuracy(early_s=0.1, jitter_s=0.02, stretch_s=5.0)
    simulator.forget()
    told = await create(
        file=file, model="whisper-1", response_format="verbose_json", timestamp_granularities=["word"]
    )

    assert truth.words and told.words
    early = np.array([a.start - b.start for a, b in zip(truth.words, told.words, strict=True)])
    assert 0.08 <= early.min() < early.max() <= 0.1201
    assert all(a.end <= b.start + 0.2 for a, b in zip(told.words, told.words[1:], strict=False))
    assert told.words[-1].end > truth.words[-1].end
