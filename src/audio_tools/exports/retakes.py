"""
Retakes in the text of a transcript: repeated takes, false starts and stutters, with the last take kept.

An earlier attempt is a run of words that the words right behind it begin to say again. What decides is how
much of the attempt comes back in order; a pause or a phrase such as "let me start again" speaks for it.
Rhetorical repetition is not proposed: there a complete sentence is followed by another one that only begins
like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audio_tools.exports.phrases import WordSpan, find_phrases, span_of
from audio_tools.transcript import Word
from audio_tools.words.script import CLOSING_QUOTES, SENTENCE_MARKS

Kind = Literal["stutter", "falseStart", "take"]

LONGEST_WORDS = 80
LONGEST_S = 90.0
"""Maximum length of an attempt; farther back the same words are another subject."""
CANDIDATES = 4
LEAST_SCORE = 0.6
LEAST_COVERAGE = 0.7
PAUSE_S = 0.25
CHANT_WORDS = 4
LEAST_BROKEN_WORDS, LEAST_BROKEN_LETTERS = 3, 3
"""Minimum words of an attempt that breaks off within its last word, and minimum letters of that word."""
LEAST_TIME = 1 / 3
"""Words said again last at least this share of those of the attempt; engines invent faster ones."""
LENGTH_SCORES = (0.0, 0.7, 0.8, 0.9)
"""The highest score by the number of words that come back: two words may repeat by chance."""

RESTARTS = (
    *("sorry", "i'm sorry", "excuse me", "no wait", "wait", "hang on", "hold on", "scratch that", "one more"),
    *(
        "let me start again",
        "let me start over",
        "let me try again",
        "start again",
        "start over",
        "try again",
    ),
    *("let me say that again", "let me rephrase", "take two", "take three", "again", "once more", "i mean"),
    *("or rather", "no sorry", "from the top", "entschuldigung", "nochmal", "noch einmal", "pardon"),
    *("je recommence", "perdón", "otra vez", "scusate", "di nuovo"),
)
"""Restart phrases between two attempts; they belong to the earlier one."""

DOUBLED = frozenset(
    [
        "very",
        "really",
        "so",
        "no",
        "yes",
        "yeah",
        "ha",
        "bye",
        "had",
        "that",
        "go",
        "now",
        "come",
        "there",
        "well",
        "ok",
        "okay",
        "knock",
        "blah",
        "la",
        "far",
        "many",
        "much",
        "long",
        "never",
        "more",
        "again",
        "please",
        "wait",
        "hey",
        "oh",
        "hi",
        "hello",
        "right",
        "please",
        "quick",
        "big",
        "tut",
        "there",
        "hear",
        "ja",
        "nein",
        "sehr",
        "si",
        "non",
        "oui",
        "muy",
        "più",
        "muito",
        "bien",
        "tres",
        "très",
    ]
)
"""Words that are repeated intentionally."""
LINKS = frozenset(
    ["and", "or", "by", "to", "after", "upon", "over", "in", "und", "oder", "et", "ou", "y", "o", "e"]
)
"""`again and again and again` is not a retake."""
SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "i",
        "you",
        "he",
        "she",
        "it",
        "we",
        "they",
        "my",
        "your",
        "his",
        "her",
        "its",
        "our",
        "their",
        "this",
        "these",
        "those",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "am",
        "and",
        "or",
        "but",
        "if",
        "of",
        "to",
        "in",
        "on",
        "at",
        "for",
        "with",
        "from",
        "by",
        "as",
        "what",
        "when",
        "where",
        "who",
        "how",
        "which",
        "do",
        "does",
        "did",
        "has",
        "have",
        "will",
        "would",
        "can",
        "could",
        "should",
        "not",
        "der",
        "die",
        "das",
        "ein",
        "eine",
        "ich",
        "wir",
        "ist",
        "und",
        "zu",
        "in",
        "mit",
        "le",
        "la",
        "les",
        "un",
        "une",
        "je",
        "et",
        "de",
        "el",
        "los",
        "una",
        "yo",
        "que",
        "il",
        "lo",
    ]
)
"""Function words: a repetition is nearly always a stutter."""
REDUPLICATING = frozenset(
    {"id", "ms", "tl", "ja", "zh", "yue", "ko", "th", "vi", "tr", "hi", "ta", "te", "sw"}
)
"""Languages in which doubling a word is part of the grammar."""


@dataclass(frozen=True, slots=True)
class Retake:
    """A proposal: the words of `dropped` are said again in `kept`; `score` in 0..1."""

    kind: Kind
    dropped: WordSpan
    kept: WordSpan
    score: float


def find_retakes(
    words: Sequence[Word], tokens: Sequence[str], fillers: Sequence[WordSpan], language: str | None
) -> list[Retake]:
    """
    Propose retakes, in order; dropped spans never overlap.

    Args:
        words: the words of the transcript, and `tokens` made of them by `tokenize`.
        fillers: filler words, which do not count as a difference between two attempts.
        language: ISO-639-1 or None.
    """
    return _Search(words, tokens, fillers, language).run()


class _Search:
    """Positions count the words that are neither fillers nor punctuation alone."""

    def __init__(
        self,
        words: Sequence[Word],
        tokens: Sequence[str],
        fillers: Sequence[WordSpan],
        language: str | None,
    ) -> None:
        skipped = {index for span in fillers for index in range(span.first, span.last + 1)}
        self.words, self.language = words, language
        self.index = [index for index, token in enumerate(tokens) if token and index not in skipped]
        self.tokens = [tokens[index] for index in self.index]
        texts = [words[index].word for index in self.index]
        broken = {text for text in set(texts) if text.rstrip(" .…").endswith(("-", "–", "—"))}
        self.broken_off = (
            {position for position, text in enumerate(texts) if text in broken} if broken else set()
        )
        # Where the two words at each position stood last, or -1.
        self.earlier: list[int] = []
        # The position behind a restart phrase: where the phrase begins.
        self.restarts = {last + 1: first for first, last in find_phrases(self.tokens, RESTARTS)}

    def run(self) -> list[Retake]:
        found: list[tuple[int, int, Retake]] = []
        for later in self._candidates():
            best = self._best(later)
            if best is None:
                continue
            first, retake = best
            # A take that was repeated as a whole includes the stutters within it.
            while found and (first <= found[-1][0] or self._begins_better(first, later, *found[-1][:2])):
                found.pop()
            if not found or first >= found[-1][1]:
                found.append((first, later, retake))
        return [retake for _, _, retake in found]

    def _begins_better(self, first: int, later: int, other_first: int, other_later: int) -> bool:
        """Whether it is the same repetition as another one that began too early, within a sentence."""
        same = later - first == other_later - other_first and first < other_later
        return same and self._ends_sentence(later - 1) and not self._ends_sentence(other_later - 1)

    def _candidates(self) -> list[int]:
        """Return the positions at which a repetition may start, in order."""
        if not self.tokens:
            return []
        numbers = {token: number for number, token in enumerate(dict.fromkeys(self.tokens))}
        codes = np.array([numbers[token] for token in self.tokens], np.int64)
        pairs = codes * (len(numbers) + 1) + np.append(codes[1:], len(numbers))
        earlier = _previous(pairs)
        again = (earlier >= 0) & (np.arange(len(codes)) - earlier <= LONGEST_WORDS)
        again[1:] |= codes[1:] == codes[:-1]
        behind = [position + 1 for position in self.broken_off if position + 1 < len(codes)]
        again[behind] = True
        self.earlier = earlier.tolist()
        return np.flatnonzero(again).tolist()

    def _best(self, later: int) -> tuple[int, Retake] | None:
        """The best attempt that ends where `later` begins, by its first position."""
        best: tuple[int, Retake] | None = None
        if later and (stutter := self._stutter(later)):
            best = later - 1, stutter
        first = later
        for _ in range(CANDIDATES):
            first = self.earlier[first]
            if (
                first < 0
                or later - first > LONGEST_WORDS
                or self._start(later) - self._start(first) > LONGEST_S
            ):
                break
            retake = self._repeat(first, later)
            if retake and (best is None or retake.score > best[1].score):
                best = first, retake
        return best

    def _start(self, position: int) -> float:
        return self.words[self.index[position]].start

    def _pause(self, later: int) -> float:
        return self._start(later) - self.words[self.index[later - 1]].end

    def _same_speaker(self, first: int, later: int) -> bool:
        return self.words[self.index[first]].speaker == self.words[self.index[later]].speaker

    def _stutter(self, later: int) -> Retake | None:
        """Return a word, or its beginning, that is repeated immediately."""
        earlier, token = self.tokens[later - 1], self.tokens[later]
        if not self._same_speaker(later - 1, later) or self._ends_sentence(later - 1):
            return None
        if later - 1 in self.broken_off and token.startswith(earlier):
            return self._retake("stutter", later - 1, later, later, 0.9)
        if earlier != token or self._is_doubled(token) or self._is_chant(later):
            return None
        return self._retake("stutter", later - 1, later, later, 0.9 if token in SMALL_WORDS else 0.65)

    def _is_chant(self, position: int) -> bool:
        """Whether a word is said so often in a row that it is meant: `word, word, word, word`."""
        token, reach = self.tokens[position], CHANT_WORDS - 1
        before = self.tokens[max(position - reach, 0) : position][::-1]
        behind = self.tokens[position + 1 : position + 1 + reach]
        row = sum(sum(1 for _ in takewhile(token.__eq__, side)) for side in (before, behind)) + 1
        return row >= CHANT_WORDS and token not in SMALL_WORDS

    def _is_doubled(self, token: str) -> bool:
        return token in DOUBLED or not token.isalpha() or (self.language or "") in REDUPLICATING

    def _repeat(self, first: int, later: int) -> Retake | None:
        """Return two or more words that are repeated."""
        end = self.restarts.get(later, later)
        restarted = end < later and end > first
        end = end if restarted else later
        attempt = self.tokens[first:end]
        length = len(attempt)
        if length < 2 or not self._same_speaker(first, later):
            return None
        again = self.tokens[later : later + length + 2]
        attempt = _completed(attempt, again)
        # A bound that costs little: most pairs end here.
        shared = frozenset(again)
        if sum(token in shared for token in attempt) < LEAST_COVERAGE * length:
            return None
        if (length == 2 and self._is_chain(first, *attempt)) or self._is_chant(later):
            return None
        matched, last_matched, reach = _align(attempt, again)
        coverage = matched / length
        complete = self._ends_sentence(end - 1)
        if coverage < LEAST_COVERAGE or not self._plausible(
            coverage, restarted, complete=complete, ends_alike=last_matched == length - 1, later=later
        ):
            return None
        score = coverage * LENGTH_SCORES[matched] if matched < len(LENGTH_SCORES) else coverage
        if complete and length <= 3 and not restarted:
            score -= 0.3  # "Thank you. Thank you."
        if restarted or self._pause(later) >= PAUSE_S:
            score += 0.1
        if score < LEAST_SCORE or self._is_rushed(first, end, later, later + reach + 1):
            return None
        return self._retake(
            "take" if complete else "falseStart", first, later, later + reach, round(min(score, 1.0), 3)
        )

    def _is_rushed(self, first: int, end: int, later: int, behind: int) -> bool:
        """Whether the words from `later` are too fast to have been said again."""
        attempt_s, again_s = self._seconds_per_word(first, end), self._seconds_per_word(later, behind)
        return again_s < LEAST_TIME * attempt_s

    def _seconds_per_word(self, first: int, behind: int) -> float:
        words = [self.words[index] for index in self.index[first:behind]]
        return sum(word.end - word.start for word in words) / len(words)

    def _is_chain(self, first: int, one: str, other: str) -> bool:
        """`again and again and again`, `one by one by one`."""
        before = self.tokens[first - 1] if first else ""
        return one == other or other in LINKS or (one in LINKS and before == other)

    def _plausible(
        self, coverage: float, restarted: bool, *, complete: bool, ends_alike: bool, later: int
    ) -> bool:
        if restarted or coverage == 1.0:
            return True
        if complete and not ends_alike:
            return False  # "… on the beaches. We shall fight on the landing grounds."
        return self._pause(later) >= PAUSE_S or (ends_alike and coverage >= 0.85)

    def _ends_sentence(self, position: int) -> bool:
        word = self.words[self.index[position]].word.strip().rstrip(CLOSING_QUOTES)
        return word.endswith(SENTENCE_MARKS) and not word.endswith(("...", "…"))

    def _retake(self, kind: Kind, first: int, later: int, last: int, score: float) -> Retake:
        index = self.index
        dropped = span_of(self.words, index[first], index[later] - 1, score)
        return Retake(kind, dropped, span_of(self.words, index[later], index[last], score), score)


def _previous(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The index at which each value stood last; -1 where it is the first one."""
    order = np.argsort(values, kind="stable")
    same = values[order[1:]] == values[order[:-1]]
    previous = np.full(len(values), -1, np.int64)
    previous[order[1:][same]] = order[:-1][same]
    return previous


