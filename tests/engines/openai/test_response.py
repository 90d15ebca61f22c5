"""Answers in all shapes that servers are known to send, and in those that none should."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.engines.openai.models import UNKNOWN
from audio_tools.engines.openai.response import read_reply
from audio_tools.errors import BadEngineReply
from audio_tools.transcript import Reply, Segment, Word

SECONDS = 10.0


def read(answer: Any) -> Reply:
    return read_reply(json.dumps(answer), SECONDS, UNKNOWN)


def spoken(reply: Reply) -> list[tuple[str, float, float]]:
    return [(word.word, word.start, word.end) for word in reply.words]


HELLO_WORLD = [("Hello,", 1.0, 1.5), ("world", 2.0, 2.5)]
TIMES = [{"start": 1.0, "end": 1.5}, {"start": 2.0, "end": 2.5}]
NAMES = [{"word": " Hello,"}, {"word": " world"}]
LISTED = [name | times for name, times in zip(NAMES, TIMES, strict=True)]


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "Hello, world", "words": LISTED},
        {"text": "Hello, world", "words": [None, *LISTED, None, {"word": None, "start": 3, "end": 4}]},
        {"text": "Hello, world", "words": LISTED[::-1]},
        {"text": "Hello, world", "words": [{"text": "Hello,"} | TIMES[0], {"text": "world"} | TIMES[1]]},
        {"text": "Hello, world", "words": None, "segments": [{"text": " Hello, world", "words": LISTED}]},
        {"segments": [{"words": LISTED[:1]}, {"words": None}, None, {"words": LISTED[1:]}]},
        {"words": [{"word": "Hello,", "start": "1.0", "end": "1.5"}, {"word": "world"} | TIMES[1]]},
        {
            "segments": [
                {
                    "words": [
                        {"word": " Hel", "start": 1.0, "end": 1.2},
                        {"word": "lo", "start": 1.2, "end": 1.4},
                    ]
                },
                {"words": [{"word": ",", "start": 1.4, "end": 1.5}, LISTED[1]]},
            ]
        },
        {
            "text": "Hello, world",
            "segments": {
                "segments": [{"start": 1.0, "end": 2.5, "text": " Hello, world"}],
                "word_segments": LISTED,
            },
        },
        {
            "words": [
                {"word": "Hello,", "start": 1_000_000_000, "end": 1_500_000_000},
                {"word": "world", "start": 2_000_000_000, "end": 2_500_000_000},
            ]
        },
    ],
    ids=[
        "listed",
        "nulls",
        "unsorted",
        "text",
        "nested",
        "no text",
        "strings",
        "tokens",
        "wrapped",
        "nanoseconds",
    ],
)
def test_words_are_found_wherever_they_are(answer: Any) -> None:
    """Beside the text, in the segments, as tokens, as strings: the same two words at the same times."""
    reply = read(answer)

    assert spoken(reply) == HELLO_WORLD
    assert reply.text == "Hello, world"


def test_a_byte_order_mark_is_no_harm() -> None:
    """Some proxies put one before the JSON."""
    assert read_reply('\ufeff{"text": "hello"}', SECONDS, UNKNOWN).text == "hello"


def test_raw_control_characters_are_no_harm() -> None:
    """Servers that put JSON together by hand do not escape line breaks (SmartSub #427)."""
    assert read_reply('{"text": "hello\nworld\t"}', SECONDS, UNKNOWN).text.split() == ["hello", "world"]


def test_tokens_of_the_model_are_no_text() -> None:
    """SenseVoice and some Whisper servers leave them in."""
    text = "<|en|><|NEUTRAL|><|0.00|> Hello, <|2.00|>world<|endoftext|>"

    assert read({"text": text}).text == "Hello, world"
    assert read({"text": "a <b> | c |> d"}).text == "a <b> | c |> d"


@pytest.mark.parametrize("time", [float("nan"), float("inf"), "soon", [], {}, "1:2:x"])
def test_a_time_that_is_none_does_not_cost_the_text(time: object) -> None:
    """The reply has been paid for; the times of the other words are kept."""
    reply = read(
        {"text": "Hello, world", "words": [{"word": "Hello,", "start": time, "end": time}, LISTED[1]]}
    )

    assert reply.text == "Hello, world"
    assert [word.word for word in reply.words] == ["Hello,", "world"]
    assert (reply.words[1].start, reply.words[1].end) == (2.0, 2.5)


@pytest.mark.parametrize("times", [("00:00:01,000", "00:00:01,500"), ("0:01.0", "00:01.50")])
def test_times_as_in_subtitles_are_read(times: tuple[str, str]) -> None:
    """Hours, minutes and seconds, with a comma or a point."""
    word = {"word": "Hello,", "start": times[0], "end": times[1]}

    assert spoken(read({"text": "Hello,", "words": [word]})) == [("Hello,", 1.0, 1.5)]


def test_scripts_without_spaces_keep_their_words() -> None:
    """No space before a Chinese word does not make it a piece of the Chinese one before."""
    words = ["我", "买", " iPhone", " X", "了"]
    reply = read(
        {
            "text": "我买 iPhone X了",
            "words": [{"word": w, "start": i, "end": i + 1} for i, w in enumerate(words)],
        }
    )

    assert [word.word for word in reply.words] == ["我", "买", "iPhone", "X了"]


def test_missing_times_are_estimated_between_neighbours() -> None:
    """Aligners leave out numbers; these share what lies between the words around them, and say so."""
    hello, world = ({"word": name} | times for name, times in zip(["Hello,", "world"], TIMES, strict=True))
    reply = read({"text": "1 Hello, 3 world", "words": [{"word": "1"}, hello, {"word": "3"}, world]})

    assert [(word.word, word.start, word.end, word.timing) for word in reply.words] == [
        ("1", 0.0, 1.0, "estimated"),
        ("Hello,", 1.0, 1.5, "engine"),
        ("3", 1.5, 2.0, "estimated"),
        ("world", 2.0, 2.5, "engine"),
    ]


@pytest.mark.parametrize("space", ["", " "])
def test_a_segment_that_lists_no_words_has_those_of_its_text(space: str) -> None:
    """whisperX lists none where it could not align: they share the segment's times by their letters."""
    listed = [{"word": f"{space}{name}"} | times for name, times in zip("ab", TIMES, strict=True)]
    segments = [
        {"text": "a b", "start": 1.0, "end": 2.5, "words": listed},
        {"text": "yes no", "start": 4.0, "end": 5.0, "words": []},
        {"text": "c", "start": 8.0, "end": 9.0, "words": [{"word": f"{space}c", "start": 8.0, "end": 9.0}]},
    ]
    reply = read({"segments": segments})

    assert spoken(reply)[2:] == [("yes", 4.0, 4.6), ("no", 4.6, 5.0), ("c", 8.0, 9.0)]
    assert [word.timing for word in reply.words] == [*["engine"] * 2, *["estimated"] * 2, "engine"]


def test_words_without_any_times_are_no_words() -> None:
    """Then the text is spread over the speech, as for every model that gives text alone."""
    reply = read({"text": "Hello, world", "words": NAMES})

    assert (reply.text, reply.words) == ("Hello, world", ())


def test_segments_of_which_one_has_no_times_are_no_segments() -> None:
    """They would hold only part of what was said."""
    reply = read({"segments": [{"text": "Hello,", "start": 1.0, "end": 1.5}, {"text": "world"}]})

    assert (reply.text, reply.segments) == ("Hello, world", ())


@pytest.mark.parametrize(("name", "value"), [("probability", 0.5), ("confidence", 0.5), ("score", 0.5)])
def test_confidence_has_many_names(name: str, value: float) -> None:
    """Of tokens the least sure one counts; anything but a number is none."""
    tokens = [{"word": " Hel", name: 0.9} | TIMES[0], {"word": "lo", name: value} | TIMES[0], LISTED[1]]
    reply = read({"words": tokens})

    assert [word.confidence for word in reply.words] == [0.5, None]
    assert read({"words": [LISTED[0] | {name: "high"}]}).words[0].confidence is None
    assert read({"words": [LISTED[0] | {name: 7}]}).words[0].confidence == 1.0


def test_speakers_come_from_the_segment_unless_the_word_names_its_own() -> None:
    """Whether words are listed inside or beside the segments."""
    segments = [
        {"text": "Hello,", "start": 1.0, "end": 1.6, "speaker": "A"},
        {"text": "world", "start": 2.0, "end": 2.5, "speaker": "B"},
    ]
    beside = read({"text": "Hello, world", "words": LISTED, "segments": segments})
    inside = read(
        {"segments": [each | {"words": [word]} for each, word in zip(segments, LISTED, strict=True)]}
    )
    own = read({"words": [word | {"speaker": "Ann"} for word in LISTED], "segments": segments})

    assert [word.speaker for word in beside.words] == ["A", "B"]
    assert [word.speaker for word in inside.words] == ["A", "B"]
    assert [word.speaker for word in own.words] == ["Ann", "Ann"]
    assert [segment.speaker for segment in beside.segments] == ["A", "B"]


def test_words_inside_a_segment_are_its_speakers_even_where_another_cuts_in() -> None:
    """Two people talk at once: the segment that lists a word knows better than the clock."""
    ann = [{"word": "well", "start": 1.0, "end": 1.5}, {"word": "anyway", "start": 2.6, "end": 3.0}]
    reply = read(
        {
            "segments": [
                {"text": "well anyway", "start": 1.0, "end": 3.0, "speaker": "A", "words": ann},
                {
                    "text": "no",
                    "start": 2.0,
                    "end": 2.4,
                    "speaker": "B",
                    "words": [{"word": "no"} | TIMES[1]],
                },
            ]
        }
    )

    assert [(word.word, word.speaker) for word in reply.words] == [
        ("well", "A"),
        ("no", "B"),
        ("anyway", "A"),
    ]


def test_languages_are_named_or_listed() -> None:
    """gpt-transcribe lists what it heard and lists nothing where it is unsure."""
    assert read({"text": "", "languages": [{"code": "de"}, {"code": "en"}]}).language == "de"
    assert read({"text": "", "languages": [], "language": None}).language is None
    assert read({"text": "", "language": "German"}).language == "de"


def json_values(*keys: str) -> st.SearchStrategy[Any]:
    plain = (
        st.none()
        | st.booleans()
        | st.integers(-(10**400), 10**400)
        | st.floats()
        | st.sampled_from(["", " a", "b", ",", "1.5", "nan", "A"])
        | st.text(max_size=6)
        | st.floats(-1, 12)
    )
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(keys), inner, max_size=7),
        max_leaves=30,
    )


