"""Forced alignment of other languages with a CTC model and Viterbi."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from audio_tools.alignment.base import Aligner
from audio_tools.alignment.ctc.model import FRAME_S, CtcModel
from audio_tools.alignment.ctc.viterbi import BLANK_STATE, LogProbs, best_path
from audio_tools.alignment.ctc.vocabulary import Vocabulary
from audio_tools.alignment.placement import place_words
from audio_tools.alignment.pocketsphinx.model import Found
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval, Word

RULES = 1
"""Incremented when the same samples and words give other times; part of the identity."""
LEAST_COVERED = 0.8
"""Minimum share of letters that the model can spell; less means another script."""
LEAST_SCORE = -3.0
"""Minimum fit of a word that was said: natural logarithm relative to the best label of a frame."""
SPREAD_S = 0.06
"""CTC marks letters by spikes: a word reaches half the blank beside it, at most so far."""

log = logging.getLogger(__name__)


class CtcAligner:
    """
    See `alignment.base.Aligner`. The model decides by its vocabulary which scripts it aligns.

    Args:
        folder: the setting ALIGN_MODEL.
        languages: ISO 639-1 codes of the languages that are given to it.
        fallback: aligns what the model cannot spell; closed together with this one.

    Raises:
        ConfigError: the folder lacks the model or its vocabulary.
    """

    name = "ctc"

    def __init__(self, folder: Path, languages: frozenset[str], fallback: Aligner | None = None) -> None:
        self._model = CtcModel(folder)
        self.languages = languages
        self._fallback = fallback
        self._turn = asyncio.Semaphore(1)

    def identity(self) -> tuple[str, ...]:
        """See `alignment.base.Aligner.identity`."""
        fallback = self._fallback.identity() if self._fallback is not None else ()
        return (self.name, self._model.digest, f"rules {RULES}", *fallback)

    def for_language(self, language: str | None) -> Aligner:  # noqa: ARG002
        """See `alignment.base.Aligner.for_language`."""
        return self

    async def align(
        self, pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval], language: str | None
    ) -> list[Word]:
        """See `alignment.base.Aligner.align`."""
        if not words or language not in self.languages:
            return list(words)
        if self._model.vocabulary.covers("".join(word.word for word in words)) < LEAST_COVERED:
            return await self._align_otherwise(pcm, words, speech, language)
        try:
            async with self._turn:
                return await asyncio.to_thread(self._align, pcm, words, speech)
        except Exception as error:  # onnxruntime has its own, without a common base
            log.warning("alignment failed, keeping engine timings: %s", error)
            return list(words)

    async def close(self) -> None:
        """Close the fallback."""
        if self._fallback is not None:
            await self._fallback.close()

    async def _align_otherwise(
        self, pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval], language: str | None
    ) -> list[Word]:
        if self._fallback is None:
            return list(words)
        return await self._fallback.align(pcm, words, speech, language)

    def _align(self, pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval]) -> list[Word]:
        found = find_words(self._model.log_probs(pcm), words, self._model.vocabulary)
        return place_words(words, found, speech, len(pcm) / SAMPLE_RATE_HZ)


def find_words(log_probs: LogProbs, words: Sequence[Word], vocabulary: Vocabulary) -> list[Found | None]:
    """
    Find each word in the frames of a model.

    A word that the model cannot spell, such as a number, is taken by whatever sounds there; it is not found.
    """
    # One more label: as likely as the most likely label of the frame that is not blank.
    spoken = np.delete(log_probs, vocabulary.blank, axis=1)
    anything, columns = log_probs.shape[1], np.column_stack([log_probs, spoken.max(axis=1)])
    labels: list[int] = []
    homes: list[int] = []
    for number, word in enumerate(words):
        if labels and vocabulary.separator is not None:
            labels.append(vocabulary.separator)
            homes.append(-1)
        spelled = vocabulary.spell(word.word) or [anything]
        labels += spelled
        homes += [number] * len(spelled)
    path = best_path(columns, labels, vocabulary.blank) if len(log_probs) else None
    found: list[Found | None] = [None] * len(words)
    if path is None:
        return found
    best = columns.max(axis=1)
    spans = _spans(path, homes)
    for number, (first, end) in spans.items():
        inside = [frame for frame in range(first, end) if path[frame] != BLANK_STATE]
        score = float(np.mean([columns[frame, labels[path[frame]]] - best[frame] for frame in inside]))
        if score >= LEAST_SCORE and anything not in (labels[path[frame]] for frame in inside):
            before = spans[number - 1][1] if number else 0
            after = spans[number + 1][0] if number + 1 < len(words) else len(path)
            found[number] = Found(
                number,
                first * FRAME_S - min((first - before) * FRAME_S / 2, SPREAD_S),
                end * FRAME_S + min((after - end) * FRAME_S / 2, SPREAD_S),
                score,
            )
    return found


def _spans(path: Sequence[int], homes: Sequence[int]) -> dict[int, tuple[int, int]]:
    """The frames of each word, as (first, the one behind the last)."""
    spans: dict[int, tuple[int, int]] = {}
    for position, frames in groupby(range(len(path)), key=lambda frame: path[frame]):
        if position == BLANK_STATE or homes[position] < 0:
            continue
        row, home = list(frames), homes[position]
        spans[home] = (spans[home][0] if home in spans else row[0], row[-1] + 1)
    return spans
