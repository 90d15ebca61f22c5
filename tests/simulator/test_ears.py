"""Hearing tone words again, whatever happened to them."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.beds import BEDS, CLEAN, HUM, MUSIC, PINK, WHITE, Bed
from tests.simulator.ears import Heard, listen
from tests.simulator.media import samples
from tests.simulator.script import Script, talk, talk_without_pauses
from tests.simulator.tones import (
    MAX_NUMBER,
    SAMPLE_RATE_HZ,
    TONE_SAMPLES,
    WORD_SECONDS,
    Samples,
    encode_word,
    phases,
)

numbers = st.integers(0, MAX_NUMBER)
WORD_SAMPLES = round(WORD_SECONDS * SAMPLE_RATE_HZ)


def assert_all_heard(script: Script, pcm: Samples, within: float = 0.002) -> None:
    """Every word of the script was heard where it is, and nothing else."""
    heard = listen(pcm)

    assert [word.number for word in script.words] == [burst.number for burst in heard]
    assert max(abs(b.start - w.start) for b, w in zip(heard, script.words, strict=True)) < within


@pytest.mark.slow
@settings(deadline=None)
@given(numbers, st.integers(0, 8000), st.floats(-32, -6), st.sampled_from(sorted(BEDS)), st.booleans())
def test_any_word_is_heard_anywhere(number: int, at: int, level: float, kind: str, upside_down: bool) -> None:
    """Number, place, level, polarity and bed do not matter, and the time is true to a millisecond."""
    pcm = BEDS[kind].at(min(-35, level - 12)).samples(at, at + WORD_SAMPLES + 500)
    pcm[at : at + WORD_SAMPLES] += encode_word(number, level)

    (burst,) = listen(-pcm if upside_down else pcm)

    assert number == burst.number
    assert pytest.approx(at / SAMPLE_RATE_HZ, abs=0.001) == burst.start
    assert pytest.approx(at / SAMPLE_RATE_HZ + WORD_SECONDS, abs=0.001) == burst.end


@settings(deadline=None)
@given(numbers, st.integers(-WORD_SAMPLES, WORD_SAMPLES), st.sampled_from([CLEAN, WHITE.at(-35), MUSIC]))
def test_a_cut_word_is_never_another_word(number: int, cut: int, bed: Bed) -> None:
    """What is left of a word (`cut` samples gone from its head, or -`cut` from its tail) is not misread."""
    burst = encode_word(number)
    left = burst[cut:] if cut >= 0 else burst[:cut]
    pcm = bed.samples(0, left.size)

    heard = listen(pcm + left)

    assert {word.number for word in heard} <= {number, None}


@settings(deadline=None)
@given(numbers, st.integers(400, 2000), st.booleans(), st.sampled_from([CLEAN, WHITE.at(-35), PINK]))
def test_a_cut_word_is_heard_as_garbled(number: int, cut: int, at_head: bool, bed: Bed) -> None:
    """A word that lost 25-125 ms at a border is reported once, garbled, with the times of what is left."""
    burst = encode_word(number)
    left, silence = burst[cut:] if at_head else burst[:-cut], np.zeros(4000, np.float32)
    pcm = np.concatenate((left, silence) if at_head else (silence, left))
    start = 0.0 if at_head else silence.size / SAMPLE_RATE_HZ

    heard = listen(pcm + bed.samples(0, pcm.size))

    assert [word.number for word in heard] == [None]
    assert pytest.approx(start, abs=0.01) == heard[0].start
    assert pytest.approx(start + left.size / SAMPLE_RATE_HZ, abs=0.01) == heard[0].end


@settings(deadline=None)
@given(numbers, st.integers(0, 160), st.booleans())
def test_a_word_that_lost_a_sliver_is_still_heard(number: int, cut: int, at_head: bool) -> None:
    """Ten milliseconds less do not matter."""
    burst = encode_word(number)

    (heard,) = listen(burst[cut:] if at_head else burst[: WORD_SAMPLES - cut])

    assert number == heard.number


@settings(deadline=None)
@given(numbers)
def test_damage_in_the_middle_garbles(number: int) -> None:
    """A word with a hole in it is heard, but not as any number."""
    burst = encode_word(number)
    burst[1000:2200] = 0

    assert {word.number for word in listen(burst)} == {None}


@settings(deadline=None)
@given(numbers, st.integers(1, 9), st.integers(2, 18))
def test_one_tone_drowned_by_another_is_put_right(number: int, place: int, wrong: int) -> None:
    """Codecs at low rates now and then spoil a tone; the runner-up and the CRC give the number back."""
    burst = encode_word(number)
    tone = slice(place * TONE_SAMPLES, (place + 1) * TONE_SAMPLES)
    burst[tone] = burst[tone] / 2 + 0.3 * np.sin(phases()[:, wrong])

    assert [word.number for word in listen(burst)] == [number]


@pytest.mark.parametrize("kind", sorted(BEDS))
def test_nothing_is_heard_where_nobody_speaks(kind: str) -> None:
    """No bed sounds like a word or a part of one, even a loud one."""
    assert listen(BEDS[kind].at(-20).samples(0, 64 * SAMPLE_RATE_HZ)) == []


@pytest.mark.parametrize("length", [0, 1, 39, 320, 3519])
def test_short_sound_is_no_trouble(length: int) -> None:
    """Anything may be listened to, even no sample at all."""
    assert all(burst.number is None for burst in listen(encode_word(5)[: min(length, 2500)]))


@pytest.mark.parametrize("bed", [CLEAN, WHITE, HUM, PINK.at(-35), MUSIC], ids=lambda bed: bed.kind)
def test_a_talk_of_any_length_is_heard_word_by_word(bed: Bed) -> None:
    """Longer sound is listened to in parts; at their borders no word is lost or doubled."""
    script = talk_without_pauses(70, seed=3)

    assert_all_heard(script, samples(script, bed))


def test_loud_and_soft_words_are_heard() -> None:
    """Levels that swing by 24 dB do not hide the soft words."""
    script = talk(120, seed=4, level_dbfs=-20, swing_db=12)

    assert_all_heard(script, samples(script, WHITE))


def through_soundfile(pcm: Samples, container: str, codec: str) -> Samples:
    """Encode and decode with libsndfile."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", SAMPLE_RATE_HZ, 1, format=container, subtype=codec) as writer:
        # libsndfile's Vorbis encoder overflows its stack on one large write.
        for first in range(0, pcm.size, SAMPLE_RATE_HZ):
            writer.write(pcm[first : first + SAMPLE_RATE_HZ])
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return np.asarray(decoded)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("container", "codec"),
    [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16"), ("WAV", "ULAW")],
)
def test_words_survive_soundfile_codecs(container: str, codec: str) -> None:
    """Words and their times come through every codec of libsndfile."""
    script = talk(30, seed=5)

    assert_all_heard(script, through_soundfile(samples(script, WHITE), container, codec))


