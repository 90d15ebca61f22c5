"""Forced alignment: the installed aligners."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from audio_tools.alignment.base import Aligner
from audio_tools.alignment.by_language import AlignerByLanguage
from audio_tools.alignment.ctc.aligner import CtcAligner
from audio_tools.alignment.pocketsphinx.aligner import SphinxAligner, is_installed
from audio_tools.alignment.whisper import WhisperAligner
from audio_tools.words.word_timer import WordTimer


def make_aligner(
    wanted: Literal["auto", "off"],
    word_timer: WordTimer | None = None,
    *,
    model: Path | None = None,
    languages: frozenset[str] = frozenset(),
) -> Aligner | None:
    """
    Return the aligner of this process; None, which keeps the engines' times, if it is off or not installed.

    Args:
        wanted: the setting ALIGN.
        word_timer: transcribes other languages than English; None if there is none.
        model: the setting ALIGN_MODEL.
        languages: ISO 639-1 codes of all languages; the model aligns those that no other aligner supports.

    Raises:
        ConfigError: the folder lacks a model or its vocabulary.
    """
    if wanted == "off":
        return None
    aligners: list[Aligner] = []
    if is_installed():
        aligners.append(SphinxAligner(max((os.cpu_count() or 1) - 1, 1)))
    by_transcription = WhisperAligner(word_timer) if word_timer is not None else None
    if model is not None:
        known = frozenset[str]().union(*(aligner.languages for aligner in aligners))
        aligners.append(CtcAligner(model, languages - known, by_transcription))
    elif by_transcription is not None:
        aligners.append(by_transcription)
    return AlignerByLanguage(aligners) if len(aligners) > 1 else next(iter(aligners), None)
