"""
Each format as a file that a person can import, for `sample/sample.mp4`: a change of any is seen in review.

`python -m tests.exports.test_golden` writes them anew; copy them next to the sample to import them.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.cut_plan import plan_cuts
from audio_tools.exports.export import Export
from audio_tools.exports.export_options import ExportOptions
from audio_tools.exports.registry import FORMATS, render
from audio_tools.exports.source import media_reference
from audio_tools.transcript import AudioStream, Interval, MediaInfo, Transcript
from audio_tools.words.timing import spread

GOLDEN = Path(__file__).parent / "golden"
TRUTH = Path(__file__).parents[2] / "sample" / "sample.truth.json"
NAME = "sample.mp4"
ENTRIES = sorted(set(FORMATS) - {"json"})


def sample_export() -> Export:
    """The sample's true sentences, cut by the default plan with one word marked."""
    truth = json.loads(TRUTH.read_text())
    words = [
        word
        for sentence in truth["sentences"]
        for word in spread(sentence["text"], [Interval(sentence["start"], sentence["end"])])
    ]
    silences = tuple(Interval(silence["start"], silence["end"]) for silence in truth["silences"])
    transcript = Transcript(
        words=tuple(words),
        segments=(),
        silences=silences,
        duration=truth["duration"],
        total_chunks=1,
        success_rate=100.0,
        text=truth["text"],
        language="en",
        engine="none",
        model="none",
        media=MediaInfo(
            container="mov,mp4,m4a,3gp,3g2,mj2",
            duration=truth["duration"],
            audio_streams=(AudioStream(0, 1, "aac", 48_000, 1, 0.928),),
            frame_rate=Fraction(truth["frameRate"]),
            width=640,
            height=360,
        ),
    )
    options = CutOptions(fillers="mark", filler_words=["even so"])
    plan = plan_cuts(transcript, media_reference(transcript, NAME), options)
    return Export(transcript, NAME, plan, ExportOptions())


@pytest.mark.parametrize("name", ENTRIES)
def test_the_file_is_the_golden_one(name: str) -> None:
    """Byte for byte."""
    (document,) = render(name, sample_export())

    assert document.data == (GOLDEN / f"sample{document.suffix}").read_bytes()


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for entry in ENTRIES:
        for part in render(entry, sample_export()):
            (GOLDEN / f"sample{part.suffix}").write_bytes(part.data)
