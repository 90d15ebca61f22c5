"""Find known words in samples with PocketSphinx; runs in the child process of `process.py` only."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from audio_tools.alignment.pocketsphinx.g2p import pronounce
from audio_tools.alignment.pocketsphinx.pronunciations import Spoken
from audio_tools.audio.pcm import FRAME_S, SAMPLE_RATE_HZ, Pcm

SEARCH: dict[str, Any] = {"lm": None, "lw": 1.0, "wip": 5.0, "loglevel": "FATAL", "samprate": SAMPLE_RATE_HZ}
"""
By the names of PocketSphinx. The text is known, so the sounds alone decide (`lw`), and a small bonus for each
word (`wip`) makes up for silence, which fits steady noise better than words do.
"""
WIDE_BEAMS = {"beam": 1e-100, "pbeam": 1e-100, "wbeam": 1e-75}
"""How unlikely a path may become, relative to the best, before it is pruned; defaults 1e-48 and 7e-29."""

HESITATIONS = {"[um]": "AH M", "[uh]": "AH"}
"""
Hesitations that engines leave out: pronunciations by the names that the search uses.

Without it, the next word is stretched over it. Not in a wide search, which would take four times as long.
"""
HESITATION_PROBABILITY = 1e-20
"""Measured: with more than 1e-8 wrong texts pass for right ones, with less than 1e-30 none is ever found."""
HESITATING_WORDS = {"um", "uh", "er", "erm", "hm", "mm"}
"""Beside these words the text already contains the hesitation."""

DITHER = 4
"""
Amplitude of the added noise in steps of the last bit, -80 dBFS: in digital silence the model recognizes
words.

It is the same for the same number of samples, and so are the results.
"""
LEAST_LIKELIHOOD = 1e-300
SHORTEST_SAMPLES = SAMPLE_RATE_HZ // 40
"""One window of the model's spectrum, 25 ms; PocketSphinx fails on no samples at all."""

_FILLER = re.compile(r"[<\[(]")
_PRONUNCIATION = re.compile(r"\(\d+\)$")

Transition = tuple[int, int, float] | tuple[int, int, float, str]


@dataclass(frozen=True, slots=True)
class Found:
    """
    Where a word was found: its position among the words asked for, seconds from the start of the samples.

    `score`: the mean log likelihood of a frame, relative to the best that any sound would have had: 0 is
    perfect, true words lie about -1.5, words that were never said about -5.
    """

    position: int
    start: float
    end: float
    score: float

    def shifted(self, positions: int, seconds: float) -> Found:
        """The same, counted from an earlier word and an earlier moment."""
        return Found(self.position + positions, self.start + seconds, self.end + seconds, self.score)


@dataclass(frozen=True, slots=True)
class _Token:
    """A word of the dictionary, in frames from the start (the last one included)."""

    text: str
    first: int
    last: int
    score: float


class Sphinx:
    """The US English model that PocketSphinx ships, in memory; about 60 MB, 30 more with the wide beams."""

    def __init__(self) -> None:
        self._decoders: dict[bool, Any] = {}

    def find(self, pcm: Pcm, ways: Sequence[Sequence[Spoken]], entries: int, wide: bool) -> list[Found]:
        """
        Find an unbroken row of the given words in samples of at most half a minute.

        Args:
            pcm: the samples; not much besides speech.
            ways: the ways to say each word, at least one, from `spelling.spell`.
            entries: how many of the first words the row may start at, 1 to the number of words; it may end
                anywhere.
            wide: search longer; costs about five times as much.

        Returns:
            The row in order; empty where nothing fits at all.
        """
        if len(pcm) < SHORTEST_SAMPLES:
            return []
        decoder = self._decoder(wide)
        for token in {token for word in ways for way in word for token in way}:
            if decoder.lookup_word(token) is None:
                decoder.add_word(token, pronounce(token), False)
        start, final, transitions = _grammar(ways, entries, hesitating=not wide)
        decoder.add_fsg("words", decoder.create_fsg("words", start, final, transitions))
        decoder.activate_search("words")
        # The noise that it has come to expect in earlier samples would change what it finds in these.
        decoder.reinit_feat()
        decoder.start_utt()
        # As one utterance, for the model takes the mean of it all as its zero.
        decoder.process_raw(_dithered(pcm).tobytes(), full_utt=True)
        decoder.end_utt()
        return _read(list(_tokens(decoder)), ways, entries)

    def _decoder(self, wide: bool) -> Any:
        if wide not in self._decoders:
            from pocketsphinx import Decoder

            decoder = Decoder(**SEARCH, **(WIDE_BEAMS if wide else {}))
            for name, sounds in HESITATIONS.items():
                decoder.add_word(name, sounds, False)
            self._decoders[wide] = decoder
        return self._decoders[wide]


