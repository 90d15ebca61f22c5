"""Answers that came out wrong once; where the shared cases are absent, replicas of the same shapes remain."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from audio_tools.alignment.pocketsphinx.aligner import SphinxAligner, is_installed
from tests.pipeline.answering import Outcome, answer_about, body_of, make_sound

CASES = Path(os.environ.get("AUDIO_TOOLS_CASES", Path(__file__).parents[3] / "shared" / "cases" / "replies"))
SECONDS = 12.0
TALK = (0.2, 8.0)


def case(name: str) -> dict[str, Any]:
    """A shared case, read in place."""
    path = CASES / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"the shared cases are absent: {CASES} (AUDIO_TOOLS_CASES names another folder)")
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


async def outcome(
    reply: dict[str, Any], folder: Path, seconds: float = SECONDS, *speech: tuple[float, float]
) -> Outcome:
    sound = make_sound(folder / "take.wav", seconds, *(speech or (TALK,)))
    return await answer_about(sound, body_of(reply), folder / "store")


@pytest_asyncio.fixture
async def aligner() -> AsyncIterator[SphinxAligner]:
    if not is_installed():
        pytest.skip("the aligner (extra [align]) is not installed")
    aligner = SphinxAligner()
    yield aligner
    await aligner.close()


async def test_characters_split_over_tokens_are_clean(tmp_path: Path) -> None:
    """The text has the characters; none is replaced anywhere."""
    came = await outcome(case("cpp_utf8"), tmp_path)

    assert came.transcript.text == "今日は雨です"
    assert "".join(came.words) == "今日は雨です"
    assert "\ufffd" not in json.dumps(came.transcript.to_json(), ensure_ascii=False) + came.srt


async def test_tags_are_neither_words_nor_cues(tmp_path: Path) -> None:
    """They are reported instead."""
    came = await outcome(case("cpp_tags"), tmp_path)

    assert came.words == ["And", "so", "my", "fellow", "Americans,"]
    assert not any(mark in came.srt for mark in "[(♪")
    assert any("[BLANK_AUDIO]" in w and "(applause)" in w and "♪" in w for w in came.transcript.warnings)


async def test_hyphens_and_full_stops_are_those_of_the_text(tmp_path: Path) -> None:
    """Two sentences are two subtitles."""
    came = await outcome(case("w1_hyphen2"), tmp_path)

    assert came.words == ["The", "plan", "is", "real-time.", "Then", "we", "rest."]
    assert came.cues == [["The plan is real-time."], ["Then we rest."]]


async def test_two_tokens_are_one_word(tmp_path: Path) -> None:
    """Tokens of a single word have a space only before the first."""
    assert (await outcome(case("short_tokens"), tmp_path, 1.3, (0.1, 1.0))).words == ["Like-minded."]


@pytest.mark.parametrize("name", ["zh_json", "zh_segs"])
async def test_chinese_without_words_comes_once_in_short_lines(name: str, tmp_path: Path) -> None:
    """Every stretch of speech has its words, and nothing is paid twice."""
    speech = [(0.2, 7.0), (7.5, 15.0), (15.6, 23.5)]
    came = await outcome(case(name), tmp_path, 24.0, *speech)

    assert came.transcript.text.count("公园散步") == came.srt.replace("\n", "").count("公园散步") == 1
    assert "".join(came.words) == came.transcript.text
    for start, end in speech:
        assert any(start <= word.middle <= end for word in came.transcript.words)
    assert all(2 * len(line) <= 42 for lines in came.cues for line in lines)
    assert len(came.asked_s) == 1
    assert came.transcript.gaps == ()


THAI = "สวัสดีครับ วันนี้อากาศดีมาก ราคา 1,250 บาท"
CHINESE = "今天是2026年12月1日，我们去“北京”吧！好吗？API很快……对。"


@pytest.mark.parametrize("text", [THAI, CHINESE])
@pytest.mark.parametrize("with_segments", [False, True], ids=["text", "segments"])
async def test_the_spaces_of_a_text_are_kept(text: str, with_segments: bool, tmp_path: Path) -> None:
    """None is added at numbers, and those between Thai phrases stay; captions of Chinese have none either."""
    first, last = text.rsplit(" ", 1) if " " in text else (text[:15], text[15:])
    segments = [{"start": 0.2, "end": 4.0, "text": first}, {"start": 4.0, "end": 8.0, "text": last}]
    came = await outcome(
        {"body": {"text": text} | ({"segments": segments} if with_segments else {})}, tmp_path
    )

    assert came.transcript.text == text
    assert text == THAI or "".join(line for lines in came.cues for line in lines) == text


async def test_segments_end_at_the_marks_of_their_script(tmp_path: Path) -> None:
    """Urdu has a full stop of its own."""
    segments = (await outcome(case("urdu"), tmp_path)).transcript.segments

    assert len(segments) == 3
    assert all(segment.text.endswith("۔") for segment in segments)


async def test_titles_and_initials_end_no_segment(tmp_path: Path) -> None:
    """Nor does a question mark inside a sentence."""
    came = await outcome(case("titles"), tmp_path)

    assert [segment.text for segment in came.transcript.segments] == [
        "Dr. Smith met Mr. J. Jones at 5 p.m. in the U.S. today.",
        'He asked "Why?" and left.',
    ]


async def test_a_word_heard_too_early_stands_at_the_start_of_the_speech(tmp_path: Path) -> None:
    """It belongs to the sentence that follows; silence before it is silence."""
    came = await outcome(case("first_early"), tmp_path, 17.66, (10.0, 17.5))

    assert came.words[:2] == ["unless", "a"]
    assert came.transcript.words[0].start == pytest.approx(10.0, abs=0.05)
    assert came.transcript.silences[0].end == pytest.approx(10.0, abs=0.05)


async def test_words_of_no_length_get_room(tmp_path: Path) -> None:
    """None is dropped, none is a flash."""
    came = await outcome(case("zero_words"), tmp_path, 17.66, (10.0, 17.5))

    assert " ".join(came.words) == case("zero_words")["body"]["text"]
    assert all(word.end - word.start >= 0.0399 for word in came.transcript.words)


async def test_a_loop_is_reported_and_kept_out_of_the_subtitles(tmp_path: Path) -> None:
    """One phrase sixty times, with its time."""
    came = await outcome(case("loop"), tmp_path, 11.0, (0.1, 10.9))

    assert came.words == []
    assert came.cues == []
    assert any("Thank you." in warning and "60 times" in warning for warning in came.transcript.warnings)


@pytest.mark.parametrize(
    ("name", "reach_s"), [("jfk_shift-0.3", 0.12), ("lang_region", 0.12), ("lang_en", 0.12)]
)
async def test_words_of_a_real_recording_are_aligned_in_the_order_of_the_text(
    name: str, reach_s: float, aligner: SphinxAligner, speech: Path, tmp_path: Path
) -> None:
    """Times that are all too early change no order; a language with a region is that language."""
    reply, true = case(name), json.loads((CASES / "jfk_true_words.json").read_text())
    came = await answer_about(speech / "jfk.flac", body_of(reply), tmp_path, aligner)

    assert " ".join(came.words) == reply["body"]["text"]
    assert came.transcript.language == "en"
    off = [abs(word.start - told["start"]) for word, told in zip(came.transcript.words, true, strict=True)]
    assert sorted(off)[round(0.9 * len(off))] <= reach_s
    assert sum(word.timing == "aligned" for word in came.transcript.words) >= 0.9 * len(off)


async def test_replicas_of_the_same_shapes_come_out_right(tmp_path: Path) -> None:
    """Tokens, tags, a time that contradicts the order and words of no length in one answer."""
    tokens = [(" So", 1.0, 1.3), (" far", 1.3, 1.6), ("-", 1.6, 1.6), ("off", 1.6, 2.0), (",", 2.0, 2.0)]
    tokens += [(" [", 2.0, 2.1), ("NOISE", 2.1, 2.2), ("]", 2.2, 2.3), (" it", 7.9, 8.0)]
    tokens += [(" is", 3.0, 3.0), (" late", 3.0, 3.0), (".", 3.0, 3.0), (" Home", 5.0, 5.5), ("!", 5.5, 5.5)]
    words = [{"word": text, "start": start, "end": end} for text, start, end in tokens]
    text = "So far-off, [NOISE] it is late. Home!"
    came = await outcome({"body": {"text": text, "words": words}}, tmp_path)

    assert came.words == ["So", "far-off,", "it", "is", "late.", "Home!"]
    assert [word.start for word in came.transcript.words] == sorted(w.start for w in came.transcript.words)
    assert " ".join(line for lines in came.cues for line in lines) == "So far-off, it is late. Home!"
    assert any("[NOISE]" in warning for warning in came.transcript.warnings)


async def test_words_on_tones_are_reported_instead_of_delivered(tmp_path: Path) -> None:
    """Where the engine takes silence for likelier and no voice is heard, the engine is not asked again."""
    segment = {"id": 0, "start": 0.5, "end": 9.0, "text": " I'm sorry.", "avg_logprob": -0.9}
    body = {
        "text": "I'm sorry.",
        "words": [{"word": "I'm", "start": 0.5, "end": 1.0}, {"word": "sorry", "start": 1.0, "end": 1.4}],
        "segments": [{**segment, "no_speech_prob": 0.92, "compression_ratio": 1.0}],
    }

    came = await outcome({"body": body}, tmp_path)

    assert came.words == []
    assert not came.cues
    assert len(came.asked_s) == 1
    assert came.transcript.gaps == ()
    assert any("“I'm sorry.”" in warning for warning in came.transcript.warnings)


async def test_sound_without_words_is_reported(tmp_path: Path) -> None:
    """An empty transcript of a recording with sound states that nothing was found in it."""
    recording = make_sound(tmp_path / "beeps.wav", 4.0, (1.0, 1.1), (2.0, 2.1))
    outcome = await answer_about(recording, body_of({"body": {"text": ""}}), tmp_path / "store")

    assert outcome.transcript.warnings == ("The audio contains sound, but no words were found in it.",)


async def test_words_that_end_too_early_before_a_pause_end_with_their_sound(tmp_path: Path) -> None:
    """Engines end such words up to 0.3 s early, aligned or not; the silences stay where they are."""
    reply = {
        "text": "Then scratch. Now stop",
        "words": [
            {"word": "Then", "start": 0.5, "end": 0.8},
            {"word": "scratch.", "start": 0.8, "end": 1.1},
            {"word": "Now", "start": 5.0, "end": 5.3},
            {"word": "stop", "start": 5.3, "end": 5.5},
        ],
    }

    came = await outcome({"body": reply}, tmp_path, 9.0, (0.5, 1.35), (5.0, 5.7))

    ends = [word.end for word in came.transcript.words]
    assert ends == pytest.approx([0.8, 1.35, 5.3, 5.7], abs=0.03)
    assert [word.timing for word in came.transcript.words] == ["engine"] * 4
    assert [(round(s.start, 1), round(s.end, 1)) for s in came.transcript.silences] == [
        (1.4, 5.0),
        (5.7, 9.0),
    ]
