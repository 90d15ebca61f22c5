"""Fillers, retakes and profanity in the words of a transcript."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from audio_tools.exports.fillers import FILLERS, find_fillers
from audio_tools.exports.phrases import normalize, tokenize
from audio_tools.exports.profanity import find_profanity, mask
from audio_tools.exports.retakes import Retake, find_retakes
from audio_tools.transcript import Word
from tests.exports.material import say

DOCS = Path(__file__).parents[2] / "docs"


def fillers_of(text: str, language: str | None = "en", own: list[str] | None = None) -> list[str]:
    words = say(text)
    return [span.text for span in find_fillers(words, tokenize(words), language, own)]


def retakes_of(text: str, language: str | None = "en") -> list[Retake]:
    words = say(text)
    tokens = tokenize(words)
    return find_retakes(words, tokens, find_fillers(words, tokens, language), language)


def dropped(text: str, language: str | None = "en") -> list[str]:
    return [retake.dropped.text for retake in retakes_of(text, language)]


def test_fillers_are_found_however_they_are_written() -> None:
    """With punctuation, capitals, stretched; words that only look like them are not."""
    assert fillers_of("Um, I uh... think, uhhh, so, ummm. The umbrella, Uhura!") == [
        "Um,",
        "uh...",
        "uhhh,",
        "ummm.",
    ]


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("de", "Ich, äh, weiß ähm nicht.", ["äh,", "ähm"]),
        ("fr", "Je euh ne sais pas.", ["euh"]),
        ("ja", "えーと 今日 は", ["えーと"]),
        ("en", "Je euh ne sais pas.", []),
        ("xx", "um uh", []),
        (None, "um uh", ["um", "uh"]),
    ],
)
def test_fillers_are_those_of_the_language(language: str | None, text: str, found: list[str]) -> None:
    """Of a language without a list none; of an unknown one the English ones."""
    assert fillers_of(text, language) == found


def test_an_own_list_stands_in_for_that_of_the_language() -> None:
    """Phrases too; the longest one wins."""
    assert fillers_of("You know, um, I mean, you know what.", own=["you know", "you know what"]) == [
        "You know,",
        "you know what.",
    ]


def test_listed_words_are_normalized() -> None:
    """Else they would never be found."""
    assert [word for words in FILLERS.values() for word in words if normalize(word) != word] == []


def test_profanity_is_found_and_masked() -> None:
    """In the language, with its punctuation; or by an own list."""
    words = say("What the Fuck, mate? Darn.")
    tokens = tokenize(words)

    assert [span.text for span in find_profanity(words, tokens, "en")] == ["Fuck,"]
    assert [span.text for span in find_profanity(words, tokens, "en", ["darn"])] == ["Darn."]
    assert find_profanity(words, tokens, "ja") == []
    assert mask(words, find_profanity(words, tokens, "en"))[2].word == "F***,"


@pytest.mark.parametrize(
    ("text", "first_attempts"),
    [
        ("I I think so.", ["I"]),
        ("We went to the the store.", ["the"]),
        ("We wen- went home.", ["wen-"]),
        ("I went to | I went to the store.", ["I went to"]),
        ("I think the um I think the blue car won.", ["I think the um"]),
        ("I think the red | I think the blue car won.", ["I think the red"]),
        ("Today we cook rice. | Today we cook rice.", ["Today we cook rice."]),
        ("Today we cook rise. sorry Today we cook rice.", ["Today we cook rise. sorry"]),
        ("Unless it is cold, unless it is cold-hearted to ask.", ["Unless it is cold,"]),
        ("I I I I I think so.", ["I", "I", "I", "I"]),
        ("Take the big one Take the big one Take the big one now.", ["Take the big one", "Take the big one"]),
    ],
)
def test_attempts_that_are_repeated_are_proposed(text: str, first_attempts: list[str]) -> None:
    """Stutters, false starts and takes; the last one stays."""
    assert dropped(text) == first_attempts


@pytest.mark.parametrize(
    "text",
    [
        "It was very very good. No, no, no.",
        "I know that that is true. He had had enough.",
        "We shall fight on the beaches. | We shall fight on the landing grounds.",
        "It went on again and again and again.",
        "We like it. It works.",
        "The king of the hill and the queen of the hill met.",
        "One by one by one they left.",
        "To be or not to be.",
        "Here is a word, word, word, word, word.",
    ],
)
def test_what_is_said_twice_on_purpose_is_not_proposed(text: str) -> None:
    """Emphasis, grammar and rhetoric."""
    assert dropped(text) == []


def test_a_question_that_another_speaker_repeats_stays() -> None:
    """It is an answer."""
    words = [
        Word(word.word, word.start, word.end, speaker="A" if index < 3 else "B")
        for index, word in enumerate(say("We are late. We are late."))
    ]

    assert find_retakes(words, tokenize(words), [], "en") == []


def test_doubled_words_are_grammar_in_some_languages() -> None:
    """Indonesian plurals."""
    assert dropped("anak anak bermain", "id") == []


def test_a_retake_names_both_attempts() -> None:
    """By the indexes of their words, with a kind and a score."""
    (retake,) = retakes_of("Well, I went to | I went to the store.")

    assert (retake.kind, retake.dropped.first, retake.dropped.last) == ("falseStart", 1, 3)
    assert (retake.kept.first, retake.kept.last, retake.kept.text) == (4, 6, "I went to")
    assert 0.6 <= retake.score <= 1.0


@pytest.mark.parametrize(("seconds_per_word", "proposed"), [(0.04, 0), (0.15, 1), (0.3, 1)])
def test_words_too_fast_to_be_spoken_do_not_replace_an_attempt(
    seconds_per_word: float, proposed: int
) -> None:
    """An engine may finish a sentence that the recording breaks off; its words have next to no time."""
    text = "This loophole is easily exploited by gangs"
    words = [Word(word, 0.3 * number, 0.3 * number + 0.3) for number, word in enumerate(text.split())]
    again = [
        Word(word.word, 3.0 + seconds_per_word * number, 3.0 + seconds_per_word * (number + 1))
        for number, word in enumerate(words)
    ]
    both = [*words, *again]

    assert len(find_retakes(both, tokenize(both), [], "en")) == proposed


def sentences_of_the_documentation() -> list[list[str]]:
    found = []
    for page in sorted(DOCS.glob("*.md")):
        text = re.sub(r"```.*?```|\[[^\]]*\]\([^)]*\)", "", page.read_text(), flags=re.DOTALL)
        lines = [line for line in text.splitlines() if line and line[0].isalpha() and "`" not in line]
        for sentence in re.split(r"(?<=[.!?])\s+", " ".join(lines)):
            words = [word for word in sentence.split() if any(map(str.isalpha, word))]
            if 6 <= len(words) <= 25 and sentence.endswith("."):
                found.append(words)
    return found


def spliced(sentences: list[list[str]], seed: int) -> tuple[list[Word], list[tuple[int, int]]]:
    """The sentences with takes, false starts and stutters put in, and where these are."""
    random_choice = random.Random(seed)
    words: list[Word] = []
    wanted: list[tuple[int, int]] = []

    def speak(texts: list[str], pause_s: float) -> tuple[int, int]:
        clock = (words[-1].end if words else 0.0) + pause_s
        first = len(words)
        words.extend(say(" ".join(texts), start=clock))
        return first, len(words) - 1

    for sentence in sentences:
        kind = random_choice.choice(["take", "start", "stutter", "", "", "", ""])
        if kind == "take":
            attempt = list(sentence)
            if random_choice.random() < 0.5:
                attempt[random_choice.randrange(2, len(attempt) - 1)] = "something"
            wanted.append(speak(attempt, 0.5))
        elif kind == "start":
            attempt = sentence[: random_choice.randint(2, 5)]
            more = random_choice.choice([[], [], ["um"], ["sorry"]])
            wanted.append(speak([*attempt, *more], 0.5))
        small = [index for index, word in enumerate(sentence) if word in {"the", "a", "of", "to", "in", "it"}]
        if kind == "stutter" and small:
            place = random_choice.choice(small)
            speak(sentence[:place], 0.5)
            wanted.append(speak([sentence[place]], 0.05))
            speak(sentence[place:], 0.05)
        else:
            speak(sentence, 0.4)
    return words, wanted


def test_spliced_retakes_are_found() -> None:
    """F1 of at least 0.95 over takes, false starts and stutters put into sentences of the documentation."""
    sentences = sentences_of_the_documentation()
    hits = proposals = spliced_in = 0
    for seed in range(16):
        words, wanted = spliced(sentences, seed)
        tokens = tokenize(words)
        found = find_retakes(words, tokens, find_fillers(words, tokens, "en"), "en")
        spans = {(retake.dropped.first, retake.dropped.last) for retake in found}
        hits += len(spans & {*wanted})
        proposals += len(spans)
        spliced_in += len(wanted)

    assert spliced_in > 100
    assert 2 * hits / (proposals + spliced_in) >= 0.95
