from __future__ import annotations

import math
from dataclasses import replace
from itertools import accumulate, combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.exports.cues import Cue, CueRules, _cheapest_cuts, cut_cues
from audio_tools.exports.text import clean, width
from audio_tools.transcript import Word
from audio_tools.words.script import join_words

RULES = CueRules()
ROUNDING = 1.1e-4  # times are cut to a tenth of a millisecond

SAMPLES = str.split(
    """
    I a the and but so, well, yes. No! Really? because of in on Dr. Smith J. 42 1984 U.S. — - … ... , . ?
    extraordinarily, incomprehensibilities https://example.org/a/rather/long/address/that/fills/more/than/a/line
    日本 語 今天 天气， 很好。 한국어 สวัสดี ครับ שלום مرحبا، नमस्ते। 👩‍👩‍👧 é <b> & {x} -->
    """
)
texts = st.sampled_from(SAMPLES) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=50)
pauses = st.sampled_from([0.0, 0.0, 0.0001, 0.05]) | st.floats(0, 0.4) | st.floats(0, 4)
durations = st.sampled_from([0.0001, 0.01, 9.0]) | st.floats(0.05, 0.6) | st.floats(0.0001, 3)


@st.composite
def spoken_words(draw: st.DrawFn) -> list[Word]:
    """Words in order of time that do not overlap: run together or far apart, flashing by or drawn out."""
    steps = draw(st.lists(st.tuples(texts, pauses, durations), max_size=60))
    clock, words = 0.0, []
    for text, pause, duration in steps:
        start = clock + pause
        clock = start + duration
        words.append(Word(text, start, clock))
    return words


def speak(text: str, letters_per_s: float = 15.0, start: float = 0.0) -> list[Word]:
    """The words of `text` said one right after the other; `|` is a pause of 0.3 s, `||` of 1.2 s."""
    words, clock = [], start
    for token in text.split():
        if token.strip("|"):
            duration = (len(token) + 1) / letters_per_s
            words.append(Word(token, clock, clock + duration))
            clock += duration
        else:
            clock += {"|": 0.3, "||": 1.2}[token]
    return words


def letters(text: str) -> str:
    return "".join(text.split())


def words_by_cue(words: list[Word], cues: list[Cue]) -> list[list[Word]]:
    """The words of each cue, found by its letters alone."""
    spoken = [word for word in words if clean(word.word)]
    stops = list(accumulate((len(letters("".join(cue.lines))) for cue in cues), initial=0))
    reach = list(accumulate((len(letters(word.word)) for word in spoken), initial=0))
    return [spoken[reach.index(left) : reach.index(right)] for left, right in pairwise(stops)]


def screens(words: list[Word]) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cut_cues(words)]


@given(spoken_words())
def test_every_word_is_shown_once_in_order_and_whole(words: list[Word]) -> None:
    """The lines of all cues are the words; a line holds whole words, joined as their script is."""
    cues = cut_cues(words)
    lines = [line for cue in cues for line in cue.lines]
    spoken = [clean(word.word) for word in words if clean(word.word)]

    assert letters("".join(lines)) == letters("".join(spoken))
    for line in lines:
        n_words = next(n for n in range(1, len(spoken) + 1) if join_words(spoken[:n]) == line)
        del spoken[:n_words]
    assert spoken == []


@given(spoken_words())
def test_a_cue_has_one_or_two_lines_that_fit(words: list[Word]) -> None:
    """A line is at most 42 cells wide, except for a single word that is wider."""
    spoken = {clean(word.word) for word in words}

    for cue in cut_cues(words):
        assert 1 <= len(cue.lines) <= 2
        assert all(width(line) <= RULES.line_cells or line in spoken for line in cue.lines)
        assert all(line.strip() for line in cue.lines)


@given(spoken_words())
def test_a_cue_appears_with_its_first_word_and_goes_before_the_next(words: list[Word]) -> None:
    """Cues are in order and never overlap; two frames stay free wherever the words leave them."""
    cues = cut_cues(words)
    groups = words_by_cue(words, cues)

    starts = [group[0].start for group in groups]
    assert [cue.start for cue in cues] == pytest.approx(starts, abs=ROUNDING)
    assert all(cue.start < cue.end for cue in cues)
    for (cue, following), group in zip(pairwise(cues), groups, strict=False):
        assert cue.end <= following.start
        assert cue.end <= max(group[-1].end, following.start - RULES.gap_s) + ROUNDING


@pytest.mark.slow
@given(spoken_words())
def test_a_cue_stays_for_its_words_and_not_much_longer(words: list[Word]) -> None:
    """
    To 0.5 s after its last word, longer only to be read or to close a small gap; more than 7 s only for a
    word that lasts longer.
    """
    cues = cut_cues(words)

    for cue, later, group in zip(cues, [*cues, None][1:], words_by_cue(words, cues), strict=True):
        reading_s = width(join_words(cue.lines)) / RULES.max_cps
        wanted = max(group[-1].end + RULES.hold_s, cue.start + max(RULES.min_s, reading_s) + 0.001)
        closes_gap = later is not None and later.start - RULES.gap_s == pytest.approx(cue.end)
        assert cue.end <= wanted + ROUNDING or closes_gap
        assert cue.end - cue.start <= RULES.max_s + ROUNDING or len(group) == 1
        assert cue.end >= group[-1].end - ROUNDING


