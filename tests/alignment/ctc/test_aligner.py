"""Words onto the samples by a CTC model that is built here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from audio_tools.alignment import make_aligner
from audio_tools.alignment.base import Aligner
from audio_tools.alignment.ctc.aligner import CtcAligner
from audio_tools.audio.pcm import Pcm
from audio_tools.errors import ConfigError
from audio_tools.transcript import Interval, Word
from tests.alignment.ctc.toy_model import build, say

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

SPOKEN = [("bad", 1.0), ("cafe", 2.0), ("abba", 3.5), ("bad", 28.5), ("head", 33.0)]
EDGE_S = 0.07
"""Spikes of 20 ms, and half the pause beside them at most."""
GERMAN = frozenset({"de"})


def engine_words(*texts: str, late_s: float = 0.3) -> list[Word]:
    """The words of SPOKEN as an engine might time them."""
    names = texts or tuple(text for text, _ in SPOKEN)
    return [Word(name, at + late_s, at + late_s + 0.2) for name, (_, at) in zip(names, SPOKEN, strict=False)]


SPEECH = [Interval(start - 0.05, start + 0.4) for _, start in SPOKEN]


@pytest.mark.parametrize("separator", [True, False])
async def test_words_go_where_their_letters_sound(tmp_path: Path, separator: bool) -> None:
    """Also behind the window of the model, also the same word twice."""
    aligner = CtcAligner(build(tmp_path, separator=separator), GERMAN)

    words = await aligner.align(say(SPOKEN, 36.0), engine_words(), SPEECH, "de")

    assert [word.timing for word in words] == ["aligned"] * len(SPOKEN)
    for word, (text, start) in zip(words, SPOKEN, strict=True):
        assert word.word == text
        assert word.start == pytest.approx(start, abs=EDGE_S)
        assert word.end == pytest.approx(start + 0.08 * len(text), abs=EDGE_S)


async def test_a_word_that_cannot_be_spelled_keeps_its_time(tmp_path: Path) -> None:
    """Something sounds in its place, and the words around it are still found."""
    aligner = CtcAligner(build(tmp_path), GERMAN)

    words = await aligner.align(
        say(SPOKEN, 36.0), engine_words("Bad", "1813", "Abba,", "bad", "head"), SPEECH, "de"
    )

    assert [word.timing for word in words] == ["aligned", "engine", "aligned", "aligned", "aligned"]
    assert words[2].start == pytest.approx(3.5, abs=EDGE_S)


async def test_words_that_were_not_said_keep_their_times(tmp_path: Path) -> None:
    """The search places any text on any sound; the fit decides."""
    aligner = CtcAligner(build(tmp_path), GERMAN)
    others = engine_words("ghhg", "hggh", "ghg", "hhg", "ggh")

    words = await aligner.align(say(SPOKEN, 36.0), others, SPEECH, "de")

    assert all(word.timing == "engine" for word in words)


@dataclass
class Fallback:
    """Takes what the model cannot spell."""

    asked: list[str] = field(default_factory=list)
    name: str = "fallback"
    languages: frozenset[str] = GERMAN

    def identity(self) -> tuple[str, ...]:
        return (self.name,)

    def for_language(self, _language: str | None) -> Aligner:
        return self

    async def align(self, _pcm: Pcm, words: Sequence[Word], *_about: object) -> list[Word]:
        self.asked += [word.word for word in words]
        return [replace(word, timing="estimated") for word in words]

    async def close(self) -> None:
        self.asked.append("closed")


async def test_another_script_goes_to_the_fallback(tmp_path: Path) -> None:
    """The vocabulary decides; other languages come back as they are."""
    fallback = Fallback()
    aligner = CtcAligner(build(tmp_path), GERMAN, fallback)
    pcm = say(SPOKEN, 36.0)

    assert (await aligner.align(pcm, engine_words("слово"), SPEECH, "de"))[0].timing == "estimated"
    assert (await aligner.align(pcm, engine_words(), SPEECH, "en"))[0].timing == "engine"
    await aligner.close()

    assert fallback.asked == ["слово", "closed"]
    assert aligner.identity()[-1] == "fallback"


async def test_a_broken_model_keeps_the_times(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Aligning never fails a chunk."""
    (build(tmp_path) / "model.onnx").write_bytes(b"no model")

    words = await CtcAligner(tmp_path, GERMAN).align(say(SPOKEN, 36.0), engine_words(), SPEECH, "de")

    assert words == engine_words()
    assert "alignment failed, keeping engine timings" in caplog.text


def test_the_setting_is_checked_at_the_start(tmp_path: Path) -> None:
    """A folder without a model is refused; with one, other languages than English are its own."""
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"does not contain model\.onnx"):
        make_aligner("auto", model=tmp_path, languages=frozenset({"de", "en"}))

    aligner = make_aligner("auto", model=build(tmp_path), languages=frozenset({"de", "en"}))

    assert aligner is not None
    assert aligner.for_language("de").name == "ctc"
    assert make_aligner("off", model=tmp_path) is None
