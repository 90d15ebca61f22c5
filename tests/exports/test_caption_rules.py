"""Captions keep the rules of their guide, or the report lists the ones they break."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.exports.caption_report import BrokenRule, check_cues
from audio_tools.exports.caption_rules import PRESETS, Preset, caption_rules
from audio_tools.exports.cues import Cue, CueRules, cut_cues
from audio_tools.exports.subtitles import to_srt
from audio_tools.exports.text import width
from audio_tools.transcript import Word
from audio_tools.words.script import join_words

RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(60000, 1001)]
TEXTS = {
    script: text.split()
    for script, text in {
        "latin": "I a the so, well, Really? because extraordinarily, Dr. Smith 1984 incomprehensibilities",
        "chinese": "日本 語 今天 天气， 很好。 我们 决定 公园",
        "japanese": "これ は とても 長い 話 です。 コーヒー を",
        "korean": "한국어 자막은 정말 길어요. 그래서",
        "thai": "สวัสดี ครับ วันนี้ เรา จะ",
        "hindi": "नमस्ते। यह एक लंबी कहानी है",
        "arabic": "مرحبا، هذه قصة طويلة جدا",
    }.items()
}


@st.composite
def speech(draw: st.DrawFn) -> list[Word]:
    """Words of one script, as fast or slow as people speak and faster, with pauses and two speakers."""
    texts = draw(st.sampled_from(list(TEXTS.values())))
    step = st.tuples(
        st.sampled_from(texts),
        st.sampled_from([0.0, 0.0, 0.1, 0.4]) | st.floats(0, 3),
        st.floats(0.02, 0.8),
        st.sampled_from(["Ann", "Ann", "Ann", "Bo", None]),
    )
    clock, words = 0.0, []
    for text, pause, duration, speaker in draw(st.lists(step, min_size=1, max_size=40)):
        start, clock = round(clock + pause, 4), round(clock + pause + duration, 4)
        words.append(Word(text, start, clock, speaker=speaker))
    return words


FILE_STEP_S = 1.5e-3
"""Starts and ends in a file are whole milliseconds, so a length in it is off by up to one, and rounding."""


def broken_in_file(cues: list[Cue], rules: CueRules, slack_s: float) -> set[tuple[int, str]]:
    """The rules that an SRT file breaks by more than `slack_s`, found by a reader of its own."""
    events = pysubs2.SSAFile.from_string(to_srt(cues), format_="srt").events
    broken = set()
    for number, event in enumerate(events, start=1):
        lines = cues[number - 1].lines
        seconds = (event.end - event.start) / 1000
        characters = width(join_words(lines)) / rules.char_cells
        if max(map(width, lines)) > rules.line_cells:
            broken.add((number, "line_length"))
        if len(lines) > rules.max_lines:
            broken.add((number, "lines"))
        if characters / (seconds + slack_s) > rules.max_cps + 1e-6:
            broken.add((number, "reading_speed"))
        if seconds + slack_s < rules.min_s - 1e-6:
            broken.add((number, "min_duration"))
        if seconds - slack_s > rules.max_s + 1e-6:
            broken.add((number, "max_duration"))
        if number < len(events) and (events[number].start - event.end) / 1000 + slack_s < rules.gap_s - 1e-9:
            broken.add((number, "gap"))
    return broken


@given(speech(), st.sampled_from(PRESETS), st.sampled_from(RATES), st.sampled_from([True, False]))
def test_captions_keep_every_rule_or_report_it(
    words: list[Word], preset: Preset, rate: Fraction, names: bool
) -> None:
    """Whatever a strict reader of the file objects to is in the report, and nothing else is."""
    rules = replace(caption_rules(words, preset, frame_rate=rate), names=names)
    cues = cut_cues(words, rules, media_end=words[-1].end + 1.0)
    found = [broken for broken in check_cues(cues, rules) if broken.rule != "line_break"]
    report = {(broken.cue, str(broken.rule)) for broken in found}

    assert broken_in_file(cues, rules, FILE_STEP_S) <= report
    assert report <= broken_in_file(cues, rules, -FILE_STEP_S)


@given(speech(), st.sampled_from(PRESETS))
def test_what_is_too_fast_or_too_short_has_no_room_to_stay(words: list[Word], preset: Preset) -> None:
    """A cue that breaks such a rule already stays until the next one, the end, or its longest time."""
    rules = caption_rules(words, preset)
    end = words[-1].end + 1.0
    cues = cut_cues(words, rules, media_end=end)
    for broken in check_cues(cues, rules):
        if broken.rule in {"reading_speed", "min_duration"}:
            limit = cues[broken.cue].start - rules.gap_s if broken.cue < len(cues) else end
            assert broken.end >= min(limit, broken.start + rules.max_s) - 1e-3


def test_a_cue_stays_longer_where_there_is_room() -> None:
    """Fast speech before a pause: 30 characters a second become 20."""
    words = [
        Word(text, 0.2 * n, 0.2 * n + 0.2) for n, text in enumerate(["nobody", "really", "wants", "this."])
    ]
    (cue,) = cut_cues(words, caption_rules(words))

    assert check_cues([cue], caption_rules(words)) == []
    assert cue.end == pytest.approx(24 / 20, abs=0.11)


def test_speech_that_nobody_can_read_is_reported() -> None:
    """The cue, the figure, the limit and the reason, ready for a user or a program."""
    words = [Word("incomprehensibilities", 0.0, 0.4), Word("Yes.", 0.4, 1.6, speaker="Ann")]
    rules = caption_rules(words)
    report = check_cues(cut_cues(words, rules), rules)

    assert [broken.to_json() for broken in report] == [
        {
            "cue": 1,
            "start": 0.0,
            "end": 0.4,
            "rule": "reading_speed",
            "value": 52.5,
            "limit": 20,
            "reason": "52.5 characters per second (at most 20): the next words follow at once",
        },
        {
            "cue": 1,
            "start": 0.0,
            "end": 0.4,
            "rule": "min_duration",
            "value": 0.4,
            "limit": 0.83,
            "reason": "0.40 s on the screen (at least 0.83): the next words follow at once",
        },
        {
            "cue": 1,
            "start": 0.0,
            "end": 0.4,
            "rule": "gap",
            "value": 0.0,
            "limit": 0.08,
            "reason": "0.000 s to the next (at least 0.080): the next words follow at once",
        },
    ]


def test_a_bad_end_of_a_line_is_reported() -> None:
    """As in a name that fits no line with what stands beside it."""
    cue = Cue(0.0, 5.0, ("This was written by John", "Smith."))
    (broken,) = check_cues([cue], CueRules())

    assert isinstance(broken, BrokenRule)
    assert (broken.rule, broken.reason) == (
        "line_break",
        "a line ends between “John” and “Smith.”: no better place fits",
    )


@pytest.mark.parametrize(
    ("script", "cells", "cps"),
    [
        ("latin", 42, 20),
        ("chinese", 32, 9),
        ("japanese", 26, 4),
        ("korean", 32, 12),
        ("thai", 35, 17),
        ("hindi", 42, 22),
        ("arabic", 42, 20),
    ],
)
def test_a_script_has_its_own_line_and_speed(script: str, cells: int, cps: float) -> None:
    """By most letters of the text; kana among Chinese characters make it Japanese."""
    rules = caption_rules([Word(text, 0, 1) for text in TEXTS[script]])

    assert (rules.line_cells, rules.max_cps) == (cells, cps)


def test_given_limits_win_over_those_of_the_preset() -> None:
    """Characters of a wide script count as such."""
    words = [Word("今天", 0, 1)]
    rules = caption_rules(words, max_chars=10, max_lines=3, max_cps=5)

    assert (rules.line_cells, rules.max_lines, rules.max_cps) == (20, 3, 5)
    assert caption_rules([], "netflix", audience="children").max_cps == 17
    assert caption_rules([], frame_rate=Fraction(24000, 1001)).gap_s == pytest.approx(0.084)


def test_three_lines_are_even() -> None:
    """Where a guide allows them, text that needs three lines has three of about one length."""
    words = [Word(text, n * 0.3, n * 0.3 + 0.3) for n, text in enumerate(("elephants " * 9).split())]
    (cue,) = cut_cues(words, replace(CueRules(), line_cells=30, max_lines=3))

    assert cue.lines == ("elephants elephants elephants",) * 3


def test_a_speakers_first_cue_begins_with_the_name() -> None:
    """Once for each turn, as part of the line that has to fit; a file of one unnamed voice has none."""
    said = [("Is it?", "Ann"), ("It is.", "Bo"), ("Really?", "Bo"), ("Good.", None)]
    words = [Word(text, 2.0 * n, 2.0 * n + 1.0, speaker=name) for n, (text, name) in enumerate(said)]
    named = cut_cues(words, CueRules(names=True))

    assert [cue.lines for cue in named] == [("Ann: Is it?",), ("Bo: It is.",), ("Really?",), ("Good.",)]
    assert [cue.lines for cue in cut_cues(words)] == [("Is it?",), ("It is.",), ("Really?",), ("Good.",)]
