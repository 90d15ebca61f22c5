"""The local model times the words of other engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from audio_tools.engines.registry import make_word_timer
from audio_tools.settings import Settings
from audio_tools.transcript import Interval
from tests.engines.whisper.test_model import WORD_TOLERANCE_S, noise
from tests.tiny_whisper import TEXT, build, script_words

pytest.importorskip("faster_whisper", reason="the local engine (extra [local]) is not installed")


@pytest.mark.slow
async def test_words_have_times(tmp_path: Path) -> None:
    """The model of WHISPER_MODEL is started for the first chunk."""
    timer = make_word_timer(Settings.load(whisper_model=str(build(tmp_path / "tiny")), data_dir=tmp_path))
    assert timer is not None

    try:
        words = await timer.time_words(noise(8.0), [Interval(0.0, 7.0)], "es")
    finally:
        await timer.close()

    assert " ".join(word.word for word in words) == TEXT
    for word, wanted in zip(words, script_words(), strict=True):
        assert word.start == pytest.approx(wanted.start, abs=WORD_TOLERANCE_S)
    assert "tiny" in timer.identity()
    assert "es" in timer.languages


@pytest.mark.parametrize("model", ["large-v3", "nobody knows"])
def test_no_model_is_downloaded_for_it(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the model, or with an unknown name, there is no timer."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))

    assert make_word_timer(Settings.load(whisper_model=model, data_dir=tmp_path)) is None
