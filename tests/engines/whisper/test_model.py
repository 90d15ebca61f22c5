from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.engines.base import Request
from audio_tools.engines.whisper.decoding import (
    MOST_CONTEXT_TOKENS,
    Context,
    Decoded,
    TextSegment,
    TimedPiece,
    WindowDecoder,
)
from audio_tools.engines.whisper.model import LATE_S, Languages, Whisper, read_reply
from audio_tools.errors import ChunkRefused, EngineNotReady, OptionRefused
from audio_tools.media.encode import EncodedAudio, encode
from audio_tools.transcript import Interval, Word
from audio_tools.words.order import SHORTEST_WORD_S
from tests.tiny_whisper import TEXT, build, script_words

pytest.importorskip("faster_whisper", reason="the local engine (extra [local]) is not installed")

CONTEXT = (7, 8)
"""Tokens that stand in no other prompt."""
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
    reply = whisper.transcribe(request(8.0))

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

    assert_heard(whisper.transcribe(Request(audio)).words, 0.0)


def test_long_pauses_are_left_out(whisper: Whisper) -> None:
    """Speech on both sides of a long pause is one window; no word lies in the pause."""
    reply = whisper.transcribe(request(60.0, (4.0, 7.0), (40.0, 42.0)))

    assert [word.word for word in reply.words] == TEXT.split()
    assert all(2.9 < word.start < word.end < 7.6 or word.start > 39.4 for word in reply.words)
    assert {word.start > 39.0 for word in reply.words} == {True, False}


