"""
Recordings whose every word and silence is known, through the whole path and a server that listens; each by a
model that gives times of words and by one that does not.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.hearing import MakeTools, assert_heard
from tests.simulator.beds import CLEAN, HUM, WHITE, Bed
from tests.simulator.media import render
from tests.simulator.script import talk, talk_without_pauses

MINUTE_S = 60.0
LATE_S = 0.95


@pytest.mark.parametrize(("bed", "detection"), [(CLEAN, "level"), (WHITE, "auto")], ids=["clean", "white"])
@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "mp4", "mov", "mkv"])
async def test_five_minutes_in_every_container(
    suffix: str, bed: Bed, detection: str, tmp_path: Path, make_tools: MakeTools
) -> None:
    """All words, each once, in order, in place; all silences; on a clean and on a noisy recording."""
    script = talk(5 * MINUTE_S, seed=len(suffix) + len(bed.kind))
    media = render(script, tmp_path / f"talk.{suffix}", bed=bed)

    await assert_heard(media, script, make_tools, detection)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_an_hour(tmp_path: Path, make_tools: MakeTools) -> None:
    """Nothing drifts from first word to last."""
    script = talk(60 * MINUTE_S, seed=3)
    media = render(script, tmp_path / "talk.mp4")

    await assert_heard(media, script, make_tools, "level")


async def test_an_audio_stream_that_starts_late(tmp_path: Path, make_tools: MakeTools) -> None:
    """Times are those of the picture: 0.95 s are 29 frames."""
    script = talk(5 * MINUTE_S, seed=7, lead_in=LATE_S + 0.4)
    media = render(script, tmp_path / "late.mp4", audio_start=LATE_S)
    transcript = await assert_heard(media, script, make_tools)

    assert transcript.media.audio_start == pytest.approx(LATE_S, abs=0.07)  # the encoder primes


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_twenty_minutes_without_a_pause(tmp_path: Path, make_tools: MakeTools) -> None:
    """Where speech has no pause, cuts go through it, and still no word is lost or doubled."""
    script = talk_without_pauses(20 * MINUTE_S, seed=5)
    media = render(script, tmp_path / "breathless.mp4")
    transcript = await assert_heard(media, script, make_tools)

    assert transcript.total_chunks > 10


@pytest.mark.parametrize("audio_format", ["wav", "mp3", "ogg", "opus"])
async def test_every_form_on_the_wire(audio_format: str, tmp_path: Path, make_tools: MakeTools) -> None:
    """What an encoder delays is accounted for: the words are in place in each format."""
    script = talk(2 * MINUTE_S, seed=11)
    media = render(script, tmp_path / "talk.wav", bed=HUM)

    await assert_heard(media, script, make_tools, audioFormat=audio_format)


async def test_another_rate_and_two_channels_on_the_wire(tmp_path: Path, make_tools: MakeTools) -> None:
    """The options of the spec change how chunks travel, not what is heard."""
    script = talk(1 * MINUTE_S, seed=13)
    media = render(script, tmp_path / "talk.wav")

    await assert_heard(media, script, make_tools, sampleRate=44_100, channels=2)


async def test_a_small_chunk_size_makes_more_chunks(tmp_path: Path, make_tools: MakeTools) -> None:
    """`chunkSize` caps the bytes of every request, and nothing is lost for it."""
    script = talk(5 * MINUTE_S, seed=17)
    media = render(script, tmp_path / "talk.wav")
    small = partial(make_tools, chunk_size=500_000)
    transcript = await assert_heard(media, script, small)

    assert transcript.total_chunks > 15