@given(spoken_words())
def test_a_pause_of_a_second_ends_a_cue(words: list[Word]) -> None:
    """No cue holds words from both sides of a real pause."""
    for group in words_by_cue(words, cut_cues(words)):
        assert all(right.start - left.end < RULES.pause_s + ROUNDING for left, right in pairwise(group))


@given(spoken_words())
def test_a_cue_is_too_short_only_where_nothing_else_is_possible(words: list[Word]) -> None:
    """Under 5/6 s on the screen: the next words follow at once, and it fits with neither neighbour."""
    cues = cut_cues(words)
    groups = words_by_cue(words, cues)

    for number, cue in enumerate(cues):
        if cue.end - cue.start >= RULES.min_s - ROUNDING:
            continue
        assert cue.end >= cues[number + 1].start - RULES.gap_s - ROUNDING
        for left, right in pairwise(groups[max(0, number - 1) : number + 2]):
            assert not fits_one_cue(left + right)


def fits_one_cue(words: list[Word]) -> bool:
    """Whether the rules allow a cue of these words, tried by cutting the lines everywhere."""
    spoken = [clean(word.word) for word in words]
    pieces = [[spoken], *([spoken[:cut], spoken[cut:]] for cut in range(1, len(spoken)))]
    return (
        words[-1].end - words[0].start <= RULES.max_s
        and all(right.start - left.end < RULES.pause_s for left, right in pairwise(words))
        and any(
            all(len(piece) == 1 or width(join_words(piece)) <= RULES.line_cells for piece in lines)
            for lines in pieces
        )
    )


@given(spoken_words(), st.floats(0, 5))
def test_no_cue_outstays_the_media(words: list[Word], tail: float) -> None:
    """The last cue ends with the media, however long it would like to stay."""
    media_end = (words[-1].end if words else 0.0) + tail

    assert all(cue.end <= media_end for cue in cut_cues(words, media_end=media_end))


@given(st.integers(1, 7), st.data())
def test_the_cheapest_chain_of_cues_is_found(n_words: int, data: st.DataObject) -> None:
    """No other way to cut the words has a lower sum of prices."""
    earliest = sorted(data.draw(st.lists(st.integers(0, n_words - 1), min_size=n_words, max_size=n_words)))
    earliest = [0, *(min(first, stop) for stop, first in enumerate(earliest))]
    prices = data.draw(st.lists(st.floats(0, 10), min_size=n_words**2, max_size=n_words**2))

    def price(first: int, stop: int) -> float:
        return prices[first * n_words + stop - 1]

    def total(cuts: tuple[int, ...]) -> float:
        return sum(
            price(first, stop) if first >= earliest[stop] else math.inf for first, stop in pairwise(cuts)
        )

    everywhere = [
        total((0, *inner, n_words)) for n in range(n_words) for inner in combinations(range(1, n_words), n)
    ]

    assert total(tuple(_cheapest_cuts(n_words, earliest, price))) == pytest.approx(min(everywhere))


def test_a_speech_is_cut_where_an_editor_would_cut_it() -> None:
    """Cues end with sentences and clauses, lines before conjunctions and prepositions."""
    words = speak(
        """
        Four score and seven years ago our fathers brought forth on this continent, | a new nation, |
        conceived in Liberty, | and dedicated to the proposition that all men are created equal. ||
        Now we are engaged in a great civil war, | testing whether that nation, | or any nation so conceived
        and so dedicated, | can long endure. || It is altogether fitting and proper that we should do this.
        """
    )

    assert screens(words) == [
        ("Four score and seven years ago our fathers", "brought forth on this continent,"),
        ("a new nation, conceived in Liberty,",),
        ("and dedicated to the proposition", "that all men are created equal."),
        ("Now we are engaged in a great civil war,", "testing whether that nation,"),
        ("or any nation so conceived", "and so dedicated, can long endure."),
        ("It is altogether fitting", "and proper that we should do this."),
    ]


def test_words_without_punctuation_are_cut_at_joining_words() -> None:
    """Some engines give bare words; conjunctions, prepositions and pauses still make readable cues."""
    words = speak(
        """
        so the first thing you want to do is open the project panel and drag the clip onto the timeline then
        you press the c key to get the razor tool || after that you can delete the silence and move
        everything to the left
        """
    )

    assert screens(words) == [
        ("so the first thing you want", "to do is open the project panel"),
        ("and drag the clip onto the timeline",),
        ("then you press the c key", "to get the razor tool"),
        ("after that you can delete the silence", "and move everything to the left"),
    ]


def test_a_short_answer_shares_a_cue_and_a_long_sentence_does_not() -> None:
    """Sentences too short to read alone are put together; one that can stand alone does."""
    words = speak(
        """
        So, what do you think? Yeah. | I mean, honestly, I don't know. | Maybe we should just ask Jane first.
        """
    )

    assert screens(words) == [
        ("So, what do you think? Yeah.",),
        ("I mean, honestly, I don't know.",),
        ("Maybe we should just ask Jane first.",),
    ]


