"""The neural detector and its vote beside the level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.audio import silero_vad as silero
from audio_tools.audio import vad as detectors
from audio_tools.audio.level_vad import Frames, LevelDetector
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.audio.silero_vad import (
    BATCH_WINDOWS,
    CONTEXT_SAMPLES,
    STATE_SHAPE,
    VOICE,
    WINDOW_SAMPLES,
    BothDetector,
    Silero,
    find_model,
)
from audio_tools.audio.vad import SilenceDetection, SpeechDetector, describe_detector, make_detector
from audio_tools.errors import EngineNotReady
from audio_tools.media.decode import Decoder
from tests.audio.signals import bed, blocks, talk, to_pcm

MODEL = find_model()
needs_model = pytest.mark.skipif(MODEL is None, reason="Silero's model (extra [local]) is not installed")


def read(path: Path) -> Pcm:
    with Decoder(path, 0) as decoder:
        return np.concatenate(list(decoder))


def detect(detector: SpeechDetector, pcm: Pcm, sizes: tuple[int, ...] = (64_000,)) -> Frames:
    parts = [detector.push(block) for block in blocks(pcm, sizes)]
    parts.append(detector.finish())
    return Frames(*(np.concatenate([getattr(part, name) for part in parts]) for name in Frames.__slots__))


@needs_model
def test_a_voice_is_speech_and_noise_is_not(speech: Path) -> None:
    """Whatever its level; and a voice may be quieter than noise."""
    voice = read(speech / "jfk.flac")
    noise = to_pcm(bed(11, -20))

    frames = detect(make_detector("vad"), np.concatenate([noise, voice // 8, noise]))

    assert frames.speech[1100:2200].mean() > 0.4
    assert frames.speech[:1050].mean() == 0
    assert frames.speech[2250:].mean() == 0


@needs_model
def test_auto_hears_tones_and_voices(speech: Path) -> None:
    """Tones that the model takes for silence stay speech, and what both deny is silence."""
    pcm = np.concatenate([to_pcm(talk(20, [(4.0, 8.0)])), read(speech / "jfk.flac")])
    level, vad, both = (
        detect(LevelDetector(), pcm),
        detect(make_detector("vad"), pcm),
        detect(make_detector("auto"), pcm),
    )

    assert np.array_equal(both.level_db, level.level_db)
    assert np.array_equal(both.floor_db, level.floor_db)
    assert both.speech[vad.speech].all()
    assert not both.speech[~(level.speech | vad.speech)].any()
    assert both.speech[:390].mean() > 0.7
    assert vad.speech[:390].mean() < 0.3


@pytest.mark.parametrize(
    ("loud", "voice", "speech"),
    [
        ("--" + "s" * 14 + "---", "-" * 19, "-" * 19),
        ("--" + "s" * 15 + "---", "-" * 20, "--" + "s" * 15 + "---"),
        ("-LLLLLssssss-", "-LLLLL-------", "-LLLLLsssss--"),
        ("-ssssssLLLLL-", "-------LLLLL-", "--sssssLLLLL-"),
        ("-LLLssssssssssssLLL-", "-LLL------------LLL-", "-LLLsssss--sssssLLL-"),
        ("LL" + "s" * 149 + "LL", "LL" + "-" * 149 + "LL", "LLsssss" + "-" * 139 + "sssssLL"),
        ("LL" + "s" * 150 + "LL", "LL" + "-" * 150 + "LL", "LL" + "s" * 150 + "LL"),
        ("-" * 9 + "s" * 16, "-" * 25, "-" * 9 + "s" * 16),
        ("ssss" + "L" * 9, "----" + "L" * 9, "ssss" + "L" * 9),
        ("-LLL" + "L" * 20 + "---", "-LLL" + "-" * 23, "-LLL" + "L" * 20 + "---"),
        ("-LLL" + "L" * 9 + "ssssss-", "-LLL" + "-" * 16, "-LLL" + "L" * 9 + "sssss--"),
        ("LLL" + "-" * 200 + "LLL---", "LLL" + "-" * 206, "LLL" + "-" * 206),
    ],
    ids=[
        *("click", "word", "decay", "soft begin", "breath", "room", "deaf", "word at the end"),
        *("at the start", "loud end of a word", "and its decay", "loud, but long after"),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_what_the_level_hears_and_the_model_denies(
    loud: str, voice: str, speech: str, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts where it is as loud as the voice, or lasts; beside a voice 50 ms of it; however it comes."""
    monkeypatch.setattr(silero, "_session", lambda _: None)
    detector = BothDetector(Path("unused"))
    given = []
    for first in range(0, len(loud), step):
        part = slice(first, first + step)
        given.append(detector._vote(frames(loud[part]), frames(voice[part]).speech, ended=False).speech)
    given.append(detector._vote(frames(""), frames("").speech, ended=True).speech)

    assert np.array_equal(np.concatenate(given), frames(speech).speech)


