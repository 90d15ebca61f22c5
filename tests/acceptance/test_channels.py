"""One microphone per channel: tone words on several of them, through the whole path and a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio_tools.events import ChunkWords
from audio_tools.exports.export import Export
from audio_tools.exports.registry import render
from audio_tools.transcript import Transcript
from tests.acceptance.commands import Commands
from tests.acceptance.hearing import MODELS, MakeTools, hear
from tests.acceptance.truth import START_S
from tests.simulator import Latency, Script, Simulator, talk
from tests.simulator.beds import CLEAN
from tests.simulator.media import samples
from tests.simulator.tones import SAMPLE_RATE_HZ

SECONDS = 30.0
"""Two chunks or three on every channel."""
BLEED_DB = -20.0
DELAY_SAMPLES = 64
"""4 ms: the way between two microphones at a table."""


def talks(*seeds: int, seconds: float = SECONDS) -> list[Script]:
    """Somebody on each channel, often while another one speaks; no word is said twice."""
    return [talk(seconds, seed, first_number=2000 * n) for n, seed in enumerate(seeds)]


def record(path: Path, scripts: Sequence[Script], bleed_db: float | None = BLEED_DB) -> Path:
    """Write a channel for each script; on every one the others are heard, too."""
    voices = np.stack([samples(script, CLEAN) for script in scripts], axis=1).astype(np.float64)
    mixed = voices.copy()
    if bleed_db is not None:
        others = voices.sum(axis=1, keepdims=True) - voices
        mixed[DELAY_SAMPLES:] += others[:-DELAY_SAMPLES] * 10 ** (bleed_db / 20)
    mixed += np.random.default_rng(1).normal(0, 10 ** (-70 / 20), mixed.shape)
    soundfile.write(path, np.clip(mixed, -1, 1), SAMPLE_RATE_HZ, subtype="PCM_16")
    return path


def assert_every_channel_heard(transcript: Transcript, scripts: Sequence[Script]) -> None:
    """Each word appears once, on its channel, in order and in place; pauses are silences."""
    for channel, script in enumerate(scripts):
        heard = [word for word in transcript.words if word.channel == channel]
        assert [word.word for word in heard] == [word.text for word in script.words]
        if transcript.model == MODELS[0]:
            errors = [abs(word.start - said.start) for word, said in zip(heard, script.words, strict=True)]
            assert np.quantile(errors, 0.95) <= START_S
        assert [(s.start, s.end) for s in transcript.channels[channel].silences] == [
            pytest.approx((pause.start, pause.end), abs=0.1) for pause in script.silences(2.0)
        ]
    starts = [word.start for word in transcript.words]
    assert starts == sorted(starts)
    assert all(
        not (word.start < silence.end and silence.start < word.end)
        for script in scripts
        for word in script.words
        for silence in transcript.silences
    )
    assert transcript.success_rate == 100.0


@pytest.mark.parametrize(
    ("seeds", "model"), [((1, 2), MODELS[1]), ((3, 4, 5, 6), MODELS[0])], ids=["two", "four"]
)
async def test_every_word_is_heard_once(
    seeds: tuple[int, ...], model: str, tmp_path: Path, make_tools: MakeTools
) -> None:
    """On the channel of its speaker, although every other one picks it up; two at once are both heard."""
    scripts = talks(*seeds)
    path = record(tmp_path / "table.wav", scripts)
    heard = await hear(path, make_tools(model=model), channelMode="separate", silenceDetection="level")

    assert_every_channel_heard(heard.transcript, scripts)
    assert {chunk.channel for chunk in heard.chunks} == set(range(len(seeds)))
    assert len({event.index for event in heard.events if isinstance(event, ChunkWords)}) == len(heard.chunks)
    assert any("also picks up" in warning for warning in heard.transcript.warnings)


@pytest.mark.parametrize("other", ["same", "dead"])
async def test_a_channel_without_a_voice_of_its_own_costs_nothing(
    other: str, tmp_path: Path, make_tools: MakeTools, simulator: Simulator
) -> None:
    """Dual mono and a dead microphone take as many requests as the channel alone, and are reported."""
    (script,) = talks(7)
    voice = samples(script, CLEAN)
    second = voice if other == "same" else np.zeros_like(voice)
    soundfile.write(tmp_path / "a.wav", np.stack([voice, second], axis=1), SAMPLE_RATE_HZ)
    soundfile.write(tmp_path / "b.wav", voice, SAMPLE_RATE_HZ)
    options = {"channelMode": "separate", "silenceDetection": "level"}
    heard = await hear(tmp_path / "a.wav", make_tools(), **options)
    sent = len(simulator.requests)
    again = await hear(tmp_path / "b.wav", make_tools(), **options)

    assert [w.word for w in heard.transcript.words] == [w.text for w in script.words]
    assert {word.channel for word in heard.transcript.words} == {0}
    assert len(simulator.requests) == sent, "the channel alone has the same chunks"
    assert again.transcript.words == heard.transcript.words
    (warning,) = heard.transcript.warnings
    assert ("only repeats channel 0" if other == "same" else "Channel 1 contains no speech") in warning


async def test_a_mix_is_not_changed(tmp_path: Path, make_tools: MakeTools) -> None:
    """By default nothing has a channel, in words, segments, chunks or the result."""
    path = record(tmp_path / "table.wav", talks(1, 2, seconds=20.0), None)
    heard = await hear(path, make_tools(), silenceDetection="level")

    assert "channel" not in json.dumps(heard.transcript.to_json()).replace('"channels": 2', "")
    assert all("channel" not in chunk.to_json() for chunk in heard.chunks)


async def test_an_estimate_counts_every_channel(tmp_path: Path, make_tools: MakeTools) -> None:
    """What is sent at most: each channel for its whole length."""
    path = record(tmp_path / "table.wav", talks(1, 2, seconds=30.0), None)
    mix, separate = [
        (await hear(path, make_tools(), dryRun=True, channelMode=mode)).transcript
        for mode in ("mix", "separate")
    ]

    assert (mix.usage.seconds, separate.usage.seconds) == (30.0, 60.0)
    assert separate.usage.cost_usd == pytest.approx(2 * mix.usage.cost_usd)
    assert separate.total_chunks == 2 * mix.total_chunks


async def test_captions_of_two_people_at_once(tmp_path: Path, make_tools: MakeTools) -> None:
    """Every caption has one channel and its name, and each one is whole; text goes turn by turn."""
    scripts = talks(1, 2)
    path = record(tmp_path / "table.wav", scripts)
    tools = make_tools()
    transcript = (await hear(path, tools, channelMode="separate", silenceDetection="level")).transcript
    export = Export(transcript, "table.wav")
    (text,) = render("txt", export)
    paragraphs = text.data.decode().strip().split("\n\n")

    for channel, script in enumerate(scripts):
        cues = [cue for cue in export.cues() if cue.channel == channel]
        shown = " ".join(line for cue in cues for line in cue.lines)
        assert shown == script.text
        assert {cue.speaker for cue in cues} == {f"Channel {channel}"}
        assert all(one.end <= later.start + 1e-6 for one, later in pairwise(cues))
        assert any(part.startswith(f"Channel {channel}: ") for part in paragraphs)
    assert "Channel 0: " in render("srt", export)[0].data.decode()


async def test_a_killed_run_pays_no_chunk_twice(tmp_path: Path, simulator: Simulator) -> None:
    """The second run sends what the first had not stored, on either channel."""
    scripts = talks(1, 2, seconds=45.0)
    path = record(tmp_path / "table.wav", scripts)
    simulator.latency = Latency(base_s=0.3, sigma=0.1)
    commands = Commands(tmp_path, simulator.base_url, {"MAX_CONCURRENT_CHUNKS": "2"})
    arguments = (
        "transcribe",
        "--channel-mode",
        "separate",
        "--silence-detection",
        "level",
        "-o",
        commands.out,
        path,
    )
    process = commands.start(*arguments)
    while len(list(commands.data_dir.glob("chunks/*/*.json"))) < 2:
        assert process.poll() is None
        await asyncio.sleep(0.02)
    process.kill()
    await asyncio.to_thread(process.communicate)
    kept = list(commands.data_dir.glob("chunks/*/*.json"))
    sent = len(simulator.requests)
    process = commands.start(*arguments)
    _, errors = await asyncio.to_thread(process.communicate)

    assert process.returncode == 0, errors
    record_of = commands.transcript("table")
    assert len(simulator.requests) - sent == record_of["totalChunks"] - len(kept)
    for channel, script in enumerate(scripts):
        words = [word["word"] for word in record_of["words"] if word["channel"] == channel]
        assert words == [word.text for word in script.words]