def test_sentences_that_would_rush_by_share_a_cue() -> None:
    """Each would stay for more than a second, but one cue of both is calmer to read."""
    words = speak("I know the man. | He is my friend. || Thank you.", letters_per_s=13.0)

    assert screens(words) == [("I know the man. He is my friend.",), ("Thank you.",)]


def test_a_short_sentence_does_not_flash_by() -> None:
    """Where the next sentence follows at once, it shares the cue even if that sentence is cut for it."""
    words = speak("Yes. Nobody ever wants tiny purple elephants standing around inside cathedral kitchens")

    assert screens(words) == [
        ("Yes.", "Nobody ever wants tiny purple elephants"),
        ("standing around inside cathedral kitchens",),
    ]


@pytest.mark.parametrize("start", [0.0, 0.4, 1.3])
def test_where_words_are_cut_does_not_depend_on_the_clock(start: float) -> None:
    """A cue held to exactly a second is long enough, however its times are rounded."""
    words = [Word("Certainly.", start, start + 0.4), *speak("We can leave now.", start=start + 1.3)]

    assert screens(words) == [("Certainly.",), ("We can leave now.",)]


def test_a_pause_is_a_place_to_cut_without_any_other() -> None:
    """Where nothing else speaks for a place, the longest pause does; a short one alone parts no short cue."""
    left = speak("nobody ever wants tiny purple elephants")
    right = speak("standing around inside cathedral kitchens", start=left[-1].end + 0.8)
    together = speak("nobody ever wants tiny purple elephants | standing around inside cathedral kitchens")

    assert screens(left + right) == [
        ("nobody ever wants tiny purple elephants",),
        ("standing around inside cathedral kitchens",),
    ]
    assert len(screens(together)) == 1


def test_a_pause_outweighs_a_conjunction() -> None:
    """What fills two cues is cut at the pause in it, though a word to cut before stands close by."""
    left = speak("everybody came early bringing chairs blankets candles")
    right = speak("standing around and eating cold leftover pizza outside", start=left[-1].end + 0.8)

    assert [" ".join(lines) for lines in screens(left + right)] == [
        "everybody came early bringing chairs blankets candles",
        "standing around and eating cold leftover pizza outside",
    ]


def test_two_lines_are_even_and_the_lower_one_is_longer() -> None:
    """Without a better place, lines part in the middle; of two such ways the top line takes the shorter."""
    even = "nobody ever wants tiny purple elephants near tall cathedrals"
    triple = "extraordinarily incomprehensible misunderstandings"

    assert screens(speak(even)) == [("nobody ever wants tiny purple", "elephants near tall cathedrals")]
    assert screens(speak(triple)) == [("extraordinarily", "incomprehensible misunderstandings")]


def test_a_word_from_before_the_clock_starts_with_it() -> None:
    """Audio may begin a few milliseconds before the picture; no cue has a negative start."""
    assert cut_cues([Word("Hello.", -0.02, 1.5)]) == [Cue(0.0, 2.0, ("Hello.",))]


def test_an_answer_between_pauses_stays_long_enough() -> None:
    """A lone short word is held for 5/6 s, which is more than 0.5 s past its end, but no longer."""
    words = [Word("Yes.", 2.0, 2.2), Word("Good.", 9.0, 9.75)]

    assert cut_cues(words) == [Cue(2.0, 2.834, ("Yes.",)), Cue(9.0, 10.25, ("Good.",))]


def test_chinese_has_half_the_characters_on_a_line_and_no_spaces() -> None:
    """Wide characters count double, and lines break at the punctuation of the script."""
    words = speak(
        "今天 天气 很好， 所以 我们 决定 一起 去 公园 散步， 顺便 看看 湖边 的 花 开 了 没有。",
        letters_per_s=9,
    )

    assert screens(words) == [("今天天气很好，所以我们决定一起去公园散步，", "顺便看看湖边的花开了没有。")]


def test_an_address_wider_than_a_line_stays_whole() -> None:
    """A word that fits no line has one of its own."""
    address = "https://example.org/a/rather/long/address/that/fills/more/than/a/line"

    assert screens(speak(f"You will find it at {address}", 40.0)) == [("You will find it at", address)]


def test_a_cue_has_one_speaker() -> None:
    """Another one begins another cue, however short both are."""
    words = [
        replace(word, speaker=speaker)
        for word, speaker in zip(speak("Is it? It is. Good."), "AABBA", strict=True)
    ]

    assert [(cue.speaker, cue.lines) for cue in cut_cues(words)] == [
        ("A", ("Is it?",)),
        ("B", ("It is.",)),
        ("A", ("Good.",)),
    ]


def test_no_words_make_no_cues() -> None:
    """Neither an empty transcript nor one of blank words shows anything."""
    assert cut_cues([]) == []
    assert cut_cues([Word(" \n", 0.0, 0.5)]) == []