def _dithered(pcm: Pcm) -> Pcm:
    noise = np.random.default_rng(len(pcm)).integers(-DITHER, DITHER, len(pcm), endpoint=True)
    return np.asarray(np.clip(pcm + noise, -32768, 32767), np.int16)


def _grammar(
    ways: Sequence[Sequence[Spoken]], entries: int, hesitating: bool
) -> tuple[int, int, list[Transition]]:
    """The start state, the final state and all transitions; state `n` lies before word `n`."""
    final = len(ways)
    transitions: list[Transition] = [(state, final, 1.0) for state in range(final)]
    transitions += [
        (state, state, HESITATION_PROBABILITY, name)
        for state in range(final + 1 if hesitating else 0)
        if not any(_hesitates(word) for word in ways[max(state - 1, 0) : state + 1])
        for name in HESITATIONS
    ]
    free = final + 1
    for position, word in enumerate(ways):
        for way in word:
            inner = list(range(free, free + len(way) - 1))
            free += len(inner)
            states = [position, *inner, position + 1]
            transitions += [(states[i], states[i + 1], 1.0, token) for i, token in enumerate(way)]
    if entries == 1:
        return 0, final, transitions
    return free, final, transitions + [(free, state, 1.0) for state in range(entries)]


def _hesitates(word: Sequence[Spoken]) -> bool:
    return any(token in HESITATING_WORDS for way in word for token in way)


def _tokens(decoder: Any) -> Iterator[_Token]:
    """What was found, without pauses, noises and hesitations."""
    if decoder.hyp() is None:
        return
    for segment in decoder.seg():
        if not _FILLER.match(segment.word):
            frames = segment.end_frame - segment.start_frame + 1
            score = math.log(max(segment.ascore, LEAST_LIKELIHOOD)) / frames
            name = _PRONUNCIATION.sub("", segment.word)
            yield _Token(name, segment.start_frame, segment.end_frame, score)


def _read(tokens: Sequence[_Token], ways: Sequence[Sequence[Spoken]], entries: int) -> list[Found]:
    """Return which word each token belongs to."""
    for first in range(entries):
        sizes = _split(tuple(token.text for token in tokens), ways[first:])
        if sizes is not None:
            break
    else:
        return []
    found, position = [], 0
    for number, size in enumerate(sizes):
        part = tokens[position : position + size]
        position += size
        weights = [token.last - token.first + 1 for token in part]
        score = float(np.average([token.score for token in part], weights=weights))
        found.append(Found(first + number, part[0].first * FRAME_S, (part[-1].last + 1) * FRAME_S, score))
    return found


def _split(tokens: Spoken, ways: Sequence[Sequence[Spoken]]) -> tuple[int, ...] | None:
    """How many tokens each of the first words takes, if the tokens can be read as these words at all."""
    reached: dict[int, tuple[int, ...]] = {0: ()}
    for word in ways:
        if len(tokens) in reached:
            break
        reached = {
            position + len(way): (*sizes, len(way))
            for position, sizes in reached.items()
            for way in word
            if tokens[position : position + len(way)] == way
        }
    return reached.get(len(tokens)) if tokens else None
