"""Plans of what is said when."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.script import Pause, Script, Spoken, talk, talk_without_pauses
from tests.simulator.tones import MAX_NUMBER

seeds = st.integers(0, 1 << 32)


@given(st.floats(0, 300), seeds)
def test_words_follow_each_other_inside_the_recording(seconds: float, seed: int) -> None:
    """Words never touch, never leave the recording, and no number comes twice."""
    script = talk(seconds, seed)
    starts = [word.start for word in script.words]
    ends = [word.end for word in script.words]

    assert all(later - earlier >= 0.049 for earlier, later in zip(ends, starts[1:], strict=False))
    assert all(start > 0 and end < seconds for start, end in zip(starts, ends, strict=True))
    assert len({word.number for word in script.words}) == len(script.words)


@given(st.floats(1, 300), seeds)
def test_silences_and_words_share_the_recording(seconds: float, seed: int) -> None:
    """All stretches without a word and all words together are the recording, nothing twice."""
    script = talk(seconds, seed)
    spoken = sum(word.end - word.start for word in script.words)

    assert pytest.approx(seconds) == spoken + sum(end - start for start, end in script.silences(0))


def test_pauses_are_those_asked_for() -> None:
    """Gaps between words are pauses of the given length or at most 0.22 s."""
    script = talk(600, pauses=(2.0, 3.0))
    silences = script.silences(0.23)[1:-1]

    assert len(silences) > 40
    assert all(1.99 < end - start < 3.01 for start, end in silences)


def test_talk_without_pauses_has_none() -> None:
    """From the first word to the last no gap reaches 0.1 s."""
    script = talk_without_pauses(600)

    assert script.silences(0.1)[:-1] == []
    assert script.words[-1].end > 599


def test_levels_swing_in_groups_of_twenty() -> None:
    """A swinging talk is level for twenty words, then at another level within the swing."""
    levels = [word.level_dbfs for word in talk(120, level_dbfs=-20, swing_db=12).words]

    assert len(set(levels[:20])) == 1
    assert levels[19] != levels[20]
    assert all(-32 <= level <= -8 for level in levels)


def test_a_seed_is_a_talk() -> None:
    """The same seed plans the same talk, another seed another one."""
    assert talk(60, 1) == talk(60, 1) != talk(60, 2)


def test_ten_hours_have_numbers_enough() -> None:
    """The longest talk that we test with stays within the numbers that a word can carry."""
    words = talk(36_000).words

    assert len(words) > 45_000 and words[-1].number <= MAX_NUMBER


def test_a_script_survives_json() -> None:
    """A script can be handed to another process."""
    script = talk(30, swing_db=3)

    assert script == Script.from_json(json.loads(json.dumps(script.to_json())))


def test_text_and_silences_of_a_small_script() -> None:
    """A script by hand gives what one reads off it."""
    script = Script(3.0, (Spoken(1, 0.5, 0.72), Spoken(2, 0.8, 1.02)))

    assert script.text == "w00001 w00002"
    assert [Pause(0.0, 0.5), Pause(1.02, 3.0)] == script.silences()