def through_av(pcm: Samples, container: str, codec: str, rate_hz: int, bit_rate: int) -> Samples:
    """Encode and decode with FFmpeg's codecs."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as writer:
        stream = writer.add_stream(codec, rate=rate_hz, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="flt", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE_HZ, Fraction(1, SAMPLE_RATE_HZ), 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            writer.mux(packet)
    file.seek(0)
    with av.open(file, "r") as reader:
        resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE_HZ)
        frames = [out for frame in reader.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.slow
@pytest.mark.parametrize("bed", [CLEAN, WHITE], ids=lambda bed: bed.kind)
@pytest.mark.parametrize(
    ("container", "codec", "rate_hz", "bit_rate"),
    [
        ("ogg", "libopus", 48_000, 24_000),
        ("mp4", "aac", 48_000, 96_000),
        ("mp4", "aac", 16_000, 32_000),
        ("mp3", "libmp3lame", 44_100, 64_000),
    ],
)
def test_words_survive_ffmpeg_codecs(
    bed: Bed, container: str, codec: str, rate_hz: int, bit_rate: int
) -> None:
    """Words and their times come through the codecs of films and of slow uplinks."""
    script = talk(30, seed=6)

    assert_all_heard(script, through_av(samples(script, bed), container, codec, rate_hz, bit_rate), 0.01)


def test_a_burst_knows_its_text() -> None:
    """What is heard is written as an engine would write it."""
    assert Heard(42, 0, 1).text == "w00042"
    assert Heard(None, 0, 1).text == "garbled"
