"""Word times from a second model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from audio_tools.alignment.by_language import AlignerByLanguage
from audio_tools.alignment.pocketsphinx.aligner import SphinxAligner
from audio_tools.alignment.whisper import WhisperAligner
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.errors import AudioToolsError, EngineUnavailable
from audio_tools.transcript import Interval, Word
from audio_tools.words.timing import spread

SPEECH = [Interval(0.5, 4.5), Interval(6.0, 9.0)]
PCM = np.zeros(10 * SAMPLE_RATE_HZ, np.int16)
HEARD = [
    Word("La", 0.5, 0.7),
    Word("casa", 0.7, 1.4),
    Word("es", 1.4, 1.6),
    Word("gringa,", 1.6, 2.4),
    Word("dijo", 6.0, 6.4),
    Word("Ana.", 6.4, 6.9),
]


@dataclass
class Ear:
    heard: Sequence[Word] = ()
    error: AudioToolsError | None = None
    asked: list[str] = field(default_factory=list)
    closed: bool = False
    languages: frozenset[str] = frozenset({"en", "es"})

    def identity(self) -> tuple[str, ...]:
        return ("ear",)

    async def time_words(self, _pcm: Pcm, _speech: Sequence[Interval], language: str) -> Sequence[Word]:
        self.asked.append(language)
        if self.error:
            raise self.error
        return self.heard

    async def close(self) -> None:
        self.closed = True


def spans(words: Sequence[Word]) -> list[tuple[str, float, float, str]]:
    return [(word.word, round(word.start, 2), round(word.end, 2), word.timing) for word in words]


async def test_words_that_both_heard_get_its_times_and_others_what_is_left() -> None:
    """Case and marks do not matter; words that the ear missed lie between their neighbours."""
    words = spread("la casa es muy grande dijo Ana", SPEECH)

    aligned = await WhisperAligner(Ear(HEARD)).align(PCM, words, SPEECH, "es")

    assert spans(aligned) == [
        ("la", 0.5, 0.7, "aligned"),
        ("casa", 0.7, 1.4, "aligned"),
        ("es", 1.4, 1.6, "aligned"),
        ("muy", 1.6, 2.4, "estimated"),
        ("grande", 2.57, 3.37, "estimated"),
        ("dijo", 6.0, 6.4, "aligned"),
        ("Ana", 6.4, 6.9, "aligned"),
    ]


async def test_a_word_that_is_spelled_otherwise_is_the_same_word() -> None:
    """As long as both texts have as many words in its place."""
    aligned = await WhisperAligner(Ear(HEARD)).align(
        PCM, spread("la casa es grande dijo Ana", SPEECH), SPEECH, "es"
    )

    assert spans(aligned)[3] == ("grande", 1.6, 2.4, "aligned")


async def test_no_word_crosses_a_pause() -> None:
    """What the ear lets bleed into one is cut back to the speech."""
    heard = [Word("hola", 0.5, 1.0), Word("Ana", 5.0, 6.9)]

    aligned = await WhisperAligner(Ear(heard)).align(PCM, spread("hola Ana", SPEECH), SPEECH, "es")

    assert spans(aligned)[1] == ("Ana", 6.0, 6.9, "aligned")


async def test_another_text_is_left_as_it_came() -> None:
    """Two texts always share an article somewhere."""
    words = spread("nunca vi la sombra verde del olmo", SPEECH)

    assert await WhisperAligner(Ear(HEARD)).align(PCM, words, SPEECH, "es") == words


async def test_an_ear_that_fails_leaves_the_words_as_they_came(caplog: pytest.LogCaptureFixture) -> None:
    """It is said in the log."""
    words = spread("la casa", SPEECH)
    ear = Ear(error=EngineUnavailable("The Whisper process was killed."))

    assert await WhisperAligner(ear).align(PCM, words, SPEECH, "es") == words
    assert "was killed" in caplog.text


@pytest.mark.parametrize(
    ("words", "language"),
    [(HEARD, "es"), (spread("la casa", SPEECH), None), (spread("la casa", SPEECH), "xx"), ([], "es")],
)
async def test_nothing_is_heard_in_vain(words: list[Word], language: str | None) -> None:
    """Words that have times, and unknown languages, cost nothing."""
    ear = Ear(HEARD)

    assert await WhisperAligner(ear).align(PCM, words, SPEECH, language) == words
    assert ear.asked == []


async def test_the_language_decides_who_aligns() -> None:
    """English and unnamed languages go to the first aligner that knows English; closing closes all."""
    first, second = Ear(HEARD, languages=frozenset({"en"})), Ear(HEARD)
    aligner = AlignerByLanguage([WhisperAligner(first), WhisperAligner(second)])

    for language in ("en", "es", None):
        await aligner.align(PCM, spread("la casa", SPEECH), SPEECH, language)
    await aligner.close()

    assert (first.asked, second.asked) == (["en"], ["es"])
    assert (first.closed, second.closed) == (True, True)
    assert aligner.languages == {"en", "es"}
    assert AlignerByLanguage([SphinxAligner(), WhisperAligner(second)]).for_language("es").name == "whisper"
    assert aligner.identity() == WhisperAligner(first).identity() + WhisperAligner(second).identity()