TIME = st.none() | st.floats(-5, 40) | st.floats(0, 10).map(str) | st.integers(0, 10**11)
WORD = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "word": st.none() | st.text(max_size=5) | st.sampled_from([" a", "b", " c,"]),
        "text": st.text(max_size=5),
        "start": TIME,
        "end": TIME,
        "probability": st.none() | st.floats(),
        "speaker": st.none() | st.text(max_size=3),
    },
)
SEGMENT = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "start": TIME,
        "end": TIME,
        "text": st.none() | st.text(max_size=8),
        "words": st.none() | st.lists(WORD, max_size=5),
        "speaker": st.none() | st.sampled_from(["A", "B"]),
        "avg_logprob": st.floats() | st.none(),
    },
)
ANSWERS = json_values(
    "text", "words", "segments", "start", "end", "word", "language", "languages", "usage", "speaker"
) | st.fixed_dictionaries(
    {},
    optional={
        "text": st.none() | st.text(max_size=20),
        "words": st.none() | st.lists(WORD, max_size=8),
        "segments": st.none() | st.lists(SEGMENT, max_size=5),
        "usage": json_values("type", "seconds"),
    },
)


@pytest.mark.slow
@given(ANSWERS, st.floats(0.5, 400))
def test_no_json_does_harm(answer: Any, seconds: float) -> None:
    """Any JSON is a transcription or a bad reply; words and segments are in order and in the chunk."""
    try:
        reply = read_reply(json.dumps(answer), seconds, UNKNOWN)
    except BadEngineReply:
        return

    groups: list[Sequence[Word | Segment]] = [reply.words, reply.segments]
    for items in groups:
        assert all(0 <= item.start < item.end <= seconds for item in items)
        assert all(a.start <= b.start for a, b in pairwise(items))
    assert all(word.word == word.word.strip() != "" for word in reply.words)
    assert all(word.confidence is None or 0 <= word.confidence <= 1 for word in reply.words)
    assert Reply.from_json(json.loads(json.dumps(reply.to_json()))).text == reply.text


