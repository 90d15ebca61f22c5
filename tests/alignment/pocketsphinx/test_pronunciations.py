"""Written words as they are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.alignment.pocketsphinx.g2p import pronounce
from audio_tools.alignment.pocketsphinx.pronunciations import MOST_WAYS, spoken_forms

PHONES = {
    *[
        "AA",
        "AE",
        "AH",
        "AO",
        "AW",
        "AY",
        "B",
        "CH",
        "D",
        "DH",
        "EH",
        "ER",
        "EY",
        "F",
        "G",
        "HH",
        "IH",
        "IY",
        "JH",
    ],
    *[
        "K",
        "L",
        "M",
        "N",
        "NG",
        "OW",
        "OY",
        "P",
        "R",
        "S",
        "SH",
        "T",
        "TH",
        "UH",
        "UW",
        "V",
        "W",
        "Y",
        "Z",
        "ZH",
    ],
}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Hello,", "hello"),
        ("don’t", "don't"),
        ("'quoted'", "quoted"),
        ("well-known", "well known"),
        ("Café", "cafe"),
        ("U.S.", "u s"),
        ("R&B", "r and b"),
        ("10", "ten"),
        ("1813.", "eighteen thirteen"),
        ("1905", "nineteen oh five"),
        ("1990s", "nineteen nineties"),
        ("1,250", "one thousand two hundred and fifty"),
        ("101", "a hundred and one"),
        ("007", "oh oh seven"),
        ("21st", "twenty first"),
        ("20th", "twentieth"),
        ("10:30", "ten thirty"),
        ("3.14", "three point one four"),
        ("50%", "fifty percent"),
        ("$5", "five dollars"),
        ("$1", "one dollar"),
        ("$5.20,", "five dollars and twenty cents"),
        ("£1.5m", "one point five million pounds"),
    ],
)
def test_a_written_word_is_said_this_way_among_others(written: str, said: str) -> None:
    """Numbers, money, abbreviations and compounds have the ways in which people say them."""
    assert tuple(said.split()) in spoken_forms(written)


@pytest.mark.parametrize("written", ["—", "...", "♪", "", "日本"])
def test_what_is_not_said_has_no_way(written: str) -> None:
    """A dash is no word, and what cannot be read is not guessed at."""
    assert spoken_forms(written) == []


@pytest.mark.slow
@given(st.text(max_size=40))
def test_any_text_has_few_ways_of_clean_words(written: str) -> None:
    """Whatever an engine writes: letters and inner apostrophes, and not too many ways."""
    ways = spoken_forms(written)

    assert len(ways) == len(set(ways)) <= MOST_WAYS
    for token in (token for way in ways for token in way):
        assert token.replace("'", "").isascii()
        assert token.replace("'", "").isalpha()
        assert pronounce(token)


@given(st.from_regex(r"[a-z']{1,24}", fullmatch=True))
def test_every_word_can_be_pronounced(word: str) -> None:
    """The sounds are those of the model, whatever the letters."""
    assert set(pronounce(word).split()) <= PHONES


def test_unknown_words_sound_about_right() -> None:
    """Names get their consonants, abbreviations are spelt out."""
    assert pronounce("wentworth") == "W EH N T W AO R TH"
    assert pronounce("pdf") == "P IY D IY EH F"
    assert pronounce("lightroom") == "L AY T R UW M"
