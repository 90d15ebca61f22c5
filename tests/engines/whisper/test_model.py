from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.engines.base import Request
from audio_tools.engines.whisper.model import CLIP_PAD_S, LATE_S, SKIPPED_PAUSE_S, Whisper, clips, read_reply
from audio_tools.errors import ChunkRefused, EngineNotReady, OptionRefused
from audio_tools.media.encode import EncodedAudio, encode
from audio_tools.transcript import Interval, Word
from audio_tools.words.order import SHORTEST_WORD_S
from tests.tiny_whisper import TEXT, build, script_words

pytest.importorskip("faster_whisper", reason="the local engine (extra [local]) is not installed")

WORD_TOLERANCE_S = 0.2
"""The alignment of the tiny model is so exact, most of the time."""


def noise(seconds: float) -> Pcm:
    samples = np.random.default_rng(1).normal(0, 3000, round(seconds * SAMPLE_RATE_HZ))
    return samples.astype(np.int16)


def request(seconds: float, *speech: tuple[float, float], **options: Any) -> Request:
    return Request(encode(noise(seconds), "flac"), tuple(Interval(*stretch) for stretch in speech), **options)


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Whisper:
    return Whisper(build(tmp_path_factory.mktemp("whisper") / "tiny"))


def assert_heard(words: tuple[Word, ...], *starts: float) -> None:
    expected = [word for start in starts for word in script_words(start)]
    assert [word.word for word in words] == [word.word for word in expected]
    for word, wanted in zip(words, expected, strict=True):
        assert word.start == pytest.approx(wanted.start, abs=WORD_TOLERANCE_S)
        assert word.end == pytest.approx(wanted.end, abs=WORD_TOLERANCE_S)


def test_a_chunk_becomes_words_and_segments(whisper: Whisper) -> None:
    """Words carry times and confidence, segments their figures, the reply its language."""
    reply = whisper.hear(request(8.0))

    assert reply.text == TEXT
    assert reply.language == "en"
    assert_heard(reply.words, 0.0)
    assert all(0.5 < (word.confidence or 0) <= 1 and word.timing == "engine" for word in reply.words)
    assert [segment.text for segment in reply.segments] == TEXT.replace(". ", ".|").split("|")
    assert [segment.id for segment in reply.segments] == [0, 1]
    for segment in reply.segments:
        assert (segment.avg_logprob or 0) < 0 < (segment.compression_ratio or 0)
        assert segment.no_speech_prob is not None


@pytest.mark.parametrize("audio_format", ["wav", "mp3", "opus"])
def test_every_format_on_the_wire_is_heard(whisper: Whisper, audio_format: str) -> None:
    """Also those that are not at 16 kHz mono."""
    audio = encode(noise(8.0), audio_format, 48_000, 2)

    assert_heard(whisper.hear(Request(audio)).words, 0.0)


def test_only_speech_is_heard(whisper: Whisper) -> None:
    """Two stretches of speech with a long pause between them are two windows; the pause is none."""
    reply = whisper.hear(request(30.0, (4.0, 11.0), (18.0, 25.0)))

    assert_heard(reply.words, 4.0 - CLIP_PAD_S, 18.0 - CLIP_PAD_S)
    assert len(reply.segments) == 4


def test_long_speech_is_heard_window_by_window(whisper: Whisper) -> None:
    """Whisper's window of 30 s is no limit; the same chunk gives the same reply."""
    long = request(65.0, prompt="Premiere, timecode", language="en")

    reply = whisper.hear(long)

    assert reply.text.count("scripted") >= 3
    assert reply == whisper.hear(long)


def test_words_that_do_not_fit_are_squeezed_in(whisper: Whisper) -> None:
    """Words that Whisper puts on one point at the end of a chunk are parted, inside the chunk."""
    words = whisper.hear(request(4.0)).words

    assert [word.word for word in words] == [word.word for word in script_words()]
    assert words[-1].end <= 4.0
    assert_in_order(list(words))