@given(st.text(max_size=30) | st.sampled_from(["[" * 100_000, "1" * 5_000, '{"text": 1e999}']))
def test_no_text_does_harm(body: str) -> None:
    """What is no JSON, or too deep, or too long a number, is a bad reply."""
    with pytest.raises(BadEngineReply):
        read_reply(body, SECONDS, UNKNOWN)


@pytest.mark.parametrize("listed", [{}, {"words": None, "segments": None}])
def test_a_text_that_is_null_is_empty(listed: dict[str, None]) -> None:
    """What some servers return for silence; without the field it is no transcription."""
    assert read({"text": None} | listed).text == ""
    with pytest.raises(BadEngineReply):
        read({"duration": 1.0} | listed)


def test_half_a_character_is_replaced() -> None:
    """JSON may escape a lone surrogate, which no file can hold: it must not cost the chunk."""
    half, whole = "\ud83d", "\U0001f600"
    word = {"word": f"a{half}", "start": 1, "end": 2, "speaker": half}
    reply = read(
        {"text": f"a{half} {whole}", "language": half, "words": [word], "segments": [word | {"text": half}]}
    )

    assert (reply.text, reply.words[0].word) == (f"a\ufffd {whole}",) * 2
    assert json.dumps(reply.to_json(), ensure_ascii=False).encode().count("\ufffd".encode()) == 6


def test_a_figure_beyond_all_floats_counts_as_none() -> None:
    """JSON has integers of any size; one that says nothing must not cost the words."""
    reply = read({"text": "a", "words": [{"word": "a", "start": 1, "end": 2, "probability": 10**400}]})

    assert (spoken(reply), reply.words[0].confidence) == ([("a", 1.0, 2.0)], None)


@given(st.lists(st.integers(0, 99).map(lambda tenths: tenths / 10), min_size=1, max_size=20, unique=True))
def test_good_times_stay_as_they_are(starts: list[float]) -> None:
    """Times within the chunk that leave each word its room are kept."""
    starts.sort()
    words = [
        {"word": f"w{number}", "start": start, "end": start + 0.05} for number, start in enumerate(starts)
    ]
    reply = read({"text": "", "words": words})

    assert reply.words == tuple(
        Word(f"w{number}", start, start + 0.05) for number, start in enumerate(starts)
    )