@pytest.fixture
def encoded(whisper: Whisper, monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Runs of the encoder."""
    encode_window = Mock(wraps=whisper._model.encode)
    monkeypatch.setattr(whisper._model, "encode", encode_window)
    return encode_window


def test_the_encoder_runs_once_a_window(whisper: Whisper, encoded: Mock) -> None:
    """Language, text and word times share one run of the encoder, the dearest part."""
    reply = whisper.transcribe(request(7.0, (0.0, 7.0)))

    encoded.assert_called_once()
    assert reply.detected_language == "en"


def test_a_short_window_is_not_encoded_as_a_long_one(whisper: Whisper, encoded: Mock) -> None:
    """In English the model's 30 s are an upper limit: a window of 7 s costs a quarter of one of 30 s."""
    whisper.transcribe(request(7.0, (0.0, 7.0), language="en"))

    (features,) = encoded.call_args.args
    assert 700 < features.shape[-1] <= 1000


@pytest.mark.parametrize("language", [None, "fr"])
def test_other_languages_are_encoded_as_the_model_was_trained(
    whisper: Whisper, encoded: Mock, language: str | None
) -> None:
    """Less than 30 s costs words there, and the language is not known before it is detected."""
    whisper.transcribe(request(7.0, (0.0, 7.0), language=language))

    assert encoded.call_args_list[0].args[0].shape[-1] == 3000


def test_each_stretch_of_a_chunk_is_transcribed_in_its_own_language(
    whisper: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detected in both parts, confirmed, and used; segments state it, the reply has that of most of them."""
    detect = Mock(side_effect=[("de", 0.9), ("fr", 0.9)] * 3)
    monkeypatch.setattr(WindowDecoder, "detect_language", detect)

    reply = whisper.transcribe(request(14.0, (0.5, 7.0), (7.4, 13.5), is_multilingual=True))

    assert [segment.language for segment in reply.segments] == ["de", "de", "fr", "fr"]
    assert reply.language in {"de", "fr"}
    assert all(word.end <= 7.2 or word.start >= 7.2 for word in reply.words)


def test_a_chunk_in_one_language_is_transcribed_whole(whisper: Whisper) -> None:
    """The pause inside it is no cut, and its segments state the language too."""
    reply = whisper.transcribe(request(14.0, (0.5, 7.0), (7.4, 13.5), is_multilingual=True))

    assert reply.words == whisper.transcribe(request(14.0, (0.5, 7.0), (7.4, 13.5))).words
    assert {segment.language for segment in reply.segments} == {"en"}


def test_the_text_before_is_the_context_of_a_window(whisper: Whisper) -> None:
    """A reply brings the context for the next chunk, which adds its own text to it."""
    first = whisper.transcribe(request(8.0))
    second = whisper.transcribe(request(8.0, context=first.context))

    assert second.text == TEXT
    assert first.context
    assert second.context[: len(first.context)] == first.context
    assert len(second.context) == 2 * len(first.context)


@pytest.mark.parametrize(
    ("decoded", "kept"),
    [
        (Decoded([7, 8], avg_logprob=-0.3, no_speech_prob=0.1, compression_ratio=1.2), True),
        (Decoded([7, 8], avg_logprob=-0.3, no_speech_prob=0.1, compression_ratio=3.0), False),
        (Decoded([7, 8], avg_logprob=-1.3, no_speech_prob=0.1, compression_ratio=1.2), False),
        (Decoded([7, 8], avg_logprob=-0.3, no_speech_prob=0.9, compression_ratio=1.2), False),
    ],
)
def test_text_that_the_model_doubts_empties_the_context(decoded: Decoded, kept: bool) -> None:
    """It would mislead the next windows; no more is kept than the model was trained on."""
    context = Context(range(MOST_CONTEXT_TOKENS))

    context.add(decoded)

    assert context.tokens == ((*range(2, MOST_CONTEXT_TOKENS), 7, 8) if kept else ())


def test_text_that_a_context_makes_unlikely_is_decoded_without_it(
    whisper: Whisper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where the context makes the model repeat one of its phrases, the window is decoded again without it, and
    the next window does not get it either.
    """
    alone = whisper.transcribe(request(8.0))
    attempt = WindowDecoder._attempt
    prompts = []

    def misled(decoder: WindowDecoder, tokenizer: Any, prompt: list[int], **extra: Any) -> Decoded:
        prompts.append(prompt)
        decoded = attempt(decoder, tokenizer, prompt, **extra)
        return replace(decoded, avg_logprob=-1.5) if CONTEXT[0] in prompt else decoded

    monkeypatch.setattr(WindowDecoder, "_attempt", misled)
    reply = whisper.transcribe(request(8.0, context=CONTEXT))

    assert [CONTEXT[0] in prompt for prompt in prompts] == [True, False]
    assert reply.segments == alone.segments
    assert reply.context == alone.context


def test_speech_behind_the_last_sentence_is_heard(whisper: Whisper, encoded: Mock) -> None:
    """Where Whisper stops early, another step begins at the end of its last sentence, and no earlier."""
    reply = whisper.transcribe(request(13.3, (0.0, 13.3)))

    assert reply.text == f"{TEXT} {TEXT}"
    assert_heard(reply.words, 0.0, 6.5)
    assert [call.args[0].shape[-1] <= 1000 for call in encoded.call_args_list] == [False, True]


@pytest.mark.slow
def test_long_speech_is_heard_window_by_window(whisper: Whisper) -> None:
    """Whisper's window of 30 s is no limit; the same chunk gives the same reply."""
    long = request(65.0, prompt="Premiere, timecode", language="en")

    reply = whisper.transcribe(long)

    assert reply.text.count("scripted") >= 3
    assert reply == whisper.transcribe(long)


def test_words_that_do_not_fit_are_squeezed_in(whisper: Whisper) -> None:
    """Words that Whisper puts on one point at the end of a chunk are parted, inside the chunk."""
    words = whisper.transcribe(request(4.0)).words

    assert [word.word for word in words] == [word.word for word in script_words()]
    assert words[-1].end <= 4.0
    assert_in_order(list(words))


def segment(start: float, *texts: str, **sure: float) -> TextSegment:
    """A segment of pieces, one a second."""
    pieces = [TimedPiece(text, start + n, start + n + 0.5, 0.9) for n, text in enumerate(texts)]
    figures: dict[str, Any] = {"avg_logprob": -0.3, "no_speech_prob": 0.01, "compression_ratio": 1.2, **sure}
    return TextSegment(tuple(pieces), start, start + len(texts), True, Decoded([], **figures))


@pytest.mark.parametrize(
    ("language", "pieces", "words"),
    [
        ("fr", (" Aujourd", "'hui", ",", " qu", "'il", " a", " faim", "."), "Aujourd'hui, qu'il a faim."),
        ("fr", (" J", "'ai", " dit", " «", " non", " »."), "J'ai dit « non »."),
        ("en", (" cold", "-hearted", " $", "3", ".5", " at", " 3", " o", "'clock"), None),
        ("en", (" 100", "%", " of", " U", ".S", ".", " R", "&D"), None),
        ("de", (" Na", "je", ",", " die", " 3", ",", "5", "-", "Zimmer", "-", "Wohnung"), None),
    ],
)
def test_words_are_those_of_the_text(language: str, pieces: tuple[str, ...], words: str | None) -> None:
    """Pieces of words are joined letter by letter; only a space begins a new word."""
    reply = read_reply([segment(0.0, *pieces)], Languages(language), 30.0)

    assert reply.text == (words or "".join(pieces).strip())
    assert " ".join(word.word for word in reply.words) == reply.text
    assert all(word.timing == "engine" for word in reply.words)
    assert_in_order(list(reply.words))


def test_a_word_split_between_segments_is_one_word() -> None:
    """The text does not end a word where a segment ends."""
    reply = read_reply(
        [segment(0.0, " It", " cost", " $3"), segment(3.0, ".5", " net.")], Languages("en"), 9.0
    )

    assert [word.word for word in reply.words] == ["It", "cost", "$3.5", "net."]
    assert reply.text == "It cost $3.5 net."


def test_the_figures_of_the_model_are_kept() -> None:
    """How sure the model is reaches the reply: of words, of segments, of the language."""
    languages = Languages("de")
    languages.add("en", 0.9)
    languages.add("en", 0.7)

    reply = read_reply([segment(0.0, " Hi", avg_logprob=-1.2, compression_ratio=3.1)], languages, 9.0)

    assert (reply.language, reply.detected_language) == ("de", "en")
    assert reply.language_probability == pytest.approx(0.8)
    assert reply.words[0].confidence == 0.9
    assert (reply.segments[0].avg_logprob, reply.segments[0].compression_ratio) == (-1.2, 3.1)
    assert (reply.segments[0].start, reply.segments[0].end) == (LATE_S, 0.5 + LATE_S)


def test_a_chunk_without_text_is_an_empty_reply() -> None:
    """Silence is no error."""
    reply = read_reply([], Languages("en"), 9.0)

    assert (reply.text, reply.words, reply.segments) == ("", (), ())


def test_what_is_no_audio_is_refused(whisper: Whisper) -> None:
    """A chunk that cannot be decoded will never be taken."""
    with pytest.raises(ChunkRefused, match="cannot be decoded"):
        whisper.transcribe(Request(EncodedAudio(b"no audio at all", "flac", 1.0)))


def test_an_unknown_language_is_refused(whisper: Whisper, tmp_path: Path) -> None:
    """Made-up codes are refused by all models, real ones by a model that knows English alone."""
    with pytest.raises(OptionRefused, match="language xx"):
        whisper.transcribe(request(8.0, language="xx"))

    english = Whisper(build(tmp_path / "english", multilingual=False))
    assert english.transcribe(request(8.0)).language == "en"
    with pytest.raises(OptionRefused, match="language de"):
        english.transcribe(request(8.0, language="de"))


def test_a_broken_model_is_said_so(tmp_path: Path) -> None:
    """Weights that CTranslate2 cannot read name their folder."""
    (tmp_path / "model.bin").write_bytes(b"no model")
    (tmp_path / "config.json").write_text("{}")

    with pytest.raises(EngineNotReady, match="cannot be loaded") as caught:
        Whisper(tmp_path)

    assert str(tmp_path) in caught.value.message


def test_the_fastest_arithmetic_of_the_device_is_chosen_unless_one_is_named(tmp_path: Path) -> None:
    """On a CPU 8-bit integers; another type gives the same words here."""
    folder = build(tmp_path)

    assert Whisper(folder, "cpu").compute_type.startswith("int8")
    exact = Whisper(folder, "cpu", "float32")

    assert exact.compute_type == "float32"
    assert_heard(exact.transcribe(request(8.0)).words, 0.0)


def test_a_device_or_arithmetic_that_is_missing_names_its_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the model is touched, with what can be had instead."""
    import ctranslate2

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda _: {"int8", "float32"})

    with pytest.raises(EngineNotReady, match="WHISPER_DEVICE is cuda") as no_card:
        Whisper(tmp_path, "cuda")
    with pytest.raises(EngineNotReady, match="WHISPER_COMPUTE_TYPE is float16, which the cpu") as no_halves:
        Whisper(tmp_path, "auto", "float16")

    assert "auto or cpu" in no_card.value.hint
    assert "float32, int8" in no_halves.value.hint


def assert_in_order(words: list[Word]) -> None:
    assert all(word.end - word.start >= SHORTEST_WORD_S * 0.999 for word in words)
    assert all(first.end <= second.start + 1e-9 for first, second in pairwise(words))
