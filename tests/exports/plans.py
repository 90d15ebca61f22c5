"""Transcripts and options for tests of cut plans."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.cut_plan import CutPlan, plan_cuts
from audio_tools.exports.source import media_reference
from audio_tools.transcript import Interval, Transcript, Word
from tests.exports.material import transcript_of

TALK = transcript_of(
    Word("Hello", 1.0, 1.4),
    Word("um", 1.5, 1.8),
    Word("world.", 1.9, 2.4),
    Word("Again.", 6.0, 6.5),
    silences=(Interval(0.0, 1.0), Interval(2.4, 6.0), Interval(6.5, 10.0)),
)


def plan_of(transcript: Transcript, **given: Any) -> CutPlan:
    """A plan by options as a client sends them."""
    options, unknown = CutOptions.parse(given)
    assert unknown == []
    media = media_reference(
        transcript, "talk.mov", frame_rate=options.frame_rate, start_timecode=options.start_timecode
    )
    return plan_cuts(transcript, media, options)


def kept_seconds(plan: CutPlan) -> list[tuple[float, float]]:
    timebase = plan.media.timebase
    return [(round(timebase.seconds(start), 4), round(timebase.seconds(end), 4)) for start, end in plan.keep]


ranges = st.tuples(st.integers(0, 40_000), st.integers(1, 20_000)).map(
    lambda pair: {"start": pair[0] / 1000, "end": (pair[0] + pair[1]) / 1000}
)


option_sets = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from(["tight", "balanced", "loose"]),
        "minSilence": st.floats(0.1, 3),
        "padBefore": st.floats(0, 1),
        "padAfter": st.floats(0, 1),
        "minClip": st.floats(0, 2),
        "mergeGap": st.floats(0, 1),
        "maxKeptPause": st.floats(0, 2),
        "mode": st.sampled_from(["remove", "mark", "mute", "speed"]),
        "speedFactor": st.floats(1.1, 20),
        "silences": st.sampled_from(["keep", "mark", "remove"]),
        "fillers": st.sampled_from(["keep", "mark", "remove"]),
        "retakes": st.sampled_from(["keep", "mark", "remove"]),
        "profanity": st.sampled_from(["keep", "mark", "remove"]),
        "keep": st.lists(ranges, max_size=3),
        "cut": st.lists(ranges, max_size=3),
        "frameRate": st.sampled_from(["25", "29.97", "24000/1001", 50, 59.94]),
    },
)


BASE = {"num": 25, "den": 1, "startTimecode": "00:00:00:00"}


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["start", "end", "startFrame", "endFrame", "num", "den"]), inner)
    ),
    max_leaves=6,
)
