"""A cut, rendered: FFmpeg plays the kept ranges of a plan, and what is heard is what should have stayed."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from audio_tools.exports.cut_options import CutOptions, RangeOption
from audio_tools.exports.cut_plan import CutPlan, plan_cuts
from audio_tools.exports.source import media_reference
from audio_tools.transcript import Interval, Word
from tests.exports.material import RATES, film, transcript_of
from tests.simulator.ears import listen
from tests.simulator.media import ffmpeg, render
from tests.simulator.script import Script, talk
from tests.simulator.tones import Samples

LATE_S = 0.95
"""The sound of every recording here begins so late, in seconds."""


def rendered(media: Path, plan: CutPlan) -> Samples:
    """The sound of the kept ranges one after the other, 16 kHz mono."""
    timebase = plan.media.timebase
    ranges = [(timebase.seconds(start), timebase.seconds(end)) for start, end in plan.keep]
    # The late start of the sound becomes silence, as in an editing program.
    source = f"[0:a]aresample=16000:async=1:first_pts=0,asplit={len(ranges)}"
    names = [f"[s{number}]" for number in range(len(ranges))]
    cuts = [
        f"{name}atrim={start:.6f}:{end:.6f},asetpts=PTS-STARTPTS{name.replace('s', 'c')}"
        for name, (start, end) in zip(names, ranges, strict=True)
    ]
    joined = "".join(name.replace("s", "c") for name in names) + f"concat=n={len(ranges)}:v=0:a=1[out]"
    graph = ";".join([source + "".join(names), *cuts, joined])
    command = [ffmpeg(), "-nostdin", "-v", "error", "-i", str(media), "-filter_complex", graph]
    command += ["-map", "[out]", "-ac", "1", "-f", "s16le", "-"]
    pcm = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.int16)
    return pcm.astype(np.float32) / np.float32(32768)


@pytest.fixture(scope="module")
def script() -> Script:
    return talk(45.0, seed=31, lead_in=LATE_S + 0.4)


@pytest.fixture(scope="module")
def media(script: Script, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(script, tmp_path_factory.mktemp("cut") / "late.mkv", audio_start=LATE_S)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_kept_words_are_whole_and_cut_ones_gone(rate: Fraction, script: Script, media: Path) -> None:
    """At each frame rate: silences are cut tightly, and every fifth word by hand."""
    words = tuple(Word(word.text, word.start, word.end) for word in script.words)
    pauses = tuple(Interval(pause.start, pause.end) for pause in script.silences(0.3))
    transcript = transcript_of(*words, silences=pauses, duration=script.seconds, media=film(rate))
    gone = range(0, len(words), 5)
    options = CutOptions(
        preset="tight", cut=[RangeOption(first_word=index, last_word=index) for index in gone]
    )
    plan = plan_cuts(transcript, media_reference(transcript, media.name), options)
    heard = [word.number for word in listen(rendered(media, plan)) if word.number is not None]

    assert len(gone) > 5
    assert heard == [word.number for index, word in enumerate(script.words) if index not in gone]