def _completed(attempt: list[str], again: Sequence[str]) -> list[str]:
    """An attempt that breaks off within a word, with the whole word: `rather cold, rather coldhearted`."""
    last, place = attempt[-1], len(attempt) - 1
    if len(attempt) < LEAST_BROKEN_WORDS or len(last) < LEAST_BROKEN_LETTERS or last in again:
        return attempt
    whole = again[place] if place < len(again) else ""
    return [*attempt[:-1], whole] if whole.startswith(last) else attempt


def _align(attempt: Sequence[str], again: Sequence[str]) -> tuple[int, int, int]:
    """
    The longest common subsequence of two runs: its length, and the last index that it uses in each.

    Bit-parallel (Hyyrö 2004): a zero bit of `unmatched` is a place in `again` where the length grows.
    """
    places: dict[str, int] = {}
    for place, token in enumerate(again):
        places[token] = places.get(token, 0) | 1 << place
    every = (1 << len(again)) - 1
    unmatched, length, last = every, 0, 0
    for index, token in enumerate(attempt):
        hit = unmatched & places.get(token, 0)
        unmatched = (unmatched + hit | unmatched - hit) & every
        grown = len(again) - unmatched.bit_count()
        if grown > length:
            length, last = grown, index
    return length, last, (every ^ unmatched).bit_length() - 1