def frames(drawing: str) -> Frames:
    """`L` is loud, `s` softer by 10 dB, `-` is silence."""
    levels = np.array([{"L": -20, "s": -30, "-": -60}[frame] for frame in drawing], np.float32)
    return Frames(levels > -60, levels, np.full(len(drawing), -70, np.float32))


@needs_model
@settings(max_examples=6, deadline=None)
@given(sizes=st.lists(st.integers(1, 90_000), min_size=1, max_size=4), mode=st.sampled_from(["vad", "auto"]))
def test_decisions_do_not_depend_on_blocks(sizes: list[int], mode: SilenceDetection) -> None:
    """The same samples in other blocks give the same frames, bit for bit."""
    if max(sizes) < 2_000:
        sizes = [*sizes, 40_000]
    pcm = to_pcm(talk(14.337, [(3.0, 5.0)]) + bed(14.337, -30))
    whole, cut = (
        detect(make_detector(mode), pcm, (10_000_000,)),
        detect(make_detector(mode), pcm, tuple(sizes)),
    )

    assert len(whole) == 1433
    assert np.array_equal(whole.speech, cut.speech)


@needs_model
def test_the_model_remembers_over_all_blocks(speech: Path) -> None:
    """The stream hears what the model hears in the whole at once: context and state are carried on."""
    assert MODEL is not None
    pcm = read(speech / "jfk.flac")[: 340 * WINDOW_SAMPLES]
    padded = np.concatenate([np.zeros(CONTEXT_SAMPLES), pcm]).astype(np.float32) / 32768
    starts = range(0, len(pcm), WINDOW_SAMPLES)
    windows = np.stack([padded[start : start + CONTEXT_SAMPLES + WINDOW_SAMPLES] for start in starts])
    zero = np.zeros(STATE_SHAPE, np.float32)
    at_once = silero._session(MODEL).run(None, {"input": windows, "h": zero, "c": zero})[0].ravel()
    middles = np.arange(len(pcm) // 160) * 160 + 80

    frames = detect(make_detector("vad"), pcm, (7_777,)).speech

    assert np.array_equal(frames, at_once[middles // WINDOW_SAMPLES] >= VOICE)


@needs_model
@pytest.mark.parametrize(
    "n_samples", [0, 1, 159, 160, 161, 511, 512, 513, 16_000, BATCH_WINDOWS * WINDOW_SAMPLES]
)
def test_short_input_gives_its_whole_frames(n_samples: int) -> None:
    """Every whole frame of 10 ms is decided, even of next to nothing."""
    assert len(detect(make_detector("auto"), np.zeros(n_samples, np.int16))) == n_samples // 160


@needs_model
def test_memory_of_the_past_is_bounded() -> None:
    """What was decided and given is forgotten."""
    assert MODEL is not None
    stream = Silero(MODEL)
    for _ in range(30):
        stream.push(np.zeros(SAMPLE_RATE_HZ, np.int16))

    assert len(stream._windows) <= BATCH_WINDOWS
    assert len(stream._samples) < CONTEXT_SAMPLES + BATCH_WINDOWS * WINDOW_SAMPLES


def test_without_the_model_auto_makes_do_with_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """And `vad` says what to install."""
    monkeypatch.setattr(detectors, "find_model", lambda: None)

    assert isinstance(make_detector("auto"), LevelDetector)
    assert describe_detector("auto") == "level"
    with pytest.raises(EngineNotReady, match="Silero"):
        make_detector("vad")