def test_lone_punctuation_is_no_word() -> None:
    """The dots that Whisper hears in noise are dropped, and so is a segment of dots alone."""
    from faster_whisper.transcribe import Segment, Word

    def heard(start: float, *words: str) -> Segment:
        timed = [Word(start + number, start + number + 0.5, word, 0.9) for number, word in enumerate(words)]
        return Segment(1, 0, 0.0, 9.0, "".join(words), [], -0.3, 1.2, 0.01, timed, 0.0)

    reply = read_reply(
        [heard(0, " Thanks.", " .", " ."), heard(3, " .", " ..."), heard(5, " R", " &", " B")], "en", 9.0
    )

    assert reply.text == "Thanks. R & B"
    assert [segment.text for segment in reply.segments] == ["Thanks.", "R & B"]
    assert [segment.id for segment in reply.segments] == [0, 1]
    assert (reply.segments[0].start, reply.segments[0].end) == (LATE_S, 0.5 + LATE_S)


def test_what_is_no_audio_is_refused(whisper: Whisper) -> None:
    """A chunk that cannot be decoded will never be taken."""
    with pytest.raises(ChunkRefused, match="cannot be decoded"):
        whisper.hear(Request(EncodedAudio(b"no audio at all", "flac", 1.0)))


def test_an_unknown_language_is_refused(whisper: Whisper, tmp_path: Path) -> None:
    """Made-up codes are refused by all models, real ones by a model that knows English alone."""
    with pytest.raises(OptionRefused, match="language xx"):
        whisper.hear(request(8.0, language="xx"))

    english = Whisper(build(tmp_path / "english", multilingual=False))
    assert english.hear(request(8.0)).language == "en"
    with pytest.raises(OptionRefused, match="language de"):
        english.hear(request(8.0, language="de"))


def test_a_broken_model_is_said_so(tmp_path: Path) -> None:
    """Weights that CTranslate2 cannot read name their folder."""
    (tmp_path / "model.bin").write_bytes(b"no model")
    (tmp_path / "config.json").write_text("{}")

    with pytest.raises(EngineNotReady, match="cannot be loaded") as caught:
        Whisper(tmp_path)

    assert str(tmp_path) in caught.value.message


def test_the_fastest_arithmetic_of_the_device_is_chosen_unless_one_is_named(tmp_path: Path) -> None:
    """On a CPU 8-bit integers; another one hears the same words here."""
    folder = build(tmp_path)

    assert Whisper(folder, "cpu").compute_type.startswith("int8")
    exact = Whisper(folder, "cpu", "float32")

    assert exact.compute_type == "float32"
    assert_heard(exact.hear(request(8.0)).words, 0.0)


def test_a_device_or_arithmetic_that_is_missing_names_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the model is touched, with what can be had instead."""
    import ctranslate2

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda _: {"int8", "float32"})

    with pytest.raises(EngineNotReady, match="WHISPER_DEVICE is cuda") as no_card:
        Whisper(tmp_path, "cuda")
    with pytest.raises(EngineNotReady, match="WHISPER_COMPUTE_TYPE is float16, which this cpu") as no_halves:
        Whisper(tmp_path, "auto", "float16")

    assert "auto or cpu" in no_card.value.hint
    assert "float32, int8" in no_halves.value.hint


@st.composite
def chunks(draw: st.DrawFn) -> tuple[list[Interval], float]:
    steps = draw(st.lists(st.floats(0.05, 8.0), min_size=0, max_size=20))
    edges = np.cumsum(steps).tolist()
    speech = [Interval(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False)]
    return speech, (edges[-1] if edges else 0.0) + draw(st.floats(0.0, 5.0))


@given(chunks())
def test_clips_cover_speech_and_leave_long_pauses_out(chunk: tuple[list[Interval], float]) -> None:
    """All speech is heard, and nothing farther from it than the padding, unless a short pause lies there."""
    speech, seconds = chunk

    found = clips(speech, seconds)

    assert all(0 <= clip.start <= clip.end <= seconds for clip in found)
    assert all(first.end < second.start for first, second in pairwise(found))
    for stretch in speech:
        assert any(clip.start <= stretch.start and stretch.end <= clip.end for clip in found)
    for first, second in pairwise(speech):
        together = any(clip.start <= first.end and second.start <= clip.end for clip in found)
        pause = second.start - first.end
        if pause != pytest.approx(SKIPPED_PAUSE_S):
            assert together == (pause < SKIPPED_PAUSE_S)


def test_without_known_speech_everything_is_heard() -> None:
    """Nobody said where the speech is, so it may be anywhere."""
    assert clips([], 12.5) == [Interval(0.0, 12.5)]


def assert_in_order(words: list[Word]) -> None:
    assert all(word.end - word.start >= SHORTEST_WORD_S * 0.999 for word in words)
    assert all(first.end <= second.start + 1e-9 for first, second in pairwise(words))
